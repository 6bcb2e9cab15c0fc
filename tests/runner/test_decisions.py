"""Decisions as pure functions: of what a call is made of, and of earlier executions."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from curifactory import ExperimentArgs, decide
from curifactory.code import Code
from curifactory.hashing import hash_text
from curifactory.record import Call, Literal, Member, Output
from curifactory.scope import ANY_NAME, COPIES, LABEL
from curifactory.snapshot import Snapshot
from curifactory.trace import Artifact, Trace, after


@dataclass
class Args(ExperimentArgs):
    seed: int = 0
    depth: int = 1


def key_as(name, code):
    return f"{name} {code}"


def stage(
    name="fit", *, inputs=("data",), many=False, code="c1", names=("seed",), parts=None
):
    """A stage as decisions see it."""
    found = Code(code, parts or {}, names=frozenset(names))
    return SimpleNamespace(
        name=f"stages.{name}",
        names=(f"stages.{name}",),
        is_named=True,
        label=name,
        key=key_as(f"stages.{name}", code),
        key_as=key_as,
        inputs=inputs,
        is_aggregate=many,
        code=found,
        likely=found.names,
    )


def call(of=None, sources=None, *, name="a", args=None, given=None, records=()):
    """A call on one record, or an aggregate's on many: (argset, sources) each."""
    snapshot = Snapshot(args or Args(name=name))
    members = [Member(Snapshot(one), inputs) for one, inputs in records]
    arguments = {key: Literal(None, digest) for key, digest in (given or {}).items()}
    members = members or [Member(snapshot, sources or {})]
    return Call(of or stage(), snapshot, members, arguments)


def trace(reads=(), *, label="a", code="c1", name="fit", group=None, **known):
    """An execution; reads are (key, digest, shown)."""
    reads = [list(each) for each in reads]
    known = {"inputs": [], "outputs": [], "node": "", "arguments": {}, **known}
    key = key_as(f"stages.{name}", code)
    group = group or decide.group_of(key, known["inputs"], known["arguments"])
    return Trace(f"stages.{name}", label, group, code=code, reads=reads, **known)


def produced(*identities, stage_label="split"):
    """A call that is done, with artifacts of these identities."""
    made = call(stage(stage_label), {})
    outputs = [Artifact("x", (), "", 0, "", each) for each in identities]
    made.trace = trace(outputs=outputs)
    return made


FIT = decide.group_of(key_as("stages.fit", "c1"), [], {})
"""The point of the tree at which executions of `trace` begin."""


class Past:
    """Traces as a tree, as the index keeps it."""

    def __init__(self, *traces):
        self.next, self.ends = {}, {}
        self.traces = traces
        for each in traces:
            node = each.group
            for known, key in each.steps():
                keys = self.next.setdefault((each.stage, known), [])
                keys += [key] if key not in keys else []
            for key, digest, _ in each.reads:
                node = after(node, key, digest)
            self.ends[each.stage, node] = each

    def steps(self, stage, node):
        return self.next.get((stage, node), [])

    def trace(self, stage, node):
        return self.ends.get((stage, node))

    def is_outdated(self, trace):
        own = {tuple(each) for each in trace.reads}
        return any(
            each.created > trace.created and own < {tuple(r) for r in each.reads}
            for each in self.traces
        )


def never(digest):
    return ()


# Finding -------------------------------------------------------------------------------


def found(past, values, same=never):
    return decide.find(past, "stages.fit", FIT, values.__getitem__, same)


def test_the_trace_whose_reads_have_the_values_of_now_is_found():
    one = trace([("a:seed", "1", ""), ("a:depth", "5", "")])
    other = trace([("a:seed", "2", "")])
    past = Past(one, other)
    assert found(past, {"a:seed": "1", "a:depth": "5"}) is one
    assert found(past, {"a:seed": "2"}) is other
    assert found(past, {"a:seed": "1", "a:depth": "6"}) is None
    assert found(past, {"a:seed": "3"}) is None
    assert found(Past(), {}) is None


def test_of_two_ways_to_go_on_the_first_one_wins_where_both_lead_to_a_trace():
    one = trace([("a:seed", "1", "")])
    other = trace([("f:data.csv", "1", "")])
    values = {"a:seed": "1", "f:data.csv": "1"}
    assert found(Past(one, other), values) is one
    assert found(Past(other, one), values) is other
    assert found(Past(one, other), {**values, "a:seed": "2"}) is other


