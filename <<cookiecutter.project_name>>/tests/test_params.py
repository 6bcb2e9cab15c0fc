"""The parameter files, and the helpers that build argsets."""

import doctest
from pathlib import Path

import pytest

from curifactory import ExperimentArgs
from curifactory.experiment import list_paramsets, load_argsets
from params import Args, common
from params.common import (
    grid,
    integers,
    log_uniform,
    one_at_a_time,
    random_search,
    seed_group,
    seed_set,
    sobol,
    uniform,
    zipped,
)

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


def test_examples_of_the_helpers_hold():
    result = doctest.testmod(common)
    assert result.attempted > 0 and result.failed == 0


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


def test_grid_keeps_signs():
    points = grid(Args(name="svm"), C=[-1.0, 1.0], seed=[-2])
    assert [args.name for args in points] == [
        "svm_C=-1.0_seed=-2",
        "svm_C=1.0_seed=-2",
    ]


def test_grid_numbers_names_that_look_alike():
    names = [args.name for args in grid(Args(name="a"), example_arg=["x y", "x/y"])]
    assert names == ["a_example_arg=x-y_0", "a_example_arg=x-y_1"]


def test_grid_leaves_the_original_alone():
    original, sizes = Args(name="mlp"), [64]
    grid(original, hidden_sizes=[sizes])[0].hidden_sizes.append(8)
    assert (original, sizes) == (Args(name="mlp"), [64])


def test_helpers_take_a_list_of_argsets():
    both = [Args(name="a"), Args(name="b", C=5.0)]
    assert [args.name for args in seed_set(grid(both, gamma=[0.1]), 1)] == [
        "a_gamma=0.1_seed0",
        "b_gamma=0.1_seed0",
    ]
    assert [args.C for args in seed_set(both, 1)] == [1.0, 5.0]


def test_zipped_pairs_values():
    points = zipped(Args(name="a"), C=[1.0, 2.0], gamma=[0.3, 0.4])
    assert [(args.C, args.gamma) for args in points] == [(1.0, 0.3), (2.0, 0.4)]
    with pytest.raises(ValueError, match="'C': 1, 'gamma': 2"):
        zipped(Args(name="a"), C=[1.0], gamma=[0.3, 0.4])


def test_one_at_a_time_changes_one_field():
    base = Args(name="a", C=7.0)
    points = one_at_a_time(base, C=[1.0], gamma=[0.3])
    assert points[0] == base and points[0] is not base
    assert [(args.C, args.gamma) for args in points[1:]] == [(1.0, 0.1), (7.0, 0.3)]


def test_random_search_repeats_its_draws():
    fields = {"C": log_uniform(0.1, 10), "n_neighbors": integers(1, 3)}
    first, again, other = (
        random_search(Args(name="a"), 20, draw=draw, **fields) for draw in (1, 1, 2)
    )
    assert first == again != other
    assert all(0.1 <= args.C < 10 and 1 <= args.n_neighbors <= 3 for args in first)
    assert len({args.name for args in first}) == 20


def test_names_that_clash_get_a_number():
    points = random_search(Args(name="a"), 3, model_type=["knn"])
    assert len({args.name for args in points}) == 3


def test_sobol_halves_every_range():
    points = sobol(Args(name="a"), 8, C=uniform(0, 1), n_neighbors=integers(1, 8))
    assert sorted(args.n_neighbors for args in points) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert sum(args.C < 0.5 for args in points) == 4
    assert sobol(Args(name="a"), 3, C=uniform(0, 1)) == points_of(3)


def points_of(count):
    return sobol(Args(name="a"), 8, C=uniform(0, 1))[:count]


@pytest.mark.parametrize("values", ["knn", []])
def test_random_search_wants_something_to_choose_from(values):
    with pytest.raises(TypeError, match="a list to choose from"):
        random_search(Args(name="a"), 1, model_type=values)


@pytest.mark.parametrize("make", [lambda: log_uniform(0, 1), lambda: integers(3, 1)])
def test_impossible_ranges_are_refused(make):
    with pytest.raises(ValueError, match="expected"):
        make()


@pytest.mark.parametrize("values", ["knn", 3])
def test_grid_wants_a_list_of_values(values):
    with pytest.raises(TypeError, match="takes a list of values"):
        grid(Args(name="a"), model_type=values)
