"""Traces: what executions read and produced, and the text that is kept of each."""

import json
import operator
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import hashing

SCHEME = 10 * hashing.SCHEME + 3
"""Changes with the fields of a trace, and with the scheme of digests."""
DISTURBED = "changed while it was read"
"""What a file counts by that is another one than was read: nothing equals it."""


class Artifact(NamedTuple):
    """One saved output: its files, the digest of their bytes, what consumers go by.

    Where there are several files, `parts` has a digest for each.
    """

    name: str
    files: tuple[str, ...]
    cacher: str
    size: int
    checksum: str
    identity: str
    parts: tuple[str, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether it was saved; a transient output was not."""
        return bool(self.cacher)


@dataclass(slots=True)
class Trace:
    """What one execution of a stage read and produced.

    `group` is the digest of stage, code and inputs, `node` that of all it read as well.
    """

    stage: str
    label: str
    group: str
    node: str
    code: str
    inputs: list[str]
    reads: list[list[str]]
    outputs: list[Artifact]
    reportables: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    created: float = 0.0
    run: str = ""
    folder: str = ""
    # From here on most are empty, and shared by all traces.
    arguments: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    """The digests of files that are no artifacts, such as figures of the report."""
    lines: dict[str, str] = field(default_factory=dict)
    """Where the name or the whole argset was read."""
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def identities(self) -> list[str]:
        return [each.identity for each in self.outputs]

    def steps(self) -> Iterator[tuple[str, str]]:
        """Yield the digest of all that was known before each read, and the key of it."""
        node = self.group
        for key, digest, _ in self.reads[:-1]:
            yield node, key
            node = after(node, key, digest)
        if self.reads:  # what is known after the last one is `node`
            yield node, self.reads[-1][0]


def after(node: str, key: str, digest: str) -> str:
    """Return the digest of what is known when one thing more was read."""
    return hashing.hash_text(node, key, digest)


class SchemeError(ValueError):
    """A trace was written by another version of the runner, with other digests."""


def sealed(content: dict[str, Any], indent: int | None = None) -> str:
    """Return a text of JSON that ends with the digest of what stands before."""
    text = json.dumps(content, indent=indent).removesuffix("}").rstrip()
    return f'{text}, "digest": "{hashing.hash_bytes(text.encode())}"}}\n'


def unsealed(text: str) -> dict[str, Any]:
    """Return what was sealed; ValueError if it is not whole."""
    begin, _, end = str(text).rpartition(', "digest": "')
    if f'{hashing.hash_bytes(begin.encode())}"}}\n' != end:
        raise ValueError("the text does not match its digest")
    content: dict[str, Any] = json.loads(begin + "}")
    return content


def body_of(trace: Trace) -> str:
    """Return a trace as text, which does not know the name of its folder yet."""
    pairs = zip(_WRITTEN, _values(trace), strict=True)
    content = {name: each for name, each in pairs if each or name not in _MOSTLY_EMPTY}
    content["outputs"] = [_written(each) for each in trace.outputs]
    return sealed({"scheme": SCHEME, **content})


def _written(artifact: Artifact) -> dict[str, Any]:
    names = Artifact._fields if artifact.parts else Artifact._fields[:-1]
    return dict(zip(names, artifact, strict=False))


_WRITTEN = (
    *("stage", "label", "group", "node", "code", "inputs", "reads", "outputs"),
    *("arguments", "metrics", "reportables", "others", "lines", "versions"),
    *("seconds", "created", "run"),
)
_values = operator.attrgetter(*_WRITTEN)
_MOSTLY_EMPTY = Trace.__slots__[-5:]
_EMPTY: dict[str, Any] = {}
_SHARED = dict.fromkeys(_MOSTLY_EMPTY, _EMPTY)


def parse(body: str, folder: str) -> Trace:
    """Return the trace that a text holds; ValueError if it is not whole."""
    content = unsealed(body)
    if content.pop("scheme") != SCHEME:
        raise SchemeError(f"{folder} was written with other digests")
    saved = ([*_saved(each), each.get("parts", ())] for each in content["outputs"])
    own = {"outputs": [*saved], "folder": folder}
    # By place: names that were just read from a text would be compared letter by letter.
    return _made(_fields({**_SHARED, **content, **own}))


def packed(trace: Trace) -> str:
    """Return all of a trace by place, behind its digest: read in half of the time.

    The last ones are left out where they are empty.
    """
    values = _fields_of(trace)
    text = _encode(values if any(values[-5:]) else values[:-5])
    return f"{hashing.hash_bytes(text.encode())}\n{text}"


def unpacked(text: str) -> Trace:
    """Return the trace that was packed; ValueError if it is not whole."""
    digest, _, body = str(text).partition("\n")
    if hashing.hash_bytes(body.encode()) != digest:
        raise ValueError("the row of a trace does not match its digest")
    return _made(_decode(body)[0])


def _made(values: Sequence[Any]) -> Trace:
    """Return the trace of values that were parsed: many have most of them in common."""
    missing = len(Trace.__slots__) - len(values)
    found = Trace(*values, *missing * (_EMPTY,))
    found.outputs = [*map(_artifact, found.outputs)]
    common = found.stage, found.code, found.run
    found.stage, found.code, found.run = map(sys.intern, common)
    for each in found.reads:
        each[0] = sys.intern(each[0])
    return found if missing else sharing(found)


def _artifact(values: Any) -> Artifact:
    values[1], values[-1] = tuple(map(sys.intern, values[1])), tuple(values[-1])
    return Artifact._make(values)


_fields = operator.itemgetter(*Trace.__slots__)
_fields_of = operator.attrgetter(*Trace.__slots__)
_saved = operator.itemgetter(*Artifact._fields[:-1])
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().raw_decode


def sharing(trace: Trace) -> Trace:
    """Let a trace share with all others what is empty in most of them."""
    for name in _MOSTLY_EMPTY:
        if not getattr(trace, name):
            setattr(trace, name, _EMPTY)
    return trace
