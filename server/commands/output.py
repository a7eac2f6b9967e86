"""What a command said: bytes kept within a bound, and bytes as text. Knows no process."""

from __future__ import annotations

import codecs
from collections import deque


def _as_latin(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("as-latin", _as_latin)


def decode(text: bytes, *, cut: bool = False) -> str:
    """UTF-8 as text; bytes that are none are taken for Latin-1, so that none is lost. ``cut``: it may end within a
    character, which is then left out."""
    if not cut:
        return text.decode(errors="as-latin")
    return codecs.getincrementaldecoder("utf-8")("as-latin").decode(text)


def live_decoder() -> codecs.IncrementalDecoder:
    """Decodes pieces as they come; a character may be cut between two of them."""
    return codecs.getincrementaldecoder("utf-8")("as-latin")


class HeadTail:
    """The beginning and the end of what was said, within ``limit`` bytes; what lies between is only counted."""

    def __init__(self, limit: int) -> None:
        self._head_limit = limit // 2
        self._tail_limit = limit - self._head_limit
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.total = 0
        """Bytes said."""

    @property
    def left_out(self) -> int:
        """Bytes that are not kept."""
        return self.total - len(self._head) - self._tail_size

    def add(self, more: bytes) -> None:
        """Take in what was said next."""
        self.total += len(more)
        room = self._head_limit - len(self._head)
        self._head += more[:room]
        if rest := more[room:]:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail_size > self._tail_limit:
            over, first = self._tail_size - self._tail_limit, self._tail.popleft()
            if len(first) > over:
                self._tail.appendleft(first[over:])
            self._tail_size -= min(over, len(first))

    def parts(self) -> tuple[bytes, bytes]:
        """The beginning and the end; they meet unless something is left out."""
        return bytes(self._head), b"".join(self._tail)

    def text(self) -> str:
        """Both as text, with a line between them that says how much is left out."""
        head, tail = self.parts()
        if not self.left_out:
            return decode(head + tail)
        begins = next((at for at, byte in enumerate(tail[:4]) if byte & 0xC0 != 0x80), 0)
        gap = f"\n[… {self.left_out + begins} bytes left out …]\n"
        return decode(head, cut=True) + gap + decode(tail[begins:])
