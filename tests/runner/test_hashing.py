"""Digests of values: what is equal, what differs, what is refused."""

import collections
import dataclasses
import datetime
import enum
import functools
import importlib
import io
import os
import random
import string
import sys
import threading
import types
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_cases import DIFFERENT, KNOWN, SAME, Machine, Plain, Point, adder, digests
from pythons import HERE, others, run

from curifactory import hashing, sources, syntax
from curifactory.errors import CurifactoryError, IdentityError
from curifactory.hashing import digest

# To write them anew: python identity_cases.py, with the runner on PYTHONPATH.
LITERALS = {
    "none": "4546848f8f50886dbf149c38000de15d",
    "int": "835d30f43b4bc345b8d134a9f8859a47",
    "float": "8a8e924fecacc330a0ce94bc2b4d0f40",
    "text": "13ddacc9470ed51bf905115f4954dd3d",
    "bytes": "c4660d0cf04e96c55dba9b9ecdedeeb4",
    "list": "7baa6f06d5975db427857dd0ad0a829c",
    "dict": "2bd21a6b382e18f2d634719faf22a922",
    "set": "f65c5d8b9369ba964111983b3c5859a9",
    "dataclass": "c166cfaa90bf82978ac98968e8a3fb9d",
    "named tuple": "10e066f754abe01cc26ec22408520ba6",
    "enum": "5283ea9c3af0ad8817df2b0d60ca50e6",
    "flag": "3125caace01705f94a75741554ad336e",
    "date": "f0657754de6345b7617fdab45c9e395e",
    "path": "d2a5d8d1770154dce7ee3609d02397a2",
    "partial": "6f0e22b32b8b0ff48d4ccd3e6457f861",
    "lambda": "efcdb4a39e060102704e19a12199234f",
    "object": "8a1965d46cca47b81d95466fef51b3c4",
    "decimal": "544e82cec2883bff4dff5fccb8cde2d4",
    "ordered dict": "64aa778bfa431346ea1e65f76524b27b",
    "complex": "16d1af57e97671936984e1915097920e",
    "bytearray": "7fb3212d80c496ec9d36fc0b7eb680e6",
    "ellipsis": "d882c8afdb4ec3bc8ff90ff1783abe07",
    "not implemented": "dd89052daf44576584e4b91bb75a1277",
    "fraction": "cebe1d1b37eec76bafc91618fad85ecc",
    "read-only mapping": "728cdb98896ec24118a031072d4a57d1",
    "class": "ffa3af928181132ebb52c828aee5949d",
    "function": "1ca68ffadbfaccb102579622e8deebba",
    "builtin": "8eee897b2fd3ef0618f1fa4b68c191e7",
    "builtin method": "3aeca3ff7b9f90dad008dda87f830d93",
    "method": "1cb24da514ba4681d89d289797496c39",
    "module": "46366571caac7054c4c28bbeca8b9f57",
    "global": "9b6b4cf5e2276c5438c34ed6dfbda33d",
    "named global": "ea0868d5f8762a3ad81497d4933d7c7b",
    "without a module": "809579ed321981d1a6002d889f50e142",
    "exception": "c86d1e8f276e73c5a73adcd12e4a3334",
    "exception with a note": "b662a06f808c489e22246f653e2239d6",
    "pandas frame": "d5eee97f463c5444c65d0e4c06c33765",
    "pandas column": "eb88f4fe0211e7eef325504447c5c80a",
    "pandas index": "bbaa3a921d155174c292c7dc7b29f967",
    "polars frame": "8e83cb6c1000b0e794190ec7b24a607c",
    "polars column": "806bf2709183b2aeae5d37d8cbba3b40",
    "polars column with nulls": "bf203a8f4ba38a8aa50caa2d9a9c37d2",
    "polars column of texts": "4809eb23786ccebce11947163c8fde9a",
}


@pytest.mark.parametrize("name", SAME)
def test_equal_values_have_one_digest(name):
    one, other = SAME[name]
    assert digest(one) == digest(other)


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_values_have_two_digests(name):
    one, other = DIFFERENT[name]
    assert digest(one) != digest(other)


def test_the_version_that_estimators_of_scikit_learn_note_does_not_count(monkeypatch):
    base = pytest.importorskip("sklearn.base")
    model = pytest.importorskip("sklearn.linear_model").Ridge(alpha=2.0)
    before = digest(model)
    monkeypatch.setattr(base, "__version__", "0.1")
    assert digest(model) == before
    assert digest(model.set_params(alpha=1.0)) != before


def test_there_are_enough_cases():
    own = [name for name in [*SAME, *DIFFERENT] if ": " not in name]
    assert len(own) >= 150


def test_every_case_has_an_identity():
    assert {n: d for n, d in digests().items() if " " in d or len(d) != 32} == {}


