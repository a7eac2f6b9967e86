"""The list and a thread: attach with history and usage, run a turn, see it grow, act on it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from protocol.dialects.versions import NEWEST
from server.providers.scripted import Gate, Response, completed, message, reasoning
from tests.browser import scenery
from tests.browser.house import OFFLINE
from tests.browser.tab import Browser
from tests.support.harness import running

pytestmark = pytest.mark.chromium

PATIENCE = 30.0
"""Seconds in which ten pages of threads may come."""

TO_END = "each => (each.scrollTop = each.scrollHeight, new Promise((drawn) => requestAnimationFrame(drawn)))"


async def test_five_hundred_threads_are_listed_page_by_page_and_found_by_their_words(
    tmp_path: Path, browser: Browser
) -> None:
    scenery.team(tmp_path, 500)
    async with running(tmp_path, config=OFFLINE) as server:
        tab = await (await browser.tab(server.http)).open()
        await expect(tab.threads.first).to_contain_text("(500)")
        await expect(tab.threads.first).to_contain_text("fix/scheduler")
        await expect(tab.threads.first).to_contain_text("tokens")
        count = tab.page.locator(".list-count")
        await expect(count).to_have_text(re.compile(r"^\d+ threads\+$"))
        async with asyncio.timeout(PATIENCE):
            while "build slow?\n" not in await tab.threads.last.inner_text():
                await tab.page.locator(".list-scroller").evaluate(TO_END)
        await expect(count).to_have_text("500 threads")
        await expect(tab.threads.last).to_contain_text("Why is the nightly build slow?")
        assert await tab.threads.count() < 60, "only what is near the screen has elements"
        await tab.page.get_by_label("Search threads").fill("scheduler (4")
        await expect(count).to_have_text("13 threads")
        await browser.close()


async def test_history_and_usage_are_there_before_any_turn_runs(tmp_path: Path, browser: Browser) -> None:
    thread = scenery.showcase(tmp_path)
    async with running(tmp_path, config=OFFLINE) as server:
        tab = await (await browser.tab(server.http)).attached(thread.thread_id)
        await expect(tab.answers.last).to_contain_text("Timeouts are retried, three times")
        await expect(tab.page.get_by_test_id("meter")).to_have_text("14%")
        rows = tab.page.get_by_test_id("usage-table").locator("tbody tr")
        await expect(rows).to_have_count(6)
        for turn in range(1, 7):
            spent = scenery.spent(turn).last_token_usage
            parts = [
                spent.cached_input_tokens,
                spent.input_tokens - spent.cached_input_tokens,
                spent.output_tokens - spent.reasoning_output_tokens,
                spent.reasoning_output_tokens,
                spent.total_tokens,
            ]
            assert (await rows.nth(turn - 1).inner_text()).split() == [str(turn), *map(str, parts)]
        await expect(tab.page.locator(".change")).to_contain_text("except TimeoutError:")
        await browser.close()


async def test_a_turn_of_the_offline_model_is_seen_as_it_grows(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path, config=OFFLINE) as server:
        tab = await (await browser.tab(server.http)).open()
        await tab.button("New thread").first.click()
        await tab.page.get_by_role("textbox", name="Folder").fill(str(tmp_path))
        await tab.button("Start").click()
        await tab.say("Good morning")
        await expect(tab.page.locator(".row-user")).to_contain_text("Good morning")
        await expect(tab.answers.last).to_contain_text("I am the offline model")
        await expect(tab.answers.last).to_contain_text("Good morning")
        await expect(tab.page.locator(".foot").last).to_contain_text("tokens")
        await expect(tab.page.get_by_test_id("usage-table").locator("tbody tr")).to_have_count(1)
        await tab.page.get_by_role("button", name="Reading the message").click()
        await expect(tab.page.locator(".row-reasoning")).to_contain_text("It has 12 characters.")
        await expect(tab.threads.first).to_contain_text("Good morning")
        await browser.close()


async def test_text_comes_letter_by_letter_and_may_be_steered_and_stopped(tmp_path: Path, browser: Browser) -> None:
    half, steered, never = Gate(), Gate(), Gate()
    script: list[Response] = [
        [reasoning("**Thinking hard**\n\nAbout it."), message(deltas=["First ", half, "half."]), steered, completed()],
        [message(deltas=["More ", never, "never."], id="msg-2"), completed()],
    ]
    async with running(tmp_path, *script) as server:
        client = await server.client()
        thread = (await client.call("thread/start"))["thread"]["id"]
        tab = await (await browser.tab(server.http)).attached(thread)
        await tab.say("Begin")
        await expect(tab.answers).to_have_text("First")
        await expect(tab.button("Stop the turn")).to_be_visible()
        late = await (await browser.tab(server.http)).attached(thread)
        await expect(late.answers).to_have_text("First")
        half.open()
        for each in (tab, late):
            await expect(each.answers).to_have_text("First half.")
        await tab.say("And this")
        await expect(tab.page.locator(".pending li")).to_contain_text("The model gets it next")
        steered.open()
        for each in (tab, late):
            await expect(each.page.locator(".row-user")).to_have_text(["Begin", "And this"])
            await expect(each.answers).to_have_text(["First half.", "More"])
        await expect(tab.page.locator(".pending li")).to_have_count(0)
        await late.button("Stop the turn").click()
        for each in (tab, late):
            await expect(each.page.locator(".foot").last).to_contain_text("Stopped")
            await expect(each.button("Stop the turn")).to_be_hidden()
        await browser.close()


async def test_a_thread_is_renamed_forked_archived_and_brought_back(tmp_path: Path, browser: Browser) -> None:
    thread = scenery.showcase(tmp_path)
    async with running(tmp_path, config=OFFLINE) as server:
        tab = await (await browser.tab(server.http)).attached(thread.thread_id)
        other = await (await browser.tab(server.http)).open()
        await tab.button("Rename").first.click()
        await tab.page.get_by_role("textbox", name="Name").fill("Patience with uploads")
        await tab.page.get_by_role("dialog").get_by_role("button", name="Rename").click()
        await expect(tab.page.locator("h1")).to_have_text("Patience with uploads")
        await expect(other.threads).to_contain_text(["Patience with uploads"])
        await tab.button("Fork").click()
        await expect(tab.threads).to_have_count(2)
        await expect(tab.answers.last).to_contain_text("Timeouts are retried")
        await expect(tab.page.get_by_test_id("usage-table").locator("tbody tr")).to_have_count(6)
        await tab.button("Archive").click()
        await expect(tab.threads).to_have_count(1)
        await expect(other.threads).to_have_count(1)
        await tab.button("Undo").click()
        await expect(tab.threads).to_have_count(2)
        await browser.close()


async def test_who_is_attached_is_told_in_list_and_head(tmp_path: Path, browser: Browser) -> None:
    thread = scenery.showcase(tmp_path)
    async with running(tmp_path, config=OFFLINE) as server:
        tab = await (await browser.tab(server.http)).open()
        people = tab.threads.first.locator(".people")
        await expect(people).to_have_count(0)
        client = await server.client("codex-tui")
        await client.call("thread/resume", threadId=thread.thread_id)
        await expect(people).to_contain_text("1")
        await expect(people).to_have_attribute("title", "codex-tui 1.0")
        await tab.threads.first.click()
        await expect(tab.page.locator(".fact-people")).to_have_text("2 clients")
        await client.close()
        await expect(people).to_contain_text("1")
        await expect(people).to_have_attribute("title", "threadcast-dashboard 1.0")
        await browser.close()


async def test_what_is_new_is_marked_until_somebody_has_seen_it(tmp_path: Path, browser: Browser) -> None:
    written = scenery.team(tmp_path, 2)
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client = await server.client(version=NEWEST)
        tab = await (await browser.tab(server.http)).attached(written[0].thread_id)
        await expect(tab.threads).to_have_count(2)
        await client.call("thread/resume", threadId=written[1].thread_id)
        await client.run_turn(written[1].thread_id, "something new")
        row = tab.page.locator(f'a[href="#/thread/{written[1].thread_id}"]')
        await expect(row.locator(".unread-mark")).to_be_visible()
        await row.click()
        await expect(tab.answers.last).to_have_text("hello")
        await client.hear("thread/readState/changed", threadId=written[1].thread_id)
        told = await client.hear("thread/readState/changed", threadId=written[1].thread_id)
        assert told["readState"]["firstUnread"] is None
        await browser.close()
