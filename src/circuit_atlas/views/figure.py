"""The picture of a graph as a plotly figure: for images, and as the data from which the page draws."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from circuit_atlas.printable import printable
from circuit_atlas.schema.keys import Kind
from circuit_atlas.views.layout import Layout
from circuit_atlas.views.picture import Picture, PictureEdge, PictureNode

Figure = dict[str, Any]

# Okabe and Ito's colours, which colour-blind people can distinguish, and a brown. Each kind has its own marker, too.
KIND_STYLES = {
    Kind.FEATURE: ("#E69F00", "circle"),
    Kind.ERROR: ("#9A9A9A", "diamond"),
    Kind.TOKEN: ("#009E73", "square"),
    Kind.LOGIT: ("#CC79A7", "triangle-up"),
    Kind.OTHER: ("#F0E442", "hexagon"),
    Kind.BIAS: ("#8C564B", "cross"),
}
SIDE_COLORS = ("#767676", "#0072B2", "#D55E00")  # in both graphs, only in the first, only in the second
SIGN_COLORS = ("#2166AC", "#B2182B")  # positive, negative
EDGES_DRAWN = 1_500  # the strongest; more would hide each other. The page shows all edges of one node.
# A plotly trace has one width, so edges are drawn in three: by |weight|, as a fraction of the largest.
EDGE_STEPS = (0.4, 0.12, 0.0)
EDGE_WIDTHS = (2.2, 1.2, 0.6)
FONT = "system-ui, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_MARGIN = {"l": 46, "r": 14, "t": 100, "b": 78}
_MAX_LABEL = 16  # characters
_LEANING_LETTER = 5.0  # pixels to the left that a letter takes in a label which leans by 45 degrees
_NO_XML = re.compile("[\ufffe\uffff]")  # besides control characters
_SMALLEST_SCALE = 0.6  # as in graph_page.js


def plotly_text(text: str) -> str:
    """Text as plotly has to get it to show it literally: plotly takes some tags, entities and TeX for markup, and
    writes a character that no XML can have into an SVG."""
    text = _NO_XML.sub(lambda found: ascii(found[0])[1:-1], printable(text))
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("$", "&#36;")):
        text = text.replace(character, entity)
    return " ".join(text.split())


def short(text: str, length: int = _MAX_LABEL) -> str:
    """Text cut to a length."""
    return text if len(text) <= length else text[: length - 1] + "…"


def short_name(name: str, length: int) -> str:
    """A name cut to a length, in the middle: the ends of names, such as `@3` and `@7`, tell them apart."""
    if len(name) <= length:
        return name
    end = (length - 1) // 2
    return f"{name[: length - 1 - end]}…{name[len(name) - end :]}"


def edge_groups(picture: Picture) -> list[tuple[str, str]]:
    """Name and colour of each group of edges: by sign, or, when graphs are compared, by the graphs that have them."""
    if picture.graphs:
        first, second = picture.graphs
        return list(zip(("in both", f"only in {first}", f"only in {second}"), SIDE_COLORS, strict=True))
    return [("positive", SIGN_COLORS[0]), ("negative", SIGN_COLORS[1])]


def side_names(picture: Picture) -> list[dict[str, str]]:
    """Name and colour of each group of nodes when graphs are compared: in both, only in one. Else none."""
    return [{"name": name, "color": color} for name, color in edge_groups(picture)] if picture.graphs else []


def edge_group(edge: PictureEdge, compared: bool) -> int:
    """The index of an edge's group in `edge_groups`."""
    if not compared:
        return int((edge.weight or 0.0) < 0)
    if edge.weight is not None and edge.other is not None:
        return 0
    return 1 if edge.other is None else 2


def graph_figure(picture: Picture, layout: Layout) -> Figure:
    """The figure: edges, above them the best paths, and above these the nodes by kind.

    The page's script finds the traces by their `meta`, and those of edges by their order: group by group, and within a
    group from the widest to the thinnest.
    """
    traces = [*_edge_traces(picture, layout), *_path_traces(picture, layout), *_node_traces(picture, layout)]
    return {"data": traces, "layout": _layout(picture, layout)}


def _edge_traces(picture: Picture, layout: Layout) -> list[Figure]:
    drawn = picture.edges[:EDGES_DRAWN]
    largest = (drawn[0].strength if drawn else 0.0) or 1.0
    traces = []
    for group, (name, color) in enumerate(edge_groups(picture)):
        for width in range(len(EDGE_STEPS)):
            lines = [
                (edge.source, edge.target)
                for edge in drawn
                if edge_group(edge, bool(picture.graphs)) == group and _width_step(edge.strength / largest) == width
            ]
            style = {"color": color, "width": EDGE_WIDTHS[width]}
            traces.append(_lines(lines, layout, name=plotly_text(f"effect {name}"), line=style, opacity=0.2))
    return traces


