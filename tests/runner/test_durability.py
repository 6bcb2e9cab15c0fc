"""What may go wrong at any moment costs the call in flight: never a later run, never a value."""

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from faults import Forge, build
from projects import CHAIN, Project, copy_runner

KINDS = ("kill", "full", "broken")
STAGES = """
    import csv
    from pathlib import Path

    from curifactory import aggregate, stage
    from curifactory.caching import Cacheable, JsonCacher, PickleCacher
    from curifactory.reporting import ImageReporter


    class CsvCacher(Cacheable):
        def __init__(self):
            super().__init__(".csv")

        def save(self, obj):
            with open(self.get_path(), "w", newline="") as file:
                csv.writer(file).writerows(obj)

        def load(self):
            with open(self.get_path(), newline="") as file:
                return [[int(each) for each in row] for row in csv.reader(file)]


    class FolderCacher(Cacheable):
        def save(self, obj):
            for name, number in obj.items():
                (Path(self.get_dir()) / name).write_text(str(number))

        def load(self):
            files = sorted(Path(self.get_dir()).iterdir())
            return {path.name: int(path.read_text()) for path in files}


    @stage(None, ["rows"], cachers=[CsvCacher()])
    def load(record):
        Path("made.png").write_bytes(bytes(range(100)))
        record.report(ImageReporter("made.png"))
        (record.scratch / "checkpoint").write_text("1")
        return [[i, i * i] for i in range(5)]


    @stage(["rows"], ["model"], cachers=[PickleCacher()])
    def fit(record, rows):
        return {"sum": sum(map(sum, rows)) + record.args.seed}


    @stage(["model"], ["parts"], cachers=[FolderCacher()])
    def score(record, model):
        return {"one": model["sum"], "two": model["sum"] * record.args.depth}


    @aggregate(["parts"], ["table"], cachers=[JsonCacher()])
    def compare(record, records, parts):
        return [[each.label, sum(value.values())] for each, value in parts.items()]
    """
SMALL = {
    **CHAIN,
    "stages/chain.py": STAGES,
    "params/base.py": """
        from params import Args


        def get_params():
            return [Args(name="a", seed=1)]
        """,
}
VALUES = {1: [["a", 82]], 2: [["a", 84]], 100: [["a", 602]]}
LOADED = "return [[i, i * i] for i in range(5)]"
CHECKPOINTS = """place = record.scratch / "epochs"
    place.mkdir(exist_ok=True)
    rate = Path("rate.txt").read_text()
    for epoch in range(3):
        if not (place / str(epoch)).exists():
            (place / str(epoch)).write_text(rate)
    if rate == "1":
        raise RuntimeError("it ends before it is done")
    return [[sum(int(each.read_text()) for each in place.iterdir())]]"""


@pytest.fixture(scope="module")
def whole_runner(tmp_path_factory):
    return copy_runner(tmp_path_factory.mktemp("runner"))


@pytest.fixture
def small(tmp_path, whole_runner):
    """A project of four calls, each with another cacher."""
    made = Project(tmp_path / "project", whole_runner)
    made.write(SMALL)
    return made


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    found = build(tmp_path_factory.mktemp("faults"))
    if found is None:
        pytest.skip("changes of files go wrong on Linux with a C compiler only")
    return found


class Scenario:
    """A command, and the state of the project that it begins with."""

    def __init__(self, forge, *command, seed=1, then=()):
        self.forge, self.project = forge, forge.project
        self.command = command or ("study", "--plain")
        self.seed = seed
        self.then = then
        self.begin = self.project.root.parent / "begin"
        shutil.rmtree(self.begin, ignore_errors=True)
        if self.data.exists():
            shutil.copytree(self.data, self.begin, symlinks=True)

    @property
    def data(self):
        return self.project.root / "data"

    def restore(self):
        shutil.rmtree(self.data, ignore_errors=True)
        if self.begin.exists():
            shutil.copytree(self.begin, self.data, symlinks=True)

    def count(self):
        self.restore()
        result = self.forge.run(*self.command)
        assert result.code == 0, result
        return result.points

    def broken(self, kind, point):
        """Let one point go wrong; return what is wrong with the runs after it."""
        self.restore()
        faulty = self.forge.run(*self.command, kind=kind, point=point)
        after = [self.forge.run("study", "--plain", *self.then)]
        after.append(self.forge.run("study", "--plain"))
        wrong = []
        if "Traceback" in faulty.said and "OSError" not in faulty.said:
            wrong.append("a traceback")
        if faulty.code not in ((-9, 0) if kind == "kill" else (0, 1, 2)):
            wrong.append("its exit code")
        if [each.code for each in after] != [0, 0]:
            wrong.append("a later run fails")
        elif self.value() != VALUES[self.seed]:
            wrong.append("a value")
        elif "computed: 0" not in after[1].said:
            wrong.append("the cache does not hold")
        return wrong and (kind, point, wrong, faulty, *after)

    def value(self):
        run = self.project.newest()
        call = next(c for c in run["calls"] if c["stage"] == "compare")
        path = self.project.cache / call["folder"] / call["artifacts"][0]["file"]
        return json.loads(path.read_text())


