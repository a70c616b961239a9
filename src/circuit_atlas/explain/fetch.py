"""Fetches what Neuronpedia says of the features of graphs, the most influential first."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

if TYPE_CHECKING:
    from circuit_atlas.explain.neuronpedia import Access, Neuronpedia

from circuit_atlas.database import Database
from circuit_atlas.errors import InvalidArgumentError, UnknownSourceSetError
from circuit_atlas.explain.answers import Said
from circuit_atlas.explain.results import ExplainResult, SkippedSourceSet
from circuit_atlas.explain.running import run_async
from circuit_atlas.explain.store import Feature, now, store_explanations
from circuit_atlas.ingest.labels import NEURONPEDIA
from circuit_atlas.ingest.source_sets import SourceSet, neuronpedia_name, own_scans_path
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.features import graph_set
from circuit_atlas.queries.graphs import list_graphs
from circuit_atlas.queries.results import GraphSummary
from circuit_atlas.schema.limits import MAX_ROWS

KEY_VARIABLE, URL_VARIABLE = "NEURONPEDIA_API_KEY", "NEURONPEDIA_URL"
_AT_ONCE = 100  # features in a request, and in a transaction
_LONG_AGO = "1970-01-01T00:00:00Z"
Names = Mapping[SourceSet, SourceSet]


@dataclass
class _Tally:
    explained: int = 0
    unexplained: int = 0
    failed: set[Feature] = field(default_factory=set)

    @property
    def asked(self) -> int:
        return self.explained + self.unexplained

    def count(self, said: Mapping[Feature, Said]) -> None:
        self.explained += sum(bool(explanations) for explanations in said.values())
        self.unexplained += sum(explanations == [] for explanations in said.values())
        self.failed |= {feature for feature, explanations in said.items() if explanations is None}


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
    """Fetch explanations of features from Neuronpedia, those not asked for yet, the most influential first.

    Each batch of answers is stored when it arrives: the same call resumes where an earlier one stopped. The key in
    `NEURONPEDIA_API_KEY` is sent along, if it is set.

    Args:
        database: the database.
        graphs: names of graphs whose features to explain; all graphs when there are no names and no `tag`.
        tag: explain also the graphs with this tag.
        limit: at most this many features.
        refetch: whether to ask again for features that were asked for before.
        url: Neuronpedia's address; by default `NEURONPEDIA_URL`, else https://www.neuronpedia.org.
        concurrency: how many requests run at the same time.
        rate: how many requests to send in an hour, at most.
        timeout: seconds to wait for an answer.

    Raises:
        GraphNotFoundError: no graph of that name is ready.
        UnknownSourceSetError: Neuronpedia's name for the graphs' transcoders is not known.
        NeuronpediaError: Neuronpedia cannot be reached, refuses, or its rate limit is reached; what came before is
            stored.
    """
    from circuit_atlas.explain.neuronpedia import Access

    chosen = url or os.environ.get(URL_VARIABLE)
    access = Access(
        key=os.environ.get(KEY_VARIABLE) or None,
        concurrency=concurrency,
        rate=rate,
        timeout=timeout,
        **({"url": chosen} if chosen else {}),
    )
    return _fetch(database, _chosen(database, graphs, tag), access, limit=limit, refetch=refetch)


def _chosen(database: Database, names: Sequence[str], tag: str | None) -> list[GraphSummary]:
    """The graphs of these names and of the tag; all graphs when there are neither."""
    if not names and tag is None:
        return list_graphs(database).graphs
    wanted = graph_set(database, names, [] if tag is None else [tag])
    return [graph for graph in list_graphs(database).graphs if graph.graph in wanted]


def _fetch(
    database: Database, graphs: Sequence[GraphSummary], access: Access, *, limit: int | None, refetch: bool
) -> ExplainResult:
    if limit is not None and limit < 1:
        raise InvalidArgumentError(f"a limit of {limit} features", fix="Give 1 or more, or none.")
    names, skipped = _names(graphs)
    wanted = [graph.graph for graph in graphs if (graph.model, graph.source_set) in names]
    tally, date = _Tally(), now()

    def store(said: Mapping[Feature, Said]) -> None:
        usable = {feature: found for feature, found in said.items() if found is not None}
        store_explanations(database, usable, source=NEURONPEDIA, date=date, fetched=True)
        tally.count(said)

    from circuit_atlas.explain.neuronpedia import Neuronpedia

    notify = partial(tqdm.write, file=sys.stderr) if database.progress else None
    with database.writing(), tqdm(unit=" features", disable=None if database.progress else True) as bar:
        while features := _missing(database, wanted, date if refetch else _LONG_AGO, limit, tally):
            bar.total = bar.n + len(features)
            run_async(_ask_all(Neuronpedia(access, notify), access.concurrency, features, names, store, bar))
    return ExplainResult(
        asked=tally.asked,
        explained=tally.explained,
        unexplained=tally.unexplained,
        failed=len(tally.failed),
        skipped=skipped,
    )


def unknown_source_set(skipped: SkippedSourceSet) -> UnknownSourceSetError:
    """What to do about transcoders whose name on Neuronpedia is not known."""
    return UnknownSourceSetError(
        f"it is not known what Neuronpedia calls the transcoders {skipped.source_set!r} of {skipped.model!r}, "
        f"or whether it has them",
        where=", ".join(skipped.graphs[:5]) + (", ..." if len(skipped.graphs) > 5 else ""),
        fix=f'If it has, add under [scans] in {own_scans_path()}: "{skipped.source_set}" = ["MODEL", "SOURCE SET"], '
        "as in the address of one of its pages, neuronpedia.org/MODEL/0-SOURCE SET/1.",
    )


def _names(graphs: Sequence[GraphSummary]) -> tuple[dict[SourceSet, SourceSet], list[SkippedSourceSet]]:
    """Neuronpedia's names of the graphs' transcoders, and those that have none."""
    names, unknown = {}, defaultdict(list)
    for graph in graphs:
        source_set = graph.model, graph.source_set
        name = neuronpedia_name(source_set)
        if name is None:
            unknown[source_set].append(graph.graph)
        else:
            names[source_set] = name
    skipped = [
        SkippedSourceSet(model=model, source_set=source_set, graphs=of) for (model, source_set), of in unknown.items()
    ]
    if skipped and not names:
        raise unknown_source_set(skipped[0])
    return names, skipped


def _missing(database: Database, graphs: list[str], before: str, limit: int | None, tally: _Tally) -> list[Feature]:
    failed = len(tally.failed)
    left = MAX_ROWS if limit is None else limit - tally.asked - failed
    if left <= 0:
        return []
    rows = ask(database, "explanations.missing", graphs=graphs, before=before, k=min(left + failed, MAX_ROWS))
    features = [Feature(*(row[name] for name in Feature._fields)) for row in rows]
    return [feature for feature in features if feature not in tally.failed][:left]


async def _ask_all(
    neuronpedia: Neuronpedia,
    concurrency: int,
    features: Sequence[Feature],
    names: Names,
    store: Callable[[Mapping[Feature, Said]], None],
    bar: Any,
) -> None:
    """Ask for batches of features, so many at a time, and store each answer before the next question."""
    batches = iter([features[first : first + _AT_ONCE] for first in range(0, len(features), _AT_ONCE)])

    async def work() -> None:
        for batch in batches:
            asked = {Feature(*names[feature[:2]], *feature[2:]): feature for feature in batch}
            said = await neuronpedia.ask(list(asked))
            store({asked[feature]: found for feature, found in said.items()})
            bar.update(len(batch))

    try:
        async with neuronpedia, asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
