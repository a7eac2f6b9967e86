"""The threads of one home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rollout import events
from rollout.catalog import Catalog, InvalidCursor, Page, Query
from rollout.paths import Home
from rollout.reader import RolloutMissing, RolloutWithoutMeta
from tests.support import rollouts
from tests.support.rollouts import RolloutBuilder, Written, thread_id


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def catalog(home: Path) -> Catalog:
    return Catalog(Home(home))


def ids(page: Page) -> list[str]:
    return [thread.id for thread in page.threads]


def listed(catalog: Catalog, **members: Any) -> list[str]:
    return ids(catalog.list(Query(**members)))


def threads(home: Path, *numbers: int) -> list[Written]:
    return [rollouts.plain(home, number=number) for number in numbers]


def same_second(home: Path, *numbers: int) -> None:
    """Threads whose names and mtimes tell the same time."""
    for number in numbers:
        builder = RolloutBuilder(home, number=number).turn("one", "first")
        path = builder.write(
            home / "sessions/2026/01/05" / f"rollout-2026-01-05T12-00-00-{thread_id(number)}.jsonl"
        ).path
        os.utime(path, (1_767_614_400, 1_767_614_400))


def pages(catalog: Catalog, query: Query) -> Iterator[Page]:
    cursor: str | None = None
    while True:
        page = catalog.list(
            Query(limit=query.limit, sort_key=query.sort_key, descending=query.descending, cursor=cursor)
        )
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return


# Finding


def test_a_thread_is_found_by_its_id(home: Path, catalog: Catalog) -> None:
    one, two = threads(home, 1, 2)
    assert catalog.find(one.thread_id) == one.path
    assert catalog.find(two.thread_id.upper()) == two.path
    assert catalog.find(thread_id(3)) is None
    assert catalog.find_archived(one.thread_id) is None


def test_an_empty_home_has_no_threads(catalog: Catalog) -> None:
    assert catalog.find(thread_id(1)) is None
    assert catalog.list(Query()) == Page([], None, None)


def test_an_archived_thread_is_found_only_in_the_archive(home: Path, catalog: Catalog) -> None:
    (one,) = threads(home, 1)
    before = one.path.stat().st_mtime_ns
    archived = catalog.archive(one.path)
    assert archived == home / "archived_sessions" / one.path.name
    assert archived.stat().st_mtime_ns == before
    assert (catalog.find(one.thread_id), catalog.find_archived(one.thread_id)) == (None, archived)
    assert (listed(catalog), listed(catalog, archived=True)) == ([], [one.thread_id])


def test_a_thread_comes_back_from_the_archive_as_if_just_used(home: Path, catalog: Catalog) -> None:
    (one,) = threads(home, 1)
    archived = catalog.archive(one.path)
    before = archived.stat().st_mtime_ns
    assert catalog.unarchive(archived) == one.path
    assert one.path.stat().st_mtime_ns > before
    assert listed(catalog) == [one.thread_id]


def test_archiving_never_replaces_a_file(home: Path, catalog: Catalog) -> None:
    (one,) = threads(home, 1)
    catalog.archive(one.path)
    (again,) = threads(home, 1)
    with pytest.raises(FileExistsError):
        catalog.archive(again.path)
    assert again.path.exists()


# Summaries


def test_a_summary_says_what_the_head_and_the_index_say(home: Path, catalog: Catalog) -> None:
    written = rollouts.with_git(home)
    catalog.set_name(written.thread_id, "Mine")
    thread = catalog.summary(written.path)
    assert (thread.id, thread.preview, thread.name, thread.path) == (written.thread_id, "one", "Mine", written.path)
    assert thread.git_info is not None
    assert thread.updated_at == int(written.path.stat().st_mtime)
    assert catalog.name_of(written.thread_id) == "Mine"


def test_a_summary_changes_with_its_file(home: Path, catalog: Catalog) -> None:
    builder = RolloutBuilder(home)
    path = builder.write().path
    assert catalog.summary(path).preview == ""
    builder.say("one").write()
    assert catalog.summary(path).preview == "one"


def test_a_summary_of_what_is_no_rollout_is_refused(home: Path, catalog: Catalog) -> None:
    with pytest.raises(RolloutMissing):
        catalog.summary(home / "gone.jsonl")
    with pytest.raises(RolloutWithoutMeta):
        catalog.summary(rollouts.without_meta(home).path)


def test_a_name_recorded_in_the_rollout_counts_where_the_index_has_none(home: Path, catalog: Catalog) -> None:
    builder = RolloutBuilder(home).turn("one", "first")
    builder.add(events.ThreadNameUpdated(thread_id=builder.thread_id, thread_name="Recorded"))
    path = builder.write().path
    assert catalog.summary(path).name == "Recorded"
    catalog.set_name(builder.thread_id, "Indexed")
    assert catalog.summary(path).name == "Indexed"


def test_a_fork_does_not_inherit_the_name_of_its_source(home: Path, catalog: Catalog) -> None:
    source = RolloutBuilder(home, number=1).turn("one", "first")
    source.add(events.ThreadNameUpdated(thread_id=source.thread_id, thread_name="Source"))
    catalog.set_name(source.thread_id, "Source")
    child = RolloutBuilder(home, number=2, forked_from=source.thread_id).add(*source.entries)
    thread = catalog.summary(child.write().path)
    assert (thread.name, thread.preview, thread.forked_from_id) == (None, "one", source.thread_id)


# Listing


def test_the_newest_come_first_unless_asked_otherwise(home: Path, catalog: Catalog) -> None:
    threads(home, 2, 1, 3)
    assert listed(catalog) == [thread_id(3), thread_id(2), thread_id(1)]
    assert listed(catalog, descending=False) == [thread_id(1), thread_id(2), thread_id(3)]


def test_threads_are_sorted_by_their_last_change_on_request(home: Path, catalog: Catalog) -> None:
    for written, changed in zip(threads(home, 1, 2, 3), (30, 10, 20), strict=True):
        os.utime(written.path, (changed, changed))
    assert listed(catalog, sort_key="updated_at") == [thread_id(1), thread_id(3), thread_id(2)]


@pytest.mark.parametrize("sort_key", ["created_at", "updated_at"])
@pytest.mark.parametrize("descending", [True, False])
def test_paging_loses_and_repeats_no_thread_of_the_same_second(
    home: Path, catalog: Catalog, sort_key: Any, descending: bool
) -> None:
    same_second(home, 1, 2, 3, 4, 5)
    query = Query(limit=2, sort_key=sort_key, descending=descending)
    seen = [each for page in pages(catalog, query) for each in ids(page)]
    assert sorted(seen) == [thread_id(number) for number in range(1, 6)]


def test_the_last_page_has_no_next_cursor(home: Path, catalog: Catalog) -> None:
    threads(home, 1, 2)
    assert catalog.list(Query(limit=2)).next_cursor is None
    assert catalog.list(Query(limit=1)).next_cursor is not None


def test_a_backwards_cursor_leads_back_with_the_first_thread_again(home: Path, catalog: Catalog) -> None:
    same_second(home, 1, 2, 3, 4)
    second = catalog.list(Query(limit=2, cursor=catalog.list(Query(limit=2)).next_cursor))
    assert ids(second) == [thread_id(2), thread_id(1)]
    assert listed(catalog, cursor=second.backwards_cursor, descending=False) == [
        thread_id(2),
        thread_id(3),
        thread_id(4),
    ]


def test_a_plain_time_is_a_cursor(home: Path, catalog: Catalog) -> None:
    threads(home, 1, 2, 3)
    assert listed(catalog, cursor="2026-01-05T12:00:03Z") == [thread_id(2), thread_id(1)]
    assert listed(catalog, cursor="2026-01-05T12-00-01", descending=False) == [thread_id(2), thread_id(3)]
    with pytest.raises(InvalidCursor):
        listed(catalog, cursor="soon")


def test_filters_do_not_shorten_pages(home: Path, catalog: Catalog) -> None:
    for number in range(1, 7):
        rollouts.plain(home, number=number, provider="a" if number % 2 else "b")
    page = catalog.list(Query(limit=2, providers=["a"]))
    assert ids(page) == [thread_id(5), thread_id(3)]
    assert listed(catalog, limit=2, providers=["a"], cursor=page.next_cursor) == [thread_id(1)]


def test_a_thread_without_a_provider_is_of_every_provider(home: Path, catalog: Catalog) -> None:
    rollouts.plain(home, provider=None)
    assert listed(catalog, providers=["a"]) == [thread_id(1)]


def test_only_interactive_threads_are_listed_unless_asked_for(home: Path, catalog: Catalog) -> None:
    rollouts.plain(home, number=1, source="cli")
    rollouts.plain(home, number=2, source="exec")
    assert listed(catalog) == [thread_id(1)]
    assert listed(catalog, source_kinds=["exec"]) == [thread_id(2)]


def test_threads_are_listed_by_their_folder(home: Path, catalog: Catalog) -> None:
    real = home / "real"
    real.mkdir()
    (home / "link").symlink_to(real)
    rollouts.plain(home, number=1, cwd=str(real))
    rollouts.plain(home, number=2, cwd="/elsewhere")
    assert listed(catalog, cwds=[str(home / "link")]) == [thread_id(1)]
    assert listed(catalog, cwds=[]) == []


@pytest.mark.parametrize(("search", "found"), [("HELLO", [1]), ("say h", [1]), ("my na", [2]), ("", [2, 1]), ("x", [])])
def test_search_looks_at_names_and_previews_in_any_case(
    home: Path, catalog: Catalog, search: str, found: list[int]
) -> None:
    rollouts.plain(home, number=1)
    catalog.set_name(rollouts.with_usage(home, number=2).thread_id, "My Name")
    assert listed(catalog, search=search) == [thread_id(number) for number in found]


def test_what_the_user_never_spoke_in_is_not_listed(home: Path, catalog: Catalog) -> None:
    RolloutBuilder(home, number=1).begin().answer("hello?").write()
    rollouts.without_meta(home, number=2)
    RolloutBuilder(home, number=3, with_meta=False).write()
    (home / "sessions" / "notes.txt").write_text("x")
    (home / "sessions" / "rollout-odd.jsonl").write_text("x")
    assert listed(catalog) == []
