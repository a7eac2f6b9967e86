import asyncio

from server.order import Lanes


async def test_a_lane_serves_first_come_first_served_and_one_at_a_time() -> None:
    lanes, log, gate = Lanes(), list[str](), asyncio.Event()

    async def work(name: str) -> None:
        async with lanes.turn("k"):
            log.append(f"{name} in")
            await gate.wait()
            log.append(f"{name} out")

    tasks = [asyncio.create_task(work(name)) for name in "abc"]
    await asyncio.sleep(0)
    assert log == ["a in"]
    gate.set()
    await asyncio.gather(*tasks)
    assert log == ["a in", "a out", "b in", "b out", "c in", "c out"]
    assert len(lanes) == 0


async def test_lanes_do_not_wait_for_each_other_and_no_key_waits_for_nobody() -> None:
    lanes, gate = Lanes(), asyncio.Event()

    async def hold(key: str | None) -> None:
        async with lanes.turn(key):
            await gate.wait()

    held = asyncio.create_task(hold("a"))
    await asyncio.sleep(0)
    async with asyncio.timeout(1), lanes.turn("b"), lanes.turn(None), lanes.turn(None):
        pass
    gate.set()
    await held


async def test_a_lane_goes_on_after_a_failure_and_a_cancellation() -> None:
    lanes, gate = Lanes(), asyncio.Event()

    async def hold() -> None:
        async with lanes.turn("a"):
            await gate.wait()
            raise ValueError

    held = asyncio.create_task(hold())
    waiting = asyncio.create_task(hold())
    await asyncio.sleep(0)
    waiting.cancel()
    gate.set()
    results = await asyncio.gather(held, waiting, return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, asyncio.CancelledError]
    async with asyncio.timeout(1), lanes.turn("a"):
        assert len(lanes) == 1
    assert len(lanes) == 0
