"""Plain values, of which nothing but the content counts: argsets share equal ones.

Plain are lists, tuples, sets and dictionaries of numbers and texts, paths, and dataclasses
without rules, or methods for copies, of their own.
"""

import contextlib
import functools
import io
import marshal
import pickle
import sys
from collections.abc import Callable, Hashable, Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NamedTuple, TypeVar

from . import hashing, libraries, pickling, sources
from .errors import IdentityError
from .hashing import PATHS

Found = TypeVar("Found")

FLAT = frozenset({list, tuple, set, frozenset, dict})
LARGE = 4096
"""The bytes of a value for which a digest stands."""
MOST = 100_000, 2**28
"""The most values that are shared, and the most bytes of these."""
OWN_WAYS = ("__setstate__", "__deepcopy__", "__copy__", "__getattr__", "__slots__")
"""Methods with which a class is copied, or read, in a way of its own."""
OF_OBJECT = "__new__ __reduce__ __reduce_ex__ __getstate__ __getattribute__".split()

CODE = frozenset({type, FunctionType, BuiltinFunctionType, ModuleType})
ATOMIC = sources.PLAIN | PATHS | CODE | {complex}
"""Types whose values cannot change, or are never copied."""


def copied(value: Any) -> Any:
    """Return a deep copy of what could change, the value itself otherwise.

    The fields of plain dataclasses are copied one by one: what two of them share is
    copied twice.
    """
    cls: Any = type(value)
    if cls in ATOMIC:
        return value
    if cls in FLAT and ATOMIC.issuperset(map(type, value)):
        if cls is not dict:
            return cls(value)
        if ATOMIC.issuperset(map(type, value.values())):
            return dict(value)
    if not _is_simple(cls):
        if sources.counted_as(value):  # a copy would be compiled anew
            return value
        shared = getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None)
        # Distributions hold the one of the process.
        memo = {} if cls is type(shared) else {id(shared): shared}
        return pickling.deep_copy(value, memo)
    made = cls.__new__(cls)
    vars(made).update({name: copied(each) for name, each in vars(value).items()})
    return made


def uncopied(value: Any, path: str, error: Exception) -> IdentityError:
    """Return what is said of a value that has no copy."""
    hashing.digest(value, path)  # most often this says better what is wrong
    hint = "give a name, path or number instead, and make the object inside a stage"
    said = f"cannot be copied: {type(error).__name__}: {error}"
    return IdentityError(path, said, hint)


class _Writer(pickle.Pickler):
    """Writes plain values: what this is asked for is of no builtin type."""

    classes: list[type]

    def reducer_override(self, value: Any) -> Any:
        cls: Any = type(value)
        if cls in PATHS or _is_simple(cls):
            self.classes.append(cls)
        elif value not in self.classes:  # the class of what was just met
            raise pickle.PicklingError("it is not plain")
        return NotImplemented


class _WriterOfData(_Writer):
    """Writes arrays and frames as well, by their digests, to be compared at once."""

    def reducer_override(self, value: Any) -> Any:
        is_known = all(map(hashing.is_scalar, libraries.objects_in(value)))
        if not (is_known and libraries.is_data(value)):
            return super().reducer_override(value)
        self.classes.append(str)
        return str, (hashing.digest(value),)


@functools.lru_cache(None, typed=True)  # tracked classes equal their own
def _is_simple(cls: Any) -> bool:
    """Return whether instances of a class consist of their fields, and of nothing else."""
    fields: dict[str, Any] = getattr(cls, "__dataclass_fields__", {})
    if not fields or type(cls) is not type or hashing.representations(cls):
        return False
    if any(hasattr(getattr(cls, name, None), "__get__") for name in fields):
        return False
    same = (getattr(cls, n, None) is getattr(object, n, None) for n in OF_OBJECT)
    is_builtin = any(base.__module__ == "builtins" for base in cls.__mro__[:-1])
    return all(same) and not is_builtin and not any(hasattr(cls, n) for n in OWN_WAYS)


sources.known_of_classes += [_is_simple.cache_clear]


def _parts(value: Any) -> dict[Any, Any]:
    """Return what is in a list, tuple or dictionary, or the fields of a dataclass."""
    cls: Any = type(value)
    if cls in (list, tuple):
        return dict(enumerate(value))
    if not _is_simple(cls):
        return value if cls is dict else {}
    fields = cls.__dataclass_fields__  # beside what it has found out itself
    return {name: each for name, each in vars(value).items() if name in fields}


def _is_flat(value: Any) -> bool:
    """Return whether a value is a list, set or dictionary of numbers and texts."""
    cls: Any = type(value)
    if cls not in FLAT or not sources.PLAIN.issuperset(map(type, value)):
        return False
    return cls is not dict or sources.PLAIN.issuperset(map(type, value.values()))


def _marshalled(value: Any) -> Any:
    """Return what a flat value, or a dataclass of such, consists of; None for others."""
    if _is_flat(value):
        return value
    cls: Any = type(value)
    if not _is_simple(cls):
        return None
    fields = vars(value).values()
    is_flat = all(type(each) in sources.PLAIN or _is_flat(each) for each in fields)
    return vars(value) if is_flat else None


