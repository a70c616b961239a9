"""The nodes and direct effects of many graphs, added up: what aggregates are made of.

A graph can be added, and taken out again: what remains is as if it had never been there, see `graph.sums`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import EdgeStatistics, Float64, Int32, Int64
from circuit_atlas.graph.pairs import summed
from circuit_atlas.graph.sums import Sums, added_up


class SourceNodes(NamedTuple):
    """The n nodes of a graph, in order. `identity` is what each is aligned by, as in `compare`; for nodes that are
    aligned by position, it ends with `@` and the position, from the end of the prompt where it is negative.
    `vocabulary_index` is that of a token."""

    identity: list[str]
    layer: npt.NDArray[Any]
    vocabulary_index: npt.NDArray[Any]
    token: list[str]
    activation: Float64
    influence: Float64
    probability: Float64
    input_sum: Float64


class Targets:
    """Finds the predicted token of graphs, and counts those that have no logits, or no probability of any.

    Args:
        without_logits: graphs without logits, so far.
        without_probabilities: graphs with logits of which none has a probability, so far.
    """

    def __init__(self, without_logits: int = 0, without_probabilities: int = 0) -> None:
        self.without_logits, self.without_probabilities = without_logits, without_probabilities

    def find(self, nodes: SourceNodes, by: int = 1) -> int | None:
        """The place of the most probable logit of a graph, the first if none has a probability; None without logits.
        `by` is 1, or -1 if the graph is taken out."""
        is_logit = np.array([identity.startswith("logit:") for identity in nodes.identity], np.bool_)
        if not is_logit.any():
            self.without_logits += by
            return None
        self.without_probabilities += by * bool(np.isnan(nodes.probability[is_logit]).all())
        return int(np.argmax(np.where(is_logit, np.nan_to_num(nodes.probability), -1.0)))


class Effects(NamedTuple):
    """Direct effects of some graphs, added up by pair of nodes, in order of `pair`: m of them.

    `pair`, int64 (m,), is the target's number times 2^32 plus the source's. `graphs`, int32 (m,), is the number of
    graphs that have the effect, `positive` that of the graphs where its weight is positive. `total` are the sums of its
    weights there, `squares` those of their squares.
    """

    pair: Int64
    graphs: Int32
    positive: Int32
    total: Sums
    squares: Sums

    @classmethod
    def of_graph(cls, target: Int64, source: Int64, weight: Float64) -> Effects:
        """The effects of one graph, (k,) each, between nodes with these numbers. Parallel ones are added up, and are
        left out where they cancel."""
        pair, total = summed(target, source, weight)
        one = np.ones(len(pair), np.int32)
        return cls(pair, one, (total > 0).astype(np.int32), Sums.of(total), Sums.of_squares(total))

    @classmethod
    def merged(cls, parts: Sequence[Effects]) -> Effects:
        """The effects of all graphs of several parts, which have no graph in common. A graph that was taken out leaves
        nothing behind."""
        if not parts:
            return cls.of_graph(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        pair, graphs, positive, total, squares = zip(*parts, strict=True)
        found, [all_graphs, all_positive], [all_total, all_squares] = added_up(
            np.concatenate(pair),
            [np.concatenate(graphs), np.concatenate(positive)],
            [Sums.joined(total), Sums.joined(squares)],
        )
        merged = cls(found, all_graphs, all_positive, all_total, all_squares)
        return merged if merged.graphs.all() else merged.take(merged.graphs != 0)

    def taken_out(self) -> Effects:
        """Negated sums of these graphs: merging them with others takes these graphs out."""
        return Effects(self.pair, -self.graphs, -self.positive, self.total.negated(), self.squares.negated())

    def statistics(self, n_graphs: int) -> tuple[Float64, EdgeStatistics]:
        """Weights and statistics over `n_graphs` graphs, see `graph.aggregate`."""
        graphs, total = self.graphs.astype(np.int64), self.total.high
        deviation = np.sqrt(self.total.around_mean(self.squares, n_graphs) / n_graphs)
        agreement = np.maximum(self.positive, graphs - self.positive) / graphs
        return total / n_graphs, EdgeStatistics(total / graphs, deviation, graphs, agreement)

    def take(self, at: npt.NDArray[Any]) -> Effects:
        """Some of the effects, in order of `at`: their places, int64 (k,), or whether to take each, bool (m,)."""
        return Effects(self.pair[at], self.graphs[at], self.positive[at], self.total.take(at), self.squares.take(at))


class NodeSums(NamedTuple):
    """The nodes of some graphs, added up by number, in order of `number`: m of them.

    `number`, int64 (m,). `graphs`, int32 (m,), is the number of graphs that have the node, `active` that of the nodes
    with an activation that became it. The others are the sums of their activations, influences and probabilities.
    """

    number: Int64
    graphs: Int32
    active: Int32
    activation: Sums
    influence: Sums
    probability: Sums

    @classmethod
    def of_graph(cls, number: Int64, nodes: SourceNodes) -> NodeSums:
        """The nodes of a graph; `number`, int64 (n,), is that of what each becomes."""
        found, at = np.unique(number, return_inverse=True)
        active = np.bincount(at, ~np.isnan(nodes.activation), len(found)).astype(np.int32)

        def summed(column: Float64) -> Sums:
            return Sums.of(np.bincount(at, np.nan_to_num(column), len(found)).astype(np.float64))

        sums = summed(nodes.activation), summed(nodes.influence), summed(nodes.probability)
        return cls(found, np.ones(len(found), np.int32), active, *sums)

    @classmethod
    def merged(cls, parts: Sequence[NodeSums]) -> NodeSums:
        """The nodes of all graphs of several parts."""
        if not parts:
            nothing = np.zeros(0, np.int32)
            return cls(np.zeros(0, np.int64), nothing, nothing, *(Sums.of(np.zeros(0)) for _ in range(3)))
        number, graphs, active, *sums = zip(*parts, strict=True)
        found, [all_graphs, all_active], added = added_up(
            np.concatenate(number),
            [np.concatenate(graphs), np.concatenate(active)],
            [Sums.joined(column) for column in sums],
        )
        return cls(found, all_graphs, all_active, *added)

    def taken_out(self) -> NodeSums:
        """Negated sums of these graphs: merging them with others takes these graphs out."""
        sums = self.activation.negated(), self.influence.negated(), self.probability.negated()
        return NodeSums(self.number, -self.graphs, -self.active, *sums)

    def take(self, at: Int64) -> NodeSums:
        """Some of the nodes: their places, int64 (k,)."""
        sums = self.activation.take(at), self.influence.take(at), self.probability.take(at)
        return NodeSums(self.number[at], self.graphs[at], self.active[at], *sums)
