"""How good a reading is: accuracy, confusion matrix and recall."""

import numpy as np
from numpy.typing import NDArray


def accuracy(true: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Compute the share of labels that are predicted right.

    Parameters
    ----------
    true, predicted : int64 array, shape (n,)
        Labels of the same n >= 1 images.

    Returns
    -------
    float
        Accuracy, 0 to 1.

    Raises
    ------
    ValueError
        If there are no labels, or not equally many.
    """
    _check_pairs(true, predicted)
    return float(np.mean(true == predicted))


def confusion_matrix(
    true: NDArray[np.int64], predicted: NDArray[np.int64], class_count: int
) -> NDArray[np.int64]:
    """Count how often each class is read as each class.

    Parameters
    ----------
    true, predicted : int64 array, shape (n,)
        Labels of the same n >= 1 images, 0 to `class_count` - 1.
    class_count : int
        Number of classes, k >= 1.

    Returns
    -------
    int64 array, shape (k, k)
        Number of images; row: true class, column: predicted class.

    Raises
    ------
    ValueError
        If there are no labels, or not equally many.
    IndexError
        If a label is not below `class_count`.
    """
    _check_pairs(true, predicted)
    counts = np.zeros((class_count, class_count), dtype=np.int64)
    np.add.at(counts, (true, predicted), 1)
    return counts


def recall(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute for each class the share of its images that are read right.

    Parameters
    ----------
    confusion : int64 array, shape (k, k)
        From `confusion_matrix`.

    Returns
    -------
    float64 array, shape (k,)
        Recall, 0 to 1; 1 for a class without images, which has none to miss.
    """
    sizes = confusion.sum(axis=1)
    shares = np.ones(len(sizes))
    np.divide(np.diagonal(confusion), sizes, out=shares, where=sizes > 0)
    return shares


def _check_pairs(true: NDArray[np.int64], predicted: NDArray[np.int64]) -> None:
    if len(true) == 0 or len(true) != len(predicted):
        raise ValueError(
            f"expected two equally long, non-empty arrays of labels, "
            f"got {len(true)} and {len(predicted)}"
        )
