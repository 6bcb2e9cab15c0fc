"""Managers made by hand, in notebooks and scripts: what is loaded, run or typed again."""

import subprocess
import sys

import pytest

WORK = """
from curifactory import stage


class Scale:
    by = 1


def scaled(x):
    return x * 2


@stage(None, ["value"])
def compute(record):
    return scaled(5)
"""
BY_NAME = """
import importlib
from pathlib import Path

import stages.work
from curifactory import ArtifactManager, Record, stage
from stages.work import Scale, compute, scaled

manager = ArtifactManager("by-name")


@stage(None, ["value"])
def use(record):
    return scaled(7) * Scale.by


def ask(chosen):
    print(chosen(Record(manager, None)).output)


if __name__ == "__main__":
    ask(compute)
    ask(use)
    if {is_edited}:
        path = Path("stages/work.py")
        path.write_text(path.read_text().replace({edit}))
        importlib.reload(stages.work)
        ask(compute)
        ask(use)
        ask(stages.work.compute)
"""


@pytest.mark.parametrize(
    ("edit", "values"),
    [
        ('"scaled(5)", "scaled(50)"', [10, 14, 100, 100, 14]),
        ('"x * 2", "x * 3"', [15, 14, 15, 15, 21]),
        ('"by = 1", "by = 2"', [10, 14, 10, 10, 28]),
        ('"def scaled", "# later\\n\\n\\ndef scaled"', [10, 14, 10, 10, 14]),
    ],
    ids=["stage", "helper", "class", "moved"],
)
def test_what_was_imported_before_a_reload_is_not_filed_under_the_code_of_now(
    edit, values, project
):
    project.write({"stages/work.py": WORK})
    once = project.script(BY_NAME.format(is_edited=True, edit=edit))
    assert once.out.split() == ["10", "14", *map(str, values[:3])], once
    again = project.script(BY_NAME.format(is_edited=False, edit=edit))
    assert again.out.split() == [*map(str, values[3:])], again


RUN_AGAIN = """
import linecache
from pathlib import Path

TEXT = '''
from curifactory import ArtifactManager, Record, stage

def helper(x):
    return x + 1

@stage(None, ["value"])
def compute(record):
    return helper(record.args is None)

print(compute(Record(ArtifactManager("again"), None)).output)
'''
path = {path}
for text in (TEXT, TEXT.replace("x + 1", "x + 50"), TEXT):
    {show}
    exec(compile(text, str(path), "exec"), {{"__name__": "__main__"}})
"""
SHOW = "linecache.cache[path] = len(text), None, text.splitlines(True), path"


@pytest.mark.parametrize(
    ("path", "show"),
    [
        ('Path("tried.py").resolve()', "path.write_text(text)"),
        ('Path("tried.py")', "path.write_text(text)"),
        ('"/tmp/marimo_1/__marimo__cell_Hbol_.py"', SHOW),
    ],
    ids=["%run", "compile", "marimo"],
)
def test_a_script_or_cell_that_is_executed_again_counts_as_it_is_now(
    path, show, project
):
    """Its text is another one, in the same process and under the same name."""
    result = project.script(RUN_AGAIN.format(path=path, show=show))
    assert result.out.split() == ["2", "51", "2"], result


AUTORELOAD = """
import importlib
import sys
import types
from pathlib import Path

from curifactory import ArtifactManager, Record
import stages.work
from stages.work import compute

sys.modules["IPython.extensions.autoreload"] = types.ModuleType("autoreload")
manager = ArtifactManager("auto")


def ask():
    print(compute(Record(manager, None)).output)


def edit(before, after):
    path = Path("stages/work.py")
    path.write_text(path.read_text().replace(before, after))
    kept = stages.work.__name__, stages.work.__loader__
    vars(stages.work).clear()
    vars(stages.work).update(__name__=kept[0], __loader__=kept[1])
    importlib.reload(stages.work)


ask()
edit("scaled(5)", "scaled(50)")
ask()
edit("x * 2", "x * 3")
ask()
"""


def test_a_stage_that_was_imported_by_name_follows_autoreload(project):
    """As functions and classes do: it empties the module, and executes it again."""
    project.write({"stages/work.py": WORK})
    result = project.script(AUTORELOAD)
    assert result.out.split() == ["10", "100", "150"], result


