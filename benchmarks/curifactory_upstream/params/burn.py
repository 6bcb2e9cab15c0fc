"""Sixteen seeds."""

from params import Params


def get_params():
    return [Params(name=f"s{seed}", seed=seed) for seed in range(16)]
