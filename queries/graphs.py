"""Questions about graphs as a whole: which there are, and what one is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from circuit_atlas.queries.results import (
    Graphs,
    GraphSummary,
    LogitProbability,
    NodeCounts,
    Statistics,
    TaggedGraphs,
    Tags,
)
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.models import Node

from circuit_atlas.errors import GraphNotFoundError

StoredGraph = dict[str, Any]  # the properties of a :Graph node


def list_graphs(runner: QueryRunner, tags: Iterable[str] = ()) -> Graphs:
    """The graphs of the database, by name; with tags, only those that have one of them."""
    return Graphs(graphs=[GraphSummary(**row) for row in runner.ask("graphs.list", tags=list(tags))])


def list_tags(runner: QueryRunner) -> Tags:
    """The tags of the database, by name."""
    return Tags(tags=[TaggedGraphs(**row) for row in runner.ask("graphs.tags")])


def statistics(runner: QueryRunner, graph: str) -> Statistics:
    """Nodes by kind, edges, density, range of weights, and logits with probabilities of a graph.

    Raises:
        GraphNotFoundError: no such graph is ready.
    """
    row = find_graph(runner, graph)
    stored = row["graph"]
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
        graph=graph,
        nodes=NodeCounts(**counts, total=stored["nodes"]),
        logits=[
            LogitProbability(token=logit.pop("token"), probability=logit.pop("probability"), node=Node(**logit))
            for logit in row["logits"]
        ],
        warnings=stored.get("warnings", []),
        **{name: stored[name] for name in same},
        **{name: stored.get(name) for name in optional},
    )


def find_graph(runner: QueryRunner, graph: str) -> dict[str, Any]:
    """The row of `graphs.stats`.

    Raises:
        GraphNotFoundError: no such graph is ready; the message names similar ones.
    """
    rows = runner.ask("graphs.stats", graph=graph)
    if not rows:
        names = [summary.graph for summary in list_graphs(runner).graphs]
        known = f"There are: {', '.join(names[:10])}." if names else "The database holds no graph yet."
        raise GraphNotFoundError(f"no graph is named {graph!r}", fix=f"{known} `circuit-atlas ingest FILE` adds one.")
    return rows[0]
