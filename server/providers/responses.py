"""The Responses API over HTTP with server-sent events: one provider object per configured back end.

Owns: the HTTP client, the retries up to the response headers, the idle timeout. Repeating a stream that broke is the
engine's part. Must not know: threads, turns' state, rollouts.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from io import BytesIO
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from server.errors import TurnError
from server.offload import off_the_loop
from server.providers.provider import ModelEvent, ModelRequest, RateLimitsSeen
from server.providers.rate_limits import read_rate_limits
from server.providers.responses_errors import disconnected, status_error
from server.providers.responses_request import TURN_STATE, body, endpoint, headers
from server.providers.responses_stream import Answer
from server.providers.settings import ProviderConfig

FIRST_DELAY = 0.2
CONNECT_TIMEOUT = 15.0
DRAIN_TIMEOUT = 0.05
ERROR_BODY_LIMIT = 64 * 1024

Sleep = Callable[[float], Awaitable[None]]


class ResponsesProvider:
    """Speaks to one back end. Raises ConfigError when its address is not HTTP.

    ``environ`` is where keys are looked up at each request, ``installation_id`` goes into every body, ``version`` into
    ``User-Agent``. ``sleep`` waits between attempts, in seconds.
    """

    def __init__(
        self,
        config: ProviderConfig,
        *,
        environ: Mapping[str, str],
        installation_id: str,
        version: str,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._config = config
        self._url = endpoint(config)
        self._environ = environ
        self._installation_id = installation_id
        self._version = version
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None

    @property
    def id(self) -> str:
        """The key under ``model_providers``."""
        return self._config.id

    @property
    def stream_max_retries(self) -> int:
        """How often a broken stream may be asked for again."""
        return self._config.stream_max_retries

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Ask the model; see ``Provider.stream``."""
        response = await self._open(request)
        answer = Answer()
        try:
            for limits in read_rate_limits(_headers(response)):
                yield RateLimitsSeen(rate_limits=limits)
            async for chunk in response.content.iter_any():
                for event in answer.feed(chunk):
                    yield event
                if answer.complete:
                    await _drain(response)
                    return
            for event in answer.end():
                yield event
        except TimeoutError as error:
            raise disconnected("idle timeout waiting for SSE") from error
        except aiohttp.ClientError as error:
            raise disconnected(f"Transport error: {error}") from error
        finally:
            response.close()  # of no effect once it was read to its end

    async def aclose(self) -> None:
        """Close the pooled connections. The object can be used again afterwards."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _open(self, request: ModelRequest) -> aiohttp.ClientResponse:
        """Send until the back end accepts, refuses for good, or the attempts are used up."""
        sent_headers = headers(request, self._config, self._environ, self._version)
        sent_body = await off_the_loop(len(request.input), lambda: body(request, self._installation_id))
        attempts = self._config.request_max_retries + 1
        for attempt in range(1, attempts + 1):
            try:
                response = await self._send(sent_headers, sent_body)
            except (aiohttp.ClientError, TimeoutError) as error:
                if attempt == attempts:
                    raise disconnected(f"error sending request for url ({self._url})") from error
            else:
                if response.status == HTTPStatus.OK:
                    request.turn_state.value = response.headers.get(TURN_STATE, request.turn_state.value)
                    return response
                failure = await self._read_failure(response)
                if response.status < HTTPStatus.INTERNAL_SERVER_ERROR or attempt == attempts:
                    raise failure
            await self._sleep(retry_delay(attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _send(self, sent_headers: dict[str, str], sent_body: bytes) -> aiohttp.ClientResponse:
        # As a file, so that a long body is written piece by piece.
        return await self._opened_session().post(
            self._url, headers=sent_headers, data=BytesIO(sent_body), allow_redirects=False
        )

    def _opened_session(self) -> aiohttp.ClientSession:
        # Made at the first request: loading the certificates takes tens of milliseconds that start-up need not spend.
        if self._session is None:
            proxy, login = _proxy_for(self._url)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_TIMEOUT, sock_read=self._config.stream_idle_timeout_ms / 1000
                ),
                proxy=proxy,
                proxy_auth=login,
            )
        return self._session

    async def _read_failure(self, response: aiohttp.ClientResponse) -> TurnError:
        said = b""
        try:
            with suppress(aiohttp.ClientError, TimeoutError):
                async for chunk in response.content.iter_any():
                    said += chunk
                    if len(said) > ERROR_BODY_LIMIT:
                        break
        finally:
            response.close()
        return status_error(response.status, _headers(response), said, self._url)


def retry_delay(attempt: int) -> float:
    """Seconds to wait after failed attempt 1, 2, ...: 200 ms, doubled each time, within 10 % of it."""
    return float(FIRST_DELAY * 2 ** (attempt - 1) * random.uniform(0.9, 1.1))


def _proxy_for(url: str) -> tuple[str | None, aiohttp.BasicAuth | None]:
    """What the environment names as the way to there; asked once, where aiohttp would use a thread for each request."""
    address = urlsplit(url)
    named = None if proxy_bypass(address.hostname or "") else getproxies().get(address.scheme.lower())
    if named is None:
        return None, None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    login = None
    if proxy.username is not None:
        login = aiohttp.BasicAuth(unquote(proxy.username), unquote(proxy.password or ""))
    return proxy._replace(netloc=proxy.netloc.rpartition("@")[2]).geturl(), login


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """With the names in lower case, however the back end spells them."""
    return {name.lower(): value for name, value in response.headers.items()}


async def _drain(response: aiohttp.ClientResponse) -> None:
    # Only a response that was read to its end gives its connection back for the next request, which spares a TLS
    # handshake. Some servers never close, so the wait is short.
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(DRAIN_TIMEOUT):
            async for _ in response.content.iter_any():
                pass
