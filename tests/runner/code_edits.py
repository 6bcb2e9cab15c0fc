"""A project with every kind of code, and edits of it: which must compute, which not."""

TRAIN = '''\
"""Stages."""
import math
import src
import src.metrics
from src import helpers as h
from src import renamed_export, tables
from src.helpers import (
    CHOSEN, LOCK, RATE, add_three, chained, cached, decorated, even, factorial,
    manual, parametrised, scale, shared, square,
)
from src.kinds import every_kind
from src.models import Model
from curifactory import stage


def near(x):
    return x + 10


@stage(["data"], ["model"])
def train(record, data):
    """Train a model."""
    # fit it
    from src.late import late as delayed
    import src.later

    model = Model()
    total: float = src.models.fit(data) + near(1) + h.LIMITS["low"]
    for step in range(3):
        total += scale(step) * RATE + add_three(step)
    total += decorated(1) + cached(2) + manual(3) + parametrised(4) + chained(5)
    total += factorial(3) + even(4) + square(5) + shared(6) + CHOSEN(7)
    total += delayed(1) + src.later.later(2) + renamed_export(3)
    total += tables.TABLE["double"](4) + tables.STEPS[0](5) + math.pi
    total += sum([each for each in [1, 2]]) + src.metrics.METRICS.accuracy(1)
    total += every_kind(2)
    with LOCK:
        return model.predict(total)
'''

HELPERS = '''\
"""Helpers."""
import functools
import threading

RATE = 0.5
LIMITS = {"low": 0, "high": [1, 2]}
UNUSED = 1
LOCK = threading.Condition()


def scale(x, by=2):
    """Scale a value."""
    # by a factor
    return x * by


def shared(x):
    return base(x) + 1


def base(x):
    return x - 7


def lonely(x):
    return x


def twice(function):
    def inner(x):
        return function(function(x))
    return inner


def keeping(function):
    @functools.wraps(function)
    def wrapper(x):
        return function(x) + 100
    return wrapper


def times(n):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(x):
            return function(x) * n
        return wrapper
    return decorate


@twice
def decorated(x):
    return x - 1


@functools.lru_cache(maxsize=8)
def cached(x):
    return x ** 2


def unkept(x):
    return x + 5


manual = keeping(unkept)


@times(3)
def parametrised(x):
    return x + 6


chained = functools.partial(times(4)(unkept), 1) if False else times(4)(unkept)


def make_adder(amount):
    def add(x):
        return x + amount
    return add


add_three = make_adder(3)


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


square, cube = lambda x: x * x, lambda x: x * x * x
CHOSEN = functools.partial(base, x=1).func
'''

MODELS = '''\
"""Models."""
from dataclasses import dataclass

OFFSET = 4


class Base:
    bias = 1

    def fit(self, x):
        return x + self.bias


class Other(Base):
    pass


@dataclass
class Model(Base):
    """A model."""

    depth: int = 3

    def predict(self, x):
        """Predict."""
        return self.fit(x) + self.inner(x)

    def inner(self, x):
        return x * self.depth

    @property
    def size(self):
        return 1

    @staticmethod
    def build(x):
        return x


def fit(data):
    return len(data) + OFFSET
'''

