"""Finds the features of one graph in another graph of the same transcoders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.aggregates import is_aggregate
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.schema.keys import Kind, NodeAddress, parse_key


def check_same_transcoders(graph: StoredGraph, other: StoredGraph) -> None:
    """Raise InvalidArgumentError if the features of two graphs are those of different transcoders."""
    if other.source_sets != graph.source_sets:
        shown = "; ".join(" / ".join(filter(None, one.source_sets)) for one in (graph, other))
        raise InvalidArgumentError(
            f"the graphs have different sets of transcoders, whose features are different: {shown}",
            where=other.name,
            fix="Name a graph of the same transcoders.",
        )


def notes_on_lengths(graph: StoredGraph, other: StoredGraph) -> list[str]:
    """A note that the prompts of two graphs have different lengths, where features of the other graph are looked for by
    position. Aggregates have no positions, or count them in their own way."""
    here, there = graph.properties["n_pos"], other.properties["n_pos"]
    if here == there or is_aggregate(graph.properties) or is_aggregate(other.properties):
        return []
    return [
        f"The prompts of {other.name!r} and {graph.name!r} have {there} and {here} positions, counted from the start: "
        "the same position may be another place of the sentence."
    ]


def feature_keys(keys: Iterable[str]) -> list[str]:
    """Those of features, of the keys of a circuit's nodes. Tokens, logits and errors belong to any circuit, so that
    another graph lacks none of them."""
    return [key for key in keys if (address := parse_key(key)) and address.kind is Kind.FEATURE]


class Activations:
    """The activations of transcoder features in a graph."""

    def __init__(self, graph: StoredGraph) -> None:
        self._found: dict[NodeAddress, list[tuple[int, int | None]]] = defaultdict(list)  # ordinals and positions
        for ordinal, key in enumerate(ask(graph.database, "nodes.columns", graph=graph.name)[0]["keys"]):
            if (address := parse_key(key)) and address.kind is Kind.FEATURE:
                self._found[address._replace(position=None)].append((ordinal, address.position))

    def of(self, key: str) -> list[int]:
        """Ordinals of the activations of the feature that a key, in any graph of these transcoders, names: that at its
        position, else all. Empty if the node is not a feature, or none that the graph has."""
        address = parse_key(key)
        found = self._found.get(address._replace(position=None), []) if address else []
        same = [ordinal for ordinal, position in found if address and position == address.position]
        return same or [ordinal for ordinal, _ in found]
