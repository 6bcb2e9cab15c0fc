"""Measures a store of very many traces: what one node's decision and listings take.

    python benchmarks/million.py -n 1000000

The traces are made up: copies of genuine ones with other digests, written into the index,
and for each a folder that is empty (a decision reads the names of folders at most, never
what is in them). So the size of the index and the times of decisions are those of a real
store; its size on disk is calculated from the genuine folders. Half of the traces are of
`load`, which has no inputs, so that all belong to one group and are told apart by what they
read; half of `fit`, each of which has inputs, and so a group, of its own. Runs in the
history, one for each 1,000 traces, are copies of a genuine run over 100 argsets.
"""

import os
import shutil
import sys
import time
from pathlib import Path

import measure
from own import Project, median, parser

FILL = """
import dataclasses
import os
import sys
from pathlib import Path

sys.path.insert(0, ".")
from curifactory import hashing
from curifactory.index import Index
from curifactory.store import Store
from curifactory.trace import after, packed

number, with_folders = int(sys.argv[1]), sys.argv[2] == "folders"
store = Store(Path("data/cache"), print)
index = Index(store)
index.open()


def made(model, place, own_group):
    digest = hashing.hash_text(str(place))
    group = hashing.hash_text("group", str(place)) if own_group else model.group
    node = group
    for key, _, _ in model.reads:
        node = after(node, key, digest)
    return dataclasses.replace(
        model,
        label=f"m{place}",
        group=group,
        node=node,
        reads=[[key, digest, str(place)] for key, _, _ in model.reads],
        folder=f"{model.stage}/m{place}-{node[:12]}",
    )


for stage, own_group in (("stages.chain.load", False), ("stages.chain.fit", True)):
    model = index.similar(stage, "s0")[0]
    for begin in range(0, number // 2, 10_000):
        places = range(begin, min(begin + 10_000, number // 2))
        traces = [made(model, place, own_group) for place in places]
        if with_folders:
            for trace in traces:
                os.mkdir(store.root / trace.folder)
        index._insert([(trace, packed(trace)) for trace in traces])
    stamp = " ".join(map(str, store.times(stage)))
    index._write(("INSERT OR REPLACE INTO synced VALUES (?, ?)", [(stage, stamp)]))
index.close()
"""


def main() -> int:
    options = parser(__doc__, 100_000)
    options.add_argument("--index-only", action="store_true", help="make no folders")
    given = options.parse_args()
    with Project(given.python, 100) as project:
        project.experiment("sweep", "--quiet")
        genuine = _genuine(project.root)
        _write_sizes(project, 1)
        before = _times(project, given.repeats)
        begin = time.perf_counter()
        kind = "index" if given.index_only else "folders"
        project.run("-c", FILL, given.n, kind)
        print(f"{given.n:,} traces made in {time.perf_counter() - begin:.0f} s")
        _copy_runs(project.root, given.n // 1000)
        after = _times(project, given.repeats)
        _print(before, after)
        if not given.index_only:
            _after_a_commit(project, given.repeats)
        _history(project.root)
        _sizes(project.root, given.n, genuine)
    return 0


def _write_sizes(project: Project, count: int) -> None:
    project.write("params/size.py", f"COUNT = {count}\nCHANGED = False\n")


def _genuine(root: Path) -> tuple[int, float]:
    """Return how many traces a real run left, and the bytes of one on disk."""
    cache = root / "data" / "cache"
    count = len(list(cache.glob("*/*/meta.json")))
    return count, measure.on_disk([cache])[2] / count


def _times(project: Project, repeats: int) -> dict[str, list[measure.Usage]]:
    commands = {
        "map of one argset": ("map", "sweep"),
        "run of one argset, cached": ("sweep", "--quiet"),
        "experiment ls": ("ls",),
        "experiment runs": ("runs",),
    }
    found: dict[str, list[measure.Usage]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            found[name].append(project.experiment(*command))
    return found


def _print(
    before: dict[str, list[measure.Usage]], after: dict[str, list[measure.Usage]]
) -> None:
    print(f"  {'':28} {'301 traces':>12} {'many':>10} {'ratio':>7} {'peak MB':>9}")
    for name in before:
        first = median(each.wall for each in before[name])
        second = median(each.wall for each in after[name])
        peak = max(each.memory for each in after[name]) / 1e6
        print(
            f"  {name:28} {first:10.3f} s {second:8.3f} s {second / first:6.1f}x {peak:9,.0f}"
        )


def _after_a_commit(project: Project, repeats: int) -> None:
    """A commit changes the folder of its stage, so the next run compares its names."""
    found = []
    for index in range(repeats):
        for stage in ("load", "fit"):
            (
                project.root / f"data/cache/stages.chain.{stage}/code-{index}.json"
            ).touch()
        found.append(project.experiment("map", "sweep").wall)
    print(f"  {'the same map after a commit':28} {'':12} {median(found):8.3f} s")


def _copy_runs(root: Path, number: int) -> None:
    runs = root / "data" / "runs"
    model = next(runs.glob("*-1/run.json"))
    for index in range(number):
        (runs / f"old-{index}").mkdir()
        shutil.copy(model, runs / f"old-{index}")


def _history(root: Path) -> None:
    paths = list((root / "data" / "runs").glob("*/run.json"))
    size = sum(os.path.getsize(path) for path in paths)
    print(f"  history: {len(paths):,} runs, {size / 1e6:,.1f} MB")


def _sizes(root: Path, number: int, genuine: tuple[int, float]) -> None:
    index = os.path.getsize(root / "data" / "cache" / "index.sqlite")
    count, each = genuine
    print(f"  index: {index / 1e6:,.1f} MB, {index / number:,.0f} bytes a trace")
    print(
        f"  folders, calculated from {count} genuine ones: {each / 1e3:.1f} kB each, "
        f"{each * number / 1e9:,.1f} GB for {number:,}"
    )


if __name__ == "__main__":
    sys.exit(main())
