"""What the functions, modules and constants of a project consist of, each by itself."""

import ast
import contextlib
import functools
import sys
from collections import ChainMap, deque
from collections.abc import Iterable, Mapping, Set
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

from . import hashing, sources, syntax
from .errors import IdentityError
from .scope import (
    SETTINGS,
    Memory,
    Named,
    Scope,
    Unit,
    code_of,
    fill,
    is_memoized,
    origin_of,
)
from .sources import (
    function_of,
    got,
    is_project,
    is_project_file,
    place_of,
    unwrapped,
)

OF_PYTHON = ("decimal", "locale", "random")
"""The modules of Python itself whose settings count; those of logging, say, do not."""
TELLING = frozenset(
    "absl colorama comet_ml dotenv loguru mlflow neptune rich structlog tqdm wandb".split()
)
"""Libraries that only tell of what is done, or to whom: their settings do not count."""


def of_function(function: FunctionType) -> Unit:
    """A function counts by its text, its defaults, and what was set on it."""
    unit = Unit(f"{place_of(function)}: {shown(function.__qualname__)}")
    node = syntax.find_function(function.__code__) or _patched(function)
    names = ChainMap(hashing.closure(function), function.__globals__)
    if node is None:
        return _without_source(unit, function, names)
    scope = fill(unit, node, names, function.__module__)
    filled = (each.name for each in scope.fillings if each.is_outside)
    unit.memoized += [Memory(function, name) for name in filled]
    kept = got(sources.module_of(function), function.__name__, None)
    if is_memoized(kept) and unwrapped(kept) is function:  # a value leads to it, too
        unit.memoized.append(Memory(kept))
    unit.refers += [value for _, value in defaults(function, node)]
    fill_attached(unit, function, names)
    unit.refers += registered(function)
    unit.refers += set_beside(function)
    unit.refers += _set_on(Named(function.__module__, function.__qualname__, function))
    return unit


def _patched(function: FunctionType) -> ast.AST | None:
    """Return what %autoreload has compiled alone, of a file as it is by now."""
    module = sources.module_of(function)
    if not sources.is_patched() or not is_project(module):
        return None
    tree = sources.tree_now(getattr(module, "__file__", None) or "")
    name, essence = function.__code__.co_name, syntax.essence(function.__code__)
    for node in (each for each in tree.body if got(each, "name", "") == name):
        alone = compile(ast.unparse(node), name, "exec", dont_inherit=True)
        if essence in map(syntax.essence, syntax.codes(alone)):
            return node
    return None


def defaults(function: FunctionType, node: ast.AST) -> list[tuple[ast.expr, Named]]:
    """Return the defaults of a function with what its text says, unless that is all.

    What a name meant when the function was made, it need not mean any more.
    """
    said = syntax.defaults(node)
    if not any(map(syntax.has_names, said)):
        return []
    place = function.__module__, f"{function.__qualname__}()"
    pairs = zip(said, default_values(function), strict=False)
    return [(text, Named(*place, each)) for text, each in pairs]


def default_values(function: FunctionType) -> list[Any]:
    """Return the values of the defaults of a function, those of keywords last."""
    keywords = function.__kwdefaults__ or {}
    return [*(function.__defaults__ or ()), *keywords.values()]


def fill_attached(unit: Unit, owner: Any, names: Mapping[str, Any]) -> None:
    """Take in the attributes that its module sets on a function or class."""
    module = sources.module_of(owner)
    for node in syntax.attached(sources.tree_in(module), owner.__qualname__):
        fill(unit, node, names, owner.__module__)
        unit.text += read_by(module) if syntax.has_calls(node) else ""


def _without_source(
    unit: Unit, function: FunctionType, names: Mapping[str, Any]
) -> Unit:
    """Fall back on the compiled code, which holds for one version of Python only."""
    unit.unfollowed.append(f"{unit.label} has no source: its compiled code counts")
    unit.text = repr(syntax.essence(function.__code__))
    scope = Scope(unit, names, function.__module__)
    for name in (*function.__code__.co_names, *function.__code__.co_freevars):
        scope.resolve(ast.Name(name, ast.Load()))
    place = function.__module__, f"{function.__qualname__}()"
    unit.refers += [Named(*place, each) for each in default_values(function)]
    return unit


