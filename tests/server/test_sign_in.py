"""How browsers come in: tickets, sessions, sign-out, and what becomes of those who come with what is not theirs."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from server import attempts, sign_in, websocket
from server.attempts import Attempts
from server.grant import Grant
from server.sign_in import MAX_SESSIONS_EACH, MAX_TICKETS_EACH, SignIn
from tests.support.harness import PATIENCE, Server, running
from tests.support.pages import Reply, ask, enter, exchange, origin_of, refused, ticket

TOKEN = "correct horse battery staple"
GUARDED: dict[str, str | None] = {
    "ws-auth": "capability-token",
    "ws-token-sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
}
BEARER = f"Bearer {TOKEN}"


async def page_asks(server: Server, method: str, target: str, **headers: str) -> Reply:
    """A request of the server's own page."""
    host = server.http.removeprefix("http://")
    return await ask(server, method, target, host, Origin=origin_of(server), Sec_Fetch_Site="same-origin", **headers)


async def signed_in(server: Server) -> str:
    """The cookie of a session."""
    reply = await page_asks(server, "POST", "/session", Authorization=BEARER)
    assert reply.status == 200
    return reply.headers["set-cookie"].partition(";")[0]


async def test_a_page_gets_a_ticket_for_its_token_and_comes_in_with_it(tmp_path: Path) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        reply = await page_asks(server, "POST", "/session/ticket", Authorization=BEARER)
        assert reply.status == 200
        assert reply.json["scopes"] == ["view", "answer", "write", "admin"]
        assert reply.json["expiresIn"] == 30
        assert reply.headers["cache-control"] == "no-store"
        client = await enter(server, reply.json["ticket"])
        await client.call("initialize", clientInfo={"name": "page", "version": "1"})
        await client.settle()


async def test_a_ticket_opens_one_connection_only(tmp_path: Path) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        once = await ticket(server, TOKEN)
        await enter(server, once)
        assert await refused(server, once) == (401, sign_in.TICKET_REFUSED)


async def test_of_two_who_come_with_one_ticket_at_once_one_comes_in(tmp_path: Path) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        once = await ticket(server, TOKEN)
        came = await asyncio.gather(*(enter(server, once) for _ in range(5)), return_exceptions=True)
        assert sum(not isinstance(each, BaseException) for each in came) == 1


async def test_a_ticket_that_waited_too_long_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        monkeypatch.setattr(sign_in, "TICKET_SECONDS", 0)
        assert (await refused(server, await ticket(server, TOKEN)))[0] == 401


@pytest.mark.parametrize("origin", [None, "https://board.example"])
async def test_a_ticket_that_was_stolen_opens_nothing_from_elsewhere(tmp_path: Path, origin: str | None) -> None:
    async with running(tmp_path, flags=GUARDED | {"allow-origin": "https://board.example"}) as server:
        stolen = await ticket(server, TOKEN)
        assert (await refused(server, stolen, origin=origin))[0] == 401
        assert (await refused(server, stolen))[0] == 401, "and who was wrong with it has used it up"


@pytest.mark.parametrize("made_up", ["", "x", "é", "A" * 4000])
async def test_a_ticket_that_was_made_up_opens_nothing(tmp_path: Path, made_up: str) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        offered = {"Sec_WebSocket_Protocol": f"threadcast, threadcast.ticket.{made_up}"}
        reply = await ask(server, "GET", "/", Connection="Upgrade", Upgrade="websocket", **offered)
        assert reply.status == 401


