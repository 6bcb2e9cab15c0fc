"""What one execution read: fields of argsets, code met through values, files."""

import dataclasses
import enum
import functools
import gc
import importlib
import itertools
import json
import operator
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

from . import args as argsets
from . import code, hashing, libraries, memoized, scope, sources
from .args import ExperimentArgs, field_names
from .channel import Channel
from .errors import CurifactoryError

EVERYTHING = "*"
"""The key of a read that cannot be followed field by field."""
TEXT = "~"
"""The key of a read of the repr, which depends on defaults as well."""

FIELDS = "#"
"""The key of the names of the fields, which what goes through all of them reads."""

DECLARED = "%"
"""The key of all that is declared of the fields: defaults, metadata."""

NAMES = "="
"""The key of the names of functions and classes in a value, for code that asks for names."""

OWN_CHANGE = "w:"
"""Before a path: a child has changed it. No key of a read begins so."""

SAMPLED = 0.25
"""For how many seconds at most a frame that has ended is waited for."""

MARKS = f"@{FIELDS}{TEXT}{DECLARED}{NAMES}{EVERYTHING}"

CALLABLES = (
    FunctionType,
    property,
    classmethod,
    staticmethod,
    functools.cached_property,
)
UNTRACKED = frozenset(
    "__init__ __new__ __post_init__ __init_subclass__ __getattribute__ __setattr__ "
    "__delattr__ __getattr__ __reduce__ __reduce_ex__ __getstate__ __setstate__ "
    "__annotate_func__".split()
)
COMPARISONS = frozenset("__eq__ __ne__ __lt__ __le__ __gt__ __ge__".split())
Seen = tuple[int, int] | frozenset[str]
"""What was seen of a file, its size and time; or of a folder, the names in it."""


class Handed(tuple[int, int]):
    """What was seen of a file that others were to open, or of one that was looked for and
    is not there: read, unless they write it."""


def _do_nothing(*_: Any) -> None:
    """Stands for what nobody has asked to be told."""


