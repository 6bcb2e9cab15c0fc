"""The code behind a stage: which edits change its fingerprint, and which do not."""

import json
import os

import pytest
from pythons import HERE, others, run

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
    "stages/__init__.py": "",
    "stages/train.py": TRAIN,
}
TRAIN_FILE, HELPERS_FILE = "stages/train.py", "src/helpers.py"
MODELS_FILE, TABLES_FILE = "src/models.py", "src/tables.py"

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
    "the type of a constant": [(HELPERS_FILE, "RATE = 0.5", "RATE = '0.5'")],
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
    "another attribute of a library": [(TRAIN_FILE, "math.pi", "math.e")],
}  # fmt: skip

STAGE = ["stages.train:train"]


def edited(edits):
    files = dict(BASE)
    for name, old, new in edits:
        assert old in files[name], f"{name} has no {old!r}"
        files[name] = files[name].replace(old, new)
    return files


def fingerprints(folder, cases, **options):
    """Return what is known of the code of each case: files, and the roots."""
    return run(HERE / "fingerprints.py", folder, text=json.dumps(cases), **options)


@pytest.fixture(scope="module")
def after(tmp_path_factory):
    cases = {f"harmless {name}": (edited(e), STAGE) for name, e in HARMLESS.items()}
    cases |= {f"harmful {name}": (edited(e), STAGE) for name, e in HARMFUL.items()}
    return fingerprints(tmp_path_factory.mktemp("edits"), cases)


def test_all_projects_can_be_followed(after):
    errors = {name: each["error"] for name, each in after.items() if "error" in each}
    assert errors == {}
    assert after["harmless nothing"]["unfollowed"] == []


@pytest.mark.parametrize("name", HARMLESS)
def test_the_fingerprint_stays_after_a_change_of(name, after):
    before = after["harmless nothing"]["fingerprint"]
    assert after[f"harmless {name}"]["fingerprint"] == before


@pytest.mark.parametrize("name", HARMFUL)
def test_the_fingerprint_changes_with(name, after):
    before = after["harmless nothing"]["fingerprint"]
    assert after[f"harmful {name}"]["fingerprint"] != before


def test_every_harmful_edit_has_a_fingerprint_of_its_own(after):
    found = [after[f"harmful {name}"]["fingerprint"] for name in HARMFUL]
    assert len(set(found)) == len(found)


def test_parts_name_what_is_reached_by_file(after):
    parts = after["harmless nothing"]["parts"]
    assert "stages/train.py: train" in parts
    assert "src/helpers.py: scale" in parts
    assert "src/models.py: Base" in parts
    assert not any("lonely" in each or "UNUSED" in each for each in parts)


def test_packages_that_are_used_are_named(after):
    packages = after["harmless nothing"]["packages"]
    assert {"math", "functools", "dataclasses"} <= set(packages)
    assert "src" not in packages


# Small projects: each pair of sources for one module `m` with a root `f`. ------------

SAME_SOURCE = {
    "a class of a library": (
        "from pathlib import Path\ndef f(): return Path('a')",
        "import pathlib\ndef f(): return pathlib.Path('a')",
    ),
    "a name used for an import": (
        "import math as m1\ndef f(): return m1.sin(1)",
        "import math\ndef f(): return math.sin(1)",
    ),
    "texts in pieces": ('def f(): return "ab"', 'def f(): return "a" "b"'),
    "a bare annotation": ("def f():\n x = 1\n return x", "def f():\n x: int\n x = 1\n return x"),
    "hexadecimal numbers": ("def f(): return 255", "def f(): return 0xFF"),
    "elif": (
        "def f(x):\n if x: return 1\n elif x > 2: return 3",
        "def f(x):\n if x: return 1\n else:\n  if x > 2: return 3",
    ),
    "annotations by name": (
        "class A: pass\ndef f(x: A) -> A: return x",
        "class A:\n y = 1\ndef f(x: A) -> A: return x",
    ),
    "a new field of an argset": (
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n"
        "@dataclass\nclass Args(ExperimentArgs):\n    a: int = 1\n"
        "def f(record):\n    args: Args = record.args\n    return isinstance(args, Args)\n",
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n"
        "@dataclass\nclass Args(ExperimentArgs):\n    a: int = 1\n    b: int = 2\n"
        "def f(record):\n    args: Args = record.args\n    return isinstance(args, Args)\n",
    ),
}  # fmt: skip