KINDS = '''\
"""Kinds."""
import asyncio
import enum
import functools
import json
import sys
from collections import namedtuple
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from . import by_name
from .stars import *


class Mode(enum.Enum):
    FAST = 1
    SLOW = 2


@dataclass(frozen=True)
class Settings:
    rate: float = 0.5
    steps: tuple = field(default_factory=tuple)
    unit: int = 1


class Row(NamedTuple):
    first: int = 1
    second: int = 2


Pair = namedtuple("Pair", "x y")
SETTINGS = Settings(rate=0.25)
FOLDER = Path("data") / "raw"
UNIT = 2
SCALED = UNIT * 10
STATE = {"n": 1}
STATE["n"] += 1
encode = json.JSONEncoder(indent=1).encode
fetch = STATE.get

if sys.version_info > (3,):
    def chosen(x):
        return x + 21
else:
    def chosen(x):
        return x + 22


class Tool:
    limit = 5

    def __init__(self, level=0):
        self.level = level

    @classmethod
    def make(cls, x):
        return x + cls.limit

    @staticmethod
    def fixed(x):
        return x + 23

    @property
    def size(self):
        return 24

    def lifted(self, x):
        return x + self.level

    class Inner:
        depth = 6


Tool.weight = 25
lifted = Tool(7).lifted


def spread(x):
    yield x + 26


async def wait(x):
    return x + 27


def counted(x):
    return x + counted.step


counted.step = 28


def part(x, by):
    return x * by


bound = functools.partial(part, by=29)


def matched(x):
    match x:
        case 2:
            return 31
        case [first, *_]:
            return first
    return 32


def walrus(x):
    return y if (y := x + 33) > 3 else 0


def shown(x):
    return len(f"{x + 34:.1f}")


def outer(x):
    def inner(y):
        return y + 35
    return inner(x)


def listed(x):
    return [each + 36 for each in [x]][0]


def mutating(x):
    global CALLS
    CALLS += 1
    return x


CALLS = 0


def either(x):
    if x:
        from .stars import starred as near
    else:
        from .by_name import pick as near
    return near(x)


def scaling(k):
    class Scaling:
        level = k

        def apply(self, x):
            return x * k

    def times(x, by=k):
        return x * by

    return Scaling, times


Scaling, times = scaling(8)
TURNS = [lambda x, k=k: x * k for k in (3, 4)]
FACTORY = type("Made", (), {"height": 9})


def every_kind(x):
    total = STARRED + starred(x) + SETTINGS.rate + SCALED + STATE["n"] + chosen(x)
    total += Mode.FAST.value + Pair(1, 2).x + len(str(FOLDER)) + Row().first
    total += Tool.make(x) + Tool.fixed(x) + Tool().size + Tool.weight + lifted(x)
    total += sum(spread(x)) + asyncio.run(wait(x)) + counted(x) + bound(x)
    total += getattr(by_name, "pick")(x) + matched(x) + walrus(x) + shown(x) + outer(x)
    total += listed(x) + mutating(x) + either(x) + Scaling().apply(x) + times(x)
    total += TURNS[0](x) + FACTORY.height + Tool.Inner.depth + len(encode([x]))
    return total + fetch("n")
'''

ARGS = '''\
from dataclasses import dataclass

from curifactory import ExperimentArgs


@dataclass
class Args(ExperimentArgs):
    """Parameters."""

    size: int = 2
    spare: int = 3
    transform: object = None

    def scaled(self, by):
        return self.size * by

    def lonely(self):
        return 1
'''

PARAMS = """\
from params import Args
from src.shapes import tripled


def get_params():
    return [Args(name="a", transform=tripled)]
"""

SHAPES = """\
class Shape:
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side ** 2


def tripled(x):
    return 3 * x


def quadrupled(x):
    return 4 * x
"""

CACHERS = '''\
from pathlib import Path

from curifactory.caching import Cacheable


class RowsCacher(Cacheable):
    """One number a line."""

    def save(self, obj):
        Path(self.get_path()).write_text("\\n".join(map(str, obj)))

    def load(self):
        return list(map(int, Path(self.get_path()).read_text().split()))
'''

MORE = """\
from dataclasses import asdict

from curifactory import stage
from src.kinds import mutating
from src.shapes import Shape
from stages.cachers import RowsCacher


@stage(None, ["described"])
def describe(record):
    return record.args.scaled(2)


@stage(None, ["fields"])
def everything(record):
    return sorted(asdict(record.args))


@stage(None, ["applied"])
def apply(record):
    return record.args.transform(3)


@stage(None, ["shape"])
def make(record):
    return Shape(4)


@stage(["shape"], ["area"])
def use(record, shape):
    return shape.area()


@stage(None, ["kind"])
def choose(record):
    return Shape


@stage(["kind", "area"], ["made"])
def use_kind(record, kind, area):
    return kind(3).area() + area


@stage(None, ["rows"], cachers=[RowsCacher])
def save(record):
    return [1, 2]


@stage(["rows"], ["sum"])
def add(record, rows):
    return sum(rows)


@stage(None, ["counted"])
def count(record):
    return mutating(1)
"""

STUDY = """\
from curifactory import Record
from stages import more
from stages.train import train

DEFAULT_PARAMS = ["base"]


def run(argsets, manager):
    for args in argsets:
        record = Record(manager, args)
        record.state["data"] = [1, 2, 3]
        train(record)
        more.describe(more.everything(more.apply(record)))
        more.use_kind(more.choose(more.use(more.make(record))))
        more.count(more.add(more.save(record)))
"""

