"""Tell in five acts what a generated project does; exit 1 if it does not do so.

Bakes a project from this working tree into build/demo and runs its experiment `digits`
with the packages of the template's own environment.
"""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parents[1]
FOLDER = TEMPLATE / "build" / "demo"
NAME = "digits-demo"

# Both edits fail loudly when the generated project no longer holds the first text.
HELPER = (
    "src/metrics.py",
    "return float(np.mean(true == predicted))",
    "return round(float(np.mean(true == predicted)), 3)",
)
PARAMSET = (
    "params/models.py",
    "    return all_args",
    '    all_args.append(Args(name="knn_single", model_type="knn", n_neighbors=1))\n'
    "    return all_args",
)


def main() -> int:
    project = bake()
    print(f"A new project, {project.relative_to(TEMPLATE)}: experiment digits")

    first = act("1. A cold run", project)
    check(computed_by_stage(first)["load"] == 1, "the data was loaded more than once")
    print("   argsets share what does not depend on their differences")
    again = act("2. The same again", project)
    check(again["counts"]["computed"] == 0, "the second run computed something")
    check(table_of(again) == table_of(first), "the second run gave another table")
    print("   the same table, to the last digit")

    edit(project, *HELPER)
    edited = act("3. A helper edited: accuracy() in src/metrics.py rounds now", project)
    check("train_model" not in computed_by_stage(edited), "models were trained again")
    print(f"   why: {first_reason(edited)}")

    edit(project, *PARAMSET)
    grown = act("4. One argset added to params/models.py: knn_single", project)
    check(computed_by_stage(grown)["train_model"] == 1, "not one model was trained")
    print("   its own stages and the comparison; the rest is as it was\n")
    print(table_of(grown))

    runs = [again["run"], edited["run"]]
    print(f"\n5. Past runs side by side: experiment compare {' '.join(runs)}")
    compared = run_python(["-m", "curifactory", "compare", *runs], project)
    differ = [each for each in compared.splitlines() if " differ between " in each]
    said = [*compared.split("\n\n")[1].splitlines(), differ[0]]
    check("  score: src/metrics.py: accuracy changed" in said, "they say nothing of it")
    print("\n".join(f"   {line}" for line in said))

    report = project / "reports" / grown["run"] / "index.html"
    check(report.is_file(), f"there is no report at {report}")
    print(f"\nThe report: {report.relative_to(TEMPLATE)}")
    return 0


def bake() -> Path:
    """Generate the project anew; cookiecutter's own files stay in build/ as well."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    config = FOLDER / "cookiecutter.yaml"
    config.write_text(f"replay_dir: {json.dumps(str(FOLDER / 'replay'))}\n")
    options = ["--no-input", "--config-file", str(config), "--output-dir", str(FOLDER)]
    command = ["-m", "cookiecutter", *options, str(TEMPLATE), f"project_name={NAME}"]
    run_python(command, TEMPLATE)
    return FOLDER / NAME


def run_python(arguments: list[str], folder: Path) -> str:
    """Run this Python in a folder and return what it prints, which is shown if it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    command = " ".join(arguments)
    check(done.returncode == 0, f"{command} exited {done.returncode}:\n{done.stdout}")
    return done.stdout


def act(title: str, project: Path) -> dict[str, Any]:
    """Run the experiment once; print the title and what was computed."""
    print(f"\n{title}", flush=True)
    run_python(["-m", "curifactory", "digits"], project)
    result = newest_run(project)
    counts = result["counts"]
    stages = ", ".join(f"{s} {n}" for s, n in computed_by_stage(result).items())
    print(
        f"   computed {counts['computed']}, reused {counts['reused']}"
        + (f": {stages}" if stages else "")
    )
    return result


def newest_run(project: Path) -> dict[str, Any]:
    runs = project.glob("data/runs/digits-*/run.json")
    results = [json.loads(path.read_text("utf-8")) for path in runs]
    return max(results, key=lambda result: result["number"])


def computed_by_stage(result: dict[str, Any]) -> Counter[str]:
    calls = result["calls"]
    return Counter(call["stage"] for call in calls if call["status"] == "computed")


def first_reason(result: dict[str, Any]) -> str:
    calls = result["calls"]
    return next(str(call["reason"]) for call in calls if call["status"] == "computed")


def table_of(result: dict[str, Any]) -> str:
    """Return the last table of a run as text, in columns."""
    shown = [item for call in result["calls"] for item in call["reportables"]]
    tables = [item["data"] for item in shown if item["kind"] == "table"]
    check(bool(tables), "the run shows no table")
    rows = [tables[-1]["columns"], *tables[-1]["rows"]]
    cells = [[text_of(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        lines.append("   " + "  ".join(padded).rstrip())
    return "\n".join(lines)


def text_of(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def edit(project: Path, name: str, old: str, new: str) -> None:
    path = project / name
    text = path.read_text("utf-8")
    check(text.count(old) == 1, f"{name} no longer holds {old!r} once")
    path.write_text(text.replace(old, new), "utf-8")


def check(holds: bool, complaint: str) -> None:
    if not holds:
        sys.exit(f"The demo failed: {complaint}")


if __name__ == "__main__":
    sys.exit(main())
