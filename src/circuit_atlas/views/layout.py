"""Places nodes in a grid: layers from bottom to top, positions from left to right. Nodes with the same layer and
position share a cell, side by side and in stacks. The attention of a layer has a row of its own, below the MLP's."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from circuit_atlas.schema.keys import ATTENTION_COMPONENTS, ATTENTION_STEP, Kind
from circuit_atlas.views.picture import Picture, PictureNode

# All lengths are in pixels.
SMALLEST, LARGEST = 5.0, 17.0  # diameters of nodes
_LOGIT_WIDTH = 17.0  # logits are not stacked, and further apart: each has a label above it
_ROW_HEIGHT = 19.0  # at least; the height of a stack
_MIN_HEIGHT = 520.0  # of the whole grid
_COLUMN_GAP, _MIN_COLUMN_WIDTH = 16.0, 40.0
_MAX_GRID = 200  # from so many rows or columns on, only those with nodes are shown


@dataclass(frozen=True)
class Layout:
    """Centres of nodes, in pixels from the lower left corner, and the rows and columns of the grid.

    The page may stretch the grid when there is more room.
    """

    x: list[float]
    y: list[float]
    diameter: list[float]
    columns: dict[int, tuple[float, float]]  # position -> left and right edge
    rows: dict[float, float]  # depth -> middle; -1 for tokens, the largest for logits, see `NodeColumns.depth`
    width: float
    height: float


def lay_out(picture: Picture) -> Layout:
    """Place the nodes of a picture. No two of them overlap."""
    top = max([picture.n_layers, *(node.row + 1 for node in picture.nodes if node.row is not None)])
    depths = [_depth(node, top) for node in picture.nodes]
    positions = [node.column for node in picture.nodes]
    diameter = _diameters(picture.nodes)
    row_of = {depth: i for i, depth in enumerate(_grid(depths, -1, top))}
    row_height = max(_ROW_HEIGHT, _MIN_HEIGHT / len(row_of))
    cells: dict[tuple[int, float], list[int]] = defaultdict(list)
    for i, cell in enumerate(zip(positions, depths, strict=True)):
        cells[cell].append(i)
    packed = {cell: _pack(members, diameter, labelled=cell[1] == top) for cell, members in cells.items()}
    shown = [int(position) for position in _grid(positions, 0, len(picture.tokens) - 1)]
    columns = _columns(shown, [(cell[0], width) for cell, (_, width) in packed.items()])
    x, y = [0.0] * len(depths), [0.0] * len(depths)
    for (position, depth), (offsets, _) in packed.items():
        left, right = columns[position]
        for i, dx, dy in offsets:
            x[i], y[i] = (left + right) / 2 + dx, (row_of[depth] + 0.5) * row_height + dy
    rows = {depth: (i + 0.5) * row_height for depth, i in row_of.items()}
    width = max(right for _, right in columns.values())
    return Layout(x, y, diameter, columns, rows, width, len(row_of) * row_height)


def _depth(node: PictureNode, top: int) -> float:
    if node.kind is Kind.LOGIT:
        return top
    if node.kind is Kind.TOKEN or node.row is None:
        return -1
    return node.row - ATTENTION_STEP if node.component in ATTENTION_COMPONENTS else node.row


def _grid(used: Sequence[float], first: int, last: int) -> list[float]:
    """The rows or columns to show: all from first to last and those in use; only those in use if that is too many."""
    return sorted({*used, *(range(first, last + 1) if last - first < _MAX_GRID else ())}) or [first]


def _diameters(nodes: list[PictureNode]) -> list[float]:
    """A node's area shows its influence, or, for a logit, its probability: no influence flows through a logit."""
    largest = max([node.influence or 0.0 for node in nodes] + [1e-12])
    fractions = [
        (node.probability or 0.0) if node.kind is Kind.LOGIT else (node.influence or 0.0) / largest for node in nodes
    ]
    # The area grows with the square of the diameter.
    return [SMALLEST + (LARGEST - SMALLEST) * math.sqrt(min(1.0, max(0.0, fraction))) for fraction in fractions]


def _pack(members: list[int], diameter: list[float], *, labelled: bool) -> tuple[list[tuple[int, float, float]], float]:
    """Pack the nodes of a cell: from left to right, the largest first, small ones in stacks.

    Returns:
        Each node with its offsets from the middle of the cell, and the width of the cell.
    """
    stacks: list[list[int]] = []
    free = 0.0  # height left in the last stack
    for i in sorted(members, key=lambda i: -diameter[i]):
        if labelled or free < diameter[i] + 1:
            stacks.append([])
            free = _ROW_HEIGHT
        stacks[-1].append(i)
        free -= diameter[i] + 1
    widths = [max(diameter[stack[0]] + 1.5, _LOGIT_WIDTH if labelled else 0.0) for stack in stacks]
    left = [0.0, *accumulate(widths)]
    offsets = []
    for stack, start, width in zip(stacks, left, widths, strict=False):
        dy = -(sum(diameter[i] for i in stack) + len(stack) - 1) / 2
        for i in stack:
            offsets.append((i, start + width / 2 - left[-1] / 2, dy + diameter[i] / 2))
            dy += diameter[i] + 1
    return offsets, left[-1]


def _columns(positions: list[int], widths: list[tuple[int, float]]) -> dict[int, tuple[float, float]]:
    """Left and right edge of each position, which is as wide as its widest cell."""
    widest = dict.fromkeys(positions, _MIN_COLUMN_WIDTH)
    for position, width in widths:
        widest[position] = max(widest[position], width + _COLUMN_GAP)
    edges = [0.0, *accumulate(widest.values())]
    return {position: (edges[i], edges[i + 1]) for i, position in enumerate(widest)}
