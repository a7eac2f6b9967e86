"""One client: its handshake state and its outbox. Knows no thread, no handler and no library of sockets."""

from __future__ import annotations

from collections.abc import Callable

from protocol.dialects.versions import NEWEST, Version, spoken_by
from protocol.errors import Disconnect
from protocol.frames import Frame, Sendable, Variants
from protocol.initialize import InitializeParams
from protocol.scope import Scope
from protocol.sequence import EXTENSION
from server.grant import EVERYTHING
from server.load import Load
from server.outbox import Outbox


class Connection:
    """One WebSocket connection = one registered client. ``disconnect`` ends it with a code and a reason."""

    def __init__(
        self,
        number: int,
        outbox: Outbox,
        load: Load,
        disconnect: Callable[[Disconnect], None],
        scopes: frozenset[Scope] = EVERYTHING,
    ) -> None:
        self.number = number
        """Counts up from 1 in this process; names the connection in logs."""
        self.load = load
        self.scopes = scopes
        """What the client may do."""
        self.disconnect = disconnect
        self.version: Version = NEWEST
        """The version of the protocol that the client speaks; known from the handshake on."""
        self.numbered = False
        """The client wants the number that a notification has in its thread."""
        self._outbox = outbox
        self._opted_out: frozenset[str] = frozenset()
        self._hello: InitializeParams | None = None

    @property
    def initialized(self) -> bool:
        """The handshake is done."""
        return self._hello is not None

    @property
    def experimental(self) -> bool:
        """The client asked for experimental methods and fields."""
        return bool(self._hello and self._hello.capabilities and self._hello.capabilities.experimental_api)

    @property
    def client_name(self) -> str:
        """The name the client gave itself."""
        return self._hello.client_info.name if self._hello else "unknown"

    @property
    def client_version(self) -> str:
        """The version the client gave itself."""
        return self._hello.client_info.version if self._hello else "unknown"

    @property
    def waiting(self) -> int:
        """Bytes that wait until the client takes them."""
        return self._outbox.size

    def initialize(self, hello: InitializeParams) -> None:
        """Complete the handshake. Capabilities cannot change afterwards."""
        self._hello = hello
        self.version = spoken_by(hello)
        if hello.capabilities:
            self._opted_out = frozenset(hello.capabilities.opt_out_notification_methods or ())
        self.numbered = self.declared(EXTENSION)

    def declared(self, extension: str) -> bool:
        """The client asked for this extension by ``true``."""
        asked = self._hello.capabilities.extensions if self._hello and self._hello.capabilities else None
        return (asked or {}).get(extension) is True

    def send(self, message: Sendable) -> None:
        """Put it into the outbox in the client's version, unless it is a notification that the client does not want."""
        if message.method is not None and message.method in self._opted_out:
            return
        frame = self._heard(message)
        if frame is not None:
            self._outbox.put(frame)

    def _heard(self, message: Sendable) -> Frame | None:
        """The message in the words that this client understands; None if it has none for it."""
        if isinstance(message, Frame):
            return message
        if isinstance(message, Variants):
            return message.heard_by(self.version, numbered=self.numbered)
        return message.heard_by(self.version, experimental=self.experimental)

    async def caught_up(self) -> None:
        """Wait until the client has taken most of what it was sent."""
        await self._outbox.caught_up()

    def close(self) -> None:
        """Nothing is sent from here on."""
        self._outbox.close()
