"""How values of well-known libraries are pickled and copied, so that equal ones stay so."""

import contextlib
import copy
import copyreg
import io
import pathlib
import pickle
import sys
from collections.abc import Callable, Mapping
from typing import Any

from . import sources

if sys.version_info < (3, 13):
    sys.modules["pathlib._local"] = pathlib  # so Python 3.13 itself calls it in pickles
PATH = type(pathlib.Path())


class Placeless(pickle.Pickler):
    """Says which paths lie in the project, and not where that lies."""

    def persistent_id(self, value: Any) -> str | None:
        placed = sources.placed(value) if type(value) is str else value
        return None if placed is value else placed


def pickled(value: Any, kind: type[pickle.Pickler] = pickle.Pickler) -> bytes:
    """Return the bytes of a pickle, the same each time; see `reducers`."""
    data = io.BytesIO()
    pickler = kind(data, protocol=5)
    pickler.dispatch_table = reducers()
    pickler.dump(value)
    return data.getvalue()


def reducers() -> Mapping[type, Callable[[Any], Any]]:
    """Return how pickle takes what it would refuse, or have other bytes for each time.

    What jax and numba have made of a function has a name. What torch pickles has the
    place of its numbers in memory, but for its newer format.
    """
    found: dict[type, Callable[[Any], Any]] = {**copyreg.dispatch_table}
    # As one text, in which the place of the project is seen; some Pythons have parts.
    found[PATH] = lambda path: (PATH, (str(path),))
    found.update(dict.fromkeys(_compiled(), _by_name))
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "UntypedStorage"):
        for kind in (torch.storage.TypedStorage, torch.UntypedStorage):
            found[kind] = storage
    return found


def deep_copy(value: Any, memo: dict[int, Any]) -> Any:
    """Return a copy, with compiled functions as they are: they are compiled once.

    Where the attributes of a mapping are its items, pickle makes the better one: their
    `__getattr__` may raise another error for a method that is missing, and one that is
    its own `__dict__` would come back without attributes.
    """
    table = copyreg.dispatch_table
    added = {kind: _by_name for kind in _compiled() if kind not in table}
    table.update(added)
    try:
        if getattr(value, "__dict__", None) is not value:
            return copy.deepcopy(value, memo)
        return pickle.loads(pickled(value))
    except KeyError as error:
        with contextlib.suppress(Exception):
            return pickle.loads(pickled(value))
        raise error
    finally:
        for kind in added:
            table.pop(kind, None)


def _compiled() -> list[type]:
    """Return the classes of what jax and numba make of functions."""
    found: list[type] = []
    jax: Any = sys.modules.get("jax")
    if hasattr(jax, "custom_jvp"):
        made = jax.numpy.tanh, jax.numpy.add
        found += [jax.custom_jvp, jax.custom_vjp, *map(type, made)]
    numba: Any = sys.modules.get("numba.core.registry")
    return [*found, numba.CPUDispatcher] if hasattr(numba, "CPUDispatcher") else found


def storage(value: Any) -> tuple[Any, ...]:
    """Return what pickle makes the numbers of a tensor again from."""
    torch, data = sys.modules["torch"], io.BytesIO()
    torch.save(value, data)
    return torch.storage._load_from_bytes, (data.getvalue(),)


def _by_name(value: Any) -> Any:
    return sources.known_as(value) or value.__reduce_ex__(4)
