"""What is computed, shared, restored and isolated, seen from the outside."""

import os
import shutil
import time

import pytest
from projects import WRAPPER


def other(stages, run, argsets="Args(name='a')"):
    """An experiment `other` with its own stages and the body of its run()."""
    head = (
        "from curifactory import Record, aggregate, stage\n"
        "from curifactory.caching import Cacheable, JsonCacher, PickleCacher\n"
        "from params import Args\n\n\n"
        f"def get_params():\n    return [{argsets}]\n\n\n"
    )
    lines = "".join(f"    {line}\n" for line in run.splitlines())
    return {
        "experiments/other.py": f"{head}{stages}\n\ndef run(argsets, manager):\n{lines}"
    }


EACH = "for args in argsets:\n    {}"

# Sharing and change -----------------------------------------------------------------


def test_argsets_that_differ_only_in_unread_fields_share_results(project):
    result = project.ok()
    assert result.done() == [
        "load a",
        "fit a",
        "score a",
        "fit b",
        "score b",
        "compare",
    ]
    assert result.done("reused") == ["load b"]
    assert result.reasons("load")[1] == "shared with a (reads no field)"


def test_ten_seeds_load_once(project):
    project.edit(
        "params/base.py",
        'return [Args(name="a", seed=1), Args(name="b", seed=2)]',
        'return [Args(name=f"s{i}", seed=i) for i in range(10)]',
    )
    counts = project.ok().run["stages"]["load"]["counts"]
    assert counts == {"computed": 1, "reused": 9, "skipped": 0, "failed": 0}


def test_a_helper_edit_recomputes_only_what_depends_on_it(project):
    project.ok()
    project.edit("src/helpers.py", "x + 1", "x + 100")
    result = project.ok()
    assert result.done() == ["score a", "score b", "compare"]
    assert "shift" in result.reasons("score")[0]


def test_undoing_an_edit_finds_the_old_results(project):
    project.ok()
    project.edit("src/helpers.py", "x + 1", "x + 100")
    project.ok()
    project.edit("src/helpers.py", "x + 100", "x + 1")
    result = project.ok()
    assert result.counts["computed"] == 0
    assert project.value(result, "score", "a") == 14


def test_comments_and_formatting_do_not_count(project):
    project.ok()
    project.edit(
        "src/helpers.py", "    return x + 1", "    # one more\n    return (x+1)"
    )
    assert project.ok().counts["computed"] == 0


def test_a_rerun_that_gives_the_same_content_stops_the_wave(project):
    project.ok()
    project.edit("stages/chain.py", "return [1, 2, 3]", "return list(range(1, 4))")
    result = project.ok()
    assert result.done() == ["load a"]


def test_map_says_beforehand_what_an_edit_costs(project):
    project.ok()
    project.edit("src/helpers.py", "2 * x", "x * 3")
    result = project.ok("map", "study")
    rows = {tuple(line.split()[:2]) for line in result.out.splitlines() if line}
    assert ("load", "reuse") in rows and ("fit", "compute") in rows
    assert "double" in result.out
    assert project.ok().done() == ["fit a", "score a", "fit b", "score b", "compare"]


def test_one_more_argset_computes_its_own_stages_and_the_aggregate(project):
    project.ok()
    project.edit("params/base.py", "seed=2)]", 'seed=2), Args(name="c", seed=3)]')
    assert project.ok().done() == ["fit c", "score c", "compare"]


def test_a_renamed_argset_shares_everything(project):
    project.ok()
    project.edit("params/base.py", 'name="b"', 'name="z"')
    assert "fit z" in project.ok().done("reused")


def test_reordered_argsets_compute_the_aggregate_alone(project):
    project.ok()
    project.edit(
        "params/base.py",
        'Args(name="a", seed=1), Args(name="b", seed=2)',
        'Args(name="b", seed=2), Args(name="a", seed=1)',
    )
    result = project.ok()
    assert result.done() == ["compare"]
    assert [label for label, _ in project.value(result, "compare")] == ["b", "a"]


def test_a_changed_field_computes_the_stages_that_read_it(project):
    project.ok()
    project.edit("params/base.py", "seed=1)", "seed=1, depth=2)")
    result = project.ok()
    assert result.done() == ["score a", "compare"]
    assert result.reasons("score")[0] == "depth 1 -> 2"


def test_conditional_reads_count_only_where_they_happen(project):
    stages = (
        '@stage(None, ["x"])\n'
        "def pick(record):\n"
        "    args = record.args\n"
        "    return args.depth if args.seed == 1 else 0\n"
    )
    run = EACH.format("pick(Record(manager, args))")
    argsets = "Args(name='a', seed=0, depth={}), Args(name='b', seed=1, depth={})"
    project.write(other(stages, run, argsets.format(1, 1)))
    project.ok("other")
    project.write(other(stages, run, argsets.format(5, 1)))
    assert project.ok("other").done() == []
    project.write(other(stages, run, argsets.format(5, 5)))
    result = project.ok("other")
    assert result.done() == ["pick b"]
    assert project.value(result, "pick", "b") == 5


def test_one_is_not_true_and_not_a_float(project):
    stages = (
        '@stage(None, ["x"])\ndef kind(record):\n    return repr(record.args.depth)\n'
    )
    argsets = ", ".join(
        f"Args(name='n{i}', depth={v})"
        for i, v in enumerate(["1", "1.0", "True", "'1'"])
    )
    project.write(other(stages, EACH.format("kind(Record(manager, args))"), argsets))
    result = project.ok("other")
    values = [project.value(result, "kind", f"n{i}") for i in range(4)]
    assert values == ["1", "1.0", "True", "'1'"]


# Files ------------------------------------------------------------------------------


READER = (
    '@stage(None, ["text"])\n'
    "def read(record):\n"
    "    with open(record.args.path or 'inputs/raw.txt') as file:\n"
    "        return file.read()\n"
)
READ = "read(Record(manager, argsets[0]))"


@pytest.mark.parametrize(
    "argset", ["Args(name='a')", "Args(name='a', path='inputs/raw.txt')"]
)
def test_a_file_that_a_stage_reads_counts_by_content(project, argset):
    project.write({**other(READER, READ, argset), "inputs/raw.txt": "one"})
    project.ok("other")
    os.utime(project.root / "inputs" / "raw.txt", (1, 1))
    assert project.ok("other").counts["reused"] == 1
    project.write({"inputs/raw.txt": "two", "inputs/unread.txt": "x"})
    result = project.ok("other")
    assert project.value(result, "read") == "two"
    assert "inputs/raw.txt" in result.reasons("read")[0]


@pytest.mark.parametrize(
    "field", ["path={!r}", "items=[{!r}]", "items={{'raw': {!r}}}"]
)
def test_a_file_outside_the_project_counts_where_a_field_names_it(
    project, tmp_path, field
):
    outside = tmp_path / "raw [1].txt"
    reader = (
        '@stage(None, ["text"])\ndef read(record):\n'
        f"    _ = record.args.path, record.args.items\n"
        f"    return open({str(outside)!r}).read()\n"
    )
    argset = f"Args(name='a', {field.format(str(outside))})"
    project.write(other(reader, READ, argset))
    for text in ("one", "two"):
        outside.write_text(text)
        result = project.ok("other")
        assert (result.counts["computed"], project.value(result, "read")) == (1, text)
        assert project.ok("other").counts["computed"] == 0


def test_a_file_whose_name_looks_like_a_pattern_counts(project):
    project.write(other(READER, READ, "Args(name='a', path='inputs/raw[1].txt')"))
    for text in ("one", "two"):
        project.write({"inputs/raw[1].txt": text})
        assert project.value(project.ok("other"), "read") == text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("    return (i for i in range(3))\n", "generator"),
        ("    return open('inputs/raw.txt')\n", "TextIOWrapper"),
    ],
)
def test_what_can_be_gone_through_once_is_no_output(project, body, kind):
    made = f'@stage(None, ["text"])\ndef read(record):\n{body}'
    project.write({**other(made, READ), "inputs/raw.txt": "one"})
    result = project.run("other")
    assert result.code == 1
    assert f"output 'text' is a {kind}" in result.err and "list(" in result.err
    assert "kept for this run" not in result.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("pass", "nothing"),
        ("return 1", "1 value"),
        ("return {'x': 1, 'y': 2}", "a dictionary"),
        ("return 1, 2, 3", "3 values"),
        ("return []", "0 values"),
    ],
)
def test_a_stage_must_return_a_value_for_each_output(project, given, said):
    stages = f"@stage(None, ['x', 'y'])\ndef last(record):\n    {given}\n"
    project.write(other(stages, "last(Record(manager, argsets[0]))"))
    result = project.run("other")
    assert result.code == 1
    assert f"stage last returned {said} for 2 outputs (x, y)" in result.err


BOX = """import threading


class Box:
    def __init__(self):
        self.items, self.lock = [1], threading.Lock()


@stage([], ["box"]{})
def one(record):
    return Box()


@stage(["box"], ["items"], retries=1)
def add(record, box):
    box.items.append(record.args.seed)
    mark = record.scratch / "mark"
    if record.args.seed and not mark.exists():
        mark.touch()
        raise ValueError("once")
    return box.items
"""


