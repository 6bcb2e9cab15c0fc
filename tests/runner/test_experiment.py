"""Finding experiments and parameter files, collecting argsets, performing a run."""

import json

import pytest


def show(text):
    """A script that prints what an expression gives, as JSON."""
    return f"import json\nfrom curifactory import experiment\n{text}\nprint(json.dumps(shown))\n"


def shown(project, text):
    result = project.script(show(text))
    assert result.code == 0, result
    return json.loads(result.out.splitlines()[-1])


def test_load_argsets_returns_what_the_files_give_in_their_order(project):
    project.write(
        {
            "params/more.py": "from params import Args\ndef get_params(): return [Args(name='c')]\n"
        }
    )
    found = shown(
        project,
        "shown = [a.name for a in experiment.load_argsets('.', ['more', 'base'])]",
    )
    assert found == ["c", "a", "b"]


def test_loaded_argsets_cannot_be_set(project):
    result = project.script(
        "from curifactory import experiment\n"
        "experiment.load_argsets('.', ['base'])[0].seed = 5\n"
    )
    assert result.code == 1
    assert "seed cannot be set" in result.err


def test_argsets_without_a_name_are_named_after_their_file(project):
    project.write(
        {
            "params/plain.py": "from params import Args\ndef get_params(): return [Args(), Args(seed=1)]\n"
        }
    )
    result = project.ok("study", "-p", "plain")
    names = [argset["name"] for argset in result.run["argsets"]]
    assert names[0] == "plain" and len(set(names)) == 2


def test_entries_are_listed_by_parsing_alone(project):
    project.write(
        {
            "experiments/loud.py": '"""Loud.\n\nMore."""\nraise SystemExit(3)\ndef run(a, m): ...\n',
            "experiments/helper.py": "x = 1\n",
            "experiments/again.py": "from experiments.study import run\n",
            "params/broken.py": "def (\n",
        }
    )
    found = shown(
        project,
        "from pathlib import Path\nroot = Path('.').resolve()\n"
        "shown = [[e.name, e.summary, bool(e.error), e.path.name] for e in "
        "experiment.list_experiments(root) + experiment.list_paramsets(root)]",
    )
    assert found == [
        ["again", "", False, "again.py"],
        ["loud", "Loud.", False, "loud.py"],
        ["study", "How good is the chain?", False, "study.py"],
        ["base", "", False, "base.py"],
        ["broken", "", True, "broken.py"],
    ]


def test_run_may_come_from_another_experiment(project):
    project.write(
        {
            "experiments/same.py": "from experiments.study import run\n\n"
            "DEFAULT_PARAMS = 'base'\n"
        }
    )
    assert project.ok("same").counts["computed"] == 6


def test_experiments_may_lie_in_folders(project):
    project.write(
        {
            "params/deep/one.py": "from params import Args\ndef get_params(): return [Args(name='z')]\n"
        }
    )
    text = (project.root / "experiments" / "study.py").read_text()
    project.write({"experiments/deep/inner.py": text})
    assert "deep/inner" in project.run("ls").out
    result = project.ok("deep/inner", "-p", "deep/one")
    assert result.run["experiment"].replace(".", "/") == "deep/inner"
    assert result.run["argsets"][0]["name"] == "z"


def test_run_experiment_returns_counts_records_and_values(project):
    found = shown(
        project,
        "run = experiment.run_experiment('study', '.')\n"
        "shown = [run.counts, [r.state['score'] for r in run.records if 'score' in r.state],"
        " run.exit_code, run.folder.name]",
    )
    assert found == [
        {"computed": 6, "reused": 1, "skipped": 0, "failed": 0},
        [14, 15],
        0,
        "study-1",
    ]


def test_run_experiment_takes_relative_paths_as_the_command_line_does(project):
    """It may be called from any folder; that is the same one afterwards."""
    project.write({"data/raw.csv": "1"})
    body = "    open('data/raw.csv').read()\n    return [1, 2, 3]"
    project.edit("stages/chain.py", "    return [1, 2, 3]", body)
    text = (
        "import os\nroot = os.getcwd()\nos.chdir('/')\n"
        "run = experiment.run_experiment('study', root)\n"
        "shown = [run.counts['computed'], run.counts['reused'], os.getcwd()]"
    )
    assert shown(project, text) == [6, 1, "/"]
    project.write({"data/raw.csv": "2"})
    assert shown(project, text) == [1, 6, "/"]


