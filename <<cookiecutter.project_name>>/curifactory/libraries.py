"""What makes values of well-known libraries equal: arrays, frames, tensors, loggers."""

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from . import pickling, sources


class Walk(Protocol):
    """One digest in the making, as rules see it."""

    parts: list[bytes]
    opaque: Any

    def tag(self, *texts: str) -> None: ...

    def add(self, value: Any, path: str) -> None: ...

    def reduce(self, value: Any, path: str) -> None: ...

    def met_as(self, value: Any) -> int | None: ...


Rule = Callable[[Walk, Any, str], None]


def _fraction(walk: Walk, value: Any, path: str) -> None:
    walk.tag("fraction", sources.qualified(type(value)))
    walk.add((value.numerator, value.denominator), path)


def _array(walk: Walk, value: Any, path: str) -> None:
    """Arrays count by dtype, shape and bytes in C order, never by their strides."""
    kind = sources.qualified(type(value))
    walk.tag("array", kind, repr(value.dtype), repr(value.shape))
    if value.dtype.hasobject:
        walk.add(value.ravel().tolist(), path)
    elif value.dtype.names and _has_gaps(value.dtype):  # with anything in them
        for name in value.dtype.names:
            walk.add(value[name], path)
    else:
        plain = sys.modules["numpy"].asarray(value)  # one with a unit gives no bytes
        plain = plain.astype(str) if plain.dtype.char in "gG" else plain  # long doubles
        walk.parts.extend(map(type(plain).tobytes, [plain]))  # made if it is asked for


def _has_gaps(dtype: Any) -> bool:
    """Return whether there are bytes in records that belong to no number."""
    inner = [dtype.fields[name][0] for name in dtype.names or ()]
    is_full = not inner or sum(each.itemsize for each in inner) == dtype.itemsize
    return not is_full or dtype.char in "gG" or any(_has_gaps(e.base) for e in inner)


def _masked(walk: Walk, value: Any, path: str) -> None:
    walk.tag("masked")
    for each in (value.data, value.mask, value.fill_value):
        walk.add(each, path)


def _random(walk: Walk, value: Any, path: str) -> None:
    """A generator counts by its state; the one of the whole process by what it is."""
    module = sys.modules[type(value).__module__]
    if value is getattr(module, "_rand", None):
        walk.tag("numpy's own random state")
    elif value is getattr(module, "_inst", None):
        walk.tag("Python's own random state")
    else:
        walk.reduce(value, path)


def _distribution(walk: Walk, value: Any, path: str) -> None:
    """A frozen distribution of scipy: which one, its parameters, what it draws from.

    What holds numbers of its own, as a histogram does, counts as any other object.
    """
    kind, name = type(value.dist), str(value.dist.name)
    if type(getattr(sys.modules.get("scipy.stats"), name, None)) is not kind:
        walk.reduce(value, path)
        return
    walk.tag("distribution", name)
    walk.add((kind, value.args, value.kwds), path)
    walk.add(value.random_state, f"{path}.random_state")


def _library(walk: Walk, value: Any, path: str) -> None:
    """A library of compiled code: one of the project counts by its bytes."""
    place = os.path.abspath(str(value._name))
    is_own = sources.is_project_file(place) and os.path.isfile(place)
    walk.tag("library", "" if is_own else os.path.basename(place))
    if is_own:
        walk.parts.append(Path(place).read_bytes())


def _frame(walk: Walk, value: Any, path: str) -> None:
    walk.tag("frame", sources.qualified(type(value)))
    _attrs(walk, value, path)
    walk.add(value.columns, f"{path}.columns")
    walk.add(value.index, f"{path}.index")
    for position in range(value.shape[1]):
        walk.add(value.iloc[:, position], f"{path}[{position}]")


def _series(walk: Walk, value: Any, path: str) -> None:
    """A pandas Series or Index: names, dtype, values."""
    walk.tag("series", sources.qualified(type(value)), str(value.dtype))
    _attrs(walk, value, path)
    walk.add(getattr(value.dtype, "categories", None), f"{path}.categories")
    walk.add(getattr(value.dtype, "ordered", None), path)
    walk.add(list(getattr(value, "names", None) or [value.name]), f"{path}.name")
    if hasattr(value, "index"):
        walk.add(value.index, f"{path}.index")
    kind = type(value.dtype)
    is_own = sources.package_of(kind) == "pandas"  # others keep more than the values
    is_other = ("pandas", "ExtensionDtype") in names_of(kind) and not is_own
    walk.add(value.array if is_other else value.to_numpy(), path)


