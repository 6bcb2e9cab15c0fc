"""Records: one argset's way through the stages, as a growing list of calls."""

import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast

from . import args as argsets
from . import code, hashing, reads, syntax
from .args import ExperimentArgs
from .errors import RequestError, nearest
from .stages import AnyStage
from .store import Trace

A = TypeVar("A")


class Manager(Protocol):
    """What a record needs of the manager."""

    records: list[Any]

    def add(self, call: "Call") -> None: ...

    def value(self, source: "Source") -> Any: ...


class Snapshot:
    """An argset as it was when a record was made, with the digests of its fields."""

    __slots__ = ("args", "name", "paramset", "_digests", "_source")

    def __init__(self, args: Any, paramset: str = "") -> None:
        self.args = self._source = argsets.sealed(args) if args is not None else None
        if args is not None and not _is_flat(args):
            self._source = argsets.sealed(args)  # users could change the other one
        self.name = str(args.name) if args is not None else "-"
        self.paramset = paramset
        self._digests: dict[str, str] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._source, self.name, self.paramset, self._digests)

    @property
    def source(self) -> Any:
        """The copy that nobody outside the runner holds."""
        return self._source

    def digest(self, path: str) -> str:
        """Return the digest of a field (`a.b`), a class (`a@`) or everything (`*`)."""
        found = self._digests.get(path)
        if found is None:
            found = self._digests[path] = self._digest(path)
        return found

    def content(self) -> str:
        """Return the digest of everything but the name."""
        if "content" not in self._digests:
            known = self._source.hash if self._source is not None else ""
            self._digests["content"] = known
        return self._digests["content"]

    def know_all(self) -> None:
        """Keep every digest, for a process that could not tell those of lambdas."""
        self.content()
        for path, _ in argsets.flat(self._source) if self._source is not None else ():
            self.digest(path)

    def check(self) -> None:
        """Refuse fields that have no identity."""
        for name, value in hashing.counted(self._source, self.name):
            if not hashing.is_scalar(value):
                self.digest(name)

    def member(self, path: str) -> str:
        """Return the digest of the code of a method or property."""
        key = f"{path}()"
        if key not in self._digests:
            owner, _, name = path.rpartition(".")
            cls: Any = type(reads.value_at(self._source, owner))
            found = code.fingerprint(*_methods(cls, name))
            kinds = cls.__mro__[:-1] if code.CLASS in found.names else ()
            names = map(hashing.qualified, kinds)
            self._digests[key] = hashing.hash_text(found.fingerprint, *names)
        return self._digests[key]

    def likely(self, names: frozenset[str]) -> list[str]:
        """Return the digests of the fields that code with these names may read."""
        if self._source is None:
            return []
        cls: Any = type(self._source)
        return [self.digest(name) for name in _likely_fields(cls, names)]

    def shown(self, path: str) -> str:
        """Return a short text of a value for messages."""
        if path.endswith(tuple(reads.MARKS)):
            return ""
        value, hidden = self._source, False
        try:
            for name in path.split("."):
                hidden = hidden or argsets.is_secret(type(value), name)
                value = getattr(value, name)
        except AttributeError:
            return "absent"
        return argsets.REDACTED if hidden else argsets.short(value)

    def _digest(self, path: str) -> str:
        cls: Any = type(self._source)
        if path in argsets.field_names(cls) and path not in hashing.representations(
            cls
        ):
            value = getattr(self._source, path)
            if hashing.is_scalar(value):
                return hashing.digest(value)
        return self._digest_of_any(path)

    def _digest_of_any(self, path: str) -> str:
        plain = path.rstrip(reads.MARKS).rstrip(".")
        owner, _, name = plain.rpartition(".")
        try:
            value = found = reads.value_at(self._source, owner)
            if name:
                value = getattr(found, name)
        except AttributeError:
            return "absent"
        where = f"{self.name}.{plain}".rstrip(".")
        if path.endswith("@"):
            kind = type(value)
            followed = hasattr(kind, "__dataclass_fields__")
            return (
                hashing.hash_text(*map(hashing.qualified, kind.__mro__[:-1]))
                if followed
                else "absent"
            )
        if path.endswith(reads.FIELDS):
            return hashing.hash_text(*argsets.field_names(type(value)))
        if path.endswith(reads.TEXT):
            return hashing.hash_text(argsets.plain_repr(value))
        if path.endswith("*"):
            own = code.fingerprint(*reads.functions_of(type(value)))
            return hashing.hash_text(value_digest(value, where), own.fingerprint)
        return value_digest(hashing.represented(found, name, where), where)


