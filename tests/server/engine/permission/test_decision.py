"""The table of policies where no released version can be asked: no sandbox, patches, grants, denials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.permissions import (
    ApprovalPolicy,
    DangerFullAccess,
    ExternalSandbox,
    Granular,
    GranularRules,
    ReadOnly,
    SandboxPolicy,
    WorkspaceWrite,
)
from server.engine.permission.decision import (
    RETRY,
    UNCONFINED,
    Allow,
    Ask,
    Forbid,
    decide,
    denied_by_sandbox,
    may_retry,
    patch_permission,
    retry_question,
)
from server.engine.permission.grants import Grants, command_key
from server.engine.permission.rules import Rules


def granular(*, sandbox: bool = True, rules: bool = True) -> Granular:
    return Granular(granular=GranularRules(sandbox_approval=sandbox, rules=rules, mcp_elicitations=True))


POLICIES: list[ApprovalPolicy] = ["untrusted", "on-failure", "on-request", "never", granular(), granular(sandbox=False)]
ASKING: list[ApprovalPolicy] = ["untrusted", "on-failure", "on-request", granular()]
SILENT: list[ApprovalPolicy] = ["never", granular(sandbox=False)]
NONE = Rules()


def script(text: str) -> list[str]:
    return ["/bin/bash", "-lc", text]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_safe_command_runs_where_no_sandbox_works(policy: ApprovalPolicy) -> None:
    assert decide(policy, ReadOnly(), script("ls | wc"), rules=NONE, can_confine=False) == Allow(bypass_sandbox=True)


@pytest.mark.parametrize("policy", ASKING)
@pytest.mark.parametrize("text", ["touch a", "ls > a", "rm -rf a"])
def test_any_other_command_is_asked_about_where_no_sandbox_works(policy: ApprovalPolicy, text: str) -> None:
    decision = decide(policy, WorkspaceWrite(), script(text), rules=NONE, can_confine=False)
    assert isinstance(decision, Ask)
    assert decision.reason == UNCONFINED
    assert decision.bypass_sandbox


@pytest.mark.parametrize("policy", SILENT)
def test_and_refused_where_nobody_may_be_asked(policy: ApprovalPolicy) -> None:
    decision = decide(policy, ReadOnly(), script("touch a"), rules=NONE, can_confine=False)
    assert isinstance(decision, Forbid)
    assert "touch a" in decision.text


@pytest.mark.parametrize("sandbox", [DangerFullAccess(), ExternalSandbox()])
def test_a_missing_sandbox_does_not_matter_where_none_is_wanted(sandbox: SandboxPolicy) -> None:
    assert isinstance(decide("never", sandbox, script("touch a"), rules=NONE, can_confine=False), Allow)


def test_a_rule_allows_where_no_sandbox_works() -> None:
    rules = Rules.parse('prefix_rule(pattern=["touch"])')
    assert decide("never", ReadOnly(), script("touch a"), rules=rules, can_confine=False) == Allow(bypass_sandbox=True)


@pytest.mark.parametrize("policy", ["untrusted", "on-failure", "never", granular()])
def test_only_on_request_can_a_command_ask_for_more(policy: ApprovalPolicy) -> None:
    assert isinstance(decide(policy, ReadOnly(), script("ls"), rules=NONE, escalated=True), Forbid)


def test_what_was_asked_for_more_runs_outside_once_accepted() -> None:
    decision = decide("on-request", ReadOnly(), script("touch a"), rules=NONE, escalated=True, justification="why")
    assert decision == Ask("why", ["touch", "a"], bypass_sandbox=True)


def test_an_accepted_command_of_an_untrusted_thread_stays_inside() -> None:
    assert decide("untrusted", ReadOnly(), script("touch a"), rules=NONE) == Ask(None, ["touch", "a"])


def test_what_was_granted_is_not_asked_about_again() -> None:
    assert decide("untrusted", ReadOnly(), script("touch a"), rules=NONE, granted=True) == Allow(bypass_sandbox=False)
    more = decide("on-request", ReadOnly(), script("touch a"), rules=NONE, granted=True, escalated=True)
    assert more == Allow(bypass_sandbox=True)


def test_a_grant_does_not_lift_a_rule_that_forbids() -> None:
    rules = Rules.parse('prefix_rule(pattern=["touch"], decision="forbidden", justification="use mk")')
    decision = decide("untrusted", ReadOnly(), script("touch a"), rules=rules, granted=True)
    assert isinstance(decision, Forbid)
    assert "use mk" in decision.text


def test_a_command_without_a_shell_is_judged_as_it_is() -> None:
    assert decide("untrusted", ReadOnly(), ["cat", "a; touch b"], rules=NONE) == Allow()
    assert decide("untrusted", ReadOnly(), ["touch", "a b"], rules=NONE) == Ask(None, ["touch", "a b"])


@pytest.mark.parametrize(
    ("output", "code", "denied"),
    [
        ("touch: a: Read-only file system", 1, True),
        ("OPERATION NOT PERMITTED", 127, True),
        ("permission denied", 0, False),
        ("permission denied", None, False),
        ("not found", 127, False),
        ("", 159, True),
        ("", -31, True),
        ("", 1, False),
    ],
)
def test_a_denial_is_known_by_its_words_and_its_end(output: str, code: int | None, denied: bool) -> None:
    assert denied_by_sandbox(output, code) is denied


def test_a_denial_is_asked_about_where_the_policy_says_so() -> None:
    assert [may_retry(policy) for policy in POLICIES] == [True, True, False, False, True, False]
    assert retry_question(script("touch a"), NONE) == Ask(RETRY, ["touch", "a"], bypass_sandbox=True)


def inside(path: str) -> bool:
    return path.startswith("/project/")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_patch_inside_is_applied_unless_nothing_is_trusted(policy: ApprovalPolicy) -> None:
    decision = patch_permission(policy, WorkspaceWrite(), ["/project/a"], inside)
    assert decision == (Ask(bypass_sandbox=True) if policy == "untrusted" else Allow())


@pytest.mark.parametrize("policy", ASKING)
def test_a_patch_outside_is_asked_about(policy: ApprovalPolicy) -> None:
    assert isinstance(patch_permission(policy, WorkspaceWrite(), ["/project/a", "/etc/a"], inside), Ask)


@pytest.mark.parametrize("policy", SILENT)
def test_a_patch_outside_is_refused_where_nobody_may_be_asked(policy: ApprovalPolicy) -> None:
    decision = patch_permission(policy, WorkspaceWrite(), ["/project/a", "/etc/a"], inside)
    assert isinstance(decision, Forbid)
    assert "/etc/a" in decision.text
    assert "read-only" in str(patch_permission(policy, ReadOnly(), ["/etc/a"], inside))
    assert patch_permission(policy, DangerFullAccess(), ["/etc/a"], inside) == Allow()
    assert patch_permission(policy, ReadOnly(), ["/etc/a"], inside, granted=True) == Allow(bypass_sandbox=True)


def test_a_grant_is_for_the_very_same_command_and_for_all_files_asked_about() -> None:
    grants = Grants()
    key = command_key(["touch", "a"], "/project")
    grants.allow_command(key)
    grants.allow_paths(["/project/a", "/project/b"])
    assert grants.allows_command(command_key(("touch", "a"), "/project"))
    assert not grants.allows_command(command_key(["touch", "b"], "/project"))
    assert not grants.allows_command(command_key(["touch", "a"], "/"))
    assert not grants.allows_command(command_key(["touch", "a"], "/project", tty=True))
    assert not grants.allows_command(command_key(["touch", "a"], "/project", escalated=True))
    assert grants.allows_paths(["/project/b"])
    assert not grants.allows_paths(["/project/b", "/project/c"])
    assert not grants.allows_paths([])


@given(st.lists(st.text()) | st.text().map(script), st.sampled_from(POLICIES), st.booleans())
def test_any_command_is_decided(argv: list[str], policy: ApprovalPolicy, can_confine: bool) -> None:
    decide(policy, ReadOnly(), argv, rules=NONE, can_confine=can_confine)
