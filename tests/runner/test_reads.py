"""What an execution reads: a tracked argset behaves as the argset, and notes reads."""

import collections
import copy
import dataclasses
import functools
import gc
import http
import json
import pickle
import sys
import threading
import types
import weakref

import pytest
from tracked import LINE_OF_NAMED, NAME, keys

from curifactory.args import changed
from curifactory.errors import CurifactoryError
from curifactory.reads import Reads, constants, functions_of, value_at

# Fields -----------------------------------------------------------------------------


def test_nothing_is_noted_before_a_read(args, reads):
    assert keys(reads) == []


def test_a_read_field_is_noted(args, reads):
    assert args.seed == 4
    assert keys(reads) == ["a:seed"]


def test_who_watches_is_told_of_each_new_key(args, reads):
    told = []
    reads.watch = told.append
    assert (args.seed, args.seed, args.rate) == (4, 4, 0.1)
    assert told == ["a:seed", "a:rate"]


def test_an_argset_that_outlives_its_stage_counts_as_read_whole(params):
    noted = Reads()
    kept = noted.argset(params.Args()), noted.argset(params.Args(), 2)
    noted.note_escaped()
    assert keys(noted) == ["a:*", "a2:*"]
    assert len(kept) == 2


def test_a_nested_argset_that_outlives_its_stage_counts_alone(params):
    noted = Reads()
    kept = noted.argset(params.Args()).outer
    noted.note_escaped()
    assert keys(noted) == ["a:outer@", "a:outer.*"]
    assert kept.z == 0


def test_an_argset_that_is_garbage_has_not_escaped(params):
    noted = Reads()
    young, old = [noted.argset(params.Args())], [noted.argset(params.Args())]
    young.append(young)  # only the collector of garbage finds that it is none
    old.append(old)
    gc.collect()
    del young, old
    noted.note_escaped()
    assert keys(noted) == []


def test_a_look_for_who_keeps_an_argset_keeps_nothing_itself(params):
    """Not even what is in the frames that it walks: the next garbage may be far off."""

    def call():
        data = {1}
        noted = Reads()
        kept = noted.argset(params.Args())
        noted.note_escaped()
        return weakref.ref(data), kept

    gc.disable()
    try:
        data, _ = call()
        assert data() is None
    finally:
        gc.enable()


def test_what_is_declared_is_all_that_counts_of_an_argset_that_outlives(params):
    noted = Reads(declared=["seed"])
    kept = noted.argset(params.Args())
    noted.note_escaped()
    assert keys(noted) == ["a:seed"]
    assert kept.seed == 0


def test_the_functions_of_a_class_are_its_own_methods_and_properties(params):
    names = [each.__name__ for each in functions_of(params.Args)]
    expected = "doubled tripled scaled chained asking constant made __len__"
    assert names == expected.split()
    assert [each.__name__ for each in functions_of(params.Described)] == ["_"]


def test_reads_keep_the_order_of_first_reading(args, reads):
    assert (args.rate, args.seed, args.rate, args.name) == (0.1, 4, 0.1, "base")
    assert keys(reads) == ["a:rate", "a:seed", "a:name"]


def test_a_loop_notes_a_field_once(args, reads):
    noted = []
    plain = reads.note
    reads.note = lambda key: (noted.append(key), plain(key))
    total = 0
    for _ in range(1_000_000):
        total += args.seed
    assert total == 4_000_000
    assert noted == ["a:seed"]


def test_the_argset_of_a_record_of_an_aggregate_has_its_number(params, reads):
    assert reads.argset(params.Args(seed=1), 2).seed == 1
    assert keys(reads) == ["a2:seed"]


def test_no_argset_stays_none(reads):
    assert reads.argset(None) is None


def test_of_operational_fields_it_is_noted_that_they_are_operational(args, reads):
    assert args.gpus == 1
    assert keys(reads) == ["o:gpus"]


def test_a_constant_of_the_class_is_noted(args, reads):
    assert args.LIMIT == 7
    assert keys(reads) == ["a:LIMIT"]