@functools.lru_cache(1000)
def _likely_fields(cls: type, names: frozenset[str]) -> list[str]:
    """Return the fields that code with these names may read; * if that is any."""
    fields = set(argsets.field_names(cls))
    if code.ANY_NAME in names or any(hasattr(cls, name) for name in names - fields):
        return ["*"]
    return sorted(fields & names)


def _is_flat(args: Any) -> bool:
    return all(hashing.is_scalar(value) for _, value in argsets.values(args))


def _restored(source: Any, *state: Any) -> Snapshot:
    made = Snapshot.__new__(Snapshot)
    made.args = made._source = source
    made.name, made.paramset, made._digests = state
    return made


AnyMember = tuple[Snapshot, Any]


class Present:
    """What the keys of reads stand for at present."""

    def __init__(self, file_digest: Callable[[str], str]) -> None:
        self.file_digest = file_digest

    def now(self, own: Snapshot, members: Sequence[AnyMember], key: str) -> str:
        """Return the digest that a key of reads has for a call."""
        kind, (number, _, path) = key[0], key[1:].partition(":")
        if number and int(number) >= len(members):
            return "absent"
        if kind == "f":
            return self.file_digest(path)
        if kind == "c":
            return _class_digest(path)
        snapshot = members[int(number)][0] if number else own
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
    try:
        found: Any = importlib.import_module(module)
        for step in qualname.split("."):
            found = getattr(found, step)
    except (ImportError, AttributeError):
        return "absent"
    return code.fingerprint(code.unwrapped(found)).fingerprint


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
            function = code.function_of(member)
            if (base, name) in found or name in fields or not code.is_project(base):
                continue
            if isinstance(function, FunctionType):
                found[base, name] = function
                codes = syntax.codes(function.__code__)
                waiting.extend(name for each in codes for name in each.co_names)
            elif not hasattr(type(member), "__get__") and name[:2] != "__":
                found[base, name] = code.Named(base.__module__, name, member)
    return list(found.values())


def value_digest(value: Any, path: str) -> str:
    """Return the digest of a value and of the project code that it holds."""
    if hashing.is_scalar(value):
        return hashing.digest(value)
    found, shape = code.project_callables(value, path)
    if not found:
        return shape
    return hashing.hash_text(shape, code.fingerprint(*found).fingerprint)


@dataclass(eq=False, repr=False, slots=True)
class Output:
    """The artifact that a call produces."""

    call: "Call"
    index: int


@dataclass(eq=False, repr=False, slots=True)
class Literal:
    """A value given by hand, known by its content."""

    value: Any
    digest: str


Source = Output | Literal
NO_LITERALS: dict[str, Literal] = {}
"""The keyword arguments of most calls: one mapping for all of them, never changed."""


class Member(NamedTuple):
    """One record as a call sees it: its argset, and where its inputs come from."""

    snapshot: Snapshot
    sources: dict[str, Source]


