"""`experiment cache` and `experiment runs`: looking, checking, and tidying without harm."""

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from projects import CHAIN, Project, copy_runner
from servers import PATIENCE

from curifactory.store import Store


@pytest.fixture(scope="module")
def whole_runner(tmp_path_factory):
    return copy_runner(tmp_path_factory.mktemp("runner"))


@pytest.fixture
def project(tmp_path, whole_runner):
    made = Project(tmp_path / "project", whole_runner)
    made.write(CHAIN)
    return made


def data(project):
    """The data files in the cache, by folder."""
    found = (p for p in project.cache.glob("stages.*/*/*") if p.name != "meta.json")
    return {f"{p.parent.parent.name}/{p.parent.name}" for p in found}


def metas(project):
    return len(list(project.cache.glob("stages.*/*/meta.json")))


def only(project, old, new):
    project.edit("params/base.py", old, new)
    return project.ok("study", "--quiet")


# What is somebody else's --------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnist", "mnist-0123456789ab"])
def test_folders_beside_those_of_calls_are_left_alone(project, name):
    place = project.cache / "raw" / name
    place.mkdir(parents=True)
    (place / "meta.json").write_text('{"source": "elsewhere"}')
    (place / "train.bin").write_text("pixels")
    book = place.parent / "code-book.json"
    book.write_text("{}")
    project.ok("study", "--quiet")
    for command in ("ls", "verify", "rebuild", "gc"):
        result = project.run("cache", command)
        said = "0123456789ab/meta.json is not of this cache, it seems; left alone"
        assert (said in result.out + result.err) == (name != "mnist")
    assert (place / "train.bin").read_text() == "pixels" and book.exists()


@pytest.mark.parametrize("action", ["ls", "gc"])
def test_a_folder_that_is_no_cache_is_refused(project, tmp_path, action):
    photo = tmp_path / "photos" / "2024" / "meta.json"
    photo.parent.mkdir(parents=True)
    photo.write_text("{}")
    place = str(tmp_path / "photos")
    age = ["--older-than", "1d"] if action == "gc" else []
    result = project.run("cache", action, "--cache", place, *age)
    assert result.code == 2 and "photos is no cache" in result.err
    assert photo.exists()


@pytest.mark.parametrize("command", [["ls"], ["path", "fit"], ["gc", "--dry-run"]])
def test_commands_that_only_look_move_nothing(project, command):
    path = project.folder(project.ok("study", "--quiet"), "load") / "meta.json"
    path.write_text("cut")
    said = (
        "load/a-.*/meta.json is damaged; the folder stays: it lies in a cache that is"
    )
    assert re.search(said, project.ok("cache", *command).err)
    assert path.read_text() == "cut"


@pytest.mark.parametrize("instead", ["nothing", "a folder", "a link"])
def test_a_call_without_a_trace_is_damaged(project, instead):
    path = project.folder(project.ok("study", "--quiet"), "load") / "meta.json"
    path.unlink()
    if instead == "a folder":
        path.mkdir()
    elif instead == "a link":
        path.symlink_to("gone")
    said = project.run("cache", "verify").out  # it may be on its way
    assert "meta.json is not there (yet); left alone" in said
    os.utime(path.parent, (time.time() - 1000,) * 2)
    assert "load/a-" in project.run("cache", "verify").out
    assert project.ok("cache", "verify").out.endswith("0 problems\n")
    assert project.ok("study", "--quiet").counts["computed"] == 1


def test_what_cannot_be_a_cache_is_refused_with_advice_that_does_no_harm(project):
    result = project.run("study", "--cache", "/dev/null")
    assert result.code == 2 and "is no folder" in result.err
    result = project.run("cache", "ls", "--cache", "/tmp")
    assert result.code == 2 and "choose a folder of your own" in result.err


# Looking ----------------------------------------------------------------------------


