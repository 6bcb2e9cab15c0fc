"""Figures from single runs: medians, ratios within rounds, growth."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

Key = tuple[str, str, int]


@dataclass(frozen=True)
class Result:
    """One run of one tool."""

    tool: str
    scenario: str
    count: int
    repeat: int
    wall: float
    cpu: float
    memory: int
    files: int = 0
    size: int = 0
    occupied: int = 0


def medians(results: Iterable[Result], what: str) -> dict[Key, float]:
    found: dict[Key, list[float]] = {}
    for each in results:
        key = each.tool, each.scenario, each.count
        found.setdefault(key, []).append(getattr(each, what))
    return {key: median(values) for key, values in found.items()}


def ratio(results: Sequence[Result], key: Key, other: str) -> float | None:
    """Return the median over the rounds of the ratio to another tool in that round."""
    tool, scenario, count = key
    walls = {
        (each.tool, each.repeat): each.wall
        for each in results
        if (each.scenario, each.count) == (scenario, count)
    }
    found = [
        wall / walls[other, repeat]
        for (name, repeat), wall in walls.items()
        if name == tool and (other, repeat) in walls
    ]
    return median(found) if found else None


def exponent(n: float, first: float, m: float, second: float) -> float:
    """Return the power of N with which a figure grows."""
    return math.log(second / first) / math.log(m / n)


def rows(results: Sequence[Result]) -> Iterator[dict]:
    """Yield what the table shows of each tool, scenario and N."""
    figures = {
        what: medians(results, what)
        for what in ("wall", "cpu", "memory", "files", "size", "occupied")
    }
    for key in figures["wall"]:
        tool, scenario, count = key
        same = [
            each for each in results if (each.tool, each.scenario, each.count) == key
        ]
        row = {"tool": tool, "scenario": scenario, "n": count, "rounds": len(same)}
        row |= {what: values[key] for what, values in figures.items()}
        row["to_plain"] = ratio(results, key, "plain")
        row["to_joblib"] = ratio(results, key, "joblib")
        smaller = [
            n
            for (t, s, n) in figures["wall"]
            if (t, s) == (tool, scenario) and 0 < n < count
        ]
        if smaller:
            n = max(smaller)
            first = figures["wall"][tool, scenario, n]
            row["exponent"] = exponent(n, first, count, row["wall"])
            row["exponent_from"] = n
        yield row
