"""`supernodes`: lists, creates, suggests, copies and deletes supernodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import CommandGroup, atlas_command
from circuit_atlas.cli.output import echo
from circuit_atlas.cli.path_options import KIND, IntRange
from circuit_atlas.cli.questions import Question, graph_argument, graph_or_several, question_command

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


@click.group("supernodes", cls=CommandGroup)
def supernodes_command() -> None:
    """Group nodes of a graph into supernodes: list, link, create, suggest, copy, delete.

    \b
    Examples:
      circuit-atlas supernodes list opposite-small
      circuit-atlas supernodes create dallas Texas --matching Texas
      circuit-atlas paths opposite-small --collapsed
    """


@supernodes_command.command("list", cls=Question)
@graph_or_several
@question_command
def list_command(atlas: Atlas, graph: str) -> Result:
    """List the supernodes of GRAPH and their nodes.

    \b
    Examples:
      circuit-atlas supernodes list opposite-small
      circuit-atlas supernodes list --graph opposite-small --graph dallas
    """
    return atlas.graph(graph).supernodes()


@supernodes_command.command("links", cls=Question)
@graph_or_several
@click.option("-k", "--k", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="At most this many.")
@question_command
def links_command(atlas: Atlas, graph: str, k: int) -> Result:
    """Show the effects of the supernodes of GRAPH on each other, as circuit-tracer's frontend draws them.

    \b
    Examples:
      circuit-atlas supernodes links opposite-small
    """
    return atlas.graph(graph).supernode_links(k=k)


@supernodes_command.command("create")
@graph_argument
@click.argument("name", required=False)
@click.argument("nodes", nargs=-1, metavar="[NODE]...")
@click.option("--matching", metavar="TEXT", help="Group nodes whose name or explanation contains this, in any case.")
@click.option("--same-feature", is_flag=True, help="One supernode for each feature active at several positions.")
@click.option(
    "--kind",
    "kinds",
    type=KIND,
    multiple=True,
    help="With --matching, only nodes of this kind; repeatable.  [default: feature]",
)
@click.option("--layer", "layers", type=IntRange(), multiple=True, help="Only nodes in these layers, 5 or 5-10.")
@click.option("--position", "positions", type=IntRange(), multiple=True, help="Only nodes at these positions.")
@click.option("--replace", is_flag=True, help="Replace a supernode of that name.")
@atlas_command
def create_command(
    atlas: Atlas,
    graph: str,
    name: str | None,
    nodes: tuple[str, ...],
    matching: str | None,
    same_feature: bool,
    kinds: tuple[str, ...],
    layers: tuple[range, ...],
    positions: tuple[range, ...],
    replace: bool,
) -> Result:
    """Create a supernode NAME in GRAPH from the NODEs given or from nodes --matching a text; with --same-feature, one
    for each feature.

    \b
    Examples:
      circuit-atlas supernodes create dallas capital feature:0/6264@4 feature:0/37416@4
      circuit-atlas supernodes create dallas Texas --matching Texas --layer 10-25
      circuit-atlas supernodes create night --same-feature
    """
    limits: dict[str, Any] = {"layers": layers, "positions": positions, "replace": replace}
    handle = atlas.graph(graph)
    if same_feature:
        if name or nodes or matching or kinds:
            raise click.UsageError(
                "--same-feature takes no NAME, NODE, --matching or --kind: the features give the names."
            )
        return handle.create_supernodes_of_features(**limits)
    if not name:
        raise click.UsageError("Give the supernode a NAME.")
    return handle.create_supernode(name, nodes, matching=matching, kinds=kinds, **limits)


@supernodes_command.command("suggest")
@graph_argument
@click.option("--circuit", metavar="NAME", help="Only the features of this circuit.")
@click.option(
    "--features",
    type=click.IntRange(2, 500),
    help="At most this many, those with the most influence.  [default: 50; with --circuit, all]",
)
@click.option("--groups", type=click.IntRange(1, 500), help="Merge until this many groups are left.")
@click.option(
    "--similarity",
    type=click.FloatRange(-1, 1),
    help="Merge groups that are at least this similar.  [default: 0.3, unless --groups is given]",
)
@click.option("--layer-span", type=click.IntRange(0), help="The layers of a group differ by at most this many.")
@click.option(
    "--position-span",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The positions of a group differ by at most this many.",
)
@click.option(
    "--to",
    "targets",
    multiple=True,
    metavar="NODE",
    help="Measure influence on this node; repeatable.  [default: logits]",
)
@click.option("--write", is_flag=True, help="Store the supernodes.")
@click.option("--replace", is_flag=True, help="With --write, delete those that were suggested before.")
@atlas_command
def suggest_command(atlas: Atlas, graph: str, **options: Any) -> Result:
    """Suggest supernodes of GRAPH: groups of features that play the same role.

    Features are alike if the same nodes act on them, and they on the same nodes. The graph collapsed by the groups has
    no cycle. Flow kept is the share of the influence to and from these features that remains then.

    \b
    Examples:
      circuit-atlas supernodes suggest dallas
      circuit-atlas supernodes suggest dallas --features 30 --groups 8
      circuit-atlas supernodes suggest dallas --write --replace
    """
    if options["replace"] and not options["write"]:
        raise click.UsageError("--replace needs --write.")
    return atlas.graph(graph).suggest_supernodes(**options)


@supernodes_command.command("copy")
@click.argument("source", metavar="SOURCE")
@click.argument("target", metavar="TARGET")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--replace", is_flag=True, help="Replace supernodes of these names.")
@atlas_command
def copy_command(atlas: Atlas, source: str, target: str, names: tuple[str, ...], replace: bool) -> Result:
    """Copy supernodes of SOURCE, or those of these NAMEs, to the graph TARGET.

    A node is found again by its transcoder feature: at the same position, else wherever the feature is active. What
    TARGET does not have is listed.

    \b
    Examples:
      circuit-atlas supernodes copy night winter
    """
    return atlas.graph(source).copy_supernodes(target, *names, replace=replace)


@supernodes_command.command("delete")
@graph_argument
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@atlas_command
def delete_supernodes_command(atlas: Atlas, graph: str, names: tuple[str, ...]) -> None:
    """Delete supernodes of GRAPH by NAME; their nodes stay.

    \b
    Examples:
      circuit-atlas supernodes delete dallas Texas
    """
    atlas.graph(graph).delete_supernode(*names)
    echo(f"Deleted {', '.join(names)}.", err=True)