OTHER_SOURCE = {
    "a helper whose name is a comprehension variable, too": (
        "def g(): return 1\ndef f(): return [g for g in [1]] + [g()]",
        "def g(): return 2\ndef f(): return [g for g in [1]] + [g()]",
    ),
    "a helper whose name is the parameter of a lambda, too": (
        "def g(): return 1\ndef f(): return (lambda g: g)(1) + g()",
        "def g(): return 2\ndef f(): return (lambda g: g)(1) + g()",
    ),
    "a helper within an f-string": (
        "def g(): return 1\ndef f(): return f'{g()}'",
        "def g(): return 2\ndef f(): return f'{g()}'",
    ),
    "a helper within a nested function": (
        "def g(): return 1\ndef f():\n def inner(): return g()\n return inner()",
        "def g(): return 2\ndef f():\n def inner(): return g()\n return inner()",
    ),
    "a helper within a comprehension": (
        "def g(x): return 1\ndef f(): return [g(x) for x in 'ab']",
        "def g(x): return 2\ndef f(): return [g(x) for x in 'ab']",
    ),
    "a helper as a default": (
        "def g(): return 1\ndef f(h=g): return h()",
        "def g(): return 2\ndef f(h=g): return h()",
    ),
    "a helper in a class within the function": (
        "def g(): return 1\ndef f():\n class A:\n  x = g()\n return A.x",
        "def g(): return 2\ndef f():\n class A:\n  x = g()\n return A.x",
    ),
    "a constant as a default": (
        "N = 1\ndef f(n=N): return n", "N = 2\ndef f(n=N): return n"
    ),
    "a raised exception class": (
        "class E(Exception):\n code = 1\ndef f(): raise E",
        "class E(Exception):\n code = 2\ndef f(): raise E",
    ),
    "a metaclass": (
        "class M(type):\n x = 1\nclass A(metaclass=M): pass\ndef f(): return A.x",
        "class M(type):\n x = 2\nclass A(metaclass=M): pass\ndef f(): return A.x",
    ),
    "a global that is assigned to": (
        "n = 1\ndef f():\n global n\n n += 1\n return n",
        "n = 2\ndef f():\n global n\n n += 1\n return n",
    ),
    "a module used as a value": (
        "import sys\ndef g(): return 1\n"
        "import m as me\ndef f(name): return getattr(me, name)()",
        "import sys\ndef g(): return 2\n"
        "import m as me\ndef f(name): return getattr(me, name)()",
    ),
    "an asynchronous helper": (
        "async def g(): return 1\nasync def f(): return await g()",
        "async def g(): return 2\nasync def f(): return await g()",
    ),
    "a generator": (
        "def g():\n yield 1\ndef f(): return list(g())",
        "def g():\n yield 2\ndef f(): return list(g())",
    ),
    "a constant of a class of argsets": (
        "from dataclasses import dataclass\nfrom typing import ClassVar\n"
        "from curifactory import ExperimentArgs\n"
        "@dataclass\nclass Args(ExperimentArgs):\n    N: ClassVar[int] = 1\n"
        "def f(record): return Args.N\n",
        "from dataclasses import dataclass\nfrom typing import ClassVar\n"
        "from curifactory import ExperimentArgs\n"
        "@dataclass\nclass Args(ExperimentArgs):\n    N: ClassVar[int] = 2\n"
        "def f(record): return Args.N\n",
    ),
    "a string that is no docstring": (
        "def f():\n return 'a'", "def f():\n return 'b'"
    ),
    "global and local": ("def f():\n x = 1\n return x", "def f():\n global x\n x = 1\n return x"),
    "a function kept in a partial": (
        "import functools\ndef g(x): return 1\np = functools.partial(g, 1)\n"
        "def f(): return p()",
        "import functools\ndef g(x): return 2\np = functools.partial(g, 1)\n"
        "def f(): return p()",
    ),
    "a bound method": (
        "class A:\n def g(self): return 1\nbound = A().g\ndef f(): return bound()",
        "class A:\n def g(self): return 2\nbound = A().g\ndef f(): return bound()",
    ),
    "a dispatching function": (
        "import functools\n@functools.singledispatch\ndef g(x): return 1\n"
        "@g.register(int)\ndef _(x): return 2\ndef f(x): return g(x)",
        "import functools\n@functools.singledispatch\ndef g(x): return 1\n"
        "@g.register(int)\ndef _(x): return 3\ndef f(x): return g(x)",
    ),
}  # fmt: skip


