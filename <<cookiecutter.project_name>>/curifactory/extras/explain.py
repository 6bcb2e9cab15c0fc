"""`experiment explain`: what each stage depends on, and why each call is what it is."""

import argparse
import json
from collections.abc import Iterable
from typing import Any

from .. import decide, experiment
from ..cli import add_run_options, apart, open_request
from ..decide import Decision
from ..progress import Progress
from ..provenance import dependencies
from ..record import Call
from ..survey import Survey
from ..trace import Trace

Row = tuple[Call, Decision]


def add_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument("--stage", metavar="STAGE", help="only this stage")
    parser.add_argument("--json", action="store_true", help="print JSON")


def perform(options: argparse.Namespace) -> int:
    """Map the experiment and print what is known of its stages and calls."""
    project, request = open_request(options)
    with apart(options.json):
        run = experiment.perform(project, request, Progress(quiet=True))
    rows = run.decisions
    if options.stage is not None:
        experiment.check_stages([options.stage], run.manager)
        rows = [row for row in rows if options.stage in row[0].stage.called]
    by_stage: dict[str, list[Row]] = {}
    for row in rows:
        by_stage.setdefault(row[0].stage.name, []).append(row)
    found = [_explained(run.manager.survey, rows) for rows in by_stage.values()]
    print(json.dumps(found, indent=1) if options.json else "\n".join(_shown(found)))
    return run.exit_code


def _explained(survey: Survey, rows: list[Row]) -> dict[str, Any]:
    """Return what is known of one stage, as plain data."""
    stage = rows[0][0].stage
    traces = [decision.trace for _, decision in rows if decision.trace is not None]
    is_past = not traces  # its code was another then
    if is_past:
        traces = [trace for call, _ in rows for trace in survey.similar(call)[:1]]
    now = {**dependencies(stage.code.packages)}
    return {
        "stage": stage.name,
        "where": stage.where,
        "is_past": is_past and bool(traces),
        "reads": _read(traces, "a"),
        "files": list(dict.fromkeys([*stage.rules.files, *_read(traces, "f")])),
        "also": _read(traces, "cm"),
        "code": sorted(stage.code.parts),
        "packages": now,
        "unfollowed": list(stage.code.unfollowed),
        "calls": [
            {
                "argset": call.label,
                "decision": decision.kind,
                "why": decision.reason,
                "seconds": decision.seconds,
                "made_with": _other_versions(decision.trace, now),
            }
            for call, decision in rows
        ],
    }


def _read(traces: Iterable[Trace], kinds: str) -> list[str]:
    """Return what executions read, with the line where they read all or the name."""
    found: dict[str, None] = {}
    for trace in traces:
        for key, _, _ in trace.reads:
            if key[0] in kinds:
                name = decide.shown_read(key)
                line = trace.lines.get(key)
                found[f"{name} (at {line})" if line else name] = None
    return list(found)


def _other_versions(trace: Trace | None, now: dict[str, str]) -> dict[str, str]:
    before = trace.versions if trace is not None else {}
    return {name: v for name, v in before.items() if now.get(name, v) != v}


def _shown(found: list[dict[str, Any]]) -> Iterable[str]:
    for each in found:
        yield f"{each['stage'].rpartition('.')[2]}  ({each['where']})"
        run = any(call["decision"] == "reuse" for call in each["calls"])
        is_known = run or each["is_past"]
        nothing = "nothing" if is_known else "not known before it has run"
        when = ", the last time" * each["is_past"]
        yield f"  reads     {', '.join(each['reads']) or nothing}{when}"
        for title, items in (
            ("files", each["files"]),
            ("also", each["also"]),
            ("code", each["code"]),
            ("packages", [f"{n} {v}" for n, v in each["packages"].items()]),
            ("unfollowed", each["unfollowed"]),
        ):
            for number, item in enumerate(items):
                yield f"  {title if number == 0 else '':<9} {item}"
        yield from _calls(each["calls"])
        yield ""


def _calls(calls: list[dict[str, Any]]) -> Iterable[str]:
    width = max(len(call["argset"]) for call in calls)
    for call in calls:
        made = ", ".join(f"{n} {v}" for n, v in call["made_with"].items())
        why = "; ".join(filter(None, [call["why"], made and f"made with {made}"]))
        yield f"  {call['decision']:<7} {call['argset']:<{width}}  {why}".rstrip()
