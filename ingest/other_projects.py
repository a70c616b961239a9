"""Recognises files of other projects by their shape, so that a refusal can say what a file is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Recognised(NamedTuple):
    """The description of a file of another project, and advice on what to give instead."""

    what: str
    fix: str


_ANOTHER = "Give a file made by circuit-tracer's create_graph_files or downloaded from Neuronpedia."
_ELEUTHER_ID = re.compile(r"intermediate_\d+_\d+_\d+|(?:input|output|error)_\d+(?:_\d+)?")


def _of_eleuther(document: Mapping[str, Any]) -> bool:
    nodes, metadata = document.get("nodes"), document.get("metadata")
    if not isinstance(nodes, list) or not isinstance(metadata, dict) or not nodes:
        return False
    ids = [node.get("node_id") for node in nodes[:20] if isinstance(node, dict)]
    return bool(ids) and all(isinstance(one, str) and _ELEUTHER_ID.fullmatch(one) for one in ids)


def _is_mapping(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda document: all(isinstance(document.get(name), dict) for name in names)


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda document: all(name in document for name in names)


_ELEUTHER = Recognised(
    "a graph of EleutherAI's attribute, whose weights lack the activations and so are not direct effects",
    "Run circuit-tracer on the same prompt (circuit-atlas attribute), and give that graph.",
)
_JSON: tuple[tuple[Callable[[Mapping[str, Any]], bool], Recognised], ...] = (
    (_is_mapping("cfg", "nodes", "edges"), Recognised("a circuit of EAP-IG: heads and MLPs, not features", _ANOTHER)),
    (
        _has("directed", "multigraph", "nodes"),
        Recognised("a graph that networkx wrote (node_link_data)", "Give the graph file that it was made from."),
    ),
    (
        _is_mapping("elements"),
        Recognised("a graph that Cytoscape wrote", "Give the graph file that it was made from."),
    ),
    (
        _has("examples_quantiles"),
        Recognised("a page of one feature for circuit-tracer's frontend", "Give a graph, from the folder graph_data."),
    ),
    (
        _has("modelId", "layer", "index"),
        Recognised("a feature of Neuronpedia", "Give a graph; `circuit-atlas explain --from` reads explanations."),
    ),
    (
        lambda document: isinstance(document.get("graphs"), list),
        Recognised("a list of graphs (graph-metadata.json)", "Give the graphs that it lists, one file each."),
    ),
)
_PT: tuple[tuple[Callable[[Mapping[str, Any]], bool], Recognised], ...] = (
    (
        _has("kept_ids", "pruned_adj"),
        Recognised("the result of a pruning by a fork of circuit-tracer", "Give the graph that was pruned."),
    ),
    (
        _has("lorsa_active_features"),
        Recognised("a graph of OpenMOSS's Language-Model-SAEs", "Export it as .json there, and give that file."),
    ),
    (
        _has("src_nodes", "dst_nodes", "edges_in_graph"),
        Recognised("a circuit of EAP-IG: heads and MLPs, not features", _ANOTHER),
    ),
    (_has("nodes", "edges", "examples"), Recognised("a circuit of feature-circuits (sparse autoencoders)", _ANOTHER)),
)


def recognised_json(document: Mapping[str, Any]) -> Recognised | None:
    """The description of a JSON object of another project; None if its form is unknown."""
    if _of_eleuther(document):
        return _ELEUTHER
    nodes = document.get("nodes")
    is_ours = (
        "links" in document
        and isinstance(nodes, list)
        and all(not isinstance(node, dict) or "node_id" in node for node in nodes[:1])
    )
    return None if is_ours else next((found for fits, found in _JSON if fits(document)), None)


def recognised_pt(content: Mapping[str, Any]) -> Recognised | None:
    """The description of the dict of a `.pt` of another project; None if its form is unknown."""
    return next((found for fits, found in _PT if fits(content)), None)
