"""Whose words a model item holds."""

from __future__ import annotations

import pytest

from rollout.boundaries import is_contextual_developer, is_contextual_user, is_user_turn, preview
from rollout.model_items import Item
from tests.support.rollouts import assistant_item, user_item


@pytest.mark.parametrize(
    "text",
    [
        "# AGENTS.md instructions for /project\n\n<INSTRUCTIONS>\nx\n</INSTRUCTIONS>",
        " <ENVIRONMENT_CONTEXT>\nx\n</environment_context>\n",
        "<skill>x</skill>",
        "<user_shell_command>\nx\n</user_shell_command>",
        "<turn_aborted>x</turn_aborted>",
        "<subagent_notification>x</subagent_notification>",
        '<hook_prompt hook_run_id="h">x</hook_prompt>',
    ],
)
def test_what_we_write_into_the_users_role_is_context(text: str) -> None:
    assert is_contextual_user(user_item(text).payload)
    assert not is_user_turn(user_item(text).payload)


@pytest.mark.parametrize("text", ["hello", "<environment_context> and then my words", "see <skill>x</skill>"])
def test_what_the_user_writes_is_not(text: str) -> None:
    assert is_user_turn(user_item(text).payload)


def test_the_model_opens_no_turn() -> None:
    assert not is_user_turn(assistant_item("hello").payload)


def test_developer_context_is_told_from_other_instructions() -> None:
    def developer(text: str) -> Item:
        return {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": text}]}

    assert is_contextual_developer(developer("<permissions instructions>x</permissions instructions>"))
    assert not is_contextual_developer(developer("Be brief."))
    assert not is_contextual_developer(user_item("<model_switch>").payload)


def test_a_preview_is_what_follows_an_ides_marker() -> None:
    assert preview("# Context\nfile\n## My request for Codex:\n fix it \n") == "fix it"
    assert preview(" fix it\n") == "fix it"
