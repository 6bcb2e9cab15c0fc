"""The cache: one folder a call, which appears by one rename and never changes again."""

import contextlib
import errno
import functools
import itertools
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from . import folders, hashing, sources
from .caching import Cacheable, OneFileCacher, read_bytes, write_bytes
from .errors import ArtifactError, CurifactoryError, DamagedError, RequestError
from .provenance import is_alive, system
from .trace import (
    Artifact,
    SchemeError,
    Trace,
    body_of,
    parse,
    sealed,
    sharing,
    unsealed,
)

META = "meta.json"
"""What was read and made, in the folder of a call."""
OWN = (".tmp", ".scratch", ".quarantine")
"""Folders whose content the runner may remove at any time."""
COPIED = 600.0
"""Seconds after which a folder that lacks its trace is not just being copied."""
SKEW = 60.0
"""Seconds that the clock of another machine may be ahead."""
NAMED = re.compile(r".+-[0-9a-f]{12}(-\d+)?")
"""The names of folders of calls; others in the cache are somebody else's."""

_numbers = itertools.count()


class Store:
    """All access to the folders of the cache, from the run itself and from workers.

    With a `base`, that is another cache, which is read and never written.
    """

    def __init__(
        self, root: Path, warn: Callable[[str], None], base: Path | None = None
    ) -> None:
        self.root = root
        self.warn = warn
        self.is_read_only = False
        self.roots = (root,) if base is None else (root, base)
        self._paths = tuple(str(each).rstrip("/") for each in self.roots)
        self.is_unsure = False
        """Whether a trace could not be read, which may be whole."""
        self.damaged: set[str] = set()
        """Folders that do not count, wherever they still lie."""
        self._verified: set[tuple[str, str]] = set()
        self._codes: set[tuple[str, str]] = set()
        self._placed: set[str] = {""}
        """The stages that are known to have a place for results, if any."""

    def open(self) -> None:
        """Make sure that the cache is ours and can be written, and tidy up in it."""
        for root in self.roots:
            folders.check_owner(root)
        above = self.root, *self.root.parents
        missing = [each for each in above if not os.path.exists(each)]
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            made = self.prepare()
            is_open = os.name == "posix" and os.stat(made).st_mode & stat.S_IWOTH
            is_refused = is_open and len(self.roots) == 1
            with contextlib.suppress(OSError):
                os.rmdir(made)
                for each in [self.root / ".tmp", *missing] if is_refused else ():
                    each.rmdir()
        except (OSError, CurifactoryError) as error:
            raise RequestError(
                f"the cache {self.root} cannot be written: "
                f"{_short(error.__cause__ or error)}",
                "make the folder writable, choose another with --cache, or use it as it "
                "is with --read-only",
            ) from error
        if is_refused:  # the next run would refuse all that this one makes
            raise RequestError(
                f"what is made in the cache {self.root} can be written by everybody",
                "run `umask 022` before, or choose another place with --cache",
            )
        self.tidy()

    def tidy(self) -> None:
        """Remove what processes of this machine that were killed had prepared."""
        for entry in folders.entries(self.root / ".tmp"):
            if is_at_work(entry.name) is False:
                self.discard(entry.path)

    def place(self, folder: str) -> str:
        """Return where a folder of the cache lies."""
        if len(self._paths) == 1:
            return f"{self._paths[0]}/{folder}"
        places = [f"{path}/{folder}" for path in self._paths]
        return next(filter(os.path.exists, places), places[0])

    # Traces -------------------------------------------------------------------------

    def stages(self) -> list[str]:
        """Return the folders of stages."""
        found = {
            each.name
            for root in self.roots
            for each in folders.entries(root)
            if each.name[0] != "." and folders.is_folder(each)
        }
        return sorted(found)

    def folders(self, stage: str) -> set[str]:
        """Return the folders that lie in the cache for a stage.

        Raises OSError where that cannot be told, for now: they may well be there.
        """
        name, found = folders.safe(stage), []
        for root in self.roots:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found += list(os.scandir(root / name))
        own = (
            each
            for each in found
            if NAMED.fullmatch(each.name) and folders.is_folder(each)
        )
        return {f"{name}/{each.name}" for each in own}

    def times(self, stage: str) -> list[int]:
        """Return when folders of a stage last came or went, or were copied here."""
        found = []
        for root in self.roots:
            with contextlib.suppress(OSError):
                status = os.stat(root / folders.safe(stage))
                found.append(sources.stamp(status)[1])
        return found

    def read(self, folder: str) -> Trace | None:
        """Return the trace in a folder; None, and a line, if it is not whole."""
        try:
            body = read_bytes(f"{self.place(folder)}/{META}").decode()
            found = parse(body, folder)
            if folders.safe(found.stage) == folder.partition("/")[0]:
                return found
            self._note_unreadable(folder)  # it was moved here from another stage
        except (FileNotFoundError, IsADirectoryError):
            self._note_lacking(folder)
        except OSError as error:
            self.is_unsure = True
            self.warn(f"{folder}/{META} cannot be read: {_short(error)}; left alone")
        except SchemeError:
            pass
        except (ValueError, KeyError, TypeError):
            self._note_unreadable(folder)
        return None

    def _note_lacking(self, folder: str) -> None:
        """Move a folder without any trace away, if it is there for long."""
        with contextlib.suppress(OSError):  # another run may have removed it
            age = time.time() - os.stat(self.place(folder)).st_mtime
            if age > COPIED:
                self._note_unreadable(folder)
            else:
                self.is_unsure = True
                self.warn(f"{folder}/{META} is not there (yet); left alone")

    def _note_unreadable(self, folder: str) -> None:
        """Move a folder without a whole trace away, if it is one of ours."""
        if code_files(os.path.dirname(self.place(folder))):
            self.quarantine(folder, META)
        else:
            self.warn(f"{folder}/{META} is not of this cache, it seems; left alone")

    def code_parts(self, trace: Trace) -> dict[str, str]:
        """Return the parts of the code that a trace was made with, by file and name."""
        path = self.place(f"{folders.safe(trace.stage)}/{_code_file(trace.code)}")
        with contextlib.suppress(OSError, ValueError):
            return unsealed(read_bytes(path).decode())
        return {}

    def stages_with(self, fingerprint: str, names: Iterable[str]) -> list[str]:
        """Return those folders of stages that were executed with some code."""
        places = {n: self.place(f"{n}/{_code_file(fingerprint)}") for n in names}
        return [name for name, place in places.items() if os.path.exists(place)]

    def accepted(self) -> list[dict[str, Any]]:
        """Return what was accepted, in the order of time."""
        found = []
        for root in self.roots:
            for entry in folders.entries(root / ".accepted"):
                with contextlib.suppress(OSError, ValueError):
                    found.append(unsealed(read_bytes(entry.path).decode()))
        return sorted(found, key=lambda each: float(each["when"]))

    # Commits ------------------------------------------------------------------------

    def prepare(self, stage: str = "") -> str:
        """Make a folder beside the results, to be filled and then committed.

        Work of a stage whose results have no place is refused before it is done.
        """
        if stage not in self._placed:
            self._check_place(f"{self._paths[0]}/{folders.safe(stage)}")
            self._placed.add(stage)
        while True:
            folder = f"{self._paths[0]}/.tmp/{system()}-{os.getpid()}-{next(_numbers)}"
            try:
                try:
                    os.mkdir(folder)
                except FileNotFoundError:
                    os.makedirs(folder)
                return folder
            except OSError as error:
                if isinstance(error, FileExistsError) and os.path.isdir(folder):
                    continue  # of a killed process that had this number
                said = f"the cache cannot be written: {_short(error)}"
                raise CurifactoryError(said) from error

    def _check_place(self, place: str) -> None:
        """Refuse a folder of a stage where nothing can appear by a rename.

        By one look at it: another run may make it at any time.
        """
        try:
            found = os.stat(place)
            is_here = found.st_dev == os.stat(f"{self._paths[0]}/").st_dev
            is_open = os.access(place, os.W_OK | os.X_OK)
            is_fit = stat.S_ISDIR(found.st_mode) and is_open and is_here
        except OSError:
            is_fit = not os.path.islink(place)  # to what is not there
        if not is_fit:
            raise CurifactoryError(
                f"the cache cannot be written: {place} is no folder, closed to you, or "
                "a link to another disk",
                "make it a folder that is writable, or choose another cache with --cache",
            )

    def commit(
        self, folder: str, trace: Trace, parts: dict[str, str], begun: float
    ) -> Trace:
        """Let the prepared folder appear under a new name, with its trace in it.

        Where another run has committed the same call since it begun, that one counts.
        """
        self._keep_code(trace, parts)
        trace.created = time.time()
        since = begun, trace.created + SKEW
        write_bytes(f"{folder}/{META}", body_of(trace).encode())
        label = "all" if trace.label == "-" else folders.safe(trace.label)
        stem = f"{folders.safe(trace.stage)}/{label}-{trace.node[:12]}"
        for number in itertools.count(1):
            trace.folder = stem if number == 1 else f"{stem}-{number}"
            try:
                folders.appear(folder, f"{self._paths[0]}/{trace.folder}")
                break
            except OSError as error:
                # Whoever had the name may have gone by now, as gc lets older ones go.
                is_there = os.path.lexists(f"{self._paths[0]}/{trace.folder}")
                if not is_there and error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                twin = self.read(trace.folder)
                if twin is not None and self._is_first(twin, trace, since):
                    self.discard(folder)
                    return twin
                if twin is not None and twin.created >= trace.created:
                    trace.created = twin.created + 0.001  # of a clock that was ahead
                    write_bytes(f"{folder}/{META}", body_of(trace).encode())
        self._verified.update((trace.folder, each.name) for each in trace.outputs)
        return sharing(trace)

    def _is_first(self, twin: Trace, trace: Trace, since: tuple[float, float]) -> bool:
        is_newer = since[0] < twin.created <= since[1]
        return is_newer and twin.node == trace.node and self.has_data(twin)

    def discard(self, path: str | Path) -> None:
        """Remove a folder of the cache that is not committed; nothing else, ever.

        Raises where it is one of checkpoints, and stays: half of them mean nothing.
        """
        folder = Path(path)
        if folder.parent.parent != self.root or folder.parent.name not in OWN:
            return
        if folder.parent.name == ".scratch":
            aside = Path(self.prepare())
            folders.rename(folder, aside / "scratch")
            folder = aside
        shutil.rmtree(folder, ignore_errors=True)

    def _keep_code(self, trace: Trace, parts: dict[str, str]) -> None:
        """Keep what reasons are given by; a cache without it is a cache still."""
        if (trace.stage, trace.code) in self._codes:
            return
        self._codes.add((trace.stage, trace.code))
        path = self.root / folders.safe(trace.stage) / _code_file(trace.code)
        with contextlib.suppress(OSError, CurifactoryError):
            if not path.exists():
                self.keep(path, parts)

    def keep(self, path: Path, content: dict[str, Any]) -> None:
        """Let a sealed file appear, whole, by one rename."""
        aside = self.prepare()
        write_bytes(f"{aside}/file", sealed(content, indent=1).encode())
        path.parent.mkdir(exist_ok=True)
        folders.rename(f"{aside}/file", path)
        self.discard(aside)

    # Data ---------------------------------------------------------------------------

    def has_data(
        self, trace: Trace, index: int | None = None, *, is_fresh: bool = False
    ) -> bool:
        """Return whether an output of a trace, or each one, can be loaded."""
        chosen = trace.outputs if index is None else [trace.outputs[index]]
        if trace.folder in self.damaged or "" in [each.cacher for each in chosen]:
            return False
        if is_fresh:
            return True
        folder = self.place(trace.folder)
        files = [f"{folder}/{file}" for each in chosen for file in each.files]
        return all(map(os.path.exists, files))

    def load(self, folder: str, artifact: Artifact, cacher: Cacheable) -> Any:
        """Return an artifact as its cacher loads it; its bytes are checked once a run."""
        place = self.place(folder)
        placed = cacher.at(place, folders.output_stem(artifact.name))
        load = None
        if (folder, artifact.name) not in self._verified:
            load = _read_once(placed, artifact)
            if load is None:
                self._check(folder, place, artifact)
            self._verified.add((folder, artifact.name))
        try:
            return load() if load is not None else placed.load()
        except DamagedError as error:
            self.warn(f"{folder}: {error.message}")
            raise
        except Exception as error:
            self._check(folder, place, artifact)  # since the last time, or its commit
            stage = folder.partition("/")[0].rpartition(".")[2]
            is_gone = isinstance(error, (ImportError, AttributeError))
            hint = (
                f"the data is kept: mend {'the import' if is_gone else 'its class'} "
                "(an edited cacher makes it anew), or "
                f"compute it again with --overwrite-stage {stage}"
            )
            message = f"{folder}/{(*artifact.files, artifact.name)[0]} does not load: "
            message += f"{type(error).__name__}: {error}"
            raise ArtifactError(message, hint) from error

    def check(self, folder: str, artifact: Artifact) -> None:
        """Refuse an artifact that is not whole; its bytes are checked once a run."""
        if (folder, artifact.name) not in self._verified:
            self._check(folder, self.place(folder), artifact)
            self._verified.add((folder, artifact.name))

    def _check(self, folder: str, place: str, artifact: Artifact) -> None:
        """Refuse an artifact whose bytes are not the ones that were saved."""
        try:
            wrong = damage(place, artifact)
        except OSError as error:  # they may be whole
            said = f"{folder}: {artifact.name} cannot be read: {_short(error)}"
            raise ArtifactError(said, "the data is kept: make it readable") from error
        if not os.path.exists(f"{place}/{wrong}"):
            raise DamagedError(f"{folder}/{wrong} is gone")
        if wrong:
            self.quarantine(folder, wrong)
            raise DamagedError(f"{folder}/{wrong} is damaged: its bytes differ")

    def aside(self, name: str) -> Path:
        """Return a place in quarantine where nothing lies yet."""
        stem = self.root / ".quarantine" / name.replace("/", "--")
        places = (Path(f"{stem}-{number}") for number in itertools.count(1))
        return next(each for each in places if not each.exists())

    def quarantine(self, folder: str, file: str) -> None:
        """Move a damaged folder out of the way; it then counts as absent."""
        said = f"{folder}/{file} is damaged"
        target = self.aside(folder)
        try:
            if self.is_read_only or not (self.root / folder).exists():
                raise OSError("it lies in a cache that is only read")
            target.parent.mkdir(exist_ok=True)
            os.utime(self.root / folder)  # from now on its age counts
            folders.rename(self.root / folder, target)
            self.warn(f"{said}; the folder was moved to {target.parent.name}/")
        except OSError as error:
            self.warn(f"{said}; the folder stays: {_short(error)}")

    def scratch(self, stage: str, *names: str) -> Path:
        """Return a folder for checkpoints that outlives a failure of its call."""
        name = f"{folders.safe(stage)}-{hashing.hash_text(*names)[:24]}"
        path = self.root / ".scratch" / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def is_at_work(name: str) -> bool | None:
    """Return whether the process that prepared a folder is alive; None if that cannot be
    told, as on another machine."""
    match = re.fullmatch(re.escape(system()) + r"-(\d+)-\d+", name)
    return is_alive(int(match[1])) if match and os.name == "posix" else None


