"""The command line: what is printed, exit codes, and what is left behind."""

import builtins
import os
import signal
import subprocess
import sys
from textwrap import dedent

import pytest
from projects import RUNNER, copy_runner
from pythons import others, run
from test_execute import other

import curifactory

ARGS = "from params import Args\n\n\n"


def params(body):
    """A parameter file whose get_params() starts in line 4."""
    return {"params/other.py": ARGS + body}


def study(body, head=""):
    """An experiment whose run() starts in line 7 (and more, with a head)."""
    text = (
        "from curifactory import Record, aggregate, stage\nfrom stages.chain import *\n"
    )
    return {
        "experiments/other.py": f'{text}\nDEFAULT_PARAMS = "base"\n{head}\n\n'
        f"def run(argsets, manager):\n    record = Record(manager, argsets[0])\n{body}"
    }


OTHER = ("study", "-p", "other")

# name: (files, arguments, what stderr must say)
REFUSED = {
    "unknown experiment": ({}, ["stdy"], ["'stdy'", "'study'?"]),
    "unknown experiment to map": ({}, ["map", "stdy"], ["'stdy'", "'study'?"]),
    "experiment outside its folder": ({}, ["../study"], ["'../study'"]),
    "unknown paramset": ({}, ["study", "-p", "bse"], ["'bse'", "'base'?"]),
    "paramset outside its folder": ({}, ["study", "-p", "../base"], ["'../base'"]),
    "unknown argset": (
        {
            "params/other.py": ARGS
            + "def get_params():\n    return [Args(name='knn_1')]\n"
        },
        [*OTHER, "-n", "knn_2"],
        ["'knn_2'", "'knn_1'?"],
    ),
    "glob without a hit": ({}, ["study", "-n", "z*"], ["'z*'", "a, b"]),
    "index out of range": ({}, ["study", "--indices", "0,7"], ["'7'", "0 to 1"]),
    "the begin of a name": (
        {
            "params/other.py": ARGS
            + "def get_params():\n    return [Args(name='knn_seed0')]\n"
        },
        [*OTHER, "-n", "knn"],
        ["'knn'", "did you mean 'knn*'?"],
    ),
    "an empty variable": ({}, ["study", "--indices", ""], ["--indices: it is empty"]),
    "an empty place": ({}, ["study", "--cache="], ["--cache: it is empty"]),
    "a command as experiment": (
        {},
        ["run", "run"],
        ["there is no experiment 'run'", "there is: study"],
    ),
    "a range backwards": ({}, ["study", "--indices", "1-0"], ["'1-0' runs backwards"]),
    "index that is no number": (
        {},
        ["study", "--indices", "x,4-"],
        ["'x' is no number, and no range like 2-4", "0 to 1"],
    ),
    "indices without a number": (
        {},
        ["study", "--indices", ","],
        ["--indices ,: expected numbers", "--indices 0,2-4"],
    ),
    "unknown command": ({}, ["cahce"], ["no experiment 'cahce'", "mean 'cache'"]),
    "a command of the cache": (
        {},
        ["gc", "--dry-run"],
        ["'gc'", "experiment cache gc"],
    ),
    "a run that is a generator": (
        {"experiments/other.py": "def run(argsets, manager):\n    yield 1\n"},
        ["other", "-p", "base"],
        ["experiments/other.py: run() is no plain function", "async and yield"],
    ),
    "a run that is a coroutine": (
        {"experiments/other.py": "async def run(argsets, manager):\n    1\n"},
        ["other", "-p", "base"],
        ["experiments/other.py: run() is no plain function"],
    ),
    "argsets of a coroutine": (
        params("async def get_params():\n    return []\n"),
        OTHER,
        ["params/other.py: get_params() is no plain function"],
    ),
    "unknown command with a run": (
        {},
        ["report", "study-1"],
        ["there is no experiment 'report'", "there is: "],
    ),
    "unknown command with a name": ({}, ["expalin", "study"], ["'explain'?"]),
    "parameter files with commas": (
        {},
        ["study", "-p", "base,more"],
        ["'base,more' is no name of a parameter file", "-p a -p b\n"],
    ),
    "an option before the command": (
        {},
        ["-j", "2", "map", "study"],
        ["there is no experiment 'map'", "; a command comes first: experiment map\n"],
    ),
    "a run of nothing": ({}, ["run"], ["no experiment is named", "there is: study"]),
    "a map of nothing": ({}, ["map"], ["no experiment is named", "there is: study"]),
    "unknown stage to overwrite": (
        {},
        ["study", "--overwrite-stage", "scor"],
        ["'scor'", "'score'?"],
    ),
    "a value on the command line": ({}, ["study", "lr=0.1"], ["'lr=0.1'", "params/"]),
    "unknown option": (
        {},
        ["study", "--overwite"],
        ["there is no option --overwite", "did you mean '--overwrite'"],
    ),
    "the beginning of an option, which may be meant for another": (
        {},
        ["study", "--seed", "3"],
        ["there is no option --seed\n", "did you mean '--seeds'"],
    ),
    "unknown option like no other": (
        {},
        ["map", "study", "--qqqqq=3"],
        ["there is no option --qqqqq\n", "see `experiment map --help`"],
    ),
    "option of other releases": (
        {},
        ["study", "--parallel", "4"],
        ["there is no option --parallel", "-j N runs on N worker processes"],
    ),
    "an option of Curifactory for what is so here anyway": (
        {},
        ["study", "--lazy"],
        ["there is no option --lazy\n", "each output is loaded when it is used"],
    ),
    "option of other releases that sounds like another one": (
        {},
        ["study", "--notebook"],
        ["there is no option --notebook", "in a notebook: manager = ArtifactManager"],
    ),
    "name of results in other releases, no name of an argset": (
        {},
        ["study", "--name", "final"],
        ["there is no option --name\n", "results have no prefix"],
    ),
    "notes of a run": (
        {},
        ["study", "--notes", "why"],
        ["there is no option --notes\n", "the docstring of the experiment"],
    ),
    "a run that is stored as a whole": (
        {},
        ["study", "--store-full"],
        ["there is no option --store-full\n", "--cache FOLDER keeps"],
    ),
    "another cache, in short": (
        {},
        ["study", "-c", "elsewhere"],
        ["there is no option -c\n", "write --cache\n"],
    ),
    "an option of other tools that sounds like another one": (
        {},
        ["study", "--forcerun", "fit"],
        ["there is no option --forcerun\n", "--overwrite-stage STAGE one stage\n"],
    ),
    "several runs of other tools": (
        {},
        ["study", "--multirun", "seed=1,2"],
        ["there is no option --multirun\n", "--set FIELD=1,2 makes an argset for each"],
    ),
    "a hint of a run where another command is asked": (
        {},
        ["ls", "-v"],
        ["there is no option -v\n", "see `experiment ls --help`\n"],
    ),
    "several fields after one --set": (
        {},
        ["study", "--set", "seed=1", "depth=2", "path=x"],
        ["'depth=2' is not understood", "give a field a value with --set depth=2"],
    ),
    "a word before fields, as elsewhere": (
        {},
        ["study", "with", "seed=1", "depth=2"],
        ["'with' is not understood", "a value with --set seed=1 --set depth=2, or"],
    ),
    "two values of one option": (
        {},
        ["study", "-n", "a", "b"],
        ["'b' is not understood", "once for each value: -n a -n b"],
    ),
    "two names in one": (
        {},
        ["study", "-n", "a,b"],
        ["no argset is named 'a,b'\n", "give each by itself: -n a -n b\n"],
    ),
    "a name where none is asked for": (
        {},
        ["ls", "study"],
        ["'study' is not understood", "see `experiment ls --help`"],
    ),
    "an empty name where none is asked for": (
        {},
        ["ls", ""],
        ["'' is not understood", "see `experiment ls --help`"],
    ),
    "workers of an engine without": (
        {},
        ["study", "--engine", "serial", "-j", "2"],
        ["--engine serial has no workers"],
    ),
    "a scheduler of an engine without": (
        {},
        ["study", "--engine", "processes", "--scheduler", "tcp://127.0.0.1:1"],
        ["--engine processes has no scheduler"],
    ),
    "too many workers": ({}, ["study", "-j", "1000000000000"], ["so many are too"]),
    "option without its value": (
        {},
        ["study", "-j"],
        ["expected one argument", "see `experiment run --help`"],
    ),
    "syntax error in a parameter file": (
        params("def get_params():\n    return [Args(]\n"),
        OTHER,
        ["params/other.py:5:", "return [Args(]"],
    ),
    "parameter file that does not import": (
        params("import nothing_of_this_name\n"),
        OTHER,
        ["params/other.py:4", "nothing_of_this_name"],
    ),
    "parameter file without get_params": (
        params("def params():\n    return []\n"),
        OTHER,
        ["params/other.py", "get_params()"],
    ),
    "get_params returns nothing": (
        params("def get_params():\n    Args(name='a')\n"),
        OTHER,
        ["params/other.py", "None", "list"],
    ),
    "get_params returns an empty list": (
        params("def get_params():\n    return []\n"),
        OTHER,
        ["params/other.py", "no argsets"],
    ),
    "get_params returns one argset": (
        params("def get_params():\n    return Args(name='a')\n"),
        OTHER,
        ["params/other.py", "Args(", "list"],
    ),
    "get_params returns something else": (
        params("def get_params():\n    return [Args(name='a'), {'seed': 1}]\n"),
        OTHER,
        ["params/other.py", "item 1", "{'seed': 1}"],
    ),
    "get_params fails": (
        params("def get_params():\n    return [Args(seed=1 / 0)]\n"),
        OTHER,
        ["params/other.py:5", "ZeroDivisionError"],
    ),
    "one name twice": (
        params(
            "def get_params():\n    return [Args(name='x', seed=i) for i in (1, 2)]\n"
        ),
        OTHER,
        ["'x'", "params/other.py"],
    ),
    "one name in two parameter files": (
        params("def get_params():\n    return [Args(name='a', seed=9)]\n"),
        ["study", "-p", "base", "-p", "other"],
        ["'a'", "params/base.py", "params/other.py"],
    ),
    "one object in two parameter files": (
        {
            "params/other.py": ARGS + "one = Args(name='x')\n\n\n"
            "def get_params():\n    return [one]\n",
            "params/more.py": "from params import other\n\n\n"
            "def get_params():\n    return other.get_params()\n",
        },
        ["study", "-p", "other", "-p", "more"],
        ["'x'", "params/other.py", "params/more.py", "copy"],
    ),
    "unknown field": (
        params("def get_params():\n    return [Args(name='a', sed=1)]\n"),
        OTHER,
        ["params/other.py:5", "'sed'", "'seed'?"],
    ),
    "undeclared attribute": (
        params("def get_params():\n    a = Args()\n    a.sed = 1\n    return [a]\n"),
        OTHER,
        ["params/other.py:6", "'sed'", "'seed'?"],
    ),
    "forgotten dataclass": (
        {
            "params/other.py": "from curifactory import ExperimentArgs\n\n\n"
            "class Mine(ExperimentArgs):\n    seed: int = 0\n\n\n"
            "def get_params():\n    return [Mine(name='a')]\n"
        },
        OTHER,
        ["params/other.py", "Mine", "@dataclass"],
    ),
    "an argset that holds a lock": (
        params(
            "import threading\n\n\ndef get_params():\n"
            "    return [Args(name='a', items=[threading.Lock()])]\n"
        ),
        OTHER,
        ["params/other.py", "a.items", "lock"],
    ),
    "syntax error in an experiment": (
        {"experiments/other.py": "def run(argsets, manager)\n    pass\n"},
        ["other"],
        ["experiments/other.py:1:"],
    ),
    "experiment without run": (
        {"experiments/other.py": "def main():\n    pass\n"},
        ["other"],
        ["experiments/other.py", "run("],
    ),
    "experiment that names no parameters": (
        {"experiments/other.py": "def run(argsets, manager):\n    pass\n"},
        ["other"],
        ["'other'", "-p", "base"],
    ),
    "an input that nobody produces": (
        study("    fit(record)\n"),
        ["other"],
        ["stages/chain.py:10", "fit", "'data'"],
    ),
    "an input with a name that is nearly right": (
        study(
            "    use(load(record))\n",
            head='@stage(["dat"], ["out"])\ndef use(record, dat):\n    return 1\n',
        ),
        ["other"],
        ["experiments/other.py:5", "'dat'", "'data'?"],
    ),
    "an aggregate of what nobody produces": (
        study("    load(record)\n    compare(Record(manager, None))\n"),
        ["other"],
        ["stages/chain.py", "compare", "'score'"],
    ),
    "a record as input": (
        study("    fit(record, data=load(record))\n"),
        ["other"],
        ["experiments/other.py:9", "data", "Record"],
    ),
    "a record as second argument": (
        study("    fit(record, load(record))\n"),
        ["other"],
        ["stages/chain.py:10", "fit"],
    ),
    "an argset in place of a record": (
        study("    load(argsets[0])\n"),
        ["other"],
        ["experiments/other.py:9", "load", "Record", "Args"],
    ),
    "an unknown keyword": (
        study("    fit(load(record), dta=1)\n"),
        ["other"],
        ["stages/chain.py:10", "'dta'", "'data'?"],
    ),
    "a stage without its lists": (
        study("", head="@stage\ndef use(record):\n    return 1\n"),
        ["other"],
        ["experiments/other.py:5", "use"],
    ),
    "a stage of a method": (
        study(
            "", head="import pathlib\nuse = stage([], ['x'])(pathlib.Path().exists)\n"
        ),
        ["other"],
        ["experiments/other.py:6: @stage stands on a function", "def "],
    ),
    "a stage of a part of a function": (
        study(
            "",
            head="import functools\nuse = stage([], ['x'])(functools.partial(print))\n",
        ),
        ["other"],
        ["experiments/other.py:6: @stage stands on a function", "def "],
    ),
    "a stage of a function that keeps its results": (
        study(
            "",
            head="import functools\nuse = stage([], ['x'])(functools.cache(print))\n",
        ),
        ["other"],
        ["experiments/other.py:6: @stage stands on a function", "def "],
    ),
    "a stage of a stage": (
        study("", head="from stages.chain import load\nuse = stage([], ['x'])(load)\n"),
        ["other"],
        ["experiments/other.py:6: @stage stands on a function", "def "],
    ),
    "run() without the manager": (
        {
            "experiments/other.py": '"""An experiment."""\n\n\ndef run(argsets):\n    pass\n'
        },
        ["other", "-p", "base"],
        ["experiments/other.py:4: run(): too many", "def run(argsets, manager): ..."],
    ),
    "run() that takes more": (
        {"experiments/other.py": "def run(argsets, manager, more):\n    pass\n"},
        ["map", "other", "-p", "base"],
        [
            "experiments/other.py:1: run(): missing",
            "'more'",
            "def run(argsets, manager)",
        ],
    ),
    "get_params() of an experiment that takes something": (
        {
            "experiments/other.py": "def get_params(n):\n    pass\n\n\n"
            "def run(argsets, manager):\n    pass\n"
        },
        ["other"],
        ["experiments/other.py:1: get_params(): missing", "'n'"],
    ),
    "an input that is no parameter": (
        study("", head='@stage(["data"])\ndef use(record, dat):\n    return 1\n'),
        ["other"],
        ["experiments/other.py:5", "'data'"],
    ),
    "more cachers than outputs": (
        study(
            "", head='@stage([], ["x"], [None, None])\ndef use(record):\n    return 1\n'
        ),
        ["other"],
        ["experiments/other.py:5", "use", "cachers"],
    ),
    "a cacher that only saves": (
        study(
            "",
            head="from curifactory.caching import Cacheable\n"
            "class Half(Cacheable):\n    def save(self, obj):\n        pass\n"
            '@stage([], ["x"], [Half])\ndef use(record):\n    return 1\n',
        ),
        ["other"],
        ["experiments/other.py:9: stage use: cacher Half of 'x' lacks load", "define"],
    ),
    "a stage before the one that gives its input": (
        study("    score(record)\n"),
        ["other"],
        ["'model', which no stage before it", "call the stage that gives it first"],
    ),
    "an aggregate of a set": (
        study("    compare(Record(manager, None), set(manager.records))\n"),
        ["other"],
        ["aggregate compare takes records in an order", "give a list, not a set"],
    ),
    "an aggregate of lists": (
        study("    compare([record])\n"),
        ["other"],
        ["takes a Record, not a list", "compare(Record(manager, None), records)"],
    ),
    "a record of its own for each stage": (
        study(
            "    for args in argsets:\n        fit(load(Record(manager, args)))\n"
            "        score(Record(manager, args))\n"
        ),
        ["other"],
        [
            "error: experiments/other.py:",
            "'model', which no stage before it",
            "another Record of 'a' has it: use one for all its stages",
        ],
    ),
    "a stage of argsets": (
        study("    load(argsets[0])\n"),
        ["other"],
        ["takes a Record, not an Args", "load(Record(manager, args)), or a call of"],
    ),
    "a stage of the class of records": (
        study("    load(Record)\n"),
        ["other"],
        ["error: experiments/other.py:", "takes a Record, not a type"],
    ),
    "a record of the class of managers": (
        study("    load(Record(type(manager), argsets[0]))\n"),
        ["other"],
        ["error: experiments/other.py:", "takes a manager, not <class", "(manager, a"],
    ),
    "too few cachers": (
        study("", head='@stage(None, ["x", "y"], [None])\ndef use(record): ...\n'),
        ["other"],
        ["stage use has 2 outputs and 1 cacher\n"],
    ),
    "an input in place of the record": (
        study("", head='@stage(["data"], ["x"])\ndef use(data):\n    return 1\n'),
        ["other"],
        ["takes 'data' where record must be", "def use(record, data):"],
    ),
    "a parameter that nothing fills": (
        study(
            "    use(load(record))\n",
            head='@stage(["data"], ["x"])\ndef use(record, data, lr):\n    return 1\n',
        ),
        ["other"],
        ["experiments/other.py:5: stage use takes 'lr'", "use(..., lr=...)"],
    ),
    "a former name without its module": (
        study(
            "",
            head='@stage(None, ["x"], formerly="old")\ndef use(record):\n    return 1\n',
        ),
        ["other"],
        ["formerly is 'old'", 'formerly="stages.old.old"'],
    ),
    "a set argset": (
        study("    argsets[0].seed = 5\n"),
        ["other"],
        ["experiments/other.py:9", "seed", "replace("],
    ),
    "metric outside a stage": (
        study("    record.metric('x', 1)\n"),
        ["other"],
        ["experiments/other.py:9", "stage"],
    ),
    "unknown setting": (
        {"pyproject.toml": '[tool.curifactory]\nreprots = "out"\n'},
        ["study"],
        ["pyproject.toml", "'reprots'", "'reports'?"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_request_is_refused_in_two_lines(project, case):
    if case == "unknown setting" and sys.version_info < (3, 11):
        pytest.importorskip("tomli")
    files, arguments, said = REFUSED[case]
    project.write(files)
    result = project.run(*arguments)
    assert result.code == 2, result
    assert result.out == ""
    assert 1 <= len(result.err.splitlines()) <= 2, result
    assert "Traceback" not in result.err
    assert [text for text in said if text not in result.err] == [], result
    assert project.left_behind() == []


@pytest.mark.parametrize("case", ["unknown field", "an input that nobody produces"])
def test_map_refuses_what_run_refuses(project, case):
    files, arguments, said = REFUSED[case]
    project.write(files)
    result = project.run("map", *arguments)
    assert result.code == 2
    assert all(text in result.err for text in said)
    assert project.left_behind() == []


@pytest.mark.skipif(os.name != "posix", reason="a shell closes them")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_process_without_output_runs_all_the_same(project, closed):
    command = f'"$0" -m curifactory study {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done
    assert project.newest()["status"] == "done"
    assert project.newest()["counts"]["failed"] == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_told(project, unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "curifactory", "ls"],
            cwd=project.root,
            env=project.environment(PYTHONUNBUFFERED=unbuffered),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the output cannot be written: No space left")
    assert len(done.stderr.splitlines()) == 2


def test_debug_shows_the_traceback(project):
    project.write(params("def get_params():\n    return [Args(sed=1)]\n"))
    result = project.run("study", "-p", "other", "--debug")
    assert result.code == 2
    assert "Traceback (most recent call last)" in result.err
    assert project.left_behind() == []


@pytest.mark.parametrize(
    "returned", ["(Args(name=n) for n in 'xy')", "(Args(name='x'), Args(name='y'))"]
)
def test_get_params_may_return_a_tuple_or_generator(project, returned):
    project.write(params(f"def get_params():\n    return {returned}\n"))
    result = project.ok(*OTHER)
    assert [argset["name"] for argset in result.run["argsets"]] == ["x", "y"]


def test_the_same_argset_from_two_files_counts_once(project):
    project.write(params("def get_params():\n    return [Args(name='a', seed=1)]\n"))
    result = project.ok("study", "-p", "base", "-p", "other")
    assert [argset["name"] for argset in result.run["argsets"]] == ["a", "b"]


WRONG_WHILE_COMPUTING = {
    "too few outputs": (
        '@stage([], ["x", "y"])\ndef use(record):\n    return 1, 2, 3\n',
        ["experiments/other.py:5", "3 values", "2 outputs", "x, y"],
    ),
    "one value for two outputs": (
        '@stage([], ["x", "y"])\ndef use(record):\n    return "no"\n',
        ["experiments/other.py:5", "1 value", "2 outputs"],
    ),
    "an output that JSON would change": (
        "from curifactory.caching import JsonCacher\n"
        '@stage([], ["x"], [JsonCacher])\ndef use(record):\n    return {1: 2}\n',
        ["experiments/other.py:6", "'x'", "key 1"],
    ),
    "an output that pickle cannot save": (
        "from curifactory.caching import PickleCacher\n"
        '@stage([], ["x"], [PickleCacher])\ndef use(record):\n    return lambda: 1\n',
        ["experiments/other.py:6", "'x'", "pickle"],
    ),
    "an undeclared artifact": (
        '@stage([], ["x"])\ndef use(record):\n    return record.manager\n',
        ["experiments/other.py", "'manager'", "declare"],
    ),
}


@pytest.mark.parametrize("case", WRONG_WHILE_COMPUTING)
def test_what_shows_only_while_computing_exits_with_1(project, case):
    head, said = WRONG_WHILE_COMPUTING[case]
    project.write(study("    use(record)\n", head=head))
    result = project.run("other")
    assert result.code == 1, result
    assert [text for text in said if text not in result.err] == [], result
    assert "Traceback" not in result.err and "/curifactory/" not in result.err
    assert result.counts == {"computed": 0, "reused": 0, "skipped": 0, "failed": 1}
    assert list(project.cache.rglob("meta.json")) == []
    assert list(project.cache.glob(".tmp/*")) == []


def test_a_failing_run_shows_the_users_line_once_and_no_frame_of_the_runner(project):
    project.write(study("    record.x.y\n"))
    result = project.run("other")
    assert result.code == 1
    assert "experiments/other.py" in result.err and "AttributeError" in result.err
    assert "/curifactory/" not in result.err and "Traceback" not in result.err


# Asking -----------------------------------------------------------------------------


def test_help_shows_examples(project):
    result = project.run("--help")
    assert result.code == 0
    assert "examples:" in result.out and "experiment map " in result.out
    assert result.err == ""


def test_help_imports_little_more_than_argparse(project):
    script = """
        import contextlib, io, sys
        from curifactory import cli

        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            cli.main(["--help"])
        names = {"curifactory.settings", "curifactory.experiment", "shutil", "typing"}
        print(sorted(names & sys.modules.keys()))
        """
    assert project.script(script).out == "[]\n"


@pytest.mark.parametrize("width", ["50", "", "wide"])
def test_help_is_as_wide_as_the_terminal_is_said_to_be(project, width):
    said = project.run("map", "--help", COLUMNS=width).out
    assert max(map(len, said.splitlines())) <= (48 if width == "50" else 78)
    assert ("\n  -p" in said) and len(said.splitlines()) > (40 if width == "50" else 20)


@pytest.mark.parametrize("command", ["run", "map", "ls"])
def test_each_command_has_help(project, command):
    result = project.run(command, "--help")
    assert result.code == 0
    assert f"experiment {command}" in result.out


def test_no_command_says_where_help_is(project):
    result = project.run()
    assert result.code == 2
    assert "--help" in result.err and len(result.err.splitlines()) <= 2


def test_ls_lists_names_and_summaries_without_importing(project):
    project.write({"experiments/loud.py": "print('LOUD')\ndef run(a, m): ...\n"})
    result = project.run("ls")
    assert result.code == 0
    assert "study" in result.out and "How good is the chain?" in result.out
    assert "base" in result.out and "loud" in result.out
    assert "LOUD" not in result.out
    assert project.left_behind() == []


def test_ls_shows_what_starts_an_experiment_that_is_named_as_a_command(project):
    place = project.root / "experiments"
    (place / "study.py").rename(place / "compare.py")
    assert "  run compare  How good is the chain?" in project.ok("ls").out
    assert project.ok("run", "compare").counts["computed"] == 6


def test_ls_shows_a_broken_file_as_one_row(project):
    project.write({"params/broken.py": "x = 1\ndef get_params(:\n"})
    result = project.run("ls")
    assert result.code == 0
    rows = [line for line in result.out.splitlines() if "broken" in line]
    assert len(rows) == 1 and "2" in rows[0]
    assert "base" in result.out


def test_ls_shows_a_file_with_a_byte_order_mark_as_others(project):
    place = project.root / "params" / "base.py"
    place.write_text(place.read_text("utf-8"), "utf-8-sig", newline="\r\n")
    assert project.ok("ls").out.endswith("parameter files:\n  base\n")


def test_a_broken_neighbour_does_not_stop_a_run(project):
    project.write({"params/broken.py": "def get_params(:\n", "experiments/bad.py": "("})
    project.ok()


# Ways to start ----------------------------------------------------------------------


def test_name_alone_run_and_map_mean_what_they_say(project):
    assert project.ok("map", "study").out == project.ok("study", "--map").out
    assert not list(project.root.glob("data/runs/*"))
    assert project.ok("run", "study").counts["computed"] == 6
    again = project.ok("study")
    assert again.counts == {"computed": 0, "reused": 7, "skipped": 0, "failed": 0}
    assert "computed: 0, reused: 7, skipped: 0, failed: 0" in again.out


def test_options_may_stand_before_the_name(project):
    assert project.ok("--quiet", "study").run["experiment"] == "study"


def test_the_summary_has_the_same_table_when_all_is_reused(project):
    def table(result):
        return [
            line for line in result.out.splitlines() if not line.startswith("study-")
        ]

    first = project.ok("study")
    assert any(line.split() == ["b", "15*"] for line in table(first)), first
    assert table(project.ok("study")) == table(first)


def test_it_works_from_a_subfolder(project):
    project.write({"notes/deep/x.txt": ""})
    assert project.ok("study", cwd=project.root / "notes" / "deep").run["number"] == 1
    assert not list((project.root / "notes").rglob("data"))


def test_it_works_from_a_path_with_spaces_and_other_letters(empty_project, tmp_path):
    from projects import CHAIN

    empty_project.root = tmp_path / "my stüdy, two"
    empty_project.cache = empty_project.root / "data" / "cache"
    empty_project.write(CHAIN)
    assert empty_project.ok().counts["computed"] == 6
    assert empty_project.ok().counts["reused"] == 7


def test_outside_of_a_project_one_line_says_what_is_missing(project, tmp_path):
    result = project.run("study", cwd=tmp_path)
    assert result.code == 2
    assert "experiments/" in result.err and len(result.err.splitlines()) <= 2


def test_the_run_button_of_an_ide_runs_the_experiment(project):
    path = project.root / "experiments" / "study.py"
    with path.open("a") as file:
        file.write(
            '\nif __name__ == "__main__":\n    from curifactory.cli import main\n\n'
            '    raise SystemExit(main(["study"]))\n'
        )
    path_of_project = os.pathsep.join([str(project.root), str(project.home)])
    result = project.python("experiments/study.py", PYTHONPATH=path_of_project)
    assert result.code == 0, result
    # What is read of the file that runs is the same under both names.
    assert project.ok("study").counts["reused"] == 7


def test_the_curifactory_of_another_project_is_refused(project):
    copy_runner(project.root, "extras")
    (project.root / "notes").mkdir()
    result = project.run("study", cwd=project.root / "notes")
    assert result.code == 2
    assert str(project.root) in result.err and len(result.err.splitlines()) <= 2
    assert project.left_behind() == []
    project.ok("study")  # in the root the project's own runner comes first


# Choosing ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["-n", "knn_*"], ["knn_0", "knn_1"]),
        (["-n", "svm_1"], ["svm_1"]),
        (["-n", "svm_1", "-n", "*_0"], ["knn_0", "svm_0", "svm_1"]),
        (["--indices", "0,2-3"], ["knn_0", "svm_0", "svm_1"]),
        (["--indices", "0", "--indices", "2-3"], ["knn_0", "svm_0", "svm_1"]),
        (["--indices", "3", "-n", "knn_0"], ["knn_0", "svm_1"]),
    ],
)
def test_argsets_are_chosen_by_name_pattern_and_place(project, options, chosen):
    body = "[Args(name=f'{k}_{i}', seed=i) for k in ('knn', 'svm') for i in (0, 1)]"
    project.write(params(f"def get_params():\n    return {body}\n"))
    result = project.ok(*OTHER, *options)
    assert [argset["name"] for argset in result.run["argsets"]] == chosen


def test_an_argset_whose_name_looks_like_a_pattern_is_chosen_alone(project):
    body = "[Args(name='a1'), Args(name='a[1]', seed=1), Args(name='a', seed=2)]"
    project.write(params(f"def get_params():\n    return {body}\n"))
    result = project.ok(*OTHER, "-n", "a[1]")
    assert [argset["name"] for argset in result.run["argsets"]] == ["a[1]"]


def test_get_params_of_the_experiment_comes_before_its_default(project):
    project.edit(
        "experiments/study.py",
        'DEFAULT_PARAMS = ["base"]',
        "def get_params():\n    from params import Args\n\n    return [Args(name='own')]",
    )
    result = project.ok()
    assert [argset["name"] for argset in result.run["argsets"]] == ["own"]
    chosen = project.ok("study", "-p", "base")
    assert [argset["name"] for argset in chosen.run["argsets"]] == ["a", "b"]


def test_overwrite_computes_everything_again(project):
    project.ok()
    result = project.ok("study", "--overwrite")
    # Both argsets take the same data, which one call makes for both.
    assert result.counts["computed"] + result.counts["reused"] == 7
    assert {call["stage"] for call in result.calls(status="computed")} == {
        "load",
        "fit",
        "score",
        "compare",
    }
    assert project.ok().counts["reused"] == 7


def test_a_file_that_hides_a_module_of_python_is_told(project):
    project.write({"queue.py": "x = 1\n"})
    result = project.python("-m", "curifactory", "study")
    assert result.code == 2 and "Traceback" not in result.err
    assert "queue.py hides Python's own module queue: rename it" in result.err


def test_a_file_with_the_name_of_a_module_of_python_hides_no_error(project):
    project.write({"profile.py": "x = 1\n"})
    project.edit(
        "experiments/study.py", "for args in", "del manager.calls\n    for args in"
    )
    result = project.python("-m", "curifactory", "map", "study")
    assert "Traceback" in result.err and "profile.py" not in result.err
    project.write({"queue.py": "x = 1\n"})
    result = project.python("-m", "curifactory", "study", "--debug")
    assert "Traceback" in result.err


def test_the_help_of_a_command_begins_with_what_it_does(project):
    shown = project.ok("map", "--help").out
    assert "\n\nSay what would be computed, and why.\n\n" in shown


def test_an_older_python_is_told_in_one_line(monkeypatch, capsys):
    from curifactory import __main__

    monkeypatch.delattr(sys, "orig_argv")
    assert __main__.main() == 2
    assert capsys.readouterr().err.endswith("is older than 3.10\n")


@pytest.mark.parametrize("module", ["__main__", "channel"])
def test_what_an_older_python_imports_before_that_is_not_too_new_for_it(module):
    """As 3.8 does, where `list[str]` is an error."""
    text = (RUNNER / f"{module}.py").read_text("utf-8")
    older = {**vars(builtins), **dict.fromkeys(("dict", "list", "tuple"), len)}
    names = {"__name__": "other", "__package__": "curifactory", "__builtins__": older}
    exec(compile(text, module, "exec", dont_inherit=True), names)


def test_a_stage_may_be_named_as_messages_name_it(project):
    project.ok()
    result = project.ok("study", "--overwrite-stage", "stages.chain.fit")
    assert result.done() == ["fit a", "fit b"]
    result = project.run("study", "--overwrite-stage", "stages.chian.fit")
    assert result.code == 2 and "did you mean 'fit'?" in result.err


def test_overwrite_stage_lets_identity_decide_below_it(project):
    project.ok()
    result = project.ok("study", "--overwrite-stage", "fit")
    assert result.done() == ["fit a", "fit b"]


def test_map_says_what_an_overwrite_would_do(project):
    project.ok()
    result = project.ok("map", "study", "--overwrite-stage", "fit")
    rows = [line.split() for line in result.out.splitlines() if line.startswith("fit")]
    assert rows and all("compute" in row and "forced" in row for row in rows)


def test_another_cache_holds_the_results(project, tmp_path):
    project.ok("study", "--cache", str(tmp_path / "elsewhere"))
    assert not project.cache.exists()
    again = project.ok("study", "--cache", str(tmp_path / "elsewhere"))
    assert again.counts["reused"] == 7


# Ending -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (getattr(signal, "SIGHUP", 1), 143)],
)
def test_a_signal_ends_the_run_and_keeps_what_is_finished(project, number, code):
    project.edit(
        "stages/chain.py",
        '    value = shift(model["sum"])',
        "    import pathlib, time\n"
        '    if not pathlib.Path("data/go").exists():\n'
        '        pathlib.Path("data/begun").touch()\n'
        # A signal right before one long sleep would be noticed only after it.
        "        for _ in range(1200):\n"
        "            time.sleep(0.05)\n"
        '    value = shift(model["sum"])',
    )
    result = project.interrupt(number, "data/begun", "study")
    assert result.code == code, result
    assert "Traceback" not in result.err
    assert (result.run["status"], result.run["exit_code"]) == ("interrupted", code)
    assert result.done() == ["load a", "fit a"]
    assert list(project.cache.glob(".tmp/*")) == []
    (project.root / "data" / "go").touch()
    again = project.ok("study")
    assert "load a" in again.done("reused") and "fit a" in again.done("reused")
    assert again.counts["failed"] == again.counts["skipped"] == 0


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there are no terminals")
def test_a_closed_terminal_ends_no_run_under_nohup():
    from curifactory import cli

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert signal.SIGHUP not in cli._endings()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_output_that_nobody_reads_any_more_is_no_error(project):
    text = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', "
    text += "'curifactory', 'ls'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
    text += "p.stdout.close(); err = p.stderr.read(); p.wait(); print(err.decode())"
    assert "Traceback" not in project.script(text).out


