"""The code behind a stage: which edits change its fingerprint, and which do not."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from code_edits import BASE, HARMFUL, HARMLESS, edited, expected
from edited_runs import computed
from fingerprints import fingerprints, write
from forks import in_a_fork
from pythons import HERE, others, run

from curifactory import code, scope, sources

STAGE = ["stages.train:train"]


@pytest.fixture(scope="module")
def after(tmp_path_factory):
    cases = {f"harmless {name}": (edited(e), STAGE) for name, e in HARMLESS.items()}
    cases |= {f"harmful {name}": (edited(e), STAGE) for name, e in HARMFUL.items()}
    return in_a_fork(fingerprints, tmp_path_factory.mktemp("edits"), cases)


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


@pytest.fixture(scope="module")
def has_run(tmp_path_factory):
    """Return a project, and what its first run has computed."""
    root = tmp_path_factory.mktemp("runs")
    write(root, BASE)
    return root, in_a_fork(computed, str(root))


@pytest.mark.slow
def test_the_first_run_computes_all(has_run):
    assert len(has_run[1].get("computed", [])) == 11, has_run[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", expected())
def test_a_run_computes_what_it_must_after_a_change_of(name, has_run, tmp_path):
    edits, stages = expected()[name]
    root = shutil.copytree(has_run[0], tmp_path / "edited")
    files = edited(edits)
    write(root, {path: text for path, text in files.items() if BASE[path] != text})
    assert in_a_fork(computed, str(root)) == {"computed": sorted(stages)}


def test_long_chains_of_branches_and_of_sums_are_followed(tmp_path):
    branches = "".join(f"    elif x == {i}:\n        return {i}\n" for i in range(900))
    chain = f"def f(x):\n    if x < 0:\n        return x\n{branches}    return "
    terms = " + ".join(f"x{i}" for i in range(1500))
    last = {
        "one": f"{terms} + x0",
        "same": f"{terms} + x0  # so",
        "other": f"{terms} + x1",
    }
    cases = {n: ({"src.py": chain + text}, ["src:f"]) for n, text in last.items()}
    found = in_a_fork(fingerprints, tmp_path, cases)
    one, same, other = (found[name]["fingerprint"] for name in last)
    assert one == same != other


def test_a_function_that_goes_too_deep_is_named(tmp_path):
    branches = "".join(f"    elif x == {i}:\n        return {i}\n" for i in range(2000))
    text = f"def f(x):\n    if x < 0:\n        return x\n{branches}"
    found = in_a_fork(fingerprints, tmp_path, {"one": ({"src.py": text}, ["src:f"])})
    assert "src.f goes too deep to be followed" in found["one"]["error"]


def follow_in_threads(folder):
    sources.watch(folder)
    sys.path.insert(0, str(folder))
    module = importlib.import_module("long")
    functions = [getattr(module, f"f{i}") for i in range(6)]
    sys.setswitchinterval(1e-4)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(code.fingerprint, functions))
    return len({each.fingerprint for each in found}), sys.getrecursionlimit()


def test_threads_follow_long_chains_of_branches_side_by_side(tmp_path):
    branches = "".join(f"    elif x == {i}:\n        return {i}\n" for i in range(900))
    chain = f"(x):\n    if x < 0:\n        return x\n{branches}    return "
    (tmp_path / "long.py").write_text(
        "".join(f"def f{i}{chain}{i}\n" for i in range(6))
    )
    limit = sys.getrecursionlimit()
    assert in_a_fork(follow_in_threads, tmp_path) == [6, limit]


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

# As functions of some libraries are, which are made by a decorator.
NAMED_BY_ITSELF = (
    "class W:\n def __init__(self, h): self.h = h\n def __call__(self, x): return self.h(x)\n"
    " def __reduce__(self): return self.h.__name__\n@W\n"
)
# The object of a library that stands for a function that it has compiled, and a decorator
# that hides its function altogether.
COMPILING = (
    "N = {'__name__': 'numba'}\n"
    "make = 'import functools\\nclass Compiled:\\n def __init__(self, g, n=0):\\n'\n"
    "make += '  functools.update_wrapper(self, g)\\n'\n"
    "make += '  self.line = g.__code__.co_firstlineno\\n'\n"
    "make += ' def __call__(self): return self.__wrapped__()\\n'\n"
    "make += 'def hidden(g):\\n class Hidden:\\n  __slots__ = ()\\n'\n"
    "make += '  def __call__(self): return g()\\n'\n"
    "make += '  def __reduce_ex__(self, _): raise TypeError\\n return Hidden()\\n'\n"
    "exec(compile(make, '/usr/lib/x.py', 'exec'), N)\n"
    "del N['__builtins__']  # each Python has others\n"
)

SAME_SOURCE = {
    "how a module logs, and what it warns of": (
        "import logging, warnings\nlogging.basicConfig(level=1)\nlogging.info(1)\n"
        "warnings.simplefilter('ignore')\ndef f(): pass",
        "import logging, warnings\nlogging.basicConfig(level=2)\nlogging.info(2)\n"
        "warnings.simplefilter('error')\ndef f(): pass",
    ),
    "how a module tells others what is done": (
        "import types, sys\nsys.modules['wandb'] = types.ModuleType('wandb')\n"
        "import wandb\nwandb.name = 1\ndef f(): pass",
        "import types, sys\nsys.modules['wandb'] = types.ModuleType('wandb')\n"
        "import wandb\nwandb.name = 2\ndef f(): pass",
    ),
    "code of the project that its module gives to a library": (
        "import random\ndef g(x=1): return x\nrandom.seed(g())\ndef f(): pass",
        "import random\ndef g(x=2): return x\nrandom.seed(g())\ndef f(): pass",
    ),
    "what its module does with an object that has no class to tell": (
        "import random\nclass P: __class__ = property(lambda self: 1 / 0)\np = P()\n"
        "random.seed(id(p) and 1)\ndef f(): pass",
        "import random\nclass P: __class__ = property(lambda self: 1 / 0)\np = P()\n"
        "random.seed(id(p) and 2)\ndef f(): pass",
    ),
    "what a script does with results, after it has called its stages": (
        "import random, curifactory.code as c\ndef f(): pass\nc.fingerprint(f)\n"
        "random.seed(1)",
        "import random, curifactory.code as c\ndef f(): pass\nc.fingerprint(f)\n"
        "random.seed(2)",
    ),
    "what its module does to an object of a library that it has made": (
        "import random\nown = random.Random().seed\nown(1)\ndef f(): pass",
        "import random\nown = random.Random().seed\nown(2)\ndef f(): pass",
    ),
    "what its module does where it is the program": (
        "import random\nif __name__ == '__main__':\n random.seed(1)\ndef f(): pass",
        "import random\nif __name__ == '__main__':\n random.seed(2)\ndef f(): pass",
    ),
    "an object of a class with a table that a call makes": (
        "class A: t = dict(n=1)\ndef f(): return A.t",
        "class A: t = dict(n=1)\nONE = A()\ndef f(): return A.t",
    ),
    "annotations beside a variable that has the name of what asks for fields": (
        "class A: x: int\ndef g(t): fields = t.split(); return fields\n"
        "def h(a): return a.type\ndef f(a): return A(), g(''), h(a)",
        "class A: x: float\ndef g(t): fields = t.split(); return fields\n"
        "def h(a): return a.type\ndef f(a): return A(), g(''), h(a)",
    ),
    "annotations beside a variable of that name": (
        "class A: x: int\ndef f(annotation): annotations = [annotation]; return A(), annotations",
        "class A: x: float\ndef f(annotation): annotations = [annotation]; return A(), annotations",
    ),
    "another class that extends one with a table": (
        "import abc\nclass A(abc.ABC): t = dict(n=1)\ndef f(): return A.t",
        "import abc\nclass A(abc.ABC): t = dict(n=1)\nclass B(A): pass\ndef f(): return A.t",
    ),
    "another class that extends a plain one with a table": (
        "class A: t = dict(n=1)\ndef f(): return A.t",
        "class A: t = dict(n=1)\nclass B(A): pass\ndef f(): return A.t",
    ),
    "annotations of what is only called, where code asks for those of a class": (
        "import typing\nclass A: x: int\ndef g(x: int): return x\n"
        "def f(): return typing.get_type_hints(A), g(1)",
        "import typing\nclass A: x: int\ndef g(x: float): return x\n"
        "def f(): return typing.get_type_hints(A), g(1)",
    ),
    "renaming what is only called, where code asks for names": (
        "def d(h): return h\n@d\ndef g(): return 1\n"
        "def f(): return g(), type(g()).__name__",
        "def e(h): return h\n@e\ndef k(): return 1\n"
        "def f(): return k(), type(k()).__name__",
    ),
    "what instances count in their class": (
        "class A:\n n = 0\n def __init__(self): A.n += 1\none = A()\ndef f(): return A()",
        "class A:\n n = 0\n def __init__(self): A.n += 1\none = A()\ntwo = A()\ndef f(): return A()",
    ),
    "what a method keeps in its default": (
        "class A:\n def g(self, memo={}):\n  return memo.setdefault(1, 2)\nA().g()\ndef f(): return A().g()",
        "class A:\n def g(self, memo={}):\n  return memo.setdefault(1, 2)\ndef f(): return A().g()",
    ),
    "what a function keeps in its default": (
        "def g(memo={}):\n return memo.setdefault(1, 2)\ng()\ndef f(): return g()",
        "def g(memo={}):\n return memo.setdefault(1, 2)\ndef f(): return g()",
    ),
    "an annotation of a constant that has no value to go by": (
        "import threading\nL = threading.Lock()\ndef f(): return L",
        "import threading\nL: object = threading.Lock()\ndef f(): return L",
    ),
    "a constant in the docstring of what evaluates": (
        "N = 1\ndef f(m):\n 'see @N'\n return m.eval()",
        "N = 2\ndef f(m):\n 'see @N'\n return m.eval()",
    ),
    "an annotation where texts speak of fields": (
        "class A:\n x: int = 0\ndef f(): return {'type': A().x, 'fields': 2}",
        "class A:\n x: float = 0\ndef f(): return {'type': A().x, 'fields': 2}",
    ),
    "a constant in the text of no query": (
        "N = 1\ndef f(t): return t.split('x@N'), query('@N')", "N = 2\ndef f(t): return t.split('x@N'), query('@N')",
    ),
    "a number in a query": (
        "_1 = 1\ndef f(t): return t.query(1, 'x @1')", "_1 = 2\ndef f(t): return t.query(1, 'x @1')",
    ),
    "what else is in a table that a decorator only fills": (
        "T = {}\nS = set()\ndef reg(g): T[g.__name__] = g; S.add(1); return g\n"
        "@reg\ndef g(): return 1\n@reg\ndef h(): return 1\ndef f(): return g()",
        "T = {}\nS = set()\ndef reg(g): T[g.__name__] = g; S.add(1); return g\n"
        "@reg\ndef g(): return 1\n@reg\ndef h(): return 2\ndef f(): return g()",
    ),
    "what else is in a set with what registers itself": (
        "class B:\n known = set()\ndef reg(g): B.known.add(g); return g\n"
        "def use(): B.known.add(1)\n@reg\ndef a(): return 1\nuse()\ndef f(): return B.known",
        "class B:\n known = set()\ndef reg(g): B.known.add(g); return g\n"
        "def use(): B.known.add(2)\n@reg\ndef a(): return 1\nuse()\ndef f(): return B.known",
    ),
    "a default of an argset whose class is compared": ("from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Args(ExperimentArgs):\n b: int = 2\n"
        "def f(x):\n match x:\n  case Args(): return 1\n"
        " return type(x) is Args or Args is type(x) or issubclass(x, (int, Args | int))",
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Args(ExperimentArgs):\n b: int = 3\n"
        "def f(x):\n match x:\n  case Args(): return 1\n"
        " return type(x) is Args or Args is type(x) or issubclass(x, (int, Args | int))",
    ),
    "a default of an argset that a value is cast to": ("from typing import cast\nfrom dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Args(ExperimentArgs):\n b: int = 2\n"
        "def f(x): return cast(Args, x)",
        "from typing import cast\nfrom dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Args(ExperimentArgs):\n b: int = 3\n"
        "def f(x): return cast(Args, x)",
    ),
    "what else is in a table with what registers itself": (
        "class B:\n known = {}\ndef reg(g): B.known['a'] = g; return g\n"
        "def use(): B.known['n'] = 1\n@reg\ndef a(): return 1\nuse()\ndef f(): return B.known['a']",
        "class B:\n known = {}\ndef reg(g): B.known['a'] = g; return g\n"
        "def use(): B.known['n'] = 2\n@reg\ndef a(): return 1\nuse()\ndef f(): return B.known['a']",
    ),
    "a default of an argset that a stage is given": ("from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Base(ExperimentArgs):\n a: int = 1\n def g(self): return 1\n@dataclass\n"
        "class Args(Base):\n b: int = 2\n"
        "def f(x): return isinstance(x, Args)",
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Base(ExperimentArgs):\n a: int = 1\n def g(self): return 1\n@dataclass\n"
        "class Args(Base):\n b: int = 3\n"
        "def f(x): return isinstance(x, Args)",
    ),
    "a table in another order": (
        "def a(): return 1\ndef b(): return 2\nT = {'x': a, 'y': b}\n"
        "def f(): return T['x']()",
        "def a(): return 1\ndef b(): return 2\nT = {'y': b, 'x': a}\n"
        "def f(): return T['x']()",
    ),
    "functions registered in another order": (
        "T = {}\ndef reg(f):\n T[f.__name__] = f\n return f\n"
        "@reg\ndef a(): return 1\n@reg\ndef b(): return 2\ndef f(): return T['a']()",
        "T = {}\ndef reg(f):\n T[f.__name__] = f\n return f\n"
        "@reg\ndef b(): return 2\n@reg\ndef a(): return 1\ndef f(): return T['a']()",
    ),
    "places of a project that lies elsewhere": (
        "from pathlib import Path\nROOT = Path(__file__).parent\nD = [str(ROOT / 'd')]\n"
        "def f(): return ROOT, D, __file__",
        "from pathlib import Path\nROOT = Path(__file__).parent\nD = [str(ROOT / 'd')]\n"
        "def f():\n return ROOT, D, __file__",
    ),
    "the code of a class that only an annotation names": (
        "class B:\n def g(self): return 1\nclass A:\n b: B = None\n x = 2\n"
        "def f(): return A.x",
        "class B:\n def g(self): return 2\nclass A:\n b: B = None\n x = 2\n"
        "def f(): return A.x",
    ),
    "what a decorator that is an object counts": (
        "import functools\nclass C:\n n = 0\n"
        " def __init__(self, g): functools.update_wrapper(self, g)\n"
        " def __call__(self): self.n += 1; return self.__wrapped__()\n"
        "@C\ndef g(): return 1\ndef warm(): g()\nwarm()\ndef f(): return g()",
        "import functools\nclass C:\n n = 0\n"
        " def __init__(self, g): functools.update_wrapper(self, g)\n"
        " def __call__(self): self.n += 1; return self.__wrapped__()\n"
        "@C\ndef g(): return 1\ndef warm(): pass\nwarm()\ndef f(): return g()",
    ),
    "what a decorator of a library notes for itself": (
        "import functools\nfrom types import SimpleNamespace\ndef g(): return 1\n"
        "h = functools.update_wrapper(SimpleNamespace(made=1), g)\ndef f(): return h",
        "import functools\nfrom types import SimpleNamespace\ndef g(): return 1\n"
        "h = functools.update_wrapper(SimpleNamespace(made=2), g)\ndef f(): return h",
    ),
    "what a class keeps while it works": (
        "class A:\n kept = {}\n more = dict()\n count = 0\n"
        "def use(): A.kept['x'] = A.more['x'] = A.count = A._it = 1\nuse()\n"
        "def f(): return A",
        "class A:\n kept = {}\n more = dict()\n count = 0\n"
        "def use(): A.kept['x'] = A.more['x'] = A.count = A._it = 2\nuse()\n"
        "def f(): return A",
    ),
    "what a wrapper counts while it works": (
        "import functools\ndef deco(g):\n @functools.wraps(g)\n"
        " def wrapper(): return g()\n wrapper.calls = 0\n return wrapper\n"
        "@deco\ndef g(): return 1\n"
        "def use(): g.calls += 1\nuse()\ndef f(): return g()",
        "import functools\ndef deco(g):\n @functools.wraps(g)\n"
        " def wrapper(): return g()\n wrapper.calls = 0\n return wrapper\n"
        "@deco\ndef g(): return 1\n"
        "def use(): g.calls += 1\nuse(), use()\ndef f(): return g()",
    ),
    "a set of functions in another order": (
        "def a(): return 1\ndef b(): return 2\nT = {a, b}\ndef f(): return T",
        "def b(): return 2\ndef a(): return 1\nT = {b, a}\ndef f(): return T",
    ),
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
    "a function of a library with a state of its own": (
        "from random import random\ndef f(): return random()",
        "import random\nx = random.random()\ndef f(): return random.random()",
    ),
    "the text that documents a class within a function": (
        "def make(n):\n class A:\n  'one'\n  x = n\n return A\nA = make(1)\n"
        "def f(): return A.x",
        "def make(n):\n class A:\n  'two'\n  x = n\n return A\nA = make(1)\n"
        "def f(): return A.x",
    ),
    "annotations of an abstract class": (
        "import abc\nclass A(abc.ABC):\n x: int = 1\ndef f(): return A.x",
        "import abc\nclass A(abc.ABC):\n x: float = 1\ndef f(): return A.x",
    ),
    "all names of a library": (
        "from math import *\ndef f(): return pi",
        "from math import pi\ndef f(): return pi",
    ),
    "the line of a function that an object of a library stands for": (
        f"{COMPILING}@N['Compiled']\ndef g(): return 1\nT = [g]\ndef f(): return T",
        f"{COMPILING}\n\n@N['Compiled']\ndef g(): return 1\nT = [g]\ndef f(): return T",
    ),
    "a name that two libraries have": (
        "from cmath import sqrt\nfrom math import pi\ndef f(): return pi",
        "from math import pi\ndef f(): return pi",
    ),
    "a comment after a statement": ("def f(): return 1", "def f(): return 1  # one"),
    "the annotation of a class that only makes objects": (
        "class A:\n x: int = 1\nclass B(A):\n def g(self): return super(B, self).x\n"
        "def f(a): return [A(), B(), isinstance(a, A), cast(A, a), field(default_factory=A)]",
        "class A:\n x: str = 1\nclass B(A):\n def g(self): return super(B, self).x\n"
        "def f(a): return [A(), B(), isinstance(a, A), cast(A, a), field(default_factory=A)]",
    ),
    "a text in the place of an empty body": (
        "class A: pass\ndef g(): ...\ndef f(): return A, g()",
        "class A: 'It is empty.'\ndef g(): 'Nothing.'\ndef f(): return A, g()",
    ),
    "a class renamed where nobody asks for names": (
        "class A:\n def g(self): pass\ndef f(): return A().x",
        "class B:\n def g(self): pass\ndef f(): return B().x",
    ),
    "annotations that a decorator of the standard library goes by": (
        "import functools\n@functools.total_ordering\nclass A:\n x: int = 1\n"
        " def __lt__(self, other): return 1\ndef f(): return A.x",
        "import functools\n@functools.total_ordering\nclass A:\n x: float = 1\n"
        " def __lt__(self, other): return 1\ndef f(): return A.x",
    ),
    "a new member of an enum of which code names one": (
        "import enum\nclass E(enum.Enum):\n A = 1\ndef f(): return E.A.value",
        "import enum\nclass E(enum.Enum):\n A = 1\n B = 2\ndef f(): return E.A.value",
    ),
    "what a member of an enum keeps while it works": (
        "import enum, functools as t\nclass E(enum.Enum):\n A = 1\n"
        " @t.cached_property\n def g(self): return N\n"
        "N = 1\nE.A.g, setattr(E.A, '_kept', N)\nN = 3\ndef f(): return E.A.g",
        "import enum, functools as t\nclass E(enum.Enum):\n A = 1\n"
        " @t.cached_property\n def g(self): return N\n"
        "N = 2\nE.A.g, setattr(E.A, '_kept', N)\nN = 3\ndef f(): return E.A.g",
    ),
    "a new member of an enum that a constant is of": (
        "import enum\nclass E(enum.Enum):\n A = 1\nK = {1: E.A}\ndef f(): return K",
        "import enum\nclass E(enum.Enum):\n B = 2\n A = 1\nK = {1: E.A}\ndef f(): return K",
    ),
    "the annotation of a class with a decorator of one's own": (
        "def d(c): return c\n@d\nclass A:\n x: int\ndef f(): return A()",
        "def d(c): return c\n@d\nclass A:\n x: str\ndef f(): return A()",
    ),
    "the annotation of a class beside one of others that is given to a function": (
        "from collections import defaultdict\nclass A:\n x: int\ndef f(): return A(), defaultdict(list)",
        "from collections import defaultdict\nclass A:\n x: str\ndef f(): return A(), defaultdict(list)",
    ),
    "the annotation of a class with a decorator that has no name": (
        "@(lambda c: c)\nclass A:\n x: int\ndef f(): return A()",
        "@(lambda c: c)\nclass A:\n x: str\ndef f(): return A()",
    ),
    "the annotation of a class with a decorator of a module in the standard library": (
        "import unittest\n@unittest.skip('x')\nclass A:\n x: int\ndef f(): return A()",
        "import unittest\n@unittest.skip('x')\nclass A:\n x: str\ndef f(): return A()",
    ),
    "a local name that a helper has, too": (
        "def g(): return 1\ndef f():\n for g in [1]: pass\n return g",
        "def g(): return 2\ndef f():\n for g in [1]: pass\n return g",
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

# The class of a library whose objects keep code as bytes.
PACKED = (
    "N = {'__name__': 'lib'}\n"
    "make = 'class P:\\n def __init__(self, f): self.f = f\\n'\n"
    "make += ' def __reduce_ex__(self, _):\\n  import pickle\\n'\n"
    "make += '  return object, (), pickle.dumps(self.f, 5)'\n"
    "exec(compile(make, '/usr/lib/x.py', 'exec'), N)\n"
)

OTHER_SOURCE = {
    "objects of a class that its module gives to it": (
        "class A:\n def __init__(self, k): self.k = k\n"
        "A.TWO = A(2)\nA.ALL = [A.TWO]\ndef f(): return A.TWO.k",
        "class A:\n def __init__(self, k): self.k = k\n"
        "A.TWO = A(3)\nA.ALL = [A.TWO]\ndef f(): return A.TWO.k",
    ),
    "what its module does to a library": (
        "import random\nrandom.seed(1)\ndef f(): return random.random()",
        "import random\nrandom.seed(2)\ndef f(): return random.random()",
    ),
    "a number by which its module does something to a library": (
        "from random import seed\nN = 1\nseed(N)\ndef f(): pass",
        "from random import seed\nN = 2\nseed(N)\ndef f(): pass",
    ),
    "what its module sets of a library": (
        "import decimal\ndecimal.getcontext().prec = 9\nclass A:\n def g(self): 1\n"
        "def f(): return A()",
        "import decimal\ndecimal.getcontext().prec = 8\nclass A:\n def g(self): 1\n"
        "def f(): return A()",
    ),
    "what its module does to a library, with a result that nobody wants": (
        "import random\n_ = random.seed(1)\ndef f(): pass",
        "import random\n_ = random.seed(2)\ndef f(): pass",
    ),
    "what its module sets of an object that it imports from a library": (
        "from decimal import DefaultContext\nDefaultContext.prec = 9\ndef f(): pass",
        "from decimal import DefaultContext\nDefaultContext.prec = 8\ndef f(): pass",
    ),
    "one of two classes that look the same": (
        "class A: pass\nclass B: pass\ndef f(): return A()",
        "class A: pass\nclass B: pass\ndef f(): return B()",
    ),
    "one of two dataclasses that look the same": (
        "import dataclasses as d\n@d.dataclass\nclass A:\n x: int = 1\n"
        "@d.dataclass\nclass B:\n x: int = 1\ndef f(): return A()",
        "import dataclasses as d\n@d.dataclass\nclass A:\n x: int = 1\n"
        "@d.dataclass\nclass B:\n x: int = 1\ndef f(): return B()",
    ),
    "one of two classes that are made alike": (
        "class A:\n def __init__(self, x): self.x = x\n"
        "class B:\n def __init__(self, x): self.x = x\ndef f(): return A(1)",
        "class A:\n def __init__(self, x): self.x = x\n"
        "class B:\n def __init__(self, x): self.x = x\ndef f(): return B(1)",
    ),
    "which of two classes that look the same it extends": (
        "class A: pass\nclass B: pass\nclass C(A):\n def g(self): 1\ndef f(): return C()",
        "class A: pass\nclass B: pass\nclass C(B):\n def g(self): 1\ndef f(): return C()",
    ),
    "a function that an object of a library stands for": (
        f"{COMPILING}@N['Compiled']\ndef g(): return 1\nT = [g]\ndef f(): return T",
        f"{COMPILING}@N['Compiled']\ndef g(): return 2\nT = [g]\ndef f(): return T",
    ),
    "the options with which a library binds a function anew": (
        f"{COMPILING}def g(): return 1\ng = N['Compiled'](g, 1)\ndef f(): return g()",
        f"{COMPILING}def g(): return 1\ng = N['Compiled'](g, 2)\ndef f(): return g()",
    ),
    "a function that an object of a library hides": (
        f"{COMPILING}@N['hidden']\ndef g(): return 1\ndef f(): return g()",
        f"{COMPILING}@N['hidden']\ndef g(): return 2\ndef f(): return g()",
    ),
    "what a function puts into a table that a call makes": (
        "class A: t = dict(n=1)\ndef fill(t): t['n'] = 1\nfill(A.t)\ndef f(): return A.t",
        "class A: t = dict(n=1)\ndef fill(t): t['n'] = 2\nfill(A.t)\ndef f(): return A.t",
    ),
    "an annotation that code asks of a function": (
        "def g(x: int): return x\n"
        "def by(h): return [h.__annotations__[n](2.7) for n in 'x']\n"
        "def f(): return by(g)",
        "def g(x: float): return x\n"
        "def by(h): return [h.__annotations__[n](2.7) for n in 'x']\n"
        "def f(): return by(g)",
    ),
    "an annotation that code asks of the signature of a class": (
        "import inspect\nclass A:\n def __init__(self, x: int): self.x = x\n"
        "def f(): return inspect.signature(A).parameters['x'].annotation(2.7)",
        "import inspect\nclass A:\n def __init__(self, x: float): self.x = x\n"
        "def f(): return inspect.signature(A).parameters['x'].annotation(2.7)",
    ),
    "an annotation as a text, of what a function returns": (
        "import typing\ndef g() -> 'int': return 1\nM = [g]\n"
        "def f(): return [typing.get_type_hints(m)['return'](2.7) for m in M]",
        "import typing\ndef g() -> 'float': return 1\nM = [g]\n"
        "def f(): return [typing.get_type_hints(m)['return'](2.7) for m in M]",
    ),
    "what the annotation of a function stands for": (
        "N = int\ndef g(x: N): return x\n"
        "def f(): return (lambda h: h.__annotations__['x'](2.7))(g)",
        "N = float\ndef g(x: N): return x\n"
        "def f(): return (lambda h: h.__annotations__['x'](2.7))(g)",
    ),
    "the name of a function in a list, where code asks for names": (
        "def g(): return 1\nM = [g]\ndef f(): return [m.__name__ for m in M]",
        "def h(): return 1\nM = [h]\ndef f(): return [m.__name__ for m in M]",
    ),
    "the name of a function that is handed to another one": (
        "def n(h): return h.__name__\ndef g(): return 1\ndef f(): return n(g)",
        "def n(h): return h.__name__\ndef k(): return 1\ndef f(): return n(k)",
    ),
    "the name of a function in the table of a class": (
        "def g(): return 1\nclass A: M = {1: g}\ndef f(): return A.M[1].__qualname__",
        "def h(): return 1\nclass A: M = {1: h}\ndef f(): return A.M[1].__qualname__",
    ),
    "the name of a function that a decorator asks for": (
        "def d(h):\n def inner(): return h.__name__\n return inner\n"
        "@d\ndef g(): return 1\ndef f(): return g()",
        "def d(h):\n def inner(): return h.__name__\n return inner\n"
        "@d\ndef k(): return 1\ndef f(): return k()",
    ),
    "a class that lies in a weak set": (
        "import weakref\nclass A: k = 1\nR = weakref.WeakSet([A])\n"
        "def f(): return [each.k for each in R]",
        "import weakref\nclass A: k = 2\nR = weakref.WeakSet([A])\n"
        "def f(): return [each.k for each in R]",
    ),
    "a class that is a key of a weak table": (
        "import weakref\nclass A: k = 1\nR = weakref.WeakKeyDictionary({A: 0})\n"
        "def f(): return [each.k for each in R]",
        "import weakref\nclass A: k = 2\nR = weakref.WeakKeyDictionary({A: 0})\n"
        "def f(): return [each.k for each in R]",
    ),
    "a method that a class loses once it is made": (
        "class B:\n def g(self): return 1\nclass A(B):\n def g(self): return 2\n"
        "def f(): return A().g()",
        "class B:\n def g(self): return 1\nclass A(B):\n def g(self): return 2\n"
        "del A.g\ndef f(): return A().g()",
    ),
    "an attribute that a class loses by its name": (
        "class B: k = 1\nclass A(B): k = 2\ndef f(): return A.k",
        "class B: k = 1\nclass A(B): k = 2\ndelattr(A, 'k')\ndef f(): return A.k",
    ),
    "what a class method puts into a table of its class": (
        "class A:\n t = {}\n @classmethod\n def add(cls, n, x): cls.t[n] = x\n"
        "A.add('n', 1)\ndef f(): return A.t",
        "class A:\n t = {}\n @classmethod\n def add(cls, n, x): cls.t[n] = x\n"
        "A.add('n', 2)\ndef f(): return A.t",
    ),
    "what is no number, and a class method gives to its class": (
        "class A:\n k = 0, 0\n @classmethod\n def use(cls, k): cls.k = k\n"
        "A.use((1, 2))\ndef f(): return A.k",
        "class A:\n k = 0, 0\n @classmethod\n def use(cls, k): cls.k = k\n"
        "A.use((1, 3))\ndef f(): return A.k",
    ),
    "what a function puts into a table of a class that it is given": (
        "N = 1\nclass A:\n _t = list()\ndef fill(cls): cls._t.append(N)\n"
        "fill(A)\ndef f(): return A._t",
        "N = 2\nclass A:\n _t = list()\ndef fill(cls): cls._t.append(N)\n"
        "fill(A)\ndef f(): return A._t",
    ),
    "what an object puts into a table of its class": (
        "class A:\n t = {}\n def __init__(self, n, x): self.t[n] = x\n"
        "ONE = A('one', 1)\ndef f(): return A.t",
        "class A:\n t = {}\n def __init__(self, n, x): self.t[n] = x\n"
        "ONE = A('one', 2)\ndef f(): return A.t",
    ),
    "what classes put into a table of their base": (
        "class A:\n t = {}\n"
        " def __init_subclass__(cls, by): A.t.setdefault('by', []).append(by)\n"
        "class B(A, by=1): pass\ndef f(): return A.t",
        "class A:\n t = {}\n"
        " def __init_subclass__(cls, by): A.t.setdefault('by', []).append(by)\n"
        "class B(A, by=2): pass\ndef f(): return A.t",
    ),
    "what is in a table that a decorator fills, and that is read elsewhere": (
        "T = {}\ndef reg(g): T[g.__name__] = g; return g\n"
        "@reg\ndef g(): return 1\n@reg\ndef h(): return 1\ndef f(n): return g(), T[n]()",
        "T = {}\ndef reg(g): T[g.__name__] = g; return g\n"
        "@reg\ndef g(): return 1\n@reg\ndef h(): return 2\ndef f(n): return g(), T[n]()",
    ),
    "what is in a table that a function fills, and gives": (
        "T = {'a': 1}\ndef g(n): return T.setdefault(n, 0)\ndef f(n): return g(n)",
        "T = {'a': 2}\ndef g(n): return T.setdefault(n, 0)\ndef f(n): return g(n)",
    ),
    "what a metaclass puts into its table": (
        "class M(type):\n t = {}\n def __init__(cls, *a): M.t[cls.__name__] = cls.k\n"
        "class A(metaclass=M): k = 1\nclass B(A): k = 1\ndef f(): return A.t",
        "class M(type):\n t = {}\n def __init__(cls, *a): M.t[cls.__name__] = cls.k\n"
        "class A(metaclass=M): k = 1\nclass B(A): k = 2\ndef f(): return A.t",
    ),
    "what a decorator puts into a table of its class": (
        "class A:\n t = set()\n @staticmethod\n def by(x): A.t.add(x); return lambda g: g\n"
        "@A.by(1)\ndef g(): pass\ndef f(): return A.t",
        "class A:\n t = set()\n @staticmethod\n def by(x): A.t.add(x); return lambda g: g\n"
        "@A.by(2)\ndef g(): pass\ndef f(): return A.t",
    ),
    "what is registered as an abstract class": (
        "import abc\nclass A(abc.ABC): pass\nA.register(int)\ndef f(): return isinstance(3, A)",
        "import abc\nclass A(abc.ABC): pass\nA.register(str)\ndef f(): return isinstance(3, A)",
    ),
    "a function within an object that pickles as a name": (
        f"{NAMED_BY_ITSELF}def g(x): return x + 1\ndef f(): return g(1)",
        f"{NAMED_BY_ITSELF}def g(x): return x + 3\ndef f(): return g(1)",
    ),
    "what a new type stands for": (
        "import typing\nN = typing.NewType('N', int)\ndef f(): return N.__supertype__",
        "import typing\nN = typing.NewType('N', str)\ndef f(): return N.__supertype__",
    ),
    "the class behind the bound of a type variable": (
        "import typing\nclass A: k = 1\nT = typing.TypeVar('T', bound=A)\ndef f(): return T.__bound__.k",
        "import typing\nclass A: k = 2\nT = typing.TypeVar('T', bound=A)\ndef f(): return T.__bound__.k",
    ),
    # What follows differs between Pythons, to which this table is shown as well.
    "a format in a format": (
        "def f(): return f'{1.5:>{8}}'", "def f(): return f'{1.5:>{9}}'",
    ),
    "a type with parameters": (
        "V = list[float]\ndef f(): return str(V)", "V = list[int]\ndef f(): return str(V)",
    ),
    "a class of the standard library in a constant": (
        "from pathlib import Path\nK = (str, Path)\ndef f(): return K",
        "from pathlib import Path\nK = (int, Path)\ndef f(): return K",
    ),
    "a time zone": (
        "from zoneinfo import ZoneInfo\nZ = ZoneInfo('UTC')\ndef f(): return Z",
        "from zoneinfo import ZoneInfo\nZ = ZoneInfo('Europe/Paris')\ndef f(): return Z",
    ),
    "which of its methods a class has by another name": (
        "class A:\n def a(self): return 1\n def b(self): return 2\n"
        "def to(c, n): c.g = getattr(c, n)\nto(A, 'a')\ndef f(): return A().g()",
        "class A:\n def a(self): return 1\n def b(self): return 2\n"
        "def to(c, n): c.g = getattr(c, n)\nto(A, 'b')\ndef f(): return A().g()",
    ),
    "a method that a function in its class has made": (
        "K = 1\nclass A:\n def to(k):\n  def inner(self): return k\n  return inner\n g = to(K)\n"
        "K = 0\ndef f(): return A().g()",
        "K = 2\nclass A:\n def to(k):\n  def inner(self): return k\n  return inner\n g = to(K)\n"
        "K = 0\ndef f(): return A().g()",
    ),
    "which of two methods with one name is made": (
        "K = 1\nclass A:\n if K == 1:\n  def g(self): return 1\n else:\n  def g(self): return 2\n"
        "def f(): return A().g()",
        "K = 2\nclass A:\n if K == 1:\n  def g(self): return 1\n else:\n  def g(self): return 2\n"
        "def f(): return A().g()",
    ),
    "which of two classes without methods is made": (
        "if 1:\n class A: k = 1\nelse:\n class A: k = 2\ndef f(): return A.k",
        "if 0:\n class A: k = 1\nelse:\n class A: k = 2\ndef f(): return A.k",
    ),
    "the name of a logger": (
        "import logging\nlog = logging.getLogger('one')\ndef f(): return log.name",
        "import logging\nlog = logging.getLogger('two')\ndef f(): return log.name",
    ),
    "a constant with the name of a variable in a decorator": (
        "def by(k):\n def deco(g):\n  def inner(self): return k * g(self)\n  return inner\n"
        " return deco\nk = 3\nclass A:\n @by(2)\n def g(self): return 1\n"
        " def h(self): return k\ndef f(): return A().h()",
        "def by(k):\n def deco(g):\n  def inner(self): return k * g(self)\n  return inner\n"
        " return deco\nk = 4\nclass A:\n @by(2)\n def g(self): return 1\n"
        " def h(self): return k\ndef f(): return A().h()",
    ),
    "what wraps the methods of several classes": (
        "import functools as t\ndef clip(g):\n @t.wraps(g)\n def inner(self): return g(self) + 1\n"
        " return inner\nclass A:\n def g(self): return 1\nfor c in (A,): c.g = clip(c.g)\n"
        "def f(): return A().g()",
        "import functools as t\ndef clip(g):\n @t.wraps(g)\n def inner(self): return g(self) + 2\n"
        " return inner\nclass A:\n def g(self): return 1\nfor c in (A,): c.g = clip(c.g)\n"
        "def f(): return A().g()",
    ),
    "whether a method is wrapped": (
        "import functools as t\ndef clip(g):\n @t.wraps(g)\n def inner(self): return g(self) + 1\n"
        " return inner\nclass A:\n def g(self): return 1\nclass B:\n def g(self): return 1\n"
        "for c in (A, B): c.g = clip(c.g)\ndef f(): return A().g()",
        "import functools as t\ndef clip(g):\n @t.wraps(g)\n def inner(self): return g(self) + 1\n"
        " return inner\nclass A:\n def g(self): return 1\nclass B:\n def g(self): return 1\n"
        "for c in (B,): c.g = clip(c.g)\ndef f(): return A().g()",
    ),
    "which of two classes with one name is made": (
        "FAST = 0\nif FAST:\n class A:\n  def g(self): return 1\nelse:\n class A:\n"
        "  def g(self): return 2\ndef f(): return A().g()",
        "FAST = 1\nif FAST:\n class A:\n  def g(self): return 1\nelse:\n class A:\n"
        "  def g(self): return 2\ndef f(): return A().g()",
    ),
    "the default of a method of a class that a function makes": (
        "def make(w):\n class A:\n  def g(self, k=w): return k\n return A\nA = make(3)\n"
        "def f(): return A().g()",
        "def make(w):\n class A:\n  def g(self, k=w): return k\n return A\nA = make(4)\n"
        "def f(): return A().g()",
    ),
    "an attribute of what an enum extends": (
        "import enum\nclass S:\n k = 2\n def g(self): return self.k\n"
        "class E(S, enum.Enum): A = 1\ndef f(): return E.A.g()",
        "import enum\nclass S:\n k = 3\n def g(self): return self.k\n"
        "class E(S, enum.Enum): A = 1\ndef f(): return E.A.g()",
    ),
    "what a function sets on a class that it is given": (
        "class A:\n k = 1\ndef to(c, k):\n c.k = k\n return c\nA = to(A, 2)\ndef f(): return A.k",
        "class A:\n k = 1\ndef to(c, k):\n c.k = k\n return c\nA = to(A, 3)\ndef f(): return A.k",
    ),
    "what a class sets on itself": (
        "class A:\n k: int\n @classmethod\n def to(cls, k): cls.k = k\nA.to(2)\ndef f(): return A.k",
        "class A:\n k: int\n @classmethod\n def to(cls, k): cls.k = k\nA.to(3)\ndef f(): return A.k",
    ),
    "a constant in a query": (
        "N = 1\ndef f(t): return t.query('x > @N and y')", "N = 2\ndef f(t): return t.query('x > @N and y')",
    ),
    "a constant in a query that is made": (
        "N = 1\ndef f(t, x): return t.eval(expr=f'{x} > @N')", "N = 2\ndef f(t, x): return t.eval(expr=f'{x} > @N')",
    ),
    "a default of an argset that a stage makes": ("from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Base(ExperimentArgs):\n a: int = 1\n def g(self): return 1\n@dataclass\n"
        "class Args(Base):\n b: int = 2\n"
        "def f(): return Args('x').b",
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Base(ExperimentArgs):\n a: int = 1\n def g(self): return 1\n@dataclass\n"
        "class Args(Base):\n b: int = 3\n"
        "def f(): return Args('x').b",
    ),
    "a method of an argset that a stage makes": ("from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Base(ExperimentArgs):\n a: int = 1\n def g(self): return 1\n@dataclass\n"
        "class Args(Base):\n b: int = 2\n"
        "def f(): return Args('x').g()",
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Base(ExperimentArgs):\n a: int = 1\n def g(self): return 5\n@dataclass\n"
        "class Args(Base):\n b: int = 2\n"
        "def f(): return Args('x').g()",
    ),
    "a method of an argset that a module holds": ("from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Base(ExperimentArgs):\n a: int = 1\n def g(self): return 1\n@dataclass\n"
        "class Args(Base):\n b: int = 2\n"
        "A = Args('x')\ndef f(): return A.g()",
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Base(ExperimentArgs):\n a: int = 1\n def g(self): return 5\n@dataclass\n"
        "class Args(Base):\n b: int = 2\n"
        "A = Args('x')\ndef f(): return A.g()",
    ),
    "a method of argsets in a list": ("from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Base(ExperimentArgs):\n a: int = 1\n def g(self): return 1\n@dataclass\n"
        "class Args(Base):\n b: int = 2\n"
        "L = [Args('x')]\ndef f(): return L[0].g()",
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Base(ExperimentArgs):\n a: int = 1\n def g(self): return 5\n@dataclass\n"
        "class Args(Base):\n b: int = 2\n"
        "L = [Args('x')]\ndef f(): return L[0].g()",
    ),
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
    "which value of a table goes with which function": (
        "def a(): return 1\ndef b(): return 2\nT = {a: 1.0, b: 0.1}\n"
        "def f(): return T[a]",
        "def a(): return 1\ndef b(): return 2\nT = {a: 0.1, b: 1.0}\n"
        "def f(): return T[a]",
    ),
    "which function of a table goes with which text": (
        "def a(): return 1\ndef b(): return 2\nT = {'x': a, 'y': b}\n"
        "def f(): return T['x']()",
        "def a(): return 1\ndef b(): return 2\nT = {'y': a, 'x': b}\n"
        "def f(): return T['x']()",
    ),
    "the arguments of a partial that looks like its function": (
        "import functools as t\ndef g(x, by): return x * by\n"
        "half = t.update_wrapper(t.partial(g, by=2), g)\ndef f(): return half(8)",
        "import functools as t\ndef g(x, by): return x * by\n"
        "half = t.update_wrapper(t.partial(g, by=3), g)\ndef f(): return half(8)",
    ),
    "the state of a decorator that is an object": (
        "import functools as t\nclass By:\n def __init__(self, f, by):\n"
        "  t.update_wrapper(self, f)\n  self.by = by\n"
        "def g(x): return x\nfast = By(g, 2)\ndef f(): return fast.by",
        "import functools as t\nclass By:\n def __init__(self, f, by):\n"
        "  t.update_wrapper(self, f)\n  self.by = by\n"
        "def g(x): return x\nfast = By(g, 3)\ndef f(): return fast.by",
    ),
    "the code of a decorator that is an object": (
        "import functools as t\nclass By:\n def __init__(self, f):\n"
        "  t.update_wrapper(self, f)\n def __call__(self): return 1\n"
        "@By\ndef g(x): return x\ndef f(): return g()",
        "import functools as t\nclass By:\n def __init__(self, f):\n"
        "  t.update_wrapper(self, f)\n def __call__(self): return 2\n"
        "@By\ndef g(x): return x\ndef f(): return g()",
    ),
    "what a decorator of a library was made with": (
        "import contextlib\nclass using(contextlib.ContextDecorator):\n"
        " def __init__(self, k): self.k = k\n def __enter__(self): return self.k\n"
        " def __exit__(self, *a): return None\ndef g(): return 1\n"
        "h = using(5)(g)\ndef f(): return h()",
        "import contextlib\nclass using(contextlib.ContextDecorator):\n"
        " def __init__(self, k): self.k = k\n def __enter__(self): return self.k\n"
        " def __exit__(self, *a): return None\ndef g(): return 1\n"
        "h = using(6)(g)\ndef f(): return h()",
    ),
    "what registers itself with a class": (
        "class B:\n known = {}\n def __init_subclass__(cls): B.known[cls.__name__] = cls\n"
        "class A(B):\n def run(self): return 1\ndef f(): return B.known['A']().run()",
        "class B:\n known = {}\n def __init_subclass__(cls): B.known[cls.__name__] = cls\n"
        "class A(B):\n def run(self): return 2\ndef f(): return B.known['A']().run()",
    ),
    "what registers itself with a function": (
        "def reg(f):\n reg.table[f.__name__] = f\n return f\nreg.table = {}\n"
        "@reg\ndef a(): return 1\ndef f(): return reg.table['a']()",
        "def reg(f):\n reg.table[f.__name__] = f\n return f\nreg.table = {}\n"
        "@reg\ndef a(): return 2\ndef f(): return reg.table['a']()",
    ),
    "a method that is set from outside": (
        "class A:\n def go(self): return 0\ndef better(self): return 1\n"
        "def patch(): A.go = better\npatch()\ndef f(): return A().go()",
        "class A:\n def go(self): return 0\ndef better(self): return 2\n"
        "def patch(): A.go = better\npatch()\ndef f(): return A().go()",
    ),
    "a string that is no docstring": (
        "def f():\n return 'a'", "def f():\n return 'b'"
    ),
    "global and local": ("def f():\n x = 1\n return x", "def f():\n global x\n x = 1\n return x"),
    "what a class within a function takes from it": (
        "def make(n):\n class A:\n  x = n\n return A\nA = make(1)\n"
        "def f(): return A.x",
        "def make(n):\n class A:\n  x = n\n return A\nA = make(2)\n"
        "def f(): return A.x",
    ),
    "what a closure holds under the name of a global": (
        "def g(): return 0\ndef make(g):\n def f(): return g()\n return f\n"
        "def a(): return 1\nf = make(a)",
        "def g(): return 0\ndef make(g):\n def f(): return g()\n return f\n"
        "def a(): return 2\nf = make(a)",
    ),
    "the base of a class that no statement names": (
        "class B:\n x = 1\nD = {'a': type('A', (B,), {})}\ndef f(): return D['a'].x",
        "class B:\n x = 2\nD = {'a': type('A', (B,), {})}\ndef f(): return D['a'].x",
    ),
    "an attribute of a class that no statement names": (
        "D = {'a': type('A', (), {'x': 1})}\ndef f(): return D['a'].x",
        "D = {'a': type('A', (), {'x': 2})}\ndef f(): return D['a'].x",
    ),
    "a constant that has no digest": (
        "import threading\nL = threading.Lock()\ndef f(): return L",
        "import threading\nL = threading.RLock()\ndef f(): return L",
    ),
    "what a constant that has no digest is made of": (
        "import threading\nL = threading.BoundedSemaphore(1)\ndef f(): return L",
        "import threading\nL = threading.BoundedSemaphore(2)\ndef f(): return L",
    ),
    "a function of the project that is set on one of a library": (
        "import textwrap\ndef g(): return 1\ntextwrap.dedent.hook = g\n"
        "d = textwrap.dedent\ndef f(): return d",
        "import textwrap\ndef g(): return 2\ntextwrap.dedent.hook = g\n"
        "d = textwrap.dedent\ndef f(): return d",
    ),
    "functions of a library in a table": (
        "T = [len]\ndef f(): return T[0]", "T = [max]\ndef f(): return T[0]"
    ),
    "functions of a library in Python, in a table": (
        "import json\nT = [json.dumps]\ndef f(): return T[0]",
        "import json\nT = [json.loads]\ndef f(): return T[0]",
    ),
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
    "the qualified name of a class": (
        "class A:\n def m(self): return type(self).__qualname__\ndef f(): return A().m()",
        "class B:\n def m(self): return type(self).__qualname__\ndef f(): return B().m()",
    ),
    "the name of a member of an enum": (
        "import enum\nclass E(enum.Enum):\n A = 1\ndef f(): return E.A.name",
        "import enum\nclass E(enum.Enum):\n B = 1\ndef f(): return E.B.name",
    ),
    "an annotation that fields give": (
        "from dataclasses import dataclass, fields\n@dataclass\nclass A:\n x: int\n"
        " @classmethod\n def m(cls, d): return [f.type(d) for f in fields(cls)]\n"
        "def f(): return A.m(1.5)",
        "from dataclasses import dataclass, fields\n@dataclass\nclass A:\n x: float\n"
        " @classmethod\n def m(cls, d): return [f.type(d) for f in fields(cls)]\n"
        "def f(): return A.m(1.5)",
    ),
    "an annotation that the fields of an object give": (
        "import dataclasses as d\n@d.dataclass\nclass A:\n x: int = 0\n"
        " def __post_init__(self): self.y = [f.type for f in d.fields(self)]\n"
        "def f(): return A()",
        "import dataclasses as d\n@d.dataclass\nclass A:\n x: float = 0\n"
        " def __post_init__(self): self.y = [f.type for f in d.fields(self)]\n"
        "def f(): return A()",
    ),
    "an annotation that a field gives to a helper": (
        "from dataclasses import dataclass, fields\ndef g(field, d): return field.type(d)\n"
        "@dataclass\nclass A:\n x: int\n"
        " @classmethod\n def m(cls, d): return [g(each, d) for each in fields(cls)]\n"
        "def f(): return A.m(1.5)",
        "from dataclasses import dataclass, fields\ndef g(field, d): return field.type(d)\n"
        "@dataclass\nclass A:\n x: float\n"
        " @classmethod\n def m(cls, d): return [g(each, d) for each in fields(cls)]\n"
        "def f(): return A.m(1.5)",
    ),
    "an annotation that a field gives to a helper, asked for by an import inside": (
        "import dataclasses as d\ndef g(field): return field.type\n"
        "@d.dataclass\nclass A: x: int\n"
        "def f(): from dataclasses import fields; return [*map(g, fields(A))]",
        "import dataclasses as d\ndef g(field): return field.type\n"
        "@d.dataclass\nclass A: x: float\n"
        "def f(): from dataclasses import fields; return [*map(g, fields(A))]",
    ),
    "an annotation that a variable with the name of a function gives": (
        "import inspect\ndef p(): pass\ndef g(x: int): pass\n"
        "def f(): return [p.annotation for p in inspect.signature(g).parameters.values()]",
        "import inspect\ndef p(): pass\ndef g(x: float): pass\n"
        "def f(): return [p.annotation for p in inspect.signature(g).parameters.values()]",
    ),
    "a key that a typed dictionary requires": (
        "import typing as t\nclass A(t.TypedDict, total=False): x: 't.Required[int]'\n"
        "def f(): return A.__required_keys__",
        "import typing as t\nclass A(t.TypedDict, total=False): x: int\n"
        "def f(): return A.__required_keys__",
    ),
    "a constant in a query that stands in a variable": (
        "N = 1\ndef f(t):\n q = 'x > @N'\n return t.query(q)",
        "N = 2\ndef f(t):\n q = 'x > @N'\n return t.query(q)",
    ),
    "a constant in a query that is a constant": (
        "N = 1\nQ = 'x > @N'\ndef f(t): return t.query(Q)",
        "N = 2\nQ = 'x > @N'\ndef f(t): return t.query(Q)",
    ),
    "an enum made by a call": (
        "import enum\nE = enum.Enum('E', 'A B')\ndef f(): return E.A.value",
        "import enum\nE = enum.Enum('E', 'B A')\ndef f(): return E.A.value",
    ),
    "a dataclass made by a call": (
        "import dataclasses as d\nT = d.make_dataclass('T', [('x', int, 1)])\n"
        "def f(): return T().x",
        "import dataclasses as d\nT = d.make_dataclass('T', [('x', int, 2)])\n"
        "def f(): return T().x",
    ),
    "a type of a library under a name of the project": (
        "Number = int\ndef f(x): return Number(x)",
        "Number = float\ndef f(x): return Number(x)",
    ),
    "one of two definitions of a class": (
        "import sys\nif sys.path:\n class A:\n  x = 1\nelse:\n class A:\n  x = 2\n"
        "def f(): return A.x",
        "import sys\nif sys.path:\n class A:\n  x = 3\nelse:\n class A:\n  x = 2\n"
        "def f(): return A.x",
    ),
    "the base of a class that a function makes": (
        "def logged(base):\n class L(base): pass\n return L\n"
        "class A:\n def g(self): return 1\nB = logged(A)\ndef f(): return B().g()",
        "def logged(base):\n class L(base): pass\n return L\n"
        "class A:\n def g(self): return 2\nB = logged(A)\ndef f(): return B().g()",
    ),
    "the class of a class that a function makes": (
        "class M(type):\n def g(cls): return 1\n"
        "def make(meta):\n class A(metaclass=meta): pass\n return A\n"
        "A = make(M)\ndef f(): return A.g()",
        "class M(type):\n def g(cls): return 2\n"
        "def make(meta):\n class A(metaclass=meta): pass\n return A\n"
        "A = make(M)\ndef f(): return A.g()",
    ),
    "an attribute that is made of a name with another meaning later": (
        "p = 'a'\nclass A: x = p\np = 'b'\nclass B: x = p\ndef f(): return A.x",
        "p = 'c'\nclass A: x = p\np = 'b'\nclass B: x = p\ndef f(): return A.x",
    ),
    "an attribute that a loop sets": (
        "class A: pass\nfor c in (A,): c.x = 1\ndef f(): return A.x",
        "class A: pass\nfor c in (A,): c.x = 2\ndef f(): return A.x",
    ),
    "an attribute that a loop sets on functions": (
        "def g(): return g.x\nfor h in (g,): h.x = 1\ndef f(): return g()",
        "def g(): return g.x\nfor h in (g,): h.x = 2\ndef f(): return g()",
    ),
    "an attribute that a helper sets": (
        "class A: pass\ndef tag(c, x): c.x = x\ntag(A, 1)\ndef f(): return A.x",
        "class A: pass\ndef tag(c, x): c.x = x\ntag(A, 2)\ndef f(): return A.x",
    ),
    "an attribute that a decorator sets": (
        "def tag(x):\n def deco(c):\n  c.x = x\n  return c\n return deco\n"
        "K = 1\n@tag(K)\nclass A: pass\nK = 3\ndef f(): return A.x",
        "def tag(x):\n def deco(c):\n  c.x = x\n  return c\n return deco\n"
        "K = 2\n@tag(K)\nclass A: pass\nK = 3\ndef f(): return A.x",
    ),
    "an item set in a table of a class": (
        "class A:\n x = {}\nA.x['y'] = 1\ndef f(): return A.x",
        "class A:\n x = {}\nA.x['y'] = 2\ndef f(): return A.x",
    ),
    "what updates a table of a class": (
        "class A:\n x = {}\nA.x.update(y=1)\ndef f(): return A.x",
        "class A:\n x = {}\nA.x.update(y=2)\ndef f(): return A.x",
    ),
    "a global of a nested function that is local outside": (
        "N = 1\ndef f():\n N = 0\n def g():\n  global N\n  return N\n return g()",
        "N = 2\ndef f():\n N = 0\n def g():\n  global N\n  return N\n return g()",
    ),
    "a name of a library that is bound anew": (
        "from functools import partial\nfrom math import log\nlog = partial(log, 4)\n"
        "def f(): return log(2)",
        "from functools import partial\nfrom math import log\nlog = partial(log, 8)\n"
        "def f(): return log(2)",
    ),
    "one of all names of a library that is bound anew": (
        "from math import *\ne = 1\ndef f(): return e",
        "from math import *\ne = 2\ndef f(): return e",
    ),
    "what a closure holds under a name of a library": (
        "from random import seed\ndef make(seed):\n def f(): return seed\n return f\n"
        "f = make(1)",
        "from random import seed\ndef make(seed):\n def f(): return seed\n return f\n"
        "f = make(2)",
    ),
    "a method of a table that has a lock": (
        "import threading\nclass R:\n def __init__(s): s.i, s.lock = {}, threading.Lock()\n"
        "R = R()\ndef reg(g): R.i['a'] = [g]; return g\n"
        "@reg\ndef a(): return 1\ndef f(): return R.i['a'][0]()",
        "import threading\nclass R:\n def __init__(s): s.i, s.lock = {}, threading.Lock()\n"
        "R = R()\ndef reg(g): R.i['a'] = [g]; return g\n"
        "@reg\ndef a(): return 2\ndef f(): return R.i['a'][0]()",
    ),
    "which function goes with which text in a table that has a lock": (
        "import threading\nT = {'l': threading.Lock()}\ndef a(): return 1\n"
        "def b(): return 2\ndef fill(): T['a'], T['b'] = a, b\nfill()\n"
        "def f(): return T['a']()",
        "import threading\nT = {'l': threading.Lock()}\ndef a(): return 1\n"
        "def b(): return 2\ndef fill(): T['b'], T['a'] = a, b\nfill()\n"
        "def f(): return T['a']()",
    ),
    "a table that is in itself": (
        "class P: pass\np = P()\np.me = [p]\ndef a(): return 1\n"
        "def fill(): p.go = a\nfill()\ndef f(): return p.go()",
        "class P: pass\np = P()\np.me = [p]\ndef a(): return 2\n"
        "def fill(): p.go = a\nfill()\ndef f(): return p.go()",
    ),
    "an object of a class that registers itself": (
        "class B:\n known = {}\n def __init_subclass__(cls): B.known[cls.__name__] = cls()\n"
        "class A(B):\n def run(self): return 1\ndef f(): return B.known['A'].run()",
        "class B:\n known = {}\n def __init_subclass__(cls): B.known[cls.__name__] = cls()\n"
        "class A(B):\n def run(self): return 2\ndef f(): return B.known['A'].run()",
    ),
    "what registers itself deeper in a table": (
        "from collections import defaultdict\nclass B:\n known = defaultdict(dict)\n"
        "def reg(g): B.known['x']['a'] = (g, 1); return g\n"
        "@reg\ndef a(): return 1\ndef f(): return B.known['x']['a'][0]()",
        "from collections import defaultdict\nclass B:\n known = defaultdict(dict)\n"
        "def reg(g): B.known['x']['a'] = (g, 1); return g\n"
        "@reg\ndef a(): return 2\ndef f(): return B.known['x']['a'][0]()",
    ),
    "what goes with a function that registers itself": (
        "class B:\n known = {}\ndef reg(g): B.known['a'] = (g, 1); return g\n"
        "@reg\ndef a(): return 1\ndef f(): return B.known['a'][1]",
        "class B:\n known = {}\ndef reg(g): B.known['a'] = (g, 2); return g\n"
        "@reg\ndef a(): return 1\ndef f(): return B.known['a'][1]",
    ),
    "what registers itself in a set": (
        "class B:\n known = set()\ndef reg(g): B.known.add(g); return g\n"
        "@reg\ndef a(): return 1\ndef f(): return [g() for g in B.known]",
        "class B:\n known = set()\ndef reg(g): B.known.add(g); return g\n"
        "@reg\ndef a(): return 2\ndef f(): return [g() for g in B.known]",
    ),
    "what registers itself in a queue of a function": (
        "from collections import deque\ndef reg(g): reg.known.append((1, g)); return g\n"
        "reg.known = deque()\n@reg\ndef a(): return 1\ndef f(): return reg.known[0][1]()",
        "from collections import deque\ndef reg(g): reg.known.append((1, g)); return g\n"
        "reg.known = deque()\n@reg\ndef a(): return 2\ndef f(): return reg.known[0][1]()",
    ),
    "the one object that registers itself": (
        "class B:\n last = None\n def __init_subclass__(cls): B.last = cls()\n"
        "class A(B):\n def run(self): return 1\ndef f(): return B.last.run()",
        "class B:\n last = None\n def __init_subclass__(cls): B.last = cls()\n"
        "class A(B):\n def run(self): return 2\ndef f(): return B.last.run()",
    ),
    "the one class that registers itself": (
        "class B:\n last = None\n def __init_subclass__(cls): B.last = cls\n"
        "class A(B):\n def run(self): return 1\ndef f(): return B.last().run()",
        "class B:\n last = None\n def __init_subclass__(cls): B.last = cls\n"
        "class A(B):\n def run(self): return 2\ndef f(): return B.last().run()",
    ),
    "a method of an object with a lock that a closure holds": (
        "import threading\nclass C:\n def __init__(s): s.lock = threading.Lock()\n"
        " def get(s): return 1\ndef make(c):\n def f(): return c.get()\n return f\n"
        "f = make(C())",
        "import threading\nclass C:\n def __init__(s): s.lock = threading.Lock()\n"
        " def get(s): return 2\ndef make(c):\n def f(): return c.get()\n return f\n"
        "f = make(C())",
    ),
    "a default of an argset that is made within a comparison": ("from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Args(ExperimentArgs):\n b: int = 2\n"
        "def f(): return Args('x').b == 2",
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Args(ExperimentArgs):\n b: int = 3\n"
        "def f(): return Args('x').b == 2",
    ),
    "a method chosen by type that is added later": (
        "import functools\nclass A:\n @functools.singledispatchmethod\n def g(self, x): return 0\n"
        "@A.g.register\ndef _(self, x: int): return 1\ndef f(): return A().g(3)",
        "import functools\nclass A:\n @functools.singledispatchmethod\n def g(self, x): return 0\n"
        "@A.g.register\ndef _(self, x: int): return 2\ndef f(): return A().g(3)",
    ),
    "a default of an argset whose class is cast, and handed on": ("from typing import cast\nfrom dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Args(ExperimentArgs):\n b: int = 2\n"
        "def f(): return cast(type, Args)",
        "from typing import cast\nfrom dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Args(ExperimentArgs):\n b: int = 3\n"
        "def f(): return cast(type, Args)",
    ),
    "a default of an argset whose class is handed on": ("from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Args(ExperimentArgs):\n b: int = 2\n"
        "def make(cls): return cls('x').b\ndef f(): return make(Args)",
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n@dataclass\n"
        "class Args(ExperimentArgs):\n b: int = 3\n"
        "def make(cls): return cls('x').b\ndef f(): return make(Args)",
    ),
    "a method set on a class": (
        "class A: pass\ndef g(self): return 1\nA.g = g\ndef f(): return A().g()",
        "class A: pass\ndef g(self): return 2\nA.g = g\ndef f(): return A().g()",
    ),
    "an attribute set by setattr": (
        "class A: pass\nfor x in '12': setattr(A, 'x', x)\ndef f(): return A.x",
        "class A: pass\nfor x in '13': setattr(A, 'x', x)\ndef f(): return A.x",
    ),
    "the default of a function made in a loop": (
        "FS = []\nfor k in (1, 2):\n def g(x, k=k): return x * k\n FS.append(g)\n"
        "def f(): return FS[0](1)",
        "FS = []\nfor k in (0, 2):\n def g(x, k=k): return x * k\n FS.append(g)\n"
        "def f(): return FS[0](1)",
    ),
    "a default that meant something else when it was made": (
        "N = 1\ndef g(n=N): return n\nN = 2\ndef f(): return g()",
        "N = 0\ndef g(n=N): return n\nN = 2\ndef f(): return g()",
    ),
    "an annotation that a library goes by": (
        "import string\nclass A(string.Formatter):\n x: int = 1\n"
        "def f(): return A.__annotations__",
        "import string\nclass A(string.Formatter):\n x: float = 1\n"
        "def f(): return A.__annotations__",
    ),
    "a class in an annotation that a library goes by": (
        "import string\nclass B: n = 1\nclass A(string.Formatter):\n b: list[B]\n"
        "def f(): return A()",
        "import string\nclass B: n = 2\nclass A(string.Formatter):\n b: list[B]\n"
        "def f(): return A()",
    ),
    "a class in an annotation that is a text": (
        "import string\nclass B: n = 1\nclass A(string.Formatter):\n b: 'list[B]'\n"
        "def f(): return A()",
        "import string\nclass B: n = 2\nclass A(string.Formatter):\n b: 'list[B]'\n"
        "def f(): return A()",
    ),
    "annotations that are asked for": (
        "from typing import get_type_hints\nclass A:\n x: int\n"
        "def g(c): return get_type_hints(c)\ndef f(): a = A(); return g(type(a))",
        "from typing import get_type_hints\nclass A:\n x: float\n"
        "def g(c): return get_type_hints(c)\ndef f(): a = A(); return g(type(a))",
    ),
    "the annotations of a class that is asked for them": (
        "class A:\n x: int\ndef f(): return A.__annotations__",
        "class A:\n x: float\ndef f(): return A.__annotations__",
    ),
    "annotations of a class that is given to a function": (
        "from dataclasses import dataclass, fields\n@dataclass\nclass A:\n x: int\n"
        "def f(): return [each.type for each in fields(A)]",
        "from dataclasses import dataclass, fields\n@dataclass\nclass A:\n x: float\n"
        "def f(): return [each.type for each in fields(A)]",
    ),
    "annotations within those of a class that is given by name": (
        "class B:\n n: int\nclass A:\n b: B\ndef f(make): return make(kind=A)",
        "class B:\n n: float\nclass A:\n b: B\ndef f(make): return make(kind=A)",
    ),
    "the name of a class that is asked for": (
        "class A:\n def g(self): return type(self).__name__\ndef f(): return A().g()",
        "class B:\n def g(self): return type(self).__name__\ndef f(): return B().g()",
    ),
    "what lies in a circle": (
        "A = {'n': 1}\nA['again'] = A\ndef f(): return A",
        "A = {'n': 2}\nA['again'] = A\ndef f(): return A",
    ),
    "where a circle is closed": (
        "A = [[[]]]\nA[0][0].append(A)\ndef f(): return A",
        "A = [[[]]]\nA[0][0].append(A[0])\ndef f(): return A",
    ),
    "a new member of an enum that is gone through": (
        "import enum\nclass E(enum.Enum):\n A = 1\ndef f(): return list(E)",
        "import enum\nclass E(enum.Enum):\n A = 1\n B = 2\ndef f(): return list(E)",
    ),
    "a method of an enum": (
        "import enum\nclass E(enum.Enum):\n A = 1\n def g(self): return 1\ndef f(x): return E.A",
        "import enum\nclass E(enum.Enum):\n A = 1\n def g(self): return 2\ndef f(x): return E.A",
    ),
    "a property of an enum": (
        "import enum\nclass E(enum.Enum):\n A = 1\n @property\n def g(self): return 1\ndef f(x): return E.A",
        "import enum\nclass E(enum.Enum):\n A = 1\n @property\n def g(self): return 2\ndef f(x): return E.A",
    ),
    "a class method of an enum": (
        "import enum\nclass E(enum.Enum):\n A = 1\n @classmethod\n def g(cls): return 1\ndef f(x): return E.A",
        "import enum\nclass E(enum.Enum):\n A = 1\n @classmethod\n def g(cls): return 2\ndef f(x): return E.A",
    ),
    "a method of a base of an enum": (
        "import enum\nclass B:\n def g(self): return 1\nclass E(B, enum.Enum):\n A = 1\ndef f(): return E.A",
        "import enum\nclass B:\n def g(self): return 2\nclass E(B, enum.Enum):\n A = 1\ndef f(): return E.A",
    ),
    "the name of an enum": (
        "import enum\nclass E(enum.Enum):\n A = 1\ndef f(): return E.A",
        "import enum\nclass F(enum.Enum):\n A = 1\ndef f(): return F.A",
    ),
    "what a statement gives to a member of an enum": (
        "import enum\nclass E(enum.Enum):\n A = 1\nE.A.k = 1\ndef f(): return E.A.k",
        "import enum\nclass E(enum.Enum):\n A = 1\nE.A.k = 2\ndef f(): return E.A.k",
    ),
    "what a loop gives to the members of an enum": (
        "import enum\nclass E(enum.Enum):\n A = 1\nfor e in E: e.k = 1\n"
        "def f(): return [e.k for e in E]",
        "import enum\nclass E(enum.Enum):\n A = 1\nfor e in E: e.k = 2\n"
        "def f(): return [e.k for e in E]",
    ),
    "what a member of an enum is made with, beside its value": (
        "import enum\nclass E(enum.Enum):\n A = 'a', lambda: 1\n"
        " def __new__(cls, v, g):\n  e = object.__new__(cls); e._value_ = v; e._g = g\n"
        "  return e\ndef f(): return E.A._g()",
        "import enum\nclass E(enum.Enum):\n A = 'a', lambda: 2\n"
        " def __new__(cls, v, g):\n  e = object.__new__(cls); e._value_ = v; e._g = g\n"
        "  return e\ndef f(): return E.A._g()",
    ),
    "what an enum has instead of a member": (
        "import enum\nclass E(enum.Enum):\n A = 1\ndef f(): return E.B",
        "import enum\nclass E(enum.Enum):\n A = 2\ndef f(): return E.B",
    ),
    "annotations that inspect gives": (
        "import inspect\nclass A:\n x: int\ndef f(): a = A(); return inspect.get_annotations(type(a))",
        "import inspect\nclass A:\n x: str\ndef f(): a = A(); return inspect.get_annotations(type(a))",
    ),
    "code in a circle with a lock": (
        "import threading\ndef g(): return 1\nL = [threading.Lock(), g]\nL.append(L)\ndef f(): return L",
        "import threading\ndef g(): return 2\nL = [threading.Lock(), g]\nL.append(L)\ndef f(): return L",
    ),
    "code in a circle beside a lock": (
        "import threading\ndef g(): return 1\nC = [g]\nC.append(C)\nL = [threading.Lock(), C]\ndef f(): return L",
        "import threading\ndef g(): return 2\nC = [g]\nC.append(C)\nL = [threading.Lock(), C]\ndef f(): return L",
    ),
    "whose annotation it is": (
        "from typing import get_type_hints\nclass A:\n x: int\nclass B:\n x: str\ndef f(): return get_type_hints, A(), B()",
        "from typing import get_type_hints\nclass A:\n x: str\nclass B:\n x: int\ndef f(): return get_type_hints, A(), B()",
    ),
    "a global that is only added to": (
        "n = 1\ndef f():\n global n\n n += 1",
        "n = 2\ndef f():\n global n\n n += 1",
    ),
    "a comparison made by a library of a function": (
        "import functools\ndef c(a, b): return a - b\nk = functools.cmp_to_key(c)\n"
        "def f(x): return sorted(x, key=k)",
        "import functools\ndef c(a, b): return b - a\nk = functools.cmp_to_key(c)\n"
        "def f(x): return sorted(x, key=k)",
    ),
    "a dispatching function": (
        "import functools\n@functools.singledispatch\ndef g(x): return 1\n"
        "@g.register(int)\ndef _(x): return 2\ndef f(x): return g(x)",
        "import functools\n@functools.singledispatch\ndef g(x): return 1\n"
        "@g.register(int)\ndef _(x): return 3\ndef f(x): return g(x)",
    ),
    "a dispatching function in a list": (
        "import functools\n@functools.singledispatch\ndef g(x): return 1\n"
        "@g.register(int)\ndef _(x): return 2\nK = [g]\ndef f(x): return K[0](x)",
        "import functools\n@functools.singledispatch\ndef g(x): return 1\n"
        "@g.register(int)\ndef _(x): return 3\nK = [g]\ndef f(x): return K[0](x)",
    ),
    "a dispatching function of others in a list": (
        "from shutil import copyfile\nimport functools\nimport pprint\n"
        "g = pprint.dispatching = functools.singledispatch(copyfile)\n"
        "@g.register(int)\ndef _(x): return 2\nK = [g]\ndef f(x): return K[0](x)",
        "from shutil import copyfile\nimport functools\nimport pprint\n"
        "g = pprint.dispatching = functools.singledispatch(copyfile)\n"
        "@g.register(int)\ndef _(x): return 3\nK = [g]\ndef f(x): return K[0](x)",
    ),
    "a partial of a dispatching function": (
        "import functools\n@functools.singledispatch\ndef g(x): return 1\n"
        "@g.register(int)\ndef _(x): return 2\nK = functools.partial(g)\n"
        "def f(x): return K(x)",
        "import functools\n@functools.singledispatch\ndef g(x): return 1\n"
        "@g.register(int)\ndef _(x): return 3\nK = functools.partial(g)\n"
        "def f(x): return K(x)",
    ),
    "a method chosen by type of an object without identity": (
        "import functools, threading\nclass A:\n"
        " def __init__(self): self.lock = threading.Lock()\n"
        " @functools.singledispatchmethod\n def g(self, x): return 1\n"
        " @g.register(int)\n def _(self, x): return 2\n"
        "K = [A().g]\ndef f(x): return K[0](x)",
        "import functools, threading\nclass A:\n"
        " def __init__(self): self.lock = threading.Lock()\n"
        " @functools.singledispatchmethod\n def g(self, x): return 1\n"
        " @g.register(int)\n def _(self, x): return 3\n"
        "K = [A().g]\ndef f(x): return K[0](x)",
    ),
    "a bound method chosen by type": (
        "import functools\nclass A:\n @functools.singledispatchmethod\n"
        " def g(self, x): return 1\n @g.register(int)\n def _(self, x): return 2\n"
        "K = [A().g]\ndef f(x): return K[0](x)",
        "import functools\nclass A:\n @functools.singledispatchmethod\n"
        " def g(self, x): return 1\n @g.register(int)\n def _(self, x): return 3\n"
        "K = [A().g]\ndef f(x): return K[0](x)",
    ),
    "the object of a bound method chosen by type": (
        "import functools\nclass A:\n def __init__(self, k): self.k = k\n"
        " @functools.singledispatchmethod\n def g(self, x): return self.k\n"
        "def a(k=1): return A(k).g\nK = [a()]\ndef f(x): return K[0](x)",
        "import functools\nclass A:\n def __init__(self, k): self.k = k\n"
        " @functools.singledispatchmethod\n def g(self, x): return self.k\n"
        "def a(k=2): return A(k).g\nK = [a()]\ndef f(x): return K[0](x)",
    ),
}  # fmt: skip


# What is compiled, or pickled, differs from version to version, and not all of them
# have all packages: these are compared here only.
NO_SOURCE = {
    "a function in an annotation with a name": (
        "import string\nfrom typing import Annotated\ndef half(x): return x / 2\n"
        "H = Annotated[float, half]\nclass A(string.Formatter):\n b: H\n"
        "def f(): return A()",
        "import string\nfrom typing import Annotated\ndef half(x): return x / 3\n"
        "H = Annotated[float, half]\nclass A(string.Formatter):\n b: H\n"
        "def f(): return A()",
    ),
    "an annotation that a decorator of a library goes by": (
        "import pluggy\nmark = pluggy.HookimplMarker('x')\n@mark(tryfirst=True)\n"
        "class A:\n x: int = 1\ndef f(): return A.x",
        "import pluggy\nmark = pluggy.HookimplMarker('x')\n@mark(tryfirst=True)\n"
        "class A:\n x: float = 1\ndef f(): return A.x",
    ),
    "what the closure of a library's function holds": (
        "def g(): return 1\nN = {}\n"
        "make = 'def make(h):\\n def inner(): return h()\\n return inner'\n"
        "exec(compile(make, '/usr/lib/x.py', 'exec'), N)\nk = N['make'](g)\n"
        "def f(): return k()",
        "def g(): return 2\nN = {}\n"
        "make = 'def make(h):\\n def inner(): return h()\\n return inner'\n"
        "exec(compile(make, '/usr/lib/x.py', 'exec'), N)\nk = N['make'](g)\n"
        "def f(): return k()",
    ),
    "what an object of a library holds beside the function that it wraps": (
        "class Chain:\n def __init__(self, *fs): self.fs, self.__wrapped__ = fs, fs[0]\n"
        " def __call__(self): return [f() for f in self.fs]\nChain.__module__ = 'x'\n"
        "def g(): return 0\ndef h(): return 1\nk = Chain(g, h)\ndef f(): return k()",
        "class Chain:\n def __init__(self, *fs): self.fs, self.__wrapped__ = fs, fs[0]\n"
        " def __call__(self): return [f() for f in self.fs]\nChain.__module__ = 'x'\n"
        "def g(): return 0\ndef h(): return 2\nk = Chain(g, h)\ndef f(): return k()",
    ),
    "what an object of a library binds of the function that it wraps": (
        "from functools import partial\nclass Curry:\n def __init__(self, g, x):\n"
        "  self.__wrapped__, self.bound = g, partial(g, x)\nCurry.__module__ = 'x'\n"
        "def g(x): return x\nk = Curry(g, 1)\ndef f(): return k.bound()",
        "from functools import partial\nclass Curry:\n def __init__(self, g, x):\n"
        "  self.__wrapped__, self.bound = g, partial(g, x)\nCurry.__module__ = 'x'\n"
        "def g(x): return x\nk = Curry(g, 2)\ndef f(): return k.bound()",
    ),
    "a function that exec has made in a namespace of its own": (
        "N = {}\nexec('def g(x): return x', N)\ng = N['g']\ndef f(): return g(1)",
        "N = {}\nexec('def g(x): return -x', N)\ng = N['g']\ndef f(): return g(1)",
    ),
    "what globals() may give": (
        "def g(): return 1\ndef f(): return globals()['g']()",
        "def g(): return 2\ndef f(): return globals()['g']()",
    ),
    "what eval may name": (
        "K = 1\ndef f(): return eval('K')",
        "K = 2\ndef f(): return eval('K')",
    ),
    "what exec may name": (
        "K = 1\ndef f(): exec('print(K)')",
        "K = 2\ndef f(): exec('print(K)')",
    ),
    "what a module gives by itself": (
        "import sys\ndef g(): return 1\ndef f(): return getattr(sys.modules[__name__], 'g')()",
        "import sys\ndef g(): return 2\ndef f(): return getattr(sys.modules[__name__], 'g')()",
    ),
    "a class that extends another": (
        "class A: pass\nclass B(A): k = 1\ndef f(): return [b.k for b in A.__subclasses__()]",
        "class A: pass\nclass B(A): k = 2\ndef f(): return [b.k for b in A.__subclasses__()]",
    ),
    "a class that extends one that extends another": (
        "class A: pass\nclass B(A): pass\nclass C(B): k = 1\ndef f(): return A.__subclasses__()[0].__subclasses__()",
        "class A: pass\nclass B(A): pass\nclass C(B): k = 2\ndef f(): return A.__subclasses__()[0].__subclasses__()",
    ),
    "one more class that extends another": (
        "class A: pass\nclass B(A): pass\ndef f(): return len(A.__subclasses__())",
        "class A: pass\nclass B(A): pass\nclass C(A): pass\ndef f(): return len(A.__subclasses__())",
    ),
    "a function that an object of a library holds as bytes": (
        f"def g(): return 1\n{PACKED}k = N['P'](g)\ndef f(): return k",
        f"def g(): return 2\n{PACKED}k = N['P'](g)\ndef f(): return k",
    ),
    "a function that such an object in a list holds": (
        f"def g(): return 1\n{PACKED}k = [N['P'](g)]\ndef f(): return k",
        f"def g(): return 2\n{PACKED}k = [N['P'](g)]\ndef f(): return k",
    ),
    "a function that exec has made in its module": (
        "exec('def g(x): return x')\ndef f(): return g(1)",
        "exec('def g(x): return -x')\ndef f(): return g(1)",
    ),
    "a constant of such a function, in an object": (
        "from types import SimpleNamespace\nN = {}\nexec('K = 1\\ndef g(): return K', N)\n"
        "S = SimpleNamespace(g=N['g'])\ndef f(): return S.g()",
        "from types import SimpleNamespace\nN = {}\nexec('K = 2\\ndef g(): return K', N)\n"
        "S = SimpleNamespace(g=N['g'])\ndef f(): return S.g()",
    ),
    "a class that exec has made": (
        "N = {}\nexec('class A:\\n    k = 1', N)\nL = [N['A']]\ndef f(): return L[0].k",
        "N = {}\nexec('class A:\\n    k = 2', N)\nL = [N['A']]\ndef f(): return L[0].k",
    ),
    "a method of a class that exec has made": (
        "N = {}\nexec('class A:\\n    def g(self): return 1', N)\nL = [N['A']]\ndef f(): return L[0]().g()",
        "N = {}\nexec('class A:\\n    def g(self): return 2', N)\nL = [N['A']]\ndef f(): return L[0]().g()",
    ),
    "a function of a module that was made by hand": (
        "import types\nm = types.ModuleType('m1')\nexec('def g(): return 1', vars(m))\ndef f(): return m.g()",
        "import types\nm = types.ModuleType('m1')\nexec('def g(): return 2', vars(m))\ndef f(): return m.g()",
    ),
    "a constant of a module that was made by hand": (
        "import types\nm = types.ModuleType('m1')\nm.k = 1\ndef f(): return m.k",
        "import types\nm = types.ModuleType('m1')\nm.k = 2\ndef f(): return m.k",
    ),
    "a function that has no source": (
        "exec(compile('def f(): return 1', __file__, 'exec'))",
        "exec(compile('def f(): return 2', __file__, 'exec'))",
    ),
    "a text in a function that has no source": (
        "exec(compile('def f(): return [x for x in (1, 2)]', __file__, 'exec'))",
        "exec(compile('def f(): return [x for x in (1, 3)]', __file__, 'exec'))",
    ),
    "a helper of a function that has no source": (
        "def g(): return 1\nexec(compile('def f(): return g()', __file__, 'exec'))",
        "def g(): return 2\nexec(compile('def f(): return g()', __file__, 'exec'))",
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
    return in_a_fork(fingerprints, tmp_path_factory.mktemp("small"), small_cases())


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


@pytest.mark.parametrize("name", NO_SOURCE)
def test_these_sources_differ_although_they_cannot_be_read(name, tmp_path):
    cases = {
        n: ({"m.py": source}, ["m:f"])
        for n, source in zip("12", NO_SOURCE[name], strict=True)
    }
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]


LOCKED = "import threading\nN = threading.Lock(), 1"


@pytest.mark.parametrize(
    ("package", "body", "beside"),
    [
        ("N = 1", "from . import N\ndef f(): return N", ""),
        ("", "from .c import N\ndef f(): return N", "N = 1"),
        ("", "def f():\n from . import c\n return c.N", "N = 1"),
        ("", "def f():\n from .c import g\n return g()", "def g(): return 1"),
        (
            "",
            "def f(x):\n if x:\n  from .c import g\n else:\n  from .d import g\n return g()",
            "def g(): return 1",
        ),
        # What has no identity counts by the statements of the module that makes it.
        (LOCKED, "from . import N\ndef f(): return N", ""),
        ("", "from .c import N\ndef f(): return N", LOCKED),
    ],
)
def test_names_of_a_package_can_be_imported_relatively(package, body, beside, tmp_path):
    def files(number):
        texts = {"p/__init__.py": package, "p/a.py": body, "p/c.py": beside}
        texts["p/d.py"] = "def g(): return 0"
        return {n: text.replace("1", number) for n, text in texts.items()}

    cases = {number: (files(number), ["p.a:f"]) for number in ("1", "2")}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]
    assert found["1"]["unfollowed"] == []
    assert "p/a.py: f" in found["1"]["parts"]


@pytest.mark.parametrize(
    "body",
    [
        "import {0}.c\n return {0}.c.g()",
        "import {0}.c as d\n return d.g()",
        "from {0}.c import g\n return g()",
        "from {0} import c as e\n return e.g()",
    ],
)
def test_the_place_of_what_a_function_imports_does_not_count(body, tmp_path):
    text = f"def f():\n {body}"
    files = [
        {"m.py": text.format(p), f"{p}/__init__.py": "", f"{p}/c.py": "def g(): pass"}
        for p in ("p", "q")
    ]
    cases = {str(index): (each, ["m:f"]) for index, each in enumerate(files)}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["0"]["fingerprint"] == found["1"]["fingerprint"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from .c import g", None),
        ("from .c import g as h", None),
        ("from .c import N", None),
        ("from .c import *", None),
        ("from p.c import *", None),
        ("from . import c", None),
        ("import p.c as d", None),
        ("from .e import *", None),
        ("from .c import g as x, h as y", "from .c import g as y, h as x"),
        ("from .c import g", "from .c import h as g"),
    ],
)
def test_what_is_imported_into_a_module_that_is_a_value_counts(before, after, tmp_path):
    def files(line, number):
        body = f"{line}\nimport p.a\ndef f(name): return getattr(p.a, name)"
        beside = f"N = {number}\ndef g(): return {number}\ndef h(): return 0"
        chosen = f"__all__ = ['_g']\ndef _g(): return {number}\ndef g(): return 0"
        texts = {"__init__": "", "a": body, "c": beside, "e": chosen}
        return {f"p/{name}.py": text for name, text in texts.items()}

    other = files(before, 2) if after is None else files(after, 1)
    cases = {"1": (files(before, 1), ["p.a:f"]), "2": (other, ["p.a:f"])}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]
    assert found["1"]["unfollowed"] == []


def test_what_a_module_that_is_a_value_does_not_give_away_does_not_count(tmp_path):
    body = "from .c import *\nimport p.a\ndef f(name): return getattr(p.a, name)"
    other = "def _g(): return {}\nimport p.d\ndef g(): return 0"
    cases = {}
    for number in "12":
        files = {"p/__init__.py": "", "p/a.py": body, "p/c.py": other.format(number)}
        files["p/d.py"] = f"def g(): return {number}"
        cases[number] = files, ["p.a:f"]
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] == found["2"]["fingerprint"]


def test_what_a_function_imports_into_its_module_counts(tmp_path):
    body = (
        "def load():\n global g\n from .c import g, h\ndef f():\n load()\n return g()"
    )
    cases = {}
    for name, numbers in {"1": (1, 1), "2": (2, 1), "3": (1, 2)}.items():
        beside = "def g(): return {}\ndef h(): return {}".format(*numbers)
        files = {"p/__init__.py": "", "p/a.py": body, "p/c.py": beside}
        cases[name] = files, ["p.a:f"]
    found = in_a_fork(fingerprints, tmp_path, cases)
    one, other, same = (found[name]["fingerprint"] for name in cases)
    assert one == same != other


def test_what_packages_above_do_to_libraries_counts(tmp_path):
    cases = {}
    for number in "12":
        files = {"p/__init__.py": f"import random\nrandom.seed({number})"}
        files["p/a.py"] = "import random\ndef f(): return random.random()"
        cases[number] = files, ["p.a:f"]
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]
    assert "p/__init__.py: what it sets of libraries" in found["1"]["parts"]


@pytest.mark.parametrize(
    "sets", ["p.c.g = lambda: {}", "p.c.N = {}", "setattr(p.c, 'new', {})"]
)
def test_what_others_set_on_a_module_that_is_a_value_counts(sets, tmp_path):
    body = "import p.c, p.d\ndef f(name): return getattr(p.c, name)"
    cases = {}
    for number in "12":
        files = {"p/__init__.py": "", "p/a.py": body, "p/c.py": "N = 0\ndef g(): pass"}
        files["p/d.py"] = f"import p.c\n{sets.format(number)}"
        cases[number] = files, ["p.a:f"]
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]


def test_attributes_of_one_name_that_others_have_do_not_count_with_a_module(tmp_path):
    sets = "import types\nbox = types.SimpleNamespace()\nbox.g = box.h = 1"
    body = "import p.c\n{}\ndef f(name): return getattr(p.c, name)"
    files = {"p/__init__.py": "", "p/b.py": "def h(): pass", "p/d.py": sets}
    files["p/c.py"] = "from p.b import h\ndef g(): pass"
    cases = {
        said: ({**files, "p/a.py": body.format(said)}, ["p.a:f"])
        for said in ("import p", "import p.d")
    }
    one, other = in_a_fork(fingerprints, tmp_path, cases).values()
    assert one["fingerprint"] == other["fingerprint"]


def test_a_class_of_others_that_a_file_chooses_counts(tmp_path):
    body = """
