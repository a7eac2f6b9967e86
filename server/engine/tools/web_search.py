"""web_search: what the provider itself looks for in the web. Only offered here; nothing of it runs here."""

from __future__ import annotations

from typing import Any, NoReturn

from protocol.permissions import DangerFullAccess
from server.config_keys import WebSearchMode
from server.engine.settings import Settings
from server.engine.tools.tool import Call, CallFailed, Tool, Work


class WebSearch(Tool):
    """``live``: the provider may fetch pages, and not only look into what it has of them."""

    name = "web_search"

    def __init__(self, *, live: bool) -> None:
        self._live = live

    def offer(self) -> dict[str, Any]:
        """A tool of the provider's own."""
        return {"type": self.name, "external_web_access": self._live}

    async def run(self, call: Call, work: Work) -> NoReturn:
        """A provider that asks us does not know it."""
        raise CallFailed("web_search is carried out by the provider and cannot be called")


def web_search(settings: Settings) -> WebSearch | None:
    """The tool, if it is wanted: what the configuration says, else only with OpenAI's own provider.

    Other providers answer a tool they do not know with a refusal of the whole request.
    """
    mode: WebSearchMode = settings.keys.web_search or ("cached" if settings.provider.is_openai else "disabled")
    if mode == "disabled":
        return None
    return WebSearch(live=mode == "live" or isinstance(settings.sandbox, DangerFullAccess))
