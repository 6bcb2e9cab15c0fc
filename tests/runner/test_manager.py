"""Managers made by hand, numbers of runs, and what run.json says."""

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from types import ModuleType

import pytest
from projects import copy_runner

from curifactory.provenance import GitState, version

BY_HAND = """
from curifactory import ArtifactManager, Record
from params.base import get_params
from stages.chain import compare, fit, load, score

manager = ArtifactManager("by_hand")
"""
NUMBER = (int, float)
SCHEMA = {
    "schema": int,
    "run": str,
    "experiment": str,
    "number": int,
    "status": str,
    "exit_code": int,
    "command": str,
    "started": str,
    "seconds": NUMBER,
    "notes": (str, type(None)),
    "git": (dict, type(None)),
    "versions": dict,
    "argsets": list,
    "counts": dict,
    "stages": dict,
    "calls": list,
}
CALL = {
    "id": int,
    "stage": str,
    "records": list,
    "aggregate": bool,
    "inputs": list,
    "status": str,
    "reason": str,
    "seconds": NUMBER,
    "folder": (str, type(None)),
    "artifacts": list,
    "metrics": dict,
    "reportables": list,
    "error": (dict, type(None)),
}


def wrong_types(content, schema):
    return [
        name for name, kind in schema.items() if not isinstance(content.get(name), kind)
    ]


WITH_HELPER = (
    "from pathlib import Path\nfrom curifactory import stage\n"
    f"from src.helper import helper\n{BY_HAND}"
    "@stage(None, ['x'])\ndef look(record): return helper()\n"
    "print(look(Record(manager, None)).output)\n"
)
elsewhere = pytest.mark.parametrize(
    "elsewhere", ["", "experiments"], ids=["nowhere", "project"]
)


def check_project(project, script, folder, **environment):
    """Check that a script, run elsewhere, works on the project."""

    def result():
        return project.python(script, cwd=folder, **environment).out.split()

    script.write_text(WITH_HELPER)
    project.write({"src/helper.py": "def helper(): return 1\n"})
    assert result() == ["1"]
    project.edit("src/helper.py", "return 1", "return 2")
    assert result() == ["2"]
    assert project.cache.exists() and not (folder / "data").exists()


@elsewhere
def test_a_script_works_on_the_project_that_it_lies_in(project, elsewhere):
    folder = project.root.parent / "elsewhere"
    (folder / elsewhere).mkdir(parents=True)
    check_project(project, project.root / "script.py", folder)


@elsewhere
def test_a_script_works_on_the_project_that_its_runner_lies_in(project, elsewhere):
    shutil.copytree(project.home / "curifactory", project.root / "curifactory")
    folder = project.root.parent / "elsewhere"
    (folder / elsewhere).mkdir(parents=True)
    place = {"PYTHONPATH": str(project.root)}
    check_project(project, folder / "script.py", folder, **place)


@elsewhere
def test_run_experiment_works_on_the_project_that_its_runner_lies_in(
    project, elsewhere
):
    shutil.copytree(project.home / "curifactory", project.root / "curifactory")
    folder = project.root.parent / "elsewhere"
    (folder / elsewhere).mkdir(parents=True)
    script = folder / "script.py"
    script.write_text(
        "from curifactory.experiment import run_experiment\n"
        "print(run_experiment('study', report=False).counts['computed'])\n"
    )
    result = project.python(script, cwd=folder, PYTHONPATH=str(project.root))
    assert result.out == "6\n", result
    assert project.cache.exists() and not (folder / "data").exists()


def test_a_script_that_imports_a_copy_of_the_project_is_refused(project):
    """As `pip install .` makes one: edits of the project itself would change nothing."""
    installed = project.root.parent / "site-packages"
    copy_runner(installed, "extras")
    shutil.copytree(installed / "curifactory", project.root / "curifactory")
    script = project.root / "notes" / "script.py"
    script.parent.mkdir()
    script.write_text("from curifactory import ArtifactManager\nArtifactManager('n')\n")
    result = project.python(script, PYTHONPATH=str(installed))
    assert result.code == 1
    assert (
        f"{project.root} has its own" in result.err and "pip install -e" in result.err
    )
    assert project.left_behind() == []
    own = project.python(script, PYTHONPATH=str(project.root))
    assert own.code == 0, own


