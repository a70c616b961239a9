"""Reads many graphs of the database, and adds them up: what aggregates and comparisons of many graphs are made of."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.aggregates import aggregated_sources
from circuit_atlas.queries.ask import ask, interruptible
from circuit_atlas.queries.graph_sets import doubled_notes, no_original
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.queries.one_answer import changed
from circuit_atlas.schema.batches import batches
from circuit_atlas.threads import in_order

if TYPE_CHECKING:
    from circuit_atlas.graph.many_graphs import SourceNodes, Targets
    from circuit_atlas.graph.packed import PackedEdges

_READERS, _READ_AHEAD = 4, 64  # parts
_TOGETHER, _SIZE_TOGETHER = 50, 100_000  # graphs that one statement reads, and their nodes and edges, at most
SAME = ("model", "source_set", "lorsa_source_set")  # what all graphs that are added up have in common
_SHOWN = 3  # names in a text
Sets = tuple[str | None, ...]
Add = Callable[["SourceNodes", "PackedEdges"], None]
R = TypeVar("R")


def add_graphs(database: Database, add: Add, sources: Rows, *, align: str, from_start: bool, title: str) -> None:
    """Add graphs up, in order; several are read at a time.

    Args:
        database: the database.
        add: adds a graph to others, or takes it out.
        sources: the graphs, rows of aggregates.sources.
        align: how nodes are aligned, see `compare`.
        from_start: whether a first token is counted from the start where positions are relative.
        title: what the progress bar is of.
    """

    def read(graphs: Sequence[StoredGraph]) -> list[tuple[SourceNodes, PackedEdges]]:
        return read_graphs(graphs, align, from_start=from_start)

    with closing(in_parts(database, sources, read, title=title)) as found:
        for row, (nodes, edges) in zip(sources, found, strict=True):
            try:
                add(nodes, edges)
            except InvalidArgumentError as error:
                error.where = error.where or row["graph"]["name"]
                raise


def each_graph(
    database: Database, sources: Rows, read: Callable[[StoredGraph], R], *, title: str
) -> Generator[R, None, None]:
    """As `in_parts`, but `read` gets one graph at a time."""
    return in_parts(database, sources, lambda graphs: [read(graph) for graph in graphs], title=title, most=1)


def in_parts(
    database: Database,
    sources: Rows,
    read: Callable[[Sequence[StoredGraph]], Sequence[R]],
    *,
    title: str,
    most: int = _TOGETHER,
) -> Generator[R, None, None]:
    """The results of reading each graph, in order. Small graphs are read together, and several parts at a time.

    Args:
        database: the database.
        sources: the graphs, rows of aggregates.sources.
        read: reads some graphs: what it returns has an item for each.
        title: what the progress bar is of.
        most: how many small graphs one call reads, at most.
    """
    graphs = [StoredGraph(database, row["graph"]["name"], {"graph": row["graph"], "logits": []}) for row in sources]
    bar = tqdm(total=len(graphs), desc=title, unit=" graphs", disable=None if database.progress else True)
    with bar:
        for some in batches(_parts(graphs, most), _READ_AHEAD):
            with interruptible(database):
                for part in in_order(read, some, _READERS):
                    for found in part:
                        yield found
                        bar.update()


def _parts(graphs: Iterable[StoredGraph], most: int) -> Iterator[list[StoredGraph]]:
    """Graphs that are read together, limited in number and in total size."""
    part: list[StoredGraph] = []
    size = 0
    for graph in graphs:
        own = graph.properties["nodes"] + graph.properties["edges"]
        if part and (len(part) == most or size + own > _SIZE_TOGETHER):
            yield part
            part, size = [], 0
        part.append(graph)
        size += own
    if part:
        yield part


def sources_of(database: Database, names: Sequence[str]) -> Rows:
    """Rows of aggregates.sources of the graphs of these names that exist, in the order of the names."""
    by_name = {row["graph"]["name"]: row for row in aggregated_sources(database, names, [])}
    return [by_name[name] for name in names if name in by_name]


def doubled_sources(sources: Rows) -> list[str]:
    """As `doubled_notes`, from rows of aggregates.sources."""
    return doubled_notes(contents_of(sources))


def contents_of(sources: Rows) -> Rows:
    """Name and content of graphs as in rows of `set_rows`, from rows of aggregates.sources."""
    return [{"graph": row["graph"]["name"], "content": row["graph"]["content_hash"]} for row in sources]


def target_notes(targets: Targets) -> list[str]:
    """Notes on graphs without a most probable logit, which is the target of an answer about effects."""
    notes = []
    if targets.without_logits:
        notes.append(f"Graphs without logits, which have no effect on the target: {targets.without_logits:,}.")
    if targets.without_probabilities:
        notes.append(
            "Graphs whose logits have no probabilities, so that the first counts as the target: "
            f"{targets.without_probabilities:,}."
        )
    return notes


def same_start(sources: Rows) -> bool:
    """Whether all graphs, rows of aggregates.sources, have the same first token; not if it is unknown."""
    first = {row["first_token"] for row in sources}
    return len(first) == 1 and None not in first


def check_sources(sources: Rows, name: str) -> None:
    """Refuse graphs that cannot be added up.

    Args:
        sources: the graphs, rows of aggregates.sources.
        name: what they would become, for the error.

    Raises:
        InvalidArgumentError: there is none, one is a collapsed graph or an aggregate, or they have different models or
            sets of transcoders.
    """
    if not sources:
        raise no_original()
    made = [row["graph"]["name"] for row in sources if not row["is_original"]]
    if made:
        raise InvalidArgumentError(
            f"{made[0]!r} is itself a collapsed graph or an aggregate", where=name, fix="Name the graphs it is made of."
        )
    by_sets: dict[Sets, str] = {}
    for row in sources:
        graph = row["graph"]
        by_sets.setdefault(tuple(graph[field] for field in SAME), graph["name"])
    if len(by_sets) > 1:
        shown = "; ".join(
            f"{graph}: {' / '.join(filter(None, sets))}" for sets, graph in list(by_sets.items())[:_SHOWN]
        )
        raise InvalidArgumentError(
            f"the graphs have {len(by_sets)} models or sets of transcoders, whose features are different: {shown}",
            where=name,
            fix="Take the graphs of each separately.",
        )


def read_graphs(
    graphs: Sequence[StoredGraph], align: str, *, from_start: bool
) -> list[tuple[SourceNodes, PackedEdges]]:
    """The nodes and edges of each graph; see `read_nodes` and `read_edges_of`."""
    from circuit_atlas.queries.stored_edges import read_edges_of

    found = zip(read_nodes(graphs, align, from_start=from_start), read_edges_of(graphs), strict=True)
    return [(nodes, stored.edges) for nodes, stored in found]


def read_nodes(
    graphs: Sequence[StoredGraph], align: str, *, from_start: bool = False, prefix: str = ""
) -> list[SourceNodes]:
    """The nodes of each graph, and what each is aligned by; see `add_graphs`.

    Args:
        graphs: the graphs.
        align: see `compare`.
        from_start: see `add_graphs`.
        prefix: only nodes whose keys start with this.

    Raises:
        GraphChangedError: one of the graphs was deleted.
    """
    import numpy as np

    from circuit_atlas.graph.many_graphs import SourceNodes

    how: dict[str, Any] = {"align": align, "from_start": from_start, "prefix": prefix}
    rows = ask(graphs[0].database, "aggregates.nodes", graphs=[graph.name for graph in graphs], **how)
    by_name = {row["graph"]: row for row in rows}
    for graph in graphs:
        if graph.name not in by_name:
            raise changed(graph.name)
    return [
        SourceNodes(
            row["identities"],
            np.array(row["layers"], np.int64),
            np.array(row["indices"], np.int64),
            row["tokens"],
            np.array(row["activations"], np.float64),
            np.array(row["influences"], np.float64),
            np.array(row["probabilities"], np.float64),
            np.array(row["input_sums"], np.float64),
        )
        for row in (by_name[graph.name] for graph in graphs)
    ]
