"""Meaning of the address of a node: its key, its name, or a shorter form."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from circuit_atlas.errors import AmbiguousNodeError, NodeNotFoundError
from circuit_atlas.printable import first_of
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.queries.group_notes import grouped_nodes
from circuit_atlas.queries.node_rows import to_node
from circuit_atlas.schema.keys import KIND_NAMES, SUPERNODE, Kind, NodeAddress, feature_place, parse_key, split_position
from circuit_atlas.schema.limits import MAX_MATCHES
from circuit_atlas.schema.models import Node
from circuit_atlas.suggestions import did_you_mean

# Short addresses, see `resolve`.
_PLACE = re.compile(r"\d{1,9}/(?:lorsa/)?\d{1,15}(?:@\d{1,9})?")
_FROM_END = re.compile(r"(?P<before>token:|.*@)-(?P<back>[1-9]\d{0,8})", re.DOTALL)
_RANKED_LOGIT = re.compile(r"logit:(?P<rank>[1-9]\d{0,2})")
_LOGIT_BY_RANK = re.compile(r"logit:\d{1,3}")  # which a vocabulary entry may be, too


def resolve(graph: StoredGraph, address: str, *, prefer: Kind | None = None) -> Node:
    """The node that an address means.

    An address is a key (`token:6`, `feature:8/37691@6`, `error:5@3`, `logit:22605@10`), a key without its
    position (`logit:22605`), a name (`Austin`, `logit:Austin`), the `node_id` of the graph's file, or, in a collapsed
    graph, a supernode (`supernode:Texas`). A name may be given in any case if only one node fits.

    What no node is called may also be `8/37691` or `8/37691@6`, a feature; `logit:1`, the most probable logit; or
    a key with a position from the end: `token:-1` is the last token.

    Args:
        graph: the graph.
        address: the address.
        prefer: of several nodes that fit, the one of this kind, if it is one.

    Raises:
        NodeNotFoundError: no node matches; the message names nodes that are called alike.
        AmbiguousNodeError: several nodes fit equally well; they are listed.
    """
    best = _best(graph, address, prefer)
    preferred = [node for node in best if node.kind is prefer]
    if len(preferred) == 1:
        return preferred[0]
    if not best:
        raise _not_found(graph, address)
    if len(best) > 1:
        listed = "\n".join(f"    {node.key:<28} {node.name}" for node in best)
        raise AmbiguousNodeError(
            f"{address!r} matches {len(best)}{' or more' * (len(best) == MAX_MATCHES)} nodes of {graph.name!r}",
            candidates=[node.key for node in best],
            fix=f"Give one of these keys:\n{listed}",
        )
    return best[0]


def called_by_rank(graph: StoredGraph, addresses: Iterable[str]) -> list[str]:
    """Those of the addresses that have the form `logit:1` and mean a logit that is called `1`."""
    ranked = [address for address in addresses if _RANKED_LOGIT.fullmatch(address)]
    return [address for address in ranked if _matches(graph, address, Kind.LOGIT)]


def notes_on_ranks(called: Mapping[str, Collection[str]]) -> list[str]:
    """Notes that an address such as `logit:1` means a logit that is called so in some graphs, and the most probable
    one in the others.

    Args:
        called: `called_by_rank` of each graph, by its name.
    """
    notes = []
    for address in dict.fromkeys(address for addresses in called.values() for address in addresses):
        named = [graph for graph, addresses in called.items() if address in addresses]
        if len(named) < len(called):
            rank = address.partition(":")[2]
            notes.append(
                f"{address} is the logit that is called {rank!r} in {first_of(named, 3)}, and number {rank} by "
                "probability in the other graphs."
            )
    return notes


def resolve_feature(graph: StoredGraph, address: str) -> Node:
    """The node that an address means, as in `resolve`. When it fits several activations of one feature, any of them
    will do.

    Raises:
        NodeNotFoundError: no node matches.
        AmbiguousNodeError: several nodes fit that are not activations of one feature.
    """
    try:
        return resolve(graph, address)
    except AmbiguousNodeError as error:
        parts = [parse_key(key) for key in error.candidates]
        features = {part._replace(position=None) if part and part.kind is Kind.FEATURE else None for part in parts}
        is_place = error.candidates[0].startswith((f"{address}@", f"feature:{address}@"))
        is_cut = len(parts) == MAX_MATCHES and not is_place  # there may be another feature of that name
        if len(features) > 1 or None in features or is_cut:
            raise
        return resolve(graph, error.candidates[0])


def _best(graph: StoredGraph, address: str, prefer: Kind | None = None) -> list[Node]:
    """The nodes that an address fits best, as it is or, if there are none, as a short address."""
    if best := _matches(graph, address, prefer):
        return best
    meant = _meant(graph, address)
    return _matches(graph, meant, prefer) if meant else []


def _matches(graph: StoredGraph, address: str, prefer: Kind | None = None) -> list[Node]:
    """The nodes that an address fits best: the one that has it as key, or those of the first way to fit, at most
    `MAX_MATCHES`, those of the kind preferred first."""
    exact = ask(graph.database, "nodes.get", graph=graph.name, key=address)
    if exact:
        return [to_node(exact[0]["node"])]
    kind, text = _kind_and_text(address)
    rows = ask(graph.database, "nodes.find", graph=graph.name, text=text, kind=kind, prefer=prefer or "")
    return [to_node(row["node"]) for row in rows if row["rank"] == rows[0]["rank"]]


def _kind_and_text(address: str) -> tuple[str, str]:
    """The kind that an address names, or an empty text, and the rest of the address."""
    prefix, _, rest = address.partition(":")
    if prefix == SUPERNODE and rest:
        return "", f"{SUPERNODE}/{rest}"
    return (prefix, rest) if prefix in KIND_NAMES and rest else ("", address)


def _meant(graph: StoredGraph, address: str) -> str | None:
    """The key, or the key without its position, that a short address stands for; None if it is none."""
    if found := _FROM_END.fullmatch(address):
        position = graph.properties["n_pos"] - int(found["back"])
        if position < 0:
            return None
        address = f"{found['before']}{position}"
    elif (found := _RANKED_LOGIT.fullmatch(address)) and int(found["rank"]) <= len(graph.logits):
        key: str = graph.logits[int(found["rank"]) - 1]["key"]
        return key
    elif not _PLACE.fullmatch(address):
        return None
    return f"feature:{address}" if _PLACE.fullmatch(address) else address


def _not_found(graph: StoredGraph, address: str) -> NodeNotFoundError:
    """The error that names nodes with similar names, or says where a feature is active, or which supernode holds the
    node."""
    if holders := _supernodes_of(graph, address):
        return NodeNotFoundError(
            f"{address!r} is part of a supernode of {graph.name!r}", fix=f"Name the supernode: {' or '.join(holders)}."
        )
    kind, text = _kind_and_text(address)
    given = parse_key(_meant(graph, address) or address)
    if _FROM_END.fullmatch(address) and given is None:
        fix = _positions(graph, from_end=True)
    elif given is None or given.position is None:
        rows = ask(graph.database, "nodes.names", graph=graph.name, kind=kind)
        fix = did_you_mean(text, [row["name"] for row in rows])
        if _LOGIT_BY_RANK.fullmatch(address):
            ranks = f"Ranks of logits are 1 to {len(graph.logits)}." if graph.logits else "The graph has no logits."
            fix = f"{ranks} {fix}".strip()
    elif given.kind is Kind.FEATURE:
        elsewhere = _matches(graph, f"feature:{feature_place(given.layer, given.index, given.component)}")
        fix = f"This feature is active at {', '.join(node.key for node in elsewhere[:10])}." if elsewhere else ""
    else:
        fix = _places(graph, given, _meant(graph, address) or address)
    forms = "Give a key such as token:6, logit:Austin, feature:8/37691@6 or error:5@3, or a node's name."
    return NodeNotFoundError(f"no node of {graph.name!r} matches {address!r}", fix=f"{fix} {forms}".strip())


def _supernodes_of(graph: StoredGraph, address: str) -> list[str]:
    """In a collapsed graph, the addresses of the supernodes that group what the address means in the whole graph."""
    whole = graph.properties.get("collapsed_from")
    meant = _best(find_graph(graph.database, whole), address) if whole else []
    groups = grouped_nodes(graph) if meant else {}
    holder = {node["key"]: name for name, nodes in groups.items() for node in nodes}
    return [f"{SUPERNODE}:{name}" for name in dict.fromkeys(holder[node.key] for node in meant if node.key in holder)]


def _places(graph: StoredGraph, given: NodeAddress, key: str) -> str:
    """Where a token, error or logit that is not at the place given, by key, could be."""
    layers = graph.properties["n_layers"]
    if given.position is None or not given.position < graph.properties["n_pos"]:
        return _positions(graph)
    if given.layer is not None and given.layer >= layers:
        return f"Layers are 0 to {layers - 1}."
    elsewhere = _matches(graph, split_position(key)[0])
    return f"The graph has {', '.join(node.key for node in elsewhere[:10])}." if elsewhere else ""


def _positions(graph: StoredGraph, *, from_end: bool = False) -> str:
    """Which positions the nodes of a graph have."""
    n_pos = graph.properties["n_pos"]
    if not n_pos:
        return "The nodes of this graph have no positions."
    return f"Positions are 0 to {n_pos - 1}{f', or -{n_pos} to -1' if from_end else ''}."
