"""Which pages may speak to the server, and under which names: foreign ones, those of nowhere, and rebound names."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from server.config import Config
from server.errors import ConfigError
from server.origins import Origins
from tests.support.harness import Server, running
from tests.support.pages import UPGRADE, Reply, ask, enter, exchange, origin_of, refused

FOREIGN = [
    "https://evil.example",
    "null",
    "",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "https://localhost",
    "http://localhost.evil.example",
    "http://evil.example#http://localhost",
    "file://",
    "https://BOARD.example",
    "https://board.example:8443",
    "http://board.example",
    "https://board.example.evil.example",
]


async def outcomes(server: Server, host: str, **headers: str) -> set[int]:
    """The statuses of everything that acts or tells something."""
    asked = [("GET", "/"), ("GET", "/metrics"), ("GET", "/session"), ("GET", "/assets/index.html"), ("GET", "/nothing")]
    asked += [("POST", "/session"), ("POST", "/session/ticket"), ("DELETE", "/session"), ("OPTIONS", "/session")]
    statuses = {(await ask(server, method, target, host, **headers)).status for method, target in asked}
    return statuses | {(await ask(server, "GET", "/", host, **UPGRADE, **headers)).status}


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_gets_nothing_but_403(tmp_path: Path, origin: str) -> None:
    async with running(tmp_path, flags={"allow-origin": "https://board.example"}) as server:
        assert await outcomes(server, "localhost", Origin=origin) == {403}
        assert (await ask(server, "GET", "/healthz", Origin=origin)).status == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "6.6.6.6",
        "[2001:db8::1]",
        "",
        "a b",
    ],
)
async def test_under_a_name_that_is_not_ours_nothing_is_served(tmp_path: Path, host: str) -> None:
    async with running(tmp_path) as server:
        assert await outcomes(server, host) == {403}
        assert await outcomes(server, host, Origin=f"http://{host}") == {403}, "its name was made to point here"
        assert (await ask(server, "GET", "/healthz", host)).status == 200, "a probe may call us what it likes"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "localhost.", "127.0.0.1", "127.0.0.1:8390", "[::1]:1"])
async def test_the_names_of_loopback_are_ours(tmp_path: Path, host: str) -> None:
    async with running(tmp_path) as server:
        assert (await ask(server, "GET", "/", host)).status == 200
        half = {name: value for name, value in UPGRADE.items() if name != "Sec-WebSocket-Key"}
        assert (await ask(server, "GET", "/", host, **half)).status == 400
        assert (await ask(server, "GET", "/session", host, Origin=f"http://{host}".lower())).status == 200


async def test_allowed_pages_and_our_own_come_in(tmp_path: Path) -> None:
    async with running(tmp_path, flags={"allow-origin": "https://a.example, http://b.example:8080"}) as server:
        for origin in (origin_of(server), "https://a.example", "http://b.example:8080"):
            client = await enter(server, None, origin)
            await client.call("initialize", clientInfo={"name": "page", "version": "1"})
        assert (await refused(server, None, "http://b.example"))[0] == 403


async def test_null_comes_in_only_where_it_is_allowed_by_name(tmp_path: Path) -> None:
    async with running(tmp_path, flags={"allow-origin": "null"}) as server:
        await enter(server, None, "null")


async def test_an_allowed_name_is_ours_with_any_port_or_with_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, flags={"allow-host": "Board.example,one.example:8443"}) as server:
        for host in ("board.example", "board.example:1", "BOARD.EXAMPLE", "one.example:8443"):
            assert (await ask(server, "GET", "/", host)).status == 200, host
        for host in ("one.example", "one.example:1", "www.board.example"):
            assert (await ask(server, "GET", "/", host)).status == 403, host


async def test_a_header_that_stands_twice_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        for twice in (f"Origin: {origin_of(server)}", "Host: localhost", "Authorization: Bearer x"):
            request = f"GET / HTTP/1.1\r\nHost: localhost\r\n{twice}\r\n{twice}\r\n\r\n"
            assert Reply(await exchange(server, request.encode())).status == 400, twice


async def test_who_is_no_browser_needs_no_origin(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        assert (await ask(server, "GET", "/nothing", host=None)).status == 400
        with pytest.raises(InvalidStatus):
            await connect(server.url, origin="https://evil.example")  # type: ignore[arg-type]
        await (await server.client()).settle()


def test_a_server_for_every_address_is_known_by_any_address_and_by_the_name_of_its_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Box")
    everywhere = Origins("0.0.0.0")
    known = ["10.0.0.5:8390", "[fe80::1]", "localhost", "box", "BOX:1"]
    assert [name for name in known if not everywhere.knows(name)] == []
    assert [name for name in ("evil.example", "box.evil.example") if everywhere.knows(name)] == []
    one = Origins("10.0.0.5")
    assert one.knows("10.0.0.5:1")
    assert not any(one.knows(name) for name in ("10.0.0.6", "localhost", "127.0.0.1", "box"))


@pytest.mark.parametrize(
    "text",
    [
        "board.example",
        "https://board.example/",
        "https://board.example/path",
        "https://Board.example",
        "https://board.example:443",
        "http://board.example:80",
        "*",
        "https://*.example",
        "https://a@board.example",
    ],
)
def test_an_origin_that_no_browser_would_send_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigError, match="is no origin"):
        Config.load({"allow-origin": text}, {})


def test_origins_and_names_can_stand_in_the_environment() -> None:
    environ = {"THREADCAST_ALLOW_ORIGIN": "https://a.example,https://b.example", "THREADCAST_ALLOW_HOST": "A.example"}
    config = Config.load({}, environ)
    assert config.allow_origin == ("https://a.example", "https://b.example")
    assert config.allow_host == ("a.example",)
    with pytest.raises(ConfigError, match="no name of a host"):
        Config.load({"allow-host": "https://a.example"}, {})
