"""Rollouts for the browser to show: a team's threads with names and branches, one that shows every kind of item, one
that is long. Knows the rollout room and no server."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from rollout import events
from rollout.events import ThreadNameUpdated, TokenUsage, TokenUsageInfo
from rollout.lines import GitState
from tests.support.rollouts import RolloutBuilder, Written, command_end

WINDOW = 258_400

WORK = (
    ("Retry uploads that time out", "fix/upload-retry"),
    ("Why is the nightly build slow?", "main"),
    ("Split the billing module", "billing/split"),
    ("Types for the event stream", "types/events"),
    ("Flaky test in the scheduler", "fix/scheduler"),
    ("Describe the release steps", "docs/release"),
    ("Search that forgives typing errors", "search/fuzzy"),
    ("Remove the old settings page", "cleanup/settings"),
)

ANSWER = """\
The upload gives up after the first timeout because `send` treats every error alike. I made three changes:

1. **Timeouts are retried**, three times, with a pause that doubles.
2. Other errors fail at once, as before.
3. The last error is kept, so the log says why it gave up.

```python
async def upload(chunk: bytes, *, attempts: int = 3) -> None:
    for attempt in range(attempts):
        try:
            return await send(chunk)
        except TimeoutError:
            await asyncio.sleep(2**attempt)
```

The tests pass. One thing I left alone: `send` still opens a connection for each chunk.
"""

DIFF = """\
@@ -12,9 +12,14 @@
 from storage.client import send


-async def upload(chunk: bytes) -> None:
-    await send(chunk)
+async def upload(chunk: bytes, *, attempts: int = 3) -> None:
+    \"\"\"Send a chunk; a timeout is tried again, with longer and longer pauses.\"\"\"
+    for attempt in range(attempts):
+        try:
+            return await send(chunk)
+        except TimeoutError:
+            await asyncio.sleep(2**attempt)


 async def close() -> None:
"""

OUTPUT = "".join(f"tests/storage/test_{name + '.py':14} ....          [{at:3}%]\n" for name, at in (
    ("client", 8), ("chunks", 16), ("checksums", 25), ("deletion", 33), ("listing", 41), ("names", 50), ("paging", 58),
    ("quota", 66), ("resume", 75), ("retry", 83), ("sign", 91), ("upload", 100),
)) + "\n======================== 48 passed in 3.21s ========================\n"  # fmt: skip


def spent(turn: int, *, size: int = 1) -> TokenUsageInfo:
    """Usage after the ``turn``-th turn (from 1) in which each number is another and grows."""
    last = TokenUsage(
        input_tokens=(9_000 + 4_100 * turn) * size,
        cached_input_tokens=3_900 * turn * size,
        output_tokens=(700 + 310 * ((turn * 7) % 5)) * size,
        reasoning_output_tokens=(120 + 90 * ((turn * 3) % 4)) * size,
        total_tokens=(9_000 + 4_100 * turn + 700 + 310 * ((turn * 7) % 5)) * size,
    )
    before = spent(turn - 1, size=size).total_token_usage if turn > 1 else _NOTHING
    total = TokenUsage(
        input_tokens=before.input_tokens + last.input_tokens,
        cached_input_tokens=before.cached_input_tokens + last.cached_input_tokens,
        output_tokens=before.output_tokens + last.output_tokens,
        reasoning_output_tokens=before.reasoning_output_tokens + last.reasoning_output_tokens,
        total_tokens=before.total_tokens + last.total_tokens,
    )
    return TokenUsageInfo(total_token_usage=total, last_token_usage=last, model_context_window=WINDOW)


_NOTHING = TokenUsage(input_tokens=0, cached_input_tokens=0, output_tokens=0, reasoning_output_tokens=0, total_tokens=0)


def team(home: Path, count: int, apart: int = 1) -> list[Written]:
    """So many threads, the newest last, ``apart`` seconds from each other, named and on branches."""
    return [_colleague(home, number, apart) for number in range(1, count + 1)]


def _colleague(home: Path, number: int, apart: int) -> Written:
    name, branch = WORK[number % len(WORK)]
    label = name if number <= len(WORK) else f"{name} ({number})"
    builder = RolloutBuilder(home, number=number * apart, git=GitState(branch=branch), cwd="/home/team/storage")
    builder.turn(label, "Done.", spent(1 + number % 6))
    return builder.add(ThreadNameUpdated(thread_id=builder.thread_id, thread_name=label)).write()


def showcase(home: Path, number: int = 9000, cwd: str = "/home/team/storage") -> Written:
    """A thread with every kind of item, on which a demanding eye may rest."""
    builder = RolloutBuilder(home, number=number, git=GitState(branch="fix/upload-retry"), cwd=cwd)
    for part in range(1, 6):
        builder.turn(f"Look at part {part} of the client.", f"Part {part} is sound.", spent(part))
    builder.begin().say("Uploads fail when the network is slow. Make them try again, but only after timeouts.")
    turn = builder.turn_ids[-1]
    builder.add(
        events.AgentReasoning(text="**Finding where uploads fail**\n\nThe client has one place that sends chunks."),
        events.AgentMessage(message="I will look at the upload path and its tests first.", phase="commentary"),
        _ran(
            "call-1",
            turn,
            "rg -n 'def upload' storage",
            "storage/upload.py:15:async def upload(chunk: bytes) -> None:\n",
        ),
        events.PatchApplyEnd(
            call_id="call-2",
            turn_id=turn,
            stdout="",
            stderr="",
            success=True,
            status="completed",
            changes={f"{cwd}/upload.py": {"type": "update", "unified_diff": DIFF, "move_path": None}},
        ),
        _ran("call-3", turn, "pytest tests/storage", OUTPUT),
    )
    builder.answer(ANSWER).count(spent(6)).complete(ANSWER)
    builder.add(ThreadNameUpdated(thread_id=builder.thread_id, thread_name="Retry uploads that time out"))
    return builder.write()


def _ran(call_id: str, turn: str, command: str, output: str) -> events.ExecCommandEnd:
    return replace(command_end(call_id, turn, output), command=["/bin/bash", "-lc", command])


def long(home: Path, turns: int, items: int, number: int = 9500) -> Written:
    """A thread of ``turns`` turns, each with ``items`` items, every text another."""
    builder = RolloutBuilder(home, number=number)
    for at in range(1, turns + 1):
        builder.begin().say(f"Question {at}")
        for part in range(items - 2):
            builder.add(command_end(f"call-{at}-{part}", builder.turn_ids[-1], f"line {at}.{part}\n"))
        builder.answer(f"Answer {at}, " + "with words of some length. " * (at % 7)).count(spent(at)).complete()
    return builder.write()
