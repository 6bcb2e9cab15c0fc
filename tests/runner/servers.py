"""Processes that have imported a program, and fork for each command they are sent.

A fork does what `python -m PROGRAM ...` does once that is imported, to the end of the
interpreter, in a fraction of the time: most of a short command is its start. As new
processes have, commands in turn have different hash seeds.
"""

import atexit
import contextlib
import gc
import importlib
import itertools
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from subprocess import PIPE, CompletedProcess

CAN_FORK = hasattr(os, "fork")
OF_ONE_COMMAND = ("PWD", "PYTEST_CURRENT_TEST")
PATIENCE = 180
"""Seconds after which a command hangs, on a slow machine that has other work as well."""

_seeds = itertools.cycle(("1", "2"))


class Server:
    """A process that performs the commands of one program, one at a time."""

    def __init__(self, program, imported, environment):
        self.process = subprocess.Popen(
            [sys.executable, __file__, program, *imported],
            env=environment,
            stdin=PIPE,
            stdout=PIPE,
            text=True,
        )
        atexit.register(self.close)

    def close(self):
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        self.process.kill()
        self.process.wait()

    def perform(self, arguments, cwd, environment):
        with tempfile.TemporaryDirectory() as folder:
            streams = [str(Path(folder, name)) for name in ("out", "err")]
            request = [arguments, str(cwd), environment, streams]
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            code = int(self.process.stdout.readline())
            out, err = (Path(each).read_text(encoding="utf-8") for each in streams)
        return CompletedProcess(arguments, code, out, err)


@cache
def _server(pid, program, imported, environment):
    """Return the process of a program that this process talks to, and no fork of it."""
    return Server(program, imported, dict(environment))


def perform(program, arguments, *, imported, cwd, environment):
    """Do what `subprocess.run` does with `python -m program arguments`.

    `imported` are the modules that may be imported before it begins.
    """
    lasting = {k: v for k, v in environment.items() if k not in OF_ONE_COMMAND}
    lasting["PYTHONHASHSEED"] = next(_seeds)
    kept = tuple(sorted(lasting.items()))
    server = _server(os.getpid(), program, tuple(imported), kept)
    return server.perform([str(each) for each in arguments], cwd, environment)


def serve(imported):
    """Import modules; then fork for each line of the input, and report its end."""
    for each in imported:
        importlib.import_module(each)
    gc.freeze()  # what is there already need not be looked at when a fork ends
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return json.loads(line)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def become(program, arguments, cwd, environment, streams):
    """Let this process be what a command begins."""
    signal.alarm(PATIENCE)  # a command that waits for ever has failed
    _open_as(0, os.devnull, os.O_RDONLY)
    for number, path in enumerate(streams, 1):
        _open_as(number, path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    kept = {"PYTHONHASHSEED": os.environ["PYTHONHASHSEED"]}  # else it begins once more
    os.environ.clear()
    os.environ.update({**kept, **environment})
    os.chdir(cwd)
    sys.path[0] = cwd
    sys.argv[1:] = arguments
    sys.orig_argv = [sys.executable, "-m", program, *arguments]


def _open_as(number, path, flags):
    opened = os.open(path, flags)
    os.dup2(opened, number)
    os.close(opened)


if __name__ == "__main__":
    program, *imported = sys.argv[1:]
    if asked := serve(imported):
        become(program, *asked)
        runpy.run_module(program, run_name="__main__", alter_sys=True)
