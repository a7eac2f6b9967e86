"""The stock TUIs of four versions on the same threads: who does what on a thread that whose client has started.

A pair of TUIs shares one server and one thread, and does one deed after the other; both screens are looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.peer.matrix import EDGES, Pair, cells, table
from tests.peer.scripted_model import ScriptedModel
from tests.peer.tmux import SAID, terminals
from tests.support import codex
from tests.support.app_server import ROOT, ours, serving

pytestmark = pytest.mark.codex(*codex.VERSIONS)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    """A server and the terminals of one who has a CODEX_HOME of his own, and no model."""
    home, mine, project = (tmp_path / name for name in ("server", "mine", "project"))
    project.mkdir()
    async with ScriptedModel() as model:
        codex.write_config(home, model.url)
        codex.write_config(mine, "http://127.0.0.1:9/v1", trusted=project, policy="on-request")
        async with serving(ours(), home) as server, terminals(mine, project) as tmux:
            pair = Pair(home, server, model, tmux)
            yield pair
            await pair.keep_screens(tmp_path / "screens")


@pytest.mark.parametrize(("version", "starter"), list(itertools.product(codex.VERSIONS, EDGES)))
async def test_a_tui_works_on_a_thread_that_another_has_started(
    pair: Pair, tmp_path: Path, version: str, starter: str
) -> None:
    await pair.start(starter)
    await pair.resume(version)
    await pair.follow()
    if version in EDGES:
        await pair.steer()
        await pair.interrupt()
        await pair.allow()
        await pair.patch(tmp_path / "project")
        await pair.refuse()
        await pair.fork(version)


@pytest.mark.parametrize("version", codex.BETWEEN)
async def test_a_tui_of_a_version_in_between_starts_a_thread(pair: Pair, version: str) -> None:
    await pair.start(version)


async def test_the_oldest_and_the_newest_see_what_the_other_changes(pair: Pair) -> None:
    await pair.start(codex.REFERENCE)
    await pair.resume(codex.NEWEST)
    await pair.follow()
    await pair.steer()
    await pair.interrupt()
    oldest, newest = pair.host, pair.guest
    await oldest.say("/rename given by the oldest")
    await newest.sees("· given by the oldest")
    await oldest.press("Escape")
    await oldest.press("Escape")
    await oldest.sees("enter to edit message")
    await oldest.press("Enter")
    await oldest.shows(lambda screen: screen.rstrip().splitlines()[-3].startswith(f"{SAID}went on"), "the prompt again")
    await newest.say("after the rollback")
    for terminal in (oldest, newest):
        await terminal.sees("Noted: AFTER THE ROLLBACK")
    later = await pair.come("later", codex.NEWEST)
    assert "WENT ON" not in await later.sees("Noted: ADDED BY THE GUEST", "Noted: AFTER THE ROLLBACK")
    await newest.say("/archive")
    await newest.sees("rchive this session")
    await newest.press("Down")
    await newest.press("Enter")
    await pair.archived()


def test_the_readme_shows_the_matrix() -> None:
    assert table(cells()) in (ROOT / "README.md").read_text()
