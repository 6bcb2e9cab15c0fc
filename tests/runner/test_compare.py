"""`experiment compare`: past runs side by side, from the history and traces alone."""

import csv
import io
import os
import re
import shutil
import subprocess
import sys

import pytest
from test_cli import on_terminal

SCORED = 'record.metric("quality", value, goal="max")'
OTHER = """
    from curifactory import stage


    @stage(None, ["other"])
    def fit(record):
        return 1


    @stage(None, ["other"])
    def alone(record):
        return 3
    """
OTHERS = """
    from stages.other import alone, fit as other
    other(Record(manager, None))
    alone(Record(manager, None))
"""


def compare(whole, *arguments):
    return whole.ok("compare", *arguments).out


def csv_of(whole, *arguments):
    text = compare(whole, "--csv", *arguments)
    return list(csv.DictReader(io.StringIO(text)))


def argsets(out, name):
    """The lines of a table that begin with a name, as lists of cells."""
    return [line.split() for line in out.splitlines() if line.startswith(f"{name} ")]


def test_a_run_is_shown_with_what_varied_and_what_came_out(whole):
    whole.ok("study", "--set", "path=x", "--quiet")
    for asked in ((), ("study",), ("study-1",)):
        lines = compare(whole, *asked).splitlines()
        assert lines[0].startswith("study-1  ") and "computed 6" in lines[0]
        assert lines[2:] == [
            "argset  quality  seed",
            "a       14       1",
            "b       15*      2",
            "* the best of its column",
        ]


def test_two_runs_are_shown_with_what_lies_between_them(whole):
    whole.ok("study", "--quiet")
    whole.edit("src/helpers.py", "x + 1", "x + (5 if x == 13 else 1)")
    whole.ok("study", "--quiet", "--verbose")
    out = compare(whole, "study-1", "study-2")
    assert out.partition("\n\n")[2] == (
        "study-1 -> study-2\n"
        "  command: experiment study --quiet -> experiment study --quiet --verbose\n"
        "  score: src/helpers.py: shift changed\n"
        "\n"
        "argset  run               quality  seed\n"
        "a       study-1           14       1\n"
        "a       study-2           18*      1\n"
        "b       study-1, study-2  15       2\n"
        "* the best of its column\n"
        "1 of 2 differ between these runs\n"
    )


def test_runs_of_the_same_code_say_so(whole):
    whole.ok("study", "--quiet")
    whole.ok("study", "--quiet")
    out = compare(whole, "study-1", "study")
    assert "study-1 -> study-2: the same code\n" in out
    assert "0 of 2 differ between these runs\n" in out


LOOKS = {
    "a text is no number": ("path", "'1'", "1", ['"1"', "1"]),
    "a text is not nothing": ("path", "'null'", "None", ['"null"', "null"]),
    "long texts": ("path", "40 * 'x' + '1'", "40 * 'x' + '2'", None),
    "lines": ("path", "'p\\nq'", "'p'", ['"p\\nq"', "p"]),
    "what is shown alike": ("items", "[Half(1)]", "[Half(2)]", None),
}


@pytest.mark.parametrize("case", LOOKS)
def test_values_that_differ_look_different(whole, case):
    name, before, after, cells = LOOKS[case]
    half = "class Half:\n    __repr__ = lambda self: 'Half'\n"
    half += "    def __init__(self, x): self.x = x\n"
    whole.write({"src/half.py": half})
    whole.edit(
        "params/base.py", "from params", "from src.half import Half\nfrom params"
    )
    whole.edit("params/__init__.py", 'path: str = ""', 'path: object = ""')
    whole.edit("params/base.py", "seed=1", f"seed=1, {name}={before}")
    whole.ok("study", "--quiet")
    whole.edit("params/base.py", f"{name}={before}", f"{name}={after}")
    whole.ok("study", "--quiet")
    found = [line[4:] for line in argsets(compare(whole, "study-1", "study-2"), "a")]
    assert (
        [line for line in found] == [[each] for each in cells]
        if cells
        else (len(found) == 2 and found[0] != found[1])
    )


def test_a_field_that_one_of_them_lacks_is_shown(whole):
    whole.ok("study", "--quiet")
    whole.edit("params/__init__.py", "    items", "    new: int = 5\n    items")
    whole.ok("study", "--quiet")
    out = compare(whole, "study-1", "study-2")
    assert [line[-1] for line in argsets(out, "a")] == ["-", "5"]


