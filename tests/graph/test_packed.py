"""Packed edges are the same edges in fewer bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle
from support.graphs import array_edges, edge_list

from circuit_atlas.graph import packed
from circuit_atlas.graph.data import EdgeExtra
from circuit_atlas.graph.packed import PackedEdges, column_rows, unpacked

NODES = 300
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False).filter(bool)
FLOAT64 = st.floats(allow_nan=False, allow_infinity=False).filter(bool)


def edges(weights: st.SearchStrategy[float]) -> st.SearchStrategy[list[oracle.Edge]]:
    ends = st.integers(0, NODES - 1)
    return st.lists(st.tuples(ends, ends, weights), max_size=40, unique_by=lambda edge: edge[:2])


@given(edges(FLOAT32) | edges(FLOAT64), st.integers(1, 30), st.integers(1, 30))
def test_they_are_the_same_edges(made: list[oracle.Edge], stored: int, block: int) -> None:
    """To the last bit, however many are stored or read together, and whatever type a block has."""
    plain = array_edges(made)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(packed, "BLOCK", stored)
        found = PackedEdges.of(plain, NODES)
    assert len(found) == len(made)
    assert edge_list(found) == edge_list(plain)
    assert all(part.size <= block for part in found.blocks(block))
    for name in ("target", "source", "weight"):
        columns = [getattr(part, name) for part in found.blocks(block)]
        assert np.array_equal(np.concatenate([*columns, getattr(plain, name)[:0]]), getattr(plain, name))
        assert getattr(found.as_arrays(), name).dtype == getattr(plain, name).dtype
    targets = np.array([5, 299, 0, 5], np.int32)
    rows = list(plain.rows(targets))
    for ours, theirs in zip(found.rows(targets), rows, strict=True):
        assert np.array_equal(ours.target, theirs.target)
        assert np.array_equal(ours.source, theirs.source)
        assert np.array_equal(ours.weight, theirs.weight)
    for target, theirs in zip(targets.tolist(), rows, strict=True):
        source, weight = found.inputs_of(target)
        assert np.array_equal(source, theirs.source)
        assert np.array_equal(weight, theirs.weight)
    among = np.arange(NODES) % 3 > 0
    is_among = among[plain.target] & among[plain.source]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(packed, "_PART", block)
        inner, blocks = found.among(among), list(found.blocks_among(among))
    for name in ("target", "source", "weight"):
        columns = [getattr(part, name) for part in blocks]
        expected = getattr(plain, name)[is_among]
        assert np.array_equal(np.concatenate([*columns, expected[:0]]), expected)
        assert np.array_equal(getattr(inner.as_arrays(), name), expected)


def test_they_take_six_bytes_each() -> None:
    found = PackedEdges.of(array_edges([(source, 299, 0.5 * source) for source in range(1, 299)]), NODES)
    assert (found.source.itemsize, found.weight.itemsize) == (2, 4)
    assert PackedEdges.of(array_edges([(0, 1, 0.1)]), 256).source.dtype == np.uint8
    assert PackedEdges.of(array_edges([(0, 1, 0.1)]), 256).weight.dtype == np.float64
    assert PackedEdges.of(array_edges([(0, 1, 1e300)]), 70_000).source.dtype == np.uint32


def test_rows_say_whether_edges_have_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "BLOCK", 2)
    made = array_edges([(0, 3, 1.0), (1, 3, 1.0), (0, 7, 1.0), (0, 8, 1.0), (0, 9, 1.0)])
    rows = list(column_rows("g", "hash", made, 10, [EdgeExtra(8, 0, "{}")]))
    assert [(row["block"], row["first"], row["has_extras"]) for row in rows] == [
        (0, 3, False),
        (1, 7, True),
        (2, 9, False),
    ]


def test_blocks_that_do_not_fit_are_refused() -> None:
    plain = array_edges([(0, 3, 1.0), (1, 4, 1.0)])
    blocks = list(packed.packed(plain, 5))
    for n, m in ((5, 1), (5, 3), (4, 2)):
        with pytest.raises(ValueError, match="edges"):
            unpacked(blocks, n, m)
    with pytest.raises(ValueError, match="edges"):
        unpacked([blocks[0]._replace(weights=b"")], 5, 2)
