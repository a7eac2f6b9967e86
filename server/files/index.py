"""The paths of a search, ready to be asked for those that fit best. Knows no client.

A library in native code finds in milliseconds which of all paths hold the letters, and which of them are promising;
only those are ranked exactly.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter

from frizbee import Haystacks, Matcher, Pattern, Scoring

from protocol.wire import Record
from server.files.gathering import Place
from server.files.ranking import Fit, fit_anywhere, fit_at, folded, places, plain

MOST_FOUND = 50
"""How many paths a search finds."""

_PROMISING = 200
"""How many are ranked exactly, by path and by name."""

_PIECE = 50_000
"""Paths that are sorted at once: ten milliseconds."""

_path = attrgetter("path")

_TIER = 1 << 16
"""More than any score: a file whose name fits comes before what only fits with its folders, a folder of just that name
before these, a file of just that name before all."""

_SCORING = Scoring(
    match_score=16,
    gap_open_penalty=3,
    gap_extend_penalty=1,
    prefix_bonus=9,
    capitalization_bonus=5,
    matching_case_bonus=0,
    exact_match_bonus=0,
    delimiter_bonus=8,
)


class Found(Record):
    """A path that fits; ``indices`` are characters of the path."""

    root: str
    path: str
    folder: bool
    score: int
    indices: list[int]


class Index:
    """All these paths. Made once, asked often, from any thread.

    Made of values that the garbage collector does not look at, and in pieces between which the event loop can go on.
    """

    def __init__(self, gathered: Sequence[Place]) -> None:
        self._places = list(_sorted(gathered))
        self._folders: dict[str, set[str]] = {place.root: set() for place in self._places}
        for place in self._places:
            self._folders[place.root].add(place.path[: max(place.path.rfind("/"), 0)])
        self._paths = Haystacks([plain(place.path) for place in self._places])
        self._leaves = array("l", (at for at, each in enumerate(self._places) if not self._is_folder(each)))
        self._leaf_names = Haystacks([plain(_name(self._places[at].path)) for at in self._leaves])
        self._named: dict[str, int] = {}
        self._namesake = array("l", range(len(self._places)))
        for at in reversed(range(len(self._places))):
            name = folded(_name(self._places[at].path))
            self._namesake[at] = self._named.get(name, at)
            self._named[name] = at

    def find(self, query: str) -> list[Found]:
        """Those that fit best, the best first; equal ones by path. Of words in the query all must fit.

        ``^word``, ``word$`` and ``'word`` fit a beginning, an end, a part as it is; ``!word`` must not be there.
        """
        patterns = Pattern.from_query(query)
        if not patterns:
            return []
        word = _only_word(patterns)
        promising = {match.index for match in _matcher(patterns).match_list(self._paths)}
        if word is not None:
            promising.update(self._leaves[match.index] for match in _matcher(patterns).match_list(self._leaf_names))
            promising.update(islice(self._places_named(folded(word)), _PROMISING))
        found = [each for at in promising if (each := self._rank(self._places[at], patterns, word))]
        return sorted(found, key=lambda each: (-each.score, each.path, each.root))[:MOST_FOUND]

    def _is_folder(self, place: Place) -> bool:
        """Whether something is known to be in it."""
        return place.path in self._folders[place.root]

    def _places_named(self, name: str) -> Iterator[int]:
        """Where this name is, from the first path on: each place knows the next one with its name, the last itself."""
        at = self._named.get(name)
        while at is not None:
            yield at
            at = after if (after := self._namesake[at]) != at else None

    def _rank(self, place: Place, patterns: list[Pattern], word: str | None) -> Found | None:
        path, root = place.path, place.root
        folder = self._is_folder(place) or os.path.isdir(os.path.join(root, path))
        name_at = path.rfind("/") + 1
        just_that = word is not None and folded(path[name_at:]) == folded(word)
        if word is not None and not folder and (fit := _fit(patterns, path[name_at:])):
            score = fit.score + _TIER * (3 if just_that else 1)
            return Found(root=root, path=path, folder=False, score=score, indices=[name_at + at for at in fit.indices])
        fit = _fit(patterns, path)
        if fit is None:
            return None
        score = fit.score + (_TIER * 2 if just_that else 0)
        return Found(root=root, path=path, folder=folder, score=score, indices=list(fit.indices))


def _sorted(gathered: Sequence[Place]) -> Iterator[Place]:
    """By path. Nothing else runs while a list is sorted, so that long ones are in pieces."""
    pieces = (gathered[at : at + _PIECE] for at in range(0, len(gathered), _PIECE))
    return merge(*(sorted(piece, key=_path) for piece in pieces), key=_path)


def _name(path: str) -> str:
    return path[path.rfind("/") + 1 :]


def _only_word(patterns: list[Pattern]) -> str | None:
    """The word of a query that is one word and may be a name."""
    first = patterns[0]
    simple = len(patterns) == 1 and first.matching in (None, "fuzzy") and not first.negated
    return first.needle if simple and not set("/ ") & set(first.needle) else None


def _matcher(patterns: list[Pattern]) -> Matcher:
    needles = [Pattern(plain(each.needle), negated=each.negated, matching=each.matching) for each in patterns]
    return Matcher.from_patterns(
        needles,
        max_typos=0,
        max_items=_PROMISING,
        casing="ignore",
        unicode="ignore",
        sort="score_then_index_asc",
        scoring=_SCORING,
    )


def _fit(patterns: list[Pattern], text: str) -> Fit | None:
    """How all that is wanted fits; letters without accents fit those with them, but not the other way round."""
    worth, score, indices = places(text), 0, set[int]()
    low, bare = folded(text), folded(plain(text))
    for each in patterns:
        if each.negated:
            continue
        letters = folded(each.needle)
        fit = _fit_one(each.matching, letters, bare if plain(letters) == letters else low, worth)
        if fit is None:
            return None
        score += fit.score
        indices.update(fit.indices)
    return Fit(score, tuple(sorted(indices)))


def _fit_one(matching: str | None, letters: str, text: str, worth: list[int]) -> Fit | None:
    match matching:
        case "prefix" | "exact":
            return fit_at(letters, 0, worth) if text.startswith(letters) else None
        case "suffix":
            return fit_at(letters, len(text) - len(letters), worth) if text.endswith(letters) else None
        case "substring":
            starts = [at for at in range(len(text) - len(letters) + 1) if text.startswith(letters, at)]
            return max((fit_at(letters, at, worth) for at in starts), default=None)
        case _:
            return fit_anywhere(letters, text, worth)
