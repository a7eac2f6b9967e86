"""What the rows of the vocabulary are made of: what a client may request, what the server may tell and ask.

Knows no row. A row says in which lane its requests wait and how its notifications are thinned; others do that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

from protocol.permissions import Granular
from protocol.scope import Scope
from protocol.wire import UNSET, encode

P = TypeVar("P")
R = TypeVar("R")

Order = Callable[[Any], str | None]
"""Key of a request's lane: requests with equal keys run one after another, ``None`` runs at once."""


def at_once(_params: Any) -> str | None:
    """No lane."""
    return None


def by_thread(params: Any) -> str | None:
    """The lane of the thread that the params name, however its id is spelled."""
    return str(params.thread_id).lower().removeprefix("urn:uuid:").replace("-", "")


OF_CLIENT = "of client"
"""The key of a lane that each connection has for itself."""


def by_client(_params: Any) -> str | None:
    """The lane of the connection: what one client asks is done in its order, and no other client waits."""
    return OF_CLIENT


def by_configuration(_params: Any) -> str | None:
    """One lane for all that change the configuration."""
    return "configuration"


def camel(name: str) -> str:
    """The name of a member on the wire."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


@dataclass(frozen=True, eq=False)
class Method(Generic[P, R]):
    """A request a client may make.

    ``experimental`` methods, and the ``gated`` fields of stable ones (field -> name in the refusal), need the
    ``experimentalApi`` capability. ``lenient`` methods take absent or null params. ``scope`` is what a client needs to
    ask this at all, and ``raised`` what it needs beyond that to set a field: a method that says nothing is for those
    who may do anything.
    """

    name: str
    params: type[P]
    result: type[R]
    order: Order = at_once
    experimental: bool = False
    gated: dict[str, str] = field(default_factory=dict[str, str])
    lenient: bool = False
    scope: Scope = "admin"
    raised: Mapping[str, Scope] = field(default_factory=dict[str, Scope])
    decoder: msgspec.json.Decoder[P] = field(init=False, repr=False)
    _unset: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "decoder", msgspec.json.Decoder(self.params))
        params: Any = self.params
        defaults = {each.name: each.default for each in msgspec.structs.fields(params)} if self.raised else {}
        object.__setattr__(self, "_unset", {name: defaults[name] for name in self.raised})

    def missing(self, params: P, scopes: frozenset[Scope]) -> tuple[str, Scope] | None:
        """What of this request the scopes are not enough for, in the words of the refusal, and the scope it needs."""
        if self.scope not in scopes:
            return self.name, self.scope
        for name, needed in self.raised.items():
            if needed not in scopes and getattr(params, name) != self._unset[name]:
                return f"{self.name}.{camel(name)}", needed
        return None

    def gate(self, params: P) -> str | None:
        """What in these params needs the experimental capability, in the words of the refusal; None if nothing does."""
        if self.experimental:
            return self.name
        for name, shown in self.gated.items():
            value = getattr(params, name)
            if value is not None and value is not False and value is not UNSET:
                return f"{self.name}.{shown}"
        if isinstance(getattr(params, "approval_policy", None), Granular):
            return "askForApproval.granular"
        return None


class Pieces(NamedTuple):
    """Notifications that are pieces of one text when these members are equal: many may be said as one."""

    alike: tuple[str, ...]
    text: str = "delta"


class Newest(NamedTuple):
    """Notifications of which, when these members are equal, only the newest matters."""

    alike: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Notice(Generic[P]):
    """A notification the server may send. ``prefix`` is the encoded beginning of every such message.

    ``thinned``: how several become fewer for a client that does not keep up; those without it all arrive.
    """

    name: str
    params: type[P]
    thinned: Pieces | Newest | None = None
    prefix: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", b'{"method":' + encode(self.name) + b',"params":')


@dataclass(frozen=True, eq=False)
class Ask(Generic[P, R]):
    """A question the server may ask the subscribers of a thread; the first of them to answer decides.

    ``unclear``: what an answer means that is not to be understood, or an error unless ``refused`` says what that
    means. ``waits_for``: what the thread waits for meanwhile, as its status says. ``gated``: members only for clients
    with the ``experimentalApi`` capability. ``resolved``: all are told when it is over.
    """

    name: str
    params: type[P]
    result: type[R]
    unclear: R
    refused: R | None = None
    waits_for: Literal["approval", "input"] | None = None
    gated: tuple[str, ...] = ()
    resolved: bool = True
    prefix: bytes = field(init=False, repr=False)
    decoder: msgspec.json.Decoder[R] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", b'{"method":' + encode(self.name) + b',"id":')
        object.__setattr__(self, "decoder", msgspec.json.Decoder(self.result))