def registered(owner: Any) -> list[Named]:
    """Return the project code that attributes hold, whoever has put it there.

    What else is in them may change while the project runs: there the text counts.
    """
    found = []
    for name, value in list(vars(owner).items()):  # a look at annotations adds to it
        if isinstance(value, functools.singledispatchmethod):
            value = dict(value.dispatcher.registry)
        is_inner = name[0] == name[-1] == "_" or hasattr(type(value), "__get__")
        table = {} if type(value) is owner or is_inner else _with_code(value)
        if table:
            found.append(Named(owner.__module__, f"{owner.__qualname__}.{name}", table))
    return found


def _with_code(value: Any) -> Any:
    """Return what is in a collection as far as it has code; others as they are."""
    kind = type(value)  # a proxy may fail when it is asked for its class
    if issubclass(kind, (set, frozenset)):
        return {each for each in value if _code_in(each)}
    if issubclass(kind, Mapping):
        return {key: each for key, each in value.items() if _code_in(each)}
    items = value if issubclass(kind, (list, tuple, deque)) else [value]
    return {place: each for place, each in enumerate(items) if _code_in(each)}


def fillings(member: Any) -> list[syntax.Filling]:
    """Return what a method of the project fills."""
    function = function_of(member)
    is_own = isinstance(function, FunctionType) and is_project(function)
    node = syntax.find_function(function.__code__) if is_own else None
    return _fillings(node) if node else []


@functools.lru_cache(100_000)
def _fillings(node: ast.AST) -> list[syntax.Filling]:
    return syntax.fillings(node, syntax.local_names(node))


def of_module(module: ModuleType) -> Unit:
    """A module used as a value: anything in it may be reached, what it imports, too."""
    unit = Unit(f"{place_of(module)}: all of it", _binary(module))
    tree = sources.tree_of(getattr(module, "__file__", None) or "")
    if tree is not None:
        scope = fill(unit, tree, vars(module), module.__name__)
        scope.take_imported(scope.imported)
        own, told = {*tree.body}, {*scope.imported}
        told.update(n for n, each in vars(module).items() if _definition(each) in own)
        for name in sorted(vars(module).keys() - told):  # others may have set these
            if name[:2] != "__" and syntax.is_set_by_import(name):
                unit.text += f"{name}={scope.resolve(ast.Name(name, ast.Load()))},"
        unit.text += read_by(module)
    return unit


def set_beside(owner: Any) -> list[Named]:
    """Return the module of a function or class, and the packages above, if they set
    something of libraries: by `np.random.seed(1)` others work in another way."""
    steps = str(owner.__module__).split(".")
    names = (".".join(steps[: count + 1]) for count in range(len(steps)))
    modules = filter(is_project, map(sources.module_named, names))
    return [Named("", SETTINGS, each) for each in modules if _settings(each)]


def of_settings(module: ModuleType) -> Unit:
    unit = Unit(f"{place_of(module)}: what it sets of libraries")
    _fill_from(unit, module, module.__name__, _settings(module))
    return unit


def _settings(module: Any) -> list[ast.stmt]:
    """Return the statements of a module that act on libraries, and give them no code.

    Of a module that is at work yet, as a script that calls stages, those before.
    """
    found = _all_settings(module, sources.reloads)
    frame = sys._getframe() if found else None
    while frame and not _is_of_body(frame, module):
        frame = frame.f_back
    return [each for each in found if not frame or each.lineno < frame.f_lineno]


def _is_of_body(frame: FrameType, module: ModuleType) -> bool:
    return frame.f_code.co_name == "<module>" and frame.f_globals is vars(module)


@functools.lru_cache(1000)
def _all_settings(module: Any, _edition: int) -> list[ast.stmt]:
    known, names = syntax.acting(sources.tree_in(module)), vars(module)
    nodes = (n for name in known if _is_of_library(module, name) for n in known[name])
    return [each for each in nodes if not any(map(_is_own, _used(each, names)))]


