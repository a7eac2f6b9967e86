"""One stored line: ``{"timestamp", "type", "payload"}`` and nothing else; encode and decode. Knows no file.

Reading is tolerant: a line we do not understand has no entry. Every entry but :data:`OTHER_ITEM` can be written.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Union, get_args

import msgspec

from protocol.wire import UNSET, Raw, Record, UnsetType, encode
from rollout import paginated
from rollout.events import DurableEvent
from rollout.model_items import KINDS, is_known, stored_form


class GitState(Record):
    """The repository that the working directory belonged to."""

    commit_hash: str | UnsetType | None = UNSET
    branch: str | UnsetType | None = UNSET
    repository_url: str | UnsetType | None = UNSET


class SessionMeta(Record):
    """What a thread is. The first one of a file counts; a fork also holds its source's, which do not.

    ``timestamp`` is the creation time in UTC (``...Z``). ``source`` is stored raw: ``cli``, ``vscode``, ``exec``,
    ``mcp``, ``unknown``, ``{"custom": name}`` or ``{"subagent": kind}``.
    """

    id: str
    session_id: str | UnsetType | None = UNSET
    forked_from_id: str | UnsetType | None = UNSET
    parent_thread_id: str | UnsetType | None = UNSET
    timestamp: str
    cwd: str
    originator: str
    cli_version: str
    source: str | dict[str, Any] = "vscode"
    thread_source: str | UnsetType | None = UNSET
    agent_nickname: str | UnsetType | None = UNSET
    agent_role: str | UnsetType | None = UNSET
    agent_type: str | UnsetType | None = UNSET
    agent_path: str | UnsetType | None = UNSET
    model_provider: str | None = None
    base_instructions: dict[str, Any] | None = None
    dynamic_tools: list[dict[str, Any]] | UnsetType | None = UNSET
    memory_mode: str | UnsetType | None = UNSET
    history_mode: str | UnsetType = UNSET
    git: GitState | UnsetType | None = UNSET

    @property
    def is_paginated(self) -> bool:
        """The rollout has the newer form, in which every line carries an ordinal."""
        return self.history_mode == "paginated"


class TurnContext(Record):
    """The settings a turn ran with. The next turn only tells the model what differs from the last one."""

    turn_id: str | UnsetType | None = UNSET
    trace_id: str | UnsetType | None = UNSET
    cwd: str
    current_date: str | UnsetType | None = UNSET
    timezone: str | UnsetType | None = UNSET
    approval_policy: str | dict[str, Any]
    sandbox_policy: dict[str, Any]
    permission_profile: dict[str, Any] | UnsetType | None = UNSET
    network: dict[str, Any] | UnsetType | None = UNSET
    file_system_sandbox_policy: dict[str, Any] | UnsetType | None = UNSET
    model: str
    personality: str | UnsetType | None = UNSET
    collaboration_mode: dict[str, Any] | UnsetType | None = UNSET
    realtime_active: bool | UnsetType | None = UNSET
    effort: str | UnsetType | None = UNSET
    summary: str
    user_instructions: str | UnsetType | None = UNSET
    developer_instructions: str | UnsetType | None = UNSET
    final_output_json_schema: Any = UNSET
    truncation_policy: dict[str, Any] | UnsetType | None = UNSET


class Compacted(Record):
    """The model history was replaced. Old files have no ``replacement_history``; then the message sums it up."""

    message: str
    replacement_history: list[dict[str, Any]] | UnsetType | None = UNSET


class ResponseItem(Record):
    """One item of the model history, as the Responses API shapes it. Its provider-given ``id`` is never written."""

    payload: dict[str, Any]


class OtherItem(Record):
    """A model item that only takes its place: of a kind we do not know, or left out by a reader that wants turns."""


OTHER_ITEM = OtherItem()

Entry = SessionMeta | TurnContext | Compacted | ResponseItem | OtherItem | DurableEvent | paginated.StoredItem


class _EventLine(Record, tag="event_msg"):
    timestamp: str
    payload: DurableEvent


class _MetaLine(Record, tag="session_meta"):
    timestamp: str
    payload: SessionMeta


class _ContextLine(Record, tag="turn_context"):
    timestamp: str
    payload: TurnContext


class _CompactedLine(Record, tag="compacted"):
    timestamp: str
    payload: Compacted


class _ItemLine(Record, tag="response_item"):
    timestamp: str
    payload: dict[str, Any]


def _outline(name: str) -> type[msgspec.Struct]:
    """A struct that checks for an item's required members without building them."""
    members = [(member, Raw) for member in KINDS[name].required]
    return msgspec.defstruct(f"_{name}", members, tag=name, frozen=True, gc=False)


