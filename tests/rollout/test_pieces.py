"""Damaged lines, cut into what is whole and what is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.pieces import Piece, split

A = b'{"timestamp":"T1","type":"event_msg","payload":{"type":"x","text":"a}{b"}}'
B = b'{"timestamp":"T2","ordinal":7,"type":"compacted","payload":{"message":"{\\"timestamp\\":1}"}}'


def whole(content: bytes) -> Piece:
    return Piece(content, whole=True)


def fragment(content: bytes) -> Piece:
    return Piece(content, whole=False)


@pytest.mark.parametrize(
    ("raw", "pieces"),
    [
        (b"", []),
        (b" \r\n", []),
        (A + b"\n", [whole(A)]),
        (b'{"any":"object"}', [whole(b'{"any":"object"}')]),
        (A + B + b"\n", [whole(A), whole(B)]),
        (A + b" \r " + B, [whole(A), whole(B)]),
        (A[:30] + B, [fragment(A[:30]), whole(B)]),
        (A + B[:30], [whole(A), fragment(B[:30])]),
        (A[:30] + B + A[30:], [fragment(A[:30]), whole(B), fragment(A[30:])]),
        (A + b"X" + B, [whole(A), fragment(b"X"), whole(B)]),
        (b"\0" * 9 + A, [fragment(b"\0" * 9), whole(A)]),
        (A[:40] + b"\xff\n", [fragment(A[:40] + b"\xff")]),
        (A.replace(b"a}", b"\xff") + B, [fragment(A.replace(b"a}", b"\xff")), whole(B)]),
        (b"[1,2]", [fragment(b"[1,2]")]),
        (b"12", [fragment(b"12")]),
        (b'{"timestamp":"T","type":"x","payload":NaN}', [fragment(b'{"timestamp":"T","type":"x","payload":NaN}')]),
        (b'{"a":' * 9_999, [fragment(b'{"a":' * 9_999)]),
    ],
)
def test_a_line_is_cut_where_objects_meet(raw: bytes, pieces: list[Piece]) -> None:
    assert split(raw) == pieces


def test_an_object_within_a_damaged_one_is_no_line() -> None:
    nested = b'{"timestamp":"T","type":"event_msg","payload":{"arguments":%b}}' % A
    assert split(nested[:-1]) == [fragment(nested[:-1])]
    assert split(b"X" + nested) == [fragment(b"X"), whole(nested)]


LINES = st.builds(
    lambda text, kind: json.dumps({"timestamp": "T", "type": kind, "payload": {"text": text}}).encode(),
    st.text(max_size=20),
    st.sampled_from(["event_msg", "compacted"]),
)


@given(st.lists(LINES, min_size=1, max_size=4))
def test_glued_lines_come_apart_again(lines: list[bytes]) -> None:
    assert split(b"".join(lines)) == [whole(line) for line in lines]


@given(LINES, LINES, st.data())
def test_a_line_glued_to_half_of_another_is_found(torn: bytes, line: bytes, data: st.DataObject) -> None:
    kept = torn[: data.draw(st.integers(1, len(torn) - 1))]
    assert split(kept + line) == [fragment(kept.rstrip()), whole(line)]


@given(st.binary(max_size=60))
def test_no_byte_of_any_line_is_lost(raw: bytes) -> None:
    pieces = split(raw.replace(b"\n", b""))
    blanks = b" \t\r\n"
    assert b"".join(piece.content for piece in pieces).translate(None, blanks) == raw.translate(None, blanks)
