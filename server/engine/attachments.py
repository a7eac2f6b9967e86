"""What a user's input brings along from the disk: image files and the skills it means. Reads them off the event loop.

Nothing here fails: what cannot be had becomes words for the model, or a warning, and the rest of the input goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from protocol.item import AudioInput, LocalAudioInput, LocalImageInput, UserInput
from protocol.wire import Record
from rollout.lines import ResponseItem
from server.engine.images import Unusable, data_url
from server.skills.mentions import may_mention, meant
from server.skills.skill import SkillError, read_text
from server.skills.store import SkillSet


class Attachments(Record):
    """``images``: path to data URL; ``missing``: path to why there is none; ``skills``: instructions as model items."""

    images: dict[str, str] = {}
    missing: dict[str, str] = {}
    skills: list[ResponseItem] = []
    warnings: list[str] = []


async def gather(content: Sequence[UserInput], cwd: str, skills: SkillSet) -> Attachments:
    """All that this input brings along; at once if that is nothing. Relative paths begin at ``cwd``."""
    files = (LocalImageInput, AudioInput, LocalAudioInput)
    if not any(isinstance(part, files) for part in content) and not may_mention(content):
        return Attachments()
    return await asyncio.to_thread(_read, content, Path(cwd), skills)


def _read(content: Sequence[UserInput], cwd: Path, skills: SkillSet) -> Attachments:
    images, missing = dict[str, str](), dict[str, str]()
    for part in content:
        if isinstance(part, LocalImageInput):
            try:
                images[part.path] = data_url(cwd / part.path)
            except Unusable as reason:
                missing[part.path] = str(reason)
    chosen, lost = meant(skills, content)
    warnings = [f"The image {path} was left out: {reason}." for path, reason in missing.items()]
    if any(isinstance(part, AudioInput | LocalAudioInput) for part in content):
        warnings.append("Sound was left out: this server sends none to models.")
    warnings += [f"There is no skill `{each.name}` at {each.path}." for each in lost]
    items: list[ResponseItem] = []
    for skill in chosen:
        try:
            items.append(_instructions(skill.name, skill.path, read_text(Path(skill.path))))
        except SkillError as error:
            warnings.append(f"The skill `{skill.name}` was left out: {skill.path} {error}.")
    return Attachments(images=images, missing=missing, skills=items, warnings=warnings)


def _instructions(name: str, path: str, text: str) -> ResponseItem:
    body = f"<skill>\n<name>{name}</name>\n<path>{path}</path>\n{text}\n</skill>"
    return ResponseItem(payload={"type": "message", "role": "user", "content": [{"type": "input_text", "text": body}]})
