"""The experiments and parameter files of a project, found by their names and texts."""

import ast
import os
import re
from pathlib import Path
from typing import NamedTuple

from . import settings
from .errors import RequestError, nearest
from .settings import Settings

DEFINED = {"experiments": "run", "params": "get_params"}
"""The function that makes a file one of its kind."""


class Entry(NamedTuple):
    """An experiment or parameter file, as far as its text tells."""

    name: str
    path: Path
    summary: str = ""
    error: str = ""


def list_experiments(root: Path) -> list[Entry]:
    """Return the experiments of a project; files are parsed, never imported."""
    return entries(settings.load(root), "experiments")


def list_paramsets(root: Path) -> list[Entry]:
    """Return the parameter files of a project; files are parsed, never imported."""
    return entries(settings.load(root), "params")


def entries(project: Settings, kind: str) -> list[Entry]:
    """Return the files of a kind, `experiments` or `params`, that define its function."""
    folder = project.root / getattr(project, kind)
    paths = (path for path in modules(folder) if path.name != "__init__.py")
    found = (_entry(folder, path, DEFINED[kind]) for path in paths)
    return [entry for entry in found if entry is not None]


def modules(folder: Path) -> list[Path]:
    """Return the Python files in a folder; editors keep hidden ones beside them."""
    found = ((p, p.relative_to(folder).parts) for p in sorted(folder.rglob("*.py")))
    return [
        path
        for path, parts in found
        if path.is_file() and not any(part[0] == "." for part in parts)
    ]


def _entry(folder: Path, path: Path, function: str) -> Entry | None:
    name = path.relative_to(folder).with_suffix("").as_posix()
    try:
        tree = ast.parse(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        return Entry(name, path, error=f"cannot be read: {error.strerror}")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        return Entry(name, path, error=f"line {line}: {getattr(error, 'msg', error)}")
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    imports = (n.names for n in tree.body if isinstance(n, ast.ImportFrom))
    defined.update(each.asname or each.name for names in imports for each in names)
    if function not in defined:
        return None
    return Entry(name, path, (ast.get_docstring(tree) or "").partition("\n")[0])


def plain_name(project: Settings, given: str) -> str:
    """Return the name of a file that was given by its path, as shells complete it."""
    path = given.replace(os.sep, "/").removesuffix(".py").removeprefix("./")
    if any(path_of(project, kind, path) for kind in ("experiments", "params")):
        return path
    folders = (project.experiments, project.params)
    found = (path.removeprefix(f"{folder}/") for folder in folders)
    return next((each for each in found if each != path), path)


def located(project: Settings, kind: str, name: str) -> Path:
    what = "experiment" if kind == "experiments" else "parameter file"
    if not re.fullmatch(r"\w[\w -]*(/\w[\w -]*)*", name.replace(".", "/")):
        several = ", and an option for each: -p a -p b" * ("," in name)
        raise RequestError(
            f"{name!r} is no name of an {what}".replace("an p", "a p"),
            f"give the name of a file in {getattr(project, kind)}/, without .py{several}",
        )
    path = path_of(project, kind, name)
    if path is None:
        known = [entry.name for entry in entries(project, kind)]
        raise RequestError(f"there is no {what} {name!r}", nearest(name, known))
    return path


def path_of(project: Settings, kind: str, name: str) -> Path | None:
    """Return the file of an experiment or parameter file; None where there is none."""
    path: Path = project.root / getattr(project, kind) / f"{name.replace('.', '/')}.py"
    return path if path.is_file() else None


def kind_of(project: Settings, name: str) -> str:
    """Return the kind of file that has argsets: an experiment may have its own."""
    kinds = (each for each in ("params", "experiments") if path_of(project, each, name))
    return next(kinds, "params")
