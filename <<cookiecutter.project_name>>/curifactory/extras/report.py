"""HTML report of a finished run: one self-contained page that compares argsets."""

import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, Template

from ..folders import digest
from ..settings import Settings
from ..tables import common_goal, differing, digits

Data = dict[str, Any]
Point = tuple[float, float]
Metrics = dict[tuple[str, str], Data]  # by stage and name
HERE = Path(__file__).parent
LARGEST = sys.float_info.max / 2
"""Up to here, the difference of two numbers is one as well."""
STATUSES = ("failed", "waiting", "computed", "skipped", "reused")
ROWS = 1_000  # of the comparison; the rest stays in run.json
CALLS = 400
ITEMS = 200  # reportables of one stage
PAGE_BYTES = 30_000_000  # of embedded reportables
IMAGES = {
    ".png": "png",
    ".svg": "svg+xml",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".gif": "gif",
}


def publish(run: Data, project: Settings) -> Path:
    """Write the report of `run` into its project, and let `latest` lead to it."""
    target = project.reports / run["run"]
    written = write(run, project.cache, target, project.base)
    _point(project.reports / "latest", target)
    return written


def write(run: Data, cache: Path, target: Path, base: Path | None = None) -> Path:
    """Write the report of `run` to `target/index.html`."""
    seen = _Calls(run["calls"])
    failed = seen.by_status["failed"]
    html = _template().render(
        run=run,
        calls=list(chain.from_iterable(seen.by_status.values()))[:CALLS],
        failures=_by_message(failed),
        broken={call["records"][0] for call in failed if not call.get("aggregate")},
        comparison=_comparison(run["argsets"], seen.telling),
        sections=_sections(seen.telling, [p.resolve() for p in (cache, base) if p]),
        map=_map(seen.layers, seen.arrows),
    )
    target.mkdir(parents=True, exist_ok=True)
    page = target / "index.html"
    page.write_text(html, encoding="utf-8", errors="backslashreplace")
    return page


def _point(link: Path, target: Path) -> None:
    """Let `latest` lead to a report: a link, or a page that leads on.

    Never by way of a link that leads to a report: another run may have just made it.
    """
    aside = link.with_name(f".{target.name}")
    try:
        aside.unlink(missing_ok=True)
        aside.symlink_to(target.name, target_is_directory=True)
        aside.replace(link)
    except OSError:
        if link.is_symlink():  # Windows replaces none that leads to a folder
            with contextlib.suppress(OSError):
                link.unlink()
                aside.rename(link)
        else:
            link.mkdir(exist_ok=True)
            url = f"../{target.name}/index.html"
            page = f'<meta http-equiv="refresh" content="0; url={url}">'
            (link / "index.html").write_text(page, encoding="utf-8")
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


class _Calls:
    """What the page shows of all calls, gathered in one pass: there may be very many."""

    def __init__(self, calls: Iterable[Data]) -> None:
        self.by_status: dict[str, list[Data]] = {status: [] for status in STATUSES}
        self.telling: list[Data] = []
        """Those with metrics or reportables."""
        self.layers: dict[str, int] = {}
        """In which column of the map each stage stands: as deep as its deepest call."""
        self.arrows: dict[tuple[str, str], None] = {}
        self._known: dict[int, tuple[str, int]] = {}
        for call in calls:
            alike = self.by_status[call["status"]]
            if len(alike) < CALLS or call["status"] == "failed":
                alike.append(call)
            if call.get("metrics") or call.get("reportables"):
                self.telling.append(call)
            self._place(call["id"], call["stage"], call["inputs"])

    def _place(self, number: int, stage: str, inputs: list[int]) -> None:
        depth = 0
        for each in filter(self._known.__contains__, inputs):
            source, before = self._known[each]
            depth = max(depth, before + 1)
            self.arrows[source, stage] = None
        self._known[number] = stage, depth
        self.layers[stage] = max(depth, self.layers.get(stage, 0))


def _by_message(failed: Iterable[Data]) -> list[list[Data]]:
    """Return failures with one type and message together, those of the first one first."""
    found: dict[tuple[Any, ...], list[Data]] = {}
    for call in failed:
        error = call["error"] or {}
        found.setdefault((error.get("type"), error.get("message")), []).append(call)
    return list(found.values())


def _template() -> Template:
    """Load the template, compiled before if possible: that takes longer than all else."""
    place = str(HERE / "__pycache__")
    is_fit = os.access(place, os.W_OK) and place.isprintable()  # else jinja2 fails
    compiled = FileSystemBytecodeCache(place) if is_fit else None
    loader = FileSystemLoader(HERE)
    environment = Environment(autoescape=True, loader=loader, bytecode_cache=compiled)
    environment.filters.update(text=text, duration=duration)
    return environment.get_template("report.html.j2")


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
    return abs(value) < LARGEST  # false for NaN, and no overflow for long integers


