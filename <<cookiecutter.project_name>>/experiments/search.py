"""Which numbers suit the svm best? Optuna learns what to try.

It needs one more package: pip install -e ".[search]". Trials are kept in data/searches/:
a search that was interrupted continues where it stopped and comes to the same end, and
one that is given more TRIALS goes on. Delete the file there to begin anew.
"""

import importlib
import math
from pathlib import Path
from typing import Any

from curifactory import ArtifactManager, Record
from curifactory.errors import RequestError
from params import Args
from stages.digits import load, score, split, train_model

TRIALS = 20
BATCH = 5  # trials that are proposed and computed together
VALUE = "accuracy"  # the artifact that tells how good a trial is
DIRECTION = "maximize"  # or "minimize"


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
    optuna, file = imported(), study_file(args, manager)
    study = open_study(optuna, args.name, file, manager)
    trials: list[Any] = []
    while len(trials) < TRIALS:
        batch = study.trials[len(trials) : len(trials) + BATCH]
        # What a batch proposes depends on the batches before it and on nothing else:
        # one that was noted in part is asked for again, and goes on as it began.
        batch += ask(optuna, trials, BATCH)[len(batch) :]
        records = []
        for number, trial in enumerate(batch[: TRIALS - len(trials)], len(trials)):
            changed = args.copy(
                name=f"{args.name}_{number}", **proposed(optuna, trial, file)
            )
            records.append(route(Record(manager, changed)))
        manager.compute(*records)
        pairs = zip(batch, records, strict=False)
        trials += [finished(optuna, t, value_of(record)) for t, record in pairs]
        if manager.mapping:
            continue
        known = study.trials[: len(trials)]
        if list(map(result, known)) != list(map(result, trials[: len(known)])):
            file.unlink()  # it is of other code or other data
            study = open_study(optuna, args.name, file, manager)
        study.add_trials(trials[len(study.trials) :])


def imported() -> Any:
    """Optuna, which not everyone has: the other experiments do without."""
    try:
        optuna = importlib.import_module("optuna")
    except ImportError as error:
        hint = 'install it: pip install -e ".[search]"'
        raise RequestError("this experiment needs optuna", hint) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def study_file(args: Args, manager: ArtifactManager) -> Path:
    """Where the trials are kept: a start with other values is another search."""
    folder: Path = manager.settings.runs.parent / "searches"
    return folder / f"{manager.experiment_name}-{args.name}-{args.hash}.log"


def open_study(optuna: Any, name: str, file: Path, manager: ArtifactManager) -> Any:
    """The study that keeps finished trials on the disk; `map` makes no file."""
    storage = None
    try:
        if file.exists() or not manager.mapping:
            file.parent.mkdir(parents=True, exist_ok=True)
            journal = importlib.import_module("optuna.storages.journal")
            # After three seconds a lock is taken for that of a search that was killed.
            lock = journal.JournalFileOpenLock(str(file), grace_period=3)
            backend = journal.JournalFileBackend(str(file), lock)
            storage = optuna.storages.JournalStorage(backend)
        return optuna.create_study(
            storage=storage,
            study_name=name,
            direction=DIRECTION,
            load_if_exists=True,
        )
    except ValueError as error:
        said = f"{file} cannot be read: {error}"
        raise RequestError(said, "delete it to begin anew") from error


def proposed(optuna: Any, trial: Any, file: Path) -> dict[str, Any]:
    """What a trial proposes; one that is known may not fit an edited propose()."""
    try:
        fields = propose(trial)
        finished(optuna, trial, 0.0)  # refuses values that are out of range now
        return fields
    except ValueError as error:
        said = f"propose() does not fit the trials in {file} any more: {error}"
        raise RequestError(said, "delete the file to begin anew") from error


def ask(optuna: Any, trials: list[Any], count: int) -> list[Any]:
    """What Optuna proposes after some trials: the same whenever it is asked."""
    sampler = optuna.samplers.TPESampler(seed=len(trials))
    study = optuna.create_study(direction=DIRECTION, sampler=sampler)
    study.add_trials(trials)
    asked = [study.ask() for _ in range(count)]
    for trial in asked:
        propose(trial)
    return asked


def value_of(record: Record[Args]) -> float:
    """The value that a trial came to; of one that failed, as the run says, NaN."""
    if VALUE not in record.state:
        hint = f"there is: {', '.join(record.state)}"
        raise RequestError(f"no stage of route() gives {VALUE!r}", hint)
    try:
        value = record.state[VALUE]
    except Exception:
        return math.nan
    return float(value)


def finished(optuna: Any, trial: Any, value: float) -> Any:
    """A trial with its result, as a study keeps it; one without a value has failed."""
    has_failed, states = math.isnan(value), optuna.trial.TrialState
    return optuna.trial.create_trial(
        params=trial.params,
        distributions=trial.distributions,
        value=None if has_failed else value,
        state=states.FAIL if has_failed else states.COMPLETE,
    )


def result(trial: Any) -> tuple[Any, ...]:
    """What tells whether two trials proposed the same and came to the same."""
    return trial.state, trial.params, trial.value


if __name__ == "__main__":
    from curifactory.cli import main

    raise SystemExit(main("search"))
