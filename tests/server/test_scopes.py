"""Who may do what: every method with every scope, what settings could smuggle in, and credentials that end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from protocol.dialects.versions import V0_169
from protocol.errors import FORBIDDEN
from protocol.method import Method
from protocol.methods import METHODS
from protocol.scope import EXTENSION, SCOPES, Scope
from protocol.thread import SessionOverrides
from server import listener
from server.providers.scripted import Response, completed, message
from tests.conversations.test_apply_patch import ADD, patch
from tests.support.harness import Client, Refused, Server, running
from tests.support.pages import ask, enter, ticket

SECRET = "a secret, shared, of so many bytes that no algorithm that is tried here warns"
SIGNED: dict[str, str | None] = {"ws-auth": "signed-bearer-token"}

VIEWED = [
    "initialize",
    "thread/resume",
    "thread/read",
    "thread/list",
    "thread/loaded/list",
    "thread/unsubscribe",
    "thread/turns/list",
    "thread/items/list",
    "thread/items/read",
    "thread/searchOccurrences",
    "thread/goal/get",
    "thread/backgroundTerminals/list",
    "threadcast/usage/read",
    "threadcast/usage/list",
    "account/read",
    "account/rateLimits/read",
    "model/list",
    "collaborationMode/list",
    "experimentalFeature/list",
    "mcpServerStatus/list",
    "config/read",
    "configRequirements/read",
    "skills/list",
    "hooks/list",
    "plugin/installed",
    "plugin/list",
    "app/list",
    "app/installed",
    "permissionProfile/list",
    "modelProvider/list",
    "modelProvider/capabilities/read",
    "account/bedrock/checkGovCloudRequirements",
    "account/usage/read",
    "environment/status",
    "environment/info",
    "remoteControl/status/read",
    "threadcast/presence/list",
]
"""What everybody may ask who came in: it changes nothing and runs nothing."""

OPERATED = (
    "fs/",
    "command/",
    "process/",
    "config/value/",
    "config/batch",
    "config/mcp",
    "mcpServer/",
    "thread/delete",
    "thread/shellCommand",
)
"""What nobody may ask but an admin: beginnings of names."""

MINIMAL: dict[str, dict[str, Any]] = {
    "thread/start": {},
    "thread/resume": {"threadId": "t"},
    "thread/fork": {"threadId": "t"},
    "thread/settings/update": {"threadId": "t"},
    "turn/start": {"threadId": "t", "input": []},
    "skills/list": {},
}


def tokens(home: Path, *lines: str) -> dict[str, str | None]:
    """Settings of a server with these lines in its token file."""
    home.mkdir(exist_ok=True)
    (home / "tokens").write_text("\n".join(lines) + "\n")
    return {"ws-auth": "capability-token", "ws-token-file": str(home / "tokens")}


async def holder(server: Server, token: str, **options: Any) -> Client:
    """A client with this token."""
    return await server.client(additional_headers={"Authorization": f"Bearer {token}"}, **options)


@asynccontextmanager
async def scoped(tmp_path: Path) -> AsyncIterator[Server]:
    """A server with a token named after each scope, and one for all, named ``full``."""
    lines = [f"scopes={scope} {scope}" for scope in SCOPES]
    script: list[Response] = [[message("fine"), completed()] for _ in range(2)]
    flags = tokens(tmp_path, *lines, "# a remark", "", "full")
    async with running(tmp_path / "home", *script, flags=flags) as server:
        yield server


@pytest.mark.parametrize("scope", SCOPES)
async def test_every_method_is_refused_without_its_scope_and_heard_with_it(tmp_path: Path, scope: Scope) -> None:
    async with scoped(tmp_path) as server:
        client = await holder(server, scope, version=V0_169)
        for method in METHODS[1:]:  # a second handshake would only confuse the check of what is heard
            answer = await client.reply(await client.post(method.name, {"none": "of these"}))
            error = answer.get("error", {})
            if method.scope in ("view", scope):
                assert error.get("code") != FORBIDDEN, method.name
            else:
                expected = [each for each in SCOPES if each in ("view", scope)]
                assert error["code"] == FORBIDDEN, method.name
                assert error["message"] == (
                    f"`{method.name}` needs the scope `{method.scope}`, which this connection does not have"
                )
                assert error["data"] == {"requiredScope": method.scope, "scopes": expected, "type": "missingScope"}
        unknown = await client.reply(await client.post("no/such/method"))
        assert unknown["error"]["code"] == -32600


def test_what_everybody_may_ask_and_what_only_admins_may_is_said_by_name() -> None:
    assert [method.name for method in METHODS if method.scope == "view"] == VIEWED
    assert {m.scope for m in METHODS if m.name.startswith(OPERATED)} == {"admin"}
    assert Method("new/method", dict, dict).scope == "admin", "who forgets to say it has said the safe thing"


def settings(method: Method[Any, Any]) -> Any:
    return method.decoder.decode(msgspec.json.encode(MINIMAL[method.name]))


RAISED = [(method, name, scope) for method in METHODS for name, scope in method.raised.items()]


@pytest.mark.parametrize(("method", "name", "scope"), RAISED, ids=lambda value: getattr(value, "name", str(value)))
def test_a_setting_that_widens_what_may_be_done_needs_its_scope(
    method: Method[Any, Any], name: str, scope: str
) -> None:
    params = msgspec.structs.replace(settings(method), **{name: ["/"]})
    lesser = frozenset(each for each in SCOPES if each != scope)
    assert method.missing(settings(method), frozenset({method.scope})) is None
    found = method.missing(params, lesser)
    assert found is not None
    assert (found[0].startswith(f"{method.name}."), found[1]) == (True, scope)
    assert method.missing(params, frozenset[Any]({method.scope, scope})) is None


def test_who_only_watches_can_set_nothing_when_a_thread_is_loaded() -> None:
    (resume,) = (method for method in METHODS if method.name == "thread/resume")
    assert {field.name for field in msgspec.structs.fields(SessionOverrides)} <= resume.raised.keys()


async def test_settings_cannot_smuggle_in_what_a_scope_does_not_give(tmp_path: Path) -> None:
    async with scoped(tmp_path) as server:
        owner, writer, viewer = [await holder(server, name) for name in ("full", "write", "view")]
        thread_id = (await owner.call("thread/start"))["thread"]["id"]
        await owner.run_turn(thread_id, "hello")
        attempts: list[tuple[Client, str, dict[str, Any]]] = [
            (viewer, "thread/resume", {"sandbox": "danger-full-access"}),
            (viewer, "thread/resume", {"config": {"sandbox_mode": "danger-full-access"}}),
            (viewer, "thread/resume", {"path": "/etc/passwd"}),
            (viewer, "thread/resume", {"model": "other"}),
            (viewer, "thread/resume", {"serviceTier": None}),
            (writer, "turn/start", {"input": [], "sandboxPolicy": {"type": "dangerFullAccess"}}),
            (writer, "turn/start", {"input": [], "approvalPolicy": "never"}),
            (writer, "turn/start", {"input": [], "cwd": "/"}),
            (writer, "thread/settings/update", {"permissions": ":danger-full-access"}),
            (writer, "thread/fork", {"config": {}}),
            (writer, "thread/start", {"config": {"model_providers": {}}}),
        ]
        for client, method, params in attempts:
            with pytest.raises(Refused) as refused:
                await client.call(method, threadId=thread_id, **params)
            assert refused.value.code == FORBIDDEN, (method, params)
        await viewer.call("thread/resume", threadId=thread_id)
        await writer.call("thread/resume", threadId=thread_id)
        assert (await writer.run_turn(thread_id, "again"))["status"] == "completed"


async def test_a_viewer_sees_what_happens_and_changes_nothing(tmp_path: Path) -> None:
    async with scoped(tmp_path) as server:
        owner, viewer = await holder(server, "full"), await holder(server, "view")
        thread_id = (await owner.call("thread/start"))["thread"]["id"]
        await owner.run_turn(thread_id, "hello")
        attached = await viewer.call("thread/resume", threadId=thread_id)
        assert attached["thread"]["turns"]
        await viewer.hear("thread/tokenUsage/updated")
        await owner.run_turn(thread_id, "and live")
        await viewer.hear("turn/started")
        await viewer.hear("item/agentMessage/delta")
        await viewer.hear("thread/tokenUsage/updated")
        await viewer.hear("turn/completed")
        with pytest.raises(Refused, match="needs the scope `write`"):
            await viewer.start_turn(thread_id, "me too")


async def test_an_answer_of_who_may_not_answer_decides_nothing(tmp_path: Path) -> None:
    async with scoped(tmp_path) as server:
        for name in ("view", "write", "admin"):
            client = await holder(server, name)
            await client.send_text('{"id": 0, "result": {"decision": "accept"}}')
            told = await client.reply(None)
            assert told["error"]["code"] == FORBIDDEN
            assert told["error"]["data"]["requiredScope"] == "answer"
        answering = await holder(server, "answer")
        await answering.send_text('{"id": 0, "result": {"decision": "accept"}}')
        await answering.settle()
        assert answering.log == []


async def test_an_approval_waits_for_who_may_give_it(tmp_path: Path) -> None:
    lines = [f"scopes={scope} {scope}" for scope in SCOPES]
    flags = tokens(tmp_path, *lines, "full")
    async with running(tmp_path / "home", patch(ADD), [message("done"), completed()], flags=flags) as server:
        owner, viewer, answering = [await holder(server, name) for name in ("full", "view", "answer")]
        (tmp_path / "work").mkdir()
        started = await owner.call(
            "thread/start", cwd=str(tmp_path / "work"), sandbox="read-only", approvalPolicy="on-request"
        )
        thread_id = started["thread"]["id"]
        await owner.start_turn(thread_id, "go")
        question = await owner.asked("item/fileChange/requestApproval")
        for client in (viewer, answering):
            await client.call("thread/resume", threadId=thread_id)
            assert (await client.asked("item/fileChange/requestApproval"))["id"] == question["id"]
        await viewer.answer(question, decision="accept")
        assert (await viewer.reply(None))["error"]["code"] == FORBIDDEN
        assert not (tmp_path / "work" / "new.txt").exists()
        assert owner.heard("serverRequest/resolved") == []
        await answering.answer(question, decision="accept")
        for client in (owner, viewer, answering):
            await client.hear("serverRequest/resolved", requestId=question["id"])
        await owner.hear("turn/completed")
        assert (tmp_path / "work" / "new.txt").exists()


async def test_scopes_are_told_to_who_asks_for_them(tmp_path: Path) -> None:
    async with scoped(tmp_path) as server:
        client = await enter(server, await ticket(server, "answer"))
        hello: Mapping[str, Any] = {"clientInfo": {"name": "page", "version": "1"}}
        reply = await client.call("initialize", **hello, capabilities={"extensions": {EXTENSION: True}})
        assert reply["extensions"] == {EXTENSION: ["view", "answer"]}
        other = await server.connect(additional_headers={"Authorization": "Bearer full"})
        assert "extensions" not in await other.call("initialize", **hello)


async def test_a_token_that_leaves_the_file_takes_everybody_along_who_came_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "REFRESH_SECONDS", 0.02)
    flags = tokens(tmp_path, "first", "scopes=view second")
    async with running(tmp_path / "home", flags=flags) as server:
        first, second = await holder(server, "first"), await holder(server, "second")
        page = await enter(server, await ticket(server, "first"))
        unused = await ticket(server, "first")
        tokens(tmp_path, "scopes=view second", "third")
        revoked = (1008, "the credential of this connection was revoked")
        assert await first.closed() == revoked
        assert await page.closed() == revoked
        await second.settle()
        await (await holder(server, "third")).settle()
        with pytest.raises(InvalidStatus):
            await holder(server, "first")
        with pytest.raises(InvalidStatus):
            await enter(server, unused)
        tokens(tmp_path, "second", "third")
        assert await second.closed() == revoked, "its scopes are others now"
        (tmp_path / "tokens").unlink()
        assert [await each.closed() for each in server._clients[-1:]] == [revoked]
        assert (await ask(server, "GET", "/metrics", Authorization="Bearer third")).status == 401


def bearer(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A signed token."""
    return jwt.encode({"exp": int(time.time()) + 86_400, **claims}, secret, algorithm=algorithm)


