"""One call seeds all generators that a project uses."""

import random

import pytest

from curifactory.extras.seeding import seed_everything


def test_one_seed_gives_the_same_numbers_again():
    numpy = pytest.importorskip("numpy")
    drawn = []
    for seed in (3, 3, 2**40 + 1):
        seed_everything(seed)
        drawn.append((random.random(), numpy.random.random()))
    assert drawn[0] == drawn[1] != drawn[2]
