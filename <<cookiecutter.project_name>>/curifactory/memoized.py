"""What functions that keep their results have read for earlier calls.

A stage that gets a result which an earlier call of this process left in such a function
depends on the files that were read for it. A function of `functools.lru_cache` tells when
it answers from memory. Of one that keeps things in globals nobody knows: all that it has
read counts each time.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from . import code

Stat = tuple[int, int]
Note = Callable[[str, Stat | None], None]
"""Takes the key of a file, and what its size and time were when it was read."""

_known: dict[int, Any] = {}
_read: dict[CodeType, dict[str, Stat | None]] = {}
_reading: set[CodeType] = set()
"""The functions that have read files for the call that is at work."""


@contextmanager
def noting(functions: Sequence[Any], note: Note) -> Iterator[None]:
    """Note what the results were made of that these functions give from memory."""
    for each in functions:
        _prepare(each)
    before = [(each, _info(each)) for each in functions]
    _reading.clear()
    try:
        yield
    finally:
        used, made = [], []
        for each, was in before:
            own, now = _code(each), _info(each)
            used += [own] * (now.hits > was.hits if was and now else True)
            is_made = now.misses > was.misses if was and now else own in _reading
            made += [own] * is_made
        for each in used:
            for key, stat in list(_read[each].items()):
                note(key, stat)
            for one in made:  # one may have used the other
                _read[one].update(_read[each])


def _prepare(function: Any) -> None:
    """Let a function forget what nobody can tell apart later.

    That is what it has kept before it was known, and files of more than one result.
    """
    own, info = _code(function), _info(function)
    is_known = id(function) in _known
    _known[id(function)] = function
    has_files = bool(_read.setdefault(own, {}))
    if info and (not is_known or (has_files and info.currsize > 1)):
        _read[own] = {}
        for each in _known.values():  # those that closures made share their code
            if _info(each) and _code(each) == own:
                each.cache_clear()


def record(key: str, stat: Stat | None) -> None:
    """Keep what is read, for each such function that is at work."""
    frame: FrameType | None = sys._getframe(1) if _read else None
    while frame is not None:
        if frame.f_code in _read:
            _read[frame.f_code].setdefault(key, stat)
            _reading.add(frame.f_code)
        frame = frame.f_back


def _info(function: Any) -> Any:
    """Return how often a function of `lru_cache` has answered so far; None for others."""
    return function.cache_info() if hasattr(function, "cache_info") else None


def _code(function: Any) -> CodeType:
    found: CodeType = code.unwrapped(function).__code__
    return found
