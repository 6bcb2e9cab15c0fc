"""Random experiments, random edits of them, and a model of what must be computed.

The model shares nothing with the runner. A `World` is an experiment as plain data: it
can be written as a project, and evaluated in plain Python. While a stage is evaluated,
what it reads is noted; that, its code and its inputs are its signature. A `Model` keeps
the signatures that were computed so far, and says which bodies a run must execute.
"""

import copy
from dataclasses import dataclass, field

PRIME = 10007
FIELDS = ("a0", "a1", "a2", "a3")


@dataclass
class Helper:
    """A function of `src/helpers.py`; it may call an earlier one, and use a constant."""

    name: str
    times: int
    plus: int
    by: int
    calls: int | None
    constant: str | None
    remark: str = ""


@dataclass
class Argset:
    """The values that a parameter file gives; what it leaves out is the default."""

    name: str
    given: dict
    nested: dict
    transform: tuple
    path: str


@dataclass
class Stage:
    """A stage: its body is a list of terms, each adding to one number."""

    name: str
    inputs: list
    output: str
    kind: str = "int"
    transient: bool = False
    boost: int | None = None
    terms: list = field(default_factory=list)
    remark: str = ""
    is_aggregate: bool = False


@dataclass
class Call:
    """One stage call: where it stands, and what it takes from which calls."""

    stage: Stage
    argset: Argset | None
    sources: list
    """For each member of the call: its argset, and what its inputs come from, by name."""