def test_code_that_was_accepted_leads_on_like_the_code_of_now():
    old = trace([("c:src.models:Net", "old", ""), ("a:seed", "1", "")])
    accepted = {"new": ("older", "old")}
    values = {"c:src.models:Net": "new", "a:seed": "1"}
    assert found(Past(old), values) is None
    assert found(Past(old), values, lambda digest: accepted.get(digest, ())) is old
    now = trace([("c:src.models:Net", "new", ""), ("a:seed", "1", "")])
    assert found(Past(old, now), values, lambda d: accepted.get(d, ())) is now


def test_a_trace_of_another_stage_is_not_found():
    assert found(Past(trace(name="other")), {}) is None
    here = trace()
    assert found(Past(here), {}) is here


def test_a_path_follows_what_was_read_first_as_far_as_values_agree():
    past = Past(
        trace([("a:seed", "1", ""), ("a:depth", "5", ""), ("a:path", "p", "")]),
        trace([("a:seed", "2", ""), ("a:rate", "5", "")]),
        trace([("f:x", "2", "")]),
    )

    def path(values):
        return decide.path(past, "stages.fit", FIT, values.__getitem__)

    assert path({"a:seed": "1", "a:depth": "6"}) == ["a:seed", "a:depth"]
    assert path({"a:seed": "2", "a:rate": "5"}) == ["a:seed", "a:rate"]
    assert path({"a:seed": "3"}) == ["a:seed"]
    assert decide.path(past, "stages.other", FIT, {}.__getitem__) == []


# What a call is made of ----------------------------------------------------------------


def test_the_identity_of_an_input_is_that_of_its_artifact_or_content():
    done = produced("i0", "i1")
    assert decide.identity(Output(done, 1)) == "i1"
    assert decide.identity(Literal(5, "five")) == "five"
    assert decide.identity(Output(call(), 0)) == ""


def test_inputs_are_named_and_in_the_order_of_the_declaration():
    of = stage(inputs=("model", "data"))
    sources = {"data": Output(produced("d"), 0), "extra": Literal(1, "e")}
    assert decide.inputs(call(of, sources)) == ["model=-", "data=d"]
    many = stage(inputs=("data",), many=True)
    records = [(Args(name="a"), sources), (Args(name="b"), {})]
    assert decide.inputs(call(many, records=records)) == ["2", "data=d", "data=-"]


def test_a_call_is_known_once_all_its_inputs_are():
    known, unknown = Output(produced("d"), 0), Output(call(), 0)
    assert decide.is_known(call(sources={}))
    assert decide.is_known(call(sources={"data": known}))
    assert not decide.is_known(call(sources={"data": known, "extra": unknown}))


def test_a_group_is_kept_once_it_is_final():
    producer = call(stage("split"))
    waits = call(sources={"data": Output(producer, 0)})
    before = decide.group(waits)
    assert not waits.group
    producer.trace = produced("d").trace
    assert decide.group(waits) == waits.group != before
    waits.group = "kept"
    assert decide.group(waits) == "kept"


def test_a_group_tells_stages_inputs_and_arguments_apart():
    groups = [
        decide.group(call()),
        decide.group(call(stage(code="c2"))),
        decide.group(call(sources={"data": Literal(1, "one")})),
        decide.group(call(given={"k": "1"})),
        decide.group(call(given={"k": "2"})),
        decide.group(call(given={"j": "1"})),
        decide.group(call(given={"j": "1", "k": "2"})),
        decide.group_of("stages.fit c1", ["data=-", "with"], {}),
        decide.group_of("stages.fit c1", ["data=-"], {"with": ""}),
    ]
    assert len(set(groups)) == len(groups)
    assert decide.group_of("k", ["i"], {"x": "1", "y": "2"}) == decide.group_of(
        "k", ["i"], {"y": "2", "x": "1"}
    )
    # Caches that exist go by this scheme: with another, all would be computed again.
    found = decide.group_of("key", ["data=1"], {"k": "2"})
    assert found == hash_text("key", "data=1", "with", "k=2")
    assert groups[3] == decide.group_of("stages.fit c1", ["data=-"], {"k": "1"})


def test_the_name_and_unread_fields_do_not_enter_a_group():
    assert decide.group(call(name="a")) == decide.group(call(name="b"))
    one, other = Args(name="a", seed=1), Args(name="a", seed=2)
    assert decide.group(call(args=one)) == decide.group(call(args=other))


# What is likely to share a result ------------------------------------------------------


def prospects(*calls, ahead=decide.NOBODY):
    """How many different results are expected of calls."""
    return len({decide.prospect(each, ahead) for each in calls})


