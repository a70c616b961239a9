"""How sure a mean over graphs is."""

from __future__ import annotations

from typing import Any, NamedTuple

CONFIDENCE = 0.95
FEWEST = 3  # graphs of which a mean gets an interval


class Mean(NamedTuple):
    """A mean over graphs, or over pairs of them, and the ends of its interval; None where there are too few graphs."""

    value: float | None
    low: float | None = None
    high: float | None = None


def with_ends(name: str, mean: Mean) -> dict[str, Any]:
    """The fields of an answer: `name`, `name_low` and `name_high`."""
    return {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}


def mean_over(graphs: int, mean: float, deviation: float, confidence: float = CONFIDENCE) -> Mean:
    """A mean over graphs with its interval.

    Half of it is Student's t times the standard error. Over many graphs, it is that of a bootstrap (Efron 1979). Over
    few, a bootstrap is too narrow: of three graphs, its 95 % interval contains the mean of all in 75 % of cases.

    Args:
        graphs: number of graphs.
        mean: the mean of a number of each.
        deviation: the population standard deviation of these numbers.
        confidence: of the interval, 0 to 1.
    """
    if graphs < FEWEST:
        return Mean(mean)
    from scipy.special import stdtrit

    half = float(stdtrit(graphs - 1, (1 + confidence) / 2)) * deviation / (graphs - 1) ** 0.5
    return Mean(mean, mean - half, mean + half)
