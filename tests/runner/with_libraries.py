"""Results with torch, jax, numba and others: `make test-libraries`.

They take gigabytes, so the other tests do without them, and this file is named otherwise.
"""

import pytest

RUN = """
from curifactory import Record
from stages.{name} import last

def run(argsets, manager):
    for args in argsets:
        last(Record(manager, args))
"""

TORCH = {
    "src/nets.py": """
    import torch
    from torch import nn

    WIDTH = 4

    class Block(nn.Module):
        def __init__(self, act):
            super().__init__()
            self.linear = nn.Linear(WIDTH, WIDTH)
            self.act = act

        def forward(self, x):
            return x + self.act(self.linear(x))

    @torch.no_grad()
    def sums(net):
        return net(torch.ones(WIDTH)).sum()

    @torch.jit.script
    def scripted(x):
        return x * 2

    def inner(x):
        return x + 1

    @torch.compile(backend="eager")
    def compiled(x):
        return inner(x) - 3

    class Swish(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * torch.sigmoid(x)

        @staticmethod
        def backward(ctx, gradient):
            return gradient * 2

    def swish(x):
        return Swish.apply(x)
    """,
    "params/torched.py": """
    from dataclasses import dataclass, field
    from typing import Any

    import torch
    from curifactory import ExperimentArgs
    from src import nets

    @dataclass
    class Args(ExperimentArgs):
        act: Any = nets.swish
        optimizer: Any = torch.optim.SGD
        loss: Any = field(default_factory=torch.nn.MSELoss)
        start: Any = field(default_factory=lambda: torch.arange(4.0))
        turned: Any = field(default_factory=lambda: torch.ones(2, dtype=torch.cfloat).conj())
        half: Any = field(default_factory=lambda: torch.ones((), dtype=torch.bfloat16))
        sparse: Any = field(default_factory=lambda: torch.eye(2).to_sparse())
        weight: Any = field(default_factory=lambda: torch.nn.Parameter(torch.ones(3)))
        compiled: Any = nets.compiled
        kind: Any = torch.float32

    def get_params():
        return [Args(name="a")]
    """,
    "stages/torched.py": """
    import torch
    from curifactory import stage
    from src import nets

    @stage(None, ["net"])
    def first(record):
        torch.manual_seed(0)
        args, net = record.args, nets.Block(record.args.act)
        opt = args.optimizer(net.parameters(), lr=0.1)
        args.loss(net(args.start.to(args.kind)), args.start).backward()
        opt.step()
        return net

    @stage(["net"], ["out"])
    def second(record, net):
        args = record.args
        with torch.no_grad():
            own = [args.turned, args.half, args.sparse.to_dense(), args.weight]
            values = [float(each.sum().real) for each in own]
            done = nets.scripted(nets.sums(net)) + args.compiled(torch.ones(2))
        return done, values

    def last(record):
        return second(first(record))
    """,
    "experiments/torched.py": RUN.format(name="torched"),
}
JAX = {
    "src/kernels.py": """
    from functools import partial

    import jax
    import jax.numpy as jnp
    import numba

    SCALE = 2.0

    def helper(x):
        return x * SCALE

    @jax.jit
    def loss(w):
        return jnp.mean(helper(w) ** 2)

    gradient = jax.grad(loss)

    @partial(jax.jit, static_argnums=0)
    def power(n, x):
        return x**n

    @numba.njit
    def inner(x):
        return x + 1.0

    @numba.njit
    def kernel(values):
        found = 0.0
        for each in values:
            found += inner(each)
        return found

    def rebound(x):
        return x + 5.0

    rebound = numba.njit(fastmath=True)(rebound)

    @numba.vectorize(["float64(float64)"])
    def shifted(x):
        return x + 3.0
    """,
    "params/jaxed.py": """
    from dataclasses import dataclass, field
    from typing import Any

    import jax
    import jax.numpy as jnp
    from curifactory import ExperimentArgs
    from src import kernels

    @dataclass
    class Args(ExperimentArgs):
        tanh: Any = jnp.tanh
        relu: Any = jax.nn.relu
        power: Any = kernels.power
        kernel: Any = kernels.kernel
        key: Any = field(default_factory=lambda: jax.random.key(3))
        mask: Any = field(default_factory=lambda: jnp.ones(3))

    def get_params():
        return [Args(name="a")]
    """,
    "stages/jaxed.py": """
    import jax
    import numpy as np
    from curifactory import stage
    from src import kernels

    @stage(None, ["w"])
    def first(record):
        args = record.args
        w = jax.random.normal(args.key, (3,)) * args.mask
        return kernels.gradient(args.power(2, args.relu(args.tanh(w))))

    @stage(["w"], ["out"])
    def second(record, w):
        values = np.asarray(w, dtype=float)
        done = record.args.kernel(values) + kernels.rebound(1.0)
        return done + kernels.shifted(values).sum()

    def last(record):
        return second(first(record))
    """,
    "experiments/jaxed.py": RUN.format(name="jaxed"),
}

