"""Each parameter set loads its own data."""

from curifactory import Record
from stages import compare, fit, load, score


def run(param_sets, manager):
    records = [Record(manager, each) for each in param_sets]
    for record in records:
        score(fit(load(record)))
    last = compare(Record(manager, None), records)
    if not manager.map_mode:
        print("answer", last.state["answer"])
