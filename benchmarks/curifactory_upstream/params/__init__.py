"""What varies: a seed."""

from dataclasses import dataclass

from curifactory import ExperimentParameters


@dataclass
class Params(ExperimentParameters):
    seed: int = 0
    depth: int = 2
    rate: float = 0.1
    model: str = "linear"
