"""thread/resume and thread/fork: which source counts, and what of the recorded settings comes back."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from protocol.dialects.versions import V0_147
from protocol.wire import UNSET
from rollout.events import UserMessage
from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import CONFIG, Client, Message, Refused, running
from tests.support.rollouts import (
    RolloutBuilder,
    Written,
    assistant_item,
    plain,
    thread_id,
    turn_context,
    usage_info,
    user_item,
    with_usage,
)

USAGE = "thread/tokenUsage/updated"
ITEMS = [user_item("<environment_context>\n</environment_context>").payload, user_item("earlier").payload]


async def resume(client: Client, thread: str, **params: Any) -> Message:
    result: Message = await client.call("thread/resume", threadId=thread, **params)
    return result


def recorded(home: Path, model: str, effort: str | None, **options: Any) -> Written:
    """A thread whose last turn ran with this model and effort."""
    builder = RolloutBuilder(home, **options).turn("one", "first")
    context = replace(turn_context(builder.turn_ids[-1], model), effort=effort or UNSET)
    return builder.add(context).write()


def texts(turn: Message) -> list[str]:
    return [item.get("text") or item["content"][0]["text"] for item in turn["items"]]


# -- model and effort --------------------------------------------------------------------------------------------------


async def test_the_last_turns_model_and_effort_come_back_and_nobody_is_warned(tmp_path: Path) -> None:
    written = recorded(tmp_path, "model-of-then", "high")
    async with running(tmp_path, [message("more"), completed()]) as server:
        client = await server.client()
        result = await resume(client, written.thread_id)
        assert (result["model"], result["reasoningEffort"]) == ("model-of-then", "high")
        await client.settle()
        assert "warning" not in client.methods()
        await client.run_turn(written.thread_id, "go on")
        assert server.provider.requests[0].model == "model-of-then"


async def test_what_a_turn_chose_comes_back_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        content = [{"type": "text", "text": "hi"}]
        await client.call("turn/start", threadId=thread, input=content, model="chosen", effort="low")
        await client.hear("turn/completed")
    async with running(tmp_path) as server:
        result = await resume(await server.client(), thread)
        assert (result["model"], result["reasoningEffort"]) == ("chosen", "low")


async def test_another_model_is_warned_of_before_the_reply_and_only_the_caller_hears(tmp_path: Path) -> None:
    written = recorded(tmp_path, "model-of-then", None)
    before = written.path.read_bytes()
    async with running(tmp_path) as server:
        client, bystander = await server.client(), await server.client()
        result = await resume(client, written.thread_id, model="model-of-now")
        assert result["model"] == "model-of-now"
        await bystander.settle()
        assert client.methods() == ["warning", "thread/status/changed", "reply"]
        assert bystander.methods() == ["thread/status/changed"]
        (warned,) = client.heard("warning")
        assert warned["threadId"] == written.thread_id
        assert "`model-of-then`" in warned["message"]
        assert "`model-of-now`" in warned["message"]
    assert written.path.read_bytes() == before


@pytest.mark.parametrize(
    ("params", "model", "effort"),
    [
        ({"model": "mine"}, "mine", "minimal"),
        ({"modelProvider": "scripted"}, "test-model", "minimal"),
        ({"config": {"model": "mine"}}, "mine", "minimal"),
        ({"config": {"model_reasoning_effort": "xhigh"}}, "test-model", "xhigh"),
        ({"config": {"model_verbosity": "low"}}, "model-of-then", "high"),
    ],
    ids=str,
)
async def test_a_request_that_speaks_of_the_model_gets_nothing_of_it_restored(
    tmp_path: Path, params: Any, model: str, effort: str
) -> None:
    written = recorded(tmp_path, "model-of-then", "high")
    config = 'model_reasoning_effort = "minimal"\n' + CONFIG
    async with running(tmp_path, config=config) as server:
        client = await server.client()
        result = await resume(client, written.thread_id, **params)
        assert (result["model"], result["reasoningEffort"]) == (model, effort)
        await client.settle()
        assert ("warning" in client.methods()) == (model != "model-of-then")


@pytest.mark.since(V0_147)
@pytest.mark.parametrize(("recorded_one", "effort"), [(None, "minimal"), ("of-a-newer-codex", "of-a-newer-codex")])
async def test_an_effort_that_is_not_recorded_is_the_configured_one(
    tmp_path: Path, recorded_one: str | None, effort: str
) -> None:
    written = recorded(tmp_path, "model-of-then", recorded_one)
    async with running(tmp_path, config='model_reasoning_effort = "minimal"\n' + CONFIG) as server:
        result = await resume(await server.client(), written.thread_id)
        assert (result["model"], result["reasoningEffort"]) == ("model-of-then", effort)


async def test_who_joins_a_loaded_thread_changes_nothing_of_it_and_hears_no_warning(tmp_path: Path) -> None:
    written = recorded(tmp_path, "model-of-then", "high")
    async with running(tmp_path) as server:
        author, joiner = await server.client(), await server.client()
        first = await resume(author, written.thread_id)
        await joiner.settle()
        joiner.log.clear()
        wishes = {"model": "mine", "cwd": "/elsewhere", "approvalPolicy": "on-request", "sandbox": "danger-full-access"}
        assert await resume(joiner, written.thread_id, **wishes) == first
        assert joiner.methods() == ["reply"]


async def test_the_recorded_folder_is_the_threads_own_unless_another_is_asked_for(tmp_path: Path) -> None:
    written = plain(tmp_path, cwd="/somewhere")
    async with running(tmp_path) as server:
        assert (await resume(await server.client(), written.thread_id))["cwd"] == "/somewhere"
    async with running(tmp_path) as server:
        client = await server.client()
        assert (await resume(client, written.thread_id, cwd="/else"))["cwd"] == "/else"
        assert (await client.call("thread/fork", threadId=written.thread_id))["cwd"] == "/somewhere"


# -- sources -----------------------------------------------------------------------------------------------------------


async def test_history_goes_before_path_and_path_before_the_id(tmp_path: Path) -> None:
    first, second = plain(tmp_path, number=1), with_usage(tmp_path, number=2)
    async with running(tmp_path) as server:
        client = await server.client()
        by_all = (await resume(client, first.thread_id, path=str(second.path), history=ITEMS))["thread"]
        assert by_all["id"] not in (first.thread_id, second.thread_id)
        by_path = (await resume(client, first.thread_id, path=str(second.path)))["thread"]
        assert by_path["id"] == second.thread_id
        assert (await client.call("thread/loaded/list"))["data"] == sorted([by_all["id"], second.thread_id])


async def test_a_path_that_leads_nowhere_fails_although_the_id_would_do(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        for path in ("/nowhere.jsonl", str(tmp_path)):
            with pytest.raises(Refused, match=f"-32600: failed to load rollout `{path}`"):
                await resume(client, written.thread_id, path=path)
        assert (await client.call("thread/loaded/list"))["data"] == []


async def test_a_loaded_thread_named_by_its_path_is_joined_and_not_loaded_again(tmp_path: Path) -> None:
    gate = Gate()
    written = plain(tmp_path)
    async with running(tmp_path, [message(deltas=["a", gate, "b"]), completed()]) as server:
        author, joiner = await server.client(), await server.client()
        await resume(author, written.thread_id)
        turn = await author.start_turn(written.thread_id, "hi")
        await gate.reached.wait()
        result = await resume(joiner, "anything", path=str(written.path), model="mine")
        assert (result["thread"]["turns"][-1]["id"], result["model"]) == (turn, "mock-model")
        assert joiner.heard("warning") == []
        gate.open()
        assert (await joiner.hear("turn/completed"))["turn"]["id"] == turn
        await author.hear("turn/completed")


async def test_the_history_of_a_loaded_thread_cannot_be_replaced_not_even_by_nothing(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await resume(client, written.thread_id)
        for items in (ITEMS, []):
            with pytest.raises(Refused, match=r"-32600: cannot resume thread .* with history while it is already"):
                await resume(client, written.thread_id, history=items)


async def test_a_thread_made_of_items_has_their_first_words_and_is_on_disk(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        result = await resume(client, thread_id(99), history=[*ITEMS, assistant_item("yes").payload])
        thread = result["thread"]
        assert (thread["preview"], thread["turns"], thread["forkedFromId"]) == ("earlier", [], None)
        assert result["model"] == "test-model"
        await client.settle()
        assert client.methods() == ["thread/status/changed", "reply"]
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client = await server.client()
        await resume(client, thread["id"])
        await client.run_turn(thread["id"], "hi")
        said = [item["content"][0]["text"] for item in server.provider.requests[0].input if "content" in item]
        assert [text for text in said if not text.startswith("<")] == ["earlier", "yes", "hi"]


@pytest.mark.parametrize("item", ["text", None, {"type": "message"}, {"type": "unheard_of"}], ids=str)
async def test_a_history_of_anything_but_items_is_refused(tmp_path: Path, item: Any) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        with pytest.raises(Refused, match=r"-32600: history\[2\] is not a valid response item"):
            await resume(client, "anything", history=[*ITEMS, item])
    assert list((tmp_path / "sessions").rglob("*.jsonl")) == []


async def test_archived_and_unknown_threads_are_not_found_by_id_but_by_path(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/archive", threadId=written.thread_id)
        for method in ("thread/resume", "thread/fork"):
            for thread in (written.thread_id, thread_id(99)):
                with pytest.raises(Refused, match=f"-32600: no rollout found for thread id {thread}"):
                    await client.call(method, threadId=thread)
        path = str(tmp_path / "archived_sessions" / written.path.name)
        assert len((await resume(client, "anything", path=path))["thread"]["turns"]) == 2


async def test_an_unwritten_or_ephemeral_thread_cannot_be_forked(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        for ephemeral in (False, True):
            thread = (await client.call("thread/start", cwd="/", ephemeral=ephemeral))["thread"]["id"]
            with pytest.raises(Refused, match=f"-32600: no rollout found for thread id {thread}"):
                await client.call("thread/fork", threadId=thread)


# -- forks and what they show ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ephemeral", [False, True])
async def test_a_fork_of_a_running_thread_shows_its_turn_as_interrupted(tmp_path: Path, ephemeral: bool) -> None:
    gate = Gate()
    in_fork: Response = [message("in the fork"), completed()]
    async with running(tmp_path, [message(deltas=["a", gate, "b"]), completed()], in_fork) as server:
        author, forker = await server.client(), await server.client()
        source = (await author.call("thread/start", cwd="/"))["thread"]["id"]
        await author.start_turn(source, "hi")
        await gate.reached.wait()
        child = (await forker.call("thread/fork", threadId=source, ephemeral=ephemeral))["thread"]
        assert [(turn["status"], texts(turn)) for turn in child["turns"]] == [("interrupted", ["hi"])]
        assert (child["forkedFromId"], child["preview"], child["ephemeral"]) == (source, "hi", ephemeral)
        await forker.run_turn(child["id"], "on")
        said = [item["content"][0]["text"] for item in server.provider.requests[1].input if "content" in item]
        assert [text[:14] for text in said if not text.startswith(("<env", "<perm"))] == ["hi", "<turn_aborted>", "on"]
        gate.open()
        assert (await author.hear("turn/completed"))["turn"]["status"] == "completed"


async def test_a_fork_without_turns_in_its_reply_announces_none_either(tmp_path: Path) -> None:
    written = with_usage(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        child = (await client.call("thread/fork", threadId=written.thread_id, excludeTurns=True))["thread"]
        await client.settle()
        assert client.methods() == ["reply", USAGE, "thread/started"]
        assert (child["turns"], client.heard("thread/started")[0]["thread"]["turns"]) == ([], [])
        assert client.heard(USAGE)[0]["tokenUsage"]["total"]["totalTokens"] == (
            usage_info(2).total_token_usage.total_tokens
        )


async def test_an_ephemeral_thread_is_shared_while_it_lasts(tmp_path: Path) -> None:
    async with running(tmp_path, [message("hello"), completed()]) as server:
        author, joiner = await server.client(), await server.client()
        thread = (await author.call("thread/start", cwd="/", ephemeral=True))["thread"]["id"]
        assert (await resume(joiner, thread))["thread"]["ephemeral"] is True
        await author.start_turn(thread, "hi")
        await joiner.hear("turn/completed")
        assert (await joiner.call("thread/list", modelProviders=[]))["data"] == []
    async with running(tmp_path) as server:
        with pytest.raises(Refused, match="-32600: no rollout found"):
            await resume(await server.client(), thread)


async def test_a_name_given_before_loading_is_there_after_it_and_in_a_fork(tmp_path: Path) -> None:
    written = RolloutBuilder(tmp_path).turn("one", "first").add(UserMessage(message="two", images=[])).write()
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/name/set", threadId=written.thread_id, name="A name")
        assert (await resume(client, written.thread_id))["thread"]["name"] == "A name"
        child = (await client.call("thread/fork", threadId=written.thread_id))["thread"]
        assert child["name"] == "A name"
    (tmp_path / "session_index.jsonl").unlink()  # the rollout remembers it too
    async with running(tmp_path) as server:
        client = await server.client()
        assert (await resume(client, written.thread_id))["thread"]["name"] == "A name"
        assert (await resume(client, child["id"]))["thread"]["name"] == "A name"
