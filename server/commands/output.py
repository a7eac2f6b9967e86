"""What a command said: bytes kept within a bound, and bytes as text. Knows no process."""

from __future__ import annotations

import codecs


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
    """Decodes pieces as they come, for a reader who wants text: a character may be cut between two of them, and what is
    no UTF-8 becomes the replacement character."""
    return codecs.getincrementaldecoder("utf-8")("replace")


class HeadTail:
    """The beginning and the end of what was said, within ``limit`` bytes; what lies between is only counted."""

    def __init__(self, limit: int) -> None:
        self._head_limit = limit // 2
        self._tail_limit = limit - self._head_limit
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0
        """Bytes said."""

    @property
    def left_out(self) -> int:
        """Bytes that are not kept."""
        return self.total - len(self._head) - min(len(self._tail), self._tail_limit)

    def add(self, more: bytes) -> None:
        """Take in what was said next."""
        self.total += len(more)
        room = self._head_limit - len(self._head)
        self._head += more[:room]
        self._tail += more[room:]
        if len(self._tail) > 2 * self._tail_limit:  # not at each call, for it moves all of the tail
            del self._tail[: -self._tail_limit]

    def parts(self) -> tuple[bytes, bytes]:
        """The beginning and the end; they meet unless something is left out."""
        return bytes(self._head), bytes(self._tail[-self._tail_limit :])

    def text(self) -> str:
        """Both as text, with a line between them that says how much is left out. What is no UTF-8 is replaced."""
        head, tail = self.parts()
        if not self.left_out:
            return (head + tail).decode(errors="replace")
        begins = next((at for at, byte in enumerate(tail[:4]) if byte & 0xC0 != 0x80), 0)
        gap = f"\n[… {self.left_out + begins} bytes left out …]\n"
        return live_decoder().decode(head) + gap + tail[begins:].decode(errors="replace")
