"""`experiment compare`: argsets of past runs side by side, and what lies between runs.

All is from the history, and of the cache the traces: no code of the project is imported.
"""

import argparse
import csv
import functools
import itertools
import json
import os
import sys
import types
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .. import decide, settings
from ..errors import RequestError, nearest
from ..settings import Settings
from ..store import Store
from ..tables import COMPARED_ARGSETS, Metrics, differing, headings, print_metrics, some
from ..trace import Trace
from . import history
from .history import Data

WIDEST = 40
UNKNOWN = "whether its code is the same is not known"


class Row(NamedTuple):
    """What one argset was in one run, and what it came to.

    Several of one name have no hash; what is over several argsets has an empty one.
    """

    run: str
    argset: str
    hash: str | None
    fields: Data
    metrics: Metrics


HEAD = Row._fields[:3]


class Behind(NamedTuple):
    """What was behind results: code, with a trace of each, and files or code they read."""

    codes: dict[str, Trace]
    reads: set[tuple[str, str]]
    gone: set[str]


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    said = "such as digits-4; of an experiment, its last one; without any, the last"
    add("runs", nargs="*", metavar="RUN", help=said)
    add("--full", action="store_true", help="all argsets, however many")
    add("--csv", action="store_true", help="all argsets, fields and metrics, as CSV")


def perform(options: argparse.Namespace) -> int:
    project = settings.load(settings.find_root(Path.cwd()))
    chosen = _chosen(project, options.runs)
    runs: list[Data] = []
    rows: list[Row] = []
    for path in (head["folder"] / "run.json" for head in chosen):
        with history.refusing_damage(path):
            runs.append(history.read(path))
            rows += _rows(runs[-1])
    if options.csv:
        _write(rows)
        return 0
    history.print_lines(chosen)
    for one, other in itertools.pairwise(runs):
        _print_changes(project, one, other)
    for title, is_over in (("argset", False), ("stage", True)):
        part = [row for row in rows if (row.hash == "") == is_over]
        if part:
            _print_rows(title, part, len(runs), is_full=options.full)
    return 0


def _chosen(project: Settings, asked: Sequence[str]) -> list[Data]:
    """Return the heads of the runs that are meant, each once."""
    every = history.heads(project.runs)
    heads = {run["run"]: run for run in every if "counts" in run}
    if not heads:
        raise RequestError("no run has ended yet", "run an experiment first")
    last = {name.rpartition("-")[0]: name for name in heads}
    meant = {**last, **{name: name for name in heads}}
    found: dict[str, Data] = {}
    for each in asked or [*heads][-1:]:
        name = meant.get(each.replace("/", "."))
        if name is None:
            raise RequestError(f"no run {each!r} has ended", nearest(each, meant))
        found[name] = heads[name]
    return [*found.values()]


def _rows(run: Data) -> Iterator[Row]:
    """Yield the argsets of a run with their metrics, then what is over several."""
    own: dict[str, Metrics] = {each["name"]: {} for each in run["argsets"]}
    over: dict[str, Metrics] = {}
    for call, place in _placed(run):
        is_over = call["argset"] is None
        row = (over if is_over else own).setdefault(call["argset"] or place, {})
        stage = call["stage"] if is_over else place
        row |= {(stage, n): _metric(each) for n, each in call["metrics"].items()}
    argsets = {(each["name"], each["hash"]): each for each in run["argsets"]}
    names = Counter(name for name, _ in argsets)
    for (name, digest), each in argsets.items():
        # Notebooks may use a name for several: which of them came to what is not known.
        came_to = own.pop(name, {}) if names[name] == 1 else {}
        fields = {f"args.{n}" if n in HEAD else n: v for n, v in each["fields"].items()}
        yield Row(run["run"], name, digest, fields, came_to)
    for rest, no_hash in ((own, None), (over, "")):
        for name, came_to in rest.items():
            if came_to:
                yield Row(run["run"], name, no_hash, {}, came_to)


