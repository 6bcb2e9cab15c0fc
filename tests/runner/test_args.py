"""ExperimentArgs: declared fields, snapshots that are sealed, readable hashes."""

import copy
import dataclasses
import pickle
import sys
import threading
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import Any, ClassVar

import pytest

import curifactory
from curifactory import ExperimentArgs, ExperimentParameters, hashing, plain
from curifactory import args as argsets
from curifactory.args import (
    ABSENT,
    check_class,
    flat,
    parameter,
    plain_repr,
    sealed,
    set_hash_functions,
    short,
    values,
)
from curifactory.errors import CurifactoryError, IdentityError, RequestError
from curifactory.reads import Reads
from curifactory.snapshot import Snapshot


@dataclass
class Model:
    depth: int = 3
    widths: list[int] = field(default_factory=lambda: [8, 8])


@dataclass
class Args(ExperimentArgs):
    seed: int = 0
    rate: float = 0.1
    layers: list[int] = field(default_factory=list)
    model: Model = field(default_factory=Model)
    gpus: int = field(default=1, metadata={"operational": True})
    LIMIT: ClassVar[int] = 7

    @property
    def doubled(self):
        return self.seed * 2


@dataclass
class Wider(Args):
    width: int = 5


@dataclass(frozen=True)
class FrozenArgs(ExperimentArgs):
    seed: int = 0


@dataclass(slots=True)
class SlottedArgs(ExperimentArgs):
    seed: int = 0


@dataclass
class Labelled(ExperimentArgs):
    seed: int = 0
    name: str = "labelled"


@dataclass(kw_only=True)
class Required(ExperimentArgs):
    seed: int


@dataclass
class Short(ExperimentArgs):
    """Its fields have the names that methods use for themselves."""

    cls: type = int
    self: int = 0


# Fields -----------------------------------------------------------------------------


def test_the_name_is_the_first_field():
    assert [each.name for each in dataclasses.fields(Args)][:2] == ["name", "seed"]
    assert Args("base", 3) == Args(name="base", seed=3)
    assert Args().name == ""


def test_subclasses_inherit_fields_and_keep_the_name_first():
    names = [each.name for each in dataclasses.fields(Wider)]
    assert names == ["name", "seed", "rate", "layers", "model", "gpus", "width"]
    assert Wider("a", width=6).width == 6


def test_a_class_may_declare_the_name_itself():
    assert Labelled().name == "labelled"
    assert [each.name for each in dataclasses.fields(Labelled)] == ["seed", "name"]


def test_fields_without_default_may_be_declared_by_keyword():
    assert Required(seed=1).seed == 1
    with pytest.raises(TypeError, match="seed"):
        Required(name="a")


def test_the_base_class_is_an_argset_by_itself():
    args = ExperimentArgs("alone")
    assert args.name == "alone"
    assert dict(values(args)) == {"name": "alone"}


def test_the_later_name_of_the_class_is_the_same_class():
    assert ExperimentParameters is ExperimentArgs


def test_what_declares_fields_has_its_short_names():
    assert curifactory.parameter is parameter
    assert curifactory.set_hash_functions is set_hash_functions


def test_argsets_do_not_share_their_lists():
    one, other = Args(), Args()
    one.layers.append(1)
    assert other.layers == []


def test_declared_fields_can_be_set():
    args = Args("a")
    args.seed = 4
    args.name = "b"
    assert (args.name, args.seed) == ("b", 4)


@pytest.mark.parametrize(
    ("wrong", "right"), [("sed", "seed"), ("layer", "layers"), ("nmae", "name")]
)
def test_an_undeclared_attribute_is_refused_with_the_nearest_name(wrong, right):
    with pytest.raises(RequestError, match=f"no field {wrong!r}") as caught:
        setattr(Args("a"), wrong, 1)
    assert repr(right) in caught.value.hint
    assert caught.value.exit_code == 2


def test_an_undeclared_attribute_of_the_base_class_is_refused():
    with pytest.raises(RequestError, match="no field 'seed'"):
        ExperimentArgs("a").seed = 1


