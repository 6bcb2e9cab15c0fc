"""What a stage depends on by detours: through objects, methods, files and checkpoints."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from test_execute import EACH, other
from test_explain import let_it_have_taken

from curifactory.peers import Peers
from curifactory.progress import Progress

TWO = "Args(name='a', seed=1), Args(name='b', seed=2)"
OTHER = "experiments/other.py"
PRINT = "r = last(Record(manager, args)); print('VALUE', args.name, r.state['out'])"


here = pytest.mark.parametrize(
    "options",
    [[], pytest.param(["-j", "2"], marks=pytest.mark.slow)],
    ids=["serial", "processes"],
)


def values(project, *options, **environment):
    """Run the experiment; return what it printed by argset, and what it computed."""
    result = project.ok("other", *options, **environment)
    lines = (line.split() for line in result.out.splitlines())
    found = {line[1]: line[2] for line in lines if line[:1] == ["VALUE"]}
    return found, result.counts["computed"]


# Operational fields ------------------------------------------------------------------

WIDE = """
@dataclass
class Model:
    batch: int = parameter(8, operational=True)


@dataclass
class Wide(Args):
    batch: int = parameter(8, operational=True)
    model: Model = {}


@stage(None, ["out"])
def last(record):
    return record.args.{}
"""


@pytest.mark.parametrize("field", ["batch", "model.batch"])
@pytest.mark.parametrize(
    "model", ["field(default_factory=Model)", "parameter(Model, operational=True)"]
)
def test_results_from_before_a_field_counted_are_not_of_its_values(whole, field, model):
    model = model.replace("parameter(", "parameter(default_factory=")
    head = "from dataclasses import dataclass, field\n"
    head += "from curifactory.args import parameter\n"
    given = "Wide(name='a', batch=8, model=Model(8)), "
    given += "Wide(name='b', batch=16, model=Model(16))"
    stages = head + WIDE.format(model, field)
    whole.write(other(stages, EACH.format(PRINT), given))
    assert values(whole) == ({"a": "8", "b": "8"}, 1)
    assert values(whole)[1] == 0
    stages = stages.replace(", operational=True", "")
    whole.write(other(stages, EACH.format(PRINT), given))
    assert values(whole) == ({"a": "8", "b": "16"}, 2)
    # What is operational again costs nothing.
    whole.write(other(head + WIDE.format(model, field), EACH.format(PRINT), given))
    assert values(whole)[1] == 0


# Argsets that leave their stage ------------------------------------------------------

TRAINER = """
class Trainer:
    def __init__(self, args):
        self.args = args

    def fit(self):
        return self.args.seed * 10


@stage(None, ["t"], cachers=None)
def make(record):
    return Trainer(record.args)


@stage(["t"], ["out"])
def fit(record, t):
    return t.fit()


def last(record):
    return fit(make(record))
"""
CLOSURE = """
@stage(None, ["f"], cachers=None)
def make(record):
    def schedule(x):
        return record.args.seed * x
    return schedule


@stage(["f"], ["out"])
def use(record, f):
    return f(10)


def last(record):
    return use(make(record))
"""


@pytest.mark.parametrize("stages", [TRAINER, CLOSURE], ids=["object", "closure"])
def test_an_argset_that_outlives_its_stage_counts_as_read(project, stages):
    project.write(other(stages, EACH.format(PRINT), TWO))
    assert values(project)[0] == {"a": "10", "b": "20"}


def test_an_argset_in_an_output_counts_as_far_as_its_cacher_saves_it(project):
    stages = """
class Net:
    def __init__(self, args):
        self.args, self.weight = args, args.seed


class Weight(Cacheable):
    def save(self, obj):
        open(self.get_path(), "w").write(str(obj.weight))

    def load(self):
        return int(open(self.get_path()).read())


@stage(None, ["out"], cachers=[Weight])
def last(record):
    return Net(record.args)
"""
    argsets = "Args(name='a', seed=1), Args(name='b', seed=1)"
    project.write(other(stages, EACH.format(PRINT), argsets))
    assert values(project) == ({"a": "1", "b": "1"}, 1)


def test_an_argset_in_a_frame_that_a_profiler_keeps_does_not_count(project):
    """That of Dask samples the threads of its workers: what it sees lives a bit longer."""
    stages = """
import sys, threading, time


def sample(thread, has_begun):
    frame = sys._current_frames()[thread]
    has_begun.set()
    time.sleep(0.05)


@stage(None, ["out"])
def last(record):
    given = threading.get_ident(), threading.Event()
    threading.Thread(target=sample, args=given).start()
    given[1].wait()
    return 7
"""
    argsets = "Args(name='a', seed=1), Args(name='b', seed=2)"
    project.write(other(stages, EACH.format(PRINT), argsets))
    assert values(project) == ({"a": "7", "b": "7"}, 1)


def test_an_argset_in_garbage_that_refers_to_itself_does_not_count(project):
    stages = """
@stage(None, ["out"])
def last(record):
    def step(n):
        return step(n - 1) if n else record.label
    step(3)
    return 7
"""
    project.write(other(stages, EACH.format(PRINT), TWO))
    assert values(project) == ({"a": "7", "b": "7"}, 1)


# Methods of argsets -----------------------------------------------------------------

SCALED = "def scaled(self, by):\n        return self.seed {} by"
BY_CLASS = "K = {}\n\n    def by_class(self):\n        return self.__class__.K"
CLASSMETHOD = """@classmethod
    def outer(cls):
        return cls.inner()

    @staticmethod
    def inner():
        return {}"""


@pytest.mark.parametrize(
    ("member", "use", "before", "after"),
    [
        (SCALED, "record.args.copy(seed=3).scaled(4)", "*", "+"),
        (SCALED, "copy.deepcopy(record.args).scaled(4)", "*", "+"),
        (BY_CLASS, "record.args.by_class()", "3", "4"),
        (CLASSMETHOD, "record.args.outer()", "3", "4"),
    ],
)
def test_what_a_method_does_counts_on_copies_and_by_the_class(
    project, member, use, before, after
):
    stages = (
        "import copy\n\n\n"
        f"@stage(None, ['out'])\ndef last(record):\n    return {use}\n"
    )
    project.write(other(stages, EACH.format(PRINT), "Args(name='a', seed=2)"))
    path = project.root / "params" / "__init__.py"
    text = path.read_text()
    path.write_text(f"{text}\n    {member.format(before)}\n")
    first = values(project)[0]
    assert values(project)[1] == 0
    path.write_text(f"{text}\n    {member.format(after)}\n    # edited\n")
    second, computed = values(project)
    assert computed == 1 and second != first


MEMBERS = {
    "a property that is no function": (
        "other: int = 5\n    p = property(operator.attrgetter('{}'))",
        "record.args.p",
        ("seed", "other"),
    ),
    "a partial method": (
        "def by(self, n): return self.seed * n\n    p = functools.partialmethod(by, {})",
        "record.args.p()",
        ("3", "4"),
    ),
    "a property that is a partial": (
        "def by(self, n): return self.seed * n\n"
        "    p = property(functools.partial(by, n={}))",
        "record.args.p",
        ("3", "4"),
    ),
    "a descriptor": ("p = Scaled({})", "record.args.p", ("3", "4")),
    "a method chosen by type": (
        "@functools.singledispatchmethod\n    def p(self, x): return 1\n"
        "    @p.register\n    def _(self, x: int): return {}",
        "record.args.p(2)",
        ("3", "4"),
    ),
    "a default that is compared": (
        "more: int = {}",
        "[f.name for f in fields(record.args) if f.default == record.args.seed]",
        ("2", "3"),
    ),
    "what a field is declared with": (
        "more: int = field(default=1, metadata={{'by': {}}})",
        "[f.metadata.get('by') for f in fields(record.args)]",
        ("2", "3"),
    ),
    "a constant that is read of the class": (
        "K: ClassVar[int] = {}",
        "type(record.args).K",
        ("2", "3"),
    ),
    "what a repr shows": (
        "net: Net = Net({})",
        "repr(record.args.net)",
        ("1", "2"),
    ),
}


@pytest.mark.parametrize("case", MEMBERS)
def test_all_that_a_class_of_argsets_is_made_of_counts(project, case):
    member, use, variants = MEMBERS[case]
    stages = (
        "from dataclasses import fields\n\n\n"
        f"@stage(None, ['out'])\ndef last(record):\n    return str({use}).replace(' ', '')\n"
    )
    project.write(other(stages, EACH.format(PRINT), "Args(name='a', seed=2)"))
    head = """
import functools
import operator
from dataclasses import dataclass, field
from typing import ClassVar

from curifactory import ExperimentArgs


class Scaled:
    def __init__(self, by):
        self.by = by

    def __get__(self, instance, owner):
        return self if instance is None else instance.seed * self.by


@dataclass(frozen=True)
class Net:
    depth: int = 1


@dataclass
class Args(ExperimentArgs):
    seed: int = 0
"""
    found = []
    for number, variant in enumerate(variants):
        text = f"{head}    {member.format(variant)}\n"
        project.write({"params/__init__.py": text + "# edited\n" * number})
        found.append(values(project)[0])
        assert values(project)[1] == 0
    assert found[0] != found[1]


def test_a_nested_field_whose_declaration_was_read_may_be_none(project):
    stages = "from dataclasses import fields\n\n\n@stage(None, ['out'])\n"
    stages += "def last(record):\n    return len(record.args.m and fields(record.args.m) or '')\n"
    project.write(
        other(stages, EACH.format(PRINT), "Args(name='a', m=M()), Args(name='b')")
    )
    params = """
from dataclasses import dataclass
from typing import Any

from curifactory import ExperimentArgs


@dataclass(frozen=True)
class M:
    depth: int = 1


@dataclass
class Args(ExperimentArgs):
    m: Any = None
"""
    project.write({"params/__init__.py": params})
    path = project.root / "experiments/other.py"
    path.write_text(
        path.read_text().replace(
            "from params import Args", "from params import Args, M"
        )
    )
    assert values(project)[0] == {"a": "1", "b": "0"}


def test_which_fields_a_repr_shows_counts(project):
    params = """
from dataclasses import dataclass, field

from curifactory import ExperimentArgs


@dataclass(frozen=True)
class Net:
    depth: int = 1
    note: int = {}


@dataclass
class Args(ExperimentArgs):
    net: Net = Net()
"""
    stages = "@stage(None, ['out'])\ndef last(record):\n"
    stages += "    return str(record.args.net).replace(' ', '')\n"
    project.write(other(stages, EACH.format(PRINT)))
    project.write({"params/__init__.py": params.format("1")})
    assert values(project)[0] == {"a": "Net(depth=1,note=1)"}
    hidden = "field(default=1, repr=False)"
    project.write({"params/__init__.py": params.format(hidden)})
    assert values(project)[0] == {"a": "Net(depth=1)"}


DECLARED = """
import enum
from dataclasses import dataclass, field

