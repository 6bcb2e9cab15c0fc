"""Wrong inputs, each with the whole message that it gets."""

import pytest

ARGS = """
    import enum
    from dataclasses import dataclass, field
    from typing import Any, Literal

    from curifactory import ExperimentArgs
    from curifactory.args import parameter


    class Color(enum.Enum):
        RED = 1


    @dataclass
    class Model:
        depth: int = 3
        extra: Any = None


    @dataclass
    class Args(ExperimentArgs):
        epochs: int = 1
        lr: float = 0.1
        kind: Literal["knn", "svm"] = "knn"
        color: Color = Color.RED
        layers: list[int] = field(default_factory=list)
        extra: Any = None
        token: str = parameter("", secret=True)
        model: Model = field(default_factory=Model)
        seed: int = 0
    """
FILE = ("study", "-p", "other")


def file(body, head=""):
    """A parameter file whose get_params() begins in line 5 (plus that of a head)."""
    return {"params/other.py": f"from params import Args, Model\n{head}\n\n\n{body}"}


def returns(expression, head=""):
    """A parameter file whose get_params() returns an expression, in line 6."""
    return file(f"def get_params():\n    return {expression}\n", head)


def params(text):
    """A parameter file with a text of its own, from line 1."""
    return {"params/other.py": text}


STRATEGY = """
class Strategy:
    def __init__(self):
        self.extended = self.make()

    def make(self):
        return {"strategy": self}
"""

LOCKED = """\
import threading
from dataclasses import dataclass
from typing import Any

from curifactory import ExperimentArgs


@dataclass
class Args(ExperimentArgs):
    extra: Any = None


def locked():
    lock = threading.Lock()

    def call(function):
        with lock:
            return function()

    return call


def get_params():
    return [Args(name="a", extra=locked())]
"""

FIXED = """\
from curifactory import Record
from stages.chain import fit


class Fixed:
    __slots__ = ("size",)

    def __init__(self, size):
        object.__setattr__(self, "size", size)

    def __setattr__(self, name, value):
        raise TypeError("it is fixed")


def run(argsets, manager):
    fit(Record(manager, argsets[0]), data=Fixed(3))
"""

CASES = {}


def case(name, files, arguments, message, *hint):
    CASES[name] = files, arguments, "\n  ".join([f"error: {message}", *hint]) + "\n"


# What an argset holds ---------------------------------------------------------------

