"""One attempt at a call: inputs are loaded, the stage called, its outputs committed."""

import contextlib
import errno
import json
import os
import stat
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from . import (
    caching,
    capture,
    code,
    folders,
    hashing,
    plain,
    reads,
    scope,
    sources,
    surroundings,
)
from .errors import ArtifactError, CurifactoryError, DamagedError, counted
from .failure import failed
from .files import NOTHING, PLACE, PLACE_OF, UNREADABLE, FileDigests, Files, matching
from .inside import ByRecord, Inputs, StageRecord
from .lending import lent
from .provenance import dependencies
from .reads import Reads
from .record import Stored
from .saving import Saving
from .snapshot import Present, Snapshot
from .stages import AnyStage
from .store import Store
from .task import Held, Outcome, Place, Task, Value
from .trace import DISTURBED, Artifact, Trace, after


def perform(task: Task) -> Outcome:
    """Execute a call: load its inputs, call the stage, save and commit its outputs."""
    with one_at_a_time:
        return _Attempt(task).perform()


READS = "read so far, with digests\n"
"""The first line of the list of reads beside checkpoints; without it these do not count."""

RETRIES = 0.1, 1.0
"""Seconds, in all for a call, after which a file that cannot be read is tried again."""

_lasting: set[str] = set()
"""Files that could not be read when that time was over: other calls need not wait."""

NAMED = 100
"""Up to so many values may name files and folders, where they are given by hand."""

one_at_a_time = threading.RLock()
"""What is read is noted for a process, not for a thread."""


