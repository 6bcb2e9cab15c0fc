"""The stages of the workload: each maps over all seeds, results in few files."""

import hashlib
import time
from collections.abc import Iterator, Sequence

import exca
import pydantic

PLACE = {"folder": "cache", "keep_in_ram": False}


def uid(item):
    return str(item)


class Load(pydantic.BaseModel):
    infra: exca.MapInfra = exca.MapInfra(version="1", **PLACE)

    @infra.apply(item_uid=uid)
    def process(self, seeds: Sequence[int]) -> Iterator[list]:
        for seed in seeds:
            yield [seed, seed + 1, seed + 2]


class LoadShared(pydantic.BaseModel):
    infra: exca.MapInfra = exca.MapInfra(version="1", **PLACE)

    @infra.apply(item_uid=uid)
    def process(self, names: Sequence[str]) -> Iterator[list]:
        for _ in names:
            yield [1, 2, 3]


class Fit(pydantic.BaseModel):
    shared: bool = False
    infra: exca.MapInfra = exca.MapInfra(version="fit 1", **PLACE)

    @infra.apply(item_uid=uid)
    def process(self, seeds: Sequence[int]) -> Iterator[int]:
        if self.shared:
            loaded = list(LoadShared().process(["data"])) * len(seeds)
        else:
            loaded = Load().process(seeds)
        for data, seed in zip(loaded, seeds, strict=True):
            yield sum(data) + seed


class Score(pydantic.BaseModel):
    fit: Fit
    infra: exca.MapInfra = exca.MapInfra(version="score 1", **PLACE)

    @infra.apply(item_uid=uid)
    def process(self, seeds: Sequence[int]) -> Iterator[int]:
        for model in self.fit.process(seeds):
            yield 2 * model + 1


class Compare(pydantic.BaseModel):
    infra: exca.MapInfra = exca.MapInfra(version="1", **PLACE)

    @infra.apply(item_uid=lambda each: hashlib.sha256(repr(each).encode()).hexdigest())
    def process(self, scores: Sequence[list]) -> Iterator[int]:
        for each in scores:
            yield sum(each)


class Burn(pydantic.BaseModel):
    infra: exca.MapInfra = exca.MapInfra(
        version="1", cluster="processpool", max_jobs=2, **PLACE
    )

    @infra.apply(item_uid=uid)
    def process(self, seeds: Sequence[int]) -> Iterator[int]:
        for _ in seeds:
            end = time.process_time() + 0.5
            while time.process_time() < end:
                pass
            yield 1
