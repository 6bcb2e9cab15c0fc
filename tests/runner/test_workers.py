"""Worker processes: what they begin with, and what they do not share."""

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


def test_workers_draw_numbers_of_their_own(on):
    values = found(on, "[os.getpid(), random.random()]")
    assert len({pid for pid, _ in values}) == 2
    assert len({number for _, number in values}) == 4


def test_each_worker_imports_the_project_by_itself(on):
    values = found(on, "os.getpid()", "note(os.getpid())")
    imported = [int(each) for each in on.bodies()]
    assert len(imported) == len(set(imported)) == 3  # the run itself is one of them
    assert set(values) <= set(imported)


IS_SPAWNED = "multiprocessing.parent_process().pid == os.getppid()"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are spawned")
def test_workers_are_spawned_where_the_socket_of_their_server_cannot_be(on, tmp_path):
    assert found(on, IS_SPAWNED, "import multiprocessing") == [False] * 4
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    values = found(on, f"not {IS_SPAWNED}", "import multiprocessing", TMPDIR=str(deep))
    assert values == [False] * 4


def test_threads_that_a_stage_leaves_behind_do_not_keep_the_run(on):
    body = "threading.Thread(target=time.sleep, args=(600,)).start()"
    assert found(on, body, "import threading") == [None] * 4
