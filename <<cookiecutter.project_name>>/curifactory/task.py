"""One call as whoever executes it gets it, and what comes back from there."""

import functools
import importlib
import io
import pickle
import sys
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from . import caching, decide, pickling
from .errors import ArtifactError
from .failure import Failure
from .lending import Loan
from .record import Literal, Stored
from .settings import Settings
from .snapshot import Snapshot
from .stages import AnyStage
from .trace import Trace


class Place(NamedTuple):
    """Where the project, its cache and its run lie."""

    project: Settings
    run: str
    spill: Path | None = None
    """Where values that the cache does not keep are passed on; None in one process."""
    module: str = ""
    """The module of the experiment: it may register code that a stage reaches."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _place_of, (_bytes_of(self),)

    def __hash__(self) -> int:  # asked for at each call; that of paths takes long
        return hash(self.run)


@functools.cache
def _bytes_of(place: Place) -> bytes:
    return pickle.dumps(tuple(place), protocol=5)


@functools.cache
def _place_of(data: bytes) -> Place:
    """Return the same place for all calls of a run: a worker makes it once."""
    return Place(*pickle.loads(data))


@dataclass(eq=False, repr=False)
class Held:
    """An input that the cache does not keep: the value itself, or where it was put."""

    value: Any
    what: str = ""
    is_packed: bool = False
    is_spent: bool = False
    """Whether the value itself was handed out, as it has no copy: nobody else gets it."""

    @property
    def is_gone(self) -> bool:
        """Whether nobody gets it any more; what a run passes on goes when it ends."""
        return self.is_spent or (self.is_packed and not Path(self.value).exists())

    def unpacked(self) -> Any:
        """Return a value that is nobody else's."""
        if self.is_packed:
            data = Path(self.value).read_bytes()
            try:
                return pickle.loads(data)
            except Exception as error:
                message = f"{self.what} cannot be passed to another process: {error}"
                raise ArtifactError(message, "run with --engine serial") from error
        try:
            return caching.own_copy(self.value)
        except Exception:
            self.is_spent = True
            return self.value


Value = Literal | Stored | Held


class Task(NamedTuple):
    """All that is needed to execute one call, and nothing that stays behind."""

    place: Place
    stage: AnyStage
    own: Snapshot
    members: list[tuple[Snapshot, dict[str, Value]]]
    arguments: dict[str, Literal]
    inputs: list[str]
    before: tuple[str, Trace] | None = None
    """When only data is to be made again: the group it has here, and the trace of it."""
    stream: Path | None = None
    output: str = ""
    known: str = ""
    """The group of the call, where the process that asks is the one that executes it."""
    is_disputed: bool = False
    """Whether a process that was stopped may go on with the same call."""

    @property
    def group(self) -> str:
        """What this process knows of the call: under the code that it has loaded."""
        if self.known:
            return self.known
        given = {name: each.digest for name, each in self.arguments.items()}
        return decide.group_of(self.stage.key, self.inputs, given)


@dataclass(eq=False, repr=False)
class Outcome:
    """What comes back from an execution: small, whatever was computed."""

    trace: Trace | None = None
    failure: Failure | None = None
    reads: dict[str, str] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    """The files of the project that the call itself has written."""
    beyond: str = ""
    """A file outside the project that it has read, and that does not count."""
    damaged: list[str] = field(default_factory=list)
    loans: list[Loan] = field(default_factory=list)
    kept: dict[int, Held] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    loaded: dict[str, str] = field(default_factory=dict)
    """The digest of each file of code, where a worker has other code than who asked."""
    seconds: float = 0.0
    """How long it took, from loading to saving; not how long it waited for a worker."""


def packed(value: Any, what: str) -> bytes:
    """Return a value as bytes for another process; by cloudpickle what pickle refuses."""
    try:
        return pickling.pickled(value)
    except Exception as error:
        try:
            return _by_cloudpickle(value)
        except Exception:
            hint = "run with --engine serial"
            if "cloudpickle" not in sys.modules:
                hint = f"pip install cloudpickle, or {hint}"
            message = f"{what} cannot be passed to another process: {error}"
            raise ArtifactError(message, hint) from error


def _by_cloudpickle(value: Any) -> bytes:
    """Return a value as bytes; functions in it keep the file that they are from.

    By that the other process finds what they may read, and that they are of the project.
    """
    own: Any = importlib.import_module("cloudpickle").Pickler
    code = {CodeType: functools.partial(_reduced, own)}
    table = ChainMap(code, dict(pickling.reducers()), own.dispatch_table)
    file = io.BytesIO()
    type("Pickler", (own,), {"dispatch_table": table})(file).dump(value)
    return file.getvalue()


def _reduced(pickler: Any, code: CodeType) -> tuple[Any, ...]:
    make, given = pickler.dispatch_table[CodeType](code)
    return _code_of, (make, given, code.co_filename)


def _code_of(make: Callable[..., CodeType], given: Any, filename: str) -> CodeType:
    return make(*given).replace(co_filename=filename)
