"""Bearers signed with a shared secret: JSON Web Tokens with HS256. Knows no socket; no token gets into a text."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import jwt
import structlog

from protocol.scope import SCOPES, Scope
from server.auth import REVOKED, AuthSettings, Unauthorized, bearer_token, read_secret
from server.errors import ConfigError
from server.grant import EVERYTHING, Grant

MIN_SECRET = 32
"""Bytes of the secret."""

_INVALID = "invalid websocket jwt"

_log = structlog.get_logger(__name__)


class SignedBearer:
    """Whoever holds a token with the right signature may come in until it expires.

    Claims: ``exp`` (required), ``nbf``, ``iss``, ``aud``, and ``scope``, names with spaces between them; without it all
    scopes. Raises ConfigError for a secret that cannot be used.
    """

    asks = True

    def __init__(self, file: Path, settings: AuthSettings) -> None:
        self._file = file
        self._secret = read_signing_secret(file)
        self._issuer = (settings.issuer or "").strip()
        self._audience = (settings.audience or "").strip()
        self._skew = settings.max_clock_skew
        self._root = Grant()
        self._given: WeakValueDictionary[bytes, Grant] = WeakValueDictionary()
        """By token, so that what one of them opens can be counted."""

    def check(self, authorization_header: str | None) -> Grant:
        """Raises Unauthorized with the peer's reasons: a bad token, or one that is not for now or not for here."""
        token = bearer_token(authorization_header)
        # What the library checks beyond the signature is checked below, for its own rules of time and audience differ.
        options: Any = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "iss", "aud", "sub", "jti")}
        try:
            claims: dict[str, Any] = jwt.decode(token, self._secret, algorithms=["HS256"], options=options)
        except jwt.PyJWTError:
            raise Unauthorized(_INVALID) from None
        expires = self._admitted(claims)
        digest = hashlib.sha256(token.encode()).digest()
        grant = self._given.get(digest)
        if grant is None or not grant.stands:
            grant = self._given[digest] = self._root.derive(_scopes(claims), expires + self._skew)
        return grant

    def refresh(self) -> None:
        """Read the secret again; with another one, or none, all that it has signed ends."""
        try:
            secret: bytes | None = read_signing_secret(self._file)
        except ConfigError as error:
            if not self._root.ended:
                _log.error("secret_file_unusable", reason=str(error))
            secret = None
        if secret == self._secret and not self._root.ended:
            return
        ended, self._root = self._root, Grant()
        if secret is None:
            self._root.ended = True
        else:
            self._secret = secret
        ended.end(REVOKED)

    def _admitted(self, claims: dict[str, Any]) -> int:
        """The time of expiry of claims that are in order."""
        if self._root.ended:
            raise Unauthorized(_INVALID)
        expires, begins, now = _time(claims.get("exp")), _time(claims.get("nbf", 0)), time.time()
        if now > expires + self._skew:
            raise Unauthorized("expired websocket jwt")
        if now < begins - self._skew:
            raise Unauthorized("websocket jwt is not valid yet")
        if self._issuer and claims.get("iss") != self._issuer:
            raise Unauthorized("websocket jwt issuer mismatch")
        audience = claims.get("aud")
        if self._audience and self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthorized("websocket jwt audience mismatch")
        return expires


def read_signing_secret(path: Path) -> bytes:
    """The secret of a file. Raises ConfigError when it cannot be read or is too short."""
    secret = read_secret(path).encode()
    if len(secret) < MIN_SECRET:
        raise ConfigError(f"signed websocket bearer secret {path} must be at least {MIN_SECRET} bytes")
    return secret


def _scopes(claims: dict[str, Any]) -> frozenset[Scope]:
    """Names that are no scopes of ours are of somebody else, and give nothing."""
    named = claims.get("scope")
    if named is None:
        return EVERYTHING
    if not isinstance(named, str):
        raise Unauthorized(_INVALID)
    return frozenset({"view", *(scope for scope in SCOPES if scope in named.split())})


def _time(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 53:
        raise Unauthorized(_INVALID)
    return value
