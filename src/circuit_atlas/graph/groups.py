"""Groups of features that do the same, such that the graph collapsed by them has no cycle.

Features are compared by what acts on them and by what they act on. With W[t, s] the direct effect of s on t, and I(t)
the sum of |W| over all inputs of t, the profiles of a feature x are

    inputs    W[x, s] for all nodes s, divided by its length
    outputs   W[t, x] / I(t) for all nodes t, divided by its length: an effect counts by its share of what t receives

Both keep their signs. The similarity of two features is the mean of the cosines of both profiles, -1 to 1; a profile
without effects has the cosine 0.

Groups are made by average linkage (UPGMA: Sokal and Michener 1958, "A statistical method for evaluating systematic
relationships"): the two groups with the largest mean similarity of their members are merged, again and again. Single
linkage would chain features that are alike only in pairs, and complete linkage would depend on the two least alike.
Three conditions forbid a merge: the group would span too many layers, too many positions, or make a cycle. scipy's
`linkage` knows no conditions, so the loop is here; without conditions it makes the same groups.

A group makes a cycle if a path leads from it through others back to it. So two features are never in one group if one
reaches the other through a node that is not among those to group; and no group is merged with another that it reaches
through a third. Effects within a group do not count: collapsing leaves them out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from circuit_atlas.graph.data import Bool, Edges, Float64, Int32, Int64
from circuit_atlas.schema.limits import MIN_INPUT_SUM

_BLOCK = 1 << 20
_NEARLY = 1e-9  # rounding of similarities


class Profiles(NamedTuple):
    """Relations of each pair of k features; each array is (k, k).

    `similarity`, float64, see the module's text. `reaches`, bool: a path leads from the one (row) to the other (column)
    that passes none of the k features between. `detours`, bool: so does one that passes a node between.
    """

    similarity: Float64
    reaches: Bool
    detours: Bool


class Flow(NamedTuple):
    """Shares of the influence that effects on and of some features carry: how much is kept, ends inside a group, or
    cancels out when groups become nodes. They add up to 1; see `flow_kept`."""

    kept: float
    inside: float
    cancelled: float


def read_profiles(edges: Edges, order: Int32, features: Int64, place: Int64) -> Profiles:
    """Profiles of some features of a graph of n nodes.

    Args:
        edges: the graph's edges.
        order: see `topological_order`.
        features: ordinals of the features, (k,).
        place: the place of each node, (n,), in an order that does not depend on the file: sums are made in this order,
            so that the same graph gives the same bits.
    """
    k, n = len(features), len(place)
    number = np.full(n, -1)
    number[features] = np.arange(k)
    inputs, outputs = np.zeros((k, n)), np.zeros((k, n))
    # A bit for each feature: those from which a path leads to a node, and those from which one leads through others.
    own = np.packbits(np.eye(k, dtype=np.bool_), axis=1)
    reached, detours = np.zeros((n, own.shape[1]), np.uint8), np.zeros((k, own.shape[1]), np.uint8)
    for target, row in zip(order.tolist(), edges.rows(order), strict=True):
        source = number[row.source]
        is_feature = source >= 0
        found = np.bitwise_or.reduce(reached[row.source[~is_feature]], axis=0)
        if number[target] >= 0:
            detours[number[target]] = found
            inputs[number[target], place[row.source]] = row.weight
        if is_feature.any():
            found |= np.bitwise_or.reduce(own[source[is_feature]], axis=0)
            total = max(np.sort(np.abs(row.weight)).sum(), MIN_INPUT_SUM)
            outputs[source[is_feature], place[target]] = row.weight[is_feature] / total
        reached[target] = found

    def pairs(bits: np.ndarray) -> Bool:
        return np.unpackbits(bits, axis=1, count=k).T.astype(np.bool_)

    similarity = (_cosines(inputs) + _cosines(outputs)) / 2
    return Profiles(similarity, pairs(reached[features]), pairs(detours))


def group_features(
    profiles: Profiles, allowed: Bool, *, groups: int | None = None, similarity: float | None = None
) -> Int64:
    """The group of each of k features, int64 (k,), numbered in the order of their first members.

    Args:
        profiles: see `read_profiles`. Of equal similarities, the pair that comes first is merged first.
        allowed: bool (k, k), symmetric: whether two features may be in one group, besides the condition on cycles.
        groups: stop at so many groups, single features among them, or as few as the conditions allow.
        similarity: stop where no two groups are as similar.
    """
    merging = _Merging(profiles, allowed)
    while merging.left > (groups or 1):
        a, b = merging.most_similar(-np.inf if similarity is None else similarity)
        if a == b:
            break
        merging.merge(a, b)
    return np.unique(merging.group, return_inverse=True)[1].astype(np.int64)


def flow_kept(edges: Edges, features: Int64, group: Int64, arriving: Float64, input_sum: Float64) -> Flow | None:
    """How much of the influence on the targets is still there when each group is one node.

    An effect of s on t carries arriving(t) W[t, s] / I(t), with its sign. Of all effects on and of the features, those
    inside a group are lost; the others are added up between the same two groups or nodes, and may cancel out. What is
    left is kept.

    Args:
        edges: edges of a graph of n nodes.
        features: ordinals of the features that were grouped, (k,).
        group: the group of each, (k,).
        arriving: float64 (n,): influence of each node on the targets, plus its own weight if it is a target.
        input_sum: float64 (n,): sum of |weight| over each node's inputs.

    Returns:
        The shares; None if these effects carry nothing.
    """
    n = len(arriving)
    owner = np.arange(n)
    owner[features] = n + group
    total = inside = 0.0
    signed: dict[int, float] = {}
    for block in edges.blocks(_BLOCK):
        source, target = owner[block.source], owner[block.target]
        at = (source >= n) | (target >= n)
        source, target, reached = source[at], target[at], block.target[at]
        carried = arriving[reached] * block.weight[at] / np.maximum(input_sum[reached], MIN_INPUT_SUM)
        total += np.abs(carried).sum()
        inside += np.abs(carried[source == target]).sum()
        between = source != target
        pair, which = np.unique(source[between] * (2 * n) + target[between], return_inverse=True)
        sums = np.bincount(which, carried[between], len(pair))
        for ends, value in zip(pair.tolist(), sums.tolist(), strict=True):
            signed[ends] = signed.get(ends, 0.0) + value
    if not total:
        return None
    kept, lost = float(sum(map(abs, signed.values())) / total), float(inside / total)
    return Flow(kept, lost, max(1 - kept - lost, 0.0))


class _Merging:
    """Groups while they are merged. A group is named by its first member; all arrays of pairs are (k, k)."""

    def __init__(self, profiles: Profiles, allowed: Bool) -> None:
        k = len(allowed)
        self.left, self.group = k, np.arange(k)
        self._size = np.ones(k)
        self._similarity = profiles.similarity.copy()
        self._allowed = allowed & ~(profiles.detours | profiles.detours.T | np.eye(k, dtype=np.bool_))
        # Which groups a path leads to from each, through any nodes.
        self._reaches = profiles.reaches.copy()
        for i in range(k):
            self._reaches |= np.outer(self._reaches[:, i], self._reaches[i])
        # The similarity of pairs that may be merged, as far as is known; the rest is -infinity.
        self._open = np.where(self._allowed, self._similarity, -np.inf)
        self._best = self._open.max(axis=1, initial=-np.inf)

    def most_similar(self, least: float) -> tuple[int, int]:
        """The two most similar groups that may be merged, at least so similar; the same one twice if there are none."""
        while True:
            a = int(np.argmax(self._best))
            b = int(np.argmax(self._open[a]))
            if self._best[a] == -np.inf or self._best[a] < least - _NEARLY:
                return 0, 0
            if not self._has_between(a, b) and not self._has_between(b, a):
                return a, b
            # As long as they are these two groups, a path leads from one through others to the other.
            self._open[a, b] = self._open[b, a] = -np.inf
            self._best[[a, b]] = self._open[[a, b]].max(axis=1)

    def merge(self, a: int, b: int) -> None:
        """Add group b to group a, which comes before it."""
        share = self._size[a] / (self._size[a] + self._size[b])
        self._similarity[a] = share * self._similarity[a] + (1 - share) * self._similarity[b]
        self._similarity[:, a] = self._similarity[a]
        self._allowed[a] &= self._allowed[b]
        self._allowed[:, a] = self._allowed[a]
        self._allowed[b] = self._allowed[:, b] = False
        before, after = (self._reaches[:, a] | self._reaches[:, b]), (self._reaches[a] | self._reaches[b])
        before[[a, b]] = after[[a, b]] = False
        self._reaches[b] = self._reaches[:, b] = False
        self._reaches[a], self._reaches[:, a] = after, before
        self._reaches |= np.outer(before, after)
        self._open[b] = self._open[:, b] = -np.inf
        self._open[a] = self._open[:, a] = np.where(self._allowed[a], self._similarity[a], -np.inf)
        self._best = self._open.max(axis=1)
        self.group[self.group == b] = a
        self._size[a] += self._size[b]
        self.left -= 1

    def _has_between(self, a: int, b: int) -> bool:
        return bool((self._reaches[a] & self._reaches[:, b]).any())


def _cosines(profiles: Float64) -> Float64:
    """Cosines of rows, (k, n): float64 (k, k); 0 for a row without values."""
    # The square of a small weight would be 0. Powers of two change nothing else.
    _, exponents = np.frexp(np.abs(profiles).max(axis=1, keepdims=True, initial=0.0))
    profiles = np.ldexp(profiles, -exponents)
    length = np.linalg.norm(profiles, axis=1, keepdims=True)
    unit = np.divide(profiles, length, out=np.zeros_like(profiles), where=length > 0)
    found: Float64 = unit @ unit.T
    return found
