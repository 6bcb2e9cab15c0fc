"""ExperimentArgs, the base of a project's argsets, and the snapshots taken of them."""

import collections
import copy
import dataclasses
import functools
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import hashing, plain, sources
from .errors import IdentityError, RequestError, nearest
from .plain import ATOMIC

field_names: Callable[[Any], tuple[str, ...]] = hashing.field_names

Self = TypeVar("Self", bound="ExperimentArgs")
T = TypeVar("T")
REDACTED = "***"


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
"""What `diff` shows of a field that one of the two does not have."""


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

    if not TYPE_CHECKING:  # __init__ tells what it takes

        def __new__(cls, /, *_: Any, **__: Any) -> Any:
            made = super().__new__(cls)
            # Each setting of a field looks at it: that takes long where nothing is.
            _SEALED.__set__(made, False)
            return made

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        inherits = any("__dataclass_fields__" in vars(base) for base in cls.__mro__)
        own = sources.annotations(cls)
        rules: Any = vars(cls).get(hashing.RULES, {})
        if isinstance(rules, dataclasses.Field):  # it speaks of fields, and is none
            own.pop(hashing.RULES, None)
            cls.__annotations__ = own
            setattr(cls, hashing.RULES, hashing.declared(rules))
        elif not isinstance(rules, Mapping):
            said = f"{cls.__name__}: {hashing.RULES} is {short(rules)}, no dictionary"
            hint = f"{hashing.RULES}: dict = set_hash_functions(gpus=None)"
            raise RequestError(said, hint)
        if "hashing_functions" in vars(cls) or "hashing_functions" in own:
            said = f"{cls.__name__}: hashing_functions is the name of older releases"
            raise RequestError(said, f"write {hashing.RULES} instead")
        for name in sorted({"copy", "diff", "hash"}.intersection(own)):
            said = f"no field can be named {name!r}, every argset has that"
            hint = f"choose another name, such as {name}_"
            raise RequestError(f"{cls.__name__}: {said}", hint)
        if not inherits and "name" not in own:
            cls.__annotations__ = {"name": "str", **own}
            cls.name = ""
        for method in ("__eq__", "__repr__"):  # @dataclass would make its own
            if method not in vars(cls):
                setattr(cls, method, getattr(cls, method))

    def __setattr__(self, name: str, value: object) -> None:
        # A `__getattr__` of the class may answer, too.
        if getattr(self, "_sealed", False) is True:
            raise fixed(self.name, f"{name} cannot be set", name)
        cls: Any = type(self)
        if name not in field_names(cls):
            check_class(cls, f"setting {name}")
            raise unknown_field(cls, name)
        object.__setattr__(self, name, value)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _restore, (type(self), dict(values(self)))

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__ and same(self, other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return _described(self)

    @property
    def hash(self) -> str:
        """The readable identity of the content, the name left out."""
        cls: Any = type(self)
        is_tracked = cls is not self.__class__
        if not hashing.representations(cls) and not is_tracked:
            names, places = _counted(cls)
            digests = _field_digests(self)
            return hashing.hash_text(*names, *[digests[i] for i in places])[:12]
        # Within a stage the name would count as read.
        where = "args" if is_tracked else self.name
        counted = hashing.counted(self, where, but="name")
        found = sorted((n, plain.digest(v, f"{where}.{n}")) for n, v in counted)
        return hashing.hash_text(*chain(*zip(*found, strict=True)))[:12]

    def copy(self: Self, /, **changes: Any) -> Self:
        """Return a copy with other values for some fields; the two share nothing."""
        for name in changes:
            if name not in field_names(self.__class__):
                raise unknown_field(self.__class__, name)
        # Within a stage everything counts as read.
        read = self if type(self) is self.__class__ else copy.deepcopy(self)
        kept = {n: copied(read, n, v) for n, v in values(read) if n not in changes}
        if not dataclasses.is_dataclass(self):
            return self.__class__(**{**kept, **changes})
        return dataclasses.replace(_restore(self.__class__, kept), **changes)

    def diff(self, other: "ExperimentArgs") -> dict[str, tuple[Any, Any]]:
        """Return {field: (mine, theirs)} of all but the name; nested fields dotted."""
        found = dict(_differences(self, other, ""))
        found.pop("name", None)
        return found


def changed(owner: Any, changes: Mapping[str, Any]) -> Any:
    """Return a copy of an argset with other values, all set at once.

    A dotted path leads into a dataclass or dictionary within it, which is copied as
    well. Raises RequestError for a field, or key, that there is not.
    """
    own: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        name, _, rest = path.partition(".")
        if name not in names_in(owner):
            raise unknown_in(owner, name)
        if rest:
            inner.setdefault(name, {})[rest] = value
        else:
            own[name] = plain.copied(value)
    for name, deeper in inner.items():
        held = own[name] if name in own else named(owner, name)
        if not has_names(held):
            shown = REDACTED if is_secret(type(owner), name) else short(held)
            said = f"{name} is {shown}, which has no field {next(iter(deeper))!r}"
            raise RequestError(said, f"give {name} as a whole")
        own[name] = changed(held, deeper)
    if isinstance(owner, ExperimentArgs):
        return owner.copy(**own)
    if type(owner) is dict:
        return {**plain.copied(owner), **own}
    return dataclasses.replace(plain.copied(owner), **own)


def has_names(value: Any) -> bool:
    """Return whether a dotted path may lead into a value."""
    return is_nested(value) or type(value) is dict


def names_in(owner: Any) -> Sequence[str]:
    """Return what a dotted path may go on with: fields, or the keys that are texts."""
    if type(owner) is dict:
        return [key for key in owner if type(key) is str]
    return field_names(type(owner))


def named(owner: Any, name: str) -> Any:
    """Return a field of a dataclass, or what a dictionary has under a key; or None."""
    return owner.get(name) if type(owner) is dict else getattr(owner, name, None)


def unknown_in(owner: Any, name: str) -> RequestError:
    """Return the error for a field or a key that there is not."""
    if type(owner) is not dict:
        return unknown_field(type(owner), name)
    return RequestError(f"there is no key {name!r}", nearest(name, names_in(owner)))


def parameter(
    default: Any = dataclasses.MISSING,
    *,
    operational: bool = False,
    secret: bool = False,
    represent: Callable[[Any], object] | None = None,
    **options: Any,
) -> Any:
    """Declare a field of a dataclass that says more than a type and a default.

    An operational field has no influence on results and never counts; a secret one
    counts, and is shown as ***; represent(value) stands for the value in identities.
    The options are those of dataclasses.field.
    """
    said = {"operational": operational, "secret": secret, "represent": represent}
    metadata = {**options.pop("metadata", {}), **{k: v for k, v in said.items() if v}}
    return dataclasses.field(default=default, metadata=metadata, **options)


_SEALED: Any = vars(ExperimentArgs)["_sealed"]


def set_hash_functions(
    *first: Any, **functions: Callable[[Any, Any], object] | None
) -> Any:
    """Say what stands for fields in identities: function(args, value); None: nothing.

    hash_representations: dict = set_hash_functions(gpus=None, model=lambda a, m: m.id)
    A dictionary of them may come first.
    """
    # A dataclass refuses a dictionary as default, and sets no field that is not of init.
    rules: Any = functools.partial(dict, *first, **functions)
    return dataclasses.field(default=rules, init=False, repr=False, compare=False)


def values(args: object) -> Iterator[tuple[str, Any]]:
    """Return each field of an argset with its value."""
    return zip(field_names(args.__class__), contents(args), strict=True)


def contents(args: object) -> tuple[Any, ...]:
    """Return the values of all fields of an argset, in order."""
    cls: Any = args.__class__
    try:
        return _getter(cls)(args)
    except AttributeError as error:
        said = f"field {error.name!r} of an instance of {cls.__name__} has no value"
        raise RequestError(said, "set it in __init__ or __post_init__") from error


class Repeated(Generic[T]):
    """Finds something out about each field of many argsets, one after the other.

    Most values are the very ones of the argset before: what was found holds for them,
    unless somebody could have changed them.
    """

    def __init__(self, find: Callable[[Any, str, Any], T]) -> None:
        self.find = find
        self._last: dict[type, tuple[tuple[Any, ...], list[T], set[int]]] = {}
        sources.known_of_classes.append(self._last.clear)

    def __call__(self, args: Any) -> list[T]:
        """Return what was found for each field, in order."""
        cls: Any = type(args)
        names, given = field_names(cls), _getter(cls)(args)
        if cls not in self._last:
            nothing: list[Any] = [None] * len(names)
            self._last[cls] = (ABSENT,) * len(names), nothing, set()
        known, earlier, loose = self._last[cls]
        same = enumerate(map(operator.is_, given, known))
        changed = [i for i, is_same in same if not is_same or i in loose]
        found, own = earlier.copy(), set()
        for i in changed:
            found[i] = self.find(args, names[i], given[i])
            if type(given[i]) not in ATOMIC and not plain.is_fixed(given[i]):
                own.add(i)
        self._last[cls] = given, found, own
        return found


@functools.cache
def _getter(cls: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gives the values of all fields at once."""
    names = field_names(cls)
    if len(names) > 1:
        return operator.attrgetter(*names)
    return lambda args: tuple(getattr(args, name) for name in names)


@functools.cache
def _counted(cls: Any) -> tuple[list[str], list[int]]:
    """Return the fields that make the content, in order, and their places."""
    names = field_names(cls)
    found = sorted(name for name in names if name != "name")
    return found, [names.index(name) for name in found]


_field_digests = Repeated(
    lambda args, n, v: plain.digest(v, f"{args.name}.{n}") if n != "name" else ""
)
sources.known_of_classes += [_getter.cache_clear, _counted.cache_clear]


def fixed(label: str, said: str, name: str) -> RequestError:
    """Return the error for a change of an argset that others rely on."""
    return RequestError(
        f"{label!r}: {said}, an argset is fixed once it is returned by get_params() or "
        "given to a record",
        f"make a changed copy: dataclasses.replace(args, {name}=...)",
    )


def unknown_field(cls: type, name: str) -> RequestError:
    """Return the error for a field that a class does not have."""
    hint = nearest(name, field_names(cls))
    value = vars(cls).get(name, ABSENT)
    is_defined = getattr(value, "__qualname__", "") == f"{cls.__qualname__}.{name}"
    is_bare = type(value) in ATOMIC and name not in sources.annotations(cls)
    if is_bare and not is_defined:  # as methods are
        kind = type(value).__name__
        hint = f"write {name}: {kind} = {short(value)} there: without a type it is none"
    return RequestError(f"{cls.__name__} has no field {name!r}", hint)


def is_nested(value: object) -> bool:
    """Return whether a value is looked at field by field."""
    cls = type(value)
    return cls not in ATOMIC and hasattr(cls, "__dataclass_fields__")


def flat(args: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each field as it may be shown; nested dataclasses by field, dotted."""
    for name, value in values(args):
        yield from flat_field(args, name, value, prefix)


def flat_field(
    owner: object, name: str, value: Any, prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield one field as it may be shown, or those within it."""
    if is_secret(owner.__class__, name):
        yield prefix + name, REDACTED
    elif is_nested(value):
        yield from flat(value, f"{prefix}{name}.")
    else:
        yield prefix + name, value


def same(mine: Any, theirs: Any) -> bool:
    """Return whether two values have the same type and content, arrays included."""
    if mine is theirs:
        return True
    if mine.__class__ is not theirs.__class__:
        return False
    if type(mine) in (float, complex):  # of which -0.0 is another one than 0.0
        return repr(mine) == repr(theirs)
    if type(mine) in ATOMIC:
        return bool(mine == theirs)
    if is_nested(mine):
        fields = (field for field in dataclasses.fields(mine) if field.compare)
        names = [field.name for field in fields]
        return all(same(getattr(mine, n), getattr(theirs, n)) for n in names)
    if plain.are_alike(mine, theirs):
        return True
    try:
        return hashing.digest(mine) == hashing.digest(theirs)
    except IdentityError:
        return False


def _differences(
    mine: object, theirs: object, prefix: str
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    names = field_names(mine.__class__) + field_names(theirs.__class__)
    for name in dict.fromkeys(names):
        one, other = getattr(mine, name, ABSENT), getattr(theirs, name, ABSENT)
        if is_nested(one) and one.__class__ is other.__class__:
            yield from _differences(one, other, f"{prefix}{name}.")
        elif not same(one, other):
            yield prefix + name, (one, other)


def _described(args: Any) -> str:
    """Return the class with the fields that differ from their defaults."""
    cls = args.__class__
    known = {f.name: f for f in dataclasses.fields(cls)} if is_nested(args) else {}
    shown = []
    for name, value in values(args):
        field = known.get(name)
        if field is None or not same(value, default_of(field)):
            shown.append(f"{name}={_shown(cls, name, value)}")
    return f"{cls.__qualname__}({', '.join(shown)})"


def _shown(cls: type, name: str, value: object) -> str:
    if is_secret(cls, name):
        return REDACTED
    return _described(value) if is_nested(value) else _text(value)


def _text(value: Any) -> str:
    """Return the repr of a value, without the secrets of dataclasses in it."""
    if has_secrets(value):
        return _described(value) if is_nested(value) else REDACTED
    text = repr(value)
    if "{" not in text or type(value) not in BRACKETS:  # as most
        return text
    is_endless = any(mark in text for mark in ENDLESS)
    return text if is_endless else collected(value, _text)


BRACKETS: dict[Any, str] = {
    list: "[{}]",
    tuple: "({})",
    set: "{{{}}}",
    frozenset: "frozenset({{{}}})",
    dict: "{{{}}}",
}
ENDLESS = "[...]", "(...)", "{...}"
"""What Python writes of a collection that holds itself."""


def collected(value: Any, text: Callable[[Any], str]) -> str:
    """Return a collection as Python writes it, by the texts of what is in it.

    Sets are written in one order: each process has them in another.
    """
    if not value:
        return repr(value)
    if type(value) is dict:
        parts = [f"{text(k)}: {text(v)}" for k, v in value.items()]
    else:
        parts = [*map(text, value)]
    if type(value) in (set, frozenset):
        parts.sort()
    is_single = type(value) is tuple and len(value) == 1
    return BRACKETS[type(value)].format(", ".join(parts) + "," * is_single)


def has_secrets(value: Any, depth: int = 5) -> bool:
    """Return whether a value is a dataclass with a secret field, or has one in it."""
    cls = type(value)
    if is_nested(value):
        return any(is_secret(cls, n) or has_secrets(v) for n, v in values(value))
    if depth and isinstance(value, (list, tuple, set, frozenset, dict)):
        inner = value.values() if isinstance(value, dict) else value
        return any(has_secrets(each, depth - 1) for each in inner)
    return False


def secrets_in(args: Any) -> Iterator[str]:
    """Yield what is secret in an argset, as the texts of others may hold it."""
    waiting, met = [(args, False)], set[tuple[int, bool]]()
    for value, is_hidden in waiting:  # it grows
        if is_hidden and type(value) in (str, bytes, int, float):
            text = str(value)
            yield from (text, repr(text)[1:-1]) if len(text) > 3 else ()  # anywhere
        elif (id(value), is_hidden) not in met:  # it may hold itself
            met.add((id(value), is_hidden))
            if is_nested(value):
                for name, each in values(value):
                    waiting.append((each, is_hidden or is_secret(type(value), name)))
            elif isinstance(value, (list, tuple, set, frozenset, dict)):
                inner = value.values() if isinstance(value, dict) else value
                found = (e for e in inner if is_hidden or type(e) not in ATOMIC)
                waiting += [(each, is_hidden) for each in found]


def default_of(field: "dataclasses.Field[Any]") -> Any:
    """Return the default of a field; ABSENT if it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return ABSENT if field.default is dataclasses.MISSING else field.default


def no_dataclass(what: str) -> RequestError:
    """Return the error for a class above which a line was forgotten."""
    hint = "write @dataclass on the line above the class"
    return RequestError(f"{what} is not a dataclass", hint)


@functools.cache
def check_class(cls: type, where: str) -> None:
    """Refuse a class whose declarations would not be heeded."""
    for name in hashing.representations(cls):
        if name not in field_names(cls) and name != hashing.RULES:
            wrong = unknown_field(cls, name)
            raise RequestError(f"{where}: {hashing.RULES}: {wrong.message}", wrong.hint)
    for base in cls.__mro__:
        is_own = issubclass(base, ExperimentArgs) and base is not ExperimentArgs
        is_dataclass = "__dataclass_fields__" in vars(base)
        if is_own and not is_dataclass and sources.annotations(base):
            wrong = no_dataclass(f"{base.__name__} declares fields but")
            raise RequestError(f"{where}: {wrong.message}", wrong.hint)


def sealed(args: Self, copy_of: Callable[[Any], Any] = plain.copied) -> Self:
    """Return a copy that shares nothing that could change, and refuses to be set."""
    cls: Any = args.__class__
    made: Self = cls.__new__(cls)
    for name, value in values(args):
        if type(value) not in ATOMIC:
            value = copied(args, name, value, copy_of)
        object.__setattr__(made, name, value)
    seal(made)
    return made


def seal(args: object) -> None:
    """Let an argset refuse to be set from now on."""
    _SEALED.__set__(args, True)


def copied(
    args: Any, name: str, value: Any, copy_of: Callable[[Any], Any] = plain.copied
) -> Any:
    """Return a copy of the value of a field.

    Where there is none, it is the value itself, if something else stands for it in
    digests; else it is refused.
    """
    try:
        return copy_of(value)
    except Exception as error:
        if name in hashing.representations(args.__class__):
            return value
        path = f"{getattr(args, 'name', args.__class__.__name__)}.{name}"
        raise plain.uncopied(value, path, error) from error


def short(value: object, most: int = 60) -> str:
    """Return a text of one line for messages, with at most so many characters."""
    try:
        text = plain_repr(value)
        if "\n" in text:  # as of arrays and data frames
            text = " ".join(text.split())
    except Exception as error:
        text = f"a {type(value).__name__} without a repr ({error})"
    return text if len(text) <= most else text[: most - 3] + "..."


def plain_repr(value: object) -> str:
    """Return the repr without addresses in memory, which differ in every process."""
    return without_addresses(_text(value))


def without_addresses(text: str) -> str:
    """Return a text without addresses in memory."""
    return _ADDRESS.sub("", text)


_ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)


def is_secret(cls: type, name: str) -> bool:
    """Return whether a field is declared to be shown to nobody."""
    field = getattr(cls, "__dataclass_fields__", {}).get(name)
    return field is not None and bool(field.metadata.get("secret"))


def distinct(names: list[str]) -> list[str]:
    """Return names with a number behind those that occur more than once."""
    numbered = [f"{name}_{place}" for place, name in enumerate(names)]
    counts = collections.Counter(names)
    pairs = zip(names, numbered, strict=True)
    found = [both if counts[name] > 1 else name for name, both in pairs]
    return found if len(set(found)) == len(found) else numbered


def is_hidden(args: object, path: str) -> bool:
    """Return whether a dotted field of an argset, or one that it lies in, is secret."""
    *owners, last = path.split(".")
    for name in owners:
        if is_secret(type(args), name):
            return True
        args = named(args, name)
    return is_secret(type(args), last)


def _restore(cls: type[Self], content: dict[str, Any]) -> Self:
    made = cls.__new__(cls)
    for name, value in content.items():
        object.__setattr__(made, name, value)
    return made


def check_name(name: Any, place: str) -> None:
    """Refuse a name that cannot be written on a line; any other text will do."""
    if not isinstance(name, str):
        raise RequestError(f"{place}: the name of an argset is text, not {name!r:.80}")
    if name.isprintable():
        return
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise RequestError(f"{place}: the name {name!r} has a control character")
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        raise RequestError(f"{place}: the name {name!r} is no valid text")
