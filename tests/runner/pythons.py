"""Other processes: the Pythons that are installed here, and how to start one."""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RUNNER = HERE.parents[1] / "<<cookiecutter.project_name>>"
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")


@functools.cache
def others():
    """Return one interpreter of each supported version that is found, by version."""
    found = {"{}.{}".format(*sys.version_info): sys.executable}
    for version in VERSIONS:
        pyenv = Path.home() / ".pyenv" / "versions"
        installed = [str(each / "bin" / "python") for each in pyenv.glob(f"{version}*")]
        for python in filter(None, [shutil.which(f"python{version}"), *installed]):
            if version not in found and _answers(python):
                found[version] = python
    return found


def run(
    *arguments,
    python=sys.executable,
    seed="random",
    text="",
    cwd=None,
    home=RUNNER,
    timeout=120,
):
    """Run Python with the runner importable; return what it prints, read as JSON."""
    places = os.pathsep.join([str(home), str(HERE)])
    environment = {"PYTHONPATH": places, "PYTHONHASHSEED": seed}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        [python, *map(str, arguments)],
        env={**os.environ, **environment},
        input=text,
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _answers(python):
    question = [python, "-c", "import sqlite3"]
    return subprocess.run(question, capture_output=True).returncode == 0
