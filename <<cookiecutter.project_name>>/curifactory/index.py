"""The index of the cache: SQLite, derived from the folders, and made anew from them."""

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from . import hashing
from .files import is_racy
from .store import Store
from .trace import DISTURBED, SCHEME, Trace, packed, unpacked

T = TypeVar("T")
BATCH = 1000
MANY = 20_000
"""How many traces are written in one batch; how many are too many to read in one."""
PATIENCE = 1000
"""After how many questions ten times as many are not too many any more."""
MEMORY = ":memory:"
VERSION = 1000 * 8 + SCHEME
"""Changes with the tables, with the fields of traces, and with the scheme of digests."""

_TABLES = """
DROP TABLE IF EXISTS traces;
DROP TABLE IF EXISTS steps;
DROP TABLE IF EXISTS synced;
DROP TABLE IF EXISTS files;
CREATE TABLE traces(folder TEXT PRIMARY KEY, stage TEXT, node TEXT, label TEXT, body TEXT);
CREATE INDEX by_node ON traces(node);
CREATE INDEX by_stage ON traces(stage);
CREATE INDEX by_label ON traces(stage, label);
CREATE TABLE steps(stage TEXT, node TEXT, key TEXT, PRIMARY KEY(stage, node, key))
    WITHOUT ROWID;
CREATE TABLE synced(stage TEXT PRIMARY KEY, stamp TEXT);
CREATE TABLE files(path BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, number INTEGER,
    digest TEXT);
"""
BODY = "coalesce(body, '')"
"""The text of a trace; where that was lost, one that matches no digest."""
_UNSTAMP = """DELETE FROM synced WHERE stage IN
    (SELECT stage FROM traces WHERE folder = ?)"""
"""They may lie there still: who comes next looks at the folders."""
FILE = "SELECT digest FROM files WHERE (path, size, mtime, number) = (?, ?, ?, ?)"


