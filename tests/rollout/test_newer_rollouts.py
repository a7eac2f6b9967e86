"""Rollouts that 0.169.0 wrote: we must tell of them what it tells itself (``v0_169/told.json``)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from protocol.wire import encode
from rollout import fork, reader
from rollout.boundaries import is_contextual_user
from rollout.catalog import Catalog, Query
from rollout.fold import fold
from rollout.history import present
from rollout.lines import SessionMeta
from rollout.paginated import stored_item
from rollout.paths import Home
from rollout.prompt import build
from rollout.reader import RolloutError
from rollout.summary import ThreadSummary
from tests.support.rollouts import thread_id

SAMPLES = Path(__file__).parent / "v0_169"
TOLD: dict[str, Any] = json.loads((SAMPLES / "told.json").read_bytes())
NOW = "2026-11-23T12:00:00.000Z"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with all of them."""
    day = tmp_path / "sessions" / "2026" / "11" / "22"
    day.mkdir(parents=True)
    for sample in SAMPLES.glob("*.jsonl"):
        shutil.copy(sample, day)
    return Home(tmp_path)


def find(home: Home, name: str) -> Path:
    catalog = Catalog(home)
    path = catalog.find(TOLD[name]["thread"]["id"])
    catalog.close()
    assert path is not None
    return path


def turns(path: Path) -> list[dict[str, Any]]:
    """As clients see them."""
    shown: list[dict[str, Any]] = json.loads(encode(present(fold(path).history.turns(), active=False)))
    return shown


def members(told: Any) -> Any:
    """Without what is absent or null: to a client that is the same."""
    if isinstance(told, dict):
        return {name: members(value) for name, value in told.items() if value not in (None, [])}
    return [members(each) for each in told] if isinstance(told, list) else told


@pytest.mark.parametrize("name", TOLD)
def test_its_turns_are_told_as_it_tells_them(home: Home, name: str) -> None:
    assert members(turns(find(home, name))) == members(TOLD[name]["turns"])


@pytest.mark.parametrize("name", TOLD)
def test_its_threads_are_told_as_it_tells_them(home: Home, name: str) -> None:
    catalog = Catalog(home)
    summary = json.loads(encode(replace(catalog.summary(find(home, name)), path="")))
    catalog.close()
    snake = {"sessionId": "session_id", "forkedFromId": "forked_from_id", "parentThreadId": "parent_thread_id"}
    snake |= {"historyMode": "history_mode", "reasoningEffort": "reasoning_effort"}
    told = {member: summary[snake.get(member, member)] for member in TOLD[name]["thread"]}
    assert told == TOLD[name]["thread"]


def said(item: dict[str, Any]) -> list[str]:
    if item["type"] == "message":
        return [item["role"], "".join(part.get("text", "<image>") for part in item["content"])]
    return [item["type"], item.get("name") or item.get("output") or ""]


@pytest.mark.parametrize("name", [name for name, told in TOLD.items() if "input" in told])
def test_the_model_is_told_the_same(home: Home, name: str) -> None:
    items = build(reader.entries(find(home, name))).items
    kept = [item for item in items if not is_contextual_user(item) and item.get("role") != "developer"]
    told = [each for each in TOLD[name]["input"] if not each[1].startswith("<turn_aborted>")]
    assert [each for each in map(said, kept) if not each[1].startswith("<permissions")] == told


@pytest.mark.parametrize("name", TOLD)
def test_a_fork_holds_all_of_it(home: Home, name: str) -> None:
    source = find(home, name)
    survey = fork.survey(source)
    copy = home.sessions / f"rollout-2026-11-23T12-00-00-{thread_id(9)}.jsonl"
    fork.write(survey, SessionMeta(**_meta(thread_id(9))), copy, NOW)
    before = build(reader.entries(source)).items
    kinds = [[item["type"] for item in turn["items"]] for turn in turns(copy)]
    assert kinds == [[item["type"] for item in turn["items"]] for turn in turns(source)]
    assert fold(copy).usage.info == fold(source).usage.info
    assert [said(item) for item in build(reader.entries(copy)).items] == [said(item) for item in before]
    assert strange(copy) == strange(source), "what we do not know ourselves is kept"


def _meta(new_id: str) -> dict[str, Any]:
    return {"id": new_id, "timestamp": NOW, "cwd": "/", "originator": "tests", "cli_version": "0"}


def strange(path: Path) -> list[Any]:
    lines = [json.loads(raw) for raw in reader.all_lines(path)]
    return [line["payload"] for line in lines if line["type"] in ("world_state", "token_usage_record")]


def test_the_file_in_which_a_thread_goes_on_is_the_thread(home: Home) -> None:
    """Turns were taken back there: the older file still holds them."""
    catalog = Catalog(home)
    of = TOLD["revert"]["thread"]["id"]
    listed = [thread for thread in _all(catalog) if thread.id == of]
    catalog.close()
    assert [thread.path.name.count("_") for thread in listed] == [1]
    assert listed[0].preview == "one", "what was said first stands in the older file"


def _all(catalog: Catalog) -> list[ThreadSummary]:
    return catalog.list(Query(limit=100)).threads


def test_a_rollout_that_goes_on_a_missing_one_is_listed_and_not_read(home: Home) -> None:
    path = find(home, "fork")
    find(home, "misc").unlink()
    catalog = Catalog(home)
    assert [thread.preview for thread in _all(catalog) if thread.path == path] == ["in fork"]
    catalog.close()
    with pytest.raises(RolloutError, match="which is not there"):
        fold(path)


def test_a_rollout_may_go_on_an_archived_one(home: Home) -> None:
    source = find(home, "misc")
    home.archived.mkdir()
    source.rename(home.archived / source.name)
    assert members(turns(find(home, "fork"))) == members(TOLD["fork"]["turns"])


# What 0.169.0 made of items that were put before it, for kinds that need more than a model to come about.
PUT: list[tuple[dict[str, Any], dict[str, Any]]] = json.loads((SAMPLES / "items.json").read_bytes())


@pytest.mark.parametrize(("stored", "shown"), PUT, ids=[f"{stored['type']}-{stored['id']}" for stored, _ in PUT])
def test_an_item_is_shown_as_it_shows_it(stored: dict[str, Any], shown: dict[str, Any]) -> None:
    found = stored_item({"turn_id": "t", "thread_id": "h", "item": stored})
    assert found is not None
    assert members(json.loads(encode(found.item))) == members(shown)
