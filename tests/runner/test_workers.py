"""Worker processes: what they begin with, and what they do not share."""

import multiprocessing
import sys
from textwrap import dedent

import pytest
from on_engines import EACH, OWN, OnEngine
from projects import CHAIN, WRAPPER

from curifactory.extras import forking

FOUR = "[Args(name=f'n{i}', seed=i) for i in range(4)]"


@pytest.fixture
def on(tmp_path, whole_home):
    made = OnEngine(tmp_path / "project", whole_home)
    made.engine = "processes"
    made.write({**CHAIN, "own.py": OWN})
    return made


def found(on, body, above="import random", **environment):
    """What a stage with this body returns for each of four argsets."""
    stages = f"""
    {above}

    @stage(None, ["x"])
    def ask(record):
        Path(f"../worker-{{os.getpid()}}").touch()
        while len(list(Path("..").glob("worker-*"))) < 2:
            time.sleep(0.01)
        time.sleep(0.1 + 0 * record.args.seed)
        return {body}
    """
    on.study(stages, EACH.format("ask"), FOUR)
    result = on.ok("other", **environment)
    return [on.value(result, "ask", f"n{i}") for i in range(4)]


def test_workers_have_the_environment_of_the_run_and_a_fixed_hash_seed(on):
    names = ["PYTHONPATH", "PYTHONHASHSEED", "OMP_NUM_THREADS", "MARK"]
    expected = on.environment(MARK="here", OMP_NUM_THREADS="3")
    values = found(on, f"[os.environ.get(n) for n in {names}]", **expected)
    assert values == [[expected.get("PYTHONPATH"), "6640", "3", "here"]] * 4


def test_stages_start_processes_in_workers_as_they_do_in_the_run(on):
    default = multiprocessing.get_context().get_start_method()
    values = found(on, "multiprocessing.get_start_method()", "import multiprocessing")
    assert values == [default] * 4


def test_workers_draw_numbers_of_their_own(on):
    values = found(on, "[os.getpid(), random.random()]")
    assert len({pid for pid, _ in values}) == 2
    assert len({number for _, number in values}) == 4


def test_each_worker_imports_the_project_by_itself(on):
    values = found(on, "os.getpid()", "note(os.getpid())")
    imported = [int(each) for each in on.bodies()]
    assert len(imported) == len(set(imported)) == 3  # the run itself is one of them
    assert set(values) <= set(imported)


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="workers are spawned")
KIND = "type(multiprocessing.current_process()).__name__"


@pytest.mark.slow
@LINUX
def test_workers_are_forks_of_a_command_that_has_imported_the_runner_alone(on):
    assert found(on, KIND, "import multiprocessing") == ["ForkProcess"] * 4
    # Another seed of hashes is kept: the command need not begin once more for it.
    again = found(on, f"[{KIND}]", "import multiprocessing", PYTHONHASHSEED="7")
    assert again == [["ForkProcess"]] * 4


@pytest.mark.slow
@LINUX
def test_workers_are_spawned_where_a_command_is_traced(on):
    found(on, KIND, "import multiprocessing")
    script = """
        import sys
        from curifactory.__main__ import main

        if __name__ == "__main__":
            sys.settrace(lambda *given: None)
            sys.argv[1:] = ["other", "-j", "2", "--overwrite"]
            raise SystemExit(main())
        """
    result = on.script(script)
    assert result.code == 0, result
    values = {on.value(result, "ask", f"n{i}") for i in range(4)}
    assert values == {"SpawnProcess"}


@pytest.mark.slow
@LINUX
def test_workers_are_spawned_where_the_process_has_more_than_one_thread(on):
    found(on, KIND, "import multiprocessing")
    script = """
        import threading, time
        from curifactory.cli import main

        if __name__ == "__main__":
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
            raise SystemExit(main(["other", "-j", "2", "--overwrite"], may_fork=True))
        """
    result = on.script(script, PYTHONHASHSEED="3")
    assert result.code == 0, result
    values = {on.value(result, "ask", f"n{i}") for i in range(4)}
    assert values == {"SpawnProcess"}


