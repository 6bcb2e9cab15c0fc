"""Says where the time of this project goes: profiles of a cold and an all-cached run.

python benchmarks/hotspots.py -n 1000
"""

import argparse
import pstats
import sys
from pathlib import Path

import measure
from run import BUILD
from tools import OURS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=1000, help="argsets (1000)")
    parser.add_argument("--top", type=int, default=25, help="lines (25)")
    parser.add_argument("--experiment", default="sweep", help="or shared")
    parser.add_argument("--python", default=str(BUILD / "envs/ours/bin/python"))
    given = parser.parse_args()
    folder = BUILD / "profile"
    OURS.prepare(folder)
    OURS.resize(folder, given.n)
    run(given.python, folder, ["-m", "curifactory", "ls"])  # compiles the modules
    for scenario in ("cold", "cached"):
        target = folder / f"{scenario}.pstats"
        profiled = ["-m", "cProfile", "-o", str(target), "-m", "curifactory"]
        used = run(given.python, folder, [*profiled, given.experiment])
        print(f"{scenario}, N = {given.n:,}: {used.wall:.2f} s under the profiler")
        for order in ("cumulative", "tottime"):
            show(target, order, given.top)
    return 0


def run(python: str, folder: Path, arguments: list[str]) -> measure.Usage:
    used = measure.run([python, *arguments], folder, 3600)
    if used.code:
        sys.exit(used.out)
    return used


def show(target: Path, order: str, top: int) -> None:
    """Print the functions that take most, by their own time or with what they call."""
    stats = pstats.Stats(str(target))
    entries = stats.stats.items()  # type: ignore[attr-defined]
    place = 3 if order == "cumulative" else 2
    print(f"\n  by {order} time of {stats.total_tt:.2f} s")  # type: ignore[attr-defined]
    print("  share      own  with callees      calls  function")
    for (file, line, name), entry in sorted(entries, key=lambda each: -each[1][place])[
        :top
    ]:
        _, calls, own, whole, _ = entry
        share = entry[place] / stats.total_tt  # type: ignore[attr-defined]
        print(
            f"  {share:5.1%}  {own:7.3f}  {whole:12.3f}  {calls:9,}  "
            f"{name} ({shown(file)}:{line})"
        )
    print()


def shown(file: str) -> str:
    return "/".join(Path(file).parts[-2:]) if file != "~" else "built-in"


if __name__ == "__main__":
    raise SystemExit(main())
