"""The same experiment on every engine: equal results, and no failure that spreads."""

import json
import os
from textwrap import dedent

import pytest
from on_engines import EACH, OnEngine, check_nine, parallel, study_of_ten
from projects import CHAIN, Project

# Equal results ----------------------------------------------------------------------

FEATURES = """
    @stage(None, ["data"])
    def load(record):
        text = Path("inputs/numbers.txt").read_text()
        return [int(each) for each in text.split()]

    @stage(["data"], ["left"])
    def left(record, data):
        record.metric("seen", sum(data) + record.args.seed, goal="max")
        return [each * record.args.seed for each in data]

    @stage(["data"], ["right"])
    def right(record, data, factor=1):
        record.report(TableReporter([{"n": len(data)}], name="lengths"))
        return {"n": len(data) * factor, "kinds": {1, 2}}

    @stage(["left", "right"], ["joined"], [JsonCacher])
    def join(record, left, right):
        mark = record.scratch / "mark"
        mark.write_text("x")
        (record.get_path("note.txt")).write_text("kept")
        return [sum(left), right["n"], sorted(right["kinds"])]

    @stage(["joined"], ["passing"], None)
    def pass_on(record, joined):
        return tuple(joined)

    @stage(["passing"], ["function"])
    def unsavable(record, passing):
        return lambda x: x + passing[0]

    @stage(["function"], ["value"], [PickleCacher])
    def use(record, function):
        chosen = record.args.items[0] if record.args.items else abs
        return function(chosen(record.args.depth))

    @stage(["value"], ["extra"])
    def extra(record, value):
        return -value

    @aggregate(["value", "joined"], ["table"], [JsonCacher])
    def table(record, records, value, joined):
        return [[r.label, value[r], joined.get(r)] for r in records if r in value]
    """
FEATURES_RUN = """
    for args in argsets:
        record = Record(manager, args)
        use(unsavable(pass_on(join(right(left(load(record)), factor=2)))))
        if record.state["value"] > 20:
            extra(record)
        copied = record.make_copy(argsets[0])
        use(copied)
    manager.compute()
    table(Record(manager, None), manager.records)
    """
FEATURES_ARGSETS = """[
        Args(name="a", seed=1),
        Args(name="b", seed=2, depth=3, items=[lambda x: x * 7]),
        Args(name="c", seed=2, depth=4),
    ]"""


def normal(project, result):
    """What may not depend on the engine."""
    kept = ("stage", "records", "status", "artifacts", "metrics", "folder")
    calls = [{key: call[key] for key in kept} for call in result.run["calls"]]
    for call in calls:
        meta = json.loads((project.cache / call["folder"] / "meta.json").read_text())
        call["meta"] = {k: meta[k] for k in ("group", "inputs", "reads", "outputs")}
        call["reported"] = len(meta["reportables"])
    return calls


def test_identities_and_bytes_are_equal_on_every_engine(on):
    on.study(FEATURES, FEATURES_RUN, FEATURES_ARGSETS)
    on.write({"inputs/numbers.txt": "1 2 3\n"})
    result = on.ok("other")
    engine, on.engine = on.engine, "serial"
    again = on.ok("other")
    # Between engines nothing is to be computed but what the cache does not keep.
    assert {call["stage"] for call in again.calls(status="computed")} <= {
        "pass_on",
        "unsavable",
    }, engine
    serial = OnEngine(on.root.parent / "serial", on.home)
    serial.write({**CHAIN, "inputs/numbers.txt": "1 2 3\n"})
    serial.study(FEATURES, FEATURES_RUN, FEATURES_ARGSETS)
    expected = serial.ok("other")
    assert normal(on, result) == normal(serial, expected)
    assert on.value(result, "table")[0] == ["a", 7, [6, 6, [1, 2]]]
    assert "for this run only" in result.err


