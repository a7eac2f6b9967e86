"""Conversations about files: contents, folders, watches and searches, in a tree that every server finds alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.peer.steps import Conversation, Hear, Joining, Settle, ask, conversation

_WORK = "$home/work"

_TREE = (
    "src/main.rs",
    "src/lib.rs",
    "src/app_server.rs",
    "docs/AppServer.md",
    "README.md",
    ".hidden/x.txt",
    "deep/one/two/abc.txt",
    "a/b/c",
    "abc",
    "Ünïcode.txt",
    "with space.txt",
    "fooBar.txt",
    "foo_bar",
    "tests/readme_test.py",
    "built/main.rs",
    "deep/hidden.tmp",
)


def work(home: Path) -> Mapping[str, str]:
    """A repository with something to search, and folders for each conversation."""
    for each in _TREE:
        path = home / "work/tree" / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (home / "work/tree/.git").mkdir()
    (home / "work/tree/.gitignore").write_text("built/\n")
    (home / "work/tree/deep/.gitignore").write_text("*.tmp\n")
    (home / "work/watched").mkdir()
    return {}


FILES: tuple[Conversation, ...] = (
    conversation(
        "a file is written and read",
        ask("A", "fs/writeFile", path=f"{_WORK}/new.txt", dataBase64="aGVsbG8="),
        ask("A", "fs/readFile", path=f"{_WORK}/new.txt"),
        ask("A", "fs/readFile", path=f"{_WORK}/not/../new.txt"),
        ask("A", "fs/writeFile", path=f"{_WORK}/new.txt", dataBase64=""),
        ask("A", "fs/readFile", path=f"{_WORK}/new.txt"),
    ),
    conversation(
        "files that cannot be read or written",
        ask("A", "fs/readFile", path="relative"),
        ask("A", "fs/readFile", path=""),
        ask("A", "fs/readFile", path="/a\0b"),
        ask("A", "fs/readFile", path=f"{_WORK}/missing"),
        ask("A", "fs/writeFile", path=f"{_WORK}/missing/file", dataBase64=""),
        ask("A", "fs/writeFile", path=_WORK, dataBase64=""),
        ask("A", "fs/writeFile", path=f"{_WORK}/bad", dataBase64="@@@"),
        ask("A", "fs/writeFile", path=f"{_WORK}/bad", dataBase64="aGVsbG8"),
        ask("A", "fs/getMetadata", path=f"{_WORK}/missing"),
        ask("A", "fs/readDirectory", path=f"{_WORK}/missing"),
        ask("A", "fs/readDirectory", path=f"{_WORK}/tree/abc"),
    ),
    conversation("a folder is read as a file", ask("A", "fs/readFile", path=f"{_WORK}/tree")),
    conversation(
        "folders are made, listed and removed",
        ask("A", "fs/createDirectory", path=f"{_WORK}/made/inner"),
        ask("A", "fs/createDirectory", path=f"{_WORK}/made/inner"),
        ask("A", "fs/createDirectory", path=f"{_WORK}/made/inner", recursive=False),
        ask("A", "fs/createDirectory", path=f"{_WORK}/made/x/y", recursive=False),
        ask("A", "fs/readDirectory", path=f"{_WORK}/made"),
        ask("A", "fs/remove", path=f"{_WORK}/made", recursive=False),
        ask("A", "fs/remove", path=f"{_WORK}/made/inner", recursive=False),
        ask("A", "fs/remove", path=f"{_WORK}/made"),
        ask("A", "fs/remove", path=f"{_WORK}/made"),
        ask("A", "fs/remove", path=f"{_WORK}/made", force=False),
    ),
    conversation(
        "files and folders are copied",
        ask("A", "fs/copy", sourcePath=f"{_WORK}/tree/a", destinationPath=f"{_WORK}/copied"),
        ask("A", "fs/copy", sourcePath=f"{_WORK}/tree/a", destinationPath=f"{_WORK}/copied/x", recursive=True),
        ask("A", "fs/readDirectory", path=f"{_WORK}/copied/x/b"),
        ask("A", "fs/copy", sourcePath=f"{_WORK}/copied", destinationPath=f"{_WORK}/copied/y", recursive=True),
        ask("A", "fs/copy", sourcePath=f"{_WORK}/tree/abc", destinationPath=f"{_WORK}/copied/abc"),
        ask("A", "fs/copy", sourcePath=f"{_WORK}/tree/abc", destinationPath=f"{_WORK}/copied/x"),
        ask("A", "fs/copy", sourcePath=f"{_WORK}/tree/missing", destinationPath=f"{_WORK}/copied/x"),
    ),
    conversation(
        "a file is copied onto itself",
        ask("A", "fs/copy", sourcePath=f"{_WORK}/tree/foo_bar", destinationPath=f"{_WORK}/tree/foo_bar"),
    ),
    conversation(
        "a device is written",
        ask("A", "fs/writeFile", path="/dev/null", dataBase64=""),
    ),
    conversation(
        "a folder is watched",
        ask("A", "fs/watch", path=f"{_WORK}/watched", watchId="w"),
        ask("A", "fs/watch", path=f"{_WORK}/watched", watchId="w"),
        ask("A", "fs/createDirectory", path=f"{_WORK}/watched/new"),
        Hear("A", "fs/changed"),
        ask("A", "fs/unwatch", watchId="w"),
        ask("A", "fs/unwatch", watchId="w"),
        ask("A", "fs/createDirectory", path=f"{_WORK}/watched/another"),
        Settle("B"),
    ),
    conversation(
        "files are searched",
        *(
            ask("A", "fuzzyFileSearch", query=query, roots=[f"{_WORK}/tree"])
            for query in (
                "",
                "abc",
                "appserver",
                "readme",
                "foobar",
                "main",
                "src/l",
                "a b",
                "rs$",
                "unicode",
                "hid",
                "zzz",
            )
        ),
        ask("A", "fuzzyFileSearch", query="abc", roots=[]),
        ask("A", "fuzzyFileSearch", query="abc", roots=[f"{_WORK}/missing"]),
    ),
    conversation(
        "files are searched in a session",
        ask("A", "fuzzyFileSearch/sessionStart", sessionId="s", roots=[f"{_WORK}/tree"]),
        Hear("A", "fuzzyFileSearch/sessionUpdated", {"query": ""}),
        ask("A", "fuzzyFileSearch/sessionUpdate", sessionId="s", query="lib"),
        Hear("A", "fuzzyFileSearch/sessionUpdated", {"query": "lib"}),
        ask("A", "fuzzyFileSearch/sessionStop", sessionId="s"),
        ask("A", "fuzzyFileSearch/sessionStop", sessionId="s"),
        ask("A", "fuzzyFileSearch/sessionUpdate", sessionId="s", query="x"),
        ask("A", "fuzzyFileSearch/sessionStart", sessionId="", roots=[f"{_WORK}/tree"]),
        ask("A", "fuzzyFileSearch/sessionStart", sessionId="s", roots=[]),
        clients={"A": Joining(opt_out=("fuzzyFileSearch/sessionCompleted",))},
    ),
    conversation(
        "file search sessions of a stable client",
        ask("A", "fuzzyFileSearch/sessionStart", sessionId="s", roots=[_WORK]),
        ask("A", "fuzzyFileSearch/sessionUpdate", sessionId="s", query="x"),
        ask("A", "fuzzyFileSearch/sessionStop", sessionId="s"),
        clients={"A": Joining(experimental=False)},
    ),
)
