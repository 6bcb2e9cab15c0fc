"""How worker processes come into being, and with which environment."""

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing.context import BaseContext

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PR_SET_PDEATHSIG = 1


def context(workers: int) -> BaseContext:
    """Return how workers start: as forks of a process that has the runner and no more.

    That one begins here, and imports the runner while this one goes on. It has no
    threads and nothing of the project; each worker imports that by itself. Where the
    system does not promise that this is safe, each worker imports the runner, too.
    """
    if sys.platform == "linux":
        found = multiprocessing.get_context("forkserver")
        found.set_forkserver_preload(["curifactory.extras.forked"])
        forkserver = importlib.import_module("multiprocessing.forkserver")
        # Before Python 3.13 it finds the runner in no other way.
        path = os.pathsep.join(filter(None, sys.path))
        with contextlib.suppress(OSError), starting(workers, PYTHONPATH=path):
            forkserver.ensure_running()
            return found
    return multiprocessing.get_context("spawn")


def environment(workers: int) -> dict[str, str]:
    """Return the environment of workers: they share the cores, and order sets alike."""
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    wanted = {"PYTHONHASHSEED": "0", **dict.fromkeys(THREADS, threads)}
    return {**wanted, **os.environ}


@contextlib.contextmanager
def starting(workers: int, **more: str) -> Iterator[None]:
    """Let processes that start here have that environment, and miss Ctrl-C."""
    before = dict(os.environ)
    os.environ.update({**environment(workers), **more})
    has_masks = hasattr(signal, "pthread_sigmask")
    if has_masks:
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        set_environment(before)
        if has_masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def set_environment(wanted: dict[str, str]) -> None:
    """Let this process have these variables, and no other."""
    for key in os.environ.keys() - wanted.keys():
        del os.environ[key]
    os.environ.update(wanted)


def end_with_parent() -> None:
    """Let the kernel end this process with the one that started it, where it can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes = importlib.import_module("ctypes")
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
