"""What a run computes after an edit, for many edits of one project: JSON in, JSON out."""

import json
import os
import shutil
import sys
import traceback
from pathlib import Path

from forks import in_a_fork

from curifactory import experiment


def computed(root):
    """Run the experiment; return the stages that computed something."""
    os.chdir(root)
    try:
        run = experiment.run_experiment("study", root, report=False)
    except Exception:
        return {"error": traceback.format_exc()}
    calls = run.content["calls"]
    errors = [call["error"]["traceback"] for call in calls if call["error"]]
    if errors:
        return {"error": errors[0]}
    found = [call["stage"] for call in calls if call["status"] == "computed"]
    return {"computed": sorted(set(found))}


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    request = json.load(sys.stdin)
    here = Path(sys.argv[1]).resolve()
    sys.dont_write_bytecode = True
    write(here / "base", request["base"])
    answer = {"": in_a_fork(computed, str(here / "base"))}
    for index, (name, files) in enumerate(request["edited"].items()):
        shutil.copytree(here / "base", here / f"{index}")
        write(here / f"{index}", files)
        answer[name] = in_a_fork(computed, str(here / f"{index}"))
    json.dump(answer, sys.stdout)
