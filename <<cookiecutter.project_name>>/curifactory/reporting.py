"""Reportables: figures, tables and values that a stage shows in the report."""

import html
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Reportable:
    """Something to show. `describe` writes its file, if any, into a folder."""

    kind = "text"

    def __init__(self, name: str | None = None, group: str | None = None) -> None:
        self.name = name
        self.group = group

    def describe(self, folder: Path, stem: str) -> dict[str, Any]:
        """Return the plain data that stands for it in the history and the report."""
        data, file = self.content(folder, stem)
        name = self.name or stem
        entry = {"kind": self.kind, "name": name, "group": self.group}
        return {**entry, "file": file, "data": data}

    def content(self, folder: Path, stem: str) -> tuple[Any, str | None]:
        """Return the data, and the name of the file written into the folder."""
        raise NotImplementedError(f"{type(self).__name__}.content")


class TextReporter(Reportable):
    def __init__(
        self, text: str, name: str | None = None, group: str | None = None
    ) -> None:
        super().__init__(name, group)
        self.text = text

    def content(self, folder: Path, stem: str) -> tuple[Any, str | None]:
        return str(self.text), None


class HTMLReporter(Reportable):
    """Raw HTML, shown in a frame of its own."""

    kind = "html"

    def __init__(
        self,
        html_string: str | Sequence[str],
        name: str | None = None,
        group: str | None = None,
    ) -> None:
        super().__init__(name, group)
        self.html_string = html_string

    def content(self, folder: Path, stem: str) -> tuple[Any, str | None]:
        lines = self.html_string
        return lines if isinstance(lines, str) else "\n".join(lines), None


class JsonReporter(Reportable):
    kind = "json"

    def __init__(
        self, value: Any, name: str | None = None, group: str | None = None
    ) -> None:
        super().__init__(name, group)
        self.value = value

    def content(self, folder: Path, stem: str) -> tuple[Any, str | None]:
        return json.loads(json.dumps(self.value, default=str)), None


class TableReporter(Reportable):
    """Rows as mappings from column to value."""

    kind = "table"

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        name: str | None = None,
        group: str | None = None,
    ) -> None:
        super().__init__(name, group)
        self.rows = rows

    def content(self, folder: Path, stem: str) -> tuple[Any, str | None]:
        columns = list(dict.fromkeys(str(key) for row in self.rows for key in row))
        by_text = [{str(key): value for key, value in row.items()} for row in self.rows]
        rows = [[plain(row.get(column)) for column in columns] for row in by_text]
        return {"columns": columns, "rows": rows}, None


class DFReporter(Reportable):
    """A data frame of pandas, or anything with `reset_index` and `to_dict`."""

    kind = "table"

    def __init__(
        self, df: Any, name: str | None = None, group: str | None = None
    ) -> None:
        super().__init__(name, group)
        self.df = df

    def content(self, folder: Path, stem: str) -> tuple[Any, str | None]:
        split = self.df.reset_index().to_dict(orient="split")
        rows = [[plain(value) for value in row] for row in split["data"]]
        return {"columns": [str(each) for each in split["columns"]], "rows": rows}, None


class FigureReporter(Reportable):
    """A matplotlib figure, or anything with `savefig`."""

    kind = "image"

    def __init__(
        self, fig: Any, name: str | None = None, group: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name, group)
        self.fig = fig
        self.kwargs = kwargs

    def content(self, folder: Path, stem: str) -> tuple[Any, str | None]:
        file = f"{stem}.png"
        self.fig.savefig(folder / file, **{"bbox_inches": "tight", **self.kwargs})
        return None, file


class ImageReporter(Reportable):
    """An image file that the stage made."""

    kind = "image"

    def __init__(
        self,
        image_path: str | Path,
        name: str | None = None,
        group: str | None = None,
    ) -> None:
        super().__init__(name, group)
        self.image_path = Path(image_path)

    def content(self, folder: Path, stem: str) -> tuple[Any, str | None]:
        file = f"{stem}{self.image_path.suffix.lower()}"
        shutil.copyfile(self.image_path, folder / file)
        return None, file


class LinePlotReporter(Reportable):
    """One line, or several by label, over `x` or over 0, 1, 2, ..."""

    kind = "line"

    def __init__(
        self,
        y: Any,
        x: Any = None,
        name: str | None = None,
        group: str | None = None,
    ) -> None:
        super().__init__(name, group)
        self.y = y
        self.x = x

    def content(self, folder: Path, stem: str) -> tuple[Any, str | None]:
        lines = self.y if isinstance(self.y, Mapping) else {self.name or "y": self.y}
        y = {str(label): [float(v) for v in line] for label, line in lines.items()}
        longest = max((len(line) for line in y.values()), default=0)
        x = range(longest) if self.x is None else self.x
        return {"x": [float(value) for value in x], "y": y}, None


class LatexTableReporter(Reportable):
    """The LaTeX source of a data frame of pandas, to copy from the report."""

    kind = "html"

    def __init__(
        self, df: Any, name: str | None = None, group: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name, group)
        self.df = df
        self.kwargs = kwargs

    def content(self, folder: Path, stem: str) -> tuple[Any, str | None]:
        text = self.df.style.to_latex(**self.kwargs)
        return f"<pre>{html.escape(text)}</pre>", None


def plain(value: Any) -> Any:
    """Return a value that JSON can hold: numbers of numpy as numbers, others as text."""
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
