"""`experiment cache`: what lies in the cache, whether it is whole, what can go."""

import argparse
import contextlib
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from .. import folders, settings, store
from ..caching import read_bytes
from ..cli import not_empty
from ..errors import CurifactoryError, RequestError, alike, counted, nearest
from ..index import Index
from ..peers import Peers
from ..settings import Settings
from ..store import META, Store
from ..trace import Artifact, Trace, unpacked, unsealed
from . import history

BATCH = 100
PAUSE = 0.2
"""Seconds in which the files of a call go, one after the other."""
UNITS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


ACTIONS = {
    "ls": "what the cache holds, by stage",
    "path": "where artifacts lie",
    "verify": "check the bytes of everything",
    "gc": "delete data that no run reaches",
    "rebuild": "make the index anew from the folders",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, said in ACTIONS.items():
        told = f"{said[0].upper()}{said[1:]}."
        actions.add_parser(name, help=said, description=told)
    listing, path, _, collect, _ = actions.choices.values()
    listing.add_argument("stage", nargs="?", help="each folder of this stage")
    said = "artifact, stage, argset"
    path.add_argument("names", nargs="+", metavar="NAME", help=said)
    add = collect.add_argument
    said = "keep the data of the last N runs of each experiment"
    add("--keep-runs", type=int, metavar="N", help=said)
    add("--older-than", metavar="30d", help="keep what is younger than this")
    add("--stage", metavar="STAGE", help="only data of this stage")
    add("--dry-run", action="store_true", help="only say what would be deleted")
    for each in actions.choices.values():
        each.add_argument(
            "--cache", metavar="DIR", type=not_empty, help="another cache"
        )
        each.add_argument("--debug", action="store_true", help="show full tracebacks")


def perform(options: argparse.Namespace) -> int:
    cache = settings.from_here(options.cache)
    project = settings.load(settings.find_root(Path.cwd()), cache=cache)
    project.need_cache("run something first")
    found = Store(project.cache, _say)
    folders.check_owner(found.root)
    is_dry = getattr(options, "dry_run", False)
    found.is_read_only = is_dry or options.action in ("ls", "path")
    if not any(map(_is_sign, folders.entries(found.root))):
        hint = "it is named by `cache` in pyproject.toml, or by --cache"
        raise RequestError(f"the folder {project.cache} is no cache", hint)
    actions = {"path": _path, "verify": _verify, "gc": _gc, "rebuild": _rebuild}
    return actions.get(options.action, _ls)(project, found, options)


def _is_sign(entry: "os.DirEntry[str]") -> bool:
    """Return whether something in a folder is there in caches only."""
    own = (".tmp", ".runs", ".quarantine", "index.sqlite")
    return entry.name in own or bool(store.code_files(entry.path))


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _traces(cache: Store, stage: str | None = None) -> list[Trace]:
    """Return all traces, or those of one stage, oldest first."""
    known = cache.stages()
    chosen = [name for name in known if stage in (None, name, name.split(".")[-1])]
    if stage and not chosen:
        short = [name.split(".")[-1] for name in known]
        hint = alike(stage, short) or nearest(stage, known)
        raise RequestError(f"no stage {stage!r} in the cache", hint)
    read = (cache.read(each) for name in chosen for each in sorted(cache.folders(name)))
    return sorted((t for t in read if t), key=lambda trace: trace.created)


def _files(cache: Store, trace: Trace) -> list[str]:
    """Return the files of a call that can be made again: not its trace and figures."""
    shown = {each.get("file") for each in trace.reportables}
    there = folders.files_in(cache.root / trace.folder)
    return [file for file in there if file not in {META, *shown}]


def _size(cache: Store, trace: Trace) -> int:
    folder = cache.root / trace.folder
    size = 0
    for file in _files(cache, trace):
        with contextlib.suppress(FileNotFoundError):  # others tidy, too
            size += (folder / file).lstat().st_size if file[-1] != "/" else 0
    return size


def _counts(project: Settings, run: dict[str, Any]) -> bool:
    """Return whether a run is one of those of which the last ones are kept."""
    if "cache" not in run:  # it did not end, or cannot be read
        return True
    has_done = run["status"] != "refused" or bool(run["counts"].get("computed"))
    return has_done and _is_here(project, run)


def _is_here(project: Settings, run: dict[str, Any]) -> bool:
    """Return whether a run used the cache that is meant."""
    place: Path = project.root / run.get("cache", project.cache)
    return os.path.realpath(place) == os.path.realpath(project.cache)


def _reached(project: Settings, run: dict[str, Any]) -> set[str]:
    """Return the folders that a run reaches in this cache; of a killed one, none."""
    if run["status"] == history.UNREADABLE or "cache" in run:
        run = history.read(run["folder"] / "run.json")
    calls = run.get("calls", ()) if _is_here(project, run) else ()
    return {call["folder"] for call in calls if call["folder"]}


# Looking ----------------------------------------------------------------------------


def _ls(project: Settings, cache: Store, options: argparse.Namespace) -> int:
    traces = _traces(cache, options.stage)
    users: dict[str, list[str]] = {}
    for run in history.heads(project.runs):
        with contextlib.suppress(RequestError):
            for folder in _reached(project, run):
                users.setdefault(folder, []).append(run["run"])
    groups: dict[str, list[Trace]] = {}
    for trace in traces:
        name = trace.folder if options.stage else trace.stage
        groups.setdefault(name, []).append(trace)
    width = max(map(len, groups), default=0)
    print(f"{'size':>9}  {'calls':>5}  {'age':>4}  {'':{width}}  used by")
    total = 0
    for name, members in groups.items():
        size = sum(_size(cache, trace) for trace in members)
        total += size
        names = list(dict.fromkeys(u for t in members for u in users.get(t.folder, ())))
        used = ", ".join(names[-2:]) + f" and {len(names) - 2} more" * bool(names[2:])
        age = _age(time.time() - members[-1].created)
        start = f"{decimal(size):>9}  {len(members):>5}  {age:>4}"
        print(f"{start}  {name:{width}}  {used or '-'}")
    print(f"{decimal(total):>9}  {len(traces):>5}")
    return 0


def _path(project: Settings, cache: Store, options: argparse.Namespace) -> int:
    found: dict[tuple[str, str, str], Path] = {}
    known: set[str] = set()
    for trace in _traces(cache):
        short = trace.stage.split(".")[-1]
        for artifact in trace.outputs:
            names = {artifact.name, trace.label, trace.stage, short}
            known |= names
            if names.issuperset(options.names) and artifact.files:
                first = cache.root / trace.folder / artifact.files[0].split("/")[0]
                if first.exists():
                    found[trace.stage, trace.label, artifact.name] = first
    for path in found.values():
        print(os.path.relpath(path))
    if not found:
        missing = next((n for n in options.names if n not in known), None)
        if missing is not None:
            said = f"nothing in the cache is {missing!r}"
            raise RequestError(said, nearest(missing, known))
        said = f"no data that is there has all these names: {', '.join(options.names)}"
        raise RequestError(said, "equal argsets share data, named after the first")
    return 0


def _age(seconds: float) -> str:
    unit = "d" if seconds > UNITS["d"] else "h"
    return f"{seconds / UNITS[unit]:.0f} {unit}"


# Checking ---------------------------------------------------------------------------


def _verify(project: Settings, cache: Store, options: argparse.Namespace) -> int:
    """Read everything; what is damaged is moved to quarantine, and computed again."""
    problems: list[str] = []
    cache.warn = problems.append
    traces = _traces(cache)
    for trace in traces:
        try:
            if wrong := _wrong(cache, trace):
                cache.quarantine(trace.folder, wrong)
        except OSError as error:
            said = f"cannot be read: {error.strerror}; left alone"
            problems.append(f"{trace.folder} {said}")
    for name in cache.stages():
        for path in store.code_files(cache.root / name):
            _check_code(Path(path), problems)
    whole = [trace for trace in traces if (cache.root / trace.folder).exists()]
    if os.access(cache.root, os.W_OK):
        index = Index(cache)
        if not _is_whole(index, whole):
            index.rebuild()
            problems.append("the index was damaged or incomplete; it is made anew")
        index.close()
    else:
        print("the cache cannot be written: its index is not looked at")
    size = decimal(sum(_size(cache, trace) for trace in whole))
    problems = list(dict.fromkeys(problems))  # what stays is met each time
    for text in problems:
        print(text)
    read, wrong = counted(len(traces), "call"), counted(len(problems), "problem")
    print(f"{read} read, {size} whole, {wrong}")
    return 1 if problems else 0


def _wrong(cache: Store, trace: Trace) -> str:
    """Return the file of a call that is damaged; collected data is not there at all."""
    folder = cache.root / trace.folder
    for artifact in trace.outputs:
        if not _is_collected(folder, artifact):
            wrong = store.damage(folder, artifact)
            if wrong and not (folder / wrong).exists():
                time.sleep(PAUSE)  # gc may be at it
                wrong = "" if _is_collected(folder, artifact) else wrong
            if wrong:
                return wrong
    there = (file for file in trace.others if (folder / file).exists())
    return next((f for f in there if folders.digest(folder / f) != trace.others[f]), "")


def _is_collected(folder: Path, artifact: Artifact) -> bool:
    return not any((folder / file).exists() for file in artifact.files)


def _check_code(path: Path, problems: list[str]) -> None:
    name = f"{path.parent.name}/{path.name}"
    try:
        unsealed(read_bytes(str(path)).decode())
    except ValueError as error:
        path.unlink()  # it serves for reasons only
        problems.append(f"{name} is damaged ({error}); removed")
    except OSError as error:
        problems.append(f"{name} cannot be read: {error.strerror}; left alone")


def _is_whole(index: Index, traces: list[Trace]) -> bool:
    """Return whether the file is sound, and has these traces as they are."""
    try:
        for stage in {trace.stage for trace in traces}:
            index.folders(stage)  # takes in what came since the last run
        ask = index.connection.execute
        sound = ask("PRAGMA integrity_check").fetchone()
        rows = ask("SELECT folder, node, body FROM traces")
        known = {folder: (node, unpacked(body)) for folder, node, body in rows}
        steps = set(ask("SELECT stage, node, key FROM steps"))
    except (sqlite3.DatabaseError, ValueError):
        return False
    # It may have more: of a run at work, and of folders that were deleted by hand.
    has_all = all(known.get(each.folder) == (each.node, each) for each in traces)
    needed = {(trace.stage, *step) for trace in traces for step in trace.steps()}
    return sound == ("ok",) and has_all and needed <= steps


def _rebuild(project: Settings, cache: Store, options: argparse.Namespace) -> int:
    index = Index(cache)
    index.rebuild()
    stages = {trace.stage for trace in _traces(cache)}
    count = sum(len(index.folders(stage)) for stage in stages)
    index.close()
    print(f"the index has {counted(count, 'call')}")
    return 0


# Tidying ----------------------------------------------------------------------------


def _gc(project: Settings, cache: Store, options: argparse.Namespace) -> int:
    """Delete data that no retained run reaches; traces stay, so nothing is repeated."""
    age = _seconds(options.older_than)
    if age is None and project.root not in cache.root.parents:
        hint = "say what is old enough: --older-than 30d"
        raise RequestError("the cache may be used by projects not known here", hint)
    before = time.time() - (age or 0.0)
    retained = project, options.keep_runs, before if age is not None else None
    kept = _kept(*retained)
    chosen = [
        trace
        for trace in _traces(cache, options.stage)
        if trace.folder not in kept[0]
        and trace.run not in kept[1]
        and trace.created <= before
        and _files(cache, trace)
    ]
    size = sum(_size(cache, trace) for trace in chosen)
    if options.dry_run:
        for trace in chosen:
            print(f"{decimal(_size(cache, trace)):>9}  {trace.folder}")
        print(f"{counted(len(chosen), 'call')}, {decimal(size)} would be deleted")
        return 0
    with contextlib.closing(Peers(cache.root, _say)) as peers:
        # Runs that have ended since the first look are not at work, but in the history.
        used = peers.in_use() | _kept(*retained)[0]
        free = [trace for trace in chosen if trace.folder not in used]
        deleted = 0
        for start in range(0, len(free), BATCH):
            deleted += _collect(cache, peers, free[start : start + BATCH])
        _drop_superseded(cache, peers, options.stage, before, kept[0])
        month_ago = time.time() - 30 * UNITS["d"]
        _tidy(cache, before if age is not None else month_ago, bool(peers.others()))
    stay = len(chosen) - deleted
    said = f"; {stay} are in use, and stay" if stay else ""
    amount = "at most " * bool(stay) + decimal(size)
    print(f"{counted(deleted, 'call')}, {amount} deleted{said}")
    return 0


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw])", text)
    if match is None:
        raise RequestError(f"--older-than {text!r} is no age", "12h, 30d or 8w")
    return float(match[1]) * UNITS[match[2]]