def test_collected_and_damaged_inputs_are_computed_again(on):
    first = on.ok()
    on.artifact(first, "load", "a").unlink()
    model = on.artifact(first, "fit", "b")
    model.write_bytes(model.read_bytes() + b" ")
    on.edit("src/helpers.py", "x + 1", "x + 100")
    on.edit("stages/chain.py", "double(sum(data))", "(double(sum(data)) + 0)")
    result = on.ok()
    assert result.reasons("load")[0].startswith("data was collected")
    on.edit("src/helpers.py", "x + 100", "x + 10")
    model = on.artifact(result, "fit", "b")
    model.write_bytes(model.read_bytes() + b" ")
    result = on.ok()
    assert [on.value(result, "score", each) for each in "ab"] == [23, 24]
    assert "damaged" in " ".join(result.reasons("fit"))


AGAIN = """
    @stage(None, ["a"])
    def one(record):
        return record.args.seed * 10

    @stage(["a"], ["b"], [None])
    def two(record, a):
        return a + 1

    @stage(["b"], ["c"])
    def three(record, b):
        return b * 2
    """
ASKING = """
    r = three(two(one(Record(manager, argsets[0]))))
    manager.compute(r)
    print("IT IS", r.state["b"])
    """


def test_a_value_is_made_again_where_all_else_is_in_the_cache(on):
    on.study(AGAIN, ASKING, "[Args(name='a', seed=2)]")
    for _ in range(2):
        assert "IT IS 21" in on.ok("other").out


def test_sets_of_texts_have_one_order_on_every_engine(on):
    stages = """
    @stage(None, ["x"])
    def order(record):
        return [*{"a", "b", "c", "d", "e", "f"}]
    """
    on.study(stages, EACH.format("order"), "[Args(name='a')]")
    new = {"COLUMNS": "80"}  # what has an environment of its own is a new process
    found = on.value(on.ok("other", **new), "order")
    on.engine = "serial"
    assert on.value(on.ok("other", "--overwrite", **new), "order") == found


# Failures ---------------------------------------------------------------------------


def test_one_failing_argset_of_ten_leaves_nine_done(on):
    study_of_ten(on, "raise ValueError('three')")
    result = on.run("other")
    failed = check_nine(on, result, "ValueError")
    assert 'stages/other.py", line' in result.err and "ValueError: three" in result.err
    assert "stages/other.py:" in failed["error"]["where"]
    on.edit("stages/other.py", "'three'", "'four'")  # code changed: all are new
    on.edit("stages/other.py", "seed == 33", "seed == 3")
    on.edit("stages/other.py", "'four'", "'three'")  # undone: nine are there
    again = on.run("other")
    assert again.counts == {"computed": 0, "reused": 9, "skipped": 0, "failed": 1}


