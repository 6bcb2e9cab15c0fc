"""Engines beyond this process: worker processes, Dask clusters, your own executors."""

import contextlib
import gc
import importlib
import logging
import multiprocessing
import os
import pickle
import time
from collections.abc import Iterable
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
)
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from .. import settings, surroundings
from ..args import flat
from ..channel import HASH_SEED
from ..engine import Engine
from ..errors import ArtifactError, RequestError, nearest
from ..record import Call
from ..snapshot import Snapshot
from ..stages import AnyStage
from ..task import Outcome, Task, packed
from . import forking, workers

NAMES = ("serial", "processes", "dask")


def make(name: str, root: Path, jobs: int | None, scheduler: str | None) -> Engine:
    """Return the engine of that name; `module:function` returns an Executor."""
    if name == "processes":
        return Processes(root, jobs or os.cpu_count() or 1)
    if name == "dask":
        return Dask(root, jobs, scheduler)
    if ":" in name:
        return Own(root, jobs, name)
    hint = f"{nearest(name, NAMES)}; or give module:function"
    raise RequestError(f"there is no engine {name!r}", hint)


class _Remote(Engine):
    """An engine whose workers get calls as bytes."""

    is_local = False
    lost = (BrokenExecutor,)

    def __init__(self, root: Path, slots: int) -> None:
        self.root = str(root)
        self.slots = slots

    def prepare(self, calls: Iterable[Call]) -> None:
        for stage in dict.fromkeys(call.stage for call in calls):
            _check_importable(stage)
        found = {id(m.snapshot): m.snapshot for call in calls for m in call.members}
        _check_packable(list(found.values()))

    def submit(self, given: Task) -> "Future[Outcome]":
        label = f"{given.stage.label} {given.own.name}"
        data = packed(given, f"the call {label}")
        return self._send(self.root, data, given.output, given.group)

    def _send(self, *given: Any) -> "Future[Outcome]":
        """Let `perform_packed` be called with these arguments in another process."""
        raise NotImplementedError


def _check_importable(stage: AnyStage) -> None:
    """Refuse a stage that another process cannot find by its name."""
    found, mend = None, "define it at the top level of a module"
    mend += ", its decorators with functools.wraps"
    try:
        found = pickle.loads(pickle.dumps(stage))
    except TypeError:
        mend = "put @stage above its other decorators"
    except Exception:
        pass  # there is nothing of that name
    if isinstance(found, type(stage)) and found is not stage:
        mend = f"the one at {found.where} has its name: give it another"
    if found is not stage or stage.function.__module__ == "__main__":
        said = f"{stage.where}: worker processes cannot import stage {stage.label}"
        raise RequestError(said, f"{mend}, or use --engine serial")


def _check_packable(snapshots: list[Snapshot]) -> None:
    """Refuse an argset that cannot be passed to another process, by its field.

    Where that takes more than pickle, as for lambdas, all digests are passed as well:
    another process could not tell them.
    """
    try:
        pickle.loads(pickle.dumps([each.source for each in snapshots], protocol=5))
    except Exception:
        for each in snapshots:
            for path, value in flat(each.source) if each.source is not None else ():
                _check_passes(value, f"{each.name}.{path}")
                each.digest(path)
            each.content()


def _check_passes(value: Any, what: str) -> None:
    try:
        data = packed(value, what)
    except ArtifactError as error:
        raise RequestError(error.message, error.hint) from error
    try:
        pickle.loads(data)
    except Exception as error:
        said = f"{what} cannot be made again in another process: {error}"
        raise RequestError(said, "run with --engine serial") from error


