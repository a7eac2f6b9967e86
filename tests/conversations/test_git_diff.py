"""gitDiffToRemote through the wire: what a repository has that no remote knows, and why there is no answer."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.harness import Client, Message, Refused, running

WHO = ("-c", "user.name=n", "-c", "user.email=n@example.invalid", "-c", "init.defaultBranch=main")


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *WHO, *words], check=True, capture_output=True, text=True).stdout


def repository(folder: Path) -> Path:
    """A work tree with one commit, which its remote has."""
    work = folder / "work"
    work.mkdir(parents=True)
    git(folder, "init", "--bare", "remote.git")
    git(work, "init")
    (work / "a").write_text("one\n")
    git(work, "add", "a")
    git(work, "commit", "-m", "one")
    git(work, "remote", "add", "origin", str(folder / "remote.git"))
    git(work, "push", "origin", "main")
    return work


async def asked(client: Client, cwd: Path | str) -> Message:
    answer: Message = await client.call("gitDiffToRemote", cwd=str(cwd))
    return answer


async def test_commits_changes_and_new_files_that_no_remote_has_are_shown(tmp_path: Path) -> None:
    work = repository(tmp_path)
    pushed = git(work, "rev-parse", "HEAD").strip()
    (work / "a").write_text("one\ntwo\n")
    git(work, "commit", "-am", "two")
    (work / "a").write_text("one\ntwo\nthree\n")
    (work / "new").write_text("new\n")
    (work / ".gitignore").write_text("ignored\n")
    (work / "ignored").write_text("x\n")
    (work / "sub").mkdir()
    before = git(work, "status", "--porcelain")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        for cwd in (work, work / "sub"):
            answer = await asked(client, cwd)
            assert answer["sha"] == pushed
            assert "@@ -1 +1,3 @@\n one\n+two\n+three\n" in answer["diff"]
            assert "diff --git a/new b/new\nnew file mode 100644\n" in answer["diff"]
            assert "+x\n" not in answer["diff"]
    assert git(work, "status", "--porcelain") == before


async def test_what_is_all_pushed_has_no_difference(tmp_path: Path) -> None:
    work = repository(tmp_path)
    async with running(tmp_path / "home") as server:
        answer = await asked(await server.client(), work)
        assert answer == {"sha": git(work, "rev-parse", "HEAD").strip(), "diff": ""}


@pytest.mark.parametrize("place", ["nowhere", "plain", "lonely", "relative"])
async def test_without_a_remote_to_compare_with_there_is_an_error(tmp_path: Path, place: str) -> None:
    lonely = tmp_path / "lonely"
    for folder in (tmp_path / "plain", lonely):
        folder.mkdir()
    git(lonely, "init")
    git(lonely, "commit", "--allow-empty", "-m", "one")
    cwd = place if place == "relative" else str(tmp_path / place)
    async with running(tmp_path / "home") as server:
        with pytest.raises(Refused) as caught:
            await asked(await server.client(), cwd)
        assert caught.value.code == -32600
        assert caught.value.message.startswith(f"failed to compute git diff to remote for cwd: {json.dumps(cwd)}")


async def test_settings_of_the_repository_start_no_program(tmp_path: Path) -> None:
    work = repository(tmp_path)
    trap = tmp_path / "ran"
    for name in ("diff.external", "core.fsmonitor", "diff.x.textconv", "diff.x.command"):
        git(work, "config", name, f"touch {trap}; cat")
    (work / ".gitattributes").write_text("* diff=x\n")
    (work / "a").write_text("changed\n")
    trap.unlink(missing_ok=True)
    async with running(tmp_path / "home") as server:
        assert "+changed" in (await asked(await server.client(), work))["diff"]
    assert not trap.exists()
