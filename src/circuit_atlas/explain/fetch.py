"""Fetches explanations of the features of graphs from Neuronpedia, the most influential features first."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tqdm import tqdm

from circuit_atlas.database import Database
from circuit_atlas.errors import InvalidArgumentError, UnknownSourceSetError
from circuit_atlas.explain.results import ExplainResult, SkippedSourceSet
from circuit_atlas.explain.store import Feature, now, store_explanations
from circuit_atlas.ingest.labels import NEURONPEDIA
from circuit_atlas.printable import first_of
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graph_results import GraphSummary
from circuit_atlas.queries.graph_sets import graph_set
from circuit_atlas.queries.graphs import list_graphs
from circuit_atlas.queries.node_results import Explanation
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.schema.batches import batches
from circuit_atlas.schema.limits import MAX_ROWS
from circuit_atlas.schema.source_sets import SourceSet, neuronpedia_name, own_scans_path
from circuit_atlas.threads import map_in_threads

if TYPE_CHECKING:
    from circuit_atlas.explain.neuronpedia import Neuronpedia

_BATCH_SIZE = 100  # features in a request, and in a transaction
_LONG_AGO = "1970-01-01T00:00:00Z"  # nothing was fetched before
Found = Mapping[Feature, list[Explanation] | None]  # None where the response could not be had or read


@dataclass
class _Counts:
    """Numbers of features that were fetched so far, and the features that failed."""

    explained: int = 0
    unexplained: int = 0
    failed: set[Feature] = field(default_factory=set)

    @property
    def asked(self) -> int:
        """Features for which Neuronpedia gave an answer."""
        return self.explained + self.unexplained

    def add(self, found: Found) -> None:
        self.explained += sum(bool(explanations) for explanations in found.values())
        self.unexplained += sum(explanations == [] for explanations in found.values())
        self.failed |= {feature for feature, explanations in found.items() if explanations is None}


def explain(
    database: Database,
    *graphs: str,
    tag: str | None = None,
    limit: int | None = None,
    refetch: bool = False,
    url: str | None = None,
    concurrency: int = 8,
    rate: float = 25_000,
    timeout: float = 30.0,
) -> ExplainResult:
    """Fetch explanations of features from Neuronpedia that were not fetched yet, the most influential features first.

    Each batch is stored when it arrives: the same call resumes where an earlier one stopped. The key in
    `NEURONPEDIA_API_KEY` is sent along, if it is set.

    Args:
        database: the database.
        graphs: names of graphs whose features to explain; all graphs when there are no names and no `tag`.
        tag: explain also the graphs with this tag.
        limit: at most this many features.
        refetch: whether to fetch explanations again that were fetched before.
        url: Neuronpedia's address; by default `NEURONPEDIA_URL`, else https://www.neuronpedia.org.
        concurrency: how many requests run at the same time.
        rate: how many requests to send in an hour, at most.
        timeout: seconds to wait for a response.

    Raises:
        InvalidArgumentError: an argument is out of range, the address is not that of a web server, or the key has
            characters that no key has.
        GraphNotFoundError: no graph of that name is ready, or one was deleted while features were fetched.
        NotFoundError: no graph has the tag.
        UnknownSourceSetError: the name of the graphs' transcoders on Neuronpedia is not known.
        NeuronpediaError: Neuronpedia cannot be reached, refuses, or its rate limit is reached; what came before is
            stored.
    """
    from circuit_atlas.explain.neuronpedia import Neuronpedia
    from circuit_atlas.remote.neuronpedia import NeuronpediaConfig

    if limit is not None and limit < 1:
        raise InvalidArgumentError(
            f"limit cannot be {limit}", fix="It must be 1 or more. Leave it out to fetch all features."
        )
    config = NeuronpediaConfig.from_environment(url, concurrency=concurrency, rate=rate, timeout=timeout)
    names, skipped = _neuronpedia_names(found := _chosen(database, graphs, tag))
    wanted = [graph.graph for graph in found if not names.keys().isdisjoint(graph.source_sets)]
    counts, date = _Counts(), now()
    # Above a progress bar, a line has to be written by tqdm.
    notify = partial(tqdm.write, file=sys.stderr) if database.progress else None
    with (
        database.writing(),
        tqdm(unit=" features", disable=None if database.progress else True) as bar,
        Neuronpedia(config, notify) as neuronpedia,
    ):
        ask_batch = partial(_ask, neuronpedia, names)
        # A query returns at most MAX_ROWS features, so there may be several rounds.
        while features := _not_fetched(database, wanted, names, date if refetch else _LONG_AGO, limit, counts):
            bar.total = bar.n + len(features)
            for batch in map_in_threads(ask_batch, batches(features, _BATCH_SIZE), config.concurrency):
                readable = {feature: texts for feature, texts in batch.items() if texts is not None}
                store_explanations(database, readable, source=NEURONPEDIA, date=date, fetched=True)
                counts.add(batch)
                bar.update(len(batch))
    graph_set(database, graphs, [])  # raises if one has been deleted
    return ExplainResult(
        asked=counts.asked,
        explained=counts.explained,
        unexplained=counts.unexplained,
        failed=len(counts.failed),
        skipped=skipped,
    )


@one_answer
def _chosen(database: Database, names: Sequence[str], tag: str | None) -> list[GraphSummary]:
    """The graphs of these names and of the tag; all graphs when there are neither."""
    if not names and tag is None:
        return list_graphs(database).graphs
    wanted = graph_set(database, names, [] if tag is None else [tag])
    return [graph for graph in list_graphs(database).graphs if graph.graph in wanted]


def unknown_source_set(skipped: SkippedSourceSet) -> UnknownSourceSetError:
    """The error for transcoders whose name on Neuronpedia is not known. It says how to add the name."""
    return UnknownSourceSetError(
        f"the name on Neuronpedia of the transcoders {skipped.source_set!r} of {skipped.model!r} is not known; "
        "Neuronpedia may not have them",
        where=first_of(skipped.graphs, 5),
        fix=f'If it has, add a line under [scans] in {own_scans_path()}: "{skipped.source_set}" = '
        '["MODEL", "SOURCE SET"], as in the address of one of its pages, neuronpedia.org/MODEL/0-SOURCE SET/1.',
    )


def _neuronpedia_names(
    graphs: Sequence[GraphSummary],
) -> tuple[dict[SourceSet, SourceSet], list[SkippedSourceSet]]:
    """Neuronpedia's names of the graphs' transcoders, and the transcoders that have none.

    Raises:
        UnknownSourceSetError: none of them has a name.
    """
    names, unknown = {}, defaultdict(list)
    for graph in graphs:
        for source_set in graph.source_sets:
            name = neuronpedia_name(source_set)
            if name is None:
                unknown[source_set].append(graph.graph)
            else:
                names[source_set] = name
    skipped = [
        SkippedSourceSet(model=model, source_set=source_set, graphs=graphs_of_set)
        for (model, source_set), graphs_of_set in unknown.items()
    ]
    if skipped and not names:
        raise unknown_source_set(skipped[0])
    return names, skipped


def _not_fetched(
    database: Database,
    graphs: list[str],
    names: Mapping[SourceSet, SourceSet],
    before: str,
    limit: int | None,
    counts: _Counts,
) -> list[Feature]:
    """The next features to fetch: those last fetched before a date, without those that failed in this call. A graph
    that has just replaced another may have some of transcoders without a name."""
    failed = len(counts.failed)
    left = MAX_ROWS if limit is None else limit - counts.asked - failed
    if left <= 0:
        return []
    # Those that failed are among the rows, as nothing was stored for them.
    sets = [list(source_set) for source_set in names]
    k = min(left + failed, MAX_ROWS)
    rows = ask(database, "explanations.missing", graphs=graphs, source_sets=sets, before=before, k=k)
    features = [Feature(*(row["feature"][name] for name in Feature._fields)) for row in rows]
    return [feature for feature in features if feature not in counts.failed][:left]


def _ask(neuronpedia: Neuronpedia, names: Mapping[SourceSet, SourceSet], batch: Sequence[Feature]) -> Found:
    """The explanations of a batch of features, which are asked for under Neuronpedia's names."""
    stored = {Feature(*names[feature[:2]], *feature[2:]): feature for feature in batch}
    return {stored[named]: explanations for named, explanations in neuronpedia.ask(list(stored)).items()}