def test_metrics_of_an_argset_that_differ_look_different(whole):
    small = "record.args.seed + 1e-5 * record.args.depth"
    least = "0.3 if record.args.depth == 1 else 0.1 + 0.2"
    more = f"{SCORED}; record.metric('m', {small}); record.metric('n', {least})"
    whole.edit("stages/chain.py", SCORED, more)
    whole.ok("study", "--quiet")
    whole.ok("study", "--quiet", "--set", "depth=2")
    one, other = argsets(compare(whole, "study-1", "study-2"), "a")
    assert one[3:5] == ["1.00001", "0.29999999999999999"]
    assert other[3:5] == ["1.00002", "0.30000000000000004"]


def test_another_goal_makes_no_other_row_and_no_star(whole):
    whole.ok("study", "--quiet")
    whole.edit("stages/chain.py", 'goal="max"', 'goal="min"')
    whole.edit("params/base.py", "seed=1", "seed=3")
    whole.ok("study", "--quiet")
    out = compare(whole, "study-1", "study-2")
    assert "1 of 2 differ between these runs" in out and "*" not in out


def test_what_differs_comes_first(whole):
    whole.ok("study", "--quiet")
    whole.edit("params/base.py", 'name="b", seed=2', 'name="b", seed=7')
    whole.edit("params/base.py", "seed=7)]", "seed=7), Args(name='c', seed=1)]")
    whole.ok("study", "--quiet")
    out = compare(whole, "study-1", "study-2")
    rows = [line.split()[:2] for line in out.splitlines()[6:-1]]
    assert rows[:3] == [["b", "study-1"], ["b", "study-2"], ["c", "study-2"]]
    assert [row[-1] for row in argsets(out, "b")] == ["2", "7"]
    assert "2 of 3 differ between these runs\n" in out


def test_code_of_which_traces_are_gone_is_not_called_the_same(whole):
    whole.ok("study", "--quiet")
    whole.ok("study", "--quiet")
    shutil.rmtree(whole.cache / "stages.chain.fit")
    before = sorted(whole.cache.rglob("*"))
    out = compare(whole, "study-1", "study-2")
    said = "  fit: whether its code is the same is not known: traces are gone\n"
    assert f"study-1 -> study-2\n{said}" in out
    assert sorted(whole.cache.rglob("*")) == before


BETWEEN = {
    "a method of the argset": (
        [
            ("params/__init__.py", "    items", "    def s(self): return 2\n    items"),
            ("stages/chain.py", "+ record.args.seed", "+ record.args.s()"),
        ],
        [("params/__init__.py", "return 2", "return 3")],
        "fit: s changed",
    ),
    "a file": (
        [
            (
                "stages/chain.py",
                "return [1, 2, 3]",
                "return [int(open('own.txt').read())]",
            )
        ],
        [("own.txt", "1", "2")],
        "load: own.txt changed",
    ),
    "one of two stages of one name": (
        [("experiments/study.py", "manager.records)\n", f"manager.records){OTHERS}")],
        [("stages/other.py", "return 1", "return 2")],
        "fit: stages/other.py: fit changed",
    ),
    "a stage that is pinned": (
        [("stages/chain.py", '["score"])\ndef', '["score"], version="2")\ndef')],
        [("stages/chain.py", "value = shift", "value = 1 + shift")],
        "score: version= stands for its code",
    ),
    "a stage that only one of them has": (
        [("experiments/study.py", "manager.records)\n", f"manager.records){OTHERS}")],
        [("experiments/study.py", "    alone(Record(manager, None))\n", "")],
        "alone: only in study-1",
    ),
}


@pytest.mark.parametrize("case", BETWEEN)
def test_runs_between_which_lies(whole, case):
    before, after, said = BETWEEN[case]
    whole.write({"own.txt": "1", "stages/other.py": OTHER})
    for edits in (before, after):
        for edit in edits:
            whole.edit(*edit)
        whole.ok("study", "--quiet")
    assert f"study-1 -> study-2\n  {said}\n\n" in compare(whole, "study-1", "study-2")


def test_a_stage_that_gave_nothing_is_not_called_the_same(whole):
    for error in ("ValueError", "KeyError"):
        whole.edit("stages/chain.py", "    value =", f"    raise {error}\n    value =")
        whole.run("study", "--quiet")
    out = compare(whole, "study-1", "study-2")
    assert (
        "  score: whether its code is the same is not known: it gave nothing\n" in out
    )


