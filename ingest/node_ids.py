"""Addresses of the nodes of a JSON file: what `node_id`, `layer` and `ctx_idx` say, in every generation.

The field `feature` is never read for this: it was a Cantor pairing of layer and index, then index + 10^n * layer, and
may be null. A `node_id` is

    {layer}_{index}_{position}          a feature or logit
    {layer}_cro_{index}_{position}      a feature of a transcoder, in files of OpenMOSS from Neuronpedia
    {layer}_lor_{index}_{position}      a feature of a lorsa (attention), there
    E_{vocabulary index}_{position}     a token
    0_{layer}_{position}                an error, until 2026-07
    {layer}_-1_{position}               an error, since then
    {layer}_error_{position}            an error, in files of OpenMOSS
    {layer}_error_mlp_{position}        an error, in files of OpenMOSS from Neuronpedia; `attn` for that of an attention
    {layer}_bias_{name}_{position}      a bias, there

Where an id does not say whether it is one of an MLP or of an attention, `feature_type` does.
"""

from __future__ import annotations

import re
from typing import Any

from circuit_atlas.schema.keys import KIND_OF_FEATURE_TYPE, Component, Kind, NodeAddress

_NODE_ID = re.compile(r"(E|\d{1,9})_(?:(?:cro|lor)_)?(-?\d{1,18})_(\d{1,9})")
_NAMED_ERROR = re.compile(r"(\d{1,9})_error(?:_(?:mlp|attn))?_(\d{1,9})")
_NUMBERED = re.compile(r"\d{1,9}_(?:cro|lor)_\d{1,18}_\d{1,9}")
_PLACEHOLDER = re.compile(r"F\d{1,20}")
_MAX_LAYERS = 1_000  # a larger number in an id is no layer
_UNKNOWN: tuple[Kind, None] = Kind.OTHER, None


def address_of(node: dict[str, Any]) -> NodeAddress:
    """Kind, layer, index, position and component of a node of a JSON file.

    A node of unknown type, or one whose id does not have the form of its type, is `Kind.OTHER` and is known by the
    file's own id. So is a bias, which has no index.
    """
    kind, component = KIND_OF_FEATURE_TYPE.get(str(node.get("feature_type")), _UNKNOWN)
    position = as_int(node.get("ctx_idx"))
    layer = as_int(node.get("layer"))
    if kind in (Kind.OTHER, Kind.BIAS):
        return NodeAddress(kind, layer, None, position)
    named_error = _NAMED_ERROR.fullmatch(str(node["node_id"])) if kind is Kind.ERROR else None
    if named_error:
        place = int(named_error[2]) if position is None else position
        return NodeAddress(kind, int(named_error[1]), None, place, component)
    parts = _NODE_ID.fullmatch(str(node["node_id"]))
    if parts is None:
        return NodeAddress(Kind.OTHER, layer, None, position)
    first, middle, last = parts[1], int(parts[2]), int(parts[3])
    position = last if position is None else position
    match kind:
        case Kind.TOKEN:
            return NodeAddress(kind, None, middle, position)
        case Kind.LOGIT:
            return NodeAddress(kind, None, middle, position)
        case Kind.ERROR:
            return _error_address(first, middle, layer, position, component)
        case _ if first == "E" or middle < 0:
            return NodeAddress(Kind.OTHER, layer, None, position)
        case _:
            return NodeAddress(kind, int(first), middle, position, component)


def _error_address(
    first: str, middle: int, layer: int | None, position: int, component: Component | None
) -> NodeAddress:
    if first == "E":
        return NodeAddress(Kind.OTHER, layer, None, position)
    if middle == -1:  # since 2026-07
        return NodeAddress(Kind.ERROR, int(first), None, position, component)
    # Until 2026-07 the layer stands in the middle, behind a 0. Only the field `layer` distinguishes that from an id
    # that begins with the layer, and has an index in the middle.
    has_index = first != "0" or (layer == 0 and middle != 0) or middle >= _MAX_LAYERS
    layer, index = (int(first), middle) if has_index else (middle, None)
    return NodeAddress(Kind.ERROR, layer, index, position, component)


def label_of(node: dict[str, Any]) -> str | None:
    """The label of a node of a JSON file. OpenMOSS's files from Neuronpedia have the number of the field `feature` in
    the place of a label, such as `F48496466`: that is none."""
    label = node.get("clerp")
    if not isinstance(label, str) or not label:
        return None
    is_number = _PLACEHOLDER.fullmatch(label) and _NUMBERED.fullmatch(str(node["node_id"]))
    return None if is_number else label


def as_int(value: Any) -> int | None:
    """A layer or position, given as a number or text; None for anything else (`"E"`, null, negative, too large)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 10**9 else None
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value):
        return int(value)
    return None
