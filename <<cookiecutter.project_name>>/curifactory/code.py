"""The code behind a stage: everything of the project that it can reach, as a digest."""

import contextlib
import enum
import functools
import importlib
import itertools
import marshal
import operator
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any, NamedTuple

from . import classes, hashing, plain, scope, sources, units
from .errors import IdentityError, RequestError
from .scope import Named, Unit, code_of
from .sources import unwrapped


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
    values: tuple[Any, ...] = ()
    """The classes in it, and the functions that are used as values: they have names."""


DEEP = 3000
"""How many calls of functions may lie in one another while code is followed."""
MANY = 1000
"""Of how many values a table is data, which is not looked at for each call."""
_TURN = threading.RLock()
Units = dict[object, tuple[object, Unit]]
_units: Units = {}
_codes: dict[tuple[int, ...], tuple[object, Code]] = {}
_plain: dict[tuple[str, str], object] = {}
"""The plain constants in the code that was followed, by their places."""
_bound: dict[tuple[str, str], object] = {}
"""What the names of a script or notebook stand for in that code."""
_filled: set[str] = set()
"""The names of what that code fills itself, as tables in which it keeps results."""
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
        sources.look_anew()
        _units.clear()
        _codes.clear()
        _plain.clear()
        _bound.clear()
        _filled.clear()
    key = tuple(id(root) for root in roots)
    if not opened.keys().isdisjoint(key):
        return _reach(roots, {})
    if key not in _codes:
        _codes[key] = roots, _reach(roots, _units)
    return _codes[key][1]


def edition() -> tuple[tuple[int, int], int, int]:
    """Return what changes when code may have: a cell of a notebook, a module that was
    executed again, another manager."""
    return cell() if "IPython" in sys.modules else NOWHERE, sources.reloads, _looks


NOWHERE = 0, 0


def cell() -> tuple[int, int]:
    """Return the number of the cell that is executed, and of those so far; 0 elsewhere.

    Between two cells, as for a button, older releases have the number of the next one.
    """
    ask = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = ask() if ask else None
    so_far = getattr(shell, "user_ns", {}).get("In")
    number = len(so_far) if isinstance(so_far, list) else 0  # a cell may use the name
    return int(getattr(shell, "execution_count", 0)), number


def look_anew() -> None:
    """Let the code be looked at once more: others may have set what is in modules."""
    global _looks
    _looks += 1


def set_since(*, counts_filled: bool = True) -> str:
    """Return a plain constant that was set since code was followed; "" without one."""
    for place, value in list(_plain.items()):
        is_asked = counts_filled or place[1].rpartition(".")[2] not in _filled
        now = _content(_at(*place)) if is_asked else value
        if value is not now and (type(value) is not type(now) or value != now):
            return ".".join(place)
    for place, value in list(_bound.items()) if counts_filled else ():
        if _at(*place) is not value:
            return ".".join(place)
    return ""


def _at(module: str, qualname: str) -> Any:
    """Return what `named` does, at once for what a module has itself: there is much."""
    if "." in qualname:
        return named(module, qualname)
    return getattr(sys.modules.get(module), qualname, None)


def _content(value: Any, depth: int = 5) -> object:
    """Return what tells a constant from another one; what is in tables may be set."""
    kind = type(value)
    if kind in sources.PLAIN:
        return value
    if not depth or (kind is not tuple and kind not in sources.TABLES):
        return kind, id(value)  # others may refuse to be compared
    if len(value) >= MANY:
        return kind, len(value)
    inner = [*itertools.chain(*value.items())] if kind is dict else [*value]
    if sources.PLAIN.issuperset(map(type, inner)):  # arrays would be copied
        return kind, marshal.dumps(inner, 2)
    return kind, *(_content(each, depth - 1) for each in inner)


def check_unset() -> None:
    """Refuse constants that were set between calls: these would all see the last one."""
    if name := set_since(counts_filled=False):
        said = f"{name} was set after a stage was called that it counts for"
        raise RequestError(said, "make it a field of the argset, which a stage reads")


def take_as_set() -> None:
    """Let the constants be what they are: stages have set them, and may do so."""
    _plain.update({place: _content(_at(*place)) for place in _plain})
    _bound.update({place: _at(*place) for place in _bound})


