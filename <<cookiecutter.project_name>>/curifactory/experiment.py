"""Finds experiments and parameter files, collects argsets, performs a run."""

import ast
import fnmatch
import importlib
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from . import args as argsets
from . import engine, record, settings, syntax
from .args import ExperimentArgs
from .decide import Decision
from .engine import Engine
from .errors import CurifactoryError, IdentityError, RequestError, nearest
from .manager import ArtifactManager, StopMap
from .progress import Progress
from .record import Call, Record, Snapshot
from .settings import Settings
from .survey import Options
from .task import own_frames, where


@dataclass(frozen=True)
class Entry:
    """An experiment or parameter file, as far as its text tells."""

    name: str
    path: Path
    summary: str = ""
    error: str = ""


@dataclass(frozen=True)
class Request:
    """What one invocation asks for."""

    name: str
    paramsets: Sequence[str] = ()
    names: Sequence[str] = ()
    indices: str = ""
    overwrite: bool = False
    overwrite_stages: Sequence[str] = ()
    map_only: bool = False
    report: bool = True
    command: str = ""
    engine: str | None = None
    jobs: int | None = None
    scheduler: str | None = None
    retries: int = 0
    fail_fast: bool = False
    max_calls: int | None = None
    debugger: bool = False
    captures: bool = False

    is_confirmed: bool = False

    def options(self, confirm_above: float) -> Options:
        """Return what concerns the execution of calls."""
        return Options(
            overwrite=self.overwrite,
            overwrite_stages=frozenset(self.overwrite_stages),
            retries=self.retries,
            fail_fast=self.fail_fast,
            max_calls=self.max_calls,
            debugger=self.debugger,
            confirm_above=confirm_above,
            is_confirmed=self.is_confirmed,
        )


@dataclass
class Run:
    """What became of one invocation."""

    manager: ArtifactManager
    exit_code: int = 0
    status: str = "done"
    decisions: list[tuple[Call, Decision]] = field(default_factory=list)
    content: dict[str, Any] = field(default_factory=dict)
    report: Path | None = None

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


# Finding ----------------------------------------------------------------------------


def list_experiments(root: Path) -> list[Entry]:
    """Return the experiments of a project; files are parsed, never imported."""
    return _entries(settings.load(root), "experiments", "run")


def list_paramsets(root: Path) -> list[Entry]:
    """Return the parameter files of a project; files are parsed, never imported."""
    return _entries(settings.load(root), "params", "get_params")


def _entries(project: Settings, kind: str, function: str) -> list[Entry]:
    folder = project.root / getattr(project, kind)
    paths = (p for p in sorted(folder.rglob("*.py")) if p.name != "__init__.py")
    found = (_entry(folder, path, function) for path in paths)
    return [entry for entry in found if entry is not None]


def _entry(folder: Path, path: Path, function: str) -> Entry | None:
    name = path.relative_to(folder).with_suffix("").as_posix()
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        return Entry(name, path, error=f"line {line}: {error.args[0]}")
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    if function not in defined:
        return None
    return Entry(name, path, (ast.get_docstring(tree) or "").partition("\n")[0])


def _load(project: Settings, kind: str, function: str, name: str) -> ModuleType:
    """Import the module of an experiment or parameter file."""
    folder = getattr(project, kind)
    path = _located(project, kind, function, name)
    inner = path.relative_to(project.root / folder).with_suffix("").parts
    module = _import(".".join((*Path(folder).parts, *inner)), path)
    if not callable(getattr(module, function, None)):
        shown = path.relative_to(project.root)
        raise RequestError(
            f"{shown} has no function {function}()",
            (
                "def get_params(): return [Args(...)]"
                if function == "get_params"
                else "def run(argsets, manager): ..."
            ),
        )
    return module


def _located(project: Settings, kind: str, function: str, name: str) -> Path:
    folder: Path = project.root / getattr(project, kind)
    what = "experiment" if kind == "experiments" else "parameter file"
    if not re.fullmatch(r"\w[\w-]*(/\w[\w-]*)*", name.replace(".", "/")):
        raise RequestError(
            f"{name!r} is no name of an {what}".replace("an p", "a p"),
            f"give the name of a file in {getattr(project, kind)}/, without .py",
        )
    path = folder / (name.replace(".", "/") + ".py")
    if not path.is_file():
        known = [entry.name for entry in _entries(project, kind, function)]
        raise RequestError(f"there is no {what} {name!r}", nearest(name, known))
    return path


