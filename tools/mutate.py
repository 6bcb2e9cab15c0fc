"""Break the runner in small ways, one at a time, and see whether a test notices.

    python tools/mutate.py [MODULE ...] [--first N] [--list]

Most are noticed at once by the tests that run the changed function: these are asked in a
fork of a process that has collected all tests, where the function gets its new code. A
mutant that they miss, or that is no function, is tried again by a new import of the
module. What was killed is kept below build/mutants, so that an interrupted run goes on
where it stopped. A mutant that survives must be justified in tests/mutants.txt, in one
line; else the exit code is 1. With --slowly, all are tried by a new import.
"""

import argparse
import ast
import concurrent.futures
import contextlib
import copy
import hashlib
import importlib
import importlib.util
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from patched import Trials, session, succeeds

ROOT = Path(__file__).parents[1]
TEMPLATE = "<<cookiecutter.project_name>>"
JUSTIFIED = ROOT / "tests" / "mutants.txt"
PLACE = ROOT / "build" / "mutants"
TREES = Path(tempfile.gettempdir()) / "mutants"
"""Copies of the tree, a process each: best in memory, as with TMPDIR=/dev/shm."""
WORKERS = 2
SECONDS = 240
PYTEST = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain", "-m", "not slow"]
ENVIRONMENT = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "ORACLE_CORES": "1",
    "ORACLE_SEQUENCES": "25",
}
IMPORTED = ("hypothesis", "numpy", "sklearn.pipeline", "sklearn.tree", "pydantic")

APART = ("code", "classes", "units", "scope")
"""Modules that tests use in processes of their own: any test may run any function."""

# What is asked in forks of one process: the tests that run a function of the module.
QUICK = {
    "hashing": ["test_hashing.py", "test_laws.py", "test_args.py"],
    "reads": ["test_reads.py", "test_files.py", "test_record.py"],
    "files": ["test_files.py"],
    **dict.fromkeys(APART, ["test_code.py", "-k", "not every_python"]),
    "decide": ["test_decisions.py"],
}