from curifactory import ExperimentArgs


class Kind(enum.Enum):
    LOW = 1
    HIGH = 2


@dataclass
class Model:
    depth: int = 1
    area: int = field(default=0, init=False)

    def __post_init__(self):
        self.area = self.depth * 2

    def scaled(self):
        return self.depth * 3


@dataclass
class Args(ExperimentArgs):
    seed: int = 1
    rate: int = 4
    model: Model = field(default_factory=Model)
    kind: Kind = Kind.LOW

    @classmethod
    def made(cls, seed):
        return cls(seed=seed)

    def tenfold(self):
        return self.seed * 10
"""


@pytest.mark.parametrize(
    ("asked", "old", "new"),
    [
        ("replace(args, seed=2).tenfold()", "seed * 10", "seed * 20"),
        ("replace(args.model, depth=2).area", "depth * 2", "depth * 5"),
        ("type(args.model)(2).scaled()", "depth * 3", "depth * 5"),
        ("args.__class__(seed=2).rate", "rate: int = 4", "rate: int = 5"),
        ("type(args).rate", "rate: int = 4", "rate: int = 5"),
        ("args.made(2).tenfold()", "seed * 10", "seed * 20"),
        ("len(type(args.kind))", "HIGH = 2", "HIGH = 2\n    MIDDLE = 3"),
        ("second(args)", "seed: int = 1", "more: int = 9\n    seed: int = 1"),
        ("named(signature(type(args.model)))", "depth: int = 1", "depth: int = 2"),
        ("named(signature(type(args)))", "rate: int = 4", "rate: int = 5"),
    ],
)
def test_the_class_counts_where_an_argset_leads_to_it(asked, old, new, project):
    stages = f"""
from dataclasses import replace
from inspect import signature


def named(found):
    return "+".join(str(each.default) for each in found.parameters.values())


def second(args):
    match args:
        case Args(_, found):
            return found


@stage(None, ["out"])
def last(record):
    args = record.args
    return {asked}
"""
    given = "Args(name='a', seed=1, rate=3)"
    project.write(other(stages, EACH.format(PRINT), given))
    project.write({"params/__init__.py": DECLARED})
    before = values(project)[0]
    project.edit("params/__init__.py", old, new)
    now, count = values(project)
    assert count == 1 and now != before
    project.edit(
        "params/__init__.py", "    seed: int = 1\n", "    # how\n    seed: int = 1\n"
    )
    project.edit(
        "params/__init__.py", "class Kind(", "class Unread:\n    pass\n\n\nclass Kind("
    )
    assert values(project) == (now, 0)


MARKS = """
class Even:
    pass


class Odd:
    \"\"\"It has nothing of its own, either.\"\"\"


class Number(Even):
    pass
"""


@pytest.mark.parametrize(
    ("asked", "edit"),
    [
        ("isinstance(number, Even)", ("src/marks.py", "Number(Even)", "Number(Odd)")),
        ("isinstance(numbers[1], Even)", ("src/marks.py", "(Even)", "(Odd)")),
        ("{Even: 1, Odd: 2}[record.args.items[0]]", (OTHER, "=[Even]", "=[Odd]")),
        ("type(record.args.depth) is Even", (OTHER, "=Even()", "=Odd()")),
        ("isinstance(mark, Even)", (OTHER, "mark = Even", "mark = Odd")),
    ],
)
def test_which_class_it_is_counts_where_others_look_the_same(asked, edit, project):
    stages = f"""
from src.marks import Even, Number, Odd


@stage(None, ["number", "numbers", "mark"])
def make(record):
    mark = Even
    return Number(), [0, Number()], mark()


@stage(["number", "numbers", "mark"], ["out"])
def use(record, number, numbers, mark):
    return {asked}


def last(record):
    return use(make(record))
"""
    stages += "\n\nArgs.check_fields = False\n"
    argset = "Args(name='a', items=[Even], depth=Even())"
    project.write({**other(stages, EACH.format(PRINT), argset), "src/marks.py": MARKS})
    before, _ = values(project)
    project.edit(*edit)
    now, _ = values(project)
    assert now != before
    project.edit("src/marks.py", "either", "neither")
    assert values(project) == (now, 0)


def test_what_a_method_of_an_input_asks_for_and_is_absent_counts(project):
    stages = """
from src.models import make_model


@stage(None, ["m"])
def make(record):
    return make_model()


@stage(["m"], ["out"])
def use(record, m):
    return m.fit(record.args)


def last(record):
    return use(make(record))
"""
    model = """
class M:
    def fit(self, args):
        return args.seed + getattr(args, "warmup", 0)


def make_model():
    return M()
"""
    project.write({**other(stages, EACH.format(PRINT), TWO), "src/models.py": model})
    assert values(project)[0] == {"a": "1", "b": "2"}
    path = project.root / "params" / "__init__.py"
    path.write_text(path.read_text() + "\n    warmup: int = 7\n")
    assert values(project)[0] == {"a": "8", "b": "9"}


def test_the_bases_of_a_nested_dataclass_count(project):
    stages = (
        "from src.nets import Base\n\n\n"
        "@stage(None, ['out'])\ndef last(record):\n"
        "    return isinstance(record.args.net, Base)\n"
    )
    nets = """
from dataclasses import dataclass


class Base:
    pass


class Other:
    pass


@dataclass
class Net({}):
    depth: int = 3
"""
    params = """
from dataclasses import dataclass, field

from curifactory import ExperimentArgs
from src.nets import Net


@dataclass
class Args(ExperimentArgs):
    net: Net = field(default_factory=Net)
"""
    project.write({"src/nets.py": nets.format("Base"), "params/__init__.py": params})
    project.write(other(stages, EACH.format(PRINT)))
    assert values(project)[0] == {"a": "True"}
    project.write({"src/nets.py": nets.format("Other")})
    assert values(project)[0] == {"a": "False"}


REGISTERS = "class Mine(Base):\n    pass\n"


@here
def test_what_an_experiment_registers_is_there_in_every_process(whole, options):
    registry = "class Base:\n    known = {}\n\n    def __init_subclass__(cls):\n"
    registry += "        Base.known[cls.__name__] = cls\n"
    stages = "from curifactory import stage\nfrom src.registry import Base\n\n\n"
    stages += "@stage(None, ['out'])\ndef last(record):\n    return len(Base.known)\n"
    head = "from src.registry import Base\nfrom stages.listing import last\n\n\n"
    whole.write({"src/registry.py": registry, "stages/listing.py": stages})
    whole.cache.mkdir(parents=True)  # so workers begin with what a stage needs alone
    whole.write(other(head + REGISTERS, EACH.format(PRINT)))
    assert values(whole, *options) == ({"a": "1"}, 1)


MEMO = """
import functools


class Memo:
    kept = {}

    @classmethod
    def get(cls, seed):
        return cls.kept.setdefault(seed, seed * 2)


def counted(function):
    @functools.wraps(function)
    def wrapper(seed):
        wrapper.calls += 1
        return function(seed)

    wrapper.calls = 0
    return wrapper


class Cached:
    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function, self.cache = function, {}

    def __call__(self, seed):
        return self.cache.setdefault(seed, self.function(seed))


@counted
def double(seed):
    return Memo.get(seed)


@Cached
def get(seed):
    return double(seed)
"""


@here
def test_what_helpers_keep_while_they_work_is_no_code(whole, options):
    stages = "from curifactory import stage\nfrom src.memo import get\n\n\n"
    stages += (
        "@stage(None, ['out'])\ndef last(record):\n    return get(record.args.seed)\n"
    )
    head = "from src.memo import get\nfrom stages.memo import last\n"
    whole.write({"src/memo.py": MEMO, "stages/memo.py": stages})
    argsets = "Args(name='a', seed=get(1)), Args(name='b', seed=get(2))"
    whole.write(other(head, EACH.format(PRINT), argsets))
    assert values(whole, *options) == ({"a": "4", "b": "8"}, 2)
    assert values(whole, *options)[1] == 0


# Files ------------------------------------------------------------------------------

SHELL = (
    "import subprocess\n\n\n@stage(None, ['out']{})\ndef last(record):\n    return {}\n"
)
CAT = "subprocess.check_output(['cat', {}], text=True).strip()"


@pytest.mark.parametrize("declared", ["raw", "raw/", "raw/**", "raw/*"])
def test_a_folder_that_is_declared_counts_with_all_that_is_in_it(project, declared):
    stages = SHELL.format(f", files=['{declared}']", CAT.format("'raw/a.csv'"))
    project.write(other(stages, EACH.format(PRINT)))
    project.write({"raw/a.csv": "1\n"})
    assert values(project)[0] == {"a": "1"}
    assert values(project)[1] == 0
    project.write({"raw/a.csv": "2\n"})
    assert values(project)[0] == {"a": "2"}


@here
@pytest.mark.parametrize("started", ["'-m', 'tools.mesh'", "'tools/mesh.py'"])
def test_what_a_program_in_python_imports_counts(whole, started, options):
    command = f"subprocess.check_output([sys.executable, {started}], text=True).strip()"
    stages = "import sys\n" + SHELL.format("", command)
    whole.write(other(stages, EACH.format(PRINT)))
    mesh = "import sys\nsys.path.insert(0, '.')\nfrom src.size import N\nprint(N)\n"
    whole.write({"tools/mesh.py": mesh, "src/size.py": "N = 1\n"})
    assert values(whole, *options) == ({"a": "1"}, 1)
    assert values(whole, *options)[1] == 0
    whole.write({"src/size.py": "N = 2\n"})
    assert values(whole, *options) == ({"a": "2"}, 1)


def test_what_is_declared_later_counts_from_then_on(project):
    project.write({"raw/a.csv": "1\n"})
    cat = CAT.format("'raw/a.csv'")
    project.write(other(SHELL.format("", cat), EACH.format(PRINT)))
    assert values(project)[0] == {"a": "1"}
    project.write(other(SHELL.format(", files=['raw/a.csv']", cat), EACH.format(PRINT)))
    assert values(project)[0] == {"a": "1"}
    project.write({"raw/a.csv": "2\n"})
    assert values(project)[0] == {"a": "2"}
    stages = SHELL.format(", files=['raw/a.csv'], reads='all'", cat)
    project.write(other(stages, EACH.format(PRINT), TWO))
    assert values(project) == ({"a": "2", "b": "2"}, 2)


def test_walking_through_data_sees_nothing_of_the_runner(project):
    body = (
        "len([f for _, _, files in os.walk('.') for f in files if f.endswith('.csv')])"
    )
    stages = "import os\n\n\n@stage(None, ['out'])\ndef last(record):\n"
    project.write(other(f"{stages}    return {body}\n", EACH.format(PRINT)))
    project.write({"data/a.csv": "1\n"})
    assert values(project)[0] == {"a": "1"}
    assert values(project)[1] == 0
    project.write({"data/b.csv": "1\n"})
    assert values(project)[0] == {"a": "2"}


@here
def test_a_file_with_a_line_break_in_its_name_counts(whole, options):
    stages = "import time\n\n\n@stage(None, ['out'])\ndef last(record):\n"
    stages += (
        "    text = open('my\\nfile').read()\n    time.sleep(0.3)\n    return text\n"
    )
    whole.write({"my\nfile": "1"})
    together = (
        "rs = [last(Record(manager, args)) for args in argsets]; manager.compute(); "
    )
    together += "[print('VALUE', r.args.name, r.output) for r in rs]"
    whole.write(other(stages, together, TWO))
    assert values(whole, *options) == ({"a": "1", "b": "1"}, 1)
    whole.write({"my\nfile": "2"})
    assert values(whole, *options) == ({"a": "2", "b": "2"}, 1)


WRITES = """
from pathlib import Path


