"""Canonical digests of Python values: equal for equal values, in every process."""

import builtins
import contextlib
import copyreg
import dataclasses
import enum
import functools
import hashlib
import io
import os
import pathlib
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any, Optional

from . import libraries, sources, syntax
from .errors import IdentityError

SCHEME = 1
"""The version of this scheme; another version shares no digest with this one."""

RULES = "hash_representations"
"""The attribute of a dataclass that says what stands for its fields in digests."""

EXACT = frozenset({type(None), bool, int, str})
"""Types whose values are equal only where they are the same: not so 0.0 and -0.0."""

READING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""How files are opened: a pipe in the place of one is empty, and not waited for."""

PATHS = frozenset({PosixPath, PurePosixPath, PureWindowsPath, WindowsPath})
"""Their own types: others may extend them."""

LONG = 500
"""The bytes of a value whose digest is not kept."""

FUNCTIONS: tuple[Any, ...] = (
    types.FunctionType,
    getattr(functools, "_singledispatchmethod_get", types.FunctionType),
)
"""Since Python 3.14 a bound method that is chosen by type is no function."""

HEAP = 2**9
"""The flag of classes that were not written in C (Py_TPFLAGS_HEAPTYPE), as those of
generators and views are."""

FIELDS = (
    "__attrs_attrs__ __dataclass_fields__ __members__ __pydantic_fields__ "
    "__struct_defaults__ __struct_fields__ _field_defaults _fields"
).split()
"""Where classes of several kinds say what their fields are."""

SHARED = 9
"""The references to an object, those of a walk itself included, that several have."""

Opaque = Callable[[object], list[Any]]
Rule = Callable[["_Walk", Any, str], None]
Representation = Callable[[Any, Any], object]


def digest(
    value: object,
    path: str = "value",
    opaque: Opaque | None = None,
    found: list[Any] | None = None,
    *,
    may_be_cyclic: bool = False,
) -> str:
    """Return 32 hexadecimal digits that depend on type and content alone.

    Where `opaque` gives code for a function, class or module, its name does not
    count: what was given is added to `found`, for the caller to take into account.
    Raises IdentityError, with the path, for what has no identity: open files,
    generators, locks, and values that contain themselves unless they may.
    """
    if opaque is None and type(value) in _SCALARS:
        is_kept = type(value) in EXACT and sys.getsizeof(value) < LONG
        return (_known_digest if is_kept else _scalar_digest)(value)
    walk = _Walk(opaque, may_be_cyclic)
    try:
        walk.add(value, path)
    except RecursionError:
        hint = "declare a simpler value, and build the object inside a stage"
        raise IdentityError(path, "is nested too deeply", hint) from None
    if found is not None:
        found += walk.code
    return hash_bytes(b"".join(walk.parts))


def code_in(value: object, opaque: Opaque) -> list[Any]:
    """Return the code that `opaque` gives for what is in a value, as `digest` finds it."""
    walk = _Walk(opaque, may_be_cyclic=False)
    walk.parts = _Nothing()
    walk.add(value, "value")
    return walk.code


class _Nothing(list[bytes]):
    """The parts of a walk for code alone: they may be large, and are not made."""

    def append(self, part: bytes) -> None:
        pass

    def extend(self, parts: Iterable[bytes]) -> None:
        pass


def _scalar_digest(value: object) -> str:
    tag, encode = _SCALARS[type(value)]
    return hash_bytes(_short(tag) + _encoded(encode(value)))


_known_digest = functools.lru_cache(50_000, typed=True)(_scalar_digest)


def has_rule(value: object) -> bool:
    """Return whether it is known what makes values of this type equal."""
    rule = _SCALARS.get(type(value)) or _RULES.get(type(value)) or _inherited(value)
    return rule is not _reduced


def is_scalar(value: object) -> bool:
    """Return whether a value is a number, a text or the like: it refers to nothing."""
    return type(value) in _SCALARS


def hash_bytes(data: bytes) -> str:
    """Return the digest of raw bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def hash_text(*texts: str) -> str:
    """Return the digest of a sequence of texts."""
    joined = "".join([f"{len(text)}:{text}" for text in texts])
    return hash_bytes(joined.encode("utf-8", "surrogatepass"))


