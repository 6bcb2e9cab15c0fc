"""--set and --seeds: values typed by the annotation, sweeps, names, refusals."""

import dataclasses
import datetime
import enum
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from pathlib import Path
from typing import Any, Final, Literal, NewType, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curifactory import ExperimentArgs
from curifactory.args import parameter, same
from curifactory.errors import RequestError
from curifactory.extras.sweep import parsed, variation, without_secrets

Count = NewType("Count", int)


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


@dataclass
class Model:
    depth: int = 3
    widths: list[int] = field(default_factory=lambda: [8])


@dataclass
class Args(ExperimentArgs):
    seed: int = 0
    lr: float = 0.1
    fast: bool = False
    text: str = ""
    kind: Literal["knn", "svm", 3] = "knn"
    mode: Literal[True, "auto", Color.BLUE, None] = True
    price: Decimal = Decimal(0)
    share: Fraction = Fraction(0)
    real: Real = 0.0
    color: Color = Color.RED
    folder: Path = Path("data")
    limit: int | None = None
    unsaid: int = None
    either: int | str = 0
    layers: list[int] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    pair: tuple[int, str] = (0, "")
    rates: Sequence[float] = ()
    tags: list[str] = field(default_factory=list)
    chosen: set[int] = field(default_factory=set)
    bare: set = field(default_factory=set)
    table: dict[str, float] = field(default_factory=dict)
    counts: Mapping[int, list[int]] = field(default_factory=dict)
    plain: list = field(default_factory=list)
    day: datetime.date = datetime.date(2020, 1, 1)
    anything: Any = None
    count: Count = Count(0)
    fixed: Final[int] = 0
    token: str = parameter("", secret=True)
    model: Model = field(default_factory=Model)
    nothing: Model | None = None
    twice: int = field(init=False, default=0)


def made(*sets, seeds=None, args=None):
    return variation(sets, seeds)(args or Args("a"))


def value(text):
    [found] = made(text)
    return getattr(found, text.partition("=")[0])


VALUES = {
    "seed=3": 3,
    "count=3": 3,
    "fixed=3": 3,
    "anything=None": None,
    "anything=True": True,
    "anything=False": False,
    'anything="None"': "None",
    "seed=-3": -3,
    "lr=3": 3.0,
    "lr=1e-3": 0.001,
    "lr=inf": math.inf,
    "fast=true": True,
    "fast=False": False,
    "text=hello": "hello",
    "text=": "",
    "text=3": "3",
    'text="a,b"': "a,b",
    "kind=svm": "svm",
    "kind=3": 3,
    "mode=true": True,
    "mode=auto": "auto",
    "mode=BLUE": Color.BLUE,
    "mode=None": None,
    "price=0.10": Decimal("0.10"),
    "share=1/3": Fraction(1, 3),
    "color=BLUE": Color.BLUE,
    "folder=a/b": Path("a/b"),
    "limit=None": None,
    "limit=null": None,
    "limit=7": 7,
    "unsaid=None": None,
    "unsaid=7": 7,
    "either=7": 7,
    "either=seven": "seven",
    "layers=[64,32]": [64, 32],
    "layers=[]": [],
    "shape=[1,2]": (1, 2),
    'pair=[1,"x"]': (1, "x"),
    "rates=[1,0.5]": [1.0, 0.5],
    'tags=["a","b"]': ["a", "b"],
    "chosen=[1,1]": {1},
    'table={"a":1}': {"a": 1.0},
    'counts={"1":[2]}': {1: [2]},
    'plain=[1,"a",null]': [1, "a", None],
    "day=2021-02-03": datetime.date(2021, 2, 3),
    "anything=3": 3,
    "anything=word": "word",
}


@pytest.mark.parametrize("text", VALUES)
def test_a_value_has_the_type_of_its_annotation(text):
    assert same(value(text), VALUES[text])


def test_a_text_that_nests_too_deeply_for_json_is_a_text():
    deep = "[" * 100_000
    assert value(f"anything={deep}") == deep


class Mute:
    def __repr__(self):
        raise ValueError("nothing to show")


def test_a_value_that_cannot_be_shown_has_no_fields_either():
    with pytest.raises(RequestError, match="no field 'x' of a Mute without a repr"):
        made("anything.x=1", args=Args("a", anything=Mute()))


