"""`python -m curifactory NAME` is `experiment NAME`."""

import os
import sys
from importlib.machinery import ModuleSpec

APART = frozenset("ls runs cache new help -h --help --version".split())
"""What is done without importing the project."""


def main() -> int:
    """Run the command line in a process that has nothing else to do."""
    try:
        _fix_hash_seed()
        _stand_for_children()
        from .cli import main as run_command_line

        return run_command_line(may_fork=True)
    except KeyboardInterrupt:  # while it imports that
        return 130


def _fix_hash_seed() -> None:
    """Begin once more with the hash seed of workers, where code is imported.

    Sets of texts have one order in all runs then, and so has what is made of them.
    Debuggers, and what measures coverage, stay as they are.
    """
    imports = len(sys.argv) > 1 and APART.isdisjoint(sys.argv[1:])
    is_free = "PYTHONHASHSEED" not in os.environ and sys.gettrace() is None
    if os.name == "posix" and imports and is_free and sys.executable:
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _stand_for_children() -> None:
    """Let processes that stages start begin with `child`, not with the main program."""
    sys.modules["__main__"].__spec__ = ModuleSpec("curifactory.child", None)


if __name__ == "__main__":  # worker processes import this module, too
    raise SystemExit(main())
