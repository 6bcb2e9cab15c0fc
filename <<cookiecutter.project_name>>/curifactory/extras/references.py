"""A cacher for files that stay where they are."""

import json
import os
from pathlib import Path
from typing import Any

from .. import hashing, syntax
from ..caching import Cacheable
from ..errors import ArtifactError, DamagedError


class FileReferenceCacher(Cacheable):
    """Paths of files that stay where they are; what is in them counts.

    Where a file is gone or has another content, the stage runs again. A path inside
    the project is kept relative to it, so that the project can be moved.
    """

    extension = ".json"

    def save(self, obj: Any) -> None:
        kind = type(obj).__name__
        paths = obj if kind in ("list", "tuple") else [obj]
        files = [_reference(each) for each in paths]
        with open(self.get_path(), "w", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "files": files}, indent=1))

    def load(self) -> Any:
        with open(self.get_path(), encoding="utf-8") as file:
            content = json.load(file)
        found = [_referenced(**each) for each in content["files"]]
        if content["kind"] in ("list", "tuple"):
            return found if content["kind"] == "list" else tuple(found)
        return found[0]


def _reference(path: Any) -> dict[str, str]:
    if not isinstance(path, (str, Path)) or not os.path.isfile(_at_root(path)):
        hint = "return the path of a file, or a list of them; each must exist"
        raise ArtifactError(f"there is no file {path!r:.200}", hint)
    inner = os.path.relpath(_at_root(path), syntax.root()).replace(os.sep, "/")
    is_inside = os.path.isabs(path) and not inner.startswith("..")
    return {
        "path": inner if is_inside else str(path),
        "kind": ("root " if is_inside else "")
        + ("str" if type(path) is str else "Path"),
        "digest": hashing.hash_file(_at_root(path)),
    }


def _referenced(path: str, kind: str, digest: str) -> Any:
    full = _at_root(path)
    if not os.path.isfile(full) or hashing.hash_file(full) != digest:
        raise DamagedError(f"{path} is not what it was when its path was saved")
    shown = full if kind.startswith("root ") else path
    return shown if kind.endswith("str") else Path(shown)


def _at_root(path: Any) -> str:
    return os.path.join(syntax.root(), path)
