"""Compares the values of an argset with the annotations of its class."""

import collections.abc
import contextlib
import functools
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from .. import plain, sources
from ..args import REDACTED, Repeated, is_nested, is_secret, same, short, values
from ..errors import RequestError

RELAX = "check_fields"
"""A class that sets this attribute to False is not checked."""


def check(args: Any, place: str) -> None:
    """Refuse an argset with a value that its annotation does not allow."""
    _checker(place)(args)


@functools.lru_cache(1000)
def _checker(place: str) -> Repeated[None]:
    return Repeated(
        lambda args, name, value: _check_field(
            args, name, value, f"{place}: argset {args.name!r}: ", ""
        )
    )


def _check_field(owner: Any, name: str, value: Any, where: str, prefix: str) -> None:
    cls: Any = type(owner)
    hints = hints_of(cls) if getattr(cls, RELAX, True) else {}
    is_plain = type(value) in plain.ATOMIC
    if not (is_plain and _fits_plainly(value, hints.get(name, Any))):
        check = functools.partial(_check_value, owner, name, hints, where, prefix)
        plain.once(value, ("checked", cls, name), check)


def _check_value(
    owner: Any, name: str, hints: dict[str, Any], where: str, prefix: str
) -> None:
    cls, value, hint = type(owner), getattr(owner, name), hints.get(name, Any)
    fits = _fits_plainly(value, hint) or _fits_closely(value, hint)
    if not fits and not _is_declared(owner, name, value):
        shown = REDACTED if is_secret(cls, name) else short(value)
        raise wrong_value(where, prefix + name, shown, value, hint)
    for place, each in _inside(value):
        for inner, held in values(each) if is_nested(each) else ():
            _check_field(each, inner, held, where, f"{prefix}{name}{place}.")


def _inside(
    value: Any, place: str = "", above: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Yield a value, or what is in lists and dictionaries, each with its place.

    What lies in itself, in a field that does not count, is looked at once.
    """
    if isinstance(value, dict):
        inner: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, (list, tuple)):
        inner = enumerate(value)
    else:
        yield place, value
        return
    for key, each in inner:
        if type(each) not in plain.ATOMIC and id(each) not in (*above, id(value)):
            yield from _inside(each, f"{place}[{key!r}]", (*above, id(value)))


def wrong_value(
    where: str, path: str, shown: str, value: Any, hint: Any
) -> RequestError:
    """Return the error for a value that its annotation does not allow."""
    kind = "" if value is None else f" ({type(value).__name__})"
    said = f"{where}{path} is {shown}{kind}, expected {described(hint)}"
    options = get_args(hint) if get_origin(hint) is Literal else ()
    texts = {str(option): option for option in options}
    import difflib  # where nothing is wrong nobody needs it

    close = difflib.get_close_matches(str(value), texts, n=1)
    if close:
        return RequestError(said, f"did you mean {texts[close[0]]!r}?")
    is_scalar = getattr(value, "shape", None) == () and hasattr(value, "item")
    if is_scalar and shown != REDACTED:
        return RequestError(said, f"its method item() gives {value.item()!r}")
    return RequestError(said, f"give it that type, or say {RELAX} = False in the class")


def described(hint: Any) -> str:
    """Return an annotation as a user writes it."""
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(map(described, get_args(hint)))
    if hint is type(None):
        return "None"
    if isinstance(hint, type) and not get_args(hint):
        return hint.__name__
    return str(hint).replace("typing.", "").replace("collections.abc.", "")


@functools.cache
def hints_of(cls: type) -> dict[str, Any]:
    """Return the annotations of a class, but those with names that cannot be found."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, hint in sources.annotations(base).items():
            found.pop(name, None)
            alone = type("", (), {"__annotations__": {name: hint}})
            with contextlib.suppress(Exception):  # as of what only type checkers import
                module = vars(sys.modules[base.__module__])
                found |= get_type_hints(alone, {**vars(base)}, module)
    return found


def _is_declared(owner: Any, name: str, value: object) -> bool:
    """Return whether a value is the default itself: the class has said so.

    Or a class, where the default is a class and not what the annotation says.
    """
    default = owner.__dataclass_fields__[name].default
    is_class = isinstance(default, type) and isinstance(value, type)
    return is_class or same(default, value)


def _fits_plainly(value: Any, hint: Any) -> bool:
    """Return whether a value of the usual kinds fits; False if that takes a closer look."""
    if hint is Any or type(value) is hint or (hint is float and type(value) is int):
        return True
    if type(hint) is type and isinstance(value, hint):
        return True
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits_plainly(value, each) for each in inner)
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in inner)
    if not inner:  # a bare `List`
        return value is None and hint is type(None)
    if origin in (list, collections.abc.Sequence) and type(value) is list:
        return all(_fits_plainly(each, inner[0]) for each in value)
    if origin in (dict, collections.abc.Mapping) and type(value) is dict:
        keys = all(_fits_plainly(each, inner[0]) for each in value)
        return keys and all(_fits_plainly(each, inner[1]) for each in value.values())
    if origin is tuple and type(value) is tuple and len(value) == len(inner):
        return all(map(_fits_plainly, value, inner))
    return False


@functools.cache
def _tell_missing() -> None:
    said = "values of some types are not checked: pip install typeguard"
    print(said, file=sys.stderr)


def _fits_closely(value: Any, hint: Any) -> bool:
    try:
        import typeguard
    except ImportError:
        _tell_missing()
        return True
    try:
        typeguard.check_type(
            value,
            hint,
            forward_ref_policy=typeguard.ForwardRefPolicy.IGNORE,
            collection_check_strategy=typeguard.CollectionCheckStrategy.ALL_ITEMS,
        )
    except typeguard.TypeCheckError:
        return False
    except Exception:  # an annotation such as `[int]` is no type
        return True
    return True
