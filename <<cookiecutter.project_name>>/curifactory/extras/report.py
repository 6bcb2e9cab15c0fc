"""HTML report of a finished run: one self-contained page that compares argsets."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from jinja2 import Environment

Data = dict[str, Any]
Point = tuple[float, float]
TEMPLATE = Path(__file__).with_name("report.html.j2")
STATUSES = ("failed", "computed", "skipped", "reused")
ROWS = 1_000  # of one table; the rest stays in run.json
ITEMS = 200  # reportables of one stage
PAGE_BYTES = 30_000_000  # of embedded reportables
IMAGES = {".png": "png", ".svg": "svg+xml", ".jpg": "jpeg", ".gif": "gif"}


def write(run: Data, cache: Path, target: Path) -> Path:
    """Write the report of `run` to `target/index.html`."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(text=text, duration=duration)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    calls = sorted(run["calls"], key=lambda call: STATUSES.index(call["status"]))
    html = template.render(
        run=run,
        calls=calls[:ROWS],
        failures=_failures(calls),
        comparison=_comparison(run["argsets"], run["calls"]),
        sections=_sections(run["calls"], cache.resolve()),
        map=_map(run["calls"]),
    )
    target.mkdir(parents=True, exist_ok=True)
    page = target / "index.html"
    page.write_text(html, encoding="utf-8", errors="backslashreplace")
    return page


def _failures(calls: list[Data]) -> list[list[Data]]:
    """Gather the failed calls; equal errors of one stage belong together."""
    found: dict[Any, list[Data]] = {}
    for call in calls:
        if call["status"] == "failed":
            error = call.get("error") or {}
            key = (call["stage"], error.get("type"), error.get("message"))
            found.setdefault(key, []).append(call)
    return list(found.values())


def text(value: object, limit: int = 200) -> str:
    """Show any value of a run as one short text."""
    if isinstance(value, float):
        shown = f"{value:.6g}"
    elif isinstance(value, (dict, list)):
        shown = json.dumps(value, ensure_ascii=False)
    else:
        shown = '""' if value == "" else str(value)
    return shown if len(shown) <= limit else shown[:limit] + "…"


def duration(seconds: float) -> str:
    is_short = seconds < 60
    return f"{seconds:.3g} s" if is_short else str(timedelta(seconds=round(seconds)))


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 1e300  # false for NaN, and no overflow for long integers


def _formatter(values: Iterable[Any]) -> Callable[[Any], str]:
    """Return what shows the numbers of one column alike, about five digits long."""
    numbers = [abs(value) for value in values if _is_finite(value) and value]
    spec = ","
    if not all(isinstance(number, int) for number in numbers):
        largest = math.floor(math.log10(max(numbers)))
        decimals = max(0, (4 if largest >= 0 else 3) - largest)
        is_plain = -3 <= largest < 7 and min(numbers) >= 10**-decimals
        spec = f",.{decimals}f" if is_plain else ".4g"
    return lambda value: format(value, spec) if _is_finite(value) else text(value)


def _comparison(argsets: list[Data], calls: list[Data]) -> Data:
    """Find what varies between argsets, what does not, and what came out."""
    names = dict.fromkeys(name for argset in argsets for name in argset["fields"])
    names.pop("name", None)  # the label stands in front
    fields = {n: [argset["fields"].get(n, "–") for argset in argsets] for n in names}
    varying = {n: v for n, v in fields.items() if len(set(map(repr, v))) > 1}
    metrics, others = _metrics(calls, {argset["name"] for argset in argsets})
    columns = [_column(*key, found) for key, found in metrics.items()]
    return {
        "varying": list(varying),
        "constant": {n: v[0] for n, v in fields.items() if n not in varying},
        "columns": columns,
        "others": others,
        "rows": _rows(argsets, list(varying.values()), columns),
        "failed": {c["records"][0] for c in calls if c["status"] == "failed"},
    }


