"""What waits for a person: a card in every tab of a thread, and in a stock TUI, until one of them has answered."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from protocol.asks import ELICITATION
from protocol.dialects.versions import NEWEST
from protocol.elicitation import FormElicitation
from server.providers.provider import ItemDone
from server.providers.scripted import Response, completed, function_call, message
from tests.browser.tab import Browser, Tab
from tests.peer.tmux import terminals
from tests.support import codex
from tests.support.harness import Server, running
from tests.support.questions import PLANNING, asking, begin, calling

pytestmark = pytest.mark.chromium

PATCH = "*** Begin Patch\n*** Update File: old.txt\n@@\n a\n-b\n+c\n*** Add File: new.txt\n+one\n*** End Patch\n"
HOMELESS = '[shell_environment_policy]\nset = { HOME = "/nonexistent" }\n'
"""The offline model answers, and a login shell finds nobody's own settings, which may take any time."""

ASKS = "Would you like to run"
"""So a stock TUI asks about a command."""

DONE: Response = [message("done"), completed()]


def patch() -> list[Any]:
    """An answer of the model that changes files outside of what may be written without asking."""
    item = {"type": "custom_tool_call", "name": "apply_patch", "call_id": "call-1", "input": PATCH}
    return [ItemDone(item=item), completed()]


UNTRUSTED = {"sandbox": "danger-full-access", "approvalPolicy": "untrusted"}


def command(line: str) -> Response:
    """An answer that runs one command."""
    return [*function_call("exec_command", json.dumps({"cmd": line, "login": False})), completed()]


def elicitation(server: Server, thread: str, schema: dict[str, Any]) -> asyncio.Future[Any]:
    """What an MCP server's form is answered with, once it is."""
    live = server.app.loaded.get(thread)
    assert live is not None
    asked = FormElicitation(thread_id=thread, server_name="forms", message="Who?", requested_schema=schema)
    return asyncio.ensure_future(server.app.questions.put(live, ELICITATION, asked))


def prepare(folder: Path) -> None:
    """The folder that turns work in."""
    folder.mkdir(exist_ok=True)
    (folder / "old.txt").write_text("a\nb\n")


async def thread_of(server: Server, folder: Path, **params: Any) -> str:
    """A thread that asks before it changes anything in this folder."""
    prepare(folder)
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


async def test_a_card_leaves_the_newest_rows_in_sight(tmp_path: Path, browser: Browser) -> None:
    long = "\n\n".join(f"Paragraph {number}" for number in range(60))
    async with running(tmp_path / "home", [message(long), *patch()], DONE) as server:
        thread = await thread_of(server, tmp_path / "work")
        tab = await (await browser.tab(server.http)).attached(thread)
        await tab.say("Change it")
        await expect(tab.cards).to_have_count(1)
        await expect(tab.page.locator(".row .card")).to_be_in_viewport()
        await expect(tab.button("To the newest")).to_be_hidden()
        await browser.close()


async def test_a_patch_is_declined_and_stays_undone(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path / "home", patch(), [message("as you wish"), completed()]) as server:
        thread = await thread_of(server, tmp_path / "work")
        tab = await (await browser.tab(server.http)).attached(thread)
        await tab.say("Change it")
        await expect(tab.cards).to_have_count(1)
        await tab.page.locator("h1").click()
        await tab.page.keyboard.press("a")
        await expect(tab.button("Allow")).to_be_focused()
        await tab.button("Decline").click()
        await expect(tab.cards).to_have_count(0)
        await expect(tab.page.locator(".badge-declined")).to_have_text("Declined")
        assert (tmp_path / "work/old.txt").read_text() == "a\nb\n"
        await browser.close()


async def test_a_command_is_allowed_in_one_tab_and_its_card_goes_in_the_other(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path / "home", command("echo made > made.txt; cat made.txt"), DONE) as server:
        thread = await thread_of(server, tmp_path / "work", **UNTRUSTED)
        one, two = await two_tabs(browser, server, thread)
        await one.say("Run it")
        for tab in (one, two):
            await expect(tab.cards.locator(".asked-command")).to_contain_text("echo made > made.txt; cat made.txt")
            await expect(tab.page.locator(".badge-waiting")).to_be_visible()
            await expect(tab.threads.first.locator(".dot-waiting")).to_be_visible()
        await two.button("Allow").click()
        for tab in (one, two):
            await expect(tab.cards).to_have_count(0)
            await expect(tab.page.locator(".output")).to_have_text("made")
            await expect(tab.answers.last).to_have_text("done")
        await browser.close()


@pytest.mark.codex(codex.NEWEST)
async def test_what_a_tab_allows_is_asked_no_more_in_a_stock_tui(tmp_path: Path, browser: Browser) -> None:
    """And the other way round: what the TUI allows has no card in the tab any more."""
    mine, work = tmp_path / "mine", tmp_path / "work"
    work.mkdir()
    codex.write_config(mine, "http://127.0.0.1:9/v1", trusted=work)
    async with running(tmp_path / "home", config=HOMELESS) as server, terminals(mine, work) as tmux:
        thread = await thread_of(server, work, **UNTRUSTED)
        tab = await (await browser.tab(server.http)).attached(thread)
        await tab.say("Begin")
        await expect(tab.answers).to_have_count(1)
        terminal = await tmux.codex("tui", "resume", "--remote", server.url, thread, version=codex.NEWEST)
        await terminal.sees("Begin", "I am the offline model")
        await tab.say("run: touch one")
        await expect(tab.cards).to_contain_text("touch one")
        await terminal.screen_shows(lambda screen: ASKS in screen, "the question")
        await tab.button("Allow").click()
        await expect(tab.answers).to_have_count(2)
        await terminal.screen_shows(lambda screen: ASKS not in screen, "the question gone")
        await tab.say("run: touch two")
        await expect(tab.cards).to_contain_text("touch two")
        await terminal.screen_shows(lambda screen: ASKS in screen, "the other question")
        await terminal.press("y")
        await expect(tab.cards).to_have_count(0)
        await expect(tab.answers).to_have_count(3)
        await browser.close()
    assert (work / "one").exists()
    assert (work / "two").exists()


async def test_a_question_of_the_model_is_answered_with_a_choice(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path / "home", calling(asking()), [message("red then"), completed()]) as server:
        thread = await thread_of(server, tmp_path / "work")
        one, two = await two_tabs(browser, server, thread)
        client = await server.client(version=NEWEST)
        await client.call("thread/resume", threadId=thread)
        await begin(client, thread, **PLANNING)
        await expect(two.cards).to_contain_text("Which?")
        await one.page.get_by_label("Red").check()
        await one.button("Answer").click()
        for tab in (one, two):
            await expect(tab.cards).to_have_count(0)
            await expect(tab.answers.last).to_have_text("red then")
        assert "Red" in str(server.provider.requests[-1].input[-1])
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
        await tab.cards.get_by_label("Name").fill("Ada")
        await tab.cards.get_by_label("size").fill("3")
        await tab.cards.get_by_label("kind").select_option("b")
        await tab.cards.get_by_label("Sure").check()
        await tab.cards.get_by_role("button", name="Send").click()
        answer = await asked
        assert answer.action == "accept"
        assert answer.content == {"name": "Ada", "size": 3, "kind": "b", "sure": True}
        await browser.close()
