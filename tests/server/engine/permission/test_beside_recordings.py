"""What 0.125.0 decided and told of 900 commands, and what we do.

``recorded_0_125_0.jsonl`` is what its app-server did with each, called for by a scripted model as ``exec_command`` in
one conversation, with `RULES` in force and every question declined. ``confined``: it ran in the sandbox.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from protocol.permissions import ApprovalPolicy, DangerFullAccess, Granular, GranularRules, ReadOnly
from server.engine.permission.actions import command_actions
from server.engine.permission.decision import Allow, Ask, Decision, decide, retry_question
from server.engine.permission.rules import Rules

RULES = Rules.parse("""
prefix_rule(pattern=["allowed"], decision="allow")
prefix_rule(pattern=["asked", ["a","b"]], decision="prompt", justification="because of asking")
prefix_rule(pattern=["asked2"], decision="prompt")
prefix_rule(pattern=["forbid"], decision="forbidden", justification="use x instead")
prefix_rule(pattern=["forbid2"], decision="forbidden")
""")

LINES = [
    json.loads(line)
    for line in (Path(__file__).parent / "recorded_0_125_0.jsonl").read_text(encoding="utf-8").splitlines()
]

STRICTER = {
    "./ls": "a program in the workspace is not what its name says",
    "bin/cat a": "a program in the workspace is not what its name says",
    "base64 --outputx": "could be an abbreviated option",
    "rg -uz foo": "-z among other short options",
    "sed -n 1,2p -i": "writes",
    "uniq a b": "writes b",
    "cat a\\\nb": "a shell joins a and b",
    "allowed <<'EOF' > nope/x\nx\nEOF": "the rule did not say that a file may be written",
    "allowed > nope/x <<'EOF'\nx\nEOF": "the rule did not say that a file may be written",
    "A=1 allowed <<'EOF'\nx\nEOF": "the rule did not say that the environment may be changed",
}
"""Allowed by 0.125.0, asked about by us."""

UNDERSTOOD = {'"ls"', "'ls'", "l's'", "allowed \"a b\" <<'EOF'\nx\nEOF"}
"""Quoted words, which to 0.125.0 are complex."""

UNQUOTED = {"echo a\\ b", 'echo "a\\"b"', "cat C:\\x\\y", 'cat "a\\\\b"', 'rg "it\'s \\$5"'}
"""We propose the words that the command gets, not what was typed."""

TOO_WIDE = {"env", "git", "git --version", "rg foo | xargs", "nohup", "fish x", "deno x", "xargs x"}
"""0.125.0 proposes to allow whatever these run."""

WHOLE = {"cat <<'EOF' > nope/x\nhi\nEOF"}
"""0.125.0 proposes nothing; we propose this very script."""

ACTING = {
    "find . -exec ls {} +",
    "find src -name foo -delete",
    "find . -fprint0 x",
    "find . -fprintf x y",
    "find . -fls x",
    "find . -okdir x",
    "find . -ok x",
    "cat a.txt | tee x",
    "rg foo | xargs rm",
    "sed -n 1p a -i",
    "python3 -c 'import os; print(os.listdir())'",
    "python3 -c 'os.walk'",
    "python -c 'glob.glob(1)'",
    "python -c 'os.scandir()'",
    "python -c 'Path().rglob(1)'",
}
"""0.125.0 tells them as reading, listing or searching; they do more, or could."""

MISREAD = {
    "rg --pre cat foo",
    "rg --hostname-bin x y",
    "rg --pre-glob x foo",
    "rg -- -z",
    "rg -- -foo src",
    "rg -e foo -e bar",
    "grep --include '*.py' -r foo src",
    "grep --regexp=foo src",
    "git ls-files -x a src",
    "find -name a",
    "find -type f",
    "find / -maxdepth 1",
    "ls /",
    "ls --ignore x src",
    "eza -L 2 src",
    "cd && cat a",
    "cat C:\\x\\y",
    'cat "a\\\\b"',
    'rg "it\'s \\$5"',
    "cat a^b",
    *UNDERSTOOD - {"allowed \"a b\" <<'EOF'\nx\nEOF"},
}
"""0.125.0 takes an option's value for an operand, or quotes otherwise."""


def policy(said: Any) -> ApprovalPolicy:
    return Granular(granular=GranularRules(**said["granular"])) if isinstance(said, dict) else said


def ours(line: dict[str, Any]) -> Decision:
    return decide(
        policy(line["policy"]),
        ReadOnly() if line["sandbox"] == "readOnly" else DangerFullAccess(),
        argv(line),
        rules=RULES,
        escalated=line.get("sandbox_permissions") == "require_escalated",
        justification=line.get("justification"),
        prefix_rule=line.get("prefix_rule"),
    )


def argv(line: dict[str, Any]) -> list[str]:
    return ["/bin/bash", "-c", line["cmd"]]


def named(line: dict[str, Any]) -> str:
    kind = "granular" if isinstance(line["policy"], dict) else line["policy"]
    return f"{kind} {line['sandbox']} {line['cmd']!r}"


@pytest.mark.parametrize("line", LINES, ids=named)
def test_a_command_is_allowed_asked_about_or_refused_as_it_was(line: dict[str, Any]) -> None:
    decision = type(ours(line)).__name__.lower()
    if line["cmd"] in STRICTER:
        assert (line["decision"], decision) == ("allow", "ask")
    elif line["cmd"] in UNDERSTOOD:
        assert (line["decision"], decision) == ("ask", "allow")
    else:
        assert decision == line["decision"]


@pytest.mark.parametrize("line", [each for each in LINES if "amendment" in each], ids=named)
def test_the_same_words_are_proposed(line: dict[str, Any]) -> None:
    decision = ours(line)
    question = retry_question(argv(line), RULES) if isinstance(decision, Allow) else decision
    assert isinstance(question, Ask)
    same = question.proposed_amendment == line["amendment"]
    assert same or line["cmd"] in UNDERSTOOD | UNQUOTED | TOO_WIDE | WHOLE | {"cat a\\\nb"}
    if line["decision"] == "ask" and line["cmd"] not in UNDERSTOOD:
        assert bool(question.reason) == line["reasoned"]


@pytest.mark.parametrize("line", [each for each in LINES if each.get("confined")], ids=named)
def test_what_was_confined_is_confined(line: dict[str, Any]) -> None:
    if line["cmd"] not in STRICTER:
        assert ours(line) == Allow(bypass_sandbox=False)


@pytest.mark.parametrize("line", [each for each in LINES if "actions" in each], ids=named)
def test_a_command_is_told_as_it_was(line: dict[str, Any]) -> None:
    told = command_actions(argv(line), "/project")
    for action in told:
        if action.get("path"):
            action["path"] = action["path"].replace(os.path.expanduser("~"), "~")
    if line["cmd"] in ACTING:
        assert [action["type"] for action in told] == ["unknown"]
        assert [action["type"] for action in line["actions"]] != ["unknown"]
    elif line["cmd"] in MISREAD:
        assert told != line["actions"]
    else:
        assert told == line["actions"]
