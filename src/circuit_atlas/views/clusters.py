"""Groups of graphs as a picture: their dendrogram, and beside it the similarity of each pair as a heat map."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from circuit_atlas.arguments import checks_arguments
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.similar_results import Clusters
from circuit_atlas.views.figure import FONT, Figure, plotly_text, short_name
from circuit_atlas.views.view import FigureView

if TYPE_CHECKING:
    from circuit_atlas.graph.data import Float64

_MAX_GRAPHS = 1_500  # graphs; the page would have more than two million cells
_NAMED = 80  # graphs; more names would lie on each other
_ROW = 16  # pixels
_LABEL = 24  # characters
_TREE = 0.24  # share of the width
_LINE, _GROUP = "#444444", "#D55E00"


@checks_arguments
class ClustersView(FigureView):
    """The picture of an answer of `clusters`. A notebook shows it; `save` writes it.

    Args:
        found: the answer.

    Raises:
        InvalidArgumentError: it has too many graphs for a picture, or is not whole: a part of it, or read from JSON.
    """

    def __init__(self, found: Clusters) -> None:
        similarity = found.similarities()
        if len(similarity) > _MAX_GRAPHS:
            raise InvalidArgumentError(
                f"{len(similarity):,} graphs are more than the {_MAX_GRAPHS:,} that a picture can show",
                fix="Draw the graphs of one group: tag the groups (--tag-groups), and ask for the clusters of a tag.",
            )
        super().__init__(found.heading, clusters_figure(found, similarity))


def clusters_figure(found: Clusters, similarity: Float64) -> Figure:
    """The figure: the heat map, which has the names of graphs, and the dendrogram, whose leaves are its rows.

    Args:
        found: the groups.
        similarity: float64 (n, n), see `Clusters.similarities`.
    """
    names = [plotly_text(name) for name in found.graphs]
    off_diagonal = [value for i, row in enumerate(similarity.tolist()) for j, value in enumerate(row) if i != j]
    heat: Figure = {
        "type": "heatmap",
        "z": [[round(value, 4) for value in row] for row in similarity.tolist()],
        "zmin": min(off_diagonal),
        "zmax": max(off_diagonal),
        "colorscale": "Viridis",
        "colorbar": {"title": {"text": "similarity", "side": "right"}, "thickness": 14},
        "hovertemplate": "%{y}<br>%{x}<br>similarity %{z:.4f}<extra></extra>",
    }
    if len(names) <= _NAMED:  # beside the rows, names are cut; above a cell, they are whole
        heat["text"] = [[f"{row}<br>{column}" for column in names] for row in names]
        heat["hovertemplate"] = "%{text}<br>similarity %{z:.4f}<extra></extra>"
        names = [plotly_text(short_name(name, _LABEL)) for name in found.graphs]
    lines = {
        "type": "scatter",
        "mode": "lines",
        "xaxis": "x2",
        "yaxis": "y2",
        "line": {"color": _LINE, "width": 1},
        "hoverinfo": "skip",
        "showlegend": False,
        **_dendrogram(found._tree),
    }
    return {"data": [heat, lines], "layout": _layout(found, names)}


def _dendrogram(tree: list[list[float]]) -> dict[str, list[float | None]]:
    """The lines of a tree: a bracket for each two groups that become one, at their mean similarity."""
    n = len(tree) + 1
    height, level = [float(i) for i in range(n)], [1.0] * n  # of each group: where its line begins
    x: list[float | None] = []
    y: list[float | None] = []
    for first, second, distance, _ in tree:
        a, b = int(first), int(second)
        x += (level[a], 1 - distance, 1 - distance, level[b], None)  # None ends a line
        y += (height[a], height[a], height[b], height[b], None)
        height.append((height[a] + height[b]) / 2)
        level.append(1 - distance)
    return {"x": x, "y": y}


def _layout(found: Clusters, names: list[str]) -> Figure:
    n = len(names)
    is_named = n <= _NAMED
    joined = [1 - distance for _, _, distance, _ in found._tree]
    low, high = min(joined), max(joined)
    room = 0.1 * (high - low) or 0.05
    labels: dict[str, Any] = {
        "tickvals": list(range(n)),
        "ticktext": names,
        "ticks": "",
        "showgrid": False,
        "zeroline": False,
        "showticklabels": is_named,
        "tickfont": {"size": 10},
    }
    rows = [-0.5, n - 0.5]
    return {
        "title": {"text": plotly_text(found.heading), "x": 0.01, "font": {"size": 16}},
        "font": {"family": FONT, "size": 12, "color": "#222"},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "width": 1100,
        "height": max(420, min(1500, 240 + _ROW * n)),
        "margin": {"l": 20, "r": 20, "t": 60, "b": 140 if is_named else 40},
        "xaxis": labels | {"domain": [_TREE + (0.15 if is_named else 0.02), 1], "range": rows, "tickangle": -90},
        "yaxis": labels | {"domain": [0, 1], "range": rows[::-1], "anchor": "x"},
        "xaxis2": {
            "domain": [0, _TREE],
            "range": [low - room, high + room],
            "title": {"text": "mean similarity"},
            "anchor": "y2",
            "zeroline": False,
            "showgrid": True,
            "gridcolor": "#eee",
        },
        "yaxis2": {"domain": [0, 1], "matches": "y", "range": rows[::-1], "visible": False, "anchor": "x2"},
        "shapes": _squares(found),
    }


def _squares(found: Clusters) -> list[Figure]:
    """A square around each group in the heat map."""
    ends = [0]
    for group in found.groups:
        ends.append(ends[-1] + len(group.graphs))
    return [
        {
            "type": "rect",
            "x0": first - 0.5,
            "x1": stop - 0.5,
            "y0": first - 0.5,
            "y1": stop - 0.5,
            "line": {"color": _GROUP, "width": 2},
        }
        for first, stop in pairwise(ends)
    ]
