"""Counts and samples of paths, from a graph's columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.counts import as_integers, walk_counts
from circuit_atlas.graph.cycles import cyclic_path_counts
from circuit_atlas.graph.data import Float64, Int32, Int64
from circuit_atlas.schema.limits import LIMB

if TYPE_CHECKING:
    from circuit_atlas.queries.stored_arrays import StoredArrays

_MAX_STEPS = 1_000_000
_MAX_ROUNDS = 100


def count_in_arrays(columns: StoredArrays, sources: list[str] | None, targets: list[str], max_hops: int) -> list[int]:
    """Number of paths of 1 to `max_hops` hops. A path visits no node twice.

    Raises:
        InvalidArgumentError: the graph has cycles, and their paths cannot be enumerated in a million steps.
    """
    is_start = columns.is_start(sources)
    ends = [columns.ordinal[key] for key in targets]
    counts = (
        cyclic_path_counts(columns.edges.as_arrays(), is_start, max_hops, _MAX_STEPS)
        if columns.order is None
        else walk_counts(columns.edges, is_start, max_hops)
    )
    if counts is None:
        raise InvalidArgumentError(
            "the graph has cycles, and too many paths lead through them to enumerate",
            fix="Ask for fewer hops.",
        )
    at_ends = [as_integers(counts[1:, :, end]) for end in dict.fromkeys(ends)]
    return [sum(numbers) for numbers in zip(*at_ends, strict=True)]


class Sample(NamedTuple):
    """Paths drawn: for each the weights of its edges, and the sums of |weight| of all inputs of their targets."""

    weights: list[list[float]]
    input_sums: list[list[float]]


def sample_paths(
    columns: StoredArrays, sources: list[str] | None, targets: list[str], max_hops: int, *, size: int, seed: int
) -> Sample:
    """`size` of the paths of 1 to `max_hops` hops, each drawn with the same chance and put back.

    A path is drawn from its end: number of hops and target by how many paths there are, then each node before by how
    many paths lead up to it. In a graph with a cycle, walks are drawn, and those that visit a node twice left out.

    Raises:
        InvalidArgumentError: the graph has cycles, and almost every sampled walk revisits a node.
    """
    is_start = columns.is_start(sources)
    limbs = walk_counts(columns.edges, is_start, max_hops)
    counts = (limbs * np.array([1.0, LIMB, float(LIMB) ** 2])[:, None]).sum(axis=1)
    ends = list(dict.fromkeys(columns.ordinal[key] for key in targets))
    rng = np.random.default_rng(seed)
    sample = Sample([], [])
    for _ in range(1 if columns.order is not None else _MAX_ROUNDS):
        drawn = _draw_walks(columns, counts, ends, size, rng)
        sample = Sample(sample.weights + drawn.weights, sample.input_sums + drawn.input_sums)
        if len(sample.weights) >= size:
            return Sample(sample.weights[:size], sample.input_sums[:size])
    raise InvalidArgumentError(
        "almost every sampled walk revisits a node: the graph has cycles", fix="Ask for fewer hops."
    )


def _draw_walks(columns: StoredArrays, counts: Float64, ends: list[int], size: int, rng: np.random.Generator) -> Sample:
    """`size` walks without those that visit a node twice."""
    max_hops = len(counts) - 1
    flat = counts[1:, ends].ravel()
    drawn = rng.choice(len(flat), size, p=flat / flat.sum())
    hops, node = drawn // len(ends) + 1, np.array(ends, np.int32)[drawn % len(ends)]
    weights, sums = np.zeros((max_hops, len(node))), np.ones((max_hops, len(node)))
    visited = np.repeat(-1 - np.arange(max_hops + 1, dtype=np.int32)[:, None], size, axis=1)
    visited[hops, np.arange(size)] = node
    left = hops.copy()
    for _ in range(max_hops):
        for at, here in _groups(node, left):
            row = next(columns.edges.rows(np.array([here.node], np.int32)))
            chance = np.cumsum(counts[here.left - 1, row.source])
            chosen = np.searchsorted(chance, rng.random(len(at)) * chance[-1], side="right")
            weights[here.left - 1, at], sums[here.left - 1, at] = row.weight[chosen], columns.input_sum[here.node]
            node[at], left[at] = row.source[chosen], here.left - 1
            visited[here.left - 1, at] = node[at]
    paths = np.flatnonzero((np.diff(np.sort(visited, axis=0), axis=0) != 0).all(axis=0)).tolist()
    return Sample(
        [weights[: hops[i], i].tolist() for i in paths],
        [sums[: hops[i], i].tolist() for i in paths],
    )


class _Place(NamedTuple):
    node: int
    left: int


def _groups(node: Int32, left: Int64) -> Iterator[tuple[Int64, _Place]]:
    """Places of the samples that are at one node with as many hops left, more than none."""
    waiting = np.flatnonzero(left > 0)
    if not len(waiting):
        return
    order = waiting[np.lexsort((left[waiting], node[waiting]))]
    changes = (np.diff(node[order]) != 0) | (np.diff(left[order]) != 0)
    for at in np.split(order, np.flatnonzero(changes) + 1):
        yield at, _Place(int(node[at[0]]), int(left[at[0]]))
