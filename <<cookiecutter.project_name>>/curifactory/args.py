"""ExperimentArgs, the base of a project's argsets, and the snapshots taken of them."""

import copy
import dataclasses
import re
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from . import hashing
from .errors import IdentityError, RequestError, nearest

Self = TypeVar("Self", bound="ExperimentArgs")
ATOMIC = frozenset(
    {type(None), bool, int, float, complex, str, bytes, type}
    | {FunctionType, BuiltinFunctionType, ModuleType}
)


if TYPE_CHECKING:

    @dataclasses.dataclass
    class _Named:
        name: str = ""

else:  # no dataclass here: its children could then not be frozen
    _Named = object


class ExperimentArgs(_Named):
    """Extend this class with a dataclass that declares the parameters of a project.

    Each subclass has the field `name`, a label: argsets that differ in nothing else
    share every result. Setting an attribute that is not a field is an error.
    """

    __slots__ = ("__dict__", "__weakref__", "_sealed")

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        inherits = any("__dataclass_fields__" in vars(base) for base in cls.__mro__)
        if not inherits and "name" not in vars(cls).get("__annotations__", {}):
            cls.__annotations__ = {"name": "str", **cls.__annotations__}
            cls.name = ""

    def __setattr__(self, name: str, value: object) -> None:
        if getattr(self, "_sealed", False):
            raise RequestError(
                f"{self.name!r}: {name} cannot be set, an argset is fixed once it is "
                "returned by get_params() or given to a record",
                f"make a changed copy: dataclasses.replace(args, {name}=...)",
            )
        if name not in field_names(type(self)) and name != "_sealed":
            raise RequestError(
                f"{type(self).__name__} has no field {name!r}",
                nearest(name, field_names(type(self))),
            )
        object.__setattr__(self, name, value)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _restore, (type(self), dict(values(self)))

    @property
    def hash(self) -> str:
        """The readable identity of the content, the name left out."""
        cls = type(self)
        names = [n for n in field_names(cls) if n != "name"]
        counted = [n for n in names if not is_operational(cls, n)]
        return hashing.digest({n: getattr(self, n) for n in counted})[:12]


def field_names(cls: Any) -> tuple[str, ...]:
    """Return the names of the fields of a class of argsets."""
    if cls not in _field_names:
        fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
        _field_names[cls] = tuple(field.name for field in fields) or ("name",)
    return _field_names[cls]


_field_names: dict[Any, tuple[str, ...]] = {}


def values(args: object) -> Iterator[tuple[str, Any]]:
    """Yield each field of an argset with its value."""
    for name in field_names(args.__class__):
        yield name, getattr(args, name)


def flat(args: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each field with its value; nested dataclasses field by field, dotted."""
    for name, value in values(args):
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def check_class(cls: type, where: str) -> None:
    """Refuse a class that declares parameters without being a dataclass."""
    for base in cls.__mro__:
        if not issubclass(base, ExperimentArgs) or base is ExperimentArgs:
            continue
        if "__dataclass_fields__" not in vars(base) and vars(base).get(
            "__annotations__"
        ):
            raise RequestError(
                f"{where}: {base.__name__} declares fields but is not a dataclass",
                "write @dataclass on the line above the class",
            )


def sealed(args: Self) -> Self:
    """Return a copy that shares nothing that could change, and refuses to be set."""
    made = args.__class__.__new__(args.__class__)
    for name, value in values(args):
        object.__setattr__(made, name, _private(value, f"{args.name}.{name}"))
    object.__setattr__(made, "_sealed", True)
    return made


def detached(value: Any) -> Any:
    """Return a deep copy of what could change, the value itself otherwise."""
    return value if type(value) in ATOMIC else copy.deepcopy(value)


def _private(value: Any, path: str) -> Any:
    try:
        return detached(value)
    except Exception as error:
        hashing.digest(value, path)  # most often this says better what is wrong
        hint = "give a name, path or number instead, and make the object inside a stage"
        raise IdentityError(path, f"cannot be copied: {error}", hint) from error


def short(value: object) -> str:
    """Return a text of at most 60 characters for messages."""
    # An address in memory says nothing about the value, and differs in every process.
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(value), flags=re.IGNORECASE)
    return text if len(text) <= 60 else text[:57] + "..."


def is_operational(cls: type, name: str) -> bool:
    """Return whether a field is declared to have no influence on results."""
    field = getattr(cls, "__dataclass_fields__", {}).get(name)
    return field is not None and bool(field.metadata.get("operational"))


def _restore(cls: type[Self], content: dict[str, Any]) -> Self:
    made = cls.__new__(cls)
    for name, value in content.items():
        object.__setattr__(made, name, value)
    return made
