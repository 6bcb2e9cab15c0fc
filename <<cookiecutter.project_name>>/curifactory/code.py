"""The code behind a stage: everything of the project that it can reach, as a digest."""

import ast
import contextlib
import enum
import functools
import importlib
import importlib.util
import itertools
import re
import sys
from collections import ChainMap, deque
from collections.abc import (
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
)
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, NamedTuple

from . import hashing, syntax
from .args import ExperimentArgs
from .errors import IdentityError

DECORATORS = 50
"""How many of them may stand around one function."""
CLASS = "@"
"""Among the names in code: it may ask for the class of what it is given."""
ASKS_CLASS = frozenset(
    "isinstance issubclass type __class__ singledispatch singledispatchmethod".split()
)
ASKS_FIELDS = frozenset({"fields", "__dataclass_fields__"})
ASKS_ANNOTATIONS = frozenset("__annotations__ get_type_hints get_annotations".split())
QUERIES = frozenset({"query", "eval"})
ANNOTATIONS = ":"
"""Among the names in code: it may go by the annotations of classes."""
COPIES = "args.copy"
"""Among the names in code: it copies argsets. Much else has a method of that name."""
ANY_NAME = "*"
"""Among the names in code: it asks for attributes by names made at run time."""
# What reaches code by a name made at run time, or by what happens to be imported; and
# texts that do not count.
UNFOLLOWED = frozenset(
    "eval exec __import__ import_module globals sys.modules __subclasses__ __doc__ "
    "importlib.import_module importlib.util.spec_from_file_location runpy.run_path "
    "runpy.run_module pydoc.locate pkgutil.resolve_name".split()
)


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


class Named(NamedTuple):
    """A constant of the project, by where it is bound."""

    module: str
    name: str
    value: Any
    is_text: bool = False
    """Whether the statements that make it count, whatever has become of it since."""


class Memory(NamedTuple):
    """A function, or an object of others, that may keep what it gets."""

    owner: Any
    name: str = ""
    """Where it keeps that, if it counts only for what reads it there."""


@dataclass(eq=False, repr=False)
class Unit:
    """One function, class, constant or module, and what it refers to, in order."""

    label: str
    text: str = ""
    refers: list[Any] = field(default_factory=list)
    unfollowed: list[str] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    memoized: list[Memory] = field(default_factory=list)
    loaded: set[str] = field(default_factory=set)
    """The variables in it that are read, and not only filled."""


_units: dict[object, tuple[object, Unit]] = {}
_codes: dict[tuple[int, ...], tuple[object, Code]] = {}
_cell = 0


def fingerprint(*roots: Any) -> Code:
    """Return the code that functions and classes reach, the helpers they call included.

    Names, positions and the order of definition do not count: references are numbered
    by first mention, so a helper can be renamed or moved.
    """
    global _cell
    if cell() != _cell:
        _cell = cell()
        _units.clear()
        _codes.clear()
    key = tuple(id(root) for root in roots)
    if key not in _codes:
        _codes[key] = roots, _reach(roots)
    return _codes[key][1]


def cell() -> int:
    """Return the number of the cell that a notebook executes, 0 elsewhere."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return int(getattr(shell and shell(), "execution_count", 0))


def project_callables(value: object, path: str) -> tuple[list[Any], str]:
    """Return functions and classes of the project in a value, and its digest but them."""
    found: list[Any] = []
    shape = hashing.digest(value, path, _own_code, found)
    return found, shape


def named(module: str, qualname: str) -> Any:
    """Return what has this name in a module, None where that is not so any more."""
    try:
        found = importlib.import_module(module)
        return functools.reduce(getattr, qualname.split("."), found)
    except (ImportError, AttributeError):
        return None


def is_project(value: Any) -> bool:
    """Return whether a function, class or module is the user's own code."""
    if isinstance(value, FunctionType):
        return syntax.is_project_file(value.__code__.co_filename)
    if isinstance(value, ModuleType):
        return syntax.is_project_file(getattr(value, "__file__", None))
    if isinstance(value, type):
        module = syntax.module_of(value)
        name = getattr(value, "__module__", None)
        return name == "__main__" or (module is not None and is_project(module))
    return False


