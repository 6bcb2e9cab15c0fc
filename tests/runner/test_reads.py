"""What an execution reads: a tracked argset behaves as the argset, and notes reads."""

import copy
import dataclasses
import functools
import gc
import glob
import importlib
import importlib.util
import json
import linecache
import multiprocessing
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
import tokenize
from pathlib import Path

import pytest
from projects import TEMPLATE

from curifactory import memoized, syntax
from curifactory.errors import CurifactoryError
from curifactory.hashing import hash_file, hash_text, stat_of
from curifactory.reads import (
    NOTHING,
    FileDigests,
    Files,
    Reads,
    constants,
    functions_of,
    is_racy,
    value_at,
)

SOURCE = """
import functools
import operator
from dataclasses import dataclass, field
from typing import ClassVar

from curifactory import ExperimentArgs


@dataclass
class Model:
    depth: int = 3
    width: int = 8

    def area(self):
        return self.depth * self.width


@dataclass(frozen=True)
class Frozen:
    x: int = 1
    y: int = 2


@dataclass(frozen=True, slots=True)
class Slotted:
    x: int = 1
    y: int = 2


@dataclass
class Outer:
    model: Model = field(default_factory=Model)
    z: int = 0


@dataclass
class Args(ExperimentArgs):
    seed: int = 0
    rate: float = 0.1
    layers: list = field(default_factory=list)
    model: Model = field(default_factory=Model)
    frozen: Frozen = field(default_factory=Frozen)
    slotted: Slotted = field(default_factory=Slotted)
    outer: Outer = field(default_factory=Outer)
    path: str = ""
    gpus: int = field(default=1, metadata={"operational": True})
    LIMIT: ClassVar[int] = 7

    @property
    def doubled(self):
        return self.seed * 2

    @functools.cached_property
    def tripled(self):
        calls.append("tripled")
        return self.seed * 3

    def scaled(self, by=10):
        return self.seed * by

    def chained(self):
        return self.scaled(2) + self.doubled

    def asking(self):
        return getattr(self, "asked", 2)

    @staticmethod
    def constant():
        return 5

    @classmethod
    def made(cls, seed):
        return cls(seed=seed)

    def __len__(self):
        return len(self.layers)


@dataclass
class Wider(Args):
    width: int = 5

    def scaled(self, by=10):
        return super().scaled(by) + self.width


def times(self, by):
    return self.seed * by


class Twice:

    def __get__(self, instance, owner):
        return self if instance is None else 2 * instance.seed


@dataclass
class Described(ExperimentArgs):
    seed: int = 1
    twice = Twice()
    kind = Model
    same = property(operator.attrgetter("seed"))
    by_three = functools.partialmethod(times, 3)

    @functools.singledispatchmethod
    def shown(self, value):
        return self.seed

    @shown.register
    def _(self, value: int):
        return self.seed + value


@dataclass
class Open(ExperimentArgs):
    seed: int = 1

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return f"made for {name}"


@dataclass(frozen=True)
class FrozenArgs(ExperimentArgs):
    seed: int = 0
    rate: float = 0.1


@dataclass(slots=True)
class SlottedArgs(ExperimentArgs):
    seed: int = 0
    rate: float = 0.1


calls = []


def named(args):
    return args.name
"""
NAME = "read_by_tests"
LINE_OF_NAMED = SOURCE.count("\n")


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project").resolve()
    (folder / f"{NAME}.py").write_text(SOURCE)
    syntax.watch(folder)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield importlib.import_module(NAME)
    sys.path.remove(str(folder))
    del sys.modules[NAME]


@pytest.fixture(params=[None, frozenset({"absent", "sed", "a text"})])
def reads(request):
    return Reads(names=request.param)


@pytest.fixture
def args(params, reads):
    return reads.argset(params.Args("base", seed=4, layers=[1, 2]))


def keys(reads):
    return list(reads.keys)


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