def test_code_that_was_accepted_is_not_called_the_same(whole):
    whole.ok("study", "--quiet")
    whole.edit("src/helpers.py", "2 * x", "x + x")
    whole.ok("accept", "fit")
    whole.ok("study", "--quiet")
    said = "  fit: its code was accepted\n\n"
    assert f"study-1 -> study-2\n{said}" in compare(whole, "study-1", "study-2")
    whole.edit("params/base.py", "seed=2)]", "seed=2), Args(name='c', seed=3)]")
    whole.ok("study", "--quiet")  # what is new has the code of now
    said = "  fit: src/helpers.py: double changed\n\n"
    assert f"study-1 -> study-3\n{said}" in compare(whole, "study-1", "study-3")


@pytest.mark.parametrize("gone", [0, 1])
def test_where_it_is_gone_what_the_code_was_nothing_else_is_said_to_change(whole, gone):
    found = []
    for number in (1, 2):
        whole.edit("src/helpers.py", f"x + {number}", f"x + {number + 1}")
        whole.ok("study", "--quiet")
        every = whole.cache.glob("stages.chain.score/code-*.json")
        found += [each for each in every if each not in found]
    found[gone].unlink()
    out = compare(whole, "study-1", "study-2")
    assert "study-1 -> study-2\n  score: code changed\n\n" in out


def test_a_damaged_trace_stays_where_it_is(whole):
    whole.ok("study", "--quiet")
    whole.ok("study", "--quiet")
    for meta in whole.cache.glob("stages.chain.fit/*/meta.json"):
        meta.write_text("{")
    result = whole.ok("compare", "study-1", "study-2")
    assert "not known: traces are gone" in result.out
    assert "meta.json is damaged; the folder stays" in result.err
    assert list(whole.cache.glob("stages.chain.fit/*/meta.json"))


def test_metrics_of_records_without_an_argset_have_the_name_of_their_stage(whole):
    whole.edit(
        "stages/chain.py",
        "    return [1, 2",
        "    record.metric('n', 3)\n    return [1, 2",
    )
    whole.edit(
        "experiments/study.py",
        "    for args",
        "    load(Record(manager, None))\n    for args",
    )
    whole.ok("study", "--quiet")
    assert argsets(compare(whole), "load") == [["load", "3"]]


def test_metrics_over_several_argsets_have_rows_of_their_own(whole):
    metric = "record.metric('mean', 2, goal='min')"
    whole.edit(
        "stages/chain.py", "    return [[each", f"    {metric}\n    return [[each"
    )
    whole.ok("study", "--quiet")
    assert argsets(compare(whole), "compare")[0] == (
        ["compare", "over", "a", "and", "1", "more", "2"]
    )
    assert csv_of(whole)[2]["mean"] == "2.0"


def test_each_call_of_a_stage_has_metrics_of_its_own(whole):
    chain, study = "stages/chain.py", "experiments/study.py"
    whole.edit(chain, "def score(record, model)", "def score(record, model, more=0)")
    whole.edit(chain, "value = shift", "value = more + shift")
    total = "record.metric('n', sum(score.values()))"
    whole.edit(chain, "    return [[each", f"    {total}\n    return [[each")
    again = "; score(manager.records[-1], more=5)"
    whole.edit(study, "manager, args))))", f"manager, args)))){again}")
    whole.edit("params/base.py", "seed=2)]", "seed=2), Args(name='c', seed=3)]")
    both = "[:2]); compare(Record(manager, None), manager.records[:3:2])"
    whole.edit(study, "manager.records)\n", f"manager.records{both}\n")
    whole.ok("study", "--quiet")
    rows = csv_of(whole)
    assert [(row["score.quality"], row["score 2.quality"]) for row in rows[:3]] == [
        ("14.0", "19.0"),
        ("15.0", "20.0"),
        ("16.0", "21.0"),
    ]
    assert [(row["argset"], row["n"]) for row in rows[3:]] == [
        ("compare over a and 1 more", "39.0"),
        ("compare over a and 1 more 2", "40.0"),
    ]


def test_an_argset_that_is_named_as_a_stage_has_its_own_metrics_alone(whole):
    chain, study = "stages/chain.py", "experiments/study.py"
    whole.edit(chain, "def load(record):", "def load(record, x=0):")
    metric = "record.metric('n', 3 + x)"
    whole.edit(chain, "    return [1,", f"    {metric}\n    return [1,")
    whole.edit(study, "    for args", "    load(Record(manager, None))\n    for args")
    whole.edit(
        study, "load(Record(manager, args))))", "load(Record(manager, args), x=1)))"
    )
    whole.edit("params/base.py", 'name="a"', 'name="load"')
    whole.ok("study", "--quiet")
    found = [row["n"] for row in csv_of(whole) if row["argset"] == "load"]
    assert found == ["4.0", "3.0"]