def test_a_manager_made_by_hand_computes_after_every_call(project):
    text = BY_HAND + (
        "record = Record(manager, get_params()[0])\n"
        "load(record)\nprint('LOADED', manager.counts()['computed'])\n"
        "fit(record)\nprint('FITTED', manager.counts()['computed'], record.output)\n"
        "print(score(record).state['score'])\n"
    )
    result = project.script(text)
    assert result.code == 0, result
    assert result.out.split("\n")[:3] == ["LOADED 1", "FITTED 2 {'sum': 13}", "14"]
    assert result.run["run"] == "by_hand-1" and result.run["status"] == "done"
    assert result.done() == ["load a", "fit a", "score a"]


def test_compute_refuses_what_is_no_record(project):
    text = BY_HAND + (
        "record = Record(manager, get_params()[0])\n"
        "try:\n    manager.compute([record])\n"
        "except Exception as error:\n    print(error)\n"
    )
    assert project.script(text).out == (
        "compute() takes records, not a list\n  manager.compute(*records)\n"
    )


def test_compute_takes_records_with_values_that_were_given_by_hand(project):
    text = BY_HAND + (
        "record = Record(manager, get_params()[0])\n"
        "record.state['model'] = {'sum': 3}\n"
        "manager.compute(record)\n"
        "score(record)\n"
        "manager.compute(record)\n"
        "print(record.state['score'])\n"
    )
    result = project.script(text)
    assert result.code == 0, result
    assert result.done() == ["score a"]


def test_a_project_that_is_imported_by_a_link_notices_edits_of_its_code(project):
    link = project.root.parent / "link"
    link.symlink_to(project.root, target_is_directory=True)
    script = project.root.parent / "script.py"  # else Python itself resolves the link
    script.write_text(
        BY_HAND
        + "record = Record(manager, get_params()[0])\nscore(fit(load(record)))\n"
    )

    def run():
        places = os.pathsep.join(map(str, (link, project.home)))
        return project.python(script, cwd=link, PYTHONPATH=places)

    assert run().done() == ["load a", "fit a", "score a"]
    assert run().done("reused") == ["load a", "fit a", "score a"]
    project.edit("src/helpers.py", "x + 1", "x + 2")
    assert run().done() == ["score a"]


def test_work_by_hand_and_by_experiment_share_one_cache(project):
    project.ok()
    text = BY_HAND + (
        "for args in get_params():\n    score(fit(load(Record(manager, args))))\n"
        "compare(Record(manager, None))\n"
    )
    result = project.script(text)
    assert result.code == 0, result
    assert result.counts == {"computed": 0, "reused": 7, "skipped": 0, "failed": 0}


def test_a_failure_by_hand_raises_the_users_own_error(project):
    project.edit("src/helpers.py", "2 * x", "2 / 0")
    text = BY_HAND + (
        "try:\n    fit(load(Record(manager, get_params()[0])))\n"
        "except ZeroDivisionError:\n    print('CAUGHT')\n"
    )
    result = project.script(text)
    assert result.out.strip() == "CAUGHT", result
    assert (result.run["status"], result.run["exit_code"]) == ("failed", 1)
    assert result.done("failed") == ["fit a"]


FILLED = """
class Net:
    width = 8
    sizes = {}

    @classmethod
    def add(cls, name, size):
        cls.sizes[name] = size


def widen(cls, width):
    cls.width = width


Net.add("a", 1)
widen(Net, 16)
"""
USES_FILLED = """
@stage(None, ["out"])
def last(record):
    return Net.sizes["a"] * Net.width

print(last(Record(ArtifactManager("other"), Args("a"))).state["out"])
"""
HEAD = (
    "from curifactory import ArtifactManager, Record, stage\nfrom params import Args\n"
)


@pytest.mark.parametrize("place", ["script.py", "src/net.py"])
def test_what_the_classes_of_a_script_have_been_given_counts(project, place):
    """Also those that it has imported before the runner."""
    script = HEAD + (FILLED if place == "script.py" else "") + USES_FILLED
    if place != "script.py":
        script = "from src.net import Net\n" + script
    project.write({"src/net.py": FILLED, "script.py": script})

    def again():
        return project.python("script.py").out.split()

    assert again() == ["16"]
    project.edit(place, '"a", 1', '"a", 2')
    assert again() == ["32"]
    project.edit(place, "Net, 16", "Net, 4")
    assert again() == ["8"]


