"""fs/*: files and folders of this machine, and watches on them."""

from __future__ import annotations

from functools import partial

from protocol import frames, methods, notices
from protocol.fs import (
    FsChangedNotification,
    FsCopyParams,
    FsCreateDirectoryParams,
    FsGetMetadataResponse,
    FsPathParams,
    FsReadDirectoryEntry,
    FsReadDirectoryResponse,
    FsReadFileResponse,
    FsRemoveParams,
    FsUnwatchParams,
    FsWatchParams,
    FsWatchResponse,
    FsWriteFileParams,
)
from protocol.wire import Empty, Encoded, encode
from server.dispatch import Call, handles
from server.files import contents, trees
from server.files.refusals import checked


@handles(methods.FS_READ_FILE)
async def read_file(call: Call, params: FsPathParams) -> FsReadFileResponse:
    """All of it, as long as it is not too much for one reply."""
    text = await call.app.files.do(partial(contents.read, checked(params.path)))
    return FsReadFileResponse(data_base64=Encoded([b'"', text, b'"']))


@handles(methods.FS_WRITE_FILE)
async def write_file(call: Call, params: FsWriteFileParams) -> Empty:
    """The file has all of it, or is as it was."""
    path = checked(params.path)
    await call.app.files.do(lambda: contents.write(path, contents.decoded(params.data_base64)))
    return Empty()


@handles(methods.FS_CREATE_DIRECTORY)
async def create_directory(call: Call, params: FsCreateDirectoryParams) -> Empty:
    """With those above it, unless that is not wanted."""
    recursive = params.recursive is not False
    await call.app.files.do(partial(trees.create, checked(params.path), recursive=recursive))
    return Empty()


@handles(methods.FS_GET_METADATA)
async def get_metadata(call: Call, params: FsPathParams) -> FsGetMetadataResponse:
    """What is there; a link is described by what it leads to."""
    found = await call.app.files.do(partial(trees.describe, checked(params.path)))
    return FsGetMetadataResponse(
        is_directory=found.folder,
        is_file=found.file,
        is_symlink=found.link,
        created_at_ms=found.created,
        modified_at_ms=found.modified,
    )


@handles(methods.FS_READ_DIRECTORY)
async def read_directory(call: Call, params: FsPathParams) -> FsReadDirectoryResponse:
    """What is directly in it, encoded where it was read: it may be long."""
    text = await call.app.files.do(partial(_listing, checked(params.path)))
    return FsReadDirectoryResponse(entries=Encoded([text]))


def _listing(path: str) -> bytes:
    return encode([
        FsReadDirectoryEntry(file_name=each.name, is_directory=each.folder, is_file=each.file)
        for each in trees.entries(path)
    ])  # fmt: skip


@handles(methods.FS_REMOVE)
async def remove(call: Call, params: FsRemoveParams) -> Empty:
    """With all that is in it, and no matter whether it is there, unless that is not wanted."""
    recursive, force = params.recursive is not False, params.force is not False
    await call.app.files.do(partial(trees.remove, checked(params.path), recursive=recursive, force=force))
    return Empty()


@handles(methods.FS_COPY)
async def copy(call: Call, params: FsCopyParams) -> Empty:
    """A file or a link, or a folder if so said."""
    source, destination = checked(params.source_path), checked(params.destination_path)
    await call.app.files.do(partial(trees.copy, source, destination, recursive=params.recursive))
    return Empty()


@handles(methods.FS_WATCH)
async def watch(call: Call, params: FsWatchParams) -> FsWatchResponse:
    """Tell this connection, and no other, what changes."""
    connection, path = call.connection, checked(params.path)

    def tell(paths: list[str]) -> None:
        told = FsChangedNotification(watch_id=params.watch_id, changed_paths=[_sayable(each) for each in paths])
        connection.send(frames.notification(notices.FS_CHANGED, told))

    await call.app.files.watches.begin(connection, params.watch_id, path, tell)
    return FsWatchResponse(path=path)


def _sayable(path: str) -> str:
    return path.encode(errors="surrogateescape").decode(errors="replace")


@handles(methods.FS_UNWATCH)
async def unwatch(call: Call, params: FsUnwatchParams) -> Empty:
    """Tell no more."""
    call.app.files.watches.end(call.connection, params.watch_id)
    return Empty()
