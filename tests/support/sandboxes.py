"""Which walls this machine can build: found out once by the server's own trial."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path

from server.commands.sandbox import Means, Sandbox


def missing(*means: Means) -> str | None:
    """Why commands cannot be confined by all of these here; None if they can. Without a name: by any."""
    if means:
        lacking = [each for each in means if not works(each)]
        return f"no {' and no '.join(lacking)} works on this machine" if lacking else None
    return None if works("bubblewrap") or works("landlock") else "no sandbox works on this machine"


@functools.cache
def works(means: Means) -> bool:
    """Whether it holds."""
    sandbox = Sandbox(Path("/nowhere"))
    asyncio.run(sandbox.detect([means]))
    return sandbox.means is not None