@dataclass
class World:
    """An experiment with all its files, as plain data."""

    constants: dict
    helpers: list
    order: list
    plain: dict
    noisy: dict
    fields: dict
    nested: dict
    method: tuple
    prop: tuple
    argsets: list
    stages: list
    copies: int
    total: Stage | None
    over_copies: bool
    last: Stage | None
    given: int
    files: dict
    more: int
    """How many files there are in `data/more`; what is in them, no stage reads."""
    remarks: dict = field(default_factory=dict)

    def kind_of(self, output):
        every = [*self.stages, self.total, self.last]
        return next(each.kind for each in every if each and each.output == output)

    def calls(self):
        """All calls, in the order in which `run()` makes them."""
        found, bound = [], []
        for argset in self.argsets:
            state = {"given": self.given}
            for stage in self.stages:
                self._call(found, stage, argset, state)
            bound.append((argset, state))
        for _, state in bound[: self.copies]:
            copied = self.argsets[0], dict(state)
            self._call(found, self.stages[-1], *copied)
            if self.over_copies:
                bound.append(copied)
        if self.total is not None:
            state = {}
            members = [(argset, dict(state)) for argset, state in bound]
            found.append(Call(self.total, None, members))
            state[self.total.output] = found[-1]
            if self.last is not None:
                self._call(found, self.last, None, state)
        return found

    @staticmethod
    def _call(found, stage, argset, state):
        taken = {name: state[name] for name in stage.inputs}
        found.append(Call(stage, argset, [(argset, taken)]))
        state[stage.output] = found[-1]

    # Meaning ------------------------------------------------------------------------

    def help(self, index, x, by=None):
        helper = self.helpers[index]
        value = x * helper.times + helper.plus * (helper.by if by is None else by)
        value += self.constants.get(helper.constant, 0)
        if helper.calls is not None:
            value += self.help(helper.calls, x)
        return value % PRIME

    def predict(self, kind, x, y):
        value = x * self.plain["weight"] + y * self.plain["factor"]
        value = (value + self.help(self.plain["helper"], y)) % PRIME
        return value + self.noisy["extra"] if kind == "noisy" else value

    def transformed(self, transform, x):
        kind, number = transform[:2]
        if kind == "lambda":
            return x * number % PRIME
        by = transform[2] if kind == "partial" else None
        return self.help(number, x, by)

    # Code ---------------------------------------------------------------------------

    def helper_code(self, index):
        h = self.helpers[index]
        inner = None if h.calls is None else self.helper_code(h.calls)
        constant = self.constants.get(h.constant)
        return index, h.times, h.plus, h.by, h.constant, constant, inner

    def class_code(self, kind):
        helper = self.helper_code(self.plain["helper"])
        plain = self.plain["factor"], self.plain["weight"], helper
        return (kind, plain, self.noisy["extra"]) if kind == "noisy" else (kind, plain)

    def transform_code(self, transform):
        if transform[0] == "lambda":
            return transform
        return (*transform, self.helper_code(transform[1]))

    def stage_code(self, stage):
        """All that the text of a stage means: its terms, and what they refer to."""
        found = [stage.name, stage.kind, stage.transient]
        if stage.kind != "int":
            found.append(self.class_code(stage.kind))
        for term in stage.terms:
            found.append(term)
            if term[0] in ("helper", "module", "local"):
                found.append(self.helper_code(term[1]))
            elif term[0] == "table":  # what is taken from it, only a run could tell
                found += map(self.helper_code, range(len(self.helpers)))
            elif term[0] == "constant":
                found.append(self.constants[term[1]])
        return repr(found)

    # Argsets ------------------------------------------------------------------------

    def value(self, argset, name):
        return argset.given.get(name, self.fields[name])

    def nested_value(self, argset, name):
        return argset.nested.get(name, self.nested[name])

    # Text ---------------------------------------------------------------------------

    def text(self):
        """The files of the project."""
        return {
            "params/__init__.py": self._args_text(),
            "params/base.py": self._params_text(),
            "src/__init__.py": "",
            "src/constants.py": self._constants_text(),
            "src/helpers.py": self._helpers_text(),
            "src/models.py": self._models_text(),
            "stages/__init__.py": "",
            "stages/chain.py": self._stages_text(),
            "experiments/study.py": self._experiment_text(),
            **{path: f"{number}\n" for path, number in self.files.items()},
            **{f"data/more/{number}.txt": "" for number in range(self.more)},
        }

    def _head(self, name):
        return f'"""{name.title()}. {self.remarks.get(name, "")}"""\n'

    def _constants_text(self):
        lines = [f"{name} = {value}" for name, value in self.constants.items()]
        return self._head("constants") + "\n".join(lines) + "\n"

    def _helpers_text(self):
        parts = [self._head("helpers"), "from src.constants import BIAS, RATE\n"]
        for index in self.order:
            h = self.helpers[index]
            inner = "" if h.calls is None else f" + {self.helpers[h.calls].name}(x)"
            constant = f" + {h.constant}" if h.constant else ""
            doc = f'    """Help. {h.remark}"""\n' if h.remark else ""
            parts.append(
                f"\ndef {h.name}(x, by={h.by}):\n{doc}    # {h.remark}\n"
                f"    value = x * {h.times} + {h.plus} * by{constant}{inner}\n"
                f"    return value % {PRIME}\n"
            )
        names = ", ".join(f'"{i}": {h.name}' for i, h in enumerate(self.helpers))
        return "".join(parts) + f"\nTABLES = {{{names}}}\n"

    def _models_text(self):
        helper = self.helpers[self.plain["helper"]].name
        return f'''{self._head("models")}
import os

from src import helpers


class Plain:
    """A model. {self.remarks.get("models", "")}"""

    factor = {self.plain["factor"]}

    def __init__(self, x):
        self.x = x

    def predict(self, y):
        value = self.x * {self.plain["weight"]} + y * self.factor
        return (value + helpers.{helper}(y)) % {PRIME}


class Noisy(Plain):
    """The bytes of its pickle are never the same."""

    def __getstate__(self):
        return {{"x": self.x, "noise": os.urandom(6)}}

    def __setstate__(self, state):
        self.x = state["x"]

    def predict(self, y):
        return super().predict(y) + {self.noisy["extra"]}
'''

    def _args_text(self):
        plain = "\n".join(f"    {n}: int = {v}" for n, v in self.fields.items())
        nested = "\n".join(f"    {n}: int = {v}" for n, v in self.nested.items())
        k, f, g = self.method
        j, h = self.prop
        return f'''{self._head("params")}
from dataclasses import dataclass, field

from curifactory import ExperimentArgs


@dataclass
class Model:
{nested}


@dataclass
class Args(ExperimentArgs):
    """Parameters. {self.remarks.get("params", "")}"""

    model: Model = field(default_factory=Model)
    transform: object = None
    path: str = "data/f0.txt"
    workers: int = field(default=1, metadata={{"operational": True}})
{plain}

    def mixed(self, x):
        return (self.{f} * x + self.{g} * {k}) % {PRIME}

    @property
    def scaled(self):
        return self.{h} * {j}
'''

    def _params_text(self):
        names = ", ".join(h.name for h in self.helpers)
        parts = [
            self._head("base"),
            "from functools import partial\n\nfrom params import Args, Model\n"
            f"from src.helpers import {names}\n\n\ndef get_params():\n    return [\n",
        ]
        for each in self.argsets:
            given = {"name": repr(each.name), "path": repr(each.path), **each.given}
            given["transform"] = self._transform_text(each.transform)
            nested = ", ".join(f"{n}={v}" for n, v in each.nested.items())
            if nested:
                given["model"] = f"Model({nested})"
            inside = ", ".join(f"{n}={v}" for n, v in given.items())
            parts.append(f"        Args({inside}),\n")
        return "".join(parts) + "    ]\n"

    def _transform_text(self, transform):
        kind, number = transform[:2]
        if kind == "lambda":
            return f"lambda x: x * {number} % {PRIME}"
        name = self.helpers[number].name
        return name if kind == "helper" else f"partial({name}, by={transform[2]})"

    def _stages_text(self):
        names = ", ".join(h.name for h in self.helpers)
        parts = [
            self._head("chain"),
            "from dataclasses import asdict\nfrom pathlib import Path\n\n"
            "import src.helpers\nfrom bodies import executed\n"
            "from curifactory import aggregate, stage\n"
            f"from src.constants import BIAS, RATE\nfrom src.helpers import TABLES, {names}\n"
            "from src.models import Noisy, Plain\n",
        ]
        every = [*self.stages, self.total, self.last]
        parts += [self._stage_text(each) for each in every if each is not None]
        return "".join(parts)

    def _stage_text(self, stage):
        kind = "aggregate" if stage.is_aggregate else "stage"
        cachers = ", cachers=None" if stage.transient else ""
        first = ["record", "records"] if stage.is_aggregate else ["record"]
        boost = [] if stage.boost is None else ["boost"]
        lines = [
            f"\n\n@{kind}({stage.inputs}, [{stage.output!r}]{cachers})",
            f"def {stage.name}({', '.join([*first, *stage.inputs, *boost])}):",
            f'    """Compute. {stage.remark}"""',
            f'    executed("{stage.name}", record.label)',
            f"    # {stage.remark}",
            "    v = 0",
            *(f"    {self._term_text(term)}" for term in stage.terms),
            f"    {RESULTS[stage.kind]}",
        ]
        return "\n".join(lines) + "\n"

    def _term_text(self, term):
        kind, *rest = term
        if kind in ("helper", "module", "local"):
            name = self.helpers[rest[0]].name
            if kind == "local":
                return f"from src.helpers import {name} as near; v += near(v)"
            return f"v += {'src.helpers.' * (kind == 'module')}{name}(v)"
        if kind == "input":
            return USES[self.kind_of(rest[0]) if rest[0] != "given" else "int"].format(
                value=rest[0]
            )
        if kind == "fold":
            use = USES[self.kind_of(rest[0])].format(value="value")
            inner = "".join(f"\n        v += each.args.{name}" for name in rest[1:])
            return (
                f"for each, value in {rest[0]}.items():\n"
                f"        v = v * 31 % {PRIME}\n        {use}{inner}"
            )
        return TEXTS[kind].format(*rest)

    def _experiment_text(self):
        every = [*self.stages, self.total, self.last]
        names = ", ".join(each.name for each in every if each is not None)
        lines = [
            self._head("study"),
            f"from curifactory import Record\nfrom stages.chain import {names}\n",
            'DEFAULT_PARAMS = ["base"]\n\n',
            "def run(argsets, manager):",
            "    records = []",
            "    for args in argsets:",
            "        each = Record(manager, args)",
            f'        each.state["given"] = {self.given}',
            *(f"        {_applied(stage, 'each')}" for stage in self.stages),
            "        records.append(each)",
            f"    copies = [r.make_copy(argsets[0]) for r in records[:{self.copies}]]",
            "    for each in copies:",
            f"        {_applied(self.stages[-1], 'each')}",
        ]
        if self.total is not None:
            over = "records + copies" if self.over_copies else "records"
            lines.append(f"    last = {self.total.name}(Record(manager, None), {over})")
            if self.last is not None:
                lines.append(f"    {_applied(self.last, 'last')}")
        return "\n".join(lines) + "\n"


