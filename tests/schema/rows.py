"""What is said of rows of ours that not every version knows, or that no conversation needs to show."""

from __future__ import annotations

RETIRED = {
    "thread/rollback": "ThreadReadResponse",
}
"""Requests that the newest version does not know any more; we serve them to everybody. Each with the type of that
version that its answer has."""

UNLISTED = frozenset({"gitDiffToRemote"})
"""Requests that every version answers and that stand in no schema."""

UNHEARD = {
    "mcpServer/oauth/login": "nobody can sign in to MCP servers here, so it is always refused",
    "account/usage/read": "nobody is ever signed in whose usage could be read, so it is always refused",
}
"""Rows whose message no conversation hears in each version that knows it -> why not."""

UNASKED = {
    "fs/writeFile": "it would change files of this machine",
    "fs/createDirectory": "it would change files of this machine",
    "fs/remove": "it would change files of this machine",
    "fs/copy": "it would change files of this machine",
    "fuzzyFileSearch/sessionUpdate": "at the peer it depends on what another connection has just asked",
}
"""Requests whose examples are only read and never asked -> why not. Conversations beside the peer ask them in
a folder of their own."""
