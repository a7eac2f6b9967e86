"""Skills through the wire: listed from the disk, offered to the model, and put before it when they are meant."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from server.providers.scripted import Response, completed, message
from tests.support.harness import CONFIG, Client, Message, Refused, Server, running

ANSWER: Response = [message("ok"), completed()]


def skill(folder: Path, name: str, front: str | None = None, body: str = "Step one.") -> Path:
    """Write a skill; its SKILL.md."""
    file = folder / name / "SKILL.md"
    file.parent.mkdir(parents=True)
    if front is None:
        front = f"name: {name}\ndescription: What {name} does\nmetadata:\n  short-description: Short {name}"
    file.write_text(f"---\n{front}\n---\n{body}\n")
    return file


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    return folder


async def listed(client: Client, cwd: Path, **params: Any) -> Message:
    entry: Message
    (entry,) = (await client.call("skills/list", cwds=[str(cwd)], **params))["data"]
    assert entry["cwd"] == str(cwd)
    return entry


def names(entry: Message) -> list[tuple[str, str]]:
    return [(each["scope"], each["name"]) for each in entry["skills"]]


async def test_skills_of_project_and_user_are_listed_down_to_the_working_directory(home: Path, project: Path) -> None:
    file = skill(project / ".agents/skills", "zeta")
    skill(project / ".codex/skills/some/group", "alpha")
    skill(project / "sub/.agents/skills", "sub")
    skill(home / "skills", "mine")
    skill(home / "skills/.system", "delivered")
    skill(home / "skills/.hidden", "hidden")
    async with running(home) as server:
        client = await server.client()
        entry = await listed(client, project)
        assert names(entry) == [("repo", "alpha"), ("repo", "zeta"), ("user", "mine"), ("system", "delivered")]
        assert entry["skills"][1] == {
            "name": "zeta",
            "description": "What zeta does",
            "shortDescription": "Short zeta",
            "path": str(file),
            "scope": "repo",
            "enabled": True,
        } | ({"pluginId": None} if "pluginId" in entry["skills"][1] else {})
        assert ("repo", "sub") in names(await listed(client, project / "sub"))
        both = (await client.call("skills/list", cwds=[str(project), str(home)]))["data"]
        assert [each["cwd"] for each in both] == [str(project), str(home)]


async def test_more_folders_of_the_user_may_be_named(home: Path, project: Path, tmp_path: Path) -> None:
    skill(tmp_path / "more", "extra")
    async with running(home) as server:
        client = await server.client()
        more = [{"cwd": str(project), "extraUserRoots": [str(tmp_path / "more")]}]
        assert names(await listed(client, project, perCwdExtraUserRoots=more)) == [("user", "extra")]
        assert names(await listed(client, project)) == []
        more = [{"cwd": str(project), "extraUserRoots": ["more"]}]
        with pytest.raises(Refused, match="must be absolute: more"):
            await listed(client, project, perCwdExtraUserRoots=more)


async def test_directories_that_there_cannot_be_have_the_skills_of_the_user(home: Path) -> None:
    skill(home / "skills", "mine")
    async with running(home) as server:
        client = await server.client()
        cwds = ["\0", "", "/no/such", "relative", "x" * 5_000, "/etc/passwd"]
        entries = (await client.call("skills/list", cwds=cwds))["data"]
        assert [(each["cwd"], names(each)) for each in entries] == [(cwd, [("user", "mine")]) for cwd in cwds]


async def test_links_are_followed_once_and_loops_end(home: Path, project: Path, tmp_path: Path) -> None:
    real = skill(tmp_path / "elsewhere", "linked")
    (home / "skills/a").mkdir(parents=True)
    os.symlink(real.parent, home / "skills/linked")
    os.symlink(real.parent, home / "skills/again")
    os.symlink(home / "skills", home / "skills/a/loop")
    async with running(home) as server:
        entry = await listed(await server.client(), project)
    assert [each["path"] for each in entry["skills"]] == [str(real)]


BAD = {
    "none": (b"no front matter", "does not begin with YAML between two lines of ---"),
    "open": (b"---\nname: x\n", "its YAML does not end with a line of ---"),
    "yaml": (b"---\nname: [\n---\n", "its YAML is wrong"),
    "list": (b"---\n- a\n---\n", "its YAML is not a mapping"),
    "nodesc": (b"---\nname: x\n---\n", "its `description` is missing"),
    "table": (b"---\ndescription: {a: b}\n---\n", "its `description` is not text"),
    "long": (b"---\nname: %b\ndescription: d\n---\n" % (b"n" * 65), "its `name` is longer than 64 characters"),
    "bytes": (b"---\nname: \xff\n---\n", "is not UTF-8 at byte 11"),
    "huge": (b"---\n" + b"#" * (1 << 20), "is larger than 1048576 bytes"),
    "deep": (b"---\na: " + b"[" * 5_000 + b"\n---\n", "its YAML is wrong"),
}


async def test_a_file_that_cannot_be_used_is_an_error_that_names_it_and_hides_no_other(
    home: Path, project: Path
) -> None:
    skill(home / "skills", "good")
    for name, (content, _) in BAD.items():
        file = home / "skills" / name / "SKILL.md"
        file.parent.mkdir()
        file.write_bytes(content)
    async with running(home) as server:
        entry = await listed(await server.client(), project)
    assert [each["name"] for each in entry["skills"]] == ["good"]
    found = {Path(each["path"]).parent.name: each["message"] for each in entry["errors"]}
    assert found.keys() == BAD.keys()
    for name, (_, reason) in BAD.items():
        assert found[name].startswith(reason), found[name]


async def test_names_and_descriptions_are_text_however_yaml_reads_them(home: Path, project: Path) -> None:
    skill(home / "skills", "a", "name: off\ndescription: use: when 1.0 is out")
    skill(home / "skills", "b", "description: >\n  two\n  lines")
    async with running(home) as server:
        entry = await listed(await server.client(), project)
    found = [(each["name"], each["description"]) for each in entry["skills"]]
    assert found == [("b", "two lines"), ("off", "use: when 1.0 is out")]


DETAILS = """
interface:
  display_name: "Rich"
  icon_small: ./assets/small.svg
  icon_large: ../../secret.png
  brand_color: "#a0B1c2"
