"""What stages declare beside inputs and outputs: reads, files, code, names, versions."""

import multiprocessing
import os

import pytest
from test_execute import EACH, other

RUN = "for args in argsets:\n    pick(Record(manager, args))"


def pick(rules, body="return record.args.seed"):
    """A stage `pick` with the given rules."""
    return f'@stage(None, ["x"], {rules})\ndef pick(record):\n    {body}\n'


def computed(project, rules, argsets, body="return record.args.seed"):
    project.write(other(pick(rules, body), RUN, argsets))
    return project.ok("other").counts["computed"]


def test_declared_reads_share_before_anything_has_run(project):
    argsets = "Args('a', seed=1), Args('b', seed=1, depth=7)"
    assert computed(project, "reads=['seed']", argsets) == 1
    assert computed(project, "reads=['seed']", "Args('c', seed=1, depth=9)") == 0


def test_a_declared_field_counts_even_where_it_is_not_read(project):
    rules = "reads=['seed', 'depth']"
    assert computed(project, rules, "Args('a', seed=1, depth=1)") == 1
    assert computed(project, rules, "Args('a', seed=1, depth=2)") == 1


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return record.args.depth", "depth"),
        ("return record.args.name", "name"),
        ("return vars(record.args)", "the whole argset"),
    ],
)
def test_a_read_that_was_not_declared_fails_with_its_name(project, body, what):
    project.write(other(pick("reads=['seed']", body), RUN))
    result = project.run("other")
    assert result.code == 1
    assert f"the stage reads {what}, which its reads=['seed'] lacks" in result.err


def test_a_declared_field_that_there_is_not_is_told(project):
    argsets = "Args('a', seed=1), Args('b', seed=2)"
    project.write(other(pick("reads=['seed', 'dept']"), RUN, argsets))
    said = "pick: reads='dept' is no field of its argset"
    assert project.ok("other").err.count(said) == 1


def test_reads_all_counts_the_whole_argset(project):
    assert computed(project, "reads='all'", "Args('a', seed=1)") == 1
    assert computed(project, "reads='all'", "Args('a', seed=1, depth=4)") == 1


def test_declared_files_count_without_being_opened_by_python(project):
    for name in ("one", "two"):
        project.write({f"raw/{name}.csv": "1"})
    rules, body = "files=['raw/*.csv', 'more.txt']", "return 1"
    assert computed(project, rules, "Args('a')", body) == 1
    assert computed(project, rules, "Args('a')", body) == 0
    project.write({"raw/two.csv": "2"})
    assert computed(project, rules, "Args('a')", body) == 1
    project.write({"raw/three.csv": "3"})
    assert computed(project, rules, "Args('a')", body) == 1
    project.write({"more.txt": "new"})
    result = project.ok("other")
    assert result.reasons("pick") == ["more.txt changed"]


def test_declared_code_counts_although_no_call_leads_to_it(project):
    head = "import src.helpers\n\n\n"
    body = "return __import__('src.helpers', fromlist=['x']).shift(1)"
    stages = head + pick("code=[src.helpers.shift]", body)
    project.write(other(stages, RUN))
    assert project.ok("other").counts["computed"] == 1
    project.edit("src/helpers.py", "2 * x", "x + x")
    assert project.ok("other").counts["computed"] == 0
    project.edit("src/helpers.py", "x + 1", "x + 10")
    result = project.ok("other")
    assert result.reasons("pick") == ["src/helpers.py: shift changed"]


def test_the_version_of_a_package_counts_if_asked_for(project):
    project.write({"vendor.py": ""})
    text = (
        "import sys, types\n\nsys.modules['pack'] = pack = types.ModuleType('pack')\n"
    )
    text += "vars(pack)['__version__'] = '{}'\n\n\n"
    for version, asked, count in (
        ("1", False, 1),
        ("2", False, 0),
        ("2", True, 1),
        ("2", True, 0),
        ("3", True, 1),
    ):
        rules = "code=[pack]" if asked else ""
        project.write(other(text.format(version) + pick(rules), RUN))
        assert project.ok("other").counts["computed"] == count
    assert project.newest()["calls"][0]["reason"] == "version of pack changed"