READS_EARLY = """
import threading
from pathlib import Path

class Rates:
    def __init__(self):
        self.lock = threading.Lock()
        self.first = int(Path("rates.txt").read_text())

RATES = Rates()
"""


LOOP = """
from curifactory import ArtifactManager, Record, stage
from params import Args
import src.rates

COUNT = 0
RATE = 1.0


@stage(None, ["x"])
def use(record):
    global COUNT
    COUNT += {step}
    return RATE * src.rates.RATE + (record.args.seed if {step} else 0)


def run(argsets, manager):
    global RATE
    for seed, RATE in enumerate({rates}):
        src.rates.RATE = RATE
        record = use(Record(manager, Args(name=f"of {{seed}}", seed=seed)))
        print(record.state['x'])


if __name__ == "__main__":
    run([], ArtifactManager("loop"))
"""


def test_a_script_may_set_globals_between_its_calls(project):
    script = LOOP.format(rates=[2.0, 3.0], step=0)
    project.write({"src/rates.py": "RATE = 1.0\n", "loop.py": script})
    for status in ("computed", "reused"):
        assert project.python("loop.py").out.split() == ["4.0", "9.0"]
        assert {each["status"] for each in project.newest()["calls"]} == {status}


def test_a_script_may_fill_tables_between_its_calls(project):
    project.write({"src/rates.py": "RATE = 1.0\n"})
    script = LOOP.format(rates=[2.0, 3.0], step=0)
    script = script.replace("COUNT = 0", "COUNT = 0; RATES = {'a': [1.0]}")
    script = script.replace("src.rates.RATE = RATE", "RATES['a'][0] = RATE")
    script = script.replace("RATE * src.rates.RATE", "RATES['a'][0]")
    project.write({"loop.py": script})
    for status in ("computed", "reused"):
        assert project.python("loop.py").out.split() == ["2.0", "3.0"]
        assert {each["status"] for each in project.newest()["calls"]} == {status}


SETS_OBJECTS = """
from curifactory import ArtifactManager, Record, stage
from params import Args


class Odd:
    def __ne__(self, other):
        raise ValueError  # as arrays do, in their way


LAST = 0


@stage(None, ["x"])
def use(record):
    global LAST
    LAST = LAST and Odd() or Odd()
    return record.args.seed


manager = ArtifactManager("loop")
for seed in range(3):
    print(use(Record(manager, Args(name=f"of {seed}", seed=seed))).output)
    LAST = Odd()
"""


def test_objects_in_globals_of_a_script_are_not_compared(project):
    project.write({"loop.py": SETS_OBJECTS})
    assert project.python("loop.py").out.split() == ["0", "1", "2"]


def test_a_global_that_run_sets_after_a_call_is_refused(project):
    asked = LOOP.format(rates=[2.0, 3.0], step=0)
    silent = asked.replace("print(record.state['x'])", "")
    for loop in (asked, silent):
        project.write({"src/rates.py": "RATE = 1.0\n", "experiments/loop.py": loop})
        for arguments in ("loop",), ("map", "loop"):
            result = project.run(*arguments, "-p", "base")
            assert result.code == 2, result
            said = (
                "RATE was set after a stage was called that it counts for\n  make it a"
            )
            assert said in result.err
    same = LOOP.format(rates=[5.0, 5.0, 5.0], step=1)  # stages may set what they like
    project.write({"experiments/loop.py": same})
    assert project.ok("loop", "-p", "base").counts["computed"] == 3


def test_a_script_may_fill_tables_that_hold_objects_between_its_calls(project):
    project.write({"src/rates.py": "RATE = 1.0\n"})
    script = LOOP.format(rates=[2.0, 3.0], step=0)
    table = "{'kind': Args, 'a': [Args, {'b': 1.0}]}"
    script = script.replace("COUNT = 0", f"COUNT = 0; RATES = {table}")
    script = script.replace("src.rates.RATE = RATE", "RATES['a'][1]['b'] = RATE")
    script = script.replace("RATE * src.rates.RATE", "RATES['a'][1]['b']")
    project.write({"loop.py": script})
    for status in ("computed", "reused"):
        assert project.python("loop.py").out.split() == ["2.0", "3.0"]
        assert {each["status"] for each in project.newest()["calls"]} == {status}


