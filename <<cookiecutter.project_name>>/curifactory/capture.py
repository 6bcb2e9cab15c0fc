"""What stages print and log goes to a file a call, whoever writes it: Python, C, a child."""

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@contextlib.contextmanager
def captured(path: Path | None) -> Iterator[None]:
    """Let what is printed within the block go to a file, made if there is anything."""
    if path is None:
        yield
        return
    own = _open(path.parent, os.getpid())
    _flush()
    saved = os.dup(1), os.dup(2)
    os.dup2(own, 1)
    os.dup2(own, 2)
    # A live display may have put itself in the place of these two.
    plain = contextlib.redirect_stdout(sys.__stdout__ or sys.stdout)
    try:
        with plain, contextlib.redirect_stderr(sys.__stderr__ or sys.stderr):
            yield
    finally:
        _flush()
        for number, before in enumerate(saved, 1):
            os.dup2(before, number)
            os.close(before)
        if os.fstat(own).st_size:
            _move(_path(path.parent, os.getpid()), path)


def rescue(path: Path) -> None:
    """Give a call what the process that it killed had printed."""
    for each in path.parent.glob("process-*"):
        if each.stat().st_size:
            _move(each, path)


def tidy(folder: Path) -> None:
    """Remove the files of processes; what is in one was printed by nobody known."""
    with contextlib.suppress(OSError):
        for each in folder.glob("process-*"):
            if not each.stat().st_size:
                each.unlink()
        folder.rmdir()


def tail(path: Path | None, most: int = 10) -> str:
    """Return the last lines of a file; of a progress bar its last state."""
    try:
        text = path.read_bytes().decode(errors="replace") if path else ""
    except OSError:
        return ""
    lines = [each.rstrip("\r").rpartition("\r")[2] for each in text.split("\n")]
    return "\n".join([each[:500] for each in lines if each.strip()][-most:])


def _move(source: Path, target: Path) -> None:
    with open(target, "ab") as file:
        file.write(source.read_bytes())
    os.truncate(source, 0)


def _path(folder: Path, pid: int) -> Path:
    return folder / f"process-{pid}.txt"


@cache
def _open(folder: Path, pid: int) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(_path(folder, pid), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()  # type: ignore[union-attr]
