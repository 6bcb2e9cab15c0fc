"""One seed for everything that draws random numbers."""

import contextlib
import importlib
import random


def seed_everything(seed: int) -> None:
    """Seed `random`, and numpy and torch where they are installed.

    Call it first in a stage: seed_everything(record.args.seed). A generator of your own
    (numpy.random.default_rng(seed)) is better still: nobody else draws from it.
    """
    random.seed(seed)
    with contextlib.suppress(ImportError):
        importlib.import_module("numpy").random.seed(seed % 2**32)
    with contextlib.suppress(ImportError):
        importlib.import_module("torch").manual_seed(seed)
