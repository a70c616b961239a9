"""Notes on answers about paths: why there is none, or what is left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from circuit_atlas.errors import AmbiguousNodeError, NodeNotFoundError
from circuit_atlas.printable import first_of
from circuit_atlas.queries.addresses import resolve
from circuit_atlas.queries.group_notes import notes_on_groups
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_HOPS

if TYPE_CHECKING:
    from circuit_atlas.queries.contrast_results import Contrast
    from circuit_atlas.queries.graphs import StoredGraph
    from circuit_atlas.queries.path_results import PathCounts
    from circuit_atlas.queries.path_search import PathSearch

FEATURE = re.compile(r"(?:feature:)?(\d+/(?:lorsa/)?\d+)")  # without a position: all of its activations
Ends = tuple[Sequence[str], Sequence[str]]  # addresses of sources and of targets, as they were given


def why_none(graph: StoredGraph, search: PathSearch, targets: list[str], asked: Ends) -> str:
    """A sentence that says why no path was found.

    Args:
        graph: the graph.
        search: the search that found none.
        targets: keys of the nodes where paths end.
        asked: the addresses that were given for sources and targets.
    """
    hops = _lengths(graph, search.sources, targets, search.contrast)
    start = _named(asked[0], search.sources or []) or "any token"
    end = search.contrast.node.name if search.contrast else _named(asked[1], targets)
    if not hops:
        return _why_unconnected(graph, start, end, asked if search.contrast is None else ((), ()))
    is_exact = search.min_hops == search.max_hops
    if hops[0] > search.max_hops:
        asked_for = f", not {search.max_hops}" if is_exact else f"; --max-hops is {search.max_hops}"
        return f"The shortest path from {start} to {end} has {hops[0]} hops{asked_for}."
    if hops[-1] < search.min_hops:
        asked_for = f", not {search.min_hops}" if is_exact else f"; --min-hops is {search.min_hops}"
        return f"The longest path from {start} to {end} has {hops[-1]} hops{asked_for}."
    if search.is_restricted:
        restrictions = ", ".join(search.restrictions)
        return f"Paths lead from {start} to {end}, but none of {_hops(search)} meets the restrictions ({restrictions})."
    return f"No path from {start} to {end} has {_hops(search)}."


def _hops(search: PathSearch) -> str:
    """The numbers of hops that a search allows, in words."""
    least, most = search.min_hops, search.max_hops
    return f"{most} hop{'s' * (most > 1)}" if least == most else f"{least} to {most} hops"


def _why_unconnected(graph: StoredGraph, start: str, end: str, asked: Ends) -> str:
    """A sentence that says that nothing leads from `start` to `end`, and whether paths lead the other way."""
    none = f"No path of at most {MAX_HOPS} hops leads from {start} to {end}."
    if not all(asked):
        return none
    try:
        back = [
            [resolve(graph, address, prefer=kind).key for address in ends]
            for ends, kind in ((asked[1], Kind.TOKEN), (asked[0], Kind.LOGIT))
        ]
    except (NodeNotFoundError, AmbiguousNodeError):
        return none
    if not _lengths(graph, back[0], back[1]):
        return none
    start, end = _named(asked[1], back[0]), _named(asked[0], back[1])
    return f"{none} Paths lead from {start} to {end}: swap --from and --to."


def notes_on_count(
    graph: StoredGraph,
    search: PathSearch,
    targets: list[str],
    asked: Ends,
    counted: PathCounts,
    longest: int | None,
    *,
    stops: bool,
) -> list[str]:
    """Notes on a count of paths: why there are none, or that longer paths are not counted.

    Args:
        graph: the graph.
        search: the search whose paths were counted.
        targets: see `why_none`.
        asked: see `why_none`.
        counted: the counts.
        longest: the most hops, at most MAX_HOPS, of any path, 0 if there is none; None if that is not known.
        stops: whether longer paths were left out without being asked to; with an exact number of hops they were not.
    """
    if not counted.total:
        return [why_none(graph, search, targets, asked)]
    last = search.max_hops
    if not stops:
        return []
    if last == MAX_HOPS:
        return [f"Paths of more than {last} hops are not counted."] if counted.counts[str(last)] else []
    if longest is None:
        longest = max(_lengths(graph, search.sources, targets), default=0)
    if longest <= last:
        return []
    if search.is_restricted:  # the longer ones may all be left out
        return [f"Paths of more than {last} hops are not counted (--max-hops)."]
    longest_known = f"up to {longest} hops" if longest < MAX_HOPS else f"{MAX_HOPS} hops and perhaps more"
    return [f"Longer paths exist, of {longest_known}; those of more than {last} are not counted (--max-hops)."]


def notes_on_restrictions(graph: StoredGraph, search: PathSearch) -> list[str]:
    """Notes that restrictions of a search do not look into the supernodes of a collapsed graph."""
    restrictions = {"layer": search.layers, "position": search.positions, "kind": search.kinds}
    features = [found[1] for address in search.named if (found := FEATURE.fullmatch(address))]
    return notes_on_groups(graph, [name for name, values in restrictions.items() if values], features)


def _lengths(
    graph: StoredGraph, sources: list[str] | None, targets: list[str], contrast: Contrast | None = None
) -> list[int]:
    """The numbers of hops, 1 to MAX_HOPS, of which a path, or around a cycle a walk, leads from sources to targets."""
    from circuit_atlas.graph.bounds import best_values, semiring, token_starts
    from circuit_atlas.queries.stored_arrays import read_arrays

    columns, rules = read_arrays(graph, contrast=contrast), semiring("sum", 1)
    starts = token_starts(columns.is_start(sources), rules)
    best = best_values(columns.edges, starts, rules, input_sums=columns.input_sum)
    at_ends = best[1:, [columns.ordinal[key] for key in targets]].max(axis=1).tolist()
    return [hops for hops, value in enumerate(at_ends, 1) if value > float("-inf")]


def _named(addresses: Sequence[str], keys: Sequence[str]) -> str:
    """The nodes of some addresses, or of some keys, in words."""
    pairs = zip(addresses, keys, strict=True) if addresses else ((key, key) for key in keys)
    return any_of([address if address == key else f"{address} ({key})" for address, key in pairs])


def any_of(names: Sequence[str]) -> str:
    """One of some nodes, in words."""
    if len(names) > 1:
        return f"any of {first_of(names, 5)}"
    return "".join(names)
