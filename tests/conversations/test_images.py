"""Images through the wire: URLs and files reach the model, are kept, and what cannot be read loses nothing else."""

import asyncio
import base64
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_166
from rollout.requests import NO_IMAGE
from server.engine import attachments, images
from server.engine.inputs import NO_AUDIO
from server.providers.scripted import Response, completed, message
from tests.support.harness import Client, Message, Refused, Server, running
from tests.support.rollouts import RolloutBuilder, usage_info

PNG = b"\x89PNG\r\n\x1a\nrest"
URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
ANSWER: Response = [message("ok"), completed()]


async def show(client: Client, thread: str, *content: Message) -> None:
    """Run a turn with this input."""
    turn = (await client.call("turn/start", threadId=thread, input=content))["turn"]["id"]
    await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn)


async def new_thread(client: Client) -> str:
    thread: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread


def seen(server: Server) -> list[Any]:
    """What the model was given last, without the shape of texts."""
    content = server.provider.requests[-1].input[-1]["content"]
    return [part["text"] if part["type"] == "input_text" else part for part in content]


def image(url: str, detail: str = "high") -> Message:
    return {"type": "input_image", "image_url": url, "detail": detail}


async def test_urls_and_files_reach_the_model_each_between_its_tags(tmp_path: Path) -> None:
    file = tmp_path / "drawing"  # the content says what it is, not the name
    file.write_bytes(PNG)
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd=str(tmp_path)))["thread"]["id"]
        words = {"type": "text", "text": "Compare."}
        remote, inline = {"type": "image", "url": "https://example.com/x.png"}, {"type": "image", "url": URL}
        local = {"type": "localImage", "path": "drawing"}
        await show(client, thread, words, remote, local, inline)
        assert seen(server) == [
            *("Compare.", "<image>", image("https://example.com/x.png"), "</image>"),
            *("<image name=[Image #2]>", image(URL), "</image>"),
            *("<image>", image(URL), "</image>"),
        ]


@pytest.mark.parametrize("form", ["legacy", "paginated"])
async def test_images_are_there_after_a_restart_for_clients_and_for_the_model(tmp_path: Path, form: str) -> None:
    written = RolloutBuilder(tmp_path, history_mode=form).turn("one", "first", usage_info(1)).write()
    file = tmp_path / "a.png"
    file.write_bytes(PNG)
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        local = {"type": "localImage", "path": str(file)}
        await show(client, written.thread_id, {"type": "text", "text": "Look."}, {"type": "image", "url": URL}, local)
        given = seen(server)
    file.unlink()
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        thread = (await client.call("thread/resume", threadId=written.thread_id))["thread"]
        _, remote, local = thread["turns"][-1]["items"][0]["content"]
        assert (remote["type"], remote["url"]) == ("image", URL)
        assert (local["type"], local["path"]) == ("localImage", str(file))
        await show(client, written.thread_id, {"type": "text", "text": "And now?"})
        kept = [item for item in server.provider.requests[-1].input if len(item["content"]) == len(given)]
        assert [[part.get("text", part) for part in item["content"]] for item in kept] == [given]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"text", "it is not a PNG, JPEG, GIF or WebP image"),
        (PNG + bytes(100), "it is larger than 0 MiB"),
    ],
)
async def test_a_file_that_cannot_be_sent_becomes_words_and_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, reason: str
) -> None:
    monkeypatch.setattr(images, "MAX_IMAGE", 100)
    file = tmp_path / "a.png"
    if content is not None:
        file.write_bytes(content)
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        await show(
            client, await new_thread(client), {"type": "localImage", "path": str(file)}, {"type": "text", "text": "?"}
        )
        assert seen(server) == [f"[The user attached the image {file}, which was left out: {reason}.]", "?"]
        assert (await client.hear("warning"))["message"] == f"The image {file} was left out: {reason}."


async def test_a_model_that_takes_no_images_gets_words_and_the_next_one_the_image(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, ANSWER) as server:
        client = await server.client()
        thread = await new_thread(client)
        turn = {"threadId": thread, "input": [{"type": "image", "url": URL}]}
        await client.call("turn/start", **turn, model="offline")
        await client.hear("turn/completed")
        assert seen(server) == ["<image>", NO_IMAGE, "</image>"]
        await client.call("turn/start", **turn | {"input": [{"type": "text", "text": "again"}]}, model="test-model")
        await client.hear("turn/completed")
        assert [part for item in server.provider.requests[-1].input for part in item["content"]].count(image(URL)) == 1


@pytest.mark.since(V0_166)
async def test_details_files_of_the_provider_and_sound_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(PNG)
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        thread = await new_thread(client)
        given: list[Message] = [
            {"type": "image", "url": URL, "detail": "low"},
            {"type": "localImage", "path": str(file), "detail": "original"},
            {"type": "image", "fileId": "file-1", "detail": None},
            {"type": "audio", "url": "data:audio/wav;base64,AAAA"},
            {"type": "localAudio", "path": "/a.wav"},
        ]
        await show(client, thread, *given)
        assert seen(server) == [
            *("<image>", image(URL, "low"), "</image>"),
            *("<image name=[Image #2]>", image(URL, "original"), "</image>"),
            {"type": "input_image", "file_id": "file-1", "detail": "high"},
            *(NO_AUDIO, NO_AUDIO),
        ]
        assert (await client.hear("item/started"))["item"]["content"] == given
        assert (await client.hear("warning"))["message"] == "Sound was left out: this server sends none to models."


async def test_what_is_no_file_holds_up_nobody(tmp_path: Path) -> None:

    os.mkfifo(tmp_path / "pipe")
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        await show(client, await new_thread(client), {"type": "localImage", "path": str(tmp_path / "pipe")})
        assert "which was left out: it is not a file" in seen(server)[0]


async def test_an_image_at_another_kind_of_address_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = await new_thread(client)
        with pytest.raises(Refused, match=r"`input\[0\].url` is not an https: or data: URL"):
            await show(client, thread, {"type": "image", "url": "file:///etc/passwd"})


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
    ],
)
async def test_the_content_says_what_kind_of_image_it_is(tmp_path: Path, beginning: bytes, kind: str) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(beginning)
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        await show(client, await new_thread(client), {"type": "localImage", "path": str(file)})
        assert seen(server)[1]["image_url"].startswith(f"data:{kind};base64,")


async def test_a_turn_that_is_stopped_while_it_reads_keeps_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    file = tmp_path / "a.png"
    file.write_bytes(PNG)
    reading, go_on = threading.Event(), threading.Event()
    read = images.data_url

    def slowly(path: Path) -> str:
        reading.set()
        assert go_on.wait(10)
        return read(path)

    monkeypatch.setattr(attachments, "data_url", slowly)
    async with running(tmp_path) as server:
        client = await server.client()
        thread = await new_thread(client)
        local = {"type": "localImage", "path": str(file)}
        turn = (await client.call("turn/start", threadId=thread, input=[local]))["turn"]["id"]
        assert await asyncio.to_thread(reading.wait, 10)
        stopping = await client.post("turn/interrupt", threadId=thread, turnId=turn)
        await client.settle()
        go_on.set()
        await client.reply(stopping)
        assert (await client.hear("turn/completed"))["turn"]["status"] == "interrupted"
        (stored,) = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"]
        assert [item["type"] for item in stored["items"]] == ["userMessage"]
