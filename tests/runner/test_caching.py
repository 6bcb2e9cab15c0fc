"""Cachers: what is saved loads as it was, or is refused."""

import json
import math
import pickle
import sys
import threading
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import pytest
from projects import shown
from pythons import run

from curifactory import hashing
from curifactory.caching import (
    AUTO,
    LARGE,
    Cacheable,
    JsonCacher,
    Lazy,
    PathCacher,
    PickleCacher,
    TextCacher,
    json_problem,
)
from curifactory.errors import ArtifactError, CurifactoryError

PLAIN = [
    None,
    True,
    0,
    -(10**30),
    0.1,
    1e300,
    -0.0,
    "",
    "naïve ☃ \n\t\"'\\",
    [],
    [1, [2, [3, None]]],
    {},
    {"a": {"b": [1, 2.5, "x"]}, "": None},
]


class Odd:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return type(other) is Odd and other.value == self.value


OBJECTS = [(1, 2), {1, 2}, {1: "a"}, b"\x00", 1 + 2j, Odd([1]), Path("a"), range(3)]


def round_trip(cacher, folder, value):
    cacher.at(folder, "thing").save(value)
    return cacher.at(folder, "thing").load()


@pytest.mark.parametrize("value", PLAIN, ids=shown)
def test_json_gives_back_plain_values(value, tmp_path):
    found = round_trip(JsonCacher(), tmp_path, value)
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)


@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: type(value).__name__)
def test_json_refuses_what_it_would_change(value, tmp_path):
    with pytest.raises(ArtifactError, match="JSON would change") as caught:
        JsonCacher().at(tmp_path, "thing").save({"deep": [value]})
    assert "PickleCacher" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_json_says_where_the_trouble_is(tmp_path):
    with pytest.raises(ArtifactError, match=r"the value\['a'\]\[1\] \(a tuple\)"):
        JsonCacher().at(tmp_path, "thing").save({"a": [0, (1, 2)]})
    with pytest.raises(ArtifactError, match=r"the key 1 in the value\['a'\] \(int\)"):
        JsonCacher().at(tmp_path, "thing").save({"a": {1: 2}})


def test_json_gives_back_infinity_and_not_a_number(tmp_path):
    found = round_trip(JsonCacher(), tmp_path, [math.inf, -math.inf, math.nan])
    assert found[:2] == [math.inf, -math.inf]
    assert math.isnan(found[2])


def test_json_keeps_the_order_of_keys(tmp_path):
    found = round_trip(JsonCacher(), tmp_path, {"z": 1, "a": 2})
    assert list(found) == ["z", "a"]


def test_json_files_can_be_read_by_a_person(tmp_path):
    JsonCacher().at(tmp_path, "scores").save({"accuracy": 0.5})
    assert json.loads((tmp_path / "scores.json").read_text()) == {"accuracy": 0.5}


def test_json_refuses_a_value_that_contains_itself():
    question = """
from curifactory.caching import json_problem
value = []
value.append([value])
print(int(bool(json_problem(value))))
"""
    assert run("-c", question, timeout=20) == 1


@pytest.mark.parametrize("value", [*PLAIN, *OBJECTS], ids=shown)
def test_pickle_gives_back_any_object(value, tmp_path):
    found = round_trip(PickleCacher(), tmp_path, value)
    assert found == value
    assert type(found) is type(value)


class Storage:
    """Pickled, it tells its place in memory, as the numbers of torch do."""

    def __init__(self, content):
        self.content = content

    def __reduce__(self):
        return Storage, (f"{self.content} at {id(self)}",)


def test_a_tensor_is_pickled_without_its_place_in_memory(tmp_path, monkeypatch):
    def save(storage, file):
        file.write(storage.content.encode())

    storage = SimpleNamespace(TypedStorage=Storage, _load_from_bytes=bytes.decode)
    torch = SimpleNamespace(UntypedStorage=Storage, storage=storage, save=save)
    one, other = Storage("numbers"), Storage("numbers")
    assert PickleCacher().dumps([one]) != PickleCacher().dumps([other])
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert PickleCacher().dumps([one]) == PickleCacher().dumps([other])
    assert round_trip(PickleCacher(), tmp_path, [one]) == ["numbers"]


@pytest.mark.parametrize("size", [10, LARGE])
def test_the_digest_of_what_was_saved_is_that_of_its_file(size, tmp_path):
    placed = PickleCacher().at(tmp_path, "x")
    placed.save(bytes(size))
    path = Path(placed.get_path())
    assert placed.written == (path.stat().st_size, hashing.hash_file(path))
    assert placed.load() == bytes(size)