def _metrics(calls: list[Data], names: set[str]) -> tuple[dict[Any, Data], list[Any]]:
    """Return metrics by (stage, name) and argset; and those of no single argset."""
    found: dict[tuple[str, str], Data] = {}
    others = []
    for call in calls:
        is_own = not call.get("aggregate") and call["records"][0] in names
        for name, metric in (call.get("metrics") or {}).items():
            if is_own:
                key = (call["stage"], name)
                found.setdefault(key, {})[call["records"][0]] = metric
            else:
                others.append((call["stage"], name, metric["value"]))
    return found, others


def _column(stage: str, name: str, found: Data) -> Data:
    values = {argset: metric["value"] for argset, metric in found.items()}
    goal = next((m["goal"] for m in found.values() if m.get("goal")), None)
    ordered = sorted({value for value in values.values() if _is_finite(value)})
    ends = (ordered[0], ordered[-1]) if len(ordered) > 1 else None
    best = {"max": ends[1], "min": ends[0]}.get(goal) if ends else None
    show = _formatter(ordered)
    column = {"stage": stage, "name": name, "goal": goal, "values": values}
    return {**column, "ends": ends, "best": best, "show": show}


def _rows(argsets: list[Data], fields: list[Any], columns: list[Data]) -> list[Data]:
    """Return the first rows of the table, and with them the best ones."""
    rows = []
    for index, argset in enumerate(argsets):
        found = [(column, column["values"].get(argset["name"])) for column in columns]
        is_best = any(v is not None and v == column["best"] for column, v in found)
        if index < ROWS or (is_best and len(rows) < 2 * ROWS):
            given = [(text(values[index]), values[index]) for values in fields]
            cells = [_cell(column, value) for column, value in found]
            rows.append({**argset, "given": given, "cells": cells})
    return rows


def _cell(column: Data, value: Any) -> Data:
    if value is None:
        return {"shown": "–"}
    place = None
    if column["ends"] and _is_finite(value):
        low, high = column["ends"]
        place = round(100 * (value - low) / (high - low))
    is_best = column["best"] is not None and value == column["best"]
    shown = column["show"](value)
    return {"shown": shown, "exact": value, "place": place, "is_best": is_best}


def _sections(calls: list[Data], cache: Path) -> list[Data]:
    """Return the reportables by stage, those of aggregates first."""
    stages: dict[tuple[bool, str], dict[Any, tuple[Data, Data, list[str]]]] = {}
    for call in calls:
        shared = stages.setdefault((not call.get("aggregate"), call["stage"]), {})
        for index, reportable in enumerate(call.get("reportables") or []):
            key = (call["folder"] or call["id"], index)  # equal argsets share one
            shared.setdefault(key, (call, reportable, []))[2].extend(call["records"])
    room = PAGE_BYTES
    sections = []
    for (is_single, stage), shared in sorted(stages.items(), key=lambda x: x[0][0]):
        groups: dict[str, list[Data]] = {}
        for call, reportable, records in list(shared.values())[:ITEMS]:
            item = _item(cache, call["folder"], reportable, room)
            room -= len(item["content"])
            groups.setdefault(reportable.get("group") or "", []).append(
                {**item, "name": reportable["name"], "records": records}
            )
        if shared:
            new = {"stage": stage, "is_single": is_single, "count": len(shared)}
            sections.append({**new, "groups": groups})
    return sections


def _item(cache: Path, folder: str | None, reportable: Data, room: int) -> Data:
    kind, data = reportable["kind"], reportable.get("data")
    try:
        if kind == "image":
            content: Any = _image(cache, folder or "", reportable["file"] or "", room)
        elif kind in ("line", "table"):
            content = _plot(data) if kind == "line" else dict(data)
        elif kind == "json":
            content = json.dumps(data, indent=2, ensure_ascii=False)
        else:
            content = str(data)
        if len(content) > room:
            raise ValueError("left out: the page is large already")
    except (LookupError, TypeError, ValueError, OSError) as error:
        return {"kind": "problem", "content": str(error)}
    return {"kind": kind, "content": content}


