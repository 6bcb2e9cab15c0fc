"""The first stage reads no parameter."""

from curifactory import Record
from stages import compare, fit, load_shared, score


def run(param_sets, manager):
    records = [Record(manager, each) for each in param_sets]
    for record in records:
        score(fit(load_shared(record)))
    last = compare(Record(manager, None), records)
    if not manager.map_mode:
        print("answer", last.state["answer"])
