"""The files that an execution opens, lists or looks for are noted, and their digests."""

import _thread
import contextlib
import copy
import functools
import glob
import importlib
import importlib.util
import inspect
import linecache
import logging
import multiprocessing
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tokenize
from argparse import Namespace
from collections import UserDict
from pathlib import Path
from types import MappingProxyType

import pytest
from projects import TEMPLATE
from tracked import keys

from curifactory import caching, memoized, sources
from curifactory.channel import Channel
from curifactory.files import NOTHING, FileDigests, Files, is_racy, look_at, matching
from curifactory.hashing import digest, hash_file, hash_text
from curifactory.reads import Reads
from curifactory.snapshot import Present
from curifactory.sources import stat_of

TICK = 0.02
"""Seconds: the clock of files has steps of up to 10 ms, before Linux 6.13."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = tmp_path.resolve() / "project"
    for name in ("data/raw.csv", "data/cache/x.json", "src/code.py", "a b/c.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def files(project):
    return Files(project, (project / "data/cache", project / "reports"))


def test_an_opened_file_is_noted_with_its_stat(project, files, reads):
    with files.noting(reads):
        assert (project / "data/raw.csv").read_text() == "data/raw.csv"
    assert keys(reads) == ["f:data/raw.csv"]
    assert reads.seen["data/raw.csv"] == stat_of(str(project / "data/raw.csv"))


def test_a_path_of_bytes_is_noted_like_any_other(project, files, reads):
    with files.noting(reads):
        with open(bytes(project / "data/raw.csv")) as file:
            file.read()
    assert keys(reads) == ["f:data/raw.csv"]


@pytest.mark.parametrize(
    "read",
    [
        lambda path: open(path).close(),
        lambda path: open(path, "rb").close(),
        lambda path: open(str(path)).close(),
        lambda path: open(os.path.relpath(path)).close(),
        lambda path: Path(path).read_bytes(),
        lambda path: os.close(os.open(path, os.O_RDONLY)),
    ],
)
def test_every_way_to_open_a_file_is_noted(read, project, files, reads):
    with files.noting(reads):
        read(project / "a b" / "c.txt")
    assert keys(reads) == ["f:a b/c.txt"]


def test_files_opened_by_a_thread_are_noted(project, files, reads):
    with files.noting(reads):
        thread = threading.Thread(target=(project / "data/raw.csv").read_text)
        thread.start()
        thread.join()
    assert keys(reads) == ["f:data/raw.csv"]


def test_only_the_thread_that_works_for_the_runner_opens_unnoted(project, files, reads):
    with files.noting(reads), files.pausing():
        thread = threading.Thread(target=(project / "data/raw.csv").read_text)
        thread.start()
        thread.join()
        with files.pausing():
            pass
        (project / "a b/c.txt").read_bytes()
    assert keys(reads) == ["f:data/raw.csv"]


def test_an_absent_file_is_noted(project, files, reads):
    with files.noting(reads):
        with pytest.raises(FileNotFoundError):
            open(project / "absent.txt")
    assert keys(reads) == ["f:absent.txt"]
    assert reads.seen["absent.txt"] == (-1, -1)


@pytest.mark.parametrize(
    "name",
    [
        "data/cache/x.json",
        "reports/index.html",
        "src/__pycache__/code.pyc",
        "src/fast.so",
        "src/fast.pyd",
        "src/code.pyi",
        "src/code.pyc",
        "any.lock",
        ".git/config",
        ".venv/lib/a.txt",
        "lib/site-packages/a/data.csv",
        "trial.egg-info/entry_points.txt",
    ],
)
def test_what_is_no_data_of_the_project_is_not_noted(name, project, files, reads):
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    with files.noting(reads):
        path.read_bytes()
    assert keys(reads) == []


def test_files_behind_what_a_function_keeps_are_noted_each_time(project, files):
    @functools.lru_cache
    def kept():
        os.listdir("data")
        return Path("data/raw.csv").read_text()

    kept()  # while nothing is noted
    for _ in range(2):
        reads = Reads()
        with files.noting(reads, [kept]):
            kept()
        assert keys(reads) == ["f:data/", "f:data/raw.csv"]
        names = frozenset(os.listdir("data"))
        stats = {"data/raw.csv": stat_of("data/raw.csv")}
        assert reads.seen == {"data/": names, **stats}


def test_what_is_opened_between_stages_counts_for_what_keeps_it(
    project, files, reads, monkeypatch
):
    monkeypatch.setattr(memoized, "known", {})
    monkeypatch.setattr(memoized, "_read", {})
    found = []

    def kept():
        found.append(sorted(os.listdir("data")))
        open("data/new.csv", "w").close()
        return open("data/raw.csv").close()

    files.listen()
    kept()
    with files.noting(reads, [kept]):
        pass
    assert keys(reads) == []  # nobody knew yet that it keeps anything
    kept()
    assert keys(reads) == []
    with files.noting(reads, [kept]):
        pass
    assert keys(reads) == ["f:data/", "f:data/raw.csv"]
    names = frozenset(os.listdir("data"))
    assert reads.seen == {"data/": names, "data/raw.csv": stat_of("data/raw.csv")}
    later = Reads()
    with files.noting(later, [kept]):
        kept()
        open("data/new.csv").close()
    assert keys(later) == ["f:data/", "f:data/raw.csv"]  # the other is its own
    monkeypatch.setattr(memoized, "_read", {each: {} for each in memoized._read})
    with files.noting(Reads(), [kept]):
        os.listdir("data"), kept()
    with files.noting(last := Reads(), [kept]):
        pass
    assert keys(last) == ["f:data/", "f:data/raw.csv"]


def test_who_listened_last_is_asked(project, files, reads, monkeypatch):
    monkeypatch.setattr(memoized, "known", {1: kept_by_nobody})
    with files.noting(reads):
        pass
    asked = []
    other = Files(project, ())
    monkeypatch.setattr(Files, "opened", lambda self, *given: asked.append(self))
    open("data/raw.csv").close()
    other.listen()
    open("data/raw.csv").close()
    assert asked == [files, other]


def kept_by_nobody():
    return 1


def test_classes_that_are_unpickled_are_noted(files, reads):
    data = pickle.dumps([Path("a"), kept_by_nobody])
    pickle.loads(data)
    with files.noting(reads):
        pickle.loads(data)
    assert (kept_by_nobody.__module__, "kept_by_nobody") in reads.unpickled
    assert len(reads.unpickled) == 2
    pickle.loads(pickle.dumps(Reads))
    assert len(reads.unpickled) == 2


def test_what_a_module_reads_while_it_is_imported_is_known(project, files, reads):
    inner = "open('src/one.txt').close()"
    texts = {
        "reading": "import read_by_it, os\n"
        "for name in ('data/raw.csv', b'a b/c.txt', 'src/one.txt', 'absent'):\n"
        "    try: open(name).close()\n    except OSError: pass\n"
        "open('src/new.txt', 'w').close()\nopen('/dev/null').close()\n"
        "open(os.open('src/two.txt', os.O_RDONLY)).close()\n",
        "read_by_it": inner,
    }
    for name, text in texts.items():
        (project / "src" / f"{name}.py").write_text(text)
        (project / "src" / f"{name[:1]}.txt").write_text("")
    for name in ("one", "two"):
        (project / "src" / f"{name}.txt").write_text(name)
    sources.watch(project)
    sys.path.insert(0, str(project / "src"))
    try:
        with files.noting(reads):
            importlib.import_module("reading")
    finally:
        sys.path.remove(str(project / "src"))
        for name in texts:
            del sys.modules[name]
    names = {name: str(project / "src" / f"{name}.py") for name in texts}
    read = sources.read_by_import
    assert list(read[names["read_by_it"]]) == [str(project / "src/one.txt")]
    shown = ["data/raw.csv", "a b/c.txt", "src/one.txt", "absent", "src/two.txt"]
    assert list(read[names["reading"]]) == [str(project / each) for each in shown]
    stat = stat_of(str(project / "data/raw.csv"))
    assert read[names["reading"]][str(project / "data/raw.csv")] == stat
    assert read[names["reading"]][str(project / "absent")] == (-1, -1)
    seen = [
        "f:src/one.txt",
        "f:data/raw.csv",
        "f:a b/c.txt",
        "f:absent",
        "f:src/two.txt",
        "c:reading:",
    ]
    assert keys(reads) == seen
    open("data/raw.csv").close()
    assert sources.importing == []


def test_sources_are_noted_where_nothing_but_their_text_is_asked_for(
    project, files, reads
):
    path = str(project / "src" / "code.py")
    Path(path).write_text("x = 1")
    linecache.clearcache()
    with files.noting(reads):
        linecache.getline(path, 1)
        tokenize.open(path).close()
    assert keys(reads) == []
    with files.noting(reads):
        open(path).close()
    assert keys(reads) == ["f:src/code.py"]


def test_what_a_compiler_looks_at_counts_as_code(project, files, reads, monkeypatch):
    """As numba and torch look at the modules whose functions they compile."""
    (project / "src" / "kernels.py").write_text("x = 1")
    monkeypatch.syspath_prepend(project / "src")
    sources.watch(project)
    look = "import importlib\nimportlib.import_module('kernels')\n"
    look += "open('src/kernels.py').close()"
    monkeypatch.chdir(project)
    for by, noted in (("numba.core", []), ("torch._dynamo", []), ("other", None)):
        reads = Reads()
        with files.noting(reads):
            exec(look, {"__name__": by})
        expected = ["c:kernels:", "f:src/kernels.py"] if noted is None else noted
        assert keys(reads) == expected
    del sys.modules["kernels"]


def test_a_source_that_is_loaded_by_its_path_is_noted_with_what_it_imports(
    project, files, reads, monkeypatch
):
    """Compiled before, too: what is opened then is another file."""
    (project / "src/code.py").write_text("import os, helper_of_code\nfrom . import x")
    (project / "src/helper_of_code.py").write_text("")
    monkeypatch.syspath_prepend(project / "src")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    sources.watch(project)
    for _ in range(2):
        spec = importlib.util.spec_from_file_location("by_path", "src/code.py")
        noted = Reads()
        with files.noting(noted), contextlib.suppress(ImportError):
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        assert keys(noted) == ["f:src/code.py", "c:helper_of_code:"]
    del sys.modules["helper_of_code"]


@pytest.mark.parametrize(
    "read",
    [lambda path: linecache.getline(path, 1), lambda p: tokenize.open(p).close()],
)
def test_data_is_noted_whatever_opens_it(read, project, files, reads):
    linecache.clearcache()
    with files.noting(reads):
        read(str(project / "data" / "raw.csv"))
    assert keys(reads) == ["f:data/raw.csv"]


def test_files_elsewhere_are_not_noted(tmp_path, project, files, reads):
    (tmp_path / "project2").mkdir()
    (tmp_path / "project2" / "a.txt").write_text("x")
    with files.noting(reads):
        (tmp_path / "project2" / "a.txt").read_text()
    assert keys(reads) == []


def test_a_file_elsewhere_that_a_field_names_is_noted(tmp_path, project, files, reads):
    other = tmp_path.resolve() / "other.txt"
    other.write_text("x")
    files.named(str(other))  # while nothing is noted
    with files.noting(reads):
        files.named(str(other))
        files.named(str(project / "data/raw.csv"))
        files.named(str(project / "data/cache/x.json"))
    assert keys(reads) == [f"f:{other}", "f:data/raw.csv"]
    assert reads.seen[str(other)] == stat_of(str(other))


class Held:
    def __init__(self, *inner):
        self.inner, self.itself = inner, self


def test_the_file_of_a_logger_that_an_object_has_is_not_named_by_it(
    project, files, reads
):
    handler = logging.FileHandler(project / "data/raw.csv")
    logger = logging.getLogger("files of a logger")
    logger.addHandler(handler)
    try:
        with files.noting(reads):
            files.named(Held(logger))
    finally:
        logger.removeHandler(handler)
        handler.close()
    assert keys(reads) == []


@pytest.mark.parametrize(
    "value",
    [
        Namespace(depth=1, data=Path("data/raw.csv")),
        {"data": [Namespace(data="data/raw.csv")]},
        UserDict(data="data/raw.csv"),
        MappingProxyType({1: {"data/raw.csv"}}),
        Held(1, Held("data/raw.csv")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_files_that_are_named_within_an_object_are_noted(project, files, reads, value):
    with files.noting(reads):
        files.named(value)
    assert keys(reads) == ["f:data/raw.csv"]


@pytest.fixture
def disk(tmp_path):
    """A folder for data, which does not lie in the project."""
    folder = tmp_path.resolve() / "disk"
    for name in ("x.txt", "deep/y.txt", ".git/config"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize("name", [str, Path, lambda each: "../link", lambda e: [e]])
def test_files_in_a_folder_elsewhere_that_a_field_names_are_noted(
    name, disk, project, files, reads
):
    (project.parent / "link").symlink_to(disk)
    with files.noting(reads):
        (disk / "x.txt").read_text()  # nobody has named it yet
        files.named(name(disk))
        (disk / "deep/y.txt").read_text()
        os.listdir(disk)
        (project.parent / "link/x.txt").read_text()
        (disk / ".git/config").read_text()
        (disk / "own.txt").write_text("own")
        (disk / "own.txt").read_text()
    assert keys(reads) == [f"f:{disk}/deep/y.txt", f"f:{disk}/", f"f:{disk}/x.txt"]
    assert list(files.changed_by_others(reads)) == []
    (disk / "x.txt").write_text("other")
    assert list(files.changed_by_others(reads)) == [f"{disk}/x.txt"]


@pytest.mark.parametrize(
    "text",
    [
        "~/disk/x.txt",
        "~/disk",
        "$DISK/x.txt",
        "$INNER/x.txt",
        "{disk}/*.txt",
        "{disk}/{{}}.txt",
    ],
)
def test_a_field_may_name_files_by_home_variables_and_patterns(
    text, disk, project, files, reads, monkeypatch
):
    (project / "home").mkdir()
    (project / "home/disk").symlink_to(disk)
    monkeypatch.setenv("HOME", str(project / "home"))
    monkeypatch.setenv("DISK", str(disk))
    monkeypatch.setenv("INNER", "home/disk")  # of the project, from any folder
    monkeypatch.chdir(disk)
    with files.noting(reads):
        files.named(text.format(disk=disk))
        (disk / "x.txt").read_text()
    is_file = text.startswith(("~", "$")) and text.endswith(".txt")
    places = [f"f:the place of {text}"] * is_file
    assert keys(reads)[-1].endswith("disk/x.txt") and keys(reads)[:-1] == places


def test_what_a_link_in_a_folder_elsewhere_leads_to_is_noted(
    disk, project, files, reads, tmp_path
):
    other = tmp_path / "other"
    other.mkdir()
    (other / "z.txt").write_text("z")
    (disk / "link").symlink_to(other)
    with files.noting(reads):
        files.named(str(disk))
        (disk / "link/z.txt").read_text()
    assert keys(reads) == [f"f:{disk.resolve()}/link/z.txt"] and not reads.beyond


def test_a_folder_that_holds_all_sorts_of_things_says_nothing(
    disk, project, files, reads, monkeypatch
):
    monkeypatch.setenv("HOME", str(disk / "deep"))
    with files.noting(reads):
        for each in ("/", "..", tempfile.gettempdir(), disk, disk / "deep"):
            files.named(str(each))
        (disk / "x.txt").read_text()
        (disk / "deep/y.txt").read_text()
    assert keys(reads) == []


def test_folders_that_were_named_for_one_call_do_not_count_for_the_next(
    disk, project, files
):
    first, second = Reads(), Reads()
    with files.noting(first):
        files.named(str(disk))
    with files.noting(second):
        (disk / "x.txt").read_text()
    assert keys(second) == []


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_children_read_in_a_folder_that_a_field_names_is_noted(
    method, disk, project, files, reads, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", f"{TEMPLATE}")
    context = multiprocessing.get_context(method)
    with files.noting(reads):
        files.named(str(disk))
        child = context.Process(target=caching.read_bytes, args=(str(disk / "x.txt"),))
        child.start()
        child.join()
    assert child.exitcode == 0 and f"f:{disk}/x.txt" in keys(reads)


def test_time_stamps_of_the_last_moments_may_hide_a_change():
    now = time.time_ns()
    assert is_racy(now)
    assert not is_racy(now - 60_000_000_000)


def test_a_time_stamp_with_fractions_hides_less(monkeypatch):
    second = 1_000_000_000
    for after, exact, whole in (
        (0.04, True, True),
        (0.11, False, True),
        (2.2, False, False),
    ):
        monkeypatch.setattr("time.time", lambda at=101 + after: at)
        assert is_racy(101 * second + 1) is exact
        assert is_racy(101 * second) is whole


def test_a_file_is_known_by_its_bytes_and_read_once(tmp_path, monkeypatch):
    monkeypatch.setattr("curifactory.files.RACY", 0)
    asked = []

    def digest(path, stat, number):
        assert number == os.stat(tmp_path / path).st_ino % 2**63
        asked.append((path, stat))
        return hash_file(tmp_path / path)

    old = time.time_ns() - 3_600_000_000_000
    for name in ("a.csv", "empty.csv"):
        (tmp_path / name).write_text("1,2" if name == "a.csv" else "")
        os.utime(tmp_path / name, ns=(old, old))
    digests = FileDigests(tmp_path, digest)
    for name in ("a.csv", "empty.csv", "a.csv"):
        assert digests(name) == hash_file(tmp_path / name)
    assert [path for path, _ in asked] == ["a.csv", "empty.csv"]
    time.sleep(TICK)
    (tmp_path / "a.csv").write_text("2,1")
    os.utime(tmp_path / "a.csv", ns=(old, old))  # as copies with the time of the first
    assert digests("a.csv") == hash_file(tmp_path / "a.csv")
    asked.pop()
    monkeypatch.setattr("curifactory.files.RACY", 1000)
    (tmp_path / "a.csv").write_text("3,4")
    assert digests("a.csv") == digests("a.csv") == hash_file(tmp_path / "a.csv")
    assert len(asked) == 4  # it was written a moment ago: time tells nothing yet


def test_the_digest_of_a_pattern_is_that_of_the_files_it_matches(tmp_path):
    digests = FileDigests(tmp_path)
    assert (digests("absent.csv"), digests("absent/*.csv")) == NOTHING
    for name in ("b.csv", "a.csv", "[x].csv"):
        (tmp_path / name).write_text(name)
    assert digests("[x].csv") == hash_file(tmp_path / "[x].csv")  # no pattern: a file
    (tmp_path / "[x].csv").write_text("")
    (tmp_path / "x.csv").write_text("what the name would match")
    assert digests("[x].csv") == hash_file(tmp_path / "[x].csv")
    (tmp_path / "x.csv").unlink()
    both = hash_text(*(f"{n}={hash_file(tmp_path / n)}" for n in ("a.csv", "b.csv")))
    assert digests("?.csv") == digests(f"{tmp_path}/[ab].csv") == both
    above = [f"../{n}={hash_file(tmp_path / n)}" for n in ("a.csv", "b.csv")]
    (tmp_path / "inner").mkdir()
    inner = FileDigests(tmp_path / "inner")
    assert inner(f"{tmp_path}/[ab].csv") == hash_text(*above)
    (tmp_path / "b.csv").write_text("other")
    assert digests("?.csv") != both


def test_without_another_rule_the_bytes_count(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    assert FileDigests(tmp_path)("a.csv") == hash_file(tmp_path / "a.csv")


def test_a_file_that_was_written_first_is_no_input(project, files, reads):
    with files.noting(reads):
        (project / "made.txt").write_text("x")
        (project / "made.txt").read_text()
    assert keys(reads) == []


@pytest.mark.parametrize("mode", ["w+", "w+b", "x+", "a"])
def test_a_file_that_is_opened_anew_is_no_input(project, files, reads, mode):
    with files.noting(reads):
        with open(project / "made.txt", mode) as file:
            file.write(b"x" if "b" in mode else "x")
        (project / "made.txt").read_text()
    assert keys(reads) == []


@pytest.mark.parametrize("mode", ["r+", "a+"])
def test_a_file_that_is_opened_for_both_is_an_input(project, files, reads, mode):
    (project / "made.txt").write_text("x")
    with files.noting(reads):
        open(project / "made.txt", mode).close()
    assert keys(reads) == ["f:made.txt"]


def test_a_file_that_was_written_by_number_first_is_no_input(project, files, reads):
    with files.noting(reads):
        os.close(os.open(project / "made.txt", os.O_WRONLY | os.O_CREAT))
        (project / "made.txt").read_text()
    assert keys(reads) == []


def test_a_fork_outside_of_a_block_is_nothing_special(project, files, reads):
    ignored = []
    before, sys.unraisablehook = sys.unraisablehook, ignored.append
    try:
        with files.noting(reads):
            pass
        if not (child := os.fork()):
            os._exit(len(ignored))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == len(ignored) == 0
    finally:
        sys.unraisablehook = before


def test_a_folder_that_a_module_lists_while_it_is_imported_is_noted(
    project, files, reads, monkeypatch
):
    (project / "listing.py").write_text("import os\nos.listdir('data')\n")
    monkeypatch.syspath_prepend(project)
    sources.watch(project)
    with files.noting(reads):
        importlib.import_module("listing")
        os.listdir(project.parent)  # that one is none of the project
    del sys.modules["listing"]
    assert keys(reads) == ["f:data/", "c:listing:"]


def test_a_file_that_was_read_first_stays_an_input(project, files, reads):
    with files.noting(reads):
        (project / "data/raw.csv").read_text()
        (project / "data/raw.csv").write_text("other")
    assert keys(reads) == ["f:data/raw.csv"]


def test_a_file_opened_to_append_or_change_was_read(project, files, reads):
    with files.noting(reads):
        open(project / "data/raw.csv", "r+").close()
    assert keys(reads) == ["f:data/raw.csv"]


def test_nothing_is_noted_outside_of_the_block(project, files, reads):
    with files.noting(reads):
        pass
    (project / "data/raw.csv").read_text()
    assert keys(reads) == []


def test_blocks_may_be_nested(project, files, reads):
    inner = Reads()
    with files.noting(reads):
        with files.noting(inner):
            (project / "data/raw.csv").read_text()
        (project / "a b/c.txt").read_text()
    assert (keys(inner), keys(reads)) == (["f:data/raw.csv"], ["f:a b/c.txt"])


def test_an_error_ends_the_block(project, files, reads):
    with pytest.raises(ValueError):
        with files.noting(reads):
            raise ValueError
    (project / "data/raw.csv").read_text()
    assert keys(reads) == []


def test_a_file_named_by_a_field_is_noted_when_the_field_is_read(
    project, files, params, reads
):
    args = reads.argset(params.Args(path="data/raw.csv"))
    with files.noting(reads):
        assert args.seed == 0
        assert keys(reads) == ["a:seed"]
        assert args.path == "data/raw.csv"
    assert keys(reads) == ["a:seed", "a:path", "f:data/raw.csv"]


@pytest.mark.parametrize("mode", ["w", "a", "w+"])
def test_a_file_that_a_field_names_and_the_call_writes_is_no_input(
    mode, project, files, params, reads
):
    args = reads.argset(params.Args(path="data/raw.csv"))
    with files.noting(reads):
        for _ in range(2):
            with open(project / args.path, mode) as file:
                file.write("mine")
        (project / args.path).read_text()
    assert keys(reads) == ["a:path"]
    assert files.changed_by_others(reads) == []


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_a_file_that_a_field_names_is_an_input_if_it_was_read_before_it_was_written(
    mode, project, files, params, reads
):
    args = reads.argset(params.Args(path="data/raw.csv"))
    with files.noting(reads):
        open(project / args.path, mode).close()
        (project / args.path).write_text("mine, and longer than it was")
    assert keys(reads) == ["a:path", "f:data/raw.csv"]
    assert files.changed_by_others(reads) == ["data/raw.csv"]


def test_a_file_that_a_field_names_is_an_input_if_it_was_opened_to_be_read_as_well(
    project, files, params, reads
):
    args = reads.argset(params.Args(path="data/raw.csv"))
    with files.noting(reads):
        os.close(os.open(project / args.path, os.O_RDWR | os.O_CREAT))
    assert keys(reads) == ["a:path", "f:data/raw.csv"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_file_that_a_field_names_is_an_input_if_a_child_read_it_before_it_was_written(
    project, files, params, reads
):
    args = reads.argset(params.Args(path="data/raw.csv"))
    with files.noting(reads), multiprocessing.get_context("fork").Pool(1) as pool:
        pool.apply(Path.read_text, [project / args.path])
        (project / args.path).write_text("mine, and longer than it was")
    assert keys(reads) == ["a:path", "f:data/raw.csv"]
    assert files.changed_by_others(reads) == ["data/raw.csv"]


@pytest.mark.parametrize("text", ["", "no such file", "data", "x" * 5000, "a\0b", ".."])
def test_a_field_that_names_no_file_is_just_a_field(
    text, project, files, params, reads
):
    args = reads.argset(params.Args(path=text))
    with files.noting(reads):
        assert args.path == text
    assert keys(reads) == ["a:path"]


def test_files_that_other_programs_find_themselves_are_not_seen(project, files, reads):
    with files.noting(reads):
        subprocess.run(
            [sys.executable, "-c", "open('data' + '/raw.csv').close()"],
            check=True,
            cwd=project,
        )
    assert keys(reads) == []


def posix_spawn(*command):
    os.waitpid(os.posix_spawn(shutil.which(command[0]), command, os.environ), 0)


@pytest.mark.parametrize(
    "hand",
    [
        lambda: subprocess.run(["cat", "data/raw.csv"], check=True),
        lambda: subprocess.run([b"cat", Path("data/raw.csv")], check=True),
        lambda: subprocess.run(["cat", "raw.csv"], check=True, cwd="data"),
        lambda: subprocess.run(["cat", os.path.abspath("data/raw.csv")], check=True),
        lambda: subprocess.run(["echo", "--config=data/raw.csv"], check=True),
        lambda: subprocess.run("cat 'data/raw.csv'>out.txt", shell=True, check=True),
        lambda: os.system("cat <data/raw.csv >/dev/null"),
        lambda: posix_spawn("cat", "data/raw.csv"),
        lambda: sqlite3.connect("data/raw.csv").close(),
        lambda: sqlite3.connect(Path("data/raw.csv")).close(),
        lambda: sqlite3.connect("file:data/raw%2Ecsv?mode=ro", uri=True).close(),
    ],
)
def test_files_handed_to_programs_and_databases_are_noted(hand, project, files, reads):
    with files.noting(reads):
        hand()
    assert keys(reads) == ["f:data/raw.csv"]
    assert list(files.changed_by_others(reads)) == []


def test_a_module_that_is_run_as_a_program_is_noted(project, files, reads):
    (project / "data" / "tool.py").write_text("1")
    with files.noting(reads):
        subprocess.run([sys.executable, "-m", "data.tool"], check=True)
    assert keys(reads) == ["f:data/tool.py"]


def test_what_a_program_imports_of_the_project_is_noted(
    project, files, reads, monkeypatch
):
    monkeypatch.syspath_prepend(project / "more")
    sources = {
        "scripts/tool.py": "import json, beside\nfrom lib.deep import rates\n",
        "scripts/beside.py": "def later():\n    import lib.inner.far as far\n",
        "lib/__init__.py": "import lib.deep  # in a circle\n",
        "lib/deep/__init__.py": "",
        "lib/deep/rates.py": "from ..near import RATE\nfrom . import no_such\n",
        "lib/near.py": "import further\nRATE = 1\n",
        "more/further.py": "",
        "lib/inner/far.py": "",
        "lib/unused.py": "",
        "curifactory/__init__.py": "",
        "broken.py": "import lib.unused (\n",
    }
    for name, text in sources.items():
        (project / name).parent.mkdir(exist_ok=True, parents=True)
        (project / name).write_text(text)
    keys_of_tool = [
        "f:lib/__init__.py",
        "f:lib/deep/__init__.py",
        "f:lib/deep/rates.py",
        "f:lib/inner/far.py",
        "f:lib/near.py",
        "f:more/further.py",
        "f:scripts/beside.py",
        "f:scripts/tool.py",
    ]
    with files.noting(reads):
        subprocess.run(["true", "scripts/tool.py"], check=True)
    assert sorted(keys(reads)) == keys_of_tool
    for command, folder, found in (
        (["true", "tool.py"], "scripts", keys_of_tool),
        (["true", "broken.py"], "", ["f:broken.py"]),
        (["true", "-m", "lib.deep.rates"], "", keys_of_tool[:3] + keys_of_tool[4:6]),
    ):
        other = Reads()
        with files.noting(other):
            subprocess.run(command, cwd=project / folder, check=True)
        assert sorted(keys(other)) == found


LOOKING = """
import os, pickle, shutil, multiprocessing
from os.path import exists
from pathlib import Path

