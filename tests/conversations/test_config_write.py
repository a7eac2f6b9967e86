"""config/value/write and config/batchWrite through the wire: what becomes of the file, and of those who read it."""

from __future__ import annotations

import asyncio
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import CONFIG, Client, Message, Refused, running

WRITTEN = f"""\
# mine
{CONFIG.lstrip()}
[features]
shell_snapshot = false  # slow

[sandbox_workspace_write]
network_access = true
writable_roots = ["/a"]
"""


async def put(client: Client, key: str, value: Any, strategy: str = "replace", **target: Any) -> Message:
    params = {"keyPath": key, "value": value, "mergeStrategy": strategy}
    found: Message = await client.call("config/value/write", **params, **target)
    return found


def edit(key: str, value: Any) -> Message:
    return {"keyPath": key, "value": value, "mergeStrategy": "replace"}


def refused_as(refused: pytest.ExceptionInfo[Refused]) -> Any:
    assert refused.value.data is not None
    return refused.value.data["config_write_error_code"]


async def version_of(client: Client) -> str:
    layers = (await client.call("config/read", includeLayers=True))["layers"]
    return next(str(layer["version"]) for layer in layers if layer["name"]["type"] == "user")


async def test_a_change_keeps_everything_else_as_it_was_written(tmp_path: Path) -> None:
    async with running(tmp_path, config=WRITTEN) as server:
        client = await server.client()
        file = tmp_path / "config.toml"
        before = file.read_text()
        written = await put(client, "features.apps", False)
        assert written["status"] == "ok"
        assert (written["filePath"], written["overriddenMetadata"]) == (str(file), None)
        assert written["version"] == await version_of(client)
        assert file.read_text() == before.replace("# slow\n", "# slow\napps = false\n")
        await put(client, "features.apps", None)
        assert file.read_text() == before


async def test_what_is_written_holds_for_the_next_thread_and_not_for_loaded_ones(tmp_path: Path) -> None:
    async with running(tmp_path, config=WRITTEN) as server:
        client = await server.client()
        old = (await client.call("thread/start"))["thread"]["id"]
        edits = [edit("model", "another-model"), edit("model_reasoning_effort", "low")]
        await client.call("config/batchWrite", edits=edits, reloadUserConfig=True)
        new = await client.call("thread/start")
        assert (new["model"], new["reasoningEffort"]) == ("another-model", "low")
        assert (await client.call("thread/resume", threadId=old))["model"] == "test-model"


async def test_tables_are_replaced_or_merged_and_keys_may_stand_in_quotes(tmp_path: Path) -> None:
    async with running(tmp_path, config=WRITTEN) as server:
        client = await server.client()

        def table() -> Any:
            return tomllib.loads((tmp_path / "config.toml").read_text())

        await put(client, "sandbox_workspace_write", {"exclude_slash_tmp": True}, "upsert")
        merged = {"network_access": True, "writable_roots": ["/a"], "exclude_slash_tmp": True}
        assert table()["sandbox_workspace_write"] == merged
        await put(client, "sandbox_workspace_write", {"writable_roots": ["/b"]})
        assert table()["sandbox_workspace_write"] == {"writable_roots": ["/b"]}
        await put(client, 'projects."/a/b.c".trust_level', "trusted")
        await put(client, "projects./x/y", {"trust_level": "untrusted", "more": {"deep": [1, {"er": True}]}}, "upsert")
        assert table()["projects"] == {
            "/a/b.c": {"trust_level": "trusted"},
            "/x/y": {"trust_level": "untrusted", "more": {"deep": [1, {"er": True}]}},
        }
        await put(client, "developer_instructions", 'one\n"two"\\\n')
        assert table()["developer_instructions"] == 'one\n"two"\\\n'
        await put(client, "nowhere.at.all", None)
        assert "nowhere" not in table()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sandbox_mode", "nonsense"),
        ("approval_policy", True),
        ("model_context_window", 1.5),
        ("model_providers.openai.name", "x"),
        ("model.x", 1),
        ("", 1),
        ("a..b", 1),
        ('a."b', 1),
        ("list", [None]),
        ("table", {"deep": [{"null": None}]}),
        ("big", 2**63),
    ],
)
async def test_what_the_configuration_refuses_changes_nothing(key: str, value: Any, tmp_path: Path) -> None:
    async with running(tmp_path, config=WRITTEN) as server:
        client = await server.client()
        before = (tmp_path / "config.toml").read_text()
        with pytest.raises(Refused) as refused:
            await client.call("config/batchWrite", edits=[edit("model", "good"), edit(key, value)])
        assert refused_as(refused) == "configValidationError"
        assert (tmp_path / "config.toml").read_text() == before


