"""The experiments: each one maps, the smallest runs, and a seed repeats its result."""

from pathlib import Path

import pytest

from curifactory.experiment import list_experiments, run_experiment

ROOT = Path(__file__).parents[1]
EXPERIMENTS = [entry.name for entry in list_experiments(ROOT)]


def run(folder, name, **options):
    """Run an experiment whose cache, history and report lie in `folder`."""
    places = {place: folder / place for place in ("cache", "runs", "reports")}
    return run_experiment(name, root=ROOT, **places, **options)


def values(result, output):
    """The output of each argset of a run, by argset name."""
    records = [record for record in result.records if record.args is not None]
    return {record.args.name: record.state[output] for record in records}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_maps(tmp_path, name):
    if name == "search":
        pytest.importorskip("optuna")
    result = run(tmp_path, name, map_only=True)
    assert result.exit_code == 0
    assert result.counts["compute"] > 0


def test_stub_adds_up_its_data(tmp_path):
    result = run(tmp_path, "stub", paramsets=["base", "modified"])
    assert result.exit_code == 0
    assert values(result, "total") == {"base": 100, "modified": 220}


def test_second_run_computes_nothing(tmp_path):
    first = run(tmp_path, "stub")
    second = run(tmp_path, "stub")
    assert (first.counts["computed"], second.counts["computed"]) == (2, 0)


def test_seed_repeats_its_result(tmp_path):
    first = run(tmp_path / "first", "digits", paramsets=["base"])
    second = run(tmp_path / "second", "digits", paramsets=["base"])
    assert first.counts["computed"] == second.counts["computed"] > 0
    assert values(first, "accuracy") == values(second, "accuracy")
