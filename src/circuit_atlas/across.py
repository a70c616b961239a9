"""Questions across the graphs of a database, and the collections that they are asked of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.open_database import OpenDatabase
from circuit_atlas.queries import graphs as graph_questions
from circuit_atlas.queries.compare_results import Comparison
from circuit_atlas.queries.feature_results import FeatureActivations, Recurring, SharedFeatures
from circuit_atlas.queries.results import Graphs, Tags


class Across(OpenDatabase):
    """Features and circuits of several graphs; see `Atlas`. Graphs are given by names, by tags, or by both."""

    def tag(self, *graphs: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Graphs:
        """Put graphs into collections, and take them out; returns the graphs as they are then.

        Args:
            graphs: names of graphs.
            add: tags that they get; those that they have already, they keep.
            remove: tags that they lose. A tag that no graph has is gone.

        Raises:
            GraphNotFoundError: there is none of that name; nothing was changed.
            InvalidArgumentError: nothing to do, or a tag is not valid: it is empty, longer than 200 characters, or
                holds control characters or `~`.
        """
        from circuit_atlas.ingest import Writer, statements
        from circuit_atlas.ingest.load import check_tags

        added, removed = check_tags(add), check_tags(remove)
        if not graphs or not added + removed:
            raise InvalidArgumentError("nothing to do", fix="Name graphs, and tags to add or to remove.")
        for graph in graphs:
            graph_questions.find_graph(self._runner, graph)
        with self._writing():
            writer = Writer(self._driver, self._database)
            for graph in graphs:
                writer.run(statements.TAGS, graph=graph, tags=added)
                writer.run(statements.UNTAG, graph=graph, tags=removed)
        found = graph_questions.list_graphs(self._runner).graphs
        return Graphs(graphs=[summary for summary in found if summary.graph in graphs])

    def tags(self) -> Tags:
        """The tags of the database, each with its graphs."""
        return graph_questions.list_tags(self._runner)

    def feature(
        self, address: str, *, graph: str | None = None, model: str = "", source_set: str = "", **options: Any
    ) -> FeatureActivations:
        """Every graph in which a transcoder feature is active, how strongly, and its strongest effects there.

        Args:
            address: `layer/index`, or an explanation as it is shown; with `graph`, any address of one of its nodes.
            graph: the name of a graph that has it.
            model: the language model, where several have such a feature.
            source_set: the set of transcoders, likewise.
            options: `graphs` and `tags` (only there), `k`, `neighbors`; see `queries.show_feature`.

        Raises:
            NodeNotFoundError, AmbiguousNodeError: no feature fits, or several do.
            InvalidArgumentError, GraphNotFoundError, NotFoundError: an argument is wrong.
        """
        from circuit_atlas.queries.features import find_feature, show_feature

        feature = find_feature(self._runner, address, graph=graph, model=model, source_set=source_set)
        return show_feature(self._runner, feature, **options)

    def common_features(self, *graphs: str, tags: Iterable[str] = (), k: int = 20) -> SharedFeatures:
        """The transcoder features that are active in every one of the graphs; see `queries.shared_features`."""
        from circuit_atlas.queries.features import shared_features

        return shared_features(self._runner, graphs=graphs, tags=[*tags], k=k)

    def only_features(
        self,
        *graphs: str,
        tags: Iterable[str] = (),
        without: Iterable[str] = (),
        without_tags: Iterable[str] = (),
        k: int = 20,
    ) -> SharedFeatures:
        """Those that are active in every one of the graphs, and in none of `without` and of the graphs of
        `without_tags`; see `queries.shared_features`."""
        from circuit_atlas.queries.features import shared_features

        return shared_features(
            self._runner, graphs=graphs, tags=[*tags], without=[*without], without_tags=[*without_tags], k=k
        )

    def recurring(self, *graphs: str, tags: Iterable[str] = (), **options: Any) -> Recurring:
        """The transcoder features and two-hop motifs that recur in most of the graphs, or of all graphs.

        Args:
            graphs: names of graphs.
            tags: tags of further graphs.
            options: `share`, `k`, `width`; see `queries.recurring`.
        """
        from circuit_atlas.queries.features import recurring

        return recurring(self._runner, graphs=graphs, tags=[*tags], **options)

    def compare(self, a: str, b: str, **options: Any) -> Comparison:
        """Two graphs, laid over each other: what they share, and what only one has; see `queries.compare`.

        Args:
            a: a graph's name.
            b: another graph's name.
            options: `align`, `k`, `max_hops`, `score`.
        """
        from circuit_atlas.queries.compare import compare

        self._refresh(a, b)
        return compare(self._runner, a, b, **options)
