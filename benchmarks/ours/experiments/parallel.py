"""Sixteen calls that take half a second each."""

from curifactory import ArtifactManager, Record
from params import Args
from stages.chain import burn, compare

DEFAULT_PARAMS = ["burn"]


def run(argsets: list[Args], manager: ArtifactManager) -> None:
    for args in argsets:
        burn(Record(manager, args))
    compare(Record(manager, None), manager.records)