_OUTLINES = {name: _outline(name) for name in KINDS}
_Message: Any = _OUTLINES["message"]
_AnyOutline: Any = Union[tuple(_OUTLINES.values())]  # noqa: UP007 - the members are computed
_OutlineLine: Any = msgspec.defstruct(
    "_OutlineLine", [("timestamp", str), ("payload", _AnyOutline)], tag="response_item", frozen=True, gc=False
)


class _AnyLine(Record):
    timestamp: str
    type: str
    payload: dict[str, Any]


_whole: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    _EventLine | _MetaLine | _ContextLine | _CompactedLine | _ItemLine
)
_outlined: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    Union[_EventLine, _MetaLine, _ContextLine, _CompactedLine, _OutlineLine]  # noqa: UP007 - one member is computed
)
_any_line = msgspec.json.Decoder(_AnyLine)
_members: msgspec.json.Decoder[dict[str, Raw]] = msgspec.json.Decoder(dict[str, Raw])
_EVENTS = frozenset(kind.__struct_config__.tag for kind in get_args(DurableEvent)) - {"item_completed"}

OLD_NAMES = {"turn_started": "task_started", "turn_complete": "task_complete"}

_KIND_OF: dict[type, bytes] = {
    SessionMeta: b"session_meta",
    TurnContext: b"turn_context",
    Compacted: b"compacted",
    ResponseItem: b"response_item",
}


KIND_NAMES = frozenset({"event_msg", *(kind.decode() for kind in _KIND_OF.values())})
"""The kinds of lines that have entries."""

_LINE = b'{"timestamp":"%b","type":"%b","payload":%b}\n'

ITEM_AT = len('{"timestamp":"2026-01-05T10:00:00.000Z')
OTHER_LINE = b'","type":"response_item","payload":{"type":"'
MESSAGE_LINE = OTHER_LINE + b'message"'
COUNT_LINE = b'","type":"event_msg","payload":{"type":"token_count","info":{'
ITEM_END = b"}}\n"
"""How the line of a model item, a message, and a token_count with usage goes on at ITEM_AT, and how they end."""