BASE = {
    "src/__init__.py": "from . import helpers, models\n"
    "from .extra import original as renamed_export\n",
    "src/helpers.py": HELPERS,
    "src/models.py": MODELS,
    "src/extra.py": "def original(x):\n    return x + 11\n",
    "src/late.py": "def late(x):\n    return x / 2\n",
    "src/later.py": "def later(x):\n    return x / 3\n",
    "src/metrics.py": "class Metrics:\n    def accuracy(self, x):\n        return x\n"
    "\n\nMETRICS = Metrics()\n",
    "src/tables.py": "def double(x):\n    return 2 * x\n\n\ndef step(x):\n"
    "    return x + 3\n\n\nTABLE = {'double': double}\nSTEPS = [step]\n",
    "src/kinds.py": KINDS,
    "src/stars.py": "import threading\n\nSTARRED = 37\nGUARD = threading.Lock()\n\n\n"
    "def starred(x):\n    with GUARD:\n        return x + 38\n",
    "src/by_name.py": "def pick(x):\n    return x + 39\n",
    "src/shapes.py": SHAPES,
    "params/__init__.py": ARGS,
    "params/base.py": PARAMS,
    "experiments/study.py": STUDY,
    "stages/__init__.py": "",
    "stages/cachers.py": CACHERS,
    "stages/more.py": MORE,
    "stages/train.py": TRAIN,
}
TRAIN_FILE, HELPERS_FILE = "stages/train.py", "src/helpers.py"
MODELS_FILE, TABLES_FILE = "src/models.py", "src/tables.py"
KINDS_FILE, STARS_FILE = "src/kinds.py", "src/stars.py"
MORE_FILE, ARGS_FILE = "stages/more.py", "params/__init__.py"

