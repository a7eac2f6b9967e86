"""What a thread has said: in pages (thread/turns/list), less of it (thread/rollback, thread/revert), more of it
(thread/inject_items)."""

from __future__ import annotations

from protocol import frames, methods, notices
from protocol.errors import internal_error, invalid_request
from protocol.removal import ThreadRevertParams, ThreadRevertResponse
from protocol.thread import (
    ThreadIdNotification,
    ThreadInjectItemsParams,
    ThreadResponse,
    ThreadRollbackParams,
    ThreadTurnsListParams,
    ThreadTurnsListResponse,
)
from protocol.turn import Turn
from protocol.wire import Empty
from server.dispatch import Call, handles
from server.handlers.checks import check_items, page_size, parse_thread_id
from server.threads.item_pages import Pages
from server.threads.live import LiveThread
from server.threads.turn_pages import InvalidCursor, end_cursor, page, viewed


@handles(methods.THREAD_ROLLBACK)
async def rollback(call: Call, params: ThreadRollbackParams) -> ThreadResponse:
    """Take back the last turns, from the clients and from the model alike. A refusal changes nothing."""
    if params.num_turns < 1:
        raise invalid_request("numTurns must be >= 1")
    live = call.app.loaded.require(parse_thread_id(params.thread_id))
    await _check_can_roll_back(live)
    kept = await call.app.opening.prompt_without(live, params.num_turns)
    if call.app.loaded.get(live.id) is not live:  # it was idle for long and left while its rollout was read
        raise invalid_request(f"thread not found: {live.id}")
    live.roll_back(params.num_turns, kept)
    await live.sync()
    _announce_revert(call, live.id)
    return ThreadResponse(thread=live.describe(live.encoded_turns(call.connection.version)))


@handles(methods.THREAD_REVERT)
async def revert(call: Call, params: ThreadRevertParams) -> ThreadRevertResponse:
    """Take back a turn and all after it; a running turn is stopped first. A refusal changes nothing else."""
    live = call.app.loaded.require(parse_thread_id(params.thread_id))
    if live.ephemeral:
        raise invalid_request(f"ephemeral thread cannot be reverted: {live.id}")
    _place_of(live, params.before_turn_id)
    await live.settle()
    await _check_can_roll_back(live)
    at = _place_of(live, params.before_turn_id)
    count = len(live.turns()) - at
    kept = await call.app.opening.prompt_without(live, count)
    if call.app.loaded.get(live.id) is not live:  # as in a rollback
        raise invalid_request(f"thread not found: {live.id}")
    live.roll_back(count, kept)
    await live.sync()
    _announce_revert(call, live.id)
    left = live.turns()
    return ThreadRevertResponse(
        thread=live.describe([]),
        turns_backwards_cursor=end_cursor(left),
        items_backwards_cursor=Pages(live.id, left).newest(),
    )


def _place_of(live: LiveThread, turn_id: str) -> int:
    at = next((at for at, turn in enumerate(live.turns()) if turn.id == turn_id), None)
    if at is None:
        raise invalid_request(f"turn not found: {turn_id}")
    return at


def _announce_revert(call: Call, thread_id: str) -> None:
    """Whoever shows the thread must read it again."""
    frame = frames.notification(notices.THREAD_REVERTED, ThreadIdNotification(thread_id=thread_id))
    call.then(lambda: call.app.outgoing.announce(frame))


async def _check_can_roll_back(live: LiveThread) -> None:
    if live.is_busy:
        raise invalid_request(f"a turn of thread {live.id} is running; stop it, or wait for its end, and try again")
    if live.ephemeral:
        raise invalid_request(f"ephemeral thread cannot be rolled back: {live.id}")
    if not live.materialised:
        raise invalid_request(f"thread {live.id} has no history yet that could be rolled back")
    await live.claim()
    await live.sync()
    if live.unwritten is not None:
        raise internal_error(f"the history of thread {live.id} is not all on disk: {live.unwritten.strerror}")


@handles(methods.THREAD_TURNS_LIST)
async def list_turns(call: Call, params: ThreadTurnsListParams) -> ThreadTurnsListResponse:
    """A page of the turns of a thread, loaded or not, archived or not."""
    turns = await all_turns(call, parse_thread_id(params.thread_id))
    try:
        found = page(turns, params.cursor, page_size(params.limit), descending=params.sort_direction != "asc")
    except InvalidCursor as error:
        raise invalid_request(f"invalid cursor: {error}") from error
    shown = [viewed(turn, params.items_view or "summary") for turn in found.turns]
    return ThreadTurnsListResponse(data=shown, next_cursor=found.next_cursor, backwards_cursor=found.backwards_cursor)


async def all_turns(call: Call, thread_id: str) -> list[Turn]:
    """The turns of any thread as of now, oldest first. Raises :class:`~protocol.errors.RpcError`."""
    live = call.app.loaded.get(thread_id)
    if live is not None:
        await live.catch_up()
        return live.turns()
    path = await call.app.opening.find(thread_id, archived=True)
    if path is None:
        raise invalid_request(f"thread not loaded: {thread_id}")
    return (await call.app.opening.look(path, turns=True))[1]


@handles(methods.THREAD_INJECT_ITEMS)
async def inject_items(call: Call, params: ThreadInjectItemsParams) -> Empty:
    """Add items to the model history. Nobody hears of it; the model does with its next request."""
    live = call.app.loaded.require(parse_thread_id(params.thread_id))
    items = check_items("items", params.items)
    if not items:
        raise invalid_request("items must not be empty")
    await live.claim()
    await live.inject(items)
    await live.sync()
    return Empty()