from collections.abc import Mapping, Sequence
from pathlib import Path
KIND = {"1": Mapping, "2": Sequence}[Path(__file__).with_name("kind.txt").read_text()]
def f(): return KIND
"""
    cases = {n: ({"m.py": body, "kind.txt": n}, ["m:f"]) for n in "12"}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]


FROM_FILES = {
    "what a decorator reads": (
        "def by(g): return lambda self, k=TEXT(): k\nclass A:\n @by\n def g(self): return 1\n"
        "def f(): return A().g()"
    ),
    "a list in a class": "class A: k = [TEXT()]\ndef f(): return A.k",
    "a private list in a class": "class A:\n __k = [TEXT()]\n def g(self): return self.__k\ndef f(): return A().g()",
    "the default of a method": "class A:\n def g(self, k=TEXT()): return k\ndef f(): return A().g()",
    "a field that has a slot": (
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n k: str = TEXT()\n"
        "def f(): return A().k"
    ),
    "the default of a named tuple": (
        "from typing import NamedTuple\nclass A(NamedTuple):\n k: str = TEXT()\ndef f(): return A().k"
    ),
    "what makes the default of a field": (
        "from functools import partial\nfrom dataclasses import dataclass, field\n@dataclass\n"
        "class A:\n k: str = field(default_factory=partial(str, TEXT()))\ndef f(): return A().k"
    ),
    "the argument of a decorator of a method": (
        "def by(k):\n def deco(g):\n  def inner(self): return k\n  return inner\n return deco\n"
        "class A:\n @by(TEXT())\n def g(self): return 1\ndef f(): return A().g()"
    ),
    "an argument that a method always gets": (
        "from functools import partialmethod\nclass A:\n def g(self, k): return k\n"
        " h = partialmethod(g, k=TEXT())\ndef f(): return A().h()"
    ),
    "a member of an enum by its name": (
        "import enum\nclass E(enum.Enum): A = TEXT()\ndef f(): return E['A'].value"
    ),
    "what a base class gives those that extend it": (
        "class B:\n def __init_subclass__(cls): cls.k = [TEXT()]\nclass A(B): pass\ndef f(): return A.k"
    ),
    "attributes of a class by names that are read as well": (
        "class A: k = 'x'\nfor n, v in {'k': TEXT()}.items(): setattr(A, n, v)\ndef f(): return A.k"
    ),
    "what a function sets on a class": (
        "class A: k: str\ndef load(c): c.k = TEXT()\nload(A)\ndef f(): return A.k"
    ),
    "an object with a lock": (
        "import threading\nclass S:\n"
        " def __init__(self, text): self.text, self.lock = text, threading.Lock()\n"
        "S1 = S(TEXT())\ndef f(): return S1.text"
    ),
    "a class that a call has made": "C = type('C', (), {'x': TEXT()})\ndef f(): return C",
    "an attribute of a module that is a value": "import m\nX = TEXT()\ndef f(): return m",
    "a reader of settings": (
        "import configparser\nC = configparser.ConfigParser()\n"
        "C.read_string('[a]\\nb=' + TEXT())\ndef f(): return C"
    ),
}


@pytest.mark.parametrize("name", FROM_FILES)
def test_what_a_module_makes_of_a_file_counts(name, tmp_path):
    read = (
        "from pathlib import Path\nTEXT = Path(__file__).with_name('t.txt').read_text\n"
    )
    files = {"m.py": read + FROM_FILES[name]}
    cases = {n: ({**files, "t.txt": n}, ["m:f"]) for n in "12"}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]


@pytest.mark.parametrize("defined", ["class g: pass", "def g(): pass"])
@pytest.mark.parametrize(
    ("asked", "counts"), [("__module__", True), ("__name__", False), ("__doc__", False)]
)
def test_the_place_of_what_is_used_counts_where_code_asks_for_it(
    tmp_path, defined, asked, counts
):
    text = f"import {{0}}\ndef t(x): return x.{asked}\ndef f(): return t({{0}}.g)"
    cases = {n: ({"m.py": text.format(n), f"{n}.py": defined}, ["m:f"]) for n in "ab"}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert (found["a"]["fingerprint"] != found["b"]["fingerprint"]) is counts


LOCKED = """
import threading
from pathlib import Path
TEXT = Path(__file__).with_name("t.txt")
def read(path):
    try: return path.read_text()
    except OSError: return ""
