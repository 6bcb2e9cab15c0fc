"""What processes have in common; how those that a stage starts tell it what they read."""

from __future__ import annotations

import contextlib
import os

VARIABLE = "CURIFACTORY_CHILDREN"
"""The environment variable by which they know of the stage."""

HASH_SEED = "6640"
"""Of the command and of its workers: what those of Dask have, which take no 0."""

PREFIX = "curifactory-told-"
"""Begins the name of the file of a channel: it is no file of the project."""


class Channel:
    """A file through which processes tell the one that has started them what they read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.heard = 0
        """How many bytes of it."""

    def tell(self, text: str) -> None:
        """Add a text; the file is made if need be."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        place = os.open(self.path, flags, 0o600)
        os.write(place, text.encode() + b"\0")
        os.close(place)

    def hear(self) -> list[str]:
        """Return what was told, as a whole, since the last time.

        The file stays: others may have it open, and be about to tell more.
        """
        if not os.access(self.path, os.F_OK):  # as it is nearly always
            return []
        with open(self.path, "rb") as file:
            file.seek(self.heard)
            told, end, _ = file.read().rpartition(b"\0")
        self.heard += len(told) + len(end)
        return [each.decode() for each in told.split(b"\0") if each]

    def forget(self) -> None:
        """Let go of what was told, once nobody is to be heard any more."""
        self.heard = 0
        if os.access(self.path, os.F_OK):
            with contextlib.suppress(OSError):  # on Windows: somebody has it open
                os.unlink(self.path)
