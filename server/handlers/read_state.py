"""thread/readState/update: what of a thread was seen, as its clients say. Knows no file."""

from __future__ import annotations

import asyncio

from protocol import frames, methods, notices
from protocol.errors import INVALID_PARAMS, INVALID_REQUEST, RpcError, internal_error, invalid_request
from protocol.read_state import (
    MarkUnread,
    ReadStateConflict,
    ThreadReadStateChangedNotification,
    ThreadReadStateUpdateParams,
    ThreadReadStateUpdateResponse,
)
from rollout.read_states import StateChanged
from server.dispatch import Call, handles
from server.handlers.checks import parse_thread_id


@handles(methods.THREAD_READ_STATE_UPDATE)
async def update(call: Call, params: ThreadReadStateUpdateParams) -> ThreadReadStateUpdateResponse:
    """Mark a thread as read or unread, if the caller knows the state it is in. Its subscribers hear of it."""
    thread_id = parse_thread_id(params.thread_id, INVALID_PARAMS)
    await _require_durable(call, thread_id)
    unread = isinstance(params.operation, MarkUnread)
    try:
        state = await asyncio.to_thread(call.app.read_states.mark, thread_id, params.expected_revision, unread=unread)
    except StateChanged as found:
        raise RpcError(INVALID_REQUEST, "read state changed", ReadStateConflict(read_state=found.state)) from found
    except OSError as error:
        raise internal_error(f"the read state of thread {thread_id} cannot be written: {error.strerror}") from error
    _tell(call, thread_id)
    return ThreadReadStateUpdateResponse(read_state=state)


def _tell(call: Call, thread_id: str) -> None:
    """Tell the state of now: a turn that ended since the change was told already, and must not be taken back."""
    live = call.app.loaded.get(thread_id)
    if live is None:  # nobody follows what is not loaded
        return
    changed = ThreadReadStateChangedNotification(thread_id=thread_id, read_state=call.app.read_states.of(thread_id))
    live.broadcast(frames.notification(notices.THREAD_READ_STATE_CHANGED, changed))


async def _require_durable(call: Call, thread_id: str) -> None:
    live = call.app.loaded.get(thread_id)
    if live is not None:
        if not live.materialised:
            raise invalid_request(f"thread {thread_id} is not on disk, so it has no read state")
    elif await call.app.opening.find(thread_id, archived=True) is None:
        raise invalid_request(f"thread not loaded: {thread_id}")
