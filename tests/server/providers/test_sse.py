"""Server-sent events: however the bytes are cut, the same data comes out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.providers.sse import EventSplitter


def split(*chunks: bytes) -> list[bytes]:
    splitter = EventSplitter()
    return [data for chunk in chunks for data in splitter.feed(chunk)] + splitter.end()


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"data: one\n\ndata:two\n\n", [b"one", b"two"]),
        (b"event: x\nid: 7\ndata: one\n\n", [b"one"]),
        (b": a comment\n\ndata: one\n\n", [b"one"]),
        (b"data: one\ndata: two\n\n", [b"one\ntwo"]),
        (b"data: one\r\n\r\ndata: two\r\n\r\n", [b"one", b"two"]),
        (b"data: one\r\rdata: two\r\r", [b"one", b"two"]),
        (b"data: one\n\ndata: without a blank line", [b"one", b"without a blank line"]),
        (b"\n\n\n", []),
        (b"event: lonely\n\n", []),
    ],
)
def test_data_is_what_remains_of_an_event(stream: bytes, data: list[bytes]) -> None:
    assert split(stream) == data


@given(st.sampled_from([b"\n", b"\r\n", b"\r"]), st.data())
def test_the_cuts_between_chunks_do_not_matter(newline: bytes, data: st.DataObject) -> None:
    stream = newline.join(
        [b"event: a", b'data: {"x": 1}', b"", b": ping", b"", b"data: y", b"data: z", b"", b"data: w"]
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    chunks = [stream[start:end] for start, end in pairwise([0, *cuts, len(stream)])]
    assert split(*chunks) == [b'{"x": 1}', b"y\nz", b"w"]
