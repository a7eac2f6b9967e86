"""Folders through the wire: made, listed, described, removed, copied."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from server.files import trees
from tests.support.harness import Client, Refused, running


async def code(client: Client, method: str, **params: Any) -> int:
    """The code of the refusal; 0 for an empty answer."""
    try:
        assert await client.call(method, **params) == {}
    except Refused as refusal:
        return refusal.code
    return 0


async def test_folders_are_made_with_those_above_them_unless_that_is_not_wanted(tmp_path: Path) -> None:
    made = tmp_path / "a/b"
    deep = str(made)
    (tmp_path / "file").touch()
    async with running(tmp_path / "home") as server:
        client = await server.client()
        make = "fs/createDirectory"
        assert await code(client, make, path=deep, recursive=False) == -32603
        assert await code(client, make, path=deep) == 0
        assert await code(client, make, path=deep, recursive=None) == 0
        assert await code(client, make, path=deep, recursive=False) == -32603
        assert await code(client, make, path=f"{tmp_path}/file") == -32603
    assert made.is_dir()


async def test_a_link_is_described_by_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.utime(tmp_path / "file", ns=(0, 1_234_567_890_123_456_789))
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "nowhere").symlink_to("missing")
    os.mkfifo(tmp_path / "fifo")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        told = await client.call("fs/getMetadata", path=f"{tmp_path}/link")
        assert told.pop("createdAtMs") >= 0
        assert told == {"isDirectory": False, "isFile": True, "isSymlink": True, "modifiedAtMs": 1_234_567_890_123}
        folder = await client.call("fs/getMetadata", path=str(tmp_path))
        assert (folder["isDirectory"], folder["isFile"], folder["isSymlink"]) == (True, False, False)
        fifo = await client.call("fs/getMetadata", path=f"{tmp_path}/fifo")
        assert (fifo["isDirectory"], fifo["isFile"]) == (False, False)
        for missing in ("nowhere", "missing"):
            with pytest.raises(Refused, match="No such file"):
                await client.call("fs/getMetadata", path=f"{tmp_path}/{missing}")


async def test_a_folder_is_listed_by_name_with_names_that_are_no_text(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.txt").touch()
    (folder / "link").symlink_to("inner")
    (folder / "nowhere").symlink_to("missing")
    (folder / os.fsdecode(b"z\xff")).touch()
    async with running(tmp_path / "home") as server:
        client = await server.client()
        listed = (await client.call("fs/readDirectory", path=str(folder)))["entries"]
        with pytest.raises(Refused, match="Not a directory"):
            await client.call("fs/readDirectory", path=f"{folder}/a.txt")
    assert listed == [
        {"fileName": "a.txt", "isDirectory": False, "isFile": True},
        {"fileName": "inner", "isDirectory": True, "isFile": False},
        {"fileName": "link", "isDirectory": True, "isFile": False},
        {"fileName": "z\ufffd", "isDirectory": False, "isFile": True},
    ]


async def test_a_folder_that_holds_too_much_is_refused_with_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MOST_ENTRIES", 3)
    for name in "abcd":
        (tmp_path / "folder" / name).mkdir(parents=True)
    async with running(tmp_path / "home") as server:
        client = await server.client()
        with pytest.raises(Refused, match="more than 3 entries"):
            await client.call("fs/readDirectory", path=f"{tmp_path}/folder")
        await client.call("fs/remove", path=f"{tmp_path}/folder/d")
        assert len((await client.call("fs/readDirectory", path=f"{tmp_path}/folder"))["entries"]) == 3


async def test_removing_takes_all_and_asks_not_whether_it_was_there_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / "tree/inner").mkdir(parents=True)
    (tmp_path / "tree/inner/file").touch()
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to("kept")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert await code(client, "fs/remove", path=f"{tmp_path}/tree", recursive=False) == -32603
        assert await code(client, "fs/remove", path=f"{tmp_path}/tree") == 0
        assert await code(client, "fs/remove", path=f"{tmp_path}/tree") == 0
        assert await code(client, "fs/remove", path=f"{tmp_path}/tree", force=False) == -32603
        assert await code(client, "fs/remove", path=f"{tmp_path}/link") == 0
        assert await code(client, "fs/remove", path=f"{tmp_path}/kept", recursive=False) == 0
    assert os.listdir(tmp_path) == ["home"]


async def test_the_root_of_all_files_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "_remove", lambda *_: pytest.fail("it would be removed"))
    async with running(tmp_path) as server:
        client = await server.client()
        for root in ("/", "//", "/..", "/usr/.."):
            assert await code(client, "fs/remove", path=root) == -32600


async def test_a_tree_is_removed_although_somebody_else_removes_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree").mkdir()
    removes, tried = trees._remove, list[str]()

    def first_in_vain(path: str, recursive: bool) -> None:
        tried.append(path)
        if len(tried) == 1:
            raise FileNotFoundError(2, "a file in it has just gone")
        removes(path, recursive)

    monkeypatch.setattr(trees, "_remove", first_in_vain)
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert await code(client, "fs/remove", path=f"{tmp_path}/tree") == 0
    assert not (tmp_path / "tree").exists()


async def test_a_tree_is_copied_with_its_links_and_modes_and_without_what_is_no_file(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "inner").mkdir(parents=True)
    (tree / "inner/run.sh").write_text("run")
    (tree / "inner/run.sh").chmod(0o750)
    (tree / "link").symlink_to("inner")
    os.mkfifo(tree / "fifo")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        places = {"sourcePath": str(tree), "destinationPath": f"{tmp_path}/copied/here"}
        assert await code(client, "fs/copy", **places) == -32600
        assert await code(client, "fs/copy", **places, recursive=True) == 0
        fifo = {"sourcePath": f"{tree}/fifo", "destinationPath": f"{tmp_path}/fifo"}
        assert await code(client, "fs/copy", **fifo) == -32600
    copied = tmp_path / "copied/here"
    assert sorted(each.name for each in copied.iterdir()) == ["inner", "link"]
    assert (copied / "link").readlink() == Path("inner")
    assert (copied / "inner/run.sh").read_text() == "run"
    assert (copied / "inner/run.sh").stat().st_mode & 0o7777 == 0o750


async def test_nothing_is_copied_into_itself(tmp_path: Path) -> None:
    (tmp_path / "tree/inner").mkdir(parents=True)
    (tmp_path / "file").write_text("precious")
    (tmp_path / "same").symlink_to("file")
    (tmp_path / "way").symlink_to("tree/inner")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        for source, destination in (("tree", "tree"), ("tree", "tree/inner/x"), ("tree", "way/x"), ("file", "same")):
            places = {"sourcePath": f"{tmp_path}/{source}", "destinationPath": f"{tmp_path}/{destination}"}
            assert await code(client, "fs/copy", **places, recursive=True) == -32600
    assert (tmp_path / "file").read_text() == "precious"


async def test_a_copy_takes_the_place_of_a_file_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("new")
    (tmp_path / "old").write_text("old and longer")
    (tmp_path / "folder").mkdir()
    async with running(tmp_path / "home") as server:
        client = await server.client()
        for destination, answer in (("old", 0), ("made", 0), ("folder", -32603), ("missing/file", -32603)):
            places = {"sourcePath": f"{tmp_path}/file", "destinationPath": f"{tmp_path}/{destination}"}
            assert await code(client, "fs/copy", **places) == answer
    assert (tmp_path / "old").read_text() == (tmp_path / "made").read_text() == "new"
