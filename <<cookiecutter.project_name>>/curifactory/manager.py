"""ArtifactManager: the records of a run, its session, and its place in the history."""

import atexit
import contextlib
import datetime
import functools
import itertools
import operator
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import code, plain, provenance, runfile, settings, sources
from .data import Data
from .decide import Decision
from .engine import Engine
from .errors import RequestError
from .execute import Session, ancestors
from .files import FileDigests, Files
from .index import Index
from .peers import Peers
from .progress import Progress
from .record import Call, Literal, Output, Record, Source
from .request import Request
from .settings import Settings
from .snapshot import Present, Snapshot
from .store import Store
from .survey import Survey
from .task import Place

STATUSES = ("computed", "reused", "skipped", "failed")


class StopMap(BaseException):
    """Ends run() under `map` where it asks for a value that is not known yet."""


class ArtifactManager:
    """Holds the records of one run. Made by hand, it computes after every call.

    With a request, as `experiment` gives it, it computes when it is told to.
    """

    def __init__(
        self,
        experiment_name: str,
        *,
        root: Path | str | None = None,
        project: Settings | None = None,
        progress: Progress | None = None,
        request: Request | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.experiment_name = _checked(experiment_name)
        self.settings = project or _settings_near(root)
        self.progress = progress or Progress(calls=False)
        self.eager = request is None
        self.request = request or Request(
            experiment_name, command=" ".join(sys.argv[:1])
        )
        self.mapping = self.request.map_only
        self.engine = engine or Engine()
        self.records: list[Record[Any]] = []
        self.calls: list[Call] = []
        self.snapshots: list[Snapshot] = []
        self.stopped_at = self.summary = ""
        self._by_name: dict[str, Snapshot | None] = {}
        self.folder: Path | None = None
        self._log: Path | None = None
        self._begin = time.time()
        self._turn = threading.RLock()
        """Threads of a notebook may share a manager: they take turns."""
        self._git: provenance.GitState | None = None
        Files(self.settings.root, self.settings.apart).listen()
        code.look_anew()

    def __getstate__(self) -> None:
        said = "a manager stays in its process: make another where the work is done"
        raise TypeError(f"{said}, ArtifactManager({self.experiment_name!r})")

    @property
    def name(self) -> str:
        """The name of the run, `experiment-number` once it has begun."""
        return self.folder.name if self.folder else self.experiment_name

    @functools.cached_property
    def survey(self) -> Survey:
        """What decides calls; made when it is first needed."""
        store = Store(self.settings.cache, self.say, self.settings.base)
        store.open()
        index = Index(store)
        index.open()
        root = self.settings.root
        digests = FileDigests(root, functools.partial(index.file_digest, root))
        return Survey(store, index, Present(digests), self.request)

    @functools.cached_property
    def session(self) -> Session:
        """What executes calls; made when it is first needed."""
        survey = self.survey
        self._begin_run()
        project = self.settings
        spill = None if self.engine.is_local else Path(survey.store.prepare())
        module = "" if self.eager else project.module_of(self.experiment_name)
        place = Place(project, self.name, spill, module)
        folder = self.folder if self.request.captures else None
        outputs = folder / "output" if folder else None
        peers, progress = Peers(project.cache, self.say), self.progress
        return Session(survey, place, self.engine, peers, progress, self.say, outputs)

    def add(self, call: Call) -> None:
        """Take in a call that a record has made."""
        if not self.eager:
            self._check_name(call.own)
        elif hasattr(sys, "ps1") and not any(code.cell()):
            code.look_anew()  # whoever types may have defined something anew
        with self._turn:
            call.position = len(self.calls)
            self.calls.append(call)
            if self.eager:
                self.session.settle([call])
                if call.failure is not None:
                    raise call.failure.raised()
            elif call.held and self.mapping:
                self.survey.foresee(ancestors(call))
            elif call.held:
                self.session.settle(ancestors(call))

    def _check_name(self, own: Snapshot) -> None:
        """Tell of one name for two contents: the comparison shows them as one."""
        known = self._by_name.setdefault(own.name, own)
        if known not in (own, None) and known.content() != own.content():
            self._by_name[own.name] = None  # told once
            self.say(
                f"two argsets are named {own.name!r}, and the report shows them as one: "
                "args.copy(name='other', ...)"
            )

    def value(self, source: Source) -> Any:
        """Return a value; under `map` only one that is cached."""
        if isinstance(source, Literal):
            return plain.copied(source.value)  # calls go by what it was when given
        if self.mapping:
            return self._foreseen_value(source)
        with self._turn:
            return self.session.value(source)

    def compute(self, *records: Record[Any]) -> None:
        """Compute all calls so far, or those that lead to the given records."""
        for each in records:
            if not isinstance(each, Record):
                given = f"compute() takes records, not a {type(each).__name__}"
                raise RequestError(given, "manager.compute(*records)")
        if self.mapping:
            return
        chosen = self.calls
        if records:
            sources = [s for r in records for s in r.state.sources.values()]
            chosen = ancestors(*(s.call for s in sources if isinstance(s, Output)))
        with self._turn:
            self.session.settle(chosen)

    def check_unchanged(self) -> None:
        """Refuse a change within an argset, or of a constant: calls would not follow."""
        for each in self._snapshots():
            each.check_unchanged()
        code.check_unset()

    def foresee(self) -> list[tuple[Call, Decision]]:
        """Return what would happen to each call, computing nothing."""
        return self.survey.foresee(self.calls)

    def say(self, text: str) -> None:
        """Show a line, and keep it in the log of the run."""
        self.progress.message(text)
        self.log(text)

    def log(self, text: str) -> None:
        """Keep a line in the log of the run, which has one once it has begun."""
        if (path := self._log) is not None:
            line = f"{datetime.datetime.now():%H:%M:%S} {text}\n"
            try:
                with open(path, "a", -1, "utf-8", "backslashreplace") as file:
                    file.write(line)
            except OSError as error:
                self._miss(path, error)

    def _miss(self, path: Path, error: OSError) -> None:
        """Go on without a file of the history: the results do not depend on it."""
        self._log = None
        self.progress.message(f"{path} cannot be written: {error.strerror}")

    def finish(
        self, status: str, exit_code: int, notes: str | None = None
    ) -> dict[str, Any]:
        """Write the run into the history and return what was written.

        What it uses is safe from others all the time: they see it at work until then.
        """
        with contextlib.closing(self):
            self.stop(at_once=status != "done")
            for call in self.calls:
                if call.status not in STATUSES:
                    call.status, call.reason = "skipped", f"the run was {status}"
            content = {**self._summary(status, exit_code), "notes": notes}
            if self.folder is not None:
                path = self.folder / "run.json"
                try:
                    runfile.write(path, content)
                except OSError as error:
                    self._miss(path, error)
                    with contextlib.suppress(OSError):  # half of it would take up room
                        path.with_suffix(".tmp").unlink()
        return content

    def report(self) -> Any:
        """Write the report of what was computed so far; a notebook shows what it returns.

        Raises RequestError in `run()`, and before any stage was called.
        """
        if not self.eager:
            raise RequestError("no report yet: an experiment has its report at its end")
        if not self.calls:
            raise RequestError("no report: no stage was called yet")
        notebook = settings.extra("notebook")
        if notebook is None:
            said = "no report: it needs jinja2 and curifactory/extras"
            raise RequestError(said, "pip install jinja2")
        return notebook.shown(self._summary(*self._outcome()), self.settings)

    generate_report = report
    display_info = display_all_reportables = display_stage_graph = report

    def close(self) -> None:
        """Let go of everything: other runs do not see this one at work any more."""
        self.stop()
        if "session" in vars(self):
            self.session.peers.close()

    def stop(self, *, at_once: bool = False) -> None:
        """Let go of workers, and of the index."""
        if "session" in vars(self):
            self.session.stop(at_once=at_once)
        if "survey" in vars(self):
            self.survey.index.close()

    def let_go(self) -> None:
        """Forget what was made; records and calls refer to each other through this."""
        self.records, self.calls, self.snapshots = [], [], []
        vars(self).pop("session", None)
        vars(self).pop("survey", None)

    def counts(self, calls: Iterable[Call] | None = None) -> dict[str, int]:
        """Return how many calls were computed, reused, skipped and failed."""
        chosen = self.calls if calls is None else calls
        found = Counter(map(operator.attrgetter("status"), chosen))
        return {status: found[status] for status in STATUSES}

    def _foreseen_value(self, source: Output) -> Any:
        """Return a cached value; without it the map ends here."""
        call = source.call
        self.survey.foresee(ancestors(call))
        loaded = Data(self.survey).load(source)
        if loaded is None:
            self.stopped_at = f"{call.stage.label} {call.label}"
            raise StopMap
        return loaded.value

    def _begin_run(self) -> None:
        self.folder = _new_folder(self.settings.runs, self.experiment_name)
        self._git = provenance.GitState(self.settings.root)
        self._log = self.folder / "log.txt"
        self.log(self.request.command)
        if self.eager:
            # By what ended the script: Python keeps that.
            atexit.register(lambda: self.finish(*self._outcome()))
            # Imported at the end, it would hide from Python that Ctrl-C was the end.
            settings.extra("recreate")

    def _outcome(self) -> tuple[str, int]:
        last = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)
        failed = last is not None or any(c.status == "failed" for c in self.calls)
        if isinstance(last, KeyboardInterrupt):
            return "interrupted", 130
        return "failed" if failed else "done", int(failed)

    def _summary(self, status: str, exit_code: int) -> dict[str, Any]:
        if "session" in vars(self):
            self.session.data.follow(self.calls)
        stages = {call.stage for call in self.calls}
        packages = {name for stage in stages for name in stage.code.packages}
        started = datetime.datetime.fromtimestamp(self._begin, datetime.timezone.utc)
        number, project = self.name.rpartition("-")[2], self.settings
        return {
            "schema": runfile.SCHEMA,
            "run": self.name,
            "experiment": self.experiment_name,
            "summary": self.summary,
            "number": int(number) if number.isdigit() else 0,
            "status": status,
            "exit_code": exit_code,
            "command": self.request.command,
            "request": {} if self.eager else self.request._asdict(),
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(time.time() - self._begin, 3),
            "git": self._git.read() if self._git else None,
            "versions": provenance.versions(packages),
            "host": provenance.host(),
            "user": provenance.user(),
            "cpus": os.cpu_count(),
            "cache": os.path.relpath(project.base or project.cache, project.root),
            "argsets": [runfile.argset(each) for each in self._snapshots()],
            "counts": self.counts(),
            "stages": self._stages(),
            "calls": runfile.Entries(self.calls),
        }

    def _snapshots(self) -> Iterable[Snapshot]:
        used = [each.snapshot for each in self.records if each.args is not None]
        return {id(each): each for each in [*self.snapshots, *used]}.values()

    def _stages(self) -> dict[str, Any]:
        by_label: dict[str, list[Call]] = {}
        for call in self.calls:
            by_label.setdefault(call.stage.label, []).append(call)
        return {
            label: {
                "name": calls[0].stage.name,
                "counts": self.counts(calls),
                "seconds": round(sum([call.seconds for call in calls]), 6),
            }
            for label, calls in by_label.items()
        }