def test_known_values_share_no_digest():
    assert len({digest(value) for value in KNOWN.values()}) == len(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_the_digest_of_a_known_value_is_the_one_written_down(name):
    assert digest(KNOWN[name]) == LITERALS[name]


def test_the_digests_written_down_are_those_of_this_scheme():
    assert hashing.SCHEME == 1


@pytest.mark.slow
def test_digests_depend_on_no_hash_seed():
    # That of this process is a third one.
    found = [run(HERE / "identity_cases.py", seed=seed) for seed in ("0", "4242")]
    assert found[0] == found[1] == digests()


@pytest.mark.slow
@pytest.mark.parametrize("version", others())
def test_every_python_gives_the_same_digest_of_known_values(version):
    found = run(HERE / "identity_cases.py", python=others()[version])
    known = {name: found[f"known {name}"] for name in KNOWN}
    assert known == LITERALS
    here = digests()
    # Libraries need not be installed there, nor in one version everywhere.
    own = [name for name in found if ": " not in name]
    assert {name: found[name] for name in own} == {name: here[name] for name in own}


def test_a_digest_is_32_hexadecimal_digits():
    assert len(digest(1)) == 32
    assert int(digest(1), 16) >= 0


def test_the_path_of_a_value_does_not_count():
    assert digest([1], "here") == digest([1], "there")


def test_the_digest_of_a_value_does_not_depend_on_what_was_digested_before():
    values = [[1, 2], {"a": 1}, Point(1, 2), adder(1)]
    forwards = [digest(each) for each in values]
    backwards = [digest(each) for each in reversed(values)]
    assert forwards == backwards[::-1]


def test_a_digest_changes_nothing():
    value = {"a": [1, {2, 3}], "b": Point([4], 5)}
    digest(value)
    assert value == {"a": [1, {2, 3}], "b": Point([4], 5)}


def test_attributes_set_on_a_dataclass_count_besides_its_fields():
    one, other = Point(1, 2), Point(1, 2)
    other.extra = 1
    assert digest(one) != digest(other)


@dataclasses.dataclass
class Grid(list):
    unit: str = "m"


def test_the_items_of_a_dataclass_that_is_a_list_count():
    one, two = Grid(), Grid()
    assert digest(one) == digest(two) != digest(Grid("km"))
    two.append(1)
    assert digest(one) != digest(two)


def test_a_ufunc_without_a_name_is_refused():
    np = pytest.importorskip("numpy")
    with pytest.raises(IdentityError, match=r"^args\.f: .* is no name\)"):
        digest(np.frompyfunc(lambda x: x, 1, 1), "args.f")


class Decorated:
    """A decorator that is an object, and looks like the function that it wraps."""

    def __init__(self, function, times):
        functools.update_wrapper(self, function)
        self.times = times


def test_decorators_count_by_what_they_wrap_and_hold_not_by_their_looks():
    one, documented = Decorated(run, 1), Decorated(run, 1)
    documented.__doc__ = "Says more."
    assert digest(one) == digest(documented)
    others = digest(Decorated(adder, 1)), digest(Decorated(run, 2))
    assert len({digest(one), *others}) == 3


@dataclasses.dataclass
class Ruled:
    value: int
    hash_representations: dict = dataclasses.field(
        default_factory=lambda: {"value": lambda owner, value: value % 10}
    )


def test_rules_can_be_made_by_a_factory():
    assert digest(Ruled(1)) == digest(Ruled(11)) != digest(Ruled(2))


def test_a_field_without_a_rule_is_represented_by_its_value():
    assert hashing.represented(Point(1, 2), "y", "args.y") == 2


def code_of(value):
    return [value] if callable(value) else []


def test_the_name_of_what_is_opaque_does_not_count():
    assert digest([len], opaque=code_of) == digest([len], opaque=code_of)
    assert digest(Point, opaque=code_of) == digest(Machine, opaque=code_of)
    assert digest(Point) != digest(Machine)
    assert digest([first_of, 1], opaque=code_of) != digest(
        [1, first_of], opaque=code_of
    )


def test_a_ufunc_that_is_opaque_keeps_its_place():
    np = pytest.importorskip("numpy")
    assert digest([np.sin, 1], opaque=code_of) == digest([np.cos, 1], opaque=code_of)
    assert digest([np.sin, 1], opaque=code_of) != digest([1, np.sin], opaque=code_of)


def test_in_code_a_path_counts_by_where_it_lies_in_its_project(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    monkeypatch.setattr(sources, "_roots", [str(here), str(there)])
    for made in (str, Path, lambda path: [str(path)]):
        one, same, other = (made(p) for p in (here / "x", there / "x", there / "y"))
        assert digest(one) != digest(same)
        assert digest(one, opaque=code_of) == digest(same, opaque=code_of)
        assert digest(one, opaque=code_of) != digest(other, opaque=code_of)
    beside = f"{here}-and-more/x"
    assert digest([beside], opaque=code_of) == digest([beside])


def met(value):
    """Return what stands for the functions in a value, in the order of the digest."""
    found = []
    digest(value, opaque=code_of, found=found)
    return found


def test_what_is_opaque_is_handed_out_beside_its_key():
    assert met([run, adder]) == [run, adder]
    assert met({"a": run, "b": adder}) == met({"b": adder, "a": run})
    assert met({"a": run, "b": adder}) != met({"a": adder, "b": run})
    assert met({run, digests, adder}) == [adder, digests, run]


# What is refused --------------------------------------------------------------------


def endless_list():
    value = [1]
    value.append(value)
    return value


def endless_dict():
    value = {}
    value["self"] = [value]
    return value


def endless_dataclass():
    value = Point(1)
    value.y = value
    return value


def endless_object():
    value = Plain(a=1)
    value.parent = {"of": value}
    return value


class Stepper:
    def __init__(self, rate):
        self.rate = rate
        self.ways = {"euler": self.euler}

    def euler(self):
        return self.rate


def test_an_object_may_hold_its_own_methods():
    assert digest(Stepper(1)) == digest(Stepper(1)) != digest(Stepper(2))
    other = Stepper(1)
    other.ways["euler"] = Stepper(2).euler
    assert digest(other) != digest(Stepper(1))


class Tree(dict):
    """As that of addict, it gives itself as its state."""

    def __getstate__(self):
        return self


def test_a_dictionary_that_is_its_own_state_counts_by_its_items():
    assert digest(Tree(a=Tree(b=1))) == digest(Tree(a=Tree(b=1)))
    assert digest(Tree(a=Tree(b=1))) != digest(Tree(a=Tree(b=2)))


class Selfish:
    """Nothing but itself tells what it holds."""

    def __getstate__(self):
        return self


def test_an_object_that_is_its_own_state_without_items_is_refused():
    with pytest.raises(IdentityError, match="contains itself"):
        digest(Selfish())


def local_class(default):
    @dataclasses.dataclass
    class Local:
        items: list = dataclasses.field(default_factory=default)

    return Local


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (local_class, (list, dict)),
        (lambda names: enum.Enum("Made", names), ("a b", "a c")),
        (lambda names: collections.namedtuple("Made", names), ("a b", "a c")),
        (lambda n: dataclasses.make_dataclass("Made", [("size", int, n)]), (1, 2)),
    ],
)
def test_classes_of_one_name_that_a_call_made_count_by_their_fields(make, given):
    for default in given:
        assert digest(make(default)) == digest(make(default))
    assert len({digest(make(default)) for default in given}) == len(given)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (endless_list, "args.field[1]"),
        (endless_dict, "args.field['self'][0]"),
        (endless_dataclass, "args.field.y"),
        (endless_object, "args.field"),
    ],
)
def test_a_value_that_contains_itself_is_refused_with_its_path(make, path):
    with pytest.raises(IdentityError, match="contains itself") as caught:
        digest(make(), "args.field")
    assert caught.value.path.startswith(path)
    assert caught.value.hint


