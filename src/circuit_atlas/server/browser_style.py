"""The style in which Neo4j Browser draws graphs: each kind of node in the colour that it has in the other pictures."""

from __future__ import annotations

import json

_NODE = {"border-width": "2px", "text-color-internal": "#222222", "font-size": "10px", "caption": "{name}"}
_EDGE = {"font-size": "8px", "padding": "3px", "text-color-external": "#222222", "text-color-internal": "#FFFFFF"}


def _node(diameter: int, color: str, border: str, **others: str) -> dict[str, str]:
    return {"diameter": f"{diameter}px", "color": color, "border-color": border, **_NODE, **others}


_WHITE = {"text-color-internal": "#FFFFFF"}
STYLE: dict[str, dict[str, str]] = {
    "node": _node(50, "#F0E442", "#B8AE20"),
    "node.Node": _node(45, "#F0E442", "#B8AE20"),
    "node.Feature": _node(50, "#E69F00", "#B27B00"),
    "node.Error": _node(40, "#9A9A9A", "#6E6E6E", **_WHITE),
    "node.Token": _node(65, "#009E73", "#00734F", **_WHITE),
    "node.Logit": _node(80, "#CC79A7", "#A0567F", **_WHITE),
    "node.Bias": _node(50, "#8C564B", "#633C34", **_WHITE),
    "node.QkOnlyNode": _node(50, "#DDDDDD", "#999999"),
    "node.Graph": _node(90, "#0072B2", "#00507D", **_WHITE),
    "node.TranscoderFeature": _node(65, "#F5D28A", "#B27B00", caption="{explanation}"),
    "node.Supernode": _node(80, "#56B4E9", "#2E84B5"),
    "node.Circuit": _node(80, "#56B4E9", "#2E84B5"),
    "node.Tag": _node(65, "#D55E00", "#9C4500", **_WHITE),
    "relationship": {"color": "#A5ABB6", "shaft-width": "1px", **_EDGE, "caption": "<type>"},
    "relationship.DIRECT_EFFECT": {"color": "#767676", "shaft-width": "2px", **_EDGE, "caption": "{weight}"},
}


def style_sheet() -> str:
    """The style as GraSS, Browser's form of a style sheet."""
    rules = ("".join(f"  {name}: {_grass(value)};\n" for name, value in rule.items()) for rule in STYLE.values())
    return "".join(f"{selector} {{\n{rule}}}\n" for selector, rule in zip(STYLE, rules, strict=True))


def commands_at_connection() -> str:
    """The commands that Browser runs when it connects to a local server, for the setting `browser.post_connect_cmd`.

    Browser takes the style as JSON, which is GraSS on one line. It draws no effects between nodes that a statement does
    not return.
    """
    return f'style {json.dumps(STYLE)}; config "autoComplete": false'


def _grass(value: str) -> str:
    return f'"{value}"' if value[0] in "{<" else value
