"""The benchmark with a client that stops reading: what that costs the server and those who read on.

Each turn fails in the end, so that no server keeps what the model said: only what waits to be sent takes memory.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed

from tests.benchmarks.contest import Contestant, DeliveryError, Peak, Values, running
from tests.benchmarks.fanout import join, turn_for_all
from tests.benchmarks.load import Connection, LoadError, connect, start_thread
from tests.benchmarks.sizes import Sizes
from tests.support.app_server import AppServer
from tests.support.model import FILLER

READERS = 5

PER_TURN = 2_000_000
"""Characters that the model says in one turn."""

LONG, SHORT = 4_000, 20
"""Characters of a delta: so long that nothing is won by putting deltas together, and as long as a real one."""

BRIEF = 800_000
"""Characters that are said in short deltas: less than the server keeps for one client."""

MOST = 4_000.0
"""MB that a server may take before it is ended."""

QUIET = 2.0
"""Seconds of silence after which the one that reads again has all that there is."""

TRY_AGAIN_LATER = 1013


@dataclass(frozen=True)
class Case:
    """Turns of so many deltas of so many characters each; ``stalls``: one client reads none of it."""

    turns: int
    deltas: int
    size: int
    stalls: bool

    @property
    def characters(self) -> int:
        """All that is said."""
        return self.turns * self.deltas * self.size


@dataclass
class Outcome:
    """``wall``: seconds until the readers had all. ``growth`` in MB. The rest is what the stalled one got, if any."""

    wall: float
    growth: float
    characters: int = 0
    code: int | None = None
    reason: str = ""


async def stalled(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """A long stall and a brief one; beside the long one the same without anybody who stalls, in turns."""
    megabytes = sizes.stalled_mb if contestant.judged else sizes.stalled_mb_of_rivals
    turns = int(megabytes * 1e6) // PER_TURN
    outcomes: dict[bool, list[Outcome]] = {False: [], True: []}
    for _ in range(sizes.stalled_repeats if contestant.judged else 1):
        for stalls in outcomes:
            case = Case(turns, PER_TURN // LONG, LONG, stalls)
            outcomes[stalls].append(await _play(contestant, model_url, case))
    brief_case = Case(1, BRIEF // SHORT, SHORT, stalls=True)
    brief = await _play(contestant, model_url, brief_case)
    undisturbed, disturbed = (min(outcome.wall for outcome in outcomes[stalls]) for stalls in (False, True))
    return {
        "said in long deltas (MB)": megabytes,
        "nobody stalls: memory growth (MB)": max(outcome.growth for outcome in outcomes[False]),
        "nobody stalls: until five have all (s)": undisturbed,
        "one stalls: memory growth (MB)": max(outcome.growth for outcome in outcomes[True]),
        "one stalls: until five have all (s)": disturbed,
        "one stalls: time against nobody (%)": disturbed * 100 / undisturbed,
        "one stalls: close code it gets": outcomes[True][0].code or 0,
        "brief stall under short deltas: memory growth (MB)": brief.growth,
        "brief stall: text that it gets (%)": brief.characters * 100 / brief_case.characters,
    }


async def _play(contestant: Contestant, model_url: str, case: Case) -> Outcome:
    async with running(contestant, model_url) as server:
        author = await connect(server.url)
        thread_id = await start_thread(author)
        await author.call("thread/unsubscribe", threadId=thread_id)
        readers = await join(Connection, server.url, thread_id, READERS)
        await turn_for_all(readers, thread_id, "hello")  # what a server loads for its first turn is not what is asked
        lazy = await _follow(server, thread_id) if case.stalls else None
        outcome = await _say_all(server, thread_id, readers, case)
        if lazy is not None:
            await _read_on(lazy, outcome)
        for connection in (author, *readers):
            connection.close()
    if contestant.judged:
        _judge(case, readers, outcome)
    return outcome


async def _say_all(server: AppServer, thread_id: str, readers: list[Connection], case: Case) -> Outcome:
    async with Peak(server.pid, MOST) as peak:
        begun = time.perf_counter()
        for _ in range(case.turns):
            await turn_for_all(readers, thread_id, f"deltas:{case.deltas}:{case.size}:0 and fail")
        wall = time.perf_counter() - begun
    if peak.over:
        raise LoadError(f"ended, for it took more than {MOST:.0f} MB")
    return Outcome(wall, peak.growth)


async def _follow(server: AppServer, thread_id: str) -> ClientConnection:
    """A client that follows the thread, and reads nothing more while nobody asks it to."""
    client = await connect_websocket(
        server.url, max_size=None, max_queue=1, compression=None, ping_interval=None, close_timeout=1
    )
    hello = {"clientInfo": {"name": "bench", "title": None, "version": "1"}, "capabilities": {}}
    for number, (method, params) in enumerate((("initialize", hello), ("thread/resume", {"threadId": thread_id}))):
        await client.send(json.dumps({"id": number, "method": method, "params": params}))
        while json.loads(await client.recv()).get("id") != number:
            pass
        if not number:
            await client.send('{"method":"initialized"}')
    return client


async def _read_on(lazy: ClientConnection, outcome: Outcome) -> None:
    """Read what there is, until the end of the connection or of the news."""
    try:
        while True:
            text = await asyncio.wait_for(lazy.recv(decode=False), QUIET)
            if b'"item/agentMessage/delta"' in text[:64]:
                outcome.characters += text.rfind(FILLER.encode()) - text.find(FILLER.encode()) + 1
    except TimeoutError:
        await lazy.close()
    except ConnectionClosed as closed:
        outcome.code = closed.rcvd.code if closed.rcvd is not None else 1006
        outcome.reason = closed.rcvd.reason if closed.rcvd is not None else ""


def _judge(case: Case, readers: list[Connection], outcome: Outcome) -> None:
    """Readers get every character; who stalled gets every character too, or is told to come again."""
    got = [reader.filler for reader in readers]
    if got != [case.characters] * READERS:
        raise DeliveryError(f"the readers got {got} characters of {case.characters}")
    told = outcome.code == TRY_AGAIN_LATER and outcome.reason
    if case.stalls and not told and outcome.characters != case.characters:
        end = f"{outcome.characters} of {case.characters} characters, close code {outcome.code}"
        raise DeliveryError(f"the stalled reader got {end}")
