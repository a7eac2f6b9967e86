"""Image files as a model takes them: which kinds, how large, as ``data:`` URLs. Knows no item and no client."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

MAX_IMAGE = 20 << 20
"""Bytes of an image file that is sent to a model."""

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class Unusable(Exception):
    """Why a file cannot be sent, for the model and for people."""


class NoFile(Unusable):
    """There is something else than a file."""


class NotThere(Unusable):
    """There is nothing, or nothing that may be read."""


def data_url(path: Path) -> str:
    """The file as a ``data:`` URL; what kind of image it is says its content. Raises :class:`Unusable`."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise NoFile("it is not a file")
        if status.st_size > MAX_IMAGE:
            raise Unusable(f"it is larger than {MAX_IMAGE >> 20} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise NotThere(error.strerror or str(error)) from error
    except ValueError as error:  # a NUL in the path
        raise NotThere(str(error)) from error
    return f"data:{_kind(content)};base64,{base64.b64encode(content).decode()}"


def _kind(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    raise Unusable("it is not a PNG, JPEG, GIF or WebP image")
