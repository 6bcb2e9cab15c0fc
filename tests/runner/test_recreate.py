"""Argsets of past runs: expressions, and parameter files written from the history."""

import collections
import datetime
import decimal
import enum
import fractions
import functools
import http
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import shown

from curifactory.args import parameter, same
from curifactory.extras.recreate import expression


class Color(enum.Enum):
    RED = 1


class Shade(enum.Flag):
    DARK = 1
    WARM = 2


@dataclass
class Point:
    x: int = 0


@dataclass
class Secretive:
    token: str = parameter("", secret=True)


@pytest.mark.parametrize(
    "value",
    [
        (1,),
        (),
        ((1, "it's"), [b"x"]),
        {1: {2, 3}},
        set(),
        frozenset(),
        frozenset([1]),
        range(3),
        1 + 2j,
        float("nan"),
        float("-inf"),
        'say "it\'s"\n\\',
        Color.RED,
        [Color.RED, Point(3)],
        Point,
        os.path.join,
        len,
        Path("a/b"),
        PurePosixPath("a"),
        datetime.date(2020, 1, 2),
        datetime.timedelta(days=1),
        decimal.Decimal("1.10"),
        fractions.Fraction(1, 3),
        collections.OrderedDict(a=1),
        Ellipsis,
        Shade.DARK | Shade.WARM,
        Shade.DARK,
        functools.partial(sorted, key=len),
        functools.partial(Point, 3),
        numpy.float64(0.1),
        numpy.float32("nan"),
        numpy.int8(3),
        numpy.bool_(True),
        [numpy.arange(3), numpy.array([[0.1], [float("inf")]])],
        numpy.array(2, dtype="uint8"),
        numpy.array(["a", "bc"]),
        numpy.mean,
        numpy.tanh,
        numpy.linalg.norm,
    ],
    ids=shown,
)
def test_an_expression_gives_its_value_back(value):
    text = expression(value)
    assert text is not None
    names = {name: sys.modules[name] for name in list(sys.modules)}
    assert same(eval(text, names), value)


@pytest.mark.parametrize(
    "value",
    [
        threading.Lock(),
        lambda: 1,
        object(),
        [object()],
        Secretive("x"),
        numpy.arange(10_000),
        numpy.zeros(1, dtype=[("a", "i4")]),
    ],
    ids=shown,
)
def test_what_no_expression_gives_back_has_none(value):
    assert expression(value) is None


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
nested = st.recursive(
    scalars,
    lambda inner: st.lists(inner)
    | st.tuples(inner, inner)
    | st.dictionaries(st.text(), inner),
)


@given(nested)
def test_plain_values_always_come_back(value):
    assert same(eval(expression(value)), value)


def test_modules_of_a_long_list_are_looked_for_once(monkeypatch):
    """A look-up reads folders: on a network disk thousands take minutes."""
    asked = []

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            asked.append(name)

    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    assert expression([http.HTTPStatus.OK] * 1000)
    assert 0 < len(asked) < 10


def test_texts_of_a_set_are_written_in_one_order_by_all_processes(whole):
    script = """
        from curifactory.extras.recreate import expression

        print(expression([{"alpha", "beta", "gamma"}, frozenset(["u", "v"])]))
        """
    found = {whole.script(script, PYTHONHASHSEED=seed).out for seed in "123"}
    assert found == {'[{"alpha", "beta", "gamma"}, frozenset({"u", "v"})]\n'}


# The command ------------------------------------------------------------------------

ARGS = """
    import enum
    from dataclasses import dataclass, field
    from pathlib import Path

    from curifactory import ExperimentArgs
    from curifactory.args import parameter


    class Kind(enum.Enum):
        BIG = "b"
        SMALL = "s"


    @dataclass
    class Model:
        depth: int = 3
        widths: tuple = (8, 8)


    @dataclass
    class Login:
        user: str = "me"
        token: str = parameter("", secret=True)


    @dataclass
    class Args(ExperimentArgs):
        seed: int = 0
        rate: float = 0.1
        kind: Kind = Kind.BIG
        folder: Path = Path("data")
        layers: dict = field(default_factory=dict)
        model: Model = field(default_factory=Model)
        login: Login = field(default_factory=Login)
        twice: int = field(init=False, default=0)

        def __post_init__(self):
            self.twice = 2 * self.seed
    """
SEEN = {"experiments/seen.py": """
        from curifactory import Record, stage


        @stage(None, ["value"])
        def look(record):
            return record.args.seed


        def run(argsets, manager):
            for args in argsets:
                look(Record(manager, args))
        """}
MANY = """
    from pathlib import Path

    from params import Args, Kind, Login, Model


    def get_params():
        first = Args(name="it's", seed=4, layers={"a": [1, None]}, folder=Path("x y"))
        return [
            first,
            first.copy(name="deep", model=Model(depth=9)),
            Args(name="hidden", kind=Kind.SMALL, login=Login("you", "hunter2")),
        ]
    """


@pytest.fixture
def many(whole):
    """The whole project with argsets of all kinds."""
    whole.write({"params/__init__.py": ARGS, "params/many.py": MANY, **SEEN})
    return whole


