"""How worker processes come into being, and with which environment."""

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from ..channel import HASH_SEED, VARIABLE
from ..folders import entries

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PR_SET_PDEATHSIG = 1

_may_fork = False


def allow() -> None:
    """Let workers be forks of this process: it has imported the runner alone."""
    global _may_fork
    # Where pools fork their workers one by one, as needed, threads are there by then.
    forks_at_once = hasattr(ProcessPoolExecutor, "_launch_processes")
    is_fixed = "PYTHONHASHSEED" in os.environ
    _may_fork = sys.platform == "linux" and forks_at_once and is_fixed


def can_fork() -> bool:
    """Return whether a copy of this process is a whole process: it has one thread."""
    return _may_fork and len(entries(Path("/proc/self/task"))) == 1


def defaults(workers: int) -> dict[str, str]:
    """Return what workers have unless the run has other values: they share the cores,
    and order sets alike."""
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    return {"PYTHONHASHSEED": HASH_SEED, **dict.fromkeys(THREADS, threads)}


@contextlib.contextmanager
def starting(workers: int) -> Iterator[None]:
    """Let processes that start here have those defaults, and miss Ctrl-C."""
    new = {k: v for k, v in defaults(workers).items() if k not in os.environ}
    os.environ.update(new)
    os.environ.pop(VARIABLE, None)  # they are none of a stage's
    has_masks = hasattr(signal, "pthread_sigmask")
    if has_masks:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        for key in new:
            os.environ.pop(key, None)
        if has_masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Let the kernel end this process with the one that started it, where it can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError, ImportError):
            ctypes = importlib.import_module("ctypes")
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