@dataclass(eq=False, repr=False)
class Reads:
    """The reads of one execution, in the order of first reading.

    A key says what was read: `a:seed` the field `seed` of the call's argset, `a2:seed`
    that of the third record of an aggregate, `a:model@` the class of a nested
    dataclass, `a:#` which fields there are, `a:%` how they are declared, `a:act=` how
    functions in a field are called, `a:~` the repr, `a:*` everything; `o:verbose` that a
    field does not count; `m:scaled` a method or property of the argset; `c:src.nets:Net`
    a class or function of the project, `c:src.nets:` a module; `f:data/raw.csv` a file of
    the project, `f:raw/*.csv` what fits a pattern, `f:data/` which names a folder holds.
    """

    stream: Path | None = None
    declared: Sequence[str] | str | None = None
    names: frozenset[str] | None = None
    """The names in the code that was met: no other absent attribute is asked for.

    Where they are known, a field that was read costs nothing any more; else each
    attribute passes a `__getattr__` that waits for absent ones.
    """
    met: frozenset[str] = frozenset()
    """All names in that code."""
    asks_names = False
    """Whether the code that was met asks for names of functions and classes."""
    asks_class = False
    """Whether it may ask for the class of an argset."""
    kept: dict[int, Any] = field(default_factory=dict)
    """What of the code that was met may keep what it has read, by its id."""
    keys: dict[str, None] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    """What files and folders were when they were read first."""
    unpickled: dict[tuple[str, str], None] = field(default_factory=dict)
    """The classes and functions, by module and name, that pickles have asked for."""
    folders: list[str] = field(default_factory=list)
    """Folders outside the project in which files count: a value that was read names them."""
    beyond = ""
    """A file outside the project that was read, though nothing names it."""
    made: set[str] = field(default_factory=set)
    """The files outside the project that need not be told: the call has written them, or
    a value names them, be it by a link."""
    written: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    """Files that only a value names so far: what the call writes there, it has not read."""
    handed: dict[str, Seen] = field(default_factory=dict)
    """What others were to open, programs or libraries; no other read is known."""
    changed: set[str] = field(default_factory=set)
    """What the call itself has written, made, renamed or removed, by its path."""
    tracked: list[tuple[str, weakref.ref[Any]]] = field(default_factory=list)
    watch: Callable[[str], None] | None = None
    """What is told of each new key, and of each that is gone again."""
    find_files: Callable[[Any], None] = _do_nothing
    """What is told of each value that was read: it may name files."""
    recall: Callable[[], None] = _do_nothing
    """Notes what was read for what functions have given from memory."""
    checkpoints = ""
    """The folder of checkpoints, if the call has one."""
    before_checkpoint: Callable[[], None] = _do_nothing
    channel: Channel | None = None
    _is_child = False

    def note_code(self, key: str, value: Any) -> None:
        """Meet the code in a value; count what it is called, if code asks for that."""
        found = [] if hashing.is_scalar(value) else code.callables_in(value)
        if found:
            self.meet(found)
            if self.asks_names:
                self.note(key + NAMES)

    def meet(self, found: Iterable[Any]) -> None:
        """Take in code that came with a value: it may ask for the class of an argset."""
        if scope.CLASS in self.take(found).names:  # of nested ones it counts anyway
            self.asks_class = True
            for key in [key for key, _ in self.tracked if key.endswith(":*")]:
                self.note(key.replace(EVERYTHING, scope.CLASS))

    def take(self, found: Iterable[Any]) -> code.Code:
        """Take in what code may keep, and asks for."""
        own = code.fingerprint(*found)
        self.asks_names |= not own.names.isdisjoint(scope.ASKS_NAME)
        self.met |= own.names
        if self.names is not None and not own.names <= self.names:
            self.names = None if scope.ANY_NAME in own.names else self.names | own.names
        for each in own.memoized:
            if id(each) not in self.kept:
                memoized.prepare(each)
                self.kept[id(each)] = each
        return own

    def note(self, key: str) -> None:
        """Keep a key; where there is a stream, others see it at once."""
        if key in self.keys and not self._is_child:  # which may work for several calls
            return
        if not key.isascii() and key.encode(errors="replace").decode() != key:
            said = f"the name of the file {key[2:]!r} is no valid text"
            raise CurifactoryError(said, "rename it")
        self._check(key)
        self.keys[key] = None
        if self.watch is not None:
            self.watch(key)
        if key.endswith((":name", EVERYTHING)):
            self.lines[key] = _line_of_user()
        if self._is_child:
            self._pass_on(key, self.seen.get(key[2:]) if key[:2] == "f:" else None)
        elif self.stream is not None:
            self.tell(json.dumps(key))

    def tell(self, line: str) -> None:
        """Let the process that waits know how far this one is, if there is another."""
        if self.stream is not None:
            with open(self.stream, "a", encoding="utf-8") as file:
                file.write(line + "\n")

    def note_class(self, cls: type) -> None:
        """Count a class of which the stage may make objects, or ask what it declares."""
        if sources.is_project(cls):
            self.take([cls])
            self.note(f"c:{cls.__module__}:{cls.__qualname__}")

    def note_file(self, key: str, seen: Seen | None) -> None:
        """Keep the key of a file or folder, and what it was when it was read first.

        Of code, which has no such thing, the key alone.
        """
        if seen is None:
            self.note(key)
            return
        place = key.partition(":")[2]
        self.named.discard(place)
        if place not in self.written:
            if isinstance(seen, Handed) and key not in self.keys:
                self.handed[place] = seen
            if self._is_child or place not in self.seen:  # a child works for many calls
                self.seen[place] = seen
            self.note(key)

    def note_opened(self, place: str, seen: Seen) -> None:
        """Keep a file that the call itself reads, unless others have written it for it."""
        if self.handed.pop(place, seen) != seen:
            self.drop_file(place)
        self.note_file(f"f:{place}", seen)

    def drop_file(self, place: str) -> None:
        """Forget a file that others were to read, and wrote."""
        self.handed.pop(place, None)
        self.seen.pop(place, None)
        self.written.add(place)
        if (key := f"f:{place}") in self.keys:
            del self.keys[key]
            if self.watch is not None:
                self.watch(key)

    def note_change(self, place: str) -> None:
        """Keep that the call itself has changed what lies at a path, or has made it."""
        if self.handed.get(place) == sources.ABSENT:
            self.drop_file(place)
        if place not in self.changed:
            self.changed.add(place)
            if self._is_child:
                self._pass_on(OWN_CHANGE + place)

    def _check(self, key: str) -> None:
        """Refuse a read that the stage should have declared."""
        declared = self.declared
        if declared is None or declared == "all" or key[0] not in "am":
            return
        path = key.partition(":")[2].rstrip(f"@{FIELDS}{DECLARED}{NAMES}").rstrip(".")
        if not path:
            return
        above = itertools.accumulate(path.split("."), "{}.{}".format)
        below = any(each.startswith(path + ".") for each in declared)
        if not below and set(above).isdisjoint(declared):
            what = "the whole argset" if path in (EVERYTHING, TEXT) else path
            raise CurifactoryError(
                f"the stage reads {what}, which its reads={list(declared)} lacks",
                "declare it, or leave reads= out: what is read is noticed anyway",
            )

    def become_child(self) -> None:
        """From now on, tell the process that has started this one."""
        self._is_child, self.watch = True, None
        if self.channel is not None:
            self.channel.heard = 0  # who listens lets go of it

    def _pass_on(self, key: str, seen: Seen | None = None) -> None:
        assert self.channel is not None
        told = [key, None if seen is None else [*seen], isinstance(seen, Handed)]
        self.channel.tell(json.dumps(told))

    def collect(self) -> None:
        """Take in what children have read until now."""
        if self.channel is None or self._is_child:
            return
        for key, seen, is_handed in map(json.loads, self.channel.hear()):
            if key.startswith(OWN_CHANGE):
                self.note_change(key.removeprefix(OWN_CHANGE))
            elif seen is not None:
                kind = frozenset if key.endswith("/") else tuple
                self.note_file(key, Handed(seen) if is_handed else kind(seen))
            else:
                self.note(key)

    def _alive(self) -> list[str]:
        return [key for key, argset in self.tracked if argset() is not None]

    def note_escaped(self) -> None:
        """Count argsets that outlive the stage as read: what is read later is not seen."""
        if self.declared is not None:
            return
        until = time.monotonic() + SAMPLED
        alive = self._alive()
        while alive:
            for generation in (1, 2):  # garbage is no escape
                gc.collect(generation)
                alive = self._alive()
            if not alive or time.monotonic() > until or not _is_sampled():
                break
            time.sleep(0.001)
        for key in alive:
            self.note(key)

    def argset(self, args: Any, index: int | None = None) -> Any:
        """Return a copy of an argset that notes what is read of it."""
        if args is None:
            return None
        number = "" if index is None else str(index)
        declared = [EVERYTHING] if self.declared == "all" else self.declared
        for path in declared or ():
            self.note(f"a{number}:{path}")
        global _at_work
        tracked = _track(args, self, number, "")
        if _is_compared(args.__class__, self.met):
            return _read_everything(tracked)  # else its type were another one
        _at_work = weakref.ref(self)
        return tracked


