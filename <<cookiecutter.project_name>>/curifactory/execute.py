"""Performs decisions: sends calls to an engine, and isolates failures."""

import contextlib
import functools
import os
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import capture, code, decide, folders, hashing, settings, surroundings
from .data import Data
from .engine import Engine
from .errors import CurifactoryError, RequestError, SkippedError, counted
from .failure import Failure, Failures, failed, of_machine
from .lending import Loans
from .order import Order
from .peers import GONE, Peers
from .progress import Progress
from .record import Call, Member, Output, Source
from .running import Running
from .survey import Survey
from .task import Outcome, Place, Task, Value
from .trace import Trace

if TYPE_CHECKING:  # it is slow to import, and needed with workers only
    from concurrent.futures import Future

PAUSE = 0.005
"""Seconds between two looks at what a call has read that others wait for."""
LOOK = 0.25
"""Seconds between two looks at calls that other runs compute."""
STILLBORN = 3
"""How often in turn workers may be lost before any of their calls begins."""
LOST = "its worker was killed, twice"
BEYOND = (
    "{} reads {}, which does not count: it lies outside the project; let a field name "
    "it, or its folder, or declare files=[...]"
)
ACCEPTED = "its accepted result is damaged, and its code is another one: run once more"
CHANGED = (
    "its data is needed again, and a function that it was given finds other things by "
    "now: --overwrite-stage {0} makes it in time; so does another argument of {0} for "
    "what changes, instead of a variable around that function"
)
USELESS = "its data was made again and again, and is damaged whenever it is loaded"