@pytest.mark.parametrize("cachers", ["", ", [None]"], ids=["automatic", "none"])
def test_what_can_be_neither_saved_nor_copied_is_made_again(project, cachers):
    """Nobody sees what another call has done to it, nor a try that has failed."""
    run = EACH.format("add(one(Record(manager, args)))")
    argsets = "Args(name='a'), Args(name='b', seed=1), Args(name='c', seed=2)"
    project.write(other(BOX.format(cachers), run, argsets))
    result = project.ok("other")
    seen = [project.value(result, "add", label) for label in "abc"]
    assert seen == [[1, 0], [1, 1], [1, 2]]
    assert result.err.count("of one can be neither saved nor copied") == 1


WRAPPED = """
@stage([], ["model"]{})
def one(record):
    return Wrapper({{"seed": record.args.seed}})


@stage(["model"], ["size"])
def add(record, model):
    return list(model.values())
"""


def test_what_pickle_saves_and_cannot_load_is_kept_for_this_run_only(project):
    run = EACH.format("add(one(Record(manager, args)))")
    project.write(other(WRAPPER + WRAPPED.format(""), run, "Args(name='a', seed=3)"))
    result = project.ok("other")
    assert project.value(result, "add", "a") == [3]
    assert "output 'model' is kept for this run only (pickle cannot save" in result.err
    assert project.ok("other").counts["computed"] == 0


def test_a_pickle_cacher_refuses_what_it_cannot_load(project):
    run = EACH.format("add(one(Record(manager, args)))")
    text = WRAPPER + WRAPPED.format(", [PickleCacher]")
    project.write(other(text, run, "Args(name='a')"))
    result = project.run("other")
    assert result.code == 1 and "pickle cannot save it: " in result.err


LENT = """from curifactory.caching import PathCacher


@stage([], ["model"], [PathCacher()])
def train(record):
    folder = record.get_dir("model")
    (folder / "weights.txt").write_text("1")
    return folder


@stage(["model"], ["seen"])
def use(record, model):
    text = (model / "weights.txt").read_text()
    seen = [text, *sorted(each.name for each in model.iterdir())]
    {}
    return seen
"""
ADDS = "(model / f'{record.args.seed}.txt').write_text('new')"
EDITS = "(model / 'weights.txt').write_text(text + 'x')"


@pytest.mark.parametrize(
    ("does", "said", "computed"),
    [
        (EDITS, "use changed ", 6),
        ("(model / 'weights.txt').write_text(text)", "", 4),
        ("(model / 'weights.txt').unlink()", "use changed ", 6),
        (EDITS + "\n    assert record.args.seed != 1", "use changed ", 5),
    ],
    ids=["changes", "touches", "removes", "fails"],
)
def test_nobody_sees_what_a_stage_changes_of_files_it_was_given(
    project, does, said, computed
):
    run = EACH.format("use(train(Record(manager, args)))")
    argsets = "Args(name='a'), Args(name='b', seed=1), Args(name='c', seed=2)"
    project.write(other(LENT.format("record.args.seed\n    " + does), run, argsets))
    result = project.run("other")
    labels = "ac" if computed == 5 else "abc"
    seen = [project.value(result, "use", label) for label in labels]
    assert seen == [["1", "weights.txt"]] * len(labels)
    assert said in result.err and (said or "given" not in result.err)
    assert result.counts["computed"] == computed
    again = project.run("other", "--overwrite-stage", "use")
    assert [project.value(again, "use", label) for label in labels] == seen


def test_a_file_that_a_stage_adds_to_what_it_was_given_is_told(whole):
    """It stays: what is returned may name it."""
    added = LENT.replace('["seen"])', '["seen"], [FileReferenceCacher()])')
    added = added.replace("PathCacher", "FileReferenceCacher, PathCacher", 1)
    added = added.format(ADDS).replace("return seen", "return model / '0.txt'")
    whole.write(other(added, "use(train(Record(manager, argsets[0])))"))
    first = whole.ok("other")
    assert "use added 0.txt to experiments.other.train/" in first.err
    assert whole.ok("other").counts["computed"] == 0


def test_results_stay_whose_files_a_stage_has_changed(project):
    """Also where making them again gives something else."""
    stages = LENT.format("(model / 'weights.txt').write_text('x')")
    stages = stages.replace('write_text("1")', "write_text(str(time.time()))")
    run = EACH.format("use(train(Record(manager, args)))")
    project.write(other(f"import time\n{stages}", run))
    assert project.ok("other").counts["computed"] == 2
    assert project.ok("other").counts["computed"] == 0


def test_what_is_reported_is_shown_as_it_was_then(project):
    stages = """from curifactory.reporting import TableReporter


@stage([], ["n"])
def count(record):
    rows = []
    for n in (1, 2):
        rows.append({"n": n})
        record.report(TableReporter(rows))
    return 2
"""
    project.write(other(stages, "count(Record(manager, argsets[0]))"))
    shown = project.ok("other").calls("count")[0]["reportables"]
    assert [len(each["data"]["rows"]) for each in shown] == [1, 2]


def test_run_itself_gets_one_object_that_has_no_copy(project):
    run = (
        "r = one(Record(manager, argsets[0]))\n"
        "r.state['box'].items.append(5)\n"
        "print(r.state['box'] is r.state['box'], r.state['box'].items)\n"
        "print(add(r).state['items'])"
    )
    project.write(other(BOX.format(", [None]"), run))
    assert project.ok("other").out.splitlines()[:2] == ["True [1, 5]", "[1, 0]"]


@pytest.mark.parametrize(
    "body", ["async def read(record):\n    return 1", "def read(record):\n    yield 1"]
)
def test_an_async_stage_and_a_generator_are_refused_before_computing(project, body):
    project.write(other(f'@stage(None, ["text"])\n{body}\n', READ))
    result = project.run("other")
    assert (
        result.code == 2 and "stage read gives what can be gone through" in result.err
    )
    assert "asyncio.run(...)" in result.err and result.run is None


@pytest.mark.filterwarnings("ignore:coroutine")
def test_a_stage_that_gives_a_coroutine_is_refused(project):
    made = "async def later():\n    return 1\n\n\n"
    made += '@stage(None, ["text"])\ndef read(record):\n    return later()\n'
    project.write(other(made, READ))
    result = project.run("other")
    assert result.code == 1 and "is a coroutine" in result.err
    assert "asyncio.run(...) in a plain def" in result.err


def test_a_stage_that_calls_a_stage_is_told_where_to(project):
    made = (
        '@stage(None, ["text"])\ndef inner(record):\n    return 1\n\n\n'
        '@stage(None, ["text"])\ndef read(record):\n    inner(record)\n'
    )
    project.write(other(made, READ))
    result = project.run("other")
    assert "stage inner is called inside a stage" in result.err
    assert "call it in run()" in result.err


@pytest.mark.parametrize("name", ["manager.cache_path", "stage_cachers[0]"])
def test_what_other_releases_have_for_files_is_told_by_what_there_is_here(
    project, name
):
    stages = f"@stage(None, ['x'])\ndef pick(record):\n    return record.{name}\n"
    project.write(other(stages, EACH.format("pick(Record(manager, args))")))
    result = project.run("other")
    assert result.code == 1 and "files go to record.get_path(name)" in result.err


def test_places_are_told_from_where_the_user_is(whole):
    whole.edit("experiments/study.py", "def run(argsets, manager):", LEAVING)
    assert "report: reports/study-1/index.html" in whole.ok("study").out


LEAVING = "def run(argsets, manager):\n    import os\n    os.chdir('..')"


def test_how_many_more_failed_is_said(project):
    project.edit("src/helpers.py", "return 2 * x", "return 2 / (x - x)")
    assert "1 more failed, see the report" in project.run("study").err


def test_a_value_without_a_repr_stops_nothing(project):
    made = (
        '@stage(None, ["text"])\ndef read(record):\n    return len(record.args.items)\n'
    )
    for text in ("[1]", "[10**5000]"):
        project.write(other(made, READ, f"Args(name='a', items={text})"))
        assert project.ok("other").counts["computed"] == 1


def test_the_reason_compares_with_the_same_argset(project):
    project.ok()
    project.edit("src/helpers.py", "2 * x", "x * 2 + 0")
    project.edit("params/base.py", "seed=2", "seed=9")
    result = project.ok()
    assert result.reasons("fit") == [
        "src/helpers.py: double changed",
        "src/helpers.py: double changed, seed 2 -> 9",
    ]


def test_a_file_is_found_again_from_any_subfolder(project):
    project.write({**other(READER, READ), "inputs/raw.txt": "one"})
    project.ok("other")
    assert project.ok("other", cwd=project.root / "inputs").counts["reused"] == 1


def test_a_file_that_is_gone_fails_its_call(project):
    project.write({**other(READER, READ), "inputs/raw.txt": "one"})
    project.ok("other")
    (project.root / "inputs" / "raw.txt").unlink()
    result = project.run("other")
    assert result.code == 1
    assert "FileNotFoundError" in result.err


def test_what_a_stage_writes_itself_is_no_input(project):
    stages = (
        '@stage(None, ["x"])\n'
        "def write(record):\n"
        "    with open('inputs/made.txt', 'w') as file:\n"
        "        file.write('1')\n"
        "    with open('inputs/made.txt') as file:\n"
        "        return file.read()\n"
    )
    project.write(
        {**other(stages, "write(Record(manager, argsets[0]))"), "inputs/x": ""}
    )
    project.ok("other")
    (project.root / "inputs" / "made.txt").unlink()
    assert project.ok("other").counts["reused"] == 1


# Failures ---------------------------------------------------------------------------


