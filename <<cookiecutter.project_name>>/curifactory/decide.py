"""Pure decisions: for one call, compute or reuse, and why."""

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from . import hashing
from .record import Call, Literal, Output, Source
from .trace import Trace, after

NOBODY: Mapping[Call, Call] = MappingProxyType({})
ACCEPTED = "its code was accepted"
OTHER_RECORDS = "other records"
OTHERWISE = "its inputs, outputs, cachers, files or reads are declared otherwise"
Now = Callable[[str], str]
"""Gives the digest that a key of reads has for a call at present."""
Same = Callable[[str], Iterable[str]]
"""Gives the digests that one of code was accepted for."""


class Decision(NamedTuple):
    """What is to happen to a call: `compute`, `reuse`, `skip` or `maybe`."""

    kind: str
    reason: str
    trace: Trace | None = None
    seconds: float = 0.0
    """How long it took before, where it is to be computed."""


class Past(Protocol):
    """Earlier executions as one tree, from what calls are made of to what they read.

    A node is the digest of all that was known at a point.
    """

    def steps(self, stage: str, node: str) -> Sequence[str]:
        """Return the keys that executions at this point have read next."""

    def trace(self, stage: str, node: str) -> Trace | None:
        """Return the latest execution that read nothing more."""

    def is_outdated(self, trace: Trace) -> bool:
        """Return whether a later execution has read all that one has read, and more."""


def find(past: Past, stage: str, node: str, now: Now, same: Same) -> Trace | None:
    """Return the trace below a node whose reads all have the same values now."""
    waiting = [(node, False)]
    while waiting:
        node, is_fork = waiting.pop()
        trace, keys = past.trace(stage, node), past.steps(stage, node)
        is_fork = is_fork or len(keys) > (trace is None)
        if trace is not None and not (is_fork and past.is_outdated(trace)):
            return trace
        for key in reversed(keys):
            digest = now(key)
            for each in (*same(digest), digest):
                waiting.append((after(node, key, each), is_fork))
    return None


def path(past: Past, stage: str, node: str, now: Now) -> list[str]:
    """Return the keys that are known to be read, as far as values agree."""
    found: list[str] = []
    while keys := past.steps(stage, node):
        found.append(keys[0])
        node = after(node, keys[0], now(keys[0]))
    return found


def identity(source: Source) -> str:
    """Return what a consumer goes by; empty while it is not known."""
    if isinstance(source, Literal):
        return source.digest
    trace = source.call.trace
    return trace.outputs[source.index].identity if trace is not None else ""


def inputs(call: Call, ahead: Mapping[Call, Call] = NOBODY) -> list[str]:
    """Return the identities of all inputs of a call, named, in order.

    `ahead` has the call that is likely to compute what another waits for: its place
    stands for an identity that is not known yet.
    """
    if call.known is not None:
        return call.known
    pairs = [(n, m.sources.get(n)) for m in call.members for n in call.stage.inputs]
    found = [
        f"{n}={each and identity(each) or _ahead(each, ahead)}" for n, each in pairs
    ]
    return [str(len(call.members)), *found] if call.stage.is_aggregate else found


def group(call: Call) -> str:
    """Return the digest of all that is known of a call before it reads anything."""
    if call.group:
        return call.group
    taken, key = inputs(call), call.stage.key
    is_alone = not (taken or call.arguments)
    found = _alone(key) if is_alone else group_of(key, taken, call.given())
    if is_known(call):
        call.group, call.known = found, taken
    return found


def group_of(key: str, inputs: list[str], arguments: Mapping[str, str]) -> str:
    """Return the digest of a stage with its inputs and its keyword arguments."""
    given = [f"{name}={digest}" for name, digest in sorted(arguments.items())]
    return hashing.hash_text(key, *inputs, "with", *given)


@functools.lru_cache(1000)
def _alone(key: str) -> str:
    """Return the group that all calls of a stage have in common which take nothing."""
    return group_of(key, [], {})


def prospect(call: Call, ahead: Mapping[Call, Call] = NOBODY) -> tuple[str, ...]:
    """Return what is equal for calls that are likely to share a result.

    What a stage reads is known after one execution only; before it, the fields whose
    names occur in its code stand for its reads. A prediction decides nothing.
    """
    given = [each for pair in sorted(call.given().items()) for each in pair]
    names = call.stage.likely
    others = [m.snapshot for m in call.members] if call.stage.is_aggregate else []
    likely = [digest for each in (call.own, *others) for digest in each.likely(names)]
    return call.stage.key, *inputs(call, ahead), *given, "with", *likely


def _ahead(source: Source | None, ahead: Mapping[Call, Call]) -> str:
    """Return what stands for an input that is not known yet, or is not given."""
    if isinstance(source, Output) and source.call in ahead:
        return f"{ahead[source.call].position} {source.index}"
    return "-" if source is None else ""


def is_known(call: Call) -> bool:
    """Return whether all inputs of a call have an identity."""
    for each in call.taken:
        if each.call.trace is None:
            return False
    return True


def why_reused(call: Call, trace: Trace, *, is_other: bool = False) -> str:
    """Say what is not plain where a call has the result of a trace, of other code even."""
    if trace.stage != call.stage.name:
        return f"formerly {trace.stage}"
    is_other |= trace.code != call.stage.code.fingerprint
    if is_other and call.stage.is_named:
        return ACCEPTED
    if trace.label == call.label:
        return ""
    reads = (key for key, _, _ in trace.reads if key[0] == "a")
    fields = dict.fromkeys(map(shown_read, reads))
    shown = [*fields][:4] + (["..."] if len(fields) > 4 else [])
    return f"shared with {trace.label} (reads {', '.join(shown) or 'no field'})"


