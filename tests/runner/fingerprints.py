"""Fingerprints of many small projects in one process; as a script, JSON in and out."""

import importlib
import json
import sys
from pathlib import Path

from curifactory import code, sources


def write(folder, files):
    """Write a project, so that its modules are imported afresh."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    tops = {name.partition("/")[0].removesuffix(".py") for name in files}
    for name in [n for n in sys.modules.copy() if n.partition(".")[0] in tops]:
        del sys.modules[name]
    importlib.invalidate_caches()
    sources.watch(folder)


def fingerprint_of(folder, files, roots):
    """Write a project, import it afresh and return what is known of its code."""
    write(folder, files)
    sys.path.insert(0, str(folder))
    try:
        found = code.fingerprint(*(_object(root) for root in roots))
    finally:
        sys.path.remove(str(folder))
    return {
        "fingerprint": found.fingerprint,
        "parts": list(found.parts),
        "unfollowed": list(found.unfollowed),
        "packages": list(found.packages),
        "names": sorted(found.names),
        "memoized": [_name(each) for each in found.memoized],
    }


def _name(owner):
    return getattr(sources.unwrapped(owner), "__qualname__", type(owner).__qualname__)


def _object(place):
    module, _, name = place.partition(":")
    found = getattr(importlib.import_module(module), name)
    return getattr(found, "function", found)


def fingerprints(folder, cases):
    """Return what is known of the code of each case: files, and the roots."""
    answer = {}
    for index, (case, (files, roots)) in enumerate(cases.items()):
        try:
            answer[case] = fingerprint_of(folder / f"project {index}", files, roots)
        except Exception as error:
            answer[case] = {"fingerprint": "", "error": repr(error)}
    return answer


if __name__ == "__main__":
    answer = fingerprints(Path(sys.argv[1]).resolve(), json.load(sys.stdin))
    json.dump(answer, sys.stdout)