def argsets(*seeds, depth=1):
    return [Args(name=f"s{seed} {depth}", seed=seed, depth=depth) for seed in seeds]


def test_calls_are_alike_that_differ_in_what_their_code_does_not_name():
    deep = argsets(1, depth=9) + argsets(1, 2)
    assert prospects(*(call(args=each) for each in deep)) == 2
    plain = stage(names=())
    assert prospects(*(call(plain, args=each) for each in deep)) == 1
    for names in ((ANY_NAME,), ("hash",), ("diff",), ("copy", COPIES)):
        reads_all = stage(names=names)
        assert prospects(*(call(reads_all, args=each) for each in deep)) == 3
    for names in (("copy",), ("name",)):  # of a list or a table; of a path
        others = stage(names=names)
        assert prospects(*(call(others, args=each) for each in deep)) == 1
    asks = stage(names=("name", LABEL))
    assert prospects(*(call(asks, args=each) for each in deep)) == 3


def test_prospects_tell_stages_inputs_and_arguments_apart():
    calls = [
        call(),
        call(stage(code="c2")),
        call(sources={"data": Literal(1, "one")}),
        call(given={"j": "1"}),
        call(given={"k": "1"}),
        call(given={"k": "1", "j": "1"}),
    ]
    assert prospects(*calls) == len(calls)
    one, other = {"k": "1", "j": "2"}, {"j": "2", "k": "1"}
    assert prospects(call(given=one), call(given=other)) == 1


def test_values_given_are_not_taken_for_fields_that_may_be_read():
    seed = Snapshot(Args(seed=7)).digest("seed")
    plain, reading = stage(names=()), stage(names=("seed",))
    reading.key = plain.key
    one = call(plain, args=Args(seed=7), given={"with": seed})
    other = call(reading, args=Args(seed=7))
    assert prospects(one, other) == 2
    assert decide.prospect(call(plain))[-1] == "with"


def test_an_aggregate_counts_what_may_be_read_of_each_record():
    many = stage("compare", many=True)

    def of(*records):
        return call(many, args=Args(), records=[(each, {}) for each in records])

    assert prospects(of(*argsets(1, 2)), of(*argsets(2, 1)), of(*argsets(1))) == 3
    assert prospects(of(*argsets(1)), of(*argsets(1, depth=5))) == 1
    single = call(stage(), args=Args(seed=3), records=[(Args(seed=4), {})])
    other = call(stage(), args=Args(seed=3), records=[(Args(seed=5), {})])
    assert prospects(single, other) == 1


def test_an_input_that_is_not_known_stands_for_the_call_that_will_make_it():
    makers = [call(stage("split"), name=each) for each in "abc"]
    for position, each in enumerate(makers):
        each.position = position
    waiting = [call(sources={"data": Output(each, 0)}) for each in makers]
    a, b, c = makers
    assert prospects(*waiting, ahead={a: a, b: b, c: c}) == 3
    assert prospects(*waiting, ahead={a: a, b: a, c: a}) == 1
    assert prospects(*waiting, ahead={a: a, b: a}) == 2
    first, second = (call(sources={"data": Output(a, index)}) for index in (0, 1))
    assert prospects(first, second, ahead={a: a}) == 2
    assert decide.inputs(first, {a: c}) == ["data=2 0"]
    assert decide.inputs(first) == ["data="]


def test_an_input_that_is_known_counts_by_its_identity_whoever_makes_it():
    done = produced("d")
    given = call(sources={"data": Output(done, 0)})
    assert decide.inputs(given, {done: done}) == ["data=d"]
    literal = call(sources={"data": Literal(None, "")})
    assert decide.inputs(literal, {done: done}) == ["data="]


# Decisions and why ---------------------------------------------------------------------


def reuse(*given, **known):
    return decide.why_reused(call(), trace(*given, **known))


def test_a_call_with_a_trace_is_reused_and_it_is_said_what_is_not_plain():
    assert reuse() == ""
    assert reuse(name="old", code="c0", label="b") == "formerly stages.old"
    assert reuse(code="c0", label="b") == "its code was accepted"
    assert reuse(label="b") == "shared with b (reads no field)"


def test_a_shared_result_names_the_fields_that_it_depends_on_each_once():
    reads = ["a:seed", "f:data.csv", "a:model@", "a:model", "m:rate", "c:x:Net"]
    said = "shared with b (reads seed, model)"
    assert reuse([(key, "", "") for key in reads], label="b") == said
    four = [(f"a:{name}", "", "") for name in "wxyz"]
    assert reuse(four, label="b") == "shared with b (reads w, x, y, z)"
    five = [*four, ("a:more", "", "")]
    assert reuse(five, label="b") == "shared with b (reads w, x, y, z, ...)"