# Each edit: (file, what is there, what is there instead), ...
HARMLESS = {
    "nothing": [],
    "a comment": [(HELPERS_FILE, "# by a factor", "# by a number")],
    "a comment removed": [(TRAIN_FILE, "    # fit it\n", "")],
    "the docstring of a helper": [(HELPERS_FILE, "Scale a value.", "Scaled.")],
    "a docstring removed": [(HELPERS_FILE, '    """Scale a value."""\n', "")],
    "the docstring of the stage": [(TRAIN_FILE, "Train a model.", "Train it.")],
    "the docstring of a class": [(MODELS_FILE, '"""A model."""', '"""One."""')],
    "the docstring of a method": [(MODELS_FILE, '"""Predict."""', '"""Do."""')],
    "the docstring of a module": [(HELPERS_FILE, '"""Helpers."""', "")],
    "annotations added": [(HELPERS_FILE, "(x, by=2):", "(x: int, by: int=2) -> int:")],
    "an annotation of a variable": [(TRAIN_FILE, "total: float =", "total =")],
    "the annotation of a field": [(MODELS_FILE, "depth: int", "depth: float")],
    "formatting": [(HELPERS_FILE, "return x * by", "return (\n        x*by\n    )")],
    "the kind of quotes": [(TABLES_FILE, "'double'", '"double"')],
    "position": [(HELPERS_FILE, "RATE = 0.5", "\n\n\n\nRATE = 0.5")],
    "order of definitions": [
        (HELPERS_FILE, "def base(x):\n    return x - 7\n", ""),
        (HELPERS_FILE, "def shared", "def base(x):\n    return x - 7\n\n\ndef shared"),
    ],
    "a helper that is not called": [(HELPERS_FILE, "return x\n", "return -x\n")],
    "a constant that is not used": [(HELPERS_FILE, "UNUSED = 1", "UNUSED = 2")],
    "a class that is not used": [(MODELS_FILE, "    pass", "    bias = 9")],
    "a lambda beside the one that is used": [(HELPERS_FILE, "x * x * x", "x ** 3")],
    "a new helper": [(HELPERS_FILE, "def scale", "def new(x):\n    pass\n\n\ndef scale")],
    "a new import": [(HELPERS_FILE, "import functools", "import functools\nimport re")],
    "a renamed helper": [
        (HELPERS_FILE, "def scale(", "def scaled("),
        (TRAIN_FILE, "parametrised, scale, shared", "parametrised, scaled, shared"),
        (TRAIN_FILE, "scale(step)", "scaled(step)"),
    ],
    "a helper under another name": [
        (TRAIN_FILE, "parametrised, scale, shared", "parametrised, scale as s, shared"),
        (TRAIN_FILE, "scale(step)", "s(step)"),
    ],
    "a renamed helper that calls itself": [
        (HELPERS_FILE, "factorial", "product"),
        (TRAIN_FILE, "factorial", "product"),
    ],
    "renamed helpers that call each other": [
        (HELPERS_FILE, "odd(", "uneven("),
    ],
    "a renamed constant": [
        (HELPERS_FILE, "RATE", "FACTOR"),
        (TRAIN_FILE, "RATE", "FACTOR"),
    ],
    "a helper moved to another module": [
        (HELPERS_FILE, "def base(x):\n    return x - 7\n", "from .extra import base\n"),
        ("src/extra.py", "def original", "def base(x):\n    return x - 7\n\n\ndef original"),
    ],
    "a helper reached by another way": [
        (TRAIN_FILE, "scale(step)", "src.helpers.scale(step)"),
    ],
    "a class moved to another module": [
        ("src/metrics.py", "class Metrics:\n    def accuracy(self, x):\n        return x\n",
         "from .extra import Metrics\n"),
        ("src/extra.py", "def original",
         "class Metrics:\n    def accuracy(self, x):\n        return x\n\n\ndef original"),
    ],
    "a renamed class": [
        (MODELS_FILE, "Model(Base)", "Net(Base)"),
        (TRAIN_FILE, "Model", "Net"),
    ],
    "a constant written another way": [(KINDS_FILE, "SCALED = UNIT * 10", "SCALED = 20")],
    "a path written another way": [(KINDS_FILE, 'Path("data") / "raw"', 'Path("data/raw")')],
    "a table filled another way": [(KINDS_FILE, '{"n": 1}\nSTATE["n"] += 1', '{"n": 2}')],
    "a branch that is not taken": [(KINDS_FILE, "x + 22", "x + 122")],
    "a star import written out": [
        (KINDS_FILE, "from .stars import *", "from .stars import STARRED, starred"),
    ],
    "the order of imports": [
        (KINDS_FILE, "import asyncio\nimport enum", "import enum\nimport asyncio"),
    ],
    "an annotation of a frozen dataclass": [(KINDS_FILE, "rate: float", "rate: object")],
    "another member of an enum": [(KINDS_FILE, "FAST = 1", "OTHER = 7\n    FAST = 1")],
    "a type comment": [(KINDS_FILE, "UNIT = 2", "UNIT = 2  # type: int")],
    "an import for types alone": [
        (KINDS_FILE, "import sys", "import sys\nfrom typing import TYPE_CHECKING\n"
         "if TYPE_CHECKING:\n    from .models import Model"),
    ],
    "a private name in a comprehension of another function": [
        (HELPERS_FILE, "def lonely(x):\n    return x",
         "def lonely(x):\n    return [scale for scale in [x]]"),
    ],
    "the declaration of the stage": [(TRAIN_FILE, '["model"]', '["net"]')],
}  # fmt: skip

