"""The base of every model on the wire: frozen, camelCase, unknown members ignored. Knows no message."""

from __future__ import annotations

from typing import Any, dataclass_transform

import msgspec
from msgspec import UNSET, Raw, UnsetType

__all__ = ["AS_IS", "UNSET", "Empty", "Json", "Raw", "Record", "UnsetType", "Wire", "encode"]

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
