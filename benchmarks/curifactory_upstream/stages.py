"""The stages of the workload."""

import time

from curifactory import aggregate, stage
from curifactory.caching import JsonCacher


@stage(None, ["data"], [JsonCacher])
def load(record):
    seed = record.params.seed
    return [seed, seed + 1, seed + 2]


@stage(None, ["data"], [JsonCacher])
def load_shared(record):
    return [1, 2, 3]


@stage(["data"], ["model"], [JsonCacher])
def fit(record, data):
    return sum(data) + record.params.seed


@stage(["model"], ["score"], [JsonCacher])
def score(record, model):
    return 2 * model + 1


@aggregate(["score"], ["answer"], [JsonCacher])
def compare(record, records, score):
    return sum(score.values())


@stage(None, ["score"], [JsonCacher])
def burn(record):
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    return 1