def test_a_failing_call_stops_only_its_descendants(project):
    project.edit(
        "stages/chain.py",
        '    return {"sum"',
        '    if record.args.seed == 1:\n        raise ValueError("too odd")\n    return {"sum"',
    )
    result = project.run("study")
    assert result.code == 1
    assert result.done() == ["load a", "fit b", "score b"]
    assert result.done("failed") == ["fit a"]
    assert result.done("skipped") == ["score a", "compare"]
    assert (result.run["status"], result.run["exit_code"]) == ("failed", 1)
    error = result.calls("fit")[0]["error"]
    assert (error["type"], error["message"]) == ("ValueError", "too odd")
    assert error["where"].endswith("stages/chain.py:13")


def test_the_first_failure_is_shown_with_the_users_frames_alone(project):
    project.edit("src/helpers.py", "    return 2 * x", "    return 2 * x / 0")
    result = project.run("study")
    assert result.code == 1
    assert result.err.count("ZeroDivisionError") == 1
    assert "stages/chain.py" in result.err and "src/helpers.py" in result.err
    assert "/curifactory/" not in result.err and "runpy" not in result.err


def test_a_failure_that_argsets_share_happens_once(project):
    project.edit(
        "stages/chain.py",
        "    return [1, 2, 3]",
        "    print('TRIES')\n    return 1 / 0",
    )
    result = project.run("study")
    assert result.code == 1
    assert result.printed.count("TRIES") == 1
    assert result.done("failed") == ["load a", "load b"]
    assert result.counts == {"computed": 0, "reused": 0, "skipped": 5, "failed": 2}


@pytest.mark.parametrize(
    "number, cause", [("ENOSPC", ""), ("ENOSPC", " from ValueError()"), ("EMFILE", "")]
)
def test_what_a_machine_lacks_says_nothing_of_other_argsets(project, number, cause):
    body = f"""    if not os.path.exists("tried"):
        open("tried", "w").close()
        raise OSError(errno.{number}, os.strerror(errno.{number})){cause}
    return [1, 2, 3]"""
    project.edit("stages/chain.py", "    return [1, 2, 3]", body)
    path = project.root / "stages/chain.py"
    path.write_text("import errno\nimport os\n" + path.read_text())
    result = project.run("study")
    assert result.done("failed") == ["load a"] and "load b" in result.done()


@pytest.mark.parametrize("failures", [1, 9])
def test_a_call_that_fails_after_others_took_it_over_is_tried_once_more(
    project, failures
):
    body = f"""    tried = pathlib.Path("tried")
    tried.write_text(tried.read_text() + "x" if tried.exists() else "x")
    if len(tried.read_text()) <= {failures}:
        for each in pathlib.Path("data/cache/.claims").iterdir():
            each.unlink()
        raise FileNotFoundError("a checkpoint")
    return [1, 2, 3]"""
    project.edit("stages/chain.py", "    return [1, 2, 3]", body)
    path = project.root / "stages/chain.py"
    path.write_text("import pathlib\n" + path.read_text())
    result = project.run("study", "-n", "a", "--max-calls", "1")
    assert result.code == (failures > 1)
    assert result.counts["computed"] + result.counts["failed"] == 1
    assert len((project.root / "tried").read_text()) == 2


def test_a_mended_failure_computes_what_is_left(project):
    project.edit(
        "stages/chain.py",
        "    value = shift",
        "    assert record.args.seed == 1\n    value = shift",
    )
    assert project.run("study").code == 1
    project.edit("stages/chain.py", "    assert record.args.seed == 1\n", "")
    result = project.ok()
    assert {"load a", "fit a", "fit b"} <= set(result.done("reused"))
    assert result.counts["failed"] == result.counts["skipped"] == 0


def test_exit_inside_a_stage_fails_the_call_and_not_the_run(project):
    stages = (
        '@stage(None, ["x"])\ndef leave(record):\n'
        "    if record.args.seed == 0:\n        raise SystemExit(0)\n    return 1\n"
    )
    argsets = "Args(name='a'), Args(name='b', seed=1)"
    project.write(other(stages, EACH.format("leave(Record(manager, args))"), argsets))
    result = project.run("other")
    assert result.code == 1
    assert result.done("failed") == ["leave a"] and result.done() == ["leave b"]


def test_a_failing_run_function_is_no_traceback_of_the_runner(project):
    project.write(other("", "argsets[7]"))
    result = project.run("other")
    assert result.code == 1
    assert "experiments/other.py" in result.err and "IndexError" in result.err
    assert "/curifactory/" not in result.err and "Traceback" not in result.err


# Values asked for inside run() ------------------------------------------------------


BRANCH = """record = Record(manager, argsets[0])
score(fit(load(record)))
if record.state["score"] > 10:
    compare(Record(manager, None), [record])
"""


def branch(project):
    text = other("from stages.chain import *\n", BRANCH, "Args(name='a', seed=1)")
    project.write(text)


def test_run_may_branch_on_a_result(project):
    branch(project)
    assert project.ok("other").done() == ["load a", "fit a", "score a", "compare"]
    assert project.ok("other").counts == {
        "computed": 0,
        "reused": 4,
        "skipped": 0,
        "failed": 0,
    }


def test_map_stops_at_an_unknown_value_and_says_so(project):
    branch(project)
    result = project.ok("map", "other")
    assert "further calls are known after score a" in result.out
    assert "compare" not in result.out
    assert list(project.cache.rglob("meta.json")) == []
    project.ok("other")
    again = project.ok("map", "other")
    assert "further" not in again.out and "compare" in again.out


def test_map_stops_at_a_value_that_is_damaged(project):
    branch(project)
    project.ok("other")
    [path] = project.cache.glob("stages.chain.score/*/score.*")
    path.write_bytes(path.read_bytes() + b" ")
    result = project.ok("map", "other")
    assert "is damaged" in result.err
    assert "further calls are known after score a" in result.out


def test_map_begins_no_run_where_a_value_given_by_hand_is_asked_for(project):
    text = "@stage(['x'], ['y'])\ndef keep(record, x):\n    return x\n"
    run = "record = Record(manager, argsets[0])\nrecord.state['x'] = 0.5\n"
    run += "print('GIVEN', record.state['x'])\nkeep(record)"
    project.write(other(text, run, "Args(name='a', seed=1)"))
    assert "GIVEN 0.5" in project.ok("map", "other").out
    assert not (project.root / "data/runs").exists()


def test_a_failure_behind_a_value_is_reported_once(project):
    branch(project)
    project.edit("src/helpers.py", "2 * x", "2 / 0")
    result = project.run("other")
    assert result.code == 1
    assert result.err.count("ZeroDivisionError") == 1
    assert result.done("failed") == ["fit a"]
    assert "/curifactory/" not in result.err


def test_output_and_compute_give_values_in_run(project):
    run = (
        "records = [fit(load(Record(manager, a))) for a in argsets]\n"
        "manager.compute(*records)\n"
        "print('OUTPUT', [r.output for r in records], 'score' in records[0].state)"
    )
    argsets = "Args(name='a', seed=1), Args(name='b', seed=2)"
    project.write(other("from stages.chain import *\n", run, argsets))
    assert "OUTPUT [{'sum': 13}, {'sum': 14}] False" in project.ok("other").out


# Outputs ----------------------------------------------------------------------------


PAIR = (
    '@stage(None, ["big"]{cachers})\ndef make(record):\n    {made}\n    return {value}\n\n\n'
    '@stage(["big"], ["small"])\ndef use(record, big):\n    return {used}\n'
)
USE = EACH.format("use(make(Record(manager, args)))")


def test_a_transient_output_is_made_again_only_for_a_consumer(project):
    given = {"cachers": ", cachers=None", "made": "print('MADE')", "value": "[1, 2]"}
    project.write(other(PAIR.format(**given, used="sum(big)"), USE))
    assert project.ok("other").printed.count("MADE") == 1
    again = project.ok("other")
    assert (again.counts["reused"], again.printed.count("MADE")) == (2, 0)
    project.write(other(PAIR.format(**given, used="max(big)"), USE))
    result = project.ok("other")
    assert result.printed.count("MADE") == 1
    assert project.value(result, "use") == 2
    assert not list(project.cache.rglob("big*"))


def test_what_cannot_be_saved_is_kept_for_the_run_with_one_warning(project):
    made = "seed = record.args.seed"
    given = {"cachers": "", "made": made, "value": "lambda: seed"}
    argsets = "Args(name='a'), Args(name='b', seed=1)"
    project.write(other(PAIR.format(**given, used="big()"), USE, argsets))
    result = project.ok("other")
    assert [project.value(result, "use", label) for label in "ab"] == [0, 1]
    assert result.err.count("kept for this run only") == 1, result
    again = project.ok("other")
    assert again.counts["computed"] == 0 and "kept for" not in again.err


def test_an_automatic_cacher_keeps_tuples_and_int_keys(project):
    given = {"cachers": "", "made": "pass", "value": "{1: (2, 3)}"}
    project.write(other(PAIR.format(**given, used="repr(big)"), USE))
    assert project.value(project.ok("other"), "use") == "{1: (2, 3)}"


def test_a_cacher_of_the_project_is_code_of_its_stage(project):
    cacher = (
        "class Upper(Cacheable):\n"
        "    def save(self, obj):\n"
        "        with open(self.get_path(), 'w') as file:\n            file.write(obj)\n\n"
        "    def load(self):\n"
        "        with open(self.get_path()) as file:\n            return file.read(){}\n\n\n"
    )
    given = {"cachers": ", [Upper]", "made": "pass", "value": "'abc'"}
    stages = PAIR.format(**given, used="big")
    project.write(other(cacher.format("") + stages, USE))
    assert project.value(project.ok("other"), "use") == "abc"
    project.write(other(cacher.format(".upper()") + stages, USE))
    assert project.value(project.ok("other"), "use") == "ABC"


