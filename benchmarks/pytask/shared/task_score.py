"""The third stage."""

import pickle
from pathlib import Path
from typing import Annotated

from pytask import Product, task
from seeds import SEEDS, place

for seed in SEEDS:

    @task(id=str(seed))
    def score(
        fitted: Path = place("fit", seed),
        made: Annotated[Path, Product] = place("score", seed),
    ) -> None:
        model = pickle.loads(fitted.read_bytes())
        made.write_bytes(pickle.dumps(2 * model + 1))