def test_a_value_that_a_stage_changes_leaves_the_argset_alone(params, reads):
    origin = params.Args(layers=[1])
    tracked = reads.argset(origin)
    tracked.layers.append(2)
    assert tracked.layers == [1, 2]
    assert origin.layers == [1]


@pytest.mark.parametrize("cls", ["Args", "Wider", "FrozenArgs", "SlottedArgs"])
def test_every_kind_of_argset_is_tracked(cls, params, reads):
    tracked = reads.argset(getattr(params, cls)("base", seed=3))
    assert tracked.seed == 3
    assert type(tracked.rate) is float
    assert keys(reads) == ["a:seed", "a:rate"]


def test_setting_a_field_is_refused(args):
    with pytest.raises(CurifactoryError, match="cannot set seed") as caught:
        args.seed = 2
    assert "dataclasses.replace" in caught.value.hint
    with pytest.raises(CurifactoryError):
        del args.seed


def test_what_is_nested_can_be_changed_in_a_copy(args):
    with pytest.raises(CurifactoryError, match="cannot set outer.z of") as caught:
        args.outer.z = 2
    assert caught.value.hint == "change a copy: copy.deepcopy(record.args.outer)"
    changed = copy.deepcopy(args.outer)
    changed.z = 2
    assert (changed.z, args.outer.z) == (2, 0)


# Nested dataclasses -----------------------------------------------------------------


def test_a_dataclass_that_jax_goes_into_counts_as_a_whole(args, reads, monkeypatch):
    trees = types.SimpleNamespace(
        all_leaves=lambda given: type(given[0]).__name__ != "Model"
    )
    jax = types.SimpleNamespace(tree_util=trees)
    monkeypatch.setitem(sys.modules, "jax", jax)
    assert (args.model.depth, args.outer.z) == (3, 0)
    assert type(args.model).__mro__[1] is object
    assert keys(reads) == ["a:model", "a:outer@", "a:outer.z"]


@dataclasses.dataclass
class OfLibrary:
    """Its library sets more than the fields, and knows its objects by their class."""

    width: int = 4


@dataclasses.dataclass
class OfBoth(OfLibrary):
    depth: int = 3


def test_a_dataclass_of_a_library_counts_as_a_whole(params, reads):
    class Extended(params.Model, OfLibrary):
        pass

    for given in (OfLibrary(), Extended()):
        noted, origin = Reads(), params.Args(outer=given)
        net = noted.argset(origin).outer
        net.seen = True
        assert type(net) is type(given) and not hasattr(given, "seen")
        assert keys(noted) == ["a:outer"]


def test_fields_of_a_dataclass_of_a_library_can_be_declared(params):
    noted = Reads(declared=["outer.width"])
    outer = noted.argset(params.Args(outer=OfBoth())).outer
    assert outer.width == 4
    assert keys(noted) == ["a:outer.width", "a:outer@"]
    with pytest.raises(CurifactoryError, match="the stage reads outer.depth, which"):
        print(outer.depth)


def test_a_dataclass_that_extends_a_dictionary_counts_as_a_whole(params, reads):
    nested = reads.argset(params.Args(outer=params.ADict(4))).outer
    nested["other"] = 5
    assert (nested.depth, type(nested)) == (4, params.ADict)
    assert keys(reads) == ["a:outer"]


def test_a_nested_field_is_noted_with_its_class(args, reads):
    assert args.model.depth == 3
    assert keys(reads) == ["a:model@", "a:model.depth"]


@pytest.mark.parametrize("name", ["frozen", "slotted"])
def test_frozen_and_slotted_dataclasses_are_followed(name, args, reads):
    nested = getattr(args, name)
    assert nested.y == 2
    assert keys(reads) == [f"a:{name}@", f"a:{name}.y"]
    assert hash(nested) == hash(type(nested)(1, 2))


