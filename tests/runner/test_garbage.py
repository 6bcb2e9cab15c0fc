"""Memory that stages have done with is given back while they go on."""

import pytest

STAGES = """
import gc
from curifactory import Record, stage


class Net:
    alive = most = 0

    def __init__(self):
        self.me = self
        Net.alive += 1
        Net.most = max(Net.most, Net.alive)

    def __del__(self):
        Net.alive -= 1


@stage(None, ["most"])
def train(record):
    for _ in range(20_000):
        Net()
    return Net.most


@stage(["most"], ["threshold"])
def choose(record, most):
    return gc.get_threshold()[0]


@stage(["threshold"], ["chosen"])
def keep(record, threshold):
    gc.set_threshold(5_000)
    return 0


@stage(["chosen"], ["kept"])
def look(record, chosen):
    return gc.get_threshold()[0]


def get_params():
    from params import Args

    return [Args(name="a")]


def run(argsets, manager):
    look(keep(choose(train(Record(manager, argsets[0])))))
"""


@pytest.mark.parametrize("options", [(), ("-j", "1")], ids=["serial", "processes"])
def test_stages_have_their_garbage_collected_as_elsewhere(whole, options):
    whole.write({"experiments/nets.py": STAGES})
    result = whole.ok("nets", *options)
    assert whole.value(result, "train") < 10_000
    assert whole.value(result, "choose") < 10_000
    assert whole.value(result, "look") == 5_000
