"""The cache on the disk: what it survives, what it finds, what it refuses."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from servers import PATIENCE

from curifactory.errors import RequestError
from curifactory.folders import check_owner, files_in
from curifactory.provenance import is_alive, system
from curifactory.store import Store
from curifactory.trace import Artifact, Trace, body_of, packed, parse, unpacked

ALL_REUSED = {"computed": 0, "reused": 7, "skipped": 0, "failed": 0}


def folders(project):
    """The committed folders, relative to the cache."""
    found = (path.parent for path in project.cache.rglob("meta.json"))
    return sorted(str(path.relative_to(project.cache)) for path in found)


def index(project):
    found = list(project.cache.glob("*.sqlite"))
    assert len(found) == 1
    return found[0]


def test_each_call_is_one_readable_folder(project):
    result = project.ok()
    assert len(folders(project)) == 6
    names = {
        (p.split("/")[0], p.split("/")[1].rpartition("-")[0]) for p in folders(project)
    }
    assert ("stages.chain.fit", "a") in names and ("stages.chain.fit", "b") in names
    assert project.folder(result, "fit", "a").name.startswith("a-")
    assert project.value(result, "load") == [1, 2, 3]


def test_names_of_argsets_never_become_paths(project):
    project.edit("params/base.py", 'name="a"', 'name="../../x/y: z?"')
    project.edit("params/base.py", 'name="b"', 'name=".."')
    result = project.ok()
    assert result.counts["computed"] == 6
    outside = [
        p for p in project.root.rglob("meta.json") if project.cache not in p.parents
    ]
    assert outside == []
    assert all(len(path.split("/")) == 2 for path in folders(project))
    assert project.ok().counts["reused"] == 7


def test_long_names_and_other_letters_work(project):
    project.edit("params/base.py", 'name="a"', 'name="ü" * 300')
    assert project.ok().counts["computed"] == 6
    assert project.ok().counts["reused"] == 7


def test_no_file_holds_an_absolute_path(project):
    project.ok()
    for path in project.cache.rglob("*.json"):
        assert str(project.root) not in path.read_text(), path


def test_meta_ends_with_its_own_digest(project):
    result = project.ok()
    text = (project.folder(result, "fit") / "meta.json").read_text()
    content = json.loads(text)
    assert list(content)[-1] == "digest"
    assert {"stage", "reads", "outputs", "inputs"} <= set(content)
    assert int(content["digest"], 16) and len(content["digest"]) >= 32


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace('"label": "a"', '"label": "c"'),
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: "\0" * 100,
    ],
    ids=["changed", "cut", "empty", "other", "zeros"],
)
def test_a_damaged_meta_counts_as_absent(project, damage):
    path = project.folder(project.ok(), "score", "a") / "meta.json"
    path.write_text(damage(path.read_text()))
    index(project).unlink()
    result = project.ok()
    assert result.done() == ["score a"]
    assert project.value(result, "score", "a") == 14


def test_a_deleted_index_is_made_anew(project):
    project.ok()
    index(project).unlink()
    assert project.ok().counts == ALL_REUSED


@pytest.mark.parametrize(
    "content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 4000]
)
def test_a_damaged_index_is_made_anew(project, content):
    project.ok()
    index(project).write_bytes(content)
    assert project.ok().counts == ALL_REUSED
    assert project.ok().err.count("index") == 0


def test_a_damaged_page_of_the_index_never_gives_a_wrong_result(project):
    project.ok()
    path = index(project)
    data = bytearray(path.read_bytes())
    for start in range(4096, len(data), 512):
        data[start : start + 256] = b"\x5a" * len(data[start : start + 256])
    path.write_bytes(bytes(data))
    result = project.ok()
    assert project.value(result, "score", "b") == 15
    assert project.ok().counts == ALL_REUSED


def test_an_index_of_another_scheme_is_made_anew(project):
    import sqlite3

    project.ok()
    connection = sqlite3.connect(index(project))
    connection.execute("PRAGMA user_version = 999999")
    connection.commit()
    connection.close()
    assert project.ok().counts == ALL_REUSED


def test_folders_copied_in_are_found(project, tmp_path):
    project.ok()
    kept = tmp_path / "kept"
    shutil.move(project.cache, kept)
    project.edit("params/base.py", "seed=1", "seed=7")
    project.ok()
    shutil.copytree(
        kept,
        project.cache,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("*.sqlite"),
    )
    project.edit("params/base.py", "seed=7", "seed=1")
    assert project.ok().counts == ALL_REUSED


def test_deleted_folders_are_noticed(project):
    shutil.rmtree(project.folder(project.ok(), "fit", "a"))
    result = project.ok()
    assert result.done() == ["fit a"]
    assert project.ok().counts == ALL_REUSED


def test_a_deleted_cache_is_computed_again(project):
    project.ok()
    shutil.rmtree(project.cache)
    assert project.ok().counts["computed"] == 6


def test_a_cache_moved_with_its_project_stays_valid(project, tmp_path):
    project.ok()
    project.root = project.root.rename(tmp_path / "moved")
    assert project.ok().counts == ALL_REUSED


def test_a_cache_moved_elsewhere_stays_valid(project, tmp_path):
    project.ok()
    project.cache.rename(tmp_path / "big disk")
    assert (
        project.ok("study", "--cache", str(tmp_path / "big disk")).counts == ALL_REUSED
    )


LISTS = """
import os
from pathlib import Path

