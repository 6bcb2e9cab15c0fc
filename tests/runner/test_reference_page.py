"""The examples of the page on parameter files and argsets, completed where it was cut."""

import json
import shutil

import pytest
from projects import TEMPLATE, Project

# The page's own class, decorated as its text says.
ARGS = """
from dataclasses import dataclass, field
from typing import List

from curifactory import ExperimentArgs


@dataclass
class Args(ExperimentArgs):
    example_arg: str = ""
    example_number_of_epochs: int = 10
    # due to how dataclasses handle initialization, default lists and dictionaries need to
    # be handled with field factory from the dataclasses package.
    example_data: List[int] = field(default_factory=lambda: [1,2,3,4])
    starting_data: List[int] = field(default_factory=list)
    model_type: str = ""
    seed: int = 0
"""

SIMPLE = """
from params import Args

def get_params():
    return [Args(name='test_params', example_number_of_epochs=15)]
"""

EPOCHS = """
from params import Args

def get_params():
    args = []
    for i in range(5, 15):
        args.append(Args(name=f"epochs_run_{i}", example_number_of_epochs=i))
    return args
"""

COMPOSED = """
from params import base, Args

def get_params():
    args = base.get_params()
    args[0].name = 'modified' # assuming we know there's only one Args instance (otherwise we do this in a loop)
    args[0].starting_data = [0, 2, 4, 6]
    return args
"""

SEED_SET = """
from copy import deepcopy
from params import Args

def seed_set(args: Args, seed_count: int = 5):
    seed_args = []
    for i in range(seed_count):
        # Make a copy of the passed args and apply a different seed
        new_args = deepcopy(args)
        new_args.name += f"_seed{i}"
        new_args.seed = i
        seed_args.append(new_args)
    return seed_args
"""

SEEDED = """
from params import Args
from params.common import seed_set

def get_params():
    knn_args = Args(name="test_knn", model_type="knn")
    svm_args = Args(name="test_svm", model_type="svm")
    all_args = []
    all_args.extend(seed_set(knn_args, 3))
    all_args.extend(seed_set(svm_args, 3))
    return all_args
"""

STAGE = """
from curifactory import Record, stage
import params
import src


@stage(None, ['training_data'])
def training_data(record: Record):
    return src.data.load_digits()


@stage(['training_data'], ['model'])
def train_model(record: Record, training_data):
    args: params.Args = record.args # use the type hinting to get good autocomplete in IDEs
    if args.model_type == "knn":
        # pass relevant args into the codebase functions
        model = src.models.knn(args.n_neighbors)
    elif args.model_type == "svm":
        model = src.models.svm(args.C, args.gamma)
    model = src.models.fit(model, training_data)
    return model
"""

EXPERIMENT = """
from curifactory import Record
from stages.page import train_model, training_data

DEFAULT_PARAMS = ["seeded"]


def run(argsets, manager):
    for args in argsets:
        train_model(training_data(Record(manager, args)))
"""

FIELDS = """
import dataclasses, json, sys
from curifactory.experiment import load_argsets
print(json.dumps([dataclasses.asdict(args) for args in load_argsets(".", sys.argv[1:])]))
"""


@pytest.fixture
def template(tmp_path, runner_home):
    """A project made of the template's own folders, unbaked: none of them has a tag."""
    root = tmp_path / "project"
    ignored = shutil.ignore_patterns(
        "__pycache__", ".*_cache", "curifactory", "data", "*.toml"
    )
    shutil.copytree(TEMPLATE, root, ignore=ignored)
    return Project(root, runner_home)


def fields(project, *paramsets):
    project.write({"fields.py": FIELDS})
    result = project.python("fields.py", *paramsets)
    assert result.code == 0, result
    return json.loads(result.out)


def test_the_page_s_args_take_the_place_of_the_template_s(template):
    template.write({"params/__init__.py": ARGS, "params/page.py": SIMPLE})
    assert fields(template, "page") == [
        {
            "name": "test_params",
            "example_arg": "",
            "example_number_of_epochs": 15,
            "example_data": [1, 2, 3, 4],
            "starting_data": [],
            "model_type": "",
            "seed": 0,
        }
    ]


