"""Worker processes: what they begin with, and what they do not share."""

import multiprocessing
import signal
import sys

import pytest
from on_engines import EACH, OnEngine
from projects import CHAIN

FOUR = "[Args(name=f'n{i}', seed=i) for i in range(4)]"


@pytest.fixture
def on(tmp_path, whole_home):
    made = OnEngine(tmp_path / "project", whole_home)
    made.engine = "processes"
    made.write(CHAIN)
    return made


def found(on, body, above="import random", **environment):
    """What a stage with this body returns for each of four argsets."""
    stages = f"""
    {above}

    @stage(None, ["x"])
    def ask(record):
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
    assert values == [[expected.get("PYTHONPATH"), "0", "3", "here"]] * 4


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
IS_SPAWNED = "multiprocessing.parent_process().pid == os.getppid()"


@LINUX
def test_workers_are_spawned_where_the_socket_of_their_server_cannot_be(on, tmp_path):
    assert found(on, IS_SPAWNED, "import multiprocessing") == [False] * 4
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    values = found(on, f"not {IS_SPAWNED}", "import multiprocessing", TMPDIR=str(deep))
    assert values == [False] * 4


def test_threads_that_a_stage_leaves_behind_do_not_keep_the_run(on):
    body = "threading.Thread(target=time.sleep, args=(600,)).start()"
    assert found(on, body, "import threading") == [None] * 4


@LINUX
def test_the_process_that_forks_workers_misses_ctrl_c(on):
    blocked = "[int(m.split()[1], 16) for m in status if m.startswith('SigBlk')]"
    body = (
        f"(status := open(f'/proc/{{os.getppid()}}/status').readlines()) and {blocked}"
    )
    assert found(on, body) == [[1 << (signal.SIGINT - 1)]] * 4


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


def test_a_process_of_somebody_else_keeps_its_environment_and_its_fork_server(on):
    found(on, "0")
    script = """
        import multiprocessing.forkserver, os, threading
        from curifactory.experiment import run_experiment

        if __name__ == "__main__":
            before = dict(os.environ)
            for _ in range(2):
                run = run_experiment("other", jobs=2, overwrite=True)
                assert run.exit_code == 0 and run.counts["computed"] == 4
            assert dict(os.environ) == before
            assert multiprocessing.forkserver._forkserver._forkserver_pid is None
        """
    done = on.script(script)
    assert done.code == 0, done