HARMFUL = {
    "the body of the stage": [(TRAIN_FILE, "range(3)", "range(4)")],
    "a variable of the stage": [(TRAIN_FILE, "float = src", "float = 1 + src")],
    "the body of a helper beside it": [(TRAIN_FILE, "x + 10", "x + 12")],
    "the body of a helper": [(HELPERS_FILE, "x * by", "x / by")],
    "the default of a helper": [(HELPERS_FILE, "by=2", "by=3")],
    "the type of a default": [(HELPERS_FILE, "by=2", "by=2.0")],
    "a constant": [(HELPERS_FILE, "RATE = 0.5", "RATE = 0.6")],
    "the type of a constant": [(MODELS_FILE, "OFFSET = 4", "OFFSET = 4.0")],
    "a constant reached through its module": [(HELPERS_FILE, '"low": 0', '"low": 1')],
    "a list within a constant": [(HELPERS_FILE, "[1, 2]", "[1, 3]")],
    "a constant of a helper": [(MODELS_FILE, "OFFSET = 4", "OFFSET = 5")],
    "a constant without identity": [(HELPERS_FILE, "threading.Condition()", "threading.RLock()")],
    "a helper of a helper": [(HELPERS_FILE, "x - 7", "x - 8")],
    "a decorator": [(HELPERS_FILE, "function(function(x))", "function(x)")],
    "a decorator removed": [(HELPERS_FILE, "@twice\n", "")],
    "a decorator added": [(HELPERS_FILE, "def even", "@twice\ndef even")],
    "a function under a decorator": [(HELPERS_FILE, "x - 1\n", "x - 2\n")],
    "a function under a cache": [(HELPERS_FILE, "x ** 2", "x ** 3")],
    "a decorator that was applied by a call": [(HELPERS_FILE, "+ 100", "+ 101")],
    "a function decorated by a call": [(HELPERS_FILE, "x + 5", "x + 6")],
    "a decorator with an argument": [(HELPERS_FILE, "function(x) * n", "function(x) - n")],
    "the argument of a decorator": [(HELPERS_FILE, "@times(3)", "@times(5)")],
    "the argument of a decorator applied by a call": [
        (HELPERS_FILE, "else times(4)", "else times(5)")
    ],
    "a function under a decorator with an argument": [(HELPERS_FILE, "x + 6", "x + 7")],
    "the body of a closure": [(HELPERS_FILE, "x + amount", "x - amount")],
    "the value in a closure": [(HELPERS_FILE, "make_adder(3)", "make_adder(4)")],
    "a recursive function": [(HELPERS_FILE, "n < 2", "n < 1")],
    "a function that recurs through another": [(HELPERS_FILE, "n != 0", "n > 0")],
    "a lambda": [(HELPERS_FILE, "lambda x: x * x,", "lambda x: x * x + 1,")],
    "a function chosen by a call": [(HELPERS_FILE, "partial(base", "partial(lonely")],
    "a method": [(MODELS_FILE, "self.fit(x) +", "self.fit(x) -")],
    "a method that a method calls": [(MODELS_FILE, "x * self.depth", "x + self.depth")],
    "a static method": [(MODELS_FILE, "def build(x):\n        return x", "def build(x):\n        return -x")],
    "a property": [(MODELS_FILE, "return 1", "return 2")],
    "a default of a field": [(MODELS_FILE, "depth: int = 3", "depth: int = 4")],
    "a class attribute": [(MODELS_FILE, "bias = 1", "bias = 2")],
    "a method of the base class": [(MODELS_FILE, "x + self.bias", "x - self.bias")],
    "the base class": [(MODELS_FILE, "Model(Base)", "Model(Other)")],
    "the decorator of a class": [(MODELS_FILE, "@dataclass\n", "@dataclass(frozen=True)\n")],
    "a method of an object at module level": [("src/metrics.py", "return x", "return -x")],
    "a function in a table": [(TABLES_FILE, "2 * x", "3 * x")],
    "a function in a list": [(TABLES_FILE, "x + 3", "x + 4")],
    "the key of a table": [
        (TABLES_FILE, "'double'", "'twice'"), (TRAIN_FILE, '"double"', '"twice"')
    ],
    "another function in a table": [(TABLES_FILE, "'double': double", "'double': step")],
    "a function reached by import src": [(MODELS_FILE, "len(data)", "2 * len(data)")],
    "a function that the package exports again": [("src/extra.py", "x + 11", "x + 12")],
    "another function exported under the same name": [
        ("src/__init__.py", ".extra import original", ".helpers import lonely")
    ],
    "a function imported within the stage": [("src/late.py", "x / 2", "x / 4")],
    "a module imported within the stage": [("src/later.py", "x / 3", "x / 4")],
    "bodies of two helpers swapped": [
        ("src/late.py", "x / 2", "x / 3"), ("src/later.py", "x / 3", "x / 2")
    ],
    "two helpers called in each other's place": [
        (TRAIN_FILE, "cached(2) + manual(3)", "manual(2) + cached(3)")
    ],
    "a member of an enum": [(KINDS_FILE, "FAST = 1", "FAST = 3")],
    "a frozen dataclass": [(KINDS_FILE, "Settings(rate=0.25)", "Settings(rate=0.75)")],
    "the default of a frozen dataclass": [(KINDS_FILE, "unit: int = 1", "unit: int = 2")],
    "a field that becomes a class variable": [
        (KINDS_FILE, "unit: int = 1", "unit: 'ClassVar[int]' = 1"),
    ],
    "the fields of a named tuple": [(KINDS_FILE, '"x y"', '"y x"')],
    "the order of the fields of a typed named tuple": [
        (KINDS_FILE, "first: int = 1\n    second: int = 2",
         "second: int = 1\n    first: int = 2"),
    ],
    "a constant that is a path": [(KINDS_FILE, '/ "raw"', '/ "rows"')],
    "a constant made of another": [(KINDS_FILE, "UNIT = 2", "UNIT = 3")],
    "a constant that is changed after it is made": [
        (KINDS_FILE, 'STATE["n"] += 1', 'STATE["n"] += 2'),
    ],
    "a constant that a function changes": [(KINDS_FILE, "CALLS = 0", "CALLS = 1")],
    "a constant from a star import": [(STARS_FILE, "STARRED = 37", "STARRED = 137")],
    "a function from a star import": [(STARS_FILE, "x + 38", "x + 138")],
    "a lock behind a star import": [(STARS_FILE, "threading.Lock()", "threading.RLock()")],
    "a branch that is taken": [(KINDS_FILE, "x + 21", "x + 121")],
    "the condition of a branch": [(KINDS_FILE, "> (3,)", "> (300,)")],
    "a class method": [(KINDS_FILE, "x + cls.limit", "x - cls.limit")],
    "a static method of a class used by name": [(KINDS_FILE, "x + 23", "x + 123")],
    "a property that is used": [(KINDS_FILE, "return 24", "return 124")],
    "a class within a class": [(KINDS_FILE, "depth = 6", "depth = 16")],
    "an attribute set on a class": [(KINDS_FILE, "Tool.weight = 25", "Tool.weight = 125")],
    "an attribute set on a function": [(KINDS_FILE, "step = 28", "step = 128")],
    "the object of a bound method": [(KINDS_FILE, "Tool(7)", "Tool(17)")],
    "a generator": [(KINDS_FILE, "yield x + 26", "yield x + 126")],
    "a generator that becomes a function": [(KINDS_FILE, "yield x + 26", "return [x + 26]")],
    "an asynchronous function": [(KINDS_FILE, "x + 27", "x + 127")],
    "a value in a partial": [(KINDS_FILE, "by=29", "by=129")],
    "a function in a partial": [(KINDS_FILE, "return x * by\n\n\nbound", "return x - by\n\n\nbound")],
    "a function got by its name": [("src/by_name.py", "x + 39", "x + 139")],
    "a case of a match": [(KINDS_FILE, "case 2:", "case 3:")],
    "a pattern of a match": [(KINDS_FILE, "[first, *_]", "[_, first, *_]")],
    "a walrus": [(KINDS_FILE, "(y := x + 33)", "(y := x + 133)")],
    "an f-string": [(KINDS_FILE, "x + 34:", "x + 134:")],
    "the format in an f-string": [(KINDS_FILE, ":.1f}", ":.2f}")],
    "a nested function": [(KINDS_FILE, "y + 35", "y + 135")],
    "a comprehension": [(KINDS_FILE, "each + 36", "each + 136")],
    "one of two imports of a name": [
        (KINDS_FILE, "from .by_name import pick as near", "from .shapes import tripled as near"),
    ],
    "two imports of a name swapped": [
        (KINDS_FILE, "from .stars import starred as near", "from .kept import near"),
        (KINDS_FILE, "from .by_name import pick as near", "from .stars import starred as near"),
        (KINDS_FILE, "from .kept import near", "from .by_name import pick as near"),
    ],
    "the value around a local class": [(KINDS_FILE, "scaling(8)", "scaling(18)")],
    "the body of a local class": [(KINDS_FILE, "return x * k", "return x - k")],
    "a default in a list of lambdas": [(KINDS_FILE, "(3, 4)]", "(13, 4)]")],
    "a class made by a call": [(KINDS_FILE, '{"height": 9}', '{"height": 19}')],
    "a bound method of a library": [(KINDS_FILE, "indent=1", "indent=2")],
    "a parameter that gets a default": [(KINDS_FILE, "part(x, by)", "part(x, by=1)")],
    "a function in another place of an expression": [
        (KINDS_FILE, "walrus(x) + shown(x)", "shown(x) + walrus(x)"),
    ],
    "another attribute of a library": [(TRAIN_FILE, "math.pi", "math.e")],
}  # fmt: skip

