"""What the model is told besides the user's words, and the turn_context line that remembers it. Pure.

Context is appended, never edited: the first turn tells all, later ones only what differs from the last turn_context.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from protocol.wire import Record
from rollout.events import ThreadSettingsApplied
from rollout.lines import ResponseItem, TurnContext
from rollout.model_items import as_object
from server.engine.offer import offer
from server.engine.project_docs import Docs, told_as
from server.engine.settings import Settings
from server.engine.tools.truncation import Budget
from server.skills.store import SkillSet

PLAN_INSTRUCTIONS = (Path(__file__).parent / "plan_mode.md").read_text()

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def turn_context(turn_id: str, settings: Settings, now: datetime, output_schema: Any) -> TurnContext:
    """The settings of a turn as the rollout keeps them. ``now`` is local time with its zone."""
    return TurnContext(
        turn_id=turn_id,
        cwd=settings.cwd,
        current_date=now.date().isoformat(),
        timezone=now.tzname() or "UTC",
        approval_policy=msgspec.to_builtins(settings.approval_policy),
        sandbox_policy=stored_sandbox(msgspec.to_builtins(settings.sandbox)),
        model=settings.model,
        personality=msgspec.UNSET if settings.personality is None else settings.personality,
        collaboration_mode=msgspec.to_builtins(settings.collaboration),
        realtime_active=False,
        effort=msgspec.UNSET if settings.effort is None else settings.effort,
        summary=settings.summary or "auto",
        developer_instructions=settings.developer_instructions or msgspec.UNSET,
        final_output_json_schema=msgspec.UNSET if output_schema is None else output_schema,
        truncation_policy=Budget.of(settings).stored(),
    )


def settings_applied(thread_id: str, settings: Settings) -> ThreadSettingsApplied:
    """Settings that were chosen without a turn, as the rollout keeps them."""
    chosen = {
        "model": settings.model,
        "model_provider_id": settings.provider.id,
        "service_tier": settings.service_tier,
        "approval_policy": msgspec.to_builtins(settings.approval_policy),
        "approvals_reviewer": settings.approvals_reviewer,
        "requested_approvals_reviewer": settings.approvals_reviewer,
        "permission_profile": _stored_profile(msgspec.to_builtins(settings.permission_profile), settings.cwd),
        "cwd": settings.cwd,
        "runtime_workspace_roots": list(settings.workspace_roots),
        "reasoning_effort": settings.effort,
        "reasoning_summary": settings.summary,
        "personality": settings.personality,
        "collaboration_mode": msgspec.to_builtins(settings.collaboration),
    }
    kept = {name: value for name, value in chosen.items() if value is not None}
    return ThreadSettingsApplied(thread_id=thread_id, thread_settings=kept)


def _stored_profile(profile: dict[str, Any], cwd: str) -> dict[str, Any]:
    """A permission profile as rollouts spell it: the network in a word, the working directory by its path."""
    stored = {"type": profile["type"]}
    if "network" in profile:
        stored["network"] = "enabled" if profile["network"]["enabled"] else "restricted"
    if "fileSystem" in profile:
        place = {"type": "special", "value": {"kind": "current_working_directory"}}
        entries = profile["fileSystem"].get("entries", [])
        stored["file_system"] = profile["fileSystem"] | {
            "entries": [
                entry | {"path": {"type": "path", "path": cwd}} if entry["path"] == place else entry
                for entry in entries
            ]
        }
    return stored


class Known(Record):
    """What the model has already been told: the settings, None if it must be told all; and of AGENTS.md files."""

    settings: TurnContext | None = None
    instructions: str | None = None


NOTHING = Known()


def news(
    settings: Settings,
    current: TurnContext,
    known: Known,
    docs: Docs,
    skills: SkillSet | None = None,
    permissions: str | None = None,
) -> list[ResponseItem]:
    """The context messages that must precede this turn's input, for a model that knows so much.

    Skills are offered once, to a model that has no context yet; ``permissions`` again when they are others.
    """
    last = known.settings
    messages: list[ResponseItem] = []
    developer = [permissions] if permissions and (last is None or _limits(last) != _limits(current)) else []
    developer += _developer(settings, current, last)
    if last is None and skills is not None:
        developer += offer(skills)
    if developer:
        messages.append(_message("developer", developer))
    user = _instructions(current, docs, None if last is None else known.instructions)
    if settings.keys.include_environment_context and (last is None or _place(last) != _place(current)):
        user.append(_environment(current))
    if user:
        messages.append(_message("user", user))
    return messages


def _limits(context: TurnContext) -> tuple[Any, ...]:
    return context.approval_policy, context.sandbox_policy, context.cwd


def _place(context: TurnContext) -> tuple[Any, ...]:
    return context.cwd, context.current_date, context.timezone


def _instructions(context: TurnContext, docs: Docs, told: str | None) -> list[str]:
    text = told_as(docs, told)
    if text is None:
        return []
    return [f"# AGENTS.md instructions for {context.cwd}\n\n<INSTRUCTIONS>\n{text}\n</INSTRUCTIONS>"]


def _developer(settings: Settings, current: TurnContext, last: TurnContext | None) -> list[str]:
    parts: list[str] = []
    if settings.developer_instructions and (
        last is None or last.developer_instructions != current.developer_instructions
    ):
        parts.append(settings.developer_instructions)
    mode = _mode_instructions(current)
    known = None if last is None else _mode_instructions(last)
    if mode != known and (mode or known):
        parts.append(f"<collaboration_mode>{mode or 'Default mode: no special rules.'}</collaboration_mode>")
    return parts


def _mode_instructions(context: TurnContext) -> str | None:
    """What a mode asks of the model: what it was chosen with, else our own words for it; None if it asks nothing."""
    mode = as_object(context.collaboration_mode)
    text = as_object(mode.get("settings")).get("developer_instructions")
    if isinstance(text, str):
        return text
    return PLAN_INSTRUCTIONS if mode.get("mode") == "plan" else None


def _environment(context: TurnContext) -> str:
    return (
        "<environment_context>\n"
        f"  <cwd>{context.cwd}</cwd>\n"
        f"  <current_date>{context.current_date}</current_date>\n"
        f"  <timezone>{context.timezone}</timezone>\n"
        "</environment_context>"
    )


def _message(role: str, texts: list[str]) -> ResponseItem:
    content = [{"type": "input_text", "text": text} for text in texts]
    return ResponseItem(payload={"type": "message", "role": role, "content": content})


def stored_sandbox(policy: dict[str, Any]) -> dict[str, Any]:
    """A sandbox policy as rollouts spell it: kebab-case type, snake_case members, nested ``access`` alike."""
    stored = {_HUMP.sub("_", name).lower(): value for name, value in policy.items()}
    for name, value in stored.items():
        if name == "type":
            stored[name] = _HUMP.sub("-", value).lower()
        elif nested := as_object(value):
            stored[name] = stored_sandbox(nested)
    return stored
