"""A shell script taken apart into plain commands, where it is made of nothing else. Runs nothing.

Whatever is not understood to the last byte makes a script complex: who asks then judges it as one command. The grammar
is that of bash; sh and zsh read what is left of it in the same way.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rollout.quoting import join as join
from rollout.quoting import quote as quote

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

Argv = tuple[str, ...]

SHELLS = frozenset({"bash", "sh", "zsh"})
_FLAGS = frozenset({"-c", "-lc"})
_SEPARATORS = frozenset({"&&", "||", ";", "|"})

_GAP = re.compile(rb"(?:[ \t\n]|\\\n)*")
_GLUE = re.compile(rb"(?:\\\n)+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_EXPANDING = re.compile(r"[*?\[\]{}~]")
_ESCAPED = re.compile(r"\\(\n|.)", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r'\\([$`"\\\n])')
_EXPANDED_IN_QUOTES = re.compile(r"`|\$[\w({\[@*#?$!-]")


class Script(NamedTuple):
    """The commands in their order, and ``separators[i]`` between the ith and the next (a newline counts as ``;``).

    ``expands``: the shell makes more of some unquoted word (``*``, ``{a,b}``, ``~``); it stands here as it was written.
    """

    commands: tuple[Argv, ...]
    separators: tuple[str, ...]
    expands: bool


class _ComplexError(Exception):
    """Something that is not a plain command."""


def source(argv: Sequence[str]) -> str | None:
    """The script of ``bash|sh|zsh -c|-lc SCRIPT``, or None if this is no such command."""
    if len(argv) == 3 and argv[0].rpartition("/")[2] in SHELLS and argv[1] in _FLAGS:
        return argv[2]
    return None


def commands(argv: Sequence[str]) -> tuple[Argv, ...] | None:
    """The plain commands of a shell's argv, or None if it is complex or no shell's."""
    text = source(argv)
    parsed = None if text is None else parse(text)
    return None if parsed is None else parsed.commands


@functools.lru_cache(maxsize=256)
def parse(text: str) -> Script | None:
    """The script taken apart, or None if it is complex."""
    root = _tree(text)
    if root is None:
        return None
    reading = _Reading(text.encode())
    try:
        reading.program(root)
    except _ComplexError:
        return None
    if not reading.commands:
        return None
    separators = reading.separators[: len(reading.commands) - 1]
    return Script(tuple(reading.commands), tuple(separators), reading.expands)


@functools.lru_cache(maxsize=256)
def heredoc(text: str) -> Argv | None:
    """The words of the command if the script is one command of plain words with one here-document, else None."""
    root = _tree(text)
    if root is None or [child.type for child in root.children if child.is_named] != ["redirected_statement"]:
        return None
    statement = root.named_children[0]
    if [child.type for child in statement.children] != ["command", "heredoc_redirect"] or not _only_fed(statement):
        return None
    reading = _Reading(text.encode())
    try:
        reading.command(statement.children[0])
    except _ComplexError:
        return None
    left_out = text.encode()[statement.children[0].end_byte : statement.children[1].start_byte].strip(b" \t")
    if reading.expands or left_out not in (b"", b"-"):
        return None
    return reading.commands[0] + (("-",) if left_out else ())  # the grammar loses a dash there


class _Reading:
    """Collects the commands of a tree. Raises :class:`_ComplexError` at anything else."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.commands: list[Argv] = []
        self.separators: list[str] = []
        self.expands = False

    def program(self, root: Node) -> None:
        """The commands of a whole script."""
        if not _GAP.fullmatch(self._text[: root.start_byte]) or not _GAP.fullmatch(self._text[root.end_byte :]):
            raise _ComplexError
        self.statements(root)

    def statements(self, node: Node) -> None:
        """The commands of a program, a list or a pipeline, with what stands between them."""
        self._around(node)
        end: int | None = None
        for child in node.children:
            between = self._gap(end, child)
            end = child.end_byte
            ends_line = b"\n" in between.replace(b"\\\n", b"")
            if child.type in _SEPARATORS and not ends_line:
                self._separate(child.type)
                continue
            if ends_line:
                self._separate(";")
            if child.type == "command":
                self.command(child)
            elif child.type in ("list", "pipeline"):
                self.statements(child)
            else:
                raise _ComplexError

    def _separate(self, separator: str) -> None:
        if len(self.separators) < len(self.commands):
            self.separators.append(separator)

    def command(self, node: Node) -> None:
        """One command: a name and words."""
        self._around(node)
        words: list[str] = []
        end: int | None = None
        for child in node.children:
            between = self._gap(end, child)
            if end is not None and (_GLUE.fullmatch(between) or not between or b"\n" in between.replace(b"\\\n", b"")):
                raise _ComplexError
            end = child.end_byte
            words.append(self._word(child.children[0] if child.type == "command_name" else child))
        if not words or node.children[0].type != "command_name":
            raise _ComplexError
        self._separate(";")
        self.commands.append(tuple(words))

    def _around(self, node: Node) -> None:
        """What of a node belongs to none of its children stands between them, or is blank."""
        if node.children:
            before = self._text[node.start_byte : node.children[0].start_byte]
            behind = self._text[node.children[-1].end_byte : node.end_byte]
            if not _GAP.fullmatch(before) or not _GAP.fullmatch(behind):
                raise _ComplexError

    def _gap(self, end: int | None, child: Node) -> bytes:
        """What stands between two nodes; the grammar passes over more than a shell does."""
        if end is None:
            return b""
        between = self._text[end : child.start_byte]
        if not _GAP.fullmatch(between):
            raise _ComplexError
        return between

    def _word(self, node: Node) -> str:
        text = (node.text or b"").decode()
        match node.type:
            case "word" | "number" if not node.named_children:
                bare = _ESCAPED.sub("", text)
                if set(bare) & set("$`\\ \t\n"):
                    raise _ComplexError
                self.expands |= bool(_EXPANDING.search(bare))
                return _ESCAPED.sub(lambda found: found[1].strip("\n"), text)
            case "raw_string":
                return text[1:-1]
            case "string" if text[0] == '"' and not _EXPANDED_IN_QUOTES.search(_ESCAPED.sub("", text[1:-1])):
                return _ESCAPED_IN_QUOTES.sub(lambda found: found[1].strip("\n"), text[1:-1])
            case "concatenation" if _adjacent(node):
                return "".join(map(self._word, node.children))
            case _:
                raise _ComplexError


def _adjacent(node: Node) -> bool:
    return all(one.end_byte == two.start_byte for one, two in zip(node.children, node.children[1:], strict=False))


_RUNS = re.compile(rb"`|\$[({\[]")
"""What makes a shell run commands for a text."""


def _only_fed(statement: Node) -> bool:
    """Whether a here-document is all that is redirected, and the shell runs nothing to make it."""
    redirect = statement.children[1]
    texts = {part.type: part.text or b"" for part in redirect.named_children}
    quoted = set(texts.get("heredoc_start", b"")) & set(b"'\"\\")
    body = [] if quoted else [texts.get("heredoc_body", b"")]
    plain = {"heredoc_start", "heredoc_body", "heredoc_end"}
    return all(child.type in plain for child in redirect.named_children) and not any(map(_RUNS.search, body))


def _tree(text: str) -> Node | None:
    """The syntax tree, or None if there is an error in it or the script holds what only a terminal would say."""
    if _CONTROL.search(text):
        return None
    try:
        root = _parser().parse(text.encode()).root_node
    except UnicodeEncodeError:
        return None
    return None if root.has_error else root


@functools.cache
def _parser() -> Parser:
    """Loaded when the first script comes: 30 ms."""
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
