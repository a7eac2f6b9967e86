"""Which of our answers and notifications no client has heard in this session, although its version knows them."""

from __future__ import annotations

from protocol.methods import METHODS
from protocol.notices import NOTICES
from tests.schema.checked import schema
from tests.schema.rows import RETIRED
from tests.schema.witness import seen
from tests.support import codex


def unheard(version: str) -> list[str]:
    """Names of methods never answered with a result and of notifications never sent; none without the binary."""
    if codex.find(version) is None:
        return []
    known = schema(version)
    answered = [each.name for each in METHODS if each.name in known.requests or each.name in RETIRED]
    told = [each.name for each in NOTICES if each.name in known.notifications]
    return [name for name in (*answered, *told) if not seen[version, name]]
