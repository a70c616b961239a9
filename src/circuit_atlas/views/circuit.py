"""A circuit of a few nodes as a figure for a paper: a box for each node, an arrow with its weight for each effect."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from circuit_atlas.queries.path_results import Paths
from circuit_atlas.results.answer import Edge
from circuit_atlas.schema.keys import ATTENTION_COMPONENTS, ATTENTION_STEP, SUPERNODE, Kind, component_of
from circuit_atlas.schema.models import Node
from circuit_atlas.views.figure import FONT, KIND_STYLES, SIGN_COLORS, Figure, plotly_text, short
from circuit_atlas.views.picture import Place, place_of

MAX_CIRCUIT = 20  # nodes; more could not be read at the width of a page
# All lengths are in pixels.
_BOX_WIDTH, _GAP = 126, 26
_LINE_HEIGHT, _BOX_PADDING = 14, 10
_ROW_GAP = 64
_MARGIN, _BORDER = 16, 2
_LABEL_SIZE = 34, 15
_LABEL_PLACES = (0.4, 0.3, 0.5, 0.2, 0.6, 0.7, 0.12, 0.8)  # fractions of an arrow's length
_LINE_LENGTH, _LINES = 18, 3
_WIDEST_ARROW = 3.5
_LEGEND_LINE, _SYMBOL, _CHARACTER = 20, 22, 6.2  # height of a line, widths of a symbol and of a character
_TOP = 10**6  # the depth of logits


class _Text(NamedTuple):
    """The text in a node's box: the lines of its name, and below them where it is, if that says more."""

    name: list[str]
    place: str

    @property
    def height(self) -> float:
        """Height of the box."""
        return (len(self.name) + bool(self.place)) * _LINE_HEIGHT + _BOX_PADDING


class _Box(NamedTuple):
    """A node's box: its centre and its text."""

    x: float
    y: float
    text: _Text

    @property
    def height(self) -> float:
        """Its height."""
        return self.text.height


def best_circuit(paths: Paths, most: int = MAX_CIRCUIT) -> Paths:
    """The best of some paths, as many as have no more than `most` nodes together."""
    nodes: set[str] = set()
    for number, path in enumerate(paths.paths):
        nodes |= {node.key for node in path.nodes}
        if len(nodes) > most:
            best: Paths = paths[:number]
            return best
    return paths


def circuit_figure(
    nodes: Collection[Node], edges: Collection[Edge], middle: Mapping[str, Place], *, weights: bool = True
) -> Figure:
    """The figure: layers from bottom to top, positions from left to right, and a legend below. An arrow is as wide as
    its effect is strong; its head is a square if the effect is negative.

    Args:
        nodes: the nodes.
        edges: the direct effects between them: source, target, weight.
        middle: where supernodes of several layers or positions are drawn, by key.
        weights: whether to write weights on the arrows.
    """
    boxes, width, height = _boxes(nodes, middle)
    legend, below = _legend(nodes, edges, width)
    boxes = {key: box._replace(y=box.y + below) for key, box in boxes.items()}
    height += below
    ends = [(boxes[source.key], boxes[target.key], weight) for source, target, weight in edges]
    largest = max((abs(weight) for _, _, weight in edges), default=1.0) or 1.0
    arrows = [_arrow(source, target, weight, largest) for source, target, weight in ends]
    axis = {"visible": False, "fixedrange": True}
    layout = {
        "width": width,
        "height": height,
        "margin": dict.fromkeys("lrtb", 0),
        "font": {"family": FONT, "size": 12, "color": "#222"},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "showlegend": False,
        "xaxis": {**axis, "range": [0, width]},
        "yaxis": {**axis, "range": [0, height]},
        "meta": {"least_width": width},  # on a page: boxes keep their width, and would overlap in a narrower figure
        # What comes later lies above: boxes hide the arrows that pass behind them.
        "annotations": [
            *arrows,
            *(_drawn(node, boxes[node.key]) for node in nodes),
            *(_weights(ends, boxes.values()) if weights else ()),
            *legend,
        ],
    }
    return {"data": [{"type": "scatter", "x": [], "y": [], "mode": "markers"}], "layout": layout}


