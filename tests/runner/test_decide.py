"""Decisions: what a map predicts is what a run does, and each has its reason."""

import pytest
from test_execute import EACH, other


def rows(result):
    """The map as a dict from stage to its (decision, why) rows."""
    found = {}
    for line in result.out.splitlines()[1:]:
        if not line:
            break
        cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
        found.setdefault(cells[0], []).append((cells[1], *cells[3:]))
    return found


def counted(result):
    """The counts in the last line of a map."""
    last = result.out.strip().splitlines()[-1]
    total, _, counts = last.partition(" calls: ")
    pairs = (each.split() for each in counts.split(", "))
    return int(total), {kind: int(number) for kind, number in pairs}


def test_a_first_map_computes_all_but_what_is_shared_and_leaves_no_result(project):
    result = project.ok("map", "study")
    total, counts = counted(result)
    assert total == 7 == sum(counts.values())
    assert counts == {"compute": 6, "reuse": 1, "maybe": 0, "skip": 0}
    assert rows(result)["load"][0] == ("compute", "never run")
    assert (
        list(project.root.rglob("meta.json"))
        == list(project.root.rglob("run.json"))
        == []
    )


def test_a_map_tells_calls_apart_by_what_they_are_given_and_under_which_name(project):
    project.write({
        "stages/chain.py": """
            from curifactory import stage


            @stage(None, ["x"])
            def make(record, one=0, other=0):
                return one + 2 * other


            @stage(["x", "y"], ["z"], suppress_missing_inputs=True)
            def add(record, x=0, y=0):
                return x + 2 * y
            """,
        "experiments/study.py": """
            from curifactory import Record
            from stages.chain import add, make

            DEFAULT_PARAMS = ["base"]


            def run(argsets, manager):
                make(Record(manager, None), one=1)
                make(Record(manager, None), other=1)
                make(Record(manager, None), other=1, one=2)
                make(Record(manager, None), one=2, other=1)
                for name in ("x", "y"):
                    record = Record(manager, None)
                    record.state[name] = 5
                    add(record)
            """,
    })  # fmt: skip
    assert counted(project.ok("map", "study"))[1]["compute"] == 5
    assert len(project.ok().done()) == 5


@pytest.mark.parametrize(
    "reading",
    [
        "functools.reduce(getattr, 'model.seed'.split('.'), Holder(record.args)).real",
        "'{0.seed}'.format(record.args)",
    ],
)
def test_a_map_expects_the_reads_that_texts_name(project, reading):
    stages = (
        "import functools\n\n\n"
        "class Holder:\n    def __init__(self, model):\n        self.model = model\n\n\n"
        f"@stage(None, ['x'])\ndef work(record):\n    return {reading}\n"
    )
    run = "for args in argsets:\n    work(Record(manager, args))"
    project.write(other(stages, run, "Args('a', seed=1), Args('b', seed=2)"))
    assert "2 calls: compute 2, reuse 0" in project.ok("map", "other").out
    assert project.ok("other").counts["computed"] == 2


def test_a_map_of_finished_work_reuses_all(project):
    project.ok()
    assert counted(project.ok("map", "study")) == (
        7,
        {"compute": 0, "reuse": 7, "maybe": 0, "skip": 0},
    )


def test_a_map_of_one_more_argset_says_what_is_new(project):
    project.ok()
    project.edit("params/base.py", "seed=2)]", 'seed=2), Args(name="c", seed=3)]')
    result = project.ok("map", "study")
    found = rows(result)
    assert ("reuse", "shared with a (reads no field)") in found["load"]
    assert {row[0] for row in found["fit"]} == {"reuse", "compute"}
    # Whether `fit c` gives what another fit gave is known only once it has run.
    assert [row[0] for row in found["score"]] in (
        ["reuse", "maybe"],
        ["reuse", "compute"],
    )
    assert {row[0] for row in found["compare"]} <= {"compute", "maybe"}
    computed = project.ok().done()
    assert computed == ["fit c", "score c", "compare"]


def test_what_waits_for_a_recomputed_input_is_called_maybe(project):
    project.ok()
    project.edit("stages/chain.py", "return [1, 2, 3]", "return [1] + [2, 3]")
    found = rows(project.ok("map", "study"))
    assert [row[0] for row in found["load"]] == ["compute", "reuse"]
    assert {row[0] for row in found["fit"]} == {"maybe"}
    assert project.ok().done() == ["load a"]


@pytest.mark.parametrize("cachers", ["None", "[JsonCacher]"])
def test_a_map_counts_data_that_calls_share_and_that_is_made_again_once(
    project, cachers
):
    stages = (
        "from curifactory.caching import JsonCacher\n\n\n"
        f"@stage(None, ['x'], cachers={cachers})\ndef make(record):\n    return 5\n\n\n"
        "@stage(['x'], ['y'])\ndef use(record, x):\n    return x + record.args.seed\n"
    )
    argsets = "Args('a', seed=1), Args('b', seed=2), Args('c', seed=3)"
    run = "for args in argsets:\n    use(make(Record(manager, args)))"
    project.write(other(stages, run, argsets))
    project.ok("other")
    for path in project.cache.glob("*.make/*/x.json"):
        path.unlink()
    project.edit("experiments/other.py", "x + record", "2 * x + record")
    expected = {"compute": 4, "reuse": 2, "maybe": 0, "skip": 0}
    assert counted(project.ok("map", "other")) == (6, expected)
    assert project.ok("other").counts["computed"] == 4


