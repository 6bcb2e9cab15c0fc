"""Count the runner's non-blank lines; exit 1 when it grew over its ceiling."""

import sys
from pathlib import Path

RUNNER = Path(__file__).parents[1] / "<<cookiecutter.project_name>>" / "curifactory"
KERNEL_BUDGET = 2_000
TOTAL_BUDGET = 4_000
# The runner is over its budget (docs/decisions/0003). A change that needs more than
# these two says in its commit what for.
KERNEL_CEILING = 13_317
TOTAL_CEILING = 16_805
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
    print(
        f"kernel: {kernel:,} lines, budget {KERNEL_BUDGET:,}",
        over(kernel, KERNEL_BUDGET),
    )
    print(
        f"all:    {total:,} lines, budget {TOTAL_BUDGET:,}", over(total, TOTAL_BUDGET)
    )
    return int(kernel > KERNEL_CEILING or total > TOTAL_CEILING)


def over(lines: int, budget: int) -> str:
    """Say by how much a budget is exceeded; nothing where it holds."""
    return f"- OVER by {lines - budget:,}" if lines > budget else ""


if __name__ == "__main__":
    sys.exit(main())