@pytest.mark.parametrize("name", ["ticket", "token", "access_token", "Ticket", "threadcast_session"])
async def test_a_secret_in_a_url_is_refused_void_and_not_logged(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        shown = await ticket(server, TOKEN)
        for target in ("/", "/metrics", "/session", "/session/ticket"):
            reply = await page_asks(server, "GET", f"{target}?x=1&{name}={shown}", Authorization=BEARER)
            assert reply.status == 400
            assert "do not belong into a URL" in reply.body
            assert shown not in reply.body
        status, text = await refused(server, None, query=f"/?{name}={shown}")
        assert (status, "do not belong into a URL" in text) == (400, True)
        assert (await refused(server, shown))[0] == 401
    said = capsys.readouterr()
    assert shown not in said.out + said.err
    assert TOKEN not in said.out + said.err


@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {TOKEN}"])
@pytest.mark.parametrize("target", ["/session", "/session/ticket"])
async def test_without_the_token_there_is_neither_ticket_nor_session(
    tmp_path: Path, target: str, header: str | None
) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        reply = await page_asks(server, "POST", target, **({"Authorization": header} if header else {}))
        assert reply.status == 401
        assert "set-cookie" not in reply.headers


async def test_a_session_stands_for_the_token_until_it_is_signed_out(tmp_path: Path) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        opened = await page_asks(server, "POST", "/session", Authorization=BEARER)
        cookie, *attributes = opened.headers["set-cookie"].split("; ")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
        assert "Secure" not in attributes, "a page without TLS could not keep it"
        assert (await page_asks(server, "GET", "/session")).json == {"signIn": "token"}
        assert (await page_asks(server, "GET", "/session", Cookie=cookie)).json["scopes"][0] == "view"
        reply = await page_asks(server, "POST", "/session/ticket", Cookie=f"other=1; {cookie}")
        client = await enter(server, reply.json["ticket"])
        spare = (await page_asks(server, "POST", "/session/ticket", Cookie=cookie)).json["ticket"]
        gone = await page_asks(server, "DELETE", "/session", Cookie=cookie)
        assert gone.status == 204
        assert "Max-Age=0" in gone.headers["set-cookie"]
        assert await client.closed() == (1008, "signed out")
        assert (await refused(server, spare))[0] == 401
        assert (await page_asks(server, "POST", "/session/ticket", Cookie=cookie)).status == 401


async def test_a_cookie_alone_opens_no_connection(tmp_path: Path) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        cookie = await signed_in(server)
        reply = await page_asks(
            server, "GET", "/", Cookie=cookie, Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Version="13"
        )
        assert reply.status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://board.example", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "https://board.example"},
        {"Origin": "http://localhost", "Sec_Fetch_Site": "same-site"},
    ],
)
async def test_no_other_site_can_use_the_cookie(tmp_path: Path, headers: dict[str, str]) -> None:
    async with running(tmp_path, flags=GUARDED | {"allow-origin": "https://board.example"}) as server:
        cookie = await signed_in(server)
        for method, target in (("POST", "/session/ticket"), ("DELETE", "/session"), ("POST", "/session")):
            assert (await ask(server, method, target, Cookie=cookie, **headers)).status in (401, 403)
        assert "scopes" in (await page_asks(server, "GET", "/session", Cookie=cookie)).json, "it is still signed in"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("target", ["/session", "/session/ticket"])
async def test_a_form_of_another_site_does_nothing(tmp_path: Path, target: str, kind: str) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        cookie = await signed_in(server)
        head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nCookie: {cookie}\r\n"
        for body in (b"", f"token={TOKEN}".encode()):
            length = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
            answer = await exchange(server, (head + length).encode() + body)
            assert answer == b"" or Reply(answer).status in (400, 403)
            assert b"ticket" not in answer
            assert b"Set-Cookie" not in answer


async def test_behind_tls_the_cookie_is_for_tls_alone(tmp_path: Path) -> None:
    flags = GUARDED | {"allow-origin": "https://board.example", "allow-host": "board.example"}
    async with running(tmp_path, flags=flags) as server:
        reply = await ask(
            server, "POST", "/session", "board.example", Origin="https://board.example", Authorization=BEARER
        )
        assert reply.status == 200
        assert reply.headers["set-cookie"].endswith("; Secure")


async def test_a_page_of_an_allowed_origin_may_ask_for_tickets_and_read_the_answer(tmp_path: Path) -> None:
    async with running(tmp_path, flags=GUARDED | {"allow-origin": "https://board.example"}) as server:
        elsewhere = {"Origin": "https://board.example"}
        before = await ask(server, "OPTIONS", "/session/ticket", **elsewhere, Access_Control_Request_Method="POST")
        assert (before.status, before.headers["access-control-allow-headers"]) == (204, "Authorization")
        reply = await ask(server, "POST", "/session/ticket", **elsewhere, Authorization=BEARER)
        assert reply.headers["access-control-allow-origin"] == "https://board.example"
        assert "access-control-allow-credentials" not in reply.headers
        await enter(server, reply.json["ticket"], origin="https://board.example")


