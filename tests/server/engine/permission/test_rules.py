"""Rules files, held against the checker of two released versions where these are installed."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.config_project import trusted_folders
from server.engine.permission.rules import Rules, RulesError, append_allow
from tests.support import codex

RULES = """
# a comment
words = ["git"]
prefix_rule(pattern=words + [["push", "pull"]], decision="prompt", justification="j",
            match=["git push x", ["git", "pull"]], not_match=["git status"])
prefix_rule(["git"])
prefix_rule(pattern=["ls"], decision="forbidden")
host_executable(name="git", paths=["/usr/bin/git", "/opt/git"])
network_rule(host="a.com", protocol="https", decision="allow")
"""

COMMANDS: dict[str, str | None] = {
    "git push": "prompt",
    "git pull x": "prompt",
    "git": "allow",
    "git status": "allow",
    "/opt/git status": "allow",
    "/bin/git status": None,
    "ls": "forbidden",
    "/bin/ls": "forbidden",
    "/tmp/ls": "forbidden",
    "lsx": None,
}

WRONG = [
    "prefix_rule(pattern=[])",
    "prefix_rule()",
    'prefix_rule(pattern=["a"], decision="deny")',
    'prefix_rule(pattern=["a"], decision=None)',
    'prefix_rule(pattern=["a"], other=1)',
    'prefix_rule(pattern=["a"], match=["b"])',
    'prefix_rule(pattern=["a"], not_match=["a b"])',
    'prefix_rule(pattern=["a", []])',
    'prefix_rule(pattern="a")',
    'prefix_rule(pattern=["a", 1])',
    'prefix_rule(pattern=("a", "b"))',
    'prefix_rule(pattern=["a"], justification=" ")',
    'prefix_rule(pattern=["a"], match="a b")',
    'prefix_rule(pattern=["a"], match=["a \'b"])',
    'other(pattern=["a"])',
    'host_executable(name="a", paths=["b"])',
    'host_executable(name="/a", paths=["/b"])',
    'load("x")',
    "prefix_rule(",
]

VERSIONS = [codex.REFERENCE, codex.NEWEST]
released = pytest.mark.parametrize("version", VERSIONS)


def checked(version: str, rules: Path, command: str) -> subprocess.CompletedProcess[str]:
    argv = [codex.binary(version), "execpolicy", "check", "--resolve-host-executables", "--rules", str(rules), "--"]
    return subprocess.run([*argv, *command.split()], capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_strictest_rule_that_fits_wins(command: str) -> None:
    rule = Rules.parse(RULES).match(command.split())
    assert (rule and rule.decision) == COMMANDS[command]


@pytest.mark.codex
@released
@pytest.mark.parametrize("command", COMMANDS)
def test_a_released_version_decides_the_same(version: str, command: str, tmp_path: Path) -> None:
    (tmp_path / "a.rules").write_text(RULES)
    said = checked(version, tmp_path / "a.rules", command)
    assert json.loads(said.stdout).get("decision") == COMMANDS[command], said.stderr


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_be_obeyed_is_refused(text: str) -> None:
    with pytest.raises(RulesError):
        Rules.parse(text)


@pytest.mark.codex
@released
@pytest.mark.parametrize("text", WRONG)
def test_a_released_version_refuses_it_too(version: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "a.rules").write_text(text)
    assert checked(version, tmp_path / "a.rules", "a b").returncode != 0


def test_an_allowed_name_is_not_any_program_of_that_name() -> None:
    rules = Rules.parse('prefix_rule(pattern=["make"])')
    assert rules.match(["/usr/bin/make"]) is not None
    assert rules.match(["/tmp/make"]) is None
    assert rules.match(["./make"]) is None


def test_files_of_all_folders_count_together(tmp_path: Path) -> None:
    for folder, decision in (("home", "allow"), ("project", "forbidden")):
        (tmp_path / folder / "rules").mkdir(parents=True)
        (tmp_path / folder / "rules" / "x.rules").write_text(f'prefix_rule(pattern=["a"], decision="{decision}")')
    rules = Rules.load([tmp_path / "home", tmp_path / "project", tmp_path / "missing"])
    rule = rules.match(["a"])
    assert rule is not None
    assert rule.decision == "forbidden"
    assert rules.warnings == []


def test_one_bad_file_leaves_no_rules_and_a_warning(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.rules").write_text('prefix_rule(pattern=["a"])')
    (tmp_path / "rules" / "b.rules").write_text('\nprefix_rule(pattern=["b"], decision="maybe")')
    rules = Rules.load([tmp_path])
    assert rules.match(["a"]) is None
    assert "b.rules" in rules.warnings[0]
    assert "line 2" in rules.warnings[0]
    assert "maybe" in rules.warnings[0]


def test_what_is_allowed_for_ever_is_one_line_more(tmp_path: Path) -> None:
    file = tmp_path / "rules" / "default.rules"
    for prefix in (["touch"], ["touch"], ["a b", 'q"\\\n', "ä"]):
        append_allow(tmp_path, prefix)
    assert file.read_text().splitlines()[0] == 'prefix_rule(pattern=["touch"], decision="allow")'
    assert len(file.read_text().splitlines()) == 2
    rules = Rules.load([tmp_path])
    assert rules.match(["touch", "x"]) is not None
    assert rules.match(["a b", 'q"\\\n', "ä"]) is not None


def test_other_lines_stay_as_a_person_wrote_them(tmp_path: Path) -> None:
    file = tmp_path / "rules" / "default.rules"
    file.parent.mkdir()
    file.write_text("# mine, with no end of line")
    append_allow(tmp_path, ["a"])
    assert file.read_text().startswith("# mine, with no end of line\nprefix_rule(")


def test_nothing_is_lost_when_many_are_added_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: append_allow(tmp_path, [f"a{number}"]), range(40)))
    rules = Rules.load([tmp_path])
    assert all(rules.match([f"a{number}"]) for number in range(40))


@pytest.mark.parametrize("prefix", [[], [""], ["\ud800"]])
def test_what_is_no_command_is_not_added(prefix: list[str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r".+"):
        append_allow(tmp_path, prefix)
    assert not (tmp_path / "rules").exists()


def test_what_is_allowed_counts_at_once() -> None:
    rules = Rules()
    rules.allow(["touch"])
    assert rules.match(["touch", "a"]) is not None
    assert rules.match(["mkdir"]) is None


def test_rules_of_a_project_count_where_it_is_trusted(tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    (project / ".git").mkdir(parents=True)
    (project / "sub").mkdir()
    trusted = {str(project): {"trust_level": "trusted"}}
    assert trusted_folders(project / "sub", trusted, home) == [project / ".codex", project / "sub" / ".codex"]
    assert trusted_folders(project / "sub", {}, home) == []
    assert trusted_folders(project, trusted, project / ".codex") == []
