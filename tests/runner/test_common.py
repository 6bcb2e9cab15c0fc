"""Laws of the template's params/common.py."""

import doctest
import math
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import TEMPLATE

from curifactory import ExperimentArgs
from curifactory.args import parameter
from curifactory.errors import RequestError
from params import common


@dataclass
class Model:
    depth: int = 3
    widths: list[int] = field(default_factory=lambda: [8])


@dataclass
class Args(ExperimentArgs):
    seed: int = 0
    lr: float = 0.1
    text: str = ""
    layers: list[int] = field(default_factory=list)
    model: Model = field(default_factory=Model)


@dataclass(frozen=True)
class Frozen(ExperimentArgs):
    seed: int = 0
    lr: float = 0.1


BASES = st.lists(
    st.builds(Args, name=st.text("abc", min_size=1), layers=st.lists(st.integers())),
    min_size=1,
    max_size=3,
    unique_by=lambda args: args.name,
)
COLUMNS = st.fixed_dictionaries(
    {},
    optional={
        "lr": st.lists(st.floats(allow_nan=False), max_size=4),
        "text": st.lists(st.text(), max_size=3),
        "layers": st.lists(st.lists(st.integers()), max_size=3),
        "model.depth": st.lists(st.integers(), max_size=3),
    },
)
MADE = {
    "grid": (common.grid, lambda counts: math.prod(counts)),
    "one_at_a_time": (common.one_at_a_time, lambda counts: 1 + sum(counts)),
}


@pytest.mark.parametrize("name", MADE)
@given(bases=BASES, columns=COLUMNS)
def test_sizes_names_and_inputs(name, bases, columns):
    function, expected = MADE[name]
    before = deepcopy((bases, columns))
    found = function(bases, **columns)
    assert len(found) == len(bases) * expected([len(each) for each in columns.values()])
    assert (bases, columns) == before
    if all(each for each in columns.values()) and len(bases) == 1:
        assert len({args.name for args in found}) == len(found)
    for args in found:
        args.layers.append(99)
        args.model.widths.append(99)
    assert (bases, columns) == before


@given(BASES, st.integers(0, 20), st.integers())
def test_random_searches_draw_what_they_are_told(bases, count, draw):
    found = common.random_search(
        bases[0],
        count,
        draw=draw,
        lr=common.log_uniform(0.01, 10),
        seed=common.integers(2, 5),
        layers=[[1], [2, 3]],
    )
    assert len(found) == len({args.name for args in found}) == count
    for args in found:
        assert 0.01 <= args.lr <= 10 and 2 <= args.seed <= 5 and args.layers
        assert len(args.name) <= len(bases[0].name + "_lr=0.0123_seed=2_layers=2-3_19")
    assert found == common.random_search(
        bases[0],
        count,
        draw=draw,
        lr=common.log_uniform(0.01, 10),
        seed=common.integers(2, 5),
        layers=[[1], [2, 3]],
    )


@given(st.integers(1, 40))
def test_sobol_gives_as_many_points_as_asked_for(count):
    pytest.importorskip("scipy")
    found = common.sobol(Args("a"), count, lr=common.uniform(0, 1), seed=[0, 1, 2, 3])
    assert len(found) == len({args.name for args in found}) == count
    assert len({args.lr for args in found}) == count


def test_only_names_that_clash_get_a_number():
    pairs = common.zipped(Args("b"), text=["knn", "knn", "svm"], seed=[1, 2, 1])
    assert [a.name for a in pairs] == [
        "b_text=knn_seed=1",
        "b_text=knn_seed=2",
        "b_text=svm_seed=1",
    ]
    clashing = common.grid(Args("b"), text=["x y", "x/y", "z"])
    assert [a.name for a in clashing] == ["b_text=x-y_0", "b_text=x-y_1", "b_text=z"]
    more = common.grid(Args("b"), text=["x", "x", "x_0"])
    assert [a.name for a in more] == ["b_text=x_0", "b_text=x_1", "b_text=x_0_2"]


def test_copies_of_an_argset_without_a_name_are_named_by_what_varies():
    names = [each.name for each in common.grid(Args(), lr=[0.1, 0.2])]
    assert names == ["lr=0.1", "lr=0.2"]
    assert [each.name for each in common.seed_set(Args(), 2)] == ["seed0", "seed1"]


def test_values_of_secret_fields_are_in_no_name():
    @dataclass
    class Access:
        key: str = ""

    @dataclass
    class Hidden(ExperimentArgs):
        token: str = parameter("", secret=True)
        access: Access = parameter(default_factory=Access, secret=True)
        seed: int = 0

    tokens = {"token": ["hunter", "sword"], "access.key": ["door"]}
    for found in (
        common.grid(Hidden("b"), seed=[1, 2], **tokens),
        common.one_at_a_time(Hidden("b"), **tokens),
        common.random_search(Hidden("b"), 3, **tokens),
    ):
        names = [each.name for each in found]
        assert len(set(names)) == len(names)
        assert not any(word in n for n in names for word in ("hunt", "sword", "door"))
    assert [a.name for a in common.grid(Hidden("b"), token=["hunter", "sword"])] == [
        "b_token=secret_0",
        "b_token=secret_1",
    ]


