"""Measures which share of an all-cached run tracking and fingerprinting take.

The functions of the runner's modules `reads` (what a stage reads), `code` and `syntax`
(fingerprints of code) and `hashing` (digests of values) are timed from outside, each time
one of them is entered from elsewhere; the whole is the process, start-up included, timed
without that. Timing makes them slower, so the true share is rather smaller.
"""

import json

from own import Project, median, parser, verdict

INSIDE = """
import functools, importlib, json, sys, time
from types import FunctionType

sys.path.insert(0, ".")
GROUPS = {"reads": "tracking", "code": "code", "syntax": "code", "hashing": "values"}
spent = dict.fromkeys(GROUPS.values(), 0.0)
stack = []


def timed(function, group):
    @functools.wraps(function)
    def inner(*args, **options):
        if stack and stack[-1][0] == group:
            return function(*args, **options)
        frame = [group, 0.0]
        stack.append(frame)
        begin = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            took = time.perf_counter() - begin
            stack.pop()
            spent[group] += took - frame[1]
            if stack:
                stack[-1][1] += took
    return inner


importlib.import_module("curifactory.experiment")
modules = [m for n, m in sys.modules.items() if n.startswith("curifactory.")]
for name, group in GROUPS.items():
    module = sys.modules[f"curifactory.{name}"]
    for key, value in list(vars(module).items()):
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            wrapped = timed(value, group)
            for other in modules:
                for known, held in list(vars(other).items()):
                    if held is value:
                        setattr(other, known, wrapped)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for method, held in list(vars(value).items()):
                if isinstance(held, FunctionType):
                    setattr(value, method, timed(held, group))

from curifactory.cli import main

code = main(["sweep", "--quiet"])
print("\\n" + json.dumps(spent))
raise SystemExit(code)
"""


def main() -> int:
    given = parser(__doc__, 1000).parse_args()
    whole, parts = [], []
    with Project(given.python, given.n) as project:
        project.write("inside.py", INSIDE)
        project.experiment("sweep", "--quiet")
        for _ in range(given.repeats):
            whole.append(project.experiment("sweep", "--quiet").wall)
            out = project.run("inside.py").out
            parts.append(json.loads(out.strip().splitlines()[-1]))
    total = median(whole)
    print(f"all cached, N = {given.n:,}: {total:.3f} s, medians of {given.repeats}")
    for name in parts[0]:
        share = median(
            each[name] / all_ for each, all_ in zip(parts, whole, strict=True)
        )
        print(f"  {name:9} {median(each[name] for each in parts):7.3f} s  {share:6.1%}")
    shares = [
        sum(each.values()) / all_ for each, all_ in zip(parts, whole, strict=True)
    ]
    without = [
        (each["tracking"] + each["code"]) / all_
        for each, all_ in zip(parts, whole, strict=True)
    ]
    verdict("tracking and code", 100 * median(without), 20, "%")
    verdict("with the digests of values", 100 * median(shares), 20, "%")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
