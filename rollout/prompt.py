"""Entries -> the model's history and what it was last told. Pure; built when a turn first needs it, then fed along.

A rollback takes from the model exactly the turns that it takes from the clients, across a compaction too. (The peer
counts user messages here and turns there, and loses everything when a rollback crosses a compaction.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rollout.boundaries import (
    is_contextual_developer,
    is_contextual_user,
    is_user_turn,
    project_instructions,
    texts,
)
from rollout.events import TaskStarted, ThreadRolledBack, UserMessage
from rollout.history import History
from rollout.lines import Compacted, Entry, ResponseItem, TurnContext
from rollout.mapping import optional
from rollout.model_items import Item, as_list, as_object, is_known
from rollout.policy import OUTPUT_LIMIT, cut
from rollout.requests import REFUSED_IMAGE, without_images
from rollout.requests import normalise as normalise

SUMMARY_BUDGET = 20_000
"""Tokens of the user's own messages that survive a compaction."""

BYTES_PER_TOKEN = 4
_SLACK = 1.2
NO_SUMMARY = "(no summary available)"


class Prompt:
    """The model history of a thread.

    ``items``: oldest first, as stored. ``reference``: the settings the model was last told, None if it must be told
    all anew. ``previous_model``: the model of the last turn with a user message. ``instructions``: those of AGENTS.md
    files that it was told last. ``compactions``: how often the history was replaced.
    """

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.reference: TurnContext | None = None
        self.previous_model: str | None = None
        self.instructions: str | None = None
        self.compactions = 0
        self._told: TurnContext | None = None
        self._has_user = False
        self._output_limit = OUTPUT_LIMIT
        self._summaries: set[str] = set()
        self._is_told_anew = False  # by a compaction of this turn, which kept what the model must know

    def summed_up(self, items: list[Item], summary: str) -> list[Item]:
        """What a compaction makes of these items of the history: the user's own words, then the summary."""
        return summary_form(items, summary, self._summaries)

    def leave_out_images(self) -> bool:
        """Put words in the place of the images since the user last spoke, or of all if there are none of these.

        False if there are no images at all. The rollout keeps them: another model may read them.
        """
        last = max((at for at, item in enumerate(self.items) if is_user_turn(item)), default=0)
        return self._leave_out_images(last) or self._leave_out_images(0)

    def _leave_out_images(self, since: int) -> bool:
        told = [without_images(item, REFUSED_IMAGE) for item in self.items[since:]]
        changed = any(new is not old for new, old in zip(told, self.items[since:], strict=True))
        self.items[since:] = told
        return changed

    def feed(self, entry: Entry) -> None:
        """Take the next entry. Raises ``ValueError`` for a rollback, which may need what was compacted away."""
        match entry:
            case ResponseItem(payload=item):
                self._add(item)
            case TurnContext():
                self._tell(entry)
            case Compacted():
                self._compact(entry)
            case TaskStarted():
                self._has_user, self._told, self._is_told_anew = False, None, False
            case UserMessage():
                self._user_spoke()
            case ThreadRolledBack():
                raise ValueError("a rollback cannot be fed to a prompt; build it anew")
            case _:
                pass

    def _add(self, item: Item) -> None:
        if not is_known(item) or item.get("role") == "system":
            return
        self.items.append(shortened(item, self._output_limit))
        if is_user_turn(item):
            self._user_spoke()
        else:
            self.instructions = project_instructions(item) or self.instructions

    def _tell(self, context: TurnContext) -> None:
        self._told = context
        self._output_limit = _limit_of(context)
        if self._has_user or self._is_told_anew:
            self._told_for_good()

    def _user_spoke(self) -> None:
        """The context told for this turn counts from its user message on: a turn that never got one told nothing."""
        self._has_user = True
        self._told_for_good()

    def _told_for_good(self) -> None:
        if self._told is not None:
            self.reference, self.previous_model, self._told = self._told, self._told.model, None

    def _compact(self, entry: Compacted) -> None:
        replacement = optional(entry.replacement_history)
        if replacement is None:
            replacement = summary_form(self.items, entry.message, self._summaries)
        self.items = [item for item in replacement if is_known(item)]
        self.reference = self._told = None
        self._summaries.add(entry.message)
        self.compactions += 1
        self._is_told_anew = any(is_contextual_user(item) for item in self.items)
        told = (project_instructions(item) for item in reversed(self.items))
        self.instructions = next((text for text in told if text is not None), None)