def test_an_attribute_set_in_post_init_must_be_declared():
    @dataclass
    class Derived(ExperimentArgs):
        a: int = 1
        b: int = field(init=False, default=0)

        def __post_init__(self):
            self.b = self.a + 1

    @dataclass
    class Undeclared(ExperimentArgs):
        a: int = 1

        def __post_init__(self):
            self.total = self.a + 1

    assert Derived(a=4).b == 5
    with pytest.raises(RequestError, match="total"):
        Undeclared()


def test_an_unknown_keyword_is_an_error():
    with pytest.raises(TypeError, match="lr"):
        Args(lr=1)


def test_a_property_is_no_field():
    assert "doubled" not in dict(values(Args()))
    assert Args(seed=4).doubled == 8


def test_the_text_of_a_collection_that_holds_itself_has_an_end():
    table = {"a": {1}}
    table["itself"] = table
    assert repr(Args("a", layers=table)).endswith("{'a': {1}, 'itself': {...}})")
    assert argsets.short([table]) == "[{'a': {1}, 'itself': {...}}]"


def test_flat_names_fields_of_nested_dataclasses_with_dots():
    found = dict(flat(Args("a", model=Model(depth=2))))
    assert found["model.depth"] == 2
    assert found["model.widths"] == [8, 8]
    assert "model" not in found
    assert list(found)[:2] == ["name", "seed"]


# Forgotten @dataclass ---------------------------------------------------------------


def test_a_forgotten_dataclass_is_refused_with_the_line_to_write():
    class Forgot(ExperimentArgs):
        seed: int = 0

    with pytest.raises(RequestError, match="params/base.py:3: Forgot") as caught:
        check_class(Forgot, "params/base.py:3")
    assert "@dataclass" in caught.value.hint


def test_a_forgotten_dataclass_below_a_dataclass_is_refused():
    class Forgot(Args):
        width: int = 5

    with pytest.raises(RequestError, match="Forgot declares fields"):
        check_class(Forgot, "here")


def test_dataclasses_and_classes_without_fields_pass():
    class Renamed(Args):
        """Adds nothing but a method."""

        def tripled(self):
            return self.seed * 3

    for cls in (Args, Wider, FrozenArgs, SlottedArgs, Renamed, ExperimentArgs):
        check_class(cls, "here")


# Sealed snapshots -------------------------------------------------------------------


@pytest.mark.parametrize("cls", [Args, Wider, SlottedArgs, Labelled])
def test_a_sealed_argset_refuses_to_be_set(cls):
    snapshot = sealed(cls(name="a", seed=1))
    assert snapshot == cls(name="a", seed=1)
    with pytest.raises(RequestError, match="cannot be set") as caught:
        snapshot.seed = 2
    assert "dataclasses.replace(args, seed=...)" in caught.value.hint
    assert snapshot.seed == 1


def test_a_frozen_argset_can_be_sealed():
    snapshot = sealed(FrozenArgs("a", 1))
    assert snapshot == FrozenArgs("a", 1)
    with pytest.raises((RequestError, dataclasses.FrozenInstanceError)):
        snapshot.seed = 2


def test_a_snapshot_shares_nothing_with_its_argset():
    args = Args("a", layers=[1], model=Model(widths=[2]))
    snapshot = sealed(args)
    args.layers.append(9)
    args.model.widths.append(9)
    args.seed = 9
    assert (snapshot.layers, snapshot.model.widths, snapshot.seed) == ([1], [2], 0)


def test_the_argset_can_still_be_changed_after_a_snapshot():
    args = Args("a")
    sealed(args)
    args.seed = 5
    assert args.seed == 5


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        dataclasses.replace,
        lambda args: pickle.loads(pickle.dumps(args)),
        lambda args: type(args)(**dict(values(args))),
    ],
    ids=["copy", "deepcopy", "replace", "pickle", "by hand"],
)
@pytest.mark.parametrize("cls", [Args, SlottedArgs])
def test_copies_of_a_sealed_argset_can_be_changed(duplicate, cls):
    made = duplicate(sealed(cls("a", 1)))
    made.seed = 2
    assert made == cls("a", 2)
    assert type(made) is cls


def test_a_deep_copy_of_a_snapshot_shares_nothing():
    snapshot = sealed(Args("a", layers=[1]))
    copy.deepcopy(snapshot).layers.append(2)
    assert snapshot.layers == [1]


def test_a_snapshot_of_a_snapshot_is_sealed():
    with pytest.raises(RequestError):
        sealed(sealed(Args("a"))).seed = 1


