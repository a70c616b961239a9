"""Over-representation in a set of graphs against a baseline, from the numbers of graphs that have each feature, effect
or motif."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from circuit_atlas.graph.data import Bool, Float64, Int64
from circuit_atlas.graph.rounding import rounded

USUAL_LEVEL = 0.05  # a p-value that sets of graphs should be able to have
_NEARLY = 1e-9  # rounding of p-values


class Enrichment(NamedTuple):
    """Statistics of m things, float64 (m,) each.

    `log_odds` is the natural logarithm of the odds ratio: how many times as large the odds of a graph of the set to
    have the thing are as those of a graph of the baseline. 0.5 is added to each of the four numbers of graphs, so that
    it is finite (Haldane 1956, Anscombe 1956). `low` and `high` are the ends of its confidence interval (Woolf 1955).
    `p_value` is that of Fisher's exact test, one-sided: the chance of at least so many graphs of the set, if the graphs
    that have the thing were drawn from both without preference. `q_value` is the p-value corrected for the number of
    things (Benjamini and Hochberg 1995): among things with at most this q-value, it is the expected share of those that
    are not over-represented. Things that are not `worth_testing` do not count among them, and have the q-value 1.
    """

    log_odds: Float64
    low: Float64
    high: Float64
    p_value: Float64
    q_value: Float64

    def order_keys(self) -> tuple[Float64, Float64]:
        """-log odds and p-value in 12 digits, float64 (m,) each, for `numpy.lexsort`. What is equal, such as 3 of 10
        against 0 of 10 and 10 of 10 against 7 of 10, differs in the last digits."""
        return rounded(-self.log_odds), rounded(self.p_value)


def enrichment(graphs: Int64, n_graphs: int, baseline: Int64, n_baseline: int, *, confidence: float) -> Enrichment:
    """How over-represented m things are.

    Args:
        graphs: int64 (m,): number of graphs of the set that have each.
        n_graphs: number of graphs of the set.
        baseline: int64 (m,): number of graphs of the baseline that have each.
        n_baseline: number of graphs of the baseline.
        confidence: of the interval, 0 to 1.
    """
    from scipy import stats

    table = np.array([graphs, n_graphs - graphs, baseline, n_baseline - baseline]) + 0.5
    log_odds = np.log(table[0]) - np.log(table[1]) - np.log(table[2]) + np.log(table[3])
    margin = stats.norm.isf((1 - confidence) / 2) * np.sqrt((1 / table).sum(axis=0))
    p_value = stats.hypergeom.sf(graphs - 1, n_graphs + n_baseline, graphs + baseline, n_graphs)
    p_value = np.clip(p_value, 0.0, 1.0)  # rounding can lead beyond 1
    tested = worth_testing(n_graphs, n_baseline, level=USUAL_LEVEL)[graphs + baseline]
    q_value = np.ones(len(p_value))
    if tested.any():
        q_value[tested] = stats.false_discovery_control(p_value[tested])
    return Enrichment(log_odds, log_odds - margin, log_odds + margin, p_value, q_value)


def smallest_p_value(n_graphs: int, n_baseline: int) -> float:
    """The smallest p-value that sets of these sizes can have: of what all graphs of the set have, and none of the
    baseline."""
    from scipy import stats

    return float(stats.hypergeom.pmf(n_graphs, n_graphs + n_baseline, n_graphs, n_graphs))


def worth_testing(n_graphs: int, n_baseline: int, *, level: float) -> Bool:
    """Which things are worth a test, by the number of graphs of both sets together that have one: bool (graphs + 1,).

    Things that too few, or too many, graphs have could not have a p-value up to `level`, whatever graphs these are.
    They need not count among the tests, since their number does not say in which set they are (Tarone 1990). If no
    p-value can be so small, the level is the smallest there is.
    """
    from scipy import stats

    number = np.arange(n_graphs + n_baseline + 1)
    smallest = stats.hypergeom.sf(np.minimum(number, n_graphs) - 1, n_graphs + n_baseline, number, n_graphs)
    return np.asarray(smallest <= max(level, smallest.min()) * (1 + _NEARLY), np.bool_)