def test_a_cacher_that_writes_nothing_fails_its_call(project):
    cacher = (
        "class Forgetful(Cacheable):\n    def save(self, obj):\n        {}\n\n"
        "    def load(self):\n        return 1\n\n\n"
    )
    given = {"cachers": ", [Forgetful]", "made": "pass", "value": "1"}
    stages = PAIR.format(**given, used="big")
    project.write(other(cacher.format("pass") + stages, USE))
    result = project.run("other")
    assert result.done("failed") == ["make a"]
    assert "make, output 'big': Forgetful wrote nothing" in result.err
    project.write(other(cacher.format("self.get_dir()") + stages, USE))
    assert project.value(project.ok("other"), "use") == 1  # an empty folder is a value


@pytest.mark.parametrize("name", ["HOME", "DATA"])
def test_a_field_that_leads_elsewhere_for_another_user_is_another_file(
    project, tmp_path, name
):
    stages = (
        "import os\n\n\n@stage(None, ['text'])\ndef read(record):\n"
        "    path = os.path.expandvars(os.path.expanduser(record.args.path))\n"
        "    with open(path) as file:\n        return file.read()\n\n\n"
    )
    argset = f"Args(name='a', path={'~/x.csv' if name == 'HOME' else '$DATA/x.csv'!r})"
    project.write(other(stages, "read(Record(manager, argsets[0]))", argset))
    for place in ("one", "two", "one"):
        path = tmp_path / place / "x.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(place)
        result = project.ok("other", **{name: str(path.parent)})
        assert project.value(result, "read") == place
    assert result.counts["computed"] == 0
    shutil.copy(path, tmp_path)
    reason = project.ok("other", **{name: str(tmp_path)}).reasons("read")[0]
    assert reason.startswith("the place of ") and reason.endswith("x.csv changed")


def test_outputs_whose_names_are_one_file_on_the_disk_are_refused(project):
    stages = (
        "class Twice(JsonCacher):\n"  # as a disk that tells no capitals
        "    def save(self, obj):\n        super().save(obj)\n"
        "        open(self.get_path().replace('X.json', 'x.json'), 'x').close()\n\n\n"
        "@stage(None, ['X', 'x'], [Twice, JsonCacher])\n"
        "def make(record):\n    return 1, 2\n\n\n"
    )
    project.write(other(stages, "make(Record(manager, argsets[0]))"))
    result = project.run("other")
    assert result.done("failed") == ["make a"]
    assert "make, output 'x': on this disk, its file is that of another" in result.err
    assert "Traceback" not in result.err and "  give it another name" in result.err


def test_equal_bytes_of_another_cacher_are_another_value(project):
    stages = (
        "from curifactory.caching import TextCacher\n"
        '@stage(None, ["big"], [{}])\ndef make(record):\n    return {}\n\n\n'
        '@stage(["big"], ["small"])\ndef use(record, big):\n    return type(big).__name__\n'
    )
    project.write(other(stages.format("JsonCacher", 1), USE))
    assert project.value(project.ok("other"), "use") == "int"
    project.write(other(stages.format("TextCacher", "'1'"), USE))
    assert project.value(project.ok("other"), "use") == "str"


def test_a_deleted_artifact_is_computed_again_when_a_consumer_needs_it(project):
    first = project.ok()
    project.artifact(first, "load").unlink()
    assert project.ok().counts["computed"] == 0  # its identity is known
    project.edit("src/helpers.py", "2 * x", "x * 4")
    result = project.ok()
    assert project.value(result, "score", "a") == 26
    assert "load a" in result.done()


def test_a_damaged_artifact_is_quarantined_and_computed_again(project):
    first = project.ok()
    project.artifact(first, "load").write_text("[1, 2, 4]")
    project.edit("src/helpers.py", "2 * x", "x * 4")
    result = project.ok()
    assert project.value(result, "score", "a") == 26
    assert result.err.count("is damaged") == 1
    assert len(list(project.cache.glob(".quarantine/*"))) == 1
    assert project.ok().counts["computed"] == 0


def test_data_that_is_damaged_whenever_it_is_loaded_fails_its_call(project):
    project.edit(
        "stages/chain.py",
        "from src.helpers",
        """from curifactory.caching import Cacheable
from curifactory.errors import DamagedError


class Broken(Cacheable):
    def save(self, obj):
        open(self.get_path(), "w").close()

    def load(self):
        raise DamagedError("never whole")


from src.helpers""",
    )
    project.edit("stages/chain.py", 'None, ["data"]', 'None, ["data"], [Broken]')
    result = project.run("study")
    assert result.code == 1
    assert "damaged whenever it is loaded" in result.err
    assert result.err.count("never whole") == 2 * 4
    assert result.counts["failed"] == 2 and result.counts["computed"] == 0


def test_data_made_again_keeps_its_identity_and_says_when_bytes_differ(project):
    stages = PAIR.format(
        cachers="",
        made="import os",
        value="int.from_bytes(os.urandom(6), 'big')",
        used="big > {}",
    )
    project.write(other(stages.replace("big > {}", "big > -1"), USE))
    first = project.ok("other")
    project.artifact(first, "make").unlink()
    project.write(other(stages.replace("big > {}", "big > -2"), USE))
    result = project.ok("other")
    assert "make a" in result.err and "not reproducible" in result.err
    assert project.ok("other").counts["computed"] == 0


EDITED = """
from pathlib import Path

MORE = 0
FILE = "inputs/n.txt"

@stage(None, ["x"], [None])
def load(record):
    return int(Path(FILE).read_text())

@stage(None, ["y"])
def wait(record):
    if MORE == 3:  # somebody edits the file meanwhile
        Path(FILE).write_text("20")
    return MORE

@stage(["x", "y"], ["z"])
def use(record, x, y):
    return x + y
"""


def test_data_that_an_edited_file_makes_again_is_another_result(project):
    project.write({"inputs/n.txt": "1"})
    project.write(other(EDITED, EACH.format("use(load(wait(Record(manager, args))))")))
    project.ok("other")
    project.edit("experiments/other.py", "MORE = 0", "MORE = 3")
    result = project.run("other")
    assert result.code == 1
    assert "what is read by load changed during the run" in result.err
    project.edit("experiments/other.py", "MORE = 3", "MORE = 0")
    assert project.value(project.ok("other"), "use") == 20  # not that of the first file


def test_intact_bytes_that_do_not_load_fail_the_call_and_are_kept(project):
    thing = "class Thing:\n    pass\n\n\n"
    given = {"cachers": "", "made": "pass", "value": "Thing()"}
    project.write({"src/thing.py": thing})
    text = "from src.thing import Thing\n" + PAIR.format(**given, used="str(big)[:1]")
    project.write(other(text, USE))
    first = project.ok("other")
    kept = project.artifact(first, "make")
    cacher = "class Odd(PickleCacher):\n    def load(self):\n        raise KeyError('gone')\n\n\n"
    assert kept.exists()
    given["cachers"] = ", [Odd]"
    project.write(
        other(
            cacher + "from src.thing import Thing\n" + PAIR.format(**given, used="1"),
            USE,
        )
    )
    result = project.run("other")
    assert result.code == 1
    assert "does not load" in result.err and "gone" in result.err
    assert "mend its class (an edited cacher makes it anew)" in result.err
    assert project.artifact(result, "make").exists()
    assert not list(project.cache.glob(".quarantine/*"))


# Calls ------------------------------------------------------------------------------


def test_keyword_arguments_are_part_of_the_identity(project):
    stages = '@stage(["data"], ["y"])\ndef scale(record, data, factor=1):\n    return factor * data[0]\n'
    text = "from stages.chain import load\n" + stages
    run = "record = load(Record(manager, argsets[0]))\nscale(record, factor={})"
    project.write(other(text, run.format(2)))
    assert project.value(project.ok("other"), "scale") == 2
    project.write(other(text, run.format(3)))
    result = project.ok("other")
    assert project.value(result, "scale") == 3
    assert result.reasons("scale") == ["argument factor changed"]
    project.write(other(text, run.format("2.0")))
    assert project.ok("other").done() == ["scale a"]
    project.write(other(text, run.format(2)))
    assert project.ok("other").counts["reused"] == 2


def test_a_keyword_that_names_an_input_replaces_it(project):
    run = "record = Record(manager, argsets[0])\nload(record)\nfit(record, data=[{}])"
    text = "from stages.chain import *\n"
    project.write(other(text, run.format(5)))
    result = project.ok("other")
    assert project.value(result, "fit") == {"sum": 10}
    assert result.calls("fit")[0]["inputs"] == []
    project.write(other(text, run.format(6)))
    assert project.ok("other").done() == ["fit a"]


def test_values_assigned_to_state_are_known_by_content(project):
    run = (
        "record = Record(manager, argsets[0])\nrecord.state['data'] = [{}]\nfit(record)"
    )
    text = "from stages.chain import *\n"
    project.write(other(text, run.format(5)))
    assert project.value(project.ok("other"), "fit") == {"sum": 10}
    assert project.ok("other").counts["reused"] == 1
    project.write(other(text, run.format(7)))
    assert project.value(project.ok("other"), "fit") == {"sum": 14}


def test_equal_calls_execute_once(project):
    stages = (
        '@stage(None, ["x"])\ndef noisy(record):\n    print("NOISE")\n    return 1\n'
    )
    run = "record = Record(manager, argsets[0])\nnoisy(record)\nnoisy(record)"
    project.write(other(stages, run))
    result = project.ok("other")
    assert result.printed.count("NOISE") == 1
    assert result.counts["computed"] == 1


