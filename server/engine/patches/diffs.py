"""Unified hunks of two texts, without a file header. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from server.engine.patches.comparing import Run, alike

Edit = tuple[int, int, int, int]
"""Old lines from the first index up to the second become new lines from the third up to the fourth."""

_NO_LINE_END = "\n\\ No newline at end of file\n"


def unified(old: str, new: str, *, context: int) -> str:
    """Hunks with so many lines of context; empty if nothing differs."""
    before, after = _lines(old), _lines(new)
    edits = list(_edits(alike(before, after), len(before), len(after)))
    return "".join(line for group in _groups(edits, context) for line in _hunk(before, after, group, context))


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    last = lines.pop()
    return [*(f"{line}\n" for line in lines), *([last] if last else [])]


def _edits(runs: list[Run], old: int, new: int) -> Iterator[Edit]:
    at = other = 0
    for begin, other_begin, count in [*runs, (old, new, 0)]:
        if at < begin or other < other_begin:
            yield at, begin, other, other_begin
        at, other = begin + count, other_begin + count


def _groups(edits: list[Edit], context: int) -> Iterator[list[Edit]]:
    """The edits of each hunk: those whose contexts touch."""
    group: list[Edit] = []
    for edit in edits:
        if group and edit[0] - group[-1][1] > 2 * context:
            yield group
            group = []
        group.append(edit)
    if group:
        yield group


def _hunk(before: list[str], after: list[str], edits: list[Edit], context: int) -> Iterator[str]:
    head = min(context, edits[0][0])
    tail = min(context, len(before) - edits[-1][1])
    old = _range(edits[0][0] - head, edits[-1][1] + tail)
    new = _range(edits[0][2] - head, edits[-1][3] + tail)
    yield f"@@ -{old} +{new} @@\n"
    at = edits[0][0] - head
    for begin, end, other, other_end in edits:
        yield from (_line(" ", line) for line in before[at:begin])
        yield from (_line("-", line) for line in before[begin:end])
        yield from (_line("+", line) for line in after[other:other_end])
        at = end
    yield from (_line(" ", line) for line in before[at : at + tail])


def _line(mark: str, line: str) -> str:
    return f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}{_NO_LINE_END}"


def _range(begin: int, end: int) -> str:
    """Lines are counted from 1; no lines are named by the one before them, and one by itself."""
    if end - begin == 1:
        return str(end)
    return f"{begin + (end > begin)},{end - begin}"
