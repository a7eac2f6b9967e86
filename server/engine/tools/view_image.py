"""view_image: an image file of this machine for the model to see. Changes nothing; knows no client."""

from __future__ import annotations

import asyncio
import os.path
from pathlib import Path
from typing import Any

from protocol.item import ImageView
from protocol.wire import Record
from rollout.events import ViewImageToolCall
from server.engine.images import NoFile, NotThere, Unusable, data_url
from server.engine.tools.tool import Call, CallFailed, Content, Tool, Work, function

_DESCRIPTION = """\
Look at an image file of this machine, by its path. Only for files: images in the conversation are in sight already."""


class _Arguments(Record):
    path: str
    detail: str | None = None


class ViewImage(Tool):
    """Sends files as they are, up to a size; providers scale them."""

    name = "view_image"
    parallel = True

    def offer(self) -> dict[str, Any]:
        """A path."""
        path = {"type": "string", "description": "The file; relative paths begin at the working directory."}
        return function(self.name, _DESCRIPTION, {"path": path}, "path")

    async def run(self, call: Call, work: Work) -> Content:
        """Read the file. What cannot be sent is no item."""
        given = call.arguments(_Arguments)
        if not work.settings.known.images:
            raise CallFailed("view_image is not allowed because you do not support image inputs")
        if given.detail not in (None, "high", "original"):
            raise CallFailed(f"view_image takes `high` or `original` as detail, or none, and not `{given.detail}`")
        path = _absolute(given.path, work.settings.cwd)
        try:
            url = await asyncio.to_thread(data_url, Path(path))
        except NotThere as error:
            raise CallFailed(f"unable to locate image at `{path}`: {error}") from error
        except NoFile as error:
            raise CallFailed(f"image path `{path}` is not a file") from error
        except Unusable as error:
            raise CallFailed(f"unable to process image at `{path}`: {error}") from error
        item = ImageView(id=call.id, path=path)
        work.begin(item)
        work.end(item, ViewImageToolCall(call_id=call.id, path=path))
        return [{"type": "input_image", "image_url": url, "detail": given.detail or "high"}]


def _absolute(path: str, cwd: str) -> str:
    return os.path.normpath(os.path.join(cwd, path))