def _placed(run: Data) -> Iterator[tuple[Data, str]]:
    """Yield calls with metrics, and what each is called: no two of an argset alike."""
    told: set[str] = set()
    numbers: Counter[tuple[str | None, str]] = Counter()
    for call in run["calls"]:
        stage, argset, records = call["stage"], call["argset"], call["records"]
        what = repr((stage, argset, records, call["metrics"]))
        if call["metrics"] and what not in told:
            told.add(what)
            over = [n for n in dict.fromkeys(records) if n != "-" and argset is None]
            place = stage + (f" over {some(over)}" if over else "")
            numbers[argset, place] += 1
            number = numbers[argset, place]
            yield call, place + (f" {number}" if number > 1 else "")


def _metric(each: Data) -> Data:
    """Return a metric of run.json, where a number that is not finite is a text."""
    if each["goal"] not in (None, "max", "min"):
        raise ValueError(f"a goal is {each['goal']!r:.40}")
    return {"value": float(each["value"]), "goal": each["goal"]}


def _print_changes(project: Settings, one: Data, other: Data) -> None:
    """Print what is another from one run to the next: request, commit, versions, code."""
    before, after = (
        {
            "command": run.get("command"),
            "commit": history.commit(run) or "none",
            **run.get("versions", {}),
        }
        for run in (one, other)
    )
    lines = [
        (name, f"{before[name]} -> {after[name]}")
        for name in before
        if after.get(name, before[name]) != before[name]
    ]
    lines += _code_changes(project, one, other)
    print(f"\n{one['run']} -> {other['run']}" + ": the same code" * (not lines))
    for name, said in lines:
        print(f"  {name}: {said}")


def _code_changes(
    project: Settings, one: Data, other: Data
) -> Iterator[tuple[str, str]]:
    """Yield stages and what of their code or files is another, as traces say."""
    say = functools.partial(print, file=sys.stderr)
    stores = [Store(project.root / run["cache"], say) for run in (one, other)]
    for store in stores:
        store.is_read_only = True
    before, after = _given(one), _given(other)
    for stage in {**before, **after}:
        if stage not in before or stage not in after:
            yield stage, f"only in {(one if stage in before else other)['run']}"
        elif said := _difference(stores, (before[stage], after[stage])):
            yield stage, said


def _given(run: Data) -> dict[str, dict[str, bool]]:
    """Return the folders of what each stage gave, and whether its code was accepted."""
    found: dict[str, dict[str, bool]] = {}
    for call in run["calls"]:
        given = found.setdefault(call["stage"], {})
        if call["folder"]:
            given[call["folder"]] = call.get("reason") == decide.ACCEPTED
    return found


def _difference(stores: Sequence[Store], given: Sequence[dict[str, bool]]) -> str:
    """Say how the code behind a stage differs; nothing where it surely does not."""
    if not all(given):
        return f"{UNKNOWN}: it gave nothing"
    shared = given[0].keys() & given[1].keys()  # what has one name is of the same
    for common in (sorted(shared)[:1], shared):
        apart = [own.keys() - shared | {*common} for own in given]
        old, new = map(_behind, stores, apart)
        if old.codes.keys() == new.codes.keys() and old.reads == new.reads:
            break
    keys = {key for key, _ in old.reads} & {key for key, _ in new.reads}
    changed = sorted({key for key, _ in old.reads ^ new.reads} & keys)
    said = [decide.read_change(key, "", "") for key in changed]
    if old.codes.keys() != new.codes.keys() and old.codes and new.codes:
        traces = _either(old.codes, new.codes), _either(new.codes, old.codes)
        said += decide.changed_parts(*map(Store.code_parts, stores, traces))
    elif not said and (old.gone or new.gone):
        said.append(f"{UNKNOWN}: traces are gone")
    if not said and any(any(own.values()) for own in given):
        said.append(decide.ACCEPTED)
    if not said and "version" in stores[0].code_parts(_either(old.codes, {})):
        said.append("version= stands for its code")
    return ", ".join(dict.fromkeys(said))


