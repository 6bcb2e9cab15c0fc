"""Plain values: fast copies, and equal values of many argsets that are shared."""

import copy
import copyreg
import dataclasses
import datetime
import enum
import pickle
import sys
import threading
import tracemalloc
import weakref
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from test_laws import plain as values

import curifactory
from curifactory import caching, hashing, pickling, plain, sources
from curifactory.args import set_hash_functions
from curifactory.errors import IdentityError
from curifactory.task import packed


@dataclasses.dataclass
class Optimizer:
    rate: float = 0.1
    steps: list[int] = dataclasses.field(default_factory=lambda: [1, 2])


@dataclasses.dataclass(frozen=True)
class Fixed:
    inner: Optimizer = dataclasses.field(default_factory=Optimizer)
    path: Path = Path("a/b")


class Kind(enum.Enum):
    ONE = 1


class Numbers(list):  # type: ignore[type-arg]
    pass


@dataclasses.dataclass
class Ruled:
    size: int = 1
    gpus: int = curifactory.parameter(1, operational=True)


@dataclasses.dataclass
class Represented:
    size: int = 1
    hash_representations: dict = set_hash_functions(size=lambda args, size: 0)  # type: ignore[type-arg]


@dataclasses.dataclass
class OwnCopy:
    size: int = 1

    def __deepcopy__(self, memo: dict[int, Any]) -> "OwnCopy":
        return OwnCopy(self.size + 1)


@dataclasses.dataclass
class OwnState:
    size: int = 1

    def __getstate__(self) -> dict[str, int]:
        return {}


@dataclasses.dataclass
class Slotted:
    __slots__ = ("size",)
    size: int


@dataclasses.dataclass
class MadeUp:
    size: int = 1

    def __getattr__(self, name: str) -> int:
        return 1


@dataclasses.dataclass
class Counted:
    size: int = 1

    @property  # type: ignore[no-redef]
    def size(self) -> int:  # noqa: F811
        return 3

    @size.setter
    def size(self, value: int) -> None:
        pass


@dataclasses.dataclass
class Lazy:
    size: int = 1

    @cached_property
    def twice(self) -> int:
        return 2 * self.size


