"""Transcoder features and direct effects that are over-represented in a set of graphs against a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from circuit_atlas.database import Database
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.intervals import mean_over, with_ends
from circuit_atlas.queries.added_up import add_graphs, check_sources, same_start, sources_of, target_notes
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_range, no_graphs
from circuit_atlas.queries.enriched_results import (
    AlignedEnd,
    EnrichedEdge,
    EnrichedEdges,
    EnrichedFeature,
    EnrichedFeatures,
)
from circuit_atlas.queries.feature_results import feature_name
from circuit_atlas.queries.features import named_features, to_feature
from circuit_atlas.queries.graph_sets import apart, doubled_notes, mixed_notes, old_notes, prompt_rows, undefined_notes
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.schema.keys import Kind, split_position
from circuit_atlas.schema.limits import ALIGNMENTS, MAX_NEIGHBORS

if TYPE_CHECKING:
    from circuit_atlas.graph.data import Int64
    from circuit_atlas.graph.enrichment import Enrichment


@one_answer
def enriched_features(
    database: Database,
    *graphs: str,
    tags: Sequence[str] = (),
    baseline: Sequence[str] = (),
    baseline_tags: Sequence[str] = (),
    k: int = 20,
    confidence: float = 0.95,
) -> EnrichedFeatures:
    """The transcoder features that are over-represented in a set of graphs against a baseline, whatever the position.

    What all prompts of both sets have, such as features of a template, is in neither. `only_features` with a measure:
    a feature may be active in some graphs of the baseline, and in some of the set alone.

    Args:
        database: the database.
        graphs: names of graphs.
        tags: tags of further graphs.
        baseline: names of graphs to compare them with.
        baseline_tags: tags of further such graphs. A graph of both sets counts in the one where it is named, else in
            the first.
        k: how many, 1 to 10,000: those with the smallest p-value, then the largest log odds, then most influence.
        confidence: of the intervals, 0 to 1.

    Raises:
        InvalidArgumentError: a set is empty, a graph is named in both, or an argument is out of range.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    import numpy as np

    from circuit_atlas.graph.enrichment import enrichment

    chosen, others, notes, stored = two_sets(database, graphs, tags, baseline, baseline_tags, k, confidence)
    rows = ask(database, "features.enriched", graphs=chosen, baseline=others, k=k)
    # Features that are active in the same numbers of graphs have the same statistics.
    counts, in_set, in_baseline = (
        np.array([row[name] for row in rows], np.int64) for name in ("n_features", "graphs", "baseline")
    )
    first = np.cumsum(counts) - counts
    found = enrichment(
        np.repeat(in_set, counts),
        len(chosen),
        np.repeat(in_baseline, counts),
        len(others),
        confidence=confidence,
    )
    over = np.flatnonzero(in_set * len(others) > in_baseline * len(chosen)).tolist()
    log_odds, p_value = found.order_keys()
    best = sorted(
        ((i, one) for i in over for one in rows[i]["features"]),
        key=lambda pair: (p_value[first[pair[0]]], log_odds[first[pair[0]]], -pair[1]["influence"]),
    )
    features = [
        EnrichedFeature(
            feature=to_feature(one["feature"]),
            **with_ends("influence", mean_over(len(chosen), one["influence"], one["influence_sd"], confidence)),
            **enriched_fields(
                found, int(first[i]), (rows[i]["graphs"], len(chosen)), (rows[i]["baseline"], len(others))
            ),
        )
        for i, one in best[:k]
    ]
    return EnrichedFeatures(
        graphs=chosen,
        baseline=others,
        confidence=confidence,
        tested=int(counts.sum()),
        total=int(counts[over].sum()),
        features=features,
        notes=[*notes, *undefined_notes([stored[graph] for graph in chosen])],
    )


