"""Engines beyond this process: worker processes, Dask clusters, your own executors."""

import contextlib
import ctypes
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from .. import settings, task
from ..engine import Engine
from ..errors import RequestError, nearest
from ..task import Outcome, Task, packed, perform_packed

NAMES = ("serial", "processes", "dask")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PR_SET_PDEATHSIG = 1


def make(name: str, root: Path, jobs: int | None, scheduler: str | None) -> Engine:
    """Return the engine of that name; `module:function` returns an Executor."""
    if name == "processes":
        return Processes(root, jobs or os.cpu_count() or 1)
    if name == "dask":
        return Dask(root, jobs, scheduler)
    if ":" in name:
        return Own(root, jobs, _own_executor(name))
    hint = f"{nearest(name, NAMES)}; or give module:function"
    raise RequestError(f"there is no engine {name!r}", hint)


class _Remote(Engine):
    """An engine whose workers get calls as bytes."""

    is_local = False

    def __init__(self, root: Path, slots: int) -> None:
        self.root = str(root)
        self.slots = slots

    def submit(self, given: Task) -> "Future[Outcome]":
        label = f"{given.stage.label} {given.own.name}"
        return self._send(packed(given, f"the call {label}"))

    def _send(self, data: bytes) -> "Future[Outcome]":
        raise NotImplementedError


class Processes(_Remote):
    """Worker processes on this machine, each of which imports the project once."""

    def __init__(self, root: Path, slots: int) -> None:
        super().__init__(root, slots)
        self._start()

    def _start(self) -> None:
        self._pool = ProcessPoolExecutor(
            self.slots,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin_worker,
            initargs=(self.root, os.getpid()),
        )
        with _environment(self.slots):
            for _ in range(self.slots):  # they start while the map is made
                self._pool.submit(os.getpid)

    def _send(self, data: bytes) -> "Future[Outcome]":
        with _environment(self.slots):
            return self._pool.submit(perform_packed, self.root, data)

    def rebuild(self) -> None:
        self.stop(at_once=True)
        self._start()

    def stop(self, *, at_once: bool) -> None:
        if at_once:
            for worker in multiprocessing.active_children():
                _kill(worker)
        self._pool.shutdown(wait=True, cancel_futures=True)


class Dask(_Remote):
    """A Dask cluster: one of this machine, an existing one, or any cluster class."""

    def __init__(self, root: Path, jobs: int | None, scheduler: str | None) -> None:
        options = settings.table(root, "dask")
        self._cluster, self._client = _connect(root, options, jobs, scheduler)
        workers = len(self._client.scheduler_info()["workers"])
        super().__init__(root, max(workers, jobs or int(options.get("jobs", 1))))
        self._executor = self._client.get_executor(pure=False)

    def _send(self, data: bytes) -> "Future[Outcome]":
        future: Future[Outcome] = self._executor.submit(_bootstrap, self.root, data)
        return future

    def stop(self, *, at_once: bool) -> None:
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


class Own(_Remote):
    """Whatever implements `concurrent.futures.Executor`."""

    def __init__(self, root: Path, jobs: int | None, executor: Executor) -> None:
        known = getattr(executor, "_max_workers", None)
        super().__init__(root, jobs or known or os.cpu_count() or 1)
        self._executor = executor

    def _send(self, data: bytes) -> "Future[Outcome]":
        return self._executor.submit(perform_packed, self.root, data)

    def stop(self, *, at_once: bool) -> None:
        self._executor.shutdown(wait=not at_once, cancel_futures=True)


def _own_executor(name: str) -> Executor:
    module, _, function = name.partition(":")
    try:
        made = getattr(importlib.import_module(module), function)()
    except Exception as error:
        said = f"--engine {name}: {type(error).__name__}: {error}"
        raise RequestError(said, "give module:function") from error
    if not isinstance(made, Executor):
        hint = "return a concurrent.futures.Executor"
        raise RequestError(f"--engine {name} returned {made!r:.80}", hint)
    return made


