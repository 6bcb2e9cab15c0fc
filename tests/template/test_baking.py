"""What one command generates: the files, from where, and without a trace of the template."""

import re
import sys
from pathlib import Path

import pytest
from baking import PROJECT, files_of, run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXPECTED = Path(__file__).with_name("expected_files.txt").read_text().split()
NASTY = """It's "quoted" \\ {{ braced }} 'twice'"""


def test_files_are_exactly_the_expected_ones(baked):
    assert files_of(baked) == sorted(EXPECTED)


def test_no_empty_folder_is_generated(baked):
    folders = [path for path in baked.rglob("*") if path.is_dir()]
    assert [folder for folder in folders if not any(folder.iterdir())] == []


def test_no_tag_is_left(baked):
    tag = re.compile(
        r"<<|<%|<#|\{\{ *cookiecutter|cookiecutter\.(_|project|descr|auth)"
    )
    for name in files_of(baked):
        found = tag.search((baked / name).read_text("utf-8"))
        assert found is None, f"{name} holds {found}"


def test_runner_is_generated_byte_for_byte(baked):
    for name in files_of(baked / "curifactory"):
        source = PROJECT / "curifactory" / name
        generated = baked / "curifactory" / name
        assert generated.read_bytes() == source.read_bytes(), name


def test_caches_in_the_template_are_not_passed_on(oven, repository):
    template = Path(repository.removeprefix("file://"))
    cache = template / PROJECT.name / "src" / "__pycache__"
    cache.mkdir()
    (cache / "models.cpython-311.pyc").write_bytes(b"\0stale")
    assert not list(oven.bake(template).rglob("__pycache__"))


def test_git_url_gives_the_same_project(oven, repository, baked):
    project = oven.bake(repository)
    assert files_of(project) == files_of(baked)


def test_next_steps_are_printed_from_where_the_user_is(oven):
    done = oven.try_to_bake(project_name="wind-tunnel")
    assert "    cd wind-tunnel\n    make run\n" in done.stdout


def test_answers_reach_the_project(oven):
    project = oven.bake(
        project_name="Wind_Tunnel-2", description="Drag of a cube.", author="A. Reader"
    )
    metadata = read_metadata(project)
    assert metadata["name"] == "Wind_Tunnel-2"
    assert metadata["description"] == "Drag of a cube."
    assert metadata["authors"] == [{"name": "A. Reader"}]
    assert "Drag of a cube." in (project / "README.md").read_text()


def test_quotes_and_backslashes_do_not_break_the_project(oven):
    project = oven.bake(description=NASTY, author='Zoë O\'Neil "Z"')
    metadata = read_metadata(project)
    assert metadata["description"] == NASTY
    assert metadata["authors"] == [{"name": 'Zoë O\'Neil "Z"'}]
    for path in project.rglob("*.py"):
        compile(path.read_text("utf-8"), str(path), "exec")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["q", "a-" + "very-" * 12 + "long-name"])
def test_formatter_and_linter_accept_names_of_any_length(oven, name):
    project = oven.bake(project_name=name)
    run(oven.python, "-m", "black", "--check", ".", cwd=project)
    run(oven.python, "-m", "ruff", "check", "--no-cache", ".", cwd=project)


def read_metadata(project):
    return tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