@pytest.mark.parametrize("lack", ["linux", "seed", "proc", "nothing"])
def test_a_process_is_forked_only_where_it_is_known_to_be_whole(monkeypatch, lack):
    monkeypatch.setattr(forking, "_may_fork", False)
    monkeypatch.setattr(sys, "platform", "darwin" if lack == "linux" else "linux")
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    if lack == "seed":
        monkeypatch.delenv("PYTHONHASHSEED")
    tasks = [] if lack == "proc" else ["the only one"]
    monkeypatch.setattr(forking, "entries", lambda folder: tasks)
    forking.allow()
    assert forking.can_fork() == (lack == "nothing")


@pytest.mark.slow
def test_after_one_was_killed_workers_are_spawned(on):
    body = "os.kill(os.getpid(), signal.SIGKILL) if not once() else"
    once = """
    import multiprocessing

    def once():
        try:
            Path("../killed").touch(exist_ok=False)
        except FileExistsError:
            return True
    """
    values = found(on, f"{body} {KIND}", once)
    assert "SpawnProcess" in values


def test_a_worker_that_is_killed_before_its_first_call_costs_no_result(on):
    stages = """
    @stage(None, ["x"])
    def work(record):
        return record.args.seed
    """
    kill = """
    import multiprocessing

    for each in multiprocessing.active_children():
        each.kill()
    time.sleep(0.5)
    """
    on.study(stages, dedent(kill) + EACH.format("work"), FOUR)
    for options in ([], ["--overwrite"]):  # without a cache they begin early
        assert on.ok("other", *options).counts["computed"] == 4


def test_workers_have_what_run_puts_into_the_environment(on):
    stages = """
    @stage(None, ["x"])
    def ask(record):
        time.sleep(0.1 + 0 * record.args.seed)
        return [os.environ.get("LATE"), os.environ.get("GONE")]
    """
    for number, late in enumerate(["one", "two"]):
        setting = f"os.environ['LATE'] = {late!r}\nos.environ.pop('GONE', None)\n"
        on.study(stages, setting + EACH.format("ask"), FOUR)
        result = on.ok("other", *["--overwrite"] * number, GONE="here")
        values = [on.value(result, "ask", f"n{i}") for i in range(4)]
        assert values == [[late, None]] * 4


@pytest.mark.slow
def test_what_a_killed_call_had_printed_is_not_taken_from_its_neighbour(on):
    stages = """
        @stage(None, ["x"])
        def work(record):
            seed = record.args.seed
            print(f"here is {seed}", flush=True)
            note(f"begin-{seed}")
            while len(Path("../bodies.txt").read_text().split()) < 2:
                time.sleep(0.01)
            if seed:
                time.sleep(0.1)
                os._exit(1)
            time.sleep(1)
            return seed
        """
    two = FOUR.replace("range(4)", "range(2)")
    on.study("\n" + dedent(stages), EACH.format("work"), two)
    result = on.run("other")
    assert result.done() == ["work n0"], result
    (failed,) = result.calls(status="failed")
    assert failed["error"]["printed"] == "here is 1", result
    text = (on.root / "data/runs/other-1" / failed["output"]).read_text()
    assert text == "here is 1\n"


def test_a_run_that_can_start_no_more_threads_ends_as_any_other(on):
    """As where memory or the number of threads is limited."""
    run = """
        import threading

        whole = threading.Thread.start

        def start(thread):
            if "curifactory" in sys._getframe(1).f_globals["__name__"]:
                raise RuntimeError("can't start new thread")
            whole(thread)

        threading.Thread.start = start
        """
    stages = """
        @stage(None, ["x"])
        def seed(record):
            return record.args.seed
        """
    on.study(stages, dedent(run) + EACH.format("seed"), FOUR)
    result = on.ok("other")
    assert result.counts["computed"] == 4
    assert "other-1 done" in result.out


