"""Clients that others ship, unmodified, against this server over each transport that they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sdks.environments import NODE
from tests.sdks.stand_in import report, run
from tests.support.app_server import ours, serving

ANSWER = "built into Threadcast"
"""Part of every answer of the offline model."""


def check(seen: dict[str, Any]) -> None:
    """One thread, answered before and after a resume."""
    assert ANSWER in seen["text"]
    assert ANSWER in seen["again"]
    assert "Again" in seen["again"]


def stored(home: Path, thread_id: str) -> Path:
    """The rollout of a thread."""
    (path,) = home.rglob(f"rollout-*{thread_id}.jsonl")
    return path


@pytest.mark.sdk("openai-codex")
async def test_the_official_python_sdk_starts_streams_resumes_and_forks(tmp_path: Path, stand_in: Path) -> None:
    seen = await report("openai-codex", "openai_codex_stdio.py", tmp_path / "home", stand_in)
    check(seen)
    assert seen["tokens"] > 0
    assert "item/agentMessage/delta" in seen["streamed"]
    assert seen["streamed"][-1] == "turn/completed"
    assert (seen["turns"], seen["name"]) == (3, "Named by the SDK")
    assert {seen["thread"], seen["fork"]} <= set(seen["listed"])
    assert seen["models"]
    assert stored(tmp_path / "home", seen["thread"])


@pytest.mark.sdk("codex-app-server-client")
async def test_both_forms_of_the_app_server_client_share_a_thread(tmp_path: Path, stand_in: Path) -> None:
    seen = await report("codex-app-server-client", "app_server_client.py", tmp_path / "home", stand_in)
    check(seen)
    assert "AgentMessageDeltaEvent" in seen["streamed"]
    assert seen["streamed"][-1] == "TurnCompletedEvent"


OFFERED = {
    "thread_start",
    "responses_create",
    "responses_stream_text",
    "responses_events",
    "thread_read",
    "thread_list",
    "thread_name_set",
    "thread_fork",
    "thread_loaded_list",
    "skills_list",
    "model_list",
    "account_rate_limits_read",
    "account_read",
    "thread_archive",
    "thread_unarchive",
}


@pytest.mark.sdk("codex-python-sdk")
async def test_the_demonstration_that_the_python_sdk_ships_runs(tmp_path: Path, stand_in: Path) -> None:
    example = "codex_python_sdk.examples.demo_smoke"
    for mode in ("smoke", "full"):
        said = await run("codex-python-sdk", example, tmp_path / "home", "--mode", mode, path=stand_in)
        if mode == "smoke":
            assert "[FAIL]" not in said
    passed = {line.removeprefix("[PASS] ").partition(":")[0] for line in said.splitlines() if line.startswith("[PASS]")}
    assert passed >= OFFERED


@pytest.mark.sdk("codex-app-server-sdk")
async def test_the_app_server_sdk_works_over_standard_input_and_output(tmp_path: Path, stand_in: Path) -> None:
    seen = await report("codex-app-server-sdk", "app_server_sdk.py", tmp_path / "home", stand_in)
    check(seen)
    assert seen["fork"] != seen["thread"]


@pytest.mark.sdk("codex-app-server-sdk")
async def test_the_app_server_sdk_works_over_websocket(tmp_path: Path) -> None:
    async with serving(ours(), tmp_path) as server:
        seen = await report("codex-app-server-sdk", "app_server_sdk.py", tmp_path, server.url)
    check(seen)
    assert "codex" in seen["streamed"]


@pytest.mark.sdk("codex-python")
async def test_codex_python_works_over_standard_input_and_output(tmp_path: Path, stand_in: Path) -> None:
    check(await report("codex-python", "codex_python.py", tmp_path / "home", stand_in))


@pytest.mark.sdk("codex-python")
async def test_codex_python_works_over_websocket(tmp_path: Path) -> None:
    async with serving(ours(), tmp_path) as server:
        check(await report("codex-python", "codex_python.py", tmp_path, server.url))


@pytest.mark.sdk(NODE)
async def test_the_provider_for_the_ai_sdk_keeps_a_thread_across_processes(tmp_path: Path, stand_in: Path) -> None:
    seen = await report(NODE, "ai_sdk.mjs", tmp_path / "home", stand_in)
    check(seen)
    assert len(seen["streamed"]) > 1
    assert ANSWER in "".join(seen["streamed"])


@pytest.mark.sdk(NODE)
async def test_a_bridge_that_checks_every_line_finds_no_fault(tmp_path: Path, stand_in: Path) -> None:
    seen = await report(NODE, "bridge.mjs", tmp_path / "home", stand_in)
    assert seen["errors"] == []
    assert {"turn/started", "item/completed", "turn/completed"} <= set(seen["kinds"])
