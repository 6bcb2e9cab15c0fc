"""Cachers: each saves and loads one kind of object at a path."""

import contextlib
import copy
import importlib
import json
import os
import pickle
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from . import hashing, pickling, sources
from .args import without_addresses
from .errors import ArtifactError, CurifactoryError

_WRITING = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
LARGE = 4_000_000
"""From how many bytes on a digest is found while they are written."""


def read_bytes(path: str) -> bytes:
    """Return the content of a file, with as few calls to the system as can be."""
    file = os.open(path, hashing.READING)
    try:
        size, parts = os.fstat(file).st_size, []
        while part := os.read(file, size + 1):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(file)


def write_bytes(path: str, data: bytes) -> None:
    """Write a file anew, with as few calls to the system as can be."""
    file = os.open(path, _WRITING, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)


class Cacheable:
    """Extend this class to save and load one kind of object.

    `save` writes to `self.get_path()`, or below `self.get_dir()`; `load` reads from the
    same path. Commits, checksums and clean-up are the cache's own affair.
    """

    extension = name = _folder = ""
    placeless = ""
    """The digest of all but where the project lies, if a path into that was saved, as
    far as is seen."""

    def __init__(self, extension: str | None = None, **more: Any) -> None:
        self.extension = self.extension if extension is None else str(extension)
        given = self.extension if extension else "."
        if more or given[0] != "." or {"/", os.sep}.intersection(given):
            kind, shown = type(self).__name__, ", ".join(more)
            said = f"{kind}({given!r}): the extension of its files begins with a dot, "
            raise CurifactoryError(
                f"{kind} has no {shown}" if more else f"{said}and has no folder",
                f"the cache names its files: write {kind}(); a cacher of your own opens "
                "self.get_path() itself, as a stage opens record.get_path(name)",
            )

    def at(self, folder: str | Path, name: str) -> "Cacheable":
        """Return a copy of this cacher for the artifact `name` in a folder."""
        kind = type(self)
        placed = copy.copy(self) if hasattr(kind, "__slots__") else object.__new__(kind)
        vars(placed).update(vars(self), _folder=str(folder), name=name)
        return placed

    def get_path(self, suffix: str | None = None) -> str:
        """Return the path of the artifact, or of a further file with a suffix.

        A suffix such as `_weights.npy` has an extension of its own, `_lr0.1` has none.
        """
        is_whole = suffix and Path(suffix).suffix[1:2].isalpha()
        return f"{self._stem(suffix)}{'' if is_whole else self.extension}"

    def get_dir(self, suffix: str | None = None) -> str:
        """Return a folder for an artifact of several files; made if need be."""
        path = self._stem(suffix)
        os.makedirs(path, exist_ok=True)
        return path

    def _stem(self, suffix: str | None) -> str:
        if not self._folder:
            raise CurifactoryError(
                f"{type(self).__name__} has no place of its own to save to",
                "name it in @stage(cachers=...), and write other files to "
                "record.get_path(name)",
            )
        return f"{self._folder}/{self.name}{suffix or ''}"

    @classmethod
    def is_referring(cls) -> bool:
        """Return whether it may know of files elsewhere."""
        return cls.elsewhere is not Cacheable.elsewhere

    def elsewhere(self) -> Mapping[str, str]:
        """Return the files outside of the cache that belong to it, with their digests."""
        return {}

    def save(self, obj: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__}.save")

    def load(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__}.load")


class Lazy(str):
    """The name of an output that is loaded only when it is used; here, all are."""

    def __new__(cls, name: str, resolve: bool = True) -> "Lazy":
        if not isinstance(name, str) or resolve is not True:
            raise CurifactoryError(
                f"Lazy({name!r}, {resolve!r}): outputs have a name, and stages get values",
                'write Lazy("name"), the cacher in cachers=, and use the value itself',
            )
        return super().__new__(cls, name)


