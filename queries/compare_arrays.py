"""Aligns the nodes and direct effects of two graphs as columns: the numbers of compare.similarity and compare.edges,
for graphs of any size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.database import Database
from circuit_atlas.graph.data import Bool, Float64, Int64
from circuit_atlas.graph.packed import THREADS, PackedEdges, largest, spans
from circuit_atlas.graph.ranges import places_of
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.circuit_arrays import Within
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.queries.stored_arrays import read_arrays
from circuit_atlas.queries.stored_edges import read_edges
from circuit_atlas.schema.keys import TARGET
from circuit_atlas.schema.limits import STATUSES
from circuit_atlas.threads import in_order

if TYPE_CHECKING:
    from circuit_atlas.queries.contrast_results import Contrast

_EDGES_PER_BLOCK = 1 << 18  # whose arrays fit into a processor's cache
_Columns = tuple[npt.NDArray[Any], ...]  # places of targets and of sources, and weights in each graph, (m,)
Overlapping = dict[str, float]  # the fields of `Overlap` but `what` and `similarity`


class Aligned(NamedTuple):
    """Aligned nodes or direct effects: which graph has each, bool (m,), and its weights there, float64 (m,), 0 where
    there is none."""

    in_a: Bool
    in_b: Bool
    weight_a: Float64
    weight_b: Float64

    def of(self, status: str) -> Bool:
        """Which are `shared`, `only_a` or `only_b`, bool (m,)."""
        return {"shared": self.in_a & self.in_b, "only_a": ~self.in_b, "only_b": ~self.in_a}[status]

    def overlap(self) -> Overlapping:
        """How many both have, and how many only one; sums of the smaller and of the larger weight of each. A weight of
        another sign in the other graph counts as two."""
        a, b = np.abs(self.weight_a), np.abs(self.weight_b)
        agree = np.sign(self.weight_a) * np.sign(self.weight_b) >= 0
        return {
            **{status: int(np.count_nonzero(self.of(status))) for status in STATUSES},
            "smaller": float(np.minimum(a, b)[agree].sum()),
            "larger": float(np.where(agree, np.maximum(a, b), a + b).sum()),
        }


@dataclass(frozen=True)
class Side:
    """One of two aligned graphs, of n nodes, with a contrast as the last if there is one. `identity`, int64 (n,), are
    places in the sorted list of all identities. `kept`, bool (n,), are the nodes that count; None for all."""

    graph: StoredGraph
    identity: Int64
    influence: Float64
    kept: Bool | None = None
    contrast: Contrast | None = None

    @cached_property
    def edges(self) -> PackedEdges:
        """The direct effects between nodes that count: edges of n nodes, with the ordinals of the whole graph."""
        stored = read_edges(self.graph) if self.contrast is None else read_arrays(self.graph, contrast=self.contrast)
        return stored.edges if self.kept is None else stored.edges.among(self.kept)

    @cached_property
    def counted(self) -> Int64:
        """Ordinals of the nodes that count, int64 (c,), ascending."""
        return np.arange(len(self.identity)) if self.kept is None else np.flatnonzero(self.kept)

    @cached_property
    def by_identity(self) -> Int64:
        """Ordinals of all nodes, int64 (n,), in order of identity, then ordinal."""
        return np.argsort(self.identity, kind="stable")

    def nodes(self, first: int, stop: int) -> Int64:
        """Ordinals of the nodes with identities from `first` to `stop`, which is not included, int64 (k,), in order of
        identity, then ordinal."""
        begin, end = np.searchsorted(self.identity[self.by_identity], [first, stop])
        return self.by_identity[begin:end]

    def inputs(self, nodes: Int64) -> tuple[Int64, npt.NDArray[Any], npt.NDArray[Any]]:
        """Ordinals of target and source, and weights, (e,) each, of all direct effects on the nodes with ordinals
        `nodes`, int64 (k,), in their order."""
        counts = self.edges.inputs[nodes]
        places = places_of(self.edges.start[nodes], counts)
        return np.repeat(nodes, counts), self.edges.source[places], self.edges.weight[places]


@dataclass(frozen=True)
class ComparedGraph:
    """The compared part of a graph. `contrast` becomes one node more. `within` is the circuit that alone counts; None
    for the whole graph. `influences`, by ordinal, are what flows through each node; None for the stored influence."""

    graph: StoredGraph
    contrast: Contrast | None
    within: Within | None
    influences: list[float] | None

    @property
    def added(self) -> list[str]:
        """The identity of the node that is added, if there is one."""
        return [TARGET] if self.contrast else []

    def side(self, row: dict[str, Any], place: dict[str, int]) -> Side:
        """This graph, aligned.

        Args:
            row: identities and stored influences of its nodes, a row of compare.identities; empty if it has no nodes.
            place: places of identities in the sorted list of all.
        """
        return Side(
            self.graph,
            np.array([place[text] for text in [*row.get("identities", []), *self.added]], np.int64),
            np.array([*(self.influences or row.get("influences", [])), *(0.0 for _ in self.added)]),
            self.within.nodes if self.within else None,
            self.contrast,
        )


class Effect(NamedTuple):
    """An aligned direct effect: places of target and source in the list of identities, and its weights."""

    target: int
    source: int
    weight_a: float
    weight_b: float


class Alignment:
    """Two graphs, a and b, with the same identities.

    Args:
        database: the database.
        a: one graph.
        b: the other.
        align: see `compare`.
    """

    def __init__(self, database: Database, a: ComparedGraph, b: ComparedGraph, align: str) -> None:
        rows = ask(database, "compare.identities", a=a.graph.name, b=b.graph.name, align=align)
        found = {row["number"]: row for row in rows}
        both = [(one, found.get(number, {})) for number, one in enumerate((a, b))]
        self.identities: list[str] = sorted(
            {text for one, row in both for text in (*row.get("identities", []), *one.added)}
        )
        place = {text: i for i, text in enumerate(self.identities)}
        self.sides = [one.side(row, place) for one, row in both]

    def node_overlaps(self) -> dict[str, Overlapping]:
        """See `Aligned.overlap`, by kind of stored nodes, weighted by influence."""
        n = len(self.identities)
        counts = [np.bincount(side.identity[side.counted], minlength=n) for side in self.sides]
        weights = [
            np.bincount(side.identity[side.counted], side.influence[side.counted], n).astype(np.float64)
            for side in self.sides
        ]
        kinds = np.array([text.partition(":")[0] for text in self.identities])
        is_counted = counts[0] + counts[1] > 0
        return {
            str(kind): Aligned(counts[0][at] > 0, counts[1][at] > 0, weights[0][at], weights[1][at]).overlap()
            for kind in np.unique(kinds[is_counted & (kinds != TARGET)])
            for at in [np.flatnonzero(is_counted & (kinds == kind))]
        }

    def effects(self, k: int) -> tuple[Overlapping | None, dict[str, list[Effect]]]:
        """How the direct effects overlap, None if there are none; and for each status, the k whose weights differ most,
        then in order of target and source."""
        inputs = sum(np.bincount(side.identity, side.edges.inputs, len(self.identities)) for side in self.sides)
        start = np.concatenate([[0], np.cumsum(inputs)])
        parts = [part for part in spans(start, _EDGES_PER_BLOCK) if start[part[0]] < start[part[1]]]
        total: Overlapping | None = None
        kept: dict[str, _Columns] = {}
        # numpy lets other threads run while it sorts.
        for overlap, found in in_order(lambda part: self._in_part(*part, k), parts, THREADS):
            total = {name: value + total[name] for name, value in overlap.items()} if total else overlap
            kept = {status: _strongest(k, found[status], kept.get(status)) for status in STATUSES}
        return total, {
            status: [Effect(*row) for row in zip(*(column.tolist() for column in kept.get(status, ())), strict=True)]
            for status in STATUSES
        }

    def ends(self, side: Side, effect: Effect) -> tuple[list[int], list[int]]:
        """Ordinals of the sources and targets in one of the graphs that an aligned direct effect is between."""
        target, source, _ = side.inputs(side.nodes(effect.target, effect.target + 1))
        meant = side.identity[source] == effect.source
        return np.unique(source[meant]).tolist(), np.unique(target[meant]).tolist()

    def _in_part(self, first: int, stop: int, k: int) -> tuple[Overlapping, dict[str, _Columns]]:
        """How the direct effects on targets from place `first` to `stop` overlap, and for each status the k whose
        weights differ most."""
        target, source, effects = self._effects(first, stop)
        return effects.overlap(), {
            status: _strongest(k, (target[at], source[at], effects.weight_a[at], effects.weight_b[at]))
            for status in STATUSES
            for at in [effects.of(status)]
        }

    def _effects(self, first: int, stop: int) -> tuple[Int64, Int64, Aligned]:
        """The aligned direct effects on targets from place `first` to `stop`, of which there must be some: places of
        target and source in the list of identities."""
        n = len(self.identities)
        parts = [side.inputs(side.nodes(first, stop)) for side in self.sides]
        keys = np.concatenate(
            [
                side.identity[target] * n + side.identity[source]
                for side, (target, source, _) in zip(self.sides, parts, strict=True)
            ]
        )
        weights = np.concatenate([part[2].astype(np.float64) for part in parts])
        is_b = np.repeat([False, True], [len(part[2]) for part in parts])
        order = np.argsort(keys, kind="stable")
        keys, weights, is_b = keys[order], weights[order], is_b[order]
        start = np.flatnonzero(np.diff(keys, prepend=-1))
        aligned = Aligned(
            np.logical_or.reduceat(~is_b, start),
            np.logical_or.reduceat(is_b, start),
            np.add.reduceat(np.where(is_b, 0.0, weights), start),
            np.add.reduceat(np.where(is_b, weights, 0.0), start),
        )
        return keys[start] // n, keys[start] % n, aligned


def _strongest(k: int, *found: _Columns | None) -> _Columns:
    """Of some columns, the k effects whose weights differ most, then in order of target and source."""
    columns = [np.concatenate(some) for some in zip(*filter(None, found), strict=True)]
    order = largest(k, np.abs(columns[3] - columns[2]), columns[0], columns[1])
    return tuple(column[order] for column in columns)