LOCKS = [threading.Lock(), read(TEXT), read(TEXT.with_name("absent"))]
def f(): return LOCKS
"""


def test_files_that_a_module_reads_count_by_their_content(tmp_path):
    """Wherever the project lies; what was written since then is something else."""
    # The clock of files may have steps of some milliseconds.
    writing = "import time\ntime.sleep(0.02)\nTEXT.write_text('3')\ndef f()"
    writing = LOCKED.replace("def f()", writing)
    names = {"one": (LOCKED, "1"), "same": (LOCKED, "1"), "none": (LOCKED, None)}
    names |= {
        "empty": (LOCKED, ""),
        "void": (LOCKED, ""),
        "other": (LOCKED, "2"),
        "written": (writing, "1"),
        "again": (writing, "1"),
    }
    cases = {}
    for name, (body, content) in names.items():
        files = {"m.py": body, **({} if content is None else {"t.txt": content})}
        cases[name] = files, ["m:f"]
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert not [each for each in found.values() if "error" in each]
    known = {name: each["fingerprint"] for name, each in found.items()}
    assert known.pop("one") == known["same"]
    assert known.pop("empty") == known["void"]
    assert len(set(known.values())) == len(known)


def test_what_another_module_puts_into_a_circle_counts(tmp_path):
    """The statements that make it say nothing of that."""
    start = "from collections import deque\nimport threading\n"
    bodies = {
        "value": ("A = {}\nA['again'] = A\ndef f(): return A", "m.A['n'] = {}"),
        "code": (
            "A = [threading.Lock(), deque()]\nA[1].append(A[1])\ndef f(): return A",
            "def g(): return {}\nm.A[1].append(g)",
        ),
    }
    cases = {}
    for name, (body, other) in bodies.items():
        for number in "12":
            files = {"m.py": f"{start}{body}\nimport n"}
            files["n.py"] = "import m\n" + other.format(number)
            cases[f"{name} {number}"] = files, ["m:f"]
    found = in_a_fork(fingerprints, tmp_path, cases)
    for name in bodies:
        one, two = found[f"{name} 1"], found[f"{name} 2"]
        assert "error" not in one and one["fingerprint"] != two["fingerprint"]


NET = "class Net:\n  WIDTH = 8\n  def g(self): return self.WIDTH\n"
REPLACED = "import sys\nclass S:\n  rate = {}\n{}sys.modules[__name__] = S()"
FROM_AFAR = {
    "a method, by a function that looks like it": {
        "m.py": NET + "def f(): return Net().g()\nimport n",
        "n.py": "import functools, m\nold = m.Net.g\nBY = {}\n@functools.wraps(old)\n"
        "def g(self): return old(self) + BY\nm.Net.g = g",
    },
    "an attribute of a class": {
        "m.py": NET + "def f(): return Net().g()\nimport n",
        "n.py": "import m\nm.Net.WIDTH = {}",
    },
    "an attribute of a class, by its name": {
        "m.py": NET + "def f(): return Net().g()\nimport n",
        "n.py": "import m\nsetattr(m.Net, 'WIDTH', {})",
    },
    "an attribute of a class, among others": {
        "m.py": NET + "def f(): return Net().g()\nimport n",
        "n.py": "import m\n(m.Net.WIDTH,\n x) = ({}, 1)",
    },
    "an attribute of a function": {
        "m.py": "def g(): return g.rate\ndef f(): return g()\nimport n",
        "n.py": "import m\nm.g.rate = {}",
    },
    "a module that is an object": {
        "p/__init__.py": "",
        "p/s.py": REPLACED.replace("{}sys", "sys"),
        "m.py": "from p import s\ndef f(): return s.rate",
    },
    "a module that is an object which answers to all": {
        "p/__init__.py": "",
        "p/s.py": REPLACED.replace("{}sys", "  def __getattr__(s, n): return 1\nsys"),
        "m.py": "from p import s\ndef f(): return s.rate",
    },
    "what a method imports of a module that is an object": {
        "p/__init__.py": "",
        "p/q.py": "def g(): return {}",
        "p/s.py": "import sys\nclass S:\n  def go(self):\n    from p import q\n"
        "    return q.g()\nsys.modules[__name__] = S()",
        "m.py": "from p import s\ndef f(): return s.go()",
    },
    "an attribute of an object with a lock": {
        "m.py": "import threading\nclass Client:\n  def __init__(self):\n"
        "    self.lock = threading.Lock()\n    self.rate = 3\n"
        "CLIENT = Client()\ndef f(): return CLIENT.rate\nimport n",
        "n.py": "import m\nm.CLIENT.rate = {}",
    },
    "what a function imports from a folder that is no package": {
        "m.py": "def f():\n  from p import q\n  return q.g()",
        "p/q.py": "def g(): return {}",
    },
    "what lies in a folder that is no package and a value": {
        "m.py": "import p.q\ndef f(name): return getattr(p, name).g()",
        "p/q.py": "def g(): return {}",
    },
    "a helper on a path with dots": {
        "m.py": "import os, sys\nhere = os.path.dirname(__file__)\n"
        "sys.path.insert(0, os.path.join(here, 'q', '..', 'lib'))\n"
        "from lib import g\ndef f(): return g()",
        "q/__init__.py": "",
        "lib/lib.py": "def g(): return {}",
    },
}


@pytest.mark.parametrize("name", FROM_AFAR)
def test_what_another_file_says_counts(name, tmp_path):
    files = FROM_AFAR[name]
    cases = {
        number: ({p: t.replace("{}", number) for p, t in files.items()}, ["m:f"])
        for number in "12"
    }
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert "error" not in found["1"], found["1"]
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]
    assert found["1"]["unfollowed"] == []


def test_the_name_of_the_module_of_a_logger_or_type_variable_does_not_count(tmp_path):
    body = (
        "import logging, typing\nlog = logging.getLogger(__name__)\n"
        "T = typing.TypeVar('T')\nclass A(typing.Generic[T]): pass\n"
        "def f(): return log.info('x'), A()"
    )
    cases = {name: ({f"{name}.py": body}, [f"{name}:f"]) for name in "mn"}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert "error" not in found["m"] and "error" not in found["n"]
    assert found["m"]["fingerprint"] == found["n"]["fingerprint"]


def test_files_that_a_class_has_not_read_do_not_count(tmp_path):
    body = (
        "from pathlib import Path\nimport functools\nfrom dataclasses import dataclass, field\n"
        "TEXT = Path(__file__).with_name('t.txt').read_text()\n@dataclass(frozen=True)\n"
        "class A:\n k: list = field(default_factory=list)\n"
        " @functools.lru_cache(maxsize=None)\n def g(self): return 1\ndef f(): return A().g()"
    )
    cases = {n: ({"m.py": body, "t.txt": n}, ["m:f"]) for n in "12"}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] == found["2"]["fingerprint"]


def test_classes_that_answer_to_nothing_can_be_imported(tmp_path):
    body = (
        "class Lazy(type):\n def __getattribute__(cls, name): raise RuntimeError(name)\n"
        "class Settings(metaclass=Lazy): pass\n"
        "class Proxy:\n def __getattr__(self, name): raise RuntimeError(name)\n"
        "class A: proxy = Proxy()\ndef f(): return A"
    )
    found = in_a_fork(fingerprints, tmp_path, {"1": ({"m.py": body}, ["m:f"])})
    assert "error" not in found["1"], found["1"]


def test_a_class_with_a_table_that_holds_itself_can_be_followed(tmp_path):
    body = "class A: t = {}\nA.t['all'] = A.t\nA.t['n'] = %s\ndef f(): return A.t"
    cases = {n: ({"m.py": body % n}, ["m:f"]) for n in "12"}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]
    assert "error" not in found["1"] and "error" not in found["2"], found


def test_what_changes_in_an_object_with_a_lock_does_not_count(tmp_path):
    body = (
        "import threading\nclass Client:\n  def __init__(self):\n"
        "    self.lock = threading.Lock()\n    self.calls = {0}\n    self.rates = [{0}]\n"
        "CLIENT = Client()\ndef count(): CLIENT.calls = 1\ndef f(): return CLIENT.calls\n"
        "CLIENT.calls = {0}\nimport n"
    )
    body = body.format("__import__('time').perf_counter_ns()")
    other = "import m\nm.CLIENT.rates = [{}]"
    cases = {n: ({"m.py": body, "n.py": other.format(n)}, ["m:f"]) for n in "12"}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert "error" not in found["1"], found["1"]
    assert found["1"]["fingerprint"] == found["2"]["fingerprint"]


def test_a_copy_of_a_module_takes_not_its_place(tmp_path):
    """The names in a class are those of the module that it was made in."""
    body = "N = {}\nclass A:\n  def g(self): return N\n"
    copying = (
        "import importlib.util\nimport h\nfrom h import A\nh.N = {}\n"
        "spec = importlib.util.find_spec('h')\n"
        "copy = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(copy)\n"
        "def f(): return A().g()"
    )
    cases = {
        n: ({"m.py": copying.format(n), "h.py": body.format("[0][0]")}, ["m:f"])
        for n in "12"
    }
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert "error" not in found["1"], found["1"]
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]


def test_attributes_of_others_with_the_name_of_one_in_a_class_do_not_count(tmp_path):
    """Which modules are imported differs between processes."""
    body = NET + "class Other: pass\ndef f(): return Net().g()\n"
    texts = {"1": "", "2": "import n", "3": "Other.WIDTH = 3"}
    cases = {
        n: ({"m.py": body + text, "n.py": "import m\nm.Other.WIDTH = 2"}, ["m:f"])
        for n, text in texts.items()
    }
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert len({each["fingerprint"] for each in found.values()}) == 1


def test_what_functions_count_up_in_a_class_does_not_count(tmp_path):
    """It may change while the project runs."""
    other = "import m\ndef g(): m.Net.WIDTH += 1\nm.Net.OTHER = 1\n"
    texts = {"1": other + "g()", "2": other + "g()\ng()"}
    files = {"m.py": NET + "def f(): return Net().g()\nimport n"}
    cases = {n: ({**files, "n.py": text}, ["m:f"]) for n, text in texts.items()}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] == found["2"]["fingerprint"]


def test_what_a_name_stands_for_is_found():
    assert code.named("json", "JSONDecoder.decode") is json.JSONDecoder.decode
    assert code.named("json", "nothing") is code.named("nowhere", "x") is None


def test_other_files_that_a_module_reads_do_not_count(tmp_path):
    """Where a constant has a value, that counts; a file that others read is theirs."""
    read = "from pathlib import Path\nTEXT = Path(__file__).with_name('t.txt').read_text()\n"
    files = {
        "n.py": read,
        "m.py": read + "import threading, n\nLOCKS, N = [threading.Lock()], len(TEXT)\n"
        "def f(): return N",
        "l.py": "import threading, n\nLOCKS = [threading.Lock()]\ndef f(): return LOCKS",
    }
    for root in ("m:f", "l:f"):
        cases = {n: ({**files, "t.txt": n}, [root]) for n in "12"}
        found = in_a_fork(fingerprints, tmp_path, cases)
        assert found["1"]["fingerprint"] == found["2"]["fingerprint"]


def test_a_class_of_others_that_the_environment_chooses_counts(tmp_path):
    body = """