def _attrs(walk: Walk, value: Any, path: str) -> None:
    """What pandas carries beside the values, where there is any."""
    for name in ("attrs", "freq"):
        found = getattr(value, name, None)
        if found:
            walk.tag(name)
            walk.add(found if name == "attrs" else str(found), f"{path}.{name}")


def _tensor(walk: Walk, value: Any, path: str) -> None:
    """A tensor of torch counts as arrays do; pickled, it has its place in memory in it."""
    torch = sys.modules["torch"]
    is_other = torch.nn.parameter.is_lazy(value) or value.layout != torch.strided
    if is_other or value.is_quantized or value.is_meta or value.is_nested:
        walk.reduce(value, path)
        return
    gradient = str(value.requires_grad)
    kind = sources.qualified(type(value))
    walk.tag("tensor", kind, repr(value.dtype), repr(tuple(value.shape)), gradient)
    walk.parts.extend(map(_bytes_of, [value]))  # made if it is asked for
    walk.add(vars(value), path)


def _bytes_of(tensor: Any) -> bytes:
    values = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().flatten()
    data: bytes = values.view(sys.modules["torch"].uint8).numpy().tobytes()
    return data


def _numbers(walk: Walk, value: Any, path: str) -> None:
    walk.tag("numbers", sources.qualified(type(value)))
    walk.add(pickling.storage(value)[1], path)


def _table(walk: Walk, value: Any, path: str) -> None:
    """A polars DataFrame counts by its columns; pickled, equal ones differ."""
    walk.tag("table", sources.qualified(type(value)))
    walk.add(value.get_columns(), path)


def _column(walk: Walk, value: Any, path: str) -> None:
    walk.tag("column", sources.qualified(type(value)), value.name, str(value.dtype))
    is_plain = value.dtype.is_numeric() and not value.null_count()
    walk.add(value.to_numpy() if is_plain else value.to_list(), path)


def _config(walk: Walk, value: Any, path: str) -> None:
    """A configuration of OmegaConf, with its interpolations as they are written."""
    walk.tag("configuration", type(value).__name__)
    of = sys.modules["omegaconf"].OmegaConf
    plain = of.to_container(value, resolve=False)
    walk.add((plain, [*_kinds(value, of)]), path)
    whole = value._get_root()
    if "${" in repr(plain) and whole is not value:
        walk.tag(value._get_full_key(None))
        walk.add(whole, path)


def _kinds(value: Any, of: Any) -> Iterator[Any]:
    """Yield the classes behind a configuration and those in it: equal ones may differ."""
    yield of.get_type(value)
    content = value._content
    for each in content.values() if isinstance(content, dict) else content or ():
        if of.is_config(each):
            yield from _kinds(each, of)


def _unit(walk: Walk, value: Any, path: str) -> None:
    """Its text may round its scale, and others may have its name."""
    made = value.decompose()
    walk.tag("unit", str(value), repr(made.scale), str(made))


def _uncertain(walk: Walk, value: Any, path: str) -> None:
    """A number of uncertainties, by what it depends on: a variable, on itself.

    Numbers that depend on one variable are correlated, on two equal ones they are not.
    """
    slopes = value.derivatives.items()
    on = [(x.n, x.s, x.tag, slope, walk.met_as(x)) for x, slope in slopes]
    walk.tag("uncertain", sources.qualified(type(value)))
    walk.add((value.n, on), path)


def _layer(walk: Walk, value: Any, path: str) -> None:
    """What keras saves counts by its settings and weights; its files tell the time.

    Its name counts how many of its kind there were before.
    """
    config = {name: each for name, each in value.get_config().items() if name != "name"}
    walk.tag("settings")
    walk.add((type(value), config), path)
    weights = [each.numpy() for each in getattr(value, "weights", ())]
    walk.add(weights, f"{path}.weights")


def _logger(walk: Walk, value: Any, path: str) -> None:
    """In code, the name of a module of the project does not count: it may move."""
    if type(value).__module__ != "logging":
        walk.reduce(value, path)
        return
    is_own = sources.is_project(sources.module_named(value.name))
    walk.tag("logger", "" if is_own and walk.opaque is not None else value.name)


