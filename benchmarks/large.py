"""Measures stages that pass large arrays on, beside joblib.Memory.

Three stages for each of a few argsets, an array of 50 MB from one to the next. Both need
numpy, so both run in the environment of the tests.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from statistics import median

import measure
from own import BUILD
from tools import RUNNER

ARGS = '''"""What varies: a seed."""

from dataclasses import dataclass

from curifactory import ExperimentArgs


@dataclass
class Args(ExperimentArgs):
    seed: int = 0
'''
OURS = '''"""Arrays from stage to stage."""

import numpy as np

from curifactory import Record, stage
from params import Args


def get_params():
    return [Args(name=f"s{{seed}}", seed=seed) for seed in range({count})]


@stage(None, ["x"])
def make(record):
    return np.random.default_rng(record.args.seed).random({numbers})


@stage(["x"], ["y"])
def double(record, x):
    return 2 * x


@stage(["y"], ["total"])
def add(record, y):
    return float(y.sum())


def run(argsets, manager):
    records = [add(double(make(Record(manager, args)))) for args in argsets]
    print("sum", sum(record.state["total"] for record in records))
'''
THEIRS = '''"""The same with joblib.Memory."""

import numpy as np
from joblib import Memory

memory = Memory("cache", verbose=0)


@memory.cache
def make(seed):
    return np.random.default_rng(seed).random({numbers})


@memory.cache
def double(x):
    return 2 * x


@memory.cache
def add(y):
    return float(y.sum())


print("sum", sum(add(double(make(seed))) for seed in range({count})))
'''
COMMANDS = {
    "joblib.Memory": ("main.py",),
    "ours": ("-m", "curifactory", "large", "--quiet"),
}


def prepare(folder: Path, count: int, numbers: int) -> None:
    """Lay out a folder that both tools work in."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("params", "experiments"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(RUNNER, folder / "curifactory")
    (folder / "params" / "__init__.py").write_text(ARGS, encoding="utf-8")
    for path, text in (("experiments/large.py", OURS), ("main.py", THEIRS)):
        made = text.format(count=count, numbers=numbers)
        (folder / path).write_text(made, encoding="utf-8")


def measured(folder: Path, place: int) -> dict[tuple[str, str], measure.Usage]:
    """Return what each tool took in one round: cold, then cached; each is first in turn."""
    for left in ("cache", "data", "reports"):
        shutil.rmtree(folder / left, ignore_errors=True)
    found, said = {}, set()
    for scenario in ("cold", "cached"):
        for tool, command in list(COMMANDS.items())[:: 1 if place % 2 else -1]:
            os.sync()  # what the one before has written is not to be waited for
            used = measure.run([sys.executable, *command], folder, 600)
            if used.code:
                sys.exit(used.out)
            found[tool, scenario] = used
            said.add(next(line for line in used.out.splitlines() if line[:3] == "sum"))
    if len(said) > 1:
        sys.exit(f"the answers differ: {said}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", type=int, default=6, help="argsets (6)")
    parser.add_argument("--megabytes", type=int, default=50, help="of an array (50)")
    parser.add_argument("--repeats", type=int, default=6, help="(6)")
    given = parser.parse_args()
    numbers = given.megabytes * 1_000_000 // 8
    folder = BUILD / "large"
    prepare(folder, given.n, numbers)
    measured(folder, 0)  # compiles the modules
    rounds = [measured(folder, place) for place in range(given.repeats)]
    shutil.rmtree(folder)
    print(f"{given.n} argsets, arrays of {given.megabytes} MB, {given.repeats} rounds")
    for scenario in ("cold", "cached"):
        pairs = [(r["ours", scenario], r["joblib.Memory", scenario]) for r in rounds]
        times = median(ours.wall / theirs.wall for ours, theirs in pairs)
        memory = median(ours.memory / theirs.memory for ours, theirs in pairs)
        print(f"  {scenario:7} {times:5.2f} x the time, {memory:4.2f} x the memory")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