import os
import n
from collections.abc import Mapping, Sequence
KIND = {"1": Mapping, "2": Sequence}[os.environ["KIND"]]
def f(): return KIND
"""
    cases = {}
    for number in "12":
        files = {"m.py": body, "n.py": f"import os\nos.environ['KIND'] = '{number}'"}
        cases[number] = files, ["m:f"]
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert "error" not in found["1"] and "error" not in found["2"]
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]


MEMOIZED = """
import functools, json, string
from pathlib import Path
KEPT, SEEN, TIMES = {}, set(), {}
FORMAT = string.Formatter()
def plain(): return 1
def fills():
    KEPT["x"] = 1
    return KEPT
def notes(): SEEN.add(1)
def local():
    made = {}
    made["x"] = 1
    return made
def times(): TIMES["x"] = 1
def seen(): return SEEN, FORMAT, OBJECTS, ONE
class Kept:
    def __init__(self): self.a = 1
    def fill(self): self.x = 1
    def get(self): return self.x
class InTable:
    def fill(self): self.x = 1
OBJECTS = {"a": InTable()}
@functools.cache
def factory(): return Kept()
class Shared:
    table = {}
    def fill(self): self.table["x"] = 1
    def also(self): self.y = 1
class OfClass:
    table = None
    @classmethod
    def fill(cls): cls.table = 1
