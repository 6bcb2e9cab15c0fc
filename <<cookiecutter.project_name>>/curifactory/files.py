"""The files of the project that an execution opens, lists or looks for: an audit hook."""

import contextlib
import functools
import genericpath
import importlib.util
import itertools
import json
import os
import pathlib
import re
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from threading import get_ident  # at the end of the process, threading is emptied
from types import FrameType, ModuleType
from typing import Any

from . import channel, hashing, memoized, programs, scope, sources
from .channel import Channel
from .reads import Handed, Reads
from .sources import LINKS, look_at

RACY = 2.0
"""Seconds within which a time stamp may hide a later change."""
FINE = 0.05
"""The part of it that is enough for file systems which know fractions of a second."""

LONGEST = 4096
"""The most letters of a text that may be a path."""

MOST = 1_000_000
"""Of so many things in a value, those that name files are known."""
NAMELESS = sources.PLAIN - {str} | {complex}
"""What names no file, and holds nothing."""

UPDATES = os.O_RDWR | os.O_TRUNC
"""Of the flags of a file: with the first one alone, what is in it may be read."""

PATH_GLOB = "pathlib.Path.glob"
GLOBS = frozenset({PATH_GLOB, "glob.glob/2"})
"""What tells of a pattern: a folder and it, or it alone."""
NAMED_BELOW = re.compile(r"[*?\[][^/]*/([^/]+/)*[^*?\[/]+(/|$)")
"""A pattern with a plain name after a sign: `*/result.csv`, `*/metrics/*.csv`."""

SIGNS = re.compile(r"[~$*?\[{]")
"""What stands for something else in a path, in a pattern, or in a template of names."""

TOLD = 100
"""Of so many folders processes are told: no program starts with a large environment."""

WHOLE = "/**/*"
"""The end of a pattern for all that lies in a folder: pathlib needs long for many."""

PATHS = re.compile(r"(genericpath|posixpath|ntpath|pathlib)(\.|$)")
"""The modules that ask for files on behalf of others."""

NAMEABLE = re.compile("[^\ud800-\udfff]*")
"""What is valid text: of other names nothing can be kept."""

HIDDEN_SUFFIXES = (".pyc", ".pyi", ".so", ".pyd", ".lock")
CHANGES = frozenset(
    "os.mkdir os.rename os.remove os.rmdir os.link os.symlink sqlite3.connect".split()
)
"""What Python tells of changes to folders; the first arguments are paths."""
LISTINGS = ("os.listdir", "os.scandir")
COMMANDS = {"subprocess.Popen": 1, "os.system": 0, "os.posix_spawn": 1}
"""What Python tells of programs that are started, and which argument the command is."""

RUN = re.compile(r".+-\d+|latest")
"""The folders of runs, and of reports."""