def _behind(store: Store, folders: Iterable[str]) -> Behind:
    """Return what was behind results, as far as their traces are there."""
    found = Behind({}, set(), set())
    for folder in folders:
        is_there = os.path.isdir(store.place(folder))
        trace = store.read(folder) if is_there else None
        if trace is None:
            found.gone.add(folder)
        else:
            found.codes[trace.code] = trace
            found.reads.update((k, d) for k, d, _ in trace.reads if k[0] in "fcm")
    return found


def _either(codes: dict[str, Trace], others: dict[str, Trace]) -> Trace:
    """Return a trace of code that the others have not, if there is one."""
    return codes[min(codes, key=others.__contains__)]


def _print_rows(title: str, rows: Sequence[Row], runs: int, *, is_full: bool) -> None:
    """Print rows; of several runs, those first that differ between them."""
    merged: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        values = sorted((each, met["value"]) for each, met in row.metrics.items())
        content = repr((row.hash, row.fields, values))
        merged.setdefault(row.argset, {}).setdefault(content, []).append(row)
    differ = {n: min(map(len, e.values())) < runs for n, e in merged.items()}
    order = sorted(merged, key=lambda name: not differ[name])
    alike = [found for name in order for found in merged[name].values()]
    fields = _varying([_fields(found[0], merged) for found in alike])
    wide = 2 if runs > 1 else 1  # of one run, its name is no news
    lines = []
    for number, found in enumerate(alike):
        first = found[0].argset, ", ".join(row.run for row in found)
        given = tuple(texts[number] for texts in fields.values())
        lines.append((first[:wide], found[-1].metrics, given))
    most = sys.maxsize if is_full else COMPARED_ARGSETS
    head = (title, "run")[:wide], tuple(fields)
    print()
    print_metrics(head, lines, most, "all of them: --csv")
    if runs > 1:
        print(f"{sum(differ.values())} of {len(merged)} differ between these runs")


def _fields(row: Row, merged: Mapping[str, Mapping[str, Sequence[Row]]]) -> Data:
    """Return fields of a row; and its hash, where they do not tell rows apart."""
    rows = [found[0] for found in merged[row.argset].values()]
    is_clear = len({each.hash for each in rows}) <= len({repr(r.fields) for r in rows})
    return row.fields if is_clear else {**row.fields, "hash": row.hash}


def _varying(rows: Sequence[Data]) -> dict[str, list[str]]:
    """Return short texts of fields that are not the same in all rows that have any."""
    found = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        whole = [_clear(row[name]) if name in row else "-" for row in rows]
        if len({text for text, row in zip(whole, rows, strict=True) if row}) > 1:
            texts = differing(whole)
            cut = [t if len(t) <= WIDEST else f"{t[: WIDEST - 3]}..." for t in texts]
            found[name] = cut if len({*cut}) == len({*texts}) else texts
    return found


def _clear(value: Any) -> str:
    """Return a text on one line that no other value has."""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value == value.strip() and value not in ("", "-"):
        try:
            json.loads(value)  # a number, say, is another value
        except (ValueError, RecursionError):
            text = value
    return text if text.isprintable() else json.dumps(value)


def _text(value: Any) -> str | None:
    is_text = value is None or isinstance(value, str)
    return value if is_text else json.dumps(value, ensure_ascii=False)


def _write(rows: Sequence[Row]) -> None:
    """Write one line for each argset of each run, for other programs."""
    fields = dict.fromkeys(name for row in rows for name in row.fields)
    columns = list(dict.fromkeys(each for row in rows for each in row.metrics))
    head = (*HEAD, *fields)
    # Its own ends of lines say which characters are quoted: "\r" as well.
    ended = types.SimpleNamespace(write=lambda line: print(line.removesuffix("\r\n")))
    writer = csv.writer(ended, lineterminator="\r\n")
    writer.writerow([*head, *headings(columns, head)])
    for row in rows:
        given = [_text(row.fields.get(name)) for name in fields]
        came_to = [row.metrics.get(each, {}).get("value") for each in columns]
        writer.writerow([*row[:3], *given, *came_to])
