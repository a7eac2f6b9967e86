"""User input in its three forms: for the model, for the rollout, for the clients. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from uuid_utils import uuid4

from protocol import item as wire
from protocol.item import AudioInput, ImageInput, LocalAudioInput, LocalImageInput, TextInput, UserInput
from protocol.wire import UNSET, UnsetType
from rollout import events
from rollout.events import Event, ItemCompleted, ItemStarted, ThreadWarning
from rollout.lines import Entry, ResponseItem
from server.engine.attachments import Attachments

DETAIL = "high"
"""How closely a model looks at an image if nobody says otherwise."""

NO_AUDIO = "[The user attached sound, which was left out: this server sends none to models.]"


class Input(NamedTuple):
    """What one request to start or steer a turn brought. ``client_id``: what the client calls it."""

    content: list[UserInput]
    client_id: str | None = None


def said(turn_id: str, given: Input, attached: Attachments) -> list[Event | Entry]:
    """Everything that one piece of user input means, in the order in which it is emitted."""
    content = given.content
    shown = wire.UserMessage(id=str(uuid4()), client_id=given.client_id, content=content)
    return [
        ItemStarted(turn_id=turn_id, item=shown),
        ResponseItem(payload={"type": "message", "role": "user", "content": _for_model(content, attached)}),
        _stored(given),
        ItemCompleted(turn_id=turn_id, item=shown),
        *attached.skills,
        *(ThreadWarning(message=warning) for warning in attached.warnings),
    ]


def text_length(content: list[UserInput]) -> int:
    """Characters of text in the input."""
    return sum(len(part.text) for part in content if isinstance(part, TextInput))


def _for_model(content: list[UserInput], attached: Attachments) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    images = 0
    for part in content:
        match part:
            case TextInput():
                parts.append(_text(part.text))
            case ImageInput():
                images += 1
                parts += _image_input(part)
            case LocalImageInput():
                images += 1
                parts += _local_image(images, part, attached)
            case AudioInput() | LocalAudioInput():
                parts.append(_text(NO_AUDIO))
            case _:
                pass
    return parts


def _text(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}


def _image(opening: str, url: str, detail: str | None) -> list[dict[str, Any]]:
    return [_text(opening), {"type": "input_image", "image_url": url, "detail": detail or DETAIL}, _text("</image>")]


def _image_input(part: ImageInput) -> list[dict[str, Any]]:
    if part.url is UNSET:
        return [{"type": "input_image", "file_id": part.file_id, "detail": part.detail or DETAIL}]
    return _image("<image>", part.url, part.detail)


def _local_image(number: int, part: LocalImageInput, attached: Attachments) -> list[dict[str, Any]]:
    if part.path in attached.images:
        return _image(f"<image name=[Image #{number}]>", attached.images[part.path], part.detail)
    return [_text(f"[The user attached the image {part.path}, which was left out: {attached.missing[part.path]}.]")]


def _stored(given: Input) -> events.UserMessage:
    """The display form. Offsets of text elements count bytes of the joined text."""
    text = ""
    elements: list[events.TextElement] = []
    for part in given.content:
        if isinstance(part, TextInput):
            elements += [_shifted(element, len(text.encode())) for element in part.text_elements]
            text += part.text
    images = [part for part in given.content if isinstance(part, ImageInput)]
    files = [part for part in given.content if isinstance(part, LocalImageInput)]
    return events.UserMessage(
        client_id=UNSET if given.client_id is None else given.client_id,
        message=text,
        images=[part.url for part in images if part.url is not UNSET],
        image_details=_details(images),
        local_images=[part.path for part in files],
        local_image_details=_details(files),
        text_elements=elements,
    )


def _details(images: Sequence[ImageInput | LocalImageInput]) -> list[str | None] | UnsetType:
    """The details asked for, one for each image; left out where none was asked for."""
    details: list[str | None] = [image.detail for image in images]
    return details if any(details) else UNSET


def _shifted(element: wire.TextElement, offset: int) -> events.TextElement:
    where = events.ByteRange(start=element.byte_range.start + offset, end=element.byte_range.end + offset)
    return events.TextElement(byte_range=where, placeholder=element.placeholder)