class Alone:
    one = None
    def __new__(cls):
        cls.one = 1
    def __init__(self): self.x = 1
class Static:
    x = 1
    @staticmethod
    def fill(): Static.x = 1
class Apart:
    x = None
    def fill(self): self.x = 1
    def elsewhere(self): KEPT["x"] = 1
class ByType:
    def fill(self): type(self).x = 1
    def also(self): self.y = 1
class ByName:
    def fill(self): ByName.x = 1
    def also(self): self.y = 1
class InList:
    def fill(self): self.x = 1
class InTuple(InList):
    def more(self): self.x = 1
class InSet(InList):
    def others(self): self.x = 1
SEVERAL = [InList()], (InTuple(),), {InSet()}
LIST, TUPLE, SET = SEVERAL
FOLDER = Path("a")
@functools.lru_cache
def cached(): return 1
@functools.lru_cache
class Odd: pass
others = functools.lru_cache(json.loads)
class Half:
    def __init__(self, function): functools.update_wrapper(self, function)
    def __call__(self): return 1
    def cache_info(self): return 1
half = Half(plain)
class A:
    @functools.cache
    def method(self): return fills()
    @staticmethod
    @functools.cache
    def static(): return 1
    @classmethod
    @functools.lru_cache(maxsize=2)
    def of_class(cls): return 1
    @functools.cached_property
    def lazy(self): return 1
    def neither(self): return 1
    def keeps(self): self.x = 1
