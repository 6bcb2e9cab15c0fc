"""Where calls execute. Here: in this process, one after the other."""

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .channel import PREFIX
from .errors import RequestError
from .folders import entries
from .record import Call
from .request import Request
from .task import Outcome, Task

if TYPE_CHECKING:  # it is slow to import, and needed with workers only
    from concurrent.futures import Future

MOST_JOBS = 100_000


class Engine:
    """Executes calls where they are submitted; other engines extend this class."""

    slots = 1
    """How many calls can execute at a time."""
    is_local = True
    """Whether values can be passed on in memory, and exceptions as they are."""
    lost: tuple[type[BaseException], ...] = ()
    """What is raised where all workers are gone."""
    killed = ""
    """The name of what is raised where the worker of one call was killed."""

    def start(self) -> None:
        """Check what can be checked before anything is known of the run."""

    def expect(self, module: str) -> None:
        """There will be work, in stages that this module imports."""

    def prepare(self, calls: Iterable[Call]) -> None:
        """Calls are about to be submitted: refuse what cannot be executed here."""

    def perform(self, task: Task) -> Outcome:
        """Execute a call here and now, where the engine is local."""
        from .attempt import perform  # where all is reused, nobody needs it

        outcome = perform(task)
        if outcome.failure and isinstance(outcome.failure.error, KeyboardInterrupt):
            raise outcome.failure.error
        return outcome

    def submit(self, task: Task) -> "Future[Outcome]":
        """Begin a call elsewhere, and return what will hold its outcome."""
        raise NotImplementedError

    def rebuild(self) -> None:
        """Start anew after a worker was killed."""

    def stop(self, *, at_once: bool) -> None:
        """Let workers end; `at_once` whatever they, or what stages started, are doing."""
        if at_once:
            end_descendants()


def chosen_by(request: Request) -> str:
    """Return the name of the engine that a run was asked to use."""
    parallel = "serial" if request.jobs is None else "processes"
    return request.engine or ("dask" if request.scheduler else parallel)


def make(request: Request, root: Path) -> Engine:
    """Return the engine that a run was asked to use."""
    jobs, scheduler = request.jobs, request.scheduler
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        said = "so many are too many"
        if jobs < 1:
            said = "there must be one worker at least"
        raise RequestError(f"-j {jobs}: {said}", "-j 2")
    chosen = chosen_by(request)
    if scheduler and chosen != "dask":
        raise RequestError(f"--engine {chosen} has no scheduler", "leave one out")
    if chosen == "serial":
        if (jobs or 1) > 1:
            said = "--engine serial has no workers"
            raise RequestError(said, "leave it out, or -j")
        return Engine()
    try:
        engines = importlib.import_module("curifactory.extras.engines")
    except ImportError as error:
        said = f"engine {chosen}: {error}"
        raise RequestError(said, "use --engine serial") from error
    made: Engine = engines.make(chosen, root, jobs, scheduler)
    return made


def end_descendants(of: Iterable[int] = ()) -> None:
    """Kill what this process, or others, have started, and what that has started.

    What a program has left that has ended is known by its environment.
    """
    if sys.platform != "linux":
        return  # there, workers end as a group
    own = [*of] or [os.getpid()]
    marks = [f"{PREFIX}{each}-".encode() for each in own]
    left: list[int] = []
    parents: dict[int, list[int]] = {}
    for each in filter(str.isdigit, (entry.name for entry in entries("/proc"))):
        with contextlib.suppress(OSError):
            status = Path("/proc", each, "stat").read_text(errors="replace")
            parent = int(status.rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(each))
            environ = Path("/proc", each, "environ").read_bytes()
            left += [int(each)] if any(mark in environ for mark in marks) else []
    waiting = [*left, *(pid for each in own for pid in parents.get(each, ()))]
    while waiting:
        pid = waiting.pop()
        waiting.extend(parents.get(pid, ()))
        with contextlib.suppress(OSError):
            # Python's own helper ends by itself, and tidies up before.
            if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