async def test_where_no_token_is_asked_for_a_page_needs_no_ticket(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        assert (await page_asks(server, "GET", "/session")).json["signIn"] == "none"
        await enter(server, None)
        opened = await page_asks(server, "POST", "/session")
        assert (opened.json["signIn"], "set-cookie" in opened.headers) == ("none", False)


async def test_who_guesses_is_not_heard_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "BURST", 3)
    monkeypatch.setattr(attempts, "REFILL", 1e9)
    async with running(tmp_path, flags=GUARDED) as server:
        for guess in ("a", "b", "c"):
            assert (await page_asks(server, "POST", "/session/ticket", Authorization=f"Bearer {guess}")).status == 401
        for target in ("/session", "/session/ticket"):
            reply = await page_asks(server, "POST", target, Authorization=BEARER)
            assert (reply.status, "retry-after" in reply.headers) == (429, True)
        assert (await refused(server, "made-up"))[0] == 429
        assert (await ask(server, "GET", "/metrics", Authorization=BEARER)).status == 429


def test_failures_are_forgotten_with_time_and_networks_without_bound_are_not_kept() -> None:
    now = [0.0]
    counted = Attempts(lambda: now[0])
    for _ in range(attempts.BURST):
        assert not counted.refused("2001:db8::1")
        counted.failed("2001:db8::1")
    assert counted.refused("2001:db8::2"), "of one network"
    assert not counted.refused("2001:db8:0:1::1")
    now[0] += 2 * attempts.REFILL
    assert not counted.refused("2001:db8::1")
    for number in range(2 * attempts.MAX_ADDRESSES):
        counted.failed(f"10.0.{number >> 8}.{number & 255}")
    assert len(counted._failed) == attempts.MAX_ADDRESSES


def test_tickets_and_sessions_are_bounded_for_each_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "MAX_SESSIONS", MAX_SESSIONS_EACH + 2)
    kept = SignIn.__new__(SignIn)
    SignIn.__init__(kept, None)  # type: ignore[arg-type]
    greedy, modest = Grant(), Grant()
    for _ in range(MAX_TICKETS_EACH):
        kept.issue(greedy, None)
    with pytest.raises(sign_in.TooMany):
        kept.issue(greedy, None)
    kept.issue(modest, None)
    first = kept.open_session(greedy)
    sessions = [kept.open_session(greedy) for _ in range(MAX_SESSIONS_EACH)]
    assert kept.session(first) is None, "the oldest of its own went"
    others = [kept.open_session(Grant()) for _ in range(3)]
    assert kept.session(others[-1]) is not None
    assert len(kept._sessions) == MAX_SESSIONS_EACH + 2
    assert kept.session(sessions[-1]) is not None


async def test_the_head_of_a_request_is_bounded_in_size(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        lines = "".join(f"X-{number}: {'x' * 4000}\r\n" for number in range(100))
        request = f"GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode()
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.app.listener.port)
            writer.write(request)
            try:
                answer = await reader.read()
            except ConnectionResetError:
                answer = b""  # it did not take all of it, and the system says so at once
            writer.close()
        assert answer == b"" or Reply(answer).status == 431
        line = f"GET /{'x' * 20000} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        assert Reply(await exchange(server, line)).status == 414


async def test_who_says_a_request_too_slowly_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "HEAD_SECONDS", 0.2)
    async with running(tmp_path) as server, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.app.listener.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: local")
        await reader.read()
        writer.close()


async def test_of_too_many_who_say_nothing_the_first_have_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.arrival.MAX_ARRIVING", 5)
    async with running(tmp_path) as server, asyncio.timeout(PATIENCE):
        silent = [await asyncio.open_connection("127.0.0.1", server.app.listener.port) for _ in range(8)]
        for reader, _ in silent[:3]:
            assert await reader.read() == b""
        assert (await ask(server, "GET", "/healthz")).status == 200
        (await server.client()).log.clear()
        for _, writer in silent:
            writer.close()
