"""Which prompts work alike: groups of graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.intervals import Mean, mean_over, with_ends
from circuit_atlas.queries.added_up import check_sources, doubled_sources, same_start
from circuit_atlas.queries.aggregates import aggregated_sources
from circuit_atlas.queries.checks import check_range, no_graphs
from circuit_atlas.queries.features import named_features
from circuit_atlas.queries.graph_sets import graph_set, listed
from circuit_atlas.queries.graph_weights import check_comparison, read_weights
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.queries.similar_results import CharacteristicFeature, Cluster, Clusters

if TYPE_CHECKING:
    from circuit_atlas.graph.data import Float64, Int64
    from circuit_atlas.graph.similarity import GraphWeights, Rule

_MAX_GRAPHS = 5_000  # of which each two are compared


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

    check_comparison(by, measure, align)
    check_range("k", k, 0, 100)
    if groups is not None and threshold is not None:
        raise InvalidArgumentError("groups and threshold cannot be combined", fix="Give one of them.")
    if threshold is not None and not -1 <= threshold <= 1:
        raise InvalidArgumentError(f"threshold cannot be {threshold}", fix="It must be a similarity, -1 to 1.")
    sources = _clustered(database, graphs, tags)
    if groups is not None:
        check_range("groups", groups, 1, len(sources))  # before the graphs are read
    from_start = same_start(sources)
    weights = read_weights(database, sources, by, align, from_start=from_start)
    matrix = weights.of(by)
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
    if len(sources) > _MAX_GRAPHS:
        raise InvalidArgumentError(
            f"at most {_MAX_GRAPHS:,} graphs can be compared in pairs, not {len(sources):,}",
            fix="Name fewer graphs, or ask for those like one graph (`similar`).",
        )
    return sources


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
        others = np.flatnonzero(group != number)
        return Cluster(
            group=number + 1,
            graphs=[names[i] for i in members.tolist()],
            **with_ends("within", mean_within(similarity, members)),
            **with_ends("rest", mean_between(similarity, members, others)),
            stability=None if len(members) == 1 or np.isnan(stability[number]) else stability[number],
            features=features[number],
        )

    return [one(number) for number in range(len(features))]
