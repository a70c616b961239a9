"""Places of a graph file's nodes: what its `node_id`, `layer` and `ctx_idx` say, in every generation.

`feature` is never read for this: it was a Cantor pairing of layer and index, then index + 10^n * layer, and
may be null. A `node_id` reads `{layer}_{index}_{position}` for features and logits, `E_{vocabulary}_{position}`
for tokens, and for errors `0_{layer}_{position}` (before 2026-07) or `{layer}_-1_{position}` (since).
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from circuit_atlas.schema.keys import Kind

_NODE_ID = re.compile(r"(E|\d{1,9})_(-?\d{1,18})_(\d{1,9})")
_KINDS = {
    "cross layer transcoder": Kind.FEATURE,
    "transcoder": Kind.FEATURE,
    "mlp reconstruction error": Kind.ERROR,
    "embedding": Kind.TOKEN,
    "logit": Kind.LOGIT,
}


class Place(NamedTuple):
    """Where a node belongs; None where a part does not apply or is not known."""

    kind: Kind
    layer: int | None
    index: int | None  # type: ignore[assignment]
    position: int | None


def place_of(node: dict[str, Any]) -> Place:
    """Kind, layer, index and position of a node of a graph file.

    A node of unknown type, or one whose id does not follow the form of its type, is `Kind.OTHER`: it is
    kept under the file's own id.
    """
    kind = _KINDS.get(str(node.get("feature_type")), Kind.OTHER)
    position = as_int(node.get("ctx_idx"))
    layer = as_int(node.get("layer"))
    parts = _NODE_ID.fullmatch(str(node["node_id"]))
    if kind is Kind.OTHER or parts is None:
        return Place(Kind.OTHER, layer, None, position)
    first, middle, last = parts[1], int(parts[2]), int(parts[3])
    position = last if position is None else position
    match kind:
        case Kind.TOKEN:
            return Place(kind, None, middle, position)
        case Kind.LOGIT:
            return Place(kind, None, middle, position)
        case Kind.ERROR:
            return _error_place(first, middle, layer, position)
        case _ if first == "E" or middle < 0:
            return Place(Kind.OTHER, layer, None, position)
        case _:
            return Place(kind, int(first), middle, position)


def _error_place(first: str, middle: int, layer: int | None, position: int) -> Place:
    if first == "E":
        return Place(Kind.OTHER, layer, None, position)
    if middle == -1:
        return Place(Kind.ERROR, int(first), None, position)
    if layer is None:
        layer = middle if first == "0" else int(first)
    is_layer = first == "0" and middle == layer
    return Place(Kind.ERROR, layer, None if is_layer else middle, position)


def as_int(value: Any) -> int | None:
    """A layer or position given as a number or as text; None for anything else (`"E"`, null, negative, huge)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 10**9 else None
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value):
        return int(value)
    return None


def as_float(value: Any) -> float | None:
    """A finite number; None for anything else (NaN, text, true, an integer beyond all floats)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