def _checked(name: str) -> str:
    """Return the name of an experiment, of which folders are named."""
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w. -]{0,99}", name):
        hint = "use letters, digits, dots and dashes, as in ArtifactManager('baseline')"
        raise RequestError(f"{name!r:.120} is no name of an experiment", hint)
    return name


def _new_folder(parent: Path, name: str) -> Path:
    """Make the next folder `name-number`; two runs never get the same one."""
    pattern = re.compile(re.escape(name) + r"-(\d+)")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        found = (pattern.fullmatch(each) for each in os.listdir(parent))
        last = max((int(match[1]) for match in found if match), default=0)
        for number in itertools.count(last + 1):
            folder = parent / f"{name}-{number}"
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as error:
        hint = "make the folder writable, or name another place in pyproject.toml: "
        hint += '[tool.curifactory] runs = "/a/folder"'
        raise RequestError(f"{parent} cannot be written: {error}", hint) from error
    raise AssertionError


def _settings_near(root: Path | str | None) -> Settings:
    if root is None:
        place = project_at_work()
        hint = f"`pip install -e {place}`, so that its own code is imported"
        settings.refuse_other_runner(place, hint)
    else:
        place = Path(root)
    sources.watch(place)
    return settings.load(place.resolve())


def project_at_work() -> Path:
    """Return the project that this runner belongs to, wherever the script lies.

    A runner that is in no project works for that of the script, or of the current
    folder. What is installed, as a notebook's kernel is, lies in none of its own.
    """
    script = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    installed = {"site-packages", "dist-packages"}
    is_script = script.is_file() and installed.isdisjoint(script.parts)
    own = Path(__file__).resolve().parents[1]
    with contextlib.suppress(RequestError):
        if installed.isdisjoint(own.parts) and settings.find_root(own) == own:
            return own
    for start in [script.parent] * is_script + [Path.cwd()]:
        with contextlib.suppress(RequestError):
            return settings.find_root(start)
    return Path.cwd()
