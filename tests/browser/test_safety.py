"""What strangers may write into threads stays text: names, messages, output, file names, diffs, errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from rollout import events
from rollout.events import ThreadNameUpdated
from rollout.lines import GitState
from tests.browser import scenery
from tests.browser.house import OFFLINE
from tests.browser.tab import Browser
from tests.support.harness import running
from tests.support.rollouts import RolloutBuilder, Written, command_end

pytestmark = pytest.mark.chromium

EVIL = '<img src=x onerror="window.__hit=1"><script>window.__hit=1</script><svg onload="window.__hit=1">'
LINKS = "[click](javascript:window.__hit=1) [other](data:text/html,<script>window.__hit=1</script>) javascript:alert(1)"


def poisoned(home: Path) -> Written:
    """A thread in which every text tries to be more than text."""
    builder = RolloutBuilder(home, git=GitState(branch=EVIL), cwd=f"/tmp/{EVIL}")
    builder.begin().say(f"said {EVIL} {LINKS}")
    turn = builder.turn_ids[-1]
    change = {"type": "update", "unified_diff": f"@@ -1 +1 @@\n-{EVIL}\n+diff {EVIL}\n", "move_path": f"/tmp/to {EVIL}"}
    builder.add(
        events.AgentReasoning(text=f"**{EVIL}**\n\nreasoned {EVIL}"),
        command_end("call-1", turn, f"output {EVIL}\n"),
        events.PatchApplyEnd(call_id="call-2", turn_id=turn, success=True, changes={f"/tmp/file {EVIL}": change}),
    )
    builder.answer(f"# heading {EVIL}\n\n> quoted {EVIL}\n\n- item {EVIL}\n\n```{EVIL}\ncode {EVIL}\n```\n\n{LINKS}\n")
    builder.add(events.Error(message=f"error {EVIL}")).complete()
    return builder.add(ThreadNameUpdated(thread_id=builder.thread_id, thread_name=f"name {EVIL}")).write()


async def test_no_text_of_a_thread_becomes_markup_or_script(tmp_path: Path, browser: Browser) -> None:
    thread = poisoned(tmp_path)
    async with running(tmp_path, config=OFFLINE) as server:
        tab = await (await browser.tab(server.http)).attached(thread.thread_id)
        await expect(tab.page.locator("h1")).to_contain_text("name <img")
        for text in ("said <img", "output <img", "heading <img", "quoted <img", "item <img", "code <img", "error <img"):
            await expect(tab.stream).to_contain_text(text)
        await expect(tab.page.locator(".line-add")).to_contain_text("diff <img")
        await expect(tab.page.locator(".file")).to_contain_text("file <img")
        await tab.page.locator(".thought").click()
        await expect(tab.page.locator(".row-reasoning")).to_contain_text("reasoned <img")
        await expect(tab.threads.first).to_contain_text("name <img")
        await tab.say(f"live {EVIL}")
        await expect(tab.answers.last).to_contain_text("live <img")
        await expect(tab.page.locator(".foot")).to_have_count(2)
        hrefs = await tab.page.eval_on_selector_all("a", "all => all.map(each => each.protocol)")
        assert set(hrefs) == {"http:"}
        assert await tab.page.locator('img:not([src="/assets/icon.svg"])').count() == 0
        assert await tab.page.locator("script:not([src])").count() == 0
        assert await tab.page.evaluate("window.__hit") is None
        await browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 375])
async def test_axe_finds_nothing_serious(tmp_path: Path, browser: Browser, scheme: str, width: int) -> None:
    scenery.team(tmp_path, 20)
    thread = scenery.showcase(tmp_path)
    async with running(tmp_path, config=OFFLINE) as server:
        tab = await browser.tab(server.http, viewport={"width": width, "height": 800}, color_scheme=scheme)
        await tab.open()
        await expect(tab.page.locator(".empty")).to_be_visible()
        assert await tab.axe() == []
        await tab.attached(thread.thread_id)
        await expect(tab.answers.last).to_contain_text("Timeouts are retried")
        await expect(tab.page.get_by_test_id("meter")).to_be_visible()
        assert await tab.axe() == []
        await tab.page.keyboard.press("?")
        await expect(tab.page.get_by_role("dialog")).to_be_visible()
        assert await tab.axe() == []
        await tab.page.keyboard.press("Escape")
        await expect(tab.page.get_by_role("dialog")).to_have_count(0)
        await tab.page.locator("h1").click()
        await tab.page.keyboard.press("n")
        await expect(tab.page.get_by_role("textbox", name="Folder")).to_be_visible()
        assert await tab.axe() == []
        await browser.close()


async def test_a_phone_shows_the_list_in_a_drawer_and_the_page_never_scrolls_sideways(
    tmp_path: Path, browser: Browser
) -> None:
    scenery.team(tmp_path, 5)
    thread = scenery.showcase(tmp_path)
    async with running(tmp_path, config=OFFLINE) as server:
        tab = await browser.tab(server.http, viewport={"width": 375, "height": 700})
        await tab.attached(thread.thread_id)
        await expect(tab.threads.first).to_be_hidden()
        await tab.button("Threads").click()
        await expect(tab.threads.first).to_be_visible()
        await tab.threads.nth(2).click()
        await expect(tab.threads.first).to_be_hidden()
        await tab.button("More").click()
        await expect(tab.page.get_by_role("dialog").get_by_role("button", name="Fork")).to_be_visible()
        assert await tab.page.evaluate("document.documentElement.scrollWidth") == 375
        await browser.close()