def _key(value: Any, kind: type[_Writer] = _Writer) -> Any:
    """Return what equal plain values have in common; None for others."""
    content = _marshalled(value)
    if content is not None:
        # By this version equal values give equal bytes, faster than pickles.
        data, classes = marshal.dumps(content, 0), [type(value)]
    else:
        file = io.BytesIO()
        writer = kind(file, protocol=4)
        writer.classes = []
        try:
            writer.dump(value)
        except Exception:
            return None
        data, classes = file.getvalue(), writer.classes
    size = len(data)
    known = data if size <= LARGE else hashing.hash_bytes(data)
    return size, known, sources.root(), *classes


def are_alike(mine: Any, theirs: Any) -> bool:
    """Return whether two plain values are surely equal, in type and content."""
    key = _key(mine)
    return key is not None and key == _key(theirs)


def differ(mine: Any, theirs: Any) -> bool:
    """Return whether plain values, arrays or frames are surely different.

    Of others nobody can tell: objects keep what they have found out when they were used.
    """
    if mine is theirs:
        return False
    try:
        if libraries.are_surely_equal(mine, theirs) or mine == theirs:
            return False
    except RecursionError:  # it holds itself
        return False
    except Exception:
        pass
    has, had = _parts(mine), _parts(theirs)
    if has and has.keys() == had.keys() and type(mine) is type(theirs):
        return any(differ(has[name], had[name]) for name in has)  # without copies
    key = _key(theirs, _WriterOfData)
    return key is not None and key != _key(mine, _WriterOfData)


class _Shared(NamedTuple):
    """A value that many argsets have, and what was found out about it."""

    value: Any
    known: dict[Hashable, Any]
    is_plain: bool = True


_by_content: dict[tuple[Hashable, ...], _Shared] = {}
_by_id: dict[int, _Shared] = {}


def shared(value: Any) -> Any:
    """Return a copy that nobody may change: the same for all equal values."""
    if (known := _by_id.get(id(value))) is not None and known.value is value:
        return value
    if (found := shared_plain(value)) is not None:
        return found
    return copied(value) if _objects is None else _shared_object(value, _objects)


def shared_plain(value: Any) -> Any:
    """Return the copy that stands for equal plain values; None for others."""
    key = _key(value)
    if key is None:
        return None
    if key not in _by_content:
        _make_room(key[0])
        made = _by_content[key] = _Shared(copied(value), {})
        _by_id[id(made.value)] = made
    return _by_content[key].value


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """Within this, while nobody changes them, equal objects are copied once as well."""
    global _objects
    before, _objects = _objects, {}
    try:
        yield
    finally:
        for _, made in _objects.values():
            _by_id.pop(id(made), None)
        _objects = before


_objects: dict[Hashable, tuple[Any, Any]] | None = None
"""Objects with their copies, by their ids and by what they consist of."""


def _shared_object(value: Any, known: dict[Hashable, tuple[Any, Any]]) -> Any:
    """Return the copy that stands for all objects that are equal to one.

    One with code of the project, or fields that do not count, has a copy of its own.
    """
    if id(value) in known:
        return known[id(value)][1]
    content = None
    with contextlib.suppress(IdentityError, RecursionError):
        if not hashing.code_in(value, _own):
            content = type(value), hashing.digest(value)
    if content is None:
        return copied(value)
    if content not in known:
        made = copied(value)
        known[content] = value, made
        _by_id[id(made)] = _Shared(made, {hashing.digest: content[1]}, False)
        known[id(value)] = known[content]  # not the next ones: they may be let go
    return known[content][1]


def _own(value: Any) -> list[Any]:
    """Return code that may find other things around it later, or leaves fields out."""
    has_rules = isinstance(value, type) and hashing.representations(value)
    return [value] if has_rules or sources.is_project(value) else []


def _make_room(size: int) -> None:
    """Forget all values where they have become too many, or too large."""
    global _size
    _size += size
    if len(_by_content) >= MOST[0] or _size > MOST[1]:
        _by_content.clear()
        _by_id.clear()
        _size = size


_size = 0


def is_fixed(value: Any) -> bool:
    """Return whether nobody can change a value."""
    return type(value) in ATOMIC or _by_id.get(id(value), (None,))[0] is value


def is_object(value: Any) -> bool:
    """Return whether a value is the copy that stands for equal objects, see `sharing`."""
    known = _by_id.get(id(value))
    return known is not None and known.value is value and not known.is_plain


def once(value: Any, key: Hashable, find: Callable[[], Found]) -> Found:
    """Return what `find` tells of a value: found out once, if the value is shared."""
    known = _by_id.get(id(value))
    if known is None or known.value is not value:
        return find()
    if key not in known.known:
        known.known[key] = find()
    found: Found = known.known[key]
    return found


def digest(value: Any, path: str) -> str:
    """Return the digest of a value, see `hashing.digest`."""
    if hashing.is_scalar(value):
        return hashing.digest(value)
    return once(value, hashing.digest, lambda: hashing.digest(value, path))
