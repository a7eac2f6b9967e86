"""The patch format: text to :class:`Patch`. Pure; knows no file.

Lenient where a model's meaning is plain: a heredoc around the patch, blanks around markers, blank lines between hunks
and chunks, a first chunk without ``@@``, several ``@@`` lines that lead to one place, a move without a chunk, a last
line that is there twice.
"""

from __future__ import annotations

import re

from protocol.wire import Record

BEGIN = "*** Begin Patch"
END = "*** End Patch"
ADD = "*** Add File: "
DELETE = "*** Delete File: "
UPDATE = "*** Update File: "
MOVE = "*** Move to: "
END_OF_FILE = "*** End of File"
ENVIRONMENT = "*** Environment ID:"
"""Since 0.169.0."""

_HEREDOC = re.compile(r"<<\s*(['\"]?)(\w+)\1$")
_SHOWN = 200


class PatchError(Exception):
    """Why a patch cannot be applied, in words for the model. Nothing was changed.

    ``line`` of the patch, counted from 1, if the text names one.
    """

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.line = line


class Chunk(Record):
    """One place of a file: where to look for it, and its lines with their mark (``' '``, ``'+'``, ``'-'``) in front.

    A line without any mark was empty in the patch: it is context, or only sets chunks apart. ``line`` of the patch,
    counted from 1, where the chunk begins.
    """

    contexts: list[str] = []
    lines: list[str]
    end_of_file: bool = False
    line: int


class Add(Record):
    """A new file, or new content for one."""

    path: str
    content: str
    line: int


class Delete(Record):
    """A file goes."""

    path: str
    line: int


class Update(Record):
    """A file changes, gets another path, or both."""

    path: str
    move: str | None = None
    chunks: list[Chunk] = []
    line: int


Hunk = Add | Delete | Update


class Patch(Record):
    """Hunks in the order in which they were written; ``environment`` as named, if one was."""

    hunks: list[Hunk]
    environment: str | None = None


def parse(text: str) -> Patch:
    """Read a patch. Raises PatchError, which names the line, counted from 1 at ``*** Begin Patch``."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PatchError(f"invalid patch: it holds half a character (a lone surrogate) at {error.start}") from None
    return _Reading(_unwrapped(text)).patch()


def _unwrapped(text: str) -> list[str]:
    """The lines between the markers, with both of them, without what is around."""
    lines = _lines(text)
    if (heredoc := _HEREDOC.match(lines[0].strip())) and lines[-1].strip().endswith(heredoc[2]):
        lines = _lines("\n".join(lines[1:-1]))
    if lines[0].strip() != BEGIN:
        raise PatchError(f"invalid patch: The first line of the patch must be '{BEGIN}'")
    if len(lines) < 2 or lines[-1].strip() != END:
        raise PatchError(f"invalid patch: The last line of the patch must be '{END}'")
    while lines[-2].rstrip() == END:  # said twice
        lines.pop()
    return lines


def _lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.strip().split("\n")]


def invalid_hunk(line: int, why: str) -> PatchError:
    """What to raise about this line of the patch, counted from 1."""
    return PatchError(f"invalid hunk at line {line}, {why}", line)


def _shown(line: str) -> str:
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


class _Reading:
    """A patch with a place in it. ``self._at`` is the index of the next line."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._last = len(lines) - 1
        self._at = 1

    def patch(self) -> Patch:
        environment = self._environment()
        hunks: list[Hunk] = []
        self._skip_blank()
        while self._at < self._last:
            hunks.append(self._hunk())
            self._skip_blank()
        if not hunks:
            raise PatchError("invalid patch: it holds no hunk, so no files were modified")
        return Patch(hunks=hunks, environment=environment)

    def _environment(self) -> str | None:
        line = self._lines[1].strip()
        if not line.startswith(ENVIRONMENT):
            return None
        self._at = 2
        if not (named := line.removeprefix(ENVIRONMENT).strip()):
            raise invalid_hunk(2, f"'{ENVIRONMENT}' names no environment")
        if self._lines[2].strip().startswith(ENVIRONMENT):
            raise invalid_hunk(3, f"a second '{ENVIRONMENT}': a patch belongs to one environment")
        return named

    def _skip_blank(self) -> None:
        while self._at < self._last and not self._lines[self._at].strip():
            self._at += 1

    def _hunk(self) -> Hunk:
        header, line = self._lines[self._at].strip(), self._at + 1
        self._at += 1
        if header.startswith(ADD):
            return Add(path=header.removeprefix(ADD).strip(), content=self._content(), line=line)
        if header.startswith(DELETE):
            return Delete(path=header.removeprefix(DELETE).strip(), line=line)
        if header.startswith(UPDATE):
            return self._update(header.removeprefix(UPDATE).strip(), line)
        kinds = ", ".join(f"'{each}{{path}}'" for each in (ADD, DELETE, UPDATE))
        raise invalid_hunk(line, f"'{_shown(header)}' is not a valid hunk header. Valid hunk headers: {kinds}")

    def _content(self) -> str:
        begin = self._at
        while self._lines[self._at].startswith("+"):
            self._at += 1
        return "".join(f"{line[1:]}\n" for line in self._lines[begin : self._at])

    def _update(self, path: str, line: int) -> Update:
        move = None
        if self._lines[self._at].startswith(MOVE):
            move = self._lines[self._at].removeprefix(MOVE).strip()
            self._at += 1
        chunks: list[Chunk] = []
        while self._more_chunks(first=not chunks):
            chunks.append(self._chunk(first=not chunks))
        if not chunks and move is None:
            raise invalid_hunk(line, f"Update file hunk for path '{path}' is empty")
        return Update(path=path, move=move, chunks=chunks, line=line)

    def _more_chunks(self, *, first: bool) -> bool:
        """Whether a chunk comes next; blank lines in front of it are passed over, unless it may begin with them."""
        before = self._at
        self._skip_blank()
        if self._at == self._last or self._lines[self._at].startswith("***"):
            return False
        if first and not self._at_context():
            self._at = before
        return True

    def _at_context(self) -> bool:
        line = self._lines[self._at]
        return line == "@@" or line.startswith("@@ ")

    def _chunk(self, *, first: bool) -> Chunk:
        begin = self._at
        contexts: list[str] = []
        while self._at_context():
            contexts.append(self._lines[self._at][3:])
            self._at += 1
        if self._at == begin and not first:
            got = _shown(self._lines[begin])
            why = f"Expected update hunk to start with a @@ context marker, got: '{got}'"
            raise invalid_hunk(begin + 1, why)
        lines = self._marked()
        end_of_file = self._lines[self._at].rstrip() == END_OF_FILE
        self._at += end_of_file
        contexts = [each for each in contexts if each.strip()]
        return Chunk(contexts=contexts, lines=lines, end_of_file=end_of_file, line=begin + 1)

    def _marked(self) -> list[str]:
        """The lines of a chunk up to the first one that begins with something else than a mark."""
        begin = self._at
        while self._at < self._last and self._lines[self._at][:1] in ("", " ", "+", "-"):
            self._at += 1
        found = self._lines[begin : self._at]
        if not any(found) and self._at < self._last and self._lines[self._at].rstrip() != END_OF_FILE:
            why = (
                f"Unexpected line found in update hunk: '{_shown(self._lines[self._at])}'. Every line should start "
                "with ' ' (context line), '+' (added line), or '-' (removed line)"
            )
            raise invalid_hunk(self._at + 1, why)
        if not found:
            raise invalid_hunk(self._at + 1, "Update hunk does not contain any lines")
        return found
