"""Cachers of arrays and data frames."""

import errno
import importlib
import warnings
from typing import Any

import numpy as np

from ..caching import Cacheable
from ..errors import ArtifactError

FORMATS = ("csv", "json", "parquet")
INSTEAD = "choose another format, or take the PickleCacher"


class NumpyCacher(Cacheable):
    """An array of numpy, as .npy."""

    extension = ".npy"

    def save(self, obj: Any) -> None:
        if type(obj) is not np.ndarray or obj.dtype.hasobject or obj.dtype.metadata:
            shown = f"a {type(obj).__name__} of {getattr(obj, 'dtype', obj)}"
            hint = "return a plain array, or take the PickleCacher"
            raise ArtifactError(f".npy cannot hold {shown:.80}", hint)
        with open(self.get_path(), "wb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on names of fields
            try:
                np.save(file, obj, allow_pickle=False)
            except OSError as error:  # numpy tells how many items, and not why
                said = f"is the disk full? {error}"
                raise OSError(error.errno or errno.ENOSPC, said) from error

    def load(self) -> Any:
        with open(self.get_path(), "rb") as file:
            return np.load(file, allow_pickle=False)


class _FrameCacher(Cacheable):
    """Saves a frame, and refuses it where the file would give back another one."""

    package = remedy = ""

    def __init__(
        self, format: str = "parquet", extension: str = "", **more: Any
    ) -> None:
        super().__init__(extension or f".{format}", **more)
        if format not in FORMATS:
            hint = f"there is: {list(FORMATS)}"
            raise ArtifactError(f"there is no format {format!r}", hint)
        self.format = format

    def save(self, obj: Any) -> None:
        if type(obj) is not importlib.import_module(self.package).DataFrame:
            said = f"it is a {type(obj).__name__}, no DataFrame"
            raise ArtifactError(said, f"return a DataFrame ({self.remedy})")
        try:
            self._write(obj)
            change = self._difference(obj, self.load())
        except OSError:
            raise
        except Exception as error:
            change = f"{type(error).__name__}: {error}"
        if change:
            shown = "; ".join(filter(None, map(str.strip, change.splitlines())))
            said = f"{self.format} would change the frame: {shown:.300}"
            raise ArtifactError(said, INSTEAD)

    def _write(self, frame: Any) -> None:
        raise NotImplementedError

    def _difference(self, saved: Any, loaded: Any) -> str:
        raise NotImplementedError


class PandasCacher(_FrameCacher):
    """A data frame of pandas as parquet, csv or json."""

    package, remedy = "pandas", "of a Series: series.to_frame()"

    def _difference(self, saved: Any, loaded: Any) -> str:
        from pandas.testing import assert_frame_equal

        names = [each for each in saved.index.names if each is not None]
        if self.format == "csv" and names:
            return f"its index {names} would be a column, as reset_index() makes it"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                assert_frame_equal(saved, loaded, check_exact=True)
            except (AssertionError, Warning) as error:
                return str(error) or type(error).__name__
        if _kinds_of_cells(saved) != _kinds_of_cells(loaded):
            return "what is missing in it"  # None and NaN are equal to pandas
        before, after = (getattr(each.index, "freq", None) for each in (saved, loaded))
        if before != after:  # not compared above where there are no rows
            return f"the frequency {before!r} of its index"
        return "" if saved.attrs == loaded.attrs else "its attrs"

    def _write(self, frame: Any) -> None:
        options: dict[str, Any] = {}
        if self.format != "parquet":
            options["index"] = not _is_plain(frame)
        if self.format == "json":
            options.update(orient="table", double_precision=15)
        getattr(frame, f"to_{self.format}")(self.get_path(), **options)

    def load(self) -> Any:
        import pandas

        if self.format == "parquet":
            return pandas.read_parquet(self.get_path())
        if self.format == "json":
            return pandas.read_json(self.get_path(), orient="table", precise_float=True)
        exact: Any = {"float_precision": "round_trip"}
        if tuple(map(int, pandas.__version__.split(".")[:2])) >= (3, 1):
            exact = {}  # it is the default
        frame = pandas.read_csv(self.get_path(), **exact)
        if list(frame.columns[:1]) == ["Unnamed: 0"]:
            frame = frame.set_index("Unnamed: 0")
            frame.index.name = None
        return frame


class PolarsCacher(_FrameCacher):
    """A data frame of polars as parquet, csv or json."""

    package, remedy = "polars", "of a LazyFrame: frame.collect()"

    def _difference(self, saved: Any, loaded: Any) -> str:
        if saved.schema != loaded.schema:
            return f"{saved.schema} would be {loaded.schema}"
        return "" if saved.equals(loaded) else "values differ"

    def _write(self, frame: Any) -> None:
        getattr(frame, f"write_{self.format}")(self.get_path())

    def load(self) -> Any:
        import polars

        options = {} if self.format == "parquet" else {"infer_schema_length": None}
        return getattr(polars, f"read_{self.format}")(self.get_path(), **options)


def _kinds_of_cells(frame: Any) -> list[list[type]]:
    """Return the classes of the values, where a column may hold several."""
    columns = [column for _, column in frame.items() if column.dtype == object]
    return [list(map(type, column)) for column in columns]


def _is_plain(frame: Any) -> bool:
    """Return whether an index only counts the rows."""
    import pandas

    return bool(frame.index.identical(pandas.RangeIndex(len(frame))))
