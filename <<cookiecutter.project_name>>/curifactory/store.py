"""The cache: one folder a call, which appears by one rename and never changes again."""

import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import hashing
from .caching import Cacheable
from .errors import ArtifactError, CurifactoryError, DamagedError, RequestError

META = "meta.json"

_numbers = itertools.count()


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
    lines: dict[str, str] = field(default_factory=dict)
    """Where the name or the whole argset was read."""
    versions: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    created: float = 0.0
    run: str = ""
    folder: str = ""


class Store:
    """All access to the folders of the cache, from the run itself and from workers."""

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self.root = root
        self.warn = warn
        self._verified: set[tuple[str, str]] = set()
        self._codes: set[tuple[str, str]] = set()

    def open(self) -> None:
        """Make sure that the cache is ours and can be written."""
        self._check_owner()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.discard(self.prepare())
        except (OSError, CurifactoryError) as error:
            raise RequestError(
                f"the cache {self.root} cannot be written: {error}",
                "make the folder writable, or choose another with --cache",
            ) from error
        self._clean_up()

    # Traces -------------------------------------------------------------------------

    def folders(self, stage: str) -> set[str]:
        """Return the folders that lie in the cache for a stage."""
        try:
            entries = list(os.scandir(self.root / safe(stage)))
        except OSError:
            return set()
        return {f"{safe(stage)}/{each.name}" for each in entries if each.is_dir()}

    def read(self, folder: str) -> Trace | None:
        """Return the trace in a folder; None, and a line, if it is not whole."""
        try:
            body = (self.root / folder / META).read_text(encoding="utf-8")
            return parse(folder, body)
        except (OSError, ValueError, KeyError, TypeError):
            self.warn(f"{folder} has no valid {META}; left alone")
            return None

    def code_parts(self, stage: str, fingerprint: str) -> dict[str, str]:
        """Return the parts of the code that a trace was made with, by file and name."""
        path = self.root / safe(stage) / f"code-{fingerprint[:16]}.json"
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(path.read_text(encoding="utf-8")))
        return {}

    def accept(self, stage: str, pairs: dict[str, str], why: str) -> None:
        """Let digests of code count as earlier ones, by which results are filed."""
        content = {"stage": stage, "pairs": pairs, "why": why, "when": time.time()}
        aside = self.prepare()
        (aside / "accepted").write_text(json.dumps(content), encoding="utf-8")
        target = self.root / ".accepted" / f"{safe(stage)}-{aside.name}.json"
        target.parent.mkdir(exist_ok=True)
        os.replace(aside / "accepted", target)
        self.discard(aside)

    def accepted(self) -> list[dict[str, Any]]:
        """Return what was accepted, in the order of time."""
        found = []
        for path in (self.root / ".accepted").glob("*.json"):
            with contextlib.suppress(OSError, ValueError):
                found.append(json.loads(path.read_text(encoding="utf-8")))
        return sorted(found, key=lambda each: float(each["when"]))

    # Commits ------------------------------------------------------------------------

    def prepare(self) -> Path:
        """Make a folder beside the results, to be filled and then committed."""
        name = f"{socket.gethostname()}-{os.getpid()}-{next(_numbers)}"
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
        with open(folder / META, "w", encoding="utf-8") as file:
            file.write(body_of(trace))
        key = hashing.hash_text(trace.group, *(f"{k}={d}" for k, d, _ in trace.reads))
        label = "all" if trace.label == "-" else safe(trace.label)
        stem = f"{safe(trace.stage)}/{label}-{key[:12]}"
        for number in itertools.count(1):
            trace.folder = stem if number == 1 else f"{stem}-{number}"
            try:
                os.rename(folder, self.root / trace.folder)
                break
            except OSError:
                if not (self.root / trace.folder).exists():
                    raise
        self._verified.update((trace.folder, each.name) for each in trace.outputs)
        return trace

    def discard(self, folder: Path) -> None:
        """Remove a prepared folder that will not be committed."""
        shutil.rmtree(folder, ignore_errors=True)

    def _keep_code(self, trace: Trace, parts: dict[str, str]) -> None:
        if (trace.stage, trace.code) in self._codes:
            return
        self._codes.add((trace.stage, trace.code))
        path = self.root / safe(trace.stage) / f"code-{trace.code[:16]}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            aside = self.prepare()
            (aside / "code").write_text(json.dumps(parts, indent=1), encoding="utf-8")
            os.replace(aside / "code", path)
            self.discard(aside)

    # Data ---------------------------------------------------------------------------

    def has_data(self, trace: Trace, index: int | None = None) -> bool:
        """Return whether an output of a trace, or each one, can be loaded."""
        folder = self.root / trace.folder
        chosen = trace.outputs if index is None else [trace.outputs[index]]
        return all(
            artifact.is_kept and all(os.path.exists(folder / f) for f in artifact.files)
            for artifact in chosen
        )

    def load(self, folder: str, artifact: Artifact, cacher: Cacheable) -> Any:
        """Return an artifact as its cacher loads it; its bytes are checked once a run."""
        place = self.root / folder
        key = folder, artifact.name
        if key not in self._verified:
            if _checksum(place, artifact.files) != artifact.checksum:
                self.quarantine(folder)
                damaged = f"{folder}/{artifact.files[0]}"
                raise DamagedError(f"{damaged} is damaged: its bytes have changed")
            self._verified.add(key)
        try:
            return cacher.at(place, output_stem(artifact.name)).load()
        except Exception as error:
            hint = "the data is kept: mend the import or the cacher and run again"
            message = f"{folder}/{artifact.files[0]} does not load: "
            message += f"{type(error).__name__}: {error}"
            raise ArtifactError(message, hint) from error

    def quarantine(self, folder: str) -> None:
        """Move a damaged folder out of the way; it then counts as absent."""
        target = self.root / ".quarantine" / folder.replace("/", "--")
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            os.rename(self.root / folder, target)
        self.warn(f"{folder} is damaged; moved to {target.parent.name}/")

    def scratch(self, *names: str) -> Path:
        """Return a folder for checkpoints that outlives a failure of its call."""
        path = self.root / ".scratch" / hashing.hash_text(*names)
        path.mkdir(parents=True, exist_ok=True)
        return path

    # The folder itself --------------------------------------------------------------

    def _check_owner(self) -> None:
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
            if not is_alive(int(folder.name.split("-")[-2])):
                self.discard(folder)


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
    return safe(name)


def _checksum(folder: Path, files: Sequence[str]) -> str:
    try:
        if len(files) == 1:
            return hashing.hash_file(folder / files[0])
        return hashing.hash_text(
            *(f"{file}={hashing.hash_file(folder / file)}" for file in files)
        )
    except OSError:
        return "absent"


def body_of(trace: Trace) -> str:
    """Return the text of meta.json; it ends with the digest of what stands before."""
    text = json.dumps({"scheme": hashing.SCHEME, **_content(trace)})[:-1]
    return f'{text}, "digest": "{hashing.hash_bytes(text.encode())}"}}\n'


def _content(trace: Trace) -> dict[str, Any]:
    content = dict(vars(trace), outputs=[vars(each) for each in trace.outputs])
    del content["folder"]
    return content


def parse(folder: str, body: str) -> Trace:
    """Return the trace that a meta.json holds; ValueError if it is not whole."""
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


def safe(text: str) -> str:
    """Return a text that is one readable step of a path on every system."""
    clean = re.sub(r"[^A-Za-z0-9_=+,.-]+", "_", text).strip(".-")
    return clean[:80] or "_"


def is_alive(pid: int) -> bool:
    """Return whether a process of this host still runs, as far as can be told."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
