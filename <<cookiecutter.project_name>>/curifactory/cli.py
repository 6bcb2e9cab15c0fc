"""The command line: flags in, exit code out."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import re
import signal
import stat
import sys
from collections.abc import Iterable, Sequence

from . import surroundings
from .errors import CurifactoryError, RequestError, alike, interrupted_by, nearest

TYPE_CHECKING = False  # as type checkers know it; importing typing takes long
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .layout import Entry
    from .progress import Progress
    from .request import Request
    from .settings import Settings

EXAMPLES = """examples:
  experiment ls                       what there is to run
  experiment digits                   run it with its own parameters
  experiment digits -p base -p models run it with the argsets of two files
  experiment digits -n 'knn_*'        only the argsets whose name matches
  experiment digits --set C=1,10      with other values, here with two
  experiment digits -j 4              on four worker processes
  experiment map digits               say what would be computed, and why
  experiment digits --overwrite       compute everything again
"""
OWN = {
    "run": "run an experiment (`run` can be left out)",
    "map": "say what would be computed, and why",
    "ls": "list experiments and parameter files",
}
# What can be left out with extras/: a module with add_options(parser), perform(options).
EXTRAS: dict[str, tuple[str, str]] = {
    "runs": ("history", "list past runs"),
    "compare": ("compare", "show what past runs came to, and how they differ"),
    "cache": ("maintenance", "list, find, verify and tidy what the cache holds"),
    "explain": ("explain", "say what stages read, and why each call is computed"),
    "accept": ("keeping", "keep a stage's results although its code changed"),
    "check": ("keeping", "execute a stage twice and compare the bytes"),
    "params": ("params", "show argsets, compare them, or write them from a past run"),
    "new": ("new", "write an experiment, a parameter file or a stage to start from"),
}
COMMANDS = (*OWN, *EXTRAS)
ONCE = "an option once for each value: -n a -n b"
LISTED: Any = {"action": "append", "default": []}
INSTEAD = {
    "--parallel": "-j N runs on N worker processes",
    "--lazy": "each output is loaded when it is used",
    "--report": "each run writes its report, and says where",
    "--version": "write `experiment --version`",
    "--dry": "write `experiment map NAME`",
    "--hashes": "`experiment params FILE` shows argsets with their hashes",
    "--print-params": "`experiment params FILE --full` shows all fields",
    "--notebook": "in a notebook: manager = ArtifactManager('name')",
    "--no-log": "--quiet prints the summary only",
    "--dry-cache": "--read-only leaves the cache as it is",
    "--global-indices": "--indices counts through all argsets",
    "--store-full": "--cache FOLDER keeps the results of a run apart",
    "--notes": "the docstring of the experiment says in the report what it asks",
    "--name": "results have no prefix: all experiments share them",
    "--config-name": "-p FILE takes the argsets of params/FILE.py",
    "--cores": "-j N runs on N worker processes",
    "--keep-going": "calls that need no failed one go on in any case",
    "--multirun": "--set FIELD=1,2 makes an argset for each value",
    **dict.fromkeys(
        ("--force", "--forcerun"),
        "--overwrite computes everything again, --overwrite-stage STAGE one stage",
    ),
    "-k": "-n 'knn_*' takes the argsets whose name matches",
    "-m": "write `experiment map NAME`",
    "-c": "write --cache",
    "-v": "write --verbose",
}
"""What there is for options of other releases, and of other tools."""
FLAG = re.compile(r"(?<!\w)--?[a-z][a-z-]*")
OF_CACHE = ("path", "verify", "gc", "rebuild")


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Lay out help: argparse alone would import shutil to learn how wide it may be."""
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() else 0
    with contextlib.suppress(OSError):
        width = width or os.get_terminal_size().columns
    return argparse.RawDescriptionHelpFormatter(prog, width=(width or 80) - 2)


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_formatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}\n  see `{self.prog} --help`", file=sys.stderr)
        raise SystemExit(2)


def main(argv: Sequence[str] | str | None = None, *, may_fork: bool = False) -> int:
    """Run the command line and return its exit code.

    A text is the experiment of a file that is run by itself, with the options given to
    it. Workers may be forks of this process where it has done nothing else before.
    """
    if isinstance(argv, str):
        argv = [argv, *sys.argv[1:]]
    asked = list(sys.argv[1:] if argv is None else argv)
    surroundings.look_seldom_for_garbage()
    code, mask = 0, os.umask(0)
    os.umask(mask | stat.S_IWOTH)  # where everybody may write, nothing is loaded from
    before = {each: signal.signal(each, surroundings.end) for each in _endings()}
    try:
        _open_streams()
        given = with_command(asked)
        options = _parsed(given)
        if may_fork and getattr(options, "jobs", None):
            with contextlib.suppress(ImportError):
                importlib.import_module("curifactory.extras.forking").allow()
        code = _perform(options, " ".join(["experiment", *asked]))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # nobody reads on, as after `| head`
        _let_go_of_output()
        return code
    except KeyboardInterrupt as error:
        return interrupted_by(error)
    except Exception as error:
        return _refused(error, "--debug" in asked)
    finally:
        os.umask(mask)
        for each, handler in before.items():
            signal.signal(each, handler)