@pytest.mark.parametrize(
    "body, kind",
    [
        ("sys.exit('out')", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_leaving_by_an_exception_fails_the_call_alone(on, body, kind):
    if on.engine == "serial" and kind == "KeyboardInterrupt":
        pytest.skip("in this process that is Ctrl-C")
    study_of_ten(on, body)
    check_nine(on, on.run("other"), kind)


def test_a_result_that_its_cacher_refuses_fails_the_call_alone(on):
    study_of_ten(on, "return lambda: 0", "PickleCacher")
    check_nine(on, on.run("other"), "ArtifactError")


def test_debug_shows_all_frames_of_a_failing_stage(on):
    study_of_ten(on, "return __import__('json').loads('{')")
    library = os.path.join("json", "decoder.py")
    assert library not in on.run("other").err
    full = on.run("other", "--debug")
    assert full.code == 1
    assert library in full.err
    assert full.err.count("Traceback (most recent call last)") == 1


def test_run_may_catch_what_a_stage_raises(on):
    stages = """
        class Diverged(Exception):
            pass


        @stage(None, ['x'])
        def work(record):
            if record.args.seed:
                raise Diverged("at step", 7)
            return 1
        """
    run = """
        for args in argsets:
            try:
                print(args.name, work(Record(manager, args)).state['x'])
            except Diverged as error:
                print(args.name, error.args)
        """
    on.study(stages, run, "[Args(name='a'), Args(name='b', seed=1), Args(name='c')]")
    result = on.run("other")
    assert result.code == 1, result
    lines = result.out.splitlines()
    assert lines[:3] == ["a 1", "b ('at step', 7)", "c 1"], result


def test_an_exception_that_does_not_unpickle_is_told(on):
    more = """
    class Odd(Exception):
        def __init__(self, a, b):
            super().__init__(f"{a} and {b}")
    """
    study_of_ten(on, "raise Odd(1, 2)", more=more)
    result = on.run("other")
    check_nine(on, result, "Odd")
    assert "Odd: 1 and 2" in result.err


def test_a_worker_out_of_memory_fails_the_call_alone(on):
    body = """
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, hard))
    try:
        bytearray(1 << 40)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    """
    study_of_ten(on, body)
    check_nine(on, on.run("other"), "MemoryError")


FULL = """
    from concurrent.futures import ProcessPoolExecutor


    class Full(ProcessPoolExecutor):
        def submit(self, *given):
            # The name of an argset as pickle writes it: calls come in any order.
            if any(b"\\x8c\\x02n3" in each for each in given if type(each) is bytes):
                raise OSError("no more processes")
            return super().submit(*given)
    """


@pytest.mark.parametrize("on", ["processes"], indirect=True)
def test_a_call_that_an_executor_refuses_fails_alone(on):
    study_of_ten(on, "pass")
    on.write({"own.py": FULL})
    failed = check_nine(on, Project.run(on, "other", "--engine", "own:Full"), "OSError")
    assert failed["error"]["message"] == "no more processes"


@parallel
@pytest.mark.parametrize("body", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_call_that_kills_its_worker_is_tried_twice_and_named(on, body):
    study_of_ten(on, f"note(3)\n{body}")
    result = on.run("other")
    failed = check_nine(on, result, "WorkerLost")
    assert "killed" in failed["error"]["message"]
    assert len(on.bodies()) == 2
    again = on.run("other")
    assert again.code == 0


@parallel
def test_a_worker_that_is_killed_once_costs_nothing_but_time(on):
    body = """
    mark = Path("../killed")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    study_of_ten(on, body)
    result = on.ok("other")
    assert result.counts["computed"] == 10
    assert "worker was killed" in result.err and "work n3" in result.err


@pytest.mark.slow
@parallel
def test_calls_that_are_lost_with_a_killed_worker_count_once_for_max_calls(on):
    stages = """
        @stage(None, ["x"])
        def work(record):
            time.sleep(0.2)
            mark = Path("../killed")
            if record.args.seed == 0 and not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return record.args.seed
        """
    ten = "[Args(name=f'n{i}', seed=i) for i in range(10)]"
    on.study(stages, EACH.format("work"), ten)
    assert on.run("other", "--max-calls", "6").counts["computed"] == 6


# Reads that depend on values ----------------------------------------------------------


PATIENT = """
def wait_long():  # the machine may be slower than any stage
    from curifactory import running

    running.SILENT = running.PATIENCE = 60


wait_long()


"""


@pytest.mark.parametrize("pause", [0, 0.2])
def test_two_distinct_computations_of_twenty_argsets_run_two_bodies(on, pause):
    stages = f"""
    @stage(None, ["x"])
    def pick(record):
        kind = record.args.seed
        note(kind)
        time.sleep({pause})
        return record.args.depth if kind == 7 else kind
    """
    argsets = "[Args(name=f'n{i}', seed=i % 2, depth=i) for i in range(20)]"
    on.study(stages, EACH.format("pick"), argsets)
    on.edit("experiments/other.py", "def run(", PATIENT + "def run(")
    result = on.ok("other")
    assert on.bodies() == ["0", "1"]
    assert result.counts["reused"] == 18


@pytest.mark.slow
@parallel
def test_the_time_that_a_call_waits_for_a_worker_is_not_its_own(on):
    stages = """
        @stage(None, ["slept"])
        def sleep(record):
            time.sleep(0.05)
            return record.args.seed
        """
    forty = "[Args(name=f'n{i}', seed=i) for i in range(40)]"
    on.study(stages, EACH.format("sleep"), forty)
    run = on.ok("other").run
    workers = 2
    assert sum(call["seconds"] for call in run["calls"]) <= workers * run["seconds"]


def test_an_argset_that_another_process_cannot_make_again_is_refused(
    tmp_path, whole_home
):
    on = OnEngine(tmp_path / "project", whole_home)
    on.write(CHAIN)
    on.engine = "processes"
    stages = """
    class Odd:
        def __reduce__(self):
            return int, ("odd",)

        def __deepcopy__(self, memo):  # as members of enums, which may be as odd
            return self

    @stage(None, ["x"])
    def load(record):
        return record.args.seed
    """
    on.study(stages, EACH.format("load"), "[Args(name='a', items=[1, Odd()])]")
    result = on.run("other")
    assert result.code == 2
    assert "a.items cannot be made again in another process: invalid lit" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("above", "hint"),
    [
        ("def stated(stage):\n    return lambda r: stage(r)\n", "put @stage above"),
        ("def stated(stage):\n    return None\n", "define it at the top level"),
        (
            "def stated(old):\n    return stage(None, ['x'])(old.function)\n",
            "the one at",
        ),
    ],
    ids=["wrapped", "absent", "another"],
)
def test_a_stage_that_workers_cannot_find_says_how_they_could(whole, above, hint):
    declared = '@stage(None, ["data"])'
    whole.edit("stages/chain.py", declared, f"\n{above}\n\n{declared}")
    kept = "kept = load\nload = stated(load)\nload or globals().pop('load')\n"
    whole.edit("stages/chain.py", '@stage(["data"]', f'{kept}\n\n@stage(["data"]')
    whole.edit("experiments/study.py", "load, score", "kept, score")
    whole.edit("experiments/study.py", "(load(", "(kept(")
    result = whole.run("study", "-j", "2")
    assert result.code == 2
    assert f"cannot import stage load\n  {hint}" in result.err


def test_workers_find_stages_in_a_file_whose_name_has_a_dash(whole):
    text = CHAIN["experiments/study.py"].replace("compare(Record(manager", "#")
    stage = "from curifactory import stage\n\n\n@stage(['data'], ['model'])\n"
    own = f"{stage}def fit(record, data):\n    return {{'sum': 1}}\n\n\ndef run"
    whole.write({"experiments/a-study.py": dedent(text).replace("def run", own)})
    assert "fit a" in whole.ok("a-study", "-j", "2").done()


@pytest.mark.slow
def test_who_reads_files_that_another_changes_is_not_disturbed(whole):
    """Nothing is moved away while a call is at work that was given the same."""
    whole.write({"experiments/other.py": """
                import time
                from pathlib import Path

                from curifactory import Record, stage
                from curifactory.caching import PathCacher
                from params import Args

                begun = Path(__file__).parents[2] / "begun"


                @stage([], ["model"], [PathCacher()])
                def train(record):
                    folder = record.get_dir("model")
                    (folder / "weights.txt").write_text("1")
                    return folder


                @stage(["model"], ["seen"])
                def use(record, model):
                    begun.with_name(f"begun-{record.args.seed}").touch()
                    if record.args.seed == 0:
                        while not begun.with_name("begun-1").exists():
                            time.sleep(0.01)
                        (model / "weights.txt").write_text("2")
                        (model / "more.txt").write_text("2")
                    time.sleep(0.3 + record.args.seed)
                    assert (model / "weights.txt").exists()
                    return record.args.seed


                def get_params():
                    return [Args(name=f"a{seed}", seed=seed) for seed in (0, 1)]


                def run(argsets, manager):
                    for args in argsets:
                        use(train(Record(manager, args)))
                """})
    result = whole.ok("other", "-j", "2")
    assert result.counts["computed"] == 3
    assert "use added more.txt to" in result.err
    assert "use changed experiments.other.train/" in result.err
    assert list(whole.cache.glob("experiments.other.train/*/model/weights.txt")) == []
    for each in whole.root.parent.glob("begun-*"):
        each.unlink()
    again = whole.ok("other", "-j", "2", "--overwrite-stage", "use")
    assert again.counts["failed"] == 0
