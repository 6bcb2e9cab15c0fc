"""Every file of a cache that is damaged is noticed, named, and never trusted; and a cache
that may not be written is used as it is."""

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import tempfile
import time

import pytest
from projects import CHAIN, Project, copy_runner
from test_durability import STAGES
from test_execute import other


@pytest.fixture(scope="module")
def whole_runner(tmp_path_factory):
    return copy_runner(tmp_path_factory.mktemp("runner"))


@pytest.fixture
def project(tmp_path, whole_runner):
    """A project with a cacher of each kind, a figure in its report, and a file beside."""
    made = Project(tmp_path / "project", whole_runner)
    stages = STAGES.replace(
        '(record.scratch / "checkpoint")', '(record.get_path("notes.txt"))'
    )
    made.write({**CHAIN, "stages/chain.py": stages})
    return made


VALUES = [["a", 82], ["b", 84]]


def truncated(data):
    return data[: len(data) // 2]


def emptied(data):
    return b""


def overwritten(data):
    return bytes(len(data))


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


DAMAGES = [truncated, emptied, overwritten, flipped]


def files(project):
    """All files in the cache that belong to calls, relative to it."""
    found = (path for path in project.cache.glob("stages.*/**/*") if path.is_file())
    return sorted(str(path.relative_to(project.cache)) for path in found)


def kept(project):
    """Keep the project as it is; return what brings it back."""
    copy = project.root.parent / "kept"
    shutil.copytree(project.root, copy)

    def restore():
        shutil.rmtree(project.root)
        shutil.copytree(copy, project.root)

    return restore


VERIFYING = """
    import contextlib
    import io
    import json
    import shutil
    import sys
    from pathlib import Path

    from curifactory.cli import main

    cache, kept = Path("data/cache"), Path("kept")
    shutil.copytree(cache, kept)
    wrong = []
    for name in json.loads(sys.stdin.read()):
        data = (kept / name).read_bytes()
        half, middle = data[: len(data) // 2], len(data) // 2
        flipped = half + bytes([data[middle] ^ 4]) + data[middle + 1 :]
        for damaged in (half, b"", bytes(len(data)), flipped):
            shutil.rmtree(cache)
            shutil.copytree(kept, cache)
            (cache / name).write_bytes(damaged)
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                codes = [main(["cache", "verify"]) for _ in range(2)]
            if codes != [1, 0] or f"{name} is damaged" not in said.getvalue():
                wrong.append((name, codes, said.getvalue()))
    print(json.dumps(wrong))
    """


@pytest.mark.slow
def test_verify_names_each_damaged_file_once(project):
    project.ok("study", "--quiet")
    named = files(project)
    assert len(named) >= 20
    script = VERIFYING.replace("json.loads(sys.stdin.read())", repr(named))
    done = project.script(script)
    assert done.out == "[]\n", done
    again = project.ok("study", "--quiet")
    assert project.value(again, "compare") == VALUES


CONSUMERS = {
    "load": ("sum(map(sum, rows))", "0 + sum(map(sum, rows))"),
    "fit": ('"two": model', '"two": 0 + model'),
    "score": ("sum(value.values())", "0 + sum(value.values())"),
}


def edit_consumer(project, name):
    """Edit the stage that takes what lies in a folder, so that it is loaded."""
    stage = name.split("/")[0].split(".")[-1]
    if stage in ("load", "fit", "score"):
        project.edit("stages/chain.py", *CONSUMERS[stage])


def is_artifact(name):
    return name.endswith((".csv", ".pkl", "/one", "/two"))


ASKING = """
    from curifactory import experiment

    run = experiment.run_experiment("study", report=False)
    print(run.records[-1].state["table"])
    """


def asked_for(project):
    """What the last stage gives to somebody who asks for its value."""
    return project.script(ASKING).out


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_loads_a_damaged_file_names_it_and_goes_on(project, damage):
    project.ok("study", "--quiet")
    restore = kept(project)
    for name in files(project):
        restore()
        path = project.cache / name
        path.write_bytes(damage(path.read_bytes()))
        (project.cache / "index.sqlite").unlink()
        edit_consumer(project, name)
        result = project.ok("study")
        assert asked_for(project) == f"{VALUES}\n", name
        if is_artifact(name) or name.endswith("meta.json"):
            assert f"{name} is damaged" in result.err, name
        if name.endswith(".png"):
            page = (project.root / "reports/study-2/index.html").read_text()
            assert "damaged in the cache" in page


def test_a_later_stage_names_the_damaged_file_and_goes_on(project):
    first = project.ok("study", "--quiet")
    path = project.folder(first, "score", "a") / "parts" / "two"
    path.write_bytes(flipped(path.read_bytes()))
    name = str(path.relative_to(project.cache))
    edit_consumer(project, name)
    result = project.ok("study")
    assert f"{name} is damaged" in result.err
    assert project.value(result, "compare") == VALUES
    moved = list((project.cache / ".quarantine").iterdir())
    assert [each.name.rpartition("-")[0] for each in moved] == [
        str(path.parent.parent.relative_to(project.cache)).replace("/", "--")
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_pipes_in_place_of_files_are_damage_that_nobody_waits_for(project):
    project.ok("study", "--quiet")
    for name in files(project):
        (project.cache / name).unlink()
        os.mkfifo(project.cache / name)
    (project.cache / "index.sqlite").unlink()
    assert project.run("cache", "verify").code == 1
    result = project.ok("study", "--quiet")
    assert project.value(result, "compare") == VALUES
    path = project.folder(result, "score", "a") / "parts" / "two"
    path.unlink()
    os.mkfifo(path)
    name = str(path.relative_to(project.cache))
    edit_consumer(project, name)
    result = project.ok("study")
    assert f"{name} is damaged" in result.err
    assert project.value(result, "compare") == VALUES


@pytest.mark.slow
def test_a_folder_damaged_twice_goes_to_quarantine_twice(project):
    for _ in range(2):
        project.ok("study", "--quiet")
        for path in project.cache.glob("stages.chain.fit/*/model.pkl"):
            path.write_bytes(b"")
        project.run("cache", "verify")
    assert len(list((project.cache / ".quarantine").iterdir())) == 4


def test_results_that_cannot_be_listed_for_a_while_are_not_forgotten(project):
    """As where a network is down; here the folder is a link that leads to itself."""
    project.ok()
    folder = project.cache / "stages.chain.load"
    folder.rename(folder.with_name("aside"))
    folder.symlink_to(folder.name)
    result = project.run("map", "study")
    assert "the results of stages.chain.load cannot be listed" in result.err
    folder.unlink()
    folder.with_name("aside").rename(folder)
    assert project.ok().counts["computed"] == 0


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="there is no /proc")
def test_a_file_that_cannot_be_read_is_no_damage(project):
    """As one of somebody else's; here reading it is an error of the device."""
    project.ok("study")
    path = next(project.cache.glob("stages.chain.fit/a-*/model.*"))
    text = path.read_bytes()
    path.unlink()
    path.symlink_to("/proc/self/mem")
    folder = f"stages.chain.fit/{path.parent.name}"
    result = project.run("cache", "verify")
    assert result.code == 1 and f"{folder} cannot be read: Input/output" in result.out
    result = project.run("study", "--overwrite-stage", "score")
    assert result.code == 1
    assert f"{folder}: model cannot be read: Input/output error" in result.err
    assert not list(project.cache.glob(".quarantine/*"))
    path.unlink()
    path.write_bytes(text)
    assert project.ok("cache", "verify").out.endswith(" 0 problems\n")


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="there is no /proc")
def test_a_trace_that_cannot_be_read_for_a_while_is_not_forgotten(project):
    """Its folder did not change meanwhile: that alone does not say all is known."""
    project.ok()
    path = next(project.cache.glob("stages.chain.load/a-*/meta.json"))
    (project.cache / "index.sqlite").unlink()
    aside = path.rename(project.root / "aside")
    path.symlink_to("/proc/self/mem")
    os.utime(path.parent.parent, (1, 1))
    time.sleep(0.15)  # that is a change as well
    assert "cannot be read" in project.run("map", "study").err
    path.unlink()
    aside.rename(path)
    assert project.ok().counts["computed"] == 0


