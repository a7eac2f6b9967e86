"""Lists by the index are those of the files alone, whatever happens to the files behind our back."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout import events
from rollout.catalog import Catalog, Query
from rollout.paths import Home
from tests.support.file_catalog import FileCatalog
from tests.support.rollouts import RolloutBuilder, thread_id

numbers = st.integers(1, 6)
words = st.sampled_from(["Alpha", "beta", "STRASSE", "Straße", "ÎLE", "x"])
folders = st.sampled_from(["sessions", "sessions/2026/01/05", "sessions/2026/02", "sessions/new", "archived_sessions"])
cwds = st.sampled_from(["/project", "/play", "/project/../play"])
providers = st.sampled_from([None, "a", "b"])
sources = st.sampled_from(["cli", "vscode", "exec", {"subagent": "review"}, {"custom": "atlas"}])
times = st.sampled_from([1_700_000_000, 1_700_000_000.25, 1_800_000_000, -5, 0])


class World:
    """One home, seen through the index and without it."""

    def __init__(self, home: Path, *, watched: bool) -> None:
        self.home = home
        self.watched = watched
        self.plain = FileCatalog(Home(home))
        self.catalog = Catalog(Home(home), watched=watched)

    def file(self, number: int) -> Path | None:
        """One of the files there are."""
        found = sorted(self.home.glob("*sessions/**/rollout-*.jsonl"))
        return found[number % len(found)] if found else None

    def write(self, number: int, word: str, folder: str, second: int, part: int, options: dict[str, Any]) -> None:
        """``part``: 0, or the thread goes on in this file."""
        builder = RolloutBuilder(self.home, number=number, **options)
        if word != "x":
            builder.turn(f"say {word}", "yes")
        own = f"_ffffffff-0000-7000-8000-00000000000{part}" if part else ""
        builder.write(self.home / folder / f"rollout-2026-01-05T12-00-0{second}-{thread_id(number)}{own}.jsonl")

    def append(self, number: int, word: str, *, as_name: bool) -> None:
        path = self.file(number)
        if path is not None:
            builder = RolloutBuilder(self.home, with_meta=False).say(word)
            if as_name:
                of = path.stem.partition("_")[0][-36:]
                builder = RolloutBuilder(self.home, with_meta=False)
                builder.add(events.ThreadNameUpdated(thread_id=of, thread_name=word))
            with path.open("ab") as file:
                file.write(builder.content())

    def swap(self, number: int) -> None:
        """Change a file in place, and leave it as long and as old as it was."""
        path = self.file(number)
        if path is not None:
            before = path.stat()
            path.write_bytes(path.read_bytes().replace(b"Alpha", b"alphA").replace(b"beta", b"Beta"))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def touch(self, number: int, time: float) -> None:
        path = self.file(number)
        if path is not None:
            os.utime(path, (time, time))

    def move(self, number: int, folder: str) -> None:
        path = self.file(number)
        if path is not None:
            (self.home / folder).mkdir(parents=True, exist_ok=True)
            path.rename(self.home / folder / path.name)

    def link(self, number: int, folder: str, *, symbolic: bool) -> None:
        path, target = self.file(number), self.home / folder
        if path is not None and not (target / path.name).is_symlink() and not (target / path.name).exists():
            target.mkdir(parents=True, exist_ok=True)
            outside = self.home / "outside" / path.name
            outside.parent.mkdir(exist_ok=True)
            if not path.is_symlink() and not outside.exists():
                path.rename(outside)
                (target / path.name).symlink_to(outside) if symbolic else os.link(outside, target / path.name)

    def write_outside(self, number: int, word: str) -> None:
        for path in sorted((self.home / "outside").glob("*"))[number : number + 1]:
            with path.open("ab") as file:
                file.write(RolloutBuilder(self.home, with_meta=False).say(word).content())

    def remove(self, number: int) -> None:
        path = self.file(number)
        if path is not None:
            path.unlink()

    def remove_folder(self, folder: str) -> None:
        shutil.rmtree(self.home / folder, ignore_errors=True)

    def rename_folder(self, folder: str, to: str) -> None:
        source, target = self.home / folder, self.home / to
        if source.exists() and not target.exists() and source not in target.parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)

    def name(self, number: int, word: str) -> None:
        self.catalog.set_name(thread_id(number), word)

    def forget(self) -> None:
        """The index file is deleted while it is in use."""
        shutil.rmtree(self.home / "threadcast", ignore_errors=True)

    def restart(self) -> None:
        self.catalog.close()
        self.catalog = Catalog(Home(self.home), watched=self.watched)

    def build(self) -> None:
        for _ in self.catalog.build():
            pass

    def compare(self, query: Query) -> None:
        """Page through both, there and back."""
        cursor = None
        while True:
            asked = Query(**{name: getattr(query, name) for name in Query.__struct_fields__} | {"cursor": cursor})
            found = self.catalog.list(asked)
            assert found == self.plain.list(asked)
            cursor = found.next_cursor
            if cursor is None:
                break

    def compare_places(self) -> None:
        """Find every thread by its id."""
        for number in range(1, 7):
            for archived, path in ((False, self.catalog.find), (True, self.catalog.find_archived)):
                assert path(thread_id(number)) == self.plain.find(thread_id(number), archived=archived)


queries = st.builds(
    Query,
    limit=st.integers(1, 5),
    sort_key=st.sampled_from(["created_at", "updated_at", "recency_at"]),
    descending=st.booleans(),
    providers=st.sampled_from([[], [], ["a"], ["a", "b"], ["c"]]),
    source_kinds=st.sampled_from([[], [], ["cli"], ["exec", "subAgent"], ["subAgentReview", "vscode"]]),
    archived=st.sampled_from([False, False, True]),
    cwds=st.sampled_from([None, None, [], ["/play"], ["/play/../project", "/x"]]),
    search=st.sampled_from([None, None, "", "ALPHA", "strasse", "île", "say b"]),
    parent=st.one_of(st.none(), st.none(), numbers.map(thread_id)),
    ancestor=st.one_of(st.none(), st.none(), numbers.map(thread_id)),
    originators=st.sampled_from([[], [], ["tui"], ["tui", "sdk"]]),
    excluded=st.one_of(st.just(list[str]()), st.lists(numbers.map(thread_id), max_size=3)),
)
options = st.fixed_dictionaries(
    {
        "provider": providers,
        "cwd": cwds,
        "source": sources,
        "parent": st.one_of(st.none(), numbers.map(thread_id)),
        "originator": st.sampled_from(["tui", "sdk"]),
    }
)


def step(name: str, *values: st.SearchStrategy[Any], **named: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(name), st.tuples(*values), st.fixed_dictionaries(named))


writing = step("write", numbers, words, folders, st.integers(0, 2), st.sampled_from([0, 0, 0, 1, 2]), options)
comparing = step("compare", queries)
steps = st.one_of(
    writing,
    writing,
    comparing,
    comparing,
    step("append", numbers, words, as_name=st.booleans()),
    step("swap", numbers),
    step("touch", numbers, times),
    step("move", numbers, folders),
    step("link", numbers, folders, symbolic=st.booleans()),
    step("write_outside", numbers, words),
    step("remove", numbers),
    step("remove_folder", folders),
    step("rename_folder", folders, folders),
    step("name", numbers, words),
    step("forget"),
    step("restart"),
    step("build"),
)
everything = ["cli", "vscode", "exec", "subAgent", "custom:atlas", "unknown"]
standard = [Query(sort_key="updated_at", source_kinds=everything, archived=archived) for archived in (False, True)]


@pytest.mark.parametrize("watched", [True, False])
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=st.lists(writing, max_size=8), rest=st.lists(steps, min_size=1, max_size=12), last=queries)
def test_the_index_answers_as_the_files_do(watched: bool, first: Any, rest: Any, last: Query) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), watched=watched)
        for name, values, named in [*first, ("compare", (Query(),), {}), *rest, ("compare", (last,), {})]:
            getattr(world, name)(*values, **named)
            if name != "write":
                for query in standard:
                    world.compare(query)
        world.compare_places()
        world.catalog.close()