BIG = """
import tracemalloc
from array import array
from curifactory import ArtifactManager, Record, stage
from params import Args

READ = {}


@stage(None, ["x"])
def use(record):
    if "numbers" not in READ:
        READ["numbers"] = array("d", bytes(50_000_000))
    return READ["numbers"][record.args.seed]


manager = ArtifactManager("big")
use(Record(manager, Args("first", seed=1)))
tracemalloc.start()
for seed in range(2, 5):
    use(Record(manager, Args(f"of {seed}", seed=seed)))
print(tracemalloc.get_traced_memory()[1])
"""


def test_data_that_a_module_keeps_in_a_table_is_not_copied_for_each_call(project):
    project.write({"big.py": BIG})
    assert int(project.python("big.py").out) < 20_000_000


TABLES_OF_RUN = """
KEPT = {}
SETTINGS = {"rate": 1.0}


def load(name):
    if name not in KEPT:
        KEPT[name] = len(name)
    return KEPT[name]
"""
FILLS_TABLES = """
from curifactory import Record, stage
from src import tables


@stage(None, ["x"])
def use(record):
    return tables.load("data") * tables.SETTINGS["rate"] * record.args.seed


def run(argsets, manager):
    for args in argsets:
        FILLS
        use(Record(manager, args))
"""


@pytest.mark.parametrize(
    ("fills", "is_refused"),
    [
        ("tables.SETTINGS['rate'] = args.seed / 2", True),
        ("tables.SETTINGS.update(rate=args.seed / 2)", True),
        ("tables.load(args.name)", False),  # who fills it itself looks into it as well
        ("tables.SETTINGS['rate'] = 2.0", False),
    ],
)
def test_a_table_that_run_fills_after_a_call_is_refused_but_one_of_results(
    project, fills, is_refused
):
    experiment = FILLS_TABLES.replace("FILLS", fills)
    project.write({"src/tables.py": TABLES_OF_RUN, "experiments/loop.py": experiment})
    result = project.run("loop", "-p", "base")
    assert result.code == (2 if is_refused else 0), result
    assert ("src.tables.SETTINGS was set after" in result.err) == is_refused


NOTES = """
count = 0
is_told = False


def note(text):
    global count, is_told
    count += 1
    if not is_told:
        is_told = True
        print("first:", text)
"""


NOTING = """
from curifactory import Record, stage
from params import Args
from src.notes import note


@stage(None, ["x"])
def use(record):
    note("in it")
    return record.args.seed


def run(argsets, manager):
    for seed in range(3):
        use(Record(manager, Args(name=f"of {seed}", seed=seed)))
        note("after it")
"""


def test_run_may_call_what_a_stage_calls_as_well_and_what_sets_globals(project):
    """The stage sets them itself: a counter, or what is said once."""
    project.write({"src/notes.py": NOTES, "experiments/noting.py": NOTING})
    for computed in (3, 0):
        assert project.ok("noting", "-p", "base").counts["computed"] == computed


def test_files_count_that_modules_read_before_a_script_has_a_manager(project):
    project.write({"src/rates.py": READS_EARLY, "rates.txt": "1"})
    script = HEAD + "from src.rates import RATES\n" + USES_FILLED
    script = script.replace('Net.sizes["a"] * Net.width', "RATES.first")
    assert project.script(script).out.split() == ["1"]
    project.write({"rates.txt": "2"})
    assert project.script(script).out.split() == ["2"]


@pytest.mark.parametrize(
    ("ending", "code", "kept"),
    [
        ("1 / 0", 1, ("failed", 1)),
        ("raise KeyboardInterrupt", -signal.SIGINT, ("interrupted", 130)),
        ("raise SystemExit(0)", 0, ("done", 0)),
    ],
)
def test_a_script_ends_as_elsewhere_and_the_history_says_how(whole, ending, code, kept):
    text = BY_HAND + f"load(Record(manager, get_params()[0]))\n{ending}\n"
    result = whole.script(text)
    assert result.code == code
    assert (result.run["status"], result.run["exit_code"]) == kept
    assert result.run["calls"][0]["status"] == "computed"


