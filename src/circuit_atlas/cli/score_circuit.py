"""`score-circuit`: how much of a graph some of its nodes keep."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import click

from circuit_atlas.cli.circuit import check_replace
from circuit_atlas.cli.path_options import explain_option
from circuit_atlas.cli.questions import Question, complete_graphs, graph_collapsed_or_several, question_command

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.queries.search import SearchHit
    from circuit_atlas.results.answer import Result

GROUP = "Questions about a graph"


_FORMS = "not JSON of paths, search or circuit, or a list of addresses"


def _read_json(_ctx: click.Context, _parameter: click.Parameter, file: IO[str] | None) -> Any:
    """The document in a file; read once, also for several graphs."""
    try:
        return None if file is None else json.load(file)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{_FORMS}: {error!r:.200}") from error


@click.command("score-circuit", cls=Question)
@graph_collapsed_or_several
@click.argument("nodes", nargs=-1, metavar="[NODE]...")
@click.option(
    "--supernode", "supernodes", multiple=True, metavar="NAME", help="All nodes of this supernode; repeatable."
)
@click.option("--pinned", is_flag=True, help="The nodes that the graph's file pins.")
@click.option("--circuit", metavar="NAME", help="The nodes of the stored circuit of this name.")
@click.option(
    "--of",
    metavar="OTHER",
    shell_complete=complete_graphs,
    help="With --circuit: the graph that has it. Its features are looked for in GRAPH.",
)
@click.option(
    "--file",
    "document",
    type=click.File("r"),
    callback=_read_json,
    help="Nodes from JSON that `paths`, `search` or `circuit` printed, or a list of addresses; - for stdin.",
)
@explain_option
@click.option("--name", help="Store the nodes under this name, as a circuit.")
@click.option("--replace", is_flag=True, help="Replace a circuit of that name.")
@question_command
def score_circuit_command(atlas: Atlas, graph: str, nodes: tuple[str, ...], document: Any, **options: Any) -> Result:
    """Score a circuit of GRAPH: the NODEs, and those that options name. Features left out count as errors.

    \b
    Examples:
      circuit-atlas score-circuit dallas 20/44686@10 feature:16/89970@9
      circuit-atlas score-circuit opposite-small --pinned
      circuit-atlas score-circuit opposite-small --supernode small --supernode opposite
      circuit-atlas paths dallas -k 20 | circuit-atlas score-circuit dallas --file -
    """
    check_replace(options)
    listed = [] if document is None else _nodes_of(document, graph)
    return atlas.graph(graph).score_circuit([*nodes, *listed], **options)


def _nodes_of(document: Any, graph: str) -> list[str | SearchHit]:
    """The addresses in a file, or the hits of a search."""
    try:
        return _addresses(document, graph)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise click.BadParameter(_FORMS, param_hint="--file") from error


def _addresses(document: Any, graph: str) -> list[str | SearchHit]:
    if isinstance(document, dict):
        if document.get("graph", graph) != graph:
            raise click.BadParameter(f"it is about the graph {document['graph']!r:.200}", param_hint="--file")
        if "paths" in document:
            # A contrast is a target, and no node.
            contrast = document["contrast"]["node"]["key"] if document.get("contrast") else None
            return [node["key"] for path in document["paths"] for node in path["nodes"] if node["key"] != contrast]
        if "hits" in document:
            return [_hit(hit.get("feature"), hit["places"]) for hit in document["hits"]]
        return [found["node"]["key"] for found in document["nodes"]]
    if not isinstance(document, list) or not all(isinstance(address, str) for address in document):
        raise click.BadParameter(_FORMS, param_hint="--file")
    return list(document)


def _hit(feature: Any, places: list[dict[str, Any]]) -> SearchHit:
    """A hit of a search. Only the graph and the key of each place must be present."""
    from circuit_atlas.queries.node_results import TranscoderFeature
    from circuit_atlas.queries.search import Activation, SearchHit

    needed = {"model", "source_set", "layer", "index"}
    known = feature if isinstance(feature, dict) and needed <= feature.keys() else None
    return SearchHit(
        kind="",
        text="",
        score=0.0,
        feature=known and TranscoderFeature(**{name: known.get(name) for name in (*needed, "component")}),
        graphs=0,
        places=[Activation(graph=place["graph"], key=place["key"], position=None) for place in places],
    )
