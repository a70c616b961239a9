"""`features`: transcoder features across graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import CommandGroup, atlas_command, k_option, tags_option
from circuit_atlas.cli.questions import some_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions across prompts"


@click.group("features", cls=CommandGroup)
def features_command() -> None:
    """Follow transcoder features across graphs."""


@features_command.command("show")
@click.argument("names", nargs=-1, required=True, metavar="[GRAPH] FEATURE")
@click.option("--graph", "graphs", multiple=True, metavar="GRAPH", help="Only in this graph; repeatable.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only in graphs with this tag; repeatable.")
@click.option("--model", default="", help="The language model, if the feature exists in several.")
@click.option("--source-set", default="", help="The set of transcoders, if the feature exists in several.")
@click.option(
    "-k", "--k", type=click.IntRange(1, 1000), default=10, show_default=True, help="At most this many graphs."
)
@click.option(
    "--neighbors", type=click.IntRange(0, 100), default=3, show_default=True, help="How many effects each way."
)
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
@some_graphs
@tags_option
@k_option
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
@some_graphs
@tags_option
@click.option("--not", "without", multiple=True, metavar="GRAPH", help="Not active in this graph; repeatable.")
@click.option(
    "--not-tag", "without_tags", multiple=True, metavar="TAG", help="Not active in graphs with this tag; repeatable."
)
@k_option
@atlas_command
def only_command(atlas: Atlas, graphs: tuple[str, ...], **options: Any) -> Result:
    """List the transcoder features that are active in every GRAPH and in none of the others.

    \b
    Examples:
      circuit-atlas features only winter --not night
      circuit-atlas features only --tag analogies --not dallas
    """
    return atlas.only_features(*graphs, **options)
