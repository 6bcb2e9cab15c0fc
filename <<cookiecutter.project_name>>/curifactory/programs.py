"""The files that the command of a program names, and what one in Python imports."""

import ast
import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator

from . import sources

WORDS = re.compile(r"[\s'\"=;|<>&()]+")
"""What stands between names in a command."""
MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
"""What may be the full name of a module."""


def words(command: object) -> set[str]:
    """Return all in a command that may be the name of a file."""
    parts = command if isinstance(command, (list, tuple)) else [command]
    texts = [os.fsdecode(each) for each in parts if sources.is_path(each)]
    found = {word for text in texts for word in (text, *WORDS.split(text)) if word}
    names = (word.removeprefix("-m") for word in found)
    modules = [name.replace(".", os.sep) for name in names if MODULE.fullmatch(name)]
    ends = ".py", f"{os.sep}__main__.py"  # as `python -m package.module` looks for them
    return found | {name + end for name in modules for end in ends}


def imported(
    scripts: Iterable[str], root: str, is_own: Callable[[str], object]
) -> set[str]:
    """Return the files of the project that programs import, as far as their text tells.

    They are looked for beside each program, where this process looks, and in the root.
    """
    found: set[str] = set()
    always = *(each for each in sys.path if each.startswith(root + os.sep)), root
    for script in scripts:
        folders = os.path.dirname(script), *always
        waiting, seen = [script], {script}
        while waiting:
            path = waiting.pop()
            near = {*_candidates(path, folders)} - seen
            own = {each for each in near if os.path.isfile(each) and is_own(each)}
            waiting += own
            seen |= own
        found |= seen - {script}
    return found


def _candidates(path: str, folders: tuple[str, ...]) -> Iterator[str]:
    """Yield where the modules that a file imports may lie, with all packages."""
    above = os.path.dirname(path)
    while above.startswith(folders[-1]):
        yield os.path.join(above, "__init__.py")
        above = os.path.dirname(above)
    for level, module, member in _imports(path, sources.stat_of(path)):
        near = path
        for _ in range(level):
            near = os.path.dirname(near)
        for folder in (near,) if level else folders:
            for step in filter(None, (*module.split("."), member)):
                folder = os.path.join(folder, step)
                yield f"{folder}.py"
                yield os.path.join(folder, "__init__.py")


def modules_in(path: str) -> list[str]:
    """Return the modules that a file imports by their full names."""
    found = _imports(path, sources.stat_of(path))
    return [module for level, module, _ in found if not level]


@functools.lru_cache(1000)
def _imports(path: str, version: object) -> list[tuple[int, str, str]]:
    """Return what a file imports: the dots before a module, it, and a name in it."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
    except (OSError, ValueError, SyntaxError):
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(0, each.name, "") for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found += [(node.level, module, each.name) for each in node.names]
    return found
