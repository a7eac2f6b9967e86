"""gitDiffToRemote: what a repository has that no remote knows."""

from __future__ import annotations

import json

from protocol import methods
from protocol.errors import invalid_request
from protocol.git import GitDiffToRemoteParams, GitDiffToRemoteResponse
from server.dispatch import Call, handles
from server.git_diff import diff_to_remote
from server.repository import GitError


@handles(methods.GIT_DIFF_TO_REMOTE)
async def diff(_call: Call, params: GitDiffToRemoteParams) -> GitDiffToRemoteResponse:
    """Ask git."""
    try:
        if not params.cwd.startswith("/"):
            raise GitError("the path is not absolute")
        sha, text = await diff_to_remote(params.cwd)
    except GitError as error:
        where = json.dumps(params.cwd, ensure_ascii=False)
        raise invalid_request(f"failed to compute git diff to remote for cwd: {where}: {error}") from error
    return GitDiffToRemoteResponse(sha=sha, diff=text)
