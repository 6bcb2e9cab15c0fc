"""The live display: it counts, it fits, it costs next to nothing, it cleans up."""

import io
import multiprocessing
import sys
import threading
import time

import pytest

live = pytest.importorskip("curifactory.extras.console")
terminal = pytest.importorskip("rich.console")

LONG = "train_a_classifier_whose_name_is_as_long_as_sixty_characters"
SHOW_CURSOR = "\x1b[?25h"


@pytest.fixture
def show():
    """Make a display on a terminal of 80 columns that is only a text."""
    made = []

    def make(width=80, height=24, **given):
        out = terminal.Console(
            file=io.StringIO(), force_terminal=True, width=width, height=height
        )
        made.append(live.Console(console=out, **given))
        return made[-1]

    yield make
    for console in made:
        console.close()


def lines(console):
    """Return the display as it stands, as plain lines."""
    width = console.console.width
    plain = terminal.Console(file=io.StringIO(), width=width, height=24)
    plain.print(console.table())
    return plain.file.getvalue().splitlines()


def written(console):
    return console.console.file.getvalue()


def test_each_stage_has_a_line_with_its_counts(show):
    console = show()
    console.plan({"load": 3, "train": 3})
    for status in ("reused", "reused", "computed"):
        console.finished("load", "a", status, 0.1, "")
    console.started("train", "a")
    head, load, train = lines(console)
    assert head.split() == "stage done computed reused running left".split()
    assert load.split() == ["load", "3/3", "1", "2"]
    assert train.split() == ["train", "0/3", "1"]


def test_a_call_that_is_tried_again_is_one_call(show):
    console = show()
    console.plan({"train": 2})
    for label in ("a", "a", "b"):
        console.started("train", label)
    assert lines(console)[1].split()[:3] == ["train", "0/2", "2"]
    for label in ("a", "b"):
        console.finished("train", label, "computed", 0.1, "")
    assert lines(console)[1].split() == ["train", "2/2", "2"]


def test_streams_are_redirected_before_a_call_can_begin(show, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    before, start = sys.stdout, live.Live.start
    threads = []

    def noted(display):
        threads.append(threading.current_thread())
        start(display)

    monkeypatch.setattr(live.Live, "start", noted)
    console = show()
    console.plan({"load": 1})
    assert threads == [threading.main_thread()]
    print("from run()")
    console.close()
    assert sys.stdout is before
    assert "from run()" in written(console)


def test_a_plan_may_grow(show):
    console = show()
    console.plan({"load": 1})
    console.plan({"load": 5, "train": 2})
    assert [line.split()[1] for line in lines(console)[1:]] == ["0/5", "0/2"]


def test_calls_before_any_plan_are_counted(show):
    console = show()
    console.started("load", "a")
    console.finished("load", "a", "computed", 0.1, "never run")
    assert lines(console)[1].split()[:2] == ["load", "1/1"]


def test_the_time_left_follows_the_pace(show):
    console = show()
    console.plan({"train": 4})
    console.started("train", "a")
    console.rows["train"].begun -= 90
    console.finished("train", "a", "computed", 90, "")
    assert lines(console)[1].split()[-1] == "0:04:30"


@pytest.mark.parametrize("width", [80, 100, 200])
def test_long_names_and_large_numbers_fit(show, width):
    console = show(width)
    console.plan({LONG: 400_000})
    row = console.rows[LONG]
    row.counts.update(dict.fromkeys(row.counts, 99_999))
    console.started(LONG, "a")
    row.begun -= 100_000
    found = lines(console)
    assert len(found) == 2
    assert max(map(len, found)) <= width
    assert found[1].split()[1:6] == ["399996/400000", *["99999"] * 4]
    if width == 80:
        assert "…" in found[1].split()[0]


def test_many_stages_fit_the_height_and_those_at_work_come_first(show):
    console = show(height=12)
    for number in range(40):
        console.plan({f"stage{number}": 1})
        if number < 35:
            console.finished(f"stage{number}", "a", "computed", 0.1, "")
    found = lines(console)
    assert len(found) <= 12
    assert [line.split()[0] for line in found[1:6]] == [
        f"stage{n}" for n in range(35, 40)
    ]


def test_brackets_in_names_are_no_markup(show):
    console = show()
    console.plan({"[red]load[/]": 1})
    console.message("[bold]and so[/] in messages")
    assert "[red]load[/]" in lines(console)[1]
    assert "[bold]and so[/] in messages" in written(console)


def test_failures_are_told_at_once_but_not_all(show):
    console = show()
    for number in range(50):
        console.finished("train", f"argset{number}", "failed", 0.1, "boom")
    assert "argset0  boom" in written(console)
    assert "argset49" not in written(console)
    assert lines(console)[1].split()[-1] == "50"


def test_the_last_state_stays_and_the_cursor_comes_back(show):
    console = show()
    console.plan({"train": 1})
    console.finished("train", "a", "computed", 0.1, "")
    console.close()
    console.close()
    assert "1/1" in written(console)
    assert SHOW_CURSOR in written(console)
    console.message("afterwards")
    assert written(console).endswith("afterwards\n")


def test_all_calls_are_counted(show):
    console = show()
    console.plan({"load": 100_000})
    for _ in range(100_000):
        console.started("load", "a")
        console.finished("load", "a", "computed", 0.0, "never run")
    console.close()
    assert "100000/100000" in written(console)


@pytest.mark.slow
def test_the_display_is_drawn_at_most_ten_times_a_second(show):
    console = show()
    end = time.monotonic() + 1
    while time.monotonic() < end:
        console.finished("load", "a", "computed", 0.0, "")
    console.close()
    assert 2 <= written(console).count("stage ") <= 12


@pytest.mark.skipif(sys.platform == "win32", reason="processes do not fork there")
def test_a_forked_child_can_print(show):
    console = show()
    console.plan({"train": 1})
    context = multiprocessing.get_context("fork")
    for _ in range(30):
        child = context.Process(target=console.message, args=("from the child",))
        child.start()
        child.join(10)
        assert child.exitcode == 0