@stage(None, ["path"]CACHERS)
def write(record):
    Path("w.txt").write_text(str(record.args.seed))
    return "w.txt"


@stage(["path"], ["out"])
def last(record, path):
    return Path(path).read_text()
"""


@here
def test_a_file_that_one_stage_writes_for_another_is_told(whole, options):
    run = EACH.format(
        PRINT.replace("last(", "last(write(").replace("args))", "args)))")
    )
    whole.write(other(WRITES.replace("CACHERS", ""), run))
    said = "last reads w.txt, which write writes, but not where it is reused; let"
    assert said in whole.ok("other", *options).err
    cacher = ", [FileReferenceCacher]"
    stages = "from curifactory.caching import FileReferenceCacher\n" + WRITES
    for seed in ("1", "2", "1"):
        argset = f"Args(name='a', seed={seed})"
        whole.write(other(stages.replace("CACHERS", cacher), run, argset))
        assert values(whole, *options)[0] == {"a": seed}
    assert "which write writes" not in whole.ok("other", "--overwrite", *options).err


CACHING = """
from pathlib import Path


@stage(None, ["out"])
def last(record):
    kept = Path("FOLDER/table.txt")
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        kept.write_text("1")
    return kept.read_text() + str(record.args.seed)
"""


PLUGIN = """
import importlib.util, sys


def made(name):
    sys.path.insert(0, "plugins")
    spec = importlib.util.spec_from_file_location(name, f"plugins/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules.pop("shared_by_plugins", None)
    return module.make()


@stage(None, ["out"])
def last(record):
    return made("extra") + record.args.seed
"""


@here
def test_a_plugin_that_imports_what_lies_beside_it_is_reused(whole, options):
    whole.write(other(PLUGIN, EACH.format(PRINT), TWO))
    shared = "def base():\n    return {}\n"
    extra = "from shared_by_plugins import base\n\n\ndef make():\n"
    extra += "    return base()\n"
    whole.write(
        {
            "plugins/extra.py": extra,
            "plugins/shared_by_plugins.py": shared.format(10),
        }
    )
    assert values(whole, *options) == ({"a": "11", "b": "12"}, 2)
    assert values(whole, *options)[1] == 0
    whole.write({"plugins/shared_by_plugins.py": shared.format(20)})
    assert values(whole, *options) == ({"a": "21", "b": "22"}, 2)


@here
def test_a_cache_of_its_own_that_a_stage_fills_and_reads_is_told(whole, options):
    whole.write(other(CACHING.replace("FOLDER", "kept"), EACH.format(PRINT), TWO))
    said = whole.ok("other", *options).err
    assert said.count("last reads files in kept that earlier calls of it wrote") == 1
    whole.write(other(CACHING.replace("FOLDER", ".kept"), EACH.format(PRINT), TWO))
    assert "earlier calls" not in whole.ok("other", *options).err


@pytest.mark.parametrize("name", ["a.dat", "a.py", "a.lock", ".hidden/a", ".a.csv"])
def test_any_file_that_a_field_names_counts(project, name):
    stages = SHELL.format("", CAT.format("next(iter(record.args.seed))"))
    argset = f"Args(name='a', seed={{'{name}'}})"
    project.write(other(stages, EACH.format(PRINT), argset))
    project.write({name: "1\n"})
    assert values(project)[0] == {"a": "1"}
    project.write({name: "2\n"})
    assert values(project)[0] == {"a": "2"}


READING = {
    "exec": "exec(open('conf/a.py').read(), found)",
    "runpy": "found = runpy.run_path('conf/a.py')",
    "a path": "found['rate'] = Path('conf/a.py').read_text().split()[-1]",
}


@pytest.mark.parametrize("reading", READING)
def test_a_python_file_that_is_read_and_not_imported_counts(project, reading):
    stages = "import runpy\nfrom pathlib import Path\n\n\n@stage(None, ['out'])\n"
    stages += f"def last(record):\n    found = {{}}\n    {READING[reading]}\n"
    project.write(other(f"{stages}    return found['rate']\n", EACH.format(PRINT)))
    project.write({"conf/a.py": "rate = 1\n"})
    assert values(project) == ({"a": "1"}, 1)
    assert values(project)[1] == 0
    project.write({"conf/a.py": "rate = 2\n"})
    assert values(project) == ({"a": "2"}, 1)


def test_sources_that_are_looked_at_to_be_shown_do_not_count(project):
    stages = "import inspect\nfrom src import model\n\n\n@stage(None, ['out'])\n"
    stages += "def last(record):\n    inspect.getsource(model)\n    import src.lazy\n"
    project.write(other(f"{stages}    return 1\n", EACH.format(PRINT)))
    project.write({"src/model.py": "x = 1\n", "src/lazy.py": "y = 1\n"})
    assert values(project) == ({"a": "1"}, 1)
    project.write({"src/lazy.py": "y = 1  # one\n"})
    assert values(project)[1] == 0


def test_a_hidden_file_that_a_stage_opens_counts(project):
    stages = SHELL.format("", "open('.labels.csv').read().strip()")
    project.write(other(stages, EACH.format(PRINT)))
    project.write({".labels.csv": "1\n"})
    assert values(project)[0] == {"a": "1"}
    project.write({".labels.csv": "2\n"})
    assert values(project)[0] == {"a": "2"}


def test_a_file_that_a_cacher_reads_while_it_loads_counts(project):
    stages = """
class Scaled(Cacheable):
    def save(self, obj):
        open(self.get_path(), "w").write(str(obj))

    def load(self):
        return float(open(self.get_path()).read()) * float(open("norm.txt").read())


@stage(None, ["m"], cachers=[Scaled])
def make(record):
    return 3


@stage(["m"], ["out"])
def use(record, m):
    return m


def last(record):
    return use(make(record))
"""
    project.write(other(stages, EACH.format(PRINT)))
    project.write({"norm.txt": "2"})
    assert values(project)[0] == {"a": "6.0"}
    project.write({"norm.txt": "5"})
    assert values(project)[0] == {"a": "15.0"}


# Checkpoints ------------------------------------------------------------------------

RESUMED = """
import os


@stage(None, ["out"])
def last(record):
    checkpoint = record.scratch / "w.txt"
    if not checkpoint.exists():
        checkpoint.write_text(str({}))
        if os.environ.get("CRASH"):
            raise RuntimeError("stopped")
    return checkpoint.read_text()
"""


@here
def test_what_was_read_before_a_checkpoint_counts_for_what_resumes_from_it(
    whole, options
):
    stages = RESUMED.format("record.args.seed")
    whole.write(other(stages, EACH.format(PRINT), TWO))
    assert whole.run("other", "-n", "a", *options, CRASH="1").code == 1
    assert values(whole, *options) == ({"a": "1", "b": "2"}, 2)
    assert values(whole, *options)[1] == 0


def test_checkpoints_go_with_folders_that_are_declared(project):
    stages = RESUMED.format("open('raw/a.txt').read()").replace(
        '["out"])', '["out"], files=["raw"])'
    )
    body = "def last(record):\n    open('raw/a.txt').close()\n"
    stages = stages.replace("def last(record):\n", body)
    project.write(other(stages, EACH.format(PRINT)))
    project.write({"raw/a.txt": "1"})
    assert project.run("other", CRASH="1").code == 1
    assert values(project)[0] == {"a": "1"}


def test_checkpoints_of_another_file_are_not_resumed_from(project):
    stages = RESUMED.format("open('data.txt').read()")
    project.write(other(stages, EACH.format(PRINT)))
    project.write({"data.txt": "1"})
    assert project.run("other", CRASH="1").code == 1
    project.write({"data.txt": "2"})
    assert values(project)[0] == {"a": "2"}


@pytest.mark.parametrize(
    "reading", ["open('data.txt').read()", "len(os.listdir('raw'))"]
)
def test_what_changes_after_checkpoints_were_gone_on_from_is_not_taken_for_read(
    project, reading
):
    edit = "echo 2 > data.txt; touch raw/b.txt"
    edit = f"subprocess.run('sh', input={edit!r} * ('EDIT' in os.environ), text=True)"
    stages = "import subprocess\n" + RESUMED.format(reading)
    stages = stages.replace("    return check", f"    {edit}\n    return check")
    project.write(other(stages, EACH.format(PRINT)))
    project.write({"data.txt": "1", "raw/a.txt": ""})
    assert project.run("other", CRASH="1").code == 1
    assert values(project, EDIT="1")[0] == {"a": "1"}
    assert values(project) == ({"a": "2"}, 1)
    assert values(project)[1] == 0


def test_checkpoints_of_a_call_that_reads_its_name_are_its_own(project):
    stages = RESUMED.format("record.args.name")
    argsets = "Args(name='a'), Args(name='b')"
    project.write(other(stages, EACH.format(PRINT), argsets))
    assert project.run("other", "-n", "a", CRASH="1").code == 1
    assert values(project)[0] == {"a": "a", "b": "b"}


def test_checkpoints_of_aggregates_are_those_of_their_records(project):
    stages = """
@stage(None, ["x"])
def make(record):
    return 1


""" + RESUMED.format("[each.args.seed for each in records]").replace(
        '@stage(None, ["out"])\ndef last(record)',
        '@aggregate(["x"], ["out"])\ndef last(record, records, x)',
    )
    run = (
        "chosen = [make(Record(manager, args)) for args in argsets]\n"
        "r = last(Record(manager, None), chosen)\nprint('VALUE', 'all', r.state['out'])"
    )
    project.write(other(stages, run, TWO))
    assert project.run("other", "-n", "a", CRASH="1").code == 1
    assert values(project, "-n", "b")[0] == {"all": "[2]"}


# What a stage leaves behind ---------------------------------------------------------


def test_a_stage_that_changes_the_current_folder_does_so_for_itself_alone(project):
    stages = """
import os
import tempfile


@stage(None, ["a"])
def first(record):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
    return 1


@stage(["a"], ["out"])
def second(record, a):
    return a + int(open("data.txt").read())


def last(record):
    return second(first(record))
"""
    project.write(other(stages, EACH.format(PRINT), TWO))
    project.write({"data.txt": "1"})
    assert values(project)[0] == {"a": "2", "b": "2"}


def test_an_exception_without_a_text_fails_its_call_alone(project):
    stages = """
class Bad(Exception):
    def __str__(self):
        raise ValueError("no text")


@stage(None, ["out"])
def last(record):
    if record.args.seed == 1:
        raise Bad
    return 7
"""
    project.write(other(stages, EACH.format("last(Record(manager, args))"), TWO))
    result = project.run("other")
    assert result.code == 1
    assert (result.counts["computed"], result.counts["failed"]) == (1, 1)
    assert "its text cannot be shown" in result.run["calls"][0]["error"]["message"]


def test_a_run_that_calls_exit_has_failed(project):
    project.write(other("import sys\n", "sys.exit()"))
    result = project.run("other")
    assert result.code == 1
    assert "run() of experiment 'other' called sys.exit()" in result.err


MISSPELT = """
@stage(None, ["x"])
def work(record):
    return record.args.copy(sed=1)
"""


@pytest.mark.parametrize("ask", ["", ".state['x']"])
def test_a_wrong_request_within_a_stage_fails_its_call(project, ask):
    project.write(other(MISSPELT, f"work(Record(manager, argsets[0])){ask}"))
    result = project.run("other")
    assert (result.code, result.run["status"]) == (1, "failed")
    assert result.counts["failed"] == 1


def test_what_run_raises_itself_is_told_after_a_failure_that_it_caught(project):
    run = """from curifactory import CurifactoryError
try:
    work(Record(manager, argsets[0])).state["x"]
except Exception:
    raise CurifactoryError("of run() itself")
"""
    project.write(other(MISSPELT, run))
    result = project.run("other")
    assert result.code == 1 and "error: of run() itself" in result.err


def test_the_folder_of_a_stage_that_was_deleted_is_noticed(project):
    project.ok()
    for path in (project.cache / "stages.chain.score").rglob("*.json"):
        os.utime(path, (1, 1))
    done = project.python(
        "-c", "import shutil; shutil.rmtree('data/cache/stages.chain.score')"
    )
    assert done.code == 0
    assert project.ok().counts["computed"] == 2


def test_files_that_are_no_text_among_the_journals_are_left_alone(project):
    (project.cache / ".runs").mkdir(parents=True)
    (project.cache / ".runs" / ".DS_Store").write_bytes(b"\0\0\1Bud1\xff\xfe\0\n")
    assert project.ok().counts["failed"] == 0


def test_bytes_that_were_damaged_after_their_commit_are_computed_again(project):
    run = (
        "import glob\nfrom stages.chain import fit, load\n"
        "record = load(Record(manager, argsets[0]))\nmanager.compute()\n"
        "for path in glob.glob('data/cache/stages.chain.load/*/data.json'):\n"
        "    open(path, 'w').write('')\n"
        "print('VALUE', 'a', len(fit(record).state['model']))"
    )
    project.write(other("", run, "Args(name='a', seed=1)"))
    assert values(project)[1] == 2
    assert list(project.cache.glob(".quarantine/*")) != []


# What does not cost a result ---------------------------------------------------------


def test_what_cannot_be_shown_says_so_and_costs_no_result(whole):
    stages = """
from curifactory.reporting import JsonReporter, LinePlotReporter


@stage(None, ["out"])
def last(record):
    record.report(LinePlotReporter([1, 2, 3], x=[0, 1], name="loss"))
    record.report(JsonReporter({("knn", 3): 0.9}, name="scores"))
    return 7
"""
    whole.write(other(stages, EACH.format(PRINT)))
    result = whole.ok("other")
    said = "LinePlotReporter loss cannot be shown: ValueError: x has 2 values, and a line 3"
    assert f"last: {said}" in result.err
    shown = (whole.root / "reports" / "latest" / "index.html").read_text()
    assert "x has 2 values, and a line 3" in shown and "(&#39;knn&#39;, 3)" in shown


@pytest.mark.parametrize(
    "answer", ["getattr(self.response, name)", "1 / 0"], ids=["endless", "failing"]
)
def test_an_exception_that_answers_in_its_own_way_fails_its_call_alone(project, answer):
    stages = f"""
class Bad(Exception):
    def __getattr__(self, name):
        return {answer}


@stage(None, ["out"])
def last(record):
    if record.args.seed == 1:
        raise Bad("quota exceeded")
    return 7
"""
    project.write(other(stages, EACH.format("last(Record(manager, args))"), TWO))
    result = project.run("other")
    assert result.code == 1
    assert (result.counts["computed"], result.counts["failed"]) == (1, 1)
    assert "Bad: quota exceeded" in result.err
    assert 'raise Bad("quota exceeded")' in result.err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("sys.exit()", 0),
        ("sys.exit('no')", 1),
        ("sys.exit(3)", 3),
        ("return 5", 0),
        ("raise ValueError", 1),
    ],
)
def test_a_process_that_a_stage_forks_does_not_go_on_with_the_run(project, end, code):
    stages = f"""
import os
import sys


@stage(None, ["out"])
def last(record):
    child = os.fork()
    if child == 0:
        {end}
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) + 10 * record.args.seed
"""
    project.write(other(stages, EACH.format(PRINT), TWO))
    result = project.ok("other")
    assert result.out.count("VALUE") == 2
    assert result.out.count("other-1 done") == 1
    assert values(project)[0] == {"a": str(10 + code), "b": str(20 + code)}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has no groups yet")
def test_what_is_in_a_group_of_exceptions_is_told(project):
    stages = """