SHARED = """
import sys
import types

import stages.work
from curifactory import ArtifactManager, Record

if {is_loaded}:
    sys.modules["IPython.extensions.autoreload"] = types.ModuleType("autoreload")
manager = ArtifactManager("shared")
print(stages.work.compute(Record(manager, None)).output, manager.counts()["computed"])
"""
LAMBDAS = """
from curifactory import stage


def then(last):
    return lambda function: lambda *given: last(function(*given))


@then(lambda x: x + 1)
def scaled(x: int, by=lambda: 2) -> int:
    return x * by()


@stage(None, ["value"])
def compute(record):
    return scaled(5)
"""


def test_results_are_shared_with_a_notebook_that_has_loaded_autoreload(project):
    """There a function is looked for by its compiled code, and not by its line alone."""
    project.write({"stages/work.py": LAMBDAS})
    first, again = (project.script(SHARED.format(is_loaded=each)) for each in (0, 1))
    assert first.out.split() == ["11", "1"] and again.out.split() == ["11", "0"], again


EXECUTED = '''
from curifactory import ArtifactManager, Record, stage

TEXT = """
def inner(x):
    return x + {}

def helper(x):
    return inner(x)

class Scale:
    def by(self):
        return {}
"""
manager = ArtifactManager("executed")


@stage(None, ["value"])
def compute(record):
    return helper(1) * Scale().by()


'''
CALLS = """
for added, by in [(1, 1), (5, 1), (5, 2), (1, 1)]:
    exec(TEXT.format(added, by))
    manager = ArtifactManager("executed")  # as another cell does
    print(compute(Record(manager, None)).output)
"""


@pytest.mark.parametrize("has_file", [True, False], ids=["script", "notebook"])
def test_what_a_script_or_cell_executes_of_a_text_counts(has_file, project):
    result = project.script(EXECUTED + ("" if has_file else "del __file__\n") + CALLS)
    assert result.out.split() == ["2", "6", "12", "2"], result


BETWEEN_CELLS = """
import sys
import types

shell = types.SimpleNamespace(execution_count=1, user_ns={"In": [""]})
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: shell)

from curifactory import ArtifactManager, Record, stage

manager = ArtifactManager("between")


def helper(x):
    return x + 1


@stage(None, ["value"])
def compute(record):
    return helper(1)


def press():
    print(compute(Record(manager, None)).output)


def run_cell(does):
    shell.user_ns["In"].append("")
    does()
    shell.execution_count += 1


def define():
    global helper
    helper = lambda x: x + 50
    press()


run_cell(press)
press()
run_cell(define)
"""


def test_a_cell_after_the_press_of_a_button_counts(project):
    """Releases of IPython before 9 count a cell when it has ended."""
    result = project.script(BETWEEN_CELLS)
    assert result.out.split() == ["2", "2", "51"], result


def test_a_cell_may_use_the_name_of_the_list_of_cells(project):
    """As for a current: IPython calls the texts of the cells `In`."""
    own = BETWEEN_CELLS.replace("does()", "shell.user_ns.update(In=5.0)\n    does()")
    result = project.script(own.partition("\nrun_cell(define)")[0])
    assert result.out.split() == ["2", "2"], result


TYPED = """
import sys, types
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: None)
from curifactory import ArtifactManager, Record, stage
def helper(x): return x + 1

@stage(None, ["value"])
def compute(record):
    return helper(1)

manager = ArtifactManager("typed")
print(compute(Record(manager, None)).output)
def helper(x): return x + 50

print(compute(Record(manager, None)).output)
"""


