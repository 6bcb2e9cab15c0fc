"""What a call costs in operations of the file system and of the index; no clock."""

import json
import os

import pytest
from projects import CHAIN

COUNTING = """
    import collections
    import json
    import sqlite3
    import sys

    from curifactory import experiment

    events, statements = collections.Counter(), collections.Counter()
    connect = sqlite3.connect


    def counting(*given, **options):
        made = connect(*given, **options)
        made.set_trace_callback(lambda text: statements.update([text.split()[0]]))
        return made


    def note(event, details):
        if event.partition(".")[0] in ("open", "os", "shutil"):
            events[event.removeprefix("os.")] += 1


    experiment.open_project(".")
    import experiments.study, params.base, sqlite3.dump

    sqlite3.connect = counting
    sys.addaudithook(note)
    events.clear()
    run = experiment.run_experiment("study", report=False)
    found = {**events, **statements}
    print(json.dumps({"counts": run.counts, "found": found}))
    """
COUNT = 334
EACH = 3 * COUNT - (COUNT - 1) + 1
"""The calls that a cold run computes: `load` is shared, the aggregate comes on top."""


@pytest.fixture
def large(project):
    project.edit(
        "params/base.py",
        'return [Args(name="a", seed=1), Args(name="b", seed=2)]',
        f'return [Args(name=f"s{{i}}", seed=i) for i in range({COUNT})]',
    )
    return project


def counted(project):
    result = project.script(COUNTING)
    assert result.code == 0, result
    content = json.loads(result.out)
    assert content["counts"]["failed"] == 0
    return content["counts"], content["found"]


def test_a_computed_call_costs_few_operations(large):
    counts, found = counted(large)
    assert counts["computed"] == EACH
    most = {
        "open": 2,  # the artifact and meta.json; the inputs come on top
        "mkdir": 1,
        "rename": 1,
        "link": 1,  # the claim
        "remove": 1,
        "scandir": 1,
        "SELECT": 1,  # of what else the stage has computed, for the reason
        "INSERT": 2,  # the trace, and what it read
    }
    few = {name: each * EACH + 60 for name, each in most.items()}
    few["open"] += 3 * COUNT
    assert {n: c for n, c in found.items() if c > few.get(n, 60)} == {}


FUNCTIONS = """
    import sys
    from curifactory import experiment

    experiment.open_project(".")
    import experiments.study, params.base, sqlite3.dump, subprocess

    called = 0


    def count(frame, event, details):
        global called
        called += event == "call"


    sys.setprofile(count)
    run = experiment.run_experiment("study", report=False)
    sys.setprofile(None)
    assert run.counts["failed"] == 0
    print(called)
    """


def test_calls_cost_no_more_functions_of_python_than_they_did(large):
    """No clock, so no noise: whoever needs more says in the commit what for."""
    cold, cached = (int(large.script(FUNCTIONS).out) for _ in range(2))
    assert cold / EACH < 470
    assert cached / (3 * COUNT + 1) < 126


TABLES = """\
WORDS = {{f"w{{i}}": (i, i + 1) for i in range({0})}}


class Vocabulary:
    numbers = {{f"w{{i}}": i for i in range({0})}}


def shift(x):
    return x + 1 + len(WORDS) * 0 + len(Vocabulary.numbers) * 0


def unused_shift(x):"""


def test_each_entry_of_a_table_in_the_code_costs_few_functions(project):
    called = []
    for count in (10, 3010):
        project.write(CHAIN)
        project.edit("src/helpers.py", "def shift(x):", TABLES.format(count))
        project.ok("study", "--quiet")
        called.append(int(project.script(FUNCTIONS).out))
    assert (called[1] - called[0]) / 3000 < 32  # of one entry in each of two tables


DEFINED = """\


def f{0}(x):
    return sin(x) + LEVEL + f{1}(x)


class C{0}:
    def __init__(self):
        self.a, self.b = LEVEL, sin(LEVEL)

"""


@pytest.mark.slow
def test_each_definition_in_a_module_costs_the_same_however_many_there_are(project):
    project.edit("stages/chain.py", "from src", "from src import many\nfrom src")
    project.edit("stages/chain.py", "[1, 2, 3]", "[1, 2, hasattr(many, 'C0') + 2]")
    called = []
    for count in (50, 150, 250):
        text = "".join(DEFINED.format(i, (i + 1) % count) for i in range(count))
        project.write({"src/many.py": f"from math import sin\n\nLEVEL = 1\n{text}"})
        project.ok("study", "--quiet")
        counting = FUNCTIONS.replace('event == "call"', 'event in ("call", "c_call")')
        called.append(int(project.script(counting).out))
    assert called[2] - called[1] < 1.1 * (called[1] - called[0])


COMPILED = """
    import ast
    import builtins

    from curifactory import experiment

    nodes, known = 0, compile


    def counting(source, *given, **options):
        global nodes
        nodes += len([*ast.walk(source)]) if isinstance(source, ast.AST) else 0
        return known(source, *given, **options)


    builtins.compile = counting
    experiment.run_experiment("study", map_only=True)
    print(nodes)
    """


