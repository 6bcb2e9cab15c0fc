"""Completion by TAB: names are found in files, and none of these is imported."""

import argparse
import ast
import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from argcomplete.completers import DirectoriesCompleter, SuppressCompleter
from argcomplete.finders import CompletionFinder

from .. import layout, settings
from ..cli import COMMANDS, make_parser, with_command
from ..settings import Settings
from . import history

Names = dict[str, str]
"""What can be written at the cursor, and what it means."""
BASES = ("ExperimentArgs", "ExperimentParameters")
NO_FIELDS = ("ClassVar", "KW_ONLY")


def answer() -> None:
    """Tell the shell what can be written at its cursor, and end the process."""
    _Finder()(argparse.ArgumentParser(), default_completer=SuppressCompleter())


class _Finder(CompletionFinder):
    """Understands the words before the cursor as the command line does."""

    def _get_completions(self, comp_words: list[str], prefix: str, *others: Any) -> Any:
        program, *given = comp_words
        if given:  # else the word at the cursor may become a command
            given = with_command([*given, prefix])[:-1]
        command = given[0] if given else ""
        self._parser, commands = make_parser(command)
        self.always_complete_options = "long" if len(given) > 1 else False
        if command in COMMANDS:
            _prepare(commands.choices[command], command)
        else:
            found = _found(VALUES["name"])
            for name in sorted(found.keys() - set(COMMANDS)):
                commands.add_parser(name)
            self._display_completions.update(found)
        library: Any = super()
        return library._get_completions([program, *given], prefix, *others)


def _prepare(parser: Any, command: str) -> None:
    """Say of options and arguments what they can be, after the fields they go to."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _prepare(each, command)
        elif action.dest == "cache":
            action.completer = DirectoriesCompleter()
        elif action.dest in VALUES and command != "new":  # which asks for new names
            action.completer = functools.partial(_found, VALUES[action.dest])


def _found(find: Callable[[Settings], Names], **asked: object) -> Names:
    with contextlib.suppress(Exception):
        return find(settings.load(settings.find_root(Path.cwd())))
    return {}


def _files(kind: str, project: Settings) -> Names:
    found = layout.entries(project, kind)
    return {entry.name: entry.error or entry.summary for entry in found}


def _engines(project: Settings) -> Names:
    from . import engines  # only where one is asked for

    return dict.fromkeys(engines.NAMES, "")


def _runs(project: Settings) -> Names:
    found = project.runs.glob("*/run.json")
    return dict.fromkeys(sorted(path.parent.name for path in found), "")


def _runs_and_theirs(project: Settings) -> Names:
    """Return runs, and the experiments that they are of."""
    found = _runs(project)
    return {**found, **dict.fromkeys((name.rpartition("-")[0] for name in found), "")}


def _stages(project: Settings) -> Names:
    """Return the stages that past runs had, and those in files."""
    heads = history.heads(project.runs)
    found = {name: "" for run in heads for name in run.get("stages", ())}
    for node in _definitions(project, "stages", project.experiments):
        called = (getattr(each, "func", each) for each in node.decorator_list)
        if not {"stage", "aggregate"}.isdisjoint(map(_name, called)):
            found[node.name] = ""
    return found


def _fields(project: Settings) -> Names:
    """Return what `--set` can change: the fields of all classes of argsets."""
    classes: dict[str, ast.ClassDef] = {}
    argsets = dict.fromkeys(BASES)
    for node in _definitions(project, project.params, project.experiments):
        if isinstance(node, ast.ClassDef):
            classes[node.name] = node
            if not argsets.keys().isdisjoint(map(_name, node.bases)):
                argsets[node.name] = None
    return {f"{path}=": "" for name in argsets for path in _paths(name, classes)}


def _paths(name: str, classes: dict[str, ast.ClassDef]) -> Iterator[str]:
    """Yield the fields that a class declares; those of nested classes as `a.b`."""
    others = {n: each for n, each in classes.items() if n != name}
    for node in classes[name].body if name in classes else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            kind, field = _name(node.annotation), node.target.id
            inner = [f"{field}.{path}" for path in _paths(kind, others)]
            yield from () if kind.startswith(NO_FIELDS) else inner or [field]


def _definitions(project: Settings, *folders: str) -> Iterator[Any]:
    """Yield the functions and classes in folders, as far as files can be parsed."""
    for path in (p for each in folders for p in layout.modules(project.root / each)):
        with contextlib.suppress(OSError, SyntaxError, ValueError):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8-sig"))):
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    yield node


def _name(node: ast.expr) -> str:
    return ast.unparse(node).strip("'").rpartition(".")[2]


VALUES: dict[str, Callable[[Settings], Names]] = {
    "engine": _engines,
    "experiment": _runs_and_theirs,
    "from_run": _runs,
    "name": functools.partial(_files, "experiments"),
    "overwrite_stages": _stages,
    "runs": _runs_and_theirs,
    "paramsets": functools.partial(_files, "params"),
    "sets": _fields,
    "stage": _stages,
}
