"""Measures 10,000 argsets of one parameter file: listing and comparing them, and `experiment map`.

Beside a plain script that makes the same dataclasses and prints them.
"""

from own import Project, median, parser

PLAIN = """
from dataclasses import dataclass


@dataclass
class Args:
    name: str = ""
    seed: int = 0
    depth: int = 2
    rate: float = 0.1
    model: str = "linear"


for args in [Args(name=f"s{index}", seed=index) for index in range(COUNT)]:
    print(args)
"""
LISTING = """
from curifactory.experiment import load_argsets

for args in load_argsets(".", ["sweep"]):
    print(args)
"""


def main() -> int:
    given = parser(__doc__, 10_000).parse_args()
    with Project(given.python, given.n) as project:
        project.write("plain_script.py", PLAIN.replace("COUNT", str(given.n)))
        project.write("listing.py", LISTING)
        listing = ("-m", "curifactory", "params", "sweep")
        commands = {
            "plain script": ("plain_script.py",),
            "listing (load_argsets)": ("listing.py",),
            "listing (experiment params)": listing,
            "diff of two": (*listing, "--diff", "s0", f"s{given.n - 1}"),
            "map, nothing cached": ("-m", "curifactory", "map", "sweep"),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(given.repeats):
            for name, command in commands.items():
                times[name].append(project.run(*command).wall)
    print(f"{given.n:,} argsets of one file, medians of {given.repeats}")
    plain = times["plain script"]
    for name, found in times.items():
        ratio = median(a / b for a, b in zip(found, plain, strict=True))
        print(f"  {name:28} {median(found):7.3f} s   {ratio:6.1f} x plain")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