def _open_streams() -> None:
    """Let anything be printed: without output, as of daemons, and in any encoding."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # the lowest number that is free is its own
            place = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(place, "r" if name == "stdin" else "w"))
    getattr(sys.stdout, "reconfigure", dict)(errors="backslashreplace")


def _let_go_of_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parsed(given: list[str]) -> argparse.Namespace:
    """Return the options; one that is not there is told with the nearest that is."""
    parser, commands = make_parser(given[0] if given else "")
    options, unknown = parser.parse_known_args(given)
    if unknown:
        flags = [each for each in unknown if each.startswith("-")]
        text = commands.choices[options.command].format_help()
        known = sorted(set(FLAG.findall(text)))
        help_of = f"see `experiment {options.command} --help`"
        if not flags:
            hint = f"{_with_set(unknown)}give {ONCE}" if "-n" in known else help_of
            raise RequestError(f"{unknown[0]!r} is not understood", hint)
        flag = flags[0].partition("=")[0]
        said = INSTEAD.get(flag, "")
        if not set(FLAG.findall(re.sub("`.*`", "", said))) <= set(known):
            said = ""  # it is of runs, and another command was asked for
        hint = said or alike(flag, known) or help_of
        raise RequestError(f"there is no option {flag}", hint)
    return options


def _with_set(words: list[str]) -> str:
    """Return how the fields are set that were given as `lr=0.1`; empty without any."""
    sets = (f"--set {each.lstrip('+')}" for each in words if "=" in each)
    told = " ".join(sets)
    return told and f"give a field a value with {told}, or "


def with_command(given: list[str]) -> list[str]:
    """Return the arguments with `run` put before the name of an experiment."""
    first = next((each for each in given if not each.startswith("-")), None)
    if first == "help":
        return with_command([*(each for each in given if each != "help"), "--help"])
    if first is None or first in COMMANDS or given[0] in ("-h", "--help"):
        return given
    return ["run", *given]


def _perform(options: argparse.Namespace, command: str) -> int:
    if options.command in EXTRAS:
        return int(_extra(options.command).perform(options))
    return _ls(options) if options.command == "ls" else _run(options, command)


def _extra(command: str) -> Any:
    try:
        return importlib.import_module(f"curifactory.extras.{EXTRAS[command][0]}")
    except ModuleNotFoundError as error:
        own = str(error.name).startswith(__package__)
        hint = "take it over from the template" if own else f"pip install {error.name}"
        said = f"`experiment {command}` needs {error.name}, which is not installed"
        raise RequestError(said, hint) from error


def _endings() -> list[signal.Signals]:
    """Return the signals that end a run: that of a closed terminal, but under nohup."""
    term, *closing = surroundings.TERMINATING
    return [term, *(e for e in closing if signal.getsignal(e) is signal.SIG_DFL)]


_mask: set[int] = set()
"""The signals that were blocked before the last fork."""


def _hold_signals() -> None:
    global _mask
    _mask = signal.pthread_sigmask(signal.SIG_BLOCK, surroundings.TERMINATING)


def _let_signals_go() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _mask)


def _end_as_elsewhere() -> None:
    """Let SIGTERM end what a stage forks, from its first moment on: pools rely on it."""
    for each in surroundings.TERMINATING:
        if signal.getsignal(each) is surroundings.end:
            signal.signal(each, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)  # what they hear is theirs
    _let_signals_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_hold_signals,
        after_in_parent=_let_signals_go,
        after_in_child=_end_as_elsewhere,
    )


def _refused(error: Exception, debug: bool) -> int:
    if isinstance(error, OSError):
        error = _of_machine(error)
    if not isinstance(error, CurifactoryError):
        raise error
    if debug:
        import traceback

        traceback.print_exception(error)
    else:
        print(f"error: {error}", file=sys.stderr)
    return error.exit_code


def _of_machine(error: OSError) -> Exception:
    """Return one line for an error of the machine, where no code of the user had it."""
    from .failure import OF_A_FULL_DISK, where

    if error.filename is None and error.errno in OF_A_FULL_DISK:
        _let_go_of_output()
        said = f"the output cannot be written: {error.strerror}"
        told = CurifactoryError(said, "what was computed is kept")
    elif where(error):
        return error
    else:
        told = CurifactoryError(str(error), "--debug shows where that was")
    told.__cause__ = error
    return told


def make_parser(command: str) -> tuple[argparse.ArgumentParser, Any]:
    """Return the parser, and those of its commands; of the extras only the one that is
    asked for is imported."""
    parser = _Parser(
        prog="experiment",
        description="Run experiments whose parameters are Python files.",
        epilog=EXAMPLES,
    )
    own = sys.modules["curifactory"].__version__
    said = "show the version of the runner"
    parser.add_argument("--version", action="version", version=own, help=said)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made: dict[str, argparse.ArgumentParser] = {}
    for name, said in {**OWN, **{n: text for n, (_, text) in EXTRAS.items()}}.items():
        told = f"{said[0].upper()}{said[1:]}."
        made[name] = commands.add_parser(name, help=said, description=told)
    add_run_options(made["run"])
    said = "only say what would be done, as `map` does"
    made["run"].add_argument("--map", "--dry-run", action="store_true", help=said)
    add_run_options(made["map"])
    if command in EXTRAS:
        _extra(command).add_options(made[command])
    for each in made.values():
        each.add_argument("--debug", action="store_true", help="show full tracebacks")
    return parser, commands


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run; each goes to the field of `Request` of its name."""
    add = parser.add_argument
    add("name", nargs="?", default="", help="an experiment, see `experiment ls`")
    add("rest", nargs="*", help=argparse.SUPPRESS)
    said = "take the argsets of this parameter file (repeatable)"
    add("-p", "--params", dest="paramsets", metavar="FILE", help=said, **LISTED)
    add_choice_options(parser)
    add("--overwrite", action="store_true", help="compute everything again")
    add(
        "--overwrite-stage",
        dest="overwrite_stages",
        metavar="STAGE",
        help="compute this stage again (repeatable)",
        **LISTED,
    )
    add("-j", "--jobs", type=int, metavar="N", help="on N worker processes")
    add("--engine", metavar="NAME", help="serial, processes, dask, or module:function")
    add("--scheduler", metavar="ADDRESS", help="the Dask scheduler to use")
    add("--retries", type=int, default=0, metavar="N", help="try failing calls again")
    add("--fail-fast", action="store_true", help="begin nothing after a failure")
    add("--max-calls", type=int, metavar="N", help="compute at most N calls")
    said = "repeat long work after edits, unasked"
    add("--yes", dest="is_confirmed", action="store_true", help=said)
    said = "debug at breakpoint() and at the first failure (serial)"
    add("--pdb", dest="debugger", action="store_true", help=said)
    add("--cache", metavar="DIR", type=not_empty, help="keep results in another folder")
    add("--read-only", action="store_true", help="use the cache, write nothing to it")
    add("--quiet", action="store_true", help="print the summary only")
    add("--verbose", action="store_true", help="each call, and what stages print")
    add("--plain", action="store_true", help="plain lines, no live display")
    add("--no-color", action="store_true", help="no colours")


