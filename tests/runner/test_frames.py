"""Each cacher gives back what it saved, or refuses; nothing is changed in silence."""

import contextlib
import math
import os
import pickle
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curifactory import sources
from curifactory.caching import (
    AUTO,
    FileReferenceCacher,
    JsonCacher,
    PathCacher,
    PickleCacher,
    TextCacher,
)
from curifactory.errors import ArtifactError, CurifactoryError, DamagedError

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

FEWER = settings().max_examples * 2 // 5  # frames take long
LAW = settings(
    max_examples=FEWER, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(autouse=True, scope="module")
def no_project():
    """Paths are relative to the current folder, whatever other tests have watched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_roots", [])
        yield


def round_trip(cacher, value, folder=None):
    """Save and load; None where the value was refused, else a list with what loads."""
    with tempfile.TemporaryDirectory() as made:
        placed = cacher.at(Path(folder or made), "thing")
        try:
            placed.save(value)
        except ArtifactError as error:
            assert error.message and error.hint
            return None
        return [placed.load()]


def same(a, b):
    """Equal, with the same types all the way down; NaN equals NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float) and math.isnan(a):
        return math.isnan(b)
    return a == b and (not isinstance(a, float) or repr(a) == repr(b))


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
anything = st.recursive(
    plain | st.binary() | st.complex_numbers(allow_nan=False) | st.dates(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.text() | st.none(), inner)
        | st.frozensets(st.integers())
    ),
    max_leaves=8,
)


@LAW
@given(plain)
def test_json_gives_back_all_plain_values(value):
    found = round_trip(JsonCacher(), value)
    assert found is not None and same(found[0], value)


@LAW
@given(anything)
def test_json_gives_back_what_it_does_not_refuse(value):
    found = round_trip(JsonCacher(), value)
    assert found is None or same(found[0], value)


@LAW
@given(anything)
def test_pickle_and_the_automatic_choice_give_back_anything(value):
    for cacher in (PickleCacher(), AUTO.chosen(value)):
        found = round_trip(cacher, value)
        assert found is not None and same(found[0], value)


@LAW
@given(st.text() | anything)
def test_text_gives_back_what_it_does_not_refuse(value):
    found = round_trip(TextCacher(), value)
    assert (found is None) == (type(value) is not str or not _is_utf8(value))
    assert found is None or found[0] == value


def _is_utf8(text):
    try:
        return bool(text.encode()) or True
    except UnicodeError:
        return False


# Arrays and frames ------------------------------------------------------------------


def arrays():
    from hypothesis.extra import numpy as np

    kinds = (
        np.scalar_dtypes()
        | np.unicode_string_dtypes()
        | np.byte_string_dtypes()
        | np.array_dtypes()
    )
    shapes = np.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    filled = st.integers() | st.text(max_size=3)
    plain = kinds.filter(lambda kind: not kind.hasobject)
    return np.arrays(plain, shapes) | np.arrays(object, shapes, elements=filled)


