"""A query of threads as SQL on the index. Pure.

Rows that are not read yet may be anything, so they pass every filter; the catalogue reads them and asks again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from protocol.wire import encode
from rollout import cursors
from rollout.cursors import Cursor
from rollout.query import Query
from rollout.summary import asked_kinds

_LIST = "(SELECT value FROM json_each(?))"
_TIMES = {"created_at": "created_ms", "updated_at": "updated_ms", "recency_at": "recency_ms"}
_CURRENT = """ AND NOT EXISTS (
    SELECT 1 FROM rollouts AS later WHERE later.rollout_id != later.file_id AND later.file_id = rollouts.file_id
    AND later.archived = rollouts.archived AND later.rollout_id > rollouts.rollout_id
)"""
_BELOW = """ AND id IN (
    WITH RECURSIVE below (id) AS (
        SELECT id FROM rollouts WHERE parent = ?
        UNION SELECT rollouts.id FROM rollouts JOIN below ON rollouts.parent = below.id
    )
    SELECT id FROM below
)"""
_SEARCHED = """ AND (
    instr(folded, ?) OR id IN (SELECT id FROM names WHERE instr(folded, ?))
    OR (folded_name IS NOT NULL AND instr(folded_name, ?) AND id NOT IN (SELECT id FROM names))
)"""


def select(query: Query, cwds: list[str] | None, limit: int) -> tuple[str, list[Any]]:
    """The end of a SELECT, from WHERE on, with its values."""
    time = _TIMES[query.sort_key]
    filters, filtered = _filters(query, cwds)
    places, placed = _place(query, time)
    if query.excluded:
        places += f" AND file_id NOT IN {_LIST}"
        placed = [*placed, _listed(each.lower() for each in query.excluded)]
    order = "DESC" if query.descending else "ASC"
    return (
        f"WHERE archived = ?{places}{_CURRENT} AND (NOT read OR (listed{filters}))"
        f" ORDER BY {time} {order}, file_id {order}, path {order} LIMIT ?",
        [query.archived, *placed, *filtered, limit],
    )


def _place(query: Query, time: str) -> tuple[str, list[Any]]:
    if query.cursor is None:
        return "", []
    start: Cursor = cursors.parse(query.cursor)
    after = "<" if query.descending else ">"
    if start.thread_id is None:
        return f" AND {time} {after} ?", [start.milliseconds]
    return (
        f" AND ({time}, file_id) {after}{'=' if start.inclusive else ''} (?, ?)",
        [start.milliseconds, start.thread_id],
    )


def _filters(query: Query, cwds: list[str] | None) -> tuple[str, list[Any]]:
    terms, values = "", list[Any]()
    if query.source_kinds or (query.parent is None and query.ancestor is None):
        kinds = _listed(asked_kinds(query.source_kinds))
        terms += f" AND (kind IN {_LIST} OR agent_kind IN {_LIST})"
        values += [kinds, kinds]
    if query.parent is not None:
        terms += " AND parent = ?"
        values.append(query.parent)
    if query.ancestor is not None:
        terms += _BELOW
        values.append(query.ancestor)
    if query.originators:
        terms += f" AND originator IN {_LIST}"
        values.append(_listed(query.originators))
    if query.providers:
        terms += f" AND (provider = '' OR provider IN {_LIST})"
        values.append(_listed(query.providers))
    if cwds is not None:
        terms += f" AND cwd IN {_LIST}"
        values.append(_listed(cwds))
    if query.search:
        wanted = query.search.casefold()
        terms += _SEARCHED
        values += [wanted, wanted, wanted]
    return terms, values


def _listed(values: Iterable[str]) -> str:
    return encode(list(values)).decode()