def bad():
    raise ValueError("the real cause")


@stage(None, ["out"])
def last(record):
    found = []
    for call in (bad, bad):
        try:
            call()
        except ValueError as error:
            found.append(error)
    raise ExceptionGroup("several", found)
"""
    project.write(other(stages, EACH.format("last(Record(manager, args))")))
    told = project.run("other").err
    assert "ExceptionGroup: several" in told
    assert told.count("one of them:") == told.count("ValueError: the real cause") == 2


def test_of_a_message_as_long_as_data_the_middle_is_left_out(project):
    stages = "@stage(None, ['out'])\ndef last(record):\n"
    stages += "    raise ValueError('begin ' + '1 ' * 500_000 + 'end')\n"
    project.write(other(stages, EACH.format(PRINT)))
    result = project.run("other")
    assert result.code == 1 and len(result.err) < 100_000
    assert "ValueError: begin 1 1" in result.err and "1 1 end" in result.err
    assert "more characters ..." in result.err


def test_the_cause_of_a_failure_is_told(project):
    stages = """
def read(path):
    try:
        return open(path).read()
    except OSError as error:
        raise RuntimeError("cannot load the configuration") from error


@stage(None, ["out"])
def last(record):
    return read("raw/settings.txt")
"""
    project.write(other(stages, EACH.format("last(Record(manager, args))")))
    told = project.run("other").err
    assert "RuntimeError: cannot load the configuration\n" in told
    assert (
        "caused by:" in told and "No such file or directory: 'raw/settings.txt'" in told
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks there")
def test_a_child_that_leaves_the_stage_takes_nothing_of_what_others_tell(project):
    stages = """
import os
import sys


def child(work):
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    os.waitpid(pid, 0)


@stage(None, ["out"])
def last(record):
    child(lambda: open("data/a.csv").read())
    (record.scratch / "half").write_text("")
    child(sys.exit)
    child(lambda: open("data/b.csv").read())
    return 1
"""
    for name in "ab":
        project.write({f"data/{name}.csv": name})
    project.write(other(stages, EACH.format("last(Record(manager, args))")))
    assert project.ok("other").counts["computed"] == 1
    for name in "ab":
        project.write({f"data/{name}.csv": 2 * name})
        assert project.ok("other").counts["computed"] == 1


def test_a_failure_that_is_its_own_cause_is_told_once_or_twice(project):
    stages = """
@stage(None, ["out"])
def last(record):
    try:
        raise ValueError("odd")
    except ValueError as error:
        raise error from error
"""
    project.write(other(stages, EACH.format("last(Record(manager, args))")))
    result = project.run("other")
    assert result.code == 1 and result.counts["failed"] == 1
    assert "ValueError: odd" in result.err


def test_names_of_curifactory_say_what_to_write(project):
    stages = (
        "import curifactory as cf\n\ncf.reporting.TextReporter, cf.caching.JsonCacher\n"
    )
    use = "from curifactory.caching import PandasCsvCacher"
    project.write(other(stages, use))
    result = project.run("other")
    assert result.code == 1
    assert 'there is no PandasCsvCacher here: write PandasCacher("csv")' in result.err
    project.write(other(stages, use.replace("PandasCsv", "RawJupyterNotebook")))
    assert "write PathCacher, and return the file" in project.run("other").err


def test_the_cost_of_edits_adds_up_where_values_are_asked_for_one_by_one(whole):
    stages = """
@stage(None, ["out"])
def last(record):
    return record.args.seed{}
"""
    argsets = ", ".join(f"Args(name='s{i}', seed={i})" for i in range(4))
    whole.write(other(stages.format(""), EACH.format(PRINT), argsets))
    assert values(whole)[1] == 4
    let_it_have_taken(whole, "last", 0.3)
    whole.write({"pyproject.toml": "[tool.curifactory]\nconfirm-above = '0.8 s'\n"})
    whole.write(other(stages.format(" + 1"), EACH.format(PRINT), argsets))
    result = whole.run("other")
    assert result.code == 2 and "edits of code would repeat long work" in result.err
    assert values(whole, "--yes")[1] == 2


class Closed:
    """A stream whose reader has gone."""

    def write(self, text):
        raise BrokenPipeError

    def flush(self):
        raise BrokenPipeError


def test_a_reader_that_has_gone_ends_no_run():
    Progress(stream=Closed()).message("nobody reads this")


def test_tidying_leaves_checkpoints_alone_while_a_run_is_at_work(whole):
    whole.ok()
    kept = whole.cache / ".scratch" / "stages.chain.load-1"
    kept.mkdir(parents=True)
    os.utime(kept, (1, 1))
    run = Peers(whole.cache, print)
    run.take("call")
    assert whole.ok("cache", "gc", "--older-than", "1h") and kept.exists()
    run.close()
    assert whole.ok("cache", "gc", "--older-than", "1h") and not kept.exists()


# Classes of argsets ------------------------------------------------------------------

KINDS = """
import functools
from dataclasses import dataclass
from curifactory import ExperimentArgs


@dataclass
class Ridge(ExperimentArgs):
    alpha: float = 1.0
    SCALE = 10

    def scaled(self):
        return [type(self).SCALE * x for x in range(2)][1]

    def kind(self):
        return type(self).__name__


@dataclass
class Lasso(ExperimentArgs):
    alpha: float = 1.0

    def kind(self):
        return type(self).__name__