def test_nested_fields_are_set_by_their_path():
    original = Args("a")
    [found] = made("model.depth=5", args=original)
    assert found.model == Model(depth=5) and original.model == Model()
    assert found.name == "a"


class Options(TypedDict):
    depth: int


@dataclass
class Fitted(ExperimentArgs):
    optimizer: dict = field(
        default_factory=lambda: {"lr": 0.1, "weight-decay": 0.0, "inner": {"kind": "a"}}
    )
    rates: dict[str, float] = field(default_factory=lambda: {"fast": 1.0})
    options: Options = field(default_factory=lambda: {"depth": 1})
    either: dict[str, float] | None = field(default_factory=lambda: {"fast": 1.0})
    models: dict[str, Model] = field(default_factory=lambda: {"small": Model()})
    token: dict = parameter(default_factory=lambda: {"key": "k"}, secret=True)


WITHIN = {
    "optimizer.lr=0.5": ("optimizer", {"lr": 0.5}),
    "optimizer.weight-decay=1e-3": ("optimizer", {"weight-decay": 0.001}),
    "optimizer.inner.kind=b": ("optimizer", {"inner": {"kind": "b"}}),
    "rates.fast=2": ("rates", {"fast": 2.0}),
    "options.depth=3": ("options", {"depth": 3}),
    "either.fast=2": ("either", {"fast": 2.0}),
    "models.small.depth=3": ("models", {"small": Model(depth=3)}),
}


@pytest.mark.parametrize("text", WITHIN)
def test_a_value_in_a_dictionary_is_set_by_its_path(text):
    original = Fitted("a")
    [found] = made(text, args=original)
    name, changes = WITHIN[text]
    assert same(getattr(found, name), {**getattr(original, name), **changes})
    assert same(original, Fitted("a"))


def test_values_in_a_dictionary_are_swept_and_name_their_argsets():
    found = made("optimizer.lr=0.1,0.5", args=Fitted("a"))
    assert [a.name for a in found] == ["a_optimizer.lr=0.1", "a_optimizer.lr=0.5"]
    assert [a.optimizer["lr"] for a in found] == [0.1, 0.5]


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("optimizer.iner=1", "there is no key 'iner'", "did you mean 'inner'?"),
        ("optimizer.lr.x=1", "there is no field 'x' of 0.1", "as a whole"),
        ("rates.fast=quick", "rates.fast is 'quick', expected float", ""),
        ("models.small.width=1", "Model has no field 'width'", "depth"),
    ],
)
def test_a_wrong_path_into_a_dictionary_says_what_there_is(text, said, hint):
    with pytest.raises(RequestError) as caught:
        made(text, args=Fitted("a"))
    assert caught.value.message.startswith(f"--set {text}: {said}")
    assert hint in caught.value.hint


def test_what_lies_in_a_secret_dictionary_is_shown_to_nobody():
    assert [a.name for a in made("token.key=x,y", args=Fitted("a"))] == [
        "a_token.key=0",
        "a_token.key=1",
    ]
    shown = without_secrets("--set token.key=x", ["token.key=x"], [Fitted("a")])
    assert "x" not in shown.removeprefix("--set token.key=")


# Laws -------------------------------------------------------------------------------

FIELDS = {
    "seed": st.integers(),
    "lr": st.floats(),
    "fast": st.booleans(),
    "text": st.text(),
    "kind": st.sampled_from(["knn", "svm", 3]),
    "limit": st.none() | st.integers(),
    "layers": st.lists(st.integers()),
    "shape": st.lists(st.integers()).map(tuple),
    "tags": st.lists(st.text()),
    "table": st.dictionaries(st.text(), st.floats()),
}
settings_of = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda name: st.tuples(st.just(name), FIELDS[name])
)


def written(given):
    return str(given) if isinstance(given, (float, bool)) else json.dumps(given)


@given(settings_of)
def test_set_equals_dataclasses_replace(setting):
    name, chosen = setting
    text = chosen if name == "kind" else written(chosen)
    before = Args("a", layers=[1])
    [found] = made(f"{name}={text}", args=before)
    assert same(found, dataclasses.replace(before, **{name: chosen}))
    assert before == Args("a", layers=[1])


