"""The Responses API over HTTP: what goes out, what comes back, how a stream ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

import pytest

from rollout.events import RateLimits, RateLimitWindow, TokenUsage
from server.errors import ConfigError
from server.providers.provider import (
    Completed,
    ItemAdded,
    ItemDone,
    RateLimitsSeen,
    Reasoning,
    ReasoningDelta,
    SummaryDelta,
    SummaryPartAdded,
    TextDelta,
)
from server.providers.responses import ResponsesProvider
from server.providers.settings import OPENAI, ProviderConfig
from tests.server.providers.asking import DONE, NOTHING_SAID, ask, failure, provider, request
from tests.server.providers.conftest import ModelServer, sse

REASONING = {"type": "reasoning", "id": "rs-1", "summary": []}
MESSAGE = {"type": "message", "role": "assistant", "id": "msg-1", "content": []}
WHOLE = MESSAGE | {"content": [{"type": "output_text", "text": "Hello"}]}
COUNTERS = {
    "input_tokens": 70,
    "input_tokens_details": {"cached_tokens": 10},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 91,
}
PLAIN_ANSWER = (
    {"type": "response.created", "response": {"id": "resp-1"}},
    {"type": "response.output_item.added", "item": REASONING},
    {"type": "response.reasoning_summary_part.added", "summary_index": 0},
    {"type": "response.reasoning_summary_text.delta", "delta": "think", "summary_index": 0},
    {"type": "response.reasoning_text.delta", "delta": "raw", "content_index": 1},
    {"type": "response.output_item.done", "item": REASONING},
    {"type": "response.output_item.added", "item": MESSAGE},
    {"type": "response.output_text.delta", "delta": "Hel"},
    {"type": "response.output_text.delta", "delta": "lo"},
    {"type": "response.output_item.done", "item": WHOLE},
    {"type": "response.completed", "response": {"id": "resp-1", "usage": COUNTERS}},
)


async def test_a_plain_answer_becomes_events_in_order(model_server: ModelServer) -> None:
    model_server.reply(sse(*PLAIN_ANSWER))
    asked = provider(model_server)
    assert await ask(asked) == [
        NOTHING_SAID,
        ItemAdded(item=REASONING),
        SummaryPartAdded(index=0),
        SummaryDelta(delta="think", index=0),
        ReasoningDelta(delta="raw", index=1),
        ItemDone(item=REASONING),
        ItemAdded(item=MESSAGE),
        TextDelta(delta="Hel"),
        TextDelta(delta="lo"),
        ItemDone(item=WHOLE),
        Completed(
            response_id="resp-1",
            usage=TokenUsage(
                input_tokens=70,
                cached_input_tokens=10,
                output_tokens=20,
                reasoning_output_tokens=5,
                total_tokens=91,
            ),
        ),
    ]
    await asked.aclose()


MEMBERS = [
    "model",
    "instructions",
    "input",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "store",
    "stream",
    "include",
    "service_tier",
    "prompt_cache_key",
    "text",
    "client_metadata",
]


async def test_the_body_has_its_members_in_order(model_server: ModelServer) -> None:
    model_server.reply(sse(DONE), sse(DONE))
    asked = provider(model_server)
    await ask(
        asked,
        request(
            instructions="Be brief.",
            input=[{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
            tools=[{"type": "function", "name": "f"}],
            parallel_tool_calls=True,
            reasoning=Reasoning(effort="high", summary="auto"),
            verbosity="low",
            output_schema={"type": "object"},
            service_tier="fast",
        ),
    )
    await ask(asked)
    await asked.aclose()
    full, bare = (seen.body for seen in model_server.requests)
    assert list(full) == MEMBERS
    assert full["reasoning"] == {"effort": "high", "summary": "auto"}
    assert full["include"] == ["reasoning.encrypted_content"]
    assert full["service_tier"] == "priority"
    assert full["prompt_cache_key"] == "th"
    assert full["text"] == {
        "verbosity": "low",
        "format": {"type": "json_schema", "strict": True, "schema": {"type": "object"}, "name": "codex_output_schema"},
    }
    assert full["client_metadata"] == {"x-codex-installation-id": "install-1"}
    assert bare["reasoning"] is None
    assert bare["include"] == []
    assert not {"instructions", "service_tier", "text"} & set(bare)


async def test_headers_name_the_thread_the_turn_and_the_client(model_server: ModelServer) -> None:
    model_server.reply(sse(DONE))
    asked = provider(
        model_server,
        environ={"MOCK_KEY": " sk-1 \n", "ORG": "org-1", "BLANK": " "},
        env_key="MOCK_KEY",
        query_params={"api-version": "1", "k": "v"},
        http_headers={"X-Own": "yes"},
        env_http_headers={"X-Org": "ORG", "X-Blank": "BLANK", "X-Unset": "UNSET"},
    )
    sent = request(client_name="my client", window=2, subagent="review", metadata={"turn_id": "mine", "ö": "ü"})
    await ask(asked, sent)
    await asked.aclose()
    seen = model_server.requests[0]
    assert seen.target == "/v1/responses?api-version=1&k=v"
    assert seen.headers["session_id"] == seen.headers["x-client-request-id"] == "th"
    assert seen.headers["x-codex-window-id"] == "th:2"
    assert seen.headers["originator"] == "my_client"
    assert seen.headers["user-agent"].startswith("my_client/0.1.0 (")
    assert seen.headers["x-openai-subagent"] == "review"
    assert seen.headers["authorization"] == "Bearer sk-1"
    assert (seen.headers["x-own"], seen.headers["x-org"]) == ("yes", "org-1")
    assert not {"x-blank", "x-unset", "version"} & set(seen.headers)
    assert json.loads(seen.headers["x-codex-turn-metadata"]) == {
        "session_id": "th",
        "thread_source": "user",
        "turn_id": "tu",
        "sandbox": "none",
        "ö": "ü",
    }


async def test_openai_gets_the_version_and_a_bearer_token_works_without_a_key(model_server: ModelServer) -> None:
    model_server.reply(sse(DONE))
    asked = provider(model_server, id=OPENAI, experimental_bearer_token="token-1")
    await ask(asked)
    await asked.aclose()
    assert model_server.requests[0].headers["version"] == "0.1.0"
    assert model_server.requests[0].headers["authorization"] == "Bearer token-1"


async def test_turn_state_is_sent_back_within_the_turn(model_server: ModelServer) -> None:
    model_server.reply(sse(DONE, headers="x-codex-turn-state: sticky\r\n"), sse(DONE), sse(DONE))
    asked = provider(model_server)
    first = request()
    await ask(asked, first)
    await ask(asked, request(turn_state=first.turn_state))
    await ask(asked, request(turn_id="next"))
    await asked.aclose()
    assert [seen.headers.get("x-codex-turn-state") for seen in model_server.requests] == [None, "sticky", None]


async def test_rate_limits_come_from_the_headers(model_server: ModelServer) -> None:
    told = "x-codex-primary-used-percent: 12.5\r\nx-codex-primary-window-minutes: 300\r\n"
    model_server.reply(sse(DONE, headers=told))
    asked = provider(model_server)
    events = await ask(asked)
    await asked.aclose()
    window = RateLimitWindow(used_percent=12.5, window_minutes=300)
    assert events[0] == RateLimitsSeen(rate_limits=RateLimits(limit_id="codex", primary=window))


async def test_a_finished_answer_leaves_its_connection_for_the_next(model_server: ModelServer) -> None:
    model_server.reply(sse(DONE), sse(DONE))
    asked = provider(model_server)
    await ask(asked)
    await ask(asked)
    await asked.aclose()
    assert model_server.connections == 1


async def test_the_stream_ends_at_completed_even_if_the_server_never_closes(model_server: ModelServer) -> None:
    model_server.reply(sse(DONE, {"type": "response.output_text.delta", "delta": "too late"}, end="hang"))
    asked = provider(model_server)
    assert (await ask(asked))[1:] == [Completed(response_id="resp-1", usage=None)]
    await asked.aclose()


async def test_junk_events_are_survived(model_server: ModelServer) -> None:
    model_server.reply(
        sse(
            b"data: not json\n\n",
            b"data: [DONE]\n\n",
            b"data: 7\n\n",
            b'data: "\xff"\n\n',
            b": keepalive\n\n",
            b'data: {"type": "response.output_text.delta", "delta": 5}\n\n',
            b'data: {"type": "response.output_item.added", "item": null}\n\n',
            b'data: {"type": "response.output_item.done", "item": {"no": "type"}}\n\n',
            b'data: {"type": "response.something.new", "delta": {"x": 1}}\n\n',
            b'data: {"type": 5}\n\n',
            b'data: {"type": "response.completed", "response": {"usage": {"input_tokens": null, "output_tokens": 3}}}',
        )
    )
    asked = provider(model_server)
    counted = TokenUsage(
        input_tokens=0, cached_input_tokens=0, output_tokens=3, reasoning_output_tokens=0, total_tokens=3
    )
    assert await ask(asked) == [NOTHING_SAID, Completed(response_id="", usage=counted)]
    await asked.aclose()


async def test_items_without_ids_and_members_get_them_once(model_server: ModelServer) -> None:
    model_server.reply(
        sse(
            {"type": "response.output_item.added", "item": {"type": "message"}},
            {"type": "response.output_item.done", "item": {"type": "message", "content": None}},
            {"type": "response.output_item.done", "item": {"type": "message"}},
            {"type": "response.output_item.done", "item": {"type": "reasoning", "id": ""}},
            {"type": "response.output_item.done", "item": {"type": "function_call", "name": "f", "arguments": None}},
            DONE,
        )
    )
    asked = provider(model_server)
    events = await ask(asked)
    await asked.aclose()
    items = [event.item for event in events if isinstance(event, ItemAdded | ItemDone)]
    assert items[0]["id"] == items[1]["id"] != items[2]["id"]
    assert (items[1]["role"], items[1]["content"]) == ("assistant", [])
    assert (len(items[3]["id"]), items[3]["summary"]) == (36, [])
    assert (items[4]["call_id"], items[4]["arguments"]) == (items[4]["id"], "")


async def test_closing_the_stream_hangs_up(model_server: ModelServer) -> None:
    gone = asyncio.Event()

    async def drip(writer: asyncio.StreamWriter) -> None:
        await sse({"type": "response.output_text.delta", "delta": "x"}, headers="connection: close\r\n")(writer)
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    model_server.reply(drip, sse(DONE))
    asked = provider(model_server)
    async with aclosing(asked.stream(request())) as stream:
        assert await anext(stream) == NOTHING_SAID
    assert len(await ask(asked)) == 2
    await asked.aclose()
    assert model_server.connections == 2


async def test_cancelling_the_reader_is_not_swallowed(model_server: ModelServer) -> None:
    model_server.reply(sse(end="hang"))
    asked = provider(model_server)
    reading = asyncio.create_task(ask(asked))
    async with asyncio.timeout(5):
        await model_server.asked.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asked.aclose()


@pytest.mark.parametrize("address", ["", "localhost:80", "ftp://x/v1"])
def test_an_address_that_is_not_http_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        ResponsesProvider(
            ProviderConfig(id="x", name="x", base_url=address), environ={}, installation_id="i", version="1"
        )


async def test_the_way_out_that_the_environment_names_is_taken(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://who:p%40ss@127.0.0.1:{model_server.port}")
    monkeypatch.setenv("no_proxy", "near.invalid")
    model_server.reply(sse(DONE))
    asked = provider(model_server, base_url="http://far.invalid/v1")
    await ask(asked)
    await asked.aclose()
    seen = model_server.requests[0]
    assert seen.target == "http://far.invalid/v1/responses"
    assert seen.headers["proxy-authorization"] == "Basic d2hvOnBAc3M="
    assert await failure(provider(model_server, base_url="http://near.invalid/v1", request_max_retries=0))
