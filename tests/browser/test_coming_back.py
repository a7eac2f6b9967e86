"""What a tab shows after its connection broke: all of it, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from server.providers.scripted import Gate, Response, completed, message, reasoning
from tests.browser.house import cut
from tests.browser.tab import Browser, Tab
from tests.support.harness import Server, running

pytestmark = pytest.mark.chromium

PIECES = [f"{number} " for number in range(300)]
"""Text of which every letter has its one place."""

BROKEN = ("WebSocket connection", "Failed to load resource", "ERR_INTERNET_DISCONNECTED")


def gates(count: int) -> list[Gate]:
    return [Gate() for _ in range(count)]


def told(stops: list[Gate]) -> list[str | Gate]:
    """The pieces, with stops evenly between them."""
    share = len(PIECES) // (len(stops) + 1)
    deltas: list[str | Gate] = []
    for at, piece in enumerate(PIECES):
        if at and at % share == 0 and at // share <= len(stops):
            deltas.append(stops[at // share - 1])
        deltas.append(piece)
    return deltas


def so_far(stops: list[Gate], passed: int) -> str:
    """The text before the ``passed + 1``-th stop."""
    return "".join(PIECES[: (passed + 1) * (len(PIECES) // (len(stops) + 1))]).strip()


async def streaming(browser: Browser, server: Server) -> tuple[Tab, Tab]:
    """Two tabs on a thread whose turn has begun; one of them keeps its connection only if all do."""
    client = await server.client()
    thread = (await client.call("thread/start"))["thread"]["id"]
    await client.call("thread/unsubscribe", threadId=thread)
    one = await (await browser.tab(server.http)).attached(thread)
    two = await (await browser.tab(server.http)).attached(thread)
    for tab in (one, two):
        tab.expected += BROKEN
    await one.say("Count")
    return one, two


async def test_a_cut_socket_loses_and_doubles_no_letter(tmp_path: Path, browser: Browser) -> None:
    stops = gates(3)
    script: Response = [reasoning("**Counting**\n\nFrom nought."), message(deltas=told(stops)), completed()]
    async with running(tmp_path, script) as server:
        tabs = await streaming(browser, server)
        for passed, stop in enumerate(stops):
            await stop.reached.wait()
            for tab in tabs:
                await expect(tab.answers).to_have_text(so_far(stops, passed))
            assert cut(server) >= 2
            stop.open()
        for tab in tabs:
            await expect(tab.answers).to_have_text("".join(PIECES).strip())
            await expect(tab.page.locator(".row-user")).to_have_count(1)
            await expect(tab.page.locator(".row-reasoning")).to_have_count(1)
            await expect(tab.page.locator(".foot")).to_have_count(1)
            await expect(tab.link).to_have_text("Live")
            await expect(tab.page.get_by_test_id("usage-table").locator("tbody tr")).to_have_count(1)
        await browser.close()


async def test_a_lost_network_is_told_and_what_happened_meanwhile_comes_after_it(
    tmp_path: Path, browser: Browser
) -> None:
    stops = gates(2)
    async with running(tmp_path, [message(deltas=told(stops)), completed()]) as server:
        away, stayed = await streaming(browser, server)
        await stops[0].reached.wait()
        await expect(away.answers).to_have_text(so_far(stops, 0))
        await away.page.context.set_offline(True)
        await expect(away.link).to_have_text("Connection lost. Trying again…")
        stops[0].open()
        await stops[1].reached.wait()
        await expect(stayed.answers).to_have_text(so_far(stops, 1))
        await expect(away.answers).to_have_text(so_far(stops, 0))
        await away.page.context.set_offline(False)
        await expect(away.link).to_have_text("Live")
        await expect(away.answers).to_have_text(so_far(stops, 1))
        stops[1].open()
        for tab in (away, stayed):
            await expect(tab.answers).to_have_text("".join(PIECES).strip())
        await browser.close()


async def test_what_is_said_without_a_connection_is_sent_once_when_it_is_back(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path, [message("one"), completed()], [message("two"), completed()]) as server:
        tab, _ = await streaming(browser, server)
        await expect(tab.answers).to_have_count(1)
        await tab.page.context.set_offline(True)
        await expect(tab.link).to_have_text("Connection lost. Trying again…")
        await tab.say("Are you there?")
        await expect(tab.page.locator(".pending li")).to_contain_text("Are you there?")
        await tab.page.context.set_offline(False)
        await expect(tab.answers).to_have_text(["one", "two"])
        await expect(tab.page.locator(".row-user")).to_have_text(["Count", "Are you there?"])
        await expect(tab.page.locator(".pending li")).to_have_count(0)
        assert len(server.provider.requests) == 2
        await browser.close()


async def test_a_server_that_was_started_again_is_found_and_the_thread_is_whole(
    tmp_path: Path, browser: Browser
) -> None:
    async with running(tmp_path, [message("before"), completed()]) as server:
        tab, _ = await streaming(browser, server)
        await expect(tab.answers).to_have_text("before")
        await expect(tab.page.locator(".foot")).to_have_count(1)
        port = server.app.listener.port
    await expect(tab.link).to_have_text("Connection lost. Trying again…")
    flags: dict[str, str | None] = {"listen": f"ws://127.0.0.1:{port}"}
    async with running(tmp_path, [message("after"), completed()], flags=flags) as server:
        await expect(tab.link).to_have_text("Live")
        await tab.say("Still there?")
        await expect(tab.answers).to_have_text(["before", "after"])
        await expect(tab.page.locator(".row-user")).to_have_text(["Count", "Still there?"])
        await browser.close()
