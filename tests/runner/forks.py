"""Runs in forks of a process that has imported the runner, and no project."""

import json
import os


def in_a_fork(function, *given):
    """Return what a function returns in a fork of this process, as JSON has it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            with os.fdopen(writer, "w") as file:
                json.dump(function(*given), file)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text or '{"error": "the process died"}')
