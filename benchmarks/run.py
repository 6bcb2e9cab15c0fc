"""Measures this project beside other tools, on one workload:

    python benchmarks/run.py -n 100 1000 --tools plain joblib ours

Three trivial stages for each of N argsets and one aggregate, everything cached on disk.
In each round every tool runs once, one after the other, each time in a new process; what
is shown are medians of the rounds. Only ratios of one table mean something: machines, and
what else they do, differ. Each answer is checked.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import measure
import tables
from figures import Result, exponent, medians, rows
from tools import HERE, TOOLS, Tool, WrongAnswer

BUILD = HERE.parent / "build" / "bench"
SWEEPS = ("cold", "cached", "argset", "code", "map", "shared", "shared-cached")
SINGLE = ("help", "list", "parallel")
SCENARIOS = (*SWEEPS, *SINGLE)
WORK = "a new folder for the caches, removed at the end"


@dataclass
class Bench:
    """The tools that take part, and what was measured so far."""

    tools: list[Tool]
    work: Path
    python: str | None
    limit: float
    results: list[Result]
    left_out: dict[tuple[str, str], str]

    def folder(self, tool: Tool) -> Path:
        return self.work / tool.name

    def empty(self, tool: Tool) -> None:
        tool.empty(self.folder(tool), self.work / "aside")

    def command(self, tool: Tool, name: str) -> list[str]:
        own = BUILD / "envs" / tool.place.name / "bin" / "python"
        return [self.python or str(own), *tool.commands[name]]

    def run(self, tool: Tool, name: str, scenario: str, where: tuple[int, int]) -> None:
        """Run a tool once and check its answer."""
        count, repeat = where
        folder = self.folder(tool)
        used = measure.run(self.command(tool, name), folder, self.limit)
        if used.code:
            raise WrongAnswer(_failure(tool, scenario, used))
        _check(tool, folder, scenario, count, used.out)
        left = (0, 0, 0)
        if scenario in ("cold", "shared"):
            left = measure.on_disk([folder / each for each in tool.leaves])
        found = Result(
            tool.name, scenario, count, repeat, used.wall, used.cpu, used.memory, *left
        )
        self.results.append(found)

    def attempt(
        self, tool: Tool, name: str, scenario: str, at: tuple[int, int]
    ) -> None:
        """Run a tool once, unless it cannot do this or has failed in it before."""
        key = tool.name, scenario
        if name not in tool.commands or key in self.left_out:
            return
        try:
            self.run(tool, name, scenario, at)
        except WrongAnswer as error:
            self.left_out[key] = f"N = {at[0]:,}: {error}"
            print(f"left out: {tool.name} {scenario}, {error}", file=sys.stderr)


def _failure(tool: Tool, scenario: str, used: measure.Usage) -> str:
    if used.code < 0:
        return f"ended by signal {-used.code} after {used.wall:.0f} s (--limit)"
    last = (used.out.strip().splitlines() or [""])[-1]
    return f"exit code {used.code}: {last[:200]}"


# Answers ----------------------------------------------------------------------------


def expected_answer(scenario: str, count: int) -> int | None:
    """Return the value of the aggregate."""
    if scenario == "parallel":
        return 16
    if scenario.startswith("shared"):
        return sum(2 * (6 + seed) + 1 for seed in range(count))
    if scenario not in ("cold", "cached", "argset", "code"):
        return None
    seeds = list(range(count))
    if scenario == "argset":
        seeds[-1] += 1_000_000
    one = 1 if scenario == "code" else 0
    return sum(2 * (4 * seed + 3 + one) + 1 for seed in seeds)


def expected_count(scenario: str, count: int) -> int | None:
    """Return how many calls compute."""
    known = {
        "cold": 3 * count + 1,
        "cached": 0,
        "argset": 4,
        "code": 2 * count + 1,
        "shared": 2 * count + 2,
        "shared-cached": 0,
    }
    return known.get(scenario)


def _check(tool: Tool, folder: Path, scenario: str, count: int, out: str) -> None:
    wanted = expected_answer(scenario, count)
    if wanted is not None and (found := tool.answer(folder, out)) != wanted:
        raise WrongAnswer(f"the answer is {found}, not {wanted}")
    calls = expected_count(scenario, count)
    computed = tool.computed(folder, out)
    if None not in (calls, computed) and computed != calls:
        raise WrongAnswer(f"{computed} calls were computed, not {calls}")


# Rounds -----------------------------------------------------------------------------


def sweep(bench: Bench, count: int, repeat: int, scenarios: Sequence[str]) -> None:
    """One round of the scenarios that have N argsets, each tool in turn."""
    at = count, repeat
    order = _turned(bench.tools, repeat)
    if set(scenarios) & {"cold", "cached", "argset", "code", "map"}:
        for tool in order:
            bench.empty(tool)
            tool.resize(bench.folder(tool), count)
        for scenario in ("cold", "cached", "map", "argset", "code"):
            if scenario not in scenarios and scenario != "cold":
                continue
            for tool in order:
                if _is_slow(bench, tool, count):
                    continue
                folder = bench.folder(tool)
                tool.resize(folder, count, changed=scenario == "argset")
                tool.edit(folder, scenario == "code")
                own = scenario == "map" or scenario in tool.commands
                name = scenario if own else "sweep"
                bench.attempt(tool, name, scenario, at)
    if set(scenarios) & {"shared", "shared-cached"}:
        for tool in order:
            bench.empty(tool)
            tool.resize(bench.folder(tool), count)
        for scenario in ("shared", "shared-cached"):
            for tool in order:
                if not _is_slow(bench, tool, count):
                    bench.attempt(tool, "shared", scenario, at)


def rounds(bench: Bench, given: argparse.Namespace) -> None:
    """Perform all rounds that were asked for."""
    _say("start-up, parallel")
    for repeat in range(3 * given.repeats):  # these are short, and vary most
        some = SINGLE if repeat < given.repeats else ("help", "list")
        single(bench, repeat, set(some) & set(given.scenarios))
    for count in sorted(given.n) if set(given.scenarios) & set(SWEEPS) else ():
        for repeat in range(given.repeats):
            _say(f"N = {count:,}, round {repeat + 1} of {given.repeats}")
            measure.settle(bench.work, given.patience)
            sweep(bench, count, repeat, given.scenarios)


def single(bench: Bench, repeat: int, scenarios: Collection[str]) -> None:
    """One round of the scenarios that have no N."""
    for scenario in SINGLE:
        if scenario in scenarios:
            for tool in _turned(bench.tools, repeat):
                bench.empty(tool)
                tool.resize(bench.folder(tool), 16)
                bench.attempt(tool, scenario, scenario, (0, repeat))


def _turned(tools: list[Tool], repeat: int) -> list[Tool]:
    """Return the tools beginning with another one in each round."""
    first = repeat % len(tools)
    return tools[first:] + tools[:first]


def _is_slow(bench: Bench, tool: Tool, count: int) -> bool:
    """Return whether a tool would go on for longer than the limit, by its growth."""
    if (tool.name, "cold") in bench.left_out:
        return True
    times = medians(bench.results, "wall")
    own = sorted(
        (n, t)
        for (name, what, n), t in times.items()
        if what == "cold" and name == tool.name
    )
    own = [(n, t) for n, t in own if n < count]
    if not own:
        return False
    n, seconds = own[-1]
    growth = 1.0 if len(own) < 2 else max(1.0, exponent(*own[-2], *own[-1]))
    likely = seconds * (count / n) ** growth
    if likely > bench.limit:
        reason = f"N = {count:,}: would take about {likely:,.0f} s (--limit)"
        bench.left_out[tool.name, "cold"] = reason
        print(f"left out: {tool.name} {reason}", file=sys.stderr)
    return likely > bench.limit


def warm_up(bench: Bench) -> None:
    """Let every tool compile its modules, as they are after the first day of use."""
    for tool in list(bench.tools):
        folder = bench.folder(tool)
        tool.prepare(folder)
        tool.resize(folder, 2)
        for name in ("sweep", "sweep", "help", "list"):
            if name not in tool.commands:
                continue
            used = measure.run(bench.command(tool, name), folder, bench.limit)
            if used.code:
                raise SystemExit(f"{tool.name} does not run:\n{used.out}")
        bench.empty(tool)


# Command line -----------------------------------------------------------------------


def setting(bench: Bench) -> dict:
    """Return when, where and with what was measured."""
    return {
        "date": datetime.datetime.now().isoformat(timespec="minutes"),
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {tool.name: _version(bench, tool) for tool in bench.tools},
        "load": [round(each, 1) for each in os.getloadavg()],
    }


def _version(bench: Bench, tool: Tool) -> str:
    python = bench.command(tool, "sweep")[0]
    code = f"import importlib.metadata as m; print(m.version({tool.package!r}))"
    if tool.name == "ours":
        code = "import curifactory; print(curifactory.__version__)"
    elif not tool.package:
        return ""
    done = subprocess.run(
        [python, "-c", code],
        cwd=bench.folder(tool),
        env=measure.environment(),
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or "unknown"


def options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("-n", type=int, nargs="+", default=[100, 1000], metavar="N")
    add(
        "--tools",
        nargs="+",
        choices=TOOLS,
        default=list(TOOLS),
        metavar="TOOL",
        help=", ".join(TOOLS),
    )
    add(
        "--scenarios",
        nargs="+",
        choices=SCENARIOS,
        default=list(SCENARIOS),
        metavar="SCENARIO",
        help=", ".join(SCENARIOS),
    )
    add("--repeats", type=int, default=5, help="rounds (5)")
    add("--limit", type=float, default=600, help="seconds for one run (600)")
    add(
        "--patience",
        type=float,
        default=60,
        help="seconds to wait for a slow disk (60)",
    )
    add("--python", help="use one Python for all tools, not those of build/bench/envs")
    add("--work", type=Path, default=BUILD / f"work-{os.getpid()}", help=WORK)
    add("--json", type=Path, help="where to write the results (build/bench/DATE.json)")
    add("--markdown", action="store_true", help="print the tables as Markdown")
    add("--tables", type=Path, metavar="JSON", help="only print the tables of a file")
    return parser.parse_args(argv)


def main() -> int:
    given = options()
    if given.tables:
        print(tables.page(json.loads(given.tables.read_text("utf-8")), given.markdown))
        return 0
    tools = [TOOLS[name] for name in given.tools]
    work = given.work.resolve()
    bench = Bench(tools, work, given.python, given.limit, [], {})
    missing = [] if given.python else _missing(tools)
    if missing:
        print(
            f"no environment for {', '.join(missing)}: make bench-envs", file=sys.stderr
        )
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        warm_up(bench)
        described = setting(bench)
        try:
            rounds(bench, given)
        except KeyboardInterrupt:
            _say("interrupted: this is what was measured so far")
        publish(bench, given, described)
    except KeyboardInterrupt:
        return 130
    finally:  # the longest part of a large measurement, and nothing is lost by it
        shutil.rmtree(work, ignore_errors=True)
    return 0


def publish(bench: Bench, given: argparse.Namespace, described: dict) -> None:
    """Write the results and print the tables."""
    content = {
        **described,
        "rounds": given.repeats,
        "rows": list(rows(bench.results)),
        "left_out": [[*key, why] for key, why in bench.left_out.items()],
        "notes": {tool.name: tool.note for tool in bench.tools if tool.note},
        "results": [asdict(each) for each in bench.results],
    }
    stamp = content["date"].replace(":", "").replace("-", "")
    target = given.json or BUILD / f"{stamp}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(content, indent=1), encoding="utf-8")
    print(tables.page(content, given.markdown), flush=True)
    _say(f"written: {target}")


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _missing(tools: Iterable[Tool]) -> list[str]:
    return [
        tool.name
        for tool in tools
        if not (BUILD / "envs" / tool.place.name / "bin" / "python").exists()
    ]


if __name__ == "__main__":
    raise SystemExit(main())
