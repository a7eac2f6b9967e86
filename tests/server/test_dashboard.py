"""The page and what belongs to it: headers, caching, and paths that try to lead elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.dashboard import STATIC, read_assets
from tests.support.harness import running
from tests.support.pages import ask, exchange


async def test_the_page_is_shown_and_may_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        reply = await ask(server, "GET", "/")
        assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert reply.raw == (STATIC / "index.html").read_bytes()
        policy = dict(part.split(" ", 1) for part in reply.headers["content-security-policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "connect-src": "'self'",
            "img-src": "'self' data:",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cross-origin-opener-policy"] == "same-origin"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"


async def test_what_a_browser_has_is_not_sent_again(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        first = await ask(server, "GET", "/")
        for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
            again = await ask(server, "GET", "/", If_None_Match=known)
            assert (again.status, again.raw) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
        assert (await ask(server, "GET", "/", If_None_Match='"other"')).status == 200
        head = await ask(server, "HEAD", "/")
        assert (head.status, head.raw, head.headers["content-length"]) == (200, b"", str(len(first.raw)))


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../__init__.py",
        "/assets/../../web.py",
        "/assets/%2e%2e/__init__.py",
        "/assets/..%2f__init__.py",
        "/assets/....//__init__.py",
        "/assets//etc/passwd",
        "/assets/..\\__init__.py",
        "/assets/index.html%00.js",
        "/assets/index.html/",
        "/assets/",
        "//etc/passwd",
        "/../../../../etc/passwd",
        "http://localhost/etc/passwd",
    ],
)
async def test_no_path_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as server:
        reply = await ask(server, "GET", path)
        assert reply.status in (400, 404)
        assert "import" not in reply.body
        assert "root:" not in reply.body
        raw = f"GET {path}\xff HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1")
        assert b" 200 " not in await exchange(server, raw)


def test_links_and_files_of_other_kinds_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "notes.py").write_text("secret = 1")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "part.js").write_text("1")
    assert set(read_assets(tmp_path)) == {"/", "/assets/index.html", "/assets/deep/part.js"}


async def test_the_socket_in_the_file_system_shows_no_page(tmp_path: Path) -> None:
    async with running(tmp_path, flags={"listen": f"ws://127.0.0.1:0,unix://{tmp_path}/s"}) as server:
        web = server.app.listener._doors[1]._web  # type: ignore[attr-defined]
        assert web._origins is None
