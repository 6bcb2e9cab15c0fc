"""Records and their state, as run() and scripts see them."""

import pytest
from test_execute import other
from test_manager import BY_HAND

CHAIN = "from stages.chain import *\n"


def said(project, run, argsets="Args(name='a', seed=1)", stages=CHAIN):
    """What run() prints, each line by itself."""
    project.write(other(stages, run, argsets))
    return project.ok("other").out.splitlines()


def test_a_stage_call_returns_its_record(project):
    run = "record = Record(manager, argsets[0])\nprint('SAME', load(record) is record)"
    assert "SAME True" in said(project, run)


def test_state_lists_what_is_there_without_computing(project):
    run = (
        "record = fit(load(Record(manager, argsets[0])))\n"
        "print('STATE', list(record.state), len(record.state), 'score' in record.state)\n"
    )
    project.write(other(CHAIN, run))
    assert "STATE ['data', 'model'] 2 False" in project.ok("map", "other").out


def test_a_record_is_shown_with_what_it_has(project):
    run = "record = load(Record(manager, argsets[0]))\nprint(record)"
    assert "Record('a': data)" in said(project, run)


def test_state_loads_a_value_each_time_anew(project):
    run = (
        "record = load(Record(manager, argsets[0]))\n"
        "record.state['data'].append(4)\nprint('DATA', record.state['data'])"
    )
    assert "DATA [1, 2, 3]" in said(project, run)


def test_an_absent_name_in_state_is_a_key_error_with_the_nearest_name(project):
    project.write(other(CHAIN, "load(Record(manager, argsets[0])).state['dat']"))
    result = project.run("other")
    assert result.code in (1, 2)
    assert "KeyError" in result.err and "'data'" in result.err
    assert "experiments/other.py" in result.err and "/curifactory/" not in result.err


def test_a_value_that_is_assigned_is_taken_as_it_was_then(project):
    run = (
        "record = Record(manager, argsets[0])\nmine = [1]\nrecord.state['data'] = mine\n"
        "mine.append(5)\nfit(record)\nprint('MODEL', record.state['model'], record.state['data'])"
    )
    assert "MODEL {'sum': 3} [1]" in said(project, run)


def test_a_value_that_was_assigned_is_given_back_as_a_copy(project):
    run = (
        "record = Record(manager, argsets[0])\nrecord.state['data'] = [1]\n"
        "record.state['data'].append(5)\nfit(record)\n"
        "print('MODEL', record.state['model'], record.state['data'])"
    )
    assert "MODEL {'sum': 3} [1]" in said(project, run)


def test_a_name_can_be_deleted_from_state(project):
    run = (
        "record = load(Record(manager, argsets[0]))\ndel record.state['data']\n"
        "print('STATE', list(record.state))"
    )
    assert "STATE []" in said(project, run)


def test_output_is_one_value_or_a_tuple(project):
    stages = (
        CHAIN + '\n\n@stage(None, ["x", "y"])\ndef both(record):\n    return 1, [2]\n'
    )
    run = (
        "record = Record(manager, argsets[0])\nprint('NONE', record.output)\n"
        "print('ONE', load(record).output)\nprint('TWO', both(record).output)"
    )
    lines = said(project, run, stages=stages)
    assert {"NONE None", "ONE [1, 2, 3]", "TWO (1, [2])"} <= set(lines)


def test_args_params_and_label_are_those_of_the_argset(project):
    run = (
        "record = Record(manager, argsets[0])\n"
        "print('ARGS', record.args == argsets[0], record.params.seed, record.label)"
    )
    assert "ARGS True 1 a" in said(project, run)


def test_records_are_kept_by_the_manager_in_order(project):
    run = (
        "records = [Record(manager, args) for args in argsets]\n"
        "copy = records[0].make_copy()\n"
        "hidden = records[0].make_copy(add_to_manager=False)\n"
        "print('KEPT', [r.label for r in manager.records], hidden in manager.records)"
    )
    lines = said(project, run, "Args(name='a'), Args(name='b')")
    assert "KEPT ['a', 'b', 'a'] False" in lines