class Files:
    """Notes the files of the project that are opened while a stage executes."""

    def __init__(self, root: Path, outside: tuple[Path, ...]) -> None:
        self.root = os.path.abspath(root)
        self.inside = self.root + os.sep
        self.outside = tuple(os.path.abspath(each) + os.sep for each in outside)
        self.reads: Reads | None = None
        self._looking: set[int] = set()
        """The threads that open files for the runner itself."""

    @functools.cached_property
    def usual(self) -> list[str]:
        """Where modules are looked for before a stage adds folders to that."""
        return [*sys.path]

    @functools.cached_property
    def channel(self) -> Channel:
        name = f"{channel.PREFIX}{os.getpid()}-{os.urandom(8).hex()}"
        return Channel(os.path.join(tempfile.gettempdir(), name))

    @functools.cached_property
    def told(self) -> str:
        """What processes that a stage starts must know to tell it what they read."""
        return self._told()

    def _told(self, *named: str) -> str:
        return json.dumps([self.channel.path, self.root, self.outside, named])

    def key(
        self, path: object, *, is_folder: bool = False, is_code: bool = False
    ) -> str | None:
        """Return the path of what counts, relative to the project if it lies there, or None."""
        if not sources.is_path(path):
            return None
        full = os.path.abspath(os.fsdecode(path))
        base = self._base(full)
        if base is None:  # a link may lead there all the same
            folder, name = os.path.split(full)
            full = os.path.join(sources.real(folder), name)
            base = self._base(full)
        if base is None or self.is_runners(full + os.sep * is_folder):
            return None
        inner = full[len(base) :].replace(os.sep, "/")
        folders = inner.split("/")[: None if is_folder else -1]
        if any(map(_is_apart, folders)):
            return None
        if os.path.basename(inner).startswith(channel.PREFIX):
            return None
        is_hidden = not (is_folder or is_code) and inner.endswith(HIDDEN_SUFFIXES)
        return None if is_hidden else self._place_of(full)

    def _base(self, path: str) -> str | None:
        """Return in which folder a path counts: in the project, or one that a field names."""
        place = path + os.sep
        if place.startswith(self.inside):
            # In the project itself the runner makes folders.
            return self.inside if place != self.inside else None
        named = self.reads.folders if self.reads is not None else ()
        return next(filter(place.startswith, named), None)

    def _place_of(self, full: str) -> str:
        """Return a path as keys have it: relative to the project if it lies there."""
        return full.removeprefix(self.inside).replace(os.sep, "/")

    def is_runners(self, path: object) -> bool:
        """Return whether the runner has made a file: folders of others may lie beside."""
        if not isinstance(path, str):
            return False
        for base in self.outside:
            if path.startswith(base):
                first, is_folder, _ = path[len(base) :].partition(os.sep)
                return not is_folder or "." in first or RUN.fullmatch(first) is not None
        return False

    def opened(self, path: object, mode: object, flags: object) -> None:
        reads, is_writing = self._heard(), sources.is_writing(mode, flags)
        if is_writing:
            self.changed(path)
        key = self.key(path) if reads is not None or memoized.known else None
        if key is None and not is_writing:
            self._note_beyond(reads, path)
        if key is None or (reads is not None and key in reads.written):
            return
        if is_writing:
            if reads and key in reads.named:
                reads.collect()  # a child may have read it
                if isinstance(flags, int) and flags & UPDATES == os.O_RDWR:
                    reads.named.discard(key)
            if reads and (f"f:{key}" not in reads.keys or key in reads.named):
                reads.drop_file(key)
            return
        full = os.path.join(self.root, key)
        if os.path.isdir(full):
            return  # its names count where it is listed
        seen = sources.stat_of(full)
        if seen == sources.ABSENT:
            return self.missed(path)
        if reads is not None:
            reads.note_opened(key, seen)
        memoized.record(f"f:{key}", seen)

    def _note_beyond(self, reads: Reads | None, path: object) -> None:
        """Keep a file that is read, seems to be data, and does not count: a run tells it.

        To who gets it from memory later, its folder may be named.
        """
        full = os.path.abspath(os.fsdecode(path)) if sources.is_path(path) else ""
        is_data = full and not full.endswith(HIDDEN_SUFFIXES + (".py",))
        if not is_data or full.startswith(self.inside):
            return
        folder, name = os.path.split(full)
        if name[:1] == "." or _is_systems(folder) or not os.path.isfile(full):
            return
        key = f"f:{self._place_of(full)}"
        memoized.record(key, sources.stat_of(full))
        if reads is not None and not reads.beyond:
            is_known = full in reads.made or key in reads.keys
            reads.beyond = "" if is_known else full

    def named(self, value: Any) -> None:
        """Note the files that a value, or what is in it, names, and folders likewise.

        Any but those that the runner makes.
        """
        waiting, met = [value], set[int]()
        for each in itertools.islice(waiting, MOST):  # it grows
            if issubclass(type(each), (str, os.PathLike)):
                self._name(each)
            elif type(each) not in NAMELESS and id(each) not in met:
                met.add(id(each))
                waiting += _inner(each)

    def _name(self, value: Any) -> None:
        text = os.fspath(value)
        may_be_path = isinstance(text, str) and 0 < len(text) <= LONGEST
        if self.reads is None or not may_be_path:
            return
        full = os.path.abspath(os.path.join(self.root, text))
        try:
            mode = look_at(full).st_mode
        except (OSError, ValueError):
            if SIGNS.search(text):
                whole = _expanded(text)
                known = _known_part(whole)
                # A folder is often one for output, such as $TMPDIR/work of each job.
                is_file = os.path.isfile(os.path.join(self.root, known))
                if whole != text and is_file:
                    self.reads.note(f"f:{PLACE_OF}{text}")  # of other users, another
                self._name(known)
            return
        if stat.S_ISDIR(mode):
            self._let_count(sources.real(full))
        elif stat.S_ISREG(mode) and not self.is_runners(full):
            place = self._place_of(full)
            is_named = place in self.reads.named or f"f:{place}" not in self.reads.keys
            self.reads.note_file(f"f:{place}", sources.stat_of(full))
            if is_named:
                self.reads.named.add(place)
            self.reads.made.add(sources.real(full))

    def _let_count(self, full: str) -> None:
        """Let what lies in a folder outside the project count, if it is one for data.

        One that holds the project, a home, or temporary files, holds all sorts of things.
        """
        folder = full + os.sep
        held = self.root, os.path.expanduser("~"), tempfile.gettempdir()
        holds_all = any(f"{sources.real(p)}{os.sep}".startswith(folder) for p in held)
        if self.reads is None or holds_all or self._base(full) is not None:
            return
        self.reads.folders.append(folder)
        if len(self.reads.folders) <= TOLD:
            os.environ[channel.VARIABLE] = self._told(*self.reads.folders)

    def imported(self, module: ModuleType, by: str) -> None:
        """Note a module that a stage has asked for by a name made at run time."""
        by_nobody = __package__, *sources.COMPILERS
        is_own = by.partition(".")[0] not in by_nobody and sources.is_project(module)
        reads = self._heard()
        if reads is not None and is_own:
            reads.note(f"c:{module.__name__}:")
            memoized.record(f"c:{module.__name__}:", None)

    def loaded(self, path: str, *by: str) -> None:
        """Note a Python file that a stage loads by its path: as data, with its imports."""
        if path.endswith(".pyc"):
            try:
                path = importlib.util.source_from_cache(path)
            except ValueError:  # it lies there without a source
                return
        reads = self._heard()
        key = self.key(path) if reads and path not in sources.importing else None
        if key and reads and path not in by:
            reads.note_file(f"f:{key}", sources.stat_of(path))
            with self.pausing():
                names = [*filter(scope.is_local, programs.modules_in(path))]
            for name in names:
                if PathFinder.find_spec(name.partition(".")[0], self.usual):
                    reads.note(f"c:{name}:")
                elif origin := getattr(sources.spec_of(name), "origin", None):
                    self.loaded(origin, path, *by)  # a later run would not find it

    def linked(self, path: object) -> None:
        """Note a library of the project that holds compiled code."""
        reads = self._heard()
        key = self.key(path, is_code=True) if reads is not None else None
        full = os.path.join(self.root, key or "")
        if key and reads and os.path.isfile(full):
            reads.note_file(f"f:{key}", sources.stat_of(full))

    def listed(self, path: object) -> None:
        """Note a folder whose content was asked for: what is in it counts, by name."""
        reads, asked = self._heard(), "." if path is None else path
        key = self.key(asked, is_folder=True) if reads or memoized.known else None
        if key is None or (reads and f"{key}/" in reads.seen and not memoized.known):
            return
        seen = hashing.names_in(os.path.join(self.root, key))
        if reads is not None:
            reads.note_file(f"f:{key}/", seen)
        memoized.record(f"f:{key}/", seen)

    def missed(self, path: object) -> None:
        """Note what was looked for and is not there: read, unless it is there at last."""
        reads = self._heard()
        key = self.key(path) if reads is not None or memoized.known else None
        if key is None or not NAMEABLE.fullmatch(key):
            return
        seen = Handed(sources.stat_of(os.path.join(self.root, key)))
        if seen != sources.ABSENT:
            return  # it has another path: `raw.csv/`, `absent/../raw.csv`
        if reads is not None and key in reads.changed:
            return  # the call has removed it
        if reads is not None:
            reads.note_file(f"f:{key}", seen)
        memoized.record(f"f:{key}", seen)

    def globbed(self, folder: object, pattern: object) -> None:
        """Note a pattern that ends in a name: whether it is there is asked for unheard."""
        reads = self._heard()
        if not (reads and sources.is_path(folder) and sources.is_path(pattern)):
            return
        key = self.key(os.path.join(os.fsdecode(folder), os.fsdecode(pattern)))
        if key and NAMED_BELOW.search(key):
            with self.pausing():
                seen = matching(self.root, key)
            reads.note_file(f"f:{key}/", seen)

    def checkpoint(self, path: object) -> None:
        """Note all that was read so far, where a checkpoint is about to be written."""
        reads = self._heard()
        if reads is not None and reads.checkpoints and isinstance(path, str):
            if os.path.abspath(path).startswith(reads.checkpoints):
                with self.pausing():
                    reads.before_checkpoint()

    def changed(self, path: object) -> None:
        """Note what a call makes, renames or removes itself."""
        self.checkpoint(path)
        reads = self._heard()
        if reads is None:
            return
        place = self.key(path, is_folder=True)
        if place is not None:
            reads.note_change(place)
        elif sources.is_path(path):
            reads.made.add(os.path.abspath(os.fsdecode(path)))

    def handed(self, places: Iterable[object]) -> None:
        """Note files that others are to open, programs or a library: to read, it may be.

        What is not there yet, they make.
        """
        reads = self._heard()
        if reads is None:
            return
        for key in filter(None, map(self.key, places)):
            full = os.path.join(self.root, key)
            if os.path.isfile(full):
                seen = Handed(sources.stat_of(full))
                reads.note_file(f"f:{key}", seen)
                memoized.record(f"f:{key}", seen)
            elif not os.path.exists(full):
                reads.written.add(key)

    def started(self, folder: str, command: object) -> None:
        """Note the files that a program gets, and those that one in Python imports."""
        if self._heard() is None:
            return
        places = [os.path.join(folder, word) for word in programs.words(command)]
        keys = (self.key(each) for each in places if each.endswith(".py"))
        scripts = (os.path.join(self.root, key) for key in keys if key)
        with self.pausing():  # to look at them is no read of the stage
            found = programs.imported(scripts, self.root, self.key)
        self.handed([*places, *found])

    def take_back(self, reads: Reads) -> None:
        """Let what was handed to others, and is changed now, be no read: they wrote it."""
        for key, seen in list(reads.handed.items()):
            if sources.stat_of(os.path.join(self.root, key)) != seen:
                reads.drop_file(key)

    def changed_by_others(self, reads: Reads) -> list[str]:
        """Return the files and folders that are not any more what they were when read.

        A folder may have other names in it that the call has made, or lack what it has
        removed.
        """
        return [place for place in reads.seen if self.is_changed(reads, place)]

    def is_changed(self, reads: Reads, place: str) -> bool:
        """Return whether a file or folder is not any more what it was when read."""
        seen, full = reads.seen.get(place), os.path.join(self.root, place)
        if isinstance(seen, frozenset):
            is_pattern = _is_pattern(place) and not os.path.isdir(full)
            now = matching(self.root, place) if is_pattern else hashing.names_in(full)
            base = "" if is_pattern else place
            other = (os.path.join(self.root, base + name) for name in seen ^ now)
            places = map(self._place_of, map(os.path.abspath, other))
            return not all(_is_own(reads, place) for place in places)
        return seen is not None and sources.stat_of(full) != seen

    def listen(self) -> None:
        """See what is opened outside of stages as well: functions may keep it for them."""
        global _active
        if _active is None or _active.reads is None:  # no stage is at work
            _active = self

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Let this thread open files for the runner itself within the block."""
        own = get_ident()
        is_first = own not in self._looking
        self._looking.add(own)
        try:
            yield
        finally:
            self._looking -= {own} if is_first else set()

    def _heard(self) -> Reads | None:
        """Return into what the files that this thread opens are noted, if they are."""
        return None if get_ident() in self._looking else self.reads

    def noting(self, reads: Reads, functions: Sequence[Any] = ()) -> "_Noting":
        """Note into `reads` what is opened within the block, by any thread.

        The functions keep results: what was opened for these, by earlier calls, counts.
        """
        sources.forget_lines()
        if not (functions or memoized.known):  # as for most
            return _Noting(self, reads, None)

        def note(key: str, seen: Any) -> None:
            is_beyond = os.path.isabs(key[2:])  # who reads it now may name its folder
            if not is_beyond or self.key(key[2:], is_folder=key[-1] == "/"):
                reads.note_file(key, seen)

        reads.kept.update((id(each), each) for each in functions)
        return _Noting(self, reads, memoized.noting(reads.kept.values(), note))


SYSTEM = (
    "etc usr opt lib lib64 proc sys dev run var Library System Applications".split()
)
"""Folders of the machine, in which what is read is data of nobody's project."""


