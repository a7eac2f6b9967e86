"""What a list of threads is asked for."""

from __future__ import annotations

from typing import Literal

from protocol.thread import SortDirection
from protocol.wire import UNSET, Count, UnsetType, Wire

ThreadSortKey = Literal["created_at", "updated_at", "recency_at", "section_position"]
ThreadSourceKind = Literal[
    "cli",
    "vscode",
    "exec",
    "appServer",
    "subAgent",
    "subAgentReview",
    "subAgentCompact",
    "subAgentThreadSpawn",
    "subAgentOther",
    "unknown",
]


class ThreadListParams(Wire):
    """A page of the catalogue. ``limit`` is 25 unless given, 1 to 100; ``excluded_thread_ids`` are 100 at most.

    ``section_id`` and ``project_id``: null means the threads that are in none. There is one account, so
    ``current_account_only`` holds for all threads.
    """

    cursor: str | None = None
    limit: Count | None = None
    sort_key: ThreadSortKey | None = None
    sort_direction: SortDirection | None = None
    model_providers: list[str] | None = None
    source_kinds: list[ThreadSourceKind] | None = None
    originators: list[str] | None = None
    archived: bool | None = None
    cwd: str | list[str] | None = None
    search_term: str | None = None
    use_state_db_only: bool = False
    parent_thread_id: str | None = None
    ancestor_thread_id: str | None = None
    attached_to_thread_id: str | None = None
    include_attached_threads: bool = False
    excluded_thread_ids: list[str] | None = None
    section_id: str | UnsetType | None = UNSET
    project_id: str | UnsetType | None = UNSET
    current_account_only: bool = False
