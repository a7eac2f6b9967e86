"""User input in its three forms: for the model, for the rollout, for the clients. Pure but for reading local images."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from uuid_utils import uuid4

from protocol import item as wire
from protocol.item import ImageInput, LocalImageInput, TextInput, UserInput
from protocol.wire import UNSET, UnsetType
from rollout import events
from rollout.events import Event, ItemCompleted, ItemStarted
from rollout.lines import Entry, ResponseItem
from rollout.mapping import optional


class Input(NamedTuple):
    """What one request to start or steer a turn brought. ``client_id``: what the client calls it."""

    content: list[UserInput]
    client_id: str | None = None


def said(turn_id: str, given: Input) -> list[Event | Entry]:
    """Everything that one piece of user input means, in the order in which it is emitted."""
    content = given.content
    shown = wire.UserMessage(id=str(uuid4()), client_id=given.client_id, content=content)
    return [
        ItemStarted(turn_id=turn_id, item=shown),
        ResponseItem(payload={"type": "message", "role": "user", "content": _for_model(content)}),
        _stored(given),
        ItemCompleted(turn_id=turn_id, item=shown),
    ]


def text_length(content: list[UserInput]) -> int:
    """Characters of text in the input."""
    return sum(len(part.text) for part in content if isinstance(part, TextInput))


def _for_model(content: list[UserInput]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    images = 0
    for part in content:
        match part:
            case TextInput():
                parts.append({"type": "input_text", "text": part.text})
            case ImageInput():
                images += 1
                parts += _image("<image>", optional(part.url) or "")
            case LocalImageInput():
                images += 1
                parts += _local_image(images, part.path)
            case _:
                pass
    return parts


def _image(opening: str, url: str) -> list[dict[str, Any]]:
    return [
        {"type": "input_text", "text": opening},
        {"type": "input_image", "image_url": url},
        {"type": "input_text", "text": "</image>"},
    ]


def _local_image(number: int, path: str) -> list[dict[str, Any]]:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        return [{"type": "input_text", "text": f"The image {path} could not be read: {error.strerror}."}]
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return _image(f"<image name=[Image #{number}]>", f"data:{kind};base64,{base64.b64encode(content).decode()}")


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
        images=[optional(part.url) or "" for part in images],
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
