"""Gathers what decisions need: traces of the past, and digests of the present."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from . import caching, decide
from .decide import Decision, Now, Tree
from .index import Index
from .reads import FileDigests
from .record import Call, Literal, Output, Present, Source
from .store import Store, Trace


@dataclass(frozen=True)
class Options:
    """What a run was asked to do beyond what decisions ask for."""

    overwrite: bool = False
    overwrite_stages: frozenset[str] = frozenset()
    retries: int = 0
    fail_fast: bool = False
    max_calls: int | None = None
    debugger: bool = False

    def forces(self, call: Call) -> bool:
        return self.overwrite or call.stage.label in self.overwrite_stages


class Survey:
    """Decides the calls of one run; it reads, and computes nothing."""

    def __init__(
        self, store: Store, index: Index, digests: FileDigests, options: Options
    ) -> None:
        self.store = store
        self.index = index
        self.options = options
        self.present = Present(digests)
        self.fresh: set[str] = set()
        """Folders that this run has made: they are never forced again."""
        self._trees: dict[str, Tree] = {}

    def decision(self, call: Call) -> Decision:
        """Return what is to happen to a call whose inputs are known."""
        found = decide.decide(call, self.tree(call), self.now(call))
        is_fresh = found.trace is not None and found.trace.folder in self.fresh
        if self.options.forces(call) and not is_fresh:
            return Decision("compute", "forced")
        return found

    def tree(self, call: Call) -> Tree:
        """Return the traces of a call's stage, code and inputs."""
        group = decide.group(call)
        if group not in self._trees:
            found = self.index.find(call.stage.name, group)
            self._trees[group] = decide.tree(found)
        return self._trees[group]

    def insert(self, trace: Trace) -> None:
        """Take in a trace that was committed while the run goes on."""
        if trace.group not in self._trees:
            found = self.index.find(trace.stage, trace.group)
            self._trees[trace.group] = decide.tree(found)
        self._trees[trace.group].insert(trace)

    def forget_all(self) -> None:
        """Look at the cache anew: another run may have changed it."""
        self._trees.clear()
        self.index.refresh()

    def now(self, call: Call) -> Now:
        """Return what gives the present digest of a key of reads."""
        own, members = call.own, call.snapshots()
        return lambda key: self.present.now(own, members, key)

    def has_data(self, source: Source) -> bool:
        """Return whether the cache can give the value of a source."""
        if isinstance(source, Literal):
            return True
        trace = source.call.trace
        return trace is not None and self.store.has_data(trace, source.index)

    def load(self, source: Output) -> Any:
        """Return a value from the cache as its cacher loads it."""
        call, trace = source.call, source.call.trace
        assert trace is not None
        artifact = trace.outputs[source.index]
        declared = call.stage.cachers[source.index]
        cacher = caching.cacher_of(declared, artifact.cacher)
        return self.store.load(trace.folder, artifact, cacher)

    # Looking ahead ------------------------------------------------------------------

    def foresee(self, calls: Iterable[Call]) -> Iterator[tuple[Call, Decision]]:
        """Yield the decision of each call, computing nothing."""
        prospects: dict[int, str] = {}
        leaders: dict[str, Call] = {}
        for call in calls:
            found = self._foreseen(call)
            if found.trace is not None:
                take(call, found.trace)
                yield call, found
                continue
            likely = prospects[id(call)] = decide.prospect(call, prospects)
            leader = leaders.setdefault(likely, call)
            if leader is not call and found.kind == "compute":
                reason = f"shared with {leader.label}, once it is computed"
                found = Decision("reuse", reason)
            elif found.kind == "compute" and not found.reason:
                found = found._replace(reason=self.reason(call))
            yield call, found

    def _foreseen(self, call: Call) -> Decision:
        if decide.is_known(call):
            return self.decision(call)
        similar = self.index.similar(call.stage.name, call.label)
        forced = self.options.forces(call)
        return decide.predict(call, similar, self.now(call), forced)

    def reason(self, call: Call) -> str:
        """Say why a call is computed."""
        waiting = [each for each in call.producers() if not each.identities]
        if waiting:
            return f"after {', '.join(dict.fromkeys(c.stage.label for c in waiting))}"
        own, members = call.own, call.snapshots()
        facts = decide.Facts(
            decide.inputs(call),
            {name: value.digest for name, value in call.arguments.items()},
            call.stage.code.parts,
            lambda key: self.present.shown(own, members, key),
            lambda trace: self.store.code_parts(trace.stage, trace.code),
        )
        similar = self.index.similar(call.stage.name, call.label)
        return decide.reason(call, facts, similar, self.now(call))


def take(call: Call, trace: Trace) -> None:
    """Let a call go by what a trace produced."""
    call.trace = trace
    call.identities = [artifact.identity for artifact in trace.outputs]