def test_ls_shows_size_age_and_users_of_each_stage(project):
    project.ok("study", "--quiet")
    project.ok("study", "--quiet")
    lines = project.ok("cache", "ls").out.splitlines()
    row = next(line for line in lines if "stages.chain.fit" in line)
    assert row.split()[1:5] == ["bytes", "2", "0", "h"]
    assert row.endswith("study-1, study-2")
    rows = project.ok("cache", "ls", "fit").out.splitlines()
    assert sum("stages.chain.fit/" in line for line in rows) == 2


def test_the_list_of_a_cache_is_as_wide_as_its_names(project):
    project.edit("params/base.py", '"a"', f'"{40 * "a"}"')
    project.ok("study", "--quiet")
    head, *rows = project.ok("cache", "ls", "fit").out.splitlines()
    assert {row.index("study-1") for row in rows[:-1]} == {head.index("used by")}


def test_path_prints_where_artifacts_lie(project):
    result = project.ok("study", "--quiet")
    out = project.ok("cache", "path", "model", "a").out
    assert out.splitlines() == [
        os.path.relpath(project.artifact(result, "fit", "a"), project.root)
    ]
    assert len(project.ok("cache", "path", "fit").out.splitlines()) == 2
    project.artifact(result, "fit", "a").unlink()
    gone = project.run("cache", "path", "model", "a")
    said = "no data that is there has all these names: model, a\n"
    assert gone.code == 2 and said in gone.err


def test_path_says_that_a_shared_result_has_the_name_of_one_argset(project):
    project.ok("study", "--quiet")
    shared = project.run("cache", "path", "data", "b")
    assert shared.code == 2 and "share data, named after the first" in shared.err


@pytest.mark.parametrize(
    "command, said",
    [
        (["ls", "fti"], "no stage 'fti'"),
        (["path", "modle"], "'model'"),
        (["gc", "--older-than", "soon"], "30d"),
        (["gc", "--keep-runs", "-1"], "0 or more"),
        (["ls", "--cache", "elsewhere"], "no cache at"),
    ],
)
def test_what_cannot_be_done_is_refused_in_two_lines(project, command, said):
    project.ok("study", "--quiet")
    result = project.run("cache", *command)
    assert result.code == 2 and said in result.err
    assert len(result.err.splitlines()) <= 2


# Checking ---------------------------------------------------------------------------


def test_a_whole_cache_is_found_whole(project):
    project.ok("study", "--quiet")
    result = project.ok("cache", "verify")
    assert "6 calls read" in result.out and "0 problems" in result.out
    assert project.ok("study").counts["computed"] == 0


@pytest.mark.slow
def test_verify_takes_data_that_is_deleted_meanwhile_for_no_damage(project):
    result = project.ok("study", "--quiet")
    before = metas(project)
    script = """
        from curifactory import store
        from curifactory.cli import main

        def damage(folder, artifact):
            file = artifact.files[0]
            (folder / file).unlink()
            return file

        store.damage = damage
        print(main(["cache", "verify"]))
        """
    out = project.script(script).out
    assert "0 problems" in out and out.endswith("\n0\n"), out
    assert metas(project) == before and result.counts["computed"] == 6


def test_gc_keeps_what_a_run_reaches_that_ends_meanwhile(project):
    project.ok("study", "--quiet")
    shutil.copy(
        project.root / "experiments/study.py", project.root / "experiments/other.py"
    )
    shutil.rmtree(project.root / "data/runs/study-1")
    before = {each for each in data(project) if "load" in each or "fit" in each}
    script = """
        from curifactory import cli, runfile

        write = runfile.write

        def write_late(path, content):
            runfile.write = write
            cli.main(["cache", "gc"])
            write(path, content)

        runfile.write = write_late
        cli.main(["run", "other", "--quiet", "--overwrite-stage", "score"])
        """
    project.script(script)
    assert before <= data(project)


TWO_FILES = """
    from pathlib import Path

    from curifactory import Record, stage
    from curifactory.caching import Cacheable
    from params import Args


    class Two(Cacheable):
        def save(self, obj):
            for name in obj:
                Path(self.get_path(name)).write_text(name)

        def load(self):
            return [Path(self.get_path(name)).read_text() for name in "ab"]


    @stage(None, ["x"], [Two()])
    def make(record):
        return ["a", "b"]


    def run(argsets, manager):
        make(Record(manager, argsets[0]))


    def get_params():
        return [Args(name="a")]
    """


