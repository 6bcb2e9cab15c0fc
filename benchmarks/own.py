"""A working copy of our own project, for the measurements that compare with nobody."""

import argparse
import os
import shutil
import sys
from pathlib import Path
from statistics import median

import measure
from tools import HERE, OURS

BUILD = HERE.parent / "build" / "bench"


def parser(description: str | None, count: int) -> argparse.ArgumentParser:
    """Return a parser with the options that all measurements have."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("-n", type=int, default=count, help=f"({count:,})")
    made.add_argument("--repeats", type=int, default=5, help="(5)")
    environment = BUILD / "envs" / "ours" / "bin" / "python"
    made.add_argument("--python", default=environment, help="(that of make bench-envs)")
    return made


class Project:
    """A fresh copy of our workload, removed at the end."""

    def __init__(self, python: object, count: int) -> None:
        self.python = str(python)
        self.root = BUILD / f"own-{os.getpid()}"
        OURS.prepare(self.root)
        OURS.resize(self.root, count)

    def __enter__(self) -> "Project":
        return self

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def run(self, *arguments: object) -> measure.Usage:
        """Run Python with arguments in the project; a failure ends the measurement."""
        used = measure.run([self.python, *map(str, arguments)], self.root, 7200)
        if used.code:
            sys.exit(f"{arguments} failed:\n{used.out}")
        return used

    def experiment(self, *arguments: object) -> measure.Usage:
        return self.run("-m", "curifactory", *arguments)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        return path


def verdict(name: str, value: float, most: float, unit: str = "") -> None:
    """Print a figure beside its aim."""
    word = "met" if value <= most else "MISSED"
    print(f"{word:6} {name}: {value:.3g}{unit}, at most {most:g}{unit}")


__all__ = ["Project", "median", "parser", "verdict"]