from curifactory import stage
from curifactory.caching import JsonCacher

RAW = Path(__file__).resolve().parents[1] / "raw"


class Files:
    def __init__(self, root):
        self.root = root


@stage(None, ["texts", "paths", "files"])
def find(record):
    found = sorted(RAW.glob("*.txt"))
    return [str(each) for each in found], found, Files(RAW.parent)


@stage(["texts", "paths", "files"], ["read"])
def read(record, texts, paths, files):
    first = files.root / "raw" / "one.txt"
    return [Path(each).read_text() for each in [*texts, *paths, first]]


@stage(None, ["root"], [JsonCacher])
def root(record):
    return str(RAW.parent)


@stage(None, ["other"])
def other(record):
    return f"{RAW.parent}.csv"


@stage(["read"], ["size"])
def measure(record, read):
    return len(read)
"""
READS_LISTS = """
from curifactory import Record
from params import Args
from stages.lists import find, measure, other, read, root


def get_params():
    return [Args(name="a")]


def run(argsets, manager):
    for args in argsets:
        other(root(measure(read(find(Record(manager, args))))))
"""


@pytest.mark.parametrize("name", ["copied", "with ä"])
def test_paths_into_a_project_are_those_of_where_it_lies(project, tmp_path, name):
    project.write({"stages/lists.py": LISTS, "experiments/lists.py": READS_LISTS})
    project.write({"raw/one.txt": "first"})
    project.ok("lists")
    first = project.root
    project.root = Path(shutil.copytree(first, tmp_path / name))
    project.cache = project.root / "data" / "cache"
    moved = project.ok("lists")
    assert moved.done() == ["find a", "root a"]
    reason = "the place of the project in results of find changed"
    assert moved.reasons("find") == [reason]
    assert project.ok("lists").counts["computed"] == 0
    project.write({"raw/one.txt": "other"})
    edited = project.ok("lists")
    assert edited.done() == ["read a", "measure a"]
    assert project.value(edited, "read", "a") == ["other"] * 3
    shutil.rmtree(first)
    project.write({"raw/one.txt": "third"})
    assert project.value(project.ok("lists"), "read", "a") == ["third"] * 3


PLACED = """
from dataclasses import dataclass, field
from pathlib import Path

from curifactory import Record, stage
from params import Args

ROOT = Path(__file__).resolve().parents[1]
SIGN = 1


@dataclass
class Files:
    first: Path
    workers: int = field(default=1, metadata={"operational": True})


@stage(None, ["ranked", "files"])
def find(record):
    found = {str(ROOT / "a"): 1, str(ROOT / "b"): 0}
    ranked = dict(sorted(found.items(), key=lambda each: each[1] * SIGN))
    return ranked, Files(ROOT, SIGN)


@stage(["ranked"], ["first"])
def first(record, ranked):
    return Path(next(iter(ranked))).name


@stage(["files"], ["workers"])
def count(record, files):
    return files.workers


def get_params():
    return [Args(name="a")]


def run(argsets, manager):
    count(first(find(Record(manager, argsets[0]))))
