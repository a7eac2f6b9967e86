"""A thread at a glance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol.thread import GitInfo
from rollout import events
from rollout.lines import GitState, SessionMeta
from rollout.reader import Head
from rollout.summary import ThreadSummary, asked_kinds, source_kinds, summarise, unix_seconds, wire_source


def meta(**members: Any) -> SessionMeta:
    required: dict[str, Any] = {"id": "i", "timestamp": "2026-01-05T12:00:00.900Z", "cwd": "/w", "originator": "o"}
    return SessionMeta(**required | {"cli_version": "1"} | members)


def summary(first_message: str | None = None, **members: Any) -> ThreadSummary:
    return summarise(Head(meta=meta(**members), first_message=first_message), Path("/p"), 7)


def test_a_thread_is_what_its_meta_says() -> None:
    thread = summary("hi", model_provider="x", forked_from_id="f", git=GitState(branch="main"))
    assert (thread.id, thread.forked_from_id, thread.preview, thread.model_provider) == ("i", "f", "hi", "x")
    assert (thread.created_at, thread.updated_at) == (1_767_614_400, 7)
    assert (thread.cwd, thread.cli_version, thread.path) == ("/w", "1", Path("/p"))
    assert thread.git_info == GitInfo(sha=None, branch="main", origin_url=None)


def test_a_new_thread_has_said_nothing() -> None:
    thread = ThreadSummary.of_new(meta(), Path("/p"), 9)
    assert (thread.preview, thread.name, thread.git_info, thread.updated_at) == ("", None, None, 9)


def test_the_first_words_become_the_preview() -> None:
    thread = summary()
    assert thread.with_first_message(events.UserMessage(message=" hi ")).preview == "hi"
    assert thread.with_first_message(events.UserMessage(message="", images=["u"])).preview == "[Image]"


def test_a_fork_takes_preview_and_name() -> None:
    source = summary("hi").named("Mine")
    child = summary(forked_from_id="i").copied_from(source)
    assert (child.preview, child.name, child.forked_from_id) == ("hi", "Mine", "i")


@pytest.mark.parametrize(
    ("name", "shown"), [("Mine", "Mine"), ("  ", None), ("hi", None), (" hi ", None), (None, None)]
)
def test_a_name_that_says_nothing_more_is_none(name: str | None, shown: str | None) -> None:
    assert summary("hi").named(name).name == shown


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("cli", "cli"),
        ("mcp", "appServer"),
        ("martian", "unknown"),
        ({"custom": "atlas"}, {"custom": "atlas"}),
        ({"subagent": "review"}, {"subAgent": "review"}),
        ({"what": 1}, "unknown"),
    ],
)
def test_sources_have_names_on_the_wire(stored: Any, shown: Any) -> None:
    assert wire_source(stored) == shown


def test_a_spawned_agent_has_the_name_and_role_it_was_given() -> None:
    spawn = {"parent_thread_id": "h", "depth": 1, "agent_nickname": "Ada", "agent_role": "explorer"}
    thread = summary(source={"subagent": {"thread_spawn": spawn}})
    assert (thread.agent_nickname, thread.agent_role) == ("Ada", "explorer")
    thread = summary(source={"subagent": {"thread_spawn": spawn}}, agent_nickname="Bob")
    assert thread.agent_nickname == "Bob"


@pytest.mark.parametrize(
    ("source", "asked", "shown"),
    [
        ("cli", [], True),
        ("exec", [], False),
        ({"custom": "atlas"}, [], True),
        ({"custom": "other"}, [], False),
        ("exec", ["exec"], True),
        ("cli", ["exec"], False),
        ({"subAgent": "review"}, ["subAgent"], True),
        ({"subAgent": "review"}, ["subAgentReview"], True),
        ({"subAgent": {"thread_spawn": {}}}, ["subAgentThreadSpawn"], True),
        ({"subAgent": "memory_consolidation"}, ["subAgentOther"], True),
        ({"subAgent": {"other": "x"}}, ["subAgentOther"], True),
        ("unknown", ["unknown"], True),
    ],
)
def test_lists_ask_for_kinds_of_sources(source: Any, asked: list[str], shown: bool) -> None:
    assert (not source_kinds(source).isdisjoint(asked_kinds(asked))) is shown


def test_a_time_that_cannot_be_read_is_zero() -> None:
    assert unix_seconds("yesterday") == 0
