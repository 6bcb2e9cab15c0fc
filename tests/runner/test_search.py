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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_search_minimizes_where_one_line_says_so(searching):
    searching.edit("experiments/search.py", '"maximize"', '"minimize"')
    searching.ok("search", **QUIET)
    value, _, parameters = best(searching)
    numbers = [each["C"] for each in parameters]
    assert value < -((max(numbers) - 3) ** 2) + 1e-9
    assert sum(numbers[-5:]) / 5 > sum(numbers[:10]) / 10  # proposals follow


@pytest.mark.slow
def test_a_search_from_other_values_is_another_search(searching):
    searching.ok("search", **QUIET)
    searching.ok("search", "--set", "test_fraction=0.3", **QUIET)
    assert len(list((searching.root / "data/searches").iterdir())) == 2


@pytest.mark.slow
def test_after_an_edit_the_study_has_the_new_results(searching):
    searching.ok("search", **QUIET)
    before = best(searching)
    searching.edit("stages/digits.py", "(C - 3)", "(C - 50)")
    searching.ok("search", **QUIET)
    value, params, proposed = best(searching)
    assert value == -((params["C"] - 50) ** 2) - (params["gamma"] - 0.2) ** 2
    assert proposed[:5] == before[2][:5] and len(proposed) == 20
    shutil.rmtree(searching.root / "data/searches")
    searching.ok("search", **QUIET)
    assert best(searching) == (value, params, proposed)


@pytest.mark.slow
@pytest.mark.parametrize("fails", ["raise ValueError('diverged')", "return math.nan"])
def test_trials_that_fail_are_noted_and_the_search_goes_on(searching, fails):
    body = f"if model[0] > 3:\n        {fails}\n    C, gamma = model"
    searching.edit("stages/digits.py", "C, gamma = model", body)
    searching.edit("stages/digits.py", "import os", "import math\nimport os")
    result = searching.run("search", **QUIET)
    assert result.code == int("raise" in fails)
    value, params, proposed = best(searching)
    assert params["C"] <= 3 and len(proposed) == 20
    searching.run("search", **QUIET)
    assert best(searching) == (value, params, proposed)


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [
        ("acuracy", 2, "there is: samples, train_set, model, accuracy"),
        ("model", 1, "float"),
    ],
)
@pytest.mark.slow
def test_a_value_that_is_none_fails_no_trial(searching, value, code, said):
    searching.edit("experiments/search.py", '"accuracy"', f'"{value}"')
    result = searching.run("search", **QUIET)
    assert result.code == code and said in result.err
    searching.edit("experiments/search.py", f'"{value}"', '"accuracy"')
    searching.ok("search", **QUIET)
    assert len(best(searching)[2]) == 20  # none was noted before


@pytest.mark.slow
def test_a_study_that_does_not_fit_says_which_file_to_delete(searching):
    searching.edit("experiments/search.py", "TRIALS = 20", "TRIALS = 5")
    searching.ok("search", **QUIET)
    [file] = (searching.root / "data/searches").iterdir()
    searching.edit("experiments/search.py", "0.1, 100.0", "0.1, 0.2")
    result = searching.run("search", **QUIET)
    assert result.code == 2
    assert f"does not fit the trials in {file}" in result.err
    file.write_text("{broken\n")
    result = searching.run("search", **QUIET)
    assert result.code == 2
    assert f"{file} cannot be read" in result.err and "delete it" in result.err


@pytest.mark.slow
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
