"""The first stage: one task for all seeds."""

import pickle
from pathlib import Path
from typing import Annotated

from pytask import Product
from seeds import place


def task_load(made: Annotated[Path, Product] = place("load", "all")) -> None:
    made.write_bytes(pickle.dumps([1, 2, 3]))