def build(entries: Iterable[Entry]) -> Prompt:
    """The model history that a rollout ends with."""
    prompt = Prompt()
    for entry in surviving(entries):
        prompt.feed(entry)
    return prompt


def straight(entries: Iterable[Entry]) -> Prompt | None:
    """The same without keeping the entries; None if turns were rolled back, which only :func:`build` can take out."""
    prompt = Prompt()
    for entry in entries:
        if isinstance(entry, ThreadRolledBack):
            return None
        prompt.feed(entry)
    return prompt


def surviving(entries: Iterable[Entry]) -> Sequence[Entry]:
    """The entries without those of turns that were rolled back."""
    entries = entries if isinstance(entries, list) else list(entries)
    if not any(isinstance(entry, ThreadRolledBack) for entry in entries):
        return entries
    history, kept, starts = History(), list[Entry](), list[int]()
    for entry in entries:
        history.feed(entry)
        count = history.turn_count
        if isinstance(entry, ThreadRolledBack):
            del kept[starts[count] if count < len(starts) else len(kept) :]
        elif count > len(starts):
            starts.append(_start(kept, entry, starts[-1] if starts else 0))
        del starts[count:]
        if not isinstance(entry, ThreadRolledBack):
            kept.append(entry)
    return kept


def _start(kept: list[Entry], opener: Entry, earliest: int) -> int:
    """Where the turn that ``opener`` opens begins: before its user's model item and the context written for it."""
    at = len(kept)
    if not isinstance(opener, UserMessage) or not _is(kept, at - 1, user=True):
        return at
    at -= 1
    while at > earliest and _is(kept, at - 1, user=False):
        at -= 1
    return at


def _is(kept: list[Entry], at: int, *, user: bool) -> bool:
    entry = kept[at] if at >= 0 else None
    if isinstance(entry, ResponseItem):
        item = entry.payload
        return is_user_turn(item) if user else is_contextual_user(item) or is_contextual_developer(item)
    return isinstance(entry, TurnContext) and not user


def summary_form(items: Iterable[Item], summary: str, earlier: Iterable[str] = ()) -> list[Item]:
    """The history after a compaction: the newest of the user's own words within the budget, then the summary.

    ``earlier``: summaries of compactions before, which are not the user's words.
    """
    known = frozenset(earlier)
    spoken = ["\n".join(texts(item)) for item in items if is_user_turn(item)]
    words = [text for text in spoken if text not in known]
    return [_user_item(text) for text in [*_newest(words), summary or NO_SUMMARY]]


def _newest(words: list[str]) -> list[str]:
    """The newest texts within the budget, in order; the one that goes beyond it is cut and is the last taken."""
    left, taken = SUMMARY_BUDGET * BYTES_PER_TOKEN, list[str]()
    for text in reversed(words):
        if left <= 0:
            break
        taken.append(cut(text, left))
        left -= len(text.encode(errors="replace"))
    return taken[::-1]


def _user_item(text: str) -> Item:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def _limit_of(context: TurnContext) -> int:
    """The most bytes of one tool output, by the turn's truncation policy and some slack."""
    policy = optional(context.truncation_policy) or {}
    limit = policy.get("limit")
    if not isinstance(limit, int):
        return int(OUTPUT_LIMIT * _SLACK)
    return int(limit * _SLACK) * (BYTES_PER_TOKEN if policy.get("mode") == "tokens" else 1)


def shortened(item: Item, limit: int) -> Item:
    """A tool's output with texts of at most ``limit`` bytes; anything else as it is."""
    output = item.get("output")
    if isinstance(output, str):
        return item if len(output) * 4 <= limit else item | {"output": cut(output, limit)}
    parts = [as_object(part) for part in as_list(output)]
    if not any(len(str(part.get("text", ""))) * 4 > limit for part in parts):
        return item
    return item | {"output": [part | {"text": cut(part["text"], limit)} if "text" in part else part for part in parts]}
