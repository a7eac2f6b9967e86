import asyncio
import re

from protocol import notices
from protocol.errors import TRY_AGAIN_LATER, Disconnect
from protocol.frames import Frame, told
from protocol.item_notices import AgentMessageDeltaNotification
from server.outbox import Outbox, Round


class FakeSocket:
    """A socket that records writes, and can be full or gone."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.open = True
        self.held = 0
        self.progress = 0
        self.wrote = asyncio.Event()
        self.room = asyncio.Event()
        self.room.set()

    def is_open(self) -> bool:
        return self.open

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.wrote.set()

    def write_parts(self, parts: list[bytes]) -> None:
        self.written += parts
        self.wrote.set()

    def unsent(self) -> int:
        self.held -= self.progress
        if self.progress and self.held < 500:
            self.room.set()
        return self.held

    def is_full(self) -> bool:
        return not self.room.is_set()

    async def drain(self) -> None:
        await self.room.wait()
        if not self.open:
            raise ConnectionResetError


def frame(text: str) -> Frame:
    """A notification."""
    made = Frame(text.encode())
    made.method = "some/method"
    return made


def delta(text: str) -> Frame:
    """A piece of an agent message."""
    params = AgentMessageDeltaNotification(thread_id="t", turn_id="u", item_id="i", delta=text)
    return told(notices.AGENT_MESSAGE_DELTA, params)


def reply(text: str) -> Frame:
    """The answer to a request."""
    return Frame(text.encode())


def outbox(socket: FakeSocket, limit: int = 1000, deadline: float = 60) -> tuple[Outbox, list[Disconnect]]:
    orders: list[Disconnect] = []
    return Outbox(socket, limit=limit, deadline=deadline, on_stuck=orders.append), orders


async def test_all_frames_of_one_loop_turn_leave_in_one_write_in_order() -> None:
    socket = FakeSocket()
    box, _ = outbox(socket)
    for text in "abc":
        box.put(frame(text))
    assert socket.written == []
    await asyncio.sleep(0)
    assert socket.written == [frame("a").data + frame("b").data + frame("c").data]
    box.put(frame("d"))
    await asyncio.sleep(0)
    assert socket.written[1:] == [frame("d").data]


async def test_a_frame_in_parts_is_written_as_it_is_and_in_order() -> None:
    socket = FakeSocket()
    box, orders = outbox(socket)
    long = Frame(b"[", [b"x" * 5000, b"]"])
    box.put(frame("a"))
    box.put(long)
    box.put(frame("b"))
    await asyncio.sleep(0)
    assert b"".join(socket.written) == frame("a").data + long.data + b"x" * 5000 + b"]" + frame("b").data
    assert any(part is long.rest[0] for part in socket.written)
    box.put(frame("c"))
    box.put(frame("d"))
    await asyncio.sleep(0)
    assert socket.written[-1] == frame("c").data + frame("d").data
    assert orders == []


async def test_a_full_socket_is_waited_for_and_then_gets_everything_in_order() -> None:
    socket = FakeSocket()
    box, orders = outbox(socket)
    socket.room.clear()
    box.put(frame("a"))
    await asyncio.sleep(0)
    box.put(frame("b"))
    assert socket.written == []
    socket.room.set()
    for _ in range(4):
        await asyncio.sleep(0)
    assert b"".join(socket.written) == frame("a").data + frame("b").data
    assert orders == []


async def test_more_than_the_limit_ends_the_connection_once_and_says_how_to_come_back() -> None:
    socket = FakeSocket()
    box, orders = outbox(socket, limit=50)
    socket.room.clear()
    for _ in range(10):
        box.put(frame("x" * 20))
    assert [order.code for order in orders] == [TRY_AGAIN_LATER]
    assert "reconnect" in orders[0].reason


async def test_much_at_once_is_no_reason_to_end_a_connection_that_takes_it() -> None:
    socket = FakeSocket()
    box, orders = outbox(socket, limit=50)
    for _ in range(10):
        box.put(frame("x" * 20))
    await asyncio.sleep(0)
    assert b"".join(socket.written) == frame("x" * 20).data * 10
    assert orders == []


async def test_one_notification_may_be_larger_than_the_limit_also_on_a_full_socket() -> None:
    socket = FakeSocket()
    box, orders = outbox(socket, limit=350)
    socket.room.clear()
    box.put(frame("x" * 500))
    box.put(frame("and more"))
    assert orders == []
    socket.room.set()
    await asyncio.wait_for(socket.wrote.wait(), 1)
    assert socket.written == [frame("x" * 500).data + frame("and more").data]


async def test_a_reply_of_any_size_goes_out_with_what_follows_it() -> None:
    socket = FakeSocket()
    box, orders = outbox(socket, limit=350)
    box.put(reply("x" * 5000))
    box.put(frame("usage"))
    await asyncio.sleep(0)
    assert socket.written == [reply("x" * 5000).data + frame("usage").data]
    assert orders == []


async def test_a_socket_that_takes_nothing_until_the_deadline_ends_the_connection() -> None:
    socket = FakeSocket()
    stuck: asyncio.Future[Disconnect] = asyncio.get_running_loop().create_future()
    box = Outbox(socket, limit=1000, deadline=0, on_stuck=stuck.set_result)
    socket.room.clear()
    box.put(frame("a"))
    order = await asyncio.wait_for(stuck, 1)
    assert order.code == TRY_AGAIN_LATER
    assert socket.written == []


async def test_a_socket_that_takes_a_little_now_and_then_is_given_time() -> None:
    socket = FakeSocket()
    box, orders = outbox(socket, deadline=0)
    socket.room.clear()
    socket.progress = 50
    socket.held = 1000
    box.put(frame("a"))
    await asyncio.wait_for(socket.wrote.wait(), 1)
    assert socket.written == [frame("a").data]
    assert orders == []


async def test_nothing_is_written_once_the_socket_is_closing() -> None:
    socket = FakeSocket()
    box, orders = outbox(socket)
    socket.open = False
    box.put(frame("a"))
    await asyncio.sleep(0)
    box.close()
    box.put(frame("b"))
    await asyncio.sleep(0)
    assert socket.written == []
    assert orders == []


async def test_closing_writes_what_waits() -> None:
    socket = FakeSocket()
    box, _ = outbox(socket)
    box.put(frame("a"))
    box.close()
    assert socket.written == [frame("a").data]


async def test_a_text_that_outgrows_the_limit_ends_the_connection_even_if_it_could_be_one_piece() -> None:
    socket = FakeSocket()
    box, orders = outbox(socket, limit=20_000)
    socket.room.clear()
    piece = AgentMessageDeltaNotification(thread_id="t", turn_id="u", item_id="i", delta="x" * 1000)
    for _ in range(60):
        box.put(told(notices.AGENT_MESSAGE_DELTA, piece))
    assert [order.code for order in orders] == [TRY_AGAIN_LATER]


async def test_a_socket_that_fails_keeps_nothing_from_the_others() -> None:
    class Failing(FakeSocket):
        def is_open(self) -> bool:
            raise OSError("broken")

    together, failures = Round(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    sockets = FakeSocket(), Failing(), FakeSocket()
    for socket in sockets:
        box = Outbox(socket, limit=1000, deadline=60, on_stuck=failures.append, together=together)
        box.put(frame("a"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert [socket.written for socket in sockets] == [[frame("a").data], [], [frame("a").data]]
    assert len(failures) == 1


async def test_pieces_of_a_text_that_wait_leave_as_one() -> None:
    socket = FakeSocket()
    socket.room.clear()
    box, orders = outbox(socket, limit=10_000)
    for number in range(100):
        box.put(delta(f"{number} "))
    assert orders == []
    socket.room.set()
    async with asyncio.timeout(1):
        await socket.wrote.wait()
    (written,) = socket.written
    assert written.count(b"item/agentMessage/delta") < 40
    said = "".join(re.findall(r'"delta":"([^"]*)"', written.decode(errors="replace")))
    assert said == "".join(f"{number} " for number in range(100))