def listed(project, *arguments):
    result = project.run("params", *arguments, "--json")
    assert result.code == 0, result
    return json.loads(result.out)


def test_a_past_run_s_argsets_are_made_again(many):
    many.ok("seen", "-p", "many")
    result = many.run("params", "--from-run", "seen-1")
    assert result.code == 0, result
    assert result.out == (
        "wrote params/seen_1.py; look at it with: experiment params seen_1\n"
    )
    before, again = listed(many, "many"), listed(many, "seen_1")
    assert [each["fields"] for each in again] == [each["fields"] for each in before]
    assert [each["hash"] for each in again][:2] == [each["hash"] for each in before][:2]
    text = (many.root / "params/seen_1.py").read_text()
    assert "hunter2" not in text + (many.root / "data/runs/seen-1/run.json").read_text()
    assert "# Secret, and so with their defaults here: login.token" in text
    assert many.ok("seen", "-p", "seen_1").counts["computed"] == 0


def test_argsets_that_run_made_are_told_from_those_of_files(many):
    loop = "for args in argsets:"
    copies = "for args in [args.copy(name='own'), *argsets]:"
    many.edit(
        "experiments/seen.py", loop, copies.replace("args.copy", "argsets[0].copy")
    )
    many.ok("seen", "-p", "many", "-n", "deep")
    many.ok("params", "--from-run", "seen-1")
    text = (many.root / "params/seen_1.py").read_text()
    made = ["        # Made by run() itself, which may make them again:"]
    lines = [e for e in text.splitlines() if "name=" in e or "#" in e and "run" in e]
    assert "deep" in lines[0] and lines[1:2] == made and "own" in lines[2]


STRICT = """from dataclasses import dataclass

from params import Args


@dataclass
class Strict(Args):
    size: int = 0

    def __post_init__(self):
        if not (self.name and self.size):
            raise ValueError("it has no name, or no size")


def get_params():
    return [Strict(name="one", size=1), Strict(name="two", size=2)]
"""


def test_argsets_whose_class_refuses_its_defaults_are_made_again(many):
    many.write({"params/strict.py": STRICT})
    many.ok("seen", "-p", "strict")
    many.ok("params", "--from-run", "seen-1")
    assert many.ok("seen", "-p", "seen_1").counts["computed"] == 0


def test_the_file_is_in_the_project_s_style(many):
    many.ok("seen", "-p", "many")
    many.run("params", "--from-run", "seen-1")
    for tool in (["black", "--check", "-q"], ["ruff", "check", "-q", "--isolated"]):
        command = [sys.executable, "-m", *tool, many.root / "params/seen_1.py"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_field_gained_since_gets_its_default_and_old_defaults_stay(many):
    many.ok("seen", "-p", "many")
    many.edit(
        "params/__init__.py", "rate: float = 0.1", "rate: float = 7\n    more: int = 5"
    )
    assert many.run("params", "--from-run", "seen-1").code == 0
    for entry in listed(many, "seen_1"):
        assert (entry["fields"]["rate"], entry["fields"]["more"]) == (0.1, 5)
    assert many.ok("seen", "-p", "seen_1").counts["computed"] == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "    rate: float = 0.1\n",
            "    ratio: float = 0.1\n",
            "run seen-1, argset \"it's\": Args has no field 'rate' any more\n"
            "  did you mean 'ratio'?",
        ),
        (
            "Model",
            "Net",
            'run seen-1, argset "it\'s": its class params.Model cannot be found: '
            "AttributeError: module "
            "'params' has no attribute 'Model'\n"
            "  bring it back, or write the argset by hand",
        ),
        (
            "SMALL = ",
            "TINY = ",
            "run seen-1 cannot be made again: AttributeError: ",
        ),
        (
            "self.twice = 2",
            "self.rate = 2",
            'run seen-1, argset "it\'s": rate would be 8, not 0.1',
        ),
    ],
)
def test_what_cannot_be_made_again_is_refused(many, old, new, said):
    many.ok("seen", "-p", "many")
    path = many.root / "params/__init__.py"
    path.write_text(path.read_text().replace(old, new))
    result = many.run("params", "--from-run", "seen-1")
    assert result.code == 2 and result.err.startswith(f"error: {said}"), result
    assert not (many.root / "params/seen_1.py").exists()


def test_a_name_that_stands_for_something_else_now_is_told(many):
    many.edit("params/many.py", 'login=Login("you", "hunter2")', "seed=2")
    many.edit("params/__init__.py", "login: Login", "# login: Login")
    then = many.ok("seen", "-p", "many").run["argsets"][2]["hash"]
    quiet = many.run("params", "--from-run", "seen-1")
    assert quiet.code == 0 and "hash" not in quiet.err, quiet
    (many.root / "params/seen_1.py").unlink()
    many.edit("params/__init__.py", 'SMALL = "s"', 'SMALL = "tiny"')
    result = many.run("params", "--from-run", "seen-1")
    assert result.code == 0, result
    assert f"argset 'hidden': its hash was {then} and is " in result.err


