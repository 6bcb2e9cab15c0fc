"""Which calls may begin: those whose producers are done, in the order they were made."""

import heapq
from collections.abc import Iterable

from .record import Call

UNFINISHED = ("waiting", "pending", "running")


class Order:
    """The calls that are to be done; true while some are ready to begin."""

    def __init__(self) -> None:
        self._ready: list[tuple[int, Call]] = []
        self._blockers: dict[Call, int] = {}
        self._dependents: dict[Call, list[Call]] = {}

    def __bool__(self) -> bool:
        return bool(self._ready)

    def first(self) -> Call:
        """Return the call that is to begin next."""
        return self._ready[0][1]

    def pop(self) -> Call:
        """Take the call that is to begin next."""
        return heapq.heappop(self._ready)[1]

    def admit(self, call: Call) -> None:
        """Let a call wait for the calls before it."""
        call.status = "pending"
        self.wait_for(call, [c for c in call.producers() if c.status in UNFINISHED])

    def wait_for(self, call: Call, blockers: list[Call]) -> None:
        """Let a call begin when all of some others are done."""
        if not blockers:
            self.let_try([call])
            return
        self._blockers[call] = len(blockers)
        for each in blockers:
            self._dependents.setdefault(each, []).append(call)

    def let_try(self, calls: Iterable[Call]) -> None:
        """Let calls begin that waited for something else."""
        for call in calls:
            heapq.heappush(self._ready, (call.position, call))

    def release(self, call: Call) -> None:
        """Let those go on that waited for a call."""
        for each in self._dependents.pop(call, ()):
            self._blockers[each] -= 1
            if not self._blockers[each]:
                del self._blockers[each]
                self.let_try([each])