def test_a_manager_finds_its_project_from_a_subfolder(project):
    (project.root / "notes").mkdir()
    project.write({"script.py": BY_HAND + "load(Record(manager, None))\n"})
    where = f"{project.root}:{project.home}"
    result = project.python(
        project.root / "script.py", cwd=project.root / "notes", PYTHONPATH=where
    )
    assert result.code == 0, result
    assert result.run["run"] == "by_hand-1"


def test_runs_are_numbered_by_experiment(project):
    project.write({"experiments/second.py": "from experiments.study import *\n"})
    names = [
        project.ok(name).run["run"] for name in ("study", "study", "second", "study")
    ]
    assert names == ["study-1", "study-2", "second-1", "study-3"]


def test_a_deleted_run_is_not_given_out_again_before_the_last(project):
    import shutil

    for _ in range(3):
        project.ok()
    shutil.rmtree(project.root / "data" / "runs" / "study-1")
    assert project.ok().run["run"] == "study-4"


def test_one_experiment_may_be_the_beginning_of_anothers_name(project):
    project.write({"experiments/study-2.py": "from experiments.study import *\n"})
    assert project.ok("study-2").run["run"] == "study-2-1"
    assert project.ok("study").run["run"] == "study-1"


def test_nothing_stays_of_a_history_that_cannot_be_written(project):
    end = "    compare(Record(manager, None), manager.records)"
    more = '    manager.compute()\n    (manager.folder / "run.json").mkdir()'
    project.edit("experiments/study.py", end, f"{end}\n{more}")
    done = project.script("""
        from pathlib import Path

        from curifactory.cli import main

        main(["study"])
        [folder] = Path("data/runs").iterdir()
        (folder / "run.json").rmdir()
        print(sorted(each.name for each in folder.glob("run.*")))
        """)
    assert "run.json cannot be written" in done.err and "[]" in done.out, done


def test_a_run_that_is_interrupted_while_it_ends_is_not_at_work_any_more(project):
    done = project.script("""
        from pathlib import Path

        from curifactory import ArtifactManager, Record
        from curifactory.engine import Engine
        from params import Args
        from stages.chain import load


        class Interrupted(Engine):
            came = False

            def stop(self, *, at_once):
                if not self.came:
                    self.came = True
                    raise KeyboardInterrupt


        manager = ArtifactManager("own", engine=Interrupted())
        load(Record(manager, Args(name="a")))
        runs = Path("data/cache/.runs")
        assert list(runs.iterdir())
        try:
            manager.finish("done", 0)
        except KeyboardInterrupt:
            print(list(runs.iterdir()))
        """)
    assert done.out.startswith("[]"), done


def test_run_json_keeps_its_schema(project):
    run = project.ok("study", "-p", "base").run
    assert wrong_types(run, SCHEMA) == []
    assert (run["schema"], run["status"], run["exit_code"]) == (2, "done", 0)
    assert run["command"] == "experiment study -p base"
    assert run["started"].endswith("+00:00")
    assert "python" in run["versions"] and "platform" in run["versions"]
    assert [wrong_types(call, CALL) for call in run["calls"]] == [[]] * 7
    assert [call["id"] for call in run["calls"]] == list(range(7))
    assert run["summary"] == "How good is the chain?"
    assert [a["name"] for a in run["argsets"]] == ["a", "b"]
    first = run["argsets"][0]
    assert set(first) >= {"name", "hash", "paramset", "fields"}
    assert first["paramset"] == "base"
    assert first["fields"] == {"seed": 1, "depth": 1, "path": "", "items": []}


def test_each_call_says_where_its_artifacts_lie(project):
    project.ok()
    result = project.ok()
    for call in result.calls():
        assert call["status"] == "reused"
        for artifact in call["artifacts"]:
            path = project.cache / call["folder"] / artifact["file"]
            assert path.stat().st_size == artifact["size"]
            assert artifact["checksum"]
    score = result.calls("score")[0]
    assert score["metrics"] == {"quality": {"value": 14, "goal": "max"}}
    assert [call["inputs"] for call in result.calls()] == [
        [],
        [0],
        [1],
        [],
        [3],
        [4],
        [2, 5],
    ]