def test_a_copy_goes_its_own_way(project):
    run = (
        "record = load(Record(manager, argsets[0]))\ncopy = record.make_copy()\n"
        "copy.state['data'] = [7]\nfit(copy)\n"
        "print('APART', record.state['data'], copy.state['model'], 'model' in record.state)"
    )
    assert "APART [1, 2, 3] {'sum': 15} False" in said(project, run)


@pytest.mark.parametrize("given", ["3", "'base'", "{'seed': 1}", "[argsets[0]]"])
def test_a_record_takes_only_an_argset(project, given):
    project.write(other(CHAIN, f"Record(manager, {given})"))
    result = project.run("other")
    assert result.code == 2
    assert "experiments/other.py" in result.err and "argset" in result.err
    assert len(result.err.splitlines()) <= 2
    assert project.left_behind() == []


def test_scratch_and_paths_are_for_the_inside_of_a_stage(project):
    for line in ("record.scratch", "record.get_path('x')", "record.report(1)"):
        project.write(other(CHAIN, f"record = Record(manager, argsets[0])\n{line}"))
        result = project.run("other")
        assert result.code == 2 and "inside" in result.err, result


def test_an_argset_that_was_given_to_a_record_cannot_be_set(project):
    run = (
        "from params import Args\nmine = Args(name='mine', seed=1)\n"
        "record = fit(load(Record(manager, mine)))\nmine.seed = 99\n"
    )
    project.write(other(CHAIN, run))
    result = project.run("other")
    assert result.code == 2
    assert "'mine': seed cannot be set, an argset is fixed once" in result.err
    assert "dataclasses.replace(args, seed=...)" in result.err