def _kept(
    project: Settings, most: int | None, before: float | None
) -> tuple[set[str], set[str]]:
    """Return the folders and the names of the runs that are retained."""
    if most is not None and most < 0:
        raise RequestError(f"--keep-runs {most}: a number of runs, 0 or more", "")
    if not project.runs.is_dir():
        said = f"there is no history at {project.runs}, so that nothing would be kept"
        raise RequestError(
            said, "bring it back; if it is gone for good, make the folder"
        )
    runs: dict[str, list[dict[str, Any]]] = {}
    for run in history.heads(project.runs):
        if _counts(project, run):
            runs.setdefault(run["run"].rpartition("-")[0], []).append(run)
    retained = []
    for each in runs.values():
        last = len(each) if most is None and before is None else (most or 0)
        old = each[: len(each) - last]
        retained += each[len(each) - last :]
        if before is not None:
            retained += [run for run in old if history.ended(run) > before]
    reached = (_reached(project, run) for run in retained)
    unfinished = {run["run"] for run in retained if "cache" not in run}
    return set().union(*reached), unfinished


def _collect(cache: Store, peers: Peers, traces: list[Trace]) -> int:
    """Delete the data of calls that no run at work uses; return of how many."""
    free = peers.withdraw(trace.folder for trace in traces)
    traces = [trace for trace in traces if trace.folder in free]
    aside = Path(cache.prepare())
    for number, trace in enumerate(traces):
        files = _files(cache, trace)
        folders.move(cache.root / trace.folder, aside / str(number), files)
    cache.discard(aside)
    return len(traces)