def _boxes(nodes: Collection[Node], middle: Mapping[str, Place]) -> tuple[dict[str, _Box], int, int]:
    """A box for each node, and the width and height of the figure. Layers and positions without nodes take no room."""
    cells: dict[tuple[float, int], list[Node]] = defaultdict(list)
    known = [node.position for node in nodes if node.position is not None]
    last = max([*known, *(middle[node.key].position for node in nodes if node.key in middle)], default=0)
    for node in nodes:
        place = place_of(node, middle, last)
        cells[_depth(node, place.layer), place.position].append(node)
    texts = {node.key: _text(node) for node in nodes}
    positions = sorted({position for _, position in cells})
    widest = {at: max(len(found) for (_, position), found in cells.items() if position == at) for at in positions}
    step = _BOX_WIDTH + _GAP
    rows = {at: sorted(depth for depth, position in cells if position == at) for at in positions}
    left, x, y, boxes = {}, _MARGIN - _GAP / 2, float(_MARGIN), {}  # half a gap is on each side of a box
    for position in positions:
        left[position] = x
        x += step * (widest[position] + (len(rows[position]) > 2) / 2)
    for depth in sorted({depth for depth, _ in cells}):
        row = {position: found for (at, position), found in cells.items() if at == depth}
        height = max(texts[node.key].height for found in row.values() for node in found)
        for position, found in row.items():
            # Boxes of one row stand over gaps of the row below it, so that an arrow can pass between boxes.
            is_shifted = len(rows[position]) > 2 and (len(found) - 1 - rows[position].index(depth)) % 2
            shift = step / 2 if is_shifted else 0.0
            for i, node in enumerate(found):
                centre = left[position] + shift + step * widest[position] * (i + 0.5) / len(found)
                boxes[node.key] = _Box(centre, y + height / 2, texts[node.key])
        y += height + _ROW_GAP
    return boxes, round(x - _GAP / 2 + _MARGIN), round(y - _ROW_GAP + _MARGIN)


def _depth(node: Node, layer: int | None) -> float:
    if node.kind is Kind.LOGIT:
        return _TOP
    if layer is None:
        return -1
    return layer - ATTENTION_STEP if component_of(node.key) in ATTENTION_COMPONENTS else layer


def _text(node: Node) -> _Text:
    words = " ".join(node.name.split()) or repr(node.name)
    name = textwrap.wrap(words, _LINE_LENGTH, max_lines=_LINES, placeholder="…")
    place = SUPERNODE if node.is_supernode else node.key.partition(":")[2]
    if place.partition("@")[0] in node.name or node.kind in (Kind.TOKEN, Kind.LOGIT):
        place = "" if node.position is None else f"@{node.position}"  # aggregates may have no positions
    return _Text(name, short(place, _LINE_LENGTH + 2))


def _ends(source: _Box, target: _Box) -> tuple[float, float, float, float]:
    """Where an arrow begins and ends: at the upper side of its source's box, at the lower side of its target's; between
    boxes of one row, at their sides."""
    if source.y == target.y:  # from side to side
        way = 1 if target.x >= source.x else -1
        return source.x + way * _BOX_WIDTH / 2, source.y, target.x - way * _BOX_WIDTH / 2, target.y
    way = 1 if target.y >= source.y else -1
    return source.x, source.y + way * source.height / 2, target.x, target.y - way * target.height / 2


def _arrow(source: _Box, target: _Box, weight: float, largest: float) -> Figure:
    width = 0.8 + (_WIDEST_ARROW - 0.8) * abs(weight) / largest
    return {**_line(*_ends(source, target), is_negative=weight < 0), "arrowwidth": width, "standoff": 2}


def _line(ax: float, ay: float, x: float, y: float, *, is_negative: bool) -> Figure:
    """An arrow from one place to another."""
    return {
        "x": x,
        "y": y,
        "ax": ax,
        "ay": ay,
        "axref": "x",
        "ayref": "y",
        "text": "",
        "showarrow": True,
        "arrowhead": 7 if is_negative else 2,
        "arrowsize": 0.7,
        "arrowwidth": 1.6,
        "arrowcolor": SIGN_COLORS[is_negative],
    }


