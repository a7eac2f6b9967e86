"""fuzzyFileSearch and its sessions through the wire."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from server.files import searches
from server.files.gathering import Gathering
from server.files.index import Found
from tests.support.harness import PATIENCE, Client, Message, Refused, running

UPDATED, COMPLETED = "fuzzyFileSearch/sessionUpdated", "fuzzyFileSearch/sessionCompleted"


def tree(root: Path, *paths: str) -> str:
    for each in paths:
        path = root / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return str(root)


async def found(client: Client, query: str, *roots: str) -> list[str]:
    answer = await client.call("fuzzyFileSearch", query=query, roots=list(roots))
    return [each["path"] for each in answer["files"]]


async def test_a_find_says_where_it_is_what_it_is_and_what_fits(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "src/main.rs", "Ünïcode.txt")
    async with running(tmp_path / "home") as server:
        client = await server.client(experimental=False)
        answer = await client.call("fuzzyFileSearch", query="main", roots=[root], cancellationToken=None)
        assert answer["files"] == [
            {
                "root": root,
                "path": "src/main.rs",
                "match_type": "file",
                "file_name": "main.rs",
                "score": 65536 + 109,
                "indices": [4, 5, 6, 7],
            }
        ]
        (folder,) = (await client.call("fuzzyFileSearch", query="^src$", roots=[root]))["files"]
        assert (folder["match_type"], folder["file_name"]) == ("directory", "src")
        (accented,) = (await client.call("fuzzyFileSearch", query="code", roots=[root]))["files"]
        assert accented["indices"] == [3, 4, 5, 6]
        assert await found(client, "unicode", root) == ["Ünïcode.txt"]


async def test_just_that_name_comes_first_and_then_names_before_ways(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "x/exact", "y/exact/in.txt", "exacto", "zexact")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert await found(client, "EXACT", root) == ["x/exact", "y/exact", "exacto", "zexact", "y/exact/in.txt"]


async def test_letters_in_a_row_and_at_beginnings_of_words_fit_better(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "fooBar.txt", "foo_bar", "foo1bar", "f_o_o_b_a_r", "foo/bar", "barfoo")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert await found(client, "foobar", root) == ["fooBar.txt", "foo_bar", "f_o_o_b_a_r", "foo1bar", "foo/bar"]


async def test_several_words_must_all_fit_and_may_say_how(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "src/lib.rs", "src/main.rs", "docs/lib.md", "lib/src.txt")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert await found(client, "lib src", root) == ["lib/src.txt", "src/lib.rs"]
        assert await found(client, "^src rs$", root) == ["src/lib.rs", "src/main.rs"]
        assert await found(client, "src !lib", root) == ["src", "src/main.rs"]
        assert await found(client, "'ib.m", root) == ["docs/lib.md"]
        for nothing in ("", "   ", "zzz", "!"):
            assert await found(client, nothing, root) == []


async def test_ignored_files_are_not_found_and_hidden_ones_are(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "built/find", "find.log", "find.keep.log", "in/find.tmp", ".hidden/find", "find.not")
    (tmp_path / "tree/.gitignore").write_text("built/\n*.log\n!find.keep.log\n")
    (tmp_path / "tree/in/.gitignore").write_text("*.tmp\n")
    (tmp_path / "tree/.ignore").write_text("*.not\n")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        every = {"built/find", "find.log", "find.keep.log", "in/find.tmp", ".hidden/find"}
        assert set(await found(client, "find", root)) == every  # no repository: .gitignore says nothing
        (tmp_path / "tree/.git").mkdir()
        assert set(await found(client, "find", root)) == {"find.keep.log", ".hidden/find"}


async def test_links_that_lead_round_and_names_that_are_no_text_harm_nothing(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "real/find")
    (tmp_path / "tree/real/up").symlink_to("..")
    (tmp_path / "tree/link").symlink_to("real")
    (tmp_path / "tree/nowhere").symlink_to("find-missing")
    tree(Path(os.fsdecode(os.fsencode(root))), os.fsdecode(b"find\xff"))
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert await found(client, "find", root) == ["link/find", "real/find"]


async def test_several_folders_are_searched_and_missing_ones_passed_over(tmp_path: Path) -> None:
    one, two = tree(tmp_path / "one", "abc"), tree(tmp_path / "two", "abc2")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert await found(client, "abc", one, two, f"{tmp_path}/missing", "no\0path") == ["abc", "abc2"]
        assert await found(client, "abc") == []


async def test_the_best_fifty_of_many_are_told(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", *(f"file{number:03}.txt" for number in range(300)), "sub/x/afile", "file")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert await found(client, "file", root) == ["file", *(f"file{number:03}.txt" for number in range(49))]


async def test_a_search_ends_the_one_before_it_with_the_same_token_on_the_same_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "tree", "abc")
    find, began = searches.search, asyncio.Queue[str]()
    loop = asyncio.get_running_loop()

    def search(gathering: Gathering, query: str) -> list[Found]:
        loop.call_soon_threadsafe(began.put_nowait, query)
        if query == "ab" and not gathering.stop.wait(PATIENCE):
            raise TimeoutError
        return find(gathering, query)

    monkeypatch.setattr(searches, "search", search)
    async with running(tmp_path / "home") as server:
        client, other = await server.client(), await server.client()
        asked = {"roots": [root], "cancellationToken": "t"}
        first = await client.post("fuzzyFileSearch", asked | {"query": "ab"})
        assert await began.get() == "ab"
        await other.call("fuzzyFileSearch", **asked, query="abc")
        await client.settle()
        assert client.log == []
        assert len((await client.call("fuzzyFileSearch", **asked, query="abc"))["files"]) == 1
        assert (await client.reply(first))["result"] == {"files": []}


async def completed(client: Client, query: str) -> list[str]:
    """Wait for the end of the search for this; what was found."""
    told: Message = await client.hear(UPDATED, query=query)
    await client.hear(COMPLETED)
    return [each["path"] for each in told["files"]]


async def test_a_session_tells_what_it_finds_for_each_query(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "src/main.rs", "src/lib.rs")
    async with running(tmp_path / "home") as server:
        client, other = await server.client(), await server.client()
        assert await client.call("fuzzyFileSearch/sessionStart", sessionId="s", roots=[root]) == {}
        assert await completed(client, "") == []
        for query, expected in (("lib", ["src/lib.rs"]), ("zzz", []), ("main", ["src/main.rs"]), ("main", None)):
            assert await client.call("fuzzyFileSearch/sessionUpdate", sessionId="s", query=query) == {}
            assert await completed(client, query) == (["src/main.rs"] if expected is None else expected)
        await other.settle()
        assert other.log == []


async def test_a_session_that_begins_again_sees_new_files(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "old")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        await client.call("fuzzyFileSearch/sessionStart", sessionId="s", roots=[root])
        await completed(client, "")
        tree(tmp_path / "tree", "new")
        await client.call("fuzzyFileSearch/sessionUpdate", sessionId="s", query="new")
        assert await completed(client, "new") == []
        await client.call("fuzzyFileSearch/sessionStart", sessionId="s", roots=[root])
        await client.call("fuzzyFileSearch/sessionUpdate", sessionId="s", query="new")
        assert await completed(client, "new") == ["new"]


async def test_sessions_belong_to_a_connection_and_end_with_it(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "file")
    async with running(tmp_path / "home") as server:
        client, other = await server.client(), await server.client()
        await client.call("fuzzyFileSearch/sessionStart", sessionId="s", roots=[root])
        with pytest.raises(Refused, match="not found on this connection: s"):
            await other.call("fuzzyFileSearch/sessionUpdate", sessionId="s", query="file")
        assert len(server.app.files.searches) == 1
        await client.close()
        async with asyncio.timeout(PATIENCE):
            while len(server.app.files.searches):
                await other.settle()


async def test_a_session_that_is_stopped_says_no_more(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "file")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        await client.call("fuzzyFileSearch/sessionStart", sessionId="s", roots=[root])
        assert await client.call("fuzzyFileSearch/sessionStop", sessionId="s") == {}
        assert await client.call("fuzzyFileSearch/sessionStop", sessionId="s") == {}
        with pytest.raises(Refused, match="not found"):
            await client.call("fuzzyFileSearch/sessionUpdate", sessionId="s", query="file")


async def test_sessions_need_a_name_folders_and_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "MOST_SESSIONS", 1)
    async with running(tmp_path / "home") as server:
        client, stable = await server.client(), await server.client(experimental=False)
        for name, roots, reason in (("", ["/"], "must not be empty"), ("s", [], "needs a directory")):
            with pytest.raises(Refused, match=reason):
                await client.call("fuzzyFileSearch/sessionStart", sessionId=name, roots=roots)
        await client.call("fuzzyFileSearch/sessionStart", sessionId="s", roots=[str(tmp_path)])
        await client.call("fuzzyFileSearch/sessionStart", sessionId="s", roots=[str(tmp_path)])
        with pytest.raises(Refused, match="has 1 file search sessions"):
            await client.call("fuzzyFileSearch/sessionStart", sessionId="t", roots=[str(tmp_path)])
        with pytest.raises(Refused, match="fuzzyFileSearch/sessionStart requires experimentalApi"):
            await stable.call("fuzzyFileSearch/sessionStart", sessionId="s", roots=[str(tmp_path)])