class Processes(_Remote):
    """Worker processes on this machine, each of which imports the project once."""

    def __init__(self, root: Path, slots: int) -> None:
        super().__init__(root, slots)
        self._pool: ProcessPoolExecutor | None = None
        self._modules: list[str] = []
        self._given = workers.inherited(slots)
        self._changed: workers.Inherited | None = None
        """What workers take over before each call, where it is not what they began with."""

    def start(self) -> None:
        if forking.can_fork():
            gc.freeze()  # what is shared stays so
            self._begin("fork")
            self._submit(os.getpid)  # now, not when there is work
            gc.unfreeze()  # what modules hold here ends as elsewhere

    def expect(self, module: str) -> None:
        self._modules = [module]
        self._load()

    def prepare(self, calls: Iterable[Call]) -> None:
        super().prepare(calls)
        now = workers.inherited(self.slots)
        if self._changed is not None or now != self._given:
            self._changed = now
        if self._pool is None or not self._modules:
            found = [call.stage.function.__module__ for call in calls]
            self._modules = list(dict.fromkeys(found))
            self._load()

    def rebuild(self) -> None:
        self.stop(at_once=True)
        self._given, self._changed = workers.inherited(self.slots), None
        self._load()

    def _begin(self, method: str) -> None:
        try:
            self._pool = ProcessPoolExecutor(
                self.slots,
                mp_context=multiprocessing.get_context(method),
                initializer=workers.begin,
                initargs=(self.root, self._given),
            )
        except (OSError, ImportError, NotImplementedError) as error:
            said = f"no worker processes can be made here: {error}"
            hint = "is there a /dev/shm to write to? without -j a run needs none"
            raise RequestError(said, hint) from error

    def _load(self) -> None:
        """Let all workers import what they will need, not as calls come."""
        if self._pool is None:
            self._begin("spawn")
        with contextlib.suppress(BrokenExecutor):  # one was killed: a call will tell
            for _ in range(self.slots):
                self._submit(workers.load, self._modules)

    def _send(self, *given: Any) -> "Future[Outcome]":
        return self._submit(workers.perform_as, self._changed, *given)

    def _submit(self, function: Any, *given: Any) -> "Future[Any]":
        assert self._pool is not None
        is_full = len(self._pool._processes or ()) == self.slots
        begun = contextlib.nullcontext() if is_full else forking.starting(self.slots)
        with surroundings.undisturbed(), begun:
            return self._pool.submit(function, *given)

    def stop(self, *, at_once: bool) -> None:
        if self._pool is None:
            return
        mine = _workers_of(self._pool)
        if at_once:
            workers.end(mine)
        self._pool.shutdown(wait=at_once, cancel_futures=True)
        if not at_once:  # the end of this process waits for its workers
            workers.end_late(mine)
        self._pool = None


class Dask(_Remote):
    """A Dask cluster: one of this machine, an existing one, or any cluster class."""

    killed = "KilledWorker"

    def __init__(self, root: Path, jobs: int | None, scheduler: str | None) -> None:
        super().__init__(root, jobs or 1)
        self._options = settings.table(root, "dask")
        self._jobs = jobs
        self._scheduler = scheduler
        self._cluster: Any = None
        self._client: Any = None
        self._looked = 0.0

    def start(self) -> None:
        _needed("distributed", "pip install 'dask[distributed]'")
        if self._scheduler is not None:
            self._client = _connected(self._scheduler)

    def prepare(self, calls: Iterable[Call]) -> None:
        super().prepare(calls)
        if self._client is None:
            self._cluster, self._client = _begun(self._options, self._jobs)

    def _send(self, *given: Any) -> "Future[Outcome]":
        if time.monotonic() > self._looked + 1:  # workers come and go
            self._looked = time.monotonic()
            self.slots = max(1, sum(self._client.nthreads().values()))
        future = self._client.submit(_bootstrap, *given, pure=False)
        told: Future[Outcome] = Future()
        self._client.loop.add_callback(_pass_on, future, told)
        return told

    def stop(self, *, at_once: bool) -> None:
        for name in ("distributed", "tornado.application") if at_once else ():
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # it is meant to end
        super().stop(at_once=at_once)
        own = self._client, self._cluster
        self._client = self._cluster = None  # a second Ctrl-C does not wait for them
        for each in own:
            if each is not None:
                each.close()


