"""Questions about supernodes: which there are, how they act on each other, and what a rule would group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from circuit_atlas.queries.checks import check_choice, check_range
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.queries.nodes import resolve, to_node
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.queries.supernode_results import SupernodeDetails, SupernodeLink, SupernodeLinks, Supernodes
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_ROWS

from circuit_atlas.errors import InvalidArgumentError

Row = dict[str, Any]


def list_supernodes(runner: QueryRunner, graph: str) -> Supernodes:
    """The supernodes of a graph, in order.

    Raises:
        GraphNotFoundError: no such graph is ready.
    """
    find_graph(runner, graph)
    return Supernodes(graph=graph, supernodes=[_details(row) for row in runner.ask("supernodes.list", graph=graph)])


def supernode_links(runner: QueryRunner, graph: str, *, k: int = 1000) -> SupernodeLinks:
    """The links between supernodes as circuit-tracer's frontend draws them, see `circuit_atlas.graph.collapse`;
    at most k, largest |share| first.

    Raises:
        InvalidArgumentError: k is not 1 to 100,000.
        GraphNotFoundError: no such graph is ready.
    """
    check_range("k", k, 1, MAX_ROWS)
    find_graph(runner, graph)
    rows = runner.ask("supernodes.links", graph=graph, k=k)
    return SupernodeLinks(graph=graph, links=[SupernodeLink(**row) for row in rows])


def members_by_hand(runner: QueryRunner, graph: str, addresses: Sequence[str]) -> list[int]:
    """Ordinals of nodes given by addresses, as in `resolve`, each once."""
    keys = [resolve(runner, graph, address).key for address in addresses]
    rows = [runner.ask("nodes.get", graph=graph, key=key)[0] for key in dict.fromkeys(keys)]
    return [row["node"]["ordinal"] for row in rows]


def members_matching(
    runner: QueryRunner,
    graph: str,
    text: str,
    *,
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
    positions: Iterable[int] = (),
) -> list[int]:
    """Ordinals of the nodes (features, unless `kinds` says others) whose name or explanation contains `text`, in any
    case.

    Raises:
        InvalidArgumentError: `text` is empty, there is no such kind, or no such node.
    """
    kinds = list(kinds) or [Kind.FEATURE.value]
    for kind in kinds:
        check_choice("kind", kind, tuple(Kind))
    if not text.strip():
        raise InvalidArgumentError("an empty text matches everything", fix="Say what explanations are to contain.")
    rows = runner.ask(
        "supernodes.matching", graph=graph, text=text, kinds=kinds, layers=list(layers), positions=list(positions)
    )
    if not rows:
        raise InvalidArgumentError(
            f"no {' or '.join(kinds)} of {graph!r} has a name or explanation that contains {text!r}",
            fix="Nothing was changed. `circuit-atlas explain` fetches explanations.",
        )
    return [row["node"]["ordinal"] for row in rows]


def same_features(
    runner: QueryRunner, graph: str, *, layers: Iterable[int] = (), positions: Iterable[int] = ()
) -> dict[str, list[int]]:
    """Ordinals of the nodes of each transcoder feature that is active at several positions, by a name for them: what
    the nodes are called, with layer and index where others are called the same."""
    rows = runner.ask("supernodes.same_feature", graph=graph, layers=list(layers), positions=list(positions))
    if not rows:
        raise InvalidArgumentError(
            f"no feature of {graph!r} is active at several positions", fix="Nothing was changed."
        )
    names = [row["name"].strip() for row in rows]
    return {
        _own_name(name, names, row): [node["ordinal"] for node in row["members"]]
        for name, row in zip(names, rows, strict=True)
    }


def _own_name(name: str, names: list[str], row: Row) -> str:
    place = f"{row['layer']}/{row['index']}"
    return name if names.count(name) == 1 or place in name else f"{name} ({place})"


def _details(row: Row) -> SupernodeDetails:
    return SupernodeDetails(
        name=row["name"], source=row["source"], rule=row["rule"], members=[to_node(node) for node in row["members"]]
    )
