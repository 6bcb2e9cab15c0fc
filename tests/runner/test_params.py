"""experiment params and experiment new; --set, --seeds and selection of a run."""

import json
import os
import subprocess
import sys

import pytest
from test_cli import on_terminal

MODELS = """
    from params import Args


    def get_params():
        print("CALLED", file=__import__("sys").stderr)
        return [Args(name="a"), Args(name="b", seed=2), Args(name="c", seed=2, depth=3)]
    """


STUDY = """
    DEFAULT_PARAMS = NAMES


    def run(argsets, manager):
        pass
    """


@pytest.fixture
def models(whole):
    whole.write({"params/models.py": MODELS})
    return whole


def table(text):
    return [line.split() for line in text.splitlines() if line]


def names(result):
    return [each["name"] for each in result.run["argsets"]]


# experiment params ------------------------------------------------------------------


def test_params_shows_what_differs_behind_the_beginning_of_long_values(models):
    long = "A" * 70
    models.edit("params/models.py", "seed=2)", f"path='{long}1')")
    models.edit("params/models.py", "seed=2, depth=3", f"path='{long}2'")
    texts = [f"...{'A' * 20}1'", f"...{'A' * 20}2'"]
    shown = table(models.ok("params", "models", "-n", "[bc]").out)
    assert [row[2:] for row in shown[:3]] == [["path"], [texts[0]], [texts[1]]]
    shown = table(models.ok("params", "models", "--diff", "b", "c").out)
    assert shown[1:] == [["path", *texts]]


def test_params_shows_what_varies_with_hashes_and_computes_nothing(models):
    result = models.ok("params", "models")
    head, a, b, c, end = table(result.out)
    assert head == ["argset", "hash", "seed", "depth"]
    assert [a[0], *a[2:]] == ["a", "0", "1"]
    assert [c[0], *c[2:]] == ["c", "2", "3"]
    assert all(len(row[1]) == 12 for row in (a, b, c)) and a[1] != b[1] != c[1]
    assert result.out.endswith("3 argsets, 2 fields are the same in all (--full)\n")
    one = models.ok("params", "models", "--set", "path=a,b").out
    assert one.endswith("6 argsets, 1 field is the same in all (--full)\n")
    assert models.left_behind() == []


def test_params_shows_all_fields_when_asked(models):
    head = table(models.ok("params", "models", "--full").out)[0]
    assert head == ["argset", "hash", "seed", "depth", "path", "items"]


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals here")
def test_fields_that_all_have_alike_stand_below_where_a_terminal_is_narrow(models):
    shown = on_terminal(models, "params", "models", "--full", columns=40)
    assert shown[0].split() == ["argset", "hash", "seed", "depth"]
    said = "3 argsets, 2 fields are the same in all:"
    assert shown[5:] == [said, "field  in all", "path   ''", "items  []"]
    shown = on_terminal(models, "params", "models", "--full", columns=80)
    assert shown[0].split()[2:] == ["seed", "depth", "path", "items"]


def test_params_takes_several_files_and_each_is_called_once(models):
    more = MODELS.replace('"a"', '"x"').replace('"b"', '"y"').replace('"c"', '"z"')
    models.write({"params/more.py": more})
    result = models.ok("params", "models", "more", "models", "-n", "[cx]")
    assert [row[0] for row in table(result.out)[1:3]] == ["c", "x"]
    assert result.err.count("CALLED") == 2


def test_an_experiment_stands_for_the_argsets_it_has_by_default(models):
    models.write({"experiments/three.py": STUDY.replace("NAMES", '"models"')})
    rows = table(models.ok("params", "three", "models").out)
    assert [row[0] for row in rows[1:-1]] == ["a", "b", "c"]
    assert names(models.ok("study", "-p", "three", "-n", "c")) == ["c"]


def test_experiments_that_name_each_other_have_no_argsets(models):
    for one, other in ("here", "there"), ("there", "here"):
        models.write({f"experiments/{one}.py": STUDY.replace("NAMES", f'["{other}"]')})
    result = models.run("params", "here")
    assert result.code == 2
    assert "experiments/there.py has no function get_params()" in result.err


