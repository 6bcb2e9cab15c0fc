"""Several runs on one cache: each call is computed once, no entry of the history is lost."""

import collections
import contextlib
import errno
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from servers import PATIENCE

from curifactory import folders, hashing, provenance
from curifactory import index as indices
from curifactory.errors import CurifactoryError
from curifactory.files import FINE, RACY
from curifactory.index import Index
from curifactory.peers import Peers
from curifactory.provenance import system
from curifactory.store import Store
from curifactory.trace import Trace, after

NO_SPACE = os.strerror(errno.ENOSPC)
STAGES = """
    import os
    import signal
    import time

    from curifactory import aggregate, stage


    def body(name, record):
        if os.environ.get("DIES") == os.environ["ROUND"]:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.003)
        seed = record.args.seed if record.args else os.environ["ROUND"]
        with open(os.environ["LOG"], "a") as file:
            file.write(f"{name} {seed}\\n")


    @stage(None, ["data"])
    def load(record):
        body("load", record)
        return [record.args.seed, 1]


    @stage(["data"], ["model"])
    def fit(record, data):
        body("fit", record)
        return {"sum": sum(data) * 10 + record.args.seed}


    @stage(["model"], ["score"])
    def score(record, model):
        body("score", record)
        return model["sum"] + record.args.seed
    """
WORKER = """
    import json
    import os
    import random
    import signal
    import sys
    import time
    from pathlib import Path

    number, rounds, meeting = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    deaths = json.loads(sys.argv[4])
    chance = random.Random(number)
    if str(number) in deaths:
        os.environ["DIES"] = str(deaths[str(number)])

    import params.base
    from curifactory import experiment


    def fail(*details):
        (meeting / "failed").touch()  # nobody waits for this one
        sys.__excepthook__(*details)


    sys.excepthook = fail


    def wait_for_others(round):
        (meeting / f"{round}-{number}").touch()
        expected = 8 - sum(death < round for death in deaths.values())
        while len(list(meeting.glob(f"{round}-*"))) < expected:
            assert not (meeting / "failed").exists(), "another worker has failed"
            time.sleep(0.005)


    for round in range(rounds):
        os.environ["ROUND"] = str(round)
        params.base.seeds = [round * 100 + i for i in range(6)]
        chance.shuffle(params.base.seeds)
        del params.base.seeds[4:]
        wait_for_others(round)
        run = experiment.run_experiment("study", report=False)
        failed = [call["error"] for call in run.content["calls"] if "error" in call]
        assert run.exit_code == 0, failed
        for record in run.records:
            assert record.state["score"] == record.args.seed * 12 + 10
        if os.environ.get("DIES") == str(round):
            os.kill(os.getpid(), signal.SIGKILL)
    """


