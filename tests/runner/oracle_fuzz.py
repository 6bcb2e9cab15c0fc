"""Search for sequences of edits after which the runner and the model disagree.

    python tests/runner/oracle_fuzz.py SEQUENCES [FIRST [ENGINE]]

prints the problems found and the number of edits of each kind, and exits 1 if there are
problems. The engine is `serial`, or `processes` for runs with two workers.
"""

import collections
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from projects import copy_runner

HERE = Path(__file__).parent
CORES = int(os.environ.get("ORACLE_CORES", "2"))


def search(home, folder, count, first=0, *, engine="serial", enough=5):
    """Return the problems in `count` sequences, and the number of edits of each kind.

    `home` holds the runner. No sequence begins when `enough` problems were found.
    """
    share = -(-count // CORES)
    starts = range(first, first + count, share)
    batches = [
        _start(home, folder, start, min(share, first + count - start), engine, enough)
        for start in starts
    ]
    problems, counts = [], collections.Counter()
    for batch in batches:
        out, err = batch.communicate()
        assert batch.returncode == 0, f"exit code {batch.returncode}: {err}"
        found = json.loads(out)
        problems += found["problems"]
        counts.update(found["counts"])
    return problems, counts


def _start(home, folder, *given):
    places = os.pathsep.join([str(home), str(HERE)])
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CURIFACTORY")}
    return subprocess.Popen(
        [sys.executable, "-W", "error", HERE / "oracle_runs.py", folder]
        + [str(each) for each in given],
        env={**kept, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def main(count, first="0", engine="serial"):
    """Search, print what was found, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        left_out = () if engine == "processes" else ("extras",)  # which take long
        home = copy_runner(Path(folder) / "home", *left_out)
        problems, counts = search(home, folder, int(count), int(first), engine=engine)
    for problem in problems:
        print(problem, end="\n\n")
    for kind, number in sorted(counts.items()):
        print(f"{number:7,}  {kind}")
    print(f"{count} sequences, {sum(counts.values())} edits, {len(problems)} problems")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
