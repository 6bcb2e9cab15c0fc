"""The code behind a stage: everything of the project that it can reach, as a digest."""

import ast
import contextlib
import functools
import importlib
import importlib.util
import itertools
import sys
from collections import ChainMap, deque
from collections.abc import (
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
)
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from . import hashing, sources, syntax
from .errors import IdentityError
from .scope import (
    ANNOTATIONS,
    ANY_NAME,
    Memory,
    Named,
    Scope,
    Unit,
    code_of,
    fill,
    is_memoized,
    origin_of,
)
from .sources import function_of, got, is_project, place_of, unwrapped


class Code(NamedTuple):
    """What a stage can reach: one digest, and the parts it is made of."""

    fingerprint: str
    parts: dict[str, str]
    unfollowed: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    """All attributes and texts in it: what it may read of an argset."""
    memoized: tuple[Any, ...] = ()
    """The functions in it that keep their results, or may do so in globals, and objects
    of others, which may keep what they read."""


_units: dict[object, tuple[object, Unit]] = {}
_codes: dict[tuple[int, ...], tuple[object, Code]] = {}
_edition: object = None
_looks = 0
"""How often the code was to be looked at anew."""


def fingerprint(*roots: Any) -> Code:
    """Return the code that functions and classes reach, the helpers they call included.

    Names, positions and the order of definition do not count: references are numbered
    by first mention, so a helper can be renamed or moved.
    """
    global _edition
    if edition() != _edition:
        _edition = edition()
        _units.clear()
        _codes.clear()
    key = tuple(id(root) for root in roots)
    if key not in _codes:
        _codes[key] = roots, _reach(roots)
    return _codes[key][1]


