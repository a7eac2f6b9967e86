"""Which of our answers, notifications and questions no client has heard in this session, although its version knows
them."""

from __future__ import annotations

from protocol.asks import ASKS
from protocol.methods import METHODS
from protocol.notices import NOTICES
from tests.schema.checked import schema
from tests.schema.rows import RETIRED
from tests.schema.witness import seen
from tests.support import codex


def unheard(version: str) -> list[str]:
    """Names of methods never answered with a result, of notifications and questions never sent; none without the
    binary."""
    if codex.find(version) is None:
        return []
    known = schema(version)
    answered = [each.name for each in METHODS if each.name in known.requests or each.name in RETIRED]
    told = [each.name for each in NOTICES if each.name in known.notifications]
    asked = [each.name for each in ASKS if each.name in known.asked]
    return [name for name in (*answered, *told, *asked) if not seen[version, name]]
