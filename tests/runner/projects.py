"""Small projects in tmp_path, run by real processes with a copy of the runner."""

import compileall
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import servers

TEMPLATE = Path(__file__).parents[2] / "<<cookiecutter.project_name>>"
RUNNER = TEMPLATE / "curifactory"

CHAIN = {
    "params/__init__.py": """
        from dataclasses import dataclass, field

        from curifactory import ExperimentArgs


        @dataclass
        class Args(ExperimentArgs):
            seed: int = 0
            depth: int = 1
            path: str = ""
            items: list = field(default_factory=list)
        """,
    "params/base.py": """
        from params import Args


        def get_params():
            return [Args(name="a", seed=1), Args(name="b", seed=2)]
        """,
    "src/__init__.py": "",
    "src/helpers.py": """
        def double(x):
            return 2 * x


        def shift(x):
            return x + 1
        """,
    "stages/__init__.py": "",
    "stages/chain.py": """
        from curifactory import aggregate, stage
        from src.helpers import double, shift


        @stage(None, ["data"])
        def load(record):
            return [1, 2, 3]


        @stage(["data"], ["model"])
        def fit(record, data):
            return {"sum": double(sum(data)) + record.args.seed}


        @stage(["model"], ["score"])
        def score(record, model):
            value = shift(model["sum"]) * record.args.depth
            record.metric("quality", value, goal="max")
            return value


        @aggregate(["score"], ["table"])
        def compare(record, records, score):
            return [[each.label, value] for each, value in score.items()]
        """,
    "experiments/study.py": """
        \"\"\"How good is the chain?\"\"\"

        from curifactory import Record
        from stages.chain import compare, fit, load, score

        DEFAULT_PARAMS = ["base"]


        def run(argsets, manager):
            for args in argsets:
                score(fit(load(Record(manager, args))))
            compare(Record(manager, None), manager.records)
        """,
}


WRAPPER = """
class Wrapper:
    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)
"""
"""A class that pickle saves, and cannot load: it asks for `inner` before that is there."""


def shown(value):
    """The repr of a value as the id of a test: equal in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _as_in_a_terminal():
    """A test run in the background has signals ignored, and would hand that on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Result:
    """What one process returned, and the history it wrote."""

    def __init__(self, code, out, err, run, printed=""):
        self.code, self.out, self.err, self.run = code, out, err, run
        self.printed = printed

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    @property
    def counts(self):
        return self.run["counts"]

    def calls(self, stage=None, status=None):
        """The calls of one stage, or with one status, in the order they were made."""
        return [
            call
            for call in self.run["calls"]
            if stage in (None, call["stage"]) and status in (None, call["status"])
        ]

    def done(self, status="computed"):
        """Which calls were computed (or had another status), as `stage label` texts."""
        return [
            (
                call["stage"]
                if call["aggregate"]
                else f"{call['stage']} {call['records'][0]}"
            )
            for call in self.calls(status=status)
        ]

    def reasons(self, stage):
        return [call["reason"] for call in self.calls(stage)]


