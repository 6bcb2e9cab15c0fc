"""Values whose digests are compared, in this process and in others, without pytest."""

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import json
import math
import operator
import pathlib
import random
import re
import sys
import types
import typing
import uuid

import identity_libraries

from curifactory import hashing


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Pair(typing.NamedTuple):
    x: object
    y: object


class Couple(typing.NamedTuple):
    x: object
    y: object


class Noted(ValueError):
    def __init__(self, *args, note):
        super().__init__(*args)
        self.note = note


@dataclasses.dataclass
class Point:
    x: object = 0
    y: object = 0


class OwnPath(pathlib.PurePosixPath):
    pass


class OtherPath(pathlib.PurePosixPath):
    pass


class Tags(set):
    def __init__(self, content=(), kind=0):
        super().__init__(content)
        self.kind = kind


class OwnFraction(fractions.Fraction):
    pass


@dataclasses.dataclass
class Spot:
    x: object = 0
    y: object = 0


@dataclasses.dataclass
class Line:
    start: object = None
    end: object = None


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: object = 0


@dataclasses.dataclass
class Machine:
    seed: int = 0
    gpus: int = dataclasses.field(default=1, metadata={"operational": True})


@dataclasses.dataclass
class Lazy:
    x: int = 1

    @functools.cached_property
    def double(self):
        return self.x * 2


class Plain:
    def __init__(self, **content):
        vars(self).update(content)


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def swapped(self):
        return Slotted(self.y, self.x)

    def kept(self):
        return self


class Ratio(fractions.Fraction):
    pass


class Methods:
    @staticmethod
    def fixed():
        return 1

    @classmethod
    def made(cls):
        return cls()


class Others(Methods):
    pass


class Singleton:
    """Its instances pickle as the name of a global."""

    ONE = None

    def __reduce__(self):
        return "Singleton.ONE"


class Twin(Singleton):
    def __reduce__(self):
        return "Twin.ONE"


Singleton.ONE = Singleton()
Twin.ONE = Twin()
Homeless = type("Homeless", (), {"__module__": None})


def outer(function):
    return lambda x: function(x)


class Text(str):
    pass


class Names(list):
    pass


class Table(dict):
    pass


def first(x):
    return x


def second(x):
    return x


def adder(amount):
    return lambda x: x + amount


def inner(amount):
    def add(x):
        return x + amount

    return add


def renamed(amount):
    def plus(x):
        return x + amount

    return plus


def unbound():
    def early(x):
        return x + late

    return early
    late = 1


def countdown():
    def down(n):
        return n and down(n - 1)

    return down


def used(lazy):
    assert lazy.double == 2
    return lazy


shared = [1]
one_line = [lambda x: x + 1, lambda x: x + 2, lambda x: x + 1]
defaults = [lambda x=1: x, lambda x=2: x, lambda *, x=1: x]
forward = dict([("a", 1), ("b", 2), ("c", 3)])
backward = dict([("c", 3), ("b", 2), ("a", 1)])
words = ["alpha", "beta", "gamma", "delta", "epsilon"]
noon = datetime.datetime(2024, 5, 17, 12)
utc = datetime.timezone.utc

