"""What type checkers say of a generated project: it passes, and completion works."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from baking import Oven, run

PROBE = """
from curifactory import ArtifactManager, Record, aggregate, stage
from params import Args
from params.common import grid, seed_set


@stage(["data"], ["model"])
def fit(record: Record[Args], data: list[int], depth: int = 1) -> float:
    reveal_type(record.args)
    reveal_type(record.args.C)
    return record.args.C


@aggregate(["model"], ["best"])
def best(record: Record[None], records: list[Record[Args]], model: object) -> float:
    return 1.0


manager = ArtifactManager("probe")
record = Record(manager, Args())
reveal_type(record)
reveal_type(fit(record))
reveal_type(fit(record, depth=2).args.hidden_sizes)
reveal_type(best(Record(manager, None), [record]))
reveal_type(fit.function(record, [1]))
reveal_type(record.make_copy(Args(C=2.0)))
reveal_type(record.make_copy())
reveal_type(Args().copy(name="b"))
reveal_type(seed_set(grid([Args()], C=[1.0]), 2))
"""
REVEALED = [
    "Args",
    "float",
    "Record[Args]",
    "Record[Args]",
    "list[int]",
    "Record[None]",
    "float",
    "Record[Args]",
    "Record[Args]",
    "Args",
    "list[Args]",
]
WRONG = {
    "fit(3)": "Record[Args]",
    "fit(Record(manager, None))": "None",
    "record.args.Cc": "Cc",
    "fit.function(record, data=3)": "list[int]",
    "fit.function(record)": "Too few arguments",
    "Args(C='a')": "float",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Oven(tmp_path_factory.mktemp("typed") / "oven").bake()
    wrong = "".join(f"{line}\n" for line in WRONG)
    (made / "probe.py").write_text(PROBE)
    (made / "wrong.py").write_text(PROBE + wrong)
    return made


@pytest.fixture(scope="module")
def pyright():
    if shutil.which("node") is None:
        pytest.skip("pyright needs node, which is not installed here")
    found = [sys.executable, "-m", "pyright"]
    return [*found, "--pythonpath", sys.executable, "--outputjson"]


def plain(text):
    for prefix in ("params.", "curifactory.record.", "builtins."):
        text = text.replace(prefix, "")
    return text


@pytest.mark.slow
def test_mypy_passes(project):
    assert "Success" in run(sys.executable, "-m", "mypy", cwd=project).stdout


@pytest.mark.slow
def test_mypy_passes_where_the_owner_asks_it_to_be_strict(project):
    places = ["experiments", "params", "src", "stages"]
    run(sys.executable, "-m", "mypy", "--strict", *places, cwd=project)


@pytest.mark.slow
def test_mypy_knows_argsets_and_stages(project):
    said = run(sys.executable, "-m", "mypy", "probe.py", cwd=project).stdout
    found = [line.split('"')[1] for line in said.splitlines() if "Revealed" in line]
    assert list(map(plain, found)) == REVEALED


@pytest.mark.slow
def test_mypy_finds_wrong_calls(project):
    done = run(sys.executable, "-m", "mypy", "wrong.py", cwd=project, check=False)
    found = [plain(line) for line in done.stdout.splitlines() if " error: " in line]
    assert len(found) == len(WRONG), done.stdout
    assert all(said in line for said, line in zip(WRONG.values(), found, strict=True))


@pytest.mark.slow
def test_pyright_passes(project, pyright):
    done = run(*pyright, cwd=project, check=False)
    said = json.loads(done.stdout)["generalDiagnostics"]
    found = [(Path(each["file"]).name, each["message"]) for each in said]
    assert {name for name, _ in found} == {"probe.py", "wrong.py"}, found


@pytest.mark.slow
def test_pyright_knows_argsets_and_stages(project, pyright):
    done = run(*pyright, "wrong.py", cwd=project, check=False)
    said = json.loads(done.stdout)["generalDiagnostics"]
    found = [each["message"] for each in said if each["severity"] == "information"]
    assert [text.split('"')[-2] for text in found] == REVEALED
    wrong = [each["message"] for each in said if each["severity"] == "error"]
    assert len(wrong) == len(WRONG), wrong
