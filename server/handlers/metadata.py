"""thread/metadata/update and thread/memoryMode/set: what is noted about a thread, loaded or not."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from protocol import methods
from protocol.errors import internal_error, invalid_request
from protocol.thread import (
    GitInfo,
    GitInfoUpdate,
    ThreadMemoryModeSetParams,
    ThreadMetadataUpdateParams,
    ThreadResponse,
)
from protocol.wire import UNSET, Empty
from rollout.catalog import ThreadSummary
from server.dispatch import Call, handles
from server.handlers.checks import parse_thread_id
from server.threads.describe import thread_object

_NAMES = {"sha": "sha", "branch": "branch", "origin_url": "originUrl"}


@handles(methods.THREAD_METADATA_UPDATE)
async def update(call: Call, params: ThreadMetadataUpdateParams) -> ThreadResponse:
    """Set or clear what is known of a thread's repository. Its rollout is not touched."""
    thread_id = parse_thread_id(params.thread_id)
    changes = _changes(params.git_info)
    live = call.app.loaded.get(thread_id)
    if live is not None and live.ephemeral:
        raise invalid_request(f"ephemeral thread does not support metadata updates: {thread_id}")
    summary = await _stored(call, thread_id) if live is None else live.summary
    git = replace(summary.git_info or GitInfo(), **changes)
    known = None if git == GitInfo() else git
    try:
        await asyncio.to_thread(call.app.catalog.set_git, thread_id, known)
    except OSError as error:
        raise internal_error(f"the metadata of thread {thread_id} cannot be written: {error.strerror}") from error
    if live is None:
        return ThreadResponse(thread=thread_object(summary.with_git(known), call.app.loaded.status(thread_id), []))
    live.summary = live.summary.with_git(known)
    return ThreadResponse(thread=live.describe([]))


async def _stored(call: Call, thread_id: str) -> ThreadSummary:
    path = await call.app.opening.find(thread_id, archived=True)
    if path is None:
        raise invalid_request(f"thread not found: {thread_id}")
    return (await call.app.opening.look(path, turns=False))[0]


def _changes(git: GitInfoUpdate | None) -> dict[str, str | None]:
    """The members to change, trimmed."""
    changes: dict[str, str | None] = {}
    for name, shown in _NAMES.items():
        value = UNSET if git is None else getattr(git, name)
        if value is UNSET:
            continue
        changes[name] = value if value is None else value.strip()
        if changes[name] == "":
            raise invalid_request(f"gitInfo.{shown} must not be empty")
    if not changes:
        raise invalid_request("gitInfo must include at least one field")
    return changes


@handles(methods.THREAD_MEMORY_MODE_SET)
async def set_memory_mode(call: Call, params: ThreadMemoryModeSetParams) -> Empty:
    """Note in the rollout whether memories may be made of the thread; we make none ourselves."""
    thread_id = parse_thread_id(params.thread_id)
    live = call.app.loaded.get(thread_id)
    if live is not None:
        if live.ephemeral:
            raise invalid_request(f"ephemeral thread does not support memory mode updates: {thread_id}")
        await live.claim()
        live.emit(replace(live.meta, memory_mode=params.mode))
        await live.sync()
        return Empty()
    path = await call.app.opening.find(thread_id, archived=True)
    if path is None:
        raise invalid_request(f"thread not found: {thread_id}")
    await call.app.opening.append(path, thread_id, lambda meta: replace(meta, memory_mode=params.mode))
    return Empty()
