"""Summing up: the model writes what it must remember, and that takes the place of the history. Knows no client.

Of what was said only the user's own words stay as they are, the newest first within a budget. The turns that clients
see do not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

from uuid_utils import uuid4

from protocol.item import ContextCompaction
from rollout import events
from rollout.estimate import context_tokens
from rollout.events import ItemCompleted, ItemStarted, TokenUsageInfo
from rollout.lines import Compacted, Entry, ResponseItem
from rollout.model_items import Item, stored_form
from rollout.prompt import NO_SUMMARY, Prompt
from rollout.requests import REFUSED_IMAGE, without_images
from rollout.usage import recomputed
from server.engine import output
from server.engine.asking import Asking
from server.engine.inputs import Input
from server.engine.settings import Settings
from server.engine.turn import Turn
from server.errors import TurnError
from server.offload import off_the_loop
from server.providers.provider import Completed, ItemDone, RateLimitsSeen

PROMPT = (Path(__file__).parent / "compact_prompt.md").read_text()

PREFIX = (
    "What was said and done before this point was taken out to make room. This is the hand-over that the model wrote "
    "of it. Go on from there, do not repeat what is done, and trust the user's own messages where they say otherwise."
)

_SAID_BY_THE_MODEL = ("reasoning", "web_search_call", *output.CALLS)


def is_due(usage: TokenUsageInfo | None, prompt: Prompt, settings: Settings) -> bool:
    """Whether the history holds so much that it must be summed up before the model is asked again."""
    if usage is None:
        return False
    since = len(prompt.items)
    while since > 0 and not _is_the_models(prompt.items[since - 1]):
        since -= 1
    news = prompt.items[since:] if since else []  # without an answer in it, the history is in the usage already
    return usage.last_token_usage.total_tokens + context_tokens("", news) >= settings.context_limit


def _is_the_models(item: Item) -> bool:
    return item.get("role") == "assistant" or item["type"] in _SAID_BY_THE_MODEL


class Compaction:
    """One replacement of a thread's model history, within a turn."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._host = asking.host
        self._item = ContextCompaction(id=str(uuid4()))

    async def run(self, prompt: Prompt, context: Sequence[ResponseItem | Entry] = ()) -> None:
        """Ask for the summary and put it in place. ``context``: what the model must be told anew, and the record of it.

        Raises :class:`~server.errors.TurnError` when there is no summary to be had; then nothing has changed.
        """
        turn_id = self._asking.turn_id
        self._host.emit(ItemStarted(turn_id=turn_id, item=self._item))
        items = prompt.items.copy()
        summary = await self._asking.persist(lambda: self._summary(items, prompt.compactions))
        message = f"{PREFIX}\n{summary or NO_SUMMARY}"
        kept = await off_the_loop(len(items), lambda: prompt.summed_up(items, message))
        later = [stored_form(item) for item in prompt.items[len(items) :]]  # a client put it in meanwhile
        told = [entry.payload for entry in context if isinstance(entry, ResponseItem)]
        records = [entry for entry in context if not isinstance(entry, ResponseItem)]
        replacement = [*kept[:-2], *told, *kept[-2:], *later]  # the user's last words and the summary stay together
        self._host.emit(Compacted(message=message, replacement_history=replacement), *records)
        settings = self._asking.settings
        estimate = context_tokens(settings.base_instructions, prompt.items)
        usage = recomputed(self._host.usage_info, estimate, settings.known.effective_window)
        self._host.emit(
            events.TokenCount(info=usage, rate_limits=self._asking.rate_limits),
            events.ContextCompacted(),
            ItemCompleted(turn_id=turn_id, item=self._item),
        )

    async def _summary(self, items: list[Item], window: int) -> str:
        """The model's words. A history that is too long loses its oldest items, twice as many each time."""
        asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": self._prompt}]}
        dropped, step = 0, 1
        while True:
            try:
                return await self._ask([*items[dropped:], asked], window)
            except TurnError as error:
                legible = [without_images(item, REFUSED_IMAGE) for item in items] if error.bad_image else items
                if legible != items:
                    items = legible
                    continue
                if not error.context_full or dropped >= len(items):
                    raise
            dropped, step = dropped + step, step * 2

    @property
    def _prompt(self) -> str:
        return self._asking.settings.keys.compact_prompt or PROMPT

    async def _ask(self, items: list[Item], window: int) -> str:
        said = ""
        request = await self._asking.request(items, window)
        async with aclosing(self._asking.provider.stream(request)) as stream:
            async for event in stream:
                if isinstance(event, RateLimitsSeen | Completed):
                    self._asking.note(event)
                elif isinstance(event, ItemDone) and event.item.get("role") == "assistant":
                    said = output.message_text(event.item)
        return said


class CompactTurn(Turn):
    """A turn that only sums up, because somebody wants it. It takes no input."""

    kind = "compact"
    answers = False

    def steer(self, given: Input) -> bool:
        """It never does."""
        return False

    async def _do(self) -> None:
        await Compaction(self._asking).run(await self._host.prompt())

    async def _keep(self, *, failed: bool) -> None:
        """There is nothing: the history is as it was."""
