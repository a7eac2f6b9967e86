"""The stock TUI in tmux: type, press, look. Owns the terminals; knows nothing of what the TUI says to its server.

A terminal has no event for "the screen changed", so ``sees`` looks again and again until a deadline.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support import codex

PATIENCE = 20.0
"""Seconds that a screen may take to show something."""

WIDTH, HEIGHT = 120, 100

SAID = "\u203a "
"""Stands before a prompt on the screen."""

_PAUSE = 0.05


class ScreenError(AssertionError):
    """A screen never showed what it should; holds what it showed instead."""


class Terminal:
    """One program in a terminal of fixed size."""

    def __init__(self, tmux: Tmux, name: str) -> None:
        self._tmux = tmux
        self._name = name

    async def text(self) -> str:
        """What the screen shows now."""
        return await self._tmux.run("capture-pane", "-p", "-t", self._name)

    async def history(self) -> str:
        """What the screen shows and what has scrolled out of it."""
        return await self._tmux.run("capture-pane", "-p", "-S", "-", "-t", self._name)

    async def sees(self, *wanted: str) -> str:
        """Wait until the screen and its history hold all of these; returns both."""

        def complete(screen: str) -> bool:
            return all(text in screen for text in wanted)

        return await self.shows(complete, f"{wanted}")

    async def screen_shows(self, good: Callable[[str], bool], what: str) -> str:
        """Wait until the screen alone, without what has scrolled out of it, is ``good``; returns it."""
        return await self._until(self.text, good, what)

    async def shows(self, good: Callable[[str], bool], what: str) -> str:
        """Wait until screen and history are ``good``; returns both."""
        return await self._until(self.history, good, what)

    async def _until(self, look: Callable[[], Awaitable[str]], good: Callable[[str], bool], what: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while not good(screen := await look()):
            if time.monotonic() > deadline:
                raise ScreenError(f"{self._name} never showed {what}:\n{screen}")
            await asyncio.sleep(_PAUSE)
        return screen

    async def lacks(self, gone: str) -> str:
        """Wait until the screen, without its history, does not hold this; returns it."""
        deadline = time.monotonic() + PATIENCE
        while gone in (screen := await self.text()):
            if time.monotonic() > deadline:
                raise ScreenError(f"{self._name} still showed {gone}:\n{screen}")
            await asyncio.sleep(_PAUSE)
        return screen

    async def type(self, text: str) -> None:
        """Type this, until the screen shows it."""
        await self._tmux.run("send-keys", "-t", self._name, "-l", text)
        await self.sees(text)

    async def paste(self, text: str) -> None:
        """Paste this, as a terminal says that it was pasted."""
        await self._tmux.run("set-buffer", text, ";", "paste-buffer", "-p", "-t", self._name)

    async def press(self, key: str) -> None:
        """Press one key, by its tmux name."""
        await self._tmux.run("send-keys", "-t", self._name, key)

    async def say(self, text: str) -> None:
        """Send a prompt or a slash command."""
        await self.type(text)
        await self.press("Enter")


class Tmux:
    """A tmux server of its own, whose programs run on this CODEX_HOME in this folder."""

    def __init__(self, home: Path, folder: Path, sockets: str) -> None:
        self._folder = folder
        self._env = os.environ | {"CODEX_HOME": str(home), "TERM": "xterm-256color", "TMUX_TMPDIR": sockets}

    async def codex(self, name: str, *arguments: str, version: str = codex.REFERENCE) -> Terminal:
        """The stock TUI of this version with these arguments in a new terminal."""
        command = shlex.join([codex.binary(version), *arguments])
        size = ("-x", str(WIDTH), "-y", str(HEIGHT))
        await self.run("new-session", "-d", "-s", name, *size, "-c", str(self._folder), command)
        return Terminal(self, name)

    async def run(self, *arguments: str) -> str:
        """One tmux command; returns what it prints."""
        process = await asyncio.create_subprocess_exec(
            *("tmux", "-L", "test", "-f", "/dev/null", *arguments),
            env=self._env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        if process.returncode:
            raise RuntimeError(f"tmux {arguments[0]}: {err.decode()}")
        return out.decode()


@asynccontextmanager
async def terminals(home: Path, folder: Path) -> AsyncIterator[Tmux]:
    """Terminals until the end of the block; then all their programs are ended."""
    with tempfile.TemporaryDirectory(prefix="tmux-") as sockets:
        tmux = Tmux(home, folder, sockets)
        await tmux.run("start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";", "new-session", "-d")
        try:
            yield tmux
        finally:
            await tmux.run("kill-server")
