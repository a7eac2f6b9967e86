"""Who may open a WebSocket: the credentials check of the upgrade request, and the start-up checks around it.

Owns: the auth settings and their conditions, the Authenticator, the rule that an open door needs a flag. Must not
know: sockets, HTTP replies, connections. No token ever gets into a log line, an exception text or a repr.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from pathlib import Path
from typing import Literal, Protocol

from protocol.wire import Record
from server.errors import ConfigError

AuthMode = Literal["none", "capability-token"]

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


class Unauthorized(Exception):
    """The upgrade is refused with 401; ``reason`` is the plain-text body (spec, transport 2.3)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AuthSettings(Record):
    """What the auth flags say, unchecked. ``token_sha256`` is the hex SHA-256 of the token."""

    mode: AuthMode = "none"
    token_file: Path | None = None
    token_sha256: str | None = None


class Authenticator(Protocol):
    """Decides about one upgrade request."""

    def check(self, authorization_header: str | None) -> None:
        """Return when the bearer of this ``Authorization`` value may come in; else raise Unauthorized."""
        ...


class OpenDoor:
    """No credentials are asked for."""

    def check(self, authorization_header: str | None) -> None:
        """Let everybody in."""


class CapabilityToken:
    """Whoever holds the one token may come in. Only the token's SHA-256 is kept."""

    __slots__ = ("_digest",)

    def __init__(self, digest: bytes) -> None:
        self._digest = digest

    def check(self, authorization_header: str | None) -> None:
        """Compare in constant time; raise Unauthorized when the header is missing, malformed or wrong."""
        presented = hashlib.sha256(bearer_token(authorization_header).encode()).digest()
        if not hmac.compare_digest(presented, self._digest):
            raise Unauthorized("invalid websocket bearer token")


def bearer_token(header: str | None) -> str:
    """The token of ``Authorization: Bearer <token>``: scheme in any case, split at the first space, token trimmed.

    Raises Unauthorized with the peer's reasons: no header, or a header that is not of this form.
    """
    if header is None:
        raise Unauthorized("missing websocket bearer token")
    scheme, space, rest = header.partition(" ")
    token = rest.strip()
    if not space or scheme.lower() != "bearer" or not token or not header.isascii():
        raise Unauthorized("invalid authorization header")
    return token


def open_authenticator(settings: AuthSettings) -> Authenticator:
    """Check the settings against each other, read the token file once. Raises ConfigError with the reason."""
    given = settings.token_file is not None, settings.token_sha256 is not None
    if settings.mode == "none":
        if any(given):
            raise ConfigError("websocket auth flags require `--ws-auth capability-token`")
        return OpenDoor()
    if all(given):
        raise ConfigError("`--ws-token-file` and `--ws-token-sha256` are mutually exclusive")
    if settings.token_file is not None:
        return CapabilityToken(hashlib.sha256(_read_secret(settings.token_file).encode()).digest())
    if settings.token_sha256 is not None:
        return CapabilityToken(_parse_digest(settings.token_sha256))
    raise ConfigError("`--ws-token-file` or `--ws-token-sha256` is required when `--ws-auth capability-token` is set")


def check_exposure(host: str, mode: AuthMode, insecure_no_auth: bool) -> None:
    """Refuse to listen beyond this machine without credentials. ``host`` is a literal IP. Raises ConfigError."""
    if mode != "none" or insecure_no_auth or ipaddress.ip_address(host).is_loopback:
        return
    raise ConfigError(
        f"listening on {host} without authentication would let anyone who reaches this address run commands here. "
        "Set `--ws-auth capability-token` with `--ws-token-file` or `--ws-token-sha256`, listen on a loopback address, "
        "or pass `--insecure-no-auth` if something in front of this server checks who comes in."
    )


def _read_secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        # The original error would quote a byte of the secret, so it is not chained.
        raise ConfigError(f"websocket auth secret {path} is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"failed to read websocket auth secret {path}: {error.strerror}") from error
    if not secret:
        raise ConfigError(f"websocket auth secret {path} must not be empty")
    return secret


def _parse_digest(text: str) -> bytes:
    trimmed = text.strip()
    if not _DIGEST.fullmatch(trimmed):
        raise ConfigError("--ws-token-sha256 must be a 64-character hex SHA-256 digest")
    return bytes.fromhex(trimmed)
