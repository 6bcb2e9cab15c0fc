"""Reportables describe themselves as plain data, and write at most one file."""

import datetime
import json
import math
import types

import pytest

from curifactory.errors import CurifactoryError
from curifactory.reporting import (
    DFReporter,
    FigureReporter,
    HTMLReporter,
    ImageReporter,
    JsonReporter,
    LinePlotReporter,
    Reportable,
    TableReporter,
    TextReporter,
)


class Figure:
    """Anything with `savefig`."""

    def savefig(self, path, **options):
        with open(path, "wb") as file:
            file.write(b"\x89PNG" + repr(sorted(options)).encode())


def described(reportable, folder):
    entry = reportable.describe(folder, "stem-0")
    assert list(entry) == ["kind", "name", "group", "file", "data"]
    assert json.loads(json.dumps(entry)) == entry
    return entry


def test_a_text_is_its_own_data(tmp_path):
    entry = described(TextReporter("a < b", name="note", group="notes"), tmp_path)
    assert entry == {
        "kind": "text",
        "name": "note",
        "group": "notes",
        "file": None,
        "data": "a < b",
    }


def test_without_a_name_the_stem_is_the_name(tmp_path):
    entry = described(TextReporter("a"), tmp_path)
    assert (entry["name"], entry["group"]) == ("stem-0", None)


def test_html_may_come_in_pieces(tmp_path):
    assert described(HTMLReporter("<b>a</b>"), tmp_path)["data"] == "<b>a</b>"
    entry = described(HTMLReporter(["<b>", "</b>"]), tmp_path)
    assert (entry["kind"], entry["data"]) == ("html", "<b>\n</b>")


def test_json_shows_other_objects_as_text(tmp_path):
    value = {"a": [1, None, True], "when": datetime.date(2024, 5, 17)}
    entry = described(JsonReporter(value), tmp_path)
    assert entry["kind"] == "json"
    assert entry["data"] == {"a": [1, None, True], "when": "2024-05-17"}


def test_a_table_has_the_columns_of_all_rows_in_order(tmp_path):
    rows = [{"a": 1, "b": "x"}, {"c": 2.5, "a": None}]
    entry = described(TableReporter(rows), tmp_path)
    assert entry["kind"] == "table"
    assert entry["data"] == {
        "columns": ["a", "b", "c"],
        "rows": [[1, "x", None], [None, None, 2.5]],
    }


def test_an_empty_table_is_a_table(tmp_path):
    assert described(TableReporter([]), tmp_path)["data"] == {"columns": [], "rows": []}


def test_a_table_takes_any_columns_and_cells(tmp_path):
    entry = described(TableReporter([{1: (1, 2), "x": b"a"}]), tmp_path)
    assert entry["data"] == {"columns": ["1", "x"], "rows": [["(1, 2)", "b'a'"]]}


def test_one_line_is_drawn_over_its_positions(tmp_path):
    entry = described(LinePlotReporter([1, 2.5, 3], name="loss"), tmp_path)
    assert entry["kind"] == "line"
    assert entry["data"] == {"x": [0.0, 1.0, 2.0], "y": {"loss": [1.0, 2.5, 3.0]}}


def test_several_lines_are_drawn_by_label(tmp_path):
    lines = LinePlotReporter({"train": (1, 2), "test": [3, 4]}, x=[10, 20])
    data = described(lines, tmp_path)["data"]
    assert data == {"x": [10.0, 20.0], "y": {"train": [1.0, 2.0], "test": [3.0, 4.0]}}


def test_lines_may_have_places_of_their_own(tmp_path):
    y, x = {"train": [1, 2], "test": [3]}, {"test": (5,), "train": (0, 4)}
    data = described(LinePlotReporter(y, x), tmp_path)["data"]
    assert data["x"] == {"train": [0.0, 4.0], "test": [5.0]}
    with pytest.raises(ValueError, match="x has 1 values, and a line 2"):
        described(LinePlotReporter({"train": [1, 2]}, {"train": [0]}), tmp_path)
    with pytest.raises(ValueError, match=r"x has \['train'\], and y \['test'\]"):
        described(LinePlotReporter({"test": [1]}, {"train": [0]}), tmp_path)


def test_a_line_without_points_is_a_line(tmp_path):
    assert described(LinePlotReporter([]), tmp_path)["data"] == {
        "x": [],
        "y": {"y": []},
    }


class Frame:
    """Gives its columns, as data frames do."""

    def __iter__(self):
        return iter(["a", "b"])

    def __repr__(self):
        return "   a  b\n0  1  2"


@pytest.mark.parametrize(
    "reportable, said",
    [
        (LinePlotReporter(Frame()), "line 'y' of LinePlotReporter is a b 0 1 2, no"),
        (LinePlotReporter({"loss": [1, "x"]}), "line 'loss' of LinePlotReporter is [1"),
        (LinePlotReporter([1.0], x=3), "line 'x' of LinePlotReporter is 3, no numbers"),
        (TableReporter(Frame()), "a row of TableReporter is 'a', no mapping"),
    ],
)
def test_values_of_another_kind_are_refused_in_words(reportable, said, tmp_path):
    with pytest.raises(CurifactoryError) as caught:
        described(reportable, tmp_path)
    assert caught.value.message.startswith(said) and "data frame" in caught.value.hint


def test_a_figure_is_saved_as_a_picture(tmp_path):
    entry = described(FigureReporter(Figure(), name="confusion"), tmp_path)
    assert (entry["kind"], entry["name"], entry["data"]) == ("image", "confusion", None)
    assert (tmp_path / entry["file"]).read_bytes().startswith(b"\x89PNG")


