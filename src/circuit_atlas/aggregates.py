"""Stores one graph made of many: an aggregate."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.ingest.names import check_name
from circuit_atlas.ingest.results import IngestResult
from circuit_atlas.printable import first_of
from circuit_atlas.queries.added_up import SAME, add_graphs, check_sources, contents_of, same_start, sources_of
from circuit_atlas.queries.age import is_fresh
from circuit_atlas.queries.aggregates import aggregated_sources, aggregated_state, is_aggregate, read_sums
from circuit_atlas.queries.checks import check_choice, check_range, no_graphs
from circuit_atlas.queries.graph_sets import doubled_graphs, graph_set, set_rows
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.queries.one_answer import as_one
from circuit_atlas.schema.limits import AGGREGATED_WEIGHTS, ALIGNMENTS
from circuit_atlas.schema.models import GraphMetadata

if TYPE_CHECKING:
    from circuit_atlas.graph.aggregate import Aggregation
    from circuit_atlas.graph.data import GraphData

_LOG = logging.getLogger(__name__)
_SHOWN = 3  # names in a text


class How(NamedTuple):
    """How graphs are aggregated; see `Atlas.aggregate`."""

    align: str
    weight: str
    min_graphs: int


def store_aggregate(
    database: Database,
    graphs: Sequence[str],
    tags: Iterable[str],
    *,
    name: str,
    align: str,
    weight: str,
    min_graphs: int,
    replace: bool,
) -> IngestResult:
    """Store the aggregate of some graphs; see `Atlas.aggregate`."""
    from circuit_atlas.ingest.load import load_graph

    check_choice("align", align, ALIGNMENTS)
    check_choice("weight", weight, AGGREGATED_WEIGHTS)
    check_name(name)
    names, tags = sorted(set(graphs)), sorted(set(tags))
    if not names and not tags:
        raise no_graphs()
    data = as_one(database, aggregated_data, database, names, tags, name, How(align, weight, min_graphs), refresh=False)
    with database.writing():
        return load_graph(database, data, name=name, replace=replace)


def refresh_aggregate(database: Database, name: str) -> IngestResult:
    """Store an aggregate again if it is out of date; see `Atlas.aggregate`."""
    graph = find_graph(database, name)
    stored = graph.properties
    if not is_aggregate(stored):
        raise InvalidArgumentError(
            f"{name!r} is not an aggregate",
            fix="`circuit-atlas graphs` lists all graphs; for an aggregate, it shows how many it was made from.",
        )
    from circuit_atlas.ingest.load import load_graph

    asked, asked_tags = stored.get("aggregated_names", []), stored.get("aggregated_tags", [])
    if is_fresh(database, stored):
        return IngestResult.unchanged(name, stored)
    how = How(stored["aggregated_align"], stored["aggregated_weight"], stored.get("aggregated_min_graphs", 1))
    rows = set_rows(database, asked, asked_tags)
    graphs, tagged = {row["graph"] for row in rows}, {tag for row in rows for tag in row["tagged"]}
    names, tags = [name for name in asked if name in graphs], [tag for tag in asked_tags if tag in tagged]
    gone = [
        *(repr(name) for name in asked if name not in graphs),
        *(repr(tag) for tag in asked_tags if tag not in tagged),
    ]
    if not names and not tags:
        raise InvalidArgumentError(
            "none of the graphs and tags that it was made from still exists",
            where=name,
            fix="Delete it, or keep it as it is.",
        )
    data = as_one(database, aggregated_data, database, names, tags, name, how, refresh=True)
    with database.writing():
        made = load_graph(database, data, name=name, replace=True, over=graph.version)
    left_out = [f"graphs and tags that no longer exist were left out: {', '.join(gone)}"] if gone else []
    return made.model_copy(update={"warnings": [*made.warnings, *left_out]})


def aggregated_data(
    database: Database, names: list[str], tags: list[str], name: str, how: How, *, refresh: bool
) -> GraphData:
    """The aggregate of some graphs, as they are now, which is not stored.

    Args:
        database: the database.
        names: names of graphs.
        tags: tags of further graphs.
        name: the name of the aggregate.
        how: how graphs are aggregated.
        refresh: whether to take the sums of the stored aggregate where possible, and read only what has changed.

    Raises:
        InvalidArgumentError, GraphNotFoundError, NotFoundError: see `Atlas.aggregate`.
    """
    from circuit_atlas.graph.aggregate import Aggregation

    graph_set(database, names, tags)  # raises if one does not exist
    sources = aggregated_sources(database, names, tags)
    check_sources(sources, name)
    if any(row["graph"]["name"] == name for row in sources):
        raise InvalidArgumentError(f"{name!r} is one of the graphs", fix="Give the aggregate another name (--name).")
    if refresh and how.min_graphs > len(sources):
        raise InvalidArgumentError(
            f"{name!r} keeps what at least {how.min_graphs} graphs share, but only {len(sources)} are left",
            fix="Make it again (--replace) with a smaller --min-graphs.",
        )
    check_range("min_graphs", how.min_graphs, 1, len(sources))
    n_pos = max(row["graph"]["n_pos"] for row in sources)
    new = partial(Aggregation, how.align, how.weight, n_pos, how.min_graphs)
    from_start = how.align == "relative" and same_start(sources)
    contents = {row["graph"]["name"]: row["graph"]["content_hash"] for row in sources}
    about = {"align": how.align, "weight": how.weight, "from_start": from_start, "contents": contents}
    restored = _restored(database, new(), name, sources, about) if refresh else None
    aggregation, joined = restored or (new(), sources)
    if joined:
        add_graphs(database, aggregation.add, joined, align=how.align, from_start=from_start, title=name)
    return replace(aggregation.data(_metadata(sources, names, tags, name, how)), sums=aggregation.state(about))


def _restored(
    database: Database, aggregation: Aggregation, name: str, sources: Rows, about: dict[str, Any]
) -> tuple[Aggregation, Rows] | None:
    """The aggregation, with the sums of the stored aggregate, without the graphs that have left; and the graphs to add,
    rows of aggregates.sources.

    None if all graphs must be read: there are no sums, they were added up in another way, a graph that has left was
    replaced or deleted, so that it cannot be taken out, or most of the graphs are others.
    """
    sums = read_sums(database, name)
    known = aggregation.restore(sums) if sums else None
    if known is None or known | {"contents": None} != about | {"contents": None}:
        return None
    then, now = known.get("contents", {}), about["contents"]
    joined = [row for row in sources if then.get(row["graph"]["name"]) != row["graph"]["content_hash"]]
    gone = [graph for graph, content in then.items() if now.get(graph) != content]
    left = [row for row in sources_of(database, gone) if then[row["graph"]["name"]] == row["graph"]["content_hash"]]
    if len(left) < len(gone) or len(left) + len(joined) >= len(sources):
        return None
    if left:
        how = {"align": about["align"], "from_start": about["from_start"]}
        add_graphs(database, aggregation.take_out, left, title=name, **how)
        if not aggregation.is_sound:
            return None
    _LOG.info("%s: graphs added to its sums: %d, taken out of them: %d", name, len(joined), len(left))
    return aggregation, joined


def _metadata(sources: Rows, names: list[str], tags: list[str], name: str, how: How) -> GraphMetadata:
    stored, doubled = sources[0]["graph"], doubled_graphs(contents_of(sources))
    return GraphMetadata(
        slug=name,
        prompt=f"{len(sources):,} graphs: {first_of([*(f'tag {tag}' for tag in tags), *names], _SHOWN)}",
        tokens=[],
        n_pos=0 if how.align == "feature" else max(row["graph"]["n_pos"] for row in sources),
        source_format="aggregate",
        aggregated_names=names or None,
        aggregated_tags=tags or None,
        warnings=[f"graphs with the same content count more than once: {doubled}"] if doubled else [],
        aggregated_graphs=len(sources),
        aggregated_align=how.align,
        aggregated_weight=how.weight,
        aggregated_min_graphs=how.min_graphs if how.min_graphs > 1 else None,
        aggregated_state=aggregated_state((row["graph"]["name"], row["graph"]["content_hash"]) for row in sources),
        n_layers=max(row["graph"]["n_layers"] for row in sources),  # some files have the layers that they use
        vocab_size=max(row["graph"]["vocab_size"] or 0 for row in sources) or None,
        **{field: stored[field] for field in (*SAME, "scan")},
    )