def test_a_module_that_workers_cannot_import_is_told_by_its_own_line(whole):
    text = "import multiprocessing\n\nassert not multiprocessing.parent_process(), 'no'"
    whole.write({"src/helpers.py": text + dedent(CHAIN["src/helpers.py"])})
    result = whole.run("study", "-j", "2", "--plain")
    assert result.code == 1 and "src/helpers.py" in result.err, result
    assert "AssertionError: no" in result.err and "curifactory/" not in result.err


@pytest.mark.skipif(sys.platform != "linux", reason="has other locks")
def test_where_no_workers_can_be_made_a_run_says_so_before_it_begins(whole):
    """As in containers without /dev/shm."""
    done = whole.script("""
        import resource
        import sys

        from curifactory.cli import main

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        sys.exit(main(["study", "-j", "2"]))
        """)
    assert done.code == 2 and "no worker processes" in done.err, done
    assert len(done.err.splitlines()) == 2 and not whole.cache.exists()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["processes", "own"])
def test_threads_that_a_stage_leaves_behind_do_not_keep_the_run(on, engine):
    on.engine = engine
    body = "threading.Thread(target=time.sleep, args=(600,)).start()"
    assert found(on, body, "import threading") == [None] * 4


@pytest.mark.slow
@LINUX
def test_another_runner_in_the_current_folder_is_not_taken_for_this_one(on):
    found(on, "0")
    below = on.root / "notes"
    (below / "curifactory").mkdir(parents=True)
    (below / "curifactory" / "__init__.py").write_text("raise RuntimeError('other')\n")
    script = on.root.parent / "script.py"
    guarded = "if __name__ == '__main__':\n    raise SystemExit(main())\n"
    script.write_text(f"from curifactory.cli import main\n\n{guarded}")
    result = on.python(script, "other", "-j", "2", "--overwrite", cwd=below)
    assert result.code == 0 and result.counts["computed"] == 4, result
    assert "RuntimeError" not in result.err


@pytest.mark.slow
def test_a_process_of_somebody_else_keeps_its_environment_and_is_not_forked(on):
    found(on, KIND, "import multiprocessing")
    script = """
        import os
        from curifactory.experiment import run_experiment

        if __name__ == "__main__":
            before = dict(os.environ)
            for _ in range(2):
                run = run_experiment("other", jobs=2, overwrite=True)
                assert run.exit_code == 0 and run.counts["computed"] == 4
            assert dict(os.environ) == before
        """
    done = on.script(script)
    assert done.code == 0, done
    assert {on.value(done, "ask", f"n{i}") for i in range(4)} == {"SpawnProcess"}


@pytest.mark.slow
def test_a_value_that_the_cache_does_not_keep_is_made_again_after_a_run(on):
    stages = """
    @stage(None, ["x", "y"], [PickleCacher, None])
    def ask(record):
        return 1, record.args.seed + 10
    """
    on.study(stages, EACH.format("ask"), FOUR)
    script = """
        from curifactory.experiment import run_experiment

        if __name__ == "__main__":
            run = run_experiment("other", jobs=2)
            print("IT IS", [each.state["y"] for each in run.records])
        """
    done = on.script(script)
    assert "IT IS [10, 11, 12, 13]" in done.out, done


def test_what_run_has_changed_before_costs_no_call(on):
    """Nobody has edited anything: what workers compute is right, and told."""
    stages = """
    seen = {}

    def table(n):
        if n not in seen:
            seen[n] = list(range(n))
        return seen[n]

    @stage(None, ["x"])
    def ask(record):
        return sum(table(3)) + record.args.seed
    """
    on.study(stages, "len(table(5))\n" + EACH.format("ask"), FOUR)
    result = on.ok("other")
    assert [on.value(result, "ask", f"n{i}") for i in range(4)] == [3, 4, 5, 6]
    said = "ask: stages/other.py: seen is not the same in workers"
    assert result.err.count(said) == 1


