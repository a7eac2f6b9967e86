"""What is answered over plain HTTP to browsers: which may speak here at all, the page, sign-in, sign-out.

Knows no library of HTTP and no connection. Bodies of requests are neither needed nor read: a credential comes in
``Authorization``, so no form of another site can bring one.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

import structlog

from protocol.scope import ordered
from protocol.wire import Record, encode
from server.auth import Unauthorized
from server.dashboard import Asset
from server.grant import Grant
from server.origins import Origins
from server.sign_in import SESSION_SECONDS, TICKET_SECONDS, SignIn, TooMany

SUBPROTOCOL = "threadcast"
TICKET_PREFIX = "threadcast.ticket."
"""Of the sub-protocol that carries a ticket, beside ``threadcast``, which is the one that the server selects."""

COOKIE = "threadcast_session"

TEXT = "text/plain; charset=utf-8"

_SECRETS = frozenset({"ticket", "token", "access_token", "bearer", "authorization", "session", COOKIE})
_SECRET_IN_URL = (
    "Tickets and tokens do not belong into a URL, which is logged and kept in many places: "
    "send a token in `Authorization`, a ticket as a WebSocket sub-protocol. If it was a ticket, it is void now.\n"
)
_SESSION_METHODS = {"/session": "GET,POST,DELETE", "/session/ticket": "POST"}
_RETRY_AFTER = "30"

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

_log = structlog.get_logger(__name__)


class Asked(Record):
    """One HTTP request. ``peer``: the address that it came from. Header fields that were not sent are null."""

    method: str
    path: str
    query: str
    peer: str
    host: str | None = None
    origin: str | None = None
    authorization: str | None = None
    cookie: str | None = None
    fetch_site: str | None = None
    if_none_match: str | None = None
    protocols: list[str] = []
    upgrade: bool = False


class Answer(Record):
    """One HTTP reply. ``length`` of the body if it is not sent, as for HEAD."""

    status: HTTPStatus
    body: bytes = b""
    kind: str = TEXT
    headers: dict[str, str] = {}
    length: int | None = None


class Web:
    """Answers browsers at one address. ``origins`` null: none come to this one, and who says it is one is refused."""

    def __init__(self, origins: Origins | None, sign_in: SignIn, assets: Mapping[str, Asset]) -> None:
        self._origins = origins
        self._sign_in = sign_in
        self._assets = assets

    def foreign(self, asked: Asked) -> bool:
        """Whether it comes from a page that may not speak here."""
        if asked.origin is None:
            return False
        return self._origins is None or not self._origins.admits(asked.origin, asked.host or "")

    def refusal(self, asked: Asked) -> Answer | None:
        """Why this request is not heard, whatever it asks for; None if it is."""
        if self.foreign(asked):
            _log.info("origin_refused", origin=(asked.origin or "")[:200], peer=asked.peer)
            return Answer(status=HTTPStatus.FORBIDDEN)
        if self._origins is not None and asked.host is not None and not self._origins.knows(asked.host):
            _log.info("host_refused", host=asked.host[:200], peer=asked.peer)
            return _text(HTTPStatus.FORBIDDEN, "This server does not go by that name; see --allow-host.\n")
        secrets = [value for name, value in parse_qsl(asked.query) if name.lower() in _SECRETS]
        for value in secrets:
            self._sign_in.spoil(value)
        return _text(HTTPStatus.BAD_REQUEST, _SECRET_IN_URL) if secrets else None

    def answer(self, asked: Asked) -> Answer | None:
        """The page or what belongs to it, or an answer about sessions; None if this is for somebody else."""
        if asked.upgrade or self._origins is None:
            return None
        if asked.path in _SESSION_METHODS:
            return self._about_sessions(asked)
        if (asset := self._assets.get(asked.path)) is not None:
            return _file(asset, asked)
        if asked.path.startswith("/assets/"):
            return _text(HTTPStatus.NOT_FOUND, "There is no such file.\n")
        return None

    def admit(self, asked: Asked) -> Grant:
        """What somebody who wants to open a WebSocket may do. Raises Unauthorized and TooMany."""
        tickets = [name.removeprefix(TICKET_PREFIX) for name in asked.protocols if name.startswith(TICKET_PREFIX)]
        if tickets and asked.authorization is None:
            for spare in tickets[1:]:
                self._sign_in.spoil(spare)
            return self._sign_in.redeem(tickets[0], asked.origin, asked.peer)
        return self._sign_in.bearer(asked.authorization, asked.peer)

    # -- sessions ----------------------------------------------------------------------------------------------------

    def _about_sessions(self, asked: Asked) -> Answer:
        allowed = _SESSION_METHODS[asked.path]
        if asked.method == "OPTIONS" and asked.origin is not None:
            return self._shared(asked, _preflight(allowed))
        if asked.method not in allowed.split(","):
            return Answer(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": allowed})
        try:
            answer = self._session_answer(asked)
        except Unauthorized as error:
            _log.info("unauthorized", reason=error.reason, peer=asked.peer)
            answer = _text(HTTPStatus.UNAUTHORIZED, error.reason)
        except TooMany as error:
            answer = _text(HTTPStatus.TOO_MANY_REQUESTS, f"{error}\n", **{"Retry-After": _RETRY_AFTER})
        return self._shared(asked, answer)

    def _session_answer(self, asked: Asked) -> Answer:
        if asked.path == "/session/ticket":
            return self._ticket(asked)
        if asked.method == "GET":
            return self._state(asked)
        if not self._is_own_page(asked):
            return _text(HTTPStatus.FORBIDDEN, "Only the server's own page can keep a session.\n")
        return self._open(asked) if asked.method == "POST" else self._close(asked)

    def _ticket(self, asked: Asked) -> Answer:
        session = self._session(asked) if asked.authorization is None else None
        grant = session or self._sign_in.bearer(asked.authorization, asked.peer)
        ticket = self._sign_in.issue(grant, asked.origin)
        return _json({"ticket": ticket, "expiresIn": TICKET_SECONDS, "scopes": ordered(grant.scopes)})

    def _state(self, asked: Asked) -> Answer:
        if not self._sign_in.authenticator.asks:
            return _json({"signIn": "none", "scopes": ordered(self._sign_in.bearer(None, asked.peer).scopes)})
        session = self._session(asked)
        return _json({"signIn": "token"} | ({"scopes": ordered(session.scopes)} if session else {}))

    def _open(self, asked: Asked) -> Answer:
        grant = self._sign_in.bearer(asked.authorization, asked.peer)
        if not self._sign_in.authenticator.asks:
            return self._state(asked)
        if (before := _session_cookie(asked)) is not None:
            self._sign_in.close_session(before)
        cookie = _cookie(self._sign_in.open_session(grant), SESSION_SECONDS, asked)
        return _json({"signIn": "token", "scopes": ordered(grant.scopes)}, **{"Set-Cookie": cookie})

    def _close(self, asked: Asked) -> Answer:
        if (session := _session_cookie(asked)) is not None:
            self._sign_in.close_session(session)
        return Answer(status=HTTPStatus.NO_CONTENT, headers={"Set-Cookie": _cookie("", 0, asked)})

    def _session(self, asked: Asked) -> Grant | None:
        """The session of the cookie, if the page that asks is our own; one that only reads need not say which it is."""
        ours = self._is_own_page(asked) or (asked.origin is None and asked.method == "GET")
        return self._sign_in.session(_session_cookie(asked)) if ours else None

    def _is_own_page(self, asked: Asked) -> bool:
        """Whether this comes from the page that this server shows, also through a proxy with TLS."""
        if asked.origin is None or self._origins is None or asked.host is None:
            return False
        if asked.fetch_site is not None and asked.fetch_site != "same-origin":
            return False
        return asked.origin in (f"http://{asked.host.lower()}", f"https://{asked.host.lower()}")

    def _shared(self, asked: Asked, answer: Answer) -> Answer:
        """The same with what lets a page of an allowed origin read it."""
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Vary": "Origin"}
        if asked.origin is not None:
            headers["Access-Control-Allow-Origin"] = asked.origin
        return Answer(status=answer.status, body=answer.body, kind=answer.kind, headers={**headers, **answer.headers})


def _file(asset: Asset, asked: Asked) -> Answer:
    if asked.method not in ("GET", "HEAD"):
        return Answer(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET,HEAD"})
    headers = {**PAGE_HEADERS, "ETag": asset.tag}
    known = [tag.strip().removeprefix("W/") for tag in (asked.if_none_match or "").split(",")]
    if asset.tag in known or "*" in known:
        return Answer(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    body = b"" if asked.method == "HEAD" else asset.body
    return Answer(status=HTTPStatus.OK, body=body, kind=asset.kind, headers=headers, length=len(asset.body))


def _preflight(allowed: str) -> Answer:
    headers = {
        "Access-Control-Allow-Methods": allowed,
        "Access-Control-Allow-Headers": "Authorization",
        "Access-Control-Max-Age": "600",
    }
    return Answer(status=HTTPStatus.NO_CONTENT, headers=headers)


def _session_cookie(asked: Asked) -> str | None:
    for part in (asked.cookie or "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE and value:
            return value
    return None


def _cookie(value: str, seconds: int, asked: Asked) -> str:
    secure = "; Secure" if (asked.origin or "").startswith("https:") else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


def _text(status: HTTPStatus, text: str, **headers: str) -> Answer:
    return Answer(status=status, body=text.encode(), headers=headers)


def _json(content: Mapping[str, object], **headers: str) -> Answer:
    return Answer(status=HTTPStatus.OK, body=encode(content), kind="application/json", headers=headers)
