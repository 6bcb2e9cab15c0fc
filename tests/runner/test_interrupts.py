"""Ctrl-C, SIGTERM and SIGKILL at random moments: no orphan, nothing lost, exit codes."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from on_engines import ENGINES, FLAGS, OWN, OnEngine
from projects import CHAIN
from servers import PATIENCE

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="looks for orphans in /proc"
)
OTHERS = ENGINES[2:]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
# What a worker of Dask says of a connection that is gone: one record of its log.
LOGGED_BY_DASK = re.compile(
    r"(?ms)^\S+ \S+ - distributed\.\S+ - ERROR - [^\n]*\n"
    r"Traceback.*?^distributed\.[\w.]+Error: [^\n]*\n"
)

STAGES = """
    @stage(None, ["x"])
    def busy(record):
        note(f"begin-{record.args.seed}")
        end = time.monotonic() + 0.15
        while time.monotonic() < end:
            sum(range(1000))
        return record.args.seed

    @stage(["x"], ["y"])
    def square(record, x):
        note(f"end-{x}")
        return x * x

    @aggregate(["y"], ["total"])
    def total(record, records, y):
        return sum(y.values())
    """
RUN = """
    for args in argsets:
        square(busy(Record(manager, args)))
    total(Record(manager, None), manager.records)
    """
ARGSETS = "[Args(name=f'n{i}', seed=i) for i in range(8)]"
CHILD = """
    @stage(None, ["x"])
    def wait(record):
        child = subprocess.Popen(["sleep", "60"])
        note("begin")
        return child.wait()
    """


def make(folder, home, engine, stages=STAGES, run=RUN, argsets=ARGSETS):
    made = OnEngine(folder, home)
    made.engine = engine
    made.write({**CHAIN, "own.py": OWN})
    made.study(stages, run, argsets)
    return made


def relatives(mark):
    """The processes that were started, however far down, by the one with this mark."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            if each.name.isdigit() and mark in (each / "environ").read_bytes():
                state = (each / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z":
                    found.append((each.name, (each / "cmdline").read_text()))
        except OSError:
            continue
    return found


def strike(on, number, moment, whole_group):
    """Begin a run, send it a signal a moment after its first call; return its exit."""
    mark = f"{on.root}-{time.monotonic_ns()}"
    # An interrupted process leaves files open, which is no harm.
    warnings = {"PYTHONWARNINGS": "default,ignore::ResourceWarning"}
    process = subprocess.Popen(
        [sys.executable, "-m", "curifactory", "other", *FLAGS[on.engine]],
        cwd=on.root,
        env=on.environment(MARK=mark, **warnings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    log = on.root.parent / "bodies.txt"
    try:
        end = time.monotonic() + PATIENCE
        while not log.exists() and process.poll() is None:
            assert time.monotonic() < end, "no call has begun"
            time.sleep(0.01)
        time.sleep(moment)
        send = os.killpg if whole_group else os.kill
        if process.poll() is None:
            send(process.pid, number)
        out, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    end = time.monotonic() + 5
    while relatives(mark.encode()) and time.monotonic() < end:
        time.sleep(0.05)
    assert relatives(mark.encode()) == [], "orphans after five seconds"
    return process.returncode, out


def check_strike(on, number, moment, whole_group=False):
    code, out = strike(on, number, moment, whole_group)
    # A late signal may meet a run that is done, or Python itself on its way out.
    late = (0, -number) if "other-1 done" in out else ()
    assert code in (CODES[number], *late), (code, out)
    assert "Traceback" not in out, out
    result = on.ok("other")
    assert on.value(result, "total") == 140
    if code in (130, 143):
        assert "no report" not in out, out
    if code:
        lines = on.bodies()
        assert len(lines) < 16 + 8, "finished work was repeated"
    return code


def moments(count, seed):
    chosen = random.Random(seed)
    return [chosen.uniform(0, 1.2) for _ in range(count)]


@pytest.mark.parametrize("engine", ["serial", "processes"])
@pytest.mark.parametrize("number", CODES)
def test_a_signal_ends_the_run_and_nothing_is_lost(
    tmp_path, whole_home, engine, number
):
    on = make(tmp_path / "project", whole_home, engine)
    group = number == signal.SIGINT  # as a terminal does
    assert check_strike(on, number, 0.1, group) == CODES[number]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["serial", "processes"])
@pytest.mark.parametrize("number", CODES)
def test_signals_at_random_moments(tmp_path, whole_home, engine, number):
    group = number == signal.SIGINT
    for index, moment in enumerate(moments(17, f"{engine} {number}")):
        on = make(tmp_path / str(index) / "project", whole_home, engine)
        check_strike(on, number, moment, group)


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("number", CODES)
def test_signals_with_other_engines(tmp_path, whole_home, engine, number):
    on = make(tmp_path / "project", whole_home, engine)
    code, out = strike(on, number, 0.3, number == signal.SIGINT)
    assert code == CODES[number], out
    assert engine == "own" or "Traceback" not in LOGGED_BY_DASK.sub("", out), out
    assert on.value(on.ok("other"), "total") == 140


FORKS = """
    @stage(None, ["endings"])
    def fork(record):
        endings = []
        for pause in (0, 0, 0, 0.1):  # at once, and while it waits for something
            child = os.fork()
            if not child:
                time.sleep(60)
            time.sleep(pause)
            os.kill(child, signal.SIGTERM)
            endings.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return endings
    """


def test_processes_that_a_stage_forks_end_as_they_do_elsewhere(tmp_path, whole_home):
    run = "for args in argsets:\n    fork(Record(manager, args))"
    on = make(
        tmp_path / "project", whole_home, "serial", FORKS, run, "[Args(name='a')]"
    )
    result = on.ok("other")
    assert on.value(result, "fork") == [-signal.SIGTERM] * 4
    assert "KeyboardInterrupt" not in result.err


LEFT = """
    @stage(None, ["own"])
    def wait(record):
        subprocess.run("sleep 0.2 & exit 0", shell=True)
        child = os.fork()
        if not child:
            time.sleep(0.5)
            os._exit(0)
        return os.wait()[0] == child
    """


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_a_stage_waits_for_its_own_children_alone(tmp_path, whole_home, engine):
    run = "for args in argsets:\n    wait(Record(manager, args))"
    argset = "[Args(name='a')]"
    on = make(tmp_path / "project", whole_home, engine, LEFT, run, argset)
    assert on.value(on.ok("other"), "wait") is True


@pytest.mark.parametrize(
    "engine",
    ["serial", "processes", *OTHERS],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_stage_has_started_ends_with_it(tmp_path, whole_home, engine, number):
    run = "for args in argsets:\n    wait(Record(manager, args))"
    on = make(tmp_path / "project", whole_home, engine, CHILD, run)
    code, out = strike(on, number, 0.2, number == signal.SIGINT)
    assert code == CODES[number], out
    if engine in ("serial", "processes"):  # whose ends are waited for
        assert list(on.cache.glob(".tmp/*")) == [], "half a result is left"


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_what_a_shell_of_a_stage_has_started_ends_with_it(tmp_path, whole_home, engine):
    run = "for args in argsets:\n    wait(Record(manager, args))"
    child = CHILD.replace('["sleep", "60"]', '"sleep 60; true", shell=True')
    child = child.replace(
        "return child.wait()",
        """try:
            return child.wait()
        finally:
            child.kill()  # as subprocess.run() does""",
    )
    on = make(tmp_path / "project", whole_home, engine, child, run)
    code, out = strike(on, signal.SIGTERM, 0.2, False)
    assert code == 143, out


STOPPED = """
    @stage(None, ["x"])
    def train(record):
        epochs = 0
        note("begin")
        try:
            for epochs in range(1, 21):
                time.sleep(0.05)
        except KeyboardInterrupt:
            note("stopped")
        return epochs
    """


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_stage_returns_that_stops_early_is_no_result(
    tmp_path, whole_home, number
):
    run = "for args in argsets:\n    train(Record(manager, args))"
    on = make(tmp_path / "project", whole_home, "serial", STOPPED, run)
    code, out = strike(on, number, 0.1, False)
    assert (code, on.bodies()) == (CODES[number], ["begin", "stopped"]), out
    assert on.value(on.ok("other"), "train") == 20


IN_C = """
    import hashlib

    @stage(None, ["x"])
    def busy(record):
        subprocess.Popen(["sleep", "60"])
        note("begin")
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)
    """


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stage_that_is_in_c_ends_in_seconds_and_its_call_alone_is_lost(
    tmp_path, whole_home, number
):
    run = "load(Record(manager, argsets[0]))\n    busy(Record(manager, argsets[0]))"
    stages = "    from stages.chain import load\n" + IN_C
    on = make(tmp_path / "project", whole_home, "serial", stages, f"\n    {run}")
    code, out = strike(on, number, 0.1, False)
    assert code == CODES[number], out
    assert "a stage hears no signal: ended, and its call is lost" in out
    on.edit("stages/other.py", "2_000_000_000", "2")
    assert on.ok("other").done() == ["busy n0"]


THREADS = """
    import threading

    @stage(None, ["x"])
    def wait(record):
        threading.Thread(target=threading.Event().wait).start()
        note("begin")
        time.sleep(60)
    """


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["serial", "processes"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_thread_that_a_stage_has_started_holds_no_signal_up(
    tmp_path, whole_home, engine, number
):
    run = "for args in argsets:\n    wait(Record(manager, args))"
    on = make(tmp_path / "project", whole_home, engine, THREADS, run)
    code, out = strike(on, number, 0.2, number == signal.SIGINT)
    assert code == CODES[number], out
    assert "Traceback" not in out, out


STRUCK = """
    from concurrent.futures import ProcessPoolExecutor

    whole = ProcessPoolExecutor.submit


    def struck(*given):
        os.kill(os.getpid(), signal.{name})
        time.sleep(0)  # Python handles signals between two lines
        made = whole(*given)
        print("all its locks are open again")
        return made


    def strike():
        ProcessPoolExecutor.submit = struck

    """


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_lock_of_a_pool_taken(tmp_path, whole_home, number):
    stages = STRUCK.replace("{name}", number.name) + STAGES
    on = make(
        tmp_path / "project", whole_home, "processes", stages, f"\n    strike(){RUN}"
    )
    result = on.run("other")
    assert result.code == CODES[number], result.out + result.err
    assert result.out.count("all its locks are open again") == 1


AGAIN = """
    def strike():
        whole = os.kill

        def struck(*given):
            os.kill = whole
            os.kill(os.getpid(), signal.{name})
            time.sleep(0)
            os.kill(*given)

        os.kill = struck

    """


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["serial", "processes"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_leaves_nothing_that_stages_have_started(
    tmp_path, whole_home, engine, number
):
    """It comes while what they have started is ended because of the first one."""
    stages = AGAIN.replace("{name}", number.name) + CHILD
    run = "strike()\n    for args in argsets:\n        wait(Record(manager, args))"
    on = make(tmp_path / "project", whole_home, engine, stages, f"\n    {run}")
    code, out = strike(on, number, 0.3, whole_group=False)
    assert code == CODES[number], out
    assert "Traceback" not in out, out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_exit_code_holds_where_a_text_is_executed_meanwhile(project, number):
    text = f"import os; os.kill(os.getpid(), {int(number)}); import time; time.sleep(9)"
    project.edit(
        "params/base.py", "def get_params", f"exec({text!r})\n\n\ndef get_params"
    )
    done = subprocess.run(
        [sys.executable, "-m", "curifactory", "run", "study"],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.returncode == CODES[number], done.stderr


def test_a_signal_at_the_very_end_costs_no_history(whole):
    """As while much is written to the index."""
    done = whole.script("""
        import signal

        from curifactory import experiment
        from curifactory.progress import Progress


        class Late(Progress):
            def close(self):
                signal.raise_signal(signal.SIGINT)


        run = experiment.run_experiment("study", progress=Late(quiet=True))
        print(run.exit_code, run.status, run.counts["computed"])
        """)
    assert done.out == "130 interrupted 6\n", done
    assert whole.newest()["status"] == "interrupted"
    assert list(whole.cache.glob(".runs/*")) == []


@pytest.mark.parametrize(
    "module, function", [("manager", "stop"), ("runfile", "write")]
)
def test_a_second_signal_soon_after_the_first_costs_no_history(whole, module, function):
    done = whole.script(f"""
        import signal, sys

        from curifactory import experiment
        from curifactory.progress import Progress


        class Two(Progress):
            def finished(self, *given):
                try:
                    signal.raise_signal(signal.SIGINT)
                finally:  # else Python 3.10 raises within `second`
                    sys.setprofile(second)


        def second(frame, event, _):
            name = frame.f_globals.get("__name__", "")
            at = name == "curifactory.{module}" and frame.f_code.co_name == "{function}"
            if at and event == "call":
                sys.setprofile(None)
                print("second")
                signal.raise_signal(signal.SIGINT)


        try:
            experiment.run_experiment("study", progress=Two(quiet=True))
        except KeyboardInterrupt:
            pass
        """)
    assert "second" in done.out, done
    assert whole.newest()["status"] == "interrupted"