def edition() -> tuple[int, int, int]:
    """Return what changes when code may have: a cell of a notebook, a module that was
    executed again, another manager."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    cell = int(getattr(shell and shell(), "execution_count", 0))
    return cell, sources.reloads, _looks


def look_anew() -> None:
    """Let the code be looked at once more: others may have set what is in modules."""
    global _looks
    _looks += 1


def loaded() -> dict[str, str]:
    """Return the digest of each file of the project that was loaded, by its path in it."""
    texts = sources.loaded().items()
    return {path: hashing.hash_text(text) for path, text in texts}


def project_callables(value: object, path: str) -> tuple[list[Any], str]:
    """Return functions and classes of the project in a value, and its digest but them."""
    found: list[Any] = []
    shape = hashing.digest(value, path, code_of, found)
    return found, shape


def named(module: str, qualname: str) -> Any:
    """Return what has this name in a module, None where that is not so any more."""
    try:
        found = importlib.import_module(module)
        return functools.reduce(getattr, qualname.split("."), found)
    except (ImportError, AttributeError):
        return None


def _reach(roots: Iterable[Any]) -> Code:
    numbers: dict[object, int] = {}
    waiting: deque[Any] = deque()
    lines: list[str] = []
    units: list[Unit] = []
    classes: list[type] = []

    def number(target: Any) -> str:
        key = _key(target)
        if key not in numbers:
            numbers[key] = len(numbers)
            waiting.append(target)
        return str(numbers[key])

    lines.append(",".join(number(root) for root in roots))
    while waiting:
        target = waiting.popleft()
        unit = _unit(target)
        units.append(unit)
        classes += [target] if isinstance(target, type) else []
        lines.append(unit.text + "|" + ",".join(number(each) for each in unit.refers))
        if not waiting and any(ANNOTATIONS in each.names for each in units):
            annotated = [number(Named("", ANNOTATIONS, each)) for each in classes]
            lines.append(",".join(annotated))
    names: frozenset[str] = frozenset().union(*(unit.names for unit in units))
    if not names.isdisjoint(("__name__", "__qualname__")):
        lines += [each.__qualname__ for each in classes]
    parts = {unit.label: hashing.hash_text(unit.text) for unit in units}
    return Code(
        hashing.hash_text(*lines),
        parts,
        tuple(sorted({each for unit in units for each in unit.unfollowed})),
        tuple(sorted(set().union(*(unit.packages for unit in units)))),
        names,
        tuple({id(each): each for each in _keeping(units, names)}.values()),
    )


def _keeping(units: list[Unit], names: frozenset[str]) -> Iterator[Any]:
    """Yield what may keep something that it has read, for these units to find."""
    loaded = names.union(*(unit.loaded for unit in units), [""])
    for unit in units:
        for owner in (each.owner for each in unit.memoized if each.name in loaded):
            yield owner
            function = unwrapped(owner)
            made = _unit(function).refers if isinstance(function, FunctionType) else []
            for cls in (each for each in made if isinstance(each, type)):
                yield from (f for f in _lazy(cls) if f.__name__ != "__init__")


def _key(target: Any) -> object:
    if isinstance(target, Named):  # one name may be bound anew in each closure
        return target.module, target.name, id(target.value)
    return id(target)


def _unit(target: Any) -> Unit:
    key = _key(target)
    if key not in _units:
        _units[key] = target, _make_unit(target)
    return _units[key][1]


def _make_unit(target: Any) -> Unit:
    if isinstance(target, Named) and target.name == ANNOTATIONS:
        return _annotations(target.value)
    if isinstance(target, Named):
        is_package = target.name == ANY_NAME
        return _package(target.value) if is_package else _constant(target)
    if isinstance(target, FunctionType):
        return _function(target)
    if isinstance(target, type):
        return _class(target)
    return _module(target)


def _function(function: FunctionType) -> Unit:
    unit = Unit(f"{place_of(function)}: {_shown(function.__qualname__)}")
    node = syntax.find_function(function.__code__)
    names = ChainMap(hashing.closure(function), function.__globals__)
    if node is None:
        return _without_source(unit, function, names)
    scope = fill(unit, node, names, function.__module__)
    filled = (each.name for each in scope.fillings if each.is_outside)
    unit.memoized += [Memory(function, name) for name in filled]
    unit.refers += [value for _, value in _defaults(function, node)]
    _fill_attached(unit, function, names)
    unit.refers += _registered(function)
    return unit


def _defaults(function: FunctionType, node: ast.AST) -> list[tuple[ast.expr, Named]]:
    """Return the defaults of a function with what its text says, unless that is all.

    What a name meant when the function was made, it need not mean any more.
    """
    said = syntax.defaults(node)
    if not any(map(syntax.has_names, said)):
        return []
    given = *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()
    place = function.__module__, f"{function.__qualname__}()"
    return [
        (text, Named(*place, each)) for text, each in zip(said, given, strict=False)
    ]


def _fill_attached(unit: Unit, owner: Any, names: Mapping[str, Any]) -> None:
    """Take in the attributes that its module sets on a function or class."""
    module = sources.module_of(owner)
    tree = sources.tree_of(getattr(module, "__file__", None) or "")
    for node in syntax.attached(tree, owner.__qualname__) if tree else ():
        fill(unit, node, names, owner.__module__)
        unit.text += _read_by(module) if syntax.has_calls(node) else ""


def _without_source(
    unit: Unit, function: FunctionType, names: Mapping[str, Any]
) -> Unit:
    """Fall back on the compiled code, which holds for one version of Python only."""
    unit.unfollowed.append(f"{unit.label} has no source: its compiled code counts")
    unit.text = repr(syntax.essence(function.__code__))
    scope = Scope(unit, names, function.__module__)
    for name in function.__code__.co_names:
        scope.resolve(ast.Name(name, ast.Load()))
    return unit


def _class(cls: type) -> Unit:
    unit = Unit(f"{place_of(cls)}: {_shown(cls.__qualname__)}")
    members = {name: function_of(each) for name, each in vars(cls).items()}
    functions = {n: f for n, f in members.items() if isinstance(f, FunctionType)}
    nodes, bodies = _definitions(cls, functions.values())
    names = ChainMap(*map(hashing.closure, bodies), vars(_module_of(cls)))
    for node in nodes:  # of several with one name, any may be the one
        scope = fill(unit, node, names, cls.__module__)
        unit.text += syntax.special_annotations(node)
        if _is_declared(cls, map(scope.module_of, node.decorator_list)):
            unit.refers.append(Named("", ANNOTATIONS, cls))
    if not nodes:
        _without_definition(unit, cls)
    elif "<" in cls.__qualname__:  # its attributes may come from the function around it
        unit.refers += _attributes(cls)
    else:
        bindings = (syntax.bindings(node).items() for node in nodes)
        unit.refers += _made_elsewhere(cls, dict(itertools.chain(*bindings)))
    if len(nodes) > 1:
        unit.refers += [a for a in _attributes(cls) if type(a.value) in sources.PLAIN]
    if nodes:
        unit.refers += _methods_beside(functions, bodies)
        unit.text += _read_by(_module_of(cls)) if _has_hooks(cls, nodes) else ""
    else:  # of a notebook, each method has its own text
        own = sorted(n for n, f in functions.items() if is_project(f))
        unit.text += ",".join(own)
        unit.refers += [functions[name] for name in own]
    held = (got(each, "__func__", each) for each in vars(cls).values())
    unit.memoized += map(Memory, filter(is_memoized, held))
    unit.memoized += [
        Memory(function, each.name)
        for function in functions.values()
        for each in _fillings(function)
        if each.is_outside
    ]
    unit.memoized += map(Memory, _lazy(cls) if _fills_itself(cls) else [])
    unit.refers += _registered(cls)
    unit.refers += filter(is_project, (*cls.__bases__, type(cls)))
    _fill_attached(unit, cls, names)
    return unit


def _registered(owner: Any) -> list[Named]:
    """Return the project code that attributes hold, whoever has put it there.

    What else is in them may change while the project runs: there the text counts.
    """
    found = []
    for name, value in vars(owner).items():
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


def _definitions(
    cls: type, functions: Iterable[FunctionType]
) -> tuple[list[ast.ClassDef], dict[FunctionType, syntax.Definition]]:
    """Return the text of a class, and those of its functions that stand in it.

    Of several texts with one name, it is the one that they stand in; all, if none does.
    """
    nodes = syntax.find_classes(cls)
    inside = {id(each): node for node in nodes for each in ast.walk(node)}
    found = {each: syntax.find_function(each.__code__) for each in functions}
    bodies = {f: node for f, node in found.items() if node and id(node) in inside}
    its = [inside[id(node)] for node in bodies.values()]
    kept = [node for node in nodes if node in its] or nodes
    own = {id(each) for node in kept for each in node.body}
    return kept, {f: node for f, node in bodies.items() if id(node) in own}


def _methods_beside(
    functions: Mapping[str, FunctionType], bodies: Mapping[FunctionType, ast.AST]
) -> list[Any]:
    """Return what the text of a class does not tell of its methods.

    Decorators or others have set them, or given them other names; and what their
    defaults are, but for those that may change while the project runs.
    """
    told = {getattr(node, "name", ""): each for each, node in bodies.items()}
    made = [each for name, each in functions.items() if told.get(name) is not each]
    given = (each for body in bodies.items() for each in _defaults(*body))
    plain = *sources.PLAIN, FunctionType, type
    defaults = [
        value
        for said, value in given
        if isinstance(value.value, plain) and not syntax.has_calls(said)
    ]
    return [*filter(is_project, made), *defaults]


def _has_hooks(cls: type, nodes: Iterable[ast.ClassDef]) -> bool:
    """Return whether a class is made by more than its text, such as by calls in it."""
    bases = (vars(base) for base in cls.__mro__[1:] if is_project(base))
    is_hooked = any("__init_subclass__" in names for names in bases)
    return is_hooked or is_project(type(cls)) or any(map(syntax.has_calls, nodes))


def _attributes(cls: type) -> list[Named]:
    own = ((n, v) for n, v in vars(cls).items() if not n.startswith("__"))
    plain = ((n, v) for n, v in own if not hasattr(type(v), "__get__"))
    return [Named(cls.__module__, f"{cls.__qualname__}.{n}", v) for n, v in plain]


def _made_elsewhere(cls: type, told: Mapping[str, ast.expr | None]) -> list[Named]:
    """Return the attributes whose values the text of a class does not tell.

    What a name meant when the class was made, it need not mean any more; others may
    have set more. A collection may change while the project runs: there the text counts.
    """
    found = []
    for each in _attributes(cls):
        name = each.name.rpartition(".")[2]
        is_own = type(each.value) is cls or _is_collection(each.value)
        is_declared = name in vars(cls).get("__annotations__", ())
        if is_own or (name not in told and (name[0] == "_" or is_declared)):
            continue
        literal = told.get(name)
        if literal is None or (
            not _is_value(literal, each.value) and syntax.is_set_by_import(name)
        ):
            found.append(each)
    tree = sources.tree_of(_module_of(cls).__file__ or "")
    is_given = tree is not None and syntax.has_given(tree, cls.__name__)
    for name, value in sources.made_of(cls).items() if is_given else ():
        literal = told.get(name)
        if literal is not None and not _is_value(literal, value):
            found.append(Named(cls.__module__, f"{cls.__qualname__}.{name}", value))
    return found


def _is_value(literal: ast.expr, value: Any) -> bool:
    """Return whether a literal says that an attribute has this value."""
    tree = ast.fix_missing_locations(ast.Expression(literal))
    made = eval(compile(tree, "<literal>", "eval"), {})
    return type(made) is type(value) and (made is value or repr(made) == repr(value))


def _is_collection(value: Any) -> bool:
    """Return whether a value is one that may grow while the project runs."""
    return issubclass(type(value), (MutableMapping, MutableSequence, MutableSet))


def _is_declared(cls: type, decorators: Iterable[str]) -> bool:
    """Return whether other people's code goes by the annotations of a class."""
    foreign = (each for each in cls.__mro__ if not is_project(each))
    bases = {each.__module__.partition(".")[0] for each in foreign}
    packages = {name.partition(".")[0] for name in decorators}
    return bool(
        bases - {"builtins", "abc", "curifactory"}
        or packages - {"", *sys.stdlib_module_names}
    )