def test_of_argsets_of_one_name_it_is_not_said_which_came_to_what(whole):
    result = whole.script("""
        from curifactory import ArtifactManager, Record
        from params import Args
        from stages.chain import fit, load, score

        manager = ArtifactManager("hand made")
        for name, seed in ("a", 1), ("a", 1), ("b", 1), ("b", 7):
            score(fit(load(Record(manager, Args(name=name, seed=seed)))))
        """)
    assert result.code == 0, result
    rows = [(r["argset"], r["seed"], r["score.quality"]) for r in csv_of(whole)]
    assert rows == [
        ("a", "1", "14.0"),
        ("b", "1", ""),
        ("b", "7", ""),
        ("b", "", "14.0"),
    ]


def test_what_argsets_of_one_name_came_to_is_shown_among_argsets(whole):
    scored, alone = "score(fit(load({})))", "load({})"
    for call in (alone, scored):
        made = call.format('Record(manager, Args(name="a", seed=seed))')
        result = whole.script(f"""
            from curifactory import ArtifactManager, Record
            from params import Args
            from stages.chain import fit, load, score

            manager = ArtifactManager("hand")
            for seed in (1, 7):
                {made}
            """)
        assert result.code == 0, result
    assert compare(whole, "hand-1").splitlines()[2:] == [
        "argset  seed",
        "a       1",
        "a       7",
    ]
    lines = compare(whole, "hand-2").splitlines()[2:]
    assert [line.split() for line in lines[:4]] == [
        ["argset", "score.quality", "score", "2.quality", "seed"],
        ["a", "-", "-", "1"],
        ["a", "-", "-", "7"],
        ["a", "14", "20", "-"],
    ]


def test_a_single_argset_without_metrics_is_shown_by_its_name(whole):
    whole.edit("stages/chain.py", SCORED, "pass")
    whole.ok("study", "--quiet", "-n", "a")
    assert compare(whole).splitlines()[2:] == ["argset", "a"]


def test_csv_has_every_field_and_metric(whole):
    whole.edit(
        "stages/chain.py", SCORED, f"{SCORED}\n    record.metric('depth', 1e999)"
    )
    whole.edit("params/base.py", "seed=1", "seed=1, path='say, \"x\"'")
    whole.edit("params/__init__.py", 'path: str = ""', "path: str | None = None")
    whole.ok("study", "--quiet")
    whole.ok("study", "--quiet", "--set", "items=[1, 2]")
    rows = csv_of(whole, "study-1", "study-2")
    assert [(row["run"], row["argset"]) for row in rows] == [
        ("study-1", "a"),
        ("study-1", "b"),
        ("study-2", "a"),
        ("study-2", "b"),
    ]
    assert list(rows[0])[3:] == [
        "seed",
        "depth",
        "path",
        "items",
        "quality",
        "score.depth",
    ]
    assert [row["quality"] for row in rows] == ["14.0", "15.0", "14.0", "15.0"]
    assert {row["score.depth"] for row in rows} == {"inf"}
    assert [row["items"] for row in rows] == ["[]", "[]", "[1, 2]", "[1, 2]"]
    assert [row["path"] for row in rows] == ['say, "x"', ""] * 2
    assert "inf" in compare(whole)


def test_csv_keeps_ends_of_lines_and_fields_of_any_name(whole):
    whole.edit("params/base.py", "seed=1", "seed=1, path='=1\\r2'")
    more = 'run: str = "mine"\n    argset: int = 4\n    path: str'
    whole.edit("params/__init__.py", "path: str", more)
    whole.edit("stages/chain.py", SCORED, f"{SCORED}; record.metric('run', 5)")
    whole.ok("study", "--quiet")
    command = [sys.executable, "-m", "curifactory", "compare", "--csv"]
    done = subprocess.run(command, cwd=whole.root, env=whole.environment(), stdout=-1)
    text = done.stdout.decode()
    assert text.startswith("run,argset,hash,seed,depth,args.run,args.argset,path,")
    row, _ = csv.DictReader(io.StringIO(text, newline=""))
    assert row["path"] == "=1\r2"
    assert [row[n] for n in ("run", "argset")] == ["study-1", "a"]
    assert [row[n] for n in ("args.run", "args.argset")] == ["mine", "4"]
    assert row["score.run"] == "5.0"


