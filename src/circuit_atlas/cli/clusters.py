"""`clusters`: groups of graphs that are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import FILE_PATH, atlas_command, similarity_options, tags_option
from circuit_atlas.cli.output import echo
from circuit_atlas.cli.pages import check_page, open_option, write_page
from circuit_atlas.cli.questions import some_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions across prompts"


@click.command("clusters")
@some_graphs
@tags_option
@similarity_options
@click.option(
    "--groups",
    type=click.IntRange(1),
    metavar="N",
    help="How many groups.  [default: the number with the largest silhouette]",
)
@click.option(
    "--threshold",
    type=click.FloatRange(-1, 1),
    metavar="X",
    help="Join groups whose mean similarity is X or more, instead of a number of groups.",
)
@click.option(
    "-k",
    "--k",
    type=click.IntRange(0, 100),
    default=5,
    show_default=True,
    help="How many characteristic features of each group.",
)
@click.option(
    "--page",
    type=FILE_PATH,
    metavar="FILE",
    help="Write the dendrogram and a heat map: .html, .png, .svg or .pdf.",
)
@open_option
@click.option("--tag-groups", metavar="PREFIX", help="Tag the graphs of each group: PREFIX-1, PREFIX-2, ...")
@atlas_command
def clusters_command(
    atlas: Atlas,
    graphs: tuple[str, ...],
    page: str | None,
    opened: bool,
    tag_groups: str | None,
    **options: Any,
) -> Result:
    """Group graphs that are alike.

    For each group: the mean similarity of its graphs to each other and to the rest, with 95 % intervals, how stable the
    group is, and the features that are characteristic of it.

    \b
    Examples:
      circuit-atlas clusters --tag analogies
      circuit-atlas clusters --tag analogies --groups 3 --by edge --page analogies.html
      circuit-atlas clusters --tag analogies --threshold 0.25 --tag-groups alike
    """
    check_page(page, opened)
    found = atlas.clusters(*graphs, **options)
    if page is not None:
        write_page(atlas.view_clusters(found), page, opened)
    if tag_groups is not None:
        atlas.tag_groups(found, tag_groups)
        echo(f"Tagged the graphs of {len(found.groups):,} groups: {tag_groups}-1, ...", err=True)
    return found
