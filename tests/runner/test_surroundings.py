"""What stages find around them, and leave there, is as it was before."""

import contextlib
import os
import signal
import stat
import sys
import threading
import time

import pytest

from curifactory.surroundings import ENDING, handled, undisturbed

ONE = """
def get_params():
    from params import Args

    return [Args(name="a")]
"""
STAGES = """
import gc
from curifactory import Record, stage


class Net:
    alive = most = 0

    def __init__(self):
        self.me = self
        Net.alive += 1
        Net.most = max(Net.most, Net.alive)

    def __del__(self):
        Net.alive -= 1


@stage(None, ["most"])
def train(record):
    for _ in range(20_000):
        Net()
    return Net.most


@stage(["most"], ["threshold"])
def choose(record, most):
    return gc.get_threshold()[0]


@stage(["threshold"], ["chosen"])
def keep(record, threshold):
    gc.set_threshold(5_000)
    return 0


@stage(["chosen"], ["kept"])
def look(record, chosen):
    return gc.get_threshold()[0]


def run(argsets, manager):
    look(keep(choose(train(Record(manager, argsets[0])))))
"""


@pytest.mark.parametrize("options", [(), ("-j", "1")], ids=["serial", "processes"])
def test_stages_have_their_garbage_collected_as_elsewhere(whole, options):
    whole.write({"experiments/nets.py": ONE + STAGES})
    result = whole.ok("nets", *options)
    assert whole.value(result, "train") < 10_000
    assert whole.value(result, "choose") < 10_000
    assert whole.value(result, "look") == 5_000


COUNTING = """
import atexit
import gc
from curifactory import Record
from curifactory.record import Call
from curifactory.trace import Trace
from stages.chain import load


def count():
    kinds = (type(each) for each in gc.get_objects())
    print("left:", [each.__name__ for each in kinds if each in (Call, Record, Trace)])


def run(argsets, manager):
    atexit.register(count)
    load(Record(manager, argsets[0]))
"""


@pytest.mark.parametrize("command", [("counting",), ("map", "counting")])
def test_nothing_of_a_run_is_left_to_the_end_of_the_process(whole, command):
    whole.write({"experiments/counting.py": ONE + COUNTING})
    whole.ok("counting")
    assert "left: []" in whole.ok(*command).out


OPENING = """
import atexit
import os
from curifactory import Record
from stages.chain import load


def show(before):
    print("open:", sorted(set(os.listdir("/dev/fd")) - before))


def run(argsets, manager):
    atexit.register(show, set(os.listdir("/dev/fd")))
    load(Record(manager, argsets[0]))
"""


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="nobody tells what is open")
def test_a_run_closes_what_its_calls_print_to(whole):
    whole.write({"experiments/opening.py": ONE + OPENING})
    assert "open: []" in whole.ok("opening").out


def test_an_interrupt_of_a_stage_is_known_after_another_within_it():
    with pytest.raises(KeyboardInterrupt), handled():
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        with handled():
            pass


LOOKING = """
import gc
from curifactory import Record, stage
from params import Args

DEFAULT_PARAMS = ["many"]


@stage(None, ["seen"])
def look(record):
    return len(gc.get_objects())


def run(argsets, manager):
    for args in argsets:
        look(Record(manager, args))
"""

MANY = """
from params import Args


def get_params():
    return [Args(name=f"a{seed}", seed=seed) for seed in range(COUNT)]
"""


def test_what_a_stage_has_looked_through_for_garbage_grows_with_no_argset(whole):
    whole.write({"experiments/looking.py": LOOKING})
    seen = []
    for count in (2, 400):
        whole.write({"params/many.py": MANY.replace("COUNT", str(count))})
        seen.append(whole.value(whole.ok("looking", "--overwrite"), "look"))
    assert seen[1] < seen[0] + 400


LOGGING = """
import weakref
from curifactory import Record
from stages.chain import load


class Log:
    def __init__(self):
        self.file, self.own = open("log.txt", "w"), self

    def write(self, value):
        self.file.write(f"{value}\\n")


GONE = weakref.proxy(set())  # it raises whatever it is asked for


def run(argsets, manager):
    log = Log()
    log.write(load(Record(manager, argsets[0])).state["data"])
"""


def test_what_is_written_to_a_file_that_nobody_closes_is_there_at_the_end(whole):
    whole.write({"experiments/logging_one.py": ONE + LOGGING})
    whole.ok("logging_one")
    assert (whole.root / "log.txt").read_text() == "[1, 2, 3]\n"


LEAVING = """
import os
import signal
from curifactory import Record, stage


@stage(None, ["x"])
def leave(record):
    os.umask(0o077)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return 1


@stage(["x"], ["y"])
def end(record, x):
    os.kill(os.getpid(), signal.SIGTERM)
    return 1


def run(argsets, manager):
    end(leave(Record(manager, argsets[0])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="signals and masks of POSIX")
def test_a_stage_leaves_no_handlers_of_signals_and_no_mask_of_files(whole):
    whole.write({"experiments/leaving.py": ONE + LEAVING})
    before = os.umask(0o002)
    try:
        result = whole.python("-m", "curifactory", "leaving")
    finally:
        os.umask(before)
    assert result.code == 143, result
    assert result.counts["computed"] == 1
    made = next(whole.cache.glob("experiments.leaving.leave/a-*"))
    assert {stat.S_IMODE(each.stat().st_mode) for each in made.iterdir()} == {0o664}


@pytest.mark.parametrize("number", ENDING)
def test_what_ends_a_run_waits_for_the_end_of_a_block(number):
    before = signal.getsignal(number)
    came, done = [], []
    signal.signal(number, lambda number, _: came.append(number))
    mine = signal.getsignal(number)
    try:
        with undisturbed(), contextlib.suppress(ZeroDivisionError):
            os.kill(os.getpid(), number)
            done.append(list(came))
            raise ZeroDivisionError
        assert (came, done) == ([number], [[]])
        assert signal.getsignal(number) is mine
    finally:
        signal.signal(number, before)


def test_a_thread_that_is_not_the_main_one_leaves_signals_alone():
    def look():
        with undisturbed():
            found.append(signal.getsignal(signal.SIGINT))

    found = []
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
