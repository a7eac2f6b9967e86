"""One line of a damaged file -> what it holds: whole objects, and fragments between them. Pure; knows no entry.

A crash leaves half a line, to which the next writer's line is glued if it does not look; two writers of one file glue
whole lines together. Nothing whole is lost by that: it only has to be cut out.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from rollout.model_items import as_object

_OPENING = '{"timestamp":'
_BLANK = " \t\r\n"
_GOES_ON = frozenset(",]}")


class Piece(NamedTuple):
    """A part of a line. ``whole``: it is one JSON object; else nothing can be made of it."""

    content: bytes
    whole: bool


def split(raw: bytes) -> list[Piece]:
    """The pieces of one line, in order, without what ends the line. Every byte that is no blank is in one of them.

    A line that is one JSON object is one whole piece, whatever it says. Where more than that is on a line, only what
    has the form of a stored line is cut out as whole.
    """
    text = raw.decode(errors="surrogateescape").strip(_BLANK)
    if not text:
        return []
    first = _object_at(text, 0)
    if first is not None and first[1] == len(text):
        return [Piece(_bytes(text), whole=True)]
    return _cut(text)


def _cut(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    begin = at = 0
    while at < len(text):
        end = _line_at(text, at, sure=at == begin)
        if end is None:
            at = _next(text, at)
            continue
        pieces += _fragment(text[begin:at])
        pieces.append(Piece(_bytes(text[at:end]), whole=True))
        begin = at = _past_blanks(text, end)
    return pieces + _fragment(text[begin:])


def _next(text: str, at: int) -> int:
    found = text.find(_OPENING, at + 1)
    return len(text) if found < 0 else found


def _fragment(text: str) -> list[Piece]:
    content = _bytes(text.strip(_BLANK))
    return [Piece(content, whole=False)] if content else []


def _line_at(text: str, at: int, *, sure: bool) -> int | None:
    """Where the stored line that begins here ends. Not ``sure``: it must not look like a part of something larger."""
    found = _object_at(text, at)
    if found is None or not _is_line(found[0]):
        return None
    after = _past_blanks(text, found[1])
    return found[1] if sure or text[after : after + 1] not in _GOES_ON else None


def _is_line(value: dict[str, Any]) -> bool:
    return isinstance(value.get("timestamp"), str) and isinstance(value.get("type"), str) and "payload" in value


def _object_at(text: str, at: int) -> tuple[dict[str, Any], int] | None:
    """The JSON object that begins here, and where it ends; None if there is none, or it is not UTF-8."""
    if text[at : at + 1] != "{":
        return None
    try:
        value, end = _decoder.raw_decode(text, at)
        text[at:end].encode()
    except (ValueError, RecursionError):
        return None
    return as_object(value), end


def _past_blanks(text: str, at: int) -> int:
    while text[at : at + 1] in _BLANKS:
        at += 1
    return at


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_BLANKS = frozenset(_BLANK)
_decoder = json.JSONDecoder(parse_constant=_refuse)