case(
    "open file",
    returns("[Args(name='a', extra=open(__file__))]"),
    FILE,
    "params/other.py: a.extra: an open file has no identity",
    "give its path instead, and open it inside a stage",
)
case(
    "keyword that has no copy",
    {"experiments/fixed.py": FIXED},
    ["fixed", "-p", "base"],
    "experiments/fixed.py:16: data: cannot be copied: TypeError: it is fixed",
    "give a name, path or number instead, and make the object inside a stage",
)
case(
    "open file in a list",
    returns("[Args(name='a', extra=[1, open(__file__)])]"),
    FILE,
    "params/other.py: a.extra[1]: an open file has no identity",
    "give its path instead, and open it inside a stage",
)
case(
    "open file in a nested dataclass",
    returns("[Args(name='a', model=Model(extra=open(__file__)))]"),
    FILE,
    "params/other.py: a.model.extra: an open file has no identity",
    "give its path instead, and open it inside a stage",
)
case(
    "generator",
    returns("[Args(name='a', extra=(i for i in range(3)))]"),
    FILE,
    "params/other.py: a.extra: a generator has no identity",
    "give a list instead, or make it inside a stage",
)
case(
    "lock",
    returns("[Args(name='a', extra={'lock': threading.Lock()})]", "import threading"),
    FILE,
    "params/other.py: a.extra['lock']: a _thread.lock has no identity (cannot pickle '_thread.lock' object)",
    "give a name, path or number instead, and make the object inside a stage",
)
case(
    "lock that a function holds",
    params(LOCKED),
    FILE,
    "params/other.py: a.extra.lock: a _thread.lock has no identity (cannot pickle '_thread.lock' object)",
    "give a name, path or number instead, and make the object inside a stage",
)
case(
    "distributed strategy",
    returns("[Args(name='a', extra=Strategy())]", STRATEGY),
    FILE,
    "params/other.py: a.extra['extended']['strategy']: contains itself",
    "give its settings instead and make the object inside a stage, or declare what stands for it: parameter(represent=...)",
)
case(
    "list that contains itself",
    file(
        "def get_params():\n    items = []\n    items.append(items)\n    return [Args(name='a', extra=items)]\n"
    ),
    FILE,
    "params/other.py: a.extra[0]: contains itself",
    "give its settings instead and make the object inside a stage, or declare what stands for it: parameter(represent=...)",
)
case(
    "socket",
    returns("[Args(name='a', extra=socket.socket())]", "import socket"),
    FILE,
    "params/other.py: a.extra: a socket.socket has no identity (cannot pickle 'socket' object)",
    "give a name, path or number instead, and make the object inside a stage",
)
case(
    "deep nesting",
    file(
        "def get_params():\n    items = []\n    for _ in range(100000):\n        items = [items]\n    return [Args(name='a', extra=items)]\n"
    ),
    FILE,
    "params/other.py: a.extra: is nested too deeply",
    "declare a simpler value, and build the object inside a stage",
)
case(
    "text for a number",
    returns("[Args(name='a', epochs='15')]"),
    FILE,
    "params/other.py: argset 'a': epochs is '15' (str), expected int",
    "give it that type, or say check_fields = False in the class",
)
case(
    "number out of a literal",
    returns("[Args(name='a', kind='svn')]"),
    FILE,
    "params/other.py: argset 'a': kind is 'svn' (str), expected 'knn' or 'svm'",
    "did you mean 'svm'?",
)
case(
    "wrong item of a list",
    returns("[Args(name='a', layers=[1, 2.5])]"),
    FILE,
    "params/other.py: argset 'a': layers is [1, 2.5] (list), expected list[int]",
    "give it that type, or say check_fields = False in the class",
)
case(
    "wrong value in a nested dataclass",
    returns("[Args(name='a', model=Model(depth=None))]"),
    FILE,
    "params/other.py: argset 'a': model.depth is None, expected int",
    "give it that type, or say check_fields = False in the class",
)
case(
    "wrong secret value",
    returns("[Args(name='a', token=1234)]"),
    FILE,
    "params/other.py: argset 'a': token is *** (int), expected str",
    "give it that type, or say check_fields = False in the class",
)
case(
    "misspelt field",
    returns("[Args(name='a', epoch=3)]"),
    FILE,
    "params/other.py:6: Args has no field 'epoch'",
    "did you mean 'epochs'?",
)
case(
    "misspelt nested field",
    returns("[Args(name='a', model=Model(dept=3))]"),
    FILE,
    "params/other.py:6: Model has no field 'dept'",
    "did you mean 'depth'?",
)
case(
    "misspelt attribute",
    file(
        "def get_params():\n    args = Args(name='a')\n    args.epoch = 3\n    return [args]\n"
    ),
    FILE,
    "params/other.py:7: Args has no field 'epoch'",
    "did you mean 'epochs'?",
)
case(
    "misspelt field of a copy",
    returns("[Args(name='a').copy(epoch=3)]"),
    FILE,
    "params/other.py:6: Args has no field 'epoch'",
    "did you mean 'epochs'?",
)
case(
    "misspelt field of replace",
    returns("[replace(Args(name='a'), epoch=3)]", "from dataclasses import replace"),
    FILE,
    "params/other.py:6: Args has no field 'epoch'",
    "did you mean 'epochs'?",
)
case(
    "a field without a type",
    file(
        "@dataclass\nclass Mine(Args):\n    rate = 0.1\n\n\n"
        "def get_params():\n    return [Mine(name='a', rate=0.2)]\n",
        "from dataclasses import dataclass",
    ),
    FILE,
    "params/other.py:11: Mine has no field 'rate'",
    "write rate: float = 0.1 there: without a type it is none",
)
case(
    "a method that is given a value",
    file(
        "@dataclass\nclass Mine(Args):\n    def rate(self):\n        return 1\n\n\n"
        "def get_params():\n    return [Mine(name='a', rate=0.2)]\n",
        "from dataclasses import dataclass",
    ),
    FILE,
    "params/other.py:12: Mine has no field 'rate'",
    "there is: color, epochs, extra, kind, layers, lr, model, name, seed, token",
)
case(
    "a parameter file that exits",
    returns("sys.exit(0)", "import sys"),
    FILE,
    "params/other.py: get_params() failed: SystemExit: 0",
    "params/other.py:6: return sys.exit(0)",
)
case(
    "name that is no text",
    returns("[Args(name=3)]"),
    FILE,
    "params/other.py: the name of an argset is text, not 3",
)
case(
    "name with a line break",
    returns("[Args(name='a\\nb')]"),
    FILE,
    "params/other.py: the name 'a\\nb' has a control character",
)

