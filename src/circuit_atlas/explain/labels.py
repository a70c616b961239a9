"""Labels given by hand: they go before everything that is fetched or imported."""

from __future__ import annotations

from circuit_atlas.database import Database
from circuit_atlas.errors import AmbiguousNodeError, InvalidArgumentError
from circuit_atlas.explain.results import Label
from circuit_atlas.explain.store import Explanation, Feature, now, store_explanations
from circuit_atlas.explain.text import clean_text
from circuit_atlas.ingest.labels import HAND
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.queries.nodes import resolve
from circuit_atlas.schema.keys import Kind, parse_key
from circuit_atlas.schema.limits import MAX_NAME_LENGTH
from circuit_atlas.schema.models import Node


def label_feature(database: Database, graph: str, address: str, text: str | None) -> Label:
    """Give the transcoder feature of a node a label, in every graph where it is active; None takes the label back.

    Args:
        database: the database.
        graph: the graph's name.
        address: a node of it, as in `queries.resolve`; of several activations of one feature, any will do.
        text: the label, at most 1,000 characters; line breaks become blanks.

    Raises:
        InvalidArgumentError: the node is not a feature, or the label empty or too long.
        GraphNotFoundError, NodeNotFoundError, AmbiguousNodeError: see `queries.resolve`.
    """
    node = _activation(StoredGraph(database, graph), address)
    found = ask(database, "nodes.get", graph=graph, key=node.key)[0]["transcoder_feature"]
    if found is None:
        raise InvalidArgumentError(
            f"{node.key} is not a feature", where=graph, fix="Only features have labels: they say what one means."
        )
    label = None if text is None else clean_text(text, MAX_NAME_LENGTH + 1)
    if label is not None and not 0 < len(label) <= MAX_NAME_LENGTH:
        raise InvalidArgumentError(
            "the label is empty" if not label else f"the label has more than {MAX_NAME_LENGTH:,} characters",
            fix="Give a short text, or --remove.",
        )
    feature = Feature(*(found[name] for name in Feature._fields))
    explanations = [] if label is None else [Explanation(label)]
    with database.writing():
        _, renamed = store_explanations(database, {feature: explanations}, source=HAND, date=now())
    row = ask(database, "nodes.get", graph=graph, key=node.key)[0]
    stored = row["transcoder_feature"]
    return Label(
        graph=graph,
        node=node.model_copy(update={"name": row["node"]["name"]}),
        model=feature.model,
        source_set=feature.source_set,
        explanation=stored.get("explanation"),
        source=next(iter(stored.get("explanation_sources", [])), None),
        renamed=renamed,
    )


def _activation(graph: StoredGraph, address: str) -> Node:
    """The node of an address; any of several that are activations of the same feature."""
    try:
        return resolve(graph, address)
    except AmbiguousNodeError as error:
        parts = [parse_key(key) for key in error.candidates]
        features = {(part.layer, part.index) if part and part.kind is Kind.FEATURE else None for part in parts}
        if len(features) > 1 or None in features:
            raise
        return resolve(graph, error.candidates[0])
