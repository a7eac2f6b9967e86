"""Synthetic rollouts in the form that every version reads."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STAMP = "2026-01-05T10:00:00.000Z"
FOLDER = "2026/01/05"
FILE_TIME = "2026-01-05T10-00-00"
OUTPUT = 2_000
"""Characters of one tool output, unless said."""

_WORDS = 'the parser reads "one" line at a time and\n    return value + 1  # path/to/file.py '
_COUNTERS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens", "total_tokens")

Line = tuple[str, dict[str, Any]]


def write_thread(home: Path, number: int, turns: int, calls: int, output: int = OUTPUT) -> str:
    """Store a thread of so many turns with so many tool calls each; returns its id. ``number`` makes it unique.

    ``output``: characters of each tool output.
    """
    thread_id = _uuid(number, 0)
    folder = home / "sessions" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"rollout-{FILE_TIME}-{thread_id}.jsonl").open("w") as file:
        for kind, payload in _thread(thread_id, number, turns, calls, output):
            line = {"timestamp": STAMP, "type": kind, "payload": payload}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    return thread_id


def _uuid(number: int, turn: int) -> str:
    return str(uuid.UUID(int=(0x019B8D << 104) | (7 << 76) | (2 << 62) | (number << 24) | turn))


def _text(length: int) -> str:
    return (_WORDS * (length // len(_WORDS) + 1))[:length]


def _thread(thread_id: str, number: int, turns: int, calls: int, output: int) -> Iterator[Line]:
    meta = {"id": thread_id, "timestamp": STAMP, "cwd": "/", "originator": "bench", "cli_version": "0.125.0"}
    yield "session_meta", meta | {"source": "cli", "model_provider": "test", "base_instructions": {"text": "Help."}}
    for turn in range(turns):
        yield from _turn(_uuid(number, turn + 1), turn, calls, _text(output))


def _turn(turn_id: str, turn: int, calls: int, output: str) -> Iterator[Line]:
    begun = 1_767_607_200 + turn * 10
    answer, asked = _text(600), _text(200)
    context = {"turn_id": turn_id, "cwd": "/", "approval_policy": "never", "sandbox_policy": {"type": "read-only"}}
    yield _event("task_started", turn_id=turn_id, started_at=begun, model_context_window=258_400)
    yield "turn_context", context | {"model": "test-model", "summary": "auto"}
    yield _message("user", "input_text", asked)
    yield _event("user_message", message=asked, images=[], local_images=[], text_elements=[])
    for call in range(calls):
        yield from _call(f"call_{turn}_{call}", turn * calls + call + 1, output)
    yield _event("agent_message", message=answer, phase=None, memory_citation=None)
    yield _message("assistant", "output_text", answer)
    yield _event("task_complete", turn_id=turn_id, last_agent_message=answer, completed_at=begun + 5, duration_ms=5_000)


def _call(call_id: str, responses: int, output: str) -> Iterator[Line]:
    thought = _text(120)
    summary = [{"type": "summary_text", "text": thought}]
    arguments = json.dumps({"command": "cat file.py"})
    yield "response_item", {"type": "reasoning", "summary": summary, "content": None, "encrypted_content": "Q" * 800}
    yield _event("agent_reasoning", text=thought)
    yield "response_item", _item("function_call", call_id, name="shell_command", arguments=arguments)
    yield "response_item", _item("function_call_output", call_id, output=output)
    last = dict(zip(_COUNTERS, (5_000, 4_000, 200, 50, 5_200), strict=True))
    total = {name: count * responses for name, count in last.items()}
    info = {"total_token_usage": total, "last_token_usage": last, "model_context_window": 258_400}
    yield _event("token_count", info=info, rate_limits=None)


def _item(kind: str, call_id: str, **members: str) -> dict[str, Any]:
    return {"type": kind, "call_id": call_id, **members}


def _message(role: str, kind: str, text: str) -> Line:
    return "response_item", {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def _event(kind: str, **members: Any) -> Line:
    return "event_msg", {"type": kind, **members}