def _legend(nodes: Collection[Node], edges: Collection[Edge], width: int) -> tuple[list[Figure], int]:
    """The meaning of box colours and arrow heads, in lines as wide as the figure; and the height of this legend."""
    kinds = [kind for kind in KIND_STYLES if any(node.kind is kind for node in nodes)]
    signs = sorted({weight < 0 for _, _, weight in edges})
    texts = [*(kind.value for kind in kinds), *(("positive effect", "negative effect")[sign] for sign in signs)]
    rows: list[list[int]] = [[]]
    x, places = float(_MARGIN), []
    for i, text in enumerate(texts):
        wide = _SYMBOL + len(text) * _CHARACTER + _GAP
        if rows[-1] and x + wide - _GAP > width - _MARGIN:
            rows.append([])
            x = float(_MARGIN)
        rows[-1].append(i)
        places.append((x, len(rows)))
        x += wide
    below = _LEGEND_LINE * len(rows)
    found: list[Figure] = []
    symbols: list[Kind | bool] = [*kinds, *signs]
    for (left, row), text, symbol in zip(places, texts, symbols, strict=True):
        y = _MARGIN / 2 + below - _LEGEND_LINE * (row - 0.5)
        if isinstance(symbol, Kind):
            found.append(_box(left + _SYMBOL / 2 - 4, y, 16, 10, "", KIND_STYLES[symbol][0]))
        else:
            found.append(_line(left, y, left + _SYMBOL - 5, y, is_negative=symbol))
        words = {"x": left + _SYMBOL, "y": y, "text": text, "showarrow": False, "xanchor": "left"}
        found.append({**words, "font": {"size": 11, "color": "#444"}})
    return [{**part, "name": "legend"} for part in found], below


def _weights(ends: list[tuple[_Box, _Box, float]], boxes: Collection[_Box]) -> list[Figure]:
    """The weights on the arrows: where no box or other weight is, nearer to the source, for many arrows meet at a
    logit."""
    taken: list[tuple[float, float]] = []
    found = []
    for source, target, weight in ends:
        ax, ay, x, y = _ends(source, target)
        places = [(ax + part * (x - ax), ay + part * (y - ay)) for part in _LABEL_PLACES]
        place = next((place for place in places if _is_free(place, boxes, taken)), places[0])
        taken.append(place)
        label = {
            "x": place[0],
            "y": place[1],
            "text": f"{weight:.2g}",
            "showarrow": False,
            "font": {"size": 10, "color": SIGN_COLORS[weight < 0]},
            "bgcolor": "rgba(255,255,255,0.85)",
            "borderpad": 1,
        }
        found.append(label)
    return found


def _is_free(place: tuple[float, float], boxes: Collection[_Box], taken: list[tuple[float, float]]) -> bool:
    x, y = place
    width, height = _LABEL_SIZE
    return not any(
        abs(x - box.x) < (_BOX_WIDTH + width) / 2 and abs(y - box.y) < (box.height + height) / 2 for box in boxes
    ) and not any(abs(x - at_x) < width and abs(y - at_y) < height for at_x, at_y in taken)


def _drawn(node: Node, box: _Box) -> Figure:
    lines = [plotly_text(line) for line in box.text.name]
    if box.text.place:
        lines.append(f'<span style="font-size:10px;color:#666">{plotly_text(box.text.place)}</span>')
    return _box(box.x, box.y, _BOX_WIDTH, box.height, "<br>".join(lines), KIND_STYLES[node.kind][0])


def _box(x: float, y: float, width: float, height: float, text: str, color: str) -> Figure:
    return {
        "x": x,
        "y": y,
        "width": width - 2 * _BORDER,
        "height": height - 2 * _BORDER,
        "text": text,
        "showarrow": False,
        "font": {"size": 11.5},
        "align": "center",
        "bgcolor": "white",
        "bordercolor": color,
        "borderwidth": _BORDER,
        "borderpad": 0,
    }
