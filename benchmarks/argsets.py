"""Measures 10,000 argsets of one parameter file: listing and comparing them, and `experiment map`.

First argsets of five plain fields, then of fifteen fields, lists and nested dataclasses among
them. Beside a plain script that makes and prints dataclasses of the same fields.
"""

from own import Project, median, parser, verdict

LONGEST = 1.0
"""The seconds of waiting that a train of thought survives (Nielsen, Usability Engineering, 1993, 5.5)."""

IMPORTS = """
from dataclasses import dataclass, field
from pathlib import Path
BASE_IMPORT
"""
ARGS = """

@dataclass
class Args(BASE):
    NAME
    seed: int = 0
    depth: int = 2
    rate: float = 0.1
    model: str = "linear"
"""
NESTED = """

@dataclass
class Model:
    depth: int = 2
    widths: list[int] = field(default_factory=lambda: [64, 32])
    dropout: float = 0.1
    activation: str = "relu"


@dataclass
class Optimizer:
    rate: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    schedule: dict[str, float] = field(default_factory=lambda: {"start": 0.1, "end": 0.0})
"""
MORE = """\
    data: Path = Path("data/x.csv")
    columns: list[str] = field(default_factory=lambda: ["a", "b", "c"])
    folds: int = 5
    epochs: int = 10
    batch: int = 32
    net: Model = field(default_factory=Model)
    optimizer: Optimizer = field(default_factory=Optimizer)
    notes: str | None = None
    weights: dict[str, float] = field(default_factory=dict)
    is_quiet: bool = False
"""
DECLARED = {"five": IMPORTS + ARGS, "fifteen": IMPORTS + NESTED + ARGS + MORE}
PRINTED = """

for args in [Args(name=f"s{index}", seed=index) for index in range(COUNT)]:
    print(args)
"""
LISTING = """
from curifactory.experiment import load_argsets

for args in load_argsets(".", ["sweep"]):
    print(args)
"""


def plain(declared: str, count: int) -> str:
    """Return the script that makes the same dataclasses and prints them."""
    made = declared.replace("(BASE)", "").replace("BASE_IMPORT", "")
    printed = PRINTED.replace("COUNT", str(count))
    return made.replace("NAME", 'name: str = ""') + printed


def with_runner(declared: str) -> str:
    """Return `params/__init__.py` with these fields."""
    imported = "from curifactory import ExperimentArgs"
    made = declared.replace("BASE_IMPORT", imported).replace("    NAME\n", "")
    return '"""What varies."""\n' + made.replace("BASE", "ExperimentArgs")


def measured(project: Project, count: int, repeats: int) -> dict[str, list[float]]:
    """Return how long each command took, in every round."""
    listing = ("-m", "curifactory", "params", "sweep")
    commands = {
        "plain script": ("plain_script.py",),
        "listing (load_argsets)": ("listing.py",),
        "listing (experiment params)": listing,
        "diff of two": (*listing, "--diff", "s0", f"s{count - 1}"),
        "map, nothing cached": ("-m", "curifactory", "map", "sweep"),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            times[name].append(project.run(*command).wall)
    return times


def main() -> int:
    given = parser(__doc__, 10_000).parse_args()
    for fields, declared in DECLARED.items():
        with Project(given.python, given.n) as project:
            project.write("plain_script.py", plain(declared, given.n))
            project.write("listing.py", LISTING)
            project.write("params/__init__.py", with_runner(declared))
            times = measured(project, given.n, given.repeats)
        print(f"{given.n:,} argsets of {fields} fields, medians of {given.repeats}")
        for name, found in times.items():
            pairs = zip(found, times["plain script"], strict=True)
            ratio = median(ours / theirs for ours, theirs in pairs)
            print(f"  {name:28} {median(found):7.3f} s   {ratio:6.1f} x plain")
        longest = max(map(median, times.values()))
        verdict(f"the longest wait, {fields} fields", longest, LONGEST, " s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