SAME = {
    "ints": (10**30, int("1" + "0" * 30)),
    "floats": (0.1 + 0.2, 0.30000000000000004),
    "not a number": (float("nan"), float("nan")),
    "texts": ("ab", "".join(["a", "b"])),
    "lone surrogates": ("\ud800", "\ud800"),
    "sets in any order": (set(words), set(reversed(words))),
    "frozensets in any order": (frozenset(words), frozenset(reversed(words))),
    "sets of sets": ({frozenset(words), 1}, {1, frozenset(reversed(words))}),
    "dicts in any order": (forward, backward),
    "dicts in dicts in any order": ({"a": forward, "b": 1}, {"b": 1, "a": backward}),
    "default dicts in any order": (
        collections.defaultdict(list, forward),
        collections.defaultdict(list, backward),
    ),
    "counters in any order": (collections.Counter("abca"), collections.Counter("cbaa")),
    "subclasses of dict in any order": (Table(forward), Table(backward)),
    "one object twice and two equal ones": ([shared, shared], [[1], [1]]),
    "dataclasses": (Point(1, [2]), Point(1, [2])),
    "nested dataclasses": (Line(Point(1, 2), None), Line(Point(1, 2), None)),
    "operational fields": (Machine(1, gpus=1), Machine(1, gpus=8)),
    "nested operational fields": (Line(Machine(1, 1)), Line(Machine(1, 8))),
    "a cached property that was used": (Lazy(), used(Lazy())),
    "enums": (Color.RED, Color(1)),
    "dates": (datetime.date(2024, 5, 17), datetime.date.fromisoformat("2024-05-17")),
    "paths": (pathlib.PurePosixPath("a/b"), pathlib.PurePosixPath("a//b/")),
    "named tuples": (Pair(1, 2), Pair(y=2, x=1)),
    "partials in any order": (
        functools.partial(first, a=1, b=2),
        functools.partial(first, b=2, a=1),
    ),
    "one lambda made twice": (adder(1), adder(1)),
    "equal lambdas on one line": (one_line[0], one_line[2]),
    "inner functions": (inner(1), inner(1)),
    "inner functions under two names": (inner(1), renamed(1)),
    "inner functions of a variable that is not bound": (unbound(), unbound()),
    "inner functions that call themselves": (countdown(), countdown()),
    "plain objects in any order": (Plain(a=1, b=2), Plain(b=2, a=1)),
    "slotted objects": (Slotted(1, 2), Slotted(1, 2)),
    "compiled patterns": (re.compile("a+"), re.compile("a" + "+")),
    "fractions": (fractions.Fraction(1, 2), fractions.Fraction(2, 4)),
    "bound methods": ("abc".upper, "ab".__add__("c").upper),
    "unions of types": (int | str, int | str),
    "types that may be none": (int | None, typing.Optional[int]),  # noqa: UP045
    "read-only mappings": (
        types.MappingProxyType(forward),
        types.MappingProxyType(backward),
    ),
    "arrays of the standard library": (array.array("d", [1]), array.array("d", [1.0])),
    "addresses": (ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address(0x0A000001)),
    "random numbers": (random.Random(1), random.Random(1)),
    "attribute getters": (operator.attrgetter("a.b"), operator.attrgetter("a.b")),
    "signs of what is not a number": (float("nan"), float("-nan")),
    "paths of a class of one's own": (OwnPath("a/b"), OwnPath("a//b/")),
    "sets of a class of one's own": (Tags("ab", 1), Tags("ba", 1)),
    "views of a deque": (collections.deque([1, 2], 2), collections.deque([0, 1, 2], 2)),
}

