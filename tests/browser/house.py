"""Servers for tabs: in this process with the offline model or a script, and what cuts their connections."""

from __future__ import annotations

from websockets.asyncio.server import Server as WebSocketServer

from server.websocket import WebSocketDoor
from tests.support.harness import Server

OFFLINE = """
approval_policy = "on-request"
sandbox_mode = "workspace-write"
"""
"""A configuration without providers: the built-in offline model answers."""


def cut(server: Server) -> int:
    """Break every connection as a network does: no close frame, nothing said. Returns how many there were."""
    count = 0
    for door in server.app.listener._doors:
        assert isinstance(door, WebSocketDoor)
        opened = door._server
        assert isinstance(opened, WebSocketServer)
        for socket in list(opened.connections):
            socket.transport.abort()
            count += 1
    return count
