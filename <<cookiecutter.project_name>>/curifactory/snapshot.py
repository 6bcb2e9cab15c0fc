"""Argsets as they were when a record was made, and what the keys of reads mean."""

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any

from . import args as argsets
from . import code, hashing, plain, reads, scope, sources, syntax
from .errors import IdentityError

CONTENT = "content()"
"""Among the digests: that of everything but the name. No field is named so."""


class Snapshot:
    """An argset as it was when a record was made, with the digests of its fields."""

    __slots__ = ("_args", "name", "paramset", "_digests", "source", "held")

    def __init__(self, args: Any, paramset: str = "") -> None:
        made: Any = argsets.sealed(args, plain.shared) if args is not None else None
        self.source = made
        """The copy that nobody outside the runner holds."""
        self._args = made if made is None or _is_flat(made) else None
        self.name = str(args.name) if args is not None else "-"
        self.paramset = paramset
        self._digests: dict[str, str] = {}
        self.held: Sequence[Any] = ()
        """The functions and classes in it that may find other things around them later."""

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        told = {p: d for p, d in self._digests.items() if not self._has_code(p)}
        own = {"source": self.source, "_args": self.source, "_digests": told}
        return None, {**own, "name": self.name, "paramset": self.paramset, "held": ()}

    def _has_code(self, path: str) -> bool:
        """Return whether code counts that a process loads itself: it may be edited by then."""
        if path[-2:] == "()":
            return path != CONTENT and type(self.source).__module__ != "__main__"
        value = self._value_at(path)
        if hashing.is_scalar(value):
            return False
        found = code.callables_in(value)
        return bool(found) and all(map(is_named, found))

    @property
    def args(self) -> Any:
        """The copy for users, who could change what is in it."""
        if self._args is None and self.source is not None:
            self._args = argsets.sealed(self.source)
        return self._args

    def check_unchanged(self) -> None:
        """Refuse what somebody has changed within a field of the copy for users."""
        if self._args is None or self._args is self.source:
            return
        with contextlib.suppress(Exception):  # most are equal, at a glance
            if argsets.contents(self._args) == argsets.contents(self.source):
                return
        given, known = argsets.values(self._args), argsets.values(self.source)
        for (name, mine), (_, before) in zip(given, known, strict=True):
            if plain.differ(mine, before):
                found = self.source.diff(self._args)
                path = next((p for p in found if p.startswith(f"{name}.")), name)
                raise argsets.fixed(self.name, f"{path} was changed", name)

    def look_anew(self) -> None:
        """Let what its functions find around them by now count."""
        self._digests.clear()

    def digest(self, path: str) -> str:
        """Return the digest of a field (`a.b`), a class (`a@`) or everything (`*`)."""
        found = self._digests.get(path)
        if found is None:
            found = self._digests[path] = self._digest(path)
        return found

    def content(self) -> str:
        """Return the digest of everything but the name."""
        if CONTENT not in self._digests:
            own = self.source.hash if self.source is not None else ""
            self._digests[CONTENT] = own
        return self._digests[CONTENT]

    def check(self) -> None:
        """Refuse fields that have no identity."""
        cls: Any = type(self.source)
        if not hashing.representations(cls):
            if self._args is not self.source:  # there is more than numbers and texts
                found = _identify(self.source)
                if any(found):
                    named = zip(argsets.field_names(cls), found, strict=True)
                    self._digests.update(each for each in named if each[1])
                    self.content()
            return
        for name, value in hashing.counted(self.source, self.name):
            if not hashing.is_scalar(value):
                self.digest(name)

    def member(self, path: str) -> str:
        """Return the digest of the code of a method or property."""
        key = f"{path}()"
        if key not in self._digests:
            owner, _, name = path.rpartition(".")
            cls: Any = type(self._value_at(owner))
            found = code.fingerprint(*_methods(cls, name))
            kinds = cls.__mro__[:-1] if scope.CLASS in found.names else ()
            names = map(sources.qualified, kinds)
            self._digests[key] = hashing.hash_text(found.fingerprint, *names)
        return self._digests[key]

    def standing(self, path: str) -> str:
        """Return whether a field counts, or is operational."""
        owner, _, name = path.rpartition(".")
        cls = type(self._value_at(owner))
        return "operational" if hashing.is_operational(cls, name) else "counts"

    def likely(self, names: frozenset[str]) -> list[str]:
        """Return the digests of the fields that code with these names may read."""
        if self.source is None:
            return []
        cls: Any = type(self.source)
        return [self.digest(name) for name in _likely_fields(cls, names)]

    def shown(self, path: str) -> str:
        """Return a short text of a value for messages."""
        if path[-1:] in reads.MARKS:
            return ""
        value = self._value_at(path)
        if argsets.is_hidden(self.source, path):
            return argsets.REDACTED
        if type(value) in plain.ATOMIC:  # as most are
            return argsets.short(value)
        return plain.once(value, argsets.short, lambda: argsets.short(value))

    def _value_at(self, path: str) -> Any:
        """Return the value of a dotted field; ABSENT where there is none."""
        try:
            return reads.value_at(self.source, path)
        except AttributeError:
            return argsets.ABSENT

    def _digest(self, path: str) -> str:
        if path[-1] in reads.MARKS:
            return self._digest_of_mark(path)
        owner, _, name = path.rpartition(".")
        where = f"{self.name}.{path}"
        try:
            held = reads.value_at(self.source, owner)
            value = hashing.represented(held, name, where)
        except AttributeError:
            return "absent"
        return value_digest(value, where)

    def _digest_of_mark(self, path: str) -> str:
        mark, place = path[-1], path.rstrip(reads.MARKS).rstrip(".")
        value = self._value_at(place)
        if value is argsets.ABSENT:
            return "absent"
        cls, where = type(value), f"{self.name}.{place}".rstrip(".")
        if mark in (scope.CLASS, reads.DECLARED) and not argsets.is_nested(value):
            return "absent"
        if mark == scope.CLASS:
            return hashing.hash_text(*map(sources.qualified, cls.__mro__[:-1]))
        if mark == reads.FIELDS:
            return hashing.hash_text(*_shape(cls))
        if mark == reads.DECLARED:
            return _declared(cls, where)
        if mark == reads.NAMES:
            named = (getattr(e, "__mro__", (e,)) for e in code.callables_in(value))
            project = filter(sources.is_project, itertools.chain.from_iterable(named))
            return hashing.hash_text(*map(sources.qualified, project))
        if mark == reads.TEXT:
            return hashing.hash_text(argsets.plain_repr(value))
        own = code.fingerprint(*reads.functions_of(cls))
        return hashing.hash_text(value_digest(value, where), own.fingerprint)