def _is_sampled() -> bool:
    """Return whether frames of the project are kept that have ended, and all they held.

    Profilers keep them for a moment, as that of a Dask worker does.
    """
    stacks = [_stack_of(each) for each in sys._current_frames().values()]
    own = f"{__package__}."
    if all(any(name.startswith(own) for name in each.values()) for each in stacks):
        return False  # the thread that hears signals looks at none
    at_work = set().union(*stacks)
    return any(
        type(each) is FrameType
        and id(each) not in at_work
        and sources.relative(each.f_code.co_filename) is not None
        for each in gc.get_objects()
    )


def _stack_of(innermost: FrameType) -> dict[int, str]:
    """Return the modules of the frames of a thread, by the ids of these.

    No frame itself: in a variable of one of them it would keep all that they hold.
    """
    stack = traceback.walk_stack(innermost)
    return {id(each): str(each.f_globals.get("__name__")) for each, _ in stack}


def _line_of_user() -> str:
    """Return file and line of the innermost frame of the stage and what it calls."""
    frame: FrameType | None = sys._getframe(2)
    around = f"{__package__}.attempt"
    while frame is not None and frame.f_globals.get("__name__") != around:
        place = sources.relative(frame.f_code.co_filename)
        if place is not None:
            return f"{place}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


_at_work: Callable[[], Reads | None] = _do_nothing
"""Gives the reads of the argset that was tracked last: its class tells them what it is asked."""


def value_at(args: Any, path: str) -> Any:
    """Return the value of a dotted field; raises AttributeError where there is none."""
    owner = path.rstrip(MARKS).rstrip(".")
    return operator.attrgetter(owner)(args) if owner else args


def _track(value: Any, reads: Reads, number: str, prefix: str) -> Any:
    made: Any = object.__new__(_tracked_class(value.__class__))
    object.__setattr__(made, "_tracked", (value, reads, number, prefix))
    reads.tracked.append((f"a{number}:{prefix}{EVERYTHING}", weakref.ref(made)))
    return made


