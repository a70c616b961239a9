"""How the scores of paths are spread."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.checks import check_choice, check_range
from circuit_atlas.queries.count import count_found
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.path_notes import notes_on_count, notes_on_restrictions
from circuit_atlas.queries.path_results import ScoreDistribution
from circuit_atlas.queries.path_search import path_search, target_nodes
from circuit_atlas.queries.paths import SCORE_OF, best_rows
from circuit_atlas.schema.limits import DEFAULT_HOPS, MAX_PATHS, MAX_SEED, SCORES

if TYPE_CHECKING:
    from circuit_atlas.graph.data import Float64

_SHARES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@graph_query
def score_distribution(
    graph: StoredGraph,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
    min_hops: int = 1,
    hops: int | None = None,
    score: str = "mean",
    sign: str = "any",
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
    positions: Iterable[int] = (),
    avoid: Sequence[str] = (),
    must_pass: Sequence[str] = (),
    must_pass_any: Sequence[str] = (),
    min_weight: float = 0.0,
    circuit: str | None = None,
    sample: int = MAX_PATHS,
    seed: int = 0,
) -> ScoreDistribution:
    """How the scores of all paths are spread: of all of them where they are at most `sample`, else of a sample in
    which each path is drawn with the same chance. Other arguments as in `search_paths`.

    Args:
        graph: the graph.
        sources: see `search_paths`.
        targets: see `search_paths`.
        max_hops: see `search_paths`.
        min_hops: see `search_paths`.
        hops: see `search_paths`.
        score: see `search_paths`.
        sign: see `search_paths`.
        kinds: see `search_paths`.
        layers: see `search_paths`.
        positions: see `search_paths`.
        avoid: see `search_paths`.
        must_pass: see `search_paths`.
        must_pass_any: see `search_paths`.
        min_weight: see `search_paths`.
        circuit: see `search_paths`.
        sample: how many paths to score at most, 1 to 10,000.
        seed: of the sample, 0 to 4,294,967,295.

    Raises:
        InvalidArgumentError: an argument is out of range, there is no path, or too many lead around cycles.
        CircuitNotFoundError: the graph has no such circuit.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    import numpy as np

    check_range("sample", sample, 1, MAX_PATHS)
    check_range("seed", seed, 0, MAX_SEED)
    check_choice("score", score, SCORES)
    search = path_search(
        graph,
        sources=sources,
        max_hops=max_hops,
        min_hops=min_hops,
        hops=hops,
        sign=sign,
        kinds=kinds,
        layers=layers,
        positions=positions,
        avoid=avoid,
        must_pass=must_pass,
        must_pass_any=must_pass_any,
        min_weight=min_weight,
        circuit=circuit,
        score=score,
    )
    ends = target_nodes(graph, targets, avoid=search.avoid)
    counted, longest = count_found(graph, search, ends)
    total = counted.total
    notes = notes_on_count(graph, search, ends, (sources, targets), counted, longest, stops=hops is None)
    if not total:
        raise InvalidArgumentError("no path matches", where=graph.name, fix=" ".join(notes))
    notes += notes_on_restrictions(graph, search)
    if total <= sample:
        scores = [row["score"] for row in best_rows(graph, search, ends, total)]
    else:
        from circuit_atlas.queries.path_arrays import sample_paths
        from circuit_atlas.queries.stored_arrays import read_arrays

        drawn = sample_paths(read_arrays(graph), search, ends, size=sample, seed=seed)
        turned = -1 if score == "product" and search.sign < 0 else 1
        scores = [turned * SCORE_OF[score](w, w, sums) for w, sums in zip(drawn.weights, drawn.input_sums, strict=True)]
    quantiles = np.quantile(scores, _SHARES, method="inverted_cdf").tolist()
    return ScoreDistribution(
        graph=graph.name,
        score=score,
        paths=total,
        scored=len(scores),
        seed=None if total <= sample else seed,
        mean=math.fsum(scores) / len(scores),
        standard_deviation=_deviation(np.array(scores)),
        notes=notes,
        quantiles={str(share): value for share, value in zip(_SHARES, quantiles, strict=True)},
    )


def _deviation(scores: Float64) -> float:
    """The standard deviation of scores (n,), whose squares may be too large or too small for a float."""
    import numpy as np

    largest = float(np.abs(scores).max()) or 1.0
    return float(np.std(scores / largest)) * largest
