"""Which prompts work alike: the graphs most like one, and groups of graphs that are alike."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from typing import TYPE_CHECKING, Any, NamedTuple

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.intervals import Mean, mean_over, with_ends
from circuit_atlas.queries.added_up import (
    check_sources,
    doubled_sources,
    in_parts,
    read_graphs,
    read_nodes,
    same_start,
)
from circuit_atlas.queries.aggregates import aggregated_sources
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_range, no_graphs
from circuit_atlas.queries.features import named_features
from circuit_atlas.queries.graph_sets import graph_rows, graph_set, listed, set_rows, undefined_notes
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.queries.similar_results import CharacteristicFeature, Cluster, Clusters, SimilarGraph, SimilarGraphs
from circuit_atlas.schema.limits import ALIGNMENTS, MAX_NEIGHBORS, MEASURES, SIMILAR_BY

if TYPE_CHECKING:
    from circuit_atlas.graph.data import Float64, Int64
    from circuit_atlas.graph.packed import PackedEdges
    from circuit_atlas.graph.similarity import GraphWeights, Rule

_MOST_GRAPHS = 5_000  # of which each two are compared
_ADDED_UP_FIRST, _ADDED_UP_AT_ONCE = 100, 1_000  # graphs
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
    that of the direct effect, summed likewise. What has the weight 0 counts as missing.

    Args:
        database: the database.
        graph: the graph's name.
        tags: compare it with the graphs of these tags; without tags, with all graphs. Collapsed graphs and aggregates
            are left out, and so are graphs of another model or set of transcoders, which a note counts.
        by: `feature`, or `effect`.
        measure: `jaccard`: the sum of the smaller over the sum of the larger of both weights; an effect counts with its
            |weight|, and as two if its sign differs, as in `compare`. Or `cosine`: of the angle between both lists of
            weights, which are signed.
        align: how features of different graphs are aligned, see `compare`; with `feature`, positions do not count.
        k: how many, 1 to 10,000.

    Raises:
        InvalidArgumentError: an argument is out of range; the graph is collapsed or an aggregate, or has no features
            (or effects); or there is no other graph to compare it with.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    _check(by, measure, align)
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
        some, left, size = left[:size], left[size:], min(2 * size, _ADDED_UP_AT_ONCE)
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
            weights = _read(database, [own, *some], by, align, from_start=from_start)
            own_total, compared = _compared_with_first(weights, [own, *some], by, measure)
            found += compared
    return own_total, sorted(found, key=lambda one: (-one.similarity, one.other))[:k]


def _compared_with_first(weights: GraphWeights, sources: Rows, by: str, measure: str) -> tuple[int, list[SimilarGraph]]:
    """How many things the first of some graphs has, and how alike the others are."""
    import numpy as np

    from circuit_atlas.graph.similarity import similarities_to

    matrix = weights.features() if by == "feature" else weights.effects()
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


@one_answer
def cluster_graphs(
    database: Database,
    *graphs: str,
    tags: Sequence[str] = (),
    by: str = "feature",
    measure: str = "jaccard",
    align: str = "feature",
    groups: int | None = None,
    threshold: float | None = None,
    k: int = 5,
) -> Clusters:
    """Groups of graphs that are alike, by hierarchical clustering with average linkage.

    Similarities are those of `similar_graphs`. The mean similarity within a group, and that of its graphs to all
    others, have a 95 % interval by bootstrap over prompts: the graphs of the group, and the others, are drawn with
    replacement. A group's stability says how much of it is found again when all graphs are drawn so and clustered
    again (Hennig 2007): with 0.85 and more it is very stable, below 0.6 it should not be trusted. The same graphs
    always give the same numbers. `circuit_atlas.graph.similarity` says how all of this is computed.

    Args:
        database: the database.
        graphs: names of graphs, 2 to 5,000 with those of the tags.
        tags: tags of further graphs; aggregates and collapsed graphs with these tags are left out.
        by: see `similar_graphs`.
        measure: see `similar_graphs`.
        align: see `similar_graphs`.
        groups: the number of groups.
        threshold: instead, groups become one as long as their mean similarity is at least this, -1 to 1. Without both,
            the number of groups from 2 to 20 with the largest mean silhouette is chosen (Rousseeuw 1987).
        k: how many characteristic features of each group, 0 to 100: those whose mean influence in the group exceeds
            that in the other graphs by most, whatever the position.

    Raises:
        InvalidArgumentError: there are fewer than two graphs, or too many; the graphs have different models or sets of
            transcoders, or one is a collapsed graph or an aggregate; or an argument is out of range.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    import numpy as np

    from circuit_atlas.graph.similarity import Rule, chosen_rule, leaves, silhouette, similarities, tree_of

    _check(by, measure, align)
    check_range("k", k, 0, 100)
    if groups is not None and threshold is not None:
        raise InvalidArgumentError("groups and threshold cannot be combined", fix="Give one of them.")
    if threshold is not None and not -1 <= threshold <= 1:
        raise InvalidArgumentError(f"threshold cannot be {threshold}", fix="It must be a similarity, -1 to 1.")
    sources = _clustered(database, graphs, tags)
    if groups is not None:
        check_range("groups", groups, 1, len(sources))  # before the graphs are read
    from_start = same_start(sources)
    weights = _read(database, sources, by, align, from_start=from_start)
    matrix = weights.features() if by == "feature" else weights.effects()
    sources, kept, notes = _with_weights(sources, np.diff(matrix.indptr), by)
    n = len(sources)
    if groups is not None:
        check_range("groups", groups, 1, n)  # without the graphs that have no weights
    similarity = similarities(matrix[kept], measure)
    tree, rule = tree_of(similarity), Rule(groups, threshold)
    if rule == Rule():
        rule = chosen_rule(tree, similarity)
    group = rule.cut(tree)
    if align == "relative" and not from_start:
        notes.append("The prompts do not all begin with the same known token, so first tokens count from the end, too.")
    if groups is not None and group.max() + 1 < groups:
        notes.append(f"{groups} groups were asked for; some graphs are equally alike, so that they stay together.")
    order = leaves(tree)
    names = [row["graph"]["name"] for row in sources]
    features = _characteristic(database, weights, kept, group, sources[0]["graph"], k)
    clusters = Clusters(
        by=by,
        measure=measure,
        align=align,
        silhouette=silhouette(similarity, group),
        groups=_groups(names, order, similarity, group, rule, features),
        notes=[*notes, *doubled_sources(sources)],
    )
    place, ends = np.argsort(order), tree[:, :2].astype(np.int64)
    tree[:, :2] = np.where(ends < n, place[np.minimum(ends, n - 1)], ends)
    clusters._similarity = similarity[np.ix_(order, order)].tobytes()
    clusters._tree = tree.tolist()
    return clusters