@functools.singledispatch
def described(args):
    return "other"


@described.register
def _(args: Ridge):
    return "Ridge"


def matched(args):
    match args:
        case Ridge():
            return "Ridge"
    return "other"


@stage(None, ["out"])
def last(record):
    return {}
"""


@pytest.mark.parametrize(
    "asks",
    [
        "isinstance(record.args, Ridge)",
        "type(record.args).__name__",
        "record.args.__class__.__name__",
        "described(record.args)",
        "matched(record.args)",
        "record.args.kind()",
    ],
)
def test_the_class_of_an_argset_counts_where_it_is_asked_for(project, asks):
    both = "Ridge(name='a'), Lasso(name='b')"
    project.write(other(KINDS.replace("{}", asks, 1), EACH.format(PRINT), both))
    shared, count = values(project)
    assert count == 2
    alone, _ = values(project, "-n", "b", "--overwrite")
    assert shared["b"] == alone["b"] != shared["a"]


COMPARED = """
from dataclasses import dataclass, field
from curifactory import ExperimentArgs


@dataclass
class Tree:
    depth: int = 3


@dataclass
class Forest(Tree):
    count: int = 5


@dataclass
class Both(ExperimentArgs):
    seed: int = 1
    model: Tree = field(default_factory=Tree)
    second: Tree = field(default_factory=Tree)

    def is_tree(self):
        return type(self.model) is Tree


def kind(model):
    cls = type(model)
    return "tree" if cls is Tree else "forest" if cls in (Forest, int) else "none"


NAMED = {Tree: "tree", Forest: "forest"}


def has_type(value, cls):
    return type(value) is cls


@stage(None, ["out"])
def last(record):
    return {}
"""


@pytest.mark.parametrize(
    ("asks", "said"),
    [
        ("NAMED[type(record.args.model)]", ("tree", "forest")),
        (
            "record.args.model.depth == 3 and type(record.args.model) == type(record.args.second)",
            ("True", "False"),
        ),
        ("kind(record.args.model)", ("tree", "forest")),
        ("record.args.is_tree()", ("True", "False")),
        ("record.args.model.__class__ is type(record.args.second)", ("True", "False")),
        ("has_type(record.args.model, Tree)", ("True", "False")),
        (
            "record.args.model.depth == 3 and isinstance(record.args.second, type(record.args.model))",
            ("True", "False"),
        ),
        (
            "[NAMED[each] for each in NAMED if each is type(record.args.model)]",
            ("['tree']", "['forest']"),
        ),
        ("type(record.args.model) is not Tree", ("False", "True")),
        ("Both is type(record.args)", ("True", "True")),
        (
            "record.args.model.depth == 3 and type(record.args.model) is type(record.args.second)",
            ("True", "False"),
        ),
    ],
)
def test_the_type_of_what_is_read_is_the_class_it_is_compared_with(asks, said, project):
    given = "Both(name='a'), Both(name='b', model=Forest())"
    project.write(other(COMPARED.replace("{}", asks), EACH.format(PRINT), given))
    assert values(project)[0] == dict(zip("ab", said, strict=True))


@pytest.mark.parametrize("limit", ["Tree.depth", "Both.seed", "(Tree.depth, 5)[0]"])
def test_of_dataclasses_the_fields_count_where_constants_are_compared(limit, project):
    asks = f"record.args.seed <= {limit} and record.args.model is not None"
    given = "Both(name='a'), Both(name='b', model=Tree(depth=4))"
    project.write(other(COMPARED.replace("{}", asks), EACH.format(PRINT), given))
    assert values(project)[1] == 1


def test_of_dataclasses_the_fields_count_where_a_text_looks_like_a_comparison(project):
    asks = "f'is {record.args.seed}, {record.args.model is not None}'"
    given = "Both(name='a'), Both(name='b', model=Tree(depth=4))"
    project.write(other(COMPARED.replace("{}", asks), EACH.format(PRINT), given))
    assert values(project)[1] == 1


@pytest.mark.parametrize(
    "asks",
    [
        "kind(record.args.seed), type(record.args.model).__name__",
        "type(record.args.seed) is type(None), record.args.model is not None",
    ],
)
def test_of_dataclasses_the_fields_count_where_other_classes_are_compared(
    asks, project
):
    given = "Both(name='a'), Both(name='b', model=Tree(depth=4))"
    text = COMPARED.replace("cls is Tree", "cls is Forest").replace("{}", asks)
    project.write(other(text, EACH.format(PRINT), given))
    assert values(project)[1] == 1


def test_argsets_of_two_classes_share_what_does_not_ask_for_their_class(project):
    both = "Ridge(name='a'), Lasso(name='b')"
    stages = KINDS.replace("{}", "record.args.alpha", 1)
    project.write(other(stages, EACH.format(PRINT), both))
    assert values(project)[1] == 1


def test_reasons_tell_of_the_class_of_an_argset(project):
    text = KINDS.replace("{}", "isinstance(record.args, Ridge)", 1)
    project.write(other(text, EACH.format(PRINT), "Ridge(name='a'), Ridge(name='b')"))
    assert project.ok("other").reasons("last")[1] == "shared with a (reads its class)"
    project.write(other(text, EACH.format(PRINT), "Lasso(name='a')"))
    assert project.ok("other").reasons("last") == ["the class of the argset changed"]


def test_a_constant_that_a_method_uses_within_a_comprehension_counts(project):
    text = KINDS.replace("{}", "record.args.scaled()", 1)
    project.write(other(text, EACH.format(PRINT), "Ridge(name='a')"))
    assert values(project) == ({"a": "10"}, 1)
    project.edit("experiments/other.py", "SCALE = 10", "SCALE = 11")
    assert values(project) == ({"a": "11"}, 1)


def test_a_nested_dataclass_may_have_no_fields(project):
    stages = """
from dataclasses import dataclass, field
from curifactory import ExperimentArgs


@dataclass
class Nothing:
    def kind(self):
        return "none"


@dataclass
class Own(ExperimentArgs):
    reg: Nothing = field(default_factory=Nothing)


@stage(None, ["out"])
def last(record):
    return record.args.reg.kind()
"""
    project.write(other(stages, EACH.format(PRINT), "Own(name='a')"))
    assert values(project) == ({"a": "none"}, 1)
    assert project.ok("map", "other").out.count("reuse") == 2


# Data that has code of the project in it ----------------------------------------------

SAVED = """
import pickle
from pathlib import Path


def _values(record, name):
    with open(name, "rb") as file:
        return pickle.load(file)


@stage(None, ["out"])
def last(record):
    return _values(record, "data/model.pkl").predict(record.args.seed)
"""
MODEL = """
class Model:
    def predict(self, x):
        return x * 10
"""
SAVE = "import pickle, src.kept; pickle.dump(src.kept.Model(), open('data/model.pkl', 'wb'))"


def test_the_class_of_an_object_in_a_data_file_counts(project):
    project.write({"src/kept.py": MODEL, "data/none.txt": ""})
    project.script(SAVE)
    project.write(other(SAVED, EACH.format(PRINT), TWO))
    assert values(project) == ({"a": "10", "b": "20"}, 2)
    assert values(project) == ({"a": "10", "b": "20"}, 0)
    project.edit("src/kept.py", "x * 10", "x * 100")
    assert values(project) == ({"a": "100", "b": "200"}, 2)


@pytest.mark.parametrize("now", ["functools.partial(int)", "len", "1", "None"])
def test_a_class_whose_name_is_that_of_another_thing_by_now_is_none(project, now):
    project.write({"src/kept.py": MODEL, "data/none.txt": ""})
    project.script(SAVE)
    project.write(other(SAVED, EACH.format(PRINT), TWO))
    assert values(project) == ({"a": "10", "b": "20"}, 2)
    project.write({"src/kept.py": f"import functools\nModel = {now}\n"})
    assert "src.kept:Model changed" in project.ok("map", "other").out
    assert project.run("other").code == 1


# Enums --------------------------------------------------------------------------------

ENUM = """
import enum


class Kind(enum.Enum):
    KNN = 1

    def build(self):
        return 10 * self.value
"""
BUILDS = """
from src.kinds import Kind


@stage(None, ["out"])
def last(record):
    return record.args.seed.build() + (record.args.seed is Kind.KNN)
"""


def test_a_new_member_of_an_enum_computes_nothing(project):
    """Its methods count: a stage may call those of the member that it has read."""
    project.write({"src/kinds.py": ENUM})
    project.write(other(BUILDS, EACH.format(PRINT), "Args(name='a', seed=Kind.KNN)"))
    assert values(project) == ({"a": "11"}, 1)
    project.edit("src/kinds.py", "KNN = 1", "SVM = 2\n    KNN = 1")
    assert values(project) == ({"a": "11"}, 0)
    project.edit("src/kinds.py", "10 * self", "20 * self")
    assert values(project) == ({"a": "21"}, 1)


TREE = """
from dataclasses import dataclass, field


@dataclass
class Node:
    weight: int = 3
    left: object = None

    def total(self):
        return self.weight


@dataclass
class Tree(Args):
    root: object = None


@stage(None, ["out"])
def last(record):
    root = record.args.root
    return root.left.total() if root else 0
"""


def test_a_method_of_what_an_argset_does_not_hold_any_more_is_absent(whole):
    whole.write(other(TREE, EACH.format(PRINT), "Tree('a', root=Node(left=Node()))"))
    assert values(whole) == ({"a": "3"}, 1)
    whole.edit("experiments/other.py", "root=Node(left=Node())", "root=None")
    assert values(whole) == ({"a": "0"}, 1)


# Modules that are imported by a name made at run time --------------------------------

MODELS = {
    "src/models/__init__.py": "",
    "src/models/a.py": (
        "from src.scale import scaled\nFACTOR = 1\ndef make(): return scaled() * FACTOR\n"
    ),
    "src/models/b.py": "def make():\n    return 7\n",
    "src/scale.py": "def scaled():\n    return 10\n",
}
BY_NAME = {
    "import_module": "importlib.import_module(f'src.models.{name}').make()",
    "a function of it": "import_module(name='src.models.' + name).make()",
    "a relative name": "importlib.import_module(f'.{name}', 'src.models').make()",
    "a package": "getattr(importlib.import_module('src.models'), name).make()",
    "resolve_name": "pkgutil.resolve_name(f'src.models.{name}:make')()",
    "a cache": "cached(name).make()",
}
BY_PATH = {
    "a path": "by_path(f'src/models/{name}.py').make()",
    "a path, registered": "by_path(f'src/models/{name}.py', sys.modules).make()",
    "its place, found by name": "by_name(f'src.models.{name}').make()",
    "run_path": "runpy.run_path(f'src/models/{name}.py')['make']()",
    "run_module": "runpy.run_module(f'src.models.{name}')['make']()",
}
STAGE = """
import functools, importlib, importlib.util, pkgutil, runpy, sys
from importlib import import_module
import src.models.a, src.models.b


