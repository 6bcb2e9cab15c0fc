"""Prints what was measured: tables of at most 100 columns, and where we lose in words."""

from collections.abc import Iterable, Sequence

TITLES = {
    "cold": "cold: nothing is cached",
    "cached": "all cached",
    "map": "map: what would be computed (all cached)",
    "argset": "one argset changed",
    "code": "the code of one stage changed",
    "shared": "cold, and all argsets share what the first stage gives",
    "shared-cached": "the same, all cached",
    "help": "start-up: --help (plain: python -c pass)",
    "list": "start-up: the list of experiments (plain: python -c pass)",
    "parallel": "16 calls of 0.5 s of CPU on two processes (ideal: 4.0 s)",
}
HEAD = (
    "tool",
    "wall s",
    "CPU s",
    "peak MB",
    "files",
    "disk MB",
    "/plain",
    "/joblib",
    "exponent",
)
# (scenario, N, figure or other tool, at most)
AIMS = (
    ("cold", 1_000, "to_joblib", 0.6),
    ("cached", 1_000, "to_joblib", 0.45),
    ("argset", 1_000, "to_joblib", 0.45),
    ("cold", 10_000, "to_joblib", 0.4),
    ("cached", 10_000, "to_joblib", 0.2),
    ("cold", 10_000, "exponent", 1.1),
    ("cached", 10_000, "exponent", 1.1),
    ("argset", 10_000, "exponent", 1.1),
    ("code", 10_000, "exponent", 1.1),
    ("map", 10_000, "exponent", 1.1),
    ("shared", 10_000, "exponent", 1.1),
    ("cold", 10_000, "memory", 300e6),
    ("cached", 100_000, "exponent", 1.15),
    ("map", 100_000, "exponent", 1.15),
    ("cached", 100_000, "memory", 1.5e9),
    ("map", 100_000, "memory", 1.5e9),
    ("help", 0, "to_plain", 3.0),
    ("list", 0, "to_upstream", 0.3),
)


def page(content: dict, markdown: bool) -> str:
    """Return everything there is to say about one measurement."""
    rows = content["rows"]
    parts = [_setting(content)]
    places = dict.fromkeys((row["n"], row["scenario"]) for row in rows)
    for n, scenario in sorted(places, key=_order):
        some = [row for row in rows if (row["n"], row["scenario"]) == (n, scenario)]
        title = f"N = {n:,}, {TITLES[scenario]}" if n else TITLES[scenario]
        parts.append(_table(title, HEAD, [_cells(row) for row in some], markdown))
    parts.append(_lines("Where ours loses", _losses(rows), markdown))
    parts.append(_lines("Aims", _aims(rows), markdown))
    left = [f"{tool} {scenario}: {why}" for tool, scenario, why in content["left_out"]]
    parts.append(_lines("Left out", left, markdown))
    notes = [f"{tool}: {note}" for tool, note in content["notes"].items()]
    parts.append(_lines("Notes", notes, markdown))
    return "\n\n".join(part for part in parts if part)


def _order(place: tuple[int, str]) -> tuple[int, int]:
    return place[0], list(TITLES).index(place[1])


def _setting(content: dict) -> str:
    versions = (f"{tool} {v}".strip() for tool, v in content["versions"].items())
    return (
        f"{content['date'][:10]}, {content['cores']} cores, {content['machine']}, "
        f"Python {content['python']}, medians of {content['rounds']} interleaved rounds.\n"
        f"{', '.join(versions)}."
    )


def _cells(row: dict) -> tuple[str, ...]:
    grows = row.get("exponent")
    return (
        row["tool"],
        f"{row['wall']:.3f}" if row["wall"] < 10 else f"{row['wall']:.1f}",
        f"{row['cpu']:.3f}" if row["cpu"] < 10 else f"{row['cpu']:.1f}",
        f"{row['memory'] / 1e6:,.0f}",
        f"{row['files']:,.0f}" if row["files"] else "",
        f"{row['occupied'] / 1e6:,.1f}" if row["files"] else "",
        _number(row["to_plain"]),
        _number(row["to_joblib"]),
        f"{grows:.2f}" if grows is not None else "",
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _table(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], markdown: bool
) -> str:
    lines = [tuple(head), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown = [
        [
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        for line in lines
    ]
    if markdown:
        rule = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
        body = "\n".join(
            f"| {' | '.join(line)} |" for line in (shown[0], rule, *shown[1:])
        )
        return f"**{title}**\n\n{body}"
    return "\n".join([title, *("  " + "  ".join(line).rstrip() for line in shown)])


def _lines(title: str, lines: Sequence[str], markdown: bool) -> str:
    if not lines:
        return ""
    mark = "- " if markdown else "  "
    head = f"**{title}**\n" if markdown else title
    return "\n".join([head, *(mark + line for line in lines)])


def _losses(rows: Sequence[dict]) -> list[str]:
    """Say in words which tool is faster than ours, where."""
    found = []
    for own in (row for row in rows if row["tool"] == "ours"):
        place = own["scenario"], own["n"]
        for other in rows:
            if (other["scenario"], other["n"]) == place and other["wall"] < own["wall"]:
                at = f" at N = {own['n']:,}" if own["n"] else ""
                times = own["wall"] / other["wall"]
                what = TITLES[own["scenario"]].partition(" (")[0]
                fast = f"{times:.1f} times as fast" if times > 1.05 else "as fast"
                found.append(f"{what}{at}: {other['tool']} is {fast}")
    measured = any(row["tool"] == "ours" for row in rows)
    return found or ["nowhere in this table"] * measured


def _aims(rows: Sequence[dict]) -> list[str]:
    """Say which aims of the project are met, as far as they were measured."""
    ours = {(row["scenario"], row["n"]): row for row in rows if row["tool"] == "ours"}
    found = []
    for scenario, n, what, most in AIMS:
        row = ours.get((scenario, n))
        value = (
            _against_upstream(row, rows)
            if what == "to_upstream"
            else (row or {}).get(what)
        )
        if value is None:
            continue
        verdict = "met" if value <= most else "MISSED"
        at = f", N = {n:,}" if n else ""
        unit, scale = ("MB", 1e6) if what == "memory" else ("", 1)
        name = what.replace("to_", "ratio to ")
        shown = f"{value / scale:.3g} {unit}".strip()
        found.append(
            f"{verdict:6} {scenario}{at}: {name} {shown}, at most {most / scale:g}"
        )
    for (scenario, n), row in ours.items():
        if scenario == "shared" and ("cold", n) in ours:
            value = row["wall"] / ours["cold", n]["wall"]
            verdict = "met" if value < 1 else "MISSED"
            shown = f"ratio to ours without sharing {value:.3g}, below 1"
            found.append(f"{verdict:6} shared, N = {n:,}: {shown}")
    return found


def _against_upstream(row: dict | None, rows: Sequence[dict]) -> float | None:
    for other in rows:
        if (
            row
            and other["tool"] == "curifactory_upstream"
            and other["scenario"] == row["scenario"]
        ):
            return row["wall"] / other["wall"]
    return None