def test_operational_fields_are_not_noted(args, reads):
    assert args.gpus == 1
    assert keys(reads) == []


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


# Nested dataclasses -----------------------------------------------------------------


def test_a_nested_field_is_noted_with_its_class(args, reads):
    assert args.model.depth == 3
    assert keys(reads) == ["a:model@", "a:model.depth"]


@pytest.mark.parametrize("name", ["frozen", "slotted"])
def test_frozen_and_slotted_dataclasses_are_followed(name, args, reads):
    nested = getattr(args, name)
    assert nested.y == 2
    assert keys(reads) == [f"a:{name}@", f"a:{name}.y"]
    assert hash(nested) == hash(type(nested)(1, 2))


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


def test_a_copy_of_a_nested_dataclass_reads_all_of_it_only(args, reads):
    copy.copy(args.model).depth = 9
    assert keys(reads) == ["a:model@", "a:model.*"]
    assert args.model.depth == 3


# Behaves as the original ------------------------------------------------------------


def test_isinstance_and_class_are_those_of_the_argset(args, params, reads):
    assert isinstance(args, params.Args)
    assert args.__class__ is params.Args
    assert not isinstance(args, params.Wider)
    assert dataclasses.is_dataclass(args)
    assert keys(reads) == []


def test_the_type_of_the_argset_makes_plain_argsets(args, params, reads):
    made = type(args)(seed=3)
    assert type(made) is params.Args
    assert made.scaled() == 30
    assert keys(reads) == []


def test_fields_are_those_of_the_argset_and_the_only_read(args, params, reads):
    assert dataclasses.fields(args) == dataclasses.fields(params.Args)
    assert dataclasses.fields(type(args)) == dataclasses.fields(params.Args)
    assert keys(reads) == ["a:%"]
    assert args.__dataclass_fields__ and keys(reads) == ["a:%"]


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
    assert keys(reads) == ["a:#", "a:*"]


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
    assert keys(reads) == ["m:constant", "m:made"]


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


def test_the_class_has_what_the_class_of_the_argset_has(args, params, reads):
    assert (type(args).seed, type(args).rate) == (0, 0.1)
    assert type(args).scaled is params.Args.scaled
    assert type(args).doubled is params.Args.doubled
    assert type(args).made(3) == params.Args(seed=3)
    assert not hasattr(type(args), "absent")
    assert keys(reads) == []


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


