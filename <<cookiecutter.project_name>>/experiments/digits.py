"""Which classifier reads handwritten digits best, and how sure is that?

All argsets share one training set and one test set. Each seed fits to another random
draw of the training set, so the spread over seeds shows how much that draw matters.
"""

from curifactory import ArtifactManager, Record
from params import Args
from stages.digits import compare, load, score, split, train_model

DEFAULT_PARAMS = ["models"]


def run(argsets: list[Args], manager: ArtifactManager) -> None:
    records = []
    for args in argsets:
        record = split(load(Record(manager, args)))
        records.append(score(train_model(record)))
    compare(Record(manager, None), records)


if __name__ == "__main__":
    from curifactory.cli import main

    raise SystemExit(main("digits"))