def _origin(tracked: Any) -> tuple[Any, Reads, str, str]:
    state: tuple[Any, Reads, str, str] = object.__getattribute__(tracked, "_tracked")
    return state


def _read(tracked: Any, name: str) -> Any:
    """Note the read of one field and return its value, which is nobody else's."""
    origin, reads, number, prefix = _origin(tracked)
    value = getattr(origin, name)
    path = prefix + name
    cls: Any = type(origin)
    is_followed = argsets.is_nested(value) and _is_followed(value, path, reads)
    if is_followed and name not in hashing.representations(cls):
        reads.note(f"a{number}:{path}@")
        return _track(value, reads, number, path + ".")
    if hashing.is_operational(cls, name):
        reads.note(f"o{number}:{path}")  # its value counts once it is declared to
    else:
        reads.note(f"a{number}:{path}")
        reads.find_files(value)
        reads.note_code(f"a{number}:{path}", value)
        is_asked = reads.names is None or reads.names & {"type", "__class__"}
        if isinstance(value, enum.Enum) and is_asked:
            reads.note_class(type(value))  # which members it has
    return argsets.copied(origin, name, value)


@functools.lru_cache(1000)
def _is_compared(cls: Any, names: frozenset[str]) -> bool:
    """Return whether code with these names compares a class with others."""
    return scope.SAME + sources.qualified(cls) in names


def _is_followed(value: Any, path: str, reads: Reads) -> bool:
    """Return whether reads of a nested dataclass are noted one by one.

    Not where code compares its class: `type(x) is Model` holds for a copy only.
    """
    if scope.SAME in reads.met or _is_compared(value.__class__, reads.met):
        return False
    is_declared = any(each.startswith(f"{path}.") for each in reads.declared or ())
    return is_declared or (_is_own(value.__class__) and not libraries.is_tree(value))


@functools.cache
def _is_own(cls: Any) -> bool:
    """Return whether a class, and all that it extends, is the user's own code.

    Libraries change objects of what extends their classes, or know them by their class.
    """
    known = ("abc", "typing", __package__)
    return all(
        sources.is_project(each) or sources.package_of(each) in known
        for each in cls.__mro__[:-1]
    )


def _read_everything(tracked: Any) -> Any:
    """Note that all was read and return a plain copy, which can be changed."""
    origin, reads, number, prefix = _origin(tracked)
    reads.note(f"a{number}:{prefix}{EVERYTHING}")
    cls: Any = type(origin)
    made = cls.__new__(cls)
    beside = [name for name in getattr(origin, "__dict__", ()) if name != "_sealed"]
    for name in dict.fromkeys((*field_names(cls), *beside)):
        value = getattr(origin, name)
        reads.find_files(value)
        reads.note_code(f"a{number}:{prefix}{name}", value)
        object.__setattr__(made, name, argsets.copied(origin, name, value))
    return made


class _Field:
    """A field not read yet. The first read puts it aside, so that loops cost nothing."""

    def __init__(self, name: str, owner: type) -> None:
        self.name = name
        self.owner = owner

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            _ask_class(owner)
            return getattr(self.owner, self.name)
        value = _read(instance, self.name)
        with _LOCK:
            object.__setattr__(instance, self.name, value)
            if not hasattr(getattr(self.owner, self.name, None), "__set__"):  # a slot
                _put_aside(instance, self.owner, self.name)
        return value


def _put_aside(instance: Any, cls: Any, name: str) -> None:
    """Change the class to one without the descriptor: reading is then as fast as ever."""
    aside = type(instance)._aside | {name}
    _CLASS.__set__(instance, _tracked_class(cls, aside, _origin(instance)[1].names))
    own = _own_dict(cls)
    if own is not None:  # Python 3.11 is fast with a dict of one's own only
        own.__set__(instance, dict(own.__get__(instance)))


@functools.cache
def _own_dict(cls: type) -> Any:
    """Return what gives the attributes of an instance; None where there are but slots."""
    found = (vars(each).get("__dict__") for each in cls.__mro__)
    return next(filter(None, found), None)


_LOCK = threading.RLock()
_CLASS: Any = vars(object)["__class__"]


