"""Argsets of past runs: what the history keeps of them, and a file that makes them."""

import ast
import dataclasses
import enum
import functools
import pkgutil
import sys
import textwrap
from collections.abc import Iterator
from itertools import chain
from pathlib import Path, PurePath
from typing import Any

from .. import code, sources
from ..args import (
    BRACKETS,
    Repeated,
    collected,
    distinct,
    field_names,
    is_nested,
    is_secret,
    same,
    short,
    unknown_field,
    values,
)
from ..errors import RequestError
from ..runfile import is_json_scalar, shown_field

Data = dict[str, Any]
Apart = tuple[Data, Data, list[str]]
"""By dotted path the classes, and what makes the fields; the secret ones."""
SECRET = object()
LONGEST_ARRAY = 1000


def recipe(args: Any) -> Data:
    """Return classes, and expressions for the fields that JSON does not give back."""
    found: Data = {"classes": {"": _name(type(args))}, "exact": {}, "secret": []}
    for classes, exact, secret in filter(any, _recipes(args)):
        found["classes"] |= classes
        found["exact"] |= exact
        found["secret"] += secret
    return {name: said for name, said in found.items() if said}


def _recipe_of(owner: Any, name: str, value: Any) -> Apart:
    if is_json_scalar(value) and not is_secret(type(owner), name):
        return _NOTHING
    shown, found = shown_field(owner, name, value), dict(_parts(owner, name, value))
    classes = {
        path: _name(type(each)) for path, each in found.items() if is_nested(each)
    }
    secret = [path for path, each in found.items() if each is SECRET]
    exact = {
        path: expression(each)
        for path, each in found.items()
        if not (path in classes or path in secret or same(each, shown.get(path)))
    }
    exact.pop("name", None)
    return classes, exact, secret