def test_asdict_and_repr_of_a_snapshot_are_those_of_the_argset():
    args = Args("a", 1)
    assert dataclasses.asdict(sealed(args)) == dataclasses.asdict(args)
    assert repr(sealed(args)) == repr(args)
    assert vars(sealed(args)) == vars(args)


def test_a_field_that_cannot_be_copied_is_refused_with_its_path():
    args = Args("base")
    args.model = threading.Lock()
    with pytest.raises(IdentityError, match="base.model") as caught:
        sealed(args)
    assert caught.value.path == "base.model"
    assert caught.value.hint


# The readable hash ------------------------------------------------------------------


def test_the_hash_ignores_the_name():
    assert Args("a", 1).hash == Args("b", 1).hash
    assert Args("a", 1).hash != Args("a", 2).hash


def test_the_hash_ignores_operational_fields():
    assert Args("a", gpus=1).hash == Args("a", gpus=8).hash


def test_the_hash_counts_nested_fields_and_types():
    assert Args(model=Model(1)).hash != Args(model=Model(2)).hash
    assert Args(seed=1).hash != Args(seed=True).hash


def test_the_hash_of_a_snapshot_is_that_of_the_argset():
    assert sealed(Args("a", 1)).hash == Args("z", 1).hash


@pytest.mark.parametrize("is_field_first", [True, False])
def test_a_field_may_be_named_content(is_field_first):
    @dataclass
    class Page(ExperimentArgs):
        content: str = "text"

    snapshot = Snapshot(Page("a"))
    if is_field_first:
        snapshot.digest("content")
    assert snapshot.content() == Page("b").hash
    assert snapshot.digest("content") == hashing.digest("text")


def test_a_table_that_argsets_share_is_looked_through_for_code_once():
    @dataclass
    class Table(ExperimentArgs):
        words: dict = field(default_factory=dict)

    words = {str(i): [i] for i in range(100)}
    snapshots = [Snapshot(Table(f"a{i}", words)) for i in range(3)]
    looked = []

    def count(frame, event, _):
        if event == "call" and frame.f_code.co_name == "code_in":
            looked.append(frame)

    for each in snapshots:
        each.digest("words")
    sys.setprofile(count)
    told = [each.__getstate__()[1]["_digests"] for each in snapshots * 2]
    sys.setprofile(None)
    assert len(looked) == 1
    assert all("words" in digests for digests in told)


# Small things -----------------------------------------------------------------------


def test_long_values_are_shortened_for_messages():
    assert short([1, 2]) == "[1, 2]"
    assert len(short("x" * 100)) == 60
    assert short("x" * 100).endswith("...")


def test_errors_carry_their_data_through_pickle():
    error = IdentityError("base.seed", "has none", "give a number")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is IdentityError
    assert (str(again), again.path, again.hint) == (str(error), error.path, error.hint)
    assert isinstance(again, CurifactoryError)


# Declarations that say more ---------------------------------------------------------


@dataclass
class Login:
    user: str = "me"
    token: str = parameter("", secret=True)


class Odd:
    """An object whose state says nothing of it."""

    def __init__(self, label):
        self.label, self.noise = label, object()


@dataclass
class Declared(ExperimentArgs):
    size: int = 9000
    gpus: int = parameter(1, operational=True)
    key: str = parameter("", secret=True)
    odd: object = parameter(None, represent=lambda value: value and value.label)
    layers: list[int] = parameter(default_factory=list)
    login: Login = field(default_factory=Login)


@dataclass
class Represented(ExperimentArgs):
    size: int = 9000
    gpus: int = 1
    verbose: bool = False
    hash_representations: dict = set_hash_functions(
        verbose=None, gpus=None, size=lambda self, value: value / self.gpus
    )


@dataclass
class Inner:
    depth: int = 1
    workers: int = 1
    hash_representations: dict = set_hash_functions(workers=None)


@dataclass(slots=True)
class SlottedInner:
    depth: int = 1
    workers: int = 1
    hash_representations: dict = set_hash_functions(workers=None)


@dataclass
class Outer(ExperimentArgs):
    inner: Inner = field(default_factory=Inner)
    slotted: SlottedInner = field(default_factory=SlottedInner)


