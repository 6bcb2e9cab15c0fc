"""The workload with exca, over all seeds at once."""

import os
import sys

from size import CHANGED, COUNT

from stages import Burn, Compare, Fit, Score


def main(scenario):
    if scenario == "parallel":
        print("answer", sum(Burn().process(range(16))))
        return
    seeds = list(range(COUNT))
    if CHANGED:
        seeds[-1] += 1_000_000
    scores = list(Score(fit=Fit(shared=scenario == "shared")).process(seeds))
    print("answer", *Compare().process([scores]))


if __name__ == "__main__":
    if sys.argv[1] != "--help":
        os.makedirs("cache", exist_ok=True)
        main(sys.argv[1])
