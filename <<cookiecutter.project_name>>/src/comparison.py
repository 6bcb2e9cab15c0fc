"""Comparing groups of results: mean and spread."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """What a group of repeated measurements says.

    Attributes
    ----------
    group : str
        Name of the group.
    count : int
        Number of measurements, >= 1.
    mean : float
        Arithmetic mean, in the unit of the measurements.
    spread : float or None
        Sample standard deviation (divisor count - 1), in the unit of the measurements;
        None for a single measurement, which says nothing about spread.
    """

    group: str
    count: int
    mean: float
    spread: float | None


def summarise(group: str, values: Sequence[float]) -> Summary:
    """Compute mean and spread of one group.

    Parameters
    ----------
    group : str
        Name of the group.
    values : sequence of float
        At least one measurement.

    Returns
    -------
    Summary

    Raises
    ------
    ValueError
        If there are no measurements.
    """
    if not values:
        raise ValueError(f"group {group!r} has no values")
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Summary(group, len(values), statistics.fmean(values), spread)


def rank(groups: Mapping[str, Sequence[float]]) -> list[Summary]:
    """Summarise each group, the highest mean first; equal means stay in order.

    Parameters
    ----------
    groups : mapping of str to sequence of float
        Measurements by group, at least one each.

    Returns
    -------
    list of Summary
    """
    summaries = [summarise(group, values) for group, values in groups.items()]
    return sorted(summaries, key=lambda summary: -summary.mean)
