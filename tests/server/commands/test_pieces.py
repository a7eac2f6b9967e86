"""Output as it is told: whole characters, bounded pieces, and of a flood only a part."""

from __future__ import annotations

from server.commands.pieces import A_SECOND, AT_ONCE, LONGEST, Pieces


def test_no_character_is_cut_and_no_piece_is_long() -> None:
    told: list[str] = []
    pieces = Pieces(told.append)
    text = "ä" * LONGEST
    for byte in text.encode():
        pieces.add(bytes((byte,)))
    pieces.add(text.encode() * 2)
    pieces.end()
    assert "".join(told) == text * 3
    assert max(len(each.encode()) for each in told) <= LONGEST


def test_of_a_flood_so_much_a_second_is_told_and_a_note_says_what_is_missing() -> None:
    told: list[str] = []
    now = 0.0
    pieces = Pieces(told.append, lambda: now)
    for _ in range(10 * AT_ONCE // LONGEST):
        pieces.add(b"x" * LONGEST)
    assert sum(map(len, told)) == AT_ONCE
    now = 1.0
    for _ in range(10 * A_SECOND // LONGEST):
        pieces.add(b"y" * LONGEST)
    later = "".join(told)[AT_ONCE:]
    assert later.startswith(f"\n[… {9 * AT_ONCE} characters of the flood are not shown …]\ny")
    assert later.count("y") == A_SECOND
    now = 1000.0
    pieces.add(b"end")
    assert told[-2].endswith("…]\n")
    assert told[-1] == "end"
