"""The driver of the benchmarks measures what it says, and refuses wrong answers."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
COMPUTED = {"cold": 31, "cached": 0, "argset": 4, "code": 21, "shared": 22}


def drive(home, folder, *options):
    """Run the driver with the Python of the tests for all tools."""
    return subprocess.run(
        [
            *(sys.executable, home / "run.py", "--python", sys.executable),
            *("--work", folder / "work", "--json", folder / "found.json"),
            *("--repeats", "1", "-n", "10", "--patience", "0", *options),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )


def found_in(folder):
    return json.loads((folder / "found.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    scenarios = [*COMPUTED, "map", "help"]
    done = drive(
        BENCHMARKS,
        folder,
        *("--tools", "plain", "ours", "--scenarios", *scenarios),
    )
    assert done.returncode == 0, done.stderr
    return done, found_in(folder), folder


def test_every_scenario_is_measured_with_every_tool(measured):
    _, content, _ = measured
    assert content["left_out"] == []
    rows = {(row["tool"], row["scenario"]) for row in content["rows"]}
    assert rows >= {(tool, s) for tool in ("plain", "ours") for s in COMPUTED}
    assert ("ours", "map") in rows and ("plain", "map") not in rows
    assert all(row["wall"] > 0 and row["memory"] > 1e6 for row in content["rows"])


def test_files_are_counted_after_a_cold_run(measured):
    _, content, _ = measured
    cold = {row["tool"]: row for row in content["rows"] if row["scenario"] == "cold"}
    assert cold["plain"]["files"] == 31
    assert cold["ours"]["files"] >= 62  # data and meta.json of each call
    assert cold["plain"]["size"] <= cold["plain"]["occupied"]


def test_the_table_fits_a_terminal_and_says_where_we_lose(measured):
    out = measured[0].stdout
    assert max(map(len, out.splitlines())) <= 120
    assert "Where ours loses" in out and "N = 10, all cached" in out
    tables = out.partition("Where ours loses")[0]
    assert max(map(len, tables.splitlines())) <= 100


def test_tables_are_printed_again_as_markdown(measured):
    folder = measured[2]
    again = subprocess.run(
        [
            *(sys.executable, BENCHMARKS / "run.py", "--markdown"),
            *("--tables", folder / "found.json"),
        ],
        capture_output=True,
        text=True,
    )
    assert "**N = 10, all cached**" in again.stdout
    assert "| tool " in again.stdout


def test_caches_are_gone_at_the_end(measured):
    assert not (measured[2] / "work").exists()


def with_another_script(tmp_path, changes):
    """Return a copy of the benchmarks in which the plain script has other lines."""
    home = tmp_path / "benchmarks"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(BENCHMARKS, home, ignore=ignored)
    text = (home / "plain/main.py").read_text("utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    (home / "plain/main.py").write_text(text)
    return home


def test_a_tool_that_computes_something_else_is_not_timed(tmp_path):
    wrong = {"sum(data) + seed": "sum(data) + seed - seed"}
    home = with_another_script(tmp_path, wrong)
    drive(home, tmp_path, "--tools", "plain", "--scenarios", "cold")
    content = found_in(tmp_path)
    assert "the answer is" in content["left_out"][0][2]
    assert content["rows"] == []


def test_a_tool_that_computes_again_is_not_timed_as_cached(tmp_path):
    forgetful = {
        "pickle.load(file)": "pickle.load(file) and file.nothing",
        "FileNotFoundError": "(OSError, AttributeError)",
    }
    home = with_another_script(tmp_path, forgetful)
    drive(home, tmp_path, "--tools", "plain", "--scenarios", "cold", "cached")
    [[tool, scenario, why]] = found_in(tmp_path)["left_out"]
    assert (tool, scenario) == ("plain", "cached")
    assert "31 calls were computed, not 0" in why