# Files ------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = tmp_path.resolve() / "project"
    for name in ("data/raw.csv", "data/cache/x.json", "src/code.py", "a b/c.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def files(project):
    return Files(project, (project / "data/cache", project / "reports"))


def test_an_opened_file_is_noted_with_its_stat(project, files, reads):
    with files.noting(reads):
        assert (project / "data/raw.csv").read_text() == "data/raw.csv"
    assert keys(reads) == ["f:data/raw.csv"]
    assert reads.seen["data/raw.csv"] == stat_of(str(project / "data/raw.csv"))


def test_a_path_of_bytes_is_noted_like_any_other(project, files, reads):
    with files.noting(reads):
        with open(bytes(project / "data/raw.csv")) as file:
            file.read()
    assert keys(reads) == ["f:data/raw.csv"]


@pytest.mark.parametrize(
    "read",
    [
        lambda path: open(path).close(),
        lambda path: open(path, "rb").close(),
        lambda path: open(str(path)).close(),
        lambda path: open(os.path.relpath(path)).close(),
        lambda path: Path(path).read_bytes(),
        lambda path: os.close(os.open(path, os.O_RDONLY)),
    ],
)
def test_every_way_to_open_a_file_is_noted(read, project, files, reads):
    with files.noting(reads):
        read(project / "a b" / "c.txt")
    assert keys(reads) == ["f:a b/c.txt"]


def test_files_opened_by_a_thread_are_noted(project, files, reads):
    with files.noting(reads):
        thread = threading.Thread(target=(project / "data/raw.csv").read_text)
        thread.start()
        thread.join()
    assert keys(reads) == ["f:data/raw.csv"]


def test_an_absent_file_is_noted(project, files, reads):
    with files.noting(reads):
        with pytest.raises(FileNotFoundError):
            open(project / "absent.txt")
    assert keys(reads) == ["f:absent.txt"]
    assert reads.seen["absent.txt"] == (-1, -1)


@pytest.mark.parametrize(
    "name",
    [
        "data/cache/x.json",
        "reports/index.html",
        "src/__pycache__/code.pyc",
        "src/fast.so",
        "src/fast.pyd",
        "src/code.pyi",
        "src/code.pyc",
        "any.lock",
        ".git/config",
        ".venv/lib/a.txt",
        "lib/site-packages/a/data.csv",
    ],
)
def test_what_is_no_data_of_the_project_is_not_noted(name, project, files, reads):
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    with files.noting(reads):
        path.read_bytes()
    assert keys(reads) == []


def test_files_behind_what_a_function_keeps_are_noted_each_time(project, files):
    @functools.lru_cache
    def kept():
        os.listdir("data")
        return Path("data/raw.csv").read_text()

    kept()  # while nothing is noted
    for _ in range(2):
        reads = Reads()
        with files.noting(reads, [kept]):
            kept()
        assert keys(reads) == ["f:data/", "f:data/raw.csv"]
        names = frozenset(os.listdir("data"))
        stats = {"data/raw.csv": stat_of("data/raw.csv")}
        assert reads.seen == {"data/": names, **stats}


def test_what_is_opened_between_stages_counts_for_what_keeps_it(
    project, files, reads, monkeypatch
):
    monkeypatch.setattr(memoized, "known", {})
    monkeypatch.setattr(memoized, "_read", {})
    found = []

    def kept():
        found.append(sorted(os.listdir("data")))
        open("data/new.csv", "w").close()
        return open("data/raw.csv").close()

    files.listen()
    kept()
    with files.noting(reads, [kept]):
        pass
    assert keys(reads) == []  # nobody knew yet that it keeps anything
    kept()
    assert keys(reads) == []
    with files.noting(reads, [kept]):
        pass
    assert keys(reads) == ["f:data/", "f:data/raw.csv"]
    names = frozenset(os.listdir("data"))
    assert reads.seen == {"data/": names, "data/raw.csv": stat_of("data/raw.csv")}
    later = Reads()
    with files.noting(later, [kept]):
        kept()
        open("data/new.csv").close()
    assert keys(later) == ["f:data/", "f:data/raw.csv"]  # the other is its own


def test_who_listened_last_is_asked(project, files, reads, monkeypatch):
    monkeypatch.setattr(memoized, "known", {1: kept_by_nobody})
    with files.noting(reads):
        pass
    asked = []
    other = Files(project, ())
    monkeypatch.setattr(Files, "opened", lambda self, *given: asked.append(self))
    open("data/raw.csv").close()
    other.listen()
    open("data/raw.csv").close()
    assert asked == [files, other]


def kept_by_nobody():
    return 1


def test_classes_that_are_unpickled_are_noted(files, reads):
    data = pickle.dumps([Path("a"), kept_by_nobody])
    pickle.loads(data)
    with files.noting(reads):
        pickle.loads(data)
    assert (kept_by_nobody.__module__, "kept_by_nobody") in reads.unpickled
    assert len(reads.unpickled) == 2
    pickle.loads(pickle.dumps(Reads))
    assert len(reads.unpickled) == 2


def test_what_a_module_reads_while_it_is_imported_is_known(project, files, reads):
    inner = "open('src/one.txt').close()"
    texts = {
        "reading": "import read_by_it, os\n"
        "for name in ('data/raw.csv', b'a b/c.txt', 'src/one.txt', 'absent'):\n"
        "    try: open(name).close()\n    except OSError: pass\n"
        "open('src/new.txt', 'w').close()\nopen('/dev/null').close()\n"
        "open(os.open('src/two.txt', os.O_RDONLY)).close()\n",
        "read_by_it": inner,
    }
    for name, text in texts.items():
        (project / "src" / f"{name}.py").write_text(text)
        (project / "src" / f"{name[:1]}.txt").write_text("")
    for name in ("one", "two"):
        (project / "src" / f"{name}.txt").write_text(name)
    syntax.watch(project)
    sys.path.insert(0, str(project / "src"))
    try:
        with files.noting(reads):
            importlib.import_module("reading")
    finally:
        sys.path.remove(str(project / "src"))
        for name in texts:
            del sys.modules[name]
    names = {name: str(project / "src" / f"{name}.py") for name in texts}
    read = syntax.read_by_import
    assert list(read[names["read_by_it"]]) == [str(project / "src/one.txt")]
    shown = ["data/raw.csv", "a b/c.txt", "src/one.txt", "absent", "src/two.txt"]
    assert list(read[names["reading"]]) == [str(project / each) for each in shown]
    stat = stat_of(str(project / "data/raw.csv"))
    assert read[names["reading"]][str(project / "data/raw.csv")] == stat
    assert read[names["reading"]][str(project / "absent")] == (-1, -1)
    seen = [
        "f:src/one.txt",
        "f:data/raw.csv",
        "f:a b/c.txt",
        "f:absent",
        "f:src/two.txt",
    ]
    assert keys(reads) == seen
    open("data/raw.csv").close()
    assert syntax.importing == []


def test_sources_are_noted_where_nothing_but_their_text_is_asked_for(
    project, files, reads
):
    path = str(project / "src" / "code.py")
    Path(path).write_text("x = 1")
    spec = importlib.util.spec_from_file_location("code_of_project", path)
    linecache.clearcache()
    with files.noting(reads):
        linecache.getline(path, 1)
        tokenize.open(path).close()
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert keys(reads) == []
    with files.noting(reads):
        open(path).close()
    assert keys(reads) == ["f:src/code.py"]


@pytest.mark.parametrize(
    "read",
    [lambda path: linecache.getline(path, 1), lambda p: tokenize.open(p).close()],
)
def test_data_is_noted_whatever_opens_it(read, project, files, reads):
    linecache.clearcache()
    with files.noting(reads):
        read(str(project / "data" / "raw.csv"))
    assert keys(reads) == ["f:data/raw.csv"]


def test_files_elsewhere_are_not_noted(tmp_path, project, files, reads):
    (tmp_path / "project2").mkdir()
    (tmp_path / "project2" / "a.txt").write_text("x")
    with files.noting(reads):
        (tmp_path / "project2" / "a.txt").read_text()
    assert keys(reads) == []


def test_a_file_elsewhere_that_a_field_names_is_noted(tmp_path, project, files, reads):
    other = tmp_path.resolve() / "other.txt"
    other.write_text("x")
    files.named(str(other))  # while nothing is noted
    with files.noting(reads):
        files.named(str(other))
        files.named(str(project / "data/raw.csv"))
        files.named(str(project / "data/cache/x.json"))
    assert keys(reads) == [f"f:{other}", "f:data/raw.csv"]
    assert reads.seen[str(other)] == stat_of(str(other))


def test_time_stamps_of_the_last_moments_may_hide_a_change():
    now = time.time_ns()
    assert is_racy(now)
    assert not is_racy(now - 60_000_000_000)


def test_a_time_stamp_with_fractions_hides_less(monkeypatch):
    second = 1_000_000_000
    for after, exact, whole in (
        (0.04, True, True),
        (0.11, False, True),
        (2.2, False, False),
    ):
        monkeypatch.setattr("time.time", lambda at=101 + after: at)
        assert is_racy(101 * second + 1) is exact
        assert is_racy(101 * second) is whole


def test_a_file_is_known_by_its_bytes_and_read_once(tmp_path, monkeypatch):
    monkeypatch.setattr("curifactory.reads.RACY", 0)
    asked = []

    def digest(path, stat):
        asked.append((path, stat))
        return hash_file(tmp_path / path)

    old = time.time_ns() - 3_600_000_000_000
    for name in ("a.csv", "empty.csv"):
        (tmp_path / name).write_text("1,2" if name == "a.csv" else "")
        os.utime(tmp_path / name, ns=(old, old))
    digests = FileDigests(tmp_path, digest)
    for name in ("a.csv", "empty.csv", "a.csv"):
        assert digests(name) == hash_file(tmp_path / name)
    assert [path for path, _ in asked] == ["a.csv", "empty.csv"]
    (tmp_path / "a.csv").write_text("2,1")
    os.utime(tmp_path / "a.csv", ns=(old, old))  # as copies with the time of the first
    assert digests("a.csv") == hash_file(tmp_path / "a.csv")
    asked.pop()
    monkeypatch.undo()
    (tmp_path / "a.csv").write_text("3,4")
    assert digests("a.csv") == digests("a.csv") == hash_file(tmp_path / "a.csv")
    assert len(asked) == 4  # it was written a moment ago: time tells nothing yet


def test_the_digest_of_a_pattern_is_that_of_the_files_it_matches(tmp_path):
    digests = FileDigests(tmp_path)
    assert (digests("absent.csv"), digests("absent/*.csv")) == NOTHING
    for name in ("b.csv", "a.csv", "[x].csv"):
        (tmp_path / name).write_text(name)
    assert digests("[x].csv") == hash_file(tmp_path / "[x].csv")  # no pattern: a file
    (tmp_path / "[x].csv").write_text("")
    (tmp_path / "x.csv").write_text("what the name would match")
    assert digests("[x].csv") == hash_file(tmp_path / "[x].csv")
    (tmp_path / "x.csv").unlink()
    both = hash_text(*(f"{n}={hash_file(tmp_path / n)}" for n in ("a.csv", "b.csv")))
    assert digests("?.csv") == digests(f"{tmp_path}/[ab].csv") == both
    above = [f"../{n}={hash_file(tmp_path / n)}" for n in ("a.csv", "b.csv")]
    (tmp_path / "inner").mkdir()
    inner = FileDigests(tmp_path / "inner")
    assert inner(f"{tmp_path}/[ab].csv") == hash_text(*above)
    (tmp_path / "b.csv").write_text("other")
    assert digests("?.csv") != both


def test_without_another_rule_the_bytes_count(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    assert FileDigests(tmp_path)("a.csv") == hash_file(tmp_path / "a.csv")


def test_a_file_that_was_written_first_is_no_input(project, files, reads):
    with files.noting(reads):
        (project / "made.txt").write_text("x")
        (project / "made.txt").read_text()
    assert keys(reads) == []


@pytest.mark.parametrize("mode", ["w+", "w+b", "x+", "a"])
def test_a_file_that_is_opened_anew_is_no_input(project, files, reads, mode):
    with files.noting(reads):
        with open(project / "made.txt", mode) as file:
            file.write(b"x" if "b" in mode else "x")
        (project / "made.txt").read_text()
    assert keys(reads) == []


@pytest.mark.parametrize("mode", ["r+", "a+"])
def test_a_file_that_is_opened_for_both_is_an_input(project, files, reads, mode):
    (project / "made.txt").write_text("x")
    with files.noting(reads):
        open(project / "made.txt", mode).close()
    assert keys(reads) == ["f:made.txt"]


def test_a_file_that_was_written_by_number_first_is_no_input(project, files, reads):
    with files.noting(reads):
        os.close(os.open(project / "made.txt", os.O_WRONLY | os.O_CREAT))
        (project / "made.txt").read_text()
    assert keys(reads) == []


def test_a_fork_outside_of_a_block_is_nothing_special(project, files, reads):
    ignored = []
    before, sys.unraisablehook = sys.unraisablehook, ignored.append
    try:
        with files.noting(reads):
            pass
        if not (child := os.fork()):
            os._exit(len(ignored))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == len(ignored) == 0
    finally:
        sys.unraisablehook = before


def test_a_folder_that_a_module_lists_while_it_is_imported_is_noted(
    project, files, reads, monkeypatch
):
    (project / "listing.py").write_text("import os\nos.listdir('data')\n")
    monkeypatch.syspath_prepend(project)
    with files.noting(reads):
        importlib.import_module("listing")
        os.listdir(project.parent)  # that one is none of the project
    del sys.modules["listing"]
    assert keys(reads) == ["f:data/"]


def test_a_file_that_was_read_first_stays_an_input(project, files, reads):
    with files.noting(reads):
        (project / "data/raw.csv").read_text()
        (project / "data/raw.csv").write_text("other")
    assert keys(reads) == ["f:data/raw.csv"]


def test_a_file_opened_to_append_or_change_was_read(project, files, reads):
    with files.noting(reads):
        open(project / "data/raw.csv", "r+").close()
    assert keys(reads) == ["f:data/raw.csv"]


def test_nothing_is_noted_outside_of_the_block(project, files, reads):
    with files.noting(reads):
        pass
    (project / "data/raw.csv").read_text()
    assert keys(reads) == []


def test_blocks_may_be_nested(project, files, reads):
    inner = Reads()
    with files.noting(reads):
        with files.noting(inner):
            (project / "data/raw.csv").read_text()
        (project / "a b/c.txt").read_text()
    assert (keys(inner), keys(reads)) == (["f:data/raw.csv"], ["f:a b/c.txt"])


def test_an_error_ends_the_block(project, files, reads):
    with pytest.raises(ValueError):
        with files.noting(reads):
            raise ValueError
    (project / "data/raw.csv").read_text()
    assert keys(reads) == []


def test_a_file_named_by_a_field_is_noted_when_the_field_is_read(
    project, files, params, reads
):
    args = reads.argset(params.Args(path="data/raw.csv"))
    with files.noting(reads):
        assert args.seed == 0
        assert keys(reads) == ["a:seed"]
        assert args.path == "data/raw.csv"
    assert keys(reads) == ["a:seed", "a:path", "f:data/raw.csv"]


@pytest.mark.parametrize("text", ["", "no such file", "data", "x" * 5000, "a\0b", ".."])
def test_a_field_that_names_no_file_is_just_a_field(
    text, project, files, params, reads
):
    args = reads.argset(params.Args(path=text))
    with files.noting(reads):
        assert args.path == text
    assert keys(reads) == ["a:path"]


def test_files_opened_by_other_programs_are_not_seen(project, files, reads):
    with files.noting(reads):
        subprocess.run(
            [sys.executable, "-c", "open('data/raw.csv').close()"],
            check=True,
            cwd=project,
        )
    assert keys(reads) == []


def test_a_file_in_a_list_of_a_field_is_noted(params, project, files, reads):
    args = reads.argset(params.Args(layers=["data/raw.csv", ("a b/c.txt", 3)]))
    with files.noting(reads):
        assert len(args.layers) == 2
    assert keys(reads) == ["a:layers", "f:data/raw.csv", "f:a b/c.txt"]


def test_a_file_named_in_a_copy_of_the_argset_is_noted(params, project, files, reads):
    args = reads.argset(params.Args(path="data/raw.csv"))
    with files.noting(reads):
        copy.copy(args)
    assert keys(reads) == ["a:*", "f:data/raw.csv"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: os.listdir("data"),
        lambda: list(os.scandir("data")),
        lambda: list(Path("data").glob("*.csv")),
        lambda: list(Path("data").iterdir()),
        lambda: glob.glob("data/*.csv"),
        lambda: next(os.walk("data")),
    ],
)
def test_a_folder_whose_content_was_asked_for_is_noted(ask, project, files, reads):
    with files.noting(reads):
        ask()
    assert keys(reads) == ["f:data/"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: list(Path("data").glob("*/x.csv")),
        lambda: glob.glob("data/*/x.csv"),
        lambda: glob.glob(os.path.abspath("data/*/x.csv")),
        lambda: glob.glob("*/x.csv", root_dir="data"),
        lambda: list(Path("data").glob("*/x.csv/")),
    ],
)
def test_a_pattern_that_ends_in_a_name_is_noted(ask, project, files, reads):
    (project / "data/a").mkdir()
    digests = FileDigests(project)
    with files.noting(reads):
        ask()
    assert "f:data/*/x.csv/" in keys(reads)
    before = digests("data/*/x.csv/")
    (project / "data/a/other.csv").write_text("x")
    assert digests("data/*/x.csv/") == before == NOTHING[1]
    (project / "data/a/x.csv").write_text("x")
    assert digests("data/*/x.csv/") == hash_text("data/a/x.csv") != before
    (project / "data/a/x.csv").write_text("other")
    assert digests("data/*/x.csv/") == hash_text("data/a/x.csv")


