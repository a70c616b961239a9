"""`search`: full-text search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command
from circuit_atlas.cli.path_options import IntRange
from circuit_atlas.cli.questions import complete_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Questions across prompts"


@click.command("search")
@click.argument("text")
@click.option("--model", default="", help="Only features of this language model.")
@click.option(
    "--layer", "layers", type=IntRange(), multiple=True, help="Only features of these layers, 5 or 5-10; repeatable."
)
@click.option("--graph", default="", shell_complete=complete_graphs, help="Only matches that are active in this graph.")
@click.option("--tag", default="", help="Only matches that are active in graphs with this tag.")
@click.option("-k", "--k", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many.")
@click.option(
    "--places", type=click.IntRange(0, 1000), default=5, show_default=True, help="How many activations of each match."
)
@click.option("--raw", is_flag=True, help="TEXT is in the syntax of Lucene's query parser.")
@atlas_command
def search_command(atlas: Atlas, text: str, **options: Any) -> Result:
    """Find features by their explanations and labels, tokens and logits by their text, and where they are active.

    Finds texts with all words of TEXT (or words that begin with them), in any order and case; if there are none, texts
    with some of them.

    \b
    Examples:
      circuit-atlas search "opposite"
      circuit-atlas search "texas location" --graph dallas -k 5
      circuit-atlas search '"say a" AND (texas OR california)' --raw
    """
    return atlas.search(text, **options)
