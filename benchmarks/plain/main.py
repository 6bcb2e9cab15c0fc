"""The workload as a plain script: a pickle a result, written aside and renamed."""

import hashlib
import multiprocessing
import os
import pickle
import sys
import time

from size import CHANGED, COUNT

FIT_VERSION = 1  # a plain script does not notice edits: its author counts
computed = 0


def cached(name, function):
    """Return what the cache has under a name, or compute and keep it."""
    global computed
    path = f"cache/{name}.pkl"
    try:
        with open(path, "rb") as file:
            return pickle.load(file)
    except FileNotFoundError:
        pass
    computed += 1
    value = function()
    with open(f"{path}.tmp", "wb") as file:
        pickle.dump(value, file)
    os.replace(f"{path}.tmp", path)
    return value


def load(seed):
    return cached(f"load-{seed}", lambda: [seed, seed + 1, seed + 2])


def load_shared():
    return cached("load", lambda: [1, 2, 3])


def fit(seed, data):
    return cached(f"fit-{FIT_VERSION}-{seed}", lambda: fitted(seed, data()))


def fitted(seed, data):
    return sum(data) + seed


def score(seed, data):
    name = f"score-{FIT_VERSION}-{seed}"
    return cached(name, lambda: 2 * fit(seed, data) + 1)


def compare(scores):
    key = hashlib.sha256(repr(scores).encode()).hexdigest()[:16]
    return cached(f"compare-{key}", lambda: sum(scores))


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return 1


def main(scenario):
    os.makedirs("cache", exist_ok=True)
    if scenario == "parallel":
        with multiprocessing.Pool(2) as pool:
            print("answer", sum(pool.imap_unordered(burn, [0.5] * 16)))
        return
    seeds = list(range(COUNT))
    if CHANGED:
        seeds[-1] += 1_000_000
    if scenario == "shared":
        scores = [score(seed, load_shared) for seed in seeds]
    else:
        scores = [score(seed, lambda seed=seed: load(seed)) for seed in seeds]
    print("answer", compare(scores))
    print("computed", computed)


if __name__ == "__main__":
    main(sys.argv[1])
