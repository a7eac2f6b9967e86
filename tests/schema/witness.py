"""Holds what test clients hear against the schema of the version that each declared. Owns what was seen so far."""

from __future__ import annotations

import functools
import json
from collections import Counter
from typing import Any

import msgspec

from protocol.dialects.versions import EXTENSION
from protocol.scope import EXTENSION as SCOPES
from protocol.sequence import EXTENSION as NUMBERS
from protocol.sequence import Number, Resumed
from tests.schema import printed
from tests.schema.checked import Message, Schema, schema
from tests.schema.rows import UNLISTED
from tests.support import codex

complaints: list[str] = []
"""What was wrong since somebody last looked."""

seen: Counter[tuple[str, str]] = Counter()
"""(version, method) -> how many of our notifications, or of our replies with a result, were looked at."""


SEQUENCE = "sequence"
"""The one member that no schema names: clients that ask for it hear where they are in a thread, to come back there
after a lost connection. It stands beside the params of what is told of a thread, and in what the following answer."""

OURS = "threadcast/"
"""Beginning of what no version of the peer has, and only who asked for it hears."""

ATTACHING = frozenset({"thread/start", "thread/resume", "thread/fork"})


class Witness:
    """One connection's conversation. Where its version is not installed, it looks away.

    ``speaks``: the version of the server's dialect when it is known without a handshake, as with a released server.
    """

    def __init__(self, speaks: str | None = None) -> None:
        self._fixed = speaks is not None
        self._numbered = False
        self._extended = False
        self._schema = _schema_of(speaks or codex.NEWEST)
        self._asked: dict[Any, str] = {}

    def sent(self, text: str | bytes) -> None:
        """The client sent this, well-formed or not."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(message, dict) or not isinstance(message.get("id"), str | int):
            return
        if "method" not in message:  # the answer to a question, whose ids are numbers of their own
            return
        self._asked[message["id"]] = str(message.get("method"))
        if message.get("method") == "initialize" and not self._fixed:
            self._schema = _schema_of(_declared(message.get("params")))
            self._numbered = _extensions(message.get("params")).get(NUMBERS) is True
            self._extended = _extensions(message.get("params")).get(SCOPES) is True

    def received(self, message: Message) -> None:
        """The client received this."""
        if self._schema is None:
            return
        name, wrong = self._judge(self._schema, message)
        if not self._fixed and self._schema.version == codex.NEWEST:
            wrong += printed.wrong(message, self._asked.get(message.get("id")))
        if name is not None and not self._fixed:
            seen[self._schema.version, name] += 1
        complaints.extend(f"{self._schema.version}: {text}" for text in wrong)

    def _judge(self, known: Schema, message: Message) -> tuple[str | None, list[str]]:
        named = str(message.get("method", self._asked.get(message.get("id"))))
        if named.startswith(OURS) or named in UNLISTED:
            return None, []
        if "method" in message:
            if "id" in message:
                return message["method"], known.request(message)
            told, wrong = self._without_number(message, Number)
            return message["method"], wrong + known.notification(told)
        method = self._asked.get(message.get("id"))
        if "error" in message:
            return None, known.error(method or "?", message["error"])
        if method is None:
            return None, [f"a reply to a request {message.get('id')!r} that was not made"]
        result, wrong = message.get("result"), list[str]()
        if method == "initialize" and self._extended and isinstance(result, dict):
            result = {name: value for name, value in result.items() if name != "extensions"}
        if method in ATTACHING and isinstance(result, dict):
            result, wrong = self._without_number(result, Resumed)
        return method, wrong + known.reply(method, result)

    def _without_number(self, told: Message, kind: type[Number | Resumed]) -> tuple[Message, list[str]]:
        """The same as one hears it who asked for no numbers, and what is wrong with the number."""
        if not self._numbered or SEQUENCE not in told:
            return told, []
        number = told[SEQUENCE]
        try:
            right = msgspec.to_builtins(msgspec.convert(number, kind)) == number
        except msgspec.ValidationError:
            right = False
        rest = {name: value for name, value in told.items() if name != SEQUENCE}
        return rest, [] if right else [f"{told.get('method', 'a reply')}: `{SEQUENCE}` is {number!r}"]


def take_complaints() -> list[str]:
    """What was wrong since this was asked last, each once."""
    taken = list(dict.fromkeys(complaints))
    complaints.clear()
    return taken


@functools.cache
def _schema_of(version: str) -> Schema | None:
    return schema(version) if codex.find(version) else None


def _declared(params: Any) -> str:
    """The version that this handshake declares: by the extension, by codex's own names; else the newest."""
    if not isinstance(params, dict):
        return codex.NEWEST
    client = params.get("clientInfo") or {}
    asked = _extensions(params).get(EXTENSION)
    if asked is None and str(client.get("name")).startswith("codex"):
        asked = client.get("version")
    return str(asked or codex.NEWEST)


def _extensions(params: Any) -> Message:
    """What this handshake asks for beyond the protocol."""
    capabilities = params.get("capabilities") if isinstance(params, dict) else None
    found = (capabilities or {}).get("extensions")
    return found if isinstance(found, dict) else {}
