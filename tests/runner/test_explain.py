"""explain, accept, check and the question before long work is repeated."""

import json
import os
import pty
import re
import subprocess
import sys

import pytest
from projects import copy_runner
from servers import PATIENCE
from test_execute import EACH, other

from curifactory.trace import body_of, parse


@pytest.fixture(scope="session")
def whole_home(tmp_path_factory):
    return copy_runner(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def whole(project, whole_home):
    """The project of three stages, with a runner that has its extras."""
    project.home = whole_home
    return project


def let_it_have_taken(project, stage, seconds):
    """Record that results of a stage took long, as if they had."""
    for path in project.cache.glob(f"*.{stage}/*/meta.json"):
        trace = parse(path.read_text(), "")
        trace.seconds = seconds
        path.write_text(body_of(trace))
    (project.cache / "index.sqlite").unlink()


def explained(project, *options):
    result = project.ok("explain", "study", "--json", *options)
    return {each["stage"].rpartition(".")[2]: each for each in json.loads(result.out)}


def folders(project):
    return sorted(str(path) for path in project.cache.glob("*/*/meta.json"))


# explain ----------------------------------------------------------------------------


def test_explain_tells_reads_code_and_why_of_each_stage(whole):
    whole.ok()
    found = explained(whole)
    assert list(found) == ["load", "fit", "score", "compare"]
    assert found["fit"]["reads"] == ["seed"]
    assert found["fit"]["code"] == ["src/helpers.py: double", "stages/chain.py: fit"]
    assert found["load"]["calls"][1]["why"] == "shared with a (reads no field)"
    assert {call["decision"] for call in found["score"]["calls"]} == {"reuse"}


def test_explain_tells_modules_that_were_imported_by_a_text_as_they_are_called(whole):
    stages = """
import importlib

@stage(None, ["out"])
def built(record):
    module, name = "src.helpers", f"doub{'le'}"
    return getattr(importlib.import_module(module), name)(2)
"""
    whole.write(other(stages, EACH.format("built(Record(manager, args))")))
    whole.ok("other")
    found = json.loads(whole.ok("explain", "other", "--json").out)[0]
    assert found["also"] == ["src.helpers"]
    whole.edit("src/helpers.py", "2 * ", "3 * ")
    assert "src.helpers changed" in whole.ok("map", "other").out


def test_explain_before_the_first_run_computes_nothing(whole):
    found = explained(whole)
    assert found["fit"]["reads"] == []
    assert found["fit"]["calls"][0] == {
        "argset": "a",
        "decision": "compute",
        "why": "after load",
        "seconds": 0.0,
        "made_with": {},
    }
    assert folders(whole) == []


def test_explain_says_at_which_line_the_name_or_everything_is_read(whole):
    stages = (
        '@stage(None, ["x"])\ndef named(record):\n    return record.args.name\n\n\n'
        '@stage(None, ["y"])\ndef all_of(record):\n    return vars(record.args)\n'
    )
    whole.write(other(stages, "all_of(named(Record(manager, argsets[0])))"))
    whole.ok("other")
    result = whole.ok("explain", "other")
    assert "name (at experiments/other.py:12)" in result.out
    assert "everything (at experiments/other.py:17)" in result.out


def test_explain_takes_no_line_of_run_for_one_that_reads_everything(whole):
    stages = '@stage(None, ["x"], reads="all")\ndef all_of(record):\n    return 1\n'
    run = "record = all_of(Record(manager, argsets[0]))\nassert record.state['x']"
    whole.write(other(stages, run))
    whole.ok("other")
    assert "reads     everything\n" in whole.ok("explain", "other").out


def test_explain_tells_what_was_read_before_an_edit(whole):
    whole.ok()
    before = explained(whole)["score"]
    assert before["reads"] and not before["is_past"]
    whole.edit("src/helpers.py", "x + 1", "x + 2")
    after = explained(whole)["score"]
    assert after["reads"] == before["reads"] and after["is_past"]
    said = f"reads     {', '.join(before['reads'])}, the last time"
    assert said in whole.ok("explain", "study", "--stage", "score").out


def test_explain_lists_files_packages_and_what_could_not_be_followed(whole):
    stages = (
        "import json, numpy\nfrom params import Args\n\n\n"
        '@stage(None, ["x"], files=["raw/*.csv"])\ndef read(record):\n'
        "    assert isinstance(record.args, Args) and numpy.pi > 3\n"
        "    with open('notes.txt') as file:\n"
        "        return [eval('1'), json.dumps(file.read())]\n"
    )
    whole.write({"notes.txt": "n", "raw/a.csv": "1"})
    whole.write(other(stages, "read(Record(manager, argsets[0]))"))
    whole.ok("other")
    result = whole.ok("explain", "other", "--json")
    found = json.loads(result.out)[0]
    assert found["files"] == ["raw/*.csv", "notes.txt"]
    assert found["unfollowed"] == [
        "experiments/other.py: all of it uses eval",
        "experiments/other.py: read uses eval",
    ]
    assert list(found["packages"]) == ["numpy"]


def test_explain_selects_a_stage_and_an_argset(whole):
    whole.ok()
    found = explained(whole, "--stage", "fit", "-n", "b")
    assert [call["argset"] for call in found["fit"]["calls"]] == ["b"]
    assert list(found) == ["fit"]
    result = whole.run("explain", "study", "--stage", "fitt")
    assert result.code == 2 and "did you mean 'fit'?" in result.err


def test_reasons_show_versions_that_changed_as_well(whole):
    text = (
        "import sys, types\n\nsys.modules['pack'] = pack = types.ModuleType('pack')\n"
    )
    text += "vars(pack).update(__version__='{}', one={})\n\n\n"
    stage = '@stage(None, ["x"])\ndef use(record):\n    return pack.one + {}\n'
    run = "use(Record(manager, argsets[0]))"
    whole.write(other(text.format("1.0", 1) + stage.format(1), run))
    whole.ok("other")
    whole.write(other(text.format("2.0", 1) + stage.format(1), run))
    result = whole.ok("explain", "other", "--json")
    assert json.loads(result.out)[0]["calls"][0]["made_with"] == {"pack": "1.0"}
    whole.write(other(text.format("2.0", 1) + stage.format(2), run))
    changed = "experiments/other.py: use changed, pack 1.0 -> 2.0"
    assert whole.ok("other").reasons("use") == [changed]


# accept -----------------------------------------------------------------------------


def test_a_stage_over_variables_of_run_is_not_said_to_be_accepted(whole):
    text = """
k = 2
@stage(None, ["x"])
def own(record): return k
for args in argsets:
    own(Record(manager, args))
    k = 3
    own(Record(manager, args))
"""
    whole.write(other("", text))
    whole.ok("other")
    shown = whole.ok("map", "other").out
    assert "compute 0, reuse 2" in shown and "accepted" not in shown
    whole.edit("experiments/other.py", "return k", "return [k]")
    shown = whole.ok("other").reasons("own")
    assert shown == ["experiments/other.py: run.own changed"] * 2


def test_accept_keeps_results_over_a_change_and_the_history_says_so(whole):
    whole.ok()
    whole.edit("src/helpers.py", "x + 1", "1 + x")
    result = whole.ok("accept", "score")
    assert result.out.splitlines() == [
        "score: results of 2 calls are kept, although src/helpers.py: shift changed"
    ]
    again = whole.ok()
    assert again.counts["computed"] == 0
    assert again.reasons("score") == ["its code was accepted"] * 2


def test_accept_writes_to_the_cache_although_the_last_run_did_not(whole):
    whole.ok("study", "--quiet")
    whole.edit("src/helpers.py", "x + 1", "x + 2")
    whole.ok("study", "--quiet", "--read-only")
    whole.ok("accept", "score")
    assert whole.ok("study").reasons("score") == ["its code was accepted"] * 2


def test_accept_counts_calls_that_share_a_result(whole):
    whole.edit(
        "params/base.py",
        'Args(name="a", seed=1)',
        'Args(name="a", seed=1), Args(name="c", seed=1)',
    )
    whole.ok()
    whole.edit("src/helpers.py", "x + 1", "1 + x")
    assert "score: results of 3 calls are kept" in whole.ok("accept", "score").out
    assert whole.ok().counts["computed"] == 0


def test_an_accepted_change_may_be_followed_by_another(whole):
    whole.ok()
    for old, new in (("x + 1", "1 + x"), ("1 + x", "0 + 1 + x")):
        whole.edit("src/helpers.py", old, new)
        whole.ok("accept", "score")
    assert whole.ok().counts["computed"] == 0
    whole.edit("src/helpers.py", "0 + 1 + x", "5 + x")
    assert whole.ok().done() == ["score a", "score b", "compare"]


def test_accept_keeps_what_runs_had_before_the_edit_not_what_was_computed_last(whole):
    """Other code was tried meanwhile, or lies on another branch."""
    before = whole.ok().run["calls"]
    for old, new in zip(["x + 1", *TRIED], [*TRIED, "x + 1"], strict=True):
        whole.edit("src/helpers.py", old, new)
        whole.ok()
    whole.edit("src/helpers.py", "x + 1", "1 + x")
    assert "results of 2 calls are kept" in whole.ok("accept", "score").out
    again = whole.ok()
    assert again.counts["computed"] == 0
    assert [c["folder"] for c in again.run["calls"]] == [c["folder"] for c in before]


def test_where_the_data_of_what_runs_had_is_gone_nothing_else_is_accepted(whole):
    before = whole.ok()
    whole.edit("src/helpers.py", "x + 1", "x + 2")
    whole.ok()
    whole.edit("src/helpers.py", "x + 2", "x + 1")
    whole.ok()
    whole.artifact(before, "score").unlink()
    whole.edit("src/helpers.py", "x + 1", "1 + x")
    assert "results of 1 call are kept" in whole.ok("accept", "score").out
    assert whole.ok().done() == ["score a"]


TRIED = [f"x + {number}" for number in range(2, 9)]


def test_results_of_several_codes_are_accepted_together(whole):
    whole.ok()
    whole.edit("src/helpers.py", "x + 1", "1 + x")
    whole.ok("accept", "score")
    new = 'return [Args(name="c", seed=3), Args'
    whole.edit("params/base.py", "return [Args", new)
    assert whole.ok().done() == ["fit c", "score c", "compare"]
    whole.edit("src/helpers.py", "1 + x", "0 + 1 + x")
    assert "results of 3 calls are kept" in whole.ok("accept", "score").out
    assert whole.ok().counts["computed"] == 0


def test_of_several_codes_each_argset_keeps_what_its_last_run_had(whole):
    made = "[Args(name=f'n{i}', seed=i) for i in range(6)]"
    whole.edit("params/base.py", "return [", f"return {made} or [")
    last, code = {}, "x + 1"
    for number in range(6):
        for call in filter(lambda c: c["folder"], whole.run("study").run["calls"]):
            last[call["stage"], call["argset"]] = call["folder"]
        code, before = f"x + 1 if x == {13 + number} else 1 // 0", code
        whole.edit("src/helpers.py", before, code)
    assert "results of 6 calls are kept" in whole.ok("accept", "score").out
    kept = [c for c in whole.ok().run["calls"] if c["stage"] == "score"]
    assert [c["folder"] for c in kept] == [last["score", c["argset"]] for c in kept]


def test_accept_goes_on_without_a_run_that_is_damaged(whole):
    whole.ok()
    whole.ok()
    whole.edit("src/helpers.py", "x + 1", "1 + x")
    path = whole.root / "data/runs/study-1/run.json"
    path.write_text(re.sub(r'"records": \[[^]]*\]', '"records": 3', path.read_text()))
    assert "results of 2 calls are kept" in whole.ok("accept", "score").out


def test_accept_covers_methods_of_argsets(whole):
    whole.edit(
        "params/__init__.py",
        "    items: list = field(default_factory=list)",
        "    items: list = field(default_factory=list)\n\n"
        "    def twice(self):\n        return 2 * self.depth",
    )
    whole.edit("stages/chain.py", "record.args.depth", "record.args.twice()")
    whole.ok()
    whole.edit("params/__init__.py", "2 * self.depth", "self.depth * 2")
    assert "twice changed" in whole.ok("accept", "score").out
    again = whole.ok()
    assert again.counts["computed"] == 0
    assert again.reasons("score") == ["its code was accepted"] * 2
    out = whole.ok("compare", "study-1", "study-2").out
    assert "study-1 -> study-2\n  score: its code was accepted\n" in out


PAIR = """
    from curifactory import Record, stage
    from params import Args


    def get_params():
        return [Args(name="a")]


    @stage(None, ["x"], [{cachers}])
    def first(record):
        return 1


    @stage(["x"], ["y"])
    def second(record, x):
        return 10 * x


    def run(argsets, manager):
        for args in argsets:
            record = second(first(Record(manager, args)))
            print("y", record.state["y"], "x", record.state["x"])
    """


def test_what_the_cache_never_keeps_cannot_be_accepted(whole):
    whole.write({"experiments/pair.py": PAIR.format(cachers="None")})
    assert whole.ok("pair").out.splitlines()[0] == "y 10 x 1"
    whole.edit("experiments/pair.py", "return 1\n", "return 2\n")
    result = whole.run("accept", "first")
    assert result.code == 2 and "no result whose data is there" in result.err
    assert whole.ok("pair").out.splitlines()[0] == "y 20 x 2"


def test_what_was_accepted_is_never_made_again_by_other_code(whole):
    """Its consumers would be filed under what they did not get."""
    whole.write({"experiments/pair.py": PAIR.format(cachers="").replace(", []", "")})

    def shown():
        return whole.ok("pair").out.splitlines()[0]

    assert shown() == "y 10 x 1"
    whole.edit("experiments/pair.py", "return 1\n", "return 2\n")
    whole.ok("accept", "first")
    assert shown() == "y 10 x 1"
    whole.ok("cache", "gc", "--keep-runs", "0")
    whole.edit("experiments/pair.py", "10 * x", "100 * x")
    result = whole.ok("map", "pair")
    assert "what was accepted has no data any more" in result.out
    assert shown() == "y 200 x 2"
    whole.edit("experiments/pair.py", "return 2\n", "return 1\n")
    assert shown() == "y 100 x 1"


def test_a_damaged_result_that_was_accepted_fails_once(whole):
    whole.write({"experiments/pair.py": PAIR.format(cachers="").replace(", []", "")})
    first = whole.ok("pair")
    whole.edit("experiments/pair.py", "return 1\n", "return 2\n")
    whole.ok("accept", "first")
    whole.edit("experiments/pair.py", "10 * x", "100 * x")
    whole.artifact(first, "first").write_text("7")
    result = whole.run("pair")
    assert result.code == 1 and "its accepted result is damaged" in result.err
    assert whole.ok("pair").out.splitlines()[0] == "y 200 x 2"


def test_there_may_be_nothing_to_accept(whole):
    whole.ok()
    result = whole.run("accept", "score")
    assert result.code == 2 and "nothing to accept" in result.err
    result = whole.run("accept", "scor")
    assert result.code == 2 and "did you mean 'score'?" in result.err


def test_what_is_reused_anyway_is_not_accepted(whole):
    whole.ok()
    whole.edit("src/helpers.py", "x + 1", "x + 2")
    whole.ok()
    whole.edit("src/helpers.py", "x + 2", "x + 1")
    result = whole.run("accept", "score")
    assert result.code == 2 and "nothing to accept" in result.err
    assert not list((whole.root / "data/cache").glob(".accepted/*"))


def test_an_edit_after_another_name_is_accepted_too(whole):
    whole.ok()
    for edit in RENAMED:
        whole.edit(*edit)
    was = '@stage(["data"], ["model"]'
    whole.edit("stages/chain.py", was, was + ", formerly='stages.chain.fit'")
    assert whole.ok().counts["computed"] == 0
    whole.edit("src/helpers.py", "2 * x", "x + x")
    assert "double changed" in whole.ok("accept", "train").out
    assert whole.ok().counts["computed"] == 0


@pytest.mark.parametrize("command", ["accept", "check"])
def test_a_stage_that_is_gone_is_neither_accepted_nor_checked(whole, command):
    whole.ok()
    for edit in RENAMED:
        whole.edit(*edit)
    result = whole.run(command, "fit")
    assert result.code == 2 and "study has no stage 'fit' any more" in result.err


def test_a_changed_cacher_is_not_accepted(whole):
    cacher = (
        "from curifactory.caching import JsonCacher\n\n\n"
        "class Own(JsonCacher):\n    def load(self):\n        return super().load()\n\n\n"
    )
    stages = f"{cacher}@stage(None, ['x'], [Own])\ndef use(record):\n    return 1\n"
    run = "use(Record(manager, argsets[0]))"
    whole.write(other(stages, run))
    whole.ok("other")
    whole.write(other(stages.replace("super().load()", "1 * super().load()"), run))
    result = whole.run("accept", "use")  # what it loads is another value
    assert result.code == 2 and "nothing to accept" in result.err


@pytest.mark.parametrize("name", ["fit", "stages.chain.fit"])
def test_a_stage_that_was_renamed_and_edited_is_accepted_by_its_former_name(
    whole, name
):
    whole.ok()
    for edit in RENAMED:
        whole.edit(*edit)
    was = '@stage(["data"], ["model"]'
    whole.edit("stages/chain.py", was, was + ", formerly='stages.chain.fit'")
    whole.edit("src/helpers.py", "2 * x", "x + x")
    assert "there is: compare, fit, load, score" in whole.run("accept", "train").err
    assert "train: results of 2 calls are kept" in whole.ok("accept", name).out
    assert whole.ok().counts["computed"] == 0


def test_a_changed_field_is_not_accepted(whole):
    whole.ok()
    whole.edit("params/base.py", "seed=1)", "seed=1, depth=3)")
    whole.edit("src/helpers.py", "x + 1", "1 + x")
    assert "results of 1 call are" in whole.ok("accept", "score").out
    assert whole.ok().done() == ["score a", "compare"]


# check ------------------------------------------------------------------------------


def test_check_executes_twice_and_compares_bytes(whole):
    whole.ok()
    before = folders(whole)
    result = whole.ok("check", "fit")
    assert result.out.splitlines() == [
        "fit a: the same bytes twice",
        "fit b: the same bytes twice",
    ]
    assert folders(whole) == before


def test_check_names_what_differs_and_exits_1(whole):
    stages = (
        "import random\n\n\n"
        '@stage(None, ["x", "y"])\ndef draw(record):\n    return random.random(), 1\n'
    )
    whole.write(other(stages, "draw(Record(manager, argsets[0]))"))
    whole.ok("other")
    result = whole.run("check", "draw")
    assert (result.code, result.out) == (1, "draw a: differs in x\n")


def test_check_leaves_checkpoints_aside(whole):
    stages = (
        "import json, random\n\n\n"
        '@stage(None, ["x"])\n'
        "def draw(record):\n"
        "    place = record.scratch / 'drawn.json'\n"
        "    if not place.exists():\n"
        "        place.write_text(json.dumps(random.random()))\n"
        "    return json.loads(place.read_text())\n"
    )
    whole.write(other(stages, "draw(Record(manager, argsets[0]))"))
    whole.ok("other")
    result = whole.run("check", "draw")
    assert (result.code, result.out) == (1, "draw a: differs in x\n")
    assert not any(whole.cache.glob(".scratch/*")) and not any(
        whole.cache.glob(".tmp/*")
    )


def test_check_leaves_the_checkpoints_of_runs_where_they_are(whole):
    stages = (
        '@stage(None, ["x"])\n'
        "def draw(record):\n"
        "    place = record.scratch / 'begun'\n"
        "    found = place.exists()\n"
        "    place.touch()\n"
        "    if record.args.depth == 7:\n"
        "        raise RuntimeError('killed')\n"
        "    return found\n"
    )
    both = "Args('a'), Args('b', depth=7)"
    run = "for args in argsets:\n    draw(Record(manager, args))"
    whole.write(other(stages, run, both))
    assert whole.run("other").code == 1
    [kept] = whole.cache.glob(".scratch/*/work/begun")
    assert "draw a: the same bytes twice" in whole.run("check", "draw").out
    assert kept.exists()


def test_a_stage_that_scripts_alone_have_called_is_told_as_such(whole):
    script = "from curifactory import ArtifactManager, Record\n"
    script += "from stages.chain import load\nfrom params.base import get_params\n"
    script += "load(Record(ArtifactManager('by_hand'), get_params()[0]))\n"
    assert whole.script(script).code == 0
    for command in ("accept", "check"):
        result = whole.run(command, "load")
        assert result.code == 2 and "only scripts called it" in result.err


def test_explain_says_in_words_what_is_read_of_an_argset_as_a_whole(whole):
    both = "Args(name='a', seed=1), Args(name='b', seed=1)"
    stages = "@stage(None, ['x'])\ndef show(record):\n"
    stages += "    return [repr(record.args), len(vars(record.args))]\n"
    whole.write(other(stages, EACH.format("show(Record(manager, args))"), both))
    whole.ok("other")
    shown = whole.ok("explain", "other").out
    assert "reads     the text, everything (at experiments/other.py:" in shown


def test_a_stage_may_be_named_with_its_module(whole):
    whole.ok()
    assert list(explained(whole, "--stage", "stages.chain.fit")) == ["fit"]
    assert "fit a: the same" in whole.ok("check", "stages.chain.fit").out
    result = whole.run("accept", "stages.chian.fit")
    assert result.code == 2 and "did you mean 'fit'?" in result.err
    whole.edit("src/helpers.py", "2 * x", "x + x")
    assert "fit: results of 2 calls" in whole.ok("accept", "stages.chain.fit").out


def test_check_needs_the_inputs_of_the_stage(whole):
    whole.ok()
    for path in whole.cache.glob("*.load/*/data.*"):
        path.unlink()
    result = whole.run("check", "fit")
    assert result.code == 2
    assert "fit a: not all its inputs lie in the cache" in result.err


def test_check_goes_on_where_calls_fail_or_have_no_inputs(whole):
    given = "value = shift"
    whole.edit("stages/chain.py", given, f"1 / (record.args.seed - 1)\n    {given}")
    assert whole.run("study").code == 1
    result = whole.run("check", "score")
    assert (result.code, result.out.splitlines()) == (
        1,
        [
            "score a: failed: ZeroDivisionError: division by zero",
            "score b: the same bytes twice",
        ],
    )
    for path in whole.cache.glob("*.fit/a-*/model.*"):
        path.unlink()
    result = whole.ok("check", "score")
    assert result.out.splitlines() == [
        "score b: the same bytes twice",
        "not all inputs of 1 call lie in the cache",
    ]


# The question before long work is repeated ------------------------------------------

DAYS = 3 * 24 * 3600.0


@pytest.fixture
def costly(whole):
    """A project whose fits took three days, and whose helper was edited since."""
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    assert whole.ok().counts["computed"] == 0
    whole.edit("src/helpers.py", "2 * x", "x + x")
    return whole


def test_an_edit_under_long_work_is_refused_where_nobody_answers(costly):
    result = costly.run("study")
    assert result.code == 2
    assert "src/helpers.py: double changed: fit 2" in result.err
    assert "6 days, 0:00:00 by the last time" in result.err
    assert "--yes" in result.err and "experiment accept STAGE" in result.err
    assert result.counts["computed"] == 0


def test_long_work_whose_result_says_where_the_project_lay_is_not_repeated_unasked(
    whole, tmp_path
):
    said = '{"root": __file__, "sum": double(sum(data)) + record.args.seed}'
    whole.edit("stages/chain.py", '{"sum": double(sum(data)) + record.args.seed}', said)
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    whole.root = whole.root.rename(tmp_path / "moved")
    whole.cache = whole.root / "data" / "cache"
    result = whole.run("study")
    assert result.code == 2
    assert "the place of the project in results of fit changed: fit 2" in result.err
    assert "results of 2 calls are kept" in whole.ok("accept", "fit").out
    assert whole.ok().counts["computed"] == 0


def test_yes_goes_on(costly):
    assert "fit a" in costly.ok("study", "--yes").done()


def test_a_script_can_say_beforehand_that_it_goes_on(costly):
    script = """
        from curifactory.experiment import run_experiment

        run = run_experiment("study", report=False, is_confirmed=True)
        print(run.manager.counts()["computed"])
        """
    assert int(costly.script(script).out) > 0


def test_undoing_the_edit_computes_nothing(costly):
    assert costly.run("study").code == 2
    costly.edit("src/helpers.py", "x + x", "2 * x")
    assert costly.ok().counts["computed"] == 0


def test_accepting_the_edit_computes_nothing(costly):
    costly.ok("accept", "fit")
    assert costly.ok().counts["computed"] == 0


def test_a_change_of_arguments_asks_nothing(costly):
    costly.edit("src/helpers.py", "x + x", "2 * x")
    costly.edit("params/base.py", "seed=1", "seed=8")
    assert "fit a" in costly.ok().done()


RENAMED = [
    ("stages/chain.py", "def fit(", "def train("),
    ("experiments/study.py", "compare, fit, load", "compare, load, train"),
    ("experiments/study.py", "score(fit(", "score(train("),
]


@pytest.fixture
def renamed(whole):
    """A project whose fits took three days, and that has another name for them."""
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    for edit in RENAMED:
        whole.edit(*edit)
    return whole


def test_another_name_of_long_work_is_refused_like_an_edit(renamed):
    result = renamed.run("study")
    said = "was stages.chain.fit: formerly='stages.chain.fit' keeps its results"
    assert result.code == 2 and f"{said}: train 2, score 2" in result.err
    assert said in renamed.ok("map", "study").out
    was = '@stage(["data"], ["model"]'
    renamed.edit("stages/chain.py", was, was + ", formerly='stages.chain.fit'")
    assert renamed.ok().counts["computed"] == 0


def test_another_name_of_an_accepted_stage_is_refused_too(whole):
    whole.ok()
    whole.edit("src/helpers.py", "2 * x", "x + x")
    whole.ok("accept", "fit")
    let_it_have_taken(whole, "fit", DAYS)
    for edit in RENAMED:
        whole.edit(*edit)
    assert "was stages.chain.fit: formerly=" in whole.run("study").err


def test_a_mistyped_earlier_name_is_told_with_the_nearest_one(renamed):
    renamed.edit("stages/chain.py", "return {", "return {'more': 1, ")
    was = '@stage(["data"], ["model"]'
    renamed.edit("stages/chain.py", was, was + ", formerly='stages.chian.fit'")
    said = "never run, nor as stages.chian.fit: did you mean 'stages.chain.fit'"
    assert said in " ".join(renamed.ok("explain", "study").out.split())
    renamed.edit("stages/chain.py", "chian", "chain")
    assert "stages/chain.py: train changed" in renamed.ok("explain", "study").out


def test_a_copy_of_long_work_is_no_new_name_of_it(whole):
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    chain = (whole.root / "stages/chain.py").read_text()
    whole.write({"stages/copied.py": chain})
    whole.edit("experiments/study.py", "stages.chain", "stages.copied")
    assert "never run" in whole.ok("map", "study").out
    whole.ok()


def test_stages_with_one_version_are_not_taken_for_one(whole):
    stage = "@stage(None, ['x'], version='1')\ndef {}(record):\n    return 1\n"
    whole.write(other(stage.format("old"), "old(Record(manager, argsets[0]))"))
    whole.ok("other")
    whole.write(other(stage.format("new"), "new(Record(manager, argsets[0]))"))
    assert "never run" in whole.ok("map", "other").out


def test_a_former_name_says_nothing_in_an_empty_cache(whole):
    was = '@stage(["data"], ["model"]'
    whole.edit("stages/chain.py", was, was + ", formerly='stages.chain.old'")
    assert "never run, nor" not in whole.ok("map", "study").out


def test_what_is_declared_otherwise_asks_before_long_work(whole):
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    whole.edit("stages/chain.py", '["model"])\ndef', '["model"], reads="all")\ndef')
    result = whole.run("study")
    said = "its inputs, outputs, cachers, files or reads are declared otherwise: fit 2"
    assert result.code == 2 and said in result.err
    assert said.partition(":")[0] in whole.ok("map", "study").out


def test_an_edit_of_a_function_in_a_field_asks_before_long_work_too(whole):
    whole.write({"src/acts.py": "def plus(x):\n    return x + 3\n"})
    whole.edit(
        "params/__init__.py", "items: list", "act: object = abs\n    items: list"
    )
    whole.edit(
        "params/base.py", "import Args", "import Args\nfrom src.acts import plus"
    )
    whole.edit("params/base.py", "seed=1", "seed=1, act=plus")
    whole.edit("stages/chain.py", "+ record.args.seed", "+ record.args.act(3)")
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    whole.edit("src/acts.py", "x + 3", "3 + x")
    result = whole.run("study")
    assert result.code == 2 and "act changed: fit 1" in result.err
    assert "fit: results of 1 call are kept" in whole.ok("accept", "fit").out
    assert "fit a" not in whole.ok().done()
    whole.edit("params/base.py", "act=plus", "act=float")
    assert "fit a" in whole.ok().done()  # another function is no edit
    whole.edit("params/base.py", "act=float", "act=lambda x: 2")
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    whole.edit(
        "params/base.py", '[Args(name="a"', '[Args("c", act=lambda x: 5), Args(name="a"'
    )
    assert "fit c" in whole.ok().done()  # nor is another argset


def test_a_function_that_another_one_makes_is_no_edit_of_what_it_wraps(whole):
    whole.write({"src/acts.py": """
            import functools


            def plus(x):
                return x + 3


            def scaled(k):
                return functools.wraps(plus)(lambda x: k * plus(x))
            """})
    whole.edit(
        "params/__init__.py", "items: list", "act: object = abs\n    items: list"
    )
    whole.edit(
        "params/base.py", "import Args", "import Args\nfrom src.acts import scaled"
    )
    whole.edit("params/base.py", "seed=1", "seed=1, act=scaled(1)")
    whole.edit("stages/chain.py", "+ record.args.seed", "+ record.args.act(3)")
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    whole.edit("params/base.py", "scaled(1)", "scaled(2)")
    assert "nothing to accept" in whole.run("accept", "fit").err
    assert "fit a" in whole.ok().done()


def test_an_edit_upstream_of_long_work_asks_too(whole):
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    whole.edit("stages/chain.py", "return [1, 2, 3]", "return [1, 2, 4]")
    result = whole.run("study")
    assert result.code == 2
    assert "stages/chain.py: load changed: load 1, fit 2" in result.err


@pytest.mark.parametrize("is_kept", [True, False])
def test_an_edit_downstream_of_long_work_whose_data_is_gone_asks_too(whole, is_kept):
    if not is_kept:
        whole.edit(
            "stages/chain.py", '["model"])\ndef', '["model"], cachers=None)\ndef'
        )
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    whole.edit("stages/chain.py", "* record.args.depth", "* record.args.depth + 1")
    for path in whole.cache.glob("*.fit/*/model.*"):
        path.unlink()
    result = whole.run("study")
    assert result.code == 2, result
    assert "stages/chain.py: score changed: score 2, compare 1, fit 2" in result.err
    assert whole.ok("study", "--yes").counts["computed"] > 0
    assert whole.ok().counts["computed"] == 0


MANY = "[Args(name=f'{}{{seed}}', seed=seed) for seed in range(12)]"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("src/helpers.py", "2 * x", "x + x", "double changed: fit 12"),
        ("stages/chain.py", "[1, 2, 3]", "[1, 2, 4]", "load changed: load 1, fit 12"),
    ],
)
@pytest.mark.slow
def test_long_work_of_argsets_with_other_names_now_asks_too(
    whole, file, old, new, said
):
    few = '[Args(name="a", seed=1), Args(name="b", seed=2)]'
    whole.edit("params/base.py", few, MANY.format("old"))
    whole.ok()
    let_it_have_taken(whole, "fit", DAYS)
    whole.edit("params/base.py", "old", "new")
    assert whole.ok().counts["computed"] == 0
    whole.edit(file, old, new)
    result = whole.run("study")
    assert result.code == 2 and said in result.err
    assert "seed" not in whole.ok("map", "study").out  # nothing else is another one
    whole.ok("accept", "fit" if "double" in said else "load")
    assert whole.ok().counts["computed"] == 0