class Own(_Remote):
    """Whatever implements `concurrent.futures.Executor`."""

    def __init__(self, root: Path, jobs: int | None, name: str) -> None:
        super().__init__(root, jobs or 1)
        self._given = name, jobs
        self._executor: Executor | None = None

    def start(self) -> None:
        name, jobs = self._given
        self._executor = _own_executor(name)
        known = getattr(self._executor, "_max_workers", None)
        self.slots = jobs or known or os.cpu_count() or 1

    def rebuild(self) -> None:
        self._let_go(wait=False)
        self.start()

    def _send(self, *given: Any) -> "Future[Outcome]":
        assert self._executor is not None
        return self._executor.submit(workers.perform_watching, *given)

    def stop(self, *, at_once: bool) -> None:
        super().stop(at_once=at_once)
        self._let_go(wait=not at_once)

    def _let_go(self, *, wait: bool) -> None:
        if self._executor is not None:
            mine = _workers_of(self._executor)
            self._executor.shutdown(wait=wait and not mine, cancel_futures=True)
            workers.end_late(mine)
        self._executor = None


def _workers_of(executor: Executor) -> list[BaseProcess]:
    """Return the processes of a pool, which Python's own end waits for, for ever."""
    if isinstance(executor, ProcessPoolExecutor):
        return list((executor._processes or {}).values())
    return []


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


# Dask -------------------------------------------------------------------------------


def _connected(scheduler: str) -> Any:
    """Return a client of a scheduler that exists already."""
    distributed = importlib.import_module("distributed")
    try:
        return distributed.Client(scheduler, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        said = f"no Dask scheduler at {scheduler}: {error}"
        raise RequestError(said, "check the address, and that it runs") from error


def _begun(options: dict[str, Any], jobs: int | None) -> tuple[Any, Any]:
    """Return a new cluster and a client of it."""
    distributed = importlib.import_module("distributed")
    # A killed worker is ours to handle: its call is tried once more, alone.
    unfailing = {"distributed.scheduler.allowed-failures": 0}
    seed = {"distributed.nanny.pre-spawn-environ.PYTHONHASHSEED": HASH_SEED}
    importlib.import_module("dask").config.set({**unfailing, **seed})
    given = dict(options)
    name, patience = given.pop("cluster", None), given.pop("timeout", 600)
    asked = given.pop("workers", 0)
    try:
        count = jobs or int(asked) or os.cpu_count() or 1
        if name is None:
            cluster = _local_cluster(distributed, count, given)
        else:
            cluster = _named_cluster(name, count, given)
        client = distributed.Client(cluster)
        client.wait_for_workers(1, timeout=patience)
        return cluster, client
    except (AttributeError, OSError, RuntimeError, TypeError, ValueError) as error:
        said = f"no Dask cluster: {type(error).__name__}: {error}"
        hint = "see [tool.curifactory.dask] in pyproject.toml"
        raise RequestError(said, hint) from error


def _local_cluster(distributed: Any, count: int, options: dict[str, Any]) -> Any:
    fixed = {"n_workers": count, "processes": True, "host": "127.0.0.1"}
    usual = {"threads_per_worker": 1, "dashboard_address": None}
    with forking.starting(count):
        return distributed.LocalCluster(**{**fixed, **usual, **options})


def _named_cluster(name: str, count: int, options: dict[str, Any]) -> Any:
    module, _, kind = name.rpartition(".")
    package = module.partition(".")[0].replace("_", "-")
    cluster = getattr(_needed(module, f"pip install {package}"), kind)(**options)
    cluster.scale(count)
    return cluster


async def _pass_on(future: Any, told: "Future[Any]") -> None:
    """Tell what a Dask future came to, in the event loop of its client.

    Dask's own executor asks for its state once more, by then that of a lost worker.
    """
    try:
        told.set_result(await future)
    except CancelledError:
        told.cancel()
    except Exception as error:
        told.set_exception(error)


def _needed(module: str, remedy: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise RequestError(f"this engine needs {module}: {error}", remedy) from error


def _bootstrap(root: str, *given: Any) -> Any:
    """Find the runner in the project, on a machine that knows only where that lies."""
    import sys

    if sys.path[:1] != [root]:
        sys.path.insert(0, root)
    from curifactory.extras.workers import perform_packed

    return perform_packed(root, *given)


# Functions of __main__ travel by value: a worker cannot import this module yet.
_bootstrap.__module__ = "__main__"