def test_repeated_calls_on_one_record_are_ordered(project):
    stages = '@stage(["n"], ["n"])\ndef more(record, n):\n    return n + 1\n'
    run = "record = Record(manager, argsets[0])\nrecord.state['n'] = 0\nmore(more(more(record)))"
    project.write(other(stages, run + "\nprint('N', record.state['n'])"))
    result = project.ok("other")
    assert "N 3" in result.out
    assert [call["inputs"] for call in result.calls("more")] == [[], [0], [1]]


def test_a_copy_of_a_record_keeps_artifacts_and_may_have_another_argset(project):
    run = (
        "import dataclasses\n"
        "record = fit(load(Record(manager, argsets[0])))\n"
        "deep = record.make_copy(dataclasses.replace(argsets[0], name='deep', depth=3))\n"
        "score(record)\nscore(deep)\nprint('DATA', deep.state['data'])"
    )
    text = other("from stages.chain import *\n", run, "Args(name='a', seed=1)")
    project.write(text)
    result = project.ok("other")
    assert "DATA [1, 2, 3]" in result.out
    assert project.value(result, "score", "a") == 14
    assert project.value(result, "score", "deep") == 42
    assert len(result.calls("fit")) == 1


def test_a_name_that_is_no_item_of_state_cannot_be_set(project):
    run = "record = Record(manager, argsets[0])\nrecord.state.data = [1]"
    project.write(other("", run))
    result = project.run("other")
    assert result.code == 1 and "'State' object has no attribute 'data'" in result.err


def test_a_record_without_argset_is_a_constant(project):
    project.write(other("from stages.chain import *\n", "load(Record(manager, None))"))
    result = project.ok("other")
    assert result.calls("load")[0]["records"] == ["-"]
    assert project.ok("other").counts["reused"] == 1


def test_a_stage_without_outputs_is_still_remembered(project):
    stages = '@stage()\ndef note(record):\n    print("NOTE", record.args.seed)\n'
    project.write(other(stages, "note(Record(manager, argsets[0]))"))
    assert "NOTE 0" in project.ok("other").printed
    again = project.ok("other")
    assert "NOTE" not in again.printed and again.counts["reused"] == 1


def test_two_outputs_go_by_their_own_content(project):
    stages = (
        '@stage(None, ["x", "y"])\ndef both(record):\n    return {}, {}\n\n\n'
        '@stage(["x"], ["u"])\ndef left(record, x):\n    return x\n\n\n'
        '@stage(["y"], ["v"])\ndef right(record, y):\n    return y\n'
    )
    run = "right(left(both(Record(manager, argsets[0]))))"
    project.write(other(stages.format(1, 2), run))
    project.ok("other")
    project.write(other(stages.format(1, 3), run))
    assert project.ok("other").done() == ["both a", "right a"]


# Aggregates -------------------------------------------------------------------------


LOUD = (
    "class Loud(JsonCacher):\n    def load(self):\n        print('LOADS')\n"
    "        return super().load()\n\n\n"
    '@stage(None, ["x"], [Loud])\ndef make(record):\n    return record.args.seed\n\n\n'
    '@aggregate(["x"], ["y"])\ndef gather(record, records, x):\n    return {}\n'
)
GATHER = EACH.format("make(Record(manager, args))") + "\ngather(Record(manager, None))"
THREE = "*(Args(name=f's{i}', seed=i) for i in range(3))"


def test_an_aggregate_loads_an_input_when_it_is_first_used(project):
    project.write(other(LOUD.format("x[records[1]] + x[records[1]]"), GATHER, THREE))
    result = project.ok("other")
    assert project.value(result, "gather") == 2
    assert result.printed.count("LOADS") == 1


def test_the_state_of_a_record_in_an_aggregate_is_a_mapping_like_any_other(project):
    body = (
        "[[r.state.get('x'), dict(r.state), [*map(list, r.state.items())], {**r.state}, "
        "list(r.state.values()), len(r.state), 'x' in r.state] for r in records]"
    )
    project.write(other(LOUD.format(body), GATHER, THREE))
    expected = [[i, {"x": i}, [["x", i]], {"x": i}, [i], 1, True] for i in range(3)]
    assert project.value(project.ok("other"), "gather") == expected


def test_what_a_record_lacks_of_the_inputs_has_a_default(project):
    run = "make(Record(manager, argsets[1]))\nRecord(manager, argsets[0])\ngather(Record(manager, None))"
    body = "[r.state.get('x', 'none') for r in records if r.label in ('s0', 's1')]"
    project.write(other(LOUD.format(body), run, THREE))
    assert project.value(project.ok("other"), "gather") == [1, "none"]


@pytest.mark.parametrize("use", ["state['b']", "state.get('b', 1)", "'b' in state"])
@pytest.mark.parametrize("kind", ["stage", "aggregate"])
def test_a_stage_sees_nothing_of_the_state_but_its_inputs(project, kind, use):
    stages = {
        "stage": "@stage(['a'], ['c'])\ndef look(record, a):\n    state = record.state\n",
        "aggregate": "@aggregate(['a'], ['c'])\ndef look(record, records, a):\n"
        "    state = records[0].state\n",
    }
    make = "@stage(None, ['a', 'b'])\ndef make(record):\n    return 1, 2\n\n\n"
    run = "made = make(Record(manager, argsets[0]))\nlook("
    run += "made)" if kind == "stage" else "Record(manager, None))"
    project.write(other(f"{make}{stages[kind]}    return {use}\n", run))
    result = project.run("other")
    assert result.code == 1
    assert "'b' is no input of this stage: there is: a" in result.err
    assert "declare what the stage needs in its inputs" in result.err


@pytest.mark.parametrize("use", ["list(state)", "bool(state)", "dict(state)"])
def test_a_stage_without_inputs_is_told_that_it_sees_no_state(project, use):
    make = "@stage(None, ['a'])\ndef make(record):\n    return 1\n\n\n"
    look = "@aggregate(None, ['c'])\ndef look(record, records):\n"
    look += f"    state = records[0].state\n    return {use}\n"
    run = "make(Record(manager, argsets[0]))\nlook(Record(manager, None))"
    project.write(other(make + look, run))
    result = project.run("other")
    assert result.code == 1
    assert "this record has no inputs" in result.err and "declare what" in result.err


@pytest.mark.parametrize("target", ["state['b']", "record.b", "record.args"])
def test_a_stage_cannot_set_anything_of_its_record(project, target):
    use = f"record.{target} = 1" if "state" in target else f"{target} = 1"
    stages = f"@stage(None, ['a'])\ndef make(record):\n    {use}\n"
    project.write(other(stages, "make(Record(manager, argsets[0]))"))
    result = project.run("other")
    assert result.code == 1
    assert f"{target} cannot be set" in result.err
    assert "name it in the outputs of the stage, and return it" in result.err


def test_an_aggregate_gets_its_records_in_order(project):
    project.write(
        other(LOUD.format("[[r.label, v] for r, v in x.items()]"), GATHER, THREE)
    )
    result = project.ok("other")
    assert project.value(result, "gather") == [["s0", 0], ["s1", 1], ["s2", 2]]
    call = result.calls("gather")[0]
    assert call["aggregate"] and call["records"] == ["s0", "s1", "s2"]
    assert call["inputs"] == [0, 1, 2]


def test_an_aggregate_leaves_out_records_without_the_input(project):
    run = "make(Record(manager, argsets[1]))\nRecord(manager, argsets[0])\ngather(Record(manager, None))"
    project.write(
        other(LOUD.format("[[r.label for r in records], len(x), 7 in x]"), run, THREE)
    )
    labels, count, _ = project.value(project.ok("other"), "gather")
    assert "s1" in labels and count == 1


def test_a_record_without_the_input_is_told_by_its_name(project):
    run = "make(Record(manager, argsets[1]))\nRecord(manager, argsets[0])\ngather(Record(manager, None))"
    project.write(other(LOUD.format("[x[r] for r in records]"), run, THREE))
    result = project.run("other")
    assert result.code == 1
    assert "record 's0' has no 'x': go through x itself" in result.err


@pytest.mark.parametrize("rule", ["", ", suppress_missing_inputs=True"])
def test_an_aggregate_gets_an_empty_mapping_only_where_that_is_meant(project, rule):
    stages = (
        "from stages.chain import load\n\n\n"
        f"@aggregate(['data', 'refined'], ['n']{rule})\n"
        "def count(record, records, data, refined):\n"
        "    return [len(data), dict(refined)]\n"
    )
    run = "for args in argsets:\n    load(Record(manager, args))\n"
    run += "print(count(Record(manager, None), manager.records).output)"
    project.write(other(stages, run))
    result = project.run("other")
    if rule:
        assert result.code == 0 and result.out.startswith("[1, {}]\n")
    else:
        assert result.code == 2 and "takes 'refined', which none of its" in result.err


def test_an_aggregate_depends_on_the_fields_it_reads_of_each_record(project):
    stages = LOUD.format("[r.args.depth for r in x]")
    project.write(other(stages, GATHER, THREE))
    project.ok("other")
    project.write(other(stages, GATHER, THREE.replace("seed=i", "seed=i, depth=i")))
    result = project.ok("other")
    assert result.done() == ["gather"]
    assert project.value(result, "gather") == [0, 1, 2]