def test_a_pattern_with_a_name_within_is_noted_with_what_fits(project, files, reads):
    (project / "data/a/in").mkdir(parents=True)
    (project / "data/a/in/x.csv").write_text("x")
    with files.noting(reads):
        assert len(list(Path("data").glob("*/in/*.csv"))) == 1
        list(Path("data").glob("*.csv"))  # its folder tells all
    assert [key for key in keys(reads) if "*" in key] == ["f:data/*/in/*.csv/"]
    assert reads.seen["data/*/in/*.csv/"] == {"data/a/in/x.csv"}
    assert list(reads.changed_by_others(project)) == []
    (project / "data/a/in/y.csv").write_text("x")
    assert "data/*/in/*.csv/" in list(reads.changed_by_others(project))
    with files.noting(reads):
        (project / "data/a/in/y.csv").write_text("own")
    assert "data/*/in/*.csv/" not in list(reads.changed_by_others(project))


def test_the_hash_of_an_argset_reads_no_name(args, reads):
    assert args.hash
    assert not any(key.endswith(":name") for key in keys(reads))


def test_what_a_call_changes_itself_is_its_own(project, files, reads):
    data = project / "data"
    (data / "top/in").mkdir(parents=True)
    (data / "top/in/x.csv").write_text("x")
    (data / "[x]").mkdir()
    with files.noting(reads):
        os.listdir("data"), os.listdir("data/top/in"), os.listdir("data/[x]")
        (data / "held.lock").write_text("")
        sqlite3.connect("data/x.db").execute("CREATE TABLE t(a)").connection.close()
        (project.parent / "outside.txt").write_text("x")
        if not (child := os.fork()):
            (data / "from_child.csv").write_text("x")
            os._exit(0)
        os.waitpid(child, 0)
        os.rename("data/top", "data/other")
    assert list(reads.changed_by_others(project)) == []
    assert all(place.startswith("data/") for place in reads.changed)


