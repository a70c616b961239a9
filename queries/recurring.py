"""Features and motifs that many graphs have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from circuit_atlas.database import Database, Rows
from circuit_atlas.graph.intervals import mean_over, with_ends
from circuit_atlas.queries.ask import ask, ask_together
from circuit_atlas.queries.checks import check_range, check_share
from circuit_atlas.queries.feature_results import FeatureIdentity, Motif, Recurring, RecurringFeature
from circuit_atlas.queries.features import to_feature
from circuit_atlas.queries.graph_sets import doubled_notes, mixed_notes, old_notes, prompts_or_all, undefined_notes
from circuit_atlas.queries.graphs import list_graphs
from circuit_atlas.queries.node_rows import to_node
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.schema.keys import split_position
from circuit_atlas.schema.limits import MAX_NEIGHBORS, MOTIF_FEATURES

_MOTIF_PARTS = 8  # each has its own time limit


@one_answer
def recurring(
    database: Database,
    *graphs: str,
    tags: Sequence[str] = (),
    share: float = 0.5,
    k: int = 20,
    width: int = 3,
) -> Recurring:
    """The transcoder features and two-hop motifs that recur in most graphs of a set, whatever the position.
    Motifs whose effects have other signs are different motifs.

    Args:
        database: the database.
        graphs: names of graphs.
        tags: tags of further graphs; all graphs of the database when both are empty.
        share: in at least this share of the graphs, 0 to 1, and in two.
        k: how many features, and how many motifs, 1 to 10,000.
        width: a motif's two effects are among this many of the strongest on its middle and of its middle, 1 to 10.

    Raises:
        InvalidArgumentError: an argument is out of range.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    check_range("k", k, 1, MAX_NEIGHBORS)
    check_range("width", width, 1, 10)
    check_share(share)
    stored = prompts_or_all(database, graphs, tags)
    names = [row["graph"] for row in stored]
    if not names:
        return Recurring(graphs=0, features=[], motifs=[], notes=list_graphs(database).notes)
    features = ask(database, "recurring.features", graphs=names, share=share, k=max(k, MOTIF_FEATURES))
    middle = [to_feature(row["feature"]) for row in features[:MOTIF_FEATURES]]
    motifs = _motifs_of(database, middle, graphs=names, share=share, k=k, width=width)
    return Recurring(
        notes=[*mixed_notes(stored), *doubled_notes(stored), *undefined_notes(stored), *old_notes(database, stored)],
        graphs=len(names),
        features=[
            RecurringFeature(
                feature=to_feature(row["feature"]),
                graphs=row["graphs"],
                **with_ends("influence", mean_over(row["graphs"], row["influence"], row["influence_sd"])),
            )
            for row in features[:k]
        ],
        motifs=[
            Motif(
                graphs=row["graphs"],
                example=row["nodes"][0]["graph"],
                nodes=[to_node(node) for node in row["nodes"]],
                weights=[row["weight_in"], row["weight_out"]],
            )
            for row in motifs
        ],
    )


def _motifs_of(database: Database, features: Sequence[FeatureIdentity], *, k: int, **question: Any) -> Rows:
    """The k motifs whose second feature is one of these and which most graphs have, rows of recurring.motifs.

    They are looked for in parts, each of some of the features: several parts at a time, each in the time limit.
    """
    if not features:
        return []
    parts = [features[first::_MOTIF_PARTS] for first in range(min(_MOTIF_PARTS, len(features)))]

    def part(some: Sequence[FeatureIdentity]) -> Rows:
        places = [[feature.model, feature.source_set, feature.layer, feature.index] for feature in some]
        return ask(database, "recurring.motifs", features=places, k=k, **question)

    rows = [row for rows in ask_together(database, part, parts, unit="parts", title="motifs") for row in rows]
    return sorted(rows, key=_motif_order)[:k]


def _motif_order(row: dict[str, Any]) -> tuple[Any, ...]:
    """The order of rows of recurring.motifs: its ORDER BY."""
    first, _, last = (split_position(node["key"])[0] for node in row["nodes"])
    size, feature = abs(row["weight_in"]) + abs(row["weight_out"]), row["feature"]
    place = [feature[name] for name in ("model", "source_set", "layer", "index")]
    return -row["graphs"], -size, first, place, last, row["weight_in"], row["weight_out"]