def test_nested_dataclasses_are_shown_field_by_field(project):
    project.edit(
        "params/__init__.py",
        "@dataclass\nclass Args",
        "@dataclass\nclass Model:\n    width: int = 3\n\n\n@dataclass\nclass Args",
    )
    project.edit(
        "params/__init__.py",
        "depth: int = 1",
        "depth: int = 1\n    model: Model = field(default_factory=Model)",
    )
    fields = project.ok().run["argsets"][0]["fields"]
    assert fields["model.width"] == 3


def test_a_run_outside_of_git_has_no_git(project):
    assert (
        project.ok(GIT_CEILING_DIRECTORIES=str(project.root.parent)).run["git"] is None
    )


def test_a_run_knows_its_commit_and_whether_files_differ(project):
    def git(*arguments):
        command = [
            "git",
            "-c",
            "user.name=n",
            "-c",
            "user.email=e@example.org",
            *arguments,
        ]
        subprocess.run(command, cwd=project.root, check=True, capture_output=True)

    git("init", "-b", "trunk")
    assert project.ok().run["git"] == {"commit": "", "branch": "trunk", "dirty": True}
    project.write({".gitignore": "data/\n"})
    git("add", ".")
    git("commit", "-m", "all")
    clean = project.ok().run["git"]
    assert (clean["branch"], clean["dirty"], len(clean["commit"])) == (
        "trunk",
        False,
        40,
    )
    index = project.root / ".git" / "index"
    before = index.read_bytes()
    os.utime(project.root / "src/helpers.py")
    assert project.ok().run["git"] == clean
    assert index.read_bytes() == before, "git had its lock meanwhile"
    project.edit("src/helpers.py", "x + 1", "x + 2")
    assert project.ok().run["git"] == {**clean, "dirty": True}


def test_a_package_that_warns_of_its_version_costs_no_call(monkeypatch):
    class Package(ModuleType):
        @property
        def __version__(self):
            warnings.warn("ask the metadata", DeprecationWarning, stacklevel=2)
            return "1.2"

    monkeypatch.setitem(sys.modules, "warning_of_it", Package("warning_of_it"))
    assert version("warning_of_it") == "1.2"  # warnings are errors here


@pytest.mark.skipif(sys.platform != "linux", reason="where names of files are bytes")
def test_a_file_whose_name_is_no_text_costs_no_run(tmp_path):
    command = ["git", "-C", str(tmp_path)]
    subprocess.run([*command, "init", "-q", "-b", "trunk"], check=True)
    subprocess.run([*command, "config", "core.quotePath", "false"], check=True)
    open(os.fsencode(tmp_path) + b"/\xff.txt", "w").close()
    assert GitState(tmp_path).read() == {"commit": "", "branch": "trunk", "dirty": True}


def test_what_is_said_need_not_be_valid_text(project):
    """As where it is the name of a file."""
    asked = "manager.records[0].state['score']\n    raise ValueError('\\udcff')"
    project.edit(
        "experiments/study.py", "compare(Record(manager, None), manager.records)", asked
    )
    result = project.run("study")
    assert result.code == 1 and "Traceback" not in result.err, result
    log = project.root / "data/runs/study-1/log.txt"
    assert "\\udcff" in log.read_text() and project.newest()["status"] == "failed"


def test_the_log_of_a_run_has_the_command_and_what_was_said(project):
    project.edit("stages/chain.py", "return [1, 2, 3]", "return 1 / 0")
    project.run("study", "--retries", "1")
    text = (project.root / "data/runs/study-1/log.txt").read_text()
    assert "experiment study --retries 1" in text
    assert "load a failed, once more" in text