@functools.cache
def cached(name):
    return importlib.import_module(f"src.models.{name}")


def by_name(name):
    return executed(importlib.util.find_spec(name))


def by_path(path, registry=None):
    return executed(importlib.util.spec_from_file_location("model", path), registry)


def executed(spec, registry=None):
    module = importlib.util.module_from_spec(spec)
    if registry is not None:
        registry["model"] = module
    spec.loader.exec_module(module)
    return module


@stage(None, ["out"])
def last(record):
    name = "ab"[record.args.seed - 1]
    return USE
"""


def on_models(project, use, options):
    """Write the stage and run it; return a function that tells of the next run."""
    stages = STAGE.replace("USE", use)
    if "'src.models')" not in use:  # no import that the text tells of
        stages = stages.replace("import src.models.a, src.models.b\n", "")
    project.write({**MODELS, **other(stages, EACH.format(PRINT), TWO)})

    def again():
        found, computed = values(project, *options)
        return found["a"], found["b"], computed

    assert again() == ("10", "7", 2)
    assert again() == ("10", "7", 0)
    return again


@here
@pytest.mark.parametrize(
    "way", [*BY_NAME, *(pytest.param(e, marks=pytest.mark.slow) for e in BY_PATH)]
)
def test_a_module_counts_that_a_stage_finds_at_run_time(whole, options, way):
    again = on_models(whole, {**BY_NAME, **BY_PATH}[way], options)
    alone = 2 if way == "a package" else 1  # of which any module may be asked for
    whole.edit("src/models/a.py", "FACTOR = 1", "FACTOR = 2")
    assert again() == ("20", "7", alone)
    whole.edit("src/models/a.py", "* FACTOR", "* FACTOR + 1")
    assert again() == ("21", "7", alone)
    if way != "a package":
        whole.edit("src/scale.py", "10", "100")
        assert again() == ("201", "7", 1)
    assert again()[2] == 0


@pytest.mark.parametrize("way", BY_NAME)
def test_a_module_found_at_run_time_counts_by_what_it_does(whole, way):
    again = on_models(whole, BY_NAME[way], [])
    whole.edit("src/models/a.py", "FACTOR = 1", "FACTOR = 1  # the factor")
    assert again() == ("10", "7", 0)
    result = whole.ok("explain", "other")
    assert "import_module" not in result.out


IMPORTED_BEFORE = """
from importlib import import_module
import src.models.a
from curifactory import ArtifactManager, Record, stage
from params import Args

@stage(None, ["out"])
def last(record):
    return import_module("src.models." + "a").make()

print(last(Record(ArtifactManager("other"), Args("a"))).state["out"])
"""


def test_a_module_counts_that_a_script_finds_which_knew_how_before_the_runner(project):
    project.write(MODELS)
    assert project.script(IMPORTED_BEFORE).out == "10\n"
    project.edit("src/models/a.py", "FACTOR = 1", "FACTOR = 2")
    assert project.script(IMPORTED_BEFORE).out == "20\n"


def test_a_module_found_at_run_time_that_cannot_be_imported_fails_its_own_call(whole):
    again = on_models(whole, BY_NAME["import_module"], [])
    whole.edit("src/models/b.py", "return", "retrun")
    result = whole.run("other", "--quiet")
    assert result.code == 1
    assert result.counts == {"computed": 0, "reused": 1, "skipped": 0, "failed": 1}
    whole.edit("src/models/b.py", "retrun", "return")
    assert again() == ("10", "7", 0)


LAZY_PACKAGE = """
import importlib


def __getattr__(name):
    return importlib.import_module(f".{name}", __name__)
"""


def test_a_package_that_imports_whatever_it_is_asked_for_is_followed(project):
    stages = """
import src.lazy as lazy


@stage(None, ["out"])
def last(record):
    return lazy.metrics.one()
"""
    project.write({"src/lazy/__init__.py": LAZY_PACKAGE})
    project.write({"src/lazy/metrics.py": "def one():\n    return 1\n"})
    project.write(other(stages, EACH.format(PRINT)))
    assert values(project) == ({"a": "1"}, 1)
    project.edit("src/lazy/metrics.py", "return 1", "return 2")
    assert values(project) == ({"a": "2"}, 1)


COMPILED = """
#include <Python.h>
int number(void) { return %d; }
static PyObject *f(PyObject *self, PyObject *no) { return PyLong_FromLong(%d); }
static PyMethodDef methods[] = {{"f", f, METH_NOARGS, ""}, {0}};
static struct PyModuleDef made = {PyModuleDef_HEAD_INIT, "fast", 0, -1, methods};
PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&made); }
"""
HEADERS = Path(sysconfig.get_path("include"), "Python.h")
CAN_COMPILE = shutil.which("cc") is not None and HEADERS.exists()


@pytest.mark.skipif(not CAN_COMPILE, reason="needs a C compiler, and Python.h")
@pytest.mark.parametrize(
    "uses",
    [
        "import ctypes\nlast_of = lambda: ctypes.CDLL('src/fast.so').number()",
        "import ctypes\nlib = ctypes.CDLL('src/fast.so')\nlast_of = lambda: lib.number()",
        "from src import fast\nlast_of = lambda: fast.f()",
        "from src.fast import f\nlast_of = lambda: f()",
        "def last_of():\n    from src.fast import f\n    return f()",
    ],
)
def test_compiled_code_of_the_project_counts(project, uses):
    stages = f"\n{uses}\n\n\n@stage(None, ['out'])\ndef last(record):\n    return last_of()\n"
    project.write(other(stages, EACH.format(PRINT)))
    for number, computed in (1, 1), (1, 0), (2, 1):
        source = project.root / "fast.c"
        source.write_text(COMPILED.replace("%d", str(number)))
        target = project.root / "src" / "fast.so"
        command = [
            "cc",
            "-shared",
            "-fPIC",
            f"-I{HEADERS.parent}",
            "-o",
            target,
            source,
        ]
        subprocess.run(command, check=True)
        assert values(project) == ({"a": str(number)}, computed)


# Names of what argsets hold ----------------------------------------------------------

NAMED = """
import json
from dataclasses import asdict

def relu(x):
    return max(0, x)

def ramp(x):
    return max(0, x)

@stage(None, ["out"]{})
def last(record):
    return {}
"""
BOTH = "Args('a', items=[relu]), Args('b', items=[ramp]), Args('c', items=[1])"
ASKS = {
    "of a field": "getattr(record.args.items[0], '__name__', '-')",
    "of all": "getattr(asdict(record.args)['items'][0], '__name__', '-')",
    "of a copy": "getattr(record.args.copy().items[0], '__qualname__', '-')",
}
WITH_RULES = ", reads='all'", ", reads=['items']"


@here
@pytest.mark.parametrize(
    ("name", "declared"),
    [*((name, "") for name in ASKS), *(("of a field", each) for each in WITH_RULES)],
)
def test_names_of_functions_in_argsets_count_where_code_asks_for_them(
    whole, options, name, declared
):
    text = NAMED.format(declared, ASKS[name])
    whole.write(other(text, EACH.format(PRINT), BOTH))
    found, computed = values(whole, *options)
    assert found == {"a": "relu", "b": "ramp", "c": "-"} and computed == 3
    assert values(whole, *options) == (found, 0)
    whole.edit("experiments/other.py", "def ramp", "def slope")
    whole.edit("experiments/other.py", "[ramp]", "[slope]")
    found, computed = values(whole, *options)
    assert found["b"] == "slope" and computed >= 1


def test_names_of_functions_in_argsets_do_not_count_elsewhere(whole):
    whole.write(other(NAMED.format("", "record.args.items[0](-1)"), EACH.format(PRINT),
        "Args('a', items=[relu]), Args('b', items=[ramp])"))  # fmt: skip
    assert values(whole) == ({"a": "0", "b": "0"}, 1)
    whole.edit("experiments/other.py", "def ramp", "def slope")
    whole.edit("experiments/other.py", "[ramp]", "[slope]")
    assert values(whole) == ({"a": "0", "b": "0"}, 0)


ASKED_ELSEWHERE = """
from dataclasses import dataclass, field

def relu(x):
    return max(0, x)

class Model:
    pass

class Net(Model):
    pass

class Formatter:
    def __call__(self, model):
        return type(model).__name__

def named(function):
    return function.__name__

@dataclass
class Titled(Args):
    act: object = relu
    net: object = Net
    show: object = field(default_factory=Formatter)
    name_of: object = named

    @property
    def title(self):
        return self.act.__name__

    def head(self, model):
        return model.__class__.__qualname__

@stage(None, ["formatter"])
def make(record):
    return Formatter()

@stage(["formatter"], ["out"])
def last(record, formatter, given=None):
    return {}
"""
ASKED = {
    "by a property": ("record.args.title", "relu"),
    "by a method": ("record.args.head(Model())", "Model"),
    "by an object in a field": ("record.args.show(Model())", "Model"),
    "by a function in a field": ("record.args.name_of(relu)", "relu"),
    "by a function in a field of another": (
        "record.args.name_of(record.args.act)",
        "relu",
    ),
    "by an input": ("formatter(Model())", "Model"),
    "of a keyword": ("given.__name__", "relu"),
    "of what a class in a field extends": (
        "record.args.net.__mro__[1].__name__",
        "Model",
    ),
}


@here
@pytest.mark.parametrize("use", ASKED)
def test_names_count_where_code_that_comes_with_values_asks_for_them(
    whole, options, use
):
    asked, name = ASKED[use]
    shown = PRINT.replace(
        "Record(manager, args)", "make(Record(manager, args)), given=relu"
    )
    whole.write(other(ASKED_ELSEWHERE.format(asked), EACH.format(shown), "Titled('a')"))
    assert values(whole, *options)[0] == {"a": name}
    assert values(whole, *options) == ({"a": name}, 0)
    path = whole.root / "experiments/other.py"
    path.write_text(re.sub(rf"\b{name}\b", "another", path.read_text()))
    assert values(whole, *options)[0] == {"a": "another"}


NAMELESS = """
_texts = {{}}

def kept(path):
    if path not in _texts:
        _texts[path] = open(path).read()
    return _texts[path]

def scaled(factor):
    def scale(x):
        return x * factor
    return scale

class Plain(Args):
    pass

@stage(None, ["out"])
def last(record):
    return {}