class _Attempt:
    """One execution of a stage, and what it gathers on its way."""

    saving: Saving

    def __init__(self, task: Task) -> None:
        self.task = task
        self.stage = task.stage
        self.outcome = Outcome()
        self.store, self.files, self.present = tools(task.place)
        self.store.warn = self.outcome.messages.append
        names = task.stage.code.names
        known = None if scope.ANY_NAME in names else names
        self.noted = Reads(task.stream, task.stage.rules.reads, known)
        self.noted.met = names
        self.names_count = not names.isdisjoint(scope.ASKS_NAME)
        """Whether what the code of the stage calls classes and functions counts in it."""
        self.noted.asks_names = self.names_count
        self.metrics: dict[str, Any] = {}
        self.has_files = self.has_references = False
        self.pauses = iter(RETRIES)
        self.declared: dict[str, str] = {}
        """The digests of files that were declared, or read by earlier attempts, before."""
        self.begun = time.time()
        self.process = os.getpid()
        self.used_scratch: Path | None = None
        self.values: list[Inputs] = []
        self.resumed = ""
        """Where the checkpoints of an earlier attempt lie that it goes on from."""
        self.folder = ""

    def perform(self) -> Outcome:
        begin = time.perf_counter()
        captured = capture.captured(self.task.output, self.outcome.messages.append)
        try:
            self.folder = self.store.prepare(self.stage.name)
            self.saving = Saving(self.task, self.folder, self.outcome)
            with captured, surroundings.kept(self.stage.rules.cpus):
                self.outcome.trace = self._execute()
        except BaseException as error:
            self._leave_if_forked(error.code if isinstance(error, SystemExit) else 1)
            if self.used_scratch is not None:  # for those that go on from there
                with contextlib.suppress(Exception):
                    self._note_all()
            self.outcome.failure = failed(error)
            for snapshot in (self.task.own, *(own for own, _ in self.task.members)):
                self.outcome.failure.redact(snapshot.source)
            self.outcome.failure.is_of_machine |= not self.folder
            self.outcome.failure.printed = capture.tail(self.task.output)
            self.outcome.reads = {key: self._now(key) for key in self.noted.keys}
            self.store.discard(self.folder)
            if self.resumed:
                said = f"{self.stage.label} {self.task.own.name} went on from {self.resumed}"
                self.outcome.messages.append(f"{said}: delete that to begin anew")
        self.outcome.seconds = time.perf_counter() - begin
        self.values = []  # they refer to this, which is no garbage to look for then
        return self.outcome

    def _tell_unheard(self) -> None:
        """Say so where files may have been read of which nobody has heard."""
        used = {each.rpartition(" ")[2] for each in self.stage.code.unfollowed}
        names = ", ".join(sorted(scope.UNHEARD & used))
        files = (key[2:] for key in self.noted.keys if key[:2] == "f:")
        if names and all(each.startswith(PLACE_OF) for each in files):
            said = f"{self.stage.label} uses {names}: no file that this reads counts"
            hint = "let a field name it, or declare files=[...]"
            self.outcome.messages.append(f"{said}; {hint}")

    def _execute(self) -> Trace:
        self.noted.tell("begun")
        self._note_files()
        with self.files.noting(self.noted, self.stage.code.memoized):
            values = self.values = self._inputs()
            self.noted.tell("called")
            begin = time.perf_counter()
            # No name for what is returned: it would keep argsets that nobody else does.
            outputs = self.saving.save(_split(self.stage, self._call(values)))
            self.noted.note_escaped()
        seconds = time.perf_counter() - begin
        self.outcome.written = self.noted.written
        if not (self.stage.rules.files or self.has_references):
            self.outcome.beyond = self.noted.beyond
            if self.stage.code.unfollowed:  # as of few
                self._tell_unheard()
        if self.outcome.damaged:  # whatever the stage made of the exception
            raise DamagedError(f"{self.outcome.damaged[0]} is damaged")
        self._note_met()
        if self.saving.is_placed:
            self.noted.note(f"f:{PLACE}{self.stage.label}")
        trace = self._trace(outputs)
        trace.seconds, trace.metrics = round(seconds, 6), self.metrics
        trace.reportables = self.saving.described
        if trace.reportables or self.has_files:
            folders.keep_links(self.folder)
            trace.others = {
                file: folders.digest(f"{self.folder}/{file}")
                for file in folders.files_in(self.folder)
                if file not in self.saving.files
                and os.path.isfile(f"{self.folder}/{file}")
            }
        committed = self.store.commit(
            self.folder, trace, self.stage.code.parts, self.begun
        )
        if self.used_scratch is not None:
            # They stay where they cannot be removed: the result is there.
            with contextlib.suppress(OSError, CurifactoryError):
                self.store.discard(self.used_scratch)
        return committed

    def _note_met(self) -> None:
        """Count the code of what inputs and data are made of."""
        for path in _met(self.noted.unpickled, self.values):
            self.noted.note(f"c:{path}")
        if self.noted.asks_names and not self.names_count:
            self._note_names(self.stage.code.values)

    def _note_names(self, found: Iterable[Any]) -> None:
        """Count what functions and classes are called: of another name, they are absent."""
        for each in found if self.noted.asks_names else ():
            self.noted.note(f"c:{each.__module__}:{each.__qualname__}")

    def _leave_if_forked(self, exit_code: Any) -> None:
        """End a process that the stage forked: the run is not its own."""
        if os.getpid() != self.process:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
            os._exit(exit_code if isinstance(exit_code, int) else exit_code is not None)

    def _note_files(self) -> None:
        """Note what the stage declares to read, all that is in folders included."""
        root = self.task.place.project.root
        for path in self.stage.rules.files:
            is_folder = path.endswith("**") or (root / path).is_dir()
            key = f"f:{path.rstrip('/')}/**/*" if is_folder else f"f:{path}"
            key = key.replace("**/**", "**")
            self.noted.note(key)
            for each in matching(root, key[2:]):  # an edit of them may be undone
                with contextlib.suppress(OSError):
                    status = sources.look_at(os.path.join(root, each))
                    if stat.S_ISREG(status.st_mode):
                        self.noted.seen.setdefault(each, sources.stamp(status))
            before = self.declared[key] = self._now(key)
            if before in NOTHING:
                said = f"{self.stage.label}: files={path!r} matches nothing"
                self.outcome.messages.append(said)

    # Calling the stage --------------------------------------------------------------

    def _inputs(self) -> list[Inputs]:
        members = self.task.members
        values = [Inputs(self, self.stage.inputs, sources) for _, sources in members]
        if not self.stage.is_aggregate:
            for name in members[0][1]:
                values[0][name]  # loads it
        return values

    def load(self, source: Value) -> Any:
        """Return an input as its cacher loads it, or a copy of what is no artifact."""
        if isinstance(source, Stored):
            try:
                value = self.store.load(source.folder, source.artifact, source.cacher)
            except DamagedError:
                self.outcome.damaged.append(source.folder)
                self._look_for_damage()
                raise
            self.has_references |= source.cacher.is_referring()
            self._meet(value)
            return self._lent(source, value)
        if isinstance(source, Held):
            value = source.unpacked()
            self._meet(value)
            if source.is_spent:
                said = (
                    f"{source.what} can be neither saved nor copied; it is made again"
                )
                self.outcome.messages.append(f"{said} for each call that takes it")
            return value
        for each in _few_in(source.value):
            self.files.named(each)
        found = code.callables_in(source.value)
        self.noted.meet(found)
        self._note_names(found)
        return caching.detached_copy(source.value)

    def _look_for_damage(self) -> None:
        """Look at all inputs where one is damaged: the call need not begin for each."""
        inputs = (each for _, given in self.task.members for each in given.values())
        for each in inputs:
            if isinstance(each, Stored):
                try:
                    self.store.check(each.folder, each.artifact)
                except DamagedError:
                    self.outcome.damaged.append(each.folder)
                except ArtifactError:  # loading it tells
                    continue

    def _meet(self, value: Any) -> None:
        """Meet the code of the project that an input is made of."""
        if self.noted.unpickled or type(value) not in _BUILTIN:
            self.noted.meet(_of_project(self.noted.unpickled, {type(value)}))

    def _lent(self, source: Stored, value: Any) -> Any:
        """Note an input that is a path of the cache's own files."""
        loan = lent(self.store, source, value)
        if loan is not None:
            if not os.path.lexists(value):  # another call has just spoilt it
                self.outcome.damaged.append(source.folder)
                raise DamagedError(f"{value} is gone")
            self.outcome.loans.append(loan)
        return value

    def _call(self, values: list[Inputs]) -> Any:
        with surroundings.handled():
            returned = self._returned(values)
        self._leave_if_forked(0)
        if returned is None and self.stage.outputs and not self.stage.has_return:
            name = self.stage.outputs[0]
            said = f"{self.stage.label} has no return: {name!r} is None"
            self.outcome.messages.append(said)
        return returned

    def _returned(self, values: list[Inputs]) -> Any:
        task = self.task
        given = {n: self.load(each) for n, each in task.arguments.items()}
        if not self.stage.is_aggregate:
            record = self._record(task.own, None, values[0])
            return self.stage.function(record, **values[0].loaded, **given)
        own = self._record(task.own, None, Inputs(self, (), {}))
        records = [
            self._record(snapshot, index, values[index])
            for index, (snapshot, _) in enumerate(task.members)
        ]
        inputs = {
            name: ByRecord({r: values[i] for i, r in enumerate(records)}, name)
            for name in self.stage.inputs
        }
        return self.stage.function(own, records, **inputs, **given)

    def _record(
        self, snapshot: Snapshot, index: int | None, state: Mapping[str, Any]
    ) -> StageRecord:
        names, number = self.stage.code.names, "" if index is None else str(index)
        asks_class = scope.CLASS in names or scope.ANY_NAME in names
        asks_class |= self.noted.asks_class
        if asks_class and snapshot.source is not None:
            self.noted.note(f"a{number}:{scope.CLASS}")
            for name in reads.constants(type(snapshot.source), names):
                self.noted.note(f"m{number}:{name}")  # it may be read of the class
        declared = self.stage.rules.reads or ()
        is_any = snapshot.source is None or declared == "all"
        for path in () if is_any else declared:
            if path.partition(".")[0] not in dir(snapshot.source):
                said = f"{self.stage.label}: reads={path!r} is no field of its argset"
                self.outcome.messages.append(said)
        args = self.noted.argset(snapshot.source, index)
        return StageRecord(self, snapshot.name, args, state)

    def report(self, reportable: Any) -> None:
        """Keep what the stage shows, as it is now."""
        with self.files.pausing():
            self.saving.describe(reportable)

    def scratch(self) -> Path:
        """Return the folder for checkpoints of this call, and of nothing else.

        What the attempts before this one have read, this one has read through it. Where
        that has changed, its checkpoints are of something else.
        """
        if self.used_scratch is None:
            with self.files.pausing():
                self.used_scratch = self._begin_scratch()
        work = self.used_scratch / "work"
        work.mkdir(exist_ok=True)
        return work

    def _begin_scratch(self) -> Path:
        folder = self._scratch_folder()
        earlier = self._earlier(folder / "reads")
        if earlier is None:
            if os.listdir(folder):  # where that fails, they must not be gone on from
                self.store.discard(folder)
                folder = self._scratch_folder()
            # Processes that the stage has forked may begin at the same time.
            with (
                contextlib.suppress(FileExistsError),
                open(folder / "reads", "x") as file,
            ):
                file.write(READS)
        self._note_all()
        for key, digest in (earlier or {}).items():
            self.noted.note(key)
            place = os.path.join(self.task.place.project.root, key[2:])
            if key[:2] == "f:" and os.path.isdir(place):
                self.noted.seen.setdefault(key[2:], hashing.names_in(place))
            elif key[:2] == "f:":  # this attempt may not open it
                self.declared.setdefault(key, digest)
        self.used_scratch = folder
        for key in list(self.noted.keys):
            self._remember(key)
        self.noted.watch, self.noted.before_checkpoint = self._remember, self._note_all
        self.noted.checkpoints = os.path.abspath(folder / "work") + os.sep
        if folders.entries(folder / "work"):
            self.resumed = os.path.relpath(folder)
        return folder

    def _scratch_folder(self) -> Path:
        argsets = (self.task.own, *(own for own, _ in self.task.members))
        names = self.stage.code.names & {"name", scope.ANY_NAME}
        own = [each.content() + (each.name if names else "") for each in argsets]
        if self.task.is_disputed:  # two would write into one
            own.append(self.folder)
        return self.store.scratch(self.stage.name, self.task.group, *own)

    def _note_all(self) -> None:
        """Note what was read by others for this call until now."""
        self.noted.collect()
        self.files.take_back(self.noted)
        self.noted.recall()
        self._note_met()

    def _earlier(self, path: Path) -> dict[str, str] | None:
        """Return what earlier attempts have read; None if that is not so any more.

        Raises OSError where that cannot be told for now: checkpoints are days of work.
        """
        try:
            # The last line was cut short by a kill.
            first, *lines = path.read_text("utf-8").split("\n")[:-1]
            noted: dict[str, str | None] = dict(json.loads(line) for line in lines)
        except (FileNotFoundError, ValueError, TypeError):
            return None
        known = {key: digest for key, digest in noted.items() if digest is not None}
        with self.files.pausing():
            now = {key: self._now(key) for key in known}
        for key, digest in known.items():
            if now[key] == UNREADABLE != digest:
                said = "its checkpoints are kept until they can be compared with"
                raise OSError(errno.EIO, said, key[2:])
        return known if now == known and f"{first}\n" == READS else None

    def _remember(self, key: str) -> None:
        assert self.used_scratch is not None
        with self.files.pausing():
            is_changed = key[:2] == "f:" and self.files.is_changed(self.noted, key[2:])
            now: str | None = "was changed" if is_changed else self._at_last(key)
        if key not in self.noted.keys:  # the call has written it
            now = None
        with open(self.used_scratch / "reads", "a", encoding="utf-8") as file:
            file.write(json.dumps([key, now]) + "\n")

    # What it leaves -----------------------------------------------------------------

    def _now(self, key: str) -> str:
        return self.present.now(self.task.own, self.task.members, key)

    def _at_last(self, key: str) -> str:
        """Return what a read is now; a disk that fails for a moment is asked again.

        Else nobody would find the result, of days of work it may be.
        """
        found = self._now(key)
        pauses = () if key in _lasting else self.pauses
        while found == UNREADABLE and (pause := next(iter(pauses), None)):
            time.sleep(pause)
            found = self._now(key)
        (_lasting.add if found == UNREADABLE else _lasting.discard)(key)
        return found

    def _trace(self, outputs: list[Artifact]) -> Trace:
        task = self.task
        found = [
            [key, self._at_last(key), self.present.shown(task.own, task.members, key)]
            for key in self.noted.keys
        ]
        now = {key: digest for key, digest, _ in found}
        declared = [k[2:] for k, was in self.declared.items() if now.get(k, was) != was]
        changed = [*self.files.changed_by_others(self.noted), *declared]
        for path in dict.fromkeys(changed):  # declared, and opened as well: once
            said = f"{path} changed while {self.stage.label} read it"
            if path in self.noted.named:
                said += "; is it an output? declare its field operational"
            self.outcome.messages.append(said)
            found.append([f"f:{path}", DISTURBED, ""])
        node = group = task.group
        for key, digest, _ in found:
            node = after(node, key, digest)
        return Trace(
            stage=self.stage.name,
            label=task.own.name,
            group=group,
            node=node,
            code=self.stage.code.fingerprint,
            inputs=task.inputs,
            reads=found,
            outputs=self._identified(outputs, node, found),
            arguments={name: value.digest for name, value in task.arguments.items()},
            lines=self.noted.lines,
            versions={**dependencies(self.stage.code.packages)},
            run=task.place.run,
        )

    def _identified(
        self, outputs: list[Artifact], node: str, reads: list[list[str]]
    ) -> list[Artifact]:
        """Give identities: without data by the reads; what is made again keeps its own.

        Where code or a file was edited since that was decided, it is another result.
        """
        found = [*outputs]
        for place, each in enumerate(outputs):
            if not each.identity:
                own = hashing.hash_text(node, each.name)
                found[place] = each._replace(identity=own)
        if self.task.before is None:
            return found
        group, trace = self.task.before
        then = {key: digest for key, digest, _ in trace.reads}
        is_same = all(then.get(key, digest) == digest for key, digest, _ in reads)
        if group != self.task.group or not is_same:
            return found
        pairs = list(zip(trace.outputs, found, strict=True))
        if any(old.is_kept and old.checksum != new.checksum for old, new in pairs):
            self.outcome.messages.append(
                f"{self.stage.label} {self.task.own.name} is not reproducible: computed "
                "again, its bytes differ"
            )
        return [new._replace(identity=old.identity) for old, new in pairs]