class Index:
    """Finds traces by what they are of; one process at a time writes, in batches."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.place = str(store.root / "index.sqlite")
        self._connection: sqlite3.Connection | None = None
        self._number = 0
        """That of the file which was opened: another run may put one in its place."""
        self._is_mended = False
        self._synced: set[str] = set()
        self._new: list[tuple[Trace, str]] = []
        self._new_files: list[tuple[bytes, int, int, int, str]] = []
        self._stamps: dict[str, str] = {}
        self._recent: dict[str, list[Trace]] = {}
        self._labels: dict[str, set[str]] = {}
        # What is known here of the tree of each stage: the keys below a node, and the
        # trace that ends there, as text until it is asked for.
        self._steps: dict[str, list[str]] = {}
        self._ends: dict[str, Trace | str] = {}
        self._has_all: dict[str, bool] = {}
        self._read: dict[str, dict[Any, list[tuple[float, frozenset[Any]]]]] = {}
        """What executions have read, and when, of stages where that was asked: in each
        group by each read, so that few are looked at."""
        self._asked: dict[str, int] = {}

    # Finding ------------------------------------------------------------------------

    def steps(self, stage: str, node: str) -> Sequence[str]:
        """Return the keys that executions at a point of the tree have read next."""
        is_held = self._has_all.get(stage) or self._is_held(stage)
        known = self._steps.get(node, ())
        if is_held:
            return known
        query = "SELECT key FROM steps WHERE stage = ? AND node = ?"
        rows = self._mending(lambda: _whole(self._rows(query, (stage, node))))
        return list(dict.fromkeys((*known, *(key for (key,) in rows))))

    def trace(self, stage: str, node: str) -> Trace | None:
        """Return the latest trace that ends at a point of the tree."""
        known = self._ends.get(node)
        if self._has_all.get(stage) and not isinstance(known, str):
            return known
        return self._mending(lambda: self._end(stage, node))

    def is_outdated(self, trace: Trace) -> bool:
        """Return whether a later execution has read all that one has read, and more."""
        stage, own = trace.stage, _reads(trace)
        if stage not in self._read:
            query = "SELECT body FROM traces WHERE stage = ?"
            known = self._traces(query, (stage,))
            self._read[stage] = {}
            for each in (*known, *(t for t, _ in self._new if t.stage == stage)):
                self._note_reads(each)
        by_read = self._read[stage]
        found = (by_read.get((trace.group, each), ()) for each in (None, *own))
        later = min(found, key=len)
        return any(when > trace.created and own < reads for when, reads in later)

    def _note_reads(self, trace: Trace) -> None:
        reads = _reads(trace)
        if not any(digest == DISTURBED for _, digest in reads):
            for each in (None, *reads):
                known = self._read[trace.stage].setdefault((trace.group, each), [])
                known.append((trace.created, reads))

    def _end(self, stage: str, node: str) -> Trace | None:
        is_held = self._has_all.get(stage) or self._is_held(stage)
        found = self._ends.get(node)
        if found is None and not is_held:
            query = f"SELECT {BODY} FROM traces WHERE node = ? ORDER BY rowid DESC"
            rows = self._rows(query + " LIMIT 1", (node,))
            found = rows[0][0] if rows else None
        if found is None or isinstance(found, Trace):
            return found
        trace = unpacked(found)
        if trace.node != node:
            raise ValueError("a trace is filed wrongly")
        trace.node = node  # one text for both
        self._ends[node] = trace
        return trace

    def _is_held(self, stage: str) -> bool:
        """Return whether all that is known of a stage is held here: where it is little,
        or where so much is asked of it that reading all of it pays."""
        self._sync(stage)
        asked = self._asked[stage] = self._asked.get(stage, 0) + 1
        is_held = self._has_all.get(stage)
        if is_held is None or (asked == PATIENCE and not is_held):
            most = MANY if asked < PATIENCE else 10 * MANY
            is_held = self._mending(lambda: self._hold(stage, most))
            self._has_all[stage] = is_held
        return is_held

    def _hold(self, stage: str, most: int) -> bool:
        for table in ("traces", "steps"):
            query = f"SELECT 1 FROM {table} WHERE stage = ? LIMIT 1 OFFSET ?"
            if self._rows(query, (stage, most)):
                return False
        query = "SELECT node, key FROM steps WHERE stage = ?"
        for node, key in _whole(self._rows(query, (stage,))):
            self._note_step(node, key)
        query = f"SELECT node, {BODY} FROM traces WHERE stage = ? ORDER BY rowid"
        self._ends.update(self._rows(query, (stage,)))
        for trace, _ in self._new:
            self._note(trace)
        return True

    def similar(self, stage: str, label: str) -> list[Trace]:
        """Return traces of a stage from before this run, of the same label first."""
        self._sync(stage)
        base = "SELECT body FROM traces WHERE stage = ? "
        if stage not in self._recent:
            found = self._traces(base + "ORDER BY rowid DESC LIMIT 8", (stage,))
            self._recent[stage] = found
            if self._is_held(stage):
                query = "SELECT DISTINCT label FROM traces WHERE stage = ?"
                self._labels[stage] = {row[0] for row in self._rows(query, (stage,))}
        if label not in self._labels.get(stage, (label,)):
            return self._recent[stage]
        query = base + "AND label = ? ORDER BY rowid DESC LIMIT 4"
        return [*self._traces(query, (stage, label)), *self._recent[stage]]

    def refresh(self) -> None:
        """Look again at what other runs may have committed."""
        self.flush()
        self._synced.clear()
        self._let_go()

    def folders(self, stage: str) -> set[str]:
        self._sync(stage)
        query = "SELECT folder FROM traces WHERE stage = ?"
        return {row[0] for row in self._rows(query, (stage,))}

    def file_digest(
        self, root: Path, path: str, stat: tuple[int, int], number: int
    ) -> str:
        """Return the digest of a project file; equal size and time shortcut the reading.

        Of this very file: two checkouts that share a cache may have others of one time.
        """
        full = os.fsencode(root / path)
        status = *stat, number
        for (known,) in self._rows(FILE, (full, *status)):
            return str(known)
        may_change_unseen = is_racy(stat[1])
        digest = hashing.hash_file(root / path)
        if not may_change_unseen:
            self._new_files.append((full, *status, digest))
        return digest

    def _traces(self, query: str, values: Sequence[str]) -> list[Trace]:
        return self._mending(lambda: [unpacked(b) for b, in self._rows(query, values)])

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._mending(lambda: self.connection.execute(query, values).fetchall())

    # Writing ------------------------------------------------------------------------

    def add(self, trace: Trace) -> None:
        """Take in a trace that was just committed."""
        self._new.append((trace, packed(trace)))
        self._note(trace)
        if len(self._new) >= BATCH:
            self.flush()

    def _note(self, trace: Trace) -> None:
        self._ends[trace.node] = trace
        if trace.stage in self._read:
            self._note_reads(trace)
        for node, key in trace.steps():
            self._note_step(node, key)

    def _note_step(self, node: str, key: str) -> None:
        known = self._steps.setdefault(node, [])
        if key not in known:
            known.append(key)

    def forget(self, folders: Iterable[str]) -> None:
        """Drop folders that are gone."""
        gone = set(folders)
        self._new = [new for new in self._new if new[0].folder not in gone]
        self._let_go()
        rows = [(folder,) for folder in gone]
        self._stamps.clear()
        self._write((_UNSTAMP, rows), ("DELETE FROM traces WHERE folder = ?", rows))

    def flush(self) -> None:
        """Write what was committed since the last time."""
        new, self._new = self._new, []
        self._insert(new)
        files, self._new_files = self._new_files, []
        self._write(("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", files))

    def close(self) -> None:
        """Write what is left and let go of the file."""
        if self._connection is not None:
            self.flush()
            stamps = list(self._stamps.items())
            self._write(("INSERT OR REPLACE INTO synced VALUES (?, ?)", stamps))
            self._connection.close()
            self._connection = None

    def _insert(self, new: Sequence[tuple[Trace, str]]) -> None:
        """Write traces with their steps: nobody finds the ones without the others."""
        rows = [(t.folder, t.stage, t.node, t.label, body) for t, body in new]
        steps = {(t.stage, *step) for t, _ in new for step in t.steps()}
        self._write(
            ("INSERT OR REPLACE INTO traces VALUES (?, ?, ?, ?, ?)", rows),
            ("INSERT OR IGNORE INTO steps VALUES (?, ?, ?)", list(steps)),
        )

    def _let_go(self) -> None:
        """Hold nothing but what was not written yet: the tables are asked anew."""
        self._steps.clear()
        self._ends.clear()
        self._has_all.clear()
        self._read.clear()
        for trace, _ in self._new:
            self._note(trace)

    def _write(self, *changes: tuple[str, Sequence[Any]]) -> None:
        def write() -> None:
            with self.connection:
                for statement, rows in changes:
                    self.connection.executemany(statement, rows)

        if changes[0][1]:
            self._mending(write)

    # Keeping up with the folders ----------------------------------------------------

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, made when it is first needed."""
        if self._connection is None:
            if self.place != MEMORY and not os.path.exists(self.place):
                # SQLite itself would let nobody else write, whatever the umask.
                Path(self.place).touch()
            self._number = _number(self.place)
            self._connection = _connect(self.place)
        return self._connection

    def open(self) -> None:
        """Open the file, or make it where there is none."""
        if len(self.store.roots) > 1:
            self._copy(self.store.roots[1] / "index.sqlite")
        self._mending(lambda: self.connection)

    def _copy(self, source: Path) -> None:
        """Begin with what the index of a cache says that is read only."""
        with contextlib.suppress(sqlite3.Error):
            uri = f"{source.absolute().as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as known:
                with contextlib.closing(sqlite3.connect(self.place)) as own:
                    known.backup(own)

    def rebuild(self) -> None:
        """Begin with an empty file."""
        self._leave()
        for path in (self.place, self.place + "-journal"):
            Path(path).unlink(missing_ok=True)

    def _leave(self) -> None:
        """Let go of the file, as it is, and of all that was read from it."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._synced = None, set()
        self._stamps.clear()
        self._let_go()

    def _sync(self, stage: str) -> None:
        """Take in the folders of a stage that the index does not know, once a run."""
        if stage in self._synced:
            return
        self._synced.add(stage)
        times = self.store.times(stage)
        stamp = " ".join(map(str, times))
        query = "SELECT stamp FROM synced WHERE stage = ?"
        if times and self._rows(query, (stage,)) == [(stamp,)]:
            return
        is_sure = bool(times) and not is_racy(max(times))
        if self._compare(stage) and is_sure:
            self._stamps[stage] = stamp

    def _compare(self, stage: str) -> bool:
        """Take in what came, and forget what is gone; return whether that can be told."""
        self.flush()  # who trusts that this was done finds all of it
        self.store.is_unsure = False
        known = self.folders(stage)
        try:
            there = self.store.folders(stage)
        except OSError as error:
            said = f"{error.strerror}; what is known of it stays"
            self.store.warn(f"the results of {stage} cannot be listed: {said}")
            return False
        if known - there:
            self.forget(known - there)
        found = filter(None, map(self.store.read, sorted(there - known)))
        ordered = sorted(found, key=lambda trace: trace.created)
        self._insert([(trace, packed(trace)) for trace in ordered])
        return not self.store.is_unsure

    def _mending(self, use: Callable[[], T]) -> T:
        """Use the index. A damaged one is made anew from the folders, and used again;
        one that cannot be written is held in memory for this run."""
        try:
            return use()
        except (sqlite3.DatabaseError, ValueError, OSError) as error:
            self._replace(error)
        return self._mending(use) if self.place != MEMORY else use()

    def _replace(self, error: Exception) -> None:
        stages = self._synced
        if self.place != MEMORY and _number(self.place) not in (0, self._number):
            self._leave()  # another run has begun anew already
            for stage in stages:
                self._sync(stage)
            return
        try:
            if self._is_mended or _is_about_the_disk(error):
                raise error
            self._is_mended = True
            self.rebuild()
            said = f"the index was damaged ({_line(error)}); made anew from the folders"
        except (sqlite3.DatabaseError, ValueError, OSError) as problem:
            self._leave()
            self.place = MEMORY
            said = f"the index cannot be used ({_line(problem)}); this run goes on without it"
        self.store.warn(said)
        for stage in stages:
            self._sync(stage)


def _reads(trace: Trace) -> frozenset[tuple[str, str]]:
    return frozenset((key, digest) for key, digest, _ in trace.reads)


def _line(error: Exception) -> str:
    """Return what an error says, without the row that SQLite may add."""
    return str(error).partition(" with text ")[0]


def _whole(rows: list[Any]) -> list[Any]:
    """Return rows that end with a key of reads; ValueError where one is no key."""
    for *_, key in rows:
        if not _KEY(str(key)):
            raise ValueError(f"{key!r:.40} is nothing that could be read")
    return rows


_KEY = re.compile(r"[acfmo]\d*:").match


def _is_about_the_disk(error: Exception) -> bool:
    """Return whether an index is whole, as far as known, but cannot be used."""
    if not isinstance(error, sqlite3.OperationalError):
        return isinstance(error, OSError)
    damage = ("no such", "no column", "not decode")
    return not any(words in str(error) for words in damage)


def _connect(place: str) -> sqlite3.Connection:
    # One thread at a time uses it; at exit that is the main one.
    connection = sqlite3.connect(place, timeout=60, check_same_thread=False)
    try:
        # The index can always be made from the folders, so no write waits for the disk.
        connection.execute("PRAGMA synchronous = OFF")
        _make_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _number(place: str) -> int:
    """Return the number of a file; 0 where there is none."""
    try:
        return os.stat(place).st_ino
    except OSError:
        return 0


def _make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables where they are not there as they should be."""
    if not _is_current(connection):
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if not _is_current(connection):  # no other run has made them meanwhile
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")


def _is_current(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA user_version").fetchone()[0] == VERSION)