class OneFileCacher(Cacheable):
    """Extend this class where an object becomes one file: `dumps` and `loads` do it.

    What is written is known, so nobody has to read it again to learn its digest.
    """

    written: tuple[int, str] | None = None
    """Size and digest of the file that was saved."""

    def dumps(self, obj: Any) -> bytes:
        raise NotImplementedError(f"{type(self).__name__}.dumps")

    def loads(self, data: bytes) -> Any:
        raise NotImplementedError(f"{type(self).__name__}.loads")

    def save(self, obj: Any) -> None:
        data = self.dumps(obj)
        for place in sources.places:
            if place.search(data, 0, LARGE):
                self.placeless = hashing.hash_bytes(self.without_place(obj, data))
                break
        if len(data) < LARGE:
            write_bytes(self.get_path(), data)
            self.written = len(data), hashing.hash_bytes(data)
            return
        from concurrent.futures import ThreadPoolExecutor  # takes a while to import

        with ThreadPoolExecutor(1) as beside:  # neither holds up the other
            digest = beside.submit(hashing.hash_bytes, data)
            write_bytes(self.get_path(), data)
            self.written = len(data), digest.result()

    def without_place(self, obj: Any, data: bytes) -> bytes:
        """Return what was written, the same wherever the project lies."""
        for place in sources.places:
            data = place.sub(b"\0", data)
        return data

    def load(self) -> Any:
        return self.loads(read_bytes(self.get_path()))


class JsonCacher(OneFileCacher):
    """Plain data as JSON. Refuses what JSON would give back as something else."""

    extension = ".json"
    is_checked = False
    """Whether somebody has asked already what JSON would change."""

    def dumps(self, obj: Any) -> bytes:
        if not self.is_checked and (problem := json_problem(obj)):
            hint = "return plain lists, dicts and numbers, or take the PickleCacher"
            raise ArtifactError(f"JSON would change {problem}", hint)
        return json.dumps(obj).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data.decode())


class PickleCacher(OneFileCacher):
    """Any object that pickle can save."""

    extension = ".pkl"

    def dumps(self, obj: Any) -> bytes:
        try:
            data = pickling.pickled(obj)
            if sources.is_project(getattr(type(obj), "__getattr__", None)):
                pickle.loads(data)  # many ask it for what is not there yet, and so on
            return data
        except Exception as error:
            hint = "return plain data, write a cacher, or declare cachers=None"
            said = without_addresses(str(error))  # the same for all calls
            raise ArtifactError(f"pickle cannot save it: {said}", hint) from error

    def without_place(self, obj: Any, data: bytes) -> bytes:
        with contextlib.suppress(Exception):  # other picklers take what pickle refuses
            return pickling.pickled(obj, pickling.Placeless)
        return data

    def load(self) -> Any:
        with open(self.get_path(), "rb") as file:
            return pickle.load(file)


def own_copy(value: Any) -> Any:
    """Return a copy as pickle makes it; what cannot change needs none."""
    return value if type(value) in _JSON else pickling.deep_copy(value, {})


def detached_copy(value: Any) -> Any:
    """Return a copy as pickle makes it, or the value itself where it makes none."""
    try:
        return own_copy(value)
    except Exception:
        return value


class TextCacher(OneFileCacher):
    """A string as UTF-8 text."""

    extension = ".txt"

    def dumps(self, obj: Any) -> bytes:
        if type(obj) is not str:
            hint = "return a string, or take the PickleCacher"
            raise ArtifactError(f"it is a {type(obj).__name__}, not a string", hint)
        return obj.encode()

    def loads(self, data: bytes) -> Any:
        return data.decode()