class B:
    def keeps(self): self.x = 1
    @functools.cached_property
    def lazy(self): return 1
    def neither(self): return self.x
class C(B):
    def more(self): self.y.append(1)
    class Inner: pass
    other = dict.get
ONE = C()
def f(): return plain(), cached(), cached(), A(), Odd(), others("1"), fills, ONE, half
def g(): return f(), notes(), times(), local(), seen(), factory(), Shared(), OfClass, Alone, Static, Apart, ByType, ByName, LIST, TUPLE, SET, FOLDER
"""


def test_functions_that_keep_their_results_are_known(tmp_path):
    cases = {"one": ({"m.py": MEMOIZED}, ["m:g"])}
    known = in_a_fork(fingerprints, tmp_path, cases)["one"]["memoized"]
    functions = ["cached", "A.method", "A.static", "A.of_class", "fills", "notes"]
    kept = ["B.keeps", "B.lazy", "C.more", "InTable.fill", "Formatter", "factory"]
    shared = [
        "Kept.fill",
        "Shared.fill",
        "Shared.also",
        "OfClass.fill",
        "Static.fill",
        "Alone.__new__",
    ]
    shared += ["ByType.fill", "ByType.also", "ByName.fill", "ByName.also"]
    shared += ["InList.fill", "InTuple.more", "InSet.others", "Apart.elsewhere"]
    assert sorted(known) == sorted([*functions, *kept, *shared, "Alone.__init__"])


def test_all_modules_of_a_package_that_is_a_value_count(tmp_path):
    body = "import p\nimport p.a\ndef f(name): return getattr(p, name)"
    cases = {}
    for number in "12":
        files = {
            "p/__init__.py": "",
            "p/a.py": f"def g(): return {number}",
            "m.py": body,
        }
        cases[number] = files, ["m:f"]
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]
    assert "p/__init__.py: all its modules" in found["1"]["parts"]


def test_a_module_of_a_package_that_is_no_python_counts_by_its_text(tmp_path):
    source = "import p\ndef f(name): return getattr(p, name)"
    cases = {
        text: ({"m.py": source, "p/__init__.py": "", "p/a.py": text}, ["m:f"])
        for text in ("def (:", "def (: # one", "\0")
    }
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert len({each["fingerprint"] for each in found.values()}) == 3


def test_a_library_that_is_a_value_is_a_package_that_is_used(tmp_path):
    files = {"m.py": "import json\ndef f(g): return g(json)"}
    found = in_a_fork(fingerprints, tmp_path, {"one": (files, ["m:f"])})["one"]
    assert found["packages"] == ["json"]


@pytest.mark.slow
@pytest.mark.parametrize("version", others())
def test_every_python_gives_the_same_fingerprints(version, small, after, tmp_path):
    cases = {"stage": (BASE, STAGE), **small_cases()}
    known = {"python": others()[version], "seed": "7", "text": json.dumps(cases)}
    found = run(HERE / "fingerprints.py", tmp_path, **known)
    here = {**small, "stage": after["harmless nothing"]}
    unlike = [n for n in cases if found[n]["fingerprint"] != here[n]["fingerprint"]]
    assert unlike == []


def test_a_model_that_is_set_to_evaluate_is_nothing_to_follow(tmp_path):
    calls = ["net.eval()", "net.part.eval()", "net.eval('x > 1')", "net.eval(expr='x')"]
    cases = {c: ({"m.py": f"def f(net): {c}"}, ["m:f"]) for c in calls}
    found = in_a_fork(fingerprints, tmp_path, cases)
    listed = [found[each]["unfollowed"] for each in calls]
    assert listed == [[], [], *[["m.py: f uses net.eval"]] * 2]


@pytest.mark.parametrize(
    ("source", "used"),
    [
        ("def f(): return eval('1')", "eval"),
        ("def f(): return __import__('os')", "__import__"),
        ("def f(): exec('x = 1')", "exec"),
        ("import sys\ndef f(): return sys.modules['m']", "sys.modules"),
        ("def g(): 'ask'\ndef f(): return g.__doc__", "g.__doc__"),
        (
            "import inspect\ndef g(): 1\ndef f(): return inspect.getsource(g)",
            "inspect.getsource",
        ),
        (
            "import inspect\ndef g(): 1\ndef f(): return inspect.getsourcelines(g)",
            "inspect.getsourcelines",
        ),
        (
            "import pandas\ndef f(): return pandas.read_parquet('x')",
            "pandas.read_parquet",
        ),
        (
            "from joblib import Parallel\ndef f(): return Parallel(2)([])",
            "joblib.Parallel",
        ),
        ("from pandas import read_hdf\ndef f(): return read_hdf('x')", "read_hdf"),
        ("import polars as pl\ndef f(): return pl.read_csv('x')", "polars.read_csv"),
        ("import polars\ndef f(): return polars.scan_ipc('x')", "polars.scan_ipc"),
    ],
)
def test_what_cannot_be_followed_is_listed(source, used, tmp_path):
    cases = {"one": ({"m.py": source}, ["m:f"])}
    found = in_a_fork(fingerprints, tmp_path, cases)["one"]
    everywhere = [f"m.py: all of it uses {used}"] if used in scope.WHOLE else []
    assert found["unfollowed"] == [*everywhere, f"m.py: f uses {used}"]


@pytest.mark.parametrize(
    ("source", "asks"),
    [
        ("def f(x): return isinstance(x, int)", True),
        ("def f(x): return type(x)", True),
        ("def f(x): return x.__class__", True),
        ("def f(x):\n match x:\n  case int():\n   return 1", True),
        (
            "import functools\n@functools.singledispatch\ndef g(x): return 1\n"
            "def f(x): return g(x)",
            True,
        ),
        (
            "from functools import singledispatchmethod\nclass A:\n"
            " @singledispatchmethod\n def g(self, x): return 1\n"
            "def f(x): return A().g(x)",
            True,
        ),
        ("def f(x): return x.a + len(x.b)", False),
    ],
)
def test_code_that_may_ask_for_a_class_is_known(source, asks, tmp_path):
    cases = {"one": ({"m.py": source}, ["m:f"])}
    names = in_a_fork(fingerprints, tmp_path, cases)["one"]["names"]
    assert ("@" in names) is asks


@pytest.mark.parametrize(
    ("source", "parts", "unfollowed"),
    [
        ("N = 1\ndef f(): return N", {"f", "N"}, []),
        ("def f(eval, exec): return eval('1')", {"f"}, []),
        ("import json\nT = [json.dumps]\ndef f(): return T[0]", {"f", "T"}, []),
        ("def f():\n import nowhere.at_all\n return 1", {"f"}, []),
        (
            "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n"
            "@dataclass\nclass Args(ExperimentArgs):\n a: int = 1\n"
            "def f(x): return isinstance(x, Args)",
            {"f"},
            [],
        ),
        (
            "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n"
            "@dataclass\nclass Args(ExperimentArgs):\n a: int = 1\n"
            "def f(): return Args('x')",
            {"f", "Args"},
            [],
        ),
        ("class A:\n def g(self): return 1\ndef f(): return A()", {"f", "A"}, []),
        (
            "class A:\n class B:\n  x: int\ndef f(x): return x(A.B), A()",
            {"f", "A", "A.B", "annotations of A", "annotations of A.B"},
            [],
        ),
        (
            "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n"
            "@dataclass\nclass Args(ExperimentArgs):\n a: int = 1\n"
            "def f(x): return x(Args)",
            {"f", "Args"},
            [],
        ),
        (
            "def make():\n class A:\n  x = [1]\n return A\nA = make()\ndef f(): return A",
            {"f", "make.A", "make.<locals>.A.x"},
            [],
        ),
        (
            "def reg(g):\n reg.table[g.__name__] = g\n return g\nreg.table = {}\n"
            "@reg\ndef a(): return 1\ndef f(): return reg.table['a']()",
            {"f", "reg", "reg.table", "a"},
            [],
        ),
        ("import m\ndef f(name): return getattr(m, name)", {"f", "all of it"}, []),
        (
            "class A: pass\ndef use(): A.it = A()\nuse()\ndef f(): return A",
            {"f", "A"},
            [],
        ),
        (
            "from importlib.resources import as_file\ndef f(x): return as_file(x)",
            {"f"},
            [],
        ),
        (
            "import pkgutil\ndef f(x): return pkgutil.resolve_name(x)",
            {"f"},
            [],
        ),
        (
            "from importlib import import_module as load\ndef f(x): return load(x)",
            {"f"},
            [],
        ),
        (
            "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n"
            "@dataclass\nclass Args(ExperimentArgs):\n a: int = 1\n"
            "def g(x):\n from m import Args\n return isinstance(x, Args)\n"
            "import m\ndef f(name): return getattr(m, name)",
            {"f", "all of it"},
            [],
        ),
        (
            "N = 1\ndef g(n=N): return n\nN = 2\ndef f(): return g()",
            {"f", "g", "g()", "N"},
            [],
        ),
        (
            "exec(compile('def f(): return 1', __file__, 'exec'))",
            {"f"},
            ["f has no source: its compiled code counts"],
        ),
        (
            "D = {'a': type('A', (), {'x': 1})}\ndef f(): return D['a'].x",
            {"f", "D", "A", "A.x"},
            ["A has no source: its attributes count"],
        ),
        (
            "def f():\n import nowhere\n from m import absent",
            {"f"},
            ["f: import failed, No module named 'm.absent'; 'm' is not a package"],
        ),
    ],
)
def test_parts_have_the_names_that_they_have_in_the_source(
    source, parts, unfollowed, tmp_path
):
    cases = {"one": ({"m.py": source}, ["m:f"])}
    found = in_a_fork(fingerprints, tmp_path, cases)["one"]
    assert set(found["parts"]) == {f"m.py: {each}" for each in parts}
    assert found["unfollowed"] == [f"m.py: {each}" for each in unfollowed]


ASKED = """
import contextlib, functools, json, types