def test_quiet_prints_the_summary_alone_and_verbose_every_call(project):
    quiet = project.ok("study", "--quiet")
    assert "computed load" not in quiet.err and "computed: 6" in quiet.out
    verbose = project.ok("study", "--verbose")
    assert verbose.err.count("reused") == 7


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "", ".", "a/b", "a\\b", "x" * 200, None]
)
def test_a_name_that_leaves_the_folder_of_runs_is_refused(project, name):
    text = f"from curifactory import ArtifactManager\nArtifactManager({name!r})\n"
    result = project.script(text)
    assert result.code == 1 and "is no name of an experiment" in result.err
    assert project.left_behind() == []


@pytest.mark.parametrize("name", ["a\nb", "\x00", "\x7f", "\ud800", 1])
def test_names_that_cannot_be_written_are_refused_with_the_reason(project, name):
    project.edit("params/base.py", 'name="a"', f"name={ascii(name)}")
    result = project.run("study")
    assert result.code == 2 and "params/base.py" in result.err and "name" in result.err
    assert len(result.err.splitlines()) <= 2
    text = BY_HAND + (
        f"from params import Args\nRecord(manager, Args(name={ascii(name)}, seed=1))\n"
    )
    result = project.script(text)
    assert result.code == 1 and "made by hand" in result.err


@pytest.mark.parametrize(
    "setting", ["../other", "/etc", "a/../..", "", "my params", "a//b", "."]
)
@pytest.mark.parametrize("which", ["experiments", "params"])
def test_folders_of_code_never_lie_outside_of_the_project(project, which, setting):
    line = f"[tool.curifactory]\n{which} = '{setting}'\n"
    project.write({"pyproject.toml": line})
    result = project.run("study")
    assert result.code == 2 and which in result.err
    assert len(result.err.splitlines()) <= 2


@pytest.mark.parametrize("name", ["../study", "/study", "a/../study", "..", "study/"])
def test_experiments_outside_of_their_folder_are_refused(project, name):
    for command in (["run", name], ["run", "study", "-p", name]):
        result = project.run(*command)
        assert result.code == 2 and "Traceback" not in result.err
        assert len(result.err.splitlines()) <= 2


def test_a_manager_of_a_thread_is_in_the_history(project):
    text = """
import threading

from curifactory import ArtifactManager, Record
from params import Args
from stages.chain import load


def work():
    manager = ArtifactManager("threaded")
    print(load(Record(manager, Args("a"))).output)


if __name__ == "__main__":
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""
    result = project.script(text)
    assert result.code == 0 and "Traceback" not in result.err, result
    assert result.run["run"] == "threaded-1" and result.run["status"] == "done"


EDITED = """
    import sys
    from pathlib import Path

    from src import helpers
    from params import Args
    from stages.chain import fit, load


    def own(x):
        return x + 1


    for path in sys.argv[1:]:  # as an editor would, while the script is at work
        text = Path(path).read_text()
        text = text.replace("return 2 * x", "return 9 * x")
        Path(path).write_text(text.replace("return x + 1", "return x + 5"))

    from curifactory import ArtifactManager, Record, stage


    @stage(["model"], ["more"])
    def more(record, model):
        return own(model["sum"])


    record = Record(ArtifactManager("script"), Args("a", seed=1))
    print(more(fit(load(record))).state["more"])
    """


@pytest.mark.parametrize("edited", ["src/helpers.py", "script.py"])
def test_what_is_edited_after_its_import_is_filed_as_it_was_imported(project, edited):
    project.write({"script.py": EDITED})
    before = project.python("script.py", edited).out.split()[-1]
    after = project.python("script.py").out.split()[-1]
    shutil.rmtree(project.cache)
    assert project.python("script.py").out.split()[-1] == after != before


def test_a_manager_that_was_closed_is_not_seen_by_other_runs(project):
    script = """
        import os
        from curifactory import ArtifactManager, Record
        from stages.chain import load

        manager = ArtifactManager("closed")
        load(Record(manager, None))
        print(len(os.listdir("data/cache/.runs")))
        manager.close()
        print(len(os.listdir("data/cache/.runs")))
        """
    assert project.script(script).out.split()[:2] == ["1", "0"]


HALTED = """
import signal
from curifactory import ArtifactManager, Record
from stages.chain import load

manager = ArtifactManager("halted")
signal.signal(signal.SIGALRM, signal.default_int_handler)
record = Record(manager, None)
try:
    load(record)
except KeyboardInterrupt:
    print("halted")
