"""Stages of the digits study."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

import src
from curifactory import Record, aggregate, stage
from curifactory.caching import JsonCacher, PickleCacher
from curifactory.reporting import FigureReporter, TableReporter
from params import Args
from params.common import seed_group


@stage(None, ["samples"], [PickleCacher])
def load(record: Record[Args]) -> src.data.Samples:
    """All images, the same for every argset."""
    return src.data.load_digits()


@stage(["samples"], ["train_set", "test_set"], [PickleCacher, PickleCacher])
def split(
    record: Record[Args], samples: src.data.Samples
) -> tuple[src.data.Samples, src.data.Samples]:
    """Training and test set. This reads no `seed`, so that all seeds share it."""
    args = record.args
    return src.data.split(samples, args.test_fraction, args.split_seed)


@stage(["train_set"], ["model"], [PickleCacher])
def train_model(record: Record[Args], train_set: src.data.Samples) -> Any:
    """The model, fitted to a random draw of the training set."""
    args = record.args
    drawn = src.data.subsample(train_set, args.fit_fraction, args.seed)
    return src.models.fit(build_model(args), drawn)


def build_model(args: Args) -> Any:
    """Each kind reads only its own fields: the others do not make it run again."""
    if args.model_type == "knn":
        return src.models.knn(args.n_neighbors)
    if args.model_type == "svm":
        return src.models.svm(args.C, args.gamma)
    if args.model_type == "mlp":
        return src.models.mlp(args.hidden_sizes, args.max_passes, args.seed)
    raise ValueError(
        f"model_type is {args.model_type!r}, expected 'knn', 'svm' or 'mlp'"
    )


@stage(["model", "test_set"], ["accuracy", "confusion"], [JsonCacher, JsonCacher])
def score(
    record: Record[Args], model: Any, test_set: src.data.Samples
) -> tuple[float, list[list[int]]]:
    """Accuracy and confusion matrix on the test set."""
    predicted = src.models.predict(model, test_set.images)
    accuracy = src.metrics.accuracy(test_set.labels, predicted)
    confusion = src.metrics.confusion_matrix(test_set.labels, predicted, 10)
    record.metric("accuracy", accuracy, goal="max")
    worst_recall = float(src.metrics.recall(confusion).min())
    record.metric("worst_recall", worst_recall, goal="max")
    return accuracy, confusion.tolist()


@aggregate(["accuracy", "confusion"], ["comparison"], [JsonCacher])
def compare(
    record: Record[None],
    records: list[Record[Args]],
    accuracy: Mapping[Record[Args], float],
    confusion: Mapping[Record[Args], list[list[int]]],
) -> list[dict[str, Any]]:
    """Mean and spread over the seeds of each group, best first."""
    accuracies, confusions = by_group(accuracy), by_group(confusion)
    ranking = src.comparison.rank(accuracies)
    best = ranking[0].group
    record.metric("best_mean_accuracy", ranking[0].mean, goal="max")

    rows = [asdict(summary) for summary in ranking]
    points = src.figures.accuracy_by_group(accuracies)
    matrix = src.figures.confusion(np.sum(confusions[best], axis=0), f"Best: {best}")
    record.report(TableReporter(rows, name="ranking"))
    record.report(FigureReporter(points, name="accuracy"))
    record.report(FigureReporter(matrix, name="confusion of the best"))
    return rows


def by_group(values: Mapping[Record[Args], Any]) -> dict[str, list[Any]]:
    """Collect the values of argsets that differ in nothing but the seed."""
    groups: dict[str, list[Any]] = defaultdict(list)
    for record, value in values.items():
        groups[seed_group(record.args.name)].append(value)
    return dict(groups)
