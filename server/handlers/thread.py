"""thread/start, thread/read, thread/unsubscribe, thread/name/set."""

from __future__ import annotations

import asyncio

from protocol import frames, methods, notices
from protocol.errors import invalid_request
from protocol.thread import (
    SessionResponse,
    Thread,
    ThreadIdParams,
    ThreadNameUpdatedNotification,
    ThreadReadParams,
    ThreadReadResponse,
    ThreadSetNameParams,
    ThreadStartedNotification,
    ThreadStartParams,
    ThreadUnsubscribeResponse,
)
from protocol.wire import Empty
from rollout.events import ThreadNameUpdated
from server.dispatch import Call, handles
from server.engine import project_docs
from server.handlers.checks import check_environments, check_permissions, parse_thread_id, room_to_follow
from server.handlers.client_tools import check_tools
from server.handlers.session import session_response
from server.threads.describe import thread_object
from server.threads.encoded_turns import EncodedTurns
from server.threads.live import LiveThread


@handles(methods.THREAD_START)
async def start(call: Call, params: ThreadStartParams) -> SessionResponse:
    """Make a thread and subscribe the caller. Its rollout appears with the first thing said."""
    check_permissions(params)
    check_environments(params.environments)
    check_tools(params.dynamic_tools or [])
    with room_to_follow(call):
        live = await call.app.opening.start(params, originator=call.connection.client_name)
        docs = await project_docs.find(live.settings.docs, live.settings.cwd)
        call.app.loaded.add(live, told=False)
        snapshot = live.attach(call.connection, turns=False)
    started = frames.notification(notices.THREAD_STARTED, ThreadStartedNotification(thread=snapshot.thread))
    call.then(lambda: call.app.outgoing.announce(started))
    call.then(live.workspace.start)
    return session_response(snapshot, live.settings, docs)


@handles(methods.THREAD_READ)
async def read(call: Call, params: ThreadReadParams) -> ThreadReadResponse:
    """Look at a thread, loaded or not, archived or not."""
    thread_id = parse_thread_id(params.thread_id)
    live = call.app.loaded.get(thread_id)
    if live is not None:
        await live.catch_up()
        shown = await _with_turns(call, live) if params.include_turns else live.describe([])
        return ThreadReadResponse(thread=shown, read_state=live.read_state)
    path = await call.app.opening.find(thread_id, archived=True)
    if path is None:
        raise invalid_request(f"thread not loaded: {thread_id}")
    summary, turns = await call.app.opening.look(path, turns=params.include_turns)
    encoded = await asyncio.to_thread(EncodedTurns().of, turns, call.connection.version)
    shown = thread_object(summary, call.app.loaded.status(thread_id), encoded)
    return ThreadReadResponse(thread=shown, read_state=call.app.read_states.of(thread_id))


async def _with_turns(call: Call, live: LiveThread) -> Thread:
    await live.prepare(call.connection.version)
    return live.describe(live.encoded_turns(call.connection.version))


@handles(methods.THREAD_UNSUBSCRIBE)
async def unsubscribe(call: Call, params: ThreadIdParams) -> ThreadUnsubscribeResponse:
    """Stop hearing a thread. A running turn goes on."""
    thread_id = parse_thread_id(params.thread_id)
    if call.app.loaded.get(thread_id) is None:
        return ThreadUnsubscribeResponse(status="notLoaded")
    was_last = call.app.subscriptions.unsubscribe(call.connection, thread_id)
    if was_last is None:
        return ThreadUnsubscribeResponse(status="notSubscribed")
    call.app.loaded.left([thread_id])
    return ThreadUnsubscribeResponse(status="unsubscribed")


@handles(methods.THREAD_NAME_SET)
async def set_name(call: Call, params: ThreadSetNameParams) -> Empty:
    """Give a thread a title, loaded or not. Everybody hears of it."""
    thread_id = parse_thread_id(params.thread_id)
    name = params.name.strip()
    if not name:
        raise invalid_request("thread name must not be empty")
    live = call.app.loaded.get(thread_id)
    if live is not None:
        if live.ephemeral:
            raise invalid_request(f"ephemeral thread cannot be renamed: {thread_id}")
        await live.claim()
        live.rename(name)
    else:
        path = await call.app.opening.find(thread_id)
        if path is None:
            raise invalid_request(f"thread not found: {thread_id}")
        renamed = ThreadNameUpdated(thread_id=thread_id, thread_name=name)
        await call.app.opening.append(path, thread_id, lambda _: renamed)
    await asyncio.to_thread(call.app.catalog.set_name, thread_id, name)
    updated = ThreadNameUpdatedNotification(thread_id=thread_id, thread_name=name)
    frame = frames.notification(notices.THREAD_NAME_UPDATED, updated)
    call.then(lambda: call.app.outgoing.announce(frame))
    return Empty()
