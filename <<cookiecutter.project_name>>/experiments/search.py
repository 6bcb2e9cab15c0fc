"""Which numbers suit the svm best? Optuna proposes argsets and learns from results.

It needs one more package: pip install -e ".[search]". Trials are kept in data/searches/:
a search that was interrupted continues where it stopped and comes to the same end, and
one that is given more TRIALS goes on. Delete the file there to begin anew.
"""

import importlib
from pathlib import Path
from typing import Any

from curifactory import ArtifactManager, Record
from curifactory.errors import RequestError
from params import Args
from stages.digits import load, score, split, train_model

TRIALS = 20
BATCH = 5  # trials that are proposed and computed together
VALUE = "accuracy"  # the artifact to make as large as possible


def get_params() -> list[Args]:
    """Where to start from: each argset gets a search of its own."""
    return [Args(name="svm", model_type="svm")]


def propose(trial: Any) -> dict[str, Any]:
    """WHAT varies: fields and their ranges, as a trial of Optuna suggests them."""
    return {
        "C": trial.suggest_float("C", 0.1, 100.0, log=True),
        "gamma": trial.suggest_float("gamma", 0.001, 1.0, log=True),
    }


def route(record: Record[Args]) -> Record[Args]:
    """WHICH chain: the stages that lead from an argset to the value."""
    return score(train_model(split(load(record))))


def run(argsets: list[Args], manager: ArtifactManager) -> None:
    for args in argsets:
        search(args, manager)


def search(args: Args, manager: ArtifactManager) -> None:
    """Propose a batch, compute it, note the results; until there are enough trials."""
    optuna = imported()
    study = open_study(optuna, args.name, manager)
    known = study.trials
    trials: list[Any] = []
    while len(trials) < TRIALS:
        batch = known[len(trials) : len(trials) + BATCH]
        # What a batch proposes depends on the batches before it and on nothing else:
        # one that was noted in part is asked for again, and goes on as it began.
        batch += ask(optuna, trials, BATCH)[len(batch) :]
        records = []
        for number, trial in enumerate(batch[: TRIALS - len(trials)], len(trials)):
            changed = args.copy(name=f"{args.name}_{number}", **propose(trial))
            records.append(route(Record(manager, changed)))
        manager.compute(*records)
        for trial, record in zip(batch, records, strict=False):
            trials.append(finished(optuna, trial, record.state[VALUE]))
            if len(trials) > len(known) and not manager.mapping:
                study.add_trial(trials[-1])


def imported() -> Any:
    """Optuna, which not everyone has: the other experiments do without."""
    try:
        optuna = importlib.import_module("optuna")
    except ImportError as error:
        hint = 'install it: pip install -e ".[search]"'
        raise RequestError("this experiment needs optuna", hint) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def open_study(optuna: Any, name: str, manager: ArtifactManager) -> Any:
    """The study that keeps finished trials on the disk; `map` makes no file."""
    folder: Path = manager.settings.runs.parent / "searches"
    file = folder / f"{manager.experiment_name}-{name}.log"
    storage = None
    if file.exists() or not manager.mapping:
        folder.mkdir(parents=True, exist_ok=True)
        journal = importlib.import_module("optuna.storages.journal")
        storage = optuna.storages.JournalStorage(journal.JournalFileBackend(str(file)))
    return optuna.create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True
    )


def ask(optuna: Any, trials: list[Any], count: int) -> list[Any]:
    """What Optuna proposes after some trials: the same whenever it is asked."""
    sampler = optuna.samplers.TPESampler(seed=len(trials))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials(trials)
    asked = [study.ask() for _ in range(count)]
    for trial in asked:
        propose(trial)
    return asked


def finished(optuna: Any, trial: Any, value: float) -> Any:
    """A trial with its result, as a study keeps it."""
    return optuna.trial.create_trial(
        params=trial.params, distributions=trial.distributions, value=value
    )


if __name__ == "__main__":
    from curifactory.cli import main

    raise SystemExit(main(["search"]))
