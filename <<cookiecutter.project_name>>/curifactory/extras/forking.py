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
HOME = os.path.realpath(os.path.join(__file__, "../../.."))
"""The folder that the runner is imported from."""

_is_serving = False


def serve(workers: int) -> None:
    """Start the process that forks workers: it imports the runner, and nothing else.

    Only for a process of the command line, before it imports anything of the project:
    what it starts has no threads, and takes over what this process is by then. Where the
    system does not promise that this is safe, each worker imports the runner by itself.
    """
    global _is_serving
    if sys.platform != "linux":
        return
    # It starts another helper, which lets signals through again: not within the block.
    importlib.import_module("multiprocessing.resource_tracker").ensure_running()
    forkserver = importlib.import_module("multiprocessing.forkserver")
    is_script = getattr(sys.modules["__main__"], "__spec__", None) is None
    needed = ["curifactory.cli"] if is_script else []  # workers import the script, too
    forkserver.set_forkserver_preload(["curifactory.extras.forked", *needed])
    with contextlib.suppress(OSError):  # as when its socket has too long a name
        here = os.getcwd()
        os.chdir(HOME)  # there it looks first for what it imports
        try:
            with starting(workers):
                forkserver.ensure_running()
            _is_serving = True
        finally:
            os.chdir(here)


def context() -> BaseContext:
    """Return how workers start: as forks, where a process serves them."""
    return multiprocessing.get_context("forkserver" if _is_serving else "spawn")


def defaults(workers: int) -> dict[str, str]:
    """Return what workers have unless the run has other values: they share the cores,
    and order sets alike."""
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    return {"PYTHONHASHSEED": "0", **dict.fromkeys(THREADS, threads)}


@contextlib.contextmanager
def starting(workers: int) -> Iterator[None]:
    """Let processes that start here have those defaults, and miss Ctrl-C."""
    new = {k: v for k, v in defaults(workers).items() if k not in os.environ}
    os.environ.update(new)
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
