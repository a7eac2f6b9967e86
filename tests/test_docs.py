"""The documents say what is: every method has its row, and the session in the README is what the example prints."""

import asyncio
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from protocol.asks import ASKS
from protocol.methods import METHODS
from protocol.notices import NOTICES
from server.app import App
from server.cli import parser
from server.config import Config
from server.config_flags import FLAGS

ROOT = Path(__file__).parent.parent


def test_every_method_and_notification_is_documented() -> None:
    text = (ROOT / "docs/PROTOCOL.md").read_text()
    requests, _, rest = text.partition("## Notifications")
    assert re.findall(r"^\| `([^`]+)` \|", requests, re.M) == [method.name for method in METHODS]
    notifications, _, rest = rest.partition("## Questions")
    assert re.findall(r"^\| `([^`]+)` \|", rest.partition("## Attach")[0], re.M) == [ask.name for ask in ASKS]
    assert set(re.findall(r"`([^`]+)`", notifications)) - {"thread/resume", "thread/fork"} == {n.name for n in NOTICES}


def test_every_flag_is_documented() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [flag for flag in FLAGS if f"--{flag}" not in readme] == []


def shape(session: str) -> list[str]:
    """The lines of a session without what differs from run to run, as far as all lines are shown."""
    known: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        return known.setdefault(found[0], f"id{len(known)}")

    session = re.sub(
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?:rs|msg)_[0-9a-f]{32}", name, session
    )
    session = re.sub(r'"codexHome":"[^"]+"', '"codexHome":"…"', session)
    session = re.sub(r"\(\w+; \w+\)", "(system)", session)
    return [re.sub(r'"[^"]*$', "", line[:100]) for line in session.strip().splitlines()]


async def test_the_session_in_the_readme_is_what_the_example_prints() -> None:
    readme = (ROOT / "README.md").read_text()
    (shown,) = re.findall(r"```\n(A > .*?)```", readme, re.S)
    home = tempfile.mkdtemp(prefix="")  # short, for the example cuts long lines
    app = App(Config.load({"codex-home": home, "listen": "ws://127.0.0.1:0"}, {}))
    await app.start()
    try:
        url = f"ws://127.0.0.1:{app.listener.port}"
        command = [sys.executable, str(ROOT / "examples/session.py"), url]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(20):
            printed, _ = await process.communicate()
    finally:
        await app.stop()
        shutil.rmtree(home)
    assert process.returncode == 0
    assert shape(printed.decode()) == shape(shown)


def test_the_image_starts_the_server_with_flags_that_exist() -> None:
    dockerfile = (ROOT / "docker/Dockerfile").read_text()
    (entry,) = re.findall(r"^ENTRYPOINT (\[.*\])$", dockerfile, re.M)
    (command,) = re.findall(r"^CMD (\[.*\])$", dockerfile, re.M)
    assert json.loads(entry) == ["threadcast"]
    options = vars(parser().parse_args(json.loads(command)))
    assert options["ws_auth"] == "capability-token"
    compose = (ROOT / "compose.yaml").read_text()
    assert f"target: {Path(options['ws_token_file']).name}" in compose