CHANGES = {
    "a list of an argset": "argsets[0].items.append(1)\nfit(load(Record(manager, argsets[0])))",
    "a list of the argset of a record": "record = load(Record(manager, argsets[0]))\n"
    "record.args.items.append(1)\nfit(record)",
    "a sweep that changes in place": "for item in (1, 2):\n    argsets[0].items[:] = [item]\n"
    "    fit(load(Record(manager, argsets[0])))\nargsets[0].items.clear()",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_within_a_field_of_an_argset_is_refused(project, change):
    """Its stages would compute with the value of before."""
    project.write(other(CHAIN, CHANGES[change]))
    for command in ((), ("map",)):
        result = project.run(*command, "other")
        assert result.code == 2, result
        assert "'a': items was changed, an argset is fixed once" in result.err
    assert project.left_behind() == []


def test_a_change_within_a_nested_dataclass_of_an_argset_is_refused(project):
    project.edit(
        "params/__init__.py",
        "seed: int = 0",
        "seed: int = 0\n    net: Net = field(default_factory=Net)",
    )
    net = "class Net:\n    depth: int = 2\n\n\n@dataclass\nclass Args"
    project.edit("params/__init__.py", "class Args", net)
    project.write(
        other(CHAIN, "argsets[0].net.depth = 4\nload(Record(manager, argsets[0]))")
    )
    result = project.run("other")
    assert result.code == 2 and "'a': net.depth was changed" in result.err


SLOW = pytest.mark.slow
FRAME = "pd.DataFrame({'x': [1, 2]})"
ARRAYS = {
    "given": ("np.zeros(3)", "given[0] = 4"),
    "given, of numbers that are not equal to themselves": (
        "np.full(3, np.nan)",
        "given[0] = 4",
    ),
    "in a list": ("[np.zeros(3), 'a']", "given[0][2] = 4"),
    "a frame": (FRAME, "given.loc[0, 'x'] = 4"),
    "a frame, what belongs to it": (FRAME, "given.attrs['unit'] = 'm'"),
    "a frame, its index": (FRAME, "given.index.name = 'row'"),
    "a frame, the type of its index": (
        FRAME,
        "given.index = given.index.astype(float)",
    ),
    "a frame, the order of its categories": (
        "pd.DataFrame({'x': pd.Categorical(['a', 'b'])})",
        "given['x'] = given['x'].cat.reorder_categories(['b', 'a'])",
    ),
    "of small numbers": ("np.zeros(3, 'i1')", "given[0] = 4"),
    "of texts": ("np.array(['a', None], object)", "given[0] = 4"),
    "a frame, a column": (
        "{'all': pd.DataFrame({'x': [1, 2]})}",
        "given['all']['y'] = 4",
    ),
}


@pytest.mark.parametrize(
    "kind",
    [
        each if each in ("given", "a frame") else pytest.param(each, marks=SLOW)
        for each in ARRAYS
    ],
)
def test_a_change_within_an_array_of_an_argset_is_refused(project, kind):
    pytest.importorskip("pandas")
    value, change = ARRAYS[kind]
    project.edit(
        "params/__init__.py",
        "class Args(ExperimentArgs):",
        f"class Args(ExperimentArgs):\n    given: object = field(default_factory=lambda: {value})",
    )
    path = project.root / "params/__init__.py"
    path.write_text("import numpy as np\nimport pandas as pd\n" + path.read_text())
    run = "given = argsets[0].given\n{}\nload(Record(manager, argsets[0]))"
    project.write(other(CHAIN, run.format(change)))
    result = project.run("other")
    assert result.code == 2 and "'a': given was changed, an argset" in result.err
    project.write(other(CHAIN, run.format("str(given), given == given")))
    assert project.ok("other").counts["computed"] == 1


def test_a_literal_that_has_no_identity_is_refused_before_computing(project):
    run = "record = Record(manager, argsets[0])\nrecord.state['data'] = (i for i in 'ab')\nfit(record)"
    project.write(other(CHAIN, run))
    result = project.run("other")
    assert result.code == 2
    assert "data" in result.err and len(result.err.splitlines()) <= 2


def test_what_an_object_of_an_argset_keeps_when_it_is_used_is_no_change(project):
    project.edit(
        "params/__init__.py",
        "class Args(ExperimentArgs):",
        "class Args(ExperimentArgs):\n    words: object = field(default_factory=Words)",
    )
    words = (
        "class Words:\n    def __init__(self):\n        self.texts = ['a']\n\n"
        "    @functools.cached_property\n    def count(self):\n        return len(self.texts)\n\n\n"
    )
    project.edit("params/__init__.py", "@dataclass\n", f"{words}@dataclass\n")
    path = project.root / "params/__init__.py"
    path.write_text("import functools\n" + path.read_text())
    run = "args = argsets[0]\nassert args.words.count == 1\nfit(load(Record(manager, args)))"
    project.write(other(CHAIN, run))
    assert project.ok("other").counts["computed"] == 2


def test_a_change_within_the_argset_of_a_record_is_refused_in_a_script_as_well(project):
    change = "record = Record(manager, args)\nrecord.args.items.append(1)\n"
    made = "args = get_params()[0]\n"
    result = project.script(f"{BY_HAND}{made}{change}load(record)")
    assert "'a': items was changed, an argset is fixed once" in result.err
    again = "Record(manager, args)\nargs.items.append(1)\nload(Record(manager, args))"
    assert project.script(f"{BY_HAND}{made}{again}").code == 0


def test_a_change_within_the_argset_of_a_record_is_refused_where_an_aggregate_covers_it(
    project,
):
    made = "record = score(fit(load(Record(manager, get_params()[0]))))\n"
    change = "record.args.items.append(1)\ncompare(Record(manager, None), [record])"
    result = project.script(f"{BY_HAND}{made}{change}")
    assert "'a': items was changed, an argset is fixed once" in result.err


OPERATIONAL = """
from dataclasses import dataclass

from curifactory import ArtifactManager, Record, parameter, stage


@dataclass
class Device:
    name: str = "cpu"
    number: int = parameter(0, operational=True)


@stage(["device"], ["number"])
def tell(record, device, *, time):
    return device.number


def ask(number, time):
    record = Record(manager, None)
    record.state["device"] = Device(number=number)
    return tell(record, time=time).output


manager = ArtifactManager("devices")
print(ask(1, "first"), ask(2, "second"))
"""


def test_what_does_not_count_of_an_object_is_that_of_each_record(project):
    assert project.script(OPERATIONAL).out.split() == ["1", "2"]
