"""`experiment params`: shows argsets, compares them, writes those of a past run."""

import argparse
import json
import re
from itertools import chain
from operator import attrgetter
from typing import Any

from .. import layout, paramsets
from ..args import REDACTED, Repeated, flat_field, same, short
from ..cli import add_choice_options, apart, joined_indices
from ..errors import RequestError, counted, nearest
from ..request import Request
from ..runfile import described, shown_fields
from ..settings import Settings
from ..snapshot import Snapshot
from ..tables import count_fitting, differing, print_table
from . import history, new, recreate


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("paramsets", nargs="*", metavar="PARAMSET", help="parameter files, see `ls`")
    add("--full", action="store_true", help="all fields, not only those that vary")
    add("--json", action="store_true", help="all fields, for other programs")
    add("--diff", nargs=2, metavar=("A", "B"), help="how two argsets differ")
    add("--from-run", metavar="RUN", help="write a parameter file from a past run")
    add_choice_options(parser)


def perform(options: argparse.Namespace) -> int:
    project = paramsets.open_project(None)
    if options.from_run:
        return _from_run(project, options.from_run)
    if not options.paramsets:
        known = [entry.name for entry in layout.list_paramsets(project.root)]
        raise RequestError("no parameter file is named", nearest("", known))
    choice = {n: getattr(options, n) for n in ("sets", "seeds", "names")}
    choice["indices"] = joined_indices(options)
    with apart(options.json):
        sources = paramsets.imported(project, options.paramsets)
        found = paramsets.collect(sources, Request("", **choice))
    if options.diff:
        _print_diff(found, *options.diff, as_json=options.json)
    elif options.json:
        print(json.dumps(list(map(described, found)), indent=1))
    else:
        _print_argsets(found, is_full=options.full)
    return 0


def _print_argsets(snapshots: list[Snapshot], *, is_full: bool) -> None:
    """Print argsets as rows; fields that all have alike go below what is too wide."""
    cells = _cells(snapshots)
    names = list(dict.fromkeys(name for row in cells for name in row))
    columns = {n: _told([row.get(n, (None, "-")) for row in cells]) for n in names}
    varying = [n for n, (_, is_same) in columns.items() if not is_same]

    def lines(shown: list[str]) -> list[tuple[str, ...]]:
        own = ([s.name for s in snapshots], [s.content() for s in snapshots])
        rows = zip(*own, *(columns[n][0] for n in shown), strict=True)
        return [("argset", "hash", *shown), *rows]

    whole = lines(names)
    is_wide = is_full and count_fitting(whole) < len(whole[0])
    head, *rows = whole if is_full and not is_wide else lines(varying)
    print_table(head, rows)
    alike = [n for n in names if n not in varying] if is_wide or not is_full else []
    told = f", {counted(len(alike), 'field')} {'is' if len(alike) == 1 else 'are'} "
    told += "the same in all" + (":" if is_wide else " (--full)")
    print(f"\n{counted(len(snapshots), 'argset')}{told if alike else ''}")
    if is_wide and alike:
        print_table(("field", "in all"), [(n, columns[n][0][0]) for n in alike])


def _cells(snapshots: list[Snapshot]) -> list[dict[str, tuple[Any, str]]]:
    """Return the fields of argsets with their short texts, all but the name."""

    def shown(args: Any, name: str, value: Any) -> list[tuple[str, tuple[Any, str]]]:
        return [
            (path, (attrgetter(path)(args), _text(each)))  # a secret one as well
            for path, each in flat_field(args, name, value)
            if path != "name"
        ]

    found = Repeated(shown)
    return [dict(chain(*found(each.source))) for each in snapshots]


def _text(value: Any) -> str:
    return REDACTED if value is REDACTED else short(value)


def _told(cells: list[tuple[Any, str]]) -> tuple[list[str], bool]:
    """Return texts that show how values differ, and whether they are the same."""
    values, texts = [each for each, _ in cells], [text for _, text in cells]
    is_same = len(set(texts)) == 1 and all(same(values[0], each) for each in values)
    if is_same or len(set(texts)) > 1 or REDACTED in texts:
        return texts, is_same
    whole = [short(each, 10_000) for each in values]
    return [each[:60] for each in differing(whole)], False


def _print_diff(
    snapshots: list[Snapshot], first: str, second: str, *, as_json: bool
) -> None:
    one, other = _named(snapshots, first), _named(snapshots, second)
    found = one.source.diff(other.source)
    rows = [
        (path, *_told([(a, one.shown(path)), (b, other.shown(path))])[0])
        for path, (a, b) in found.items()
    ]
    if as_json:
        mine, theirs = shown_fields(one.source), shown_fields(other.source)
        both = {p: [mine.get(p, a), theirs.get(p, b)] for p, a, b in rows}
        print(json.dumps(both))
    elif rows:
        print_table(("field", first, second), rows)
    else:
        print(f"{first} and {second} differ in nothing but the name")


def _named(snapshots: list[Snapshot], name: str) -> Snapshot:
    known = {each.name: each for each in snapshots}
    if name not in known:
        raise RequestError(f"no argset is named {name!r}", nearest(name, known))
    return known[name]


def _from_run(project: Settings, name: str) -> int:
    text = recreate.parameter_file(_history(project, name))
    module = re.sub(r"\W", "_", name)
    target = project.root / project.params / f"{module}.py"
    shown = new.write_new(project, target, text)
    print(f"wrote {shown}; look at it with: experiment params {target.stem}")
    return 0


def _history(project: Settings, name: str) -> dict[str, Any]:
    path = project.runs / name / "run.json"
    known = [each.parent.name for each in project.runs.glob("*/run.json")]
    if name not in known:
        if name in [each.name for each in project.runs.glob("*/")]:
            said = f"run {name!r} did not end: it has kept no argsets"
            raise RequestError(said, nearest(name, known))
        raise RequestError(f"there is no run {name!r}", nearest(name, known))
    return history.read(path)
