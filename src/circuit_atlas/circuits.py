"""Chooses, scores, stores and deletes circuits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote
from typing import TYPE_CHECKING

from circuit_atlas.database import Step
from circuit_atlas.errors import InvalidArgumentError, NodeNotFoundError, SupernodeNotFoundError
from circuit_atlas.ingest.names import check_group_name
from circuit_atlas.ingest.statements import CIRCUIT, DELETE_CIRCUITS
from circuit_atlas.printable import first_of
from circuit_atlas.queries.addresses import resolve
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_range, check_whole
from circuit_atlas.queries.circuit_results import (
    Circuit,
    CircuitNode,
    MethodScores,
    Scores,
    StoredCircuit,
    StoredCircuits,
)
from circuit_atlas.queries.circuits import circuit_not_found, circuit_rows, held_nodes
from circuit_atlas.queries.graphs import StoredGraph, find_graph, graph_query
from circuit_atlas.queries.node_rows import titled, titled_at, to_node
from circuit_atlas.queries.path_results import Paths
from circuit_atlas.queries.same_features import Activations, check_same_transcoders, feature_keys, notes_on_lengths
from circuit_atlas.queries.search import SearchHit, SearchResult
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import CIRCUIT_METHODS, CIRCUIT_SCORES
from circuit_atlas.suggestions import known_names

if TYPE_CHECKING:
    from circuit_atlas.graph.circuits import Choice, Circuits
    from circuit_atlas.graph.data import Bool

MAX_NODES = 1_000


@graph_query
def choose_circuit(
    graph: StoredGraph,
    *,
    nodes: int = 20,
    keep: str = "influence",
    method: str | None = None,
    targets: Sequence[str] = (),
    name: str | None = None,
    replace: bool = False,
) -> Circuit:
    """A circuit of at most `nodes` features that keeps as much as it can of the graph. Tokens and logits belong to it
    besides; errors are never chosen. `circuit_atlas.graph.circuits` says what the scores mean.

    Args:
        graph: the graph.
        nodes: how many nodes at most, 1 to 1,000.
        keep: `influence`, `replacement` or `completeness`: which score is to be as large as can be.
        method: `influence` takes the most influential nodes; `greedy` takes the node that raises the score most, again
            and again; `paths` takes the best paths from tokens to targets by `product`, as many as have no more nodes
            together. By default all are tried, and the best is taken: it is never worse than choosing by influence.
        targets: addresses of the nodes to explain, in equal parts; when empty all logits, each weighted by its
            probability. They belong to the circuit besides.
        name: a name to store it under.
        replace: whether to replace a circuit of that name.

    Raises:
        InvalidArgumentError: an argument is out of range, influence is undefined, nothing flows into the targets, or
            the name is not valid or already exists.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `queries.addresses.resolve`.
    """
    from circuit_atlas.queries.circuit_arrays import read_circuits

    check_range("nodes", nodes, 1, MAX_NODES)
    check_choice("keep", keep, CIRCUIT_SCORES)
    if method is not None:
        check_choice("method", method, CIRCUIT_METHODS)
    _check_new(graph, name, replace=replace)
    circuits, _ = read_circuits(graph, targets)
    tried = [circuits.choose(nodes, keep, one) for one in (CIRCUIT_METHODS if method is None else (method,))]
    best = max(tried, key=lambda choice: getattr(choice.scores, keep) or 0.0)
    if not best.nodes.any() and method == "paths" and circuits.choose(nodes, keep, "influence").nodes.any():
        raise InvalidArgumentError(
            f"the best path has more than {nodes} nodes",
            where=graph.name,
            fix="Allow more nodes (--nodes), or leave out the method (--method).",
        )
    if not best.nodes.any():
        raise InvalidArgumentError("no feature acts on the targets", where=graph.name, fix="Name other targets (--to).")
    if name is not None:
        _store(graph, name, best.nodes, rule=f"at most {nodes} nodes, {keep}, by {best.method}")
    found = _circuit(graph, circuits, best.nodes, name)
    return found.model_copy(
        update={"keep": keep, "method": best.method, "tried": [_method_scores(choice) for choice in tried]}
    )


@graph_query
def score_circuit(
    graph: StoredGraph,
    nodes: Sequence[str | SearchHit] | Paths | SearchResult = (),
    *,
    supernodes: Sequence[str] = (),
    pinned: bool = False,
    circuit: str | None = None,
    of: str | None = None,
    targets: Sequence[str] = (),
    name: str | None = None,
    replace: bool = False,
) -> Circuit:
    """How much of the graph some nodes keep: circuit-tracer's replacement and completeness score of them, and the share
    of influence. Features left out count as errors; `circuit_atlas.graph.circuits` says how. The nodes are all of those
    that the arguments name.

    Args:
        graph: the graph.
        nodes: addresses of nodes, or paths, or the result or hits of a search, of whose places those in this graph
            count.
        supernodes: names of supernodes, whose nodes count.
        pinned: whether to include the nodes that the graph's file pins.
        circuit: name of a circuit whose nodes count.
        of: name of the graph that has the circuit, if that is another one, of the same transcoders. Its features count:
            as the node at the same position, or else as all nodes of the feature. Notes say which are not in the graph.
        targets: see `choose_circuit`.
        name: a name to store them under, as a circuit.
        replace: whether to replace a circuit of that name.

    Raises:
        InvalidArgumentError: no node is named, paths are of another graph, influence is undefined, or the name is not
            valid or already exists.
        SupernodeNotFoundError, CircuitNotFoundError: the graph has no such supernode or circuit.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `queries.addresses.resolve`.
    """
    import numpy as np

    from circuit_atlas.queries.circuit_arrays import read_circuits

    _check_new(graph, name, replace=replace)
    circuits, columns = read_circuits(graph, targets)
    hits = [hit for hit in nodes if isinstance(hit, SearchHit)]
    keys = list(_keys(graph, nodes))
    if gone := [key for key in keys if key not in columns.ordinal]:
        raise NodeNotFoundError(
            f"the graph has no node {gone[0]!r}", where=graph.name, fix="The graph has changed. Search it again."
        )
    ordinals = {columns.ordinal[key] for key in keys}
    ordinals.update(ordinal for supernode in supernodes for ordinal in _members(graph, supernode))
    notes = _notes_on_hits(graph, hits)
    if pinned:
        rows = ask(graph.database, "circuits.pinned", graph=graph.name)
        ordinals.update(row["ordinal"] for row in rows)
        notes += [] if rows else ["The file pins no node."]
    if circuit is not None and of is not None:
        found, missing = _held_of(graph, find_graph(graph.database, of), circuit)
        ordinals.update(found)
        notes += missing
    elif circuit is not None:
        ordinals.update(node["ordinal"] for node in held_nodes(graph, circuit))
    elif of is not None:
        raise InvalidArgumentError("no circuit of the other graph is named", where=of, fix="Pass --circuit, too.")
    if not ordinals:
        raise InvalidArgumentError(
            "the file pins no node" if pinned else "a circuit needs nodes",
            where=graph.name,
            fix="Name nodes, or a supernode (--supernode) or circuit (--circuit).",
        )
    chosen = np.zeros(len(columns.keys), np.bool_)
    chosen[sorted(ordinals)] = True
    if name is not None:
        _store(graph, name, chosen, rule=None)
    errors = int((chosen & circuits.is_error).sum())
    notes += ["Errors count as errors, whether a circuit holds them or not."] if errors else []
    shown = None if of is not None or keys or supernodes or pinned else circuit
    return _circuit(graph, circuits, chosen, name or shown).model_copy(update={"notes": notes})


@graph_query
def list_circuits(graph: StoredGraph) -> StoredCircuits:
    """The circuits of a graph, by name.

    Raises:
        GraphNotFoundError: no such graph is ready.
    """
    rows = circuit_rows(graph)
    nodes = titled(graph.database, ((graph.name, to_node(node)) for row in rows for node in row["nodes"]))
    found = [
        StoredCircuit(
            name=row["name"], rule=row["rule"], nodes=[nodes[graph.name, node["key"]] for node in row["nodes"]]
        )
        for row in rows
    ]
    return StoredCircuits(graph=graph.name, circuits=found)


@graph_query
def delete_circuits(graph: StoredGraph, *names: str) -> None:
    """Delete circuits, all or none. Their nodes stay.

    Raises:
        CircuitNotFoundError: the graph has no circuit of that name.
        InvalidArgumentError: the graph is a collapsed one.
        GraphNotFoundError: no graph of that name is ready.
    """
    check_whole(graph.properties)
    existing = {row["name"] for row in circuit_rows(graph)}
    for name in names:
        if name not in existing:
            raise circuit_not_found(graph, name)
    graph.write((DELETE_CIRCUITS, {"graph": graph.name, "names": list(names)}))


def _check_new(graph: StoredGraph, name: str | None, *, replace: bool) -> None:
    """Refuse a name under which a circuit cannot be stored, and to replace one without a name."""
    if name is None:
        if replace:
            raise InvalidArgumentError(
                "replace has no effect without a name", fix="Name the circuit (--name), or leave replace out."
            )
        return
    check_whole(graph.properties)
    check_group_name(name, "circuit")
    if not replace and any(row["name"] == name for row in circuit_rows(graph)):
        raise InvalidArgumentError(
            f"circuit {name!r} already exists", where=graph.name, fix="Pass --replace, or another name."
        )


def _store(graph: StoredGraph, name: str, nodes: Bool, *, rule: str | None) -> None:
    graph.write(*circuit_steps(graph, name, nodes.nonzero()[0].tolist(), rule=rule))


def circuit_steps(graph: StoredGraph, name: str, ordinals: Sequence[int], *, rule: str | None) -> list[Step]:
    """The steps with which `graph.write` stores a circuit of the nodes with these ordinals; they replace one of that
    name."""
    which = {"graph": graph.name, "name": name, "members": list(ordinals), "rule": rule}
    return [(DELETE_CIRCUITS, {"graph": graph.name, "names": [name]}), (CIRCUIT, which)]


def _circuit(graph: StoredGraph, circuits: Circuits, chosen: Bool, name: str | None) -> Circuit:
    """The result for some nodes, bool (n,)."""
    influence = circuits.influence(chosen)
    ordinals = sorted(chosen.nonzero()[0].tolist(), key=lambda i: (-influence[i], i))
    nodes = titled_at(graph, ordinals)
    return Circuit(
        graph=graph.name,
        circuit=name,
        nodes=[CircuitNode(node=nodes[i], influence=float(influence[i])) for i in ordinals],
        whole=Scores(**circuits.score(circuits.choosable)._asdict()),
        **circuits.score(chosen)._asdict(),
    )


def _method_scores(choice: Choice) -> MethodScores:
    return MethodScores(method=choice.method, nodes=int(choice.nodes.sum()), **choice.scores._asdict())


def _keys(graph: StoredGraph, nodes: Sequence[str | SearchHit] | Paths | SearchResult) -> Iterator[str]:
    """Keys of the nodes that an argument `nodes` means."""
    if isinstance(nodes, Paths):
        if nodes.graph != graph.name:
            raise InvalidArgumentError(f"these are paths of {nodes.graph!r}", where=graph.name, fix="Ask that graph.")
        # A contrast is a target, and no node.
        contrast = nodes.contrast and nodes.contrast.node.key
        yield from (node.key for path in nodes.paths for node in path.nodes if node.key != contrast)
        return
    found = [_places(graph, hit) for hit in nodes if isinstance(hit, SearchHit)]
    if (found or isinstance(nodes, SearchResult)) and not any(found):
        raise InvalidArgumentError(
            "nothing that the search found is in this graph",
            where=graph.name,
            fix=f"Restrict the search to it: atlas.search(text, graph={graph.name!r}).",
        )
    yield from (key for keys in found for key in keys)
    yield from (resolve(graph, address).key for address in nodes if isinstance(address, str))


def _places(graph: StoredGraph, hit: SearchHit) -> list[str]:
    """Keys of the places of a hit that are in a graph."""
    return [place.key for place in hit.places if place.graph == graph.name]


def _notes_on_hits(graph: StoredGraph, hits: Sequence[SearchHit]) -> list[str]:
    """A note that a search has listed only some of the places in the graph, the most influential of all graphs."""
    sets = graph.source_sets
    features = [
        (hit.feature.place, len(_places(graph, hit)))
        for hit in hits
        if hit.feature and hit.feature.model == sets.model and hit.feature.source_set in (sets.transcoders, sets.lorsas)
    ]
    if not features:
        return []
    activations = Activations(graph)
    cut = [place for place, listed in features if listed < len(activations.of(f"{Kind.FEATURE}:{place}"))]
    if not cut:
        return []
    name = quote(graph.name)
    return [
        f"The search listed only some of the places where {first_of(cut, 5)} "
        f"{'is' if len(cut) == 1 else 'are'} active here: search with --graph {name} --places 1000 for all."
    ]


def _held_of(graph: StoredGraph, other: StoredGraph, circuit: str) -> tuple[set[int], list[str]]:
    """Ordinals of the features of a graph that a circuit of another one holds, and notes on those that it lacks."""
    check_same_transcoders(other, graph)
    activations, keys = Activations(graph), feature_keys(node["key"] for node in held_nodes(other, circuit))
    found = {key: activations.of(key) for key in keys}
    missing = [key for key in keys if not found[key]]
    if len(missing) == len(keys):
        raise InvalidArgumentError(
            f"no feature of the circuit {circuit!r} of {other.name!r} is in the graph",
            where=graph.name,
            fix=f"`circuit-atlas compare {quote(other.name)} {quote(graph.name)}` shows what the two share.",
        )
    notes = notes_on_lengths(graph, other)
    if missing:
        shown = first_of(missing, 20)
        notes.insert(0, f"{len(missing)} of {len(keys)} features of {circuit!r} are not in {graph.name!r}: {shown}.")
    return {ordinal for ordinals in found.values() for ordinal in ordinals}, notes


def _members(graph: StoredGraph, supernode: str) -> list[int]:
    rows = ask(graph.database, "supernodes.list", graph=graph.name)
    members = {row["name"]: [node["ordinal"] for node in row["members"]] for row in rows}
    if supernode not in members:
        known = known_names(supernode, members, command=f"supernodes list {quote(graph.name)}")
        raise SupernodeNotFoundError(
            f"no supernode is named {supernode!r}", where=graph.name, fix=known or "The graph has none."
        )
    return members[supernode]
