"""All argsets share what is loaded."""

from curifactory import ArtifactManager, Record
from params import Args
from stages.chain import compare, fit, load_shared, score

DEFAULT_PARAMS = ["sweep"]


def run(argsets: list[Args], manager: ArtifactManager) -> None:
    for args in argsets:
        score(fit(load_shared(Record(manager, args))))
    compare(Record(manager, None), manager.records)
