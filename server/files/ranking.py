"""How well a path fits what was typed. Pure; knows no file.

The scores are those of fuzzy finders of the fzf family: letters count, more so where a name or a word in it begins and
where they follow each other; gaps cost. The best of all ways to lay the letters into the path is found row by row.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

_MATCH = 16
_GAP, _LONGER_GAP = 3, 1
_FIRST = 2  # how often the place of the first letter counts
_AFTER_SLASH, _AFTER_SIGN, _NEW_WORD, _IN_A_ROW = 9, 8, 5, 4


class Fit(NamedTuple):
    """A score, and the characters that it is for."""

    score: int
    indices: tuple[int, ...]


def plain(text: str) -> str:
    """The same letters without their accents, as many as before."""
    if text.isascii():
        return text
    return "".join(unicodedata.normalize("NFD", each)[0] for each in text)


def folded(text: str) -> str:
    """The same in lower case, as many letters as before."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(each.lower()[0] for each in text)


def places(text: str) -> list[int]:
    """What each place of a path is worth."""
    worth: list[int] = []
    before = "/"
    for each in text:
        if each == "/":
            value = 0
        elif not each.isalnum():
            value = _AFTER_SIGN
        elif before == "/":
            value = _AFTER_SLASH
        elif not before.isalnum():
            value = _AFTER_SIGN
        elif (before.islower() and each.isupper()) or (each.isnumeric() and not before.isnumeric()):
            value = _NEW_WORD
        else:
            value = 0
        worth.append(value)
        before = each
    return worth


def fit_anywhere(letters: str, text: str, worth: Sequence[int]) -> Fit | None:
    """The best way to find these letters in this order; None if there is none."""
    rows: list[list[tuple[int, int, bool] | None]] = []
    for letter in letters:
        rows.append(_row(letter, text, worth, rows[-1] if rows else None))
    ends = [(cell[0], at) for at, cell in enumerate(rows[-1]) if cell] if rows else []
    if not ends:
        return None
    score, at = max(ends) if len(letters) > 1 else max(ends, key=lambda end: (end[0], -end[1]))
    return Fit(score, tuple(_trace(rows, at)))


def _row(
    letter: str, text: str, worth: Sequence[int], above: list[tuple[int, int, bool] | None] | None
) -> list[tuple[int, int, bool] | None]:
    """For each place of this letter: the score so far, what a next letter in a row is worth, whether this one is."""
    row: list[tuple[int, int, bool] | None] = []
    gap = -1  # the score after a gap; below 0: nothing came before
    for at, each in enumerate(text):
        before = above[at - 1] if above and at else None
        cell = None
        if each == letter:
            value = worth[at]
            if above is None:
                cell = (_MATCH + _FIRST * value, value, False)
            else:
                cell = (gap + value + _MATCH, value, False) if gap >= 0 else None
                if before is not None:
                    run = max(before[1], _IN_A_ROW)
                    run = value if value >= _AFTER_SIGN and value > run else run
                    score = before[0] + max(run, value) + _MATCH
                    if cell is None or score > cell[0]:
                        cell = (score, run, True)
        row.append(cell)
        gap = max(gap - _LONGER_GAP, 0) if gap >= 0 else gap
        if before is not None:
            gap = max(gap, before[0] - _GAP, 0)
    return row


def _trace(rows: list[list[tuple[int, int, bool] | None]], at: int) -> list[int]:
    """The places of all letters, from that of the last one."""
    found = [at]
    for number in range(len(rows) - 1, 0, -1):
        cell, above = rows[number][at], rows[number - 1]
        if cell is not None and cell[2]:
            at -= 1
        else:
            earlier = [
                (max(each[0] - _GAP - _LONGER_GAP * (at - 2 - place), 0), place)
                for place, each in enumerate(above[: max(at - 1, 0)])
                if each
            ]
            at = max(earlier)[1]
        found.append(at)
    return found[::-1]


def fit_at(letters: str, at: int, worth: Sequence[int]) -> Fit:
    """These letters in a row from this place on."""
    score, run = 0, 0
    for place in range(at, at + len(letters)):
        value = worth[place]
        if place == at:
            run, score = value, _MATCH + _FIRST * value
        else:
            run = max(run, _IN_A_ROW)
            run = value if value >= _AFTER_SIGN and value > run else run
            score += _MATCH + max(run, value)
    return Fit(score, tuple(range(at, at + len(letters))))
