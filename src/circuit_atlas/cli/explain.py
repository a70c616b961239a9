"""`explain`: fetches and imports explanations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.cli.options import atlas_command, given_options
from circuit_atlas.cli.output import echo
from circuit_atlas.cli.questions import some_graphs

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.explain import ExplainResult
    from circuit_atlas.results.answer import Result

GROUP = "Explanations"


@click.command("explain")
@some_graphs
@click.option("--all", "every", is_flag=True, help="The features of all graphs.")
@click.option("--tag", help="The features of graphs with this tag.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most this many features.")
@click.option("--refetch", is_flag=True, help="Ask again for features that were asked for before.")
@click.option("--url", help="Address of Neuronpedia.  [env: NEURONPEDIA_URL; default: https://www.neuronpedia.org]")
@click.option("--concurrency", type=click.IntRange(1, 64), default=8, show_default=True, help="Concurrent requests.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=25_000,
    show_default=True,
    metavar="N",
    help="Requests an hour, at most; one request is for up to 100 features.",
)
@click.option(
    "--from",
    "files",
    multiple=True,
    type=click.Path(exists=True),
    metavar="FILE",
    help="Instead, import a file of Neuronpedia's exports, a table, or a folder of them; repeatable.",
)
@click.option("--model", help="With --from: the language model that a table is about.")
@click.option("--source-set", help="With --from: the set of transcoders that a table is about.")
@click.option("--all-features", is_flag=True, help="With --from: also features that are active in no graph.")
@click.option(
    "--max-size",
    type=click.FloatRange(0, min_open=True),
    default=8.0,
    show_default=True,
    metavar="GB",
    help="With --from: largest size of all files together once decompressed.",
)
@atlas_command
def explain_command(
    atlas: Atlas, graphs: tuple[str, ...], every: bool, tag: str | None, files: tuple[str, ...], **options: Any
) -> Result:
    """Fetch explanations of the features of each GRAPH from Neuronpedia, the most influential first.

    Each feature is asked for once, whatever the number of graphs; the same command resumes where an earlier one
    stopped. The explanation becomes the name of the feature's nodes. NEURONPEDIA_API_KEY is sent along if it is set.
    The exit code is 1 if an answer cannot be read, 3 if Neuronpedia cannot be reached.

    \b
    Examples:
      circuit-atlas explain dallas --limit 100
      circuit-atlas explain --all
      circuit-atlas explain --from examples/labels.tsv --model gemma-2-2b --source-set gemmascope-transcoder-16k
    """
    importing = {name: options.pop(name) for name in ("model", "source_set", "all_features", "max_size")}
    _check_given(
        options if files else importing,
        "cannot be combined with --from FILE" if files else "cannot be used without --from FILE",
    )
    if files:
        if graphs or every or tag:
            raise click.UsageError("--from applies to all graphs: leave out GRAPH, --all and --tag.")
        return atlas.import_explanations(*files, **importing)
    if bool(graphs or tag) == every:
        raise click.UsageError("Give GRAPH or --tag, or --all, or --from FILE.")
    result = atlas.explain(*graphs, tag=tag, **options)
    _warn(result)
    return result


def _check_given(names: Iterable[str], problem: str) -> None:
    """Refuse options that would be ignored, if they are given."""
    if given := given_options(*names):
        raise click.UsageError(f"{', '.join(given)} {problem}.")


def _warn(result: ExplainResult) -> None:
    from circuit_atlas.explain.fetch import unknown_source_set

    for skipped in result.skipped:
        echo(f"Warning: {unknown_source_set(skipped)}", err=True)
    if result.asked and not result.explained:
        echo("Warning: Neuronpedia explains none of these features. Check the set of transcoders.", err=True)
