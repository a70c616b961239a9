"""Creates, suggests, copies and deletes supernodes, and stores graphs collapsed by them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec, TypeVar

from circuit_atlas.database import Database, Step
from circuit_atlas.errors import GraphNotFoundError, InvalidArgumentError
from circuit_atlas.ingest.delete import delete_graph
from circuit_atlas.ingest.names import check_group_name
from circuit_atlas.ingest.results import IngestResult
from circuit_atlas.ingest.statements import DELETE_SUPERNODE, SUPERNODES
from circuit_atlas.queries import supernodes
from circuit_atlas.queries.age import collapsed_state, supernode_groups
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_whole
from circuit_atlas.queries.graphs import GraphReference, Properties, StoredGraph, find_graph, graph_query
from circuit_atlas.queries.same_features import check_same_transcoders, notes_on_lengths
from circuit_atlas.queries.suggested import SUGGESTED, suggestion
from circuit_atlas.queries.supernode_results import CopiedSupernodes, SuggestedSupernodes, Supernodes
from circuit_atlas.schema.keys import COLLAPSED, collapsed_name
from circuit_atlas.schema.limits import COLLAPSED_WEIGHTS, MAX_SUPERNODES

_NAMES_OF_GRAPHS = ("a", "b", "graph", "graphs", "without", "baseline")  # parameters of questions
_SAME_FEATURE = "same feature"
SIMILARITY = 0.3  # at which features are suggested as one supernode
P = ParamSpec("P")
R = TypeVar("R")


@graph_query
def create_supernode(
    graph: StoredGraph,
    name: str,
    nodes: Sequence[str] = (),
    *,
    matching: str | None = None,
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
    positions: Iterable[int] = (),
    replace: bool = False,
) -> Supernodes:
    """Create a supernode of nodes given by addresses, or of all nodes whose name or explanation contains a text.

    Args:
        graph: the graph.
        name: the supernode's name, 1 to 200 characters.
        nodes: addresses of its nodes.
        matching: the text, in any case, instead of `nodes`.
        kinds: with `matching`, only nodes of these kinds; features when empty.
        layers: with `matching`, only nodes in these layers.
        positions: with `matching`, only nodes at these positions.
        replace: whether to replace a supernode of that name.

    Returns:
        The supernode.

    Raises:
        InvalidArgumentError: both or neither of `nodes` and `matching`; the name already exists, or no node matches.
        NodeNotFoundError, AmbiguousNodeError: see `queries.addresses.resolve`.
    """
    limits: dict[str, list[Any]] = {"kinds": list(kinds), "layers": list(layers), "positions": list(positions)}
    if bool(nodes) is (matching is not None):
        raise InvalidArgumentError(
            "give either nodes or a text that they match",
            fix="Name nodes; or give a text (--matching), which --kind, --layer and --position restrict.",
        )
    if matching is None:
        if any(limits.values()):
            raise InvalidArgumentError(
                "kinds, layers and positions need a text to match", fix="Give one (--matching), or leave them out."
            )
        members, rule = supernodes.members_by_hand(graph, nodes), None
    else:
        members = supernodes.members_matching(graph, matching, kinds=kinds, layers=layers, positions=positions)
        rule = _rule(f"matching {matching!r}", limits)
    _store(graph, {name: members}, rule=rule, replace=replace)
    return _named(graph, [name])


@graph_query
def create_supernodes_of_features(
    graph: StoredGraph, *, layers: Iterable[int] = (), positions: Iterable[int] = (), replace: bool = False
) -> Supernodes:
    """Create a supernode for each transcoder feature that is active at several positions, with all its nodes or those
    in these layers and at these positions. It gets the name of its nodes; where a supernode not made by this rule has
    that name, layer and index are added.

    Raises:
        InvalidArgumentError: there is no such feature, or a supernode that this rule made already exists and `replace`
            is not set.
    """
    limits: dict[str, list[Any]] = {"layers": list(layers), "positions": list(positions)}
    taken = {
        row["name"]
        for row in ask(graph.database, "supernodes.list", graph=graph.name)
        if not (row["rule"] or "").startswith(_SAME_FEATURE)
    }
    members = supernodes.same_features(graph, taken, **limits)
    _store(graph, members, rule=_rule(_SAME_FEATURE, limits), replace=replace)
    return _named(graph, list(members))


@graph_query
def suggest_supernodes(
    graph: StoredGraph,
    *,
    circuit: str | None = None,
    features: int | None = None,
    groups: int | None = None,
    similarity: float | None = None,
    layer_span: int | None = None,
    position_span: int | None = 0,
    targets: Sequence[str] = (),
    write: bool = False,
    replace: bool = False,
) -> SuggestedSupernodes:
    """Supernodes of features that do the same: what acts on them is alike, and what they act on. The graph collapsed by
    them has no cycle. `circuit_atlas.graph.groups` says how they are made.

    Args:
        graph: the graph.
        circuit: name of a circuit: only its features.
        features: at most this many features, 2 to 500, those with the most influence; by default 50, of a circuit all.
        groups: merge groups until this many are left, features that are alone among them.
        similarity: merge groups as long as two of them have this mean similarity, -1 to 1; by default 0.3, unless
            `groups` is given.
        layer_span: the layers of a group differ by at most this many; by any number when None.
        position_span: the positions of a group differ by at most this many; by any number when None.
        targets: addresses of the nodes that influence is on, in equal parts; when empty all logits, each weighted by
            its probability.
        write: whether to store the supernodes.
        replace: whether supernodes that were suggested before are deleted when these are stored.

    Raises:
        InvalidArgumentError: an argument is out of range, influence is undefined, the graph is collapsed or has a
            cycle, there are not two features, or supernodes are to be stored and some were suggested before.
        CircuitNotFoundError: the graph has no such circuit.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `queries.addresses.resolve`.
    """
    if replace and not write:
        raise InvalidArgumentError(
            "replace has no effect without write", fix="Pass --write, too, or leave replace out."
        )
    if similarity is None and groups is None:
        similarity = SIMILARITY
    which: dict[str, Any] = {
        "similarity": similarity,
        "groups": groups,
        "layer_span": layer_span,
        "position_span": position_span,
    }
    answer, members, earlier, order = suggestion(graph, circuit=circuit, features=features, targets=targets, **which)
    if not write or not (members or earlier):
        return answer
    if earlier and not replace:
        raise InvalidArgumentError(
            f"{len(earlier)} supernodes were suggested before, such as {earlier[0]!r}",
            where=graph.name,
            fix="Pass --replace to delete them first.",
        )
    given = [f"{name.replace('_', ' ')} {value}" for name, value in which.items() if value is not None]
    of = f"{SUGGESTED} from {answer.features} features{f' of circuit {circuit!r}' if circuit else ''}"
    graph.write(
        (DELETE_SUPERNODE, {"graph": graph.name, "names": earlier}),
        *supernode_steps(graph, members, order, source="rule", rule=", ".join([of, *given])),
    )
    if not members:
        told = f"The {len(earlier)} supernodes that were suggested before are deleted."
        return answer.model_copy(update={"notes": [*answer.notes, told]})
    return answer.model_copy(update={"written": True})


@graph_query
def copy_supernodes(graph: StoredGraph, target: str, *names: str, replace: bool = False) -> CopiedSupernodes:
    """Copy supernodes to another graph by transcoder feature.

    A feature that is active at the same position there is that node; one that is active elsewhere is all of its nodes.
    Features that the other graph does not have, and nodes that are not features, are left out; the answer lists them.

    Args:
        graph: the graph that has the supernodes.
        target: name of the other graph.
        names: which supernodes; all when empty.
        replace: whether to replace supernodes of these names.

    Raises:
        InvalidArgumentError: the graphs have different transcoders, or are the same; the graph has no supernodes, none
            of their features is in the other graph, or it already has a supernode of such a name.
        SupernodeNotFoundError: the graph has no supernode of that name.
        GraphNotFoundError: no graph of such a name is ready.
    """
    other = find_graph(graph.database, target)
    if other.name == graph.name:
        raise InvalidArgumentError("supernodes are copied to another graph", where=target, fix="Name another graph.")
    check_whole(graph.properties)
    check_same_transcoders(graph, other)
    found, members = supernodes.matched(graph, other, names)
    if not members:
        raise InvalidArgumentError(
            f"{target!r} has none of the features that these supernodes group", fix="Nothing was changed."
        )
    _store(other, members, rule=f"copied from {graph.name!r}", replace=replace)
    notes = notes_on_lengths(other, graph)
    return CopiedSupernodes(graph=target, source=graph.name, supernodes=found, notes=notes)


def _rule(rule: str, limits: Mapping[str, list[Any]]) -> str:
    return ", ".join([rule, *(f"{name} {' '.join(map(str, values))}" for name, values in limits.items() if values)])


def _named(graph: StoredGraph, names: list[str]) -> Supernodes:
    found = supernodes.list_supernodes(graph)
    return found.model_copy(update={"supernodes": [s for s in found.supernodes if s.name in names]})


def _store(graph: StoredGraph, members: Mapping[str, Sequence[int]], *, rule: str | None, replace: bool) -> None:
    """Store supernodes, all or none.

    Args:
        graph: the graph.
        members: ordinals of the members of each, by name.
        rule: the rule that chose the members; None if they were chosen by hand.
        replace: whether to replace supernodes of these names; they keep their place in the order.

    Raises:
        InvalidArgumentError: a name is not valid, already exists, or has no members; the graph is collapsed, or would
            have too many supernodes.
        GraphNotFoundError: no graph of that name is ready.
    """
    check_whole(graph.properties)
    for name, nodes in members.items():
        check_group_name(name, "supernode")
        if not nodes:
            raise InvalidArgumentError(f"supernode {name!r} has no nodes", fix="Name its nodes, or a text they match.")
    order = {row["name"]: row["order"] for row in ask(graph.database, "supernodes.list", graph=graph.name)}
    existing = [name for name in members if name in order]
    if existing and not replace:
        raise InvalidArgumentError(
            f"supernode {existing[0]!r} already exists",
            where=graph.name,
            fix="Pass --replace to make it again." if rule else "Pass --replace, or another name.",
        )
    graph.write(*supernode_steps(graph, members, order, source="rule" if rule else "hand", rule=rule))


def supernode_steps(
    graph: StoredGraph, members: Mapping[str, Sequence[int]], order: Mapping[str, int], *, source: str, rule: str | None
) -> list[Step]:
    """The steps with which `graph.write` stores supernodes. Those of the same names are replaced, in their place.

    Args:
        graph: the graph.
        members: ordinals of the members of each, by name.
        order: places of the supernodes that exist, by name.
        source: where they come from: `file`, `hand` or `rule`.
        rule: the rule that chose the members.

    Raises:
        InvalidArgumentError: the graph would have too many supernodes.
    """
    if len(order.keys() | members.keys()) > MAX_SUPERNODES:
        raise InvalidArgumentError(
            f"the graph would have more than {MAX_SUPERNODES:,} supernodes", where=graph.name, fix="Delete some first."
        )
    rows = [
        {"name": name, "order": order.get(name), "source": source, "rule": rule, "members": sorted(set(nodes))}
        for name, nodes in members.items()
    ]
    return [
        (DELETE_SUPERNODE, {"graph": graph.name, "names": list(members)}),
        (SUPERNODES, {"graph": graph.name, "rows": rows}),
    ]


@graph_query
def delete_supernodes(graph: StoredGraph, *names: str) -> None:
    """Delete supernodes, all or none. Their nodes stay.

    Raises:
        SupernodeNotFoundError: the graph has no supernode of that name.
        GraphNotFoundError: no graph of that name is ready.
    """
    existing = [row["name"] for row in ask(graph.database, "supernodes.list", graph=graph.name)]
    supernodes.check_exist(graph, names, existing)
    graph.write((DELETE_SUPERNODE, {"graph": graph.name, "names": list(names)}))


@graph_query
def store_collapsed(graph: StoredGraph, weights: str | None = None) -> IngestResult | None:
    """Store the graph collapsed by its supernodes as a graph of its own, `NAME:collapsed`.

    Args:
        graph: the whole graph.
        weights: `shares` or `sums`, see `circuit_atlas.graph.collapse`; None for those of the collapsed graph that
            exists, `shares` if none does.

    Returns:
        The result of storing it; None if the collapsed graph exists and is up to date.

    Raises:
        InvalidArgumentError: the graph has no supernodes, or `weights` is unknown.
        GraphNotFoundError: no graph of that name is ready.
    """
    check_whole(graph.properties)
    known = _properties(graph.database, collapsed_name(graph.name))
    weights = weights or known.get("collapsed_weights", "shares")
    groups = supernode_groups(graph.database, graph.name)
    if not any(members for _, members in groups):
        delete_collapsed(graph.database, graph.name)
        raise InvalidArgumentError(
            f"{graph.name!r} has no supernodes", fix="`circuit-atlas supernodes create` creates some."
        )
    state = collapsed_state(graph.properties["content_hash"], weights, groups)
    if known.get("collapsed_state") == state:
        return None
    from circuit_atlas.graph.collapse import collapse
    from circuit_atlas.ingest.load import load_graph
    from circuit_atlas.queries.whole_graph import read_graph_data

    check_choice("weights", weights, COLLAPSED_WEIGHTS)
    data = read_graph_data(graph)
    # From the supernodes that were read with the graph; the present ones may differ.
    read = [[supernode.name, list(supernode.members)] for supernode in data.supernodes]
    state = collapsed_state(graph.properties["content_hash"], weights, read)
    data = collapse(data, weights, collapsed_from=graph.name, collapsed_state=state)
    with graph.database.writing():
        return load_graph(graph.database, data, name=collapsed_name(graph.name), replace=True)


def delete_collapsed(database: Database, graph: str) -> None:
    """Delete the collapsed graph of a graph, if it exists."""
    if _properties(database, collapsed_name(graph)):
        with database.writing(), suppress(GraphNotFoundError):  # another process may have just deleted it
            delete_graph(database, collapsed_name(graph))


def refresh_collapsed(database: Database, *names: str) -> None:
    """Bring up to date those of the named graphs that are collapsed graphs (`NAME:collapsed`)."""
    for name in names:
        if name.endswith(COLLAPSED):
            store_collapsed(GraphReference(database, name.removesuffix(COLLAPSED)))


def of_fresh_graphs(function: Callable[Concatenate[Database, P], R]) -> Callable[Concatenate[Database, P], R]:
    """Makes a question bring the graphs that it names up to date first, where they are collapsed graphs."""
    parameters = signature(function)

    @wraps(function)
    def refresh_and_ask(database: Database, /, *args: P.args, **kwargs: P.kwargs) -> R:
        given = parameters.bind(database, *args, **kwargs).arguments
        named = [given[name] for name in _NAMES_OF_GRAPHS if given.get(name) is not None]
        refresh_collapsed(
            database, *(graph for names in named for graph in ([names] if isinstance(names, str) else names))
        )
        return function(database, *args, **kwargs)

    return refresh_and_ask


def _properties(database: Database, graph: str) -> Properties:
    """The properties of a graph; empty if it does not exist."""
    rows = ask(database, "graphs.stats", graph=graph)
    return rows[0]["graph"] if rows else {}
