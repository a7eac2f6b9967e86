"""An MCP server made with the official SDK, with a tool for each thing that a test asks about.

``python -m tests.support.mcp_server`` serves on standard input and output. Its process id is put into the file that
``PIDS`` names, what it was told of cancelled calls into the one that ``NEWS`` names. ``MODE`` makes it misbehave at its
start: ``deaf`` ignores SIGTERM, the end of its input and initialize; ``forks`` leaves another process behind, in a
session of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63f8cfc0f01f00050001ff56c72f0d0000000049454e44ae426082"
)

READS = ToolAnnotations(read_only_hint=True)

server = MCPServer("Test server", version="1.2", instructions="Say what to echo.")


class Weather(BaseModel):
    city: str
    degrees: int


class Choice(BaseModel):
    color: str = Field(description="Which one")


@server.tool(annotations=READS)
def echo(text: str) -> CallToolResult:
    """Say it again."""
    return CallToolResult(content=[TextContent(type="text", text=f"echo: {text}")])


@server.tool(annotations=ToolAnnotations(destructive_hint=True), title="Danger!")
def danger(path: str) -> CallToolResult:
    """Break something."""
    return CallToolResult(content=[TextContent(type="text", text=f"broke {path}")])


@server.tool()
def plain() -> CallToolResult:
    """Nothing is said of what it does."""
    return CallToolResult(content=[TextContent(type="text", text="done")], _meta={"of": "server"})


@server.tool(annotations=READS)
def weather(city: str) -> Weather:
    """Structured content."""
    return Weather(city=city, degrees=21)


@server.tool(annotations=READS)
def picture() -> Image:
    """A red dot."""
    return Image(data=PIXEL, format="png")


@server.tool(annotations=READS)
def fails() -> str:
    """Always fails."""
    raise ValueError("it is broken")


@server.tool(annotations=READS)
async def slow(seconds: float, context: Context[Any]) -> str:
    """Takes its time; tells how far it is."""
    await context.report_progress(1, 2, "half way")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        _note("cancelled")
        raise
    return "slept"


@server.tool(annotations=READS)
async def asks(context: Context[Any]) -> str:
    """Asks the user."""
    answer = await context.elicit("Which color?", Choice)
    return f"{answer.action}: {getattr(answer, 'data', None)}"


@server.tool(annotations=READS)
def variables(names: Annotated[list[str], Field(description="Which ones")]) -> CallToolResult:
    """What it sees of its environment."""
    said = [f"{name}={os.environ.get(name)}" for name in names] + [f"cwd={os.getcwd()}", " ".join(sorted(os.environ))]
    return CallToolResult(content=[TextContent(type="text", text=line) for line in said])


@server.tool(annotations=READS)
def dies() -> str:
    """Ends the server at once."""
    os._exit(3)


@server.tool(annotations=READS)
def noisy() -> str:
    """Floods standard error, and says on standard output what is no message."""
    for _ in range(64):
        sys.stderr.write("x" * 65536 + "\n")
    os.write(1, b'not json\n{"also": "not a message"}\n\xff\xfe\n')
    return "quiet again"


@server.resource("memo://all", name="all", description="All memos")
def memos() -> str:
    """A resource."""
    return "buy paint"


@server.resource("memo://{name}", name="one", description="One memo")
def memo(name: str) -> str:
    """A template."""
    return f"memo of {name}"


def _note(line: str, name: str = "NEWS") -> None:
    if path := os.environ.get(name):
        with Path(path).open("a") as file:
            file.write(line + "\n")


def _misbehave(mode: str) -> None:
    if mode == "forks":
        other = subprocess.Popen(["sleep", "600"], start_new_session=True, stdin=subprocess.DEVNULL)
        _note(str(other.pid), "PIDS")
    if mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()


if __name__ == "__main__":
    _note(str(os.getpid()), "PIDS")
    _misbehave(os.environ.get("MODE", ""))
    server.run("stdio")