def test_nested_dataclasses_have_the_slots_of_the_original_and_no_others(args, reads):
    assert not hasattr(args.model, "__slots__")
    assert {each: getattr(args.slotted, each) for each in args.slotted.__slots__} == {
        "x": 1,
        "y": 2,
    }
    slotted = ["a:slotted@", "a:slotted.%", "a:slotted.x", "a:slotted.y"]
    assert keys(reads) == ["a:model@", *slotted]
    assert copy.copy(args.slotted) == pickle.loads(pickle.dumps(args.slotted))


def test_dataclasses_are_followed_at_any_depth(args, reads):
    assert args.outer.model.width == 8
    assert keys(reads) == ["a:outer@", "a:outer.model@", "a:outer.model.width"]


def test_methods_of_nested_dataclasses_are_noted(args, reads):
    assert args.model.area() == 24
    assert set(keys(reads)) == {
        "a:model@",
        "m:model.area",
        "a:model.depth",
        "a:model.width",
    }


def test_a_nested_dataclass_is_the_same_each_time(args):
    assert args.model is args.model


def test_nested_dataclasses_behave_as_the_original(args, params):
    assert isinstance(args.model, params.Model)
    assert args.model == params.Model()
    assert params.Model() == args.model
    assert repr(args.slotted) == "Slotted(x=1, y=2)"
    assert dataclasses.replace(args.frozen, x=9) == params.Frozen(9, 2)
    assert copy.deepcopy(args.slotted) == params.Slotted()
    assert pickle.loads(pickle.dumps(args.frozen)) == params.Frozen()


def test_what_a_nested_dataclass_has_beside_its_fields_is_copied(params, reads):
    plain = params.OfBesides("a", params.Besides(5))
    tracked = reads.argset(plain)
    for made in (copy.copy(tracked.shape), copy.deepcopy(tracked).shape):
        assert made.area == 25
    assert vars(tracked.shape) == {"side": 5, "area": 25}
    assert pickle.loads(pickle.dumps(tracked)).shape.area == 25
    assert tracked.hash == plain.hash


def test_a_copy_of_a_nested_dataclass_reads_all_of_it_only(args, reads):
    copy.copy(args.model).depth = 9
    assert keys(reads) == ["a:model@", "a:model.*"]
    assert args.model.depth == 3


# Behaves as the original ------------------------------------------------------------


def test_isinstance_is_as_with_the_argset(args, params, reads):
    assert isinstance(args, params.Args)
    assert not isinstance(args, params.Wider)
    assert not isinstance(args, collections.abc.Mapping)
    assert dataclasses.is_dataclass(args)
    assert is_model(args.model)
    assert keys(reads) == ["a:model@"]


@functools.singledispatch
def is_model(value):
    return type(value).__name__ == "Model"


def test_who_names_the_class_may_make_others_of_it(args, params, reads):
    assert args.__class__ is params.Args
    assert keys(reads) == [f"c:{NAME}:Args"]


def test_the_type_of_the_argset_makes_plain_argsets(args, params, reads):
    made = type(args)(seed=3)
    assert type(made) is params.Args
    assert made.scaled() == 30
    assert keys(reads) == [f"c:{NAME}:Args"]


def test_fields_are_those_of_the_argset_and_the_only_read(args, params, reads):
    assert dataclasses.fields(args) == dataclasses.fields(params.Args)
    assert keys(reads) == ["a:%"]
    assert args.__dataclass_fields__ and keys(reads) == ["a:%"]
    assert dataclasses.fields(type(args)) == dataclasses.fields(params.Args)
    assert keys(reads) == ["a:%", f"c:{NAME}:Args"]


@pytest.mark.parametrize(
    "through_all",
    [
        dataclasses.asdict,
        dataclasses.astuple,
        lambda args: dataclasses.replace(args, seed=3),
        lambda args: args == dataclasses.replace(args, seed=3),
        lambda args: dataclasses.replace(args, seed=3) == args,
        lambda args: args.hash,
    ],
)
def test_what_goes_through_all_fields_reads_which_there_are(through_all, args, reads):
    through_all(args)
    assert "a:#" in keys(reads)