class _Absent:
    """A name that the code has and the class does not."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            raise AttributeError(self.name)
        return _missing(instance, self.name)


class _FieldList:
    """The declaration of the fields, as `fields`, `asdict` and `replace` ask for it.

    Or the slots of the class, for code that goes through these.
    """

    def __init__(self, fields: Any) -> None:
        self.fields = fields

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None and not _goes_through_fields():
            _ask_class(owner)
        elif instance is not None:
            _, reads, number, prefix = _origin(instance)
            what = FIELDS if _goes_through_fields() else DECLARED
            reads.note(f"a{number}:{prefix}{what}")
        return self.fields


def _goes_through_fields() -> bool:
    """Return whether the fields are asked for by `asdict` or the like, for the values."""
    frame = sys._getframe(2)
    if frame.f_code.co_name == "fields" and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename in (dataclasses.__file__, argsets.__file__)


class _Member:
    """A method or property: using it means reading its code.

    What the project did not write (`__eq__`, `__repr__`) goes through all fields.
    """

    def __init__(self, name: str, member: Any, *, asks_type: bool) -> None:
        self.name = name
        self.member = member
        function = sources.function_of(member)
        own = not isinstance(function, FunctionType) or sources.is_project(function)
        self.kind, self.read = ("m", name) if own else ("a", FIELDS)
        self.code = list(filter(sources.is_project, [function, type(member)]))
        is_ordering = getattr(member, "__module__", "") == "functools"  # total_ordering
        self.compares = asks_type and name in COMPARISONS and (own or is_ordering)

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            _ask_class(owner)
            return self.member.__get__(None, owner)
        origin, reads, number, prefix = _origin(instance)
        key = f"{self.kind}{number}:{prefix}{self.read}"
        if key not in reads.keys:
            reads.take(self.code)
        reads.note(key)
        if isinstance(self.member, classmethod):  # it may make others
            reads.note_class(owner)
        if isinstance(self.member, functools.cached_property):
            value = self.member.func(instance)
            object.__setattr__(instance, self.name, value)
            return value
        if self.compares:
            return functools.partial(_compared, self.member, instance)
        return self.member.__get__(instance, type(origin))


def _compared(method: Any, *sides: Any) -> Any:
    """Compare plain copies: the method may ask whether both are of one type."""
    plain = (_read_everything(s) if hasattr(type(s), "_aside") else s for s in sides)
    return method(*plain)


def _missing(tracked: Any, name: str) -> Any:
    """What the class does not declare: that it is absent was read, too."""
    origin, reads, number, prefix = _origin(tracked)
    if hasattr(type(origin), "__getattr__"):
        reads.note(f"a{number}:{prefix}{EVERYTHING}")
    elif not name.startswith("__"):
        reads.note(f"a{number}:{prefix}{name}")
    return getattr(origin, name)


def _refuse(tracked: Any, name: str, value: object = None) -> None:
    prefix = _origin(tracked)[3]
    hint = "keep the new value in a variable, or use dataclasses.replace"
    nested = f"change a copy: copy.deepcopy(record.args.{prefix.rstrip('.')})"
    said = f"a stage cannot set {prefix}{name} of its argset"
    raise CurifactoryError(said, nested if prefix else f"{hint}(record.args, ...)")


def _text(tracked: Any) -> str:
    """Note that the repr was read, and nothing but that."""
    origin, reads, number, prefix = _origin(tracked)
    reads.note(f"a{number}:{prefix}{TEXT}")
    return repr(origin)


def _ask_class(tracked: type) -> None:
    """Note that a class of tracked copies was asked, of which nobody knows whose it is."""
    reads = _at_work()
    if reads is not None:
        reads.note_class(tracked)  # which has the name of the class that it is of


def _make(cls: Any, tracked: type, *given: Any, **named: Any) -> Any:
    """Return what `type(record.args)(...)` makes: an argset that nobody follows."""
    _ask_class(tracked)
    return cls(*given, **named)


def _class_of(cls: Any, tracked: Any) -> Any:
    """Return the class; it is read by code that names it, as `dataclasses.replace` does.

    `isinstance` asks for it as well, and those that compare classes only.
    """
    asking = sys._getframe(1).f_code
    compares = asking.co_filename in ("<string>", functools.__file__, argsets.__file__)
    if "__class__" in asking.co_names and (not compares or asking.co_name == "copy"):
        _origin(tracked)[1].note_class(cls)
    return cls


class _Signature:
    """The parameters of a class: a tracked one is made in a way of its own."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is not None:
            raise AttributeError("__signature__")
        _ask_class(owner)
        return importlib.import_module("inspect").signature(self.cls)


