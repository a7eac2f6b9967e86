"""``threadcast/index.sqlite``: what lists show of every rollout, so that they need not open the files.

A cache and nothing else: a row says what a file held when it had a certain state, and is only believed while it has.
Rows of files that changed are kept but marked unread. One process keeps the file for itself; another one, a folder
that cannot be written and a file that fails twice mean an index in memory. Use it from one thread at a time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from rollout import cursors
from rollout.contents import Contents
from rollout.cursors import Key
from rollout.latest import Latest
from rollout.paths import Home, parse_name
from rollout.query import Query
from rollout.selection import select
from rollout.summary import ThreadSummary, recency_ms, source_kinds
from rollout.tree import Changes, State

T = TypeVar("T")

_REVISION = 2
"""Count this up when the same file is to make another row."""

_CACHE_KIB = 1 << 16

_SCHEMA = """
CREATE TABLE rollouts (
    path BLOB PRIMARY KEY, archived INT, file_id TEXT, rollout_id TEXT, created_ms INT, updated_ms INT,
    size INT, mtime_ns INT, ctime_ns INT, inode INT, settled INT, change INT,
    read INT DEFAULT 0, listed INT DEFAULT 0, provider TEXT, kind TEXT, agent_kind TEXT, cwd TEXT, id TEXT,
    parent TEXT, originator TEXT, recency_ms INT,
    latest BLOB, folded_name TEXT, scanned INT, ending BLOB, folded TEXT, summary BLOB
);
CREATE INDEX by_creation ON rollouts (
    archived, created_ms, file_id, path, read, listed, provider, kind, agent_kind, cwd
);
CREATE INDEX by_update ON rollouts (
    archived, updated_ms, file_id, path, read, listed, provider, kind, agent_kind, cwd
);
CREATE INDEX by_recency ON rollouts (
    archived, recency_ms, file_id, path, read, listed, provider, kind, agent_kind, cwd
);
CREATE INDEX gone_on ON rollouts (file_id, archived, rollout_id) WHERE rollout_id != file_id;
CREATE INDEX by_parent ON rollouts (parent) WHERE parent IS NOT NULL;
CREATE INDEX by_id ON rollouts (file_id, archived, path);
CREATE INDEX unread ON rollouts (created_ms) WHERE NOT read;
CREATE INDEX by_cwd ON rollouts (cwd);
"""
_NAMES = "CREATE TEMP TABLE names (id TEXT PRIMARY KEY, folded TEXT) WITHOUT ROWID"

_FOUND = """
INSERT INTO rollouts (
    path, archived, file_id, rollout_id, created_ms, updated_ms, size, mtime_ns, ctime_ns, inode, settled, change
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET read = 0, updated_ms = excluded.updated_ms, size = excluded.size,
    mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, settled = excluded.settled, change = excluded.change,
    scanned = CASE WHEN inode = excluded.inode THEN scanned ELSE 0 END, inode = excluded.inode
"""
_READ = """
UPDATE rollouts SET read = 1, listed = ?, provider = ?, kind = ?, agent_kind = ?, cwd = ?, id = ?, parent = ?,
    originator = ?, recency_ms = coalesce(?, updated_ms), latest = ?, folded_name = ?, scanned = ?,
    ending = ?, folded = ?, summary = ?
WHERE path = ? AND change = ?
"""
_COLUMNS = (
    "path, created_ms, updated_ms, recency_ms, file_id, size, mtime_ns, ctime_ns, inode, settled, change, read, "
    "listed, latest, scanned, ending, summary"
)


class Row(NamedTuple):
    """A rollout in the index. ``contents``: None if they were not read since it last changed; then ``before`` says
    what they were, if that is known.
    """

    path: Path
    created: Key
    updated: Key
    recency: Key
    state: State
    is_settled: bool
    change: int
    contents: Contents | None
    before: Contents | None


class Index:
    """The rows of one home. Its methods raise ``sqlite3.Error`` when the file fails."""

    def __init__(self, home: Home, *, in_memory: bool = False) -> None:
        self._top = os.path.join(os.fspath(home.path), "")
        self._archive = os.path.join(os.fspath(home.archived), "")
        self._change = 0
        self.is_shared = False
        connection = None if in_memory else self._open(home.index_file)
        self.in_memory = connection is None
        self._connection = _prepared(":memory:") if connection is None else connection
        self._connection.execute(_NAMES)
        self._change = self._value("SELECT coalesce(max(change), 0) FROM rollouts")

    def close(self) -> None:
        """Close the file. No other method may be called after this."""
        self._connection.close()

    # What there is

    def states(self) -> tuple[dict[str, State], set[str]]:
        """The files that have rows, as they were last seen, and those of them whose next change might not be seen."""
        columns = "path, settled, size, mtime_ns, ctime_ns, inode"
        rows = self._connection.execute(f"SELECT {columns} FROM rollouts").fetchall()
        seen = {self._absolute(path): State(*state) for path, _, *state in rows}
        return seen, {self._absolute(path) for path, settled, *_ in rows if not settled}

    def count(self) -> int:
        """How many files have rows."""
        return int(self._value("SELECT count(*) FROM rollouts"))

    def apply(self, changes: Changes) -> None:
        """Enter files that are new or changed, unread, and take out those that are gone."""
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany(
                "DELETE FROM rollouts WHERE path = ?", [(self._relative(path),) for path in changes.gone]
            )
            self._connection.executemany(_FOUND, self._new_rows(changes.found))

    def _new_rows(self, found: Mapping[str, State]) -> Iterable[tuple[Any, ...]]:
        for path, state in found.items():
            name = parse_name(os.path.basename(path))
            if name is not None:
                self._change += 1
                created = cursors.local_milliseconds(name.created)
                times = created, cursors.within_reach(state.mtime_ns // 1_000_000)
                where = self._relative(path), path.startswith(self._archive)
                yield *where, name.thread_id, name.rollout_id, *times, *state, state.is_settled(), self._change

    # What was read

    def unread(self, limit: int) -> list[Row]:
        """Some files that are yet to be read, newest first."""
        return self._rows("WHERE NOT read ORDER BY created_ms DESC LIMIT ?", [limit])

    def enter(self, read: Iterable[tuple[Row, Contents]]) -> None:
        """Enter what files say, except of those that have changed since their rows were asked for."""
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany(
                _READ,
                [(*_values(said), self._relative(os.fspath(row.path)), row.change) for row, said in read],
            )

    def set_names(self, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        """Take these names for those of the threads, where these others were taken before."""
        gone = [(thread_id,) for thread_id in old.keys() - new.keys()]
        changed = [(each, name.casefold()) for each, name in new.items() if old.get(each) != name]
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany("DELETE FROM names WHERE id = ?", gone)
            self._connection.executemany("INSERT OR REPLACE INTO names VALUES (?, ?)", changed)

    # Asking

    def row(self, path: Path) -> Row | None:
        """The row of a file."""
        found = os.fspath(path)
        if not found.startswith(self._top):
            return None
        return next(iter(self._rows("WHERE path = ?", [self._relative(found)])), None)

    def newest(self, thread_id: str, *, archived: bool) -> Path | None:
        """The newest file of a thread."""
        found = self._connection.execute(
            "SELECT path FROM rollouts WHERE file_id = ? AND archived = ?", (thread_id.lower(), archived)
        ).fetchall()
        return max((Path(self._absolute(path)) for (path,) in found), key=lambda path: (path.name, path), default=None)

    def cwds(self) -> list[str]:
        """All folders that threads were made in."""
        return [cwd for (cwd,) in self._connection.execute("SELECT DISTINCT cwd FROM rollouts WHERE cwd IS NOT NULL")]

    def page(self, query: Query, cwds: list[str] | None, limit: int) -> list[Row]:
        """The rows that a query asks for, and all unread ones in between. ``cwds``: the exact ones it allows."""
        return self._rows(*select(query, cwds, limit))

    def _rows(self, rest: str, values: list[Any]) -> list[Row]:
        found = self._connection.execute(f"SELECT {_COLUMNS} FROM rollouts {rest}", values)
        return [self._row(*columns) for columns in found.fetchall()]

    def _row(self, raw: bytes, created: int, updated: int, recency: int | None, file_id: str, *rest: Any) -> Row:
        size, mtime_ns, ctime_ns, inode, settled, change, read, listed, said, scanned, ending, summary = rest
        path = Path(self._absolute(raw))
        latest = Latest() if said is None else _decoded(_latest, said)
        thread = None if summary is None else _thread(summary, path, mtime_ns, latest)
        contents = Contents(
            summary=thread, listed=bool(listed), latest=latest, scanned=scanned or 0, ending=ending or b""
        )
        keys = Key(created, file_id), Key(updated, file_id), Key(updated if recency is None else recency, file_id)
        state = State(size, mtime_ns, ctime_ns, inode)
        return Row(path, *keys, state, bool(settled), change, contents if read else None, contents)

    def _value(self, query: str) -> Any:
        return self._connection.execute(query).fetchone()[0]

    def _relative(self, path: str) -> bytes:
        return os.fsencode(path[len(self._top) :])

    def _absolute(self, path: bytes) -> str:
        return self._top + os.fsdecode(path)

    def _open(self, path: Path) -> sqlite3.Connection | None:
        """The file, made anew if it is of no use; None if it cannot be had."""
        for _ in range(2):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                return _prepared(os.fspath(path))
            except OSError:
                return None
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    self.is_shared = True
                    return None
            except sqlite3.Error:
                pass
            if not discard(path):
                return None
        return None


def _values(contents: Contents) -> list[Any]:
    thread = contents.summary
    if thread is None:
        return [contents.listed, *[None] * 14]
    kind, agent_kind = (*sorted(source_kinds(thread.source)), None)[:2]
    latest = contents.latest
    made = [thread.model_provider, kind, agent_kind, thread.cwd, thread.id, thread.parent_thread_id, thread.originator]
    recency = None if latest.turn_ms is None else recency_ms(latest, thread.created_at * 1000, 0)
    said = [recency, _encoder.encode(latest), latest.name and latest.name.strip().casefold()]
    place = [contents.scanned, contents.ending]
    return [contents.listed, *made, *said, *place, thread.preview.casefold(), _encoder.encode(thread)]


def discard(path: Path) -> bool:
    """Remove an index with all that belongs to it; whether that could be done."""
    try:
        for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            each.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _prepared(name: str) -> sqlite3.Connection:
    """An open index of the schema of today, locked for us alone. Raises ``sqlite3.Error``."""
    connection = sqlite3.connect(name, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                connection.execute(f'DROP TABLE "{table}"')
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("the index is damaged")
    except sqlite3.Error:
        with contextlib.suppress(sqlite3.Error):
            connection.close()
        raise
    return connection


_VERSION = (
    zlib.crc32(f"{_REVISION} {_SCHEMA} {ThreadSummary.__struct_fields__} {Latest.__struct_fields__}".encode())
    & 0x7FFFFFFF
)


def _path_as_nothing(value: object) -> str:
    if isinstance(value, Path):  # it stands in a column of its own
        return ""
    raise NotImplementedError(type(value))


def _nothing_as_path(kind: type, _: object) -> Path:
    if kind is Path:
        return Path()
    raise NotImplementedError(kind)


_encoder = msgspec.json.Encoder(enc_hook=_path_as_nothing)
_summary = msgspec.json.Decoder(ThreadSummary, dec_hook=_nothing_as_path)
_latest = msgspec.json.Decoder(Latest)


def _decoded(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise sqlite3.DatabaseError("a row of the index cannot be read") from error


def _thread(raw: bytes, path: Path, mtime_ns: int, latest: Latest) -> ThreadSummary:
    thread = _decoded(_summary, raw)
    return replace(thread, path=path, updated_at=mtime_ns // 1_000_000_000).with_latest(latest)