@LAW
@given(arrays(), st.booleans())
def test_arrays_are_given_back_or_refused(array, is_turned):
    from curifactory.caching import NumpyCacher

    array = array.T if is_turned else array
    found = round_trip(NumpyCacher(), array)
    assert (found is None) == array.dtype.hasobject
    if found:
        assert type(found[0]) is numpy.ndarray
        assert (found[0].dtype, found[0].shape) == (array.dtype, array.shape)
        assert found[0].tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "value",
    [
        [1.0],
        numpy.float64(1),
        numpy.ma.masked_array([1, 2], [True, False]),
        numpy.array([1, 2]).view(numpy.recarray),
        numpy.array([None]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_plain_array_is_refused(value):
    from curifactory.caching import NumpyCacher

    assert round_trip(NumpyCacher(), value) is None
    with pytest.raises(ArtifactError, match=f"hold a {type(value).__name__} of "):
        NumpyCacher().save(value)


def columns():
    numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5)
    cells = [
        numbers,
        st.floats(),
        st.booleans(),
        st.text(max_size=4),
        st.sampled_from(["007", "1e5", "NA", "", " a", "true", 'x"y', "a,b\nc", None]),
        st.datetimes(
            pandas.Timestamp(1900, 1, 1).to_pydatetime(),
            pandas.Timestamp(2100, 1, 1).to_pydatetime(),
        ),
        st.sampled_from([1, "a", None, 2.5, (1, 2)]),
    ]
    return st.sampled_from(cells)


@st.composite
def frames(draw):
    count = draw(st.integers(0, 4))
    names = draw(
        st.lists(st.text(max_size=3) | st.integers(0, 3), max_size=3, unique=True)
    )
    data = {
        name: draw(st.lists(draw(columns()), min_size=count, max_size=count))
        for name in names
    }
    frame = pandas.DataFrame(data, index=range(count))
    if names and draw(st.booleans()):
        kind = draw(st.sampled_from(["category", "string", "Int64", "float32"]))
        with contextlib.suppress(TypeError, ValueError, OverflowError, Warning):
            frame[names[0]] = frame[names[0]].astype(kind)
    index = draw(st.sampled_from(["plain", "shifted", "named", "dates", "two"]))
    if index == "shifted":
        frame.index = range(1, count + 1)
    elif index == "named":
        frame.index = pandas.Index([f"r{i}" for i in range(count)], name="row")
    elif index == "dates":
        frame.index = pandas.date_range("2024-01-01", periods=count, freq="D")
    elif index == "two" and count:
        pairs = [(i, str(i)) for i in range(count)]
        frame.index = pandas.MultiIndex.from_tuples(pairs)
    if draw(st.integers(0, 9)) == 0:
        frame.attrs["unit"] = "m"
    return frame


def shown(frame):
    """All that tells frames apart, in plain Python values.

    Whether an index of whole numbers keeps them or counts is no difference.
    """
    values = [[(type(v), repr(v)) for v in frame[name]] for name in frame.columns]
    kinds = [str(kind) for kind in frame.dtypes]
    kind = (type(frame.index), frame.index.dtype)
    if isinstance(frame.index, pandas.RangeIndex):
        kind = (pandas.Index, frame.index.dtype)
    index = (kind, list(map(repr, frame.index)), frame.index.names)
    freq = getattr(frame.index, "freq", None)
    return values, kinds, index, freq, list(frame.columns), frame.attrs


@pytest.mark.parametrize("format", ["parquet", "csv", "json"])
@LAW
@given(frame=frames())
def test_frames_of_pandas_are_given_back_or_refused(format, frame):
    from curifactory.caching import PandasCacher

    found = round_trip(PandasCacher(format), frame)
    if found:
        assert shown(found[0]) == shown(frame)


@pytest.mark.parametrize("format", ["parquet", "csv", "json"])
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_plain_frames_are_not_refused(format, rows):
    from curifactory.caching import PandasCacher

    columns = {"n": [1, 2], "x": [0.1, 2.5], "text": ["a", "b"]}
    frame = pandas.DataFrame(columns)[:rows]
    if format == "csv" and not rows:
        frame = frame[["text"]].astype(object)  # nothing tells of what kind it is
    found = round_trip(PandasCacher(format), frame)
    assert found and shown(found[0]) == shown(frame)
    assert type(found[0].index) is type(frame.index)


def test_csv_names_what_it_would_change(tmp_path):
    from curifactory.caching import PandasCacher

    frame = pandas.DataFrame({"code": ["007"]})
    with pytest.raises(ArtifactError, match="csv would change the frame") as caught:
        PandasCacher("csv").at(tmp_path, "thing").save(frame)
    assert "PickleCacher" in caught.value.hint
    small = pandas.DataFrame({"count": [1]}, dtype="int32")
    with pytest.raises(ArtifactError, match="int32.*int64"):
        PandasCacher("csv").at(tmp_path, "thing").save(small)
    grouped = pandas.DataFrame({"site": ["a", "b"], "n": [1, 2]}).set_index("site")
    with pytest.raises(ArtifactError, match=r"its index \['site'\].*reset_index"):
        PandasCacher("csv").at(tmp_path, "thing").save(grouped)
    with pytest.raises(CurifactoryError, match="PandasCacher has no prefix"):
        PandasCacher("csv", prefix="common")


@pytest.mark.parametrize("format", ["parquet", "csv", "json"])
@LAW
@given(data=st.data())
def test_frames_of_polars_are_given_back_or_refused(format, data):
    polars = pytest.importorskip("polars")
    from curifactory.caching import PolarsCacher

    count = data.draw(st.integers(0, 3))
    cells = [st.integers(-9, 9), st.floats(), st.text(max_size=3), st.booleans()]
    content = {
        name: data.draw(
            st.lists(
                st.none() | data.draw(st.sampled_from(cells)),
                min_size=count,
                max_size=count,
            )
        )
        for name in data.draw(st.lists(st.text(max_size=2), max_size=3, unique=True))
    }
    frame = polars.DataFrame(content, strict=False)
    found = round_trip(PolarsCacher(format), frame)
    if found:
        assert found[0].schema == frame.schema
        assert repr(found[0].to_dict(as_series=False)) == repr(
            frame.to_dict(as_series=False)
        )


@pytest.mark.parametrize("value", [1, [1], {"a": [1]}, None])
def test_what_is_no_frame_is_refused(value):
    from curifactory import caching

    assert round_trip(caching.PandasCacher(), value) is None
    if pytest.importorskip("polars"):
        assert round_trip(caching.PolarsCacher(), value) is None


def test_an_unknown_format_is_refused_at_once():
    from curifactory.caching import PandasCacher

    with pytest.raises(ArtifactError, match="no format 'xls'"):
        PandasCacher("xls")


# Files ------------------------------------------------------------------------------


@LAW
@given(st.lists(st.binary(max_size=5), max_size=3), st.booleans(), st.booleans())
def test_references_are_given_back_as_they_were(contents, is_text, is_whole):
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        try:
            paths = []
            for number, content in enumerate(contents):
                path = Path(folder if is_whole else ".", f"{number}.bin")
                path.write_bytes(content)
                paths.append(str(path) if is_text else path)
            for value in (paths, tuple(paths), *paths):
                assert round_trip(FileReferenceCacher(), value) == [value]
        finally:
            os.chdir(before)


@pytest.mark.parametrize("value", ["absent", ["absent"], 1, None, ["faults.py", 2]])
def test_references_to_what_is_no_file_are_refused(value, monkeypatch):
    monkeypatch.chdir(Path(__file__).parent)
    assert round_trip(FileReferenceCacher(), value) is None


def test_a_reference_whose_file_changed_is_damaged(tmp_path):
    file = tmp_path / "data.bin"
    file.write_bytes(b"before")
    cacher = FileReferenceCacher().at(tmp_path, "thing")
    cacher.save(file)
    file.write_bytes(b"after")
    with pytest.raises(DamagedError, match=r"data\.bin"):
        cacher.load()
    file.unlink()
    with pytest.raises(DamagedError, match=r"data\.bin"):
        cacher.load()


@pytest.mark.parametrize("kind", [str, Path])
def test_a_reference_to_a_file_of_the_call_goes_where_the_call_goes(tmp_path, kind):
    folder = tmp_path / ".tmp" / "one"
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "model.bin").write_bytes(b"weights")
    cacher = FileReferenceCacher()
    cacher.at(folder, "model").save([kind(folder / "files" / "model.bin")])
    folder.rename(tmp_path / "done")
    expected = [kind(tmp_path / "done" / "files" / "model.bin")]
    assert cacher.at(tmp_path / "done", "model").load() == expected


def test_no_reference_leads_to_a_file_that_goes_with_the_call(tmp_path):
    scratch = tmp_path / ".scratch" / "of-a-call" / "x.bin"
    scratch.parent.mkdir(parents=True)
    scratch.write_bytes(b"x")
    placed = FileReferenceCacher().at(tmp_path / ".tmp" / "one", "model")
    with pytest.raises(ArtifactError, match="goes when the call is done") as caught:
        placed.save(scratch)
    assert "record.get_path" in caught.value.hint


def test_a_file_made_in_the_cache_is_moved_not_copied(tmp_path):
    made = tmp_path / "files" / "model.bin"
    made.parent.mkdir()
    made.write_bytes(b"weights")
    number = made.stat().st_ino
    cacher = PathCacher(".bin").at(tmp_path, "model")
    cacher.save(made)
    assert cacher.load().stat().st_ino == number
    assert not made.exists()


def test_pickles_of_arrays_are_exact():
    array = numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))
    found = round_trip(PickleCacher(), array)[0]
    assert pickle.dumps(found) == pickle.dumps(array)
