"""Commands of a thread that go on in the background, and those that a person runs there."""

from __future__ import annotations

from protocol.wire import Wire


class ThreadShellCommandParams(Wire):
    """Run a script in a thread, with full access and without asking. ``timeout_ms``: an hour if it is left out."""

    thread_id: str
    command: str
    timeout_ms: int | None = None


class BackgroundTerminal(Wire):
    """A command that goes on; ``process_id`` is what the model calls it. What the system counts is not told."""

    item_id: str
    process_id: str
    command: str
    cwd: str
    os_pid: int | None = None
    cpu_percent: float | None = None
    rss_kb: int | None = None


class ThreadBackgroundTerminalsListResponse(Wire):
    """Those of one thread, the oldest first."""

    data: list[BackgroundTerminal]
    next_cursor: str | None = None


class ThreadBackgroundTerminalsTerminateParams(Wire):
    """End one of them."""

    thread_id: str
    process_id: str


class ThreadBackgroundTerminalsTerminateResponse(Wire):
    """Whether there was one to end."""

    terminated: bool