def stamp(moment: datetime) -> str:
    """A point in time as lines and metas hold it: UTC, milliseconds, ``Z``. Raises ``ValueError`` without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a stored time needs a zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode_line(entry: Entry, timestamp: str) -> bytes:
    """The line of ``entry``, newline included. ``timestamp``: UTC with milliseconds and ``Z``.

    Raises ``TypeError`` for what has no line of ours: a model item of a newer form, a turn item that was read.
    """
    kind = _KIND_OF.get(type(entry), b"event_msg")
    if isinstance(entry, paginated.StoredItem) and entry.payload is not None:
        return _LINE % (timestamp.encode(), kind, encode(entry.payload))
    if isinstance(entry, OtherItem | paginated.StoredItem):
        raise TypeError(f"{type(entry).__name__} cannot be written")
    payload = stored_form(entry.payload) if isinstance(entry, ResponseItem) else entry
    return _LINE % (timestamp.encode(), kind, encode(payload))


def numbered(line: bytes, ordinal: int) -> bytes:
    """An encoded line as it stands in a paginated rollout."""
    return line.replace(b',"type"', b',"ordinal":%d,"type"' % ordinal, 1)


def decode_line(raw: bytes, *, items: bool = True) -> Entry | None:
    """The entry of one line without its newline, or None for broken JSON, unknown kinds and missing members.

    ``items=False`` spares the work of building model items: all but user messages become :data:`OTHER_ITEM`.
    """
    try:
        line = (_whole if items else _outlined).decode(raw)
        return _entry(line, raw)
    except msgspec.ValidationError:
        return _decode_unusual(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _entry(line: Any, raw: bytes) -> Entry | None:
    match line:
        case _EventLine() | _ContextLine() | _CompactedLine():
            return line.payload
        case _MetaLine():
            return _with_role(line.payload)
        case _:
            if not raw.isascii():
                raw.decode()  # what a decoder skips it does not check, and both ways of reading must count alike
            return _model_item(line.payload) if isinstance(line, _ItemLine) else _outlined_item(line.payload)


def _model_item(payload: dict[str, Any]) -> Entry | None:
    if is_known(payload):
        return ResponseItem(payload=payload)
    return OTHER_ITEM if _takes_place(payload) else None


def _takes_place(item: dict[str, Any]) -> bool:
    """Whether this is a model item that we cannot use but must count: of a newer kind, or an output of no call."""
    kind = item.get("type")
    unasked = kind == "function_call_output" and "output" in item and item.get("call_id") is None
    return unasked or (isinstance(kind, str) and kind not in KINDS)


def _outlined_item(outline: Any) -> Entry:
    if type(outline) is not _Message or bytes(outline.role) != b'"user"':
        return OTHER_ITEM
    content = msgspec.json.decode(outline.content)
    return ResponseItem(payload={"type": "message", "role": "user", "content": content})


def _with_role(meta: SessionMeta) -> SessionMeta:
    if meta.agent_type is UNSET:
        return meta
    role = meta.agent_type if meta.agent_role is UNSET else meta.agent_role
    return msgspec.structs.replace(meta, agent_role=role, agent_type=UNSET)


def _decode_unusual(raw: bytes) -> Entry | None:
    """Lines that the typed decoders refuse: old names, newer forms, unknown kinds."""
    try:
        line = _any_line.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if line.type == "response_item":
        return OTHER_ITEM if _takes_place(line.payload) else None
    return _unusual_event(line.payload) if line.type == "event_msg" else None


def _unusual_event(payload: dict[str, Any]) -> Entry | None:
    kind = payload.get("type")
    if kind == "item_completed":
        return paginated.stored_item(payload)
    if kind not in OLD_NAMES:
        return None
    try:
        event: DurableEvent = msgspec.convert(payload | {"type": OLD_NAMES[kind]}, DurableEvent)
        return event
    except msgspec.ValidationError:
        return None


def foreign(raw: bytes) -> bytes | None:
    """A line of a kind that we do not know, as a legacy rollout holds it: without ordinal. None if it is damaged."""
    try:
        line = _any_line.decode(raw)
        members: dict[str, Raw] = _members.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    kind = line.payload.get("type")
    if line.type in KIND_NAMES and not (line.type == "event_msg" and isinstance(kind, str) and kind not in _EVENTS):
        return None
    members.pop("ordinal", None)
    return encode(members) + b"\n"


def unnumbered(raw: bytes) -> bytes:
    """A line that can be read as a legacy rollout holds it: without ordinal."""
    members: dict[str, Raw] = _members.decode(raw)
    members.pop("ordinal", None)
    return encode(members) + b"\n"


def why_unreadable(raw: bytes) -> str:
    """What is wrong with a line that has no entry; for people."""
    try:
        raw.decode()
        if _any_line.decode(raw).type in KIND_NAMES:
            _outlined.decode(raw)
    except UnicodeDecodeError as error:
        return f"is not UTF-8 at byte {error.start + 1}"
    except msgspec.ValidationError as error:
        return f"lacks what a line must have: {error}"
    except msgspec.DecodeError as error:
        return f"is not JSON: {error}"
    except RecursionError:
        return "is nested too deeply"
    return "is of a kind that is not known here"