def test_lambdas_on_one_line_are_told_apart_whatever_else_is_in_their_module(project):
    one_line = "LOSSES = {'l1': (lambda x: abs(x), lambda x: 1)}\n\n\ndef shift(x):\n    LOSSES"
    project.edit("src/helpers.py", "def shift(x):", one_line)
    before = int(project.script(COMPILED).out)
    more = "".join(f"\n\ndef f{i}(x):\n    return x + {i}\n" for i in range(100))
    project.edit("src/helpers.py", "    return x + 1\n", f"    return x + 1\n{more}")
    assert int(project.script(COMPILED).out) == before > 0


GIVEN = """\
    table = {f"k{i}": [i, {"x": i}] for i in range(COUNT)}
    for args in argsets:
        record = Record(manager, args)
        record.state["data"] = [table, [1] * COUNT]
        with_table(record, table=table)
"""


@pytest.mark.slow
def test_a_large_value_that_is_given_to_many_calls_is_gone_through_once(project):
    taking = (
        "@stage(['data'], ['v'])\ndef with_table(record, data, table):\n    return 1"
    )
    project.write({"stages/taking.py": f"from curifactory import stage\n{taking}\n"})
    called = []
    for count in (10, 1010):
        project.write({"experiments/study.py": CHAIN["experiments/study.py"]})
        given = GIVEN.replace("COUNT", str(count))
        start = "    for args in argsets:\n        score"
        project.edit(
            "experiments/study.py", start, f"{given}    for args in []:\n        score"
        )
        project.edit("experiments/study.py", "    compare(", "    0 and compare(")
        project.edit(
            "experiments/study.py",
            "from stages.",
            "from stages.taking import with_table\nfrom stages.",
        )
        for argsets in (2, 12):
            made = f'[Args(name=f"s{{i}}", seed=i) for i in range({argsets})]'
            project.write(
                {
                    "params/base.py": f"from params import Args\n\ndef get_params():\n    return {made}\n"
                }
            )
            project.ok("study", "--quiet")
            called.append(int(project.script(FUNCTIONS).out))
    each = [(called[1] - called[0]) / 10, (called[3] - called[2]) / 10]
    assert each[1] < 1.1 * each[0]


@pytest.mark.slow
def test_a_large_field_costs_a_call_that_reads_it_its_copy_and_little_more(project):
    made = "[Args(name=f's{i}', seed=i, items=[[1, {'x': 2}]] * COUNT) for i in range(ARGSETS)]"
    called = []
    project.edit("stages/chain.py", "value = ", "value = record.args.items[0][0] + ")
    for count in (10, 1010):
        for argsets in (2, 12):
            given = made.replace("ARGSETS", str(argsets)).replace("COUNT", str(count))
            text = (
                f"from params import Args\n\n\ndef get_params():\n    return {given}\n"
            )
            project.write({"params/base.py": text})
            called.append(int(project.script(FUNCTIONS).out))
    each = [(called[1] - called[0]) / 10, (called[3] - called[2]) / 10]
    assert (each[1] - each[0]) / 1000 < 10


STAGE = """

@stage(["data"], ["data"])
def more_{0}(record, data):
    return data
"""
LOOKED_AT = """
    import os
    from curifactory import experiment

    looks, known = 0, os.path.exists


    def counting(path):
        global looks
        looks += 1
        return known(path)


    os.path.exists = counting
    run = experiment.run_experiment("study", report=False)
    print(looks, run.counts["computed"])
    """


def test_a_stage_that_has_never_run_looks_for_no_other_that_this_run_computes(project):
    stages = "from curifactory import stage" + "".join(map(STAGE.format, range(40)))
    project.write({"stages/many.py": stages})
    called = "load(Record(manager, args))"
    for index in range(40):
        called = f"many.more_{index}({called})"
    project.edit("experiments/study.py", "load(Record(manager, args))", called)
    project.edit(
        "experiments/study.py", "from stages.", "from stages import many\nfrom stages."
    )
    looks, computed = map(int, project.script(LOOKED_AT).out.split())
    assert computed == 46
    assert looks < 5 * computed


ASKING = """
    from curifactory import Record, stage


    @stage(["data"], ["data"])
    def longer(record, data):
        return [*data, 0]


    def run(argsets, manager):
        record = Record(manager, argsets[0])
        record.state["data"] = [1]
        for _ in range(COUNT):
            longer(record).state["data"]
    """


@pytest.mark.slow
def test_each_value_that_a_run_asks_for_costs_the_same_however_many_before(project):
    project.write({"params/base.py": CHAIN["params/base.py"]})
    called = {}
    for count in (20, 40, 60):
        project.write({"experiments/study.py": ASKING.replace("COUNT", str(count))})
        project.ok("study", "-p", "base", "--quiet")
        for option in ("report=False", "map_only=True"):
            asked = FUNCTIONS.replace("report=False", f"{option}, paramsets='base'")
            result = project.script(asked.replace('["failed"]', '.get("failed", 0)'))
            assert result.code == 0, result
            called.setdefault(option, []).append(int(result.out))
    for few, more, most in called.values():
        assert most - more < 1.1 * (more - few)


