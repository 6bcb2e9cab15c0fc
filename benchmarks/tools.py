"""What the driver must know of each tool: how it is run, and what it leaves behind."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUNNER = HERE.parent / "<<cookiecutter.project_name>>" / "curifactory"
SIZE = "COUNT = {count}\nCHANGED = {changed}\n"
FITTED = "sum(data) + "


class WrongAnswer(Exception):
    """A tool did not compute what was asked for: its time means nothing."""


@dataclass(frozen=True)
class Tool:
    """One folder of benchmarks/; commands come after the Python of its environment."""

    name: str
    package: str
    commands: dict[str, tuple[str, ...]]
    leaves: tuple[str, ...] = ("cache",)
    size: str = "size.py"
    # The line of a stage's body that the benchmark edits, and what else its user must do.
    edited: str = "main.py"
    by_hand: tuple[tuple[str, str], ...] = ()
    computed: Callable[[Path, str], int | None] = lambda work, out: printed(
        out, "computed"
    )
    answer: Callable[[Path, str], int | None] = lambda work, out: printed(out, "answer")
    note: str = ""
    folder: str = ""  # where it differs from the name

    @property
    def place(self) -> Path:
        return HERE / (self.folder or self.name)

    def prepare(self, work: Path) -> None:
        """Lay out a fresh working folder."""
        shutil.rmtree(work, ignore_errors=True)
        ignored = shutil.ignore_patterns("__pycache__", "requirements.txt")
        shutil.copytree(self.place, work, ignore=ignored)
        if self.name == "ours":
            shutil.copytree(RUNNER, work / "curifactory", ignore=ignored)

    def empty(self, work: Path, aside: Path) -> None:
        """Move what earlier runs left out of the way; the sources stay, and are compiled.

        Nothing is deleted while times are taken: ext4 hands out the inode of a deleted
        file only minutes later, and until then making any file beside it takes longer.
        """
        for name in self.leaves:
            if (work / name).exists():
                aside.mkdir(parents=True, exist_ok=True)
                number = len(os.listdir(aside))
                (work / name).rename(aside / f"{self.name}-{name}-{number}")
        self.edit(work, False)

    def resize(self, work: Path, count: int, changed: bool = False) -> None:
        """Say for how many argsets, and whether the last one is another."""
        text = SIZE.format(count=count, changed=changed)
        (work / self.size).write_text(text, encoding="utf-8")

    def edit(self, work: Path, changed: bool) -> None:
        """Change the body of the stage `fit`, or take the change back."""
        text = (self.place / self.edited).read_text(encoding="utf-8")
        if changed:
            if text.count(FITTED) != 1:
                raise WrongAnswer(f"{self.name}: {self.edited} has no line to edit")
            for old, new in ((FITTED, f"{FITTED}1 + "), *self.by_hand):
                text = text.replace(old, new)
        (work / self.edited).write_text(text, encoding="utf-8")


def printed(text: str, word: str) -> int | None:
    """Return the number that a tool printed after a word, at the start of a line."""
    found = re.findall(rf"^{word} (-?\d+)\s*$", text, re.MULTILINE)
    return int(found[-1]) if found else None


def _newest_run(work: Path) -> dict:
    found = sorted((work / "data" / "runs").glob("*/run.json"), key=_number)
    return json.loads(found[-1].read_text(encoding="utf-8")) if found else {}


def _number(path: Path) -> int:
    return int(path.parent.name.rpartition("-")[2])


def _our_answer(work: Path, out: str) -> int | None:
    calls = _newest_run(work).get("calls", ())
    found = [call for call in calls if call["stage"] == "compare"]
    if not found:
        return None
    folder, artifact = found[-1]["folder"], found[-1]["artifacts"][0]["file"]
    return int(json.loads((work / "data/cache" / folder / artifact).read_text("utf-8")))


def _our_count(work: Path, out: str) -> int | None:
    return _newest_run(work).get("counts", {}).get("computed")


def _in_summary(text: str, word: str) -> int | None:
    """Return the count of a line of pytask's summary."""
    found = re.search(rf"(\d+)\s+{word}", text)
    return int(found[1]) if found else 0 if "Collected" in text else None