def test_params_speaks_json(models):
    found = json.loads(models.ok("params", "models", "--json").out)
    assert found[2]["name"] == "c" and found[2]["paramset"] == "models"
    assert found[2]["fields"] == {"seed": 2, "depth": 3, "path": "", "items": []}
    assert len(found[2]["hash"]) == 12


def test_params_compares_two_argsets(models):
    result = models.ok("params", "models", "--diff", "a", "c")
    assert table(result.out) == [
        ["field", "a", "c"],
        ["seed", "0", "2"],
        ["depth", "1", "3"],
    ]
    found = models.ok("params", "models", "--diff", "a", "c", "--json").out
    assert json.loads(found) == {"seed": [0, 2], "depth": [1, 3]}
    same = models.ok("params", "models", "--diff", "a", "a")
    assert same.out == "a and a differ in nothing but the name\n"


def test_params_shows_sweeps_before_they_are_run(models):
    result = models.ok(
        "params", "models", "--set", "depth=5,6", "--seeds", "2", "-n", "a*1"
    )
    rows = table(result.out)
    assert [row[0] for row in rows[1:3]] == ["a_depth=5_seed1", "a_depth=6_seed1"]


def test_params_shows_values_as_python_writes_them(models):
    models.edit("params/models.py", "depth=3", "items=[(3, 4)]")
    row = models.ok("params", "models").out.splitlines()[3]
    assert row.endswith(" [(3, 4)]")  # no list as JSON has it, and no text


def test_params_imports_the_parameter_files_alone(models):
    models.write({"stages/__init__.py": "raise SystemExit('imported')\n"})
    assert models.run("params", "models").code == 0


def test_params_tells_that_a_secret_varies_and_shows_none(models):
    secret = 'parameter("", secret=True)'
    models.edit("params/__init__.py", "import ExperimentArgs", "import *")
    models.edit("params/__init__.py", 'path: str = ""', f"path: str = {secret}")
    assert table(models.ok("params", "models").out)[0][2:] == ["seed", "depth"]
    models.edit("params/models.py", 'name="b"', 'name="b", path="abc"')
    result = models.ok("params", "models")
    head, a, b, *_ = table(result.out)
    assert head[2:] == ["seed", "depth", "path"]
    assert a[-1] == b[-1] == "***" and "abc" not in result.out


def test_params_tells_that_a_secret_in_a_dataclass_varies(models):
    inner = "@dataclass\nclass Inner:\n    key: str = parameter('', secret=True)\n\n\n"
    models.edit("params/__init__.py", "import ExperimentArgs", "import *")
    models.edit(
        "params/__init__.py", "@dataclass\nclass Args", f"{inner}@dataclass\nclass Args"
    )
    kind = "Inner = field(default_factory=Inner)"
    models.edit("params/__init__.py", 'path: str = ""', f"path: {kind}")
    models.edit("params/models.py", "import Args", "import Args, Inner")
    assert table(models.ok("params", "models").out)[0][2:] == ["seed", "depth"]
    models.edit("params/models.py", 'name="b"', 'name="b", path=Inner("abc")')
    result = models.ok("params", "models")
    head, a, b, *_ = table(result.out)
    assert head[2:] == ["seed", "depth", "path.key"]
    assert a[-1] == b[-1] == "***" and "abc" not in result.out


