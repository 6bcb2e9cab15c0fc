"""What functions that keep their results have read for earlier calls.

A stage that gets a result which an earlier call of this process left in such a function
depends on the files that were read for it. A function of `functools.lru_cache` tells when
it answers from memory. Of one that keeps things in globals nobody knows, nor of objects of
others, as loaders of templates are: all that they have read counts each time.
"""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, FunctionType
from typing import Any

from . import hashing, sources

Note = Callable[[str, Any], None]
"""Takes the key of a file or folder, and what was seen of it when it was read."""

known: dict[int, Any] = {}
"""What may keep something for the stages of this process."""
counted: dict[int, Any] = {}
"""Those of `lru_cache` among them: each call looks at all, and there are few."""
_read: dict[object, dict[str, Any]] = {}
_codes: set[CodeType] = set()
_reading: set[object] = set()
"""What has read files for the call that is at work."""


@contextmanager
def noting(functions: Collection[Any], note: Note) -> Iterator[Callable[[], None]]:
    """Note what the results were made of that functions give from memory.

    What this gives does so for what they have given until then. Those of `lru_cache`
    tell whether they were asked, whoever leads to them; the others are asked if they are
    among these functions by then.
    """
    # Threads of stages may find others meanwhile.
    several = [e for e in list(counted.values()) if e.cache_info().currsize > 1]
    for each in (*several, *functions):
        prepare(each)
    before = {number: _info(each) for number, each in list(counted.items())}
    _reading.clear()

    def note_used() -> None:
        used = [_key(each) for each in list(functions) if not _info(each)]
        made = set(_reading)
        for number, each in list(counted.items()):
            was, now = before.get(number), _info(each)
            if was is None or now.misses > was.misses:
                made.add(_key(each))
            if was is not None and now.hits > was.hits:
                used.append(_key(each))
        for each in used:
            for key, seen in list(_read[each].items()):
                note(key, seen)
            for one in made:  # one may have used the other
                _read[one].update(_read[each])

    try:
        yield note_used
    finally:
        note_used()


def prepare(function: Any) -> None:
    """Let a function forget what nobody can tell apart later.

    That is what it has kept before it was known, and files of more than one result.
    """
    own, info = _key(function), _info(function)
    if isinstance(own, tuple):
        _codes.add(own[0])
    is_known = id(function) in known
    known[id(function)] = function
    if info:
        counted[id(function)] = function
    has_files = bool(_read.setdefault(own, {}))
    if info and (not is_known or (has_files and info.currsize > 1)):
        _read[own] = {}
        for each in list(counted.values()):  # those that closures made share their code
            if _key(each) == own:
                each.cache_clear()


def record(key: str, seen: Any) -> None:
    """Keep what is read, for each such function that is at work."""
    frame: FrameType | None = sys._getframe(1) if _read else None
    while frame is not None:
        own, names = frame.f_code, frame.f_code.co_varnames[:1]
        found: list[object] = [id(frame.f_locals.get(name)) for name in names]
        if own in _codes:
            found.append(_with_held(own, map(frame.f_locals.get, own.co_freevars)))
        for each in _read.keys() & found:
            _read[each].setdefault(key, seen)
            _reading.add(each)
        frame = frame.f_back


def _info(function: Any) -> Any:
    """Return how often a function of `lru_cache` has answered so far; None for others."""
    has_info = hasattr(type(function), "cache_info")  # others may make up attributes
    return function.cache_info() if has_info else None


def _key(owner: Any) -> object:
    """Return what tells a function from others with the same code; for objects their id."""
    function = sources.unwrapped(owner)
    if not isinstance(function, FunctionType):
        return id(owner)
    return _with_held(function.__code__, hashing.closure(function).values())


def _with_held(own: CodeType, held: Iterable[Any]) -> tuple[Any, ...]:
    return own, *(id(each) for each in held if isinstance(each, FunctionType))
