"""Measures one process, and what it leaves on the disk."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# What make, a test run or a user's shell would add to a measured process.
DROPPED = ("PYTHONPATH", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True)
class Usage:
    """What one process took; `memory` is that of the largest process, in bytes."""

    code: int
    wall: float
    cpu: float
    memory: int
    out: str


def run(command: Sequence[str], folder: Path, limit: float) -> Usage:
    """Run a command in a folder to its end, in a session of its own."""
    log = folder / ".out"
    with open(log, "w", encoding="utf-8") as file:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watch = threading.Timer(limit, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            watch.cancel()
        wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    out = log.read_text(encoding="utf-8", errors="replace")
    log.unlink()
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    cpu = used.ru_utime + used.ru_stime
    return Usage(process.returncode, wall, cpu, used.ru_maxrss * unit, out)


def environment() -> dict[str, str]:
    """Return the environment of measured processes."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in DROPPED and not name.startswith("CURIFACTORY")
    }
    return {**kept, "NO_COLOR": "1", "COLUMNS": "100"}


def on_disk(folders: Sequence[Path]) -> tuple[int, int, int]:
    """Return the number of files, their bytes, and the bytes that they occupy."""
    files = size = occupied = 0
    for folder in folders:
        for base, _, names in os.walk(folder):
            occupied += os.stat(base).st_blocks * 512
            for name in names:
                status = os.lstat(os.path.join(base, name))
                files += 1
                size += status.st_size
                occupied += status.st_blocks * 512
    return files, size, occupied


def settle(folder: Path, longest: float) -> None:
    """Wait until new files cost what they should.

    ext4 hands out the inode of a deleted file only minutes later; until then, making a
    file beside thousands of deleted ones searches through all of them.
    """
    global _cheapest
    end = time.monotonic() + longest
    while True:
        cost = _cost_of_a_file(folder)
        _cheapest = min(cost, _cheapest)
        if cost < 2 * _cheapest and cost < EXPECTED or time.monotonic() > end:
            return
        time.sleep(3)


EXPECTED = 150e-6  # seconds for one small file, by experience; a slow disk waits once
_cheapest = EXPECTED


def _cost_of_a_file(folder: Path, number: int = 100) -> float:
    place = folder / "aside" / f"probe-{time.monotonic_ns()}"
    place.mkdir(parents=True)
    begin = time.perf_counter()
    for index in range(number):
        (place / f"{index}.tmp").write_bytes(b"probe")
        (place / f"{index}.tmp").rename(place / f"{index}")
    return (time.perf_counter() - begin) / number
