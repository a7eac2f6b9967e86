"""What a repository has that no remote knows."""

from __future__ import annotations

from protocol.wire import Wire


class GitDiffToRemoteParams(Wire):
    """``cwd``: a folder of the work tree."""

    cwd: str


class GitDiffToRemoteResponse(Wire):
    """``sha``: the newest commit under the current one that a remote has. ``diff``: from it to the work tree as it is,
    with files that git does not follow yet."""

    sha: str
    diff: str
