"""AGENTS.md files: which count, how the model hears of them, and what clients are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.providers.provider import ModelRequest
from server.providers.scripted import Response, completed, message
from tests.support.harness import CONFIG, Client, running

ANSWER: Response = [message("Sunny."), completed()]


def written(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def told(request: ModelRequest) -> list[str]:
    """What the model was told of AGENTS.md files, oldest first."""
    texts = [part["text"] for item in request.input for part in item.get("content", [])]
    return [text for text in texts if text.startswith("# AGENTS.md instructions for ")]


def wrapped(cwd: Path, text: str) -> str:
    return f"# AGENTS.md instructions for {cwd}\n\n<INSTRUCTIONS>\n{text}\n</INSTRUCTIONS>"


async def started(client: Client, cwd: Path, **params: Any) -> Any:
    return await client.call("thread/start", cwd=str(cwd), **params)


async def turn(client: Client, thread_id: str, **params: Any) -> None:
    begun = await client.call("turn/start", threadId=thread_id, input=[{"type": "text", "text": "go"}], **params)
    turn_id = begun["turn"]["id"]
    await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn_id)


async def test_files_count_from_the_home_and_the_projects_root_down(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "project"
    sub = root / "src/deep"
    sources = [
        written(home / "AGENTS.md", "\n everywhere \n"),
        written(root / "AGENTS.md", "root\n"),
        written(root / "src/AGENTS.override.md", "src, really"),
        written(sub / "NOTES.md", "deep"),
    ]
    written(root / "src/AGENTS.md", "src")
    written(tmp_path / "AGENTS.md", "outside")
    (root / ".git").mkdir()
    config = f'project_doc_fallback_filenames = ["NOTES.md"]\n{CONFIG}'
    async with running(home, ANSWER, config=config) as server:
        client = await server.client()
        session = await started(client, sub)
        assert session["instructionSources"] == sources
        await turn(client, session["thread"]["id"])
        text = "everywhere\n\n--- project-doc ---\n\nroot\n\n\nsrc, really\n\ndeep"
        assert told(server.provider.requests[0]) == [wrapped(sub, text)]
        (item,) = [item for item in server.provider.requests[0].input if "# AGENTS.md" in str(item)]
        assert item["role"] == "user"
        assert item["content"][1]["text"].startswith("<environment_context>")


async def test_without_a_project_only_the_working_directory_counts(tmp_path: Path) -> None:
    written(tmp_path / "AGENTS.md", "outside")
    inside = written(tmp_path / "place/AGENTS.md", "inside")
    config = f"project_root_markers = []\n{CONFIG}"
    async with running(tmp_path / "home", config=config) as server:
        client = await server.client()
        assert (await started(client, tmp_path / "place"))["instructionSources"] == [inside]


async def test_the_users_override_counts_unless_it_is_blank(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as server:
        usual = written(server.home / "AGENTS.md", "usual")
        override = written(server.home / "AGENTS.override.md", "\n")
        client = await server.client()
        assert (await started(client, tmp_path))["instructionSources"] == [usual]
        written(Path(override), "override")
        assert (await started(client, tmp_path))["instructionSources"] == [override]


async def test_a_project_may_say_only_so_much(tmp_path: Path) -> None:
    root = tmp_path / "project"
    first = written(root / "AGENTS.md", "12345678")
    second = written(root / "a/AGENTS.md", "abcdef")
    written(root / "a/b/AGENTS.md", "never")
    (root / ".git").mkdir()
    async with running(tmp_path / "home", ANSWER, config=f"project_doc_max_bytes = 10\n{CONFIG}") as server:
        client = await server.client()
        session = await started(client, root / "a/b")
        assert session["instructionSources"] == [first, second]
        await turn(client, session["thread"]["id"])
        assert told(server.provider.requests[0]) == [wrapped(root / "a/b", "12345678\n\nab")]


async def test_the_model_hears_once_and_again_when_something_has_changed(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    written(here / "AGENTS.md", "here")
    beyond = written(there / "AGENTS.md", "there")
    (tmp_path / "nowhere").mkdir()
    async with running(tmp_path / "home", *[ANSWER] * 5) as server:
        client = await server.client()
        thread_id = (await started(client, here))["thread"]["id"]
        await turn(client, thread_id)
        await turn(client, thread_id)
        assert told(server.provider.requests[-1]) == [wrapped(here, "here")]
        await turn(client, thread_id, cwd=str(there))
        assert told(server.provider.requests[-1])[1].endswith("\n\nthere\n</INSTRUCTIONS>")
        resumed = await client.call("thread/resume", threadId=thread_id)
        assert resumed["instructionSources"] == [beyond]
        written(there / "AGENTS.md", "there, but otherwise")
        await turn(client, thread_id)
        assert told(server.provider.requests[-1])[2].endswith("\n\nthere, but otherwise\n</INSTRUCTIONS>")
        await turn(client, thread_id, cwd=str(tmp_path / "nowhere"))
        assert len(told(server.provider.requests[-1])) == 4


async def test_what_was_told_is_known_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path / "AGENTS.md", "words")
    async with running(tmp_path / "home", ANSWER) as server:
        client = await server.client()
        thread_id = (await started(client, tmp_path))["thread"]["id"]
        await turn(client, thread_id)
    async with running(tmp_path / "home", ANSWER) as server:
        client = await server.client()
        resumed = await client.call("thread/resume", threadId=thread_id)
        assert [item["type"] for item in resumed["thread"]["turns"][0]["items"]] == ["userMessage", "agentMessage"]
        await turn(client, thread_id)
        assert told(server.provider.requests[0]) == [wrapped(tmp_path, "words")]


async def test_the_model_is_told_anew_after_a_compaction(tmp_path: Path) -> None:
    written(tmp_path / "AGENTS.md", "words")
    async with running(tmp_path / "home", *[ANSWER] * 3) as server:
        client = await server.client()
        thread_id = (await started(client, tmp_path))["thread"]["id"]
        await turn(client, thread_id)
        await client.call("thread/compact/start", threadId=thread_id)
        await client.find(lambda m: len(client.heard("turn/completed")) > 1)
        await turn(client, thread_id)
        assert told(server.provider.requests[-1]) == [wrapped(tmp_path, "words")]


async def test_files_that_are_no_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "place/AGENTS.md").mkdir(parents=True)
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert (await started(client, tmp_path / "place"))["instructionSources"] == []
        assert (await started(client, Path("/none/\U0001f600" + "x" * 300)))["instructionSources"] == []


async def test_a_forks_reply_names_them_too(tmp_path: Path) -> None:
    source = written(tmp_path / "AGENTS.md", "words")
    async with running(tmp_path / "home", ANSWER) as server:
        client = await server.client()
        thread_id = (await started(client, tmp_path))["thread"]["id"]
        await turn(client, thread_id)
        assert (await client.call("thread/fork", threadId=thread_id))["instructionSources"] == [source]
