"""Where calls execute. Here: in this process, one after the other."""

import importlib
from concurrent.futures import Future
from pathlib import Path

from .errors import RequestError
from .task import Outcome, Task, perform


class Engine:
    """Executes calls where they are submitted; other engines extend this class."""

    slots = 1
    """How many calls can execute at a time."""
    is_local = True
    """Whether values can be passed on in memory, and exceptions as they are."""

    def submit(self, task: Task) -> "Future[Outcome]":
        """Begin a call, and return what will hold its outcome."""
        future: Future[Outcome] = Future()
        future.set_result(perform(task))
        return future

    def rebuild(self) -> None:
        """Start anew after a worker was killed."""

    def stop(self, *, at_once: bool) -> None:
        """Let workers end; `at_once` whatever they are doing."""


def make(
    name: str | None, root: Path, jobs: int | None, scheduler: str | None
) -> Engine:
    """Return the engine that a run was asked to use."""
    if jobs is not None and jobs < 1:
        raise RequestError(f"-j {jobs}: there must be one worker at least", "-j 2")
    parallel = "dask" if scheduler else "processes" if jobs is not None else "serial"
    chosen = name or parallel
    if chosen == "serial":
        return Engine()
    try:
        engines = importlib.import_module("curifactory.extras.engines")
    except ImportError as error:
        raise RequestError(
            f"engine {chosen}: {error}", "use --engine serial"
        ) from error
    made: Engine = engines.make(chosen, root, jobs, scheduler)
    return made
