"""Performs decisions: computes what must be computed, and isolates failures."""

import importlib
import json
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import caching, code, decide, hashing, reads, store, syntax
from .caching import Cacheable
from .decide import Decision, Now, Tree
from .errors import ArtifactError, CurifactoryError, DamagedError, nearest
from .progress import Progress
from .reads import Files, Reads
from .record import Call, Literal, Member, Output, Snapshot, Source
from .stages import describe
from .store import Artifact, Store, Trace


@dataclass(frozen=True)
class Options:
    """What a run was asked to compute in any case."""

    overwrite: bool = False
    overwrite_stages: frozenset[str] = frozenset()

    def forces(self, call: Call) -> bool:
        return self.overwrite or call.stage.label in self.overwrite_stages


@dataclass(frozen=True)
class _Failure:
    """What an execution had read when it failed."""

    label: str
    reads: dict[str, str]
    error: Exception


class Session:
    """Decides and executes the calls of one run, one after the other."""

    def __init__(
        self, store: Store, files: Files, options: Options, progress: Progress, run: str
    ) -> None:
        self.store = store
        self.files = files
        self.options = options
        self.progress = progress
        self.run = run
        self._trees: dict[str, Tree] = {}
        self._file_digests: dict[tuple[str, tuple[int, int]], str] = {}
        self._memory: dict[tuple[int, int], Any] = {}
        self._said: set[str] = set()
        self._failures: dict[str, list[_Failure]] = {}
        self._begin = time.time()

    # Decisions ----------------------------------------------------------------------

    def decision(self, call: Call) -> Decision:
        """Return what is to happen to a call whose inputs are known."""
        found = decide.decide(call, self._tree(call), self._now(call))
        stale = found.trace is not None and found.trace.created < self._begin
        if self.options.forces(call) and (found.trace is None or stale):
            return Decision("compute", "forced")
        return found

    def foresee(self, calls: Iterable[Call]) -> Iterator[tuple[Call, Decision]]:
        """Yield the decision of each call, computing nothing."""
        prospects: dict[int, str] = {}
        leaders: dict[str, Call] = {}
        for call in calls:
            found = self._foreseen(call)
            if found.trace is not None:
                self._take(call, found.trace)
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
        similar = self.store.similar(call.stage.name, call.label)
        forced = self.options.forces(call)
        return decide.predict(call, similar, self._now(call), forced)

    def reason(self, call: Call) -> str:
        """Say why a call is computed."""
        waiting = [each for each in call.producers() if not each.identities]
        if waiting:
            return f"after {', '.join(dict.fromkeys(c.stage.label for c in waiting))}"
        facts = decide.Facts(
            decide.inputs(call),
            {name: value.digest for name, value in call.arguments.items()},
            call.stage.code.parts,
            lambda key: self._shown(call, key),
            lambda trace: self.store.code_parts(trace.stage, trace.code),
        )
        similar = self.store.similar(call.stage.name, call.label)
        return decide.reason(call, facts, similar, self._now(call))

    def _tree(self, call: Call) -> Tree:
        group = decide.group(call)
        if group not in self._trees:
            found = self.store.find(call.stage.name, group)
            self._trees[group] = decide.tree(found)
        return self._trees[group]

    def _now(self, call: Call) -> Now:
        def now(key: str) -> str:
            kind, (number, _, path) = key[0], key[1:].partition(":")
            if number and int(number) >= len(call.members):
                return "absent"
            if kind == "a":
                return call.snapshot(number).digest(path)
            if kind == "m":
                return call.snapshot(number).member(path)
            return self._class_digest(path) if kind == "c" else self._file_digest(path)

        return now

    def _shown(self, call: Call, key: str) -> str:
        kind, (number, _, path) = key[0], key[1:].partition(":")
        if number and int(number) >= len(call.members):
            return "absent"
        return call.snapshot(number).shown(path) if kind == "a" else ""

    def _file_digest(self, path: str) -> str:
        root = Path(self.files.root)
        stat = reads.stat_of(str(root / path))
        key = path, stat
        if key not in self._file_digests or store.is_racy(stat[1]):
            self._file_digests[key] = self.store.file_digest(root, path, stat)
        return self._file_digests[key]

    def _class_digest(self, path: str) -> str:
        module, _, qualname = path.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for step in qualname.split("."):
                found = getattr(found, step)
        except (ImportError, AttributeError):
            return "absent"
        return code.fingerprint(code.unwrapped(found)).fingerprint

    # Execution ----------------------------------------------------------------------

    def settle(self, calls: Iterable[Call]) -> None:
        """Bring each call, in the order they were made, to its end."""
        for call in calls:
            if call.status == "waiting":
                self._settle(call)

    def value(self, source: Source) -> Any:
        """Return a value as its cacher loads it; what is missing is computed first."""
        if isinstance(source, Literal):
            return source.value
        self.settle(ancestors(source.call))
        call = source.call
        if call.status == "failed" and call.error is not None:
            raise call.error
        if call.status == "skipped":
            raise CurifactoryError(f"{call.stage.label} was skipped: {call.reason}")
        return self._load(source)

    def _settle(self, call: Call) -> None:
        blocked = [c for c in call.producers() if c.status in ("failed", "skipped")]
        if blocked:
            names = ", ".join(f"{c.stage.label} {c.label}" for c in blocked[:2])
            self._finish(call, "skipped", f"{names} failed")
            return
        decision = self.decision(call)
        if decision.kind == "reuse" and decision.trace is not None:
            self._take(call, decision.trace)
            self._finish(call, "reused", decision.reason)
            return
        earlier = self._failure(call)
        if earlier is not None:
            call.error = earlier.error
            self._finish(call, "failed", f"as for {earlier.label}")
        else:
            self._compute(call, decision.reason or self.reason(call))

    def _failure(self, call: Call) -> "_Failure | None":
        """Return the failure of this run that a call would only repeat."""
        now = self._now(call)
        for each in self._failures.get(decide.group(call), ()):
            if all(now(key) == digest for key, digest in each.reads.items()):
                return each
        return None

    def _compute(self, call: Call, reason: str, before: Trace | None = None) -> None:
        self.progress.started(call.stage.label, call.label)
        begin = time.perf_counter()
        try:
            trace = self._execute(call, before)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            call.seconds = time.perf_counter() - begin
            call.error = error
            self._finish(call, "failed", reason)
            return
        self._trees[trace.group].insert(trace)
        self._take(call, trace)
        call.seconds = time.perf_counter() - begin
        self._finish(call, "computed", reason)

    def _execute(self, call: Call, before: Trace | None) -> Trace:
        folder = self.store.prepare()
        try:
            return self._execute_in(folder, call, before)
        except BaseException:
            self.store.discard(folder)
            raise

    def _execute_in(self, folder: Path, call: Call, before: Trace | None) -> Trace:
        noted = Reads()
        inside = Inside(self, call, noted, folder)
        with caching.meeting() as met:
            values = self._inputs(call)
            begin = time.perf_counter()
            try:
                with self.files.noting(noted):
                    result = inside.call(values)
                    outputs = self._save(call, folder, _split(call, result))
            except Exception as error:
                self._note_failure(call, noted, error)
                raise
            seconds = time.perf_counter() - begin
        for path in _met(met, values):
            noted.note(f"c:{path}")
        inside.describe(folder)
        trace = self._trace(call, noted, outputs)
        if before is not None:
            trace.outputs = self._restored(call, before, trace)
        trace.seconds, trace.metrics = round(seconds, 6), inside.metrics
        trace.reportables = inside.described
        committed = self.store.commit(folder, trace, call.stage.code.parts)
        inside.clean_up()
        return committed

    def _restored(self, call: Call, before: Trace, now: Trace) -> list[Artifact]:
        """Keep the identities by which consumers know data that is made again."""
        pairs = list(zip(before.outputs, now.outputs, strict=True))
        if any(old.is_kept and old.checksum != new.checksum for old, new in pairs):
            self.progress.message(
                f"{call.stage.label} {call.label} is not reproducible: computed again, "
                "its bytes differ"
            )
        return [replace(new, identity=old.identity) for old, new in pairs]

    def _note_failure(self, call: Call, noted: Reads, error: Exception) -> None:
        now = self._now(call)
        failure = _Failure(call.label, {key: now(key) for key in noted.keys}, error)
        group = decide.group(call)
        self._failures.setdefault(group, []).append(failure)

    def _trace(self, call: Call, noted: Reads, outputs: list[Artifact]) -> Trace:
        now = self._now(call)
        found = [[key, now(key), self._shown(call, key)] for key in noted.keys]
        for path, before in noted.stats.items():
            if reads.stat_of(str(Path(self.files.root) / path)) != before:
                self.progress.message(
                    f"{path} changed while {call.stage.label} read it"
                )
                found.append([f"f:{path}", "changed while it was read", ""])
        group = decide.group(call)
        key = hashing.hash_text(group, *(f"{k}={digest}" for k, digest, _ in found))
        return Trace(
            stage=call.stage.name,
            label=call.label,
            group=group,
            code=call.stage.code.fingerprint,
            inputs=decide.inputs(call),
            reads=found,
            outputs=[_identified(each, key) for each in outputs],
            arguments={name: value.digest for name, value in call.arguments.items()},
            run=self.run,
        )

    # Artifacts ----------------------------------------------------------------------

    def _inputs(self, call: Call) -> list[dict[str, Any]]:
        """Load the inputs of a call; what was collected is computed again."""
        if call.stage.is_aggregate:
            return [_LazyInputs(self, member) for member in call.members]
        return [
            {name: self._load(source) for name, source in member.sources.items()}
            for member in call.members
        ]

    def ensure_loadable(self, source: Source) -> None:
        """Compute what was collected before a stage that needs it begins."""
        if isinstance(source, Output) and (id(source.call), source.index) not in (
            self._memory
        ):
            trace = source.call.trace
            if trace is None or not self.store.has_data(trace):
                self._restore(source, "its data was not kept")

    def _load(self, source: Source) -> Any:
        if isinstance(source, Literal):
            return caching.detached_copy(source.value)
        call, index = source.call, source.index
        key = id(call), index
        if key in self._memory:
            return caching.detached_copy(self._memory[key])
        trace = call.trace
        if trace is None or not self.store.has_data(trace):
            return self._restore(source, "its data was not kept")
        try:
            return self._read(call, trace, index)
        except DamagedError:
            return self._restore(source, "artifact damaged")

    def _read(self, call: Call, trace: Trace, index: int) -> Any:
        artifact = trace.outputs[index]
        declared = call.stage.cachers[index]
        if declared is None or isinstance(declared, caching.AutoCacher):
            declared = caching.BY_NAME[artifact.cacher]()
        return self.store.load(trace, artifact, declared)

    def _restore(self, source: Output, reason: str) -> Any:
        """Compute a call again for its data; consumers keep going by its identity."""
        call, before = source.call, source.call.trace
        for producer in ancestors(call):
            if producer is not call and producer.status == "waiting":
                self._settle(producer)
        self._compute(call, f"{reason}, and a later stage needs it", before)
        if call.error is not None:
            raise CurifactoryError(
                f"{call.stage.label} {call.label} failed when it was computed again"
            ) from call.error
        return self._load(source)

    def _save(self, call: Call, folder: Path, values: list[Any]) -> list[Artifact]:
        artifacts = []
        outputs = zip(call.stage.outputs, call.stage.cachers, values, strict=True)
        for index, (name, cacher, value) in enumerate(outputs):
            if cacher is None:
                self._memory[id(call), index] = value
                artifacts.append(Artifact(name, (), "", 0, "", ""))
            else:
                artifacts.append(self._save_one(call, folder, index, cacher, value))
        return artifacts

    def _save_one(
        self, call: Call, folder: Path, index: int, cacher: Cacheable, value: Any
    ) -> Artifact:
        name = call.stage.outputs[index]
        automatic = isinstance(cacher, caching.AutoCacher)
        chosen = (
            cacher.chosen(value) if isinstance(cacher, caching.AutoCacher) else cacher
        )
        before = set(store.files_in(folder))
        try:
            chosen.at(folder, store.output_stem(name)).save(value)
        except ArtifactError as error:
            if not automatic:
                place = f"{call.stage.where}: {call.stage.label}, output {name!r}"
                raise ArtifactError(f"{place}: {error.message}", error.hint) from error
            self._say_once(
                f"{call.stage.label}: output {name!r} is kept for this run only "
                f"({error.message})"
            )
            self._memory[id(call), index] = value
            return Artifact(name, (), "", 0, "", "")
        found = store.checked_in(folder, name, chosen, before)
        return replace(
            found, identity=hashing.hash_text(found.checksum, describe(chosen))
        )

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.progress.message(text)

    def _take(self, call: Call, trace: Trace) -> None:
        call.trace = trace
        call.identities = [artifact.identity for artifact in trace.outputs]

    def _finish(self, call: Call, status: str, reason: str) -> None:
        call.status, call.reason = status, reason
        self.progress.finished(
            call.stage.label, call.label, status, call.seconds, reason
        )


