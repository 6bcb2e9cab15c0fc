"""WHAT varies: the arguments of this project, and one file for each paramset."""

from dataclasses import dataclass, field

from curifactory import ExperimentArgs


@dataclass
class Args(ExperimentArgs):
    """One argset: everything that can differ from one variant to the next.

    Each field says its meaning, unit and range. Give each one a default, so that a
    parameter file names only what it changes.
    """

    # Meaning: free text of your own. Unit: none. Range: any text.
    example_arg: str = ""
    # Meaning: how often the stub counts its data. Unit: epochs. Range: >= 0.
    example_number_of_epochs: int = 10
    # Meaning: numbers that the stub adds up. Unit: none. Range: any.
    # (Lists and dictionaries need a factory, so that no two argsets share one.)
    example_data: list[int] = field(default_factory=lambda: [1, 2, 3, 4])
    # Meaning: numbers that the stub adds up first. Unit: none. Range: any.
    starting_data: list[int] = field(default_factory=list)

    # Meaning: start of all random choices of a fit. Unit: none. Range: >= 0.
    seed: int = 0
    # Meaning: start of the random split, the same for all seeds of a comparison.
    # Unit: none. Range: >= 0.
    split_seed: int = 0
    # Meaning: share of the images kept for the test. Unit: 1. Range: (0, 1).
    test_fraction: float = 0.5
    # Meaning: share of the training images that one fit sees, drawn by `seed`.
    # Unit: 1. Range: (0, 1].
    fit_fraction: float = 0.8

    # Meaning: kind of classifier. Unit: none. Range: "knn", "svm" or "mlp".
    model_type: str = "knn"
    # Meaning: neighbours that vote (knn). Unit: images. Range: >= 1.
    n_neighbors: int = 3
    # Meaning: cost of an error in training (svm). Unit: 1. Range: > 0.
    C: float = 1.0
    # Meaning: inverse squared width of the kernel (svm). Unit: 1 / grey level squared,
    # where black is 1. Range: > 0.
    gamma: float = 0.1
    # Meaning: units of each hidden layer (mlp). Unit: units. Range: each >= 1.
    hidden_sizes: list[int] = field(default_factory=lambda: [32])
    # Meaning: most passes over the training images (mlp). Unit: passes. Range: >= 1.
    max_passes: int = 300
