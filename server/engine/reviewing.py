"""The turn that reviews: a model with instructions and a history of its own, whose verdict the thread gets to know.

Knows no client and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from uuid_utils import uuid4, uuid7

from protocol import item as wire
from protocol.item import TextInput
from protocol.review import ReviewTarget
from rollout import events, mapping, reviews
from rollout.events import Event
from rollout.lines import Entry, ResponseItem
from server.engine import context, output, project_docs
from server.engine.aside import Aside
from server.engine.asking import Asking
from server.engine.attachments import Attachments
from server.engine.compaction import Compaction, is_due
from server.engine.host import Host
from server.engine.inputs import Input, said
from server.engine.permission_words import permission_words
from server.engine.review_targets import hint, question
from server.engine.sampling import Sampler, equipped
from server.engine.settings import Settings
from server.engine.turn import Turn
from server.engine.workspace import Workspace
from server.models import metadata
from server.providers.provider import Provider

INSTRUCTIONS = (Path(__file__).parent / "review_instructions.md").read_text()

WITHOUT = ("update_plan", "request_user_input", "web_search")
"""Tools that a reviewer has no use for: it reports once, and asks nobody."""

STOPPED = "The review was stopped before it was done."
FAILED = "The review failed before it was done."

_RECORD = """\
<user_action>
  <context>The user had a review made; this is all that the reviewer said. They may ask for some of it to be dealt \
with.</context>
  <action>review</action>
  <results>
{results}
  </results>
</user_action>
"""


class ReviewTurn(Turn):
    """A turn that reviews ``target``. It takes no input."""

    kind = "review"

    def __init__(
        self, host: Host, provider: Provider, settings: Settings, target: ReviewTarget, workspace: Workspace
    ) -> None:
        super().__init__(host, provider, settings)
        self.hint = hint(target)
        self._target = target
        self._workspace = workspace
        self._reviewing = _settings(settings)
        self._aside = Aside(host)
        self._asking = Asking(self._aside, provider, self._reviewing, self.id, session=str(uuid7()), subagent=self.kind)
        self._docs = project_docs.Docs()
        self._permissions: str | None = None
        self._has_entered = False

    def steer(self, given: Input) -> bool:
        """It never does."""
        return False

    async def _do(self) -> None:
        self._enter()
        answer = await self._review(await question(self._target, self._settings.cwd))
        found = reviews.read(answer) if answer and answer.strip() else None
        self._host.emit(*self._left(found, reviews.render(found)))

    def _enter(self) -> None:
        event = events.EnteredReviewMode(target=msgspec.to_builtins(self._target), user_facing_hint=self.hint)
        shown = mapping.entered_review(str(uuid7()), event)
        self._host.emit(*self._whole(shown, event))
        self._has_entered = True

    async def _review(self, asked: str) -> str | None:
        """Ask until the reviewer has no more to look at; its last words."""
        prompt = await self._aside.prompt()
        self._docs = await project_docs.find(self._reviewing.docs, self._reviewing.cwd)
        self._permissions = await permission_words(self._reviewing, self._workspace)
        sampler = await equipped(self._asking, None, self._workspace, self.stop, without=WITHOUT)
        self._aside.emit(*self._context())
        self._aside.emit(*said(self.id, Input([TextInput(text=asked)], None), Attachments()))
        while await self._sample(sampler):
            if is_due(self._aside.usage_info, prompt, self._reviewing):
                await Compaction(self._asking).run(prompt, self._context())
        return sampler.last_message

    async def _sample(self, sampler: Sampler) -> bool:
        try:
            return await sampler.sample(await self._aside.prompt())
        finally:
            self.first_token_at = sampler.first_token_at

    def _context(self) -> Sequence[ResponseItem | Entry]:
        current = context.turn_context(self.id, self._reviewing, datetime.now().astimezone(), None)
        return [*context.news(self._reviewing, current, context.NOTHING, self._docs, None, self._permissions), current]

    def _left(self, found: dict[str, Any] | None, text: str) -> Sequence[Event | Entry]:
        """The end of the review, for people and for the model of the thread, which goes on from there."""
        event = events.ExitedReviewMode(review_output=found)
        shown = mapping.exited_review(str(uuid7()), event)
        self.last_message = text or shown.review
        record = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": _record(text)}]}
        message = wire.AgentMessage(id=str(uuid4()), text=self.last_message)
        content = [{"type": "output_text", "text": message.text}]
        told = {"type": "message", "role": "assistant", "id": message.id, "content": content}
        return [
            ResponseItem(payload=record),
            *self._whole(shown, event),
            *self._whole(message, *output.stored(message.id, told)),
        ]

    def _whole(self, shown: wire.ThreadItem, *stored: Event | Entry) -> Sequence[Event | Entry]:
        """An item that is there at once."""
        return [
            events.ItemStarted(turn_id=self.id, item=shown),
            *stored,
            events.ItemCompleted(turn_id=self.id, item=shown),
        ]

    def _last_words(self, *, failed: bool) -> Sequence[Event | Entry]:
        return self._left(None, FAILED if failed else STOPPED) if self._has_entered else ()

    async def _keep(self, *, failed: bool) -> None:
        """What was found so far is in nobody's words yet."""


def _record(text: str) -> str:
    return _RECORD.format(results="\n".join(f"  {line}".rstrip() for line in text.splitlines()))


def _settings(settings: Settings) -> Settings:
    """Those of the thread, for somebody who only reads and asks nobody."""
    model = settings.keys.review_model or settings.model
    known = settings.known if model == settings.model else metadata(model)
    return msgspec.structs.replace(
        settings,
        model=model,
        known=known,
        approval_policy="never",
        base_instructions=INSTRUCTIONS,
        developer_instructions=None,
        mode=None,
        keys=msgspec.structs.replace(settings.keys, web_search="disabled"),
    )