def test_run_experiment_maps_without_computing(project):
    text = (
        "run = experiment.run_experiment('study', '.', map_only=True)\n"
        "shown = [run.counts, run.folder is None]"
    )
    counts, unrecorded = shown(project, text)
    assert unrecorded
    assert counts == {"compute": 6, "reuse": 1, "maybe": 0, "skip": 0}
    project.ok()
    assert shown(project, text)[0] == {"compute": 0, "reuse": 7, "maybe": 0, "skip": 0}


def test_run_is_called_once_and_after_all_argsets_are_known(project):
    project.edit(
        "experiments/study.py", "    for args in", "    print('RUN')\n    for args in"
    )
    assert project.ok().out.count("RUN") == 1


def test_an_argset_made_in_run_is_computed_like_any_other(project):
    project.edit(
        "experiments/study.py",
        "    compare(",
        "    import dataclasses\n"
        "    more = dataclasses.replace(argsets[0], name='deeper', depth=2)\n"
        "    score(fit(load(Record(manager, more))))\n"
        "    compare(",
    )
    result = project.ok()
    assert project.value(result, "score", "deeper") == 28
    assert "score deeper" in result.done()
    assert "fit deeper" in result.done("reused")
    assert "deeper" in [argset["name"] for argset in result.run["argsets"]]


def test_a_label_never_counts(project):
    project.ok()
    project.edit("params/base.py", 'name="a"', 'name="first"')
    result = project.ok()
    # The aggregate shows the labels of its records, which do not count either.
    assert result.counts["computed"] == 0, result


def test_a_stage_that_reads_the_name_depends_on_it(project):
    project.edit("stages/chain.py", "each.label, value", "each.args.name, value")
    project.ok()
    project.edit("params/base.py", 'name="a"', 'name="first"')
    result = project.ok()
    assert result.done() == ["compare"]
    assert project.value(result, "compare") == [["first", 14], ["b", 15]]


def test_a_new_field_with_a_default_invalidates_nothing(project):
    project.ok()
    project.edit(
        "params/__init__.py", "depth: int = 1", "depth: int = 1\n    width: int = 3"
    )
    assert project.ok().counts["computed"] == 0


def test_folders_and_places_come_from_pyproject(project):
    import sys

    import pytest

    if sys.version_info < (3, 11):
        pytest.importorskip("tomli")
    (project.root / "experiments").rename(project.root / "trials")
    (project.root / "params").rename(project.root / "settings")
    for path in project.root.rglob("*.py"):
        path.write_text(path.read_text().replace("from params", "from settings"))
    project.write(
        {
            "pyproject.toml": "[tool.curifactory]\nexperiments = 'trials'\n"
            "params = 'settings'\ncache = 'store'\nruns = 'history'\n"
        }
    )
    project.ok()
    assert (project.root / "store").is_dir() and (project.root / "history").is_dir()
    assert not (project.root / "data").exists()


def test_the_cache_variable_chooses_the_cache(project, tmp_path):
    project.ok("study", CURIFACTORY_CACHE=str(tmp_path / "other"))
    assert (tmp_path / "other").is_dir() and not project.cache.exists()


def test_a_cache_in_the_home_of_the_user_is_named_with_a_tilde(whole, tmp_path):
    """Shells leave it alone in `--cache=~/other`."""
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    whole.ok("study", "--cache=~/other", **home)
    assert (tmp_path / "other/index.sqlite").is_file() and not whole.cache.exists()
    assert "fit" in whole.ok("cache", "ls", "--cache=~/other", **home).out


def test_any_name_of_the_class_will_do(project):
    for name in ("params/__init__.py", "params/base.py"):
        path = project.root / name
        path.write_text(
            path.read_text()
            .replace("Args", "Setup")
            .replace("ExperimentSetup", "ExperimentArgs")
        )
    assert project.ok().counts["computed"] == 6


def test_one_text_will_do_where_python_asks_for_several(project):
    argsets = "[Args(name='a'), Args(name='b'), Args(name='ab')]"
    project.write(
        {
            "params/three.py": f"from params import Args\ndef get_params(): return {argsets}\n"
        }
    )
    result = project.script(
        "from curifactory.experiment import run_experiment\n"
        "run = run_experiment('study', '.', paramsets='three', names='ab', map_only=True)\n"
        "print([r.args.name for r in run.records if r.args is not None])\n"
    )
    assert result.out == "['ab']\n", result.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("['base']", "root is ['base'], no folder"),
        ("'.', parameters=[]", "run_experiment has no option 'parameters'"),
    ],
)
def test_options_that_python_gives_wrongly_are_named(project, given, said):
    result = project.script(
        "from curifactory.experiment import run_experiment\n"
        f"run_experiment('study', {given})\n"
    )
    assert result.code == 1 and said in result.err


