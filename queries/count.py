"""The number of paths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.path_notes import notes_on_count, notes_on_restrictions
from circuit_atlas.queries.path_results import PathCounts
from circuit_atlas.queries.path_search import PathSearch, path_search, target_nodes
from circuit_atlas.queries.stored_tables import COUNTS, has_tables
from circuit_atlas.schema.limits import DEFAULT_HOPS


@graph_query
def count_paths(
    graph: StoredGraph,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
    min_hops: int = 1,
    hops: int | None = None,
    sign: str = "any",
    kinds: Iterable[str] = (),
    layers: Iterable[int] = (),
    positions: Iterable[int] = (),
    avoid: Sequence[str] = (),
    must_pass: Sequence[str] = (),
    must_pass_any: Sequence[str] = (),
    min_weight: float = 0.0,
    circuit: str | None = None,
) -> PathCounts:
    """The exact number of paths by number of hops, from `min_hops` to `max_hops`; arguments as in `search_paths`.

    Raises:
        InvalidArgumentError: an argument is out of range; the graph has no tokens or logits to default to, or a cycle
            and too many paths to enumerate; or a node to pass is excluded by the other restrictions.
        CircuitNotFoundError: the graph has no such circuit.
        NodeNotFoundError, AmbiguousNodeError, GraphNotFoundError: see `resolve`.
    """
    search = path_search(
        graph,
        sources=sources,
        max_hops=max_hops,
        min_hops=min_hops,
        hops=hops,
        sign=sign,
        kinds=kinds,
        layers=layers,
        positions=positions,
        avoid=avoid,
        must_pass=must_pass,
        must_pass_any=must_pass_any,
        min_weight=min_weight,
        circuit=circuit,
    )
    ends = target_nodes(graph, targets, avoid=search.avoid)
    found, longest = count_found(graph, search, ends)
    notes = notes_on_count(graph, search, ends, (sources, targets), found, longest, stops=hops is None)
    notes += notes_on_restrictions(graph, search)
    return found.model_copy(update={"notes": notes})


def count_found(graph: StoredGraph, search: PathSearch, targets: list[str]) -> tuple[PathCounts, int | None]:
    """The number of paths that a search means, see `count_paths`; and the most hops, at most MAX_HOPS, of any path from
    tokens, if the stored counts show it."""
    longest = None
    from_tokens = search.sources is None and not search.is_restricted
    if graph.properties["acyclic"] and from_tokens and has_tables(graph, COUNTS):
        rows = ask(
            graph.database, "paths.count", graph=graph.name, sources=[], targets=targets, max_hops=search.max_hops
        )
        counts = [int(row["paths"]) for row in rows]
        longest = max((row["longest"] or 0 for row in rows), default=0)
    else:
        from circuit_atlas.queries.path_arrays import count_in_arrays
        from circuit_atlas.queries.stored_arrays import read_arrays

        counts = count_in_arrays(read_arrays(graph), search, targets)
    by_hops = {hops: number for hops, number in enumerate(counts, 1) if hops >= search.min_hops}
    named = {str(hops): number for hops, number in by_hops.items()}
    return PathCounts(graph=graph.name, counts=named, total=sum(by_hops.values())), longest
