"""What can be reviewed: words for people and for the model, and what is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from server.providers.scripted import Gate, completed, message
from tests.support.harness import Message, Refused, Server, running
from tests.support.reviews import (
    ANSWER,
    REVIEWED,
    begun,
    ended,
    items,
    review,
    reviewed,
    told,
)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ({"type": "custom", "instructions": " \n"}, "instructions must not be empty"),
        ({"type": "baseBranch", "branch": ""}, "branch must not be empty"),
        ({"type": "commit", "sha": " "}, "sha must not be empty"),
        ({"type": "bogus"}, "bogus"),
        ({}, "type"),
    ],
)
async def test_a_review_of_nothing_is_refused_and_stops_nothing(tmp_path: Path, target: Message, why: str) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["Sun", gate, "ny."]), completed()]) as server:
        client = await server.client()
        thread = await begun(client)
        turn_id = await client.start_turn(thread, "one")
        await gate.reached.wait()
        for delivery in ("inline", "detached"):
            with pytest.raises(Refused, match=why) as refused:
                await review(client, thread, target, delivery=delivery)
            assert refused.value.code == -32600
        with pytest.raises(Refused, match="delivery"):
            await review(client, thread, delivery="bogus")
        with pytest.raises(Refused, match="not found"):
            await review(client, "01900000-0000-7000-8000-0000000000ff")
        gate.open()
        assert (await ended(client, turn_id))["status"] == "completed"


def repository(place: Path) -> str:
    """A repository with a branch that went on; the commit where it parted from main."""
    place.mkdir()
    for command in (
        "init -q -b main",
        "-c user.name=x -c user.email=x@y commit -q --allow-empty -m one",
        "checkout -q -b work",
        "-c user.name=x -c user.email=x@y commit -q --allow-empty -m two",
    ):
        subprocess.run(["git", "-C", place, *command.split()], check=True)
    told_ = subprocess.run(["git", "-C", place, "rev-parse", "main"], check=True, capture_output=True, text=True)
    return told_.stdout.strip()


async def asked_for(server: Server, place: Path, target: Message) -> tuple[str, str]:
    """What people see of a target, and what the model is asked."""
    client = await server.client()
    thread = await begun(client, place)
    turn = await reviewed(client, thread, target)
    return items(client, turn["id"])[0]["review"], told(server.provider.requests[-1])[-1]


async def test_every_target_has_words_for_people_and_for_the_model(tmp_path: Path) -> None:
    place = tmp_path / "project"
    parted = repository(place)
    async with running(tmp_path / "home", *[REVIEWED] * 6) as server:
        hint, question = await asked_for(server, place, {"type": "uncommittedChanges"})
        assert hint == "uncommitted changes"
        assert "not committed" in question
        hint, question = await asked_for(server, place, {"type": "baseBranch", "branch": " main "})
        assert hint == "changes since main"
        assert f"git diff {parted}" in question
        _, question = await asked_for(server, place, {"type": "baseBranch", "branch": "gone"})
        assert "git merge-base HEAD gone" in question
        _, question = await asked_for(server, place, {"type": "baseBranch", "branch": "--all"})
        assert "git diff" not in question
        hint, question = await asked_for(server, place, {"type": "commit", "sha": parted})
        assert hint == f"commit {parted[:7]}"
        assert parted in question
        hint, question = await asked_for(server, place, {"type": "commit", "sha": parted, "title": "The first"})
        assert hint == f"commit {parted[:7]} (The first)"
        assert "The first" in question


async def test_a_branch_without_a_repository_fails_the_review_that_was_named(tmp_path: Path) -> None:
    async with running(tmp_path / "home", ANSWER) as server:
        client = await server.client()
        thread = await begun(client, tmp_path)
        turn = await reviewed(client, thread, {"type": "baseBranch", "branch": "main"})
        assert turn["status"] == "failed"
        assert "no git repository" in turn["error"]["message"]
        assert (await client.run_turn(thread, "one"))["status"] == "completed"
