"""The history: what past runs did, and the command that lists them."""

import argparse
import contextlib
import datetime
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import settings
from ..errors import RequestError, nearest

Data = dict[str, Any]
UNREADABLE = "unreadable"
DAMAGED = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError),
    OverflowError,  # of a whole number that is too large
)


def read(path: Path) -> Data:
    """Return a run.json that has all that the commands go by, whatever its schema."""
    with refusing_damage(path):
        run: Data = json.loads(path.read_text(encoding="utf-8"))
        _check(run)
        return run


@contextlib.contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Tell in one line what uses of a run.json come to that holds something else."""
    try:
        yield
    except DAMAGED as error:
        hint = "the other runs are not affected; delete its folder if it is of no use"
        raise RequestError(f"{path} is no run: {error}", hint) from error


def _check(run: Data) -> None:
    """Refuse what was damaged: all that the commands go by must be there."""
    _check_head(run)
    for argset in run["argsets"]:
        given = {"classes": {"": ""}, **argset}
        _need(given, name=str, hash=str, fields=dict, classes=dict)
    for call in run["calls"]:
        is_given = (str, type(None))
        _need({"argset": None, **call}, stage=str, folder=is_given, argset=is_given)


def _check_head(run: Data) -> None:
    _need(run, run=str, status=str, cache=str, counts=dict, stages=dict)
    found = {"git": None, "versions": {}, **run}
    _need(found, seconds=(int, float), git=(dict, type(None)), versions=dict)
    float(run["seconds"])
    run["notes"]


def _need(found: Data, **kinds: Any) -> None:
    for name, kind in kinds.items():
        if not isinstance(found[name], kind):
            raise ValueError(f"its {name} is {found[name]!r:.40}")


def head(path: Path) -> Data:
    """Return what the first line of a run.json says: all but its argsets and calls."""
    try:
        with open(path, encoding="utf-8") as file:
            line = file.readline()
        found: Data = json.loads(line.rstrip().removesuffix(",") + "}")
        _check_head(found)
        return found
    except FileNotFoundError:
        return {"run": path.parent.name, "status": "unfinished"}
    except DAMAGED:
        with contextlib.suppress(RequestError):
            return read(path)
    return {"run": path.parent.name, "status": UNREADABLE}


def heads(runs: Path) -> list[Data]:
    """Return the heads of all runs, oldest first; one that was killed says little."""
    try:
        folders = [each for each in runs.iterdir() if each.is_dir()]
    except FileNotFoundError:
        folders = []
    found = [{**head(each / "run.json"), "folder": each} for each in folders]
    return sorted(found, key=_place)


def _place(run: Data) -> tuple[float, str, int]:
    """Return what runs are ordered by; those of one second by their numbers."""
    name, _, number = run["run"].rpartition("-")
    return began(run), name, int(number) if number.isdecimal() else 0


def began(run: Data) -> float:
    """Return when a run began, in seconds; of a killed one, when its folder was made."""
    try:
        return max(0, datetime.datetime.fromisoformat(run["started"]).timestamp())
    except (KeyError, ValueError, TypeError, OverflowError):
        with contextlib.suppress(FileNotFoundError):  # somebody has just deleted it
            return float(run["folder"].stat().st_mtime)
        return 0.0


def ended(run: Data) -> float:
    """Return when a run ended, in seconds, as far as it says so."""
    return began(run) + float(run.get("seconds", 0.0))


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", nargs="?", help="only runs of this experiment")
    parser.add_argument("--all", action="store_true", help="not only the last 20")


def perform(options: argparse.Namespace) -> int:
    """List past runs, the last one at the end."""
    project = settings.load(settings.find_root(Path.cwd()))
    found = known = heads(project.runs)
    if options.experiment:
        asked = options.experiment.replace("/", ".")
        names = {run["run"]: run["run"].rpartition("-")[0] for run in found}
        if found and asked not in {*names, *names.values()}:
            raise RequestError(
                f"no run was of {asked!r}", nearest(asked, names.values())
            )
        found = [run for run in found if asked in (run["run"], names[run["run"]])]
    if not found:
        print("no runs yet")
    shown = found if options.all else found[-20:]
    if len(shown) < len(found):
        print(f"the last {len(shown)} of {len(found)} runs; all of them: --all")
    print_lines(shown, known)
    return 0


def print_lines(runs: Sequence[Data], known: Sequence[Data] = ()) -> None:
    """Print a line for each run, its columns as wide as others that are known need."""
    widths = [
        max((len(run[n]) for run in known or runs), default=0)
        for n in ("run", "status")
    ]
    for run in runs:
        print(_line(run, *widths))


def _line(run: Data, width: int, of_status: int) -> str:
    when = datetime.datetime.fromtimestamp(began(run)).strftime("%Y-%m-%d %H:%M")
    start = f"{run['run']:<{width}}  {when}  {run['status']:<{of_status}}"
    if "counts" not in run:
        return start.rstrip()
    counts = ", ".join(f"{kind} {n}" for kind, n in run["counts"].items() if n)
    line = f"{start}  {run['seconds']:6.1f} s  {commit(run):<9}  {counts}"
    return f"{line}  {run['notes'] or ''}".rstrip()


def commit(run: Data) -> str:
    """Return the commit of a run, with a sign where files had changes beside it."""
    git = run.get("git") or {}
    found = str(git.get("commit", ""))[:8]
    return found + "+" if found and git.get("dirty") else found
