"""Files of the cache that calls are given as paths: what they do there is told."""

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from . import sources
from .folders import files_in, move
from .record import Stored
from .store import Store, damage
from .trace import Artifact

Seen = dict[str, tuple[int, int]]
"""Size and time of each file, by its path within the one that was given."""


class Loan(NamedTuple):
    """Files that one call was given as a path, and how they were before it."""

    folder: str
    artifact: Artifact
    path: Path
    before: Seen


def lent(store: Store, source: Stored, value: Any) -> Loan | None:
    """Return what a call is given, if it is the path of files that the cache has."""
    is_path = isinstance(value, Path)  # as few are
    if not is_path or Path(store.place(source.folder)) not in value.parents:
        return None
    return Loan(source.folder, source.artifact, value, _seen(value))


class Loans:
    """What the calls of a run were given, and have changed."""

    def __init__(self, store: Store, say: Callable[[str], None]) -> None:
        self.store = store
        self.say = say
        self._changed: dict[str, Artifact] = {}

    def give_back(self, label: str, loans: Iterable[Loan]) -> list[str]:
        """Tell what a call did to files that it was given.

        Returns the folders whose data is not any more what it was: nobody else gets it.
        """
        gone = []
        for loan in loans:
            now = _seen(loan.path)
            if added := sorted(now.keys() - loan.before.keys()):
                shown = ", ".join(added[:3]) + ", ..." * bool(added[3:])
                self.say(
                    f"{label} added {shown} to {loan.folder}/{loan.path.name}, which it was "
                    "given: others see it, too; record.get_dir(...) is its own"
                )
            is_same = all(now.get(file) == was for file, was in loan.before.items())
            if not is_same and self._is_damaged(loan):
                self.say(
                    f"{label} changed {loan.folder}/{loan.path.name}, which it was given: "
                    "it is made again for others"
                )
                self._changed[loan.folder] = loan.artifact
                gone.append(loan.folder)
        return gone

    def _is_damaged(self, loan: Loan) -> bool:
        with contextlib.suppress(OSError):
            return bool(damage(self.store.place(loan.folder), loan.artifact))
        return True

    def close(self) -> None:
        """Move away what was changed; the traces stay, and nothing is computed again."""
        for folder, artifact in self._changed.items():
            with contextlib.suppress(OSError):  # it lies in a cache that is only read
                aside = self.store.aside(f"{folder}-changed")
                move(self.store.root / folder, aside, artifact.files)
        self._changed.clear()


def _seen(path: Path) -> Seen:
    """Return what tells files apart; nothing where they cannot be looked at any more."""
    with contextlib.suppress(OSError):
        if not path.is_dir():
            return {"": sources.stamp(os.stat(path))}
        found = files_in(path)
        return {each: sources.stamp(os.lstat(f"{path}/{each}")) for each in found}
    return {}
