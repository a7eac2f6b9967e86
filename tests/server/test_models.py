"""The picker and what the engine knows of a slug."""

from __future__ import annotations

import pytest

from server.models import default_slug, list_models, metadata


@pytest.mark.parametrize("provider_id", ["openai", "offline", "ollama", "lmstudio", "mine"])
@pytest.mark.parametrize("configured", [None, "gpt-5.4", "offline", "my-model"])
def test_the_list_has_exactly_one_default_and_no_model_twice(provider_id: str, configured: str | None) -> None:
    rows = list_models(provider_id, configured)
    assert [row.id for row in rows if row.is_default] == [configured or default_slug(provider_id)]
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert row.default_reasoning_effort in {option.reasoning_effort for option in row.supported_reasoning_efforts}


def test_the_offline_model_is_offered_only_by_the_offline_provider() -> None:
    assert [row.id for row in list_models("offline")] == ["offline"]
    assert "offline" not in [row.id for row in list_models("openai")]


def test_a_configured_model_that_nobody_knows_comes_first() -> None:
    first = list_models("openai", "my-model")[0]
    assert (first.id, first.is_default, first.input_modalities) == ("my-model", True, ["text", "image"])


def test_known_models_have_the_usual_window() -> None:
    known = metadata("gpt-5.4")
    assert (known.context_window, known.effective_window) == (272_000, 258_400)
    assert (known.known, known.parallel_tool_calls, known.verbosity) == (True, True, "low")
    assert (known.default_effort, known.supports_reasoning_summaries) == ("xhigh", True)


def test_unknown_models_fall_back_to_little() -> None:
    unknown = metadata("my-model")
    assert (unknown.context_window, unknown.effective_window) == (272_000, 258_400)
    assert (unknown.known, unknown.parallel_tool_calls, unknown.verbosity) == (False, False, None)
    assert (unknown.default_effort, unknown.supports_reasoning_summaries) == (None, False)
    assert metadata("my-model", reasoning=True).supports_reasoning_summaries


@pytest.mark.parametrize(
    ("slug", "configured", "window"),
    [
        ("gpt-5.4", 100_000, 100_000),
        ("gpt-5.4", 1_000_000, 272_000),
        ("my-model", 1_000_000, 1_000_000),
        ("my-model", 0, 272_000),
        ("my-model", -5, 272_000),
    ],
)
def test_a_configured_window_cannot_exceed_that_of_a_known_model(slug: str, configured: int, window: int) -> None:
    assert metadata(slug, configured).context_window == window
