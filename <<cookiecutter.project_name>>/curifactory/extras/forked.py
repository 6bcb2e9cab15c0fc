"""Imported by the process that forks workers, and by no other: it ends with the run."""

import gc
import importlib

from .forking import end_with_parent

end_with_parent()
importlib.import_module("curifactory.extras.workers")
gc.freeze()  # what is shared stays so