def prepared(forge, name):
    """Bring a project into the state that a scenario begins with."""
    project = forge.project
    if name == "cold":
        return Scenario(forge)
    assert forge.run("study", "--plain").code == 0
    if name == "edited":
        project.edit("params/base.py", "seed=1", "seed=2")
        return Scenario(forge, seed=2)
    if name == "damaged":
        for path in project.cache.glob("stages.chain.fit/*/model.pkl"):
            path.write_bytes(b"\x00" * path.stat().st_size)
        for path in project.cache.glob("stages.chain.score/*/meta.json"):
            path.write_text(path.read_text()[:-9])
        (project.cache / "index.sqlite").write_bytes(b"no database at all")
        return Scenario(forge)
    if name == "tidied":
        gc = ("cache", "gc", "--keep-runs", "0")
        return Scenario(forge, *gc, then=("--overwrite-stage", "compare"))
    raise AssertionError(name)


SCENARIOS = ("cold", "edited", "damaged", "tidied")


@pytest.mark.parametrize("name", SCENARIOS[:1])
def test_a_fault_at_some_points_costs_nothing_later(name, small, library):
    with Forge(small, library) as forge:
        scenario = prepared(forge, name)
        points = range(1, scenario.count() + 1)
        assert len(points) > 10
        some = [(kind, point) for point in points[::50] for kind in KINDS]
        assert [w for each in some if (w := scenario.broken(*each))] == []


def broken_points(folder, runner, library, name, kinds, part, parts):
    """Let each point of a part of them go wrong; return how many, and what broke."""
    project = Project(folder / "project", runner)
    project.write(SMALL)
    with Forge(project, library) as forge:
        scenario = prepared(forge, name)
        points = range(1 + part, scenario.count() + 1, parts)
        wrong = [scenario.broken(kind, point) for point in points for kind in kinds]
    return len(wrong), [each for each in wrong if each]


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_fault_at_any_point_costs_nothing_later(
    name, tmp_path, whole_runner, library
):
    given = [
        (tmp_path / str(part), whole_runner, library, name, KINDS, part, 2)
        for part in range(2)
    ]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda each: broken_points(*each), given))
    assert [wrong for _, each in found for wrong in each] == []
    print(f"{name}: 0 of {sum(count for count, _ in found)} points broken")


@pytest.mark.slow
def test_outdated_checkpoints_go_whole_or_not_at_all(small, library):
    small.edit("stages/chain.py", LOADED, CHECKPOINTS)
    small.write({"rate.txt": "1"})
    with Forge(small, library, FAULT_TRACE="1") as forge:
        assert forge.run("study", "--plain").code == 1
        (small.root / "rate.txt").write_text("100")
        scenario = Scenario(forge, seed=100)
        assert forge.run("study", "--plain").code == 0
        [said] = scenario.data.glob("runs/study-2/output/0-load-*")
        change = r"POINT (\d+) (?:unlink|rmdir|rename)\S* "
        removed = re.findall(change, said.read_text())
        assert len(removed) > 5
        every = [(kind, int(point)) for point in removed for kind in ("kill", "broken")]
        assert [w for each in every if (w := scenario.broken(*each))] == []


@pytest.mark.parametrize("is_link", [False, True])
def test_work_whose_results_have_no_place_is_not_begun(project, is_link):
    project.edit("stages/chain.py", "return {", "open('begun', 'w'); return {")
    place = project.cache / "stages.chain.fit"
    project.cache.mkdir(parents=True)
    if is_link:  # to root everything is open, so that it has to lead nowhere
        place.symlink_to("gone", target_is_directory=True)
    else:
        place.write_text("")
    result = project.run("study")
    assert result.code == 1 and "the cache cannot be written" in result.err
    assert not [c for c in result.calls(status="failed") if "as for" in c["reason"]]
    assert not (project.root / "begun").exists()
    place.unlink()
    assert project.ok("study").counts["computed"] > 0