@dataclass
class PlainRules(ExperimentArgs):
    rate: float = 0.1
    hash_representations = {"rate": lambda self, value: round(value, 3)}


def test_parameter_declares_defaults_as_field_does():
    assert Declared().layers == [] and Declared().size == 9000
    assert Declared().layers is not Declared().layers
    with pytest.raises(TypeError, match="seed"):
        make = dataclasses.make_dataclass("Must", [("seed", int, parameter())])
        make()


def test_operational_fields_do_not_count_and_secret_ones_do():
    assert Declared(gpus=1).hash == Declared(gpus=8).hash
    assert Declared(key="a").hash != Declared(key="b").hash
    assert Declared(login=Login(token="a")).hash != Declared(login=Login()).hash


def test_representations_may_be_given_in_a_dictionary_and_by_name():
    @dataclass
    class Both(ExperimentArgs):
        a: int = 0
        b: int = 0
        c: int = 0
        hash_representations: dict = set_hash_functions({"a": None, "b": max}, b=None)

    assert Both(a=1).hash == Both().hash != Both(c=1).hash
    assert Both(b=1).hash == Both().hash


def test_a_representation_stands_for_a_value_without_identity():
    one, same_label, other = (Declared(odd=Odd(label)) for label in "xxy")
    assert one.hash == same_label.hash != other.hash
    digests = {Snapshot(each).digest("odd") for each in (one, same_label, other)}
    assert len(digests) == 2
    assert len({Snapshot(each).digest("*") for each in (one, same_label, other)}) == 2


def test_what_is_represented_needs_no_copy():
    class Mesh:
        def __init__(self, label):
            self.label, self.lock = label, threading.Lock()

    mesh = Mesh("x")
    assert Snapshot(Declared(odd=mesh)).source.odd is mesh
    digests = {Snapshot(Declared(odd=Mesh(label))).digest("odd") for label in "xxy"}
    assert len(digests) == 2


def test_a_representation_that_fails_names_the_field():
    args = Declared("base", odd=3)
    with pytest.raises(IdentityError, match="base.odd: its repr.* AttributeError"):
        _ = args.hash


def test_the_later_names_of_representations_mean_the_same():
    one_gpu, two_gpus = Represented(size=4500), Represented(size=9000, gpus=2)
    assert one_gpu.hash == two_gpus.hash != Represented(size=9000).hash
    assert Represented(verbose=True).hash == Represented().hash
    assert "hash_representations" not in {f.name for f in dataclasses.fields(one_gpu)}
    assert set(Represented.hash_representations) == {"verbose", "gpus", "size"}
    assert Outer(inner=Inner(workers=4)).hash == Outer().hash
    assert Outer(slotted=SlottedInner(workers=4)).hash == Outer().hash
    assert Outer(inner=Inner(depth=4)).hash != Outer().hash
    assert PlainRules(rate=0.1001).hash == PlainRules(rate=0.1002).hash
    assert "hash_representations" not in dict(flat(Outer()))


@pytest.mark.parametrize(
    "args", [Represented("a", 2), Outer("a", Inner(3)), PlainRules("a")]
)
def test_argsets_with_representations_are_copied_and_pickled(args):
    assert (
        copy.deepcopy(args) == args == pickle.loads(pickle.dumps(args)) == args.copy()
    )
    assert sealed(args) == args


def test_a_representation_of_no_field_is_refused():
    @dataclass
    class Wrong(ExperimentArgs):
        gpus: int = 1
        hash_representations = {"gpu": None}

    with pytest.raises(RequestError, match="no field 'gpu'"):
        check_class(Wrong, "params/base.py")


def test_operational_and_represented_fields_are_read_as_declared():
    reads = Reads()
    tracked = reads.argset(Represented("a", 4500, gpus=3))
    assert (tracked.gpus, tracked.size, tracked.verbose) == (3, 4500, False)
    assert list(reads.keys) == ["o:gpus", "a:size", "o:verbose"]


@pytest.mark.parametrize(
    "shown", [repr, short, plain_repr, lambda a: str(dict(flat(a)))]
)
def test_secrets_are_shown_to_nobody(shown):
    args = Declared("a", key="hunter2", login=Login(token="hunter2"))
    assert "hunter2" not in shown(args)
    assert "***" in shown(args)