DIFFERENT = {
    "a path and one of a class of one's own": (
        pathlib.PurePosixPath("a"),
        OwnPath("a"),
    ),
    "what a class of one's own adds to a set": (Tags("a", 1), Tags("a", 2)),
    "two sets of a class of one's own": (Tags("a"), Tags("b")),
    "paths of two classes of one's own": (OwnPath("a"), OtherPath("a")),
    "two paths of a class of one's own": (OwnPath("a"), OwnPath("b")),
    "a set and one of a class of one's own": ({"a"}, Tags("a")),
    "a fraction and one of a class of one's own": (
        fractions.Fraction(1, 2),
        OwnFraction(1, 2),
    ),
    "1 and 1.0": (1, 1.0),
    "1 and True": (1, True),
    "1 and '1'": (1, "1"),
    "1.0 and True": (1.0, True),
    "1.0 and '1.0'": (1.0, "1.0"),
    "1 and 1+0j": (1, 1 + 0j),
    "0 and False": (0, False),
    "0 and None": (0, None),
    "0.0 and -0.0": (0.0, -0.0),
    "None and 'None'": (None, "None"),
    "None and ''": (None, ""),
    "None and ...": (None, ...),
    "text and bytes": ("a", b"a"),
    "bytes and bytearray": (b"a", bytearray(b"a")),
    "text and a subclass": ("a", Text("a")),
    "list and tuple": ([1], (1,)),
    "list and a subclass": ([1], Names([1])),
    "list and set": ([1], {1}),
    "set and frozenset": ({1}, frozenset({1})),
    "dict and a subclass": ({"a": 1}, Table(a=1)),
    "dict and list of pairs": ({"a": 1}, [("a", 1)]),
    "dict and default dict": ({}, collections.defaultdict(None)),
    "factories of default dicts": (
        collections.defaultdict(list),
        collections.defaultdict(set),
    ),
    "empty list and empty tuple": ([], ()),
    "empty list and empty set": ([], set()),
    "empty list and empty text": ([], ""),
    "empty and nested empty": ([], [[]]),
    "where texts end": (["ab", "c"], ["a", "bc"]),
    "where a text looks like two": (["a", "b"], ["a3:str1:b"]),
    "where lists end": ([[1], [2]], [[1, 2]]),
    "which list is nested": ([1, [2]], [[1], 2]),
    "order of a list": ([1, 2], [2, 1]),
    "how often in a list": ([1, 1], [1]),
    "key and value swapped": ({"a": "b"}, {"b": "a"}),
    "values swapped": ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
    "keys 1 and True": ({1: 0}, {True: 0}),
    "keys 1 and '1'": ({1: 0}, {"1": 0}),
    "an absent key and None": ({}, {"a": None}),
    "order of an ordered dict": (
        collections.OrderedDict(forward),
        collections.OrderedDict(backward),
    ),
    "members 1 and 1.0": ({1}, {1.0}),
    "deques": (collections.deque([1]), collections.deque([1], maxlen=3)),
    "ranges": (range(3), range(4)),
    "range and list": (range(2), [0, 1]),
    "slices": (slice(1), slice(2)),
    "swapped fields": (Point(1, 2), Point(2, 1)),
    "swapped nested dataclasses": (
        Line(Point(1, 2), Point(3, 4)),
        Line(Point(3, 4), Point(1, 2)),
    ),
    "depth of a nested dataclass": (Line(Point(1), None), Line(None, Point(1))),
    "two dataclasses with the same fields": (Point(1, 2), Spot(1, 2)),
    "a dataclass and its fields": (Point(1, 2), {"x": 1, "y": 2}),
    "a dataclass and a tuple": (Point(1, 2), (1, 2)),
    "a dataclass and its class": (Point(), Point),
    "frozen dataclasses": (Frozen(1), Frozen(2)),
    "a field 1 and 1.0": (Point(1), Point(1.0)),
    "fields that do count": (Machine(1, gpus=1), Machine(2, gpus=1)),
    "members of an enum": (Color.RED, Color.BLUE),
    "two enums": (Color.RED, Colour.RED),
    "two names of one value of an enum": tuple(
        enum.Enum("Shade", [(name, 1)], module=__name__)(1) for name in ("RED", "ROSE")
    ),
    "an enum and its value": (Color.RED, 1),
    "an int enum and its value": (Level.LOW, 1),
    "flags": (Access.READ, Access.READ | Access.WRITE),
    "dates": (datetime.date(2024, 5, 17), datetime.date(2024, 5, 18)),
    "date and time": (datetime.date(2024, 5, 17), datetime.datetime(2024, 5, 17)),
    "time zones": (noon, noon.replace(tzinfo=utc)),
    "spans": (datetime.timedelta(1), datetime.timedelta(2)),
    "times of day": (datetime.time(1), datetime.time(1, fold=1)),
    "path and text": (pathlib.PurePosixPath("a"), "a"),
    "paths": (pathlib.PurePosixPath("a"), pathlib.PurePosixPath("b")),
    "absolute and relative paths": (
        pathlib.PurePosixPath("/a"),
        pathlib.PurePosixPath("a"),
    ),
    "named tuple and tuple": (Pair(1, 2), (1, 2)),
    "swapped named tuple": (Pair(1, 2), Pair(2, 1)),
    "two named tuples": (Pair(1, 2), Couple(1, 2)),
    "decimals": (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
    "decimal and float": (decimal.Decimal(1), 1.0),
    "fractions": (fractions.Fraction(1, 3), fractions.Fraction(2, 3)),
    "a fraction and a child of the class": (Ratio(1, 3), fractions.Fraction(1, 3)),
    "methods of one object": (Slotted(1, 2).swapped, Slotted(1, 2).kept),
    "names of globals": (Singleton.ONE, Twin.ONE),
    "fraction and float": (fractions.Fraction(1, 2), 0.5),
    "uuids": (uuid.UUID(int=1), uuid.UUID(int=2)),
    "functions": (first, second),
    "a function and its name": (first, f"{__name__}.first"),
    "classes": (Point, Spot),
    "builtins": (len, sum),
    "builtins of modules": (math.sin, math.cos),
    "builtin methods of values": ("a".upper, "b".upper),
    "unbound methods": (str.upper, str.lower),
    "modules": (math, operator),
    "a module and its name": (math, "math"),
    "partial and function": (functools.partial(first), first),
    "partials of functions": (functools.partial(first), functools.partial(second)),
    "partials by position": (functools.partial(first, 1), functools.partial(first, 2)),
    "partials by keyword": (
        functools.partial(first, x=1),
        functools.partial(first, y=1),
    ),
    "item getters": (operator.itemgetter(1), operator.itemgetter(2)),
    "lambdas on one line": (one_line[0], one_line[1]),
    "closures": (adder(1), adder(2)),
    "closures 1 and 1.0": (adder(1), adder(1.0)),
    "defaults": (defaults[0], defaults[1]),
    "defaults by position and keyword": (defaults[0], defaults[2]),
    "inner functions": (inner(1), inner(2)),
    "plain objects": (Plain(a=1), Plain(a=2)),
    "plain objects and dicts": (Plain(a=1), {"a": 1}),
    "slotted objects": (Slotted(1, 2), Slotted(2, 1)),
    "patterns": (re.compile("a"), re.compile("b")),
    "flags of patterns": (re.compile("a"), re.compile("a", re.IGNORECASE)),
    "types with parameters": (list[int], list[str]),
    "types that are optional": (
        typing.Optional[int],  # noqa: UP045
        typing.Optional[str],  # noqa: UP045
    ),
    "namespaces": (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)),
    "exceptions": (ValueError("a"), ValueError("b")),
    "read-only mapping and dict": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "read-only mappings": (
        types.MappingProxyType({"a": 1}),
        types.MappingProxyType({"a": 2}),
    ),
    "types of arrays of the standard library": (
        array.array("d", [1]),
        array.array("f", [1]),
    ),
    "addresses": (ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("10.0.0.2")),
    "address and network": (
        ipaddress.ip_address("10.0.0.1"),
        ipaddress.ip_network("10.0.0.1"),
    ),
    "random numbers": (random.Random(1), random.Random(2)),
    "attribute getters": (operator.attrgetter("a"), operator.attrgetter("b")),
    "complex zeros": (complex(0.0, 0.0), complex(0.0, -0.0)),
    "nested partials": (
        functools.partial(functools.partial(first, 1), 2),
        functools.partial(functools.partial(first, 2), 1),
    ),
    "chained maps": (
        collections.ChainMap({"a": 1}, {"a": 2}),
        collections.ChainMap({"a": 2}, {"a": 1}),
    ),
    "static and class methods": (Methods.fixed, Methods.made),
    "class methods of two classes": (Methods.made, Others.made),
    "functions in closures": (outer(first), outer(second)),
    "methods of two objects": (Slotted(1, 2).swapped, Slotted(2, 1).swapped),
    "positions in generators of numbers": (
        random.Random(1),
        next(r for r in [random.Random(1)] if r.random() < 2),
    ),
    "a type and a list of it": (list, list[int]),
    "bytes and a text of them": (b"\x00", "\\x00"),
    "dates and texts of them": (datetime.date(2024, 5, 17), "2024-05-17"),
    "empty dataclasses and None": (Frozen(None), None),
    "cached functions of two modules": (
        functools.wraps(first)(functools.lru_cache(first)),
        functools.wraps(first, updated=())(functools.lru_cache(first)),
    ),
}
SAME |= identity_libraries.SAME
DIFFERENT |= identity_libraries.DIFFERENT
DIFFERENT["cached functions of two modules"][1].__module__ = "elsewhere"


