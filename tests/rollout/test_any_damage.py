"""Properties of every damaged rollout: the rest is read, what is not read is counted, a repair loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rollout.doctor import examine
from rollout.events import UserMessage
from rollout.findings import REPAIRABLE
from rollout.lines import Entry, decode_line, foreign
from rollout.reader import Rollout, RolloutEmpty, RolloutWithoutMeta, raw_lines, read
from rollout.repair import RepairRefused, repair
from tests.rollout.test_any_rollout import ENTRIES, META, recorded

Damage = Callable[[bytes], bytes]

PLACES = st.floats(0, 1)


def _at(content: bytes, place: float) -> int:
    return min(len(content) - 1, int(place * len(content)))


def _flipped(place: float, bits: int) -> Damage:
    def damage(content: bytes) -> bytes:
        at = _at(content, place)
        return content[:at] + bytes([content[at] ^ bits]) + content[at + 1 :]

    return damage


def _put(place: float, junk: bytes, instead_of: int) -> Damage:
    """Junk in place of some bytes: a hole, a line from elsewhere, zeros."""

    def damage(content: bytes) -> bytes:
        at = _at(content, place)
        return content[:at] + junk + content[at + instead_of :]

    return damage


def _glued(place: float) -> Damage:
    def damage(content: bytes) -> bytes:
        at = content.find(b"\n", _at(content, place))
        return content[:at] + content[at + 1 :]

    return damage


def _cut(place: float) -> Damage:
    return lambda content: content[: _at(content, place) + 1]


FLIPS = st.builds(_flipped, PLACES, st.integers(1, 255))
JUNK = st.sampled_from([b"", b"\0" * 40, b"\n", b"{}", b"}", b'{"timestamp":"', b"\xff", b" \n{\n"])
DAMAGES = st.one_of(
    FLIPS, st.builds(_glued, PLACES), st.builds(_cut, PLACES), st.builds(_put, PLACES, JUNK, st.integers(0, 80))
)


def entries_of(path: Path) -> list[Entry]:
    """What is read of a file; nothing of one that is refused."""
    try:
        return read(path).entries
    except (RolloutEmpty, RolloutWithoutMeta):
        return []


def told(rollout: Rollout) -> int:
    """The lines that a reading accounts for."""
    return len(rollout.entries) + rollout.skipped + rollout.torn


@settings(deadline=None)
@given(ENTRIES, PLACES, st.integers(1, 255))
def test_a_flipped_byte_costs_the_lines_it_is_in_and_no_other(entries: list[Entry], place: float, bits: int) -> None:
    with TemporaryDirectory() as folder:
        path = recorded(folder, [META, *entries])  # a second meta, for when the first one is hit
        whole, content = read(path).entries, path.read_bytes()
        damaged = _flipped(place, bits)(content)
        path.write_bytes(damaged)
        try:
            rollout = read(path)
        except RolloutWithoutMeta:
            assert damaged.count(b"\n") <= 1  # it held nothing but the two metas, and they are one line now
            return
        before = damaged[: _at(content, place)].count(b"\n")
        hit = 1 + (content[_at(content, place)] == ord("\n"))
    assert rollout.entries[:before] == whole[:before]
    after = whole[before + hit :]
    assert rollout.entries[len(rollout.entries) - len(after) :] == after
    assert told(rollout) == sum(not line.isspace() and bool(line) for line in damaged.split(b"\n"))


def _misspelled(content: bytes) -> bytes:
    """One flipped bit, and an event is of no kind at all."""
    return content.replace(b'"payload":{"type":', b'"payload":{"uype":', 1)


@settings(deadline=None)
@given(ENTRIES, st.lists(DAMAGES, min_size=1, max_size=4))
@example([META, UserMessage(message="one")], [_misspelled])
def test_what_is_not_read_is_reported_and_a_repair_keeps_all_that_is(
    entries: list[Entry], damages: list[Damage]
) -> None:
    with TemporaryDirectory() as folder:
        path = recorded(folder, entries)
        for damage in damages:
            path.write_bytes(damage(path.read_bytes()) or b"\n")
        readable = entries_of(path)
        report = examine(raw_lines(path), path)
        if readable and any(is_damaged(raw) for raw in path.read_bytes().split(b"\n")):
            assert not report.is_healthy
        try:
            done = repair(path)
        except RepairRefused:
            assert not readable
            return
        assert (done is not None) == report.is_repairable
        assert is_within(readable, entries_of(path))
        again = examine(raw_lines(path), path)
        assert REPAIRABLE.isdisjoint(again.counts)
        assert [replace(turn, line=0) for turn in again.turns] == [replace(turn, line=0) for turn in report.turns]
        assert again.total == report.total
        content = path.read_bytes()
        assert repair(path) is None
        assert path.read_bytes() == content


def is_damaged(raw: bytes) -> bool:
    """Whether nobody can read a line: neither is it blank nor only of a kind that we do not know."""
    return bool(raw.strip()) and decode_line(raw) is None and foreign(raw) is None


def is_within(some: list[Entry], others: list[Entry]) -> bool:
    """Whether all of these are among the others, in their order."""
    rest = iter(others)
    return all(any(each == other for other in rest) for each in some)


@settings(deadline=None)
@given(ENTRIES, PLACES)
def test_glued_lines_are_lost_to_a_reader_until_they_are_repaired(entries: list[Entry], place: float) -> None:
    with TemporaryDirectory() as folder:
        path = recorded(folder, entries)
        whole = read(path).entries
        path.write_bytes(_glued(place)(path.read_bytes()))
        repair(path)
        assert read(path).entries == whole
