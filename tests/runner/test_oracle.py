"""Random experiments and edits: values as from an empty cache, and no body too many."""

import os
import sys

import oracle
import pytest
from oracle_fuzz import search
from projects import copy_runner

SEQUENCES = int(os.environ.get("ORACLE_SEQUENCES", "15"))
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs os.fork")


def test_random_edits_compute_what_changed_and_nothing_else(runner_home, tmp_path):
    problems, counts = search(runner_home, tmp_path, SEQUENCES)
    assert problems == []


@pytest.mark.slow
def test_more_sequences_with_every_kind_of_edit_show_no_difference(
    runner_home, tmp_path
):
    problems, counts = search(runner_home, tmp_path, 120)
    assert problems == []
    assert set(counts) == set(oracle.KINDS)


@pytest.mark.slow
def test_real_processes_agree_as_forks_do(runner_home, tmp_path):
    problems, _ = search(runner_home, tmp_path, 2, engine="fresh")
    assert problems == []


BREAKS = {
    "methods are not noted": ("reads.py", '("m", name)', '("a", "name")'),
    "no file is noted": ("files.py", "reads.note_opened(key, seen)", "pass"),
    "which fields there are is not noted": (
        "reads.py",
        'reads.note(f"a{number}:{prefix}{what}")',
        "pass",
    ),
    "classes of inputs are not noted": (
        "attempt.py",
        'self.noted.note(f"c:{path}")',
        "pass",
    ),
    "helpers of helpers are not followed": (
        "code.py",
        "        found.append(unit)\n",
        "        if len(found) > 2:\n            continue\n        found.append(unit)\n",
    ),
    "constants are not followed": (
        "scope.py",
        "        self.unit.refers.append(Named(holder[0], holder[1], value))\n",
        "",
    ),
    "names of helpers count": ("syntax.py", "and node is unnamed", "and False"),
    "comments count": (
        "syntax.py",
        "isinstance(node.value, ast.Constant)",
        "isinstance(node.value, ast.Set)",
    ),
    "all fields are read": (
        "reads.py",
        '        reads.note(f"a{number}:{path}")',
        '        reads.note(f"a{number}:*")',
    ),
}


def _break(home, broken):
    name, old, new = BREAKS[broken]
    path = home / "curifactory" / name
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_the_runner_has_each_text_that_is_broken_below(tmp_path):
    for broken in BREAKS:
        _break(copy_runner(tmp_path / broken, "extras"), broken)


@pytest.mark.slow
@pytest.mark.parametrize("broken", BREAKS)
def test_the_oracle_sees_that(broken, tmp_path):
    home = copy_runner(tmp_path / "home", "extras")
    _break(home, broken)
    problems, _ = search(home, tmp_path, 100, enough=1)
    assert problems != []
