"""Runs at work on one cache: who computes what, and what the others have committed."""

import contextlib
import errno
import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Set
from io import FileIO
from pathlib import Path

from .files import is_racy
from .folders import entries
from .provenance import is_alive, system
from .sources import look_at

BEAT = 10.0
STALE = 60.0
"""Seconds between two signs of life, and after which a run counts as dead."""
ASLEEP = 7 * 86400.0
"""Seconds that a machine may sleep while runs are at work."""
MADE, USED, GONE = "+", "=", "-"
"""How lines of journals begin."""
NAMED = re.compile(r"([^/\\\0]+)-(\d+)-[0-9a-f]+")
"""The name of a run: its system, and its process there."""


class Peers:
    """This run among the others that use a cache.

    Each run has a file, its journal: its own name, then a line for each folder that it
    made, uses or is about to empty, and by the time stamp a sign of life. A claim is a
    hard link to the journal of the run that holds it: made in one step, it says whose it
    is.
    """

    def __init__(self, cache: Path, warn: Callable[[str], None]) -> None:
        self.runs = cache / ".runs"
        self.claims = cache / ".claims"
        self._paths = str(self.runs), str(self.claims)
        self.warn = warn
        self.name = _new_name()
        self._held: dict[str, float] = {}
        """The claims of this run, and when it took them."""
        self.disputed: set[str] = set()
        """Those that it took from processes which were stopped, and may go on."""
        self._used: list[str] = []
        self._read: dict[str, int] = {}
        self._seen = 0
        self._is_unsure = False
        """Whether the time stamp of that look may hide a later change."""
        self._looks: dict[Path, tuple[float, float]] = {}
        """The time of files, and when, by our own clock, that was first seen."""
        self._over = threading.Event()
        self._beating: threading.Thread | None = None
        self._journal: FileIO | None = None
        self._is_alone = False

    def take(self, key: str) -> bool:
        """Claim a call; False while a run that is alive computes it."""
        if self._is_alone or key in self._held:
            return True
        try:
            self._begin()
            self._tell()
            return self._take(key)
        except (OSError, RuntimeError) as error:  # there may be no more threads
            self._go_alone(error)
            return True

    def _begin(self) -> None:
        if self._journal is None:
            self._join()
            self._over.clear()
            beating = threading.Thread(target=self._beat, daemon=True)
            beating.start()
            self._beating = beating

    def holds(self, key: str) -> bool:
        return key in self._held

    def release(self, key: str) -> None:
        """Give a claim back; one that cannot be removed stays ours, until we end."""
        if key in self._held:
            # After so long others may have taken us for dead, and the claim over.
            is_old = time.time() - self._held[key] > STALE
            try:
                if not is_old or self._owner(key) in (self.name, ""):
                    os.unlink(f"{self._paths[1]}/{key}")
            except FileNotFoundError:
                pass
            except OSError:
                return
            del self._held[key]
            self.disputed.discard(key)

    def release_all(self, but: Set[str] = frozenset()) -> None:
        """Give back all claims but some."""
        for key in self._held.keys() - but:
            self.release(key)

    def has_lost(self, key: str) -> bool:
        """Return whether others have taken a claim over, as that of a stopped run.

        It is then let go of.
        """
        if self._is_alone or not key or self._owner(key) in (self.name, ""):
            return False
        self._held.pop(key, None)
        return True

    def announce(self, folder: str) -> None:
        """Tell the others what was committed; before its claim is given back."""
        if self._journal is not None:
            try:
                self._tell(MADE + folder)
            except OSError as error:
                self._go_alone(error)

    def withdraw(self, folders: Iterable[str]) -> set[str]:
        """Tell of folders whose data is to be deleted; return those that may be.

        A run tells what it uses before it hears of this, and looks whether data is there;
        here it is told before the others are heard. So at least one knows of the other.
        """
        found = set(folders)
        with contextlib.suppress(OSError, RuntimeError):  # the disk is full
            self._begin()
            self._tell(*[GONE + each for each in found])
        return found - self.in_use()

    def use(self, folder: str) -> None:
        """Note a folder of which data may be loaded; told before the next claim."""
        self._used.append(folder)

    def news(self) -> Iterator[str]:
        """Yield what others committed since the last time; "" when runs came or went.

        Folders whose data is about to be deleted come after a sign, as they are told.
        """
        if self._is_alone:
            return
        for folder in self._lines():
            if not folder or folder[0] == MADE:
                yield folder[1:]
            elif folder[0] == GONE:
                yield folder

    def in_use(self) -> set[str]:
        """Return the folders that runs at work have made or use."""
        with contextlib.suppress(OSError, RuntimeError):  # the disk is full
            self._begin()  # nothing stays of those that were killed
        self._read.clear()
        self._seen = 0
        return {line[1:] for line in self._lines() if line and line[0] != GONE}

    def others(self) -> list[str]:
        """Return the names of the other runs that are at work."""
        found = [each.name for each in entries(self.runs) if each.name != self.name]
        return [name for name in found if not self._is_dead(name)]

    def close(self) -> None:
        """Leave: no claim and no journal stays behind."""
        self._over.set()
        self.release_all()
        self._leave()
        if self._beating is not None:  # what it refers to can end with the process
            self._beating.join(timeout=1)

    def _join(self) -> None:
        """Let others see this run, from its first claim on."""
        for folder in (self.runs, self.claims):
            folder.mkdir(parents=True, exist_ok=True)
        self._journal = open(self.runs / self.name, "w+b", buffering=0)
        self._tell(self.name)
        self._clean_up()

    def _join_again(self) -> None:
        """Come back: this run was stopped for so long that others took it for dead."""
        self._held.clear()
        assert self._journal is not None
        self._journal.seek(0)
        told = self._journal.read().decode().splitlines()[1:]
        self._leave()
        self._join()
        self._tell(*told)

    def _leave(self) -> None:
        """Let go of the journal; whoever comes back has another name."""
        if self._journal is not None:
            with contextlib.suppress(OSError):
                self._journal.close()
            self._journal = None
            with contextlib.suppress(OSError):
                os.unlink(self.runs / self.name)
            _names.discard(self.name)
            self.name = _new_name()

    def _go_alone(self, error: OSError | RuntimeError) -> None:
        """Go on without claims: at worst, a call is computed by two runs."""
        self._is_alone = True
        self.close()
        said = getattr(error, "strerror", None) or error
        self.warn(f"no claims on calls: {self.runs.parent} cannot be written ({said})")

    def _tell(self, *lines: str) -> None:
        if self._journal is not None and (lines or self._used):
            told = [*lines, *[USED + folder for folder in self._used], ""]
            self._used.clear()
            data = "\n".join(told).encode()
            if self._journal.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _lines(self) -> Iterator[str]:
        """Yield the new lines of other journals; "" when runs came or went.

        A run that ended with lines that nobody has read came or went, too. Where the time
        stamp of the folder was recent at the last look, the names are compared.
        """
        try:
            seen = look_at(self._paths[0]).st_mtime_ns
        except OSError:  # somebody has deleted the cache
            seen = 0
        if seen != self._seen or self._is_unsure:
            self._is_unsure = is_racy(seen)
            there = {each.name for each in entries(self.runs)} - {self.name}
            if seen != self._seen or there != self._read.keys():
                yield ""
            self._seen = seen
            self._read = {name: self._read.get(name, 0) for name in there}
        for name, start in list(self._read.items()):
            path = f"{self._paths[0]}/{name}"
            try:
                if look_at(path).st_size == start:
                    continue
                with open(path, "rb") as file:
                    file.seek(start)
                    text, end, _ = file.read().rpartition(b"\n")
            except FileNotFoundError:
                yield ""
                continue
            except OSError:
                continue
            self._read[name] = start + len(text) + len(end)
            lines = text.decode(errors="replace").split("\n")
            yield from lines[0 if start else 1 :]  # the first is its name

    def _take(self, key: str) -> bool:
        may_go_on = False
        for _ in range(2):
            try:
                self._mark(f"{self._paths[1]}/{key}")
                self._held[key] = time.time()
                if may_go_on:
                    self.disputed.add(key)
                return True
            except FileExistsError:
                owner = self._owner(key)
                if owner == self.name:  # nobody has let go of it
                    self._held[key] = time.time()
                    return True
                if owner is None:
                    continue
                # Perhaps it was killed before it said whose claim that is.
                silence = 0.0 if owner else self._silence(self.claims / key)
                if not (self._is_dead(owner) or silence > STALE):
                    return False
                may_go_on = _is_here(owner)
                self._take_over(key, owner)
        return False

    def _mark(self, claim: str) -> None:
        try:
            os.link(f"{self._paths[0]}/{self.name}", claim)
        except FileExistsError:
            raise
        except FileNotFoundError:
            self._join_again()
            os.link(f"{self._paths[0]}/{self.name}", claim)
        except OSError:  # a file system without hard links
            with open(claim, "x", encoding="utf-8") as file:
                file.write(self.name + "\n")

    def _owner(self, key: str) -> str | None:
        """Return the run that a claim is of; None where it was given back.

        Empty where nobody can tell: this process has too many open files, or its text
        was cut short.
        """
        try:
            with open(self.claims / key, encoding="utf-8", errors="replace") as file:
                name = file.readline().rstrip("\n")
                return name if NAMED.fullmatch(name) else ""
        except FileNotFoundError:
            return None
        except OSError:
            return ""

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            with contextlib.suppress(OSError):
                os.utime(self.runs / self.name)

    def _is_dead(self, name: str) -> bool:
        named = NAMED.fullmatch(name)
        if named is None:
            return False  # somebody's own file
        path, is_near = self.runs / name, named[1] == system()
        if is_near and not _is_here(name):
            return True
        silence = self._silence(path)
        if silence <= STALE or not is_near or os.name != "posix" or silence > ASLEEP:
            return silence > STALE
        # One that slept with this machine gets time for a sign of life.
        return self._unchanged(path) > 2 * BEAT

    def _silence(self, path: Path) -> float:
        """Return for how long a file was not touched, by the clock of its own disk."""
        now, last = _touched(self.runs / self.name) or time.time(), _touched(path)
        if last - now <= STALE:
            return now - last if last else math.inf
        # By a clock that is ahead, nothing would ever be old: what counts is a change.
        return self._unchanged(path)

    def _unchanged(self, path: Path) -> float:
        """Return for how long a file has had the same time, as far as it was looked at."""
        last = _touched(path)
        if self._looks.get(path, (0.0, 0.0))[0] != last:
            self._looks[path] = last, time.monotonic()
        return time.monotonic() - self._looks[path][1] if last else math.inf

    def _take_over(self, key: str, owner: str) -> None:
        """Remove the claim of a run that is dead: who may is claimed in its turn.

        So no other removes it, and what is found now is still its claim, or a new one.
        """
        right = f"{key}.{owner}"
        if self._take(right):
            if self._owner(key) == owner:
                with contextlib.suppress(OSError):
                    os.unlink(f"{self._paths[1]}/{key}")
            self._seen = 0  # it may have committed what it had no time to announce
            self.release(right)

    def _clean_up(self) -> None:
        """Remove the journals and claims of runs that were killed."""
        for claim in entries(self.claims):
            owner = self._owner(claim.name) or ""
            if owner != self.name and self._is_dead(owner):
                with contextlib.suppress(OSError):  # its name may be too long
                    self._take_over(claim.name, owner)
        for entry in entries(self.runs):
            if entry.name != self.name and self._is_dead(entry.name):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


_names: set[str] = set()


def _new_name() -> str:
    """Return a name that no run has had: what is said of a dead one stays true."""
    name = f"{system()}-{os.getpid()}-{os.urandom(6).hex()}"
    _names.add(name)
    return name


def _touched(path: Path) -> float:
    """Return when a file was last touched; 0 where there is none."""
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _is_here(name: str) -> bool:
    """Return whether the process of a run is alive on this system.

    It may have had the number of this one before, as in a container started again.
    """
    named = NAMED.fullmatch(name)
    if named is None or named[1] != system() or not is_alive(int(named[2])):
        return False
    return int(named[2]) != os.getpid() or name in _names
