"""When Python looks for garbage: seldom in a run's own work, in stages as elsewhere."""

import contextlib
import gc
from collections.abc import Iterator

SELDOM = 100_000, 50, 1000
"""A great many calls are no garbage, and are looked through for nothing."""

_usual = gc.get_threshold()


def look_seldom() -> None:
    """Let this process look for garbage less often, but for what stages do."""
    gc.set_threshold(*SELDOM)


@contextlib.contextmanager
def looked_for_as_elsewhere() -> Iterator[None]:
    """Let memory that a stage has done with be given back as often as in a script."""
    before = gc.get_threshold()
    if before[:2] == SELDOM[:2]:  # newer Pythons keep no third one
        gc.set_threshold(*_usual)
    try:
        yield
    finally:
        if gc.get_threshold()[:2] == _usual[:2]:  # the stage did not choose another
            gc.set_threshold(*before)