def _applied(stage, record):
    boost = "" if stage.boost is None else f", boost={stage.boost}"
    return f"{stage.name}({record}{boost})"


RESULTS = {
    "int": f"return v % {PRIME}",
    "plain": f"return Plain(v % {PRIME})",
    "noisy": f"return Noisy(v % {PRIME})",
    "class": "return Plain",
}
USES = {
    "int": "v += 3 * {value}",
    "plain": "v += {value}.predict(v)",
    "noisy": "v += {value}.predict(v)",
    "class": "v += {value}(v).predict(5)",
}
TEXTS = {
    "number": "v += {}",
    "field": "v += record.args.{}",
    "name": "v += sum(map(ord, record.args.name))",
    "nested": "v += record.args.model.{}",
    "branch": "v += record.args.{1} if record.args.{0} % 2 else record.args.{2}",
    "table": 'v += TABLES["{}"](v)',
    "constant": "v += {}",
    "method": "v += record.args.mixed(2)",
    "property": "v += record.args.scaled",
    "transform": "v += record.args.transform(v)",
    "file": 'v += int(Path("{}").read_text())',
    "folder": 'v += 11 * len(list(Path("data/more").iterdir()))',
    "named file": "v += int(Path(record.args.path).read_text())",
    "all": "v += sum(x for n, x in asdict(record.args).items()"
    ' if isinstance(x, int) and n != "workers")',
    "boost": "v += 7 * boost",
}


