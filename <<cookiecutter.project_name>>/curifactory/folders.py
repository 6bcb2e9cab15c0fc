"""Folders and names of files, as the cache has them."""

import contextlib
import functools
import os
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from . import hashing
from .errors import RequestError

FILES = "files"
"""In the folder of a call: what the stage itself put there."""


def check_owner(root: Path) -> None:
    """Refuse to unpickle what anybody on the machine may have written."""
    if root.exists() and not root.is_dir():
        raise RequestError(f"the cache {root} is no folder", "choose another place")
    for place in (root, *map(Path, entries(root))) if os.name == "posix" else ():
        mode = 0
        with contextlib.suppress(OSError):  # it is not there, or not any more
            mode = place.stat().st_mode
        if mode & stat.S_IWOTH:
            hint = f"chmod -R o-w '{root}', after making sure that its content is yours"
            if mode & stat.S_ISVTX:  # it is meant for everybody
                hint = "choose a folder of your own"
            raise RequestError(f"the cache {place} can be written by everybody", hint)


def rename(source: Path | str, target: Path | str) -> None:
    """Rename; where a scanner holds files open for a moment (Windows), try again."""
    for pause in (0.05, 0.2, 1.0, None):
        try:
            return os.replace(source, target)
        except PermissionError:
            if os.name != "nt" or pause is None or os.path.isdir(target):
                raise
            time.sleep(pause)


def move(source: Path, target: Path, files: Iterable[str]) -> None:
    """Move files to another folder, with those that they lie in; some may be gone."""
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            rename(source / file, target / file)


def appear(folder: str, place: str) -> None:
    """Let a folder appear under a name that nothing has, by one rename."""
    try:
        rename(folder, place)
    except FileNotFoundError:
        # Somebody has deleted the cache; by now another run may have made it again.
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.dirname(place))
        rename(folder, place)


def entries(folder: str | Path) -> list["os.DirEntry[str]"]:
    """Return what lies in a folder; nothing where there is none."""
    try:
        return list(os.scandir(folder))
    except OSError:
        return []


def is_folder(entry: "os.DirEntry[str]") -> bool:
    """Return whether an entry is a folder; not so a link that leads back to itself."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def keep_links(folder: str) -> None:
    """Make links into a prepared folder relative: it is about to have another name."""
    for base, *inner in os.walk(folder, onerror=_unless_gone):
        for path in (f"{base}/{name}" for names in inner for name in names):
            target = os.readlink(path) if os.path.islink(path) else ""
            for place in (folder, os.path.realpath(folder)):
                if os.path.isabs(target) and Path(target).is_relative_to(place):
                    os.unlink(path)
                    own = f"{folder}/{os.path.relpath(target, place)}"
                    os.symlink(os.path.relpath(own, base), path, os.path.isdir(own))
                    break


def digest(path: str | Path) -> str:
    """Return the digest of the bytes of a file; "absent" where there is none.

    A link to a folder counts by where it leads, as it is written. Raises OSError for a
    file that is there and cannot be read.
    """
    if os.path.islink(path) and os.path.isdir(path):
        return hashing.hash_text("link", os.readlink(path))
    try:
        return hashing.hash_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return "absent"


def files_in(folder: str | Path) -> Iterable[str]:
    """Yield the paths of all files below a folder, relative to it.

    Links to folders and, with a slash at the end, folders that hold nothing are among
    them. Raises OSError for a folder that cannot be looked into.
    """
    for base, inner, names in os.walk(folder, onerror=_unless_gone):
        place = os.path.relpath(base, folder).replace(os.sep, "/")
        links = [name for name in inner if os.path.islink(os.path.join(base, name))]
        for name in (*names, *links):
            yield name if place == "." else f"{place}/{name}"
        if place != "." and not (inner or names):
            yield f"{place}/"


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@functools.lru_cache(10_000)
def output_stem(name: str) -> str:
    """Return the file name, without extension, of an artifact: never that of another."""
    stem = safe(name)
    if stem == name and stem not in ("meta", FILES) and not stem.startswith("report-"):
        return stem
    return f"{stem}-{hashing.hash_text(name)[:8]}"


@functools.lru_cache(10_000)
def safe(text: str) -> str:
    """Return a text that is one readable step of a path on every system."""
    clean = re.sub(r"[^A-Za-z0-9_=+,.-]+", "_", text).strip(".-")
    return clean[:80] or "_"