def test_no_two_argsets_share_the_list_of_a_factory(template):
    template.write({"params/__init__.py": ARGS})
    text = (
        "from params import Args\nprint(Args().example_data is Args().example_data)\n"
    )
    assert template.script(text).out == "False\n"


@pytest.mark.parametrize("args", ["the page's", "the template's"])
def test_each_parameter_file_of_the_page_gives_its_argsets(template, args):
    if args == "the page's":
        template.write({"params/__init__.py": ARGS, "params/common.py": SEED_SET})
    template.write(
        {
            "params/simple.py": SIMPLE,
            "params/loop.py": EPOCHS,
            "params/composed.py": COMPOSED,
            "params/seeded.py": SEEDED,
        }
    )
    found = fields(template, "simple", "loop", "composed", "seeded", "base")
    names = [each["name"] for each in found]
    seeded = [f"test_{kind}_seed{i}" for kind in ("knn", "svm") for i in range(3)]
    loop = [f"epochs_run_{i}" for i in range(5, 15)]
    assert names == ["test_params", *loop, "modified", *seeded, "base"]
    by_name = {each["name"]: each for each in found}
    assert by_name["test_params"]["example_number_of_epochs"] == 15
    assert [by_name[n]["example_number_of_epochs"] for n in loop] == list(range(5, 15))
    base = by_name["base"]
    assert by_name["modified"] == {
        **base,
        "name": "modified",
        "starting_data": [0, 2, 4, 6],
    }
    for kind in ("knn", "svm"):
        for i in range(3):
            name = f"test_{kind}_seed{i}"
            assert by_name[name] == {
                **base,
                "name": name,
                "model_type": kind,
                "seed": i,
            }


def test_a_change_of_base_reaches_what_is_composed_of_it(template):
    template.write({"params/composed.py": COMPOSED})
    template.edit("params/base.py", 'Args(name="base")', 'Args(name="base", seed=9)')
    assert fields(template, "composed")[0]["seed"] == 9


def test_the_template_s_seed_set_is_the_page_s_argset_for_argset(template):
    template.write({"params/page_common.py": SEED_SET})
    text = """
        import dataclasses
        from params import Args, common, page_common

        for count in (None, 0, 1, 5):
            given = () if count is None else (count,)
            original = Args(name="test_knn", model_type="knn", seed=42)
            before = dataclasses.asdict(original)
            ours = common.seed_set(original, *given)
            assert ours == page_common.seed_set(original, *given)
            assert len(ours) == (5 if count is None else count)
            assert dataclasses.asdict(original) == before
            assert all(a.example_data is not original.example_data for a in ours)
        print("EQUAL")
        """
    result = template.script(text)
    assert result.out == "EQUAL\n", result


@pytest.mark.slow
def test_the_page_s_stage_trains_a_model_for_each_argset(template):
    for package in ("numpy", "sklearn", "matplotlib"):
        pytest.importorskip(package)
    template.write(
        {
            "params/seeded.py": SEEDED,
            "stages/page.py": STAGE,
            "experiments/page.py": EXPERIMENT,
        }
    )
    quiet = {"PYTHONWARNINGS": "default", "MPLBACKEND": "agg"}
    result = template.ok("page", **quiet)
    assert len(result.calls("train_model")) == 6
    # The stage reads no seed, so three argsets of each kind share one model.
    assert result.done() == [
        "training_data test_knn_seed0",
        "train_model test_knn_seed0",
        "train_model test_svm_seed0",
    ]
    assert template.ok("page", **quiet).counts["computed"] == 0
    text = """
        from curifactory.experiment import run_experiment

        for record in run_experiment("page", ".").records[::3]:
            print(type(record.state["model"]).__name__)
        """
    assert template.script(text, **quiet).out == "KNeighborsClassifier\nSVC\n"


def test_every_parameter_file_of_the_template_gives_valid_argsets(template):
    names = [path.stem for path in sorted((template.root / "params").glob("*.py"))]
    for name in names:
        if name not in ("__init__", "common"):
            found = [each["name"] for each in fields(template, name)]
            assert found and len(set(found)) == len(found)
