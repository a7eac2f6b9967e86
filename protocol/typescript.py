"""Types for TypeScript, made of the JSON Schema of the wire. Knows no type of ours, only schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Node = Mapping[str, Any]

_NAMES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")

_HEAD = """\
// Types of the Threadcast protocol, printed by `threadcast schema --typescript`.

export type RequestId = number | string;
"""

_TAIL = """\
export type Method = keyof Requests;
export type Request<M extends Method = Method> = {
  [N in M]: { id: RequestId; method: N } & Params<Requests[N]["params"]>;
}[M];
export type Notification<N extends keyof Notifications = keyof Notifications> = {
  [M in N]: { method: M; params: Notifications[M]; sequence?: Number };
}[N];
export type Question<Q extends keyof Questions = keyof Questions> = {
  [M in Q]: { method: M; id: number; params: Questions[M]["params"] };
}[Q];
export type Reply<M extends Method = Method> = { id: RequestId; result: Requests[M]["result"] };
export type Refusal = { id: RequestId | null; error: ErrorBody };
export type FromServer = Notification | Question | Reply | Refusal;
type Params<P> = null extends P ? { params?: P } : { params: P };
"""


def declarations(document: Node) -> str:
    """The text of a ``.d.ts`` file: an interface for each type, and maps from methods to what belongs to them."""
    defs: Mapping[str, Node] = document["$defs"]
    messages = {"ClientRequest", "ServerNotification", "ServerRequest", "Reply", "Refusal"}
    parts = [_HEAD, *(_interface(name, node) for name, node in defs.items() if name not in messages)]
    results, answers = document["x-results"], document["x-answers"]
    parts.append(_pairs("Requests", defs["ClientRequest"], results))
    told = {_method(each): _type(each["properties"]["params"]) for each in defs["ServerNotification"]["oneOf"]}
    parts.append(_map("Notifications", told))
    parts.append(_pairs("Questions", defs["ServerRequest"], answers))
    return "\n".join([*parts, _TAIL])


def _interface(name: str, node: Node) -> str:
    lines = [f"/** {node['description'].replace('*/', '* /')} */", f"export interface {name} {{"]
    for member, inner in node["properties"].items():
        optional = "" if member in node["required"] else "?"
        lines.append(f"  {_key(member)}{optional}: {_type(inner)};")
    return "\n".join([*lines, "}", ""])


def _pairs(name: str, messages: Node, results: Mapping[str, Node]) -> str:
    pairs = {
        _method(each): f"{{ params: {_type(each['properties']['params'])}; result: {_type(results[_method(each)])} }}"
        for each in messages["oneOf"]
    }
    return _map(name, pairs)


def _map(name: str, entries: Mapping[str, str]) -> str:
    lines = [f"  {json.dumps(key)}: {value};" for key, value in entries.items()]
    return "\n".join([f"export interface {name} {{", *lines, "}", ""])


def _method(message: Node) -> str:
    return str(message["properties"]["method"]["const"])


def _type(node: Node) -> str:
    if "$ref" in node:
        return str(node["$ref"]).rpartition("/")[2]
    if "const" in node:
        return json.dumps(node["const"])
    if "enum" in node:
        return " | ".join(json.dumps(value) for value in node["enum"])
    if "anyOf" in node:
        return " | ".join(dict.fromkeys(_type(each) for each in node["anyOf"]))
    kind = node.get("type")
    if isinstance(kind, list):
        names: list[str] = [str(each) for each in kind]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return " | ".join(dict.fromkeys(_type({**node, "type": each}) for each in names))
    if kind == "array":
        return f"Array<{_type(node['items'])}>" if "items" in node else "unknown[]"
    if kind == "object":
        return f"{{ [member: string]: {_type(node.get('additionalProperties', {}))} }}"
    return _NAMES.get(str(kind), "unknown")


def _key(member: str) -> str:
    return member if _IDENTIFIER.fullmatch(member) else json.dumps(member)