def _drop_superseded(
    cache: Store, peers: Peers, stage: str | None, before: float, kept: set[str]
) -> None:
    """Remove traces of which there is a newer one that is equal: nothing goes by them."""
    newest: dict[str, Trace] = {}
    for trace in _traces(cache, stage):
        older = newest.get(trace.node)
        newest[trace.node] = trace
        if older is None or older.folder in kept or older.created > before:
            continue
        if trace.folder not in peers.in_use():
            if peers.withdraw([older.folder]):
                aside = Path(cache.prepare())
                with contextlib.suppress(FileNotFoundError):  # others tidy, too
                    folders.rename(cache.root / older.folder, aside / "superseded")
                cache.discard(aside)


def _tidy(cache: Store, before: float, is_in_use: bool) -> None:
    """Remove what was found damaged, or left by runs that never ended, long ago."""
    for name in (".quarantine",) if is_in_use else (".quarantine", ".scratch", ".tmp"):
        for entry in folders.entries(cache.root / name):
            with contextlib.suppress(OSError, CurifactoryError):  # others tidy, too
                touched = entry.stat(follow_symlinks=False).st_mtime
                if name != ".quarantine":  # there it tells since when it lies there
                    touched = max([touched, *_times(entry)])
                if touched < before and not store.is_at_work(entry.name):
                    cache.discard(entry.path)


def _times(entry: "os.DirEntry[str]") -> Iterable[float]:
    """Yield when each file in a folder was written: checkpoints may be written for days."""
    is_own = entry.is_dir(follow_symlinks=False)
    for file in folders.files_in(entry.path) if is_own else ():
        yield os.lstat(f"{entry.path}/{file}").st_mtime
