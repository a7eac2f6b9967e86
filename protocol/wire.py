"""The base of every model on the wire: frozen, camelCase, unknown members ignored. Knows no message."""

from __future__ import annotations

from typing import Annotated, Any, dataclass_transform

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

__all__ = [
    "AS_IS",
    "UNSET",
    "Count",
    "Empty",
    "Encoded",
    "Json",
    "Raw",
    "Record",
    "UnsetType",
    "Wire",
    "encode",
    "encode_parts",
]

Count = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
"""A number of things: an unsigned integer of 32 bits."""

Json = Any
"""Any JSON value, passed through without being looked at."""


AS_IS: dict[str, str] = {}
"""``rename=AS_IS``: this object keeps snake_case member names on the wire."""


class RecordMeta(msgspec.StructMeta):
    """Gives every struct below :class:`Record` keyword-only fields, which msgspec does not inherit by itself."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> type:
        options.setdefault("kw_only", True)
        return super().__new__(cls, name, bases, namespace, **options)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Record(msgspec.Struct, metaclass=RecordMeta, frozen=True, gc=False):
    """An immutable value with named fields. ``None`` is written as ``null``; a field left ``UNSET`` is left out."""


class Wire(Record, rename="camel"):
    """One JSON object of the protocol, with camelCase member names; unknown members are ignored."""


class Empty(Wire):
    """The empty object: the params of a method without any, and the result of one that only acknowledges."""


_encoder = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """Compact UTF-8 JSON of any wire value."""
    return _encoder.encode(value)


class Encoded:
    """A JSON value that was encoded before, cut into ``parts``. Made of it anew is only what stands around it.

    A history may be a hundred megabytes long: to encode it, or only to copy it, takes longer than an event loop may
    stand still. Its parts go from here to the socket as they are.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts


_GAP = b"\0"
"""Stands where parts go. JSON text never holds this byte: in strings it is escaped."""


def encode_parts(value: Any) -> list[bytes]:
    """The same as :func:`encode` in parts, which together are the text; one part if ``value`` holds no Encoded."""
    inner: list[Encoded] = []

    def leave_gap(found: Any) -> Raw:
        if not isinstance(found, Encoded):
            raise NotImplementedError(f"{type(found).__name__} cannot be encoded")
        inner.append(found)
        return Raw(_GAP)

    text = msgspec.json.Encoder(enc_hook=leave_gap).encode(value)
    if not inner:
        return [text]
    head, *tails = text.split(_GAP)
    return [head, *(part for gap, tail in zip(inner, tails, strict=True) for part in (*gap.parts, tail))]
