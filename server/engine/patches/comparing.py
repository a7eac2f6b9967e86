"""Which lines two texts share: what diffs are made of. Pure, and bounded: nearly linear in the number of lines.

What is alike at both ends is set aside; lines that are there once on each side, in the same order, cut the rest into
gaps (as in a patience diff); each gap gets the shortest edit (Myers) while the budget lasts, then is replaced whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

BUDGET = 500_000
"""Steps for all gaps of one comparison: about half a second."""

Run = tuple[int, int, int]
"""So many lines from this index on in the old text are those from that index on in the new one: old, new, count."""


def alike(old: Sequence[str], new: Sequence[str]) -> list[Run]:
    """The longest runs that are shared, in order; they touch neither each other nor are they empty."""
    runs: list[Run] = []
    comparison = _Comparison(old, new)
    for at, other, count in comparison.between(0, len(old), 0, len(new)):
        if runs and (runs[-1][0] + runs[-1][2], runs[-1][1] + runs[-1][2]) == (at, other):
            at, other, count = runs[-1][0], runs[-1][1], runs.pop()[2] + count
        runs.append((at, other, count))
    return runs


class _Comparison:
    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self._old = old
        self._new = new
        self._budget = BUDGET

    def between(self, a: int, a_end: int, b: int, b_end: int) -> Iterator[Run]:
        """The runs within these parts of both texts."""
        head = self._shared_head(a, a_end, b, b_end)
        tail = self._shared_tail(a + head, a_end, b + head, b_end)
        if head:
            yield a, b, head
        a, a_end, b, b_end = a + head, a_end - tail, b + head, b_end - tail
        if a < a_end and b < b_end:
            anchors = self._anchors(a, a_end, b, b_end)
            yield from self._around(anchors, a, a_end, b, b_end) if anchors else self._edit(a, a_end, b, b_end)
        if tail:
            yield a_end, b_end, tail

    def _around(self, anchors: list[tuple[int, int]], a: int, a_end: int, b: int, b_end: int) -> Iterator[Run]:
        for at, other in [*anchors, (a_end, b_end)]:
            if (a, b) != (at, other):
                head = self._shared_head(a, at, b, other)
                tail = self._shared_tail(a + head, at, b + head, other)
                if head:
                    yield a, b, head
                yield from self._edit(a + head, at - tail, b + head, other - tail)
                if tail:
                    yield at - tail, other - tail, tail
            if at < a_end:
                yield at, other, 1
            a, b = at + 1, other + 1

    def _shared_head(self, a: int, a_end: int, b: int, b_end: int) -> int:
        most = min(a_end - a, b_end - b)
        count = 0
        while count < most and self._old[a + count] == self._new[b + count]:
            count += 1
        return count

    def _shared_tail(self, a: int, a_end: int, b: int, b_end: int) -> int:
        most = min(a_end - a, b_end - b)
        count = 0
        while count < most and self._old[a_end - count - 1] == self._new[b_end - count - 1]:
            count += 1
        return count

    def _anchors(self, a: int, a_end: int, b: int, b_end: int) -> list[tuple[int, int]]:
        """Pairs of lines that are there once on each side, as many as rise together."""
        once = {line for line, count in Counter(self._old[a:a_end]).items() if count == 1}
        twice = {line for line, count in Counter(self._new[b:b_end]).items() if count > 1}
        where = {self._new[other]: other for other in range(b, b_end)}
        pairs = [
            (at, where[line])
            for at in range(a, a_end)
            if (line := self._old[at]) in once and line in where and line not in twice
        ]
        return _rising(pairs)

    def _edit(self, a: int, a_end: int, b: int, b_end: int) -> Iterator[Run]:
        """The runs of the shortest edit; none when it takes too long to find."""
        if a == a_end or b == b_end:
            return
        trace = self._trace(self._old[a:a_end], self._new[b:b_end])
        runs: list[Run] = []
        x, y = a_end - a, b_end - b
        for edits in range(len(trace) - 1, -1, -1):
            k = x - y
            ends = trace[edits - 1] if edits else [0]
            index = (k + edits) // 2
            down = _goes_down(ends, index, edits)
            came = ends[index] if down else ends[index - 1]
            begin = came + (not down)
            if x > begin:
                runs.append((a + begin, b + begin - k, x - begin))
            x, y = came, came - k + (-1 if down else 1)
        yield from reversed(runs)

    def _trace(self, old: Sequence[str], new: Sequence[str]) -> list[list[int]]:
        """How far each number of edits leads on each diagonal, -edits, 2 - edits … edits.

        A diagonal is what the place in the old text is ahead of that in the new one. Empty when the budget is used up.
        """
        trace: list[list[int]] = []
        ends = [0]
        for edits in range(len(old) + len(new) + 1):
            farther: list[int] = []
            for index in range(edits + 1):
                x = begin = ends[index] if _goes_down(ends, index, edits) else ends[index - 1] + 1
                y = x - (2 * index - edits)
                while x < len(old) and y < len(new) and old[x] == new[y]:
                    x, y = x + 1, y + 1
                self._budget -= 1 + x - begin
                farther.append(x)
                if x >= len(old) and y >= len(new):
                    return [*trace, farther]
            if self._budget < 0:
                break
            trace.append(farther)
            ends = farther
        return []


def _goes_down(ends: list[int], index: int, edits: int) -> bool:
    """Whether the last of these edits puts a new line in; else it takes an old one away. The first is none."""
    return edits == 0 or index == 0 or (index != edits and ends[index - 1] < ends[index])


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of these in which the second numbers rise; the first ones do already."""
    tops: list[int] = []
    places: list[int] = []
    before: list[int] = []
    for index, (_, other) in enumerate(pairs):
        length = bisect_left(tops, other)
        before.append(places[length - 1] if length else -1)
        if length == len(tops):
            tops.append(other)
            places.append(index)
        else:
            tops[length], places[length] = other, index
    found: list[tuple[int, int]] = []
    index = places[-1] if places else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]
