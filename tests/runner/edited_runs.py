"""What a run computes after an edit."""

import os
import sys
import traceback

from curifactory import experiment


def computed(root):
    """Run the experiment in this process; return the stages that computed something."""
    os.chdir(root)
    sys.path[:] = [root, *(path for path in sys.path if not _holds_project(path))]
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


def _holds_project(path):
    return os.path.isdir(os.path.join(path, "experiments"))
