"""Runs in which one change of a file goes wrong: by a kill, a full disk, a broken one."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from servers import PATIENCE

SOURCE = Path(__file__).with_name("faults.c")
KINDS = {"kill": 1, "full": 2, "broken": 3}


def build(folder):
    """Compile the library that lets changes go wrong; None where that is not possible."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not sys.platform.startswith("linux") or compiler is None:
        return None
    library = folder / "faults.so"
    command = [compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return library


class Forge:
    """A process that has the runner loaded, and forks one that runs a command."""

    def __init__(self, project, library, **more):
        self.project = project
        environment = project.environment(
            LD_PRELOAD=str(library),
            FAULT_ROOT=str(project.root / "data"),
            PATH="",  # without git, which would take longer than all else
            PYTHONPATH=f"{project.home}{os.pathsep}{Path(__file__).parent}",
            **more,
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "faults"],
            cwd=project.root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def run(self, *command, kind="none", point=0):
        """Run a command; return its exit code, what it said, and its number of points."""
        request = {"command": command, "kind": KINDS.get(kind, 0), "point": point}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the process that forks has died"
        return Forked(**json.loads(line))


class Forked:
    """What became of a forked run."""

    def __init__(self, code, said, points):
        self.code, self.said, self.points = code, said, points

    def __repr__(self):
        return f"exit {self.code}\n{self.said}"


def serve():
    """Fork a process for each line that comes in."""
    import ctypes
    import importlib

    for name in ("cli", "experiment", "extras.report", "extras.maintenance"):
        try:
            importlib.import_module(f"curifactory.{name}")
        except ImportError:
            continue
    library = ctypes.CDLL(None)
    said = Path("said.txt")
    count = Path("count.txt")
    for line in sys.stdin:
        request = json.loads(line)
        for path in (said, count):
            path.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            perform(request, library, said, count)
        status = os.waitpid(child, 0)[1]
        points = int(count.read_text()) if count.exists() else -1
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "said": said.read_text(errors="replace"),
            "points": points,
        }
        print(json.dumps(answer), flush=True)


def perform(request, library, said, count):
    import traceback

    from curifactory.cli import main

    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = 99
    signal.alarm(PATIENCE)  # a run that waits for ever has failed
    library.fault_arm(request["kind"], request["point"])
    try:
        code = main(request["command"])
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
    finally:
        points = library.fault_count()
        sys.stdout.flush()
        sys.stderr.flush()
        count.write_text(str(points))
        os._exit(code)


if __name__ == "__main__":
    serve()
