"""The first stage: one task a seed."""

import pickle
from pathlib import Path
from typing import Annotated

from pytask import Product, task
from seeds import SEEDS, place

for seed in SEEDS:

    @task(id=str(seed))
    def load(
        seed: int = seed, made: Annotated[Path, Product] = place("load", seed)
    ) -> None:
        made.write_bytes(pickle.dumps([seed, seed + 1, seed + 2]))
