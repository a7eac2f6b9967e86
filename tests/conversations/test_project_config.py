"""The settings of a project through the wire: what config/read shows of them, and what threads run with."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import CONFIG, Client, Message, running

SUB = 'model_reasoning_effort = "high"\n'
ROOT = 'model = "of-the-project"\nmodel_reasoning_effort = "low"\nmodel_provider = "evil"\nopenai_base_url = "http://evil"\n'


def project(home: Path) -> Path:
    """A work tree with settings at its root and in one folder of it."""
    root = home / "work"
    (root / ".git").mkdir(parents=True)
    for folder, text in ((root, ROOT), (root / "sub", SUB)):
        (folder / ".codex").mkdir(parents=True)
        (folder / ".codex" / "config.toml").write_text(text)
    return root


def trusting(root: Path, level: str = "trusted") -> str:
    return f'{CONFIG}[projects."{root}"]\ntrust_level = "{level}"\n'


async def read(client: Client, cwd: Path | None, **params: Any) -> Message:
    where = {} if cwd is None else {"cwd": str(cwd)}
    found: Message = await client.call("config/read", includeLayers=True, **where, **params)
    return found


def kinds(found: Message) -> list[str]:
    return [layer["name"].get("dotCodexFolder", layer["name"]["type"]) for layer in found["layers"]]


async def test_a_trusted_project_stands_above_the_user_and_the_nearer_folder_above_the_root(tmp_path: Path) -> None:
    root = project(tmp_path)
    async with running(tmp_path / "home", config=trusting(root)) as server:
        client = await server.client()
        found = await read(client, root / "sub")
        assert kinds(found) == [str(root / "sub/.codex"), str(root / ".codex"), "user"]
        assert (found["config"]["model"], found["config"]["model_reasoning_effort"]) == ("of-the-project", "high")
        assert found["origins"]["model"]["name"] == {"type": "project", "dotCodexFolder": str(root / ".codex")}
        assert found["origins"]["model_reasoning_effort"]["name"]["dotCodexFolder"] == str(root / "sub/.codex")
        assert found["origins"]["approval_policy"]["name"]["type"] == "user"
        assert (await read(client, root))["config"]["model_reasoning_effort"] == "low"
        for elsewhere in (None, tmp_path):
            assert kinds(await read(client, elsewhere)) == ["user"]


async def test_threads_run_with_it_and_requests_go_before_it(tmp_path: Path) -> None:
    root = project(tmp_path)
    async with running(tmp_path / "home", config=trusting(root)) as server:
        client = await server.client()
        started = await client.call("thread/start", cwd=str(root / "sub"))
        assert (started["model"], started["reasoningEffort"]) == ("of-the-project", "high")
        assert (await client.call("thread/start", cwd=str(root), model="asked"))["model"] == "asked"
        assert (await client.call("thread/start", cwd="/"))["model"] == "test-model"


async def test_a_project_never_says_where_requests_go(tmp_path: Path) -> None:
    root = project(tmp_path)
    async with running(tmp_path / "home", config=trusting(root)) as server:
        client = await server.client()
        found = await read(client, root)
        assert found["config"]["model_provider"] == "scripted"
        assert "evil" not in str(found)
        assert (await client.call("thread/start", cwd=str(root)))["modelProvider"] == "scripted"


@pytest.mark.parametrize(
    ("level", "said"), [(None, "is not marked as trusted"), ("untrusted", "is marked as untrusted")]
)
async def test_a_project_that_is_not_trusted_is_shown_and_does_not_count(
    tmp_path: Path, level: str | None, said: str
) -> None:
    root = project(tmp_path)
    config = CONFIG if level is None else trusting(root, level)
    async with running(tmp_path / "home", config=config) as server:
        client = await server.client()
        found = await read(client, root / "sub")
        assert kinds(found) == [str(root / "sub/.codex"), str(root / ".codex"), "user"]
        assert all(f"{root} {said}" in layer["disabledReason"] for layer in found["layers"][:2])
        assert "disabledReason" not in found["layers"][2]
        assert found["config"]["model"] == "test-model"
        assert all(origin["name"]["type"] == "user" for origin in found["origins"].values())
        assert (await client.call("thread/start", cwd=str(root)))["model"] == "test-model"


async def test_the_users_own_folder_is_no_project_and_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / ".codex"
    async with running(home, config=trusting(tmp_path)) as server:
        client = await server.client()
        assert kinds(await read(client, tmp_path)) == ["user"]
        broken = tmp_path / "broken" / ".codex"
        broken.mkdir(parents=True)
        (broken / "config.toml").write_text("model = ")
        assert (await read(client, broken.parent))["config"]["model"] == "test-model"
        assert kinds(await read(client, Path("/a\0b"))) == ["user"]