def run_eight(project, tmp_path, rounds, deaths=()):
    """Run eight processes at a time; return how often each body was executed."""
    project.write({"stages/chain.py": STAGES, "worker.py": WORKER})
    project.write(
        {
            "params/base.py": """
                from params import Args

                seeds = []


                def get_params():
                    return [Args(name=f"s{seed}", seed=seed) for seed in seeds]
                """,
            "experiments/study.py": """
                from curifactory import Record
                from stages.chain import fit, load, score

                DEFAULT_PARAMS = ["base"]


                def run(argsets, manager):
                    for args in argsets:
                        score(fit(load(Record(manager, args))))
                """,
        }
    )
    meeting, log = tmp_path / "meeting", tmp_path / "log.txt"
    meeting.mkdir()
    given = [str(rounds), str(meeting), json.dumps(dict(deaths))]
    processes = [
        subprocess.Popen(
            [sys.executable, "worker.py", str(number), *given],
            cwd=project.root,
            env=project.environment(LOG=str(log)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(8)
    ]
    try:
        said = [process.communicate(timeout=3 * PATIENCE)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    codes = [process.returncode for process in processes]
    expected = [-signal.SIGKILL if number in dict(deaths) else 0 for number in range(8)]
    assert codes == expected, "\n".join(said)
    return collections.Counter(log.read_text().splitlines())


def history(project):
    found = [
        json.loads(p.read_text()) for p in project.root.glob("data/runs/*/run.json")
    ]
    return sorted(run["number"] for run in found)


ROUNDS = [2, pytest.param(20, marks=pytest.mark.slow)]


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.slow
def test_eight_runs_at_a_time_compute_each_call_once(project, tmp_path, rounds):
    executed = run_eight(project, tmp_path, rounds)
    assert set(executed.values()) == {1}
    assert len(executed) <= rounds * 18
    assert history(project) == list(range(1, 8 * rounds + 1))
    assert list(project.cache.glob(".claims/*")) == []
    assert list(project.cache.glob(".runs/*")) == []


@pytest.mark.slow
def test_claims_of_killed_runs_are_taken_over(project, tmp_path):
    executed = run_eight(project, tmp_path, 8, {0: 1, 1: 2, 2: 3, 3: 3, 4: 5})
    assert set(executed.values()) == {1}
    assert len(history(project)) >= 8 * 8 - (7 + 6 + 5 + 5 + 3)


def test_a_folder_may_be_made_by_another_run_at_any_moment(tmp_path):
    store = Store(tmp_path, print)
    gate = threading.Barrier(2, timeout=PATIENCE)
    stages = [f"stage-{number}" for number in range(300)]

    def make():
        for stage in stages:
            gate.wait()
            (tmp_path / stage).mkdir()

    other = threading.Thread(target=make, daemon=True)
    other.start()
    refused = []
    for stage in stages:
        gate.wait()
        try:
            store.prepare(stage)
        except CurifactoryError as error:
            refused.append(str(error))
    other.join()
    assert refused == []


def test_a_folder_that_goes_while_its_name_is_asked_for_costs_no_result(
    look, trace_of, monkeypatch
):
    store = look().store
    appear = folders.appear

    def appear_late(folder, place):
        monkeypatch.setattr(folders, "appear", appear)
        raise OSError(errno.ENOTEMPTY, "gc removes that very folder now")

    monkeypatch.setattr(folders, "appear", appear_late)
    assert store.read(trace_of(store, "a").folder) is not None


def test_two_runs_may_commit_the_first_results_of_a_stage_at_a_time(tmp_path):
    store = Store(tmp_path, print)
    gate = threading.Barrier(2, timeout=PATIENCE)
    failed = []

    def commit(who):
        for number in range(300):
            folder = store.prepare()
            gate.wait()
            try:
                folders.appear(folder, str(tmp_path / f"stage-{number}" / who))
            except OSError as error:
                failed.append(error)

    runs = [
        threading.Thread(target=commit, args=(who,), daemon=True)
        for who in ("one", "two")
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert failed == []


# One run among others ---------------------------------------------------------------


@pytest.fixture
def meet(tmp_path):
    """Make runs on one cache, and let them end."""
    made = []

    def meet():
        made.append(Peers(tmp_path, print))
        return made[-1]

    yield meet
    for each in made:
        each.close()


def test_a_call_is_claimed_by_one_run_at_a_time(meet):
    first, second = meet(), meet()
    assert first.take("call")
    assert not second.take("call")
    first.release("call")
    assert second.take("call")
    assert not first.take("call")


def test_a_run_hears_once_what_others_made_and_never_what_they_use(meet):
    first, second = meet(), meet()
    first.take("one")
    first.use("stage/used")
    first.announce("stage/made")
    second.take("two")
    assert [each for each in second.news() if each] == ["stage/made"]
    first.announce("stage/later")
    assert list(second.news()) == ["stage/later"]
    assert list(second.news()) == []
    assert second.in_use() == {"stage/made", "stage/used", "stage/later"}


def test_of_a_run_that_uses_data_and_one_that_deletes_it_one_knows_of_the_other(meet):
    first, second, gc = meet(), meet(), meet()
    first.use("stage/used")
    first.take("one")
    list(first.news())
    assert gc.withdraw(["stage/used", "stage/free"]) == {"stage/free"}
    assert {"-stage/used", "-stage/free"} <= set(first.news())
    second.use("stage/free")  # it is too late for that
    second.take("two")
    assert {"-stage/used", "-stage/free"} <= set(second.news())
    assert gc.in_use() == {"stage/used", "stage/free"}
    assert first.in_use() == {"stage/free"}, "what is deleted is not in use"


def test_a_run_hears_that_others_have_ended(meet):
    first, second = meet(), meet()
    second.take("two")
    list(second.news())
    first.take("one")
    first.announce("stage/made")
    first.close()
    assert "" in list(second.news())


def test_the_claims_of_an_ended_run_are_free(meet):
    first, second = meet(), meet()
    first.take("call")
    first.close()
    assert second.take("call")


def stand_still(folder, then=None):
    """Give a folder the time stamp that it had, or one of long ago; return that."""
    is_old = then is None
    then = then or folder.stat().st_mtime_ns - 10**10
    os.utime(folder, ns=(then, then))
    if is_old:
        time.sleep(RACY * FINE)  # that it was given this is a change as well
    return then


def test_a_run_that_ended_with_news_that_nobody_heard_is_noticed(meet, tmp_path):
    first, second = meet(), meet()
    first.take("one")
    second.take("two")
    then = stand_still(tmp_path / ".runs")
    assert list(second.news()) == [""]
    first.announce("stage/made")
    first.close()
    stand_still(tmp_path / ".runs", then)  # it ended after the look at the folder
    assert list(second.news()) == [""]


@pytest.mark.parametrize("racy_at_the_next_look", [1000, 0])
def test_a_run_that_came_within_one_tick_of_the_clock_is_heard(
    meet, tmp_path, monkeypatch, racy_at_the_next_look
):
    first, second = meet(), meet()
    second.take("two")
    monkeypatch.setattr("curifactory.files.RACY", 1000)
    assert list(second.news()) == [""]
    then = (tmp_path / ".runs").stat().st_mtime_ns
    first.take("one")
    first.announce("stage/made")
    stand_still(tmp_path / ".runs", then)
    monkeypatch.setattr("curifactory.files.RACY", racy_at_the_next_look)
    assert list(second.news()) == ["", "stage/made"]
    assert list(second.news()) == []


def test_a_claim_made_anew_while_another_run_looked_stays_where_it_is(
    meet, tmp_path, monkeypatch
):
    ended, owner, late, third = (meet() for _ in range(4))
    for each in (owner, late, third):
        each.take(each.name)
    ended.take("call")
    name = ended.name

    def is_dead(other):
        """Be slow: the run has ended, and another has claimed the call meanwhile."""
        if other != name:
            return Peers._is_dead(late, other)
        ended.close()
        assert owner.take("call")
        return True

    def watched(function):
        def change(*given, **known):
            function(*given, **known)
            assert not owner.holds("call") or not third.take("call")

        return change

    with monkeypatch.context() as patch:
        patch.setattr(late, "_is_dead", is_dead)
        for change in ("rename", "unlink", "replace"):
            patch.setattr(os, change, watched(getattr(os, change)))
        assert not late.take("call")
    assert not third.take("call")
    owner.release("call")
    assert late.take("call")


def test_a_run_that_others_took_for_dead_comes_back_with_all_it_said(meet, tmp_path):
    run, other = meet(), meet()
    run.take("one")
    run.use("stage/used")
    run.announce("stage/made")
    (tmp_path / ".runs" / run.name).unlink()
    assert run.take("two") and not other.take("two")
    assert other.in_use() == {"stage/used", "stage/made"}
    assert run.others() == [other.name]


def test_a_run_that_ends_and_works_again_is_another_one(meet):
    run = meet()
    run.take("call")
    name = run.name
    run.close()
    assert run.take("call") and run.name != name


def test_a_run_does_not_wait_for_itself_as_it_was_called_before(meet, tmp_path):
    run = meet()
    run.take("call")
    copy = shutil.copytree(tmp_path, tmp_path.parent / "copy")
    run.close()
    shutil.copytree(copy, tmp_path, dirs_exist_ok=True)  # as a backup is
    assert run.take("call")


# What an index shows to other runs ---------------------------------------------------


@pytest.fixture
def trace_of():
    def trace_of(store, label):
        """Commit a trace that has read one thing."""
        node = after("group", "a:seed", "digest of " + label)
        reads = [["a:seed", "digest of " + label, "3"]]
        trace = Trace("stages.fit", label, "group", node, "code", [], reads, [])
        return store.commit(store.prepare(), trace, {}, 0.0)

    return trace_of


@pytest.fixture
def look(tmp_path):
    """Make indices of one cache, as different runs have them."""
    made = []

    def look():
        store = Store(tmp_path, print)
        made.append(Index(store))
        return made[-1]

    yield look
    for each in made:
        each.close()


def found(index, trace):
    return index.trace("stages.fit", trace.node), index.steps("stages.fit", "group")


def test_whether_a_result_is_outdated_costs_as_much_for_each_of_many(look, trace_of):
    def cost(count):
        """Return how many steps of Python all of them take."""
        traces = [trace_of(look().store, f"b{number}") for number in range(count)]
        index, steps = look(), collections.Counter()
        assert found(index, traces[0])[0] and not index.is_outdated(traces[0])
        sys.setprofile(lambda frame, event, detail: steps.update([event]))
        try:
            assert not any(map(index.is_outdated, traces))
        finally:
            sys.setprofile(None)
        return steps.total()

    few = cost(50)
    assert cost(200) < 6 * few


def test_what_is_asked_often_is_read_whole_unless_it_is_very_much(
    look, trace_of, monkeypatch
):
    monkeypatch.setattr(indices, "PATIENCE", 5)
    traces = [trace_of(look().store, f"a{number}") for number in range(30)]
    found(look(), traces[0])  # from now on the index has them all
    # For each limit, from which round on nothing is asked of SQLite any more.
    for many, first in {30: 1, 3: 3, 2: None}.items():
        monkeypatch.setattr(indices, "MANY", many)
        index, asked = look(), []
        for trace in traces:
            statements = []
            index.connection.set_trace_callback(statements.append)
            assert found(index, trace) == (trace, ["a:seed"])
            asked.append(len(statements))
        quiet = next((n for n in range(30) if not any(asked[n:])), None)
        assert quiet == first, asked


def test_a_trace_appears_to_other_runs_together_with_its_steps(
    look, trace_of, monkeypatch
):
    writer = look()
    trace = trace_of(writer.store, "a")
    seen = []
    real = Index._write

    def write(self, *changes):
        real(self, *changes)
        if self is writer:
            seen.append(found(look(), trace))

    monkeypatch.setattr(Index, "_write", write)
    writer.add(trace)
    writer.flush()
    assert seen and all(len(steps) == 1 for _, steps in seen)


def test_a_stage_counts_as_compared_when_its_traces_can_be_found(
    look, trace_of, tmp_path
):
    writer, reader = look(), look()
    trace = trace_of(writer.store, "a")
    writer.add(trace)
    stand_still(tmp_path / "stages.fit")
    writer.folders("stages.fit")
    trace_found, steps = found(reader, trace)
    assert trace_found is not None and trace_found.folder == trace.folder
    assert steps == ["a:seed"]


# Runs that were killed --------------------------------------------------------------


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave_behind(cache, name, age):
    """What a run leaves that was killed some seconds ago."""
    for folder in (".runs", ".claims"):
        (cache / folder).mkdir(exist_ok=True)
    journal = cache / ".runs" / name
    journal.write_text(f"{name}\n+stage/made\n")
    os.link(journal, cache / ".claims" / "call")
    then = time.time() - age
    os.utime(journal, (then, then))


def test_the_claim_of_a_killed_process_of_this_host_is_taken_over_at_once(
    meet, tmp_path
):
    leave_behind(tmp_path, f"{system()}-{dead_pid()}-0", age=0)
    me = meet()
    assert me.take("call") and me.disputed == set()


def test_a_run_and_one_that_was_stopped_meanwhile_share_no_checkpoints(project):
    """The one that took the call over goes on beside the other."""
    body = "print(record.scratch, file=open('../paths.txt', 'a')); 1 / 0"
    project.edit("stages/chain.py", "return [1, 2, 3]", body)
    text = """
        from curifactory import execute, peers
        from curifactory.cli import main

        begin = execute.Session._begin

        def dispute(self, call, claim=""):
            self.peers.disputed.add(claim)
            begin(self, call, claim)

        main(["study", "--quiet"])
        execute.Session._begin = dispute
        main(["study", "--quiet"])
        """
    project.script(text)
    one, two = (project.root.parent / "paths.txt").read_text().split()
    assert one != two


def test_the_claims_of_a_killed_process_are_gone_once_another_run_works(meet, tmp_path):
    leave_behind(tmp_path, f"{system()}-{dead_pid()}-0", age=0)
    other = meet()
    assert other.take("of its own")
    assert [path.name for path in (tmp_path / ".claims").iterdir()] == ["of its own"]


@pytest.mark.parametrize(
    "text", ["a/b-1-2", "x\0y-1-2", f"{300 * 'a'}-1-2", "a - b - c"]
)
def test_files_of_somebody_else_among_the_claims_are_left_alone(meet, tmp_path, text):
    (tmp_path / ".claims").mkdir()
    (tmp_path / ".claims" / "notes").write_text(text)
    assert meet().take("call")
    assert {each.name for each in (tmp_path / ".claims").iterdir()} == {"notes", "call"}


def test_the_claim_of_another_host_is_taken_over_when_it_shows_no_life(meet, tmp_path):
    leave_behind(tmp_path, "other.host-1-0", age=90)
    assert meet().take("call")
    assert not (tmp_path / ".runs" / "other.host-1-0").exists()


@pytest.mark.parametrize("host", ["other.host", f"{socket.gethostname()}.0a"])
def test_the_claim_of_another_host_is_kept_while_it_shows_life(meet, tmp_path, host):
    leave_behind(tmp_path, f"{host}-{dead_pid()}-0", age=30)
    assert not meet().take("call")
    assert (tmp_path / ".claims" / "call").exists()


@pytest.mark.parametrize("is_alive", [False, True])
def test_the_claim_of_a_clock_that_was_ahead_is_kept_while_it_shows_life(
    meet, tmp_path, monkeypatch, is_alive
):
    leave_behind(tmp_path, "other.host-1-0", age=-5 * 3600)
    me = meet()
    assert not me.take("call")
    later = time.monotonic() + 90
    monkeypatch.setattr(time, "monotonic", lambda: later)
    if is_alive:
        soon = time.time() + 5 * 3600 + 90
        os.utime(tmp_path / ".runs" / "other.host-1-0", (soon, soon))
    assert me.take("call") is not is_alive


@pytest.fixture
def asleep():
    """A process that does nothing."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate()


@pytest.mark.parametrize("wakes_up", [False, True])
def test_a_process_that_is_stopped_for_long_loses_its_claim(
    meet, tmp_path, monkeypatch, asleep, wakes_up
):
    """Unless it had slept with the machine: it gets time for a sign of life."""
    name = f"{system()}-{asleep}-99"
    leave_behind(tmp_path, name, age=90)
    me = meet()
    assert not me.take("call")
    later = time.monotonic() + 30
    monkeypatch.setattr(time, "monotonic", lambda: later)
    if wakes_up:
        os.utime(tmp_path / ".runs" / name)
    assert me.take("call") is not wakes_up
    assert me.disputed == (set() if wakes_up else {"call"}), "it may go on"
    me.release("call")
    assert me.disputed == set()


def test_a_claim_that_was_taken_over_is_not_given_back_by_its_first_owner(
    meet, tmp_path, monkeypatch
):
    first, second = meet(), meet()
    assert first.take("call")
    (tmp_path / ".claims" / "call").unlink()
    assert second.take("call")
    later = time.time() + 90
    monkeypatch.setattr(time, "time", lambda: later)
    first.release("call")
    assert not first.holds("call") and not meet().take("call")
    second.release("call")
    assert meet().take("call")


def test_the_claim_of_a_killed_process_that_had_our_number_is_taken_over(
    meet, tmp_path
):
    """As in a container that is started again, where every run is process 1."""
    leave_behind(tmp_path, f"{system()}-{os.getpid()}-99", age=0)
    assert meet().take("call")


def test_folders_of_a_killed_process_that_had_our_number_stand_in_no_way(tmp_path):
    store = Store(tmp_path, print)
    stem, _, number = store.prepare().rpartition("-")
    for more in (1, 2):
        os.mkdir(f"{stem}-{int(number) + more}")
    assert store.prepare() == f"{stem}-{int(number) + 3}"


def test_what_was_committed_before_a_run_was_killed_is_found(meet, look, trace_of):
    """It had no time to announce it."""
    me, index = meet(), look()
    index.folders("stages.fit")
    me.take("mine")
    list(me.news())
    leave_behind(me.runs.parent, f"{system()}-{dead_pid()}-0", age=0)
    stand_still(me.runs)
    list(me.news())
    trace_of(index.store, "a")
    assert me.take("call")
    assert list(me.news())[:1] == [""]


def test_a_claim_is_given_back_where_a_call_was_not_begun(project):
    """By Ctrl-C, say: a notebook goes on, and so may others."""
    text = """
        import os
        from curifactory import ArtifactManager, Record
        from curifactory.survey import Survey
        from stages.chain import load

        def interrupted(self, call):
            raise KeyboardInterrupt

        similar, Survey.similar = Survey.similar, interrupted
        try:
            load(Record(ArtifactManager("study"), None))
        except KeyboardInterrupt:
            print(os.listdir("data/cache/.claims"))
        Survey.similar = similar
        """
    assert project.script(text).out.startswith("[]")


def test_a_claim_is_given_back_before_somebody_looks_at_the_failure(project):
    project.edit("src/helpers.py", "2 * x", "2 / 0")
    text = """
        import os
        import pdb
        from curifactory.cli import main

        pdb.post_mortem = lambda _: print("claims", os.listdir("data/cache/.claims"))
        main(["study", "--pdb", "--quiet"])
        """
    assert "claims []\n" in project.script(text).out


def test_a_run_does_not_use_data_that_is_about_to_be_deleted(whole):
    """It makes it again, and is not given a folder that is emptied meanwhile."""
    value = whole.value(whole.ok(), "score", "a")
    script = """
        from pathlib import Path

        from curifactory import cli, peers

        gc = peers.Peers(Path("data/cache"), print)
        gc.withdraw(
            path.parent.as_posix().removeprefix("data/cache/")
            for path in Path("data/cache").glob("*.load/*/*")
        )
        cli.main(["study", "--overwrite-stage", "fit", "--verbose"])
        """
    result = whole.script(script)
    assert "computed load" in result.err, result
    assert whole.value(result, "score", "a") == value


@pytest.mark.slow
def test_data_that_was_deleted_is_made_again_by_one_of_two_runs(whole):
    """In turns: they would write the same checkpoints, too."""
    body = 'print("x", file=open("../log.txt", "a")); time.sleep(1); return [1, 2, 3]'
    whole.edit("stages/chain.py", "return [1, 2, 3]", f"import time; {body}")
    whole.ok()
    whole.ok("cache", "gc", "--keep-runs", "0")
    command = [sys.executable, "-m", "curifactory", "study", "--quiet"]
    runs = [
        subprocess.Popen(
            [*command, "--overwrite-stage", "fit"],
            cwd=whole.root,
            env=whole.environment(),
        )
        for _ in range(2)
    ]
    assert [run.wait(timeout=PATIENCE) for run in runs] == [0, 0]
    assert len((whole.root.parent / "log.txt").read_text().split()) == 2


# The index beside other runs --------------------------------------------------------


def test_an_index_that_another_run_made_anew_is_used_on(look, trace_of, capsys):
    mine = look()
    old = trace_of(mine.store, "a")
    assert found(mine, old)[0] is not None
    other = look()
    other.rebuild()
    assert found(other, old)[0] is not None
    new = trace_of(mine.store, "b")
    mine.add(new)
    mine.flush()
    assert mine.place != indices.MEMORY and capsys.readouterr().out == ""
    late = look()
    assert found(late, old)[0] is not None and found(late, new)[0] is not None


def test_what_a_run_has_dropped_is_looked_for_again_by_the_next(
    look, trace_of, tmp_path
):
    first = look()
    trace = trace_of(first.store, "a")
    stand_still(tmp_path / "stages.fit")
    assert first.folders("stages.fit") == {trace.folder}
    first.close()
    second = look()
    assert second.folders("stages.fit") == {trace.folder}
    second.forget([trace.folder])
    second.close()
    assert look().folders("stages.fit") == {trace.folder}


def test_results_are_found_where_an_older_cache_was_copied_over_them_with_its_times(
    look, trace_of, tmp_path
):
    first = look()
    traces = [trace_of(first.store, "a")]
    stand_still(tmp_path / "stages.fit")
    assert first.folders("stages.fit") == {traces[0].folder}
    first.close()
    older = shutil.copytree(tmp_path, tmp_path.parent / "older")
    traces.append(trace_of(first.store, "b"))
    second = look()
    assert len(second.folders("stages.fit")) == 2
    second.close()
    shutil.copytree(older, tmp_path, dirs_exist_ok=True)
    assert look().folders("stages.fit") == {each.folder for each in traces}


def test_an_index_that_is_made_anew_is_not_said_to_hold_what_it_held_before(
    look, trace_of, tmp_path
):
    first = look()
    trace = trace_of(first.store, "a")
    stand_still(tmp_path / "stages.fit")
    assert first.folders("stages.fit") == {trace.folder}
    first.refresh()  # another run has ended
    first.rebuild()  # and the file turns out to be damaged
    assert first.folders("stages.score") == set()
    first.close()
    assert look().folders("stages.fit") == {trace.folder}


def test_others_write_while_a_large_file_is_read(look, tmp_path, monkeypatch):
    index = look()
    index.open()

    def hash_file(path):
        with contextlib.closing(sqlite3.connect(index.place, timeout=0)) as other:
            other.execute("BEGIN EXCLUSIVE")
        return "digest"

    monkeypatch.setattr(hashing, "hash_file", hash_file)
    index.folders("stages.fit")
    assert index.file_digest(tmp_path, "big", (1, 10**18), 1) == "digest"


@pytest.mark.parametrize("left", ["", "vm.82963db", "vm.8-1-0", "\0" * 20, "/x-1-0"])
@pytest.mark.parametrize("age", [30, 90])
def test_a_claim_that_was_cut_short_is_taken_over_when_it_is_old(
    meet, tmp_path, left, age
):
    (tmp_path / ".claims").mkdir()
    claim = tmp_path / ".claims" / "call"
    claim.write_text(left)
    then = time.time() - age
    os.utime(claim, (then, then))
    is_whole = left == "vm.8-1-0"  # of a run that has no journal any more
    assert meet().take("call") is (age > 60 or is_whole)


def test_a_claim_that_others_have_taken_over_is_let_go_of(meet, tmp_path):
    mine, other = meet(), meet()
    assert mine.take("call") and mine.take("more") and not mine.has_lost("call")
    assert not mine.has_lost("")
    (tmp_path / ".claims" / "call").unlink()
    assert other.take("call")
    assert mine.has_lost("call") and not mine.holds("call")
    mine.release("call")
    assert not other.has_lost("call") and mine.holds("more")
    mine._held.clear()  # as where it could not be read whose a claim is
    assert mine.take("more") and mine.holds("more")


def test_one_of_many_takes_a_stale_claim_over(meet, tmp_path):
    for number in range(50):
        leave_behind(tmp_path, f"{system()}-{dead_pid()}-{number}", age=0)
        runs = [meet() for _ in range(4)]
        random.shuffle(runs)
        assert [each.take("call") for each in runs].count(True) == 1
        for each in runs:
            each.close()
        if number == 3:
            break


def test_files_of_somebody_else_among_the_journals_are_left_alone(meet, tmp_path):
    (tmp_path / ".runs").mkdir()
    (tmp_path / ".runs" / "notes.txt").write_text("mine")
    run = meet()
    assert run.take("call")
    assert [each for each in run.news() if each] == []
    assert (tmp_path / ".runs" / "notes.txt").exists()


@pytest.mark.parametrize("name", [".runs", ".claims"])
def test_where_no_claim_can_be_made_a_run_goes_on_alone(tmp_path, name):
    (tmp_path / name).write_text("a file where a folder should be")
    said = []
    run = Peers(tmp_path, said.append)
    assert run.take("call") and run.take("call")
    run.use("stage/used")
    run.announce("stage/made")
    assert list(run.news()) == []
    run.release("call")
    run.close()
    assert len(said) == 1 and "no claims" in said[0]


def test_of_two_runs_that_finish_the_same_call_the_first_commit_counts(project):
    project.edit(
        "stages/chain.py",
        "        return [1, 2, 3]".removeprefix("    "),
        "    import os\n    import time\n    from pathlib import Path\n\n"
        '    Path(f"begun-{os.getpid()}").touch()\n'
        '    while len(list(Path().glob("begun-*"))) < 2:\n'
        "        time.sleep(0.001)\n"
        "    return [os.getpid()]",
    )
    project.cache.mkdir(parents=True)
    (project.cache / ".claims").write_text("no claims can be made here")
    command = [sys.executable, "-m", "curifactory", "study", "--quiet"]
    runs = [
        subprocess.Popen(command, cwd=project.root, env=project.environment())
        for _ in range(2)
    ]
    assert [run.wait(timeout=PATIENCE) for run in runs] == [0, 0]
    loads = list(project.cache.glob("stages.chain.load/*/data.json"))
    assert len(loads) == 1
    used = [
        json.loads(path.read_text())["calls"][0]["folder"]
        for path in project.root.glob("data/runs/*/run.json")
    ]
    assert used == [str(loads[0].parent.relative_to(project.cache))] * 2


def test_a_file_of_another_checkout_is_another_file(look, tmp_path):
    long_ago = 6, 1_000_000_000  # as one archive, or one moment, made them
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "data.txt").write_text(f"{number} 2 3\n")
    for _ in range(2):  # as it is read, and as the index knows it
        index = look()
        first, second = (
            index.file_digest(tmp_path / number, "data.txt", long_ago, 1)
            for number in "12"
        )
        assert first != second
        index.close()


def test_versions_of_a_file_that_were_made_at_once_are_told_apart(look, tmp_path):
    """As a link leads to one, then to the other: neither file is touched by that."""
    long_ago = 1, 1_000_000_000
    for _ in range(2):
        index, found = look(), []
        for number in (1, 2, 2):
            (tmp_path / "data.txt").write_text(str(number))
            found.append(index.file_digest(tmp_path, "data.txt", long_ago, number))
        assert found[0] != found[1] == found[2]
        index.close()


def test_the_name_of_a_project_need_not_be_a_text(look, tmp_path):
    root = tmp_path / os.fsdecode(b"\xff")
    root.mkdir()
    (root / "data.txt").write_text("1")
    digest = look().file_digest(root, "data.txt", (1, 1_000_000_000), 1)
    assert digest == hashing.hash_file(root / "data.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_claim_is_not_lost_because_too_many_files_are_open(tmp_path):
    import resource

    mine = Peers(tmp_path, print)
    assert mine.take("call")
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            open(__file__).close()
        assert not mine.has_lost("call") and mine.holds("call")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (least, most))
    mine.close()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_run_whose_name_does_not_fit_on_the_disk_goes_on_alone(tmp_path):
    import resource

    told = []
    mine = Peers(tmp_path, told.append)
    least, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, most))
    try:
        assert mine.take("call")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (least, most))
    assert told == [f"no claims on calls: {tmp_path} cannot be written ({NO_SPACE})"]
    assert not list((tmp_path / ".runs").iterdir())


def test_a_run_that_can_start_no_thread_goes_on_alone(tmp_path, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    told = []
    mine = Peers(tmp_path, told.append)
    assert mine.take("call") and mine.take("other")
    mine.close()
    assert len(told) == 1 and "can't start new thread" in told[0]
    assert provenance.GitState(tmp_path).read() is None
