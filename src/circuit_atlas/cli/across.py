"""`tag`, `tags`, `features`, `compare` and `recurring`: questions across graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command, complete_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results import Result

_DEFAULT: dict[str, Any] = {"show_default": True}
_some_graphs = click.argument("graphs", nargs=-1, metavar="[GRAPH...]", shell_complete=complete_graphs)
_tags = click.option("--tag", "tags", multiple=True, metavar="TAG", help="All graphs with this tag; repeatable.")
_k = click.option("-k", "--k", type=click.IntRange(1, 10_000), default=20, **_DEFAULT, help="At most this many.")


@click.command("tag")
@click.argument("graphs", nargs=-1, required=True, metavar="GRAPH...", shell_complete=complete_graphs)
@click.option("--add", multiple=True, metavar="TAG", help="Add this tag; repeatable.")
@click.option("--remove", multiple=True, metavar="TAG", help="Remove this tag; repeatable.")
@atlas_command
def tag_command(atlas: Atlas, graphs: tuple[str, ...], **options: Any) -> Result:
    """Add tags to each GRAPH, or remove them. Questions across graphs take tags in place of graphs.

    \b
    Examples:
      circuit-atlas tag night winter --add analogies
      circuit-atlas tag winter --remove analogies
    """
    return atlas.tag(*graphs, **options)


@click.command("tags")
@atlas_command
def tags_command(atlas: Atlas) -> Result:
    """List the tags and their graphs.

    \b
    Examples:
      circuit-atlas tags
    """
    return atlas.tags()


@click.group("features")
def features_command() -> None:
    """Follow transcoder features across graphs."""


@features_command.command("show")
@click.argument("names", nargs=-1, required=True, metavar="[GRAPH] FEATURE")
@click.option("--graph", "graphs", multiple=True, metavar="GRAPH", help="Only in this graph; repeatable.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only in graphs with this tag; repeatable.")
@click.option("--model", default="", help="The language model, if several have such a feature.")
@click.option("--source-set", default="", help="The set of transcoders, if several have such a feature.")
@click.option("-k", "--k", type=click.IntRange(1, 1000), default=10, **_DEFAULT, help="In how many graphs.")
@click.option("--neighbors", type=click.IntRange(0, 100), default=3, **_DEFAULT, help="How many effects each way.")
@atlas_command
def show_command(atlas: Atlas, names: tuple[str, ...], **options: Any) -> Result:
    """Show every graph in which a FEATURE is active, how strongly, and its strongest effects there.

    FEATURE is layer/index, or an explanation that is shown. With GRAPH, it is any node of the graph.

    \b
    Examples:
      circuit-atlas features show 20/44686
      circuit-atlas features show dallas feature:20/44686@10 --neighbors 5
      circuit-atlas features show "Texas locations/legal contexts" --graph dallas
    """
    if len(names) > 2:
        raise click.UsageError("Give FEATURE, or GRAPH and FEATURE; quote names that contain blanks.")
    return atlas.feature(names[-1], graph=names[0] if len(names) == 2 else None, **options)


@features_command.command("common")
@_some_graphs
@_tags
@_k
@atlas_command
def common_command(atlas: Atlas, graphs: tuple[str, ...], **options: Any) -> Result:
    """List the transcoder features that are active in every GRAPH, at any position.

    \b
    Examples:
      circuit-atlas features common night winter
      circuit-atlas features common --tag analogies -k 5
    """
    return atlas.common_features(*graphs, **options)


@features_command.command("only")
@_some_graphs
@_tags
@click.option("--not", "without", multiple=True, metavar="GRAPH", help="Not active in this graph; repeatable.")
@click.option(
    "--not-tag", "without_tags", multiple=True, metavar="TAG", help="Not active in graphs with this tag; repeatable."
)
@_k
@atlas_command
def only_command(atlas: Atlas, graphs: tuple[str, ...], **options: Any) -> Result:
    """List the transcoder features that are active in every GRAPH and in none of the others.

    \b
    Examples:
      circuit-atlas features only winter --not night
      circuit-atlas features only --tag analogies --not dallas
    """
    return atlas.only_features(*graphs, **options)


@click.command("recurring")
@_some_graphs
@_tags
@click.option(
    "--share", type=click.FloatRange(0, 1), default=0.5, **_DEFAULT, help="In at least this share of the graphs."
)
@click.option(
    "--width",
    type=click.IntRange(1, 10),
    default=3,
    **_DEFAULT,
    help="How many of the strongest effects of a node motifs may use.",
)
@_k
@atlas_command
def recurring_command(atlas: Atlas, graphs: tuple[str, ...], **options: Any) -> Result:
    """List the features and two-hop motifs that recur in most of the graphs given, or of all graphs.

    \b
    Examples:
      circuit-atlas recurring night winter -k 5
      circuit-atlas recurring --tag analogies --share 0.8
    """
    return atlas.recurring(*graphs, **options)


@click.command("compare")
@click.argument("a", shell_complete=complete_graphs)
@click.argument("b", shell_complete=complete_graphs)
@click.option(
    "--align",
    type=click.Choice(["relative", "exact", "feature"]),
    default="relative",
    **_DEFAULT,
    help="Count positions from the end of the prompt, from its start, or not at all.",
)
@click.option(
    "-k",
    "--k",
    type=click.IntRange(1, 10_000),
    default=10,
    **_DEFAULT,
    help="At most this many nodes, effects and paths of each kind; totals are exact.",
)
@click.option("--max-hops", type=click.IntRange(1, 12), default=4, **_DEFAULT, help="Most edges of a path.")
@click.option(
    "--score",
    type=click.Choice(["mean", "sum", "bottleneck", "product"]),
    default="mean",
    **_DEFAULT,
    help="The score that ranks paths, as for `paths`.",
)
@atlas_command
def compare_command(atlas: Atlas, a: str, b: str, **options: Any) -> Result:
    """Compare graphs A and B: the nodes, direct effects and best paths that both have, and that only one has.

    Nodes are the same if their transcoder feature (errors: layer; tokens: text; logits: vocabulary entry) and their
    position, as --align counts it, are the same.

    \b
    Examples:
      circuit-atlas compare night winter
      circuit-atlas compare night winter --align feature -k 3
      circuit-atlas compare night winter --score product --max-hops 3
    """
    return atlas.compare(a, b, **options)
