"""Who may come in."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from server.auth import AuthSettings, Unauthorized, check_exposure
from server.authenticator import open_authenticator
from server.errors import ConfigError

TOKEN = "correct horse"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()


def reason(settings: AuthSettings, header: str | None) -> str:
    with pytest.raises(Unauthorized) as caught:
        open_authenticator(settings).check(header)
    assert TOKEN not in repr(caught.value)
    return caught.value.reason


def test_without_a_mode_everybody_comes_in() -> None:
    open_authenticator(AuthSettings()).check(None)


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN}  "])
def test_the_token_opens(header: str) -> None:
    open_authenticator(AuthSettings(mode="capability-token", token_sha256=f" {DIGEST.upper()} ")).check(header)


def test_the_token_of_a_file_is_trimmed(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"\n  {TOKEN}\n")
    settings = AuthSettings(mode="capability-token", token_file=tmp_path / "token")
    open_authenticator(settings).check(f"Bearer {TOKEN}")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "missing websocket bearer token"),
        ("", "invalid authorization header"),
        ("Bearer", "invalid authorization header"),
        ("Bearer  ", "invalid authorization header"),
        (f"Basic {TOKEN}", "invalid authorization header"),
        ("Bearer tökén", "invalid authorization header"),
        ("Bearer wrong", "invalid websocket bearer token"),
        (f"Bearer {DIGEST}", "invalid websocket bearer token"),
    ],
)
def test_refusals_have_reasons(header: str | None, expected: str) -> None:
    assert reason(AuthSettings(mode="capability-token", token_sha256=DIGEST), header) == expected


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (AuthSettings(token_sha256=DIGEST), "require `--ws-auth capability-token`"),
        (AuthSettings(mode="capability-token"), "is required when"),
        (AuthSettings(mode="capability-token", token_sha256=DIGEST, token_file=Path("x")), "mutually exclusive"),
        (AuthSettings(mode="capability-token", token_sha256=DIGEST[:-1]), "64-character hex"),
        (AuthSettings(mode="capability-token", token_sha256="g" * 64), "64-character hex"),
        (AuthSettings(mode="capability-token", token_file=Path("/no/such/file")), "failed to read .* No such file"),
    ],
)
def test_flags_that_do_not_fit_stop_the_start(settings: AuthSettings, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        open_authenticator(settings)


@pytest.mark.parametrize(("content", "complaint"), [(b" \n", "must not be empty"), (b"\xff\xfe", "is not UTF-8 text")])
def test_an_unusable_token_file_stops_the_start(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError, match=complaint):
        open_authenticator(AuthSettings(mode="capability-token", token_file=tmp_path / "token"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7"])
def test_an_open_door_to_the_network_needs_a_flag(host: str) -> None:
    with pytest.raises(ConfigError, match="--insecure-no-auth"):
        check_exposure(host, "none", insecure_no_auth=False)
    check_exposure(host, "none", insecure_no_auth=True)
    check_exposure(host, "capability-token", insecure_no_auth=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_needs_none(host: str) -> None:
    check_exposure(host, "none", insecure_no_auth=False)
