"""Functions that keep their results: what they read for one call counts for the others."""

import functools
import sqlite3
import threading
import time

import pytest
from on_engines import EACH

from curifactory import memoized

ENGINES = ["serial", pytest.param("processes", marks=pytest.mark.slow)]
here = pytest.mark.parametrize("on", ENGINES, indirect=True)

LOADERS = '''
"""Loads data, once for each process."""

import configparser
import functools
import linecache
import time
from pathlib import Path


@functools.lru_cache
def table():
    return Path("inputs/table.txt").read_text().strip()


def line():
    return linecache.getline("inputs/table.txt", 1).strip()


@functools.cache
def longer():
    return table() + "!"


@functools.cache
def listing():
    return ",".join(sorted(each.name for each in Path("inputs").glob("*.txt")))


class Loader:
    @staticmethod
    @functools.cache
    def static():
        return table()

    @classmethod
    @functools.cache
    def of_class(cls):
        return Path("inputs/table.txt").read_text().strip()

    @functools.lru_cache(maxsize=8)
    def method(self, name):
        return Path("inputs", name).read_text().strip()


LOADER = Loader()
class Lazy:
    text = None

    def get(self):
        if self.text is None:
            self.text = Path("inputs/table.txt").read_text().strip()
        return self.text

    @functools.cached_property
    def lazy(self):
        return Path("inputs/table.txt").read_text().strip()


LAZY = Lazy()
FILES = {}
TEXT = None
CALLS = 0


@functools.lru_cache
def counted():
    global CALLS
    CALLS += 1
    return Path("inputs/table.txt").read_text().strip()


def made(path):
    @functools.cache
    def load():
        return Path(path).read_text().strip()

    return load


FIRST, SECOND = made("inputs/table.txt"), made("inputs/table.txt")


def kept(name):
    if name not in FILES:
        FILES[name] = Path("inputs", name).read_text().strip()
    return FILES[name]


def once():
    global TEXT
    if TEXT is None:
        TEXT = Path("inputs/table.txt").read_text().strip()
    return TEXT


def through():
    return FILES.setdefault("through", table())


def aliased():
    table = ALIASED
    if not table:
        table["text"] = Path("inputs/table.txt").read_text().strip()
    return table["text"]


def put():
    if STORE.value is None:
        STORE.put(Path("inputs/table.txt").read_text().strip())
    return STORE.value


def defaulted(name, kept={}):
    if name not in kept:
        kept[name] = Path("inputs", name).read_text().strip()
    return kept[name]


class Store:
    value = None

    def put(self, value):
        self.value = value


ALIASED, STORE = {}, Store()


class Shared:
    text = None
    table = {}

    @classmethod
    def of_class(cls):
        if cls.text is None:
            cls.text = Path("inputs/table.txt").read_text().strip()
        return cls.text

    def of_all(self):
        if "text" not in self.table:
            self.table["text"] = Path("inputs/table.txt").read_text().strip()
        return self.table["text"]


class Alone:
    one = None

    def __new__(cls):
        if cls.one is None:
            cls.one = super().__new__(cls)
            cls.one.text = Path("inputs/table.txt").read_text().strip()
        return cls.one


@functools.cache
def factory():
    return Lazy()


OBJECTS = {"a": Lazy()}
CONFIG = configparser.ConfigParser()


def config():
    if not CONFIG.sections():
        CONFIG.read("inputs/settings.ini")
    return CONFIG["a"]["b"]


TIMES = {}


def timed(function):
    @functools.wraps(function)
    def wrapper(*given):
        began = time.time()
        result = function(*given)
        TIMES[function.__name__] = time.time() - began
        return result

    return wrapper


def remembered(function):
    kept = {}

    @functools.wraps(function)
    def wrapper(*given):
        if given not in kept:
            kept[given] = function(*given)
        return kept[given]

    return wrapper


@timed
def slow(name):
    return Path("inputs", name).read_text().strip()


@remembered
def one():
    return Path("inputs/1.csv").read_text().strip()


@remembered
def two():
    return Path("inputs/2.csv").read_text().strip()
'''
FOUR = "[Args(name=f'n{i}', seed=i) for i in range(4)]"
USES = {
    "a function": "table()",
    "one that uses another": "longer()",
    "one that lists a folder": "listing()",
    "a static method": "Loader.static()",
    "a class method": "Loader.of_class()",
    "a method": "LOADER.method('table.txt')",
    "one that is made": "FIRST()",
    "another one with the same code": "SECOND()",
    "one that keeps something besides": "counted()",
    "an object": "LAZY.get()",
    "a property of an object": "LAZY.lazy",
    "a table": "kept('table.txt')",
    "a global": "once()",
    "a table of what another keeps": "through()",
    "a table by another name": "aliased()",
    "an object that is given it": "put()",
    "a default": "defaulted('table.txt')",
    "a class": "Shared.of_class()",
    "a table of a class": "Shared().of_all()",
    "the only object of a class": "Alone().text",
    "an object that a function keeps": "factory().get()",
    "an object in a table": "OBJECTS['a'].lazy",
    "an object of others": "config()",
    "the lines that Python keeps": "line()",
}