"""
ASKED_BY_NAMELESS = {
    "files": ("record.args.items[0]()", "lambda: kept('raw/t.txt')", "one"),
    "names": ("record.args.items[0].__name__", "scaled(2)", "scale"),
    "classes": (
        "record.args.items[0](record.args)",
        "lambda args: type(args).__name__",
        "Plain",
    ),
}


@here
@pytest.mark.parametrize("use", ASKED_BY_NAMELESS)
def test_what_functions_without_a_name_ask_for_counts_wherever_they_are_called(
    whole, options, use
):
    asked, given, said = ASKED_BY_NAMELESS[use]
    argsets = ", ".join(f"Plain('a{i}', {i}, items=[{given}])" for i in range(6))
    text = NAMELESS.format(asked + " + str(record.args.seed)")
    run = "\n".join(
        [
            "made = [last(Record(manager, args)) for args in argsets]",
            "manager.compute(*made)",
            "for r in made: print('VALUE', r.args.name, r.state['out'])",
        ]
    )
    whole.write({"raw/t.txt": "one", **other(text, run, argsets)})
    expected = {f"a{i}": f"{said}{i}" for i in range(6)}
    assert values(whole, *options) == (expected, 6)
    assert values(whole, *options) == (expected, 0)
    whole.write({"raw/t.txt": "two"})
    path = whole.root / "experiments/other.py"
    path.write_text(re.sub(rf"\b{said}\b", "two", path.read_text()))
    expected = {f"a{i}": f"two{i}" for i in range(6)}
    assert values(whole, *options) == (expected, 6)


GAINED = """
from dataclasses import dataclass

def step(args):
    return getattr(args, "momentum", 0)

class Optimizer:
    def step(self, args):
        try:
            return args.momentum
        except AttributeError:
            return 0

@dataclass
class Trained(Args):
    first: int = 1
    function: object = None
    optimizer: object = None

@stage(None, ["made"]{0})
def make(record):
    return {2}

@stage(["made"], ["out"])
def last(record, made, given=None):
    record.args.first
    return {1}
"""
GAIN = {
    "a function in a field": "record.args.function(record.args)",
    "an object in a field": "record.args.optimizer.step(record.args)",
    "an input": "made.step(record.args)",
    "a keyword": "given(record.args)",
}


@here
@pytest.mark.parametrize("cachers", ["", ", None"])
@pytest.mark.parametrize("use", GAIN)
def test_a_field_counts_that_code_which_comes_with_values_has_missed(
    whole, options, use, cachers
):
    shown = PRINT.replace(
        "Record(manager, args)", "make(Record(manager, args)), given=step"
    )
    argset = "Trained('a', function=step, optimizer=Optimizer())"
    made = "Optimizer()" if use == "an input" else "0"
    text = GAINED.format(cachers, GAIN[use], made)
    whole.write(other(text, EACH.format(shown), argset))
    assert values(whole, *options)[0] == {"a": "0"}
    whole.edit(
        "experiments/other.py", "first: int = 1", "first: int = 1\n    more: int = 7"
    )
    assert values(whole, *options) == ({"a": "0"}, 0)
    whole.edit("experiments/other.py", "more: int", "momentum: int")
    assert values(whole, *options)[0] == {"a": "7"}


KIND = """
@dataclass
class Special(Trained):
    pass

def is_special(args):
    return isinstance(args, Special)

class Asking:
    def ask(self, args):
        return is_special(args)
"""
WAYS_TO_ASK = {
    "a function in a field": "record.args.function(record.args)",
    "an object in a field": "record.args.optimizer.ask(record.args)",
    "an input": "made.ask(record.args)",
    "a keyword": "given(record.args)",
}


@here
@pytest.mark.parametrize("use", WAYS_TO_ASK)
def test_the_class_of_an_argset_counts_where_code_that_comes_with_values_asks_for_it(
    whole, options, use
):
    shown = PRINT.replace(
        "Record(manager, args)", "make(Record(manager, args)), given=is_special"
    )
    made = "Asking()" if use == "an input" else "0"
    text = GAINED.format("", WAYS_TO_ASK[use], made) + KIND
    argset = "Trained('a', function=is_special, optimizer=Asking())"
    whole.write(other(text, EACH.format(shown), argset))
    assert values(whole, *options)[0] == {"a": "False"}
    whole.edit("experiments/other.py", "[Trained(", "[Special(")
    assert values(whole, *options)[0] == {"a": "True"}


# Places outside the project ----------------------------------------------------------

FOLDER = """
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Placed(Args):
    folder: str = "../disk"


@stage({inputs}, ["out"])
def last(record{given}):
    return (Path({folder}) / "x.txt").read_text()
"""


@here
@pytest.mark.parametrize(
    ("inputs", "given", "folder", "run"),
    [
        ("None", "", "record.args.folder", PRINT),
        ("None", ", folder", "folder", PRINT.replace("))", "), folder='../disk')", 1)),
        (
            "['folder']",
            ", folder",
            "folder",
            PRINT.replace(
                "r = last(Record(manager, args))",
                "r = Record(manager, args); r.state['folder'] = '../disk'; last(r)",
            ),
        ),
    ],
    ids=["field", "keyword", "state"],
)
def test_files_in_a_folder_elsewhere_count_where_a_value_names_it(
    whole, options, inputs, given, folder, run
):
    disk = whole.root.parent / "disk"
    disk.mkdir()
    (disk / "x.txt").write_text("one")
    stages = FOLDER.format(inputs=inputs, given=given, folder=folder)
    whole.write(other(stages, EACH.format(run), "Placed('a')"))
    assert values(whole, *options) == ({"a": "one"}, 1)
    assert values(whole, *options) == ({"a": "one"}, 0)
    (disk / "x.txt").write_text("two")
    assert values(whole, *options) == ({"a": "two"}, 1)
    assert str(disk / "x.txt") in whole.ok("explain", "other").out


GATHERED = """
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Placed(Args):
    folder: str = "../disk"


@stage(None, ["out"])
def last(record):
    folder = Path(record.args.folder)
    found = [each.read_text() for each in folder.glob("*/result.txt")]
    os.makedirs(folder / record.args.name, exist_ok=True)
    (folder / record.args.name / "result.txt").write_text("mine")
    return len(found)
"""


def test_what_a_call_makes_in_a_folder_elsewhere_is_no_change_by_others(whole):
    (whole.root.parent / "disk" / "before").mkdir(parents=True)
    (whole.root.parent / "disk" / "before" / "result.txt").write_text("one")
    whole.write(other(GATHERED, EACH.format(PRINT), "Placed('a')"))
    assert "changed while" not in whole.ok("other").err


@pytest.mark.parametrize(("count", "computed"), [(10, 1), (200, 0)])
def test_a_few_values_within_what_is_given_by_hand_may_name_files(
    project, count, computed
):
    stages = """
@stage(None, ["out"])
def last(record, given):
    return open(given["all"][0]).read() if given["all"][1] == "read" else ""
"""
    run = f"""for args in argsets:
    names = ["../x.txt", "kept", *map(str, range({count}))]
    last(Record(manager, args), given={{"all": names}})"""
    place = project.root.parent / "x.txt"
    place.write_text("one")
    project.write(other(stages, run))
    assert project.ok("other").counts["computed"] == 1
    place.write_text("two")
    assert project.ok("other").counts["computed"] == computed


REMEMBERED = """
from dataclasses import dataclass
from functools import lru_cache

TABLE = {}


@dataclass
class Placed(Args):
    folder: str = "../disk"


@lru_cache
def cached(path):
    return open(path).read()


def kept(path):
    return TABLE.setdefault(path, TABLE.get(path) or open(path).read())


@stage(None, ["out"])
def early(record):
    return FUNCTION("../disk/x.txt")


@stage(None, ["out"])
def last(record):
    return FUNCTION(f"{record.args.folder}/x.txt")
"""


@pytest.mark.parametrize("function", ["cached", "kept"])
@pytest.mark.parametrize(
    "before",
    [
        "r = last(r); FUNCTION('../disk/x.txt')",
        "early(Record(manager, None)); manager.compute(); last(r)",
    ],
    ids=["run", "a stage that names nothing"],
)
def test_files_elsewhere_count_that_others_have_read_into_memory(
    project, before, function
):
    disk = project.root.parent / "disk"
    disk.mkdir()
    (disk / "x.txt").write_text("one")
    run = PRINT.replace(
        "r = last(Record(manager, args))", f"r = Record(manager, args); {before}"
    )
    text = other(REMEMBERED, EACH.format(run), "Placed('a')")["experiments/other.py"]
    project.write({"experiments/other.py": text.replace("FUNCTION", function)})
    elsewhere = {"TMPDIR": str(project.root.parent / "tmp")}
    os.mkdir(elsewhere["TMPDIR"])
    assert values(project, **elsewhere)[0] == {"a": "one"}
    assert values(project, **elsewhere) == ({"a": "one"}, 0)
    (disk / "x.txt").write_text("two")
    assert values(project, **elsewhere) == ({"a": "two"}, 1)


MANY = """
import subprocess
import sys


@stage(None, ["out"])
def last(record):
    for each in record.args.items:
        text = open(each + "/x.txt").read()
    return subprocess.run([sys.executable, "-c", "print('hi')"], capture_output=True).returncode
"""


@pytest.mark.slow
def test_programs_start_where_a_field_names_very_many_folders_elsewhere(whole):
    names = [whole.root.parent / "disk" / f"{number:0100}" for number in range(1500)]
    for each in names:
        each.mkdir(parents=True)
        (each / "x.txt").write_text("one")
    argsets = f"Args('a', items=[f'{names[0].parent}/{{n:0100}}' for n in range(1500)])"
    whole.write(other(MANY, EACH.format(PRINT), argsets))
    assert values(whole) == ({"a": "0"}, 1)
    (names[-1] / "x.txt").write_text("two")
    assert values(whole) == ({"a": "0"}, 1)


NEARBY = """
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Placed(Args):
    file: str = "../link.txt"


@stage(None, ["text"])
def first(record):
    return Path(record.args.file).resolve().read_text()


@stage(["text"], ["out"])
def last(record, text):
    return text
"""


def test_no_run_tells_of_its_cache_or_of_files_that_are_named_by_a_link(whole):
    (whole.root.parent / "x.txt").write_text("one")
    (whole.root.parent / "link.txt").symlink_to("x.txt")
    run = PRINT.replace(
        "last(Record(manager, args))", "last(first(Record(manager, args)))"
    )
    whole.write(other(NEARBY, EACH.format(run), "Placed('a')"))
    whole.write({"pyproject.toml": "[tool.curifactory]\ncache = '../cache'\n"})
    elsewhere = {"TMPDIR": str(whole.root.parent / "tmp")}
    os.mkdir(elsewhere["TMPDIR"])
    result = whole.ok("other", **elsewhere)
    assert result.counts["computed"] == 2 and "does not count" not in result.err


BEYOND = """
import os
from pathlib import Path


@stage(None, ["out"]{rules})
def last(record):
    record.args.seed
    Path("{disk}/own.part").write_text("own")
    os.replace("{disk}/own.part", "{disk}/own.txt")
    return Path("{disk}/own.txt").read_text() + Path("{disk}/x.txt").read_text()
