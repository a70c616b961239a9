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
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from io import BytesIO
from itertools import chain
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.data import (
    KINDS,
    NO_VALUE,
    ArrayEdges,
    GraphData,
    Int64,
    NodeColumns,
    NodeStatistics,
    Statistics,
)
from circuit_atlas.graph.many_graphs import Effects, NodeSums, SourceNodes, Targets
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.graph.packed_sums import pack_effects, unpack_effects
from circuit_atlas.graph.pairs import SOURCE, summed
from circuit_atlas.graph.sums import Sums
from circuit_atlas.schema.keys import (
    FEATURE_TYPES,
    OTHERS,
    TARGET,
    Component,
    Kind,
    NodeAddress,
    parse_key,
    split_position,
)
from circuit_atlas.schema.limits import AGGREGATED_WEIGHTS, MAX_GRAPH_NODES, MIN_INPUT_SUM
from circuit_atlas.schema.models import GraphMetadata

MEAN, NORMALISED = AGGREGATED_WEIGHTS
FEATURE_ALIGNMENT = "feature"
_MERGE_SIZE = 1 << 22  # effects
_FORMAT = 4  # of what `Aggregation.state` returns; another one for other sums, or other identities of nodes
_SHOWN_TEXTS = 3  # of the tokens that graphs have at a position
_MAX_KEPT = 1 << 22  # effects: of more, the sums are not kept
_MAX_STATE = 1 << 29  # bytes of all sums, before they are compressed
_MAX_SQUARED = 1e140  # the square of the sum of a hundred thousand is less than the largest float64
_KEY_TEXT = 200  # characters of a token's text in its key
_ORDER = (Kind.FEATURE, Kind.ERROR, Kind.BIAS, Kind.OTHER, Kind.TOKEN, Kind.LOGIT)