def _import(name: str, path: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except CurifactoryError as error:
        raise RequestError(error.message, error.hint) from error
    except SyntaxError as error:
        place = _relative(error.filename or str(path))
        text = (error.text or "").strip()
        raise RequestError(f"{place}:{error.lineno}: {error.msg}", text) from error
    except Exception as error:
        raise _users(error, f"{_relative(str(path))} cannot be imported") from error


def _users(error: Exception, what: str) -> RequestError:
    """Return an error that shows the user's own frame in two lines."""
    place = where(error)
    shown = f" ({_relative(place)})" if place else ""
    unknown = _unknown_field(error)
    if unknown is not None:
        return RequestError(f"{_relative(place)}: {unknown[0]}", unknown[1])
    lines = traceback.format_exception_only(type(error), error)[-1].strip()
    return RequestError(f"{what}: {lines}{shown}")


def _unknown_field(error: Exception) -> tuple[str, str] | None:
    """Return message and hint for an argset made with a field that it does not have."""
    pattern = r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'"
    match = re.match(pattern, str(error))
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    cls = last.tb_frame.f_globals.get(match[1]) if match and last else None
    if match is None or not isinstance(cls, type):
        return None
    hint = nearest(match[2], argsets.field_names(cls))
    return f"{match[1]} has no field {match[2]!r}", hint


def _relative(place: str) -> str:
    path, colon, line = place.rpartition(":")
    path, tail = (path, colon + line) if line.isdigit() else (place, "")
    return (syntax.relative(path) or path) + tail


# Argsets ----------------------------------------------------------------------------


def load_argsets(root: Path | str, names: Sequence[str]) -> list[Any]:
    """Return the argsets of parameter files, with unique names; they cannot be set."""
    project = open_project(root)
    return [snapshot.args for snapshot in _collect(_sources(project, names))]


def open_project(root: Path | str | None, **places: Any) -> Settings:
    """Return the settings of a project, and make its modules importable."""
    found = Path(root).resolve() if root else settings.find_root(Path.cwd())
    own = Path(__file__).resolve().parents[1]
    if (found / "curifactory").is_dir() and (
        found / "curifactory"
    ).resolve().parent != own:
        raise RequestError(
            f"this is the curifactory of {own}, the project {found} has its own",
            f"run `python -m curifactory` in {found}",
        )
    syntax.watch(found)
    if sys.path[:1] != [str(found)]:
        sys.path.insert(0, str(found))
    return settings.load(found, **places)


def _sources(
    project: Settings, names: Iterable[str]
) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    for name in names:
        module = _load(project, "params", "get_params", name)
        place = _relative(str(module.__file__))
        yield name, place, module.get_params


def _collect(
    sources: Iterable[tuple[str, str, Callable[[], Any]]],
) -> list[Snapshot]:
    """Call each get_params() once and take snapshots of what it returns."""
    found: dict[str, tuple[Snapshot, str]] = {}
    owners: dict[int, tuple[Any, str]] = {}
    for paramset, place, get_params in sources:
        for index, args in enumerate(_called(get_params, place)):
            _check_argset(args, index, place)
            other = owners.setdefault(id(args), (args, place))[1]
            if other != place:
                raise RequestError(
                    f"{place} and {other} return the same object, argset {args.name!r}",
                    "make a copy in one of them: copy.deepcopy(args)",
                )
            _add(found, _snapshot(args, paramset, index, place), place)
    for snapshot, _ in found.values():
        record.keep_snapshot(snapshot)
    return [snapshot for snapshot, _ in found.values()]


def _snapshot(args: Any, paramset: str, index: int, place: str) -> Snapshot:
    """Return a snapshot; a value without identity is refused here."""
    try:
        snapshot = Snapshot(_named(args, paramset, index), paramset)
        snapshot.digest("*")
    except IdentityError as error:
        raise RequestError(f"{place}: {error.message}", error.hint) from error
    return snapshot


def _add(
    found: dict[str, tuple[Snapshot, str]], snapshot: Snapshot, place: str
) -> None:
    earlier, other = found.get(snapshot.name, (None, ""))
    if earlier is None:
        found[snapshot.name] = snapshot, place
    elif earlier.digest("*") != snapshot.digest("*"):
        both = place if place == other else f"{other} and {place}"
        raise RequestError(
            f"two argsets are named {snapshot.name!r}, with different content ({both})",
            "give each argset its own name",
        )
    elif place == other:
        raise RequestError(f"{place} returns the argset {snapshot.name!r} twice")


def _called(get_params: Callable[[], Any], place: str) -> list[Any]:
    try:
        returned = get_params()
        if isinstance(returned, ExperimentArgs) or not hasattr(returned, "__iter__"):
            shown = argsets.short(returned)
            hint = "get_params() returns a list: return [Args(...)]"
            raise RequestError(f"{place}: get_params() returned {shown}", hint)
        found = list(returned)
    except CurifactoryError as error:
        at = where(error)
        message = error.message if place in error.message else ""
        shown = message or f"{_relative(at) or place}: {error.message}"
        raise RequestError(shown, error.hint) from error
    except Exception as error:
        raise _users(error, f"{place}: get_params() failed") from error
    if not found:
        raise RequestError(f"{place}: get_params() returned no argsets")
    return found


def _check_argset(args: Any, index: int, place: str) -> None:
    if not isinstance(args, ExperimentArgs):
        raise RequestError(
            f"{place}: item {index} of get_params() is {argsets.short(args)}, no argset",
            "return instances of a class that extends ExperimentArgs",
        )
    argsets.check_class(type(args), place)
    if not isinstance(args.name, str):
        raise RequestError(f"{place}: the name of an argset is text, not {args.name!r}")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in args.name):
        raise RequestError(f"{place}: the name {args.name!r} has a control character")


