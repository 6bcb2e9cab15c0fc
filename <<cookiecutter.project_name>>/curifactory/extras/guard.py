"""What edits of code would let be done again, and how long that took."""

import contextlib
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import FunctionType

from .. import decide
from ..decide import Now
from ..files import is_of_code
from ..reads import MARKS, value_at
from ..record import Call, Output
from ..snapshot import is_named
from ..survey import Survey
from ..trace import Trace

CODE = FunctionType, type


def cost_of_edits(
    survey: Survey, calls: Iterable[Call], is_at_hand: Callable[[Output], bool]
) -> tuple[float, str]:
    """Return how long it took what code changes alone invalidate, and what they are.

    Calls after an invalidated one count, too: its new result may differ. So do those
    before it whose data is gone, and is made again for it.
    """
    causes: dict[Call, str] = {}
    spent: dict[str, tuple[str, str, float]] = {}
    with contextlib.ExitStack() as ending:
        for call in calls:
            found = _invalidated(survey, call, causes)
            if found is not None and not survey.request.forces(call.stage.called):
                causes[call], trace = found
                ending.callback(setattr, call, "trace", None)
                call.trace = trace  # what comes after it is found by what it took
                spent[trace.folder] = causes[call], call.stage.label, trace.seconds
        waiting = list(causes)
        for call in waiting:
            for source in call.taken:
                maker, known = source.call, source.call.trace
                if maker not in causes and known and not is_at_hand(source):
                    causes[maker] = causes[call]
                    spent[known.folder] = causes[call], maker.stage.label, known.seconds
                    waiting.append(maker)
    lines: dict[str, list[tuple[str, float]]] = {}
    for cause, label, seconds in spent.values():
        lines.setdefault(cause, []).append((label, seconds))
    told = [_cost_line(cause, items) for cause, items in lines.items()]
    return sum(each[2] for each in spent.values()), "\n  ".join(told)


def by_code_alone(
    survey: Survey, call: Call, trace: Trace, now: Now, *, is_after: bool = False
) -> bool:
    """Return whether nothing but code tells a call from a trace, as far as is known.

    What comes after another result may take another one.
    """
    is_known = decide.is_known(call) and not is_after
    if is_known and trace.inputs != decide.inputs(call):
        return False
    others = [read for read in trace.reads if not is_of_code(read[0])]
    is_given = call.given() == trace.arguments
    return is_given and all(
        now(key) == digest
        or (trace.label == call.label and _is_edited(survey, call, key, shown))
        for key, digest, shown in others
    )


def _is_edited(survey: Survey, call: Call, key: str, shown: str) -> bool:
    """Return whether a field holds a function or class of the same name as before.

    One that was made, as by `functools.wraps`, may have the name of another one.
    """
    kind, (number, _, path) = key[0], key[1:].partition(":")
    if kind != "a" or survey.present.shown(call.own, call.members, key) != shown:
        return False
    args = (call.members[int(number)].snapshot if number else call.own).source
    value = None if path[-1] in MARKS else value_at(args, path)
    return isinstance(value, CODE) and is_named(value)


def code_changes(
    survey: Survey, call: Call, trace: Trace
) -> tuple[list[str], dict[str, str]]:
    """Return how code differs from that of a trace: in words, and digest by digest."""
    found = decide.stage_changes(call, trace, survey.store.code_parts)
    pairs: dict[str, str] = {}
    now, code = survey.now(call), call.stage.code
    if trace.code != code.fingerprint:
        pairs[code.fingerprint] = trace.code
    for key, digest, shown in trace.reads:
        if (key[0] == "a" or is_of_code(key)) and now(key) != digest:
            pairs[now(key)] = digest
            found.append(decide.read_change(key, shown, shown))
    return found, pairs


def _invalidated(
    survey: Survey, call: Call, causes: dict[Call, str]
) -> tuple[str, Trace] | None:
    now = survey.now(call)
    after = [causes[each] for each in call.producers() if each in causes]
    if not after and not decide.is_known(call):
        return None
    for trace in survey.past(call):
        if by_code_alone(survey, call, trace, now, is_after=bool(after)):
            changes, _ = code_changes(survey, call, trace)
            if changes or after:
                return ", ".join(changes[:2] or after[:1]), trace
    return None


def _cost_line(cause: str, items: list[tuple[str, float]]) -> str:
    labels = [label for label, _ in items]
    counts = [f"{label} {labels.count(label)}" for label in dict.fromkeys(labels)]
    seconds = timedelta(seconds=round(sum(seconds for _, seconds in items)))
    return f"{cause}: {', '.join(counts)}, {seconds} by the last time"