def test_a_field_that_its_class_makes_otherwise_now_is_told(many):
    many.ok("seen", "-p", "many")
    many.edit("params/__init__.py", "2 * self.seed", "3 * self.seed")
    result = many.run("params", "--from-run", "seen-1")
    assert result.code == 0, result
    assert "twice was 8, and its class makes 12 of it now" in result.err


def test_a_value_without_an_expression_is_refused_by_name(many):
    many.write(
        {
            "params/odd.py": "from params import Args\n\n\n"
            "def get_params():\n    return [Args(name='a', layers={'f': lambda: 1})]\n"
        }
    )
    many.edit("params/__init__.py", "layers: dict", "layers: object")
    many.ok("seen", "-p", "odd")
    result = many.run("params", "--from-run", "seen-1")
    assert result.code == 2
    assert result.err.startswith("error: run seen-1, argset 'a': layers was {'f': <")
    assert "which no Python expression gives back" in result.err


def test_nested_dataclasses_may_have_fields_of_one_name(whole):
    whole.write({"params/nets.py": """
                from dataclasses import dataclass, field

                from curifactory import ExperimentArgs


                @dataclass
                class Opt:
                    lr: float = 0.1


                @dataclass
                class Net:
                    opt: Opt = field(default_factory=Opt)


                @dataclass
                class Nets(ExperimentArgs):
                    encoder: Net = field(default_factory=Net)
                    decoder: Net = field(default_factory=Net)
                    seed: int = 0
                    depth: int = 1


                def get_params():
                    return [Nets(name="a", encoder=Net(Opt(0.5)), decoder=Net(Opt(0.7)))]
                """})
    whole.write(SEEN)
    whole.ok("seen", "-p", "nets")
    assert whole.run("params", "--from-run", "seen-1").code == 0
    assert [each["hash"] for each in listed(whole, "seen_1")] == [
        each["hash"] for each in listed(whole, "nets")
    ]


def test_an_argset_of_several_records_is_written_once(many):
    script = """
        from curifactory import ArtifactManager, Record
        from experiments.seen import look
        from params import Args

        manager = ArtifactManager("hand")
        args = Args(name="a")
        look(Record(manager, args))
        look(Record(manager, args))
        """
    many.write(SEEN)
    assert many.script(script).code == 0
    assert many.run("params", "--from-run", "hand-1").code == 0
    assert [each["name"] for each in listed(many, "hand_1")] == ["a"]


def test_argsets_to_which_a_notebook_gave_one_name_are_told_apart(many):
    script = """
        from curifactory import ArtifactManager, Record
        from experiments.seen import look
        from params import Args

        manager = ArtifactManager("hand")
        for seed in (3, 4):
            look(Record(manager, Args(name="a", seed=seed)))
        look(Record(manager, Args(name="b")))
        """
    many.write(SEEN)
    assert many.script(script).code == 0
    result = many.run("params", "--from-run", "hand-1")
    assert result.code == 0
    assert "run hand-1, argset 'a': a_0 here, as another one has its name" in result.err
    found = [(e["name"], e["fields"]["seed"]) for e in listed(many, "hand_1")]
    assert found == [("a_0", 3), ("a_1", 4), ("b", 0)]


def test_an_unknown_run_and_a_file_that_exists_are_refused(many):
    many.ok("seen", "-p", "many")
    result = many.run("params", "--from-run", "sen-1")
    assert (result.code, result.err) == (
        2,
        "error: there is no run 'sen-1'\n  did you mean 'seen-1'?\n",
    )
    killed = many.root / "data/runs/seen-2"
    killed.mkdir()
    result = many.run("params", "--from-run", "seen-2")
    assert "run 'seen-2' did not end: it has kept no argsets" in result.err
    killed.rmdir()
    many.run("params", "--from-run", "seen-1")
    result = many.run("params", "--from-run", "seen-1")
    assert (
        result.err
        == "error: params/seen_1.py is there already\n  move it away first, or take another name\n"
    )


def test_numbers_that_only_python_reads_from_json_are_kept_as_texts(whole):
    whole.edit("params/base.py", "seed=1", "rate=float('inf')")
    whole.edit(
        "params/__init__.py", "seed: int = 0", "seed: int = 0\n    rate: float = 0.0"
    )
    whole.edit("stages/chain.py", '"quality", value', '"quality", float("nan")')
    whole.ok("study")
    strict = {"parse_constant": lambda name: pytest.fail(name)}
    history = json.loads(
        (whole.root / "data/runs/study-1/run.json").read_text(), **strict
    )
    values = [each["metrics"].get("quality") for each in history["calls"]]
    assert {"value": "nan", "goal": "max"} in values
    shown = json.loads(whole.ok("params", "base", "--json").out, **strict)
    assert "inf" in [each["fields"]["rate"] for each in shown]
    whole.ok("params", "--from-run", "study-1")
    assert 'rate=float("inf")' in (whole.root / "params/study_1.py").read_text()
    assert whole.ok("study", "-p", "study_1").counts["computed"] == 0
