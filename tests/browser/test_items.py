"""The kinds of items that a turn shows besides text: plans, failures, pictures, long output, reasoning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import expect

from server.errors import TurnError
from server.providers.scripted import completed, function_call, message
from tests.browser.tab import Browser
from tests.support.harness import running
from tests.support.rollouts import RolloutBuilder, command_end

pytestmark = pytest.mark.chromium

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
STEPS = [
    {"step": "Look around", "status": "completed"},
    {"step": "Change it", "status": "in_progress"},
    {"step": "Look again", "status": "pending"},
]


async def test_a_list_of_work_is_shown_as_it_goes_on_and_a_failed_turn_says_why(
    tmp_path: Path, browser: Browser
) -> None:
    calls = function_call("update_plan", json.dumps({"plan": STEPS}))
    failure = TurnError("the model is on holiday")
    async with running(tmp_path, [calls, completed()], [failure]) as server:
        client = await server.client()
        thread = (await client.call("thread/start"))["thread"]["id"]
        tab = await (await browser.tab(server.http)).attached(thread)
        await tab.say("Work")
        await expect(tab.page.locator(".step")).to_have_text(["Look around", "Change it", "Look again"])
        await expect(tab.page.locator(".row-todo")).to_contain_text("1 of 3")
        await expect(tab.page.locator(".step").nth(1).get_by_role("img")).to_have_attribute("aria-label", "Now")
        await expect(tab.page.locator(".callout.failed")).to_contain_text("the model is on holiday")
        await expect(tab.threads.first.locator(".dot-error")).to_be_visible()
        assert await tab.axe() == []
        await browser.close()


async def test_pictures_in_a_message_are_shown_and_those_elsewhere_are_not_fetched(
    tmp_path: Path, browser: Browser
) -> None:
    async with running(tmp_path, [message("seen"), completed()]) as server:
        client = await server.client()
        thread = (await client.call("thread/start"))["thread"]["id"]
        content = [
            {"type": "text", "text": "Look"},
            {"type": "image", "url": PIXEL},
            {"type": "image", "url": "https://elsewhere.example/spy.png"},
        ]
        await client.call("turn/start", threadId=thread, input=content)
        tab = await (await browser.tab(server.http)).attached(thread)
        await expect(tab.answers).to_have_text("seen")
        await expect(tab.page.locator(".picture")).to_have_count(1)
        await expect(tab.page.locator(".row-user")).to_contain_text("https://elsewhere.example/spy.png")
        await browser.close()


async def test_long_output_shows_its_end_and_unfolds_by_key(tmp_path: Path, browser: Browser) -> None:
    builder = RolloutBuilder(tmp_path, provider="scripted").begin().say("Count")
    output = "".join(f"line {number}\n" for number in range(40))
    builder.add(command_end("call-1", builder.turn_ids[-1], output)).answer("Counted.").complete()
    thread = builder.write()
    async with running(tmp_path) as server:
        tab = await (await browser.tab(server.http)).attached(thread.thread_id)
        shown = tab.page.locator(".output")
        await expect(shown).to_contain_text("line 39")
        await expect(shown).not_to_contain_text("line 27")
        more = tab.page.locator(".more")
        await expect(more).to_have_text("Show 28 earlier lines")
        await more.focus()
        await tab.page.keyboard.press("Enter")
        await expect(shown).to_contain_text("line 0")
        await expect(more).to_be_focused()
        await expect(more).to_have_attribute("aria-expanded", "true")
        await browser.close()


async def test_dark_or_light_is_chosen_by_key_and_kept(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path) as server:
        tab = await (await browser.tab(server.http, color_scheme="light", reduced_motion="reduce")).open()
        await expect(tab.page.locator(".empty")).to_be_visible()
        paper = "getComputedStyle(document.body).backgroundColor"
        light = await tab.page.evaluate(paper)
        await tab.page.keyboard.press("t")
        assert await tab.page.evaluate(paper) != light
        await tab.page.reload()
        await expect(tab.page.locator(".empty")).to_be_visible()
        assert await tab.page.evaluate(paper) != light
        await browser.close()