def test_folders_that_were_exchanged_are_damaged_and_told_once(project):
    project.ok()
    one, other = (
        next(project.cache.glob(f"stages.chain.{name}/a-*"))
        for name in ("load", "score")
    )
    one.rename(project.root / "aside")
    other.rename(one)
    (project.root / "aside").rename(other)
    result = project.run("cache", "verify")
    assert result.code == 1 and result.out.count("is damaged") == 2
    assert project.run("cache", "verify").code == 0
    assert project.ok().done() == ["load a", "score a"]


def test_results_of_a_clock_that_was_ahead_give_way_to_newer_ones(project):
    stages = "import os\n\n\n@stage(None, ['x'])\ndef draw(record):\n    return os.urandom(9).hex()\n"
    run = "print('VALUE', draw(Record(manager, argsets[0])).output)"
    project.write(other(stages, run))
    clock = "import time\nnow = time.time\ntime.time = lambda: now() + 86_400\n"
    start = "import sys\nfrom curifactory.cli import main\nmain(['other'])\n"
    assert project.script(clock + start).code == 0

    drawn = [project.ok("other", "--overwrite").out for _ in range(3)]
    assert len({each.splitlines()[0] for each in drawn}) == 3
    assert project.ok("other").out.splitlines()[0] == drawn[-1].splitlines()[0]
    (project.cache / "index.sqlite").unlink()
    assert project.ok("other").out.splitlines()[0] == drawn[-1].splitlines()[0]