@dataclass(eq=False, repr=False)
class Session:
    """Brings the calls of one run to their end.

    Ready calls go to the engine in the order they were made. A call that may turn out
    equal to one that executes waits for it; one that another run computes, for that.
    """

    survey: Survey
    place: Place
    engine: Engine
    peers: Peers
    progress: Progress
    say: Callable[[str], None]
    outputs: Path | None

    def __post_init__(self) -> None:
        self.request = self.survey.request
        self.order = Order()
        self.data = Data(self.survey)
        self.failures = Failures()
        self.loans = Loans(self.survey.store, self.say)
        self._running: dict[Future[Outcome], Running] = {}
        self._done: queue.SimpleQueue[Future[Outcome]] = queue.SimpleQueue()
        self._elsewhere: list[Call] = []
        self._looked = 0.0
        self._overtaken: set[Call] = set()
        """Calls that failed once while others had taken their claims over."""
        self._stillborn = 0
        self._attempts: Counter[Call] = Counter()
        self._kills: Counter[Call] = Counter()
        """The calls that may have killed a worker, and how often: these execute alone."""
        self._say_once = functools.cache(self.say)
        self._written: dict[str, str] = {}
        """The files of the project that calls have written, and the stage that did."""
        self._beyond: set[str] = set()
        """The stages of which was said that they read what does not count."""
        self._computed = 0
        self._has_failed = False
        self._repeated = 0.0
        """Seconds of earlier work that edits of code have let be done again."""

    # What others ask for ------------------------------------------------------------

    def settle(self, calls: Iterable[Call]) -> None:
        """Bring calls to their end; those that they need must be among them."""
        waiting = [each for each in calls if each.status == "waiting"]
        if waiting:
            code.check_unset()
        self._reuse(waiting)
        missing = [each for each in waiting if each.status == "waiting"]
        self._confirm(missing)
        if missing:
            self.engine.prepare(missing)
        self.progress.plan(Counter([each.stage.label for each in waiting]))
        for call in missing:
            self.order.admit(call)
        with surroundings.looking_past_the_plan():
            self._work()
        if missing:
            code.take_as_set()

    def _reuse(self, calls: Iterable[Call]) -> None:
        """Take what the cache has, as far as no call before it must be computed."""
        with self.survey.present.at_once():
            for call in filter(decide.is_known, calls):
                found = self.survey.decision(call)
                if found.trace is not None:
                    call.trace = found.trace
                    self._finish(call, "reused", found.reason)

    def _confirm(self, calls: list[Call]) -> None:
        """Ask before edits of code let much work be done again."""
        if self.request.is_confirmed:
            return
        guard = settings.extra("guard")
        if guard is None:  # without the extras nobody asks
            return
        with self.survey.present.at_once():
            seconds, told = guard.cost_of_edits(
                self.survey, calls, self.data.is_at_hand
            )
        self._repeated += seconds  # a run may ask for its values one by one
        if self._repeated <= self.place.project.confirm_above or not seconds:
            return
        message = f"edits of code would repeat long work:\n  {told}"
        if not self.progress.confirm(message):
            hint = "--yes (in scripts a larger confirm-above) computes it; `experiment "
            hint += "accept STAGE` keeps what code alone has changed; or undo the edit"
            raise RequestError(message, hint)
        self.request = self.request._replace(is_confirmed=True)

    def value(self, source: Output) -> Any:
        """Return a value as its cacher loads it; what is missing is computed first."""
        call = source.call
        self.settle(ancestors(call))
        while call.status not in ("failed", "skipped"):
            loaded = self.data.load(source)
            if loaded is not None:
                return loaded.value
            makers = self._compute_again([call])
            self.engine.prepare(makers)  # all else may have been in the cache
            self._work()
            call = makers[0]
        if call.failure is not None:
            raise call.failure.raised()
        said = f"{call.stage.label} {call.label} was skipped"
        raise SkippedError(f"{said}: {call.reason}")

    def stop(self, *, at_once: bool) -> None:
        """Let the workers end, and let go of what they alone have used."""
        self.engine.stop(at_once=at_once)
        if at_once:
            self.survey.store.tidy()
        if self.outputs is not None:
            capture.tidy(self.outputs)
        self.loans.close()
        if self.place.spill is not None:
            self.survey.store.discard(self.place.spill)

    # The order of work --------------------------------------------------------------

    def _work(self) -> None:
        try:
            while self.order or self._running or self._elsewhere:
                while self.order and self._has_room(self.order.first()):
                    self._step(self.order.pop())
                self._collect()
        except BaseException:  # a notebook goes on, and others wait for nobody
            at_work = {each.claim for each in self._running.values()}
            self.peers.release_all(but=at_work)
            raise

    def _has_room(self, call: Call) -> bool:
        """Return whether there are cores for a call, or a place in the workers' queue."""
        if not self._running:
            return True
        at_work = [each.call for each in self._running.values()]
        if not self._kills.keys().isdisjoint([call, *at_work]):
            return False
        cpus = [each.stage.rules.cpus for each in at_work]
        mine = call.stage.rules.cpus
        if sum(cpus) == len(cpus) and mine == 1:
            return len(cpus) < 2 * self.engine.slots
        return sum(cpus) + mine <= self.engine.slots

    def _collect(self) -> None:
        """Take in what has finished, and let those try again that wait for others."""
        watched = [each for each in self._running.values() if each.followers]
        pause = PAUSE if watched else LOOK
        if self._running:
            with contextlib.suppress(queue.Empty):
                self._take_in(self._done.get(timeout=pause))
                while True:
                    self._take_in(self._done.get_nowait())
        elif self._elsewhere and not self.order:
            time.sleep(pause)
        for each in watched:
            if each.look():
                self._let_follow(each)
        if self._elsewhere and time.monotonic() - self._looked > LOOK:
            self._looked = time.monotonic()
            self.order.let_try(self._elsewhere)
            self._elsewhere.clear()

    def _let_follow(self, running: Running) -> None:
        """Let those try again that waited for what a call reads."""
        self.order.let_try(running.followers)
        running.followers.clear()

    def _step(self, call: Call) -> None:
        """Decide a call whose inputs are known, and begin what is to be done."""
        blocked = [c for c in call.producers() if c.status in ("failed", "skipped")]
        if blocked and call.stage.rules.partial:
            call.narrow([each for each in call.members if _is_whole(each)])
            blocked = [] if call.members else blocked
        if blocked:
            names = ", ".join(f"{c.stage.label} {c.label}" for c in blocked[:2])
            self._finish(call, "skipped", f"{names} {blocked[0].status}")
        elif not self._is_settled(call):
            self._consider(call)

    def _is_settled(self, call: Call) -> bool:
        """Reuse a result, or repeat a failure, where there is one."""
        decision = self.survey.decision(call)
        if call in self.data.again:
            return self._is_made(call, decision.trace)
        if decision.trace is not None:
            call.trace = decision.trace
            self._finish(call, "reused", decision.reason)
            return True
        earlier = None
        if self._has_failed and not self._attempts[call]:
            earlier = self.failures.find(decide.group(call), self.survey.now(call))
        if earlier is not None:
            label, call.failure = earlier
            self._finish(call, "failed", f"as for {label}")
        elif self.request.fail_fast and self._has_failed and not self._has_begun(call):
            self._finish(call, "skipped", "a call failed before it")
        elif self._computed == self.request.max_calls:
            self._finish(call, "skipped", f"after {counted(self._computed, 'call')}")
        else:
            call.reason = decision.reason
            return False
        return True

    def _has_begun(self, call: Call) -> bool:
        """Return whether a call is to be tried once more."""
        return self._attempts[call] + self._kills[call] > 0

    def _is_made(self, call: Call, trace: Trace | None) -> bool:
        """Reuse what others have made meanwhile of a call whose data is needed."""
        call.reason = self.data.again[call]
        if trace is None or not self.data.is_made(call, trace):
            return False
        self._finish(call, "reused", "its data is there by now")
        return True

    def _consider(self, call: Call) -> None:
        """Compute a call, unless another one may give its result."""
        leader = self._may_equal_running(call)
        if leader is not None:
            leader.followers.append(call)
            return
        claim = self._claim(call)
        if claim is None:
            return
        if self._hear() and self._is_settled(call):
            self.peers.release(claim)
            return
        call.reason = call.reason or self.survey.reason(call, self.survey.past(call))
        self._begin(call, claim)

    def _claim(self, call: Call) -> str | None:
        """Claim a call; None where another run computes it, which is waited for.

        The claim is empty where this run has it for a call that reads something else.
        """
        claim = hashing.hash_text(*decide.prospect(call))
        if self.peers.holds(claim):
            return ""
        if self.peers.take(claim):
            return claim
        self._elsewhere.append(call)
        self._hear()
        return None

    def _hear(self) -> bool:
        """Take in what other runs have committed; return whether there was anything."""
        heard = False
        for folder in self.peers.news():
            heard = True
            if folder[:1] == GONE:
                self.data.note_gone([folder[1:]])
                continue
            trace = self.survey.store.read(folder) if folder else None
            if trace is not None:
                self.survey.index.add(trace)
            else:
                self.survey.index.refresh()
        return heard

    # Executing ----------------------------------------------------------------------

    def _begin(self, call: Call, claim: str) -> None:
        missing = [o.call for o in call.taken if not self.data.is_at_hand(o)]
        if missing:
            self.peers.release(claim)
            makers = self._compute_again(missing)
            lost = [each for each in makers if each.status == "failed"]
            if lost:
                self._finish(call, "skipped", f"{lost[0].stage.label} failed again")
            else:
                self.order.wait_for(call, makers)
            return
        self.progress.started(call.stage.label, call.label)
        self._computed += call not in self.data.again
        self._submit(call, claim)

    def _submit(self, call: Call, claim: str) -> None:
        call.status = "running"
        running = Running(call, claim, self._stream(call), self._output(call))
        if self.engine.is_local:
            try:
                outcome = self.engine.perform(self._task(running))
            except BaseException:  # Ctrl-C: a notebook goes on
                call.status = "waiting"
                if self.data.again.pop(call, None):  # it has a result all the same
                    call.status = "reused"
                    self.order.release(call)
                raise
            self._end(running, outcome)
            return
        try:
            future = self.engine.submit(self._task(running))
        except Exception as error:
            self._note_error(running, error)
        else:
            with surroundings.undisturbed():
                self._running[future] = running
                future.add_done_callback(self._done.put)

    def _take_in(self, future: "Future[Outcome]") -> None:
        running = self._running.pop(future, None)
        if running is None:
            return  # it was lost together with others
        error: BaseException | None
        if future.cancelled():
            error = CurifactoryError("it was cancelled by its engine")
        else:
            error = future.exception()
        if error is None:
            self._stillborn = 0
            self._end(running, future.result())
        else:
            self._note_error(running, error)

    def _note_error(self, running: Running, error: BaseException) -> None:
        """Take in why a call has no outcome, or could not be passed to a worker."""
        if type(error).__name__ == self.engine.killed:
            self._note_kill([running])
        elif isinstance(error, self.engine.lost):
            self._note_break([running, *self._running.values()])
        else:
            failure = failed(error)
            failure.is_of_machine = True  # nobody knows what the call would have read
            self._end(running, Outcome(failure=failure))

    def _end(self, running: Running, outcome: Outcome) -> None:
        """Take in the outcome of an execution."""
        call = running.call
        self._let_follow(running)
        if running.stream is not None:
            running.stream.unlink(missing_ok=True)
        call.seconds = outcome.seconds
        self._note_output(running)
        told = [*outcome.messages]
        if outcome.written or self._written:
            told += self._read_written(call, outcome)
        if outcome.beyond and call.stage.label not in self._beyond:
            self._beyond.add(call.stage.label)
            told.append(BEYOND.format(call.stage.label, outcome.beyond))
        for text in told:
            self._say_once(text)
        if outcome.loans:
            self.data.note_gone(self.loans.give_back(call.stage.label, outcome.loans))
        if outcome.trace is not None:
            self._keep(call, outcome.trace, outcome)
        elif outcome.damaged:
            self.data.note_damage(outcome.damaged)
            self._undo(call)
        elif call not in self._overtaken and self.peers.has_lost(running.claim):
            self._overtaken.add(call)  # others may have its result by now
            self._undo(call)
        elif self._attempts[call] < max(self.request.retries, call.stage.rules.retries):
            self._attempts[call] += 1
            self.say(f"{call.stage.label} {call.label} failed, once more")
            self._undo(call)
        elif outcome.failure is not None:
            self.peers.release(running.claim)  # before somebody looks at it with --pdb
            if not outcome.failure.is_of_machine:
                known = decide.group(call), outcome.reads
                self.failures.note(*known, call.label, outcome.failure)
            self._fail(call, outcome.failure)
        self.peers.release(running.claim)

    def _note_output(self, running: Running) -> None:
        """Keep which file has what a call printed, if it has."""
        if os.access(running.output, os.F_OK):
            running.call.output = os.path.basename(running.output)

    def _undo(self, call: Call) -> None:
        """Let a call that was begun be decided once more."""
        self._computed -= call not in self.data.again
        call.status = "pending"
        self.order.let_try([call])

    def _read_written(self, call: Call, outcome: Outcome) -> Iterator[str]:
        """Tell of a file that a call reads and an earlier one wrote: it is no result."""
        label = call.stage.label
        for key, _, _ in outcome.trace.reads if outcome.trace and self._written else ():
            writer = self._written.get(key[2:]) if key[:2] == "f:" else None
            if writer == label:
                yield (
                    f"{label} reads files in {os.path.dirname(key[2:]) or '.'} that earlier "
                    "calls of it wrote: after an edit they are as before; leave such a "
                    "cache out, a stage keeps its results itself"
                )
            elif writer is not None:
                yield (
                    f"{label} reads {key[2:]}, which {writer} writes, but not "
                    f"where it is reused; let {writer} return the path, with "
                    "cachers=[FileReferenceCacher]"
                )
        if not call.stage.referring:
            self._written.update(dict.fromkeys(outcome.written, label))

    def _keep(self, call: Call, trace: Trace, outcome: Outcome) -> None:
        is_of_other_code = trace.group != decide.group(call)
        what = "the code of" if is_of_other_code and _was_edited(outcome.loaded) else ""
        if not is_of_other_code and self.data.is_another(call, trace):
            what = "what is read by"
        if what:
            said = f"{what} {call.stage.label} changed during the run"
            failure = of_machine("CodeChanged", said, call.stage.where)
            self._fail(call, failure)
            return
        if is_of_other_code:
            self._tell_difference(call, trace)
        self.peers.announce(trace.folder)
        self.data.take(call, trace, outcome.kept)
        self.survey.index.add(trace)
        self._finish(call, "computed", call.reason)

    def _tell_difference(self, call: Call, trace: Trace) -> None:
        """Say what is not in a worker as it is here, though nobody has edited it."""
        parts = self.survey.store.code_parts(trace), call.stage.code.parts
        what = decide.changed_parts(*parts)[0].removesuffix(" changed")
        self._say_once(
            f"{call.stage.label}: {what} is not the same in workers; what they compute is "
            "not found in the next run: let no import, and not run(), change it"
        )

    def _fail(self, call: Call, failure: Failure) -> None:
        if failure.kind == "BdbQuit":  # who leaves the debugger wants no more
            raise KeyboardInterrupt
        if self.request.debugger and failure.error is not None:
            import pdb

            self.request = self.request._replace(debugger=False)  # the first one only
            pdb.post_mortem(failure.error.__traceback__)
        call.failure = failure
        self.data.again.pop(call, None)
        self._has_failed = True
        self._finish(call, "failed", call.reason)

    def _finish(self, call: Call, status: str, reason: str) -> None:
        call.status, call.reason, call.known = status, reason, None
        if call.trace is not None and status == "reused":
            self.peers.use(call.trace.folder)
        stage, label = call.stage.label, call.label
        self.progress.finished(stage, label, status, call.seconds, reason)
        self.order.release(call)

    # Killed workers -----------------------------------------------------------------

    def _note_break(self, lost: list[Running]) -> None:
        """Go on with other workers after one was killed, and all are gone with it."""
        begun = [each for each in lost if each.has_begun()]
        self._stillborn = 0 if begun else self._stillborn + 1
        if self._stillborn > STILLBORN:
            hint = "does a script lack `if __name__ == '__main__':`?"
            raise CurifactoryError("workers end before they begin any call", hint)
        self._running.clear()
        self.engine.rebuild()
        for each in lost:
            if begun and each not in begun:
                self.peers.release(each.claim)
                self._undo(each.call)
                self._let_follow(each)
        self._note_kill(begun or lost)
        if self.outputs is not None:
            capture.set_aside(self.outputs)

    def _note_kill(self, suspected: list[Running]) -> None:
        """Try calls again, each alone, of which one has killed its worker."""
        for each in suspected:
            call = each.call
            self._let_follow(each)
            self._kills[call] += 1
            if self._kills[call] > 1 and len(suspected) == 1:
                capture.rescue(each.output)
                self._note_output(each)
                failure = of_machine("WorkerLost", LOST)
                failure.printed = capture.tail(each.output)
                self._fail(call, failure)
            else:
                said = f"{call.stage.label} {call.label} once more, alone"
                self.say(f"a worker was killed; {said}")
                self._undo(call)
            self.peers.release(each.claim)

    # Equal calls --------------------------------------------------------------------

    def _may_equal_running(self, call: Call) -> Running | None:
        """Return a call that executes and may turn out to be the same."""
        if not self._running:
            return None
        group = decide.group(call)
        alike = [each for each in self._running.values() if each.call.group == group]
        return next((each for each in alike if self._may_equal(call, each)), None)

    def _may_equal(self, call: Call, other: Running) -> bool:
        mine, its = self.survey.now(call), self.survey.now(other.call)
        other.look()
        keys = [*self.survey.path(call, its), *other.reads()]
        if any(mine(key) != its(key) for key in keys):
            return False  # it has read this, or will, as earlier ones did
        if not other.is_silent:
            return True
        return decide.prospect(call) == decide.prospect(other.call)

    # Data ---------------------------------------------------------------------------

    def _compute_again(self, calls: Iterable[Call]) -> list[Call]:
        """Let the data of calls be made again; return the calls that do it."""
        makers = self.data.makers(calls)
        for call in makers:
            if call in self.data.again or call.status == "failed":
                continue
            trace, said = call.trace, USELESS
            if trace is not None and self.survey.is_of_other_code(call, trace):
                said = ACCEPTED
            elif call.held and call.has_changed():
                said = CHANGED.format(call.stage.label)
            elif self.data.make_again(call):
                self.order.admit(call)
                continue
            failure = of_machine("DamagedError", said, call.stage.where)
            self._fail(call, failure)
        return makers

    def _task(self, running: Running) -> Task:
        call = running.call
        again = call.trace if call in self.data.again else None
        before = (decide.group(call), again) if again else None
        known = decide.group(call) if self.engine.is_local else ""
        is_disputed = running.claim in self.peers.disputed
        more = before, running.stream, running.output, known, is_disputed
        return task_of(call, self.place, self.data.given, *more)

    def _output(self, call: Call) -> str:
        """Return the path of the file for what a call prints; empty for none."""
        if self.outputs is None:
            return ""
        name = f"{call.position}-{call.stage.label}-{folders.safe(call.label)}.txt"
        return f"{self.outputs}{os.sep}{name}"

    def _stream(self, call: Call) -> Path | None:
        if self.engine.is_local or self.place.spill is None:
            return None
        self.place.spill.mkdir(parents=True, exist_ok=True)
        return self.place.spill / f"reads-{call.position}-{self._kills[call]}"