class Project:
    """A project in a folder of its own."""

    warnings = "error,ignore:This process:DeprecationWarning"
    """All are errors, but that Python does not like forks beside threads."""

    def __init__(self, root, home):
        self.root, self.home = root, home
        self.cache = root / "data" / "cache"

    def write(self, files):
        """Write files, given as indented text by path."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")

    def edit(self, name, old, new):
        """Replace a text that a file has exactly once."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def environment(self, **changes):
        # With another place for compiled files, the library would be compiled each time.
        left_out = ("CURIFACTORY", "PYTHONPYCACHEPREFIX")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
        # The text of a project changes here faster than compiled files can tell.
        given = {"PYTHONPATH": str(self.home), "PYTHONDONTWRITEBYTECODE": "1"}
        return {**kept, **given, "PYTHONWARNINGS": self.warnings, **changes}

    def run(self, *arguments, cwd=None, **environment):
        """Run `python -m curifactory` with arguments in the project.

        An environment of its own, or a runner, needs a process of its own.
        """
        place = cwd or self.root
        has_own = (place / "curifactory").exists()
        if environment or has_own or not servers.CAN_FORK:
            return self.python("-m", "curifactory", *arguments, cwd=cwd, **environment)
        done = servers.perform(
            "curifactory",
            arguments,
            imported=self._imported(),
            cwd=place,
            environment=self.environment(),
        )
        return self._result(done.returncode, done.stdout, done.stderr)

    def _imported(self):
        """The modules of the runner, but those that import numpy, or change a process."""
        found = sorted((self.home / "curifactory").rglob("*.py"))
        names = [
            ".".join(p.relative_to(self.home).with_suffix("").parts) for p in found
        ]
        left_out = ("__init__", "__main__", "frames")
        return [each for each in names if not each.endswith(left_out)]

    def ok(self, *arguments, **environment):
        """Run, and expect exit code 0."""
        result = self.run(*(arguments or ("study",)), **environment)
        assert result.code == 0, result
        return result

    def python(self, *arguments, cwd=None, **environment):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd or self.root,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=servers.PATIENCE,
        )
        return self._result(done.returncode, done.stdout, done.stderr)

    def _result(self, code, out, err):
        newest = self.newest()
        return Result(code, out, err, newest, self.printed(newest))

    def script(self, text, **environment):
        """Run a Python text in the project."""
        self.write({"script.py": text})
        return self.python("script.py", **environment)

    def interrupt(self, number, marker, *arguments):
        """Run until a file appears, send a signal, and wait for the end."""
        with subprocess.Popen(
            [sys.executable, "-m", "curifactory", *arguments],
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_as_in_a_terminal,
        ) as process:
            try:
                self.wait_for(marker, process)
                process.send_signal(number)
                out, err = process.communicate(timeout=servers.PATIENCE)
            finally:
                process.kill()
        return self._result(process.returncode, out, err)

    def wait_for(self, marker, process):
        end = time.monotonic() + servers.PATIENCE
        while not (self.root / marker).exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end, f"{marker} did not appear"
            time.sleep(0.01)

    def newest(self):
        """The content of the youngest run.json, or None."""
        found = list(self.root.glob("data/runs/*/run.json"))
        if not found:
            return None
        newest = max(
            found, key=lambda path: (path.stat().st_mtime_ns, path.parent.name)
        )
        return json.loads(newest.read_text(encoding="utf-8"))

    def printed(self, run):
        """All that the stages of a run printed."""
        folder = self.root / "data" / "runs" / run["run"] / "output" if run else None
        found = sorted(folder.glob("*.txt")) if folder else []
        return "".join(each.read_text(encoding="utf-8") for each in found)

    def folder(self, result, stage, label=None):
        """The folder in the cache of the first call of a stage (with a label)."""
        found = [c for c in result.calls(stage) if label in (None, *c["records"])]
        return self.cache / found[0]["folder"]

    def artifact(self, result, stage, label=None):
        """The one data file of the first call of a stage."""
        found = [c for c in result.calls(stage) if label in (None, *c["records"])]
        return self.cache / found[0]["folder"] / found[0]["artifacts"][0]["file"]

    def value(self, result, stage, label=None):
        """The value of the one artifact that a stage saved as JSON."""
        path = self.artifact(result, stage, label)
        return json.loads(path.read_text(encoding="utf-8"))

    def left_behind(self):
        """The folders that a refused request may not make."""
        return [name for name in ("data", "reports") if (self.root / name).exists()]


def copy_runner(home, *left_out):
    """Copy the runner into a folder, and nothing else of the template."""
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", *left_out)
    shutil.copytree(RUNNER, home / "curifactory", ignore=ignored)
    kept, sys.pycache_prefix = sys.pycache_prefix, None  # as `environment` has it
    try:
        compileall.compile_dir(home, quiet=2)
    finally:
        sys.pycache_prefix = kept
    return home
