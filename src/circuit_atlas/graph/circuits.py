"""Circuits: how much of a graph a few of its nodes account for, and which nodes to choose.

A circuit is a set of nodes. Tokens, logits and targets belong to every circuit; errors are what no circuit explains.
What happens to the other nodes is as in the subgraph scores proposed for circuit-tracer (its pull request 42): a node
that is left out counts as an error. Its effects on the circuit stay, and count as effects of an error. Its own inputs
do not count. So the scores are those of circuit-tracer's `compute_graph_scores` for the matrix in which the rows of
these nodes are 0 and their columns are among those of errors. Rows are normalised by all inputs, as in the whole graph.

    influence      of what flows into the targets, the share that neither comes from nor passes a node left out
    replacement    what comes from tokens, as a share of what comes from tokens, errors and nodes left out
    completeness   share of each node's inputs that are neither errors nor left out, weighted by its influence

Influence never becomes less when a node is added. Errors count as left out for replacement and completeness only.
Pull request 42 adds up the signed effects of a node left out and of the error at its place before it takes their size,
so that they may cancel out; here each counts by its own size. Neuronpedia's page leaves other nodes out altogether.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import ClassVar, NamedTuple

import numpy as np

from circuit_atlas.graph.data import Bool, Float64, Int32, Int64
from circuit_atlas.graph.influence import graph_scores, node_influence, shares_of_inputs
from circuit_atlas.graph.packed import PackedEdges, Part, combined
from circuit_atlas.graph.ranges import places_of
from circuit_atlas.schema.limits import MAX_WALKS, MIN_INPUT_SUM

_FIRST_ROWS = 64
_MAX_PATHS = 10_000
_SAME = 1e-12  # scores that differ by less are the same


class CircuitScores(NamedTuple):
    """The three scores of a circuit, 0 to 1, see the module's text. Influence is None if nothing flows into the
    targets, replacement if nothing reaches a token or an error."""

    influence: float | None
    replacement: float | None
    completeness: float


class Choice(NamedTuple):
    """A circuit that a method chose: `nodes`, bool (n,), without tokens, errors and logits; and its scores."""

    method: str
    nodes: Bool
    scores: CircuitScores


@dataclass(frozen=True)
class Circuits:
    """The circuits of a graph of n nodes.

    Args:
        edges: the graph's edges.
        order: see `topological_order`; None for a graph with a cycle.
        input_sum: float64 (n,): sum of |weight| over each node's inputs.
        weights: float64 (n,): the weights of the targets; for all logits, their probabilities.
        is_token: bool (n,).
        is_error: bool (n,).
        is_logit: bool (n,).
    """

    edges: PackedEdges
    order: Int32 | None
    input_sum: Float64
    weights: Float64
    is_token: Bool
    is_error: Bool
    is_logit: Bool

    @cached_property
    def choosable(self) -> Bool:
        """The nodes that a circuit may have or leave out, bool (n,): features and biases that are not targets."""
        return ~(self.is_token | self.is_error | self.is_logit | (self.weights > 0))

    def influence(self, nodes: Bool) -> Float64:
        """Influence through each node along paths in a circuit, float64 (n,); for a node left out, what it brings in.

        Args:
            nodes: bool (n,): the nodes of the circuit; tokens, errors and targets need not be among them.

        Raises:
            ValueError: influence does not converge around a cycle.
        """
        found = node_influence(self._edges_of(nodes), self.order, self.input_sum, self.weights)
        if found is None:
            raise ValueError("influence does not converge around a cycle")
        return found

    def score(self, nodes: Bool) -> CircuitScores:
        """The scores of a circuit; of all nodes, they are those of the graph. Arguments and errors as of `influence`"""
        left, influence = self.choosable & ~nodes, self.influence(nodes)
        errors = np.zeros_like(self.input_sum)
        at, target = self._places_of(nodes)
        from_error = (self.is_error | left)[self.edges.source[at]]
        size = np.abs(self.edges.weight[at]).astype(np.float64)
        errors += np.bincount(target, size * from_error, len(errors))
        replacement, completeness = graph_scores(
            self.is_token, self.is_error | left, self.weights, self.input_sum, errors, influence
        )
        reached = self.weights[self.input_sum > 0].sum()
        kept = float(1 - influence[left].sum() / reached) if reached else None
        return CircuitScores(None if kept is None else max(kept, 0.0), replacement, completeness)

    def choose(self, most: int, keep: str, method: str) -> Choice:
        """A circuit of at most `most` nodes, not counting tokens and logits.

        Args:
            most: how many nodes.
            keep: what to keep as much as possible of, one of `CIRCUIT_SCORES`.
            method: one of `CIRCUIT_METHODS`: the most influential nodes; those that raise the score most, one after the
                other; or those on the best paths from tokens to targets by product.
        """
        chosen = np.zeros_like(self.choosable)
        chosen[self._methods[method](self, most, keep)] = True
        return Choice(method, chosen, self.score(chosen))

    def _by_influence(self, most: int, _: str) -> list[int]:
        influence = np.where(self.choosable, self.influence(self.choosable), 0)
        found = np.lexsort((np.arange(len(influence)), -influence))[:most]
        return [i for i in found.tolist() if influence[i] > 0]

    def _greedily(self, most: int, keep: str) -> list[int]:
        growing = _Growing(self)
        found: list[int] = []
        while len(found) < most and (best := growing.best(keep)) is not None:
            growing.add(best)
            found.append(best)
        return found

    def _by_paths(self, most: int, _: str) -> list[int]:
        found: set[int] = set()
        for number, path in enumerate(self._best_paths()):
            more = found | {node for node in path if self.choosable[node]}
            if len(more) > most or number == _MAX_PATHS:
                break
            found = more
        return sorted(found)

    _methods: ClassVar[dict[str, Callable[[Circuits, int, str], list[int]]]] = {
        "influence": _by_influence,
        "greedy": _greedily,
        "paths": _by_paths,
    }

    def _best_paths(self) -> Iterator[tuple[int, ...]]:
        """The paths from tokens to targets, the largest product of shares of inputs first, from the target back. Around
        cycles, they end after `MAX_WALKS` walks that came back to a node.

        A path is extended from the target. An entry of the heap is such a beginning and the number of its next node in
        `steps`: what it can come to is known, so each path is found in as many entries as it has nodes.
        """
        best = self._best_products()
        steps: dict[int, list[tuple[float, float, int]]] = {}
        tie = count()
        heap: list[tuple[float, int, float, tuple[int, ...], int]] = []

        def push(value: float, path: tuple[int, ...], place: int) -> None:
            node = path[-1]
            if node not in steps:
                steps[node] = self._steps(node, best)
            if place < len(steps[node]):
                heapq.heappush(heap, (-value * steps[node][place][0], next(tie), value, path, place))

        for target in np.flatnonzero(self.weights).tolist():
            push(float(self.weights[target]), (target,), 0)
        walks = 0  # that came back to a node; around a cycle there may be any number of them
        while heap and walks < MAX_WALKS:
            _, _, value, path, place = heapq.heappop(heap)
            push(value, path, place + 1)
            _, share, source = steps[path[-1]][place]
            if source < 0:
                yield path
            elif source in path:
                walks += 1
            else:
                push(value * share, (*path, source), 0)

    def _steps(self, node: int, best: Float64) -> list[tuple[float, float, int]]:
        """Where a path may go on from a node: the best product that it comes to, the share of the node's inputs, the
        input; the best first. At a token it may end: input -1."""
        source, weight = self.edges.inputs_of(node)
        shares = np.abs(weight) / max(self.input_sum[node], MIN_INPUT_SUM)
        products = shares * best[source]
        order = np.lexsort((source, -products))
        found = [(float(products[i]), float(shares[i]), int(source[i])) for i in order.tolist() if products[i] > 0]
        return [(1.0, 1.0, -1), *found] if self.is_token[node] else found

    def _best_products(self) -> Float64:
        """The largest product of shares of any path from a token to each node, float64 (n,)."""
        sums, best = np.maximum(self.input_sum, MIN_INPUT_SUM), self.is_token.astype(np.float64)
        for _ in range(len(best)):

            def reached(part: Part, before: Float64 = best) -> Float64:
                products: Float64 = np.abs(part.weight) / part.at_target(sums) * part.at_source(before)
                return products

            better = best.copy()
            combined(self.edges, reached, np.maximum, better)
            if (better == best).all():
                break
            best = better
        return best

    def _places_of(self, nodes: Bool) -> tuple[Int64, Int64]:
        """Which edges lead to nodes that are not left out, and their targets."""
        inputs = np.where(self.choosable & ~nodes, 0, self.edges.inputs)
        return places_of(self.edges.start[:-1], inputs), np.repeat(np.arange(len(inputs)), inputs)

    def _edges_of(self, nodes: Bool) -> PackedEdges:
        """The edges without those that lead to nodes left out."""
        at, _ = self._places_of(nodes)
        inputs = np.where(self.choosable & ~nodes, 0, self.edges.inputs)
        return replace(self.edges, inputs=inputs, source=self.edges.source[at], weight=self.edges.weight[at])


class _Growing:
    """A circuit to which nodes are added one by one; what each node would bring is always known.

    With A the shares of inputs and K the nodes of the circuit, let G = A + A[:, K] (1 - A[K, K])^-1 A[K, :]: what comes
    from each node to each other directly or through the circuit. To add x changes G by a product of its column and its
    row, G[:, x] G[x, :] / (1 - G[x, x]) (Sherman and Morrison). So the row and the column of a node are made from its
    own effects and from those of the nodes added before, and G need not be kept.
    """

    def __init__(self, circuits: Circuits) -> None:
        self._circuits = circuits
        n = len(circuits.weights)
        self._shares = np.maximum(circuits.input_sum, MIN_INPUT_SUM)
        self._left = circuits.choosable.copy()
        self._arriving = circuits.weights.astype(np.float64)  # at each node from targets, through the circuit
        self._added = 0
        self._space = np.empty((2, _FIRST_ROWS, n))  # for rows and columns of the nodes added, as they were added
        self._returning = self._diagonal()  # G[x, x]
        # G times the nodes of a kind: what of each node's inputs comes from them, directly or through the circuit.
        self._of_tokens, self._of_errors, self._of_left, self._of_all = (
            shares_of_inputs(circuits.edges, self._shares, kind.astype(np.float64))
            for kind in (circuits.is_token, circuits.is_error, self._left, np.ones(n, np.bool_))
        )
        fixed, leads_on = ~self._left & (circuits.edges.inputs > 0), np.zeros(n, np.bool_)
        leads_on[circuits.edges.source] = True
        self._add_ends(fixed & ~leads_on)
        for node in np.flatnonzero(fixed & leads_on).tolist():
            self.add(node)

    def best(self, keep: str) -> int | None:
        """The node that raises a score most; None if none is left, or if each would make it less."""
        at = np.flatnonzero(self._left & (self._arriving > 0))
        if not len(at):
            return None
        scores = self._scores(at, keep)
        if scores.max() < self._score(keep) - _SAME:
            return None
        equal = at[scores >= scores.max() - _SAME]
        return int(equal[np.argmax(self._arriving[equal])])

    def add(self, node: int) -> None:
        """Add a node to the circuit."""
        row, column = self._row(node), self._column(node)
        rest = max(1 - row[node], MIN_INPUT_SUM)
        self._arriving += self._arriving[node] / rest * row
        for brought in (self._of_tokens, self._of_errors, self._of_left, self._of_all):
            np.add(brought, column * (brought[node] / rest), out=brought)
        if self._left[node]:
            self._left[node] = False
            self._of_left -= column / rest
        self._returning += column * row / rest
        if self._added == self._space.shape[1]:  # twice the space: to copy all rows for each node would take longest
            self._space = np.concatenate([self._space, np.empty_like(self._space)], axis=1)
        self._space[:, self._added] = row, column / rest
        self._added += 1

    def _add_ends(self, nodes: Bool) -> None:
        """Add nodes without outputs, bool (n,), such as all logits. They bring nothing to others: all that is kept of
        them is what arrives at their inputs."""
        passing = np.where(nodes, self._circuits.weights / self._shares, 0.0)
        for block in self._circuits.edges.blocks(1 << 20):
            arriving = passing[block.target] * np.abs(block.weight)
            self._arriving += np.bincount(block.source, arriving, len(passing))

    @property
    def _rows(self) -> Float64:
        return self._space[0, : self._added]

    @property
    def _columns(self) -> Float64:
        return self._space[1, : self._added]

    def _sums(self) -> tuple[float, float, float, float]:
        """Influence that comes from tokens, from errors, from nodes left out, and through all nodes together."""
        flow, circuits = self._arriving - self._circuits.weights, self._circuits
        return (
            float(flow[circuits.is_token].sum()),
            float(flow[circuits.is_error].sum()),
            float(flow[self._left].sum()),
            float(flow.sum()),
        )

    def _score(self, keep: str) -> float:
        return float(self._kept(keep, *(np.array([total]) for total in self._sums()))[0])

    def _scores(self, at: Int64, keep: str) -> Float64:
        """The score of the circuit with each of some nodes, `at` (k,), added: float64 (k,)."""
        tokens, errors, left, through = self._sums()
        arriving, returning = self._arriving[at], self._returning[at]
        passing = arriving / np.maximum(1 - returning, MIN_INPUT_SUM)
        return self._kept(
            keep,
            tokens + passing * self._of_tokens[at],
            errors + passing * self._of_errors[at],
            left - arriving + passing * (self._of_left[at] - returning),
            through + passing * self._of_all[at],
        )

    def _kept(self, keep: str, tokens: Float64, errors: Float64, left: Float64, through: Float64) -> Float64:
        """A score, or for `influence` what rises and falls with it, from sums as of `_sums`."""
        all_weights = float(self._circuits.weights.sum())
        lost = left if keep == "influence" else errors + left
        if keep == "replacement":
            kept: Float64 = tokens / np.maximum(tokens + lost, MIN_INPUT_SUM)
        else:
            kept = 1 - lost / (all_weights if keep == "influence" else through + all_weights)
        return kept

    def _row(self, node: int) -> Float64:
        start, stop = self._circuits.edges.start[node : node + 2].tolist()
        row: Float64 = self._columns[:, node] @ self._rows
        row[self._circuits.edges.source[start:stop]] += (
            np.abs(self._circuits.edges.weight[start:stop]) / self._shares[node]
        )
        return row

    def _column(self, node: int) -> Float64:
        edges = self._circuits.edges
        at = np.flatnonzero(edges.source == node)
        target = np.searchsorted(edges.start, at, side="right") - 1
        column: Float64 = self._rows[:, node] @ self._columns
        column[target] += np.abs(edges.weight[at]) / self._shares[target]
        return column

    def _diagonal(self) -> Float64:
        """A[x, x], float64 (n,): effects of nodes on themselves."""
        found = np.zeros_like(self._shares)
        for block in self._circuits.edges.blocks(1 << 20):
            own = block.target == block.source
            found[block.target[own]] = np.abs(block.weight[own]) / self._shares[block.target[own]]
        return found
