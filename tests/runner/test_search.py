"""The template's search: batches, memory, and the same end after a kill."""

import shutil
import signal
import subprocess
import sys
import time

import pytest
from projects import TEMPLATE, Project

optuna = pytest.importorskip("optuna")
QUIET = {"PYTHONWARNINGS": "default", "MPLBACKEND": "agg"}
STAGES = """
    import os
    import time
    from pathlib import Path

    from curifactory import stage


    @stage(None, ["samples"])
    def load(record):
        return 1


    @stage(["samples"], ["train_set"])
    def split(record, samples):
        return 1


    @stage(["train_set"], ["model"])
    def train_model(record, train_set):
        time.sleep(float(os.environ.get("SLOW", 0)))
        return [record.args.C, record.args.gamma]


    @stage(["model"], ["accuracy"])
    def score(record, model):
        C, gamma = model
        value = -((C - 3) ** 2) - (gamma - 0.2) ** 2
        record.metric("accuracy", value, goal="max")
        return value
    """


@pytest.fixture
def searching(tmp_path, whole_home):
    """The template's own folders, unbaked, with stages that take no time."""
    root = tmp_path / "project"
    ignored = shutil.ignore_patterns(
        "__pycache__", ".*_cache", "curifactory", "*.toml", "tests"
    )
    shutil.copytree(TEMPLATE, root, ignore=ignored)
    project = Project(root, whole_home)
    project.write({"stages/digits.py": STAGES})
    return project


def best(project):
    """The best value and its argset in the study on the disk, and all parameters."""
    [file] = (project.root / "data/searches").iterdir()
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(file))
    )
    study = optuna.load_study(study_name="svm", storage=storage)
    return study.best_value, study.best_params, [t.params for t in study.trials]


def test_a_search_killed_half_way_ends_as_one_that_was_not(searching, tmp_path):
    whole = Project(shutil.copytree(searching.root, tmp_path / "other"), searching.home)
    whole.ok("search", **QUIET)
    expected = best(whole)
    assert len(expected[2]) == 20
    process = subprocess.Popen(
        [sys.executable, "-m", "curifactory", "search", "--quiet"],
        cwd=searching.root,
        env=searching.environment(SLOW="0.2", **QUIET),
        stderr=subprocess.DEVNULL,
    )
    searching.wait_for("data/searches/search-svm.log", process)
    while (
        len(list((searching.root / "data/cache").glob("*.train_model/*/meta.json"))) < 7
    ):
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.1)  # the next model is being trained
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < len(best(searching)[2]) < 20
    result = searching.ok("search", **QUIET)
    assert best(searching) == expected
    assert 0 < len(result.calls("train_model", "computed")) < 20
    assert len(result.run["argsets"]) == 21


@pytest.mark.slow
def test_a_batch_noted_in_part_goes_on_as_it_began(searching):
    searching.ok("search", **QUIET)
    expected = best(searching)
    [file] = (searching.root / "data/searches").iterdir()
    made, *trials = file.read_text().splitlines(keepends=True)
    assert len(trials) == 20
    file.write_text("".join([made, *trials[:7]]))
    assert best(searching)[2] == expected[2][:7]
    assert searching.ok("search", **QUIET).counts["computed"] == 0
    assert best(searching) == expected


@pytest.mark.slow
def test_a_search_goes_on_when_it_is_given_more_trials(searching):
    searching.edit("experiments/search.py", "TRIALS = 20", "TRIALS = 8")
    searching.ok("search", **QUIET)
    before = best(searching)[2]
    searching.edit("experiments/search.py", "TRIALS = 8", "TRIALS = 20")
    result = searching.ok("search", **QUIET)
    assert best(searching)[2][:8] == before
    assert len(result.calls("train_model", "computed")) == 12


def test_map_makes_no_study_and_knows_the_first_batch(searching):
    result = searching.ok("map", "search", **QUIET)
    assert "further calls are known after" in result.out
    assert "20 calls" in result.out
    assert not (searching.root / "data/searches").exists()
    searching.ok("search", **QUIET)
    assert "80 calls: compute 0, reuse 80" in searching.ok("map", "search", **QUIET).out


def test_without_optuna_the_search_is_refused_and_listed(searching):
    searching.write({"optuna.py": "raise ImportError('not here')\n"})
    result = searching.run("search", **QUIET)
    assert result.code == 2
    assert result.err.startswith("error: experiments/search.py:")
    assert "this experiment needs optuna" in result.err
    assert 'pip install -e ".[search]"' in result.err
    assert "search" in searching.ok("ls").out
