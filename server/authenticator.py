"""Which check of credentials the settings ask for. Owns the conditions between the flags."""

from __future__ import annotations

from server.auth import Authenticator, AuthSettings, CapabilityTokens, OpenDoor, parse_digest, read_tokens
from server.errors import ConfigError
from server.grant import EVERYTHING

_NEEDS_A_MODE = "websocket auth flags require `--ws-auth capability-token` or `--ws-auth signed-bearer-token`"


def open_authenticator(settings: AuthSettings) -> Authenticator:
    """Check the settings against each other, read the secrets. Raises ConfigError with the reason."""
    of_token = settings.token_file is not None or settings.token_sha256 is not None
    of_bearer = any(value is not None for value in (settings.shared_secret_file, settings.issuer, settings.audience))
    if settings.mode == "none":
        if of_token or of_bearer:
            raise ConfigError(_NEEDS_A_MODE)
        return OpenDoor()
    if settings.mode == "capability-token":
        if of_bearer:
            raise ConfigError("signed bearer flags require `--ws-auth signed-bearer-token`")
        return _capability_tokens(settings)
    if of_token:
        raise ConfigError("token flags require `--ws-auth capability-token`, not `signed-bearer-token`")
    if settings.shared_secret_file is None:
        raise ConfigError("`--ws-shared-secret-file` is required when `--ws-auth signed-bearer-token` is set")
    from server.signed_bearer import SignedBearer  # its library takes a while to load, and few need it

    return SignedBearer(settings.shared_secret_file, settings)


def _capability_tokens(settings: AuthSettings) -> CapabilityTokens:
    if settings.token_file is not None and settings.token_sha256 is not None:
        raise ConfigError("`--ws-token-file` and `--ws-token-sha256` are mutually exclusive")
    if settings.token_file is not None:
        return CapabilityTokens(read_tokens(settings.token_file), settings.token_file)
    if settings.token_sha256 is not None:
        return CapabilityTokens({parse_digest(settings.token_sha256): EVERYTHING})
    raise ConfigError("`--ws-token-file` or `--ws-token-sha256` is required when `--ws-auth capability-token` is set")