def test_a_value_with_a_secret_in_it_is_in_no_name():
    @dataclass
    class Slot:
        size: int = 1
        key: str = parameter("", secret=True)

    @dataclass
    class Holding(ExperimentArgs):
        slot: Slot = field(default_factory=Slot)
        slots: list[Slot] = field(default_factory=list)

    two = [Slot(1, "hunter"), Slot(2, "sword")]
    found = common.grid(Holding("a"), slot=two)
    assert [a.name for a in found] == ["a_slot=secret_0", "a_slot=secret_1"]
    found = common.one_at_a_time(Holding("a"), slots=[two, []])
    assert [a.name for a in found] == ["a", "a_slots=secret", "a_slots=empty"]


def test_the_examples_of_the_helpers_hold():
    pytest.importorskip("scipy")
    result = doctest.testmod(common)
    assert result.attempted >= 7 and result.failed == 0


def test_frozen_argsets_and_nested_fields_are_varied():
    assert [a.lr for a in common.grid(Frozen("a"), lr=[1.0, 2.0])] == [1.0, 2.0]
    assert common.seed_set(Frozen("a"), 2)[1] == Frozen("a_seed1", 1)
    base = Args("a")
    points = common.zipped(base, **{"model.depth": [4, 5], "model.widths": [[1], [2]]})
    assert [a.model for a in points] == [Model(4, [1]), Model(5, [2])]
    assert points[0].name == "a_model.depth=4_model.widths=1"
    assert base == Args("a")


def test_values_in_dictionaries_are_varied():
    @dataclass
    class Fitted(ExperimentArgs):
        optimizer: dict = field(default_factory=lambda: {"lr": 0.1, "kind": "sgd"})

    base = Fitted("a")
    first, second = common.grid(base, **{"optimizer.lr": [0.5, 0.7]})
    assert first.optimizer == {"lr": 0.5, "kind": "sgd"}
    assert second.name == "a_optimizer.lr=0.7" and base == Fitted("a")


def test_a_wrong_field_names_the_nearest():
    with pytest.raises(Exception, match="Args has no field 'lrr'\n  did you mean 'lr'"):
        common.grid(Args("a"), lrr=[1])


@pytest.mark.parametrize(
    "path, said",
    [
        ("model.dpth", "Model has no field 'dpth'; did you mean 'depth'"),
        ("modl.depth", "Args has no field 'modl'; did you mean 'model'"),
        ("lr.depth", "lr is 0.1, which has no field 'depth'"),
    ],
)
def test_a_wrong_path_names_the_step_that_is_wrong(path, said):
    with pytest.raises(RequestError) as caught:
        common.grid(Args("a"), **{path: [1]})
    assert said.split("; ")[0] in caught.value.message
    assert said.partition("; ")[2] in caught.value.hint


def test_fields_of_one_nested_dataclass_are_set_at_once():
    @dataclass
    class Split:
        train: float = 0.75
        test: float = 0.25

        def __post_init__(self):
            assert self.train + self.test == 1

    @dataclass
    class Splits(ExperimentArgs):
        split: Split = field(default_factory=Split)

    columns = {"split.train": [0.5], "split.test": [0.5]}
    [made] = common.grid(Splits("a"), **columns)
    assert made.split == Split(0.5, 0.5)


def test_a_path_leads_into_what_is_set_as_a_whole():
    shared = Model(depth=9)
    columns = {"model": [shared], "model.widths": [[1]]}
    [made] = common.grid(Args("a"), **columns)
    assert made.model == Model(depth=9, widths=[1])
    assert shared == Model(depth=9)


def test_the_value_of_a_secret_is_in_no_error():
    @dataclass
    class Keyed(ExperimentArgs):
        token: str = parameter("hunter2", secret=True)

    with pytest.raises(RequestError) as caught:
        common.grid(Keyed("a"), **{"token.part": [1]})
    assert "hunter2" not in str(caught.value) and "token is ***" in str(caught.value)


def test_a_search_chooses_from_an_array_and_not_from_a_set():
    rates = np.array([0.1, 0.2])
    found = common.random_search(Args("a"), 5, lr=rates)
    assert {each.lr for each in found} <= {0.1, 0.2}
    with pytest.raises(TypeError, match="a list to choose from"):
        common.random_search(Args("a"), 2, lr={0.1, 0.2})


def test_scipy_is_imported_only_when_used():
    text = "import sys, params.common; print('scipy' in sys.modules)"
    command = [sys.executable, "-B", "-c", text]
    done = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


@dataclass
class Named(ExperimentArgs):
    args: int = 0
    self: int = 0


@pytest.mark.parametrize("helper", [common.grid, common.zipped])
def test_fields_may_have_the_names_that_helpers_use(helper):
    found = helper(Named(name="a"), args=[1], self=[2])
    assert [(each.args, each.self) for each in found] == [(1, 2)]


def test_one_of_them_may_be_changed_at_a_time():
    found = common.one_at_a_time(Named(name="a"), args=[1])
    assert [each.args for each in found] == [0, 1]
