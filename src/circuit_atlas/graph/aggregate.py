"""One graph of many: what N graphs have in common becomes one node, and their direct effects are averaged.

Nodes with the same identity become one node. The most probable logit of each graph becomes the target, all other logits
become one node. Write w(g) for the sum of the weights of all effects of graph g between two of these nodes: a graph has
several where positions do not count. With n graphs where this sum is not 0, the aggregate's effect has

    weight          sum of w(g) / N: the mean over all graphs, where an effect that a graph lacks counts 0
    weight_present  sum of w(g) / n: the mean over the graphs that have it
    weight_sd       square root of the mean of (w(g) - weight)^2 over all N graphs: a population standard deviation,
                    where an effect that a graph lacks counts 0
    graphs          n
    sign_agreement  the larger of the numbers of graphs with w(g) > 0 and with w(g) < 0, divided by n

A node has the number of graphs that have it, and the mean over all graphs of its influence there: the sum over all
nodes of the graph that became it, 0 where there is none. Its activation is the mean over all of these nodes. A logit's
probability is the mean over all graphs of the sum. Left out, and counted, are effects of a node on itself, effects
whose sum is 0, and on request what few graphs have. The ends of an effect that is kept are kept, too: at least as many
graphs have them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.data import (
    KINDS,
    NO_VALUE,
    ArrayEdges,
    EdgeStatistics,
    Float64,
    GraphData,
    Int64,
    NodeColumns,
    NodeStatistics,
    Statistics,
)
from circuit_atlas.graph.influence import MIN_ROW_SUM
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.schema.keys import (
    FEATURE_TYPES,
    OTHERS,
    TARGET,
    Component,
    Kind,
    NodeAddress,
    parse_key,
)
from circuit_atlas.schema.limits import MAX_GRAPH_NODES
from circuit_atlas.schema.models import GraphMetadata

MEAN, NORMALISED = "mean", "normalised"
WEIGHTS = (MEAN, NORMALISED)
FEATURE_ALIGNMENT = "feature"
_MERGED_AT_ONCE = 1 << 22  # effects
_SHOWN_TEXTS = 3  # of the tokens that graphs have at a position
_KEY_TEXT = 200  # characters of a token's text in its key
_ORDER = (Kind.FEATURE, Kind.ERROR, Kind.BIAS, Kind.OTHER, Kind.TOKEN, Kind.LOGIT)


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


class Effects(NamedTuple):
    """Direct effects of some graphs, added up by pair of nodes, in order of `pair`: m of them.

    `pair`, int64 (m,), is the target's number times 2^32 plus the source's. `graphs`, int64 (m,), is the number of
    graphs that have the effect, `total` the sum of its weights there, `spread` the sum of their squared distances from
    their mean; `positive` and `negative` are numbers of graphs by the sign of the weight.
    """

    pair: Int64
    graphs: Int64
    total: Float64
    spread: Float64
    positive: Int64
    negative: Int64

    @classmethod
    def of_graph(cls, target: Int64, source: Int64, weight: Float64) -> Effects:
        """The effects of one graph, (k,) each, between nodes with these numbers; parallel ones are added up, and are as
        none where they cancel out."""
        pair, inverse = np.unique(target << 32 | source, return_inverse=True)
        total = np.bincount(inverse, weight, len(pair)).astype(np.float64)
        pair, total = pair[total != 0], total[total != 0]
        one = np.ones(len(pair), np.int64)
        return cls(pair, one, total, np.zeros(len(pair)), (total > 0).astype(np.int64), (total < 0).astype(np.int64))

    @classmethod
    def merged(cls, parts: Sequence[Effects]) -> Effects:
        """The effects of all graphs of several parts, which have no graph in common."""
        if not parts:
            return cls.of_graph(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        found = cls._make(map(np.concatenate, zip(*parts, strict=True)))
        found = found.take(np.argsort(found.pair, kind="stable"))
        start = np.flatnonzero(np.diff(found.pair, prepend=-1))
        if not len(start):
            return found

        def summed(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.add.reduceat(column, start)

        # The squared distances from the mean of all graphs are those from the mean of each part, and the distances of
        # these means, which all graphs of the part have. (A difference of sums of squares would lose digits.)
        graphs, total = summed(found.graphs), summed(found.total)
        mean = np.repeat(total / graphs, np.diff(start, append=len(found.pair)))
        shifted = found.spread + found.graphs * (found.total / found.graphs - mean) ** 2
        return cls(found.pair[start], graphs, total, summed(shifted), summed(found.positive), summed(found.negative))

    def statistics(self, n_graphs: int) -> tuple[Float64, EdgeStatistics]:
        """Weights and statistics over `n_graphs` graphs, see the module's text."""
        weight, present = self.total / n_graphs, self.total / self.graphs
        absent = n_graphs - self.graphs
        squares = self.spread + self.graphs * (present - weight) ** 2 + absent * weight**2
        agreement = np.maximum(self.positive, self.negative) / self.graphs
        return weight, EdgeStatistics(present, np.sqrt(squares / n_graphs), self.graphs, agreement)

    def take(self, at: npt.NDArray[Any]) -> Effects:
        """Some of the effects, in order of `at`: their places, int64 (k,), or whether to take each, bool (m,)."""
        return Effects._make(column[at] for column in self)


