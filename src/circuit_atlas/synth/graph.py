"""Synthetic graphs in the shape of circuit-tracer's. Their edges are made row by row and never kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.graph.data import KINDS, NO_VALUE, ArrayEdges, EdgeBlock, GraphData, Int32, NodeColumns
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import SYNTHETIC_WEIGHTS
from circuit_atlas.schema.models import GraphMetadata

MAX_NODES = 20_000
_TRANSCODER_WIDTH = 16_384
_VOCABULARY = 32_000
_ROWS = 256
_FEATURE, _ERROR, _TOKEN, _LOGIT = (KINDS.index(kind) for kind in (Kind.FEATURE, Kind.ERROR, Kind.TOKEN, Kind.LOGIT))


@dataclass(frozen=True)
class Shape:
    """The shape of a synthetic graph.

    Args:
        layers: number of layers of the model; with `simple`, number of layers of nodes, including that of the tokens.
        positions: number of positions of the prompt.
        features_per_layer: number of feature nodes of each layer, spread over the positions.
        logits: number of logit nodes; their probabilities are 1/2, 1/4, ...
        density: share of the possible direct effects that exist, 0 to 1. An effect on a feature or logit is possible
            from every node of a lower layer at the same or an earlier position.
        weights: `lognormal` (either sign, a few strong ones), `normal`, `coarse` (normal, rounded to bfloat16, so that
            many are equal), or `constant` (all 1).
        simple: make an idealised graph: one node for each layer and position, each with an effect on all nodes of later
            layers at the same or later positions and on one sink, and no errors.
        seed: seed of the random numbers.
    """

    layers: int = 6
    positions: int = 8
    features_per_layer: int = 40
    logits: int = 5
    density: float = 1.0
    weights: str = "lognormal"
    simple: bool = False
    seed: int = 0

    def check(self) -> None:
        """Check that such a graph can be made.

        Raises:
            InvalidArgumentError: the shape is impossible, or has more than 20,000 nodes.
        """
        if min(self.layers, self.positions, self.logits) < 1 or self.features_per_layer < 0:
            raise InvalidArgumentError("a graph needs at least one layer, one position and one logit")
        if not 0 <= self.density <= 1:
            raise InvalidArgumentError(f"density cannot be {self.density}", fix="It must be 0 to 1.")
        if self.weights not in SYNTHETIC_WEIGHTS:
            raise InvalidArgumentError(
                f"weights cannot be {self.weights!r}", fix=f"It must be one of {', '.join(SYNTHETIC_WEIGHTS)}."
            )
        most = self.positions * _TRANSCODER_WIDTH
        if self.features_per_layer > most:
            raise InvalidArgumentError(
                f"too many features per layer: {self.features_per_layer:,} (at most {most:,}, the transcoder's width "
                "times positions)"
            )
        if self.nodes > MAX_NODES:
            raise InvalidArgumentError(
                f"too many nodes: {self.nodes:,} (at most {MAX_NODES:,})", fix="Ask for fewer features."
            )

    @property
    def nodes(self) -> int:
        """The number of nodes."""
        if self.simple:
            return self.layers * self.positions + 1
        return self.layers * (self.features_per_layer + self.positions) + self.positions + self.logits


def synthesize(shape: Shape, *, slug: str = "synthetic") -> GraphData:
    """Make the graph of a shape. Equal shapes give equal graphs.

    Weights are float32. They are computed row by row whenever they are needed, so even a large graph takes little
    memory.

    Args:
        shape: what the graph looks like.
        slug: its name.

    Raises:
        InvalidArgumentError: the shape is impossible, or has more than 20,000 nodes.
    """
    shape.check()
    nodes = _nodes(shape)
    tokens = [f"token{position}" for position in range(shape.positions)]
    metadata = GraphMetadata(
        slug=slug,
        prompt=" ".join(tokens),
        tokens=tokens,
        model="synthetic",
        source_set="synthetic",
        n_layers=shape.layers - shape.simple,
        n_pos=shape.positions,
        source_format="synth",
        scan="synthetic",
        vocab_size=_VOCABULARY,
    )
    return GraphData(metadata, nodes, _RandomEdges(shape, nodes))


def simple_path_counts(layers: int, positions: int, max_hops: int) -> dict[str, int]:
    """Number of paths, by hops from 1 to `max_hops`, from any token to the sink of an idealised graph, in closed form.

    A path of i nodes chooses its i - 2 intermediate layers and a non-decreasing sequence of i - 1 positions:
    C(L - 2, i - 2) * C(P + i - 2, i - 1).

    Args:
        layers: L, including the layers of tokens and of the sink: one more than `layers` of a simple `Shape`.
        positions: P, the number of positions.
        max_hops: most edges of a path, i - 1.
    """
    return {str(hops): comb(layers - 2, hops - 1) * comb(positions + hops - 1, hops) for hops in range(1, max_hops + 1)}


def _nodes(shape: Shape) -> NodeColumns:
    layer, position, index = _simple_features(shape) if shape.simple else _features(shape)
    n_layers = 0 if shape.simple else shape.layers
    n_logits = 1 if shape.simple else shape.logits
    sizes = (len(layer), n_layers * shape.positions, shape.positions, n_logits)
    positions, rng = np.arange(shape.positions), np.random.default_rng((shape.seed, 1))
    kind = np.repeat([_FEATURE, _ERROR, _TOKEN, _LOGIT], sizes).astype(np.int8)
    n = len(kind)
    parts: dict[str, Any] = {
        "layer": [layer, np.arange(n_layers).repeat(shape.positions), np.full(shape.positions + n_logits, NO_VALUE)],
        "position": [position, np.tile(positions, n_layers), positions, np.full(n_logits, shape.positions - 1)],
        "index": [index, np.full(sizes[1], NO_VALUE), positions, _VOCABULARY - 1 - np.arange(n_logits)],
        "activation": [rng.lognormal(1, 0.5, sizes[0]).astype(np.float32), np.full(n - sizes[0], np.nan)],
        "probability": [np.full(n - n_logits, np.nan), (0.5 ** np.arange(1, n_logits + 1)).astype(np.float32)],
    }
    types = {"layer": np.int32, "position": np.int32, "index": np.int64}
    columns: dict[str, Any] = {
        name: np.concatenate(part).astype(types.get(name, np.float64)) for name, part in parts.items()
    }
    return NodeColumns(
        kind=kind,
        cumulative_influence=np.full(n, np.nan),
        **columns,
        token=[*[None] * sum(sizes[:2]), *(f"token{i}" for i in positions), *(f"answer{i}" for i in range(n_logits))],
        label=[None] * n,
        source_id=[None] * n,
    )


def _features(shape: Shape) -> tuple[Int32, Int32, npt.NDArray[np.int64]]:
    """Layer, position and index of the features, in circuit-tracer's order: by layer, then by position."""
    rng = np.random.default_rng(shape.seed)
    position = np.sort(np.arange(shape.features_per_layer) % shape.positions).astype(np.int32)  # in each layer
    sizes = np.bincount(position, minlength=shape.positions)
    index = [np.sort(rng.choice(_TRANSCODER_WIDTH, size, replace=False)) for _ in range(shape.layers) for size in sizes]
    layer = np.arange(shape.layers, dtype=np.int32).repeat(shape.features_per_layer)
    return layer, np.tile(position, shape.layers), np.concatenate(index)


