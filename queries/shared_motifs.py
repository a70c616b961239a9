"""Which concrete motifs graphs have in common, and which are over-represented in a set of graphs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.added_up import (
    add_graphs,
    check_sources,
    doubled_sources,
    same_start,
    sources_of,
    target_notes,
)
from circuit_atlas.queries.checks import check_choice, check_range, check_share
from circuit_atlas.queries.enriched import enriched_fields, named_ends, two_sets
from circuit_atlas.queries.graph_sets import prompts_or_all
from circuit_atlas.queries.graphs import list_graphs
from circuit_atlas.queries.motif_results import EnrichedMotif, EnrichedMotifs, RecurringMotif, RecurringMotifs
from circuit_atlas.queries.motifs import check_pruning
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.schema.limits import ALIGNMENTS, MAX_NEIGHBORS, ROUNDING, SHAPES

if TYPE_CHECKING:
    from circuit_atlas.graph.data import Bool, Int64
    from circuit_atlas.graph.shared_motifs import Effects, SharedMotifs, SignedGraphs

_FEWER = (
    "Leave out weak effects: --min-weight X or --strongest N (min_weight, strongest); or take more graphs, or a larger "
    "share of them."
)
_MAX_PAIRS = 300_000_000  # of effects that are looked at; that takes a quarter of a minute


@one_answer
def recurring_motifs(
    database: Database,
    *graphs: str,
    tags: Sequence[str] = (),
    shape: str = "chain",
    share: float = 0.5,
    align: str = "feature",
    k: int = 20,
    min_weight: float = 0.0,
    strongest: int | None = None,
) -> RecurringMotifs:
    """The motifs of a shape that recur in most graphs of a set: three features, or two and the predicted token, and the
    effects between them with their signs.

    Those in most graphs come first, and of these, those whose weakest effect is strongest on average. All effects
    between these nodes count: `recurring`, in contrast, follows the strongest effects of some features. How many graphs
    would have a motif by chance is counted as in `circuit_atlas.graph.shared_motifs`.

    Args:
        database: the database.
        graphs: names of graphs.
        tags: tags of further graphs; all graphs of the database when both are empty.
        shape: `chain` (A on B, B on C), `fan-in` (A and B on C), `fan-out` (A on B and C) or `triangle` (A on B, B on
            C, A on C).
        share: in at least this share of the graphs, 0 to 1, and in two.
        align: how nodes of different graphs are aligned, see `compare`.
        k: how many, 1 to 10,000.
        min_weight: leave out effects of a graph with a smaller |weight|.
        strongest: take only this many effects of each graph, those with the largest |weight|.

    Raises:
        InvalidArgumentError: the graphs have different sets of transcoders, or one is a collapsed graph or an
            aggregate; there are too many effects; or an argument is out of range.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    import numpy as np

    from circuit_atlas.graph.shared_motifs import by_chance, strengths

    _check(shape, align, k, min_weight, strongest)
    check_share(share)
    names = [row["graph"] for row in prompts_or_all(database, graphs, tags)]
    if not names:
        notes = list_graphs(database).notes
        return RecurringMotifs(graphs=[], shape=shape, align=align, total=0, motifs=[], notes=notes)
    sources = _sources(database, names)
    fewest = max(2, math.ceil(share * len(sources) - ROUNDING))
    kept = np.arange(len(sources) + 1) >= fewest
    read = _read(database, sources, align, min_weight, strongest)
    effects, found = _found(read, shape, [len(sources)], kept)
    order = np.lexsort((-strengths(effects, found.effects), -found.graphs[0]))[:k]
    best, numbers = found.effects[order], found.graphs[0][order]
    chance = by_chance(effects, best, numbers, len(sources))
    motifs = [
        RecurringMotif(
            graphs=int(numbers[i]),
            expected=float(chance.expected[i]),
            z=None if math.isnan(chance.z[i]) else float(chance.z[i]),
            p_value=float(chance.p_value[i]),
            **fields,
        )
        for i, fields in enumerate(_described(database, read, effects, shape, best, sources))
    ]
    none = [] if motifs else [f"No {shape} is in {fewest:,} or more of the graphs."]
    return RecurringMotifs(
        graphs=[row["graph"]["name"] for row in sources],
        shape=shape,
        align=align,
        total=len(found.effects),
        motifs=motifs,
        notes=[*none, *doubled_sources(sources), *target_notes(read.targets)],
    )


