"""What the classes of a project consist of: what their text, others and decorators give."""

import ast
import contextlib
import enum
import itertools
import sys
from collections import ChainMap, abc
from collections.abc import Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from . import hashing, sources, syntax, units
from .scope import ANNOTATIONS, Memory, Named, Unit, fill, is_memoized
from .sources import function_of, got, is_project, place_of

COLLECTIONS = abc.MutableMapping, abc.MutableSequence, abc.MutableSet


def of_class(cls: type) -> Unit:
    """A class counts by its text, and by what else has made it or was set on it."""
    unit = Unit(f"{place_of(cls)}: {units.shown(cls.__qualname__)}")
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
        _without_definition(unit, cls, functions)
    elif "<" in cls.__qualname__ or (sources.reloads and not sources.known_as(cls)):
        # They may come from the function around it, or from an earlier text.
        unit.refers += _attributes(cls)
    else:
        bindings = (syntax.bindings(node).items() for node in nodes)
        unit.refers += _made_elsewhere(cls, dict(itertools.chain(*bindings)))
    if nodes and not any(map(syntax.has_methods, nodes)):
        unit.text += f"class {cls.__name__},"  # another one may look the same
    if len(nodes) > 1:
        unit.refers += [a for a in _attributes(cls) if type(a.value) in sources.PLAIN]
    if nodes:
        unit.refers += _methods_beside(functions, bodies)
        unit.text += units.read_by(_module_of(cls)) if _has_hooks(cls, nodes) else ""
    held = (got(each, "__func__", each) for each in vars(cls).values())
    unit.memoized += map(Memory, filter(is_memoized, held))
    filled = ((f, each) for f in functions.values() for each in units.fillings(f))
    unit.memoized += [Memory(f, each.name) for f, each in filled if each.is_outside]
    unit.memoized += map(Memory, units.lazy(cls) if _fills_itself(cls) else [])
    unit.refers += units.registered(cls)
    unit.refers += filter(is_project, (*cls.__bases__, type(cls)))
    units.fill_attached(unit, cls, names)
    unit.refers += units.set_beside(cls)
    return unit


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
    given = (each for body in bodies.items() for each in units.defaults(*body))
    kinds = *sources.PLAIN, FunctionType, type
    fixed = ((said, each) for said, each in given if isinstance(each.value, kinds))
    defaults = [each for said, each in fixed if not syntax.has_calls(said)]
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
        is_declared = name in sources.annotations(cls)
        is_member = type(each.value) is cls and issubclass(cls, enum.Enum)
        if is_member and any(hashing.given_to(each.value)):
            found.append(each)
        if is_own or (name not in told and (name[0] == "_" or is_declared)):
            continue
        literal = told.get(name)
        is_told = literal is not None and _is_value(literal, each.value)
        if not is_told and (literal is None or syntax.is_set_by_import(name)):
            found.append(each)
    return found + _left_by_module(cls, told)


def _left_by_module(cls: type, told: Mapping[str, ast.expr | None]) -> list[Named]:
    """Return what a class was given while its own module was executed, by what uses it."""
    tree = sources.tree_in(_module_of(cls))
    # By these it hears of what extends it, and may keep something of that.
    hears = any("__init_subclass__" in vars(base) for base in cls.__mro__[:-1])
    hears |= type(cls).__module__ not in ("builtins", "abc") or issubclass(cls, type)
    if cls.__name__ not in syntax.names_used(tree, with_bases=hears):
        return []
    is_given = syntax.has_given(tree, cls.__name__)
    found = []
    for name, value in sources.made_of(cls).items():
        literal = told.get(name)
        counts = is_given and literal is not None
        if type(value) in sources.TABLES:
            counts = name in told or name[0] != "_"
        if counts and (literal is None or not _is_value(literal, value)):
            found.append(Named(cls.__module__, f"{cls.__qualname__}.{name}", value))
    return found


def _is_value(literal: ast.expr, value: Any) -> bool:
    """Return whether a literal says that an attribute has this value."""
    tree = ast.fix_missing_locations(ast.Expression(literal))
    with contextlib.suppress(Exception):  # it may have no identity
        made = eval(compile(tree, "<literal>", "eval"), {})
        return made is value or hashing.digest(made) == hashing.digest(value)
    return False


def _is_collection(value: Any) -> bool:
    """Return whether a value is one that may grow while the project runs."""
    return issubclass(type(value), COLLECTIONS)


def _is_declared(cls: type, decorators: Iterable[str]) -> bool:
    """Return whether other people's code goes by the annotations of a class."""
    foreign = (each for each in cls.__mro__ if not is_project(each))
    bases = {each.__module__.partition(".")[0] for each in foreign}
    packages = {name.partition(".")[0] for name in decorators}
    is_plain = bases <= {"builtins", "abc", "curifactory"}
    return not (is_plain and packages <= {"", *sys.stdlib_module_names})


def of_annotations(value: Any) -> Unit:
    """The annotations of a class or function, and the code that they name."""
    unit = Unit(f"{place_of(value)}: annotations of {units.shown(value.__qualname__)}")
    nodes: Iterable[syntax.Definition | None]
    names: Mapping[str, Any]
    if isinstance(value, FunctionType):
        nodes = [syntax.find_function(value.__code__)]
        names = ChainMap(hashing.closure(value), value.__globals__)
    else:
        nodes, names = syntax.find_classes(value), vars(_module_of(value))
    for said in (syntax.annotations(each) for each in nodes if each is not None):
        for node in said:
            fill(unit, node, names, value.__module__)
    return unit


def methods(cls: type) -> list[FunctionType]:
    """Return the functions of the project in a class."""
    found = map(function_of, vars(cls).values())
    return [f for f in found if isinstance(f, FunctionType) and is_project(f)]


def _module_of(cls: type) -> ModuleType:
    module = sources.module_of(cls)
    assert module is not None  # no class is of the project without
    return module


def _fills_itself(cls: type) -> bool:
    """Return whether methods of a class keep something in the class, for all objects."""
    for name, member in vars(cls).items():
        is_of_class = isinstance(member, classmethod) or name == "__new__"
        for each in units.fillings(member):
            is_table = _is_collection(vars(cls).get(each.attribute))
            is_own = each.is_first and (is_of_class or is_table)
            if is_own or (each.is_outside and each.name in ("", cls.__name__)):
                return True
    return False


def _without_definition(
    unit: Unit, cls: type, functions: Mapping[str, FunctionType]
) -> None:
    """A class made by a call, as named tuples are: the statements that make it count."""
    module = _module_of(cls)
    tree = sources.tree_in(module)
    names = [name for name, value in vars(module).items() if value is cls]
    made = [n for name in names for n in syntax.assignments(tree, name)]
    if not made:
        unit.unfollowed.append(f"{unit.label} has no source: its attributes count")
        unit.refers += _attributes(cls)
    unit.text += units.read_by(module)
    for node in made:
        fill(unit, node, vars(module), cls.__module__)
    # Of a notebook, each method has its own text.
    own = sorted(name for name, each in functions.items() if is_project(each))
    unit.text += ",".join(own)
    unit.refers += [functions[name] for name in own]
