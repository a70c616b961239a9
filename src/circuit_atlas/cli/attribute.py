"""`attribute`: from a prompt to a stored graph."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.attribution.options import BACKENDS, DTYPES, OFFLOADS
from circuit_atlas.attribution.prompts import named_prompt
from circuit_atlas.cli.ingest import warn, warn_of_all
from circuit_atlas.cli.options import FILE_PATH, atlas_command, new_tags_option, together

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.results.answer import Result

GROUP = "Graphs and files"

_tracer_options = together(
    click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="TOKEN",
        help="Explain this output token; repeatable.  [default: the most probable tokens]",
    ),
    click.option("--max-n-logits", type=click.IntRange(1), help="At most this many output tokens.  [default: 10]"),
    click.option(
        "--desired-logit-prob",
        type=click.FloatRange(0, 1),
        help="Take the most probable tokens until they reach this probability together.  [default: 0.95]",
    ),
    click.option(
        "--max-feature-nodes",
        type=click.IntRange(1),
        help="At most this many features, the most influential.  [default: all active ones]",
    ),
    click.option("--batch-size", type=click.IntRange(1), help="Rows of the matrix per backward pass.  [default: 512]"),
    click.option(
        "--offload", type=click.Choice(OFFLOADS), help="Where to put the parts of the model that are not needed."
    ),
    click.option("--update-interval", type=click.IntRange(1), help="Batches between two rankings.  [default: 4]"),
    click.option("--verbose", is_flag=True, help="Let circuit-tracer report what it does."),
    click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        default=BACKENDS[0],
        show_default=True,
        help="The library that runs the model.",
    ),
    click.option("--device", metavar="DEVICE", help="cuda, cuda:1, cpu, ...  [default: a GPU if there is one]"),
    click.option("--dtype", type=click.Choice(DTYPES), default=DTYPES[0], show_default=True, help="Type of weights."),
    click.option(
        "--lazy-encoder/--no-lazy-encoder",
        default=False,
        show_default=True,
        help="Read encoders from disk when they are needed.",
    ),
    click.option(
        "--lazy-decoder/--no-lazy-decoder",
        default=True,
        show_default=True,
        help="Read decoders from disk when they are needed.",
    ),
)


@click.command("attribute")
@click.argument("prompt", required=False)
@click.option(
    "--prompts",
    type=FILE_PATH,
    metavar="FILE",
    help="Prompts, one a line, or JSON lines with `prompt` and `name`.",
)
@click.option(
    "--each-position", is_flag=True, help="Attribute at each position of the prompt: graphs NAME@1, NAME@2, ..."
)
@click.option("--model", help="Name of a model, or its folder.  [default: the model of the transcoders]")
@click.option("--transcoders", required=True, help="gemma, llama, USER/REPOSITORY[@REVISION], or a folder.")
@click.option("--name", help="Name of the graph.  [default: the words of the prompt]")
@click.option(
    "--output",
    type=click.Path(),
    metavar="PATH",
    help="The .pt to write, or a folder for it; with --prompts, a folder.  [default: NAME.pt]",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Attribute prompts again that are already stored or saved, and replace their graphs.",
)
@new_tags_option
@click.option("--node-threshold", type=click.FloatRange(0, 1), help="Store nodes with this share of influence.")
@click.option("--edge-threshold", type=click.FloatRange(0, 1), help="Store edges with this share of influence.")
@click.option("--source-set", help="Neuronpedia's name of the transcoders, if it cannot be derived from theirs.")
@_tracer_options
@atlas_command
def attribute_command(
    atlas: Atlas,
    prompt: str | None,
    prompts: str | None,
    name: str | None,
    output: str | None,
    targets: tuple[str, ...],
    each_position: bool,
    **options: Any,
) -> Result:
    """Run circuit-tracer's attribution on PROMPT, save the graph as .pt, and store it.

    Options are those of circuit-tracer's `attribute`, with its defaults. A prompt that is already stored or
    saved is left as it is: the same command resumes where an earlier one stopped. A prompt that fails does not stop
    the others; the exit code is then 1.

    \b
    Examples:
      circuit-atlas attribute "Fact: The capital of the state containing Dallas is" --transcoders gemma
      circuit-atlas attribute --prompts prompts.txt --output graphs --transcoders gemma --dtype bfloat16
      circuit-atlas attribute "Fact: ..." --each-position --name capital --tag capital --transcoders gemma
    """
    if (prompt is None) == (prompts is None):
        raise click.UsageError("Give a PROMPT, or a file of them with --prompts.")
    options["attribution_targets"] = list(targets) or None
    if prompt is not None and not each_position:
        result = atlas.attribute(prompt, name=name, output="./" if output is None else output, **options).ingested
        warn(result.graph, result.warnings)
        return result
    if name is not None and prompt is None:
        raise click.UsageError("--name is for one prompt. To name several, write JSON lines with `prompt` and `name`.")
    if output is not None and os.path.isfile(output):
        raise click.UsageError("With --prompts or --each-position, --output must be a folder.")
    wanted = str(prompts) if prompt is None else [named_prompt(prompt, name)]
    folder = "." if output is None else output
    results = atlas.attribute_all(wanted, each_position=each_position, output=folder, **options)
    warn_of_all(results)
    return results