def _known_part(text: str) -> str:
    """Return a path without signs, or the folder that lies before the first one."""
    sign = SIGNS.search(text)
    return os.path.dirname(text[: sign.start()]) if sign else text


def _expanded(text: str) -> str:
    """Return what a text with `~` and names of variables stands for."""
    return os.path.expandvars(os.path.expanduser(text))


def _is_apart(name: str) -> bool:
    """Return whether a folder of the project has no data: packages, what pip notes here."""
    return name in sources.OUTSIDE or name[:1] == "." or name.endswith(".egg-info")


def _inner(value: Any) -> Any:
    """Return what is in a collection, or in an object, as of pydantic or omegaconf."""
    kind = type(value)
    with contextlib.suppress(Exception):  # one of omegaconf may lack a value
        if issubclass(kind, (list, tuple, set, frozenset)):
            return value
        if issubclass(kind, Mapping):
            return list(value.values())
    with contextlib.suppress(Exception):  # few things have no attributes at all
        # What is kept by a name, as a logger with its files, does not hold them.
        is_kept_whole = getattr(kind, "__reduce__", None) is object.__reduce__
        if is_kept_whole and not issubclass(kind, (type, ModuleType)):
            return list(vars(value).values())
    return []


@functools.lru_cache(1000)
def _is_systems(folder: str) -> bool:
    """Return whether a folder is one of Python, its packages, the machine, or hidden."""
    own = sys.prefix, sys.base_prefix, tempfile.gettempdir(), *filter(None, sys.path)
    places = *own, *[f"{os.sep}{name}" for name in SYSTEM], os.environ.get("SystemRoot")
    if f"{os.sep}." in folder or not sources.OUTSIDE.isdisjoint(folder.split(os.sep)):
        return True
    return any(f"{folder}{os.sep}".startswith(f"{each}{os.sep}") for each in places)


