"""Loading, splitting and drawing of digits."""

import numpy as np
import pytest

from src.data import Samples, load_digits, split, subsample


def samples(count):
    """Images whose pixels all hold their number; labels 0, 1, 0, 1, ..."""
    numbers = np.arange(count)
    return Samples(np.tile(numbers[:, None], 64).astype(float), numbers % 2)


def rows(drawn):
    return drawn.images[:, 0].astype(int).tolist()


def test_digits_are_complete_and_scaled():
    digits = load_digits()
    assert digits.images.shape == (1797, 64) and len(digits) == 1797
    assert (digits.images.min(), digits.images.max()) == (0, 1)
    assert np.unique(digits.labels).tolist() == list(range(10))


def test_split_uses_each_image_once():
    train, test = split(samples(20), 0.25, seed=0)
    assert (len(train), len(test)) == (15, 5)
    assert sorted(rows(train) + rows(test)) == list(range(20))


def test_split_keeps_the_share_of_each_label():
    train, test = split(samples(20), 0.4, seed=0)
    assert np.bincount(train.labels).tolist() == [6, 6]
    assert np.bincount(test.labels).tolist() == [4, 4]


def test_images_keep_their_labels():
    drawn = subsample(samples(20), 0.5, seed=3)
    assert [number % 2 for number in rows(drawn)] == drawn.labels.tolist()


def test_subsample_draws_the_share_without_repeats():
    drawn = rows(subsample(samples(20), 0.8, seed=0))
    assert len(drawn) == len(set(drawn)) == 16


def test_seed_decides_the_draw():
    first, again, other = (subsample(samples(20), 0.5, seed) for seed in (1, 1, 2))
    assert rows(first) == rows(again) != rows(other)


@pytest.mark.parametrize("fraction", [0, -0.1, 1.1])
def test_subsample_refuses_impossible_shares(fraction):
    with pytest.raises(ValueError, match="fraction"):
        subsample(samples(4), fraction, seed=0)