def open_in(found: Iterable[Any]) -> list[Any]:
    """Return the functions and classes that may find other things around them later.

    From now on, these are looked at anew each time.
    """
    made = [each for each in found if _may_change(each, set())]
    for each in made:
        gone = functools.partial(opened.pop, id(each))
        opened[id(each)] = weakref.ref(each, gone)
    return made


opened: dict[int, weakref.ref[Any]] = {}
"""These functions and classes, by their ids, as long as somebody has them."""


def _may_change(value: Any, known: set[int]) -> bool:
    """Return whether others may change a value, or what it finds around it."""
    if isinstance(value, type):
        return "<locals>" in value.__qualname__
    if type(value) in (tuple, frozenset):
        return any(_may_change(each, known) for each in value)
    if isinstance(value, enum.Enum):
        return _may_change(type(value), known)
    if id(value) in known or sources.known_as(value):
        return False
    if not isinstance(value, FunctionType):
        return type(value) not in plain.ATOMIC
    known.add(id(value))
    if any(number > _ALONE for number in _holders(value)):
        return True
    held = [*hashing.closure(value).values(), *units.default_values(value)]
    return any(_may_change(each, known) for each in held)


def _holders(function: Any) -> list[int]:
    """Return how many hold each variable of a closure: those may set it."""
    return [sys.getrefcount(cell) for cell in function.__closure__ or ()]


_ALONE = max(_holders((lambda value: lambda: value)(0)))
"""What is counted where no function that is at work, or a generator, has it as well."""


def loaded() -> dict[str, str]:
    """Return the digest of each file of the project that was loaded, by its path in it."""
    texts = sources.loaded().items()
    return {path: hashing.hash_text(text) for path, text in texts}


def project_callables(value: object, path: str) -> tuple[list[Any], str]:
    """Return functions and classes of the project in a value, and its digest but them."""
    found: list[Any] = []
    shape = hashing.digest(value, path, code_of, found)
    return found, shape


def callables_in(value: object) -> list[Any]:
    """Return functions and classes of the project in a value; none where that is unknown.

    They are found once if it is shared.
    """

    def find() -> list[Any]:
        with contextlib.suppress(IdentityError, RecursionError):
            return hashing.code_in(value, code_of)
        return []

    return plain.once(value, callables_in, find)


def named(module: str, qualname: str) -> Any:
    """Return what has this name in a module, or the module where there is none.

    None where that is not so any more, or cannot be imported.
    """
    try:
        found = importlib.import_module(module)
        return functools.reduce(getattr, filter(None, qualname.split(".")), found)
    except Exception:
        return None


def text_beside(package: str) -> str:
    """Return the text of a package that no installer has put in its place, else nothing."""
    module = sys.modules.get(package)
    if module is None or sources.is_installed(module):
        return ""
    return units.of_package(module).text


@contextlib.contextmanager
def _going_deep() -> Iterator[None]:
    """Follow long functions: each branch of an `elif` lies in the one before.

    One thread after the other: where the limit sinks below one, Python itself ends.
    """
    with _TURN:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, DEEP))
        try:
            yield
        finally:
            sys.setrecursionlimit(before)


@_going_deep()
def _reach(roots: Iterable[Any], own: Units) -> Code:
    """Return what roots reach; `own` has the units of what others may change."""
    numbers: dict[object, int] = {}
    waiting: deque[Any] = deque()
    found: list[Unit] = []
    kinds: list[type] = []
    names: set[str] = set()
    asked: set[str] = set()

    def number(target: Any) -> str:
        key = _key(target)
        if key not in numbers:
            numbers[key] = len(numbers)
            waiting.append(target)
        return str(numbers[key])

    lines = [",".join(map(number, roots))]
    while waiting:
        target = waiting.popleft()
        unit = _unit(target, own)
        found.append(unit)
        names |= unit.names
        asked |= unit.asked
        kinds += [target] if isinstance(target, type) else []
        lines.append(unit.text + "|" + ",".join(number(each) for each in unit.refers))
        # One part may get fields from another.
        is_typed = "type" in asked and not asked.isdisjoint(scope.ASKS_FIELDS)
        if not waiting and (is_typed or scope.ANNOTATIONS in names):
            is_asked = not names.isdisjoint(scope.ASKS_ANNOTATIONS)
            annotated = [*kinds, *(_functions_in(found, kinds) if is_asked else ())]
            given = (Named("", scope.ANNOTATIONS, each) for each in annotated)
            lines.append(",".join(map(number, given)))
        if not waiting and scope.SUBCLASSES in names:
            lines.append(",".join(map(number, units.extending(kinds))))
    values = *kinds, *(each for unit in found for each in unit.handed)
    lines += _names_asked_for(values, names)
    texts: dict[str, list[str]] = {}
    for unit in found:  # an object and what it was made of may have one name
        texts.setdefault(unit.label, []).append(unit.text)
    parts = {label: hashing.hash_text(*said) for label, said in texts.items()}
    return Code(
        hashing.hash_text(*lines),
        parts,
        tuple(sorted({each for unit in found for each in unit.unfollowed})),
        tuple(sorted(set().union(*(unit.packages for unit in found)))),
        frozenset(names),
        tuple({id(each): each for each in _keeping(found, names, own)}.values()),
        values,
    )


