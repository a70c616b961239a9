"""How often a graph has each signed shape of three nodes, and how often random graphs like it have it.

The shapes, of nodes a, b and c in the order of the model, and the effects whose signs they have, in this order:

    chain     a -> b, b -> c     and no effect of a on c
    fan-in    a -> c, b -> c     and no effect between a and b
    fan-out   a -> b, a -> c     and no effect between b and c
    triangle  a -> b, b -> c, a -> c

A shape is what all effects between its three nodes make (Milo et al. 2002 count so). Counted with any third effect,
chains, fan-ins and fan-outs would follow from the degrees alone, and every graph of the null model had as many.

The null model: all graphs on the same nodes in which each node has as many positive and as many negative inputs and
outputs, no two nodes have two effects, and each effect leads upwards in the model and not to an earlier position. One
is drawn by rewiring (Maslov and Sneppen 2002) in the form of trades (Strona et al. 2014, "curveball"; Carstens et al.
2016 for directed graphs): nodes are paired at random, and each pair shuffles what only one of both acts on, separately
for each sign. Where both act on a node with different signs, they shuffle the signs (without that, dense graphs hardly
change). The same is then done with the sources of pairs of targets. A trade can be undone by the same trade, so all
graphs that can be reached are equally likely in the long run (it is not known that all can be reached).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from circuit_atlas.graph.data import ArrayEdges, Bool, Float64, Int32, Int64
from circuit_atlas.graph.packed import is_strong
from circuit_atlas.schema.limits import SHAPES

CHAIN, FAN_IN, FAN_OUT, TRIANGLE = SHAPES
_SIGNS = "+-"
_PAIRS = ("++", "+-", "--")  # signs of two effects whose order does not count
SIGNED_SHAPES = (
    *((CHAIN, a + b) for a in _SIGNS for b in _SIGNS),
    *((shape, signs) for shape in (FAN_IN, FAN_OUT) for signs in _PAIRS),
    *((TRIANGLE, a + b + c) for a in _SIGNS for b in _SIGNS for c in _SIGNS),
)
"""Shapes and signs, in the order in which they are counted."""
_DRIFT = 10.0
FEWEST_TO_SEE_DRIFT = 26  # random graphs; the means of halves of fewer cannot be so far apart
_BURN_IN, _SPACING = 50, 10  # rounds of trades before the first random graph, and between two


class SignedEdges(NamedTuple):
    """m effects between n nodes, at most one between two. `source` and `target` are int64 (m,), `negative` is bool
    (m,). Every effect leads from a lower to a higher `height`, int64 (n,), and never to a smaller `position`, int64
    (n,); so it will in random graphs."""

    source: Int64
    target: Int64
    negative: Bool
    height: Int64
    position: Int64


class Null(NamedTuple):
    """Statistics of k counts in random graphs. `mean` and `sd` (of a population) are float64 (k,); `z`, (k,), is how
    many `sd` a count is above the mean, NaN where all random graphs have the same; `p_value`, (k,), is two-sided: twice
    the share of the graphs, the observed one among them, that are at least as far out on the side of the count."""

    mean: Float64
    sd: Float64
    z: Float64
    p_value: Float64


def strongest(weight: Float64, min_weight: float, most: int | None) -> Int64:
    """The places of the effects with |weight| >= `min_weight`, int64 (k,), ascending; of these, the `most` with the
    largest |weight| if that is given, the first of equals.

    Args:
        weight: float64 (m,).
        min_weight: the smallest |weight|.
        most: how many at most; None for all.
    """
    size = np.abs(weight)
    kept = np.flatnonzero(is_strong(weight, min_weight))
    return kept if most is None else np.sort(kept[np.argsort(-size[kept], kind="stable")[:most]])


def signed_edges(edges: ArrayEdges, depth: Float64, order: Int32, position: Int32) -> SignedEdges:
    """Effects as they are counted.

    Args:
        edges: effects of a graph of n nodes without cycles.
        depth: float64 (n,): height of each node in the model.
        order: int32 (n,): ordinals of the nodes, each after its inputs. It counts where an effect does not lead upwards
            in the model, as in a collapsed graph.
        position: int32 (n,): of each node, negative for none. Positions do not count if an effect leads to an earlier
            one, or if a node has none.
    """
    source, target = edges.source.astype(np.int64), edges.target.astype(np.int64)
    height = np.unique(depth, return_inverse=True)[1].astype(np.int64)
    if (height[source] >= height[target]).any():
        height[order] = np.arange(len(order))
    from_later = (position[source] > position[target]).any()
    where = np.zeros(len(position), np.int64) if from_later or (position < 0).any() else position.astype(np.int64)
    return SignedEdges(source, target, edges.weight < 0, height, where)


def n_chains(edges: SignedEdges) -> int:
    """The number of pairs of consecutive effects; all random graphs have as many. Counting
    takes memory for each."""
    n = len(edges.height)
    return int(np.bincount(edges.source, minlength=n) @ np.bincount(edges.target, minlength=n))


def motif_counts(edges: SignedEdges) -> Int64:
    """How often each of `SIGNED_SHAPES` occurs, int64 (18,)."""
    from scipy import sparse

    n = len(edges.height)
    adjacency, inputs, outputs = [], [], []  # [target, source], and degrees, by sign
    for chosen in (~edges.negative, edges.negative):
        at = edges.target[chosen], edges.source[chosen]
        adjacency.append(sparse.csr_array((np.ones(len(at[0]), np.int64), at), shape=(n, n)))
        inputs.append(np.bincount(at[0], minlength=n))
        outputs.append(np.bincount(at[1], minlength=n))
    triangles = np.zeros((2, 2, 2), np.int64)  # by sign of a -> b, b -> c, a -> c
    chains = np.zeros((2, 2), np.int64)
    for first in (0, 1):
        for second in (0, 1):
            ways = adjacency[second] @ adjacency[first]
            chains[first, second] = inputs[first] @ outputs[second]
            for across in (0, 1):
                triangles[first, second, across] = ways.multiply(adjacency[across]).sum()
    closed_in, closed_out = triangles.sum(axis=0), triangles.sum(axis=1)  # two inputs of c, two outputs of a
    open_chains = chains - triangles.sum(axis=2)
    pairs = _open_pairs(inputs, closed_in), _open_pairs(outputs, closed_out)
    return np.concatenate([open_chains.ravel(), *pairs, triangles.ravel()])


def _open_pairs(degree: list[Int64], closed: Int64) -> Int64:
    """Pairs of effects on one node (or of one), by signs as in `_PAIRS`, without those of triangles, int64 (3,)."""
    positive, negative = degree
    every = np.array([positive @ (positive - 1) // 2, positive @ negative, negative @ (negative - 1) // 2], np.int64)
    return every - np.array([closed[0, 0], closed[0, 1] + closed[1, 0], closed[1, 1]], np.int64)


def random_graphs(edges: SignedEdges, random: np.random.Generator) -> Iterator[SignedEdges]:
    """Graphs of the null model, without end; each comes from the one before by 10 rounds of trades, the first by 50."""
    rounds = _BURN_IN
    while True:
        for _ in range(rounds):
            edges = _round(edges, random)
        yield edges
        rounds = _SPACING


def null_statistics(observed: Int64, counts: Int64) -> Null:
    """Statistics of observed counts against those of random graphs.

    Args:
        observed: int64 (k,).
        counts: int64 (r, k): of r random graphs.
    """
    mean, sd = counts.mean(axis=0), counts.std(axis=0)
    z = np.divide(observed - mean, sd, out=np.full(len(mean), np.nan), where=sd > 0)
    above, below = (counts >= observed).sum(axis=0), (counts <= observed).sum(axis=0)
    p_value = np.minimum(1.0, 2 * (np.minimum(above, below) + 1) / (len(counts) + 1))
    return Null(mean, sd, z, p_value)


def is_drifting(counts: Int64) -> bool:
    """Whether random graphs have not mixed: whether some count has another mean in their first half than in the second,
    by more than 10 / sqrt(r) standard deviations. (Independent ones differ by about 2 / sqrt(r), and those of the
    examples by up to 9 / sqrt(r).)

    Args:
        counts: int64 (r, k): of r random graphs, in the order in which they came.
    """
    first, second = counts[: len(counts) // 2], counts[len(counts) // 2 :]
    apart = np.abs(first.mean(axis=0) - second.mean(axis=0))
    return bool((apart > _DRIFT / np.sqrt(len(counts)) * counts.std(axis=0)).any())


def _round(edges: SignedEdges, random: np.random.Generator) -> SignedEdges:
    """The graph after trades of all sources in pairs, then of all targets in pairs."""
    source, target, negative, height, position = edges
    target, negative = _traded(source, target, negative, height, position, random)
    # Seen from its end, an effect leads downwards and to no later position.
    source, negative = _traded(target, source, negative, -height, -position, random)
    return edges._replace(source=source, target=target, negative=negative)


def _traded(
    end: Int64, other: Int64, negative: Bool, height: Int64, position: Int64, random: np.random.Generator
) -> tuple[Int64, Bool]:
    """The other ends and the signs of m effects, (m,), after the nodes at their ends have traded in pairs."""
    n = len(height)
    nodes = random.permutation(np.flatnonzero(np.bincount(end, minlength=n)))
    half = len(nodes) // 2
    partner = np.full(n, -1)
    partner[nodes[:half]], partner[nodes[half : 2 * half]] = nodes[half : 2 * half], nodes[:half]
    at = partner[end]
    open_ = np.flatnonzero((at >= 0) & (height[at] < height[other]) & (position[at] <= position[other]))
    pair = np.minimum(end, at)[open_]
    place = pair * n + other[open_]
    order = np.argsort(place)
    open_, pair, place = open_[order], pair[order], place[order]
    again = place[1:] == place[:-1]  # the partner has it, too
    alone = np.ones(len(open_), np.bool_)
    alone[1:] &= ~again
    alone[:-1] &= ~again
    single, both = open_[alone], np.flatnonzero(again)
    other, negative = other.copy(), negative.copy()
    before, after = _shuffled(2 * pair[alone] + negative[single], random)
    other[single[before]] = other[single[after]]
    first, second = open_[both], open_[both + 1]
    differ = negative[first] != negative[second]
    pair, first, second = pair[both][differ], first[differ], second[differ]
    is_first = end[first] == pair
    first, second = np.where(is_first, first, second), np.where(is_first, second, first)
    before, after = _shuffled(pair, random)
    signs = negative[first[after]]
    negative[first[before]], negative[second[before]] = signs, ~signs
    return other, negative


def _shuffled(group: Int64, random: np.random.Generator) -> tuple[Int64, Int64]:
    """The places of things, (k,), in order of their groups, and the same with each group in random order."""
    return np.argsort(group, kind="stable"), np.argsort(group + random.random(len(group)))
