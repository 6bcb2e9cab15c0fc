"""Completion by TAB, asked for as shells ask for it."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time

import pytest
from projects import TEMPLATE
from servers import PATIENCE

pytest.importorskip("argcomplete")

MARK = "from pathlib import Path\n\nPath('imported').touch()\n"


def asked(project, line, *python, **environment):
    """The process that a shell starts to complete a line at its end."""
    return project.python(
        *(python or ("-m", "curifactory")),
        _ARGCOMPLETE="1",
        _ARGCOMPLETE_IFS="\n",
        _ARGCOMPLETE_STDOUT_FILENAME=str(project.root / "offered"),
        COMP_LINE=line,
        COMP_POINT=str(len(line)),
        **environment,
    )


def offered(project, line, **environment):
    """What could stand at the end of a line; nothing else may be printed."""
    result = asked(project, line, **environment)
    assert (result.code, result.out, result.err) == (0, "", ""), result
    text = (project.root / "offered").read_text(encoding="utf-8")
    return [each.strip() for each in text.splitlines()]


# line: what is offered
OFFERED = {
    "experiment ma": ["map"],
    "experiment st": ["study"],
    "experiment run ": ["study"],
    "experiment map s": ["study"],
    "experiment explain ": ["study"],
    "experiment study -p ": ["base"],
    "experiment -p b": ["base"],
    "experiment -p base s": ["study"],
    "experiment map study -p b": ["base"],
    "experiment params ": ["base"],
    "experiment study --overwrite-": ["--overwrite-stage"],
    "experiment study --overwrite-stage ": ["load", "fit", "score", "compare"],
    "experiment explain study --stage s": ["score"],
    "experiment accept f": ["fit"],
    "experiment check comp": ["compare"],
    "experiment cache gc --stage l": ["load"],
    "experiment cache r": ["rebuild"],
    "experiment study --set ": ["seed=", "depth=", "path=", "items="],
    "experiment study --set seed=1 --set s": ["seed="],
    "experiment params base --set d": ["depth="],
    "experiment study --set=see": ["--set=seed="],
    "experiment new ": ["experiment", "params", "stage"],
    "experiment new stage s": [],
    "experiment study --engine p": ["processes"],
    "experiment map study --cache e": ["experiments/"],
    "experiment --v": ["--version"],
}


@pytest.mark.parametrize("line", OFFERED)
def test_a_word_is_completed_from_what_can_stand_there(whole, line):
    assert offered(whole, line) == OFFERED[line]


def test_commands_and_experiments_come_first_and_options_after_a_name(whole):
    first = offered(whole, "experiment ")
    assert {"run", "map", "cache", "study"} < set(first) and "--help" not in first
    assert {"--set", "--overwrite"} < set(offered(whole, "experiment study "))


def test_runs_are_completed_after_the_first_ones(whole):
    assert offered(whole, "experiment params --from-run ") == []
    whole.ok()
    assert offered(whole, "experiment params --from-run s") == ["study-1"]
    assert sorted(offered(whole, "experiment runs s")) == ["study", "study-1"]


def test_stages_of_past_runs_are_completed_wherever_they_are_written(whole):
    (whole.root / "stages").rename(whole.root / "steps")
    whole.edit("experiments/study.py", "from stages.chain", "from steps.chain")
    assert offered(whole, "experiment accept ") == []
    whole.ok()
    found = offered(whole, "experiment accept ")
    assert sorted(found) == ["compare", "fit", "load", "score"]


def test_fields_of_nested_classes_and_of_classes_above_are_completed(whole):
    whole.write({"params/__init__.py": """
                import curifactory
                from dataclasses import KW_ONLY, dataclass, field
                from enum import Enum
                from typing import ClassVar


                class Kind(Enum):
                    KNN = 1


                @dataclass
                class Model:
                    depth: int = 1
                    inner: "Model" = None


                @dataclass
                class Base(curifactory.ExperimentArgs):
                    count: ClassVar[int] = 0
                    lr: float = 0.1


                @dataclass
                class Range:
                    low: float = 0.0


                @dataclass
                class Args(Base):
                    _: KW_ONLY
                    kind: Kind = Kind.KNN
                    model: Model = field(default_factory=Model)
                    other: "Model" = None
                """})
    found = offered(whole, "experiment study --set ")
    models = ["model.depth=", "model.inner=", "other.depth=", "other.inner="]
    assert found == ["lr=", "kind=", *models]


@pytest.mark.slow
def test_no_file_of_a_project_is_imported(whole):
    for path in list(whole.root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        path.write_text(MARK + text, encoding="utf-8")
    for line in OFFERED:
        asked(whole, line)
    assert not (whole.root / "imported").exists()
    whole.ok("map", "study")
    assert (whole.root / "imported").exists()


def test_a_broken_file_leaves_all_else_as_it_is(whole):
    for folder in ("params", "experiments", "stages"):
        shutil.copytree(whole.root / folder, whole.root / folder / ".backup")
        (whole.root / folder / "broken.py").write_text("def (:\n")
        (whole.root / folder / "other.py").write_bytes(b"# \xff\n")
        (whole.root / folder / ".#study.py").symlink_to("nowhere")
    assert offered(whole, "experiment run ") == ["broken", "other", "study"]
    assert offered(whole, "experiment study -p b") == ["base", "broken"]
    for word in ("--overwrite-stage l", "--set s"):
        line = f"experiment study {word}"
        assert offered(whole, line) == {"l": ["load"], "s": ["seed="]}[line[-1]]


def test_where_the_settings_are_broken_options_are_still_completed(whole):
    (whole.root / "pyproject.toml").write_text("[tool.curifactory\n")
    assert offered(whole, "experiment st") == []
    assert offered(whole, "experiment ma") == ["map"]
    assert offered(whole, "experiment map --overwrite-") == ["--overwrite-stage"]
    assert offered(whole, "experiment map ") == []


def test_an_experiment_that_is_named_like_a_command_does_not_hide_it(whole):
    text = '"""100 % of it."""\n\n\ndef run(argsets, manager):\n    pass\n'
    whole.write({"experiments/ls.py": text, "experiments/deep/lsd.py": text})
    assert offered(whole, "experiment ls") == ["ls"]
    assert offered(whole, "experiment run ") == ["deep/lsd", "ls", "study"]
    assert offered(whole, "experiment deep/lsd -p ") == ["base"]


def test_shells_that_show_what_words_mean_get_it(whole):
    of_zsh = {"_ARGCOMPLETE_SHELL": "zsh", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"}
    whole.edit("experiments/study.py", "How good", "100 %: how good")
    found = offered(whole, "experiment st", **of_zsh)
    assert found == ["study:100 %: how good is the chain?"]
    assert offered(whole, "experiment map st", **of_zsh) == found
    assert offered(whole, "experiment acc", **of_zsh)[0].startswith("accept:keep")


def test_without_the_library_nothing_is_said(whole):
    # `-S`, without the packages that are installed.
    result = asked(whole, "experiment st", "-S", "-m", "curifactory")
    assert (result.code, result.out, result.err) == (1, "", "")
    assert not (whole.root / "offered").exists()


def test_without_extras_nothing_is_said(project):
    result = asked(project, "experiment st")
    assert (result.code, result.out, result.err) == (1, "", "")
    assert not (project.root / "offered").exists()


def test_the_library_is_imported_for_shells_only(whole):
    result = whole.script(
        "import sys\nfrom curifactory.__main__ import main\n"
        "sys.argv[1:] = ['ls']\nmain()\n"
        "print([n for n in sys.modules if 'complet' in n and 'rl' not in n])\n"
    )
    assert result.out.endswith("[]\n"), result


def test_shells_that_complete_all_such_commands_find_the_mark():
    head = (TEMPLATE / "curifactory_launcher.py").read_text(encoding="utf-8")[:1024]
    assert "PYTHON_ARGCOMPLETE_OK" in head


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
def test_in_bash_one_line_in_its_settings_and_a_tab_are_enough(whole, tmp_path):
    (whole.root / "curifactory").symlink_to(whole.home / "curifactory")
    command = tmp_path / "bin" / "experiment"
    command.parent.mkdir()
    shutil.copy(TEMPLATE / "curifactory_launcher.py", command.parent)
    text = "import sys\nfrom curifactory_launcher import main\nsys.exit(main())\n"
    command.write_text(f"#!{sys.executable}\n{text}")
    command.chmod(0o755)
    settings = tmp_path / "bashrc"
    settings.write_text(
        'PS1="ready> "\neval "$(register-python-argcomplete experiment)"\n'
    )
    places = [command.parent, os.path.dirname(sys.executable), os.environ["PATH"]]
    environment = whole.environment(PATH=os.pathsep.join(map(str, places)), TERM="dumb")
    with Terminal(whole.root, settings, environment) as bash:
        bash.read_until("ready> ")
        bash.write("experiment ma\tstu\t--set dep\t3 --overwrite-st\tfi\t\n")
        shown = bash.read_until("calls: ")
    assert "experiment map study --set depth=3 --overwrite-stage fit" in shown


class Terminal:
    """A bash that believes someone types."""

    def __init__(self, root, settings, environment):
        self.end, other = pty.openpty()
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--rcfile", settings, "-i"],
            cwd=root,
            env=environment,
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        os.close(self.end)

    def write(self, text):
        os.write(self.end, text.encode())

    def read_until(self, text):
        shown, end = "", time.monotonic() + PATIENCE
        while text not in shown:
            assert time.monotonic() < end, shown
            if select.select([self.end], [], [], 0.1)[0]:
                shown += os.read(self.end, 4096).decode()
        return shown
