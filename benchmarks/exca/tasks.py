"""The workload with exca: a task and a folder for each result."""

import hashlib
import os
import sys

import exca
import pydantic
from size import CHANGED, COUNT

PLACE = {"folder": "cache"}


class Load(pydantic.BaseModel):
    seed: int
    infra: exca.TaskInfra = exca.TaskInfra(version="1", **PLACE)

    @infra.apply
    def value(self) -> list:
        return [self.seed, self.seed + 1, self.seed + 2]


class Fit(pydantic.BaseModel):
    load: Load
    seed: int
    infra: exca.TaskInfra = exca.TaskInfra(version="fit 1", **PLACE)

    @infra.apply
    def value(self) -> int:
        data = self.load.value()
        return sum(data) + self.seed


class Score(pydantic.BaseModel):
    fit: Fit
    infra: exca.TaskInfra = exca.TaskInfra(version="score 1", **PLACE)

    @infra.apply
    def value(self) -> int:
        return 2 * self.fit.value() + 1


class Compare(pydantic.BaseModel):
    scores: str
    infra: exca.TaskInfra = exca.TaskInfra(version="1", **PLACE)
    _scores: list = pydantic.PrivateAttr(default_factory=list)

    @infra.apply
    def value(self) -> int:
        return sum(self._scores)


def main():
    seeds = list(range(COUNT))
    if CHANGED:
        seeds[-1] += 1_000_000
    fits = (Fit(load=Load(seed=seed), seed=seed) for seed in seeds)
    scores = [Score(fit=fit).value() for fit in fits]
    task = Compare(scores=hashlib.sha256(repr(scores).encode()).hexdigest())
    task._scores = scores
    print("answer", task.value())


if __name__ == "__main__":
    if sys.argv[1] != "--help":
        os.makedirs("cache", exist_ok=True)
        main()
