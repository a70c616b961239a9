"""The interactive picture of a graph: one HTML file that needs nothing else."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from importlib.resources import files
from math import isfinite
from string import Template
from typing import Any

from circuit_atlas.errors import needs_extra
from circuit_atlas.printable import printable
from circuit_atlas.views.figure import (
    EDGE_STEPS,
    EDGES_DRAWN,
    KIND_STYLES,
    SIGN_COLORS,
    Figure,
    edge_groups,
    graph_figure,
    node_color,
    side_names,
)
from circuit_atlas.views.layout import Layout, lay_out
from circuit_atlas.views.picture import Picture, PictureNode

LIBRARY = "/* <the library that draws> */"
"""Placeholder of plotly.js in a page, for a notebook that has it already. No text in a page has an unescaped `<`."""


def graph_page(picture: Picture, library: str) -> str:
    """The page of a picture.

    Args:
        picture: the picture.
        library: the text of plotly.js, or `LIBRARY`.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    layout = lay_out(picture)
    return fill(
        "graph_page.html",
        title=_shown(picture.title),
        prompt=_shown(picture.prompt),
        facts=_shown(" · ".join((f"{picture.model} ({picture.source_set})", *picture.facts))),
        notes=note_paragraphs(picture.notes),
        style=asset("graph_page.css"),
        script=asset("graph_page.js"),
        plotly=library,
        data=script_json(_data(picture, layout, graph_figure(picture, layout))),
    )


def _shown(text: str) -> str:
    """A text as HTML, with control characters in words."""
    return html.escape(printable(text))


def file_name(title: str) -> str:
    """A file name of at most 200 bytes, made from a graph's name, which can be any text."""
    name = re.sub(r"[^\w.-]+", "-", title).strip(".-")[:100]
    return name.encode()[:200].decode(errors="ignore") or "graph"


def asset(name: str) -> str:
    """A file of this package as text."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def note_paragraphs(notes: Iterable[str]) -> str:
    """Notes as HTML."""
    return "\n".join(f'<p class="note">{_shown(note)}</p>' for note in notes)


def fill(template: str, **parts: str) -> str:
    """A template of this package with its parts filled in. The parts have to be HTML: nothing is escaped here."""
    return Template(asset(template)).substitute(parts)


def script_json(value: Any) -> str:
    """JSON for a script element. Its `<` and `>` are escaped, so that no text in it ends the element or begins a
    comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def plotly_script() -> str:
    """The whole of plotly.js, from plotly's Python package.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    with needs_extra("views", "drawing a page"):
        from plotly.offline import get_plotlyjs
    return str(get_plotlyjs())


def _token(picture: Picture, node: PictureNode) -> str:
    return picture.tokens[node.column] if node.column < len(picture.tokens) else ""


def _values(node: PictureNode) -> dict[str, float | None]:
    """The numbers of a node. JSON has no infinity, so null takes its place."""
    values = {"activation": node.activation, "influence": node.influence, "probability": node.probability}
    return {name: value if value is not None and isfinite(value) else None for name, value in values.items()}


def _data(picture: Picture, layout: Layout, figure: Figure) -> dict[str, Any]:
    """The data of the page's script: the figure that plotly draws, and the graph that the script shows over it."""
    edges = {
        "source": [edge.source for edge in picture.edges],
        "target": [edge.target for edge in picture.edges],
        "weight": [edge.weight for edge in picture.edges],
        "other": [edge.other for edge in picture.edges] if picture.graphs else [],
    }
    return {
        "file": file_name(picture.title),
        "figure": figure,
        "graphs": picture.graphs,
        "sides": side_names(picture),
        "nodes": _node_data(picture, layout),
        "edges": edges,
        "paths": [
            {"score": path.score, "nodes": path.nodes, "weights": path.weights, "graph": path.graph}
            for path in picture.paths
        ],
        "kinds": [{"name": kind, "color": color, "symbol": symbol} for kind, (color, symbol) in KIND_STYLES.items()],
        "edge_groups": [{"name": name, "color": color} for name, color in edge_groups(picture)],
        "edge_steps": EDGE_STEPS,
        "edges_drawn": EDGES_DRAWN,
        "sign_colors": SIGN_COLORS,
    }


def _node_data(picture: Picture, layout: Layout) -> list[dict[str, Any]]:
    return [
        {
            "key": printable(node.key),
            "kind": node.kind.value,
            "name": printable(node.name),
            "title": printable(node.title),
            "layer": node.layer,
            "position": node.position,
            "token": printable(_token(picture, node)),
            "explanation": node.explanation and printable(node.explanation),
            "page": node.page,
            "supernodes": [printable(name) for name in node.supernodes],
            **_values(node),
            "side": node.side,
            "second": node.second and _values(node.second),
            "x": round(layout.x[i], 2),
            "y": round(layout.y[i], 2),
            "size": round(layout.diameter[i], 2),
            "color": node_color(picture, i),
            "symbol": KIND_STYLES[node.kind][1],
        }
        for i, node in enumerate(picture.nodes)
    ]
