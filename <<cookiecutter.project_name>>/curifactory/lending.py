"""Files of the cache that a stage gets as a path: what it does there, nobody else sees."""

import contextlib
import os
from pathlib import Path
from typing import Any

from .store import Store, damage, files_in, rename
from .trace import Artifact

Seen = dict[str, tuple[int, int]]
"""Size and time of each file."""


class Lending:
    """The paths that one call was given, and how the files there were before it."""

    def __init__(self, store: Store, label: str) -> None:
        self.store = store
        self.label = label
        self._lent: dict[Path, tuple[str, Artifact, Seen]] = {}

    def note(self, folder: str, artifact: Artifact, value: Any) -> None:
        """Note an input, if it is a path of files that the cache has."""
        if isinstance(value, Path) and Path(self.store.place(folder)) in value.parents:
            self._lent.setdefault(value, (folder, artifact, _seen(value)))

    def take_back(self) -> list[str]:
        """Undo what the call did there; return the folders that are made again for it."""
        spoiled = []
        for path, (folder, artifact, before) in self._lent.items():
            now = _seen(path)
            if added := sorted(now.keys() - before.keys()):
                self._move_away(path, added)
            if any(now.get(file) != was for file, was in before.items()):
                spoiled += self._spoiled(folder, artifact)
        return spoiled

    def _spoiled(self, folder: str, artifact: Artifact) -> list[str]:
        wrong = damage(self.store.place(folder), artifact)
        if not wrong:  # it was only touched
            return []
        self.store.warn(f"{self.label} changed {folder}/{wrong}, which it was given")
        self.store.quarantine(folder, wrong)
        return [folder]

    def _move_away(self, path: Path, added: list[str]) -> None:
        aside = self.store.root / ".quarantine" / f"{Path(self.store.prepare()).name}"
        for file in added:
            with contextlib.suppress(FileNotFoundError):  # others do so, too
                (aside / file).parent.mkdir(parents=True, exist_ok=True)
                rename(path / file, aside / file)
        place = os.path.relpath(path, self.store.root)
        files = ", ".join(added[:3]) + ", ..." * bool(added[3:])
        said = f"{self.label} added {files} to {place}, which it was given"
        self.store.warn(f"{said}; moved to {aside.parent.name}/{aside.name}/")


def _seen(path: Path) -> Seen:
    files = files_in(path) if path.is_dir() else [""]
    found = {}
    for file in files:
        with contextlib.suppress(OSError):
            stat = os.stat(path / file, follow_symlinks=False)
            found[file] = stat.st_size, stat.st_mtime_ns
    return found