LINES = "import torch\n", "import torch\n\n\nUNUSED = 1  # and more lines\n"
EDITS = {
    "torched": [
        (*LINES, ""),
        ("WIDTH = 4", "WIDTH = 2 * 2 + 0", ""),
        ("x + self.act", "x - self.act", "first second"),
        ("x * torch.sigmoid(x)", "x * torch.tanh(x)", "first second"),
        ("gradient * 2", "gradient * 3", "first second"),
        ("net(torch.ones(WIDTH)).sum()", "net(torch.zeros(WIDTH)).sum()", "second"),
        ("x * 2", "x * 3", "second"),
        ("x + 1", "x + 2", "second"),
        ("inner(x) - 3", "inner(x) - 4", "second"),
    ],
    "jaxed": [
        ("import jax\n", "import jax\n\n\nUNUSED = 1  # and more lines\n", ""),
        ("SCALE = 2.0", "SCALE = 3.0", "first second"),
        ("jnp.mean(", "jnp.sum(", "first second"),
        ("x**n", "x**n + x", "first second"),
        ("static_argnums=0", "static_argnames='n'", "first"),
        ("x + 1.0", "x + 2.0", "second"),
        ("found += inner", "found -= inner", "second"),
        ("fastmath=True", "fastmath=False", "second"),
        ("x + 5.0", "x + 6.0", "second"),
        ("x + 3.0", "x + 4.0", "second"),
    ],
}
PROJECTS = {"torched": TORCH, "jaxed": JAX}


VALUES = """
import hashlib, sys, warnings
warnings.simplefilter("ignore")
import astropy.units, equinox, flax.linen, jax, keras, networkx, omegaconf, optax, torch
from curifactory import hashing, plain
from curifactory.pickling import pickled

def asked(graph):
    return graph if graph.edges else None

for make in (
    lambda: flax.linen.Dense(3),
    lambda: flax.linen.Dense(3).init(jax.random.key(0), jax.numpy.ones((1, 2))),
    lambda: equinox.nn.Linear(2, 3, key=jax.random.key(1)),
    lambda: [jax.nn.relu, jax.jit(flax.linen.gelu), jax.numpy.add],
    lambda: optax.chain(optax.clip(1.0), optax.adam(0.1)),
    lambda: omegaconf.OmegaConf.create({"a": {"b": [1]}, "c": "${a.b}"}),
    lambda: [3 * astropy.units.m / astropy.units.s, astropy.units.km],
    lambda: networkx.karate_club_graph(),
    lambda: asked(networkx.karate_club_graph()),
    lambda: [keras.optimizers.Adam(0.1), keras.layers.Dense(2), keras.losses.Huber()],
    lambda: [torch.ones(2), torch.nn.Linear(2, 1).load_state_dict({}, strict=False)],
):
    one, other = make(), make()
    found = {hashing.digest(each) for each in (one, other, plain.copied(one))}
    print(*found)
print(hashlib.md5(pickled([torch.ones(3), jax.nn.relu])).hexdigest())
"""


OTHERS = """
import dataclasses, warnings
warnings.simplefilter("ignore")
import astropy.units, omegaconf, torch
from curifactory import hashing

@dataclasses.dataclass
class Adam:
    rate: float = 0.1

@dataclasses.dataclass
class Plain:
    rate: float = 0.1

def tagged(label):
    made = torch.ones(2)
    made.label = label
    return made

create, structured = omegaconf.OmegaConf.create, omegaconf.OmegaConf.structured
whole = lambda rate: create({"m": {"rate": "${rate}"}, "rate": rate})
quantized = lambda scale: torch.quantize_per_tensor(torch.ones(2), scale, 0, torch.qint8)
for make, one, other in (
    (structured, Adam, Plain),
    (lambda kind: create({"a": structured(kind)}), Adam, Plain),
    (lambda rate: whole(rate).m, 1, 2),
    (lambda scale: astropy.units.Unit(scale * astropy.units.m), 1.2345678901, 1.2345678902),
    (lambda scale: astropy.units.def_unit("foo", scale * astropy.units.m), 3, 4),
    (tagged, "a", "b"),
    (quantized, 0.1, 0.2),
    (lambda n: torch.eye(n).to_sparse_csr(), 2, 3),
    (lambda n: torch.ones(n).untyped_storage(), 2, 3),
    (lambda n: torch.nested.nested_tensor([torch.ones(2), torch.ones(n)]), 2, 3),
    (torch.nn.UninitializedParameter, True, False),
):
    print(len({hashing.digest(make(each)) for each in (one, one, other, other)}))
"""


