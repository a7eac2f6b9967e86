"""What stock TUIs, old and new, do with a thread besides talking: plans, skills, images."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.peer.tmux import Terminal, Tmux, terminals
from tests.support import codex
from tests.support.app_server import ours, serving
from tests.support.model import ModelServer

pytestmark = [
    pytest.mark.codex,
    pytest.mark.parametrize("version", [codex.REFERENCE, codex.NEWEST]),
]

MODE = "for Plan mode."


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer() as model:
        yield model


@pytest.fixture
def home(tmp_path: Path, project: Path, model: ModelServer) -> Path:
    """The CODEX_HOME of the server."""
    home = tmp_path / "server"
    codex.write_config(home, model.url, trusted=project)
    return home


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Where the TUIs work."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    return folder


@pytest.fixture
async def tmux(tmp_path: Path, project: Path) -> AsyncIterator[Tmux]:
    """Terminals of one who has a CODEX_HOME of his own, and no model."""
    codex.write_config(tmp_path / "mine", "http://127.0.0.1:9/v1", trusted=project)
    async with terminals(tmp_path / "mine", project) as tmux:
        yield tmux


def given(model: ModelServer) -> list[Any]:
    """The parts of all messages that the model got; a TUI may also ask for a title."""
    return [part for request in model.requests for item in request["input"] for part in item["content"]]


async def ready(terminal: Terminal) -> Terminal:
    await terminal.sees("test-model default")
    return terminal


async def test_a_plan_is_shown_and_can_be_accepted(
    home: Path, project: Path, tmux: Tmux, model: ModelServer, version: str
) -> None:
    async with serving(ours(), home) as server:
        arguments = ("--remote", server.url, "-C", str(project))
        terminal = await ready(await tmux.codex("one", *arguments, version=version))
        await terminal.say("/plan")
        await terminal.sees(MODE)
        await terminal.say("plans for the shed")
        screen = await terminal.sees("Proposed Plan", "# Paint the bikeshed", "Buy green paint", "Implement this plan?")
        assert "proposed_plan" not in screen
        assert any("<collaboration_mode>" in part.get("text", "") for part in given(model))
        await terminal.press("Enter")
        await terminal.sees("Noted: IMPLEMENT THE PLAN.")
        assert any(part["text"].endswith("</proposed_plan>\n") for part in given(model))


async def test_a_skill_is_offered_by_the_picker_and_its_instructions_reach_the_model(
    home: Path, project: Path, tmux: Tmux, model: ModelServer, version: str
) -> None:
    file = project / ".agents/skills/greeting/SKILL.md"
    file.parent.mkdir(parents=True)
    file.write_text("---\nname: greeting\ndescription: Says hello nicely\n---\nAlways wave.\n")
    async with serving(ours(), home) as server:
        arguments = ("--remote", server.url, "-C", str(project))
        terminal = await ready(await tmux.codex("one", *arguments, version=version))
        await terminal.type("$gre")
        await terminal.sees("Says hello nicely")
        await terminal.press("Enter")
        await terminal.type("to Ann")
        await terminal.press("Enter")
        await terminal.sees("Noted: ")
    texts = [part.get("text", "") for part in given(model)]
    (instructions,) = {text for text in texts if text.startswith("<skill>")}
    assert f"<path>{file}</path>" in instructions
    assert "Always wave." in instructions


async def test_an_image_file_reaches_the_model(
    home: Path, project: Path, tmux: Tmux, model: ModelServer, version: str
) -> None:
    content = picture()
    (project / "red.png").write_bytes(content)
    async with serving(ours(), home) as server:
        arguments = ("--remote", server.url, "-C", str(project), "-i", "red.png", "--", "what is this")
        terminal = await tmux.codex("one", *arguments, version=version)
        await terminal.sees("Noted: ")
    images = [part for part in given(model) if part["type"] == "input_image"]
    url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    assert {image["image_url"] for image in images} == {url}


def picture() -> bytes:
    """A PNG of one red pixel."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
