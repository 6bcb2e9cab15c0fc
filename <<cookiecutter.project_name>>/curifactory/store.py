"""The cache: one folder a call, which appears by one rename, and an index of them."""

import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from . import hashing
from .caching import Cacheable
from .errors import ArtifactError, CurifactoryError, DamagedError, RequestError

T = TypeVar("T")
META = "meta.json"
BATCH = 1000
RACY = 2.0
"""Seconds within which a time stamp may hide a later change."""

_TABLES = """
DROP TABLE IF EXISTS traces;
DROP TABLE IF EXISTS synced;
DROP TABLE IF EXISTS files;
CREATE TABLE traces(folder TEXT PRIMARY KEY, stage TEXT, grp TEXT, label TEXT, body TEXT);
CREATE INDEX by_group ON traces(grp);
CREATE INDEX by_label ON traces(stage, label);
CREATE TABLE synced(stage TEXT PRIMARY KEY, mtime INTEGER);
CREATE TABLE files(path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER, digest TEXT);
"""


@dataclass(frozen=True)
class Artifact:
    """One saved output: its files, the digest of their bytes, what consumers go by."""

    name: str
    files: tuple[str, ...]
    cacher: str
    size: int
    checksum: str
    identity: str

    @property
    def is_kept(self) -> bool:
        """Whether data was saved; a transient output has none."""
        return bool(self.files)


@dataclass
class Trace:
    """What one execution of a stage read and produced."""

    stage: str
    label: str
    group: str
    code: str
    inputs: list[str]
    reads: list[list[str]]
    outputs: list[Artifact]
    arguments: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    reportables: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    created: float = 0.0
    run: str = ""
    folder: str = ""


