"""Seeds from 0 on; if asked for, the last one is another."""

from params import Args
from params.size import CHANGED, COUNT


def get_params() -> list[Args]:
    seeds = list(range(COUNT))
    if CHANGED:
        seeds[-1] += 1_000_000
    return [Args(name=f"s{index}", seed=seed) for index, seed in enumerate(seeds)]
