"""The command line: flags to settings, signals to an orderly end. Knows no thread and no method."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence

import uvloop

from server import doctor, logs
from server.app import App
from server.auth import check_exposure
from server.config import Config
from server.config_flags import FLAGS
from server.errors import ConfigError
from server.version import VERSION


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``threadcast``. Returns the exit status: 0 after an orderly end, 1 if it cannot start, 2 for bad usage."""
    options = vars(parser().parse_args(arguments))
    run = options.pop("run", None)
    if run is not None:
        return int(run(options))
    overrides = options.pop("config")
    try:
        config = Config.load({name.replace("_", "-"): value for name, value in options.items()}, os.environ, overrides)
        check_exposure(config.listen.host, config.auth.mode, config.insecure_no_auth)
        logs.set_up(config.log_format, config.log_level)
        return uvloop.run(_serve(config))
    except (ConfigError, OSError) as error:
        print(f"threadcast: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The commands and their flags."""
    commands = argparse.ArgumentParser(prog="threadcast", description="Share live Codex threads over WebSocket.")
    commands.add_argument("--version", action="version", version=f"threadcast {VERSION}")
    subcommands = commands.add_subparsers(required=True, metavar="COMMAND")
    serve = subcommands.add_parser("serve", help="accept clients and run their turns")
    for flag in FLAGS:
        if flag == "insecure-no-auth":
            serve.add_argument(f"--{flag}", action="store_const", const="true", help=_HELP[flag])
        else:
            serve.add_argument(f"--{flag}", metavar="VALUE", help=_HELP[flag])
    serve.add_argument(
        "-c", "--config", action="append", default=[], metavar="KEY=VALUE", help="set a key of config.toml"
    )
    doctor.add_to(subcommands)
    return commands


_HELP = {
    "codex-home": "folder with threads and config.toml (default: $CODEX_HOME or ~/.codex)",
    "listen": "address, ws://IP:PORT (default: ws://127.0.0.1:8390)",
    "ws-auth": "who may connect: none or capability-token",
    "ws-token-file": "file that holds the capability token",
    "ws-token-sha256": "SHA-256 of the capability token, in hex",
    "insecure-no-auth": "listen beyond this machine without authentication",
    "idle-unload-seconds": "unload a thread that nobody follows and that does nothing, after this time (default: 1800)",
    "outbox-limit": "bytes that may wait for one slow client (default: 4194304)",
    "recent-limit": "bytes of notifications that a thread remembers for clients that come back (default: 1048576)",
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
    app = App(config)
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    at_once = asyncio.Event()

    def on_signal() -> None:
        (at_once if told.is_set() else told).set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    await app.start()
    _banner(app)  # not before signals are heeded: who reads it may end the server at once
    await told.wait()
    stopping = asyncio.create_task(app.stop(drain_seconds=config.drain_seconds))
    hurry = asyncio.create_task(at_once.wait())
    await asyncio.wait({stopping, hurry}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        stopping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stopping
        await app.stop()
    hurry.cancel()
    return 0


def _banner(app: App) -> None:
    host = app.config.listen.host
    address = f"[{host}]:{app.listener.port}" if ":" in host else f"{host}:{app.listener.port}"
    provider = app.config.provider_id
    lines = [
        f"threadcast {VERSION}",
        f"  listening on  ws://{address}",
        f"  health        http://{address}/healthz  /readyz",
        f"  threads       {app.config.codex_home}",
        f"  model         {app.config.model} ({provider})",
    ]
    if provider == "offline":
        lines.append("  note          no key and no provider is configured: the built-in offline model answers")
    if app.config.insecure_no_auth:
        lines.append("  warning       anyone who reaches this address may run turns")
    print("\n".join(lines), file=sys.stderr, flush=True)