@dataclass
class Inside:
    """Makes the records that a stage function gets, and collects what it shows."""

    session: Session
    made_by: Call
    noted: Reads
    folder: Path
    metrics: dict[str, Any] = field(default_factory=dict)
    reportables: list[Any] = field(default_factory=list)
    described: list[dict[str, Any]] = field(default_factory=list)
    used_scratch: Path | None = None

    def call(self, values: list[dict[str, Any]]) -> Any:
        """Call the stage function on tracked records."""
        call = self.made_by
        given = {n: caching.detached_copy(v.value) for n, v in call.arguments.items()}
        if not call.stage.is_aggregate:
            record = self._record(call.own, None, values[0])
            return call.stage.function(record, **values[0], **given)
        own = self._record(call.own, None, {})
        records = [
            self._record(member.snapshot, index, values[index])
            for index, member in enumerate(call.members)
        ]
        inputs = {
            name: _ByRecord({r: values[i] for i, r in enumerate(records)}, name)
            for name in call.stage.inputs
        }
        return call.stage.function(own, records, **inputs, **given)

    def _record(
        self, snapshot: Snapshot, index: int | None, state: Mapping[str, Any]
    ) -> "StageRecord":
        args = self.noted.argset(snapshot.source, index)
        return StageRecord(self, snapshot.name, args, state)

    def describe(self, folder: Path) -> None:
        """Write what the stage reported beside its artifacts."""
        for number, each in enumerate(self.reportables):
            entry = each.describe(folder, f"report-{number}")
            json.dumps(entry)
            self.described.append(entry)

    def scratch(self) -> Path:
        call = self.made_by
        group = decide.group(call)
        own = call.own.digest("*") if call.own.args is not None else ""
        self.used_scratch = self.session.store.scratch(group, own)
        return self.used_scratch

    def clean_up(self) -> None:
        """Drop the checkpoints of a call that is committed."""
        if self.used_scratch is not None:
            self.session.store.discard(self.used_scratch)


