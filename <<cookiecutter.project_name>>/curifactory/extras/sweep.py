"""Argsets varied from the command line: --set FIELD=VALUE and --seeds N."""

import contextlib
import enum
import json
import re
import types
from collections import abc
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from numbers import Number
from pathlib import PurePath
from typing import (
    Any,
    Final,
    Literal,
    NamedTuple,
    Union,
    get_args,
    get_origin,
    is_typeddict,
)

from .. import args as argsets
from ..args import REDACTED, field_names, flat, is_hidden, unknown_field
from ..errors import RequestError, nearest
from .typed import described, hints_of

LISTS = (list, abc.Sequence, abc.Iterable, abc.Collection, abc.MutableSequence)
TABLES = (dict, abc.Mapping, abc.MutableMapping)
WORDS = {"true": True, "false": False}
PYTHON = {"None": None, "True": True, "False": False}
Varied = list[Any]


class Mismatch(Exception):
    """A text that is no value of the type that is asked for."""


class Setting(NamedTuple):
    """One `--set`: a dotted field, and the texts of its values."""

    text: str
    path: str
    values: tuple[str, ...]


class Choice(NamedTuple):
    """One value of a `--set`, and what a sweep appends to the name for it."""

    setting: Setting
    value: Any
    suffix: str


Point = tuple[Choice, ...]
"""A value for each field that is set."""


def variation(sets: Sequence[str], seeds: int | None) -> Callable[[Any], Varied]:
    """Return a function that makes of one argset those that are asked for."""
    settings = [parsed(text) for text in sets]
    if seeds is not None and seeds < 1:
        raise RequestError(f"--seeds {seeds}: expected 1 or more", "--seeds 5")
    paths = [each.path for each in settings] + ["seed"] * (seeds is not None)
    for path in sorted({each for each in paths if paths.count(each) > 1}):
        is_own = seeds is None or path != "seed"
        said = "given twice" if is_own else "--seeds sets it, too"
        raise RequestError(f"--set {path}: {said}", f"--set {path}=1,2 takes several")
    known: dict[str, Any] = {}

    def vary(args: Any) -> Varied:
        found: Varied = []
        for point in product(*(_choices(args, each) for each in settings)):
            if seeds is None:
                found.append(_changed(args, point, _name(args, point)))
            else:
                found += _seeds(args, point, seeds, known)
        return found

    return vary


def parsed(text: str) -> Setting:
    """Split `field=value,value`; commas within brackets or quotes belong to a value."""
    path, equals, values = text.partition("=")
    if not equals or not re.fullmatch(r"\w+(\.[\w-]+)*", path):
        hint = "--set seed=3, --set model.depth=4, --set lr=0.1,0.01"
        raise RequestError(f"--set {text}: expected FIELD=VALUE", hint)
    return Setting(text, path, tuple(_parts(values)))


def _parts(text: str) -> Iterator[str]:
    depth, start, quoted = 0, 0, False
    for place, letter in enumerate(text):
        if letter == '"' and text[place - 1 : place] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (letter in "[{(") - (letter in "]})")
        if letter == "," and not quoted and depth <= 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _choices(args: Any, setting: Setting) -> list[Choice]:
    """Return the values that a field of an argset is set to."""
    values = [_value(args, setting, text) for text in setting.values]
    if len(values) == 1:
        return [Choice(setting, values[0], "")]
    labels = [_label(text) for text in setting.values]
    if is_hidden(args, setting.path):
        labels = [str(place) for place in range(len(labels))]
    pairs = zip(values, argsets.distinct(labels), strict=True)
    return [Choice(setting, v, f"_{setting.path}={label}") for v, label in pairs]


def _name(args: Any, point: Point) -> str:
    """Return the name of an argset with what sweeps append to it."""
    given = [each.value for each in point if each.setting.path == "name"]
    return "".join([*(given or [args.name]), *(each.suffix for each in point)])