STAGE = """
@stage(None, ["x{0}"], [JsonCacher])
def look{0}(record):
    {1}
    note(record.args.seed)
    return f"{{record.args.seed}} {{{2}}}"
"""


def study(on, *uses, first="pass", argsets=FOUR, after=""):
    """Write an experiment with a stage for each use of what is kept."""
    names = ", ".join(
        "FILES FIRST LAZY LOADER OBJECTS SECOND Alone Loader Shared aliased config counted "
        "defaulted factory kept line listing longer once one put slow table through two".split()
    )
    stages = [STAGE.format(index, first, use) for index, use in enumerate(uses)]
    calls = "\n".join(EACH.format(f"look{index}") for index in range(len(uses)))
    on.write({"src/loaders.py": LOADERS, "inputs/table.txt": "old"})
    on.write({"inputs/settings.ini": "[a]\nb=old"})
    on.study(
        f"from src.loaders import {names}\n" + "".join(stages), calls + after, argsets
    )


def computed_again(on):
    """Run with a file for each argset; return what is computed after an edit of one."""
    on.write({f"inputs/{number}.csv": "1" for number in range(4)})
    on.ok("other")
    on.write({"inputs/0.csv": "2"})
    return on.ok("other").done()


def test_what_a_function_remembers_counts_with_the_files_it_is_made_of(on):
    study(on, *USES.values())
    assert on.ok("other").counts["computed"] == 4 * len(USES)
    assert on.ok("other").counts["computed"] == 0
    on.write({"inputs/table.txt": "new", "inputs/more.txt": ""})
    on.write({"inputs/settings.ini": "[a]\nb=new"})
    assert on.ok("other").counts["computed"] == 4 * len(USES)


@here
def test_what_one_remembers_of_another_counts(on):
    """The first call knows the table when `longer` is made of it."""
    study(on, "longer()", first="table()")
    on.ok("other")
    on.write({"inputs/table.txt": "new"})
    assert on.ok("other").counts["computed"] == 4


@here
def test_what_was_loaded_for_argsets_is_loaded_again_for_stages(on):
    study(on, "table()", argsets=f"{FOUR} if table() else []")
    on.edit(
        "experiments/other.py", "import os", "from src.loaders import table\nimport os"
    )
    on.ok("other")
    on.write({"inputs/table.txt": "new"})
    assert on.ok("other").counts["computed"] == 4


@here
@pytest.mark.parametrize(
    "use", ["once()", "kept('table.txt')", "LAZY.lazy", "config()"]
)
def test_what_run_itself_asks_for_before_a_stage_executes_counts(on, use):
    study(on, use, after=f"\n{use}")
    on.ok("other")
    on.write({"inputs/table.txt": "new", "inputs/settings.ini": "[a]\nb=new"})
    assert on.ok("other").counts["computed"] == 4


@here
def test_other_files_of_the_first_call_do_not_count_for_the_others(on):
    study(on, "table()", first="Path(f'inputs/{record.args.seed}.csv').read_text()")
    assert computed_again(on) == ["look0 n0"]


@here
def test_files_behind_several_results_of_one_function_are_told_apart(on):
    use = "LOADER.method(f'{record.args.seed}.csv')"
    study(on, use, use)
    assert computed_again(on) == ["look0 n0", "look1 n0"]


@here
def test_what_only_notes_how_long_others_take_keeps_no_files(on):
    study(on, "slow(f'{record.args.seed}.csv')")
    assert computed_again(on) == ["look0 n0"]


@here
def test_functions_that_one_decorator_wraps_are_told_apart(on):
    study(on, "one()", "two()")
    on.write({"inputs/1.csv": "1", "inputs/2.csv": "1"})
    on.ok("other")
    on.write({"inputs/1.csv": "2"})
    assert on.ok("other").done() == [f"look0 n{number}" for number in range(4)]


