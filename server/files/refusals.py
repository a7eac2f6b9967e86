"""How work on files fails, in words for the caller. Knows no method.

What the caller could have known is an invalid request; what the system says no to is told with the system's reason.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from protocol.errors import internal_error, invalid_request


@contextmanager
def telling(what: str) -> Generator[None]:
    """An OSError inside becomes an RpcError that says what could not be done and the system's reason."""
    try:
        yield
    except OSError as error:
        number = f" (os error {error.errno})" if error.errno else ""
        raise internal_error(f"{what}: {error.strerror or error}{number}") from None


def checked(path: str) -> str:
    """An absolute path without ``.``, ``..`` and doubled slashes; links in it stay. Raises RpcError for a NUL."""
    if "\0" in path:
        raise invalid_request(f"a path cannot hold the NUL character: {path!r}")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
