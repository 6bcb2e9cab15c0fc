"""One call seeds all generators that a project uses."""

import random

import pytest

from curifactory.extras.seeding import seed_everything

LATER = """
import sys
from curifactory.extras.seeding import seed_everything

assert "numpy" not in sys.modules
seed_everything(3)
import numpy
print(numpy.random.random())
"""


def test_one_seed_gives_the_same_numbers_again():
    numpy = pytest.importorskip("numpy")
    drawn = []
    for seed in (3, 3, 2**40 + 1):
        seed_everything(seed)
        drawn.append((random.random(), numpy.random.random()))
    assert drawn[0] == drawn[1] != drawn[2]


def test_numpy_is_seeded_whenever_it_is_imported(whole):
    pytest.importorskip("numpy")
    first, second = whole.script(LATER), whole.script(LATER)
    assert first.code == 0 and first.out == second.out
