"""Counts and reports the parts of nodes and metadata that a reader did not understand; they are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from circuit_atlas.graph.data import KINDS, NodeColumns
from circuit_atlas.graph.numbers import as_float
from circuit_atlas.ingest.node_ids import as_int
from circuit_atlas.schema.keys import KIND_OF_FEATURE_TYPE, Kind, NodeAddress

_SHOWN = 10  # unknown types that are named
_SHOWN_LENGTH = 60  # characters of a type, id or label


def not_understood(nodes: NodeColumns) -> list[str]:
    """Warnings about types, ids and labels of nodes that this version does not know: a line for each, with a count and
    the first place."""
    return [*_unknown_nodes(nodes), *_unknown_labels(nodes)]


def fields_not_understood(raw_nodes: Sequence[dict[str, Any]], addresses: Sequence[NodeAddress]) -> list[str]:
    """Warnings about fields of the nodes of a JSON file: labels that are not texts, and layers and positions that are
    not those of the ids. The id has the layer, since all generations of files agree about it."""
    unread = [i for i, raw in enumerate(raw_nodes) if not isinstance(raw.get("clerp"), str | None)]
    other = [
        i
        for i, (raw, address) in enumerate(zip(raw_nodes, addresses, strict=True))
        if address.kind in (Kind.FEATURE, Kind.ERROR) and as_int(raw.get("layer")) not in (None, address.layer)
    ]
    moved = [
        i
        for i, (raw, address) in enumerate(zip(raw_nodes, addresses, strict=True))
        if address.kind not in (Kind.OTHER, Kind.BIAS)  # the ids of all others end in a position
        and raw.get("ctx_idx") is not None
        and as_int(raw["ctx_idx"]) != int(str(raw["node_id"]).rpartition("_")[2])
    ]
    warnings = []
    if moved:
        first = raw_nodes[moved[0]]
        warnings.append(
            f"{_nodes(moved)} with a `ctx_idx` that is not the position in the `node_id`; the `ctx_idx` is used if it "
            f"is a valid position; the first is nodes[{moved[0]}], {first['node_id']!r:.{_SHOWN_LENGTH}}, with the "
            f"ctx_idx {first['ctx_idx']!r:.{_SHOWN_LENGTH}}"
        )
    if unread:
        label = f"{raw_nodes[unread[0]]['clerp']!r:.{_SHOWN_LENGTH}}"
        warnings.append(f"{_nodes(unread)} with a `clerp` that is not a text; the first is nodes[{unread[0]}], {label}")
    if other:
        first = raw_nodes[other[0]]
        warnings.append(
            f"{_nodes(other)} with a `layer` that is not that of the `node_id`, which is taken; the first is "
            f"nodes[{other[0]}], {first['node_id']!r:.{_SHOWN_LENGTH}}, with the layer {first['layer']!r}"
        )
    return warnings


def metadata_not_understood(metadata: dict[str, Any]) -> list[str]:
    """Warnings about fields of a JSON file's `metadata` that are not of the type that is read."""
    odd = {name: "a text" for name in ("slug", "prompt", "scan") if not isinstance(metadata.get(name), str | None)}
    if not isinstance(metadata.get("prompt_tokens"), list | None):
        odd["prompt_tokens"] = "a list"
    for name in ("node_threshold", "edge_threshold"):
        if metadata.get(name) is not None and as_float(metadata[name]) is None:
            odd[name] = "a number"
    return [f"`metadata.{name}` is not {wanted}, so it was not read" for name, wanted in odd.items()]


def _unknown_nodes(nodes: NodeColumns) -> Iterator[str]:
    by_type: dict[str, list[int]] = defaultdict(list)
    for i in np.flatnonzero(nodes.kind == KINDS.index(Kind.OTHER)).tolist():
        by_type[nodes.feature_type[i] or ""].append(i)
    for name, members in list(by_type.items())[:_SHOWN]:
        first = f"the first is nodes[{members[0]}], {nodes.source_id[members[0]]!r:.{_SHOWN_LENGTH}}"
        kept = "kept as `other`, which the scores count neither as tokens nor as errors"
        if name in KIND_OF_FEATURE_TYPE:
            yield f"{_nodes(members)} of type {name!r} with an id of unknown form, {kept}; {first}"
        elif name:
            yield f"{_nodes(members)} of unknown type {name!r:.{_SHOWN_LENGTH}}, {kept}; {first}"
        else:
            yield f"{_nodes(members)} without a `feature_type`, {kept}; {first}"
    if len(by_type) > _SHOWN:
        left = sum(len(members) for members in list(by_type.values())[_SHOWN:])
        yield f"{left:,} nodes of {len(by_type) - _SHOWN:,} more unknown types, kept as `other`"


def _unknown_labels(nodes: NodeColumns) -> Iterator[str]:
    logits = np.flatnonzero(nodes.kind == KINDS.index(Kind.LOGIT)).tolist()
    unread = [i for i in logits if nodes.token[i] is None and nodes.label[i]]
    if unread:
        label = f"{nodes.label[unread[0]]!r:.{_SHOWN_LENGTH}}"
        yield (
            f"{len(unread):,} label{'s' * (len(unread) != 1)} of logits in which no token was found; the first is "
            f"nodes[{unread[0]}], {label}"
        )


def _nodes(members: Sequence[int]) -> str:
    return f"{len(members):,} node{'s' * (len(members) != 1)}"
