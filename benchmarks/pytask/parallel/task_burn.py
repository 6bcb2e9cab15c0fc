"""Sixteen tasks that take half a second each, and their sum."""

import time
from pathlib import Path
from typing import Annotated

from pytask import Product, task
from seeds import CACHE, place

for seed in range(16):

    @task(id=str(seed))
    def burn(made: Annotated[Path, Product] = place("burn", seed)) -> None:
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        made.write_text("1")


def task_compare(
    burnt: list[Path] = [place("burn", seed) for seed in range(16)],
    made: Annotated[Path, Product] = CACHE / "answer.txt",
) -> None:
    made.write_text(str(sum(int(path.read_text()) for path in burnt)))
