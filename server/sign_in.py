"""How browsers come in, which cannot say a bearer when they open a WebSocket: by tickets and sessions.

A ticket opens one connection within seconds. A session is a cookie that stands for a bearer, so that a page need not
keep one. Of both only the SHA-256 is kept. Knows no HTTP.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from typing import NamedTuple

from server.attempts import Attempts
from server.auth import Authenticator, Unauthorized
from server.grant import Grant

TICKET_SECONDS = 30
SESSION_SECONDS = 7 * 24 * 3600

MAX_TICKETS = 4096
"""Open tickets of all."""
MAX_TICKETS_EACH = 64
"""Open tickets of one credential or session."""
MAX_SESSIONS = 4096
MAX_SESSIONS_EACH = 64
"""Sessions of one credential; a further one ends the oldest."""

SIGNED_OUT = "signed out"
TICKET_REFUSED = "this ticket was used, is too old, was never issued here, or is for another origin; ask for a new one"


class TooMany(Exception):
    """Not now: too many failures from this address, or too many open tickets. The text says which."""


class _Ticket(NamedTuple):
    grant: Grant
    origin: str | None
    until: float


class _Session(NamedTuple):
    grant: Grant
    credential: Grant


class SignIn:
    """Checks bearers, issues tickets, keeps sessions; all in memory: a server that starts again knows none of them."""

    def __init__(self, authenticator: Authenticator) -> None:
        self.authenticator = authenticator
        self._attempts = Attempts()
        self._tickets: OrderedDict[bytes, _Ticket] = OrderedDict()
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    def bearer(self, header: str | None, peer: str) -> Grant:
        """What this ``Authorization`` gives. Raises Unauthorized, and TooMany for an address that failed too often."""
        self._listen_to(peer)
        try:
            return self.authenticator.check(header)
        except Unauthorized:
            if header is not None:  # nothing was guessed
                self._attempts.failed(peer)
            raise

    def issue(self, grant: Grant, origin: str | None) -> str:
        """A ticket for one connection from a page of this origin (None: from no page). Raises TooMany."""
        now = time.monotonic()
        while self._tickets and next(iter(self._tickets.values())).until <= now:
            self._tickets.popitem(last=False)
        mine = sum(each.grant is grant for each in self._tickets.values())
        if len(self._tickets) >= MAX_TICKETS or mine >= MAX_TICKETS_EACH:
            raise TooMany("too many tickets were issued and not used; try again in half a minute")
        ticket = secrets.token_urlsafe(32)
        self._tickets[_digest(ticket)] = _Ticket(grant, origin, now + TICKET_SECONDS)
        return ticket

    def redeem(self, ticket: str, origin: str | None, peer: str) -> Grant:
        """What a ticket gives, once. Raises Unauthorized, and TooMany for an address that failed too often."""
        self._listen_to(peer)
        found = self._tickets.pop(_digest(ticket), None)
        if found is None or found.until <= time.monotonic() or found.origin != origin or not found.grant.stands:
            self._attempts.failed(peer)
            raise Unauthorized(TICKET_REFUSED)
        return found.grant

    def spoil(self, ticket: str) -> None:
        """Make a ticket void that others may have seen."""
        self._tickets.pop(_digest(ticket), None)

    def open_session(self, credential: Grant) -> str:
        """A session that ends with its credential, and not after ``SESSION_SECONDS``."""
        self._forget_ended()
        own = [digest for digest, each in self._sessions.items() if each.credential is credential]
        if len(own) >= MAX_SESSIONS_EACH:
            self._end(own[0])
        elif len(self._sessions) >= MAX_SESSIONS:
            self._end(next(iter(self._sessions)))
        session = secrets.token_urlsafe(32)
        grant = credential.derive(expires=time.time() + SESSION_SECONDS)
        self._sessions[_digest(session)] = _Session(grant, credential)
        return session

    def session(self, session: str | None) -> Grant | None:
        """What a session gives, if it stands."""
        found = self._sessions.get(_digest(session)) if session else None
        return found.grant if found is not None and found.grant.stands else None

    def close_session(self, session: str) -> None:
        """Sign out: the session, its tickets and its connections end."""
        digest = _digest(session)
        if digest in self._sessions:
            self._end(digest)

    def _end(self, digest: bytes) -> None:
        self._sessions.pop(digest).grant.end(SIGNED_OUT)

    def _forget_ended(self) -> None:
        for digest in [digest for digest, each in self._sessions.items() if not each.grant.stands]:
            del self._sessions[digest]

    def _listen_to(self, peer: str) -> None:
        if self._attempts.refused(peer):
            raise TooMany("too many failed sign-ins from this address; try again in a minute")


def _digest(secret: str) -> bytes:
    """What is kept, and looked up: how long that takes says nothing about the secret itself."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
