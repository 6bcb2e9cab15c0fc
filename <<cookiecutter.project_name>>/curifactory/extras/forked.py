"""Imported by the process that forks workers, and by no other: it ends with the run."""

import gc

from . import forking, workers  # noqa: F401  what workers need, imported once

forking.end_with_parent()
gc.freeze()  # what is shared stays so
