"""The page that the server shows in browsers: its files, read once. Knows no HTTP beyond the headers of a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from protocol.wire import Record

STATIC = Path(__file__).parent / "static"
"""``index.html`` is shown at ``/``, every file at ``/assets/<its path below here>``."""

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


class Asset(Record):
    """One file as it is sent. ``tag`` is its ``ETag``, with quotes."""

    body: bytes
    kind: str
    tag: str


def read_assets(folder: Path = STATIC) -> dict[str, Asset]:
    """All files by the path at which they are shown. What is not among these cannot be asked for, however it is
    spelled."""
    assets: dict[str, Asset] = {}
    for path in sorted(folder.rglob("*")):
        kind = _KINDS.get(path.suffix)
        if kind is None or not path.is_file():
            continue
        body = path.read_bytes()
        asset = Asset(body=body, kind=kind, tag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        assets[f"/assets/{path.relative_to(folder).as_posix()}"] = asset
    if "/assets/index.html" in assets:
        assets["/"] = assets["/assets/index.html"]
    return assets
