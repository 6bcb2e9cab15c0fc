"""A call that executes, and what is known of its reads while it does."""

import contextlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from .record import Call

SILENT = 0.02
"""Seconds after which a stage that has read nothing is not waited for."""
PATIENCE = 1.0
"""The same for one whose reads agree so far: it may go on to read what differs."""


@dataclass(eq=False, repr=False)
class Running:
    """A call at work. Where it works in another process, a file tells what it reads.

    The first line of that file says that it has begun, the second that its stage was
    called, the others are keys of reads.
    """

    call: Call
    claim: str
    stream: Path | None
    output: str
    """The file for what it prints."""
    followers: list[Call] = field(default_factory=list)
    is_silent: bool = False
    _text: str = ""
    _since: float = 0.0

    def look(self) -> bool:
        """Return whether there is anything new to know."""
        text, now = self._written(), time.perf_counter()
        is_new = text != self._text
        if is_new:
            self._text, self._since = text, now
        limit = PATIENCE if self.reads() else SILENT
        called = text.count("\n") > 1
        was, self.is_silent = self.is_silent, called and now - self._since > limit
        return is_new or self.is_silent != was

    def reads(self) -> list[str]:
        found = []
        for line in self._text.split("\n")[2:-1]:
            with contextlib.suppress(ValueError):  # of an attempt that was killed
                found.append(json.loads(line))
        return found

    def has_begun(self) -> bool:
        return bool(self._written())

    def _written(self) -> str:
        # Opening, unlike looking at size or time, is never stale on a network.
        try:
            return self.stream.read_text(encoding="utf-8") if self.stream else ""
        except OSError:
            return ""
