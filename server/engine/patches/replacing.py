"""The chunks of an update put into the text of a file. Pure.

Lines that stay, stay byte by byte as they are in the file, however the patch spelled them; lines that come get the line
end of the file's first line. What has come out always ends with a line end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from protocol.wire import Record
from server.engine.patches.grammar import Chunk, PatchError
from server.engine.patches.matching import Lines

_BYTE_ORDER_MARK = "\ufeff"
_SHOWN = 4_000


class _Placed(Record):
    """A chunk's lines with the index of the file's line that the first old one of them is."""

    at: int
    lines: list[str]


def replaced(text: str, chunks: Sequence[Chunk], path: str) -> str:
    """The text with these chunks put in, in order. Raises PatchError, which names ``path``."""
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    lines = text.removeprefix(mark).split("\n")
    end = "\r" if lines[0].endswith("\r") else ""
    if lines[-1] == "":
        lines.pop()
    else:
        lines[-1] += end
    places = _places(Lines([line.removesuffix("\r") for line in lines] if "\r" in text else lines), chunks, path)
    new = list(_woven(lines, places, end))
    return mark + "\n".join([*new, ""]) if new else mark


def _woven(lines: list[str], places: list[_Placed], end: str) -> Iterator[str]:
    at = 0
    for place in sorted(places, key=lambda each: each.at):
        yield from lines[at : place.at]
        at = place.at
        for line in place.lines:
            if line.startswith("+"):
                yield line[1:] + end
                continue
            if not line.startswith("-"):
                yield lines[at]
            at += 1
    yield from lines[at:]


def _places(lines: Lines, chunks: Sequence[Chunk], path: str) -> list[_Placed]:
    places: list[_Placed] = []
    at = 0
    for chunk in chunks:
        for context in chunk.contexts:
            found = lines.find([context], at)
            if found is None:
                raise _not_found(f"Failed to find context '{context[:_SHOWN]}' in {path}", lines, [context], at, chunk)
            at = found + 1
        place = _place(lines, chunk, at, path)
        places.append(place)
        if old := _old(place.lines):
            at = place.at + len(old)
    return places


def _place(lines: Lines, chunk: Chunk, at: int, path: str) -> _Placed:
    old = _old(chunk.lines)
    if not old:  # nothing says where: behind everything
        return _Placed(at=len(lines), lines=chunk.lines)
    for attempt in _attempts(chunk.lines):
        found = lines.find(_old(attempt), at, at_end=chunk.end_of_file)
        if found is not None:
            return _Placed(at=found, lines=attempt)
    shown = "\n".join(old)[:_SHOWN]
    raise _not_found(f"Failed to find expected lines in {path}:\n{shown}", lines, old, at, chunk)


def _old(marked: list[str]) -> list[str]:
    return [line[1:] for line in marked if not line.startswith("+")]


def _attempts(marked: list[str]) -> Iterator[list[str]]:
    """What a chunk may have meant: blank lines around it are often not those of the file."""
    yield marked
    if (without := _without_last_blank(marked)) is not None:
        yield without
    head = next((index for index, line in enumerate(marked) if line), len(marked))
    tail = next((index for index in range(len(marked), head, -1) if marked[index - 1]), head)
    if tail < len(marked) - 1:
        yield marked[:tail]
    if head:
        yield marked[head:]
        if tail < len(marked):
            yield marked[head:tail]


def _without_last_blank(marked: list[str]) -> list[str] | None:
    """These without the last old line, if that is blank; a blank line that should stay among new ones is a new one."""
    last = next((index for index in range(len(marked) - 1, -1, -1) if not marked[index].startswith("+")), -1)
    if last < 0 or marked[last][1:]:
        return None
    stays = ["+"] if last < len(marked) - 1 and not marked[last].startswith("-") else []
    return [*marked[:last], *stays, *marked[last + 1 :]]


def _not_found(what: str, lines: Lines, wanted: list[str], at: int, chunk: Chunk) -> PatchError:
    earlier = lines.find(wanted, 0) if at and not chunk.end_of_file else None
    hint = f"chunk at line {chunk.line} of the patch"
    if chunk.end_of_file:
        hint += f"; its '*** End of File' looks at the last lines of the file only, which has {len(lines)}"
    elif earlier is not None:
        hint += f"; line {earlier + 1} of the file fits, but chunks must be in the order of the file,"
        hint += f" and an earlier one ended at line {at}"
    return PatchError(f"{what}\n({hint})", chunk.line)
