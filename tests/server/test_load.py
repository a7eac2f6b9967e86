"""What one connection may have asked for at once."""

from __future__ import annotations

import asyncio

from server.load import REFUSALS_PER_REQUEST, Load


def test_requests_are_open_up_to_a_number_and_again_when_one_was_answered() -> None:
    load = Load(requests=2, size=100)
    first, second = load.begin(1), load.begin(1)
    assert first is not None
    assert second is not None
    assert load.begin(1) is None
    load.end(first)
    assert load.begin(1) is not None


def test_requests_are_open_up_to_a_size_and_one_alone_may_have_any() -> None:
    load = Load(requests=10, size=100)
    large = load.begin(1000)
    assert large is not None
    assert load.begin(1) is None
    load.end(large)
    assert load.begin(60) is not None
    assert load.begin(50) is None
    assert load.begin(40) is not None


def test_a_refusal_comes_after_the_answers_to_what_was_asked_before_and_not_later() -> None:
    load, said = Load(requests=2, size=100), list[str]()
    first, second = load.begin(1), load.begin(1)
    assert first is not None
    assert second is not None
    load.refuse(lambda: said.append("refused"))
    load.end(second)
    third = load.begin(1)
    assert third is not None
    load.refuse(lambda: said.append("refused again"))
    assert said == []
    load.end(first)
    assert said == ["refused"]
    load.end(third)
    assert said == ["refused", "refused again"]


async def test_who_goes_on_all_the_same_is_not_read_from_until_it_has_answers() -> None:
    load = Load(requests=2, size=100)
    open_ones = [load.begin(1), load.begin(1)]
    for _ in range(2 * REFUSALS_PER_REQUEST):
        load.refuse(lambda: None)
    await load.pace()
    load.refuse(lambda: None)
    waiting = asyncio.ensure_future(load.pace())
    await asyncio.sleep(0)
    assert not waiting.done()
    for number in open_ones:
        assert number is not None
        load.end(number)
    async with asyncio.timeout(1):
        await waiting