LOADING = """
from params import Args
from src.loaders import *


@dataclass
class Loading(Args):
    function: object = table
    keeping: object = kept
    both: list = field(default_factory=lambda: [longer])
    loader: object = field(default_factory=lambda: Shared())

    def method(self):
        return table()

    @property
    def shown(self):
        return once()

    def inherited(self):
        return ""


class Own(Loading):
    def inherited(self):
        return super().inherited() + kept("table.txt")


class Made:
    def get(self):
        return kept("table.txt")
"""
MADE = """
@stage(None, ["made"])
def make(record):
    return Made()


@stage(["made"], ["of_made"])
def use_made(record, made):
    note(record.args.seed)
    return f"{record.args.seed} {made.get()}"


@stage(None, ["of_given"])
def use_given(record, given=None):
    note(record.args.seed)
    return f"{record.args.seed} {given('table.txt')}"
"""
THROUGH_VALUES = {
    "a method": "record.args.method()",
    "a property": "record.args.shown",
    "a method that extends another": "record.args.inherited()",
    "a function": "record.args.function()",
    "a function with a table": "record.args.keeping('table.txt')",
    "a function in a list": "record.args.both[0]()",
    "an object": "record.args.loader.of_all()",
    "a copy": "record.args.copy().shown",
}


@here
def test_what_the_code_of_argsets_and_inputs_remembers_counts(on):
    on.write({"src/loaders.py": LOADERS, "inputs/table.txt": "old"})
    on.write({"src/loading.py": "from dataclasses import dataclass, field\n" + LOADING})
    uses = enumerate(THROUGH_VALUES.values())
    stages = [STAGE.format(index, "pass", use) for index, use in uses]
    calls = [EACH.format(f"look{index}") for index in range(len(stages))]
    calls += ["for args in argsets:\n    use_made(make(Record(manager, args)))"]
    calls += [
        "from src.loaders import kept\nfor args in argsets:\n    "
        "use_given(Record(manager, args), given=kept)"
    ]
    own = "from src.loading import Made, Own\n"
    on.study(
        own + "".join(stages) + MADE, "\n".join(calls), FOUR.replace("Args", "Own")
    )
    on.ok("other")
    assert on.ok("other").counts["computed"] == 0
    on.write({"inputs/table.txt": "new"})
    again = [each for each in on.ok("other").done() if not each.startswith("make")]
    assert len(again) == 4 * (len(stages) + 2)


@here
def test_a_table_of_which_an_argset_has_a_method_counts_for_who_calls_it(on):
    on.write({"src/loaders.py": LOADERS, "inputs/table.txt": "old"})
    on.write({"src/loading.py": "from dataclasses import dataclass, field\n" + LOADING})
    on.study(
        "from src.loading import Own\n"
        + STAGE.format(0, "pass", "record.args.shown")
        + STAGE.format(1, "pass", "record.args.seed"),
        EACH.format("look0") + "\n" + EACH.format("look1"),
        FOUR.replace("Args", "Own"),
    )
    on.ok("other")
    on.write({"inputs/table.txt": "new"})
    assert on.ok("other").done() == [f"look0 n{number}" for number in range(4)]


@here
def test_a_table_of_which_a_call_takes_one_thing_and_adds_another_counts(on):
    study(on, "kept('table.txt') + kept(f'{record.args.seed}.csv')")
    on.write({f"inputs/{number}.csv": "1" for number in range(4)})
    on.ok("other")
    on.write({"inputs/table.txt": "new"})
    assert on.ok("other").counts["computed"] == 4


def test_a_file_that_was_changed_since_it_was_remembered_is_computed_again(project):
    """What is in memory is not what the file says by now."""
    files = {
        "src/loaders.py": LOADERS,
        "inputs/table.txt": "old",
        "experiments/other.py": (
            "from pathlib import Path\n"
            "from curifactory import Record, stage\n"
            "from params import Args\n"
            "from src.loaders import table\n\n\n"
            "@stage(None, ['x'])\ndef look(record):\n"
            "    return f'{record.args.seed} {table()}'\n\n\n"
            "def get_params():\n    return [Args(name='a', seed=1), Args(name='b', seed=2)]\n\n\n"
            "def run(argsets, manager):\n    for args in argsets:\n"
            "        print(look(Record(manager, args)).output)\n"
            "        if Path('inputs/table.txt').read_text() == 'old':\n"
            "            Path('inputs/table.txt').write_text('newer')\n"
        ),
    }
    project.write(files)
    assert project.ok("other").out.split("\n")[:2] == ["1 old", "2 old"]
    again = project.ok("other")
    assert again.out.split("\n")[:2] == ["1 newer", "2 newer"]
    assert project.ok("other").counts["computed"] == 0


