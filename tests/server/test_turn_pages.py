"""Pages of turns: no turn is lost or told twice, in either direction, from any place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.turn import Turn
from server.threads.turn_pages import InvalidCursor, page


def turns(count: int) -> list[Turn]:
    return [Turn(id=f"t{number}", items=[], status="completed") for number in range(count)]


@given(st.integers(0, 12), st.integers(1, 5), st.booleans())
def test_pages_add_up_to_all_turns_in_either_direction(count: int, limit: int, descending: bool) -> None:
    known, found, cursor = turns(count), list[Turn](), None
    while True:
        each = page(known, cursor, limit, descending=descending)
        found += each.turns
        cursor = each.next_cursor
        if cursor is None:
            break
        assert len(each.turns) == limit
    assert found == (known[::-1] if descending else known)


@given(st.integers(1, 12), st.integers(1, 5), st.data())
def test_going_back_begins_with_the_turn_at_which_one_turned(count: int, limit: int, data: st.DataObject) -> None:
    known = turns(count)
    at = data.draw(st.integers(0, count - 1))
    cursor = json.dumps({"turnId": f"t{at}", "includeAnchor": True})
    there = page(known, cursor, limit, descending=False)
    assert there.turns == known[at : at + limit]
    assert there.backwards_cursor is not None
    back = page(known, there.backwards_cursor, limit, descending=True)
    assert back.turns == known[max(0, at + 1 - limit) : at + 1][::-1]


def test_cursors_are_json_that_names_a_turn() -> None:
    found = page(turns(3), None, 2, descending=True)
    assert found.next_cursor == '{"turnId":"t1","includeAnchor":false}'
    assert found.backwards_cursor == '{"turnId":"t2","includeAnchor":true}'


def test_after_the_last_turn_there_is_an_empty_page() -> None:
    assert page(turns(2), '{"turnId":"t0","includeAnchor":false}', 5, descending=True) == ([], None, None)


@pytest.mark.parametrize("cursor", ["", "t1", "{}", "[]", '{"turnId":"t1"}', '{"turnId":1,"includeAnchor":true}', "{"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor) as raised:
        page(turns(2), cursor, 5, descending=True)
    assert str(raised.value) == cursor


def test_a_cursor_at_a_turn_that_is_gone_is_refused() -> None:
    with pytest.raises(InvalidCursor, match="anchor turn is no longer present"):
        page(turns(2), '{"turnId":"t7","includeAnchor":false}', 5, descending=True)


def test_a_thread_without_turns_has_an_empty_page_whatever_the_cursor() -> None:
    assert page([], "nonsense", 5, descending=False) == ([], None, None)
