"""Counts and samples of paths, from a graph's columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from circuit_atlas.arrays.counts import LIMB, as_integers, path_counts
from circuit_atlas.arrays.graph_data import Int32, Int64
from circuit_atlas.errors import QuestionError

if TYPE_CHECKING:
    from circuit_atlas.queries.columns import Columns

_MOST_STEPS = 1_000_000


def count_in_columns(columns: Columns, sources: list[str] | None, targets: list[str], max_hops: int) -> list[int]:
    """Number of paths of 1 to `max_hops` hops. With a cycle, each is walked: one that comes back to a node is none.

    Raises:
        QuestionError: the graph holds a cycle, and a million steps do not walk all paths.
    """
    is_start = columns.is_start(sources)
    ends = [columns.ordinal[key] for key in targets]
    if columns.order is None:
        return _walk(columns, set(np.flatnonzero(is_start).tolist()), set(ends), max_hops)
    counts = path_counts(columns.edges, columns.order, is_start, max_hops)
    at_ends = [as_integers(counts[1:, :, end]) for end in dict.fromkeys(ends)]
    return [sum(numbers) for numbers in zip(*at_ends, strict=True)]


def _walk(columns: Columns, starts: set[int], ends: set[int], max_hops: int) -> list[int]:
    inputs: dict[int, list[int]] = defaultdict(list)
    for target, source in zip(columns.edges.target.tolist(), columns.edges.source.tolist(), strict=True):
        inputs[target].append(source)
    counts, steps = [0] * max_hops, 0
    open_walks: list[tuple[int, ...]] = [(end,) for end in ends]
    while open_walks:
        walk = open_walks.pop()
        for source in inputs[walk[-1]]:
            steps += 1
            if source in walk:
                continue
            counts[len(walk) - 1] += source in starts
            if len(walk) < max_hops:
                open_walks.append((*walk, source))
        if steps > _MOST_STEPS:
            raise QuestionError(
                "the graph holds a cycle, so that its paths have to be walked, and they are too many",
                fix="Ask for fewer hops.",
            )
    return counts


class Sample(NamedTuple):
    """Paths drawn: for each the weights of its edges, and the sums of |weight| of all inputs of their targets."""

    weights: list[list[float]]
    input_sums: list[list[float]]


def sample_paths(
    columns: Columns, sources: list[str] | None, targets: list[str], max_hops: int, *, size: int, seed: int
) -> Sample:
    """`size` of the paths of 1 to `max_hops` hops, each drawn with the same chance and put back.

    A path is drawn from its end: number of hops and target by how many paths there are, then each node before by how
    many paths lead up to it.
    """
    assert columns.order is not None
    limbs = path_counts(columns.edges, columns.order, columns.is_start(sources), max_hops)
    counts = (limbs * np.array([1.0, LIMB, float(LIMB) ** 2])[:, None]).sum(axis=1)
    ends = list(dict.fromkeys(columns.ordinal[key] for key in targets))
    rng = np.random.default_rng(seed)
    flat = counts[1:, ends].ravel()
    drawn = rng.choice(len(flat), size, p=flat / flat.sum())
    hops, node = drawn // len(ends) + 1, np.array(ends, np.int32)[drawn % len(ends)]
    weights, sums = np.zeros((max_hops, len(node))), np.ones((max_hops, len(node)))
    left = hops.copy()
    for _ in range(max_hops):
        for at, here in _groups(node, left):
            row = next(columns.edges.rows(np.array([here.node], np.int32)))
            chance = np.cumsum(counts[here.left - 1, row.source])
            chosen = np.searchsorted(chance, rng.random(len(at)) * chance[-1], side="right")
            weights[here.left - 1, at], sums[here.left - 1, at] = row.weight[chosen], columns.input_sum[here.node]
            node[at], left[at] = row.source[chosen], here.left - 1
    return Sample(
        [weights[:length, i].tolist() for i, length in enumerate(hops.tolist())],
        [sums[:length, i].tolist() for i, length in enumerate(hops.tolist())],
    )


class _Place(NamedTuple):
    node: int
    left: int


def _groups(node: Int32, left: Int64) -> Iterator[tuple[Int64, _Place]]:
    """Places of the samples that are at one node with as many hops left, more than none."""
    places = np.stack([node, left], axis=1)
    for here in np.unique(places[left > 0], axis=0):
        yield np.flatnonzero((places == here).all(axis=1)), _Place(*here.tolist())