def unwrapped(value: Any) -> Any:
    """Return the function inside decorators that say what they wrap, and methods."""
    target = value
    for _ in range(DECORATORS):
        inner = _got(target, "__wrapped__", None)
        if isinstance(target, MethodType):
            target = target.__func__
        elif isinstance(target, FunctionType) and is_project(target):
            return target  # a wrapper of the project holds what it wraps in its closure
        elif inner is not None and not isinstance(target, (type, ModuleType)):
            target = inner
        else:
            return target
    return value  # it makes up whatever attribute it is asked for


def _got(value: Any, name: str, default: Any) -> Any:
    """Return an attribute; the default, too, where asking for it fails."""
    try:
        return getattr(value, name, default)
    except Exception:
        return default


def function_of(member: Any) -> Any:
    """Return the function behind a member of a class: a property, a static method."""
    for name in ("fget", "func"):
        member = getattr(member, name, None) or member
    return unwrapped(member)


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
    scope = _fill(unit, node, names, function.__module__)
    filled = (each.name for each in scope.fillings if each.is_outside)
    unit.memoized += [Memory(function, name) for name in filled]
    if not all(isinstance(each, ast.Constant) for each in syntax.defaults(node)):
        # What a name meant when the function was made, it need not mean any more.
        named = (function.__kwdefaults__ or {}).values()
        place = function.__module__, f"{function.__qualname__}()"
        given = (*(function.__defaults__ or ()), *named)
        unit.refers += [Named(*place, each) for each in given]
    _fill_attached(unit, function, names)
    unit.refers += _registered(function)
    return unit


def _fill_attached(unit: Unit, owner: Any, names: Mapping[str, Any]) -> None:
    """Take in the attributes that its module sets on a function or class."""
    module = syntax.module_of(owner)
    tree = syntax.tree_of(getattr(module, "__file__", None) or "")
    for node in syntax.attached(tree, owner.__qualname__) if tree else ():
        _fill(unit, node, names, owner.__module__)


def _without_source(
    unit: Unit, function: FunctionType, names: Mapping[str, Any]
) -> Unit:
    """Fall back on the compiled code, which holds for one version of Python only."""
    unit.unfollowed.append(f"{unit.label} has no source: its compiled code counts")
    unit.text = repr(syntax.essence(function.__code__))
    scope = _Scope(unit, names, function.__module__)
    for name in function.__code__.co_names:
        scope.resolve(ast.Name(name, ast.Load()))
    return unit


def _class(cls: type) -> Unit:
    unit = Unit(f"{place_of(cls)}: {_shown(cls.__qualname__)}")
    members = {name: function_of(each) for name, each in vars(cls).items()}
    functions = {n: f for n, f in members.items() if isinstance(f, FunctionType)}
    names = ChainMap(*map(hashing.closure, functions.values()), vars(_module_of(cls)))
    nodes = syntax.find_classes(cls)
    for node in nodes:  # of several with one name, any may be the one
        scope = _fill(unit, node, names, cls.__module__)
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
    elsewhere = [f for name, f in functions.items() if not _is_body(cls, name, f)]
    unit.refers += filter(is_project, elsewhere)  # others may have set them
    held = (getattr(each, "__func__", each) for each in vars(cls).values())
    unit.memoized += map(Memory, filter(_is_memoized, held))
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


def _is_body(cls: type, name: str, function: FunctionType) -> bool:
    return function.__qualname__ == f"{cls.__qualname__}.{name}"


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
        if name not in told or _is_set_anew(name, each.value, told[name]):
            found.append(each)
    return found


def _is_set_anew(name: str, value: Any, literal: ast.expr | None) -> bool:
    """Return whether an attribute has another value than its class gives it as a literal.

    That is so where it is none, or where a module has set it while it was imported.
    """
    if literal is None:
        return True
    tree = ast.fix_missing_locations(ast.Expression(literal))
    made = eval(compile(tree, "<literal>", "eval"), {})
    is_same = type(made) is type(value) and (made is value or repr(made) == repr(value))
    return not is_same and syntax.is_set_by_import(name)


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
            _fill(unit, node, names, cls.__module__)
    return unit


