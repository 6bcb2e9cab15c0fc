"""A project in tmp_path for each test, with a copy of the runner without its extras."""

import pytest
from on_engines import ENGINES, OWN, OnEngine
from projects import CHAIN, Project, copy_runner


@pytest.fixture(scope="session")
def runner_home(tmp_path_factory):
    """A folder with the kernel: what is tested here needs no extras."""
    return copy_runner(tmp_path_factory.mktemp("kernel"), "extras")


@pytest.fixture(scope="session")
def full_home(tmp_path_factory):
    """A folder with the runner and its extras."""
    return copy_runner(tmp_path_factory.mktemp("runner"))


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


@pytest.fixture(params=ENGINES)
def on(request, tmp_path, full_home):
    """A project on each engine in turn."""
    made = OnEngine(tmp_path / "project", full_home)
    made.engine = request.param
    made.write({**CHAIN, "own.py": OWN})
    return made
