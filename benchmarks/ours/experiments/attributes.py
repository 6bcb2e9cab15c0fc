"""What does a tracked field cost in a loop?"""

from curifactory import ArtifactManager, Record
from params import Args
from stages.attributes import read_often

DEFAULT_PARAMS = ["sweep"]


def run(argsets: list[Args], manager: ArtifactManager) -> None:
    for args in argsets:
        read_often(Record(manager, args))