def size(path):
    try:
        return os.stat(path).st_size
    except OSError:
        return 0

def in_a_child(path):
    child = multiprocessing.get_context("fork").Process(target=size, args=[path])
    child.start(), child.join()

def removed(path):
    if exists(path):
        os.remove(path)
    return not exists(path)

def made(path):
    if not exists(path):
        shutil.copy("a b/c.txt", path)
    return Path(path).read_text()

def made_after_all(path):
    try:
        return Path(path).read_text()
    except FileNotFoundError:
        shutil.copy("a b/c.txt", path)
    return Path(path).read_text()

def made_by_a_program(path):
    if not exists(path):
        os.system("cp 'a b/c.txt' data/more.csv")
    return Path(path).read_text()

def made_by_a_library(path):
    if not exists(path):
        Path("data/new").write_text("a b/c.txt")
        os.rename("data/new", path)
    return Path(path).read_text()
"""


@pytest.fixture
def looking(project, monkeypatch):
    monkeypatch.setattr(sources, "_roots", [])
    sources.watch(project)
    (project / "src/looking.py").write_text(LOOKING)
    monkeypatch.syspath_prepend(project / "src")
    yield importlib.import_module("looking")
    del sys.modules["looking"]


@pytest.mark.parametrize(
    "ask",
    [
        "Path(path).exists()",
        "Path(path).is_file()",
        "exists(path)",
        "os.path.isdir(path.encode())",
        "size(Path(path))",
        "pickle.loads(pickle.dumps(os.stat)) is os.stat and size(path)",
        "in_a_child(path)",
    ],
)
def test_a_file_that_is_looked_for_and_absent_is_noted(
    ask, looking, project, files, reads
):
    """One that is there, who depends on it opens."""
    with files.noting(reads):
        for path in ("data/raw.csv", "data/more.csv"):
            eval(compile(ask, looking.__file__, "eval"), vars(looking), {"path": path})
    assert keys(reads) == ["f:data/more.csv"]
    assert files.changed_by_others(reads) == []
    (project / "data/more.csv").touch()
    assert files.changed_by_others(reads) == ["data/more.csv"]


@pytest.mark.parametrize(
    "way", ["made", "made_after_all", "made_by_a_program", "made_by_a_library"]
)
def test_a_file_that_is_made_where_it_is_absent_is_no_read(
    way, looking, project, files, reads
):
    with files.noting(reads):
        assert getattr(looking, way)("data/more.csv") == "a b/c.txt"
    assert "f:data/more.csv" not in keys(reads)
    assert files.changed_by_others(reads) == []


@pytest.mark.parametrize("path", ["data/raw.csv/", "absent/../data/raw.csv"])
def test_a_file_that_is_there_by_another_name_is_no_absent_one(
    path, looking, files, reads
):
    with files.noting(reads):
        assert looking.size(path) == 0
        assert Path("data/raw.csv").read_text() == "data/raw.csv"
    assert keys(reads) == ["f:data/raw.csv"]


def test_a_file_is_no_read_that_is_absent_as_the_call_has_removed_it(
    looking, files, reads
):
    with files.noting(reads):
        assert looking.removed("data/raw.csv")
    assert keys(reads) == []


def test_links_are_copied_as_ever(project):
    os.symlink("raw.csv", "data/link")
    shutil.copy2("data/link", "data/other", follow_symlinks=False)
    assert os.readlink("data/other") == "raw.csv"
    assert os.stat("data/link", follow_symlinks=False).st_size == len("raw.csv")
    assert os.stat(path="data/link").st_size == len("data/raw.csv")


LATE = """
import os, sys
import curifactory.files

