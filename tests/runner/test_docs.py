"""The examples of docs/parameters.md, and of the generated README, as they are written."""

import re
from pathlib import Path

from test_execute import EACH, other

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/parameters.md").read_text(encoding="utf-8")
README = ROOT / "<<cookiecutter.project_name>>" / "README.md"


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_fields_of_the_page_can_be_declared(project):
    fields, functions, objects = blocks(PAGE, "python")
    imported, _, rules = functions.partition("\n")
    imported = imported.strip().removeprefix("# ")
    mesh = "class Mesh:\n    file = 'a'\n\n\n@dataclass\nclass Model"
    text = fields.replace("@dataclass\nclass Model", mesh)
    text += "    scale: int = 1\n" + rules
    project.write({"params/__init__.py": f"{imported}\n{text}"})
    lines = [line.partition("#")[0] for line in objects.splitlines()]
    checks = "\n".join(lines)
    result = project.script(
        "from params import Args, Mesh, Model\n"
        "args = Args('a', lr=0.1)\n"
        "other = args.copy(name='c', lr=0.5, model=Model(4), gpus=1)\n"
        + checks
        + "\nassert args.diff(other) == {'lr': (0.1, 0.5), 'model.depth': (3, 4)}\n"
        "assert repr(Args('a', lr=0.5)) == \"Args(name='a', lr=0.5)\"\n"
        "assert Args(mesh=Mesh()).hash == Args(mesh=Mesh(), gpus=4).hash\n"
        "assert Args(mesh=Mesh()).hash != Args(mesh=Mesh(), scale=2).hash\n"
    )
    assert result.code == 0, result


def test_the_helpers_of_the_page_exist_with_these_arguments():
    import params
    from params import common

    calls = re.findall(r"^\| `(.+?)` \|", PAGE, re.MULTILINE)
    assert len(calls) == 6
    scope = {**vars(common), "args": params.Args(name="a")}
    for call in calls:
        if "sobol" not in call:
            assert eval(call, scope)


def test_the_paramset_of_the_readme_gives_argsets(project):
    texts = blocks(README.read_text("utf-8"), "python")
    text = next(each for each in texts if "def get_params" in each)
    scope = {}
    exec(text, scope)
    names = [args.name for args in scope["get_params"]()]
    assert len(names) == 12 and names[0] == "knn_n_neighbors=1_seed0"


CURIFACTORY = (ROOT / "docs/curifactory.md").read_text("utf-8")


def test_the_experiment_of_the_page_for_users_of_curifactory_runs_as_it_is(project):
    project.write({"experiments/numbers.py": blocks(CURIFACTORY, "python")[0]})
    result = project.ok("numbers")
    assert project.value(result, "compare") == {"few": 3, "many": 10}
    assert project.ok("numbers").counts["computed"] == 0


def test_what_the_page_for_users_of_curifactory_calls_other_is_so(project):
    stages = """
@stage([], ["one"])
def one(record):
    return (record.args.seed,)


@stage(["one"], [])
def nothing(record, one):
    record.metric("is a Path", isinstance(record.get_path("a"), Path))
    record.metric("is a tuple", one == (0,))
"""
    calls = EACH.format("nothing(one(Record(manager, args)))")
    project.write(other("from pathlib import Path\n" + stages, calls))
    result = project.ok("other")
    metrics = result.run["calls"][1]["metrics"]
    assert [each["value"] for each in metrics.values()] == [1, 1]
    assert project.ok("other").counts["computed"] == 0
    offered = project.ok("run", "--help").out
    here = " ".join(row.split("|")[2] for row in re.findall(r"\n\|.+", CURIFACTORY))
    flags = set(re.findall(r"`(--[a-z-]+)", here))
    assert "--read-only" in flags and all(flag in offered for flag in flags)
