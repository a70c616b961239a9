"""Reads and writes the supernodes and pinned nodes in a graph file's `qParams`.

A node is named by its `node_id`, in Anthropic's files by its `jsNodeId`, which may stand for one feature at several
positions. A list may be given as text.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from circuit_atlas.errors import InputError
from circuit_atlas.printable import first_of
from circuit_atlas.schema.limits import MAX_MEMBERSHIPS, MAX_SUPERNODES
from circuit_atlas.schema.models import Supernode

if TYPE_CHECKING:
    from circuit_atlas.graph.data import NodeColumns

_SHOWN = 5  # missing members that a warning names
_SHOWN_LENGTH = 80  # characters of a name in a warning


def read_supernodes(
    qparams: dict[str, Any], nodes: NodeColumns, where: str = "the graph"
) -> tuple[tuple[Supernode, ...], list[str]]:
    """The supernodes in `qParams`, of nodes that are given as columns; see `named_supernodes`."""
    return named_supernodes(qparams, _ordinals_of(nodes), where)


def named_supernodes(
    qparams: dict[str, Any], by_name: Mapping[str, Sequence[int]], where: str
) -> tuple[tuple[Supernode, ...], list[str]]:
    """The supernodes in `qParams`, and warnings of what names none, or members that are not nodes of this graph.

    Args:
        qparams: the file's `qParams`.
        by_name: ordinals of the graph's nodes, see `ordinals_by_name`.
        where: the file, for messages.

    Raises:
        InputError: there are more supernodes, or members of them, than can be stored.
    """
    groups: dict[str, dict[int, None]] = {}
    lost: list[tuple[str, list[str]]] = []  # supernodes, each with its members that are not nodes
    doubled: list[str] = []
    entries = as_list(qparams.get("supernodes"))
    warnings = _no_list(qparams, "supernodes")
    if odd := [entry for entry in entries if not _is_list(entry)]:
        warnings.append(
            "`qParams.supernodes` has entries that are not a list of a name and nodes, and were not read: "
            f"{len(odd):,}; the first is {odd[0]!r:.{_SHOWN_LENGTH}}"
        )
    _check_number(len(entries), MAX_SUPERNODES, "supernodes", where)
    n_members = 0
    for entry in filter(_is_list, entries):
        names = [_as_name(part) for part in as_list(entry)]
        if not names:
            continue
        name, *members = names
        missing = [member for member in members if member not in by_name]
        if missing:
            lost.append((name, missing))
        if name in groups:
            doubled.append(name)
        group = groups.setdefault(name, {})
        for member in dict.fromkeys(members):
            n_members += len(by_name.get(member, ()))
            _check_number(n_members, MAX_MEMBERSHIPS, "members of supernodes", where)
            group.update(dict.fromkeys(by_name.get(member, ())))
    supernodes = tuple(Supernode(name=name, members=tuple(sorted(group))) for name, group in groups.items())
    if doubled:
        same = first_of([repr(name) for name in dict.fromkeys(doubled)], _SHOWN)
        warnings.append(f"`qParams.supernodes` has some names more than once; each is one supernode here: {same}")
    return supernodes, [*warnings, _missing_members(lost)] if lost else warnings


def _no_list(qparams: dict[str, Any], field: str) -> list[str]:
    """A warning if a field is neither a list nor a text."""
    value = qparams.get(field)
    if value is None or isinstance(value, list | str):
        return []
    return [f"`qParams.{field}` is not a list, so it was not read"]


def _is_list(entry: Any) -> bool:
    """Whether an entry of `supernodes` is a list, given as such or as text. A name by itself is none."""
    return isinstance(entry, list) or (isinstance(entry, str) and (len(as_list(entry)) > 1 or entry.startswith("[")))


def _check_number(number: int, limit: int, what: str, where: str) -> None:
    if number > limit:
        raise InputError(
            f"more than {limit:,} {what}",
            where=f"{where}: qParams.supernodes",
            fix="Remove some: no page could show them.",
        )


def _missing_members(lost: list[tuple[str, list[str]]]) -> str:
    """One warning for all supernodes, which names the first of them and some of its members."""
    (name, missing), others = lost[0], lost[1:]
    shown = ", ".join(member[:_SHOWN_LENGTH] for member in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
    text = f"the supernode {name[:_SHOWN_LENGTH]!r} has members that are not in the graph: {shown}{more}"
    if not others:
        return text
    members = sum(len(missing) for _, missing in others)
    return f"{text}; so have {len(others):,} more supernodes ({members:,} members)"


def pinned_nodes(qparams: dict[str, Any], nodes: NodeColumns) -> list[int]:
    """Ordinals of the nodes that are pinned in the frontend (`qParams.pinnedIds`)."""
    by_name = _ordinals_of(nodes)
    return [i for name in pinned_names(qparams) for i in by_name.get(name, [])]


def pins_not_understood(qparams: dict[str, Any], nodes: NodeColumns) -> list[str]:
    """Warnings of what `qParams.pinnedIds` says and cannot be pinned."""
    return [*_no_list(qparams, "pinnedIds"), *missing_pins(pinned_names(qparams), _ordinals_of(nodes))]


def missing_pins(pins: Sequence[str], by_name: Mapping[str, Sequence[int]]) -> list[str]:
    """A warning if there are pinned nodes that are not in the graph."""
    missing = [pin[:_SHOWN_LENGTH] for pin in pins if pin not in by_name]
    more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
    return [f"pinned nodes that are not in the graph: {', '.join(missing[:_SHOWN])}{more}"] if missing else []


def pinned_names(qparams: dict[str, Any]) -> list[str]:
    """The names in `qParams.pinnedIds`, each once."""
    return list(dict.fromkeys(map(_as_name, as_list(qparams.get("pinnedIds")))))


def write_supernodes(
    qparams: dict[str, Any], nodes: NodeColumns, supernodes: Sequence[Supernode], node_id: Callable[[int], str]
) -> dict[str, Any]:
    """`qParams` with these supernodes.

    An entry of a supernode that did not change stays as the file wrote it. Members of changed supernodes are pinned,
    too, since the frontend shows only pinned nodes.

    Args:
        qparams: the file's `qParams`.
        nodes: the graph's nodes.
        supernodes: all supernodes, in order.
        node_id: gives the `node_id` of a node by its ordinal.
    """
    known = {supernode.name: supernode for supernode in read_supernodes(qparams, nodes)[0]}
    if list(known.values()) == list(supernodes):
        return qparams
    entries: dict[str, list[Any]] = defaultdict(list)
    for entry in map(as_list, as_list(qparams.get("supernodes"))):
        entries[_as_name(entry[0]) if entry else ""].append(entry)
    written, pinned = [], dict.fromkeys(pinned_names(qparams))
    for supernode in supernodes:
        if known.get(supernode.name) == supernode:
            written += entries[supernode.name]
            continue
        members = [node_id(i) for i in supernode.members]
        written.append([supernode.name, *members])
        pinned |= dict.fromkeys(members)
    return {**qparams, "pinnedIds": list(pinned), "supernodes": written}


def as_list(value: Any) -> list[Any]:
    """A list that the file gives as such or as text: JSON, or names separated by commas. Anything else is empty."""
    if isinstance(value, list):
        return value
    if not isinstance(value, str) or not value.strip():
        return []
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return [part.strip() for part in value.split(",")]
    return parsed if isinstance(parsed, list) else [value]


def _as_name(value: Any) -> str:
    """The name of a node or supernode, which should be a text. A list or an object names nothing."""
    return "[...]" if isinstance(value, list | dict) else str(value)


def ordinals_by_name(nodes: Iterable[tuple[int, str | None, str | None]]) -> dict[str, list[int]]:
    """Ordinals by `node_id` and `jsNodeId`; a `node_id` wins over an equal `jsNodeId`.

    Args:
        nodes: ordinal, `node_id` and `jsNodeId` of each.
    """
    by_js: dict[str, list[int]] = defaultdict(list)
    by_id: dict[str, list[int]] = defaultdict(list)
    for i, source_id, js_node_id in nodes:
        if js_node_id:
            by_js[js_node_id].append(i)
        if source_id:
            by_id[source_id].append(i)
    return {**by_js, **by_id}


def _ordinals_of(nodes: NodeColumns) -> dict[str, list[int]]:
    return ordinals_by_name(zip(range(len(nodes)), nodes.source_id, nodes.js_node_id or repeat(None), strict=False))