class Late:
    def __init__(self):
        self.look, self.write = os.stat, os.write

    def __del__(self):
        self.write(1, str(self.look("/").st_nlink > 0).encode())

sys.late = Late()
"""


def test_what_python_deletes_last_may_look_for_files(project):
    environment = {**os.environ, "PYTHONPATH": str(TEMPLATE)}
    command = [sys.executable, "-c", LATE]
    assert subprocess.check_output(command, env=environment) == b"True"


def test_a_path_that_is_made_absolute_is_not_looked_for(looking, files, reads):
    ask = compile("Path('outputs/new.csv').resolve()", looking.__file__, "eval")
    with files.noting(reads):
        assert not eval(ask, vars(looking)).exists()  # this file is none of the project
    assert keys(reads) == []


@pytest.mark.skipif(os.name != "posix", reason="names are texts elsewhere")
def test_any_name_may_be_looked_for(looking, files, reads):
    with files.noting(reads):
        assert looking.size(b"data/\xff.csv") == 0
    assert keys(reads) == []


def test_a_thread_may_look_for_files_with_nothing_around_it(project, files, reads):
    raised, own = [], sys.unraisablehook
    sys.unraisablehook = lambda told: raised.append(told.exc_type)
    try:
        with files.noting(reads):
            _thread.start_new_thread(os.stat, ("data/more.csv",))
            while not raised:
                time.sleep(0.001)
    finally:
        sys.unraisablehook = own
    assert raised == [FileNotFoundError]


class System:
    ask = os.stat


def test_who_asks_for_files_is_no_method_and_counts_as_what_python_has(project):
    """Results that hold it, or its text, are found again."""
    assert System().ask("data/raw.csv") == System.ask("data/raw.csv")
    assert inspect.signature(os.stat) == inspect.signature(look_at)
    assert copy.deepcopy(os.stat) is os.stat and repr(os.stat) == repr(look_at)
    mine, its = ([ask, functools.partial(ask, "data")] for ask in (os.stat, look_at))
    assert digest(mine) == digest(its)


def test_what_libraries_and_the_runner_look_for_is_not_noted(project, files, reads):
    with files.noting(reads):
        assert not Path("data/more.csv").exists()  # this file is none of the project
        files.named("data/more.csv")
        files.handed(["data/more.csv"])
    assert keys(reads) == []


def test_files_that_a_program_writes_are_no_reads(project, files, reads):
    """One that was there before was handed to it; what it had in it does not count."""
    (project / "data/old.py").write_text("import json\n")
    with files.noting(reads):
        subprocess.run(["cp", "a b/c.txt", "data/raw.csv"], check=True)
        subprocess.run(["cp", "a b/c.txt", "data/old.py"], check=True)
        subprocess.run(["cp", "a b/c.txt", "data/new.csv"], check=True)
        (project / "data/raw.csv").read_text(), (project / "data/new.csv").read_text()
    assert keys(reads) == ["f:a b/c.txt"]
    assert list(files.changed_by_others(reads)) == []


def test_a_database_that_a_call_changes_is_no_read(project, files, reads):
    def change(statement):
        with contextlib.closing(sqlite3.connect("data/x.db")) as base:
            base.execute(statement)
            base.commit()

    change("CREATE TABLE t(a)")
    time.sleep(TICK)
    with files.noting(reads):
        change("INSERT INTO t VALUES (1)")
    assert keys(reads) == [] and list(files.changed_by_others(reads)) == []


def test_a_file_that_was_read_before_a_program_writes_it_counts(project, files, reads):
    with files.noting(reads):
        (project / "data/raw.csv").read_text()
        subprocess.run(["cp", "a b/c.txt", "data/raw.csv"], check=True)
    assert keys(reads) == ["f:data/raw.csv", "f:a b/c.txt"]
    assert list(files.changed_by_others(reads)) == ["data/raw.csv"]


def test_a_file_in_a_list_of_a_field_is_noted(params, project, files, reads):
    args = reads.argset(params.Args(layers=["data/raw.csv", ("a b/c.txt", 3)]))
    with files.noting(reads):
        assert len(args.layers) == 2
    assert keys(reads) == ["a:layers", "f:data/raw.csv", "f:a b/c.txt"]


def test_a_file_named_in_a_copy_of_the_argset_is_noted(params, project, files, reads):
    args = reads.argset(params.Args(path="data/raw.csv"))
    with files.noting(reads):
        copy.copy(args)
    assert keys(reads) == ["a:*", "f:data/raw.csv"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: os.listdir("data"),
        lambda: list(os.scandir("data")),
        lambda: list(Path("data").glob("*.csv")),
        lambda: list(Path("data").iterdir()),
        lambda: glob.glob("data/*.csv"),
        lambda: next(os.walk("data")),
    ],
)
def test_a_folder_whose_content_was_asked_for_is_noted(ask, project, files, reads):
    with files.noting(reads):
        ask()
    assert keys(reads) == ["f:data/"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: list(Path("data").glob("*/x.csv")),
        lambda: glob.glob("data/*/x.csv"),
        lambda: glob.glob(os.path.abspath("data/*/x.csv")),
        lambda: glob.glob("*/x.csv", root_dir="data"),
        lambda: list(Path("data").glob("*/x.csv/")),
    ],
)
def test_a_pattern_that_ends_in_a_name_is_noted(ask, project, files, reads):
    (project / "data/a").mkdir()
    digests = FileDigests(project)
    with files.noting(reads):
        ask()
    assert "f:data/*/x.csv/" in keys(reads)
    before = digests("data/*/x.csv/")
    (project / "data/a/other.csv").write_text("x")
    assert digests("data/*/x.csv/") == before == NOTHING[1]
    (project / "data/a/x.csv").write_text("x")
    assert digests("data/*/x.csv/") == hash_text("data/a/x.csv") != before
    (project / "data/a/x.csv").write_text("other")
    assert digests("data/*/x.csv/") == hash_text("data/a/x.csv")


def test_a_pattern_with_a_name_within_is_noted_with_what_fits(project, files, reads):
    (project / "data/a/in").mkdir(parents=True)
    (project / "data/a/in/x.csv").write_text("x")
    with files.noting(reads):
        assert len(list(Path("data").glob("*/in/*.csv"))) == 1
        list(Path("data").glob("*.csv"))  # its folder tells all
    assert [key for key in keys(reads) if "*" in key] == ["f:data/*/in/*.csv/"]
    assert reads.seen["data/*/in/*.csv/"] == {"data/a/in/x.csv"}
    assert list(files.changed_by_others(reads)) == []
    (project / "data/a/in/y.csv").write_text("x")
    assert "data/*/in/*.csv/" in list(files.changed_by_others(reads))
    with files.noting(reads):
        (project / "data/a/in/y.csv").write_text("own")
    assert "data/*/in/*.csv/" not in list(files.changed_by_others(reads))


def test_the_hash_of_an_argset_reads_no_name(args, reads):
    assert args.hash
    assert not any(key.endswith(":name") for key in keys(reads))


def test_what_a_call_changes_itself_is_its_own(project, files, reads):
    data = project / "data"
    (data / "top/in").mkdir(parents=True)
    (data / "top/in/x.csv").write_text("x")
    (data / "[x]").mkdir()
    with files.noting(reads):
        os.listdir("data"), os.listdir("data/top/in"), os.listdir("data/[x]")
        (data / "held.lock").write_text("")
        sqlite3.connect("data/x.db").execute("CREATE TABLE t(a)").connection.close()
        (project.parent / "outside.txt").write_text("x")
        if not (child := os.fork()):
            (data / "from_child.csv").write_text("x")
            os._exit(0)
        os.waitpid(child, 0)
        os.rename("data/top", "data/other")
    assert (data / "from_child.csv").exists()
    assert list(files.changed_by_others(reads)) == []
    assert all(place.startswith("data/") for place in reads.changed)


def test_what_others_put_into_a_folder_that_the_call_made_is_its_own(
    project, files, reads
):
    with files.noting(reads):
        os.mkdir("own")
        assert os.listdir("own") == []
    (project / "own" / "x.csv").write_text("x")
    assert "own/" in reads.seen
    assert list(files.changed_by_others(reads)) == []


def test_a_folder_is_noted_by_whatever_way_it_is_named(
    project, files, reads, monkeypatch
):
    monkeypatch.setattr(memoized, "known", {})
    (project / "data/a").mkdir()
    with files.noting(reads):
        glob.glob("data/*/x*.csv")  # its folders tell all
        assert not any("*" in key for key in keys(reads))
        glob.glob("data/*/x.csv")
        (project / "own").mkdir()
        monkeypatch.chdir(project / "own")
        os.listdir()
    assert keys(reads) == ["f:data/", "f:data/a/", "f:data/*/x.csv/", "f:own/"]
    assert reads.seen["data/"] == frozenset(os.listdir(project / "data"))


def test_a_folder_that_is_opened_is_no_file(project, files, reads):
    with files.noting(reads):
        os.close(os.open("data", os.O_RDONLY))
    assert keys(reads) == []


def test_files_are_noted_by_whatever_link_leads_to_the_project(
    project, files, reads, tmp_path_factory
):
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(project)
    with files.noting(reads):
        (link / "data/raw.csv").read_text()
        os.listdir(link / "data")
        (link / "data/new.csv").write_text("x")
        (link / "data/new.csv").read_text()
        (link.parent / "other").write_text("x")
        (link.parent / "other").read_text()
    assert keys(reads) == ["f:data/raw.csv", "f:data/"]


def test_a_folder_that_others_have_changed_is_told(project, files, reads):
    data = project / "data"
    (data / "own").mkdir()
    with files.noting(reads):
        os.listdir("data"), os.listdir("data/own")
        (data / "own/deep").mkdir()
        (data / "new.csv").write_text("x")
        assert list(files.changed_by_others(reads)) == []
    subprocess.run(["touch", "data/own/deep/other"], check=True)
    assert list(files.changed_by_others(reads)) == []  # in what the call has made
    subprocess.run(["touch", "data/own/other"], check=True)
    assert list(files.changed_by_others(reads)) == ["data/own/"]
    subprocess.run(["rm", "data/own/other", "data/new.csv", "data/raw.csv"], check=True)
    assert list(files.changed_by_others(reads)) == ["data/"]


def test_folders_that_the_runner_fills_are_not_noted(project, files, reads):
    for folder in ("data/cache", "data/cachet", "reports"):
        (project / folder).mkdir(parents=True, exist_ok=True)
    with files.noting(reads):
        os.listdir("data/cache"), os.listdir("data/cachet"), os.listdir("reports")
        os.listdir("data")
    assert keys(reads) == ["f:data/cachet/", "f:data/"]


def test_what_is_in_a_hidden_folder_does_not_count(project, files, reads):
    (project / ".tool").mkdir()
    for name in (".tool/settings", ".env"):
        (project / name).write_text(name)
    with files.noting(reads):
        os.listdir(project / ".tool")
        (project / ".tool/settings").read_text()
        (project / ".env").read_text()
    assert keys(reads) == ["f:.env"]
    assert files.key(project / ".tool") == ".tool"
    assert files.key(project / ".tool", is_folder=True) is None


def test_an_import_asks_for_no_folder_that_counts(project, files, reads, monkeypatch):
    (project / "src" / "fresh.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(project / "src")
    sources.watch(project)
    with files.noting(reads):
        assert importlib.import_module("fresh").x == 1
    del sys.modules["fresh"]
    assert keys(reads) == ["c:fresh:"]


def test_cloudpickle_gives_a_plain_argset_and_reads_everything(args, params, reads):
    cloudpickle = pytest.importorskip("cloudpickle")
    made = cloudpickle.loads(cloudpickle.dumps(lambda: args))()
    assert type(made) is params.Args
    assert made == params.Args("base", seed=4, layers=[1, 2])
    assert "a:*" in keys(reads)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_what_forked_children_read_is_noted(params, project, files, reads):
    args = reads.argset(params.Args("base", seed=4))
    with files.noting(reads):
        assert args.rate == 0.1
        for name in ("seed", "path"):
            child = os.fork()
            if child == 0:
                getattr(args, name)
                Path("data/raw.csv").read_text()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    assert keys(reads) == ["a:rate", "a:seed", "f:data/raw.csv", "a:path"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_pool_of_forks_reads_as_the_stage_does(args, project, files, reads):
    context = multiprocessing.get_context("fork")
    with files.noting(reads):
        worker = context.Process(target=lambda: args.model.depth)
        worker.start()
        worker.join()
    assert keys(reads) == ["a:model@", "a:model.depth"]


AT_THE_END = """
import os
from curifactory import files