def test_long_work_asks_where_the_class_of_an_input_was_edited(whole):
    whole.write(
        {"src/tables.py": "class Table:\n    def size(self):\n        return 1\n"}
    )
    stages = (
        "import src.tables\n\n\n"
        "@stage(None, ['table'], version='1')\ndef make(record):\n"
        "    return src.tables.Table()\n\n\n"
        "@stage(['table'], ['n'])\ndef use(record, table):\n"
        "    return record.args.seed + table.size()\n"
    )
    run = EACH.format("use(make(Record(manager, args)))")
    for name in ("old", "new"):
        whole.write(other(stages, run, f"*{MANY.format(name)}"))
        whole.ok("other")
    let_it_have_taken(whole, "use", DAYS)
    whole.edit("src/tables.py", "1", "2")
    result = whole.run("other")
    assert result.code == 2 and "src.tables:Table changed: use 12" in result.err
    assert "results of 12 calls are kept" in whole.ok("accept", "use").out


COMPARED = """
from curifactory.experiment import run_experiment
run = run_experiment("study", map_only=True)
for call, decision in run.decisions:
    if decision.kind == "compute":
        print(call.stage.label, len(run.manager.survey.past(call)))
"""


def test_a_call_is_compared_with_what_differs_in_its_code_alone(whole):
    whole.ok()
    whole.edit("params/base.py", "seed=2", "seed=3")
    whole.ok()
    whole.edit("src/helpers.py", "2 * x", "x + x")
    found = whole.script(COMPARED).out.splitlines()
    assert found[:2] == ["fit 1", "fit 1"]


