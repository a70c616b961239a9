"""The key of a node: unique within its graph, readable, and the same for every format a graph comes in.

    feature:8/37691@6   feature 37691 of the transcoder of layer 8, at position 6
    feature:9/lorsa/9838@14   feature 9838 of layer 9's lorsa (an attention feature), at position 14
    error:5@3           reconstruction error of the MLP of layer 5, at position 3
    error:5/attention@3 that of the attention of layer 5
    error:5/1@3         the same with index 1, in files whose errors have an index
    token:6             the token at position 6
    logit:22605@10      vocabulary entry 22605 as output after position 10
    bias:...            a bias, by the file's own id
    other:...           a node of a type this version does not know, by the file's own id
    feature:supernode/Texas   a supernode of a collapsed graph, of the kind that all its members have, or `other`

A graph that was aggregated from many has further forms:

    feature:8/37691     feature 37691 of layer 8 at all positions; the same for error:5
    token:text/ is      the token " is" at all positions
    logit:target        the most probable logit of each graph
    logit:others        all other logits

A file's own `node_id` cannot be the key: circuit-tracer wrote `0_2_1` both for feature 2 of layer 0 and for the error
of layer 2 (both at position 1).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The kind of thing that a node stands for. `other` stands for node types that newer producers add.

    Graphs are hashed with the places of their nodes' kinds in this list: a new kind comes last.
    """

    FEATURE = "feature"
    ERROR = "error"
    TOKEN = "token"  # noqa: S105
    LOGIT = "logit"
    OTHER = "other"
    BIAS = "bias"

    @property
    def label(self) -> str:
        """The label of nodes of this kind in Neo4j, beside `Node`."""
        return self.value.capitalize()


class Component(StrEnum):
    """Which part of a layer a node belongs to.

    A feature is one of a `transcoder`, which replaces an MLP, or of a `lorsa` (low-rank sparse attention), which
    replaces attention heads. An error is what they do not explain, of the `mlp` or of the `attention`.
    """

    TRANSCODER = "transcoder"
    LORSA = "lorsa"
    MLP = "mlp"
    ATTENTION = "attention"


ATTENTION_COMPONENTS = frozenset({Component.LORSA, Component.ATTENTION})
"""Those that come first in a layer: attention acts on the MLP of its own layer, and never the other way round."""
ATTENTION_STEP = 0.5  # how far the attention of a layer is below its MLP, in layers

KIND_NAMES = frozenset(kind.value for kind in Kind)

FEATURE_TYPES = {
    Kind.FEATURE: "cross layer transcoder",
    Kind.ERROR: "mlp reconstruction error",
    Kind.TOKEN: "embedding",
    Kind.LOGIT: "logit",
}
"""The `feature_type` that circuit-tracer writes for each kind, also for per-layer transcoders."""
KIND_OF_FEATURE_TYPE: dict[str, tuple[Kind, Component | None]] = {
    "cross layer transcoder": (Kind.FEATURE, Component.TRANSCODER),
    "transcoder": (Kind.FEATURE, Component.TRANSCODER),
    "lorsa": (Kind.FEATURE, Component.LORSA),
    "mlp reconstruction error": (Kind.ERROR, Component.MLP),
    "lorsa error": (Kind.ERROR, Component.ATTENTION),
    "embedding": (Kind.TOKEN, None),
    "logit": (Kind.LOGIT, None),
    "bias": (Kind.BIAS, None),
}
"""The kind and component that each known `feature_type` stands for; any other is `Kind.OTHER`. Which component a bias
belongs to is in its id."""

SUPERNODE = "supernode"  # the `feature_type` of supernodes in a collapsed graph; their ids begin with it
TARGET, OTHERS = "target", "others"  # keys of the two logits of an aggregate; in comparisons, the end of paths
COLLAPSED = ":collapsed"  # ends the name of every collapsed graph, and of no other graph


def collapsed_name(graph: str) -> str:
    """The name of the graph that `graph` is collapsed to."""
    return graph + COLLAPSED


def feature_place(layer: int | None, index: int | None, component: str | None = None) -> str:
    """How a feature is addressed: `8/37691`, or `9/lorsa/9838` if it is one of a lorsa."""
    return f"{layer}/lorsa/{index}" if component == Component.LORSA else f"{layer}/{index}"


def feature_name(layer: int | None, index: int | None, component: str | None = None) -> str:
    """The name of a feature without a label or explanation."""
    return f"feature {feature_place(layer, index, component)}"


class NodeAddress(NamedTuple):
    """Where a node belongs; None for a part that does not apply or is not known."""

    kind: Kind
    layer: int | None
    index: int | None  # type: ignore[assignment]
    position: int | None
    component: Component | None = None


def make_key(
    kind: Kind, layer: int | None, index: int | None, position: int | None, component: Component | None = None
) -> str:
    """The key of a node at an address; see the module's text for the forms. Without a component, a feature is one of a
    transcoder, and an error that of an MLP. Features and errors may have no position."""
    at = "" if position is None else f"@{position}"
    match kind:
        case Kind.FEATURE:
            return f"feature:{feature_place(layer, index, component)}{at}"
        case Kind.ERROR:
            part = "/attention" if component is Component.ATTENTION else ""
            return f"error:{layer}{part}{'' if index is None else f'/{index}'}{at}"
        case Kind.TOKEN:
            return f"token:{position}"
        case Kind.LOGIT:
            return f"logit:{index}@{position}"
        case Kind.BIAS | Kind.OTHER:
            raise ValueError(f"a node of the kind {kind.value} is keyed by its own id")


_FORMS = {
    Kind.FEATURE: re.compile(r"(?P<layer>\d+)/(?P<part>lorsa/)?(?P<index>\d+)(?:@(?P<position>\d+))?"),
    Kind.ERROR: re.compile(r"(?P<layer>\d+)(?P<part>/attention)?(?:/(?P<index>\d+))?(?:@(?P<position>\d+))?"),
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
    parts = found.groupdict()
    layer, index, position = (
        None if parts.get(name) is None else int(parts[name]) for name in ("layer", "index", "position")
    )
    kind = Kind(prefix)
    components = _COMPONENTS.get(kind)
    return NodeAddress(kind, layer, index, position, components and components[parts["part"] is not None])


_COMPONENTS = {
    Kind.FEATURE: (Component.TRANSCODER, Component.LORSA),
    Kind.ERROR: (Component.MLP, Component.ATTENTION),
}
_BIAS_COMPONENTS = {
    "lorsa": Component.LORSA,
    "attn": Component.ATTENTION,
    "tc": Component.TRANSCODER,
    "mlp": Component.MLP,
}


_POSITION = re.compile(r"@(-?\d+)\Z", re.ASCII)


def split_position(identity: str) -> tuple[str, int | None]:
    """A key, or what a node is aligned by, without the position at its end, and the position; None if it has none. Any
    other `@` is part of a name or of a node's own id."""
    found = _POSITION.search(identity)
    return (identity[: found.start()], int(found[1])) if found else (identity, None)


def component_of(key: str) -> Component | None:
    """The component that the node of a key belongs to; None for tokens and logits, and where the key does not say."""
    kind, _, rest = key.partition(":")
    if kind == Kind.BIAS:  # 9_bias_lorsa_bQ_14
        return next((part for name, part in _BIAS_COMPONENTS.items() if f"_{name}_" in rest), None)
    address = parse_key(key)
    return address.component if address else None
