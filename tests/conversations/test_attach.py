"""thread/resume and thread/fork through the wire: reply, usage replay, live events; to whom, in which order, once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from server.providers.scripted import Gate, completed, message
from tests.support.harness import Client, Message, Refused, Server, running
from tests.support.rollouts import RolloutBuilder

REPLAY = "thread/tokenUsage/updated"


def state_of(path: Path) -> tuple[bytes, int, int]:
    """All that a write would change."""
    stat = path.stat()
    return path.read_bytes(), stat.st_size, stat.st_mtime_ns


def wire_usage(usage: Any) -> Message:
    """What the replay of a builder's usage must say."""
    return {
        "total": camel(usage.total_token_usage),
        "last": camel(usage.last_token_usage),
        "modelContextWindow": usage.model_context_window,
    }


def camel(counters: Any) -> Message:
    return {
        "totalTokens": counters.total_tokens,
        "inputTokens": counters.input_tokens,
        "cachedInputTokens": counters.cached_input_tokens,
        "outputTokens": counters.output_tokens,
        "reasoningOutputTokens": counters.reasoning_output_tokens,
    }


async def resume(client: Client, thread_id: str, **params: Any) -> Message:
    result: Message = await client.call("thread/resume", threadId=thread_id, **params)
    return result


async def start_thread(client: Client) -> str:
    thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread_id
