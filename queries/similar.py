"""Which prompts work alike: the graphs most like one."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from typing import TYPE_CHECKING, Any, NamedTuple

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.added_up import check_sources, same_start
from circuit_atlas.queries.aggregates import aggregated_sources
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_range
from circuit_atlas.queries.graph_sets import graph_rows, set_rows, undefined_notes
from circuit_atlas.queries.graph_weights import check_comparison, read_weights
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.queries.similar_results import SimilarGraph, SimilarGraphs
from circuit_atlas.schema.limits import MAX_NEIGHBORS

if TYPE_CHECKING:
    from circuit_atlas.graph.similarity import GraphWeights

_ADDED_UP_FIRST, _ADDED_UP_TOGETHER = 100, 1_000  # graphs
_ROUNDING = 1e-9  # of sums


class _InBoth(NamedTuple):
    """The features that a graph and another have: over these, the sum of the smaller influence of the two, and that of
    the influence in the other; how many they are."""

    common: float
    influence: float
    shared: int


@one_answer
def similar_graphs(
    database: Database,
    graph: str,
    *,
    tags: Sequence[str] = (),
    by: str = "feature",
    measure: str = "jaccard",
    align: str = "feature",
    k: int = 10,
) -> SimilarGraphs:
    """The graphs that are most like one graph.

    They are compared by weights. A feature's weight is its influence: how much of the logits flows through it,
    summed over the nodes that are aligned with each other. An effect is one of a feature on a feature; its weight is
    that of the direct effect, summed in the same way. A weight of 0 counts as missing.

    Args:
        database: the database.
        graph: the graph's name.
        tags: compare it with the graphs of these tags; without tags, with all graphs. Collapsed graphs and aggregates
            are left out, and so are graphs of another model or set of transcoders, which a note counts.
        by: `feature`, or `edge`: the direct effects of features on features.
        measure: `jaccard`: the sum of the smaller over the sum of the larger of both weights; an effect counts with its
            |weight|, and as two if its sign differs, as in `compare`. Or `cosine`: of the angle between both lists of
            weights, which are signed.
        align: how features of different graphs are aligned, see `compare`; with `feature`, positions do not count.
        k: how many, 1 to 10,000.

    Raises:
        InvalidArgumentError: an argument is out of range; the graph is collapsed or an aggregate, or has no features
            (or edges); or there is no other graph to compare it with.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    check_comparison(by, measure, align)
    check_range("k", k, 1, MAX_NEIGHBORS)
    one, *others = graph_rows(database, [graph], tags)
    if not one["is_original"]:
        check_sources(aggregated_sources(database, [graph], []), graph)
    if not tags:
        others = [row for row in set_rows(database, [], []) if row["graph"] != graph]
    originals = [row for row in others if row["is_original"]]
    alike = [row for row in originals if all(row[field] == one[field] for field in ("source_set", "lorsa_source_set"))]
    notes = []
    if left := len(originals) - len(alike):
        were = "1 graph was left out: it has" if left == 1 else f"{left:,} graphs were left out: they have"
        notes.append(f"{were} another model or set of transcoders.")
    if not alike:
        raise InvalidArgumentError(
            "there is no other graph of the same model and set of transcoders to compare it with",
            where=graph,
            fix="Ingest more graphs, or give another tag.",
        )
    names = [row["graph"] for row in alike]
    if (by, measure, align) == ("feature", "jaccard", "feature"):
        total, found = _most_similar(database, graph, names, k)
    else:
        sources = aggregated_sources(database, [graph, *names], [])
        total, found = _compared(database, graph, sources, k, by, measure, align)
    if not total:
        raise InvalidArgumentError(
            f"it has no {by} with a weight, so no graph is like it",
            where=graph,
            fix="`circuit-atlas stats` shows what it has.",
        )
    notes += undefined_notes([one, *alike]) if by == "feature" else []
    if same := [row for row in alike if row["content"] == one["content"]]:
        notes.append(f"{len(same):,} of the graphs {'has' if len(same) == 1 else 'have'} the same content as {graph}.")
    return SimilarGraphs(
        graph=graph,
        by=by,
        measure=measure,
        align=align,
        total=total,
        compared=len(alike),
        graphs=found,
        notes=notes,
    )