# Evaluation -------------------------------------------------------------------------


class Evaluation:
    """The values of all calls of a world, and what each body read, from nothing."""

    def __init__(self, world):
        self.world = world
        self.calls = world.calls()
        self.values = {}
        self.reads = {}
        for call in self.calls:
            self.reads[id(call)] = noted = {}
            self.values[id(call)] = self._evaluate(call, noted)

    def known(self, source):
        return self.values[id(source)] if isinstance(source, Call) else source

    def _evaluate(self, call, noted):
        stage, world = call.stage, self.world
        for _, taken in call.sources:
            for name in stage.inputs:
                value = self.known(taken[name])
                if isinstance(value, tuple):
                    kind = value[0]
                    noted["class", kind] = world.class_code(kind)
        v = 0
        for term in stage.terms:
            if term[0] == "fold":
                for number, (argset, taken) in enumerate(call.sources):
                    v = self._use(v * 31 % PRIME, self.known(taken[term[1]]))
                    for name in term[2:]:
                        v += self._read(noted, argset, name, number)
            elif term[0] == "input":
                v = self._use(v, self.known(call.sources[0][1][term[1]]))
            else:
                v += self._term(term, v, call, noted)
        if stage.kind == "class":
            return ("class",)
        return v % PRIME if stage.kind == "int" else (stage.kind, v % PRIME)

    def _use(self, v, value):
        if not isinstance(value, tuple):
            return v + 3 * value
        if value[0] == "class":
            return v + self.world.predict("plain", v, 5)
        return v + self.world.predict(value[0], value[1], v)

    def _read(self, noted, argset, name, number=""):
        value = self.world.value(argset, name)
        noted[f"a{number}", name] = value
        return value

    def _named_file(self, noted, argset):
        noted["a", "path"] = argset.path
        noted["f", argset.path] = self.world.files[argset.path]
        return self.world.files[argset.path]

    def _term(self, term, v, call, noted):
        world, argset = self.world, call.argset
        kind, *rest = term
        if kind == "number":
            return rest[0]
        if kind == "boost":
            return 7 * call.stage.boost
        if kind in ("helper", "module", "local", "table"):
            return world.help(rest[0], v)
        if kind == "constant":
            return world.constants[rest[0]]
        if kind == "file":
            noted["f", rest[0]] = world.files[rest[0]]
            return world.files[rest[0]]
        if kind == "folder":
            noted["f", "data/more"] = world.more
            return 11 * world.more
        if kind == "field":
            return self._read(noted, argset, rest[0])
        if kind == "branch":
            chosen = rest[1] if self._read(noted, argset, rest[0]) % 2 else rest[2]
            return self._read(noted, argset, chosen)
        if kind == "name":
            noted["a", "name"] = argset.name
            return sum(map(ord, argset.name))
        if kind == "nested":
            noted["a", "model." + rest[0]] = world.nested_value(argset, rest[0])
            return world.nested_value(argset, rest[0])
        if kind == "method":
            k, f, g = noted["m", "mixed"] = world.method
            one, two = self._read(noted, argset, f), self._read(noted, argset, g)
            return (one * 2 + two * k) % PRIME
        if kind == "property":
            j, f = noted["m", "scaled"] = world.prop
            return self._read(noted, argset, f) * j
        if kind == "transform":
            noted["a", "transform"] = world.transform_code(argset.transform)
            return world.transformed(argset.transform, v)
        if kind == "named file":
            return self._named_file(noted, argset)
        assert kind == "all", kind
        noted["a", "fields"] = tuple(world.fields)
        noted["a", "name"] = argset.name
        noted["a", "transform"] = world.transform_code(argset.transform)
        self._named_file(noted, argset)
        for name in world.nested:
            noted["a", "model." + name] = world.nested_value(argset, name)
        return sum(self._read(noted, argset, name) for name in world.fields)


