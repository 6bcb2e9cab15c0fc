"""Which files and values are the project's own, and their sources as they were loaded."""

import ast
import os
import subprocess
import sys
import time

import pytest
from forks import in_a_fork
from projects import TEMPLATE

from curifactory import sources
from curifactory.files import FileDigests


@pytest.mark.parametrize(
    ("name", "is_own"),
    [
        ("src/a.py", True),
        ("a b/c.py", True),
        ("curifactory.py", True),
        ("curifactory/args.py", False),
        (".venv/lib/a.py", False),
        ("lib/site-packages/a.py", False),
        ("lib/dist-packages/a.py", False),
    ],
)
def test_files_below_a_watched_root_are_the_users_own(name, is_own, tmp_path):
    root = tmp_path.resolve()
    sources.watch(root)
    assert sources.is_project_file(str(root / name)) is is_own
    assert sources.relative(str(root / name)) == (name if is_own else None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_no_file_that_could_be_read_again(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        assert sources.stat_of(str(tmp_path / name)) == sources.ABSENT
        assert FileDigests(tmp_path)(name) == "absent"
    assert sources.stat_of("/dev/null") == sources.ABSENT


def test_files_elsewhere_are_not_the_users_own(tmp_path):
    sources.watch(tmp_path / "project")
    assert not sources.is_project_file(ast.__file__)
    assert not sources.is_project_file(str(tmp_path.resolve() / "project2" / "a.py"))
    assert not sources.is_project_file("/env/ipykernel-study/lib/a.py")
    assert sources.is_project_file("/tmp/ipykernel_123/456.py")  # a cell
    assert sources.is_project_file("/tmp/marimo_123/__marimo__cell_Hbol_.py")
    assert not sources.is_project_file("<string>")
    assert not sources.is_project_file("")
    assert not sources.is_project_file(None)


def _imported_anew(root, folder):
    sources.watch(root)
    sys.path.insert(0, str(root))
    found = []
    for number in "12":
        (root / folder / "helper.py").write_text(f"N = {number}")
        names = {}
        exec(f"from {folder.replace('/', '.')} import helper", names)
        found.append(names["helper"].N)
        sources.forget()
    return found


@pytest.mark.parametrize("folder", ["folder", "folder/of/folders"])
def test_modules_in_a_folder_that_is_no_package_are_imported_anew(folder, tmp_path):
    (tmp_path / folder).mkdir(parents=True)
    assert in_a_fork(_imported_anew, tmp_path, folder) == [1, 2]


def test_watching_twice_changes_nothing(tmp_path):
    sources.watch(tmp_path)
    before = list(sys.meta_path)
    sources.watch(tmp_path)
    assert sys.meta_path == before


def test_a_file_without_source_has_no_tree(tmp_path):
    assert sources.tree_of(str(tmp_path / "absent.py")) is None


def test_the_stat_of_a_file_is_its_size_and_its_last_change(tmp_path):
    path = tmp_path / "a.txt"
    assert sources.stat_of(str(path)) == sources.ABSENT
    assert sources.stat_of(str(path / "below")) == sources.ABSENT
    assert sources.stat_of("x" * 300) == sources.UNREADABLE  # as nobody can tell
    path.write_text("abc")
    later = time.time_ns() + 3_600_000_000_000
    os.utime(path, ns=(later, later))
    assert sources.stat_of(str(path)) == (3, path.stat().st_mtime_ns)
    os.utime(path, ns=(1, 1))
    assert sources.stat_of(str(path)) == (3, path.stat().st_ctime_ns)
    assert path.stat().st_ctime_ns > 10**18


def test_functions_are_found_in_files_by_their_full_names(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "_roots", [str(tmp_path)])
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__init__.py").write_text("def score(): pass\n")
    text = "# coding: latin-1\n# \u00e9\nclass A:\n    async  def fit(self): pass\n"
    (tmp_path / "stages/chain.py").write_bytes(text.encode("latin-1"))
    for name in (
        "stages.score",
        "stages.chain.fit",
        "stages.chain.A.fit",
        "__main__.x",
    ):
        assert sources.is_defined(name), name
    for name in ("stages.fit", "stages.chain.fi", "other.fit", "fit"):
        assert not sources.is_defined(name), name


IMPORTED_BEFORE = """
import sys
import types
from pathlib import Path


class Lazy(types.ModuleType):
    def __getattribute__(self, name):
        raise ImportError("not installed")


sys.modules["lazy"] = Lazy("lazy")
odd = sys.modules["odd"] = types.ModuleType("odd")
odd.__file__ = Path("odd.py")
from curifactory import sources
"""


def test_modules_of_others_are_not_looked_at_too_closely():
    environment = {**os.environ, "PYTHONPATH": str(TEMPLATE)}
    command = [sys.executable, "-c", IMPORTED_BEFORE]
    subprocess.run(command, env=environment, check=True)
