"""The same conversations with our server and with released app-servers: what they say must be the same.

Each version of the peer hears clients of its own version, and so do we beside it. What differs on purpose stands in one
table for each version, with its reasons (``differences_of_*.py``).
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.peer import differences_of_0_125, differences_of_0_169
from tests.peer.comparison import compare
from tests.peer.player import Recording, play_group, write_home
from tests.peer.rows import Extra
from tests.peer.scripts_of_approvals import APPROVALS
from tests.peer.scripts_of_catalogues import CATALOGUES, GATES, SORTING
from tests.peer.scripts_of_changes import FACTS, PAGES, ROLLBACKS
from tests.peer.scripts_of_commands import COMMANDS
from tests.peer.scripts_of_compaction import COMPACTING, DOCUMENTS, documents
from tests.peer.scripts_of_files import FILES, work
from tests.peer.scripts_of_lists import LISTS, threads
from tests.peer.scripts_of_newer import ARRIVING, ENDING, READING, SETTINGS, WALKING
from tests.peer.scripts_of_patches import PATCHES, folder
from tests.peer.scripts_of_reviews import REVIEWS
from tests.peer.scripts_of_terminals import TERMINALS, homeless
from tests.peer.scripts_of_threads import ATTACHING, FORKING, KEEPING
from tests.peer.scripts_of_tools import TOOLS, pictures
from tests.peer.scripts_of_turns import FAILURES, REFUSALS, TURNS
from tests.peer.steps import Group
from tests.support import codex
from tests.support.app_server import ours, released

LONGEST = 600.0
"""Seconds that all conversations may take: they are held together, before the first test."""

pytestmark = [pytest.mark.codex(codex.REFERENCE, codex.NEWEST), pytest.mark.timeout(LONGEST)]

GROUPS = (
    Group("threads", (*ATTACHING, *FORKING, *KEEPING)),
    Group("turns", (*TURNS, *FAILURES, *REFUSALS)),
    Group("changes", (*ROLLBACKS, *PAGES, *FACTS)),
    Group("newer", (*ARRIVING, *WALKING, *SETTINGS, *READING, *ENDING)),
    Group("commands", COMMANDS),
    Group("terminals", TERMINALS, homeless),
    Group("approvals", APPROVALS),
    Group("patches", PATCHES, folder),
    Group("catalogues", (*CATALOGUES, *SORTING, *GATES)),
    Group("compacting", COMPACTING),
    Group("reviews", REVIEWS),
    Group("documents", DOCUMENTS, documents),
    Group("lists", LISTS, threads),
    Group("files", FILES, work),
    Group("tools", TOOLS, pictures),
)

PEERS = {codex.REFERENCE: differences_of_0_125.DIFFERENCES, codex.NEWEST: differences_of_0_169.DIFFERENCES}
"""The versions of the peer, and what is different from each on purpose."""

CASES = {
    f"{version}: {each.name}": (version, each.name)
    for version in PEERS
    for group in GROUPS
    for each in group.conversations
    if version in each.versions
}

PEER_PLAYS = 5
"""The peer does some things in the background and tells, by chance, one thing or the other. What ours said, in its one
play, must be what the peer says in one of so many."""

Played = dict[str, dict[str, tuple[Recording, Recording]]]


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """By version, every conversation that a test of this run needs, with all servers at the same time: ours, then the
    peer's."""
    items = [item.name.partition("[")[2][:-1] for item in request.session.items if item.path == Path(__file__)]
    cases = {case for name, case in CASES.items() if name in items or case[0] in items}
    folder = tmp_path_factory.mktemp("beside")
    return asyncio.run(asyncio.wait_for(_play_all(folder, cases), LONGEST))


async def _play_all(folder: Path, cases: set[tuple[str, str]]) -> Played:
    versions = [version for version in PEERS if any(version == each for each, _ in cases)]
    names = [{name for each, name in cases if each == version} for version in versions]
    plays = [_play(version, folder / version, each) for version, each in zip(versions, names, strict=True)]
    return dict(zip(versions, await asyncio.gather(*plays), strict=True))


async def _play(version: str, folder: Path, wanted: set[str]) -> dict[str, tuple[Recording, Recording]]:
    groups = [group for group in GROUPS if any(each.name in wanted for each in group.conversations)]
    prepared = {group.name: write_home(group, folder / group.name / "prepared") for group in groups}

    async def play(side: str, command: list[str], wanted: set[str] = wanted) -> dict[str, Recording]:
        recordings: dict[str, Recording] = {}
        for group in groups:
            if any(each.name in wanted for each in group.conversations):
                home = shutil.copytree(folder / group.name / "prepared", folder / group.name / side)
                recordings |= await play_group(group, command, version, home, prepared[group.name], wanted.__contains__)
        return recordings

    mine, other = await asyncio.gather(play("ours", ours()), play("peer", released(version)))
    for number in range(2, PEER_PLAYS + 1):
        unlike = {name for name in mine if not _alike(version, name, mine[name], other[name])}
        if unlike:
            again = await play(f"peer {number}", released(version), unlike)
            other |= {name: told for name, told in again.items() if _alike(version, name, mine[name], told)}
    return {name: (mine[name], other[name]) for name in mine}


def _alike(version: str, name: str, mine: Recording, other: Recording) -> bool:
    return other.failure is None and not compare(name, mine, other, PEERS[version]).unexpected


@pytest.mark.parametrize("case", CASES)
def test_both_servers_say_the_same(case: str, played: Played) -> None:
    version, name = CASES[case]
    mine, other = played[version][name]
    failures = [f"{who}: {each.failure}" for who, each in (("ours", mine), ("peer", other)) if each.failure]
    outcome = compare(name, mine, other, PEERS[version])
    if failures or outcome.unexpected:
        pytest.fail("\n\n".join([*failures, *outcome.unexpected]), pytrace=False)


@pytest.mark.parametrize("version", PEERS)
def test_every_intended_difference_is_still_needed(version: str, played: Played) -> None:
    """Each by some conversation; and by every one that it names."""
    table = PEERS[version]
    used = {(row, name) for name, both in played[version].items() for row in compare(name, *both, table).used}
    rows = {row for row, _ in used}
    idle = [row.name for row in table if row not in rows and not (isinstance(row, Extra) and row.sometimes)]
    assert idle == []
    assert [(row.name, name) for row in table for name in row.only if (row, name) not in used] == []


@pytest.mark.parametrize("version", PEERS)
def test_conversations_and_differences_have_names_of_their_own(version: str) -> None:
    names = [name for each, name in CASES.values() if each == version]
    assert len(names) == len(set(names)) >= 25
    rows = [row.name for row in PEERS[version]]
    assert len(rows) == len(set(rows))
    known: set[str] = set()
    for row in PEERS[version]:
        known.update(row.only)
    assert known <= set(names)
