"""The stock TUI, unchanged, as a client of our server in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.peer.clients import rollout_of, seed
from tests.peer.tmux import SAID, Terminal, Tmux, terminals
from tests.support import codex
from tests.support.app_server import ours, serving
from tests.support.model import ModelServer

pytestmark = pytest.mark.codex


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    """The CODEX_HOME of the server, with a model behind it."""
    async with ModelServer() as model:
        home = tmp_path / "server"
        codex.write_config(home, model.url)
        yield home


@pytest.fixture
async def tmux(tmp_path: Path) -> AsyncIterator[Tmux]:
    """Terminals of one who has a CODEX_HOME of his own, and no model."""
    mine, project = tmp_path / "mine", tmp_path / "project"
    project.mkdir()
    codex.write_config(mine, "http://127.0.0.1:9/v1", trusted=project)
    async with terminals(mine, project) as tmux:
        yield tmux


async def status_of(terminal: Terminal, thread_id: str) -> str:
    """What ``/status`` says, without the spaces that only fill its lines."""
    await terminal.say("/status")
    screen = await terminal.sees("Session:", thread_id, "Context window:")
    return " ".join(screen.split("Session:")[-1].split())


async def test_a_new_chat_shows_the_reply_and_what_it_cost(home: Path, tmux: Tmux) -> None:
    async with serving(ours(), home) as server:
        terminal = await tmux.codex("new", "--remote", server.url)
        await terminal.sees("test-model default")
        await terminal.say("good morning")
        await terminal.sees("Noted: GOOD MORNING")
        status = await status_of(terminal, rollout_of(home).stem[-36:])
    assert "Token usage: 80 total (60 input + 20 output)" in status
    assert "Context window: 100% left (90 used / 258K)" in status


async def test_resume_by_id_restores_history_and_usage_before_any_turn(home: Path, tmux: Tmux) -> None:
    async with serving(ours(), home) as server:
        thread_id = await seed(server, "first words reads:40000", "last words reads:60000")
    async with serving(ours(), home) as server:
        terminal = await tmux.codex("resumed", "resume", "--remote", server.url, thread_id)
        await terminal.sees("first words reads:40000", "Noted: LAST WORDS READS:60000")
        status = await status_of(terminal, thread_id)
    assert "Token usage: 100K total (100K input + 40 output)" in status
    assert "Context window: 81% left (60K used / 258K)" in status


async def test_resume_by_picker_restores_history_and_usage_before_any_turn(home: Path, tmux: Tmux) -> None:
    async with serving(ours(), home) as server:
        thread_id = await seed(server, "pick me reads:60000")
        await seed(server, "another thread")
    async with serving(ours(), home) as server:
        terminal = await tmux.codex("picker", "resume", "--remote", server.url)
        await terminal.sees("Resume a previous session", "pick me reads:60000", "another thread")
        await terminal.type("pick")
        await terminal.shows(lambda screen: "another thread" not in screen, "only what was searched")
        await terminal.press("Enter")
        await terminal.sees("Noted: PICK ME READS:60000")
        status = await status_of(terminal, thread_id)
    assert "Token usage: 60K total (60K input + 20 output)" in status
    assert "Context window: 81% left (60K used / 258K)" in status


async def test_fork_begins_with_the_history_and_usage_of_its_source(home: Path, tmux: Tmux) -> None:
    async with serving(ours(), home) as server:
        source_id = await seed(server, "common past reads:60000")
        source = rollout_of(home, source_id)
        before = source.read_bytes()
        terminal = await tmux.codex("fork", "fork", "--remote", server.url, source_id)
        await terminal.sees("common past", "Noted: COMMON PAST READS:60000")
        status = await status_of(terminal, source_id)
        assert f"Forked from: {source_id}" in status
        assert "Token usage: 60K total (60K input + 20 output)" in status
        assert "Context window: 81% left (60K used / 258K)" in status
        await terminal.say("own way")
        await terminal.sees("Noted: OWN WAY")
    assert source.read_bytes() == before


async def test_two_terminals_on_one_thread_see_the_turns_of_both(home: Path, tmux: Tmux) -> None:
    async with serving(ours(), home) as server:
        thread_id = await seed(server, "before both")
        one = await tmux.codex("one", "resume", "--remote", server.url, thread_id)
        two = await tmux.codex("two", "resume", "--remote", server.url, thread_id)
        for terminal in (one, two):
            await terminal.sees("Noted: BEFORE BOTH")
        await one.say("said by one")
        for terminal in (one, two):
            await terminal.sees(f"{SAID}said by one", "Noted: SAID BY ONE")
        await two.say("said by two")
        for terminal in (one, two):
            screen = await terminal.sees(f"{SAID}said by two", "Noted: SAID BY TWO")
            assert screen.count("Noted: SAID BY ONE") == 1
            status = await status_of(terminal, thread_id)
            assert "Token usage: 240 total (180 input + 60 output)" in status


@pytest.mark.parametrize("version", [codex.REFERENCE, codex.NEWEST])
async def test_compact_sums_the_thread_up_and_the_chat_goes_on(version: str, home: Path, tmux: Tmux) -> None:
    async with serving(ours(), home) as server:
        terminal = await tmux.codex("compact", "--remote", server.url, version=version)
        await terminal.sees("test-model default")
        await terminal.say("good morning")
        await terminal.sees("Noted: GOOD MORNING")
        await terminal.say("/compact")
        await terminal.sees("ompacted")
        await terminal.say("still there")
        await terminal.sees("Noted: STILL THERE")