class Last:
    def __del__(self, put_away=os.remove):
        put_away("last.txt")


open("last.txt", "w").close()
files.last = Last()  # it dies when the module is emptied
"""


def test_what_a_child_tells_while_it_is_heard_is_not_lost(tmp_path):
    channel = Channel(str(tmp_path / "told"))
    assert channel.hear() == []
    channel.tell("one")
    child = os.open(channel.path, os.O_WRONLY | os.O_APPEND)
    assert channel.hear() == ["one"]
    os.write(child, b"two\0thr")
    assert channel.hear() == ["two"]
    os.write(child, b"ee\0")
    assert channel.hear() == ["three"]
    os.close(child)
    channel.forget()
    assert not os.path.exists(channel.path) and channel.hear() == []
    channel.tell("four")
    assert channel.hear() == ["four"]


def test_what_is_done_at_the_end_of_a_process_is_left_alone(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", AT_THE_END],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TEMPLATE)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "last.txt").exists()


def test_a_file_is_looked_at_once_where_nobody_changes_any():
    asked = []
    present = Present(lambda path: asked.append(path) or "digest")
    with present.at_once():
        assert {present.now(None, [], "f:raw/**/*") for _ in range(3)} == {"digest"}
    assert asked == ["raw/**/*"]
    present.now(None, [], "f:raw/**/*")
    assert len(asked) == 2


@pytest.mark.parametrize("setting", ["cache", "runs", "reports"])
def test_data_beside_what_the_runner_makes_counts(whole, setting):
    whole.write(
        {
            "pyproject.toml": f'[tool.curifactory]\n{setting} = "data"\n',
            "data/raw/numbers.txt": "1 2",
        }
    )
    reading = "open('data/raw/numbers.txt').read().split()"
    whole.edit("stages/chain.py", "[1, 2, 3]", f"[int(x) for x in {reading}]")
    whole.ok("study")
    assert "computed: 0" in whole.ok("study").out
    whole.write({"data/raw/numbers.txt": "1 2 3"})
    assert "computed load a" in whole.ok("study").err


def test_a_file_that_cannot_be_read_has_a_digest_too(project):
    def refuse(path, stat, number):
        raise PermissionError(13, "Permission denied", path)

    assert FileDigests(project, refuse)("data/raw.csv") == "unreadable"
    assert FileDigests(project)("x" * 300) == "unreadable"
    assert FileDigests(project)("gone.txt") == "absent"
    assert FileDigests(project)("data/raw.csv") == hash_file("data/raw.csv")


def test_a_folder_that_cannot_be_listed_for_a_while_is_no_empty_one(tmp_path):
    """As when too many files are open: its digest is kept until the folder changes."""
    resource = pytest.importorskip("resource")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.csv").write_text("1")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        found = FileDigests(tmp_path)("raw/")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found == "unreadable"
    assert FileDigests(tmp_path)("raw/") == hash_text("a.csv")


def test_what_is_no_path_is_not_looked_for(files, project, monkeypatch):
    asked = []

    def looked_for(path):
        asked.append(path)
        raise FileNotFoundError

    with files.noting(Reads()), monkeypatch.context() as patched:
        patched.setattr("curifactory.files.look_at", looked_for)
        files.named(["a\nb", "x" * 10_000, "a b/c.txt"])
    assert asked == [str(project / "a\nb"), str(project / "a b/c.txt")]


@pytest.mark.parametrize(
    "folder", ["data", ".", "../beside", "{root}/data", "{root}/../beside", "data/link"]
)
def test_all_in_a_folder_is_what_pathlib_finds_there_and_behind_links(project, folder):
    for place in ("data/.hidden/x", "data/.y", "data/a[1]/deep/er", "../beside/in/z"):
        (project / place).parent.mkdir(parents=True, exist_ok=True)
        (project / place).write_text(place)
    (project / "data/link").symlink_to("a[1]")
    (project / "data/nowhere").symlink_to("missing")
    for name, target in {"up": "..", "itself": ".", "own": "../../project"}.items():
        (project / "data" / name).symlink_to(target)
    folder = folder.format(root=project)

    found = (project / folder).glob("**/*")
    expected = {os.path.relpath(each, project) for each in found}
    if (project / folder / "data").is_dir() or folder.endswith("data"):
        expected |= {"data/link/deep", "data/link/deep/er"}
    assert expected == matching(project, f"{folder}/**/*") != set()
    (project / "data/__pycache__").mkdir()  # Python writes there when it imports
    (project / "data/__pycache__/m.pyc").write_text("made")
    assert expected == matching(project, f"{folder}/**/*")


def test_a_traceback_of_a_script_shows_its_lines(tmp_path):
    (tmp_path / "script.py").write_text(
        "from curifactory import ArtifactManager\n"
        "ArtifactManager('mine')\n"
        "raise ValueError('bad')\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TEMPLATE)},
        capture_output=True,
        text=True,
    )
    assert "    raise ValueError('bad')\nValueError: bad" in done.stderr