class _Unheard:
    """Stands before a class, so that its hook is not told of the tracked subclass."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        pass


del _Unheard.__slots__  # the class before which it stands may have none


@functools.cache
def _tracked_class(
    cls: Any, aside: frozenset[str] = frozenset(), names: frozenset[str] | None = None
) -> Any:
    """Return the subclass of a dataclass whose instances note what is read of them.

    Fields that were put aside are read already, and are ordinary attributes.
    """
    members = _descriptors(cls, names)
    for name in aside:
        del members[name]
    if dataclasses.is_dataclass(cls):
        members["__dataclass_fields__"] = _FieldList(cls.__dataclass_fields__)
    members.update(
        __module__=cls.__module__,
        __qualname__=cls.__qualname__,
        __doc__=cls.__doc__,
        __signature__=_Signature(cls),
        _aside=aside,
        __new__=functools.partial(_make, cls),
        __class__=property(functools.partial(_class_of, cls)),
        __dict__=property(lambda self: _read_everything(self).__dict__),
        __setattr__=_refuse,
        __delattr__=_refuse,
        __copy__=_read_everything,
        __deepcopy__=lambda self, memo: _read_everything(self),
        __reduce_ex__=lambda self, protocol: _read_everything(self).__reduce_ex__(
            protocol
        ),
    )
    if cls.__repr__ is ExperimentArgs.__repr__:
        members["__repr__"] = _text
    members.setdefault("__hash__", cls.__hash__)  # with `__eq__` alone there were none
    kind = next(each for each in type(cls).__mro__ if not sources.is_project(each))
    metaclass = _as_in_tables(cls) if kind is type(cls) else type(cls)
    made = kind.__new__(metaclass, cls.__name__, (_Unheard, cls), members)
    if hasattr(cls, "__slots__"):
        type.__setattr__(made, "__slots__", _FieldList(cls.__slots__))
    return made


sources.known_of_classes += [_tracked_class.cache_clear]


@functools.cache
def _as_in_tables(cls: Any) -> Any:
    """Return a metaclass by which `TABLE[type(x)]` finds what stands there for a class.

    And by which `isinstance(y, type(x))` asks for that class.
    """

    def is_same(mine: type, other: Any) -> bool:
        return other is cls or type(other) is type(mine)

    members = {
        "__eq__": is_same,
        "__hash__": lambda _: hash(cls),
        "__instancecheck__": lambda _, value: isinstance(value, cls),
        "__subclasscheck__": lambda _, other: issubclass(other, cls),
    }
    return type(type(cls).__name__, (type(cls),), members)


def _descriptors(cls: Any, names: frozenset[str] | None) -> dict[str, Any]:
    """Return what notes reads: for fields, for methods, and for names that are absent."""
    found: dict[str, Any] = {}
    own = functions_of(cls)
    codes = (getattr(each, "__code__", None) for each in own)
    asks_type = any("type" in getattr(each, "co_names", ()) for each in codes)
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            is_own = sources.is_project(base) and not name.startswith("__")
            is_method = isinstance(member, CALLABLES) and name not in UNTRACKED
            if is_method or (is_own and hasattr(type(member), "__get__")):
                found[name] = _Member(name, member, asks_type=asks_type)
            elif is_own:
                found[name] = _Field(name, cls)
    found.update({name: _Field(name, cls) for name in field_names(cls)})
    if names is None or hasattr(cls, "__getattr__"):
        found["__getattr__"] = _missing
        return found
    asked = names | code.fingerprint(*own).names
    absent = (each for each in asked - found.keys() if each.isidentifier())
    found.update({n: _Absent(n) for n in absent if not hasattr(cls, n)})
    return found


def constants(cls: type, names: Iterable[str]) -> list[str]:
    """Return which of some names a class of the project has, and has no field for."""
    bases = filter(sources.is_project, cls.__mro__)
    own = {name for base in bases for name in vars(base)}
    found = own.intersection(names).difference(field_names(cls))
    return sorted(name for name in found if not name.startswith("__"))


def functions_of(cls: type) -> list[Any]:
    """Return the functions of the project that a class has as methods or properties."""
    members = (each for base in cls.__mro__ for each in vars(base).values())
    callables = (each for each in members if isinstance(each, CALLABLES))
    return list(filter(sources.is_project, map(sources.function_of, callables)))
