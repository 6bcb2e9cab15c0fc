"""Runs at work on one cache: who computes what, and what the others have committed."""

import contextlib
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from .store import is_alive

BEAT = 10.0
STALE = 60.0
"""Seconds between two signs of life, and after which a run counts as dead."""

_numbers = itertools.count()


class Peers:
    """This run among the others that use a cache.

    Each run has a file, its journal: the folders that it committed, a line each, and by
    its time stamp a sign of life. A claim is an exclusive file that names its run.
    """

    def __init__(self, cache: Path) -> None:
        self.runs = cache / ".runs"
        self.claims = cache / ".claims"
        self.name = f"{socket.gethostname()}-{os.getpid()}-{next(_numbers)}"
        self._held: set[str] = set()
        self._read: dict[str, int] = {}
        self._over = threading.Event()
        self._journal: TextIO | None = None

    def _join(self) -> None:
        """Let others see this run, from its first claim on."""
        for folder in (self.runs, self.claims):
            folder.mkdir(parents=True, exist_ok=True)
        self._journal = open(self.runs / self.name, "w", encoding="utf-8")
        self._over.clear()
        self._clean_up()
        threading.Thread(target=self._beat, daemon=True).start()

    def take(self, key: str) -> bool:
        """Claim a call; False while a run that is alive computes it."""
        if self._journal is None:
            self._join()
        for _ in range(2):
            try:
                with open(self.claims / key, "x", encoding="utf-8") as file:
                    file.write(self.name)
                self._held.add(key)
                return True
            except FileExistsError:
                if not self._is_stale(self.claims / key):
                    return False
                self._take_over(self.claims / key)
        return False

    def release(self, key: str) -> None:
        """Give a claim back."""
        if key in self._held:
            self._held.remove(key)
            (self.claims / key).unlink(missing_ok=True)

    def announce(self, folder: str) -> None:
        """Tell the others what was committed; before its claim is given back."""
        if self._journal is not None:
            self._journal.write(folder + "\n")
            self._journal.flush()

    def news(self) -> Iterator[str]:
        """Yield what others committed since the last time; "" when one has ended."""
        others = {each.name: each for each in os.scandir(self.runs)}
        others.pop(self.name, None)
        for name in set(self._read) - set(others):
            del self._read[name]
            yield ""
        for name in others:
            with contextlib.suppress(OSError):
                with open(self.runs / name, encoding="utf-8") as file:
                    file.seek(self._read.get(name, 0))
                    lines = file.read().splitlines(keepends=True)
                whole = [line for line in lines if line.endswith("\n")]
                self._read[name] = self._read.get(name, 0) + len("".join(whole))
                yield from (line.rstrip("\n") for line in whole)

    def close(self) -> None:
        """Leave: no claim and no journal stays behind."""
        self._over.set()
        for key in list(self._held):
            self.release(key)
        if self._journal is not None:
            self._journal.close()
            self._journal = None
            (self.runs / self.name).unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            with contextlib.suppress(OSError):
                os.utime(self.runs / self.name)

    def _is_stale(self, claim: Path) -> bool:
        try:
            owner = claim.read_text(encoding="utf-8")
            age = time.time() - claim.stat().st_mtime
        except OSError:
            return False  # given back in the meantime
        return age > STALE if not owner else self._is_dead(owner)

    def _is_dead(self, name: str) -> bool:
        host, pid, _ = name.rsplit("-", 2)
        try:
            silent = time.time() - (self.runs / name).stat().st_mtime
        except OSError:
            return True
        return silent > STALE or (
            host == socket.gethostname() and not is_alive(int(pid))
        )

    def _take_over(self, claim: Path) -> None:
        """Remove a stale claim; of several runs that try, one does."""
        aside = claim.with_name(f"{claim.name}.{self.name}")
        with contextlib.suppress(OSError):
            os.rename(claim, aside)
            if self._is_stale(aside):
                aside.unlink()
            else:  # it was taken anew in between: give it back
                os.rename(aside, claim)

    def _clean_up(self) -> None:
        """Remove the journals of runs that were killed."""
        for path in self.runs.iterdir():
            if path.name.count("-") > 1 and self._is_dead(path.name):
                path.unlink(missing_ok=True)
