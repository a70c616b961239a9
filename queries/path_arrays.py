"""Counts and samples of paths, from a graph's columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.counts import as_integers, staged_walk_counts, starting_counts, walk_counts
from circuit_atlas.graph.cycles import cyclic_path_counts
from circuit_atlas.graph.data import Float64, Int64
from circuit_atlas.graph.packed import is_strong, signed_places
from circuit_atlas.graph.stages import Stages
from circuit_atlas.queries.path_bounds import beginnings, check_must_pass, passable, stages_for
from circuit_atlas.schema.limits import LIMB

if TYPE_CHECKING:
    from circuit_atlas.queries.path_search import PathSearch
    from circuit_atlas.queries.stored_arrays import StoredArrays

_MAX_STEPS = 1_000_000
_MAX_ROUNDS = 100
_TOO_MANY = "the graph has cycles, and too many paths lead through them to enumerate"


def count_in_arrays(columns: StoredArrays, search: PathSearch, targets: list[str]) -> list[int]:
    """Number of paths of 1 to `max_hops` hops. A path visits no node twice.

    Raises:
        InvalidArgumentError: the graph has cycles, and their paths cannot be enumerated in a million steps; there are
            too many nodes to pass; or a node to pass is one that no path may pass.
    """
    check_must_pass(columns, search, targets)
    ends = list(dict.fromkeys(columns.ordinal[key] for key in targets))
    if columns.order is not None:
        walks = _Walks(columns, search)
        at_ends = [walks.counts_at(end) for end in ends]
    elif search.is_restricted:
        at_ends = _enumerated(_Walks(columns, search), ends)
    else:
        is_start = columns.is_start(search.sources)
        counts = cyclic_path_counts(columns.edges.as_arrays(), is_start, search.max_hops, _MAX_STEPS)
        if counts is None:
            raise InvalidArgumentError(_TOO_MANY, fix="Ask for fewer hops.")
        at_ends = [as_integers(counts[1:, :, end]) for end in ends]
    return [sum(numbers) for numbers in zip(*at_ends, strict=True)]


class _Place(NamedTuple):
    """Where walks are that were begun at their end: a node, the hops that are left, the stage (see `stages_of`), and
    whether what is left must inhibit (1) or promote (0); always 0 for walks of any sign."""

    node: int
    left: int
    stage: int
    sheet: int


class _Steps(NamedTuple):
    """The edges by which a walk may go on, backwards: sources, weights, and where the counts of their walks are."""

    source: npt.NDArray[np.unsignedinteger[Any]]
    weight: Float64
    places: Int64


@dataclass(frozen=True)
class _Walks:
    """The walks that a search means, and how many there are."""

    columns: StoredArrays
    search: PathSearch

    @cached_property
    def stages(self) -> Stages:
        return stages_for(self.columns, self.search)

    @cached_property
    def tables(self) -> list[Int64]:
        """See `staged_walk_counts`."""
        is_start = beginnings(self.columns, self.search)
        starts = starting_counts(is_start, self.search.max_hops, signed=self.search.sign != 0)
        if not self.search.is_restricted:
            return [walk_counts(self.columns.edges, is_start, self.search.max_hops)]
        return staged_walk_counts(
            self.columns.edges,
            starts,
            self.stages,
            passable=passable(self.columns, self.search),
            min_weight=self.search.min_weight,
        )

    @cached_property
    def counts(self) -> list[Float64]:
        """The same as floats: (hops + 1, n) or (hops + 1, 2n) for each stage."""
        return [(limbs * np.array([1.0, LIMB, float(LIMB) ** 2])[:, None]).sum(axis=1) for limbs in self.tables]

    def at_end(self, node: int, hops: int) -> _Place:
        """Walks of `hops` hops that end at a node."""
        last = len(self.stages) - 1
        return _Place(node, hops, self.stages[last].get(node, last), int(self.search.sign < 0))

    def steps(self, place: _Place) -> _Steps:
        """The edges to a place."""
        source, weight = self.columns.edges.inputs_of(place.node)
        if self.search.min_weight:
            strong = is_strong(weight, self.search.min_weight)
            source, weight = source[strong], weight[strong]
        size, n = self.tables[0].shape[2], len(self.columns.keys)
        return _Steps(source, weight, signed_places(source, weight, place.sheet, n, size))

    def before(self, place: _Place, source: npt.NDArray[np.unsignedinteger[Any]], weight: Float64) -> Int64:
        """Where walks are after one step back, (m, 4): a `_Place` for each, along edges from `source` (m,) of `weight`
        (m,)."""
        places = np.empty((len(source), 4), np.int64)
        places[:] = place
        places[:, 0] = source
        places[:, 1] -= 1
        for node, stage in self.stages[place.stage].items():
            places[source == node, 2] = stage
        if self.search.sign:
            places[:, 3] ^= weight < 0
        return places

    def counts_at(self, end: int) -> list[int]:
        """Exact number of walks of 1 to `max_hops` hops that end at a node. It need not be one that walks may pass."""
        place = self.at_end(end, 1)
        places = self.steps(place).places
        # A sum of limbs cannot overflow, see `counts`.
        return as_integers(self.tables[place.stage][:-1, :, places].sum(axis=2))


def _enumerated(walks: _Walks, ends: list[int]) -> list[list[int]]:
    """Numbers of paths of 1 to `max_hops` hops, for each end, in a graph with cycles: walked one by one."""
    steps, most = 0, walks.search.max_hops
    found: list[list[int]] = []
    for end in ends:
        counts: Counter[int] = Counter()
        waiting: list[tuple[_Place, tuple[int, ...]]] = [
            (walks.at_end(end, hops), (end,)) for hops in range(1, most + 1)
        ]
        while waiting:
            place, visited = waiting.pop()
            if not place.left:
                counts[len(visited) - 1] += 1
                continue
            sources, weights, places = walks.steps(place)
            possible = walks.counts[place.stage][place.left - 1, places] > 0
            for row in walks.before(place, sources[possible], weights[possible]).tolist():
                steps += 1
                if row[0] not in visited:
                    waiting.append((_Place(*row), (*visited, row[0])))
            if steps > _MAX_STEPS:
                raise InvalidArgumentError(_TOO_MANY, fix="Ask for fewer hops, or for all paths.")
        found.append([counts[hops] for hops in range(1, most + 1)])
    return found


class Sample(NamedTuple):
    """Paths drawn: for each the weights of its edges, and the sums of |weight| of all inputs of their targets."""

    weights: list[list[float]]
    input_sums: list[list[float]]


def sample_paths(columns: StoredArrays, search: PathSearch, targets: list[str], *, size: int, seed: int) -> Sample:
    """`size` of the paths that a search means, each drawn with the same chance and put back.

    A path is drawn from its end: number of hops and target by how many paths there are, then each node before by how
    many paths lead up to it. In a graph with a cycle, walks are drawn, and those that visit a node twice left out.

    Raises:
        InvalidArgumentError: the graph has cycles, and almost every sampled walk revisits a node.
    """
    walks = _Walks(columns, search)
    ends = list(dict.fromkeys(columns.ordinal[key] for key in targets))
    at_ends = np.array([walks.counts_at(end) for end in ends], np.float64).T[search.min_hops - 1 :]
    rng = np.random.default_rng(seed)
    sample = Sample([], [])
    for _ in range(1 if columns.order is not None else _MAX_ROUNDS):
        drawn = _draw_walks(walks, at_ends, ends, size, rng)
        sample = Sample(sample.weights + drawn.weights, sample.input_sums + drawn.input_sums)
        if len(sample.weights) >= size:
            return Sample(sample.weights[:size], sample.input_sums[:size])
    raise InvalidArgumentError(
        "almost every sampled walk revisits a node: the graph has cycles", fix="Ask for fewer hops."
    )


def _draw_walks(walks: _Walks, at_ends: Float64, ends: list[int], size: int, rng: np.random.Generator) -> Sample:
    """`size` walks without those that visit a node twice. `at_ends`, from `min_hops` on: how many lead to each end."""
    max_hops, input_sum = walks.search.max_hops, walks.columns.input_sum
    flat = at_ends.ravel()
    drawn = rng.choice(len(flat), size, p=flat / flat.sum())
    hops, end = drawn // len(ends) + walks.search.min_hops, drawn % len(ends)
    beginnings = np.array([walks.at_end(node, 0) for node in ends], np.int64)
    place = beginnings[end]  # (size, 4): a `_Place` for each walk
    place[:, 1] = hops
    weights, sums = np.zeros((max_hops, size)), np.ones((max_hops, size))
    visited = np.repeat(-1 - np.arange(max_hops + 1, dtype=np.int64)[:, None], size, axis=1)
    visited[hops, np.arange(size)] = place[:, 0]
    for _ in range(max_hops):
        for at, here in _groups(place):
            steps = walks.steps(here)
            chance = np.cumsum(walks.counts[here.stage][here.left - 1, steps.places])
            chosen = np.searchsorted(chance, rng.random(len(at)) * chance[-1], side="right")
            weights[here.left - 1, at], sums[here.left - 1, at] = steps.weight[chosen], input_sum[here.node]
            place[at] = walks.before(here, steps.source[chosen], steps.weight[chosen])
            visited[here.left - 1, at] = place[at, 0]
    paths = np.flatnonzero((np.diff(np.sort(visited, axis=0), axis=0) != 0).all(axis=0)).tolist()
    return Sample(
        [weights[: hops[i], i].tolist() for i in paths],
        [sums[: hops[i], i].tolist() for i in paths],
    )


def _groups(place: Int64) -> Iterator[tuple[Int64, _Place]]:
    """Walks that have hops left, and their places, (size, 4)."""
    waiting = np.flatnonzero(place[:, 1] > 0)
    if not len(waiting):
        return
    order = waiting[np.lexsort(place[waiting].T[::-1])]
    changes = (np.diff(place[order], axis=0) != 0).any(axis=1)
    for at in np.split(order, np.flatnonzero(changes) + 1):
        yield at, _Place(*place[at[0]].tolist())
