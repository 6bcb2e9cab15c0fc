"""Imports the files of a project, and collects the argsets of parameter files."""

import fnmatch
import importlib
import inspect
import linecache
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeGuard

from . import args as argsets
from . import layout, plain, record, settings, sources
from .args import ExperimentArgs, short
from .errors import (
    CurifactoryError,
    IdentityError,
    RequestError,
    alike,
    counted,
    nearest,
)
from .failure import where
from .request import Request
from .settings import Settings
from .snapshot import Snapshot

HINTS = {
    "run": "def run(argsets, manager): ...",
    "get_params": "def get_params(): return [Args(...)]",
}
PUBLIC = ("curifactory", "curifactory.caching", "curifactory.reporting")
"""The modules of the runner that projects import from."""
HELPERS = os.path.join("params", "common.py")
"""The file of params/ whose functions are called with the users' mistakes."""


class Source(NamedTuple):
    """Where argsets come from: a parameter file, or an experiment with its own."""

    name: str
    place: str
    get_params: Callable[[], Any]


def load(project: Settings, kind: str, name: str) -> ModuleType:
    """Import the module of an experiment or parameter file."""
    path = layout.located(project, kind, name)
    try:
        return importlib.import_module(project.module_of(name, kind))
    except CurifactoryError as error:
        raise placed(error) from error
    except SyntaxError as error:
        place = relative(error.filename or str(path))
        text = (error.text or "is it text in UTF-8?").strip()
        raise RequestError(f"{place}:{error.lineno or 1}: {error.msg}", text) from error
    except (Exception, SystemExit) as error:
        raise _users(error, f"{relative(str(path))} cannot be imported") from error


def check_function(module: ModuleType, name: str) -> None:
    """Refuse a module where a function is missing, or cannot be called as it will be."""
    place, found = relative(str(module.__file__)), getattr(module, name, None)
    if not callable(found):
        raise RequestError(f"{place} has no function {name}()", HINTS[name])
    given = ("argsets", "manager") if name == "run" else ()
    try:
        inspect.signature(found, follow_wrapped=False).bind(*given)
    except TypeError as error:
        line = getattr(getattr(found, "__code__", None), "co_firstlineno", 1)
        raise RequestError(f"{place}:{line}: {name}(): {error}", HINTS[name]) from error
    kinds = [inspect.iscoroutinefunction, inspect.isasyncgenfunction]
    kinds += [inspect.isgeneratorfunction] if name == "run" else []
    if any(is_kind(found) for is_kind in kinds):
        said = f"{place}: {name}() is no plain function: nothing in it would be done"
        raise RequestError(said, f"write it without async and yield: {HINTS[name]}")


def _users(error: BaseException, what: str) -> RequestError:
    """Return an error that shows the user's own frame: where, and its line."""
    place = where(error, HELPERS)
    path, _, number = place.rpartition(":")
    line = linecache.getline(path, int(number or 0)).strip()
    unknown = _unknown_field(error, line)
    if unknown is not None:
        return RequestError(f"{relative(place)}: {unknown.message}", unknown.hint)
    told = traceback.format_exception_only(type(error), error)[-1].strip()
    meant = _meant_import(error)
    if meant:  # newer Pythons say some of it themselves
        told = told.partition(". Did you mean: ")[0]
        told = re.sub(r" \([^()]*\.py\)$", "", told) + f": {meant}"
    if isinstance(error, TypeError) and "follows default argument" in told:
        told += ": it follows name, which has one; give it a default, or kw_only=True"
    if not path:
        return RequestError(f"{what}: {told}")
    told = told.replace(path.removesuffix(relative(path)), "")
    return RequestError(f"{what}: {told}", f"{relative(place)}: {line}")