def _annotations(cls: type) -> Unit:
    """The annotations of a class, and the code that they name."""
    unit = Unit(f"{place_of(cls)}: annotations of {_shown(cls.__qualname__)}")
    names = vars(_module_of(cls))
    for each in syntax.find_classes(cls):
        for node in syntax.annotations(each):
            fill(unit, node, names, cls.__module__)
    return unit


def _module_of(cls: type) -> ModuleType:
    module = sources.module_of(cls)
    assert module is not None  # no class is of the project without
    return module


def _fills_itself(cls: type) -> bool:
    """Return whether methods of a class keep something in the class, for all objects."""
    for name, member in vars(cls).items():
        is_of_class = isinstance(member, classmethod) or name == "__new__"
        for each in _fillings(member):
            is_table = _is_collection(vars(cls).get(each.attribute))
            is_own = each.is_first and (is_of_class or is_table)
            if is_own or (each.is_outside and each.name in ("", cls.__name__)):
                return True
    return False


def _fillings(member: Any) -> list[syntax.Filling]:
    """Return what a method of the project fills."""
    function = function_of(member)
    is_own = isinstance(function, FunctionType) and is_project(function)
    node = syntax.find_function(function.__code__) if is_own else None
    return syntax.fillings(node, syntax.local_names(node)) if node else []


