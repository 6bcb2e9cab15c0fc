"""Real schedulers: Dask with two worker processes, and Slurm where there is one."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from on_engines import OnEngine
from projects import CHAIN
from servers import PATIENCE

from curifactory.extras import engines

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

WHERE = """
    @stage(None, ["x"])
    def where(record):
        time.sleep(0.3)
        return [record.args.seed, os.getpid(), os.environ.get("SLURM_JOB_ID")]
    """
ENVIRONMENT = {"PYTHONWARNINGS": "default", "PYTHONPATH": ""}
RUN = "for args in argsets:\n    where(Record(manager, args))"
ARGSETS = "[Args(name=f'n{i}', seed=i) for i in range(6)]"


@pytest.fixture
def on(tmp_path, whole_home):
    # As in real life: the runner lies in the project, and no worker knows either.
    made = OnEngine(tmp_path / "project", tmp_path / "project")
    shutil.copytree(whole_home / "curifactory", made.root / "curifactory")
    made.write(CHAIN)
    made.study(WHERE, RUN, ARGSETS)
    return made


def test_an_outcome_counts_whose_worker_ends_while_it_is_passed_on(
    tmp_path, monkeypatch
):
    distributed = importlib.import_module("distributed")
    monkeypatch.setattr(engines, "_bootstrap", abs)
    local = {"processes": False, "dashboard_address": None, "n_workers": 1}
    with distributed.Client(**local) as client:
        gather = client._gather

        async def gathered(futures, **options):
            found = await gather(futures, **options)
            for each in futures:
                each._state.lose()  # what Dask does when it hears of that
            return found

        client._gather = gathered
        engine = engines.Dask(tmp_path, 1, None)
        engine._client = client
        assert engine._send(-3).result(PATIENCE) == 3


def values(on, result):
    return [on.value(result, "where", f"n{i}") for i in range(6)]


@pytest.fixture
def scheduler(tmp_path):
    """The address of a Dask scheduler with two workers, made by its own commands."""
    place = tmp_path / "address.json"
    command = [sys.executable, "-m", "distributed.cli.dask_"]
    quiet = ["--no-dashboard", "--scheduler-file", str(place)]
    # None of them knows the project: it is found by the path that comes with a call.
    started = [
        subprocess.Popen(
            [f"{command[0]}", "-m", f"{command[2]}{kind}", *quiet, *more],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for kind, more in (
            ("scheduler", ["--host", "127.0.0.1", "--port", "0"]),
            ("worker", ["--nworkers", "2", "--nthreads", "1"]),
        )
    ]
    try:
        waiting = "Client(scheduler_file={!r}).wait_for_workers(2, timeout={})"
        waiting = "from distributed import Client\n" + waiting
        command = [sys.executable, "-c", waiting.format(str(place), PATIENCE)]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=PATIENCE)
        yield json.loads(place.read_text())["address"]
    finally:
        for each in reversed(started):
            each.terminate()
            try:
                each.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                each.kill()


def test_an_existing_scheduler_with_two_workers(on, scheduler):
    result = on.ok("other", "--scheduler", scheduler, **ENVIRONMENT)
    found = values(on, result)
    assert [each[0] for each in found] == list(range(6))
    assert len({each[1] for each in found}) == 2
    again = on.ok("other", "--scheduler", scheduler, **ENVIRONMENT)
    assert again.counts["reused"] == 6
    on.edit("stages/other.py", "return [", "assert record.args.seed\n    return [")
    failed = on.run("other", "--scheduler", scheduler, **ENVIRONMENT)
    assert failed.code == 1 and failed.done("failed") == ["where n0"]
    assert "stages/other.py" in failed.err and "/curifactory/" not in failed.err


def test_the_number_of_workers_that_is_asked_for_is_stronger(on):
    on.write({"pyproject.toml": "[tool.curifactory.dask]\nworkers = 2\n"})
    result = on.ok("other", "--engine", "dask", "-j", "1", **ENVIRONMENT)
    assert len({each[1] for each in values(on, result)}) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('workers = "two"', "invalid literal for int() with base 10: 'two'"),
        ('cluster = "distributed.Nope"', "has no attribute 'Nope'"),
    ],
)
def test_what_is_no_cluster_is_refused(on, line, said):
    on.write({"pyproject.toml": f"[tool.curifactory.dask]\n{line}\n"})
    result = on.run("other", "--engine", "dask", **ENVIRONMENT)
    assert result.code == 2 and said in result.err
    assert "Traceback" not in result.err


@pytest.mark.skipif(
    "SLURM_CONF" not in os.environ or not shutil.which("sbatch"),
    reason="no Slurm: make test-slurm starts one",
)
def test_jobs_of_slurm_compute_the_calls(on):
    pytest.importorskip("dask_jobqueue")
    on.write({"pyproject.toml": f"""
            [tool.curifactory.dask]
            cluster = "dask_jobqueue.SLURMCluster"
            workers = 2
            cores = 1
            processes = 1
            memory = "500MB"
            queue = "main"
            walltime = "00:05:00"
            interface = "lo"
            python = "{sys.executable}"
            job_directives_skip = ["--mem"]
            log_directory = "{on.root.parent}"
            """})
    on.engine = "serial"
    result = on.ok("other", "--engine", "dask", **ENVIRONMENT)
    found = values(on, result)
    assert [each[0] for each in found] == list(range(6))
    jobs = {each[2] for each in found}  # a second job may begin when all is done
    assert jobs and None not in jobs
    end = time.monotonic() + PATIENCE  # until Slurm has noticed that they ended
    while subprocess.getoutput("squeue --noheader") and time.monotonic() < end:
        time.sleep(0.5)
    assert subprocess.getoutput("squeue --noheader") == ""
    assert on.ok("other").counts["reused"] == 6
