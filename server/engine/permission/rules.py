"""Rules files: which commands users allowed, want to be asked about, or forbade, by their first words.

Owns their syntax, the matching and the line that is added when a user allows more. Must not know: policies, clients.
"""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args

from rollout.model_items import as_list
from server.config_edit import alone, replace_file
from server.engine.permission.safe import SYSTEM_FOLDERS, word_set

RuleDecision = Literal["allow", "prompt", "forbidden"]
STRICTNESS: dict[RuleDecision, int] = {"allow": 0, "prompt": 1, "forbidden": 2}

FOLDER = "rules"
DEFAULT_FILE = "default.rules"


class RulesError(ValueError):
    """A rules file that cannot be obeyed; the text names line and reason."""


class PrefixRule(NamedTuple):
    """Commands that begin with one word of each of these groups."""

    pattern: tuple[tuple[str, ...], ...]
    decision: RuleDecision
    justification: str | None = None

    def matches(self, argv: Sequence[str]) -> bool:
        """Whether the command begins so."""
        return len(argv) >= len(self.pattern) and all(
            word in group for word, group in zip(argv, self.pattern, strict=False)
        )


class Rules:
    """The rules in force. ``warnings``: why files were not obeyed, each a whole sentence or more."""

    def __init__(
        self,
        rules: Iterable[PrefixRule] = (),
        programs: Mapping[str, frozenset[str]] | None = None,
        warnings: Iterable[str] = (),
    ) -> None:
        self._rules = list(rules)
        self._programs = dict(programs or {})
        self.warnings = list(warnings)

    @classmethod
    def load(cls, folders: Iterable[Path]) -> Rules:
        """The rules of ``rules/*.rules`` in these folders (CODEX_HOME, ``.codex`` of trusted projects).

        If any of the files cannot be read or understood, none counts: half of what somebody forbade is worse than what
        everybody sees to be missing. Reads files; raises nothing.
        """
        reading = _Reading()
        warnings = list[str]()
        for path in (path for folder in folders for path in _files(folder)):
            try:
                reading.read(path.read_text(encoding="utf-8"))
            except (OSError, UnicodeError, RulesError) as error:
                warnings.append(f"The rules in {path} were not understood, so no rules are in force: {error}")
        return cls(warnings=warnings) if warnings else cls(reading.rules, reading.programs)

    @classmethod
    def parse(cls, text: str) -> Rules:
        """The rules of one text. Raises :class:`RulesError`."""
        reading = _Reading()
        reading.read(text)
        return cls(reading.rules, reading.programs)

    @property
    def allowed(self) -> list[list[str]]:
        """The first words of commands that may run, where they are one word each."""
        allowing = (rule.pattern for rule in self._rules if rule.decision == "allow")
        return [[word for (word,) in pattern] for pattern in allowing if all(len(group) == 1 for group in pattern)]

    def match(self, argv: Sequence[str]) -> PrefixRule | None:
        """The strictest rule for a command, or None. A full path is taken for its name where that is safe."""
        found = [rule for rule in self._rules if rule.matches(argv)]
        if not found and argv and argv[0].startswith("/"):
            found = self._by_name(argv)
        return max(found, key=lambda rule: STRICTNESS[rule.decision], default=None)

    def _by_name(self, argv: Sequence[str]) -> list[PrefixRule]:
        folder, _, name = argv[0].rpartition("/")
        known = self._programs.get(name)
        if known is not None and argv[0] not in known:
            return []
        found = [rule for rule in self._rules if rule.matches([name, *argv[1:]])]
        trusted = known is not None or folder in SYSTEM_FOLDERS
        return found if trusted else [rule for rule in found if rule.decision != "allow"]

    def allow(self, prefix: Sequence[str]) -> None:
        """Allow commands that begin so, from now on; what :func:`append_allow` makes last."""
        rule = _allowing(prefix)
        if rule not in self._rules:
            self._rules.append(rule)


def append_allow(home: Path, prefix: Sequence[str]) -> None:
    """Allow commands that begin with these words, in ``home/rules/default.rules``; other lines stay.

    Waits for other servers that write there, and for the disk: not for the event loop. Raises ``OSError``, and
    ``ValueError`` for no words or words that are no text.
    """
    words = [group[0] for group in _allowing(prefix).pattern]
    line = f'prefix_rule(pattern={json.dumps(words, ensure_ascii=False)}, decision="allow")'
    line.encode()
    path = home / FOLDER / DEFAULT_FILE
    with alone(path):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if line not in text.splitlines():
            replace_file(path, text + ("" if not text or text.endswith("\n") else "\n") + line + "\n")


def _allowing(prefix: Sequence[str]) -> PrefixRule:
    if not prefix or not prefix[0]:
        raise ValueError("a rule needs at least one word")
    return PrefixRule(tuple((word,) for word in prefix), "allow")


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in (folder / FOLDER).glob("*.rules") if path.is_file())
    except OSError:
        return []


