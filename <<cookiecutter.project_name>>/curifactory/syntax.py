"""What syntax trees say, and a canonical text of them: on every Python the same."""

import ast
import contextlib
import functools
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from types import CodeType
from typing import Any, NamedTuple

from . import sources

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
Resolver = Callable[[ast.AST], str | None]

# What a reader may change without changing what runs; `ctx` follows from the position.
UNCOUNTED = frozenset(
    "annotation ctx is_lazy kind returns simple type_comment type_params".split()
)
RESOLVED = (ast.Name, ast.Attribute, ast.Import, ast.ImportFrom)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.Lambda, *COMPREHENSIONS)
FILLING = frozenset(
    "setdefault update append appendleft extend extendleft add insert put set".split()
)
TABLES = ("dict", "list", "set")
MUTABLE = (ast.Dict, ast.List, ast.Set, ast.Call, *COMPREHENSIONS)
BLIND = frozenset(
    "abstractmethod auto cache cached_property classmethod contextmanager dataclass dict "
    "field float frozenset int len list lru_cache max min namedtuple object overload "
    "partial partialmethod property range set sorted staticmethod str super "
    "total_ordering tuple unique wraps".split()
)
"""What reads no files by itself."""
LOAD = ast.Load()
FAR = 1_000_000
STATEMENTS = frozenset({"body", "orelse", "finalbody"})
SPECIAL = re.compile("ClassVar|InitVar|KW_ONLY")


def find_function(code: CodeType) -> Definition | None:
    """Return the definition that was compiled to `code`, or None."""
    # By the name in the code: decorators give a wrapper the name of what they wrap.
    place = code.co_firstlineno, code.co_name
    for tree in sources.trees_of(code.co_filename):
        found = _functions(tree).get(place, [])
        if len(found) == 1 and sources.is_sole(code.co_filename):
            return found[0]
        if found and (same := _same_code(tree, found, code)):
            return same
    return None


def find_classes(cls: type) -> list[ast.ClassDef]:
    """Return the definitions with the qualified name of a class."""
    tree = sources.tree_in(sources.module_of(cls))
    first, *steps = [s for s in cls.__qualname__.split(".") if s != "<locals>"]
    nodes = _named(tree).get(first, [])
    for step in steps:
        inner = (n for node in nodes for n in ast.walk(node) if n is not node)
        nodes = [n for n in inner if getattr(n, "name", None) == step]
    return [node for node in nodes if isinstance(node, ast.ClassDef)]


def defaults(node: ast.AST) -> list[ast.expr]:
    """Return the expressions of the defaults of a function, lambda or method."""
    arguments: ast.arguments = getattr(node, "args")  # noqa: B009
    return [*arguments.defaults, *filter(None, arguments.kw_defaults)]


def special_annotations(node: ast.ClassDef) -> str:
    """Return the annotations in a class that a dataclass goes by."""
    texts = map(ast.unparse, _annotations(node))
    return ";".join(text for text in texts if SPECIAL.search(text))


def annotations(node: Definition) -> list[ast.expr]:
    """Return the annotations in a class or of a function, parsed where they are texts."""
    found = []
    for each in _annotations(node):
        text = getattr(each, "value", None)
        with contextlib.suppress(SyntaxError):
            if isinstance(text, str):
                each = ast.parse(text, mode="eval").body
            found.append(each)
    return found


def _annotations(node: Definition) -> list[ast.expr]:
    if isinstance(node, ast.ClassDef):
        return [e.annotation for e in node.body if isinstance(e, ast.AnnAssign)]
    given = [e.annotation for e in ast.walk(node.args) if isinstance(e, ast.arg)]
    return list(filter(None, [*given, getattr(node, "returns", None)]))


def has_methods(node: ast.ClassDef) -> bool:
    """Return whether a class has methods of its own, beside such as `__init__`."""
    functions = (each for each in node.body if isinstance(each, FUNCTIONS))
    return not all(each.name.startswith("__") for each in functions)


def bindings(node: ast.ClassDef) -> dict[str, ast.expr | None]:
    """Return the names that a body binds, each with its value if that is a literal, or
    what a builtin collection is made of one."""
    found: dict[str, ast.expr | None] = {}
    for each in node.body:
        if isinstance(each, (ast.Assign, ast.AnnAssign)):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            said = each.value or ast.Constant(None)
            parts: list[ast.AST] = [said]
            if isinstance(said, ast.Call) and getattr(said.func, "id", "") in TABLES:
                parts = [*said.args, *said.keywords]
            value = None if any(map(has_names, parts)) else said
            found.update({t.id: value for t in targets if isinstance(t, ast.Name)})
    return found


