"""What is said about an answer about paths: why there is none, or what it leaves out; and restrictions that contradict
each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from circuit_atlas.errors import AmbiguousNodeError, InvalidArgumentError, NodeNotFoundError
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.nodes import resolve
from circuit_atlas.queries.stored_tables import COUNTS, has_tables
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_HOPS

if TYPE_CHECKING:
    from circuit_atlas.graph.data import Bool
    from circuit_atlas.queries.graphs import StoredGraph
    from circuit_atlas.queries.path_search import PathSearch
    from circuit_atlas.queries.stored_arrays import StoredArrays

Ends = tuple[Sequence[str], Sequence[str]]  # addresses of sources and of targets, as they were given


def check_must_pass(columns: StoredArrays, search: PathSearch, passable: Bool, targets: Sequence[str]) -> None:
    """Refuse a node to pass that the other restrictions exclude. They are about nodes between the ends, so a node where
    paths may begin or end is not refused.

    Args:
        columns: the graph of n nodes.
        search: the search.
        passable: bool (n,): the nodes that a path may pass between its ends.
        targets: keys of the nodes where paths end.

    Raises:
        InvalidArgumentError: there is such a node.
    """
    is_end = columns.is_start(search.sources)
    is_end[[columns.ordinal[key] for key in targets]] = True
    for key in search.must_pass:
        at = columns.ordinal[key]
        if not passable[at] and not is_end[at]:
            why = (
                "is to be avoided, too" if key in search.avoid else "is not of the kinds, layers and positions allowed"
            )
            raise InvalidArgumentError(
                f"no path can pass {key}: it must be passed, and {why}",
                fix="Leave it out of the nodes to pass (--must-pass), or allow it.",
            )


def why_none(
    graph: StoredGraph, sources: list[str] | None, targets: list[str], max_hops: int, asked: Ends, *, restricted: bool
) -> str:
    """A sentence that says why no path was found.

    Args:
        graph: the graph.
        sources: keys of the nodes where paths begin; None for all tokens.
        targets: keys of the nodes where paths end.
        max_hops: most edges of the paths that were asked for.
        asked: the addresses that were given for sources and targets.
        restricted: whether paths had other restrictions.
    """
    hops = _lengths(graph, sources, targets)
    start, end = _named(asked[0], sources or []) or "any token", _named(asked[1], targets)
    if hops and hops[0] > max_hops:
        return f"The shortest path from {start} to {end} has {hops[0]} hops; --max-hops is {max_hops}."
    if hops and restricted:
        return f"Paths lead from {start} to {end}, but none meets all restrictions."
    none = f"No path of at most {MAX_HOPS} hops leads from {start} to {end}."
    if not all(asked):
        return none
    try:
        back = [[resolve(graph, address, prefer=kind).key for address in ends] for ends, kind in _swapped(asked)]
    except (NodeNotFoundError, AmbiguousNodeError):
        return none
    hops = _lengths(graph, back[0], back[1])
    if not hops:
        return none
    start, end = _named(asked[1], back[0]), _named(asked[0], back[1])
    return f"{none} Paths lead from {start} to {end}: swap --from and --to."


def _swapped(asked: Ends) -> list[tuple[Sequence[str], Kind]]:
    return [(asked[1], Kind.TOKEN), (asked[0], Kind.LOGIT)]


def longer_paths(
    graph: StoredGraph, sources: list[str] | None, targets: list[str], max_hops: int, asked: Ends, counts: list[int]
) -> list[str]:
    """Notes on a count of paths: why there are none, or that longer paths are not counted.

    Args:
        graph: the graph.
        sources: see `why_none`.
        targets: see `why_none`.
        max_hops: see `why_none`.
        asked: see `why_none`.
        counts: the number of paths of 1 to `max_hops` hops.
    """
    if not any(counts):
        return [why_none(graph, sources, targets, max_hops, asked, restricted=False)]
    if max_hops == MAX_HOPS:
        return [f"Paths of more than {MAX_HOPS} hops are not counted."] if counts[-1] else []
    if sources is None and graph.properties["acyclic"] and has_tables(graph, COUNTS):
        rows = ask(graph.database, "paths.count", graph=graph.name, sources=[], targets=targets, max_hops=MAX_HOPS)
        hops = [row["hops"] for row in rows if row["paths"] != "0"]
    else:
        hops = _lengths(graph, sources, targets)
    longest = max(hops, default=0)
    if longest <= max_hops:
        return []
    longest_known = f"up to {longest} hops" if longest < MAX_HOPS else f"{MAX_HOPS} hops and perhaps more"
    return [f"Longer paths exist, of {longest_known}; those of more than {max_hops} are not counted (--max-hops)."]


def _lengths(graph: StoredGraph, sources: list[str] | None, targets: list[str]) -> list[int]:
    """The numbers of hops, 1 to MAX_HOPS, of which a path, or around a cycle a walk, leads from sources to targets."""
    from circuit_atlas.graph.bounds import best_values, semiring, token_starts
    from circuit_atlas.queries.stored_arrays import read_arrays

    columns, rules = read_arrays(graph), semiring("sum", 1)
    starts = token_starts(columns.is_start(sources), rules)
    best = best_values(columns.edges, starts, rules, input_sums=columns.input_sum)
    at_ends = best[1:, [columns.ordinal[key] for key in targets]].max(axis=1).tolist()
    return [hops for hops, value in enumerate(at_ends, 1) if value > float("-inf")]


def _named(addresses: Sequence[str], keys: Sequence[str]) -> str:
    """The nodes of some addresses, or of some keys, in words."""
    pairs = zip(addresses, keys, strict=True) if addresses else ((key, key) for key in keys)
    names = [address if address == key else f"{address} ({key})" for address, key in pairs]
    if len(names) > 1:
        return f"any of {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
    return "".join(names)