class Store:
    """All access to the folder of the cache."""

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self.root = root
        self.warn = warn
        self._index: sqlite3.Connection | None = None
        self._synced: set[str] = set()
        self._verified: set[tuple[str, str]] = set()
        self._new: list[Trace] = []
        self._new_files: list[tuple[str, int, int, str]] = []
        self._counter = itertools.count()
        self._recent: dict[str, deque[Trace]] = {}
        self._codes: set[tuple[str, str]] = set()

    # Traces -------------------------------------------------------------------------

    def find(self, stage: str, group: str) -> list[Trace]:
        """Return the traces of one stage, code and inputs, oldest first."""
        self._sync(stage)
        query = "SELECT folder, body FROM traces WHERE grp = ? ORDER BY rowid"
        return self._traces(query, (group,))

    def similar(self, stage: str, label: str) -> list[Trace]:
        """Return recent traces of a stage, those under the same label first."""
        self._sync(stage)
        if stage not in self._recent:
            query = (
                "SELECT folder, body FROM traces WHERE stage = ? ORDER BY rowid DESC"
            )
            found = self._traces(query + " LIMIT 8", (stage,))
            self._recent[stage] = deque(found, maxlen=8)
        query = "SELECT folder, body FROM traces WHERE stage = ? AND label = ? "
        query += "ORDER BY rowid DESC LIMIT 4"
        recent = self._recent[stage]
        return [*(self._traces(query, (stage, label)) if recent else ()), *recent]

    def code_parts(self, stage: str, fingerprint: str) -> dict[str, str]:
        """Return the parts of the code that a trace was made with, by file and name."""
        path = self.root / _safe(stage) / f"code-{fingerprint[:16]}.json"
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(path.read_text(encoding="utf-8")))
        return {}

    def _traces(self, query: str, values: Sequence[str]) -> list[Trace]:
        def read() -> list[Trace]:
            return [_parse(folder, body) for folder, body in self._rows(query, values)]

        return self._mending(read)

    # Commits ------------------------------------------------------------------------

    def prepare(self) -> Path:
        """Make a folder beside the results, to be filled and then committed."""
        name = f"{socket.gethostname()}-{os.getpid()}-{next(self._counter)}"
        folder = self.root / ".tmp" / name
        try:
            os.makedirs(folder)
        except OSError as error:
            raise CurifactoryError(f"the cache cannot be written: {error}") from error
        return folder

    def commit(self, folder: Path, trace: Trace, parts: dict[str, str]) -> Trace:
        """Let the prepared folder appear under a new name, with its trace in it."""
        self._keep_code(trace, parts)
        trace.created = time.time()
        body = _body(trace)
        with open(folder / META, "w", encoding="utf-8") as file:
            file.write(body)
        key = hashing.hash_text(trace.group, *(f"{k}={d}" for k, d, _ in trace.reads))
        label = "all" if trace.label == "-" else _safe(trace.label)
        stem = f"{_safe(trace.stage)}/{label}-{key[:12]}"
        for number in itertools.count(1):
            trace.folder = stem if number == 1 else f"{stem}-{number}"
            try:
                os.rename(folder, self.root / trace.folder)
                break
            except OSError:
                if not (self.root / trace.folder).exists():
                    raise
        self._new.append(trace)
        self._recent.setdefault(trace.stage, deque(maxlen=8)).appendleft(trace)
        if len(self._new) >= BATCH:
            self.flush()
        return trace

    def discard(self, folder: Path) -> None:
        """Remove a prepared folder that will not be committed."""
        shutil.rmtree(folder, ignore_errors=True)

    def _keep_code(self, trace: Trace, parts: dict[str, str]) -> None:
        if (trace.stage, trace.code) in self._codes:
            return
        self._codes.add((trace.stage, trace.code))
        path = self.root / _safe(trace.stage) / f"code-{trace.code[:16]}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            aside = self.prepare()
            (aside / "code").write_text(json.dumps(parts, indent=1), encoding="utf-8")
            os.replace(aside / "code", path)
            self.discard(aside)

    # Data ---------------------------------------------------------------------------

    def has_data(self, trace: Trace) -> bool:
        """Return whether every output of a trace can be loaded from the cache."""
        folder = self.root / trace.folder
        return all(
            artifact.is_kept and all(os.path.exists(folder / f) for f in artifact.files)
            for artifact in trace.outputs
        )

    def load(self, trace: Trace, artifact: Artifact, cacher: Cacheable) -> Any:
        """Return an artifact as its cacher loads it; its bytes are checked once a run."""
        folder = self.root / trace.folder
        key = trace.folder, artifact.name
        if key not in self._verified:
            if _checksum(folder, artifact.files) != artifact.checksum:
                self.quarantine(trace)
                place = f"{trace.folder}/{artifact.files[0]}"
                raise DamagedError(f"{place} is damaged: its bytes have changed")
            self._verified.add(key)
        try:
            return cacher.at(folder, output_stem(artifact.name)).load()
        except Exception as error:
            place = f"{trace.folder}/{artifact.files[0]}"
            hint = "the data is kept: mend the import or the cacher and run again"
            message = f"{place} does not load: {type(error).__name__}: {error}"
            raise ArtifactError(message, hint) from error

    def quarantine(self, trace: Trace) -> None:
        """Move a damaged folder out of the way; it then counts as absent."""
        target = self.root / ".quarantine" / trace.folder.replace("/", "--")
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            os.rename(self.root / trace.folder, target)
        self.forget([trace.folder])
        self.warn(f"{trace.folder} is damaged; moved to {target.parent.name}/")

    def forget(self, folders: Iterable[str]) -> None:
        """Drop folders that are gone from the index."""
        gone = set(folders)
        self._new = [trace for trace in self._new if trace.folder not in gone]
        with self.index:
            rows = [(folder,) for folder in gone]
            self.index.executemany("DELETE FROM traces WHERE folder = ?", rows)

    def scratch(self, *names: str) -> Path:
        """Return a folder for checkpoints that outlives a failure of its call."""
        path = self.root / ".scratch" / hashing.hash_text(*names)
        path.mkdir(parents=True, exist_ok=True)
        return path

    # Index --------------------------------------------------------------------------

    @property
    def index(self) -> sqlite3.Connection:
        """The connection to the index, made from the folders where there is none."""
        if self._index is None:
            self.open()
        assert self._index is not None
        return self._index

    def open(self) -> None:
        """Make sure that the cache is ours, can be written, and has an index."""
        self._check_folder()
        self._index = self._open_index()
        self._clean_up()

    def flush(self) -> None:
        """Write what was committed since the last time into the index."""
        if not self._new and not self._new_files:
            return
        traces, self._new = self._new, []
        files, self._new_files = self._new_files, []
        statement = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)"

        def write() -> None:
            with self.index:
                self._insert(traces)
                self.index.executemany(statement, files)

        self._mending(write)

    def close(self) -> None:
        """Write what is left and let go of the index."""
        if self._index is not None:
            self.flush()
            self._index.close()
            self._index = None

    def file_digest(self, root: Path, path: str, stat: tuple[int, int]) -> str:
        """Return the digest of a project file; equal size and time shortcut the reading."""
        if stat[0] < 0:
            return "absent"
        query = "SELECT digest FROM files WHERE path = ? AND size = ? AND mtime = ?"
        for (known,) in self._rows(query, (path, *stat)):
            return str(known)
        digest = hashing.hash_file(root / path)
        if not is_racy(stat[1]):
            self._new_files.append((path, *stat, digest))
        return digest

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._mending(lambda: self.index.execute(query, values).fetchall())

    def _insert(self, traces: Iterable[Trace]) -> None:
        rows = [(t.folder, t.stage, t.group, t.label, _body(t)) for t in traces]
        statement = "INSERT OR REPLACE INTO traces VALUES (?, ?, ?, ?, ?)"
        self.index.executemany(statement, rows)

    def _sync(self, stage: str) -> None:
        """Take in the folders of a stage that the index does not know, once a run."""
        if stage in self._synced:
            return
        self._synced.add(stage)
        folder = self.root / _safe(stage)
        try:
            mtime = folder.stat().st_mtime_ns
        except OSError:
            mtime = -1
        query = "SELECT mtime FROM synced WHERE stage = ?"
        if self._rows(query, (stage,)) == [(mtime,)]:
            return
        self._mending(lambda: self._compare(stage, folder if mtime >= 0 else None))
        if not is_racy(mtime):
            with self.index:
                statement = "INSERT OR REPLACE INTO synced VALUES (?, ?)"
                self.index.execute(statement, (stage, mtime))

    def _compare(self, stage: str, folder: Path | None) -> None:
        query = "SELECT folder FROM traces WHERE stage = ?"
        known = {row[0] for row in self._rows(query, (stage,))}
        entries = os.scandir(folder) if folder is not None else ()
        names = (entry.name for entry in entries if entry.is_dir())
        there = {f"{_safe(stage)}/{name}" for name in names}
        if known - there:
            self.forget(known - there)
        found = [self._read(each) for each in sorted(there - known)]
        with self.index:
            valid = [trace for trace in found if trace is not None]
            self._insert(sorted(valid, key=lambda trace: trace.created))

    def _read(self, folder: str) -> Trace | None:
        """Return the trace in a folder; None, and a line, if it is not whole."""
        try:
            body = (self.root / folder / META).read_text(encoding="utf-8")
            return _parse(folder, body)
        except (OSError, ValueError, KeyError, TypeError):
            self.warn(f"{folder} has no valid {META}; left alone")
            return None

    def _open_index(self) -> sqlite3.Connection:
        path = self.root / "index.sqlite"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return self._mending(lambda: _connect(path))
        except (OSError, sqlite3.OperationalError) as error:
            raise RequestError(
                f"the cache {self.root} cannot be written: {error}",
                "make the folder writable, or choose another with --cache",
            ) from error

    def _mending(self, use: Callable[[], T]) -> T:
        """Use the index; a damaged one is made anew from the folders, and used again."""
        try:
            return use()
        except sqlite3.OperationalError:
            raise
        except (sqlite3.DatabaseError, ValueError) as error:
            self.warn(f"the index was damaged ({error}); made anew from the folders")
        if self._index is not None:
            self._index.close()
        self._index = None
        stages, self._synced = self._synced, set()
        (self.root / "index.sqlite").unlink(missing_ok=True)
        for stage in stages:
            self._sync(stage)
        return use()

    def _check_folder(self) -> None:
        """Refuse to unpickle what anybody on the machine may have written."""
        if os.name != "posix" or not self.root.exists():
            return
        if self.root.stat().st_mode & 0o002:
            raise RequestError(
                f"the cache {self.root} can be written by everybody",
                f"chmod o-w '{self.root}', after making sure that its content is yours",
            )

    def _clean_up(self) -> None:
        """Remove what processes of this host left behind when they were killed."""
        for folder in (self.root / ".tmp").glob(f"{socket.gethostname()}-*"):
            if not _is_alive(int(folder.name.split("-")[-2])):
                self.discard(folder)


