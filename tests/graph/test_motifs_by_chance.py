"""How many graphs have a motif by chance: counted over all random sets of graphs."""

from __future__ import annotations

from itertools import combinations, product
from math import sqrt
from statistics import fmean, pstdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_atlas.graph.shared_motifs import Effects, by_chance


def of_graphs(effects: list[set[int]]) -> Effects:
    """Effects, of which only the graphs that have them matter."""
    bits = np.array([[sum(1 << graph for graph in graphs)] for graphs in effects], np.uint64).reshape(-1, 1)
    none = np.zeros(len(effects), np.int64)
    return Effects(none, none, none.astype(np.bool_), none.astype(np.float64), bits)


@settings(deadline=None)
@given(st.data(), st.integers(2, 6), st.integers(2, 3))
def test_it_is_what_all_random_sets_give(data: st.DataObject, n: int, width: int) -> None:
    having = [data.draw(st.sets(st.integers(0, n - 1), min_size=1)) for _ in range(width)]
    number = len(set.intersection(*having))
    found = by_chance(of_graphs(having), np.arange(width)[None, :], np.array([number]), n)
    drawn = product(*(combinations(range(n), len(graphs)) for graphs in having))
    numbers = [len(set.intersection(*map(set, graphs))) for graphs in drawn]
    mean, sd = fmean(numbers), pstdev(numbers)
    assert found.expected[0] == pytest.approx(mean)
    assert found.p_value[0] == pytest.approx(fmean(one >= number for one in numbers))
    if sd < 1e-9:
        assert np.isnan(found.z[0])
    else:
        assert found.z[0] == pytest.approx((number - mean) / sd, abs=1e-6)


def test_several_motifs_are_told_apart() -> None:
    effects = of_graphs([{0, 1}, {0, 1}, {2, 3}, {0, 1, 2, 3}])
    found = by_chance(effects, np.array([[0, 1], [0, 2], [3, 3]]), np.array([2, 0, 4]), 4)
    assert found.expected.tolist() == [1.0, 1.0, 4.0]
    assert found.p_value.tolist() == pytest.approx([1 / 6, 1.0, 1.0])
    assert found.z.tolist() == pytest.approx([sqrt(3), -sqrt(3), np.nan], nan_ok=True)


@pytest.mark.parametrize("width", [2, 3])
def test_no_motif(width: int) -> None:
    found = by_chance(of_graphs([]), np.zeros((0, width), np.int64), np.zeros(0, np.int64), 1)
    assert [len(values) for values in found] == [0, 0, 0]
