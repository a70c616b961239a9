"""`influence`: the nodes and effects that the logits flow through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.path_options import KIND, circuit_option, contrast_options, explain_option
from circuit_atlas.cli.questions import Question, best_of_all_option, graph_collapsed_or_several, question_command
from circuit_atlas.schema.limits import INFLUENCE_GROUPS, MAX_PATHS

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.command("influence", cls=Question)
@graph_collapsed_or_several
@click.option(
    "--by",
    type=click.Choice(["node", "edge", "length", *INFLUENCE_GROUPS]),
    default="node",
    show_default=True,
    help="By node, by edge, by length of the paths, or by groups of nodes.",
)
@explain_option
@contrast_options
@click.option("--kind", "kinds", type=KIND, multiple=True, help="Only nodes of this kind; repeatable.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    help="The smallest set of nodes that carries this share; with 1, all that have any influence.",
)
@click.option(
    "-k",
    "--k",
    type=click.IntRange(1, MAX_PATHS),
    help="At most this many.  [default: 20; 100 for groups and lengths; with --share, as many as needed]",
)
@best_of_all_option
@circuit_option
@question_command
def influence_command(
    atlas: Atlas,
    graph: str,
    by: str,
    kinds: tuple[str, ...],
    share: float | None,
    k: int | None,
    circuit: str | None,
    **asked: Any,
) -> Result:
    """Show how much of the logits of GRAPH flows through each node, over all paths (circuit-tracer's influence).

    \b
    Examples:
      circuit-atlas influence dallas -k 5
      circuit-atlas influence dallas --kind token --kind error --share 0.5
      circuit-atlas influence dallas --by layer --kind feature
      circuit-atlas influence dallas --to Austin --by edge
      circuit-atlas influence dallas --by length
      circuit-atlas influence dallas --to Austin --minus Dallas --by edge -k 5
    """
    handle = atlas.graph(graph)
    if by in ("edge", "length") and kinds:
        raise click.UsageError("--kind cannot be combined with --by edge or --by length.")
    if by != "node" and share is not None:
        raise click.UsageError("--share needs --by node.")
    if by == "node":
        return handle.influence(kinds=kinds, share=share, k=k, circuit=circuit, **asked)
    if k is not None:
        asked["k"] = k
    if by == "length":
        return handle.influence_by_length(circuit=circuit, **asked)
    if by == "edge":
        return handle.edge_influence(circuit=circuit, **asked)
    return handle.influence_by(by, kinds=kinds, circuit=circuit, **asked)
