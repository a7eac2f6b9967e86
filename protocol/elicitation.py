"""What an MCP server asks the user, and what tools of MCP servers need approval for: one request to all clients."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from protocol.wire import Json, Wire


class Elicitation(Wire):
    """A question of an MCP server. ``turn_id``: of the turn it belongs to, as far as that is known."""

    thread_id: str
    turn_id: str | None = None
    server_name: str


class FormElicitation(Elicitation, tag_field="mode", tag="form"):
    """Some values are asked for. ``requested_schema`` is an object of plain members; without any it is a yes or no."""

    message: str
    requested_schema: dict[str, Any]
    meta: Json = msgspec.field(name="_meta", default=None)


class UrlElicitation(Elicitation, tag_field="mode", tag="url"):
    """The user is asked to go to an address."""

    message: str
    url: str
    elicitation_id: str
    meta: Json = msgspec.field(name="_meta", default=None)


McpServerElicitationRequestParams = FormElicitation | UrlElicitation


class McpServerElicitationRequestResponse(Wire):
    """What the user says to it. ``content``: the values of an accepted form."""

    action: Literal["accept", "decline", "cancel"]
    content: Json = None
    meta: Json = msgspec.field(name="_meta", default=None)
