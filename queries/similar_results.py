"""Result types of questions about which graphs are alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, PrivateAttr

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.printable import first_of
from circuit_atlas.queries.feature_results import FeatureIdentity, placed_name
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells, with_interval
from circuit_atlas.results.tidy import Tidy, tidy
from circuit_atlas.schema.models import Record

if TYPE_CHECKING:
    import pandas

    from circuit_atlas.graph.data import Float64

_SHOWN = 3  # characteristic features, and graphs, of a group in a table


class _Compared(Result):
    """How graphs are compared."""

    by: str = Field(description="What is compared: `feature` or `edge`")
    measure: str = Field(description="`jaccard` or `cosine`")
    align: str = Field(description="How features are aligned, see `compare`")

    @property
    def _how(self) -> str:
        return f"{self.measure} of {self.by}s"


class SimilarGraph(Record):
    """A graph, and how like another it is."""

    other: str = Field(description="Its name")
    similarity: float = Field(description="0 to 1; with `cosine` of edges, -1 to 1")
    shared: int = Field(description="Number of features, or edges, that both graphs have")
    total: int = Field(description="Number of features, or edges, that it has")
    prompt: str


class SimilarGraphs(_Compared):
    """The graphs that are most like one graph."""

    graph: str = Field(description="The one")
    total: int = Field(description="Number of its features, or edges")
    compared: int = Field(description="Number of graphs that it was compared with")
    graphs: list[SimilarGraph] = Field(description="The most similar first, at most k")

    def table(self) -> tuple[list[str], Cells]:
        """A row per graph."""
        return ["graph", "similarity", "shared", f"{self.by}s", "prompt"], [
            [found.other, f"{found.similarity:.4f}", found.shared, found.total, found.prompt] for found in self.graphs
        ]

    @property
    def heading(self) -> str:
        """Which graph, and how many are shown."""
        shown = f", the first {len(self)} of {self.compared:,}" if len(self) < self.compared else ""
        return f"graphs like {self.graph}, which has {self.total:,} {self.by}s ({self._how}{shown})"


class CharacteristicFeature(Record):
    """A transcoder feature that has more influence in the graphs of a group than in the others."""

    feature: FeatureIdentity
    influence: float = Field(description="Mean over the graphs of the group of its influence")
    influence_low: float | None = Field(description="Lower end of its 95 % interval; null for fewer than three graphs")
    influence_high: float | None = Field(description="Upper end of it")
    rest_influence: float | None = Field(description="The same over the other graphs; null if there are none")
    rest_influence_low: float | None = Field(description="Lower end of its 95 % interval; null in the same case")
    rest_influence_high: float | None = Field(description="Upper end of it")
    graphs: int = Field(description="Number of graphs of the group in which it is active")
    rest: int = Field(description="Number of other graphs in which it is active")


class Cluster(Record):
    """A group of graphs that are alike."""

    group: int = Field(description="Its number, from 1")
    graphs: list[str] = Field(description="Its graphs, in the order of the dendrogram")
    within: float | None = Field(description="Mean similarity of the pairs of its graphs; null for one graph")
    within_low: float | None = Field(description="Lower end of its 95 % interval; null for fewer than three graphs")
    within_high: float | None = Field(description="Upper end of it")
    rest: float | None = Field(description="Mean similarity of its graphs to all others; null if there are none")
    rest_low: float | None = Field(description="Lower end of its 95 % interval; null for less than three of either")
    rest_high: float | None = Field(description="Upper end of it")
    stability: float | None = Field(
        description="0 to 1: how much of it is found again when the graphs are resampled; null for one graph"
    )
    features: list[CharacteristicFeature] = Field(description="The largest difference of mean influence first")


class ClusterMember(Record):
    """A graph of a group, as a row of data."""

    group: int
    graph: str


class ClusterFeature(Record):
    """A characteristic feature of a group, as a row of data."""

    group: int
    place: CharacteristicFeature


class GraphPair(Record):
    """How alike two graphs are, as a row of data."""

    a: str
    b: str
    similarity: float


class Clusters(_Compared):
    """Groups of graphs that are alike."""

    silhouette: float = Field(description="Mean silhouette of the graphs, -1 to 1: how far the groups are apart")
    groups: list[Cluster] = Field(description="In the order of the dendrogram")

    _similarity: bytes = PrivateAttr(b"")  # of each two graphs; arrays could not be compared when answers are
    _tree: list[list[float]] = PrivateAttr([])
    """See `graph.similarity.tree_of`; graphs are numbered in the order of the dendrogram."""

    @property
    def graphs(self) -> list[str]:
        """All graphs, in the order of the dendrogram."""
        return [graph for group in self.groups for graph in group.graphs]

    def __getitem__(self, place: int | slice) -> Any:
        """See `Result`."""
        found = super().__getitem__(place)
        return self._without_similarities(found) if isinstance(place, slice) else found

    def only(self, places: Sequence[int]) -> Self:
        """See `Result`."""
        return self._without_similarities(super().only(places))

    def _without_similarities(self, part: Self) -> Self:
        """Some of the groups, or all in another order, which is not that of the dendrogram."""
        if part.graphs != self.graphs:
            part._similarity = b""
        return part

    def table(self) -> tuple[list[str], Cells]:
        """A row per group."""
        return ["group", "graphs", "within [95%]", "to the rest [95%]", "stability", "characteristic", "among them"], [
            [
                group.group,
                len(group.graphs),
                with_interval(group.within, group.within_low, group.within_high, ".3f"),
                with_interval(group.rest, group.rest_low, group.rest_high, ".3f"),
                "" if group.stability is None else f"{group.stability:.2f}",
                ", ".join(placed_name(one.feature) for one in group.features[:_SHOWN]),
                first_of(group.graphs, _SHOWN),
            ]
            for group in self.groups
        ]

    @property
    def heading(self) -> str:
        """How many graphs and groups, and how they were compared."""
        groups = "1 group" if len(self.groups) == 1 else f"{len(self.groups):,} groups"
        return f"{len(self.graphs):,} graphs in {groups} ({self._how}), mean silhouette {self.silhouette:.3f}"

    def similarities(self) -> Float64:
        """The similarity of each two graphs, float64 (n, n), in the order of the dendrogram.

        Raises:
            InvalidArgumentError: the answer is not whole: a part of it, in another order, or read from JSON.
        """
        import numpy as np

        found, n = np.frombuffer(self._similarity), len(self.graphs)
        if len(found) != n * n:
            raise InvalidArgumentError(
                "only a whole answer of `clusters` has the similarity of each pair of graphs", fix="Ask again."
            )
        return found.reshape(n, n)

    def matrix(self) -> pandas.DataFrame:
        """The similarity of each two graphs: a row and a column for each, in the order of the dendrogram.

        Raises:
            InvalidArgumentError: the answer is not whole, see `similarities`.
            MissingExtraError: pandas is not installed.
        """
        frame = self.to_pandas("pairs").pivot_table(index="a", columns="b", values="similarity")
        return frame.loc[self.graphs, self.graphs]

    def _tidy(self) -> dict[str, Tidy]:
        members = (ClusterMember(group=one.group, graph=graph) for one in self.groups for graph in one.graphs)
        features = (ClusterFeature(group=one.group, place=feature) for one in self.groups for feature in one.features)
        return {
            "groups": tidy(Cluster, self.groups),
            "members": tidy(ClusterMember, members),
            "features": tidy(ClusterFeature, features),
            "pairs": tidy(GraphPair, self._pairs()),
        }

    def _pairs(self) -> Iterator[GraphPair]:
        """All pairs, each both ways, and each graph with itself."""
        for a, row in zip(self.graphs, self.similarities().tolist(), strict=True):
            for b, similarity in zip(self.graphs, row, strict=True):
                yield GraphPair(a=a, b=b, similarity=similarity)