def test_secrets_within_collections_are_shown_to_nobody():
    args = Declared("a", odd=[1, {"x": (Login(token="hunter2"),)}])
    assert repr(args) == "Declared(name='a', odd=***)"
    assert short(args.odd) == Snapshot(args).shown("odd") == "***"
    assert short(Login("you", token="hunter2")) == "Login(user='you', token=***)"
    endless = [1]
    endless.append(endless)
    assert short(endless) == "[1, [...]]"


def test_rules_need_no_annotation():
    @dataclass
    class Bare(ExperimentArgs):
        gpus: int = 1
        hash_representations = set_hash_functions(gpus=None)

    assert Bare(gpus=2).hash == Bare().hash


def test_a_snapshot_shows_no_secret():
    snapshot = Snapshot(Declared("a", key="hunter2", login=Login("you", "hunter2")))
    assert snapshot.shown("key") == snapshot.shown("login.token") == "***"
    assert snapshot.shown("login.user") == "'you'"

    @dataclass
    class Hidden(ExperimentArgs):
        login: Login = parameter(default_factory=Login, secret=True)

    assert Snapshot(Hidden()).shown("login.user") == "***"
    assert repr(Hidden(login=Login("you"))) == f"{Hidden.__qualname__}(login=***)"


# Equality, copies, differences ------------------------------------------------------


@dataclass(eq=False)
class Identical(ExperimentArgs):
    seed: int = 0


@dataclass
class Own(ExperimentArgs):
    seed: int = 0

    def __repr__(self):
        return "mine"

    def __eq__(self, other):
        return True


@dataclass
class BelowOwn(Own):
    width: int = 0


@pytest.mark.parametrize(
    "cls", [Args, Wider, FrozenArgs, SlottedArgs, Labelled, Identical]
)
def test_argsets_are_equal_by_content_whatever_the_dataclass(cls):
    assert cls(name="a", seed=1) == cls(name="a", seed=1)
    assert cls(name="a", seed=1) != cls(name="a", seed=2)
    assert cls(name="a", seed=1) != cls(name="b", seed=1)
    assert cls(name="a") != "a"
    assert ExperimentArgs("a") == ExperimentArgs("a") != ExperimentArgs("b")
    assert Args("a", 1) != Wider("a", 1)


def test_arrays_and_functions_count_by_content():
    numpy = pytest.importorskip("numpy")

    @dataclass
    class Any(ExperimentArgs):
        value: object = None

    for make in (
        lambda: numpy.arange(3),
        lambda: [numpy.arange(3)],
        lambda: float("nan"),
    ):
        assert Any(value=make()) == Any(value=make())
    assert Any(value=numpy.arange(3)) != Any(value=numpy.arange(4))
    assert Any(value=1) != Any(value=True)
    assert Any(value=numpy.arange(3)).diff(Any(value=numpy.arange(3))) == {}
    assert Any(value=numpy.arange(3)).copy() == Any(value=numpy.arange(3))


def test_operational_fields_count_for_equality():
    assert Args(gpus=1) != Args(gpus=2)


def test_what_a_class_says_of_itself_holds():
    assert repr(Own("a")) == repr(BelowOwn("b")) == "mine"
    assert Own("a") == BelowOwn("b") == 5


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(Args("a")) == "Args(name='a')"
    assert repr(Args()) == "Args()"
    args = Args("a", 3, layers=[1], model=Model(depth=5))
    assert repr(args) == "Args(name='a', seed=3, layers=[1], model=Model(depth=5))"
    assert repr(Args(seed=False)) == "Args(seed=False)"
    assert repr(Required(name="r", seed=1)) == "Required(name='r', seed=1)"
    assert repr(ExperimentArgs("x")) == "ExperimentArgs(name='x')"


@pytest.mark.parametrize(
    "cls", [Args, Wider, FrozenArgs, SlottedArgs, Labelled, Identical]
)
@pytest.mark.parametrize("freeze", [sealed, lambda args: args])
def test_a_copy_changes_what_it_is_told_and_nothing_else(cls, freeze):
    args = freeze(cls(name="a", seed=1))
    made = args.copy(name="b", seed=2)
    assert made == cls(name="b", seed=2) and type(made) is cls
    assert args == cls(name="a", seed=1)
    assert args.copy() == args and args.copy() is not args


