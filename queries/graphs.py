"""Queries about graphs as a whole: which ones exist, and what is known of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from circuit_atlas.database import Database
from circuit_atlas.errors import GraphNotFoundError
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.results import (
    Graphs,
    GraphSummary,
    LogitProbability,
    NodeCounts,
    Statistics,
    TaggedGraphs,
    Tags,
)
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.models import Node

P = ParamSpec("P")
R = TypeVar("R")
Properties = dict[str, Any]


class GraphReference:
    """A graph of a database, by name. `circuit_atlas.GraphHandle` is one."""

    def __init__(self, database: Database, name: str) -> None:
        self.database, self.name = database, name


class StoredGraph(GraphReference):
    """A graph during one query about it: what the database has of it is read once, when it is first needed."""

    @cached_property
    def _row(self) -> Properties:
        rows = ask(self.database, "graphs.stats", graph=self.name)
        if not rows:
            raise _not_found(self.database, self.name)
        return rows[0]

    def require(self) -> None:
        """Make sure that the graph exists.

        Raises:
            GraphNotFoundError: no graph of that name is ready.
        """
        _ = self._row

    @property
    def properties(self) -> Properties:
        """The properties of the `:Graph` node.

        Raises:
            GraphNotFoundError: no graph of that name is ready.
        """
        properties: Properties = self._row["graph"]
        return properties

    @property
    def logits(self) -> list[Properties]:
        """Up to 100 logits, the most probable first, each with the properties of `schema.models.Node`, `token` and
        `probability`.

        Raises:
            GraphNotFoundError: no graph of that name is ready.
        """
        logits: list[Properties] = self._row["logits"]
        return logits


def graph_query(function: Callable[Concatenate[StoredGraph, P], R]) -> Callable[Concatenate[GraphReference, P], R]:
    """Makes a function of a stored graph a query about one graph, and a method of `circuit_atlas.GraphHandle`.

    A query that asks others passes its graph on, so that the graph is read once for all of them.
    """

    @wraps(function)
    def ask_of_graph(graph: GraphReference, /, *args: P.args, **kwargs: P.kwargs) -> R:
        stored = graph if isinstance(graph, StoredGraph) else StoredGraph(graph.database, graph.name)
        return function(stored, *args, **kwargs)

    return ask_of_graph


def list_graphs(database: Database, tags: Iterable[str] = ()) -> Graphs:
    """The graphs of the database, by name; with tags, only those that have one of them."""
    return Graphs(graphs=[GraphSummary(**row) for row in ask(database, "graphs.list", tags=list(tags))])


def list_tags(database: Database) -> Tags:
    """The tags of the database, by name, each with its graphs."""
    return Tags(tags=[TaggedGraphs(**row) for row in ask(database, "graphs.tags")])


@graph_query
def statistics(graph: StoredGraph) -> Statistics:
    """Nodes by kind, edges, density, range of weights, and logits with probabilities of a graph.

    Raises:
        GraphNotFoundError: no graph of that name is ready.
    """
    stored = graph.properties
    counts = {kind.value: stored[f"{kind.value}_nodes"] for kind in Kind}
    optional = (
        "scan",
        "weight_min",
        "weight_max",
        "active_features",
        "node_threshold",
        "edge_threshold",
        "replacement_score",
        "completeness_score",
    )
    same = ("prompt", "tokens", "model", "source_set", "n_layers", "n_pos", "edges", "density", "zero_links")
    return Statistics(
        graph=graph.name,
        nodes=NodeCounts(**counts, total=stored["nodes"]),
        logits=[_logit(**logit) for logit in graph.logits],
        warnings=stored.get("warnings", []),
        **{name: stored[name] for name in same},
        **{name: stored.get(name) for name in optional},
    )


def _logit(token: str | None, probability: float | None, **node: Any) -> LogitProbability:
    return LogitProbability(token=token, probability=probability, node=Node(**node))


def find_graph(database: Database, name: str) -> StoredGraph:
    """The graph of that name, already read.

    Raises:
        GraphNotFoundError: no graph of that name is ready; the message names others.
    """
    graph = StoredGraph(database, name)
    graph.require()
    return graph


def _not_found(database: Database, name: str) -> GraphNotFoundError:
    names = [summary.graph for summary in list_graphs(database).graphs]
    known = f"The database has: {', '.join(names[:10])}." if names else "The database has no graph yet."
    return GraphNotFoundError(f"no graph is named {name!r}", fix=f"{known} `circuit-atlas ingest FILE` adds one.")
