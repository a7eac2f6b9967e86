"""view_image, update_plan and the provider's web search through the wire: what is shown, told and kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.engine import images
from server.providers.provider import ItemAdded, ItemDone
from server.providers.scripted import Response, Step, completed, function_call, message
from tests.support.harness import CONFIG, Client, Message, Server, running
from tests.support.questions import begin, calling, ended, new_thread, outputs
from tests.support.rollouts import RolloutBuilder

DONE: Response = [message("Done"), completed()]
PNG = b"\x89PNG\r\n\x1a\n rest"


def look(path: str, call_id: str = "call-1", **more: Any) -> list[Step]:
    return function_call("view_image", json.dumps({"path": path} | more), call_id=call_id)


def plan(*steps: tuple[str, str], **more: Any) -> list[Step]:
    listed = [{"step": step, "status": status} for step, status in steps]
    return function_call("update_plan", json.dumps({"plan": listed} | more))


def items(client: Client, method: str, kind: str) -> list[Message]:
    return [told["item"] for told in client.heard(method) if told["item"]["type"] == kind]


async def last_turn(client: Client, thread: str, kind: str) -> list[Message]:
    """The items of this kind in the last turn, without ids."""
    read = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"][-1]
    return [without_id(item) for item in read["items"] if item["type"] == kind]


def without_id(item: Message) -> Message:
    return {name: value for name, value in item.items() if name != "id"}


@pytest.mark.parametrize("form", ["legacy", "paginated"])
async def test_an_image_is_shown_sent_and_kept(tmp_path: Path, form: str) -> None:
    home, work = tmp_path / "home", tmp_path / "a b"
    (work / "sub").mkdir(parents=True)
    (work / "it.png").write_bytes(PNG)
    written = RolloutBuilder(home, history_mode=form, provider="scripted", cwd=str(work)).turn("one", "first").write()
    async with running(home, calling(look("sub/../it.png")), DONE) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        await client.run_turn(written.thread_id, "look")
        shown = {"type": "imageView", "id": "call-1", "path": str(work / "it.png")}
        assert items(client, "item/started", "imageView") == items(client, "item/completed", "imageView") == [shown]
        (part,) = outputs(server)["call-1"]
        assert part.pop("image_url").startswith("data:image/png;base64,iVBORw0KGgo")
        assert part == {"type": "input_image", "detail": "high"}
    async with running(home, DONE) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        assert await last_turn(client, written.thread_id, "imageView") == [without_id(shown)]
        await client.run_turn(written.thread_id, "and now?")
        assert outputs(server)["call-1"][0]["type"] == "input_image"


async def test_what_cannot_be_shown_is_no_item_and_the_model_hears_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_IMAGE", 100)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "large.png").write_bytes(PNG + bytes(100))
    paths = ["none.png", "folder", "text.png", "large.png", "a\0b"]
    calls = [look(path, f"call-{number}") for number, path in enumerate(paths)]
    calls.append(look("text.png", "call-5", detail="low"))
    async with running(tmp_path / "home", calling(*calls), DONE) as server:
        client = await server.client()
        await client.run_turn(await new_thread(client, cwd=str(tmp_path)), "look")
        assert list(outputs(server).values()) == [
            f"unable to locate image at `{tmp_path}/none.png`: No such file or directory",
            f"image path `{tmp_path}/folder` is not a file",
            f"unable to process image at `{tmp_path}/text.png`: it is not a PNG, JPEG, GIF or WebP image",
            f"unable to process image at `{tmp_path}/large.png`: it is larger than 0 MiB",
            f"unable to locate image at `{tmp_path}/a\0b`: embedded null byte",
            "view_image takes `high` or `original` as detail, or none, and not `low`",
        ]
        assert items(client, "item/started", "imageView") == []


async def test_a_model_without_eyes_is_not_offered_the_tool_and_hears_why(tmp_path: Path) -> None:
    config = CONFIG.replace('"test-model"', '"offline"')
    async with running(tmp_path, calling(look("x.png")), DONE, config=config) as server:
        client = await server.client()
        await client.run_turn(await new_thread(client), "look")
        assert outputs(server) == {"call-1": "view_image is not allowed because you do not support image inputs"}
        assert "view_image" not in names(server)


async def test_a_list_of_work_is_told_to_all_and_makes_no_item(tmp_path: Path) -> None:
    steps = [("Look", "completed"), ("Think", "in_progress"), ("Do", "pending")]
    async with running(tmp_path, calling(plan(*steps, explanation="as found")), DONE) as server:
        client, other = await server.client(), await server.client()
        thread = await new_thread(client)
        await other.call("thread/resume", threadId=thread)
        turn = (await client.run_turn(thread, "go"))["id"]
        told = [{"step": "Look", "status": "completed"}, {"step": "Think", "status": "inProgress"}]
        expected = {"threadId": thread, "turnId": turn, "explanation": "as found"}
        for each in (client, other):
            assert await each.hear("turn/plan/updated") == expected | {
                "plan": [*told, {"step": "Do", "status": "pending"}]
            }
        assert outputs(server) == {"call-1": "Plan updated"}
        assert {told["item"]["type"] for told in client.heard("item/started")} == {"userMessage", "agentMessage"}


async def test_a_list_that_is_wrong_and_one_in_plan_mode_are_not_told(tmp_path: Path) -> None:
    async with running(tmp_path, calling(plan(("x", "done"))), DONE, calling(plan(("x", "pending"))), DONE) as server:
        client = await server.client()
        thread = await new_thread(client)
        await client.run_turn(thread, "go")
        assert outputs(server)["call-1"].startswith("failed to parse function arguments: ")
        await ended(client, await begin(client, thread))
        assert outputs(server)["call-1"].endswith("is not allowed in Plan mode")
        assert client.heard("turn/plan/updated") == []


def names(server: Server) -> list[str]:
    """Which of these tools the model was told of last, in order; a tool of the provider's by its type."""
    told = (tool.get("name", tool["type"]) for tool in server.provider.requests[-1].tools)
    return [name for name in told if name in ("update_plan", "request_user_input", "web_search", "view_image")]