def test_axes_are_saved_with_their_figure(tmp_path):
    axes = types.SimpleNamespace(figure=Figure())
    entry = described(FigureReporter(axes, dpi=50), tmp_path)
    assert b"dpi" in (tmp_path / entry["file"]).read_bytes()
    with pytest.raises(AttributeError, match="savefig"):
        described(FigureReporter(types.SimpleNamespace()), tmp_path)


def test_a_frame_of_polars_is_a_table(tmp_path):
    frame = types.SimpleNamespace(
        columns=["a", "b"], rows=lambda: [(1, "x")], iter_rows=lambda: iter([])
    )
    data = described(DFReporter(frame), tmp_path)["data"]
    assert data == {"columns": ["a", "b"], "rows": [[1, "x"]]}


def test_options_of_a_figure_are_passed_on(tmp_path):
    entry = described(FigureReporter(Figure(), dpi=50), tmp_path)
    assert b"dpi" in (tmp_path / entry["file"]).read_bytes()


def test_a_figure_may_have_another_format(tmp_path):
    entry = described(FigureReporter(Figure(), format="svg"), tmp_path)
    assert entry["file"].endswith(".svg") and (tmp_path / entry["file"]).exists()


@pytest.mark.parametrize("name", ["plot.png", "plot.SVG", "a b.jpg"])
def test_an_image_is_copied_with_its_extension(name, tmp_path):
    source = tmp_path / "made" / name
    source.parent.mkdir()
    source.write_bytes(b"picture")
    folder = tmp_path / "call"
    folder.mkdir()
    for given in (source, str(source)):
        entry = described(ImageReporter(given), folder)
        assert entry["kind"] == "image"
        assert entry["file"].endswith(source.suffix.lower())
        assert (folder / entry["file"]).read_bytes() == b"picture"
    assert source.is_file()


@pytest.mark.parametrize("name", ["../../evil", "a/b", "CON", "<script>"])
def test_names_of_users_never_become_paths(name, tmp_path):
    folder = tmp_path / "deep" / "call"
    folder.mkdir(parents=True)
    entry = described(FigureReporter(Figure(), name=name), folder)
    assert entry["name"] == name
    assert [path.name for path in folder.iterdir()] == [entry["file"]]
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


@pytest.mark.parametrize(
    "kind, name",
    [
        (TextReporter, "text"),
        (HTMLReporter, "html_string"),
        (JsonReporter, "dictionary"),
        (TableReporter, "rows"),
        (DFReporter, "df"),
        (FigureReporter, "fig"),
        (ImageReporter, "path"),
        (LinePlotReporter, "y"),
    ],
)
def test_the_value_has_a_name_as_a_keyword(kind, name):
    made = kind(**{name: [1]}, name="mine")
    assert (made.value, made.name) == ([1], "mine")


def test_a_keyword_that_means_nothing_is_refused():
    said = "JsonReporter has no dict: it takes dictionary, name and group"
    with pytest.raises(TypeError, match=said):
        JsonReporter(dict={"a": 1})


def test_an_own_reportable_may_take_more():
    class Own(Reportable):
        pass

    assert Own([1], colour="red").more == {"colour": "red"}


def test_an_own_reportable_needs_a_kind_and_its_data(tmp_path):
    class Doubled(Reportable):
        kind = "json"

        def data(self):
            return 2 * self.value

    assert described(Doubled([1]), tmp_path)["data"] == [1, 1]


@pytest.mark.parametrize(
    "name, said", [("html", r"data\(\)"), ("render", r"file\(folder")]
)
def test_a_reportable_of_other_releases_says_what_to_define(name, said, tmp_path):
    class Own(Reportable):
        def __init__(self):
            super().__init__(name="mine")

    setattr(Own, name, lambda self: "<b>bold</b>")
    with pytest.raises(CurifactoryError, match=rf"{name}\(\) is not called.*{said}"):
        described(Own(), tmp_path)


def test_what_a_reportable_holds_may_have_any_name(tmp_path):
    own = TextReporter("shown")
    own.html = "<b>its own</b>"
    assert described(own, tmp_path)["data"] == "shown"


def test_lines_take_options_that_they_have_no_use_for(tmp_path):
    entry = described(LinePlotReporter([1], plot_args={"color": "red"}), tmp_path)
    assert entry["data"]["y"] == {"y": [1.0]}


def test_numbers_that_json_has_no_word_for_stay_readable(tmp_path):
    entry = TableReporter([{"a": math.nan, "b": math.inf}]).describe(tmp_path, "s")
    again = json.loads(json.dumps(entry))
    assert str(again["data"]["rows"]) == "[[nan, inf]]"


def test_numbers_of_numpy_are_numbers(tmp_path):
    np = pytest.importorskip("numpy")
    rows = [{"a": np.float64(0.5), "b": np.int64(3), "c": np.bool_(True)}]
    entry = described(TableReporter(rows), tmp_path)
    assert entry["data"]["rows"] == [[0.5, 3, True]]
    line = described(LinePlotReporter(np.arange(3), x=np.arange(3) / 2), tmp_path)
    assert line["data"] == {"x": [0.0, 0.5, 1.0], "y": {"y": [0.0, 1.0, 2.0]}}


def test_a_frame_is_shown_with_its_index(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=["r", "s"])
    data = described(DFReporter(frame), tmp_path)["data"]
    assert data["columns"] == ["index", "a", "b"]
    assert data["rows"] == [["r", 1, "x"], ["s", 2, "y"]]
