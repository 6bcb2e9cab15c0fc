"""The classifiers."""

import numpy as np
import pytest

from src.data import Samples, load_digits
from src.models import fit, knn, mlp, predict, svm

BLACK_AND_WHITE = Samples(
    np.repeat([[0.0], [0.1], [0.9], [1.0]], 64, axis=1), np.array([0, 0, 1, 1])
)


def test_knn_takes_the_label_of_the_nearest_image():
    model = fit(knn(1), BLACK_AND_WHITE)
    images = np.repeat([[0.4], [0.6]], 64, axis=1)
    assert predict(model, images).tolist() == [0, 1]


@pytest.mark.parametrize("build", [lambda: knn(3), lambda: svm(1.0, 0.1)])
def test_model_learns_what_is_easy(build):
    model = fit(build(), BLACK_AND_WHITE)
    assert predict(model, BLACK_AND_WHITE.images).tolist() == [0, 0, 1, 1]


def test_fit_leaves_the_model_alone():
    model = knn(1)
    fit(model, BLACK_AND_WHITE)
    assert not hasattr(model, "classes_")


def test_seed_decides_the_network():
    digits = load_digits().take(np.arange(300))
    first, again, other = (fit(mlp([16], 500, seed), digits) for seed in (1, 1, 2))
    assert np.array_equal(first.coefs_[0], again.coefs_[0])
    assert not np.array_equal(first.coefs_[0], other.coefs_[0])