class _Reading:
    """What some files say together. Statements are calls with literal arguments; names of literals may be used."""

    def __init__(self) -> None:
        self.rules: list[PrefixRule] = []
        self.programs: dict[str, frozenset[str]] = {}

    def read(self, text: str) -> None:
        """Take in one file. Raises :class:`RulesError`."""
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise RulesError(str(error)) from error
        names = dict[str, Any]()
        for statement in tree.body:
            try:
                self._statement(statement, names)
            except (RulesError, RecursionError) as error:
                raise RulesError(f"line {statement.lineno}: {error}") from error

    def _statement(self, statement: ast.stmt, names: dict[str, Any]) -> None:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=args, keywords=keywords)) if name in _CALLS:
                first, known = _CALLS[name]
                said = [(first, each) for each in args] + [(each.arg, each.value) for each in keywords]
                given = {each: _literal(value, names) for each, value in said if each}
                if len(given) != len(said):
                    raise RulesError(f"`{name}` takes named arguments, each once")
                if unknown := given.keys() - known:
                    raise RulesError(f"`{name}` takes no `{min(unknown)}`")
                self._add(name, given)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names[name] = _literal(value, names)
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case _:
                raise RulesError("only prefix_rule, network_rule and host_executable are understood")

    def _add(self, name: str, given: dict[str, Any]) -> None:
        match name:
            case "prefix_rule":
                self._prefix_rule(given)
            case "network_rule":
                self._network_rule(given)
            case _:
                self._host_executable(given)

    def _prefix_rule(self, given: dict[str, Any]) -> None:
        decision = _decision(given.get("decision", "allow"))
        justification = given.get("justification")
        if justification is not None and not (isinstance(justification, str) and justification.strip()):
            raise RulesError("`justification` is text, and not empty")
        rule = PrefixRule(_pattern(given.get("pattern")), decision, justification)
        for example in _examples(given, "match"):
            if not rule.matches(example):
                raise RulesError(f"`{shlex.join(example)}` should match, and does not")
        for example in _examples(given, "not_match"):
            if rule.matches(example):
                raise RulesError(f"`{shlex.join(example)}` should not match, and does")
        self.rules.append(rule)

    def _network_rule(self, given: dict[str, Any]) -> None:
        """Tolerated: nothing here asks about hosts."""
        if not isinstance(given.get("host"), str) or not isinstance(given.get("decision"), str):
            raise RulesError("`network_rule` needs `host` and `decision`")

    def _host_executable(self, given: dict[str, Any]) -> None:
        name, paths = given.get("name"), _texts(given.get("paths"))
        if not isinstance(name, str) or not name or "/" in name or paths is None:
            raise RulesError("`host_executable` needs a bare `name` and `paths`")
        if not all(path.startswith("/") for path in paths):
            raise RulesError("the `paths` of a `host_executable` are absolute")
        self.programs[name] = frozenset(paths)


_CALLS: dict[str, tuple[str, frozenset[str]]] = {
    "prefix_rule": ("pattern", word_set("pattern decision justification match not_match")),
    "network_rule": ("host", word_set("host protocol decision justification")),
    "host_executable": ("name", word_set("name paths")),
}
"""The argument that may come first without its name, and all that there are."""


def _literal(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.List(elts=members):
            return [_literal(member, names) for member in members]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, two = _literal(left, names), _literal(right, names)
            if type(one) is type(two) and isinstance(one, list | str):
                return cast("Any", one) + two
        case ast.Constant(value=value):
            return value
        case _:
            pass
    raise RulesError(f"`{ast.unparse(node)[:80]}` is no literal")


def _decision(value: Any) -> RuleDecision:
    if value not in get_args(RuleDecision):
        raise RulesError(f"`{value}` is no decision: there are {', '.join(STRICTNESS)}")
    return cast("RuleDecision", value)


def _texts(value: Any) -> list[str] | None:
    texts = [each for each in as_list(value) if isinstance(each, str)]
    return texts if isinstance(value, list) and len(texts) == len(as_list(value)) else None


def _pattern(value: Any) -> tuple[tuple[str, ...], ...]:
    groups = [[each] if isinstance(each, str) else _texts(each) for each in as_list(value)]
    if not groups or not all(groups):
        raise RulesError("`pattern` is a list of words and of lists of alternatives, none of them empty")
    return tuple(tuple(group) for group in groups if group)


def _examples(given: Mapping[str, Any], name: str) -> list[list[str]]:
    examples = given.get(name, [])
    if not isinstance(examples, list):
        raise RulesError(f"`{name}` is a list of commands")
    return [_example(each) for each in as_list(examples)]


def _example(value: Any) -> list[str]:
    try:
        words = shlex.split(value) if isinstance(value, str) else _texts(value)
    except ValueError as error:
        raise RulesError(f"the example `{value}` is no command: {error}") from error
    if not words:
        raise RulesError("an example is a command, as text or as a list of words")
    return words