def _module_of(cls: type) -> ModuleType:
    module = syntax.module_of(cls)
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
    tree = syntax.tree_of(getattr(module, "__file__", None) or "")
    names = [name for name, value in vars(module).items() if value is cls]
    made = [n for name in names if tree for n in syntax.assignments(tree, name)]
    if not made:
        unit.unfollowed.append(f"{unit.label} has no source: its attributes count")
        unit.refers += _attributes(cls)
    unit.text += _read_by(module)
    for node in made:
        _fill(unit, node, vars(module), cls.__module__)


def _module(module: ModuleType) -> Unit:
    """A module used as a value: anything in it may be reached, what it imports, too."""
    unit = Unit(f"{place_of(module)}: all of it")
    tree = syntax.tree_of(module.__file__ or "")
    if tree is not None:
        _fill(unit, tree, vars(module), module.__name__).take_imported()
        unit.text += _read_by(module)
    return unit


def _package(module: ModuleType) -> Unit:
    """All modules of a package: which it has depends on what was imported before."""
    unit = Unit(f"{place_of(module)}: all its modules")
    for path in map(Path, module.__path__):
        for file in sorted(path.rglob("*.py")):
            tree = syntax.tree_of(str(file))
            unit.text += syntax.dump(tree) if tree else ""
    return unit


def _constant(constant: Named) -> Unit:
    """A constant counts by value, or by the statements that make it."""
    origin, name = _origin(constant.module, constant.name, constant.value)
    module = syntax.module_named(origin)
    unit = Unit(f"{place_of(module)}: {name}")
    unit.memoized += map(Memory, _kept_in(constant.value))
    tree = syntax.tree_of(getattr(module, "__file__", None) or "")
    made = syntax.assignments(tree, name) if tree else []
    if _is_public(constant.value):
        unit.text = constant.value.__name__  # chosen, perhaps, by what a file says
    if not constant.is_text and not (made and isinstance(constant.value, type)):
        with contextlib.suppress(IdentityError):
            unit.text = hashing.digest(
                constant.value, name, _own_code, unit.refers, may_be_cyclic=True
            )
            return unit
        unit.refers += _code_in(constant.value)
    unit.text += _read_by(module)
    for node in made:
        _fill(unit, node, vars(module), origin)
    return unit


def _read_by(module: Any) -> str:
    """Return the digests of the files that a module has read while it was imported."""
    found = []
    read = syntax.read_by_import.get(getattr(module, "__file__", None) or "", {})
    for path, stat in sorted(read.items()):
        is_so = hashing.stat_of(path) == stat
        said = hashing.hash_file(path) if is_so and stat[0] >= 0 else str(stat)
        found.append(f"{syntax.placed(path)}={said};")
    return "".join(found)


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
        hashing.digest(value, "value", _own_code, found, may_be_cyclic=True)
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
    return _got(sys.modules.get(value.__module__), value.__name__, None) is value


def _origin(module: str, name: str, value: Any) -> tuple[str, str]:
    """Return where a name that modules of the project import was bound first.

    What others wrote goes by the name that it is imported by: where it is defined, and
    whether there is a source, may change with its version. A name that means something
    else by now was bound anew.
    """
    found = syntax.module_named(module)
    filename = getattr(found, "__file__", None) or ""
    tree = syntax.tree_of(filename) if syntax.is_project_file(filename) else None
    for node in tree.body if tree else ():
        if not isinstance(node, ast.ImportFrom):
            continue
        package = getattr(found, "__package__", None) or ""
        relative = "." * node.level + (node.module or "")
        source = importlib.util.resolve_name(relative, package)
        for alias in node.names:
            given = name if alias.name == "*" else alias.name
            is_it = name == (alias.asname or given)
            if is_it and _got(sys.modules.get(source), given, _ABSENT) is value:
                return _origin(source, given, value)
    return module, name


