"""QK pairs: how nodes add to the score of an attention feature, as OpenMOSS traces it.

A lorsa node of such a file has `qk_tracing_results`:

    pair_wise_contributors       [query node, key node, value]: both together
    top_q_marginal_contributors  [query node, value]: a node at the query's position, with all partners together
    top_k_marginal_contributors  [key node, value]: the same at the key's position

Nodes are named by `node_id`. Those that pruning removed from the graph stand in the file's `qk_only_nodes`. All of it
is kept in `NodeColumns.extra` and `GraphMetadata.file_extra` as the file has it; this module reads it from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from circuit_atlas.graph.data import NodeColumns
from circuit_atlas.graph.numbers import as_float

_RESULTS, _ONLY = "qk_tracing_results", "qk_only_nodes"
_PAIRS = "pair_wise_contributors"
_MARGINALS = {"query": "top_q_marginal_contributors", "key": "top_k_marginal_contributors"}
_QUICK = f'"{_RESULTS}"'  # what the text of `extra` contains if it has results


class QkPair(NamedTuple):
    """How much a query and a key add to the score of an attention feature; the place is that in its list of pairs.

    Nodes are ordinals; n + i, of a graph of n nodes, is entry i of `QkTracing.only`.
    """

    attention: int
    query: int
    key: int
    value: float
    place: int


class QkMarginal(NamedTuple):
    """How much a node adds at one side, `query` or `key`; nodes as in `QkPair`."""

    attention: int
    node: int
    side: str
    value: float
    place: int


@dataclass(frozen=True)
class QkTracing:
    """The QK pairs of a graph. `only` are nodes that they name and the graph does not have, as the file has them;
    `lost` counts entries that name no node, whose value is not a number, or that are duplicates."""

    only: list[dict[str, Any]]
    pairs: list[QkPair]
    marginals: list[QkMarginal]
    lost: int


def read_qk(nodes: NodeColumns, file_extra: Mapping[str, Any]) -> QkTracing:
    """The QK pairs of a graph.

    Args:
        nodes: the graph's nodes.
        file_extra: the file's further top-level fields.
    """
    extras = [(i, json.loads(text)) for i, text in enumerate(nodes.extra) if text and _QUICK in text]
    traced = [(i, extra[_RESULTS]) for i, extra in extras if _RESULTS in extra]  # the text may be a value, or deeper
    if not traced:
        return QkTracing([], [], [], 0)
    only = _only_nodes(file_extra)
    place = {str(name): i for i, name in enumerate(nodes.source_id)}
    for i, node in enumerate(only):
        place.setdefault(node["node_id"], len(nodes) + i)
    pairs, marginals, lost = [], [], 0
    seen: set[tuple[int | str, ...]] = set()
    for attention, results in traced:
        for i, entry in enumerate(_entries(results, _PAIRS)):
            match entry:
                case [str(query), str(key), given] if (
                    query in place
                    and key in place
                    and (value := as_float(given)) is not None
                    and (pair := (attention, place[query], place[key])) not in seen
                ):
                    seen.add(pair)
                    pairs.append(QkPair(*pair, value, i))
                case _:
                    lost += 1
        for side, name in _MARGINALS.items():
            for i, entry in enumerate(_entries(results, name)):
                match entry:
                    case [str(node_id), given] if (
                        node_id in place
                        and (value := as_float(given)) is not None
                        and (one := (attention, place[node_id], side)) not in seen
                    ):
                        seen.add(one)
                        marginals.append(QkMarginal(*one, value, i))
                    case _:
                        lost += 1
    return QkTracing(only, pairs, marginals, lost)


def qk_warnings(nodes: NodeColumns, file_extra: Mapping[str, Any]) -> list[str]:
    """A warning if entries of QK pairs are not understood."""
    lost = read_qk(nodes, file_extra).lost
    if not lost:
        return []
    entries = "entry" if lost == 1 else "entries"
    return [
        f"{lost:,} {entries} of `{_RESULTS}` name no node of the file, or have no value, or are there twice: "
        "they are not stored"
    ]


def _entries(results: Any, name: str) -> Iterator[Any]:
    entries = results.get(name) if isinstance(results, dict) else None
    yield from entries if isinstance(entries, list) else ()


def _only_nodes(file_extra: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The nodes that only QK pairs name, each with its id."""
    given = file_extra.get(_ONLY)
    nodes = given.items() if isinstance(given, dict) else ()
    return [{**node, "node_id": str(name)} for name, node in nodes if isinstance(node, dict)]
