"""Which concrete motifs graphs have in common: three features, or two and the predicted token, with signed effects.

Nodes of different graphs are the same when they are aligned, see `compare`; the most probable logit of each graph is
the same node in all of them. An effect of a graph is the sum of the effects between the nodes that are aligned with its
ends, and its sign is that of the sum. A graph has a motif if it has its two or three effects with their signs; whether
there is another effect between the three does not matter. The shapes are those of `circuit_atlas.graph.motifs`.

How many graphs have a motif by chance is counted in random sets of graphs: each effect is in as many graphs as it was,
chosen at random and independently of the other effects. So a motif of frequent effects is expected in many graphs.
Effects of a feature occur only where it is active, which these sets do not keep.

Only effects that enough graphs have can be part of a motif that enough graphs have. So these effects are found first,
each with the graphs that have it as bits, and the graphs of a motif are the bits that all of its effects have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import Bool, Float64, Int64
from circuit_atlas.graph.many_graphs import SourceNodes, Targets
from circuit_atlas.graph.motifs import FAN_IN, FAN_OUT, TRIANGLE, strongest
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.schema.keys import TARGET

Bits = npt.NDArray[np.uint64]
TARGET_LOGIT = f"logit:{TARGET}"
MAX_KEPT_MOTIFS = 10_000_000  # that are kept; they take up to 2 GB
_NODE = (1 << 31) - 1
_CELLS = 1 << 21  # words of bits that are looked at together
_WORD = 64  # bits
_MAX_WORDS = 1 << 27  # a gigabyte


class Effects(NamedTuple):
    """m signed effects that enough graphs have, in order of target, then source, then sign: `source` and `target` are
    numbers of nodes, int64 (m,), `negative` is bool (m,). `weight`, float64 (m,), is the mean over the graphs that have
    the effect with this sign; `graphs` are these graphs, as bits, uint64 (m, words)."""

    source: Int64
    target: Int64
    negative: Bool
    weight: Float64
    graphs: Bits


class SharedMotifs(NamedTuple):
    """k motifs: the numbers of their effects, int64 (k, 2) or (k, 3), in the order of the shape; and how many graphs of
    each set have each, int64 (sets, k)."""

    effects: Int64
    graphs: Int64


class Chance(NamedTuple):
    """How many graphs have each of k motifs in random sets of graphs, see above: float64 (k,) each. `z` is by how
    many standard deviations the real number exceeds the expected one, NaN where all random sets are the same; `p_value`
    is the chance that so many graphs, or more, have it."""

    expected: Float64
    z: Float64
    p_value: Float64


class SignedGraphs:
    """Collects the signed effects of graphs, one after the other.

    Args:
        min_weight: leave out effects of a graph with a smaller |weight|.
        most: take this many effects of a graph, those with the largest |weight|; None for all.
    """

    def __init__(self, min_weight: float = 0.0, most: int | None = None) -> None:
        self._min_weight, self._most = min_weight, most
        self._numbers: dict[str, int] = {}
        self._codes: list[Int64] = []  # target << 32 | source << 1 | negative, of each effect of each graph, in order
        self._weights: list[Float64] = []
        self.targets = Targets()

    @property
    def identities(self) -> list[str]:
        """The identity of each node, by its number."""
        return list(self._numbers)

    def add(self, nodes: SourceNodes, edges: PackedEdges) -> None:
        """Add a graph."""
        top = self.targets.find(nodes)
        names = [TARGET_LOGIT if i == top else identity for i, identity in enumerate(nodes.identity)]
        number = np.array([self._number(name) for name in names], np.int64)
        target, source = np.repeat(number, edges.inputs), number[edges.source]
        kept = (target >= 0) & (source >= 0) & (target != source)
        pair, inverse = np.unique(target[kept] << 31 | source[kept], return_inverse=True)
        weight = np.bincount(inverse, edges.weight[kept].astype(np.float64), len(pair)).astype(np.float64)
        pair, weight = pair[weight != 0], weight[weight != 0]
        at = strongest(weight, self._min_weight, self._most)
        self._codes.append(pair[at] << 1 | (weight[at] < 0))
        self._weights.append(weight[at])

    def effects(self, fewest: int) -> Effects:
        """The signed effects that at least so many graphs have.

        Raises:
            OverflowError: the table of which graph has which effect would exceed a gigabyte.
        """
        none = np.zeros(0, np.int64)
        codes, inverse = np.unique(np.concatenate([none, *self._codes]), return_inverse=True)
        count = np.bincount(inverse, minlength=len(codes))
        weight = np.bincount(inverse, np.concatenate([np.zeros(0), *self._weights]), len(codes)) / np.maximum(count, 1)
        kept = np.flatnonzero(count >= fewest)
        place = np.full(len(codes), -1)
        place[kept] = np.arange(len(kept))
        codes, words = codes[kept], -(-max(len(self._codes), 1) // _WORD)
        if len(codes) * words > _MAX_WORDS:
            raise OverflowError(f"{len(codes):,} effects that {fewest:,} or more of {len(self._codes):,} graphs have")
        graphs, stop = np.zeros((len(codes), words), np.uint64), 0
        for graph, of_graph in enumerate(self._codes):
            start, stop = stop, stop + len(of_graph)
            at = place[inverse[start:stop]]
            graphs[at[at >= 0], graph // _WORD] |= np.uint64(1 << graph % _WORD)
        return Effects(codes >> 1 & _NODE, codes >> 32, (codes & 1).astype(np.bool_), weight[kept], graphs)

    def _number(self, identity: str) -> int:
        """The number of a feature, or of the predicted token; -1 for what is in no motif."""
        if not identity.startswith("feature:") and identity != TARGET_LOGIT:
            return -1
        return self._numbers.setdefault(identity, len(self._numbers))


def n_pairs(effects: Effects, shape: str) -> int:
    """How many pairs of effects `shared_motifs` looks at."""
    first, second = _joined_ends(effects, shape)
    n = int(max(first.max(initial=0), second.max(initial=0))) + 1
    return int(np.bincount(first, minlength=n) @ np.bincount(second, minlength=n))


def shared_motifs(effects: Effects, shape: str, n_graphs: Sequence[int], kept: Bool) -> SharedMotifs:
    """The motifs of a shape, in order of their effects.

    Args:
        effects: of all graphs, in the order of the sets.
        shape: one of `SHAPES`.
        n_graphs: the number of graphs of each set; they were added set after set.
        kept: bool (graphs + 1,): whether to return motifs that so many graphs of all sets together have.

    Raises:
        OverflowError: there are more than `MAX_KEPT_MOTIFS`.
    """
    masks = _masks(n_graphs, effects.graphs.shape[1])
    width = 3 if shape == TRIANGLE else 2
    found = [(np.zeros((0, width), np.int64), np.zeros((len(n_graphs), 0), np.int64))]
    total = 0
    for members in _candidates(effects, shape):
        both = np.bitwise_and.reduce(effects.graphs[members], axis=1)
        counts = np.array([np.bitwise_count(both & mask).sum(axis=1, dtype=np.int64) for mask in masks])
        at = np.flatnonzero(kept[counts.sum(axis=0)])
        found.append((members[at], counts[:, at]))
        total += len(at)
        if total > MAX_KEPT_MOTIFS:
            raise OverflowError(f"more than {MAX_KEPT_MOTIFS:,} motifs")
    motifs = np.concatenate([members for members, _ in found])
    counts = np.concatenate([counts for _, counts in found], axis=1)
    order = np.lexsort(motifs.T[::-1])
    return SharedMotifs(motifs[order], counts[:, order])


def strengths(effects: Effects, motifs: Int64) -> Float64:
    """The |weight| of the weakest effect of each motif, float64 (k,)."""
    weakest: Float64 = np.abs(effects.weight[motifs]).min(axis=1)
    return weakest


def by_chance(effects: Effects, motifs: Int64, graphs: Int64, n_graphs: int) -> Chance:
    """The number of graphs in which chance alone would put each motif.

    Args:
        effects: m effects.
        motifs: int64 (k, 2) or (k, 3): places of the effects of each motif.
        graphs: int64 (k,): number of graphs that have each.
        n_graphs: number of all graphs, 2 or more.
    """
    counts = np.sort(np.bitwise_count(effects.graphs[motifs]).sum(axis=2, dtype=np.int64), axis=1)
    n, (first, second, *across) = float(n_graphs), counts.T.astype(np.float64)
    # Of two effects in a and b of n graphs, the number of graphs that have both is hypergeometric.
    expected = first * second / n
    variance = expected * (n - first) * (n - second) / (n * (n - 1))
    for third in across:
        # The graphs that have all three are again some of those that have both, of a number with this variance.
        within = (n * expected - variance - expected**2) * third * (n - third) / (n**2 * (n - 1))
        expected, variance = expected * third / n, within + (third / n) ** 2 * variance
    varies = (counts < n_graphs).sum(axis=1) > 1  # with fewer effects that some graph lacks, nothing is random
    sd = np.sqrt(np.where(varies, variance, np.nan))
    rows, inverse = np.unique(np.column_stack([counts, graphs]), axis=0, return_inverse=True)
    tails = np.array([_tail(n_graphs, of_effects, least) for *of_effects, least in rows.tolist()], np.float64)
    return Chance(expected, (graphs - expected) / sd, tails[inverse.ravel()])


def _tail(n: int, of_effects: Sequence[int], least: int) -> float:
    """The chance that at least so many of n graphs have two or three effects, which are in so many graphs each."""
    from scipy import stats

    first, second, *across = of_effects
    if not across or least < 1:
        return min(1.0, float(stats.hypergeom.sf(least - 1, n, first, second)))
    # With one more graph that has the first two, enough graphs have all three if one was missing and it has the third.
    both = np.arange(least - 1, min(first, second))
    one_missing = _hypergeometric(least - 1, n, both, across[0])
    enough = np.cumsum(one_missing * (across[0] - least + 1) / (n - both))
    return min(1.0, float(_hypergeometric(both + 1, n, first, second) @ enough))


def _hypergeometric(x: Int64 | int, n: int, a: Int64 | int, b: int) -> Float64:
    """The chance that x of b graphs, drawn from n, are among a of these. From logarithms, up to 1e-10 or so: for ten
    thousand graphs there are thousands of these, and `scipy.stats.hypergeom.pmf` takes 20 microseconds for each."""
    from scipy.special import gammaln

    def log_choose(all_of: Int64 | int, some: Int64 | int) -> Float64:
        return np.asarray(gammaln(all_of + 1) - gammaln(some + 1) - gammaln(all_of - some + 1), np.float64)

    chance: Float64 = np.exp(log_choose(a, x) + log_choose(n - a, b - x) - log_choose(n, b))
    return chance


def nodes_of(effects: Effects, shape: str, motifs: Int64) -> Int64:
    """The numbers of the nodes a, b and c of each motif, int64 (k, 3)."""
    first, second = motifs[:, 0], motifs[:, 1]
    source, target = effects.source, effects.target
    if shape == FAN_IN:
        return np.stack([source[first], source[second], target[first]], axis=1)
    return np.stack([source[first], target[first], target[second]], axis=1)


def first_graphs(effects: Effects, motifs: Int64) -> list[int]:
    """The number of the first graph that has each motif.

    Args:
        effects: m effects.
        motifs: int64 (k, 2) or (k, 3): places of the effects of each motif. Some graph has all of them.
    """
    both = np.bitwise_and.reduce(effects.graphs[motifs], axis=1)
    bits = (int.from_bytes(row.astype("<u8").tobytes(), "little") for row in both)
    return [(of_motif & -of_motif).bit_length() - 1 for of_motif in bits]


def _masks(n_graphs: Sequence[int], words: int) -> list[Bits]:
    """The bits of the graphs of each set, uint64 (words,)."""
    ends = np.cumsum([0, *n_graphs])
    is_in = np.zeros((len(n_graphs), words * _WORD), np.bool_)
    for row, first, stop in zip(is_in, ends[:-1], ends[1:], strict=True):
        row[first:stop] = True
    bit = np.uint64(1) << np.arange(_WORD, dtype=np.uint64)
    return [(row.reshape(words, _WORD) * bit).sum(axis=1, dtype=np.uint64) for row in is_in]


def _joined_ends(effects: Effects, shape: str) -> tuple[Int64, Int64]:
    """The nodes at which the first and the second effect of a motif meet."""
    if shape == FAN_IN:
        return effects.target, effects.target
    if shape == FAN_OUT:
        return effects.source, effects.source
    return effects.target, effects.source


def _candidates(effects: Effects, shape: str) -> Iterator[Int64]:
    """Pairs, or threes, of effects that make a motif if a graph has them, int64 (k, 2 or 3), some at a time."""
    size = max(_CELLS // effects.graphs.shape[1], 1)
    for first, second in _joined(*_joined_ends(effects, shape), size):
        if shape in (FAN_IN, FAN_OUT):
            far = effects.source if shape == FAN_IN else effects.target
            # Each pair once, and a promoting effect before an inhibiting one, as in `SIGNED_SHAPES`.
            rank = np.where(effects.negative, len(effects.source), 0) + np.arange(len(effects.source))
            fits = (rank[first] < rank[second]) & (far[first] != far[second])
        else:
            fits = effects.source[first] != effects.target[second]
        pairs = np.stack([first[fits], second[fits]], axis=1)
        if shape != TRIANGLE:
            yield pairs
            continue
        pair = effects.target << 31 | effects.source
        wanted = effects.target[pairs[:, 1]] << 31 | effects.source[pairs[:, 0]]
        begin, stop = np.searchsorted(pair, wanted), np.searchsorted(pair, wanted, side="right")
        for more in (0, 1):  # the effect across may exist with both signs
            there = begin + more < stop
            yield np.column_stack([pairs[there], begin[there] + more])


def _joined(left: Int64, right: Int64, size: int) -> Iterator[tuple[Int64, Int64]]:
    """The places (i, j) of all pairs with left[i] == right[j], about `size` of them at a time."""
    order = np.argsort(right, kind="stable")
    begin, stop = (np.searchsorted(right[order], left, side=side) for side in ("left", "right"))
    before = np.concatenate([[0], np.cumsum(stop - begin)])
    i = 0
    while i < len(left):
        end = max(int(np.searchsorted(before, before[i] + size, side="right")) - 1, i + 1)
        count = (stop - begin)[i:end]
        first = np.repeat(np.arange(i, end), count)
        within = np.arange(len(first)) - np.repeat(before[i:end] - before[i], count)
        yield first, order[np.repeat(begin[i:end], count) + within]
        i = end