def _own_code(value: object) -> Any:
    """Return the code of the project that a value is, if it is any."""
    target = unwrapped(value)
    return target if is_project(target) else None


def _fill(unit: Unit, node: ast.AST, names: Mapping[str, Any], module: str) -> "_Scope":
    scope = _Scope(unit, names, module, syntax.local_names(node))
    scope.fillings = syntax.fillings(node, scope.local)
    only_filled = {each.node for each in scope.fillings}
    attributes: set[str] = set()
    for inner in ast.walk(node):
        name = getattr(inner, "id", getattr(inner, "attr", ""))
        if name in ASKS_CLASS or isinstance(inner, ast.MatchClass):
            unit.names.add(CLASS)
        scope.asked.update(map(id, _only_asked_for(inner)))
        if name in ASKS_ANNOTATIONS or scope.hands_on_class(inner):
            unit.names.add(ANNOTATIONS)
        if isinstance(inner, (ast.Import, ast.ImportFrom)):
            scope.take_import(inner)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            unit.loaded.update([] if id(inner) in only_filled else [name])
        elif isinstance(inner, ast.Attribute):
            attributes.add(inner.attr)
            if inner.attr == "copy" and _chain(inner)[-2:-1] in (["args"], ["params"]):
                unit.names.add(COPIES)
        elif isinstance(inner, ast.Call):
            unit.names.update([ANY_NAME] if _asks_by_name(inner) else [])
        elif isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name):
            if id(inner.target) not in scope.local:  # a global that is read as well
                scope.resolve(inner.target)
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            unit.names.add(inner.value)
    unit.names |= attributes
    if "type" in attributes and not ASKS_FIELDS.isdisjoint(attributes | unit.loaded):
        unit.names.add(ANNOTATIONS)
    if not QUERIES.isdisjoint(unit.names):
        for name in _named_in_texts(node, scope):
            scope.resolve(ast.Name(name, ast.Load()))
    unit.text += syntax.dump(_without_declaration(node, scope), scope.resolve, False)
    return scope


def _only_asked_for(node: Any) -> Iterable[ast.AST]:
    """Return what stands for a class that values are only compared with."""
    found: list[Any] = []
    if isinstance(node, ast.MatchClass):
        found = [node.cls]
    elif isinstance(node, ast.Compare):
        found = [node.left, *node.comparators]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.func.id
        found = node.args[1:] if name in ("isinstance", "issubclass") else []
        found += node.args[:1] if name == "cast" else []
    for each in found:  # classes may stand in tuples and unions
        if not isinstance(each, ast.Call):
            found += ast.iter_child_nodes(each)
    return found


def _named_in_texts(node: ast.AST, scope: "_Scope") -> list[str]:
    """Return the variables in texts that pandas may evaluate: `query("x > @LEAST")`."""
    nodes = list(ast.walk(node))
    alone = {each.value for each in nodes if isinstance(each, ast.Expr)}  # docstrings
    texts = [getattr(each, "value", None) for each in nodes if each not in alone]
    texts += [scope._value(chain)[0] for chain in map(_chain, nodes) if chain]
    found = (re.findall(r"@([^\W\d]\w*)", t) for t in texts if isinstance(t, str))
    return [name for names in found for name in names]


def _asks_by_name(node: ast.Call) -> bool:
    """Return whether an attribute is asked for by a name that is made at run time."""
    asks = isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr")
    return asks and not any(isinstance(n, ast.Constant) for n in node.args[1:2])


def _without_declaration(node: ast.AST, scope: "_Scope") -> ast.AST:
    """Leave out @stage and @aggregate: what they declare enters the key by itself."""
    if not isinstance(node, syntax.FUNCTIONS):
        return node
    kept = [
        each
        for each in node.decorator_list
        if scope.module_of(each) != "curifactory.stages"
    ]
    fields = {**dict(ast.iter_fields(node)), "decorator_list": kept}
    return type(node)(**fields)