def has_names(node: ast.AST) -> bool:
    """Return whether an expression is no literal: what it says depends on others."""
    return any(isinstance(each, ast.Name) for each in ast.walk(node))


def has_calls(node: ast.AST) -> bool:
    """Return whether a statement calls what may read files while it is executed."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        called = [each.func] if isinstance(each, ast.Call) else []
        around = getattr(each, "decorator_list", [])
        called += [n for n in around if not isinstance(n, ast.Call)]
        if any(getattr(n, "attr", getattr(n, "id", "")) not in BLIND for n in called):
            return True
        is_later = isinstance(each, (*FUNCTIONS, ast.Lambda))
        waiting += _evaluated_outside(each) if is_later else ast.iter_child_nodes(each)
    return False


def has_given(tree: ast.Module, name: str) -> bool:
    """Return whether a module gives what has a name to a function, or calls its method."""
    return bool(_statements(tree, _given).get(name))


def _given(node: ast.AST) -> str | None:
    """Return what `f(A)` or `A.f()` may change."""
    if not isinstance(node, ast.Call):
        return None
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    named = [each for each in (owner, *node.args) if isinstance(each, ast.Name)]
    return named[0].id if named else None


@functools.lru_cache(1000)
def names_used(tree: ast.Module, *, with_bases: bool) -> frozenset[str]:
    """Return the names that a module uses on its way, but for what is in definitions."""
    used: list[ast.AST] = []
    for node in tree.body:
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            used.append(node)
            continue
        used += node.decorator_list
        for part in ("bases", "keywords") if with_bases else ():
            used += getattr(node, part, ())
    names = (each for part in used for each in ast.walk(part))
    return frozenset(each.id for each in names if isinstance(each, ast.Name))


def is_set_by_import(name: str) -> bool:
    """Return whether modules set an attribute of this name, or may %autoreload have done
    so, and no function does.

    What functions set may change while the project runs.
    """
    trees = sources.loaded_with(name)
    set_by = (_attributes_set(tree).get(name, ()) for tree in trees)
    found = set(itertools.chain.from_iterable(set_by))
    return found == {False} or (not found and sources.is_patched())


@functools.lru_cache(1000)
def _attributes_set(tree: ast.Module) -> dict[str, set[bool]]:
    """Return the attributes that a module sets, and whether functions in it do so."""
    found: dict[str, set[bool]] = {}
    scopes = (node for node in ast.walk(tree) if isinstance(node, SCOPES))
    inner = {id(node) for scope in scopes for node in ast.walk(scope)}
    for node in ast.walk(tree):
        owner, name = _attribute_set(node)
        if name and getattr(owner, "id", "") != "self":  # else of one object
            found.setdefault(name, set()).add(id(node) in inner)
    return found


def _attribute_set(node: ast.AST) -> tuple[ast.AST | None, str]:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.value, node.attr
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setattr":
        name = getattr(node.args[1], "value", "") if len(node.args) > 1 else ""
        return node.args[0], name if isinstance(name, str) else ""
    return None, ""


def assignments(tree: ast.Module, name: str) -> list[ast.stmt]:
    """Return the top-level statements, other than definitions, that mention a name."""
    return _statements(tree, _mentioned).get(name, [])


def is_assigned(tree: ast.Module, name: str) -> bool:
    """Return whether a top-level statement, other than a definition, binds a name."""
    return bool(_statements(tree, _bound_in).get(name))


def definitions(tree: ast.Module, name: str) -> list[ast.stmt]:
    """Return the top-level functions and classes that are defined by a name."""
    return [node for node in _named(tree).get(name, []) if node in tree.body]


@functools.lru_cache(1000)
def acting(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    """Return the top-level statements that act on something, by the name of that."""
    found: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        if name := _acted_on(node):
            found.setdefault(name, []).append(node)
    return found


def _acted_on(node: ast.stmt) -> str:
    """Return the name of what `a.b(1)`, `a.b().c = 1` or `a["b"] += 1` may change."""
    part: Any = None
    if isinstance(node, (ast.Assign, ast.AugAssign)):
        part = getattr(node, "target", None) or getattr(node, "targets", [None])[0]
    if isinstance(node, ast.Expr) or getattr(part, "id", "") == "_":
        part = getattr(node, "value", None)
        part = part if isinstance(part, ast.Call) else None
    elif isinstance(part, ast.Name):
        part = None
    while isinstance(part, (ast.Attribute, ast.Subscript, ast.Call)):
        part = part.func if isinstance(part, ast.Call) else part.value
    return part.id if isinstance(part, ast.Name) else ""


def attached(tree: ast.Module, name: str) -> list[ast.stmt]:
    """Return the top-level statements that set an attribute of what has this name."""
    return _statements(tree, _attached_to).get(name, [])


# What is asked of a tree for each function in it is gathered once.


@functools.lru_cache(1000)
def imports_from(tree: ast.Module) -> list[ast.ImportFrom]:
    """Return the top-level imports of a module that name what they take."""
    return [node for node in tree.body if isinstance(node, ast.ImportFrom)]


@functools.lru_cache(1000)
def _functions(tree: ast.Module) -> dict[tuple[int, str], list[Definition]]:
    """Return the functions and lambdas of a module by first line and name.

    What a decorator has compiled anew, as that of typeguard does, has it no more.
    """
    found: dict[tuple[int, str], list[Definition]] = {}
    for node in ast.walk(tree):
        if isinstance(node, (*FUNCTIONS, ast.Lambda)):
            for line in {_line(node), node.lineno}:
                key = line, getattr(node, "name", "<lambda>")
                found.setdefault(key, []).append(node)
    return found


@functools.lru_cache(1000)
def _named(tree: ast.Module) -> dict[str, list[Any]]:
    """Return what has a name of its own in a module, as definitions have."""
    found: dict[str, list[Any]] = {}
    for node in ast.walk(tree):
        if isinstance(name := getattr(node, "name", None), str):
            found.setdefault(name, []).append(node)
    return found


@functools.lru_cache(1000)
def _statements(
    tree: ast.Module, name_in: Callable[[ast.AST], str | None]
) -> dict[str, list[ast.stmt]]:
    """Return the plain top-level statements by the names that are found in them."""
    found: dict[str, list[ast.stmt]] = {}
    for node in _plain_statements(tree):
        for name in dict.fromkeys(filter(None, map(name_in, ast.walk(node)))):
            found.setdefault(name, []).append(node)
    return found


def _mentioned(node: ast.AST) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def _bound_in(node: ast.AST) -> str | None:
    is_bound = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    return _mentioned(node) if is_bound else None


def _attached_to(node: Any) -> str | None:
    """Return what `A.x = 1`, `A.x[0] = 1`, `del A.x`, `setattr(A, ...)`, `A.x.add(1)`
    or `A.register(B)` changes."""
    owner = None
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        owner = None if isinstance(node.ctx, ast.Load) else node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        is_it = node.func.id in ("setattr", "delattr")
        owner = next(iter(node.args), None) if is_it else None
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        is_part = isinstance(node.func.value, ast.Attribute)
        owner = node.func.value if is_part or node.func.attr == "register" else None
    while isinstance(owner, (ast.Attribute, ast.Subscript)):
        owner = owner.value
    return getattr(owner, "id", None)


def _plain_statements(tree: ast.Module) -> Iterator[ast.stmt]:
    kinds = (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom)
    nodes = (node for node in tree.body if not isinstance(node, kinds))
    return filter(None, map(_plain_assignment, nodes))


def local_names(root: ast.AST) -> set[int]:
    """Return the ids of the name nodes that the scopes of a definition bind."""
    found: set[int] = set()
    _mark(root, frozenset(), found)
    return found


class Filling(NamedTuple):
    """Something that is put into a thing: into `cls.table` by `cls.table["a"] = 1`."""

    name: str
    """The variable; nothing where there is none, or none outside of a function."""
    attribute: str
    is_outside: bool
    """Whether it lies outside of the definition, whatever it is called with."""
    is_first: bool
    """Whether it is the first argument: the object or class that has the method."""
    node: int
    """The id of the name, where it is not read as well."""


def fillings(node: ast.AST, local: Collection[int]) -> list[Filling]:
    """Return what a definition puts into things that it has not made itself."""
    first, kept = _parameters(node)
    nodes = list(ast.walk(node))
    others = _other_names(nodes)
    found = []
    for each in nodes:
        if isinstance(each, (ast.Global, ast.Nonlocal)):
            found += [Filling(name, "", True, False, 0) for name in each.names]
        filled, attribute, is_result = _filled_by(each), "", False
        left = {**others} if filled is not None else {}
        while isinstance(filled, (ast.Subscript, ast.Attribute, ast.Name)):
            if isinstance(filled, ast.Name):
                if id(filled) not in local or filled.id not in left:
                    break
                filled = left.pop(filled.id)
            else:
                attribute = getattr(filled, "attr", attribute)
                filled = filled.value
        if isinstance(filled, ast.Call):
            is_result = getattr(filled.func, "id", "") in ("globals", "type", "vars")
        is_kept = getattr(filled, "id", None) in kept
        if is_result or is_kept or attribute in ("__class__", "modules"):
            found.append(Filling("", "", True, False, 0))
        elif isinstance(filled, ast.Name):
            said = id(filled) not in local, filled.id == first
            is_read = _is_read(each) or left != others
            node_id = 0 if is_read else id(filled)
            found.append(Filling(filled.id, attribute, *said, node_id))
    return found


def _other_names(nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """Return what variables stand for, by `a = A.b` and the like: what fills them, fills it."""
    found: dict[str, ast.expr] = {}
    for each in nodes:
        if isinstance(each, ast.arguments):
            given = [(arg.arg, value) for arg, value in _with_defaults(each)]
        elif isinstance(each, (ast.Assign, ast.NamedExpr)):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            names = [t.id for t in targets if isinstance(t, ast.Name)]
            given = [(name, part) for name in names for part in _parts(each.value)]
        else:
            continue
        chains = (ast.Name, ast.Attribute, ast.Subscript)
        found.update(
            (name, value)
            for name, value in given
            if isinstance(value, chains) and getattr(value, "id", "") != name
        )
    return found


def _parts(value: ast.expr) -> list[ast.expr]:
    """Return what may become of an expression with `if` or `or`."""
    if isinstance(value, ast.IfExp):
        return [value.body, value.orelse]
    return value.values if isinstance(value, ast.BoolOp) else [value]


def _parameters(node: ast.AST) -> tuple[str, set[str]]:
    """Return the first parameter of a function, and those whose defaults outlive a call."""
    arguments = getattr(node, "args", None)
    if not isinstance(arguments, ast.arguments):  # a class or a statement has none
        return "", set()
    named = [*arguments.posonlyargs, *arguments.args]
    pairs = _with_defaults(arguments)
    kept = {each.arg for each, value in pairs if isinstance(value, MUTABLE)}
    return named[0].arg if named else "", kept


def _with_defaults(arguments: ast.arguments) -> list[tuple[ast.arg, Any]]:
    named = [*arguments.posonlyargs, *arguments.args]
    return [
        *zip(reversed(named), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]


def _filled_by(node: ast.AST) -> ast.AST | None:
    """Return what is changed by `x[0] = 1`, `x.a = 1`, `x.add(1)`, `setattr(x, ...)`."""
    if isinstance(node, (ast.Subscript, ast.Attribute)):
        return node.value if isinstance(node.ctx, ast.Store) else None
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Attribute):
        if node.func.attr in ("__setattr__", "__setitem__") and len(node.args) == 3:
            return node.args[0]
        return node.func.value if node.func.attr in FILLING else None
    is_setattr = getattr(node.func, "id", "") == "setattr"
    return node.args[0] if is_setattr and node.args else None


def _is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setdefault"


def _mark(node: ast.AST, outer: frozenset[str], found: set[int]) -> None:
    if isinstance(node, ast.Name) and node.id in outer:
        found.add(id(node))
    inner = outer
    if isinstance(node, SCOPES):
        bound, free = _bound(node)
        inner = (outer - free) | bound
    outside = _evaluated_outside(node)
    for child in ast.iter_child_nodes(node):
        _mark(child, inner, found)
    for each in outside:
        found.difference_update(id(n) for n in ast.walk(each))
        _mark(each, outer, found)


def _evaluated_outside(node: Any) -> list[ast.AST]:
    """Return what a scope evaluates in the scope around it."""
    if isinstance(node, COMPREHENSIONS):
        return [node.generators[0].iter]
    if not isinstance(node, SCOPES):
        return []
    return [*defaults(node), *getattr(node, "decorator_list", ())]


def _bound(scope: ast.AST) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a function, lambda or comprehension binds itself, and
    those that it declares to be another's."""
    bound: set[str] = set()
    free: set[str] = set()
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            free.update(node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name.partition(".")[0])
        else:
            named = getattr(node, "name", None) or getattr(node, "rest", None)
            bound.update([named] if isinstance(named, str) else [])
        if not isinstance(node, (*SCOPES, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))
    return frozenset(bound - free), frozenset(free)


