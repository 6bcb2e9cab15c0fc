"""Functions that keep their results: what they read for one call counts for the others."""

import pytest
from on_engines import EACH

here = pytest.mark.parametrize("on", ["serial", "processes"], indirect=True)

LOADERS = '''
"""Loads data, once for each process."""

import functools
from pathlib import Path


@functools.lru_cache
def table():
    return Path("inputs/table.txt").read_text().strip()


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
}


STAGE = """
@stage(None, ["x{0}"], [JsonCacher])
def look{0}(record):
    {1}
    note(record.args.seed)
    return f"{{record.args.seed}} {{{2}}}"
"""


def study(on, *uses, first="pass", argsets=FOUR):
    """Write an experiment with a stage for each use of what is kept."""
    names = "FILES, FIRST, SECOND, LAZY, LOADER, counted, Loader, kept, listing, longer, once, table, through"
    stages = [STAGE.format(index, first, use) for index, use in enumerate(uses)]
    calls = "\n".join(EACH.format(f"look{index}") for index in range(len(uses)))
    on.write({"src/loaders.py": LOADERS, "inputs/table.txt": "old"})
    on.study(f"from src.loaders import {names}\n" + "".join(stages), calls, argsets)


def test_what_a_function_remembers_counts_with_the_files_it_is_made_of(on):
    study(on, *USES.values())
    assert on.ok("other").counts["computed"] == 4 * len(USES)
    assert on.ok("other").counts["computed"] == 0
    on.write({"inputs/table.txt": "new", "inputs/more.txt": ""})
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
def test_other_files_of_the_first_call_do_not_count_for_the_others(on):
    study(on, "table()", first="Path(f'inputs/{record.args.seed}.csv').read_text()")
    on.write({f"inputs/{number}.csv": "1" for number in range(4)})
    on.ok("other")
    on.write({"inputs/0.csv": "2"})
    assert on.ok("other").done() == ["look0 n0"]


@here
def test_files_behind_several_results_of_one_function_are_told_apart(on):
    use = "LOADER.method(f'{record.args.seed}.csv')"
    study(on, use, use)
    on.write({f"inputs/{number}.csv": "1" for number in range(4)})
    on.ok("other")
    on.write({"inputs/0.csv": "2"})
    assert on.ok("other").done() == ["look0 n0", "look1 n0"]


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
