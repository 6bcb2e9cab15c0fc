"""Records: one argset's way through the stages, as a growing list of calls."""

import contextlib
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast, overload
from weakref import WeakValueDictionary

from . import args as argsets
from . import code, hashing, libraries, plain
from .args import ExperimentArgs
from .caching import Cacheable, cacher_of
from .errors import RequestError, counted, nearest
from .snapshot import Snapshot, value_digest
from .stages import AnyStage
from .trace import Artifact, Trace

A = TypeVar("A")
B = TypeVar("B", bound=ExperimentArgs)


class Manager(Protocol):
    """What a record needs of the manager."""

    records: list[Any]
    eager: bool

    def add(self, call: "Call") -> None: ...

    def value(self, source: "Source") -> Any: ...

    def say(self, text: str) -> None: ...


class Stored(NamedTuple):
    """An input that lies in the cache."""

    folder: str
    artifact: Artifact
    cacher: Cacheable


@dataclass(eq=False, repr=False, slots=True)
class Output:
    """The artifact that a call produces."""

    call: "Call"
    index: int

    def stored(self) -> Stored:
        """Return it as it lies in the cache."""
        trace = self.call.trace
        assert trace is not None
        artifact = trace.outputs[self.index]
        declared = self.call.stage.cachers[self.index]
        return Stored(trace.folder, artifact, cacher_of(declared, artifact.cacher))


@dataclass(eq=False, repr=False, slots=True)
class Literal:
    """A value given by hand, known by its content."""

    value: Any
    digest: str
    held: Sequence[Any] = ()
    """The functions and classes in it that may find other things around them later."""


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
    known: list[str] | None = None
    """The identities of its inputs, from when they are known until it is done."""
    held: Sequence[Any] = ()
    """What it holds that may find other things later: it is to be computed at once."""
    seen: str = ""
    """The digest of the code of these, as they were at the call."""
    taken: list[Output] = field(init=False)
    """The outputs of other calls that it takes."""

    def __post_init__(self) -> None:
        sources = [each for m in self.members for each in m.sources.values()]
        self.taken = [each for each in sources if isinstance(each, Output)]

    @property
    def label(self) -> str:
        return self.own.name

    @property
    def is_done(self) -> bool:
        """Whether it has a result."""
        return self.status in ("computed", "reused")

    def producers(self) -> list["Call"]:
        """Return the calls whose outputs this call takes, each once."""
        found = [each.call for each in self.taken]
        return found if len(found) < 2 else list(dict.fromkeys(found))

    def given(self) -> dict[str, str]:
        """Return the digests of its keyword arguments."""
        return {name: value.digest for name, value in self.arguments.items()}

    def has_changed(self) -> bool:
        """Return whether what it holds finds other things around it than at the call."""
        return code.fingerprint(*self.held).fingerprint != self.seen

    def narrow(self, members: list[Member]) -> None:
        """Go on with some of the records: that is another call."""
        self.members, self.group, self.known = members, "", None
        self.__post_init__()


FIRST = "call the stage that gives it first"


