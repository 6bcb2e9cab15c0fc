"""`python -m curifactory NAME` is `experiment NAME`."""

import os
import sys
from importlib.machinery import ModuleSpec

from .channel import HASH_SEED

APART = frozenset("ls runs compare cache new help -h --help --version".split())
"""What is done without importing the project."""
INTERRUPTED = (130, 143)
PATIENCE = 2.0
"""Seconds that threads of an interrupted stage have to end by themselves."""


def main() -> int:
    """Run the command line in a process that has nothing else to do."""
    if "_ARGCOMPLETE" in os.environ:
        return _complete()
    if not hasattr(sys, "orig_argv"):  # since 3.10
        version = sys.version.split()[0]
        print(f"error: Python {version} is older than 3.10", file=sys.stderr)
        return 2
    try:
        _fix_hash_seed()
        _stand_for_children()
        from .cli import main as run_command_line

        code = run_command_line(may_fork=True)
    except KeyboardInterrupt:  # while it imports that
        return 130
    except (AttributeError, ImportError) as error:
        own = (each for each in sys.stdlib_module_names if _is_hidden(each))
        is_of_module = isinstance(error, ImportError) or "module '" in str(error)
        name = next(own, "") if is_of_module and "--debug" not in sys.argv else ""
        if not name:
            raise
        hint = f"{name}.py hides Python's own module {name}: rename it"
        print(f"error: {error}\n  {hint}", file=sys.stderr)
        return 2
    _end_at_once_by_ctrl_c()
    if code in INTERRUPTED:
        # Python ends by SIGINT where that left code made from a text, until another is.
        exec("")
        _end_without_threads(code)
    return code


def _is_hidden(module: str) -> bool:
    """Say whether a file of the project is imported in the place of a module of Python."""
    return os.path.isfile(os.path.join(sys.path[0], f"{module}.py"))


def _complete() -> int:
    """Let a shell complete its line; without the library, or extras/, say nothing."""
    import importlib

    try:
        importlib.import_module("curifactory.extras.completion").answer()
    except Exception:
        pass  # where users type, no error is of use
    return 1


def _fix_hash_seed() -> None:
    """Begin once more with the hash seed of workers, where code is imported.

    Sets of texts have one order in all runs then, and so has what is made of them.
    Debuggers, and what measures coverage, stay as they are.
    """
    imports = len(sys.argv) > 1 and APART.isdisjoint(sys.argv[1:])
    is_free = "PYTHONHASHSEED" not in os.environ and not _is_watched()
    if os.name == "posix" and imports and is_free and sys.executable:
        os.environ["PYTHONHASHSEED"] = HASH_SEED
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _is_watched() -> bool:
    """Say whether a debugger, or what measures coverage, follows what is executed."""
    tools = getattr(sys, "monitoring", None)  # since 3.12; 0 debugs, 1 measures
    is_monitored = tools is not None and any(map(tools.get_tool, (0, 1)))
    return is_monitored or sys.gettrace() is not None


def _stand_for_children() -> None:
    """Let processes that stages start begin with `child`, not with the main program."""
    sys.modules["__main__"].__spec__ = ModuleSpec("curifactory.child", None)


def _end_at_once_by_ctrl_c() -> None:
    """Let SIGINT end the process from here on: Python's own end shows a traceback."""
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end_without_threads(code: int) -> None:
    """Let the process end, although Python waits for each thread that is no daemon."""
    import threading
    import time

    threads = [each for each in threading.enumerate() if not each.daemon]
    threads.remove(threading.current_thread())

    def end() -> None:
        until = time.monotonic() + PATIENCE
        for each in threads:
            each.join(max(0, until - time.monotonic()))
        if any(each.is_alive() for each in threads):
            os._exit(code)

    threading.Thread(target=end, daemon=True).start()


if __name__ == "__main__":  # worker processes import this module, too
    raise SystemExit(main())
