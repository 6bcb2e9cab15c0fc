"""Reportables: figures, tables and values that a stage shows in the report."""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from .args import short
from .errors import CurifactoryError

INSTEAD = {
    "html": 'kind = "html" and data(), which returns a string or lines',
    "render": "file(folder, stem), which writes the file and returns its name",
}
"""What other releases call of reportables of one's own, and what is called here."""


class Reportable:
    """Something to show: a value, and how it becomes plain data or a file."""

    kind: ClassVar[str] = "text"
    given: ClassVar[str] = "value"
    """What the value is called as a keyword argument."""
    has_options: ClassVar[bool] = False
    """Whether it takes further keyword arguments."""

    def __init__(
        self,
        value: Any = None,
        name: str | None = None,
        group: str | None = None,
        **more: Any,
    ) -> None:
        self.value = more.pop(self.given, value)
        self.name = name
        self.group = group
        self.more = more
        if more and type(self).__module__ == __name__ and not self.has_options:
            said = f"{type(self).__name__} has no {', '.join(more)}"
            raise TypeError(f"{said}: it takes {self.given}, name and group")

    def describe(self, folder: Path, stem: str) -> dict[str, Any]:
        """Return the plain data that stands for it, its file written into a folder."""
        for name, instead in INSTEAD.items():
            if callable(getattr(type(self), name, None)):
                raise CurifactoryError(f"{name}() is not called: define {instead}")
        file = self.file(folder, stem)
        return {
            "kind": self.kind,
            "name": self.name or stem,
            "group": self.group,
            "file": file,
            "data": None if file else self.data(),
        }

    def data(self) -> Any:
        """Return what JSON can hold of the value."""
        return str(self.value)

    def file(self, folder: Path, stem: str) -> str | None:
        """Write the file of the value, and return its name; None where there is none."""
        return None


class TextReporter(Reportable):
    """A text, shown as it is."""

    given = "text"


class HTMLReporter(Reportable):
    """Raw HTML, one string or a list of lines; shown in a frame of its own."""

    kind = "html"
    given = "html_string"

    def data(self) -> Any:
        return self.value if isinstance(self.value, str) else "\n".join(self.value)


class JsonReporter(Reportable):
    """Any nested value; what JSON cannot hold is shown as text."""

    kind = "json"
    given = "dictionary"

    def data(self) -> Any:
        return json.loads(json.dumps(_with_text_keys(self.value), default=str))


class TableReporter(Reportable):
    """Rows, as mappings from column to value."""

    kind = "table"
    given = "rows"

    def data(self) -> Any:
        rows = list(self.value)
        for row in rows:
            if not isinstance(row, Mapping):
                said = f"a row of TableReporter is {short(row)}, no mapping"
                raise CurifactoryError(said, "a data frame is shown by DFReporter")
        columns = list(dict.fromkeys(str(key) for row in rows for key in row))
        texts = [{str(key): value for key, value in row.items()} for row in rows]
        return _table(columns, [[row.get(each) for each in columns] for row in texts])


class DFReporter(Reportable):
    """A data frame of pandas or polars, or what has `reset_index` and `to_dict`."""

    kind = "table"
    given = "df"
    has_options = True

    def data(self) -> Any:
        if callable(getattr(self.value, "iter_rows", None)):  # of polars
            return _table(self.value.columns, self.value.rows())
        split = self.value.reset_index().to_dict(orient="split")
        return _table(split["columns"], split["data"])


class FigureReporter(Reportable):
    """A matplotlib figure or axes, or what has `savefig`, which takes more keywords."""

    kind = "image"
    given = "fig"
    has_options = True

    def file(self, folder: Path, stem: str) -> str | None:
        options = {"bbox_inches": "tight", "format": "png", **self.more}
        name = f"{stem}.{options['format']}"
        figure = self.value
        if not hasattr(figure, "savefig"):  # axes, as seaborn and pandas give
            figure = getattr(figure, "figure", figure)
        figure.savefig(folder / name, **options)
        return name


class ImageReporter(Reportable):
    """The path of an image that the stage made."""

    kind = "image"
    given = "path"

    def file(self, folder: Path, stem: str) -> str | None:
        name = stem + Path(self.value).suffix.lower()
        shutil.copyfile(self.value, folder / name)
        return name


class LinePlotReporter(Reportable):
    """One line, or several by label, over 0, 1, 2, ..., over one `x`, or over one each."""

    kind = "line"
    has_options = True

    def __init__(
        self,
        y: Any,
        x: Any = None,
        name: str | None = None,
        group: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(y, name, group, **more)
        self.x = x

    def data(self) -> Any:
        given, x = self.value, self.x
        lines = given if isinstance(given, Mapping) else {self.name or "y": given}
        y = {str(label): _numbers(label, line) for label, line in lines.items()}
        if not isinstance(x, Mapping):
            return {"x": _places(x, y.values()), "y": y}
        own = {str(label): places for label, places in x.items()}
        if own.keys() != y.keys():
            raise ValueError(f"x has {[*own]}, and y {[*y]}")
        return {"x": {label: _places(own[label], [y[label]]) for label in y}, "y": y}


def _numbers(label: Any, line: Any) -> list[float]:
    try:
        return list(map(float, line))
    except (TypeError, ValueError) as error:
        said = f"line {label!r} of LinePlotReporter is {short(line)}, no numbers"
        hint = (
            "give numbers, or some for each label: of a data frame, df.to_dict('list')"
        )
        raise CurifactoryError(said, hint) from error


def _places(x: Any, lines: Iterable[Sequence[float]]) -> list[float]:
    """Return where the points of lines are."""
    longest = max(map(len, lines), default=0)
    found = _numbers("x", range(longest) if x is None else x)
    if len(found) < longest:
        raise ValueError(f"x has {len(found)} values, and a line {longest}")
    return found


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _with_text_keys(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_text_keys(each) for each in value]
    return value


def _table(columns: Sequence[Any], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    shown = [[_plain(value) for value in row] for row in rows]
    return {"columns": [str(each) for each in columns], "rows": shown}


def _plain(value: Any) -> Any:
    """Return numbers of numpy as numbers, and what JSON cannot hold as text."""
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    is_plain = isinstance(value, (bool, int, float, str, type(None)))
    return value if is_plain else str(value)