def test_what_waits_may_be_reused_where_an_earlier_execution_fits_but_for_inputs():
    fits, differs = [("a:seed", "1", "")], [("a:seed", "2", "")]
    now = {"a:seed": "1"}.__getitem__

    def predict(*traces):
        return decide.predict(call(), traces, now)

    maybe = ("maybe", "waits for an input", None, 0.0)
    computed = ("compute", "", None, 0.0)
    assert predict(trace(fits)) == maybe
    assert predict(trace(differs), trace(fits)) == maybe
    assert predict(trace(differs)) == computed
    assert predict(trace(fits, code="c0")) == computed
    assert predict(trace([*fits, *differs])) == computed
    assert predict(trace(fits, group="g")) == computed
    assert predict(trace(fits, name="old")) == computed
    assert predict() == computed


def because(*similar, of=None, now=None, code=None, inputs=(), arguments=None, **facts):
    """The reason of a call, whose code is c1 with one part, unless told otherwise."""
    of = of or call(stage(parts=code or {"src/models.py: fit": "1"}))
    of.known = list(inputs)
    of.arguments = {n: Literal(None, each) for n, each in (arguments or {}).items()}
    known = {
        "versions": {},
        "shown": {"a:seed": "3", "a:depth": "8"}.get,
        "parts_of": lambda trace: {"src/models.py: fit": "0"},
        **facts,
    }
    digests = {"a:seed": "s", "a:depth": "d", "f:data.csv": "f", **(now or {})}
    return decide.reason(of, decide.Facts(**known), similar, digests.__getitem__)


SEED = ("a:seed", "other", "2")
DEPTH = ("a:depth", "other", "7")


def test_what_has_no_past_has_never_run():
    assert because() == "never run"
    assert because(trace([("a:seed", "s", "3")])) == "never run"


def test_a_read_with_another_value_is_the_reason():
    assert because(trace([SEED])) == "seed 2 -> 3"
    assert because(trace([SEED, DEPTH])) == "seed 2 -> 3, depth 7 -> 8"
    assert because(trace([("a:seed", "s", "3"), DEPTH])) == "depth 7 -> 8"


def test_the_nearest_trace_gives_the_reason_one_of_its_own_before_all():
    assert because(trace([SEED, DEPTH]), trace([DEPTH])) == "depth 7 -> 8"
    others = trace([DEPTH], label="b")
    assert because(others, trace([SEED, DEPTH])) == "seed 2 -> 3, depth 7 -> 8"
    assert because(others, trace([SEED, DEPTH], label="c")) == "depth 7 -> 8"
    assert because(trace([("a:seed", "s", "3")]), trace([DEPTH])) == "depth 7 -> 8"


def test_of_many_differences_three_are_said():
    file = ("f:data.csv", "other", "")
    three = trace([SEED, DEPTH, file])
    said = "seed 2 -> 3, depth 7 -> 8, data.csv changed"
    assert because(three) == said
    four = trace([SEED, DEPTH, file], arguments={"k": "1"})
    assert because(four) == "argument k changed, seed 2 -> 3, depth 7 -> 8 and 1 more"
    five = trace([SEED, DEPTH, file], arguments={"j": "1", "k": "1"})
    assert because(five) == (
        "argument j changed, argument k changed, seed 2 -> 3 and 2 more"
    )


def test_code_that_changed_is_the_reason_by_its_parts():
    assert because(trace(code="c0")) == "src/models.py: fit changed"
    assert (
        because(trace([SEED], code="c0")) == "src/models.py: fit changed, seed 2 -> 3"
    )
    parts = {"f": "1", "g": "2"}
    gone = because(trace(code="c0"), code={"f": "1"}, parts_of=lambda trace: parts)
    assert gone == "g no longer used"


def test_arguments_that_are_new_gone_or_other_are_the_reason():
    before = trace(arguments={"same": "1", "gone": "1", "other": "1"})
    now = {"same": "1", "new": "1", "other": "2"}
    assert because(before, arguments=now) == (
        "argument gone changed, argument new changed, argument other changed"
    )


