"""Intervals of means are those of a bootstrap."""

from __future__ import annotations

from statistics import fmean, pstdev

import numpy as np
import pytest

from circuit_atlas.graph.intervals import Mean, mean_over


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_an_interval_is_that_of_many_draws(confidence: float) -> None:
    random = np.random.default_rng(3)
    values = random.gamma(2.0, size=60)
    drawn = random.choice(values, (20_000, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    found = mean_over(len(values), fmean(values), pstdev(values), confidence)
    assert found.value == fmean(values)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.05 * (high - low))


@pytest.mark.parametrize("graphs", [3, 5, 40])
def test_intervals_contain_the_mean_as_often_as_they_say(graphs: int) -> None:
    random = np.random.default_rng(4)
    found = [mean_over(graphs, row.mean(), row.std()) for row in random.normal(7.0, 2.0, (4000, graphs))]
    ends = np.array([[low, high] for _, low, high in found], np.float64)
    assert np.mean((ends[:, 0] < 7.0) & (ends[:, 1] > 7.0)) == pytest.approx(0.95, abs=0.01)


def test_few_graphs_get_no_interval() -> None:
    assert mean_over(2, 0.5, 0.1) == Mean(0.5)
    assert mean_over(3, 0.5, 0.0) == (0.5, 0.5, 0.5)
