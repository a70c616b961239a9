"""Writes explanations to the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from circuit_atlas.database import Database, Rows
from circuit_atlas.explain.statements import EXPLAIN
from circuit_atlas.queries.node_results import Explanation


class Feature(NamedTuple):
    """A transcoder feature, under the names of the database or of Neuronpedia."""

    model: str
    source_set: str
    layer: int
    index: int  # type: ignore[assignment]


def now() -> str:
    """The present time in the form in which it is stored: ISO 8601, UTC, with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def store_explanations(
    database: Database,
    explained: Mapping[Feature, Sequence[Explanation]],
    *,
    source: str,
    date: str,
    fetched: bool = False,
    statement: str = EXPLAIN,
) -> tuple[int, int]:
    """Store the explanations that one source gives of features, and rename the nodes that are activations of them.

    They replace what the same source said of these features before `date`.

    Args:
        database: the database.
        explained: explanations by feature, best first; an empty list removes those that the source gave before.
        source: where they come from; the field of that name of an `Explanation` is not read.
        date: when they were fetched or imported, ISO 8601.
        fetched: whether Neuronpedia was asked for these features now.
        statement: `EXPLAIN`, or `EXPLAIN_ALL`.

    Returns:
        How many of the features the database has, and how many nodes were renamed.
    """
    rows: dict[tuple[str, str], Rows] = defaultdict(list)
    for feature, explanations in explained.items():
        distinct = _first_by_text(explanations)
        rows[feature[:2]].append(
            {
                "layer": feature.layer,
                "index": feature.index,
                "texts": [e.text for e in distinct],
                "models": [e.model for e in distinct],
                "types": [e.type for e in distinct],
            }
        )
    features = renamed = 0
    for (model, source_set), rows_of_set in rows.items():
        parameters = {"model": model, "source_set": source_set, "rows": rows_of_set, "source": source, "date": date}
        [found] = database.write(statement, **parameters, fetched_at=date if fetched else None)
        features, renamed = features + found["features"], renamed + found["renamed"]
    return features, renamed


def _first_by_text(explanations: Sequence[Explanation]) -> list[Explanation]:
    """The explanations in their order, without those whose text came before."""
    found: dict[str, Explanation] = {}
    for explanation in explanations:
        found.setdefault(explanation.text, explanation)
    return list(found.values())
