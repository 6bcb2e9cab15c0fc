"""The generated project itself, as its user runs it. All of these install packages."""

import json
import shutil
import sys

import pytest
from baking import TEMPLATE, Oven, run

pytestmark = pytest.mark.slow


def make(project, target):
    return run("make", target, f"PYTHON={sys.executable}", cwd=project).stdout


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A project in a folder with a space in its name, and what its first run printed."""
    oven = Oven(tmp_path_factory.mktemp("my work") / "oven")
    project = oven.bake(project_name="digits")
    return project, make(project, "run")


@pytest.fixture
def project(first):
    return first[0]


def test_make_run_leaves_a_run_and_its_report(first):
    project, printed = first
    assert "source .venv/bin/activate" in printed
    result = json.loads((project / "data/runs/digits-1/run.json").read_text())
    assert result["status"] == "done"
    assert result["counts"]["computed"] > 0 and result["counts"]["failed"] == 0
    assert (project / "reports/digits-1/index.html").is_file()
    assert (project / "reports/latest/index.html").is_file()


def test_second_run_computes_nothing(project):
    make(project, "run")
    counts = json.loads((project / "data/runs/digits-2/run.json").read_text())["counts"]
    assert counts["computed"] == 0 and counts["reused"] > 0


def test_the_report_opens_in_a_browser_without_errors(project, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium on this machine")
    page = (project / "reports/latest/index.html").resolve().as_uri()
    quiet = "--disable-gpu --no-first-run --disable-background-networking".split()
    opened = run(
        browser,
        *["--headless", "--no-sandbox", *quiet, f"--user-data-dir={tmp_path}"],
        *["--enable-logging=stderr", "--dump-dom", page],
        cwd=project,
    )
    assert ":CONSOLE" not in opened.stderr
    for shown in ("knn_seed0", "accuracy", "data:image/png", "<svg"):
        assert shown in opened.stdout


def test_make_test_passes(project):
    assert "passed" in make(project, "test")


def test_make_check_passes(project):
    make(project, "check")


def test_demo_tells_its_five_acts_as_the_readme_shows_them():
    # One test: two of them would share the folder build/demo at the same time.
    printed = run(sys.executable, "tools/demo.py", cwd=TEMPLATE).stdout
    for act in ["1. ", "2. ", "3. ", "4. ", "5. "]:
        assert f"\n{act}" in "\n" + printed
    assert "index.html" in printed
    before, _, table = printed.partition("   group")
    told = [*before.splitlines(), *table.partition("\n\n")[2].splitlines()]
    readme = (TEMPLATE / "README.md").read_text("utf-8").splitlines()
    assert [line for line in told if line.strip() and line not in readme] == []