class State(MutableMapping[str, Any]):
    """The artifacts of a record by name; a value is computed or loaded when asked for."""

    __slots__ = ("_manager", "sources")

    def __init__(self, manager: Manager, sources: dict[str, Source]) -> None:
        self._manager = manager
        self.sources = sources

    def __getitem__(self, name: str) -> Any:
        if name not in self.sources:
            raise KeyError(f"{name!r}: {nearest(name, self.sources, FIRST)}")
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
        if not hasattr(manager, "records"):
            said = f"a record takes a manager, not {argsets.short(manager)}"
            raise RequestError(said, "Record(manager, args)")
        self.state: Any = State(manager, {})
        self._last: Call | None = None
        if not hide:
            manager.records.append(self)

    def __repr__(self) -> str:
        return f"Record({self.label!r}: {', '.join(self.state.sources)})"

    @property
    def args(self) -> A:
        """The argset of this record; it cannot be changed."""
        return cast(A, self.snapshot.args)

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
        last = self._last
        if last is None:
            return None
        places = range(len(last.stage.outputs))
        found = tuple(self.manager.value(Output(last, i)) for i in places)
        return found[0] if len(found) == 1 else found or None

    @overload
    def make_copy(
        self, args: None = None, *, add_to_manager: bool = True
    ) -> "Record[A]": ...

    @overload
    def make_copy(self, args: B, *, add_to_manager: bool = True) -> "Record[B]": ...

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
        if self.manager.eager and code.set_since():
            code.look_anew()
        held = [] if stage.is_named else code.open_in([stage.function])
        stage.renew()
        _check_arguments(stage, arguments)
        given = replaced = NO_LITERALS
        if arguments:
            given = {name: literal(value, name) for name, value in arguments.items()}
            replaced = {name: given.pop(name) for name in stage.inputs if name in given}
        chosen: list[Record[Any]] = [self]
        if stage.is_aggregate:
            over = self.manager.records if records is None else records
            if isinstance(over, (set, frozenset)):
                raise stage.wrong("takes records in an order", "give a list, not a set")
            if not isinstance(over, Iterable):
                over = [over]  # which is told that it is no list of records
            chosen = [each for each in over if each is not self]
        members = [_member(each, stage, replaced) for each in chosen]
        _check_inputs(stage, chosen, members)
        if self.manager.eager:
            read = (each.snapshot for each in members)
            for snapshot in dict.fromkeys([self.snapshot, *read]):
                snapshot.check_unchanged()
            if stage.is_aggregate and records is None:
                _tell_of_repeated(stage, members, self.manager)
        made = Call(stage, self.snapshot, members, given)
        if code.opened:
            made.held = [*held, *_looked_at_anew(made)]
            made.seen = code.fingerprint(*made.held).fingerprint
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

    scratch = property(_only_inside)


def snapshot_of(args: Any) -> Snapshot:
    """Return the snapshot of an argset, the same one for an argset that has one."""
    if isinstance(args, Snapshot):
        return args
    if args is None:
        return Snapshot(None)
    known = _snapshots.get(id(args))
    if known is not None and known.args is args:
        known.check_unchanged()
        return known
    if not isinstance(args, ExperimentArgs):
        said = f"{argsets.short(args)} ({type(args).__name__})"
        hint = "Record(manager, args), with an instance of ExperimentArgs, or None"
        raise RequestError(f"a record takes an argset, not {said}", hint)
    argsets.check_name(args.name, "a record was made by hand")
    made = Snapshot(args)
    made.held = code.open_in(_callables_in(made.source))
    argset_of(made)
    argsets.seal(args)  # its record would not follow
    return made


def _callables_in(args: Any) -> list[Any]:
    """Return functions and classes in an argset; what many argsets share has none."""
    kinds = FunctionType, type
    values = argsets.contents(args)
    loose = (v for v in values if isinstance(v, kinds) or not plain.is_fixed(v))
    return [each for value in loose for each in code.callables_in(value)]


def argset_of(snapshot: Snapshot) -> Any:
    """Return the argset of a snapshot: records made from it share its digests."""
    _snapshots[id(snapshot.args)] = snapshot
    return snapshot.args


_snapshots: dict[int, Snapshot] = {}


def literal(value: Any, name: str) -> Literal:
    """Return a value given by hand as a source."""
    if isinstance(value, Record):
        raise RequestError(
            f"{name} is a Record, a stage takes values",
            f'pass record.state["{name}"], or call the stages one after the other',
        )
    held: list[Any] = []
    kept = None if hashing.is_scalar(value) else plain.shared_plain(value)
    digest = value_digest(value if kept is None else kept, name, held)
    if kept is None:
        # Of other objects there may be more than counts, such as operational fields.
        is_shared = libraries.is_data(value) and not held
        kept = _given.get(digest) if is_shared else None
        try:
            kept = plain.copied(value) if kept is None else kept
        except Exception as error:
            raise plain.uncopied(value, name, error) from error
        if is_shared:
            with contextlib.suppress(TypeError):  # some know nothing of who has them
                _given[digest] = kept
    return Literal(kept, digest, held)


