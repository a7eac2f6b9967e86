import gc
import threading

from server.offload import MANY, made_to_stay, off_the_loop


async def test_few_items_are_worked_on_at_once_and_many_in_a_thread() -> None:
    here = threading.get_ident()
    assert await off_the_loop(MANY - 1, threading.get_ident) == here
    assert await off_the_loop(MANY, threading.get_ident) != here


async def test_what_is_made_to_stay_is_out_of_the_collectors_sight_and_the_collector_goes_on() -> None:
    before = gc.get_freeze_count()
    try:
        made = await made_to_stay(lambda: [{"number": number} for number in range(1000)])
        assert len(made) == 1000
        assert gc.get_freeze_count() >= before + 1000
        assert gc.isenabled()
    finally:
        gc.unfreeze()


async def test_the_collector_goes_on_after_a_failure_too() -> None:
    def fail() -> None:
        raise ValueError

    try:
        await made_to_stay(fail)
    except ValueError:
        assert gc.isenabled()
    else:
        raise AssertionError("the failure was swallowed")
