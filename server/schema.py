"""``threadcast schema``: prints the schema of the protocol, or its types for TypeScript. Knows no server."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_to(commands: Any) -> None:
    """Enter the command and its flags."""
    command: argparse.ArgumentParser = commands.add_parser(
        "schema", help="print the JSON Schema of every message of the protocol"
    )
    command.add_argument("--typescript", action="store_true", help="types for TypeScript instead")
    command.set_defaults(run=run)


def run(options: dict[str, Any]) -> int:
    """Print it. Returns the exit status."""
    from protocol import schema, typescript  # they look at every type: nobody else waits for that

    document = schema.document()
    sys.stdout.write(
        typescript.declarations(document) if options["typescript"] else f"{json.dumps(document, indent=2)}\n"
    )
    return 0