def _zone(walk: Walk, value: Any, path: str) -> None:
    if value.key is None:  # it was made of a file
        walk.reduce(value, path)
    else:
        walk.tag("zone", value.key)


RULES: dict[tuple[str, str], Rule] = {
    ("astropy", "UnitBase"): _unit,
    ("ctypes", "CDLL"): _library,
    ("fractions", "Fraction"): _fraction,
    ("keras", "KerasSaveable"): _layer,
    ("logging", "Logger"): _logger,
    ("numpy", "MaskedArray"): _masked,
    ("numpy", "ndarray"): _array,
    ("numpy", "generic"): _array,
    ("numpy", "RandomState"): _random,
    ("omegaconf", "Container"): _config,
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): _series,
    ("pandas", "Index"): _series,
    ("random", "Random"): _random,
    ("zoneinfo", "ZoneInfo"): _zone,
    ("polars", "DataFrame"): _table,
    ("polars", "Series"): _column,
    ("scipy", "rv_frozen"): _distribution,
    ("torch", "Tensor"): _tensor,
    ("torch", "TypedStorage"): _numbers,
    ("torch", "UntypedStorage"): _numbers,
    ("uncertainties", "AffineScalarFunc"): _uncertain,
}
"""By package and name of the class: none is imported for it."""

OF_FLAX = frozenset({"_id", "_parent_ref", "_state"})
"""What modules of flax keep for themselves, and what would differ in equal ones."""

LAZY = {("polars", "LazyFrame"), ("pyarrow", "Dataset")}
"""Whose pickles have the names of files, and nothing of what is in them."""

WITH_CLASS = (_config, _layer, _library, _logger, _random, _uncertain, _unit)
CLASSLESS = {*RULES.values()} - {*WITH_CLASS}
"""Those that say nothing of a class that extends theirs, nor of what it adds."""

DATA = {_array, _masked, _frame, _series, _tensor, _table, _column}
"""Those of values that change when somebody changes them, and not when they are used."""


def is_data(value: Any) -> bool:
    """Return whether a value is an array, a frame or part of one."""
    return not DATA.isdisjoint(map(RULES.get, names_of(type(value))))


def objects_in(value: Any) -> Iterable[Any]:
    """Return what is in an array of objects; nothing for other values."""
    is_of_objects = getattr(getattr(value, "dtype", None), "hasobject", False)
    return getattr(value, "flat", ()) if is_of_objects else ()


def _kinds_in(frame: Any) -> list[Any]:
    """Return what frames of equal values may differ in, as in the order of categories."""
    axes = [(type(each), each.names, repr(each.dtype)) for each in frame.axes]
    return [*axes, *map(repr, frame.dtypes)]


def are_surely_equal(mine: Any, theirs: Any) -> bool:
    """Return whether two arrays of numbers, or frames, are equal, at a glance.

    Nothing is copied for it.
    """
    if type(mine) is getattr(sys.modules.get("numpy"), "ndarray", None):
        size = mine.dtype.itemsize
        word = next(f"i{each}" for each in (8, 4, 2, 1) if size % each == 0)
        is_alike = mine.dtype == theirs.dtype and mine.shape == theirs.shape
        return is_alike and bool((mine.view(word) == theirs.view(word)).all())
    if type(mine) is getattr(sys.modules.get("pandas"), "DataFrame", None):
        is_alike = mine.attrs == theirs.attrs and _kinds_in(mine) == _kinds_in(theirs)
        return is_alike and bool(mine.equals(theirs))
    return False


@functools.cache
def reads_later(cls: Any) -> bool:
    """Return whether objects stand for files that are read when they are used."""
    return not LAZY.isdisjoint(names_of(cls))


def names_of(cls: type) -> set[tuple[str, str]]:
    """Return the package and the name of a class and of all that it extends."""
    return {(sources.package_of(each), each.__name__) for each in cls.__mro__}


@functools.cache
def own_names(cls: Any) -> frozenset[str]:
    """Return the attributes of an object that say nothing of what it is."""
    return OF_FLAX if ("flax", "Module") in names_of(cls) else frozenset()


def is_tree(value: Any) -> bool:
    """Return whether jax goes into a value, which it knows by its class and no other."""
    jax: Any = sys.modules.get("jax")
    return hasattr(jax, "tree_util") and not jax.tree_util.all_leaves([value])
