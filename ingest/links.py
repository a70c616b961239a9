"""Links of a JSON graph: from `node_id` to ordinals, even if one id stands for two nodes.

Until 2026-07, feature 2 of layer 0 and the error of layer 2 had the same id at the same position. Two facts tell them
apart: links are written row by row of the matrix (by target, then by source, in the order of `nodes`), and errors and
tokens have no incoming effects.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from circuit_atlas.errors import InputError
from circuit_atlas.graph.data import KINDS, ArrayEdges, EdgeExtra, Float64, NodeColumns
from circuit_atlas.graph.link_order import packed_order
from circuit_atlas.graph.numbers import as_float
from circuit_atlas.ingest.faults import refuse
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_WEIGHT

ZeroLink = tuple[int, int, dict[str, Any]]  # ordinals of target and source, further fields
_FIELDS = ("source", "target", "weight")
_MAX_SAME_ID = 8  # nodes: the work for a link grows with their number, and no known program writes more than 3
_NO_INPUTS = (Kind.ERROR, Kind.TOKEN, Kind.BIAS)


class Links(NamedTuple):
    """The links of a file: those of weight other than 0 as edges in order of (target, source), those of weight 0,
    further fields of edges, and warnings. `order` is None if an export gives them in the file's order anyway, else for
    each link of the file its place among the edges and then the links of weight 0, see `graph/link_order.py`."""

    edges: ArrayEdges
    zeros: list[ZeroLink]
    extras: tuple[EdgeExtra, ...]
    warnings: list[str]
    order: str | None


def read_links(links: list[dict[str, Any]], nodes: NodeColumns, path: Path) -> Links:
    """Read the links of a graph file.

    Args:
        links: the file's `links`.
        nodes: its nodes, in the file's order.
        path: the file, for messages.

    Raises:
        InputError: a link refers to no node, occurs twice, or its weight is not a number of at most 1e300; or one
            id stands for too many nodes.
    """
    by_id: dict[str, list[int]] = defaultdict(list)
    for i, source_id in enumerate(nodes.source_id):
        by_id[str(source_id)].append(i)
    weight = _weights(links, path)
    target, source, warnings = _endpoints(links, by_id, nodes, path)
    kept = weight != 0.0
    by_row = np.lexsort((source[kept], target[kept]))
    edges = ArrayEdges(target[kept][by_row], source[kept][by_row], weight[kept][by_row])
    _check_duplicates(edges, nodes, path)
    extras = [
        EdgeExtra(int(target[i]), int(source[i]), json.dumps(_rest(link), ensure_ascii=False))
        for i, link in enumerate(links)
        if len(link) > len(_FIELDS) and kept[i]
    ]
    zeros = [(int(target[i]), int(source[i]), _rest(links[i])) for i in np.flatnonzero(~kept).tolist()]
    written = np.concatenate([np.flatnonzero(kept)[by_row], np.flatnonzero(~kept)])
    order, unkept = packed_order(written)
    return Links(edges, zeros, tuple(sorted(extras)), warnings + unkept, order)


def _rest(link: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in link.items() if name not in _FIELDS}


def _weights(links: list[dict[str, Any]], path: Path) -> Float64:
    values = [link.get("weight") for link in links]
    if all(type(value) is float for value in values):  # the usual case, without a Python call for each
        weight = np.array(values, np.float64)
        if (np.abs(weight) <= MAX_WEIGHT).all():
            return weight
    numbers = [as_float(value) for value in values]
    wrong = [i for i, number in enumerate(numbers) if number is None]
    if wrong:
        what = f"`weight` is not a finite number: {values[wrong[0]]!r:.40}"
        raise refuse(what, path, "links", wrong, "Run the attribution again, or remove the link.")
    weight = np.array(numbers, np.float64)
    if large := np.flatnonzero(np.abs(weight) > MAX_WEIGHT).tolist():
        what = f"`weight` is {weight[large[0]]:g}; its size is more than {MAX_WEIGHT:g}"
        raise refuse(what, path, "links", large, "Run the attribution again, or remove the link.")
    return weight


def _endpoints(
    links: list[dict[str, Any]], by_id: dict[str, list[int]], nodes: NodeColumns, path: Path
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    if len(by_id) == len(nodes):  # the usual case: every id stands for one node
        ordinals = {name: candidates[0] for name, candidates in by_id.items()}
        try:
            ends = [[ordinals[link[end]] for link in links] for end in ("target", "source")]
            return np.array(ends[0], np.int32), np.array(ends[1], np.int32), []
        except (KeyError, TypeError):
            pass  # the code below finds the bad link and reports it
    crowded = [i for i, source_id in enumerate(nodes.source_id) if len(by_id[str(source_id)]) > _MAX_SAME_ID]
    if crowded:
        what = f"more than {_MAX_SAME_ID} nodes have the `node_id` {nodes.source_id[crowded[0]]!r:.60}"
        raise refuse(what, path, "nodes", crowded, "Give every node an id of its own, which its links name.")
    targets, sources = (_candidates(links, end, by_id, path) for end in ("target", "source"))
    # Of two nodes, the target is the one that can have inputs. That settles the rows, and their order settles sources.
    target = np.fromiter((_receiver(candidates, nodes) for candidates in targets), np.int32, len(links))
    is_in_order, guesses = _is_in_order(target, sources), 0
    source = np.empty(len(links), np.int32)
    for i, candidates in enumerate(sources):
        source[i] = candidates[0]
        if len(candidates) > 1:
            fitting = _fitting(candidates, i, target, source, sources)
            source[i] = fitting[0]
            guesses += len(fitting) > 1 or not is_in_order
    links_come = "1 link comes" if guesses == 1 else f"{guesses:,} links come"
    warning = f"{links_come} from an id that two nodes have, and the order of links does not show from which"
    return target, source, [warning] if guesses else []


def _is_in_order(target: np.ndarray, sources: list[list[int]]) -> bool:
    """Whether a file has its links row by row, as far as links of one possible source show."""
    first = np.array([candidates[0] for candidates in sources], np.int64)
    is_known = np.array([len(candidates) == 1 for candidates in sources], np.bool_)
    in_one_row = (target[1:] == target[:-1]) & is_known[1:] & is_known[:-1]
    return bool((np.diff(target) >= 0).all() and (np.diff(first)[in_one_row] > 0).all())


def _candidates(links: list[dict[str, Any]], end: str, by_id: dict[str, list[int]], path: Path) -> list[list[int]]:
    """The nodes that may be meant as the target or source of each link."""
    names: list[Any] = [link.get(end) for link in links]
    wrong = [i for i, name in enumerate(names) if not isinstance(name, str) or name not in by_id]
    if wrong:
        what = f"`{end}` {names[wrong[0]]!r:.60} is not the `node_id` of any node"
        fix = "The file is incomplete or damaged: export the graph again, or remove the link."
        raise refuse(what, path, "links", wrong, fix)
    return [by_id[name] for name in names]


def _receiver(candidates: list[int], nodes: NodeColumns) -> int:
    """The candidate that can have inputs."""
    for i in candidates:
        if KINDS[nodes.kind[i]] not in _NO_INPUTS:
            return i
    return candidates[0]


def _fitting(
    candidates: list[int], i: int, target: np.ndarray, source: np.ndarray, sources: list[list[int]]
) -> list[int]:
    """The candidates with which the sources of the row ascend; all candidates if there is none."""
    before = source[i - 1] if i > 0 and target[i - 1] == target[i] else -1
    same_row = i + 1 < len(sources) and target[i + 1] == target[i]
    after = max(sources[i + 1]) if same_row else np.inf
    return [candidate for candidate in candidates if before < candidate < after] or candidates


def _check_duplicates(edges: ArrayEdges, nodes: NodeColumns, path: Path) -> None:
    double = (np.diff(edges.target) == 0) & (np.diff(edges.source) == 0)
    if double.any():
        i = int(np.argmax(double))
        others = int(np.count_nonzero(double)) - 1
        raise InputError(
            f"two links from {nodes.key(edges.source[i])} to {nodes.key(edges.target[i])}"
            + (f", and {others:,} more such pairs of links" if others else ""),
            where=str(path),
            fix="A direct effect is one number: remove one of the links.",
        )