def f(): return 1
def g(): return 2
def keeping(function):
    @functools.wraps(function)
    def wrapper(): return function()
    return wrapper
kept = keeping(f)
cached = functools.lru_cache(f)

@contextlib.contextmanager
def managed(): yield

class A:
    __wrapped__ = f
    def method(self): return 1
    @property
    def prop(self): return 1
    @functools.cached_property
    def lazy(self): return 1
    @staticmethod
    def static(): return 1
    @classmethod
    def made(cls): return cls()

of_nobody = type("A", (), {"__module__": "gone"})
of_main = type("A", (), {"__module__": "__main__"})
without_module = type("A", (), {"__module__": None})
class Endless:
    def __getattr__(self, name): return Endless()

endless = Endless()
wrapping = types.ModuleType("wrapping")
wrapping.__wrapped__ = f
"""


def answers(folder, questions):
    """Return what expressions are about a module `m` and the runner's `code`."""
    write(folder, {"m.py": ASKED})
    sys.path.insert(0, str(folder))
    names = {"m": importlib.import_module("m"), "code": code, "sources": sources}
    return [eval(each, names) for each in questions]


@pytest.mark.parametrize(
    "true",
    [
        "sources.is_project(m) and sources.is_project(m.f) and sources.is_project(m.A)",
        "sources.is_project(m.of_main)",
        "not sources.is_project(m.of_nobody) and not sources.is_project(m.without_module)",
        "not sources.is_project(m.json) and not sources.is_project(m.json.dumps)",
        "not sources.is_project(m.json.JSONDecoder) and not sources.is_project(len)",
        "not sources.is_project(m.A()) and not sources.is_project(1)",
        "sources.unwrapped(m.f) is m.f and sources.unwrapped(len) is len",
        "sources.unwrapped(m.A().method) is m.A.method",
        "sources.unwrapped(m.kept) is m.kept",
        "sources.unwrapped(m.endless) is m.endless",
        "sources.unwrapped(m.cached) is m.f",
        "sources.unwrapped(m.managed) is m.managed.__wrapped__",
        "sources.unwrapped(m.A) is m.A and sources.unwrapped(m.wrapping) is m.wrapping",
        "sources.function_of(vars(m.A)['method']) is m.A.method",
        "sources.function_of(vars(m.A)['prop']) is m.A.prop.fget",
        "sources.function_of(vars(m.A)['lazy']) is vars(m.A)['lazy'].func",
        "sources.function_of(vars(m.A)['static']) is m.A.static",
        "sources.function_of(vars(m.A)['made']) is m.A.made.__func__",
        "sources.function_of(m.cached) is m.f and sources.function_of(5) == 5",
        "sources.place_of(m.f) == sources.place_of(m.A) == sources.place_of(m) == 'm.py'",
        "sources.place_of(m.of_nobody) == 'notebook'",
        "code.project_callables([m.f, 1, m.A], 'x')[0] == [m.f, m.A]",
        "code.project_callables([m.f], '')[1] == code.project_callables([m.g], '')[1]",
        "code.project_callables([m.f], '')[1] != code.project_callables([len], '')[1]",
        "code.project_callables([1], 'x') == ([], code.hashing.digest([1]))",
    ],
)
def test_code_of_the_project_is_told_from_other_code(true, tmp_path):
    assert in_a_fork(answers, tmp_path, [true]) == [True]