def test_a_folder_is_noted_by_whatever_way_it_is_named(
    project, files, reads, monkeypatch
):
    monkeypatch.setattr(memoized, "known", {})
    (project / "data/a").mkdir()
    with files.noting(reads):
        glob.glob("data/*/x*.csv")  # its folders tell all
        assert not any("*" in key for key in keys(reads))
        glob.glob("data/*/x.csv")
        (project / "own").mkdir()
        monkeypatch.chdir(project / "own")
        os.listdir()
    assert keys(reads) == ["f:data/", "f:data/a/", "f:data/*/x.csv/", "f:own/"]
    assert reads.seen["data/"] == frozenset(os.listdir(project / "data"))


def test_a_folder_that_is_opened_is_no_file(project, files, reads):
    with files.noting(reads):
        os.close(os.open("data", os.O_RDONLY))
    assert keys(reads) == []


def test_files_are_noted_by_whatever_link_leads_to_the_project(
    project, files, reads, tmp_path_factory
):
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(project)
    with files.noting(reads):
        (link / "data/raw.csv").read_text()
        os.listdir(link / "data")
        (link / "data/new.csv").write_text("x")
        (link / "data/new.csv").read_text()
        (link.parent / "other").write_text("x")
        (link.parent / "other").read_text()
    assert keys(reads) == ["f:data/raw.csv", "f:data/"]


