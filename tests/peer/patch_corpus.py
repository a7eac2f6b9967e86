"""Patches for the applier of the peer and for ours: some by hand, the rest drawn from a seed."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from tests.server.engine.patches.trees import patch

Files = dict[str, str]


class Case(NamedTuple):
    """Files and a patch for them."""

    name: str
    files: Files
    text: str


ABC: Files = {"a": "one\ntwo\nthree\n", "sub/b": "x\n"}
UPDATE = "*** Update File: a"


def case(name: str, *lines: str, files: Files = ABC) -> Case:
    return Case(name, files, patch(*lines))


BY_HAND = [
    case("update", UPDATE, "@@", "-two", "+TWO"),
    case("no mark", UPDATE, "-one", "+1"),
    case("add", "*** Add File: n/m", "+x", "+"),
    case("add nothing", "*** Add File: n/m"),
    case("add over", "*** Add File: a", "+x"),
    case("blank in add", "*** Add File: n", "+x", "", "+y"),
    case("delete", "*** Delete File: a"),
    case("delete nothing", "*** Delete File: zz"),
    case("delete folder", "*** Delete File: sub"),
    case("update nothing", "*** Update File: zz", "@@", "-a", "+b"),
    case("update folder", "*** Update File: sub", "@@", "-a", "+b"),
    case("empty update", UPDATE),
    case("empty chunk", UPDATE, "@@"),
    case("empty chunk before a hunk", UPDATE, "@@ one", "*** Delete File: a"),
    case("move", UPDATE, "*** Move to: s/b", "@@", "-two", "+2"),
    case("move over", UPDATE, "*** Move to: sub/b", "@@", "-two", "+2"),
    case("odd line", UPDATE, "@@", "foo"),
    case("odd line behind a chunk", UPDATE, "@@", "-two", "foo"),
    case("chunk without mark", UPDATE, "@@", "-one", "+1", "", "-three", "+3"),
    case("blank inside", UPDATE, "@@", " one", "", "-three", "+3", files={"a": "one\n\nthree\n"}),
    case("context missing", UPDATE, "@@ nope", "-one", "+1"),
    case("lines missing", UPDATE, "@@", "-nope", "-one", "+1"),
    case("insert", UPDATE, "@@", "+new"),
    case("insert with context", UPDATE, "@@ one", "+new"),
    case("end", UPDATE, "@@", " three", "+4", "*** End of File"),
    case("end too early", UPDATE, "@@", "-one", "+1", "*** End of File"),
    case("end and more", UPDATE, "@@", " three", "+4", "*** End of File", "@@", "+5"),
    case("end alone", UPDATE, "@@", "*** End of File"),
    case("backwards", UPDATE, "@@", "-three", "+3", "@@", "-one", "+1"),
    case("alike", UPDATE, "@@", "-x", "+1", "@@", "-x", "+2", files={"a": "x\nx\n"}),
    case("no line end", UPDATE, "@@", "-one", "+2", files={"a": "one\ntwo"}),
    case("other marks", UPDATE, "@@", '-a - b "q" x', "+ok", files={"a": "a \u2013 b “q” x\n"}),
    case("empty file", UPDATE, "@@", "+z", files={"a": ""}),
    case("blank last old line", UPDATE, "@@", " x", "-y", "+z", " ", files={"a": "x\ny\n"}),
    case("blank before new", UPDATE, "@@", " x", " ", "+new", files={"a": "x\ny\n"}),
    case("all lines go", UPDATE, "@@", "-x", files={"a": "x\n"}),
    case("longer than the file", UPDATE, "@@", "-x", "-y", "-z", "+w", files={"a": "x\n"}),
    case("unknown header", "*** Frob"),
    case("nothing"),
    case("no name", "*** Delete File:"),
    case("dots", "*** Update File: ./x/../a", "@@", "-one", "+1"),
    case("file as folder", "*** Add File: a/b", "+1"),
    case("folder as file", "*** Add File: sub", "+1"),
    case("context alone", UPDATE, "@@", " one", " two"),
    case("numbers", UPDATE, "@@ -1,2 +1,2 @@", " one", "-two"),
    case("same file twice", UPDATE, "@@", "-one", "+1", UPDATE, "@@", "-1", "+3"),
    case("delete and add", "*** Delete File: a", "*** Add File: a", "+1"),
    case("add and delete", "*** Add File: q", "+1", "*** Delete File: q"),
    case("add and update", "*** Add File: q", "+1", "*** Update File: q", "@@", "-1", "+2"),
    Case("heredoc", ABC, f"<<'EOF'\n{patch('*** Delete File: a')}\nEOF\n"),
    Case("blanks", ABC, "  \n *** Begin Patch  \n  *** Delete File: a \n *** End Patch \n\n"),
    Case("line ends", ABC, patch(UPDATE, "@@", " one", "-two", "+2").replace("\n", "\r\n")),
    Case("no begin", ABC, "hello\n*** End Patch"),
    Case("no end", ABC, "*** Begin Patch\n*** Delete File: a\n"),
    Case("text behind", ABC, patch("*** Delete File: a") + "\ntrailing"),
]

LINES = ["a", "b", "c", "", "  d", "}", "    }"]


def drawn(count: int, *, exactly: bool) -> list[Case]:
    """Patches that mostly fit. ``exactly``: old lines are spelled as in the file, if they are right at all."""
    random = Random(5)
    return [_drawn(random, f"drawn {number}", exactly=exactly) for number in range(count)]


def _drawn(random: Random, name: str, *, exactly: bool) -> Case:
    files = {each: _text(random) for each in ("a", "b", "sub/c")}
    lines: list[str] = []
    for each in random.sample([*files, "new"], random.randint(1, 3)):
        lines += _hunk(random, each, files.get(each), exactly=exactly)
    return Case(name, files, patch(*lines))


def _text(random: Random) -> str:
    lines = random.choices(LINES, k=random.randint(1, 12))
    return "\n".join([*lines, "last"]) + random.choice(["\n", ""])


def _hunk(random: Random, name: str, text: str | None, *, exactly: bool) -> list[str]:
    if text is None or random.random() < 0.1:
        return [f"*** Add File: {name}", *(f"+{line}" for line in random.choices(LINES, k=random.randint(0, 3)))]
    if random.random() < 0.1:
        return [f"*** Delete File: {name}"]
    move = [f"*** Move to: moved/{name}"] if random.random() < 0.2 else []
    lines = text.removesuffix("\n").split("\n")
    chunks: list[str] = []
    at = 0
    while at < len(lines) and (not chunks or random.random() < 0.5):
        begin = random.randint(at, len(lines) - 1)
        at = random.randint(begin + 1, min(begin + 4, len(lines)))
        chunks += _chunk(random, lines, begin, at, exactly=exactly)
    return [f"*** Update File: {name}", *move, *chunks]


def _chunk(random: Random, lines: list[str], begin: int, end: int, *, exactly: bool) -> list[str]:
    head = "@@"
    overlapping = exactly and end == len(lines)  # 0.125.0 looks at the end even behind the context
    if begin and lines[begin - 1].strip() and random.random() < 0.3 and not overlapping:
        head += f" {lines[begin - 1]}"
    marked: list[str] = []
    for line in lines[begin:end]:
        if exactly and line == "last":  # 0.125.0 loses a blank line that becomes the last one
            marked.append(" last")
            break
        marked.append(random.choice(" -") + _spelled(random, line, exactly=exactly))
        marked += ["+" + random.choice([*LINES, "new"])] * random.choice([0, 0, 1])
    wrong = random.random() < 0.08
    return [head, *marked, *(["-wrong"] if wrong else []), *(["*** End of File"] if end == len(lines) else [])]


def _spelled(random: Random, line: str, *, exactly: bool) -> str:
    return line if exactly or random.random() < 0.8 else random.choice([f"{line} ", line.strip(), f"\t{line}"])
