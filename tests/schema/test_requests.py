"""Every request that a schema allows is understood; and answered as the released server of that version does."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema_rs import Draft202012Validator
from websockets.asyncio.client import connect

from protocol.method import Method
from protocol.methods import INITIALIZE, METHODS
from tests.schema.checked import schema
from tests.schema.differences import DIFFERENCES
from tests.schema.examples import Examples
from tests.schema.generated import ENDS, definitions
from tests.schema.rows import UNASKED
from tests.support import codex
from tests.support.app_server import AppServer, ours, released, serving
from tests.support.harness import Client, Message

pytestmark = pytest.mark.codex(*ENDS)

CONNECTIONS = 6
"""How many ask at the same time."""

Case = tuple[str, Any]


@functools.cache
def cases(version: str) -> list[Case]:
    """(method, params): every example of every request that we serve and this version knows."""
    known, examples = schema(version).requests, Examples(definitions(version))
    served = [each.name for each in METHODS if each.name in known]
    return [(name, params) for name in served for params in examples.all(known[name])]


def harmless(version: str) -> list[Case]:
    """Those that may be asked of real servers on this machine."""
    return [case for case in cases(version) if case[0] not in UNASKED]


@pytest.mark.parametrize("version", ENDS)
def test_every_example_is_what_the_schema_allows(version: str) -> None:
    known = schema(version)
    validators = {name: Draft202012Validator(known.open(node)) for name, node in known.requests.items()}
    assert len(cases(version)) > 1000
    assert [case for case in cases(version) if not validators[case[0]].is_valid(case[1])] == []


@pytest.mark.parametrize("version", ENDS)
def test_every_request_that_the_schema_allows_is_understood(version: str) -> None:
    rows = {each.name: each for each in METHODS}
    misread = [(name, params, wrong) for name, params in cases(version) if (wrong := misunderstood(rows[name], params))]
    assert misread == []


def misunderstood(method: Method[Any, Any], params: Any) -> str | None:
    """Why we cannot read these params; a relative path is rightly refused."""
    if params is None and method.lenient:
        return None
    try:
        method.decoder.decode(msgspec.json.encode(params))
    except msgspec.ValidationError as error:
        return None if "is not absolute" in str(error) else str(error)
    return None


@pytest.mark.parametrize("version", ENDS)
async def test_every_request_that_the_schema_allows_is_answered_as_the_peer_answers_it(
    version: str, tmp_path: Path
) -> None:
    asked = harmless(version)
    theirs, own = [await answers(command, tmp_path / str(at), version) for at, command in commands(version)]
    unlike = {
        (method, said(peer), said(mine)): params
        for (method, params), peer, mine in zip(asked, theirs, own, strict=True)
        if (code(peer), is_misread(peer)) != (code(mine), is_misread(mine))
    }
    rows = [row for row in DIFFERENCES if version in row.versions]
    new = [words for words in unlike if not any(row.covers(version, *words) for row in rows)]
    assert not new, "\n".join(in_words(*words, unlike[words]) for words in new)
    assert [row for row in rows if not any(row.covers(version, *words) for words in unlike)] == [], "gone by now"


def in_words(method: str, peer: str, mine: str, params: Any) -> str:
    return f"{method}: the peer {peer or 'accepts'}, we {mine or 'accept'}: {json.dumps(params)[:300]}"


def commands(version: str) -> Sequence[tuple[int, list[str]]]:
    return list(enumerate((released(version), ours())))


async def answers(command: list[str], home: Path, version: str) -> list[Message]:
    """What this server answers to every case, in their order."""
    codex.write_config(home, "http://127.0.0.1:9/v1")
    async with serving(command, home) as server:
        left = list(enumerate(harmless(version)))
        shares = [left[at::CONNECTIONS] for at in range(CONNECTIONS)]
        got = await asyncio.gather(*(ask(server, version, share) for share in shares))
    found = dict(itertools.chain.from_iterable(got))
    return [found[at] for at in range(len(left))]


async def ask(server: AppServer, version: str, share: list[tuple[int, Case]]) -> list[tuple[int, Message]]:
    """Ask one after another on one connection, and the handshake on a new one each time."""
    client, got = await joined(server, version), []
    for at, (method, params) in share:
        fresh = await greeted(server) if method == INITIALIZE.name else None
        asking = fresh or client
        await asking.send_text(json.dumps({"id": f"case {at}", "method": method, "params": params}))
        got.append((at, await asking.reply(f"case {at}")))
        client.log.clear()
        if fresh is not None:
            await fresh.close()
    await client.close()
    return got


async def greeted(server: AppServer) -> Client:
    """A connection whose handshake is yet to be made; what it declares is part of the case, so nothing is checked."""
    return Client(await connect(server.url, compression=None), speaks="none")


async def joined(server: AppServer, version: str) -> Client:
    client = Client(await connect(server.url, compression=None, max_size=None), server.speaks)
    who = {"name": "codex-tui", "title": None, "version": version}
    await client.call("initialize", clientInfo=who, capabilities={"experimentalApi": True})
    return client


def code(answer: Message) -> int | None:
    return answer["error"]["code"] if "error" in answer else None


def said(answer: Message) -> str:
    return str(answer["error"]["message"]) if "error" in answer else ""


def is_misread(answer: Message) -> bool:
    """Whether it was refused before anybody looked at what it says: its form is wrong."""
    return said(answer).startswith("Invalid request: ")