def is_racy(mtime: int) -> bool:
    """Return whether a time stamp is so recent that it may hide a later change."""
    return time.time() - mtime / 1e9 < RACY


def checked_in(
    folder: Path, name: str, cacher: Cacheable, before: set[str]
) -> Artifact:
    """Return the artifact that a cacher has just saved into a prepared folder."""
    files = tuple(sorted(set(files_in(folder)) - before))
    checksum = _checksum(folder, files)
    size = sum(os.path.getsize(folder / file) for file in files)
    kind = type(cacher).__name__
    return Artifact(name, files, kind, size, checksum, checksum)


def files_in(folder: Path) -> Iterable[str]:
    for base, _, names in os.walk(folder):
        inner = os.path.relpath(base, folder).replace(os.sep, "/")
        for name in names:
            yield name if inner == "." else f"{inner}/{name}"


def output_stem(name: str) -> str:
    """Return the file name, without extension, of an artifact."""
    return _safe(name)


def _checksum(folder: Path, files: Sequence[str]) -> str:
    try:
        if len(files) == 1:
            return hashing.hash_file(folder / files[0])
        return hashing.hash_text(
            *(f"{file}={hashing.hash_file(folder / file)}" for file in files)
        )
    except OSError:
        return "absent"


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60)
    # The index can always be made from the folders, so no write waits for the disk.
    connection.execute("PRAGMA synchronous = OFF")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] != hashing.SCHEME:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {hashing.SCHEME}")
    return connection