def test_a_folder_that_others_have_changed_is_told(project, files, reads):
    data = project / "data"
    (data / "own").mkdir()
    with files.noting(reads):
        os.listdir("data"), os.listdir("data/own")
        (data / "own/deep").mkdir()
        (data / "new.csv").write_text("x")
        assert list(reads.changed_by_others(project)) == []
    subprocess.run(["touch", "data/own/deep/other"], check=True)
    assert list(reads.changed_by_others(project)) == []  # in what the call has made
    subprocess.run(["touch", "data/own/other"], check=True)
    assert list(reads.changed_by_others(project)) == ["data/own/"]
    subprocess.run(["rm", "data/own/other", "data/new.csv", "data/raw.csv"], check=True)
    assert list(reads.changed_by_others(project)) == ["data/"]


def test_folders_that_the_runner_fills_are_not_noted(project, files, reads):
    for folder in ("data/cache", "data/cachet", "reports"):
        (project / folder).mkdir(parents=True, exist_ok=True)
    with files.noting(reads):
        os.listdir("data/cache"), os.listdir("data/cachet"), os.listdir("reports")
        os.listdir("data")
    assert keys(reads) == ["f:data/cachet/", "f:data/"]


def test_what_is_in_a_hidden_folder_does_not_count(project, files, reads):
    (project / ".tool").mkdir()
    for name in (".tool/settings", ".env"):
        (project / name).write_text(name)
    with files.noting(reads):
        os.listdir(project / ".tool")
        (project / ".tool/settings").read_text()
        (project / ".env").read_text()
    assert keys(reads) == ["f:.env"]
    assert files.key(project / ".tool") == ".tool"
    assert files.key(project / ".tool", is_folder=True) is None