# What must be computed --------------------------------------------------------------


@dataclass(eq=False)
class Trace:
    """One execution that the cache holds."""

    identity: object
    has_data: bool
    folder: str = ""


class Model:
    """What a cache holds, and what a run with it must execute."""

    def __init__(self):
        self.known = {}
        self.count = 0

    def run(self, world):
        """Return the evaluation, a trace for each call, and the bodies, in order."""
        return _Run(self, Evaluation(world))

    def forget(self, trace):
        for traces in self.known.values():
            if trace in traces:
                traces.remove(trace)


class _Run:
    def __init__(self, model, evaluation):
        self.model = model
        self.evaluation = evaluation
        self.traces = {}
        self.in_memory = set()
        self.executed = []
        self.signatures = {}
        for call in evaluation.calls:
            self._settle(call)

    @property
    def outcomes(self):
        """Each call with its value and its trace, the last one that is equal."""
        known, values = self.model.known, self.evaluation.values
        return [
            (call, values[id(call)], known[self.signatures[id(call)]][-1])
            for call in self.evaluation.calls
        ]

    def _identity(self, source):
        if isinstance(source, Call):
            return self.traces[id(source)].identity
        return "literal", source

    def _settle(self, call):
        stage = call.stage
        inputs = [
            self._identity(taken[name])
            for _, taken in call.sources
            for name in stage.inputs
        ]
        reads = self.evaluation.reads[id(call)]
        code = self.evaluation.world.stage_code(stage)
        group = code, stage.boost, tuple(inputs), len(call.sources)
        signature = group, frozenset(reads.items())
        self.signatures[id(call)] = signature
        traces = self.model.known.setdefault(signature, [])
        if traces:
            self.traces[id(call)] = traces[-1]
        else:
            self._compute(call, None)

    def _compute(self, call, before):
        for _, taken in call.sources:
            for name in call.stage.inputs:
                if isinstance(taken[name], Call):
                    self._ensure_data(taken[name])
        label = call.argset.name if call.argset else "-"
        self.executed.append(f"{call.stage.name} {label}")
        identity = before.identity if before else self._new_identity(call)
        trace = Trace(identity, not call.stage.transient)
        if call.stage.transient:
            self.in_memory.add(trace)
        self.model.known[self.signatures[id(call)]].append(trace)
        self.traces[id(call)] = trace

    def _new_identity(self, call):
        if call.stage.transient:
            return "key", self.signatures[id(call)]
        if call.stage.kind == "noisy":
            self.model.count += 1
            return "noise", self.model.count
        return "content", self.evaluation.values[id(call)]

    def _ensure_data(self, call):
        trace = self.traces[id(call)]
        if not trace.has_data:
            trace = self.model.known[self.signatures[id(call)]][-1]
        if trace.has_data or trace in self.in_memory:
            self.traces[id(call)] = trace
            return
        self._compute(call, self.traces[id(call)])


# Worlds and edits -------------------------------------------------------------------


def number(rng):
    return rng.randrange(1, 5000)