if AGAIN:
    load(Record(ArtifactManager("halted"), None))
print(record.output)
print(load(Record(ArtifactManager("halted"), None)).output)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such alarm")
@pytest.mark.parametrize("again", [True, False])
def test_a_stage_that_was_interrupted_by_hand_can_be_called_again(project, again):
    once = "import os, signal, time\n    if not os.path.exists('mark'):\n        "
    once += (
        "open('mark', 'w').close()\n        signal.setitimer(signal.ITIMER_REAL, 0.2)"
    )
    once += "\n        time.sleep(20)\n    return [1, 2, 3]"
    project.edit("stages/chain.py", "return [1, 2, 3]", once)
    begin = time.monotonic()
    result = project.script(HALTED.replace("AGAIN", str(again)))
    assert result.out.split("\n")[:3] == ["halted", *["[1, 2, 3]"] * 2], result
    assert time.monotonic() - begin < 15, "it waited for its own claim"


MADE_AGAIN = """
import os
from pathlib import Path
from curifactory import ArtifactManager, Record, stage

@stage(None, ["rows"])
def load(record):
    if "HALT" in os.environ:
        raise KeyboardInterrupt
    return [1, 2]

@stage(["rows"], ["total"])
def total(record, rows):
    return sum(rows) * FACTOR

load(Record(ArtifactManager("first"), None))
for path in Path("data/cache").glob("*.load/*/rows*"):
    path.unlink()
record = load(Record(ArtifactManager("second"), None))
os.environ["HALT"] = "1"
try:
    ASK
except KeyboardInterrupt:
    print("halted")
del os.environ["HALT"]
ASK
"""


@pytest.mark.parametrize(
    ("ask", "said"),
    [("print(record.output)", "[1, 2]"), ("print(total(record).output)", "6")],
)
def test_data_that_was_not_made_again_for_an_interrupt_can_be_asked_for(
    project, ask, said
):
    text = MADE_AGAIN.replace("    ASK", f"    {ask}").replace("ASK", ask)
    result = project.script(text.replace("FACTOR", "2"))
    assert result.out.split("\n")[:2] == ["halted", said], result


THREADS = """
import threading, time
from curifactory import ArtifactManager, Record, stage
from params import Args


@stage(None, ["text"])
def read(record):
    time.sleep(0.2)
    text = open(f"raw/{record.args.name}").read()
    time.sleep(0.2)
    return text


def work(name):
    print(read(Record(ArtifactManager(name), Args(name))).output)


if __name__ == "__main__":
    for name in "ab":
        threading.Thread(target=work, args=(name,)).start()
        time.sleep(0.1)
"""


@pytest.mark.slow
def test_files_that_stages_read_in_two_threads_count(project):
    for text in ("one", "two"):
        project.write({"raw/a": text, "raw/b": text})
        result = project.script(THREADS)
        assert result.out.split() == [text, text], result


SHARED = """
import sys
from concurrent.futures import ThreadPoolExecutor

from curifactory import ArtifactManager, Record, stage
from params import Args

sys.setswitchinterval(1e-5)
manager = ArtifactManager("shared")


@stage(None, ["number"])
def read(record):
    return record.args.seed


def work(number):
    return read(Record(manager, Args(f"n{number}", seed=number))).state["number"]


with ThreadPoolExecutor(8) as threads:
    print(sum(threads.map(work, range(60))), sorted(c.position for c in manager.calls))
"""


def test_threads_may_share_a_manager(project):
    for _ in range(3):
        result = project.script(SHARED)
        assert result.code == 0, result
        assert result.out.strip() == f"{sum(range(60))} {list(range(60))}", result
        shutil.rmtree(project.cache)


WAITS_FOR_CHILDREN = BY_HAND + """
import os
import time

load(Record(manager, get_params()[0]))
last = time.monotonic() + 20
try:
    while time.monotonic() < last:  # as a kernel of Jupyter does at its end
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        time.sleep(0.01)
    print("there is a child")
except ChildProcessError:
    print("all have ended")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such call")
def test_a_manager_leaves_no_child_that_nobody_waits_for(project):
    assert project.script(WAITS_FOR_CHILDREN).out.strip() == "all have ended"
