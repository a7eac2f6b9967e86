"""Lines of one rollout file -> entries. One pass, tolerant of a torn tail and of lines it cannot read; never writes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from protocol.wire import Record
from rollout.events import TokenCount, UserMessage
from rollout.lines import (
    COUNT_LINE,
    ITEM_AT,
    ITEM_END,
    MESSAGE_LINE,
    OTHER_ITEM,
    OTHER_LINE,
    Entry,
    SessionMeta,
    decode_line,
)
from rollout.mapping import optional
from rollout.paginated import StoredItem

HEAD_LINES = 10
MORE_HEAD_LINES = 200
IMAGE_PREVIEW = "[Image]"
UNREAD_COUNT = TokenCount()
"""A token_count that says more than this: the newest one counts, and only that needs to be read."""
_BUFFER = 1 << 18


class RolloutError(Exception):
    """A rollout that cannot be read. The text names the path."""

    reason = "cannot be read"

    def __init__(self, path: Path, reason: str | None = None) -> None:
        super().__init__(f"rollout `{path}` {reason or self.reason}")
        self.path = path


class RolloutMissing(RolloutError):
    """There is no such file."""

    reason = "does not exist"


class RolloutNotFile(RolloutError):
    """The path is a folder or something else that is no file."""

    reason = "is not a file"


class RolloutEmpty(RolloutError):
    """The file holds nothing but blanks."""

    reason = "is empty"


class RolloutWithoutMeta(RolloutError):
    """No line says what thread this is."""

    reason = "has no readable session_meta line"


class Rollout(Record):
    """A whole rollout. The index in ``entries`` is the position that implicit turns are named after.

    ``torn``: the last line is cut off (no newline, not readable). ``skipped``: lines before that without an entry.
    """

    path: Path
    entries: list[Entry]
    meta: SessionMeta
    torn: bool
    skipped: int


class Head(Record):
    """What a listing needs: the first meta, and the text of the first user message (None: not found near the start)."""

    meta: SessionMeta
    first_message: str | None


def read(path: Path, *, items: bool = True) -> Rollout:
    """Read a whole rollout.

    ``items=False`` leaves the model items out (all but user messages become ``OtherItem``): enough for turns and
    usage, and several times faster. Raises :class:`RolloutError`.
    """
    entries: list[Entry] = []
    skipped, blank, torn = 0, True, False
    for raw in _lines(path):
        blank = False
        entry = decode_line(raw, items=items)
        torn = entry is None and not raw.endswith(b"\n")
        if entry is not None:
            entries.append(entry)
        elif not torn:
            skipped += 1
    if blank:
        raise RolloutEmpty(path)
    meta = next((entry for entry in entries if isinstance(entry, SessionMeta)), None)
    if meta is None:
        raise RolloutWithoutMeta(path)
    return Rollout(path=path, entries=entries, meta=meta, torn=torn, skipped=skipped)


def entries(path: Path, stop: int | None = None) -> Iterator[Entry]:
    """All entries, or those before the byte ``stop``, model items too, one after the other.

    Raises :class:`RolloutError`.
    """
    size = 0
    for raw in raw_lines(path):
        if size == stop:
            return
        size += len(raw)
        entry = decode_line(raw)
        if entry is not None:
            yield entry


def skim(path: Path) -> Iterator[tuple[bytes, Entry | None]]:
    """Every line, blank ones too, with as much of its entry as turns and usage need. Raises :class:`RolloutError`.

    A line that begins and ends like a model item or like a token_count is taken for one and not decoded: its entry is
    OTHER_ITEM or UNREAD_COUNT. Several times faster than :func:`read`, which alone knows whether each line is whole.
    """
    for raw in raw_lines(path):
        entry: Entry | None
        if raw.startswith(OTHER_LINE, ITEM_AT) and raw.endswith(ITEM_END) and not raw.startswith(MESSAGE_LINE, ITEM_AT):
            entry = OTHER_ITEM
        elif raw.startswith(COUNT_LINE, ITEM_AT) and raw.endswith(ITEM_END):
            entry = UNREAD_COUNT
        else:
            entry = decode_line(raw, items=False)
        yield raw, entry


def read_head(path: Path) -> Head | None:
    """The start of a rollout, or None if its first lines hold no meta.

    Looks at 10 lines, and at 200 more if these hold a meta but no user message. Raises :class:`RolloutError`.
    """
    meta: SessionMeta | None = None
    for number, raw in enumerate(islice(_lines(path), HEAD_LINES + MORE_HEAD_LINES)):
        if number == HEAD_LINES and meta is None:
            break
        entry = decode_line(raw, items=False)
        if meta is None and isinstance(entry, SessionMeta):
            meta = entry
        text = user_text(entry)
        if text is not None and meta is not None:
            return Head(meta=meta, first_message=text)
    return None if meta is None else Head(meta=meta, first_message=None)


def user_text(entry: Entry | None) -> str | None:
    """The user's text if the entry is a user's message (a word for images that came without any), else None."""
    said = entry.events[0] if isinstance(entry, StoredItem) and entry.events else entry
    return spoken(said) if isinstance(said, UserMessage) else None


def spoken(message: UserMessage) -> str:
    """The user's text, or a word for the images sent without any."""
    has_images = bool(message.local_images or optional(message.images))
    return IMAGE_PREVIEW if has_images and not message.message.strip() else message.message


def _lines(path: Path) -> Iterator[bytes]:
    """The lines that are not blank, each with its newline."""
    return (raw for raw in raw_lines(path) if not raw.isspace())


def raw_lines(path: Path) -> Iterator[bytes]:
    """All lines of a file as they are, one after the other, each with its newline; the last one may lack it.

    Only ``\\n`` ends a line: JSON strings may hold others. Raises :class:`RolloutError`.
    """
    try:
        if path.exists() and not path.is_file():  # to open a pipe would be to wait for somebody to write to it
            raise RolloutNotFile(path)
        with path.open("rb", buffering=_BUFFER) as file:
            yield from file
    except FileNotFoundError:
        raise RolloutMissing(path) from None
    except IsADirectoryError:
        raise RolloutNotFile(path) from None
    except OSError as error:
        raise RolloutError(path, f"cannot be read: {error.strerror}") from error
