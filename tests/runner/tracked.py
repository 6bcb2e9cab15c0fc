"""Argsets of many kinds, in a module of a project, and copies that note what is read."""

import contextlib
import importlib
import importlib.util
import sys

import pytest

from curifactory import sources
from curifactory.reads import Reads

SOURCE = """
import functools
import operator
from dataclasses import dataclass, field
from typing import ClassVar

from curifactory import ExperimentArgs, set_hash_functions


@dataclass
class Model:
    depth: int = 3
    width: int = 8

    def area(self):
        return self.depth * self.width


@dataclass(frozen=True)
class Frozen:
    x: int = 1
    y: int = 2


@dataclass(frozen=True, slots=True)
class Slotted:
    x: int = 1
    y: int = 2


@dataclass
class ADict(dict):
    depth: int = 3


@dataclass
class Besides:
    side: int = 3

    def __post_init__(self):
        self.area = self.side**2  # which is no field


@dataclass
class OfBesides(ExperimentArgs):
    shape: Besides = field(default_factory=Besides)


@dataclass(eq=False)
class OfOneType:
    x: int = 1

    def __eq__(self, other):
        return type(other) is type(self) and other.x == self.x


@dataclass
class OfTwo(ExperimentArgs):
    one: OfOneType = field(default_factory=OfOneType)
    two: OfOneType = field(default_factory=OfOneType)


@functools.total_ordering
@dataclass(eq=False)
class Ordered:
    x: int = 1

    def is_alike(self, other):
        return type(other) is type(self)

    def __eq__(self, other):
        return self.is_alike(other) and other.x == self.x

    def __lt__(self, other):
        return self.x < other.x if self.is_alike(other) else NotImplemented


@dataclass
class OfOrdered(ExperimentArgs):
    one: Ordered = field(default_factory=Ordered)


@dataclass
class OfNone:
    x: int
    _original: int = 7


@dataclass
class OfRequired(ExperimentArgs):
    inner: OfNone = field(default_factory=lambda: OfNone(1))


@dataclass
class Outer:
    model: Model = field(default_factory=Model)
    z: int = 0


@dataclass
class Args(ExperimentArgs):
    seed: int = 0
    rate: float = 0.1
    layers: list = field(default_factory=list)
    model: Model = field(default_factory=Model)
    frozen: Frozen = field(default_factory=Frozen)
    slotted: Slotted = field(default_factory=Slotted)
    outer: Outer = field(default_factory=Outer)
    path: str = ""
    gpus: int = field(default=1, metadata={"operational": True})
    LIMIT: ClassVar[int] = 7

    @property
    def doubled(self):
        return self.seed * 2

    @functools.cached_property
    def tripled(self):
        calls.append("tripled")
        return self.seed * 3

    def scaled(self, by=10):
        return self.seed * by

    def chained(self):
        return self.scaled(2) + self.doubled

    def asking(self):
        return getattr(self, "asked", 2)

    @staticmethod
    def constant():
        return 5

    @classmethod
    def made(cls, seed):
        return cls(seed=seed)

    def __len__(self):
        return len(self.layers)


@dataclass
class Wider(Args):
    width: int = 5

    def scaled(self, by=10):
        return super().scaled(by) + self.width


def times(self, by):
    return self.seed * by


class Twice:

    def __get__(self, instance, owner):
        return self if instance is None else 2 * instance.seed


@dataclass
class Described(ExperimentArgs):
    seed: int = 1
    twice = Twice()
    kind = Model
    same = property(operator.attrgetter("seed"))
    by_three = functools.partialmethod(times, 3)

    @functools.singledispatchmethod
    def shown(self, value):
        return self.seed

    @shown.register
    def _(self, value: int):
        return self.seed + value


@dataclass
class Open(ExperimentArgs):
    seed: int = 1

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return f"made for {name}"


@dataclass(frozen=True)
class FrozenArgs(ExperimentArgs):
    seed: int = 0
    rate: float = 0.1


class Told(type):
    made = []

    def __new__(meta, name, bases, members, **options):
        Told.made.append(name)
        return super().__new__(meta, name, bases, members, **options)


class Kind(metaclass=Told):
    kinds = []

    def __init_subclass__(cls, task):
        Kind.kinds.append(task)


@dataclass
class Adam(Kind, task="adam"):
    rate: float = 0.1
    __hash__ = object.__hash__


@dataclass
class Represented(ExperimentArgs):
    seed: int = 1
    kind: Kind = field(default_factory=Adam)
    hash_representations: dict = set_hash_functions(seed=None)


@dataclass(slots=True)
class SlottedArgs(ExperimentArgs):
    seed: int = 0
    rate: float = 0.1


calls = []


def named(args):
    return args.name
"""
NAME = "read_by_tests"
LINE_OF_NAMED = SOURCE.count("\n")


@contextlib.contextmanager
def imported(folder, name, source):
    """Import a module that is written into a folder, as one of a project."""
    (folder / f"{name}.py").write_text(source)
    sources.watch(folder)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield importlib.import_module(name)
    sys.path.remove(str(folder))
    del sys.modules[name]


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project").resolve()
    with imported(folder, NAME, SOURCE) as module:
        yield module


@pytest.fixture(params=[None, frozenset({"absent", "sed", "a text"})])
def reads(request):
    return Reads(names=request.param)


@pytest.fixture
def args(params, reads):
    return reads.argset(params.Args("base", seed=4, layers=[1, 2]))


def keys(reads):
    return list(reads.keys)
