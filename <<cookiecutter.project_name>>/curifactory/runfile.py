"""What the history keeps of a run: `run.json`."""

import functools
import itertools
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import settings
from .args import Repeated, flat_field, short
from .caching import json_problem
from .failure import Failure
from .record import Call
from .snapshot import Snapshot

SCHEMA = 2
"""Of run.json: another number where what was there before is another thing now."""
LONG = ("argsets", "calls")
WRITTEN_AT_ONCE = 500
KEPT_ENTRIES = 50_000


class Entries:
    """The calls of a run as the history has them, each made when it is asked for."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self._kept: list[dict[str, Any]] = []
        """The first ones, for all who go through them: of many, most are not kept."""

    def __len__(self) -> int:
        return len(self.calls)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if not self._kept:
            self._kept = [_entry(call) for call in self.calls[:KEPT_ENTRIES]]
        return itertools.chain(self._kept, map(_entry, self.calls[KEPT_ENTRIES:]))


def _entry(call: Call) -> dict[str, Any]:
    trace = call.trace if call.is_done else None
    artifacts = [
        {
            "name": each.name,
            "file": each.files[0] if each.files else None,
            "size": each.size,
            "checksum": each.checksum,
        }
        for each in (trace.outputs if trace else ())
    ]
    return {
        "id": call.position,
        "stage": call.stage.label,
        "records": [m.snapshot.name for m in call.members],
        "aggregate": call.stage.is_aggregate,
        "argset": call.own.name if call.own.source is not None else None,
        "inputs": [each.position for each in call.producers()],
        "status": call.status,
        "reason": call.reason,
        "seconds": round(call.seconds, 6),
        "folder": trace.folder if trace else None,
        "artifacts": artifacts,
        "metrics": trace.metrics if trace else {},
        "reportables": trace
        and trace.reportables
        and [
            {**each, "checksum": trace.others.get(each["file"])}
            for each in trace.reportables
        ],
        "output": f"output/{call.output}" if call.output else None,
        "error": _error(call.failure) if call.failure is not None else None,
    }


def _error(failure: Failure) -> dict[str, Any]:
    return {
        "type": failure.kind,
        "message": failure.message,
        "where": failure.where,
        "traceback": failure.traceback,
        "printed": failure.printed,
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a run as JSON whose first line has all but the long lists: fast to list."""
    aside = path.with_suffix(".tmp")
    short = {name: value for name, value in content.items() if name not in LONG}
    with open(aside, "w", encoding="utf-8") as file:
        file.write(_json(short)[:-1])
        for name in LONG:
            file.write(f',\n"{name}": [')
            entries = iter(content[name])
            separator = ""
            while part := list(itertools.islice(entries, WRITTEN_AT_ONCE)):
                file.write(separator + _json(part)[1:-1])
                separator = ", "
            file.write("]")
        file.write("}\n")
    os.replace(aside, path)


# What it writes was made here, or is from JSON: nothing contains itself.
_encode = json.JSONEncoder(check_circular=False, allow_nan=False).encode


def _json(content: Any) -> str:
    """Return JSON that programs in any language read: what is not finite is a text."""
    try:
        return _encode(content)
    except ValueError:
        return _encode(_finite(content))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    is_number = isinstance(value, float) and not math.isfinite(value)
    return str(value) if is_number else value


def argset(snapshot: Snapshot) -> dict[str, Any]:
    """Return an argset as the history has it."""
    found = described(snapshot)
    return {**found, **_recipe()(snapshot.source)}


def described(snapshot: Snapshot) -> dict[str, Any]:
    """Return an argset as plain data."""
    return {
        "name": snapshot.name,
        "hash": snapshot.content(),
        "paramset": snapshot.paramset,
        "fields": shown_fields(snapshot.source),
    }


def shown_fields(args: Any) -> dict[str, Any]:
    """Return fields as JSON where that would give them back, else as a short text."""
    return {path: value for field in _shown(args) for path, value in field.items()}


def shown_field(owner: Any, name: str, value: Any) -> dict[str, Any]:
    """Return one field by its path, or those within it."""
    found = flat_field(owner, name, value)
    return {
        path: each if _is_strict_json(each) else short(each, 400)
        for path, each in found
    }


_shown = Repeated(lambda *field: shown_field(*field) if field[1] != "name" else {})


def is_json_scalar(value: Any) -> bool:
    """Return whether JSON surely gives a value back: of most, no more need be known."""
    if type(value) is int:
        return value.bit_length() < 64
    return type(value) in (str, bool, type(None))


def _is_strict_json(value: Any) -> bool:
    """Return whether JSON gives a value back equal, to programs in any language."""
    if is_json_scalar(value):
        return True
    if json_problem(value):
        return False
    try:
        _encode(value)
    except ValueError:  # it is not finite
        return False
    return True


@functools.cache
def _recipe() -> Any:
    """Return what tells what else makes an argset again; nothing without the extras."""
    recreate = settings.extra("recreate")
    return recreate.recipe if recreate else lambda args: {}
