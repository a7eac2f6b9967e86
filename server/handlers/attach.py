"""thread/resume and thread/fork: reply, then usage replay, then live events."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from protocol import frames, methods, notices
from protocol.errors import RpcError, invalid_request
from protocol.sequence import EXTENSION, Position
from protocol.thread import (
    ResumeResponse,
    SessionResponse,
    ThreadForkParams,
    ThreadResumeParams,
    ThreadStartedNotification,
    TurnsPage,
)
from protocol.turn import Turn
from server.dispatch import Call, handles
from server.engine import project_docs
from server.handlers.checks import check_items, check_permissions, page_size, parse_thread_id, room_to_follow
from server.handlers.session import resume_response, session_response
from server.threads.item_pages import Pages
from server.threads.live import LiveThread
from server.threads.snapshot import Snapshot
from server.threads.translate import warning
from server.threads.turn_pages import end_cursor, page, viewed

_OTHER_MODEL = (
    "The last turn of this session was run by the model `{recorded}`; the next one will be run by `{model}`. "
    "A change of model in the middle can make answers worse."
)


@handles(methods.THREAD_RESUME)
async def resume(call: Call, params: ThreadResumeParams) -> ResumeResponse:
    """Attach to a thread: to the loaded one as it is, else from its rollout."""
    check_permissions(params)
    if params.since_sequence is not None and not call.connection.numbered:
        raise invalid_request(f"sinceSequence needs the extension `{EXTENSION}`, asked for in initialize")
    known = _loaded(call, params)
    with room_to_follow(call, known.id if known else None):
        live = known or await _load(call, params)
        with call.app.loaded.held(live):
            if known is not None:
                await known.catch_up()
            look = project_docs.find if known is None else project_docs.last_found
            docs = await look(live.settings.docs, live.settings.cwd)
            if not params.exclude_turns:
                await live.prepare(call.connection.version)
            snapshot = attach(call, live, turns=not params.exclude_turns, seen=params.since_sequence)
    return resume_response(
        snapshot,
        live.settings,
        docs,
        page=_page(params, snapshot.turns),
        turns_cursor=end_cursor(snapshot.turns),
        items_cursor=Pages(live.id, snapshot.turns).newest(),
    )


@handles(methods.THREAD_FORK)
async def fork(call: Call, params: ThreadForkParams) -> SessionResponse:
    """Copy a thread and attach to the copy. The source is only read."""
    check_permissions(params)
    with room_to_follow(call):
        live, snapshot, docs = await _fork(call, params)
    started = frames.notification(notices.THREAD_STARTED, ThreadStartedNotification(thread=live.describe([])))
    call.then(lambda: call.app.outgoing.announce(started))
    return session_response(snapshot, live.settings, docs)


async def _fork(call: Call, params: ThreadForkParams) -> tuple[LiveThread, Snapshot, project_docs.Docs]:
    live = await copied(call, params)
    with call.app.loaded.held(live):
        docs = await project_docs.find(live.settings.docs, live.settings.cwd)
        if not params.exclude_turns:
            await live.prepare(call.connection.version)
        return live, attach(call, live, turns=not params.exclude_turns), docs


async def copied(call: Call, params: ThreadForkParams) -> LiveThread:
    """A copy of a thread, which nobody follows yet."""
    path = await _source(call, params.thread_id, params.path)
    source = next((thread for thread in call.app.loaded if thread.summary.path == path), None)
    if source is not None:
        source.require_written()
    live = await call.app.opening.fork(path, params, originator=call.connection.client_name)
    call.app.loaded.add(live, told=False)
    return live


def attach(call: Call, live: LiveThread, *, turns: bool, seen: Position | None = None) -> Snapshot:
    """Snapshot and subscription in one breath. Whoever calls this returns without another await: see LiveThread."""
    snapshot = live.attach(call.connection, turns=turns, seen=seen)
    call.then(live.workspace.start)
    replay = snapshot.replay.frame
    for message in (*(snapshot.missed if replay is None else (replay,)), *snapshot.questions):
        call.then(partial(call.app.outgoing.replay, call.connection, message))
    return snapshot


def _page(params: ThreadResumeParams, turns: list[Turn]) -> TurnsPage | None:
    asked = params.initial_turns_page
    if asked is None:
        return None
    found = page(turns, None, page_size(asked.limit), descending=asked.sort_direction != "asc")
    shown = [viewed(turn, asked.items_view or "summary") for turn in found.turns]
    return TurnsPage(data=shown, next_cursor=found.next_cursor, backwards_cursor=found.backwards_cursor)


def _loaded(call: Call, params: ThreadResumeParams) -> LiveThread | None:
    if params.history is not None or params.path is not None:
        try:
            thread_id = parse_thread_id(params.thread_id)
        except RpcError:  # the source is named another way, so this need not be an id
            return None
    else:
        thread_id = parse_thread_id(params.thread_id)
    live = call.app.loaded.get(thread_id)
    if live is None:
        return None
    if params.history is not None:
        raise invalid_request(f"cannot resume thread {thread_id} with history while it is already running")
    if params.path is not None and Path(params.path) != Path(live.summary.path):
        raise invalid_request(
            f"cannot resume running thread {thread_id} with mismatched path: "
            f"requested `{params.path}`, active `{live.summary.path}`"
        )
    return live


async def _load(call: Call, params: ThreadResumeParams) -> LiveThread:
    if params.history is not None:
        if not params.history:
            raise invalid_request("history must not be empty")
        items = check_items("history", params.history)
        opened = await call.app.opening.resume_items(items, params, originator=call.connection.client_name)
        recorded = None
    else:
        opened, recorded = await call.app.opening.resume(await _source(call, params.thread_id, params.path), params)
    live = call.app.loaded.get(opened.id)
    if live is not None:  # named by its path, or loaded by another way meanwhile
        await opened.close()
        return live
    if recorded not in (None, opened.settings.model):
        text = _OTHER_MODEL.format(recorded=recorded, model=opened.settings.model)
        call.app.outgoing.replay(call.connection, warning(opened.id, text))
    call.app.loaded.add(opened, told=True)
    return opened


async def _source(call: Call, thread_id: str, path: str | None) -> Path:
    if path is not None:
        if "\0" in path:
            raise invalid_request("invalid path: it holds a NUL character")
        return Path(path)
    found = await call.app.opening.find(parse_thread_id(thread_id))
    if found is None:
        raise invalid_request(f"no rollout found for thread id {parse_thread_id(thread_id)}")
    return found