# What is asked about a module that is imported anew: first what answers fast, then, of
# what survives, the rest.
TESTS = {
    "hashing": (
        ["test_hashing.py", "-k", "not every_python and not hash_seed"],
        ["test_laws.py", "test_args.py", "test_hashing.py", "-k", "not every_python"],
    ),
    "reads": (
        ["test_reads.py", "test_files.py"],
        ["test_rules.py", "-k", "reads or declared"],
        ["test_oracle.py", "-k", "edits_compute"],
    ),
    "files": (
        ["test_files.py"],
        ["test_rules.py", "-k", "reads or declared"],
        ["test_oracle.py", "-k", "edits_compute"],
    ),
    **dict.fromkeys(
        APART,
        (
            QUICK["code"],
            ["test_oracle.py", "-k", "edits_compute"],
            ["test_code.py", "-k", "must_after", "-m", "slow"],
        ),
    ),
    "decide": (QUICK["decide"], ["test_indirect.py", "-k", "reasons"]),
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
NAMES_OF_CODECS = {"utf-8", "surrogatepass"}
# Rules that no test can notice where their library is not installed.
NEEDING = {"pandas": ("_frame", "_series"), "polars": ("_table", "_column")}
# The words of a message may be any; that there is one is tested.
WORDED = {"IdentityError", "CurifactoryError", "RequestError"}
WORDS = {"hint", "message"}


@dataclass(frozen=True)
class Mutant:
    """One small change; the key holds while lines move."""

    module: str
    function: str
    change: str
    source: str

    @property
    def key(self) -> str:
        return f"{self.module} | {self.function} | {self.change}"


# Making mutants -----------------------------------------------------------------------


def mutants(module: str) -> list[Mutant]:
    """Return all mutants of a module of the runner."""
    text = path_of(ROOT, module).read_text("utf-8")
    tree = ast.parse(text)
    counted: Counter[str] = Counter()
    found = []
    for function, node in _nodes(tree, ""):
        for change in _changes(node):
            before = copy.deepcopy(node)
            fields = dict(vars(node))
            replacement = change(node)
            mutated = ast.unparse(ast.fix_missing_locations(tree))
            shown = f"{_short(before)} -> {_short(replacement)}"
            vars(node).clear()
            vars(node).update(fields)
            node.__class__ = type(before)
            counted[f"{function} {shown}"] += 1
            number = counted[f"{function} {shown}"]
            suffix = f" #{number}" if number > 1 else ""
            found.append(Mutant(module, function, shown + suffix, mutated))
    return found


def _nodes(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        name = getattr(child, "name", None)
        inner = f"{function}.{name}" if function and name else name or function
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            yield from _nodes(_without_words(child), inner)
        elif not _is_of_words(child):
            yield function or "module", child
            yield from _nodes(child, function)


def _without_words(node: ast.FunctionDef | ast.ClassDef) -> ast.Module:
    """Leave out docstrings, annotations and decorators."""
    parts: list[ast.AST] = list(node.body)
    if isinstance(node, ast.FunctionDef):
        parts += [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    return ast.Module(body=parts, type_ignores=[])  # type: ignore[arg-type]


def _is_of_words(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in WORDED:
        return True
    if isinstance(node, ast.Assign):
        return any(getattr(each, "id", "") in WORDS for each in node.targets)
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.arguments))


Change = Callable[[ast.AST], ast.AST]


def _changes(node: ast.AST) -> Iterator[Change]:
    """Yield functions that change a node in place, and return what it has become."""
    if isinstance(node, ast.Compare):
        yield _set(ops=[COMPARISONS[type(node.ops[0])](), *node.ops[1:]])
    elif isinstance(node, ast.BoolOp):
        yield _set(op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _become(node.operand)
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
        if not isinstance(node.test, (ast.Compare, ast.UnaryOp)):
            yield _set(test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.comprehension) and node.ifs:
        yield _set(ifs=[])
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        yield _set(op=OPERATORS[type(node.op)]())
    elif isinstance(node, ast.Constant):
        yield from _other_constants(node)
    elif isinstance(node, ast.Call) and len(node.args) > 1:
        if not any(isinstance(each, ast.Starred) for each in node.args[:2]):
            yield _set(args=[node.args[1], node.args[0], *node.args[2:]])
    elif isinstance(node, (ast.Expr, ast.AugAssign, ast.Continue, ast.Raise)):
        if not isinstance(getattr(node, "value", None), (ast.Yield, ast.YieldFrom)):
            yield _become(ast.Pass())
    elif isinstance(node, ast.Return) and node.value is not None:
        if not isinstance(node.value, ast.Constant):
            yield _set(value=ast.Constant(None))


def _other_constants(node: ast.Constant) -> Iterator[Change]:
    if isinstance(node.value, bool):
        yield _set(value=not node.value)
    elif isinstance(node.value, int):
        yield _set(value=node.value + 1)
    elif isinstance(node.value, str) and node.value not in NAMES_OF_CODECS:
        yield _set(value=node.value + "?" if node.value else "?")


def _set(**fields: object) -> Change:
    def change(node: ast.AST) -> ast.AST:
        vars(node).update(fields)
        return node

    return change


def _become(other: ast.AST) -> Change:
    def change(node: ast.AST) -> ast.AST:
        vars(node).clear()
        vars(node).update(vars(other))
        node.__class__ = type(other)
        return node

    return change


def _short(node: ast.AST) -> str:
    if isinstance(node, ast.comprehension):
        conditions = "".join(f" if {ast.unparse(each)}" for each in node.ifs)
        return f"for {ast.unparse(node.target)}{conditions}"
    if isinstance(node, (ast.If, ast.While)):
        return f"if {ast.unparse(node.test)}"
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else text[:87] + "..."


# Trying them --------------------------------------------------------------------------


def path_of(root: Path, module: str) -> Path:
    return root / TEMPLATE / "curifactory" / f"{module}.py"


class Killed:
    """What was killed so far, a line each, kept as long as the module stays as it is."""

    def __init__(self, modules: list[str]) -> None:
        self.path = PLACE / "killed.txt"
        self.digests = {each: _digest(each) for each in modules}
        text = self.path.read_text("utf-8") if self.path.exists() else ""
        self.lines = set(text.splitlines())

    def __contains__(self, mutant: Mutant) -> bool:
        return self._line(mutant) in self.lines

    def add(self, mutant: Mutant) -> None:
        """Add a line in one piece: several processes do so."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(self._line(mutant) + "\n")

    def _line(self, mutant: Mutant) -> str:
        return f"{self.digests[mutant.module]} | {mutant.key}"


def _digest(module: str) -> str:
    data = path_of(ROOT, module).read_bytes()
    return f"{module} {hashlib.sha256(data).hexdigest()[:16]}"


def survives(mutant: Mutant) -> bool:
    """Return whether no test fails, in a copy of the tree that this process has."""
    tree = TREES / f"tree-{os.getpid()}"
    if not tree.exists():
        _copy_of_tree(tree)
    path = path_of(tree, mutant.module)
    path.write_text(mutant.source, encoding="utf-8")
    try:
        return all(_passes(tree, each) for each in TESTS[mutant.module])
    finally:
        shutil.copy(path_of(ROOT, mutant.module), path)


def _copy_of_tree(place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", "extras")
    shutil.copytree(
        ROOT / TEMPLATE / "curifactory",
        place / TEMPLATE / "curifactory",
        ignore=ignored,
    )
    shutil.copytree(
        ROOT / "tests" / "runner", place / "tests" / "runner", ignore=ignored
    )
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def _passes(tree: Path, selection: list[str]) -> bool:
    """Run tests in a fork: the libraries that they need are imported already."""

    def ask() -> None:
        os.chdir(tree)
        os.environ.update(ENVIRONMENT, TMPDIR=str(tree))
        given = [*PYTEST, f"--basetemp={tree / 'tmp'}", *located(selection)]
        os._exit(int(pytest.main(given)))

    return succeeds(ask, SECONDS)


def located(selection: list[str]) -> list[str]:
    """Return a selection of tests as pytest takes it."""
    return [f"tests/runner/{e}" if e.endswith(".py") else e for e in selection]


def justified() -> dict[str, str]:
    """Return why each known survivor may survive, by its key."""
    found = {}
    lines = JUSTIFIED.read_text("utf-8").splitlines() if JUSTIFIED.exists() else []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            key, _, reason = line.rpartition(" | ")
            found[key] = reason
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=list(TESTS))
    parser.add_argument("--first", type=int, help="try this many mutants only")
    parser.add_argument("--slowly", action="store_true", help="import anew for each")
    parser.add_argument("--list", action="store_true", help="try none, list them")
    options = parser.parse_args()
    made = [each for m in options.modules for each in mutants(m) if _is_testable(each)]
    if options.list:
        print(*(each.key for each in made), sep="\n")
        return 0
    shutil.rmtree(TREES, ignore_errors=True)
    PLACE.mkdir(parents=True, exist_ok=True)
    killed = Killed(options.modules)
    reasons = justified()
    left = [each for each in made if each not in killed and each.key not in reasons]
    print(f"{len(made)} mutants, {len(made) - len(left)} known, {len(left)} to try")
    left = left[: options.first]
    if not options.slowly:
        left = [each for m in options.modules for each in _missed(killed, m, left)]
        print(f"{len(left)} to try by a new import")
    survivors = _tried(killed, left)
    stale = [k for k in reasons if k.partition(" | ")[0] in options.modules]
    stale = sorted(set(stale) - {each.key for each in made})
    for key in stale:
        print(f"no such mutant any more: {key}")
    print(f"{len(survivors)} survive without a reason in {JUSTIFIED.name}")
    return int(bool(survivors or stale))


def _is_testable(mutant: Mutant) -> bool:
    missing = [name for name in NEEDING if importlib.util.find_spec(name) is None]
    rules = [rule for name in missing for rule in NEEDING[name]]
    named = any(f"'{name}'" in mutant.change for name in missing)
    return mutant.function not in rules and not named


def _missed(killed: Killed, module: str, mutants: list[Mutant]) -> list[Mutant]:
    """Try the mutants of a module in forks; return those that no test has noticed."""
    mine = [each for each in mutants if each.module == module]
    context = multiprocessing.get_context("fork")
    shares = [mine[start::WORKERS] for start in range(WORKERS)]
    started = [
        context.Process(target=_try_in_forks, args=(killed, module, share))
        for share in shares
        if share
    ]
    for each in started:
        each.start()
    for each in started:
        each.join()
    known = Killed([module])
    return [each for each in mine if each not in known]


def _try_in_forks(killed: Killed, module: str, mutants: list[Mutant]) -> None:
    tree = _copy_of_tree(TREES / f"tree-{os.getpid()}")
    path = path_of(tree, module)
    os.environ.update(ENVIRONMENT, TMPDIR=str(tree))

    def use(trials: Trials) -> None:
        for mutant in mutants:
            path.write_text(mutant.source, encoding="utf-8")
            if trials.notices(mutant.function, mutant.source):
                killed.add(mutant)
            shutil.copy(path_of(ROOT, module), path)

    trials = Trials(module, use, is_apart=module in APART)
    session(tree, located(QUICK[module]), trials)


def _tried(killed: Killed, left: list[Mutant]) -> list[Mutant]:
    for name in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    tree = _copy_of_tree(TREES / "tree-as-it-is")
    for module in {each.module for each in left}:
        assert all(_passes(tree, each) for each in TESTS[module]), "tests fail as it is"
    survivors = []
    begin = time.monotonic()
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(WORKERS, context) as pool:
        found = zip(left, pool.map(survives, left), strict=True)
        for number, (mutant, alive) in enumerate(found, 1):
            if alive:
                survivors.append(mutant)
                print(f"survives: {mutant.key}", flush=True)
            else:
                killed.add(mutant)
            if number % 50 == 0:
                spent = time.monotonic() - begin
                print(f"{number} of {len(left)} tried, {spent:.0f} s", flush=True)
    return survivors


if __name__ == "__main__":
    sys.exit(main())