def test_the_hash_of_an_argset_is_its_own_and_no_read_of_the_name(args, params, reads):
    assert args.hash == params.Args("other", seed=4, layers=[1, 2]).hash
    assert "a:name" not in keys(reads)


def test_what_goes_through_all_fields_of_a_nested_dataclass_reads_its_own(args, reads):
    assert dataclasses.asdict(args.frozen) == {"x": 1, "y": 2}
    assert keys(reads) == ["a:frozen@", "a:frozen.#", "a:frozen.x", "a:frozen.y"]


ALL = {"name", "seed", "rate", "layers", "path"}
NESTED = {"model@", "frozen@", "slotted@", "outer@"}


def test_equality_holds_both_ways_and_reads_the_fields(args, params, reads):
    same = params.Args("base", seed=4, layers=[1, 2])
    assert args == same
    assert same == args
    assert {f"a:{name}" for name in ALL} <= set(keys(reads))
    assert args != params.Args("base", seed=5, layers=[1, 2])


def test_an_equality_of_ones_own_that_compares_types_is_as_outside(params, reads):
    args = reads.argset(params.OfTwo())
    same, other = params.OfOneType(), params.OfOneType(2)
    assert args.one == same and same == args.one and args.one == args.two
    assert args.one != other and other != args.one
    assert {"a:one.*", "a:two.*"} <= set(keys(reads))


def test_an_order_by_methods_that_compare_types_is_as_outside(params, reads):
    one, more = reads.argset(params.OfOrdered()).one, params.Ordered(2)
    assert one == params.Ordered() and one < more and one <= more and more >= one
    assert not one > more and max(one, more).x == 2
    assert "a:one.*" in keys(reads)


def test_a_nested_one_without_defaults_can_be_given_to_another_argset(params, reads):
    inner, given = reads.argset(params.OfRequired()).inner, params.OfRequired()
    assert given.copy() == given  # whose class is known now
    assert params.OfRequired(inner=inner).copy() == given
    assert changed(given, {"inner": inner}) == given


def test_a_nested_field_may_have_any_name(params, reads):
    assert reads.argset(params.OfRequired()).inner._original == 7


def test_the_hash_of_an_argset_is_as_outside(params, reads):
    for given in (params.Args(), params.OfRequired()):
        assert reads.argset(given).hash == given.hash


def test_repr_is_that_of_the_argset_and_reads_nothing_else(args, params, reads):
    assert repr(args) == "Args(name='base', seed=4, layers=[1, 2])"
    assert repr(args) == repr(params.Args("base", seed=4, layers=[1, 2]))
    assert keys(reads) == ["a:~"]


def test_equality_reads_fields_until_one_differs(args, params, reads):
    assert args == params.Args("base", seed=4, layers=[1, 2])
    assert ALL <= {key[2:] for key in keys(reads)}
    other = Reads()
    assert other.argset(params.Args("a")) != params.Args("b", seed=3)
    assert keys(other) == ["a:#", "a:name"]


def test_a_copy_reads_everything_and_can_be_set(args, params, reads):
    made = args.copy(seed=5)
    made.rate = 0.5
    assert made == params.Args("base", seed=5, rate=0.5, layers=[1, 2])
    assert type(made) is params.Args
    assert keys(reads) == ["a:#", f"c:{NAME}:Args", "a:*"]


def test_diff_reads_all_fields_and_shows_the_differing_ones(args, params, reads):
    other = params.Args("x", seed=4, model=params.Model(depth=9))
    assert args.diff(other) == {"layers": ([1, 2], []), "model.depth": (3, 9)}
    assert {"a:seed", "a:rate", "a:model@", "a:model.width"} <= set(keys(reads))
    assert other.diff(args) == {"layers": ([], [1, 2]), "model.depth": (9, 3)}


def test_the_hash_reads_what_it_counts(args, params, reads):
    assert args.hash == params.Args("z", seed=4, layers=[1, 2]).hash
    assert "a:seed" in keys(reads) and "a:gpus" not in keys(reads)


