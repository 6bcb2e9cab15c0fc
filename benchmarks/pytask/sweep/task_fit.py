"""The second stage."""

import pickle
from pathlib import Path
from typing import Annotated

from pytask import Product, task
from seeds import SEEDS, place

for seed in SEEDS:

    @task(id=str(seed))
    def fit(
        seed: int = seed,
        loaded: Path = place("load", seed),
        made: Annotated[Path, Product] = place("fit", seed),
    ) -> None:
        data = pickle.loads(loaded.read_bytes())
        made.write_bytes(pickle.dumps(sum(data) + seed))