GARBAGE = """
    import gc
    from curifactory import experiment

    experiment.open_project(".")
    import experiments.study, params.base

    gc.collect()
    gc.disable()
    run = experiment.run_experiment("study", report=False)
    print(gc.collect(), run.counts["computed"])
    """


def test_a_computed_call_leaves_no_garbage_to_look_for(large):
    garbage, computed = map(int, large.script(GARBAGE).out.split())
    assert garbage < computed


def test_a_reused_call_costs_no_operation_at_all(large):
    large.ok("study", "--quiet")
    counts, found = counted(large)
    assert counts["reused"] == 3 * COUNT + 1
    assert sum(found.values()) < 60, found


def test_an_artifact_is_read_once_to_be_checked_and_loaded(large):
    large.ok("study", "--quiet")
    large.edit("stages/chain.py", "[[each.label,", "[[each.label, 1,")
    counts, found = counted(large)
    assert counts["computed"] == 1
    assert COUNT < found["open"] < COUNT + 60


def test_a_call_begins_once_more_however_many_of_its_inputs_are_damaged(project):
    made = "[Args(name=f's{i}', seed=i) for i in range(6)]"
    project.edit(
        "params/base.py", '[Args(name="a", seed=1), Args(name="b", seed=2)]', made
    )
    project.ok("study", "--quiet")
    for path in project.cache.glob("stages.chain.score/*/score.*"):
        path.write_bytes(b"junk")
    project.edit("stages/chain.py", "return [[", "return print('begun') or [[")
    result = project.ok("study")
    assert result.counts["computed"] == 7
    assert result.printed.split() == ["begun"] * 2


def test_a_data_file_is_not_read_again_while_size_and_time_are_the_same(project):
    project.write({"data/raw.csv": "1,2,3\n"})
    project.edit("stages/chain.py", "return [1, 2, 3]", READING)
    script = """
        import sys
        from curifactory import experiment, files

        files.RACY = 0  # the file may be trusted at once
        opened = []
        sys.addaudithook(lambda event, given: event == "open" and opened.append(given[0]))
        run = experiment.run_experiment("study", report=False)
        print(run.counts["computed"], sum(str(each).endswith("raw.csv") for each in opened))
        """
    # The stage reads it; its digest is made there, and where the run decides.
    assert project.script(script).out.split() == ["6", "3"]
    assert project.script(script).out.split() == ["0", "0"]
    project.edit("data/raw.csv", "3", "4")
    os.utime(project.root / "data/raw.csv", (2, 2))
    assert project.script(script).out.split() == ["6", "3"]


READING = "return [int(each) for each in open('data/raw.csv').read().split(',')]"


PASSES = """
    import sys

    from curifactory import attempt, experiment

    passes = 0


    class Members(list):
        def __iter__(self):
            global passes
            passes += 1
            return super().__iter__()


    class Attempt(attempt._Attempt):
        def __init__(self, given):
            if given.stage.is_aggregate:
                given = given._replace(members=Members(given.members))
            super().__init__(given)


    attempt._Attempt = Attempt
    run = experiment.run_experiment("study", report=False)
    assert run.counts["failed"] == 0
    print(passes)
    """


def test_what_an_aggregate_reads_of_each_record_takes_no_pass_over_all(project):
    table = "return [[each.label, value] for each, value in score.items()]"
    project.edit("stages/chain.py", table, "return sum(r.args.depth for r in records)")
    before = '[Args(name="a", seed=1), Args(name="b", seed=2)]'
    found = []
    for count in (20, 40):
        after = f'[Args(name=f"n{{i}}", seed=i) for i in range({count})]'
        project.edit("params/base.py", before, after)
        before = after
        result = project.script(PASSES)
        assert result.code == 0, result
        found.append(int(result.out))
    assert found[0] == found[1] < 10


HASHED = """
    from curifactory import experiment, hashing

    large = 0
    known = hashing.hash_bytes


    def hash_bytes(data):
        global large
        large += len(data) > 10**6
        return known(data)


    hashing.hash_bytes = hash_bytes
    run = experiment.run_experiment("study", report=False)
    print(run.counts["computed"], large)
    """


def test_a_large_object_in_an_argset_is_digested_for_its_content_and_for_its_reads(
    project,
):
    pytest.importorskip("numpy")
    given = 'Args(name="a", seed=1), Args(name="b", seed=2)'
    project.edit("params/base.py", given, 'Args(name="a", items=[arange(10**6)])')
    project.edit(
        "params/base.py", "from params", "from numpy import arange\nfrom params"
    )
    project.edit("stages/chain.py", "value = ", "value = record.args.items[0][1] + ")
    assert project.script(HASHED).out.split() == ["4", "2"]
    assert project.script(HASHED).out.split() == ["0", "2"]
