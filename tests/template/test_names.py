"""Which names a project may have, and that a refusal leaves nothing behind."""

import pytest

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
    "tqdm": "tqdm-study",
    "librt": "librt-study",
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
