"""The command line: flags to settings, signals to an orderly end. Knows no thread and no method."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec
import structlog
import uvloop

from server import doctor, logs, schema
from server.app import App
from server.auth import check_exposure
from server.config import Config
from server.config_flags import FLAGS, variable
from server.errors import ConfigError
from server.listen import StdioAddress, TcpAddress
from server.open_files import room_for_connections
from server.version import VERSION

_log = structlog.get_logger(__name__)

SWITCH = 0.0005
"""Seconds after which a thread that computes lets the event loop go on. Python's own 5 ms are what a client would
notice, for the loop may have to wait that long several times until what a model said is written."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``threadcast``. Returns the exit status: 0 after an orderly end, 1 if it cannot start, 2 for bad usage."""
    options = vars(parser().parse_args(arguments))
    overrides = [*options.pop("config_before"), *_features(options, "_before")]
    run = options.pop("run", None)
    if run is not None:
        return int(run(options))
    overrides += [*options.pop("config"), *_features(options)]
    if options.pop("command") == "app-server":
        _as_spawned(options)
    for flag in _REPEATED:
        name = flag.replace("-", "_")
        options[name] = ",".join(options[name] or ()) or None
    try:
        config = Config.load({name.replace("_", "-"): value for name, value in options.items()}, os.environ, overrides)
        for address in config.listen:
            if isinstance(address, TcpAddress):
                check_exposure(address.host, config.auth.mode, config.insecure_no_auth)
        logs.set_up(config.log_format, config.log_level)
        sys.setswitchinterval(SWITCH)
        return uvloop.run(_serve(config))
    except (ConfigError, OSError) as error:
        print(f"threadcast: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The commands and their flags."""
    commands = argparse.ArgumentParser(prog="threadcast", description="Share live Codex threads over WebSocket.")
    commands.add_argument("--version", action="version", version=f"threadcast {VERSION}")
    _add_overrides(commands, "_before")  # programs that start `codex app-server` put them on either side
    subcommands = commands.add_subparsers(required=True, metavar="COMMAND")
    _add_flags(subcommands.add_parser("serve", help="accept clients and run their turns")).set_defaults(command="serve")
    spawned = subcommands.add_parser(
        "app-server", help="the same for a program that starts it in place of `codex app-server`"
    )
    _add_flags(spawned).set_defaults(command="app-server")
    spawned.add_argument("--stdio", dest="listen", action="append_const", const="stdio://", help="as --listen stdio://")
    for switch in _SWITCHES_WITHOUT_EFFECT:
        spawned.add_argument(switch, action="store_true", help=argparse.SUPPRESS)
    for flag in _VALUES_WITHOUT_EFFECT:
        spawned.add_argument(flag, help=argparse.SUPPRESS)
    doctor.add_to(subcommands)
    schema.add_to(subcommands)
    return commands


_REPEATED = {"listen": "URL", "allow-origin": "ORIGIN", "allow-host": "NAME"}
"""Flags that may stand more than once; everywhere else commas separate their values."""

_SWITCHES_WITHOUT_EFFECT = ("--analytics-default-enabled", "--strict-config")
_VALUES_WITHOUT_EFFECT = ("--session-source",)


def _add_flags(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    for flag in FLAGS:
        if flag == "insecure-no-auth":
            command.add_argument(f"--{flag}", action="store_const", const="true", help=_HELP[flag])
        elif flag in _REPEATED:
            command.add_argument(f"--{flag}", action="append", metavar=_REPEATED[flag], help=_HELP[flag])
        else:
            command.add_argument(f"--{flag}", metavar="VALUE", help=_HELP[flag])
    _add_overrides(command)
    return command


def _add_overrides(command: argparse.ArgumentParser, when: str = "") -> None:
    shown = argparse.SUPPRESS if when else "set a key of config.toml"
    command.add_argument(
        "-c", "--config", action="append", default=[], dest=f"config{when}", metavar="KEY=VALUE", help=shown
    )
    for flag in ("enable", "disable"):
        shown = argparse.SUPPRESS if when else f"{flag} a feature: -c features.NAME={str(flag == 'enable').lower()}"
        command.add_argument(f"--{flag}", action="append", default=[], dest=f"{flag}{when}", metavar="NAME", help=shown)


def _features(options: dict[str, Any], when: str = "") -> list[str]:
    """What ``--enable`` and ``--disable`` say, as keys."""
    enabled = [f"features.{name}=true" for name in options.pop(f"enable{when}")]
    return enabled + [f"features.{name}=false" for name in options.pop(f"disable{when}")]


def _as_spawned(options: dict[str, Any]) -> None:
    """What is otherwise for a program that starts the server: it speaks first, and may never read the log."""
    for flag in (*_SWITCHES_WITHOUT_EFFECT, *_VALUES_WITHOUT_EFFECT):
        del options[flag.removeprefix("--").replace("-", "_")]
    # A program may name what a script around this server names as well.
    options["listen"] = list(dict.fromkeys(options["listen"] or ["stdio://"]))
    options["log_level"] = options["log_level"] or os.environ.get(variable("log-level")) or "warning"


_HELP = {
    "codex-home": "folder with threads and config.toml (default: $CODEX_HOME or ~/.codex)",
    "listen": "ws://IP:PORT, unix://, unix://PATH or stdio://; more than once for more (default: ws://127.0.0.1:8390)",
    "ws-auth": "who may connect: none, capability-token or signed-bearer-token",
    "ws-token-file": "file that holds the capability tokens, one a line; scopes=view,answer TOKEN for less than all",
    "ws-token-sha256": "SHA-256 of the capability token, in hex",
    "ws-shared-secret-file": "file that holds the secret of signed bearer tokens",
    "ws-issuer": "issuer that signed bearer tokens must name",
    "ws-audience": "audience that signed bearer tokens must name",
    "ws-max-clock-skew-seconds": "how far the clocks of who signs and of this machine may differ (default: 30)",
    "allow-origin": "origin of web pages that may connect, besides the server's own; more than once for more",
    "allow-host": "name, or NAME:PORT, by which this server is reached; more than once for more",
    "insecure-no-auth": "listen beyond this machine without authentication",
    "idle-unload-seconds": "unload a thread that nobody follows and that does nothing, after this time (default: 1800)",
    "outbox-limit": "bytes that may wait for one slow client (default: 4194304)",
    "recent-limit": "bytes of notifications that a thread remembers for clients that come back (default: 1048576)",
    "max-connections": "clients that may be connected at once, 0 for no limit (default: 16384)",
    "max-subscriptions": "threads that one client may follow at once, 0 for no limit (default: 1000)",
    "max-requests": "requests that one client may have open (default: 256)",
    "max-request-size": "characters that the open requests of one client may have together (default: 134217728)",
    "write-deadline": "seconds that a client may take nothing (default: 30)",
    "ping-interval": "seconds between keepalive pings, 0 for none (default: 20)",
    "drain-seconds": "seconds that running turns get to end at shutdown (default: 20)",
    "fsync": "when lines must be on the medium: after each turn, each line, or never (default: turn)",
    "log-format": "text or json (default: text)",
    "log-level": "debug, info, warning or error (default: info)",
    "model": "model of new threads",
    "model-provider": "provider of new threads",
    "profile": "profile of config.toml",
}


async def _serve(config: Config) -> int:
    app = App(_with_room(config))
    loop = asyncio.get_running_loop()
    told, ended, at_once = asyncio.Event(), asyncio.Event(), asyncio.Event()
    spawned = StdioAddress() in config.listen

    def on_signal() -> None:
        # Who started this server and ends it by a signal waits for no turn, and kills it a little later.
        (at_once if told.is_set() or ended.is_set() or spawned else told).set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    app.on_end = lambda listens: (ended if listens else at_once).set()
    await app.start()
    gc.freeze()
    _banner(app)  # not before signals are heeded: who reads it may end the server at once
    hurry = asyncio.create_task(at_once.wait())
    await _any(hurry, told.wait(), ended.wait())
    if ended.is_set():
        await _any(hurry, app.answer())
    stopping = asyncio.create_task(app.stop(drain_seconds=config.drain_seconds))
    await _any(hurry, stopping)
    if not stopping.done():
        stopping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stopping
        await app.stop()
    hurry.cancel()
    return 0


def _with_room(config: Config) -> Config:
    """The same with no more connections than this process may have files for."""
    room = room_for_connections(config.max_connections)
    if room < config.max_connections:
        _log.warning("few_open_files", connections=room, wanted=config.max_connections)
    return msgspec.structs.replace(config, max_connections=room)


async def _any(*awaited: asyncio.Task[Any] | Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of these to end. Those that were begun here are not left behind."""
    tasks = [asyncio.ensure_future(each) for each in awaited]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task, given in zip(tasks, awaited, strict=True):
        if task is not given and not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _banner(app: App) -> None:
    if StdioAddress() in app.config.listen:
        return
    provider = app.config.provider_id
    lines = [f"threadcast {VERSION}", *(f"  listening on  {url}" for url in app.listener.urls)]
    lines += [
        f"  health        {url.replace('ws:', 'http:', 1)}/healthz  /readyz"
        for url in app.listener.urls
        if url.startswith("ws:")
    ]
    lines += [f"  threads       {app.config.codex_home}", f"  model         {app.config.model} ({provider})"]
    if provider == "offline":
        lines.append("  note          no key and no provider is configured: the built-in offline model answers")
    if app.config.insecure_no_auth:
        lines.append("  warning       anyone who reaches this address may run turns")
    print("\n".join(lines), file=sys.stderr, flush=True)
