"""Helpers that build many argsets from one. They return copies, never the original."""

import re
from collections.abc import Iterable
from copy import deepcopy
from itertools import product
from typing import Any, Protocol, TypeVar

from curifactory import ExperimentArgs


class Seeded(Protocol):
    """Any argset that has a seed."""

    name: str
    seed: int


AnySeeded = TypeVar("AnySeeded", bound=Seeded)
AnyArgs = TypeVar("AnyArgs", bound=ExperimentArgs)


def seed_set(args: AnySeeded, seed_count: int = 5) -> list[AnySeeded]:
    """Repeat one argset with the seeds 0, 1, ... up to `seed_count`.

    >>> [copy.name for copy in seed_set(Args(name="knn"), 3)]
    ['knn_seed0', 'knn_seed1', 'knn_seed2']
    """
    return [_with_seed(args, seed) for seed in range(seed_count)]


def seed_group(name: str) -> str:
    """Give the name that all argsets of one seed set have in common.

    >>> seed_group("knn_seed2")
    'knn'
    """
    return re.sub(r"_seed\d+$", "", name)


def grid(args: AnyArgs, **fields: Iterable[Any]) -> list[AnyArgs]:
    """Combine all given values of all given fields; the last field varies fastest.

    >>> [copy.name for copy in grid(Args(name="base"), C=[1.0, 10.0], gamma=[0.1])]
    ['base_C=1.0_gamma=0.1', 'base_C=10.0_gamma=0.1']
    """
    choices = [_choices(field, values) for field, values in fields.items()]
    return [_with_values(args, combination) for combination in product(*choices)]


def _with_seed(args: AnySeeded, seed: int) -> AnySeeded:
    copy = deepcopy(args)
    copy.name += f"_seed{seed}"
    copy.seed = seed
    return copy


def _with_values(args: AnyArgs, combination: Iterable[tuple[str, Any, str]]) -> AnyArgs:
    copy = deepcopy(args)
    for field, value, label in combination:
        setattr(copy, field, deepcopy(value))
        copy.name += f"_{field}={label}"
    return copy


def _choices(field: str, values: Iterable[Any]) -> list[tuple[str, Any, str]]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"grid({field}=...) takes a list of values, got {values!r}")
    values = list(values)
    labels = [_label(value) for value in values]
    if len(set(labels)) < len(labels):
        labels = [str(position) for position in range(len(values))]
    return [(field, value, label) for value, label in zip(values, labels, strict=True)]


def _label(value: Any) -> str:
    """Write a value briefly, with nothing but characters that suit a file name."""
    if isinstance(value, (list, tuple)):
        text = "-".join(_label(item) for item in value)
    else:
        text = getattr(value, "__name__", None) or str(value)
    return re.sub(r"[^\w.+-]+", "-", text)[:40].strip("-") or "empty"
