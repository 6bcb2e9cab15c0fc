"""Laws that hold for all values, tried with many."""

import copy
import json
import pickle

import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st

from curifactory.caching import AUTO, json_problem
from curifactory.hashing import digest, hash_text

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4)
    | st.tuples(inner, inner)
    | st.dictionaries(st.text() | st.integers() | st.booleans(), inner, max_size=4)
    | st.frozensets(st.integers() | st.text(), max_size=4),
    max_leaves=12,
)


def spelled(value):
    """Return a text that tells apart what must differ, whatever the order of sets."""
    if isinstance(value, dict):
        return f"dict{sorted((spelled(k), spelled(v)) for k, v in value.items())}"
    if isinstance(value, frozenset):
        return f"set{sorted(map(spelled, value))}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}{[spelled(each) for each in value]}"
    return f"{type(value).__name__} {value!r}"


@given(plain, plain)
def test_digests_agree_exactly_when_values_do(one, other):
    assert (digest(one) == digest(other)) == (spelled(one) == spelled(other))


@given(plain)
def test_copies_have_the_same_digest(value):
    assert digest(copy.deepcopy(value)) == digest(value)
    assert digest(pickle.loads(pickle.dumps(value))) == digest(value)


@given(st.dictionaries(st.text(), plain))
def test_the_order_of_a_dict_does_not_count(value):
    assert digest(dict(reversed(value.items()))) == digest(value)


@given(st.lists(st.text()), st.lists(st.text()))
def test_texts_are_hashed_with_their_ends(one, other):
    assert (hash_text(*one) == hash_text(*other)) == (one == other)


@given(plain)
def test_json_changes_nothing_where_no_problem_is_seen(value):
    if not json_problem(value):
        assert spelled(json.loads(json.dumps(value))) == spelled(value)


@given(plain)
def test_the_automatic_cacher_gives_back_what_was_saved(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("artifact")
    cacher = AUTO.chosen(value).at(folder, "value")
    cacher.save(value)
    assert spelled(cacher.load()) == spelled(value)