DATABASE = """
import functools
import sqlite3


@functools.cache
def base():
    return sqlite3.connect("inputs/base.db", isolation_level=None)


def read(seed):
    return [*base().execute("SELECT sum(a) FROM t")][0][0] + seed


def note(seed):
    base().execute("INSERT INTO t VALUES (?)", [seed])
    return seed
"""


@pytest.mark.parametrize(("use", "computed"), [("read", 2), ("note", 0)])
def test_a_database_that_stays_open_counts_unless_calls_write_to_it(
    project, use, computed
):
    project.write(
        {
            "src/base.py": DATABASE,
            "inputs/x.txt": "",
            "experiments/other.py": (
                "from curifactory import Record, stage\n"
                "from params import Args\n"
                f"from src.base import {use}\n\n\n"
                f"@stage(None, ['x'])\ndef look(record):\n"
                f"    return {use}(record.args.seed)\n\n\n"
                "def get_params():\n    return [Args(name='a', seed=1), Args('b')]\n\n\n"
                "def run(argsets, manager):\n    for args in argsets:\n"
                "        print(look(Record(manager, args)).output)\n"
            ),
        }
    )
    base = sqlite3.connect(project.root / "inputs/base.db", isolation_level=None)
    base.execute("CREATE TABLE t(a)")
    base.execute("INSERT INTO t VALUES (3)")
    project.ok("other")
    result = project.ok("other")
    assert result.counts["computed"] == 0 and "changed while" not in result.err
    base.execute("UPDATE t SET a = 5")
    base.close()
    assert project.ok("other").counts["computed"] == computed


SETTINGS = """
import threading
from pathlib import Path


class Settings:
    def __init__(self, text):
        self.factor, self.lock = int(text), threading.Lock()


SETTINGS = Settings(Path("data/factor.txt").read_text())
"""


@here
def test_what_an_object_was_made_of_while_importing_counts(on):
    """It has a lock, so that its value does not tell what is in it."""
    on.write({"src/settings.py": SETTINGS, "data/factor.txt": "10"})
    stage = STAGE.format(0, "pass", "SETTINGS.factor")
    on.study("from src.settings import SETTINGS\n" + stage, EACH.format("look0"), FOUR)
    assert on.ok("other").counts["computed"] == 4
    assert on.ok("other").counts["computed"] == 0
    on.write({"data/factor.txt": "30"})
    assert on.ok("other").counts["computed"] == 4


BY_OTHERS = """
import inspect, linecache
from types import SimpleNamespace

def made(name, *before):
    text = f"def {name}(): pass"
    linecache.cache[f"<made>.{name}"] = len(text), None, [text], f"<made>.{name}"
    exec(compile(text, f"<made>.{name}", "exec"), globals())
    return globals()[name]

def later(name):
    loader = SimpleNamespace(get_source=lambda module: "def later(): pass")
    exec(compile("def later(): pass", "<made>.later", "exec"), globals())
    linecache.lazycache("<made>.later", {"__name__": name, "__loader__": loader})
    return globals()[name]

FUNCTIONS = made("first"), later("later")

@stage(None, ["text"])
def look(record):
    text = " ".join(map(inspect.getsource, FUNCTIONS))
    assert text.split() == "def first(): pass def later(): pass".split(), text
    return text
"""


def test_the_lines_of_code_that_others_made_stay(on):
    on.study(BY_OTHERS, "look(Record(manager, argsets[0]))", FOUR)
    assert on.ok("other").done() == ["look n0"]


def test_threads_of_a_stage_may_find_functions_while_calls_begin_and_end():
    kept = [functools.cache(lambda x: x) for _ in range(400)]

    def find():
        for each in kept:
            memoized.prepare(each)

    before = [(each, dict(each)) for each in (memoized.known, memoized.counted)]
    thread = threading.Thread(target=find)
    thread.start()
    while thread.is_alive():
        with memoized.noting([], lambda key, seen: None) as note_used:
            note_used()
    thread.join()
    for each, content in before:
        each.clear()
        each.update(content)


def test_what_a_call_costs_does_not_grow_with_the_tables_that_others_keep():
    def kept():
        found = {}
        return lambda x: found.setdefault(x, x)

    def seconds():
        begin = time.perf_counter()
        for _ in range(100):
            with memoized.noting([], lambda key, seen: None):
                pass
        return time.perf_counter() - begin

    before = dict(memoized.known)
    few = min(seconds() for _ in range(5))
    for _ in range(2000):
        memoized.prepare(kept())
    many = min(seconds() for _ in range(5))
    memoized.known.clear()
    memoized.known.update(before)
    assert many < 20 * few + 0.01
