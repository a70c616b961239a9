"""Where nodes stand: layers up, positions across, the nodes of one cell beside and above each other."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate

from circuit_atlas.schema.keys import Kind
from circuit_atlas.views.picture import Picture, PictureNode

SMALLEST, LARGEST = 5.0, 17.0  # diameters, pixels
_LOGIT_STEP = 17.0  # they carry labels
_ROW, _HEIGHT, _GAP, _NARROWEST = 19.0, 520.0, 16.0, 40.0
_MOST_EMPTY = 200  # rows or columns from which those without nodes are left out


@dataclass(frozen=True)
class Layout:
    """Places of nodes, in pixels from the lower left at the smallest size, and the rows and columns of the grid."""

    x: list[float]
    y: list[float]
    diameter: list[float]
    columns: dict[int, tuple[float, float]]  # column -> left and right edge
    rows: dict[int, float]  # depth -> middle; tokens have -1, logits the largest
    width: float
    height: float


def lay_out(picture: Picture) -> Layout:
    """Places of a picture's nodes. No two overlap."""
    top = max([picture.n_layers, *(node.layer + 1 for node in picture.nodes if node.layer is not None)])
    depths = [_depth(node, top) for node in picture.nodes]
    positions = [node.column for node in picture.nodes]
    diameter = _diameters(picture.nodes)
    row_of = {depth: i for i, depth in enumerate(_grid(depths, -1, top))}
    step = max(_ROW, _HEIGHT / len(row_of))
    cells: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, cell in enumerate(zip(positions, depths, strict=True)):
        cells[cell].append(i)
    packed = {cell: _pack(members, diameter, labelled=cell[1] == top) for cell, members in cells.items()}
    columns = _columns(
        _grid(positions, 0, len(picture.tokens) - 1), [(cell[0], width) for cell, (_, width) in packed.items()]
    )
    x, y = [0.0] * len(depths), [0.0] * len(depths)
    for (position, depth), (offsets, _) in packed.items():
        left, right = columns[position]
        for i, dx, dy in offsets:
            x[i], y[i] = (left + right) / 2 + dx, (row_of[depth] + 0.5) * step + dy
    rows = {depth: (i + 0.5) * step for depth, i in row_of.items()}
    return Layout(x, y, diameter, columns, rows, max(right for _, right in columns.values()), len(row_of) * step)


def _depth(node: PictureNode, top: int) -> int:
    if node.kind is Kind.LOGIT:
        return top
    return -1 if node.kind is Kind.TOKEN or node.layer is None else node.layer


def _grid(used: list[int], first: int, last: int) -> list[int]:
    """All places from first to last and those in use; only those in use when they are too many."""
    return sorted(set(used) | (set(range(first, last + 1)) if last - first < _MOST_EMPTY else set())) or [first]


def _diameters(nodes: list[PictureNode]) -> list[float]:
    """Area goes with influence, and with probability for logits, through which nothing flows."""
    peak = max([node.influence or 0.0 for node in nodes] + [1e-12])
    shares = [
        (node.probability or 0.0) if node.kind is Kind.LOGIT else (node.influence or 0.0) / peak for node in nodes
    ]
    return [SMALLEST + (LARGEST - SMALLEST) * math.sqrt(min(1.0, max(0.0, share))) for share in shares]


def _pack(members: list[int], diameter: list[float], *, labelled: bool) -> tuple[list[tuple[int, float, float]], float]:
    """Places of the nodes of a cell around its middle, and its width: largest first, small ones in stacks."""
    stacks: list[list[int]] = []
    free = 0.0
    for i in sorted(members, key=lambda i: -diameter[i]):
        if labelled or free < diameter[i] + 1:
            stacks.append([])
            free = _ROW
        stacks[-1].append(i)
        free -= diameter[i] + 1
    widths = [max(diameter[stack[0]] + 1.5, _LOGIT_STEP if labelled else 0.0) for stack in stacks]
    left = [0.0, *accumulate(widths)]
    places = []
    for stack, start, width in zip(stacks, left, widths, strict=False):
        dy = -(sum(diameter[i] for i in stack) + len(stack) - 1) / 2
        for i in stack:
            places.append((i, start + width / 2 - left[-1] / 2, dy + diameter[i] / 2))
            dy += diameter[i] + 1
    return places, left[-1]


def _columns(positions: list[int], widths: list[tuple[int, float]]) -> dict[int, tuple[float, float]]:
    """Left and right edge of each position, as wide as its widest cell."""
    widest = dict.fromkeys(positions, _NARROWEST)
    for position, width in widths:
        widest[position] = max(widest[position], width + _GAP)
    edges = [0.0, *accumulate(widest.values())]
    return {position: (edges[i], edges[i + 1]) for i, position in enumerate(widest)}