def test_an_aggregate_takes_the_records_it_is_given(project):
    run = "records = [make(Record(manager, a)) for a in argsets]\ngather(Record(manager, None), records[:2])"
    project.write(other(LOUD.format("sum(x.values())"), run, THREE))
    result = project.ok("other")
    assert result.calls("gather")[0]["records"] == ["s0", "s1"]
    assert project.value(result, "gather") == 1


# Inside a stage ---------------------------------------------------------------------


def test_what_a_stage_does_to_its_inputs_reaches_nobody_else(project):
    stages = (
        '@stage(None, ["x"]{0})\ndef make(record):\n    return [1]\n\n\n'
        '@stage(["x"], ["y"])\ndef spoil(record, x):\n    x.append(9)\n'
        "    record.args.items.append(9)\n    return len(x) + len(record.args.items)\n\n\n"
        '@stage(["x", "y"], ["z"])\ndef see(record, x, y):\n    return [x, record.args.items]\n'
    )
    run = "record = see(spoil(make(Record(manager, argsets[0]))))\nprint('Z', record.state['z'])"
    for cachers in ("", ", cachers=None"):
        project.write(other(stages.format(cachers), run))
        assert "Z [[1], []]" in project.ok("other").out


def test_setting_a_field_inside_a_stage_fails_with_a_hint(project):
    stages = '@stage(None, ["x"])\ndef make(record):\n    record.args.seed = 3\n'
    project.write(other(stages, "make(Record(manager, argsets[0]))"))
    result = project.run("other")
    assert result.code == 1
    assert "seed" in result.err and "replace" in result.err


def test_scratch_is_kept_over_a_failure_until_the_call_commits(project):
    stages = (
        '@stage(None, ["epochs"])\n'
        "def train(record):\n"
        "    path = record.scratch / 'epoch'\n"
        "    done = int(path.read_text()) if path.exists() else 0\n"
        "    begun = done\n"
        "    while done < 6:\n"
        "        done += 1\n"
        "        path.write_text(str(done))\n"
        "        if done == 4 and begun == 0:\n"
        "            raise RuntimeError('killed')\n"
        "    return [begun, done]\n"
    )
    project.write(other(stages, "train(Record(manager, argsets[0]))"))
    assert project.run("other").code == 1
    assert project.value(project.ok("other"), "train") == [4, 6]
    assert list(project.cache.glob(".scratch/*")) == []


def test_a_checkpoint_that_an_attempt_fails_with_is_named(project):
    stages = (
        '@stage(None, ["epochs"])\n'
        "def train(record):\n"
        "    path = record.scratch / 'epoch'\n"
        "    epoch = int(path.read_text()) if path.exists() else 0\n"
        "    (record.scratch / 'epoch').write_text('cut sh')\n"
        "    raise RuntimeError(epoch)\n"
    )
    project.write(other(stages, "train(Record(manager, argsets[0]))"))
    first = project.run("other")
    assert first.code == 1 and "begin anew" not in first.err
    second = project.run("other")
    [folder] = project.cache.glob(".scratch/*")
    place = folder.relative_to(project.root)
    assert "ValueError" in second.err and "train a went on from" in second.err
    assert f"{place}: delete that to begin anew" in second.err


def test_metrics_and_reportables_are_kept_with_the_call(project):
    stages = (
        "from curifactory.reporting import JsonReporter, TableReporter, TextReporter\n\n\n"
        '@stage(None, ["x"])\n'
        "def show(record):\n"
        "    record.metric('loss', 0.5, goal='min')\n"
        "    record.metric('size', 3)\n"
        "    record.report(TextReporter('hello', name='greeting', group='texts'))\n"
        "    record.report(TableReporter([{'a': 1, 'b': 2}]))\n"
        "    record.report(JsonReporter({'k': [1]}, name='raw'))\n"
        "    return 1\n"
    )
    project.write(other(stages, "show(Record(manager, argsets[0]))"))
    first = project.ok("other").calls("show")[0]
    assert first["metrics"] == {
        "loss": {"value": 0.5, "goal": "min"},
        "size": {"value": 3, "goal": None},
    }
    shown = first["reportables"]
    assert [each["kind"] for each in shown] == ["text", "table", "json"]
    assert (shown[0]["name"], shown[0]["group"]) == ("greeting", "texts")
    assert shown[1]["data"] == {"columns": ["a", "b"], "rows": [[1, 2]]}
    again = project.ok("other").calls("show")[0]
    assert again["status"] == "reused"
    assert again["metrics"] == first["metrics"] and again["reportables"] == shown


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("record.metric('x', 'high')", "'x'"),
        ("record.metric('x', 1, goal='best')", "'best'"),
        ("record.report(3)", "reportable"),
        ("record.report(type('Mine', (), {'describe': len}))", "is no reportable"),
        ("record.get_path('../x')", "'../x'"),
    ],
)
def test_wrong_use_inside_a_stage_names_the_value(project, line, said):
    stages = f'@stage(None, ["x"])\ndef use(record):\n    {line}\n'
    project.write(other(stages, "use(Record(manager, argsets[0]))"))
    result = project.run("other")
    assert result.code == 1
    assert said in result.err
    assert "/curifactory/" not in result.err


def test_files_made_by_a_stage_are_kept_with_its_call(project):
    stages = (
        '@stage(None, ["x"])\ndef use(record):\n'
        "    record.get_path('notes.txt').write_text('kept')\n"
        "    (record.get_dir('more') / 'a.txt').write_text('b')\n    return 1\n"
    )
    project.write(other(stages, "use(Record(manager, argsets[0]))"))
    folder = project.folder(project.ok("other"), "use")
    assert [p.read_text() for p in folder.rglob("notes.txt")] == ["kept"]
    assert [p.read_text() for p in folder.rglob("a.txt")] == ["b"]


def test_methods_and_properties_of_the_argset_count_by_their_code(project):
    project.edit(
        "params/__init__.py",
        "    items: list",
        "    @property\n    def twice(self):\n        return self.depth * 2\n\n    items: list",
    )
    stages = '@stage(None, ["x"])\ndef use(record):\n    return record.args.twice\n'
    project.write(other(stages, "use(Record(manager, argsets[0]))"))
    assert project.value(project.ok("other"), "use") == 2
    assert project.ok("other").counts["reused"] == 1
    project.edit("params/__init__.py", "self.depth * 2", "self.depth * 5")
    assert project.value(project.ok("other"), "use") == 5


# Old bytecode -----------------------------------------------------------------------


def test_an_edit_of_equal_length_within_a_second_is_noticed(project):
    """Python takes compiled code whose source has its size and second for current."""
    path = project.root / "src" / "helpers.py"
    os.utime(path, (1_700_000_000, 1_700_000_000))
    project.ok(PYTHONDONTWRITEBYTECODE="")
    path.write_text(path.read_text().replace("x + 1", "x + 5"))
    os.utime(path, (1_700_000_000, 1_700_000_000.5))
    result = project.ok(PYTHONDONTWRITEBYTECODE="")
    new = project.value(result, "score", "a")
    fresh = project.ok("study", "--overwrite")
    assert new == project.value(fresh, "score", "a") == 18


def test_the_map_of_an_empty_cache_says_what_argsets_will_share(project):
    project.write({"experiments/seeds.py": """
                from curifactory import Record, aggregate, stage
                from params import Args

                def get_params():
                    return [Args(name=f"s{i}", seed=i) for i in range(10)]

                @stage(None, ["data"])
                def load(record):
                    return [record.args.depth].copy()[0]

                @stage(["data"], ["rows"])
                def split(record, data):
                    return [data, record.args.path]

                @stage(["rows"], ["score"])
                def fit(record, rows):
                    return [record.args.seed, rows]

                @aggregate(["score"], ["best"])
                def compare(record, records, score):
                    return len(score)

                def run(argsets, manager):
                    for args in argsets:
                        fit(split(load(Record(manager, args))))
                    compare(Record(manager, None))
                """})
    foreseen = project.ok("map", "seeds").out
    assert "31 calls: compute 13, reuse 18, maybe 0, skip 0" in foreseen
    counts = project.ok("seeds").counts
    assert (counts["computed"], counts["reused"]) == (13, 18)
    assert "compute 0, reuse 31" in project.ok("map", "seeds").out


def test_a_method_reached_through_super_counts(project):
    project.write(
        {
            "params/__init__.py": """
                from dataclasses import dataclass

                from curifactory import ExperimentArgs

                @dataclass
                class Base(ExperimentArgs):
                    seed: int = 0

                    def shifted(self):
                        return self.seed + 1

                    def unused(self):
                        return 0

                @dataclass
                class Args(Base):
                    def doubled(self):
                        return 2 * super().shifted()
                """,
            "experiments/methods.py": """
                from curifactory import Record, stage
                from params import Args

                def get_params():
                    return [Args(name="a", seed=1)]

                @stage(None, ["x"])
                def make(record):
                    return record.args.doubled()

                def run(argsets, manager):
                    for args in argsets:
                        make(Record(manager, args))
                """,
        }
    )
    assert project.value(project.ok("methods"), "make") == 4
    project.edit("params/__init__.py", "return 0", "return 9")
    assert project.ok("methods").done() == []
    project.edit("params/__init__.py", "self.seed + 1", "self.seed + 2")
    assert project.value(project.ok("methods"), "make") == 6