class Aggregation:
    """Adds up graphs, one after the other.

    Args:
        align: how nodes are aligned, see `compare`.
        weights: `mean`, or `normalised`: each weight is divided by the sum of |weight| over the inputs of its target in
            its graph (`input_sum`), as in circuit-tracer's influence.
        n_pos: positions of the longest prompt; positions from the end are counted from its end.
        min_graphs: what fewer graphs have is left out of the result.
    """

    def __init__(self, align: str, weights: str, n_pos: int, min_graphs: int = 1) -> None:
        self._align, self._weights, self._n_pos, self._min_graphs = align, weights, n_pos, min_graphs
        self._numbers: dict[str, int] = {}  # of each identity
        self._texts: list[Counter[str]] = []  # of the tokens of each
        self._indices: list[int] = []
        self._layers: list[int] = []
        self._nodes: list[tuple[npt.NDArray[Any], ...]] = []  # numbers, and three values, of the nodes of each graph
        self._present: list[Int64] = []  # numbers of the nodes that each graph has
        self._effects: list[Effects] = []
        self._waiting = 0  # effects that are not merged yet
        self._within = 0
        self.graphs = self.without_logits = 0

    def add(self, nodes: SourceNodes, edges: PackedEdges) -> None:
        """Add a graph.

        Raises:
            InvalidArgumentError: the aggregate would have too many nodes.
        """
        number = self._number(nodes)
        self.graphs += 1
        self._nodes.append((number, nodes.activation, nodes.influence, nodes.probability))
        self._present.append(np.unique(number))
        weight = edges.weight.astype(np.float64)
        if self._weights == NORMALISED:
            weight /= np.repeat(np.maximum(nodes.input_sum, MIN_ROW_SUM), edges.inputs)
        target, source = np.repeat(number, edges.inputs), number[edges.source]
        between = target != source
        self._within += int(np.count_nonzero(~between))
        self._effects.append(Effects.of_graph(target[between], source[between], weight[between]))
        self._waiting += len(self._effects[-1].pair)
        # What is merged grows with what is there: so an effect is merged log(graphs) times, not once for each block.
        if self._waiting > max(_MERGED_AT_ONCE, len(self._effects[0].pair)):
            self.effects()

    @property
    def identities(self) -> list[str]:
        """What each node is aligned by, by its number."""
        return list(self._numbers)

    def effects(self) -> Effects:
        """The direct effects of the graphs that were added so far, between nodes with these numbers."""
        self._effects, self._waiting = [Effects.merged(self._effects)], 0
        return self._effects[0]

    def data(self, metadata: GraphMetadata) -> GraphData:
        """The aggregate.

        Args:
            metadata: what is known of it as a whole; its tokens and warnings are filled in here.

        Raises:
            InvalidArgumentError: the aggregate would have too many nodes.
        """
        identities = self.identities
        present = np.concatenate(self._present) if self._present else np.zeros(0, np.int64)
        graphs = np.bincount(present, minlength=len(identities)).astype(np.int64)
        frequent = np.flatnonzero(graphs >= self._min_graphs).tolist()
        _check_size(len(frequent))
        addresses = {i: self._address(identities[i], self._layers[i]) for i in frequent}
        numbers = np.array(sorted(frequent, key=lambda i: _place(addresses[i], identities[i])), np.int64)
        every = self.effects()
        effects = every.take(every.graphs >= self._min_graphs)
        ordinal = np.full(len(identities), NO_VALUE, np.int64)
        ordinal[numbers] = np.arange(len(numbers))
        pair = ordinal[effects.pair >> 32] << 32 | ordinal[effects.pair & 0xFFFFFFFF]
        effects = effects._replace(pair=pair).take(np.argsort(pair))
        kept = effects.take(effects.total / max(self.graphs, 1) != 0)
        weight, statistics = kept.statistics(self.graphs)
        edges = ArrayEdges((kept.pair >> 32).astype(np.int32), (kept.pair & 0xFFFFFFFF).astype(np.int32), weight)
        nodes = self._columns([identities[i] for i in numbers], [addresses[i] for i in numbers], numbers)
        rare = len(identities) - len(numbers), len(every.pair) - len(effects.pair)
        update = {"tokens": self._tokens(nodes), "warnings": self._notes(rare, len(effects.pair) - len(kept.pair))}
        return GraphData(
            metadata=metadata.model_copy(update=update),
            nodes=nodes,
            edges=edges,
            statistics=Statistics(NodeStatistics(graphs[numbers], self._mean_influence()[numbers]), statistics),
        )

    def _number(self, nodes: SourceNodes) -> Int64:
        """The number of each node of a graph; those of new identities are added."""
        logits = np.array([identity.startswith("logit:") for identity in nodes.identity], np.bool_)
        probability = np.where(logits, np.nan_to_num(nodes.probability), -1)
        target = int(np.argmax(probability)) if logits.any() else NO_VALUE
        self.without_logits += target == NO_VALUE
        number = np.empty(len(logits), np.int64)
        for i, identity in enumerate(nodes.identity):
            text = nodes.token[i]
            if logits[i]:
                identity = f"logit:{TARGET if i == target else OTHERS}"  # noqa: PLW2901
            elif identity.startswith("token:"):
                text = text[:_KEY_TEXT]
                where = "" if self._align == FEATURE_ALIGNMENT else identity.rpartition("@")[2]
                identity = f"token@{where}" if where else f"token:{text}"  # noqa: PLW2901
            at = self._numbers.setdefault(identity, len(self._texts))
            if at == len(self._texts):
                self._texts.append(Counter())
                self._indices.append(int(nodes.vocabulary_index[i]))
                self._layers.append(int(nodes.layer[i]))
            if identity.startswith("token"):
                self._texts[at][text] += 1
                if self._indices[at] != nodes.vocabulary_index[i]:
                    self._indices[at] = NO_VALUE
            number[i] = at
        if self._min_graphs == 1:  # else it is known at the end which nodes are kept
            _check_size(len(self._texts))
        return number

    def _address(self, identity: str, layer: int) -> NodeAddress:
        """Kind, layer, index, position and component of the node of an identity."""
        has_position = self._align != FEATURE_ALIGNMENT and "@" in identity
        what, _, after = identity.rpartition("@") if has_position else (identity, "", "")
        position = int(after) if has_position else None
        if position is not None and position < 0:
            position += self._n_pos
        if what.startswith("token"):
            return NodeAddress(Kind.TOKEN, None, None, position)
        if what.startswith("logit:"):
            return NodeAddress(Kind.LOGIT, None, None, None)
        known = parse_key(what)
        if known is not None:
            return known._replace(position=position)
        return NodeAddress(Kind(what.partition(":")[0]), None if layer == NO_VALUE else layer, None, position)

    def _columns(self, identities: list[str], addresses: list[NodeAddress], numbers: Int64) -> NodeColumns:
        n_all, n = len(self._texts), len(identities)

        def integers(values: list[int | None], dtype: Any) -> npt.NDArray[Any]:
            return np.array([NO_VALUE if value is None else value for value in values], dtype)

        kinds = [address.kind for address in addresses]
        number, activation, _, probability = self._all_nodes()
        found = ~np.isnan(activation)
        active = np.bincount(number[found], minlength=n_all)
        sums = np.bincount(number[found], activation[found], n_all)
        is_logit = np.array([kind is Kind.LOGIT for kind in kinds], np.bool_)
        chances = np.bincount(number, np.nan_to_num(probability), n_all)[numbers] / max(self.graphs, 1)
        vocabulary = [
            self._indices[i] if kind is Kind.TOKEN else NO_VALUE for i, kind in zip(numbers, kinds, strict=True)
        ]
        index = integers([address.index for address in addresses], np.int64)
        token = [
            _joined(self._texts[i]) if kind is Kind.TOKEN else None for i, kind in zip(numbers, kinds, strict=True)
        ]
        label = [
            identity.partition(":")[2] if logit else None for identity, logit in zip(identities, is_logit, strict=True)
        ]
        source_id = [_source_id(address, identity) for address, identity in zip(addresses, identities, strict=True)]
        nothing: list[str | None] = [None] * n if any(source_id) else []
        return NodeColumns(
            kind=np.array([KINDS.index(kind) for kind in kinds], np.int8),
            layer=integers([address.layer for address in addresses], np.int32),
            position=integers([address.position for address in addresses], np.int32),
            index=np.where([kind is Kind.TOKEN for kind in kinds], np.array(vocabulary, np.int64), index),
            activation=np.divide(sums, active, out=np.full(n_all, np.nan), where=active > 0)[numbers],
            probability=np.where(is_logit, chances, np.nan),
            cumulative_influence=np.full(n, np.nan),
            token=token,
            label=label,
            source_id=source_id,
            js_node_id=nothing,
            feature_type=[_feature_type(address) for address in addresses] if nothing else [],
            extra=[_extra(address) if source_id[i] else None for i, address in enumerate(addresses)] if nothing else [],
            pinned=np.zeros(len(nothing), np.bool_),
        )

    def _mean_influence(self) -> Float64:
        """The mean influence of each node over all graphs, by its number."""
        number, _, influence, _ = self._all_nodes()
        return np.bincount(number, np.nan_to_num(influence), len(self._texts)) / max(self.graphs, 1)

    def _all_nodes(self) -> tuple[npt.NDArray[Any], ...]:
        """Numbers, activations, influences and probabilities of the nodes of all graphs."""
        if not self._nodes:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0)
        return tuple(map(np.concatenate, zip(*self._nodes, strict=True)))

    def _tokens(self, nodes: NodeColumns) -> list[str]:
        """The text at each position; none where positions do not count."""
        if self._align == FEATURE_ALIGNMENT:
            return []
        at = {
            int(nodes.position[i]): nodes.token[i] or "" for i in np.flatnonzero(nodes.kind == KINDS.index(Kind.TOKEN))
        }
        return [at.get(position, "") for position in range(self._n_pos)]

    def _notes(self, rare: tuple[int, int], zero: int) -> list[str]:
        notes = []
        if any(rare):
            nodes, effects = rare
            notes.append(
                f"found in fewer than {self._min_graphs:,} graphs, left out: {nodes:,} nodes, {effects:,} effects"
            )
        if self.without_logits:
            notes.append(f"graphs without logits, of which nothing acts on the target: {self.without_logits:,}")
        if self._within:
            notes.append(f"effects between nodes that became one, left out: {self._within:,}")
        if zero:
            notes.append(f"effects that add up to exactly 0 over all graphs, left out: {zero:,}")
        return notes


