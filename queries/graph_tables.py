"""A whole graph as data: all nodes, all direct effects, and both for pandas and networkx."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, overload

from pydantic import Field

from circuit_atlas.errors import needs_extra
from circuit_atlas.printable import printable
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import StoredGraph, graph_query, rows_of_nodes
from circuit_atlas.queries.neighbor_results import DirectEffect
from circuit_atlas.queries.node_rows import to_node
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells, NodeName
from circuit_atlas.schema.models import Node
from circuit_atlas.schema.properties import LABELS

if TYPE_CHECKING:
    import networkx
    import pandas

    from circuit_atlas.graph.data import Float64, Int32

_SHOWN_EDGES = 20
_STORED = LABELS["Node"].properties
_FIELDS = (
    "ordinal",
    "token",
    "activation",
    "probability",
    "influence",
    "cumulative_influence",
    "input_sum",
    "feature_type",
    "clerp",
    "js_node_id",
    "extra",
)


class GraphNode(Node):
    """A node with all that is stored of it."""

    ordinal: int = Field(description=_STORED["ordinal"].description)
    token: str | None = Field(description=_STORED["token"].description)
    activation: float | None = Field(description=_STORED["activation"].description)
    probability: float | None = Field(description=_STORED["probability"].description)
    influence: float | None = Field(description=_STORED["influence"].description)
    cumulative_influence: float | None = Field(description=_STORED["cumulative_influence"].description)
    input_sum: float | None = Field(description=_STORED["input_sum"].description)
    feature_type: str | None = Field(description=_STORED["feature_type"].description)
    pinned: bool = Field(description=_STORED["pinned"].description)
    clerp: str | None = Field(description=_STORED["clerp"].description)
    explanation: str | None = Field(description="The explanation of its transcoder feature that is shown")
    supernodes: list[str] = Field(description="Names of the supernodes that it is in")
    js_node_id: str | None = Field(description=_STORED["js_node_id"].description)
    extra: str | None = Field(description=_STORED["extra"].description)


class GraphNodes(Result):
    """All nodes of a graph, in the order of its file."""

    graph: str
    nodes: list[GraphNode]

    def table(self) -> tuple[list[str], Cells]:
        """A row per node."""
        return ["key", "name", "activation", "probability", "influence"], [
            [found.key, NodeName.of(found), found.activation, found.probability, found.influence]
            for found in self.nodes
        ]


class GraphEdges(Sequence[DirectEffect]):
    """All direct effects of a graph, in order of target, then source: m of them, as columns.

    `len`, iteration and indexing go over them as `DirectEffect`s; a slice is a `GraphEdges` again.

    Args:
        graph: the graph's name.
        keys: keys of the n nodes, by ordinal.
        source: ordinals of the sources, int32 (m,).
        target: ordinals of the targets, int32 (m,).
        weight: direct effects of source on target, float64 (m,).
    """

    def __init__(self, graph: str, keys: list[str], source: Int32, target: Int32, weight: Float64) -> None:
        self.graph, self.keys = graph, keys
        self.source, self.target, self.weight = source, target, weight

    def __len__(self) -> int:
        return len(self.weight)

    @overload
    def __getitem__(self, place: int) -> DirectEffect: ...

    @overload
    def __getitem__(self, place: slice) -> GraphEdges: ...

    def __getitem__(self, place: int | slice) -> DirectEffect | GraphEdges:
        source, target, weight = self.source[place], self.target[place], self.weight[place]
        if isinstance(place, slice):
            return GraphEdges(self.graph, self.keys, source, target, weight)
        return DirectEffect(source=self.keys[source], target=self.keys[target], weight=float(weight))

    def __repr__(self) -> str:
        return self._table("simple") + self._more("\n... and {:,} more")

    def _repr_html_(self) -> str:
        return self._table("html") + self._more("\n<p>... and {:,} more</p>")

    def _table(self, table_format: str) -> str:
        """The first effects, in a format of tabulate."""
        from tabulate import tabulate

        first = islice(self, _SHOWN_EDGES)
        cells = [[effect.weight, printable(effect.source), printable(effect.target)] for effect in first]
        return str(tabulate(cells, ["weight", "source", "target"], tablefmt=table_format, floatfmt=".4g"))

    def _more(self, line: str) -> str:
        return line.format(len(self) - _SHOWN_EDGES) if len(self) > _SHOWN_EDGES else ""

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas.DataFrame with the columns graph, source, target (keys) and weight.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        with needs_extra("pandas", "a data frame"):
            import pandas
        import numpy as np

        keys = np.array(self.keys, object)
        columns = {"source": keys[self.source], "target": keys[self.target], "weight": self.weight}
        return pandas.DataFrame({"graph": np.full(len(self), self.graph, object), **columns})


class GraphFrames(NamedTuple):
    """A graph as two data frames: a row for each node, and one for each direct effect between two keys."""

    nodes: pandas.DataFrame
    edges: pandas.DataFrame


@graph_query
def graph_nodes(graph: StoredGraph) -> GraphNodes:
    """All nodes of the graph with all that is stored of each, in the order of its file.

    Raises:
        GraphNotFoundError: no graph of that name is ready.
    """
    groups: dict[str, list[str]] = {}
    for row in ask(graph.database, "supernodes.list", graph=graph.name):
        for member in row["members"]:
            groups.setdefault(member["key"], []).append(row["name"])
    explanations = {row["key"]: row["explanation"] for row in rows_of_nodes(graph, "nodes.explanations")}
    nodes = [
        GraphNode(
            **dict(to_node(stored)),
            pinned=stored.get("pinned", False),
            explanation=explanations.get(stored["key"]),
            supernodes=groups.get(stored["key"], []),
            **{name: stored.get(name) for name in _FIELDS},
        )
        for stored in (row["properties"] for row in rows_of_nodes(graph, "graphs.nodes"))
    ]
    return GraphNodes(graph=graph.name, nodes=nodes)


@graph_query
def graph_edges(graph: StoredGraph) -> GraphEdges:
    """All direct effects of the graph, as columns: 16 bytes for each.

    Raises:
        GraphNotFoundError: no graph of that name is ready.
        DamagedGraphError: the stored graph is not what was ingested.
    """
    from circuit_atlas.queries.stored_arrays import read_arrays

    arrays = read_arrays(graph)
    edges = arrays.edges.as_arrays()
    return GraphEdges(graph.name, arrays.keys, edges.source, edges.target, edges.weight)


@graph_query
def graph_to_pandas(graph: StoredGraph) -> GraphFrames:
    """The graph as two data frames, `nodes` and `edges`.

    Raises:
        GraphNotFoundError: no graph of that name is ready.
        MissingExtraError: pandas is not installed.
    """
    return GraphFrames(graph_nodes(graph).to_pandas(), graph_edges(graph).to_pandas())


@graph_query
def graph_to_networkx(graph: StoredGraph) -> networkx.DiGraph[str]:
    """The graph as a networkx.DiGraph: nodes by key with all that is known of each, `weight` on edges, source to
    target. networkx takes about 400 bytes for each edge.

    Raises:
        GraphNotFoundError: no graph of that name is ready.
        MissingExtraError: networkx is not installed.
    """
    with needs_extra("networkx", "a networkx graph"):
        import networkx
    nodes, edges = graph_nodes(graph).data(), graph_edges(graph)
    found = networkx.DiGraph(name=graph.name)
    found.add_nodes_from((row.pop("key"), row) for row in map(dict, nodes.rows))
    ends = ([edges.keys[i] for i in column.tolist()] for column in (edges.source, edges.target))
    found.add_weighted_edges_from(zip(*ends, edges.weight.tolist(), strict=True))
    return found
