"""initialize."""

from __future__ import annotations

import platform
import re

from protocol import frames, methods, notices
from protocol.dialects.versions import NEWEST
from protocol.errors import invalid_request
from protocol.initialize import ConfigWarningNotification, InitializeParams, InitializeResponse
from protocol.scope import EXTENSION as SCOPES
from protocol.scope import ordered
from protocol.wire import UNSET
from server.commands.sandbox import MISSING
from server.dispatch import Call, handles
from server.version import VERSION

_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")


@handles(methods.INITIALIZE)
async def initialize(call: Call, params: InitializeParams) -> InitializeResponse:
    """Complete the handshake: from here on the connection may ask, and hears announcements."""
    name = params.client_info.name
    if call.connection.initialized:
        raise invalid_request("Already initialized")
    if not _HEADER_VALUE.fullmatch(name):
        raise invalid_request(f"Invalid clientInfo.name: '{name}'. Must be a valid HTTP header value.")
    call.connection.initialize(params)
    call.then(lambda: _open(call))
    return InitializeResponse(
        user_agent=_user_agent(params),
        codex_home=str(call.app.config.codex_home),
        platform_family="unix",
        platform_os=platform.system().lower().replace("darwin", "macos"),
        extensions={SCOPES: ordered(call.connection.scopes)} if call.connection.declared(SCOPES) else UNSET,
    )


def _open(call: Call) -> None:
    for warning in call.app.config.warnings:
        told = ConfigWarningNotification(summary=warning.summary, details=warning.details, path=warning.path or UNSET)
        call.connection.send(frames.notification(notices.CONFIG_WARNING, told))
    if call.app.sandbox_known is not None:
        call.app.sandbox_known.add_done_callback(lambda _known: _tell_of_sandbox(call))
    call.app.subscriptions.open(call.connection)
    call.app.presence.came(call.connection)


def _tell_of_sandbox(call: Call) -> None:
    if call.app.sandbox.means is None:
        told = ConfigWarningNotification(summary="Commands cannot be confined.", details=MISSING)
        call.connection.send(frames.notification(notices.CONFIG_WARNING, told))


def _user_agent(params: InitializeParams) -> str:
    """Clients take the version after the slash for that of codex, and some refuse what is too old for them."""
    client = params.client_info
    system = f"{platform.system()}; {platform.machine()}; {VERSION}"
    text = f"threadcast/{NEWEST}.0 ({system}) ({client.name}; {client.version})"
    return re.sub(r"[^ -~]", "_", text)