@one_answer
def enriched_motifs(
    database: Database,
    *graphs: str,
    tags: Sequence[str] = (),
    baseline: Sequence[str] = (),
    baseline_tags: Sequence[str] = (),
    shape: str = "chain",
    align: str = "feature",
    k: int = 20,
    confidence: float = 0.95,
    min_weight: float = 0.0,
    strongest: int | None = None,
) -> EnrichedMotifs:
    """The motifs of a shape that are over-represented in a set of graphs against a baseline.

    Motifs are those of `recurring_motifs`. One that so few graphs have, or so many, that its p-value could not be 0.05
    or less does not count among the tests, see `circuit_atlas.graph.enrichment.worth_testing`.

    Args:
        database: the database.
        graphs: see `enriched_features`.
        tags: see `enriched_features`.
        baseline: see `enriched_features`.
        baseline_tags: see `enriched_features`.
        shape: see `recurring_motifs`.
        align: how nodes of different graphs are aligned, see `compare`.
        k: how many, 1 to 10,000: those with the smallest p-value, then the largest log odds, then those whose weakest
            effect is strongest.
        confidence: of the intervals, 0 to 1.
        min_weight: see `recurring_motifs`.
        strongest: see `recurring_motifs`.

    Raises:
        InvalidArgumentError: see `enriched_edges`; or there are too many effects.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    import numpy as np

    from circuit_atlas.graph.enrichment import USUAL_LEVEL, enrichment, worth_testing
    from circuit_atlas.graph.shared_motifs import strengths

    _check(shape, align, k, min_weight, strongest)
    chosen, others, notes, _ = two_sets(database, graphs, tags, baseline, baseline_tags, k, confidence)
    sources = _sources(database, [*chosen, *others])
    sizes = [len(chosen), len(others)]
    read = _read(database, sources, align, min_weight, strongest)
    effects, motifs = _found(read, shape, sizes, worth_testing(*sizes, level=USUAL_LEVEL))
    in_set, in_baseline = motifs.graphs
    found = enrichment(in_set, sizes[0], in_baseline, sizes[1], confidence=confidence)
    over = np.flatnonzero(in_set * sizes[1] > in_baseline * sizes[0])
    strength = strengths(effects, motifs.effects[over])
    best = over[np.lexsort((-strength, *(key[over] for key in found.order_keys())))[:k]]
    described = _described(database, read, effects, shape, motifs.effects[best], sources)
    return EnrichedMotifs(
        graphs=chosen,
        baseline=others,
        confidence=confidence,
        tested=len(in_set),
        total=len(over),
        shape=shape,
        align=align,
        motifs=[
            EnrichedMotif(
                **fields,
                **enriched_fields(found, i, (int(in_set[i]), sizes[0]), (int(in_baseline[i]), sizes[1])),
            )
            for i, fields in zip(best.tolist(), described, strict=True)
        ],
        notes=[*notes, *target_notes(read.targets)],
    )


def _check(shape: str, align: str, k: int, min_weight: float, strongest: int | None) -> None:
    check_choice("shape", shape, SHAPES)
    check_choice("align", align, ALIGNMENTS)
    check_range("k", k, 1, MAX_NEIGHBORS)
    check_pruning(min_weight, strongest)


def _sources(database: Database, names: Sequence[str]) -> Rows:
    """The rows of aggregates.sources of some graphs, in order, which can be compared."""
    sources = sources_of(database, names)
    check_sources(sources, "the comparison")
    return sources


def _read(database: Database, sources: Rows, align: str, min_weight: float, most: int | None) -> SignedGraphs:
    """The signed effects of graphs, in order."""
    from circuit_atlas.graph.shared_motifs import SignedGraphs

    signed = SignedGraphs(min_weight, most)
    add_graphs(database, signed.add, sources, align=align, from_start=same_start(sources), title="graphs")
    return signed


def _found(read: SignedGraphs, shape: str, sizes: Sequence[int], kept: Bool) -> tuple[Effects, SharedMotifs]:
    """The effects that matter, and the motifs of a shape; `kept` as in `shared_motifs`."""
    import numpy as np

    from circuit_atlas.graph.shared_motifs import n_pairs, shared_motifs

    try:
        effects = read.effects(int(np.argmax(kept)) if kept.any() else len(kept))
    except OverflowError as error:
        raise InvalidArgumentError(f"there are {error}, too many to compare", fix=_FEWER) from error
    pairs = n_pairs(effects, shape)
    if pairs > _MAX_PAIRS:
        raise InvalidArgumentError(
            f"the graphs have {pairs:,} pairs of effects that may be part of a {shape}, more than {_MAX_PAIRS:,}",
            fix=_FEWER,
        )
    try:
        return effects, shared_motifs(effects, shape, sizes, kept)
    except OverflowError as error:
        raise InvalidArgumentError(f"the graphs have {error} of the shape {shape}", fix=_FEWER) from error


def _described(
    database: Database, read: SignedGraphs, effects: Effects, shape: str, motifs: Int64, sources: Rows
) -> list[dict[str, Any]]:
    """The fields of motifs; `motifs` are the numbers of their effects, int64 (k, 2 or 3)."""
    from circuit_atlas.graph.shared_motifs import first_graphs, nodes_of

    nodes = nodes_of(effects, shape, motifs)
    ends = named_ends(database, read.identities, nodes.ravel(), sources[0]["graph"])
    weights, negative = effects.weight[motifs].tolist(), effects.negative[motifs].tolist()
    examples = first_graphs(effects, motifs)
    return [
        {
            **dict(zip("abc", (ends[number] for number in three), strict=True)),
            "signs": "".join("+-"[is_negative] for is_negative in negative[i]),
            "first": weights[i][0],
            "second": weights[i][1],
            "across": weights[i][2] if len(weights[i]) > 2 else None,
            "example": sources[examples[i]]["graph"]["name"],
        }
        for i, three in enumerate(nodes.tolist())
    ]
