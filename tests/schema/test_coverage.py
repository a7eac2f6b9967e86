"""Runs last: was all that we say and ask heard, and so held against the schema, in each version that knows it?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.schema.checked import schema
from tests.schema.generated import VERSIONS
from tests.schema.rows import UNHEARD
from tests.schema.unheard import unheard

CONVERSATIONS = Path(__file__).resolve().parents[1] / "conversations"

pytestmark = [pytest.mark.codex(*VERSIONS), pytest.mark.whole_session]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_answer_notification_and_question_was_heard_in_each_version_that_knows_it(
    version: str, request: pytest.FixtureRequest
) -> None:
    files = {item.path for item in request.session.items}
    if not files.issuperset(CONVERSATIONS.glob("test_*.py")) or request.config.option.keyword:
        pytest.skip("not all conversations were held in this session")
    known = schema(version)
    assert set(unheard(version)) == UNHEARD.keys() & (
        known.requests.keys() | known.notifications.keys() | known.asked.keys()
    )


def test_what_need_not_be_heard_has_a_reason() -> None:
    assert all(UNHEARD.values())
