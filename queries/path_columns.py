"""Counts and samples of paths, from a graph's columns."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from circuit_atlas.arrays.counts import as_integers, path_counts
from circuit_atlas.errors import QuestionError

if TYPE_CHECKING:
    from circuit_atlas.queries.columns import Columns

_MOST_STEPS = 1_000_000


def count_in_columns(columns: Columns, sources: list[str], targets: list[str], max_hops: int) -> list[int]:
    """Number of paths of 1 to `max_hops` hops. With a cycle, each is walked: one that comes back to a node is none.

    Raises:
        QuestionError: the graph holds a cycle, and a million steps do not walk all paths.
    """
    starts = [columns.ordinal[key] for key in sources]
    ends = [columns.ordinal[key] for key in targets]
    if columns.order is None:
        return _walk(columns, set(starts), set(ends), max_hops)
    is_start = np.zeros(len(columns.keys), np.bool_)
    is_start[starts] = True
    counts = path_counts(columns.edges, columns.order, is_start, max_hops)
    at_ends = [as_integers(counts[1:, :, end]) for end in dict.fromkeys(ends)]
    return [sum(numbers) for numbers in zip(*at_ends, strict=True)]


def _walk(columns: Columns, starts: set[int], ends: set[int], max_hops: int) -> list[int]:
    inputs: dict[int, list[int]] = defaultdict(list)
    for target, source in zip(columns.edges.target.tolist(), columns.edges.source.tolist(), strict=True):
        inputs[target].append(source)
    counts, steps = [0] * max_hops, 0
    open_walks = [(end,) for end in ends]
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
