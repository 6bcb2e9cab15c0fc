"""Helpers that build many argsets from one, or from each of a list.

They return copies, named after what varies, and never change what they are given. What
lies in a dataclass, or dictionary, goes by its path: grid(args, **{"model.depth": [1, 2]}).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from random import Random
from typing import Any, TypeAlias, TypeVar

from curifactory import ExperimentArgs
from curifactory.args import changed, distinct, has_secrets, is_hidden

AnyArgs = TypeVar("AnyArgs", bound=ExperimentArgs)
Point: TypeAlias = dict[str, tuple[Any, str]]  # by field: a value, and how to name it
Distribution: TypeAlias = Callable[[float], Any]  # takes a number in [0, 1)


def seed_set(args: AnyArgs | Sequence[AnyArgs], seed_count: int = 5) -> list[AnyArgs]:
    """Repeat argsets with `seed_count` seeds each: 0, 1, 2, ...

    >>> from params import Args
    >>> [copy.name for copy in seed_set(Args(name="knn"), 3)]
    ['knn_seed0', 'knn_seed1', 'knn_seed2']
    """
    return [
        each.copy(name=f"{each.name}_seed{seed}".lstrip("_"), seed=seed)
        for each in _listed(args)
        for seed in range(seed_count)
    ]


def seed_group(name: str) -> str:
    """Give the name that all argsets of one seed set have in common.

    >>> seed_group("knn_seed2"), seed_group("svm_seed0_C=10")
    ('knn', 'svm_C=10')
    """
    return re.sub(r"_seed\d+(?=_|$)", "", name)


def grid(
    args: AnyArgs | Sequence[AnyArgs], /, **fields: Iterable[Any]
) -> list[AnyArgs]:
    """Combine all given values of all given fields; the last field varies fastest.

    >>> from params import Args
    >>> [copy.name for copy in grid(Args(name="base"), C=[1.0, 10.0], gamma=[0.1])]
    ['base_C=1.0_gamma=0.1', 'base_C=10.0_gamma=0.1']
    """
    columns = _columns("grid", fields)
    rows = product(*columns.values())
    return _varied(args, [dict(zip(columns, row, strict=True)) for row in rows])


def zipped(
    args: AnyArgs | Sequence[AnyArgs], /, **fields: Iterable[Any]
) -> list[AnyArgs]:
    """Take the first value of each field together, then the second of each, ...

    >>> from params import Args
    >>> [copy.name for copy in zipped(Args(name="base"), C=[1.0, 9.0], gamma=[0.3, 0.1])]
    ['base_C=1.0_gamma=0.3', 'base_C=9.0_gamma=0.1']
    """
    columns = _columns("zipped", fields)
    counts = {field: len(column) for field, column in columns.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(f"zipped takes as many values of each field, got {counts}")
    rows = zip(*columns.values(), strict=True)
    return _varied(args, [dict(zip(columns, row, strict=True)) for row in rows])


def one_at_a_time(
    args: AnyArgs | Sequence[AnyArgs], /, **fields: Iterable[Any]
) -> list[AnyArgs]:
    """Give the argset as it is, then copies with one field changed: an ablation.

    >>> from params import Args
    >>> [copy.name for copy in one_at_a_time(Args(name="base"), C=[9.0], gamma=[0.3])]
    ['base', 'base_C=9.0', 'base_gamma=0.3']
    """
    columns = _columns("one_at_a_time", fields).items()
    changes = [{field: choice} for field, column in columns for choice in column]
    return [copy for each in _listed(args) for copy in _varied(each, [{}, *changes])]


def random_search(
    args: AnyArgs | Sequence[AnyArgs], count: int, /, draw: int = 0, **fields: Any
) -> list[AnyArgs]:
    """Draw each field `count` times; the same `draw` gives the same values again.

    A field is a distribution (see below), or a list to choose from.

    >>> from params import Args
    >>> for copy in random_search(Args(name="a"), 2, C=log_uniform(1, 100), seed=[1, 2]):
    ...     print(copy.name, 1 <= copy.C < 100)
    a_C=48.8_seed=2 True
    a_C=6.94_seed=1 True
    """
    random = Random(draw)
    units = [[random.random() for _ in fields] for _ in range(count)]
    return _varied(args, [_drawn(fields, unit) for unit in units])


def sobol(
    args: AnyArgs | Sequence[AnyArgs], count: int, /, **fields: Any
) -> list[AnyArgs]:
    """Cover the ranges of all fields evenly with `count` points of a Sobol sequence.

    Fields are given as for `random_search`. Best is a `count` that is a power of two.

    >>> from params import Args
    >>> [copy.C for copy in sobol(Args(name="a"), 4, C=uniform(0, 1))]
    [0.0, 0.5, 0.75, 0.25]
    """
    from scipy.stats import qmc

    points = qmc.Sobol(len(fields), scramble=False).random_base2(
        (count - 1).bit_length()
    )
    return _varied(args, [_drawn(fields, point.tolist()) for point in points[:count]])


# Distributions ----------------------------------------------------------------------


def uniform(low: float, high: float) -> Distribution:
    """Any number from `low` to below `high`."""
    return lambda unit: low + unit * (high - low)


def log_uniform(low: float, high: float) -> Distribution:
    """Any number from `low` to below `high`, each order of magnitude equally often."""
    if not 0 < low <= high:
        raise ValueError(f"log_uniform({low}, {high}): expected 0 < low <= high")
    return lambda unit: low * (high / low) ** unit


def integers(low: int, high: int) -> Distribution:
    """Any whole number from `low` to `high`, both included."""
    if low > high:
        raise ValueError(f"integers({low}, {high}): expected low <= high")
    return lambda unit: low + int(unit * (high - low + 1))


# Copies and names -------------------------------------------------------------------


def _listed(args: AnyArgs | Sequence[AnyArgs]) -> Sequence[AnyArgs]:
    return [args] if isinstance(args, ExperimentArgs) else args


def _varied(
    args: AnyArgs | Sequence[AnyArgs], points: Sequence[Point]
) -> list[AnyArgs]:
    """Return a copy of each argset for each point; names that clash get a number."""
    return [
        changed(each, {**_values(point), "name": (each.name + name).lstrip("_")})
        for each in _listed(args)
        for point, name in zip(points, _names(each, points), strict=True)
    ]


def _values(point: Point) -> dict[str, Any]:
    return {field: value for field, (value, _) in point.items()}


def _names(args: ExperimentArgs, points: Sequence[Point]) -> list[str]:
    """Name points by what varies; values of secret fields are not shown."""
    names = []
    for point in points:
        name = ""
        for field, (value, label) in point.items():
            is_secret = is_hidden(args, field) or has_secrets(value)
            name += f"_{field}={'secret' if is_secret else label}"
        names.append(name)
    return distinct(names)


def _columns(
    function: str, fields: dict[str, Iterable[Any]]
) -> dict[str, list[tuple[Any, str]]]:
    """Return the values of each field with their labels."""
    columns = {}
    for field, values in fields.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            said = f"{function}({field}=...) takes a list of values, got {values!r}"
            raise TypeError(said)
        columns[field] = [(value, _label(value)) for value in values]
    return columns


def _drawn(fields: dict[str, Any], unit: Sequence[float]) -> Point:
    """Return the point that numbers in [0, 1) choose, one number for each field."""
    point = {}
    for (field, among), number in zip(fields.items(), unit, strict=True):
        is_list = not callable(among)
        if is_list and (isinstance(among, (str, set)) or not len(among)):
            said = (
                f"{field}={among!r}: expected a distribution, or a list to choose from"
            )
            raise TypeError(said)
        value = among[int(number * len(among))] if is_list else among(number)
        point[field] = value, f"{value:.3g}" if type(value) is float else _label(value)
    return point


def _label(value: Any) -> str:
    """Write a value briefly, with nothing but characters that suit a file name."""
    if isinstance(value, (list, tuple)):
        text = "-".join(_label(item) for item in value)
    else:
        text = getattr(value, "__name__", None) or str(value)
    sign = "-" if text.startswith("-") else ""
    return sign + re.sub(r"[^\w.+-]+", "-", text)[:40].strip("-") or "empty"
