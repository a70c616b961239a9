"""Writes circuit-tracer's JSON, link by link."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from circuit_atlas.export.node_fields import node_fields, node_id
from circuit_atlas.files import replacing
from circuit_atlas.graph.data import KINDS, GraphData
from circuit_atlas.graph.link_order import unpacked_order
from circuit_atlas.graph.qparams import write_supernodes
from circuit_atlas.schema.keys import Kind

_BLOCK = 100_000
NEW_QPARAMS: dict[str, Any] = {"pinnedIds": [], "supernodes": [], "linkType": "both", "clickedId": "", "sg_pos": ""}


class JsonContent(NamedTuple):
    """What a JSON file says: its nodes, its links, each as JSON text, and in `head` all other fields."""

    head: dict[str, Any]
    nodes: list[dict[str, Any]]
    links: Iterable[str]


def write_json(data: GraphData, path: Path) -> None:
    """Write a graph as the JSON of circuit-tracer's `create_graph_files`, see `json_content`.

    Raises:
        InputError: the file cannot be written.
    """
    write_content(json_content(data), path)


def json_content(data: GraphData) -> JsonContent:
    """A graph as circuit-tracer's `create_graph_files` writes it.

    A graph that was read from a JSON file gets the fields that it had there, and its links in the same order. Other
    graphs get circuit-tracer's fields, and links in order of target, then source. `qParams` has the graph's present
    supernodes; a file without `qParams` stays without, unless supernodes were made.
    """
    metadata = data.metadata
    head = {
        "metadata": metadata.file_metadata if metadata.source_format == "json" else _new_metadata(data),
        **_qparams(data),
        **metadata.file_extra,
    }
    return JsonContent(head, [node_fields(data, i) for i in range(len(data.nodes))], _in_file_order(data))


def write_content(content: JsonContent, path: Path) -> None:
    """Write a JSON file, link by link.

    Raises:
        InputError: the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(_dump(content.head)[:-1] + ',"nodes":[\n')
        file.write(",\n".join(map(_dump, content.nodes)))
        file.write('\n],"links":[\n')
        for i, link in enumerate(content.links):
            file.write(link if i == 0 else ",\n" + link)
        file.write("\n]}\n")


def with_pins(data: GraphData, ordinals: list[int]) -> GraphData:
    """A graph whose `qParams` pin the nodes with these ordinals, and no others, in the frontend."""
    metadata = data.metadata
    # With supernodes that are those of the graph, so that their members are not pinned when it is written.
    qparams = write_supernodes(
        {**NEW_QPARAMS, **metadata.file_qparams}, data.nodes, data.supernodes, partial(node_id, data)
    )
    qparams = {**qparams, "pinnedIds": [node_id(data, i) for i in ordinals]}
    form = {name: value for name, value in metadata.file_form.items() if name != "without_qparams"}
    return replace(data, metadata=metadata.model_copy(update={"file_qparams": qparams, "file_form": form}))


def _in_file_order(data: GraphData) -> Iterator[str]:
    """The links, in the order of the file that the graph was read from."""
    order = data.metadata.file_form.get("link_order")
    if order is None:
        yield from _links(data)
        return
    links = list(_links(data))
    yield from (links[i] for i in unpacked_order(order, len(links)).tolist())


def _links(data: GraphData) -> Iterator[str]:
    ids = [_dump(node_id(data, i)) for i in range(len(data.nodes))]
    extras = {(extra.target, extra.source): extra.extra for extra in data.edge_extras}
    for block in data.edges.blocks(_BLOCK):
        columns = zip(block.target.tolist(), block.source.tolist(), block.weight.tolist(), strict=True)
        if not extras:
            yield from [f'{{"source":{ids[s]},"target":{ids[t]},"weight":{weight!r}}}' for t, s, weight in columns]
            continue
        for target, source, weight in columns:
            extra = extras.get((target, source))
            rest = f",{extra[1:-1]}" if extra else ""
            yield f'{{"source":{ids[source]},"target":{ids[target]},"weight":{weight!r}{rest}}}'
    for target, source, fields in data.metadata.file_form.get("zero_links", []):
        yield f'{{"source":{ids[source]},"target":{ids[target]},"weight":0.0{"," * bool(fields)}{_dump(fields)[1:]}'


def _new_metadata(data: GraphData) -> dict[str, Any]:
    """circuit-tracer's fields. A graph that was never pruned has no threshold: Neuronpedia's schema has no null there,
    and its page then shows all nodes."""
    metadata = data.metadata
    scan = metadata.file_metadata.get("scan")  # of a `.pt`, where several transcoders have one name each
    return {
        "slug": metadata.slug,
        "scan": metadata.scan or metadata.source_set,
        "transcoder_list": scan if isinstance(scan, list) else [],
        "prompt_tokens": metadata.tokens or list(_token_texts(data)),
        "prompt": metadata.prompt,
        **({} if metadata.node_threshold is None else {"node_threshold": metadata.node_threshold}),
        "schema_version": 1,
        "info": {"model": metadata.model, "source_set": metadata.source_set},  # which the scan alone may not show
    }


def _token_texts(data: GraphData) -> Iterator[str]:
    """The texts of the tokens, which have no positions in an aggregate."""
    for i in np.flatnonzero(data.nodes.kind == KINDS.index(Kind.TOKEN)):
        yield data.nodes.token[i] or ""


def _qparams(data: GraphData) -> dict[str, Any]:
    """The field `qParams`, or nothing."""
    metadata = data.metadata
    if metadata.file_form.get("without_qparams") and not data.supernodes:
        return {}
    is_kept = metadata.source_format == "json" and not (data.supernodes and not metadata.file_qparams)
    known = metadata.file_qparams if is_kept else metadata.file_qparams or NEW_QPARAMS
    return {"qParams": write_supernodes(known, data.nodes, data.supernodes, partial(node_id, data))}


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
