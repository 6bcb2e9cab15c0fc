"""Three trivial stages and an aggregate; one that only takes time."""

import time

from curifactory import Record, aggregate, stage


@stage(None, ["data"])
def load(record: Record) -> list[int]:
    seed = record.args.seed
    return [seed, seed + 1, seed + 2]


@stage(None, ["data"])
def load_shared(record: Record) -> list[int]:
    return [1, 2, 3]


@stage(["data"], ["model"])
def fit(record: Record, data: list[int]) -> int:
    return sum(data) + record.args.seed


@stage(["model"], ["score"])
def score(record: Record, model: int) -> int:
    return 2 * model + 1


@aggregate(["score"], ["answer"])
def compare(record: Record, records: list[Record], score: dict[Record, int]) -> int:
    return sum(score.values())


@stage(None, ["score"])
def burn(record: Record) -> int:
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    return 1 + 0 * record.args.seed  # so that no two argsets share it