@functools.lru_cache(1000)
def _likely_fields(cls: type, names: frozenset[str]) -> list[str]:
    """Return the fields that code with these names may read; * if that is any."""
    known = argsets.field_names(cls)
    fields = {each for each in known if not hashing.is_operational(cls, each)}
    if scope.LABEL not in names:
        fields.discard("name")
    others = names - {*known, "copy"}
    is_any = not names.isdisjoint((scope.ANY_NAME, scope.COPIES))
    if is_any or any(hasattr(cls, name) for name in others):
        return ["*"]
    return sorted(fields & names)


def _is_flat(args: Any) -> bool:
    return all(map(hashing.is_scalar, argsets.contents(args)))


AnyMember = tuple[Snapshot, Any]


class Present:
    """What the keys of reads stand for at present."""

    def __init__(self, file_digest: Callable[[str], str]) -> None:
        self.file_digest = file_digest

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Look at each file and folder once: within the block nobody changes any."""
        before, self.file_digest = self.file_digest, functools.cache(self.file_digest)
        try:
            yield
        finally:
            self.file_digest = before

    def now(self, own: Snapshot, members: Sequence[AnyMember], key: str) -> str:
        """Return the digest that a key of reads has for a call."""
        if key[:2] == "a:":  # as most are
            return own.digest(key[2:])
        kind, (number, _, path) = key[0], key[1:].partition(":")
        if number and int(number) >= len(members):
            return "absent"
        if kind == "f":
            return self.file_digest(path)
        if kind == "c":
            return _class_digest(path)
        snapshot = members[int(number)][0] if number else own
        if kind == "o":
            return snapshot.standing(path)
        return snapshot.digest(path) if kind == "a" else snapshot.member(path)

    def shown(self, own: Snapshot, members: Sequence[AnyMember], key: str) -> str:
        """Return a short text of what was read, for messages."""
        number, _, path = key[1:].partition(":")
        if number and int(number) >= len(members):
            return "absent"
        snapshot = members[int(number)][0] if number else own
        return snapshot.shown(path) if key[0] == "a" else ""


def _class_digest(path: str) -> str:
    module, _, qualname = path.partition(":")
    found = code.named(module, qualname)
    if isinstance(found, ModuleType):
        return code.fingerprint(*_whole(found)).fingerprint
    target = sources.unwrapped(found)  # by now the name may be that of any value
    is_code = isinstance(target, (FunctionType, type))
    return code.fingerprint(target).fingerprint if is_code else "absent"


@functools.lru_cache(1000)
def _whole(module: ModuleType) -> tuple[Any, ...]:
    """Return all that may be reached through a module; of a package, its modules, too."""
    return module, *scope.modules_of(module)


@functools.lru_cache(1000)
def _methods(cls: Any, name: str) -> list[Any]:
    """Return what a method may use of its classes: other methods, and constants."""
    found: dict[tuple[type, str], Any] = {}
    fields = argsets.field_names(cls)
    waiting = [name]
    while waiting:
        name = waiting.pop()
        for base in (each for each in cls.__mro__ if name in vars(each)):
            member = vars(base)[name]
            function, held = sources.function_of(member), _held_by(member)
            if (base, name) in found or name in fields or not sources.is_project(base):
                continue
            if isinstance(function, FunctionType):
                found[base, name] = function
                codes = syntax.codes(function.__code__)
                waiting.extend(name for each in codes for name in each.co_names)
            if not isinstance(held, FunctionType) and name[:2] != "__":
                found[base, f"{name}="] = scope.Named(base.__module__, name, held)
    return list(found.values())


def _held_by(member: Any) -> Any:
    """Return what a member of a class consists of: a function, or what has its place."""
    if isinstance(member, property):
        return member.fget
    if isinstance(member, functools.partialmethod):
        return member.func, member.args, member.keywords
    if isinstance(member, functools.singledispatchmethod):
        return member.func, dict(member.dispatcher.registry)
    if isinstance(member, functools.cached_property):
        return member.func
    return getattr(member, "__func__", member)


def _shape(cls: Any) -> Iterator[str]:
    """Yield the fields that are gone through to compare or to show a dataclass."""
    fields: dict[str, Any] = getattr(cls, "__dataclass_fields__", {})
    for name in argsets.field_names(cls):
        field = fields.get(name)
        said = field and (field.repr, field.compare, field.hash)
        yield name if said in (None, (True, True, None)) else f"{name} {said}"


def _declared(cls: Any, where: str) -> str:
    """Return the digest of all that is declared of the fields of a class."""
    found = []
    for field in dataclasses.fields(cls):
        said = argsets.default_of(field), dict(field.metadata)
        try:
            found.append(value_digest(said, f"{where}.{field.name}"))
        except IdentityError:
            found.append(argsets.short(said))
    return hashing.hash_text(*_shape(cls), *found)


def value_digest(value: Any, path: str, held: list[Any] | None = None) -> str:
    """Return the digest of a value and of the project code that it holds.

    To `held` are added those that may find other things around them later.
    """
    if hashing.is_scalar(value):
        return hashing.digest(value)
    find = functools.partial(code.project_callables, value, path)
    found, shape = plain.once(value, code.project_callables, find)
    if not found:
        return shape
    if held is not None:
        held += code.open_in(found)
    return hashing.hash_text(shape, code.fingerprint(*found).fingerprint)


def is_named(value: Any) -> bool:
    """Return whether another process finds a function, class or module by its name."""
    name = getattr(value, "__qualname__", "")
    found = code.named(value.__module__ if name else value.__name__, name)
    return found is value or sources.function_of(found) is value


def _identified(args: Any, name: str, value: Any) -> str:
    """Check that a value has an identity; return it, if that takes long and lasts.

    Not where code counts in it: another process may have loaded another version.
    """
    if hashing.is_scalar(value):
        return ""
    found = value_digest(value, f"{args.name}.{name}")
    if isinstance(value, FunctionType):  # its code counts there, and what it holds here
        hashing.digest(value, f"{args.name}.{name}")
    return found if plain.is_object(value) else ""


_identify = argsets.Repeated(_identified)