@pytest.mark.parametrize("lost", [1, 2])
def test_verify_tells_a_lost_file_from_data_that_was_collected(project, lost):
    project.write({"experiments/two.py": TWO_FILES})
    project.ok("two")
    paths = [
        path
        for path in project.cache.glob("experiments.two.make/a-*/*")
        if path.name != "meta.json"
    ]
    assert len(paths) == 2
    for path in paths[:lost]:
        path.unlink()
    assert project.run("cache", "verify").code == (1 if lost == 1 else 0)


def test_a_stage_that_was_deleted_by_hand_is_no_damage(project):
    folder = project.folder(project.ok("study", "--quiet"), "fit").parent
    shutil.rmtree(folder)
    result = project.ok("cache", "verify")
    assert "4 calls read" in result.out and "0 problems" in result.out


def test_gc_leaves_alone_what_a_process_at_work_prepares(project):
    project.ok("study", "--quiet")
    aside = Store(project.cache, print).prepare()
    os.utime(aside, (0, 0))
    project.ok("cache", "gc", "--older-than", "1h")
    assert os.path.isdir(aside)


def test_rebuild_makes_the_index_anew(project):
    project.ok("study", "--quiet")
    (project.cache / "index.sqlite").write_bytes(b"\x00" * 5000)
    assert "6 calls" in project.ok("cache", "rebuild").out
    assert "0 problems" in project.ok("cache", "verify").out


@pytest.mark.parametrize("table", ["steps", "traces"])
def test_verify_mends_an_index_that_lacks_something(project, table):
    project.ok("study", "--quiet")
    with contextlib.closing(sqlite3.connect(project.cache / "index.sqlite")) as index:
        with index:
            index.execute(f"DELETE FROM {table} WHERE stage LIKE '%fit'")
    found = project.run("cache", "verify")
    if table == "steps":  # what traces it lacks, it takes in by itself
        assert found.code == 1 and "the index was damaged" in found.out
    assert project.ok("study", "--quiet").counts["computed"] == 0


def test_verify_counts_a_folder_without_a_trace_once(project):
    result = project.ok("study", "--quiet")
    empty = project.folder(result, "load").parent / "empty-0123456789ab"
    empty.mkdir()
    os.utime(empty, (time.time() - 1000,) * 2)
    found = project.run("cache", "verify")
    assert found.code == 1 and found.out.count("is damaged") == 1, found
    assert found.out.endswith(" 1 problem\n")


def test_verify_leaves_alone_code_that_it_cannot_read(project):
    folder = project.folder(project.ok("study", "--quiet"), "load").parent
    (path,) = folder.glob("code-*.json")
    path.unlink()
    path.symlink_to(path.name)
    found = project.run("cache", "verify")
    assert found.code == 1 and f"{path.name} cannot be read: Too many" in found.out
    assert path.is_symlink()


# Tidying ----------------------------------------------------------------------------


def test_gc_keeps_what_runs_reach(project):
    project.ok("study", "--quiet")
    before = data(project)
    assert "0 calls" in project.ok("cache", "gc").out
    assert data(project) == before


def test_gc_says_exactly_what_it_deleted(project):
    project.ok()
    assert project.ok("cache", "gc").out == "0 calls, 0 bytes deleted\n"


def test_gc_keeps_what_a_run_has_only_read(project):
    project.ok("study", "--quiet")
    before = data(project)
    project.ok("study", "--quiet", "--read-only")
    shutil.rmtree(project.root / "data/runs/study-1")
    assert "0 calls" in project.ok("cache", "gc").out
    assert data(project) == before