OF_SCIENCE = """
import warnings
warnings.simplefilter("ignore")
import addict, geopandas, numpy, pandas, pydantic, scipy.stats, shapely, sklearn.ensemble, toolz
import uncertainties, xarray
from curifactory import hashing, plain

def place(system):
    return geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(0, 1)], crs=system)

def forest(seed):
    values = numpy.arange(30.0).reshape(10, 3)
    made = sklearn.ensemble.RandomForestClassifier(3, random_state=seed)
    return made.fit(values, values[:, 0] > values[seed, 1])

def times(calendar):
    return xarray.date_range("2000", periods=2, calendar=calendar, use_cftime=True)

def climate(calendar):
    return pandas.Series([1, 2], index=times(calendar))

for make, one, other in (
    (place, 4326, 3857),
    (place, 4326, None),
    (lambda size: geopandas.GeoSeries([shapely.Point(0, size)]), 1, 2),
    (lambda spread: uncertainties.ufloat(1.0, spread), 0.1, 0.2),
    (lambda factor: factor * uncertainties.ufloat(1.0, 0.1) + 1, 2, 3),
    (lambda name: getattr(scipy.stats, name), "poisson", "binom"),
    (lambda share: scipy.stats.rv_discrete(values=([1, 2], [share, 1 - share])), 0.5, 0.4),
    (lambda rate: addict.Dict({"a": {"b": rate}}), 1, 2),
    (lambda rate: pydantic.create_model("Schema", rate=(float, rate)), 0.1, 0.2),
    (lambda kind: pydantic.create_model("Schema", rate=(kind, 1))(), float, int),
    (lambda step: toolz.compose(step, abs), max, min),
    (forest, 0, 1),
    (times, "noleap", "360_day"),
    (climate, "noleap", "360_day"),
):
    made = [make(each) for each in (one, one, other)]
    a, b, c = map(hashing.digest, made)
    print(a == b == hashing.digest(plain.copied(made[0])) != c, a)
"""


def test_values_of_science_have_one_identity_in_all_processes(whole):
    whole.write({"values.py": OF_SCIENCE})
    whole.warnings = "ignore"
    said = [whole.python("values.py", PYTHONHASHSEED=n).out for n in "12"]
    assert said[0] == said[1]
    assert [line.split()[0] for line in said[0].splitlines()] == 14 * ["True"]


def test_values_that_differ_have_two_identities(whole):
    whole.write({"values.py": OTHERS})
    whole.warnings = "ignore"
    assert whole.python("values.py").out.split() == 11 * ["2"]


def test_values_have_one_identity_in_all_processes(whole):
    whole.write({"values.py": VALUES})
    whole.warnings = "ignore"
    place = {"JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "jax"}
    said = [whole.python("values.py", PYTHONHASHSEED=n, **place).out for n in "12"]
    assert said[0] == said[1]
    assert [len(line.split()) for line in said[0].splitlines()] == 12 * [1]


@pytest.fixture(params=PROJECTS)
def name(request, whole, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    whole.warnings = "ignore"
    whole.write(PROJECTS[request.param])
    return request.param


def computed(project, name, *options):
    """Run, in a process of its own, and return the stages that were computed."""
    result = project.ok(name, "-p", name, *options, PYTHONHASHSEED="0")
    lines = (line.split() for line in result.err.splitlines())
    return " ".join(line[1] for line in lines if line[:1] == ["computed"])


def test_results_are_found_again(name, whole):
    assert computed(whole, name) == "first second"
    assert computed(whole, name) == ""
    assert computed(whole, name, "-j", "2") == ""
    assert computed(whole, name, "--overwrite-stage", "first") == "first"  # as before


def test_edits_compute_what_depends_on_them(name, whole):
    file = next(each for each in PROJECTS[name] if each.startswith("src/"))
    computed(whole, name)
    for old, new, stages in EDITS[name]:
        whole.edit(file, old, new)
        assert computed(whole, name) == stages, (old, new)


def test_workers_compute_the_same(name, whole):
    assert computed(whole, name, "-j", "2") == "first second"
    assert computed(whole, name) == ""