MEANT = {
    "*": "everything",
    "~": "the text",
    "#": "which fields there are",
    "%": "how fields are declared",
    "=": "the names",
}
"""What the keys of reads that end with a sign stand for."""


def shown_read(key: str) -> str:
    """Return what a key of reads stands for, as users say it."""
    name = key.partition(":")[2].rstrip("@:")  # a module ends with a colon
    meant = MEANT.get(name[-1:]) if key[0] == "a" else None
    if meant is None:
        return name or "its class"
    owner = name[:-1].rstrip(".")
    return f"{meant} of {owner}" if owner else meant


def is_declared_alike(call: Call, trace: Trace) -> bool:
    """Return whether outputs, cachers, files and reads are declared as for a trace."""
    key = call.stage.key_as(trace.stage, trace.code)
    return trace.group == group_of(key, trace.inputs, trace.arguments)


def stage_changes(
    call: Call, trace: Trace, parts_of: Callable[[Trace], dict[str, str]]
) -> list[str]:
    """Say how the stage of a call differs from the one that a trace is of."""
    found = []
    if trace.stage not in call.stage.names:
        found.append(f"was {trace.stage}: formerly={trace.stage!r} keeps its results")
    if trace.code != call.stage.code.fingerprint:
        found += changed_parts(parts_of(trace), call.stage.code.parts)
    if not found and not is_declared_alike(call, trace):  # cachers have code, too
        found.append(OTHERWISE)
    return found


def predict(call: Call, similar: Iterable[Trace], now: Now) -> Decision:
    """Decide, as far as possible, a call that waits for the result of another."""
    stage = call.stage
    for trace in similar:
        agreeing = (now(key) == digest for key, digest, _ in trace.reads)
        is_its = trace.code == stage.code.fingerprint and trace.stage in stage.names
        if is_its and all(agreeing) and is_declared_alike(call, trace):
            return Decision("maybe", "waits for an input")
    return Decision("compute", "")


class Facts(NamedTuple):
    """What the reason of a call may say, beside what the call itself knows."""

    versions: Mapping[str, str]
    shown: Callable[[str], str]
    parts_of: Callable[[Trace], dict[str, str]]


def reason(call: Call, facts: Facts, similar: Sequence[Trace], now: Now) -> str:
    """Say how a call differs from the nearest trace."""
    of_its_own = [each for each in similar if each.label == call.label]
    compared = of_its_own or similar
    candidates = [_differences(call, facts, each, now) for each in compared]
    nearest = min((each for each in candidates if each), key=len, default=None)
    if nearest is None:
        return "never run"
    more = f" and {len(nearest) - 3} more" if len(nearest) > 3 else ""
    return ", ".join(nearest[:3]) + more


def _differences(call: Call, facts: Facts, trace: Trace, now: Now) -> list[str]:
    found = stage_changes(call, trace, facts.parts_of)
    found += _input_changes(call, trace.inputs, inputs(call))
    if OTHER_RECORDS in found:  # reads are by place: another order compares nothing
        return found
    given = call.given()
    for name in sorted({*trace.arguments, *given}):
        if trace.arguments.get(name) != given.get(name):
            found.append(f"argument {name} changed")
    changes = (
        read_change(key, shown, facts.shown(key))
        for key, digest, shown in trace.reads
        if now(key) != digest
    )
    found += dict.fromkeys(changes)
    versions = facts.versions
    for name in sorted(set(versions) & set(trace.versions)) if found else ():
        if trace.versions[name] != versions[name]:
            found.append(f"{name} {trace.versions[name]} -> {versions[name]}")
    return found


def changed_parts(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Say which definitions differ between two closures of code."""
    if not (before and after):  # what one of them was is gone
        return ["code changed"]
    # A definition that was renamed or moved keeps its digest, so only digests matter.
    more = Counter(after.values()) - Counter(before.values())
    changed = sorted(
        name
        for name, each in after.items()
        if each in more and before.get(name) != each
    )
    gone = sorted(set(before) - set(after))
    return (
        [f"{name} changed" for name in changed]
        or [f"{name} no longer used" for name in gone[:1]]
        or ["code changed"]
    )


def _input_changes(call: Call, before: list[str], after: list[str]) -> list[str]:
    if len(before) != len(after) or before != after and sorted(before) == sorted(after):
        return [OTHER_RECORDS]
    pairs = zip(before, after, strict=True)
    changed = {new.partition("=")[0] for old, new in pairs if old != new}
    if any(name.isdigit() for name in changed):  # how many records there are
        return [OTHER_RECORDS]
    return [f"input {name} changed{_by(call, name)}" for name in sorted(changed)]


def _by(call: Call, name: str) -> str:
    for member in call.members:
        source = member.sources.get(name)
        if source is not None and not isinstance(source, Literal):
            return f" (by {source.call.stage.label})"
    return ""


def read_change(key: str, before: str, after: str) -> str:
    """Say what became of something that was read."""
    kind, name = key[0], key.partition(":")[2]
    if kind in "fcm":
        return f"{name.rstrip(':')} changed"
    if kind == "o":
        return f"{name} counts now"
    if name.endswith(("*", "~")):
        owner = name.rstrip("*~.")
        of = f" of {owner}" if owner else ""
        return f"some field{of} changed (the stage reads all)"
    if name.endswith("#"):
        return "there are other fields (the stage goes through all)"
    if name.endswith("%"):
        return "fields are declared otherwise (the stage looks at that)"
    if before == after:
        return f"{name.rstrip('@=') or 'the class of the argset'} changed"
    return f"{name} {before} -> {after}"
