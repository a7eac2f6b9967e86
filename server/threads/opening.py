"""Threads come to life: started new, resumed from a rollout, forked. Reads and copies off the event loop.

Nothing here registers a thread or sends a frame: the caller does both, in one breath, once the thread is ready.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace
from uuid_utils import uuid7

from protocol.errors import ProviderNotConfigured, RpcError, internal_error, invalid_request
from protocol.thread import SessionOverrides, ThreadForkParams, ThreadResumeParams, ThreadStartParams
from protocol.turn import Turn
from protocol.wire import UNSET, UnsetType
from rollout import fork, prompt, reader
from rollout.boundaries import first_words
from rollout.catalog import Catalog, Latest, ThreadSummary
from rollout.events import ThreadNameUpdated, ThreadRolledBack
from rollout.fold import Fold, fold
from rollout.fork import Survey
from rollout.forms import Legacy, Paginated
from rollout.history import present, rebuild
from rollout.lines import Entry, GitState, ResponseItem, SessionMeta
from rollout.lock import WriterLock
from rollout.mapping import optional
from rollout.model_items import Item
from rollout.paths import Home, new_rollout_path
from rollout.read_states import ReadStates
from rollout.reader import RolloutError, RolloutWithoutMeta
from rollout.recorder import Recorder
from rollout.usage import Usage
from server.config import Config
from server.connection import Connection
from server.engine.applied import mode_of, restored
from server.engine.settings import Settings, session_settings
from server.engine.tools.dynamic import stored
from server.engine.workspace import Machine, Workspace
from server.errors import ConfigError, UnknownProvider
from server.mcp.connection import McpError
from server.mcp.settings import Configured, read_servers
from server.offload import made_to_stay
from server.outgoing import Outgoing
from server.questions import Questions
from server.subscriptions import Subscriptions
from server.threads.eliciting import elicit
from server.threads.git import git_state
from server.threads.limits import Limits
from server.threads.live import LiveThread
from server.threads.memory import Memory
from server.threads.writing import Writing, alone
from server.version import VERSION

SOURCE = "vscode"
"""The source we record: the one that every client lists as interactive."""


class Resumed(NamedTuple):
    """A thread from its rollout, and the model that its last turn ran with."""

    live: LiveThread
    recorded_model: str | None


class Opening:
    """Makes LiveThreads out of requests and rollouts."""

    def __init__(
        self,
        config: Config,
        catalog: Catalog,
        outgoing: Outgoing,
        subscriptions: Subscriptions[Connection],
        limits: Limits,
        read_states: ReadStates,
        questions: Questions,
        machine: Machine,
        on_change: Callable[[LiveThread], None],
    ) -> None:
        self._config = config
        self._catalog = catalog
        self._home = Home(config.codex_home)
        self._machine = machine
        self._new = partial(
            LiveThread,
            outgoing=outgoing,
            subscriptions=subscriptions,
            limits=limits,
            read_states=read_states,
            questions=questions,
            on_change=on_change,
            recent_limit=config.recent_limit,
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
        return summary, present(fold(path).history.turns(), active=False)

    async def append(self, path: Path, thread_id: str, entry: Callable[[SessionMeta], Entry]) -> None:
        """Record what ``entry`` makes of its meta in a thread that is not loaded.

        Raises :class:`~protocol.errors.RpcError`.
        """

        def record() -> None:
            head = reader.read_head(path)
            if head is None:
                raise RolloutWithoutMeta(path)
            with alone(WriterLock(self._home, thread_id)):
                recorder = Recorder.resume(path, fsync=self._config.fsync, ordinals=head.meta.is_paginated)
                recorder.append(entry(head.meta))
                recorder.close()
            if recorder.waiting and recorder.failure is not None:
                raise internal_error(f"thread {thread_id} cannot be written: {recorder.failure.strerror}")

        await _refusing(path, record)

    async def prompt_without(self, live: LiveThread, num_turns: int) -> prompt.Prompt:
        """The model history of a loaded thread without its last turns. Raises :class:`~protocol.errors.RpcError`."""
        path, marker = live.summary.path, ThreadRolledBack(num_turns=num_turns)
        kept: prompt.Prompt = await _refusing(path, lambda: prompt.build([*reader.read(path).entries, marker]))
        return kept

    # -- three ways to life ------------------------------------------------------------------------------------------

    async def start(self, params: ThreadStartParams, *, originator: str) -> LiveThread:
        """A new thread. Its file comes with the first thing said. Raises :class:`~protocol.errors.RpcError`."""
        cwd = _cwd(params, Path.cwd())
        settings = self._settings(params, cwd=cwd)
        tools = stored(params.dynamic_tools or ())
        meta = self._new_meta(settings, originator, git=await git_state(cwd), tools=tools)
        recorder = None if params.ephemeral else self._new_recorder(meta.id)
        return await self._equipped(self._live(meta, settings, [meta], recorder, prompt.build([])), params)

    async def resume(self, path: Path, params: ThreadResumeParams) -> Resumed:
        """A thread from its rollout, which is not written to. Raises :class:`~protocol.errors.RpcError`."""
        size = _size(path)
        summary, folded, memory = await _refusing(path, self._load, path)
        settings = self._resumed_settings(folded, params)
        writing, is_news = await _refusing(path, self._writing_of, path, folded.meta, size)
        if is_news:
            summary, memory, _ = await self._reread(path)
        live = self._make(
            summary=summary,
            settings=settings,
            memory=memory,
            meta=folded.meta,
            writing=writing,
            reread=partial(self._reread, path),
        )
        return Resumed(await self._equipped(live, params), folded.latest.model)

    async def resume_items(self, items: list[Item], params: ThreadResumeParams, *, originator: str) -> LiveThread:
        """A new thread that begins with these model items; they make no turns."""
        cwd = _cwd(params, Path.cwd())
        settings = self._settings(params, cwd=cwd)
        meta = self._new_meta(settings, originator, git=await git_state(cwd))
        entries: list[Entry] = [meta, *(ResponseItem(payload=item) for item in items)]
        recorder = self._new_recorder(meta.id)
        live = self._live(meta, settings, entries, recorder, prompt.build(entries))
        live.summary = live.summary.with_preview(first_words(items))
        live.materialise()
        return await self._equipped(live, params)

    async def fork(self, path: Path, params: ThreadForkParams, *, originator: str) -> LiveThread:
        """A new thread that begins as a copy of this rollout. Raises :class:`~protocol.errors.RpcError`."""
        source: Survey = await _refusing(path, fork.survey, path)
        if params.last_turn_id is not None or params.before_turn_id is not None:
            source = await _refusing(path, fork.survey, path, _stop(source, params))
        summary: ThreadSummary = await _refusing(path, self._catalog.summary_of, path, source.fold.latest)
        settings = self._resumed_settings(source.fold, params)
        before = source.fold.meta
        tools = optional(before.dynamic_tools) or []
        meta = self._new_meta(settings, originator, git=await git_state(settings.cwd), source=before, tools=tools)
        copy: Callable[..., LiveThread] = self._keep if params.ephemeral else partial(self._copy, name=summary.name)
        live: LiveThread = await _refusing(path, copy, source, meta, settings)
        live.summary = live.summary.copied_from(summary)
        if not live.turns():
            live.summary = live.summary.with_preview("")
        return await self._equipped(live, params)

    # -- parts -------------------------------------------------------------------------------------------------------

    async def _equipped(self, live: LiveThread, params: SessionOverrides) -> LiveThread:
        """The thread with its MCP servers, of which those that it needs are ready. Raises RpcError if one is not."""
        cwd = live.settings.cwd
        reread = partial(_servers, self._config, params.config or {}, cwd)
        configured = read_servers(live.settings.keys.mcp_servers)
        servers = self._machine.mcp.open(live.id, cwd, configured, partial(elicit, live), reread)
        live.workspace.servers = servers
        if any(server.is_required for server in servers.all()):
            servers.start()
            try:
                await servers.require()
            except McpError as error:
                await live.close()
                raise invalid_request(str(error)) from error
        return live

    def _make(self, **members: Any) -> LiveThread:
        meta: SessionMeta = members["meta"]
        return self._new(workspace=Workspace(self._machine, optional(meta.dynamic_tools) or ()), **members)

    def _load(self, path: Path) -> tuple[ThreadSummary, Fold, Memory]:
        folded = fold(path)
        memory = Memory(folded.history, folded.usage, None, partial(_prompt_of, path))
        folded.history.turns()  # made here, where it holds up nobody, and kept
        return self._catalog.summary_of(path, folded.latest), folded, memory

    def _copy(self, source: Survey, meta: SessionMeta, settings: Settings, *, name: str | None) -> LiveThread:
        """The living copy of a source, with a rollout of its own, under the name of its source."""
        path = new_rollout_path(self._home, meta.id, datetime.now())
        if name is not None:
            named = ThreadNameUpdated(thread_id=meta.id, thread_name=name)
            source.fold.feed(named)
            source.ending.append(named)
        fork.write(source, meta, path, meta.timestamp)
        if name is not None:
            self._catalog.set_name(meta.id, name)
        memory = Memory(source.fold.history, source.fold.usage, None, partial(_prompt_of, path))
        writing, _ = self._writing_of(path, meta, _size(path))
        return self._forked(meta, settings, memory, writing)

    def _keep(self, source: Survey, meta: SessionMeta, settings: Settings) -> LiveThread:
        """The living copy of a source that is only kept in memory."""
        memory = Memory(source.fold.history, source.fold.usage, _read_prompt(source.entries), _never)
        return self._forked(meta, settings, memory, None)

    def _forked(self, meta: SessionMeta, settings: Settings, memory: Memory, writing: Writing | None) -> LiveThread:
        memory.history.turns()  # as in _load
        summary = ThreadSummary.of_new(meta, writing.recorder.path if writing else Path(), int(time.time()))
        return self._make(summary=summary, settings=settings, memory=memory, meta=meta, writing=writing)

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
        writing = None if recorder is None else Writing(recorder, meta.id)
        return self._make(summary=summary, settings=settings, memory=memory, meta=meta, writing=writing)

    def _new_recorder(self, thread_id: str) -> Recorder:
        path = new_rollout_path(self._home, thread_id, datetime.now())
        return Recorder.new(path, lock=WriterLock(self._home, thread_id), fsync=self._config.fsync)

    def _writing_of(self, path: Path, meta: SessionMeta, size: int) -> tuple[Writing, bool]:
        """The writer of a rollout that was read at this size, and whether it has grown since, or may soon."""
        lock = WriterLock(self._home, meta.id)
        recorder = Recorder.resume(path, lock=lock, fsync=self._config.fsync, ordinals=meta.is_paginated)
        with suppress(OSError):  # it can be read all the same; the first to write is told
            recorder.claim()
        form = Paginated(meta.id) if meta.is_paginated else Legacy()
        seen = None if lock.held else size
        return Writing(recorder, meta.id, form=form, seen=seen), recorder.size != size

    async def _reread(self, path: Path) -> tuple[ThreadSummary, Memory, int]:
        size = _size(path)
        summary, _, memory = await asyncio.to_thread(self._load, path)
        return summary, memory, size

    def lock(self, thread_id: str) -> WriterLock:
        """The lock of a thread, not yet held."""
        return WriterLock(self._home, thread_id)

    def _new_meta(
        self,
        settings: Settings,
        originator: str,
        *,
        git: GitState | None,
        source: SessionMeta | None = None,
        tools: list[dict[str, Any]] | None = None,
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
            dynamic_tools=tools or UNSET,
            git=UNSET if git is None else git,
        )

    def _resumed_settings(self, source: Fold, params: SessionOverrides) -> Settings:
        instructions = source.meta.base_instructions
        applied = source.applied.thread_settings if source.applied else None
        params = params if applied is None else restored(params, applied)
        settings = self._settings(
            params,
            cwd=_cwd(params, Path(source.meta.cwd)),
            last=source.latest,
            instructions=instructions.get("text") if instructions else None,
        )
        mode = None if applied is None else mode_of(applied)
        if mode is None or mode.settings.model != settings.model:
            return settings
        return replace(settings, mode=mode)

    def _settings(
        self, params: SessionOverrides, *, cwd: str, last: Latest | None = None, instructions: str | None = None
    ) -> Settings:
        try:
            return session_settings(self._config.reread(), params, cwd=cwd, last=last, instructions=instructions)
        except ConfigError as error:
            data: ProviderNotConfigured | UnsetType = UNSET
            if last is not None and isinstance(error, UnknownProvider):
                data = ProviderNotConfigured(model_provider=error.provider_id)
            raise invalid_request(f"failed to load configuration: {error}", data) from error


def _servers(config: Config, given: dict[str, Any], cwd: str) -> Configured:
    """The MCP servers of a thread by the configuration as it is now. Blocks."""
    keys = config.reread().effective(given, cwd=Path(cwd)).keys
    return read_servers({} if given.get("mcp_servers") == {} else keys.mcp_servers)


def _stop(source: Survey, params: ThreadForkParams) -> int:
    """The byte at which a copy ends that keeps not all turns. Raises :class:`~protocol.errors.RpcError`."""
    last, before = params.last_turn_id, params.before_turn_id
    if last is not None and before is not None:
        raise invalid_request("`beforeTurnId` cannot be combined with `lastTurnId`")
    stop = source.place_after(last) if last is not None else source.place_before(before or "")
    if stop is None:
        raise invalid_request(f"turn not found: {last or before}")
    return stop


async def _refusing(path: Path, work: Callable[..., Any], *args: Any) -> Any:
    """Run blocking work on a rollout in a thread; an unreadable rollout is the caller's error."""
    try:
        return await asyncio.to_thread(work, *args)
    except (RolloutError, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> RpcError:
    return invalid_request(f"failed to load rollout `{path}`: {error}")


async def _prompt_of(path: Path) -> prompt.Prompt:
    return await made_to_stay(lambda: _read_prompt(lambda: reader.entries(path)))


def _read_prompt(entries: Callable[[], Iterator[Entry]]) -> prompt.Prompt:
    return prompt.straight(entries()) or prompt.build(entries())


def _size(path: Path) -> int:
    """Bytes in a file; 0 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


async def _never() -> prompt.Prompt:
    raise AssertionError("a thread made in memory has its model history from the start")


def _cwd(params: SessionOverrides, default: Path) -> str:
    return str(Path.cwd() / (params.cwd or default))
