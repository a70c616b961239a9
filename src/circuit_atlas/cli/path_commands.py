"""`paths`, `score`, `count` and `influence`."""

from __future__ import annotations

import json
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import KINDS, IntRange, atlas_command, graph_or_collapsed

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results import Result

from_option = click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="NODE",
    help="Node where paths begin; repeatable.  [default: all tokens]",
)
to_option = click.option(
    "--to",
    "targets",
    multiple=True,
    metavar="NODE",
    help="Node where paths end; repeatable.  [default: the most probable logit]",
)
max_hops_option = click.option(
    "--max-hops", type=click.IntRange(1, 12), default=4, show_default=True, help="Most edges of a path."
)


_score = click.option(
    "--score",
    type=click.Choice(["mean", "sum", "bottleneck", "product"]),
    default="mean",
    show_default=True,
    help="Mean or sum of weights, the weakest link, or the product of normalised weights.",
)
_edge_value = click.option(
    "--edge-value",
    metavar="EXPRESSION",
    help="Cypher expression to score instead of the weight, for instance 'abs(weight) / input_sum'.",
)


_KINDS = click.Choice(KINDS)


@click.command("paths")
@graph_or_collapsed
@from_option
@to_option
@max_hops_option
@click.option("-k", "--k", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many paths.")
@click.option(
    "--order",
    type=click.Choice(["strongest", "inhibiting"]),
    default="strongest",
    show_default=True,
    help="Largest score first, or smallest.",
)
@_score
@_edge_value
@click.option("--kind", "kinds", type=_KINDS, multiple=True, help="Pass only nodes of this kind; repeatable.")
@click.option(
    "--layer", "layers", type=IntRange(), multiple=True, help="Pass only these layers, 5 or 5-10; repeatable."
)
@click.option("--position", "positions", type=IntRange(), multiple=True, help="Pass only these positions; repeatable.")
@click.option("--avoid", multiple=True, metavar="NODE", help="Do not pass this node; repeatable.")
@click.option("--must-pass", multiple=True, metavar="NODE", help="Pass this node; repeatable: all of them.")
@click.option("--min-weight", type=click.FloatRange(0), default=0.0, help="Follow only edges of this |weight| or more.")
@atlas_command
def paths_command(
    atlas: Atlas, graph: str, layers: tuple[range, ...], positions: tuple[range, ...], **options: Any
) -> Result:
    """Find the paths of GRAPH with the best score; exact, inhibition included.

    \b
    Examples:
      circuit-atlas paths dallas
      circuit-atlas paths dallas --from Dallas --to Austin --max-hops 3 -k 5
      circuit-atlas paths dallas --to Austin --order inhibiting
      circuit-atlas paths dallas --score bottleneck --kind feature --min-weight 0.5
      circuit-atlas paths dallas --layer 10-20 --must-pass feature:20/44686@10
      circuit-atlas paths dallas --score sum --edge-value 'abs(weight)'
    """
    return atlas.graph(graph).paths(layers=[*chain(*layers)], positions=[*chain(*positions)], **options)


@click.command("score")
@graph_or_collapsed
@click.argument("nodes", nargs=-1)
@click.option("--file", type=click.File("r"), help="JSON list of paths, each a list of nodes; - for stdin.")
@_score
@_edge_value
@atlas_command
def score_command(
    atlas: Atlas, graph: str, nodes: tuple[str, ...], file: IO[str] | None, score: str, edge_value: str | None
) -> Result:
    """Score the path of GRAPH along NODES, from source to target.

    \b
    Examples:
      circuit-atlas score dallas Dallas feature:20/44686@10 Austin
      circuit-atlas score dallas Dallas feature:20/44686@10 Austin --score product
      echo '[["Dallas", "Austin"]]' | circuit-atlas score dallas --file -
    """
    if bool(nodes) == bool(file):
        raise click.UsageError("Give the nodes of one path, or a file of paths with --file.")
    paths = [nodes] if file is None else _read_paths(file)
    return atlas.graph(graph).score(*paths, score=score, edge_value=edge_value)


def _read_paths(file: IO[str]) -> list[list[str]]:
    try:
        paths = json.load(file)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--file") from error
    is_list = isinstance(paths, list) and all(isinstance(path, list) for path in paths)
    if not is_list or not all(isinstance(node, str) for path in paths for node in path):
        raise click.BadParameter('not a list of paths such as [["Dallas", "Austin"]]', param_hint="--file")
    return paths  # type: ignore[no-any-return]


@click.command("count")
@graph_or_collapsed
@from_option
@to_option
@max_hops_option
@atlas_command
def count_command(atlas: Atlas, graph: str, **options: Any) -> Result:
    """Count the paths of GRAPH by number of hops, exactly.

    \b
    Examples:
      circuit-atlas count dallas
      circuit-atlas count dallas --from Dallas --max-hops 12
    """
    return atlas.graph(graph).count(**options)


@click.command("distribution")
@graph_or_collapsed
@from_option
@to_option
@max_hops_option
@_score
@click.option(
    "--sample",
    type=click.IntRange(1, 10_000),
    default=10_000,
    show_default=True,
    help="Score at most this many paths, drawn with equal chances.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sample.")
@atlas_command
def distribution_command(atlas: Atlas, graph: str, **options: Any) -> Result:
    """Show the distribution of the scores of the paths of GRAPH: of all paths if they are few, else of a sample.

    \b
    Examples:
      circuit-atlas distribution dallas --max-hops 2
      circuit-atlas distribution dallas --from Dallas --score product
    """
    return atlas.graph(graph).score_distribution(**options)


@click.command("influence")
@graph_or_collapsed
@click.option(
    "--by",
    type=click.Choice(["node", "edge", "layer", "position", "kind", "feature"]),
    default="node",
    show_default=True,
    help="By node, by edge, or by groups of nodes.",
)
@click.option(
    "--to", "targets", multiple=True, metavar="NODE", help="Node to account for; repeatable.  [default: all logits]"
)
@click.option("--kind", "kinds", type=_KINDS, multiple=True, help="Only nodes of this kind; repeatable.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="The smallest set of nodes that carries this share.",
)
@click.option("-k", "--k", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most this many.")
@atlas_command
def influence_command(
    atlas: Atlas, graph: str, by: str, targets: tuple[str, ...], kinds: tuple[str, ...], share: float, k: int
) -> Result:
    """Show how much of the logits of GRAPH flows through each node, over all paths (circuit-tracer's influence).

    \b
    Examples:
      circuit-atlas influence dallas -k 5
      circuit-atlas influence dallas --kind token --kind error --share 0.5
      circuit-atlas influence dallas --by layer --kind feature
      circuit-atlas influence dallas --to Austin --by edge
    """
    handle = atlas.graph(graph)
    if by == "edge":
        if kinds or share < 1:
            raise click.UsageError("--kind and --share apply to nodes only.")
        return handle.edge_influence(targets=targets, k=k)
    if by == "node":
        return handle.influence(targets=targets, kinds=kinds, share=share, k=k)
    return handle.influence_by(by, targets=targets, kinds=kinds, k=k)
