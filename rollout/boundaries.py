"""What a user-role model item is: the user's own words, context we wrote, or a hook's prompt. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from protocol.item import HookPromptFragment
from rollout.model_items import Item, as_list, as_object

_WRAPPERS = (
    ("# agents.md instructions for ", "</instructions>"),
    ("<environment_context>", "</environment_context>"),
    ("<skill>", "</skill>"),
    ("<user_shell_command>", "</user_shell_command>"),
    ("<turn_aborted>", "</turn_aborted>"),
    ("<subagent_notification>", "</subagent_notification>"),
)
_DEVELOPER_OPENINGS = (
    "<permissions instructions>",
    "<model_switch>",
    "<collaboration_mode>",
    "<realtime_conversation>",
    "<personality_spec>",
    "<skills_instructions>",
)
_INSTRUCTIONS = re.compile(r"# AGENTS\.md instructions for .*?<INSTRUCTIONS>\n(.*)\n</INSTRUCTIONS>", re.DOTALL)
_HOOK_PROMPT = re.compile(r'<hook_prompt\s+hook_run_id="([^"]*)"\s*>(.*)</hook_prompt>', re.DOTALL)
_ENTITIES = {"&gt;": ">", "&lt;": "<", "&quot;": '"', "&apos;": "'", "&amp;": "&"}  # the last one last
_PREVIEW_MARKER = "## My request for Codex:"


def texts(item: Item) -> list[str]:
    """The texts of a message, in order."""
    return [str(part["text"]) for part in map(as_object, as_list(item.get("content"))) if "text" in part]


def is_user_message(item: Item) -> bool:
    """Whether the item is a message in the user's role, whoever wrote it."""
    return item.get("type") == "message" and item.get("role") == "user"


def is_user_turn(item: Item) -> bool:
    """Whether the item holds the user's own words: where a rollback of the model history may cut."""
    return is_user_message(item) and not is_contextual_user(item)


def is_contextual_user(item: Item) -> bool:
    """Whether a user-role message is context: environment, instructions, shell output, markers, hook prompts."""
    return is_user_message(item) and any(_is_context(text) for text in texts(item))


def is_contextual_developer(item: Item) -> bool:
    """Whether a developer message holds a part of the context we write before a turn."""
    return (
        item.get("type") == "message"
        and item.get("role") == "developer"
        and any(text.strip().lower().startswith(_DEVELOPER_OPENINGS) for text in texts(item))
    )


def _is_context(text: str) -> bool:
    lowered = text.strip().lower()
    return any(lowered.startswith(opening) and lowered.endswith(closing) for opening, closing in _WRAPPERS) or bool(
        _HOOK_PROMPT.fullmatch(text.strip())
    )


def project_instructions(item: Item) -> str | None:
    """What a user-role message says of AGENTS.md files; None if it says nothing of them."""
    if not is_user_message(item):
        return None
    found = (_INSTRUCTIONS.fullmatch(text.strip()) for text in texts(item))
    return next((match[1] for match in found if match), None)


def hook_fragments(item: Item) -> list[HookPromptFragment]:
    """The fragments of a user-role message that consists of hook prompts only; else nothing."""
    if not is_user_message(item):
        return []
    found = [_fragment(as_object(part)) for part in as_list(item.get("content"))]
    return [] if None in found else [fragment for fragment in found if fragment]


def _fragment(part: dict[str, Any]) -> HookPromptFragment | None:
    match = _HOOK_PROMPT.fullmatch(str(part.get("text", "")).strip())
    return match and HookPromptFragment(hook_run_id=_unescaped(match[1]), text=_unescaped(match[2]))


def first_words(items: Iterable[Item]) -> str:
    """What the user said first in a model history, as a preview; empty if nothing."""
    return next((preview("\n".join(texts(item))) for item in items if is_user_turn(item)), "")


def preview(text: str) -> str:
    """A user's message as a preview: what follows an IDE's request marker, if there is one, without outer blanks."""
    return text.rpartition(_PREVIEW_MARKER)[2].strip() if _PREVIEW_MARKER in text else text.strip()


def _unescaped(text: str) -> str:  # what xml.sax has for this loads an HTTP client
    for entity, letter in _ENTITIES.items():
        text = text.replace(entity, letter)
    return text
