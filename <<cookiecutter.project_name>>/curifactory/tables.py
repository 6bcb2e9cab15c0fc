"""What the command line prints of a run: its map, its outcome, tables."""

import itertools
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from .errors import counted
from .experiment import Run
from .record import Call

LEAST_WIDTH = 20
MAP_ROWS = 60
COMPARED_ARGSETS = 20
FAILURES_SHOWN = 3

Metrics = dict[tuple[str, str], dict[str, Any]]
"""What an argset came to, by stage and name: a value, and which end is the better."""
Given = tuple[str, ...]
"""What a table has beside metrics."""


def differing(texts: list[str]) -> list[str]:
    """Return texts without what all of them begin with, where that is long."""
    start = len(os.path.commonprefix(texts)) - 20
    is_long = start > 20 and len(set(texts)) > 1
    return [f"...{each[start:]}" for each in texts] if is_long else texts


def print_map(run: Run, *, is_whole: bool = False) -> None:
    """Print what would be done, and why; of very many rows the first."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for call, decision in run.decisions:
        row = call.stage.label, decision.kind, decision.reason
        rows.setdefault(row, []).append(call.label)
    lines = [
        (stage, kind, some(labels), reason)
        for (stage, kind, reason), labels in rows.items()
    ]
    shown = lines if is_whole else lines[:MAP_ROWS]
    print_table(("stage", "decision", "argsets", "why"), shown)
    if hidden := len(lines) - len(shown):
        print(f"... and {hidden:,} more rows, shown with --verbose")
    if run.manager.stopped_at:
        print(f"further calls are known after {run.manager.stopped_at}")
    counts = ", ".join(f"{kind} {number}" for kind, number in run.counts.items())
    print(f"\n{counted(len(run.decisions), 'call')}: {counts}")
    seconds = sum(decision.seconds for _, decision in run.decisions)
    if seconds >= 1:
        spent = timedelta(seconds=round(seconds))
        print(f"about {spent} of computing, judged by earlier runs")


def some(labels: Sequence[str]) -> str:
    """Name one of several."""
    return labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"


def print_summary(run: Run, debug: bool) -> None:
    """Print what became of a run: the comparison, failures, counts."""
    _print_comparison(run.manager.calls)
    failed = [call for call in run.manager.calls if call.status == "failed"]
    distinct: dict[Any, Call] = {}
    for call in failed:
        failure = call.failure
        distinct.setdefault((call.stage.name, failure.kind, failure.where), call)
    shown = list(distinct.values())[:FAILURES_SHOWN]
    folder = os.path.join(run.manager.folder or "", "output")
    for call in shown:
        _print_failure(call, folder, debug)
    if len(failed) > len(shown):
        print(
            f"{len(failed) - len(shown)} more failed, see the report", file=sys.stderr
        )
    if any(call.output and call.status == "computed" for call in run.manager.calls):
        print(f"what calls printed: {os.path.relpath(folder)}")
    counts = ", ".join(f"{kind}: {number}" for kind, number in run.counts.items())
    seconds = run.content["seconds"]
    print(f"{run.manager.name} {run.status}  {counts}  ({seconds:.1f} s)")
    if run.report is not None:
        print(f"report: {os.path.relpath(run.report)}")


def _print_failure(call: Call, folder: str, debug: bool) -> None:
    failure = call.failure
    label = ", ".join(each.snapshot.name for each in call.members[:3])
    print(f"{call.stage.label} {label} failed:", file=sys.stderr)
    shown = debug and failure.full or failure.traceback
    print(shown.rstrip(), file=sys.stderr)
    if failure.printed:
        path = os.path.relpath(os.path.join(folder, call.output))
        print(f"it had printed ({path}):", file=sys.stderr)
        print(failure.printed, file=sys.stderr)


def _print_comparison(calls: Sequence[Call]) -> None:
    """Print the metrics of each argset, the best of each column with a star."""
    rows: dict[str, Metrics] = {}
    over: list[str] = []
    for call in calls:
        metrics = call.trace.metrics if call.trace and call.is_done else {}
        if metrics and call.own.source is not None:
            found = {(call.stage.label, name): each for name, each in metrics.items()}
            rows.setdefault(call.label, {}).update(found)
        elif metrics:
            told = (f"{name} {each['value']:.4g}" for name, each in metrics.items())
            count = len({each.snapshot.name for each in call.members} - {"-"})
            several = counted(count, "argset")
            over.append(f"over {several}: {call.stage.label}  {', '.join(told)}")
    if rows:
        lines = [((label,), row, ()) for label, row in rows.items()]
        print_metrics((("argset",), ()), lines, COMPARED_ARGSETS, "see the report")
    for line in over[:COMPARED_ARGSETS]:
        print(line)
    if rows or over:
        print()


def print_metrics(
    head: tuple[Given, Given],
    rows: Sequence[tuple[Given, Metrics, Given]],
    most: int,
    elsewhere: str,
) -> None:
    """Print metrics between what else is known of argsets, the best ones with a star.

    Of more than `most` rows the first, and the best ones wherever they stand.
    """
    columns = list(dict.fromkeys(column for _, row, _ in rows for column in row))
    found = {c: [row[c] for _, row, _ in rows if c in row] for c in columns}
    best = {column: _best(metrics) for column, metrics in found.items()}
    exact = {c: digits(each["value"] for each in m) for c, m in found.items()}
    named: dict[str, list[Metrics]] = {}
    for before, row, _ in rows:
        named.setdefault(before[0], []).append(row)
    for several in (each for each in named.values() if len(each) > 1):
        for c in columns:
            values = [row[c]["value"] for row in several if c in row]
            exact[c] = _telling(values, exact[c])
    lines: list[tuple[str, ...]] = []
    for index, (before, row, after) in enumerate(rows):
        cells = [_cell(row.get(each), best[each], exact[each]) for each in columns]
        is_best = any(cell.endswith("*") for cell in cells)
        if index < most or (is_best and len(lines) < 2 * most):
            lines.append((*before, *cells, *after))
    names = headings(columns, (*head[0], *head[1]))
    table = [(*head[0], *names, *head[1]), *lines]
    fitting = min(max(count_fitting(table), len(head[0]) + 1), len(table[0]))
    print_table(table[0][:fitting], [line[:fitting] for line in lines])
    for left, what in (
        (len(table[0]) - fitting, "column"),
        (len(rows) - len(lines), head[0][0] if len(head[0]) == 1 else "row"),
    ):
        if left:
            print(f"... and {counted(left, f'more {what}')}, {elsewhere}")
    first, last = len(head[0]), min(fitting, len(head[0]) + len(columns))
    if any(cell.endswith("*") for line in lines for cell in line[first:last]):
        print("* the best of its column")


def headings(
    columns: Sequence[tuple[str, str]], taken: Sequence[str] = ()
) -> list[str]:
    """Return the names of metrics, with their stage where one is not clear by itself."""
    names = [*taken, *(name for _, name in columns)]
    return [n if names.count(n) == 1 else f"{stage}.{n}" for stage, n in columns]


def count_fitting(lines: Sequence[Sequence[str]]) -> int:
    """Return how many columns, two at least, the terminal is wide enough for."""
    widths = (max(map(len, column)) + 2 for column in zip(*lines, strict=True))
    ends = itertools.accumulate(widths)
    wide = _columns() or sys.maxsize
    return max(2, sum(end - 2 <= wide for end in ends))


def _best(found: Sequence[dict[str, Any]]) -> float | None:
    goal = common_goal(found)
    values = _finite(each["value"] for each in found)
    kinds = {each["value"] for each in found}
    is_one = sum(each == each for each in kinds) == 1  # nan is no value
    if not values or goal is None or is_one:
        return None
    return float(max(values) if goal == "max" else min(values))


def common_goal(found: Iterable[dict[str, Any]]) -> str | None:
    """Return which end of metrics is the better, `max` or `min`, where they agree."""
    goals = {each["goal"] for each in found} - {None}
    return goals.pop() if len(goals) == 1 else None


def digits(values: Iterable[float]) -> int:
    """Return how many digits tell finite numbers apart: four, or as many as it takes."""
    numbers = _finite(values)
    spread = max(numbers, default=0) / 2 - min(numbers, default=0) / 2  # no overflow
    if not spread:
        return 4
    shared = math.log10(max(map(abs, numbers))) - math.log10(spread * 2)
    return min(max(4, math.ceil(shared) + 1), 15)


def _telling(values: Iterable[float], least: int) -> int:
    """Return how many digits, from some on, tell all of a few numbers apart."""
    apart = set(_finite(values))
    texts = ({f"{each:.{n}g}" for each in apart} for n in range(least, 17))
    return next((n for n, t in enumerate(texts, least) if len(t) == len(apart)), 17)


def _finite(values: Iterable[float]) -> list[float]:
    return [each for each in values if abs(each) < float("inf")]


def _cell(metric: dict[str, Any] | None, best: float | None, exact: int) -> str:
    if metric is None:
        return "-"
    return f"{metric['value']:.{exact}g}" + ("*" if metric["value"] == best else "")


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as their content; on a terminal, the last one is folded."""
    lines = [tuple(head), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    fold = _folding(sum(widths[:-1]) + 2 * len(widths[:-1]))
    for line in lines:
        cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        print(fold("  ".join(cells).rstrip()))


def _columns() -> int:
    """Return how wide the terminal is; 0 where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def _folding(before: int) -> Callable[[str], str]:
    """Return what folds the last column of a table, which begins after some others."""
    import textwrap

    columns = _columns()
    if columns < before + LEAST_WIDTH:
        return str
    wrapper = textwrap.TextWrapper(columns - before, break_on_hyphens=False)

    def fold(line: str) -> str:
        parts = wrapper.wrap(line[before:]) if len(line) > columns else [line[before:]]
        return line[:before] + f"\n{' ' * before}".join(parts)

    return fold
