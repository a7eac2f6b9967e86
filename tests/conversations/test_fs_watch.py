"""fs/watch through the wire: what changes is told to the connection that asked, until it asks no more."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from server.files import watches
from tests.support.harness import PATIENCE, Client, Refused, Server, running

CHANGED = "fs/changed"


async def watch(client: Client, path: Path | str, name: str = "w") -> None:
    assert await client.call("fs/watch", path=str(path), watchId=name) == {"path": str(path)}


async def hear(client: Client, *paths: Path, name: str = "w") -> None:
    """Wait until all of these have been told, in one notification or several."""
    left = {str(path) for path in paths}
    while left:
        left -= set((await client.hear(CHANGED, watchId=name))["changedPaths"])


async def nothing_is_watched(server: Server, other: Client) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(server.app.files.watches):
            await other.settle()


async def test_what_is_made_changed_renamed_and_removed_in_a_folder_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    async with running(tmp_path / "home") as server:
        client = await server.client(experimental=False)
        await watch(client, folder)
        (folder / "file").touch()
        await hear(client, folder / "file")
        (folder / "inner/deep").touch()
        (folder / "file").write_text("more")
        await hear(client, folder / "file")
        os.rename(folder / "file", folder / "renamed")
        await hear(client, folder / "file", folder / "renamed")
        (folder / "renamed").unlink()
        await hear(client, folder / "renamed")
        told = {path for each in client.heard(CHANGED) for path in each["changedPaths"]}
        assert not {path for path in told if path.endswith("deep")}


async def test_a_file_is_told_of_while_others_take_its_place_and_not_of_its_neighbours(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    async with running(tmp_path / "home") as server:
        client = await server.client()
        await watch(client, file)
        (tmp_path / "neighbour").touch()
        await client.call("fs/writeFile", path=str(file), dataBase64="eA==")
        await hear(client, file)
        file.unlink()
        await hear(client, file)
        file.touch()
        await hear(client, file)
        assert {path for each in client.heard(CHANGED) for path in each["changedPaths"]} == {str(file)}


async def test_what_is_not_there_yet_is_told_of_when_it_comes(tmp_path: Path) -> None:
    missing = tmp_path / "a/b/file"
    async with running(tmp_path / "home") as server:
        client = await server.client()
        await watch(client, missing)
        missing.parent.mkdir(parents=True)
        missing.touch()
        await hear(client, missing)
        missing.write_text("more")
        await hear(client, missing)


async def test_a_folder_that_is_made_again_is_watched_again(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    async with running(tmp_path / "home") as server:
        client = await server.client()
        await watch(client, folder)
        shutil.rmtree(folder)
        await hear(client, folder)
        folder.mkdir()
        await hear(client, folder)
        async with asyncio.timeout(PATIENCE):
            while len(server.app.files.watches) < 2:  # the folder above, and the new one
                await client.settle()
        (folder / "file").touch()
        await hear(client, folder / "file")


async def test_only_who_asked_hears_and_names_belong_to_a_connection(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    async with running(tmp_path / "home") as server:
        client, other, third = await server.client(), await server.client(), await server.client()
        await watch(client, one)
        await watch(other, two)
        (one / "file").touch()
        (two / "file").touch()
        await hear(client, one / "file")
        await hear(other, two / "file")
        await third.settle()
        assert third.log == []
        told = [{path for each in who.heard(CHANGED) for path in each["changedPaths"]} for who in (client, other)]
        assert told == [{f"{one}/file"}, {f"{two}/file"}]


async def test_two_who_watch_the_same_both_hear_until_each_ends(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    async with running(tmp_path / "home") as server:
        client, other = await server.client(), await server.client()
        await watch(client, folder)
        await watch(other, folder, "mine")
        (folder / "first").touch()
        await hear(client, folder / "first")
        await hear(other, folder / "first", name="mine")
        assert await client.call("fs/unwatch", watchId="w") == {}
        assert await client.call("fs/unwatch", watchId="w") == {}
        (folder / "second").touch()
        await hear(other, folder / "second", name="mine")
        await client.settle()
        assert f"{folder}/second" not in str(client.heard(CHANGED))


async def test_a_name_in_use_is_refused_and_free_again_afterwards(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as server:
        client = await server.client()
        await watch(client, tmp_path)
        with pytest.raises(Refused, match="in use on this connection: w"):
            await client.call("fs/watch", path=str(tmp_path), watchId="w")
        await client.call("fs/unwatch", watchId="w")
        await watch(client, tmp_path)


async def test_there_are_only_so_many_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "MOST_WATCHES", 2)
    async with running(tmp_path / "home") as server:
        client, other = await server.client(), await server.client()
        await watch(client, tmp_path, "1")
        await watch(client, tmp_path, "2")
        with pytest.raises(Refused, match="has 2 watches"):
            await client.call("fs/watch", path=str(tmp_path), watchId="3")
        await watch(other, tmp_path, "3")
        assert len(server.app.files.watches) == 2  # the folder and the one above, for all three


async def test_watches_end_with_their_connection(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as server:
        client, other = await server.client(), await server.client()
        await watch(client, tmp_path, "1")
        await watch(client, tmp_path / "missing", "2")
        await client.close()
        await nothing_is_watched(server, other)


async def test_many_changes_are_told_as_one_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "MOST_PATHS", 3)
    folder = tmp_path / "folder"
    folder.mkdir()
    async with running(tmp_path / "home") as server:
        client = await server.client()
        await watch(client, folder)
        for number in range(200):
            (folder / str(number)).touch()
        assert await client.hear(CHANGED) == {"watchId": "w", "changedPaths": [str(folder)]}


async def test_what_the_system_cannot_watch_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.files.folders.MOST_FOLDERS", 1)
    async with running(tmp_path / "home") as server:
        client = await server.client()
        with pytest.raises(Refused, match=r"cannot watch .*watches 1 folders already") as caught:
            await client.call("fs/watch", path=str(tmp_path), watchId="w")
        assert caught.value.code == -32603
        assert len(server.app.files.watches) == 0
        await watch(client, tmp_path / "file")