# What a parameter file returns ------------------------------------------------------

case(
    "no list",
    returns("Args(name='a')"),
    FILE,
    "params/other.py: get_params() returned Args(name='a')",
    "get_params() returns a list: return [Args(...)]",
)
case(
    "nothing",
    returns("None"),
    FILE,
    "params/other.py: get_params() returned None",
    "get_params() returns a list: return [Args(...)]",
)
case(
    "empty list",
    returns("[]"),
    FILE,
    "params/other.py: get_params() returned no argsets",
)
case(
    "a constant of the class, which has a type",
    file(
        "def get_params():\n    return [Fixed(name='a', limit=4)]\n",
        """
from dataclasses import dataclass
from typing import ClassVar


@dataclass
class Fixed(Args):
    limit: ClassVar[int] = 3
""",
    ),
    FILE,
    "params/other.py:14: Fixed has no field 'limit'",
    "there is: color, epochs, extra, kind, layers, lr, model, name, seed, token",
)
UNSET = """
from dataclasses import dataclass, field


@dataclass
class Unset({}):
    area: float = field(init=False)
"""
case(
    "field that nothing sets",
    file("def get_params():\n    return [Unset(name='a')]\n", UNSET.format("Args")),
    FILE,
    "field 'area' of an instance of Unset has no value",
    "set it in __init__ or __post_init__",
)
case(
    "field that nothing sets, in a nested dataclass",
    file(
        "def get_params():\n    return [Args(name='a', model=Unset())]\n",
        UNSET.format("Model"),
    ),
    FILE,
    "field 'area' of an instance of Unset has no value",
    "set it in __init__ or __post_init__",
)
case(
    "list of lists",
    returns("[[Args(name='a')]]"),
    FILE,
    "params/other.py: item 0 of get_params() is *** (list)",
    "return a flat list of instances of a class that extends ExperimentArgs",
)
case(
    "item that is no argset",
    returns("[Args(name='a'), 'b']"),
    FILE,
    "params/other.py: item 1 of get_params() is 'b' (str)",
    "return a flat list of instances of a class that extends ExperimentArgs",
)
case(
    "one name twice",
    returns("[Args(name='a', seed=i) for i in range(2)]"),
    FILE,
    "two argsets are named 'a', with different content (params/other.py)",
    "give each argset its own name",
)
case(
    "same argset twice",
    returns("[Args(name='a') for i in range(2)]"),
    FILE,
    "params/other.py returns the argset 'a' twice",
)
case(
    "no get_params",
    params("ARGSETS = []\n"),
    FILE,
    "params/other.py has no function get_params()",
    "def get_params(): return [Args(...)]",
)
case(
    "get_params that takes something",
    file("def get_params(count):\n    return [Args(name='a')]\n"),
    FILE,
    "params/other.py:5: get_params(): missing a required argument: 'count'",
    "def get_params(): return [Args(...)]",
)
case(
    "exception in get_params",
    returns("[Args(name='a', seed=1 / 0)]"),
    FILE,
    "params/other.py: get_params() failed: ZeroDivisionError: division by zero",
    "params/other.py:6: return [Args(name='a', seed=1 / 0)]",
)
case(
    "exception in a helper",
    {
        **returns("helper()", "from params.helpers import helper"),
        "params/helpers.py": "def helper():\n    return {}['x']\n",
    },
    FILE,
    "params/other.py: get_params() failed: KeyError: 'x'",
    "params/helpers.py:2: return {}['x']",
)
case(
    "import error",
    params("import nothing_of_this_name\n"),
    FILE,
    "params/other.py cannot be imported: ModuleNotFoundError: No module named 'nothing_of_this_name'",
    "params/other.py:1: import nothing_of_this_name",
)
case(
    "import error of a name",
    params("from params import nothing\n"),
    FILE,
    "params/other.py cannot be imported: ImportError: cannot import name 'nothing' from 'params' (params/__init__.py)",
    "params/other.py:1: from params import nothing",
)
case(
    "syntax error",
    params("def get_params(:\n    return []\n"),
    FILE,
    "params/other.py:1: invalid syntax",
    "def get_params(:",
)
case(
    "forgotten dataclass",
    params(
        "from curifactory import ExperimentArgs\n\n\nclass Mine(ExperimentArgs):\n    seed: int = 0\n\n\ndef get_params():\n    return [Mine(name='a')]\n"
    ),
    FILE,
    "params/other.py: Mine declares fields but is not a dataclass",
    "write @dataclass on the line above the class",
)
case(
    "forgotten dataclass, and a field given",
    params(
        "from curifactory import ExperimentArgs\n\n\nclass Mine(ExperimentArgs):\n    seed: int = 0\n\n\ndef get_params():\n    return [Mine(name='a', seed=2)]\n"
    ),
    FILE,
    "params/other.py:9: the class of this argset is not a dataclass",
    "write @dataclass on the line above the class",
)
case(
    "forgotten dataclass with the name of its base in its own, and a field given",
    params(
        "from curifactory import ExperimentArgs\n\n\nclass MyExperimentArgs(ExperimentArgs):\n    seed: int = 0\n\n\ndef get_params():\n    return [MyExperimentArgs(name='a', seed=2)]\n"
    ),
    FILE,
    "params/other.py:9: the class of this argset is not a dataclass",
    "write @dataclass on the line above the class",
)
case(
    "no class of its own, and a field given",
    params(
        "from curifactory import ExperimentArgs\n\n\ndef get_params():\n    return [ExperimentArgs(name='a', overwrite=True)]\n"
    ),
    FILE,
    "params/other.py: get_params() failed: TypeError: ExperimentArgs.__init__() got an unexpected keyword argument 'overwrite'",
    "params/other.py:5: return [ExperimentArgs(name='a', overwrite=True)]",
)
case(
    "forgotten dataclass below one, and a field given",
    params(
        "from params import Args\n\n\nclass Mine(Args):\n    rate: int = 0\n\n\ndef get_params():\n    return [Mine(name='a', rate=2)]\n"
    ),
    FILE,
    "params/other.py:9: Mine declares fields but is not a dataclass",
    "write @dataclass on the line above the class",
)
case(
    "forgotten dataclass, and a field given by its place",
    params(
        "from curifactory import ExperimentArgs\n\n\nclass Mine(ExperimentArgs):\n    seed: int = 0\n\n\ndef get_params():\n    return [Mine('a', 2)]\n"
    ),
    FILE,
    "params/other.py:9: the class of this argset is not a dataclass",
    "write @dataclass on the line above the class",
)
case(
    "forgotten dataclass, and a field set",
    params(
        "from curifactory import ExperimentArgs\n\n\nclass Mine(ExperimentArgs):\n    seed: int = 0\n\n\ndef get_params():\n    mine = Mine(name='a')\n    mine.seed = 2\n    return [mine]\n"
    ),
    FILE,
    "params/other.py:10: setting seed: Mine declares fields but is not a dataclass",
    "write @dataclass on the line above the class",
)
case(
    "misspelt parameter of a class that holds no fields",
    file(
        "class Model:\n    def __init__(self, C=1.0):\n        self.C = C\n\n\ndef get_params():\n    return [Args(name='a', extra=Model(width=2))]\n"
    ),
    FILE,
    "params/other.py: get_params() failed: TypeError: Model.__init__() got an unexpected keyword argument 'width'",
    "params/other.py:11: return [Args(name='a', extra=Model(width=2))]",
)
case(
    "a field with the name of a method",
    params(
        "from dataclasses import dataclass\n\nfrom curifactory import ExperimentArgs\n\n\n@dataclass\nclass Mine(ExperimentArgs):\n    copy: int = 1\n\n\ndef get_params():\n    return [Mine(name='a')]\n"
    ),
    FILE,
    "params/other.py:7: Mine: no field can be named 'copy', every argset has that",
    "choose another name, such as copy_",
)
case(
    "representation of no field",
    params(
        "from dataclasses import dataclass\n\nfrom curifactory import ExperimentArgs\n\n\n@dataclass\nclass Mine(ExperimentArgs):\n    gpus: int = 0\n    hash_representations = {'gpu': None}\n\n\ndef get_params():\n    return [Mine(name='a')]\n"
    ),
    FILE,
    "params/other.py: hash_representations: Mine has no field 'gpu'",
    "did you mean 'gpus'?",
)
case(
    "representation that fails",
    params(
        "from dataclasses import dataclass\n\nfrom curifactory import ExperimentArgs\n\n\n@dataclass\nclass Mine(ExperimentArgs):\n    gpus: int = 0\n    hash_representations = {'gpus': lambda self, value: 1 / value}\n\n\ndef get_params():\n    return [Mine(name='a')]\n"
    ),
    FILE,
    "params/other.py: a.gpus: its representation failed: ZeroDivisionError: division by zero",
    "mend the function that is declared to represent gpus",
)

