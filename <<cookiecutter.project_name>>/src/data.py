"""The handwritten digits: load them, split them, draw from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import train_test_split


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled images of handwritten digits.

    Attributes
    ----------
    images : float64 array, shape (n, 64)
        Grey levels row by row, 8 x 8 pixels an image; 0 is paper, 1 is ink.
    labels : int64 array, shape (n,)
        The digit that was meant, 0 to 9.
    """

    images: NDArray[np.float64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> "Samples":
        """Copy the images and labels of the given rows, in that order."""
        return Samples(self.images[rows], self.labels[rows])


def load_digits() -> Samples:
    """Load the 1797 digits that ship inside scikit-learn.

    Returns
    -------
    Samples
        n = 1797, grey levels scaled from 0..16 to 0..1.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998, https://doi.org/10.24432/C50P49 (its test set; licence
    CC BY 4.0).
    """
    pixels, labels = datasets.load_digits(return_X_y=True)
    grey = np.asarray(pixels, dtype=np.float64) / 16
    return Samples(grey, np.asarray(labels, dtype=np.int64))


def split(samples: Samples, test_fraction: float, seed: int) -> tuple[Samples, Samples]:
    """Split samples at random, with the same share of each digit on both sides.

    Parameters
    ----------
    samples : Samples
        n images, at least two of each digit.
    test_fraction : float
        Share of the images for the test, in (0, 1).
    seed : int
        Start of the random choice, >= 0.

    Returns
    -------
    tuple of Samples
        The training set and the test set; together they hold each image once.

    Raises
    ------
    ValueError
        If one side would be empty, or has no room for each digit.
    """
    rows: Any = train_test_split(
        np.arange(len(samples)),
        test_size=test_fraction,
        stratify=samples.labels,
        random_state=seed,
    )
    return samples.take(rows[0]), samples.take(rows[1])


def subsample(samples: Samples, fraction: float, seed: int) -> Samples:
    """Draw a share of the samples at random, without replacement.

    Parameters
    ----------
    samples : Samples
        n images.
    fraction : float
        Share to draw, in (0, 1]; the number of images is rounded, and at least one.
    seed : int
        Start of the random choice, >= 0.

    Returns
    -------
    Samples
        The drawn images in random order.

    Raises
    ------
    ValueError
        If `fraction` is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must be in (0, 1], got {fraction}")
    count = max(1, round(fraction * len(samples)))
    rows = np.random.default_rng(seed).permutation(len(samples))
    return samples.take(rows[:count])
