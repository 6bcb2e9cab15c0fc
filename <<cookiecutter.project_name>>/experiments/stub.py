"""The smallest experiment, with the runner alone: copy it to begin."""

from curifactory import ArtifactManager, Record, stage
from params import Args

DEFAULT_PARAMS = ["base"]


@stage(None, ["numbers"])
def collect(record: Record[Args]) -> list[int]:
    return record.args.starting_data + record.args.example_data


@stage(["numbers"], ["total"])
def add_up(record: Record[Args], numbers: list[int]) -> int:
    total = record.args.example_number_of_epochs * sum(numbers)
    record.metric("total", total)
    return total


def run(argsets: list[Args], manager: ArtifactManager) -> None:
    for args in argsets:
        add_up(collect(Record(manager, args)))


if __name__ == "__main__":
    from curifactory.cli import main

    raise SystemExit(main("stub"))
