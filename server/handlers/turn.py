"""turn/start, turn/steer, turn/interrupt, thread/compact/start: all that begins, feeds and ends turns."""

from __future__ import annotations

import asyncio

from protocol import methods
from protocol.errors import INVALID_PARAMS, RpcError, invalid_request
from protocol.item import ImageInput, UserInput
from protocol.thread import ThreadIdParams
from protocol.turn import (
    InputTooLarge,
    TurnError,
    TurnInterruptParams,
    TurnStartParams,
    TurnStartResponse,
    TurnSteerParams,
    TurnSteerResponse,
)
from protocol.wire import Empty
from server.dispatch import Call, handles
from server.engine.compaction import CompactTurn
from server.engine.inputs import Input, text_length
from server.engine.settings import turn_settings
from server.handlers.checks import check_environments, check_permissions, parse_thread_id
from server.providers.provider import Provider
from server.threads.live import LiveThread
from server.threads.settings import adopt
from server.threads.translate import begun_turn

MAX_INPUT_CHARS = 1 << 20

_IMAGE_URLS = ("https://", "http://", "data:image/")
"""What a model's provider can fetch, or need not."""


@handles(methods.TURN_START)
async def start(call: Call, params: TurnStartParams) -> TurnStartResponse:
    """Give the thread input: a turn begins, or the running one takes it. The reply names the turn that has it.

    Input that the thread has already, by the client's id of it, changes nothing.
    """
    live = _thread(call, params.thread_id, params.input)
    check_environments(params.environments)
    check_permissions(params)
    await live.catch_up()
    if (turn := live.turn_with(params.client_user_message_id)) is not None:
        return TurnStartResponse(turn=turn)
    await live.claim()
    provider = await call.app.provider(live.settings.provider)
    while live.turn is not None and not live.turn.is_open:
        await asyncio.wait({live.turn.ended})
    # In one breath from here on: nobody begins or ends a turn in between.
    if (turn := live.turn_with(params.client_user_message_id)) is not None:
        return TurnStartResponse(turn=turn)
    if live.turn is None:
        call.app.refuse_when_draining()
    return TurnStartResponse(turn=begun_turn(_give(call, live, params, provider)))


@handles(methods.THREAD_COMPACT_START)
async def compact(call: Call, params: ThreadIdParams) -> Empty:
    """Begin a turn that sums up the model history, in the place of one that is running."""
    live = call.app.loaded.require(parse_thread_id(params.thread_id))
    await live.claim()
    provider = await call.app.provider(live.settings.provider)
    call.app.refuse_when_draining()
    live.client = (call.connection.client_name, call.connection.client_version)
    live.lineup.replace(CompactTurn(live, provider, live.settings))
    return Empty()


@handles(methods.TURN_STEER)
async def steer(call: Call, params: TurnSteerParams) -> TurnSteerResponse:
    """Give the running turn more input; it is taken in when the model next pauses."""
    if not params.expected_turn_id:
        raise invalid_request("expectedTurnId must not be empty")
    live = _thread(call, params.thread_id, params.input)
    if (known := live.turn_with(params.client_user_message_id)) is not None:
        return TurnSteerResponse(turn_id=known.id)
    turn = live.turn
    if turn is None:
        raise invalid_request("no active turn to steer")
    if turn.id != params.expected_turn_id:
        raise invalid_request(f"expected active turn id `{params.expected_turn_id}` but found `{turn.id}`")
    if turn.kind != "regular":
        kind = {"activeTurnNotSteerable": {"turnKind": turn.kind}}
        error = TurnError(message=f"cannot steer a {turn.kind} turn", codex_error_info=kind)
        raise invalid_request(error.message, error)
    if not turn.steer(Input(params.input, params.client_user_message_id)):
        raise invalid_request("no active turn to steer")
    return TurnSteerResponse(turn_id=turn.id)


@handles(methods.TURN_INTERRUPT)
async def interrupt(call: Call, params: TurnInterruptParams) -> Empty:
    """Stop the running turn. The reply comes when it has stopped, before its end is told."""
    live = call.app.loaded.require(parse_thread_id(params.thread_id))
    turn = live.turn
    if params.turn_id == "":  # a client that leaves while the thread starts up; there may be nothing to stop
        if turn is not None:
            await turn.interrupt()
        return Empty()
    if params.turn_id == live.interrupted:  # somebody else was faster
        return Empty()
    if turn is None:
        raise invalid_request("no active turn to interrupt")
    if turn.id != params.turn_id:
        raise invalid_request(f"expected active turn id `{params.turn_id}` but found `{turn.id}`")
    await turn.interrupt()
    return Empty()


def _give(call: Call, live: LiveThread, params: TurnStartParams, provider: Provider) -> str:
    """Hand the input to the running turn, or begin one, maybe after one that takes no input. Returns its id."""
    if (news := adopt(live, turn_settings(live.settings, params), record=False)) is not None:
        live.broadcast(news)
    given = Input(params.input, params.client_user_message_id)
    taking = live.lineup.last
    if taking is not None and taking.steer(given):
        return taking.id
    live.client = (call.connection.client_name, call.connection.client_version)
    return live.begin_turn(provider, given, params.output_schema).id


def _thread(call: Call, thread_id: str, content: list[UserInput]) -> LiveThread:
    length = text_length(content)
    if length > MAX_INPUT_CHARS:
        message = f"Input exceeds the maximum length of {MAX_INPUT_CHARS} characters."
        raise RpcError(INVALID_PARAMS, message, InputTooLarge(max_chars=MAX_INPUT_CHARS, actual_chars=length))
    live = call.app.loaded.require(parse_thread_id(thread_id))
    if not content:
        raise invalid_request("input must not be empty")
    for at, part in enumerate(content):
        if isinstance(part, ImageInput) and part.url and not part.url.lower().startswith(_IMAGE_URLS):
            raise invalid_request(f"`input[{at}].url` is not an https: or data: URL")
    return live
