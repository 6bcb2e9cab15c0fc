"""Gathers what decisions need: traces of the past, and digests of the present."""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from . import decide, sources
from .decide import Decision, Now
from .errors import counted, nearest
from .files import is_of_code
from .folders import output_stem
from .index import Index
from .provenance import dependencies
from .record import Call, Output
from .request import Request
from .snapshot import Present
from .stages import AnyStage
from .store import Store
from .trace import Trace


@dataclass(eq=False, repr=False)
class Survey:
    """Decides the calls of one run; it reads, and computes nothing."""

    store: Store
    index: Index
    present: Present
    request: Request
    fresh: set[str] = field(default_factory=set)
    """Folders that this run has made: they are never forced again."""
    _names_before: dict[str, str] = field(default_factory=dict)
    _accepted: dict[str, dict[str, None]] | None = None

    def decision(self, call: Call) -> Decision:
        """Return what is to happen to a call whose inputs are known."""
        trace = self._found(call)
        is_fresh = trace is not None and trace.folder in self.fresh
        if self.request.forces(call.stage.called) and not is_fresh:
            return Decision("compute", "forced")
        if trace is None:
            return Decision("compute", "")
        is_other = self.is_of_other_code(call, trace)
        if is_other and not self.store.has_data(trace):
            return Decision("compute", "what was accepted has no data any more")
        if call.stage.referring and not is_fresh:
            if changed := self._changed_elsewhere(call, trace):
                return Decision("compute", f"{changed} is not as it was left")
        reason = decide.why_reused(call, trace, is_other=is_other)
        return Decision("reuse", reason, trace)

    def is_of_other_code(self, call: Call, trace: Trace) -> bool:
        """Return whether a result counts only as it was accepted: nothing makes it again."""
        if not self._accepted:
            return False
        now, own = self.now(call), call.stage.code.fingerprint
        return trace.code != own or any(now(k) != then for k, then, _ in trace.reads)

    def _changed_elsewhere(self, call: Call, trace: Trace) -> str:
        """Return a file that an output refers to, and that is gone or another one now."""
        for index, cacher in call.stage.referring.items():
            place, name = self.store.place(trace.folder), trace.outputs[index].name
            placed = cacher.at(place, output_stem(name))
            # Where its data was collected, or is damaged, loading it tells.
            with contextlib.suppress(Exception):
                for path, digest in placed.elsewhere().items():
                    if self.present.file_digest(path) != digest:
                        return path
        return ""

    def path(self, call: Call, now: Now) -> list[str]:
        """Return what earlier executions say that a call will read, as far as they do."""
        return decide.path(self.index, call.stage.name, decide.group(call), now)

    def _found(self, call: Call) -> Trace | None:
        stage, now = call.stage, self.now(call)
        found = decide.find(self.index, stage.name, decide.group(call), now, self._same)
        if found is not None:
            return found
        codes = (stage.code.fingerprint, *self._same(stage.code.fingerprint))
        before = [*itertools.product(stage.names, codes)]
        same = self._same
        return next(self._filed(call, before, same), None) if before[1:] else None

    def _filed(
        self,
        call: Call,
        before: Iterable[tuple[str, str]],
        same: Callable[[str], Iterable[str]],
    ) -> Iterator[Trace]:
        """Yield the traces of a call by names and code that its stage had before."""
        taken, given, now = decide.inputs(call), call.given(), self.now(call)
        for name, code in before:
            node = decide.group_of(call.stage.key_as(name, code), taken, given)
            found = decide.find(self.index, name, node, now, same)
            if found is not None:
                yield found

    def _same(self, digest: str) -> Iterable[str]:
        """Return the digests of code that one was accepted for, directly or in turn."""
        if self._accepted is None:
            self._accepted = {}
            for each in self.store.accepted():
                for new, old in each["pairs"].items():
                    olds = self._accepted.setdefault(new, {})
                    olds.update({old: None, **self._accepted.get(old, {})})
        return self._accepted.get(digest, ())

    def now(self, call: Call) -> Now:
        """Return what gives the present digest of a key of reads."""
        return functools.partial(self.present.now, call.own, call.members)

    def has_data(self, source: Output) -> bool:
        """Return whether the cache can give the value of an output."""
        trace = source.call.trace
        if trace is None:
            return False
        is_fresh = trace.folder in self.fresh  # loading tells if it is gone again
        return self.store.has_data(trace, source.index, is_fresh=is_fresh)

    def similar(self, call: Call) -> list[Trace]:
        """Return earlier executions of a stage, or else of its code by another name."""
        for name in call.stage.names:
            if found := self.index.similar(name, call.label):
                return found
        name = self._name_before(call.stage)
        return self.index.similar(name, call.label) if name else []

    def past(self, call: Call, similar: list[Trace] | None = None) -> list[Trace]:
        """Return earlier executions: those that had all but the code of a call, whose
        argset may have had another name then; where there are none, the similar ones.
        """
        known = self.similar(call) if similar is None else similar
        if not (known and decide.is_known(call)):
            return known
        before = dict.fromkeys((each.stage, each.code) for each in known)
        now = self.now(call)
        olds: dict[str, dict[str, None]] = {}  # what code that was met was before
        for trace in known:
            for key, digest, _ in trace.reads:
                if is_of_code(key):
                    olds.setdefault(now(key), {})[digest] = None

        def same(digest: str) -> Iterable[str]:
            return (*self._same(digest), *olds.get(digest, ()))

        return [*self._filed(call, before, same)] or known

    def _name_before(self, stage: AnyStage) -> str:
        """Return the name that the code of a stage had, where nothing has it now."""
        if stage.rules.version is not None:  # says nothing about code
            return ""
        if stage.name not in self._names_before:
            own = stage.code.fingerprint
            codes = (own, *self._same(own))
            before = self._stages_before
            names = (n for c in codes for n in self.store.stages_with(c, before))
            gone = [each for each in names if not sources.is_defined(each)]
            self._names_before[stage.name] = gone[0] if gone else ""
        return self._names_before[stage.name]

    @functools.cached_property
    def _stages_before(self) -> list[str]:
        """The folders of stages that this run has found, before it made more."""
        return self.store.stages()

    # Looking ahead ------------------------------------------------------------------

    def foresee(self, calls: Iterable[Call]) -> list[tuple[Call, Decision]]:
        """Return the decision of each call, computing nothing."""
        with self.present.at_once():
            return list(self._all_foreseen(calls).items())

    def _all_foreseen(self, calls: Iterable[Call]) -> dict[Call, Decision]:
        decisions: dict[Call, Decision] = {}
        ahead: dict[Call, Call] = {}
        leaders: dict[tuple[str, ...], Call] = {}
        for call in calls:
            found = self._foreseen(call)
            if found.trace is not None:
                call.trace = found.trace
            else:
                likely = decide.prospect(call, ahead)
                leader = ahead[call] = leaders.setdefault(likely, call)
                if leader is not call and found.kind == "compute":
                    reason = f"shared with {leader.label}, once it is computed"
                    found = Decision("reuse", reason)
            decisions[call] = found
        if self.request.max_calls is not None:
            self._stop(self.request.max_calls, decisions, ahead)
        self._mark_collected(decisions)
        return decisions

    def _stop(
        self, limit: int, decisions: dict[Call, Decision], ahead: dict[Call, Call]
    ) -> None:
        """Skip what comes after as many calls as may be computed, and what needs it."""
        beyond: set[Call] = set()
        left = limit
        for call, found in decisions.items():
            needs_more = not beyond.isdisjoint([*call.producers(), ahead.get(call)])
            if needs_more or (found.kind == "compute" and not left):
                beyond.add(call)
                decisions[call] = Decision("skip", f"after {counted(limit, 'call')}")
            left -= decisions[call].kind == "compute"

    def _foreseen(self, call: Call) -> Decision:
        """Decide a call, as far as its inputs are known."""
        similar = self.similar(call)
        has_past = similar or len(call.stage.names) > 1
        if has_past and decide.is_known(call):
            found = self.decision(call)
        elif self.request.forces(call.stage.called):
            found = Decision("compute", "forced")
        else:
            found = decide.predict(call, similar, self.now(call))
        if found.kind != "compute":
            return found
        past = self.past(call, similar)
        seconds = past[0].seconds if past else 0.0
        reason = found.reason or self.reason(call, past)
        return Decision("compute", reason, None, seconds)

    def _mark_collected(self, decisions: dict[Call, Decision]) -> None:
        """Compute what was collected where a computing call needs its data.

        Of calls that share it the first one does.
        """
        first: dict[str, Call] = {}
        for call in reversed(decisions):
            if decisions[call].kind != "compute":
                continue
            for source in call.taken:
                known = decisions.get(source.call)  # none of another manager
                trace = known.trace if known and known.kind == "reuse" else None
                if trace is None or self.has_data(source):
                    continue
                said = f"data was collected, and {call.stage.label} needs it"
                first = first or _first_of_each(decisions)
                maker = first[trace.folder]
                decisions[maker] = Decision("compute", said, trace, trace.seconds)

    def reason(self, call: Call, similar: Sequence[Trace]) -> str:
        """Say why a call is computed, beside executions from before this run."""
        if not decide.is_known(call):
            waiting = [c.stage.label for c in call.producers() if c.trace is None]
            return f"after {', '.join(dict.fromkeys(waiting))}"
        before = [each for each in similar if each.folder not in self.fresh]
        if not before:
            return "never run" + self._never_formerly(call.stage)
        facts = decide.Facts(
            dependencies(call.stage.code.packages),
            functools.partial(self.present.shown, call.own, call.members),
            self.store.code_parts,
        )
        return decide.reason(call, facts, before, self.now(call))

    def _never_formerly(self, stage: AnyStage) -> str:
        """Say so where nothing is known by an earlier name: it may be mistyped."""
        if len(stage.names) == 1:
            return ""
        known = [each for each in self.store.stages() if each != stage.name]
        if not known:
            return ""
        return f", nor as {stage.names[-1]}: {nearest(stage.names[-1], known)}"


def _first_of_each(decisions: dict[Call, Decision]) -> dict[str, Call]:
    """Return the first call that has each result, by its folder."""
    traced = ((each.trace, call) for call, each in reversed(decisions.items()))
    return {trace.folder: call for trace, call in traced if trace is not None}