@given(st.lists(st.floats(allow_nan=False), min_size=2, unique=True), st.integers(1, 4))
def test_sweeps_multiply_and_names_stay_unique(values, seeds):
    text = ",".join(map(str, values))
    found = made(f"lr={text}", "layers=[1],[2,3]", seeds=seeds)
    assert len(found) == len(values) * 2 * seeds
    assert len({each.name for each in found}) == len(found)
    assert {each.lr for each in found} == set(values)


def test_a_sweep_appends_field_and_value_to_the_name():
    assert [a.name for a in made("lr=0.1,0.01")] == ["a_lr=0.1", "a_lr=0.01"]
    names = [a.name for a in made("layers=[64,32],[]")]
    assert names == ["a_layers=64-32", "a_layers="]
    assert [a.name for a in made("lr=-1,1")] == ["a_lr=-1", "a_lr=1"]
    assert [a.name for a in made('text="x y","x/y"')] == [
        "a_text=x-y_0",
        "a_text=x-y_1",
    ]
    assert [a.name for a in made("model.depth=1,2")] == [
        "a_model.depth=1",
        "a_model.depth=2",
    ]


def test_seeds_come_after_sets_and_count_from_zero():
    found = made("lr=0.1,0.2", seeds=2)
    assert [a.name for a in found] == [
        "a_lr=0.1_seed0",
        "a_lr=0.1_seed1",
        "a_lr=0.2_seed0",
        "a_lr=0.2_seed1",
    ]
    assert [a.seed for a in found] == [0, 1, 0, 1]


def test_seeds_replace_those_of_a_seed_set():
    vary = variation(["lr=0.1,0.2"], 2)
    start = [Args(f"a_seed{seed}", seed=seed) for seed in range(3)]
    found = [each for args in start for each in vary(args)]
    assert [(a.name, a.seed) for a in found] == [
        ("a_lr=0.1_seed0", 0),
        ("a_lr=0.1_seed1", 1),
        ("a_lr=0.2_seed0", 0),
        ("a_lr=0.2_seed1", 1),
    ]


def test_argsets_that_are_no_seed_set_keep_their_names_and_get_seeds():
    vary = variation([], 2)
    start = [Args("a_seed7", seed=7, lr=0.1), Args("a_seed8", seed=8, lr=0.2)]
    found = [each for args in start for each in vary(args)]
    assert [(a.name, a.seed, a.lr) for a in found] == [
        ("a_seed0", 0, 0.1),
        ("a_seed1", 1, 0.1),
        ("a_seed8_seed0", 0, 0.2),
        ("a_seed8_seed1", 1, 0.2),
    ]


def test_commas_in_brackets_and_quotes_do_not_part():
    assert parsed('x="a,b",c').values == ('"a,b"', "c")
    assert parsed(r'x="a\",b",c').values == (r'"a\",b"', "c")
    assert parsed("x=[1,2],[3]").values == ("[1,2]", "[3]")
    assert parsed('x={"a":[1,2]}').values == ('{"a":[1,2]}',)
    assert parsed("x=a=b").values == ("a=b",)


