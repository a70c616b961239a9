"""Labels given by hand. They take precedence over explanations that were fetched or imported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from circuit_atlas.database import Database
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.explain.results import Label
from circuit_atlas.explain.store import Feature, now, store_explanations
from circuit_atlas.explain.text import clean_text
from circuit_atlas.ingest.labels import HAND
from circuit_atlas.queries.addresses import resolve_feature
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.circuits import pins_of
from circuit_atlas.queries.graphs import GraphReference, StoredGraph, graph_query, rows_of_nodes
from circuit_atlas.queries.node_results import Explanation
from circuit_atlas.queries.node_rows import to_node
from circuit_atlas.queries.one_answer import changed
from circuit_atlas.schema.limits import MAX_NAME_LENGTH

if TYPE_CHECKING:
    from circuit_atlas.graph.data import GraphData


def label_feature(database: Database, graph: str, address: str, text: str | None) -> Label:
    """Label the transcoder feature that a node is an activation of, in every graph where it is active.

    Args:
        database: the database.
        graph: the graph's name.
        address: a node of the graph, see `queries.resolve`. It may also fit several activations of one feature.
        text: the label, at most 1,000 characters, of which line breaks become blanks; None removes the label.

    Raises:
        InvalidArgumentError: the node is not a feature, or the label is empty or too long.
        GraphNotFoundError, NodeNotFoundError, AmbiguousNodeError: see `queries.resolve`.
    """
    explanations = [] if text is None else [Explanation(text=_checked_label(text))]
    reference = GraphReference(database, graph)
    key, feature = _feature(reference, address)
    with database.writing():
        _, renamed = store_explanations(database, {feature: explanations}, source=HAND, date=now())
    return _label(reference, key, feature, renamed)


@graph_query
def _feature(graph: StoredGraph, address: str) -> tuple[str, Feature]:
    """The key of the node of an address, and its feature."""
    node = resolve_feature(graph, address)
    found = ask(graph.database, "nodes.get", graph=graph.name, key=node.key)[0]["transcoder_feature"]
    if found is None:
        raise InvalidArgumentError(
            f"{node.key} is not a feature",
            where=graph.name,
            fix="Give the address of a feature: other nodes have no label.",
        )
    return node.key, Feature(*(found[name] for name in Feature._fields))


@graph_query
def _label(graph: StoredGraph, key: str, feature: Feature, renamed: int) -> Label:
    """The label of a node that is an activation of a feature, unless a graph without that node has taken the name."""
    rows = ask(graph.database, "nodes.get", graph=graph.name, key=key)
    stored = (rows[0]["transcoder_feature"] if rows else None) or {}
    if feature != tuple(stored.get(name) for name in Feature._fields):
        raise changed(graph.name)
    return Label(
        graph=graph.name,
        node=to_node(rows[0]["node"]),
        model=feature.model,
        source_set=feature.source_set,
        explanation=stored.get("explanation"),
        source=next(iter(stored.get("explanation_sources", [])), None),
        renamed=renamed,
    )


@graph_query
def read_labelled(graph: StoredGraph, circuit: str | None = None) -> GraphData:
    """A graph as its reader made it, with the labels given by hand in place of the file's own (`clerp`).

    Args:
        graph: the graph.
        circuit: name of a circuit whose nodes are pinned, see `Atlas.export`.

    Raises:
        CircuitNotFoundError: the graph has no such circuit.
        GraphNotFoundError: no such graph is ready.
        DamagedGraphError: what is stored can't be one that was ingested.
    """
    from circuit_atlas.export.json_file import with_pins
    from circuit_atlas.queries.whole_graph import read_graph_data

    data = read_graph_data(graph)
    rows = rows_of_nodes(graph, "nodes.explanations")
    by_hand = {row["key"]: row["explanation"] for row in rows if row["sources"][:1] == [HAND]}
    labels = [by_hand.get(data.nodes.key(i), label) for i, label in enumerate(data.nodes.label)]
    data = replace(data, nodes=replace(data.nodes, label=labels))
    return data if circuit is None else with_pins(data, pins_of(graph, circuit))


def _checked_label(text: str) -> str:
    label = clean_text(text, MAX_NAME_LENGTH + 1)  # one more than may be stored, to see whether it is too long
    if not 0 < len(label) <= MAX_NAME_LENGTH:
        raise InvalidArgumentError(
            "the label is empty" if not label else f"the label has more than {MAX_NAME_LENGTH:,} characters",
            fix="Give a short text, or remove the label with --remove.",
        )
    return label