# What the command line asks for -----------------------------------------------------

case(
    "unknown parameter file",
    {},
    ["study", "-p", "bse"],
    "there is no parameter file 'bse'",
    "did you mean 'base'?",
)
case(
    "value without --set",
    {},
    ["study", "epochs=3"],
    "'epochs=3' is not understood",
    "give a field a value with --set epochs=3, or choose a file of params/ with -p FILE",
)
case(
    "misspelt --set",
    {},
    ["study", "--set", "epoch=3"],
    "--set epoch=3: Args has no field 'epoch'",
    "did you mean 'epochs'?",
)
case(
    "misspelt nested --set",
    {},
    ["study", "--set", "model.dept=3"],
    "--set model.dept=3: Model has no field 'dept'",
    "did you mean 'depth'?",
)
case(
    "--set of a text for a number",
    {},
    ["study", "--set", "epochs=many"],
    "--set epochs=many: epochs is 'many', expected int",
)
case(
    "--set of a number for a list",
    {},
    ["study", "--set", "layers=3"],
    "--set layers=3: layers is '3', expected list[int]",
    "give a JSON list: '[64,32]'; lists with commas between: a sweep",
)
case(
    "--set out of a literal",
    {},
    ["study", "--set", "kind=svn"],
    "--set kind=svn: kind is 'svn', expected 'knn' or 'svm'",
    "did you mean 'svm'?",
)
case(
    "--set of an unknown member",
    {},
    ["study", "--set", "color=BLUE"],
    "--set color=BLUE: color is 'BLUE', expected Color",
    "there is: RED",
)
case(
    "--set of a secret that does not fit",
    returns("[Args(name='a', token='x')]"),
    [*FILE, "--set", "token.x=hunter2"],
    "--set token.x=***: there is no field 'x'",
    "set the field as a whole, in a parameter file",
)
case(
    "--set without a value",
    {},
    ["study", "--set", "epochs"],
    "--set epochs: expected FIELD=VALUE",
    "--set seed=3, --set model.depth=4, --set lr=0.1,0.01",
)
case(
    "--set that makes two argsets one",
    {},
    ["study", "--set", "name=x", "--set", "seed=0,0"],
    "params/base.py returns the argset 'x_seed=0_0' twice",
)
case(
    "one field set twice",
    {},
    ["study", "--set", "lr=0.1,0.2", "--set", "lr=5"],
    "--set lr: given twice",
    "--set lr=1,2 takes several",
)
case(
    "seeds set twice",
    {},
    ["study", "--set", "seed=1,2", "--seeds", "2"],
    "--set seed: --seeds sets it, too",
    "--set seed=1,2 takes several",
)
case(
    "wrong value in a dataclass in a list",
    returns("[Args(name='a', extra=[Model(depth='3')])]"),
    FILE,
    "params/other.py: argset 'a': extra[0].depth is '3' (str), expected int",
    "give it that type, or say check_fields = False in the class",
)
case(
    "wrong value in a dataclass in a dictionary",
    returns("[Args(name='a', extra={'m': Model(depth='3')})]"),
    FILE,
    "params/other.py: argset 'a': extra['m'].depth is '3' (str), expected int",
    "give it that type, or say check_fields = False in the class",
)
case(
    "representations that are no dictionary",
    params(
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs\n\n\n"
        "@dataclass\nclass Mine(ExperimentArgs):\n    hash_representations = ['gpus']\n"
    ),
    FILE,
    "params/other.py:6: Mine: hash_representations is ['gpus'], no dictionary",
    "hash_representations: dict = set_hash_functions(gpus=None)",
)
case(
    "default of its own name, whose parameter file is gone",
    {
        "experiments/own.py": "DEFAULT_PARAMS = ['own']\n\n\ndef run(argsets, manager): pass\n"
    },
    ["own"],
    "experiment 'own' names no parameter file",
    "choose with -p NAME; there is: base",
)
case(
    "default that names no parameter files",
    {
        "experiments/study.py": "from params import Args\n\nDEFAULT_PARAMS = [Args]\n\n\n"
        "def run(argsets, manager):\n    pass\n"
    },
    ["study"],
    "experiments/study.py: DEFAULT_PARAMS is [<class 'params.Args'>], no names of parameter files",
    'DEFAULT_PARAMS = ["base"]',
)
case(
    "default that is a number",
    {
        "experiments/study.py": "DEFAULT_PARAMS = 3\n\n\ndef run(argsets, manager):\n    pass\n"
    },
    ["study"],
    "experiments/study.py: DEFAULT_PARAMS is 3, no names of parameter files",
    'DEFAULT_PARAMS = ["base"]',
)
case(
    "no seeds",
    {},
    ["study", "--seeds", "0"],
    "--seeds 0: expected 1 or more",
    "--seeds 5",
)
case(
    "unknown name after a sweep",
    {},
    ["study", "--set", "lr=0.1,0.2", "-n", "a_lr=0.3"],
    "no argset is named 'a_lr=0.3'",
    "did you mean 'a_lr=0.2' or 'a_lr=0.1' or 'b_lr=0.2'?",
)
case(
    "a mistake in a call of a helper",
    {
        **file(
            "def get_params():\n    return grid(3)\n", "from params.common import grid"
        ),
        "params/common.py": "def grid(args):\n    raise TypeError(f'{args} is no argset')\n",
    },
    FILE,
    "params/other.py: get_params() failed: TypeError: 3 is no argset",
    "params/other.py:6: return grid(3)",
)
case(
    "a mistake in another file of that name",
    {
        **file(
            "def get_params():\n    return grid(3)\n", "from src.common import grid"
        ),
        "src/common.py": "def grid(args):\n    raise TypeError(f'{args} is no argset')\n",
    },
    FILE,
    "params/other.py: get_params() failed: TypeError: 3 is no argset",
    "src/common.py:2: raise TypeError(f'{args} is no argset')",
)
case(
    "difference with an unknown argset",
    {},
    ["params", "base", "--diff", "a", "c"],
    "no argset is named 'c'",
    "there is: a, b",
)
case(
    "parameters of no file",
    {},
    ["params"],
    "no parameter file is named",
    "there is: base",
)
case(
    "parameters of an unknown run",
    {},
    ["params", "--from-run", "study-1"],
    "there is no run 'study-1'",
    "there is none",
)
case(
    "representations by their older name",
    params(
        "from dataclasses import dataclass\nfrom curifactory import ExperimentArgs, set_hash_functions\n\n"
        "@dataclass\nclass Mine(ExperimentArgs):\n    hashing_functions: dict = set_hash_functions(a=None)\n"
    ),
    FILE,
    "params/other.py:5: Mine: hashing_functions is the name of older releases",
    "write hash_representations instead",
)
case(
    "module of another release",
    params("from curifactory.params import ExperimentParameters\n"),
    FILE,
    "params/other.py cannot be imported: ModuleNotFoundError: No module named 'curifactory.params': its names are in curifactory, curifactory.caching, curifactory.reporting",
    "params/other.py:1: from curifactory.params import ExperimentParameters",
)
case(
    "misspelt name of the runner",
    params("from curifactory import Recrod\n"),
    FILE,
    "params/other.py cannot be imported: ImportError: cannot import name 'Recrod' from 'curifactory': did you mean 'Record'?",
    "params/other.py:1: from curifactory import Recrod",
)
case(
    "misspelt reportable",
    params("from curifactory.reporting import FigurReporter\n"),
    FILE,
    "params/other.py cannot be imported: ImportError: cannot import name 'FigurReporter' from 'curifactory.reporting': did you mean 'FigureReporter' or 'DFReporter' or 'ImageReporter'?",
    "params/other.py:1: from curifactory.reporting import FigurReporter",
)
case(
    "name of the runner that is elsewhere",
    params("from curifactory import FigureReporter\n"),
    FILE,
    "params/other.py cannot be imported: ImportError: cannot import name 'FigureReporter' from 'curifactory': it is in curifactory.reporting",
    "params/other.py:1: from curifactory import FigureReporter",
)
case(
    "misspelt name of the project",
    params("from stages.chain import scor\n"),
    FILE,
    "params/other.py cannot be imported: ImportError: cannot import name 'scor' from 'stages.chain': did you mean 'score'?",
    "params/other.py:1: from stages.chain import scor",
)
case(
    "misspelt module of the project",
    params("from stages.chian import score\n"),
    FILE,
    "params/other.py cannot be imported: ModuleNotFoundError: No module named 'stages.chian': did you mean 'chain'?",
    "params/other.py:1: from stages.chian import score",
)
case(
    "field in capital letters",
    {},
    ["study", "--set", "SEED=3"],
    "--set SEED=3: Args has no field 'SEED'",
    "did you mean 'seed'?",
)
case(
    "name of another release",
    params("from curifactory import Procedure\n"),
    FILE,
    "params/other.py cannot be imported: ImportError: there is no Procedure here: call the stages in run(), test(train(Record(manager, args)))",
    "params/other.py:1: from curifactory import Procedure",
)
case(
    "stub over a file",
    {},
    ["new", "params", "base"],
    "params/base.py is there already",
    "move it away first, or take another name",
)


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_input_gets_its_message(whole, name):
    files, arguments, said = CASES[name]
    whole.write({"params/__init__.py": ARGS})
    for path, text in files.items():
        (whole.root / path).write_text(text)
    whole.edit("params/base.py", "seed=1", "epochs=1")
    whole.warnings = "ignore"
    result = whole.run(*arguments)
    assert (result.code, result.out, result.err) == (2, "", said)
    assert whole.left_behind() == []
