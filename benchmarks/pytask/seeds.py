"""The seeds of the workload."""

from pathlib import Path

from size import CHANGED, COUNT

CACHE = Path(__file__).parent / "cache"
SEEDS = list(range(COUNT))
if CHANGED:
    SEEDS[-1] += 1_000_000


def place(stage, seed):
    return CACHE / f"{stage}-{seed}.pkl"
