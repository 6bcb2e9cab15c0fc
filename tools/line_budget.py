"""Count the runner's non-blank lines against its budget; exit 1 when over."""

import sys
from pathlib import Path

RUNNER = Path(__file__).parents[1] / "<<cookiecutter.project_name>>" / "curifactory"
KERNEL_BUDGET = 2_000
TOTAL_BUDGET = 4_000
MODULE_AIM = 300
COUNTED = {".py", ".html", ".j2", ".jinja", ".css", ".js"}


def count(path: Path) -> int:
    """Return the number of lines that are not blank."""
    return sum(1 for line in path.read_text("utf-8").splitlines() if line.strip())


def main() -> int:
    counts = {
        path: count(path)
        for path in sorted(RUNNER.rglob("*"))
        if path.suffix in COUNTED and "__pycache__" not in path.parts
    }
    kernel = sum(lines for path, lines in counts.items() if path.parent == RUNNER)
    total = sum(counts.values())
    for path, lines in counts.items():
        if lines > MODULE_AIM * 1.2:
            name = path.relative_to(RUNNER)
            print(f"note: {name} has {lines} lines; aim at about {MODULE_AIM}")
    print(f"kernel: {kernel:,} of {KERNEL_BUDGET:,} lines")
    print(f"all:    {total:,} of {TOTAL_BUDGET:,} lines, templates included")
    return int(kernel > KERNEL_BUDGET or total > TOTAL_BUDGET)


if __name__ == "__main__":
    sys.exit(main())
