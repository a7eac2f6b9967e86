"""The index file: when it is used, when it is made anew, and that no answer depends on it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rollout import contents, events, indexed
from rollout.catalog import Catalog, IndexInUse, Query
from rollout.latest import Latest
from rollout.paths import Home
from tests.support import rollouts
from tests.support.file_catalog import FileCatalog
from tests.support.rollouts import RolloutBuilder, thread_id


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for number in (1, 2, 3):
        rollouts.plain(tmp_path, number=number)
    return tmp_path


@pytest.fixture
def catalog(home: Path) -> Iterator[Catalog]:
    catalog = Catalog(Home(home))
    yield catalog
    catalog.close()


def listed(catalog: Catalog, query: Query | None = None) -> list[str]:
    return [thread.id for thread in catalog.list(query or Query()).threads]


def numbered(*numbers: int) -> list[str]:
    return [thread_id(number) for number in numbers]


def build(home: Path) -> Path:
    """A finished index of this home."""
    catalog = Catalog(Home(home))
    assert sum(catalog.build()) > 0
    catalog.close()
    return Home(home).index_file


def settle(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files that were just written count as old enough for their times to be trusted."""
    monkeypatch.setattr("rollout.tree.SETTLED_NS", -(10**12))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that the catalogue opens, as it does."""
    opened: list[Path] = []

    def read(path: Path, updated_at: int, before: contents.Contents | None = None) -> contents.Contents:
        opened.append(path)
        return contents.read_contents(path, updated_at, before)

    monkeypatch.setattr(indexed, "read_contents", read)
    return opened


# When files are read


def test_a_list_opens_only_the_files_that_it_shows(catalog: Catalog, reads: list[Path]) -> None:
    catalog.list(Query(limit=1))
    assert len(reads) == 2  # one more tells whether there is a next page
    catalog.list(Query(limit=1))
    assert len(reads) == 2


def test_once_built_the_index_answers_after_a_restart_without_the_files(
    home: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(home, monkeypatch)
    build(home)
    reads.clear()
    catalog = Catalog(Home(home))
    assert listed(catalog) == numbered(3, 2, 1)
    assert listed(catalog, Query(search="nowhere")) == []
    catalog.close()
    assert reads == []


def test_a_file_changed_while_nobody_looked_is_read_again(
    home: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(home, monkeypatch)
    build(home)
    reads.clear()
    path = RolloutBuilder(home, number=2).turn("Changed", "yes").write().path
    rollouts.plain(home, number=4)
    FileCatalog(Home(home)).find(thread_id(1)).unlink()  # type: ignore[union-attr]
    catalog = Catalog(Home(home))
    assert [thread.preview for thread in catalog.list(Query()).threads] == ["Say hello", "Say hello", "Changed"]
    assert listed(catalog) == numbered(4, 3, 2)
    catalog.close()
    assert set(reads) == {path, FileCatalog(Home(home)).find(thread_id(4))}


def test_what_was_written_a_moment_before_is_not_trusted_after_a_restart(home: Path, reads: list[Path]) -> None:
    build(home)
    reads.clear()
    catalog = Catalog(Home(home))
    assert listed(catalog) == numbered(3, 2, 1)
    catalog.close()
    assert len(reads) == 3


def test_a_big_file_that_grew_is_read_on_from_where_it_was_left(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("one", "first" * contents.SMALL)
    path = builder.add(events.ThreadNameUpdated(thread_id=builder.thread_id, thread_name="Old")).write().path
    before = contents.read_contents(path, 0)
    assert (before.latest.name, before.scanned) == ("Old", path.stat().st_size)
    builder.add(events.ThreadNameUpdated(thread_id=builder.thread_id, thread_name="New")).write()
    assert contents.read_contents(path, 0, before).latest.name == "New"
    kept = before.ending.replace(b"Old", b"Was")
    path.write_bytes(path.read_bytes().replace(b'"Old"', b'"Was"').replace(b'"New"', b'""'))
    assert contents.read_contents(path, 0, before).latest.name == "Was", "read from the start"
    trusted = contents.Contents(
        summary=before.summary, latest=Latest(name="Trusted"), scanned=before.scanned, ending=kept
    )
    assert contents.read_contents(path, 0, trusted).latest.name == "Trusted"


def test_a_name_in_a_line_without_an_end_counts_and_is_looked_for_again(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("one", "first" * contents.SMALL)
    builder.add(events.ThreadNameUpdated(thread_id=builder.thread_id, thread_name="Mine"))
    path = builder.write().path
    path.write_bytes(builder.content().rstrip(b"\n"))
    before = contents.read_contents(path, 0)
    assert (before.latest.name, before.scanned) == ("Mine", 0)
    path.write_bytes(builder.content().rstrip(b"\n") + b"garbage\n")
    assert contents.read_contents(path, 0, before).latest.name is None


# The index file


def test_deleting_the_index_at_any_moment_changes_no_answer(home: Path, catalog: Catalog) -> None:
    assert listed(catalog) == numbered(3, 2, 1)
    Home(home).index_file.unlink()
    rollouts.plain(home, number=4)
    assert listed(catalog) == numbered(4, 3, 2, 1)
    assert catalog.find(thread_id(4)) is not None
    again = Catalog(Home(home))
    assert listed(again) == numbered(4, 3, 2, 1)
    again.close()


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + bytes(8000)])
def test_a_file_that_is_no_index_is_made_anew(home: Path, content: bytes) -> None:
    index = build(home)
    index.write_bytes(content)
    catalog = Catalog(Home(home))
    assert listed(catalog) == numbered(3, 2, 1)
    catalog.close()
    assert sqlite3.connect(index).execute("SELECT count(*) FROM rollouts").fetchone() == (3,)


def test_an_index_damaged_inside_is_made_anew(home: Path) -> None:
    for number in range(4, 60):
        rollouts.plain(home, number=number)
    index = build(home)
    content = bytearray(index.read_bytes())
    content[5_000 : len(content) - 100 : 7] = b"\xa5" * len(content[5_000 : len(content) - 100 : 7])
    index.write_bytes(content)
    catalog = Catalog(Home(home))
    assert listed(catalog, Query(limit=100)) == numbered(*range(59, 0, -1))
    catalog.close()


def test_an_index_damaged_while_in_use_is_made_anew(home: Path, catalog: Catalog) -> None:
    assert listed(catalog) == numbered(3, 2, 1)
    for _ in range(5):
        catalog._indexed._ask(lambda index: index._connection.execute("DROP TABLE rollouts"))
        assert listed(catalog) == numbered(3, 2, 1)
        assert catalog.summary(rollouts.plain(home, number=2).path).preview == "Say hello"
        if catalog._indexed._failures >= 3:
            break


def test_an_index_of_another_version_is_made_anew(home: Path) -> None:
    index = build(home)
    with sqlite3.connect(index) as connection:
        connection.execute("UPDATE rollouts SET listed = 0")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    catalog = Catalog(Home(home))
    assert listed(catalog) == numbered(3, 2, 1)
    catalog.close()


def test_without_a_place_for_the_file_the_index_is_kept_in_memory(home: Path) -> None:
    (home / "threadcast").write_text("not a folder")
    catalog = Catalog(Home(home))
    assert listed(catalog) == numbered(3, 2, 1)
    assert sum(catalog.build()) == 0
    assert catalog.rebuild() == 3
    catalog.close()
    assert (home / "threadcast").read_text() == "not a folder"


def test_a_second_process_has_an_index_of_its_own_in_memory(home: Path, catalog: Catalog) -> None:
    assert listed(catalog) == numbered(3, 2, 1)
    other = Catalog(Home(home))
    rollouts.plain(home, number=4)
    assert listed(other) == listed(catalog) == numbered(4, 3, 2, 1)
    with pytest.raises(IndexInUse):
        other.rebuild()
    other.close()


def test_the_index_is_made_anew_from_the_files_on_request(home: Path, catalog: Catalog) -> None:
    assert listed(catalog) == numbered(3, 2, 1)
    catalog._indexed._ask(lambda index: index._connection.execute("UPDATE rollouts SET listed = 0"))
    assert listed(catalog) == []
    assert catalog.rebuild() == 3
    assert listed(catalog) == numbered(3, 2, 1)


# Many at once


def test_readers_see_every_thread_that_was_there_before_they_asked(home: Path, catalog: Catalog) -> None:
    enough = 60
    begun = threading.Barrier(4, timeout=10)

    def write() -> None:
        begun.wait()
        for number in range(4, enough):
            rollouts.plain(home, number=number)

    def read() -> None:
        begun.wait()
        while True:
            there = {path.name[-41:-6] for path in home.glob("sessions/**/rollout-*")}
            found = listed(catalog, Query(limit=100))
            assert len(found) == len(set(found))
            assert len(found) >= len(there) - 1, "the file that is being written may be empty"
            if len(found) == enough - 1:
                return

    with ThreadPoolExecutor() as pool:
        for job in [pool.submit(write), *[pool.submit(read) for _ in range(3)]]:
            job.result(timeout=60)


def test_building_and_listing_at_the_same_time_agree(home: Path, catalog: Catalog) -> None:
    for number in range(4, 150):
        rollouts.plain(home, number=number)
    steps = catalog.build()
    next(steps)
    assert listed(catalog, Query(limit=5, descending=False)) == numbered(1, 2, 3, 4, 5)
    assert listed(catalog, Query(limit=200)) == numbered(*range(149, 0, -1))
    assert sum(steps) == 0, "everything was read by then"


def test_a_file_that_cannot_be_read_does_not_stop_the_building(home: Path, catalog: Catalog) -> None:
    for number in (4, 5):
        path = rollouts.plain(home, number=number).path
        path.unlink()
        os.mkfifo(path)
    assert sum(catalog.build()) == 5
    assert listed(catalog) == numbered(3, 2, 1)