def test_gc_deletes_data_of_older_runs_and_never_a_trace(project):
    project.ok("study", "--quiet")
    second = only(project, "seed=1", "seed=7")
    all_of_it, count = data(project), metas(project)
    would = project.ok("cache", "gc", "--keep-runs", "1", "--dry-run").out
    assert data(project) == all_of_it
    project.ok("cache", "gc", "--keep-runs", "1")
    assert data(project) == {call["folder"] for call in second.calls()}
    assert metas(project) == count
    gone = sorted(all_of_it - data(project))
    assert gone and sorted(line.split()[-1] for line in would.splitlines()[:-1]) == gone


def test_after_gc_descendants_are_reused_and_what_is_needed_comes_back(project):
    first = project.ok("study", "--quiet")
    for folder in project.root.glob("data/runs/*"):
        (folder / "run.json").unlink()
        (folder / "log.txt").unlink()
        folder.rmdir()
    project.ok("cache", "gc")
    assert data(project) == set()
    again = project.ok("study", "--quiet")
    assert again.counts["computed"] == 0
    project.edit("src/helpers.py", "x + 1", "x + 2")
    last = project.ok("study", "--quiet")
    assert last.counts["failed"] == 0
    assert project.value(last, "score", "a") == 15
    assert {c["folder"] for c in first.calls("load")} <= {
        str(p.parent.relative_to(project.cache))
        for p in project.cache.glob("stages.*/*/meta.json")
    }


def test_gc_drops_what_a_newer_equal_trace_replaces(project):
    project.ok("study", "--quiet")
    last = project.ok("study", "--quiet", "--overwrite")
    assert metas(project) == 12
    project.ok("cache", "gc")
    assert metas(project) == 12
    project.ok("cache", "gc", "--keep-runs", "1")
    assert data(project) == {call["folder"] for call in last.calls()}
    assert metas(project) == 6
    assert project.ok("study").counts["computed"] == 0
    assert "0 problems" in project.ok("cache", "verify").out


def test_gc_drops_what_is_replaced_of_the_stage_and_age_that_are_asked_for(project):
    project.ok("study", "--quiet")
    shutil.rmtree(project.root / "data/runs/study-1")
    project.ok("study", "--quiet", "--overwrite")
    project.ok("cache", "gc", "--older-than", "1h")
    assert metas(project) == 12
    project.ok("cache", "gc", "--stage", "fit")
    assert metas(project) == 10


def test_gc_of_one_stage_touches_no_other(project):
    project.ok("study", "--quiet")
    project.ok("cache", "gc", "--keep-runs", "0", "--stage", "fit")
    assert {folder.split("/")[0] for folder in data(project)} == {
        "stages.chain.load",
        "stages.chain.score",
        "stages.chain.compare",
    }


def test_gc_by_age_keeps_what_is_young(project):
    project.ok("study", "--quiet")
    before = data(project)
    project.ok("cache", "gc", "--older-than", "1h")
    assert data(project) == before
    project.ok("cache", "gc", "--older-than", "0h")
    assert data(project) == set()


def test_gc_by_age_keeps_what_a_long_run_has_made_that_ended_lately(project):
    script = """
        import time

        from curifactory.cli import main

        now = time.time
        time.time = lambda: now() - 3 * 86_400
        main(["study", "--quiet"])
        """
    project.script(script)
    path = project.root / "data/runs/study-1/run.json"
    content = json.loads(path.read_text())
    before = data(project)
    for seconds, kept in ((3 * 86_400 - 60, before), (60, set())):
        path.write_text(json.dumps({**content, "seconds": seconds}))
        project.ok("cache", "gc", "--older-than", "1d")
        assert data(project) == kept


def test_gc_keeps_what_a_killed_run_made(project):
    project.ok("study", "--quiet")
    before = data(project)
    (project.root / "data/runs/study-1/run.json").unlink()
    project.ok("cache", "gc")
    assert data(project) == before


@pytest.mark.parametrize("age", [[], ["--older-than", "1h"]])
def test_gc_keeps_a_damaged_folder_until_it_lay_aside_for_long(project, age):
    """It may be all that is left of a day of work; of links only their own age counts."""
    folder = project.folder(project.ok("study", "--quiet"), "load")
    (folder / "meta.json").write_text("cut")
    os.utime(folder, (1, 1))
    (project.cache / ".tmp" / "link").symlink_to("/nowhere")
    project.ok("cache", "gc", *age)
    (kept,) = project.cache.glob(".quarantine/*")
    assert len(list(kept.iterdir())) > 1
    os.utime(kept, (1, 1))
    project.ok("cache", "gc", *age)
    assert not kept.exists()