dependencies:
  tools:
    - {type: mcp, value: docs, url: "https://docs.example"}
    - {value: nameless}
policy:
  allow_implicit_invocation: false
"""


async def test_details_tell_how_to_show_a_skill_and_what_it_needs(home: Path, project: Path) -> None:
    for name, text in (("rich", DETAILS), ("torn", "interface: [")):
        file = skill(home / "skills", name).parent / "agents/openai.yaml"
        file.parent.mkdir()
        file.write_text(text)
    async with running(home, ANSWER) as server:
        client = await server.client()
        entry = await listed(client, project)
        rich, torn = entry["skills"]
        shown = {member: value for member, value in rich["interface"].items() if value is not None}
        icon = str(home / "skills/rich/assets/small.svg")
        assert shown == {"displayName": "Rich", "iconSmall": icon, "brandColor": "#a0B1c2"}
        assert rich["dependencies"] == {"tools": [{"type": "mcp", "value": "docs", "url": "https://docs.example"}]}
        assert "interface" not in torn
        assert [each["path"] for each in entry["errors"]] == [str(home / "skills/torn/agents/openai.yaml")]
        (offered,) = [text for text in await asked(server, client, project, []) if "<skills_instructions>" in text]
        assert "- torn: " in offered
        assert "- rich: " not in offered


async def test_changes_on_disk_are_seen_at_once(home: Path, project: Path) -> None:
    async with running(home) as server:
        client = await server.client()
        assert names(await listed(client, project)) == []
        file = skill(project / ".agents/skills/group", "new")
        assert names(await listed(client, project)) == [("repo", "new")]
        file.write_text("---\nname: renamed\ndescription: d\n---\n")
        assert names(await listed(client, project, forceReload=True)) == [("repo", "renamed")]
        file.unlink()
        assert names(await listed(client, project)) == []


async def test_everybody_hears_once_that_skills_changed_when_somebody_looks(home: Path, project: Path) -> None:
    async with running(home, ANSWER, ANSWER) as server:
        one, two = await server.client("one"), await server.client("two")
        for client in (one, two):
            await listed(client, project)
        file = skill(project / ".agents/skills", "new")
        await asked(server, one, project, [])
        await listed(two, project, forceReload=True)
        for client in (one, two):
            await client.settle()
            assert client.heard("skills/changed") == [{}]
        file.unlink()
        await listed(two, project)
        await one.settle()
        assert client.heard("skills/changed") == [{}, {}]


# -- in a turn ---------------------------------------------------------------------------------------------------------


async def asked(server: Server, client: Client, project: Path, extra: Sequence[Message], text: str = "Hi") -> list[str]:
    """Run a turn of a new thread with this input; the texts that the model got."""
    thread = (await client.call("thread/start", cwd=str(project)))["thread"]["id"]
    content = [{"type": "text", "text": text}, *extra]
    turn = (await client.call("turn/start", threadId=thread, input=content))["turn"]["id"]
    await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn)
    sent = server.provider.requests[-1].input
    return [part["text"] for item in sent for part in item["content"] if "text" in part]


def chosen(file: Path) -> Message:
    return {"type": "skill", "name": file.parent.name, "path": str(file)}


def block(file: Path) -> str:
    """How a skill's instructions come to the model."""
    return f"<skill>\n<name>{file.parent.name}</name>\n<path>{file}</path>\n{file.read_text()}\n</skill>"