def _meant_import(error: BaseException) -> str:
    """Return a hint for the import of a name, or module, that is not there."""
    module = str(getattr(error, "name", None))
    match = re.match(r"cannot import name '(\w+)'", str(error))
    if match and module in sys.modules:
        known = {each: _names_in(each) for each in dict.fromkeys((module, *PUBLIC))}
        home = next((each for each in PUBLIC if match[1] in known[each]), None)
        return f"it is in {home}" if home else alike(match[1], known[module])
    package, _, name = module.rpartition(".")
    if isinstance(error, ModuleNotFoundError) and package in sys.modules:
        folders = getattr(sys.modules[package], "__path__", ())
        beside = [each.name for each in pkgutil.iter_modules(folders)]
        of_other_release = f"its names are in {', '.join(PUBLIC)}"
        return of_other_release if package == PUBLIC[0] else alike(name, beside)
    return ""


def _names_in(module: str) -> list[str]:
    """Return the names that one may import from a module."""
    found = importlib.import_module(module)
    return list(getattr(found, "__all__", None) or vars(found))


def _unknown_field(error: BaseException, line: str) -> RequestError | None:
    """Return what to say of an argset made with a field that it does not have."""
    given = r"got an unexpected keyword argument '(\w+)'|takes"
    match = re.match(rf"(\w+)\.__init__\(\) (?:{given})", str(error))
    trace = error.__traceback__
    is_base = re.search(r"\bExperiment(Args|Parameters)\(", line)
    while match and trace is not None:
        names = trace.tb_frame.f_globals
        cls = names.get(match[1])
        trace = trace.tb_next
        if cls is ExperimentArgs and not is_base:
            return argsets.no_dataclass("the class of this argset")
        if isinstance(cls, type) and is_dataclass(cls) and match[2]:
            for each in filter(_is_forgotten, names.values()):
                if issubclass(each, cls) and match[2] in sources.annotations(each):
                    return argsets.no_dataclass(f"{each.__name__} declares fields but")
            return argsets.unknown_field(cls, match[2])
    return None


def _is_forgotten(value: object) -> TypeGuard[type]:
    """Return whether a value is a class with annotations of its own, and no dataclass."""
    return isinstance(value, type) and "__dataclass_fields__" not in vars(value)


def placed(error: CurifactoryError, otherwise: str = "") -> RequestError:
    """Return the same error, with the user's own line if it tells no place."""
    place = relative(where(error, HELPERS)) or otherwise
    tells = ".py:" in error.message or not place
    return RequestError(f"{place}: " * (not tells) + error.message, error.hint)


def relative(place: str) -> str:
    """Return a path, with or without a line, from the root of the project if it can."""
    return sources.relative(place) or place


# Argsets ----------------------------------------------------------------------------


def load_argsets(root: Path | str, names: Sequence[str]) -> list[Any]:
    """Return the argsets of parameter files, with unique names; they cannot be set."""
    found = collect(imported(open_project(root), names), Request(""))
    return [record.argset_of(each) for each in found]


def open_project(root: Path | str | None, **places: Any) -> Settings:
    """Return the settings of a project, and make its modules importable."""
    found = Path(root).resolve() if root else settings.find_root(Path.cwd())
    settings.refuse_other_runner(found, f"run `python -m curifactory` in {found}")
    sources.watch(found)
    if sys.path[:1] != [str(found)]:
        sys.path.insert(0, str(found))
    return settings.load(found, **places)


def imported(project: Settings, names: Iterable[str]) -> Iterator[Source]:
    """Import parameter files, each once; for an experiment, those that it names."""
    done = set()
    for name in _plain(project, names):
        kind = layout.kind_of(project, name)
        module = load(project, kind, name)
        found: Iterable[Source] = of_experiment(project, name, module)
        if kind == "params":
            found = [_source(name, module)]
        for each in found:
            if each.place not in done:
                done.add(each.place)
                yield each


