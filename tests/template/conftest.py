"""Fixtures: an oven, a project to read, and a repository to bake from."""

import shutil

import pytest
from baking import CACHES, PARTS, TEMPLATE, Oven, run


@pytest.fixture
def oven(tmp_path):
    return Oven(tmp_path / "oven")


@pytest.fixture(scope="session")
def baked(tmp_path_factory):
    """A project with the default answers, to be read only."""
    return Oven(tmp_path_factory.mktemp("baked") / "oven").bake()


@pytest.fixture
def repository(tmp_path):
    """The URL of a git repository that holds the template as it lies here."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for part in PARTS:
        source, target = TEMPLATE / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=CACHES)
        else:
            shutil.copy(source, target)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    run("git", "init", "--quiet", "--initial-branch=main", cwd=folder)
    run("git", "add", "--force", ".", cwd=folder)
    run("git", *identity, "commit", "--quiet", "-m", "Template", cwd=folder)
    return folder.as_uri()
