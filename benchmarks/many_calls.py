"""Measures many trivial calls, serial and on two processes: time and memory must be linear.

python benchmarks/many_calls.py -n 100000
"""

import math

from own import Project, parser, verdict

STAGES = """
from curifactory import stage


@stage(None, ["x"])
def trivial(record):
    return record.args.seed
"""
EXPERIMENT = """
from curifactory import Record
from params import Args
from stages.trivial import trivial


def get_params():
    return [Args(name=f"s{index}", seed=index) for index in range(COUNT)]


def run(argsets, manager):
    for args in argsets:
        trivial(Record(manager, args))
"""


def main() -> int:
    given = parser(__doc__, 100_000).parse_args()
    few, some, many = (given.n // part for part in (100, 10, 1))
    with Project(given.python, 10) as project:
        project.write("stages/trivial.py", STAGES)
        for flags in ((), ("-j", "2")):
            used = {}
            for count in (few, some, many):
                text = EXPERIMENT.replace("COUNT", str(count))
                project.write("experiments/many.py", text)
                for name in ("cold", "cached"):
                    cache = ("--cache", f"cache-{count}{''.join(flags)}")
                    done = project.experiment("many", "--quiet", *cache, *flags)
                    used[name, count] = done
                    each = done.cpu / count * 1e6
                    print(
                        f"{' '.join(flags) or 'serial':7} {name:7} {count:8,} calls: "
                        f"{done.wall:7.1f} s, {each:6.0f} us of CPU each, "
                        f"{done.memory / 1e6:6.0f} MB",
                        flush=True,
                    )
            for name in ("cold", "cached"):
                growth = used[name, many].cpu / used[name, some].cpu
                exponent = math.log(growth) / math.log(many / some)
                verdict(f"{name}: growth exponent to {many:,} calls", exponent, 1.15)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