def test_large_data_without_a_place_to_write_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        PickleCacher().at(tmp_path / "gone", "x").save(bytes(LARGE))


@pytest.mark.parametrize("make", [threading.Lock, lambda: lambda: 1])
def test_pickle_refuses_what_it_cannot_save_and_leaves_no_file(make, tmp_path):
    with pytest.raises(ArtifactError, match="pickle cannot save it") as caught:
        PickleCacher().at(tmp_path, "thing").save([make()])
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "a\nb\r\nc\r", "☃\ufeff", "a\x00b"])
def test_text_is_kept_to_the_letter(text, tmp_path):
    assert round_trip(TextCacher(), tmp_path, text) == text


@pytest.mark.parametrize("value", [1, b"a", None, ["a"]])
def test_text_refuses_what_is_no_string(value, tmp_path):
    with pytest.raises(ArtifactError, match=f"a {type(value).__name__}, not a string"):
        TextCacher().at(tmp_path, "thing").save(value)


def test_a_file_is_kept_and_loads_as_its_path(tmp_path):
    source = tmp_path / "made.bin"
    source.write_bytes(b"\x00\x01")
    folder = tmp_path / "call"
    folder.mkdir()
    found = round_trip(PathCacher(".bin"), folder, source)
    assert found == folder / "thing.bin"
    assert found.read_bytes() == b"\x00\x01"


def test_a_folder_is_kept_and_loads_as_its_path(tmp_path):
    source = tmp_path / "made"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a.txt").write_text("a")
    folder = tmp_path / "call"
    folder.mkdir()
    found = round_trip(PathCacher(), folder, str(source))
    assert (found / "deep" / "a.txt").read_text() == "a"


def test_a_path_without_file_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="absent"):
        PathCacher().at(tmp_path, "thing").save(tmp_path / "absent")


@pytest.mark.parametrize("value", PLAIN, ids=shown)
def test_the_automatic_choice_for_plain_data_is_json(value):
    assert type(AUTO.chosen(value)) is JsonCacher


@pytest.mark.parametrize(
    "value",
    [*OBJECTS, list(range(5000)), [(1, 2)], {"a": {1: 2}}],
    ids=lambda value: type(value).__name__,
)
def test_the_automatic_choice_for_all_else_is_pickle(value):
    assert type(AUTO.chosen(value)) is PickleCacher


@pytest.mark.parametrize("value", [*PLAIN, *OBJECTS], ids=shown)
def test_the_automatic_choice_gives_back_what_was_saved(value, tmp_path):
    found = round_trip(AUTO.chosen(value), tmp_path, value)
    assert found == value
    assert type(found) is type(value)


class Text(str):
    pass


class Names(dict):
    pass


@pytest.mark.parametrize("value", [Text("a"), Names(a=1), [True, Text("b")]])
def test_subclasses_of_plain_types_are_not_plain(value):
    assert json_problem(value)
    assert type(AUTO.chosen(value)) is PickleCacher


def test_plain_data_is_no_problem():
    assert [json_problem(value) for value in PLAIN] == [""] * len(PLAIN)


def test_numpy_values_are_not_plain(tmp_path):
    np = pytest.importorskip("numpy")
    for value in (np.float64(0.5), np.arange(3), [np.int64(1)]):
        assert type(AUTO.chosen(value)) is PickleCacher
        with pytest.raises(ArtifactError):
            JsonCacher().at(tmp_path, "thing").save(value)


def test_a_placed_cacher_leaves_the_declared_one_alone(tmp_path):
    declared = JsonCacher()
    placed = declared.at(tmp_path, "thing")
    assert placed.get_path() == str(tmp_path / "thing.json")
    assert placed.get_path("_extra") == str(tmp_path / "thing_extra.json")
    assert placed.get_path("_weights.npy") == str(tmp_path / "thing_weights.npy")
    assert placed.get_path("_lr0.1") == str(tmp_path / "thing_lr0.1.json")
    assert declared.name == ""
    again = placed.at(tmp_path / "a", "thing")
    assert again.get_path() == str(tmp_path / "a" / "thing.json")


def test_a_placed_cacher_has_what_the_declared_one_was_given(tmp_path):
    class Level(JsonCacher):
        __slots__ = ("level",)

        def __init__(self, level, base):
            super().__init__(".level")
            self.level, self.base, self.folder = level, base, "raw"

    placed = Level(3, 10).at(tmp_path, "thing")
    assert (placed.level, placed.base, placed.folder) == (3, 10, "raw")
    assert placed.get_path() == str(tmp_path / "thing.level")


