"""What a process runs first that a stage has started: it tells of the files it reads."""

import os

if "CURIFACTORY_CHILDREN" in os.environ:
    from . import files  # noqa: F401
