"""What a review is about, in words: for people, and for the model that reviews. Runs git, where that knows more."""

from __future__ import annotations

from pathlib import Path

from protocol.review import BaseBranch, Commit, Custom, ReviewTarget, UncommittedChanges
from server.errors import TurnError
from server.repository import ask_git, work_tree

_SHORT = 7
"""Characters of a commit's id that people see."""

_UNCOMMITTED = (
    "Review the changes of this working tree that are not committed yet: what is staged, what is not, and new files "
    "that git does not track."
)
_BRANCH = "Review what this working tree has beyond the branch `{branch}`."
_FROM = " The two parted at commit {base}: `git diff {base}` shows what is to be reviewed."
_LOOK = " Find out where the two parted, as with `git merge-base HEAD {branch}`, and look at the changes since then."
_COMMIT = "Review what the commit {sha} changed{title}."


def hint(target: ReviewTarget) -> str:
    """What is reviewed, for people."""
    match target:
        case UncommittedChanges():
            return "uncommitted changes"
        case BaseBranch():
            return f"changes since {target.branch}"
        case Commit():
            return f"commit {target.sha[:_SHORT]}" + (f" ({target.title})" if target.title else "")
        case Custom():
            return target.instructions


async def question(target: ReviewTarget, cwd: str) -> str:
    """What the model is asked. Raises :class:`~server.errors.TurnError` if there is no such branch to be had."""
    match target:
        case UncommittedChanges():
            return _UNCOMMITTED
        case BaseBranch():
            return _BRANCH.format(branch=target.branch) + await _parting(target.branch, cwd)
        case Commit():
            return _COMMIT.format(sha=target.sha, title=f", “{target.title}”" if target.title else "")
        case Custom():
            return target.instructions


async def _parting(branch: str, cwd: str) -> str:
    if work_tree(Path(cwd)) is None:
        raise TurnError(f"{cwd} is in no git repository, so that nothing has changed since `{branch}`")
    base = None if branch.startswith("-") else await ask_git(cwd, "merge-base", "HEAD", branch)
    return _FROM.format(base=base) if base else _LOOK.format(branch=branch)