def _clustered(database: Database, graphs: Sequence[str], tags: Sequence[str]) -> Rows:
    """Rows of aggregates.sources of the graphs to be clustered.

    Raises:
        InvalidArgumentError: see `cluster_graphs`.
    """
    if not graph_set(database, graphs, tags):
        raise no_graphs()
    sources = aggregated_sources(database, graphs, tags)
    check_sources(sources, "the comparison")
    if len(sources) > _MOST_GRAPHS:
        raise InvalidArgumentError(
            f"at most {_MOST_GRAPHS:,} graphs can be compared in pairs, not {len(sources):,}",
            fix="Name fewer graphs, or ask for those like one graph (`similar`).",
        )
    return sources


def _check(by: str, measure: str, align: str) -> None:
    check_choice("by", by, SIMILAR_BY)
    check_choice("measure", measure, MEASURES)
    check_choice("align", align, ALIGNMENTS)


def _read(database: Database, sources: Rows, by: str, align: str, *, from_start: bool) -> GraphWeights:
    """The weights of graphs, rows of aggregates.sources. `from_start` is whether a first token is counted from the
    start where positions are relative."""
    from circuit_atlas.graph.similarity import GraphWeights

    def features(graphs: Sequence[StoredGraph]) -> list[tuple[list[str], Float64, None]]:
        found = read_nodes(graphs, align, from_start=from_start, prefix="feature:")
        return [(nodes.identity, nodes.influence, None) for nodes in found]

    def effects(graphs: Sequence[StoredGraph]) -> list[tuple[list[str], Float64, PackedEdges]]:
        found = read_graphs(graphs, align, from_start=from_start)
        return [(nodes.identity, nodes.influence, edges) for nodes, edges in found]

    weights = GraphWeights()
    for found in in_parts(database, sources, features if by == "feature" else effects, title="graphs"):
        weights.add(*found)
    return weights