_given: "WeakValueDictionary[str, Any]" = WeakValueDictionary()
"""The copies of arrays and frames that calls were given: one of those that equal."""


def _looked_at_anew(call: Call) -> list[Any]:
    """Let a call go by what its functions find by now, and return these."""
    found: list[Any] = []
    for snapshot in dict.fromkeys(
        [call.own, *(each.snapshot for each in call.members)]
    ):
        if snapshot.held:
            snapshot.look_anew()
            found += snapshot.held
    for sources in (each.sources for each in call.members):
        for name, source in sources.items():
            if isinstance(source, Literal) and source.held:
                sources[name] = literal(source.value, name)
                found += source.held
    for given in call.arguments.values():
        found += given.held
    return found


def _check_arguments(stage: AnyStage, arguments: dict[str, Any]) -> None:
    for name in stage.needed:
        if name not in arguments:
            hint = (
                f"name it in @stage([{name!r}, ...]), or {stage.label}(..., {name}=...)"
            )
            raise stage.wrong(
                f"takes {name!r}, which is no input and was not given", hint
            )
    if not arguments:
        return
    if any(each.kind is each.VAR_KEYWORD for each in stage.parameters.values()):
        return
    for name in arguments:
        if name not in stage.parameters:
            hint = nearest(name, list(stage.parameters)[1:])
            raise stage.wrong(f"has no parameter {name!r}", hint)


def _member(record: Any, stage: AnyStage, given: dict[str, Literal]) -> Member:
    if not isinstance(record, Record):
        raise RequestError(
            f"aggregate {stage.label} takes a list of records, not {record!r:.60}",
            f"{stage.label}(record, manager.records)",
        )
    have = record.state.sources
    if given:
        have = {**have, **given}
    return Member(record.snapshot, {n: have[n] for n in stage.inputs if n in have})


def _check_inputs(
    stage: AnyStage, records: list[Record[Any]], members: list[Member]
) -> None:
    if members and len(members[0].sources) == len(stage.inputs):
        return  # as most have
    for name in stage.inputs:
        if any(name in member.sources for member in members) or _may_lack(stage, name):
            continue
        if stage.is_aggregate:
            lack = f"none of its {counted(len(records), 'record')} has"
        else:
            lack = f"no stage before it gives to record {records[0].label!r}"
        known = [each for record in records for each in record.state.sources]
        said = f"takes {name!r}, which {lack}"
        if hint := _hint_of_another(name, records):
            raise RequestError(f"{stage.label} {said}", hint)
        raise stage.wrong(said, nearest(name, known, FIRST))


def _tell_of_repeated(stage: AnyStage, members: list[Member], manager: Manager) -> None:
    """Tell of argsets with several records: a cell that is executed again makes more."""
    taken = [m.snapshot for m in members if m.sources and m.snapshot.source is not None]
    names = {each.name for each in taken}
    if len(names) < len(taken):
        several = counted(len(taken), "record"), counted(len(names), "argset")
        manager.say(
            f"{stage.label} covers {several[0]} of {several[1]}, all that were made so far; "
            f"{stage.label}(record, records) covers those of a list"
        )


def _hint_of_another(name: str, records: list[Record[Any]]) -> str:
    """Return what to say where another record of the same argset has an input."""
    labels = {each.label for each in records}
    for other in records[0].manager.records if records else ():
        if other.label in labels and name in other.state.sources:
            return (
                f"another Record of {other.label!r} has it: use one for all its stages"
            )
    return ""


def _may_lack(stage: AnyStage, name: str) -> bool:
    """Return whether a stage does without an input: by a default, or an empty mapping."""
    parameter = stage.parameters.get(name)
    has_default = parameter is not None and parameter.default is not parameter.empty
    return stage.rules.suppress_missing_inputs and (has_default or stage.is_aggregate)