def test_an_import_asks_for_no_folder_that_counts(project, files, reads, monkeypatch):
    (project / "src" / "fresh.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(project / "src")
    with files.noting(reads):
        assert importlib.import_module("fresh").x == 1
    del sys.modules["fresh"]
    assert keys(reads) == []


def test_cloudpickle_gives_a_plain_argset_and_reads_everything(args, params, reads):
    cloudpickle = pytest.importorskip("cloudpickle")
    made = cloudpickle.loads(cloudpickle.dumps(lambda: args))()
    assert type(made) is params.Args
    assert made == params.Args("base", seed=4, layers=[1, 2])
    assert "a:*" in keys(reads)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_what_forked_children_read_is_noted(params, project, files, reads):
    args = reads.argset(params.Args("base", seed=4))
    with files.noting(reads):
        assert args.rate == 0.1
        for name in ("seed", "path"):
            child = os.fork()
            if child == 0:
                getattr(args, name)
                Path("data/raw.csv").read_text()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    assert keys(reads) == ["a:rate", "a:seed", "f:data/raw.csv", "a:path"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_pool_of_forks_reads_as_the_stage_does(args, project, files, reads):
    context = multiprocessing.get_context("fork")
    with files.noting(reads):
        worker = context.Process(target=lambda: args.model.depth)
        worker.start()
        worker.join()
    assert keys(reads) == ["a:model@", "a:model.depth"]


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


AT_THE_END = """
import os
from curifactory import reads


class Last:
    def __del__(self, put_away=os.remove):
        put_away("last.txt")


open("last.txt", "w").close()
reads.last = Last()  # it dies when the module is emptied
"""


def test_what_is_done_at_the_end_of_a_process_is_left_alone(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", AT_THE_END],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TEMPLATE)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "last.txt").exists()