def _width_step(fraction: float) -> int:
    return next(i for i, step in enumerate(EDGE_STEPS) if fraction >= step)


def _path_traces(picture: Picture, layout: Layout) -> list[Figure]:
    """The steps of the best paths that promote, and those that inhibit."""
    steps = [
        (ends, weight < 0)
        for path in picture.paths
        for ends, weight in zip(pairwise(path.nodes), path.weights, strict=True)
    ]
    traces = []
    for inhibits, (color, step) in enumerate(zip(SIGN_COLORS, ("promoting", "inhibiting"), strict=True)):
        lines = sorted({ends for ends, sign in steps if sign == bool(inhibits)})
        name = f"{step} steps of the top {len(picture.paths)} paths"
        style = {"color": color, "width": 2.6}
        traces.append(_lines(lines, layout, name=name, line=style, opacity=0.85, showlegend=bool(lines), meta="paths"))
    return traces


def _lines(ends: Iterable[tuple[int, int]], layout: Layout, **style: Any) -> Figure:
    x: list[float | None] = []
    y: list[float | None] = []
    for source, target in ends:
        x += (layout.x[source], layout.x[target], None)  # None ends a line
        y += (layout.y[source], layout.y[target], None)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "hoverinfo": "skip",
        "showlegend": False,
        "meta": "edges",
    } | style


def _node_traces(picture: Picture, layout: Layout) -> list[Figure]:
    traces = []
    for kind, (_, symbol) in KIND_STYLES.items():
        members = [i for i, node in enumerate(picture.nodes) if node.kind is kind]
        marker = {
            "symbol": symbol,
            "size": [layout.diameter[i] for i in members],
            "color": [node_color(picture, i) for i in members],
            "line": {"color": "white", "width": 0.6},
            "opacity": 1,
        }
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": kind.value,
                "meta": "nodes",
                "customdata": members,
                "x": [layout.x[i] for i in members],
                "y": [layout.y[i] for i in members],
                "marker": marker,
                "hoverinfo": "none",
                "showlegend": bool(members) and not picture.graphs,
            }
        )
    return traces


def node_color(picture: Picture, i: int) -> str:
    """The colour of a node: by its kind, or, when graphs are compared, by the graphs that have it."""
    node = picture.nodes[i]
    return SIDE_COLORS[node.side] if picture.graphs else KIND_STYLES[node.kind][0]


def _layout(picture: Picture, layout: Layout) -> Figure:
    return {
        "width": layout.width + _MARGIN["l"] + _MARGIN["r"],
        "height": layout.height + _MARGIN["t"] + _MARGIN["b"],
        "margin": _MARGIN,
        "font": {"family": FONT, "size": 12, "color": "#222"},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hovermode": "closest",
        "dragmode": "pan",
        "showlegend": False,
        "xaxis": _x_axis(picture, layout),
        "yaxis": _y_axis(layout),
        "shapes": _bands(layout),
        "annotations": _logit_labels(picture, layout),
    }


def _x_axis(picture: Picture, layout: Layout) -> Figure:
    def label(position: int) -> str:
        if not picture.tokens:  # positions do not count
            return ""
        token = picture.tokens[position] if 0 <= position < len(picture.tokens) else str(position)
        room = _MARGIN["l"] + _SMALLEST_SCALE * sum(layout.columns[position]) / 2  # at its left, where it leans to
        return plotly_text(short(token.strip() or repr(token), min(_MAX_LABEL, int(room / _LEANING_LETTER))))

    fits = all(len(label(p)) * 7 < right - left for p, (left, right) in layout.columns.items())  # 7 pixels a letter
    return {
        "range": [0, layout.width],
        "tickvals": [(left + right) / 2 for left, right in layout.columns.values()],
        "ticktext": [label(position) for position in layout.columns],
        "tickangle": 0 if fits else -45,
        "ticklabeloverflow": "allow",  # plotly would leave out a label that might not fit
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }


def _y_axis(layout: Layout) -> Figure:
    depths = list(layout.rows)
    top = depths[-1]
    # There is no room for every layer: every second one has a name, but not the one just below the logits.
    named = [d for d in depths if d in (-1, top) or (d % 2 == 0 and d < top - 1)]
    texts = {-1: "token", top: "logit"}
    return {
        "range": [0, layout.height],
        "tickvals": [layout.rows[depth] for depth in named],
        "ticktext": [texts.get(depth, f"L{depth:g}") for depth in named],
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }


