"""Is this a message that a client of this version knows? One Schema per version; knows no server of ours.

The schemas of the peer name the params of every request and of every notification, but not which result belongs to
which request: that is a rule of names here, and a short table.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from tests.schema.closed import close_all
from tests.schema.generated import Node, definitions
from tests.schema.rows import RETIRED

Message = dict[str, Any]

RESULTS = {
    "account/gatewayOAuth/cancel": "GatewayOAuthCancelResponse",
    "account/logout": "LogoutAccountResponse",
    "account/rateLimits/read": "GetAccountRateLimitsResponse",
    "account/securitySetup/read": "GetAccountSecuritySetupResponse",
    "account/usage/read": "GetAccountTokenUsageResponse",
    "account/workspaceMessages/read": "GetWorkspaceMessagesResponse",
    "accountSession/list": "AccountSessionsResponse",
    "config/batchWrite": "ConfigWriteResponse",
    "config/mcpServer/reload": "McpServerRefreshResponse",
    "config/value/write": "ConfigWriteResponse",
    "configRequirements/read": "ConfigRequirementsReadResponse",
    "externalAgentConfig/import/readHistories": "ExternalAgentConfigImportHistoriesReadResponse",
    "memory/reset": "MemoryResetResponse",
    "remoteControl/status/read": "RemoteControlStatusReadResponse",
    "rollout/compress": "RolloutCompressResponse",
    "windowsSandbox/readiness": "WindowsSandboxReadinessResponse",
}
"""Results that are not named after their params: XParams -> XResponse."""


class Schema:
    """What servers of one version say, and what its clients ask. Complaints are texts; none means: valid."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._definitions = definitions(version)
        self._closed = close_all(self._definitions)
        self.requests = self._params_of("ClientRequest")
        self.notifications = self._params_of("ServerNotification")
        self.asked = self._params_of("ServerRequest")
        self._beside = frozenset(self._definitions["ServerNotification"].get("properties", ()))
        self._validators: dict[str, Draft202012Validator] = {}

    def notification(self, message: Message) -> list[str]:
        """What is wrong with this notification of a server."""
        method = message["method"]
        if method not in self.notifications:
            return [f"{method}: {self.version} knows no such notification"]
        extra = sorted(message.keys() - {"method", "params", *self._beside})
        wrong = [f"{method}: member `{name}` beside its params" for name in extra]
        return wrong + self._check(method, self.notifications[method], message.get("params"))

    def request(self, message: Message) -> list[str]:
        """What is wrong with this request of a server."""
        method = message["method"]
        if method not in self.asked:
            return [f"{method}: {self.version} answers no such request"]
        return self._check(method, self.asked[method], message.get("params"))

    def reply(self, method: str, result: Any) -> list[str]:
        """What is wrong with this result of a client's request."""
        found = self.result_of(method)
        if found is None:
            return [f"{method}: {self.version} has no such method"]
        return self._check(f"reply to {method}", found, result)

    def error(self, method: str, error: Any) -> list[str]:
        """What is wrong with this refusal of a client's request."""
        return self._check(f"refusal of {method}", {"$ref": "#/definitions/JSONRPCErrorError"}, error)

    def result_of(self, method: str) -> Node | None:
        """The schema of the result of this request; None if this version has no such request."""
        if method in self.requests:
            name = RESULTS.get(method) or _name(self.requests[method]).removesuffix("Params") + "Response"
        elif method in RETIRED:
            name = RETIRED[method]
        else:
            return None
        if name in self._definitions["v2"]:
            return {"$ref": f"#/definitions/v2/{name}"}
        if name in self._definitions:
            return {"$ref": f"#/definitions/{name}"}
        raise LookupError(f"{self.version} has no {name} for {method}; name its result in RESULTS")

    def open(self, node: Node) -> Node:
        """This schema as the peer writes it, with all that it refers to; for those who make requests of it."""
        return node | {"definitions": self._definitions}

    def _params_of(self, union: str) -> dict[str, Node]:
        rows = [each["properties"] for each in self._definitions[union]["oneOf"]]
        return {row["method"]["enum"][0]: row.get("params", {}) for row in rows}

    def _check(self, what: str, node: Node, value: Any) -> list[str]:
        validator = self._validators.get(what)
        if validator is None:
            validator = Draft202012Validator(node | {"definitions": self._closed})
            self._validators[what] = validator
        if validator.is_valid(value):
            return []
        leaves = (leaf for error in validator.iter_errors(value) for leaf in _leaves(error))
        return [f"{what}: {path or '.'}: {text}" for path, text in leaves]


@functools.cache
def schema(version: str) -> Schema:
    """The schema of this version, whose binary must be installed."""
    return Schema(version)


def _name(node: Node) -> str:
    """The name of the type that this schema refers to; the empty text for a method without params."""
    for each in (node, *node.get("anyOf", ())):
        if "$ref" in each:
            return str(each["$ref"]).rsplit("/", 1)[-1]
    return ""


def _leaves(error: ValidationError) -> Iterator[tuple[str, str]]:
    """What is wrong, as places and texts. Of a choice: in the branch that fits best."""
    if isinstance(error.kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfNotValid):
        branches: list[list[ValidationError]] = error.kind.as_dict()["context"]
        for inner in min(branches, key=_strangeness, default=[]):
            yield from _leaves(inner)
        return
    path = "".join("[]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    if isinstance(error.kind, ValidationErrorKind.AdditionalProperties | ValidationErrorKind.UnevaluatedProperties):
        for name in error.kind.as_dict()["unexpected"]:
            yield f"{path}.{name}", "a member that the schema does not name"
        return
    yield path, error.message[:200]


def _strangeness(branch: list[ValidationError]) -> tuple[bool, int]:
    """How far a value is from this branch of a choice: its tag or its very type comes first."""
    kinds = ValidationErrorKind.Enum | ValidationErrorKind.Type | ValidationErrorKind.Constant
    top = min((len(error.instance_path) for error in branch), default=0)
    misfit = any(isinstance(e.kind, kinds) and _decides(e, top) for e in branch)
    return misfit, len(branch)


def _decides(error: ValidationError, top: int) -> bool:
    return len(error.instance_path) == top or error.instance_path[-1:] == ["type"]