class StageRecord:
    """A record as a stage sees it: nothing that it could use without being noticed."""

    def __init__(
        self, inside: Inside, label: str, args: Any, state: Mapping[str, Any]
    ) -> None:
        self._inside = inside
        self.label = label
        self.args = args
        self.params = args
        self.state = state

    def metric(self, name: str, value: Any, goal: str | None = None) -> None:
        """Show a number in the comparison of argsets; the goal is "max" or "min"."""
        if goal not in (None, "max", "min"):
            raise CurifactoryError(
                f'goal={goal!r} of {name!r} is neither "max" nor "min"'
            )
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise CurifactoryError(
                f"metric {name!r} is no number: {value!r}"
            ) from error
        self._inside.metrics[str(name)] = {"value": number, "goal": goal}

    def report(self, reportable: Any) -> None:
        """Show a figure, table or value in the report of the run."""
        if not hasattr(reportable, "describe"):
            raise CurifactoryError(
                f"{reportable!r:.80} is no reportable",
                "wrap it: from curifactory.reporting import FigureReporter, TableReporter",
            )
        self._inside.reportables.append(reportable)

    @property
    def scratch(self) -> Path:
        """A folder for checkpoints, kept over failures until the call is done."""
        return self._inside.scratch()

    def get_path(self, name: str) -> Path:
        """Return the path of a file that is kept with the call."""
        if Path(name).name != name:
            raise CurifactoryError(f"{name!r} is no plain file name")
        folder = self._inside.folder / "files"
        folder.mkdir(exist_ok=True)
        return folder / name

    def get_dir(self, name: str) -> Path:
        """Return a folder that is kept with the call."""
        path = self.get_path(name)
        path.mkdir(exist_ok=True)
        return path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise CurifactoryError(
            f"inside a stage a record has no {name!r}: {nearest(name, _OFFERED)}",
            "declare what the stage needs in its inputs, so that a change is noticed",
        )


