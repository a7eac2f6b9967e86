"""fs/readFile and fs/writeFile through the wire: whole contents, whatever the file system does."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from server.files import contents
from tests.support.harness import Client, Refused, running

EVERY_BYTE = bytes(range(256))


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def refused(client: Client, method: str, **params: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await client.call(method, **params)
    return caught.value


async def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "new.bin"
    path = str(file)
    async with running(tmp_path / "home") as server:
        client = await server.client(experimental=False)
        assert await client.call("fs/writeFile", path=path, dataBase64=in_base64(EVERY_BYTE)) == {}
        assert file.read_bytes() == EVERY_BYTE
        assert await client.call("fs/readFile", path=path) == {"dataBase64": in_base64(EVERY_BYTE)}
        await client.call("fs/writeFile", path=f"{tmp_path}/not/../there.bin", dataBase64="")
        assert await client.call("fs/readFile", path=f"{tmp_path}/there.bin") == {"dataBase64": ""}


async def test_a_file_that_is_written_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    file, link, dangling = tmp_path / "run.sh", tmp_path / "link", tmp_path / "dangling"
    file.write_text("old")
    file.chmod(0o751)
    link.symlink_to("run.sh")
    dangling.symlink_to("made")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        await client.call("fs/writeFile", path=str(link), dataBase64=in_base64(b"new"))
        await client.call("fs/writeFile", path=str(dangling), dataBase64=in_base64(b"made"))
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o7777 == 0o751
    assert (tmp_path / "made").read_text() == "made"


async def test_names_of_one_file_stay_names_of_one_file(tmp_path: Path) -> None:
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_text("a longer text than the new one")
    os.link(file, other)
    async with running(tmp_path / "home") as server:
        client = await server.client()
        await client.call("fs/writeFile", path=str(file), dataBase64=in_base64(b"new"))
    assert other.read_text() == "new"


@pytest.mark.parametrize("text", ["@@@", "aGVsbG8", "aGVs\nbG8=", "_-8="])
async def test_what_is_no_base64_changes_no_file(text: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        refusal = await refused(client, "fs/writeFile", path=str(file), dataBase64=text)
    assert (refusal.code, "base64" in refusal.message) == (-32600, True)
    assert file.read_text() == "old"


async def test_a_full_disk_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.write_text("old")

    def fill(descriptor: int, content: bytes) -> None:
        os.write(descriptor, content[:2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(contents, "write_all", fill)
    async with running(tmp_path / "home") as server:
        client = await server.client()
        refusal = await refused(client, "fs/writeFile", path=str(file), dataBase64=in_base64(b"new"))
    assert refusal.code == -32603
    assert refusal.message == f"cannot write {file}: No space left on device (os error {errno.ENOSPC})"
    assert [each.read_text() for each in file.parent.iterdir()] == ["old"]


async def test_what_is_no_file_is_neither_read_nor_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        for path in (str(tmp_path / "fifo"), "/dev/null", "/dev/zero"):
            assert (await refused(client, "fs/readFile", path=path)).code == -32600
            assert (await refused(client, "fs/writeFile", path=path, dataBase64="")).code == -32600
        assert (await refused(client, "fs/readFile", path=str(tmp_path))).code == -32600
        assert (await refused(client, "fs/writeFile", path=str(tmp_path), dataBase64="")).code == -32603


async def test_a_file_that_is_too_large_is_refused_with_the_bound(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(contents.MOST_BYTES + 1)
    async with running(tmp_path / "home") as server:
        client = await server.client()
        refusal = await refused(client, "fs/readFile", path=str(large))
    assert (refusal.code, str(contents.MOST_BYTES) in refusal.message) == (-32600, True)


async def test_what_the_system_refuses_is_told_with_its_reason(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as server:
        client = await server.client()
        missing = await refused(client, "fs/readFile", path=f"{tmp_path}/missing")
        nowhere = await refused(client, "fs/writeFile", path=f"{tmp_path}/missing/file", dataBase64="")
    assert (missing.code, nowhere.code) == (-32603, -32603)
    assert missing.message == f"cannot read {tmp_path}/missing: No such file or directory (os error 2)"
    assert nowhere.message.endswith("No such file or directory (os error 2)")


@pytest.mark.parametrize("path", ["relative", "", "~/file", "./file"])
async def test_a_path_that_is_not_absolute_is_refused(path: str, tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        refusal = await refused(client, "fs/readFile", path=path)
    assert (refusal.code, refusal.message) == (-32600, f"Invalid request: path `{path}` is not absolute")


async def test_a_path_with_a_nul_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        refusal = await refused(client, "fs/readFile", path="/a\0b")
    assert (refusal.code, "NUL" in refusal.message) == (-32600, True)


async def test_what_one_client_asks_is_done_in_its_order(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        asked = []
        for number in range(20):
            await client.post("fs/writeFile", {"path": path, "dataBase64": in_base64(b"%d" % number)})
            asked.append(await client.post("fs/readFile", {"path": path}))
        read = [(await client.reply(each))["result"]["dataBase64"] for each in asked]
    assert read == [in_base64(b"%d" % number) for number in range(20)]


async def test_who_waits_for_a_slow_disk_holds_up_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, arrived, goes_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    read = contents.read

    def slow(path: str) -> bytes:
        if path.endswith("slow"):
            loop.call_soon_threadsafe(arrived.set)
            asyncio.run_coroutine_threadsafe(goes_on.wait(), loop).result()
        return read(path)

    monkeypatch.setattr(contents, "read", slow)
    for name in ("slow", "fast"):
        (tmp_path / name).write_text(name)
    async with running(tmp_path / "home") as server:
        client, other = await server.client(), await server.client()
        waiting = await client.post("fs/readFile", {"path": f"{tmp_path}/slow"})
        await arrived.wait()
        assert await other.call("fs/readFile", path=f"{tmp_path}/fast") == {"dataBase64": in_base64(b"fast")}
        await client.settle()
        assert client.log == []
        goes_on.set()
        assert (await client.reply(waiting))["result"] == {"dataBase64": in_base64(b"slow")}
