"""Files of the cache that calls are given as paths: what one does there, no other sees."""

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from .record import Stored
from .store import Store, damage, rename
from .trace import Artifact

Seen = dict[str, tuple[int, int]]
"""Size and time of each file, by its path within the one that was given."""


class Loan(NamedTuple):
    """Files that one call was given as a path, and how they were before it."""

    folder: str
    artifact: Artifact
    path: Path
    before: Seen
    since: float


def lent(store: Store, source: Stored, value: Any) -> Loan | None:
    """Return what a call is given, if it is the path of files that the cache has."""
    place = Path(store.place(source.folder))
    if not isinstance(value, Path) or place not in value.parents:
        return None
    return Loan(source.folder, source.artifact, value, _seen(value), time.time())


class Loans:
    """What the calls of a run were given; it is looked at when nobody uses it."""

    def __init__(self, store: Store, say: Callable[[str], None]) -> None:
        self.store = store
        self.say = say
        self._open: dict[Path, list[tuple[str, Loan]]] = {}

    def give_back(
        self, label: str, loans: Iterable[Loan], in_use: Collection[str]
    ) -> list[str]:
        """Undo what calls did to files that they were given.

        Returns the folders whose data is gone with it: it is made again when needed.
        """
        for loan in loans:
            self._open.setdefault(loan.path, []).append((label, loan))
        free = [p for p, lent in self._open.items() if lent[0][1].folder not in in_use]
        gone = []
        for path in free:
            users = self._open.pop(path)
            first = min((loan for _, loan in users), key=lambda loan: loan.since)
            names = " or ".join(dict.fromkeys(label for label, _ in users))
            try:
                gone += self._undo(first, names)
            except OSError as error:
                self.say(f"{names} has changed {path}: {error}")
        return gone

    def _undo(self, loan: Loan, names: str) -> list[str]:
        """Move away what was added, and the whole of what is not what it was."""
        now = _seen(loan.path)
        place = Path(self.store.place(loan.folder))
        if added := sorted(now.keys() - loan.before.keys()):
            self._move_away(loan, loan.path, added, f"{names} added")
        if all(now.get(file) == was for file, was in loan.before.items()):
            return []
        if not damage(place, loan.artifact):  # it was only touched
            return []
        self._move_away(loan, place, list(loan.artifact.files), f"{names} changed")
        return [loan.folder]

    def _move_away(self, loan: Loan, base: Path, files: list[str], did: str) -> None:
        shown = ", ".join(files[:3]) + ", ..." * bool(files[3:])
        said = f"{did} {shown} in {loan.folder}, which it was given"
        if self.store.root not in base.parents:
            self.say(f"{said}; that cache is only read, and it stays")
            return
        aside = self._aside(loan.folder)
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                (aside / file).parent.mkdir(parents=True, exist_ok=True)
                rename(base / file, aside / file)
        self.say(f"{said}; moved to {aside.relative_to(self.store.root).as_posix()}/")

    def _aside(self, folder: str) -> Path:
        """Make a folder in quarantine."""
        name = folder.replace("/", "--")
        for number in itertools.count(1):
            aside = self.store.root / ".quarantine" / f"{name}-given-{number}"
            with contextlib.suppress(FileExistsError):
                aside.mkdir(parents=True)
                return aside
        raise AssertionError


def _seen(path: Path) -> Seen:
    """Return what tells files apart; those of a folder may be very many."""
    found: Seen = {}
    folders = [(str(path), "")]
    with contextlib.suppress(NotADirectoryError, FileNotFoundError):
        while folders:
            folder, before = folders.pop()
            for entry in os.scandir(folder):
                if entry.is_dir(follow_symlinks=False):
                    folders.append((entry.path, f"{before}{entry.name}/"))
                else:
                    stat = entry.stat(follow_symlinks=False)
                    found[before + entry.name] = stat.st_size, stat.st_mtime_ns
        return found
    with contextlib.suppress(OSError):
        stat = os.stat(path)
        found[""] = stat.st_size, stat.st_mtime_ns
    return found