def _without_definition(unit: Unit, cls: type) -> None:
    """A class made by a call, as named tuples are: the statements that make it count."""
    module = _module_of(cls)
    tree = sources.tree_of(getattr(module, "__file__", None) or "")
    names = [name for name, value in vars(module).items() if value is cls]
    made = [n for name in names if tree for n in syntax.assignments(tree, name)]
    if not made:
        unit.unfollowed.append(f"{unit.label} has no source: its attributes count")
        unit.refers += _attributes(cls)
    unit.text += _read_by(module)
    for node in made:
        fill(unit, node, vars(module), cls.__module__)


def _module(module: ModuleType) -> Unit:
    """A module used as a value: anything in it may be reached, what it imports, too."""
    unit = Unit(f"{place_of(module)}: all of it")
    tree = sources.tree_of(module.__file__ or "")
    if tree is not None:
        fill(unit, tree, vars(module), module.__name__).take_imported()
        unit.text += _read_by(module)
    return unit


def _package(module: ModuleType) -> Unit:
    """All modules of a package: which it has depends on what was imported before."""
    unit = Unit(f"{place_of(module)}: all its modules")
    for path in map(Path, module.__path__):
        for file in sorted(path.rglob("*.py")):
            tree = sources.tree_of(str(file))
            unit.text += syntax.dump(tree) if tree else ""
    return unit


