"""review/start: a turn in which the model reviews a change, on the thread itself or on a copy of it."""

from __future__ import annotations

from msgspec.structs import replace

from protocol import frames, methods, notices
from protocol.errors import invalid_request
from protocol.item import TextInput, UserMessage
from protocol.review import BaseBranch, Commit, Custom, ReviewStartParams, ReviewStartResponse, ReviewTarget
from protocol.thread import ThreadForkParams, ThreadStartedNotification
from server.dispatch import Call, handles
from server.engine.reviewing import ReviewTurn
from server.handlers.attach import copied
from server.handlers.checks import parse_thread_id, room_to_follow
from server.threads.live import LiveThread
from server.threads.translate import begun_turn


@handles(methods.REVIEW_START)
async def start(call: Call, params: ReviewStartParams) -> ReviewStartResponse:
    """Begin a review, in the place of a turn that is running. The reply names its turn and its thread."""
    source = call.app.loaded.require(parse_thread_id(params.thread_id))
    target = _checked(params.target)
    live = await _copy(call, source) if params.delivery == "detached" else source
    await live.claim()
    provider = await call.app.provider(live.settings.provider)
    call.app.refuse_when_draining()
    live.client = (call.connection.client_name, call.connection.client_version)
    review = live.lineup.replace(ReviewTurn(live, provider, live.settings, target, live.workspace))
    shown = UserMessage(id=review.id, content=[TextInput(text=review.hint)])
    return ReviewStartResponse(turn=replace(begun_turn(review.id), items=[shown]), review_thread_id=live.id)


async def _copy(call: Call, source: LiveThread) -> LiveThread:
    """A copy of the thread, which the caller follows."""
    call.app.refuse_when_draining()
    with room_to_follow(call):
        live = await copied(call, ThreadForkParams(thread_id=source.id))
        live.attach(call.connection, turns=False)
    started = ThreadStartedNotification(thread=live.describe([]))
    call.app.outgoing.announce(frames.notification(notices.THREAD_STARTED, started))
    return live


def _checked(target: ReviewTarget) -> ReviewTarget:
    """The target with its words trimmed. Raises :class:`~protocol.errors.RpcError` if one of them is missing."""
    match target:
        case BaseBranch():
            return replace(target, branch=_words("branch", target.branch))
        case Commit():
            return replace(target, sha=_words("sha", target.sha), title=(target.title or "").strip() or None)
        case Custom():
            return replace(target, instructions=_words("instructions", target.instructions))
        case _:
            return target


def _words(name: str, given: str) -> str:
    if not given.strip():
        raise invalid_request(f"{name} must not be empty")
    return given.strip()