# Worker processes -------------------------------------------------------------------


@contextlib.contextmanager
def _environment(workers: int) -> Iterator[None]:
    """Let processes that start here share the cores, and order sets alike."""
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    wanted = {"PYTHONHASHSEED": "0", **dict.fromkeys(THREADS, threads)}
    new = {k: v for k, v in wanted.items() if k not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for key in new:
            os.environ.pop(key, None)


def _begin_worker(root: str, parent: int) -> None:
    """Make a process a worker: it ends with its parent, and never on Ctrl-C alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()  # what a stage starts can be ended with it
    _end_with(parent)
    task.stray = tempfile.TemporaryFile()
    sys.stdout.flush()
    os.dup2(task.stray.fileno(), 1)
    os.dup2(task.stray.fileno(), 2)
    task.enter(root)


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    watched = multiprocessing.parent_process()
    if watched is not None:
        threading.Thread(target=_watch, args=(watched,), daemon=True).start()
    if hasattr(os, "getppid") and os.getppid() != parent:
        os._exit(1)


def _watch(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _kill(worker: Any) -> None:
    try:
        if hasattr(os, "killpg"):
            os.killpg(worker.pid, signal.SIGKILL)
        else:
            worker.kill()
    except OSError:  # it has no group of its own yet
        worker.kill()


# Dask -------------------------------------------------------------------------------


def _connect(
    root: Path, options: dict[str, Any], jobs: int | None, scheduler: str | None
) -> tuple[Any, Any]:
    """Return a cluster, None for one that exists already, and a client of it."""
    distributed = _needed("distributed", "pip install 'dask[distributed]'")
    dask = importlib.import_module("dask")
    dask.config.set({"distributed.scheduler.allowed-failures": 1})
    try:
        if scheduler is not None:
            return None, distributed.Client(scheduler, timeout=10)
        cluster = _cluster(distributed, root, dict(options), jobs)
        client = distributed.Client(cluster)
        client.wait_for_workers(1, timeout=options.get("timeout", 600))
        return cluster, client
    except (OSError, TimeoutError, ValueError) as error:
        what = f"scheduler {scheduler}" if scheduler else "cluster"
        hint = "check the address, and that its workers run"
        raise RequestError(f"no Dask {what}: {error}", hint) from error


def _cluster(
    distributed: Any, root: Path, options: dict[str, Any], jobs: int | None
) -> Any:
    name = options.pop("cluster", None)
    count = int(options.pop("jobs", 0)) or jobs or os.cpu_count() or 1
    options.pop("timeout", None)
    if name is None:
        given = {"threads_per_worker": 1, "dashboard_address": None, **options}
        with _environment(count):
            return distributed.LocalCluster(
                n_workers=count, processes=True, host="127.0.0.1", **given
            )
    module, _, kind = name.rpartition(".")
    found = getattr(_needed(module, f"pip install {module.partition('.')[0]}"), kind)
    cluster = found(**options)
    (
        cluster.scale(jobs=count)
        if "jobs" in _scale_names(cluster)
        else cluster.scale(count)
    )
    return cluster


def _scale_names(cluster: Any) -> tuple[str, ...]:
    code = getattr(getattr(cluster.scale, "__func__", None), "__code__", None)
    return code.co_varnames if code is not None else ()


def _needed(module: str, remedy: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise RequestError(f"this engine needs {module}: {error}", remedy) from error


def _bootstrap(root: str, data: bytes) -> Outcome:
    """Find the runner in the project, on a machine that knows only where that lies."""
    import sys

    if sys.path[:1] != [root]:
        sys.path.insert(0, root)
    from curifactory.task import perform_packed

    return perform_packed(root, data)


# Functions of __main__ travel by value: a worker cannot import this module yet.
_bootstrap.__module__ = "__main__"
