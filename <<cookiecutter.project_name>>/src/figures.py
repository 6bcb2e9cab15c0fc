"""Figures. They use no global state of matplotlib, so they suit threads and servers."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from src.comparison import rank


def accuracy_by_group(groups: Mapping[str, Sequence[float]]) -> Figure:
    """Draw each accuracy as a point, and mean and spread of each group, best on top.

    Parameters
    ----------
    groups : mapping of str to sequence of float
        Accuracies (0 to 1) by group, at least one each.
    """
    figure = Figure(figsize=(6, 1.5 + 0.4 * len(groups)), layout="constrained")
    axes = figure.subplots()
    ranking = rank(groups)
    for row, summary in enumerate(ranking):
        values = groups[summary.group]
        axes.plot(values, [row] * len(values), "o", color="tab:blue", alpha=0.4)
        axes.errorbar(summary.mean, row, xerr=summary.spread or 0, fmt="k|", capsize=4)
    axes.set_yticks(range(len(groups)), [summary.group for summary in ranking])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlabel("accuracy on the test set (mean, standard deviation)")
    return figure


def confusion(counts: NDArray[np.int64], title: str) -> Figure:
    """Draw a confusion matrix with its counts.

    Parameters
    ----------
    counts : int64 array, shape (k, k)
        Number of images; row: true class, column: predicted class.
    title : str
        Line above the matrix.
    """
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    axes.set(title=title, xlabel="read as", ylabel="true digit")
    axes.set_xticks(range(len(counts)))
    axes.set_yticks(range(len(counts)))
    _write_counts(axes, counts)
    return figure


def _write_counts(axes: Axes, counts: NDArray[np.int64]) -> None:
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if count > counts.max() / 2 else "black"
        if count:
            axes.text(column, row, str(count), ha="center", va="center", color=color)
