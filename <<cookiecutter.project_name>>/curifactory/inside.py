"""What a stage sees: a record, and the inputs of an aggregate."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from .errors import CurifactoryError, nearest
from .folders import FILES

DECLARE = "declare what the stage needs in its inputs, so that a change is noticed"
PLACES = "; files go to record.get_path(name), record.get_dir(name) or record.scratch"
RETURN = "name it in the outputs of the stage, and return it"


class Inside(Protocol):
    """What an execution gathers of what its stage does."""

    metrics: dict[str, Any]
    folder: str
    has_files: bool

    def scratch(self) -> Path: ...

    def report(self, reportable: Any) -> None: ...

    def load(self, source: Any) -> Any: ...


class StageRecord:
    """A record as a stage sees it: nothing that it could use without being noticed."""

    _inside: Inside

    def __init__(
        self, inside: Inside, label: str, args: Any, state: Mapping[str, Any]
    ) -> None:
        own = {"_inside": inside, "label": label, "params": args, "state": state}
        vars(self).update(own, args=args)

    def __setattr__(self, name: str, value: Any) -> None:
        raise CurifactoryError(f"inside a stage record.{name} cannot be set", RETURN)

    def metric(self, name: str, value: Any, goal: str | None = None) -> None:
        """Show a number in the comparison of argsets; the goal is "max" or "min"."""
        if goal not in (None, "max", "min"):
            said = f'goal={goal!r} of {name!r} is neither "max" nor "min"'
            raise CurifactoryError(said)
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            said = f"metric {name!r} is no number: {value!r}"
            raise CurifactoryError(said) from error
        self._inside.metrics[str(name)] = {"value": number, "goal": goal}

    def report(self, reportable: Any) -> None:
        """Show a figure, table or value in the report of the run."""
        if isinstance(reportable, type) or not hasattr(reportable, "describe"):
            raise CurifactoryError(
                f"{reportable!r:.80} is no reportable",
                "wrap it: from curifactory.reporting import FigureReporter, TableReporter",
            )
        self._inside.report(reportable)

    @property
    def scratch(self) -> Path:
        """A folder for checkpoints, kept over failures until the call is done."""
        return self._inside.scratch()

    def get_path(self, name: str) -> Path:
        """Return the path of a file that is kept with the call."""
        if Path(name).name != name:
            raise CurifactoryError(f"{name!r} is no plain file name")
        self._inside.has_files = True
        folder = Path(self._inside.folder, FILES)
        folder.mkdir(exist_ok=True)
        return folder / name

    def get_dir(self, name: str) -> Path:
        """Return a folder that is kept with the call."""
        path = self.get_path(name)
        path.mkdir(exist_ok=True)
        return path

    def call(self, stage: Any, records: Any, arguments: Any) -> None:
        raise CurifactoryError(
            f"stage {stage.label} is called inside a stage",
            f"call it in run(), or its function: {stage.label}.function(record, ...)",
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        said = f"inside a stage a record has no {name!r}: {nearest(name, _OFFERED)}"
        is_for_files = name in ("manager", "stage_cachers")
        raise CurifactoryError(said, DECLARE + PLACES * is_for_files)


_OFFERED = "args state label metric report scratch get_path get_dir".split()


class Inputs(Mapping[str, Any]):
    """What a stage sees of a record's state: declared inputs, loaded when first used."""

    def __init__(
        self, inside: Inside, declared: Sequence[str], sources: Mapping[str, Any]
    ) -> None:
        self._inside = inside
        self._declared = declared
        self._sources = sources
        self.loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.loaded:
            if name not in self:
                raise KeyError(f"{name!r}: this record has none")
            self.loaded[name] = self._inside.load(self._sources[name])
        return self.loaded[name]

    def __contains__(self, name: object) -> bool:
        if name not in self._declared:
            alike = nearest(str(name), self._declared)
            said = f"{name!r} is no input of this stage: {alike}"
            raise CurifactoryError(said, DECLARE)
        return name in self._sources

    def _known(self) -> Mapping[str, Any]:
        if not self._declared:
            said = "this record has no inputs: inside a stage its state is empty"
            raise CurifactoryError(said, DECLARE)
        return self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def __setitem__(self, name: str, value: Any) -> None:
        raise CurifactoryError(f"inside a stage state[{name!r}] cannot be set", RETURN)


class ByRecord(Mapping[Any, Any]):
    """One input of an aggregate: a mapping from record to value."""

    def __init__(self, states: Mapping[Any, Any], name: str) -> None:
        self._states = {r: state for r, state in states.items() if name in state}
        self._name = name

    def __getitem__(self, record: Any) -> Any:
        if record not in self._states:
            who, name = getattr(record, "label", record), self._name
            raise KeyError(f"record {who!r} has no {name!r}: go through {name} itself")
        return self._states[record][self._name]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)
