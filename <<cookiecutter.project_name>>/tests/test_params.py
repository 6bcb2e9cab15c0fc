"""The parameter files, and the helpers that build argsets."""

from pathlib import Path

import pytest

from curifactory import ExperimentArgs
from curifactory.experiment import list_paramsets, load_argsets
from params import Args
from params.common import grid, seed_group, seed_set

ROOT = Path(__file__).parents[1]
PARAMSETS = [entry.name for entry in list_paramsets(ROOT)]


@pytest.mark.parametrize("paramset", PARAMSETS)
def test_paramset_gives_named_argsets(paramset):
    argsets = load_argsets(ROOT, [paramset])
    assert argsets
    assert all(isinstance(args, ExperimentArgs) and args.name for args in argsets)


@pytest.mark.parametrize("paramset", PARAMSETS)
def test_names_are_unique(paramset):
    names = [args.name for args in load_argsets(ROOT, [paramset])]
    assert len(set(names)) == len(names)


def test_seed_set_counts_seeds_from_zero():
    copies = seed_set(Args(name="knn"), 3)
    assert [args.seed for args in copies] == [0, 1, 2]
    assert [args.name for args in copies] == ["knn_seed0", "knn_seed1", "knn_seed2"]


def test_seed_set_leaves_the_original_alone():
    original = Args(name="knn", seed=7)
    seed_set(original, 2)[0].example_data.append(5)
    assert original == Args(name="knn", seed=7)


def test_seed_group_undoes_the_suffix():
    assert seed_group("svm_C=1.0_seed12") == "svm_C=1.0"
    assert seed_group("base") == "base"


def test_grid_combines_all_values():
    points = grid(Args(name="svm"), C=[1.0, 10.0], gamma=[0.1, 0.2])
    values = [(args.C, args.gamma) for args in points]
    assert values == [(1.0, 0.1), (1.0, 0.2), (10.0, 0.1), (10.0, 0.2)]
    assert points[0].name == "svm_C=1.0_gamma=0.1"


def test_grid_names_lists_readably():
    points = grid(Args(name="mlp"), hidden_sizes=[[32], [64, 32], []])
    names = [args.name for args in points]
    assert names == [
        "mlp_hidden_sizes=32",
        "mlp_hidden_sizes=64-32",
        "mlp_hidden_sizes=empty",
    ]


def test_grid_counts_values_that_look_alike():
    names = [args.name for args in grid(Args(name="a"), example_arg=["x y", "x/y"])]
    assert names == ["a_example_arg=0", "a_example_arg=1"]


def test_grid_leaves_the_original_alone():
    original, sizes = Args(name="mlp"), [64]
    grid(original, hidden_sizes=[sizes])[0].hidden_sizes.append(8)
    assert (original, sizes) == (Args(name="mlp"), [64])


@pytest.mark.parametrize("values", ["knn", 3])
def test_grid_wants_a_list_of_values(values):
    with pytest.raises(TypeError, match="takes a list of values"):
        grid(Args(name="a"), model_type=values)