def test_what_a_cacher_reads_while_it_saves_counts(project):
    project.write({"data/columns.txt": "a b\n"})
    project.edit("stages/chain.py", "from curifactory import aggregate, stage\n", """\
from pathlib import Path

from curifactory import aggregate, stage
from curifactory.caching import JsonCacher


class Columns(JsonCacher):
    def save(self, obj):
        super().save([obj, Path("data/columns.txt").read_text()])
""")  # fmt: skip
    project.edit(
        "stages/chain.py", '["data"])\ndef load', '["data"], [Columns])\ndef load'
    )
    project.edit("stages/chain.py", "sum(data)", "sum(data[0])")
    project.ok()
    assert project.ok().done() == []
    project.write({"data/columns.txt": "a c\n"})
    assert project.ok().done()[0] == "load a"


def test_a_new_file_in_a_folder_that_a_stage_lists_counts(project):
    project.write({"data/raw/a.csv": "1", "data/other/b.csv": "2"})
    project.edit(
        "stages/chain.py",
        "    return [1, 2, 3]",
        """\
    from pathlib import Path
    return [int(each.read_text()) for each in sorted(Path("data/raw").glob("*.csv"))]""",
    )
    project.ok()
    project.write({"data/other/c.csv": "3"})
    assert project.ok().done() == []
    project.write({"data/raw/c.csv": "3"})
    assert project.ok().done()[0] == "load a"
    (project.root / "data/raw/c.csv").unlink()
    assert project.ok().done() == []


LOOKS = """
@stage(None, ["read"])
def look(record):
    from pathlib import Path
    extra, made = Path("inputs/extra.txt"), Path("outputs/made.txt")
    if not made.exists():
        made.parent.mkdir(exist_ok=True)
        made.write_text("made")
    return made.read_text() + (extra.read_text() if extra.is_file() else "")
"""


def test_a_file_that_a_stage_looks_for_counts_until_it_makes_it(project):
    project.write(other(LOOKS, "look(Record(manager, argsets[0]))", "Args(name='a')"))
    project.ok("other")
    shutil.rmtree(project.root / "outputs")
    assert project.ok("other").counts["reused"] == 1
    project.write({"inputs/extra.txt": "!"})
    result = project.ok("other")
    assert project.value(result, "look") == "made!"
    assert "inputs/extra.txt" in result.reasons("look")[0]
    (project.root / "inputs/extra.txt").unlink()
    result = project.ok("other")
    assert result.counts["reused"] == 1
    assert project.value(result, "look") == "made"


def test_a_limit_of_calls_ends_run_where_it_asks_for_a_value(project):
    stages = "@stage(None, ['x'])\ndef work(record):\n    return record.args.seed\n"
    run = (
        "for args in argsets:\n    record = work(Record(manager, args))\n"
        "    print('GOT', record.state['x'])"
    )
    three = ", ".join(f"Args(name='n{i}', seed={i})" for i in range(3))
    project.write(other(stages, run, three))
    limited = project.ok("other", "--max-calls", "2")
    assert limited.out.count("GOT") == 2
    assert limited.counts == {"computed": 2, "reused": 0, "skipped": 1, "failed": 0}
    assert "run() ended where it asked for a value: work n2 was skipped" in limited.err
    again = project.ok("other", "--max-calls", "2")
    assert again.counts["computed"] == 1 and again.out.count("GOT") == 3
    later = "@stage(None, ['y'])\ndef late(record):\n    return 1\n"
    project.write(other(f"{stages}\n\n{later}", f"{run}\n    late(record)", three))
    asked = "--max-calls", "0", "--overwrite-stage", "late"
    assert project.ok("other", "--overwrite", *asked).counts["computed"] == 0


def test_a_map_within_a_limit_says_what_the_run_would_do(project):
    stages = (
        "@stage(None, ['x'])\ndef work(record):\n    return record.args.seed\n\n\n"
        "@stage(['x'], ['y'])\ndef double(record, x):\n    return 2 * x\n"
    )
    run = "for args in argsets:\n    double(work(Record(manager, args)))"
    given = "Args(name='a', seed=1), Args(name='b', seed=1), Args(name='c', seed=2)"
    project.write(other(stages, run, given))
    limit = "--max-calls", "1"
    mapped = project.ok("map", "other", *limit)
    assert "6 calls: compute 1, reuse 1, maybe 0, skip 4" in mapped.out, mapped.out
    limited = project.ok("other", *limit)
    assert limited.counts == {"computed": 1, "reused": 1, "skipped": 4, "failed": 0}
    mapped = project.ok("map", "other", *limit)
    assert "6 calls: compute 1, reuse 3, maybe 0, skip 2" in mapped.out, mapped.out
    assert "after 1 call\n" in mapped.out, mapped.out
    limited = project.ok("other", *limit)
    assert limited.reasons("work")[2] == "after 1 call"
    assert limited.counts == {"computed": 1, "reused": 3, "skipped": 2, "failed": 0}


def test_a_project_that_was_moved_computes_nothing_again(project):
    stages = (
        "from pathlib import Path\n\nDATA = Path(__file__).parents[1] / 'numbers.txt'\n\n\n"
        "@stage(None, ['x'])\ndef work(record):\n"
        "    beside = Path(__file__).with_suffix('.py').name\n"
        "    return [DATA.read_text(), beside]\n"
    )
    project.write(other(stages, "work(Record(manager, argsets[0]))"))
    project.write({"numbers.txt": "1 2 3"})
    assert project.ok("other").counts["computed"] == 1
    project.root = project.root.rename(project.root.parent / "moved")
    assert project.ok("other").counts["reused"] == 1
    project.write({"numbers.txt": "1 2 4"})
    assert project.ok("other").reasons("work") == ["numbers.txt changed"]


def test_a_long_map_is_cut_short_unless_asked_for_whole(project):
    stages = "@stage(None, ['x'])\ndef work(record):\n    return record.args.seed\n"
    argsets = ", ".join(f"Args(name='n{i}', seed={{}} + {i})" for i in range(70))
    run = "for args in argsets:\n    work(Record(manager, args))"
    project.write(other(stages, run, argsets.replace("{}", "0")))
    project.ok("other")
    project.write(other(stages, run, argsets.replace("{}", "100")))
    short, whole = (
        project.ok("map", "other").out,
        project.ok("map", "other", "--verbose").out,
    )
    assert "n59 " in short and "n60 " not in short
    assert "... and 10 more rows, shown with --verbose" in short
    assert "n69 " in whole and "more rows" not in whole


PLOTTING = """
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt


@stage(None, ["lines"])
def plot(record):
    plt.figure({})
    plt.plot([record.args.seed])
    return len(plt.gca().lines)
"""
PLOTTED = """
own = plt.figure("own")
records = [plot(Record(manager, args)) for args in argsets]
manager.compute(*records)
print("lines", [record.state["lines"] for record in records])
print("open", plt.get_figlabels())
"""


@pytest.mark.slow
def test_figures_that_a_call_leaves_open_are_closed_when_it_ends(project):
    pytest.importorskip("matplotlib")
    argsets = "Args('a', seed=1), Args('b', seed=2)"
    project.write(other(PLOTTING.format("'shown'"), PLOTTED, argsets))
    out = project.python("-m", "curifactory", "other").out
    assert "lines [1, 1]" in out and "open ['own']" in out


def test_checkpoints_are_of_the_code_of_inputs_as_well(project):
    stages = (
        "from curifactory.caching import PickleCacher\n"
        "from src.thing import Thing\n\n\n"
        '@stage(None, ["thing"], cachers=[PickleCacher])\n'
        "def make(record):\n"
        "    return Thing()\n\n\n"
        '@stage(["thing"], ["total"])\n'
        "def train(record, thing):\n"
        "    path = record.scratch / 'total'\n"
        "    done = int(path.read_text()) if path.exists() else 0\n"
        "    path.write_text(str(done + thing.weight()))\n"
        "    if not done and thing.weight() == 1:\n"
        "        raise RuntimeError('killed')\n"
        "    return int(path.read_text())\n"
    )
    thing = "class Thing:\n    def weight(self):\n        return {}\n"
    project.write({"src/thing.py": thing.format(1)})
    project.write(other(stages, "train(make(Record(manager, argsets[0])))"))
    assert project.run("other").code == 1
    project.write({"src/thing.py": thing.format(100)})
    assert project.value(project.ok("other"), "train") == 100


RESUMED = """
from pathlib import Path


@stage(None, ["total"])
def train(record):
    rate = int(Path("rate.txt").read_text())
    {edit}
    path = record.scratch / "total"
    total = int(path.read_text()) if path.exists() else 0
    path.write_text(str(total + rate))
    if rate == 1:
        raise RuntimeError("killed")
    return int(path.read_text())
"""


def test_checkpoints_are_of_what_was_read_before_them(project):
    edit = "Path('rate.txt').write_text('100')  # as others do meanwhile"
    project.write({"rate.txt": "1"})
    run = "train(Record(manager, argsets[0]))"
    project.write(other(RESUMED.replace("{edit}", edit), run))
    assert project.run("other").code == 1
    assert project.value(project.ok("other"), "train") == 100


LOGGED = """
@stage(None, ["begun"], [JsonCacher])
def train(record):
    {above}done = record.scratch / "epochs"
    begun = int(done.read_text()) if done.exists() else 0
    for epoch in range(begun, 4):
        with open(record.args.path, "a") as log:
            log.write("epoch\\n")
        done.write_text(str(epoch + 1))
        if epoch < 3:
            raise ValueError("its time is over")
    return begun
"""


