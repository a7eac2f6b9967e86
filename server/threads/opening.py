"""Threads come to life: started new, resumed from a rollout, forked. Reads and copies off the event loop.

Nothing here registers a thread or sends a frame: the caller does both, in one breath, once the thread is ready.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from uuid_utils import uuid7

from protocol.errors import RpcError, invalid_request
from protocol.thread import SessionOverrides, ThreadForkParams, ThreadResumeParams, ThreadStartParams
from protocol.turn import Turn
from protocol.wire import UNSET
from rollout import fork, prompt, reader
from rollout.catalog import Catalog, ThreadSummary
from rollout.events import ThreadNameUpdated
from rollout.history import History, present, rebuild
from rollout.lines import Entry, GitState, ResponseItem, SessionMeta, TurnContext
from rollout.paths import Home, new_rollout_path
from rollout.reader import Rollout, RolloutError, RolloutWithoutMeta
from rollout.recorder import Recorder
from rollout.usage import Usage
from server.config import Config
from server.connection import Connection
from server.engine.settings import Settings, session_settings
from server.errors import ConfigError
from server.outgoing import Outgoing
from server.subscriptions import Subscriptions
from server.threads.git import git_state
from server.threads.limits import Limits
from server.threads.live import LiveThread, Memory, not_appendable
from server.version import VERSION

SOURCE = "vscode"
"""The source we record: the one that every client lists as interactive."""


class Opening:
    """Makes LiveThreads out of requests and rollouts."""

    def __init__(
        self,
        config: Config,
        catalog: Catalog,
        outgoing: Outgoing,
        subscriptions: Subscriptions[Connection],
        limits: Limits,
        on_change: Callable[[LiveThread], None],
    ) -> None:
        self._config = config
        self._catalog = catalog
        self._home = Home(config.codex_home)
        self._make = partial(
            LiveThread, outgoing=outgoing, subscriptions=subscriptions, limits=limits, on_change=on_change
        )

    # -- on disk -----------------------------------------------------------------------------------------------------

    async def find(self, thread_id: str, *, archived: bool = False) -> Path | None:
        """The rollout of a thread, among the archived ones too if asked."""
        found = await asyncio.to_thread(self._catalog.find, thread_id)
        if found is None and archived:
            found = await asyncio.to_thread(self._catalog.find_archived, thread_id)
        return found

    async def look(self, path: Path, *, turns: bool) -> tuple[ThreadSummary, list[Turn]]:
        """What a thread is and, if asked, its turns, without loading it. Raises :class:`~protocol.errors.RpcError`."""
        found: tuple[ThreadSummary, list[Turn]] = await _refusing(path, self._look, path, turns)
        return found

    def _look(self, path: Path, turns: bool) -> tuple[ThreadSummary, list[Turn]]:
        summary = self._catalog.summary(path)
        if not turns:
            return summary, []
        history = rebuild(reader.read(path, items=False).entries)
        return summary, present(history.turns(), active=False)

    async def rename(self, path: Path, thread_id: str, name: str) -> None:
        """Record a new title of a thread that is not loaded. Raises :class:`~protocol.errors.RpcError`."""

        def record() -> None:
            head = reader.read_head(path)
            if head is None:
                raise RolloutWithoutMeta(path)
            if head.meta.is_paginated:
                raise not_appendable(thread_id)
            recorder = Recorder.resume(path)
            recorder.append(ThreadNameUpdated(thread_id=thread_id, thread_name=name))
            recorder.close()

        await _refusing(path, record)

    # -- three ways to life ------------------------------------------------------------------------------------------

    async def start(self, params: ThreadStartParams, *, originator: str) -> LiveThread:
        """A new thread. Its file comes with the first thing said. Raises :class:`~protocol.errors.RpcError`."""
        cwd = _cwd(params, Path.cwd())
        settings = self._settings(params, cwd=cwd)
        meta = self._new_meta(settings, originator, git=await git_state(cwd))
        recorder = None if params.ephemeral else self._new_recorder(meta.id)
        return self._live(meta, settings, [meta], recorder, prompt.build([]))

    async def resume(self, path: Path, params: ThreadResumeParams) -> LiveThread:
        """A thread from its rollout, which is not written to. Raises :class:`~protocol.errors.RpcError`."""
        summary, rollout, history, usage = await _refusing(path, self._load, path)
        settings = self._resumed_settings(rollout, params)
        memory = Memory(history, usage, None, partial(_prompt_of, path))
        recorder = await _refusing(path, Recorder.resume, path)
        appendable = not rollout.meta.is_paginated
        return self._make(summary=summary, settings=settings, memory=memory, recorder=recorder, appendable=appendable)

    async def resume_items(self, items: list[Any], params: ThreadResumeParams, *, originator: str) -> LiveThread:
        """A new thread that begins with these model items; they make no turns."""
        cwd = _cwd(params, Path.cwd())
        settings = self._settings(params, cwd=cwd)
        meta = self._new_meta(settings, originator, git=await git_state(cwd))
        entries: list[Entry] = [meta, *(ResponseItem(payload=item) for item in items)]
        recorder = self._new_recorder(meta.id)
        live = self._live(meta, settings, entries, recorder, prompt.build(entries))
        live.materialise()
        return live

    async def fork(self, path: Path, params: ThreadForkParams, *, originator: str) -> LiveThread:
        """A new thread that begins as a copy of this rollout. Raises :class:`~protocol.errors.RpcError`."""
        rollout: Rollout = await _refusing(path, reader.read, path)
        source: ThreadSummary = await _refusing(path, self._catalog.summary, path)
        settings = self._resumed_settings(rollout, params)
        meta = self._new_meta(settings, originator, git=await git_state(settings.cwd), source=rollout.meta)
        recorder = None if params.ephemeral else self._new_recorder(meta.id)
        live = await asyncio.to_thread(self._copy, rollout, meta, settings, recorder)
        live.summary = live.summary.copied_from(source)
        return live

    # -- parts -------------------------------------------------------------------------------------------------------

    def _load(self, path: Path) -> tuple[ThreadSummary, Rollout, History, Usage]:
        rollout = reader.read(path, items=False)
        history = rebuild(rollout.entries)
        return self._catalog.summary(path), rollout, history, Usage.of(rollout.entries, history)

    def _copy(self, rollout: Rollout, meta: SessionMeta, settings: Settings, recorder: Recorder | None) -> LiveThread:
        entries = fork.copy(rollout, meta)
        live = self._live(meta, settings, entries, recorder, prompt.build(entries))
        live.materialise()
        return live

    def _live(
        self,
        meta: SessionMeta,
        settings: Settings,
        entries: list[Entry],
        recorder: Recorder | None,
        model_history: prompt.Prompt,
    ) -> LiveThread:
        if recorder is not None:
            recorder.append(*entries)
        summary = ThreadSummary.of_new(meta, recorder.path if recorder else Path(), int(time.time()))
        history = rebuild(entries)
        memory = Memory(history, Usage.of(entries, history), model_history, _never)
        return self._make(summary=summary, settings=settings, memory=memory, recorder=recorder)

    def _new_recorder(self, thread_id: str) -> Recorder:
        return Recorder.new(new_rollout_path(self._home, thread_id, datetime.now()))

    def _new_meta(
        self, settings: Settings, originator: str, *, git: GitState | None, source: SessionMeta | None = None
    ) -> SessionMeta:
        return SessionMeta(
            id=str(uuid7()),
            forked_from_id=UNSET if source is None else source.id,
            timestamp=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            cwd=settings.cwd,
            originator=originator,
            cli_version=VERSION,
            source=SOURCE,
            model_provider=settings.provider.id,
            base_instructions={"text": settings.base_instructions},
            git=UNSET if git is None else git,
        )

    def _resumed_settings(self, rollout: Rollout, params: SessionOverrides) -> Settings:
        last = next((entry for entry in reversed(rollout.entries) if isinstance(entry, TurnContext)), None)
        instructions = rollout.meta.base_instructions
        return self._settings(
            params,
            cwd=_cwd(params, Path(rollout.meta.cwd)),
            model=last.model if last else None,
            instructions=instructions.get("text") if instructions else None,
        )

    def _settings(
        self, params: SessionOverrides, *, cwd: str, model: str | None = None, instructions: str | None = None
    ) -> Settings:
        try:
            return session_settings(self._config.reread(), params, cwd=cwd, model=model, instructions=instructions)
        except ConfigError as error:
            raise invalid_request(f"failed to load configuration: {error}") from error


async def _refusing(path: Path, work: Callable[..., Any], *args: Any) -> Any:
    """Run blocking work on a rollout in a thread; an unreadable rollout is the caller's error."""
    try:
        return await asyncio.to_thread(work, *args)
    except (RolloutError, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> RpcError:
    return invalid_request(f"failed to load rollout `{path}`: {error}")


async def _prompt_of(path: Path) -> prompt.Prompt:
    rollout = await asyncio.to_thread(reader.read, path)
    return prompt.build(rollout.entries)


async def _never() -> prompt.Prompt:
    raise AssertionError("a thread made in memory has its model history from the start")


def _cwd(params: SessionOverrides, default: Path) -> str:
    return str(Path.cwd() / (params.cwd or default))
