"""The same conversations with our server and with the released app-server: what they say must be the same.

What differs on purpose stands in ``differences.py``, with its reasons.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peer.comparison import compare
from tests.peer.differences import DIFFERENCES
from tests.peer.player import Recording, play_group, write_home
from tests.peer.rows import Extra
from tests.peer.scripts_of_changes import FACTS, PAGES, ROLLBACKS
from tests.peer.scripts_of_lists import LISTS, threads
from tests.peer.scripts_of_threads import ATTACHING, FORKING, KEEPING
from tests.peer.scripts_of_turns import FAILURES, REFUSALS, TURNS
from tests.peer.steps import Group
from tests.support import codex
from tests.support.app_server import ours, released

pytestmark = pytest.mark.codex

GROUPS = (
    Group("threads", (*ATTACHING, *FORKING, *KEEPING)),
    Group("turns", (*TURNS, *FAILURES, *REFUSALS)),
    Group("changes", (*ROLLBACKS, *PAGES, *FACTS)),
    Group("lists", LISTS, threads),
)

NAMES = [each.name for group in GROUPS for each in group.conversations]

LONGEST = 300.0
"""Seconds that all conversations may take."""

PEER_PLAYS = 3
"""The peer does some things in the background and tells, by chance, one thing or the other. What ours said, in its one
play, must be what the peer says in one of so many."""

Played = dict[str, tuple[Recording, Recording]]


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Every conversation that a test of this run needs, with both servers at the same time: ours, then the peer's."""
    items = [item.name.partition("[")[2][:-1] for item in request.session.items if item.path == Path(__file__)]
    wanted = set(NAMES) if "" in items else set(items)
    folder = tmp_path_factory.mktemp("beside")
    return asyncio.run(asyncio.wait_for(_play_all(folder, wanted.__contains__), LONGEST))


async def _play_all(folder: Path, wanted: Callable[[str], bool]) -> Played:
    groups = [group for group in GROUPS if any(wanted(each.name) for each in group.conversations)]
    prepared = {group.name: write_home(group, folder / group.name / "prepared") for group in groups}

    async def play(side: str, command: list[str], wanted: Callable[[str], bool] = wanted) -> dict[str, Recording]:
        recordings: dict[str, Recording] = {}
        for group in groups:
            if any(wanted(each.name) for each in group.conversations):
                home = shutil.copytree(folder / group.name / "prepared", folder / group.name / side)
                recordings |= await play_group(group, command, home, prepared[group.name], wanted)
        return recordings

    mine, other = await asyncio.gather(play("ours", ours()), play("peer", released(codex.REFERENCE)))
    for number in range(2, PEER_PLAYS + 1):
        unlike = {name for name in mine if not _alike(name, mine[name], other[name])}
        if unlike:
            again = await play(f"peer {number}", released(codex.REFERENCE), unlike.__contains__)
            other |= {name: told for name, told in again.items() if _alike(name, mine[name], told)}
    return {name: (mine[name], other[name]) for name in mine}


def _alike(name: str, mine: Recording, other: Recording) -> bool:
    return other.failure is None and not compare(name, mine, other, DIFFERENCES).unexpected


@pytest.mark.parametrize("name", NAMES)
def test_both_servers_say_the_same(name: str, played: Played) -> None:
    mine, other = played[name]
    failures = [f"{who}: {each.failure}" for who, each in (("ours", mine), ("peer", other)) if each.failure]
    outcome = compare(name, mine, other, DIFFERENCES)
    if failures or outcome.unexpected:
        pytest.fail("\n\n".join([*failures, *outcome.unexpected]), pytrace=False)


def test_every_intended_difference_is_still_needed(played: Played) -> None:
    """Each by some conversation; and by every one that it names."""
    used = {(row, name) for name, both in played.items() for row in compare(name, *both, DIFFERENCES).used}
    rows = {row for row, _ in used}
    idle = [row.name for row in DIFFERENCES if row not in rows and not (isinstance(row, Extra) and row.sometimes)]
    assert idle == []
    assert [(row.name, name) for row in DIFFERENCES for name in row.only if (row, name) not in used] == []


def test_conversations_and_differences_have_names_of_their_own() -> None:
    assert len(NAMES) == len(set(NAMES)) >= 25
    rows = [row.name for row in DIFFERENCES]
    assert len(rows) == len(set(rows))
    known: set[str] = set()
    for row in DIFFERENCES:
        known.update(row.only)
    assert known <= set(NAMES)
