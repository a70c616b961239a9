"""Paths that must pass a node of each of several groups: the groups that are left, seen from a path's end.

A search goes backwards from the target, and so do counts and samples. In a *stage*, some groups are left: the rest of
the path, which is still to be chosen, must pass a node of each. A node of such a group leads to a stage with fewer.
"""

from __future__ import annotations

from collections.abc import Sequence

from circuit_atlas.graph.data import Int32

Stages = list[dict[int, int]]
"""For each stage, the ordinals of the nodes that lead to another, and its place in the list. In stage 0 nothing is
left; in the last, all groups are. A stage leads to earlier ones only."""


def stages_of(groups: Sequence[frozenset[int]], order: Int32 | None, most: int) -> Stages | None:
    """The stages in which a path can be.

    Nodes follow one another in topological order on every path. So m groups of one node have m + 1 stages, not 2^m: a
    node whose successors in the order have not been passed leads nowhere.

    Args:
        groups: ordinals of the nodes of each group.
        order: see `topological_order`; None for a graph with a cycle, where nodes may follow in any order.
        most: how many stages to make at most.

    Returns:
        The stages; None if there are more than `most`.
    """
    place = {} if order is None else {int(node): i for i, node in enumerate(order)}
    earliest = [min(place.get(node, 0) for node in group) for group in groups]

    everything = frozenset(range(len(groups)))
    moves: dict[frozenset[int], dict[int, frozenset[int]]] = {frozenset(): {}}
    waiting = [everything]
    while waiting:
        left = waiting.pop()
        if left in moves:
            continue
        if len(moves) >= most:
            return None
        nodes = frozenset().union(*(groups[group] for group in left))
        after = {node: frozenset(group for group in left if node not in groups[group]) for node in sorted(nodes)}
        moves[left] = {
            node: rest
            for node, rest in after.items()
            if all(earliest[group] <= place.get(node, 0) for group in rest)  # before `node` is a node of each
        }
        waiting += moves[left].values()
    stages = sorted(moves, key=lambda left: (len(left), sorted(left)))
    number = {left: i for i, left in enumerate(stages)}
    return [{node: number[rest] for node, rest in moves[left].items()} for left in stages]