def test_a_value_that_contains_itself_has_a_digest_where_it_may():
    def circle(*items):
        made = [*items]
        made.append(made)
        return made

    def of(value):
        return digest(value, may_be_cyclic=True)

    inner, outer = [[[]]], [[[]]]
    inner[0][0].append(inner[0])
    outer[0][0].append(outer)
    assert of(circle(1)) == of(circle(1)) != of(circle(2))
    assert of(inner) != of(outer)
    one = [1]
    assert of([one, one]) == digest([[1], [1]])  # no circle
    assert of([circle(1), circle(1)]) == of([circle(1)] + [circle(1)])
    with pytest.raises(IdentityError, match="contains itself"):
        digest(circle(1), may_be_cyclic=False)


def executed(text):
    names = {}
    exec(text, names)
    return names["f"]


def test_functions_that_exec_has_made_count_by_their_compiled_code():
    text = "def f(x): return x in {'a', 'b', 'c'}"
    assert digest(executed(text)) == digest(executed(text))
    assert digest(executed(text)) != digest(executed(text.replace("'c'", "'d'")))
    # The order of a set differs in each process.
    shown = repr(syntax.essence(executed(text).__code__))
    assert "[\"'a'\", \"'b'\", \"'c'\"]" in shown and "frozenset" not in shown


@dataclasses.dataclass
class WithLock:
    depth: int = 3
    start: dataclasses.InitVar[int] = 1
    LOCK: ClassVar[Any] = threading.Lock()


def test_what_a_dataclass_declares_for_its_class_is_no_field():
    before = digest(WithLock())
    WithLock.LOCK, WithLock.start = threading.Lock(), 2
    assert digest(WithLock()) == before != digest(WithLock(4))


class Counted:
    """Counts how often it is looked at; may refer to others."""

    def __init__(self, *others) -> None:
        self.others = list(others)
        self.looks = 0

    def __reduce_ex__(self, protocol):
        self.looks += 1
        return Counted, tuple(self.others)


def test_what_many_refer_to_is_looked_at_once():
    table = Counted(1, 2.5, "text")
    sensors = [{"place": place, "table": table} for place in range(20)]
    copies = [{"place": place, "table": Counted(1, 2.5, "text")} for place in range(20)]

    assert digest(sensors) == digest(copies)
    assert table.looks == 1


@given(
    st.lists(st.lists(st.integers(0, 7), max_size=4), min_size=8, max_size=8),
    st.booleans(),
)
def test_what_is_kept_of_objects_in_any_graph_changes_no_digest(graph, in_a_set):
    """In a circle, what an object's encoding is depends on where one comes from."""
    made = [Counted(number % 2) for number in range(len(graph))]
    for each, places in zip(made, graph, strict=True):
        each.others += [made[place] for place in places]
    value = [frozenset(made[:3]), *made] if in_a_set else made

    with mock.patch.object(hashing, "SHARED", sys.maxsize):
        nothing_kept = digest(value, may_be_cyclic=True)
    with mock.patch.object(hashing, "SHARED", -1):
        everything_kept = digest(value, may_be_cyclic=True)
    assert everything_kept == nothing_kept


