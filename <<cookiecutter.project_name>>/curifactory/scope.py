"""The names in one definition: what each of them refers to, in the project or outside."""

import ast
import contextlib
import enum
import functools
import importlib.util
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from . import hashing, sources, syntax
from .args import ABSENT, ExperimentArgs
from .errors import IdentityError
from .sources import got, is_project, unwrapped

CLASS = "@"
"""Among the names in code: it may ask for the class of what it is given."""
ASKS_CLASS = frozenset(
    "isinstance issubclass type __class__ singledispatch singledispatchmethod".split()
)
ASKS_FIELDS = frozenset({"fields", "__dataclass_fields__"})
ASKS_ANNOTATIONS = frozenset(
    "__annotations__ annotation annotations get_type_hints get_annotations "
    "return_annotation __required_keys__ __optional_keys__".split()
)
ASKS_NAME = frozenset("__name__ __qualname__ __module__".split())
QUERIES = frozenset({"query", "eval"})
ANNOTATIONS = ":"
"""Among the names in code: it may go by the annotations of classes."""
SETTINGS = "="
"""Names what a module sets of libraries, for all code."""
SAME = "is "
"""Among the names in code, before that of a class: it compares other classes with it;
alone: it compares those of two things, or with that of a variable."""
COPIES, LABEL = "args.copy", "args.name"
"""Among the names in code: it copies argsets, or goes through them; it asks for their name.
Much else has a method, or an attribute, of that name."""
GO_THROUGH = frozenset(
    "asdict astuple copy deepcopy dumps print replace repr str vars".split()
)
ANY_NAME = "*"
"""Among the names in code: it asks for attributes by names made at run time."""
MARKS = frozenset({CLASS, ANNOTATIONS, SAME, COPIES, LABEL, ANY_NAME})
"""What a text in code does not mean, such as the pattern `*`."""
WHOLE = frozenset("eval exec globals sys.modules".split())
"""What may reach anything that is in its own module."""
SUBCLASSES = "__subclasses__"
"""Among the names in code: it goes by what extends a class."""
UNHEARD = frozenset(
    "read_parquet scan_parquet read_feather read_orc read_hdf HDFStore ParquetFile "
    "ParquetDataset h5py.File netCDF4.Dataset xarray.open_dataset cv2.imread "
    "polars.read_csv polars.scan_csv polars.read_json polars.read_ndjson "
    "polars.scan_ndjson polars.read_ipc polars.scan_ipc polars.read_avro "
    "geopandas.read_file read_spss torch.from_file".split()
)
"""What opens files without Python's `open`."""
UNFOLLOWED = UNHEARD.union(
    "eval exec __import__ sys.modules __doc__ pydoc.locate getsource getsourcelines "
    "joblib.Parallel".split()
)
"""And what reaches code by a name made at run time, or a text of it; texts that do not
count; what opens files in other processes."""


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
    asked: set[str] = field(default_factory=set)
    """Fields, if it asks for them, and a `type`."""
    loaded: set[str] = field(default_factory=set)
    """The variables in it that are read, and not only filled."""
    filled: set[str] = field(default_factory=set)
    """What lies outside of it and is filled by it, by its last name."""
    bound: dict[tuple[str, str], Any] = field(default_factory=dict)
    """What the names of a script or notebook in it stand for, by their places."""
    handed: list[FunctionType] = field(default_factory=list)
    """The functions in it that are not only called: others may ask for their names."""

    def hand(self, *values: Any) -> None:
        """Note functions of the project that are used as values."""
        targets = map(unwrapped, values)
        functions = (each for each in targets if isinstance(each, FunctionType))
        self.handed += filter(is_project, functions)


