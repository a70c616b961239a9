"""How the scores of paths are spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.checks import check_choice, check_range
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.path_results import ScoreDistribution
from circuit_atlas.queries.paths import (
    SCORES,
    count_paths,
    search_paths,
    source_nodes,
    target_nodes,
)
from circuit_atlas.schema.limits import DEFAULT_HOPS, MAX_PATHS

_SHARES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@graph_query
def score_distribution(
    graph: StoredGraph,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
    score: str = "mean",
    sample: int = 10_000,
    seed: int = 0,
) -> ScoreDistribution:
    """How the scores of all paths are spread: of all of them where they are at most `sample`, else of a sample in
    which each path is drawn with the same chance. Other arguments as in `search_paths`.

    Args:
        graph: the graph.
        sources: see `search_paths`.
        targets: see `search_paths`.
        max_hops: see `search_paths`.
        score: see `search_paths`.
        sample: how many paths to score at most, 1 to 10,000.
        seed: of the sample.

    Raises:
        InvalidArgumentError: an argument is out of range, there is no path, or too many lead around cycles.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    import numpy as np

    check_range("sample", sample, 1, MAX_PATHS)
    check_choice("score", score, tuple(SCORES))
    question: dict[str, Any] = {"sources": sources, "targets": targets, "max_hops": max_hops}
    counted = count_paths(graph, **question)
    total = counted.total
    if not total:
        raise InvalidArgumentError("no path matches", where=graph.name, fix=" ".join(counted.notes))
    if total <= sample:
        scores = [path.score for path in search_paths(graph, **question, k=total, score=score).paths]
    else:
        from circuit_atlas.queries.path_arrays import sample_paths
        from circuit_atlas.queries.stored_arrays import read_arrays

        starts, ends = source_nodes(graph, sources), target_nodes(graph, targets)
        drawn = sample_paths(read_arrays(graph), starts, ends, max_hops, size=sample, seed=seed)
        scores = [SCORES[score](w, w, sums) for w, sums in zip(drawn.weights, drawn.input_sums, strict=True)]
    quantiles = np.quantile(scores, _SHARES, method="inverted_cdf").tolist()
    return ScoreDistribution(
        graph=graph.name,
        score=score,
        paths=total,
        scored=len(scores),
        seed=None if total <= sample else seed,
        mean=math.fsum(scores) / len(scores),
        standard_deviation=float(np.std(scores)),
        notes=counted.notes,
        quantiles={str(share): value for share, value in zip(_SHARES, quantiles, strict=True)},
    )