class Odd(enum.Enum):
    ONE = 1

    @property
    def name(self):
        return 3

    @classmethod
    def _missing_(cls, value):
        made = object.__new__(cls)
        made._value_, made._name_ = value, None
        return made


def test_members_of_enums_with_odd_names_have_digests():
    assert digest(Odd.ONE) != digest(Odd(5)) != digest(Odd(6))


def test_long_texts_are_not_kept_in_memory():
    before = hashing._known_digest.cache_info().currsize
    digest("x" * 10_000)
    assert hashing._known_digest.cache_info().currsize == before


class Shape(enum.Enum):
    ROUND = 1

    def area(self):
        return 1

    @property
    def color(self):
        return 2

    @classmethod
    def made(cls):
        return 3

    @staticmethod
    def fixed():
        return 4


class Form(enum.Enum):
    ROUND = 1
    FLAT = 2


class OtherForm(enum.Enum):
    ROUND = 1


OtherForm.__qualname__ = "Form"


def own(value):
    return [value] if getattr(value, "__module__", "") == __name__ else []


def test_a_member_of_an_enum_counts_with_the_code_of_its_class_and_without_others():
    found = []
    kept = digest(Shape.ROUND, opaque=own, found=found)
    assert Shape not in found
    assert all(isinstance(each, types.FunctionType) for each in found)
    names = {each.__name__ for each in found}
    assert {"area", "color", "made", "fixed"} <= names
    assert kept != digest(Form.ROUND, opaque=own) != digest(Form.FLAT, opaque=own)
    assert digest(Form.ROUND, opaque=own) == digest(OtherForm.ROUND, opaque=own)
    others = []
    assert digest(Form.ROUND, opaque=own, found=others)
    assert not [each for each in others if isinstance(each, (enum.Enum, type))]
    plain = [digest(each.ROUND) for each in (Shape, Form)]
    assert plain == [digest(each.ROUND, opaque=lambda _: []) for each in (Shape, Form)]
    assert plain[0] != plain[1]


@pytest.mark.parametrize(
    "value",
    [
        1,
        "a",
        None,
        [1],
        {},
        Path("a"),
        Form.ROUND,
        Point(1, 2),
        ValueError(1),
        len,
        Form,
    ]
    + [frozenset([1]), digest, types],
)
def test_values_with_a_rule_of_their_own_are_known(value):
    assert hashing.has_rule(value)


@pytest.mark.parametrize("value", [object(), string.Formatter(), threading.Lock()])
def test_values_without_a_rule_are_known(value):
    assert not hashing.has_rule(value)


def generator():
    yield 1


@pytest.mark.parametrize(
    ("make", "kind", "remedy"),
    [
        (generator, "generator", "a list"),
        (lambda: (each for each in [1]), "generator", "a list"),
        (threading.Lock, "lock", "a name"),
        (threading.RLock, "RLock", "a name"),
        (threading.Event, "lock", "a name"),
        (lambda: memoryview(b"a"), "memoryview", "a name"),
        (lambda: sys._getframe(), "frame", "a name"),
        (lambda: functools.partial(first_of, threading.Lock()), "lock", "a name"),
        (lambda: adder(threading.Lock()), "lock", "a name"),
    ],
)
def test_a_value_without_identity_is_refused_with_path_and_remedy(make, kind, remedy):
    with pytest.raises(IdentityError, match=kind) as caught:
        digest({"a": [0, make()]}, "args.field")
    assert caught.value.path.startswith("args.field['a'][1]")
    assert caught.value.hint.startswith(f"give {remedy}")
    assert "inside a stage" in caught.value.hint
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, CurifactoryError)


def first_of(*values):
    return values[0]


def test_an_open_file_is_refused_with_path_and_remedy(tmp_path):
    with open(tmp_path / "open.txt", "w") as file:
        with pytest.raises(IdentityError, match="an open file") as caught:
            digest(Point(file), "base")
    assert caught.value.path == "base.x"
    assert "path" in caught.value.hint


def test_a_lambda_without_source_is_refused_with_a_remedy():
    made = eval("lambda: 1")
    with pytest.raises(IdentityError, match="no source") as caught:
        digest([made], "base.f")
    assert caught.value.path == "base.f[0]"
    assert "def" in caught.value.hint


def test_nesting_without_end_is_refused_not_a_crash():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(IdentityError, match="too deeply"):
        digest(value)
    while value:  # taken apart step by step: so is no deep recursion needed to free it
        value = value.pop()


def test_a_value_in_memory_that_looks_like_a_file_has_an_identity():
    assert digest(io.BytesIO(b"a")) != digest(io.BytesIO(b"b"))


# Texts, bytes and files -------------------------------------------------------------


def test_where_texts_end_counts():
    assert hashing.hash_text("ab", "c") != hashing.hash_text("a", "bc")
    assert hashing.hash_text("a") != hashing.hash_text("a", "")


