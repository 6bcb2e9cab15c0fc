"""`experiment new`: writes an experiment, a parameter file or a stage to start from."""

import argparse
import keyword
import re
import sys
from pathlib import Path

from .. import paramsets
from ..cli import COMMANDS
from ..errors import RequestError
from ..settings import Settings

TEMPLATES = Path(__file__).parent / "templates"
NEXT_STEPS = {
    "experiment": "run it with: experiment {0}",
    "params": "look at it with: experiment params {0}",
    "stage": "use it with: from stages.{0} import {0}",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=NEXT_STEPS)
    parser.add_argument("name", help="its name, and that of its file")


def perform(options: argparse.Namespace) -> int:
    project = paramsets.open_project(None)
    name = options.name
    if not re.fullmatch(r"[a-z_]\w*", name) or keyword.iskeyword(name):
        hint = f"take small letters, digits and _: experiment new {options.kind} deep_trees"
        raise RequestError(f"{name!r} is no name of a Python module", hint)
    is_command = name in COMMANDS
    if options.kind == "experiment" and (is_command or name in sys.stdlib_module_names):
        hint = f"run as a file, it would hide Python's own module {name}"
        if is_command:
            hint = f"the command line would take it for `experiment {name}`"
        raise RequestError(f"no experiment can be named {name!r}", hint)
    places = {"experiment": project.experiments, "params": project.params}
    target = project.root / places.get(options.kind, "stages") / f"{name}.py"
    text = (TEMPLATES / f"{options.kind}.py.txt").read_text(encoding="utf-8")
    for word, value in {"NAME": name, "PARAMS": project.params}.items():
        text = re.sub(rf"(?<!\w){word}", value.replace("/", "."), text)
    shown = write_new(project, target, text)
    print(f"wrote {shown}; {NEXT_STEPS[options.kind].format(name)}")
    return 0


def write_new(project: Settings, path: Path, text: str) -> str:
    """Write a file that is not there yet, and return its place in the project."""
    shown = path.relative_to(project.root).as_posix()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        hint = "move it away first, or take another name"
        raise RequestError(f"{shown} is there already", hint) from None
    except OSError as error:
        said = f"{shown} cannot be written: {error.strerror}"
        raise RequestError(said, "make the folder writable") from error
    return shown
