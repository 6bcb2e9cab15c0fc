"""Mean and spread, against values computed by hand."""

import pytest

from src.comparison import Summary, rank, summarise


def test_summary_has_mean_and_sample_deviation():
    assert summarise("a", [2.0, 4.0, 6.0]) == Summary("a", 3, mean=4.0, spread=2.0)


def test_one_value_says_nothing_about_spread():
    assert summarise("a", [0.5]) == Summary("a", 1, mean=0.5, spread=None)


def test_empty_group_is_refused():
    with pytest.raises(ValueError, match="'a' has no values"):
        summarise("a", [])


def test_rank_puts_the_best_first():
    ranking = rank({"low": [0.1, 0.2], "high": [0.9], "also high": [0.9]})
    assert [summary.group for summary in ranking] == ["high", "also high", "low"]
