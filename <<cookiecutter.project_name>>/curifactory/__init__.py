"""A small runner for experiments whose parameters are Python files."""

from __future__ import annotations

import importlib
import os

TYPE_CHECKING = False  # as type checkers know it; importing typing takes long
if TYPE_CHECKING:
    from typing import Any

    from .args import ExperimentArgs as ExperimentArgs
    from .args import parameter as parameter
    from .args import set_hash_functions as set_hash_functions
    from .caching import Lazy as Lazy
    from .errors import CurifactoryError as CurifactoryError
    from .manager import ArtifactManager as ArtifactManager
    from .record import Record as Record
    from .stages import aggregate as aggregate
    from .stages import stage as stage

    ExperimentParameters = ExperimentArgs

__version__ = "0.1.0"

_PLACES = {
    "ArtifactManager": "manager",
    "CurifactoryError": "errors",
    "ExperimentArgs": "args",
    "ExperimentParameters": "args",
    "Lazy": "caching",
    "Record": "record",
    "aggregate": "stages",
    "parameter": "args",
    "set_hash_functions": "args",
    "stage": "stages",
}
__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for: `--help` stays fast."""
    if name in ("caching", "experiment", "files", "reporting"):
        return importlib.import_module(f".{name}", __name__)
    if name == "Procedure":
        chain = "test(train(Record(manager, args)))"
        raise ImportError(f"there is no {name} here: call the stages in run(), {chain}")
    if name not in _PLACES:
        said = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(f"{said}; see {__name__}.caching and {__name__}.reporting")
    module = importlib.import_module(f".{_PLACES[name]}", __name__)
    found = getattr(module, "ExperimentArgs" if "Param" in name else name)
    globals()[name] = found
    return found


if "CURIFACTORY_CHILDREN" in os.environ:  # a stage has started this process, it may be
    __getattr__("files")
