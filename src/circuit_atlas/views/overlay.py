"""Two graphs in one picture: nodes and edges that both have, and those that only one has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from circuit_atlas.schema.keys import SUPERNODE, Component, Kind, feature_name, parse_key, split_position
from circuit_atlas.views.picture import Picture, PictureEdge, PictureNode, strongest

Identity = tuple[str, int]  # what a node is, and its column


def overlay(first: Picture, second: Picture) -> Picture:
    """The picture of two graphs, aligned as `queries.compare` aligns them.

    Positions are counted from the end of the prompt, except that a first token that both prompts have is aligned with
    itself. At the same position, features are the same if they are activations of the same transcoder feature, errors
    if their layers are equal, and tokens if their texts are equal. Logits are the same if their vocabulary entries are.
    The paths of the first graph come before those of the second.
    """
    nodes, indices = align(first, second)
    every = _edges(first, second, indices)
    edges = strongest(every)
    cut = [f"Only the {len(edges):,} strongest edges of both are shown."]
    return Picture(
        title=f"{first.title} | {second.title}",
        model=_named(first.model, second.model),
        source_set=_named(first.source_set, second.source_set),
        prompt=f"{first.prompt}\n{second.prompt}",
        facts=_facts(nodes, first, second),
        tokens=_tokens(first, second),
        n_layers=max(first.n_layers, second.n_layers),
        nodes=nodes,
        edges=edges,
        paths=[
            replace(path, nodes=tuple(of_graph[i] for i in path.nodes))
            for picture, of_graph in zip((first, second), indices, strict=True)
            for path in picture.paths
        ],
        notes=(
            *(f"{picture.title}: {note}" for picture in (first, second) for note in picture.notes),
            *(cut if len(edges) < len(every) else []),
        ),
        graphs=(first.title, second.title),
    )


def align(first: Picture, second: Picture) -> tuple[list[PictureNode], list[list[int]]]:
    """The nodes of both graphs, each once, and for each graph the index there of each of its nodes."""
    longest, same_start = _columns(first, second)
    moved = [_moved(picture, longest, same_start) for picture in (first, second)]
    identities = [_identities(of_graph, _naming(first, second, side)) for side, of_graph in enumerate(moved)]
    nodes: dict[tuple[Identity, int], PictureNode] = {}
    for side, of_graph in enumerate(moved):
        for identity, node in zip(identities[side], of_graph, strict=True):
            known = nodes.get(identity)
            nodes[identity] = _both(known, node) if known else replace(node, side=side + 1)
    index = {identity: i for i, identity in enumerate(nodes)}
    return list(nodes.values()), [[index[identity] for identity in of_graph] for of_graph in identities]


def counterpart(node: PictureNode, picture: Picture, other: Picture) -> str | None:
    """The key that a node of one picture, neither token nor logit, would have in the other graph, which may lack it;
    None if the other graph cannot have it."""
    longest, same_start = _columns(picture, other)
    if _naming(picture, other, 0)(node) != _naming(picture, other, 1)(node):  # a feature of other transcoders
        return None
    head, at = _split(node.key)
    if at is None:
        return head
    column = _column(node.column, len(picture.tokens), longest, same_start)
    position = 0 if column == 0 and same_start else column - longest + len(other.tokens)
    is_there = position >= 0 and _column(position, len(other.tokens), longest, same_start) == column
    return f"{head}@{position}" if is_there else None


def _split(key: str) -> tuple[str, int | None]:
    """A key without its position, and the position. The key of a supernode is its name."""
    return (key, None) if f":{SUPERNODE}/" in key else split_position(key)


def _columns(first: Picture, second: Picture) -> tuple[int, bool]:
    """How many columns the picture of both has, and whether both prompts begin with the same token."""
    return max(len(first.tokens), len(second.tokens)), first.tokens[:1] == second.tokens[:1]


def _column(position: int, length: int, longest: int, same_start: bool) -> int:
    """The column of a position of a prompt of `length` tokens, in a picture with `longest` columns."""
    return 0 if position == 0 and same_start and length > 1 else position - length + longest


def _moved(picture: Picture, longest: int, same_start: bool) -> list[PictureNode]:
    length = len(picture.tokens)

    def column(node: PictureNode) -> int:
        if node.position is None and node.kind is Kind.LOGIT:
            return max(0, longest - 1)
        return _column(node.column, length, longest, same_start) if length else 0

    return [replace(node, column=column(node)) for node in picture.nodes]


def _tokens(first: Picture, second: Picture) -> tuple[str, ...]:
    longest, same_start = _columns(first, second)
    columns = [
        {_column(i, len(picture.tokens), longest, same_start): token for i, token in enumerate(picture.tokens)}
        for picture in (first, second)
    ]
    return tuple(_named(columns[0].get(i, ""), columns[1].get(i, "")) for i in range(longest))


def _naming(first: Picture, second: Picture, side: int) -> Callable[[PictureNode], str]:
    """How to name what a node is, regardless of its position. Nodes with the same name are the same in both graphs."""
    same_set = (first.model, first.source_set) == (second.model, second.source_set)
    suffix = f" of {second.source_set}" if side == 1 and not same_set else ""
    same_lorsas = (first.model, first.lorsa_source_set) == (second.model, second.lorsa_source_set)
    lorsa_suffix = f" of {second.lorsa_source_set}" if side == 1 and not same_lorsas else ""

    def name(node: PictureNode) -> str:
        anywhere, _ = _split(node.key)
        # The keys of tokens and logits have indices of the vocabulary, which differ from model to model.
        if node.kind is Kind.TOKEN or (node.kind is Kind.LOGIT and first.model != second.model):
            return f"{node.kind}:{node.token or node.name}"
        if node.kind is not Kind.FEATURE:
            return anywhere
        return anywhere + (lorsa_suffix if node.component is Component.LORSA else suffix)

    return name


def _identities(nodes: list[PictureNode], name: Callable[[PictureNode], str]) -> list[tuple[Identity, int]]:
    """Of each node, its name, its column, and a number that distinguishes nodes of one graph that agree in both."""
    seen: Counter[Identity] = Counter()
    found = []
    for node in nodes:
        has_position = node.kind is not Kind.LOGIT and node.position is not None
        identity = name(node), node.column if has_position else -1
        found.append((identity, seen[identity]))
        seen[identity] += 1
    return found


def _both(one: PictureNode, other: PictureNode) -> PictureNode:
    """A node that both graphs have."""
    supernodes = tuple(dict.fromkeys(one.supernodes + other.supernodes))
    name = _named(*(("" if _unlabelled(node) else node.name) for node in (one, other))) or one.name
    title = name + one.title.removeprefix(one.name)
    return replace(one, name=name, title=title, side=0, second=other, supernodes=supernodes)


def _unlabelled(node: PictureNode) -> bool:
    address = parse_key(node.key)  # None for supernodes
    if address is None or address.kind is not Kind.FEATURE:
        return False
    return node.name == feature_name(address.layer, address.index, address.component)


def _named(one: str, other: str) -> str:
    """One name for two: both of them, if they differ and neither is empty."""
    if one.strip() == other.strip() or not other:
        return one
    return f"{one.strip()} | {other.strip()}" if one else other


def _edges(first: Picture, second: Picture, indices: list[list[int]]) -> list[PictureEdge]:
    edges = {}
    for edge in first.edges:
        ends = indices[0][edge.source], indices[0][edge.target]
        edges[ends] = PictureEdge(*ends, edge.weight)
    for edge in second.edges:
        ends = indices[1][edge.source], indices[1][edge.target]
        known = edges.get(ends)
        edges[ends] = PictureEdge(*ends, known.weight if known else None, edge.weight)
    return list(edges.values())


def _facts(nodes: list[PictureNode], first: Picture, second: Picture) -> tuple[str, ...]:
    shared, one, other = (sum(node.side == side for node in nodes) for side in range(3))
    both = f"{shared:,} nodes in both" if first.whole and second.whole else f"of the nodes shown, {shared:,} in both"
    return (both, f"{one:,} only in {first.title}", f"{other:,} only in {second.title}")
