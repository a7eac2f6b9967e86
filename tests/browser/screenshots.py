"""Pictures of the page for the documents: ``python -m tests.browser.screenshots``. Look at them before they go in.

Writes docs/screenshots/*.png: the list, a thread, an approval, a phone, and the dark colours.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from server.providers.provider import ItemDone
from server.providers.scripted import Gate, Response, completed, message, reasoning
from tests.browser import scenery
from tests.browser.tab import Browser, Tab, chromium_running
from tests.support import rollouts
from tests.support.harness import CONFIG, Client, Server, running

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
SIZE: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 720}, "device_scale_factor": 2}

SETTLED = """
() => document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
"""

OLD = "import asyncio\n\nfrom storage.client import send\n\n\nasync def close() -> None:\n    await send(b'')\n"
PATCH = """\
*** Begin Patch
*** Update File: upload.py
@@
 async def close() -> None:
-    await send(b'')
+    \"\"\"Say that nothing follows; a server that is gone need not hear it.\"\"\"
+    try:
+        await send(b'')
+    except ConnectionError:
+        pass
*** End Patch
"""


def patch() -> Response:
    """An answer that thinks, says what it will do, and asks to do it."""
    item = {"type": "custom_tool_call", "name": "apply_patch", "call_id": "call-9", "input": PATCH}
    thought = reasoning("**Looking at how uploads end**\n\nClosing fails when the server is gone.")
    said = message("`close` fails in the same way. It needs no retry, only patience with a server that is gone.")
    return [thought, said, ItemDone(item=item), completed(36_400, 31_000, 420, 90)]


async def others(server: Server, threads: list[str]) -> list[Client]:
    """Colleagues at work."""
    clients = []
    for at, thread in enumerate(threads):
        client = await server.client(("codex-tui", "review-bot", "nightly")[at % 3])
        await client.call("thread/resume", threadId=thread)
        await client.start_turn(thread, "Go on, please.")
        clients.append(client)
    return clients


async def shoot(tab: Tab, name: str) -> None:
    """Take a picture once letters and sizes have settled."""
    await tab.page.evaluate(SETTLED)
    await tab.page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


async def shoot_all(server: Server, browser: Browser, thread: str) -> None:
    """All pictures of this server."""
    listed = await (await browser.tab(server.http, **SIZE)).open()
    await expect(listed.threads.nth(5)).to_contain_text("tokens")
    await shoot(listed, "list")
    await listed.page.goto("about:blank")
    for name, options in (("thread", SIZE), ("dark", SIZE | {"color_scheme": "dark"}), ("phone", PHONE)):
        tab = await (await browser.tab(server.http, **options)).attached(thread)
        await expect(tab.answers.last).to_contain_text("The tests pass.")
        await expect(tab.page.locator(".foot").last).to_contain_text("tokens")
        await shoot(tab, name)
        await tab.page.goto("about:blank")
    tab = await (await browser.tab(server.http, **SIZE)).attached(thread)
    client = await server.client("codex-tui")
    await client.call("thread/resume", threadId=thread)
    await client.call(
        "turn/start",
        threadId=thread,
        input=[{"type": "text", "text": "And how does it end?"}],
        approvalPolicy="on-request",
        sandboxPolicy={"type": "readOnly"},
    )
    await expect(tab.cards).to_have_count(1)
    await shoot(tab, "approval")


async def main() -> None:
    """A team's afternoon, in pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    rollouts.BEGIN = datetime.now(UTC) - timedelta(hours=5)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "team" / "storage"
        work.mkdir(parents=True)
        (work / "upload.py").write_text(OLD)
        home = Path(folder) / "home"
        team = scenery.team(home, 40, apart=400)
        shown = scenery.showcase(home, number=17_000, cwd=str(work))
        hold = Gate()
        working: Response = [message(deltas=["Working", hold]), completed()]
        async with running(home, working, working, patch(), config=CONFIG) as server, chromium_running() as browser:
            await others(server, [team[-2].thread_id, team[-4].thread_id])
            await hold.reached.wait()
            await shoot_all(server, browser, shown.thread_id)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