SHAPED = """
import os
from pathlib import Path
from curifactory import Record, stage
from curifactory.caching import PathCacher
from params import Args

BEST, CLASS = 1, "x"


@stage(None, ["model"], [PathCacher()])
def fit(record):
    folder = record.get_dir("model")
    for number in (1, 2):
        (folder / f"step-{number}").mkdir()
        (folder / f"step-{number}" / "w.txt").write_text(str(number))
    os.symlink(f"step-{BEST}", folder / "best")
    (folder / "classes" / CLASS).mkdir(parents=True)
    return folder


@stage(["model"], ["out"])
def use(record, model):
    return [(model / "best" / "w.txt").read_text(), os.listdir(model / "classes")]


def get_params():
    return [Args(name="a")]


def run(argsets, manager):
    print(use(fit(Record(manager, argsets[0]))).state["out"])
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="there is no /proc")
def test_a_given_folder_that_cannot_be_looked_at_any_more_ends_no_run(project):
    """As on a network that is gone; here it is exchanged for one that leads to itself."""
    leave = "os.rename(model, '../aside')\n    os.symlink('model', model)\n    return 1"
    use = (
        'return [(model / "best" / "w.txt").read_text(), os.listdir(model / "classes")]'
    )
    project.write({"experiments/shaped.py": SHAPED.replace(use, leave)})
    result = project.ok("shaped")
    assert "use changed experiments.shaped.fit" in result.err
    assert result.counts == {"computed": 2, "reused": 0, "skipped": 0, "failed": 0}


def test_where_links_lead_and_empty_folders_are_part_of_an_artifact(project):
    project.write({"experiments/shaped.py": SHAPED})
    assert project.ok("shaped").out.splitlines()[0] == "['1', ['x']]"
    project.edit("experiments/shaped.py", "BEST, CLASS = 1", "BEST, CLASS = 2")
    assert project.ok("shaped").out.splitlines()[0] == "['2', ['x']]"
    project.edit("experiments/shaped.py", '2, "x"', '2, "y"')
    assert project.ok("shaped").out.splitlines()[0] == "['2', ['y']]"
    assert project.ok("shaped").counts["computed"] == 0
    assert "0 problems" in project.ok("cache", "verify").out
    for path in project.cache.glob("*.fit/*/model/best"):
        path.unlink()
        path.symlink_to("step-1")
    assert project.run("cache", "verify").out.count("model/best is damaged") == 2


@pytest.mark.parametrize("command", ["study", "map study", "cache ls", "runs", "ls"])
def test_a_folder_that_is_gone_under_a_command_is_told_in_one_line(project, command):
    script = f"""
        import os
        import sys
        from curifactory.cli import main

        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir("../gone")
        sys.exit(main({command.split()}))
        """
    result = project.script(script)
    assert result.code == 1 and "Traceback" not in result.err
    assert "No such file or directory" in result.err


def test_a_link_that_leads_back_to_itself_stops_nothing(project):
    project.ok("study")
    (project.cache / "loop").symlink_to("loop")
    (project.cache / "stages.chain.fit" / "loop-0123456789ab").symlink_to("loop")
    assert project.ok("study").counts["computed"] == 0
    project.ok("cache", "verify")


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="there is no other disk")
def test_a_stage_whose_results_would_lie_on_another_disk_is_refused_at_once(project):
    if os.stat("/dev/shm").st_dev == os.stat(project.root).st_dev:
        pytest.skip("there is no other disk")
    called = "open('../called', 'w').close()"
    project.edit("stages/chain.py", 'return {"one"', f'{called}\n    return {{"one"')
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        project.cache.mkdir(parents=True)
        (project.cache / "stages.chain.score").symlink_to(other)
        result = project.run("study")
        assert os.listdir(other) == []
    assert result.code == 1 and "or a link to another disk" in result.err
    assert not (project.root.parent / "called").exists()


def test_a_call_whose_folder_was_moved_away_is_computed_beside(project):
    project.ok("study")
    folder = next(project.cache.glob("stages.chain.fit/a-*"))
    shutil.rmtree(folder)
    folder.symlink_to("/nowhere")
    assert project.ok("study").counts["computed"] == 1
    assert project.ok("study").counts["computed"] == 0


LINKING = """
import os
from curifactory import Record, stage
from curifactory.caching import Cacheable
from params import Args