def _changed(args: Any, point: Point, name: str, **others: Any) -> Any:
    """Return a copy of an argset with all that is set, at once."""
    changes = {each.setting.path: each.value for each in point}
    try:
        return argsets.changed(args, {**changes, **others, "name": name})
    except Exception as error:  # of the user's __post_init__
        asked = " ".join(f"--set {each.setting.text}" for each in point)
        asked = without_secrets(asked, [each.setting.text for each in point], [args])
        asked = f"{asked} --seeds".lstrip() if others else asked
        said = f"{type(error).__name__}: {error}"
        raise RequestError(f"{asked}: {said}") from error


def _label(text: str) -> str:
    """Write a value with nothing but characters that suit a file name."""
    sign = "-" if text.startswith("-") else ""
    return sign + re.sub(r"[^\w.+-]+", "-", text)[:40].strip("-")


def without_secrets(command: str, sets: Sequence[str], argsets: Sequence[Any]) -> str:
    """Return a command line with the values of secret fields made unreadable."""
    for setting in map(parsed, sets):
        if any(is_hidden(args, setting.path) for args in argsets):
            command = command.replace(setting.text, f"{setting.path}={REDACTED}")
    return command


def _seeds(args: Any, point: Point, count: int, known: dict[str, Any]) -> Varied:
    """Return copies with other seeds; those of one seed set are made once."""
    if "seed" not in field_names(type(args)):
        message = f"--seeds: {unknown_field(type(args), 'seed').message}"
        inner = next((path for path, _ in flat(args) if path.endswith(".seed")), None)
        hint = f"--set {inner}=0,1,2" if inner else "declare seed: int = 0"
        raise RequestError(message, hint)

    def seeded(name: str) -> Varied:
        pairs = ((f"{name}_seed{seed}", seed) for seed in range(count))
        return [_changed(args, point, each, seed=seed) for each, seed in pairs]

    name = _name(args, point)
    base = re.sub(r"_seed\d+(?=_|$)", "", name)
    made = seeded(base)
    if base == name or known.setdefault(base, made[0]) is made[0]:
        return made
    return [] if known[base] == made[0] else seeded(name)


# Values -----------------------------------------------------------------------------


def _value(args: Any, setting: Setting, text: str) -> Any:
    """Return a text as the value that the field's annotation asks for."""
    is_secret = is_hidden(args, setting.path)
    where = f"--set {setting.path}={REDACTED if is_secret else text}"
    *_, last = steps = setting.path.split(".")
    holder, owner, hint = args, args, Any
    for name in steps:
        if not argsets.has_names(owner):
            inside = "" if is_secret else f" of {argsets.short(owner)}, no dataclass"
            said = f"{where}: there is no field {name!r}{inside}"
            raise RequestError(said, "set the field as a whole, in a parameter file")
        if name not in argsets.names_in(owner):
            wrong = argsets.unknown_in(owner, name)
            raise RequestError(f"{where}: {wrong.message}", wrong.hint)
        hint = _hint_in(owner, name, hint)
        holder, owner = owner, argsets.named(owner, name)
    field = getattr(holder, "__dataclass_fields__", {}).get(last)
    if field is not None and not field.init:
        raise RequestError(f"{where}: {last} is computed by {type(holder).__name__}")
    if text == "None" and field is not None and field.default is None:
        return None  # whatever its annotation says
    try:
        return converted(text, hint)
    except Mismatch as mismatch:
        shown = REDACTED if is_secret else repr(text)
        said = f"{where}: {setting.path} is {shown}, expected {described(hint)}"
        raise RequestError(said, str(mismatch)) from None


def _hint_in(owner: Any, name: str, hint: Any) -> Any:
    """Return what is declared of a value in a dataclass, or in a dictionary."""
    if type(owner) is not dict:
        cls: Any = type(owner)
        return hints_of(cls).get(name, Any)
    for each in (hint, *get_args(hint)):  # of a union, the one that is a dictionary
        if is_typeddict(each):
            return hints_of(each).get(name, Any)
        if get_origin(each) in TABLES:
            return get_args(each)[1]
    return Any


