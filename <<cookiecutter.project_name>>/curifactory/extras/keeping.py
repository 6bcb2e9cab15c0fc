"""`experiment accept` and `experiment check`: may a stage's results be kept?"""

import argparse
import contextlib
import itertools
import operator
import os
import sys
import time
from pathlib import Path
from typing import Any

from .. import attempt, decide, experiment
from ..cli import enter, not_empty
from ..data import stored
from ..errors import CurifactoryError, RequestError, counted, nearest
from ..execute import task_of
from ..experiment import Request, Run
from ..folders import safe
from ..progress import Progress
from ..record import Call
from ..settings import Settings
from ..stages import AnyStage
from ..task import Place, Task
from . import guard, history

Used = dict[tuple[str, ...], dict[str, int]]
"""By the names of their records, the folders that calls of a stage had their results in,
and how many runs of it there were since."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stage", help="a stage of the last run that had it")
    said = "where results are kept"
    parser.add_argument("--cache", metavar="DIR", type=not_empty, help=said)


def perform(options: argparse.Namespace) -> int:
    """Map the last run that had the stage, and accept or check its calls."""
    project = enter(options.cache)
    project.need_cache("run something first, or mend --cache")
    is_accepting = options.command == "accept"
    # What is accepted is written, although that run may have been read only.
    others = {"read_only": False} if is_accepting else {}
    run = _last(project, options.stage.rpartition(".")[2], **others)
    calls = [c for c, _ in run.decisions if options.stage in c.stage.called]
    # One that was renamed since goes by the name that runs know.
    calls = calls or [c for c, _ in run.decisions if _was(c.stage, options.stage)]
    if not calls:
        known = {call.stage.label for call, _ in run.decisions}
        said = f"{run.manager.experiment_name} has no stage {options.stage!r} any more"
        raise RequestError(said, nearest(options.stage.split(".")[-1], known))
    if is_accepting:
        reused = {c for c, d in run.decisions if d.kind == "reuse" and d.trace}
        used = _used(project, {n.rpartition(".")[2] for n in calls[0].stage.names})
        return _accept(run, calls[0].stage, [c for c in calls if c not in reused], used)
    return _check(project, run, calls)


def _was(stage: AnyStage, name: str) -> bool:
    return any(name in (each, each.rpartition(".")[2]) for each in stage.names)


def _last(project: Settings, label: str, **others: Any) -> Run:
    """Map the experiment of the last run that had a stage, as it was asked for."""
    known: set[str] = set()
    by_hand: set[str] = set()
    for run in reversed(history.heads(project.runs)):
        stages, given = run.get("stages", ()), run.get("request")
        (known if given else by_hand).update(stages)
        if label in stages and given:
            asked = {k: given[k] for k in Request._fields if k in given}
            unforced = {"overwrite": False, "overwrite_stages": ()}
            request = Request(**{**asked, **unforced, **others, "map_only": True})
            return experiment.perform(project, request, Progress(quiet=True))
    hint = nearest(label, known)
    if label in by_hand:
        hint = "only scripts called it: run an experiment that does, then try again"
    raise RequestError(f"no run of an experiment had a stage {label!r}", hint)


def _used(project: Settings, labels: set[str]) -> Used:
    """Return which results of a stage the last twenty runs of it had, the latest first."""
    found: Used = {}
    heads = [h for h in history.heads(project.runs) if labels & {*h.get("stages", ())}]
    for since, head in enumerate(heads[:-21:-1]):
        path = head["folder"] / "run.json"
        with contextlib.suppress(RequestError), history.refusing_damage(path):
            for call in history.read(path)["calls"]:
                if call.get("stage") in labels and call["folder"]:
                    names = (*call.get("records", ()),)
                    found.setdefault(names, {}).setdefault(call["folder"], since)
    return found


def _accept(run: Run, stage: AnyStage, calls: list[Call], used: Used) -> int:
    """File results of earlier code under the present one."""
    survey = run.manager.survey
    pairs: list[tuple[int, dict[str, str]]] = []
    changes: dict[str, None] = {}
    kept = 0
    for call in calls:
        now = survey.now(call)
        # Not what was computed last: other code may have been tried meanwhile.
        names = (*(m.snapshot.name for m in call.members),)
        had = used.get(names, {})
        before = filter(None, map(survey.store.read, had))
        for trace in itertools.chain(before, survey.past(call)):
            same = decide.is_declared_alike(call, trace) and trace.stage in stage.names
            if not (same and guard.by_code_alone(survey, call, trace, now)):
                continue
            found, digests = guard.code_changes(survey, call, trace)
            if digests and survey.store.has_data(trace):  # else none, of other code
                pair = had.get(trace.folder, sys.maxsize), digests
                pairs += [pair] if pair not in pairs else []
                changes.update(dict.fromkeys(found))
                kept += 1
            break
    if not pairs:
        raise RequestError(
            f"{stage.label}: there is nothing to accept: "
            "no result whose data is there differs in its code alone",
            f"`experiment explain {run.manager.experiment_name}` says what changed",
        )
    why = ", ".join(changes)
    # Digests of code count as earlier ones from now on, by which results are filed.
    # Of several, those of the latest run first: it is asked in this order.
    begin, content = time.time(), {"stage": stage.name, "why": why}
    for number, (_, each) in enumerate(sorted(pairs, key=operator.itemgetter(0))):
        name = f"{safe(stage.name)}-{os.urandom(8).hex()}.json"
        place = survey.store.root / ".accepted" / name
        when = begin + number / 1e5
        survey.store.keep(place, {**content, "when": when, "pairs": each})
    survey.index.close()
    print(f"{stage.label}: results of {counted(kept, 'call')} are kept, although {why}")
    return 0


def _check(project: Settings, run: Run, calls: list[Call]) -> int:
    """Execute each distinct call twice, leaving nothing, and compare bytes.

    What they make, checkpoints too, goes to a cache on top of that of the project.
    """
    survey = run.manager.survey
    known = filter(decide.is_known, calls)
    able = [call for call in known if all(map(survey.has_data, call.taken))]
    if not able:
        raise RequestError(
            f"{calls[0].stage.label} {calls[0].label}: not all its inputs lie in the cache",
            f"run the experiment {run.manager.experiment_name} first; a stage with an "
            "input that the cache never keeps (cachers=None) cannot be checked",
        )
    distinct: dict[tuple[str, ...], Call] = {}
    for call in able:
        distinct.setdefault(decide.prospect(call), call)
    aside = Path(survey.store.prepare())
    place = Place(project._replace(base=project.cache, cache=aside), "check")
    results = [_compared(call, place) for call in distinct.values()]
    survey.store.discard(aside)
    if missing := len(calls) - len(able):
        print(f"not all inputs of {counted(missing, 'call')} lie in the cache")
    survey.index.close()
    return 0 if all(results) else 1


def _compared(call: Call, place: Place) -> bool:
    trial = task_of(call, place, stored)
    try:
        first, second = _checksums(trial), _checksums(trial)
    except CurifactoryError as error:
        print(f"{call.stage.label} {call.label}: {error.message}")
        return False
    names = [name for name, digest in first.items() if second[name] != digest]
    said = f"differs in {', '.join(names)}" if names else "the same bytes twice"
    print(f"{call.stage.label} {call.label}: {said}")
    return not names


def _checksums(trial: Task) -> dict[str, str]:
    outcome = attempt.perform(trial)
    if outcome.trace is None:
        failure = outcome.failure
        said = f"{failure.kind}: {failure.message}" if failure else "no result"
        raise CurifactoryError(f"failed: {said}")
    return {each.name: each.checksum for each in outcome.trace.outputs}
