"""Fetches what Neuronpedia says of the features of graphs, the most influential first."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tqdm import tqdm

from circuit_atlas.errors import InvalidArgumentError, UnknownSourceSetError
from circuit_atlas.explain.answers import Said
from circuit_atlas.explain.neuronpedia import Access, Neuronpedia
from circuit_atlas.explain.results import ExplainResult, SkippedSourceSet
from circuit_atlas.explain.running import run_async
from circuit_atlas.explain.store import Feature, Write, now, store_explanations
from circuit_atlas.ingest.labels import NEURONPEDIA
from circuit_atlas.ingest.source_sets import SourceSet, neuronpedia_name, own_scans_path
from circuit_atlas.queries.results import GraphSummary
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.schema.limits import MAX_ROWS

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


def fetch_explanations(
    runner: QueryRunner,
    write: Write,
    graphs: Sequence[GraphSummary],
    access: Access,
    *,
    limit: int | None = None,
    refetch: bool = False,
    progress: bool = False,
) -> ExplainResult:
    """Ask Neuronpedia for the features of graphs that it was not asked for yet, the most influential first.

    Every batch of answers is stored when it comes, so that what was stopped goes on where it was.

    Args:
        runner: where to ask for the features.
        write: of the same database.
        graphs: whose features.
        access: where Neuronpedia is, and how it may be asked.
        limit: at most so many features.
        refetch: whether to ask again for those that it was asked for.
        progress: whether to draw a bar on standard error.

    Raises:
        UnknownSourceSetError: what Neuronpedia calls the graphs' transcoders is not known.
        NeuronpediaError: it cannot be reached, refuses, or wants to be left alone; what came before is stored.
    """
    if limit is not None and limit < 1:
        raise InvalidArgumentError(f"a limit of {limit} features", fix="Give 1 or more, or none.")
    names, skipped = _names(graphs)
    wanted = [graph.graph for graph in graphs if (graph.model, graph.source_set) in names]
    tally, date = _Tally(), now()

    def store(said: Mapping[Feature, Said]) -> None:
        usable = {feature: found for feature, found in said.items() if found is not None}
        store_explanations(write, usable, source=NEURONPEDIA, date=date, fetched=True)
        tally.count(said)

    notify = partial(tqdm.write, file=sys.stderr) if progress else None
    with tqdm(unit=" features", disable=None if progress else True) as bar:
        while features := _missing(runner, wanted, date if refetch else _LONG_AGO, limit, tally):
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


def _missing(runner: QueryRunner, graphs: list[str], before: str, limit: int | None, tally: _Tally) -> list[Feature]:
    failed = len(tally.failed)
    left = MAX_ROWS if limit is None else limit - tally.asked - failed
    if left <= 0:
        return []
    rows = runner.ask("explanations.missing", graphs=graphs, before=before, k=min(left + failed, MAX_ROWS))
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