def _parts(owner: Any, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield a field and, of a dataclass, those within it, each with its path."""
    is_hidden = is_secret(type(owner), name)
    yield name, SECRET if is_hidden else value
    for field in values(value) if is_nested(value) and not is_hidden else ():
        for path, each in _parts(value, *field):
            yield f"{name}.{path}", each


_NOTHING: Apart = ({}, {}, [])
_recipes = Repeated(_recipe_of)


def expression(value: Any) -> str | None:
    """Return a Python expression for a value; None where none would give it back."""
    try:
        text = _written(value)
        scope = {n: sys.modules[n] for n in map(_top, _modules_of(text))}
        return text if same(eval(text, scope), value) else None
    except Exception:
        return None


def _written(value: Any) -> str:
    if type(value) in BRACKETS:
        return collected(value, _written)
    if type(value) is float and value - value != 0:
        return f'float("{value}")'
    if type(value) is str and '"' not in value:
        return repr(value + "'")[:-2] + '"'  # in double quotes, as black has them
    if isinstance(value, enum.Flag):  # a combination has no name
        return f"{_name(type(value))}({value.value})"
    if isinstance(value, enum.Enum):
        return f"{_name(type(value))}.{value.name}"
    if _is_named(value):
        return _name(value)
    if isinstance(value, functools.partial):
        return _of_partial(value)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return _of_numpy(value)
    if isinstance(value, PurePath):
        name = "Path" if isinstance(value, Path) else type(value).__name__
        return f"pathlib.{name}({_written(str(value))})"
    if is_nested(value):
        if any(is_secret(type(value), name) for name in field_names(type(value))):
            raise ValueError("secret")
        given = (f"{name}={_written(each)}" for name, each in values(value))
        return f"{_name(type(value))}({', '.join(given)})"
    return _of_repr(value)


def _is_named(value: Any) -> bool:
    """Return whether a function, class or the like is what its name leads to."""
    module, name = (getattr(value, n, None) for n in ("__module__", "__qualname__"))
    return isinstance(name, str) and code.named(str(module), name) is value


def _of_partial(value: Any) -> str:
    named = (f"{name}={_written(each)}" for name, each in value.keywords.items())
    given = ", ".join([*map(_written, (value.func, *value.args)), *named])
    return f"functools.partial({given})"


def _of_numpy(value: Any) -> str:
    """Write a number or an array; of long ones the history keeps no copy."""
    if value.size > LONGEST_ARRAY:
        raise ValueError("too long")
    plain, kind = _written(value.tolist()), type(value).__name__
    if kind == "ndarray":
        return f"numpy.array({plain}, dtype={_written(value.dtype.str)})"
    return f"numpy.{kind}({plain})"


def _of_repr(value: Any) -> str:
    text, module = repr(value), type(value).__module__
    if module == "builtins" or text.startswith(f"{module}."):
        return text
    return f"{module}.{text}"


def _name(value: Any) -> str:
    module = "" if value.__module__ == "builtins" else f"{value.__module__}."
    return f"{module}{value.__qualname__}"


def _modules_of(text: str) -> set[str]:
    """Return the modules that the dotted names of a program text begin with."""
    found, nodes = set(), ast.walk(ast.parse(textwrap.dedent(text)))
    for dotted in {ast.unparse(n) for n in nodes if isinstance(n, ast.Attribute)}:
        steps = dotted.split(".")
        names = [".".join(steps[:count]) for count in range(len(steps), 0, -1)]
        found.update([name for name in names if _is_module(name)][:1])
    return found


def _top(module: str) -> str:
    return module.partition(".")[0]


def _is_module(name: str) -> bool:
    return name in sys.modules or sources.spec_of(name) is not None


# The file ---------------------------------------------------------------------------


def parameter_file(run: Data) -> str:
    """Return the text of a parameter file that makes the argsets of a run again."""
    different = {(each["name"], each["hash"]): each for each in run["argsets"]}
    entries = sorted(different.values(), key=lambda entry: not entry.get("paramset"))
    made = [_Past(run["run"], entry) for entry in entries]
    if not made:
        raise RequestError(f"run {run['run']} has no argsets")
    _tell_apart(made)
    bases = {each.classes[""]: each for each in reversed(made)}
    names = {cls: f"base{place or ''}" for place, cls in enumerate(bases)}
    shared = {cls: _shared(cls, made) for cls in bases}
    lines = []
    for cls, each in bases.items():  # a whole one: a class may refuse what is less
        lines += _call(f"    {names[cls]} = {cls}", each.given(), always=True)
    lines += ["    return ["]
    for place, each in enumerate(made):
        if place and not each.paramset and made[place - 1].paramset:
            lines += ["        # Made by run() itself, which may make them again:"]
        cls = each.classes[""]
        own = {n: t for n, t in each.given().items() if n not in shared[cls]}
        of_base = _call(f"        {names[cls]}.copy", own, end=",")
        lines += [f"        {names[cls]},"] if each is bases[cls] else of_base
    body = "\n".join([*lines, "    ]"])
    define = f"def get_params() -> list[{' | '.join(bases)}]:"
    text = "\n".join([*_head(run["run"], made, body), "", "", define, body, ""])
    _verify(text, made)
    return text


def _tell_apart(made: list["_Past"]) -> None:
    """Give argsets of one name a number: only a notebook may make several of those."""
    for each, name in zip(made, distinct([e.name for e in made]), strict=True):
        if each.name != name:
            said = f"{name} here, as another one has its name"
            print(f"{each.where}: {said}", file=sys.stderr)
            each.name = name


def _head(run: str, made: list["_Past"], body: str) -> list[str]:
    secret = sorted({path for each in made for path in each.secret})
    note = f"# Secret, and so with their defaults here: {', '.join(secret)}"
    modules = sorted(_modules_of(body))
    standard = [name for name in modules if _top(name) in sys.stdlib_module_names]
    own = [f"import {name}" for name in modules if name not in standard]
    first = [f"import {name}" for name in standard]
    imports = [*first, "", *own] if first else own
    head = [f'"""The argsets of run {run}, as they were."""', "", *imports]
    return [*head, "", note] if secret else head


def _call(
    function: str, given: dict[str, str], *, end: str = "", always: bool = False
) -> list[str]:
    """Return a call as black would write it; always one line for each argument."""
    arguments = [f"{name}={text}" for name, text in given.items()]
    line = f"{function}({', '.join(arguments)}){end}"
    if not given or (len(line) <= 88 and not always):
        return [line]
    indent = " " * (len(function) - len(function.lstrip()))
    inner = [f"{indent}    {each}," for each in arguments]
    return [f"{function}(", *inner, f"{indent}){end}"]


class _Past:
    """One argset as the history keeps it."""

    def __init__(self, run: str, entry: Data) -> None:
        self.where = f"run {run}, argset {entry['name']!r}"
        self.name: str = entry["name"]
        if "" not in entry.get("classes", {}):
            raise RequestError(f"{self.where}: its class was not recorded")
        self.classes: dict[str, str] = entry["classes"]
        self.secret: list[str] = entry.get("secret", [])
        self.entry = entry
        self.paramset: str = entry.get("paramset", "")
        self.fields = dict(self._fields())
        self.computed: dict[str, str] = {}
        for path, name in self.classes.items():
            self._check_class(path, name)

    def _fields(self) -> Iterator[tuple[str, str]]:
        exact = self.entry.get("exact", {})
        for path, value in self.entry["fields"].items():
            if path in self.secret:
                continue
            text = exact[path] if path in exact else _written(value)
            if text is None:
                said = f"{path} was {value}, which no Python expression gives back"
                hint = "write a parameter file for this argset by hand"
                raise RequestError(f"{self.where}: {said}", hint)
            yield path, text

    def _check_class(self, path: str, name: str) -> None:
        """Refuse fields that a class no longer has; drop those that it computes."""
        cls = _located(name, self.where)
        known = {field.name: field for field in dataclasses.fields(cls)}
        for inner in self.names(path):
            if inner not in known:
                wrong = unknown_field(cls, inner)
                said = f"{self.where}: {wrong.message} any more"
                raise RequestError(said, wrong.hint)
            if not known[inner].init:
                full = f"{path}.{inner}".lstrip(".")
                if full in self.fields:
                    self.computed[full] = self.fields.pop(full)

    def names(self, path: str) -> list[str]:
        """Return the names of the fields of the dataclass at a path."""
        split = (n.rpartition(".") for n in (*self.fields, *self.classes) if n)
        return [name for place, _, name in split if place == path]

    def arguments(self, path: str) -> dict[str, str]:
        """Return the expression of each argument of the dataclass at a path."""
        prefix = f"{path}." if path else ""
        return {
            name: self.fields.get(prefix + name) or self.written(prefix + name)
            for name in self.names(path)
        }

    def given(self) -> dict[str, str]:
        """Return the expression of each argument of the argset itself."""
        return {"name": _written(self.name), **self.arguments("")}

    def written(self, path: str) -> str:
        """Return the expression that makes the dataclass at a path."""
        inner = (f"{name}={text}" for name, text in self.arguments(path).items())
        return f"{self.classes[path]}({', '.join(inner)})"


def _shared(cls: str, made: list[_Past]) -> dict[str, str]:
    """Return the arguments that all argsets of a class have in common."""
    first, *others = [each.given() for each in made if each.classes[""] == cls]
    return {
        name: text
        for name, text in first.items()
        if all(other.get(name) == text for other in others)
    }


def _located(name: str, where: str) -> Any:
    try:
        return pkgutil.resolve_name(name)
    except Exception as error:
        said = f"{where}: its class {name} cannot be found: {_told(error)}"
        hint = "bring it back, or write the argset by hand"
        raise RequestError(said, hint) from error


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _verify(text: str, made: list[_Past]) -> None:
    """Refuse a text whose argsets are not those of the history."""
    scope: Data = {}
    where = made[0].where.partition(",")[0]
    try:
        exec(text, scope)
        found = scope["get_params"]()
    except Exception as error:
        said = f"{where} cannot be made again: {_told(error)}"
        raise RequestError(said) from error
    for past, args in zip(made, found, strict=True):
        parts = dict(chain(*(_parts(args, *field) for field in values(args))))
        leaves = {p: v for p, v in parts.items() if not (v is SECRET or is_nested(v))}
        for path, expected in past.fields.items():
            if path not in leaves or _written(leaves[path]) != expected:
                said = f"{path} would be {short(leaves.get(path))}, not {expected}"
                raise RequestError(f"{past.where}: {said}")
        then = past.entry["hash"]
        is_same = leaves.keys() - {"name"} == past.entry["fields"].keys()
        now = {path: _written(leaves[path]) for path in past.computed}
        told = [
            f"{path} was {text}, and its class makes {now[path]} of it now"
            for path, text in past.computed.items()
            if now[path] != text
        ]
        if not told and is_same and not past.secret and args.hash != then:
            told = [f"its hash was {then} and is {args.hash} now"]
            told[0] += ": a name in it stands for something else"
        for each in told:
            print(f"{past.where}: {each}", file=sys.stderr)