def small_cases():
    cases = {}
    for title, table in (("same", SAME_SOURCE), ("other", OTHER_SOURCE)):
        for name, pair in table.items():
            for index, source in enumerate(pair):
                cases[f"{title} {name} {index}"] = ({"m.py": source + "\n"}, ["m:f"])
    return cases


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return fingerprints(tmp_path_factory.mktemp("small"), small_cases())


@pytest.mark.parametrize("name", SAME_SOURCE)
def test_these_sources_mean_the_same(name, small):
    one, other = small[f"same {name} 0"], small[f"same {name} 1"]
    assert "error" not in one and "error" not in other
    assert one["fingerprint"] == other["fingerprint"]


@pytest.mark.parametrize("name", OTHER_SOURCE)
def test_these_sources_differ(name, small):
    one, other = small[f"other {name} 0"], small[f"other {name} 1"]
    assert "error" not in one and "error" not in other
    assert one["fingerprint"] != other["fingerprint"]


@pytest.mark.parametrize("version", others())
def test_every_python_gives_the_same_fingerprints(version, small, after, tmp_path):
    cases = {"stage": (BASE, STAGE), **small_cases()}
    found = fingerprints(tmp_path, cases, python=others()[version], seed="7")
    here = {**small, "stage": after["harmless nothing"]}
    unlike = [n for n in cases if found[n]["fingerprint"] != here[n]["fingerprint"]]
    assert unlike == []


@pytest.mark.parametrize(
    "source",
    [
        "def f(): return eval('1')",
        "def f(): return __import__('os')",
        "import importlib\ndef f(): return importlib.import_module('os')",
        "def f(): exec('x = 1')",
    ],
)
def test_what_cannot_be_followed_is_listed(source, tmp_path):
    found = fingerprints(tmp_path, {"one": ({"m.py": source}, ["m:f"])})["one"]
    assert len(found["unfollowed"]) == 1
    assert "m.py: f calls" in found["unfollowed"][0]


def test_a_helper_that_numpy_vectorizes_counts(tmp_path):
    pytest.importorskip("numpy")
    source = "import numpy as np\n@np.vectorize\ndef g(x): return x + {}\ndef f(): return g(1)"
    cases = {n: ({"m.py": source.format(n)}, ["m:f"]) for n in ("1", "2")}
    found = fingerprints(tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]


def test_two_roots_count_in_order(tmp_path):
    files = {"m.py": "def f(): return 1\ndef g(): return 2\n"}
    roots = {"fg": ["m:f", "m:g"], "gf": ["m:g", "m:f"], "f": ["m:f"]}
    cases = {name: (files, each) for name, each in roots.items()}
    found = fingerprints(tmp_path, cases)
    assert len({each["fingerprint"] for each in found.values()}) == 3


LATER_EDIT = """
import json, sys
from pathlib import Path
root = Path(sys.argv[1])
from curifactory import code, syntax
syntax.watch(root)
sys.path.insert(0, str(root))
import m
if sys.argv[2]:
    (root / "m.py").write_text(sys.argv[2])
print(json.dumps(code.fingerprint(m.f).fingerprint))
"""


def test_the_source_counts_as_it_was_loaded_not_a_later_edit(tmp_path):
    root = tmp_path.resolve()
    before = "def f():\n    return g()\n\n\ndef g():\n    return 1\n"
    (root / "m.py").write_text(before)
    plain = run("-c", LATER_EDIT, root, "")
    meanwhile = run("-c", LATER_EDIT, root, before.replace("1", "2"))
    afterwards = run("-c", LATER_EDIT, root, "")
    assert plain == meanwhile
    assert plain != afterwards


def test_an_edit_that_moves_lines_while_running_does_no_harm(tmp_path):
    root = tmp_path.resolve()
    before = "def f():\n    return g()\n\n\ndef g():\n    return 1\n"
    (root / "m.py").write_text(before)
    plain = run("-c", LATER_EDIT, root, "")
    assert run("-c", LATER_EDIT, root, "# a line\n\n" + before) == plain
    (root / "m.py").write_text(before)
    assert run("-c", LATER_EDIT, root, "def f(:\n") == plain


def test_a_stale_compiled_file_is_not_believed(tmp_path):
    root = tmp_path.resolve()
    (root / "m.py").write_text("def f():\n    return 1\n")
    one = run("-c", LATER_EDIT, root, "")
    status = (root / "m.py").stat()
    (root / "m.py").write_text("def f():\n    return 2\n")
    os.utime(root / "m.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run("-c", LATER_EDIT, root, "") != one