def signed(tmp_path: Path, **more: str) -> dict[str, str | None]:
    """Settings of a server that takes such tokens."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    return {**SIGNED, "ws-shared-secret-file": str(tmp_path / "secret"), "ws-max-clock-skew-seconds": "0", **more}


async def test_a_signed_bearer_brings_its_scopes_and_others_words_for_it_count_for_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "home", flags=signed(tmp_path)) as server:
        for named, expected in [
            ({}, list(SCOPES)),
            ({"scope": "view answer"}, ["view", "answer"]),
            ({"scope": "openid Admin"}, ["view"]),
            ({"scope": ""}, ["view"]),
        ]:
            reply = await ask(server, "POST", "/session/ticket", Authorization=f"Bearer {bearer(**named)}")
            assert reply.json["scopes"] == expected


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("a.b.c", "invalid websocket jwt"),
        (bearer(secret="x" * 40), "invalid websocket jwt"),
        (bearer(algorithm="HS512"), "invalid websocket jwt"),
        (jwt.encode({"exp": 9_999_999_999}, "", algorithm="none"), "invalid websocket jwt"),
        (jwt.encode({"scope": "view"}, SECRET), "invalid websocket jwt"),
        (bearer(exp=1.5), "invalid websocket jwt"),
        (bearer(iss="me", aud="us", scope=["admin"]), "invalid websocket jwt"),
        (bearer(exp=1), "expired websocket jwt"),
        (bearer(nbf=int(time.time()) + 86_400), "websocket jwt is not valid yet"),
        (bearer(aud="us"), "websocket jwt issuer mismatch"),
        (bearer(iss="them"), "websocket jwt issuer mismatch"),
        (bearer(iss="me", aud=["them"]), "websocket jwt audience mismatch"),
        (bearer(iss="me"), "websocket jwt audience mismatch"),
    ],
)
async def test_a_bearer_that_was_not_signed_for_now_and_here_is_refused(
    tmp_path: Path, token: str, reason: str
) -> None:
    flags = signed(tmp_path, **{"ws-issuer": "me", "ws-audience": "us"})
    async with running(tmp_path / "home", flags=flags) as server:
        reply = await ask(server, "GET", "/metrics", Authorization=f"Bearer {token}")
        assert (reply.status, reply.body) == (401, reason)
        good = bearer(iss="me", aud=["them", "us"])
        assert (await ask(server, "GET", "/metrics", Authorization=f"Bearer {good}")).status == 200


async def test_a_connection_does_not_outlive_its_bearer(tmp_path: Path) -> None:
    async with running(tmp_path / "home", flags=signed(tmp_path)) as server:
        soon = bearer(exp=int(time.time()) + 2)
        page = await enter(server, await ticket(server, soon))
        lasting = await holder(server, bearer())
        assert await page.closed() == (1008, "the credential of this connection has expired")
        await lasting.settle()


async def test_another_secret_ends_what_the_old_one_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "REFRESH_SECONDS", 0.02)
    async with running(tmp_path / "home", flags=signed(tmp_path)) as server:
        client = await holder(server, bearer())
        (tmp_path / "secret").write_text("another secret, of more than thirty-two bytes")
        assert (await client.closed())[0] == 1008
        with pytest.raises(InvalidStatus):
            await holder(server, bearer())
        await holder(server, bearer(secret="another secret, of more than thirty-two bytes"))


async def test_whoever_opened_a_session_loses_it_with_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "REFRESH_SECONDS", 0.02)
    async with running(tmp_path / "home", flags=tokens(tmp_path, "first", "second")) as server:
        own = {"host": server.http.removeprefix("http://"), "Origin": server.http}
        opened = await ask(server, "POST", "/session", Authorization="Bearer first", **own)
        cookie = opened.headers["set-cookie"].partition(";")[0]
        client = await enter(
            server, (await ask(server, "POST", "/session/ticket", Cookie=cookie, **own)).json["ticket"]
        )
        tokens(tmp_path, "second")
        assert (await client.closed())[0] == 1008
        assert (await ask(server, "POST", "/session/ticket", Cookie=cookie, **own)).status == 401


async def test_a_server_that_nobody_may_enter_twice_keeps_nothing_of_those_who_left(tmp_path: Path) -> None:
    async with running(tmp_path / "home", flags=tokens(tmp_path, "first")) as server:
        grant = server.app.listener._sign_in.authenticator.check("Bearer first")
        for _ in range(3):
            await (await holder(server, "first")).close()
    assert not grant._held