def test_names_of_metrics_and_fields_are_told_apart(whole):
    whole.edit("params/__init__.py", "path: str", 'run: str = "x"\n    path: str')
    more = f"{SCORED}; record.metric('run', 5); record.metric('seed', 5)"
    whole.edit("stages/chain.py", SCORED, more)
    whole.ok("study", "--quiet")
    whole.ok("study", "--quiet", "--set", "run=y")
    head = compare(whole, "study-1", "study-2").splitlines()[6].split()
    assert head == (
        ["argset", "run", "quality", "score.run", "score.seed", "seed", "args.run"]
    )


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals here")
def test_one_metric_is_shown_in_the_narrowest_terminal(whole):
    whole.ok("study", "--quiet")
    whole.ok("study", "--quiet")
    shown = on_terminal(whole, "compare", "study-1", "study-2", columns=20)
    assert ["argset", "run", "quality"] in [line.split() for line in shown]


def test_what_does_not_fit_is_counted_as_what_it_is(whole):
    whole.ok("study", "--quiet", "--seeds", "15")
    whole.ok("study", "--quiet", "--seeds", "15", "--set", "depth=2")
    out = compare(whole, "study-1", "study-2")
    assert "more rows, all of them: --csv\n" in out and "more argsets" not in out


def test_of_many_argsets_the_first_and_the_best_are_shown(whole):
    whole.ok("study", "--quiet", "--seeds", "15")
    out = compare(whole)
    assert "... and 9 more argsets, all of them: --csv\n" in out
    assert len(argsets(out, "b_seed14")) == 1  # the best one, though it is the last
    whole = compare(whole, "--full")
    assert "more" not in whole and whole.count("_seed") == 30


def test_no_code_of_the_project_is_imported(whole):
    whole.ok("study", "--quiet")
    for name in ("params/__init__.py", "experiments/study.py", "stages/chain.py"):
        whole.write({name: "this is no Python"})
    assert "a       14" in compare(whole)


def test_wrong_names_of_runs_are_refused(whole):
    nothing = whole.run("compare")
    assert (nothing.code, nothing.err) == (
        2,
        "error: no run has ended yet\n  run an experiment first\n",
    )
    whole.ok("study", "--quiet")
    (whole.root / "data/runs/study-9").mkdir()  # it was killed, or is at work
    assert compare(whole).startswith("study-1 ")
    for asked, hint in (
        ("stduy", "did you mean 'study'"),
        ("study-9", "did you mean"),
    ):
        result = whole.run("compare", asked)
        assert result.code == 2
        assert result.err.startswith(f"error: no run {asked!r} has ended\n  {hint}")


@pytest.mark.parametrize("value", ['"ninety"', "null", "[1]", "{}"])
def test_a_damaged_metric_is_told_in_one_line(whole, value):
    whole.ok("study", "--quiet")
    path = whole.root / "data/runs/study-1/run.json"
    path.write_text(path.read_text().replace('"value": 14.0', f'"value": {value}'))
    result = whole.run("compare")
    assert result.code == 2 and "study-1/run.json is no run: " in result.err
    assert "Traceback" not in result.err


BROKEN = {
    "started": "null",
    "seconds": "1" + 400 * "0",
    "versions": "[]",
    "argset": "3",
    "value": "1" + 400 * "0",
    "goal": "[]",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_else_is_damaged_is_told_in_one_line(whole, name):
    whole.ok("study", "--quiet")
    whole.ok("study", "--quiet")
    path = whole.root / "data/runs/study-1/run.json"
    whole_value = rf'"{name}": (\{{[^}}]*\}}|[^,}}]+)'
    text = re.sub(whole_value, f'"{name}": {BROKEN[name]}', path.read_text())
    path.write_text(text)
    result = whole.run("compare", "study-1", "study-2")
    assert "Traceback" not in result.err
    if name == "started":  # nothing but the order goes by it
        assert result.code == 0
    else:
        assert result.code == 2 and "study-1" in result.err


def test_a_run_by_the_name_of_an_experiment_is_that_run(whole):
    whole.write(
        {"experiments/study-1.py": (whole.root / "experiments/study.py").read_text()}
    )
    whole.ok("study", "--quiet")
    whole.ok("study-1", "--quiet")
    assert compare(whole, "study-1").startswith("study-1 ")
    (whole.root / "data/runs/study-1").rename(whole.root / "data/runs/baseline")
    assert compare(whole, "study").startswith("study-1 ")


def test_secret_fields_are_not_shown(whole):
    whole.edit(
        "params/__init__.py",
        "import ExperimentArgs",
        "import ExperimentArgs, parameter",
    )
    whole.edit(
        "params/__init__.py", 'path: str = ""', 'path: str = parameter("", secret=True)'
    )
    whole.edit("params/base.py", "seed=1", 'seed=1, path="hunter2"')
    whole.ok("study", "--quiet")
    assert "hunter2" not in compare(whole) + compare(whole, "--csv")