INTERRUPTED = """
from curifactory.experiment import run_experiment
from curifactory.extras.guard import cost_of_edits
run = run_experiment("study", map_only=True)
calls = [call for call, decision in run.decisions if decision.kind == "compute"]


def until_ctrl_c():
    yield calls[0]
    raise KeyboardInterrupt


try:
    survey = run.manager.survey
    cost_of_edits(survey, until_ctrl_c(), survey.has_data)
except KeyboardInterrupt:
    print(calls[0].stage.label, calls[0].trace)
"""


def test_ctrl_c_while_it_is_asked_what_edits_cost_gives_no_call_an_old_result(whole):
    whole.ok()
    whole.edit("src/helpers.py", "2 * x", "x + x")
    assert whole.script(INTERRUPTED).out == "fit None\n"


def test_overwrite_asks_nothing(costly):
    assert "fit a" in costly.ok("study", "--overwrite").done()


@pytest.mark.parametrize(
    ("above", "code"), [("4 days", 2), ("7 days", 0), ("90 hrs", 2), ("1e9", 0), (5, 2)]
)
def test_the_limit_is_a_setting(costly, above, code):
    text = f"[tool.curifactory]\nconfirm-above = {json.dumps(above)}\n"
    costly.write({"pyproject.toml": text})
    assert costly.run("study").code == code


