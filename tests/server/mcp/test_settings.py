"""What the configuration of an MCP server may say, and how mistakes are told."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from server.errors import ConfigError
from server.mcp.settings import read_server, read_servers
from tests.support.mcp_servers import ROOT


def test_all_keys_are_read() -> None:
    parsed = read_server(
        "demo",
        {
            "command": "c",
            "args": ["a"],
            "env": {"A": "1"},
            "env_vars": ["B", {"name": "C", "source": "local"}],
            "cwd": "/x",
            "required": True,
            "startup_timeout_ms": 1500,
            "tool_timeout_sec": 2,
            "default_tools_approval_mode": "prompt",
            "tools": {"t": {"approval_mode": "approve"}},
            "supports_parallel_tool_calls": True,
            "later": "unknown keys are for others",
        },
    )
    assert (parsed.startup_timeout_sec, parsed.tool_timeout_sec) == (1.5, 2)
    assert (parsed.approval_mode("t"), parsed.approval_mode("u")) == ("approve", "prompt")
    seen = parsed.environment({"B": "2", "C": "3", "D": "4", "PATH": "/bin", "SSL_CERT_FILE": "f"})
    assert seen == {"A": "1", "B": "2", "C": "3", "PATH": "/bin", "SSL_CERT_FILE": "f"}


def test_defaults_are_those_of_the_peer() -> None:
    parsed = read_server("demo", {"url": "https://user:secret@host:8443/mcp?x=1"})
    assert (parsed.startup_timeout_sec, parsed.tool_timeout_sec, parsed.enabled) == (30, 120, True)
    assert parsed.approval_mode("t") == "auto"
    assert parsed.origin == "https://host:8443"
    assert "secret" not in repr(parsed)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({}, "`mcp_servers.s` needs either a `command` or a `url`"),
        ({"command": "c", "url": "http://x"}, "`mcp_servers.s` needs either a `command` or a `url`"),
        ({"command": "c", "http_headers": {}}, "`mcp_servers.s.http_headers` cannot be combined with a `command`"),
        ({"url": "http://x", "args": []}, "`mcp_servers.s.args` cannot be combined with a `url`"),
        ({"url": "ftp://x"}, "`mcp_servers.s.url` is no address of HTTP"),
        ({"url": "http://x", "bearer_token": "t"}, "`mcp_servers.s.bearer_token`: name a variable that holds it"),
        ({"command": 3}, "`mcp_servers.s`: Expected `str | null`, got `int` - at `$.command`"),
        ({"command": "c", "tool_timeout_sec": 0}, "`mcp_servers.s.tool_timeout_sec` must be more than 0 seconds"),
        ({"command": "c", "startup_timeout_ms": "x"}, "`mcp_servers.s.startup_timeout_ms`: Expected a number"),
        ({"command": "c", "tools": {"t": {"approval_mode": "no"}}}, "Invalid enum value 'no'"),
    ],
)
def test_mistakes_are_named(row: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_server("s", row)
    assert told in str(caught.value)


def test_a_mistake_in_one_server_costs_only_that_one() -> None:
    found = read_servers({"z": {"command": "c"}, "no good": {"command": "c"}, "b": {}})
    assert [(name, isinstance(each, ConfigError)) for name, each in found.items()] == [
        ("b", True),
        ("no good", True),
        ("z", False),
    ]


def test_a_server_without_mcp_servers_does_not_load_the_sdk() -> None:
    heavy = "{'mcp', 'mcp_types', 'pydantic', 'httpx2'}"
    program = f"import sys, server.app; sys.exit(bool({heavy} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