WRONG = {
    "sed=3": ("Args has no field 'sed'", "did you mean 'seed'?"),
    "model.dept=3": ("Model has no field 'dept'", "did you mean 'depth'?"),
    "seed.x=3": ("there is no field 'x' of 0, no dataclass", "in a parameter file"),
    "nothing.depth=3": ("there is no field 'depth' of None", "as a whole"),
    "seed=x": ("seed is 'x', expected int", ""),
    "bare=[[1]]": ("bare is '[[1]]', expected set", "cannot be in a set"),
    "seed=1.5": ("seed is '1.5', expected int", ""),
    "seed=": ("seed is '', expected int", ""),
    "lr=fast": ("lr is 'fast', expected float", ""),
    "fast=yes": ("fast is 'yes', expected bool", "false, true"),
    "kind=svn": ("kind is 'svn', expected 'knn' or 'svm' or 3", "did you mean 'svm'?"),
    "color=RD": ("color is 'RD', expected Color", "did you mean 'RED'?"),
    "limit=x": ("limit is 'x', expected int or None", ""),
    "layers=3": ("layers is '3', expected list[int]", "JSON list"),
    "layers=[1.5]": ("layers is '[1.5]', expected list[int]", ""),
    "tags=[a]": ("tags is '[a]', expected list[str]", "JSON list"),
    "tags=[1]": ("tags is '[1]', expected list[str]", "have quotes"),
    "pair=[1]": ("pair is '[1]', expected tuple[int, str]", "give 2 values"),
    "table=[1]": ("table is '[1]', expected dict[str, float]", "JSON object"),
    "day=soon": ("day is 'soon', expected date", ""),
    "model=3": ("model is '3', expected Model", "in a parameter file"),
    "price=cheap": ("price is 'cheap', expected Decimal", ""),
    "share=1/0": ("share is '1/0', expected Fraction", ""),
    "real=3": ("real is '3', expected Real", ""),
    "mode=BLU": ("mode is 'BLU', expected True or 'auto' or", "did you mean 'BLUE'?"),
    "seed.x=1": ("there is no field 'x' of 0", "in a parameter file"),
    "twice=3": ("twice is computed by Args", ""),
    "seed": ("--set seed: expected FIELD=VALUE", "--set seed=3"),
    "a b=3": ("--set a b=3: expected FIELD=VALUE", "--set seed=3"),
    "token=": None,
}


@pytest.mark.parametrize("text", [text for text, said in WRONG.items() if said])
def test_a_wrong_setting_says_field_value_and_type(text):
    with pytest.raises(RequestError) as caught:
        made(text)
    message, hint = WRONG[text]
    assert caught.value.message.startswith(f"--set {text}")
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_seeds_need_a_seed_and_a_number():
    with pytest.raises(
        RequestError, match="--seeds: ExperimentArgs has no field 'seed'"
    ):
        made(seeds=2, args=ExperimentArgs("a"))
    with pytest.raises(RequestError, match="--seeds 0: expected 1 or more"):
        made(seeds=0)


def test_seeds_of_an_argset_that_has_its_seed_further_in_say_how_to_set_it():
    @dataclass
    class Train:
        rate: float = 0.1
        seed: int = 0

    @dataclass
    class Nested(ExperimentArgs):
        train: Train = field(default_factory=Train)

    with pytest.raises(RequestError, match="Nested has no field 'seed'") as caught:
        made(seeds=2, args=Nested("a"))
    assert caught.value.hint == "--set train.seed=0,1,2"


def test_what_post_init_refuses_is_one_line():
    @dataclass
    class Strict(ExperimentArgs):
        seed: int = 0

        def __post_init__(self):
            if self.seed > 3:
                raise ValueError("too large")

    with pytest.raises(RequestError, match="--set seed=4: ValueError: too large"):
        made("seed=4", args=Strict("a"))


def test_all_that_is_set_is_set_at_once():
    @dataclass
    class Split(ExperimentArgs):
        seed: int = 0
        train: float = 0.75
        test: float = 0.25
        batches: int = 1
        lr: float = 0.1

        def __post_init__(self):
            if self.train + self.test != 1:
                raise ValueError("no whole")
            self.lr *= self.batches

    base = Split("a")
    [pair] = made("train=0.5", "test=0.5", args=base)
    assert pair == dataclasses.replace(base, train=0.5, test=0.5)
    with pytest.raises(
        RequestError, match="--set train=1 --set seed=2: ValueError: no"
    ):
        made("train=1", "seed=2", args=base)
    for more, count in ({}, 1), ({"seeds": 2}, 2):
        found = made(
            "batches=2,3", "seed=0" if not more else "train=0.75", args=base, **more
        )
        assert [each.lr for each in found] == [0.2] * count + [0.1 * 3] * count


def test_secrets_stay_secret():
    assert [a.name for a in made("token=x,y")] == ["a_token=0", "a_token=1"]
    assert [a.token for a in made("token=x,y")] == ["x", "y"]
    command = "experiment study --set token=hunter2 --set seed=3"
    shown = without_secrets(command, ["token=hunter2", "seed=3"], [Args("a")])
    assert shown == "experiment study --set token=*** --set seed=3"