def test_a_file_has_the_digest_of_its_bytes(tmp_path):
    content = bytes(range(256)) * 10_000
    path = tmp_path / "big.bin"
    path.write_bytes(content)
    assert hashing.hash_file(path) == hashing.hash_bytes(content)
    assert hashing.hash_file(str(path)) == hashing.hash_bytes(content)


def test_what_is_a_scalar_and_what_has_a_rule_is_known():
    assert hashing.is_scalar(1) and not hashing.is_scalar([1])
    assert hashing.has_rule([1]) and not hashing.has_rule(object())


def test_a_folder_has_the_digest_of_the_names_in_it(tmp_path):
    assert hashing.names_in(tmp_path / "absent") == frozenset()
    empty = hashing.hash_file(tmp_path)
    (tmp_path / "b").write_text("1")
    one = hashing.hash_file(tmp_path)
    (tmp_path / "a").write_text("1")
    two = hashing.hash_file(tmp_path)
    (tmp_path / "a").write_text("2")
    for name in ("__pycache__", ".hidden"):
        (tmp_path / name).mkdir()
    assert len({empty, one, two}) == 3
    assert hashing.hash_file(tmp_path) == two
    (tmp_path / "_c").write_text("1")
    assert hashing.hash_file(tmp_path) != two


def test_qualified_names_say_module_and_class():
    assert sources.qualified(Point) == "identity_cases.Point"
    assert sources.qualified(len) == "builtins.len"
    named = types.SimpleNamespace(__module__="place", __name__="name")
    assert sources.qualified(named) == "place.name"
    assert sources.qualified(datetime.date.today).endswith("date.today")


# numpy, pandas, scikit-learn --------------------------------------------------------


def test_arrays_count_by_content_not_by_memory_layout():
    np = pytest.importorskip("numpy")
    array = np.arange(12.0).reshape(3, 4)
    assert digest(array) == digest(np.asfortranarray(array))
    assert digest(array) == digest(np.arange(24.0)[::2].reshape(3, 4) / 2)
    assert digest(array) == digest(array.copy())
    assert digest(array.T) != digest(array)


def test_the_digest_of_an_array_is_the_one_written_down():
    np = pytest.importorskip("numpy")
    assert digest(np.arange(3.0)) == "73843e8cc187dd5850f13a0e2982674d"
    assert digest(np.float64(0.5)) == "a91c4c13e4dd08c8a8e5ac17ff230308"
    assert digest(np.ma.array([0.5], mask=[True])) == "f0fd1d224d6accec375d7dece7f69900"
    assert digest(np.random.mtrand._rand) == "c2195f8b9eb280cee677f4ff6d071cbb"


def test_what_draws_from_the_state_of_the_process_counts_by_its_name():
    before = digest(random.uniform)
    random.random()
    assert digest(random.uniform) == before != digest(random.gauss)
    assert digest(random.Random(1).uniform) != digest(random.Random(2).uniform)


def test_arrays_count_by_type_shape_and_bytes():
    np = pytest.importorskip("numpy")
    values = [
        np.arange(6),
        np.arange(6).astype("int32"),
        np.arange(6).astype("float64"),
        np.arange(6).astype(">i8"),
        np.arange(6).astype("datetime64[s]"),
        np.arange(6).astype("datetime64[ms]"),
        np.arange(6).reshape(2, 3),
        np.arange(6).reshape(3, 2),
        np.arange(6).reshape(1, 6),
        np.arange(5),
        np.arange(6)[::-1],
        np.arange(6).tolist(),
        np.array(0),
        np.array([0]),
        np.int64(0),
        np.int32(0),
        np.float64(0),
        np.array(0.0),
        np.zeros((0, 3)),
        np.zeros((3, 0)),
        0,
        0.0,
        np.array(["a", "b"]),
        np.array(["a", "b"], dtype=object),
        np.array([1, "b"], dtype=object),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([(1, 2.0)], dtype=[("b", "i4"), ("a", "f8")]),
        np.dtype("int32"),
        np.int32,
        np.sin,
        np.cos,
        np.mean,
        np.median,
        np.bool_(False),
        False,
        np.str_("a"),
        "a",
    ]
    assert len({digest(each) for each in values}) == len(values)


def test_what_lies_between_the_numbers_of_an_array_does_not_count():
    np = pytest.importorskip("numpy")
    records = np.dtype([("flag", "u1"), ("size", "f8")], align=True)
    for kind in (records, np.dtype("g"), np.dtype("G")):
        zeros, ones = (np.full(96, n, "u1").view(kind) for n in (0, 255))
        for each in (zeros, ones):
            each[:] = 1
        assert digest(zeros) == digest(ones)
        before = digest(ones)
        ones[1] = 2
        assert digest(ones) != before
    third = np.longdouble(1) / 3
    assert digest(third) != digest(np.nextafter(third, np.longdouble(1)))


def test_records_without_gaps_count_by_their_bytes_also_those_of_earlier_results():
    np = pytest.importorskip("numpy")
    full = np.array([(1, 2.0)], dtype=[("a", "i8"), ("b", "f8")])
    assert digest(full) == "73618ef840ea586eecdfbecec02e6391"


