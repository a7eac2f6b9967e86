"""Two TUIs on one thread of our server, and what they do there. Owns the deeds; knows nothing of the wire.

``cells`` names what ``test_matrix`` does, ``table`` says it to readers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from tests.peer.clients import rollout_of
from tests.peer.scripted_model import Called, ScriptedModel
from tests.peer.tmux import PATIENCE, SAID, Terminal, Tmux
from tests.support import codex
from tests.support.app_server import AppServer

EDGES = (codex.REFERENCE, codex.NEWEST)
"""The versions that do everything."""

DEEDS = ("start", "resume", "follow", "steer", "interrupt", "allow", "patch", "refuse", "fork")

MAY_ASK = ("-a", "on-request", "-s", "read-only")
"""How a TUI begins a thread on which people are asked; newer ones do not tell the server what their settings say."""

MAY_RUN, MAY_PATCH = "Would you like to run the following command?", "Would you like to make the following edits?"
"""What all versions show while they ask, and not afterwards."""


def cells() -> dict[tuple[str, str], list[str]]:
    """What each version does on threads that a TUI of which version has started."""
    return {
        (version, starter): list(DEEDS[1:] if version in EDGES else DEEDS[1:3])
        for version in codex.VERSIONS
        for starter in EDGES
    }


def table(rows: dict[tuple[str, str], list[str]]) -> str:
    """The matrix as the README shows it: a row for each version, a column for each starter."""
    head = "| TUI | " + " | ".join(f"on a thread of {starter}" for starter in EDGES) + " |\n|---|" + "---|" * len(EDGES)
    lines = [
        f"| {version} | " + " | ".join(", ".join(rows[version, starter]) for starter in EDGES) + " |"
        for version in codex.VERSIONS
    ]
    return "\n".join([head, *lines])


class Pair:
    """``host`` has started the thread, ``guest`` has come to it."""

    host: Terminal
    guest: Terminal
    thread_id: str

    def __init__(self, home: Path, server: AppServer, model: ScriptedModel, tmux: Tmux) -> None:
        self._home, self._server, self._model, self._tmux = home, server, model, tmux
        self._terminals: dict[str, Terminal] = {}

    async def _codex(self, name: str, version: str, *arguments: str) -> Terminal:
        terminal = await self._tmux.codex(name, *arguments, version=version)
        self._terminals[name] = terminal
        return terminal

    async def keep_screens(self, folder: Path) -> None:
        """Write what each terminal shows."""
        screens = {name: await terminal.history() for name, terminal in self._terminals.items()}
        await asyncio.to_thread(_write, folder, screens)

    async def start(self, version: str) -> None:
        """A TUI starts a thread, has a turn and sees what it cost."""
        self.host = await self._codex("host", version, "--remote", self._server.url, *MAY_ASK)
        await self.host.sees("test-model default")
        await self.host.say("first words reads:60000")
        await self.host.sees("Noted: FIRST WORDS READS:60000")
        self.thread_id = rollout_of(self._home).stem[-36:]
        await self._costs(self.host)

    async def resume(self, version: str) -> None:
        """Another comes to it, and sees its past and what it has cost, before any turn of its own."""
        self.guest = await self.come("guest", version)
        await self.guest.sees("first words reads:60000", "Noted: FIRST WORDS READS:60000")
        await self._costs(self.guest)

    async def come(self, name: str, version: str) -> Terminal:
        """One more TUI on the thread."""
        return await self._codex(name, version, "resume", "--remote", self._server.url, self.thread_id)

    async def archived(self) -> None:
        """Wait until the thread has been put away."""
        deadline = time.monotonic() + PATIENCE
        while not list(self._home.glob(f"archived_sessions/*{self.thread_id}.jsonl")):
            assert time.monotonic() < deadline, "never archived"
            await asyncio.sleep(0.05)

    async def follow(self) -> None:
        """What one says, the other shows, once."""
        for speaker, text in ((self.host, "said by the host"), (self.guest, "said by the guest")):
            await speaker.say(text)
            for terminal in (self.host, self.guest):
                screen = await terminal.sees(f"{SAID}{text}", f"Noted: {text.upper()}")
                assert screen.count(f"Noted: {text.upper()}") == 1

    async def steer(self) -> None:
        """The guest adds to a turn of the host."""
        await self.host.say("gate:steered")
        for terminal in (self.host, self.guest):
            await terminal.shows(_runs("gate:steered", "First"), "the turn of the host")
        await self.guest.say("added by the guest")
        await self.guest.sees("↳ added by the guest")
        self._model.open("steered")
        for terminal in (self.host, self.guest):
            await terminal.sees("First rest", f"{SAID}added by the guest", "Noted: ADDED BY THE GUEST")

    async def interrupt(self) -> None:
        """The guest ends a turn of the host; both can go on."""
        await self.host.say("hang on")
        for terminal in (self.host, self.guest):
            await terminal.shows(_runs("hang on", "Hm"), "the turn of the host")
        await self.guest.press("Escape")
        for terminal in (self.host, self.guest):
            await terminal.sees("Conversation interrupted")
        await self.host.say("went on")
        for terminal in (self.host, self.guest):
            await terminal.sees("Noted: WENT ON")

    async def allow(self) -> None:
        """Both are asked whether a command may run; the guest allows it, and both show what it said."""
        await self.host.say(self._model.teach("please count", [escaped("sleep 0.1; echo one; echo two")]))
        for terminal in (self.host, self.guest):
            await terminal.sees(MAY_RUN, "$ sleep 0.1; echo one; echo two", "Yes, proceed (y)")
        await self.guest.press("y")
        for terminal in (self.host, self.guest):
            await terminal.lacks(MAY_RUN)
            await terminal.sees("• Ran sleep 0.1; echo one; echo two\n  └ one\n    two", "• Done")

    async def patch(self, folder: Path) -> None:
        """Both are asked whether a patch may be applied; the host allows it, and both show what it changed."""
        file = folder / "words.txt"
        text = f"*** Begin Patch\n*** Add File: {file}\n+new words\n*** End Patch"
        await self.guest.say(self._model.teach("please write", [("apply_patch", text)]))
        for terminal in (self.host, self.guest):
            await terminal.sees(MAY_PATCH, "Added", "words.txt (+1 -0)", "1 +new words")
        await self.host.press("y")
        for terminal in (self.host, self.guest):
            await terminal.lacks(MAY_PATCH)
        await self._both_say_done(2)
        assert file.read_text() == "new words\n"

    async def refuse(self) -> None:
        """Both are asked; the host says no, which ends the turn in both. What it says then begins another."""
        await self.guest.say(self._model.teach("please destroy", [escaped("rm -rf /nowhere/at/all")]))
        for terminal in (self.host, self.guest):
            await terminal.sees(MAY_RUN, "$ rm -rf /nowhere/at/all")
        await self.host.press("Escape")
        for terminal in (self.host, self.guest):
            await terminal.lacks(MAY_RUN)
            await terminal.shows(lambda screen: screen.count("Conversation interrupted") == 2, "the end of the turn")
        await self.host.say("something else")
        for terminal in (self.host, self.guest):
            await terminal.sees("Noted: SOMETHING ELSE")

    async def _both_say_done(self, count: int) -> None:
        for terminal in (self.host, self.guest):
            await terminal.shows(lambda screen: screen.count("• Done") == count, f"{count} answers")

    async def fork(self, version: str) -> None:
        """A third goes its own way from there; the others do not hear of it."""
        fork = await self._codex("fork", version, "fork", "--remote", self._server.url, self.thread_id)
        await fork.sees("Noted: FIRST WORDS READS:60000", "Noted: WENT ON")
        await fork.say("own way")
        await fork.sees("Noted: OWN WAY")
        for terminal in (self.host, self.guest):
            assert "own way" not in await terminal.history()

    async def _costs(self, terminal: Terminal) -> None:
        await terminal.say("/status")
        screen = await terminal.sees("Session:", self.thread_id, "Context window:")
        status = " ".join(screen.split("Session:")[-1].split())
        assert "Token usage: 60K total (60K input + 20 output)" in status
        assert "Context window: 81% left (60K used / 258K)" in status


def escaped(cmd: str) -> Called:
    """The model wants to run this without walls, which it must ask for."""
    return "exec_command", {"cmd": cmd, "login": False, "sandbox_permissions": "require_escalated"}


def _write(folder: Path, texts: dict[str, str]) -> None:
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)


def _runs(prompt: str, reply: str) -> Callable[[str], bool]:
    """Whether a screen shows this turn running. Some versions show the reply when a line of it is complete."""
    return lambda screen: f"{SAID}{prompt}" in screen and ("esc to interrupt" in screen or f"• {reply}" in screen)
