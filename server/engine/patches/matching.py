"""Where lines are in a file, however exactly they were remembered. Pure.

All searches are done by ``str.find`` over the joined lines: in native code, and in time that grows with the file alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate

from server.engine.patches.grammar import PatchError

_PLAIN = {
    **dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-"),
    **dict.fromkeys(range(0x2018, 0x201C), "'"),
    **dict.fromkeys(range(0x201C, 0x2020), '"'),
    **dict.fromkeys([0xA0, *range(0x2002, 0x200B), 0x202F, 0x205F, 0x3000], " "),
    0xFEFF: "",
}


def _plain(line: str) -> str:
    """A line as somebody types it who has no other dashes, quotes and blanks than those of ASCII."""
    return (line if line.isascii() else line.translate(_PLAIN)).strip()


FORMS: tuple[Callable[[str], str], ...] = (str, str.rstrip, str.strip, _plain)
"""What may be passed over when lines are compared, from nothing to most. The first form that fits decides."""

MOST_SEARCHED = 1 << 30
"""How many characters are searched for one file. No honest patch comes near; a bad one must not hold a thread long."""


class _Form:
    """All lines of a file in one form."""

    def __init__(self, form: Callable[[str], str], lines: list[str]) -> None:
        self.form = form
        self.lines = lines if form is str else [form(line) for line in lines]
        self.joined = "\n".join(["", *self.lines, ""])
        self.begins = list(accumulate((len(line) + 1 for line in self.lines), initial=0))
        self.last = {line: index for index, line in enumerate(self.lines)}


class Lines:
    """The lines of one file, to be searched again and again."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._forms: list[_Form] = []
        self._left = MOST_SEARCHED

    def __len__(self) -> int:
        return len(self._lines)

    def find(self, wanted: list[str], begin: int, *, at_end: bool = False) -> int | None:
        """The index of the first of these lines, not before ``begin``; ``at_end``: only as the last ones of all.

        Raises PatchError when the searches took too much together.
        """
        if not wanted:
            return begin
        if at_end:
            begin = max(begin, len(self._lines) - len(wanted))
        for number in range(len(FORMS)):
            found = self._find(self._form(number), wanted, begin)
            if found is not None:
                return found
        return None

    def _form(self, number: int) -> _Form:
        while len(self._forms) <= number:
            self._forms.append(_Form(FORMS[len(self._forms)], self._lines))
        return self._forms[number]

    def _find(self, form: _Form, wanted: list[str], begin: int) -> int | None:
        if begin + len(wanted) > len(self._lines):
            return None
        wanted = [form.form(line) for line in wanted]
        if any(form.last.get(line, -1) < begin for line in wanted):
            return None
        at = form.joined.find("\n".join(["", *wanted, ""]), form.begins[begin])
        self._left -= (len(form.joined) if at < 0 else at) - form.begins[begin]
        if self._left < 0:
            raise PatchError("the patch looks for too many lines in a file this large; make several smaller ones of it")
        return None if at < 0 else bisect_left(form.begins, at)
