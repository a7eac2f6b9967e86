"""A canonical value -> the same as a client of one version hears it. Pure; the table says what differs, not this file.

Only what differs is made anew: a value, or a part of one, that a version knows as it is comes back as the same object.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, get_args

from msgspec.structs import fields, replace

from protocol.dialects.table import ROWS, Kinds, Members, Notices, Unsaid, Wording
from protocol.dialects.versions import VERSIONS, Version
from protocol.method import Notice
from protocol.wire import UNSET, Wire

T = TypeVar("T")


class Unsayable(Exception):
    """The value is, or cannot be without, something that this version has no words for."""


def shaped(value: T, version: Version) -> T:
    """The value as this version says it. Raises :class:`Unsayable`."""
    key = (type(value), version)
    try:
        reshape = _reshapers[key]
    except KeyError:
        reshape = _reshapers[key] = _reshaper(*key)
    return value if reshape is None else reshape(value)


def meant(params: T, version: Version) -> T:
    """The params of a request with what a client of this version means where it says nothing."""
    kind: Any = type(params)  # a type checker does not see that types are hashable
    fill = _filling(kind, version)
    return params if fill is None else fill(params)


def is_known(notice: Notice[Any], version: Version) -> bool:
    """Whether this version has this notification at all."""
    return all(notice not in row.of or version >= row.since for row in ROWS if isinstance(row, Notices))


def members_left_out(kind: type, version: Version) -> frozenset[str]:
    """Members of objects of this type that this version does not know."""
    rows = [row for row in ROWS if isinstance(row, Members) and issubclass(kind, row.of) and not _holds(row, version)]
    return frozenset(name for row in rows for name in row.names)


@cache
def varies(notice: Notice[Any]) -> bool:
    """Whether two versions hear such a notification differently."""
    known = {is_known(notice, version) for version in VERSIONS}
    return len(known) > 1 or any(_concerns(notice.params, version) for version in VERSIONS)


Reshape = Callable[[Any], Any]

_reshapers: dict[tuple[type, Version], Reshape | None] = {}


def _reshaper(kind: type, version: Version) -> Reshape | None:
    """What makes objects of this type into what this version says; None if they are said as they are."""
    if kind in (list, tuple):
        return lambda items: _reshape_list(items, version)
    if kind is dict:
        return lambda members: {name: shaped(value, version) for name, value in members.items()}
    if not issubclass(kind, Wire):
        return None
    if _is_unknown(kind, version):
        return _refuse
    changes = _changes(kind, version)
    inner = [member.name for member in fields(kind) if _mentions(member.type, version)]
    if not changes and not inner:
        return None

    def reshape(value: Any) -> Any:
        said: dict[str, Any] = {}
        for name, say in changes.items():
            said[name] = say(getattr(value, name))
        for name in inner:
            said[name] = shaped(said.get(name, getattr(value, name)), version)
        return replace(value, **said)

    return reshape


@cache
def _filling(kind: type, version: Version) -> Reshape | None:
    """What makes params of this type say what this version leaves unsaid; None if there is nothing of the kind."""
    if not issubclass(kind, Wire):
        return None
    rows = [row for row in ROWS if isinstance(row, Unsaid) and issubclass(kind, row.of) and _holds(row, version)]
    inner = [member.name for member in fields(kind) if _leaves_unsaid(member.type, version)]
    if not rows and not inner:
        return None

    def fill(params: Any) -> Any:
        said = {name: meant(getattr(params, name), version) for name in inner}
        said |= {row.name: row.value for row in rows if getattr(params, row.name) is None}
        return replace(params, **said)

    return fill


def _leaves_unsaid(annotation: Any, version: Version) -> bool:
    kinds = (annotation, *get_args(annotation))
    return any(isinstance(kind, type) and _filling(kind, version) is not None for kind in kinds)


def _reshape_list(items: list[Any], version: Version) -> list[Any]:
    said = list[Any]()
    for value in items:
        try:
            said.append(shaped(value, version))
        except Unsayable:
            continue
    return said


def _refuse(value: Any) -> Any:
    raise Unsayable(type(value).__name__)


def _leave_out(_value: Any) -> Any:
    return UNSET


def _changes(kind: type[Wire], version: Version) -> dict[str, Reshape]:
    """How each member is said that is not said as it is."""
    changes: dict[str, Reshape] = {}
    for row in ROWS:
        if isinstance(row, Members) and issubclass(kind, row.of) and not _holds(row, version):
            changes |= dict.fromkeys(row.names, _leave_out)
        elif isinstance(row, Wording) and issubclass(kind, row.of) and _holds(row, version):
            changes.setdefault(row.name, row.say)
    return changes


def _holds(row: Members | Wording | Unsaid, version: Version) -> bool:
    return (row.since is None or version >= row.since) and (row.until is None or version < row.until)


def _is_unknown(kind: type[Wire], version: Version) -> bool:
    return any(kind in row.of and version < row.since for row in ROWS if isinstance(row, Kinds))


def _concerns(kind: type[Wire], version: Version) -> bool:
    """Whether this version says objects of this type, or something in them, in its own way."""
    if _is_unknown(kind, version) or _changes(kind, version):
        return True
    return any(_mentions(member.type, version) for member in fields(kind))


def _mentions(annotation: Any, version: Version) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Wire):
        return _concerns(annotation, version)
    return any(_mentions(argument, version) for argument in get_args(annotation))
