"""@stage and @aggregate: what a function takes from a record and gives to it."""

import ast
import functools
import inspect
import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import (
    Any,
    Concatenate,
    Generic,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
)

from . import caching, code, hashing, memoized, provenance, scope, sources, syntax
from .caching import AUTO, Cacheable
from .errors import RequestError, counted, nearest

R = TypeVar("R")
P = ParamSpec("P")
T = TypeVar("T")

LATER = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
"""The flags of functions that give what is gone through later."""
Cachers = (
    Sequence[type[Cacheable] | Cacheable | None] | type[Cacheable] | Cacheable | None
)


class Rules(NamedTuple):
    """What a stage may declare beside its inputs, outputs and cachers."""

    suppress_missing_inputs: bool = False
    """Leave out an input that no stage gives, where the parameter has a default; an
    aggregate gets an empty mapping for it."""
    partial: bool = False
    """Let an aggregate leave out records whose calls failed: that is another result."""
    version: str | None = None
    """Stands for the code: results are kept until it is changed by hand."""
    formerly: str | Sequence[str] = ()
    """Earlier names, as `stages.old.train`: their results are kept."""
    code: Sequence[Any] = ()
    """Functions, classes and modules that count, too; of packages, the version."""
    files: Sequence[str] = ()
    """Files or patterns, from the root of the project, that count as read."""
    reads: Sequence[str] | str | None = None
    """The only fields that may be read; "all" lets the whole argset count."""
    retries: int = 0
    """How often a failing call is tried once more."""
    cpus: int = 1
    """How many cores a call occupies."""