# What each edit makes a run compute, beside train.
ELSEWHERE = {
    "a new field of Args": ({"everything"}, [
        (ARGS_FILE, "    spare: int = 3\n", "    spare: int = 3\n    extra: int = 4\n"),
    ]),
    "a default of Args that is read": ({"describe", "everything"}, [
        (ARGS_FILE, "size: int = 2", "size: int = 5"),
    ]),
    "a default of Args that only asdict reads": ({"everything"}, [
        (ARGS_FILE, "spare: int = 3", "spare: int = 5"),
    ]),
    "a method of Args that is called": ({"describe"}, [
        (ARGS_FILE, "self.size * by", "self.size + by"),
    ]),
    "a method of Args that is not called": (set(), [(ARGS_FILE, "return 1", "return 2")]),
    "a new method of Args": (set(), [
        (ARGS_FILE, "    def lonely", "    def other(self):\n        pass\n\n    def lonely"),
    ]),
    "the docstring of Args": (set(), [(ARGS_FILE, "Parameters.", "What varies.")]),
    "a callable in an argset": ({"apply", "everything"}, [
        ("src/shapes.py", "3 * x", "5 * x"),
    ]),
    "another callable in an argset": ({"apply", "everything"}, [
        ("params/base.py", "tripled", "quadrupled"),
    ]),
    "a renamed callable in an argset": (set(), [
        ("params/base.py", "tripled", "threefold"), ("src/shapes.py", "tripled", "threefold"),
    ]),
    "a method of the class of an artifact": ({"make", "use", "choose", "use_kind"}, [
        ("src/shapes.py", "self.side ** 2", "self.side * 2"),
    ]),
    "a class that an artifact is made of": ({"make", "use", "choose", "use_kind"}, [
        ("src/shapes.py", "self.side = side", "self.side = side + 1"),
    ]),
    "how a cacher saves": ({"save", "add"}, [("stages/cachers.py", "\\n", " ")]),
    "how a cacher loads": ({"save", "add"}, [("stages/cachers.py", "map(int", "map(float")]),
    "the docstring of a cacher": (set(), [("stages/cachers.py", "One number", "A number")]),
    "parameters of a stage in another order": ({"use_kind"}, [
        (MORE_FILE, "(record, kind, area)", "(record, area, kind)"),
    ]),
    "the body of a stage": ({"use"}, [(MORE_FILE, "return shape.area()", "return abs(shape.area())")]),
    "a body that gives another value": ({"use", "use_kind"}, [
        (MORE_FILE, "return shape.area()", "return -shape.area()"),
    ]),
    "a value given by hand": ({"train"}, [("experiments/study.py", "[1, 2, 3]", "[1, 2]")]),
    "the order of stages in run()": (set(), [
        ("experiments/study.py", "        train(record)\n", ""),
        ("experiments/study.py", "more.save(record)))\n",
         "more.save(record)))\n        train(record)\n"),
    ]),
    "the name of the argset": ({"everything"}, [("params/base.py", '"a"', '"b"')]),
}  # fmt: skip


def edited(edits):
    """Return the files of the project after edits."""
    files = dict(BASE)
    for name, old, new in edits:
        assert old in files[name], f"{name} has no {old!r}"
        files[name] = files[name].replace(old, new)
    return files


def expected():
    """Return the stages that a run computes after each edit, by the name of the edit."""
    rows = {name: (edits, set()) for name, edits in HARMLESS.items()}
    rows |= {name: (edits, {"train"}) for name, edits in HARMFUL.items()}
    rows |= {name: (edits, stages) for name, (stages, edits) in ELSEWHERE.items()}
    assert len(rows) == len(HARMLESS) + len(HARMFUL) + len(ELSEWHERE)
    for name in CHANGES_MORE.keys() & rows.keys():
        rows[name] = rows[name][0], rows[name][1] | CHANGES_MORE[name]
    return rows


# `count` calls a function of kinds.py; the declared output is part of the key.
CHANGES_MORE = {
    "a constant that a function changes": {"count"},
    "the declaration of the stage": {"train"},
}