def fill(unit: Unit, node: ast.AST, names: Mapping[str, Any], module: str) -> "Scope":
    """Note in a unit what the names in a definition refer to, and what it asks for."""
    scope = Scope(unit, names, module, syntax.local_names(node))
    scope.fillings = syntax.fillings(node, scope.local)
    own = (each for each in scope.fillings if each.is_outside or each.attribute)
    unit.filled.update(each.attribute or each.name for each in own)
    only_filled = scope.only_filled = {each.node for each in scope.fillings}
    attributes: set[str] = set()
    given: set[str] = set()
    outside: set[str] = set()
    for inner in ast.walk(node):
        scope.take_question(inner)
        scope.called.update(map(id, getattr(inner, "decorator_list", ())))
        if isinstance(inner, (ast.Import, ast.ImportFrom)):
            scope.take_import(inner)
            given.update(each.name for each in inner.names)
        elif isinstance(inner, ast.Global):
            outside.update(inner.names)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            unit.loaded.update([] if id(inner) in only_filled else [inner.id])
            given.update([] if id(inner) in scope.local else [inner.id])
        elif isinstance(inner, ast.Attribute):
            attributes.add(inner.attr)
            is_common = inner.attr in ("copy", "name")
            if is_common and _chain(inner)[-2:-1] in (["args"], ["params"]):
                unit.names.add(f"args.{inner.attr}")
        elif isinstance(inner, ast.Call):
            scope.called.add(id(inner.func))
            if not inner.args and getattr(inner.func, "attr", "") == "eval":
                scope.textless.update([] if inner.keywords else [id(inner.func)])
            unit.names.update([ANY_NAME] if _asks_by_name(inner) else [])
            unit.names.update([COPIES] if _goes_through_args(inner) else [])
        elif isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name):
            if id(inner.target) not in scope.local:  # a global that is read as well
                scope.resolve(inner.target)
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            unit.names.update({inner.value} - MARKS)
            if not re.search(r"\s", inner.value):  # as `model.depth`, or `{0.depth}`
                unit.names.update(re.findall(r"\w+", inner.value))
    scope.take_imported(outside)
    unit.names |= attributes
    unit.asked |= (ASKS_FIELDS & (attributes | given)) | (attributes & {"type"})
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


def _named_in_texts(node: ast.AST, scope: "Scope") -> list[str]:
    """Return the variables in texts that pandas may evaluate: `query("x > @LEAST")`."""
    nodes = list(ast.walk(node))
    alone = {each.value for each in nodes if isinstance(each, ast.Expr)}  # docstrings
    texts = [getattr(each, "value", None) for each in nodes if each not in alone]
    texts += [scope.value_of(chain)[0] for chain in map(_chain, nodes) if chain]
    found = (re.findall(r"@([^\W\d]\w*)", t) for t in texts if isinstance(t, str))
    return [name for names in found for name in names]


def _asks_by_name(node: ast.Call) -> bool:
    """Return whether an attribute is asked for by a name that is made at run time."""
    asks = isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr")
    return asks and not any(isinstance(n, ast.Constant) for n in node.args[1:2])


def _asks_type(node: Any) -> bool:
    """Return whether it is `type(x)`, but of a constant: `type(None)` is a class."""
    is_type = getattr(getattr(node, "func", None), "id", "") == "type"
    return is_type and not all(isinstance(e, ast.Constant) for e in node.args)


def _goes_through_args(node: ast.Call) -> bool:
    """Return whether a call of others, such as `asdict(record.args)`, reads an argset."""
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    given = (_chain(each)[1:] for each in node.args)
    return name in GO_THROUGH and any(n[-1:] in (["args"], ["params"]) for n in given)


def _without_declaration(node: ast.AST, scope: "Scope") -> ast.AST:
    """Leave out @stage and @aggregate: what they declare enters the key by itself."""
    if not isinstance(node, syntax.FUNCTIONS):
        return node
    own = "curifactory.stages"
    kept = [each for each in node.decorator_list if scope.module_of(each) != own]
    fields = {**dict(ast.iter_fields(node)), "decorator_list": kept}
    return type(node)(**fields)


