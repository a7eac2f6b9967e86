"""User input as the newer, paginated form stores it: part by part, in order, snake_case. Pure; knows no line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import asdict

from protocol import item as wire
from protocol.wire import UNSET, Record, UnsetType
from rollout import events, mapping


class Part(Record):
    """One part, of any kind."""

    type: str
    text: str = ""
    text_elements: list[events.TextElement] = []
    image_url: str | UnsetType = UNSET
    audio_url: str | UnsetType = UNSET
    file_id: str | UnsetType = UNSET
    detail: str | None = None
    path: str = ""
    name: str = ""


def shown(parts: Iterable[Part]) -> list[wire.UserInput]:
    """The parts as clients see them; kinds that we do not know are left out."""
    return [each for part in parts for each in _shown(part)]


def _shown(part: Part) -> Iterator[wire.UserInput]:
    match part.type:
        case "text":
            yield wire.TextInput(text=part.text, text_elements=mapping.text_elements(part.text_elements))
        case "image" if part.image_url is not UNSET or part.file_id is not UNSET:
            yield wire.ImageInput(url=part.image_url, file_id=part.file_id, detail=mapping.image_detail(part.detail))
        case "local_image":
            yield wire.LocalImageInput(path=part.path, detail=mapping.image_detail(part.detail))
        case "audio":
            yield wire.AudioInput(url=part.audio_url, file_id=part.file_id)
        case "local_audio":
            yield wire.LocalAudioInput(path=part.path)
        case "skill":
            yield wire.SkillInput(name=part.name, path=part.path)
        case "mention":
            yield wire.MentionInput(name=part.name, path=part.path)
        case _:
            return


def stored(content: Iterable[wire.UserInput]) -> list[dict[str, Any]]:
    """The parts as they are written."""
    return [{"type": _KINDS[type(part)]} | _members(part) for part in content]


_KINDS: dict[type, str] = {
    wire.TextInput: "text",
    wire.ImageInput: "image",
    wire.LocalImageInput: "local_image",
    wire.AudioInput: "audio",
    wire.LocalAudioInput: "local_audio",
    wire.SkillInput: "skill",
    wire.MentionInput: "mention",
}


def _members(part: wire.UserInput) -> dict[str, Any]:
    match part:
        case wire.TextInput():
            return {"text": part.text, "text_elements": [_element(each) for each in part.text_elements]}
        case wire.ImageInput():
            found = {"image_url": part.url, "file_id": part.file_id, "detail": part.detail or UNSET}
        case wire.AudioInput():
            found = {"audio_url": part.url, "file_id": part.file_id}
        case wire.LocalImageInput():
            found = {"path": part.path, "detail": part.detail or UNSET}
        case _:
            return asdict(part)
    return {name: value for name, value in found.items() if value is not UNSET}


def _element(element: wire.TextElement) -> dict[str, Any]:
    return {"byte_range": asdict(element.byte_range), "placeholder": element.placeholder}
