"""A stage that reads one field a million times, beside a plain dataclass."""

import time
from dataclasses import dataclass

from curifactory import Record, stage

TIMES = 1_000_000
ROUNDS = 9


@dataclass
class Plain:
    name: str = ""
    seed: int = 0
    depth: int = 2
    rate: float = 0.1
    model: str = "linear"


# Twice the same function: Python adapts each to what it meets.
def read_tracked(args: object) -> float:
    begin = time.perf_counter()
    for _ in range(TIMES):
        args.seed  # type: ignore[attr-defined]  # noqa: B018
    return time.perf_counter() - begin


def read_plain(args: Plain) -> float:
    begin = time.perf_counter()
    for _ in range(TIMES):
        args.seed  # noqa: B018
    return time.perf_counter() - begin


@stage(None, ["seconds"])
def read_often(record: Record) -> list[list[float]]:
    plain = Plain(seed=record.args.seed)
    return [[read_tracked(record.args), read_plain(plain)] for _ in range(ROUNDS)]
