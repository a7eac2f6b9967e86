"""Signing in and out in a real browser, and what a sign-in that may only look can do."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser import scenery
from tests.browser.house import OFFLINE
from tests.browser.tab import Browser
from tests.support.harness import running

pytestmark = pytest.mark.chromium

TOKEN = "a-token-of-some-length-for-the-team"
LOOKER = "another-token-of-some-length-to-look"
REFUSED = "401 (Unauthorized)"


def guarded(home: Path) -> dict[str, str | None]:
    """A server that asks for a token; one of its two tokens may only view."""
    home.mkdir(exist_ok=True)
    (home / "tokens").write_text(f"{TOKEN}\nscopes=view {LOOKER}\n")
    return {"ws-auth": "capability-token", "ws-token-file": str(home / "tokens")}


async def test_a_wrong_token_is_refused_and_the_right_one_opens_the_list(tmp_path: Path, browser: Browser) -> None:
    scenery.team(tmp_path, 3)
    async with running(tmp_path, config=OFFLINE, flags=guarded(tmp_path)) as server:
        tab = await (await browser.tab(server.http)).open()
        tab.expected.append(REFUSED)
        token = tab.page.get_by_role("textbox", name="Token")
        await token.fill("something else")
        await tab.button("Sign in").click()
        await expect(tab.page.get_by_role("alert")).to_have_text("This token is not accepted.")
        assert await tab.axe() == []
        await token.fill(TOKEN)
        await tab.button("Sign in").click()
        await expect(tab.threads).to_have_count(3)
        kept = await tab.page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href])")
        assert TOKEN not in kept
        await tab.page.reload()
        await expect(token).to_be_visible()
        await browser.close()


async def test_who_is_remembered_stays_signed_in_until_he_signs_out(tmp_path: Path, browser: Browser) -> None:
    scenery.team(tmp_path, 3)
    async with running(tmp_path, config=OFFLINE, flags=guarded(tmp_path)) as server:
        tab = await (await browser.tab(server.http)).open()
        tab.expected.append(REFUSED)
        token = tab.page.get_by_role("textbox", name="Token")
        await token.fill(TOKEN)
        await tab.page.get_by_label("Remember me").check()
        await tab.button("Sign in").click()
        await expect(tab.threads).to_have_count(3)
        (cookie,) = await tab.page.context.cookies()
        assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Strict")
        await tab.page.reload()
        await expect(tab.threads).to_have_count(3)
        await tab.button("Sign out").click()
        await expect(token).to_be_visible()
        await tab.page.reload()
        await expect(token).to_be_visible()
        assert await tab.page.context.cookies() == []
        await browser.close()


async def test_who_may_only_look_sees_all_and_is_offered_nothing_to_do(tmp_path: Path, browser: Browser) -> None:
    thread = scenery.showcase(tmp_path)
    async with running(tmp_path, config=OFFLINE, flags=guarded(tmp_path)) as server:
        tab = await (await browser.tab(server.http)).open(thread.thread_id)
        tab.expected.append(REFUSED)
        await tab.page.get_by_role("textbox", name="Token").fill(LOOKER)
        await tab.button("Sign in").click()
        await expect(tab.answers.last).to_contain_text("Timeouts are retried")
        await expect(tab.page.get_by_test_id("meter")).to_have_text("14%")
        await expect(tab.page.get_by_test_id("usage-table").locator("tbody tr")).to_have_count(6)
        await expect(tab.page.get_by_label("Message")).to_be_disabled()
        for name in ("New thread", "Rename", "Fork", "Archive"):
            await expect(tab.button(name)).to_be_hidden()
        await browser.close()