def add_choice_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that change argsets, and those that select among them."""
    add = parser.add_argument
    said = "give a field another value; VALUE,VALUE: an argset for each (repeatable)"
    add("--set", dest="sets", metavar="FIELD=VALUE", help=said, **LISTED)
    add("--seeds", type=int, metavar="N", help="repeat each argset with seeds 0 to N-1")
    said = "only argsets with this name, or a pattern like 'knn_*' (repeatable)"
    add("-n", "--names", metavar="NAME", help=said, **LISTED)
    said = "only argsets at these places, and those of -n"
    add("--indices", metavar="0,2-4", type=not_empty, help=said, **LISTED)


def joined_indices(options: argparse.Namespace) -> str | None:
    """Return what all --indices say together."""
    return ",".join(options.indices) or None


def not_empty(text: str) -> str:
    """Refuse an option that is empty, as from a variable that is not set."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty; leave it out, or give a value")
    return text


def _run(options: argparse.Namespace, command: str) -> int:
    from . import experiment, tables

    surroundings.look_past_what_is_there()
    before = surroundings.files_open()
    project, request = open_request(options, command)
    hearing = _hearing(request)
    with surroundings.staying(), hearing:  # paths are printed from where the user is
        run = experiment.perform(project, request, _progress(options))
    with contextlib.suppress(BrokenPipeError):  # who reads no more may know the code
        if run.manager.mapping:
            tables.print_map(run, is_whole=options.verbose)
        else:
            tables.print_summary(run, options.debug)
    if before is not None and surroundings.files_open() == before:
        surroundings.look_past_what_is_there()  # to take it apart takes long
    else:  # what is written to a file in it may not be there yet
        surroundings.write_out()
        run.let_go()
    if run.error is not None:
        raise run.error
    return run.exit_code


