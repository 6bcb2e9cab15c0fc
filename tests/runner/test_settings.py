"""Settings: the project root, defaults, and what [tool.curifactory] changes."""

import subprocess
import sys
from pathlib import Path

import projects
import pytest

from curifactory import settings
from curifactory.errors import RequestError


@pytest.fixture(autouse=True)
def own_cache(monkeypatch):
    monkeypatch.delenv(settings.CACHE_VARIABLE, raising=False)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path.resolve() / "my project"
    (folder / "experiments").mkdir(parents=True)
    return folder


def needs_toml():
    if sys.version_info < (3, 11):
        pytest.importorskip("tomli")


def write(root, text):
    (root / "pyproject.toml").write_text(text, encoding="utf-8")


def test_the_root_is_the_nearest_folder_upwards_with_experiments(root):
    deep = root / "src" / "deep"
    deep.mkdir(parents=True)
    assert settings.find_root(root) == root
    assert settings.find_root(deep) == root
    assert settings.find_root(root / "experiments") == root


def test_a_project_within_a_project_is_its_own(root):
    inner = root / "inner"
    (inner / "experiments").mkdir(parents=True)
    assert settings.find_root(inner) == inner


def test_a_relative_start_is_taken_from_here(root, monkeypatch):
    monkeypatch.chdir(root / "experiments")
    assert settings.find_root(Path()) == root


def test_a_file_named_experiments_makes_no_project(tmp_path):
    (tmp_path / "experiments").write_text("")
    with pytest.raises(RequestError, match="no project here") as caught:
        settings.find_root(tmp_path)
    assert caught.value.exit_code == 2
    assert "cookiecutter" in caught.value.hint


def test_the_command_outside_of_a_project_says_the_same_of_it(tmp_path):
    launcher = projects.TEMPLATE / "curifactory_launcher.py"
    done = subprocess.run(
        [sys.executable, launcher, "ls"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: no project here: neither ")
    assert done.stderr.endswith("\n  change into a project folder\n")


def test_a_project_may_rename_its_experiments(tmp_path):
    needs_toml()
    write(tmp_path, '[tool.curifactory]\nexperiments = "studies"\n')
    (tmp_path / "studies").mkdir()
    assert settings.find_root(tmp_path / "studies") == tmp_path.resolve()


def test_defaults_lie_below_the_root(root):
    found = settings.load(root)
    assert found == settings.Settings(
        root,
        experiments="experiments",
        params="params",
        cache=root / "data/cache",
        runs=root / "data/runs",
        reports=root / "reports",
    )


def test_settings_cannot_be_changed(root):
    with pytest.raises(AttributeError):
        settings.load(root).params = "other"


def test_a_pyproject_without_section_changes_nothing(root):
    before = settings.load(root)
    write(root, "[tool.black]\nline-length = 88\n")
    assert settings.load(root) == before


def test_the_section_changes_folders(root):
    needs_toml()
    write(root, '[tool.curifactory]\nparams = "sets"\ncache = "big/cache"\n')
    found = settings.load(root)
    assert found.params == "sets"
    assert found.cache == root / "big/cache"
    assert found.runs == root / "data/runs"


def test_an_absolute_folder_stays_where_it_is(root, tmp_path):
    needs_toml()
    place = (tmp_path / "scratch").as_posix()
    write(root, f'[tool.curifactory]\ncache = "{place}"\n')
    assert settings.load(root).cache == tmp_path / "scratch"


def test_a_folder_in_the_home_of_the_user_is_written_with_a_tilde(root, monkeypatch):
    needs_toml()
    monkeypatch.setenv("HOME", str(root / "home"))
    monkeypatch.setenv("USERPROFILE", str(root / "home"))
    write(root, '[tool.curifactory]\ncache = "~/cache"\n')
    assert settings.load(root).cache == root / "home/cache"


def test_overrides_win_over_the_section_and_none_is_no_override(root):
    needs_toml()
    write(root, '[tool.curifactory]\ncache = "a"\nreports = "b"\n')
    found = settings.load(root, cache="c", reports=None)
    assert (found.cache, found.reports) == (root / "c", root / "b")


def test_the_environment_names_the_cache(root, tmp_path, monkeypatch):
    monkeypatch.setenv(settings.CACHE_VARIABLE, str(tmp_path / "shared"))
    assert settings.load(root).cache == tmp_path / "shared"
    assert settings.load(root, cache="here").cache == root / "here"


@pytest.mark.parametrize("name", ["cache", "runs", "reports"])
def test_an_empty_override_names_no_folder(root, name):
    assert settings.load(root, **{name: ""}) == settings.load(root)


def test_an_empty_variable_names_no_cache(root, monkeypatch):
    monkeypatch.setenv(settings.CACHE_VARIABLE, "")
    assert settings.load(root).cache == root / "data/cache"


@pytest.mark.parametrize("name", ["cache", "runs", "params"])
def test_an_empty_folder_name_is_refused(root, name):
    """It would be the project itself: results beside its code."""
    needs_toml()
    write(root, f'[tool.curifactory]\n{name} = ""\n')
    with pytest.raises(RequestError, match=f"{name} = '' is empty"):
        settings.load(root)


def test_an_unknown_setting_is_refused_with_the_nearest_name(root):
    needs_toml()
    write(root, '[tool.curifactory]\nreport = "b"\n')
    with pytest.raises(RequestError, match="no setting 'report'") as caught:
        settings.load(root)
    assert "'reports'" in caught.value.hint


@pytest.mark.parametrize("name", ["params", "cache"])
def test_a_table_of_the_name_of_a_setting_is_refused(root, name):
    needs_toml()
    write(root, f"[tool.curifactory.{name}]\nseed = 1\n")
    with pytest.raises(RequestError, match=f"{name} = {{'seed': 1}} is no text"):
        settings.load(root)


def test_the_root_is_no_setting(root):
    needs_toml()
    write(root, '[tool.curifactory]\nroot = "elsewhere"\n')
    with pytest.raises(RequestError, match="no setting 'root'"):
        settings.load(root)


@pytest.mark.parametrize("value", ["3", "true", '["a"]'])
def test_a_setting_of_another_type_is_refused(root, value):
    needs_toml()
    write(root, f"[tool.curifactory]\ncache = {value}\n")
    with pytest.raises(RequestError, match="cache"):
        settings.load(root)


def test_a_broken_pyproject_is_refused_with_its_line(root):
    needs_toml()
    write(root, "[tool.curifactory]\nparams = \n")
    with pytest.raises(RequestError, match="pyproject.toml.*line 2"):
        settings.load(root)


def test_python_3_10_without_tomli_is_told_what_to_install(root):
    if sys.version_info >= (3, 11):
        pytest.skip("this Python reads TOML alone")
    try:
        import tomli  # noqa: F401
    except ImportError:
        write(root, '[tool.curifactory]\nparams = "sets"\n')
        with pytest.raises(RequestError, match="Python 3.10") as caught:
            settings.load(root)
        assert "pip install tomli" in caught.value.hint
    else:
        pytest.skip("tomli is installed")