class _Noting:
    """The block in which files are noted; blocks may lie within each other."""

    def __init__(self, files: Files, reads: Reads, memory: Any) -> None:
        self.files, self.reads, self.memory = files, reads, memory

    def __enter__(self) -> None:
        global _active
        files, reads = self.files, self.reads
        _ = files.usual  # while no stage has changed it
        if os.environ.get(channel.VARIABLE) != files.told:
            os.environ[channel.VARIABLE] = files.told
        if files.reads is None:
            files.channel.forget()  # processes that have outlived their stage
        else:
            files.reads.collect()
        self.outer, _active = _active, files
        self.before, files.reads = files.reads, reads
        reads.find_files, reads.channel = files.named, files.channel
        if self.memory is not None:
            reads.recall = self.memory.__enter__()

    def __exit__(self, *error: Any) -> None:
        global _active
        try:
            if self.memory is not None:
                self.memory.__exit__(*error)
        finally:
            self.reads.collect()
            if self.before is None and self.files.channel.heard:
                self.files.channel.forget()
            self.files.take_back(self.reads)
            self.files.reads = self.before
            if self.outer is not None and self.outer.reads is not None:
                _active = self.outer


def is_racy(mtime: int) -> bool:
    """Return whether a time stamp is so recent that it may hide a later change."""
    within = RACY * FINE if mtime % 10**9 else RACY
    return time.time() - mtime / 1e9 < within


