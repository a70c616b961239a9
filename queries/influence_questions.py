"""Questions about influence: what carries the logits, node by node or in groups."""

from __future__ import annotations

from collections.abc import Iterable

from circuit_atlas.errors import QuestionError
from circuit_atlas.queries.checks import check_choice, check_range
from circuit_atlas.queries.graph_questions import find_graph
from circuit_atlas.queries.node_questions import to_node
from circuit_atlas.queries.results import Contributor, Contributors, InfluenceGroup, InfluenceGroups
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_PATHS

GROUPS = ("layer", "position", "kind", "feature")


def contributors(
    runner: QueryRunner, graph: str, *, kinds: Iterable[str] = (), share: float = 1.0, k: int = 20
) -> Contributors:
    """The nodes through which most of the logits flows, strongest first.

    Args:
        runner: where to ask.
        graph: the graph's name.
        kinds: only nodes of these kinds; all but logits when empty.
        share: stop at the smallest set that carries this share of their influence, 0 to 1.
        k: at most this many, 1 to 10,000.

    Raises:
        QuestionError: an argument is out of range, or the graph has no influence (no logits, or a cycle).
        GraphNotFoundError: no such graph is ready.
    """
    if not 0.0 < share <= 1.0:
        raise QuestionError(f"share cannot be {share}", fix="It is more than 0, at most 1.")
    check_range("k", k, 1, MAX_PATHS)
    kinds = _known(runner, graph, kinds)
    rows = runner.ask("influence.nodes", graph=graph, kinds=kinds, share=share, k=k)
    return Contributors(
        graph=graph,
        contributors=[
            Contributor(node=to_node(row["node"]), influence=row["influence"], cumulative_share=row["cumulative_share"])
            for row in rows
        ],
    )


def influence_by(
    runner: QueryRunner, graph: str, by: str, *, kinds: Iterable[str] = (), k: int = 100
) -> InfluenceGroups:
    """How much of the logits flows through each `layer`, `position`, `kind` or `feature`; see `contributors`."""
    check_choice("by", by, GROUPS)
    check_range("k", k, 1, MAX_PATHS)
    kinds = _known(runner, graph, kinds)
    rows = runner.ask("influence.groups", graph=graph, by=by, kinds=kinds, k=k)
    return InfluenceGroups(graph=graph, by=by, groups=[InfluenceGroup(**row) for row in rows])


def _known(runner: QueryRunner, graph: str, kinds: Iterable[str]) -> list[str]:
    kinds = list(kinds)
    for kind in kinds:
        check_choice("kind", kind, tuple(Kind))
    if find_graph(runner, graph)["graph"].get("completeness_score") is None:
        raise QuestionError(f"{graph!r} has no influence to tell: it has no logits, or holds a cycle")
    return kinds