def test_asdict_and_astuple_are_those_of_the_argset(args, params, reads):
    same = params.Args("base", seed=4, layers=[1, 2])
    assert dataclasses.asdict(args) == dataclasses.asdict(same)
    assert {f"a:{name}" for name in ALL | NESTED} <= set(keys(reads))
    assert "a:model.depth" in keys(reads)
    assert dataclasses.astuple(args) == dataclasses.astuple(same)


def test_replace_gives_a_plain_argset_and_reads_what_it_keeps(args, params, reads):
    made = dataclasses.replace(args, seed=9)
    assert made == params.Args("base", seed=9, layers=[1, 2])
    assert {f"a:{name}" for name in ALL - {"seed"}} <= set(keys(reads))
    assert "a:seed" not in keys(reads)
    assert f"c:{NAME}:Args" in keys(reads)
    made.seed = 10
    assert args.seed == 4


def test_vars_are_those_of_the_argset_and_read_everything(args, params, reads):
    assert vars(args) == vars(params.Args("base", seed=4, layers=[1, 2]))
    assert keys(reads) == ["a:*"]


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_are_plain_can_be_changed_and_read_everything(
    duplicate, args, params, reads
):
    made = duplicate(args)
    assert type(made) is params.Args
    assert keys(reads) == ["a:*"]
    made.seed = 9
    made.layers.append(3)
    made.model.depth = 1
    assert (args.seed, args.layers, args.model.depth) == (4, [1, 2], 3)


def test_properties_are_noted_with_what_they_read(args, reads):
    assert args.doubled == 8
    assert set(keys(reads)) == {"m:doubled", "a:seed"}


def test_cached_properties_are_computed_once(args, params, reads):
    params.calls.clear()
    assert (args.tripled, args.tripled) == (12, 12)
    assert params.calls == ["tripled"]
    assert set(keys(reads)) == {"m:tripled", "a:seed"}


def test_methods_are_noted_with_what_they_read_and_call(args, reads):
    assert args.chained() == 16
    assert set(keys(reads)) == {"m:chained", "m:scaled", "m:doubled", "a:seed"}


def test_methods_that_call_those_of_the_base_class_are_noted(params, reads):
    assert reads.argset(params.Wider(seed=2)).scaled() == 25
    assert set(keys(reads)) == {"m:scaled", "a:seed", "a:width"}


def test_static_and_class_methods_are_noted(args, params, reads):
    assert args.constant() == 5
    assert args.made(3) == params.Args(seed=3)
    assert keys(reads) == ["m:constant", "m:made", f"c:{NAME}:Args"]


def test_special_methods_are_noted(args, reads):
    assert len(args) == 2
    assert set(keys(reads)) == {"m:__len__", "a:layers"}


def test_getattr_with_a_default_notes_that_nothing_was_there(args, reads):
    assert getattr(args, "absent", 7) == 7
    assert keys(reads) == ["a:absent"]


def test_absent_names_are_noted_after_other_reads_too(args, reads):
    assert (args.seed, args.rate) == (4, 0.1)
    assert getattr(args, "absent", 7) == 7
    assert not hasattr(args, "absent")
    assert not hasattr(type(args), "absent")
    assert keys(reads) == ["a:seed", "a:rate", "a:absent"]


def test_an_absent_name_in_a_method_is_noted(params, reads):
    tracked = reads.argset(params.Args(seed=4))
    assert (tracked.seed, tracked.asking()) == (4, 2)
    assert keys(reads) == ["a:seed", "m:asking", "a:asked"]


def test_a_field_that_was_read_passes_nothing_of_ours_any_more(params):
    """What that saves is measured by benchmarks/attributes.py."""
    tracked = Reads(names=frozenset({"absent"})).argset(params.Args(seed=4))
    assert tracked.rate == 0.1
    assert tracked.seed == tracked.seed == 4
    passed = [vars(each) for each in type(tracked).__mro__ if each is not params.Args]
    assert not any("__getattr__" in members for members in passed)
    assert not any("seed" in members or "rate" in members for members in passed)
    assert any("layers" in members for members in passed)  # it was not read yet