def _functions_in(found: list[Unit], kinds: list[type]) -> list[FunctionType]:
    """Return the functions and methods whose annotations code may ask for."""
    handed = [each for unit in found for each in unit.handed]
    return handed + [each for cls in kinds for each in classes.methods(cls)]


def _names_asked_for(values: Iterable[Any], names: set[str]) -> list[str]:
    """Return the names of classes, and of functions that are values, for code that asks."""
    if names.isdisjoint(scope.ASKS_NAME):
        return []
    is_placed = "__module__" in names
    said = sources.qualified if is_placed else operator.attrgetter("__qualname__")
    # Results from before names in fields were read do not count.
    return ["names", *map(said, values)]


def _keeping(found: list[Unit], names: set[str], own: Units) -> Iterator[Any]:
    """Yield what may keep something that it has read, for these units to find."""
    loaded = names.union(*(unit.loaded for unit in found), [""])
    for unit in found:
        for owner in (each.owner for each in unit.memoized if each.name in loaded):
            yield owner
            function = unwrapped(owner)
            is_one = isinstance(function, FunctionType)
            made = _unit(function, own).refers if is_one else []
            for cls in (each for each in made if isinstance(each, type)):
                yield from (f for f in units.lazy(cls) if f.__name__ != "__init__")


def _key(target: Any) -> object:
    if isinstance(target, Named):  # one name may be bound anew in each closure
        return *scope.origin_of(*target[:3]), id(target.value)
    return id(target)


def _unit(target: Any, own: Units) -> Unit:
    key = _key(target)
    known = _units if _is_fixed(target) else own
    if key not in known:
        try:
            known[key] = target, _make_unit(target)
        except RecursionError as error:
            named = isinstance(target, Named)
            name = ".".join(target[:2]) if named else sources.qualified(target)
            said = f"{name} goes too deep to be followed"
            raise RequestError(said, "split it into several functions") from error
        made = known[key][1]
        _filled.update(made.filled)
        mine = made.bound.items()
        _bound.update((place, value) for place, value in mine if _at(*place) is value)
    return known[key][1]


def _is_fixed(target: Any) -> bool:
    """Return whether what a target consists of is the same for as long as it is there."""
    if isinstance(target, Named):
        return type(target.value) in plain.ATOMIC
    if isinstance(target, FunctionType):
        return target.__closure__ is None
    return not isinstance(target, type) or "<locals>" not in target.__qualname__


def _make_unit(target: Any) -> Unit:
    if isinstance(target, Named):
        if target.name == scope.ANNOTATIONS:
            return classes.of_annotations(target.value)
        if target.name == scope.SETTINGS:
            return units.of_settings(target.value)
        if target.name == scope.ANY_NAME:
            return units.of_package(target.value)
        value = target.value
        is_plain = type(value) in sources.PLAIN and value is not None
        is_plain |= type(value) in sources.TABLES and len(value) < MANY
        if is_plain and named(*target[:2]) is value:  # no variable of a closure
            _plain[target[:2]] = _content(value)
        return units.of_constant(target)
    if isinstance(target, FunctionType):
        return units.of_function(target)
    if isinstance(target, type):
        return classes.of_class(target)
    return units.of_module(target)
