"""A server that is killed again and again while clients run turns, and what must be true after every restart.

What a client has seen completed is on disk once; nothing is there twice; every thread goes on. The plan comes from a
seed; where exactly a kill falls does not.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

from rollout.boundaries import is_user_turn, texts
from rollout.doctor import examine
from rollout.events import AgentMessage, TaskComplete, TaskStarted, UserMessage
from rollout.lines import Entry, ResponseItem
from rollout.reader import raw_lines, read
from tests.peer.clients import attached, rollout_of
from tests.support import codex
from tests.support.app_server import AppServer, ours, serving
from tests.support.harness import Client, Message
from tests.support.model import FILLER, ModelServer

LONGEST_LIFE = 0.04
"""Seconds after which the server is killed at the latest, once it has shown that its threads go on."""

MARKS_OF_A_CRASH = {"unfinished-turn", "torn-tail", "not-json", "no-newline"}
"""What a kill may leave in a file; all else would be our fault."""

HALF_A_LINE = b'{"timestamp":"2026-01-05T12:00:00.000Z","type":"event_msg","payload":{"type":"agent_mess'
PROMPTS = ("", "think", "deltas:40:6:1", "deltas:400:2000:0", "think deltas:10:50:0.5", "fail", "reads:900")

Key = tuple[str, str, str]
"""An item: its turn, its type and its text. Its id is another one on disk."""


@dataclass
class Story:
    """What happened so far. ``seen``: items by thread that some client saw completed; ``ended``: turns and how.

    ``torn``: files that a kill left with half a line; more are torn by hand.
    """

    home: Path
    chance: random.Random
    threads: list[str] = field(default_factory=list[str])
    seen: dict[str, Counter[Key]] = field(default_factory=dict[str, Counter[Key]])
    ended: dict[str, str] = field(default_factory=dict[str, str])
    used: Counter[str] = field(default_factory=Counter[str])
    turns: int = 0
    kills: int = 0
    torn: int = 0

    def prompt(self) -> str:
        """Words of the next turn, which no other turn has."""
        self.turns += 1
        return f"number {self.turns} {self.chance.choice(PROMPTS)}".strip()

    def witness(self, clients: list[Client]) -> None:
        """Remember what these clients were told."""
        for client in clients:
            for thread in self.threads:
                self.seen.setdefault(thread, Counter())
                self.seen[thread] |= Counter(_completed(client, thread))  # the most that any client saw
            for over in client.heard("turn/completed"):
                self.ended[over["turn"]["id"]] = over["turn"]["status"]
            for usage in client.heard("thread/tokenUsage/updated"):
                total = usage["tokenUsage"]["total"]["totalTokens"]
                self.used[usage["threadId"]] = max(total, self.used[usage["threadId"]])


async def survive(home: Path, *, turns: int, seed: int, threads: int = 2) -> Story:
    """Run so many turns on a server that does not live long, and check every thread after every kill."""
    story = Story(home, random.Random(seed))
    async with ModelServer() as model:
        codex.write_config(home, model.url)
        while story.turns < turns:
            async with serving(ours(), home) as server:
                await _live(server, story, threads)
            _tear(story)
        async with serving(ours(), home) as server, attached(server) as client:
            await _check(client, story)
    return story


async def _live(server: AppServer, story: Story, threads: int) -> None:
    """One life of the server: check what is there, show that it goes on, then run turns until the end."""
    async with attached(server, "one") as one, attached(server, "two") as two:
        await _check(one, story)
        for _ in range(len(story.threads), threads):
            story.threads.append((await one.call("thread/start", cwd="/"))["thread"]["id"])
        for thread in story.threads:
            await one.run_turn(thread, story.prompt())
            await two.call("thread/resume", threadId=thread)
        asyncio.get_running_loop().call_later(story.chance.uniform(0, LONGEST_LIFE), server.process.kill)
        await asyncio.gather(_work(one, story), _work(two, story))
        await asyncio.gather(one.closed(), two.closed())
        await server.process.wait()
        story.kills += 1
        story.witness([one, two])


async def _work(client: Client, story: Story) -> None:
    """One turn after the other, in any thread, until the server is gone. Turns may be those of the other client."""
    try:
        while True:
            await client.run_turn(story.chance.choice(story.threads), story.prompt())
    except (ConnectionError, ConnectionClosed):
        return


def _tear(story: Story) -> None:
    """Now and then leave half a line, as a loss of power does."""
    for thread in story.threads:
        path = rollout_of(story.home, thread)
        story.torn += not path.read_bytes().endswith(b"\n")
        if story.chance.random() < 0.2:
            with path.open("ab") as file:
                file.write(HALF_A_LINE)


async def _check(client: Client, story: Story) -> None:
    """All that was seen is told once, all else at most once, and the file has no damage but that of a kill."""
    for thread in story.threads:
        told: list[Message] = (await client.call("thread/resume", threadId=thread))["thread"]["turns"]
        check_turns(told, thread, story)
        usage = await client.hear("thread/tokenUsage/updated", threadId=thread)
        assert usage["tokenUsage"]["total"]["totalTokens"] >= story.used[thread]
        path = rollout_of(story.home, thread)
        assert examine(raw_lines(path), path).counts.keys() <= MARKS_OF_A_CRASH
        check_lines(read(path).entries, story.torn)


def check_lines(entries: list[Entry], torn: int) -> None:
    """No line is there twice: beginnings and ends of turns, what was said, and the same for the model.

    Where a kill has ``torn`` a write, one of the two forms of what was said may be missing.
    """
    bounds = [(type(entry), entry.turn_id) for entry in entries if isinstance(entry, TaskStarted | TaskComplete)]
    assert len(bounds) == len(set(bounds))
    said = Counter(entry.message for entry in entries if isinstance(entry, UserMessage | AgentMessage))
    for_model = Counter(
        text
        for entry in entries
        if isinstance(entry, ResponseItem) and (is_user_turn(entry.payload) or entry.payload.get("role") == "assistant")
        for text in texts(entry.payload)
    )
    assert ((for_model - said) + (said - for_model)).total() <= torn


def check_turns(told: list[Message], thread: str, story: Story) -> None:
    """What a server tells of a thread holds what clients have seen of it, and nothing more often than it was said."""
    items = Counter(_key(turn["id"], item) for turn in told for item in turn["items"])
    assert story.seen.get(thread, Counter()) <= items, "what was seen is gone"
    assert items <= Counter(key for turn in told for key in _possible(turn)), "something is there twice"
    statuses = {turn["id"]: turn["status"] for turn in told}
    assert len(statuses) == len(told)
    assert set(statuses.values()) <= {"completed", "failed", "interrupted"}
    assert all(story.ended.get(turn, status) == status for turn, status in statuses.items())


def _possible(turn: Message) -> Iterator[Key]:
    """All items that can come of what the user says in a turn; no two turns are given the same words."""
    for words in {text for _, kind, text in (_key("", item) for item in turn["items"]) if kind == "userMessage"}:
        burst = re.search(r"deltas:(\d+):(\d+)", words)
        yield turn["id"], "userMessage", words
        yield (
            turn["id"],
            "agentMessage",
            FILLER * (int(burst[1]) * int(burst[2])) if burst else f"Noted: {words.upper()}",
        )
        if "think" in words:
            yield turn["id"], "reasoning", "Weighing the question."


def _completed(client: Client, thread: str) -> list[Key]:
    told = (heard for heard in client.heard("item/completed") if heard["threadId"] == thread)
    return [_key(heard["turnId"], heard["item"]) for heard in told]


def _key(turn_id: str, item: dict[str, Any]) -> Key:
    match item["type"]:
        case "userMessage":
            text = "".join(part.get("text", "") for part in item["content"])
        case "reasoning":
            text = "".join(item["summary"])
        case _:
            text = item.get("text", "")
    return turn_id, item["type"], text