def test_hasattr_is_a_read(args, reads):
    assert hasattr(args, "seed")
    assert not hasattr(args, "absent")
    assert keys(reads) == ["a:seed", "a:absent"]


def test_an_absent_attribute_is_an_error_that_names_it(args):
    with pytest.raises(AttributeError, match="sed"):
        _ = args.sed


def test_pattern_matching_reads_what_the_pattern_names(args, params, reads):
    match args:
        case params.Args(seed=4, rate=rate):
            assert rate == 0.1
        case _:
            pytest.fail("no match")
    assert keys(reads) == ["a:seed", "a:rate"]


def test_pattern_matching_by_position(args, params, reads):
    match args:
        case params.Args("base", seed):
            assert seed == 4
        case _:
            pytest.fail("no match")
    assert keys(reads) == ["a:name", "a:seed"]


@pytest.mark.parametrize(
    "asked",
    [
        lambda cls: (cls.seed, cls.rate, cls.LIMIT) == (0, 0.1, 7),
        lambda cls: cls.scaled(cls(seed=2)) == 20,
        lambda cls: cls.doubled.fget(cls(seed=2)) == 4,
        lambda cls: cls.made(3) == cls(seed=3),
    ],
)
def test_the_class_has_what_the_class_of_the_argset_has(asked, args, params, reads):
    assert asked(params.Args) and not hasattr(type(args), "absent")
    assert keys(reads) == []
    assert asked(type(args))
    assert keys(reads) == [f"c:{NAME}:Args"]


def test_classes_of_others_are_not_read(params, reads):
    tracked = reads.argset(params.Represented(kind=http.HTTPStatus.OK))
    assert tracked.kind.__class__ is http.HTTPStatus
    assert keys(reads) == ["a:kind"]


def test_the_class_of_an_argset_is_read_for_the_call_at_work(args, params, reads):
    other = Reads()
    other.argset(params.Args())
    assert type(args).seed == 0
    assert (keys(reads), keys(other)) == ([], [f"c:{NAME}:Args"])
    del other
    assert type(args).seed == 0  # nobody listens, nothing is kept alive


def test_a_descriptor_reads_what_it_asks_for(params, reads):
    tracked = reads.argset(params.Described(seed=3))
    assert tracked.twice == 6
    assert keys(reads) == ["m:twice", "a:seed"]


@pytest.mark.parametrize(
    ("use", "value", "key"),
    [
        (lambda args: args.same, 3, "m:same"),
        (lambda args: args.by_three(), 9, "m:by_three"),
        (lambda args: args.shown(2), 5, "m:shown"),
        (lambda args: args.shown("2"), 3, "m:shown"),
    ],
)
def test_members_that_are_made_of_others_are_read_as_members(
    use, value, key, params, reads
):
    assert use(reads.argset(params.Described(seed=3))) == value
    assert keys(reads) == [key, "a:seed"]


def test_names_that_code_and_class_have_in_common_are_known(params):
    names = {"seed", "kind", "twice", "absent", "__doc__", "name", "copy"}
    assert constants(params.Described, names) == ["kind", "twice"]
    assert constants(params.Wider, {"scaled"}) == ["scaled"]


def test_no_hook_of_a_class_hears_of_its_tracked_copy(params, reads):
    args = reads.argset(params.Represented("a"))
    assert (args.seed, args.kind.rate) == (1, 0.1)
    assert args.hash == params.Represented("b", seed=2).hash
    assert params.Kind.kinds == ["adam"]
    assert params.Told.made == ["Kind", "Adam"]
    assert type(type(args.kind)) is params.Told


def test_an_object_that_can_be_hashed_can_be_within_a_stage(params, reads):
    args = reads.argset(params.Represented())
    assert {args.kind: 1}[args.kind] == 1
    with pytest.raises(TypeError, match="unhashable type"):
        hash(reads.argset(params.Args()).model)