def _image(cache: Path, folder: str, file: str, room: int) -> str:
    path = (cache / folder / file).resolve()
    if path.suffix.lower() not in IMAGES or not path.is_relative_to(cache):
        raise ValueError(f"no image of the cache: {file!r}")
    if not path.is_file():
        raise ValueError(f"missing from the cache: {folder}/{file}")
    if path.stat().st_size > room:
        raise ValueError(f"left out: {folder}/{file} is too large for this page")
    data = base64.b64encode(path.read_bytes()).decode()
    return f"data:image/{IMAGES[path.suffix.lower()]};base64,{data}"


def _plot(data: Data) -> Data:
    """Scale lines to 100 by 100; what is not finite leaves a gap."""
    longest = max(map(len, data["y"].values()))
    xs = data.get("x") or []
    if len(xs) < longest or not all(map(_is_finite, xs)):
        xs = range(longest)
    lines = {label: list(zip(xs, ys)) for label, ys in data["y"].items()}
    points = [p for line in lines.values() for p in line if _is_finite(p[1])]
    (left, right), (low, high) = [(min(v), max(v)) for v in zip(*points)]

    def place(part: list[Point]) -> str:
        size = (right - left or 1, high - low or 1)
        scaled = (
            (100 * (x - left) / size[0], 100 * (y - low) / size[1]) for x, y in part
        )
        return " ".join(f"{x:.2f},{100 - y:.2f}" for x, y in scaled)

    drawn = {label: list(map(place, _parts(line))) for label, line in lines.items()}
    return {"lines": drawn, "x": (left, right), "y": (low, high)}


def _parts(line: list[Point]) -> Iterator[list[Point]]:
    """Split a line at its gaps; of many points keep the extremes."""
    for is_finite, points in groupby(line, lambda point: _is_finite(point[1])):
        part = list(points)
        step = 1 + len(part) // 800
        buckets = (part[i : i + step] for i in range(0, len(part), step))
        if is_finite:
            ends = (
                {min(b, key=itemgetter(1)), max(b, key=itemgetter(1))} for b in buckets
            )
            yield [point for end in ends for point in sorted(end)]


def _map(calls: list[Data]) -> Data:
    """Place stages in columns, and arrows through free places between them."""
    stages = {call["id"]: call["stage"] for call in calls}
    pairs = ((stages[i], call["stage"]) for call in calls for i in call["inputs"])
    edges = [(source, target) for source, target in dict.fromkeys(pairs)]
    layers = _layers(dict.fromkeys(stages.values()), edges)
    columns: list[list[Any]] = [[] for _ in {*layers.values()}]
    for stage, layer in layers.items():
        columns[layer].append(stage)
    arrows: list[list[Any]] = []
    for source, target in edges:
        between = range(layers[source] + 1, layers[target])
        slots = [(source, target, layer) for layer in between]
        for layer, slot in zip(between, slots):
            columns[layer].append(slot)
        arrows.append([source, *slots, target])
    places = {
        slot: (layer, row - len(column) / 2)
        for layer, column in enumerate(columns)
        for row, slot in enumerate(column)
    }
    boxes = {stage: places[stage] for stage in layers}
    height = max(map(len, columns), default=0)
    return {
        "boxes": boxes,
        "arrows": [[places[s] for s in a] for a in arrows],
        "width": len(columns),
        "height": height,
    }


def _layers(stages: Iterable[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    """Return how far from the start each stage is; a circle is cut where it began."""
    before: dict[str, set[str]] = {stage: set() for stage in stages}
    ranks = {stage: rank for rank, stage in enumerate(before)}
    for source, target in edges:
        before[target].add(source)
    while True:
        try:
            order = list(TopologicalSorter(before).static_order())
            break
        except CycleError as error:
            steps = zip(error.args[1], error.args[1][1:])
            source, target = min(steps, key=lambda step: ranks[step[1]])
            before[target].discard(source)
    layers: dict[str, int] = {}
    for stage in order:
        layers[stage] = max((layers[s] + 1 for s in before[stage]), default=0)
    return layers
