"""Turns encoded once, in parts."""

from __future__ import annotations

from msgspec import json
from msgspec.structs import replace

from protocol.dialects.versions import V0_125
from protocol.item import AgentMessage
from protocol.turn import Turn
from protocol.wire import Encoded
from server.threads.encoded_turns import PART, EncodedTurns


def turn(number: int, size: int = 10) -> Turn:
    return Turn(id=str(number), items=[AgentMessage(id="i", text="x" * size)], status="completed")


def told(encoded: Encoded) -> list[Turn]:
    return json.decode(b"".join(encoded.parts), type=list[Turn])


def test_no_turns_are_an_empty_list() -> None:
    assert told(EncodedTurns().of([], V0_125)) == []


def test_stored_turns_come_in_order_and_the_running_one_last() -> None:
    turns, running = [turn(number) for number in range(5)], replace(turn(9), status="inProgress")
    assert told(EncodedTurns().of(turns, V0_125, running)) == [*turns, running]
    assert told(EncodedTurns().of([], V0_125, running)) == [running]


def test_no_stored_turn_is_in_progress() -> None:
    unfinished = replace(turn(1), status="inProgress")
    assert told(EncodedTurns().of([unfinished], V0_125)) == [replace(unfinished, status="interrupted")]


def test_parts_before_the_first_change_are_the_same_bytes() -> None:
    encoded, turns = EncodedTurns(), [turn(number, PART) for number in range(4)]
    first = encoded.of(turns, V0_125).parts
    changed = [*turns[:2], turn(2, PART), turns[3], turn(4)]
    second = encoded.of(changed, V0_125)
    assert told(second) == changed
    assert [part for part in first if len(part) > PART][:2] == [part for part in second.parts if len(part) > PART][:2]
    assert all(one is other for one, other in zip(first[:4], second.parts[:4], strict=True))


def test_turns_that_were_rolled_back_are_gone() -> None:
    encoded, turns = EncodedTurns(), [turn(number) for number in range(5)]
    encoded.of(turns, V0_125)
    assert told(encoded.of(turns[:2], V0_125)) == turns[:2]
    assert told(encoded.of([*turns[:2], turn(7)], V0_125)) == [*turns[:2], turn(7)]
