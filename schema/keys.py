"""The key of a node: unique within its graph, readable, and the same for every format a graph comes in.

    feature:8/37691@6   feature 37691 of layer 8 at position 6
    error:5@3           reconstruction error of layer 5 at position 3
    error:5/1@3         the same with index 1, in files whose errors have an index
    token:6             the token at position 6
    logit:22605@10      vocabulary entry 22605 as output after position 10
    other:...           a node of a type this version does not know, by the file's own id
    feature:supernode/Texas   a supernode of a collapsed graph, of the kind that all its members have, or `other`

A file's own `node_id` cannot be the key: circuit-tracer wrote `0_2_1` both for feature 2 of layer 0 and for the error
of layer 2 (both at position 1).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a node stands for. `other` stands for node types that newer producers add."""

    FEATURE = "feature"
    ERROR = "error"
    TOKEN = "token"  # noqa: S105
    LOGIT = "logit"
    OTHER = "other"

    @property
    def label(self) -> str:
        """The label of nodes of this kind in Neo4j, beside `Node`."""
        return self.value.capitalize()


KIND_NAMES = frozenset(kind.value for kind in Kind)

FEATURE_TYPES = {
    Kind.FEATURE: "cross layer transcoder",
    Kind.ERROR: "mlp reconstruction error",
    Kind.TOKEN: "embedding",
    Kind.LOGIT: "logit",
}
"""The `feature_type` that circuit-tracer writes for each kind, also for per-layer transcoders."""
KIND_OF_FEATURE_TYPE = {name: kind for kind, name in FEATURE_TYPES.items()} | {"transcoder": Kind.FEATURE}
"""The kind that each known `feature_type` stands for; any other is `Kind.OTHER`."""

SUPERNODE = "supernode"  # the `feature_type` of supernodes in a collapsed graph; their ids begin with it
COLLAPSED = ":collapsed"  # ends the name of every collapsed graph, and of no other graph


def collapsed_name(graph: str) -> str:
    """The name of the graph that `graph` is collapsed to."""
    return graph + COLLAPSED


def feature_name(layer: int | None, index: int | None) -> str:
    """The name of a feature without a label or explanation."""
    return f"feature {layer}/{index}"


class NodeAddress(NamedTuple):
    """Where a node belongs; None for a part that does not apply or is not known."""

    kind: Kind
    layer: int | None
    index: int | None  # type: ignore[assignment]
    position: int | None


def make_key(kind: Kind, layer: int | None, index: int | None, position: int | None) -> str:
    """The key of a node at an address; see the module's text for the forms."""
    match kind:
        case Kind.FEATURE:
            return f"feature:{layer}/{index}@{position}"
        case Kind.ERROR if index is None:
            return f"error:{layer}@{position}"
        case Kind.ERROR:
            return f"error:{layer}/{index}@{position}"
        case Kind.TOKEN:
            return f"token:{position}"
        case Kind.LOGIT:
            return f"logit:{index}@{position}"
        case Kind.OTHER:
            raise ValueError("a node of unknown type is keyed by its own id")


_FORMS = {
    Kind.FEATURE: re.compile(r"(?P<layer>\d+)/(?P<index>\d+)@(?P<position>\d+)"),
    Kind.ERROR: re.compile(r"(?P<layer>\d+)(?:/(?P<index>\d+))?@(?P<position>\d+)"),
    Kind.TOKEN: re.compile(r"(?P<position>\d+)"),
    Kind.LOGIT: re.compile(r"(?P<index>\d+)@(?P<position>\d+)"),
}


def parse_key(key: str) -> NodeAddress | None:
    """The address that `key` gives, or None if it has none of the known forms."""
    prefix, _, rest = key.partition(":")
    form = _FORMS.get(Kind(prefix)) if prefix in KIND_NAMES else None
    found = form.fullmatch(rest) if form else None
    if not found:
        return None
    parts = {name: int(text) for name, text in found.groupdict().items() if text is not None}
    return NodeAddress(Kind(prefix), parts.get("layer"), parts.get("index"), parts.get("position"))
