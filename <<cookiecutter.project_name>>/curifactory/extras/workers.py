"""Worker processes of this machine: how they begin, and end with their parent."""

import contextlib
import functools
import importlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from .. import attempt, capture, code, sources
from ..channel import VARIABLE
from ..engine import end_descendants
from ..failure import failed
from ..task import Outcome, Task
from .forking import defaults, end_with_parent

GRACE = 2.0
"""Seconds that workers have to end when there is no more work."""


class Inherited(NamedTuple):
    """What a worker takes over from the run, however it was started."""

    environ: dict[str, str]
    start_method: str | None
    """How stages start processes of their own: as they would in the run."""

    def take_over(self) -> None:
        """Let this process have this, and nothing else."""
        for key in os.environ.keys() - self.environ.keys():
            del os.environ[key]
        new = {k: v for k, v in self.environ.items() if os.environ.get(k) != v}
        os.environ.update(new)
        multiprocessing.set_start_method(self.start_method, force=True)


def inherited(workers: int) -> Inherited:
    """Return what workers take over from this process as it is now."""
    method = multiprocessing.get_start_method(allow_none=True)
    environ = {**defaults(workers), **os.environ}
    environ.pop(VARIABLE, None)  # they are none of a stage's
    return Inherited(environ, method)


def begin(root: str, inherited: Inherited) -> None:
    """Make a process a worker: it ends with its parent, and never on Ctrl-C alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(os, "setsid"):
        os.setsid()  # what a stage starts can be ended with it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        signal.signal(signal.SIGINT, signal.default_int_handler)
    end_with_parent()
    _watch_parent()
    inherited.take_over()
    enter(root)


def enter(root: str) -> None:
    """Make this process one of the project: its modules, its relative paths."""
    sources.watch(Path(root))
    if sys.path[:1] != [root]:
        sys.path.insert(0, root)
    if os.getcwd() != root:
        os.chdir(root)


def load(modules: list[str]) -> None:
    """Import modules of the project, and those of their stages, before a call does."""
    for each in modules:
        with contextlib.suppress(Exception):  # a call will tell
            importlib.import_module(each)


def end(workers: Sequence[BaseProcess]) -> None:
    """Kill workers, and all that stages have started in them."""
    if workers:
        end_descendants([each.pid for each in workers if each.pid])
    for each in workers:
        if hasattr(os, "killpg") and each.pid:
            with contextlib.suppress(OSError):  # it has no group of its own yet
                os.killpg(each.pid, signal.SIGKILL)
        each.kill()


def end_late(workers: Sequence[BaseProcess]) -> None:
    """Kill workers that do not end by themselves: threads of stages may keep them."""

    def wait() -> None:
        time.sleep(GRACE)
        end([each for each in workers if each.is_alive()])

    with contextlib.suppress(RuntimeError):  # there may be no more threads
        threading.Thread(target=wait, daemon=True).start()


def _loaded(data: bytes, group: str) -> Task:
    """Return a task, made of code that is as it was asked for."""
    task: Task = pickle.loads(data)
    if task.group == group:
        return task
    sources.forget()
    with contextlib.suppress(Exception):  # the call itself may do without
        importlib.import_module(task.place.module)
    again: Task = pickle.loads(data)
    return again


def perform_packed(root: str, data: bytes, output: str, group: str) -> Outcome:
    """Execute a call that came from another process, in the project at `root`.

    Where this process has loaded other code than the one that asks, it loads it anew.
    """
    with attempt.one_at_a_time:
        enter(root)
        with capture.captured(output):  # importing the project may print, too
            try:
                task = _loaded(data, group)
            except Exception as error:  # of an import: told by the frames of the user
                failure = failed(error)
                failure.is_of_machine = True  # nobody knows what it would have read
                return Outcome(failure=failure)
        outcome = attempt.perform(task)
        if task.group != group:
            outcome.loaded = code.loaded()
        return outcome


def perform_as(inherited: Inherited | None, *given: Any) -> Outcome:
    """Execute a call in a worker; it takes over what has changed in the run."""
    if inherited is not None:
        inherited.take_over()
    return perform_packed(*given)


def perform_watching(*given: Any) -> Outcome:
    """Execute a call in a worker that we did not start; it ends with its parent."""
    _watch_parent()
    return perform_packed(*given)


@functools.cache
def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: Any) -> None:
    parent.join()
    os._exit(1)