def _constant(constant: Named) -> Unit:
    """A constant counts by value, or by the statements that make it."""
    origin, name = origin_of(constant.module, constant.name, constant.value)
    module = sources.module_named(origin)
    unit = Unit(f"{place_of(module)}: {name}")
    unit.memoized += map(Memory, _kept_in(constant.value))
    tree = sources.tree_of(getattr(module, "__file__", None) or "")
    made = syntax.assignments(tree, name) if tree else []
    if _is_public(constant.value):
        unit.text = constant.value.__name__  # chosen, perhaps, by what a file says
    is_class = issubclass(type(constant.value), type)
    if not constant.is_text and not (made and is_class):
        with contextlib.suppress(IdentityError):
            unit.text = hashing.digest(
                constant.value, name, code_of, unit.refers, may_be_cyclic=True
            )
            return unit
        unit.refers += [*_code_in(constant.value), *_set_on(constant)]
    unit.text += _read_by(module)
    for node in made:
        fill(unit, node, vars(module), origin)
    return unit


def _set_on(constant: Named) -> list[Named]:
    """Return what modules set on an object that has no identity, as one with a lock."""
    state = got(constant.value, "__dict__", {})
    return [
        Named(constant.module, f"{constant.name}.{name}", value)
        for name, value in state.items()
        if type(value) in sources.PLAIN and syntax.is_set_by_import(name)
    ]


def _read_by(module: Any) -> str:
    """Return the digests of the files that a module has read while it was imported."""
    found = []
    read = sources.read_by_import.get(getattr(module, "__file__", None) or "", {})
    for path, stat in sorted(read.items()):
        is_so = sources.stat_of(path) == stat
        said = _digest_of(path, stat) if is_so and stat[0] >= 0 else str(stat)
        found.append(f"{sources.placed(path)}={said};")
    return "".join(found)


@functools.lru_cache(1000)
def _digest_of(path: str, stat: tuple[int, int]) -> str:
    """Return the digest of a file as it is at that time: all of a module ask for it."""
    return hashing.hash_file(path)


def _kept_in(value: Any) -> list[Any]:
    """Return what may fill a value while the project runs, by reading files."""
    inner: Iterable[Any] = value if isinstance(value, (list, tuple, set)) else ()
    inner = value.values() if isinstance(value, dict) else inner
    kinds = {type(value), *map(type, inner)}
    is_foreign = not (is_project(type(value)) or callable(value))
    is_foreign = is_foreign and not hashing.has_rule(value)
    return [f for cls in kinds for f in _lazy(cls)] + [value] * is_foreign


def _lazy(cls: type) -> list[FunctionType]:
    """Return the methods that keep something in an object, which outlives a call."""
    found = []
    for base in filter(is_project, cls.__mro__):
        for member in vars(base).values():
            is_kept = isinstance(member, functools.cached_property)
            if is_kept or any(each.is_first for each in _fillings(member)):
                found.append(function_of(member))
    return found


def _code_in(value: Any, seen: frozenset[int] = frozenset()) -> list[Any]:
    """Return the code of the project in a value, also where a part has no identity."""
    found: list[Any] = []
    with contextlib.suppress(IdentityError):
        hashing.digest(value, "value", code_of, found, may_be_cyclic=True)
        return found
    inner: Iterable[Any] = ()
    if issubclass(type(value), Mapping):
        inner = [value[key] for key in sorted(value, key=str)]
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


def _is_public(value: Any) -> bool:
    """Return whether a value is a class that its module has by that name."""
    if not issubclass(type(value), type):
        return False
    return got(sys.modules.get(value.__module__), value.__name__, None) is value


def _shown(qualname: str) -> str:
    return qualname.replace("<locals>.", "")