def make_world(rng):
    """Return a random experiment."""
    helpers = [
        Helper(
            f"h{index}",
            rng.randrange(2, 50),
            number(rng),
            rng.randrange(1, 9),
            rng.randrange(index) if index and rng.random() < 0.5 else None,
            rng.choice([None, "BIAS", "RATE"]),
        )
        for index in range(4)
    ]
    world = World(
        constants={"BIAS": number(rng), "RATE": number(rng)},
        helpers=helpers,
        order=list(range(4)),
        plain={"factor": 3, "weight": 5, "helper": rng.randrange(4)},
        noisy={"extra": number(rng)},
        fields={name: number(rng) for name in FIELDS},
        nested={"depth": number(rng), "width": number(rng)},
        method=(number(rng), *rng.sample(FIELDS, 2)),
        prop=(number(rng), rng.choice(FIELDS)),
        argsets=[],
        stages=[],
        copies=rng.choice([0, 0, 1, 2]),
        total=None,
        over_copies=False,
        last=None,
        given=number(rng),
        files={f"data/f{index}.txt": number(rng) for index in range(3)},
        more=rng.randrange(1, 4),
    )
    for index in range(rng.randrange(1, 4)):
        world.argsets.append(_argset(rng, world, f"n{index}"))
    for index in range(rng.randrange(2, 6)):
        world.stages.append(_stage(rng, world, index))
    world.over_copies = world.copies > 0 and rng.random() < 0.5
    if rng.random() < 0.7:
        _add_aggregate(rng, world)
    return world


def _argset(rng, world, name):
    chosen = rng.sample(sorted(world.fields), rng.randrange(len(FIELDS)))
    return Argset(
        name,
        {each: number(rng) for each in chosen},
        {"depth": number(rng)} if rng.random() < 0.4 else {},
        _transform(rng),
        rng.choice(sorted(world.files)),
    )


def _transform(rng):
    kind = rng.choice(["helper", "lambda", "partial"])
    if kind == "lambda":
        return kind, number(rng)
    return (kind, rng.randrange(4), *([number(rng)] if kind == "partial" else []))


def _stage(rng, world, index):
    outputs = [each.output for each in world.stages]
    if outputs:
        # The newest first makes chains; two of them, diamonds.
        inputs = [outputs[-1]] if rng.random() < 0.7 else [rng.choice(outputs)]
        if rng.random() < 0.4:
            inputs = list(dict.fromkeys([*inputs, rng.choice(outputs)]))
    else:
        inputs = ["given"] if rng.random() < 0.3 else []
    made = Stage(f"s{index}", inputs, f"x{index}")
    made.kind = rng.choice(["int", "int", "int", "plain", "noisy", "class"])
    made.transient = made.kind != "class" and rng.random() < 0.2
    made.boost = number(rng) if rng.random() < 0.2 else None
    made.terms = [("input", name) for name in inputs]
    made.terms += [_term(rng, world, ARGS_TERMS) for _ in range(rng.randrange(1, 4))]
    made.terms.append(("number", number(rng)))
    if made.boost is not None:
        made.terms.append(("boost",))
    return made


def _add_aggregate(rng, world):
    source = world.stages[-1].output
    fields = rng.sample(FIELDS, rng.randrange(2))
    world.total = Stage("total", [source], "sum", is_aggregate=True)
    world.total.terms = [("number", number(rng)), ("fold", source, *fields)]
    world.total.kind = rng.choice(["int", "plain"])
    if rng.random() < 0.6:
        world.last = Stage("finish", ["sum"], "end")
        world.last.terms = [("input", "sum"), _term(rng, world, OTHER_TERMS)]
        world.last.terms.append(("number", number(rng)))


OTHER_TERMS = ("helper", "module", "local", "table", "constant", "file", "folder")
ARGS_TERMS = (
    *OTHER_TERMS,
    *("field", "field", "name", "nested", "branch", "method", "property"),
    *("transform", "named file", "all"),
)


def _term(rng, world, kinds):
    kind = rng.choice(kinds)
    if kind in ("helper", "module", "local", "table"):
        return kind, rng.randrange(4)
    if kind == "constant":
        return kind, rng.choice(["BIAS", "RATE"])
    if kind == "file":
        return kind, rng.choice(sorted(world.files))
    if kind == "field":
        return kind, rng.choice(sorted(world.fields))
    if kind == "nested":
        return kind, rng.choice(["depth", "width"])
    if kind == "branch":
        return (kind, *rng.sample(FIELDS, 3))
    return (kind,)


def _every_stage(world):
    return [each for each in [*world.stages, world.total, world.last] if each]


def edit_field(rng, world):
    rng.choice(world.argsets).given[rng.choice(sorted(world.fields))] = number(rng)


def edit_nested_field(rng, world):
    rng.choice(world.argsets).nested[rng.choice(["depth", "width"])] = number(rng)


def edit_callable(rng, world):
    rng.choice(world.argsets).transform = _transform(rng)


def edit_operational_field(rng, world):
    rng.choice(world.argsets).given["workers"] = number(rng)