@pytest.mark.parametrize("above", ["", "record.args.path; "], ids=["after", "before"])
def test_checkpoints_do_not_depend_on_a_log_that_a_field_names(project, above):
    run = "train(Record(manager, argsets[0]))"
    argset = "Args('a', path='data/train.log')"
    project.write(other(LOGGED.replace("{above}", above), run, argset))
    (project.root / "data").mkdir(exist_ok=True)
    for _ in range(3):
        assert project.run("other").code == 1
    assert project.value(project.ok("other"), "train") == 3


@pytest.mark.skipif(os.name != "posix", reason="needs a link to itself")
@pytest.mark.slow
def test_a_file_that_nobody_can_read_is_waited_for_once_in_a_run(project):
    stages = """
@stage(None, ["x"], [JsonCacher])
def look(record):
    try:
        return open("loop.txt").read()
    except OSError:
        return record.args.seed
"""
    (project.root / "loop.txt").symlink_to("loop.txt")
    argsets = ", ".join(f"Args('{name}', seed={i})" for i, name in enumerate("abcdef"))
    project.write(other(stages, EACH.format("look(Record(manager, args))"), argsets))
    begun = time.monotonic()
    assert project.ok("other").counts["computed"] == 6
    assert time.monotonic() - begun < 5  # not six times 1.1 s


@pytest.mark.parametrize("left", [None, "", "[]\n"], ids=["gone", "empty", "other"])
def test_checkpoints_of_which_nobody_knows_what_was_read_do_not_count(project, left):
    project.write({"rate.txt": "1"})
    run = "train(Record(manager, argsets[0]))"
    project.write(other(RESUMED.replace("{edit}", "pass"), run))
    assert project.run("other").code == 1
    [reads] = project.cache.glob(".scratch/*/reads")
    reads.unlink() if left is None else reads.write_text(left)
    project.write({"rate.txt": "100"})
    assert project.value(project.ok("other"), "train") == 100


@pytest.mark.parametrize("name", ["raw.txt", "best.txt"])
@pytest.mark.parametrize("way", ["text", "rename"])
def test_checkpoints_outlive_a_kill_after_a_file_was_made_that_was_absent(
    project, way, name
):
    stages = """
import os
from pathlib import Path


def make(path):
    if not os.path.exists(path):
        new = Path(path + {suffix!r})
        new.write_text("made")
        os.rename(new, path)


@stage(None, ["begun"])
def train(record):
    if {name!r} == "raw.txt":
        make("raw.txt")
    path = record.scratch / "epoch"
    begun = int(path.read_text()) if path.exists() else 0
    for epoch in range(begun, 4):
        path.write_text(str(epoch + 1))
        if epoch == 1:
            make({name!r})
            os.kill(os.getpid(), 9)
    return begun
"""
    suffix = {"text": "", "rename": ".new"}[way]
    stages = stages.format(suffix=suffix, name=name)
    project.write(other(stages, "train(Record(manager, argsets[0]))"))
    assert project.python("-m", "curifactory", "other").code == -9
    assert project.value(project.ok("other"), "train") == 2


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="there is no /proc")
@pytest.mark.parametrize("name", ["rate.txt", "data/cache/.scratch/*/reads"])
def test_an_error_of_the_disk_costs_no_checkpoint(project, name):
    """What cannot be read for a moment does not tell that checkpoints are outdated."""
    project.write({"rate.txt": "100"})
    stages = """
from pathlib import Path


@stage(None, ["total"])
def train(record):
    path = record.scratch / "total"
    if path.exists():
        return int(path.read_text()) + 1
    path.write_text(Path("rate.txt").read_text())
    raise RuntimeError("killed")
"""
    project.write(other(stages, "train(Record(manager, argsets[0]))"))
    assert project.run("other").code == 1
    [path] = project.root.glob(name)
    aside = path.rename(project.root / "aside")
    path.symlink_to("/proc/self/mem")
    result = project.run("other")
    assert result.code == 1 and "[Errno 5]" in result.err, result
    path.unlink()
    aside.rename(path)
    assert project.value(project.ok("other"), "train") == 101


def test_an_error_of_the_disk_after_a_call_costs_no_result(project):
    project.write({"rate.txt": "100"})
    stages = """
from pathlib import Path


@stage(None, ["total"])
def train(record):
    return int(Path("rate.txt").read_text())
"""
    project.write(other(stages, "train(Record(manager, argsets[0]))"))
    failing = """
        import sys

        from curifactory import hashing
        from curifactory.cli import main

        real, failed = hashing.hash_file, []


        def hash_file(path):
            if str(path).endswith("rate.txt") and not failed:
                failed.append(path)
                raise OSError(5, "Input/output error")
            return real(path)


        hashing.hash_file = hash_file
        sys.exit(main(["other"]) or not failed)
        """
    assert project.script(failing).code == 0
    assert project.ok("other").counts["computed"] == 0


def test_outdated_checkpoints_that_cannot_be_listed_are_not_gone_on_from(project):
    project.write({"rate.txt": "1"})
    run = "train(Record(manager, argsets[0]))"
    project.write(other(RESUMED.replace("{edit}", "pass"), run))
    assert project.run("other").code == 1
    project.write({"rate.txt": "100"})
    failing = """
        import os
        import sys


        def failing(real):
            def listed(path="."):
                if ".scratch/" in str(path):
                    raise OSError(5, "Input/output error", str(path))
                return real(path)

            return listed


        os.scandir, os.listdir = failing(os.scandir), failing(os.listdir)
        from curifactory.cli import main

        sys.exit(main(["other"]))
        """
    assert project.script(failing).code == 1
    assert project.value(project.ok("other"), "train") == 100


KILLED = """
import functools
import multiprocessing
import os
import signal
from src.rates import memoized, plain


def in_child():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(plain)


@stage(None, ["total"])
def train(record):
    path = record.scratch / "total"
    rate = {read}
    total = int(path.read_text()) if path.exists() else 0
    path.write_text(str(total + rate))
    if rate == 1 and record.args.seed == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return int(path.read_text())
"""
RATES = """
import functools
from pathlib import Path


def plain():
    return int(Path("rate.txt").read_text())


memoized = functools.lru_cache(plain)
"""


@pytest.mark.parametrize("read", ["plain()", "memoized()", "in_child()"])
def test_checkpoints_are_of_what_was_read_when_they_were_written(project, read):
    project.write({"rate.txt": "1", "src/rates.py": RATES})
    run = "for args in argsets:\n    train(Record(manager, args))"
    argsets = "Args('a', seed=1), Args('b', seed=2)"
    project.write(other(KILLED.replace("{read}", read), run, argsets))
    assert project.run("other").code == -9
    project.write({"rate.txt": "100"})
    result = project.ok("other")
    assert [project.value(result, "train", name) for name in "ab"] == [100, 100]


def test_a_checkpoint_is_no_reason_to_read_anything_else(project):
    project.write({"rate.txt": "100"})
    run = "train(Record(manager, argsets[0]))"
    project.write(other(RESUMED.replace("{edit}", "pass"), run))
    assert project.ok("other").counts["computed"] == 1
    (project.root / "scratch").mkdir()
    (project.root / "work").mkdir()
    assert project.ok("other").counts["computed"] == 0


def test_a_record_of_another_manager_may_be_mapped(project):
    stages = (
        "from curifactory import ArtifactManager\n\n\n"
        "@stage(None, ['x'])\ndef one(record):\n    return 1\n\n\n"
        "@aggregate(['x'], ['sum'])\ndef total(record, records, x):\n"
        "    return sum(x.values())\n"
    )
    run = (
        "its = one(Record(ArtifactManager('inner'), argsets[0]))\n"
        "total(Record(manager, None), [its])\n"
    )
    project.write(other(stages, run))
    assert "compute 1, reuse 0" in project.ok("map", "other").out
    assert "computed: 1," in project.ok("other").out
    assert "compute 0, reuse 1" in project.ok("map", "other").out


@pytest.mark.parametrize("shown", ["path", "str(path)"])
def test_a_path_in_the_cache_that_nobody_would_find_is_refused(project, shown):
    stages = "@stage(None, ['x'])\ndef pick(record):\n"
    stages += f"    path = record.get_path('x.txt')\n    return {shown}\n"
    project.write(other(stages, EACH.format("pick(Record(manager, args))")))
    result = project.run("other")
    assert result.code == 1 and "cachers=[PathCacher] keeps the file" in result.err


LATER = {
    "polars": (
        "import polars as pl",
        "pl.scan_csv(path)",
        "later.collect()['x'].sum()",
    ),
    "pyarrow": (
        "from pyarrow import dataset",
        "dataset.dataset(path, format='csv')",
        "sum(later.to_table()['x'].to_pylist())",
    ),
}


@pytest.mark.parametrize(
    "library", ["polars", pytest.param("pyarrow", marks=pytest.mark.slow)]
)
def test_an_input_that_reads_later_is_another_one_once_its_file_is(project, library):
    """Its pickle has the name of the file alone, and is the same as before."""
    pytest.importorskip(library)
    load, scan, total = LATER[library]
    stages = f"""
{load}
@stage(None, ["later"])
def scan(record):
    path = record.args.path
    return {scan}

@stage(["later"], ["total"])
def total(record, later):
    return int({total})
"""
    run = "record = Record(manager, argsets[0])\ntotal(scan(record))\nprint('IS', record.output)"
    project.write(other(stages, run, "Args(name='a', path='raw/x.csv')"))
    project.write({"raw/x.csv": "x\n1\n2\n"})
    assert "IS 3" in project.ok("other").out
    assert project.ok("other").counts["computed"] == 0
    project.write({"raw/x.csv": "x\n1\n40\n"})
    assert "IS 41" in project.ok("other").out