@pytest.mark.parametrize(
    "file", ["beside/__init__.py", "beside/deep/a.py", "beside.py"]
)
def test_the_text_of_a_package_that_is_not_installed_counts_if_asked_for(
    project, tmp_path, file
):
    place = tmp_path / "elsewhere" / file
    place.parent.mkdir(parents=True)
    text = f"import sys\n\nsys.path.append({str(tmp_path / 'elsewhere')!r})\nimport beside\n"
    for asked, inside, count in [
        (False, "x = 1", 1),
        (False, "x = 2", 0),
        (True, "x = 2", 1),
        (True, "x = 2  # two", 0),
        (True, "x = 3", 1),
    ]:
        place.write_text(inside)
        rules = "code=[beside]" if asked else ""
        project.write(other(f"{text}\n\n{pick(rules)}", RUN))
        assert project.ok("other").counts["computed"] == count


def test_a_stage_that_was_renamed_keeps_its_results(project):
    assert computed(project, "", "Args('a', seed=3)") == 1
    renamed = pick("formerly='experiments.other.pick'").replace("def pick", "def take")
    project.write(other(renamed, RUN.replace("pick", "take"), "Args('a', seed=3)"))
    result = project.ok("other")
    assert result.counts["computed"] == 0
    assert result.reasons("take") == ["formerly experiments.other.pick"]
    assert project.value(result, "take") == 3


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("versoin='1'", "has no rule 'versoin'"),
        ("partial=True", "stage pick leaves out no records: partial"),
        ("expected_state=['model']", "write inputs="),
        ("reads='seed'", "reads is 'seed', not a list of names"),
        ("reads=['']", "reads is [''], not a list of names"),
        ("files='a.csv'", "files is 'a.csv', not a list of names"),
        ("cpus=0", "cpus is 0, not a number from 1 on"),
        ("retries=-1", "retries is -1, not a number from 0 on"),
        ("version=2", "version is 2, no text"),
        ("formerly=5", "formerly is 5, not a list of names"),
        ("code=5", "code is 5, not a list"),
        ("code='src.x'", "code is 'src.x', not a list"),
        ("code=[1]", "code has 1, no function, class or module"),
        ("cpus='4'", "cpus is '4', not a number from 1 on"),
        ("retries='a'", "retries is 'a', not a number from 0 on"),
        ("cachers=5", "5 is no cacher"),
        ("cachers='json'", "'json' is no cacher"),
        ("cacher=[None]", "did you mean 'cachers'?"),
        ("output=['x']", "did you mean 'outputs'?"),
    ],
)
def test_a_wrong_rule_is_said_before_anything_is_computed(project, rules, said):
    project.write(other(pick(rules), RUN))
    result = project.run("other")
    assert result.code == 2
    assert said in result.err and "other.py:" in result.err


@pytest.mark.parametrize("declared", ["raw/one.csv", "raw/*.csv", "raw"])
def test_a_declared_file_that_changes_during_the_call_is_not_taken_for_read(
    project, declared
):
    project.write({"raw/one.csv": "1"})
    shell = "subprocess.check_output({!r}, shell=True)"
    body = "import subprocess\n    found = int(" + shell.format("cat raw/*.csv") + ")\n"
    body += "    if found == 1:\n        " + shell.format("echo 100 > raw/one.csv")
    body += "\n    print('FOUND', found)\n    return found"
    rules = f"files=[{declared!r}]"
    assert computed(project, rules, "Args('a')", body) == 1
    assert computed(project, rules, "Args('a')", body) == 1
    assert computed(project, rules, "Args('a')", body) == 0


