"""Fetches explanations of the features of graphs from Neuronpedia, the most influential features first."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from tqdm import tqdm

from circuit_atlas.errors import InvalidArgumentError, UnknownSourceSetError
from circuit_atlas.explain.neuronpedia import Neuronpedia, NeuronpediaConfig
from circuit_atlas.explain.results import ExplainResult, SkippedSourceSet
from circuit_atlas.explain.store import Feature, Write, now, store_explanations
from circuit_atlas.ingest.labels import NEURONPEDIA
from circuit_atlas.ingest.source_sets import SourceSet, neuronpedia_name, own_scans_path
from circuit_atlas.queries.results import Explanation, GraphSummary
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.schema.limits import MAX_ROWS
from circuit_atlas.threads import map_in_threads

_BATCH_SIZE = 100  # features in a request, and in a transaction
_LONG_AGO = "1970-01-01T00:00:00Z"  # nothing was fetched before
Found = Mapping[Feature, list[Explanation] | None]  # None where the response could not be had or read


@dataclass
class _Counts:
    """What was fetched so far."""

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


def fetch_explanations(
    runner: QueryRunner,
    write: Write,
    graphs: Sequence[GraphSummary],
    config: NeuronpediaConfig,
    *,
    limit: int | None = None,
    refetch: bool = False,
    progress: bool = False,
) -> ExplainResult:
    """Fetch explanations of the features of some graphs that were not fetched yet, the most influential features first.

    Each batch is stored when it arrives, so that a call that was stopped can be repeated to resume.

    Args:
        runner: runs queries on the database.
        write: runs a statement that writes, on the same database.
        graphs: the graphs.
        config: where Neuronpedia is, and how requests are sent to it.
        limit: the number of features, at most.
        refetch: whether to fetch those again that were fetched before.
        progress: whether to show a progress bar on standard error.

    Raises:
        UnknownSourceSetError: the name of the graphs' transcoders on Neuronpedia is not known.
        NeuronpediaError: Neuronpedia cannot be reached, refuses, or its rate limit is reached; what came before is
            stored.
    """
    if limit is not None and limit < 1:
        raise InvalidArgumentError(f"limit must be at least 1, got {limit}", fix="Leave it out to fetch all features.")
    names, skipped = _neuronpedia_names(graphs)
    wanted = [graph.graph for graph in graphs if (graph.model, graph.source_set) in names]
    counts, date = _Counts(), now()
    # Above a progress bar, a line has to be written by tqdm.
    notify = partial(tqdm.write, file=sys.stderr) if progress else None
    with tqdm(unit=" features", disable=None if progress else True) as bar, Neuronpedia(config, notify) as neuronpedia:
        ask = partial(_ask, neuronpedia, names)
        # A query returns at most MAX_ROWS features, so there may be several rounds.
        while features := _not_fetched(runner, wanted, date if refetch else _LONG_AGO, limit, counts):
            bar.total = bar.n + len(features)
            batches = [features[first : first + _BATCH_SIZE] for first in range(0, len(features), _BATCH_SIZE)]
            for found in map_in_threads(ask, batches, config.concurrency):
                readable = {feature: texts for feature, texts in found.items() if texts is not None}
                store_explanations(write, readable, source=NEURONPEDIA, date=date, fetched=True)
                counts.add(found)
                bar.update(len(found))
    return ExplainResult(
        asked=counts.asked,
        explained=counts.explained,
        unexplained=counts.unexplained,
        failed=len(counts.failed),
        skipped=skipped,
    )


def unknown_source_set(skipped: SkippedSourceSet) -> UnknownSourceSetError:
    """The error for transcoders whose name on Neuronpedia is not known. It says how to add the name."""
    return UnknownSourceSetError(
        f"the name on Neuronpedia of the transcoders {skipped.source_set!r} of {skipped.model!r} is not known; "
        "Neuronpedia may not have them",
        where=", ".join(skipped.graphs[:5]) + (", ..." if len(skipped.graphs) > 5 else ""),
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
        source_set = graph.model, graph.source_set
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
    runner: QueryRunner, graphs: list[str], before: str, limit: int | None, counts: _Counts
) -> list[Feature]:
    """The next features to fetch: those last fetched before a date, without those that failed in this call."""
    failed = len(counts.failed)
    left = MAX_ROWS if limit is None else limit - counts.asked - failed
    if left <= 0:
        return []
    # Those that failed are among the rows, as nothing was stored for them.
    rows = runner.ask("explanations.missing", graphs=graphs, before=before, k=min(left + failed, MAX_ROWS))
    features = [Feature(*(row[name] for name in Feature._fields)) for row in rows]
    return [feature for feature in features if feature not in counts.failed][:left]


def _ask(neuronpedia: Neuronpedia, names: Mapping[SourceSet, SourceSet], batch: Sequence[Feature]) -> Found:
    """The explanations of a batch of features, which are asked for under Neuronpedia's names."""
    stored = {Feature(*names[feature[:2]], *feature[2:]): feature for feature in batch}
    return {stored[named]: explanations for named, explanations in neuronpedia.ask(list(stored)).items()}
