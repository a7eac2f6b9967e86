"""One sampling request: ask the model, emit what it says, try again when the stream breaks. Knows no client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from uuid_utils import uuid4

from rollout import events
from rollout.prompt import Prompt
from server.engine import output
from server.engine.asking import Asking
from server.engine.patches.turn_diff import TurnDiff
from server.engine.planning import PlanMessage
from server.engine.tools.calls import Calls
from server.engine.tools.tool import Work
from server.engine.tools.toolbox import Toolbox, toolbox
from server.engine.workspace import Workspace
from server.errors import TurnError
from server.providers import provider as model
from server.providers.provider import ModelEvent
from server.repository import work_tree

_WITHOUT_IMAGES = "The model could not read an image. It is asked again, with words in the place of the image."

BREATH = 0.005
"""Seconds of telling after which others get their turn: a model may say much at once, to many."""


class Sampler:
    """Samples for one turn. ``last_message`` is the newest agent text, ``first_token_at`` a ``time.monotonic()``."""

    def __init__(self, asking: Asking, output_schema: Any, work: Work, without: Sequence[str] = ()) -> None:
        self._asking = asking
        self._work, self._without = work, without
        self._toolbox = Toolbox()
        self._host = asking.host
        self._settings = asking.settings
        self._turn_id = asking.turn_id
        self._output_schema = output_schema
        self._active: str | None = None
        self._planning: PlanMessage | None = None
        self._calls = Calls(self._toolbox, self._work)
        self.last_message: str | None = None
        self.first_token_at: float | None = None

    async def sample(self, prompt: Prompt) -> bool:
        """Ask until the model answered in full. True if it called tools, so that it must be asked again.

        Raises :class:`~server.errors.TurnError` when the answer cannot be had.
        """
        self._toolbox = (await toolbox(self._settings, self._work.workspace)).without(*self._without)
        while True:
            try:
                return await self._asking.persist(lambda: self._attempt(prompt))
            except TurnError as error:
                if not error.bad_image or not prompt.leave_out_images():
                    raise
                self._host.emit(events.ThreadWarning(message=_WITHOUT_IMAGES))

    async def _attempt(self, prompt: Prompt) -> bool:
        self._active = self._planning = None
        async with Calls(self._toolbox, self._work) as self._calls:
            try:
                await self._stream(prompt)
            except TurnError:
                await self._calls.end()  # what was called is done, and the next attempt tells the model of it
                raise
            called = await self._calls.end()
        self._work.tell_diff()
        return called

    async def _stream(self, prompt: Prompt) -> None:
        items = prompt.items.copy()  # a client may inject more meanwhile; they count from the next request on
        request = await self._asking.request(
            items,
            prompt.compactions,
            tools=self._toolbox.offers(),
            parallel_tool_calls=self._settings.known.parallel_tool_calls,
            output_schema=self._output_schema,
        )
        async with aclosing(self._asking.provider.stream(request)) as stream:
            spent = 0.0
            async for event in stream:
                begun = time.monotonic()
                self._take(event)
                spent += time.monotonic() - begun
                if spent > BREATH:
                    spent = 0.0
                    await asyncio.sleep(0)

    def _take(self, event: ModelEvent) -> None:
        match event:
            case model.TextDelta():
                self._say(event.delta)
            case model.ItemAdded():
                self._begin(event.item)
            case model.ItemDone():
                self._finish(event.item)
            case model.RateLimitsSeen() | model.Completed():
                self._asking.note(event)
            case model.SummaryPartAdded() | model.SummaryDelta() | model.ReasoningDelta():
                self._reason(event)

    def _say(self, text: str) -> None:
        if self._planning is not None:
            self._host.emit(*self._planning.more(text))
        elif self._active is not None:
            self._host.emit(events.AgentMessageDelta(turn_id=self._turn_id, item_id=self._active, delta=text))

    def _begin(self, item: dict[str, Any]) -> None:
        if self._may_plan(item):
            self.first_token_at = self.first_token_at or time.monotonic()
            self._planning = PlanMessage(self._host.id, self._turn_id, item)
            return
        item_id = item.get("id") or str(uuid4())
        started = output.begun(item_id, item)
        if started is not None:
            self.first_token_at = self.first_token_at or time.monotonic()
            self._active = item_id
            self._host.emit(events.ItemStarted(turn_id=self._turn_id, item=started))

    def _may_plan(self, item: dict[str, Any]) -> bool:
        return item.get("type") == "message" and self._settings.collaboration.mode == "plan"

    def _finish(self, item: dict[str, Any]) -> None:
        if self._may_plan(item):
            planning, self._planning = self._planning or PlanMessage(self._host.id, self._turn_id, item), None
            self._host.emit(*planning.done(item))
            self.last_message = planning.said
            return
        item_id = self._active or item.get("id") or str(uuid4())
        shown = output.finished(item_id, item)
        if item.get("type") == "message":
            self.last_message = output.message_text(item)
        stored = output.stored(item_id, item)
        if shown is None:
            self._host.emit(*stored)
            if item.get("type") in output.CALLS:
                self._calls.begin(item)
            return
        started = [] if self._active else [events.ItemStarted(turn_id=self._turn_id, item=shown)]
        self._active = None
        self._host.emit(*started, *stored, events.ItemCompleted(turn_id=self._turn_id, item=shown))

    def _reason(self, event: model.SummaryPartAdded | model.SummaryDelta | model.ReasoningDelta) -> None:
        if self._active is None:
            return
        at: dict[str, str] = {"turn_id": self._turn_id, "item_id": self._active}
        match event:
            case model.SummaryPartAdded():
                self._host.emit(events.ReasoningSummaryPartAdded(**at, summary_index=event.index))
            case model.SummaryDelta():
                self._host.emit(events.ReasoningSummaryDelta(**at, delta=event.delta, summary_index=event.index))
            case model.ReasoningDelta():
                self._host.emit(events.ReasoningTextDelta(**at, delta=event.delta, content_index=event.index))


async def equipped(
    asking: Asking, output_schema: Any, workspace: Workspace, stop: Callable[[], None], without: Sequence[str] = ()
) -> Sampler:
    """The sampler of a turn with its tools, but for those of these names, and the place where they work. ``stop`` ends
    the turn."""
    settings = asking.settings
    cwd, tree = await asyncio.to_thread(_places, settings.cwd)
    work = Work(asking.host, asking.turn_id, settings, workspace, TurnDiff(str(tree or cwd)), stop)
    return Sampler(asking, output_schema, work, without)


def _places(cwd: str) -> tuple[Path, Path | None]:
    """The folder without links, and its work tree. Reads the file system."""
    folder = Path(cwd).resolve()
    return folder, work_tree(folder)
