"""The server put together: who knows whom. Owns start and stop; knows no method and no message."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

import structlog

from protocol import frames, notices
from protocol.errors import GOING_AWAY, invalid_request
from protocol.mcp import McpServerStatusUpdatedNotification
from protocol.wire import Empty
from rollout.catalog import Catalog
from rollout.paths import Home
from rollout.read_states import ReadStates
from server import gauges
from server.commands.register import Register
from server.commands.sandbox import Sandbox
from server.config import Config
from server.connection import Connection
from server.dispatch import Dispatcher
from server.engine.workspace import Machine
from server.files.files import Files
from server.handlers import ROUTES
from server.listener import Listener
from server.mcp.register import McpRegister
from server.metrics import Metrics
from server.offload import made_to_stay
from server.outgoing import Outgoing
from server.presence import Presence
from server.providers import registry
from server.providers.provider import Provider
from server.providers.settings import ProviderConfig
from server.questions import Questions
from server.skills.store import Skills
from server.subscriptions import Subscriptions
from server.threads.limits import Limits
from server.threads.loaded import Loaded
from server.threads.opening import Opening
from server.watchdog import Watchdog

INDEXING_DELAY = 0.1
"""Seconds after which a server that was just started begins to build the index: first it is there for its clients."""

INDEXING_PAUSE = 3
"""The pause after a step of building the index, in times of what the step took: who resumes a thread of a server that
was just started is to have most of it."""

_log = structlog.get_logger(__name__)


class App:
    """One server on one CODEX_HOME. ``providers`` replaces the configured ones, by id, for tests."""

    def __init__(self, config: Config, providers: dict[str, Provider] | None = None) -> None:
        self.config = config
        self.subscriptions: Subscriptions[Connection] = Subscriptions()
        self.outgoing = Outgoing(self.subscriptions)
        self.presence = Presence(self.subscriptions)
        self.loaded = Loaded(self.outgoing, self.subscriptions, config.idle_unload_seconds)
        self.catalog = Catalog(Home(config.codex_home))
        self.read_states = ReadStates(Home(config.codex_home).read_states)
        self.limits = Limits()
        self.sandbox = Sandbox(config.codex_home)
        self.sandbox_known: asyncio.Task[None] | None = None
        """Done when it is known what confines commands here; clients are let in before."""
        self.commands: Register[Connection] = Register()
        self.mcp = McpRegister(config.environ, self._tell_of_mcp)
        self.files = Files()
        self.skills = Skills(config, self._tell_of_skills)
        self.questions = Questions(self.outgoing, self.subscriptions)
        self.opening = Opening(
            config,
            self.catalog,
            self.outgoing,
            self.subscriptions,
            self.limits,
            self.read_states,
            self.questions,
            Machine(config, self.sandbox, self.skills, self.mcp),
            self.loaded.changed,
        )
        self.draining = False
        self.metrics = Metrics()
        self._watchdog = Watchdog(self.metrics.count_block)
        self._indexing: asyncio.Task[None] | None = None
        self._given = providers or {}
        self._providers = asyncio.Lock()
        self._opened: dict[str, tuple[ProviderConfig, Provider]] = {}
        self._dispatcher = Dispatcher(self, ROUTES)
        self.on_end: Callable[[bool], None] = lambda _listens: None
        """Called when the client that started this server says no more; with whether it still listens."""
        self.listener = Listener(config, self._dispatcher, self._left, self._ended, self.metrics)
        gauges.watch(self.metrics, self.listener.reception, self.subscriptions, self.loaded)

    def _ended(self, listens: bool) -> None:
        self.on_end(listens)

    def _left(self, connection: Connection) -> None:
        self.commands.left(connection)
        self.presence.left(connection)
        self.files.left(connection)
        self.loaded.left(self.subscriptions.close(connection))

    def _tell_of_mcp(self, news: McpServerStatusUpdatedNotification) -> None:
        self.outgoing.broadcast(news.thread_id, frames.notification(notices.MCP_SERVER_STATUS_UPDATED, news))

    def _tell_of_skills(self) -> None:
        self.outgoing.announce(frames.notification(notices.SKILLS_CHANGED, Empty()))

    async def provider(self, config: ProviderConfig) -> Provider:
        """The open provider of this configuration; opened when first asked for, in a thread, for that may take long."""
        if config.id in self._given:
            return self._given[config.id]
        async with self._providers:
            settings, provider = self._opened.get(config.id, (None, None))
            if provider is None or settings != config:
                provider = await asyncio.to_thread(registry.open_provider, config, self.config)
                self._opened[config.id] = (config, provider)
            return provider

    def refuse_when_draining(self) -> None:
        """Raise for a request that would begin a turn while the server is going down."""
        if self.draining:
            raise invalid_request(
                "the server is shutting down and starts no new turns; connect again when the next one is there, "
                "and send the input again"
            )

    async def start(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        Home(self.config.codex_home).sessions.mkdir(parents=True, exist_ok=True)
        await self.listener.start()
        self.sandbox_known = self.sandbox.begin()
        self._watchdog.start()
        self._indexing = asyncio.create_task(self._index(), name="indexing")

    async def answer(self) -> None:
        """Wait until every request that came so far is answered."""
        await self._dispatcher.drain()

    async def stop(self, *, drain_seconds: float = 0.0) -> None:
        """Begin no new turns, let the running ones end within ``drain_seconds``, then close everything, in order."""
        self.draining = True
        self.listener.drain()
        running = [thread.turn.ended for thread in self.loaded if thread.turn is not None]
        if running:
            _log.info("draining", turns=len(running), seconds=drain_seconds)
            await asyncio.wait(running, timeout=drain_seconds)
        await self.loaded.close()
        await self.mcp.close()
        await self.listener.stop(GOING_AWAY, "the server is shutting down")
        await self.commands.close()
        if self.sandbox_known is not None:
            await asyncio.wait([self.sandbox_known])
        self._watchdog.stop()
        await self._dispatcher.drain()
        self.files.close()
        for _, provider in self._opened.values():
            await provider.aclose()
        if self._indexing is not None:
            self._indexing.cancel()
            await asyncio.wait([self._indexing])
        await asyncio.to_thread(self.catalog.close)

    async def _index(self) -> None:
        """Read the rollouts that the index lacks, with more time for everything else than that takes."""
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(INDEXING_DELAY)
        await made_to_stay(registry.load)
        steps, count = self.catalog.build(), 0
        begun = before = clock()
        try:
            while step := await asyncio.to_thread(next, steps, 0):
                count += step
                await asyncio.sleep((clock() - before) * INDEXING_PAUSE)
                before = clock()
        except (OSError, sqlite3.Error) as error:
            _log.warning("indexing_failed", reason=str(error))
        else:
            _log.info("indexed", rollouts=count, seconds=round(clock() - begun, 3))