@dataclass(eq=False, repr=False, slots=True)
class Call:
    """One stage call on one record (an aggregate: over many), and what became of it."""

    stage: AnyStage
    own: Snapshot
    members: list[Member]
    arguments: dict[str, Literal]
    position: int = 0
    status: str = "waiting"
    reason: str = ""
    group: str = ""
    trace: Trace | None = None
    failure: Any = None
    seconds: float = 0.0
    output: str = ""
    """The file that has what it printed, by name."""
    _sources: list[Source] | None = None

    @property
    def label(self) -> str:
        return self.own.name

    @property
    def is_done(self) -> bool:
        """Whether it has a result."""
        return self.status in ("computed", "reused")

    def producers(self) -> list["Call"]:
        """Return the calls whose outputs this call takes, each once."""
        found = [s.call for s in self.sources() if isinstance(s, Output)]
        return found if len(found) < 2 else list(dict.fromkeys(found))

    def sources(self) -> list[Source]:
        """Return where each input comes from."""
        if self._sources is None:
            self._sources = [s for m in self.members for s in m.sources.values()]
        return self._sources

    def given(self) -> dict[str, str]:
        """Return the digests of its keyword arguments."""
        return {name: value.digest for name, value in self.arguments.items()}

    def narrow(self, members: list[Member]) -> None:
        """Go on with some of the records: that is another call."""
        self.members, self.group, self._sources = members, "", None

    def snapshots(self) -> list[Snapshot]:
        """Return the argsets of its records."""
        return [member.snapshot for member in self.members]


class State(MutableMapping[str, Any]):
    """The artifacts of a record by name; a value is computed or loaded when asked for."""

    __slots__ = ("_manager", "sources")

    def __init__(self, manager: Manager, sources: dict[str, Source]) -> None:
        self._manager = manager
        self.sources = sources

    def __getitem__(self, name: str) -> Any:
        if name not in self.sources:
            raise KeyError(f"{name!r}: {nearest(name, self.sources)}")
        return self._manager.value(self.sources[name])

    def __setitem__(self, name: str, value: Any) -> None:
        self.sources[name] = literal(value, name)

    def __delitem__(self, name: str) -> None:
        del self.sources[name]

    def __contains__(self, name: object) -> bool:
        return name in self.sources

    def __iter__(self) -> Iterator[str]:
        return iter(self.sources)

    def __len__(self) -> int:
        return len(self.sources)

    def __repr__(self) -> str:
        return f"State({', '.join(self.sources)})"


class Record(Generic[A]):
    """One argset's way through the stages.

    `record.args` is the argset, `record.state` the artifacts so far. Inside a stage a
    record also has `metric`, `report`, `scratch`, `get_path` and `get_dir`.
    """

    def __init__(self, manager: Manager, args: A, *, hide: bool = False) -> None:
        self.manager = manager
        self.snapshot = snapshot_of(args)
        self.state: Any = State(manager, {})
        self._last: Call | None = None
        if not hide:
            manager.records.append(self)

    @property
    def args(self) -> A:
        """The argset of this record; it cannot be changed."""
        found: Any = self.snapshot.args
        return cast(A, found)

    @property
    def params(self) -> A:
        """The argset, by the name of later releases."""
        return self.args

    @property
    def label(self) -> str:
        """A name for messages, which never counts as read."""
        return self.snapshot.name

    @property
    def output(self) -> Any:
        """What the last stage call returned: one value, or a tuple of several."""
        if self._last is None:
            return None
        last = self._last
        count = len(last.stage.outputs)
        found = tuple(self.manager.value(Output(last, i)) for i in range(count))
        return found[0] if count == 1 else found or None

    def make_copy(
        self, args: Any = None, *, add_to_manager: bool = True
    ) -> "Record[Any]":
        """Return a record with the same artifacts so far, and another argset if given."""
        chosen = self.snapshot if args is None else args
        made: Record[Any] = Record(self.manager, chosen, hide=not add_to_manager)
        made.state.sources.update(self.state.sources)
        return made

    def call(self, stage: AnyStage, records: Any, arguments: dict[str, Any]) -> None:
        """Add a call of a stage to this record; nothing is computed yet."""
        stage.renew()
        _check_arguments(stage, arguments)
        given = NO_LITERALS
        if arguments:
            given = {name: literal(value, name) for name, value in arguments.items()}
        replaced = {name: given.pop(name) for name in stage.inputs if name in given}
        if stage.is_aggregate:
            over = self.manager.records if records is None else records
            chosen = [each for each in over if each is not self]
            members = [_partial_member(each, stage, replaced) for each in chosen]
            _check_aggregate(stage, members)
        else:
            members = [_member(self, stage, replaced)]
        made = Call(stage, self.snapshot, members, given)
        self._last = made
        self.manager.add(made)
        for index, name in enumerate(stage.outputs):
            self.state.sources[name] = Output(made, index)

    def _only_inside(self, *values: Any, **options: Any) -> Any:
        raise RequestError(
            f"record {self.label!r}: this is for the inside of a stage",
            "move it into the stage, where results are known",
        )

    metric = report = get_path = get_dir = _only_inside

    @property
    def scratch(self) -> Any:
        """A folder for checkpoints; inside a stage only."""
        return self._only_inside()


