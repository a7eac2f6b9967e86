"""Calls of one answer: which run beside each other, in which order they are answered, and what becomes of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.engine.tools import toolbox as toolboxes
from server.engine.tools.tool import Call, CallFailed, Content, Tool, TurnCancelled, Work, function
from server.engine.tools.toolbox import Toolbox
from server.errors import TurnError
from server.providers.provider import ItemDone
from server.providers.scripted import Gate, Response, Step, completed, function_call, message
from tests.support.harness import PATIENCE, Client, Message, Server, running
from tests.support.questions import begin, calling, ended, new_thread, outputs

DONE: Response = [message("Done"), completed()]


class Gated(Tool):
    """Waits at a gate for each call, which tests open; says what the call did."""

    def __init__(self, name: str, *, parallel: bool) -> None:
        self.name = name
        self.parallel = parallel
        self.gates: dict[str, Gate] = {}
        self.outcome: Callable[[Call], Content] = lambda call: f"{call.id} done"
        self.stopped: list[str] = []

    def offer(self) -> dict[str, Any]:
        return function(self.name, "", {})

    def gate(self, call_id: str) -> Gate:
        return self.gates.setdefault(call_id, Gate())

    async def run(self, call: Call, work: Work) -> Content:
        try:
            await self.gate(call.id).pass_through()
        finally:
            if not self.gate(call.id).opened.is_set():
                self.stopped.append(call.id)
        return self.outcome(call)

    async def reached(self, call_id: str) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.gate(call_id).reached.wait()

    def waits_for_others(self, call_id: str) -> bool:
        return not self.gate(call_id).reached.is_set()


@pytest.fixture
def side() -> Gated:
    """A tool whose calls may run beside others."""
    return Gated("side", parallel=True)


@pytest.fixture
def alone() -> Gated:
    """A tool whose calls run beside no other."""
    return Gated("alone", parallel=False)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, side: Gated, alone: Gated) -> Any:
    """A server whose turns have just these two tools."""

    async def toolbox(*_: Any) -> Toolbox:
        return Toolbox([side, alone])

    for module in toolboxes_users():
        monkeypatch.setattr(module, "toolbox", toolbox)

    @asynccontextmanager
    async def serve(*script: Response, **options: Any) -> AsyncIterator[tuple[Server, Client, str]]:
        async with running(tmp_path, *script, **options) as server:
            client = await server.client()
            yield server, client, await new_thread(client)

    return serve


def toolboxes_users() -> list[Any]:
    """The modules that make a toolbox for a turn."""
    import server.engine.conversing as conversing
    import server.engine.sampling as sampling

    return [each for each in (conversing, sampling) if getattr(each, "toolbox", None) is toolboxes.toolbox]


def call(tool: Gated, call_id: str, arguments: str = "{}") -> list[Step]:
    return function_call(tool.name, arguments, call_id=call_id)


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_calls_that_may_run_beside_each_other_overlap(started: Any, side: Gated) -> None:
    async with started(calling(call(side, "a"), call(side, "b")), DONE) as (server, client, thread):
        turn = await begin(client, thread)
        await side.reached("a")
        await side.reached("b")
        side.gate("b").open()
        await settled()
        side.gate("a").open()
        await ended(client, turn)
        assert list(outputs(server).items()) == [("a", "a done"), ("b", "b done")]


async def test_one_that_runs_alone_waits_for_those_before_it_and_holds_up_those_behind_it(
    started: Any, side: Gated, alone: Gated
) -> None:
    calls = [call(side, "a"), call(side, "b"), call(alone, "c"), call(side, "d"), call(alone, "e")]
    async with started(calling(*calls), DONE) as (server, client, thread):
        turn = await begin(client, thread)
        await side.reached("a")
        await side.reached("b")
        side.gate("a").open()
        await settled()
        assert alone.waits_for_others("c")
        side.gate("b").open()
        await alone.reached("c")
        await settled()
        assert side.waits_for_others("d")
        assert alone.waits_for_others("e")
        alone.gate("c").open()
        await side.reached("d")
        assert alone.waits_for_others("e")
        side.gate("d").open()
        await alone.reached("e")
        alone.gate("e").open()
        await ended(client, turn)
        assert list(outputs(server)) == ["a", "b", "c", "d", "e"]


async def test_a_call_begins_while_the_model_still_speaks_and_all_are_answered_at_once(
    started: Any, side: Gated
) -> None:
    gate = Gate()
    async with started([*call(side, "a"), gate, *call(side, "b"), completed()], DONE) as (server, client, thread):
        turn = await begin(client, thread)
        await side.reached("a")
        side.gate("a").open()
        side.gate("b").open()
        gate.open()
        await ended(client, turn)
        kinds = [item["type"] for item in server.provider.requests[1].input]
        assert kinds[-4:] == ["function_call", "function_call", "function_call_output", "function_call_output"]


async def test_a_tool_that_crashes_fails_its_call_and_nothing_else(started: Any, side: Gated) -> None:
    def outcome(made: Call) -> Content:
        if made.id == "a":
            raise ZeroDivisionError
        if made.id == "b":
            raise CallFailed("not today")
        return "fine"

    side.outcome = outcome
    async with started(calling(call(side, "a"), call(side, "b"), call(side, "c")), DONE) as (server, client, thread):
        turn = await begin(client, thread)
        for each in ("a", "b", "c"):
            side.gate(each).open()
        assert (await ended(client, turn))["status"] == "completed"
        told = outputs(server)
        assert told.pop("a") == "The tool failed inside the server; its log has the details."
        assert told == {"b": "not today", "c": "fine"}


async def test_an_interrupt_stops_every_call_and_each_has_an_answer(started: Any, side: Gated, alone: Gated) -> None:
    calls = [call(side, "a"), call(side, "b"), call(alone, "c")]
    async with started(calling(*calls), DONE) as (server, client, thread):
        turn = await begin(client, thread)
        side.gate("a").open()
        await side.reached("b")
        await client.call("turn/interrupt", threadId=thread, turnId=turn)
        assert (await ended(client, turn))["status"] == "interrupted"
        assert side.stopped == ["b"]
        assert alone.waits_for_others("c")
        await client.run_turn(thread, "again")
        told = outputs(server)
        assert list(told) == ["a", "b", "c"]
        assert told["a"] == "a done"
        assert all(told[each].startswith("aborted by user after 0.") for each in ("b", "c"))
        items = server.provider.requests[-1].input
        marker = next(at for at, item in enumerate(items) if "<turn_aborted>" in str(item))
        assert [item.get("call_id") for item in items[marker - 3 : marker]] == ["a", "b", "c"]


async def test_a_person_who_ends_the_turn_by_an_answer_stops_the_calls_beside(started: Any, side: Gated) -> None:
    def cancel(made: Call) -> Content:
        raise TurnCancelled

    side.outcome = cancel
    async with started(calling(call(side, "a"), call(side, "b")), DONE) as (server, client, thread):
        turn = await begin(client, thread)
        await side.reached("b")
        side.gate("a").open()
        assert (await ended(client, turn))["status"] == "interrupted"
        assert side.stopped == ["b"]
        await client.run_turn(thread, "again")
        assert all(output.startswith("aborted by user after 0.") for output in outputs(server).values())
        assert list(outputs(server)) == ["a", "b"]


async def test_a_person_who_ends_the_turn_waits_neither_for_the_model_nor_for_earlier_calls(
    started: Any, side: Gated
) -> None:
    def cancel(made: Call) -> Content:
        raise TurnCancelled

    side.outcome = cancel
    never = Gate()
    async with started([*call(side, "a"), *call(side, "b"), never, completed()], DONE) as (_, client, thread):
        turn = await begin(client, thread)
        await side.reached("a")
        side.gate("b").open()
        assert (await ended(client, turn))["status"] == "interrupted"
        assert side.stopped == ["a"]
        assert not never.opened.is_set()


async def test_a_stream_that_breaks_after_a_call_waits_for_it_and_tells_the_next_one(started: Any, side: Gated) -> None:
    broken = [*call(side, "a"), TurnError("gone", retryable=True)]
    async with started(broken, DONE) as (server, client, thread):
        server.provider._stream_max_retries = 1
        turn = await begin(client, thread)
        await side.reached("a")
        await client.settle()
        assert len(server.provider.requests) == 1
        side.gate("a").open()
        assert (await ended(client, turn))["status"] == "completed"
        items = [item["type"] for item in server.provider.requests[1].input]
        assert items[-2:] == ["function_call", "function_call_output"]
        assert items.count("function_call_output") == 1
        assert outputs(server) == {"a": "a done"}


async def test_a_turn_that_fails_after_a_call_keeps_its_answer(started: Any, side: Gated) -> None:
    async with started([*call(side, "a"), TurnError("no more")], DONE) as (server, client, thread):
        side.gate("a").open()
        assert (await ended(client, await begin(client, thread)))["status"] == "failed"
        await client.run_turn(thread, "again")
        assert outputs(server) == {"a": "a done"}


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({"type": "function_call", "name": "nothing", "arguments": "{}"}, "unsupported call: nothing"),
        ({"type": "function_call", "name": "side", "arguments": "{}", "namespace": "no"}, "unsupported call: side"),
        ({"type": "custom_tool_call", "name": "nothing", "input": "x"}, "unsupported custom tool call: nothing"),
    ],
)
async def test_a_tool_that_is_not_there_is_an_answer(started: Any, item: Message, told: str) -> None:
    async with started([ItemDone(item=item | {"call_id": "a"}), completed()], DONE) as (server, client, thread):
        assert (await ended(client, await begin(client, thread)))["status"] == "completed"
        assert outputs(server) == {"a": told}
        kind = item["type"] + "_output"
        assert [each["type"] for each in server.provider.requests[-1].input][-1] == kind


LONG = "".join(f"<{number}>" for number in range(100_000))


async def test_what_is_kept_of_an_output_has_a_bound_and_loses_its_middle(started: Any, side: Gated) -> None:
    def outcome(made: Call) -> Content:
        if made.id == "a":
            return LONG
        image = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 50_000}
        return [{"type": "input_text", "text": LONG}, image, {"type": "input_text", "text": "beyond"}]

    side.outcome = outcome
    async with started(calling(call(side, "a"), call(side, "b")), DONE) as (server, client, thread):
        side.gate("a").open()
        side.gate("b").open()
        await ended(client, await begin(client, thread))
        text, (part, image) = outputs(server).values()
        for each in (text, part["text"]):
            assert 11_900 < len(each.encode()) <= 12_000
            assert each.startswith("<0><1>")
            assert each.endswith("<99998><99999>")
            assert each.count("chars truncated…") == 1
            assert "left out" not in each
        assert len(image["image_url"]) > 50_000


async def test_an_output_that_keeps_to_the_bound_stays_as_it_is(started: Any, side: Gated) -> None:
    side.outcome = lambda made: "x" * 12_000
    async with started(calling(call(side, "a")), DONE) as (server, client, thread):
        side.gate("a").open()
        await ended(client, await begin(client, thread))
        assert outputs(server) == {"a": "x" * 12_000}


@pytest.mark.parametrize(("model", "limit", "most"), [("gpt-5.4", None, 48_000), ("gpt-5.4", 500, 2_400)])
async def test_the_bound_is_that_of_the_model_or_of_the_configuration(
    started: Any, side: Gated, model: str, limit: int | None, most: int
) -> None:
    side.outcome = lambda made: LONG
    async with started(calling(call(side, "a")), DONE, DONE) as (server, client, _):
        config = {} if limit is None else {"tool_output_token_limit": limit}
        thread = await new_thread(client, model=model, config=config)
        side.gate("a").open()
        turn = await client.start_turn(thread, "go")
        await ended(client, turn)
        text = outputs(server)["a"]
        assert most - 100 < len(text.encode()) <= most
        assert text.count("tokens truncated…") == 1
        await client.run_turn(thread, "again")
        assert outputs(server)["a"] == text