async def test_a_file_that_was_wrong_before_can_be_mended(tmp_path: Path) -> None:
    async with running(tmp_path, config='web_search = "nonsense"\nmodel_verbosity = 5\n' + WRITTEN) as server:
        client = await server.client()
        await put(client, "web_search", "live")
        assert (await client.call("config/read"))["config"]["web_search"] == "live"


async def test_a_file_that_is_no_toml_is_left_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        (tmp_path / "config.toml").write_text("broken = [\n")
        with pytest.raises(Refused, match="failed to load configuration"):
            await put(client, "model", "x")
        assert (tmp_path / "config.toml").read_text() == "broken = [\n"


async def test_mode_and_link_stay_and_a_new_file_is_private(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "dotfiles"
    elsewhere.mkdir()
    async with running(home, config=WRITTEN) as server:
        client = await server.client()
        file = home / "config.toml"
        file.rename(elsewhere / "config.toml")
        file.symlink_to(elsewhere / "config.toml")
        os.chmod(elsewhere / "config.toml", 0o640)
        await put(client, "model", "x")
        assert file.is_symlink()
        assert tomllib.loads((elsewhere / "config.toml").read_text())["model"] == "x"
        assert (elsewhere / "config.toml").stat().st_mode & 0o777 == 0o640
        assert [path.name for path in elsewhere.iterdir()] == ["config.toml"]
        (elsewhere / "config.toml").unlink()
        file.unlink()
        await put(client, "model", "y")
        assert (file.read_text(), file.stat().st_mode & 0o777) == ('model = "y"\n', 0o600)


async def test_only_the_users_file_can_be_written(tmp_path: Path) -> None:
    async with running(tmp_path, config=WRITTEN) as server:
        client = await server.client()
        for name in ("config.toml", str(tmp_path / "config.toml")):
            assert (await put(client, "model", "x", filePath=name))["filePath"] == str(tmp_path / "config.toml")
        for name in ("other.toml", "/etc/config.toml", "../config.toml", "a\0b"):
            with pytest.raises(Refused) as refused:
                await put(client, "model", "x", filePath=name)
            assert refused_as(refused) == "configLayerReadonly"


async def test_of_two_who_saw_the_same_version_one_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, config=WRITTEN) as server:
        clients = [await server.client() for _ in range(2)]
        seen = await version_of(clients[0])
        writes = [put(client, "model", f"m{at}", expectedVersion=seen) for at, client in enumerate(clients)]
        answers = await asyncio.gather(*writes, return_exceptions=True)
        lost = [answer for answer in answers if isinstance(answer, Refused)]
        assert [each.data for each in lost] == [{"config_write_error_code": "configVersionConflict"}]
        won = next(answer for answer in answers if isinstance(answer, dict))
        assert (await put(clients[0], "model", "last", expectedVersion=won["version"]))["status"] == "ok"


async def test_no_change_of_many_at_once_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path, config=WRITTEN) as server:
        clients = [await server.client() for _ in range(4)]
        keys = [f"more.key{at}" for at in range(20)]
        await asyncio.gather(*(put(clients[at % 4], key, at) for at, key in enumerate(keys)))
        assert tomllib.loads((tmp_path / "config.toml").read_text())["more"] == {f"key{at}": at for at in range(20)}


async def test_who_writes_below_the_command_line_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, config=WRITTEN, flags={"model": "flagged"}) as server:
        client = await server.client()
        written = await put(client, "model", "written")
        assert written["status"] == "okOverridden"
        told = written["overriddenMetadata"]
        assert (told["effectiveValue"], told["overridingLayer"]["name"]) == ("flagged", {"type": "sessionFlags"})
        assert tomllib.loads((tmp_path / "config.toml").read_text())["model"] == "written"