def converted(text: str, hint: Any) -> Any:
    """Return a text as a value of a type; raises Mismatch where it is none."""
    hint = getattr(hint, "__supertype__", hint)  # what a NewType stands for
    origin, inner = get_origin(hint) or hint, get_args(hint)
    if origin is Final:
        return converted(text, inner[0])
    if origin in (Union, types.UnionType):
        return _first(text, inner)
    if origin is Literal:
        return _literal(text, inner)
    if origin is Any or origin is object:
        return PYTHON[text] if text in PYTHON else _json(text, text)
    if origin is type(None):
        return _one_of(text, {"None": None, "null": None})
    if origin is bool:
        return _one_of(text.lower(), WORDS)
    if origin is str:
        found = _json(text, text) if text.startswith('"') else text
        return found if isinstance(found, str) else text
    if isinstance(origin, type) and issubclass(origin, enum.Enum):
        return _one_of(text, dict(origin.__members__))
    if origin in (*LISTS, *TABLES, tuple, set, frozenset):
        return _collection(_json(text, None), origin, inner)
    return _made(text, origin)


def _first(text: str, hints: Sequence[Any]) -> Any:
    """Return a text as a value of the first type that takes it; text comes last."""
    said = ""
    for hint in sorted(hints, key=lambda each: (each is str, each is not type(None))):
        try:
            return converted(text, hint)
        except Mismatch as mismatch:
            said = str(mismatch) if hint is not type(None) else ""
    raise Mismatch(said)


def _literal(text: str, values: Sequence[Any]) -> Any:
    """Return the one of some values that a text stands for, by the type of each."""
    for each in values:
        with contextlib.suppress(Mismatch):
            if converted(text, type(each)) == each:
                return each
    raise Mismatch(nearest(text, [getattr(each, "name", str(each)) for each in values]))


def _one_of(text: str, options: dict[str, Any]) -> Any:
    if text not in options:
        raise Mismatch(nearest(text, options))
    return options[text]


def _json(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def _made(text: str, cls: Any) -> Any:
    """Return what a class makes of one text: numbers, paths, dates."""
    if isinstance(cls, type) and issubclass(cls, (Number, PurePath)):
        make: Any = cls
    elif hasattr(cls, "fromisoformat"):
        make = cls.fromisoformat
    else:
        raise Mismatch("a value of this type is written in a parameter file")
    try:
        return make(text)
    except (ValueError, TypeError, ArithmeticError):
        raise Mismatch("") from None


def _collection(found: Any, origin: Any, inner: Sequence[Any]) -> Any:
    """Return a JSON list or dictionary as the collection that is asked for."""
    if origin in TABLES:
        if not isinstance(found, dict):
            raise Mismatch("give a JSON object: '{\"key\": 1}'")
        keys, values = inner or (Any, Any)
        return {_inner(k, keys): _inner(v, values) for k, v in found.items()}
    if not isinstance(found, list):
        said = "give a JSON list: '[64,32]'; lists with commas between: a sweep"
        raise Mismatch(said)
    if origin is tuple and inner and inner[-1] is not ...:
        if len(found) != len(inner):
            raise Mismatch(f"give {len(inner)} values")
        return tuple(_inner(v, h) for v, h in zip(found, inner, strict=True))
    items = [_inner(each, inner[0] if inner else Any) for each in found]
    try:
        return items if origin in LISTS else origin(items)
    except TypeError:
        raise Mismatch("lists and objects cannot be in a set") from None


def _inner(value: Any, hint: Any) -> Any:
    """Return a value out of JSON as a value of a type."""
    union = get_origin(hint) in (Union, types.UnionType)
    if hint is Any or type(value) in (get_args(hint) if union else (hint,)):
        return value
    if hint is str:
        raise Mismatch('texts in a list have quotes: ["a","b"]')
    text = value if isinstance(value, str) else json.dumps(value)
    return converted(text, hint)
