"""The best paths as a Sankey diagram."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from circuit_atlas.queries.path_results import Path, Paths
from circuit_atlas.schema.models import Node
from circuit_atlas.views.figure import FONT, KIND_STYLES, SIGN_COLORS, Figure, plotly_text, short

_NODE_HEIGHT = 34  # pixels


def sankey_figure(paths: Paths) -> Figure:
    """The diagram of paths: nodes from left to right, and a link for each edge. A link's width is the sum of |score| of
    the paths through it, its colour shows the sign of the edge's weight."""
    nodes = list({node.key: node for path in paths.paths for node in path.nodes}.values())
    index = {node.key: i for i, node in enumerate(nodes)}
    through: dict[tuple[str, str], list[tuple[Path, float]]] = defaultdict(list)  # edge -> paths, and its weight
    for path in paths.paths:
        for (source, target), weight in zip(pairwise(path.nodes), path.weights, strict=True):
            through[source.key, target.key].append((path, weight))
    link = {
        "source": [index[source] for source, _ in through],
        "target": [index[target] for _, target in through],
        "value": _widths([sum(abs(path.score) for path, _ in passing) for passing in through.values()]),
        "color": [_transparent(SIGN_COLORS[passing[0][1] < 0]) for passing in through.values()],
        "customdata": [[f"{passing[0][1]:.4g}", len(passing)] for passing in through.values()],
        "hovertemplate": "%{source.label} → %{target.label}<br>weight %{customdata[0]}"
        "<br>on %{customdata[1]} of the paths<extra></extra>",
    }
    node = {
        "label": [plotly_text(_label(node)) for node in nodes],
        "customdata": [plotly_text(node.key) for node in nodes],
        "color": [KIND_STYLES[node.kind][0] for node in nodes],
        "line": {"color": "white", "width": 0.5},
        "pad": 14,
        "thickness": 14,
        "hovertemplate": "%{label}<br>%{customdata}<extra></extra>",
    }
    trace = {"type": "sankey", "arrangement": "snap", "node": node, "link": link}
    return {"data": [trace], "layout": _layout(paths, len(nodes))}


def _widths(scores: list[float]) -> list[float]:
    """The scores, but at least a millionth of the largest: plotly does not draw links of width 0."""
    least = (max(scores, default=0.0) or 1.0) / 1e6
    return [max(score, least) for score in scores]


def _label(node: Node) -> str:
    return f"{short(node.name, 28)} ({node.place})" if node.place else short(node.name, 28)


def _transparent(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.35)"


def _layout(paths: Paths, nodes: int) -> Figure:
    title = f"{paths.graph}: {paths.description}"
    return {
        "title": {"text": plotly_text(title), "x": 0.01, "font": {"size": 16}},
        "font": {"family": FONT, "size": 12, "color": "#222"},
        "paper_bgcolor": "white",
        "width": 1100,
        "height": max(420, min(1400, 120 + _NODE_HEIGHT * nodes // 2)),
        "margin": {"l": 16, "r": 16, "t": 54, "b": 20},
    }