SCRIPT = {name: ("main.py", name) for name in ("sweep", "shared", "parallel")}
PLAIN = Tool(
    "plain",
    "",
    {**SCRIPT, "help": ("-c", "pass"), "list": ("-c", "pass")},
    by_hand=(("FIT_VERSION = 1", "FIT_VERSION = 2"),),
    note="its author counts a version up with each edit",
)
JOBLIB = Tool(
    "joblib",
    "joblib",
    {**SCRIPT, "help": ("main.py", "--help"), "list": ("main.py", "--help")},
)
OURS = Tool(
    "ours",
    "",
    {
        "sweep": ("-m", "curifactory", "sweep"),
        "shared": ("-m", "curifactory", "shared"),
        "map": ("-m", "curifactory", "map", "sweep"),
        "parallel": ("-m", "curifactory", "parallel", "-j", "2"),
        "help": ("-m", "curifactory", "--help"),
        "list": ("-m", "curifactory", "ls"),
    },
    leaves=("data", "reports"),
    size="params/size.py",
    edited="stages/chain.py",
    computed=_our_count,
    answer=_our_answer,
    note="with history and report",
)
EXCA = Tool(
    "exca",
    "exca",
    {**SCRIPT, "help": ("main.py", "--help")},
    edited="stages.py",
    by_hand=(('"fit 1"', '"fit 2"'), ('"score 1"', '"score 2"')),
    note="its user counts versions up with each edit; results batched into few files",
)
EXCA_TASKS = Tool(
    "exca-tasks",
    "exca",
    {"sweep": ("tasks.py", "sweep")},
    edited="tasks.py",
    by_hand=EXCA.by_hand,
    folder="exca",
    note="one task for each result; versions as for exca",
)
PYTASK = Tool(
    "pytask",
    "pytask",
    {
        "sweep": ("-m", "pytask", "build", "sweep"),
        "shared": ("-m", "pytask", "build", "shared"),
        "parallel": ("-m", "pytask", "build", "parallel", "-n", "2"),
        "help": ("-m", "pytask", "--help"),
        "list": ("-m", "pytask", "collect", "sweep"),
    },
    leaves=("cache", ".pytask"),
    edited="sweep/task_fit.py",
    computed=lambda work, out: _in_summary(out, "Succeeded"),
    answer=lambda work, out: int((work / "cache" / "answer.txt").read_text("utf-8")),
)
REDUN = Tool("redun", "redun", {**SCRIPT, "help": ("main.py", "--help")})
COMMAND = ("-c", "from curifactory.cli import main; main()")
UPSTREAM = Tool(
    "curifactory_upstream",
    "curifactory",
    {
        "sweep": (*COMMAND, "sweep", "-p", "sweep"),
        "code": (
            *(*COMMAND, "sweep", "-p", "sweep"),
            *("--overwrite-stage", "fit", "--overwrite-stage", "score"),
            *("--overwrite-stage", "compare"),
        ),
        "shared": (*COMMAND, "shared", "-p", "sweep"),
        "parallel": (
            *(*COMMAND, "parallel", "-p", "burn"),
            *("--parallel", "2"),
        ),
        "help": (*COMMAND, "--help"),
        "list": (*COMMAND, "ls"),
    },
    leaves=("data", "logs", "reports"),
    edited="stages.py",
    computed=lambda work, out: None,
    note="its user names the stages whose code changed; argsets do not share stages",
)
TOOLS = {
    tool.name: tool
    for tool in (PLAIN, JOBLIB, OURS, EXCA, EXCA_TASKS, PYTASK, REDUN, UPSTREAM)
}
