"""One graph of a database: the questions that can be asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from circuit_atlas.grouping import Groupable
from circuit_atlas.queries import graphs as graph_questions
from circuit_atlas.queries import influence as influence_questions
from circuit_atlas.queries import nodes as node_questions
from circuit_atlas.queries import paths as path_questions
from circuit_atlas.queries.path_results import (
    Contributors,
    InfluenceGroups,
    InfluentialEffects,
    PathCounts,
    Paths,
    ScoreDistribution,
)
from circuit_atlas.queries.results import Neighbors, NodeDetails, Statistics, Subgraph

if TYPE_CHECKING:
    from circuit_atlas.views.report import Report
    from circuit_atlas.views.view import View


class GraphHandle(Groupable):
    """One graph of the database. Nodes are given by addresses, see `circuit_atlas.queries.resolve`."""

    def __repr__(self) -> str:
        return f"<GraphHandle {self.name!r}>"

    def _repr_html_(self) -> str:
        return self.stats()._repr_html_()

    def stats(self) -> Statistics:
        """Nodes by kind, edges, density, range of weights, logits with probabilities."""
        return graph_questions.statistics(self._runner, self.name)

    def node(self, address: str) -> NodeDetails:
        """What is known of a node."""
        return node_questions.node_details(self._runner, self.name, address)

    def neighbors(
        self,
        address: str,
        *,
        direction: str = "both",
        k: int = 10,
        sign: str = "abs",
        kinds: Iterable[str] = (),
        layers: Iterable[int] = (),
    ) -> Neighbors:
        """The k strongest direct effects on a node and of it; see `queries.neighbors`."""
        return node_questions.neighbors(
            self._runner, self.name, address, direction=direction, k=k, sign=sign, kinds=kinds, layers=layers
        )

    def subgraph(
        self,
        address: str,
        *,
        hops: int = 2,
        direction: str = "both",
        k: int = 5,
        sign: str = "abs",
        kinds: Iterable[str] = (),
        layers: Iterable[int] = (),
    ) -> Subgraph:
        """The neighbourhood several hops wide, the k strongest effects of each node; see `queries.subgraph`."""
        return node_questions.subgraph(
            self._runner,
            self.name,
            address,
            hops=hops,
            direction=direction,
            k=k,
            sign=sign,
            kinds=kinds,
            layers=layers,
        )

    def paths(
        self,
        *,
        sources: Sequence[str] = (),
        targets: Sequence[str] = (),
        max_hops: int = path_questions.DEFAULT_HOPS,
        k: int = 10,
        order: str = "strongest",
        score: str = "mean",
        edge_value: str | None = None,
        **restrictions: Any,
    ) -> Paths:
        """The k best paths, exactly; see `queries.search_paths`, and `queries.Restrictions` for what paths may pass
        (`kinds`, `layers`, `positions`, `avoid`, `must_pass`, `min_weight`)."""
        return path_questions.search_paths(
            self._runner,
            self.name,
            sources=sources,
            targets=targets,
            max_hops=max_hops,
            k=k,
            order=order,
            score=score,
            edge_value=edge_value,
            restrictions=path_questions.Restrictions(**restrictions),
        )

    def score(self, *paths: Sequence[str], score: str = "mean", edge_value: str | None = None) -> Paths:
        """The scores of given paths, each a sequence of addresses from source to target; see `queries.score_paths`."""
        return path_questions.score_paths(self._runner, self.name, paths, score=score, edge_value=edge_value)

    def influence(
        self, *, targets: Sequence[str] = (), kinds: Iterable[str] = (), share: float = 1.0, k: int = 20
    ) -> Contributors:
        """The nodes through which most of the logits flows; see `queries.contributors`."""
        return influence_questions.contributors(self._runner, self.name, targets=targets, kinds=kinds, share=share, k=k)

    def influence_by(
        self, by: str, *, targets: Sequence[str] = (), kinds: Iterable[str] = (), k: int = 100
    ) -> InfluenceGroups:
        """How much of the logits flows through each `layer`, `position`, `kind` or `feature`."""
        return influence_questions.influence_by(self._runner, self.name, by, targets=targets, kinds=kinds, k=k)

    def edge_influence(self, *, targets: Sequence[str] = (), k: int = 20) -> InfluentialEffects:
        """The direct effects through which most of the logits flows; see `queries.edge_influence`."""
        return influence_questions.edge_influence(self._runner, self.name, targets=targets, k=k)

    def count(
        self,
        *,
        sources: Sequence[str] = (),
        targets: Sequence[str] = (),
        max_hops: int = path_questions.DEFAULT_HOPS,
    ) -> PathCounts:
        """The exact number of paths by number of hops; see `queries.count_paths`."""
        return path_questions.count_paths(self._runner, self.name, sources=sources, targets=targets, max_hops=max_hops)

    def score_distribution(
        self,
        *,
        sources: Sequence[str] = (),
        targets: Sequence[str] = (),
        max_hops: int = path_questions.DEFAULT_HOPS,
        score: str = "mean",
        sample: int = 10_000,
        seed: int = 0,
    ) -> ScoreDistribution:
        """How the scores of all paths are spread, exactly or in a sample; see `queries.distribution`."""
        from circuit_atlas.queries.distribution import score_distribution

        return score_distribution(
            self._runner,
            self.name,
            sources=sources,
            targets=targets,
            max_hops=max_hops,
            score=score,
            sample=sample,
            seed=seed,
        )

    def view(
        self,
        *,
        sources: Sequence[str] = (),
        targets: Sequence[str] = (),
        max_hops: int = path_questions.DEFAULT_HOPS,
        k: int = 10,
        compare: str | None = None,
        max_nodes: int = 2_000,
    ) -> View:
        """The interactive picture, with the k best paths drawn over it, as an object that a notebook shows and that
        can be saved; `compare` names a graph to lay over it. See `views.view_graph`."""
        from circuit_atlas.views.picture import PathOptions
        from circuit_atlas.views.view import view_graph

        paths = PathOptions(sources, targets, max_hops, k)
        return view_graph(self._runner, self.name, paths=paths, compare=compare, max_nodes=max_nodes)

    def view_paths(
        self,
        *,
        sources: Sequence[str] = (),
        targets: Sequence[str] = (),
        max_hops: int = path_questions.DEFAULT_HOPS,
        k: int = 10,
    ) -> View:
        """The k best paths as a Sankey diagram; see `views.view_paths`."""
        from circuit_atlas.views.picture import PathOptions
        from circuit_atlas.views.view import view_paths

        return view_paths(self._runner, self.name, PathOptions(sources, targets, max_hops, k))

    def report(self, *, k: int = 15, max_hops: int = path_questions.DEFAULT_HOPS) -> Report:
        """A page on the graph, which a notebook shows and that can be saved; see `views.report_on`."""
        from circuit_atlas.views.report import report_on

        return report_on(self._runner, self.name, k=k, max_hops=max_hops)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The properties of the graph's `:Graph` node, the file's own metadata among them (as JSON text)."""
        properties: dict[str, Any] = graph_questions.find_graph(self._runner, self.name)["graph"]
        return properties