MAKES_UP = """
class Expr:
    def __init__(self, path=()):
        self.path = path

    def __getattr__(self, name):
        return Expr((*self.path, name))


X = Expr()


def f():
    return X.a.b.path
"""
RAISES = """
def f():
    import n

    return n.fast
"""


def test_objects_that_make_up_attributes_are_followed_to_an_end(tmp_path):
    mock = "from unittest.mock import call\ndef f(): return call(1)"
    cases = {
        "own": ({"m.py": MAKES_UP}, ["m:f"]),
        "of a library": ({"m.py": mock}, ["m:f"]),
        "a module that cannot": (
            {
                "m.py": RAISES,
                "n.py": "def __getattr__(name): raise ImportError('install it')",
            },
            ["m:f"],
        ),
    }
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert [each.get("error") for each in found.values()] == [None] * 3


def test_names_tell_what_a_stage_may_read(tmp_path):
    def names(body):
        files = {"m.py": f"def f(a, b=''):\n return {body}\n"}
        found = in_a_fork(fingerprints, tmp_path, {"one": (files, ["m:f"])})
        return set(found["one"]["names"])

    assert names("a.x.y") == {"x", "y", ""}
    assert names("getattr(a, 'x', 1)") == names("getattr(a, 'x')") == {"x", ""}
    assert names("getattr(a, b)") == names("hasattr(a, b)") == {scope.ANY_NAME, ""}
    assert scope.ANY_NAME in names("getattr(a, b, None)")
    assert names("setattr(a, b, 1)") == names("1 + 5") == {""}
    assert names("a.getattr(a, b)") == {"getattr", ""}
    assert names("a.args.copy()") == {"args", "copy", scope.COPIES, ""}
    assert names("a.params.copy()") == {"params", "copy", scope.COPIES, ""}
    assert names("[a.x].copy()") == {"x", "copy", ""}
    assert names("a.args.name") == {"args", "name", scope.LABEL, ""}
    assert names("a.path.name") == {"path", "name", ""}
    assert names("a.type, a.x") == {"type", scope.CLASS, "x", ""}
    for fields in ("fields", "__dataclass_fields__"):
        assert names(f"a.{fields}") == {fields, ""}
        assert scope.ANNOTATIONS in names(f"a.{fields}.type")


def test_a_helper_that_numpy_vectorizes_counts(tmp_path):
    pytest.importorskip("numpy")
    source = "import numpy as np\n@np.vectorize\ndef g(x): return x + {}\ndef f(): return g(1)"
    cases = {n: ({"m.py": source.format(n)}, ["m:f"]) for n in ("1", "2")}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]


def test_what_a_decorator_has_compiled_anew_counts_by_its_text(tmp_path):
    pytest.importorskip("typeguard")
    source = (
        "import typeguard\n@typeguard.typechecked\ndef g(x: int): return x + {}\n"
        "def f(): return g(1)\ndef other(): return {}\n"
    )
    numbers = {"11": (1, 1), "21": (2, 1), "12": (1, 2)}
    cases = {n: ({"m.py": source.format(*numbers[n])}, ["m:f"]) for n in numbers}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["11"] == found["12"]
    assert found["11"]["fingerprint"] != found["21"]["fingerprint"]


def test_two_roots_count_in_order(tmp_path):
    files = {"m.py": "def f(): return 1\ndef g(): return 2\n"}
    roots = {"fg": ["m:f", "m:g"], "gf": ["m:g", "m:f"], "f": ["m:f"]}
    cases = {name: (files, each) for name, each in roots.items()}
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert len({each["fingerprint"] for each in found.values()}) == 3


LATER_EDIT = """
import json, sys
from pathlib import Path
root = Path(sys.argv[1])
from curifactory import code, sources
sources.watch(root)
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


CELLS = """
import linecache, sys, types

shell = types.SimpleNamespace(execution_count=1)
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: shell)

from curifactory import ArtifactManager, ExperimentArgs, Record

del __file__  # a notebook has none
cells = {cells!r}
for text in cells:
    name = f"<ipython-input-{{shell.execution_count}}>"
    linecache.cache[name] = len(text), None, text.splitlines(True), name
    exec(compile(text, name, "exec"), globals())
    shell.execution_count += 1
"""
STAGE_CELL = """
from curifactory import stage

manager = ArtifactManager("cells")


@stage(None, ["value"])
def compute(record):
    return helper(2) * RATE * Scale.by
"""


HELPERS = """
RATE = 3

class Scale:
    by = 1

def helper(x):
    return x + {}
"""
ASK = "print(compute(Record(manager, None)).state['value'])\n"
COUNT = "{{shell.execution_count}}"


@pytest.mark.parametrize(
    "name",
    [f"/tmp/ipykernel_1/{COUNT}.py", f"/tmp/marimo_1/__marimo__cell_{COUNT}_.py"],
)
def test_cells_count_that_have_names_of_files(name, project):
    script = CELLS.replace(f"<ipython-input-{COUNT}>", name)
    for added in (1, 5):  # each in a kernel of its own
        cells = [STAGE_CELL, HELPERS.format(added), ASK]
        result = project.script(script.format(cells=cells))
        assert result.out.split() == [str((2 + added) * 3)], result


def test_functions_of_a_script_that_comes_from_a_pipe_count(project):
    head = "from curifactory import ArtifactManager, Record\n" + STAGE_CELL
    for added in (1, 5):
        done = subprocess.run(
            [sys.executable, "-"],
            input=head + HELPERS.format(added) + ASK,
            cwd=project.root,
            env=project.environment(),
            capture_output=True,
            text=True,
        )
        assert done.stdout.split() == [str((2 + added) * 3)], done


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("def helper(x):\n    return x + 5\n", 21),
        ("RATE = 4\n", 12),
        ("class Scale:\n    by = 2\n", 18),
    ],
)
def test_a_cell_that_is_executed_again_counts_at_once(cell, value, project):
    before = (
        "RATE = 3\n\nclass Scale:\n    by = 1\n\ndef helper(x):\n    return x + 1\n"
    )
    ask = "print(compute(Record(manager, None)).state['value'])\n"
    cells = [STAGE_CELL, before, ask, cell, ask]
    result = project.script(CELLS.format(cells=cells))
    assert result.code == 0, result
    assert result.out.split() == ["9", str(value)]


MODEL = """
class Model:
    by = property(lambda self: helper(1))

    def fit(self, x):
        return x * {} + self.by

    @classmethod
    def made(cls):
        return cls()
"""
MODEL_CELL = """
from curifactory import stage

manager = ArtifactManager("cells")


def helper(x):
    return 0


@stage(None, ["value"])
def compute(record):
    return Model.made().fit(5)
"""


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (MODEL.format(3), 15),
        ("def helper(x):\n    return x\n", 11),
        (MODEL.format(2).replace("self.by", "2"), 12),
        (MODEL.format(2).replace("cls()", "type('M', (cls,), {'by': 4})()"), 14),
    ],
    ids=["method", "helper of a property", "less", "class method"],
)
def test_methods_of_classes_in_cells_count(cell, value, project):
    ask = "print(compute(Record(manager, None)).state['value'])\n"
    cells = [MODEL.format(2), MODEL_CELL, ask, cell, ask, MODEL.format(2), ask]
    result = project.script(CELLS.format(cells=cells))
    assert result.code == 0, result
    assert result.out.split()[:2] == ["10", str(value)]
    assert result.out.split()[2] == ("11" if "def helper" in cell else "10")


ANEW = """
import importlib
from pathlib import Path
from unittest import mock

import src.helpers
from curifactory import ArtifactManager, Record, stage
from params import Args

def ask(manager, seed):
    return use(Record(manager, Args("a", seed=seed))).state["value"]


@stage(None, ["value"])
def use(record):
    return src.helpers.shift(record.args.seed)


if __name__ == "__main__":
    manager = ArtifactManager("anew")
    found = [ask(manager, 1)]
    {}
    found += [ask(manager, 1), ask(manager, 2)]
    print(found)
"""
RELOADED = """path = Path("src/helpers.py")
    before = path.read_text()
    path.write_text(before.replace("x + 1", "x + 100"))
    importlib.reload(src.helpers)
    path.write_text(before)"""
PATCHED = """mock.patch("src.helpers.shift", lambda x: x + 100).start()
    manager = ArtifactManager("anew")"""


@pytest.mark.parametrize("does", [RELOADED, PATCHED], ids=["reloaded", "patched"])
def test_code_that_is_another_in_one_process_counts(does, project):
    first = project.script(ANEW.format(does), PYTHONDONTWRITEBYTECODE="1")
    assert first.out.strip() == "[2, 101, 102]", first
    again = project.script(ANEW.format(""))
    assert again.out.strip() == "[2, 2, 3]", again  # nothing is filed under this code


def test_a_function_of_a_module_that_is_named_annotation_asks_for_none(project):
    helpers = "class A:\n    x: int = 0\n\n\ndef annotation():\n    return A().x\n\n\n"
    project.edit("src/helpers.py", "def shift(x):", helpers + "def shift(x):")
    project.edit("stages/chain.py", "from src", "import src.helpers\nfrom src")
    project.edit(
        "stages/chain.py", "value = shift(", "value = src.helpers.annotation() + shift("
    )
    project.ok("study")
    project.edit("src/helpers.py", "x: int", "x: float")
    assert project.ok("study").counts["computed"] == 0


def test_a_constant_that_another_stage_changes_counts_as_it_was_loaded(project):
    project.write({
        "src/state.py": "COUNT = 0\n",
        "stages/chain.py": """
            from curifactory import stage
            from src import state


            @stage(None, ["one"])
            def first(record):
                state.COUNT += 1
                return 1


            @stage(["one"], ["two"])
            def second(record, one):
                return state.COUNT
            """,
        "experiments/study.py": """
            from curifactory import Record
            from stages.chain import first, second

            DEFAULT_PARAMS = ["base"]


            def run(argsets, manager):
                second(first(Record(manager, None)))
            """,
    })  # fmt: skip
    assert project.ok().done() == ["first -", "second -"]
    assert project.ok().done() == []


def test_a_helper_moves_together_with_the_imports_of_its_constants(tmp_path):
    given, helper = "from c import K\n", "def g(): return K\n"
    body = "def f(): return g() + K\n"
    beside = {"c.py": "K = 1", "a.py": given + helper}
    moved = {**beside, "m.py": given + "from a import g\n" + body}
    cases = {
        "apart": (moved, ["m:f"]),
        "together": ({**beside, "m.py": given + helper + body}, ["m:f"]),
        "other": ({**moved, "c.py": "K = 2"}, ["m:f"]),
    }
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["apart"]["fingerprint"] == found["together"]["fingerprint"]
    assert found["apart"]["fingerprint"] != found["other"]["fingerprint"]


@pytest.mark.skipif(sys.version_info < (3, 15), reason="no import is lazy there")
@pytest.mark.parametrize(
    "body",
    [
        "lazy from n import g\ndef f(): return g()",
        "lazy import n\ndef f(): return n.g()",
        "lazy import n as k\nT = [k]\ndef f(): return T[0].g()",
    ],
)
def test_what_is_imported_when_it_is_used_counts(body, tmp_path):
    texts = {n: f"def g(): return {n}" for n in "12"}
    cases = {n: ({"m.py": body, "n.py": texts[n]}, ["m:f"]) for n in "12"}
    cases["early"] = {"m.py": body.replace("lazy ", ""), "n.py": texts["1"]}, ["m:f"]
    found = in_a_fork(fingerprints, tmp_path, cases)
    assert found["1"]["fingerprint"] != found["2"]["fingerprint"]
    assert found["1"]["fingerprint"] == found["early"]["fingerprint"]


def test_functions_that_are_looked_at_anew_are_not_kept():
    held = [lambda: 0]
    function = (lambda value: lambda: value)(held)
    known = weakref.ref(function)
    assert code.open_in([function]) == [function] and id(function) in code.opened
    number = id(function)
    del function
    assert known() is None and number not in code.opened
