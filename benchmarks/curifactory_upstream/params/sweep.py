"""Seeds from 0 on; if asked for, the last one is another."""

from size import CHANGED, COUNT

from params import Params


def get_params():
    seeds = list(range(COUNT))
    if CHANGED:
        seeds[-1] += 1_000_000
    return [Params(name=f"s{index}", seed=seed) for index, seed in enumerate(seeds)]
