"""The built-in offline model: answers at once, always alike, without a network. It says plainly what it is.

Owns: its answers, its token counts, and the directives it understands in the user's last message (``DIRECTIVES``).
Must not know: threads, tools beyond the names and arguments of those it calls.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from protocol.wire import encode
from rollout.events import RateLimits, TokenUsage
from server.errors import TurnError
from server.providers.provider import (
    Completed,
    ItemAdded,
    ItemDone,
    ModelEvent,
    ModelRequest,
    RateLimitsSeen,
    SummaryDelta,
    SummaryPartAdded,
    TextDelta,
)
from server.providers.settings import ProviderConfig
from server.providers.untrusted import elements, members, text

DIRECTIVES = """\
- `deltas:COUNT:SIZE:DELAY_MS` streams COUNT pieces of SIZE characters, DELAY_MS milliseconds apart;
- `run: COMMAND`, or run and the command in backquotes anywhere, asks to run a shell command;
- `escalate: COMMAND` asks to run it outside the sandbox;
- `write: FILE TEXT` adds a file with a patch, and a whole patch (`*** Begin Patch` to `*** End Patch`) is applied;
- `ask: QUESTION` asks you a question with two answers;
- `fail` makes the turn fail."""

CHUNK = 12
ECHO = 400
BREATH = 16
"""After so many pieces without a pause the event loop gets a turn."""

MOST_TEXT = 64 * 1024 * 1024
"""Characters that `deltas` streams at most."""

_DELTAS = re.compile(r"^\s*deltas:(\d{1,7}):(\d{1,6}):(\d{1,6}(?:\.\d+)?)\s*$", re.MULTILINE)
_RUN = re.compile(r"^\s*run:\s*(?P<line>\S.*?)\s*$|\brun\s+`(?P<quoted>[^`\n]+)`", re.MULTILINE | re.IGNORECASE)
_ESCALATE = re.compile(r"^\s*escalate:\s*(\S.*?)\s*$", re.MULTILINE)
_WRITE = re.compile(r"^\s*write:\s*(\S+)\s+(\S.*?)\s*$", re.MULTILINE)
_PATCH = re.compile(r"^\*\*\* Begin Patch$.*?^\*\*\* End Patch$", re.MULTILINE | re.DOTALL)
_ASK = re.compile(r"^\s*ask:\s*(\S.*?)\s*$", re.MULTILINE)
_FAIL = re.compile(r"^\s*fail\s*$", re.MULTILINE)

# Arguments of the shell tools that Codex models know (spec, turns 3.1), by tool name; the first that is offered wins.
_SHELL_TOOLS: dict[str, Callable[[str], dict[str, Any]]] = {
    "exec_command": lambda command: {"cmd": command},
    "shell_command": lambda command: {"command": command},
    "shell": lambda command: {"command": ["bash", "-lc", command]},
}

Sleep = Callable[[float], Awaitable[None]]


class OfflineProvider:
    """Answers every request itself. ``pause``: seconds between two pieces of text; ``sleep`` does the waiting."""

    def __init__(self, config: ProviderConfig, *, pause: float = 0.01, sleep: Sleep = asyncio.sleep) -> None:
        self._config = config
        self._pause = pause
        self._sleep = sleep

    @property
    def id(self) -> str:
        """The key under ``model_providers``."""
        return self._config.id

    @property
    def stream_max_retries(self) -> int:
        """Nothing here gets better by asking again."""
        return 0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer; the same request gets the same events. Raises TurnError when the last message says ``fail``."""
        yield RateLimitsSeen(rate_limits=RateLimits(limit_id="codex"))
        asked = _Asked(request.input)
        if not asked.output and _FAIL.search(asked.text):
            raise TurnError("The offline model failed because the message asked it to.")
        pause, events = self._plan(request, asked)
        pieces = 0
        for event in events:
            if isinstance(event, TextDelta | SummaryDelta):
                pieces += 1
                if pause or pieces % BREATH == 0:
                    await self._sleep(pause)
            yield event

    async def aclose(self) -> None:
        """Nothing is open."""

    def _plan(self, request: ModelRequest, asked: _Asked) -> tuple[float, Iterator[ModelEvent]]:
        writer = _Writer(request, asked)
        if (wanted := _DELTAS.search(asked.text)) and not asked.output:
            size = max(1, int(wanted[2]))
            return float(wanted[3]) / 1000, writer.text(["x" * size] * min(int(wanted[1]), MOST_TEXT // size))
        wish = None if asked.output else _wish(asked.text)
        if wish is not None and (tool := next((each for each in request.tools if each.get("name") in wish), None)):
            return self._pause, writer.call(tool, wish[tool["name"]])
        answer = _answer(asked, lacking=wish is not None)
        return self._pause, writer.reasoned_text([answer[at : at + CHUNK] for at in range(0, len(answer), CHUNK)])


class _Asked:
    """What the last user message of an input says, and the tool output that came after it."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.turn_at = max((at for at, item in enumerate(items) if item.get("role") == "user"), default=0)
        self.text = _said(items[self.turn_at].get("content")) if items else ""
        outputs = [item for item in items[self.turn_at :] if str(item.get("type", "")).endswith("_call_output")]
        self.output = _said(outputs[-1].get("output")) or "(nothing)" if outputs else ""


class _Writer:
    """Writes the events of one answer, with ids that depend on the request alone."""

    def __init__(self, request: ModelRequest, asked: _Asked) -> None:
        self._request = request
        self._asked = asked
        self._seed = f"threadcast:{request.thread_id}:{request.turn_id}:{len(request.input)}"

    def text(self, pieces: list[str]) -> Iterator[ModelEvent]:
        message: dict[str, Any] = {"type": "message", "role": "assistant", "id": self._id("msg"), "content": []}
        yield ItemAdded(item=message)
        for piece in pieces:
            yield TextDelta(delta=piece)
        whole = "".join(pieces)
        yield ItemDone(item=message | {"content": [{"type": "output_text", "text": whole}]})
        yield self._completed(whole, "")

    def reasoned_text(self, pieces: list[str]) -> Iterator[ModelEvent]:
        if self._request.reasoning is None:
            yield from self.text(pieces)
            return
        thought = f"**Reading the message**\n\nIt has {len(self._asked.text)} characters. I will say what I am."
        item: dict[str, Any] = {"type": "reasoning", "id": self._id("rs"), "summary": []}
        yield ItemAdded(item=item)
        yield SummaryPartAdded(index=0)
        for word in re.findall(r"\S+\s*", thought):
            yield SummaryDelta(delta=word, index=0)
        yield ItemDone(item=item | {"summary": [{"type": "summary_text", "text": thought}]})
        for event in self.text(pieces):
            yield self._completed("".join(pieces), thought) if isinstance(event, Completed) else event

    def call(self, tool: dict[str, Any], arguments: dict[str, Any]) -> Iterator[ModelEvent]:
        """``arguments`` of a tool that takes plain text are its ``input`` alone."""
        custom = tool.get("type") == "custom"
        written = arguments["input"] if custom else msgspec.json.encode(arguments).decode()
        kind = {"type": "custom_tool_call", "input": written} if custom else {"type": "function_call"}
        said = {} if custom else {"arguments": written}
        yield ItemDone(item={**kind, "id": self._id("fc"), "name": tool["name"], **said, "call_id": self._id("call")})
        yield self._completed(written, "")

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{uuid5(NAMESPACE_URL, f'{self._seed}:{prefix}').hex}"

    def _completed(self, said: str, thought: str) -> Completed:
        """Four bytes are a token. What was there before this turn's message counts as cached."""
        items = self._request.input
        old = _tokens(encode(items[: self._asked.turn_at])) if self._asked.turn_at else 0
        spent = _tokens(self._request.instructions.encode()) + _tokens(encode(items))
        reasoning = _tokens(thought.encode())
        output = _tokens(said.encode()) + reasoning
        return Completed(
            response_id=self._id("resp"),
            usage=TokenUsage(
                input_tokens=spent,
                cached_input_tokens=old,
                output_tokens=output,
                reasoning_output_tokens=reasoning,
                total_tokens=spent + output,
            ),
        )


def _tokens(text: bytes) -> int:
    return -(-len(text) // 4)


def _wish(said: str) -> dict[str, dict[str, Any]] | None:
    """The tools that would do what the message wants, with their arguments; None if it wants none."""
    if (wanted := _PATCH.search(said)) is not None:
        return {"apply_patch": {"input": wanted[0] + "\n"}}
    if (wanted := _WRITE.search(said)) is not None:
        return {"apply_patch": {"input": f"*** Begin Patch\n*** Add File: {wanted[1]}\n+{wanted[2]}\n*** End Patch\n"}}
    if (wanted := _ASK.search(said)) is not None:
        answers = [{"label": label, "description": f"The answer is {label.lower()}."} for label in ("Yes", "No")]
        question = {"id": "question", "header": "Question", "question": wanted[1], "options": answers}
        return {"request_user_input": {"questions": [question]}}
    if (wanted := _ESCALATE.search(said)) is not None:
        why = {"sandbox_permissions": "require_escalated", "justification": "Your message asked for it."}
        return {name: arguments(wanted[1]) | why for name, arguments in _SHELL_TOOLS.items()}
    if (wanted := _RUN.search(said)) is not None:
        command: str = wanted["line"] or wanted["quoted"]
        return {name: arguments(command) for name, arguments in _SHELL_TOOLS.items()}
    return None


def _said(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(found for part in elements(content) if (found := text(members(part).get("text"))))


def _answer(asked: _Asked, *, lacking: bool) -> str:
    if asked.output:
        return f"The tool has answered:\n\n```\n{asked.output[-4 * ECHO :].rstrip()}\n```\n"
    if lacking:
        return "I would call a tool for that, but this turn offers none that does it.\n"
    shown = asked.text[:ECHO] + ("…" if len(asked.text) > ECHO else "")
    return (
        "I am the offline model that is built into Threadcast: no intelligence, only fixed answers, "
        "so that sharing threads can be tried without an account.\n\n"
        f"You wrote:\n\n> {shown.replace(chr(10), chr(10) + '> ')}\n\n"
        "For real answers set `OPENAI_API_KEY`, or add a `model_providers` table to `config.toml`, and start the "
        f"server again. Things I understand on a line of their own:\n\n{DIRECTIVES}\n"
    )
