"""Values of argsets against the annotations of their class."""

import dataclasses
import enum
import importlib
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import pytest
from projects import shown

from curifactory import ExperimentArgs
from curifactory.args import parameter
from curifactory.errors import RequestError
from curifactory.extras.typed import check

T = TypeVar("T")


class Color(enum.Enum):
    RED = 1


@dataclass
class Model:
    depth: int = 3
    token: str = parameter("", secret=True)


@dataclass
class Relaxed:
    depth: int = 3
    check_fields = False


@dataclass
class Args(ExperimentArgs):
    epochs: int = 1
    rate: float = 0.1
    kind: Literal["knn", "svm"] = "knn"
    color: Color = Color.RED
    limit: int | None = None
    layers: list[int] = field(default_factory=list)
    rates: Sequence[float] = ()
    table: Mapping[str, list[int]] = field(default_factory=dict)
    pair: tuple[int, str] = (0, "")
    make: Callable[[], int] | None = None
    path: Path | str = ""
    plain: list = field(default_factory=list)
    anything: Any = None
    later: "int | str" = 0
    sloppy: int = None
    model: Model = field(default_factory=Model)
    relaxed: Relaxed = field(default_factory=Relaxed)


GOOD = [
    {"epochs": 3},
    {"epochs": True},
    {"rate": 1},
    {"kind": "svm"},
    {"limit": 3},
    {"layers": [1, 2]},
    {"rates": [1, 0.5]},
    {"rates": (0.5,)},
    {"table": {"a": [1]}},
    {"pair": (1, "a")},
    {"make": lambda: 1},
    {"path": Path("a")},
    {"plain": [1, "a"]},
    {"anything": object},
    {"later": "a"},
    {"sloppy": None},
    {"model": Model(5)},
    {"relaxed": Relaxed("deep")},
]
BAD = {
    "epochs is '15' (str), expected int": {"epochs": "15"},
    "epochs is 1.5 (float), expected int": {"epochs": 1.5},
    "epochs is None, expected int": {"epochs": None},
    "rate is '0.1' (str), expected float": {"rate": "0.1"},
    "kind is 'svn' (str), expected 'knn' or 'svm'": {"kind": "svn"},
    "color is 'RED' (str), expected Color": {"color": "RED"},
    "limit is 'x' (str), expected int or None": {"limit": "x"},
    "layers is [1, '2'] (list), expected list[int]": {"layers": [1, "2"]},
    "layers is (1,) (tuple), expected list[int]": {"layers": (1,)},
    "rates is 0.5 (float), expected Sequence[float]": {"rates": 0.5},
    "table is {'a': [1, 'b']} (dict), expected Mapping[str, list[int]]": {
        "table": {"a": [1, "b"]}
    },
    "pair is (1, 2) (tuple), expected tuple[int, str]": {"pair": (1, 2)},
    "make is 3 (int), expected Callable[[], int] or None": {"make": 3},
    "later is 1.5 (float), expected int or str": {"later": 1.5},
    "sloppy is 'x' (str), expected int": {"sloppy": "x"},
    "model is 3 (int), expected Model": {"model": 3},
    "model.depth is '3' (str), expected int": {"model": Model("3")},
    "model.token is *** (int), expected str": {"model": Model(token=123)},
    "plain[0][1].depth is '3' (str), expected int": {"plain": [[1, Model("3")]]},
    "plain[0]['a'].depth is '3' (str), expected int": {"plain": [{"a": Model("3")}]},
}


@dataclass
class OfClasses(ExperimentArgs):
    model: Model = Relaxed
    depth: int = 3


def test_a_class_stands_for_its_instances_where_the_default_is_one():
    check(OfClasses("a", model=Color), "params/base.py")
    for wrong in ({"model": 3}, {"depth": int}):
        with pytest.raises(RequestError):
            check(OfClasses("a", **wrong), "params/base.py")


@pytest.mark.parametrize("values", GOOD, ids=shown)
def test_what_fits_passes(values):
    check(Args("a", **values), "params/base.py")


def test_types_that_do_not_say_what_is_in_them_are_checked_as_such():
    @dataclass
    class Bare(ExperimentArgs):
        layers: typing.List = field(default_factory=list)  # noqa: UP006
        table: typing.Dict = field(default_factory=dict)  # noqa: UP006

    check(Bare("a", layers=[1, "a"], table={"a": 1}), "params/base.py")
    for wrong in ({"layers": 3}, {"table": [1]}):
        with pytest.raises(RequestError):
            check(Bare("a", **wrong), "params/base.py")


@pytest.mark.parametrize("said", BAD)
def test_what_contradicts_its_annotation_is_refused(said):
    with pytest.raises(RequestError) as caught:
        check(Args("a", **BAD[said]), "params/base.py")
    assert caught.value.message == f"params/base.py: argset 'a': {said}"
    assert caught.value.hint in (
        "give it that type, or say check_fields = False in the class",
        "did you mean 'svm'?",
    )