class Checkpoints(Cacheable):
    def save(self, value):
        folder = self.get_dir()
        with open(f"{folder}/epoch-7", "w") as file:
            file.write(str(value))
        os.symlink(f"{folder}/epoch-7", f"{folder}/last")
        os.mkdir(f"{folder}/steps")
        os.symlink(os.path.realpath(folder), f"{folder}/steps/all")

    def load(self):
        with open(f"{self.get_dir()}/steps/all/last") as file:
            return file.read()


@stage(None, ["model"], [Checkpoints])
def fit(record):
    folder = record.get_dir("beside")
    (folder / "one").write_text("1")
    os.symlink(folder / "one", folder / "last")
    os.symlink(folder, folder / "again")
    os.symlink("/nowhere", folder / "nothing")
    os.mkfifo(folder / "pipe")
    return 2


@stage(["model"], ["out"])
def use(record, model):
    return model


def get_params():
    return [Args(name="a")]


def run(argsets, manager):
    print("VALUE", use(fit(Record(manager, argsets[0]))).state["out"])
"""


@pytest.mark.parametrize("is_linked", [False, True])
def test_links_that_are_saved_lead_to_the_same_files_afterwards(project, is_linked):
    cache = project.root.parent / "cache"
    (project.root / "data").mkdir()
    if is_linked:
        cache.mkdir()
        project.cache.symlink_to(cache)
    project.write({"experiments/linking.py": LINKING})
    assert "VALUE 2" in project.ok("linking").out
    assert project.ok("linking", "--overwrite-stage", "use").counts["computed"] == 1
    beside = next(project.cache.glob("*/a-*/files/beside"))
    assert (beside / "last").read_text() == (beside / "again/again/one").read_text()
    project.ok("cache", "ls")
    assert "0 problems" in project.run("cache", "verify").out


@pytest.mark.parametrize("name", ["meta.json", "pipe"])
def test_a_cacher_saves_files_that_are_its_own(project, name):
    made = f"os.mkfifo(f'{{self._folder}}/{name}')"
    if name == "meta.json":
        made = f"open(f'{{self._folder}}/{name}', 'w').close()"
    body = LINKING.replace("folder = self.get_dir()\n", "return " + made + "\n", 1)
    project.write({"experiments/linking.py": body})
    result = project.run("linking")
    assert result.code == 1
    assert f"{name} is no file, leads nowhere, or is the runner's" in result.err


def test_the_report_shows_no_damaged_figure(project):
    first = project.ok("study", "--quiet")
    path = project.folder(first, "load") / "report-0.png"
    path.write_bytes(flipped(path.read_bytes()))
    project.ok("study", "--quiet")
    page = (project.root / "reports/study-2/index.html").read_text()
    assert f"damaged in the cache: {path.relative_to(project.cache)}" in page


MANY = [pytest.param(i * 41, 4 * 41, marks=pytest.mark.slow) for i in range(4)]


@pytest.mark.parametrize("first, step", [(0, 331), *MANY])
@pytest.mark.slow
def test_a_flipped_bit_of_the_index_never_gives_a_wrong_value(project, first, step):
    result = project.ok("study", "--quiet")
    project.edit("params/base.py", "seed=1", "seed=3")
    project.ok("study", "--quiet")
    index = project.cache / "index.sqlite"
    before = index.read_bytes()
    script = f"""
        import collections
        import json
        from pathlib import Path

        from curifactory import experiment

        before = Path("kept.sqlite").read_bytes()
        index = Path("data/cache/index.sqlite")
        computed = collections.Counter()
        for place in range({first}, len(before), {step}):
            data = bytearray(before)
            data[place] ^= 1 + place % 255
            index.write_bytes(data)
            run = experiment.run_experiment("study", report=False)
            assert run.exit_code == 0, place
            assert run.records[-1].state["table"] == [["a", 86], ["b", 84]], place
            computed[run.counts["computed"]] += 1
        print(json.dumps(computed))
        """
    (project.root / "kept.sqlite").write_bytes(before)
    done = project.script(script)
    assert done.code == 0, done
    assert result.counts["computed"] == 6
    assert '"0"' in done.out


@contextlib.contextmanager
def changing(place):
    """Give a database whose changes are kept, and close it."""
    with contextlib.closing(sqlite3.connect(place)) as base, base:
        yield base


@pytest.mark.parametrize("changed", ["steps SET key = 'garbage'", "steps SET key = ''"])
@pytest.mark.parametrize(
    "change", ["traces SET body = NULL", "traces SET body = x'80ff'"]
)
def test_rows_of_the_index_that_mean_nothing_are_made_anew(project, change, changed):
    project.ok()
    for each in change, changed:
        with changing(project.cache / "index.sqlite") as index:
            index.execute(f"UPDATE {each}")
        result = project.ok()
        assert result.counts["computed"] == 0, result
        assert "the index was damaged" in result.err


def test_a_row_of_the_index_that_is_no_text_is_told_in_one_line(project):
    project.ok()
    with changing(project.cache / "index.sqlite") as index:
        index.execute("UPDATE traces SET body = CAST(x'ff' || body AS TEXT)")
    said = project.ok().err
    assert "(Could not decode to UTF-8 column 'coalesce(body, '')'); made anew" in said


@pytest.mark.parametrize(
    "change",
    {
        "text of another meaning": "replace(body, '\"a:', '\"a;')",
        "no digest": "substr(body, instr(body, char(10)) + 1)",
        "an end that is lost": "substr(body, 1, length(body) - 1)",
        "an end that is longer": "body || ' '",
        "a whole row of another call": "(SELECT max(body) FROM traces)",
    }.items(),
    ids=lambda each: each[0],
)
def test_rows_of_the_index_that_are_not_as_they_were_are_made_anew(project, change):
    project.ok()
    with changing(project.cache / "index.sqlite") as index:
        index.execute(f"UPDATE traces SET body = {change[1]}")
    result = project.ok()
    assert result.counts["computed"] == 0, result
    assert "the index was damaged" in result.err
    assert "damaged" not in project.ok().err


def test_a_step_that_means_nothing_is_noticed_where_there_are_very_many(project):
    project.ok()
    with changing(project.cache / "index.sqlite") as index:
        index.execute("UPDATE steps SET key = 'garbage'")
    script = """
        from curifactory import experiment, index

        index.MANY = 0  # so that each is asked for by itself
        print(experiment.run_experiment("study", report=False).counts["computed"])
        """
    assert project.script(script).out.split() == ["0"]


# A cache that is not to be written --------------------------------------------------


def everything(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        data = path.read_bytes() if path.is_file() else None
        found[str(path)] = (path.stat().st_mtime_ns, data)
    return found


def test_read_only_computes_what_is_missing_and_writes_nothing(project):
    project.ok("study", "--quiet")
    project.edit("params/base.py", "seed=1", "seed=3")
    before = everything(project.cache)
    result = project.ok("study", "--quiet", "--read-only")
    assert result.done() == ["fit a", "score a", "compare -"] or result.counts == {
        "computed": 3,
        "reused": 4,
        "skipped": 0,
        "failed": 0,
    }
    assert everything(project.cache) == before
    page = (project.root / "reports/study-2/index.html").read_text()
    assert "missing from the cache" not in page and "data:image/png" in page
    assert project.ok("study", "--quiet", "--read-only").counts["computed"] == 3
    assert project.ok("study", "--quiet").counts["computed"] == 3


def test_read_only_treats_damaged_as_absent(project):
    first = project.ok("study", "--quiet")
    path = project.artifact(first, "fit", "a")
    path.write_bytes(flipped(path.read_bytes()))
    before = everything(project.cache)
    project.edit("stages/chain.py", '"two": model', '"two": 0 + model')
    result = project.ok("study", "--read-only")
    assert f"{path.relative_to(project.cache)} is damaged" in result.err
    assert project.ok("study", "--quiet", "--read-only").counts["failed"] == 0
    assert everything(project.cache) == before


@pytest.mark.slow
def test_read_only_works_on_worker_processes(project):
    project.ok("study", "--quiet")
    project.edit("params/base.py", "seed=1", "seed=3")
    before = everything(project.cache)
    result = project.ok("study", "--quiet", "--read-only", "-j", "2")
    assert result.counts["computed"] == 3
    assert everything(project.cache) == before


def is_root():
    return hasattr(os, "getuid") and os.getuid() == 0


@pytest.fixture
def mount(tmp_path):
    """Mount a small file system in memory; a folder, and what changes its options."""
    if not is_root():
        pytest.skip("only root can mount")
    folder = tmp_path / "mounted"
    folder.mkdir()

    def mount(options):
        kind = ["-t", "tmpfs", "tmpfs"] if "remount" not in options else []
        command = ["mount", *kind, "-o", options, str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("file systems cannot be mounted here")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True)


def test_an_unwritable_cache_is_noticed_before_anything_is_computed(project, mount):
    cache = mount("size=10m") / "cache"
    project.ok("study", "--quiet", "--cache", str(cache))
    mount("remount,ro")
    result = project.run("study", "--cache", str(cache))
    assert result.code == 2, result
    assert str(cache) in result.err and "--read-only" in result.err
    assert len(result.err.splitlines()) == 2
    assert len(list(project.root.glob("data/runs/*"))) == 1
    project.edit("params/base.py", "seed=1", "seed=3")
    for look in ("map", "explain"):
        shown = project.run(look, "study", "--cache", str(cache))
        assert shown.code == 0 and "seed 1 -> 3" in shown.out, shown
    result = project.ok("study", "--quiet", "--cache", str(cache), "--read-only")
    assert result.counts["computed"] == 3
    verified = project.run("cache", "verify", "--cache", str(cache))
    assert verified.code == 0 and "0 problems" in verified.out, verified


def test_a_stub_that_cannot_be_written_is_refused(project, mount):
    shutil.copytree(project.root, mount("size=10m"), dirs_exist_ok=True)
    project.root = mount("remount,ro")
    for kind in ("stage", "experiment"):
        made = project.run("new", kind, "fresh")
        assert made.code == 2 and "fresh.py cannot be written: Read-only" in made.err


@pytest.mark.slow
def test_a_full_file_system_costs_the_calls_that_do_not_fit(project, mount):
    cache = mount("size=600k") / "cache"
    project.edit("stages/chain.py", "for i in range(5)", "for i in range(100000)")
    result = project.run("study", "--quiet", "--cache", str(cache))
    assert result.code == 1 and "Traceback" not in result.err, result
    assert "No space left" in result.err
    assert len(list(project.root.glob("data/runs/*/run.json"))) == 1
    project.edit("stages/chain.py", "for i in range(100000)", "for i in range(5)")
    result = project.ok("study", "--quiet", "--cache", str(cache))
    mount("remount,size=20m")
    assert project.ok("study", "--quiet", "--cache", str(cache)).counts["computed"] == 0


@pytest.mark.parametrize("cacher", ["NumpyCacher", "PandasCacher('csv')"])
@pytest.mark.slow
def test_a_full_disk_is_told_with_the_output_that_it_has_no_room_for(
    whole, mount, cacher
):
    pandas = pytest.importorskip("pandas")
    value = "table" if "Pandas" in cacher else "table.to_numpy()"
    whole.write({"experiments/study.py": f"""
                import pandas

                from curifactory import Record, stage
                from curifactory.caching import NumpyCacher, PandasCacher

                DEFAULT_PARAMS = "base"


                @stage(None, ["table"], [{cacher}])
                def make(record):
                    table = pandas.DataFrame({{"x": range(1_000_000)}})
                    return {value}


                def run(argsets, manager):
                    make(Record(manager, argsets[0]))
                """})
    cache = mount("size=2m") / "cache"
    result = whole.run("study", "--cache", str(cache))
    assert result.code == 1 and pandas
    assert "study.py:9: make, output 'table': [Errno 28]" in result.err, result
    assert "would change" not in result.err


# A cache of several people ----------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_new_files_follow_the_umask(project):
    before = os.umask(0o002)
    try:
        assert project.python("-m", "curifactory", "study").code == 0
    finally:
        os.umask(before)
    for path in project.cache.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o060 == 0o060 and not mode & 0o002, path


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_cache_that_its_group_can_write_is_fine(project):
    project.ok("study", "--quiet")
    project.cache.chmod(0o2775)
    assert project.ok("study", "--quiet").counts["computed"] == 0


def test_a_cache_copied_to_another_machine_stays_valid(project, tmp_path):
    project.ok("study", "--quiet")
    copy = tmp_path / "copied"
    shutil.copytree(project.cache, copy)
    for path in copy.rglob("*"):
        os.utime(path)
    result = project.ok("study", "--quiet", CURIFACTORY_CACHE=str(copy))
    assert result.counts["computed"] == 0


# Killed in the middle of something long ---------------------------------------------


BIG = """
    import time
    from pathlib import Path

    from curifactory import stage
    from curifactory.caching import Cacheable


    class BigCacher(Cacheable):
        def save(self, obj):
            with open(self.get_path(), "wb") as file:
                for number in range(200):
                    if number == 100 and not Path("data/begun").exists():
                        Path("data/begun").touch()
                        time.sleep(300)  # until it is killed
                    file.write(bytes([number]) * 1_000_000)

        def load(self):
            return Path(self.get_path()).stat().st_size


    @stage(None, ["data"], cachers=[BigCacher()])
    def load(record):
        return 1


    @stage(["data"], ["size"])
    def size(record, data):
        return data
    """


def test_a_kill_in_the_middle_of_a_large_write_costs_that_call_alone(project):
    project.write(
        {
            "stages/big.py": BIG,
            "experiments/big.py": """
                from curifactory import Record
                from stages.big import load, size


                def run(argsets, manager):
                    size(load(Record(manager, argsets[0])))


                DEFAULT_PARAMS = ["base"]
                """,
        }
    )
    done = project.interrupt(signal.SIGKILL, "data/begun", "big", "--quiet")
    assert done.code == -signal.SIGKILL
    assert list(project.cache.glob("stages.*/*/meta.json")) == []
    result = project.ok("big", "--quiet")
    assert project.value(result, "size") == 200_000_000
    assert list(project.cache.glob(".tmp/*")) == []


@pytest.mark.parametrize("when", [1, 2, 3])
def test_a_kill_in_the_middle_of_an_index_update_costs_nothing(project, when):
    script = f"""
        import os
        import signal
        import sys

        from curifactory.cli import main
        from curifactory.index import Index

        real, begun = Index._write, []


        def write(self, *changes):
            for statement, rows in changes:
                begun.append(statement)
                if len(begun) == {when}:
                    self.connection.execute("PRAGMA cache_size = 1")
                    self.connection.execute("BEGIN IMMEDIATE")
                    for statement, rows in changes[: changes.index((statement, rows)) + 1]:
                        self.connection.executemany(statement, rows)
                    os.kill(os.getpid(), signal.SIGKILL)
            real(self, *changes)


        Index._write = write
        sys.exit(main(["study", "--quiet"]))
        """
    code = project.script(script).code
    assert code in (-signal.SIGKILL, 0)
    committed = len(list(project.cache.glob("stages.*/*/meta.json")))
    result = project.ok("study", "--quiet")
    assert project.value(result, "compare") == VALUES
    assert result.counts["computed"] == 6 - committed  # two of seven are one
    assert project.ok("study", "--quiet").counts["computed"] == 0
    assert project.ok("cache", "verify").out.endswith("0 problems\n")


# Checkpoints ------------------------------------------------------------------------


TRAINING = """
    import os
    import signal

    from curifactory import stage


    @stage(None, ["weights"])
    def train(record):
        checkpoint = record.scratch / "epoch.txt"
        begin = int(checkpoint.read_text()) if checkpoint.exists() else 0
        with open("epochs.log", "a") as log:
            for epoch in range(begin, 10):
                print(epoch, file=log, flush=True)
                checkpoint.write_text(str(epoch + 1))
                if epoch + 1 == 7 and begin == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        return epoch
    """


@pytest.mark.parametrize("jobs", [[], ["-j", "2"]], ids=["serial", "processes"])
def test_a_training_killed_at_its_seventh_checkpoint_resumes_there(project, jobs):
    project.write(
        {
            "stages/training.py": TRAINING,
            "experiments/training.py": """
                from curifactory import Record
                from stages.training import train

                DEFAULT_PARAMS = ["base"]


                def run(argsets, manager):
                    train(Record(manager, argsets[0]))
                """,
        }
    )
    first = project.run("training", "--quiet", *jobs)
    # A worker that is killed is replaced; the run itself goes on where it was.
    assert first.code == (0 if jobs else -signal.SIGKILL)
    result = project.ok("training", "--quiet", *jobs)
    assert (project.root / "epochs.log").read_text().split() == list("0123456789")
    assert project.value(result, "train") == 9
    assert list(project.cache.glob(".scratch/*")) == []


def test_checkpoints_are_kept_over_a_failure_and_a_new_label(project):
    text = TRAINING.replace(
        "os.kill(os.getpid(), signal.SIGKILL)", "raise ValueError('bad luck')"
    )
    project.write(
        {
            "stages/training.py": text,
            "experiments/training.py": """
                from curifactory import Record
                from stages.training import train

                DEFAULT_PARAMS = ["base"]


                def run(argsets, manager):
                    train(Record(manager, argsets[0]))
                """,
        }
    )
    assert project.run("training", "--quiet").code == 1
    project.edit("params/base.py", 'name="a"', 'name="better"')
    project.ok("training", "--quiet")
    assert (project.root / "epochs.log").read_text().split() == list("0123456789")


def test_a_lent_file_that_is_changed_under_its_old_time_is_noticed(project):
    """As some tools do that edit a picture in place."""
    project.write({"experiments/lent.py": """
            import os
            import time
            from curifactory import Record, stage
            from curifactory.caching import PathCacher

            DEFAULT_PARAMS = ["base"]


            @stage(None, ["file"], [PathCacher(".txt")])
            def make(record):
                path = record.get_path("a.txt")
                with open(path, "w") as file:
                    file.write("5")
                return path


            @stage(["file"], ["seen"])
            def use(record, file):
                time.sleep(0.02)  # the clock of files may have steps of that length
                before = os.stat(file)
                with open(file, "r+") as opened:
                    seen = int(opened.read()) + record.args.seed
                    opened.seek(0)
                    opened.write(str(seen))
                os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
                return seen


            def run(argsets, manager):
                found = [use(make(Record(manager, args))) for args in argsets]
                print("SEEN", [each.state["seen"] for each in found])
            """})
    result = project.ok("lent")
    assert "SEEN [6, 7]" in result.out + result.err
    assert "use changed experiments.lent.make/" in result.err
