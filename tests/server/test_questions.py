"""The register of open questions: one answer each, whoever comes first, and an end that is told once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec import Raw

from protocol.approval import DynamicToolCallParams, TextContent, UserInputAnswer, UserInputParams, UserInputResponse
from protocol.asks import DYNAMIC_TOOL_CALL, USER_INPUT
from protocol.errors import ErrorBody
from protocol.frames import Message, Question
from protocol.jsonrpc import Error, Response
from protocol.method import Ask
from protocol.scope import SCOPES
from protocol.wire import encode
from server.questions import Questions
from server.subscriptions import Subscriptions

PARAMS = UserInputParams(thread_id="t", turn_id="u", item_id="i", questions=[])
CALL = DynamicToolCallParams(thread_id="t", turn_id="u", call_id="i", tool="x", arguments={})


class One:
    """A connection that only counts; ``number`` names it."""

    scopes = frozenset(SCOPES)

    def __init__(self, number: int) -> None:
        self.number = number


class Thread:
    """A thread that remembers what it was told, in order."""

    id = "t"

    def __init__(self) -> None:
        self.said: list[str] = []

    def broadcast(self, message: Message) -> None:
        self.said.append(str(message.method))

    def waits(self, ask: Ask[Any, Any], count: int) -> None:
        self.said.append(f"waits {count:+}")


class Way:
    """The way out, which goes nowhere but into the thread's memory."""

    def __init__(self, thread: Thread) -> None:
        self._thread = thread

    def broadcast(self, thread_id: str, question: Question) -> None:
        self._thread.said.append("question")


def chosen(word: str, number: int) -> Response:
    return Response(id=number, result=Raw(encode(UserInputResponse(answers={"q": UserInputAnswer(answers=[word])}))))


def opened() -> tuple[Any, Thread, list[Any]]:
    """The register, a thread, and two connections that follow it."""
    thread, subscriptions, ones = Thread(), Subscriptions[Any](), [One(1), One(2)]
    for each in ones:
        subscriptions.open(each)
        subscriptions.subscribe(each, "t")
    return Questions(Way(thread), subscriptions), thread, ones  # type: ignore[arg-type]


async def put(questions: Any, thread: Thread, ask: Any = USER_INPUT, params: Any = PARAMS) -> asyncio.Task[Any]:
    """Ask, and come back when it is asked."""
    task = asyncio.create_task(questions.put(thread, ask, params))
    await asyncio.sleep(0)
    return task


async def test_of_two_answers_in_one_turn_of_the_loop_the_first_one_counts_a_thousand_times() -> None:
    questions, thread, ones = opened()
    for number in range(1_000):
        asked = await put(questions, thread)
        first, second = ones if number % 2 else ones[::-1]
        questions.answer(first, chosen("first", number))
        questions.answer(second, chosen("second", number))
        assert (await asked).answers["q"].answers == ["first"]
    once = ["waits +1", "question", "serverRequest/resolved", "waits -1"]
    assert thread.said == once * 1_000
    assert questions.of("t") == []


async def test_an_answer_and_a_withdrawal_in_one_turn_of_the_loop_are_one_end() -> None:
    for answer_first in (True, False):
        questions, thread, ones = opened()
        asked = await put(questions, thread)
        if answer_first:
            questions.answer(ones[0], chosen("late", 0))
        asked.cancel()
        if not answer_first:
            questions.answer(ones[0], chosen("late", 0))
        await asyncio.wait({asked})
        assert thread.said.count("serverRequest/resolved") == thread.said.count("waits -1") == 1


async def test_what_stands_between_the_status_and_the_question_is_said_there() -> None:
    questions, thread, ones = opened()
    asked = asyncio.create_task(questions.put(thread, USER_INPUT, PARAMS, lambda: thread.said.append("item")))
    await asyncio.sleep(0)
    assert thread.said == ["waits +1", "item", "question"]
    questions.answer(ones[0], chosen("x", 0))
    await asked


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Error(id=0, error=ErrorBody(code=1, message="no")), "dynamic tool request failed"),
        (Response(id=0, result=Raw(b"{}")), "dynamic tool response was invalid"),
        (Response(id=0, result=Raw(b"[" * 100_000)), "dynamic tool response was invalid"),
    ],
    ids=["an error", "no sense", "too deep"],
)
async def test_a_tool_of_a_client_fails_with_a_reason(answer: Any, text: str) -> None:
    questions, thread, ones = opened()
    asked = await put(questions, thread, DYNAMIC_TOOL_CALL, CALL)
    questions.answer(ones[0], answer)
    result = await asked
    assert (result.success, result.content_items) == (False, [TextContent(text=text)])
    assert "serverRequest/resolved" not in thread.said
