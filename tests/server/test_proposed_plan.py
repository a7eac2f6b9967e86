"""Plans in what a model says: tags on lines of their own, however the text is cut into pieces."""

from hypothesis import example, given
from hypothesis import strategies as st

from server.engine.proposed_plan import CLOSING, OPENING, PlanParser, split

WORDS = [OPENING, CLOSING, OPENING + "\n", CLOSING + "\n", "\n", "\r\n", " ", "\t", "<", "<prop", "a", "b\n"]


def streamed(text: str, cuts: list[int]) -> tuple[str, str, bool]:
    """What the parts of a streamed text add up to: around plans, in plans, and whether a plan was opened."""
    parser = PlanParser()
    ends = [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    parts = [part for begin, end in zip([0, *ends], ends, strict=False) for part in parser.feed(text[begin:end])]
    parts += parser.finish()
    assert all(part.opens != bool(part.text) for part in parts)
    assert (parser.said, parser.plan) == (split(text).said, split(text).plan)
    around, inside = ("".join(part.text for part in parts if part.in_plan is where) for where in (False, True))
    return around, inside, any(part.opens for part in parts)


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.lists(st.integers(0, 200), max_size=20))
@example([" ", OPENING, " ", "\n", "a", "\n", CLOSING], list(range(60)))
def test_every_cut_of_a_text_gives_the_same(words: list[str], cuts: list[int]) -> None:
    text = "".join(words)
    assert streamed(text, cuts) == streamed(text, [])
    around, _, opened = streamed(text, cuts)
    assert (around, opened) == (split(text).said, split(text).plan is not None)


def test_a_plan_stands_between_lines_that_are_only_tags() -> None:
    found = split(f"Before\n  {OPENING} \n- a\n\n{CLOSING}\nafter")
    assert (found.said, found.plan) == ("Before\nafter", "- a\n\n")


def test_tags_inside_a_line_are_text() -> None:
    text = f"see {OPENING} and {CLOSING}\n{CLOSING}\n{OPENING}x\n"
    assert (split(text).said, split(text).plan) == (text, None)


def test_an_open_plan_ends_with_the_message_and_a_later_one_replaces_it() -> None:
    assert split(f"{OPENING}\none\n{CLOSING}\n{OPENING}\n{OPENING}\ntwo").plan == f"{OPENING}\ntwo"
    assert split(f"{OPENING}\n{CLOSING}").plan == ""


def test_what_is_no_tag_is_said_at_once() -> None:
    parser = PlanParser()
    assert [part.text for part in parser.feed("Hel")] == ["Hel"]
    assert [part.text for part in parser.feed("lo <prop")] == ["lo <prop"]
    assert parser.feed("\n<prop") != []
    assert parser.feed("osed") == []
    assert [part.text for part in parser.feed("!")] == ["<proposed!"]
