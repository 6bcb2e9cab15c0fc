"""Other tools and older versions: what their users see."""

import json
import sys

import pytest
from baking import TEMPLATE, Oven, files_of, run


@pytest.fixture
def venv(tmp_path):
    """Make an environment with the given packages, and return its Python."""

    def make(*packages):
        folder = tmp_path / "venv"
        run(sys.executable, "-m", "venv", folder, cwd=tmp_path)
        python = folder / "bin" / "python"
        if packages:
            run(python, "-m", "pip", "install", "--quiet", *packages, cwd=tmp_path)
        return python

    return make


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.7.3", "2.1.1", "2.5.0"])
def test_older_cookiecutter_gets_one_line_and_no_files(tmp_path, venv, version):
    # The setuptools of that time: some of these versions still ask for pkg_resources.
    python = venv(f"cookiecutter=={version}", "setuptools<80")
    oven = Oven(tmp_path / "oven", python)
    done = oven.try_to_bake()
    assert done.returncode == 1
    first, *_ = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    assert f"needs cookiecutter 2.6 or later, and this is {version}." in first
    assert "Traceback" not in done.stderr
    assert list(oven.output.iterdir()) == []


@pytest.mark.slow
def test_oldest_supported_cookiecutter_bakes_the_same_project(tmp_path, venv, baked):
    project = Oven(tmp_path / "oven", venv("cookiecutter==2.6.0")).bake()
    assert files_of(project) == files_of(baked)


@pytest.mark.slow
def test_cruft_creates_and_checks(tmp_path, repository, baked):
    cruft = (sys.executable, "-m", "cruft")
    run(*cruft, "create", repository, "--no-input", cwd=tmp_path, HOME=tmp_path)
    project = tmp_path / "my-project"
    assert files_of(project) == sorted([*files_of(baked), ".cruft.json"])
    answers = json.loads((project / ".cruft.json").read_text())["context"]
    assert answers["cookiecutter"]["project_name"] == "my-project"
    run(*cruft, "check", cwd=project, HOME=tmp_path)


def test_environment_script_refuses_a_python_that_does_not_run(tmp_path):
    script = TEMPLATE / "tools" / "make_venv.sh"
    done = run("sh", script, tmp_path / "venv", "no-such", cwd=TEMPLATE, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "PYTHON=no-such does not run, or is older than Python 3.10.\n"
    )
    assert not (tmp_path / "venv").exists()


def test_environment_script_without_any_python_says_how_to_get_one(tmp_path):
    script = TEMPLATE / "tools" / "make_venv.sh"
    commands = tmp_path / "commands"
    commands.mkdir()
    for minor in range(10, 15):  # shims of a version manager: present, but failing
        shim = commands / f"python3.{minor}"
        shim.write_text("#!/bin/sh\necho not installed >&2\nexit 127\n")
        shim.chmod(0o755)
    done = run(
        *("/bin/sh", script, tmp_path / "venv"),
        cwd=TEMPLATE,
        check=False,
        PATH=str(commands),
    )
    assert done.returncode == 1
    assert "No Python 3.10 or later was found." in done.stderr
    assert "not installed" not in done.stderr


@pytest.mark.slow
def test_the_benchmark_that_makes_traces_of_its_own_still_can():
    benchmark = ("benchmarks/million.py", "-n", "400", "--python", sys.executable)
    done = run(sys.executable, *benchmark, cwd=TEMPLATE)
    assert "400 traces made" in done.stdout and "bytes a trace" in done.stdout