def dump(node: ast.AST, resolve: Resolver | None = None, named: bool = True) -> str:
    """Return a text equal for trees that mean the same, on every supported Python.

    Positions, comments, docstrings, annotations and, unless `named`, the name of the
    outermost definition do not count. `resolve` may replace a name or a dotted name.
    """
    parts: list[str] = []
    _dump(node, parts, resolve, None if named else node)
    return "".join(parts)


def _dump(
    node: object, parts: list[str], resolve: Resolver | None, unnamed: object
) -> None:
    if isinstance(node, list):
        parts.append("[")
        for each in node:
            _dump(each, parts, resolve, unnamed)
        parts.append("]")
    elif not isinstance(node, ast.AST):
        parts.append(f"{type(node).__name__}:{node!r};")
    else:
        text = _resolved(node, resolve)
        if text is not None:
            parts.append(f"<{text}>")
            return
        parts.append(type(node).__name__ + "(")
        for field, value in _counted(node):
            if not (field == "name" and node is unnamed):
                parts.append(field + "=")
                _dump(value, parts, resolve, unnamed)
        parts.append(")")


def _resolved(node: ast.AST, resolve: Resolver | None) -> str | None:
    if resolve is None or not isinstance(node, RESOLVED):
        return None
    return resolve(node) if isinstance(getattr(node, "ctx", LOAD), ast.Load) else None


