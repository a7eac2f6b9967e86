"""The Responses API when something goes wrong: what it means, and what is tried again."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from rollout.events import RateLimitWindow
from server.errors import TurnError
from server.providers.provider import Completed, TextDelta
from server.providers.responses import retry_delay
from tests.server.providers.asking import DONE, NOTHING_SAID, Clock, ask, failure, provider, request
from tests.server.providers.conftest import ModelServer, event_bytes, hang_up, refusal, sse


async def test_a_missing_key_fails_before_any_request(model_server: ModelServer) -> None:
    asked = provider(model_server, env_key="NO_SUCH_KEY", env_key_instructions="Get one.")
    found = await failure(asked)
    assert found.message == "Missing environment variable: `NO_SUCH_KEY`. Get one."
    assert (found.codex_error_info, found.retryable) == ("other", False)
    assert model_server.requests == []


async def test_5xx_and_dropped_connections_are_tried_again_with_growing_pauses(model_server: ModelServer) -> None:
    model_server.reply(refusal("500 Internal Server Error"), hang_up, refusal("503 Service Unavailable"), sse(DONE))
    clock = Clock()
    asked = provider(model_server, clock)
    assert await ask(asked) == [NOTHING_SAID, Completed(response_id="resp-1", usage=None)]
    await asked.aclose()
    assert len(model_server.requests) == 4
    assert [round(seconds / 0.2) for seconds in clock.slept] == [1, 2, 4]


def test_pauses_stay_within_ten_percent() -> None:
    assert all(0.18 <= retry_delay(1) <= 0.22 and 1.44 <= retry_delay(4) <= 1.76 for _ in range(200))


@pytest.mark.parametrize(
    ("status", "body", "message", "info", "retryable"),
    [
        ("500 Internal Server Error", "", "failed", "internalServerError", True),
        ("503 Service Unavailable", {"error": {"code": "slow_down"}}, "no capacity", "serverOverloaded", False),
        (
            "502 Bad Gateway",
            "<html>",
            "unexpected status 502 Bad Gateway: <html>, url: URL",
            {"httpConnectionFailed": {"httpStatusCode": 502}},
            True,
        ),
        (
            "404 Not Found",
            {"error": {"message": "gone"}},
            "unexpected status 404 Not Found: gone, url: ",
            {"httpConnectionFailed": {"httpStatusCode": 404}},
            True,
        ),
        (
            "401 Unauthorized",
            "",
            "unexpected status 401 Unauthorized: no explanation, url: URL",
            {"httpConnectionFailed": {"httpStatusCode": 401}},
            True,
        ),
        ("400 Bad Request", '{"error": {"message": "b"}}', '{"error": {"message": "b"}}', "other", False),
        ("400 Bad Request", {"error": {"code": "cyber_policy", "message": "no"}}, "no", "cyberPolicy", False),
        ("400 Bad Request", {"error": {"code": "invalid_image"}}, "image", "badRequest", False),
        ("429 Too Many", {"error": {"type": "usage_limit_reached"}}, "Try again later.", "usageLimitExceeded", False),
        ("429 Too Many", {"error": {"type": "usage_not_included"}}, "plan", "usageLimitExceeded", False),
        (
            "429 Too Many",
            "slow",
            "exceeded retry limit, last status: 429 Too Many Requests",
            {"responseTooManyFailedAttempts": {"httpStatusCode": 429}},
            False,
        ),
        ("599 Odd", "odd", "unexpected status 599: odd", {"httpConnectionFailed": {"httpStatusCode": 599}}, True),
    ],
)
async def test_every_status_has_its_meaning(
    model_server: ModelServer, status: str, body: dict[str, Any] | str, message: str, info: Any, retryable: bool
) -> None:
    model_server.reply(refusal(status, body))
    found = await failure(provider(model_server, request_max_retries=0))
    assert message.replace("URL", model_server.base_url + "responses") in found.message
    assert (found.codex_error_info, found.retryable, found.http_status) == (info, retryable, int(status[:3]))


async def test_refusals_below_500_are_not_tried_again(model_server: ModelServer) -> None:
    model_server.reply(refusal("429 Too Many Requests", headers="x-request-id: req-7\r\n"))
    found = await failure(provider(model_server))
    assert found.message.endswith(", request id: req-7")
    assert len(model_server.requests) == 1


async def test_a_reached_usage_limit_tells_the_limits_and_the_time(model_server: ModelServer) -> None:
    error = {"type": "usage_limit_reached", "resets_at": 1795400000}
    model_server.reply(
        refusal("429 Too Many Requests", {"error": error}, "x-codex-primary-used-percent: 100\r\n"),
    )
    found = await failure(provider(model_server))
    assert "Try again at 2026-11-2" in found.message
    assert found.rate_limits is not None
    assert found.rate_limits.primary == RateLimitWindow(used_percent=100.0)


async def test_nobody_listening_is_retried_then_retryable(model_server: ModelServer) -> None:
    clock = Clock()
    asked = provider(model_server, clock, base_url="http://127.0.0.1:1/v1", request_max_retries=2)
    found = await failure(asked)
    assert found.message == (
        "stream disconnected before completion: error sending request for url (http://127.0.0.1:1/v1/responses)"
    )
    assert (found.retryable, len(clock.slept)) == (True, 2)


@pytest.mark.parametrize(
    ("error", "message", "info", "retryable"),
    [
        ({"code": "insufficient_quota"}, "quota", "usageLimitExceeded", False),
        ({"code": "usage_not_included"}, "does not include", "usageLimitExceeded", False),
        ({"code": "server_is_overloaded"}, "no capacity", "serverOverloaded", False),
        ({"code": "cyber_policy", "message": "refused"}, "refused", "cyberPolicy", False),
        ({"code": "invalid_prompt"}, "Invalid request.", "other", False),
        ({"code": "odd", "message": "boom"}, "stream disconnected before completion: boom", "other", True),
        (None, "stream disconnected before completion: ", "other", True),
    ],
)
async def test_a_failed_response_fails_at_once(
    model_server: ModelServer, error: Any, message: str, info: str, retryable: bool
) -> None:
    model_server.reply(sse({"type": "response.failed", "response": {"id": "r", "error": error}}, end="hang"))
    found = await failure(provider(model_server))
    assert message in found.message
    assert (found.codex_error_info, found.retryable) == (info, retryable)


async def test_a_full_context_window_is_told_as_such(model_server: ModelServer) -> None:
    error = {"code": "context_length_exceeded", "message": "too long"}
    model_server.reply(sse({"type": "response.failed", "response": {"error": error}}))
    found = await failure(provider(model_server))
    assert (found.codex_error_info, found.context_full, found.retryable) == ("contextWindowExceeded", True, False)


@pytest.mark.parametrize(
    ("said", "pause"),
    [("try again in 1.3s.", 1.3), ("Please try again in 300ms", 0.3), ("try again in 2 seconds", 2.0), ("wait", None)],
)
async def test_a_rate_limit_tells_how_long_to_wait(model_server: ModelServer, said: str, pause: float | None) -> None:
    error = {"code": "rate_limit_exceeded", "message": said}
    model_server.reply(sse({"type": "response.failed", "response": {"error": error}}))
    found = await failure(provider(model_server))
    assert (found.retryable, found.retry_after) == (True, pause)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (sse(), "stream closed before response.completed"),
        (sse(end="cut"), "Transport error: "),
        (sse(end="hang"), "idle timeout waiting for SSE"),
        (
            sse({"type": "response.incomplete", "response": {"incomplete_details": {"reason": "length"}}}),
            "Incomplete response returned, reason: length",
        ),
        (sse({"type": "response.incomplete", "response": {}}), "Incomplete response returned, reason: unknown"),
        (sse({"type": "error", "code": "x", "message": "from an error event"}), "from an error event"),
    ],
)
async def test_a_stream_that_ends_too_early_may_be_asked_again(
    model_server: ModelServer, answer: Any, message: str
) -> None:
    model_server.reply(answer)
    found = await failure(provider(model_server, stream_idle_timeout_ms=200))
    assert found.message.startswith(f"stream disconnected before completion: {message}")
    assert (found.codex_error_info, found.retryable) == ("other", True)


async def test_what_came_before_a_failure_is_delivered_first(model_server: ModelServer) -> None:
    text = {"type": "response.output_text.delta", "delta": "so far"}
    model_server.reply(sse(event_bytes(text) + event_bytes({"type": "response.failed", "response": {}})))
    asked = provider(model_server)
    async with aclosing(asked.stream(request())) as stream:
        heard = [await anext(stream), await anext(stream)]
        with pytest.raises(TurnError):
            await anext(stream)
    await asked.aclose()
    assert heard == [NOTHING_SAID, TextDelta(delta="so far")]