EXPORT = """
import pathlib
from curifactory.caching import FileReferenceCacher


@stage(None, ["out"], [FileReferenceCacher])
def export(record):
    pathlib.Path("results").mkdir(exist_ok=True)
    pathlib.Path("results/final.csv").write_text("hello")
    return "results/final.csv"


@stage(["out"], ["text"])
def use(record, out):
    return pathlib.Path(out).read_text()
"""


def test_a_file_that_a_stage_has_left_is_made_again_where_it_is_gone(whole):
    run = "record = Record(manager, argsets[0])\nexport(record)\n"
    whole.write(other(EXPORT, run))
    final = whole.root / "results/final.csv"
    assert whole.ok("other").done() == ["export a"]
    assert whole.ok("other").done() == []
    for spoil in (final.unlink, lambda: final.write_text("hacked")):
        spoil()
        said = "results/final.csv is not as it was left"
        assert said in whole.ok("map", "other").out
        assert whole.ok("other").done() == ["export a"]
        assert final.read_text() == "hello"
        assert whole.ok("other").done() == []
    whole.write(other(EXPORT, run + "use(record)\n"))
    assert whole.ok("other").done() == ["use a"]
    final.unlink()
    assert whole.ok("other").done() == ["export a"]


def test_a_reference_whose_data_was_collected_is_no_reason_to_compute(whole):
    whole.write(other(EXPORT, "export(Record(manager, argsets[0]))"))
    whole.ok("other")
    for path in whole.cache.glob("*.export/*/out.json"):
        path.unlink()
    assert whole.ok("other").done() == []


def test_a_reference_that_is_damaged_is_made_again(whole):
    run = "record = Record(manager, argsets[0])\nexport(record)\nuse(record)"
    whole.write(other(EXPORT, run))
    whole.ok("other")
    for path in whole.cache.glob("*.export/*/out.json"):
        path.write_text("{}")
    (whole.root / "experiments/other.py").write_text(
        (whole.root / "experiments/other.py")
        .read_text()
        .replace("read_text()", "read_bytes().decode()")
    )
    assert set(whole.ok("other").done()) == {"export a", "use a"}


def test_declared_files_that_are_not_there_are_named(project):
    project.write(other(pick("files=['raw/*.csv']"), RUN))
    result = project.ok("other")
    assert "pick: files='raw/*.csv' matches nothing" in result.err
    project.write({"raw/a.csv": "1"})
    assert "matches nothing" not in project.ok("other").err


LISTING = """import glob, os, sqlite3, subprocess
    found = sorted(map(os.path.basename, glob.glob("raw/*.csv")))
    {}
    return found"""
OWN_CHANGES = [
    "open('raw/two.csv', 'w').close()",
    "open('raw/held.lock', 'w').close()",
    "os.makedirs('raw/deep/er')",
    "open('raw/two.tmp', 'w').close(); os.rename('raw/two.tmp', 'raw/two')",
    "sqlite3.connect('raw/two.db').execute('CREATE TABLE t(a)')",
    "os.symlink('one.csv', 'raw/three.csv')",
    "os.remove('raw/gone.txt')",
    "os.mkdir('raw/new'); os.rmdir('raw/new')",
    "child = os.fork()",
    "if not child: open('raw/four.csv', 'w').close(); os._exit(0)",
    "os.waitpid(child, 0)",
]


def listing(project, then):
    """Write a stage that lists a folder, and then does something."""
    project.write({"raw/one.csv": "1", "raw/gone.txt": ""})
    project.write(other(pick("", LISTING.format(then)), RUN))


WITHOUT_COPY = """
@dataclass
class Meshed(ExperimentArgs):
    rate: float = 0.1
    {}


@stage(None, ["a"])
def rates(record):
    return record.args.rate


@stage(None, ["b"])
def files(record):
    made = record.args.copy(rate=3.0)
    return [record.args.mesh.file, made.mesh.file, made.rate]
"""
MESH = """
import threading
from dataclasses import dataclass
from curifactory import ExperimentArgs, parameter, set_hash_functions


class Mesh:
    file = "m"

    def __init__(self):
        self.lock = threading.Lock()
"""