def _short(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


def _read_once(cacher: Cacheable, artifact: Artifact) -> Callable[[], Any] | None:
    """Return what loads the bytes that were checked; None where it must be asked anew.

    That is where they differ, or where the cacher reads its files by itself.
    """
    if not isinstance(cacher, OneFileCacher):
        return None
    if (type(cacher).load, type(cacher).get_path) != _LOADED_WHOLE:
        return None
    with contextlib.suppress(OSError):
        data = read_bytes(cacher.get_path())
        if hashing.hash_bytes(data) == artifact.checksum:
            return functools.partial(cacher.loads, data)
    return None


_AS_IT_IS = OneFileCacher.save, OneFileCacher.get_path
_LOADED_WHOLE = OneFileCacher.load, OneFileCacher.get_path


def checked_in(
    folder: str, name: str, cacher: Cacheable, earlier: set[str], described: str
) -> Artifact:
    """Return the artifact that a cacher has just saved into a prepared folder.

    What consumers go by is its bytes, and what `described` its cacher.
    """
    kind = type(cacher)
    if isinstance(cacher, OneFileCacher) and (kind.save, kind.get_path) == _AS_IT_IS:
        assert cacher.written is not None
        size, checksum = cacher.written
        files: tuple[str, ...] = (f"{cacher.name}{cacher.extension}",)
        parts: tuple[str, ...] = ()
    else:
        folders.keep_links(folder)
        own = (
            f for f in folders.files_in(folder) if not f.startswith(f"{folders.FILES}/")
        )
        files = tuple(sorted(set(own) - earlier))
        for file in files:
            path = f"{folder}/{file}"
            if file == META or not (os.path.isfile(path) or os.path.isdir(path)):
                said = f"{file} is no file, leads nowhere, or is the runner's own"
                raise ArtifactError(said, "save to a file of another name")
        if not files and all(
            e.is_file() or e.name == folders.FILES for e in folders.entries(folder)
        ):
            hint = "save to self.get_path(), or below self.get_dir()"
            raise ArtifactError(f"{kind.__name__} wrote nothing", hint)
        sums = tuple(folders.digest(f"{folder}/{file}") for file in files)
        places = (f"{folder}/{file}" for file in files)
        size = sum(os.path.getsize(each) for each in places if os.path.isfile(each))
        checksum, parts = _whole(files, sums), sums if len(files) > 1 else ()
    identity = hashing.hash_text(checksum, described)
    return Artifact(name, files, kind.__name__, size, checksum, identity, parts)


def damage(folder: str | Path, artifact: Artifact) -> str:
    """Return the first file of an artifact whose bytes are not the ones saved."""
    sums = artifact.parts or (artifact.checksum,)[: len(artifact.files)]
    for file, known in zip(artifact.files, sums, strict=True):
        if folders.digest(f"{folder}/{file}") != known:
            return file
    return ""


def _whole(files: Sequence[str], sums: Sequence[str]) -> str:
    if len(files) == 1:
        return sums[0]
    pairs = zip(files, sums, strict=True)
    return hashing.hash_text(*(f"{file}={each}" for file, each in pairs))


def code_files(folder: str | Path) -> list[str]:
    """Return the code that lies in the folder of a stage; others have none."""
    pattern = re.compile(r"code-[0-9a-f]{16}\.json")
    return [
        each.path for each in folders.entries(folder) if pattern.fullmatch(each.name)
    ]


def _code_file(fingerprint: str) -> str:
    return f"code-{fingerprint[:16]}.json"
