"""A client in a process of its own, which can be killed: ``python -m tests.stress.follower URL THREAD``.

It says ``following`` once it follows the thread, reads, and says ``hearing`` at the first piece of text.
"""

from __future__ import annotations

import asyncio
import sys

from tests.stress.wire import Wire


async def follow(url: str, thread_id: str) -> None:
    """Read until somebody ends this process."""
    wire = await Wire.client(url, numbered=True)
    await wire.call("thread/resume", threadId=thread_id)
    say("following")
    await wire.until(lambda message: message.get("method") == "item/agentMessage/delta")
    say("hearing")
    await wire.ended()


def say(word: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(follow(*sys.argv[1:]))