def test_a_class_may_be_relaxed():
    @dataclass
    class Loose(Args):
        check_fields = False

    assert "check_fields" not in {each.name for each in dataclasses.fields(Loose)}
    check(Loose("a", epochs="15"), "here")


def test_a_field_whose_annotation_is_unknown_is_not_checked_and_all_others_are():
    @dataclass
    class Unknown(Args):
        class Kind(enum.Enum):
            ONE = 1

        epochs: "NowhereDefined" = 1  # noqa: F821
        number: "int" = 1
        own: "Kind" = Kind.ONE
        Path: "Path | None" = None  # the class that the module knows

    check(Unknown("a", epochs="15", own=Unknown.Kind.ONE, Path=Path("a")), "here")
    for wrong in ({"number": "15"}, {"rate": "high"}, {"own": 1}, {"Path": 1}):
        with pytest.raises(RequestError, match=f"{[*wrong][0]} is"):
            check(Unknown("a", **wrong), "here")


def test_an_annotation_that_is_no_type_is_not_checked():
    @dataclass
    class Odd(ExperimentArgs):
        sizes: [int] = ()  # noqa: F821
        table: {"a": int} = None  # noqa: F821
        share: Literal[0.1, 0.5] = 0.1
        epochs: int = 1

    check(Odd("a", sizes=[3], table={"a": 1}, share=0.5), "here")
    for wrong in ({"epochs": "1"}, {"sizes": [3], "epochs": 1.5}):
        with pytest.raises(RequestError, match="epochs is"):
            check(Odd("a", **wrong), "here")


def test_a_literal_is_one_of_its_values_and_of_their_type():
    @dataclass
    class Chosen(ExperimentArgs):
        mode: Literal[True, "auto"] = True

    check(Chosen("a", mode="auto"), "here")
    with pytest.raises(RequestError, match="mode is 1"):
        check(Chosen("a", mode=1), "here")


def test_generic_dataclasses_pass():
    @dataclass
    class Box(Generic[T]):
        value: T

    @dataclass
    class Holder(ExperimentArgs):
        box: Box[int] | None = None

    check(Holder("a", box=Box(3)), "here")


def test_a_number_of_numpy_for_a_plain_one_is_told_how_to_become_one():
    np = pytest.importorskip("numpy")
    with pytest.raises(RequestError) as caught:
        check(Args("a", epochs=np.int64(3)), "params/base.py")
    assert "epochs is" in caught.value.message
    assert caught.value.hint == "its method item() gives 3"
    with pytest.raises(RequestError) as caught:
        check(Args("a", model=Model(token=np.int64(3))), "params/base.py")
    assert "3" not in str(caught.value)


@dataclass(frozen=True)
class Unset:
    why: str = "later"


@dataclass
class Declared(ExperimentArgs):
    limit: int = Unset()  # type: ignore[assignment]


def test_a_default_that_contradicts_its_annotation_may_be_a_copy_of_itself():
    check(Declared("a", limit=Unset()), "params/base.py")  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="limit is Unset"):
        check(Declared("a", limit=Unset("never")), "p.py")  # type: ignore[arg-type]


def test_without_typeguard_what_it_would_check_is_told(whole):
    whole.write({"typeguard.py": "raise ImportError('not here')\n"})
    odd = "odd: frozenset[int] = frozenset([1])\n    items: list ="
    whole.edit("params/__init__.py", "items: list =", odd)
    whole.edit("params/base.py", "seed=1", "odd=frozenset([2])")
    result = whole.python("-m", "curifactory", "params", "base")
    assert (
        result.code == 0 and result.err.count("not checked: pip install typeguard") == 1
    )


LATE = """
from dataclasses import dataclass, field

from curifactory import ExperimentArgs


@dataclass
class Args(ExperimentArgs):
    model: Later | None = None
    layers: list[Later] = field(default_factory=list)


@dataclass
class Later:
    depth: int = 3
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="names are looked up at once")
def test_annotations_may_name_what_comes_later(tmp_path, monkeypatch):
    (tmp_path / "late.py").write_text(LATE)
    monkeypatch.syspath_prepend(tmp_path)
    late = importlib.import_module("late")
    names = [each.name for each in dataclasses.fields(late.Args)]
    assert names == ["name", "model", "layers"]
    check(late.Args("a", late.Later(), [late.Later()]), "here")
    for wrong in {"model": 3}, {"layers": [late.Later(), 3]}:
        with pytest.raises(RequestError, match="expected"):
            check(late.Args("a", **wrong), "here")


def test_what_holds_itself_is_looked_at_once_where_it_does_not_count():
    @dataclass
    class Args(ExperimentArgs):
        extra: list = parameter(default_factory=list, operational=True)

    extra: list = [[1]]
    extra += [extra, {"again": extra}, Model(depth="x")]
    with pytest.raises(RequestError, match=r"extra\[3\].depth is 'x'"):
        check(Args(extra=extra), "params/base.py")