PLAIN = [
    [1, "a", None, (2.0, b"b")],
    {"a": {1, 2}, "b": [frozenset({1})]},
    Optimizer(),
    Fixed(),
    [Fixed(), Fixed(Optimizer(0.2))],
    Lazy(),
]
OTHERS = [
    Numbers([1]),
    [Kind.ONE],
    [1j],
    [len],
    [Optimizer],
    datetime.date(2020, 1, 1),
    [bytearray(b"a")],
    Ruled(),
    Represented(),
    OwnCopy(),
    OwnState(),
    Slotted(1),
    MadeUp(),
    Counted(),
    [threading.Lock()],
    lambda: 1,
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_equal_plain_values_are_shared(value: Any):
    first, second = plain.shared(value), plain.shared(copy.deepcopy(value))
    assert first is second
    assert first is not value
    assert hashing.digest(first) == hashing.digest(value)


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_no_other_value_is_shared(value: Any):
    assert plain._key(value) is None


def test_an_array_in_a_list_is_not_shared():
    numpy = pytest.importorskip("numpy")
    assert plain._key([numpy.zeros(2)]) is None
    assert plain._key([numpy.float64(1)]) is None


def test_values_that_differ_are_not_shared():
    kinds = [[1], [1.0], [True], ["1"], (1,), [0.0], [-0.0], [b"1"], {1}, [[1]]]
    kinds += [
        Optimizer(1),
        Optimizer(1.0),
        Optimizer(True),
        Lazy(1),
        [Path("a")],
        ["a"],
    ]
    made = [plain.shared(value) for value in kinds]
    assert len({id(each) for each in made}) == len(kinds)


@given(values, values)
def test_values_are_shared_only_if_their_digests_are_equal(one: Any, other: Any):
    if plain._key(one) is not None and plain._key(one) == plain._key(other):
        assert hashing.digest(one) == hashing.digest(other)


@given(values)
def test_copies_have_the_digest_of_the_value(value: Any):
    assert hashing.digest(plain.copied(value)) == hashing.digest(value)
    assert hashing.digest(plain.shared(value)) == hashing.digest(value)


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_copies_share_nothing_that_could_change(value: Any):
    made = plain.copied(value)
    assert made == value
    assert type(made) is type(value)
    inner = made.inner if isinstance(made, Fixed) else made
    if isinstance(inner, Optimizer):
        inner.steps.append(3)
    elif isinstance(inner, dict):
        inner["a"].add(3)
    elif isinstance(inner, list):
        inner.append(3)
    else:
        inner.size = 3
    assert made != value


def test_what_cannot_change_is_not_copied():
    for value in ("text", len, Path("a"), (1, "a"), frozenset({1})):
        assert plain.copied(value) is value


class Compiled:
    """Stands for a function that a library has made, and knows itself."""

    __name__ = "compiled"

    def __init__(self) -> None:
        self.rule = self


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Compiled:
    """An object that its module has by its name."""
    monkeypatch.setattr(sys.modules[__name__], "compiled", made := Compiled(), False)
    return made


def test_an_object_that_its_module_has_by_name_counts_by_that(compiled: Any):
    assert plain.digest(compiled, "x") == plain.digest(compiled, "y")
    with pytest.raises(IdentityError, match="contains itself"):
        plain.digest(Compiled(), "x")
    assert plain.copied(compiled) is compiled


class custom_jvp:
    """What jax makes of a function: it goes by the name that its module has for it."""

    __name__ = "rule"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return object, ()


def test_what_jax_made_of_functions_is_neither_copied_nor_pickled(monkeypatch: Any):
    monkeypatch.setattr(sys.modules[__name__], "rule", rule := custom_jvp(), False)
    jax = SimpleNamespace(custom_jvp=custom_jvp, custom_vjp=custom_jvp)
    jax.numpy = SimpleNamespace(tanh=custom_jvp(), add=custom_jvp())
    assert type(plain.copied([rule])[0]) is object
    before = dict(copyreg.dispatch_table)
    monkeypatch.setitem(sys.modules, "jax", cast(Any, jax))
    assert plain.copied([rule])[0] is rule
    assert pickle.loads(pickling.pickled([rule]))[0] is rule
    assert pickle.loads(packed([rule], "x"))[0] is rule
    assert type(plain.copied([custom_jvp()])[0]) is object  # it is under no name
    assert copyreg.dispatch_table == before


def test_what_others_have_said_of_how_to_copy_stays(monkeypatch: Any) -> None:
    jax = SimpleNamespace(custom_jvp=custom_jvp, custom_vjp=custom_jvp)
    jax.numpy = SimpleNamespace(tanh=custom_jvp(), add=custom_jvp())
    monkeypatch.setitem(sys.modules, "jax", cast(Any, jax))
    monkeypatch.setitem(copyreg.dispatch_table, custom_jvp, lambda value: (list, ()))
    assert plain.copied([custom_jvp()]) == [[]] == plain.copied([custom_jvp()])


def test_other_values_are_copied_in_their_own_way():
    assert plain.copied(OwnCopy(1)).size == 2
    assert plain.copied([OwnCopy(1)])[0].size == 2
    assert plain.copied(Slotted(1)) == Slotted(1)
    numbers = plain.copied(Numbers([1]))
    assert numbers == [1]
    assert type(numbers) is Numbers


class Config(dict):  # type: ignore[type-arg]
    """Items as attributes, as many write it: what is missing is a KeyError."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


class Own(dict):  # type: ignore[type-arg]
    """The same, as many others write it."""

    def __init__(self, **items: Any):
        super().__init__(**items)
        self.__dict__ = self


REFUSED = pytest.mark.skipif(sys.version_info < (3, 11), reason="pickle refuses it")


@pytest.mark.parametrize("kind", [pytest.param(Config, marks=REFUSED), Own])
def test_a_mapping_whose_items_are_its_attributes_is_copied(kind: Any):
    value = kind(rate=0.1, net=kind(layers=[1, 2]))
    for made in (
        plain.copied(value),
        plain.copied([value])[0],
        caching.own_copy(value),
    ):
        assert type(made) is kind and made == value
        if made is not value:
            made["net"]["layers"].append(3)
    assert value["net"]["layers"] == [1, 2]
    made = plain.copied(value)
    assert made.rate == made["rate"] == 0.1 and made.net.layers == [1, 2]
    again = plain.copied(made)
    assert again.net.layers == [1, 2] and hashing.digest(again) == hashing.digest(made)


def test_what_was_computed_once_is_kept_by_a_copy():
    lazy = Lazy(2)
    assert lazy.twice == 4
    assert vars(plain.copied(lazy)) == {"size": 2, "twice": 4}


def test_a_class_that_is_defined_again_shares_nothing_with_the_old_one():
    made = plain.shared(Lazy(1))
    old = globals()["Lazy"]
    new = dataclasses.make_dataclass("Lazy", [("size", int)])
    new.__module__, new.__qualname__ = __name__, "Lazy"
    globals()["Lazy"] = new
    try:
        assert plain._key(old(1)) != plain._key(new(1))
        assert type(plain.shared(new(1))) is new
        assert type(plain.shared(old(1))) is old
    finally:
        globals()["Lazy"] = old
    assert plain.shared(old(1)) is made


def test_a_digest_stands_for_large_values():
    large = list(range(10_000))
    made = plain.shared(large)
    assert made == large and made is not large
    assert plain.shared(large.copy()) is made
    assert len(plain._key(large)[1]) == 32
    large[-1] = 0
    assert plain.shared(large) is not made
    assert not plain.are_alike(large, made)


def test_a_value_that_contains_itself_is_still_refused():
    items: list[Any] = [1]
    items.append(items)
    made = plain.shared(items)
    for _ in range(2):
        with pytest.raises(curifactory.CurifactoryError, match="contains itself"):
            plain.digest(made, "items")


def test_what_is_found_of_a_shared_value_is_found_once():
    asked: list[str] = []
    value = plain.shared([1, 2, "found once"])
    for _ in range(2):
        assert plain.once(value, "length", lambda: asked.append("a") or len(value)) == 3
        assert plain.once([1, 2], "length", lambda: asked.append("b") or 2) == 2
    assert asked == ["a", "b", "b"]


def test_equal_objects_are_shared_while_nobody_changes_them():
    numpy = pytest.importorskip("numpy")
    made = {"x": numpy.zeros(3), "places": [numpy.zeros(2)]}
    with plain.sharing():
        first = plain.shared(made)
        assert first is not made and first["x"] is not made["x"]
        assert plain.shared(made) is plain.shared(copy.deepcopy(made)) is first
        assert plain.shared({**made, "x": numpy.ones(3)}) is not first
        with plain.sharing():  # as where __post_init__ collects other argsets
            assert plain.shared(made) is not first
        found = [plain.once(first, "sum", lambda n=n: n) for n in range(2)]
        assert found == [0, 0] and plain.is_fixed(first) and plain.is_object(first)
    assert not plain.is_fixed(first)
    assert plain.shared(made) is not plain.shared(made)


def test_an_object_whose_equal_is_known_is_let_go():
    numpy = pytest.importorskip("numpy")
    with plain.sharing():
        plain.shared(numpy.zeros(3))
        other = numpy.zeros(3)
        plain.shared(other)
        is_held = weakref.ref(other)
        del other
        assert is_held() is None


NOT_ALIKE = [lambda: 1, Numbers([1]), OwnCopy()]


@pytest.mark.parametrize("value", NOT_ALIKE, ids=lambda value: type(value).__name__)
def test_objects_with_code_of_the_project_are_not_shared(value: Any, monkeypatch: Any):
    monkeypatch.setattr(sources, "_roots", [str(Path(__file__).parent)])
    with plain.sharing():
        made = plain.shared([value])
        assert made is not plain.shared([value]) and not plain.is_object(made)


class Asked:
    """Counts how often it is asked what it consists of."""

    times = 0

    def __reduce__(self):
        Asked.times += 1
        return Asked, ()


def test_objects_with_code_of_the_project_are_not_digested_to_be_copied(monkeypatch):
    monkeypatch.setattr(sources, "_roots", [str(Path(__file__).parent)])
    with plain.sharing():
        plain.shared([Asked()])
    assert Asked.times == 2  # whether it has such code, and to be copied


def test_objects_that_differ_in_fields_that_do_not_count_are_not_shared():
    with plain.sharing():
        made = [plain.shared([Ruled(gpus=count)]) for count in (1, 2)]
    assert [each[0].gpus for each in made] == [1, 2]


def test_not_more_than_so_many_values_are_shared(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plain, "MOST", (3, 2**20))
    for number in range(10):
        assert plain.shared([number, "few"]) is plain.shared([number, "few"])
        assert len(plain._by_content) <= 3
        assert len(plain._by_id) == len(plain._by_content)


def test_not_more_than_so_many_bytes_are_shared(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plain, "MOST", (1000, 200_000))
    monkeypatch.setattr(plain, "_size", 0)
    for number in range(10):
        large = [number, *range(10_000)]  # of 50,000 bytes
        assert plain.shared(large) is plain.shared(large.copy())
        assert sum(key[0] for key in plain._by_content) <= 200_000
        assert len(plain._by_id) == len(plain._by_content)


class Keeping:
    """Keeps what it has found out when it was used."""

    @cached_property
    def size(self):
        return 5


def test_of_an_array_of_objects_nobody_can_tell_whether_it_was_changed():
    np = pytest.importorskip("numpy")
    mine, its = (np.array([Keeping(), 1], object) for _ in range(2))
    assert mine[0].size == 5 and not plain.differ(mine, its)


@dataclasses.dataclass
class Holding:
    data: Any

    @cached_property
    def size(self):
        return self.data.size


@pytest.mark.parametrize("within", [lambda each: each, lambda each: [each]])
def test_what_a_dataclass_with_an_array_keeps_when_it_is_used_is_no_change(within):
    np = pytest.importorskip("numpy")
    mine, its, other = (Holding(np.full(3, n)) for n in (1, 1, 2))
    assert mine.size == 3 and not plain.differ(within(mine), within(its))
    assert plain.differ(within(mine), within(other))


@pytest.mark.parametrize(
    "within", [Holding, lambda each: [each], lambda each: {"a": (each, 1)}]
)
def test_arrays_in_dataclasses_and_collections_are_compared_without_copies(within):
    np = pytest.importorskip("numpy")
    mine, its, other = (Holding(within(np.full(10**6, n))) for n in (1, 1, 2))
    tracemalloc.start()
    assert not plain.differ(mine, its)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 10**6
    assert plain.differ(mine, other) and plain.differ(mine, Optimizer())


def test_nobody_can_tell_whether_what_holds_itself_was_changed():
    mine, its = ([1], [1])
    for each in (mine, its):
        each += [each, each]
    assert not plain.differ(mine, its)
    mine[0] = 2
    assert plain.differ(mine, its)
