"""Where a model answers and how to get in: one ProviderConfig per entry of ``model_providers``, and the built-in ones.

Must not know: how a request is made, where the table was read from.
"""

from __future__ import annotations

from collections.abc import Mapping

from protocol.wire import Record

OFFLINE = "offline"
OPENAI = "openai"

RETRIES_CAP = 100


class ProviderConfig(Record):
    """One back end. Names and defaults as in Codex' ``config.toml`` (spec, turns 6.2).

    ``env_key`` names the environment variable that holds the key. ``query_params`` are appended to every URL.
    ``env_http_headers`` maps header names to environment variables. Retries are counts up to 100, the timeout is in
    milliseconds. ``wire_api`` can only be ``responses``.
    """

    id: str
    name: str
    base_url: str
    env_key: str | None = None
    env_key_instructions: str | None = None
    experimental_bearer_token: str | None = None
    query_params: dict[str, str] = {}
    http_headers: dict[str, str] = {}
    env_http_headers: dict[str, str] = {}
    request_max_retries: int = 4
    stream_max_retries: int = 5
    stream_idle_timeout_ms: int = 300_000
    wire_api: str = "responses"

    @property
    def is_openai(self) -> bool:
        """It is OpenAI's own, with tools that others do not know."""
        return self.id == OPENAI

    def __hash__(self) -> int:
        # The derived one fails on the dictionaries; equality still looks at every member.
        return hash((self.id, self.base_url))

    def __repr__(self) -> str:
        # Short, so that no token gets into a log by accident.
        return f"ProviderConfig(id={self.id!r}, base_url={self.base_url!r})"


def builtin_providers(environ: Mapping[str, str], openai_base_url: str | None = None) -> dict[str, ProviderConfig]:
    """The providers that exist without configuration. ``openai_base_url``, else ``OPENAI_BASE_URL``, moves ``openai``;
    the addresses of the local ones are the defaults of Ollama and LM Studio."""
    return {
        OPENAI: ProviderConfig(
            id=OPENAI,
            name="OpenAI",
            base_url=openai_base_url or environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1",
            env_key="OPENAI_API_KEY",
            env_key_instructions="Put an OpenAI API key into it and start the server again.",
            env_http_headers={"OpenAI-Organization": "OPENAI_ORGANIZATION", "OpenAI-Project": "OPENAI_PROJECT"},
        ),
        "ollama": ProviderConfig(id="ollama", name="Ollama", base_url="http://localhost:11434/v1"),
        "lmstudio": ProviderConfig(id="lmstudio", name="LM Studio", base_url="http://localhost:1234/v1"),
        OFFLINE: ProviderConfig(id=OFFLINE, name="Built-in offline model", base_url="offline:"),
    }
