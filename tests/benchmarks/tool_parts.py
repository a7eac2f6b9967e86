"""Where the time of a call goes in our server: its parts alone, in this process, with a history of many calls."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from protocol import frames, notices
from protocol.item import CommandExecution
from protocol.item_notices import ItemStartedNotification
from protocol.wire import encode
from rollout.lines import ResponseItem
from rollout.model_items import Item
from rollout.recorder import Recorder
from rollout.requests import Growing
from server.commands.child import Child, Launch
from server.engine.tools.exec_command import ExecCommand
from server.engine.tools.update_plan import UpdatePlan
from server.engine.tools.write_stdin import WriteStdin
from server.providers.provider import ModelRequest
from server.providers.responses_request import body
from tests.benchmarks.contest import Values
from tests.support.model import ARGUMENTS

_CALL: Item = {"type": "function_call", "name": "exec_command", "arguments": json.dumps(ARGUMENTS["exec_command"])}
_OUTPUT: Item = {"type": "function_call_output", "output": "Process exited with code 0\nOutput:\n"}
_NAME = "0190d7a0-0000-7000-8000-000000000000"
_ITEM = CommandExecution(id="call_1", command="true", cwd="/", command_actions=[], status="inProgress")
_STARTED = ItemStartedNotification(thread_id=_NAME, turn_id=_NAME, item=_ITEM, started_at_ms=0)
_OFFERED = (ExecCommand(), WriteStdin(), UpdatePlan())
_ROUNDS = 20


async def parts(calls: int) -> Values:
    """In milliseconds, the quickest of some tries."""
    history = [item | {"call_id": f"call_{at}"} for at in range(calls) for item in (_CALL, _OUTPUT)]
    growing = Growing()
    growing.take(history)
    request = ModelRequest(model="m", thread_id=_NAME, turn_id=_NAME, input=history, encoded_input=growing.encoded)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        recorder = Recorder.new(Path(folder) / "rollout.jsonl")
        recorder.materialise()
        written = _quickest(lambda: recorder.append(*(ResponseItem(payload=item) for item in history[:2])))
        recorder.close()
    return {
        f"part: a history of {calls} calls made into items, once a turn (ms)": _quickest(
            lambda: Growing().take(history)
        ),
        "part: one more call and its answer taken in (ms)": _quickest(lambda: _one_more(growing, history)),
        "part: the request put together (ms)": _quickest(lambda: body(request, _NAME)),
        "part: the tools offered (ms)": _quickest(lambda: encode([tool.offer() for tool in _OFFERED])),
        "part: a call and its answer written to the rollout (ms)": written,
        "part: one notification of an item (ms)": _quickest(
            lambda: frames.notification(notices.ITEM_STARTED, _STARTED)
        ),
        "part: a command without walls, from its start to its end (ms)": await _command(),
    }


def _one_more(growing: Growing, history: list[Item]) -> None:
    call_id = f"call_{len(history)}"
    history += [_CALL | {"call_id": call_id}, _OUTPUT | {"call_id": call_id}]
    growing.take(history)


async def _command() -> float:
    took = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        child = await Child.start(Launch(argv=["true"], cwd="/", env={"PATH": "/bin:/usr/bin"}))
        await child.wait()
        await child.close()
        took.append(time.perf_counter() - begun)
        await asyncio.sleep(0)
    return min(took) * 1000


def _quickest(work: Callable[[], object]) -> float:
    took = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took) * 1000
