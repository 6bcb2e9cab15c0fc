"""A project in tmp_path for each test, with a copy of the runner without its extras."""

import contextlib
import os
import signal

import pytest
from on_engines import ENGINES, OWN, OnEngine
from projects import CHAIN, Project, copy_runner
from tracked import args, params, reads

__all__ = ["args", "params", "reads"]

# The tests of laws try the same values each time; LAWS=random tries many new ones.
# How long one takes says something of the machine alone.
with contextlib.suppress(ImportError):  # the kernel is also tested without packages
    from hypothesis import settings

    settings.register_profile("repeatable", derandomize=True, deadline=None)
    settings.register_profile("random", max_examples=2000, deadline=None)
    settings.load_profile(os.environ.get("LAWS", "repeatable"))

# Tests that a script runs in the background have it ignored, and would hand that on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def runner_home(tmp_path_factory):
    """A folder with the kernel: what is tested here needs no extras."""
    return copy_runner(tmp_path_factory.mktemp("kernel"), "extras")


@pytest.fixture
def empty_project(tmp_path, runner_home):
    """A folder for a project, with no files yet."""
    root = tmp_path / "project"
    (root / "experiments").mkdir(parents=True)
    return Project(root, runner_home)


@pytest.fixture
def project(empty_project):
    """A project of three stages and an aggregate, over the argsets a and b."""
    empty_project.write(CHAIN)
    return empty_project


@pytest.fixture(scope="session")
def whole_home(tmp_path_factory):
    """A folder with the runner and its extras."""
    return copy_runner(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def whole(tmp_path, whole_home):
    """The project of three stages and an aggregate, with a runner that has extras."""
    made = Project(tmp_path / "project", whole_home)
    made.write(CHAIN)
    return made


@pytest.fixture(params=ENGINES)
def on(request, tmp_path, whole_home):
    """A project on each engine in turn."""
    made = OnEngine(tmp_path / "project", whole_home)
    made.engine = request.param
    made.write({**CHAIN, "own.py": OWN})
    return made