def _most_similar(database: Database, graph: str, others: list[str], k: int) -> tuple[int, list[SimilarGraph]]:
    """How many features the graph has, and the k graphs most like it by weighted Jaccard of features, wherever they are
    active. Neo4j adds up: of thousands of graphs, all features would be too much to read.

    Args:
        database: the database.
        graph: the graph's name.
        others: names of those to compare it with.
        k: how many.
    """
    [row] = ask(database, "similar.features", graph=graph, graphs=others)
    columns = (row[name] for name in ("names", *_InBoth._fields))
    both = {name: _InBoth(*numbers) for name, *numbers in zip(*columns, strict=True)}
    own = _totals(database, [graph])[graph]["influence"]
    found: dict[str, float] = {}
    # What the similarity would be without other features: it is no more. So the influence of all features is added up
    # for those graphs first for which this is largest, until no other can be among the k best.
    bounds = {name: here.common / (own + here.influence - here.common) for name, here in both.items()}
    left, size = sorted(bounds, key=lambda name: (-bounds[name], name)), max(k, _ADDED_UP_FIRST)
    while left:
        some, left, size = left[:size], left[size:], min(2 * size, _ADDED_UP_TOGETHER)
        if len(found) >= k and bounds[some[0]] < nlargest(k, found.values())[-1] * (1 - _ROUNDING):
            break
        for name, total in _totals(database, some).items():
            common = both[name].common
            found[name] = min(1.0, common / (own + total["influence"] - common)) if common else 0.0
    if len(found) < k:
        found |= {name: 0.0 for name in others if name not in found}
    best = sorted(found, key=lambda name: (-found[name], name))[:k]
    totals = _totals(database, [graph, *best], counted=True)
    prompts = {row["graph"]["name"]: row["graph"]["prompt"] or "" for row in aggregated_sources(database, best, [])}
    return totals[graph]["features"], [
        SimilarGraph(
            other=name,
            similarity=found[name],
            shared=both[name].shared if name in both else 0,
            total=totals[name]["features"],
            prompt=prompts[name],
        )
        for name in best
    ]


def _totals(database: Database, graphs: list[str], *, counted: bool = False) -> dict[str, dict[str, Any]]:
    """The row of similar.totals of each graph."""
    return {row["graph"]: row for row in ask(database, "similar.totals", graphs=graphs, counted=counted)}


def _compared(
    database: Database, graph: str, sources: Rows, k: int, by: str, measure: str, align: str
) -> tuple[int, list[SimilarGraph]]:
    """The same by any weights; all graphs are read whole. As in `compare`, a first token that two graphs have is
    counted from the start."""
    [own] = [row for row in sources if row["graph"]["name"] == graph]
    others = [row for row in sources if row is not own]
    parts = {False: others}
    if align == "relative":
        parts = {how: [row for row in others if same_start([own, row]) is how] for how in (True, False)}
    own_total, found = 0, list[SimilarGraph]()
    for from_start, some in parts.items():
        if some:
            weights = read_weights(database, [own, *some], by, align, from_start=from_start)
            own_total, compared = _compared_with_first(weights, [own, *some], by, measure)
            found += compared
    return own_total, sorted(found, key=lambda one: (-one.similarity, one.other))[:k]


def _compared_with_first(weights: GraphWeights, sources: Rows, by: str, measure: str) -> tuple[int, list[SimilarGraph]]:
    """How many things the first of some graphs has, and how alike the others are."""
    import numpy as np

    from circuit_atlas.graph.similarity import similarities_to

    matrix = weights.of(by)
    total, found = np.diff(matrix.indptr), similarities_to(matrix, 0, measure)
    shared = np.diff((matrix != 0).multiply(matrix[[0]] != 0).tocsr().indptr)
    return int(total[0]), [
        SimilarGraph(
            other=row["graph"]["name"],
            similarity=float(found[i]),
            shared=int(shared[i]),
            total=int(total[i]),
            prompt=row["graph"]["prompt"] or "",
        )
        for i, row in enumerate(sources[1:], 1)
    ]
