"""The classifiers: one function builds each kind, one fits, one predicts."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from src.data import Samples

Classifier: TypeAlias = Any  # scikit-learn does not say its types


def knn(n_neighbors: int) -> Classifier:
    """Build a vote of the nearest training images, by Euclidean distance.

    Parameters
    ----------
    n_neighbors : int
        Images that vote, >= 1.

    References
    ----------
    T. Cover and P. Hart, "Nearest neighbor pattern classification", IEEE Transactions
    on Information Theory 13, 1967, https://doi.org/10.1109/TIT.1967.1053964.
    """
    return KNeighborsClassifier(n_neighbors=n_neighbors)


def svm(C: float, gamma: float) -> Classifier:
    """Build a support vector machine with the kernel exp(-gamma |x - y|^2).

    Parameters
    ----------
    C : float
        Cost of an error in training, > 0.
    gamma : float
        Inverse squared width of the kernel, in 1 / grey level squared, > 0.

    References
    ----------
    C. Cortes and V. Vapnik, "Support-vector networks", Machine Learning 20, 1995,
    https://doi.org/10.1007/BF00994018.
    """
    return SVC(C=C, gamma=gamma)  # pyright: ignore[reportArgumentType]


def mlp(hidden_sizes: Sequence[int], max_passes: int, seed: int) -> Classifier:
    """Build a network of fully connected layers with rectifiers, trained by Adam.

    Parameters
    ----------
    hidden_sizes : sequence of int
        Units of each hidden layer, each >= 1.
    max_passes : int
        Most passes over the training images, >= 1; training ends earlier once the loss
        no longer falls.
    seed : int
        Start of the random weights and of the order of the images, >= 0.

    References
    ----------
    D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015,
    https://arxiv.org/abs/1412.6980.
    """
    return MLPClassifier(
        hidden_layer_sizes=tuple(hidden_sizes),
        learning_rate_init=0.01,
        max_iter=max_passes,
        random_state=seed,
    )


def fit(model: Classifier, samples: Samples) -> Classifier:
    """Fit a copy of the model to the samples; the model itself stays as it is.

    Parameters
    ----------
    model : classifier
        From one of the functions above.
    samples : Samples
        n images with labels, of two digits at least.

    Returns
    -------
    classifier
        The fitted copy.

    Raises
    ------
    ValueError
        If a number of the model is out of its range, or there are too few images.
    """
    fresh: Classifier = clone(model)
    return fresh.fit(samples.images, samples.labels)


def predict(model: Classifier, images: NDArray[np.float64]) -> NDArray[np.int64]:
    """Read each image with a fitted model.

    Parameters
    ----------
    model : classifier
        From `fit`.
    images : float64 array, shape (n, 64)
        Grey levels, 0 to 1.

    Returns
    -------
    int64 array, shape (n,)
        The digit that the model reads, 0 to 9.
    """
    return np.asarray(model.predict(images), dtype=np.int64)
