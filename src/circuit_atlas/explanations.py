"""What features mean, and finding them by it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuit_atlas.errors import InvalidArgumentError, MissingExtraError
from circuit_atlas.open_database import OpenDatabase, PathLike
from circuit_atlas.queries import graphs as graph_questions

if TYPE_CHECKING:
    from circuit_atlas.explain import ExplainResult, ImportResult, Label
    from circuit_atlas.explain.store import Write
    from circuit_atlas.queries.results import GraphSummary
    from circuit_atlas.queries.search import Hits

KEY_VARIABLE, URL_VARIABLE = "NEURONPEDIA_API_KEY", "NEURONPEDIA_URL"


class Explanations(OpenDatabase):
    """Explain, label, search; see `Atlas`."""

    def explain(
        self,
        *graphs: str,
        tag: str | None = None,
        limit: int | None = None,
        refetch: bool = False,
        url: str | None = None,
        concurrency: int = 8,
        rate: float = 25_000,
        timeout: float = 30.0,
    ) -> ExplainResult:
        """Fetch explanations of features from Neuronpedia, those not asked for yet, the most influential first.

        Each batch of answers is stored when it comes: the same call goes on where an earlier one was stopped. The key
        in `NEURONPEDIA_API_KEY` is sent along, if it is set.

        Args:
            graphs: names of graphs whose features are meant; without names and `tag`, all graphs.
            tag: the graphs with this tag, in addition.
            limit: at most so many features.
            refetch: whether to ask again for those that were asked for before.
            url: where Neuronpedia is, `NEURONPEDIA_URL` by default, else https://www.neuronpedia.org.
            concurrency: how many requests are under way at once.
            rate: how many requests begin in an hour.
            timeout: seconds to wait for an answer.

        Raises:
            GraphNotFoundError: no such graph is ready.
            UnknownSourceSetError: what Neuronpedia calls the graphs' transcoders is not known.
            NeuronpediaError: it cannot be reached, refuses, or wants to be left alone; what came before is stored.
            MissingExtraError: the extra `explain` is not installed.
        """
        try:
            from circuit_atlas.explain.fetch import fetch_explanations
            from circuit_atlas.explain.neuronpedia import NeuronpediaConfig
        except ImportError as error:
            raise MissingExtraError(
                "the client of Neuronpedia is not installed", fix="pip install 'circuit-atlas[explain]'"
            ) from error

        chosen = url or os.environ.get(URL_VARIABLE)
        config = NeuronpediaConfig(
            key=os.environ.get(KEY_VARIABLE) or None,
            concurrency=concurrency,
            rate=rate,
            timeout=timeout,
            **({"url": chosen} if chosen else {}),
        )
        wanted = self._chosen(graphs, tag)
        with self._writing():
            return fetch_explanations(
                self._runner, self._write, wanted, config, limit=limit, refetch=refetch, progress=self._progress
            )

    def import_explanations(
        self,
        *sources: PathLike,
        model: str | None = None,
        source_set: str | None = None,
        all_features: bool = False,
        max_size: float = 8.0,
    ) -> ImportResult:
        """Import explanations of the features that the store holds, from files.

        Args:
            sources: files of Neuronpedia's exports (`explanations/batch-0.jsonl.gz`), tables of layer, index and
                label with tabs between, and folders of such.
            model: the language model that a table is about.
            source_set: the set of transcoders that a table is about.
            all_features: whether to store explanations of features that are active in no graph, too.
            max_size: GB that the files may hold together, unpacked.

        Raises:
            InputError: a file cannot be read or holds too much; what was read before is stored.
            InvalidArgumentError: a table is given without `model` and `source_set`.
        """
        from circuit_atlas.explain import import_explanations

        with self._writing():
            return import_explanations(
                self._write,
                graph_questions.list_graphs(self._runner).graphs,
                map(Path, sources),
                model=model,
                source_set=source_set,
                all_features=all_features,
                max_size=max_size,
                progress=self._progress,
            )

    def label(self, graph: str, address: str, text: str | None) -> Label:
        """Give the transcoder feature of a node a label of one's own, in every graph; None takes it back.

        A label goes before everything that is fetched or imported, and stays.

        Raises:
            InvalidArgumentError: the node is not a feature, or the label is empty or longer than 1,000 characters.
            GraphNotFoundError, NodeNotFoundError, AmbiguousNodeError: see `queries.resolve`.
        """
        from circuit_atlas.explain import label_feature

        with self._writing():
            return label_feature(self._runner, self._write, graph, address, text)

    def search(self, text: str, **options: Any) -> Hits:
        """Explanations and labels of features, tokens and logits that hold a text, the best first; see
        `queries.search_text` for the options (`model`, `layers`, `graph`, `tag`, `k`, `places`, `raw`)."""
        from circuit_atlas.queries.search import search_text

        return search_text(self._runner, text, **options)

    @property
    def _write(self) -> Write:
        from circuit_atlas.ingest import Writer

        return Writer(self._driver, self._database).run

    def _chosen(self, names: Iterable[str], tag: str | None) -> list[GraphSummary]:
        wanted = set(names)
        for name in wanted:
            graph_questions.find_graph(self._runner, name)
        if tag is not None:
            tagged = {graph.graph for graph in graph_questions.list_graphs(self._runner, [tag]).graphs}
            if not tagged:
                raise InvalidArgumentError(
                    f"no graph has the tag {tag!r}", fix="`circuit-atlas ingest FILE --tag TAG` adds it."
                )
            wanted |= tagged
        graphs = graph_questions.list_graphs(self._runner).graphs
        return [graph for graph in graphs if graph.graph in wanted] if wanted or tag is not None else graphs