@pytest.mark.parametrize("extension", ["raw.pkl", "data/raw.pkl", ".d/x", "pkl"])
def test_an_extension_is_no_path(extension):
    with pytest.raises(CurifactoryError, match="begins with a dot") as caught:
        PickleCacher(extension)
    assert "write PickleCacher()" in caught.value.hint
    assert "of your own opens self.get_path() itself" in caught.value.hint


def test_a_path_object_is_no_extension_either(tmp_path):
    with pytest.raises(CurifactoryError, match="has no folder") as caught:
        JsonCacher(tmp_path / "table.json")
    assert "as a stage opens record.get_path(name)" in caught.value.hint


def test_options_of_other_releases_that_place_a_file_are_told():
    with pytest.raises(CurifactoryError, match="JsonCacher has no prefix, track") as e:
        JsonCacher(prefix="common", track=False)
    assert "the cache names its files: write JsonCacher()" in e.value.hint


@pytest.mark.parametrize("method", ["get_path", "get_dir"])
def test_a_cacher_that_no_stage_declares_has_no_place(method, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CurifactoryError, match="no place of its own") as caught:
        getattr(JsonCacher(), method)()
    assert "record.get_path" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_cacher_of_several_files_gets_a_folder(tmp_path):
    class Both(Cacheable):
        def save(self, obj):
            for name, text in obj.items():
                (Path(self.get_dir()) / name).write_text(text)

        def load(self):
            folder = Path(self.get_dir())
            return {path.name: path.read_text() for path in folder.iterdir()}

    assert round_trip(Both(), tmp_path, {"a": "1", "b": "2"}) == {"a": "1", "b": "2"}
    assert (tmp_path / "thing" / "a").is_file()


def test_a_cacher_without_save_and_load_says_which(tmp_path):
    class Half(Cacheable):
        pass

    with pytest.raises(NotImplementedError, match="Half.save"):
        Half().at(tmp_path, "thing").save(1)
    with pytest.raises(NotImplementedError, match="Half.load"):
        Half().at(tmp_path, "thing").load()


def test_a_cacher_need_not_call_the_init_that_it_extends(tmp_path):
    class Level(Cacheable):
        def __init__(self):
            self.level = 3

        def save(self, obj):
            Path(self.get_path()).write_text(obj * self.level)

        def load(self):
            return Path(self.get_path()).read_text()

    assert round_trip(Level(), tmp_path, "a") == "aaa"


def test_a_cacher_may_name_its_extension_in_the_class(tmp_path):
    class Lines(TextCacher):
        extension = ".log"

    assert round_trip(Lines(), tmp_path, "a\n") == "a\n"
    assert (tmp_path / "thing.log").exists()


def test_a_star_import_has_the_cachers_of_the_extras_where_they_are(project):
    pytest.importorskip("numpy")
    found = {}
    exec("from curifactory.caching import *", found)
    assert {"JsonCacher", "NumpyCacher", "FileReferenceCacher"} <= set(found)
    result = project.script("from curifactory.caching import *\nprint([*globals()])")
    assert "JsonCacher" in result.out and "NumpyCacher" not in result.out, result


def test_pickle_can_use_another_extension(tmp_path):
    PickleCacher(".bin").at(tmp_path, "thing").save(1)
    assert pickle.loads((tmp_path / "thing.bin").read_bytes()) == 1


def test_the_cacher_written_in_the_docs_works(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "cachers.md").read_text("utf-8")
    block = page.split("```python\n")[-1].partition("```")[0]
    made = {}
    exec(block, made)
    cacher = made["WeightsCacher"]()
    value = {"first": [0.5, -1.0], "second": []}
    assert round_trip(cacher, tmp_path, value) == value
    with pytest.raises(ArtifactError, match="layer first"):
        cacher.at(tmp_path, "thing").save({"first": [1]})


def test_lazy_names_an_output_and_what_it_cannot_do_is_told():
    assert (Lazy("model"), Lazy("model", resolve=True)) == ("model", "model")
    assert pickle.loads(pickle.dumps(Lazy("model"))) == "model"
    for given in (("model", PickleCacher), ("model", False), (PickleCacher,)):
        with pytest.raises(CurifactoryError, match=r'write Lazy\("name"\), the cacher'):
            Lazy(*given)


def test_paths_that_python_3_13_has_pickled_are_loaded_by_others():
    named = b"\x80\x04\x8c\x0epathlib._local\x8c\rPurePosixPath\x93\x8c\x04/a/b\x85R."
    assert pickle.loads(named) == PurePosixPath("/a/b")
