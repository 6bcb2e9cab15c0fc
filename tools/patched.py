"""Tries mutants in forks of one test session: a function gets the code of its mutant."""

import ast
import inspect
import os
import shutil
import signal
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest


class Trials:
    """A plugin that collects tests once; what is to be tried then is up to `use`."""

    def __init__(
        self, module: str, use: Callable[["Trials"], None], *, is_apart: bool
    ) -> None:
        self.module = module
        self.is_apart = is_apart
        """Whether the tests use the module in other processes: in forks, or anew."""
        self.use = use
        self.items: list[Any] = []
        self.covering: dict[str, list[Any]] = {}
        self.source = ""
        self.seconds = 10.0
        """After which a trial counts as hanging: many times what all tests take."""
        self.is_judging = False

    def pytest_runtestloop(self, session: Any) -> bool:
        self.items = list(session.items)
        self.covering = self._covering()
        self.source = ast.unparse(ast.parse(self._place().read_text("utf-8")))
        self.use(self)
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        if self.is_judging and report.failed:
            os._exit(1)

    def notices(self, function: str, source: str) -> bool:
        """Return whether a test that runs a function fails when it has other code."""
        made = self._replacement(function, source)
        if made is None:
            return False
        target, code = made
        items = self.covering.get("" if self.is_apart else target.__qualname__, [])
        if not items:
            return False

        def judge() -> None:
            for cached in _caches(vars(self._live())):
                cached.cache_clear()
            target.__code__ = code
            self._judge(items)

        return not succeeds(judge, self.seconds)

    def _judge(self, items: list[Any]) -> None:
        self.is_judging = True
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def _live(self) -> types.ModuleType:
        return sys.modules[f"curifactory.{self.module}"]

    def _place(self) -> Path:
        return Path(str(self._live().__file__))

    def _replacement(
        self, name: str, source: str
    ) -> tuple[types.FunctionType, types.CodeType] | None:
        """Return a function and its code in the mutant; None if that is the same."""
        while name and _function_at(self._live(), name) is None:
            name = name.rpartition(".")[0]  # a function within another
        place = str(self._place())
        before, after = (
            [code for n, code in _codes(compile(text, place, "exec"), "") if n == name]
            for text in (self.source, source)
        )
        target = _function_at(self._live(), name)
        if target is None or len(after) != 1 or before == after:
            return None
        is_alike = after[0].co_freevars == target.__code__.co_freevars
        return (target, after[0]) if is_alike else None

    def _covering(self) -> dict[str, list[Any]]:
        """Return the tests that run each function in this process, the fast ones first.

        Tests with the same fixtures stay together. All tests may run the function "".
        """
        reading, writing = os.pipe()
        if not (child := os.fork()):
            _be_silent()
            with os.fdopen(writing, "w") as file:
                for number, seconds, names in self._traced():
                    print(number, seconds, *names, sep="\t", file=file)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as file:
            rows = [line.rstrip("\n").split("\t") for line in file]
        os.waitpid(child, 0)
        self.seconds += 3 * sum(float(seconds) for _, seconds, *_ in rows)
        slowest: dict[str, float] = {}
        for (_, seconds, *_), item in zip(rows, self.items, strict=True):
            group = _group(item)
            slowest[group] = max(float(seconds), slowest.get(group, 0.0))
        found: dict[str, list[Any]] = {}
        pairs = zip(self.items, rows, strict=True)
        for item, row in sorted(pairs, key=lambda pair: slowest[_group(pair[0])]):
            for name in ("", *row[2:]):
                found.setdefault(name, []).append(item)
        return found

    def _traced(self) -> Iterator[tuple[int, float, set[str]]]:
        place = "" if self.is_apart else str(self._place())
        names = {} if self.is_apart else _names_of(place)
        for each in vars(self._live()).values():
            if isinstance(each, types.FunctionType):
                vars(each)["__cantrace__"] = True  # also where it is an audit hook
        following = [*self.items[1:], None]
        for number, (item, after) in enumerate(zip(self.items, following, strict=True)):
            seen: set[str] = set()

            def note(
                frame: types.FrameType, event: str, _: object, seen: set[str] = seen
            ) -> None:
                if event == "call" and frame.f_code.co_filename == place:
                    seen.add(names.get(frame.f_code.co_firstlineno, ""))

            begin = time.perf_counter()
            sys.setprofile(None if self.is_apart else note)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            sys.setprofile(None)
            yield number, time.perf_counter() - begin, seen


def _group(item: Any) -> str:
    """Return what the first of several tests makes for all of them, else the test."""
    known = item._fixtureinfo.name2fixturedefs.items()
    shared = [name for name, found in known if found[-1].scope == "module"]
    return f"{item.path} {' '.join(shared)}" if shared else item.nodeid


def _names_of(place: str) -> dict[int, str]:
    """Return the qualified name of the function or method that has code at each line."""
    code = compile(Path(place).read_text("utf-8"), place, "exec")
    found: dict[int, str] = {}
    for name, each in _codes(code, ""):
        if not _is_class(each):
            found.update({inner.co_firstlineno: name for inner in _within(each)})
    return found


def _within(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _within(each)


def _is_class(code: types.CodeType) -> bool:
    return not code.co_flags & inspect.CO_OPTIMIZED


def _codes(code: types.CodeType, above: str) -> Iterator[tuple[str, types.CodeType]]:
    """Yield the functions of a module and the methods of its classes, by name."""
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            name = f"{above}.{each.co_name}" if above else each.co_name
            yield name, each
            if _is_class(each):
                yield from _codes(each, name)


def _function_at(live: types.ModuleType, name: str) -> types.FunctionType | None:
    found: Any = live
    for step in name.split("."):
        found = getattr(found, "__dict__", {}).get(step)
        for inner in ("fget", "__func__", "func", "__wrapped__"):
            found = getattr(found, inner, found)
    return found if isinstance(found, types.FunctionType) else None


def _caches(names: dict[str, Any]) -> Iterable[Any]:
    return (each for each in names.values() if hasattr(each, "cache_clear"))


def _be_silent() -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)


def succeeds(work: Callable[[], None], seconds: float) -> bool:
    """Return whether work in a fork ends well, and in time."""
    if not (child := os.fork()):
        _be_silent()
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def session(tree: Path, files: list[str], trials: Trials) -> None:
    """Collect tests in a tree and let the trials begin."""
    _be_silent()
    os.chdir(tree)
    shutil.rmtree(tree / "tmp", ignore_errors=True)
    options = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]
    options += ["-m", "not slow", f"--basetemp={tree / 'tmp'}"]
    pytest.main([*options, *files], plugins=[trials])
