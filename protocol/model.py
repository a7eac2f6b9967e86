"""Models on offer, collaboration modes and experimental features."""

from __future__ import annotations

from typing import Any

import msgspec

from protocol.turn import ModeKind, ReasoningEffort
from protocol.wire import Count, Wire


class ReasoningEffortOption(Wire):
    """One effort a model knows, in words for a picker."""

    reasoning_effort: ReasoningEffort
    description: str


class ModelServiceTier(Wire):
    """One way of being served, in words for a picker."""

    id: str
    name: str
    description: str


class Model(Wire):
    """One model of the picker."""

    id: str
    model: str
    upgrade: str | None = None
    upgrade_info: Any = None
    availability_nux: Any = None
    display_name: str
    description: str
    hidden: bool = False
    supported_reasoning_efforts: list[ReasoningEffortOption]
    default_reasoning_effort: ReasoningEffort
    input_modalities: list[str]
    supports_personality: bool = False
    model_specialty: str | None = None
    multi_agent_version: str | None = None
    additional_speed_tiers: list[str] = []
    service_tiers: list[ModelServiceTier] = []
    default_service_tier: str | None = None
    available_access_programs: Any = None
    is_default: bool


class ModelListParams(Wire):
    """A page of the models of a provider; null: of the configured one."""

    model_provider: str | None = None
    cursor: str | None = None
    limit: Count | None = None
    include_hidden: bool | None = None


class ModelListResponse(Wire):
    """Never empty."""

    data: list[Model]
    next_cursor: str | None


class CollaborationModeMask(Wire):
    """A mode and what it would set; ``reasoning_effort`` keeps its snake_case name on the wire."""

    name: str
    mode: ModeKind | None
    model: str | None
    reasoning_effort: ReasoningEffort | None = msgspec.field(name="reasoning_effort")


class CollaborationModeListResponse(Wire):
    """The modes a client may offer."""

    data: list[CollaborationModeMask]


class PageParams(Wire):
    """A page of something small, as a thread sees it or as it is for all."""

    thread_id: str | None = None
    cursor: str | None = None
    limit: Count | None = None


class EmptyPage(Wire):
    """A list that has nothing in it."""

    data: list[Any] = []
    next_cursor: str | None = None