def test_a_copy_shares_nothing():
    args = Args("a", layers=[1], model=Model(widths=[2]))
    made = args.copy(name="b")
    made.layers.append(9)
    made.model.widths.append(9)
    assert (args.layers, args.model.widths) == ([1], [2])


def test_a_copy_computes_derived_fields_anew():
    @dataclass
    class Derived(ExperimentArgs):
        a: int = 1
        b: int = field(init=False, default=0)

        def __post_init__(self):
            self.b = self.a + 1

    assert Derived(a=1).copy(a=5).b == 6


def test_a_copy_refuses_a_wrong_field_with_the_nearest():
    with pytest.raises(RequestError, match="no field 'sed'") as caught:
        Args("a").copy(sed=1)
    assert "'seed'" in caught.value.hint
    assert ExperimentArgs("a").copy(name="b") == ExperimentArgs("b")


def test_diff_names_nested_fields_and_leaves_the_name_out():
    one = Args("a", 1, model=Model(depth=4))
    assert one.diff(Args("b", 2)) == {"seed": (1, 2), "model.depth": (4, 3)}
    assert one.diff(one.copy(name="c")) == {}


def test_diff_of_two_classes_shows_absent_fields():
    assert Args("a").diff(Wider("b", width=7)) == {"width": (ABSENT, 7)}
    assert repr(ABSENT) == "absent"


@dataclass(frozen=True)
class Nothing:
    pass


@dataclass
class WithNothing(ExperimentArgs):
    how: Nothing = Nothing()


def test_a_nested_dataclass_may_have_no_fields():
    args = WithNothing("a")
    assert args.hash == WithNothing("b").hash
    assert Snapshot(args).args == args


@dataclass
class Layered(ExperimentArgs):
    layers: list = field(default_factory=list)
    depth: int = 1


def test_a_hash_follows_what_is_changed_in_place():
    args = Layered("a", [1])
    before = args.hash
    assert args.hash == Layered("b", [1]).hash == before
    args.layers.append(2)
    assert args.hash == Layered("a", [1, 2]).hash != before


def test_what_is_found_about_a_field_holds_for_the_same_value_only():
    asked = []
    find = argsets.Repeated(lambda args, name, value: asked.append(name) or repr(value))
    sealed = [argsets.sealed(Layered(n, [1]), plain.shared) for n in ("a", "a", "b")]
    found = [find(each) for each in sealed]
    assert found == [["'a'", "[1]", "1"], ["'a'", "[1]", "1"], ["'b'", "[1]", "1"]]
    assert asked == ["name", "layers", "depth", "name"]  # equal lists are one
    asked.clear()
    loose = Layered("b", [1])
    find(loose), find(loose)
    assert asked == ["layers", "layers"]  # anybody could change it


def test_what_is_no_number_equals_no_number():
    @dataclass
    class Rated(ExperimentArgs):
        rate: float = 0.1

    lost, set_ = Rated(name="a", rate=float("nan")), Rated(name="b")
    assert lost.diff(set_).keys() == set_.diff(lost).keys() == {"rate"}
    assert "rate=nan" in repr(lost)
    assert not lost.diff(lost.copy(rate=float("nan")))


def test_minus_zero_is_another_number_than_zero():
    @dataclass
    class Rated(ExperimentArgs):
        rate: Any = 0.0

    for one, other in ((0.0, -0.0), (0j, complex(0, -0.0))):
        zero, minus = Rated(rate=one), Rated(rate=other)
        assert zero != minus and zero.hash != minus.hash
        assert zero.diff(minus).keys() == {"rate"}


def test_paths_that_differ_by_case_alone_have_digests_of_their_own():
    @dataclass
    class Placed(ExperimentArgs):
        place: Any = None

    upper, lower = PureWindowsPath("Data"), PureWindowsPath("data")
    assert upper == lower
    digests = [Snapshot(Placed(place=each)).digest("place") for each in (upper, lower)]
    assert digests[0] != digests[1]
    assert digests == [hashing.digest(upper), hashing.digest(lower)]


def test_fields_may_have_the_names_of_a_class_and_of_its_instance():
    made = Short("a", cls=float, self=1)
    assert made.copy(cls=str, self=2) == Short("a", str, 2)