SEARCHES: list[tuple[str, Message, Message]] = [
    ("disabled", {}, {}),
    ("cached", {}, {"external_web_access": False}),
    ("live", {}, {"external_web_access": True}),
    ("cached", {"sandbox": "danger-full-access"}, {"external_web_access": True}),
    ("disabled", {"sandbox": "danger-full-access"}, {}),
]


@pytest.mark.parametrize(("mode", "params", "told"), SEARCHES)
async def test_the_configuration_says_whether_the_provider_may_search(
    tmp_path: Path, mode: str, params: Message, told: Message
) -> None:
    async with running(tmp_path, DONE) as server:
        client = await server.client()
        await client.run_turn(await new_thread(client, config={"web_search": mode}, **params), "go")
        offered = [tool for tool in server.provider.requests[-1].tools if tool["type"] == "web_search"]
        assert offered == ([{"type": "web_search"} | told] if told else [])


async def test_a_provider_that_may_not_know_the_search_is_not_asked_for_it_by_itself(tmp_path: Path) -> None:
    async with running(tmp_path, DONE) as server:
        client = await server.client()
        await client.run_turn(await new_thread(client), "go")
        assert names(server) == ["update_plan", "request_user_input", "view_image"]


async def test_tools_can_be_taken_away_by_the_configuration(tmp_path: Path) -> None:
    config = {
        "features.view_image": False,
        "tools.update_plan.enabled": False,
        "tools.experimental_request_user_input.enabled": False,
        "web_search": "live",
    }
    async with running(tmp_path, calling(plan(("x", "pending"))), DONE) as server:
        client = await server.client()
        await client.run_turn(await new_thread(client, config=config), "go")
        assert names(server) == ["web_search"]
        assert outputs(server) == {"call-1": "unsupported call: update_plan"}


ACTIONS: list[tuple[Message, str, Message]] = [
    ({"type": "search", "query": "tea"}, "tea", {"type": "search", "query": "tea", "queries": None}),
    ({"type": "search", "queries": ["a", "b"]}, "a ...", {"type": "search", "query": None, "queries": ["a", "b"]}),
    ({"type": "open_page", "url": "https://x"}, "https://x", {"type": "openPage", "url": "https://x"}),
    (
        {"type": "find_in_page", "url": "https://x", "pattern": "tea"},
        "'tea' in https://x",
        {"type": "findInPage", "url": "https://x", "pattern": "tea"},
    ),
]


@pytest.mark.parametrize("form", ["legacy", "paginated"])
@pytest.mark.parametrize(("action", "query", "shown"), ACTIONS)
async def test_a_search_of_the_provider_is_shown_and_the_same_after_a_restart(
    tmp_path: Path, form: str, action: Message, query: str, shown: Message
) -> None:
    written = RolloutBuilder(tmp_path, history_mode=form, provider="scripted").turn("one", "first").write()
    item = {"type": "web_search_call", "id": "ws-1", "status": "completed", "action": action}
    search: list[Step] = [ItemAdded(item={"type": "web_search_call", "id": "ws-1"}), ItemDone(item=item)]
    async with running(tmp_path, [*search, *DONE]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        await client.run_turn(written.thread_id, "go")
        (began,) = items(client, "item/started", "webSearch")
        (ended_as,) = items(client, "item/completed", "webSearch")
        assert (began["query"], began["action"]) == ("", {"type": "other"})
        assert (ended_as["id"], ended_as["query"], ended_as["action"]) == ("ws-1", query, shown)
    async with running(tmp_path, DONE) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        assert await last_turn(client, written.thread_id, "webSearch") == [without_id(ended_as)]
        await client.run_turn(written.thread_id, "and?")
        (kept,) = [each for each in server.provider.requests[-1].input if each["type"] == "web_search_call"]
        assert kept == {"type": "web_search_call", "status": "completed", "action": action}