def test_gaps_in_records_that_lie_within_others_do_not_count():
    np = pytest.importorskip("numpy")
    inner = np.dtype([("flag", "u1"), ("size", "f8")], align=True)
    for kind in ([("one", inner)], [("some", inner, 2)], [("long", "g")]):
        zeros, ones = (np.full(96, n, "u1").view(kind) for n in (0, 255))
        for each in (zeros, ones):
            name = each.dtype.names[0]
            for part in each[name].dtype.names or [...]:
                each[name][part] = 1
        assert digest(zeros) == digest(ones)


def test_the_mask_of_an_array_counts():
    np = pytest.importorskip("numpy")
    one = np.ma.array([1, 2], mask=[True, False])
    other = np.ma.array([1, 2], mask=[False, True])
    assert digest(one) != digest(other)


def test_random_generators_count_by_state():
    np = pytest.importorskip("numpy")
    assert digest(np.random.default_rng(1)) == digest(np.random.default_rng(1))
    assert digest(np.random.default_rng(1)) != digest(np.random.default_rng(2))
    used = np.random.default_rng(1)
    used.random()
    assert digest(used) != digest(np.random.default_rng(1))
    old = np.random.RandomState
    assert digest(old(1)) == digest(old(1)) != digest(old(2))


def test_distributions_count_by_parameters_not_by_what_was_drawn_before():
    np, stats = pytest.importorskip("numpy"), pytest.importorskip("scipy.stats")
    before = digest(stats.norm(0, 1))
    np.random.random()
    assert digest(stats.norm(0, 1)) == before != digest(stats.norm(0, 2))


def test_frames_count_by_columns_index_and_values():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert digest(frame) == digest(frame.copy())
    assert digest(frame) == digest(pd.concat([frame[["a"]], frame[["b"]]], axis=1))
    values = [
        frame,
        frame[["b", "a"]],
        frame.rename(columns={"a": "c"}),
        frame.set_index("a"),
        frame.iloc[::-1],
        frame.astype({"a": "int32"}),
        frame.rename_axis("rows"),
        frame["a"],
        frame["a"].rename("z"),
        frame["a"].index,
        frame["b"].astype("category"),
        frame["a"].to_numpy(),
        pd.Timestamp("2024-01-01"),
        pd.Timestamp("2024-01-01", tz="UTC"),
        pd.date_range("2024-01-01", periods=2),
        pd.date_range("2024-01-01", periods=2, tz="UTC"),
        pd.MultiIndex.from_tuples([(1, "x"), (2, "y")]),
        pd.MultiIndex.from_tuples([(1, "x"), (2, "z")]),
    ]
    empty = pd.DataFrame(index=[1])
    values += [empty, pd.DataFrame(index=[2]), frame.rename_axis(columns="kinds")]
    values += [type("Own", (pd.DataFrame,), {})(frame), frame.set_axis([5, 6])["a"]]
    assert len({digest(each) for each in values}) == len(values)


def test_what_pandas_notes_beside_the_values_counts():
    pd = pytest.importorskip("pandas")

    def noted(**attrs):
        made = pd.DataFrame({"a": [1]})
        made.attrs.update(attrs)
        return made

    assert digest(noted(x=1, y=2)) == digest(noted(y=2, x=1))
    assert len({digest(each) for each in (noted(), noted(x=1), noted(x=2))}) == 3
    empty = pd.DataFrame()  # no column of it has them, too
    before = digest(empty)
    empty.attrs["x"] = 1
    assert digest(empty) != before
    daily = pd.date_range("2024-01-01", periods=1, freq="D")
    hourly = pd.date_range("2024-01-01", periods=1, freq="h")
    assert digest(daily) != digest(hourly)


def test_categories_count_with_the_values():
    pd = pytest.importorskip("pandas")
    values = pd.Series(["x", "y"])
    kinds = [
        pd.CategoricalDtype(["x", "y"]),
        pd.CategoricalDtype(["y", "x"]),
        pd.CategoricalDtype(["x", "y", "z"]),
        pd.CategoricalDtype(["x", "y"], ordered=True),
    ]
    assert len({digest(values.astype(kind)) for kind in kinds}) == len(kinds)


def test_an_index_of_a_class_of_its_own_counts_by_its_values():
    pd, np = pytest.importorskip("pandas"), pytest.importorskip("numpy")

    class Times(pd.Index):
        """As the one of xarray for other calendars."""

    def times(name, *values):
        return digest(Times._simple_new(np.array(values), name))

    assert times("t", 1, 2) == times("t", 1, 2)
    assert len({times("t", 1, 2), times("t", 1, 3), times("u", 1, 2)}) == 3
    assert times("t", 1, 2) != digest(pd.Index([1, 2], name="t"))


class ExtensionDtype:
    __module__ = "pandas.api"


class GeometryDtype(ExtensionDtype):
    __module__ = "geopandas"


class Series:
    """A column of geopandas, which has a system of coordinates beside its values."""

    __module__ = "pandas"
    dtype, name = GeometryDtype(), "places"

    def __init__(self, values, system):
        self.array = values, system

    def to_numpy(self):
        return self.array[0]


