"""Flags that choose, limit and repeat calls, and bad requests, with every engine."""

import os
import subprocess
import sys
import time

import pytest
from on_engines import EACH, TEN, OnEngine, parallel, study_of_ten
from projects import CHAIN

from curifactory.running import Running

FLAKY = """
    mark = Path(f"../tries-{record.args.seed}")
    tries = len(mark.read_text()) if mark.exists() else 0
    mark.write_text("x" * (tries + 1))
    if tries < 2:
        raise ValueError("not yet")
    """


def test_retries_try_a_failing_call_again(on):
    study_of_ten(on, FLAKY)
    result = on.run("other", "--retries", "1")
    assert result.code == 1
    assert result.counts["failed"] == 1 and result.counts["computed"] == 9
    again = on.ok("other", "--retries", "1")  # the third try
    assert again.done() == ["work n3"]


def test_a_stage_may_ask_for_retries_itself(on):
    study_of_ten(on, FLAKY)
    on.edit("stages/other.py", "[JsonCacher])", "[JsonCacher], retries=2)")
    assert on.ok("other").counts["computed"] == 10


@pytest.mark.slow
def test_a_call_may_be_tried_hundreds_of_times(on):
    on.study(
        "@stage(None, ['x'])\ndef work(record):\n    raise ValueError('never')\n",
        "work(Record(manager, argsets[0]))",
    )
    result = on.run("other", "--retries", "500")
    assert result.err.count("work a failed, once more") == 500
    assert result.code == 1 and result.counts["failed"] == 1


@pytest.mark.slow
@parallel
def test_fail_fast_lets_calls_that_have_begun_be_tried_again(on):
    stages = """
        @stage(None, ["x"], retries=1)
        def work(record):
            mark, failed = Path("../mark"), Path("../failed")
            if record.args.seed == 1:
                failed.touch()
                time.sleep(0.3)
                raise ValueError("one")
            if mark.exists():
                return 0
            mark.touch()
            while not failed.exists():
                time.sleep(0.01)
            time.sleep(1.5)
            raise ValueError("at first")
        """
    two = "[Args(name='n0', seed=0), Args(name='n1', seed=1)]"
    on.study(stages, EACH.format("work"), two)
    result = on.run("other", "--fail-fast")
    assert result.counts == {"computed": 1, "reused": 0, "skipped": 0, "failed": 1}


def test_fail_fast_begins_nothing_after_a_failure(on):
    study_of_ten(on, "raise ValueError('three')")
    on.edit("stages/other.py", "seed == 3", "seed == 0")
    slowly = "time.sleep(0.3)\n    return"  # the failure is known before most of them
    on.edit("stages/other.py", "return", slowly)
    result = on.run("other", "--fail-fast")
    assert result.code == 1
    counts = result.counts
    assert counts["failed"] == 1 and counts["skipped"] >= 5, counts
    on.edit("stages/other.py", "seed == 0", "seed == -1")
    on.edit("stages/other.py", slowly, "return")
    assert on.ok("other").counts["skipped"] == 0


@pytest.mark.slow
def test_max_calls_names_and_indices_limit_a_run_and_the_next_resumes(on):
    study_of_ten(on, "pass")
    assert on.ok("other", "-n", "n[01]").counts["computed"] == 2
    assert on.ok("other", "--indices", "0-3").counts["computed"] == 2
    limited = on.ok("other", "--max-calls", "3")
    assert limited.counts == {"computed": 3, "reused": 4, "skipped": 3, "failed": 0}
    planned = on.ok("other", "--dry-run")
    assert "10 calls: compute 3, reuse 7" in planned.out
    assert on.ok("other").counts["computed"] == 3


PARTIAL = """
    @stage(None, ["x"])
    def work(record):
        if record.args.seed == 3 and not Path("../mended").exists():
            raise ValueError("three")
        return record.args.seed

    @aggregate(["x"], ["sum"]{})
    def total(record, records, x):
        return sum(x.values())
    """
PARTIAL_RUN = "{}\ntotal(Record(manager, None), manager.records)"


def test_an_aggregate_over_a_part_is_another_result(on):
    on.study(
        PARTIAL.format(", partial=True"),
        PARTIAL_RUN.format(EACH.format("work")),
        TEN,
    )
    result = on.run("other")
    assert result.code == 1
    assert on.value(result, "total") == 45 - 3
    (on.root.parent / "mended").touch()
    result = on.ok("other")
    assert result.done() == ["work n3", "total"]
    assert on.value(result, "total") == 45


