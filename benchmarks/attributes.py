"""Measures what a tracked field costs in a loop: a stage reads it a million times.

The loop runs inside a stage, as the runner calls it; beside it, in turn, the same loop
over a plain dataclass.
"""

import json

from own import Project, median, parser, verdict


def main() -> int:
    given = parser(__doc__, 1).parse_args()
    ratios = []
    with Project(given.python, 1) as project:
        for _ in range(given.repeats):
            project.experiment("attributes", "--quiet", "--overwrite")
        for path in project.root.glob("data/cache/*read_often*/*/seconds.json"):
            ratios += [a / b for a, b in json.loads(path.read_text("utf-8"))]
    low, high = min(ratios), max(ratios)
    print(f"{len(ratios)} pairs of loops in {given.repeats} processes")
    print(f"tracked / plain: median {median(ratios):.3f}, from {low:.2f} to {high:.2f}")
    verdict("a field read in a loop", median(ratios), 1.2)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