class PathCacher(Cacheable):
    """A file or folder that the stage made: it loads as its Path.

    Best is one that the stage made in the cache, `record.get_path(name)` or `get_dir`:
    that is moved, others are copied.
    """

    def save(self, obj: Any) -> None:
        if not isinstance(obj, (str, Path)) or not Path(obj).exists():
            hint = "return the path of a file or folder that the stage has made"
            raise ArtifactError(f"there is no file or folder {obj!r:.200}", hint)
        source, target = Path(obj), Path(self.get_path())
        if Path(self._folder) in source.parents:
            source.rename(target)
        elif source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)

    def load(self) -> Any:
        return Path(self.get_path())


class AutoCacher(Cacheable):
    """Chooses by value: JSON for small plain data, pickle for all else."""

    def chosen(self, obj: Any) -> Cacheable:
        """Return the cacher that takes this object."""
        is_plain = json_problem(obj, most=1000) == ""
        return _PLAIN if is_plain else BY_NAME["PickleCacher"]


AUTO = AutoCacher()
_PLAIN = JsonCacher()
_PLAIN.is_checked = True
BY_NAME: dict[str, Cacheable] = {
    type(each).__name__: each for each in (JsonCacher(), PickleCacher(), TextCacher())
}


def cacher_of(declared: Cacheable | None, name: str) -> Cacheable:
    """Return the cacher that saved an artifact: the declared one, or the one chosen."""
    if declared is None or isinstance(declared, AutoCacher):
        return BY_NAME[name]
    return declared


def json_problem(obj: Any, most: int = 10_000_000) -> str:
    """Return what in a value JSON would not give back equal; empty if nothing."""
    waiting = [("the value", obj)]
    seen: set[int] = set()
    while waiting:
        path, value = waiting.pop()
        if type(value) in (dict, list):
            if id(value) in seen:
                return "a list or dict that occurs twice in it"
            seen.add(id(value))
        if most <= 0:
            return "a large value"
        most -= 1
        if type(value) is dict:
            for key in value:
                if type(key) is not str:
                    return f"the key {key!r} in {path} ({type(key).__name__})"
            if _is_flat(value.values()):
                most -= len(value)
            else:
                waiting.extend((f"{path}[{k!r}]", v) for k, v in value.items())
        elif type(value) is list:
            if _is_flat(value):
                most -= len(value)
            else:
                waiting.extend((f"{path}[{i}]", v) for i, v in enumerate(value))
        elif type(value) not in _JSON:
            return f"{path} (a {type(value).__name__})"
        elif type(value) is int and value.bit_length() > 10_000:
            return f"{path} (a number that Python does not write)"
    return "a large value" if most < 0 else ""


def _is_flat(values: Collection[Any]) -> bool:
    """Return whether these are texts and numbers that JSON gives back: no need to look."""
    if not _JSON.issuperset(map(type, values)):
        return False
    return all(each.bit_length() <= 10_000 for each in values if type(each) is int)


_JSON = frozenset({type(None), bool, int, float, str})


ELSEWHERE = {
    "FileReferenceCacher": "references",
    "NumpyCacher": "frames",
    "PandasCacher": "frames",
    "PolarsCacher": "frames",
}


RENAMED = {
    "PandasCSVCacher": 'PandasCacher("csv")',
    "PandasCsvCacher": 'PandasCacher("csv")',
    "PandasJsonCacher": 'PandasCacher("json")',
    "PathRef": "PathCacher",
    "RawJupyterNotebookCacher": "PathCacher, and return the file of the notebook",
}
"""Names of Curifactory, and what to write for them."""


def __getattr__(name: str) -> Any:
    """Import the cachers of the extras when they are asked for."""
    if name == "__all__":  # of `import *`: with those of the extras, if they are there
        public = [each for each in globals() if each[0] != "_"]
        try:
            return __getattr__("NumpyCacher") and [*public, *ELSEWHERE]
        except ImportError:
            return public
    if name in RENAMED:
        raise ImportError(f"there is no {name} here: write {RENAMED[name]}")
    if name not in ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"curifactory.extras.{ELSEWHERE[name]}")
    return getattr(module, name)
