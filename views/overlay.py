"""Two graphs in one picture: what they share, and what only one of them has."""

from __future__ import annotations

from dataclasses import replace
from difflib import SequenceMatcher
from itertools import zip_longest

from circuit_atlas.errors import QuestionError
from circuit_atlas.schema.keys import Kind, parse_key
from circuit_atlas.views.picture import Picture, PictureEdge, PictureNode, strongest

Identity = tuple[str, int]


def overlay(first: Picture, second: Picture) -> Picture:
    """The picture of both graphs.

    The prompts are aligned token by token, so that the same words stand above each other whatever comes before them;
    where they differ, token by token in order. A node is in both graphs when they have the same transcoder feature
    (or error, or token) in the same column; a logit, when it is the same vocabulary entry. The paths are those of the
    first graph, then those of the second.

    Raises:
        QuestionError: the graphs are of different models or transcoders.
    """
    if first.transcoders != second.transcoders:
        raise QuestionError(
            f"{first.title!r} is of {first.transcoders}, {second.title!r} of {second.transcoders}",
            fix="Only graphs of the same model and transcoders have features in common.",
        )
    columns = align(first.tokens, second.tokens)
    moved = [
        _moved(picture.nodes, {pair[side]: column for column, pair in enumerate(columns) if pair[side] is not None})
        for side, picture in enumerate((first, second))
    ]
    nodes: dict[Identity, PictureNode] = {}
    for side, there in enumerate(moved, 1):
        for node in there:
            known = nodes.get(_identity(node))
            nodes[_identity(node)] = _both(known, node) if known else replace(node, side=side)
    place = {identity: i for i, identity in enumerate(nodes)}
    places = [[place[_identity(node)] for node in there] for there in moved]
    return Picture(
        title=f"{first.title} | {second.title}",
        transcoders=first.transcoders,
        prompt=f"{first.prompt}\n{second.prompt}",
        facts=_facts(list(nodes.values()), first, second),
        tokens=tuple(_named(_at(first.tokens, a), _at(second.tokens, b)) for a, b in columns),
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


def align(one: tuple[str, ...], other: tuple[str, ...]) -> list[tuple[int | None, int | None]]:
    """Columns that hold the tokens of both prompts in order: the position in each, None where it has none."""
    columns: list[tuple[int | None, int | None]] = []
    for _, a, a_stop, b, b_stop in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        columns += zip_longest(range(a, a_stop), range(b, b_stop))
    return columns


def _moved(nodes: list[PictureNode], column_of: dict[int | None, int]) -> list[PictureNode]:
    """A position beyond the tokens, which a damaged file can have, stands at the end."""
    return [replace(node, column=column_of.get(node.column, len(column_of))) for node in nodes]


def _identity(node: PictureNode) -> Identity:
    if node.kind is Kind.LOGIT:
        return node.key.partition("@")[0], 0
    parts = parse_key(node.key)
    return (f"{node.kind}:{parts.layer}/{parts.index}" if parts else node.key), node.column


def _both(one: PictureNode, other: PictureNode) -> PictureNode:
    groups = tuple(dict.fromkeys(one.supernodes + other.supernodes))
    name = _named(*(("" if _unlabelled(node) else node.name) for node in (one, other))) or one.name
    return replace(one, name=name, side=0, second=other, supernodes=groups)


def _unlabelled(node: PictureNode) -> bool:
    return node.kind is Kind.FEATURE and node.name == f"feature {node.key.partition(':')[2].partition('@')[0]}"


def _named(one: str, other: str) -> str:
    if one.strip() == other.strip() or not other:
        return one
    return f"{one.strip()} | {other.strip()}" if one else other


def _at(tokens: tuple[str, ...], position: int | None) -> str:
    return "" if position is None else tokens[position]


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
