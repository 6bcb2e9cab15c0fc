"""The workload with redun."""

import os
import sys
import time

from redun import Scheduler, task
from redun.config import Config
from size import CHANGED, COUNT

redun_namespace = "bench"


@task()
def load(seed):
    return [seed, seed + 1, seed + 2]


@task()
def load_shared():
    return [1, 2, 3]


@task()
def fit(data, seed):
    return sum(data) + seed


@task()
def score(model):
    return 2 * model + 1


@task()
def compare(scores):
    return sum(scores)


@task()
def sweep(seeds):
    return compare([score(fit(load(seed), seed)) for seed in seeds])


@task()
def shared(seeds):
    return compare([score(fit(load_shared(), seed)) for seed in seeds])


@task(executor="pool")
def burn(seed):
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    return 1


@task()
def parallel(seeds):
    return compare([burn(seed) for seed in range(16)])


def main(scenario):
    seeds = list(range(COUNT))
    if CHANGED:
        seeds[-1] += 1_000_000
    pool = {"type": "local", "mode": "process", "max_workers": 2}
    database = {"db_uri": "sqlite:///cache/redun.db"}
    scheduler = Scheduler(Config({"backend": database, "executors.pool": pool}))
    scheduler.load()
    print("answer", scheduler.run(globals()[scenario](seeds)))


if __name__ == "__main__":
    if sys.argv[1] != "--help":
        os.makedirs("cache", exist_ok=True)
        main(sys.argv[1])
