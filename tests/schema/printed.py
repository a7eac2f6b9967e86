"""Holds a message of ours against the schema that ``threadcast schema`` prints. Knows no schema of anybody else."""

from __future__ import annotations

import functools
from typing import Any

from jsonschema_rs import Draft202012Validator

from protocol.schema import document

Message = dict[str, Any]


def wrong(message: Message, asked: str | None) -> list[str]:
    """What the printed schema says against this message of the server; ``asked``: the request that it answers."""
    if "method" in message:
        validator = _validator("ServerRequest" if "id" in message else "ServerNotification")
        return [f"printed schema: {message['method']}: {text}" for text in _complaints(validator, message)]
    if "error" in message:
        return [f"printed schema: a refusal: {text}" for text in _complaints(_validator("Refusal"), message)]
    if asked not in _document()["x-results"]:
        return []
    found = _complaints(_result(asked), message.get("result"))
    return [f"printed schema: reply to {asked}: {text}" for text in found]


def valid_request(message: Message) -> bool:
    """Whether a client may send this."""
    return _validator("ClientRequest").is_valid(message)


@functools.cache
def _document() -> Message:
    return document()


@functools.cache
def _validator(name: str) -> Draft202012Validator:
    # One branch by method, so that a complaint is about what was meant and not about all that it is not.
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": _document()["$defs"]})


@functools.cache
def _result(method: str) -> Draft202012Validator:
    return Draft202012Validator({**_document()["x-results"][method], "$defs": _document()["$defs"]})


def _complaints(validator: Draft202012Validator, value: Any) -> list[str]:
    if validator.is_valid(value):
        return []
    return [str(error).splitlines()[0][:300] for error in validator.iter_errors(value)][:3]