def _formatter(values: Iterable[Any]) -> Callable[[Any], str]:
    """Return what shows the numbers of one column alike, about five digits long."""
    finite = [value for value in values if _is_finite(value)]
    numbers = [abs(value) for value in finite if value]
    largest = math.floor(math.log10(max(numbers, default=1)))
    exact = digits(finite)
    decimals = max(0, (4 if largest >= 0 else 3) - largest, exact - 1 - largest)
    if all(number % 1 == 0 for number in numbers):
        decimals = 0
    is_plain = -3 <= largest < 9 and min(numbers, default=1) >= 10**-decimals
    spec = f",.{decimals}f" if is_plain else f".{exact}g"
    return lambda value: format(value, spec) if _is_finite(value) else text(value)


def _comparison(argsets: list[Data], calls: list[Data]) -> Data:
    """Find what varies between argsets, what does not, and what came out."""
    names = dict.fromkeys(name for argset in argsets for name in argset["fields"])
    fields = {n: [argset["fields"].get(n, "–") for argset in argsets] for n in names}
    varying = {n: v for n, v in fields.items() if len(set(map(repr, v))) > 1}
    metrics, others = _metrics(calls, {argset["name"] for argset in argsets})
    columns = [
        {**_column(stage, name, of_argsets), "place": place}
        for place, ((stage, name), of_argsets) in enumerate(metrics.items())
    ]
    return {
        "varying": list(varying),
        "constant": {n: v[0] for n, v in fields.items() if n not in varying},
        "columns": columns,
        "others": others,
        "rows": _rows(argsets, list(varying.values()), columns),
    }


def _metrics(calls: list[Data], names: set[str]) -> tuple[Metrics, list[Any]]:
    """Return the metrics of argsets, and those that no single argset has."""
    found: Metrics = {}
    others = []
    for call in calls:
        own, over = call["argset"], [*dict.fromkeys(call["records"])]
        for name, metric in call["metrics"].items():
            if own in names:
                found.setdefault((call["stage"], name), {})[own] = metric
            else:
                others.append((call["stage"], over, name, metric["value"]))
    return found, others


def _column(stage: str, name: str, found: Data) -> Data:
    values = {argset: metric["value"] for argset, metric in found.items()}
    goal = common_goal(found.values())
    numbers = {value for value in values.values() if _is_finite(value)}
    ends = (min(numbers), max(numbers)) if len(numbers) > 1 else None
    differs = len({v for v in values.values() if v is not None and v == v}) > 1
    is_one_best = goal and numbers and differs  # that one diverged is a difference
    best = (max if goal == "max" else min)(numbers) if is_one_best else None
    column = {"stage": stage, "name": name, "goal": goal, "values": values}
    return {**column, "ends": ends, "best": best, "show": _formatter(numbers)}


def _rows(argsets: list[Data], fields: list[Any], columns: list[Data]) -> list[Data]:
    """Return the first rows of the table, and with them the best ones."""
    best = {n for c in columns for n, v in c["values"].items() if v == c["best"]}
    names = [argset["name"] for argset in argsets]
    late = [i for i in range(ROWS, len(names)) if names[i] in best][:ROWS]
    chosen = [*range(min(ROWS, len(names))), *late]
    shown = [_texts([values[i] for i in chosen]) for values in fields]
    rows: list[Data] = []
    for place, index in enumerate(chosen):
        given = [(t[place], v[index]) for t, v in zip(shown, fields, strict=True)]
        cells = [_cell(each, each["values"].get(names[index])) for each in columns]
        rows.append({**argsets[index], "given": given, "cells": cells})
    return rows


def _texts(values: list[Any]) -> list[str]:
    """Return values as short texts that show where they differ."""
    return [text(each) for each in differing([text(v, 10_000) for v in values])]


def _cell(column: Data, value: Any) -> tuple[str, Any, int | None, bool]:
    """Return a metric as shown and exactly, its place of 100, and if it is best."""
    place = None
    if column["ends"] and _is_finite(value):
        low, high = column["ends"]
        place = round(100 * ((value - low) / (high - low)))
    is_best = value is not None and value == column["best"]
    return "–" if value is None else column["show"](value), value, place, is_best


