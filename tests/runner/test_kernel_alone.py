"""The kernel is complete by itself: the standard library, and nothing else."""

import ast
import sys
from pathlib import Path

import pytest
from projects import RUNNER, copy_runner

MODULES = sorted(RUNNER.glob("*.py"))


def imported(tree):
    """The top-level names of all absolute imports, wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def inner(tree):
    """The kernel modules that relative imports name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1, ast.unparse(node)
            given = [node.module] if node.module else [a.name for a in node.names]
            yield from (name.partition(".")[0] for name in given)


def asked_for(tree):
    """The modules that importlib is asked for by a name written out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            if node.args and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_kernel_module_imports_only_the_standard_library_and_the_kernel(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    allowed = set(sys.stdlib_module_names) | {"tomllib", "tomli"}
    assert set(imported(tree)) - allowed == set()
    assert set(inner(tree)) - {module.stem for module in MODULES} == set()
    extras = [name for name in asked_for(tree) if "." in name]
    assert all(name.startswith("curifactory.extras.") for name in extras)


def test_without_extras_an_experiment_runs_and_says_that_there_is_no_report(
    project, tmp_path
):
    project.home = copy_runner(tmp_path / "alone", "extras")
    assert not (project.home / "curifactory" / "extras").exists()
    result = project.ok()
    assert result.counts["computed"] == 6
    assert "no report" in result.err
    assert not (project.root / "reports").exists()
    assert project.ok("map", "study").err == ""
    result = project.run("cache", "ls")
    assert (
        result.code == 2 and "`experiment cache` needs curifactory.extras" in result.err
    )


def test_the_template_s_own_smallest_experiment_needs_the_kernel_alone(project):
    template = Path(RUNNER).parent
    for name in ("params/__init__.py", "params/base.py", "experiments/stub.py"):
        (project.root / name).write_text((template / name).read_text("utf-8"), "utf-8")
    result = project.ok("stub")
    assert result.calls("add_up")[0]["metrics"]["total"]["value"] == 100


def test_nothing_but_the_standard_library_is_loaded_by_a_run(project):
    # `-I`, without the packages that happen to be installed beside pytest.
    text = (
        "import sys\n"
        f"sys.path[:0] = [{str(project.root)!r}, {str(project.home)!r}]\n"
        "from curifactory.cli import main\n"
        "code = main(['study', '--quiet'])\n"
        "own = {'curifactory', 'params', 'stages', 'src', 'experiments', '__main__'}\n"
        "own |= {'_missing_stdlib_info'}  # which Python 3.15 does not list\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print('FOREIGN', sorted(loaded - own - set(sys.stdlib_module_names)), code)\n"
    )
    project.write({"script.py": text})
    result = project.python("-I", "-S", "script.py")
    assert "FOREIGN [] 0" in result.out, result


def test_help_is_printed_without_loading_the_runner(project):
    text = (
        "import sys\nfrom curifactory.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(len([n for n in sys.modules if n.startswith('curifactory.')]))\n"
    )
    assert int(project.script(text).out.splitlines()[-1]) <= 3