@pytest.mark.parametrize(
    "field",
    [
        "mesh: Mesh = parameter(default_factory=Mesh, represent=lambda m: m.file)",
        "mesh: Mesh = parameter(default_factory=Mesh, operational=True)",
        "mesh: Mesh = parameter(default_factory=Mesh)\n"
        "    hash_representations: dict = set_hash_functions(mesh=None)",
        "mesh: Mesh = parameter(default_factory=Mesh)\n"
        "    hash_representations: dict = set_hash_functions(mesh=lambda _, m: m.file)",
    ],
)
def test_what_needs_no_identity_of_its_own_needs_no_copy_in_stages(project, field):
    run = (
        "for args in argsets:\n    r = Record(manager, args)\n"
        "    print(rates(r).state['a'], files(r).state['b'])"
    )
    argsets = "Meshed(name='a'), Meshed(name='b', rate=0.2).copy()"
    project.write(other(MESH + WITHOUT_COPY.format(field), run, argsets))
    path = project.root / "experiments/other.py"
    path.write_text(path.read_text().replace(f"{MESH}", ""))
    project.write({"src/mesh.py": MESH})
    path.write_text("from src.mesh import *\n" + path.read_text())
    first, again = project.ok("other"), project.ok("other")
    shown = [f"{rate} ['m', 'm', 3.0]" for rate in (0.1, 0.2)]
    assert first.out.splitlines()[:2] == again.out.splitlines()[:2] == shown
    assert first.counts["computed"] >= 3 and again.counts["computed"] == 0


TAGGED = """
from dataclasses import dataclass


@dataclass
class Tagged(Args):
    tags: object = None


@stage(None, ["x"])
def pick(record):
    return repr(record.args)
"""


@pytest.mark.parametrize("tags", ["{}", "frozenset({})", "[{}]", "{{'a': ({}, 1)}}"])
def test_the_text_of_an_argset_with_a_set_is_the_same_in_each_process(project, tags):
    tags = tags.format("{'alpha', 'beta', 'gamma', 'delta'}")
    argsets = f"Tagged('a', tags={tags})"
    project.write(other(TAGGED, RUN, argsets))
    runs = [project.ok("other", PYTHONHASHSEED=seed) for seed in "123"]
    assert [each.counts["computed"] for each in runs] == [1, 0, 0]


GOING_THROUGH = """
import dataclasses


@stage(None, ["a"], reads="all")
def declared(record):
    return 1


@stage(None, ["b"])
def taken(record):
    return sorted(dataclasses.asdict(record.args))


@stage(None, ["c"])
def shown(record):
    return repr(record.args)
"""


def test_a_map_knows_that_what_goes_through_argsets_is_not_shared(project):
    run = "for args in argsets:\n    shown(taken(declared(Record(manager, args))))"
    argsets = "Args(name='a'), Args(name='b', seed=2)"
    project.write(other(GOING_THROUGH, run, argsets))
    assert "compute 6, reuse 0" in project.ok("map", "other").out
    assert project.ok("other").counts["computed"] == 6


def test_a_folder_that_others_change_during_the_call_is_not_taken_for_read(project):
    touch = "'two.csv' in found or subprocess.run(['touch', 'raw/two.csv'])"
    listing(project, touch)
    first, second, third = (project.ok("other") for _ in range(3))
    assert "raw/ changed while pick read it" in first.err
    assert first.counts["computed"] == second.counts["computed"] == 1
    assert third.counts["computed"] == 0 and "changed while" not in second.err


