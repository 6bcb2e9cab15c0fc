"""What one invocation asks for."""

from collections.abc import Sequence
from typing import NamedTuple


class Request(NamedTuple):
    """A run as it was asked for: given by keywords, written into the history."""

    name: str
    paramsets: Sequence[str] = ()
    sets: Sequence[str] = ()
    seeds: int | None = None
    names: Sequence[str] = ()
    indices: str | None = None
    map_only: bool = False
    report: bool = True
    command: str = ""
    engine: str | None = None
    jobs: int | None = None
    scheduler: str | None = None
    read_only: bool = False
    captures: bool = False
    overwrite: bool = False
    overwrite_stages: Sequence[str] = ()
    retries: int = 0
    fail_fast: bool = False
    max_calls: int | None = None
    debugger: bool = False
    is_confirmed: bool = False

    def forces(self, names: frozenset[str]) -> bool:
        """Return whether the calls of a stage are to be computed whatever is known."""
        return self.overwrite or not names.isdisjoint(self.overwrite_stages)
