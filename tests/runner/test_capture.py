"""What stages print, log and draw goes to a file a call, and never into the display."""

import os
import pty
import subprocess
import sys

import pytest
from on_engines import FLAGS, OWN, OnEngine, parallel
from projects import CHAIN, Project

from curifactory import capture


def test_processes_of_two_machines_have_files_of_their_own(tmp_path):
    """Both write into the folder of a run, and may have the same number."""
    paths = set()
    for _ in range(2):
        capture._path.cache_clear()
        paths.add(capture._path(str(tmp_path), 7))
    assert len(paths) == 2


LOUD = """
    import logging, warnings
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)  # at import time
    log = logging.getLogger("loud")

    @stage(None, ["x"])
    def loud(record):
        print("PRINTED", record.args.seed)
        log.info("LOGGED")
        subprocess.run(["echo", "CHILD"])
        for part in range(0, 101, 10):
            sys.stderr.write(f"\\\\rBAR {part}%")
            time.sleep(0.01)
        print()
        if record.args.seed == 1:
            raise ValueError("one")
        return record.args.seed

    @stage(["x"], ["y"])
    def silent(record, x):
        return x
    """
RUN = "for args in argsets:\n    silent(loud(Record(manager, args)))"
ARGSETS = "[Args(name=f'n{i}', seed=i) for i in range(3)]"


@pytest.fixture(params=["serial", "processes"])
def on(request, tmp_path, whole_home):
    made = OnEngine(tmp_path / "project", whole_home)
    made.engine = request.param
    made.write({**CHAIN, "own.py": OWN})
    made.study(LOUD.replace("\\\\r", "\\r"), RUN, ARGSETS)
    return made


def test_what_has_no_file_is_printed_where_it_was_before(tmp_path, capfd):
    (tmp_path / "output").write_text("no folder")
    with capture.captured(str(tmp_path / "output" / "1.txt")):
        print("SHOWN")
        subprocess.run(["echo", "CHILD"])
    assert sorted(capfd.readouterr().out.split()) == ["CHILD", "SHOWN"]


def test_what_cannot_be_kept_of_what_calls_print_is_told_and_costs_nothing_else(on):
    on.edit("stages/other.py", "seed == 1:", "seed == 7:")
    on.edit(
        "stages/other.py",
        '    print("PRINTED"',
        "    full = 'data/runs/other-1/output/0-loud-n0.txt'\n"
        "    if record.args.seed == 0:\n        os.symlink('/dev/full', full)\n"
        "    if record.args.seed == 2:\n        os.unlink(full)\n"
        '    print("PRINTED"',
    )
    # One worker only, so that the last call comes after the first.
    result = Project.run(on, "other", "--engine", on.engine, "-j", "1")
    assert result.code == 0, result
    said = "what calls print cannot be kept: No space left on device"
    assert result.err.count(said) == 1
    texts = [path.read_text() for path in on.root.glob("data/runs/*/output/*n[12].txt")]
    assert len(texts) == 2 and not any("PRINTED 0" in text for text in texts)


def test_what_a_call_prints_lies_in_its_file_and_is_shown_when_it_fails(on):
    result = on.run("other")
    assert result.code == 1
    calls = {(c["stage"], c["records"][0]): c["output"] for c in result.calls()}
    assert calls["silent", "n0"] is None
    path = on.root / "data" / "runs" / "other-1" / calls["loud", "n0"]
    text = path.read_text()
    for each in ("PRINTED 0", "INFO:loud:LOGGED", "CHILD", "BAR 100%"):
        assert text.count(each) == 1, text
    assert "PRINTED 0" not in result.err + result.out
    shown = result.err.partition("it had printed")[2]
    assert "PRINTED 1" in shown and "CHILD" in shown and "BAR 100%" in shown
    assert "BAR 10%" not in shown  # of a progress bar only the last state
    assert calls["loud", "n1"] in shown
    names = sorted(each.name for each in path.parent.iterdir())
    assert names == ["0-loud-n0.txt", "2-loud-n1.txt", "4-loud-n2.txt"]


@parallel
def test_what_a_call_had_printed_that_killed_its_worker_lies_in_its_file(on):
    stages = "@stage(None, ['x'])\ndef deadly(record):\n"
    stages += "    print('LAST WORDS', flush=True)\n    os._exit(3)\n"
    on.study(stages, "deadly(Record(manager, argsets[0]))")
    result = on.run("other")
    (call,) = result.calls(status="failed")
    path = f"data/runs/other-1/{call['output']}"
    assert "LAST WORDS" in (on.root / path).read_text()
    assert f"it had printed ({path}):" in result.err


def test_a_narrow_output_shows_what_it_can(on):
    stages = "@stage(None, ['x'])\ndef arrow(record):\n    print('→')\n    return 1\n"
    on.study(stages, "arrow(Record(manager, argsets[0]))", "[Args(name='a→b')]")
    result = on.run("other", PYTHONIOENCODING="ascii")
    assert result.code == 0 and result.printed == "\\u2192\n", result
    assert "a\\u2192b" in on.run("map", "other", PYTHONIOENCODING="ascii").out


def test_a_breakpoint_that_nobody_would_see_is_refused(on):
    stages = (
        "@stage(None, ['x'])\ndef stopping(record):\n    breakpoint()\n    return 1\n"
    )
    on.study(stages, "stopping(Record(manager, argsets[0]))")
    result = on.run("other")
    assert result.code == 1 and "breakpoint(): what a stage prints" in result.err
    assert "use --pdb, without -j" in result.err
    assert on.run("other", PYTHONBREAKPOINT="0").code == 0


def test_verbose_shows_what_stages_print(on):
    result = on.run("other", "--verbose")
    assert "PRINTED 0" in result.out
    assert all(call["output"] is None for call in result.calls())


def test_the_display_of_a_terminal_is_not_torn(on):
    pytest.importorskip("rich")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "curifactory", "other", *FLAGS[on.engine]],
        cwd=on.root,
        env=on.environment(TERM="xterm", COLUMNS="80", LINES="24"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait(30) == 1
    display, _, summary = shown.decode().partition("it had printed")
    assert "loud" in display and "3/3" in display
    for each in ("PRINTED", "LOGGED", "CHILD", "BAR"):
        assert each not in display and each in summary


ENDED = {
    "closed": "sys.{0}.close()",
    "given to another": "sys.{0} = codecs.getwriter('utf-8')(sys.{0}.detach())",
}


@pytest.mark.parametrize("how", ENDED)
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_a_stage_closes_is_there_for_others(whole, name, how):
    whole.edit(
        "stages/chain.py",
        "    return [1, 2, 3]",
        f"    import codecs, sys\n    {ENDED[how].format(name)}\n    return [1]",
    )
    whole.edit(
        "stages/chain.py",
        "def fit(record, data):",
        "def fit(record, data):\n    print('fitted')",
    )
    result = whole.python("-m", "curifactory", "study", "--retries", "0")
    assert result.code == 0 and "computed: 6" in result.out
    assert "Traceback" not in result.err
    assert (
        "fitted"
        in (next((whole.root / "data/runs/study-1/output").glob("*fit*"))).read_text()
    )


def test_the_last_lines_of_a_huge_output_take_no_time(tmp_path):
    path = tmp_path / "output.txt"
    path.touch()
    os.truncate(path, 2**36)
    with open(path, "a") as file:
        file.write("\nbefore\nlast words\n")
    assert capture.tail(str(path), 2) == "before\nlast words"