def _bands(layout: Layout) -> list[Figure]:
    """Shades every second position."""
    return [
        {
            "type": "rect",
            "x0": left,
            "x1": right,
            "y0": 0,
            "y1": layout.height,
            "layer": "below",
            "fillcolor": "#F6F5F1",
            "line": {"width": 0},
        }
        for i, (left, right) in enumerate(layout.columns.values())
        if i % 2 == 0
    ]


def _logit_labels(picture: Picture, layout: Layout) -> list[Figure]:
    return [
        {
            "x": layout.x[i],
            "y": layout.height,
            "yanchor": "bottom",
            "xanchor": "center",
            "textangle": -90,
            "showarrow": False,
            "font": {"size": 11},
            "yshift": 1,
            "text": plotly_text(" ".join(filter(None, (short(node.name, 12), _probability(node))))),
            "name": str(i),  # the page hides it with the node
        }
        for i, node in enumerate(picture.nodes)
        if node.kind is Kind.LOGIT
    ]


def _probability(node: PictureNode) -> str:
    """The probability of a logit; of one that two graphs have, both, in order of the graphs."""
    both = [one.probability for one in (node, node.second) if one is not None]
    return " | ".join(f"{one:.0%}" if one else "-" for one in both) if any(both) else ""


def static_figure(picture: Picture, layout: Layout) -> Figure:
    """The figure for an image: with a title, a legend, and names of the nodes on the best paths."""
    figure = graph_figure(picture, layout)
    traces, page = figure["data"], figure["layout"]
    inner = list(dict.fromkeys(i for path in picture.paths for i in path.nodes[1:-1]))  # axes name the ends of paths
    page |= {
        "width": max(page["width"], 1000),
        "margin": _MARGIN | {"t": _MARGIN["t"] + 72, "b": _MARGIN["b"] + 34},
        "height": page["height"] + 106,
        "title": {
            "text": f"<b>{plotly_text(short(picture.title, 80))}</b><br>"
            f'<span style="font-size:13px">{plotly_text(short(picture.prompt, 110))}</span>',
            "x": 0.012,
            "xanchor": "left",
            "y": 1 - 34 / (page["height"] + 106),
            "yref": "container",
            "font": {"size": 17},
        },
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
    }
    page["annotations"] = page["annotations"] + _node_names(picture, layout, inner, page["width"])
    traces += _legend_of_edges(picture)
    return figure


def _node_names(picture: Picture, layout: Layout, nodes: list[int], width: float) -> list[Figure]:
    """Names beside nodes, at the right or at the left. A name that would overlap an earlier one, or the margin, at both
    is left out."""
    scale = (width - _MARGIN["l"] - _MARGIN["r"]) / layout.width
    taken: list[tuple[float, float, float]] = []  # left, right and height of names, in pixels
    annotations = []
    for i in nodes:
        name, title = picture.nodes[i].name, picture.nodes[i].title
        text = short(name, 30) + title.removeprefix(name)
        x, y, width = layout.x[i] * scale, layout.y[i], 6.2 * len(text)  # the mean width of a letter
        gap = layout.diameter[i] / 2 + 4
        places = {"left": (x + gap, x + gap + width), "right": (x - gap - width, x - gap)}  # by the anchor of the text
        free = (
            anchor
            for anchor, (left, right) in places.items()
            if left >= 0 and right <= layout.width * scale + 10
            if not any(left < end and start < right and abs(y - at) < 13 for start, end, at in taken)
        )
        anchor = next(free, None)
        if anchor is None:
            continue
        taken.append((*places[anchor], y))
        annotations.append(
            {
                "x": layout.x[i],
                "y": y,
                "xanchor": anchor,
                "xshift": (gap - 2) * (1 if anchor == "left" else -1),
                "showarrow": False,
                "text": plotly_text(text),
                "font": {"size": 11},
                "bgcolor": "rgba(255,255,255,0.75)",
                "borderpad": 0,
            }
        )
    return annotations


def _legend_of_edges(picture: Picture) -> list[Figure]:
    """Traces without points, for the legend: the traces of edges are too faint, and there are three of each colour."""
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [None],
            "y": [None],
            "name": plotly_text(name),
            "line": {"color": color, "width": 2},
        }
        for name, color in edge_groups(picture)
    ]
