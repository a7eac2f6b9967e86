"""codex-app-server-sdk over stdio or WebSocket. Argument: the codex to start, or a ws address."""

import asyncio
import json
import sys

from codex_app_server_sdk import CodexClient, ThreadConfig


def connect(target: str) -> CodexClient:
    """The client for this target."""
    if target.startswith("ws:"):
        return CodexClient.connect_websocket(url=target)
    return CodexClient.connect_stdio(command=[target, "app-server"])


async def main(target: str) -> None:
    """Talk over one connection, then over the next one on the same threads."""
    async with connect(target) as client:
        thread = await client.start_thread(ThreadConfig(cwd="/"))
        first = await thread.chat_once("Hello")
        streamed = [step.step_type async for step in thread.chat("More")]
        await thread.set_name("Named by the SDK")
    async with connect(target) as client:
        again = await client.resume_thread(thread.thread_id)
        third = await again.chat_once("Again")
        fork = await again.fork()
    print(
        json.dumps(
            {
                "thread": thread.thread_id,
                "text": first.final_text,
                "streamed": streamed,
                "again": third.final_text,
                "fork": fork.thread_id,
            }
        )
    )


asyncio.run(main(sys.argv[1]))
