"""@stage and @aggregate: what a function takes from a record and gives to it."""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from . import code, hashing
from .caching import AUTO, Cacheable
from .errors import RequestError

R = TypeVar("R")
Cachers = Sequence[type[Cacheable] | Cacheable | None] | Cacheable | None


class Stage:
    """A declared stage. Calling it adds a call to the record and returns the record."""

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: Sequence[str],
        outputs: Sequence[str],
        cachers: Sequence[Cacheable | None],
        *,
        is_aggregate: bool,
        version: str | None = None,
        suppress_missing_inputs: bool = False,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.cachers = tuple(cachers)
        self.is_aggregate = is_aggregate
        self.version = version
        self.suppress_missing_inputs = suppress_missing_inputs
        self.name = hashing.qualified(function)
        self.label = function.__name__
        self.parameters = inspect.signature(function).parameters
        self.where = _where(function)
        self._cell = 0

    def __call__(self, record: R, records: Any = None, **arguments: Any) -> R:
        if records is not None and not self.is_aggregate:
            raise RequestError(
                f"{self.where}: stage {self.label} takes a record and keywords",
                f"name the argument: {self.label}(record, name=value)",
            )
        caller: Any = record
        if not hasattr(caller, "call"):
            kind = type(record).__name__
            raise RequestError(
                f"stage {self.label} takes a Record, not a {kind}",
                f"{self.label}(Record(manager, args))",
            )
        caller.call(self, records, arguments)
        return record

    def renew(self) -> None:
        """Fix the code as it is before anything executes; each cell may change it."""
        if self._cell != code.cell():
            self._cell = code.cell()
            vars(self).pop("code", None)
            vars(self).pop("key", None)
        _ = self.key

    @functools.cached_property
    def code(self) -> code.Code:
        """The code behind the stage, its own cachers included."""
        own = [type(each) for each in self.cachers if each is not None]
        found = code.fingerprint(self.function, *filter(code.is_project, own))
        if self.version is None:
            return found
        pinned = hashing.hash_text("version", str(self.version))
        parts = {f"version {self.version}": pinned}
        return replace(found, fingerprint=pinned, parts=parts)

    @functools.cached_property
    def key(self) -> str:
        """The digest of all that is fixed for every call of the stage."""
        kinds = [describe(each) for each in self.cachers]
        declared = [self.name, *self.inputs, "->", *self.outputs, *kinds]
        return hashing.hash_text(self.code.fingerprint, *declared)


def stage(
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    cachers: Cachers = AUTO,
    *,
    suppress_missing_inputs: bool = False,
    version: str | None = None,
) -> Callable[[Callable[..., Any]], Stage]:
    """Declare a function as a stage: artifacts it takes, artifacts it returns.

    The function gets the record first, then each input by name. Cachers: one for each
    output; left out, chosen by value; None for outputs that are not kept. An input that
    no stage gives is an error, unless it is suppressed and the parameter has a default.
    """
    return _declare(
        inputs,
        outputs,
        cachers,
        is_aggregate=False,
        version=version,
        suppress_missing_inputs=suppress_missing_inputs,
    )


def aggregate(
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    cachers: Cachers = AUTO,
    *,
    version: str | None = None,
) -> Callable[[Callable[..., Any]], Stage]:
    """Declare a stage over many records: each input is a mapping from record to value."""
    return _declare(inputs, outputs, cachers, is_aggregate=True, version=version)


def _declare(
    inputs: Any, outputs: Any, cachers: Cachers, *, is_aggregate: bool, **options: Any
) -> Callable[[Callable[..., Any]], Stage]:
    kind = "aggregate" if is_aggregate else "stage"
    if callable(inputs):
        name = getattr(inputs, "__name__", "")
        raise RequestError(
            f"{_where(inputs)}: @{kind} on {name} lacks its lists of names",
            f'write @{kind}(["input"], ["output"])',
        )

    def declare(function: Callable[..., Any]) -> Stage:
        where = f"{_where(function)}: {kind} {function.__name__}"
        takes = _names(inputs, "inputs", where)
        gives = _names(outputs, "outputs", where)
        _check_signature(function, takes, is_aggregate, where)
        chosen = _chosen(cachers, gives, where)
        return Stage(
            function, takes, gives, chosen, is_aggregate=is_aggregate, **options
        )

    return declare


def _names(given: Any, what: str, where: str) -> list[str]:
    if isinstance(given, str) or not all(isinstance(each, str) for each in given or ()):
        raise RequestError(
            f"{where}: {what} is {given!r}, not a list of names", f'{what}=["name"]'
        )
    names = list(given or ())
    if len(set(names)) < len(names):
        raise RequestError(f"{where}: {what} names one artifact twice: {names}")
    return names


def _chosen(
    cachers: Cachers, outputs: Sequence[str], where: str
) -> list[Cacheable | None]:
    if cachers is None or isinstance(cachers, Cacheable):
        return [cachers] * len(outputs)
    if len(cachers) != len(outputs):
        raise RequestError(
            f"{where} has {len(outputs)} outputs and {len(cachers)} cachers",
            "give one cacher for each output, or leave them all out",
        )
    made = [each() if isinstance(each, type) else each for each in cachers]
    for each in made:
        if each is not None and not isinstance(each, Cacheable):
            raise RequestError(f"{where}: {each!r} is no cacher", "extend Cacheable")
    return made


def _check_signature(
    function: Callable[..., Any], inputs: Sequence[str], is_aggregate: bool, where: str
) -> None:
    parameters = inspect.signature(function).parameters
    first = ["record", "records"] if is_aggregate else ["record"]
    if len(parameters) < len(first):
        raise RequestError(f"{where} must take {' and '.join(first)} first")
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    for name in inputs:
        if name not in list(parameters)[len(first) :]:
            raise RequestError(
                f"{where} declares the input {name!r} but has no such parameter",
                f"def {function.__name__}({', '.join([*first, *inputs])}):",
            )


def _where(function: Any) -> str:
    compiled = getattr(function, "__code__", None)
    if compiled is None:
        return hashing.qualified(function)
    place = code.place_of(function)
    return f"{place}:{compiled.co_firstlineno}"


def describe(cacher: Cacheable | None) -> str:
    """Return what a cacher is: what it loads depends on its class, options and code."""
    if cacher is None:
        return "none"
    state = {k: v for k, v in vars(cacher).items() if k not in ("folder", "name")}
    own = code.fingerprint(type(cacher)) if code.is_project(type(cacher)) else None
    known = hashing.qualified(type(cacher)), state, own and own.fingerprint
    return hashing.digest(known, "cacher")