_OFFERED = (
    "args",
    "state",
    "label",
    "metric",
    "report",
    "scratch",
    "get_path",
    "get_dir",
)


class _LazyInputs(dict[str, Any]):
    """The inputs of one record of an aggregate, each loaded when it is first used."""

    def __init__(self, session: Session, member: Member) -> None:
        super().__init__()
        self._session = session
        self._sources = member.sources
        for source in member.sources.values():
            session.ensure_loadable(source)

    def __missing__(self, name: str) -> Any:
        if name not in self._sources:
            raise CurifactoryError(
                f"{name!r} is no input of this aggregate", nearest(name, self._sources)
            )
        self[name] = self._session._load(self._sources[name])
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self._sources


class _ByRecord(Mapping[Any, Any]):
    """One input of an aggregate: a mapping from record to value, in order."""

    def __init__(self, states: dict[Any, Any], name: str) -> None:
        self._states = {r: state for r, state in states.items() if name in state}
        self._name = name

    def __getitem__(self, record: Any) -> Any:
        return self._states[record][self._name]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)


def ancestors(call: Call) -> list[Call]:
    """Return the calls that a call needs, and itself, in the order they were made."""
    found: dict[int, Call] = {}
    waiting = [call]
    while waiting:
        each = waiting.pop()
        if id(each) not in found:
            found[id(each)] = each
            waiting.extend(each.producers())
    return sorted(found.values(), key=lambda each: each.position)