@pytest.mark.parametrize("is_undone", [False, True])
def test_a_call_fails_whose_code_was_edited_before_it_began(on, is_undone):
    """Its result is that of the code that a worker has loaded, and filed under it."""
    stages = """
    from pathlib import Path
    from src.helpers import double

    @stage(None, ["x"])
    def ask(record):
        UNDO
        return double(record.args.seed)
    """
    undo = "text = Path('src/helpers.py').read_text().replace('3 * x', '2 * x')"
    undo += "; Path('src/helpers.py').write_text(text)"
    stages = stages.replace("UNDO", undo if is_undone else "pass")
    edit = """\
path = Path("src/helpers.py")
path.write_text(path.read_text().replace("2 * x", "3 * x"))
"""
    on.study(stages, edit + EACH.format("ask"), FOUR)
    on.ok("study", "-n", "a")  # with no cache, workers begin to import things at once
    result = on.run("other")
    assert result.code == 1
    assert "the code of ask changed during the run" in result.err
    if not is_undone:
        again = on.ok("other")
        assert again.counts["computed"] == 0
        assert [on.value(again, "ask", f"n{i}") for i in range(4)] == [0, 3, 6, 9]


def test_data_that_edited_code_makes_again_is_another_result(on):
    stages = """
    from src.helpers import double

    MORE = 0

    @stage(None, ["x"], [None])
    def ask(record):
        return double(3)

    @stage(["x"], ["y"])
    def use(record, x):
        return x + MORE
    """
    edit = """\
path = Path("src/helpers.py")
if Path("edit").exists():
    path.write_text(path.read_text().replace("2 * x", "3 * x"))
for args in argsets:
    use(ask(Record(manager, args)))
"""
    on.study(stages, edit, "[Args(name='a')]")
    on.ok("other")
    on.write({"edit": ""})
    on.edit("stages/other.py", "MORE = 0", "MORE = 1")
    result = on.run("other")
    assert "the code of ask changed during the run" in result.err
    on.edit("stages/other.py", "MORE = 1", "MORE = 0")
    assert on.value(on.ok("other"), "use") == 9


HELD = """
    from src.helpers import double

    @stage(None, ["x"])
    def ask(record):
        return record.args.items[0](3)
    """
METHOD = """
    import src.helpers
    from dataclasses import dataclass

    @dataclass
    class Args(Args):
        def doubled(self, x):
            from src.helpers import double
            return double(x)

    @stage(None, ["x"])
    def ask(record):
        return record.args.doubled(3)
    """

MEMBER = """
    import enum
    from src.helpers import double

    class Kind(enum.Enum):
        ONE = 1

        @property
        def twice(self):
            return double(3)

    @stage(None, ["x"])
    def ask(record):
        return record.args.items[0].twice
    """


@pytest.mark.parametrize(
    "stages, items",
    [(HELD, "[double]"), (METHOD, "[]"), (MEMBER, "[Kind.ONE]")],
    ids=["field", "method", "member"],
)
def test_code_in_an_argset_counts_as_a_worker_has_loaded_it(on, stages, items):
    edit = """\
path = Path("src/helpers.py")
if Path("edit").exists():
    path.write_text(path.read_text().replace("2 * x", "3 * x"))
"""
    on.study(stages, edit + EACH.format("ask"), f"[Args(name='a', items={items})]")
    on.ok("other")
    on.write({"edit": ""})
    on.ok("other", "--overwrite")
    on.edit("src/helpers.py", "3 * x", "2 * x")
    (on.root / "edit").unlink()
    assert on.value(on.ok("other"), "ask") == 6


WRAPPED = """
@stage(None, ["model"])
def make(record):
    return Wrapper({"seed": record.args.seed})

@stage(["model"], ["size"])
def use(record, model):
    return len(model.keys())
"""


def test_an_output_that_a_worker_cannot_load_is_told_in_one_line(on):
    run = "for args in argsets:\n    use(make(Record(manager, args)))"
    on.study(WRAPPER + WRAPPED, run, FOUR)
    result = on.run("other")
    said = "output 'model' of make cannot be passed to another process: "
    assert result.code == 1 and said in result.err
    assert "\n  run with --engine serial\n" in result.err