@pytest.mark.parametrize("above", ["soon", "2 weeks", "1 month", "10 ms", "2 decades"])
def test_a_limit_that_is_no_time_is_refused(whole, above):
    text = f"[tool.curifactory]\nconfirm-above = {json.dumps(above)}\n"
    whole.write({"pyproject.toml": text})
    result = whole.run("study")
    where = "pyproject.toml: [tool.curifactory] confirm-above"
    assert result.code == 2
    assert f"{where} = '{above}' is no length of time" in result.err


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal")
@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2), ("\n", 2)])
def test_on_a_terminal_it_asks(costly, answer, code):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "curifactory", "study", "--plain"],
        cwd=costly.root,
        env=costly.environment(),
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(master, answer.encode())
    _, err = process.communicate(timeout=PATIENCE)
    os.close(slave)
    os.close(master)
    assert "go on? [y/N]" in err
    assert process.returncode == code
    assert ("fit a" in costly.ok("study", "--yes").done()) == (code == 2)


@pytest.mark.parametrize("command", [["explain", "other"], ["params", "base"]])
def test_what_a_project_prints_stays_out_of_json(whole, command):
    head = "print('HELLO')\n"
    whole.write(other(head, "print('BEGINS')"))
    path = whole.root / "params" / "base.py"
    path.write_text(head + path.read_text())
    result = whole.run(*command, "--json")
    assert result.code == 0 and "HELLO" in result.err
    json.loads(result.out)


DECORATED = """
import functools


def timed(function):
    @functools.wraps(function)
    def timing(*given):
        return function(*given)
    return timing


class Memory:
    def __init__(self, function):
        self.function = function

    def __call__(self, *given):
        return self.function(*given)


@Memory
def double(x):
    return 2 * x


@stage(None, ["x"])
@timed
def show(record):
    return double(record.args.seed)
"""


def test_what_decorators_wrap_is_told_by_its_own_name_and_place(whole):
    whole.write(other(DECORATED, EACH.format("show(Record(manager, args))")))
    whole.ok("other")
    text = (whole.root / "experiments/other.py").read_text().split("\n")
    place = text.index('@stage(None, ["x"])') + 1
    assert f"show  (experiments/other.py:{place})" in whole.ok("explain", "other").out
    whole.edit("experiments/other.py", "2 * x", "3 * x")
    assert "experiments/other.py: double changed" in whole.ok("map", "other").out


def test_a_stage_after_the_experiment_is_told_how_it_is_chosen(whole):
    result = whole.run("explain", "study", "fit")
    assert result.code == 2
    assert result.err.startswith(
        "error: 'fit' is not understood\n  choose a stage with "
    )
    assert "--stage fit, or choose a file of params/ with -p FILE" in result.err