def _simple_features(shape: Shape) -> tuple[Int32, Int32, npt.NDArray[np.int64]]:
    layer = np.arange(shape.layers - 1, dtype=np.int32).repeat(shape.positions)
    position = np.tile(np.arange(shape.positions, dtype=np.int32), shape.layers - 1)
    return layer, position, np.zeros(len(layer), np.int64)


class _RandomEdges:
    """The edges of a shape. Each row has its own seed, so rows can be made in any order, and again."""

    def __init__(self, shape: Shape, nodes: NodeColumns) -> None:
        self._shape, self._position = shape, nodes.position
        self._is_target = (nodes.kind == _FEATURE) | (nodes.kind == _LOGIT)
        self._depth = np.where(nodes.kind == _LOGIT, shape.layers, nodes.layer)
        self._count: int | None = None

    def __len__(self) -> int:
        if self._count is None:
            self._count = sum(len(rows) for rows in self._rows())
        return self._count

    def blocks(self, size: int) -> Iterator[EdgeBlock]:
        """See `Edges.blocks`."""
        for rows in self._rows():
            yield from rows.blocks(size)

    def rows(self, targets: Int32) -> Iterator[EdgeBlock]:
        """See `Edges.rows`."""
        nothing = EdgeBlock(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
        for target in targets.tolist():
            yield EdgeBlock(*self._row(target)) if self._is_target[target] else nothing

    def _rows(self) -> Iterator[ArrayEdges]:
        rows = np.flatnonzero(self._is_target)
        for part in np.split(rows, range(_ROWS, len(rows), _ROWS)):
            columns = [self._row(int(row)) for row in part]
            yield ArrayEdges(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    def _row(self, row: int) -> tuple[Int32, Int32, npt.NDArray[np.float64]]:
        rng = np.random.default_rng((self._shape.seed, 2, row))
        source = np.flatnonzero((self._depth < self._depth[row]) & (self._position <= self._position[row]))
        if self._shape.density < 1 and not self._shape.simple:
            source = source[rng.random(len(source)) < self._shape.density]
        weight = _weights(rng, self._shape.weights, len(source))
        return np.full(len(source), row, np.int32), source.astype(np.int32), weight.astype(np.float64)


def _weights(rng: np.random.Generator, distribution: str, size: int) -> npt.NDArray[np.float32]:
    """Random weights, float32 (size,), none of them 0."""
    match distribution:
        case "constant":
            return np.ones(size, np.float32)
        case "lognormal":
            sign = np.where(rng.random(size, np.float32) < 0.6, np.float32(0.02), np.float32(-0.02))
            weight: npt.NDArray[np.float32] = np.exp(1.5 * rng.standard_normal(size, np.float32)) * sign
            return weight
        case _:
            weight = rng.standard_normal(size, np.float32)
            weight[weight == 0] = 1
    if distribution == "coarse":
        # The upper half of a float32 is a bfloat16.
        rounded: npt.NDArray[np.float32] = (weight.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
        rounded[rounded == 0] = 1
        return rounded
    return weight