def edit_default(rng, world):
    table = rng.choice([world.fields, world.fields, world.nested])
    table[rng.choice(sorted(table))] = number(rng)


def edit_new_field(rng, world):
    world.fields[f"b{len(world.fields)}"] = number(rng)


def edit_helper(rng, world):
    helper = rng.choice(world.helpers)
    name = rng.choice(["times", "plus", "by"])
    setattr(helper, name, number(rng))


def edit_method(rng, world):
    if rng.random() < 0.5:
        world.method = (number(rng), *rng.sample(FIELDS, 2))
    else:
        world.prop = number(rng), rng.choice(FIELDS)


def edit_class(rng, world):
    table, name = rng.choice(
        [(world.plain, "factor"), (world.plain, "weight"), (world.noisy, "extra")]
    )
    table[name] = number(rng)


def edit_constant(rng, world):
    world.constants[rng.choice(sorted(world.constants))] = number(rng)


def edit_stage_body(rng, world):
    stage = rng.choice(_every_stage(world))
    kinds = ARGS_TERMS if stage in world.stages else OTHER_TERMS
    place = next(i for i, term in enumerate(stage.terms) if term[0] == "number")
    if rng.random() < 0.5:
        stage.terms[place] = ("number", number(rng))
    else:
        stage.terms.insert(place, _term(rng, world, kinds))


def edit_comment(rng, world):
    text = f"remark {number(rng)}"
    place = rng.choice([*world.helpers, *_every_stage(world), None])
    if place is not None:
        place.remark = text
    else:
        where = ("constants", "helpers", "models", "params", "base", "chain", "study")
        world.remarks[rng.choice(where)] = text
    if rng.random() < 0.3:
        rng.shuffle(world.order)


def edit_helper_name(rng, world):
    index = rng.randrange(4)
    world.helpers[index].name = f"h{index}_{number(rng)}"


def edit_data_file(rng, world):
    world.files[rng.choice(sorted(world.files))] = number(rng)


def edit_file_in_a_folder(rng, world):
    world.more += rng.choice([-1, 1]) if world.more > 1 else 1


def edit_argset_name(rng, world):
    rng.choice(world.argsets).name = _new_name(rng, world)


def edit_added_argset(rng, world):
    if len(world.argsets) > 4:
        return False
    made = _argset(rng, world, _new_name(rng, world))
    if rng.random() < 0.4:
        made = copy.deepcopy(rng.choice(world.argsets))
        made.name = _new_name(rng, world)
    world.argsets.insert(rng.randrange(len(world.argsets) + 1), made)
    return True


def edit_removed_argset(rng, world):
    if len(world.argsets) < 2:
        return False
    world.argsets.pop(rng.randrange(len(world.argsets)))
    return True


def edit_reordered_argsets(rng, world):
    before = list(world.argsets)
    rng.shuffle(world.argsets)
    return world.argsets != before


def edit_keyword(rng, world):
    found = [each for each in world.stages if each.boost is not None]
    if not found:
        return False
    rng.choice(found).boost = number(rng)
    return True


def edit_literal(rng, world):
    world.given = number(rng)


def _new_name(rng, world):
    taken = {each.name for each in world.argsets}
    return next(
        name for name in iter(lambda: f"n{number(rng)}", "") if name not in taken
    )


EDITS = {
    "a field": edit_field,
    "a field of a nested dataclass": edit_nested_field,
    "a callable in an argset": edit_callable,
    "an operational field": edit_operational_field,
    "a default": edit_default,
    "a new field": edit_new_field,
    "a helper": edit_helper,
    "a method of Args": edit_method,
    "a class of an artifact": edit_class,
    "a constant": edit_constant,
    "a stage body": edit_stage_body,
    "a comment": edit_comment,
    "the name of a helper": edit_helper_name,
    "a data file": edit_data_file,
    "a file in a folder": edit_file_in_a_folder,
    "the name of an argset": edit_argset_name,
    "an added argset": edit_added_argset,
    "a removed argset": edit_removed_argset,
    "reordered argsets": edit_reordered_argsets,
    "a keyword argument": edit_keyword,
    "a value given by hand": edit_literal,
}
# These are edits of the cache or of time stamps, and of the history of edits.
OTHER_EDITS = ("a deleted artifact", "a collected artifact", "an edit undone", "time")
KINDS = (*EDITS, *OTHER_EDITS)