@pytest.mark.skipif(os.name != "posix", reason="there is no sh")
@pytest.mark.parametrize("declared", ["raw/data.txt", "raw/*.txt", "raw"])
def test_a_declared_file_whose_edit_is_undone_during_the_call_was_read(
    project, declared
):
    others = (
        "test -e ../edited || (touch ../edited; cp raw/data.txt ../aside; "
        "echo 2 > raw/data.txt); cat raw/data.txt; "
        "test ! -e ../aside || mv ../aside raw/data.txt"
    )
    body = f"import subprocess\n    text = {others!r}\n"
    body += "    return subprocess.run('sh', input=text, text=True, capture_output=True).stdout"
    project.write({"raw/data.txt": "1\n"})
    project.write(other(pick(f"files=[{declared!r}]", body), RUN))
    first, second, third = (project.ok("other") for _ in range(3))
    assert [project.value(each, "pick") for each in (first, second)] == ["2\n", "1\n"]
    assert [each.counts["computed"] for each in (second, third)] == [1, 0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_stage_may_change_the_folder_that_it_lists(project):
    listing(project, "\n    ".join(OWN_CHANGES))
    assert project.ok("other").counts["computed"] == 1
    assert project.ok("other").counts["computed"] == 0


AT_WORK = """
    from pathlib import Path


    def read(place):
        Path("made.txt").write_text("1")
        return Path(place).read_text() + Path("made.txt").read_text()


    def edit(place):
        Path(place).write_text("2")
    """
METHODS = [
    pytest.param(each, marks=[] if each == "spawn" else pytest.mark.slow)
    for each in multiprocessing.get_all_start_methods()
    if "loky" not in each  # which joblib adds where it was imported
]


def test_processes_of_an_experiment_that_is_run_as_a_script_are_heard(whole):
    body = (
        "from multiprocessing import get_context\n"
        "    from src.work import read\n"
        "    with get_context('spawn').Pool(1) as pool:\n"
        "        return pool.map(read, ['data.txt'])"
    )
    whole.write({"src/work.py": AT_WORK})
    whole.write(other(pick("", body), RUN, "Args('a')"))
    path = whole.root / "experiments" / "other.py"
    main = "from curifactory.cli import main\n\n    raise SystemExit(main(['other']))"
    path.write_text(f"{path.read_text()}\n\nif __name__ == '__main__':\n    {main}\n")
    counts = []
    for text in ("1", "1", "2"):
        whole.write({"data.txt": text})
        place = os.pathsep.join(map(str, (whole.root, whole.home)))
        result = whole.python("experiments/other.py", PYTHONPATH=place)
        counts.append(result.counts["computed"])
    assert counts == [1, 0, 1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("engine", [[], ["-j", "1"]], ids=["serial", "processes"])
def test_files_that_processes_of_a_stage_read_count(whole, engine, method):
    body = (
        "import multiprocessing\n"
        "    from src.work import read\n"
        f"    with multiprocessing.get_context({method!r}).Pool(1) as pool:\n"
        "        return pool.map(read, ['data.txt'])"
    )
    whole.write({"src/work.py": AT_WORK, "data.txt": "1"})
    whole.write(other(pick("", body), RUN, "Args('a')"))
    counts = []
    for text in ("1", "1", "2"):
        whole.write({"data.txt": text})
        counts.append(whole.ok("other", *engine).counts["computed"])
    assert counts == [1, 0, 1]
    whole.edit("src/work.py", "def read", "# it reads\ndef read")
    assert whole.ok("other", *engine).counts["computed"] == 0
    assert whole.value(whole.ok("other"), "pick") == ["21"]


@pytest.mark.parametrize("method", METHODS)
def test_processes_that_outlive_a_call_are_heard_in_the_next(project, method):
    body = (
        "from src.pool import pool\n"
        "    from src.work import read\n"
        "    return pool().map(read, ['data.txt']) + [record.args.seed]"
    )
    pool = (
        "import functools, multiprocessing\n\n\n@functools.cache\ndef pool():\n"
        f"    return multiprocessing.get_context({method!r}).Pool(1)\n"
    )
    project.write({"src/work.py": AT_WORK, "src/pool.py": pool, "data.txt": "1"})
    project.write(other(pick("", body), RUN, "Args('a', seed=1), Args('b', seed=2)"))
    assert project.ok("other").counts["computed"] == 2
    assert project.ok("other").counts["computed"] == 0
    project.write({"data.txt": "2"})
    assert project.ok("other").counts["computed"] == 2
    between = (
        "for args in argsets:\n    open('data.txt', 'w').write(str(args.seed + 5))\n"
        "    pick(Record(manager, args)).state['x']"
    )
    both = "Args('a', seed=1), Args('b', seed=2)"
    project.write(other(pick("", body), between, both))
    assert "changed while" not in project.ok("other").err


def test_an_output_that_a_field_names_is_told_to_be_operational(project):
    stages = """
import os


@stage(None, ["out"])
def keep(record):
    with open("made.txt", "w") as file:
        file.write("mine")
    os.replace("made.txt", record.args.path)
    return 1
"""
    calls = EACH.format("keep(Record(manager, args))")
    project.write(other(stages, calls, "Args('a', path='kept.txt')"))
    project.write({"kept.txt": "of before"})
    told = "kept.txt changed while keep read it; is it an output?"
    assert told in project.ok("other").err
    declared = 'path: str = parameter("", operational=True)'
    project.edit("params/__init__.py", 'path: str = ""', declared)
    project.edit("params/__init__.py", "import Exp", "import parameter, Exp")
    assert told not in project.ok("other").err
    assert project.ok("other").counts["computed"] == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_file_that_changes_while_a_process_has_read_it_is_told(project, method):
    body = (
        "from multiprocessing import get_context\n"
        "    from src.work import edit, read\n"
        f"    with get_context({method!r}).Pool(1) as pool:\n"
        "        found = pool.map(read, ['data.txt'])\n"
        "        pool.map(edit, ['data.txt'])  # as others do meanwhile\n"
        "    return found"
    )
    project.write({"src/work.py": AT_WORK, "data.txt": "1"})
    project.write(other(pick("", body), RUN, "Args('a')"))
    assert "data.txt changed while pick read it" in project.ok("other").err
    assert project.ok("other").counts["computed"] == 1


def test_what_children_tell_is_no_file_of_the_project(project):
    body = (
        "from multiprocessing import get_context\n"
        "    from src.work import read\n"
        "    with get_context('spawn').Pool(1) as pool:\n"
        "        return pool.map(read, ['data.txt'])"
    )
    (project.root / "tmp").mkdir()
    project.write({"src/work.py": AT_WORK, "data.txt": "1"})
    project.write(other(pick("", body), RUN, "Args('a')"))
    place = str(project.root / "tmp")
    first, second = (project.ok("other", TMPDIR=place) for _ in range(2))
    assert [each.counts["computed"] for each in (first, second)] == [1, 0]
    assert "changed while" not in first.err and not any(
        (project.root / "tmp").iterdir()
    )


@pytest.mark.parametrize(
    ("declared", "what"),
    [
        ("None, {'x', 'y'}", "outputs is "),
        ("{'x'}, ['y']", "inputs is {'x'}"),
        ("(n for n in 'ab'), ['y']", "inputs is <generator"),
        ("None, ['x'], reads={'seed', 'depth'}", "reads is "),
        ("None, ['x'], files={'a.csv'}", "files is {'a.csv'}"),
        ("None, ['x'], code={len, max}", "code is "),
    ],
)
def test_what_has_no_order_is_refused(project, declared, what):
    stages = f"@stage({declared})\ndef pick(record):\n    return 1, 2\n"
    project.write(other(stages, RUN))
    result = project.run("other")
    assert result.code == 2
    assert f"stage pick: {what}" in result.err and "not a list" in result.err
