"""Two graphs in one picture: what they share, and what only one of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from circuit_atlas.schema.keys import Kind, feature_name, parse_key
from circuit_atlas.views.picture import Picture, PictureEdge, PictureNode, strongest

Identity = tuple[str, int]


def overlay(first: Picture, second: Picture) -> Picture:
    """The picture of both graphs, aligned as `queries.compare` aligns them: positions are counted from the end of the
    prompt, but for a first token that both have; there, features are the same when their transcoder feature is, errors
    when their layer is, tokens when their text is; logits when their vocabulary entry is. The paths are those of the
    first graph, then those of the second.
    """
    longest = max(len(first.tokens), len(second.tokens))
    starts = first.tokens[:1] == second.tokens[:1]
    moved = [_moved(picture, longest, starts) for picture in (first, second)]
    identities = [_identities(there, _naming(first, second, side)) for side, there in enumerate(moved)]
    nodes: dict[tuple[Identity, int], PictureNode] = {}
    for side, there in enumerate(moved):
        for identity, node in zip(identities[side], there, strict=True):
            known = nodes.get(identity)
            nodes[identity] = _both(known, node) if known else replace(node, side=side + 1)
    place = {identity: i for i, identity in enumerate(nodes)}
    places = [[place[identity] for identity in there] for there in identities]
    return Picture(
        title=f"{first.title} | {second.title}",
        model=_named(first.model, second.model),
        source_set=_named(first.source_set, second.source_set),
        prompt=f"{first.prompt}\n{second.prompt}",
        facts=_facts(list(nodes.values()), first, second),
        tokens=_tokens(first, second, longest, starts),
        n_layers=max(first.n_layers, second.n_layers),
        nodes=list(nodes.values()),
        edges=_edges(first, second, places),
        paths=[
            replace(path, places=tuple(there[i] for i in path.places))
            for picture, there in zip((first, second), places, strict=True)
            for path in picture.paths
        ],
        notes=tuple(f"{picture.title}: {note}" for picture in (first, second) for note in picture.notes),
        graphs=(first.title, second.title),
    )


def _column(position: int, length: int, longest: int, starts: bool) -> int:
    return 0 if position == 0 and starts and length > 1 else position - length + longest


def _moved(picture: Picture, longest: int, starts: bool) -> list[PictureNode]:
    length = len(picture.tokens)
    return [replace(node, column=_column(node.column, length, longest, starts)) for node in picture.nodes]


def _tokens(first: Picture, second: Picture, longest: int, starts: bool) -> tuple[str, ...]:
    columns = [
        {_column(i, len(picture.tokens), longest, starts): token for i, token in enumerate(picture.tokens)}
        for picture in (first, second)
    ]
    return tuple(_named(columns[0].get(i, ""), columns[1].get(i, "")) for i in range(longest))


def _naming(first: Picture, second: Picture, side: int) -> Callable[[PictureNode], str]:
    """What a node is, wherever it is."""
    same_set = (first.model, first.source_set) == (second.model, second.source_set)
    suffix = f" of {second.source_set}" if side == 1 and not same_set else ""

    def name(node: PictureNode) -> str:
        if node.kind is Kind.TOKEN or (node.kind is Kind.LOGIT and first.model != second.model):
            return f"{node.kind}:{node.token or node.name}"
        return node.key.partition("@")[0] + (suffix if node.kind is Kind.FEATURE else "")

    return name


def _identities(nodes: list[PictureNode], name: Callable[[PictureNode], str]) -> list[tuple[Identity, int]]:
    """What each node is aligned by; a number keeps apart those of one graph that are the same in that respect."""
    seen: Counter[Identity] = Counter()
    found = []
    for node in nodes:
        placed = node.kind is not Kind.LOGIT and node.position is not None
        identity = name(node), node.column if placed else -1
        found.append((identity, seen[identity]))
        seen[identity] += 1
    return found


def _both(one: PictureNode, other: PictureNode) -> PictureNode:
    groups = tuple(dict.fromkeys(one.supernodes + other.supernodes))
    name = _named(*(("" if _unlabelled(node) else node.name) for node in (one, other))) or one.name
    return replace(one, name=name, side=0, second=other, supernodes=groups)


def _unlabelled(node: PictureNode) -> bool:
    address = parse_key(node.key)  # None for supernodes
    if address is None or address.kind is not Kind.FEATURE:
        return False
    return node.name == feature_name(address.layer, address.index)


def _named(one: str, other: str) -> str:
    if one.strip() == other.strip() or not other:
        return one
    return f"{one.strip()} | {other.strip()}" if one else other


def _edges(first: Picture, second: Picture, places: list[list[int]]) -> list[PictureEdge]:
    edges = {}
    for edge in first.edges:
        ends = places[0][edge.source], places[0][edge.target]
        edges[ends] = PictureEdge(*ends, edge.weight)
    for edge in second.edges:
        ends = places[1][edge.source], places[1][edge.target]
        known = edges.get(ends)
        edges[ends] = PictureEdge(*ends, known.weight if known else None, edge.weight)
    return strongest(list(edges.values()))


def _facts(nodes: list[PictureNode], first: Picture, second: Picture) -> tuple[str, ...]:
    shared, one, other = (sum(node.side == side for node in nodes) for side in range(3))
    return (f"{shared:,} nodes in both", f"{one:,} only in {first.title}", f"{other:,} only in {second.title}")
