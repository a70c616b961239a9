"""Stores one graph made of many: an aggregate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tqdm import tqdm

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.ingest.names import check_name
from circuit_atlas.ingest.results import IngestResult
from circuit_atlas.queries.aggregates import aggregated_sources, aggregated_state, is_aggregate
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice
from circuit_atlas.queries.compare import ALIGNMENTS
from circuit_atlas.queries.features import graph_set
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.queries.one_answer import as_one
from circuit_atlas.schema.batches import batches
from circuit_atlas.schema.models import GraphMetadata

if TYPE_CHECKING:
    from circuit_atlas.graph.aggregate import SourceNodes
    from circuit_atlas.graph.data import GraphData
    from circuit_atlas.graph.packed import PackedEdges

_READERS, _READ_AHEAD = 4, 64  # graphs
_SAME = ("model", "source_set", "lorsa_source_set")  # what all graphs of an aggregate have in common
_SHOWN = 3  # names in a text
Sets = tuple[str | None, ...]


def store_aggregate(
    database: Database,
    graphs: Sequence[str],
    tags: Iterable[str],
    *,
    name: str,
    align: str,
    weight: str,
    replace: bool,
) -> IngestResult:
    """Store the aggregate of some graphs; see `Atlas.aggregate`."""
    from circuit_atlas.graph.aggregate import WEIGHTS
    from circuit_atlas.ingest.load import load_graph

    check_choice("align", align, ALIGNMENTS)
    check_choice("weight", weight, WEIGHTS)
    check_name(name)
    names, tags = sorted(set(graphs)), sorted(set(tags))
    if not names and not tags:
        raise InvalidArgumentError("no graphs given", fix="Name graphs, or a tag.")
    data = as_one(database, _read, database, names, tags, name=name, align=align, weight=weight)
    with database.writing():
        return load_graph(database, data, name=name, replace=replace)


def refresh_aggregate(database: Database, name: str) -> IngestResult:
    """Store an aggregate again if it is out of date; see `Atlas.aggregate`."""
    stored = find_graph(database, name).properties
    if not is_aggregate(stored):
        raise InvalidArgumentError(
            f"{name!r} is not an aggregate", fix="`circuit-atlas graphs` lists graphs; aggregates say of how many."
        )
    names, tags = stored.get("aggregated_names", []), stored.get("aggregated_tags", [])
    if aggregated_state(aggregated_sources(database, names, tags)) == stored["aggregated_state"]:
        same = {field: stored[field] for field in ("nodes", "edges", "zero_links")}
        return IngestResult(graph=name, status="unchanged", warnings=stored.get("warnings", []), **same)
    how = {"align": stored["aggregated_align"], "weight": stored["aggregated_weight"]}
    return store_aggregate(database, names, tags, name=name, replace=True, **how)


def _read(database: Database, names: list[str], tags: list[str], *, name: str, align: str, weight: str) -> GraphData:
    """The aggregate, of the graphs as they are now."""
    from circuit_atlas.graph.aggregate import Aggregation
    from circuit_atlas.queries.stored_edges import read_edges

    graph_set(database, names, tags)  # raises if one does not exist
    sources = aggregated_sources(database, names, tags)
    _check_sources(sources, name)
    graphs = [StoredGraph(database, row["graph"]["name"], {"graph": row["graph"], "logits": []}) for row in sources]
    aggregation = Aggregation(align, weight, max(graph.properties["n_pos"] for graph in graphs))
    from_start = len({row["first_token"] for row in sources}) == 1

    def read(graph: StoredGraph) -> tuple[SourceNodes, PackedEdges]:
        return _nodes(graph, align, from_start=from_start), read_edges(graph).edges

    bar = tqdm(total=len(graphs), desc=name, unit=" graphs", disable=None if database.progress else True)
    with bar, ThreadPoolExecutor(_READERS) as pool:
        for some in batches(graphs, _READ_AHEAD):
            for found in pool.map(read, some):
                aggregation.add(*found)
                bar.update()
    return aggregation.data(_metadata(sources, names, tags, name=name, align=align, weight=weight))


def _check_sources(sources: Rows, name: str) -> None:
    """Refuse graphs that cannot be aggregated."""
    if not sources:
        raise InvalidArgumentError(
            "no graph is left to aggregate: graphs with these tags are collapsed graphs or aggregates",
            fix="Name graphs, or another tag.",
        )
    made = [row["graph"]["name"] for row in sources if not row["is_original"]]
    if made:
        raise InvalidArgumentError(
            f"{made[0]!r} is itself a collapsed graph or an aggregate", where=name, fix="Name the graphs it is made of."
        )
    by_sets: dict[Sets, str] = {}
    for row in sources:
        graph = row["graph"]
        by_sets.setdefault(tuple(graph[field] for field in _SAME), graph["name"])
    if len(by_sets) > 1:
        shown = "; ".join(
            f"{graph}: {' / '.join(filter(None, sets))}" for sets, graph in list(by_sets.items())[:_SHOWN]
        )
        raise InvalidArgumentError(
            f"the graphs have {len(by_sets)} models or sets of transcoders, whose features are different: {shown}",
            where=name,
            fix="Aggregate the graphs of each separately.",
        )


def _nodes(graph: StoredGraph, align: str, *, from_start: bool) -> SourceNodes:
    import numpy as np

    from circuit_atlas.graph.aggregate import SourceNodes

    row = ask(graph.database, "aggregates.nodes", graph=graph.name, align=align, from_start=from_start)[0]
    activation, influence, probability, input_sum = np.array(row["numbers"], np.float64).reshape(-1, 4).T
    return SourceNodes(
        row["identities"],
        np.array(row["layers"], np.int64),
        np.array(row["indices"], np.int64),
        row["tokens"],
        activation,
        influence,
        probability,
        input_sum,
    )


def _metadata(sources: Rows, names: list[str], tags: list[str], *, name: str, align: str, weight: str) -> GraphMetadata:
    stored = sources[0]["graph"]
    return GraphMetadata(
        slug=name,
        prompt=f"{len(sources):,} graphs: {_listed(names, tags)}",
        tokens=[],
        n_pos=0 if align == "feature" else max(row["graph"]["n_pos"] for row in sources),
        source_format="aggregate",
        aggregated_names=names or None,
        aggregated_tags=tags or None,
        aggregated_graphs=len(sources),
        aggregated_align=align,
        aggregated_weight=weight,
        aggregated_state=aggregated_state(sources),
        **{field: stored[field] for field in (*_SAME, "n_layers", "scan", "vocab_size")},
    )


def _listed(names: list[str], tags: list[str]) -> str:
    shown = [*(f"tag {tag}" for tag in tags), *names]
    return ", ".join([*shown[:_SHOWN], *(["..."] if len(shown) > _SHOWN else [])])
