"""What a command seems to do, told to clients beside it: reads a file, lists files, searches. Decides nothing.

One form is made, that of ``parsed_cmd`` in a rollout; what clients get is made of it, as it is when a rollout is read.
A script of which any part is something else is one unknown command.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from rollout.mapping import command_action
from server.engine.permission.safe import is_safe, word_set
from server.engine.permission.script import Argv, Script, join, parse, source

Parsed = dict[str, Any]


def command_actions(argv: Sequence[str], cwd: str) -> list[Parsed]:
    """The ``commandActions`` of a command that is started in an absolute ``cwd``."""
    return [command_action(each, cwd) for each in parsed_commands(argv)]


def parsed_commands(argv: Sequence[str]) -> list[Parsed]:
    """The ``parsed_cmd`` of a command: ``{type, cmd}`` with ``name`` and ``path``, ``query``; paths may be relative."""
    text = source(argv)
    if text is None:
        seen = _seen(tuple(argv))
        return [_unknown(join(argv)) if seen is None else _told(seen, join(argv), "")]
    script = parse(text)
    found = None if script is None else _of_script(script, text.strip())
    return [_unknown(text)] if found is None else found


class _Seen(NamedTuple):
    """``kind`` is read, list_files or search."""

    kind: str
    path: str | None = None
    query: str | None = None


def _of_script(script: Script, text: str) -> list[Parsed] | None:
    """What the commands do, or None if that of one of them is not known."""
    folder = ""
    found: list[Parsed] = []
    left = [each for each in script.commands if each[0] != "cd"]
    for at, command in enumerate(script.commands):
        if command[0] == "cd":
            folder = os.path.join(folder, _target(command))
        elif not _only_formats(command) and not (command[0] == "echo" and at == 0 and len(left) > 1):
            seen = _seen(command)
            if seen is None:
                return None
            told = _told(seen, join(command), folder)
            if found[-1:] != [told]:
                found.append(told)
    if [each["type"] for each in found] == ["read"] and _cuts_out(script):
        found[0]["cmd"] = text
    return found if found or not left else None


def _target(command: Argv) -> str:
    folders = [word for word in command[1:] if not word.startswith("-")]
    return os.path.expanduser(folders[-1] if folders else "~")


def _cuts_out(script: Script) -> bool:
    """Whether a pipe ends in some lines of a file: which, only the whole tells."""
    return "|" in script.separators and any(_printed(command) is not None for command in script.commands)


def _told(seen: _Seen, command: str, folder: str) -> Parsed:
    parsed: Parsed = {"type": seen.kind, "cmd": command}
    if seen.kind == "read":
        path = seen.path or ""
        return parsed | {"name": _short(path), "path": os.path.join(folder, os.path.expanduser(path))}
    short = None if seen.path is None else _short(seen.path)
    return parsed | ({"query": seen.query} if seen.kind == "search" else {}) | {"path": short}


def _unknown(command: str) -> Parsed:
    return {"type": "unknown", "cmd": command}


_ANYWHERE = frozenset({"build", "dist", "node_modules", "src"})
"""Names of folders that say nothing about where one is."""


def _short(path: str) -> str:
    """The last name of a path that tells something."""
    whole = path.rstrip("/") or path[:1]
    return next((name for name in reversed(whole.split("/")) if name and name not in _ANYWHERE), whole)


def _operands(words: Sequence[str], valued: frozenset[str] = frozenset()) -> list[str]:
    """The words that are no options; ``valued``: options whose value is the next word."""
    found: list[str] = []
    at = 0
    while at < len(words):
        if words[at] == "--":
            return [*found, *words[at + 1 :]]
        if words[at] in valued:
            at += 1
        elif not words[at].startswith("-") or words[at] == "-":
            found.append(words[at])
        at += 1
    return found


_FORMATS = word_set("wc tr cut sort uniq column yes printf true")
_NL_VALUES = word_set("-b -d -f -h -i -l -n -s -v -w")
_AWK_VALUES = word_set("-F -v --field-separator --assign")
_COUNT = re.compile(r"-n[+-]?\d+")
_LINES = re.compile(r"[+-]?\d+")


def _only_formats(command: Argv) -> bool:
    """Whether a command only changes how the output of another looks."""
    name, words = command[0], command[1:]
    match name:
        case "head" | "tail":
            return _ended(words) is None and not _operands(words, word_set("-n -c --lines --bytes"))
        case "nl":
            return not _operands(words, _NL_VALUES)
        case "awk":
            acts = any(map(_AWK_ACTS.search, words)) or len(_operands(words, _AWK_VALUES)) > 1
            return not acts and not {"-f", "--file"}.intersection(words)
        case "sed":
            return len(_operands(words)) < 2 and "-i" not in words
        case "tee":
            return not _operands(words)
        case "xargs":
            run = _operands(words, word_set("-n -I -P -L -d -s -E"))
            return not run or is_safe(words[words.index(run[0]) :], expands=True)
        case _:
            return name in _FORMATS


def _ended(words: Sequence[str]) -> str | None:
    """The file of which head or tail prints a number of lines."""
    if len(words) == 1 and not words[0].startswith("-"):
        return words[0]
    if len(words) == 2 and _COUNT.fullmatch(words[0].replace("+", "", 1)):
        return words[1]
    if len(words) == 3 and words[0] == "-n" and _LINES.fullmatch(words[1]):
        return words[2]
    return None


_PRINT = re.compile(r"\d+(,\d+)?p")


def _printed(command: Argv) -> str | None:
    """The file, or nothing for the input, of which ``sed -n`` prints a range of lines; None if it does not."""
    words = [word for word in command[1:] if word not in ("-e", "--expression")]
    if command[0] != "sed" or len(words) < 2 or words[0] != "-n" or not _PRINT.fullmatch(words[1]):
        return None
    if any(word.startswith("-") and word != "--" for word in words[2:]):
        return None
    return next(iter(_operands(words[2:])), "")


def _seen(command: Argv) -> _Seen | None:
    """What one command does, or None if that is not known."""
    name = command[0] if command else ""
    look = _LOOKS.get(name)
    return None if look is None else look(command[1:])


def _read(path: str | None) -> _Seen | None:
    return _Seen("read", path) if path else None


def _one_file(valued: str = "") -> Callable[[Sequence[str]], _Seen | None]:
    options = word_set(valued)

    def look(words: Sequence[str]) -> _Seen | None:
        files = _operands(words, options)
        return _read(files[0]) if len(files) == 1 else None

    return look


def _lists(valued: str = "") -> Callable[[Sequence[str]], _Seen | None]:
    options = word_set(valued)

    def look(words: Sequence[str]) -> _Seen | None:
        return _Seen("list_files", next(iter(_operands(words, options)), None))

    return look


def _ends(words: Sequence[str]) -> _Seen | None:
    return _read(_ended(words))


def _numbered(words: Sequence[str]) -> _Seen | None:
    return _read(next(iter(_operands(words, _NL_VALUES)), None))


_AWK_ACTS = re.compile(r"system\s*\(|[|>]\s*\"")
"""What makes an awk program run commands or write files."""


def _awk(words: Sequence[str]) -> _Seen | None:
    if any(map(_AWK_ACTS.search, words)):
        return None
    given = _operands(words, _AWK_VALUES | {"-f", "--file"})
    files = given if {"-f", "--file"}.intersection(words) else given[1:]
    return _read(files[0] if files else None)


def _sed(words: Sequence[str]) -> _Seen | None:
    return _read(_printed(("sed", *words)))


_PATTERNS = word_set("-e -f --regexp --file")
_SEARCH_VALUES = word_set(
    "-A -B -C -E -M -T -d -g -j -m -r -t --after-context --before-context --color --colors --context "
    "--context-separator --encoding --engine --exclude --exclude-dir --glob --iglob --ignore-file --include "
    "--max-columns --max-count --max-depth --max-filesize --path-separator --pre --pre-glob --replace --sort "
    "--sortr --threads --type --type-add --type-not --hostname-bin"
)
_FLAGS_OF_GREP = word_set("-E -T -d -r")
"""Take no value there, other than in rg."""


def _search(valued: frozenset[str]) -> Callable[[Sequence[str]], _Seen | None]:
    def look(words: Sequence[str]) -> _Seen | None:
        operands = _operands(words, valued | _PATTERNS)
        patterns = [two for one, two in pairwise(words) if one in _PATTERNS]
        patterns += [word.partition("=")[2] for word in words if word.startswith(("--regexp=", "--file="))]
        given = [*patterns[:1], *operands]
        return _Seen("search", given[1] if len(given) > 1 else None, given[0] if given else None)

    return look


_rg_search = _search(_SEARCH_VALUES)
_grep = _search(_SEARCH_VALUES - _FLAGS_OF_GREP)


def _rg(words: Sequence[str]) -> _Seen | None:
    if "--files" in words:
        return _Seen("list_files", next(iter(_operands(words, _SEARCH_VALUES)), None))
    return _rg_search(words)


_NAMES = word_set("-name -iname -path -ipath -regex -iregex -wholename")


def _find(words: Sequence[str]) -> _Seen | None:
    if not is_safe(("find", *words)):
        return None
    places = [word for word in words if word not in ("-L", "-H", "-P")][:1]
    path = places[0] if places and places[0][0:1] not in ("-", "(", "!", "") else None
    query = next((two for one, two in pairwise(words) if one in _NAMES), None)
    return _Seen("list_files", path) if query is None else _Seen("search", path, query)


_FD_VALUES = word_set("-t -e -E -d -c -S -j --type --extension --exclude --max-depth --min-depth --color --size")


def _fd(words: Sequence[str]) -> _Seen | None:
    if {"-x", "-X", "--exec", "--exec-batch"}.intersection(words):
        return None
    given = _operands(words, _FD_VALUES)
    return _Seen("search", given[1] if len(given) > 1 else None, given[0]) if given else _Seen("list_files")


def _git(words: Sequence[str]) -> _Seen | None:
    match list(words[:1]):
        case ["grep"]:
            return _grep(words[1:])
        case ["ls-files"]:
            return _lists("-x -X --exclude --exclude-from")(words[1:])
        case _:
            return None


_BAT_VALUES = (
    "-l -H -r -m --theme --language --style --terminal-width --tabs --line-range --map-syntax --color --highlight-line"
)

_LOOKS: dict[str, Callable[[Sequence[str]], _Seen | None]] = {
    "cat": _one_file(),
    "bat": _one_file(_BAT_VALUES),
    "batcat": _one_file(_BAT_VALUES),
    "less": _one_file("-p -P -x -y -z -j -k -o -O -t -T -b -h --pattern"),
    "more": _one_file(),
    "head": _ends,
    "tail": _ends,
    "nl": _numbered,
    "awk": _awk,
    "sed": _sed,
    "ls": _lists("-I -w -T --block-size --color --format --hide --ignore --sort --time-style --width"),
    "eza": _lists("-I -L -s --ignore-glob --level --sort --time-style"),
    "exa": _lists("-I -L -s --ignore-glob --level --sort --time-style"),
    "tree": _lists("-I -L -P --charset --filelimit --sort"),
    "du": _lists("-B -d -t -X --block-size --exclude --max-depth --threshold --time-style"),
    "find": _find,
    "fd": _fd,
    "rg": _rg,
    "rga": _rg,
    "ag": _rg_search,
    "ack": _rg_search,
    "pt": _rg_search,
    "grep": _grep,
    "egrep": _grep,
    "fgrep": _grep,
    "git": _git,
}
