"""thread/archive, thread/unarchive and thread/delete."""

from __future__ import annotations

import asyncio

from protocol import frames, methods, notices
from protocol.errors import internal_error, invalid_request
from protocol.method import Notice
from protocol.thread import ThreadIdNotification, ThreadIdParams, ThreadResponse
from protocol.wire import Empty
from server.dispatch import Call, handles
from server.handlers.checks import parse_thread_id
from server.threads.describe import thread_object
from server.threads.writing import alone


@handles(methods.THREAD_ARCHIVE)
async def archive(call: Call, params: ThreadIdParams) -> Empty:
    """Unload a thread, stopping its turn, and move its rollout to the archive."""
    thread_id = parse_thread_id(params.thread_id)
    path = await call.app.opening.find(thread_id)
    if path is None:
        raise invalid_request(f"no rollout found for thread id {thread_id}")
    live = call.app.loaded.get(thread_id)
    if live is not None:
        await live.claim()
        await live.settle()
        await call.app.loaded.remove(live)
    try:
        with alone(call.app.opening.lock(thread_id)):
            await asyncio.to_thread(call.app.catalog.archive, path)
    except OSError as error:
        raise internal_error(f"failed to archive thread: {error}") from error
    _announce(call, notices.THREAD_ARCHIVED, thread_id)
    return Empty()


@handles(methods.THREAD_UNARCHIVE)
async def unarchive(call: Call, params: ThreadIdParams) -> ThreadResponse:
    """Bring a rollout back from the archive. Loads nothing, subscribes nobody."""
    thread_id = parse_thread_id(params.thread_id)
    archived = await asyncio.to_thread(call.app.catalog.find_archived, thread_id)
    if archived is None:
        raise invalid_request(f"no archived rollout found for thread id {thread_id}")
    try:
        with alone(call.app.opening.lock(thread_id)):
            path = await asyncio.to_thread(call.app.catalog.unarchive, archived)
    except OSError as error:
        raise internal_error(f"failed to unarchive thread: {error}") from error
    summary, _ = await call.app.opening.look(path, turns=False)
    _announce(call, notices.THREAD_UNARCHIVED, thread_id)
    return ThreadResponse(thread=thread_object(summary, call.app.loaded.status(thread_id), []))


@handles(methods.THREAD_DELETE)
async def delete(call: Call, params: ThreadIdParams) -> Empty:
    """Unload a thread, stopping its turn, and remove its rollout, archived or not, and what is kept beside it."""
    thread_id = parse_thread_id(params.thread_id)
    live = call.app.loaded.get(thread_id)
    if live is not None and live.ephemeral:
        raise invalid_request(f"ephemeral thread has nothing that could be deleted: {thread_id}")
    if live is None and await call.app.opening.find(thread_id, archived=True) is None:
        raise invalid_request(f"no rollout found for thread id {thread_id}")
    if live is not None:
        await live.claim()
        await call.app.loaded.remove(live)
    try:
        with alone(call.app.opening.lock(thread_id)):
            await asyncio.to_thread(call.app.catalog.delete, thread_id)
        await asyncio.to_thread(call.app.read_states.forget, thread_id)
    except OSError as error:
        raise internal_error(f"failed to delete thread {thread_id}: {error}") from error
    _announce(call, notices.THREAD_DELETED, thread_id)
    return Empty()


def _announce(call: Call, notice: Notice[ThreadIdNotification], thread_id: str) -> None:
    frame = frames.notification(notice, ThreadIdNotification(thread_id=thread_id))
    call.then(lambda: call.app.outgoing.announce(frame))