def test_versions_are_told_beside_a_reason_and_are_none():
    before = {"numpy": "1", "pandas": "2", "gone": "1"}
    now = {"numpy": "2", "pandas": "2", "new": "1"}
    assert because(trace(versions=before), versions=now) == "never run"
    said = because(trace([SEED], versions=before), versions=now)
    assert said == "seed 2 -> 3, numpy 1 -> 2"


def test_an_input_that_changed_is_named_with_the_stage_that_made_it():
    done = produced("new", stage_label="split")
    sources = {"data": Output(done, 0), "model": Literal(1, "m")}
    of = call(stage(inputs=("data", "model")), sources)

    def said(before, now=("data=new", "model=m")):
        return because(trace(inputs=before), of=of, inputs=list(now))

    assert said(["data=old", "model=m"]) == "input data changed (by split)"
    assert said(["data=new", "model=l"]) == "input model changed"
    both = "input data changed (by split), input model changed"
    assert said(["data=old", "model=l"]) == both
    assert said(["data=new", "model=m"]) == "never run"
    assert said(["data=new"]) == "other records"
    bare = call(stage(inputs=("data",)), {})
    found = because(trace(inputs=["data=x"]), of=bare, inputs=["data=-"])
    assert found == "input data changed"


def test_other_records_are_reason_enough():
    reads = [("a0:seed", "other", "2")]
    before = trace(reads, inputs=["2", "data=1", "data=2"], code="c0")
    said = because(before, inputs=["3", "data=1", "data=2", "data=3"])
    assert said == "src/models.py: fit changed, other records"
    # So is another order of the same, in which nothing that came before has changed.
    said = because(before, inputs=["2", "data=2", "data=1"])
    assert said == "src/models.py: fit changed, other records"
    # Without inputs there is just the number.
    assert because(trace(reads, inputs=["2"]), inputs=["3"]) == "other records"
    records = [(Args(), {"data": Output(produced("d"), 0)})]
    of = call(stage("compare", many=True), records=records)
    known = trace(inputs=["1", "data=x"], name="compare")
    said = because(known, of=of, inputs=["1", "data=d"])
    assert said == "input data changed (by split)"


def test_a_stage_with_another_name_or_declaration_is_the_reason():
    other = "its inputs, outputs, cachers, files or reads are declared otherwise"
    assert because(trace(group="g")) == other
    assert because(trace([SEED], group="g")) == f"{other}, seed 2 -> 3"
    said = "was stages.old: formerly='stages.old' keeps its results"
    assert because(trace(name="old")) == said
    assert because(trace([SEED], name="old")) == f"{said}, seed 2 -> 3"


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"f": "1"}, {"f": "2"}, ["f changed"]),
        ({"f": "1", "g": "2"}, {"f": "3", "g": "4"}, ["f changed", "g changed"]),
        ({"f": "1"}, {"f": "1", "g": "2"}, ["g changed"]),
        ({"old": "1", "f": "1"}, {"new": "1", "f": "2"}, ["f changed"]),
        ({"f": "1", "g": "2"}, {"f": "1"}, ["g no longer used"]),
        ({"f": "1", "a": "2", "b": "3"}, {"f": "1"}, ["a no longer used"]),
        ({"old": "1"}, {"new": "1"}, ["old no longer used"]),
        ({"A": "1", "B": "2"}, {"A": "2", "B": "2"}, ["A changed"]),
        ({"f": "1", "g": "2"}, {"f": "2", "g": "1"}, ["code changed"]),
        ({}, {}, ["code changed"]),
    ],
)
def test_parts_of_code_are_compared_by_what_they_are_not_by_their_names(
    before, now, said
):
    assert decide.changed_parts(before, now) == said


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("f:data/raw.csv", "data/raw.csv changed"),
        ("c:src.models:Net", "src.models:Net changed"),
        ("m:rate", "rate changed"),
        ("m0:rate*", "rate* changed"),
        ("a:*", "some field changed (the stage reads all)"),
        ("a:model.*", "some field of model changed (the stage reads all)"),
        ("a2:~", "some field changed (the stage reads all)"),
        ("a:#", "there are other fields (the stage goes through all)"),
        ("a:%", "fields are declared otherwise (the stage looks at that)"),
        ("a:seed", "seed 1 -> 2"),
        ("a12:model.depth", "model.depth 1 -> 2"),
    ],
)
def test_what_was_read_is_named_with_what_became_of_it(key, said):
    assert decide.read_change(key, "1", "2") == said


@pytest.mark.parametrize("key", ["a:model", "a:model@"])
def test_values_that_look_alike_are_not_shown(key):
    assert decide.read_change(key, "Net(...)", "Net(...)") == "model changed"