def test_gc_keeps_checkpoints_of_a_long_call_by_when_they_were_written(project):
    project.ok("study", "--quiet")
    work = project.cache / ".scratch" / "train-0123" / "work"
    work.mkdir(parents=True)
    checkpoint = work / "epoch.txt"
    checkpoint.write_text("7")
    for folder in (work, work.parent):
        os.utime(folder, (1, 1))
    project.ok("cache", "gc", "--older-than", "1h")
    assert checkpoint.exists()
    os.utime(checkpoint, (1, 1))
    project.ok("cache", "gc", "--older-than", "1h")
    assert not work.parent.exists()


def test_gc_of_a_cache_that_others_may_use_wants_an_age(project, tmp_path):
    elsewhere = str(tmp_path / "shared")
    project.ok("study", "--quiet", "--cache", elsewhere)
    result = project.run("cache", "gc", "--cache", elsewhere)
    assert result.code == 2 and "--older-than" in result.err
    project.ok("cache", "gc", "--cache", elsewhere, "--older-than", "1d")


def test_gc_deletes_nothing_that_a_run_at_work_uses(project):
    project.ok("study", "--quiet")
    before = data(project)
    text = project.root / "stages/chain.py"
    project.edit(
        "stages/chain.py",
        '    value = shift(model["sum"])',
        "    import time\n    from pathlib import Path\n"
        '    Path("data/begun").touch()\n'
        '    while not Path("data/go").exists():\n        time.sleep(0.01)\n'
        '    value = shift(model["sum"])',
    )
    assert text.exists()
    process = subprocess.Popen(
        [sys.executable, "-m", "curifactory", "study", "--quiet"],
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        project.wait_for("data/begun", process)
        said = project.ok("cache", "gc", "--keep-runs", "0").out
        assert "in use" in said
        used = {f for f in before if "load" in f or f.startswith("stages.chain.fit/a")}
        assert used <= data(project)
        (project.root / "data/go").touch()
        out, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0, out
    assert "damaged" not in out and "is gone" not in out


def test_gc_takes_no_killed_run_for_one_at_work(project):
    project.edit(
        "experiments/study.py",
        "    compare(Record(manager, None), manager.records)",
        "    import os\n    manager.compute()\n    os.kill(os.getpid(), 9)",
    )
    assert project.run("study", "--quiet").code == -9
    assert data(project) and list(project.cache.glob(".runs/*"))
    said = project.ok("cache", "gc", "--keep-runs", "0").out
    assert "in use" not in said and not data(project)


def test_gc_that_is_killed_does_no_harm(project):
    project.ok("study", "--quiet")
    script = """
        import os
        import signal

        from curifactory.cli import main
        from curifactory.store import Store

        def discard(self, path):  # what it deletes is aside by now
            os.kill(os.getpid(), signal.SIGKILL)

        Store.discard = discard

        main(["cache", "gc", "--keep-runs", "0"])
        """
    assert project.script(script).code == -signal.SIGKILL
    assert data(project) == set()
    assert project.ok("study", "--quiet").counts["computed"] == 0
    assert list(project.cache.glob(".tmp/*")) == []
    project.edit("src/helpers.py", "x + 1", "x + 2")
    result = project.ok("study", "--quiet")
    assert project.value(result, "score", "a") == 15


# The history ------------------------------------------------------------------------


def test_runs_lists_what_was_run(project):
    project.ok("study", "--quiet")
    project.edit("src/helpers.py", "2 * x", "2 / 0")
    assert project.run("study", "--quiet").code == 1
    (project.root / "data/runs/study-9").mkdir()
    lines = project.ok("runs").out.splitlines()
    assert [line.split()[0] for line in lines] == ["study-1", "study-2", "study-9"]
    assert [line.split()[3] for line in lines] == ["done", "failed", "unfinished"]
    assert "computed 6" in lines[0]
    assert project.ok("runs", "study-2").out.splitlines() == lines[1:2]
    misspelt = project.run("runs", "stduy")
    assert misspelt.code == 2
    assert misspelt.err == "error: no run was of 'stduy'\n  did you mean 'study'?\n"


def test_runs_of_an_empty_history(project):
    assert project.ok("runs").out == project.ok("runs", "other").out == "no runs yet\n"


def test_runs_reads_one_line_of_each_run(project):
    project.ok("study", "--quiet")
    text = (project.root / "data/runs/study-1/run.json").read_text()
    first = text.splitlines()[0]
    assert len(first) < 2000 and json.loads(text)["calls"]
    for number in range(1001, 1, -1):
        folder = project.root / f"data/runs/study-{number}"
        folder.mkdir()
        head = first.replace('"study-1"', f'"study-{number}"')
        rest = "\nthis is never read" if number > 2 else text.partition("\n")[2]
        (folder / "run.json").write_text(head + rest)
        os.utime(folder / "run.json", (number < 3, number < 3))
    os.utime(project.root / "data/runs/study-1/run.json")
    out = project.ok("runs", "--all").out
    assert len(out.splitlines()) == 1001
    assert out.count("computed 6") == 1001


def test_runs_of_an_older_schema_stay_readable(project):
    project.ok("study", "--quiet")
    path = project.root / "data/runs/study-1/run.json"
    content = json.loads(path.read_text())
    del content["user"], content["cpus"]
    path.write_text(json.dumps({**content, "schema": 1}))
    script = """
        from pathlib import Path

        from curifactory.extras import history

        run = history.read(Path("data/runs/study-1/run.json"))
        print(run["schema"], len(run["calls"]))
        """
    assert project.script(script).out == "1 7\n"
    assert "study-1" in project.ok("runs").out
    before = data(project)
    project.ok("cache", "gc")
    assert data(project) == before


def test_old_runs_stay_readable_after_args_gained_and_lost_fields(project):
    project.ok("study", "--quiet")
    project.edit("params/__init__.py", "    depth: int = 1\n", "    width: int = 1\n")
    project.edit("stages/chain.py", "record.args.depth", "record.args.width")
    project.ok("study", "--quiet")
    assert len(project.ok("runs").out.splitlines()) == 2
    assert "study-1" in project.ok("cache", "ls").out


DAMAGES = {
    "empty": lambda text: "",
    "cut short": lambda text: text[: len(text) // 2],
    "a bracket": lambda text: "{",
    "brackets": lambda text: "[" * 100_000,
    "no run": lambda text: "[]",
    "without calls": lambda text: "{}",
    "a name": lambda text: text.replace('"seconds"', '"secondz"'),
    "a folder": lambda text: text.replace('"folder"', '"foldeR"'),
    "a date": lambda text: text.replace('"started": "2', '"started": "0'),
    "no text": lambda text: text.replace('"cache": "', '"cache": 1, "was": "'),
    "no names": lambda text: text.replace('"git": ', '"git": [1], "was": '),
    "no folder": lambda text: text.replace('"folder": "', '"folder": [1], "was": "'),
    "no classes": lambda text: text.replace('"classes": ', '"classes": 1, "were": '),
    "no class": lambda text: text.replace('"classes": ', '"classes": {}, "were": '),
    "no hash": lambda text: text.replace('"hash": "', '"hash": {}, "was": "'),
    "another byte": lambda text: text.replace("study", "st\udcffdy"),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damage_of_the_history_is_a_traceback_or_costs_data(project, damage):
    project.ok("study")
    path = project.root / "data/runs/study-1/run.json"
    text = DAMAGES[damage](path.read_text())
    path.write_bytes(text.encode(errors="surrogateescape"))
    before = sorted(project.cache.rglob("*.json"))
    project.newest = lambda: None
    for command in (
        ["runs"],
        ["cache", "ls"],
        ["cache", "gc"],
        ["params", "--from-run", "study-1"],
        ["accept", "fit"],
        ["check", "fit"],
    ):
        result = project.run(*command)
        assert result.code in (0, 2) and "Traceback" not in result.err, result
    assert sorted(project.cache.rglob("*.json")) == before
    project.ok("study", "--quiet")
    project.ok("check", "fit")


def test_a_run_whose_file_is_damaged_stops_nothing(project):
    project.ok("study", "--quiet")
    path = project.root / "data/runs/study-1/run.json"
    path.write_text(path.read_text()[:50])
    os.utime(path, (1, 1))
    project.ok("study", "--quiet")
    assert "unreadable" in project.ok("runs").out
    project.ok("cache", "ls")
    refused = project.run("cache", "gc", "--dry-run")  # who knows what that run uses
    assert refused.code == 2 and "study-1/run.json is no run" in refused.err


@pytest.mark.parametrize("command", [("ls",), ("verify",), ("gc", "--dry-run")])
def test_who_reads_only_the_first_lines_is_told_of_no_error(project, command):
    project.ok()
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as output:
        done = subprocess.run(
            [sys.executable, "-u", "-m", "curifactory", "cache", *command],
            cwd=project.root,
            env=project.environment(),
            stdout=output,
            stderr=subprocess.PIPE,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_runs_that_left_nothing_here_are_not_the_last_ones_of_gc(project):
    """Runs on another cache, and runs that were refused."""
    project.write({"pyproject.toml": '[tool.curifactory]\nconfirm-above = "0.001 s"\n'})
    project.edit("src/helpers.py", "return x + 1", "time.sleep(0.01)\n    return x + 1")
    project.edit("src/helpers.py", "def double", "import time\n\n\ndef double")
    project.ok("study", "--yes")
    project.ok("study", "--cache", "../other")
    project.edit("src/helpers.py", "x + 1", "x + 2")
    assert project.run("study").code == 2
    assert project.newest()["status"] == "refused"
    project.ok("cache", "gc", "--keep-runs", "1")
    assert len(data(project)) == 6


def test_gc_without_a_history_deletes_nothing(project):
    project.ok()
    runs = project.root / "data/runs"
    runs.rename(runs.with_name("aside"))
    for make in (lambda: None, lambda: runs.symlink_to("nowhere")):
        make()
        result = project.run("cache", "gc")
        assert result.code == 2 and "there is no history at" in result.err
    runs.unlink()
    runs.write_text("")
    result = project.run("cache", "gc")
    assert result.code == 2 and "there is no history at" in result.err
    assert len(data(project)) == 6


def test_a_part_of_the_name_of_a_stage_is_told_with_the_whole(project):
    project.ok()
    assert "did you mean 'score'?" in project.run("cache", "ls", "scor").err
    for given in (
        ["accept", "stages.chain.scor"],
        ["study", "--overwrite-stage", "x.score"],
    ):
        result = project.run(*given)
        assert result.code == 2 and "did you mean 'score'" in result.err


@pytest.mark.slow
def test_runs_of_one_second_are_in_the_order_of_their_numbers(project):
    runs = [project.ok("study", "--set", f"seed={n}", "-n", "a").run for n in range(11)]
    for path in (project.root / "data/runs").glob("*/run.json"):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "started": "2026-11-29T17:15:27+00:00"}))
    listed = [line.split()[0] for line in project.ok("runs").out.splitlines()]
    assert listed == [run["run"] for run in runs]
    project.ok("cache", "gc", "--keep-runs", "1")
    assert data(project) == {call["folder"] for call in runs[-1]["calls"]}


def test_the_help_of_each_action_says_what_it_does(whole):
    listed = whole.ok("cache", "--help").out
    for action in ("ls", "path", "verify", "gc", "rebuild"):
        said = listed.partition(f"\n    {action} ")[2].partition("\n")[0].strip()
        assert (
            f"{said[0].upper()}{said[1:]}." in whole.ok("cache", action, "--help").out
        )
