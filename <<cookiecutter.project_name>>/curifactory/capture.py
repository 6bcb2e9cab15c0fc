"""What stages print and log goes to a file a call, whoever writes it: Python, C, a child."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path


@contextlib.contextmanager
def captured(path: str, warn: Callable[[str], None] | None = None) -> Iterator[None]:
    """Let what is printed within the block go to a file, made if there is anything.

    Where no file can be made, it goes where it went before. What there is no room for
    is lost, with a warning.
    """
    try:
        own = _open(os.path.dirname(path), os.getpid()) if path else None
    except OSError:
        own = None
    if own is None:
        with contextlib.ExitStack() as last:
            last.callback(_flush)  # a worker may be ended before it does so by itself
            yield
        return
    _flush()
    saved = os.dup(1), os.dup(2)
    os.dup2(own, 1)
    os.dup2(own, 2)
    shown = sys.stdout, sys.stderr
    # A live display may have put itself in the place of these two.
    sys.stdout, sys.stderr = sys.__stdout__ or shown[0], sys.__stderr__ or shown[1]
    try:
        yield
    finally:
        _flush()
        sys.stdout, sys.stderr = shown
        for number, before in enumerate(saved, 1):
            os.dup2(before, number)
            os.close(before)
        _open_again()
        if os.fstat(own).st_size:
            try:
                _move(_path(os.path.dirname(path), os.getpid()), path)
            except OSError as error:
                if warn is not None:
                    warn(f"what calls print cannot be kept: {error.strerror}")


def _open_again() -> None:
    """Make standard streams anew that a stage has closed: others print, too."""
    for number, name in (1, "stdout"), (2, "stderr"):
        stream = getattr(sys, f"__{name}__")
        if getattr(stream, "closed", False):
            made = open(number, "w", errors="backslashreplace", closefd=False)
            setattr(sys, f"__{name}__", made)
            if getattr(sys, name) is stream:
                setattr(sys, name, made)


def rescue(path: str) -> None:
    """Give a call what the process that it killed had printed."""
    for each in Path(path).parent.glob("process-*") if path else ():
        if each.stat().st_size:
            with contextlib.suppress(OSError):  # there may be no room
                _move(each, path)


def tidy(folder: Path) -> None:
    """Remove the files of processes; what is in one was printed by nobody known."""
    with contextlib.suppress(OSError):
        for each in folder.glob("process-*"):
            if not each.stat().st_size:
                each.unlink()
        folder.rmdir()


def tail(path: str, most: int = 10) -> str:
    """Return the last lines of a file; of a progress bar its last state."""
    try:
        text = Path(path).read_bytes().decode(errors="replace") if path else ""
    except OSError:
        return ""
    lines = [each.rstrip("\r").rpartition("\r")[2] for each in text.split("\n")]
    return "\n".join([each[:500] for each in lines if each.strip()][-most:])


def _move(source: Path, target: str) -> None:
    try:
        with open(target, "ab") as file:
            file.write(source.read_bytes())
    finally:
        os.truncate(source, 0)  # else it would be taken for what the next call prints


def _path(folder: str, pid: int) -> Path:
    return Path(folder, f"process-{pid}.txt")


@cache
def _open(folder: str, pid: int) -> int:
    os.makedirs(folder, exist_ok=True)
    getattr(sys.__stdout__, "reconfigure", dict)(errors="backslashreplace")
    return os.open(_path(folder, pid), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)


def _flush() -> None:
    for stream, own in (sys.stdout, sys.__stdout__), (sys.stderr, sys.__stderr__):
        for each in (stream,) if stream is own else (stream, own):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                each.flush()  # type: ignore[union-attr]
