"""What a reader did not understand in the nodes of a file, counted: it is kept, and reported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from circuit_atlas.graph.data import KINDS, NodeColumns
from circuit_atlas.schema.keys import KIND_OF_FEATURE_TYPE, Kind

_SHOWN = 10  # unknown types that are named
_SHOWN_LENGTH = 60  # characters of a type, id or label


def not_understood(nodes: NodeColumns) -> list[str]:
    """Warnings about types, ids and labels of nodes that this version does not know: a line for each, with a count and
    the first place."""
    return [*_unknown_nodes(nodes), *_unknown_labels(nodes)]


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
