"""What is said to one MCP server and heard from it, by the official SDK. Imported only when a server is started.

Requests go through the SDK's dispatcher, not through its typed methods: results reach clients and models as the server
said them, members that the SDK does not know included, and one odd tool does not cost the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from mcp.client.session import ClientRequestContext, ClientSession
from mcp.shared.dispatcher import CallOptions, ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp_types import (
    CONNECTION_CLOSED,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    Implementation,
    LoggingMessageNotificationParams,
    ToolListChangedNotification,
)

from protocol.elicitation import (
    FormElicitation,
    McpServerElicitationRequestParams,
    McpServerElicitationRequestResponse,
    UrlElicitation,
)
from server.mcp.connection import Gone, Greeting, McpError, Place, Progress, Unauthorized
from server.mcp.forms import plain_form
from server.mcp.settings import ServerSettings
from server.mcp.transports import Unheard, transport
from server.version import VERSION

UNAUTHORIZED = 401

_log = structlog.get_logger(__name__)

Asked = Callable[[McpServerElicitationRequestParams], Awaitable[McpServerElicitationRequestResponse]]


class Session:
    """One conversation with a server. ``ready`` is done when requests can be made, and ``greeting`` is there then."""

    def __init__(self, settings: ServerSettings, place: Place, ask: Asked) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.greeting = Greeting()
        self.tools_changed = False
        self._settings = settings
        self._place = place
        self._ask = ask
        self._unheard = Unheard()
        self._headers: dict[str, str] = {}
        self._dispatcher: JSONRPCDispatcher[Any] | None = None

    async def run(self) -> None:
        """Start the server and hear it until it ends, or this is cancelled; then nothing of it is left."""
        async with transport(self._settings, self._place, self._unheard) as streams:
            dispatcher = JSONRPCDispatcher(streams.reads, streams.writes)
            session = ClientSession(
                dispatcher=dispatcher,
                elicitation_callback=self._elicit,
                logging_callback=self._logged,
                message_handler=self._told,
                client_info=Implementation(name="threadcast", version=VERSION),
            )
            async with session:
                await self._greet(session)
                self._dispatcher = dispatcher
                self.ready.set_result(None)
                await streams.ended.wait()

    async def request(self, method: str, params: dict[str, Any], on_progress: Progress | None) -> dict[str, Any]:
        """The result of a request. Raises :class:`~server.mcp.connection.McpError`; Gone if the server is."""
        assert self._dispatcher is not None
        options: CallOptions = {"headers": dict(self._headers)}
        if on_progress is not None:
            options["on_progress"] = _heard(on_progress)
        try:
            return await self._dispatcher.send_raw_request(method, params, options)
        except MCPError as error:
            raise self._said(error) from None

    def last_words(self) -> str:
        """What the server said on standard error at last, as the end of a sentence; empty if nothing."""
        return self._unheard.last_words()

    async def _greet(self, session: ClientSession) -> None:
        try:
            hello = await session.initialize()
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                raise Gone("it ended before it was ready" + self.last_words()) from None
            raise self._said(error) from None
        self._headers = {"mcp-protocol-version": hello.protocol_version}
        said = hello.model_dump(by_alias=True, mode="json", exclude_unset=True)
        self.greeting = Greeting(
            server=said.get("serverInfo") or {},
            capabilities={key: value for key, value in said["capabilities"].items() if value is not None},
            instructions=hello.instructions,
        )

    def _said(self, error: MCPError) -> McpError:
        if self._unheard.status == UNAUTHORIZED:
            return Unauthorized("it wants a bearer token or a sign-in, and got none that it takes")
        if error.code == CONNECTION_CLOSED:
            return Gone("it ended before it answered")
        if self._unheard.failure is not None:
            return McpError(self._unheard.failure)
        return McpError(error.message, code=error.code, detail=error.data)

    async def _elicit(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context  # it names the request, which the SDK answers
        answer = await self._ask(self._question(params))
        content: Any = answer.content if answer.action == "accept" else None
        if content is None and answer.action == "accept" and isinstance(params, ElicitRequestFormParams):
            content = {}
        return ElicitResult(action=answer.action, content=content)

    def _question(self, params: ElicitRequestParams) -> McpServerElicitationRequestParams:
        said = params.model_dump(by_alias=True, mode="json", exclude_unset=True)
        where: dict[str, Any] = {"thread_id": self._place.thread_id, "server_name": self._settings.name}
        where |= {"message": params.message, "meta": said.get("_meta")}
        if isinstance(params, ElicitRequestFormParams):
            return FormElicitation(**where, requested_schema=plain_form(said["requestedSchema"]))
        return UrlElicitation(**where, url=params.url, elicitation_id=params.elicitation_id or "")

    async def _logged(self, params: LoggingMessageNotificationParams) -> None:
        _log.info("mcp_server_said", server=self._settings.name, level=params.level, said=str(params.data)[:1000])

    async def _told(self, message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            self.tools_changed = True


def _heard(on_progress: Progress) -> ProgressFnT:
    async def hear(progress: float, total: float | None, message: str | None) -> None:
        on_progress(progress, total, message)

    return hear