def _sections(calls: list[Data], caches: list[Path]) -> list[tuple[Any, ...]]:
    """Return (stage, is it none of an aggregate, count, reportables), aggregates first."""
    stages: dict[tuple[bool, str], dict[Any, tuple[Data, Data, list[str]]]] = {}
    for call in calls:
        place = (not call.get("aggregate"), call["stage"])
        for index, reportable in enumerate(call.get("reportables") or []):
            shared = stages.setdefault(place, {})
            key = (call["folder"] or call["id"], index)  # equal argsets share one
            shared.setdefault(key, (call, reportable, []))[2].extend(call["records"])
    room = PAGE_BYTES
    sections = []
    for (is_single, stage), shared in sorted(stages.items(), key=lambda x: x[0][0]):
        items = []
        for call, reportable, records in list(shared.values())[:ITEMS]:
            item = _item(caches, call["folder"], reportable, room)
            room -= len(item["content"])
            group = reportable["group"] or ""
            items.append({**reportable, **item, "group": group, "records": records})
        sections.append((stage, is_single, len(shared), items))
    return sections


def _item(caches: list[Path], folder: str | None, reportable: Data, room: int) -> Data:
    kind, content = reportable["kind"], reportable["data"]
    try:
        if kind == "image":
            content = _image(caches, folder or "", reportable, room)
        elif kind == "line":
            content = _plot(content)
        elif kind == "json":
            content = json.dumps(content, indent=2, ensure_ascii=False)
        if len(content) > room:
            raise ValueError("left out: the page is large already")
    except (LookupError, TypeError, ValueError, OSError) as error:
        return {"kind": "problem", "content": str(error)}
    return {"kind": kind, "content": content}


def _image(caches: list[Path], folder: str, reportable: Data, room: int) -> str:
    file = reportable["file"] or ""
    places = [(cache / folder / file).resolve() for cache in caches]
    path = next((each for each in places if each.is_file()), places[0])
    if not any(map(path.is_relative_to, caches)):
        raise ValueError(f"no image of the cache: {file!r}")
    if path.suffix.lower() not in IMAGES:
        raise ValueError(
            f"no image for a page; it is kept in the cache: {folder}/{file}"
        )
    if not path.is_file():
        raise ValueError(f"missing from the cache: {folder}/{file}")
    if reportable.get("checksum") not in (None, digest(path)):
        raise ValueError(f"damaged in the cache: {folder}/{file}")
    if path.stat().st_size > room:
        raise ValueError(f"left out: {folder}/{file} is too large for this page")
    import base64  # most pages have no image

    data = base64.b64encode(path.read_bytes()).decode()
    return f"data:image/{IMAGES[path.suffix.lower()]};base64,{data}"


def _plot(data: Data) -> Data:
    """Scale lines to 100 by 100; what is not finite leaves a gap."""
    y, x = data["y"], data["x"]
    places: Data = x if isinstance(x, dict) else dict.fromkeys(y, x)
    lines = {label: list(zip(places[label], y[label], strict=False)) for label in y}
    points = [p for line in lines.values() for part in _parts(line) for p in part]
    if not points:
        raise ValueError("it has no finite value")
    (left, right), (low, high) = ((min(v), max(v)) for v in zip(*points, strict=True))
    wide, tall = (right - left) or 1, (high - low) or 1

    def path(part: list[Point]) -> str:
        places = ((100 * (x - left) / wide, 100 * (high - y) / tall) for x, y in part)
        return " ".join(f"{x:.2f},{y:.2f}" for x, y in places)

    drawn = {label: list(map(path, _parts(line))) for label, line in lines.items()}
    ends = {"x": (left, right), "y": (low, high)}
    shown = {n: [f"{v:.{digits(both)}g}" for v in both] for n, both in ends.items()}
    return {"lines": drawn, **shown}


def _parts(line: list[Point]) -> Iterator[list[Point]]:
    """Split a line at its gaps; of many points keep the extremes."""
    by_y = itemgetter(1)
    for is_finite, points in groupby(line, lambda point: all(map(_is_finite, point))):
        part = list(points)
        step = 1 + len(part) // 500
        buckets = (part[i : i + step] for i in range(0, len(part), step))
        if is_finite:
            ends = ({b[0], min(b, key=by_y), max(b, key=by_y), b[-1]} for b in buckets)
            yield [point for end in ends for point in sorted(end)]


def _map(layers: dict[str, int], pairs: Iterable[tuple[str, str]]) -> Data:
    """Place stages in columns, and arrows through free places between them."""
    columns: list[list[Any]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for stage, layer in layers.items():
        columns[layer].append(stage)
    arrows: list[list[Any]] = []
    for source, target in pairs:
        between = range(layers[source] + 1, layers[target])
        slots = [(layer, source, target) for layer in between]
        for slot in slots:
            columns[slot[0]].append(slot)
        arrows.append([source, *slots, target])
    height = max(map(len, columns), default=0)
    places = {
        slot: (layer, row + (height - len(column)) / 2)
        for layer, column in enumerate(columns)
        for row, slot in enumerate(column)
    }
    paths = [[places[slot] for slot in arrow] for arrow in arrows]
    return {"places": places, "paths": paths, "width": len(columns), "height": height}
