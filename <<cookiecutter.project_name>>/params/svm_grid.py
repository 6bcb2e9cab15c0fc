"""A grid over the two numbers of the svm, each point with two seeds."""

from params import Args
from params.common import grid, seed_set


def get_params() -> list[Args]:
    svm_args = Args(name="svm", model_type="svm")
    points = grid(svm_args, C=[1.0, 10.0], gamma=[0.01, 0.03, 0.1])
    return seed_set(points, 2)
