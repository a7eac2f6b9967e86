"""Who may come in: the check of a bearer credential, and the start-up checks around it.

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

import structlog

from protocol.scope import SCOPES, Scope
from protocol.wire import Record
from server.errors import ConfigError
from server.grant import EVERYTHING, Grant

AuthMode = Literal["none", "capability-token", "signed-bearer-token"]

REVOKED = "the credential of this connection was revoked"

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_SCOPED = re.compile(r"scopes=(?P<scopes>\S*)\s+(?P<token>.*)")

_log = structlog.get_logger(__name__)


class Unauthorized(Exception):
    """The request is refused with 401; ``reason`` is the plain-text body (spec, transport 2.3)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AuthSettings(Record):
    """What the auth flags say, unchecked. ``token_sha256`` is the hex SHA-256 of the token."""

    mode: AuthMode = "none"
    token_file: Path | None = None
    token_sha256: str | None = None
    shared_secret_file: Path | None = None
    issuer: str | None = None
    audience: str | None = None
    max_clock_skew: float = 30.0


class Authenticator(Protocol):
    """Decides about one request."""

    @property
    def asks(self) -> bool:
        """Whether credentials are asked for."""
        ...

    def check(self, authorization_header: str | None) -> Grant:
        """What the bearer of this ``Authorization`` value may do; raises Unauthorized when there is none."""
        ...

    def refresh(self) -> None:
        """Read again what may have changed; end the grants of credentials that are gone."""
        ...


class OpenDoor:
    """No credentials are asked for."""

    asks = False

    def __init__(self) -> None:
        self._grant = Grant()

    def check(self, authorization_header: str | None) -> Grant:
        """Let everybody in."""
        return self._grant

    def refresh(self) -> None:
        """Nothing changes."""


class CapabilityTokens:
    """Whoever holds one of the tokens may come in. Only their SHA-256 is kept. ``file``: where they are, if in one."""

    asks = True

    def __init__(self, tokens: dict[bytes, frozenset[Scope]], file: Path | None = None) -> None:
        self._file = file
        self._grants = {digest: Grant(scopes) for digest, scopes in tokens.items()}

    def check(self, authorization_header: str | None) -> Grant:
        """Compare in constant time; raise Unauthorized when the header is missing, malformed or wrong."""
        presented = hashlib.sha256(bearer_token(authorization_header).encode()).digest()
        found: Grant | None = None
        for digest, grant in self._grants.items():  # all of them: how long it takes tells nothing
            if hmac.compare_digest(presented, digest):
                found = grant
        if found is None:
            raise Unauthorized("invalid websocket bearer token")
        return found

    def refresh(self) -> None:
        """Read the file again. A token that is gone, or whose scopes changed, ends; without a file all do."""
        if self._file is None:
            return
        try:
            tokens = read_tokens(self._file)
        except ConfigError as error:
            if self._grants:
                _log.error("token_file_unusable", reason=str(error))
            tokens = {}
        gone = [digest for digest, grant in self._grants.items() if tokens.get(digest) != grant.scopes]
        ended = [self._grants.pop(digest) for digest in gone]
        for digest, scopes in tokens.items():
            self._grants.setdefault(digest, Grant(scopes))
        for grant in ended:
            grant.end(REVOKED)
        if ended:
            _log.info("credentials_revoked", count=len(ended))


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


def check_exposure(host: str, mode: AuthMode, insecure_no_auth: bool) -> None:
    """Refuse to listen beyond this machine without credentials. ``host`` is a literal IP. Raises ConfigError."""
    if mode != "none" or insecure_no_auth or ipaddress.ip_address(host).is_loopback:
        return
    raise ConfigError(
        f"listening on {host} without authentication would let anyone who reaches this address run commands here. "
        "Set `--ws-auth capability-token` with `--ws-token-file` or `--ws-token-sha256`, listen on a loopback address, "
        "or pass `--insecure-no-auth` if something in front of this server checks who comes in."
    )


def read_tokens(path: Path) -> dict[bytes, frozenset[Scope]]:
    """The tokens of a file, by their SHA-256: one a line, all scopes unless ``scopes=a,b`` and a space come before it.

    Lines that are empty or begin with ``# `` do not count. Raises ConfigError without a word of what is in the file.
    """
    found: dict[bytes, frozenset[Scope]] = {}
    for number, line in enumerate(read_secret(path).splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("# "):
            continue
        scoped = _SCOPED.fullmatch(text)
        if text.startswith("scopes=") and scoped is None:
            raise ConfigError(f"websocket auth secret {path}, line {number}: no token follows the scopes")
        token = scoped["token"] if scoped else text
        scopes = parse_scopes(scoped["scopes"].split(","), f"{path}, line {number}") if scoped else EVERYTHING
        found[hashlib.sha256(token.encode()).digest()] = scopes
    if not found:
        raise ConfigError(f"websocket auth secret {path} must not be empty")
    return found


def parse_scopes(names: list[str], where: str) -> frozenset[Scope]:
    """Scopes by their names, ``view`` always among them. Raises ConfigError for a name that is none."""
    unknown = [name for name in names if name not in SCOPES]
    if unknown:
        raise ConfigError(f"{where}: `{unknown[0]}` is no scope; choose from {', '.join(SCOPES)}")
    return frozenset({"view", *(scope for scope in SCOPES if scope in names)})


def read_secret(path: Path) -> str:
    """The trimmed text of a file. Raises ConfigError when it cannot be read, or is empty."""
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


def parse_digest(text: str) -> bytes:
    """A SHA-256 in hex. Raises ConfigError."""
    trimmed = text.strip()
    if not _DIGEST.fullmatch(trimmed):
        raise ConfigError("--ws-token-sha256 must be a 64-character hex SHA-256 digest")
    return bytes.fromhex(trimmed)