def _counted(node: ast.AST) -> Iterator[tuple[str, object]]:
    for field, value in ast.iter_fields(node):
        if field in STATEMENTS and isinstance(value, list):
            value = _without_docstring(node, value)
        if isinstance(node, ast.JoinedStr) and isinstance(value, list):
            # Some Pythons end a format with an empty text.
            value = [each for each in value if getattr(each, "value", "x") != ""]
        if not (field in UNCOUNTED or value in (None, [])):
            yield field, value


def _without_docstring(node: ast.AST, body: Sequence[ast.stmt]) -> list[ast.stmt]:
    statements = [each for each in body if not _does_nothing(each)]
    if isinstance(node, ast.ClassDef):
        return statements
    return [each for each in map(_plain_assignment, statements) if each is not None]


def _plain_assignment(node: ast.stmt) -> ast.stmt | None:
    """Return `x = 1` for `x: int = 1`, and nothing for `x: int`, outside of classes."""
    if not isinstance(node, ast.AnnAssign):
        return node
    if node.value is None:
        return None
    return ast.Assign(targets=[node.target], value=node.value)


def _does_nothing(node: ast.stmt) -> bool:
    """Return whether a statement is `pass`, `...` or a text: a docstring, or a comment."""
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant or isinstance(node, ast.Pass)


