"""Finds the plan in what a model says in plan mode. Pure; knows no item and no event.

A plan stands between two lines that hold nothing but its tags. Only a whole line can be told from a tag, so that what
may still become one is held back until it is clear: however the text is cut into pieces, the same comes out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

OPENING, CLOSING = "<proposed_plan>", "</proposed_plan>"

_PIECES = re.compile(r"[^\n]*\n|[^\n]+")


class Part(NamedTuple):
    """Text of the plan, or around it. One that ``opens`` a plan has no text."""

    in_plan: bool
    text: str = ""
    opens: bool = False


class PlanParser:
    """Takes a message piece by piece. A later plan replaces an earlier one."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._plan: list[str] | None = None
        self._inside = False
        self._held = ""
        self._is_text = False  # the line that has begun is no tag

    @property
    def said(self) -> str:
        """All that is not plan."""
        return "".join(self._said)

    @property
    def plan(self) -> str | None:
        """The newest plan; None if there is none."""
        return None if self._plan is None else "".join(self._plan)

    def feed(self, text: str) -> list[Part]:
        """The next piece of the message; what is clear by now."""
        parts: list[Part] = []
        for piece in _PIECES.findall(text):
            for part in self._take(piece):
                if parts and not part.opens and parts[-1].in_plan == part.in_plan and not parts[-1].opens:
                    part = part._replace(text=parts.pop().text + part.text)
                parts.append(part)
        return parts

    def finish(self) -> list[Part]:
        """The message is over; what was held back. A plan that was not closed ends here."""
        held, self._held = self._held, ""
        if not held:
            return []
        return self._tag() if held.strip() == self._awaited else [self._text(held)]

    @property
    def _awaited(self) -> str:
        return CLOSING if self._inside else OPENING

    def _take(self, piece: str) -> list[Part]:
        ended = piece.endswith("\n")
        if not self._is_text:
            self._held += piece
            if ended and self._held.strip() == self._awaited:
                self._held = ""
                return self._tag()
            if not ended and _may_become(self._held, self._awaited):
                return []
            piece, self._held = self._held, ""
        self._is_text = not ended
        return [self._text(piece)]

    def _tag(self) -> list[Part]:
        self._inside = not self._inside
        if not self._inside:
            return []
        self._plan = []
        return [Part(in_plan=True, opens=True)]

    def _text(self, text: str) -> Part:
        (self._plan if self._inside and self._plan is not None else self._said).append(text)
        return Part(in_plan=self._inside, text=text)


def _may_become(line: str, tag: str) -> bool:
    begun = line.strip()
    return tag.startswith(begun) if line[-1:].strip() or not begun else tag == begun


def split(text: str) -> PlanParser:
    """A whole message at once."""
    parser = PlanParser()
    parser.feed(text)
    parser.finish()
    return parser