"""


def test_results_with_paths_into_the_project_count_as_exactly_as_others(project):
    project.write({"experiments/placed.py": PLACED})
    assert project.value(project.ok("placed"), "first") == "b"
    project.edit("experiments/placed.py", "SIGN = 1", "SIGN = -1")
    edited = project.ok("placed")
    assert project.value(edited, "first") == "a"  # the order of what is equal
    assert project.value(edited, "count") == -1  # what counts for nothing in argsets


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("place", [".", "stages.chain.load", "index.sqlite"])
def test_a_cache_that_everybody_can_write_is_refused(project, place):
    project.ok()
    before = (project.cache / place).stat().st_mode
    (project.cache / place).chmod(0o777)
    result = project.run("study")
    assert result.code == 2
    assert "everybody" in result.err and len(result.err.splitlines()) <= 2
    assert len(list(project.root.glob("data/runs/*/run.json"))) == 1
    (project.cache / place).chmod(before)
    assert project.ok().counts == ALL_REUSED


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_cache_is_ones_own_whatever_the_umask(project):
    before = os.umask(0)
    try:
        counts = [project.python("-m", "curifactory", "study").counts for _ in "12"]
    finally:
        os.umask(before)
    assert counts[0]["computed"] > 0 and counts[1] == ALL_REUSED
    assert project.ok().counts == ALL_REUSED


@pytest.fixture
def open_to_all():
    """Let all that is made be written by everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_cache_that_the_next_run_would_refuse_is_not_begun(tmp_path, open_to_all):
    with pytest.raises(RequestError, match="can be written by everybody") as caught:
        Store(tmp_path / "cache", print).open()
    assert "umask 022" in caught.value.hint and not [*tmp_path.iterdir()]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_cache_that_is_not_begun_costs_no_folder_of_others(tmp_path, open_to_all):
    theirs = tmp_path / "above" / "theirs"
    theirs.mkdir(parents=True, mode=0o755)
    for place in (theirs, theirs / "new" / "cache"):
        with pytest.raises(RequestError):
            Store(place, print).open()
    assert theirs.is_dir() and not [*theirs.iterdir()]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_one_command_makes_a_cache_ones_own_again(project):
    project.ok()
    for each in project.cache.iterdir():
        each.chmod(0o777)
    command = re.search(r"chmod .*'", project.run("study").err)[0]
    subprocess.run(command, shell=True, check=True)
    assert project.ok().counts == ALL_REUSED


@pytest.mark.skipif(os.name != "posix", reason="has other rights")
@pytest.mark.slow
def test_a_cache_is_looked_at_while_others_write_to_its_index(tmp_path):
    program = "import os\nwhile True:\n    open('a', 'w').close()\n    os.remove('a')"
    other = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    try:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            check_owner(tmp_path)
    finally:
        other.kill()
        other.wait()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_cache_that_cannot_be_made_is_one_clear_line(project):
    (project.root / "data").write_text("a file where a folder should be")
    result = project.run("study")
    assert result.code == 2, result
    assert "data" in result.err and len(result.err.splitlines()) <= 2
    assert "Traceback" not in result.err


def test_a_history_that_cannot_be_written_may_lie_elsewhere(project, tmp_path):
    project.write({"data/runs": ""})  # as in a checkout that is read only
    result = project.run("study")
    assert result.code == 2 and "data/runs cannot be written" in result.err
    line = re.search(r"^  make .*pyproject.toml: (.*)", result.err, re.MULTILINE)[1]
    line = line.replace("/a/folder", str(tmp_path / "runs"))
    project.write({"pyproject.toml": line.replace("] ", "]\n") + "\n"})
    assert project.run("study").code == 0
    assert os.listdir(tmp_path / "runs") == ["study-1"]


def test_the_root_of_the_file_system_can_be_a_cache():
    assert Store(Path("/"), print).place(".tmp") == "/.tmp"


def test_temporary_folders_of_dead_processes_are_removed(project):
    project.ok()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stale = project.cache / ".tmp" / f"{system()}-{dead.pid}-0"
    alive = project.cache / ".tmp" / f"{system()}-{os.getpid()}-0"
    foreign = project.cache / ".tmp" / "another.host-1-0"
    contained = project.cache / ".tmp" / f"{socket.gethostname()}.0a-{dead.pid}-0"
    for folder in (stale, alive, foreign, contained):
        folder.mkdir(parents=True)
        (folder / "data.json").write_text("[]")
    project.ok()
    assert not stale.exists()
    assert alive.exists() and foreign.exists()
    assert contained.exists()  # a container may have the name of its host


SLOW = '    import pathlib, time\n    pathlib.Path("data/begun").touch()\n    time.sleep(60)\n'


def test_a_killed_run_costs_the_call_in_flight_and_nothing_else(project):
    project.edit(
        "stages/chain.py",
        '    value = shift(model["sum"])',
        SLOW + '    value = shift(model["sum"])',
    )
    result = project.interrupt(signal.SIGKILL, "data/begun", "study")
    assert result.code == -signal.SIGKILL
    assert len(folders(project)) == 2
    project.edit("stages/chain.py", SLOW, "")
    again = project.ok()
    assert {"load a", "fit a"} <= set(again.done("reused"))
    assert list(project.cache.glob(".tmp/*")) == []