def _line(node: ast.AST) -> int:
    decorators = getattr(node, "decorator_list", None)
    first: Any = decorators[0] if decorators else node
    return int(first.lineno)


def _same_code(
    tree: ast.Module, nodes: Sequence[Definition], code: CodeType
) -> Definition | None:
    """Tell apart definitions on one line: compile with one of them far below.

    With the statements around it alone, for large modules take long; and the imports:
    calls by their names are compiled in another way.
    """
    line = code.co_firstlineno
    part = ast.Module([], [])
    for each in tree.body:
        if isinstance(each, (ast.Import, ast.ImportFrom)) or (
            _line(each) <= line <= (each.end_lineno or line)
        ):
            part.body.append(each)
    for node in nodes:
        ast.increment_lineno(node, FAR)
        try:
            compiled = list(codes(compile(part, code.co_filename, "exec")))
        finally:
            ast.increment_lineno(node, -FAR)
        # Lambdas in its decorators and defaults, and annotations, come before it.
        named = (each for each in compiled if each.co_name == code.co_name)
        moved = next((each for each in named if each.co_firstlineno >= FAR), None)
        if moved is not None and essence(moved) == essence(code):
            return node
    return None


def codes(code: CodeType) -> Iterator[CodeType]:
    """Yield compiled code, and all that is defined within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def essence(code: CodeType) -> tuple[object, ...]:
    """Return what compiled code consists of, its place left out."""
    constants = tuple(map(_shown, code.co_consts))
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars


def _shown(constant: Any) -> object:
    if isinstance(constant, CodeType):
        return essence(constant)
    if isinstance(constant, frozenset):  # in another order in each process
        return sorted(map(repr, constant))
    return type(constant), repr(constant)