class Standing:
    """Stands for a data frame: rules for those go by the names of classes."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


def standing(package, kind, **attributes):
    """Return an object whose class has a name in a package."""
    return type(kind, (Standing,), {"__module__": f"{package}.core"})(**attributes)


class Columns(list):
    """Columns as `frame.iloc[:, number]` gives them."""

    def __getitem__(self, key):
        return super().__getitem__(key[1])


class Dtype(str):
    """A type of a column, by its name."""

    categories, ordered = ("low", "high"), True

    def is_numeric(self):
        return self == "int"


def polars_column(dtype, nulls):
    return standing(
        "polars",
        "Series",
        name="x",
        dtype=Dtype(dtype),
        null_count=lambda: nulls,
        to_numpy=lambda: "array",
        to_list=lambda: ["list"],
    )


rows = standing("pandas", "Index", dtype="int", names=["row"], to_numpy=lambda: [7])
column = standing(
    "pandas", "Series", dtype=Dtype("c"), name="x", index=rows, to_numpy=lambda: [1]
)

# Pure Python values whose digests are written down, so that versions can be compared.
KNOWN = {
    "none": None,
    "int": 42,
    "float": 0.1,
    "text": "naïve \N{SNOWMAN}",
    "bytes": b"\x00\xff",
    "list": [1, "a", [2.5, None]],
    "dict": {"b": [1, 2], "a": {"c": True}},
    "set": {"x", "y", 3, None},
    "dataclass": Line(Point(1, 2.0), Frozen("z")),
    "named tuple": Pair(1, (2, 3)),
    "enum": Color.BLUE,
    "flag": Access.READ | Access.WRITE,
    "date": datetime.datetime(2024, 5, 17, 12, 30, tzinfo=utc),
    "path": pathlib.PurePosixPath("data/raw.csv"),
    "partial": functools.partial(first, 1, x=2),
    "lambda": adder(3),
    "object": Plain(a=1, b=[2]),
    "decimal": decimal.Decimal("1.50"),
    "ordered dict": collections.OrderedDict(z=1, a=2),
    "complex": 1 + 2j,
    "bytearray": bytearray(b"a"),
    "ellipsis": ...,
    "not implemented": NotImplemented,
    "fraction": fractions.Fraction(1, 3),
    "read-only mapping": types.MappingProxyType({"a": 1}),
    "class": Point,
    "function": first,
    "builtin": len,
    "builtin method": "ab".upper,
    "method": Slotted(1, 2).swapped,
    "module": math,
    "global": operator.itemgetter(1),
    "named global": Singleton.ONE,
    "without a module": Homeless,
    "exception": ValueError("a", 1),
    "exception with a note": Noted("a", note=1),
    "pandas frame": standing(
        "pandas",
        "DataFrame",
        columns=["x"],
        index=rows,
        iloc=Columns([column]),
        shape=(1, 1),
    ),
    "pandas column": column,
    "pandas index": rows,
    "polars frame": standing("polars", "DataFrame", get_columns=lambda: [5]),
    "polars column": polars_column("int", 0),
    "polars column with nulls": polars_column("int", 1),
    "polars column of texts": polars_column("str", 0),
}


def digests():
    """Return the digest of every value above by a name."""
    digest = hashing.digest
    found = {f"known {name}": digest(value) for name, value in KNOWN.items()}
    for title, cases in (("same", SAME), ("different", DIFFERENT)):
        for name, pair in cases.items():
            for index, value in enumerate(pair):
                try:
                    found[f"{title} {name} {index}"] = digest(value)
                except Exception as error:
                    found[f"{title} {name} {index}"] = f"{type(error).__name__} {error}"
    return found


if __name__ == "__main__":
    import identity_cases  # under its own name, which counts

    json.dump(identity_cases.digests(), sys.stdout)
