"""The workload with joblib.Memory."""

import sys
import time

from joblib import Memory, Parallel, delayed
from size import CHANGED, COUNT

memory = Memory("cache", verbose=0)
computed = 0


@memory.cache
def load(seed):
    count()
    return [seed, seed + 1, seed + 2]


@memory.cache
def load_shared():
    count()
    return [1, 2, 3]


@memory.cache
def fit(data, seed):
    count()
    return sum(data) + seed


@memory.cache
def score(model):
    count()
    return 2 * model + 1


@memory.cache
def compare(scores):
    count()
    return sum(scores)


def count():
    global computed
    computed += 1


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return 1


def main(scenario):
    if scenario == "parallel":
        calls = (delayed(burn)(0.5) for _ in range(16))
        print("answer", sum(Parallel(n_jobs=2)(calls)))
        return
    seeds = list(range(COUNT))
    if CHANGED:
        seeds[-1] += 1_000_000
    if scenario == "shared":
        scores = [score(fit(load_shared(), seed)) for seed in seeds]
    else:
        scores = [score(fit(load(seed), seed)) for seed in seeds]
    print("answer", compare(scores))
    print("computed", computed)


if __name__ == "__main__":
    if sys.argv[1] != "--help":
        main(sys.argv[1])
