"""What waits for a person: cards in every tab of a thread, and in a stock TUI, gone everywhere when one has answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from protocol.asks import FILE_CHANGE_APPROVAL, MCP_ELICITATION, USER_INPUT
from protocol.dialects.versions import NEWEST
from server.providers.provider import ItemDone
from server.providers.scripted import completed, function_call, message
from tests.browser.house import OFFLINE
from tests.browser.tab import Browser, Tab
from tests.support.harness import Server, running

pytestmark = pytest.mark.chromium

PATCH = "*** Begin Patch\n*** Update File: old.txt\n@@\n a\n-b\n+c\n*** Add File: new.txt\n+one\n*** End Patch\n"
QUESTION = (
    '{"questions":[{"id":"colour","header":"Colour","question":"Which colour?","options":'
    '[{"label":"Green","description":"Calm"},{"label":"Red","description":"Loud"}]}]}'
)


def patch() -> list[Any]:
    """An answer of the model that changes files outside of what may be written without asking."""
    item = {"type": "custom_tool_call", "name": "apply_patch", "call_id": "call-1", "input": PATCH}
    return [ItemDone(item=item), completed()]


async def thread_of(server: Server, folder: Path, **params: Any) -> str:
    """A thread that asks before it changes anything in this folder."""
    folder.mkdir(exist_ok=True)
    (folder / "old.txt").write_text("a\nb\n")
    client = await server.client(version=NEWEST)
    given = {"cwd": str(folder), "sandbox": "read-only", "approvalPolicy": "on-request"} | params
    thread: str = (await client.call("thread/start", **given))["thread"]["id"]
    await client.call("thread/unsubscribe", threadId=thread)
    return thread


async def two_tabs(browser: Browser, server: Server, thread: str) -> tuple[Tab, Tab]:
    """Two people on one thread."""
    tabs = [await (await browser.tab(server.http)).attached(thread) for _ in range(2)]
    return tabs[0], tabs[1]


async def test_a_patch_is_allowed_in_one_tab_and_its_card_goes_in_the_other(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path / "home", patch(), [message("done"), completed()]) as server:
        thread = await thread_of(server, tmp_path / "work")
        one, two = await two_tabs(browser, server, thread)
        await one.say("Change it")
        for tab in (one, two):
            await expect(tab.cards).to_contain_text("Apply these changes?")
            await expect(tab.cards.locator(".line-remove")).to_contain_text("b")
            await expect(tab.cards.locator(".line-add")).to_have_count(2)
        assert await one.axe() == []
        late = await (await browser.tab(server.http)).attached(thread)
        await expect(late.cards).to_have_count(1)
        await two.button("Allow").click()
        for tab in (one, two, late):
            await expect(tab.cards).to_have_count(0)
            await expect(tab.answers.last).to_have_text("done")
        assert (tmp_path / "work/old.txt").read_text() == "a\nc\n"
        await browser.close()


async def test_a_patch_is_declined_and_stays_undone(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path / "home", patch(), [message("as you wish"), completed()]) as server:
        thread = await thread_of(server, tmp_path / "work")
        tab = await (await browser.tab(server.http)).attached(thread)
        await tab.say("Change it")
        await tab.page.locator("h1").click()
        await tab.page.keyboard.press("a")
        await expect(tab.button("Allow")).to_be_focused()
        await tab.button("Decline").click()
        await expect(tab.cards).to_have_count(0)
        await expect(tab.page.locator(".badge-declined")).to_have_text("Declined")
        assert (tmp_path / "work/old.txt").read_text() == "a\nb\n"
        await browser.close()


async def test_a_question_of_the_model_is_answered_with_a_choice(tmp_path: Path, browser: Browser) -> None:
    script = [[*function_call("request_user_input", QUESTION), completed()], [message("green then"), completed()]]
    async with running(tmp_path / "home", *script) as server:
        thread = await thread_of(server, tmp_path / "work")
        client = await server.client(version=NEWEST)
        mode = {"mode": "plan", "settings": {"model": "test-model"}}
        await client.call("thread/settings/update", threadId=thread, collaborationMode=mode)
        one, two = await two_tabs(browser, server, thread)
        await one.say("Which?")
        await one.page.get_by_label("Green").check()
        await one.button("Answer").click()
        for tab in (one, two):
            await expect(tab.cards).to_have_count(0)
            await expect(tab.answers.last).to_have_text("green then")
        told = str(server.provider.requests[-1].input)
        assert "Green" in told
        await browser.close()


async def test_a_form_of_an_mcp_server_is_filled_in(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path / "home") as server:
        thread = await thread_of(server, tmp_path / "work")
        tab = await (await browser.tab(server.http)).attached(thread)
        schema = {
            "type": "object",
            "properties": {
                "name": {"type": "string", "title": "Name"},
                "size": {"type": "integer", "minimum": 1},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "sure": {"type": "boolean", "title": "Sure"},
            },
            "required": ["name"],
        }
        asked = elicitation(server, thread, schema)
        await tab.page.get_by_label("Name").last.fill("Ada")
        await tab.page.get_by_label("size").fill("3")
        await tab.page.get_by_label("kind").select_option("b")
        await tab.page.get_by_label("Sure").check()
        await tab.button("Send").last.click()
        answer = await asked
        assert answer.action == "accept"
        assert answer.content == {"name": "Ada", "size": 3, "kind": "b", "sure": True}
        await browser.close()
