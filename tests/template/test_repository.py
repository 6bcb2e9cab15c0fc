"""The template repository agrees with itself and keeps the rules of its house."""

import ast
import json
import re
import sys

import pytest
from baking import PROJECT, TEMPLATE, run

QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text("utf-8"))
RUNNER = PROJECT / "curifactory"
KERNEL = sorted(RUNNER.glob("*.py"))
# The standard library has a TOML reader from 3.11 on.
FALLBACKS = {"settings.py": {"tomli"}}


def test_questions_are_few_and_each_has_a_prompt():
    asked = [name for name in QUESTIONS if not name.startswith("_")]
    assert len(asked) <= 6
    assert sorted(QUESTIONS["__prompts__"]) == sorted(asked)


def test_all_six_delimiters_are_changed():
    assert sorted(QUESTIONS["_jinja2_env_vars"].values()) == sorted(
        ["<<", ">>", "<%", "%>", "<#", "#>"]
    )


def test_template_needs_no_extension_and_no_copy_without_render():
    assert not {"_extensions", "_copy_without_render"} & set(QUESTIONS)


@pytest.mark.parametrize("hook", ["pre_gen_project.py", "post_gen_project.py"])
def test_hooks_parse_on_any_python_that_runs_a_cookiecutter(hook):
    text = (TEMPLATE / "hooks" / hook).read_text("utf-8")
    ast.parse(text, feature_version=(3, 7))


@pytest.mark.parametrize("hook", ["pre_gen_project.py", "post_gen_project.py"])
def test_hooks_use_no_network(hook):
    text = (TEMPLATE / "hooks" / hook).read_text("utf-8")
    assert (
        imported(text) & {"socket", "urllib", "http", "requests", "subprocess"} == set()
    )


def test_version_is_the_same_everywhere():
    version = QUESTIONS["__version"]
    assert version in (RUNNER / "VENDORED.md").read_text("utf-8")
    told = f'__version__ = "{version}"'
    assert told in (RUNNER / "__init__.py").read_text("utf-8")
    newest = re.search(r"^## (\S+)", (TEMPLATE / "CHANGELOG.md").read_text(), re.M)
    assert newest is not None and newest[1] == version


def test_the_runner_says_of_each_of_its_modules_what_it_does():
    told = (RUNNER / "VENDORED.md").read_text("utf-8")
    modules = {path.stem for path in RUNNER.glob("*.py")} - {"__init__"}
    assert {name for name in modules if f"`{name}`" not in told} == set()


def test_runner_holds_no_template_tag():
    for path in RUNNER.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            found = re.search("<<|<%|<#", path.read_text("utf-8"))
            assert found is None, f"{path.name} holds {found}: baking would fail"


@pytest.mark.parametrize("path", KERNEL, ids=lambda path: path.name)
def test_kernel_imports_only_the_standard_library_and_itself(path):
    allowed = set(sys.stdlib_module_names) | {"curifactory"}
    allowed |= FALLBACKS.get(path.name, set())
    assert imported(path.read_text("utf-8")) - allowed == set()


@pytest.mark.parametrize("path", KERNEL, ids=lambda path: path.name)
def test_kernel_asks_for_extras_only_by_name(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        assert not any("extras" in name.split(".") for name in names), ast.unparse(node)


def test_make_help_lists_every_target():
    listed = run("make", "help", cwd=TEMPLATE).stdout
    makefile = (TEMPLATE / "Makefile").read_text("utf-8").replace("\\\n", " ")
    targets = re.findall(r"^\.PHONY:(.*)", makefile, re.M)[0].split()
    assert {"demo", "test-slurm"} <= set(targets)
    for target in set(targets) - {"FORCE"}:
        assert f"make {target} " in listed


def imported(text):
    """The top-level names of all absolute imports in a source."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").split(".")[0])
    return names


def test_what_the_project_imports_itself_is_among_its_dependencies(baked):
    texts = [
        path.read_text("utf-8")
        for path in baked.rglob("*.py")
        if path.parts[len(baked.parts)] != "curifactory"
    ]
    names = set().union(*map(imported, texts)) - set(sys.stdlib_module_names)
    own = {path.name.removesuffix(".py") for path in baked.iterdir()}
    declared = (baked / "pyproject.toml").read_text("utf-8")
    packages = {"sklearn": "scikit-learn"}
    for name in names - own:
        assert f'"{packages.get(name, name)}>=' in declared, name