@one_answer
def enriched_edges(
    database: Database,
    *graphs: str,
    tags: Sequence[str] = (),
    baseline: Sequence[str] = (),
    baseline_tags: Sequence[str] = (),
    align: str = "feature",
    k: int = 20,
    confidence: float = 0.95,
) -> EnrichedEdges:
    """The direct effects that are over-represented in a set of graphs against a baseline.

    All direct effects of the graphs are read, and count whatever their sign. The most probable logit of each graph is
    one node, `logit:target`, and all other logits are another, as in an aggregate.

    Args:
        database: the database.
        graphs: see `enriched_features`.
        tags: see `enriched_features`.
        baseline: see `enriched_features`.
        baseline_tags: see `enriched_features`.
        align: how nodes of different graphs are aligned, see `compare`.
        k: how many, 1 to 10,000: those with the smallest p-value, then the largest log odds, then the largest
            |mean weight|.
        confidence: of the intervals, 0 to 1.

    Raises:
        InvalidArgumentError: see `enriched_features`; or the graphs have different sets of transcoders, or one is a
            collapsed graph or an aggregate.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    import numpy as np

    from circuit_atlas.graph.aggregate import MEAN, Aggregation
    from circuit_atlas.graph.enrichment import enrichment
    from circuit_atlas.graph.pairs import SOURCE

    check_choice("align", align, ALIGNMENTS)
    chosen, others, notes, _ = two_sets(database, graphs, tags, baseline, baseline_tags, k, confidence)
    sources, beside = sources_of(database, chosen), sources_of(database, others)
    check_sources([*sources, *beside], "the comparison")
    longest = max(row["graph"]["n_pos"] for row in [*sources, *beside])
    adding = Aggregation(align, MEAN, longest, is_stored=False)
    how: dict[str, Any] = {"align": align, "from_start": same_start([*sources, *beside])}
    add_graphs(database, adding.add, sources, title="graphs", **how)
    first = adding.effects()
    add_graphs(database, adding.add, beside, title="baseline", **how)
    both = adding.effects()
    at = np.searchsorted(both.pair, first.pair)
    in_set, weight = np.zeros(len(both.pair), np.int64), np.zeros(len(both.pair))
    in_set[at], weight[at] = first.graphs, first.total.high / first.graphs
    deviation = np.zeros(len(both.pair))
    deviation[at] = np.sqrt(first.total.around_mean(first.squares, first.graphs) / first.graphs)
    in_baseline = both.graphs - in_set
    found = enrichment(in_set, len(chosen), in_baseline, len(others), confidence=confidence)
    over = np.flatnonzero(in_set * len(others) > in_baseline * len(chosen))
    best = over[np.lexsort((both.pair[over], -np.abs(weight[over]), *(key[over] for key in found.order_keys())))[:k]]
    numbers = np.concatenate([both.pair[best] >> 32, both.pair[best] & SOURCE])
    ends = named_ends(database, adding.identities, numbers, sources[0]["graph"])
    edges = [
        EnrichedEdge(
            source=ends[int(both.pair[i] & SOURCE)],
            target=ends[int(both.pair[i] >> 32)],
            **with_ends("weight", mean_over(int(in_set[i]), float(weight[i]), float(deviation[i]), confidence)),
            **enriched_fields(found, i, (int(in_set[i]), len(chosen)), (int(in_baseline[i]), len(others))),
        )
        for i in best.tolist()
    ]
    return EnrichedEdges(
        graphs=chosen,
        baseline=others,
        align=align,
        confidence=confidence,
        tested=len(both.pair),
        total=len(over),
        edges=edges,
        notes=[*notes, *target_notes(adding.targets)],
    )


def two_sets(
    database: Database,
    graphs: Sequence[str],
    tags: Sequence[str],
    baseline: Sequence[str],
    baseline_tags: Sequence[str],
    k: int,
    confidence: float,
) -> tuple[list[str], list[str], list[str], dict[str, dict[str, Any]]]:
    """The graphs of the set and of the baseline, notes about them, and the rows of `set_rows` of all, by name.

    Raises:
        InvalidArgumentError: a set has no graph, a graph is named in both, or `k` or `confidence` is out of range.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    from circuit_atlas.graph.enrichment import USUAL_LEVEL, smallest_p_value

    check_range("k", k, 1, MAX_NEIGHBORS)
    if not 0.0 < confidence < 1.0:
        raise InvalidArgumentError(f"confidence cannot be {confidence}", fix="It must be more than 0 and less than 1.")
    rows, beside = prompt_rows(database, graphs, tags), prompt_rows(database, baseline, baseline_tags)
    chosen, others = [row["graph"] for row in rows], [row["graph"] for row in beside]
    if not chosen:
        raise no_graphs()
    if not others:
        raise InvalidArgumentError("no baseline given", fix="Name a tag (--baseline) or graphs (--baseline-graph).")
    chosen, others, notes = apart(chosen, others, graphs, baseline, "baseline (--baseline, --baseline-graph)")
    smallest = smallest_p_value(len(chosen), len(others))
    if smallest > USUAL_LEVEL:
        notes.append(
            f"{len(chosen)} against {len(others)} graphs cannot have a p-value below {smallest:.2g}: take more graphs."
        )
    stored = {row["graph"]: row for row in [*rows, *beside]}
    every = list(stored.values())
    return chosen, others, [*notes, *doubled_notes(every), *mixed_notes(every), *old_notes(database, every)], stored


def enriched_fields(found: Enrichment, i: int, in_set: tuple[int, int], in_baseline: tuple[int, int]) -> dict[str, Any]:
    """The fields of `Enriched` of the i-th thing: of each set, how many graphs have it, and how many there are."""
    return {
        "graphs": in_set[0],
        "baseline": in_baseline[0],
        "rate": in_set[0] / in_set[1],
        "baseline_rate": in_baseline[0] / in_baseline[1],
        "log_odds": float(found.log_odds[i]),
        "log_odds_low": float(found.low[i]),
        "log_odds_high": float(found.high[i]),
        "p_value": float(found.p_value[i]),
        "q_value": float(found.q_value[i]),
    }


def named_ends(
    database: Database, identities: Sequence[str], wanted: Int64, graph: dict[str, Any]
) -> dict[int, AlignedEnd]:
    """Nodes that several graphs have, by number: a feature has the name that is its explanation.

    Args:
        database: the database.
        identities: what each is aligned by.
        wanted: int64, the numbers of the nodes.
        graph: the properties of one of the graphs.
    """
    numbers = sorted(set(wanted.tolist()))
    keys = {number: split_position(identities[number])[0] for number in numbers}
    features = named_features(database, keys.values(), graph)

    def name(number: int) -> str:
        feature = features.get(keys[number])
        return _told(identities[number]) if feature is None else feature_name(feature)

    return {number: AlignedEnd(identity=identities[number], name=name(number)) for number in numbers}


def _told(identity: str) -> str:
    """The name of a node that is not a feature: the text of a token or logit, else its kind and layer."""
    kind, _, rest = identity.partition(":")
    return rest if kind in (Kind.TOKEN, Kind.LOGIT) else f"{kind} {rest}".rstrip()
