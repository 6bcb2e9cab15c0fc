"""Runs sequences of random edits with the runner, and compares with the model.

    python oracle_runs.py FOLDER FIRST COUNT ENGINE SHARES

prints as JSON what differed, and how many edits of each kind there were. Each run is a
fork of this process, which has imported the runner and never a module of a project: it
sees what a fresh process sees. The engine `fresh` starts real processes instead, and
`processes` lets each of these have two workers.
`oracle_fuzz.py` starts this with a runner to import.
"""

import collections
import copy
import gc
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import oracle
from forks import in_a_fork

from curifactory import experiment

EDITS = (3, 7)
HOUR = 3_600_000_000_000
STUDY = "study"


class Sequence:
    """One random experiment in a folder of its own, and what is done to it."""

    def __init__(self, seed, folder, engine):
        self.seed, self.engine = seed, engine
        self.rng = random.Random(seed)
        self.root = folder / str(seed)
        self.log = folder / f"{seed}.log"
        self.world = oracle.make_world(self.rng)
        self.history = []
        self.model = oracle.Model()
        self.written = {}
        self.last = None
        self.before = None
        self.counts = collections.Counter()
        self.problems = []

    def perform(self):
        """Run, then edit and run again a number of times; stop at the first problem."""
        try:
            self._run("the first run")
            for _ in range(self.rng.randint(*EDITS)):
                if self.problems:
                    break
                kind = self._edit()
                self._run(kind)
                self.counts[kind] += 1
            if self.seed % 10 == 0 and not self.problems:
                self._run_cold()
        except Exception:
            self._fail("the harness failed", traceback.format_exc())
        if not self.problems:
            shutil.rmtree(self.root)

    def _fail(self, what, *details):
        history = ", ".join(self.history)
        text = "\n".join(map(str, details))
        self.problems.append(f"seed {self.seed} after {history}: {what}\n{text}")

    # Edits ----------------------------------------------------------------------------

    def _edit(self):
        while True:
            kind = self.rng.choice(oracle.KINDS)
            before = copy.deepcopy(self.world)
            if self._apply(kind):
                self.history.append(kind)
                if kind in oracle.EDITS:
                    self.before = before
                return kind

    def _apply(self, kind):
        if kind == "an edit undone":
            undone, self.before = self.before, None
            self.world = undone or self.world
            return undone is not None
        if kind == "time":
            self._age()
            return True
        if kind in oracle.EDITS:
            return oracle.EDITS[kind](self.rng, self.world) is not False
        return self._remove(whole=kind == "a deleted artifact")

    def _remove(self, whole):
        """Remove the folder of a call of the last run, or the data in it alone."""
        found = [trace for _, _, trace in self.last.outcomes if trace.has_data]
        if not found:
            return False
        trace = self.rng.choice(found)
        folder = self.root / "data" / "cache" / trace.folder
        if whole:
            shutil.rmtree(folder)
            self.model.forget(trace)
        else:
            for path in folder.iterdir():
                if path.name != "meta.json":
                    path.unlink()
        trace.has_data = False
        return True

    def _age(self):
        """Let time pass: what is in the cache, and the data, is an hour older."""
        cache = self.root / "data" / "cache"
        folders = [each for each in cache.iterdir() if each.is_dir()]
        data = [self.root / name for name in (*self.world.files, "data/more")]
        for path in [*folders, *data]:
            status = path.stat()
            os.utime(path, ns=(status.st_atime_ns - HOUR, status.st_mtime_ns - HOUR))

    def _write(self):
        text = self.world.text()
        for name in self.written.keys() - text.keys():
            (self.root / name).unlink()
        for name, content in text.items():
            if self.written.get(name) != content:
                path = self.root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
        self.written = text

    # Runs -----------------------------------------------------------------------------

    def _run(self, what):
        self._write()
        self.last = expected = self.model.run(self.world)
        found, executed = self._perform(self.root / "data" / "cache")
        if "error" in found:
            self._fail(f"{what}: the run failed", found["error"])
            return
        self._compare(what, expected, found["calls"])
        self._compare_bodies(what, expected.executed, executed)

    def _compare_bodies(self, what, expected, executed):
        """Compare which bodies ran; their order follows from what needs what.

        With workers, which of several equal calls executes may differ.
        """
        if self.engine == "processes":
            expected, executed = (
                [line.split()[0] for line in lines] for lines in (expected, executed)
            )
        if sorted(executed) != sorted(expected):
            said = f"expected {expected}", f"executed {executed}"
            self._fail(f"{what}: other bodies ran", *said)

    def _compare(self, what, expected, calls):
        if len(calls) != len(expected.outcomes):
            self._fail(f"{what}: {len(calls)} calls", len(expected.outcomes))
            return
        for (call, value, trace), entry in zip(expected.outcomes, calls, strict=True):
            if entry["value"] not in (None, list(_shown(value))):
                self._fail(f"{what}: {call.stage.name} differs", value, entry)
            if trace.has_data and entry["value"] is None:
                self._fail(f"{what}: {call.stage.name} has no data", entry)
            if trace.folder not in ("", entry["folder"]):
                self._fail(f"{what}: not the folder {trace.folder}", entry)
            trace.folder = entry["folder"]

    def _run_cold(self):
        """Compare a run of the project with an empty cache."""
        expected = oracle.Model().run(self.world)
        found, executed = self._perform(self.root / "data" / "cold")
        self._compare("the cold run", expected, found["calls"])
        self._compare_bodies("the cold run", expected.executed, executed)

    def _perform(self, cache):
        """Return what one run found, and the bodies that ran, in order."""
        self.log.unlink(missing_ok=True)
        request = str(self.root), str(cache), str(self.log), self.engine
        found = ENGINES[self.engine](run, *request)
        text = self.log.read_text() if self.log.exists() else ""
        return found, text.splitlines()


