"""Files and folders of the server's machine: params and results of fs/*, and what a watch tells."""

from __future__ import annotations

from protocol.permissions import require_absolute
from protocol.wire import Encoded, Wire


class FsPathParams(Wire):
    """An absolute path."""

    path: str

    def __post_init__(self) -> None:
        require_absolute((self.path,))


class FsReadFileResponse(Wire):
    """The whole content of a file, as base64."""

    data_base64: str | Encoded


class FsWriteFileParams(FsPathParams):
    """The whole content that a file shall have, as base64."""

    data_base64: str


class FsCreateDirectoryParams(FsPathParams):
    """``recursive``, as unless said: the folders above it as well, and one that is there is fine."""

    recursive: bool | None = None


class FsGetMetadataResponse(Wire):
    """What a path is; all but ``is_symlink`` about what a link leads to. Times in Unix milliseconds, 0: not known."""

    is_directory: bool
    is_file: bool
    is_symlink: bool
    created_at_ms: int
    modified_at_ms: int


class FsReadDirectoryEntry(Wire):
    """What a folder holds under this name; links are what they lead to."""

    file_name: str
    is_directory: bool
    is_file: bool


class FsReadDirectoryResponse(Wire):
    """All that a folder holds, by name."""

    entries: list[FsReadDirectoryEntry] | Encoded


class FsRemoveParams(FsPathParams):
    """Both hold unless they are false: ``recursive`` also what a folder holds, ``force`` fine if there is nothing."""

    recursive: bool | None = None
    force: bool | None = None


class FsCopyParams(Wire):
    """Two absolute paths; folders only with ``recursive``."""

    source_path: str
    destination_path: str
    recursive: bool = False

    def __post_init__(self) -> None:
        require_absolute((self.source_path, self.destination_path))


class FsWatchParams(FsPathParams):
    """``watch_id`` is the client's name for this watch, on its connection."""

    watch_id: str


class FsWatchResponse(Wire):
    """The path as it is told of."""

    path: str


class FsUnwatchParams(Wire):
    """A watch to end; ending one that there is not is fine."""

    watch_id: str


class FsChangedNotification(Wire):
    """These paths have changed, come or gone: what is watched, or what is directly in it."""

    watch_id: str
    changed_paths: list[str]
