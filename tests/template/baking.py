"""Baking: the real command, with a configuration of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import servers

TEMPLATE = Path(__file__).parents[2]
PROJECT = TEMPLATE / "<<cookiecutter.project_name>>"
PARTS = ["cookiecutter.json", "hooks", PROJECT.name, "{{cookiecutter._cruft_marker}}"]
CACHES = shutil.ignore_patterns("__pycache__", ".*_cache")


def clean_environment(**changes):
    """The environment without what make or this test run added to it."""
    added = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHON", "OPTIONS"}
    added |= {"PYTHONPATH", "PYTHONPYCACHEPREFIX"}
    kept = {name: value for name, value in os.environ.items() if name not in added}
    return {**kept, **changes}


def run(*command, cwd, check=True, **environment):
    """Run a command to its end; a failure shows all it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment(PWD=str(cwd), **environment),
        capture_output=True,
        text=True,
    )
    if check and done.returncode != 0:
        pytest.fail(f"{command} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class Oven:
    """Bakes projects into a folder, and leaves the user's own settings alone."""

    def __init__(self, folder, python=sys.executable):
        self.settings = folder / "settings"
        self.settings.mkdir(parents=True)
        self.output = folder / "output"
        self.output.mkdir()
        self.python = python
        config = self.settings / "config.yaml"
        config.write_text(
            f'cookiecutters_dir: "{self.settings}/cookiecutters"\n'
            f'replay_dir: "{self.settings}/replay"\n'
        )

    def try_to_bake(self, template=TEMPLATE, **answers):
        config = self.settings / "config.yaml"
        given = [f"{name}={value}" for name, value in answers.items()]
        given = ["--no-input", "--config-file", config, template, *given]
        if self.python == sys.executable and servers.CAN_FORK:
            environment = clean_environment(PWD=str(self.output))
            return servers.perform(
                "cookiecutter",
                given,
                imported=["cookiecutter.cli"],
                cwd=self.output,
                environment=environment,
            )
        command = self.python, "-m", "cookiecutter", *given
        return run(*command, cwd=self.output, check=False)

    def bake(self, template=TEMPLATE, **answers):
        done = self.try_to_bake(template, **answers)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.output / answers.get("project_name", "my-project")


def files_of(folder):
    """All files below a folder, as sorted relative paths; git's own left out."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if path.parts[0] != ".git")
