"""A model server that also fails and waits on request. The prompt says how; everything else is ``ModelServer``.

``status:CODE`` answers with this HTTP status, ``code:NAME`` names the error in it. ``failed:NAME`` begins to stream and
then fails with this error code. ``drops:COUNT`` breaks off so many streams before it answers. ``gate:NAME`` says one
word, and the rest when the gate is opened. ``calls:JSON`` calls tools: a list of answers, each a list of calls, each
``[name, arguments]``; then it says that it is done. ``calls:NAME:JSON`` waits at this gate before it says so.
``@session`` in arguments is the number of the newest terminal. A prompt can also be taught (``ScriptedModel.teach``).
``finds:COUNT`` answers as a reviewer who found so much.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, defaultdict
from typing import Any

from tests.support.model import ModelServer

CALLS = "calls:"
PAUSE = 0.5
"""Seconds between calls and the end of the answer: what is begun at once has begun by then, on every server."""
OPEN_UNTIL = "open_until_"
"""How the name of a gate begins before which the answers with the calls do not end: what calls do is done by then."""

NOT_SAID = ("<user_shell_command>", "Warning:")
"""How texts begin that stand for the user and are not theirs."""

_SESSION = re.compile(r"running with session ID (\d+)")
_WORD = re.compile(r"(status|code|failed|drops|gate|finds):(\w+)")

Event = dict[str, Any]
Called = tuple[str, Any]
"""The name of a tool and its arguments, or its text."""


class ScriptedModel(ModelServer):
    """A model whose prompts are a script. Gates are opened by name and stay open."""

    def __init__(self) -> None:
        super().__init__()
        self._gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._asked = Counter[tuple[str, str]]()
        self._taught: dict[str, list[list[Called]]] = {}

    def teach(self, prompt: str, *answers: list[Called]) -> str:
        """From now on this prompt makes it call tools, as ``calls:`` does; returns the prompt."""
        self._taught[prompt] = list(answers)
        return prompt

    def open(self, gate: str) -> None:
        """Whoever waits there, or comes there later, goes on."""
        self._gates[gate].set()

    async def _answer(self, target: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(body) if target.endswith("/responses") else {"input": []}
        said = prompt(asked)
        script = dict(_WORD.findall(said))
        if "status" in script:
            return await _refuse(writer, int(script["status"]), script.get("code"))
        counted = str(asked.get("prompt_cache_key")), said  # each thread has its own key
        number = self._asked[counted]
        self._asked[counted] += 1
        if "failed" in script:
            return await _stream(writer, _created(), _failed(script["failed"]))
        if "drops" in script and number < int(script["drops"]):
            await _stream(writer, _created(), end=False)
            raise ConnectionResetError
        if said.startswith(CALLS):
            gate, _, listed = said.removeprefix(CALLS).partition("[")
            return await self._call(writer, json.loads(body), json.loads("[" + listed), number, gate.removesuffix(":"))
        if said in self._taught:
            return await self._call(writer, json.loads(body), self._taught[said], number)
        if "gate" in script:
            return await self._wait(writer, script["gate"])
        if "finds" in script:
            return await _stream(writer, _created(), _verdict(int(script["finds"])), _completed())
        return await super()._answer(target, body, writer)

    async def _call(
        self, writer: asyncio.StreamWriter, request: Event, answers: list[list[Called]], number: int, gate: str = ""
    ) -> None:
        calls = answers[number] if number < len(answers) else []
        if gate and not calls:
            await self._gates[gate].wait()
        items = [_call(name, arguments, f"call_{next(self._ids)}", request) for name, arguments in calls]
        done = {"type": "message", "role": "assistant", "id": f"msg_{next(self._ids)}"}
        said = [] if calls else [done | {"content": [{"type": "output_text", "text": "Done"}]}]
        finished = [{"type": "response.output_item.done", "item": item} for item in (*items, *said)]
        await _stream(writer, _created(), *finished, end=False)
        if calls:
            held = gate.startswith(OPEN_UNTIL)
            await (self._gates[gate.removesuffix(":")].wait() if held else asyncio.sleep(PAUSE))
        await _stream(writer, _completed(), begin=False)

    async def _wait(self, writer: asyncio.StreamWriter, gate: str) -> None:
        item = {"type": "message", "role": "assistant", "id": f"msg_{gate}"}
        added = item | {"content": [{"type": "output_text", "text": ""}]}
        done = item | {"content": [{"type": "output_text", "text": "First rest"}]}
        delta = {"type": "response.output_text.delta", "item_id": item["id"]}
        opening = {"type": "response.output_item.added", "item": added}
        await _stream(writer, _created(), opening, delta | {"delta": "First "}, end=False)
        await self._gates[gate].wait()
        rest = delta | {"delta": "rest"}
        closing = {"type": "response.output_item.done", "item": done}
        await _stream(writer, rest, closing, _completed(), begin=False)


def prompt(request: Event) -> str:
    """What the user said last."""
    said = [part for item in request["input"] if item.get("role") == "user" for part in item["content"]]
    texts = (str(part["text"]) for part in reversed(said) if "text" in part)
    return next((text for text in texts if not text.startswith(NOT_SAID)), "")


def _call(name: str, arguments: Any, call_id: str, request: Event) -> Event:
    if isinstance(arguments, str):
        return {"type": "custom_tool_call", "call_id": call_id, "name": name, "input": arguments}
    sessions = _SESSION.findall(json.dumps(request["input"]))
    known = {key: int(sessions[-1]) if value == "@session" else value for key, value in arguments.items()}
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": json.dumps(known)}


def _verdict(count: int) -> Event:
    where = {"absolute_file_path": "/project/a.py", "line_range": {"start": 1, "end": 2}}
    finding = {"title": "Look out", "body": "It falls.", "confidence_score": 0.5, "priority": 1, "code_location": where}
    verdict = {"overall_correctness": "patch is incorrect", "overall_explanation": "So.", "overall_confidence_score": 1}
    text = json.dumps({"findings": [finding] * count} | verdict)
    item = {"type": "message", "role": "assistant", "id": "msg_verdict"}
    return {"type": "response.output_item.done", "item": item | {"content": [{"type": "output_text", "text": text}]}}


def _created() -> Event:
    return {"type": "response.created", "response": {"id": "resp"}}


def _completed() -> Event:
    usage = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
    details = {"input_tokens_details": {"cached_tokens": 1}, "output_tokens_details": {"reasoning_tokens": 0}}
    return {"type": "response.completed", "response": {"id": "resp", "usage": usage | details}}


def _failed(code: str) -> Event:
    error = {"code": code, "message": "failed as told"}
    return {"type": "response.failed", "response": {"id": "resp", "error": error}}


async def _stream(writer: asyncio.StreamWriter, *events: Event, begin: bool = True, end: bool = True) -> None:
    if begin:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for event in events:
        text = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        writer.write(b"%x\r\n%b\r\n" % (len(text), text))
    writer.write(b"0\r\n\r\n" if end else b"")
    await writer.drain()


async def _refuse(writer: asyncio.StreamWriter, status: int, code: str | None) -> None:
    kind = code or "told_to"
    body = json.dumps({"error": {"message": "refused as told", "type": kind, "code": kind}}).encode()
    head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
