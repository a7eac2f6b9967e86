"""Holds what test clients hear against the schema of the version that each declared. Owns what was seen so far."""

from __future__ import annotations

import functools
import json
from collections import Counter
from typing import Any

from protocol.dialects.versions import EXTENSION
from tests.schema.checked import Message, Schema, schema
from tests.support import codex

complaints: list[str] = []
"""What was wrong since somebody last looked."""

seen: Counter[tuple[str, str]] = Counter()
"""(version, method) -> how many notifications, or replies with a result, were valid or not in this session."""


class Witness:
    """One connection's conversation. Where the binary of its version is missing, it looks away.

    ``speaks``: the version of the server's dialect when it is known without a handshake, as with a released server.
    """

    def __init__(self, speaks: str | None = None) -> None:
        self._fixed = speaks is not None
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
        self._asked[message["id"]] = str(message.get("method"))
        if message.get("method") == "initialize" and not self._fixed:
            self._schema = _schema_of(_declared(message.get("params")))

    def received(self, message: Message) -> None:
        """The client received this."""
        if self._schema is None:
            return
        name, wrong = self._judge(self._schema, message)
        if name is not None:
            seen[self._schema.version, name] += 1
        complaints.extend(f"{self._schema.version}: {text}" for text in wrong)

    def _judge(self, known: Schema, message: Message) -> tuple[str | None, list[str]]:
        if "method" in message:
            judge = known.request if "id" in message else known.notification
            return message["method"], judge(message)
        method = self._asked.get(message.get("id"))
        if "error" in message:
            return None, known.error(method or "?", message["error"])
        if method is None:
            return None, [f"a reply to a request {message.get('id')!r} that was not made"]
        return method, known.reply(method, message.get("result"))


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
    capabilities, client = params.get("capabilities") or {}, params.get("clientInfo") or {}
    asked = (capabilities.get("extensions") or {}).get(EXTENSION)
    if asked is None and str(client.get("name")).startswith("codex"):
        asked = client.get("version")
    return str(asked or codex.NEWEST)