def test_two_runs_at_once_give_valid_results(project):
    project.edit(
        "params/base.py",
        'return [Args(name="a", seed=1), Args(name="b", seed=2)]',
        'return [Args(name=f"s{i}", seed=i) for i in range(20)]',
    )
    command = [sys.executable, "-m", "curifactory", "study"]
    runs = [
        subprocess.Popen(
            command,
            cwd=project.root,
            env=project.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ended = [(run.communicate(timeout=PATIENCE), run.returncode) for run in runs]
    assert [code for _, code in ended] == [0, 0], ended
    tables = [out.partition("study-")[0] for (out, _), _ in ended]
    assert tables[0] == tables[1]
    assert {p.parent.name for p in project.root.glob("data/runs/*/run.json")} == {
        "study-1",
        "study-2",
    }
    assert project.ok().counts["computed"] == 0


def test_nothing_committed_is_ever_written_again(project):
    project.ok()
    before = {
        p: (p.stat().st_mtime_ns, p.read_bytes()) for p in project.cache.rglob("*.json")
    }
    time.sleep(0.01)
    project.ok("study", "--overwrite")
    project.edit("src/helpers.py", "x + 1", "x + 2")
    project.ok()
    assert all((p.stat().st_mtime_ns, p.read_bytes()) == before[p] for p in before)


def test_a_second_run_writes_nothing_into_the_cache(project):
    project.ok()
    before = sorted(p for p in project.cache.rglob("*"))
    project.ok()
    assert sorted(p for p in project.cache.rglob("*")) == before


def test_strange_files_in_the_cache_stop_nothing(project):
    project.ok()
    for name in ("notes.txt", "stages.chain.fit/.DS_Store", "stages.chain.fit/x/y.txt"):
        path = project.cache / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    (project.cache / ".tmp" / "odd").mkdir(parents=True, exist_ok=True)
    assert project.ok().counts == ALL_REUSED
    assert (project.cache / "notes.txt").exists()


def test_a_cache_deleted_during_a_run_costs_the_call_in_flight(project):
    project.edit(
        "stages/chain.py",
        '    return {"sum"',
        "    import shutil\n    from pathlib import Path\n"
        "    if record.args.seed == 1:\n"
        '        shutil.rmtree(Path("data/cache"))\n'
        '    return {"sum"',
    )
    result = project.run("study")
    assert result.code in (0, 1) and "Traceback" not in result.err, result
    assert set(result.done("failed")) <= {"fit a"}
    project.edit(
        "stages/chain.py", '        shutil.rmtree(Path("data/cache"))', "        pass"
    )
    assert project.value(project.ok(), "score", "b") == 15
    assert project.ok().counts == ALL_REUSED


@pytest.mark.skipif(sys.platform != "linux", reason="where processes are listed")
def test_a_process_that_has_ended_is_not_alive_although_nobody_asked_for_it():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as process:
        assert is_alive(process.pid)
        process.stdin.close()
        end = time.monotonic() + 20
        while is_alive(process.pid) and time.monotonic() < end:
            time.sleep(0.01)
        assert not is_alive(process.pid) and process.returncode is None


def test_a_folder_that_cannot_be_looked_into_is_no_empty_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(20):  # the path of the last one is longer than any may be
        os.mkdir("x" * 250)
        os.chdir("x" * 250)
    with pytest.raises(OSError):
        list(files_in(tmp_path))
    assert list(files_in(tmp_path / "gone")) == []


FULL = Trace(
    stage="stages.fit",
    label="s0",
    group="g",
    node="n",
    code="c",
    inputs=["data=1"],
    reads=[["a:seed", "d", "0"]],
    outputs=[
        Artifact("model", ("m.json", "m.npy"), "JsonCacher", 3, "x", "y", ("p", "q")),
        Artifact("table", (), "", 0, "", "z"),
    ],
    arguments={"k": "v"},
    metrics={"loss": 0.1, "größe": [1, None, float("inf")], "odd": "\ud800\n"},
    reportables=[{"name": "fig", "file": "fig.png"}],
    others={"fig.png": "e"},
    lines={"name": "3"},
    versions={"numpy": "2"},
    seconds=1.0,
    created=1795983704.0869427,
    run="sweep-1",
    folder="stages.fit/s0-n",
)
EMPTY = Trace("stages.fit", "s0", "g", "n", "c", [], [], [], folder="stages.fit/s0-n")


@pytest.mark.parametrize("trace", [FULL, EMPTY], ids=["full", "empty"])
def test_the_index_and_the_folder_give_the_same_trace(trace):
    found = unpacked(packed(trace))
    assert found == trace == parse(body_of(trace), trace.folder)
    assert repr(found) == repr(trace)  # which tells numbers and tuples from others


def test_a_row_of_the_index_with_any_character_changed_is_refused():
    text = packed(FULL)
    for place, other in enumerate(text):
        with pytest.raises(ValueError, match="does not match its digest"):
            unpacked(f"{text[:place]}{chr(ord(other) ^ 1)}{text[place + 1:]}")
