"""What is done in a TUI while its traffic is recorded. Owns the keys; knows no message.

Each scene ends when the screen shows that what it is about has happened. The screens of the versions differ, so scenes
look for what all of them show.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from tests.peer.tmux import Terminal

REMOTE = ("--remote", "{url}")

BACK = {"0.125.0": "thread/rollback", "0.166.0": "thread/revert", "0.169.0": "thread/revert"}
"""What each version sends to take back what was said. 0.147.0 cannot do it on a remote server, not even its own."""


class Stage(Protocol):
    """What a scene needs of its stage."""

    version: str

    async def seed(self, *prompts: str) -> str:
        """A thread that is there before the client; returns its id."""

    async def codex(self, *arguments: str) -> Terminal:
        """The TUI, on the server."""

    async def said(self, method: str, count: int = 1) -> None:
        """Wait until the client has sent this method so often, and has its answer."""

    async def told(self, method: str) -> None:
        """Wait until the server has told this."""

    async def quiet(self) -> None:
        """Wait until nobody has said anything for a while."""

    def open(self, gate: str) -> None:
        """Let the model go on."""


@dataclass(frozen=True)
class Scene:
    """One scene. ``but``: versions whose TUI cannot play it."""

    play: Callable[[Stage], Awaitable[None]]
    but: tuple[str, ...] = ()

    def known_to(self, version: str) -> bool:
        """Whether the TUI of this version can do it."""
        return version not in self.but


async def _new(stage: Stage, *arguments: str) -> Terminal:
    terminal = await stage.codex(*REMOTE, *arguments)
    await terminal.sees("test-model default")
    return terminal


async def _chat(terminal: Terminal, prompt: str) -> None:
    await terminal.say(prompt)
    await terminal.sees(f"Noted: {prompt.upper()}")


async def chat(stage: Stage) -> None:
    terminal = await _new(stage)
    await _chat(terminal, "good morning")
    await _chat(terminal, "good evening")
    await terminal.say("/status")
    await terminal.sees("Session:", "Context window:")


async def resume_by_id(stage: Stage) -> None:
    thread_id = await stage.seed("first words", "last words")
    terminal = await stage.codex("resume", *REMOTE, thread_id)
    await terminal.sees("Noted: LAST WORDS", "test-model")
    await _chat(terminal, "more words")


async def resume_by_picker(stage: Stage) -> None:
    await stage.seed("another thread")
    await stage.seed("pick me")
    terminal = await stage.codex("resume", *REMOTE)
    await terminal.sees("pick me", "another thread")
    await terminal.type("pick")
    await terminal.shows(lambda screen: "another thread" not in screen, "only what was searched")
    await terminal.press("Enter")
    await terminal.sees("Noted: PICK ME")
    await _chat(terminal, "more words")


async def fork(stage: Stage) -> None:
    thread_id = await stage.seed("first words")
    terminal = await stage.codex("fork", *REMOTE, thread_id)
    await terminal.sees("Noted: FIRST WORDS", "test-model")
    await _chat(terminal, "own way")


async def steer(stage: Stage) -> None:
    terminal = await _new(stage)
    await terminal.say("gate:steer")
    await stage.told("item/agentMessage/delta")
    await terminal.say("other words")
    await stage.said("turn/steer")
    stage.open("steer")
    await terminal.sees("Noted: OTHER WORDS")


async def interrupt(stage: Stage) -> None:
    terminal = await _new(stage)
    await terminal.say("hang on")
    await stage.told("item/agentMessage/delta")
    await terminal.press("Escape")
    await stage.said("turn/interrupt")
    await _chat(terminal, "go on")


async def rename(stage: Stage) -> None:
    terminal = await _new(stage)
    await _chat(terminal, "good morning")
    await terminal.say("/rename my title")
    await stage.said("thread/name/set")


async def archive(stage: Stage) -> None:
    terminal = await _new(stage)
    await _chat(terminal, "good morning")
    await terminal.say("/archive")
    await terminal.sees("rchive this session")
    await terminal.press("Down")
    await terminal.press("Enter")
    await stage.said("thread/archive")


async def model(stage: Stage) -> None:
    terminal = await _new(stage)
    await terminal.say("/model")
    await terminal.sees("Select Model")
    await terminal.press("Enter")
    await terminal.sees("Reasoning")
    await terminal.press("Enter")
    await terminal.sees("changed to")
    await _chat(terminal, "good morning")


async def permissions(stage: Stage) -> None:
    terminal = await _new(stage)
    await terminal.say("/permissions")
    await terminal.sees("Update Model Permissions", "Full Access")
    await terminal.press("Enter")
    await terminal.shows(lambda screen: "Update Model Permissions" not in screen, "that it was chosen")
    await _chat(terminal, "good morning")


async def plan(stage: Stage) -> None:
    terminal = await _new(stage)
    await terminal.press("BTab")
    await terminal.sees("Plan mode")
    await _chat(terminal, "plan this")


async def image(stage: Stage) -> None:
    terminal = await _new(stage, "--image=picture.png", "look here")
    await terminal.sees("Noted: LOOK HERE")


async def skill(stage: Stage) -> None:
    terminal = await _new(stage)
    await stage.quiet()  # it offers skills only when it knows them
    await terminal.type("$gree")
    await terminal.sees("Says hello")
    await terminal.press("Enter")
    await terminal.say("the world")
    await stage.said("turn/start")


async def backtrack(stage: Stage) -> None:
    terminal = await _new(stage)
    await _chat(terminal, "good morning")
    await _chat(terminal, "good evening")
    await terminal.press("Escape")
    await terminal.press("Escape")
    await terminal.shows(lambda screen: "edit message" in screen or "rewind" in screen, "the turns to go back to")
    await terminal.press("Enter")
    await stage.said(BACK[stage.version])
    await terminal.press("Enter")
    await stage.said("turn/start", 3)


async def compact(stage: Stage) -> None:
    terminal = await _new(stage)
    await _chat(terminal, "good morning")
    await terminal.say("/compact")
    await terminal.sees("ompacted")


SCENES = {
    "start-and-chat": Scene(chat),
    "resume-by-id": Scene(resume_by_id),
    "resume-by-picker": Scene(resume_by_picker),
    "fork": Scene(fork),
    "steer": Scene(steer),
    "interrupt": Scene(interrupt),
    "rename": Scene(rename),
    "archive": Scene(archive, but=("0.125.0",)),
    "model": Scene(model),
    "permissions": Scene(permissions),
    "plan": Scene(plan),
    "image": Scene(image),
    "skill": Scene(skill, but=("0.125.0", "0.147.0", "0.169.0")),
    "backtrack": Scene(backtrack, but=("0.147.0",)),
    "compact": Scene(compact),
}