def _with_weights(sources: Rows, total: Int64, by: str) -> tuple[Rows, Int64, list[str]]:
    """The graphs that have something to compare, their places, and a note that names the others.

    Raises:
        InvalidArgumentError: fewer than two graphs have.
    """
    import numpy as np

    kept = np.flatnonzero(total)
    without = [sources[i]["graph"]["name"] for i in np.flatnonzero(total == 0).tolist()]
    notes = [f"{listed(without)} left out: no {by} with a weight."] if without else []
    if len(kept) < 2:
        there = [sources[i]["graph"]["name"] for i in kept.tolist()]
        what = f"{there[0]!r} is the only graph" if there else "none of the graphs has something to compare"
        raise InvalidArgumentError(
            f"{what}, and groups need two or more",
            fix=" ".join([*notes, "Name more graphs, or another tag."]),
        )
    return [sources[i] for i in kept.tolist()], kept, notes


def _characteristic(
    database: Database, weights: GraphWeights, kept: Int64, group: Int64, graph: dict[str, Any], k: int
) -> list[list[CharacteristicFeature]]:
    """The characteristic features of each group.

    Args:
        database: the database.
        weights: of all graphs that were read.
        kept: int64 (n,): the places of those that are in groups.
        group: int64 (n,): their groups.
        graph: the properties of one of them.
        k: how many of each group.
    """
    import numpy as np

    from circuit_atlas.graph.similarity import characteristic

    keys, matrix = weights.features_anywhere()
    matrix = matrix[kept]
    found = [characteristic(matrix, group == number, k) for number in range(int(group.max()) + 1)]
    names = named_features(database, {keys[i] for places, _, _ in found for i in places.tolist()}, graph)

    def features(number: int) -> list[CharacteristicFeature]:
        places, mean, rest = found[number]
        weight = matrix[:, places].toarray()
        inside, outside = weight[group == number], weight[group != number]

        def interval(of: Float64, mean: float) -> Mean:
            return mean_over(len(of), mean, float(of.std())) if len(of) else Mean(None)

        return [
            CharacteristicFeature(
                feature=names[keys[i]],
                **with_ends("influence", interval(inside[:, at], float(mean[i]))),
                **with_ends("rest_influence", interval(outside[:, at], float(rest[i]))),
                graphs=int(np.count_nonzero(inside[:, at])),
                rest=int(np.count_nonzero(outside[:, at])),
            )
            for at, i in enumerate(places.tolist())
        ]

    return [features(number) for number in range(len(found))]


def _groups(
    names: list[str],
    order: Int64,
    similarity: Float64,
    group: Int64,
    rule: Rule,
    features: list[list[CharacteristicFeature]],
) -> list[Cluster]:
    import numpy as np

    from circuit_atlas.graph.similarity import mean_between, mean_within, stabilities

    stability = stabilities(similarity, group, rule).tolist()

    def one(number: int) -> Cluster:
        members = order[group[order] == number]
        within = mean_within(similarity, members)
        rest = mean_between(similarity, members, np.flatnonzero(group != number))
        return Cluster(
            group=number + 1,
            graphs=[names[i] for i in members.tolist()],
            within=within.value,
            within_low=within.low,
            within_high=within.high,
            rest=rest.value,
            rest_low=rest.low,
            rest_high=rest.high,
            stability=None if len(members) == 1 or np.isnan(stability[number]) else stability[number],
            features=features[number],
        )

    return [one(number) for number in range(len(features))]
