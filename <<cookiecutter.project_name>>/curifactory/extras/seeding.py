"""One seed for everything that draws random numbers."""

import random
import sys


def seed_everything(seed: int) -> None:
    """Seed `random`, and numpy and torch where the project has imported them.

    Call it first in a stage: seed_everything(record.args.seed). A generator of your own
    (numpy.random.default_rng(seed)) is better still: nobody else draws from it.
    """
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
