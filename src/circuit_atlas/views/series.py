"""A series of graphs as a picture: a line for each thing that is followed."""

from __future__ import annotations

from typing import Any

from circuit_atlas.arguments import checks_arguments
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.series_results import Series
from circuit_atlas.schema.limits import SCORES
from circuit_atlas.views.figure import FONT, Figure, plotly_text, short, short_name
from circuit_atlas.views.view import FigureView

# Okabe and Ito's colours, which colour-blind people can distinguish. Other dashes follow from the eighth line on, other
# markers from the 43rd.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_MARKERS = ("circle", "square", "diamond")
_LABEL, _NAME = 18, 44  # characters
_NAMED = 60  # graphs; more names would lie on each other


@checks_arguments
class SeriesView(FigureView):
    """The picture of an answer of `series`. A notebook shows it; `save` writes it.

    Args:
        found: the answer.

    Raises:
        InvalidArgumentError: it has nothing to draw.
    """

    def __init__(self, found: Series) -> None:
        if not found.lines:
            raise InvalidArgumentError("there is nothing to draw", fix="Follow a feature, a path or a circuit.")
        super().__init__(found.heading, series_figure(found))


def series_figure(found: Series) -> Figure:
    """The figure: graphs from left to right, each with its last token and its answer, and a line for each value. A line
    is broken where a graph has none. The score of a path has an axis of its own, since it may be of any size."""
    texts = [plotly_text(f"{step.graph}: …{step.token or ''} → {step.target or '?'}") for step in found.steps]
    right = _on_the_right(found)
    lines = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": list(range(len(found.steps))),
            "y": line.values,
            "yaxis": "y2" if line.measure in right else "y",
            "name": plotly_text(short_name(line.name if line.feature else f"{line.measure}, {line.name}", _NAME)),
            "text": texts,
            "hovertemplate": "%{text}<br>%{y:.4g}<extra>%{fullData.name}</extra>",
            "connectgaps": False,
            **_style(i),
        }
        for i, line in enumerate(found.lines)
    ]
    return {"data": lines, "layout": _layout(found, right)}


def _style(i: int) -> Figure:
    """The style of line number `i`. The first hundred styles are all different."""
    round_of_colors, color = divmod(i, len(_COLORS))
    round_of_dashes, dash = divmod(round_of_colors, len(_DASHES))
    return {
        "line": {"color": _COLORS[color], "dash": _DASHES[dash]},
        "marker": {"symbol": _MARKERS[round_of_dashes % len(_MARKERS)], "size": 7},
    }


def _layout(found: Series, right: list[str]) -> Figure:
    n = len(found.steps)
    ticks = [
        plotly_text(
            short(step.token.strip(), _LABEL) if step.token and step.token.strip() else short_name(step.graph, _LABEL)
        )
        + (f"<br>→ {plotly_text(short(step.target, _LABEL))}" if step.target else "")
        for step in found.steps
    ]
    left = dict.fromkeys(line.measure for line in found.lines if line.measure not in right)
    axis: dict[str, Any] = {"gridcolor": "#eee", "zeroline": False}
    return {
        "title": {"text": plotly_text(found.heading), "x": 0.01, "font": {"size": 16}},
        "font": {"family": FONT, "size": 12, "color": "#222"},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "width": 1100,
        "height": 520 + 18 * len(found.lines),
        "margin": {"l": 70, "r": 70 if right else 20, "t": 60, "b": 110},
        "showlegend": True,
        "legend": {"orientation": "h", "yanchor": "top", "y": -0.18, "x": 0},
        "xaxis": axis
        | {"tickvals": list(range(n)), "ticktext": ticks, "showticklabels": n <= _NAMED, "range": [-0.4, n - 0.6]},
        "yaxis": axis | {"title": {"text": ", ".join(left)}, "rangemode": "tozero"},
        "yaxis2": {
            "title": {"text": f"{', '.join(right)} of the best path"},
            "rangemode": "tozero",
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "zeroline": False,
        },
    }


def _on_the_right(found: Series) -> list[str]:
    """The score of the path, unless it is followed alone."""
    measures = dict.fromkeys(line.measure for line in found.lines)
    return [measure for measure in measures if measure in SCORES and len(measures) > 1]