def _shown(value):
    return value if isinstance(value, tuple) else ("int", value)


def in_a_process(_, *request):
    """Perform a run in a new process."""
    command = [sys.executable, __file__, "--one", *request]
    done = subprocess.run(command, capture_output=True, text=True)
    return json.loads(done.stdout or json.dumps({"error": done.stderr}))


# How a run is started, and the options of the run, by the name of an engine.
ENGINES = {"serial": in_a_fork, "fresh": in_a_process, "processes": in_a_process}
OPTIONS = {"serial": {}, "fresh": {}, "processes": {"jobs": 2}}


def run(root, cache, log, engine):
    """Run the experiment and return its calls with their values."""
    os.environ["BODIES"] = log
    os.chdir(root)
    sys.dont_write_bytecode = True
    try:
        made = experiment.run_experiment(
            STUDY, root, cache=Path(cache), report=False, **OPTIONS[engine]
        )
        calls = [_entry(Path(cache), each) for each in made.content["calls"]]
    except Exception:
        return {"error": traceback.format_exc()}
    failed = [call for call in made.content["calls"] if call["error"]]
    return {"error": str(failed[0])} if failed else {"calls": calls}


def _entry(cache, call):
    (artifact,) = call["artifacts"]
    path = cache / call["folder"] / (artifact["file"] or "absent")
    value = _plain(_loaded(path)) if path.exists() else None
    return {"stage": call["stage"], "folder": call["folder"], "value": value}


def _loaded(path):
    if path.suffix == ".json":
        return json.loads(path.read_text())
    return pickle.loads(path.read_bytes())


def _plain(value):
    if isinstance(value, int):
        return ["int", value]
    if isinstance(value, type):
        return ["class"]
    return [type(value).__name__.lower(), value.x]


def main(folder, first, count, engine, enough):
    """Perform sequences; print the problems and the number of edits of each kind."""
    os.environ["PATH"] = ""  # no git: its answer is of no interest here
    gc.freeze()
    gc.disable()  # the forks live for a moment
    counts = collections.Counter()
    problems = []
    for seed in range(int(first), int(first) + int(count)):
        place = Path(folder).resolve()
        sequence = Sequence(seed, place, engine)
        sequence.perform()
        counts += sequence.counts
        problems += sequence.problems
        if len(problems) >= int(enough):
            break
    print(json.dumps({"problems": problems, "counts": counts}))


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        print(json.dumps(run(*sys.argv[2:])))
    else:
        main(*sys.argv[1:])
