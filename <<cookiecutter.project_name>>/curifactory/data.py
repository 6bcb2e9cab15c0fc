"""The data behind the traces of a run: what is at hand, and which calls make it again."""

from collections import Counter
from collections.abc import Iterable, Mapping

from .errors import DamagedError
from .record import Call, Literal, Output, Source
from .survey import Survey
from .task import Held, Value
from .trace import Trace

MOST_REMAKES = 3


class Data:
    """What has been loaded, held, damaged and made again in this run."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.again: dict[Call, str] = {}
        """The calls that are executed for their data alone, and why."""
        self._held: dict[tuple[str, int], Held] = {}
        self._handed: dict[tuple[Call, int], Held] = {}
        """What run() itself was given of objects that have no copy."""
        self._damaged: set[str] = set()
        self._replaced: dict[str, Trace] = {}
        self._making: dict[str, Call] = {}
        self._remade: Counter[Call] = Counter()

    def given(self, source: Source) -> Value:
        """Return an input as an execution gets it."""
        held = self._kept(source) if isinstance(source, Output) else None
        return held if held is not None else stored(source)

    def _kept(self, source: Output) -> Held | None:
        """Return an output that the cache does not keep, unless somebody has it now."""
        trace = source.call.trace
        key = trace.folder if trace is not None else "", source.index
        held = self._held.get(key)
        if held is not None and held.is_gone:
            del self._held[key]
            return None
        return held

    def load(self, source: Output) -> Held | None:
        """Return a value for run(); None where it is not at hand, or damaged."""
        key = source.call, source.index
        if key in self._handed or not self.is_at_hand(source):
            return self._handed.get(key)
        given = self.given(source)
        if isinstance(given, Held):
            made = Held(given.unpacked())
            if given.is_spent:
                self._handed[key] = made
            return made
        try:
            return Held(self.survey.store.load(*source.stored()))
        except DamagedError:
            assert source.call.trace is not None
            self.note_damage([source.call.trace.folder])
            return None

    def is_at_hand(self, source: Output) -> bool:
        """Return whether a value can be had without computing anything."""
        if self.survey.has_data(source):
            return True
        self.follow([source.call])
        return self._kept(source) is not None or self.survey.has_data(source)

    def follow(self, calls: Iterable[Call]) -> None:
        """Let calls whose data was made again go by the traces of that."""
        for call in calls if self._replaced else ():
            while call.trace is not None:
                newer = self._replaced.get(call.trace.folder, call.trace)
                if newer is call.trace:
                    break
                call.trace = newer

    def makers(self, calls: Iterable[Call]) -> list[Call]:
        """Return the calls that make the data of these again: of equal ones, one."""
        found: dict[str, Call] = {}
        for call in calls:
            if call.trace is not None:
                folder = call.trace.folder
                found.setdefault(folder, self._making.setdefault(folder, call))
        return list(found.values())

    def make_again(self, call: Call) -> bool:
        """Let a call be executed for its data; not if that was in vain too often."""
        assert call.trace is not None
        is_damaged = call.trace.folder in self._damaged
        self._remade[call] += is_damaged
        if self._remade[call] > MOST_REMAKES:
            return False
        kept = all(each.is_kept for each in call.trace.outputs)
        lack = "data was collected" if kept else "its data was not kept"
        lack = "artifact damaged" if is_damaged else lack
        self.again[call] = f"{lack}, and a later stage needs it"
        return True

    def is_made(self, call: Call, trace: Trace) -> bool:
        """Go by what another run has made of a call since; False where it has not."""
        assert call.trace is not None
        if trace.folder == call.trace.folder or not self.survey.store.has_data(trace):
            return False
        if trace.identities != call.trace.identities:
            return False
        self._go_by(call, trace)
        return True

    def is_another(self, call: Call, trace: Trace) -> bool:
        """Return whether what was to make data again has found other files."""
        then = call.trace if call in self.again else None
        return then is not None and trace.identities != then.identities

    def note_damage(self, folders: list[str]) -> None:
        """Let folders count as absent from now on."""
        self._damaged.update(folders)
        self.note_gone(folders)
        self.survey.index.forget(folders)

    def note_gone(self, folders: list[str]) -> None:
        """Let the data in folders count as absent; their traces stay."""
        self.survey.store.damaged.update(folders)

    def take(self, call: Call, trace: Trace, held: Mapping[int, Held]) -> None:
        """Take what an execution has made; consumers keep going by its identity."""
        self.survey.store.damaged.discard(trace.folder)
        self.survey.fresh.add(trace.folder)
        self._held.update({(trace.folder, index): each for index, each in held.items()})
        self._go_by(call, trace)

    def _go_by(self, call: Call, trace: Trace) -> None:
        """Let a call, and those that share what was made again, go by a newer trace."""
        self._replaced.pop(trace.folder, None)  # a name may be free again, and taken
        if call in self.again and call.trace is not None:
            self._replaced[call.trace.folder] = trace
            self._making.pop(call.trace.folder, None)
        self.again.pop(call, None)
        call.trace = trace


def stored(source: Source) -> Value:
    """Return an input that lies in the cache, or was given by hand."""
    return source if isinstance(source, Literal) else source.stored()
