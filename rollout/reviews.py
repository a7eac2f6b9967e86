"""What a review found: out of the reviewer's words, as rollouts keep it, and as people read it. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from protocol.wire import Record


class Lines(Record):
    """The first and the last line of a place; they count from 1."""

    start: int
    end: int


class Place(Record):
    """Where in the code."""

    absolute_file_path: str
    line_range: Lines


class Finding(Record):
    """One thing that the author should know. ``priority`` from 0, the most urgent; ``confidence_score`` up to 1."""

    title: str
    body: str = ""
    confidence_score: float = 0.0
    priority: int | None = None
    code_location: Place | None = None


class Review(Record):
    """All that a reviewer says."""

    findings: list[Finding] = []
    overall_correctness: str = ""
    overall_explanation: str = ""
    overall_confidence_score: float = 0.0


def read(text: str) -> dict[str, Any]:
    """The review in an answer: the JSON that it is or holds, else the answer as the explanation. In stored form."""
    begin, end = text.find("{"), text.rfind("}")
    for candidate in (text, text[begin : end + 1] if 0 <= begin < end else ""):
        try:
            return _stored(msgspec.json.decode(candidate, type=Review))
        except (msgspec.DecodeError, RecursionError):  # of which a ValidationError is one
            continue
    return _stored(Review(overall_explanation=text.strip()))


def _stored(review: Review) -> dict[str, Any]:
    stored: dict[str, Any] = msgspec.to_builtins(review)
    return stored


def render(output: dict[str, Any] | None) -> str:
    """The review as text: the explanation, then the findings with their places; empty if it says nothing."""
    try:
        review = msgspec.convert(output or {}, Review)
    except msgspec.ValidationError:  # of another program; what it says in words is understood
        return str((output or {}).get("overall_explanation") or "").strip()
    count = len(review.findings)
    heading = [] if count == 0 else ["1 finding:"] if count == 1 else [f"{count} findings:"]
    explanation = [review.overall_explanation.strip()] if review.overall_explanation.strip() else []
    return "\n\n".join([*explanation, *heading, *map(_finding, review.findings)])


def _finding(finding: Finding) -> str:
    where = ""
    if (place := finding.code_location) is not None:
        where = f" ({place.absolute_file_path}:{place.line_range.start}-{place.line_range.end})"
    body = "".join(f"\n  {line}".rstrip(" ") for line in finding.body.strip().splitlines())
    return f"- {finding.title.strip()}{where}{body}"