def hash_file(path: pathlib.Path | str) -> str:
    """Return the digest of the bytes of a file, or of the names in a folder.

    Raises OSError where it cannot be read: that is not the digest of an empty one.
    """
    if os.path.isdir(path):
        return hash_text(*sorted(_listed(path)))
    state = hashlib.blake2b(digest_size=16)
    with open(os.open(path, READING), "rb", buffering=0) as file:
        while block := file.read(2**20):
            state.update(block)
    if block is None:  # of a pipe at work, or a file that is still being fetched
        raise BlockingIOError(f"{path} gives nothing yet")
    return state.hexdigest()


def names_in(path: pathlib.Path | str) -> frozenset[str]:
    """Return the names in a folder that count; none where there is no folder."""
    with contextlib.suppress(OSError):
        return _listed(path)
    return frozenset()


def _listed(path: pathlib.Path | str) -> frozenset[str]:
    names = os.listdir(path)
    return frozenset(n for n in names if n[0] != "." and n != "__pycache__")


class _Walk:
    """One digest in the making: the parts to hash, and the objects on the way down."""

    def __init__(self, opaque: Opaque | None, may_be_cyclic: bool) -> None:
        self.parts: list[bytes] = []
        self.opaque = opaque
        self.code: list[Any] = []
        self.may_be_cyclic = may_be_cyclic
        self._active: dict[int, int] = {}
        """How deep each object lies that is on the way."""
        self._shared: dict[int, tuple[Any, bytes, list[Any]]] = {}
        """Each object that many refer to, which lives as long as this, and its encoding."""
        self._circles = 0
        self._met: dict[Any, int] = {}

    def tag(self, *texts: str) -> None:
        self.parts.extend(map(_encoded, texts))

    def add(self, value: Any, path: str, *, is_owner: bool = False) -> None:
        scalar = _SCALARS.get(type(value))
        if scalar is not None:
            self.tag(scalar[0], self.placed(scalar[1](value)))
            return
        depth = len(self._active)
        if id(value) in self._active and (self.may_be_cyclic or is_owner):
            self._circles += 1
            self.tag("around", str(depth - self._active[id(value)]))
            return
        if id(value) in self._active:
            hint = (
                "give its settings instead and make the object inside a stage, or declare "
                "what stands for it: parameter(represent=...)"
            )
            raise IdentityError(path, "contains itself", hint)
        known = self._shared.get(id(value))
        # Of what was kept without an encoding, an order may need it now.
        if known is not None and (known[1] or isinstance(self.parts, _Nothing)):
            self.parts.append(known[1])
            self.code += known[2]
            return
        before = len(self.parts), len(self.code), self._circles
        self._active[id(value)] = depth
        try:
            (_RULES.get(type(value)) or _rule_for(value))(self, value, path)
        except (IdentityError, RecursionError):
            raise
        except Exception as error:  # of a library, or of a class that lacks something
            raise _without_identity(value, path, error) from error
        del self._active[id(value)]
        if sys.getrefcount(value) > SHARED:
            self._keep(value, *before)

    def _keep(self, value: Any, start: int, code: int, circles: int) -> None:
        """Keep the encoding of what many may refer to: in a circle, it has several."""
        if self._circles > circles:
            return
        encoded = b"".join(self.parts[start:])
        self.parts[start:] = [encoded]
        self._shared[id(value)] = value, encoded, self.code[code:]

    def add_if_possible(self, value: Any, path: str) -> bool:
        """Add a value and return True; nothing of it, where it has no identity."""
        before = self.parts, self.code, dict(self._active)
        try:
            data, code = self._encoded((value,), path)
        except IdentityError:
            self.parts, self.code, self._active = before
            return False
        self.parts.append(data)
        self.code += code
        return True

    def reduce(self, value: Any, path: str) -> None:
        """Add a value by its class and state, as any object without a rule."""
        _reduced(self, value, path)

    def met_as(self, value: Any) -> int | None:
        """Return which of those that this was asked of a value is; None for a new one."""
        self._circles += 1  # the next time it has another encoding
        number = self._met.get(value)
        self._met.setdefault(value, len(self._met))
        return number

    def placed(self, text: str) -> str:
        """Return a text; in code, a path without the place of the project: it may move."""
        return text if self.opaque is None else sources.placed(text)

    def hides(self, value: object) -> bool:
        """Return whether the caller takes a function, class or module into account."""
        targets = self.opaque(value) if self.opaque is not None else []
        self.code += targets
        return bool(targets)

    def unordered(self, tag: str, items: list[tuple[str, tuple[Any, ...]]]) -> None:
        """Add encodings in an order that depends on nothing but themselves.

        The code in them follows in the same order: which belongs to which counts.
        """
        encoded = [self._encoded(each, path) for path, each in items]
        encoded.sort(key=_by_content if self.opaque is not None else None)
        self.parts.append(b"%s%d{" % (tag.encode(), len(items)))
        self.parts.extend([data for data, _ in encoded])
        self.parts.append(b"}")
        for _, code in encoded:
            self.code += code

    def _encoded(self, values: tuple[Any, ...], path: str) -> tuple[bytes, list[Any]]:
        outer, self.parts, self.code = (self.parts, self.code), [], []
        for each in values:
            self.add(each, path)
        inner = b"".join(self.parts), self.code
        self.parts, self.code = outer
        return inner


