"""Reads what a picture of a graph shows: all of a small graph, the most influential part of a large one."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from circuit_atlas.database import Rows
from circuit_atlas.queries.age import age_notes
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_range
from circuit_atlas.queries.graphs import Properties, StoredGraph, graph_query
from circuit_atlas.queries.node_rows import titled, to_node
from circuit_atlas.queries.path_results import Path, Paths
from circuit_atlas.queries.path_search import shown_min_hops
from circuit_atlas.queries.paths import search_paths
from circuit_atlas.schema.keys import Component, Kind, component_of
from circuit_atlas.schema.limits import DEFAULT_HOPS, SHOWN_MIN_HOPS, SHOWN_SCORE, SHOWN_SIGN
from circuit_atlas.schema.models import Node

if TYPE_CHECKING:
    from circuit_atlas.graph.data import EdgeBlock

MAX_NODES = 2_000  # by default; circuit-tracer's thresholds leave fewer
MAX_NODES_SHOWN = 10_000
MAX_EDGES_SHOWN = 100_000
_WAITING = 8 * MAX_EDGES_SHOWN  # edges among which the strongest are still to be chosen


class Place(NamedTuple):
    """Where a node is drawn."""

    layer: int | None
    position: int


@dataclass(frozen=True)
class PathOptions:
    """Which paths are drawn; see `queries.search_paths`."""

    sources: Sequence[str] = ()
    targets: Sequence[str] = ()
    max_hops: int = DEFAULT_HOPS
    min_hops: int = SHOWN_MIN_HOPS
    hops: int | None = None
    k: int = 10
    score: str = SHOWN_SCORE
    sign: str = SHOWN_SIGN
    kinds: Sequence[str] = ()

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `search_paths`."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return given | {"min_hops": shown_min_hops(self.min_hops, self.hops)}


DEFAULT_PATHS = PathOptions()


@dataclass(frozen=True)
class PictureNode:
    """A node of a picture.

    `title` is the name, with its place where other nodes have that name. `row` is the layer in which it is drawn: its
    own, or that of the middle member of a supernode that spans several. `column` is the index of its position among the
    picture's tokens. When two graphs are compared, `side` says which of them has it: 0 for both, 1 for the first, 2
    for the second.
    """

    key: str
    name: str
    title: str
    layer: int | None
    row: int | None
    position: int | None
    column: int
    token: str | None
    activation: float | None
    influence: float | None
    probability: float | None
    explanation: str | None
    supernodes: tuple[str, ...]
    page: str | None = None  # the address of its feature's page on Neuronpedia
    side: int = 0
    second: PictureNode | None = None  # the same node in the second graph, when it is in both

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return Kind(self.key.partition(":")[0])

    @property
    def component(self) -> Component | None:
        """The part of its layer that it belongs to."""
        return component_of(self.key)


class PictureEdge(NamedTuple):
    """A direct effect. `source` and `target` are indices of the picture's nodes.

    When two graphs are compared, `weight` belongs to the first and `other` to the second; a weight is None if the graph
    does not have the edge.
    """

    source: int
    target: int
    weight: float | None
    other: float | None = None

    @property
    def strength(self) -> float:
        """The larger |weight|."""
        return max(abs(self.weight or 0.0), abs(self.other or 0.0))


@dataclass(frozen=True)
class PicturePath:
    """A path: its score, the indices of its nodes from source to target, and the weights between them."""

    score: float
    nodes: tuple[int, ...]
    weights: tuple[float, ...]
    graph: str


@dataclass(frozen=True)
class Picture:
    """The nodes, edges (strongest first) and paths to draw, and notes that say what of the graph is left out. `whole`
    says whether it has all nodes of the graph."""

    title: str
    model: str
    source_set: str
    prompt: str
    facts: tuple[str, ...]
    tokens: tuple[str, ...]
    n_layers: int
    nodes: list[PictureNode]
    edges: list[PictureEdge]
    paths: list[PicturePath] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    graphs: tuple[str, ...] = ()  # two names when graphs are compared, else none
    lorsa_source_set: str | None = None
    whole: bool = True


@graph_query
def read_picture(
    graph: StoredGraph,
    *,
    paths: PathOptions | Paths | None = DEFAULT_PATHS,
    max_nodes: int = MAX_NODES,
    more: Sequence[str] = (),
) -> Picture:
    """The picture of a graph: nodes of the best paths, then tokens and logits, then the nodes with most influence.

    Args:
        graph: the graph.
        paths: the paths that are drawn over it, if any, or which are to be found.
        max_nodes: at most this many nodes, 1 to 10,000; of edges between them the 100,000 strongest.
        more: keys of further nodes, because the graph with which it is compared shows them.

    Raises:
        InvalidArgumentError: an argument is out of range.
        GraphNotFoundError, NodeNotFoundError, AmbiguousNodeError: see `queries.resolve`.
    """
    check_range("max_nodes", max_nodes, 1, MAX_NODES_SHOWN)
    stored = graph.properties
    found = found_paths(graph, paths) if isinstance(paths, PathOptions) else paths
    best = [] if found is None else found.paths
    rows = _node_rows(graph, list(dict.fromkeys(node.key for path in best for node in path.nodes)), max_nodes, more)
    edges = _edges(graph, [row["node"]["ordinal"] for row in rows])
    place = {row["node"]["key"]: i for i, row in enumerate(rows)}
    drawn = [path for path in best if all(node.key in place for node in path.nodes)]
    return Picture(
        title=graph.name,
        model=stored["model"],
        source_set=stored["source_set"],
        prompt=stored["prompt"],
        facts=_facts(stored),
        # A file may lack the tokens of some positions; these are shown by their numbers.
        tokens=(*stored["tokens"], *map(str, range(len(stored["tokens"]), stored["n_pos"]))),
        n_layers=stored["n_layers"],
        nodes=_nodes(graph, rows),
        edges=edges,
        paths=[_path(path, place, graph.name) for path in drawn],
        notes=(
            *shown_notes(stored, len(rows), len(edges), len(more)),
            *path_notes(len(best), len(drawn)),
            *(() if found is None else found.notes),
            *age_notes(graph.database, stored),
        ),
        lorsa_source_set=stored.get("lorsa_source_set"),
        whole=len(rows) == stored["nodes"],
    )


def found_paths(graph: StoredGraph, options: PathOptions) -> Paths | None:
    """The paths to draw. A graph without tokens or logits has none by default."""
    asked = (options.sources or graph.properties["token_nodes"]) and (options.targets or graph.logits)
    return search_paths(graph, **options.arguments) if asked else None


def _node_rows(graph: StoredGraph, keys: list[str], max_nodes: int, more: Sequence[str]) -> Rows:
    rows = ask(graph.database, "views.nodes", graph=graph.name, keys=keys, k=max_nodes)
    if not more:
        return rows
    every = list(dict.fromkeys([*(row["node"]["key"] for row in rows), *more]))
    return ask(graph.database, "views.nodes", graph=graph.name, keys=every, k=len(every))


def _path(path: Path, index: dict[str, int], graph: str) -> PicturePath:
    return PicturePath(path.score, tuple(index[node.key] for node in path.nodes), tuple(path.weights), graph)


def _nodes(graph: StoredGraph, rows: Rows) -> list[PictureNode]:
    nodes = titled(graph.database, ((graph.name, to_node(row["node"])) for row in rows))
    found = [nodes[graph.name, row["node"]["key"]] for row in rows]
    pages = graph.source_sets.pages(found)
    middle, last = middle_places(graph), max(0, graph.properties["n_pos"] - 1)
    return [
        _node(row, node.title, place_of(node, middle, last), page)
        for row, node, page in zip(rows, found, pages, strict=True)
    ]


def place_of(node: Node, middle: Mapping[str, Place], last: int) -> Place:
    """Where a node is drawn. What has no position: a supernode where its middle member is, a logit of an aggregate at
    the last position, anything else at the first.

    Args:
        node: the node.
        middle: see `middle_places`.
        last: the last position.
    """
    otherwise = middle.get(node.key, Place(None, last if node.kind is Kind.LOGIT else 0))
    layer = otherwise.layer if node.layer is None else node.layer
    return Place(layer, otherwise.position if node.position is None else node.position)


def middle_places(graph: StoredGraph) -> dict[str, Place]:
    """Where the middle member is of each supernode of a collapsed graph that spans several layers or positions, by
    key."""
    if not graph.properties.get("collapsed_from"):
        return {}
    extras = {
        row["key"]: json.loads(row["extra"] or "{}")
        for row in ask(graph.database, "views.supernodes", graph=graph.name)
    }
    return {
        key: Place(int(extra["layer"]) if str(extra.get("layer")).isdigit() else None, max(0, extra.get("ctx_idx", 0)))
        for key, extra in extras.items()
    }


def _node(row: dict[str, Any], title: str, place: Place, page: str | None) -> PictureNode:
    values = row["node"]
    same = ("key", "name", "layer", "position", "token", "activation", "influence", "probability")
    return PictureNode(
        **{name: values[name] for name in same},
        title=title,
        row=place.layer,
        column=place.position,
        explanation=row["explanation"],
        supernodes=tuple(row["supernodes"]),
        page=page,
    )


def _edges(graph: StoredGraph, ordinals: list[int]) -> list[PictureEdge]:
    """The strongest edges between these nodes; `source` and `target` are places in `ordinals`."""
    import numpy as np

    from circuit_atlas.graph.data import EdgeBlock
    from circuit_atlas.graph.packed import largest

    def strongest_of(blocks: list[EdgeBlock]) -> EdgeBlock:
        target, source, weight = (np.concatenate(column) for column in zip(*blocks, strict=True))
        kept = largest(MAX_EDGES_SHOWN, np.abs(weight), target, source)
        return EdgeBlock(target[kept], source[kept], weight[kept])

    blocks = [EdgeBlock(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))]
    for block in _between(graph, ordinals):
        blocks.append(block)
        if sum(block.size for block in blocks) > _WAITING:
            blocks = [strongest_of(blocks)]
    found = strongest_of(blocks)
    return list(map(PictureEdge, found.source.tolist(), found.target.tolist(), found.weight.tolist()))


def edges_at(graph: StoredGraph, nodes: Sequence[PictureNode], ends: Collection[tuple[int, int]]) -> list[PictureEdge]:
    """The edges between nodes that have these ends, if there are any; ends are places of source and target."""
    import numpy as np

    from circuit_atlas.queries.stored_arrays import read_arrays

    ordinal = read_arrays(graph).ordinal
    wanted = np.array([source * len(nodes) + target for source, target in ends], np.int64)
    found: list[tuple[int, int, float]] = []
    for block in _between(graph, [ordinal[node.key] for node in nodes]):
        at = np.isin(block.source * len(nodes) + block.target, wanted)
        found += zip(block.source[at].tolist(), block.target[at].tolist(), block.weight[at].tolist(), strict=True)
    return [PictureEdge(*edge) for edge in found]


def _between(graph: StoredGraph, ordinals: list[int]) -> Iterator[EdgeBlock]:
    """All edges between these nodes, in blocks; ends, int32, are places in `ordinals`."""
    import numpy as np

    from circuit_atlas.graph.data import EdgeBlock
    from circuit_atlas.queries.stored_arrays import read_arrays

    place = np.full(graph.properties["nodes"], -1, np.int32)
    place[ordinals] = np.arange(len(ordinals))
    for block in read_arrays(graph).edges.blocks_among(place >= 0):
        yield EdgeBlock(place[block.target], place[block.source], block.weight)


def strongest(edges: list[PictureEdge]) -> list[PictureEdge]:
    """At most MAX_EDGES_SHOWN edges, the strongest first."""
    return sorted(edges, key=lambda edge: -edge.strength)[:MAX_EDGES_SHOWN]


def _facts(stored: Properties) -> tuple[str, ...]:
    scores = [
        f"{name} {stored[f'{name}_score']:.3f}"
        for name in ("replacement", "completeness")
        if stored.get(f"{name}_score") is not None
    ]
    size = f"{stored['nodes']:,} nodes, {stored['edges']:,} edges"
    return size, *scores


def shown_notes(stored: Properties, nodes: int, edges: int, more: int) -> tuple[str, ...]:
    """Notes of a picture that shows only so many nodes and edges of a graph. `more` of the nodes are shown because
    another graph shows them."""
    if nodes == stored["nodes"] and edges == stored["edges"]:
        return ()
    if nodes == stored["nodes"]:
        return (f"Only the {edges:,} strongest of {stored['edges']:,} edges are shown.",)
    which = "all" if edges < MAX_EDGES_SHOWN else "the strongest"
    besides = f", and {more:,} that the other graph shows" if more else ""
    return (
        f"Only {nodes:,} of {stored['nodes']:,} nodes are shown (--max-nodes): those of the best paths, then tokens "
        f"and logits, then the most influential{besides}; with {which} edges between them: {edges:,} of "
        f"{stored['edges']:,}.",
    )


def path_notes(found: int, drawn: int) -> tuple[str, ...]:
    """Notes of a picture that shows fewer paths than were found."""
    if drawn == found:
        return ()
    return (f"{found - drawn} of the {found} best paths are left out: they have more nodes than --max-nodes allows.",)