class _Scope:
    """Resolves the names in one definition, and notes in its unit what they refer to."""

    def __init__(
        self, unit: Unit, names: Any, module: str, local: Collection[int] = ()
    ) -> None:
        self.unit = unit
        self.names: Mapping[str, Any] = names
        self.local = local
        self.module = module
        self.imported: dict[str, Any] = {}
        self.fillings: list[syntax.Filling] = []
        self.asked: set[int] = set()
        """The nodes that only ask for a class: who makes an argset goes by all of it."""

    def module_of(self, decorator: ast.expr) -> str:
        """Return where a decorator was written by others, nothing for one's own."""
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        chain = _chain(target)
        value = self._value(chain)[0] if chain else None
        module = getattr(value, "__module__", None) or ""
        return "" if is_project(syntax.module_named(module)) else module

    def hands_on_class(self, node: ast.AST) -> bool:
        """Return whether a class of the project is given to a function as a value."""
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") == "super":
            return False
        named = [each.value for each in node.keywords if each.arg != "default_factory"]
        given = (n for n in [*node.args, *named] if id(n) not in self.asked)
        chains = map(_chain, given)
        values = (unwrapped(self._value(chain)[0]) for chain in chains if chain)
        classes = (each for each in values if isinstance(each, type))
        return any(is_project(each) and not _is_args(each) for each in classes)

    def take_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Follow an import of project code that is written inside a function."""
        module = syntax.module_named(self.module)
        package = getattr(module, "__package__", None) or ""
        for alias in node.names:
            try:
                if isinstance(node, ast.Import):
                    self._bind_module(alias)
                else:
                    name = "." * node.level + (node.module or "")
                    source = importlib.util.resolve_name(name, package)
                    self._bind_member(source, alias)
            except Exception as error:
                said = f"{self.unit.label}: import failed, {error}"
                self.unit.unfollowed.append(said)

    def _bind_module(self, alias: ast.alias) -> None:
        if _is_local(alias.name):
            module = importlib.import_module(alias.name)
            top = sys.modules[alias.name.partition(".")[0]]
            name = alias.asname or alias.name.partition(".")[0]
            self._bind(name, module if alias.asname else top)

    def _bind_member(self, source: str, alias: ast.alias) -> None:
        if not _is_local(source):
            return
        module = importlib.import_module(source)
        if alias.name == "*":
            for name in getattr(module, "__all__", None) or _public(module):
                self._bind(name, getattr(module, name))
            return
        if not hasattr(module, alias.name):
            importlib.import_module(f"{source}.{alias.name}")
        self._bind(alias.asname or alias.name, getattr(module, alias.name))

    def _bind(self, name: str, value: Any) -> None:
        """Let a name stand for what is imported; what else it may mean counts, too."""
        before = self.imported.get(name, self.names.get(name, value))
        if before is not value:
            self._refer(before, (self.module, name))
        self.imported[name] = value

    def take_imported(self) -> None:
        """Refer to all that was imported, by its name."""
        for name, value in self.imported.items():
            self.unit.text += f"{name}={self._refer(value, (self.module, name))},"

    def resolve(self, node: ast.AST) -> str | None:
        """Return what stands for a name in the canonical text; None leaves it as it is."""
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound = (each.asname or each.name.partition(".")[0] for each in node.names)
            return "" if all(name in self.imported for name in bound) else None
        chain = _chain(node)
        if not chain:
            return None
        base = node
        while isinstance(base, ast.Attribute):
            base = base.value
        is_local = id(base) in self.local
        used, may_be_it = ".".join(chain), len(chain) > 1 or not is_local
        if may_be_it and {chain[-1], used} & UNFOLLOWED:
            self.unit.unfollowed.append(f"{self.unit.label} uses {used}")
        if is_local and chain[0] not in self.imported:
            return None
        value, rest, holder = self._value(chain)
        if value is _ABSENT:
            return None
        is_used = id(node) not in self.asked
        return ".".join([self._refer(value, holder, is_used=is_used), *rest])

    def _value(self, chain: list[str]) -> tuple[Any, list[str], tuple[str, str]]:
        """Return the value that a dotted name leads to, and the attributes left over."""
        names = self.imported if chain[0] in self.imported else self.names
        value = names.get(chain[0], _ABSENT)
        holder = self.module, chain[0]
        rest = chain[1:]
        while rest and _is_namespace(value):
            inner = _got(value, rest[0], _ABSENT)
            if inner is _ABSENT:
                break
            holder = getattr(value, "__module__", value.__name__), rest.pop(0)
            value = inner
        return value, rest, holder

    def _refer(
        self, value: Any, holder: tuple[str, str], *, is_used: bool = False
    ) -> str:
        target = unwrapped(value)
        is_code = isinstance(target, (FunctionType, type, ModuleType))
        is_own = is_code and not isinstance(value, MethodType) and is_project(target)
        if is_own and _is_memoized(value):
            self.unit.memoized.append(Memory(value))
        if is_own and (is_used or not _is_args(target)):
            self.unit.refers += [target, *_held(value, holder)]
            is_package = isinstance(target, ModuleType) and "__path__" in vars(target)
            if is_used and is_package:
                self.unit.refers.append(Named(target.__name__, ANY_NAME, target))
            if isinstance(value, functools.partial) or is_project(type(value)):
                self.unit.refers += [Named(*holder, value, is_text=True)]
            return "@"
        self.unit.refers += _held(value, holder)
        name = self._foreign(value, target, holder)
        if name is not None:
            self.unit.packages.add(name.partition(".")[0])
            if name in UNFOLLOWED:
                self.unit.unfollowed.append(f"{self.unit.label} uses {name}")
            return name
        self.unit.refers.append(Named(holder[0], holder[1], value))
        return "@"

    def _foreign(self, value: Any, target: Any, holder: tuple[str, str]) -> str | None:
        """Return the public name of what others wrote: it holds on every Python."""
        if isinstance(target, ModuleType):
            return target.__name__
        if _is_args(target):
            return hashing.qualified(target)
        origin = _origin(*holder, value)
        own = origin[0] == "__main__" or is_project(syntax.module_named(origin[0]))
        return None if own else ".".join(origin)


def _held(value: Any, holder: tuple[str, str]) -> list[Any]:
    """Return what of the project is in the closure of a function of others."""
    if not isinstance(value, FunctionType) or is_project(value):
        return []
    holds = [*hashing.closure(value).values(), *vars(value).values()]
    inner = [each for h in holds for each in (h.values() if _is_table(h) else [h])]
    own = [unwrapped(each) for each in inner if is_project(unwrapped(each))]
    made = any(is_project(type(each)) for each in inner)
    return own + ([Named(*holder, value, is_text=True)] if made else [])


def _is_memoized(value: Any) -> bool:
    """Return whether a value is a function of the project that keeps its results."""
    has_both = all(hasattr(type(value), n) for n in ("cache_info", "cache_clear"))
    return has_both and isinstance(unwrapped(value), FunctionType)


def _public(module: ModuleType) -> list[str]:
    # Which of its submodules it has depends on what was imported before.
    known = vars(module).items()
    return [n for n, v in known if n[0] != "_" and not isinstance(v, ModuleType)]


def _is_table(value: Any) -> bool:
    return isinstance(value, (dict, MappingProxyType))


def _is_args(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, ExperimentArgs)


def _is_namespace(value: Any) -> bool:
    # Constants of argsets, and members of an enum, count where they are named, one by one.
    is_enum = isinstance(value, enum.EnumMeta) and is_project(value)
    return is_enum or isinstance(value, ModuleType) or _is_args(value)


def _is_local(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and syntax.is_project_file(spec.origin)


def _chain(node: ast.AST) -> list[str]:
    """Return `["a", "b", "c"]` for `a.b.c`, nothing for other expressions."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def place_of(value: Any) -> str:
    """Return the file of a definition, relative to the project."""
    if isinstance(value, FunctionType):
        filename: str | None = value.__code__.co_filename
    else:
        module = value if isinstance(value, ModuleType) else syntax.module_of(value)
        filename = getattr(module, "__file__", None)
    return syntax.relative(filename or "") or Path(filename or "notebook").name


def _shown(qualname: str) -> str:
    return qualname.replace("<locals>.", "")


_ABSENT = object()