def _plain(project: Settings, names: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(layout.plain_name(project, each) for each in names)


def of_experiment(project: Settings, name: str, module: ModuleType) -> Iterator[Source]:
    """Yield where the argsets of an experiment come from: itself, or its default."""
    if callable(getattr(module, "get_params", None)):
        yield _source(name, module)
        return
    default = getattr(module, "DEFAULT_PARAMS", ())
    names = [default] if isinstance(default, str) else default
    is_list = isinstance(names, (list, tuple))
    if not is_list or not all(isinstance(each, str) for each in names):
        place = relative(str(module.__file__))
        said = f"DEFAULT_PARAMS is {short(default)}, no names of parameter files"
        raise RequestError(f"{place}: {said}", 'DEFAULT_PARAMS = ["base"]')
    is_itself = [*names] == [name] and layout.kind_of(project, name) != "params"
    if not names or is_itself:
        known = [each.name for each in layout.entries(project, "params")]
        said = f"experiment {name!r} names no parameter file"
        raise RequestError(said, f"choose with -p NAME; {nearest('', known)}")
    for each in _plain(project, names):
        yield _source(each, load(project, layout.kind_of(project, each), each))


def _source(name: str, module: ModuleType) -> Source:
    check_function(module, "get_params")
    return Source(name, relative(str(module.__file__)), module.get_params)


def collect(sources: Iterable[Source], choice: Request) -> list[Snapshot]:
    """Call each get_params() once and take snapshots of the argsets that are chosen."""
    typed, vary = settings.extra("typed"), _variation(choice)
    found: dict[str, tuple[Snapshot, str]] = {}
    owners: dict[int, tuple[Any, str]] = {}
    for source in sources:
        given = _called(source)
        with plain.sharing():
            for args in _own(given, source, owners):
                for made in _varied(args, vary, choice):
                    snapshot = _snapshot(made, source)
                    if typed is not None:
                        typed.check(snapshot.source, source.place)
                    _add(found, snapshot, source.place)
    return _select([snapshot for snapshot, _ in found.values()], choice)


def _own(
    given: list[Any], source: Source, owners: dict[int, tuple[Any, str]]
) -> Iterator[Any]:
    """Yield the argsets of a source, with names; what another has returned is refused."""
    for index, args in enumerate(given):
        _check_argset(args, index, source.place)
        other = owners.setdefault(id(args), (args, source.place))[1]
        if other != source.place:
            both = f"{source.place} and {other}"
            said = f"{both} return the same object, argset {args.name!r}"
            raise RequestError(said, "make a copy in one of them: args.copy()")
        yield _named(args, source.name, index)


def _variation(choice: Request) -> Any:
    """Return what makes of one argset those that --set and --seeds ask for."""
    if not choice.sets and choice.seeds is None:
        return lambda args: [args]
    return _sweep().variation(choice.sets, choice.seeds)


def _varied(args: Any, vary: Any, choice: Request) -> list[Any]:
    """Return what comes of an argset; one that -n leaves out may lack what is set."""
    try:
        return vary(args)  # type: ignore[no-any-return]
    except RequestError:
        base = re.split(r"_seed\d", args.name)[0]
        starts = [re.split(r"[*?[]", each)[0] for each in choice.names]
        near = (each.startswith(base) or base.startswith(each) for each in starts)
        if choice.indices or not starts or any(near):
            raise
        return [args]


def without_secrets(request: Request, snapshots: Sequence[Snapshot]) -> Request:
    """Return a request as the history keeps it: without values of secret fields."""
    asked = [request.command or f"experiment run {request.name}", *request.sets]
    if request.sets:
        argsets = [snapshot.source for snapshot in snapshots]
        hidden = _sweep().without_secrets
        asked = [hidden(each, request.sets, argsets) for each in asked]
    return request._replace(command=asked[0], sets=asked[1:])


def _sweep() -> Any:
    found = settings.extra("sweep")
    if found is None:
        hint = "bring back the folder curifactory/extras/"
        raise RequestError("--set and --seeds need the extras", hint)
    return found


def _snapshot(args: Any, source: Source) -> Snapshot:
    """Return a snapshot; a value without identity is refused here."""
    try:
        snapshot = Snapshot(args, source.name)
        snapshot.check()
    except IdentityError as error:
        raise RequestError(f"{source.place}: {error.message}", error.hint) from error
    return snapshot


def _add(
    found: dict[str, tuple[Snapshot, str]], snapshot: Snapshot, place: str
) -> None:
    earlier, other = found.get(snapshot.name, (None, ""))
    if earlier is None:
        found[snapshot.name] = snapshot, place
    elif earlier.digest("*") != snapshot.digest("*"):
        both = place if place == other else f"{other} and {place}"
        said = f"two argsets are named {snapshot.name!r}, with different content"
        raise RequestError(f"{said} ({both})", "give each argset its own name")
    elif place == other:
        raise RequestError(f"{place} returns the argset {snapshot.name!r} twice")


def _called(source: Source) -> list[Any]:
    place = source.place
    try:
        returned = source.get_params()
        if isinstance(returned, ExperimentArgs) or not hasattr(returned, "__iter__"):
            said = f"{place}: get_params() returned {short(returned)}"
            hint = "get_params() returns a list: return [Args(...)]"
            raise RequestError(said, hint)
        found = list(returned)
    except CurifactoryError as error:
        raise placed(error, place) from error
    except (Exception, SystemExit) as error:
        raise _users(error, f"{place}: get_params() failed") from error
    if not found:
        raise RequestError(f"{place}: get_params() returned no argsets")
    return found


def _check_argset(args: Any, index: int, place: str) -> None:
    if not isinstance(args, ExperimentArgs):
        said = f"item {index} of get_params() is {short(args)} ({type(args).__name__})"
        hint = "return a flat list of instances of a class that extends ExperimentArgs"
        raise RequestError(f"{place}: {said}", hint)
    cls: Any = type(args)
    argsets.check_class(cls, place)
    argsets.contents(args)  # an __init__ of its own may have left out some, or its name
    argsets.check_name(args.name, place)


def _named(args: Any, paramset: str, index: int) -> Any:
    """Return an argset that has a name: its own, or one after its parameter file."""
    if args.name:
        return args
    named = argsets.sealed(args)
    object.__setattr__(named, "name", paramset if index == 0 else f"{paramset}_{index}")
    return named


def _select(snapshots: list[Snapshot], choice: Request) -> list[Snapshot]:
    """Return the argsets that -n and --indices choose, in their order."""
    if not (choice.names or choice.indices):
        return snapshots
    names = [snapshot.name for snapshot in snapshots]
    chosen: set[str] = set()
    for pattern in choice.names:
        hits = {pattern}.intersection(names) or {
            name for name in names if fnmatch.fnmatchcase(name, pattern)
        }
        if not hits:
            begin = any(name.startswith(pattern) for name in names)
            hint = f"did you mean '{pattern}*'?" if begin else nearest(pattern, names)
            if "," in pattern:
                hint = f"give each by itself: -n {' -n '.join(pattern.split(','))}"
            raise RequestError(f"no argset is named {pattern!r}", hint)
        chosen |= hits
    chosen.update(names[i] for i in _indices(choice.indices or "", len(names)))
    return [snapshot for snapshot in snapshots if snapshot.name in chosen]


def _indices(text: str, count: int) -> set[int]:
    """Return the numbers in a text like `0,2-4`."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < count:
            wrong = "is out of range" if first <= last else "runs backwards"
            wrong = wrong if match else "is no number, and no range like 2-4"
            hint = f"{counted(count, 'argset')}: give numbers from 0 to {count - 1}"
            raise RequestError(f"--indices {text}: {part!r} {wrong}", hint)
        found.update(range(first, last + 1))
    if text and not found:
        raise RequestError(f"--indices {text}: expected numbers", "--indices 0,2-4")
    return found
