"""Which names a project may have, and that a refusal leaves nothing behind."""

import contextlib
import itertools
import re
import runpy
from importlib import metadata

import pytest
from baking import TEMPLATE
from test_baking import read_metadata

BAD = {
    # not well formed: the suggestion keeps what it can
    "my project": "my-project",
    "9lives": "lives",
    "-lives": "lives",
    "drag.study": "drag-study",
    "ends-": "ends",
    "Düsenjäger": "Dusenjager",
    "naïve; rm": "naive-rm",
    "it's": "it-s",
    'a"b': "a-b",
    "a/b": "a-b",
    "../up": "up",
    "a\\b": "a-b",
    "木": "my-project",
    # well formed, but trouble later
    "class": "class-study",
    "None": "None-study",
    "CON": "CON-study",
    "lpt1": "lpt1-study",
    "json": "json-study",
    "Statistics": "Statistics-study",
    "src": "src-study",
    "Params": "Params-study",
    "curifactory": "curifactory-study",
    "reports": "reports-study",
    "numpy": "numpy-study",
    "joblib": "joblib-study",
    "Ruff": "Ruff-study",
    "typing-extensions": "typing-extensions-study",
    "scikit-learn": "scikit-learn-study",
}
GOOD = ["q", "Drag", "wind_tunnel", "a--b__c"]
MORE = ["wind-tunnel", "run2", "jsonic"]


@pytest.mark.parametrize("name", BAD)
def test_bad_name_is_refused_with_a_suggestion_and_leaves_nothing(oven, name):
    done = oven.try_to_bake(project_name=name)
    assert done.returncode == 1
    assert f"ERROR: the project cannot be named '{name}': " in done.stderr
    assert f" Try: {BAD[name]}\n" in done.stderr
    assert list(oven.output.iterdir()) == []


OTHERS = sorted({*MORE, *BAD.values()})


@pytest.mark.parametrize(
    "name", [*GOOD, *(pytest.param(each, marks=pytest.mark.slow) for each in OTHERS)]
)
def test_good_name_becomes_the_folder(oven, name):
    project = oven.bake(project_name=name)
    assert [path.name for path in oven.output.iterdir()] == [name]
    assert (project / "params").is_dir()


def test_folder_of_the_user_survives_a_refusal(oven):
    mine = oven.output / "json"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    assert oven.try_to_bake(project_name="json").returncode == 1
    assert (mine / "notes.txt").read_text() == "mine"


def test_existing_project_is_not_overwritten(oven):
    project = oven.bake(project_name="drag")
    (project / "README.md").write_text("mine")
    assert oven.try_to_bake(project_name="drag").returncode == 1
    assert (project / "README.md").read_text() == "mine"


def needed(names):
    """What these packages need, and what that needs, as pip spells module names."""
    found, waiting = set(), list(names)
    while waiting:
        name = re.sub(r"[-.]", "_", re.match(r"[\w.-]+", waiting.pop())[0]).lower()
        if name not in found:
            found.add(name)
            with contextlib.suppress(metadata.PackageNotFoundError):
                lines = metadata.requires(name) or []
                waiting += [line for line in lines if "extra ==" not in line]
    return found


def test_no_package_that_a_project_may_install_gives_it_its_name(baked):
    declared = read_metadata(baked)
    extras = declared["optional-dependencies"].values()
    names = needed([*declared["dependencies"], *itertools.chain(*extras)])
    assert {"scipy", "pytest", "tornado"} < names
    hook = runpy.run_path(TEMPLATE / "hooks" / "pre_gen_project.py")
    assert [name for name in sorted(names) if not hook["taken_by"](name)] == []