async def test_the_model_is_told_once_which_skills_there_are(home: Path, project: Path) -> None:
    file = skill(home / "skills", "mine")
    async with running(home, ANSWER, ANSWER) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd=str(project)))["thread"]["id"]
        for _ in range(2):
            await client.run_turn(thread, "Hi")
        sent = [item for item in server.provider.requests[-1].input if item["role"] == "developer"]
        _permissions, offered = [part["text"] for item in sent for part in item["content"]]
        assert offered.startswith("<skills_instructions>\n")
        assert offered.endswith("\n</skills_instructions>")
        assert f"\n- mine: What mine does (file: {file})\n" in offered


async def test_a_chosen_skill_and_a_named_one_follow_the_message(home: Path, project: Path) -> None:
    one, two = skill(home / "skills", "one"), skill(project / ".agents/skills", "two")
    skill(home / "skills", "three")
    async with running(home, *[ANSWER] * 4) as server:
        client = await server.client()
        for text, extra in (
            ("use $one and $two.", []),
            ("use these", [chosen(one), chosen(two)]),
            ("use $one, twice", [chosen(one), chosen(two), chosen(two)]),
            (f"see [$x]({one}) and [$y]({two})", []),
        ):
            texts = await asked(server, client, project, extra, text)
            assert texts[-3:] == [text, block(two), block(one)]
        thread = (await client.call("thread/loaded/list"))["data"][0]
        (turn,) = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"]
        assert [item["type"] for item in turn["items"]] == ["userMessage", "agentMessage"]
        assert client.heard("warning") == []


async def test_what_is_disabled_unknown_or_ambiguous_is_not_put_before_the_model(home: Path, project: Path) -> None:
    off, twin = skill(home / "skills", "off"), skill(home / "skills", "twin")
    skill(project / ".agents/skills", "twin")
    rules = f'\n[[skills.config]]\npath = "{off}"\nenabled = false\n'
    async with running(home, ANSWER, ANSWER, config=CONFIG + rules) as server:
        client = await server.client()
        entry = await listed(client, project)
        assert [(each["name"], each["enabled"]) for each in entry["skills"]][1] == ("off", False)
        gone = {"type": "skill", "name": "gone", "path": "/nowhere/SKILL.md"}
        texts = await asked(server, client, project, [chosen(off), gone], "$off $twin $nothing \\$PATH a$twin")
        assert not [text for text in texts if text.startswith("<skill>")]
        assert not [text for text in texts if "- off:" in text]
        warned = await client.hear("warning")
        assert warned["message"] == "There is no skill `gone` at /nowhere/SKILL.md."
        assert (await asked(server, client, project, [chosen(twin)]))[-1] == block(twin)


async def test_a_skill_that_cannot_be_read_any_more_is_a_warning_and_the_turn_goes_on(
    home: Path, project: Path
) -> None:
    file = skill(home / "skills", "mine")
    async with running(home, ANSWER) as server:
        client = await server.client()
        await listed(client, project)
        file.unlink()
        file.mkdir()
        texts = await asked(server, client, project, [chosen(file)], "go on")
        assert texts[-1] == "go on"
        assert (await client.hear("warning"))["message"] == f"There is no skill `mine` at {file}."


async def test_the_offer_can_be_turned_off(home: Path, project: Path) -> None:
    file = skill(home / "skills", "mine")
    skill(home / "skills/.system", "delivered")
    rules = "\n[skills]\ninclude_instructions = false\nbundled.enabled = false\n"
    async with running(home, ANSWER, config=CONFIG + rules) as server:
        client = await server.client()
        assert names(await listed(client, project)) == [("user", "mine")]
        texts = await asked(server, client, project, [], "$mine")
        assert texts[-1] == block(file)
        assert not [text for text in texts if "<skills_instructions>" in text]


async def test_a_resumed_model_still_has_the_skill_and_clients_see_no_message(home: Path, project: Path) -> None:
    file = skill(home / "skills", "mine")
    async with running(home, ANSWER) as server:
        client = await server.client()
        await asked(server, client, project, [], "$mine")
        thread = (await client.call("thread/loaded/list"))["data"][0]
    async with running(home, ANSWER) as server:
        client = await server.client()
        (turn,) = (await client.call("thread/resume", threadId=thread))["thread"]["turns"]
        assert [item["type"] for item in turn["items"]] == ["userMessage", "agentMessage"]
        await client.run_turn(thread, "again")
        sent = [part["text"] for item in server.provider.requests[-1].input for part in item["content"]]
        assert sent.count(block(file)) == 1