def _body(trace: Trace) -> str:
    """Return the text of meta.json; it ends with the digest of what stands before."""
    text = json.dumps({"scheme": hashing.SCHEME, **_content(trace)})[:-1]
    return f'{text}, "digest": "{hashing.hash_bytes(text.encode())}"}}\n'


def _content(trace: Trace) -> dict[str, Any]:
    content = dict(vars(trace), outputs=[vars(each) for each in trace.outputs])
    del content["folder"]
    return content


def _parse(folder: str, body: str) -> Trace:
    text, found, end = body.rpartition(', "digest": "')
    if not found or hashing.hash_bytes(text.encode()) != end.rstrip()[:-2]:
        raise ValueError(f"{folder} does not match its digest")
    content = json.loads(text + "}")
    if content.pop("scheme") != hashing.SCHEME:
        raise ValueError(f"{folder} has another scheme")
    outputs = [
        Artifact(**{**each, "files": tuple(each["files"])})
        for each in content.pop("outputs")
    ]
    return Trace(**content, outputs=outputs, folder=folder)


def _safe(text: str) -> str:
    """Return a text that is one readable step of a path on every system."""
    clean = re.sub(r"[^A-Za-z0-9_=+,.-]+", "_", text).strip(".-")
    return clean[:80] or "_"


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