Digest = Callable[[str, tuple[int, int], int], str]
"""Gives the digest of a file by its path, size and time, and number."""


NOTHING = ("absent", hashing.hash_text())
"""The digests of a file that is not there, and of a pattern that matches none."""

PLACE_OF = "the place of "
"""How stands among the files that a call has read where such a text leads to."""
PLACE = f"{PLACE_OF}the project in results of "
"""The same, before the name of a stage, where a result says where the project lies."""

UNREADABLE = "unreadable"
"""The digest of a file that is there, and of which nobody can tell more."""


class FileDigests:
    """The digests of project files; the same file of equal size and time is not read again."""

    def __init__(self, root: Path, digest: Digest | None = None) -> None:
        self.root = root
        self.digest = digest or (lambda path, *status: hashing.hash_file(root / path))
        self.known: dict[tuple[str, tuple[int, int], int], str] = {}

    def __call__(self, path: str) -> str:
        if path.startswith(PLACE_OF):
            text = path.removeprefix(PLACE_OF)
            whole = str(self.root) if path.startswith(PLACE) else _expanded(text)
            return hashing.hash_text(path, whole)
        status, number = sources.status_of(os.path.join(self.root, path))
        if status[0] < 0 and _is_pattern(path):
            found = sorted(matching(self.root, path))
            if path.endswith("/"):  # by name
                return hashing.hash_text(*found)
            return hashing.hash_text(*(f"{each}={self(each)}" for each in found))
        if status[0] < 0:
            return "absent" if status == sources.ABSENT else UNREADABLE
        key = path, status, number
        known = self.known.get(key)
        if known is None:
            may_change_unseen = is_racy(status[1])
            try:
                known = self.digest(*key)
            except OSError:  # to whom it may be readable again, it is another one
                return UNREADABLE
            if not may_change_unseen:
                self.known[key] = known
        return known