def test_a_column_of_a_library_counts_with_what_it_has_beside_its_values():
    assert digest(Series([1], "wgs")) == digest(Series([1], "wgs"))
    assert digest(Series([1], "wgs")) != digest(Series([2], "wgs"))
    assert digest(Series([1], "wgs")) != digest(Series([1], "utm"))


def test_estimators_count_by_their_parameters():
    pytest.importorskip("sklearn")
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    assert digest(Ridge(alpha=2.0)) == digest(Ridge(alpha=2.0))
    assert digest(Ridge(alpha=2.0)) != digest(Ridge(alpha=1.0))
    fitted = Ridge(alpha=2.0).fit([[1.0], [2.0]], [1.0, 2.0])
    assert digest(fitted) != digest(Ridge(alpha=2.0))
    pipelines = [make_pipeline(StandardScaler(), Ridge(alpha)) for alpha in (1, 1, 2)]
    one, same, other = map(digest, pipelines)
    assert one == same != other


class Singleton:
    def __reduce__(self):
        return "SINGLETON"


SINGLETON = Singleton()


def test_what_pickle_finds_by_its_name_has_the_code_of_its_class():
    found = []

    def opaque(each):
        return ["its code"] if each is Singleton else []

    hashing.digest([SINGLETON], "value", opaque, found)
    assert found == ["its code"]


def first():
    return 1


def last():
    return 2