def _hearing(request: Request) -> contextlib.AbstractContextManager[None]:
    """Let signals be heard where this process executes calls."""
    from . import engine

    is_here = engine.chosen_by(request) == "serial" and not request.map_only
    if not is_here or os.name != "posix":
        return contextlib.nullcontext()
    return surroundings.heard(engine.end_descendants)


def open_request(
    options: argparse.Namespace, command: str = ""
) -> tuple[Settings, Request]:
    """Return the project of the current folder and what the options ask for in it."""
    from . import layout

    project = enter(options.cache)
    options.name = layout.plain_name(project, options.name)
    _check_name(project, options.name)
    if options.rest:
        setting = _with_set(options.rest)
        if hasattr(options, "stage"):
            setting += f"choose a stage with --stage {options.rest[0]}, or "
        # Python 3.14 takes what comes after the value of an option for the rest.
        several = f", or give {ONCE}" * bool(options.names or options.paramsets)
        raise RequestError(
            f"{options.rest[0]!r} is not understood",
            f"{setting}choose a file of params/ with -p FILE{several}",
        )
    request = _request(options, command)
    if request.read_only:
        project.need_cache("leave --read-only out, or mend --cache")
    is_open = os.access(project.cache, os.W_OK)
    if request.map_only and not is_open:  # looking makes nothing, not even a cache
        request = request._replace(read_only=True)
    return project, request


def _check_name(project: Settings, name: str) -> None:
    """Refuse what is no experiment; a word that is likely to be a command as such."""
    from . import layout

    if layout.path_of(project, "experiments", name):
        return
    if name in OF_CACHE:
        raise RequestError(f"there is no command {name!r}", f"experiment cache {name}")
    if not name or alike(name, COMMANDS):
        known = [each.name for each in layout.entries(project, "experiments")]
        said = f"there is no experiment {name!r}" if name else "no experiment is named"
        others = COMMANDS if name and name not in COMMANDS else ()
        first = f"; a command comes first: experiment {name}" * (name in COMMANDS)
        raise RequestError(said, nearest(name, [*known, *others]) + first)
    layout.located(project, "experiments", name)


def enter(cache: str | None) -> Settings:
    """Go to the root of the project: paths mean the same from any folder below."""
    from . import paramsets, settings

    project = paramsets.open_project(None, cache=settings.from_here(cache))
    os.chdir(project.root)
    return project


def _request(options: argparse.Namespace, command: str) -> Request:
    from .request import Request

    given = {
        **vars(options),
        "command": command,
        "indices": joined_indices(options),
        "map_only": options.command != "run" or options.map,
        "captures": not (options.verbose or options.debugger),
    }
    return Request(**{n: given[n] for n in Request._fields if n in given})


def _progress(options: argparse.Namespace) -> Progress:
    """Return the live display on a terminal where it is installed, else plain lines."""
    from . import progress, settings

    is_plain = options.plain or options.quiet or options.verbose
    is_live = sys.stderr.isatty() and not (is_plain or options.debugger)
    console = settings.extra("console") if is_live else None
    if console is None:
        return progress.Progress(quiet=options.quiet, verbose=options.verbose)
    live: Progress = console.Console(no_color=options.no_color)
    return live


def _ls(options: argparse.Namespace) -> int:
    from pathlib import Path

    from . import layout, settings

    root = settings.find_root(Path.cwd())
    _print_entries("experiments", map(_as_typed, layout.list_experiments(root)))
    _print_entries("parameter files", layout.list_paramsets(root))
    return 0


def _as_typed(entry: Entry) -> Entry:
    """Return an experiment by what starts it, where there is a command of its name."""
    return entry._replace(name=f"run {entry.name}") if entry.name in COMMANDS else entry


def _print_entries(title: str, found: Iterable[Entry]) -> None:
    entries = list(found)
    is_red = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    red, plain = ("\x1b[31m", "\x1b[0m") if is_red else ("", "")
    print(f"{title}:" if entries else f"{title}: none")
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        shown = f"  {entry.name:<{width}}  {entry.error or entry.summary}".rstrip()
        print(f"{red}{shown}{plain}" if entry.error else shown)


def apart(is_needed: bool) -> Any:
    """Let what user code prints go to standard error: the output is for programs."""
    return contextlib.redirect_stdout(sys.stderr if is_needed else sys.stdout)