def where(error: BaseException) -> str:
    """Return file and line of the innermost frame of the user's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if syntax.is_project_file(frame.filename)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""


def own_frames(error: BaseException) -> str:
    """Return the traceback with the frames of the user's own code only."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if syntax.is_project_file(frame.filename)]
    shown = "".join(traceback.format_list(own))
    if isinstance(error, CurifactoryError):
        return f"{shown}{error}"
    return shown + "".join(traceback.format_exception_only(type(error), error))


def _split(call: Call, result: Any) -> list[Any]:
    """Return one value for each output."""
    names = call.stage.outputs
    if len(names) == 1:
        return [result]
    if not names:
        return []
    if not isinstance(result, (tuple, list)) or len(result) != len(names):
        count = len(result) if isinstance(result, (tuple, list)) else 1
        raise CurifactoryError(
            f"{call.stage.where}: stage {call.stage.label} returned {count} values for "
            f"{len(names)} outputs ({', '.join(names)})",
            f"return {', '.join(names)}",
        )
    return list(result)


def _identified(artifact: Artifact, key: str) -> Artifact:
    """An output without data goes by the key of the call that makes it."""
    if artifact.is_kept:
        return artifact
    return replace(artifact, identity=hashing.hash_text(key, artifact.name))


def _met(found: list[Any], values: list[dict[str, Any]]) -> list[str]:
    """Return the project classes and functions that the loaded inputs are made of."""
    kinds = [type(value) for each in values for value in dict.values(each)]
    project = [each for each in (*found, *kinds) if code.is_project(each)]
    paths = (f"{each.__module__}:{each.__qualname__}" for each in project)
    return list(dict.fromkeys(paths))
