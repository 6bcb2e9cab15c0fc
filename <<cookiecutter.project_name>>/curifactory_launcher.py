"""The `experiment` command: it starts the runner of the project you are in.

Several projects may share one environment. The nearest project upwards from the current
folder comes first on the path, so that each one uses its own runner and its own code.
"""

# PYTHON_ARGCOMPLETE_OK: shells that complete all such commands look for this.

import os
import sys
from pathlib import Path


def find_root(start: Path) -> Path | None:
    """Find the nearest folder upwards that is a project with its own runner."""
    for folder in (start, *start.parents):
        if (folder / "curifactory").is_dir() and has_experiments(folder):
            return folder
    return None


def has_experiments(folder: Path) -> bool:
    """Say whether experiments lie here, or in a folder that pyproject.toml names."""
    project = folder / "pyproject.toml"
    return (folder / "experiments").is_dir() or (
        project.is_file() and "[tool.curifactory" in project.read_text("utf-8")
    )


def put_first(root: Path) -> None:
    """Make `root` the first place that imports look at, and name it only once."""
    others = [entry for entry in sys.path if os.path.realpath(entry) != str(root)]
    sys.path[:] = [str(root), *others]


def main() -> int:
    """Run the command line of the nearest project and return its exit code."""
    here = Path(os.path.realpath(os.curdir))
    root = find_root(here)
    if root is None:
        print(
            f"error: no project here: neither {here} nor a folder above it has "
            "experiments/ and curifactory/\n  change into a project folder",
            file=sys.stderr,
        )
        return 2
    put_first(root)
    from curifactory.__main__ import main as run_command_line

    return run_command_line()


if __name__ == "__main__":
    raise SystemExit(main())
