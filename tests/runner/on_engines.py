"""Projects whose runs take place on one engine or another."""

import importlib.util
from textwrap import dedent

import pytest
from projects import Project

FLAGS = {
    "serial": [],
    "processes": ["-j", "2"],
    "own": ["--engine", "own:make"],
    "dask": ["--engine", "dask", "-j", "2"],
}
HAS_DASK = importlib.util.find_spec("distributed") is not None
SLOW = [
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_DASK, reason="distributed is not installed"),
]
ENGINES = [
    "serial",
    "processes",
    pytest.param("own", marks=pytest.mark.slow),
    pytest.param("dask", marks=SLOW),
]
PARALLEL = ENGINES[1:]

OWN = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor


    def make():
        return ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))
    """

HEAD = """
    import os, signal, subprocess, sys, time
    from pathlib import Path
    from curifactory import Record, aggregate, stage
    from curifactory.caching import JsonCacher, PickleCacher
    from curifactory.reporting import TableReporter
    from params import Args


    def note(text):
        with open("../bodies.txt", "a") as file:
            file.write(f"{text}\\n")
    """


class OnEngine(Project):
    """A project whose runs all take place on one engine."""

    engine = "serial"

    def run(self, *arguments, **environment):
        if self.engine == "dask":  # its own warnings are not ours
            environment = {"PYTHONWARNINGS": "default", **environment}
        return super().run(*arguments, *FLAGS[self.engine], **environment)

    def study(self, stages, run, argsets="[Args(name='a')]"):
        """Write an experiment `other`, its stages in a module of their own."""
        self.write(
            {
                "stages/other.py": dedent(HEAD) + dedent(stages),
                "experiments/other.py": (
                    dedent(HEAD)
                    + "from stages.other import *\n\n\n"
                    + f"def get_params():\n    return {argsets}\n\n\n"
                    + "def run(argsets, manager):\n"
                    + "".join(f"    {line}\n" for line in dedent(run).splitlines())
                ),
            }
        )

    def bodies(self):
        """What stages have written into the log outside the project, a line each."""
        path = self.root.parent / "bodies.txt"
        return sorted(path.read_text().split()) if path.exists() else []


parallel = pytest.mark.parametrize("on", PARALLEL, indirect=True)

TEN = "[Args(name=f'n{i}', seed=i) for i in range(10)]"
EACH = "for args in argsets:\n    {}(Record(manager, args))"


def study_of_ten(on, body, cacher="JsonCacher", more=""):
    """Write an experiment whose stage `work` does something special for seed 3."""
    stages = f"{dedent(more)}\n@stage(None, ['x'], [{cacher}])\ndef work(record):\n"
    stages += "    if record.args.seed == 3:\n"
    stages += "".join(f"        {line}\n" for line in dedent(body).splitlines())
    stages += "    return record.args.seed\n"
    on.study(stages, EACH.format("work"), TEN)


def check_nine(on, result, kind):
    """Check that the tenth failed, and that nine are done and cached."""
    assert result.code == 1, result
    assert result.counts == {"computed": 9, "reused": 0, "skipped": 0, "failed": 1}
    (failed,) = result.calls(status="failed")
    assert failed["records"] == ["n3"]
    assert failed["error"]["type"] == kind, failed
    assert "work n3 failed" in result.err
    assert "/curifactory/" not in result.err and "Traceback" not in result.err
    on.edit("stages/other.py", "record.args.seed == 3:", "record.args.seed == 33:")
    return failed
