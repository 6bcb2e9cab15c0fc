"""Performs a run: argsets, the calls of run(), their results, history and report."""

import atexit
import importlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from . import engine, paramsets, surroundings
from .decide import Decision
from .engine import Engine
from .errors import (
    CurifactoryError,
    RequestError,
    SkippedError,
    interrupted_by,
    nearest,
)
from .failure import own_frames, told
from .layout import list_experiments as list_experiments
from .layout import list_paramsets as list_paramsets
from .manager import ArtifactManager, StopMap, project_at_work
from .paramsets import load_argsets as load_argsets
from .paramsets import open_project as open_project
from .progress import Progress
from .record import Call, Record, argset_of
from .request import Request as Request
from .settings import Settings, find_root
from .snapshot import Snapshot


@dataclass(eq=False, repr=False)
class Run:
    """What became of one invocation."""

    manager: ArtifactManager
    exit_code: int = 0
    status: str = "done"
    decisions: list[tuple[Call, Decision]] = field(default_factory=list)
    content: dict[str, Any] = field(default_factory=dict)
    report: Path | None = None
    error: Exception | None = None
    """What ended `run()`, where calls had been computed before it."""
    notes: str | None = None
    """One line about it, for the history."""

    @property
    def records(self) -> list[Record[Any]]:
        return self.manager.records

    @property
    def folder(self) -> Path | None:
        return self.manager.folder

    @property
    def counts(self) -> dict[str, int]:
        """Calls by outcome; under `map`, by what would happen."""
        if not self.manager.mapping:
            return self.manager.counts()
        found = dict.fromkeys(("compute", "reuse", "maybe", "skip"), 0)
        for _, decision in self.decisions:
            found[decision.kind] += 1
        return found

    def let_go(self) -> None:
        """Have nothing any more: Python need not find it among the garbage at its end."""
        self.content.clear()
        self.decisions.clear()
        self.manager.let_go()


SEVERAL = frozenset({"paramsets", "sets", "names", "overwrite_stages"})
"""The options that are lists of texts."""


