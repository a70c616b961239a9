"""Supernodes: made and deleted, and graphs collapsed by them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from circuit_atlas.answers import IngestResult
from circuit_atlas.database import translated_errors
from circuit_atlas.errors import InvalidArgumentError, SupernodeNotFoundError
from circuit_atlas.ingest import Writer, delete_graph, load_graph
from circuit_atlas.ingest.statements import DELETE_SUPERNODE, SUPERNODES
from circuit_atlas.queries import supernodes as supernode_questions
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.queries.supernode_results import Supernodes
from circuit_atlas.schema.keys import collapsed_name

_NAME = re.compile(r"[^\x00-\x1f]{1,200}")


Limits = Mapping[str, list[Any]]  # kinds, layers, positions


def create_supernode(
    runner: QueryRunner,
    graph: str,
    name: str,
    nodes: Sequence[str],
    matching: str | None,
    limits: Limits,
    *,
    replace: bool,
) -> Supernodes:
    """See `GraphHandle.create_supernode`."""
    if bool(nodes) is (matching is not None):
        raise InvalidArgumentError(
            "a supernode is made of nodes or by a rule", fix="Name its nodes, or what they match."
        )
    if matching is None:
        if any(limits.values()):
            raise InvalidArgumentError("kinds, layers and positions are for a rule", fix="Leave them out.")
        members, rule = supernode_questions.members_by_hand(runner, graph, nodes), None
    else:
        members = supernode_questions.members_matching(runner, graph, matching, **limits)
        rule = _rule(f"matching {matching!r}", limits)
    make_supernodes(runner, graph, {name: members}, rule=rule, replace=replace)
    return _made(runner, graph, [name])


def create_of_features(runner: QueryRunner, graph: str, limits: Limits, *, replace: bool) -> Supernodes:
    """See `GraphHandle.create_supernodes_of_features`."""
    members = supernode_questions.same_features(runner, graph, **limits)
    make_supernodes(runner, graph, members, rule=_rule("same feature", limits), replace=replace)
    return _made(runner, graph, list(members))


def _rule(rule: str, limits: Limits) -> str:
    return ", ".join([rule, *(f"{name} {' '.join(map(str, values))}" for name, values in limits.items() if values)])


def _made(runner: QueryRunner, graph: str, names: list[str]) -> Supernodes:
    there = supernode_questions.list_supernodes(runner, graph)
    return there.model_copy(update={"supernodes": [s for s in there.supernodes if s.name in names]})


def make_supernodes(
    runner: QueryRunner, graph: str, members: Mapping[str, Sequence[int]], *, rule: str | None, replace: bool
) -> None:
    """Store supernodes, all or none.

    Args:
        runner: of the database.
        graph: the graph's name.
        members: ordinals of the members of each, by name.
        rule: what made them; None for hand.
        replace: whether supernodes of these names are replaced; they keep their place.

    Raises:
        InvalidArgumentError: a name can't be one, is there already, or has no members; the graph is a collapsed one.
        GraphNotFoundError: no such graph is ready.
    """
    _check_whole(find_graph(runner, graph)["graph"])
    for name, nodes in members.items():
        if not _NAME.fullmatch(name):
            raise InvalidArgumentError(
                f"{name!r:.80} cannot be a supernode's name", fix="It has 1 to 200 characters, no control characters."
            )
        if not nodes:
            raise InvalidArgumentError(f"the supernode {name!r} would group nothing", fix="Name its nodes, or a rule.")
    order = {row["name"]: row["order"] for row in runner.ask("supernodes.list", graph=graph)}
    there = [name for name in members if name in order]
    if there and not replace:
        raise InvalidArgumentError(
            f"{graph!r} has a supernode {there[0]!r}", fix="Replace it with --replace, or give another name."
        )
    free = max(order.values(), default=-1) + 1
    rows = [
        {
            "name": name,
            "order": order.get(name, free + i),
            "source": "rule" if rule else "hand",
            "rule": rule,
            "members": sorted(set(nodes)),
        }
        for i, (name, nodes) in enumerate(members.items())
    ]
    with translated_errors():
        Writer(runner.driver, runner.database).run_together(
            [(DELETE_SUPERNODE, {"graph": graph, "names": there}), (SUPERNODES, {"graph": graph, "rows": rows})]
        )


def delete_supernodes(runner: QueryRunner, graph: str, names: Sequence[str]) -> None:
    """Delete supernodes, all or none. The graph's nodes stay.

    Raises:
        SupernodeNotFoundError: there is none of such a name.
        GraphNotFoundError: no such graph is ready.
    """
    find_graph(runner, graph)
    there = [row["name"] for row in runner.ask("supernodes.list", graph=graph)]
    missing = [name for name in names if name not in there]
    if missing:
        raise SupernodeNotFoundError(
            f"{graph!r} has no supernode {missing[0]!r}", fix=f"It has: {', '.join(there[:20]) or 'none'}."
        )
    with translated_errors():
        Writer(runner.driver, runner.database).run(DELETE_SUPERNODE, graph=graph, names=list(names))


def store_collapsed(runner: QueryRunner, graph: str, weights: str | None = None) -> IngestResult | None:
    """Store the graph collapsed by its supernodes, as it is now, as a graph of its own; None when it is there and up
    to date.

    Args:
        runner: of the database.
        graph: the name of the whole graph.
        weights: `shares` or `sums`, see `circuit_atlas.graph.collapse`; None for those that it has, else `shares`.

    Raises:
        InvalidArgumentError: the graph has no supernodes, or there are no such weights.
        GraphNotFoundError: no such graph is ready.
    """
    stored = find_graph(runner, graph)["graph"]
    _check_whole(stored)
    there = runner.ask("graphs.stats", graph=collapsed_name(graph))
    known: StoredGraph = there[0]["graph"] if there else {}
    weights = weights or known.get("collapsed_weights", "shares")
    groups = [
        [row["name"], [node["ordinal"] for node in row["members"]]]
        for row in runner.ask("supernodes.list", graph=graph)
    ]
    if not any(members for _, members in groups):
        if known:
            delete_collapsed(runner, graph)
        raise InvalidArgumentError(f"{graph!r} has no supernodes", fix="`circuit-atlas supernodes create` makes some.")
    state = hashlib.sha256(json.dumps([stored["content_hash"], weights, groups]).encode()).hexdigest()
    if known.get("collapsed_state") == state:
        return None
    from circuit_atlas.graph.collapse import WEIGHTS, collapse
    from circuit_atlas.queries.checks import check_choice
    from circuit_atlas.queries.whole_graph import read_graph_data

    check_choice("weights", weights, WEIGHTS)
    data = collapse(read_graph_data(runner, graph), weights, collapsed_from=graph, collapsed_state=state)
    with translated_errors():
        return load_graph(runner.driver, runner.database, data, name=collapsed_name(graph), replace=True)


def delete_collapsed(runner: QueryRunner, graph: str) -> None:
    """Delete what a graph was collapsed to, if that is there."""
    if runner.ask("graphs.stats", graph=collapsed_name(graph)):
        with translated_errors():
            delete_graph(Writer(runner.driver, runner.database), collapsed_name(graph))


def _check_whole(stored: StoredGraph) -> None:
    whole = stored.get("collapsed_from")
    if whole is not None:
        raise InvalidArgumentError(
            f"{stored['name']!r} is collapsed already", fix=f"Ask it of {whole!r}, which it is made of."
        )