"""


@here
@pytest.mark.parametrize("rules", ["", ", files=['{disk}/x.txt']"])
def test_a_file_elsewhere_that_nothing_names_is_told_once(whole, options, rules):
    disk = whole.root.parent / "disk"
    disk.mkdir()
    (disk / "x.txt").write_text("one")
    rules = rules.format(disk=disk)
    whole.write(
        other(BEYOND.format(rules=rules, disk=disk), EACH.format(PRINT), f"{TWO}")
    )
    elsewhere = {"TMPDIR": str(whole.root.parent / "tmp")}
    os.mkdir(elsewhere["TMPDIR"])
    result = whole.ok("other", *options, **elsewhere)
    said = f"last reads {disk}/x.txt, which does not count: it lies outside the project"
    assert result.err.count(said) == (0 if rules else 1), result
    assert result.counts["computed"] == 2 and disk.name + "/own" not in result.err


UNHEARD = """
import h5py


@stage(None, ["out"]{rules})
def last(record):
    record.args.seed
    return h5py.File({path})
"""


@pytest.mark.parametrize(
    ("path", "rules", "is_told"),
    [
        ("'x.h5'", "", True),
        ("record.args.path", "", False),
        ("record.args.items[1:] or 'x.h5'", "", True),  # a folder, and no file
        ("'x.h5'", ", files=['x.h5']", False),
    ],
)
def test_a_reader_whose_files_nobody_hears_of_is_told_once(whole, path, rules, is_told):
    elsewhere = {"PYTHONPATH": f"{whole.root.parent / 'site'}{os.pathsep}{whole.home}"}
    vendor = (
        "import os\n\n\nclass File:\n    __new__ = lambda cls, p: os.stat(p).st_size"
    )
    argsets = TWO.replace("seed=", "path='x.h5', items=['~'], seed=")
    whole.write(
        {
            "../site/h5py.py": vendor,
            "x.h5": "one",
            **other(
                UNHEARD.format(path=path, rules=rules), EACH.format(PRINT), argsets
            ),
        }
    )
    result = whole.ok("other", **elsewhere)
    said = "last uses h5py.File: no file that this reads counts; let a field name it"
    assert result.err.count(said) == is_told, result
    assert result.counts["computed"] == 2


REFERENCE = """
from pathlib import Path
from curifactory.caching import FileReferenceCacher


@stage(None, ["place"], [FileReferenceCacher])
def make(record):
    Path("{place}").write_text("one")
    return "{place}"


@stage(["place"], ["out"])
def last(record, place):
    return Path(place).read_text()
"""


def test_a_file_elsewhere_that_is_referred_to_counts_and_is_not_told(whole):
    elsewhere = {"TMPDIR": str(whole.root.parent / "tmp")}
    os.mkdir(elsewhere["TMPDIR"])
    run = PRINT.replace(
        "last(Record(manager, args))", "last(make(Record(manager, args)))"
    )
    stages = REFERENCE.format(place=whole.root.parent / "x.txt")
    whole.write(other(stages, EACH.format(run)))
    assert "does not count" not in whole.ok("other", **elsewhere).err


# What run() sets anew -----------------------------------------------------------------

LATE = """
from dataclasses import dataclass
from functools import partial, wraps


def tenfold(x):
    return 10 * x


def over(table):
    return lambda x: x * table["k"]


class Holder:
    def __init__(self, function):
        self.function = function

    def __call__(self, x):
        return self.function(x)


@dataclass
class Acting(Args):
    act: object = None


@stage(["x"], ["out"])
def last(record, x, fn):
    return fn(x)


@stage(["x", "fn"], ["out"])
def taken(record, x, fn):
    return fn(x)


@stage(["x"], ["out"])
def first(record, x, fns):
    return fns["all"][0](x)


@stage(["x"], ["out"])
def acting(record, x):
    return record.args.act(x)


@aggregate(None, ["out"])
def gathered(record, records):
    return record.args.act(10)


@aggregate(None, ["out"])
def joined(record, records, fn):
    return fn(10)
"""
WAYS = {
    "a lambda": "last(r, fn=lambda x: x * k)",
    "a function over a dictionary": "d['k'] = k; last(r, fn=scale)",
    "a function that knows itself": "last(r, fn=again)",
    "a wrapped function": "last(r, fn=wraps(tenfold)(lambda x: tenfold(x) * k // 10))",
    "a default": "last(r, fn=lambda x, scale=lambda x: x * k: scale(x))",
    "in state": "r.state['fn'] = lambda x: x * k; taken(r)",
    "a partial": "last(r, fn=partial(lambda y, x: x * k + y, 0))",
    "in a dictionary": "first(r, fns={'all': [lambda x: x * k]})",
    "in an object": "last(r, fn=Holder(lambda x: x * k))",
    "in an argset": (
        "r = Record(manager, args.copy(name=f'n{k}', act=lambda x: x * k)); "
        "r.state['x'] = 10; acting(r)"
    ),
    "a class": "last(r, fn=Times())",
    "functions that find each other": "d['k'] = k; last(r, fn=found['one'])",
    "of a function within": "last(r, fn=within())",
    "of a comprehension": "last(r, fn=[lambda x: x * k for _ in 'a'][0])",
    "of a generator": "last(r, fn=next(one_by_one))",
    "of a function elsewhere": "d['k'] = k; last(r, fn=over(d))",
    "over one dictionary": "d['k'] = k; last(r, fn=lambda x: x * d['k'])",
    "a default that changes": "d['k'] = k; last(r, fn=lambda x, d=d: x * d['k'])",
    "in state, before a change": (
        "now, k = k, 7; r.state['fn'] = lambda x: x * k; k = now; taken(r)"
    ),
    "in the argset of an aggregate": (
        "r = Record(manager, args.copy(name=f'n{k}', act=lambda x: x * k)); "
        "gathered(r, [])"
    ),
    "in an aggregate of nothing": "joined(r, [], fn=lambda x: x * k)",
    "a stage": "stage(['x'], ['out'])(local)(r)",
    "a stage over a dictionary": "d['k'] = k; stored(r)",
}


TWO_AT_A_TIME = [
    pytest.param(way, ["-j", "2"], marks=pytest.mark.slow, id=f"{way}-processes")
    for way in WAYS
    if "stage" not in way  # workers cannot import it, which is said
]


@pytest.mark.parametrize(
    ("way", "options"), [*((way, []) for way in WAYS), *TWO_AT_A_TIME]
)
def test_functions_of_run_are_what_they_were_when_they_were_given(whole, way, options):
    run = f"""(args,) = argsets
d = {{}}
def scale(x):
    return x * d["k"]
def again(x, left=1):
    return again(x, left - 1) if left else x * k
def local(record, x):
    return x * helper()
def helper():
    return k
@stage(["x"], ["out"])
def stored(record, x):
    return x * d["k"]
class Times:
    def __call__(self, x):
        return x * k
def within():
    return lambda x: x * k
def each():
    while True:
        j = k
        yield lambda x: x * j
one_by_one = each()
found = {{}}
found["one"] = lambda x: found["other"](x)
found["other"] = lambda x: x * d["k"] if x else found["one"](x)
made = []
for k in (2, 3):
    r = Record(manager, args)
    r.state["x"] = 10
    {WAYS[way]}
    made.append(r)
k = d["k"] = 100
for given, r in zip((2, 3), made):
    print("VALUE", given, r.state["out"])"""
    whole.write(other(LATE, run, "Acting('a')"))
    assert values(whole, *options) == ({"2": "20", "3": "30"}, 2)
    whole.edit("experiments/other.py", "for k in (2, 3):", "for k in (3, 2, 4):")
    whole.edit("experiments/other.py", "zip((2, 3), made)", "zip((3, 2, 4), made)")
    assert values(whole, *options) == ({"3": "30", "2": "20", "4": "40"}, 1)


def test_data_is_made_again_by_functions_that_find_the_same_or_not_at_all(whole):
    stages = LATE + """
@stage(["x"], ["passed"], None)
def passing(record, x, fn):
    return fn(x)


@stage(["passed"], ["out"])
def use(record, passed):
    return passed + 0
"""
    run = """(args,) = argsets
made = []
for k in (2, 3):
    r = Record(manager, args)
    r.state["x"] = 10
    made.append(use(passing(r, fn=lambda x: x * k)))
manager.compute(*made)
for r in made:
    print("VALUE", r.state["out"], 1)"""
    whole.write(other(stages, run))
    assert values(whole) == ({"20": "1", "30": "1"}, 4)
    whole.edit("experiments/other.py", "passed + 0", "passed + 100")
    result = whole.run("other")
    assert result.code == 1 and "--overwrite-stage passing" in result.err + result.out
    assert result.counts == {
        "computed": 2,
        "reused": 0,
        "skipped": 1,
        "failed": 1,
    }, result
    given = ("--overwrite-stage", "passing")
    assert values(whole, *given) == ({"120": "1", "130": "1"}, 3)


SETTLED = """
import enum
from functools import cache
from pathlib import Path

class Kind(enum.Enum):
    MEAN = 1

@cache
def half(x):
    return x / 2

def over(value):
    return lambda: str(value)

@stage(None, ["out"])
def last(record, fn):
    Path("begun").touch()
    return fn()
"""


@pytest.mark.parametrize(
    ("value", "is_at_once"),
    [("Kind.MEAN", False), ("half", False), ("last", False), ("[1]", True)],
)
def test_calls_wait_whose_functions_are_over_what_nobody_changes(
    whole, value, is_at_once
):
    run = f"""last(Record(manager, argsets[0]), fn=over({value}))
print("VALUE", "begun", Path("begun").exists())"""
    whole.write(other(SETTLED, run))
    assert values(whole) == ({"begun": str(is_at_once)}, 1)


# Imported within a function -----------------------------------------------------------


@pytest.mark.parametrize("place", ["stage", "helper", "branches"])
def test_files_behind_a_constant_count_that_is_imported_within_a_function(whole, place):
    settings = """
import threading


class Settings:
    def __init__(self):
        self.lock = threading.Lock()
        self.text = open("raw/t.txt").read()


SETTINGS = Settings()
"""
    within = "from src.config import SETTINGS\n    return SETTINGS.text"
    used = {
        "stage": f"\n    {within}",
        "helper": "\n    return text()",
        "branches": """
    if record.args.seed < 100:
        from src.config import SETTINGS
    else:
        from src.another import SETTINGS
    return SETTINGS.text""",
    }[place]
    stages = f"""
def text():
    {within}


@stage(None, ["out"])
def last(record):{used}
"""
    another = settings.replace("t.txt", "u.txt")
    whole.write({"raw/t.txt": "one", "src/config.py": settings})
    whole.write({"raw/u.txt": "one", "src/another.py": another})
    whole.write(other(stages, EACH.format(PRINT)))
    assert values(whole) == ({"a": "one"}, 1)
    assert values(whole) == ({"a": "one"}, 0)
    whole.write({"raw/t.txt": "two"})
    assert values(whole) == ({"a": "two"}, 1)
