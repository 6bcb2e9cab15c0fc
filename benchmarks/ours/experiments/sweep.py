"""Each argset loads its own data."""

from curifactory import ArtifactManager, Record
from params import Args
from stages.chain import compare, fit, load, score

DEFAULT_PARAMS = ["sweep"]


def run(argsets: list[Args], manager: ArtifactManager) -> None:
    for args in argsets:
        score(fit(load(Record(manager, args))))
    compare(Record(manager, None), manager.records)