@dataclass(eq=False, repr=False)
class Scope:
    """Resolves the names in one definition, and notes in its unit what they refer to."""

    unit: Unit
    names: Mapping[str, Any]
    module: str
    local: Collection[int] = ()
    imported: dict[str, Any] = field(default_factory=dict)
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Where what is imported was bound: its module, and its name there."""
    fillings: list[syntax.Filling] = field(default_factory=list)
    only_filled: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    """The nodes that only ask for a class: who makes an argset goes by all of it."""
    called: set[int] = field(default_factory=set)
    """The nodes that are called: nobody asks these for a name."""
    textless: set[int] = field(default_factory=set)
    """Those of them that evaluate no text, though their name says so: `net.eval()`."""

    def module_of(self, decorator: ast.expr) -> str:
        """Return where a decorator was written by others, nothing for one's own."""
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        chain = _chain(target)
        value = self.value_of(chain)[0] if chain else None
        module = got(value, "__module__", None) or ""
        return "" if is_project(sources.module_named(module)) else module

    def _hands_on_class(self, node: ast.AST) -> bool:
        """Return whether a class of the project is given to a function as a value."""
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") == "super":
            return False
        named = [each.value for each in node.keywords if each.arg != "default_factory"]
        given = (n for n in [*node.args, *named] if id(n) not in self.asked)
        chains = map(_chain, given)
        values = (unwrapped(self.value_of(chain)[0]) for chain in chains if chain)
        classes = (each for each in values if isinstance(each, type))
        return any(is_project(each) and not _is_args(each) for each in classes)

    def take_question(self, node: ast.AST) -> None:
        """Note where code asks for the class of something, or for annotations."""
        name = getattr(node, "id", getattr(node, "attr", ""))
        if name in ASKS_CLASS:
            self.unit.names.update((CLASS, name))
        elif isinstance(node, ast.MatchClass):
            self.unit.names.add(CLASS)
            self._take_order(node)
        elif isinstance(node, ast.Compare):
            self._take_compared(node)
        self.asked.update(map(id, _only_asked_for(node)))
        if name in ASKS_ANNOTATIONS and not self._is_own(node):
            self.unit.names.update((ANNOTATIONS, name))
        elif self._hands_on_class(node):
            self.unit.names.add(ANNOTATIONS)

    def _is_own(self, node: ast.AST) -> bool:
        """Return whether it is a variable or a thing of the project that has a name."""
        if getattr(node, "id", "") in ("annotation", "annotations"):
            return True
        value, rest, _ = self.value_of(_chain(node) or [""])
        return not rest and is_project(unwrapped(value))

    def _take_compared(self, node: ast.Compare) -> None:
        """Note the classes of the project that others, as `type(x)`, are compared with."""
        sides: Any = node.left, *node.comparators
        asked = [_chain(e.args[0]) for e in sides if _asks_type(e)]
        if not asked and any(getattr(e, "attr", "") == "__class__" for e in sides):
            return  # which is that of the original
        is_same = isinstance(node.ops[0], (ast.Is, ast.IsNot)) and ["self"] not in asked
        known = (e for e in sides if not (_asks_type(e) or self._is_variable(e)))
        if is_same and asked and not any(known):  # but for an `__eq__`, see `reads`
            self.unit.names.add(SAME)
        named = (each for side in sides for each in getattr(side, "elts", [side]))
        for chain in filter(None, map(_chain, named)):
            value, rest, _ = self.value_of(chain)
            if not rest and isinstance(value, type) and is_project(value):
                self.unit.names.add(SAME + sources.qualified(value))

    def _is_variable(self, node: ast.AST) -> bool:
        return any(id(inner) in self.local for inner in ast.walk(node))

    def _take_order(self, node: ast.MatchClass) -> None:
        """Refer to the order of fields that `case Args("base", seed)` goes by."""
        cls = self.value_of(_chain(node.cls))[0]
        order = got(cls, "__match_args__", ())[: len(node.patterns)]
        if order and is_project(cls):
            name = f"{cls.__qualname__}.__match_args__"
            self.unit.refers.append(Named(cls.__module__, name, order))

    def take_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Follow an import of project code that is written inside a function."""
        for alias in node.names:
            try:
                if isinstance(node, ast.Import):
                    self._bind_module(alias)
                else:
                    self._bind_member(_source_of(node, self.module), alias)
            except Exception as error:
                said = f"{self.unit.label}: import failed, {error}"
                self.unit.unfollowed.append(said)

    def _bind_module(self, alias: ast.alias) -> None:
        if is_local(alias.name):
            top = importlib.__import__(alias.name)
            value = sys.modules[alias.name] if alias.asname else top
            self._bind(alias.asname or alias.name.partition(".")[0], value)

    def _bind_member(self, source: str, alias: ast.alias) -> None:
        if not is_local(source):
            return
        module, names = importlib.import_module(source), [alias.name]
        if alias.name == "*":
            names = getattr(module, "__all__", None) or _public(module)
        elif not hasattr(module, alias.name):
            importlib.import_module(f"{source}.{alias.name}")
        for name in names:
            self._bind(alias.asname or name, getattr(module, name), (source, name))

    def _bind(
        self, name: str, value: Any, place: tuple[str, str] | None = None
    ) -> None:
        """Let a name stand for what is imported; what else it may mean counts, too."""
        before = self.imported.get(
            name, sources.meaning_of(self.names.get(name, value))
        )
        if before is not value:
            self._refer(before, self.places.get(name, (self.module, name)))
        self.imported[name] = value
        self.places[name] = place or (self.module, name)

    def take_imported(self, names: Collection[str]) -> None:
        """Refer to what was imported, by its name, for others to use."""
        for name in (each for each in self.imported if each in names):
            value = self.imported[name]
            self.unit.text += f"{name}={self._refer(value, self.places[name])},"

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
        may_be_it = may_be_it and id(node) not in self.textless
        if may_be_it and {chain[-1], used} & UNFOLLOWED:
            self.unit.unfollowed.append(f"{self.unit.label} uses {used}")
        if is_local and chain[0] not in self.imported:
            return None
        value, rest, holder = self.value_of(chain)
        if value is ABSENT:
            self._take_whole(used)
            return None
        if id(node) not in self.called:
            self.unit.hand(value)
        if id(base) in self.only_filled and type(value) in sources.TABLES:
            # Who reads it refers to it.
            return ".".join(["@", *rest])
        is_used = id(node) not in self.asked
        return ".".join([self._refer(value, holder, is_used=is_used), *rest])

    def value_of(self, chain: list[str]) -> tuple[Any, list[str], tuple[str, str]]:
        """Return the value that a dotted name leads to, and the attributes left over."""
        names = self.imported if chain[0] in self.imported else self.names
        value = sources.meaning_of(names.get(chain[0], ABSENT))
        holder = self.places.get(chain[0], (self.module, chain[0]))
        rest = chain[1:]
        while rest and _is_namespace(value):
            inner = got(value, rest[0], ABSENT)
            if inner is ABSENT:
                break
            holder = got(value, "__module__", value.__name__), rest.pop(0)
            value = inner
        return value, rest, holder

    def _refer(
        self, value: Any, holder: tuple[str, str], *, is_used: bool = False
    ) -> str:
        if holder[0] == "__main__":  # others keep what is theirs, or let go of it
            self.unit.bound[holder] = value
        target = unwrapped(value)
        is_code = isinstance(target, (FunctionType, type, ModuleType))
        is_own = is_code and not isinstance(value, MethodType) and is_project(target)
        if is_own and is_memoized(value):
            self.unit.memoized.append(Memory(value))
        if is_own and (is_used or not _is_args(target)):
            self.unit.refers += [target, *_held(value, holder), *_beside(value, target)]
            self.unit.refers += modules_of(target) if is_used else []
            state = got(value, "__dict__", None)
            kept = value, *(state.values() if type(state) is dict else ())
            is_made = any(isinstance(each, functools.partial) for each in kept)
            is_made = is_made or is_project(type(value))
            if is_made or (sources.is_compiled(value) and _is_assigned(holder)):
                self.unit.refers += [Named(*holder, value, is_text=True)]
            return "@"
        self.unit.refers += _held(value, holder)
        name = self._foreign(value, target, holder)
        if name is not None:
            self.unit.packages.add(name.partition(".")[0])
            if name in UNFOLLOWED:
                self.unit.unfollowed.append(f"{self.unit.label} uses {name}")
            self._take_whole(name)
            return name
        self.unit.refers.append(Named(holder[0], holder[1], value))
        return "@"

    def _take_whole(self, name: str) -> None:
        """Refer to all of the module, where a name gives what is in it by any name."""
        module = sources.module_named(self.module)
        if name in WHOLE and is_project(module):
            self.unit.refers.append(module)

    def _foreign(self, value: Any, target: Any, holder: tuple[str, str]) -> str | None:
        """Return the public name of what others wrote: it holds on every Python."""
        if isinstance(target, ModuleType):
            return target.__name__
        if _is_args(target):
            return sources.qualified(target)
        origin = origin_of(*holder, value)
        own = origin[0] == "__main__" or is_project(sources.module_named(origin[0]))
        own = own or origin[0] not in sys.modules  # of a module that was made by hand
        return None if own else ".".join(origin)


def _is_assigned(holder: tuple[str, str]) -> bool:
    """Return whether a statement of its module binds a name, as `g = jit(g)` does."""
    return syntax.is_assigned(
        sources.tree_in(sources.module_named(holder[0])), holder[1]
    )


def modules_of(value: Any) -> list[Named]:
    """Return what stands for all modules of a package; nothing for other values."""
    is_package = isinstance(value, ModuleType) and "__path__" in vars(value)
    return [Named(value.__name__, ANY_NAME, value)] if is_package else []


def code_of(value: Any) -> list[Any]:
    """Return the code of the project that a value is, with what it holds; if it is any."""
    target = unwrapped(value)
    return [target, *_held_code(value)] if is_project(target) else []


def _held_code(value: Any) -> list[Any]:
    held = map(unwrapped, hashing.held_by(value))
    return [each for each in held if is_project(each)]


def _held(value: Any, holder: tuple[str, str]) -> list[Any]:
    """Return what of the project is in the closure of a function of others."""
    made = any(is_project(type(each)) for each in hashing.held_by(value))
    return _held_code(value) + ([Named(*holder, value, is_text=True)] if made else [])


def _beside(value: Any, target: Any) -> list[Any]:
    """Return what of the project an object of others holds beside what it wraps."""
    found: list[Any] = []
    if value is not target and not hashing.has_rule(value):
        with contextlib.suppress(IdentityError, RecursionError):
            found = hashing.code_in(value, code_of)
    return [each for each in found if each is not target]


def is_memoized(value: Any) -> bool:
    """Return whether a value is a function of the project that keeps its results."""
    has_both = all(hasattr(type(value), n) for n in ("cache_info", "cache_clear"))
    return has_both and isinstance(unwrapped(value), FunctionType)


def _public(module: ModuleType) -> list[str]:
    # Which of its submodules it has depends on what was imported before.
    known = vars(module).items()
    return [n for n, v in known if n[0] != "_" and not isinstance(v, ModuleType)]


def _is_args(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, ExperimentArgs)


def _is_namespace(value: Any) -> bool:
    # Constants of argsets, and members of an enum, count where they are named, one by one.
    is_enum = isinstance(value, enum.EnumMeta) and is_project(value)
    return is_enum or isinstance(value, ModuleType) or _is_args(value)


def is_local(name: str) -> bool:
    """Return whether a module would be imported from the project."""
    spec = sources.spec_of(name)
    folders = (spec and spec.submodule_search_locations) or ()  # perhaps no package
    places = (spec and spec.origin, *folders)
    return any(map(sources.is_project_file, places))


def _chain(node: ast.AST) -> list[str]:
    """Return `["a", "b", "c"]` for `a.b.c`, nothing for other expressions."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def _source_of(node: ast.ImportFrom, module: str) -> str:
    """Return the full name of the module that an import in a module takes names from."""
    package = getattr(sources.module_named(module), "__package__", None) or ""
    return importlib.util.resolve_name("." * node.level + (node.module or ""), package)


def origin_of(module: str, name: str, value: Any) -> tuple[str, str]:
    """Return where a name that modules of the project import was bound first.

    What others wrote goes by the name that it is imported by: where it is defined, and
    whether there is a source, may change with its version. A name that means something
    else by now was bound anew.
    """
    found = sources.module_named(module)
    tree = sources.tree_in(found)
    for node in syntax.imports_from(tree) if is_project(found) else ():
        source = _source_of(node, module)
        for alias in node.names:
            given = name if alias.name == "*" else alias.name
            is_it = name == (alias.asname or given)
            if is_it and got(sys.modules.get(source), given, ABSENT) is value:
                return origin_of(source, given, value)
    return module, name
