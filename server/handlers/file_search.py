"""fuzzyFileSearch, and its sessions."""

from __future__ import annotations

from protocol import frames, methods, notices
from protocol.file_search import (
    FuzzyFileSearchParams,
    FuzzyFileSearchResponse,
    FuzzyFileSearchResult,
    FuzzyFileSearchSessionCompletedNotification,
    FuzzyFileSearchSessionStartParams,
    FuzzyFileSearchSessionStopParams,
    FuzzyFileSearchSessionUpdatedNotification,
    FuzzyFileSearchSessionUpdateParams,
)
from protocol.wire import Empty
from server.dispatch import Call, handles
from server.files.index import Found


@handles(methods.FUZZY_FILE_SEARCH)
async def search(call: Call, params: FuzzyFileSearchParams) -> FuzzyFileSearchResponse:
    """The best of what is there now."""
    found = await call.app.files.searches.once(call.connection, params.cancellation_token, params.roots, params.query)
    return FuzzyFileSearchResponse(files=_results(found))


@handles(methods.FUZZY_FILE_SEARCH_SESSION_START)
async def start(call: Call, params: FuzzyFileSearchSessionStartParams) -> Empty:
    """Gather the paths now, and tell this connection, and no other, what is found."""
    connection, name = call.connection, params.session_id

    def updated(query: str, found: list[Found]) -> None:
        told = FuzzyFileSearchSessionUpdatedNotification(session_id=name, query=query, files=_results(found))
        connection.send(frames.notification(notices.FUZZY_FILE_SEARCH_SESSION_UPDATED, told))

    def completed() -> None:
        told = FuzzyFileSearchSessionCompletedNotification(session_id=name)
        connection.send(frames.notification(notices.FUZZY_FILE_SEARCH_SESSION_COMPLETED, told))

    call.app.files.searches.start(connection, name, params.roots, updated, completed)
    return Empty()


@handles(methods.FUZZY_FILE_SEARCH_SESSION_UPDATE)
async def update(call: Call, params: FuzzyFileSearchSessionUpdateParams) -> Empty:
    """Other words for the same paths."""
    call.app.files.searches.ask(call.connection, params.session_id, params.query)
    return Empty()


@handles(methods.FUZZY_FILE_SEARCH_SESSION_STOP)
async def stop(call: Call, params: FuzzyFileSearchSessionStopParams) -> Empty:
    """Tell no more."""
    call.app.files.searches.stop(call.connection, params.session_id)
    return Empty()


def _results(found: list[Found]) -> list[FuzzyFileSearchResult]:
    return [
        FuzzyFileSearchResult(
            root=each.root,
            path=each.path,
            match_type="directory" if each.folder else "file",
            file_name=each.path[each.path.rfind("/") + 1 :],
            score=each.score,
            indices=each.indices,
        )
        for each in found
    ]
