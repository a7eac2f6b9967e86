"""Reports as tables for people. Pure; knows no file and no flag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from protocol.usage import TokenUsageBreakdown
from rollout.findings import REPAIRABLE, UNREADABLE, KindCount, Report
from rollout.repair import Repair

_USAGE = ("input", "cached", "output", "reasoning", "total")


def whole(report: Report, done: Repair | None) -> str:
    """All that was found in one file."""
    parts = [f"{report.path}\n{_headline(report)}", kinds(report.kinds), _turns(report), findings(report)]
    return "\n\n".join(part for part in (*parts, repaired(done)) if part)


def short(report: Report, done: Repair | None) -> str:
    """What is wrong with one file of many."""
    return "\n".join(part for part in (report.path, findings(report), repaired(done)) if part)


def summary(reports: Sequence[Report], failures: int) -> str:
    """What many files hold together."""
    sick = sum(not report.is_healthy for report in reports)
    size = sum(report.bytes for report in reports)
    unread = f", {failures} cannot be read" if failures else ""
    head = f"{len(reports)} rollouts, {size:,} bytes; {sick} with findings{unread}"
    return f"{head}\n\n{kinds(together(reports))}"


def together(reports: Iterable[Report]) -> list[KindCount]:
    """The kinds of lines of many files."""
    sums: dict[str, KindCount] = {}
    for count in (count for report in reports for count in report.kinds):
        old = sums.get(count.kind)
        lines, size = (old.lines, old.bytes) if old else (0, 0)
        sums[count.kind] = KindCount(
            kind=count.kind, lines=lines + count.lines, bytes=size + count.bytes, known=count.known
        )
    return [sums[kind] for kind in sorted(sums)]


def kinds(counts: list[KindCount]) -> str:
    """How many lines of each kind, and their size."""
    strange = {count.kind for count in counts if not count.known} - {UNREADABLE}
    rows = [
        (count.kind + (" *" if count.kind in strange else ""), f"{count.lines:,}", f"{count.bytes:,}")
        for count in counts
    ]
    total = ("all", f"{sum(count.lines for count in counts):,}", f"{sum(count.bytes for count in counts):,}")
    note = "\n  * not known to this version" if strange else ""
    return table(("kind", "lines", "bytes"), [*rows, total], left=1) + note


def _turns(report: Report) -> str:
    rows = [
        (
            turn.turn_id,
            f"{turn.line:,}",
            turn.status + (" (rolled back)" if turn.rolled_back else ""),
            *_numbers(turn.usage),
        )
        for turn in report.turns
    ]
    if report.total is not None:
        rows.append(("all", "", "", *_numbers(report.total)))
    return table(("turn", "line", "status", *_USAGE), rows, left=1, also_left=2) if rows else ""


def _numbers(usage: TokenUsageBreakdown) -> tuple[str, ...]:
    counters = (
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.output_tokens,
        usage.reasoning_output_tokens,
        usage.total_tokens,
    )
    return tuple(f"{counter:,}" for counter in counters)


def findings(report: Report) -> str:
    """What was found, line by line, and how much more of each kind there is."""
    rows = [(f"line {found.line:,}" if found.line else "file", found.kind, found.text) for found in report.findings]
    shown = {kind: sum(found.kind == kind for found in report.findings) for kind in report.counts}
    rows += [("…", kind, f"{more:,} more") for kind, count in report.counts.items() if (more := count - shown[kind])]
    if not rows:
        return "  nothing to find fault with"
    hint = "\n  --repair mends some of this" if not REPAIRABLE.isdisjoint(report.counts) else ""
    return table(None, rows, left=3) + hint


def repaired(done: Repair | None) -> str:
    """What a repair did."""
    if done is None:
        return ""
    return (
        f"  repaired: lines cut apart: {done.split}, fragments left out: {done.dropped} ({done.dropped_bytes:,} bytes)"
        f"\n  original:  {done.kept}"
    )


def _headline(report: Report) -> str:
    form = "paginated" if report.paginated else "legacy form"
    return f"  thread {report.thread_id or 'unknown'}, {report.lines:,} lines, {report.bytes:,} bytes, {form}"


def table(
    head: tuple[str, ...] | None, rows: Sequence[tuple[str, ...]], *, left: int, also_left: int | None = None
) -> str:
    """Aligned columns: the first ``left`` and the one at ``also_left`` to the left, others to the right."""
    everything = [*([head] if head else []), *rows]
    widths = [max(len(row[at]) for row in everything) for at in range(len(everything[0]))]

    def cell(at: int, text: str) -> str:
        return text.ljust(widths[at]) if at < left or at == also_left else text.rjust(widths[at])

    return "\n".join("  " + "  ".join(cell(at, text) for at, text in enumerate(row)).rstrip() for row in everything)
