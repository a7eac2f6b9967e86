"""Commands that are known to only look, and commands that destroy without asking. Knows names and options, no files.

Everything else is neither. A list of options is matched as the program itself would: what it lets be abbreviated
counts in its short forms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from server.engine.permission.script import parse, source

SYSTEM_FOLDERS = frozenset({"/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin", "/opt/homebrew/bin"})
"""Where a program is what its name says. A program of that name in a workspace is not."""


def word_set(text: str) -> frozenset[str]:
    """The words of a text with blanks."""
    return frozenset(text.split())


_ONLY_LOOK = word_set(
    "cat cd cut echo expr false grep head id ls nl paste pwd rev seq stat tail tr true uname wc which whoami numfmt tac"
)

_NESTED = 4
"""Shells within shells that are looked into."""


def program(argv: Sequence[str]) -> str | None:
    """The name of the program if it is searched for in PATH or named where systems keep theirs, else None."""
    folder, _, name = argv[0].rpartition("/") if argv else ("", "", "")
    return name if name and (argv[0] == name or folder in SYSTEM_FOLDERS) else None


def is_safe(argv: Sequence[str], *, expands: bool = False, nested: int = 0) -> bool:
    """Whether the command is known to change nothing.

    ``expands``: a word may turn into others (:class:`~server.engine.permission.script.Script`), so also into options.
    """
    name = program(argv)
    if name is None:
        return False
    if name in _ONLY_LOOK:
        return True
    if name in _CHECKED:
        return not expands and _CHECKED[name](argv[1:])
    text = source(argv)
    inner = parse(text) if text is not None and nested < _NESTED else None
    return inner is not None and all(is_safe(each, expands=inner.expands, nested=nested + 1) for each in inner.commands)


def is_dangerous(argv: Sequence[str], nested: int = 0) -> bool:
    """Whether the command is ``rm -f`` or ``rm -rf``, with or without sudo, or a shell that runs one."""
    if argv and argv[0] == "sudo":
        return is_dangerous(argv[1:], nested)
    if len(argv) > 1 and program(argv) == "rm":
        return argv[1] in ("-f", "-rf")
    text = source(argv)
    inner = parse(text) if text is not None and nested < _NESTED else None
    return inner is not None and any(is_dangerous(each, nested + 1) for each in inner.commands)


def _names(word: str, options: frozenset[str]) -> bool:
    """Whether a word is one of these long options, abbreviated or with a value."""
    name = word.partition("=")[0]
    return len(name) > 2 and name.startswith("--") and any(option.startswith(name) for option in options)


def _base64(words: Sequence[str]) -> bool:
    return not any(word.startswith(("-o", "--o")) for word in words)


_FIND_ACTS = word_set("-exec -execdir -ok -okdir -delete -fls -fprint -fprint0 -fprintf")


def _find(words: Sequence[str]) -> bool:
    return not _FIND_ACTS.intersection(words)


_RG_RUNS = ("--pre", "--hostname-bin")
_RG_CLUSTER = re.compile(r"-[^-ABCEMTdefgjmrtz]*z")
"""Short options, up to the first that takes the rest of the word as its value."""


def _rg(words: Sequence[str]) -> bool:
    names = {word.partition("=")[0] for word in words}
    return not names.intersection((*_RG_RUNS, "--search-zip")) and not any(map(_RG_CLUSTER.match, words))


_SED_PRINT = re.compile(r"\d+(,\d+)?p")


def _sed(words: Sequence[str]) -> bool:
    if len(words) not in (2, 3) or words[0] != "-n" or not _SED_PRINT.fullmatch(words[1]):
        return False
    return len(words) == 2 or not words[2].startswith("-")


def _uniq(words: Sequence[str]) -> bool:
    """Of two names the second is written."""
    return sum(not word.startswith("-") or word == "-" for word in words) < 2


_GIT_LOOKS = frozenset({"status", "log", "diff", "show"})
_GIT_ELSEWHERE = word_set("--config-env --exec-path --git-dir --namespace --super-prefix --work-tree")
_GIT_RUNS = word_set("--output --ext-diff --textconv --exec --paginate")
_GIT_NOT_SHORT_FOR = frozenset({"--text"})
_GIT_LISTS = word_set("--list -l --show-current -a --all -r --remotes -v -vv --verbose")


def _git(words: Sequence[str]) -> bool:
    at = 0
    while at < len(words) and words[at].startswith("-"):
        name = words[at].partition("=")[0]
        if name in _GIT_ELSEWHERE or (name.startswith("-c") and not name.startswith("--")):
            return False
        at += 2 if words[at] == "-C" else 1
    command, rest = next(iter(words[at:]), ""), words[at + 1 :]
    if command == "branch":
        return all(word in _GIT_LISTS or word.startswith("--format=") for word in rest)
    return command in _GIT_LOOKS and not any(_names(word, _GIT_RUNS - _exactly(word)) for word in rest)


def _exactly(word: str) -> frozenset[str]:
    return _GIT_RUNS if word in _GIT_NOT_SHORT_FOR else frozenset()


_CHECKED: dict[str, Callable[[Sequence[str]], bool]] = {
    "base64": _base64,
    "find": _find,
    "git": _git,
    "rg": _rg,
    "sed": _sed,
    "uniq": _uniq,
}