def test_secrets_are_redacted_wherever_argsets_are_shown(models):
    models.edit(
        "params/__init__.py",
        "from curifactory import",
        "from curifactory.args import parameter\nfrom curifactory import",
    )
    models.edit(
        "params/__init__.py", 'path: str = ""', 'path: str = parameter("", secret=True)'
    )
    models.edit(
        "stages/chain.py", "return [1, 2, 3]", "return [len(record.args.path), 2, 3]"
    )
    first = models.ok("study", "--set", "path=hunter2")
    again = models.ok("study", "--set", "path=hunter22")
    assert "load a" in again.done()  # a secret counts
    shown = [first.out, again.out, again.err]
    shown += [models.ok("params", "models", "--set", "path=hunter2", "--full").out]
    shown += [models.ok("params", "models", "--set", "path=hunter2", "--json").out]
    shown += [models.ok("map", "study", "--set", "path=hunter3").out]
    shown += [models.ok("explain", "study", "--set", "path=hunter4").out]
    shown += [models.ok("explain", "study", "--set", "path=hunter2", "--json").out]
    for path in models.root.rglob("*"):
        if path.suffix in (".json", ".html", ".txt"):
            shown.append(path.read_text())
    assert not [text for text in shown if "hunter" in text]
    assert again.reasons("load")[0] == "path changed"
    assert again.run["command"] == "experiment study --set path=***"
    assert again.run["argsets"][0]["fields"]["path"] == "***"
    said = models.run("study", "--set", "path=hunter2", "--set", "seed=x").err
    assert "hunter" not in said


def test_the_message_of_a_stage_that_fails_shows_no_secret(models):
    models.edit(
        "params/__init__.py",
        'path: str = ""',
        'path: str = field(default="", metadata={"secret": True})\n'
        '    keys: dict = field(default_factory=dict, metadata={"secret": True})',
    )
    models.edit(
        "stages/chain.py",
        "return [1, 2, 3]",
        "raise KeyError(record.args.path, record.args.keys)",
    )
    result = models.run(
        "study", "--set", "path=hunt'er", "--set", 'keys={"a": [98765]}'
    )
    assert result.code == 1
    shown = [result.out, result.err]
    for path in models.root.rglob("*"):
        if path.suffix in (".json", ".html", ".txt"):
            shown.append(path.read_text())
    assert not [text for text in shown if "hunt" in text or "98765" in text]
    failed = result.calls("load", "failed")[0]["error"]
    assert failed["message"] == """("***", {'a': [***]})"""


def test_a_stage_fails_alone_whose_argset_holds_what_holds_itself(models):
    models.edit(
        "params/__init__.py",
        'path: str = ""',
        'path: str = ""\n    ring: list = field(default_factory=lambda: _ring(), '
        'metadata={"represent": len})',
    )
    models.edit(
        "params/__init__.py",
        "@dataclass\n",
        "def _ring():\n    ring = [1]\n    return ring.append(ring) or ring\n\n\n"
        "@dataclass\n",
    )
    models.edit("stages/chain.py", "return [1, 2, 3]", "raise KeyError('seen')")
    result = models.run("study")
    assert result.code == 1 and "KeyError: 'seen'" in result.err, result
    assert "Traceback" not in result.err


# --set, --seeds, selection ----------------------------------------------------------


def test_set_changes_all_argsets_of_a_run(models):
    result = models.ok("study", "-p", "models", "--set", "depth=2")
    assert [each["fields"]["depth"] for each in result.run["argsets"]] == [2, 2, 2]
    assert names(result) == ["a", "b", "c"]
    assert (
        models.ok("study", "-p", "models", "--set", "depth=2").counts["computed"] == 0
    )


def test_a_sweep_shares_what_it_does_not_reach(models):
    result = models.ok("study", "-p", "models", "--set", "depth=2,3", "-n", "a_*")
    assert names(result) == ["a_depth=2", "a_depth=3"]
    assert result.done() == [
        "load a_depth=2",
        "fit a_depth=2",
        "score a_depth=2",
        "score a_depth=3",
        "compare",
    ]


def test_selection_comes_after_set_and_seeds(models):
    result = models.ok("study", "-p", "models", "--seeds", "3", "--indices", "1,3-4")
    assert names(result) == ["a_seed1", "b_seed0", "b_seed1"]
    assert [each["fields"]["seed"] for each in result.run["argsets"]] == [1, 0, 1]