@pytest.mark.parametrize("functions", [(first, last), (last, first)])
def test_the_code_in_a_value_has_one_order_wherever_it_is_looked_for(functions):
    def opaque(value):
        return [value] if isinstance(value, types.FunctionType) else []

    made = [functools.partial(each, n) for n, each in enumerate(functions)]
    value, found = [made * hashing.SHARED, {*made}], []
    digest(value, opaque=opaque, found=found)
    assert hashing.code_in(value, opaque) == found


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_what_gives_nothing_yet_is_not_digested_as_empty(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writing = os.open(tmp_path / "pipe", os.O_RDWR)
    with pytest.raises(OSError):
        hashing.hash_file(tmp_path / "pipe")
    os.close(writing)


class Graph:
    """As those of networkx, it keeps views of itself when they are asked for."""

    @functools.cached_property
    def edges(self):
        return [self]


def test_a_property_that_was_computed_once_does_not_count():
    asked = Graph()
    assert asked.edges == [asked]
    assert digest(asked) == digest(Graph())


class Table:
    """Loads what it was not given."""

    def __init__(self, rows=None):
        if rows is not None:
            self.rows = rows

    @functools.cached_property
    def rows(self):
        return []


def test_a_property_that_was_set_by_hand_counts():
    assert digest(Table([1])) == digest(Table([1])) != digest(Table([2]))


class Emptied:
    def __init__(self, rows):
        self.own = rows

    @functools.cached_property
    def rows(self):
        return []

    def __getstate__(self):
        return {"rows": self.own}


def test_a_state_counts_where_names_in_it_are_those_of_properties():
    assert digest(Emptied([1])) != digest(Emptied([2]))


class UnitBase:
    """A unit holds itself; its text, and what it is made of, tell what it is."""

    __module__ = "astropy.units"

    def __init__(self, text, scale=1.0):
        self.text, self.scale, self.decomposed = text, scale, self

    def decompose(self):
        return self

    def __str__(self):
        return self.text


def test_arrays_with_a_unit_count_by_their_numbers_and_the_unit():
    np = pytest.importorskip("numpy")

    class Quantity(np.ndarray):
        """As those of astropy, it has a unit and gives no bytes away."""

        def tobytes(self):
            raise NotImplementedError

    def quantity(values, text):
        made = np.array(values).view(Quantity)
        made.unit = UnitBase(text)
        return made

    one = digest(quantity([1.0, 2.0], "m"))
    assert one == digest(quantity([1.0, 2.0], "m"))
    assert (
        len({one, *map(digest, (quantity([1.0, 3.0], "m"), quantity([1.0, 2.0], "s")))})
        == 3
    )


def test_units_of_one_text_differ_by_what_they_are_made_of():
    assert digest(UnitBase("foo", 3.0)) != digest(UnitBase("foo", 4.0))


class AffineScalarFunc:
    """As those of uncertainties, a variable depends on itself."""

    __module__ = "uncertainties.core"
    tag = None

    def __init__(self, n, s):
        self.n, self.s, self.derivatives = n, s, {self: 1.0}


def test_a_number_with_an_uncertainty_counts_by_what_it_depends_on():
    one = digest(AffineScalarFunc(1.0, 0.1))
    assert one == digest(AffineScalarFunc(1.0, 0.1))
    others = AffineScalarFunc(2.0, 0.1), AffineScalarFunc(1.0, 0.2)
    doubled = AffineScalarFunc(1.0, 0.1)
    doubled.derivatives = {AffineScalarFunc(1.0, 0.1): 2.0}
    assert len({one, *map(digest, (*others, doubled))}) == 4


def test_numbers_that_depend_on_one_variable_are_not_those_that_depend_on_two():
    x, y, z = (AffineScalarFunc(1.0, 0.1) for _ in range(3))
    pairs = [x, x], [x, y], [x] * 9 + [y], [x, *[y] * 9], [x] * 10
    assert len({*map(digest, pairs)}) == len(pairs)
    assert digest([x, y]) == digest([z, y]) and digest([x, x]) == digest([y, y])
    assert digest({"a": x, "b": y}) == digest({"b": y, "a": z})


def test_a_module_of_flax_counts_by_its_fields():
    class Module:
        __module__ = "flax.linen"

    @dataclasses.dataclass
    class Net(Module):
        width: int = 4

        def __post_init__(self):
            self._id, self._state, self._parent_ref = id(self), object(), None

    assert digest(Net()) == digest(Net()) != digest(Net(5))
    counted = Net()
    counted._more = 1
    assert digest(counted) != digest(Net())


class Container:
    """As those of OmegaConf, it knows what it lies in, and its class."""

    __module__ = "omegaconf"

    def __init__(self, content, kind=dict):
        self._content, self.kind, self.parent = content, kind, self
        for each in content.values():
            if isinstance(each, Container):
                each.parent = self

    def _get_root(self):
        return self.parent

    def _get_full_key(self, key):
        return "" if self.parent is self else "key"


def to_container(value, resolve):
    if not isinstance(value, Container):
        return value
    return {name: to_container(e, resolve) for name, e in value._content.items()}


@pytest.fixture
def config(monkeypatch):
    known = types.SimpleNamespace(
        to_container=to_container,
        get_type=lambda value: value.kind,
        is_config=lambda value: isinstance(value, Container),
    )
    module = types.SimpleNamespace(OmegaConf=known)
    monkeypatch.setitem(sys.modules, "omegaconf", module)


def test_a_configuration_counts_by_what_is_in_it(config):
    one = {"a": [1, "${b}"]}
    assert (
        digest(Container(one)) == digest(Container(dict(one))) != digest(Container({}))
    )


class KerasSaveable:
    """As those of keras, it is saved into a file that tells the time."""

    __module__ = "keras.src"

    def __init__(self, units, name, *weights):
        self.settings = {"units": units, "name": name}
        self.weights = [
            types.SimpleNamespace(numpy=lambda each=w: each) for w in weights
        ]

    def get_config(self):
        return self.settings


def test_a_layer_of_keras_counts_by_its_settings_and_weights():
    one = digest(KerasSaveable(3, "dense", 0.5))
    assert one == digest(KerasSaveable(3, "dense_1", 0.5))
    assert one not in (
        digest(KerasSaveable(4, "dense", 0.5)),
        digest(KerasSaveable(3, "dense")),
    )


def test_an_object_of_a_library_that_fails_has_no_identity():
    class Unsaved(KerasSaveable):
        def get_config(self):
            raise NotImplementedError("write get_config")

    with pytest.raises(
        IdentityError, match="'a'.: a .*Unsaved has no identity .write get_config"
    ):
        digest({"a": Unsaved(1, "x")})


def test_a_configuration_counts_with_the_classes_behind_it(config):
    assert digest(Container({}, Plain)) != digest(Container({}, Point))
    one, other = Container({}, Plain), Container({}, Point)
    assert digest(Container({"a": one})) != digest(Container({"a": other}))


def test_a_part_of_a_configuration_counts_with_what_it_asks_of_the_whole(config):
    def part(content, rate):
        inner = Container(content)
        inner.whole = Container({"m": inner, "rate": rate})
        return digest(inner)

    assert part({"rate": "${rate}"}, 1) == part({"rate": "${rate}"}, 1)
    assert part({"rate": "${rate}"}, 1) != part({"rate": "${rate}"}, 2)
    assert part({"rate": 3}, 1) == part({"rate": 3}, 2)


BOUND_ANEW = """
from functools import partial, update_wrapper

class Compiled:
    __module__ = "numba.core"

    def __init__(self, function, option):
        self.option = option

def power(x, n):
    return x**n

def bind(kind, option):
    global power
    power = update_wrapper(kind(power, option), getattr(power, "__wrapped__", power))
    return power
"""


@pytest.mark.parametrize("kind", ["partial", "Compiled"])
def test_what_was_made_of_a_function_under_its_name_counts_with_its_options(
    kind, tmp_path, monkeypatch
):
    (tmp_path / f"bound_{kind}.py").write_text(BOUND_ANEW)
    monkeypatch.setattr(sources, "_roots", [*sources._roots])
    monkeypatch.syspath_prepend(tmp_path)
    sources.watch(tmp_path)
    module = importlib.import_module(f"bound_{kind}")
    digests = [digest(module.bind(getattr(module, kind), n)) for n in (2, 3)]
    assert digests[0] != digests[1]


class Column:
    """As those of some libraries, it answers everything, and is neither true nor false."""

    def __init__(self, text):
        self.__dict__["text"] = text

    def __getattr__(self, name):
        return Column(name)

    def __bool__(self):
        raise ValueError("neither")

    def __reduce_ex__(self, protocol):
        return Column, (self.text,)


def test_an_object_that_answers_everything_counts_by_its_state():
    assert digest(Column("a")) == digest(Column("a")) != digest(Column("b"))