def _check_size(n_nodes: int) -> None:
    if n_nodes > MAX_GRAPH_NODES:
        raise InvalidArgumentError(
            f"the aggregate would have more than {MAX_GRAPH_NODES:,} nodes",
            fix=f"Leave out what few graphs have (--min-graphs), take fewer graphs, or align nodes by "
            f"{FEATURE_ALIGNMENT}, which drops their positions.",
        )


def _place(address: NodeAddress, identity: str) -> tuple[Any, ...]:
    """Where a node stands among all: features, errors and others by layer, then tokens, then the target, then the other
    logits."""
    values = (address.layer, address.index, address.position)
    numbers = (NO_VALUE if value is None else value for value in values)
    return _ORDER.index(address.kind), *numbers, identity == f"logit:{OTHERS}", identity


def _joined(texts: Counter[str]) -> str:
    """The text of all tokens, or the commonest ones, with the blanks in front that all have."""
    if len(texts) == 1:
        return next(iter(texts))
    commonest = sorted(texts, key=lambda text: (-texts[text], text))
    shown = [text.strip() or repr(text) for text in commonest[:_SHOWN_TEXTS]]
    return "|".join([*shown, *(["…"] if len(commonest) > _SHOWN_TEXTS else [])])


def _feature_type(address: NodeAddress) -> str | None:
    match address.kind, address.component:
        case Kind.FEATURE, Component.LORSA:
            return "lorsa"
        case Kind.ERROR, Component.ATTENTION:
            return "lorsa error"
        case Kind.BIAS, _:
            return "bias"
        case _:
            return FEATURE_TYPES.get(address.kind)


def _source_id(address: NodeAddress, identity: str) -> str | None:
    """The id of a node that circuit-tracer has no id for: of the attention, or of an unknown type."""
    where = address.position or 0
    match address.kind, address.component:
        case Kind.FEATURE, Component.LORSA:
            return f"{address.layer}_lor_{address.index}_{where}"
        case Kind.ERROR, Component.ATTENTION:
            return f"{address.layer}_error_attn_{where}"
        case Kind.BIAS | Kind.OTHER, _:
            return identity.partition(":")[2]
        case _:
            return None


def _extra(address: NodeAddress) -> str:
    """The fields that say where a frontend draws a node which has an id of its own."""
    return json.dumps({"layer": str(address.layer), **({} if address.position is not None else {"ctx_idx": 0})})