# Helpers ----------------------------------------------------------------------------


@cache
def tools(place: Place) -> tuple[Store, Files, Present]:
    """Return what this process uses for all calls of a run."""
    project = place.project
    files = Files(project.root, project.apart)
    store = Store(project.cache, print, project.base)
    return store, files, Present(FileDigests(project.root))


def _split(stage: AnyStage, result: Any) -> list[Any]:
    """Return one value for each output."""
    names = stage.outputs
    if len(names) == 1:
        return [result]
    if not names:
        return []
    values = list(result) if isinstance(result, (tuple, list)) else [result]
    if len(values) == len(names):
        return values
    given = counted(len(values), "value")
    if result is None or isinstance(result, dict):
        given = "nothing" if result is None else "a dictionary"
    raise CurifactoryError(
        f"{stage.where}: stage {stage.label} returned {given} for "
        f"{len(names)} outputs ({', '.join(names)})",
        f"return {', '.join(names)}",
    )


def _few_in(value: Any) -> list[Any]:
    """Return a value, or what is in a collection, and those within it; of many nothing."""
    found: list[Any] = []
    waiting = [value]
    for each in waiting:  # it grows
        if not isinstance(each, (list, tuple, set, frozenset, dict)):
            found.append(each)
        elif len(each) + len(waiting) > NAMED:
            return []
        else:
            waiting += each.values() if isinstance(each, dict) else each
    return found


def _met(unpickled: dict[tuple[str, str], None], values: list[Inputs]) -> list[str]:
    """Return the project classes and functions that inputs and data are made of."""
    kinds = {type(value) for each in values for value in each.loaded.values()}
    kinds -= _BUILTIN
    if not unpickled and not kinds:  # as for most
        return []
    project = _of_project(unpickled, kinds)
    return sorted({f"{each.__module__}:{each.__qualname__}" for each in project})


def _of_project(
    unpickled: Iterable[tuple[str, str]], kinds: Iterable[type]
) -> list[Any]:
    found = [*kinds, *[code.named(*each) for each in unpickled]]
    return [each for each in found if sources.is_project(each)]


_BUILTIN = sources.PLAIN | plain.FLAT
