"""The calls of one answer of the model: begun as they come, answered in their order. Knows no tool and no client."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple, Self

import structlog

from rollout.lines import ResponseItem
from server.engine.tools.tool import Call, CallFailed, Content, Tool, TurnCancelled, Work
from server.engine.tools.toolbox import Toolbox
from server.engine.tools.truncation import Budget, truncated

_log = structlog.get_logger(__name__)

RECORDED_PERCENT = 120
"""What is kept of an output, as a share of what a tool may say: one that keeps to that is never cut twice."""

_MARK = 64
"""Bytes of room for the mark in a gap."""

_BROKEN = "The tool failed inside the server; its log has the details."


class _Begun(NamedTuple):
    item: dict[str, Any]
    task: asyncio.Task[Content]
    at: float


class Calls:
    """A call waits for those before it, unless both may run beside each other.

    Every call that was begun gets its answer into the model history: at :meth:`end`, else when the block is left.
    """

    def __init__(self, toolbox: Toolbox, work: Work) -> None:
        self._toolbox = toolbox
        self._work = work
        self._begun: list[_Begun] = []
        self._alone: asyncio.Task[Content] | None = None  # the newest that runs beside no other

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_reason: object) -> None:
        """Stop what still runs, and record that it was stopped."""
        running = {begun.task for begun in self._begun if not begun.task.done()}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        self._record()

    def begin(self, item: dict[str, Any]) -> None:
        """Start a call that the model made; it runs while the model goes on."""
        call = Call.of(item)
        tool = self._toolbox.find(call)
        parallel = tool is None or tool.parallel
        before = [self._alone] if parallel and self._alone else [] if parallel else [each.task for each in self._begun]
        task = asyncio.get_running_loop().create_task(self._run(call, tool, before))
        task.add_done_callback(self._look)
        self._begun.append(_Begun(item, task, time.monotonic()))
        if not parallel:
            self._alone = task

    async def end(self) -> bool:
        """Wait for all calls and record their answers. True if there were any, which the model now must hear."""
        for begun in self._begun:
            await asyncio.wait({begun.task})  # if it ends the turn, that stops the wait
            begun.task.result()
        return self._record()

    def _look(self, task: asyncio.Task[Content]) -> None:
        """Stop the turn at once if that is what a person wants: the model may speak for long, other calls may wait."""
        if not task.cancelled() and isinstance(task.exception(), TurnCancelled):
            self._work.stop()

    async def _run(self, call: Call, tool: Tool | None, before: list[asyncio.Task[Content]]) -> Content:
        if before:
            await asyncio.wait(before)
        if tool is None:
            return f"unsupported {'custom tool ' if call.custom else ''}call: {call.name}"
        try:
            return await tool.run(call, self._work)
        except CallFailed as error:
            return str(error)
        except TurnCancelled:
            raise
        except Exception:
            _log.exception("tool_failed", thread=self._work.host.id, turn=self._work.turn_id, tool=call.name)
            return _BROKEN

    def _record(self) -> bool:
        begun, self._begun = self._begun, []
        budget = Budget.of(self._work.settings)
        budget = budget._replace(size=budget.size * RECORDED_PERCENT // 100)
        notes = self._work.notes.copy()
        self._work.notes.clear()
        self._work.emit(*(ResponseItem(payload=_answer(each, budget)) for each in begun), *notes)
        return bool(begun)


def _answer(begun: _Begun, budget: Budget) -> dict[str, Any]:
    custom = begun.item["type"] == "custom_tool_call"
    kind = "custom_tool_call_output" if custom else "function_call_output"
    stopped = begun.task.cancelled() or begun.task.exception() is not None
    seconds = max(0.1, time.monotonic() - begun.at)
    output: Content = f"aborted by user after {seconds:.1f}s" if stopped else begun.task.result()
    return {"type": kind, "call_id": begun.item.get("call_id") or "", "output": bounded(output, budget)}


def bounded(output: Content, budget: Budget) -> Content:
    """The output with no more text than this; its images stay."""
    if isinstance(output, str):
        return _within(output, budget)
    parts: list[dict[str, Any]] = []
    left = budget.size
    for part in output:
        if part.get("type") != "input_text":
            parts.append(part)
        elif left > 0:
            text = _within(part["text"], budget._replace(size=left))
            left -= len(part["text"].encode(errors="replace"))
            parts.append(part | {"text": text})
    return parts


def _within(text: str, budget: Budget) -> str:
    """The text, with the mark in it that something is missing, in so many bytes: the model history cuts it no more."""
    if len(text.encode(errors="replace")) <= budget.size:
        return text
    return truncated(text, budget._replace(size=max(0, budget.size - _MARK)))