def snapshot_of(args: Any) -> Snapshot:
    """Return the snapshot of an argset, the same one for an argset that has one."""
    if isinstance(args, Snapshot):
        return args
    known = _snapshots.get(id(args))
    if known is not None and known.args is args:
        return known
    if args is not None and not isinstance(args, ExperimentArgs):
        raise RequestError(
            f"a record takes an argset, not {argsets.short(args)}",
            "Record(manager, args), with args an instance of a class that extends "
            "ExperimentArgs, or None",
        )
    if args is not None:
        argsets.check_name(args.name, "a record was made by hand")
    made = Snapshot(args)
    if args is not None:
        keep_snapshot(made)
    return made


def keep_snapshot(snapshot: Snapshot) -> None:
    """Let records made from the argset of a snapshot share its digests."""
    _snapshots[id(snapshot.args)] = snapshot


_snapshots: dict[int, Snapshot] = {}


def literal(value: Any, name: str) -> Literal:
    """Return a value given by hand as a source."""
    if isinstance(value, Record):
        raise RequestError(
            f"{name} is a Record, a stage takes values",
            f'pass record.state["{name}"], or call the stages one after the other',
        )
    digest = value_digest(value, name)
    return Literal(argsets.detached(value), digest)


def _check_arguments(stage: AnyStage, arguments: dict[str, Any]) -> None:
    if not arguments:
        return
    kinds = stage.parameters.values()
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in kinds):
        return
    for name in arguments:
        if name not in stage.parameters:
            raise RequestError(
                f"{stage.where}: stage {stage.label} has no parameter {name!r}",
                nearest(name, list(stage.parameters)[1:]),
            )


def _member(record: Record[Any], stage: AnyStage, given: dict[str, Literal]) -> Member:
    sources: dict[str, Source] = {}
    for name in stage.inputs:
        source = given.get(name) or record.state.sources.get(name)
        if source is not None:
            sources[name] = source
        elif not stage.rules.suppress_missing_inputs or not _has_default(stage, name):
            raise RequestError(
                f"{stage.where}: stage {stage.label} takes {name!r}, which no stage "
                f"before it gives to record {record.label!r}",
                nearest(name, record.state.sources),
            )
    return Member(record.snapshot, sources)


def _has_default(stage: AnyStage, name: str) -> bool:
    parameter = stage.parameters.get(name)
    return parameter is not None and parameter.default is not inspect.Parameter.empty


def _partial_member(record: Any, stage: AnyStage, given: dict[str, Literal]) -> Member:
    if not isinstance(record, Record):
        raise RequestError(
            f"aggregate {stage.label} takes a list of records, not {record!r:.60}",
            f"{stage.label}(record, manager.records)",
        )
    have = {**record.state.sources, **given}
    return Member(record.snapshot, {n: have[n] for n in stage.inputs if n in have})


def _check_aggregate(stage: AnyStage, members: list[Member]) -> None:
    for name in stage.inputs:
        if not any(name in member.sources for member in members):
            known = [n for m in members for n in m.sources]
            raise RequestError(
                f"{stage.where}: aggregate {stage.label} takes {name!r}, which none of "
                f"its {len(members)} records has",
                nearest(name, known),
            )