class Aggregation:
    """Adds up graphs, one after the other, in any order, and can take them out again.

    Args:
        align: how nodes are aligned, see `compare`.
        weights: `mean`, or `normalised`: each weight is divided by the sum of |weight| over the inputs of its target in
            its graph (`input_sum`), as in circuit-tracer's influence.
        n_pos: positions of the longest prompt; positions from the end are counted from its end.
        min_graphs: what fewer graphs have is left out of the result.
        is_stored: whether the result becomes a graph, of which only so many nodes can be stored.
    """

    def __init__(self, align: str, weights: str, n_pos: int, min_graphs: int = 1, *, is_stored: bool = True) -> None:
        self._is_stored = is_stored
        self._align, self._weights, self._n_pos, self._min_graphs = align, weights, n_pos, min_graphs
        self._numbers: dict[str, int] = {}  # of each identity
        self._texts: defaultdict[int, Counter[str]] = defaultdict(Counter)  # of the tokens of each number
        self._indices: defaultdict[int, Counter[int]] = defaultdict(Counter)  # of these tokens in the vocabulary
        self._layers: list[int] = []
        self._nodes: list[NodeSums] = []
        self._effects: list[Effects] = []
        self._waiting = 0  # effects that are not merged yet
        self._has_all = True  # whether each node is in some graph
        self._within = self._graphs = 0
        self.targets = Targets()

    def add(self, nodes: SourceNodes, edges: PackedEdges) -> None:
        """Add a graph.

        Raises:
            InvalidArgumentError: the aggregate would have too many nodes, or a weight is too large.
        """
        self._change(nodes, edges, 1)

    def take_out(self, nodes: SourceNodes, edges: PackedEdges) -> None:
        """Take out a graph that was added."""
        self._has_all = False
        self._change(nodes, edges, -1)

    def _change(self, nodes: SourceNodes, edges: PackedEdges, by: int) -> None:
        weight = edges.weight.astype(np.float64)
        target, source = np.repeat(np.arange(len(nodes.input_sum)), edges.inputs), edges.source.astype(np.int64)
        number = self._number(nodes, by)
        if self._weights == NORMALISED:
            # Effects of one thing on a node are added up first: those that cancel do so only if they are not divided.
            pair, weight = summed(target, number[source], weight)
            target, source = pair >> 32, pair & SOURCE
            weight /= np.maximum(nodes.input_sum, MIN_INPUT_SUM)[target]
        else:
            source = number[source]
        if np.abs(weight).max(initial=0.0) > _MAX_SQUARED:
            raise InvalidArgumentError(
                f"weights above {_MAX_SQUARED:g}, whose squares cannot be added up", fix="Leave the graph out."
            )
        self._graphs += by
        target = number[target]
        between = target != source
        self._within += by * int(np.count_nonzero(~between))
        effects = Effects.of_graph(target[between], source[between], weight[between])
        of_nodes = NodeSums.of_graph(number, nodes)
        self._effects.append(effects if by > 0 else effects.taken_out())
        self._nodes.append(of_nodes if by > 0 else of_nodes.taken_out())
        self._waiting += len(effects.pair)
        # What is merged grows with what is there: so an effect is merged log(graphs) times, not once for each block.
        if self._waiting > max(_MERGE_SIZE, len(self._effects[0].pair)):
            self._merge()

    def _merge(self) -> None:
        if len(self._effects) == 1:
            return
        self._effects, self._nodes = [Effects.merged(self._effects)], [NodeSums.merged(self._nodes)]
        self._waiting = 0

    @property
    def identities(self) -> list[str]:
        """The identity of each node, by its number."""
        return list(self._numbers)

    def effects(self) -> Effects:
        """The direct effects of the graphs that were added so far, between nodes with these numbers."""
        self._merge()
        return self._effects[0]

    def state(self, about: dict[str, Any]) -> bytes | None:
        """All sums, with which another aggregation can start; None if they are too many to be kept.

        Args:
            about: what else to keep with them, as JSON.
        """
        effects, [nodes] = self.effects(), self._nodes
        if len(effects.pair) > _MAX_KEPT:
            return None
        kept = np.flatnonzero(nodes.graphs > 0)
        number = np.cumsum(nodes.graphs > 0) - 1
        pair = number[effects.pair >> 32] << 32 | number[effects.pair & SOURCE]
        identities, places = self.identities, kept.tolist()
        nothing: Counter[Any] = Counter()
        texts = {
            "format": _FORMAT,
            "about": about,
            "counts": [self._graphs, self._within, self.targets.without_logits, self.targets.without_probabilities],
            "identities": [identities[i] for i in places],
            "texts": [self._texts.get(i, nothing) for i in places],
            "indices": [list(self._indices.get(i, nothing).items()) for i in places],
            "layers": [self._layers[i] for i in places],
        }
        of = nodes.take(kept)
        arrays: dict[str, Any] = {
            "about": np.frombuffer(json.dumps(texts).encode(), np.uint8),
            **pack_effects(effects._replace(pair=pair), len(kept)),
            "nodes": [of.graphs, of.active],
            "node_sums": [*of.activation, *of.influence, *of.probability],
        }
        file = BytesIO()
        np.savez(file, **arrays)
        if file.tell() > _MAX_STATE:
            return None
        return zlib.compress(file.getbuffer(), 1)  # the higher levels, and numpy's own, take four times as long

    def restore(self, state: bytes) -> dict[str, Any] | None:
        """Start with the sums of another aggregation, of the same kind.

        Args:
            state: what its `state` returned.

        Returns:
            What was kept with them; None if they are damaged, or another version made them.
        """
        try:
            unpacked = zlib.decompressobj().decompress(state, _MAX_STATE)
            with np.load(BytesIO(unpacked), allow_pickle=False) as file:
                return self._start(json.loads(file["about"].tobytes()), file)
        except (BadZipFile, zlib.error, EOFError, OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def _start(self, texts: dict[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any] | None:
        identities, (graphs, active) = texts["identities"], arrays["nodes"]
        activation, influence, probability = arrays["node_sums"].reshape(3, 2, len(identities))
        sizes = {len(texts[name]) for name in ("identities", "texts", "indices", "layers")} | {len(graphs)}
        if texts["format"] != _FORMAT or len(sizes) > 1:
            return None
        self._effects = [unpack_effects(arrays, len(identities))]
        self._numbers = {identity: i for i, identity in enumerate(identities)}
        self._texts.update((i, Counter(of)) for i, of in enumerate(texts["texts"]) if of)
        self._indices.update((i, Counter(dict(items))) for i, items in enumerate(texts["indices"]) if items)
        self._layers = texts["layers"]
        self._graphs, self._within, *without = texts["counts"]
        self.targets = Targets(*without)
        sums = Sums(*activation), Sums(*influence), Sums(*probability)
        self._nodes = [NodeSums(np.arange(len(graphs)), graphs, active, *sums)]
        return dict(texts["about"])

    @property
    def is_sound(self) -> bool:
        """Whether no number is negative. Else a graph was taken out that had changed since it was added."""
        effects, [nodes] = self.effects(), self._nodes
        counts = (nodes.graphs, nodes.active, effects.graphs, effects.positive, effects.graphs - effects.positive)
        numbers = [*(of.values() for of in self._texts.values()), *(of.values() for of in self._indices.values())]
        fewest = min(chain.from_iterable(numbers), default=0)
        return fewest >= 0 and all((column >= 0).all() for column in counts)

    def data(self, metadata: GraphMetadata) -> GraphData:
        """The aggregate.

        Args:
            metadata: what is known of it as a whole; its tokens are filled in here, and warnings added.

        Raises:
            InvalidArgumentError: the aggregate would have too many nodes.
        """
        every, [sums] = self.effects(), self._nodes
        identities, graphs = self.identities, sums.graphs.astype(np.int64)
        frequent = np.flatnonzero(graphs >= self._min_graphs).tolist()
        self._check_size(len(frequent))
        addresses = {i: self._address(identities[i], self._layers[i]) for i in frequent}
        numbers = np.array(sorted(frequent, key=lambda i: _place(addresses[i], identities[i])), np.int64)
        effects = every.take(every.graphs >= self._min_graphs)
        ordinal = np.full(len(identities), NO_VALUE, np.int64)
        ordinal[numbers] = np.arange(len(numbers))
        pair = ordinal[effects.pair >> 32] << 32 | ordinal[effects.pair & SOURCE]
        effects = effects._replace(pair=pair).take(np.argsort(pair))
        kept = effects.take(effects.total.high / max(self._graphs, 1) != 0)
        weight, statistics = kept.statistics(self._graphs)
        edges = ArrayEdges((kept.pair >> 32).astype(np.int32), (kept.pair & SOURCE).astype(np.int32), weight)
        nodes = self._columns([identities[i] for i in numbers], [addresses[i] for i in numbers], sums.take(numbers))
        rare = int(np.count_nonzero(graphs)) - len(numbers), len(every.pair) - len(effects.pair)
        notes = self._notes(rare, len(effects.pair) - len(kept.pair))
        update = {"tokens": self._tokens(nodes), "warnings": [*notes, *metadata.warnings]}
        return GraphData(
            metadata=metadata.model_copy(update=update),
            nodes=nodes,
            edges=edges,
            statistics=Statistics(
                NodeStatistics(graphs[numbers], sums.influence.high[numbers] / max(self._graphs, 1)), statistics
            ),
        )

    def _number(self, nodes: SourceNodes, by: int) -> Int64:
        """The number of each node of a graph; new identities are added. Texts are counted: `by` is 1, or -1 if the
        graph is taken out."""
        target = self.targets.find(nodes, by)
        # Most nodes are features that are known already, and whose identity stays as it is.
        number = list(map(self._numbers.get, nodes.identity))
        for i, identity in enumerate(nodes.identity):
            if identity.startswith(("token", "logit:")):
                named, text = self._named(identity, nodes.token[i], is_target=i == target)
                number[i] = at = self._number_of(named, nodes.layer[i])
                if identity.startswith("token"):
                    self._texts[at][text] += by
                    self._indices[at][int(nodes.vocabulary_index[i])] += by
            elif number[i] is None:
                number[i] = self._number_of(identity, nodes.layer[i])
        if self._min_graphs == 1 and self._has_all:  # else it is known at the end which nodes are kept
            self._check_size(len(self._numbers))
        return np.array(number, np.int64)

    def _number_of(self, identity: str, layer: int) -> int:
        """The number of an identity, a new one if it has none."""
        number = self._numbers.setdefault(identity, len(self._layers))
        if number == len(self._layers):
            self._layers.append(int(layer))
        return number

    def _named(self, identity: str, text: str, *, is_target: bool) -> tuple[str, str]:
        """The identity that a token or a logit of a graph has in the aggregate, and its text."""
        if identity.startswith("logit:"):
            return f"logit:{TARGET if is_target else OTHERS}", text
        if not identity.startswith("token:"):  # it has no text
            return identity, text
        text = text[:_KEY_TEXT]
        where = None if self._align == FEATURE_ALIGNMENT else split_position(identity)[1]
        return f"token:{text}" if where is None else f"token@{where}", text

    def _check_size(self, n_nodes: int) -> None:
        if self._is_stored and n_nodes > MAX_GRAPH_NODES:
            raise InvalidArgumentError(
                f"the aggregate would have more than {MAX_GRAPH_NODES:,} nodes",
                fix=f"Leave out what few graphs have (--min-graphs), take fewer graphs, or align nodes by "
                f"{FEATURE_ALIGNMENT}, which drops their positions.",
            )

    def _address(self, identity: str, layer: int) -> NodeAddress:
        """Kind, layer, index, position and component of the node of an identity."""
        what, position = (identity, None) if self._align == FEATURE_ALIGNMENT else split_position(identity)
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

    def _columns(self, identities: list[str], addresses: list[NodeAddress], sums: NodeSums) -> NodeColumns:
        n = len(identities)

        def integers(values: list[int | None], dtype: Any) -> npt.NDArray[Any]:
            return np.array([NO_VALUE if value is None else value for value in values], dtype)

        kinds = [address.kind for address in addresses]
        is_logit = np.array([kind is Kind.LOGIT for kind in kinds], np.bool_)
        vocabulary = [
            _only(self._indices[i]) if kind is Kind.TOKEN else NO_VALUE
            for i, kind in zip(sums.number, kinds, strict=True)
        ]
        index = integers([address.index for address in addresses], np.int64)
        token = [
            _joined(self._texts[i]) if kind is Kind.TOKEN else None for i, kind in zip(sums.number, kinds, strict=True)
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
            activation=np.divide(sums.activation.high, sums.active, out=np.full(n, np.nan), where=sums.active > 0),
            probability=np.where(is_logit, sums.probability.high / max(self._graphs, 1), np.nan),
            cumulative_influence=np.full(n, np.nan),
            token=token,
            label=label,
            source_id=source_id,
            js_node_id=nothing,
            feature_type=[_feature_type(address) for address in addresses] if nothing else [],
            extra=[_extra(address) if source_id[i] else None for i, address in enumerate(addresses)] if nothing else [],
            pinned=np.zeros(len(nothing), np.bool_),
        )

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
        if self.targets.without_logits:
            notes.append(f"graphs without logits, which add no effect on the target: {self.targets.without_logits:,}")
        if self.targets.without_probabilities:
            notes.append(
                "graphs whose logits have no probabilities: the first is the target, and influence counts as 0: "
                f"{self.targets.without_probabilities:,}"
            )
        if self._within:
            notes.append(f"effects between nodes that became one, left out: {self._within:,}")
        if zero:
            notes.append(f"effects that add up to exactly 0 over all graphs, left out: {zero:,}")
        return notes


def _place(address: NodeAddress, identity: str) -> tuple[Any, ...]:
    """Where a node stands among all: features, errors and others by layer, then tokens, then the target, then the other
    logits."""
    values = (address.layer, address.index, address.position)
    numbers = (NO_VALUE if value is None else value for value in values)
    return _ORDER.index(address.kind), *numbers, identity == f"logit:{OTHERS}", identity


def _only(indices: Counter[int]) -> int:
    """The index in the vocabulary that all tokens have, if they have the same."""
    found = [index for index, number in indices.items() if number]
    return found[0] if len(found) == 1 else NO_VALUE


def _joined(texts: Counter[str]) -> str:
    """The text of all tokens, or the commonest ones, with the blanks in front that all have."""
    texts = +texts
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