def _used(node: ast.AST, names: Mapping[str, Any]) -> list[Any]:
    used = (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
    return [names[each] for each in used if each in names]


def _is_own(value: Any) -> bool:
    return is_project(type(value)) or is_project(value)  # a proxy may fail there


def _is_of_library(module: ModuleType, name: str) -> bool:
    """Return whether a module has a library, or what it imports from one, by a name."""
    value: Any = vars(module).get(name)
    is_module = issubclass(type(value), ModuleType)
    place = value.__name__ if is_module else origin_of(module.__name__, name, value)[0]
    top = place.partition(".")[0]
    is_other = top in OF_PYTHON or top not in (__package__, *sys.stdlib_module_names)
    return (
        is_other and top not in TELLING and not is_project(sources.module_named(place))
    )


def of_package(module: ModuleType) -> Unit:
    """All modules of a package: which it has depends on what was imported before."""
    unit = Unit(f"{place_of(module)}: all its modules")
    for path in map(Path, getattr(module, "__path__", None) or [module.__file__ or ""]):
        for file in sorted(path.rglob("*.py")) or [path]:
            try:
                tree = sources.tree_of(str(file))
                unit.text += syntax.dump(tree) if tree else ""
            except (SyntaxError, ValueError):  # nobody has imported it
                unit.text += hashing.hash_file(file)
    return unit


def of_constant(constant: Named) -> Unit:
    """A constant counts by value, or by the statements that make it."""
    origin, name = origin_of(constant.module, constant.name, constant.value)
    module = sources.module_named(origin)
    unit = Unit(f"{place_of(module)}: {name}")
    unit.memoized += map(Memory, _kept_in(constant.value))
    tree = sources.tree_in(module)
    made = syntax.assignments(tree, name)
    if _is_public(constant.value):
        unit.text = constant.value.__name__  # chosen, perhaps, by what a file says
    is_class = issubclass(type(constant.value), type)
    is_packed = bool(made) and _is_packed(constant.value)
    if not (constant.is_text or is_packed) and not (made and is_class):
        with contextlib.suppress(IdentityError):
            unit.text = hashing.digest(
                constant.value, name, code_of, unit.refers, may_be_cyclic=True
            )
            unit.text += _binary(module) or _binary(sources.module_of(constant.value))
            unit.hand(*unit.refers)
            _fill_from(unit, module, origin, _others(unit, tree, name))
            return unit
        unit.refers += [*_code_in(constant.value), *_set_on(constant)]
        made = [*made, *_others(unit, tree, name)]
    unit.text += read_by(module)
    _fill_from(unit, module, origin, made)
    return unit


def _fill_from(unit: Unit, module: Any, name: str, nodes: Iterable[ast.stmt]) -> None:
    for node in nodes:
        fill(unit, node, vars(module), name)


def _others(unit: Unit, tree: ast.Module, name: str) -> list[ast.stmt]:
    """Return what is defined by a name, but for what a unit refers to by its value."""
    nodes = syntax.definitions(tree, name)
    seen = {*map(_definition, unit.refers)} if nodes else set()
    return [each for each in nodes if each not in seen]


def _definition(value: Any) -> ast.AST | None:
    """Return what defines a function or a class of the project."""
    if isinstance(value, FunctionType):
        return syntax.find_function(value.__code__)
    return next(iter(syntax.find_classes(value)), None) if type(value) is type else None


def _is_packed(value: Any) -> bool:
    """Return whether objects of others hold code as bytes, as expressions of polars do.

    What is in these goes by the names of functions, and by lines of lambdas.
    """
    return any(map(_holds_pickle, (value, *_items(value))))


def _holds_pickle(value: Any) -> bool:
    if hashing.has_rule(value) or is_project(type(value)):
        return False
    try:
        _, *parts = value.__reduce_ex__(4)
    except Exception:  # it has no state to be kept
        return False
    flat = [
        each for part in parts for each in (part if type(part) is tuple else [part])
    ]
    return any(type(e) is bytes and b"\x80\x05" in e for e in flat)


def _set_on(constant: Named) -> list[Named]:
    """Return what modules set on a function, or on an object that has no identity."""
    state = got(constant.value, "__dict__", {})
    return [
        Named(constant.module, f"{constant.name}.{name}", value)
        for name, value in state.items()
        if type(value) in sources.PLAIN and syntax.is_set_by_import(name)
    ]


def _binary(module: Any) -> str:
    """Return the digest of a module of the project that was compiled; it has no text."""
    path = getattr(module, "__file__", None) or ""
    is_own = path.endswith(tuple(EXTENSION_SUFFIXES)) and is_project(module)
    return _digest_of(path, sources.stat_of(path)) if is_own else ""


def read_by(module: Any) -> str:
    """Return the digests of the files that a module has read while it was imported."""
    found = []
    read = sources.read_by_import.get(getattr(module, "__file__", None) or "", {})
    for path, stat in sorted((p, s) for p, s in read.items() if is_project_file(p)):
        is_so = sources.stat_of(path) == stat
        said = _digest_of(path, stat) if is_so and stat[0] >= 0 else str(stat)
        found.append(f"{sources.placed(path)}={said};")
    return "".join(found)


@functools.lru_cache(1000)
def _digest_of(path: str, stat: tuple[int, int]) -> str:
    """Return the digest of a file as it is at that time: all of a module ask for it."""
    return hashing.hash_file(path)


def _items(value: Any) -> Iterable[Any]:
    """Return what is in a collection; nothing of other values."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, (list, tuple, set)) else ()


def _kept_in(value: Any) -> list[Any]:
    """Return what may fill a value while the project runs, by reading files."""
    kinds = {type(value), *map(type, _items(value))}
    is_foreign = not (is_project(type(value)) or callable(value))
    is_foreign = is_foreign and not hashing.has_rule(value)
    return [f for cls in kinds for f in lazy(cls)] + [value] * is_foreign


def lazy(cls: type) -> list[FunctionType]:
    """Return the methods that keep something in an object, which outlives a call."""
    found = []
    for base in filter(is_project, cls.__mro__):
        for member in vars(base).values():
            is_kept = isinstance(member, functools.cached_property)
            if is_kept or any(each.is_first for each in fillings(member)):
                found.append(function_of(member))
    return found


def extending(classes: Iterable[type]) -> list[type]:
    """Return the classes of the project that extend others, as modules have them."""
    found: list[type] = []
    for cls in classes:
        found += type.__subclasses__(cls)
    own = {each for each in found if is_project(each) and _is_public(each)}
    return sorted(own, key=sources.qualified)


def _code_in(value: Any, seen: frozenset[int] = frozenset()) -> list[Any]:
    """Return the code of the project in a value, also where a part has no identity."""
    found: list[Any] = []
    if hashing.is_scalar(value):  # of very many, perhaps
        return found
    with contextlib.suppress(IdentityError):
        hashing.digest(value, "value", code_of, found, may_be_cyclic=True)
        return found
    inner: Iterable[Any] = ()
    if issubclass(type(value), Mapping):
        inner = [*_named_in(value), *(value[key] for key in sorted(value, key=str))]
    elif issubclass(type(value), Set):
        inner = _named_in(value)
    elif issubclass(type(value), (list, tuple)):
        inner = value
    elif is_project(type(value)):
        found.append(type(value))
        state = getattr(value, "__dict__", {})
        inner = [state[name] for name in sorted(state)]
    for each in inner:
        if id(each) not in seen:
            found += _code_in(each, seen | {id(value), id(each)})
    return found


def _named_in(values: Iterable[Any]) -> list[Any]:
    """Return the functions and classes among values, in an order that is always the same."""
    kinds = FunctionType, type
    return sorted((e for e in values if isinstance(e, kinds)), key=sources.qualified)


def _is_public(value: Any) -> bool:
    """Return whether a value is a class that its module has by that name."""
    if not issubclass(type(value), type):
        return False
    return got(sys.modules.get(value.__module__), value.__name__, None) is value


def shown(qualname: str) -> str:
    """Return the name of a function or class as a person writes it."""
    return qualname.replace("<locals>.", "")
