"""The benchmarks with a crowd: a thousand clients that join one thread, and connections that say nothing."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Sequence

import msgspec
import picows

from tests.benchmarks import stored
from tests.benchmarks.contest import (
    Contestant,
    DeliveryError,
    Peak,
    Values,
    cpu_seconds,
    new_home,
    raise_file_limit,
    resident_mb,
    running,
)
from tests.benchmarks.load import PATIENCE, C, Connection, LoadError, connect_as, start_thread
from tests.benchmarks.sizes import Sizes
from tests.support.app_server import serving

AT_ONCE = 25
"""Connections that are opened at the same time; some servers refuse the handshakes of more."""

AGAIN = 0.02
"""Seconds after which a client asks again that was refused because the server had too much to do."""

SETTLED = 0.5
"""Seconds after which memory is looked at."""

SPARE_FILES = 200
"""Open files that the connections must leave to everything else."""

MOST = 4_000.0
"""MB that a server may take before it is ended."""

_STAMP = b',"emittedAtMs"'
"""With it the newest codex begins the end of a notification; the time in it differs."""

_REFUSED = re.compile(rb'\{"(id":"join","error"|error":)')

_NAMED = b'"thread/name/updated"'


class Joiner(Connection):
    """Notes what comes after it asked for a thread: kinds in order, and what the messages were."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []
        self.digests: list[bytes] = []
        self.ready: asyncio.Future[None] | None = None
        self.refused = 0
        self._thread_id = ""

    def join(self, thread_id: str) -> asyncio.Future[None]:
        """Ask to resume it; done when the usage replay is there."""
        self.ready = asyncio.get_running_loop().create_future()
        self._thread_id = thread_id
        self._ask()
        return self.ready

    def _ask(self) -> None:
        self._send({"id": "join", "method": "thread/resume", "params": {"threadId": self._thread_id}})

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if self.ready is None or frame.msg_type != picows.WSMsgType.TEXT:
            super().on_ws_frame(transport, frame)
            return
        payload = frame.get_payload_as_bytes()
        if payload.startswith(b'{"id":"join","result":'):
            kind = "reply"
        elif b'"thread/tokenUsage/updated"' in payload[:60]:
            kind = "usage"
        else:
            if _REFUSED.match(payload):
                self.refused += 1
                asyncio.get_running_loop().call_later(AGAIN, self._ask)
            return
        self.kinds.append(kind)
        said = payload.partition(_STAMP)[0]
        self.digests.append(hashlib.blake2b(said, digest_size=8).digest())
        if kind == "usage" and not self.ready.done():
            self.ready.set_result(None)


class Idler(Connection):
    """Says nothing and notes the names that it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.wanted = 0
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        if _NAMED not in payload[:48]:
            super().on_ws_frame(transport, frame)
            return
        self.names.append(msgspec.json.decode(payload)["params"]["threadName"])
        if len(self.names) == self.wanted:
            self.heard.set_result(None)


async def attaches(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """Many clients resume one loaded thread at the same moment."""
    with new_home(model_url) as home:
        thread_id = stored.write_thread(home, 0, *sizes.joined_thread)
        async with serving(contestant.command, home) as server:
            first = (await open_all(Joiner, server.url, 1))[0]
            await asyncio.wait_for(first.join(thread_id), PATIENCE)
            before = cpu_seconds(server.pid)
            joiners = await open_all(Joiner, server.url, sizes.joiners)
            connected = cpu_seconds(server.pid)
            resident, begun = resident_mb(server.pid), time.perf_counter()
            ready = [joiner.join(thread_id) for joiner in joiners]
            await asyncio.wait(ready, timeout=PATIENCE)
            wall, spent = time.perf_counter() - begun, cpu_seconds(server.pid) - connected
            grown = resident_mb(server.pid) - resident
            await asyncio.sleep(SETTLED)  # for what must not come
            for joiner in (first, *joiners):
                joiner.close()
    right = _right(first, joiners)
    if contestant.judged and right < len(joiners):
        raise DeliveryError(f"{right} of {len(joiners)} got one reply and then one usage, the same as all others")
    return {
        "CPU per attach (ms)": spent * 1000 / len(joiners),
        "CPU per connection and handshake before that (ms)": (connected - before) * 1000 / len(joiners),
        "until all have it (ms)": wall * 1000,
        "refused for the moment, and asked again": sum(joiner.refused for joiner in joiners),
        "memory growth (MB)": grown,
        "right replays (%)": right * 100 / len(joiners),
    }


def _right(first: Joiner, joiners: list[Joiner]) -> int:
    """How many got one reply, then one usage, and the usage that the first one got; all replies are alike."""
    replies = {joiner.digests[0] for joiner in joiners if joiner.digests}
    alike = first.kinds == ["reply", "usage"] and len(replies) == 1
    return sum(joiner.kinds == first.kinds and joiner.digests[1] == first.digests[1] for joiner in joiners) * alike


async def idle(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """What connections cost that say nothing after their handshake."""
    async with running(contestant, model_url) as server:
        await asyncio.sleep(SETTLED)
        alone = resident_mb(server.pid)
        idlers = await open_all(Idler, server.url, sizes.idle)
        await asyncio.sleep(SETTLED)
        crowded = resident_mb(server.pid)
        _close(idlers)
    return {
        "idle server (MB)": alone,
        "with the connections (MB)": crowded,
        "per connection (kB)": (crowded - alone) * 1024 / sizes.idle,
    }


async def announce(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """As many idle connections as the machine allows; then something for all of them."""
    count = min(sizes.crowd, raise_file_limit(sizes.crowd + SPARE_FILES) - SPARE_FILES)
    names = [f"name {number}" for number in range(sizes.announcements)]
    async with running(contestant, model_url) as server, Peak(server.pid, MOST) as peak:
        author = (await open_all(Connection, server.url, 1))[0]
        thread_id = await start_thread(author)
        begun = time.perf_counter()
        idlers = await open_all(Idler, server.url, count)
        connecting = time.perf_counter() - begun
        held = resident_mb(server.pid)
        before, begun = cpu_seconds(server.pid), time.perf_counter()
        for idler in idlers:
            idler.wanted = len(names)
        renaming = [author.call("thread/name/set", threadId=thread_id, name=name) for name in names]
        await asyncio.gather(*renaming)
        await asyncio.wait([idler.heard for idler in idlers], timeout=PATIENCE)
        wall, spent = time.perf_counter() - begun, cpu_seconds(server.pid) - before
        _close([author, *idlers])
    if peak.over:
        raise LoadError(f"ended, for it took more than {MOST:.0f} MB")
    right = sum(idler.names == names for idler in idlers)
    if contestant.judged and right < count:
        raise DeliveryError(f"{right} of {count} connections heard all {len(names)} names in order")
    return {
        "connections held": count,
        "to connect all (s)": connecting,
        "memory with all (MB)": held,
        "most memory (MB)": peak.mb,
        "until all have it (ms)": wall * 1000,
        "CPU per delivery (µs)": spent * 1e6 / (count * len(names)),
        "connections that heard all, in order (%)": right * 100 / count,
    }


async def open_all(kind: type[C], url: str, count: int) -> list[C]:
    """So many connections after their handshake."""
    opened: list[C] = []
    while len(opened) < count:
        some = range(min(AT_ONCE, count - len(opened)))
        opened += await asyncio.gather(*(connect_as(kind, url) for _ in some))
    return opened


def _close(connections: Sequence[Connection]) -> None:
    for connection in connections:
        connection.close()