def _named(args: Any, paramset: str, index: int) -> Any:
    """Return an argset that has a name: its own, or one after its parameter file."""
    if args.name:
        return args
    named = argsets.sealed(args)
    object.__setattr__(named, "name", paramset if index == 0 else f"{paramset}_{index}")
    return named


def _select(snapshots: list[Snapshot], request: Request) -> list[Snapshot]:
    """Return the argsets that -n and --indices choose, in their order."""
    chosen = (
        set(range(len(snapshots))) if not (request.names or request.indices) else set()
    )
    for pattern in request.names:
        hits = {
            i
            for i, snapshot in enumerate(snapshots)
            if snapshot.name == pattern or fnmatch.fnmatchcase(snapshot.name, pattern)
        }
        if not hits:
            known = [snapshot.name for snapshot in snapshots]
            raise RequestError(
                f"no argset is named {pattern!r}", nearest(pattern, known)
            )
        chosen |= hits
    chosen |= _indices(request.indices, len(snapshots))
    return [snapshot for i, snapshot in enumerate(snapshots) if i in chosen]


def _indices(text: str, count: int) -> set[int]:
    """Return the numbers in a text like `0,2-4`."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < count:
            hint = f"there are {count} argsets: give numbers from 0 to {count - 1}"
            raise RequestError(f"--indices {text}: {part!r} is out of range", hint)
        found.update(range(first, last + 1))
    return found


# Running ----------------------------------------------------------------------------


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
    """Run an experiment, or only map it, and return what became of its calls."""
    project = open_project(root, cache=cache, runs=runs, reports=reports)
    request = Request(name, paramsets=paramsets, **options)
    return perform(project, request, progress or Progress(quiet=True))


def perform(project: Settings, request: Request, progress: Progress) -> Run:
    """Do what a request asks for."""
    asked = request.engine, project.root, request.jobs, request.scheduler
    chosen = engine.make(*asked)
    if request.debugger and not chosen.is_local:
        hint = "use --engine serial, without -j"
        raise RequestError("--pdb debugs calls in this process only", hint)
    try:
        if not request.map_only:
            chosen.start()
        return _perform(project, request, progress, chosen)
    finally:
        chosen.stop(at_once=True)


def _perform(
    project: Settings, request: Request, progress: Progress, chosen: Engine
) -> Run:
    module = _load(project, "experiments", "run", request.name)
    snapshots = _select(_collect(_chosen_sources(project, module, request)), request)
    manager = ArtifactManager(
        request.name.replace("/", "."),
        project=project,
        progress=progress,
        options=request.options(project.confirm_above),
        engine=chosen,
        captures=request.captures,
        eager=False,
        mapping=request.map_only,
        command=request.command or f"experiment run {request.name}",
    )
    manager.snapshots = snapshots
    manager.request = asdict(request)
    run = Run(manager)
    try:
        _call_run(module, snapshots, manager)
        check_stages(request.overwrite_stages, manager)
        if request.map_only:
            run.decisions = manager.foresee()
            return run
        manager.compute()
    except KeyboardInterrupt as error:
        manager.close(at_once=True)
        run.status = "interrupted"
        run.exit_code = int(getattr(error, "exit_code", 130))
    except Exception as error:
        if manager.folder is not None:
            manager.finish("failed", getattr(error, "exit_code", 1))
        raise
    finally:
        progress.close()
        manager.close()
    return _finished(run, request)


def _chosen_sources(
    project: Settings, module: ModuleType, request: Request
) -> Iterable[tuple[str, str, Callable[[], Any]]]:
    """Return where the argsets come from: -p, the experiment itself, or its default."""
    if request.paramsets:
        return _sources(project, request.paramsets)
    if callable(getattr(module, "get_params", None)):
        return [(request.name, _relative(str(module.__file__)), module.get_params)]
    default = getattr(module, "DEFAULT_PARAMS", ())
    names = [default] if isinstance(default, str) else list(default)
    if not names:
        known = [entry.name for entry in _entries(project, "params", "get_params")]
        raise RequestError(
            f"experiment {request.name!r} names no parameter file",
            f"choose with -p NAME; {nearest('', known)}",
        )
    return _sources(project, names)


def _call_run(
    module: ModuleType, snapshots: list[Snapshot], manager: ArtifactManager
) -> None:
    try:
        module.run([snapshot.args for snapshot in snapshots], manager)
    except StopMap:
        return
    except RequestError as error:
        place = _relative(where(error))
        message = (
            error.message if ".py:" in error.message else f"{place}: {error.message}"
        )
        raise RequestError(message, error.hint) from error
    except CurifactoryError:
        if not any(call.status == "failed" for call in manager.calls):
            raise
    except Exception as error:
        if any(call.failure and call.failure.error is error for call in manager.calls):
            return  # a value that was asked for in run() failed: reported as a call
        shown = own_frames(error)
        message = f"run() of experiment {manager.experiment_name!r} failed\n{shown}"
        raise CurifactoryError(message.rstrip()) from error


def check_stages(names: Iterable[str], manager: ArtifactManager) -> None:
    """Refuse names of stages that a run does not have."""
    known = {call.stage.label for call in manager.calls}
    for name in names:
        if name not in known:
            raise RequestError(f"no stage is named {name!r}", nearest(name, known))


def _finished(run: Run, request: Request) -> Run:
    if run.status == "done" and any(c.status == "failed" for c in run.manager.calls):
        run.status, run.exit_code = "failed", 1
    run.content = run.manager.finish(run.status, run.exit_code)
    if request.report:
        run.report = _write_report(run)
    return run


def _write_report(run: Run) -> Path | None:
    project = run.manager.settings
    try:
        report = importlib.import_module("curifactory.extras.report")
    except ImportError as error:
        run.manager.progress.message(f"no report: {error} (pip install jinja2)")
        return None
    target = project.reports / run.manager.name
    try:
        written: Path = report.write(run.content, project.cache, target)
        _point(project.reports / "latest", target)
    except Exception as error:  # the results are safe; a report can be made again
        run.manager.progress.message(f"no report: {type(error).__name__}: {error}")
        return None
    return written


def _point(link: Path, target: Path) -> None:
    """Let `latest` lead to a report: a link, or a page that leads on."""
    try:
        aside = link.with_name(".latest")
        aside.unlink(missing_ok=True)
        aside.symlink_to(target.name, target_is_directory=True)
        aside.replace(link)
    except OSError:
        link.mkdir(exist_ok=True)
        page = (
            f'<meta http-equiv="refresh" content="0; url=../{target.name}/index.html">'
        )
        (link / "index.html").write_text(page, encoding="utf-8")
