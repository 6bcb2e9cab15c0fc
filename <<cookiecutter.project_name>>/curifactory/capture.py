"""What stages print and log goes to a file a call, whoever writes it: Python, C, a child."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from .errors import CurifactoryError

TAIL_BYTES = 100_000


class captured:
    """Lets what is printed within the block go to a file, made if there is anything.

    Where no file can be made, it goes where it went before. What there is no room for
    is lost, with a warning.
    """

    def __init__(self, path: str, warn: Callable[[str], None] | None = None) -> None:
        self.path, self.warn = path, warn
        self.folder = path.rpartition(os.sep)[0]

    def __enter__(self) -> None:
        try:
            self.own = _opened.get((self.folder, os.getpid()))
            if self.own is None and self.path:
                self.own = _open(self.folder, os.getpid())
        except OSError:
            self.own = None
        if self.own is None:
            return
        _flush()
        self.saved = os.dup(1), os.dup(2)
        os.dup2(self.own, 1)
        os.dup2(self.own, 2)
        self.shown = sys.stdout, sys.stderr
        # A live display may have put itself in the place of these two.
        sys.stdout = sys.__stdout__ or self.shown[0]
        sys.stderr = sys.__stderr__ or self.shown[1]
        if sys.breakpointhook is sys.__breakpointhook__:
            sys.breakpointhook = _refuse_to_wait

    def __exit__(self, *error: object) -> None:
        _flush()  # a worker may be ended before it does so by itself
        if self.own is None:
            return
        sys.stdout, sys.stderr = self.shown
        if sys.breakpointhook is _refuse_to_wait:
            sys.breakpointhook = sys.__breakpointhook__
        for number, before in enumerate(self.saved, 1):
            os.dup2(before, number)
            os.close(before)
        _open_again()
        try:
            if os.fstat(self.own).st_size:
                _move(_path(self.folder, os.getpid()), self.path)
        except OSError as problem:
            if self.warn is not None:
                self.warn(f"what calls print cannot be kept: {problem.strerror}")


def _refuse_to_wait(*given: Any, **options: Any) -> Any:
    """Refuse Python's own debugger: nobody would see that it waits."""
    if "PYTHONBREAKPOINT" in os.environ:
        return sys.__breakpointhook__(*given, **options)
    said = "breakpoint(): what a stage prints goes to a file, so nobody would see it"
    raise CurifactoryError(said, "use --pdb, without -j")


def _open_again() -> None:
    """Make standard streams anew that a stage has closed: others print, too."""
    for number, name in (1, "stdout"), (2, "stderr"):
        stream = getattr(sys, f"__{name}__")
        if _is_closed(stream):
            made = open(number, "w", errors="backslashreplace", closefd=False)
            setattr(sys, f"__{name}__", made)
            if getattr(sys, name) is stream:
                setattr(sys, name, made)


def _is_closed(stream: object) -> bool:
    try:
        return getattr(stream, "closed", False)
    except ValueError:  # its buffer was given to another, for another encoding
        return True


def rescue(path: str) -> None:
    """Give a call what the process that it killed had printed."""
    for each in Path(path).parent.glob("process-*") if path else ():
        if each.stat().st_size:
            with contextlib.suppress(OSError):  # there may be no room
                _move(each, path)


def set_aside(folder: Path) -> None:
    """Let nobody take what killed processes had printed for what a later call prints."""
    for each in folder.glob("process-*"):
        with contextlib.suppress(OSError):
            if each.stat().st_size:
                each.rename(each.with_name(f"lost-{each.name}"))


def tidy(folder: Path) -> None:
    """Remove the files of processes; what is in one was printed by nobody known."""
    if own := _opened.pop((str(folder), os.getpid()), None):
        os.close(own)
    with contextlib.suppress(OSError):
        for each in folder.glob("process-*"):
            if not each.stat().st_size:
                each.unlink()
        folder.rmdir()


def tail(path: str, most: int = 10) -> str:
    """Return the last lines of a file; of a progress bar its last state."""
    try:
        with open(path, "rb") as file:
            file.seek(-min(os.fstat(file.fileno()).st_size, TAIL_BYTES), os.SEEK_END)
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [each.rstrip("\r").rpartition("\r")[2] for each in text.split("\n")]
    return "\n".join([each[:500] for each in lines if each.strip()][-most:])


def _move(source: Path, target: str) -> None:
    try:
        with open(source, "rb") as printed, open(target, "ab") as file:
            shutil.copyfileobj(printed, file)
    finally:
        os.truncate(source, 0)  # else it would be taken for what the next call prints


@cache
def _path(folder: str, pid: int) -> Path:
    """Return the file of a process: one on another machine may have its number."""
    return Path(folder, f"process-{pid}-{os.urandom(4).hex()}.txt")


_opened: dict[tuple[str, int], int] = {}
"""The file that is open for what a process prints, by its folder and the process."""


def _open(folder: str, pid: int) -> int:
    os.makedirs(folder, exist_ok=True)
    getattr(sys.__stdout__, "reconfigure", dict)(errors="backslashreplace")
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    own = _opened[folder, pid] = os.open(_path(folder, pid), flags, 0o666)
    return own


def _flush() -> None:
    for each in (sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__):
        try:
            each.flush()  # type: ignore[union-attr]
        except (OSError, ValueError, AttributeError):
            pass