def _by_content(encoded: tuple[bytes, list[Any]]) -> tuple[bytes, list[str]]:
    return encoded[0], [sources.qualified(each) for each in encoded[1]]


def _encoded(text: str) -> bytes:
    return _short(text) if len(text) < 40 else _sized(text)


def _sized(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return b"%d:%b" % (len(data), data)


_short = functools.lru_cache(10_000)(_sized)


def _sequence(walk: _Walk, value: Any, path: str) -> None:
    walk.tag(type(value).__name__, str(len(value)))
    kinds = set(map(type, value))
    if len(kinds) == 1 and kinds <= _SCALARS.keys():  # very many, perhaps
        tag, encode = _SCALARS[kinds.pop()]
        start, texts = _short(tag), map(encode, value)
        texts = map(sources.placed, texts) if walk.opaque is not None else texts
        walk.parts.extend(start + _sized(text) for text in texts)
        return
    for index, item in enumerate(value):
        walk.add(item, f"{path}[{index}]")


def _set(walk: _Walk, value: Any, path: str) -> None:
    walk.tag(sources.qualified(type(value)))
    walk.unordered("set", [(f"{path}{{...}}", (item,)) for item in value])


def _dict(walk: _Walk, value: Any, path: str) -> None:
    items = [(f"{path}[{key!r}]", (key, item)) for key, item in value.items()]
    walk.unordered("dict", items)


def _read_only(walk: _Walk, value: types.MappingProxyType[Any, Any], path: str) -> None:
    walk.tag("read-only")
    walk.add(dict(value), path)


def _union(walk: _Walk, value: Any, path: str) -> None:
    """`int | None` and `Optional[int]` are of one type since Python 3.14."""
    walk.tag("union")
    walk.add(value.__args__, path)


def _function(walk: _Walk, value: Any, path: str) -> None:
    if walk.hides(value):
        walk.tag("code")
        _bound_to(walk, value, path)
    elif "<" in value.__qualname__:
        _nameless(walk, value, path)
    else:
        walk.tag("function", sources.qualified(value))
        if _is_executed(value):
            _compiled(walk, value, path)
        for each in held_by(value):
            walk.hides(each)


def _is_executed(value: Any) -> bool:
    """Return whether `exec` has made a function or class: no source is to be found."""
    if isinstance(value, types.FunctionType):
        names, has_file = value.__globals__, value.__code__.co_filename[:1] != "<"
        module = sys.modules.get(names.get("__name__", ""))
        if getattr(module, "__dict__", None) is names:  # dataclasses make methods so
            is_function = value.__name__ == value.__qualname__
            return not has_file and is_function and sources.is_project(module)
        return not has_file or "__name__" not in names
    if value.__module__ != "builtins" or not value.__flags__ & HEAP:
        return False
    return getattr(builtins, value.__name__, None) is not value


def _compiled(walk: _Walk, value: types.FunctionType, path: str) -> None:
    """Without a source the compiled code counts, and what the names in it stand for."""
    walk.tag(repr(syntax.essence(value.__code__)))
    for name in sorted({n for c in syntax.codes(value.__code__) for n in c.co_names}):
        each = value.__globals__.get(name, value)
        if each is not value and not isinstance(each, types.BuiltinFunctionType):
            walk.tag(name)
            walk.add_if_possible(each, f"{path}.{name}")


def _bound_to(walk: _Walk, value: Any, path: str) -> None:
    """A function that others have made may be a method of an object in its closure."""
    if not sources.is_project(value):
        for name, each in closure(value).items():
            if sources.is_project(type(each)):
                walk.add_if_possible(each, f"{path}.{name}")


def held_by(value: Any) -> list[Any]:
    """Return what a function of others holds: what it wraps, or a table to choose from."""
    if sources.is_project(value) or type(value) not in FUNCTIONS:
        return []
    own = vars(value) if isinstance(value, types.FunctionType) else {}
    holds = [*closure(value).values(), *own.values()]
    tables = (dict, types.MappingProxyType)
    return [e for h in holds for e in (h.values() if isinstance(h, tables) else [h])]


def _nameless(walk: _Walk, value: Any, path: str) -> None:
    """A lambda or inner function counts by syntax tree, defaults and closure."""
    node = syntax.find_function(value.__code__)
    if node is None:
        hint = "define it with `def` at the top level of a module of the project"
        raise IdentityError(path, f"{value!r} has no source to go by", hint)
    walk.tag("lambda", syntax.dump(node, named=False))
    walk.add((value.__defaults__, value.__kwdefaults__), path)
    bound = closure(value)
    for name in value.__code__.co_freevars:
        walk.tag(name)
        if bound.get(name, value) is not value:
            walk.add(bound[name], f"{path}.{name}")


def closure(function: Any) -> dict[str, Any]:
    """Return what the names from around a function mean, as far as they are bound."""
    if not isinstance(function, types.FunctionType):
        found = {"cls": function._cls, "obj": function._obj}
        return {**found, "__wrapped__": function.__wrapped__}
    bound = {}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        with contextlib.suppress(ValueError):  # not bound yet
            bound[name] = cell.cell_contents
    return bound


def _class(walk: _Walk, value: type, path: str) -> None:
    walk.tag("class", "" if walk.hides(value) else sources.qualified(value))
    if not sources.known_as(value):  # others may have its name
        for name in FIELDS:
            if (member := sources.got(value, name, None)) is not None:
                walk.tag(name)
                walk.add_if_possible(member, f"{path}.{name}")
    if _is_executed(value):
        for name, member in sorted(vars(value).items()):
            if type(member) in _SCALARS or isinstance(member, types.FunctionType):
                walk.tag(name)
                walk.add_if_possible(member, f"{path}.{name}")


def _module(walk: _Walk, value: types.ModuleType, path: str) -> None:
    walk.tag("module", "" if walk.hides(value) else value.__name__)


def _builtin(walk: _Walk, value: Any, path: str) -> None:
    walk.tag("builtin", sources.qualified(value))
    owner = getattr(value, "__self__", None)
    if owner is not None and not isinstance(owner, types.ModuleType):
        walk.add(owner, f"{path}.__self__")


def _method(walk: _Walk, value: Any, path: str) -> None:
    """An object may hold its own: it is no circle of data."""
    walk.tag("method")
    walk.add(value.__func__, path)
    walk.add(value.__self__, f"{path}.__self__", is_owner=True)


def _enum(walk: _Walk, value: enum.Enum, path: str) -> None:
    """A member counts by itself: others may join it. The code of its class counts."""
    cls = type(value)
    walk.tag("enum")
    if not isinstance(value, enum.Flag):  # of several, Pythons make different names
        walk.tag(str(value._name_))
    if walk.opaque is None or not walk.opaque(cls):
        walk.add(cls, path, is_owner=True)
    else:
        walk.tag(cls.__qualname__)
        for base in cls.__mro__:
            if not issubclass(base, enum.Enum):
                walk.hides(base)
                continue
            own = {**vars(base), "_new_member_": None}  # since 3.11 under two names
            for _, each in sorted(own.items()):
                inner = getattr(each, "fget", None) or getattr(each, "__func__", each)
                if not isinstance(inner, enum.Enum):
                    walk.hides(inner)
        for name, each in given_to(value):
            walk.tag(name)
            walk.add_if_possible(each, f"{path}.{name}")
    walk.add(value.value, path)


def given_to(value: enum.Enum) -> Iterator[tuple[str, Any]]:
    """Yield what a member has beside its value, but what it keeps for itself."""
    for name, each in sorted(vars(value).items()):
        counts = name[0] != "_" or isinstance(each, types.FunctionType)
        if counts and not _is_lazy(value, name):
            yield name, each


def _is_lazy(value: object, name: str) -> bool:
    """Return whether an attribute is a property that was computed once, and kept."""
    return isinstance(getattr(type(value), name, None), functools.cached_property)


def _exception(walk: _Walk, value: BaseException, path: str) -> None:
    """Not as pickle has it: libraries change that for the whole process."""
    walk.tag("exception")
    walk.add(type(value), path)
    walk.add(value.args, f"{path}.args")
    walk.add(vars(value), path)


def _path(walk: _Walk, value: pathlib.PurePath, path: str) -> None:
    walk.tag("path", walk.placed(value.as_posix()))


def _dataclass(walk: _Walk, value: Any, path: str) -> None:
    walk.add(value.__class__, path)  # a tracked one says whose it is
    declared = {field.name for field in dataclasses.fields(value)}
    found, own = list(counted(value, path)), libraries.own_names(value.__class__)
    for name in getattr(value, "__dict__", {}):
        if name not in declared and not _is_lazy(value, name) and name not in own:
            found.append((name, getattr(value, name, None)))
    walk.unordered("fields", [(f"{path}.{n}", (n, each)) for n, each in found])


def counted(value: Any, path: str, but: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields that enter a digest, each with what stands for its value."""
    rules = representations(value.__class__)
    for name in field_names(value.__class__):
        if name == but:
            continue
        if name not in rules:
            yield name, getattr(value, name, None)
        elif rules[name] is not None:
            yield name, represented(value, name, f"{path}.{name}")


@functools.cache
def field_names(cls: Any) -> tuple[str, ...]:
    """Return the names of the fields: what a class declares for itself is none."""
    if not dataclasses.is_dataclass(cls):  # of argsets, that is `ExperimentArgs` itself
        return ("name",)
    return tuple(e.name for e in dataclasses.fields(cls) if e.name != RULES)


def represented(owner: Any, name: str, path: str) -> Any:
    """Return what stands for the value of a field in digests."""
    rule, value = representations(owner.__class__).get(name), getattr(owner, name)
    if rule is None:
        return value
    try:
        return rule(owner, value)
    except Exception as error:
        hint = f"mend the function that is declared to represent {name}"
        said = f"its representation failed: {type(error).__name__}: {error}"
        raise IdentityError(path, said, hint) from error


def is_operational(cls: type, name: str) -> bool:
    """Return whether a field is declared to count for nothing."""
    return representations(cls).get(name, name) is None


@functools.cache
def representations(cls: type) -> dict[str, Representation | None]:
    """Return what is declared to stand for fields; None for those that do not count."""
    fields = getattr(cls, "__dataclass_fields__", {})
    found: dict[str, Representation | None] = {}
    for name, field in fields.items():
        if "represent" in field.metadata:
            found[name] = _of_value(field.metadata["represent"])
        if field.metadata.get("operational"):
            found[name] = None
    if RULES in fields:
        return {**found, **declared(fields[RULES]), RULES: None}
    return {**found, **getattr(cls, RULES, {})}


sources.known_of_classes += [field_names.cache_clear, representations.cache_clear]


def declared(field: "dataclasses.Field[Any]") -> dict[str, Representation | None]:
    """Return what the field `hash_representations` holds in every instance."""
    if field.default_factory is not dataclasses.MISSING:
        return dict(field.default_factory())
    made: Any = field.default
    return dict(made() if callable(made) else made)


def _of_value(function: Callable[[Any], object]) -> Representation:
    return lambda owner, value: function(value)


def _reduced(walk: _Walk, value: Any, path: str) -> None:
    """Any other object: its class, and what it says of its state for pickling."""
    if name := sources.counted_as(value):
        _global(walk, value, name, path)
        return
    try:
        reduce = copyreg.dispatch_table.get(type(value))
        state = reduce(value) if reduce else value.__reduce_ex__(4)
    except Exception as error:
        raise _without_identity(value, path, error) from None
    if isinstance(state, str):
        _global(walk, value, state, path)
        return
    build, arguments, *rest = state
    inner, items, pairs = (list(rest) + [None] * 3)[:3]
    if inner is value and isinstance(value, dict):  # which gives its items as well
        inner = None
    walk.tag("object")
    walk.add(type(value), path)
    walk.add(build, path)
    walk.add(tuple(arguments), path)
    _state(walk, value, _undecorated(inner), path)
    walk.add(list(items or ()), path)
    ordered = isinstance(value, OrderedDict)
    walk.add(list(pairs or ()) if ordered else dict(pairs or ()), path)


def _state(walk: _Walk, value: object, state: Any, path: str) -> None:
    """Without properties that were computed once, where these hold the object itself.

    Others count: they may be set by hand.
    """
    names = state if type(state) is dict else ()
    lazy = {name for name in names if _is_lazy(value, str(name))}
    if not lazy:
        walk.add(state, path)
    elif not walk.add_if_possible(state, path):
        kept = {name: state[name] for name in names if name not in lazy}
        walk.add(kept or None, path)


def _undecorated(state: Any) -> Any:
    """Return a state without what an object has only to look like what it wraps, and
    without the version of its library, as those of scikit-learn have it."""
    if isinstance(state, tuple):
        return tuple(map(_undecorated, state))
    if isinstance(state, dict) and "_sklearn_version" in state:
        return {n: each for n, each in state.items() if n != "_sklearn_version"}
    if not isinstance(state, dict) or "__wrapped__" not in state:
        return state
    kept = {n for n in state if n == "__wrapped__" or str(n)[:2] != "__"}
    return {name: state[name] for name in kept}


STANDS_FOR = ("__value__", "__supertype__", "__bound__", "__constraints__")
"""Where the name of a type keeps what it stands for."""


def _global(walk: _Walk, value: Any, name: str, path: str) -> None:
    """What pickle finds again by its name; a ufunc has no module, and may have no name."""
    if walk.hides(value):
        walk.tag("global", "")
        return
    walk.hides(type(value))
    module = sources.got(value, "__module__", None) or sources.qualified(type(value))
    if not name.rpartition(".")[2].isidentifier():
        raise _without_identity(value, path, ValueError(f"{name} is no name"))
    is_type = type(value).__module__ == "typing"
    is_movable = walk.opaque is not None and is_type
    walk.tag("global", name if is_movable else f"{module}.{name}")
    for each in STANDS_FOR if is_type else ():
        walk.add(sources.got(value, each, None), path)


def _without_identity(value: Any, path: str, error: Exception) -> IdentityError:
    if isinstance(value, io.IOBase):
        hint = "give its path instead, and open it inside a stage"
        return IdentityError(path, "an open file has no identity", hint)
    if isinstance(value, Iterator):
        hint = "give a list instead, or make it inside a stage"
        return IdentityError(path, f"a {type(value).__name__} has no identity", hint)
    kind = sources.qualified(type(value)).removeprefix("builtins.")
    hint = "give a name, path or number instead, and make the object inside a stage"
    return IdentityError(path, f"a {kind} has no identity ({error})", hint)


def _rule_for(value: Any) -> Rule:
    """Return the rule for a type that has none of its own."""
    rule, cls = _inherited(value), type(value)
    is_derived = rule in _CLASSLESS and sources.package_of(cls) not in _OWNERS
    return functools.partial(_derived, rule) if is_derived else rule


def _derived(rule: Rule, walk: _Walk, value: Any, path: str) -> None:
    """What extends a type that has a rule counts by its class, and all it adds, too."""
    rule(walk, value, path)
    walk.add(type(value), path)
    # Pandas keeps much else in the instance, and tells what is the user's.
    kept = getattr(value, "_comparables", getattr(value, "__dict__", ()))  # of an index
    kept = getattr(value, "_metadata", kept)
    walk.add({name: getattr(value, name, None) for name in kept}, path)


def _inherited(value: Any) -> Rule:
    cls = type(value)
    for base, rule in _BASES:
        if issubclass(cls, base):
            return rule
    if dataclasses.is_dataclass(cls) and not issubclass(cls, (list, tuple, dict)):
        return _dataclass
    names = libraries.names_of(cls)
    for name, rule in libraries.RULES.items():
        if name in names:
            return rule
    return _reduced


_SCALARS: dict[type, tuple[str, Callable[[Any], str]]] = {
    type(None): ("none", repr),
    bool: ("bool", repr),
    int: ("int", hex),
    float: ("float", repr),
    complex: ("complex", repr),
    str: ("str", str),
    bytes: ("bytes", lambda value: value.hex()),
    bytearray: ("bytearray", lambda value: value.hex()),
    type(Ellipsis): ("ellipsis", repr),
    type(NotImplemented): ("notimplemented", repr),
    **dict.fromkeys(PATHS, ("path", pathlib.PurePath.as_posix)),
}
_RULES: dict[type, Rule] = {
    list: _sequence,
    tuple: _sequence,
    set: _set,
    frozenset: _set,
    dict: _dict,
    **dict.fromkeys(FUNCTIONS, _function),
    **dict.fromkeys((types.UnionType, type(Optional["int"])), _union),
    types.BuiltinFunctionType: _builtin,
    types.MethodType: _method,
    types.ModuleType: _module,
    types.MappingProxyType: _read_only,
}
_BASES: list[tuple[type, Rule]] = [
    (type, _class),
    (enum.Enum, _enum),
    (pathlib.PurePath, _path),
    (BaseException, _exception),
    (set, _set),
    (frozenset, _set),
]
_CLASSLESS = {_path, _set, *libraries.CLASSLESS}
_OWNERS = frozenset(
    "builtins fractions numpy pandas pathlib polars scipy torch zoneinfo".split()
)


def count_as(cls: type, value: Any) -> None:
    """Let the objects of a class count as what they stand for."""
    _RULES[cls] = lambda walk, _, path: walk.add(value, path)
