"""Which models there are: the rows of the picker, and what the engine must know of a slug.

Owns: the catalogue and the fallback for slugs it does not know. Must not know: configuration files, providers' wires,
threads.
"""

from __future__ import annotations

from protocol.model import Model, ReasoningEffortOption
from protocol.turn import ReasoningEffort
from protocol.wire import Record
from server.providers.settings import OFFLINE

OFFLINE_MODEL = "offline"

CONTEXT_WINDOW = 272_000
EFFECTIVE_PERCENT = 95

_EFFORT_WORDS: dict[ReasoningEffort, str] = {
    "none": "Answers without thinking first",
    "minimal": "Thinks as little as possible",
    "low": "Thinks briefly and answers fast",
    "medium": "Weighs speed against depth; right for most work",
    "high": "Takes its time for hard problems",
    "xhigh": "Takes all the time it wants for the hardest problems",
}


class ModelMetadata(Record):
    """What a turn needs to know of its model. Windows in tokens; ``effective_window`` is what clients see as
    ``modelContextWindow``. ``verbosity`` null: the model has no such knob. ``output_limit`` bounds one tool output, in
    bytes. ``known`` false: these are the fallback values, and a turn should warn. ``images`` false: it takes
    none; a model that we do not know may take them, as clients assume too."""

    slug: str
    context_window: int
    effective_window: int
    supports_reasoning_summaries: bool
    default_effort: ReasoningEffort | None
    verbosity: str | None
    parallel_tool_calls: bool
    freeform_apply_patch: bool
    output_limit: int
    known: bool
    images: bool = True


class _Row(Record):
    """One entry of the catalogue."""

    slug: str
    name: str
    description: str
    efforts: tuple[ReasoningEffort, ...] = ("low", "medium", "high", "xhigh")
    default_effort: ReasoningEffort = "medium"
    images: bool = True
    fast_tier: bool = False
    verbosity: str | None = "low"


# Slugs, efforts, tiers and defaults: developers.openai.com/codex/models, and model/list of the peer 0.125.0.
_OPENAI_ROWS = (
    _Row(
        slug="gpt-5.5", name="GPT-5.5", description="The strongest choice for long and difficult work.", fast_tier=True
    ),
    _Row(
        slug="gpt-5.4",
        name="GPT-5.4",
        description="A dependable all-rounder for programming.",
        default_effort="xhigh",
        fast_tier=True,
    ),
    _Row(slug="gpt-5.4-mini", name="GPT-5.4 mini", description="Quick and cheap, for small and well-defined tasks."),
    _Row(slug="gpt-5.3-codex", name="GPT-5.3 Codex", description="Trained for programming with tools."),
    _Row(slug="gpt-5.2", name="GPT-5.2", description="An earlier general model, for long-running jobs."),
)
_OFFLINE_ROW = _Row(
    slug=OFFLINE_MODEL,
    name="Offline",
    description="Built in and not intelligent: streams fixed answers so that the server can be tried without a key.",
    images=False,
    verbosity=None,
)
_BY_SLUG = {row.slug: row for row in (*_OPENAI_ROWS, _OFFLINE_ROW)}

# The local servers' own suggestions for a first model.
_DEFAULT_SLUGS = {OFFLINE: OFFLINE_MODEL, "ollama": "gpt-oss:20b", "lmstudio": "openai/gpt-oss-20b"}


def default_slug(provider_id: str) -> str:
    """The model a thread gets when none is configured."""
    return _DEFAULT_SLUGS.get(provider_id, _OPENAI_ROWS[0].slug)


def list_models(provider_id: str, configured: str | None = None) -> list[Model]:
    """The rows of ``model/list``: never empty, exactly one default.

    A ``configured`` slug that this provider's rows lack gets a row of its own, in front.
    """
    default = configured or default_slug(provider_id)
    rows = list(_offered(provider_id))
    if default not in {row.slug for row in rows}:
        rows.insert(0, _BY_SLUG.get(default) or _unlisted(default))
    return [_model(row, is_default=row.slug == default) for row in rows]


def metadata(slug: str, window: int | None = None, reasoning: bool | None = None) -> ModelMetadata:
    """What is known of a slug, or the fallback (spec, turns 3.1; the peer reports 258400 of 272000).

    ``window`` is the configured context window in tokens; it cannot exceed what a known model has. ``reasoning`` true
    declares that the model takes reasoning settings although we do not know it.
    """
    row = _BY_SLUG.get(slug)
    raw = CONTEXT_WINDOW if not window or window < 0 else min(window, CONTEXT_WINDOW) if row else window
    return ModelMetadata(
        slug=slug,
        context_window=raw,
        effective_window=raw * EFFECTIVE_PERCENT // 100,
        supports_reasoning_summaries=row is not None or bool(reasoning),
        default_effort=row.default_effort if row else None,
        verbosity=row.verbosity if row else None,
        parallel_tool_calls=row is not None,
        freeform_apply_patch=row is not None and slug != OFFLINE_MODEL,
        output_limit=40_000 if row else 10_000,
        known=row is not None,
        images=row is None or row.images,
    )


def _offered(provider_id: str) -> tuple[_Row, ...]:
    if provider_id == OFFLINE:
        return (_OFFLINE_ROW,)
    return () if provider_id in _DEFAULT_SLUGS else _OPENAI_ROWS


def _unlisted(slug: str) -> _Row:
    return _Row(slug=slug, name=slug, description="Set in the configuration; nothing more is known of it.")


def _model(row: _Row, *, is_default: bool) -> Model:
    return Model(
        id=row.slug,
        model=row.slug,
        display_name=row.name,
        description=row.description,
        supported_reasoning_efforts=[
            ReasoningEffortOption(reasoning_effort=effort, description=_EFFORT_WORDS[effort]) for effort in row.efforts
        ],
        default_reasoning_effort=row.default_effort,
        input_modalities=["text", "image"] if row.images else ["text"],
        supports_personality=False,
        additional_speed_tiers=["fast"] if row.fast_tier else [],
        is_default=is_default,
    )