class Stage(Generic[R, P, T]):
    """A declared stage. Calling it adds a call to the record and returns the record.

    To type checkers it takes the records that its function takes; `stage.function` is
    that function, with its own signature.
    """

    def __init__(
        self,
        function: Callable[Concatenate[R, P], T],
        inputs: Sequence[str],
        outputs: Sequence[str],
        cachers: Sequence[Cacheable | None],
        *,
        is_aggregate: bool,
        rules: Rules,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.cachers = tuple(cachers)
        self.is_aggregate = is_aggregate
        self.rules = rules
        self.name = sources.qualified(function)
        self.label = function.__name__
        self.called = frozenset({self.label, self.name})
        self.parameters = inspect.signature(function).parameters
        self.where = _where(function)
        self._edition: object = None
        self._made = sources.reloads

    def wrong(self, said: str, hint: str) -> RequestError:
        """Return an error that tells of this stage, and where it is defined."""
        kind = "aggregate" if self.is_aggregate else "stage"
        return RequestError(f"{self.where}: {kind} {self.label} {said}", hint)

    def __reduce__(self) -> tuple[Any, ...]:
        return _imported, (self.function.__module__, self.function.__qualname__)

    def __call__(self, record: R, records: Any = None, **arguments: Any) -> R:
        if records is not None and not self.is_aggregate:
            hint = f"name the argument: {self.label}(record, name=value)"
            raise self.wrong("takes a record and keywords", hint)
        caller: Any = record
        if isinstance(caller, type) or not hasattr(caller, "call"):
            kind = type(record).__name__
            kind = f"an {kind}" if kind[0] in "AEIOUaeiou" else f"a {kind}"
            made = "None), records" if self.is_aggregate else "args)"
            hint = f"{self.label}(Record(manager, {made}), or a call of another @stage"
            raise RequestError(f"stage {self.label} takes a Record, not {kind}", hint)
        is_patched = sources.AUTORELOAD in sys.modules  # at each call: asked here
        caller.call(self._reloaded() if is_patched else self, records, arguments)
        return record

    def _reloaded(self) -> "AnyStage":
        """Return the stage as its module has it since, where %autoreload is at work.

        That lets functions and classes that were imported by name follow an edit.
        """
        if self.function.__module__ != "__main__":
            found = code.named(self.function.__module__, self.function.__qualname__)
            if isinstance(found, Stage) and found._made > self._made:
                return found
        return self

    def renew(self) -> None:
        """Fix the code as it is before anything executes; cells may change it."""
        if self._edition != code.edition() or id(self.function) in code.opened:
            self._edition = code.edition()
            for name in ("code", "key", "kinds", "likely"):
                vars(self).pop(name, None)
        _ = self.key

    @functools.cached_property
    def code(self) -> code.Code:
        """The code behind the stage, its own cachers included."""
        own = [type(each) for each in self.cachers if each is not None]
        more = [sources.unwrapped(getattr(c, "function", c)) for c in self.rules.code]
        roots = [*filter(sources.is_project, own), *filter(sources.is_project, more)]
        found = code.fingerprint(self.function, *roots)
        for each in found.memoized:
            memoized.prepare(each)
        foreign = [each for each in more if not sources.is_project(each)]
        versions = {f"version of {n}": v for n, v in map(_version, foreign)}
        if self.rules.version is not None:
            found = found._replace(fingerprint="", parts={})
            versions["version"] = self.rules.version
        if not versions:
            return found
        parts = {name: hashing.hash_text(text) for name, text in versions.items()}
        pinned = hashing.hash_text(found.fingerprint, *map(str, parts.items()))
        return found._replace(fingerprint=pinned, parts={**found.parts, **parts})

    @functools.cached_property
    def key(self) -> str:
        """The digest of all that is fixed for every call of the stage."""
        return self.key_as(self.name, self.code.fingerprint)

    @functools.cached_property
    def kinds(self) -> tuple[str, ...]:
        """What each cacher is."""
        return tuple(map(describe, self.cachers))

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The name of the stage, and those that it had before."""
        return self.name, *self.rules.formerly

    @functools.cached_property
    def is_named(self) -> bool:
        """Whether its module has it by its name: then nobody sets what it finds anew."""
        return code.named(self.function.__module__, self.function.__qualname__) is self

    @functools.cached_property
    def likely(self) -> frozenset[str]:
        """The names of what it may read of an argset."""
        any_name = {scope.ANY_NAME} if self.rules.reads == "all" else set()
        return self.code.names.union(any_name)

    @functools.cached_property
    def has_return(self) -> bool:
        """Whether it may return something, as far as its text says so."""
        compiled = getattr(self.function, "__code__", None)
        definition = syntax.find_function(compiled) if compiled is not None else None
        if not isinstance(definition, syntax.FUNCTIONS):
            return True
        returns = (
            each for each in ast.walk(definition) if isinstance(each, ast.Return)
        )
        return any(each.value is not None for each in returns)

    @functools.cached_property
    def needed(self) -> list[str]:
        """The parameters without a default that no input fills."""
        # A decorator may fill in what the function it wraps takes.
        own = inspect.signature(self.function, follow_wrapped=False).parameters
        rest = list(own.values())[1 + self.is_aggregate :]
        kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        bare = (p for p in rest if p.default is p.empty and p.kind in kinds)
        return [each.name for each in bare if each.name not in self.inputs]

    @functools.cached_property
    def referring(self) -> dict[int, Cacheable]:
        """The cachers that know of files elsewhere, by the place of their output."""
        outputs = [(i, c) for i, c in enumerate(self.cachers) if c is not None]
        return {i: c for i, c in outputs if c.is_referring()}

    def key_as(self, name: str, fingerprint: str) -> str:
        """Return the key under another name or other code, whose results are kept."""
        declared = [name, *self.inputs, "->", *self.outputs, *self.kinds]
        if self.rules.files or self.rules.reads is not None:
            declared.append(repr((self.rules.files, self.rules.reads)))
        return hashing.hash_text(fingerprint, *declared)


def _version(value: Any) -> tuple[str, str]:
    """Return a package and its version; the text as well where it is not installed."""
    name = sources.got(value, "__module__", None) or getattr(value, "__name__", "")
    package = str(name).partition(".")[0]
    return package, provenance.version(package) + code.text_beside(package)


def _imported(module: str, qualname: str) -> "AnyStage":
    """Return the stage that another process means."""
    # Names of files, unlike those of modules in Python, may have dashes and blanks.
    found = functools.reduce(getattr, qualname.split("."), import_module(module))
    if not isinstance(found, Stage):
        raise TypeError(f"{module}.{qualname} is no stage")
    return found


AnyStage: TypeAlias = Stage[Any, ..., Any]


class Declare(Protocol):
    """Takes the function of a stage."""

    def __call__(
        self, function: Callable[Concatenate[R, P], T], /
    ) -> Stage[R, P, T]: ...


def stage(
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    cachers: Cachers = AUTO,
    **rules: Any,
) -> Declare:
    """Declare a function as a stage: artifacts it takes, artifacts it returns.

    The function gets the record first, then each input by name. Cachers: one for each
    output; left out, chosen by value; None for outputs that are not kept. Further
    keywords are the fields of `Rules`.
    """
    return _declare(inputs, outputs, cachers, rules, is_aggregate=False)


def aggregate(
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    cachers: Cachers = AUTO,
    **rules: Any,
) -> Declare:
    """Declare a stage over many records: each input is a mapping from record to value."""
    return _declare(inputs, outputs, cachers, rules, is_aggregate=True)


def _declare(
    inputs: Any,
    outputs: Any,
    cachers: Cachers,
    rules: dict[str, Any],
    *,
    is_aggregate: bool,
) -> Declare:
    kind = "aggregate" if is_aggregate else "stage"
    if callable(inputs):
        name = getattr(inputs, "__name__", "")
        raise RequestError(
            f"{_where(inputs)}: @{kind} on {name} lacks its lists of names",
            f'write @{kind}(["input"], ["output"])',
        )

    def declare(function: Callable[Concatenate[R, P], T]) -> Stage[R, P, T]:
        if not inspect.isfunction(function):
            said = f"@{kind} stands on a function, not on {function!r:.80}"
            raise RequestError(said, "def name(record): return model.fit(...)")
        where = f"{_where(function)}: {kind} {function.__name__}"
        takes = _names(inputs, "inputs", where)
        gives = _names(outputs, "outputs", where)
        _check_signature(function, takes, is_aggregate, where)
        if function.__code__.co_flags & LATER:
            said = f"{where} gives what can be gone through once only"
            hint = "a plain def returns what comes of it: list(...), asyncio.run(...)"
            raise RequestError(said, hint)
        if rules.get("partial") and not is_aggregate:
            said = f"{where} leaves out no records: partial is for @aggregate"
            raise RequestError(said, "leave partial= out")
        given = function, takes, gives, _chosen(cachers, gives, where)
        return Stage(*given, is_aggregate=is_aggregate, rules=_rules(rules, where))

    return declare


def _rules(given: dict[str, Any], where: str) -> Rules:
    known = [*Rules._fields, "cachers", "inputs", "outputs"]
    for name in given:
        if name not in known:
            is_older = name == "expected_state"  # of other releases
            hint = "write inputs=[...]" if is_older else nearest(name, known)
            raise RequestError(f"{where} has no rule {name!r}", hint)
    made = Rules(**given)
    if made.reads != "all":
        _names(made.reads, "reads", where)
    _names(made.files, "files", where)
    if isinstance(made.formerly, str):
        made = made._replace(formerly=[made.formerly])
    for each in _names(made.formerly, "formerly", where):
        if "." not in each:
            said = (
                f"{where}: formerly is {each!r}, not the name of a module and a stage"
            )
            raise RequestError(said, f'formerly="stages.old.{each}"')
    if not _is_list(made.code):
        said = f"{where}: code is {made.code!r:.80}, not a list"
        raise RequestError(said, "code=[src.plugins.fit]")
    for each in made.code:
        if not hasattr(each, "__name__"):
            said = f"{where}: code has {each!r:.80}, no function, class or module"
            raise RequestError(said, "code=[src.plugins.fit]")
    if not isinstance(made.version, (str, type(None))):
        said = f"{where}: version is {made.version!r}, no text"
        raise RequestError(said, 'version="2"')
    for name, least in (("cpus", 1), ("retries", 0)):
        number = getattr(made, name)
        if not isinstance(number, int) or number < least:
            said = f"{where}: {name} is {number!r}, not a number from {least} on"
            raise RequestError(said, f"{name}=2")
    return made


def _is_list(given: Any) -> bool:
    """Return whether something has members in an order: a set has another in each process."""
    return isinstance(given, Collection) and not isinstance(
        given, (str, set, frozenset)
    )


def _names(given: Any, what: str, where: str) -> list[str]:
    if given and not (_is_list(given) and all(isinstance(e, str) and e for e in given)):
        said = f"{where}: {what} is {given!r}, not a list of names"
        raise RequestError(said, f'{what}=["name"]')
    names = list(given or ())
    if len(set(names)) < len(names):
        raise RequestError(f"{where}: {what} names one artifact twice: {names}")
    return names


STUBS = {"save": Cacheable.save, "load": Cacheable.load}


def _chosen(
    cachers: Cachers, outputs: Sequence[str], where: str
) -> list[Cacheable | None]:
    if cachers is None or isinstance(cachers, (Cacheable, type)):
        cachers = [cachers] * len(outputs)
    if not isinstance(cachers, Sequence) or isinstance(cachers, str):
        raise RequestError(f"{where}: {cachers!r:.80} is no cacher", "[JsonCacher]")
    if len(cachers) != len(outputs):
        several = counted(len(outputs), "output"), counted(len(cachers), "cacher")
        said = f"{where} has {' and '.join(several)}"
        raise RequestError(said, "give one cacher for each output, or leave all out")
    made = [each() if isinstance(each, type) else each for each in cachers]
    for name, each in zip(outputs, made, strict=True):
        if each is not None and not isinstance(each, Cacheable):
            raise RequestError(f"{where}: {each!r} is no cacher", "extend Cacheable")
        lacks = [n for n, s in STUBS.items() if getattr(type(each), n, 0) is s]
        if lacks and not isinstance(each, caching.AutoCacher):
            said = f"{where}: cacher {type(each).__name__} of {name!r} lacks {lacks[0]}"
            raise RequestError(said, "a cacher defines save(self, obj) and load(self)")
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
            said = f"{where} declares the input {name!r} but has no such parameter"
            if name in parameters:
                said = f"{where} takes {name!r} where {' and '.join(first)} must be"
            example = ", ".join([*first, *inputs])
            raise RequestError(said, f"def {function.__name__}({example}):")


def _where(function: Any) -> str:
    """Return the place of a function, within its decorators."""
    inner = inspect.unwrap(function) if inspect.isfunction(function) else function
    compiled = getattr(inner, "__code__", None)
    if compiled is None:
        return sources.qualified(function)
    return f"{sources.place_of(inner)}:{compiled.co_firstlineno}"


def describe(cacher: Cacheable | None) -> str:
    """Return what a cacher is: what it loads depends on its class, options and code."""
    if cacher is None:
        return "none"
    state = {k: v for k, v in vars(cacher).items() if k != "name"}
    own = code.fingerprint(type(cacher)) if sources.is_project(type(cacher)) else None
    known = sources.qualified(type(cacher)), state, own and own.fingerprint
    return hashing.digest(known, "cacher")


BY_NAME = {name: describe(each) for name, each in caching.BY_NAME.items()}