def test_an_aggregate_that_does_not_say_partial_is_skipped(on):
    on.study(PARTIAL.format(""), PARTIAL_RUN.format(EACH.format("work")), TEN)
    result = on.run("other")
    assert result.code == 1 and result.done("skipped") == ["total"]
    (on.root.parent / "mended").touch()
    assert on.value(on.ok("other"), "total") == 45


# Bad requests -----------------------------------------------------------------------


def refused(project, *arguments):
    """Run and expect a refusal: exit 2, a line and a hint, nothing computed."""
    begin = time.monotonic()
    result = project.python("-m", "curifactory", *arguments, PYTHONWARNINGS="default")
    assert result.code == 2, result
    assert time.monotonic() - begin < 30
    assert "Traceback" not in result.err
    lines = result.err.strip().splitlines()
    assert lines[-2].startswith("error: ") and lines[-1].startswith("  "), result
    assert not list(project.cache.glob("stages*"))
    return result.err


@pytest.fixture
def full(tmp_path, whole_home):
    made = OnEngine(tmp_path / "project", whole_home)
    made.write(CHAIN)
    return made


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["-j", "0"], "-j 0"),
        (["-j", "-2"], "-j -2"),
        (["map", "-j", "0"], "-j 0"),
        (["--engine", "proceses"], "did you mean 'processes'"),
        (["--engine", "nonsense"], "there is no engine 'nonsense'"),
        (["--engine", "missing:function"], "missing"),
        (["--engine", "json:dumps"], "json:dumps"),
        (["--engine", "builtins:list"], "Executor"),
        (["-j", "2", "--pdb"], "--engine serial"),
        (["--retries", "-1"], "--retries -1: expected 0 or more"),
        (["--max-calls", "-1"], "--max-calls -1: expected 0 or more"),
    ],
)
def test_a_wrong_engine_is_refused(full, arguments, said):
    given = arguments if arguments[0] == "map" else ["run", *arguments]
    assert said in refused(full, given[0], "study", *given[1:])


def test_the_debugger_stops_at_the_first_failure_only(full):
    full.edit("stages/chain.py", "return {", "assert record.args.seed < 0; return {")
    command = [sys.executable, "-m", "curifactory", "study", "--pdb", "--quiet"]
    done = subprocess.run(
        command,
        cwd=full.root,
        env=full.environment(),
        input="p data\nq\n",
        capture_output=True,
        text=True,
    )
    assert done.stdout.count("(Pdb)") == 2 and done.returncode == 1, done
    assert "failed: 2" in done.stdout


