"""Imported by the process that forks workers, and by no other: it ends with the run."""

import gc
import importlib

from .forking import end_with_parent

# What each worker would import by itself; experiments do so with the last one.
NEEDED = (
    "curifactory.extras.workers",
    "concurrent.futures.process",
    "curifactory.execute",
)

end_with_parent()
for each in NEEDED:
    importlib.import_module(each)
gc.freeze()  # what is shared stays so
