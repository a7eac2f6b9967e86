"""The end of a rollout file, read backwards: is its last line whole, which ordinal comes next. Never writes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from protocol.wire import UNSET, Record, UnsetType

_BLOCK = 1 << 16


class _Envelope(Record):
    ordinal: int | UnsetType = UNSET


_envelope = msgspec.json.Decoder(_Envelope)


def ends_whole(descriptor: int) -> bool:
    """Whether the file is empty or ends with a newline."""
    size = os.fstat(descriptor).st_size
    return not size or os.pread(descriptor, 1, size - 1) == b"\n"


def lines_backwards(descriptor: int) -> Iterator[bytes]:
    """The lines of a file without their ends, the last one first; what follows the last newline is a line as well."""
    position, rest = os.fstat(descriptor).st_size, b""
    while position:
        begin = max(0, position - _BLOCK)
        lines = (os.pread(descriptor, position - begin, begin) + rest).split(b"\n")
        rest, position = lines[0] if begin else b"", begin
        yield from reversed(lines[1:] if begin else lines)


def next_ordinal(descriptor: int) -> int:
    """The ordinal of the next line: one more than the last line has that has one; without any, the count of lines."""
    count = 0
    for line in lines_backwards(descriptor):
        ordinal = _ordinal(line)
        if ordinal is not None:
            return ordinal + 1
        count += bool(line.strip())
    return count


def _ordinal(line: bytes) -> int | None:
    try:
        ordinal = _envelope.decode(line).ordinal
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return None if isinstance(ordinal, UnsetType) else ordinal