def test_who_asks_for_the_fields_of_an_argset_sees_what_is_declared(params, reads):
    tracked = reads.argset(params.Described(seed=3))
    assert tracked.__dataclass_fields__["seed"].default == 1
    assert keys(reads) == ["a:%"]


NO_TEXT = r"^the name of the file 'x.udcff' is no valid text\n"


def test_a_file_whose_name_is_no_text_is_refused(reads):
    with pytest.raises(CurifactoryError, match=NO_TEXT) as caught:
        reads.note("f:x\udcff")
    assert caught.value.hint == "rename it"
    reads.note("f:\u00fc")
    assert keys(reads) == ["f:\u00fc"]


def test_a_class_that_makes_attributes_up_reads_everything_for_them(params, reads):
    tracked = reads.argset(params.Open(seed=3))
    assert (tracked.seed, tracked.other) == (3, "made for other")
    assert keys(reads) == ["a:seed", "a:*"]


def test_absent_names_of_the_language_are_not_noted(args, reads):
    assert not hasattr(args, "__array__")
    assert keys(reads) == []


def test_f_strings_read_what_they_show(args, reads):
    assert f"{args.name}-{args.seed:02d}" == "base-04"
    assert keys(reads) == ["a:name", "a:seed"]


def test_threads_see_the_same_values_and_note_them_once(args, reads):
    found = []

    def read():
        found.append((args.seed, args.rate, args.model.depth, args.layers))

    threads = [threading.Thread(target=read) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(4, 0.1, 3, [1, 2])] * 16
    assert set(keys(reads)) == {
        "a:seed",
        "a:rate",
        "a:model@",
        "a:model.depth",
        "a:layers",
    }


def test_two_tracked_copies_note_apart(params):
    origin = params.Args(seed=1)
    one, other = Reads(), Reads()
    assert one.argset(origin).seed == other.argset(origin).seed
    assert other.argset(origin).rate == 0.1
    assert (keys(one), keys(other)) == (["a:seed"], ["a:seed", "a:rate"])


def test_value_at_follows_a_dotted_path(params):
    args = params.Args(seed=4)
    assert value_at(args, "outer.model.depth") == 3
    assert value_at(args, "") is args
    with pytest.raises(AttributeError):
        value_at(args, "outer.absent")


# Who else learns of it ----------------------------------------------------------------


def test_others_see_each_key_as_soon_as_it_was_read(params, tmp_path):
    reads = Reads(tmp_path / "stream")
    args = reads.argset(params.Args(seed=4))
    assert args.seed == args.seed == 4
    assert (tmp_path / "stream").read_text() == '"a:seed"\n'
    assert args.model.depth == 3
    lines = (tmp_path / "stream").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        "a:seed",
        "a:model@",
        "a:model.depth",
    ]


@pytest.mark.parametrize("declared", [["model"], ["model.depth"], "all", None])
def test_what_was_declared_may_be_read(params, declared):
    args = Reads(declared=declared).argset(params.Args())
    assert args.model.depth == 3


@pytest.mark.parametrize("declared", [[], ["seed"], ["model.width"], ["model.dept"]])
def test_what_was_not_declared_may_not(params, declared):
    args = Reads(declared=declared).argset(params.Args())
    with pytest.raises(CurifactoryError, match="reads model") as caught:
        _ = args.model.depth
    assert str(declared) in caught.value.message


def test_the_whole_argset_must_be_declared_too(params):
    args = Reads(declared=["seed"]).argset(params.Args())
    with pytest.raises(CurifactoryError, match="reads the whole argset"):
        copy.copy(args)


def test_the_line_that_read_the_name_is_kept(params):
    reads = Reads()
    args = reads.argset(params.Args(name="a", seed=1))
    assert (args.seed, params.named(args), reads.lines["a:name"]) == (
        1,
        "a",
        f"{NAME}.py:{LINE_OF_NAMED}",
    )
    assert set(reads.lines) == {"a:name"}
    copy.copy(args)
    assert reads.lines["a:*"] == ""  # no line of the project asked for it
