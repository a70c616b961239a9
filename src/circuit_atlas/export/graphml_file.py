"""Writes GraphML for Gephi, yEd, igraph and networkx, edge by edge: the usual libraries keep all of it in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from circuit_atlas.export.columns import NODE_TYPES, node_columns
from circuit_atlas.files import replacing
from circuit_atlas.graph.data import GraphData

_BLOCK = 100_000
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|\\\\(?=x[0-9a-f]{2})")
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
"""


def write_graphml(data: GraphData, path: Path) -> None:
    r"""Write a graph as GraphML: nodes by key, edges from source to target with their `weight`. Numbers are exact.

    Characters that XML does not allow, such as control characters in tokens, are written as `\x1f` and the like, and
    a backslash before `x` and two such digits as `\x5c`.

    Raises:
        InputError: the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD)
        file.writelines(_keys(data))
        file.write('<graph edgedefault="directed">\n')
        file.writelines(_graph(data))
        file.writelines(_nodes(data))
        file.writelines(_edges(data))
        file.write("</graph>\n</graphml>\n")


def _properties(data: GraphData) -> dict[str, str]:
    """The metadata as text; lists and mappings as JSON."""
    fields = data.metadata.model_dump(mode="json", exclude_none=True)
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in fields.items()
    }


def _keys(data: GraphData) -> Iterator[str]:
    types = [
        ("graph", dict.fromkeys(_properties(data), "string")),
        ("node", NODE_TYPES),
        ("edge", {"weight": "double"}),
    ]
    for what, names in types:
        for name, kind in names.items():
            yield f'<key id="{what}-{name}" for="{what}" attr.name="{name}" attr.type="{kind}"/>\n'


def _graph(data: GraphData) -> Iterator[str]:
    for name, value in _properties(data).items():
        yield f"{_data('graph', name, value)}\n"


def _nodes(data: GraphData) -> Iterator[str]:
    columns = node_columns(data)
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(columns, values, strict=True))
        fields = "".join(_data("node", name, value) for name, value in row.items() if value is not None)
        yield f"<node id={quoteattr(_clean(row['key']))}>{fields}</node>\n"


def _edges(data: GraphData) -> Iterator[str]:
    ids = [quoteattr(_clean(data.nodes.key(i))) for i in range(len(data.nodes))]
    for block in data.edges.blocks(_BLOCK):
        for target, source, weight in zip(
            block.target.tolist(), block.source.tolist(), block.weight.tolist(), strict=True
        ):
            yield f"<edge source={ids[source]} target={ids[target]}>{_data('edge', 'weight', weight)}</edge>\n"


def _data(what: str, name: str, value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else _clean(str(value))
    return f'<data key="{what}-{name}">{escape(text, {chr(13): "&#13;"})}</data>'


def _clean(text: str) -> str:
    return _NO_XML.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
