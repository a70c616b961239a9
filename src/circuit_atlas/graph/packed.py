"""The edges of a graph in as few bytes as they need: in memory, and as they are stored beside the relationships.

Edges are sorted by target, then source, so a target need not be named for each edge: it is enough to know how many
inputs each node has. A source is an ordinal in the smallest unsigned integer that holds all of them, a weight a float32
where that is exact. The graph of a Gemma-2-2B prompt takes 6 bytes for an edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_atlas.graph.data import ArrayEdges, Bool, EdgeBlock, EdgeExtra, Edges, Float64, Int32, Int64

BLOCK = 300_000  # edges that are stored together, at most
_PART = 1 << 18  # edges that are looked at together: what is computed of them fits into a processor's cache
_SOURCE_TYPES, _WEIGHT_TYPES = ("|u1", "<u2", "<u4"), ("<f4", "<f8")
THREADS = 2  # more wait for memory
_KEPT = 8 << 20  # bytes: four of the arrays that are made for a part


class PackedBlock(NamedTuple):
    """The incoming edges of the nodes with ordinals from `first` on, as bytes (little endian).

    `inputs` has a uint32 for each of these nodes: how many edges of the block lead to it. `sources` are of the dtype
    `source_type`, `weights` of `weight_type`. A node with very many inputs may be in several blocks.
    """

    first: int
    inputs: bytes
    sources: bytes
    source_type: str
    weights: bytes
    weight_type: str


@dataclass(frozen=True)
class PackedEdges:
    """All edges of a graph of n nodes, in order of target, then source.

    Args:
        inputs: int64 (n,): number of inputs of each node.
        source: unsigned integer (m,): ordinals of the sources.
        weight: float32 or float64 (m,).
        scored: float32 or float64 (m,): what path scores take instead of the weights; None for the weights themselves.
    """

    inputs: Int64
    source: npt.NDArray[np.unsignedinteger[Any]]
    weight: npt.NDArray[np.floating[Any]]
    scored: npt.NDArray[np.floating[Any]] | None = None

    @classmethod
    def of(cls, edges: Edges, n: int) -> PackedEdges:
        """Any edges of a graph of n nodes, m of them: `inputs` (n,), the others (m,)."""
        return edges if isinstance(edges, cls) else unpacked(packed(edges, n), n, len(edges))

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def start(self) -> Int64:
        """Where the edges of each node begin, int64 (n + 1,); the last is the number of edges."""
        return np.concatenate([[0], np.cumsum(self.inputs)])

    def among(self, nodes: Bool) -> PackedEdges:
        """The edges whose source and target are among `nodes`, bool (n,)."""
        at = np.concatenate([np.zeros(0, np.int64), *self._places_among(nodes)])
        scored = None if self.scored is None else self.scored[at]
        inputs = np.diff(np.searchsorted(at, self.start))
        return PackedEdges(inputs, self.source[at], self.weight[at], scored)

    def _places_among(self, nodes: Bool) -> Iterator[Int64]:
        """The places of the edges between `nodes`, bool (n,), in order."""
        for first, stop in spans(self.start, _PART):
            begin, end = int(self.start[first]), int(self.start[stop])
            kept = np.repeat(nodes[first:stop], self.inputs[first:stop])
            kept &= nodes[self.source[begin:end]]
            yield begin + np.flatnonzero(kept)

    def as_arrays(self) -> ArrayEdges:
        """The same edges, in 16 bytes each."""
        target = np.repeat(np.arange(len(self.inputs), dtype=np.int32), self.inputs)
        return ArrayEdges(target, self.source.astype(np.int32), self.weight.astype(np.float64))

    def blocks(self, size: int) -> Iterator[EdgeBlock]:
        """See `Edges.blocks`."""
        for first, stop in spans(self.start, size):
            begin, end = int(self.start[first]), int(self.start[stop])
            step = size if stop == first + 1 else end - begin
            for at in range(begin, end, max(step, 1)):
                yield self._block(first, stop, at, min(at + step, end))

    def rows(self, targets: Int32) -> Iterator[EdgeBlock]:
        """See `Edges.rows`. Not by `_block`: a row is short, and what that does besides would take longest."""
        for target in targets.tolist():
            source, weight = self.inputs_of(target)
            yield EdgeBlock(np.full(len(source), target, np.int32), source.astype(np.int32), weight)

    def inputs_of(self, node: int) -> tuple[npt.NDArray[np.unsignedinteger[Any]], Float64]:
        """The inputs of a node, unsigned integer (m,), and the weights of their effects on it, float64 (m,)."""
        at = slice(int(self.start[node]), int(self.start[node + 1]))
        return self.source[at], self.weight[at].astype(np.float64)

    def blocks_among(self, nodes: Bool) -> Iterator[EdgeBlock]:
        """The edges whose source and target are among `nodes`, bool (n,), in blocks of at most about 260,000."""
        for at in self._places_among(nodes):
            target = np.searchsorted(self.start, at, side="right") - 1
            yield EdgeBlock(
                target.astype(np.int32), self.source[at].astype(np.int32), self.weight[at].astype(np.float64)
            )

    def _block(self, first: int, stop: int, begin: int, end: int) -> EdgeBlock:
        """The edges from place `begin` to `end`, which lead to nodes from `first` to `stop`."""
        inputs = np.diff(self.start[first : stop + 1].clip(begin, end))
        target = np.repeat(np.arange(first, stop, dtype=np.int32), inputs)
        return EdgeBlock(target, self.source[begin:end].astype(np.int32), self.weight[begin:end].astype(np.float64))


def spans(start: Int64, size: int) -> Iterator[tuple[int, int]]:
    """Ranges (first, stop) of nodes that have at most `size` edges together, or that are one node with more; `start`,
    int64 (n + 1,), as in `PackedEdges`."""
    first, n = 0, len(start) - 1
    while first < n:
        stop = int(np.searchsorted(start, start[first] + size, side="right")) - 1
        stop = min(n, max(stop, first + 1))
        yield first, stop
        first = stop


class Part(NamedTuple):
    """Some edges of a graph: all incoming edges of some nodes.

    `source` and `weight` (m,) are as in `PackedEdges`, and `scored` (m,) is what path scores take; `nodes` (k,) are
    ordinals of nodes with inputs, `inputs` (k,) their numbers of inputs, and `start` (k,) the places in `source` where
    they begin.
    """

    source: npt.NDArray[Any]
    weight: npt.NDArray[Any]
    scored: npt.NDArray[Any]
    nodes: Int64
    inputs: Int64
    start: Int64

    def at_target(self, values: Float64) -> Float64:
        """For each edge, the value at its target, (m,), of values (n,) at all nodes."""
        return np.repeat(values[self.nodes], self.inputs)

    def at_source(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """For each edge, the value that it continues, (m,), of values (n,) at all nodes.

        Of values (2, n), the first row is of paths that promote each node, the second of those that inhibit it. The
        same holds for what is returned, (2, m), and the target of each edge: a negative edge swaps the two.
        """
        # With the mode "clip", numpy does not check every index first.
        if values.ndim == 1:
            return np.take(values, self.source, mode="clip")
        # The two values of a node stand side by side, so that one number leads to both.
        pairs, found = values.T.ravel(), np.empty((2, len(self.source)), values.dtype)
        places = 2 * self.source.astype(np.intp) + (self.weight < 0)
        np.take(pairs, places, out=found[0], mode="clip")
        np.take(pairs, places ^ 1, out=found[1], mode="clip")
        return found


def is_strong(weight: npt.NDArray[Any], min_weight: float) -> Bool:
    """Which weights (m,) have at least this size, compared as float64, as in Cypher. numpy rounds a Python float to the
    type of an array: compared with a float32 array, 0.7 would become the nearest float32, which is smaller."""
    strong: Bool = np.abs(weight) >= np.float64(min_weight)
    return strong


def by_sign(values: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    """Values (2n,) at n nodes as a view (2, n), as `Part.at_source` takes them; values (n,) as they are."""
    return values if len(values) == n else values.reshape(2, n)


def signed_places(
    source: npt.NDArray[Any], weight: npt.NDArray[Any], sheet: int | npt.NDArray[Any], n: int, size: int
) -> npt.NDArray[Any]:
    """Where the values are that edges continue, (m,), among `size` values at n nodes: one for each; or 2n, first those
    of paths that promote, then those of paths that inhibit. `sheet` is 0 for paths that promote the target of an edge,
    1 for those that inhibit it."""
    return source if size == n else source + n * ((weight < 0) != sheet)


def combined(
    edges: PackedEdges, values: Callable[[Part], npt.NDArray[Any]], combine: np.ufunc, result: npt.NDArray[Any]
) -> None:
    """A product of the adjacency matrix with a vector, in any semiring: for each node, what its inputs bring.

    Args:
        edges: the edges.
        values: makes the value that each edge brings to its target, (m,), for some edges at a time; or several, (s, m).
        combine: how the values of a target's edges become one, for instance `np.maximum` or `np.add`.
        result: (n,) or (s, n): is filled in at nodes with inputs, and left as it is at others.
    """
    scored = edges.weight if edges.scored is None else edges.scored

    def work(parts: list[tuple[int, int]]) -> None:
        for first, stop in parts:
            begin, end = int(edges.start[first]), int(edges.start[stop])
            nodes = first + np.flatnonzero(edges.inputs[first:stop])
            if end > begin:
                places = edges.start[nodes] - begin
                part = Part(
                    edges.source[begin:end],
                    edges.weight[begin:end],
                    scored[begin:end],
                    nodes,
                    edges.inputs[nodes],
                    places,
                )
                result[..., nodes] = combine.reduceat(values(part), places, axis=-1)

    parts = list(spans(edges.start, _PART))
    if len(parts) == 1:
        work(parts)
        return
    _keep_freed_memory()
    # numpy lets other threads run while it works, and parts are of different nodes.
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, [parts[i::THREADS] for i in range(THREADS)]))


@cache
def _keep_freed_memory() -> None:
    """Let glibc keep 16 MB that are freed. By default, it returns the memory of freed arrays to the system. For the
    next part, the system must zero the pages again, which takes several times as long as the computation.

    After a large array is freed, glibc keeps up to twice its size (see M_MMAP_THRESHOLD in mallopt(3)). Nothing is
    written to this array, so it takes no memory.
    """
    np.empty(_KEPT, np.uint8)


def largest(k: int, size: Float64, target: npt.NDArray[Any], source: npt.NDArray[Any]) -> Int64:
    """Places of the k edges of largest size; of equal ones, those that come first in order of target and source.

    Args:
        k: how many.
        size: float64 (m,).
        target: ordinals of the targets, (m,).
        source: ordinals of the sources, (m,).
    """
    at = np.arange(len(size))
    if len(size) > k:
        at = np.flatnonzero(size >= np.partition(size, len(size) - k)[len(size) - k])
    return at[np.lexsort((source[at], target[at], -size[at]))[:k]]


def packed(edges: Edges, n: int) -> Iterator[PackedBlock]:
    """Edges of a graph of n nodes in blocks, each with its own types."""
    source_type = np.min_scalar_type(max(n - 1, 0)).newbyteorder("<")
    for block in edges.blocks(BLOCK):
        if block.size:
            first = int(block.target[0])
            inputs = np.bincount(block.target - first).astype("<u4")
            weight = shortest(block.weight)
            yield PackedBlock(
                first,
                inputs.tobytes(),
                block.source.astype(source_type).tobytes(),
                source_type.str,
                weight.tobytes(),
                weight.dtype.str,
            )


def shortest(values: Float64) -> npt.NDArray[np.floating[Any]]:
    """Numbers (m,) as float32 if that is exact for all, else as float64; little-endian."""
    with np.errstate(over="ignore"):
        single = values.astype("<f4")
    return single if (single == values).all() else values.astype("<f8")


def placed(array: npt.NDArray[np.floating[Any]], at: int, part: npt.NDArray[np.floating[Any]]) -> npt.NDArray[Any]:
    """Put `part` (k,) into `array` (m,) from place `at` on, and return the array: a float64 copy if only `part` is
    float64. What is not yet filled is cast, too, so it must be numbers."""
    if part.dtype.itemsize > array.dtype.itemsize:
        array = array.astype(np.float64)
    array[at : at + len(part)] = part
    return array


def column_rows(
    graph: str, content_hash: str, edges: Edges, n: int, extras: Iterable[EdgeExtra]
) -> Iterator[dict[str, Any]]:
    """Rows of `:EdgeColumns`.

    Args:
        graph: the name under which the graph is stored.
        content_hash: its content hash.
        edges: its edges.
        n: its number of nodes.
        extras: further fields that some edges have.
    """
    have_extras = np.unique([extra.target for extra in extras])
    for number, block in enumerate(packed(edges, n)):
        after = block.first + len(block.inputs) // 4
        has_extras = bool(((have_extras >= block.first) & (have_extras < after)).any())
        which = {"graph": graph, "block": number, "content_hash": content_hash}
        yield {**which, **block._asdict(), "has_extras": has_extras}


def unpacked(blocks: Iterable[PackedBlock], n: int, m: int) -> PackedEdges:
    """The n nodes' m edges, from all of their blocks in order: `inputs` (n,), `source` and `weight` (m,), the weights
    float64 if those of any block are.

    Raises:
        ValueError: the blocks do not have m edges of n nodes.
    """
    inputs = np.zeros(n, np.int64)
    source: npt.NDArray[Any] = np.empty(m, np.min_scalar_type(max(n - 1, 0)))
    weight: npt.NDArray[Any] = np.zeros(m, np.float32)
    at = 0
    for block in blocks:
        if block.source_type not in _SOURCE_TYPES or block.weight_type not in _WEIGHT_TYPES:
            raise ValueError("a block of edges has an unknown type")
        counts = np.frombuffer(block.inputs, "<u4")
        sources = np.frombuffer(block.sources, block.source_type)
        weights = np.frombuffer(block.weights, block.weight_type)
        stop = at + len(sources)
        if len(weights) != len(sources) or counts.sum() != len(sources) or stop > m or block.first + len(counts) > n:
            raise ValueError("a block of edges does not fit the others")
        inputs[block.first : block.first + len(counts)] += counts
        source[at:stop] = sources
        weight = placed(weight, at, weights)
        at = stop
    if at != m:
        raise ValueError(f"the blocks have {at:,} edges instead of {m:,}")
    return PackedEdges(inputs, source, weight)
