"""How explanations get into the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from circuit_atlas.database import Database, Rows
from circuit_atlas.explain.statements import EXPLAIN


class Feature(NamedTuple):
    """A transcoder feature, under the names of the database or of Neuronpedia."""

    model: str
    source_set: str
    layer: int
    index: int  # type: ignore[assignment]


class Explanation(NamedTuple):
    """What somebody says of a feature; empty texts where it is not known which model, or kind of explanation."""

    text: str
    model: str = ""
    type: str = ""


def now() -> str:
    """Now, as it is stored."""
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
    """Store what a source says, instead of what it said before `date`, and rename the features' activations.

    Args:
        database: the database.
        explained: explanations by feature, best first; none takes back what the source said.
        source: where they come from.
        date: when, ISO 8601.
        fetched: whether Neuronpedia was asked now.
        statement: `EXPLAIN`, or `EXPLAIN_ALL`.

    Returns:
        How many of the features the store holds, and how many nodes have another name now.
    """
    rows: dict[tuple[str, str], Rows] = defaultdict(list)
    for feature, said in explained.items():
        explanations = list({e.text: e for e in reversed(said)}.values())[::-1]
        lists = {"texts": [e.text for e in explanations], "models": [e.model for e in explanations]}
        types = [e.type for e in explanations]
        rows[feature[:2]].append({"layer": feature.layer, "index": feature.index, **lists, "types": types})
    features = renamed = 0
    for (model, source_set), of_set in rows.items():
        parameters = {"model": model, "source_set": source_set, "rows": of_set, "source": source, "date": date}
        [found] = database.write(statement, **parameters, fetched_at=date if fetched else None)
        features, renamed = features + found["features"], renamed + found["renamed"]
    return features, renamed
