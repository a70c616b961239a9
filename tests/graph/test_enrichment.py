"""What is over-represented, thing by thing, as scipy computes it for one table at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from circuit_atlas.graph.enrichment import USUAL_LEVEL, enrichment, smallest_p_value, worth_testing


@given(st.data(), st.integers(1, 30), st.integers(1, 30), st.sampled_from([0.5, 0.95]))
def test_statistics_are_those_of_each_table(data: st.DataObject, n: int, m: int, confidence: float) -> None:
    counts = data.draw(st.lists(st.tuples(st.integers(0, n), st.integers(0, m)), min_size=1, max_size=20))
    graphs, baseline = np.array(counts, np.int64).T
    found = enrichment(graphs, n, baseline, m, confidence=confidence)
    for i, (a, c) in enumerate(counts):
        p = stats.fisher_exact([[a, n - a], [c, m - c]], alternative="greater").pvalue
        assert found.p_value[i] == pytest.approx(p, rel=1e-9, abs=1e-15)
        cells = [a + 0.5, n - a + 0.5, c + 0.5, m - c + 0.5]
        log_odds = math.log(cells[0] * cells[3] / (cells[1] * cells[2]))
        assert found.log_odds[i] == pytest.approx(log_odds, rel=1e-9, abs=1e-12)
        error = math.sqrt(sum(1 / cell for cell in cells))
        ends = stats.norm.interval(confidence, log_odds, error)
        assert (found.low[i], found.high[i]) == pytest.approx(ends, rel=1e-9, abs=1e-9)
        assert found.p_value[i] >= smallest_p_value(n, m) * (1 - 1e-9)
    # Benjamini and Hochberg: the smallest of p * tests / rank over this p-value and all larger ones.
    is_tested = worth_testing(n, m, level=USUAL_LEVEL)
    order = sorted((i for i, (a, c) in enumerate(counts) if is_tested[a + c]), key=lambda i: found.p_value[i])
    assert all(found.q_value[i] == 1 for i in set(range(len(counts))) - set(order))
    smallest = 1.0
    for rank in range(len(order), 0, -1):
        smallest = min(smallest, found.p_value[order[rank - 1]] * len(order) / rank)
        assert found.q_value[order[rank - 1]] == pytest.approx(smallest)


def test_nothing_is_over_represented_among_nothing() -> None:
    none = np.zeros(0, np.int64)
    assert all(len(column) == 0 for column in enrichment(none, 3, none, 4, confidence=0.95))


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.01, 0.05, 0.2]))
def test_what_is_worth_a_test(n: int, m: int, level: float) -> None:
    """For each number of graphs, the p-values of all ways in which they can be in both sets."""
    smallest = [
        min(
            stats.hypergeom.sf(inside - 1, n + m, number, n) for inside in range(max(0, number - m), min(n, number) + 1)
        )
        for number in range(n + m + 1)
    ]
    limit = max(level, min(smallest)) * (1 + 1e-9)
    assert worth_testing(n, m, level=level).tolist() == [p <= limit for p in smallest]


def test_things_that_are_as_over_represented_have_the_same_order_keys() -> None:
    """Of sets of the same size, those who have a thing and those who do not can change places."""
    for n in (5, 10, 20, 40):
        pairs = np.array([(a, c) for a in range(n + 1) for c in range(a)], np.int64)
        found = enrichment(pairs[:, 0], n, pairs[:, 1], n, confidence=0.95)
        turned = enrichment(n - pairs[:, 1], n, n - pairs[:, 0], n, confidence=0.95)
        for key, other, exact in zip(
            found.order_keys(), turned.order_keys(), (-found.log_odds, found.p_value), strict=True
        ):
            assert (key == other).all()
            assert key == pytest.approx(exact, rel=1e-11)


def test_an_interval_of_almost_all_confidence_has_ends() -> None:
    found = enrichment(np.array([3]), 5, np.array([1]), 5, confidence=1 - 2**-53)
    assert np.isfinite(found.low).all()
    assert (found.low < -5).all()