def debugged(project, typed):
    """Run with --pdb, where somebody types into the debugger."""
    return subprocess.run(
        [sys.executable, "-m", "curifactory", "study", "--pdb", "--quiet"],
        cwd=project.root,
        env=project.environment(),
        input=typed,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("file", ["stages/chain.py", "experiments/study.py"])
def test_who_leaves_the_debugger_ends_the_run(full, file):
    text = (full.root / file).read_text("utf-8")
    begin = "    return {" if "return {" in text else "    for "
    full.edit(file, begin, f"    breakpoint()\n{begin}")
    done = debugged(full, "p 6 * 7\nq\n")
    assert done.stdout.count("(Pdb)") == 2 and "42" in done.stdout, done
    assert done.returncode == 130 and "BdbQuit" not in done.stderr, done


def test_the_debugger_stops_where_run_fails(full):
    full.edit("experiments/study.py", "    for ", "    argsets[7]\n    for ")
    done = debugged(full, "p len(argsets)\nq\n")
    assert done.stdout.count("(Pdb)") == 2 and done.returncode == 1, done
    assert "IndexError" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals here")
def test_no_live_display_hides_the_debugger(full):
    pytest.importorskip("rich")
    full.edit("stages/chain.py", "return {", "assert record.args.seed < 0; return {")
    ours, its = os.openpty()
    subprocess.run(
        [sys.executable, "-m", "curifactory", "study", "--pdb"],
        cwd=full.root,
        env=full.environment(TERM="xterm"),
        input=b"p data\nq\n",
        stdout=its,
        stderr=its,
    )
    os.close(its)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    assert said.count("(Pdb) ") == 2 and "\x1b[" not in said


@pytest.mark.slow
def test_an_unreachable_scheduler_is_refused_soon(full):
    pytest.importorskip("distributed")
    begin = time.monotonic()
    said = refused(full, "study", "--scheduler", "tcp://127.0.0.1:9")
    assert "tcp://127.0.0.1:9" in said
    assert time.monotonic() - begin < 20  # ten of them are the connection's


def test_a_missing_extra_is_refused_with_its_install_line(full):
    full.write({"distributed.py": "raise ImportError('no module named distributed')"})
    said = refused(full, "study", "--engine", "dask")
    assert "pip install 'dask[distributed]'" in said
    full.write(
        {
            "distributed.py": "",
            "dask.py": "class config:\n    set = print",
            "pyproject.toml": '[tool.curifactory.dask]\ncluster = "dask_jobq.SLURM"\n',
        }
    )
    assert "pip install dask-jobq" in refused(full, "study", "--engine", "dask")


def test_a_stage_that_workers_cannot_import_is_refused(full):
    full.edit(
        "experiments/study.py",
        "def run(argsets, manager):\n",
        "def run(argsets, manager):\n"
        "    from curifactory import stage\n\n"
        "    @stage(None, ['z'])\n"
        "    def inner(record):\n"
        "        return 1\n\n"
        "    inner(Record(manager, argsets[0]))\n",
    )
    said = refused(full, "study", "-j", "2")
    assert "inner" in said and "experiments/study.py:" in said
    assert full.ok("study").counts["failed"] == 0


def test_an_argset_that_cannot_be_passed_on_is_refused_by_its_field(full):
    full.edit(
        "params/__init__.py",
        "    items: list = field(default_factory=list)",
        "    items: list = field(default_factory=list)\n"
        "    lock: object = field(default=None, metadata={'operational': True})",
    )
    full.edit(
        "params/base.py", 'name="b", seed=2', 'name="b", seed=2, lock=(i for i in ())'
    )
    assert "b.lock" in refused(full, "study", "-j", "2")


# Cores ------------------------------------------------------------------------------

CORES = """
    @stage(None, ["x"], cpus=2)
    def wide(record):
        note(f"wide+{record.args.seed}")
        time.sleep(0.1)
        note(f"wide-{record.args.seed}")

    @stage(None, ["y"])
    def narrow(record):
        note(f"narrow+{record.args.seed}")
        time.sleep(0.1)
        note(f"narrow-{record.args.seed}")

    @stage(None, ["z"], cpus=64)
    def huge(record):
        note(f"huge+{record.args.seed}")
        time.sleep(0.1)
        note(f"huge-{record.args.seed}")
    """


@pytest.mark.slow
@parallel
def test_calls_occupy_no_more_cores_than_there_are(on):
    on.study(
        CORES,
        "for args in argsets:\n"
        "    for each in (wide, narrow, huge):\n"
        "        each(Record(manager, args))",
        "[Args(name=f'n{i}', seed=i) for i in range(4)]",
    )
    on.ok("other")
    used = {"wide": 2, "narrow": 1, "huge": 64}
    running = []
    for line in (on.root.parent / "bodies.txt").read_text().split():
        name, begins, _ = line.replace("-", "+-").partition("+")
        if begins and "-" not in line:
            running.append(name)
        else:
            running.remove(name)
        assert sum(used[each] for each in running) <= 2 or len(running) == 1, running


@parallel
def test_thread_pools_are_as_large_as_the_share_of_a_call(on):
    pytest.importorskip("threadpoolctl")
    stages = """
    import numpy, threadpoolctl

    @stage(None, ["x"], cpus=2)
    def wide(record):
        return [each["num_threads"] for each in threadpoolctl.threadpool_info()]

    @stage(None, ["y"])
    def narrow(record):
        found = [each["num_threads"] for each in threadpoolctl.threadpool_info()]
        return [found, os.environ.get("OMP_NUM_THREADS")]
    """
    on.study(stages, "wide(narrow(Record(manager, argsets[0])))")
    result = on.ok("other", OPENBLAS_NUM_THREADS="1")
    assert set(on.value(result, "wide")) <= {2}
    assert set(on.value(result, "narrow")[0]) <= {1}


def test_reads_of_an_attempt_that_was_killed_are_half_lines(tmp_path):
    stream = tmp_path / "reads"
    stream.write_text('begun\ncalled\n"a:seed"\n"a:debegun\ncalled\n"a:rate"\n"a:')
    running = Running(None, "", stream, "")
    running.look()
    assert running.reads() == ["a:seed", "a:rate"]