def run_experiment(
    name: str,
    root: Path | str | None = None,
    *,
    paramsets: Sequence[str] = (),
    cache: Path | None = None,
    runs: Path | None = None,
    reports: Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Run:
    """Run an experiment, or only map it, and return what became of its calls.

    Without a root it is the project that this runner lies in. The options are the fields
    of `Request`; where several texts are meant, one will do.
    """
    for option in options:
        if option not in Request._fields:
            hint = nearest(option, Request._fields)
            raise RequestError(f"run_experiment has no option {option!r}", hint)
    if not isinstance(root, (Path, str, type(None))):
        said = f"run_experiment: root is {root!r:.80}, no folder"
        raise RequestError(said, "parameter files are given as paramsets=[...]")
    given = {**options, "paramsets": paramsets}
    single = {n: (v,) for n, v in given.items() if n in SEVERAL and isinstance(v, str)}
    root = root or find_root(project_at_work())
    project = open_project(root, cache=cache, runs=runs, reports=reports)
    request = Request(name=name, **{**given, **single})
    with surroundings.staying():
        # Relative paths are meant as they are on the command line.
        os.chdir(project.root)
        run = perform(project, request, progress or Progress(quiet=True))
    if run.error is not None:
        raise run.error
    return run


def perform(project: Settings, request: Request, progress: Progress) -> Run:
    """Perform a run to its end; an error after its first call is told by `Run.error`."""
    for option in ("retries", "max_calls"):
        number = getattr(request, option)
        if number is not None and number < 0:
            shown = f"--{option.replace('_', '-')}"
            raise RequestError(f"{shown} {number}: expected 0 or more", f"{shown} 1")
    if request.read_only:
        project = project._replace(base=project.cache, cache=_temporary())
    chosen = engine.make(request, project.root)
    if request.debugger and not chosen.is_local:
        hint = "use --engine serial, without -j"
        raise RequestError("--pdb debugs calls in this process only", hint)
    try:
        if not request.map_only:
            chosen.start()
            if not project.cache.exists():
                chosen.expect(project.module_of(request.name))
        return _perform(project, request, progress, chosen)
    except BaseException:
        chosen.stop(at_once=True)
        raise


def _temporary() -> Path:
    """Return a folder that is removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="curifactory-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _perform(
    project: Settings, request: Request, progress: Progress, chosen: Engine
) -> Run:
    module = paramsets.load(project, "experiments", request.name)
    paramsets.check_function(module, "run")
    snapshots = _snapshots(project, request, module)
    manager = ArtifactManager(
        request.name.replace("/", "."),
        project=project,
        progress=progress,
        request=paramsets.without_secrets(request, snapshots),
        engine=chosen,
    )
    manager.snapshots = snapshots
    manager.summary = (module.__doc__ or "").strip().partition("\n")[0]
    run = Run(manager, status="interrupted")  # unless it comes to its end
    try:
        if _call_run(module, snapshots, manager):
            if not manager.calls:
                said = "run() called no stage: there is nothing to compute"
                manager.say(f"{said}; records take the manager that run() is given")
            manager.check_unchanged()
            check_stages(request.overwrite_stages, manager)
        if request.map_only:
            run.decisions = manager.foresee()
        else:
            manager.compute()
        run.status = "done"
    except KeyboardInterrupt as error:
        _interrupt(run, error)
    except Exception as error:
        run.notes = told(error)
        manager.log(run.notes)
        manager.stop(at_once=True)
        run.error, run.exit_code = error, getattr(error, "exit_code", 1)
        run.status = "refused" if run.exit_code == 2 else "failed"
        counts = manager.counts()
        if not counts["computed"] + counts["failed"]:
            if manager.folder is not None:
                manager.finish(run.status, run.exit_code, run.notes)
            raise
    finally:
        try:
            with surroundings.undisturbed():  # a second Ctrl-C may have come before
                progress.close()
                manager.stop(at_once=run.status == "interrupted")
        except KeyboardInterrupt as error:  # the history has what was done
            _interrupt(run, error)
    return run if request.map_only else _finished(run, request)


def _interrupt(run: Run, error: KeyboardInterrupt) -> None:
    run.status, run.exit_code = "interrupted", interrupted_by(error)


def _snapshots(
    project: Settings, request: Request, module: ModuleType
) -> list[Snapshot]:
    """Collect the argsets of the files that are asked for, else of the experiment."""
    if request.paramsets:
        found = paramsets.imported(project, request.paramsets)
    else:
        found = paramsets.of_experiment(project, request.name, module)
    return paramsets.collect(found, request)


def _call_run(
    module: ModuleType, snapshots: list[Snapshot], manager: ArtifactManager
) -> bool:
    """Let `run()` make its calls; return whether it came to its end."""
    try:
        module.run([argset_of(snapshot) for snapshot in snapshots], manager)
        return True
    except StopMap:
        pass
    except SkippedError as error:
        manager.say(f"run() ended where it asked for a value: {error.message}")
    except SystemExit as error:
        said = f"run() of experiment {manager.experiment_name!r} called sys.exit()"
        raise CurifactoryError(said, "return, or raise what is wrong") from error
    except Exception as error:
        failures = (call.failure for call in manager.calls if call.failure)
        if any(each.error is error for each in failures):
            return False  # a value that it asked for: reported as a call
        if isinstance(error, RequestError):
            raise paramsets.placed(error) from error
        if isinstance(error, CurifactoryError):
            raise
        if type(error).__name__ == "BdbQuit":
            raise KeyboardInterrupt from error
        if manager.request.debugger:
            import pdb

            pdb.post_mortem(error.__traceback__)
        shown = own_frames(error)
        said = f"run() of experiment {manager.experiment_name!r} failed\n{shown}"
        raise CurifactoryError(said.rstrip()) from error
    return False


def check_stages(names: Iterable[str], manager: ArtifactManager) -> None:
    """Refuse names of stages that a run does not have."""
    stages = {call.stage for call in manager.calls}
    for name in names:
        if not any(name in each.called for each in stages):
            hint = nearest(name.split(".")[-1], [each.label for each in stages])
            raise RequestError(f"no stage is named {name!r}", hint)


def _finished(run: Run, request: Request) -> Run:
    if run.status == "done" and run.counts["failed"]:
        run.status, run.exit_code = "failed", 1
    with surroundings.undisturbed():  # an impatient one costs no history
        run.content = run.manager.finish(run.status, run.exit_code, run.notes)
    if request.report and run.manager.folder is not None:
        run.report = _write_report(run)
    return run


def _write_report(run: Run) -> Path | None:
    try:
        report = importlib.import_module("curifactory.extras.report")
        written: Path = report.publish(run.content, run.manager.settings)
        return written
    except Exception as error:  # the results are safe; a report can be made again
        missing = getattr(error, "name", None) == "jinja2"
        said = f"{type(error).__name__}: {error}{' (pip install jinja2)' * missing}"
    run.manager.progress.message(f"no report: {said}")
    return None
