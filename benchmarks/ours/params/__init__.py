"""What varies: a seed."""

from dataclasses import dataclass

from curifactory import ExperimentArgs


@dataclass
class Args(ExperimentArgs):
    seed: int = 0
    depth: int = 2
    rate: float = 0.1
    model: str = "linear"
