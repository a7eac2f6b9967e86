"""threadcast/presence/list."""

from __future__ import annotations

from protocol import methods
from protocol.errors import invalid_request
from protocol.presence import EXTENSION, PresenceListParams, PresenceListResponse
from server.dispatch import Call, handles


@handles(methods.PRESENCE_LIST)
async def list_present(call: Call, params: PresenceListParams) -> PresenceListResponse:
    """Who follows which thread."""
    if not call.connection.declared(EXTENSION):
        raise invalid_request(f"threadcast/presence/list needs the extension `{EXTENSION}`, asked for in initialize")
    if params.thread_ids is None:
        return PresenceListResponse(data=call.app.presence.all())
    asked = [call.app.presence.of(thread_id) for thread_id in dict.fromkeys(params.thread_ids)]
    return PresenceListResponse(data=[each for each in asked if each.total])