def test_the_argsets_of_an_experiment_itself_can_be_named_with_others(project):
    with open(project.root / "experiments/study.py", "a") as file:
        file.write("\n\ndef get_params():\n    from params import Args\n\n")
        file.write('    return [Args(name="own", seed=7)]\n')
    result = project.ok("study", "-p", "study", "-p", "base")
    assert [each["name"] for each in result.run["argsets"]] == ["own", "a", "b"]


def test_a_run_that_calls_no_stage_says_so(project):
    project.write({"experiments/none.py": "def run(argsets, manager):\n    pass\n"})
    for command in ((), ("map",)):
        result = project.ok(*command, "none", "-p", "base")
        assert "run() called no stage: there is nothing to compute" in result.err
        assert "records take the manager that run() is given" in result.err


def test_the_failure_of_a_misspelt_field_names_the_nearest_one(project):
    project.edit("stages/chain.py", "record.args.seed", "record.args.sed")
    result = project.run("study")
    assert result.code == 1 and result.err.count("did you mean") < 2
    said = result.err.lower().replace("mean:", "mean").replace("'.se", "'se")
    assert "did you mean 'seed'" in said  # newer Pythons say it in words of their own


def test_a_run_that_raises_after_calls_tells_what_was_computed_and_why_it_ended(whole):
    run = "experiments/study.py"
    whole.edit(
        run, "compare(", "if manager.records[0].state['score']:\n        compare("
    )
    whole.edit(run, "manager.records)\n", "manager.records)\n    {}['best']\n")
    result = whole.run("study")
    assert result.code == 1
    assert result.err.rstrip().endswith("KeyError: 'best'"), result
    assert "study-1 failed  computed: 3, reused: 0, skipped: 4" in result.out
    assert "report: reports/study-1/index.html" in result.out
    where = "KeyError: 'best' (experiments/study.py:14)"
    assert (result.run["status"], result.run["notes"]) == ("failed", where)
    assert where in (whole.root / "data/runs/study-1/log.txt").read_text()
    page = (whole.root / "reports/study-1/index.html").read_text()
    assert where.replace("'", "&#39;") in page
    assert where in whole.ok("runs").out


def test_a_run_that_raises_before_its_first_call_leaves_no_report(whole):
    whole.ok("study")
    run = "experiments/study.py"
    whole.edit(run, "manager.records)\n", "manager.records)\n    {}['best']\n")
    result = whole.run("study")
    assert result.code == 1 and "KeyError: 'best'" in result.err
    assert "study-2" not in result.out
    assert whole.root.joinpath("reports/latest").readlink().name == "study-1"


def test_a_run_that_is_interrupted_before_it_has_a_number_has_no_report(whole):
    script = """
        from curifactory import cli
        from curifactory.manager import ArtifactManager

        def interrupted(self):
            raise KeyboardInterrupt

        ArtifactManager._begin_run = interrupted
        print(cli.main(["study"]))
        """
    result = whole.script(script)
    assert result.out.split()[-1] == "130", result
    assert not (whole.root / "reports").exists()


def test_run_experiment_raises_what_ended_run_after_its_calls(project):
    run = "experiments/study.py"
    project.edit(run, "score(fit(", "assert 0 < score(fit(")
    project.edit(run, "args))))", "args)))).state['score'] < 0")
    result = project.script(
        "from curifactory.experiment import run_experiment\nrun_experiment('study')\n"
    )
    assert result.code == 1 and "AssertionError" in result.err
    history = json.loads((project.root / "data/runs/study-1/run.json").read_text())
    assert history["counts"]["computed"] == 3
    assert history["notes"].startswith("AssertionError")


def test_an_object_that_a_later_parameter_file_changes_counts_as_it_was(project):
    pytest.importorskip("numpy")
    one = "from numpy import arange\nfrom params import Args\nitems = [arange(3)]\n"
    two = "from params import Args, one\n"
    project.write(
        {
            "params/one.py": f"{one}def get_params(): return [Args(name='a', items=items)]\n",
            "params/two.py": f"{two}def get_params():\n    one.items[0][0] = 7\n"
            "    return [Args(name='b', items=one.items)]\n",
        }
    )
    project.edit("stages/chain.py", "value = ", "value = record.args.items[0][0] + ")
    first, second = project.run("study", "-p", "one", "-p", "two").calls("score")
    assert (
        second["metrics"]["quality"]["value"] - first["metrics"]["quality"]["value"]
        == 7
    )
