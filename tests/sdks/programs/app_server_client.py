"""codex-app-server-client, asynchronous and synchronous. Argument: the codex to start."""

import asyncio
import json
import sys

from codex_app_server_client import CodexAppServer, SyncCodexAppServer


async def main(codex: str) -> None:
    """Begin with one of its two forms, go on with the other."""
    async with CodexAppServer(codex_bin=codex) as app:
        thread = await app.start_thread()
        first = await thread.run("Hello")
        streamed = [type(event).__name__ async for event in thread.run_streamed("More")]
    again = await asyncio.to_thread(go_on, codex, thread.id)
    seen = {"thread": thread.id, "text": first.final_response, "streamed": streamed, "again": again}
    print(json.dumps(seen))


def go_on(codex: str, thread_id: str) -> str:
    """Resume the thread with the synchronous client."""
    with SyncCodexAppServer(codex_bin=codex) as app:
        return app.resume_thread(thread_id).run("Again").final_response


asyncio.run(main(sys.argv[1]))