def is_of_code(key: str) -> bool:
    """Return whether a key of reads stands for code, or for where that lies."""
    return key[0] in "cm" or key.startswith(f"f:{PLACE}")


def matching(root: Path | str, pattern: str) -> frozenset[str]:
    """Return the paths of what fits a pattern, relative to the project."""
    if pattern.endswith(WHOLE) and not _is_pattern(pattern[: -len(WHOLE)]):
        return frozenset(_all_in(root, pattern[: -len(WHOLE)]))
    full = Path(root, pattern)
    base = Path(full.anchor if os.path.isabs(pattern) else root)
    names = base.glob(full.relative_to(base).as_posix())
    inner = f"{root}{os.sep}"
    shown = (
        each[len(inner) :] if each.startswith(inner) else os.path.relpath(each, root)
        for each in map(str, names)
    )
    return frozenset(each.replace(os.sep, "/") for each in shown)


def _all_in(root: Path | str, folder: str) -> Iterator[str]:
    """Yield all files and folders in a folder, however deep, and behind links as well."""
    for path, folders, files in os.walk(os.path.join(root, folder), followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        place = os.path.relpath(path, root).replace(os.sep, "/")
        base = "" if place == "." else f"{place}/"
        yield from [base + name for name in folders]
        yield from [base + name for name in files]
        links = [name for name in folders if os.path.islink(f"{path}/{name}")]
        folders[:] = [n for n in folders if n not in links or not _is_above(path, n)]


def _is_above(path: str, link: str) -> bool:
    """Return whether a link in a folder leads back to that, or to what it lies in."""
    target, here = (os.path.realpath(each) for each in (f"{path}/{link}", path))
    return f"{here}/".startswith(f"{target}/")


def _is_pattern(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def _is_own(reads: Reads, place: str) -> bool:
    steps = place.split("/")
    above = ("/".join(steps[: i + 1]) for i in range(len(steps)))
    return any(each in reads.changed for each in above)


def _without_scheme(path: object) -> object:
    """Return the path of a database that may be given as `file:data/x.db?mode=ro`."""
    text = os.fsdecode(path) if sources.is_path(path) else ""  # bytes, on Python 3.10
    if not text.startswith("file:"):
        return path
    import urllib.parse  # takes long

    return urllib.parse.unquote(text[len("file:") :].partition("?")[0])


_active: Files | None = None


def _become_child() -> None:
    if _active is not None and _active.reads is not None:
        _active.reads.become_child()


def _join_parent(told: str) -> None:
    """Tell the stage that has started this process what is read here."""
    path, root, outside, named = json.loads(told)
    sources.watch(Path(root))
    files = Files(Path(root), tuple(map(Path, outside)))
    files.reads = Reads()
    files.reads.folders = named
    files.reads.channel = Channel(path)
    files.reads.become_child()
    files.listen()


def _note_open(event: str, details: tuple[Any, ...]) -> None:
    if _active is None or not (_active.reads or memoized.known):
        return  # nobody waits for it, or all modules are emptied: the process ends
    if _active.is_runners(details[0]):
        _active.checkpoint(details[0])
        return  # as most files are that are opened
    frame = sources.asking()
    if frame is None:  # Python itself, to show a line of a traceback
        return
    if sources.is_compiling(details[0], frame):
        _active.loaded(details[0])
    elif not sources.is_loading(details[0], frame):
        _active.opened(*details)


def _note_other(event: str, details: tuple[Any, ...]) -> None:
    if _active is None or not (_active.reads or memoized.known):
        return
    if event in LINKS:  # a name of this module: `sources` is emptied before it
        _active.linked(details[LINKS[event]])
    elif event == "pickle.find_class":
        if (reads := _active._heard()) is not None:
            reads.unpickled[details] = None
    elif event in LISTINGS:
        asking = sys._getframe(2).f_code.co_filename
        if asking != hashing.__file__ and not asking.startswith("<frozen importlib"):
            _active.listed(*details)
    elif event in GLOBS:
        where = details[:2] if event == PATH_GLOB else (details[2] or ".", details[0])
        _active.globbed(*where)
    elif event in CHANGES:
        for path in details[:2]:
            _active.changed(path)
        if event == "sqlite3.connect":
            _active.handed([_without_scheme(details[0])])
    elif event in COMMANDS:
        folder = details[2] if event == "subprocess.Popen" else None
        _active.started(os.fsdecode(folder or ""), details[COMMANDS[event]])


def _is_asked_by_project(frame: FrameType | None) -> bool:
    """Return whether the user's own code asks, be it through `os.path` or `pathlib`."""
    while frame and PATHS.match(str(frame.f_globals.get("__name__", ""))):
        if frame.f_code.co_name == "resolve":  # which needs no file there
            return False
        frame = frame.f_back
    return frame is not None and sources.is_project_file(frame.f_code.co_filename)


class _Look:
    """Asks as ever whether a file is there; no audit hook is told of that.

    It is no method where a class holds it, and counts as what it stands for.
    """

    def __init__(self, ask: Callable[..., os.stat_result]) -> None:
        self.ask = ask  # at the end of the process, this module is emptied
        functools.update_wrapper(self, ask)
        self.__module__ = os.__name__  # where pickles find it

    def __call__(self, path: Any, **options: Any) -> os.stat_result:
        try:
            return self.ask(path, **options)
        except (FileNotFoundError, NotADirectoryError):
            if _active is not None and options.get("dir_fd") is None:
                if _is_asked_by_project(sys._getframe().f_back):
                    _active.missed(path)
            raise

    def __reduce__(self) -> str:
        return self.ask.__name__

    def __repr__(self) -> str:
        return repr(self.ask)


_importing: Any = vars(importlib)["_bootstrap"]
"""What `import_module` uses: of itself, others may have a name by now."""
_import: Callable[..., ModuleType] = _importing._gcd_import
_by_name = importlib.import_module.__code__


@functools.wraps(_import)
def _noting_import(*given: Any) -> ModuleType:
    """Import as ever; of a module that is there already, no audit hook is told."""
    module = _import(*given)
    frame = sys._getframe(1)  # it imports what a module lies in, as well
    asking = frame.f_back if frame.f_code is _by_name else None
    if _active is not None and asking is not None:
        _active.imported(module, asking.f_globals.get("__name__", ""))
    return module


_importing._gcd_import = _noting_import
os.stat = _Look(look_at)
hashing.count_as(_Look, look_at)
for name in ("exists", "isfile", "isdir"):  # newer Pythons have others on Windows
    setattr(os.path, name, getattr(genericpath, name))
for each in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks):
    each.update({os.stat} if look_at in each else ())
if accessor := getattr(pathlib, "_NormalAccessor", None):  # Python 3.10
    accessor.stat = staticmethod(os.stat)
OTHERS = ("pickle.find_class", *LINKS, *LISTINGS, *GLOBS, *CHANGES, *COMMANDS)
sources.listen(["open"], _note_open)
sources.listen(OTHERS, _note_other)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_become_child)
if channel.VARIABLE in os.environ and "multiprocessing" in sys.modules:
    _join_parent(os.environ[channel.VARIABLE])
