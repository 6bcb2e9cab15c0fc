"""A cacher for files that stay where they are."""

import json
import os
from pathlib import Path
from typing import Any

from .. import hashing, sources
from ..caching import Cacheable
from ..errors import ArtifactError, DamagedError
from ..store import OWN


class FileReferenceCacher(Cacheable):
    """Paths of files that stay where they are; what is in them counts.

    Where a file is gone or has another content, the stage runs again: each call needs
    a file of its own. A path inside the project is kept relative to it, so that the
    project can be moved; one that `record.get_path` gave, relative to the folder of
    its call.
    """

    extension = ".json"

    def save(self, obj: Any) -> None:
        kind = type(obj).__name__
        paths = obj if kind in ("list", "tuple") else [obj]
        files = [_reference(each, self._folder) for each in paths]
        with open(self.get_path(), "w", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "files": files}, indent=1))

    def _content(self) -> dict[str, Any]:
        with open(self.get_path(), encoding="utf-8") as file:
            content: dict[str, Any] = json.load(file)
        return content

    def elsewhere(self) -> dict[str, str]:
        outside = (f for f in self._content()["files"] if f["kind"][:5] != "call ")
        return {each["path"]: each["digest"] for each in outside}

    def load(self) -> Any:
        content = self._content()
        found = [_referenced(self._folder, **each) for each in content["files"]]
        if content["kind"] in ("list", "tuple"):
            return found if content["kind"] == "list" else tuple(found)
        return found[0]


def _reference(path: Any, folder: str) -> dict[str, str]:
    if not isinstance(path, (str, Path)) or not os.path.isfile(_at_root(path)):
        hint = "return the path of a file, or a list of them; each must exist"
        raise ArtifactError(f"there is no file {path!r:.200}", hint)
    full, kind = _at_root(path), "str" if type(path) is str else "Path"
    shown = str(path)
    for base, where in (folder, "call"), (sources.root(), "root"):
        inner = os.path.relpath(full, base).replace(os.sep, "/")
        if (os.path.isabs(path) or where == "call") and not inner.startswith("../"):
            shown, kind = inner, f"{where} {kind}"
            break
    cache = os.path.dirname(os.path.dirname(folder))
    passing = tuple(os.path.join(cache, each, "") for each in OWN)
    if not kind.startswith("call ") and full.startswith(passing):
        hint = "let the stage write to record.get_path(name), which stays"
        raise ArtifactError(f"{shown} goes when the call is done", hint)
    return {"path": shown, "kind": kind, "digest": hashing.hash_file(full)}


def _referenced(folder: str, path: str, kind: str, digest: str) -> Any:
    full = os.path.join(folder, path) if kind.startswith("call ") else _at_root(path)
    if not os.path.isfile(full) or hashing.hash_file(full) != digest:
        raise DamagedError(f"{path} is not what it was when its path was saved")
    shown = full if " " in kind else path
    return shown if kind.endswith("str") else Path(shown)


def _at_root(path: Any) -> str:
    return os.path.join(sources.root(), path)
