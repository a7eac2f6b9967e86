"""A tab of a real Chromium that shows the page, and what must not happen in any: errors, breaches of the policy of
contents, tasks that hold it up for long. Every wait is bounded by Playwright's own timeout."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, async_playwright, expect

from tests.support import chromium

PATIENCE_MS = 10_000

DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}

WATCH = """
window.__long = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.__long.push(Math.round(entry.duration));
}).observe({ type: "longtask", buffered: true });
window.__breaches = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.__breaches.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""

expect.set_options(timeout=PATIENCE_MS)


class Tab:
    """One tab. ``complaints``: what its console and its scripts complained of."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.expected: list[str] = []
        """Parts of complaints that this test provokes: a refused sign-in, a connection that was cut."""
        page.on("console", self._told)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    async def open(self, thread_id: str | None = None) -> Tab:
        """Show the page, with this thread open."""
        await self.page.goto(f"{self.url}/" + (f"#/thread/{thread_id}" if thread_id else ""))
        return self

    async def attached(self, thread_id: str) -> Tab:
        """Show this thread and wait until its rows are there."""
        await self.open(thread_id)
        await expect(self.stream).not_to_have_attribute("aria-busy", "true")
        return self

    # -- where things are --------------------------------------------------------------------------------------------

    @property
    def stream(self) -> Locator:
        """The rows of the open thread."""
        return self.page.locator(".rows")

    @property
    def answers(self) -> Locator:
        """What the model said."""
        return self.page.locator(".row-agent")

    @property
    def threads(self) -> Locator:
        """The rows of the list that have elements."""
        return self.page.locator(".thread-row")

    @property
    def cards(self) -> Locator:
        """What waits for a person."""
        return self.page.locator(".ask")

    @property
    def link(self) -> Locator:
        """What is said of the connection."""
        return self.page.locator(".link")

    def button(self, name: str) -> Locator:
        """The button of this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    # -- what a person does ------------------------------------------------------------------------------------------

    async def say(self, text: str) -> None:
        """Write a message and send it."""
        await self.page.get_by_label("Message").fill(text)
        await self.page.keyboard.press("Enter")

    # -- what must not happen ----------------------------------------------------------------------------------------

    async def long_tasks(self) -> list[int]:
        """How long, in milliseconds, tasks of more than 50 have taken since this was asked last."""
        found: list[int] = await self.page.evaluate("window.__long.splice(0)")
        return found

    async def blame(self) -> list[str]:
        """Errors and breaches so far, without those that were expected."""
        breaches: list[str] = await self.page.evaluate("window.__breaches ?? []")
        told = [text for text in self.complaints if not any(part in text for part in self.expected)]
        return told + breaches

    async def axe(self) -> list[str]:
        """What axe-core finds that is serious or worse: rule and element."""
        await self.page.evaluate(chromium.axe().read_text())
        found: dict[str, Any] = await self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


class Browser:
    """A browser; each tab has a context, and so cookies, of its own."""

    def __init__(self, browser: PlaywrightBrowser) -> None:
        self._browser = browser
        self._tabs: list[Tab] = []
        self.blamed: list[str] = []

    async def tab(self, url: str, **options: Any) -> Tab:
        """A new tab for the server at this http address. ``options`` as for ``new_context``."""
        context: BrowserContext = await self._browser.new_context(**(DESKTOP | options))
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(WATCH)
        tab = Tab(await context.new_page(), url.rstrip("/"))
        self._tabs.append(tab)
        return tab

    async def close(self) -> None:
        """Close all tabs, so that servers are left; what went wrong in them is in ``blamed``."""
        for tab in self._tabs:
            self.blamed += await tab.blame()
            await tab.page.context.close()
        self._tabs.clear()


@asynccontextmanager
async def chromium_running() -> AsyncIterator[Browser]:
    """A browser until the end of the block."""
    path = chromium.binary()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=Path(path) if path else None,
            args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
        )
        try:
            yield Browser(browser)
        finally:
            await browser.close()