@pytest.mark.parametrize("before", ["", "record.args.seed"])
@pytest.mark.parametrize("then", ["", "record.args.depth"])
def test_an_execution_that_read_less_counts_only_until_one_reads_more(
    project, before, then
):
    """What it depended on, as on what `os.access` tells, is not seen."""
    stages = f"""
import os
from pathlib import Path


@stage(None, ["a"])
def begin(record):
    return 1


@stage(["a"], ["x"])
def work(record, a):
    {before}
    more = Path("more.txt")
    text = more.read_text() if os.access(more, os.R_OK) else "none"
    {then}
    return text
"""
    run = "work(begin(Record(manager, argsets[0])))"
    project.write(other(stages, run, "Args('a')"))

    def value(*options):
        result = project.ok("other", "--overwrite-stage", "begin", *options)
        return project.value(result, "work"), result.done()[1:]

    assert value() == ("none", ["work a"])
    for text in ("one", "two"):
        project.write({"more.txt": text})
        assert value(*["--overwrite"] * (text == "one")) == (text, ["work a"])
        (project.cache / "index.sqlite").unlink()
        assert value() == (text, [])
    (project.root / "more.txt").unlink()
    assert value() == ("none", ["work a"])
    assert value() == ("none", [])


EDITS = {
    "a field": ("params/base.py", "seed=1)", "seed=5)", "fit", "seed 1 -> 5"),
    "a helper": ("src/helpers.py", "2 * x", "x + x", "fit", "double changed"),
    "the stage": (
        "stages/chain.py",
        "return [1, 2, 3]",
        "return [1, 2]",
        "load",
        "load changed",
    ),
    "an input": (
        "src/helpers.py",
        "2 * x",
        "3 * x",
        "score",
        "input model changed (by fit)",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_each_reason_names_what_changed(project, edit):
    name, old, new, stage, reason = EDITS[edit]
    project.ok()
    project.edit(name, old, new)
    result = project.ok()
    found = result.calls(stage, "computed")[0]["reason"]
    assert reason in found, found


def test_other_records_are_the_reason_of_an_aggregate(project):
    project.ok()
    project.edit("params/base.py", ', Args(name="b", seed=2)', "")
    result = project.ok()
    assert result.done() == ["compare"]
    assert "records" in result.reasons("compare")[0]


def test_moving_or_renaming_a_helper_costs_nothing(project):
    project.ok()
    project.edit("src/helpers.py", "def shift", "def moved_by_one")
    project.edit(
        "stages/chain.py", "import double, shift", "import double, moved_by_one"
    )
    project.edit("stages/chain.py", "shift(model", "moved_by_one(model")
    assert project.ok().counts["computed"] == 0


def test_reads_are_compared_in_the_order_they_were_made(project):
    stages = (
        '@stage(None, ["x"])\ndef pick(record):\n    args = record.args\n'
        "    if args.seed:\n        return args.depth\n    return args.path\n"
    )
    run = EACH.format("pick(Record(manager, args))")

    def computed(argset):
        project.write(other(stages, run, argset))
        return project.ok("other").counts["computed"]

    assert computed("Args(name='a', seed=1, depth=1, path='p')") == 1
    assert computed("Args(name='a', seed=1, depth=1, path='q')") == 0
    assert computed("Args(name='a', seed=0, depth=1, path='q')") == 1
    assert computed("Args(name='a', seed=0, depth=2, path='q')") == 0
    assert computed("Args(name='a', seed=1, depth=2, path='q')") == 1
    assert computed("Args(name='a', seed=1, depth=1, path='z')") == 0


def test_counts_sum_to_the_calls_in_all_and_by_stage(project):
    project.edit(
        "stages/chain.py",
        "    value = shift",
        "    assert record.args.seed == 1\n    value = shift",
    )
    result = project.run("study")
    assert result.code == 1
    assert sum(result.counts.values()) == len(result.run["calls"]) == 7
    by_stage = [stage["counts"] for stage in result.run["stages"].values()]
    assert {
        k: sum(each[k] for each in by_stage) for k in result.counts
    } == result.counts


def test_what_reads_everything_depends_on_everything(project):
    stages = '@stage(None, ["x"])\ndef all_of(record):\n    return repr(record.args)\n'
    run = "all_of(Record(manager, argsets[0]))"
    project.write(other(stages, run))
    project.ok("other")
    project.write(other(stages, run, "Args(name='a', items=[1])"))
    assert project.ok("other").done() == ["all_of a"]


def test_an_operational_field_never_counts(project):
    project.edit(
        "params/__init__.py",
        "depth: int = 1",
        'depth: int = field(default=1, metadata={"operational": True})',
    )
    project.ok()
    project.edit("params/base.py", "seed=1)", "seed=1, depth=8)")
    assert project.ok().counts["computed"] == 0


def test_a_pinned_version_decides_in_place_of_the_code(project):
    stages = '@stage(None, ["x"], version="{}")\ndef pinned(record):\n    return {}\n'
    run = "pinned(Record(manager, argsets[0]))"
    project.write(other(stages.format(1, 10), run))
    project.ok("other")
    project.write(other(stages.format(1, 20), run))
    assert project.value(project.ok("other"), "pinned") == 10
    project.write(other(stages.format(2, 20), run))
    assert project.value(project.ok("other"), "pinned") == 20