def task_of(
    call: Call, place: Place, given: Callable[[Source], Value], *more: Any
) -> Task:
    """Return a call as it can be executed anywhere; `more` are the last of its fields."""
    members = [
        (m.snapshot, {n: given(s) for n, s in m.sources.items()}) for m in call.members
    ]
    known = call.own, members, call.arguments, decide.inputs(call)
    return Task(place, call.stage, *known, *more)


def _was_edited(loaded: Mapping[str, str]) -> bool:
    """Return whether a worker has other code than this process, by the text of files."""
    own = code.loaded()
    edited = [p for p, digest in loaded.items() if own.get(p, digest) != digest]
    return bool(edited) or not loaded


def ancestors(*calls: Call) -> list[Call]:
    """Return calls with all that they need, in the order they were made.

    Behind one that has a result, all have: a run may ask for its values one by one.
    """
    found: dict[Call, None] = {}
    waiting = list(calls)
    while waiting:
        each = waiting.pop()
        if each not in found:
            found[each] = None
            waiting.extend(each.producers() if each.trace is None else ())
    return sorted(found, key=lambda each: each.position)


def _is_whole(member: Member) -> bool:
    outputs = [s for s in member.sources.values() if isinstance(s, Output)]
    return not any(each.call.status in ("failed", "skipped") for each in outputs)