def test_what_is_typed_counts_where_a_library_has_imported_ipython(project):
    """It is not at work for that: Python itself is."""
    done = subprocess.run(
        [sys.executable, "-i", "-q"],
        input=TYPED,
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["2", "51"], done


TOLD = """
import threading

from curifactory import ArtifactManager, Record, stage


@stage(None, ["lock"])
def hold(record):
    return threading.Lock()


@stage(None, ["value"])
def compute(record):
    return 1


manager = ArtifactManager("told")
compute(hold(Record(manager, None)))
"""


def test_a_notebook_is_told_what_a_run_would_be_told_of_its_results(project):
    """That one is not kept, say; not that each is computed."""
    result = project.script(TOLD)
    lines = result.err.splitlines()
    assert len(lines) == 1 and "'lock' is kept for this run only" in lines[0], result


GIVEN = """
import resource

import numpy as np
from curifactory import ArtifactManager, Record, stage


@stage(["x"], ["total"])
def add(record, x):
    x[0] += 1  # of its own copy
    return float(x.sum())


def ask():
    record = Record(manager, None)
    record.state["x"] = x
    return add(record).output


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


manager = ArtifactManager("given")
x = np.zeros(4_000_000)
found, before = [ask()], memory()
found += [ask() for _ in range(20)]
grown = (memory() - before) * 1024 / x.nbytes
x[1] = 5
print({*found}, ask(), grown < 8)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is told in other units")
def test_a_large_value_that_many_records_are_given_is_kept_once(project):
    result = project.script(GIVEN)
    assert result.out.strip() == "{1.0} 6.0 True", result


FIELDS = """
import contextlib
import importlib
from pathlib import Path

import params.mine
from curifactory import ArtifactManager, Record, stage
from params.mine import Mine

manager = ArtifactManager("fields")


@stage(None, ["value"])
def compute(record):
    return record.args.steps * getattr(record.args, "width", 1)


def ask(**given):
    print(compute(Record(manager, Mine("a", **given))).output)


def edit(before, after):
    path = Path("params/mine.py")
    path.write_text(path.read_text().replace(before, after))
    importlib.reload(params.mine)
    for name, value in vars(params.mine.Mine).items():
        with contextlib.suppress(AttributeError):
            setattr(Mine, name, value)


ask()
edit("steps: int = 2", "steps: int = 2\\n    width: int = 5")
ask()
ask(width=6)
edit("steps: int = 2", "steps: int = 3")
ask()
"""
MINE = """
from dataclasses import dataclass
from curifactory import ExperimentArgs


@dataclass
class Mine(ExperimentArgs):
    steps: int = 2
"""


def test_a_field_that_autoreload_gives_to_a_class_counts(project):
    """It makes the class that was imported by name what its module says now."""
    project.write({"params/mine.py": MINE})
    result = project.script(FIELDS)
    assert result.out.split() == ["2", "10", "12", "15"], result


PATCHED = """
import sys
import types

import stages.work
from curifactory import ArtifactManager, Record

sys.modules["IPython.extensions.autoreload"] = types.ModuleType("autoreload")


def ask():
    manager = ArtifactManager("patched")  # as another cell does
    print(stages.work.compute(Record(manager, None)).output)


ask()
setattr(stages.work.Scale, "yb"[::-1], 3)  # so that no text says it
ask()
exec("def scaled(x):\\n    return x * 5", vars(stages.work))
ask()
exec("def scaled(x):\\n    return x * 7", vars(stages.work))
ask()
"""
SCALE = """
from curifactory import stage


class Scale:
    by = 1
    made = 0

    def __init__(self):
        Scale.made += 1


def scaled(x):
    return x * Scale().by


@stage(None, ["value"])
def compute(record):
    return scaled(5)
"""


def test_what_autoreload_puts_into_classes_and_modules_counts(project):
    """Newer releases of IPython do not execute the module again for that."""
    project.write({"stages/work.py": SCALE})
    result = project.script(PATCHED)
    assert result.out.split() == ["5", "15", "25", "35"], result


COMPILED_ALONE = """
import ast
import importlib
import sys
import types
from pathlib import Path

import stages.work
from curifactory import ArtifactManager, Record

sys.modules["IPython.extensions.autoreload"] = types.ModuleType("autoreload")
path = Path("stages/work.py").resolve()


def ask():
    manager = ArtifactManager("alone")  # as another cell does
    print(stages.work.compute(Record(manager, None)).output, manager.counts()["computed"])


def edit(before, after, name, file):
    path.write_text(path.read_text().replace(before, after))
    [node] = [n for n in ast.parse(path.read_text()).body if getattr(n, "name", "") == name]
    exec(compile(ast.unparse(node), file, "exec"), vars(stages.work), made := {})
    if name == "scaled":
        stages.work.scaled.__code__ = made[name].__code__
    else:
        vars(stages.work.compute).update(vars(made[name]))


ask()
edit("x * 2", "(x  # more\\n        * 3)", "scaled", str(path))
ask()
edit("scaled(5)", "scaled(6)", "compute", "<string>")
ask()
edit("scaled(6)", "scaled(5)", "compute", "<string>")
ask()
"""


def test_a_function_that_autoreload_compiles_alone_counts_by_its_text(project):
    """An edit that is undone, and a kernel that is started again, have their results."""
    project.write({"stages/work.py": WORK})
    result = project.script(COMPILED_ALONE)
    assert result.out.split() == ["10", "1", "15", "1", "18", "1", "15", "0"], result
    again = project.script(SHARED.format(is_loaded=0))
    assert again.out.split() == ["15", "0"], again


SENT = """
import joblib
from curifactory import ArtifactManager, Record, stage

manager = ArtifactManager("sent")


@stage(None, ["value"])
def compute(record):
    return manager.experiment_name


def one(manager):
    return compute(Record(manager, None)).output


if __name__ == "__main__":
    print(one(manager))
    joblib.Parallel(n_jobs=2)(joblib.delayed(one)(manager) for _ in range(2))
"""


def test_a_manager_that_is_sent_to_another_process_says_what_to_do(project):
    result = project.script(SENT)
    assert result.out.split() == ["sent"], result
    assert "a manager stays in its process: make another where" in result.err


REPEATED = """
from curifactory import ArtifactManager, Record, aggregate, stage
from params import Args


@stage(None, ["seed"])
def load(record):
    return record.args.seed


@aggregate(["seed"], ["count"])
def count(record, records, seed):
    return len(seed)


manager = ArtifactManager("repeated")
for _ in range({times}):
    made = [load(Record(manager, Args(name, seed=1))) for name in "ab"]
print(count(Record(manager, None)).output, count(Record(manager, None), made).output)
"""


@pytest.mark.parametrize("times", [1, 2])
def test_records_that_a_cell_has_made_again_are_told_of(times, project):
    """An aggregate that is given no list covers those of before as well."""
    result = project.script(REPEATED.format(times=times))
    assert result.out.split() == [str(2 * times), "2"]
    told = "count covers 4 records of 2 argsets, all that were made so far; "
    assert (told in result.err) is (times == 2) and result.err.count("covers") < 3


IN_A_LOOP = """
from fractions import Fraction
from decimal import Decimal

import numpy as np
from curifactory import ArtifactManager, Record, stage

manager = ArtifactManager("loop")


class One:
    def value(self):
        return 1


class Two:
    def value(self):
        return 2


@stage(None, ["value"])
def compute(record):
    return float({use})


for chosen in {values}:
    print(compute(Record(manager, None)).output)
"""


@pytest.mark.parametrize(
    ("use", "values"),
    [
        ("chosen().value()", "(One, Two)"),
        ("chosen.value()", "(One(), Two())"),
        ("chosen(1)", "(lambda x: x, lambda x: x + 1)"),
        ("chosen(1) * (1 + (chosen is Decimal))", "(Fraction, Decimal)"),
        ("chosen[0]", "((1, 2), (2, 3))"),
        ("chosen.sum()", "(np.ones(1), np.ones(2))"),
    ],
    ids="class object function foreign tuple array".split(),
)
def test_what_a_loop_sets_counts_for_each_call(use, values, project):
    """Of a script, or within one cell."""
    result = project.script(IN_A_LOOP.format(use=use, values=values))
    assert result.out.split() == ["1.0", "2.0"], result


BROKEN = """
from pathlib import Path
from curifactory import ArtifactManager, Record

manager = ArtifactManager("broken")
path = Path("stages/work.py")
text = path.read_text()
path.write_text(text.replace("x * 2", "x * * 2"))
try:
    import stages.work
except SyntaxError:
    path.write_text(text)
    import stages.work
print(stages.work.compute(Record(manager, None)).output)
"""


def test_a_module_with_an_error_of_syntax_can_be_mended_and_imported(project):
    project.write({"stages/work.py": WORK})
    result = project.script(BROKEN)
    assert result.out.split() == ["10"], result