def test_argsets_that_are_left_out_may_lack_what_is_set(models):
    """Variants of one study may have other fields, such as those of another model."""
    models.edit("params/__init__.py", "items: list =", "items: object =")
    models.edit("params/models.py", "depth=3", "items={'x': 1}")

    def run(text, *selected):
        return models.run("study", "-p", "models", "--set", text, *selected)

    assert names(run("items.x=2", "-n", "c")) == ["c"]
    assert names(run("items.x=2,3", "-n", "c_*")) == ["c_items.x=2", "c_items.x=3"]
    assert names(run("items.x=2", "--seeds", "2", "-n", "c_seed1")) == ["c_seed1"]
    refused = "there is no field 'x'"
    for selected in (["-n", "b"], ["-n", "*"], ["-n", "?"], ["--indices", "2"], []):
        assert refused in run("items.x=2", *selected).err
    assert "there is no key 'y'" in run("items.y=2", "-n", "c").err
    assert "no argset is named 'z'" in run("items.x=2", "-n", "z").err
    assert "did you mean 'a'" in run("items.x=2", "-n", "A").err


def test_map_takes_the_same_options(models):
    result = models.ok(
        "map", "study", "-p", "models", "--set", "depth=7", "--seeds", "2"
    )
    assert "19 calls" in result.out


def test_get_params_is_called_once_a_run(models):
    assert models.ok("study", "-p", "models").err.count("CALLED") == 1
    assert models.ok("map", "study", "-p", "models").err.count("CALLED") == 1
    given = ("-p", "models", "-p", "models", "--set", "depth=1,2")
    assert models.ok("study", *given).err.count("CALLED") == 1


def test_without_the_extras_set_says_so(project):
    result = project.run("study", "--set", "seed=3")
    assert (result.code, result.err) == (
        2,
        "error: --set and --seeds need the extras\n  bring back the folder curifactory/extras/\n",
    )


# experiment new ---------------------------------------------------------------------


def test_new_writes_stubs_that_work_and_keep_the_style(whole):
    assert whole.ok("new", "params", "trees").out == (
        "wrote params/trees.py; look at it with: experiment params trees\n"
    )
    whole.ok("new", "experiment", "forest")
    whole.ok("new", "stage", "prune")
    assert whole.ok("forest").counts["computed"] > 0
    places = {"PYTHONPATH": os.pathsep.join([str(whole.root), str(whole.home)])}
    result = whole.python("experiments/forest.py", "-p", "tres", **places)
    assert result.code == 2 and "did you mean 'trees'?" in result.err
    result = whole.ok("forest", "-p", "trees")
    assert names(result) == ["trees", "trees_changed"]
    assert whole.python("-c", "from stages.prune import prune").code == 0
    assert len(table(whole.ok("params", "trees").out)) == 4
    written = [
        whole.root / f"{p}.py"
        for p in ("params/trees", "experiments/forest", "stages/prune")
    ]
    for tool in (["black", "--check", "-q"], ["ruff", "check", "-q", "--isolated"]):
        done = subprocess.run(
            [sys.executable, "-m", *tool, *written], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_new_refuses_an_experiment_that_could_not_be_run_by_its_name(whole):
    for name in ("cache", "random"):
        result = whole.run("new", "experiment", name)
        assert result.code == 2
        assert result.err.startswith(f"error: no experiment can be named {name!r}\n")
    assert whole.ok("new", "stage", "cache").out.startswith("wrote stages/cache.py")


def test_new_never_overwrites(whole):
    before = (whole.root / "params/base.py").read_text()
    result = whole.run("new", "params", "base")
    assert result.code == 2
    assert (
        result.err
        == "error: params/base.py is there already\n  move it away first, or take another name\n"
    )
    assert (whole.root / "params/base.py").read_text() == before


@pytest.mark.parametrize("name", ["../x", "a b", "class", "3d", "", "Trees", "a/b"])
def test_new_refuses_names_that_are_no_module(whole, name):
    result = whole.run("new", "stage", name)
    assert result.code == 2
    assert result.err.startswith(f"error: {name!r} is no name of a Python module")