def test_a_report_is_written_and_latest_leads_to_it(project, tmp_path):
    pytest.importorskip("jinja2")
    project.home = copy_runner(tmp_path / "whole")
    result = project.ok()
    assert (project.root / "reports" / "study-1" / "index.html").is_file(), result
    assert (project.root / "reports" / "latest" / "index.html").is_file()
    assert "report: reports/study-1/index.html" in result.out


@pytest.mark.skipif(sys.platform != "linux", reason="refuses such names")
def test_a_report_is_written_where_the_name_of_a_folder_is_no_text(project, tmp_path):
    pytest.importorskip("jinja2")
    project.home = copy_runner(tmp_path / os.fsdecode(b"\xff\xfe"))
    result = project.ok()
    assert "report: reports/study-1/index.html" in result.out, result


def test_a_failure_is_told_by_the_exit_code_where_nobody_reads_on(project):
    (project.root / "experiments/failing.py").write_text(
        "from curifactory import Record, stage\nfrom params import Args\n\n\n"
        "@stage(None, ['x'])\ndef fail(record):\n    raise ValueError('no')\n\n\n"
        "def get_params():\n    return [Args(name='a')]\n\n\n"
        "def run(argsets, manager):\n    fail(Record(manager, argsets[0]))\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "curifactory", "failing"],
        cwd=project.root,
        env=project.environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr.partition("ValueError: no")[2]


def test_a_file_in_another_encoding_is_refused_with_its_line(project):
    path = project.root / "experiments" / "other.py"
    path.write_bytes(
        "# \u00e9\ndef run(argsets, manager):\n    pass\n".encode("latin-1")
    )
    result = project.run("other")
    assert result.code == 2
    assert "experiments/other.py:1: " in result.err and "UTF-8?" in result.err
    assert "line 1: 'utf-8' codec can't decode byte 0xe9" in project.ok("ls").out


@pytest.mark.parametrize(
    "given",
    [
        ["experiments/study.py", "-p", "params/base.py"],
        ["./experiments/study.py", "-p", "./params/base.py"],
        ["study.py", "-p", "base.py"],
        ["study", "-p", "experiments/own.py"],
        ["study", "-p", "experiments/deep"],
    ],
)
def test_files_may_be_given_by_path_as_shells_complete_them(project, given):
    text = (project.root / "params/base.py").read_text()
    own = text + "\n\ndef run(argsets, manager):\n    pass\n"
    project.write({"experiments/own.py": own, "params/experiments/deep.py": text})
    assert project.ok("map", *given).out == project.ok("map", "study").out
    assert project.ok(*given).counts["computed"] == 6


def test_the_name_of_a_file_may_have_a_space(project):
    text = (project.root / "experiments/study.py").read_text()
    project.write({"experiments/my study.py": text})
    assert project.ok("my study").counts["computed"] == 6


def test_a_decorator_may_fill_a_parameter_of_a_stage(project):
    stages = (
        "import functools\n\n\ndef seeded(function):\n"
        "    @functools.wraps(function)\n    def filled(record):\n"
        "        return function(record, rng=3)\n    return filled\n\n\n"
        "@stage(None, ['x'])\n@seeded\ndef one(record, rng):\n    return rng\n"
    )
    project.write(other(stages, "one(Record(manager, argsets[0]))"))
    assert project.ok("other").counts["computed"] == 1


def test_help_is_a_command_too(project):
    assert project.ok("help").out == project.ok("--help").out
    assert project.ok("help", "map").out == project.ok("map", "--help").out
    assert project.ok("help", "study").out == project.ok("run", "--help").out


def test_the_version_of_the_runner_is_shown(project):
    assert project.ok("--version").out == f"{curifactory.__version__}\n"


AGGREGATED = """
@stage(None, ["x"])
def score(record):
    record.metric("quality", record.args.seed)
    return record.args.seed


@aggregate(["x"], ["mean"])
def mean(record, records, x):
    record.metric("mean", sum(x.values()) / len(x))
    return 1
"""


def test_metrics_of_aggregates_are_shown(project):
    run = "for args in argsets:\n    score(Record(manager, args))\n"
    argsets = "Args('a', seed=1), Args('b', seed=4)"
    alone = run + "mean(Record(manager, None), manager.records)"
    project.write(other(AGGREGATED, alone, argsets))
    lines = project.ok("other").out.splitlines()
    assert lines[:3] == ["argset  quality", "a       1", "b       4"]
    assert lines[3:5] == ["over 2 argsets: mean  mean 2.5", ""]  # none is best
    part = run + "mean(Record(manager, None), manager.records[:1])"
    project.write(other(AGGREGATED, part, argsets))
    assert "\nover 1 argset: mean  mean 1\n" in project.ok("other").out
    stages = f"{AGGREGATED}\n@stage(None, ['x'])\ndef constant(record):\n    return 1\n"
    whole = f"{run}constant(Record(manager, None))\nmean(Record(manager, None))"
    project.write(other(stages, whole, argsets))
    assert "\nover 2 argsets: mean " in project.ok("other").out
    own = run + "mean(Record(manager, Args('all')), manager.records[:2])"
    project.write(other(AGGREGATED, own, argsets))
    lines = project.ok("other").out.splitlines()
    assert lines[0].split() == ["argset", "quality", "mean"]
    assert [line.split() for line in lines[1:4]] == [
        ["a", "1", "-"],
        ["b", "4", "-"],
        ["all", "-", "2.5"],
    ]


MEASURED = """
@stage(None, ["x"])
def one(record):
    record.metric("acc", record.args.seed, goal="max")
    return 1


@stage(["x"], ["y"])
def two(record, x):
    record.metric("acc", -record.args.seed, goal="max")
    record.metric("loss", [1.0, float("inf")][record.args.seed % 2], goal="max")
    return 1
"""
CHAIN = "for args in argsets:\n    two(one(Record(manager, args)))"


def test_metrics_of_one_name_stand_apart_and_the_infinite_is_never_best(project):
    argsets = "Args('a', seed=1), Args('b', seed=4)"
    project.write(other(MEASURED, CHAIN, argsets))
    rows = [line.split() for line in project.ok("other").out.splitlines()[:3]]
    assert rows == [
        ["argset", "one.acc", "two.acc", "loss"],
        ["a", "1", "-1*", "inf"],
        ["b", "4*", "-4", "1*"],
    ]


def test_nothing_is_best_beside_what_is_no_number(project):
    """The report says the same."""
    stages = """
@stage(None, ["x"])
def one(record):
    seed = record.args.seed
    record.metric("loss", seed if seed else float("nan"), goal="min")
    return 1
"""
    run = "for args in argsets:\n    one(Record(manager, args))"
    project.write(other(stages, run, "Args('a', seed=0), Args('b', seed=4)"))
    assert "b       4\n" in project.ok("other").out


def test_a_metric_has_the_goal_that_some_call_gives_it(project):
    stages = """
@stage(None, ["x"])
def one(record):
    seed = record.args.seed
    record.metric("acc", seed, goal="max" if seed else None)
    return 1
"""
    argsets = "Args('a', seed=0), Args('b', seed=4)"
    run = "for args in argsets:\n    one(Record(manager, args))"
    project.write(other(stages, run, argsets))
    assert "b       4*" in project.ok("other").out


def test_the_best_argset_is_shown_wherever_it_stands(project):
    argsets = "*[Args(f'a{i}', seed=i) for i in range(40)]"
    run = "for args in argsets:\n    one(Record(manager, args))"
    project.write(other(MEASURED, run, argsets))
    lines = project.ok("other").out.splitlines()
    assert [line.split()[0] for line in lines[1:22]][-2:] == ["a19", "a39"]
    assert lines[21].endswith("39*") and "and 19 more argsets" in lines[22]
    assert lines[23] == "* the best of its column"


def test_a_map_of_one_call_says_so(project):
    project.write(other(MEASURED, "one(Record(manager, argsets[0]))", "Args('a')"))
    assert "\n1 call: compute 1, reuse 0" in project.ok("map", "other").out


def test_of_one_more_argset_is_told_as_of_one(project):
    argsets = "*[Args(f'a{i}', seed=i) for i in range(22)]"
    run = "for args in argsets:\n    one(Record(manager, args))"
    project.write(other(MEASURED, run, argsets))
    assert "\n... and 1 more argset, see the report\n" in project.ok("other").out


def test_each_different_failure_is_shown_once(project):
    stages = (
        "@stage(None, ['x'])\ndef one(record):\n    assert record.args.seed < 3\n"
        "    return 1\n\n\n@stage(None, ['y'])\ndef two(record):\n    return [][1]\n"
    )
    run = "for args in argsets:\n    one(Record(manager, args))\n"
    run += "two(Record(manager, None))"
    argsets = "*[Args(f'a{i}', seed=i) for i in range(6)]"
    project.write(other(stages, run, argsets))
    result = project.run("other")
    assert result.code == 1
    assert "one a3 failed:" in result.err and "two - failed:" in result.err
    assert "one a4 failed:" not in result.err and "2 more failed" in result.err


def test_it_is_said_where_that_lies_which_calls_have_printed(project):
    stages = "@stage(None, ['x'])\ndef one(record):\n    print('HELLO')\n    return 1\n"
    project.write(other(stages, "one(Record(manager, argsets[0]))"))
    assert "what calls printed: data/runs/other-1/output" in project.ok("other").out
    assert "what calls printed" not in project.ok("other").out


def test_one_name_for_two_argsets_is_told(project):
    line = "    load(Record(manager, argsets[0].copy(seed={})))\n"
    body = "    load(record)\n" + line.format(99) + line.format(98)
    project.write(study(body))
    said = "two argsets are named 'a', and the report shows them as one"
    assert project.ok("other").err.count(said) == 1
    project.write(study(body.replace("seed=", "name='more', seed=")))
    assert project.ok("other").err.count("two argsets are named 'more'") == 1
    project.write(
        study("    load(record)\n    load(Record(manager, argsets[0].copy()))\n")
    )
    assert "two argsets" not in project.ok("other").err


def test_a_stage_without_return_is_told(project):
    stages = "@stage(None, ['x'])\ndef one(record):\n    x = 1\n"
    project.write(other(stages, "one(Record(manager, argsets[0]))"))
    assert "one has no return: 'x' is None" in project.ok("other").err
    project.write(
        other(
            stages.replace("x = 1", "return None"), "one(Record(manager, argsets[0]))"
        )
    )
    project.ok("other")


def test_what_editors_leave_beside_experiments_is_none(project):
    experiments = project.root / "experiments"
    (experiments / ".#study.py").symlink_to("nobody@nowhere.1")
    (experiments / "folder.py").mkdir()
    project.write({"experiments/.ipynb_checkpoints/old.py": "def run(): pass\n"})
    listed = project.ok("ls").out
    assert not any(name in listed for name in (".#study", "folder", "old"))
    assert "there is no experiment 'stdy'" in project.run("stdy").err


NOTE = """import os


class Note:
    def __del__(self, make=os.mkdir):
        make("ended")


NOTE = Note()


"""


def test_what_modules_hold_ends_with_the_process_as_elsewhere(project):
    """As files do that are still open: they are written out."""
    project.edit("stages/chain.py", "@stage(None", f"{NOTE}@stage(None")
    project.python("-m", "curifactory", "study")
    assert (project.root / "ended").exists()


def on_terminal(project, *arguments, columns):
    """Return what a command prints to a terminal of so many columns."""
    ours, its = os.openpty()
    command = [sys.executable, "-m", "curifactory", *arguments]
    environment = project.environment(COLUMNS=str(columns))
    done = subprocess.run(command, cwd=project.root, env=environment, stdout=its)
    os.close(its)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0, said
    return said.replace("\r\n", "\n").splitlines()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals here")
def test_a_map_fits_the_terminal_and_is_whole_elsewhere(project):
    project.edit("stages/chain.py", "[1, 2, 3]", "[len(record.args.path)]")
    long = "numbers with a long text to tell what they are for"
    project.edit("params/base.py", 'name="b"', f'name="b", path="{long}"')
    project.ok("study", "--quiet")
    project.edit("params/base.py", long, long[::-1])
    whole = project.ok("map", "study").out.splitlines()
    assert max(map(len, whole)) > 100
    shown = on_terminal(project, "map", "study", columns=80)
    assert 60 < max(map(len, shown)) <= 80
    assert " ".join(" ".join(shown).split()) == " ".join(" ".join(whole).split())
    assert on_terminal(project, "map", "study", columns=500) == whole


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals here")
def test_a_terminal_shows_as_many_metrics_as_fit(project):
    stage = "@stage(None, ['x'])\ndef one(record):\n    for i in range(30):\n"
    stage += "        record.metric(f'metric_{i:02}', record.args.seed, goal='max')\n"
    run = "for args in argsets:\n    one(Record(manager, args))"
    project.write(other(f"{stage}    return 1\n", run, "Args('a', seed=1), Args('b')"))
    whole = project.ok("other").out.splitlines()
    assert len(whole[0].split()) == 31
    shown = on_terminal(project, "other", "--quiet", columns=80)
    assert shown[0].split() == ["argset", *(f"metric_{i:02}" for i in range(6))]
    assert [len(line.split()) for line in shown[1:3]] == [7, 7]
    assert "... and 24 more columns, see the report" in shown
    assert on_terminal(project, "other", "--quiet", columns=9)[0].split() == [
        "argset",
        "metric_00",
    ]


@pytest.mark.parametrize("command", ["map", "explain"])
def test_looking_makes_no_cache(whole, command):
    place = whole.root / "elsewhere"
    whole.ok(command, "study", "--cache", str(place))
    assert not place.exists() and whole.left_behind() == []


def test_a_cache_that_is_only_read_is_there(project):
    result = project.run("study", "--read-only", "--cache", "nowhere")
    assert result.code == 2 and "there is no cache at" in result.err
    assert project.left_behind() == []


WORDS = """
WORDS = {"a", "bit", "of", "text", "in", "no", "order", "that", "one", "can", "tell"}
PATTERN = "|".join(WORDS)


@stage(None, ["first"])
def find(record):
    return PATTERN
"""


@pytest.mark.parametrize("options", [[], ["--plain"]])
@pytest.mark.skipif(os.name != "posix", reason="a process cannot begin once more")
def test_constants_that_are_made_of_sets_are_the_same_in_each_run(project, options):
    project.write(other(WORDS, "find(Record(manager, argsets[0]))"))
    runs = [project.python("-m", "curifactory", "other", *options) for _ in range(3)]
    assert [each.counts["computed"] for each in runs] == [1, 0, 0]
    mapped = project.python("-m", "curifactory", "map", "other")
    assert "compute 0, reuse 1" in mapped.out


def test_a_hash_seed_that_is_given_is_kept(project):
    stages = '@stage(None, ["x"])\ndef find(record):\n    return hash("text")\n'
    project.write(
        other(stages, "print('IT', find(Record(manager, argsets[0])).state['x'])")
    )
    found = {
        project.python("-m", "curifactory", "other", "--overwrite", **more).out
        for more in ({"PYTHONHASHSEED": "7"}, {"PYTHONHASHSEED": "6640"}, {})
    }
    assert len({out.partition("IT ")[2].split()[0] for out in found}) == 2


@pytest.mark.parametrize("version", [v for v in others() if v > "3.11"])
@pytest.mark.parametrize("tool", ["debugger", "coverage", "profiler"])
def test_a_command_that_is_followed_does_not_begin_once_more(tmp_path, version, tool):
    """Newer debuggers set no trace function; they would lose what they are asked for."""
    script = f"""
        import json, os, sys
        sys.monitoring.use_tool_id(sys.monitoring.{tool.upper()}_ID, "{tool}")
        del os.environ["PYTHONHASHSEED"]
        again = []
        os.execv = lambda *given: again.append(given)
        from curifactory.__main__ import main
        main()
        print(json.dumps(len(again)))
        """
    (tmp_path / "followed.py").write_text(dedent(script))
    known = {"python": others()[version], "cwd": tmp_path}
    assert run("followed.py", "study", **known) == (tool == "profiler")


def test_the_command_can_be_started_by_the_name_that_its_main_module_has(project):
    """Some libraries do so to have several processes: `python -m` and that name."""
    head = (
        "import sys\nNAME = sys.modules['__main__'].__spec__.name\nprint('IT', NAME)\n"
    )
    project.edit("experiments/study.py", "DEFAULT", head + "DEFAULT")
    told = project.python("-m", "curifactory", "map", "study").out
    name = told.partition("IT ")[2].split()[0]
    assert project.python("-m", name, "map", "study").out == told


@pytest.mark.parametrize("command", ["accept", "check"])
def test_a_cache_that_results_are_kept_in_is_there(whole, command):
    whole.ok("study")
    result = whole.run(command, "fit", "--cache", "nowhere")
    assert result.code == 2 and "there is no cache at" in result.err
    assert not (whole.root / "nowhere").exists()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals here")
def test_a_broken_file_is_red_unless_no_colour_is_wanted(project, monkeypatch):
    project.write({"experiments/broken.py": "def (\n"})
    monkeypatch.delenv("NO_COLOR", raising=False)
    red = "\x1b[31m  broken  line 1: invalid syntax\x1b[0m"
    assert red in on_terminal(project, "ls", columns=80)
    monkeypatch.setenv("NO_COLOR", "1")
    assert red[5:-4] in on_terminal(project, "ls", columns=80)


def test_numbers_that_nearly_agree_are_told_apart(project):
    project.edit("stages/chain.py", '"quality", value,', '"quality", 1e5 + value,')
    lines = project.ok().out.splitlines()
    assert lines[:3] == ["argset  quality", "a       100014", "b       100015*"]
